package placement_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"

	"thermarack/agent/wire"
	"thermarack/agent/wire/layout"
	"thermarack/collector/internal/placement"
	"thermarack/collector/internal/poe"
)

var noon = time.Date(2026, 3, 14, 12, 0, 0, 0, time.UTC)

// Two shelves of four slots. Ports 1 to 4 of sw-a feed s1; ports 1 to 3 of sw-b
// feed s2, whose last slot is fed by nothing.
const twoShelves = `
version: 1
sites: {hex: {racks: {a1: {shelves: {
  s1: {columns: 4, depth: 1, nodes: {switch: sw-a, ports: 1-4}},
  s2: {columns: 4, depth: 1, nodes: {switch: sw-b, ports: 1-3}}}}}}}
switches: {sw-a: {mac: 0011223344aa}, sw-b: {mac: 0011223344bb}}
`

// Ports 1 to 3 of sw-a feed three slots, the last of which is empty; sw-b feeds
// one that is left to it.
const listed = `
version: 1
sites: {hex: {racks: {a1: {shelves: {
  s1: {columns: 3, depth: 1, nodes: {file: s1.csv}},
  s2: {columns: 1, depth: 1, nodes: {switch: sw-b, ports: 1-1}}}}}}}
switches: {sw-a: {mac: 0011223344aa}, sw-b: {mac: 0011223344bb}}
`

const listedCSV = "slot,mac,switch,port\n1,b827eb000001,sw-a,1\n2,b827eb000002,sw-a,2\n3,b827eb000003\n"

