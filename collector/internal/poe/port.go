package poe

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"thermarack/collector/internal/snmp"
)

// maxPorts is more PoE ports than the largest chassis has. A switch that says more
// is not believed.
const maxPorts = 4096

// maxWatts is more than any port gives: 802.3bt ends at 90 W, vendors' own at 150.
const maxWatts = 1000

// columns are the parts of the PoE tables that change from poll to poll.
func (p *profile) columns(table object) []snmp.OID {
	var roots []snmp.OID
	if p.Standard {
		for _, column := range []uint32{pseAdmin, pseStatus, pseClass, pseDenied, pseOverload, pseShort} {
			roots = append(roots, pethPsePort(column))
		}
	}
	if table != nil {
		for _, column := range []uint32{p.Admin.Column, p.Power.Column, p.Power.Allocated, p.Class.Column, p.Status.Column} {
			if column > 0 {
				roots = append(roots, table.column(column))
			}
		}
	}
	return roots
}

// A reading holds the columns of one poll.
type reading struct {
	*profile
	answers
	table object // its own; nil when the switch has none
}

// standard returns a column of RFC 3621, own one of the profile's table; empty
// where there is none.
func (r reading) standard(column uint32) cells { return r.column(pethPsePort(column)) }

func (r reading) own(column uint32) cells {
	if column == 0 || r.table == nil {
		return nil
	}
	return r.column(r.table.column(column))
}

// ports returns the ports of the PoE tables in their order, with what those say.
// The error wraps ErrTables.
func (r reading) ports() ([]Port, error) {
	indexes, err := r.indexes()
	if err != nil {
		return nil, err
	}
	ports := make([]Port, len(indexes))
	for i, index := range indexes {
		ports[i].Index = index.String()
	}
	r.readStates(ports)
	r.readPower(ports)
	r.readCounters(ports)
	for i := range ports {
		ports[i].conclude()
	}
	return ports, nil
}

// indexes returns the index of each row that any column has, sorted. Rows whose
// index can be none of a port are left out.
func (r reading) indexes() ([]snmp.OID, error) {
	var all []snmp.OID
	for _, root := range r.columns(r.table) {
		for _, cell := range r.column(root) {
			if len(cell.index) <= 2 {
				all = append(all, cell.index)
			}
		}
	}
	slices.SortFunc(all, snmp.OID.Compare)
	all = slices.CompactFunc(all, func(a, b snmp.OID) bool { return slices.Equal(a, b) })
	if len(all) > maxPorts {
		return nil, fmt.Errorf("%d ports with PoE: more than %d are not believed (%w)", len(all), maxPorts, ErrTables)
	}
	return all, nil
}

// readStates fills in admin, status and class.
func (r reading) readStates(ports []Port) {
	admins, ownAdmins := r.standard(pseAdmin), r.own(r.Admin.Column)
	states, ownStates := r.standard(pseStatus), r.own(r.Status.Column)
	classes, ownClasses := r.standard(pseClass), r.own(r.Class.Column)
	for i := range ports {
		p := &ports[i]
		p.Admin = cmp.Or(r.Admin.of(ownAdmins, p.Index), adminOf(admins, p.Index))
		p.Status = cmp.Or(r.Status.of(ownStates, p.Index), statusOf(states, p.Index))
		if n, ok := ownClasses.number(p.Index); ok && 0 <= n && n <= r.Class.Most {
			p.Class = pointer(int(n))
		} else if n, ok := classes.number(p.Index); ok && 1 <= n && n <= 9 {
			p.Class = pointer(int(n - 1)) // RFC 3621 says class + 1
		}
	}
}

func pointer[T any](v T) *T { return &v }

// adminOf reads a TruthValue (RFC 2579).
func adminOf(c cells, row string) *bool {
	if n, _ := c.number(row); n == 1 || n == 2 {
		return pointer(n == 1)
	}
	return nil
}

func (a admin) of(c cells, row string) *bool {
	n, ok := c.number(row)
	switch {
	case ok && slices.Contains(a.On, n):
		return pointer(true)
	case ok && slices.Contains(a.Off, n):
		return pointer(false)
	}
	return nil
}

// statusOf reads pethPsePortDetectionStatus. Extreme's switches say 0, which the
// standard does not know, where PoE is switched off.
func statusOf(c cells, row string) Status {
	n, ok := c.number(row)
	switch {
	case ok && n == 0:
		return Disabled
	case ok && int64(Disabled) <= n && n <= int64(OtherFault):
		return Status(n)
	}
	return 0
}

func (s status) of(c cells, row string) Status {
	if n, ok := c.number(row); ok {
		return Status(s.Values[strconv.FormatInt(n, 10)])
	}
	return Status(s.Values[strings.ToLower(strings.TrimSpace(c.text(row)))])
}

// readPower fills in the watts.
func (r reading) readPower(ports []Port) {
	watts, allocated := r.own(r.Power.Column), r.own(r.Power.Allocated)
	metered := map[string]bool{} // by group: a blade of a chassis, a member of a stack
	for row := range watts {
		n, _ := watts.number(row)
		if set, ok := allocated.number(row); !ok || n != set {
			metered[group(row)] = true
		}
	}
	for i := range ports {
		p := &ports[i]
		n, ok := watts.number(p.Index)
		if !ok || n < 0 || r.Power.Unit.watts(n) > maxWatts {
			continue
		}
		p.Power = pointer(r.Power.Unit.watts(n))
		p.Measured = metered[group(p.Index)]
	}
}

// group returns the group of a row, "" where ports have no groups.
func group(row string) string {
	group, _, _ := strings.Cut(row, ".")
	if len(group) == len(row) {
		return ""
	}
	return group
}

// readCounters fills in what is counted.
func (r reading) readCounters(ports []Port) {
	denied, overload, short := r.standard(pseDenied), r.standard(pseOverload), r.standard(pseShort)
	for i := range ports {
		p := &ports[i]
		p.Denied, p.Overload, p.Short = counterOf(denied, p.Index), counterOf(overload, p.Index), counterOf(short, p.Index)
	}
}

func counterOf(c cells, row string) *uint32 {
	if n, ok := c.number(row); ok && 0 <= n && n < 1<<32 {
		return pointer(uint32(n))
	}
	return nil
}

// conclude adds a status where the switch has none: what gives watts delivers, what
// is switched off is disabled. Off beats a table's "searching" for the same reason.
// A class means nothing but while power is delivered (RFC 3621).
func (p *Port) conclude() {
	switch {
	case p.Status == 0 && p.Power != nil && *p.Power > 0:
		p.Status = Delivering
	case (p.Status == 0 || p.Status == Searching) && p.Admin != nil && !*p.Admin:
		p.Status = Disabled
	}
	if p.Status != Delivering {
		p.Class = nil
	}
}
