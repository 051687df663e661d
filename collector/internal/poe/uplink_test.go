package poe_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"thermarack/agent/wire"
	"thermarack/collector/internal/poe"
	"thermarack/collector/internal/snmp"
)

// heard makes a switch with gi1 and gi2, and one neighbour behind gi1.
func heard(t testing.TB, neighbour string) *snmp.Recording {
	t.Helper()
	return said(t, `
		ifName.101|4|gi1
		ifName.102|4|gi2
		psePrt.6.1.101|2|3
		psePrt.6.1.102|2|3
		base.1|2|101
		base.2|2|102
		fdbD.2.184.39.235.0.0.1|2|1
		fdbD.2.184.39.235.0.0.2|2|2
		`+neighbour)
}

func TestANeighbourThatBridgesIsAnUplinkAndAComputerIsNot(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name      string
		neighbour string
		want      []bool // gi1, gi2
	}{
		{"a switch, by the name of our port", "rem.12.7.901.1|4x|2000\nloc.3.901|4|gi1", []bool{true, false}},
		{"a switch, by the description of our port", "rem.12.7.901.1|4x|2000\nloc.3.901|4|x\nloc.4.901|4|gi2", []bool{false, true}},
		{"a switch, by the bridge's number of our port", "rem.12.7.2.1|4x|2000", []bool{false, true}},
		{"a router", "rem.12.7.1.1|4x|0800", []bool{true, false}},
		{"a switch whose capabilities are text", "rem.12.7.1.1|4|20 00", []bool{true, false}},
		{"a telephone that is no bridge", "rem.12.7.1.1|4x|0400", []bool{false, false}},
		{"a computer", "rem.12.7.1.1|4x|0100", []bool{false, false}},
		{"something that says computer and bridge", "rem.12.7.1.1|4x|2100", []bool{false, false}},
		{"nothing said, as text", "rem.12.7.1.1|4|80 00 0", []bool{false, false}},
		{"a Pi with containers, by its chassis", "rem.4.7.1.1|2|4\nrem.5.7.1.1|4x|b827eb000001\nrem.12.7.1.1|4x|2800", []bool{false, false}},
		{"a Pi with containers, by its port", "rem.6.7.1.1|2|3\nrem.7.7.1.1|4x|dca632000001\nrem.12.7.1.1|4x|2800", []bool{false, false}},
		{
			"a host of virtual machines",
			"rem.4.7.1.1|2|4\nrem.5.7.1.1|4x|001122000001\nrem.6.7.1.1|2|3\nrem.7.7.1.1|4x|001122000001\nrem.12.7.1.1|4x|2800",
			[]bool{false, false},
		},
		{
			"a switch that names its ports by addresses",
			"rem.4.7.1.1|2|4\nrem.5.7.1.1|4x|001122000001\nrem.6.7.1.1|2|3\nrem.7.7.1.1|4x|001122000007\nrem.12.7.1.1|4x|2000",
			[]bool{true, false},
		},
		{"a text that looks like a Pi's address", "rem.4.7.1.1|2|7\nrem.5.7.1.1|4x|b827eb000001\nrem.12.7.1.1|4x|2000", []bool{true, false}},
		{"a neighbour at a port that is not known", "rem.12.7.77.1|4x|2000", []bool{false, false}},
		{"a row of another form", "rem.12.7.1|4x|2000\nrem.12.1|4x|2000\nrem.12.7.1.1.1|4x|2000", []bool{false, false}},
		{"a number where capabilities belong", "rem.12.7.1.1|2|32", []bool{false, false}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := read(t, heard(t, tt.neighbour), "rfc3621-ifindex")
			if diff := gocmp.Diff(tt.want, []bool{s.Ports[0].Uplink, s.Ports[1].Uplink}); diff != "" {
				t.Errorf("uplinks (-want +got):\n%s", diff)
			}
		})
	}
}

