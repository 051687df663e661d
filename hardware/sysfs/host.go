package sysfs

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
)

const netDir = "sys/class/net"

// ErrNoMAC reports a host without a network interface whose hardware address
// can name it. Look whether the interface's driver is loaded, or name the node
// by hand.
var ErrNoMAC = errors.New("sysfs: no hardware address in sys/class/net; load the driver of a network interface, or give the node's address by hand")

// A Host is who the host is. A field is "" if the host has none of it.
type Host struct {
	Model  string // such as "Raspberry Pi 3 Model B Rev 1.2"
	Serial string // of the board, 16 hex digits on a Raspberry Pi
	MAC    string // 12 lower-case hex digits
}

// Identity returns who the host is, as far as it tells. The error is the first
// one of a file that is there but cannot be read; the other fields are good.
func Identity(root fs.FS) (Host, error) {
	var h Host
	var modelErr, serialErr, macErr error
	h.Model, modelErr = Model(root)
	h.Serial, serialErr = Serial(root)
	h.MAC, macErr = MAC(root)
	for _, err := range []error{modelErr, serialErr, macErr} {
		if err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, ErrNoMAC) {
			return h, err
		}
	}
	return h, nil
}

// Model returns the board's name from the device tree, such as "Raspberry Pi 3
// Model B Plus Rev 1.3". The error wraps fs.ErrNotExist on a host without a
// device tree, such as a PC.
//
// File: proc/device-tree/model.
func Model(root fs.FS) (string, error) { return property(root, "model") }

// Serial returns the board's serial number from the device tree. The error
// wraps fs.ErrNotExist on a host without one.
//
// File: proc/device-tree/serial-number.
func Serial(root fs.FS) (string, error) { return property(root, "serial-number") }

// property reads a NUL-terminated string of the device tree. proc/device-tree
// is a link with an absolute target, which a root that is not / may not be able
// to follow; the same directory has its true name below sys.
func property(root fs.FS, name string) (string, error) {
	file := path.Join("proc/device-tree", name)
	b, err := fs.ReadFile(root, file)
	if err != nil {
		inSys, sysErr := fs.ReadFile(root, path.Join("sys/firmware/devicetree/base", name))
		if sysErr != nil {
			return "", inFile(file, err)
		}
		b = inSys
	}
	text, _, _ := bytes.Cut(b, []byte{0})
	return strings.TrimSpace(string(text)), nil
}

// MAC returns the hardware address that names the host, as 12 lower-case hex
// digits: that of eth0, else of the first interface in the order of names that
// has a device behind it, which bridges, bonds, tunnels and loopback have not.
//
// An address that is malformed, all zeros or the broadcast address is passed
// over. The error wraps ErrNoMAC if none is left, and says what was refused;
// any other error says that the interfaces could not be listed.
//
// Files: sys/class/net/*/{address,device}.
func MAC(root fs.FS) (string, error) {
	entries, err := fs.ReadDir(root, netDir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", inFile(netDir, err)
	}
	names := []string{"eth0"}
	for _, e := range entries {
		// Lstat, because a copied tree may lack what the link points to.
		_, err := fs.Lstat(root, path.Join(netDir, e.Name(), "device"))
		if err == nil && !slices.Contains(names, e.Name()) {
			names = append(names, e.Name())
		}
	}
	refused := ErrNoMAC
	for _, name := range names {
		mac, err := readMAC(root, path.Join(netDir, name, "address"))
		if err == nil {
			return mac, nil
		}
		if !errors.Is(err, fs.ErrNotExist) {
			refused = fmt.Errorf("%w (%v)", ErrNoMAC, err)
		}
	}
	return "", refused
}

// readMAC reads an address such as "b8:27:eb:00:00:01".
func readMAC(root fs.FS, file string) (string, error) {
	s, err := readLine(root, file)
	if err != nil {
		return "", err
	}
	groups := strings.Split(strings.ToLower(s), ":")
	mac := strings.Join(groups, "")
	uneven := func(g string) bool { return len(g) != 2 }
	if _, err := hex.DecodeString(mac); err != nil || len(groups) != 6 || slices.ContainsFunc(groups, uneven) {
		return "", inFile(file, fmt.Errorf("%.30q is no hardware address of six bytes", s))
	}
	if mac == "000000000000" || mac == "ffffffffffff" {
		return "", inFile(file, fmt.Errorf("%s names no host", s))
	}
	return mac, nil
}
