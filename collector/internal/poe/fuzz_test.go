package poe_test

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"thermarack/agent/wire"
	"thermarack/collector/internal/poe"
	"thermarack/collector/internal/snmp"
)

// columns are what a hostile switch fills: all that is read of one.
var columns = []string{
	"1.3.6.1.2.1.1.2", "1.3.6.1.2.1.1.3", "1.3.6.1.2.1.1.5", "1.3.6.1.2.1.17.1.1", "1.3.6.1.2.1.2.1",
	"1.3.6.1.2.1.31.1.1.1.1", "1.3.6.1.2.1.2.2.1.2", "1.3.6.1.2.1.17.1.4.1.2",
	"1.3.6.1.2.1.105.1.1.1.3", "1.3.6.1.2.1.105.1.1.1.6", "1.3.6.1.2.1.105.1.1.1.10", "1.3.6.1.2.1.105.1.1.1.12",
	"1.3.6.1.2.1.105.1.3.1.1.2", "1.3.6.1.2.1.105.1.3.1.1.3", "1.3.6.1.2.1.105.1.3.1.1.4", "1.3.6.1.2.1.105.1.3.1.1.5",
	"1.3.6.1.2.1.17.4.3.1.2", "1.3.6.1.2.1.17.4.3.1.3", "1.3.6.1.2.1.17.7.1.2.2.1.2", "1.3.111.2.802.1.1.4.1.2.2.1.2",
	"1.0.8802.1.1.2.1.4.1.1.4", "1.0.8802.1.1.2.1.4.1.1.5", "1.0.8802.1.1.2.1.4.1.1.6", "1.0.8802.1.1.2.1.4.1.1.7",
	"1.0.8802.1.1.2.1.4.1.1.12", "1.0.8802.1.1.2.1.3.7.1.3",
	"1.3.6.1.4.1.9.9.402.1.2.1.9", "1.3.6.1.4.1.9.9.402.1.2.1.7", "1.3.6.1.4.1.9.9.402.1.2.1.11", "1.3.6.1.2.1.47.1.3.2.1.2",
	"1.3.6.1.4.1.9.6.1.101.108.1.1.5", "1.3.6.1.4.1.14988.1.1.15.1.1.3", "1.3.6.1.4.1.14988.1.1.15.1.1.6",
	"1.3.6.1.4.1.11863.6.56.1.1.2.1.1.7", "1.3.6.1.4.1.11863.6.56.1.1.2.1.1.11", "1.3.6.1.4.1.11863.6.56.1.1.1.1", "1.3.6.1.4.1.11863.6.56.1.1.1.3",
	"1.3.6.1.4.1.2011.5.25.195.3.1.7", "1.3.6.1.4.1.2011.5.25.195.3.1.10", "1.3.6.1.4.1.1991.1.1.2.14.4.1.1.2", "1.3.6.1.4.1.1991.1.1.2.14.4.1.1.3",
}

// A tape gives bytes of a fuzzer, then zeros.
type tape []byte

func (t *tape) next() byte {
	if len(*t) == 0 {
		return 0
	}
	b := (*t)[0]
	*t = (*t)[1:]
	return b
}

// big makes a number of a byte; the highest are at the edges of what a number can be.
func (t *tape) big() int64 {
	edges := []int64{-1, 1 << 31, 1<<31 - 1, 1<<32 - 1, math.MinInt64, math.MaxInt64}
	b := t.next()
	if i := int(b) - (256 - len(edges)); i >= 0 {
		return edges[i]
	}
	return int64(b)
}

// value makes a value of any kind.
func (t *tape) value() snmp.Value {
	v := snmp.Value{Kind: snmp.Kind(t.next() % 6)}
	switch v.Kind {
	case snmp.Integer, snmp.Counter:
		v.Int = t.big()
	case snmp.Text, snmp.Address:
		for range t.next() % 12 {
			v.Bytes = append(v.Bytes, t.next())
		}
	case snmp.Identifier:
		v.ID = snmp.OID{1, 3, 6, 1, 2, 1, 2, 2, 1, 1}[:t.next()%11].Append(uint32(t.big()))
	}
	return v
}

