package poe

import (
	"context"
	"maps"
	"slices"
	"strconv"
	"strings"

	"thermarack/collector/internal/snmp"
)

// Interfaces are what leads from a switch's tables to its interfaces. They change
// when somebody rebuilds the switch only.
type interfaces struct {
	names    map[int]string // by ifIndex: ifName, else ifDescr
	byName   map[string]int
	byLabel  map[[2]int]int // by first and last number of the name: 1/0/17; 0 where several have these
	byPort   map[int]int    // by the last number alone, likewise
	bridged  map[int]int    // by port of the bridge
	entities cells          // ifIndexes by row of the PoE table
}

// readInterfaces reads what p needs to know of the interfaces of a switch.
func readInterfaces(ctx context.Context, src snmp.Source, p *profile, table object) (*interfaces, error) {
	roots := []snmp.OID{ifName(), dot1dBasePortIfIndex()}
	if p.Interface.By == byEntity && table != nil {
		roots = append(roots, table.column(p.Interface.Column), entAliasMappingIdentifier())
	}
	a, err := walk(ctx, src, roots...)
	if err != nil {
		return nil, err
	}
	names := a.column(ifName())
	if len(names) == 0 {
		if a, err := walk(ctx, src, ifDescr()); err != nil {
			return nil, err
		} else {
			names = a.column(ifDescr())
		}
	}
	n := &interfaces{bridged: bridgePorts(a.column(dot1dBasePortIfIndex()))}
	n.name(names)
	if p.Interface.By == byEntity && table != nil {
		n.entities = entityInterfaces(a.column(table.column(p.Interface.Column)), a.column(entAliasMappingIdentifier()))
	}
	return n, nil
}

// name fills in what follows from the names.
func (n *interfaces) name(names cells) {
	n.names, n.byName, n.byLabel, n.byPort = map[int]string{}, map[string]int{}, map[[2]int]int{}, map[int]int{}
	for row := range names {
		if index := rowNumber(row); index > 0 {
			n.names[index] = names.text(row)
		}
	}
	for _, index := range slices.Sorted(maps.Keys(n.names)) {
		name := n.names[index]
		if _, taken := n.byName[name]; !taken && name != "" {
			n.byName[name] = index
		}
		l, ok := labelOf(name)
		if !ok || len(l.unit) == 0 {
			continue // "Vlan1" is no port 1
		}
		only(n.byLabel, [2]int{l.unit[0], l.port}, index)
	}
	for key, index := range n.byLabel {
		only(n.byPort, key[1], index)
	}
}

// only notes the interface that a key leads to. Of two, nobody can say which.
func only[K comparable](m map[K]int, key K, index int) {
	if _, taken := m[key]; taken {
		index = 0
	}
	m[key] = index
}

// rowNumber returns the number that a row of one index is, 0 when it is none.
func rowNumber(row string) int {
	n, err := strconv.ParseInt(row, 10, 32)
	if err != nil {
		return 0
	}
	return int(n)
}

func bridgePorts(c cells) map[int]int {
	ports := make(map[int]int, len(c))
	for row := range c {
		if port, index := rowNumber(row), c.indexed(row); port > 0 && index > 0 {
			ports[port] = index
		}
	}
	return ports
}

// entityInterfaces leads from rows of the PoE table by their entPhysicalIndex, and
// by the ifIndex that entAliasMappingIdentifier has for that, to an interface. A
// part that is several interfaces leads nowhere.
func entityInterfaces(entities, aliases cells) cells {
	found := map[string]int64{}
	for _, alias := range aliases {
		instance, ok := alias.ID.Under(ifIndex())
		if alias.Kind != snmp.Identifier || !ok || len(instance) != 1 || len(alias.index) != 2 {
			continue
		}
		entity := alias.index[:1].String()
		if _, taken := found[entity]; taken {
			found[entity] = 0
			continue
		}
		found[entity] = int64(instance[0])
	}
	c := make(cells, len(entities))
	for row, cell := range entities {
		n, _ := entities.number(row)
		cell.Value = snmp.Value{Kind: snmp.Integer, Int: found[strconv.FormatInt(n, 10)]}
		c[row] = cell
	}
	return c
}

// of returns the interface of a row of p's PoE table, 0 when that is not known.
func (n *interfaces) of(p *profile, row string) int {
	group, port, two := strings.Cut(row, ".")
	if !two {
		group, port = "", row
	}
	index := 0
	switch p.Interface.By {
	case byIfIndex:
		index = rowNumber(port)
	case byEntity:
		index = n.entities.indexed(row)
	case byName:
		index = n.labelled(group, rowNumber(port)-1+first(p.Interface.First), first(p.Interface.First))
	}
	if _, known := n.names[index]; !known {
		return 0
	}
	return index
}

// labelled returns the interface whose name ends with port, of the unit that group
// is; units are counted from the number from. A switch without groups has one unit.
func (n *interfaces) labelled(group string, port, from int) int {
	if group != "" {
		return n.byLabel[[2]int{rowNumber(group) - 1 + from, port}]
	}
	return n.byPort[port]
}

// bridge returns the interface of a port of the MAC table, 0 when that is not known.
func (n *interfaces) bridge(p *profile, port int) int {
	index := n.bridged[port]
	if index == 0 && p.Bridge == byName {
		index = n.labelled("", port, 1)
	}
	return n.physical(index)
}

// physical returns the interface that index is a sub-interface of: ge-0/0/0 for
// ge-0/0/0.0; index itself when it is none.
func (n *interfaces) physical(index int) int {
	name := n.names[index]
	if dot := strings.LastIndexByte(name, '.'); dot > 0 && rowNumber(name[dot+1:]) >= 0 {
		if parent, ok := n.byName[name[:dot]]; ok {
			return parent
		}
	}
	return index
}