func TestManyDevicesAreAnUplinkAndManyContainersAreNot(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		first byte // of the addresses
		n     int
		want  bool
	}{
		{"a Pi and what a desk switch holds", 0x00, 8, false},
		{"one more", 0x00, 9, true},
		{"containers, whose addresses are made up", 0x02, 40, false},
		{"virtual machines of KVM", 0x52, 40, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var b strings.Builder
			for i := range tt.n {
				fmt.Fprintf(&b, "fdbQ.2.1.%d.17.34.0.0.%d|2|2\n", tt.first, i)
			}
			// gi2 has a Pi already.
			s := read(t, heard(t, strings.Replace(b.String(), fmt.Sprintf("%d.17.34.0.0.0", tt.first), "184.39.235.0.0.2", 1)), "rfc3621-ifindex")
			if p := s.Ports[1]; p.Uplink != tt.want || len(p.MACs) != tt.n || s.Ports[0].Uplink {
				t.Errorf("gi2 with %d addresses: uplink %t", len(p.MACs), p.Uplink)
			}
		})
	}
}

func TestOnlyAddressesThatWereHeardCount(t *testing.T) {
	t.Parallel()
	s := read(t, heard(t, `
		1.3.6.1.2.1.17.1.1.0|4x|0011223344ff
		fdbQ.2.1.184.39.235.0.0.1|2|1     // the Pi in VLAN 1
		fdbQ.3.1.184.39.235.0.0.1|2|3
		fdbQ.2.20.184.39.235.0.0.1|2|1    // and in VLAN 20
		fdbQ.3.20.184.39.235.0.0.1|2|3
		fdbQ.2.1.0.17.34.51.68.255|2|1    // the switch itself
		fdbQ.2.1.0.17.34.0.0.1|2|1        // another of its addresses
		fdbQ.3.1.0.17.34.0.0.1|2|4
		fdbQ.2.1.0.17.34.0.0.2|2|1        // written down by an administrator
		fdbQ.3.1.0.17.34.0.0.2|2|5
		fdbQ.2.1.0.17.34.0.0.3|2|1        // no longer valid
		fdbQ.3.1.0.17.34.0.0.3|2|2
		fdbQ.2.1.0.17.34.0.0.4|2|0        // nobody knows where
		fdbQ.2.1.1.0.94.0.0.1|2|1         // a group
		fdbQ.2.1.0.0.0.0.0.0|2|1          // none
		fdbQ.2.1.0.17.34.0.0.300|2|1      // no address
		fdbQ.2.17.34|2|1
		fdbQ.2.1.0.17.34.0.0.5|4|1        // a text for a port
		fdbQ.2.1.0.17.34.0.0.6|2|-1
		fdbQ.2.1.0.17.34.0.0.7|2|1        // of a state that is not known
		fdbQ.3.1.0.17.34.0.0.7|2|9
		fdbQ.2.1.0.17.34.0.0.8|2|33       // behind a port without interface`), "rfc3621-ifindex")
	want := []string{
		"1.101|1|101|gi1|deliveringPower|-|-|-|001122000007|b827eb000001",
		"1.102|2|102|gi2|deliveringPower|-|-|-|b827eb000002",
		"|0|0|bridge port 33||-|-|-|001122000008",
	}
	if diff := gocmp.Diff(want, rows(s)); diff != "" || s.MAC != "0011223344ff" {
		t.Errorf("ports of %s (-want +got):\n%s", s.MAC, diff)
	}
}

// A catalyst shows the MAC table of VLAN 1 and, when asked for it, of others.
type catalyst struct {
	*snmp.Recording
	vlans map[int]snmp.Source
	asked *[]int
}

func (c catalyst) VLAN(id int) snmp.Source {
	*c.asked = append(*c.asked, id)
	return c.vlans[id]
}

