package poe_test

import (
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"thermarack/collector/internal/poe"
)

// No recording of these switches was at hand: their tables here are made up from
// the definitions in their MIBs. They hold that the profiles say what was meant,
// not that a switch does.
var madeUp = []struct {
	name     string
	says     string
	profile  string
	ports    []string
	supplies []poe.Supply
}{
	{
		name: "ArubaOS-Switch: the port is the ifIndex, of the second member too",
		says: `
			sys.2.0|6|1.3.6.1.4.1.11.2.3.7.11.181
			ifName.1|4|1
			ifName.65|4|2/1
			psePrt.3.1.1|2|1
			psePrt.6.1.1|2|3
			psePrt.10.1.1|2|4
			psePrt.3.2.65|2|1
			psePrt.6.2.65|2|2
			psePrt.10.2.65|2|1
			1.3.6.1.4.1.11.2.14.11.1.9.1.1.1.3.1.1|2|4100
			1.3.6.1.4.1.11.2.14.11.1.9.1.1.1.3.2.65|2|0
			pseMai.2.1|66|370
			pseMai.3.1|2|1
			pseMai.4.1|66|4
			pseMai.5.1|2|80`,
		profile:  "aruba-os-switch",
		ports:    []string{"1.1|1|1|1|deliveringPower|on|3|4.1", "2.65|2|65|2/1|searching|on|-|0"},
		supplies: []poe.Supply{{Group: 1, Watts: 370, Used: 4, Threshold: to(0.8), Status: poe.SupplyOn}},
	},
	{
		name: "Aruba CX: classes above 4 are said as the standard would go on",
		says: `
			sys.2.0|6|1.3.6.1.4.1.47196.4.1.1.1.100
			ifName.7|4|1/1/7
			psePrt.3.1.7|2|1
			psePrt.6.1.7|2|3
			psePrt.10.1.7|2|6
			1.3.6.1.4.1.47196.4.1.1.3.8.1.1.1.7.1.7|2|12369
			1.3.111.2.802.1.1.4.1.2.2.1.2.1.20.184.39.235.0.0.7|66|7
			1.3.111.2.802.1.1.4.1.2.2.1.3.1.20.184.39.235.0.0.7|2|3
			base.7|2|7`,
		profile: "aruba-cx",
		ports:   []string{"1.7|7|7|1/1/7|deliveringPower|on|5|12.369|b827eb000007"},
	},
	{
		name: "Netgear: nonsense in what the supply gives",
		says: `
			sys.2.0|6|1.3.6.1.4.1.4526.100.4.17
			ifName.3|4|0/3
			psePrt.3.1.3|2|1
			psePrt.6.1.3|2|3
			psePrt.10.1.3|2|1
			psePrt.12.1.3|65|7
			1.3.6.1.4.1.4526.10.15.1.1.1.2.1.3|66|3900
			pseMai.2.1|66|180
			pseMai.4.1|66|1447362561`,
		profile: "fastpath",
		ports:   []string{"1.3|3|3|0/3|deliveringPower|on|0|3.9"},
	},
	{
		name: "Netgear's smart switches and EdgeSwitch: the same table elsewhere",
		says: `
			sys.2.0|6|1.3.6.1.4.1.4413
			ifName.3|4|0/3
			psePrt.6.1.3|2|3
			1.3.6.1.4.1.4413.1.1.15.1.1.1.2.1.3|66|3900`,
		profile: "fastpath",
		ports:   []string{"1.3|3|3|0/3|deliveringPower|-|-|3.9"},
	},
	{
		name: "MikroTik: its own table and nothing of RFC 3621",
		says: `
			sys.2.0|6|1.3.6.1.4.1.14988.1
			ifName.1|4|ether1
			ifName.2|4|ether2
			ifName.3|4|ether3
			ifName.4|4|ether4
			1.3.6.1.4.1.14988.1.1.15.1.1.2.1|4|ether1
			1.3.6.1.4.1.14988.1.1.15.1.1.3.1|2|3
			1.3.6.1.4.1.14988.1.1.15.1.1.6.1|2|41
			1.3.6.1.4.1.14988.1.1.15.1.1.3.2|2|2
			1.3.6.1.4.1.14988.1.1.15.1.1.6.2|2|0
			1.3.6.1.4.1.14988.1.1.15.1.1.3.3|2|5
			1.3.6.1.4.1.14988.1.1.15.1.1.6.3|2|0
			1.3.6.1.4.1.14988.1.1.15.1.1.3.4|2|99 // a state of years to come
			1.3.6.1.4.1.14988.1.1.15.1.1.6.4|2|0`,
		profile: "mikrotik",
		ports: []string{
			"1|1|1|ether1|deliveringPower|-|-|4.1", "2|2|2|ether2|searching|-|-|0",
			"3|3|3|ether3|fault|-|-|0", "4|4|4|ether4||-|-|0",
		},
	},
	{
		name: "TP-Link: of a second unit nobody can say which port 1 it is",
		says: `
			sys.2.0|6|1.3.6.1.4.1.11863.5.1
			ifName.49153|4|gigabitEthernet 1/0/1
			ifName.49217|4|gigabitEthernet 2/0/1
			1.3.6.1.4.1.11863.6.56.1.1.2.1.1.2.1|2|0
			1.3.6.1.4.1.11863.6.56.1.1.2.1.1.5.1|4|No Limit
			1.3.6.1.4.1.11863.6.56.1.1.2.1.1.7.1|2|0
			1.3.6.1.4.1.11863.6.56.1.1.2.1.1.11.1|2|0`,
		profile: "tp-link",
		ports:   []string{"1|1|0||disabled|off|-|0"},
	},
	{
		name: "Huawei: states are texts, slots count from 0",
		says: `
			sys.2.0|6|1.3.6.1.4.1.2011.2.23.1
			ifName.5|4|Ethernet0/0/1
			ifName.6|4|Ethernet0/0/2
			ifName.7|4|Ethernet0/0/3
			1.3.6.1.4.1.2011.5.25.195.3.1.3.5|2|1
			1.3.6.1.4.1.2011.5.25.195.3.1.7.5|4|Powered
			1.3.6.1.4.1.2011.5.25.195.3.1.8.5|2|3
			1.3.6.1.4.1.2011.5.25.195.3.1.10.5|2|4240
			1.3.6.1.4.1.2011.5.25.195.3.1.3.6|2|1
			1.3.6.1.4.1.2011.5.25.195.3.1.7.6|4|Detecting
			1.3.6.1.4.1.2011.5.25.195.3.1.8.6|2|0
			1.3.6.1.4.1.2011.5.25.195.3.1.10.6|2|0
			1.3.6.1.4.1.2011.5.25.195.3.1.3.7|2|2
			1.3.6.1.4.1.2011.5.25.195.3.1.7.7|4|Disabled
			1.3.6.1.4.1.2011.5.25.195.3.1.10.7|2|0
			1.3.6.1.4.1.2011.5.25.195.2.1.2.0|2|739200
			1.3.6.1.4.1.2011.5.25.195.2.1.5.0|2|29998`,
		profile: "huawei",
		ports: []string{
			"5|1|5|Ethernet0/0/1|deliveringPower|on|3|4.24", "6|2|6|Ethernet0/0/2|searching|on|-|0",
			"7|3|7|Ethernet0/0/3|disabled|off|-|0",
		},
		supplies: []poe.Supply{{Group: 1, Watts: 739.2, Used: 29.998}},
	},
	{
		name: "Ruckus ICX: no states, so only what follows from the watts",
		says: `
			sys.2.0|6|1.3.6.1.4.1.1991.1.3.1
			ifName.1|4|GigabitEthernet1/1/1
			ifName.2|4|GigabitEthernet1/1/2
			ifName.3|4|GigabitEthernet1/1/3
			1.3.6.1.4.1.1991.1.1.2.14.2.2.1.2.1|2|3
			1.3.6.1.4.1.1991.1.1.2.14.2.2.1.6.1|2|2723
			1.3.6.1.4.1.1991.1.1.2.14.2.2.1.2.2|2|4
			1.3.6.1.4.1.1991.1.1.2.14.2.2.1.6.2|2|0
			1.3.6.1.4.1.1991.1.1.2.14.2.2.1.2.3|2|2
			1.3.6.1.4.1.1991.1.1.2.14.2.2.1.6.3|2|0
			1.3.6.1.4.1.1991.1.1.2.14.4.1.1.2.1|66|740000
			1.3.6.1.4.1.1991.1.1.2.14.4.1.1.3.1|66|440000`,
		profile: "foundry",
		ports: []string{
			"1|1|1|GigabitEthernet1/1/1|deliveringPower|on|-|2.723", "2|2|2|GigabitEthernet1/1/2||on|-|0",
			"3|3|3|GigabitEthernet1/1/3|disabled|off|-|0",
		},
		supplies: []poe.Supply{{Group: 1, Watts: 740, Used: 300}},
	},
	{
		name: "Juniper: names count from 0, addresses are on sub-interfaces",
		says: `
			sys.2.0|6|1.3.6.1.4.1.2636.1.1.1.2.131
			ifName.501|4|ge-0/0/0
			ifName.502|4|ge-0/0/0.0
			ifName.601|4|ge-1/0/2
			ifName.7|4|vlan.100
			psePrt.3.1.1|2|1
			psePrt.6.1.1|2|3
			psePrt.10.1.1|2|3
			psePrt.3.2.3|2|1
			psePrt.6.2.3|2|4
			pseMai.2.1|66|405
			pseMai.3.1|2|1
			pseMai.4.1|66|4
			pseMai.5.1|2|1
			base.513|2|502
			fdbQ.2.131072.184.39.235.0.0.1|2|513`,
		profile:  "juniper",
		ports:    []string{"1.1|1|501|ge-0/0/0|deliveringPower|on|2|-|b827eb000001", "2.3|2|601|ge-1/0/2|fault|on|-|-"},
		supplies: []poe.Supply{{Group: 1, Watts: 405, Used: 4, Status: poe.SupplyOn}},
	},
	{
		name: "Extreme: 0 is a state, of a port that is off",
		says: `
			sys.2.0|6|1.3.6.1.4.1.1916.2.76
			ifName.1001|4|1:1
			ifName.1002|4|1:2
			psePrt.6.1.1001|2|0
			psePrt.6.1.1002|2|3
			1.3.6.1.4.1.1916.1.27.2.1.1.6.1.1001|66|0
			1.3.6.1.4.1.1916.1.27.2.1.1.6.1.1002|66|4700`,
		profile: "extreme",
		ports:   []string{"1.1001|1|1001|1:1|disabled|-|-|0", "1.1002|2|1002|1:2|deliveringPower|-|-|4.7"},
	},
	{
		name: "Cisco Business 1300: a sysObjectID of Catalysts, a table of Small Business",
		says: `
			sys.2.0|6|1.3.6.1.4.1.9.1.3229
			ifName.1|4|gi1
			psePrt.6.1.1|2|3
			1.3.6.1.4.1.9.6.1.101.108.1.1.5.1.1|2|2100`,
		profile: "cisco-sb",
		ports:   []string{"1.1|1|1|gi1|deliveringPower|-|-|2.1"},
	},
	{
		name: "members that count their ports from 1 each, where the profile says ifIndex: nobody's interface",
		says: `
			sys.2.0|6|1.3.6.1.4.1.11.2.3.7.11.181
			ifName.1|4|1
			ifName.2|4|2
			psePrt.6.1.1|2|3
			psePrt.6.1.2|2|3
			psePrt.6.2.1|2|2
			base.1|2|1
			fdbQ.2.1.184.39.235.0.0.1|2|1`,
		profile: "aruba-os-switch",
		ports: []string{
			"1.1|1|0||deliveringPower|-|-|-", "1.2|2|2|2|deliveringPower|-|-|-", "2.1|3|0||searching|-|-|-",
			"|0|1|1||-|-|-|b827eb000001",
		},
	},
	{
		name: "an unknown maker with the standard's table: what leads to interfaces is not known",
		says: `
			sys.2.0|6|1.3.6.1.4.1.99999.1
			ifName.1|4|port1
			ifName.2|4|port2
			psePrt.3.1.2|2|1
			psePrt.6.1.2|2|3
			psePrt.3.1.5|2|3
			psePrt.6.1.5|2|17`,
		profile: "rfc3621",
		ports:   []string{"1.2|1|0||deliveringPower|on|-|-", "1.5|2|0|||-|-|-"},
	},
}

func to[T any](v T) *T { return &v }

func TestEachFamilyIsRecognisedAndUnderstood(t *testing.T) {
	t.Parallel()
	for _, tt := range madeUp {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			src := said(t, tt.says)
			s := read(t, src, poe.Auto)
			if s.Profile != tt.profile {
				t.Errorf("profile %q, want %q", s.Profile, tt.profile)
			}
			if diff := gocmp.Diff(tt.ports, rows(s)); diff != "" {
				t.Errorf("ports (-want +got):\n%s", diff)
			}
			if diff := gocmp.Diff(tt.supplies, s.Supplies); diff != "" {
				t.Errorf("supplies (-want +got):\n%s", diff)
			}
			if diff := gocmp.Diff(s, read(t, src, tt.profile)); diff != "" {
				t.Errorf("asked for by name it is otherwise (-auto +by name):\n%s", diff)
			}
		})
	}
}