func parse(t testing.TB, text string) *layout.Layout {
	t.Helper()
	l, err := layout.Parse("layout.yaml", []byte(text), fstest.MapFS{"s1.csv": {Data: []byte(listedCSV)}})
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// pi returns the MAC address of a Pi from its number.
func pi(n int) wire.Node { return wire.Node(fmt.Sprintf("b827eb%06x", n)) }

// mac reads "1" as a Pi's number, and "x1" as something that is none.
func mac(t testing.TB, word string) wire.Node {
	t.Helper()
	prefix, digits := "b827eb", word
	if rest, other := strings.CutPrefix(word, "x"); other {
		prefix, digits = "020000", rest
	}
	node, err := wire.ParseNode(fmt.Sprintf("%s%06s", prefix, digits))
	if err != nil {
		t.Fatal(err)
	}
	return node
}

// shows reads what a switch has learned: "1: 1 x1, 24u: 1 2" is Pi 1 with
// something else on port 1, and an uplink with Pis 1 and 2. A port "lag1" has no
// number.
func shows(t testing.TB, text string) poe.Switch {
	t.Helper()
	var s poe.Switch
	for part := range strings.SplitSeq(text, ",") {
		name, macs, ok := strings.Cut(part, ":")
		if !ok {
			continue
		}
		name, uplink := strings.CutSuffix(strings.TrimSpace(name), "u")
		port := poe.Port{Name: name, Uplink: uplink}
		_, _ = fmt.Sscan(name, &port.Number) // stays 0
		for word := range strings.FieldsSeq(macs) {
			port.MACs = append(port.MACs, mac(t, word))
		}
		slices.Sort(port.MACs)
		s.Ports = append(s.Ports, port)
	}
	return s
}

// A told is what a Keeper tells, and which nodes have reported. It is the journal
// too.
type told struct {
	placement.Result
	kept     placement.Nodes
	reported map[wire.Node]bool
	times    int
	fails    error
}

func (r *told) PlacePis(result placement.Result) { r.Result, r.times = result, r.times+1 }
func (r *told) Reported(node wire.Node) bool     { return r.reported[node] }
func (r *told) Placed() placement.Nodes          { return maps.Clone(r.kept) }

func (r *told) Place(_ time.Time, nodes placement.Nodes) error {
	if r.fails == nil {
		r.kept = maps.Clone(nodes)
	}
	return r.fails
}

// stands lists who stands where, "a1=1 b3=2", with "unplaced=…" behind.
func (r *told) stands() string {
	var words []string
	for _, port := range slices.SortedFunc(maps.Keys(r.Nodes), placement.Port.Compare) {
		words = append(words, fmt.Sprintf("%s%d=%s", strings.TrimPrefix(port.Switch, "sw-"), port.Number, number(r.Nodes[port])))
	}
	for _, u := range r.Unplaced {
		words = append(words, fmt.Sprintf("unplaced=%s", number(u.Node)))
	}
	return strings.Join(words, " ")
}

func number(node wire.Node) string { return strings.TrimLeft(string(node[6:]), "0") }

func (r *told) why() []string {
	var all []string
	for _, c := range r.Conflicts {
		all = append(all, fmt.Sprintf("%s: %s", c.Kind, c.Why()))
	}
	return all
}

// keep gives a new Keeper answers, "a 1: 1" one after the other, 30 s apart.
func keep(t testing.TB, text string, before placement.Nodes, answers []string) *told {
	t.Helper()
	r := &told{kept: before}
	k := placement.NewKeeper(placement.Options{Layout: parse(t, text), Racks: r, Journal: r})
	for i, answer := range answers {
		name, what, _ := strings.Cut(answer, " ")
		k.Seen("sw-"+name, shows(t, what), noon.Add(time.Duration(i)*30*time.Second))
	}
	return r
}

func TestAPiStandsWhereASwitchShowsIt(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		answers []string
		want    string
	}{
		{"a Pi on a port is in the slot that the port feeds", []string{"a 1: 1, 3: 2"}, "a1=1 a3=2"},
		{"what is no Pi is nowhere", []string{"a 1: x1"}, ""},
		{"a Pi with something else behind its port is a Pi", []string{"a 1: 1 x1 x2"}, "a1=1"},
		{"an uplink is no place", []string{"a 1u: 1"}, ""},
		{"the port with fewer addresses, on one switch", []string{"a 1: 1, 24: 1 x1"}, "a1=1"},
		{"the port with fewer addresses, on two switches", []string{"b 24: 1 2, 1: 3", "a 1: 1, 2: 2, 24: 3 x1"}, "a1=1 a2=2 b1=3"},
		{"a port that feeds no slot", []string{"a 9: 1"}, "unplaced=1"},
		{"a port without a number", []string{"a lag1: 1"}, "unplaced=1"},
		{"several Pis on a port that feeds no slot", []string{"a 9: 1 2"}, "unplaced=1 unplaced=2"},
		{"a slot that nothing feeds", []string{"b 4: 1"}, "unplaced=1"},
		{"a Pi that is seen in several ways is one", []string{"a 1: 1 1"}, "a1=1"},
		{"a switch that the layout does not have", []string{"c 1: 1"}, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := keep(t, twoShelves, nil, tt.answers)
			if got.stands() != tt.want || len(got.Conflicts) > 0 {
				t.Errorf("got %q, want %q; conflicts %q", got.stands(), tt.want, got.why())
			}
		})
	}
}

func TestAPiStaysUntilThereIsNews(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		answers []string
		want    string
	}{
		{"its address ages out of the table", []string{"a 1: 1", "a 1:"}, "a1=1"},
		{"its whole switch knows nobody", []string{"a 1: 1, 2: 2", "a "}, "a1=1 a2=2"},
		{"another Pi is on its port", []string{"a 1: 1", "a 1: 2"}, "a1=2"},
		{"something that is no Pi is on its port", []string{"a 1: 1", "a 1: x1"}, "a1=1"},
		{"two others are on its port", []string{"a 1: 1", "a 1: 2 3"}, "a1=1 unplaced=2 unplaced=3"},
		{"it is on another port", []string{"a 1: 1", "a 2: 1"}, "a2=1"},
		{"two change places", []string{"a 1: 1, 2: 2", "a 1: 2, 2: 1"}, "a1=2 a2=1"},
		{"it is on another switch, whose answer comes first", []string{"a 1: 1", "b 1:", "b 1: 1"}, "b1=1"},
		{"and then its old switch has forgotten it", []string{"a 1: 1", "b 1:", "b 1: 1", "a 1:"}, "b1=1"},
		{"it is on another switch, whose answer comes second", []string{"a 1: 1", "b 1:", "a 1:", "b 1: 1"}, "b1=1"},
		{"two of two switches change places", []string{"a 1: 1", "b 1: 2", "a 1: 2", "b 1: 1"}, "a1=2 b1=1"},
		{"it is on a port that feeds nothing", []string{"a 1: 1", "a 9: 1"}, "unplaced=1"},
		{"it is behind an uplink that nobody knows for one", []string{"a 1: 1", "b 24: 1 x1", "a "}, "a1=1"},
		{"it is behind one with other Pis", []string{"a 1: 1, 2: 2", "b 24: 1 2", "a "}, "a1=1 a2=2"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := keep(t, twoShelves, nil, tt.answers); got.stands() != tt.want || !maps.Equal(got.kept, got.Nodes) {
				t.Errorf("got %q and kept %v, want %q", got.stands(), got.kept, tt.want)
			}
		})
	}
}

