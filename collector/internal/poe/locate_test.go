package poe_test

import (
	"fmt"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"thermarack/agent/wire"
	"thermarack/collector/internal/poe"
)

// spots says where in one line each: edge ports, then uplinks.
func spots(l poe.Location) []string {
	var list []string
	for _, s := range l.Edge {
		list = append(list, fmt.Sprintf("%s %s", s.Switch, s.Port.Name))
	}
	for _, s := range l.Behind {
		list = append(list, fmt.Sprintf("behind %s %s", s.Switch, s.Port.Name))
	}
	return list
}

func TestAPiIsAtThePortWithFewestAddressesOfAllSwitches(t *testing.T) {
	t.Parallel()
	at := func(name string, uplink bool, macs ...wire.Node) poe.Port {
		return poe.Port{Name: name, Uplink: uplink, MACs: macs}
	}
	switches := map[string]poe.Switch{
		"sw1": {MAC: "0011223344f1", Ports: []poe.Port{
			at("gi1", false, "b827eb000001"),
			at("gi2", false, "b827eb000002", "b827eb000003"), // two Pis behind a desk switch
			at("gi3", false, "b827eb000004"),
			at("gi48", true, "b827eb000005", "b827eb000009", "0011223344f2"),
		}},
		"sw2": {MAC: "0011223344f2", Ports: []poe.Port{
			at("gi1", false, "b827eb000005"),
			at("gi2", false, "b827eb000004"), // heard on both: nobody can say
			// A link to sw1 that nothing tells from a port, but that it has more.
			at("gi3", false, "b827eb000001", "b827eb000002", "b827eb000003", "0011223344f1"),
		}},
	}
	want := map[wire.Node][]string{
		"b827eb000001": {"sw1 gi1"},
		"b827eb000002": {"sw1 gi2"},
		"b827eb000003": {"sw1 gi2"},
		"b827eb000004": {"sw1 gi3", "sw2 gi2"},
		"b827eb000005": {"sw2 gi1", "behind sw1 gi48"},
		"b827eb000009": {"behind sw1 gi48"},
	}
	got := map[wire.Node][]string{}
	for mac, l := range poe.Locations(switches) {
		got[mac] = spots(l)
	}
	if diff := gocmp.Diff(want, got); diff != "" {
		t.Errorf("places (-want +got):\n%s", diff)
	}
}
