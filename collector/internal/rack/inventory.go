package rack

import "thermarack/agent/wire"

// maxInventories bounds what nodes say of themselves, all together, in bytes. A
// Pi with a full shelf of probes takes 4 KB.
const maxInventories = 64 << 20

// takeInventory remembers what a node says of itself, and tells whether there was
// room for it.
func (m *Model) takeInventory(node *Node, i *wire.Inventory) bool {
	sum := m.inventories - sizeOf(node.Inventory) + sizeOf(i)
	if sum > maxInventories {
		return false
	}
	m.inventories, node.Inventory = sum, i
	return true
}

// sizeOf is about what an inventory takes; 0 for none.
func sizeOf(i *wire.Inventory) int {
	if i == nil {
		return 0
	}
	const fixed, header = 128, 16 // of the struct, and of each string
	n := fixed + len(i.Model) + len(i.Serial) + len(i.MAC) + len(i.Agent)
	for _, a := range i.Addresses {
		n += header + len(a)
	}
	for _, p := range i.Parts {
		n += 3*header + len(p.Device) + len(p.Part) + len(p.Bus)
	}
	return n
}