func TestAfterARestartEverythingIsWhereItWas(t *testing.T) {
	t.Parallel()
	before := placement.Nodes{{Switch: "sw-a", Number: 1}: pi(1), {Switch: "sw-b", Number: 2}: pi(2)}
	tests := []struct {
		name    string
		answers []string
		want    string
	}{
		{"before any switch has answered", nil, "a1=1 b2=2"},
		{"while one is away", []string{"a 1: 1"}, "a1=1 b2=2"},
		{"while one is away and the other shows its Pis behind a port", []string{"b 2: 2, 24: 1 x1"}, "a1=1 b2=2"},
		{"an address that two ports show from the start on moves nobody", []string{"a 1: 1", "b 1: 1"}, "a1=1 b2=2"},
		{"who has moved meanwhile", []string{"a 1:, 3: 2", "b 2:, 1: 1"}, "a3=2 b1=1"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := keep(t, twoShelves, before, tt.answers); got.stands() != tt.want {
				t.Errorf("got %q, want %q", got.stands(), tt.want)
			}
		})
	}
}

func TestWhoeverIsThereNowTheOneBeforeIsGone(t *testing.T) {
	t.Parallel()
	before := placement.Nodes{{Switch: "sw-b", Number: 1}: pi(9)}
	if got := keep(t, listed, before, []string{"b 1: 3"}); got.stands() != "" || len(got.Conflicts) != 1 {
		t.Errorf("got %q and conflicts %q", got.stands(), got.why())
	}
}

func TestAPiThatIsSaidToHaveBeenInTwoPlacesIsInOne(t *testing.T) {
	t.Parallel()
	before := placement.Nodes{{Switch: "sw-a", Number: 1}: pi(1), {Switch: "sw-b", Number: 2}: pi(1)}
	if got := keep(t, twoShelves, before, []string{"a 2: 2"}); got.stands() != "a1=1 a2=2" {
		t.Errorf("got %q", got.stands())
	}
}

func TestWhatAnOldLayoutHadPlacedIsNoNews(t *testing.T) {
	t.Parallel()
	before := placement.Nodes{
		{Switch: "sw-a", Number: 1}: pi(9), // the file has another there
		{Switch: "sw-b", Number: 1}: pi(2), // the file has it elsewhere
		{Switch: "sw-c", Number: 1}: pi(8), // feeds nothing any more
	}
	if got := keep(t, listed, before, []string{"a "}); got.stands() != "" {
		t.Errorf("got %q", got.stands())
	}
}

