package poe

import (
	"context"
	"slices"

	"thermarack/collector/internal/snmp"
)

// A family is a profile, and which of its tables the switch has: nil for none.
type family struct {
	*profile
	table object
}

// identify finds the family of a switch by its sysObjectID, and by which of the
// tables of list are there.
func identify(ctx context.Context, src snmp.Source, list []profile, id snmp.OID) (family, error) {
	roots := []snmp.OID{pethPsePort(pseStatus)}
	for _, p := range list {
		for _, table := range p.Tables {
			roots = append(roots, table.column(p.Power.Column))
		}
	}
	a, err := walk(ctx, src, roots...)
	if err != nil {
		return family{}, err
	}
	return choose(list, id, a), nil
}

// choose takes, of those that are there, the family whose sysObjectID fits best: a
// switch may bear its seller's number and its maker's table. A switch with no table
// that is known is what its number says, unless it has only the standard's.
func choose(list []profile, id snmp.OID, a answers) family {
	var byBoth, byTable, byID, last family
	fits := 0
	for i := range list {
		f := family{&list[i], list[i].present(a)}
		n := f.fits(id)
		switch {
		case f.Manual && len(list) > 1:
		case n > fits && (f.table != nil || len(f.Tables) == 0):
			byBoth, fits = f, n
		case f.table != nil && byTable.profile == nil:
			byTable = f
		case n > 0 && (f.Standard || len(a.column(pethPsePort(pseStatus))) == 0):
			byID = f
		case len(f.Tables) == 0 && len(f.Objects) == 0:
			last = f
		}
	}
	for _, f := range []family{byBoth, byTable, byID, last} {
		if f.profile != nil {
			return f
		}
	}
	return family{&list[0], list[0].present(a)} // the only one, asked for by name
}

// present returns the first of p's tables that has rows.
func (p *profile) present(a answers) object {
	i := slices.IndexFunc(p.Tables, func(table object) bool { return len(a.column(table.column(p.Power.Column))) > 0 })
	if i < 0 {
		return nil
	}
	return p.Tables[i]
}

// fits returns how much of a sysObjectID the longest of p's has in common with it,
// 0 when none begins it.
func (p *profile) fits(id snmp.OID) int {
	most := 0
	for _, prefix := range p.Objects {
		if _, ok := id.Under(snmp.OID(prefix)); ok {
			most = max(most, len(prefix))
		}
	}
	return most
}
