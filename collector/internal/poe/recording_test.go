package poe_test

import (
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"thermarack/agent/wire"
	"thermarack/collector/internal/poe"
)

// expect compares ports, by their names, with rows.
func expect(t *testing.T, s poe.Switch, want ...string) {
	t.Helper()
	var got []string
	all := map[string]string{}
	for _, p := range s.Ports {
		all[row(p)] = row(p)
	}
	for _, w := range want {
		got = append(got, all[w])
	}
	if diff := gocmp.Diff(want, got); diff != "" {
		t.Errorf("ports (-want +got):\n%s\nof %q", diff, rows(s))
	}
}

func count(s poe.Switch, of func(poe.Port) bool) (n int) {
	for _, p := range s.Ports {
		if of(p) {
			n++
		}
	}
	return n
}

// place returns the one port that a Pi of one switch may be plugged into.
func place(t *testing.T, s poe.Switch, mac wire.Node) poe.Port {
	t.Helper()
	l := poe.Locations(map[string]poe.Switch{"sw": s})[mac]
	if len(l.Edge) != 1 {
		t.Fatalf("%s is at %d ports", mac, len(l.Edge))
	}
	return *l.Edge[0].Port
}

func TestACatalyst3750WhosePortNumbersAreNoIndexes(t *testing.T) {
	t.Parallel()
	s := read(t, recorded(t, "cisco_16_switch.snmprec.bz2"), poe.Auto)
	if s.Profile != "cisco-ios" || s.Name != "Profiler3750" || s.MAC != "0016c7026e80" || s.Uptime.Hours() < 1936 {
		t.Errorf("it is %q %q %q %s", s.Profile, s.Name, s.MAC, s.Uptime)
	}
	expect(t, s,
		"3.5|3|11003|Fa3/0/3|deliveringPower|on|4|15.4 set aside",
		"3.46|42|11042|Fa3/0/42|deliveringPower|on|3|15.4 set aside",
		"3.52|48|11048|Fa3/0/48|searching|on|-|0 set aside|6899cda59f88",
	)
	if n := count(s, func(p poe.Port) bool { return p.Status == poe.Searching }); n != 46 || len(s.Ports) != 48 {
		t.Errorf("%d of %d ports search, want 46 of 48", n, len(s.Ports))
	}
	if p := port(t, s, "Fa3/0/3"); *p.Short != 2 || *p.Denied != 0 || *p.Overload != 0 {
		t.Errorf("counters of Fa3/0/3: %d %d %d", *p.Short, *p.Denied, *p.Overload)
	}
	if diff := gocmp.Diff([]poe.Supply{{Group: 3, Watts: 370, Used: 30, Status: poe.SupplyOn}}, s.Supplies); diff != "" {
		t.Errorf("supplies (-want +got):\n%s", diff)
	}
}

func TestAStackOfThree2960XIsCountedThrough(t *testing.T) {
	t.Parallel()
	s := read(t, recorded(t, "ios_2960x.snmprec"), poe.Auto)
	expect(t, s,
		"1.1|1|10101|Gi1/0/1|deliveringPower|-|-|2.509",
		"1.3|3|10103|Gi1/0/3|deliveringPower|-|-|6.952|64f69db1e44c",
		"2.1|49|10601|Gi2/0/1||-|-|0 set aside",
		"3.1|73|11101|Gi3/0/1|deliveringPower|-|-|2.533",
		"3.3|75|11103|Gi3/0/3|deliveringPower|-|-|6.704|64f69db1e3a0",
	)
	if n := count(s, func(p poe.Port) bool { return p.Number > 0 }); s.Profile != "cisco-ios" || n != 120 {
		t.Errorf("%s: %d ports with PoE, want 120", s.Profile, n)
	}
	if p := port(t, s, "Po1"); p.IfIndex != 5001 || !p.Uplink || len(p.MACs) != 24 || p.Number != 0 {
		t.Errorf("the trunk is %q", row(p))
	}
}

func TestALinksysWithThreePis(t *testing.T) {
	t.Parallel()
	s := read(t, recorded(t, "linksys-ss_lgs318p.snmprec"), poe.Auto)
	expect(t, s,
		"1.49|1|49|gi1|disabled|off|-|0|b827eb59962b", // learned in two VLANs
		"1.55|7|55|gi7|disabled|off|-|0|b827eb051e85",
		"1.66|18|66|gi18||on|-|0|fcecda456b29",
	)
	p := place(t, s, "b827ebc0f493")
	if p.Name != "gi14" || len(p.MACs) != 6 || !*p.Admin || p.Status != poe.Delivering || *p.Power != 4.5 {
		t.Errorf("the third Pi is at %q", row(p))
	}
	if s.Profile != "cisco-sb" || s.MAC != "58ef68e1eef2" {
		t.Errorf("it is %q %q", s.Profile, s.MAC)
	}
}

func TestATPLinkWhoseMACTableCountsPortsOtherwise(t *testing.T) {
	t.Parallel()
	s := read(t, recorded(t, "jetstream_sg2218p.snmprec"), poe.Auto)
	expect(t, s,
		"1|1|49153|gigabitEthernet 1/0/1|deliveringPower|on|3|2|2432aea35f17",
		"11|11|49163|gigabitEthernet 1/0/11|searching|on|-|0|2432ae7743cd",
		"16|16|49168|gigabitEthernet 1/0/16|deliveringPower|on|4|6.4|48a98ac03c40",
	)
	if p := port(t, s, "gigabitEthernet 1/0/18"); !p.Uplink || p.Number != 0 || len(p.MACs) < 40 {
		t.Errorf("the uplink is %q", row(p))
	}
	if diff := gocmp.Diff([]poe.Supply{{Group: 1, Watts: 150, Used: 40.4}}, s.Supplies); s.Profile != "tp-link" || diff != "" {
		t.Errorf("%s: supplies (-want +got):\n%s", s.Profile, diff)
	}
}

func TestAProCurveWhoseUplinkHasHundredsOfAddresses(t *testing.T) {
	t.Parallel()
	s := read(t, recorded(t, "procurve_2520.snmprec"), poe.Auto)
	if p := place(t, s, "b827eb2c71c2"); row(p) != "|0|18|18||-|-|-|b827eb2c71c2" {
		t.Errorf("the Pi is at %q", row(p))
	}
	pis, behind := 0, 0
	for mac, l := range poe.Locations(map[string]poe.Switch{"sw": s}) {
		if !poe.IsPi(mac) {
			continue
		}
		pis++
		if len(l.Edge) == 0 && len(l.Behind) == 1 && l.Behind[0].Port.Name == "28" {
			behind++
		}
	}
	if uplink := port(t, s, "28"); pis != 50 || behind != 49 || !uplink.Uplink || len(uplink.MACs) != 725 {
		t.Errorf("%d Pis, %d behind port 28 with %d addresses", pis, behind, len(uplink.MACs))
	}
	if s.Profile != "aruba-os-switch" {
		t.Errorf("it is %q", s.Profile)
	}
}
