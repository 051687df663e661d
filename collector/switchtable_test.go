package main_test

import (
	"encoding/hex"
	"fmt"
	"maps"
	"math"
	"slices"
	"testing"
	"time"

	"thermarack/agent/wire"
	"thermarack/collector/internal/snmp"
)

// A playedSwitch is what a made-up Catalyst of 48 ports with PoE and one uplink says
// over SNMP. Its ports are numbered as nothing else of it: port n is row 1.n of the
// PoE tables, part 1000+n, interface 10100+n and port n+1 of the bridge.
type playedSwitch struct {
	mac    wire.Node
	uptime time.Duration
	behind map[int][]wire.Node // port: the addresses learned on it
	watts  map[int]float64     // of the ports that deliver
	faulty map[int]bool        // ports with a fault
	uplink []wire.Node         // addresses learned on it
}

// playedPorts is how many ports with PoE it has.
const playedPorts = 48

// fullSwitch has a Pi of 4 W on each of its ports; number tells the switches and
// their Pis apart.
func fullSwitch(number int) playedSwitch {
	s := playedSwitch{
		mac: wire.Node(fmt.Sprintf("00112200%04x", number)), uptime: 30 * 24 * time.Hour,
		behind: map[int][]wire.Node{}, watts: map[int]float64{},
	}
	for port := 1; port <= playedPorts; port++ {
		s.behind[port] = []wire.Node{playedPi(number, port)}
		s.watts[port] = 4 + float64(port)/100
	}
	for i := range 20 {
		s.uplink = append(s.uplink, wire.Node(fmt.Sprintf("00aabb%02x%04x", i, number)))
	}
	return s
}

// playedPi is the Pi on a port of fullSwitch.
func playedPi(number, port int) wire.Node {
	return wire.Node(fmt.Sprintf("b827eb%02x%04x", port, number))
}

// A table gathers objects.
type table map[string]snmp.Value

func (t table) add(v snmp.Value, column string, row ...any) {
	for _, arc := range row {
		column += fmt.Sprintf(".%v", arc)
	}
	t[column] = v
}

func number(n int) snmp.Value  { return snmp.Value{Kind: snmp.Integer, Int: int64(n)} }
func counter(n int) snmp.Value { return snmp.Value{Kind: snmp.Counter, Int: int64(n)} }
func text(s string) snmp.Value { return snmp.Value{Kind: snmp.Text, Bytes: []byte(s)} }

// vars returns all of its objects, as an agent serves them.
func (s playedSwitch) vars(tb testing.TB) []snmp.Var {
	tb.Helper()
	t := table{}
	t.add(text("Cisco IOS Software, made up"), "1.3.6.1.2.1.1.1.0")
	t.add(snmp.Value{Kind: snmp.Identifier, ID: snmp.OID{1, 3, 6, 1, 4, 1, 9, 1, 1208}}, "1.3.6.1.2.1.1.2.0")
	t.add(counter(int(s.uptime/(10*time.Millisecond))), "1.3.6.1.2.1.1.3.0")
	t.add(text("sw-"+string(s.mac)), "1.3.6.1.2.1.1.5.0")
	t.add(number(playedPorts+1), "1.3.6.1.2.1.2.1.0")
	t.add(text(string(bytesOf(tb, s.mac))), "1.3.6.1.2.1.17.1.1.0")
	for port := 1; port <= playedPorts; port++ {
		s.addPort(t, port)
		s.addInterface(t, port, fmt.Sprintf("Gi1/0/%d", port))
		s.addAddresses(tb, t, port+1, s.behind[port])
	}
	s.addInterface(t, playedPorts+1, "Te1/0/1")
	s.addAddresses(tb, t, playedPorts+2, s.uplink)
	s.addSupply(t)
	vars := make([]snmp.Var, 0, len(t))
	for name, v := range t {
		oid, err := snmp.ParseOID(name)
		if err != nil {
			tb.Fatal(err)
		}
		vars = append(vars, snmp.Var{OID: oid, Value: v})
	}
	slices.SortFunc(vars, snmp.CompareVars)
	return vars
}

// addPort adds a row of pethPsePortTable and of cpeExtPsePortTable.
func (s playedSwitch) addPort(t table, port int) {
	const standard, cisco = "1.3.6.1.2.1.105.1.1.1", "1.3.6.1.4.1.9.9.402.1.2.1"
	watts, delivers := s.watts[port]
	status, class := 2, 1
	if delivers {
		status, class = 3, 3
	}
	if s.faulty[port] {
		status = 4
	}
	for column, n := range map[int]int{3: 1, 6: status, 7: 3, 10: class} {
		t.add(number(n), standard, column, 1, port)
	}
	for column, n := range map[int]int{8: 10 + port, 11: 0, 12: 1, 13: 2, 14: 3} {
		t.add(counter(n), standard, column, 1, port)
	}
	for column, n := range map[int]int{7: 7000, 8: 7000, 9: int(watts * 1000), 10: int(watts*1000) + 50, 11: 1000 + port} {
		t.add(counter(n), cisco, column, 1, port)
	}
}

// addInterface adds what leads from a part and from a port of the bridge to an
// interface.
func (s playedSwitch) addInterface(t table, port int, name string) {
	index := snmp.OID{1, 3, 6, 1, 2, 1, 2, 2, 1, 1, uint32(10100 + port)}
	t.add(text(name), "1.3.6.1.2.1.31.1.1.1.1", 10100+port)
	t.add(snmp.Value{Kind: snmp.Identifier, ID: index}, "1.3.6.1.2.1.47.1.3.2.1.2", 1000+port, 0)
	t.add(number(10100+port), "1.3.6.1.2.1.17.1.4.1.2", port+1)
}

// addAddresses adds rows of dot1qTpFdbTable.
func (s playedSwitch) addAddresses(tb testing.TB, t table, port int, macs []wire.Node) {
	for _, mac := range macs {
		row := []any{10}
		for _, b := range bytesOf(tb, mac) {
			row = append(row, b)
		}
		t.add(number(port), "1.3.6.1.2.1.17.7.1.2.2.1.2", row...)
		t.add(number(3), "1.3.6.1.2.1.17.7.1.2.2.1.3", row...)
	}
}

// addSupply adds the one row of pethMainPseTable.
func (s playedSwitch) addSupply(t table) {
	used := 0.0
	for _, watts := range slices.Collect(maps.Values(s.watts)) {
		used += watts
	}
	for column, n := range map[int]int{2: 370, 3: 1, 4: int(math.Round(used)), 5: 80} {
		t.add(counter(n), "1.3.6.1.2.1.105.1.3.1.1", column, 1)
	}
}

func bytesOf(tb testing.TB, mac wire.Node) []byte {
	tb.Helper()
	b, err := hex.DecodeString(string(mac))
	if err != nil {
		tb.Fatal(err)
	}
	return b
}
