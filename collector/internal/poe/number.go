package poe

import (
	"cmp"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"thermarack/collector/internal/snmp"
)

// A label is the name of a port, taken apart: "Gi3/0/17" is "Gi", [3 0], 17.
type label struct {
	prefix string
	unit   []int // member of a stack, slot of it; empty where the name has one number
	port   int
}

// labelled is the end of a port's name. Numbers of more digits count something else.
var labelled = regexp.MustCompile(`^(.*?)((?:\d{1,4}[/:])*)(\d{1,4})$`)

// labelOf returns the label that name ends with; ok is false when it ends with no
// number.
func labelOf(name string) (l label, ok bool) {
	m := labelled.FindStringSubmatch(name)
	if m == nil {
		return label{}, false
	}
	for _, number := range strings.FieldsFunc(m[2], func(r rune) bool { return r == '/' || r == ':' }) {
		n, _ := strconv.Atoi(number)
		l.unit = append(l.unit, n)
	}
	l.prefix = m[1]
	l.port, _ = strconv.Atoi(m[3])
	return l, true
}

// compare orders labels as the ports of a stack stand: unit after unit.
func (l label) compare(m label) int {
	return cmp.Or(slices.Compare(l.unit, m.unit), strings.Compare(l.prefix, m.prefix), l.port-m.port)
}

// member returns the number of the unit of a stack, 0 where names have none.
func (l label) member() int {
	if len(l.unit) == 0 {
		return 0
	}
	return l.unit[0]
}

// number sets the Number of ports, which are those with PoE in the order of their
// table. Where one unit has them all and the numbers at the end of their names are
// unique and begin with 1, it is that number: what is printed on the front. Else
// they are counted through: unit after unit by their names, or in the order of
// the table when a name says nothing.
func number(ports []Port) {
	labels := make([]label, len(ports))
	order := make([]int, len(ports))
	for i := range ports {
		order[i] = i
		l, ok := labelOf(ports[i].Name)
		if !ok {
			labels = nil
			break
		}
		labels[i] = l
	}
	if printed(labels) {
		for i := range ports {
			ports[i].Number = labels[i].port
		}
		return
	}
	if labels != nil {
		slices.SortStableFunc(order, func(i, j int) int { return labels[i].compare(labels[j]) })
		for n, i := range order {
			ports[i].Number = n + 1
		}
		return
	}
	for i := range ports {
		ports[i].Number = i + 1
	}
}

// printed tells whether the ports of labels can be told by their last number.
func printed(labels []label) bool {
	taken := map[int]bool{}
	for _, l := range labels {
		if l.port == 0 || taken[l.port] || l.member() != labels[0].member() {
			return false
		}
		taken[l.port] = true
	}
	return len(labels) > 0
}

// A roster remembers which ports with PoE a switch has shown, so that the others
// keep their numbers when a member of a stack is off. One that has shown more than
// maxPorts makes them up, and they are counted anew.
type roster map[string]Port // by Index; only Index and Name

// number sets the Number of ports as if all that were ever shown were there.
func (r roster) number(ports []Port) {
	r.add(ports)
	if len(r) > maxPorts {
		clear(r)
		r.add(ports)
	}
	all := make([]Port, 0, len(r))
	for _, p := range r {
		all = append(all, p)
	}
	slices.SortFunc(all, func(a, b Port) int { return compareIndexes(a.Index, b.Index) })
	number(all)
	numbers := make(map[string]int, len(all))
	for _, p := range all {
		numbers[p.Index] = p.Number
	}
	for i := range ports {
		ports[i].Number = numbers[ports[i].Index]
	}
}

func (r roster) add(ports []Port) {
	for _, p := range ports {
		if _, known := r[p.Index]; p.Name != "" || !known {
			r[p.Index] = Port{Index: p.Index, Name: p.Name}
		}
	}
}

// compareIndexes orders indexes of the PoE table as an agent walks.
func compareIndexes(a, b string) int {
	x, _ := snmp.ParseOID(a) // made by OID.String
	y, _ := snmp.ParseOID(b)
	return x.Compare(y)
}
