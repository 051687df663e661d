package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"os"

	"thermarack/agent/internal/sensors"
	"thermarack/agent/wire"
	"thermarack/hardware/i2c"
	"thermarack/hardware/onewire"
	"thermarack/hardware/sysfs"
	"thermarack/hardware/tach"
)

// A host is the machine whose files lie below a root.
type host struct {
	root string
	fs   fs.FS
	bulk onewire.Opener // nil if nothing may be written
}

// openHost opens the root. Below any root but "/" no link leads out of it, so
// that a fixture or a mount never shows this machine instead, and nothing is
// written.
func openHost(root string) (host, error) {
	if root == "/" {
		triggers, err := onewire.OpenTriggers(root)
		if err != nil {
			return host{}, err
		}
		return host{root, sysfs.Live(root), triggers}, nil // its absolute links are good
	}
	r, err := os.OpenRoot(root)
	if err != nil {
		return host{}, fmt.Errorf("open root: %w", err)
	}
	return host{root, r.FS(), nil}, nil // for as long as the program runs
}

// sensors says where to look for parts.
func (h host) sensors(node wire.Node, log *slog.Logger) sensors.Options {
	o := sensors.Options{Root: h.fs, Node: node, Log: log, Bulk: h.bulk}
	if h.root == "/" { // below another root there are files only
		o.I2C = openI2C
	}
	return o
}

// openI2C opens a bus of the machine, for as long as the program runs.
func openI2C(number int) (i2c.Bus, error) {
	bus, err := i2c.Open(number)
	if err != nil {
		return nil, err
	}
	return bus, nil
}

// openPin takes a GPIO of the machine, for as long as the program runs.
func openPin(gpio int) (tach.Pin, error) {
	line, err := tach.OpenPin(gpio)
	if err != nil {
		return nil, err
	}
	return line, nil
}

// node returns the MAC below the root, else otherwise.
func (h host) node(otherwise wire.Node) (wire.Node, error) {
	mac, err := sysfs.MAC(h.fs)
	switch {
	case err == nil:
		return wire.ParseNode(mac)
	case otherwise != "":
		return otherwise, nil
	case errors.Is(err, sysfs.ErrNoMAC):
		return "", fmt.Errorf("no MAC address below %s: give --node", h.root)
	}
	return "", err
}

// anyNode is node for commands that publish nothing: they warn and go on.
func (h host) anyNode(otherwise wire.Node, stderr io.Writer) wire.Node {
	node, err := h.node(otherwise)
	if err != nil {
		fmt.Fprintf(stderr, "thermarack-agent: warning: %v; the node is shown as %s\n", err, wire.NoNode)
		return wire.NoNode
	}
	return node
}

// inventory says what the node is.
func (h host) inventory(node wire.Node, set *sensors.Set) wire.Inventory {
	id, _ := sysfs.Identity(h.fs) // what cannot be read stays empty
	return wire.Inventory{
		Model: id.Model, Serial: id.Serial, MAC: string(node),
		Addresses: h.addresses(), Agent: buildVersion(), Parts: set.Inventory(),
	}
}

// addresses returns the machine's own, unless another one's files are read.
func (h host) addresses() []string {
	if h.root != "/" {
		return nil
	}
	all, err := net.InterfaceAddrs()
	if err != nil {
		return nil // the inventory goes without
	}
	var list []string
	for _, a := range all {
		if n, ok := a.(*net.IPNet); ok && n.IP.IsGlobalUnicast() {
			list = append(list, n.IP.String())
		}
	}
	return list
}
