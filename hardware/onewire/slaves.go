package onewire

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"
)

const (
	devices      = "sys/bus/w1/devices"
	masterPrefix = "w1_bus_master"
)

// A Slave is one thermometer that the kernel has found.
type Slave struct {
	Dir    string // below the root, such as "sys/bus/w1/devices/28-0000055f311a"
	Master string // its bus, such as "w1_bus_master1"; "" if the kernel does not say
	ROM    ROM
}

// Slaves returns the thermometers on all bus masters below root, in the order
// of their names. It does no traffic on the bus.
//
// A host without 1-Wire yields none and no error. The address is that of the
// slave's id file if there is one. If an id cannot be read, fails its checksum
// or contradicts the directory's name, the slave is listed all the same, under
// its name's address, and the error names the first such file and their
// number: the slaves are good beside that error.
//
// A part that fell off the bus stays listed until the kernel gives it up, some
// 100 s later.
func Slaves(root fs.FS) ([]Slave, error) {
	entries, err := fs.ReadDir(root, devices)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("onewire: list slaves: %w", err)
	}
	masters := claims(root, entries)
	var slaves []Slave
	var bad []error
	for _, e := range entries {
		rom, err := ParseSlave(e.Name())
		if err != nil || rom.Part() == "" {
			continue // a master, or a slave that is no thermometer
		}
		s := Slave{Dir: path.Join(devices, e.Name()), ROM: rom}
		if err := s.checkID(root); err != nil {
			bad = append(bad, err)
		}
		if s.Master = linkedMaster(root, s.Dir); s.Master == "" {
			s.Master = masters[e.Name()]
		}
		slaves = append(slaves, s)
	}
	if len(bad) > 0 {
		err = fmt.Errorf("onewire: bad id on %d of %d slaves, the first: %w", len(bad), len(slaves), bad[0])
	}
	return slaves, err
}

// checkID compares the address with the one that the kernel holds in binary.
func (s Slave) checkID(root fs.FS) error {
	name := path.Join(s.Dir, "id")
	id, err := fs.ReadFile(root, name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil // the name is all there is
	case err != nil:
		return err
	case len(id) != len(s.ROM):
		return fmt.Errorf("%s: %d bytes, want %d", name, len(id), len(s.ROM))
	case CRC8(id[:7]) != id[7]:
		return fmt.Errorf("%s: % x ends in CRC %02x, want %02x", name, id, id[7], CRC8(id[:7]))
	case ROM(id) != s.ROM:
		return fmt.Errorf("%s: %s contradicts the directory's name, %s", name, ROM(id), s.ROM)
	}
	return nil
}

// linkedMaster returns the master's name from the link that the kernel makes
// of a slave's directory, ../../../devices/w1_bus_master1/28-…, or "".
func linkedMaster(root fs.FS, dir string) string {
	target, err := fs.ReadLink(root, dir)
	if err != nil {
		return "" // a copied tree without links
	}
	master := path.Base(path.Dir(target))
	if !strings.HasPrefix(master, masterPrefix) {
		return ""
	}
	return master
}

// claims maps the name of each slave to the master that lists it. A master
// whose list cannot be read claims nothing.
func claims(root fs.FS, entries []fs.DirEntry) map[string]string {
	masters := make(map[string]string)
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), masterPrefix) {
			continue
		}
		list, err := fs.ReadFile(root, path.Join(devices, e.Name(), "w1_master_slaves"))
		if err != nil {
			continue
		}
		for slave := range strings.FieldsSeq(string(list)) {
			masters[slave] = e.Name() // an empty list says "not found.", which is no slave's name
		}
	}
	return masters
}