func TestAConflictIsListedWithBothSidesAndMovesNobody(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, layout string
		answers      []string
		want         string
		why          []string
	}{
		{"two Pis on one port", twoShelves, []string{"a 1: 1", "a 1: 1 2"}, "a1=1 unplaced=2",
			[]string{"several-pis: port 1 of sw-a feeds hex/a1/s1 slot 1 and shows b827eb000001 and b827eb000002"}},
		{"many Pis on one port", twoShelves, []string{"b 1: 1 2 3 4 5 6"}, "unplaced=1 unplaced=2 unplaced=3 unplaced=4 unplaced=5 unplaced=6",
			[]string{"several-pis: port 1 of sw-b feeds hex/a1/s2 slot 1 and shows b827eb000001, b827eb000002, b827eb000003, b827eb000004 and 2 more"}},
		{"one Pi on two ports of a switch", twoShelves, []string{"a 1: 1", "a 1: 1, 2: 1"}, "a1=1",
			[]string{"several-ports: b827eb000001 is shown by port 1 of sw-a and port 2 of sw-a"}},
		{"one Pi on ports of two switches, once both have answered again", twoShelves, []string{"a 1: 1", "b 1: 1", "a 1: 1"}, "a1=1",
			[]string{"several-ports: b827eb000001 is shown by port 1 of sw-a and port 1 of sw-b"}},
		{"one of which feeds nothing and has no number", twoShelves, []string{"a 1: 1, lag1: 1"}, "unplaced=1",
			[]string{`several-ports: b827eb000001 is shown by port "lag1" of sw-a and port 1 of sw-a`}},
		{"another Pi than the layout names", listed, []string{"a 1: 9"}, "unplaced=9",
			[]string{"layout-differs: port 1 of sw-a feeds hex/a1/s1 slot 1 and shows b827eb000009, but the layout has b827eb000001 there"}},
		{"two that the layout names the other way round", listed, []string{"a 1: 2, 2: 1"}, "",
			[]string{
				"layout-differs: port 1 of sw-a feeds hex/a1/s1 slot 1 and shows b827eb000002, but the layout has b827eb000001 there and has that Pi in hex/a1/s1 slot 2",
				"layout-differs: port 2 of sw-a feeds hex/a1/s1 slot 2 and shows b827eb000001, but the layout has b827eb000002 there and has that Pi in hex/a1/s1 slot 1",
			}},
		{"a slot that is left to its switch shows a Pi of another", listed, []string{"b 1: 3"}, "",
			[]string{"layout-differs: port 1 of sw-b feeds hex/a1/s2 slot 1 and shows b827eb000003, but the layout has that Pi in hex/a1/s1 slot 3"}},
		{"a Pi whose port is listed is alone on one that feeds nothing", listed, []string{"b 9: 1"}, "",
			[]string{"layout-differs: port 9 of sw-b shows b827eb000001, but the layout has that Pi in hex/a1/s1 slot 1"}},
		{"a Pi whose port is listed is behind an uplink that nobody knows for one", listed, []string{"b 9: 1 x1"}, "", nil},
		{"a Pi whose port is not listed may be on any that feeds nothing", listed, []string{"b 9: 3"}, "", nil},
		{"the layout and the switch agree", listed, []string{"a 1: 1, 2: 2", "b 1: 4"}, "b1=4", nil},
		{"it is over", twoShelves, []string{"a 1: 1 2", "a 1: 2"}, "a1=2", nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := keep(t, tt.layout, nil, tt.answers)
			if got.stands() != tt.want {
				t.Errorf("got %q, want %q", got.stands(), tt.want)
			}
			if diff := cmp.Diff(got.why(), tt.why); diff != "" {
				t.Errorf("-got +want\n%s", diff)
			}
		})
	}
}

func TestWhoMakesUpAddressesIsListedInFewOfThem(t *testing.T) {
	t.Parallel()
	var port strings.Builder
	for i := range 8000 {
		fmt.Fprintf(&port, " %x", i+100)
	}
	got := keep(t, twoShelves, nil, []string{"a 1: 1, 2: 2", "a 1:" + port.String() + ", 2: 2"})
	if len(got.Conflicts) != 1 || len(got.Conflicts[0].Nodes) != 64 || len(got.Unplaced) != 64 || got.Nodes[placement.Port{Switch: "sw-a", Number: 1}] != pi(1) {
		t.Errorf("%d conflicts, %d unplaced, %d placed", len(got.Conflicts), len(got.Unplaced), len(got.Nodes))
	}
}

func TestFillLeavesTheLayoutAlone(t *testing.T) {
	t.Parallel()
	l, again := parse(t, listed), parse(t, listed)
	if got := placement.Fill(l, placement.Nodes{{Switch: "sw-a", Number: 1}: pi(9)}); got != l {
		t.Errorf("a slot that is listed was filled: %+v", got)
	}
	got := placement.Fill(l, placement.Nodes{{Switch: "sw-b", Number: 1}: pi(9)})
	if got.Shelves[1].Slots[0].Node != pi(9) {
		t.Errorf("got %+v", got.Shelves[1])
	}
	if diff := cmp.Diff(l, again); diff != "" {
		t.Errorf("the layout has changed: -got +want\n%s", diff)
	}
}
