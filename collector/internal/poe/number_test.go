package poe_test

import (
	"fmt"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"thermarack/collector/internal/poe"
	"thermarack/collector/internal/snmp"
)

// named makes a switch whose PoE table has a port for each name, in their order.
func named(t testing.TB, names ...string) *snmp.Recording {
	t.Helper()
	var b strings.Builder
	for i, name := range names {
		fmt.Fprintf(&b, "psePrt.6.1.%d|2|2\n", i+1)
		if name != "" {
			fmt.Fprintf(&b, "ifName.%d|4x|%x\n", i+1, name)
		}
	}
	return said(t, b.String())
}

func numbers(s poe.Switch) []string {
	var list []string
	for _, p := range s.Ports {
		list = append(list, fmt.Sprintf("%d %s", p.Number, p.Name))
	}
	return list
}

func TestPortsAreNumberedAsOnTheFront(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		names []string
		want  []string
	}{
		{"one unit, as printed", []string{"Gi0/1", "Gi0/2", "Gi0/24"}, []string{"1 Gi0/1", "2 Gi0/2", "24 Gi0/24"}},
		{"names without a unit", []string{"gi17", "gi18"}, []string{"17 gi17", "18 gi18"}},
		{"bare numbers", []string{"17", "3"}, []string{"3 3", "17 17"}},
		{"the third member of a stack alone", []string{"Fa3/0/1", "Fa3/0/48"}, []string{"1 Fa3/0/1", "48 Fa3/0/48"}},
		{"two kinds of ports, numbered through", []string{"Fa0/1", "Fa0/2", "Gi0/3"}, []string{"1 Fa0/1", "2 Fa0/2", "3 Gi0/3"}},
		{"two kinds of ports that begin with 1 each", []string{"Gi0/1", "Fa0/2", "Fa0/1"}, []string{"1 Fa0/1", "2 Fa0/2", "3 Gi0/1"}},
		{"a stack is counted through", []string{"2/1/1", "1/1/2", "1/1/1", "10/1/1"}, []string{"1 1/1/1", "2 1/1/2", "3 2/1/1", "4 10/1/1"}},
		{"slots with colons", []string{"2:1", "1:2", "10:1"}, []string{"1 1:2", "2 2:1", "3 10:1"}},
		{"modules with letters", []string{"B1", "A1", "A2"}, []string{"1 A1", "2 A2", "3 B1"}},
		{"one module with a letter", []string{"B7", "B8"}, []string{"7 B7", "8 B8"}},
		{"Juniper counts from 0, a layout from 1", []string{"ge-0/0/0", "ge-0/0/1"}, []string{"1 ge-0/0/0", "2 ge-0/0/1"}},
		{"a name without a number: the order of the table", []string{"kitchen", "ether9"}, []string{"1 kitchen", "2 ether9"}},
		{"a port without a name", []string{"gi5", "", "gi4"}, []string{"1 gi5", "2 ", "3 gi4"}},
		{"a number too long to be a port's", []string{"gi100000001", "gi100000002"}, []string{"1 gi100000001", "2 gi100000002"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := read(t, named(t, tt.names...), "rfc3621-ifindex")
			if diff := gocmp.Diff(tt.want, numbers(s)); diff != "" {
				t.Errorf("numbers (-want +got):\n%s", diff)
			}
		})
	}
}

func TestTheOthersKeepTheirNumbersWhileAMemberIsOff(t *testing.T) {
	t.Parallel()
	src := &changing{now: named(t, "1/1/1", "1/1/2", "2/1/1", "3/1/1")}
	r := reader(t, src, "rfc3621-ifindex")
	if _, err := r.Read(t.Context()); err != nil {
		t.Fatal(err)
	}
	src.now = said(t, `
		psePrt.6.1.1|2|2
		psePrt.6.1.4|2|2
		ifName.1|4|1/1/1
		ifName.4|4|3/1/1`)
	s, err := r.Read(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if diff := gocmp.Diff([]string{"1 1/1/1", "4 3/1/1"}, numbers(s)); diff != "" {
		t.Errorf("numbers (-want +got):\n%s", diff)
	}
}