const catalystPorts = `
	sys.2.0|6|1.3.6.1.4.1.9.1.1208
	ifName.10101|4|Gi1/0/1
	ifName.10102|4|Gi1/0/2
	ifName.10103|4|Gi1/0/3
	1.3.6.1.4.1.9.9.402.1.2.1.9.1.1|66|4100
	1.3.6.1.4.1.9.9.402.1.2.1.11.1.1|2|1010
	1.3.6.1.4.1.9.9.402.1.2.1.9.1.2|66|4200
	1.3.6.1.4.1.9.9.402.1.2.1.11.1.2|2|1011
	1.3.6.1.2.1.47.1.3.2.1.2.1010.0|6|1.3.6.1.2.1.2.2.1.1.10101
	1.3.6.1.2.1.47.1.3.2.1.2.1011.0|6|1.3.6.1.2.1.2.2.1.1.10102
	1.3.6.1.4.1.9.9.68.1.2.2.1.2.10101|2|20
	1.3.6.1.4.1.9.9.68.1.2.2.1.2.10102|2|20
	1.3.6.1.4.1.9.9.68.1.2.2.1.2.10103|2|30  // no PoE
	base.1|2|10101`

func TestACatalystIsAskedForTheVLANsOfItsPoEPorts(t *testing.T) {
	t.Parallel()
	asked := []int{}
	vlan20 := said(t, `
		base.2|2|10102
		fdbD.2.184.39.235.0.0.1|2|1
		fdbD.2.184.39.235.0.0.2|2|2`)
	s := read(t, catalyst{said(t, catalystPorts), map[int]snmp.Source{20: vlan20}, &asked}, poe.Auto)
	want := []string{
		"1.1|1|10101|Gi1/0/1|deliveringPower|-|-|4.1|b827eb000001", "1.2|2|10102|Gi1/0/2|deliveringPower|-|-|4.2|b827eb000002",
	}
	if diff := gocmp.Diff(want, rows(s)); diff != "" || s.Missing != "" {
		t.Errorf("ports (-want +got):\n%s%s", diff, s.Missing)
	}
	if diff := gocmp.Diff([]int{20}, asked); diff != "" {
		t.Errorf("VLANs asked for (-want +got):\n%s", diff)
	}
}

func TestACatalystThatKeepsItsVLANsIsAskedOnceAndSaysWhatIsMissing(t *testing.T) {
	t.Parallel()
	asked := []int{}
	deaf := &changing{fails: fmt.Errorf("read from switch: %w", snmp.ErrNoAnswer)}
	r := reader(t, catalyst{said(t, catalystPorts), map[int]snmp.Source{20: deaf}, &asked}, poe.Auto)
	s, err := r.Read(t.Context())
	if err != nil || len(s.Ports) != 2 || !strings.Contains(s.Missing, "VLAN 20") || !strings.Contains(s.Missing, "no answer") {
		t.Errorf("%v, %v, missing %q", rows(s), err, s.Missing)
	}
	if diff := gocmp.Diff([]int{20}, asked); diff != "" {
		t.Errorf("VLANs asked for (-want +got):\n%s", diff)
	}
}

func TestACancelledReadOfVLANsIsNotWhatASwitchKeeps(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	asked := []int{}
	src := catalyst{said(t, catalystPorts), map[int]snmp.Source{20: stopping{cancel}}, &asked}
	if _, err := reader(t, src, poe.Auto).Read(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("err = %v", err)
	}
}

type stopping struct{ cancel func() }

func (s stopping) Get(ctx context.Context, _ ...snmp.OID) ([]snmp.Var, error) { return nil, ctx.Err() }

func (s stopping) Walk(ctx context.Context, _ ...snmp.OID) ([][]snmp.Var, error) {
	s.cancel()
	return nil, ctx.Err()
}

func TestAPiIsKnownByItsAddress(t *testing.T) {
	t.Parallel()
	for mac, want := range map[wire.Node]bool{
		"b827eb000001": true, "dca632000001": true, "e45f01000001": true, "28cdc1000001": true, "d83add000001": true, "2ccf67000001": true,
		"001122000001": false, "02b827eb0001": false, "": false,
	} {
		if poe.IsPi(mac) != want {
			t.Errorf("%q: %t", mac, !want)
		}
	}
}
