package poe

import (
	"slices"

	"thermarack/collector/internal/snmp"
)

// maxSupplies and maxSupplyWatts are more than a stack has. Some switches put
// nonsense into the column of what is used; a supply with that is left out.
const (
	maxSupplies    = 256
	maxSupplyWatts = 100_000
)

// supplyColumns are what is read of the supplies.
func (p *profile) supplyColumns() []snmp.OID {
	var roots []snmp.OID
	if p.Standard {
		for _, column := range []uint32{mainPower, mainStatus, mainUsed, mainThreshold} {
			roots = append(roots, pethMainPse(column))
		}
	}
	for _, root := range []object{p.Supply.Watts, p.Supply.Used, p.Supply.Free} {
		if root != nil {
			roots = append(roots, snmp.OID(root))
		}
	}
	return roots
}

// supplies returns the supplies by group: those of the profile's own table, else of
// RFC 3621. One whose watts are not known, or not believed, is left out.
func (r reading) supplies() []Supply {
	all := r.ownSupplies()
	if len(all) == 0 {
		all = r.standardSupplies()
	}
	slices.SortFunc(all, func(a, b Supply) int { return a.Group - b.Group })
	return all[:min(len(all), maxSupplies)]
}

func (r reading) standardSupplies() []Supply {
	watts, used := r.column(pethMainPse(mainPower)), r.column(pethMainPse(mainUsed))
	states, thresholds := r.column(pethMainPse(mainStatus)), r.column(pethMainPse(mainThreshold))
	var all []Supply
	for row, cell := range watts {
		s := Supply{}
		if n, ok := states.number(row); ok && int64(SupplyOn) <= n && n <= int64(SupplyFaulty) {
			s.Status = SupplyStatus(n)
		}
		// A threshold of 0 is what agents say that have none.
		if n, ok := thresholds.number(row); ok && 0 < n && n < 100 && r.Threshold == "" {
			s.Threshold = pointer(float64(n) / 100)
		}
		given, _ := watts.number(row)
		taken, ok := used.number(row)
		if ok && s.fill(cell.index, float64(given), float64(taken)) {
			all = append(all, s)
		}
	}
	return all
}

func (r reading) ownSupplies() []Supply {
	watts, used, free := r.column(snmp.OID(r.Supply.Watts)), r.column(snmp.OID(r.Supply.Used)), r.column(snmp.OID(r.Supply.Free))
	var all []Supply
	for row, cell := range watts {
		given, _ := watts.number(row)
		taken, ok := used.number(row)
		if left, known := free.number(row); known {
			taken, ok = given-left, true
		}
		s := Supply{}
		if !ok || !s.fill(cell.index, r.Supply.Unit.watts(given), r.Supply.Unit.watts(taken)) {
			continue
		}
		s.Group += 1 - first(r.Supply.First)
		all = append(all, s)
	}
	return all
}

// first returns a number that counting begins with: 1 when none is given.
func first(n *int) int {
	if n == nil {
		return 1
	}
	return *n
}

// fill sets group and watts; ok is false when they are not believed.
func (s *Supply) fill(index snmp.OID, watts, used float64) (ok bool) {
	if len(index) != 1 || index[0] > 1<<31-2 {
		return false
	}
	s.Group, s.Watts, s.Used = int(index[0]), watts, used
	return 0 < watts && watts <= maxSupplyWatts && 0 <= used && used <= maxSupplyWatts
}
