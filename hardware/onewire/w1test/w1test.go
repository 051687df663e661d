// Package w1test is a fake of the files by which Linux shows 1-Wire
// thermometers, with the kernel's sleeps, its lock on each bus and its traps.
//
// Reads and writes block as they do in the kernel. All time is that of package
// time, so that the fake runs in real time in a benchmark and in no time at all
// in a bubble of testing/synctest; make the Kernel inside the bubble then.
//
// What it copies is the behaviour of drivers/w1/slaves/w1_therm.c since 5.8, with
// the duration of each step on a bus whose slots are made in software.
package w1test

import (
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"
	"sync"
	"time"

	"thermarack/hardware/onewire"
)

// How long the steps on a bus take.
const (
	Command    = 5 * time.Millisecond  // reset, select, start a conversion
	Scratchpad = 15 * time.Millisecond // reset, select, nine bytes
	PowerQuery = 7 * time.Millisecond  // reset, select, one bit
)

// attempts is how often the kernel tries a step that fails.
const attempts = 5

const devices = "sys/bus/w1/devices"

// A Kernel is a host's root that holds the w1 devices and nothing else. It is
// an fs.FS and an onewire.Opener, and safe for concurrent use.
type Kernel struct {
	mu      sync.Mutex // of everything below it, never held through a sleep
	masters []*Master
	writes  []Write
	denied  error
}

// A Write is one write to a file.
type Write struct {
	Name string
	Data string
}

// New returns a host without a bus.
func New() *Kernel { return &Kernel{} }

// Deny lets every opening for writing fail with err, such as
// syscall.EACCES, until it is nil again.
func (k *Kernel) Deny(err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.denied = err
}

// Writes returns what was written so far, to any file, in order.
func (k *Kernel) Writes() []Write {
	k.mu.Lock()
	defer k.mu.Unlock()
	return slices.Clone(k.writes)
}

// Open opens a file of a device. Its text comes into being with the first Read,
// which blocks meanwhile.
func (k *Kernel) Open(name string) (fs.File, error) {
	show := k.reader(name)
	if show == nil {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	}
	return &file{name: path.Base(name), show: show}, nil
}