// hostile makes a switch of what a fuzzer wants.
func hostile(t testing.TB, data []byte) *snmp.Recording {
	t.Helper()
	var vars []snmp.Var
	for tape := tape(data); len(tape) > 0; {
		root, err := snmp.ParseOID(columns[int(tape.next())%len(columns)])
		if err != nil {
			t.Fatal(err)
		}
		for range tape.next() % 10 {
			root = root.Append(uint32(tape.big()))
		}
		vars = append(vars, snmp.Var{OID: root, Value: tape.value()})
	}
	return snmp.NewRecording(vars)
}

func FuzzAnySwitchIsUnderstoodOrRefused(f *testing.F) {
	f.Add([]byte{9, 2, 1, 1, 1, 3, 5, 1, 1, 2, 3, 'g', 'i', '1', 10, 2, 1, 1, 1, 5})
	f.Add([]byte{26, 2, 3, 5, 5, 100, 28, 2, 3, 5, 1, 7, 29, 2, 7, 0, 4, 10, 5, 5, 1, 5, 2, 3, 'F', '/', '1'})
	f.Add([]byte{16, 6, 184, 39, 235, 0, 0, 1, 1, 1, 7, 1, 1, 1, 1, 18, 7, 9, 184, 39, 235, 0, 0, 1, 1, 1, 17, 6, 184, 39, 235, 0, 0, 1, 1, 4})
	f.Add([]byte{24, 3, 0, 1, 1, 2, 2, 0x20, 0, 25, 1, 1, 2, 3, 'g', 'i', '1', 12, 1, 1, 5, 255, 14, 1, 1, 5, 250})
	f.Add([]byte{34, 1, 1, 1, 2, 33, 1, 1, 1, 20, 35, 1, 0, 1, 150, 36, 1, 0, 1, 40, 38, 1, 255, 1, 5, 37, 1, 5, 2, 7, 'P', 'o', 'w', 'e', 'r', 'e', 'd'})
	f.Fuzz(func(t *testing.T, data []byte) {
		src := hostile(t, data)
		for _, name := range poe.ProfileNames() {
			r := reader(t, src, name)
			s, err := r.Read(t.Context())
			if err != nil {
				if !errors.Is(err, poe.ErrTables) {
					t.Fatalf("%s: %v", name, err)
				}
				continue
			}
			sound(t, s)
			again, err := r.Read(t.Context())
			if diff := gocmp.Diff(s, again); err != nil || diff != "" {
				t.Fatalf("%s: read again: %v\n%s", name, err, diff)
			}
		}
	})
}

// sound holds what Switch promises.
func sound(t *testing.T, s poe.Switch) {
	t.Helper()
	taken := map[int]bool{}
	for i, p := range s.Ports {
		if (p.Index == "") != (p.Number == 0) || p.Number > 0 && taken[p.Number] || p.IfIndex < 0 {
			t.Errorf("port %d of %q", i, rows(s))
		}
		taken[p.Number] = true
		if p.Class != nil && (p.Status != poe.Delivering || *p.Class < 0 || *p.Class > 8) || p.Status != 0 && p.Status.String() == "" {
			t.Errorf("state of %s", row(p))
		}
		if p.Power != nil && !(0 <= *p.Power && *p.Power <= 1000) {
			t.Errorf("power of %s", row(p))
		}
		if !slices.IsSorted(p.MACs) || slices.Contains(p.MACs, s.MAC) || len(slices.Compact(slices.Clone(p.MACs))) != len(p.MACs) {
			t.Errorf("addresses of %s", row(p))
		}
		for _, mac := range p.MACs {
			if node, err := wire.ParseNode(string(mac)); err != nil || node != mac {
				t.Errorf("address %q: %v", mac, err)
			}
		}
	}
	for _, u := range s.Supplies {
		if !(u.Watts > 0 && u.Used >= 0) || u.Threshold != nil && !(0 < *u.Threshold && *u.Threshold < 1) {
			t.Errorf("supply %s", fmt.Sprint(u))
		}
	}
	if poe.Locations(map[string]poe.Switch{"sw": s}) == nil {
		t.Error("no places")
	}
}