// ReadDir lists the devices. It knows no other directory.
func (k *Kernel) ReadDir(name string) ([]fs.DirEntry, error) {
	if name != devices {
		return nil, &fs.PathError{Op: "readdir", Path: name, Err: fs.ErrNotExist}
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	var names []string
	for _, m := range k.masters {
		names = append(names, m.name)
		for _, p := range m.probes {
			names = append(names, p.name)
		}
	}
	slices.Sort(names)
	var entries []fs.DirEntry
	for _, n := range names {
		entries = append(entries, fs.FileInfoToDirEntry(info{n, fs.ModeDir | 0o755}))
	}
	return entries, nil
}

// OpenWriter opens a file for writing. What is written is recorded, whatever
// the file, and has an effect in therm_bulk_read only.
func (k *Kernel) OpenWriter(name string) (io.WriteCloser, error) {
	k.mu.Lock()
	denied := k.denied
	k.mu.Unlock()
	switch {
	case denied != nil:
		return nil, &fs.PathError{Op: "open", Path: name, Err: denied}
	case k.reader(name) == nil:
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	}
	return &writer{k, name}, nil
}

type writer struct {
	kernel *Kernel
	name   string
}

// Write blocks for the bulk conversion if it triggers one, and always succeeds.
func (w *writer) Write(b []byte) (int, error) {
	k := w.kernel
	k.mu.Lock()
	k.writes = append(k.writes, Write{w.name, string(b)})
	m := k.master(path.Base(path.Dir(w.name)))
	k.mu.Unlock()
	if m != nil && path.Base(w.name) == "therm_bulk_read" && string(b) == "trigger\n" {
		m.trigger()
	}
	return len(b), nil
}

func (w *writer) Close() error { return nil }

// reader returns what makes the text of a file, or nil if there is no such file.
func (k *Kernel) reader(name string) func() string {
	dir, base := path.Split(name)
	if path.Dir(path.Clean(dir)) != devices {
		return nil
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	device := path.Base(dir)
	if m := k.master(device); m != nil {
		return m.reader(base)
	}
	for _, m := range k.masters {
		for _, p := range m.probes {
			if p.name == device {
				return p.reader(base)
			}
		}
	}
	return nil
}

func (k *Kernel) master(name string) *Master {
	for _, m := range k.masters {
		if m.name == name {
			return m
		}
	}
	return nil
}

// A file is an open file of sysfs.
type file struct {
	name string
	show func() string
	text io.Reader // nil before the first Read
}

func (f *file) Stat() (fs.FileInfo, error) { return info{f.name, 0o644}, nil }
func (f *file) Close() error               { return nil }

func (f *file) Read(b []byte) (int, error) {
	if f.text == nil {
		f.text = strings.NewReader(f.show())
	}
	return f.text.Read(b)
}

// An info describes a file as sysfs does: every one seems to be a page long.
type info struct {
	name string
	mode fs.FileMode
}

func (i info) Name() string       { return i.name }
func (i info) Size() int64        { return 4096 }
func (i info) Mode() fs.FileMode  { return i.mode }
func (i info) ModTime() time.Time { return time.Time{} }
func (i info) IsDir() bool        { return i.mode.IsDir() }
func (i info) Sys() any           { return nil }

// A Master is one bus.
type Master struct {
	kernel *Kernel
	name   string
	lock   chan struct{} // the kernel's bus_mutex; a channel, so that a bubble's time goes on
	probes []*Probe
	noBulk bool
	cut    time.Duration // when a signal ends the next trigger's sleep; 0 is never
}

// AddMaster adds a bus, whose name is w1_bus_master and its number, from 1.
func (k *Kernel) AddMaster() *Master {
	k.mu.Lock()
	defer k.mu.Unlock()
	m := &Master{kernel: k, name: fmt.Sprint("w1_bus_master", len(k.masters)+1), lock: make(chan struct{}, 1)}
	k.masters = append(k.masters, m)
	return m
}

// Name returns the bus's name.
func (m *Master) Name() string { return m.name }

// HideBulk takes the therm_bulk_read file away, as many kernels do on all buses
// but the first.
func (m *Master) HideBulk() {
	m.kernel.mu.Lock()
	defer m.kernel.mu.Unlock()
	m.noBulk = true
}

// InterruptTrigger lets a signal end the next trigger's sleep after d. The write
// succeeds all the same, and the flags say that all parts have converted.
func (m *Master) InterruptTrigger(d time.Duration) {
	m.kernel.mu.Lock()
	defer m.kernel.mu.Unlock()
	m.cut = d
}

// Hold takes the bus as the kernel's search for new parts does, or a bus that
// hangs. Everything on it blocks until release is called.
func (m *Master) Hold() (release func()) {
	m.lock <- struct{}{}
	return m.unlock
}

func (m *Master) unlock() { <-m.lock }

func (m *Master) reader(base string) func() string {
	switch base {
	case "w1_master_slaves":
		return m.slaves
	case "therm_bulk_read":
		if !m.noBulk {
			return m.flag
		}
	}
	return nil
}

func (m *Master) slaves() string {
	m.kernel.mu.Lock()
	defer m.kernel.mu.Unlock()
	if len(m.probes) == 0 {
		return "not found.\n"
	}
	var b strings.Builder
	for _, p := range m.probes {
		fmt.Fprintln(&b, p.name)
	}
	return b.String()
}

// flag says -1 while any part converts, 1 if the conversion of any was not read.
func (m *Master) flag() string {
	m.kernel.mu.Lock()
	defer m.kernel.mu.Unlock()
	flag := 0
	for _, p := range m.probes {
		if p.flag < 0 {
			return "-1\n"
		}
		flag = max(flag, p.flag)
	}
	return fmt.Sprintln(flag)
}

// trigger is trigger_bulk_read of the kernel.
func (m *Master) trigger() {
	k := m.kernel
	k.mu.Lock()
	wait, pullup, cut := m.survey(), m.parasites(), m.cut
	m.cut = 0
	k.mu.Unlock()
	if wait == 0 {
		return
	}
	m.lock <- struct{}{}
	if !m.reset() {
		m.unlock()
		m.setFlags(1) // the kernel's mistake
		return
	}
	time.Sleep(Command)
	k.mu.Lock()
	for _, p := range m.probes {
		p.start()
	}
	k.mu.Unlock()
	m.setFlags(-1)
	if !pullup {
		m.unlock()
	}
	sleep(wait, cut)
	if pullup {
		m.unlock()
	}
	m.setFlags(1) // after a signal as well
}

// survey returns how long the slowest part that takes part converts.
func (m *Master) survey() (wait time.Duration) {
	for _, p := range m.probes {
		if p.bulk() {
			wait = max(wait, p.wait())
		}
	}
	return wait
}

func (m *Master) parasites() bool {
	return slices.ContainsFunc(m.probes, func(p *Probe) bool { return p.Parasite && p.bulk() })
}

func (m *Master) setFlags(flag int) {
	m.kernel.mu.Lock()
	defer m.kernel.mu.Unlock()
	for _, p := range m.probes {
		if p.bulk() {
			p.flag = flag
		}
	}
}

// reset tells whether any part answers a reset; each try takes a millisecond.
func (m *Master) reset() bool {
	m.kernel.mu.Lock()
	answered := slices.ContainsFunc(m.probes, func(p *Probe) bool { return !p.unplugged })
	m.kernel.mu.Unlock()
	if !answered {
		time.Sleep(attempts * time.Millisecond)
	}
	return answered
}

// sleep sleeps for d, or until a signal comes after cut, which it reports.
func sleep(d, cut time.Duration) (whole bool) {
	if cut > 0 && cut < d {
		time.Sleep(cut)
		return false
	}
	time.Sleep(d)
	return true
}

// crc completes eight bytes.
func crc(pad [8]byte) [9]byte { return [9]byte(append(pad[:], onewire.CRC8(pad[:]))) }
