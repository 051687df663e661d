package rack_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"thermarack/agent/wire"
	"thermarack/agent/wire/layout"
	"thermarack/collector/internal/placement"
	"thermarack/collector/internal/places"
	"thermarack/collector/internal/poe"
	"thermarack/collector/internal/rack"
	"thermarack/collector/internal/store"
)

// roaming is a layout of two shelves whose slots are left to their switch ports,
// but for one.
func roaming(t *testing.T) *layout.Layout {
	t.Helper()
	l, err := layout.Parse("layout.yaml", []byte(`version: 1
sites: {hex: {racks: {a1: {shelves: {
  s1: {columns: 2, depth: 1, nodes: {switch: sw, ports: 1-2}},
  s2: {columns: 2, depth: 1, nodes: {1: {switch: sw, port: 3}, 2: {mac: b827eb000009, switch: sw, port: 4}}}}}}}}
switches: {sw: {mac: 001122334455}}
`), fstest.MapFS{})
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func port(n int) placement.Port { return placement.Port{Switch: "sw", Number: n} }

func result(nodes placement.Nodes) placement.Result { return placement.Result{Nodes: nodes} }

// slots lists who stands in a shelf and with how many °C, "1:b827eb000001=50".
func slots(t *testing.T, m *rack.Model, shelf string) string {
	t.Helper()
	s, err := m.State(t.Context(), shelf, time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	var words []string
	for _, slot := range s.Slots {
		if slot.Node != "" {
			words = append(words, fmt.Sprintf("%d:%s=%v", slot.Number, slot.Node, slot.SoC.V))
		}
	}
	return strings.Join(words, " ")
}

func TestAPiThatIsPluggedInIsInItsSlotWithWhatItLastSaid(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := model(roaming(t))
		for node, v := range map[wire.Node]float64{pi1: 50, pi2: 52} {
			m.Observe(batch(node, reading(node.Device("soc"), "temperature", v)))
		}
		ctx, cancel := context.WithCancel(t.Context())
		changed := m.Watch(ctx)
		steps := []struct {
			name   string
			nodes  placement.Nodes
			s1, s2 string
			dirty  []string
		}{
			{"plugged in", placement.Nodes{port(1): pi1, port(2): pi2}, "1:b827eb000001=50 2:b827eb000002=52", "2:b827eb000009=0", []string{"hex/a1/s1"}},
			{"swapped", placement.Nodes{port(1): pi2, port(2): pi1}, "1:b827eb000002=52 2:b827eb000001=50", "2:b827eb000009=0", []string{"hex/a1/s1"}},
			{"moved to the other shelf", placement.Nodes{port(3): pi2, port(2): pi1}, "2:b827eb000001=50", "1:b827eb000002=52 2:b827eb000009=0", []string{"hex/a1/s1", "hex/a1/s2"}},
			{"what the layout names is not touched", placement.Nodes{port(4): pi2, port(2): "b827eb000009", port(7): pi1}, "", "2:b827eb000009=0", []string{"hex/a1/s1", "hex/a1/s2"}},
			{"gone", nil, "", "2:b827eb000009=0", nil},
		}
		for _, step := range steps {
			before := m.Layout()
			stood := slices.Clone(before.Shelves[0].Slots)
			m.PlacePis(result(step.nodes))
			if diff := cmp.Diff(before.Shelves[0].Slots, stood); diff != "" {
				t.Errorf("%s: a layout that was given out has changed:\n%s", step.name, diff)
			}
			if s1, s2 := slots(t, m, "hex/a1/s1"), slots(t, m, "hex/a1/s2"); s1 != step.s1 || s2 != step.s2 {
				t.Errorf("%s: s1 has %q, want %q; s2 has %q, want %q", step.name, s1, step.s1, s2, step.s2)
			}
			var dirty []string
			synctest.Wait()
			select {
			case dirty = <-changed:
			default:
			}
			if diff := cmp.Diff(dirty, step.dirty); diff != "" {
				t.Errorf("%s: changed -got +want\n%s", step.name, diff)
			}
		}
		cancel()
	})
}

func TestAPlacedPiBelongsToItsSlotLikeAnyOther(t *testing.T) {
	m := model(roaming(t))
	m.PlacePis(result(placement.Nodes{port(3): pi1}))
	for _, device := range []string{pi1.Device("soc"), pi1.Device("fan1")} {
		if p, ok := m.Place(device, "temperature"); !ok || p.Shelf.ID() != "hex/a1/s2" || p.Slot != 1 || p.Port != 3 {
			t.Errorf("%s belongs to %+v", device, p)
		}
	}
	m.Observe(batch(pi1, reading(pi1.Device("soc"), "temperature", 50)))
	if n := m.Nodes()[0]; n.Shelf != "hex/a1/s2" || n.Slot != 1 {
		t.Errorf("node %+v", n)
	}
	if got := slots(t, m, "hex/a1/s2"); got != "1:b827eb000001=50 2:b827eb000009=0" {
		t.Errorf("s2 has %s", got)
	}
	m.PlacePis(result(nil))
	if p, ok := m.Place(pi1.Device("soc"), "temperature"); ok {
		t.Errorf("it has gone, and belongs to %v", p)
	}
}

func TestAPiThatIsPlacedAfterARestartHasItsLastValue(t *testing.T) {
	m := model(roaming(t))
	if err := m.Restore(t.Context()); err != nil {
		t.Fatal(err)
	}
	m.PlacePis(result(placement.Nodes{port(1): pi2}))
	if got := slots(t, m, "hex/a1/s1"); got != "1:b827eb000002=44" {
		t.Errorf("s1 has %s", got)
	}
}

func TestAPlacedPiThatSensesNothingSaysWhy(t *testing.T) {
	m := model(roaming(t))
	m.PlacePis(result(placement.Nodes{port(1): pi1}))
	m.Observe(batch(pi1, wire.Reading{Device: pi1.Device("soc"), Quantity: "fault", Text: "timeout", Time: time.Now()}))
	s, err := m.State(t.Context(), "hex/a1/s1", time.Time{})
	if err != nil || s.Slots[0].SoC.Fault != "timeout" {
		t.Errorf("%v: %+v", err, s.Slots[0])
	}
}

func TestUnplacedSaysWhereASwitchShowsAPi(t *testing.T) {
	m := model(roaming(t))
	m.Observe(batch(pi1, reading(pi1.Device("soc"), "temperature", 50)))
	spot := placement.Spot{Port: port(9), Name: "gi9"}
	conflicts := []placement.Conflict{{Kind: placement.SeveralPis}}
	m.PlacePis(placement.Result{
		Unplaced: []placement.Sighted{
			{Node: pi1, Spot: spot}, {Node: pi2, Spot: spot},
			{Node: "b827eb000003", Spot: placement.Spot{Port: placement.Port{Switch: "elsewhere"}}},
		},
		Conflicts: conflicts,
	})
	got := m.Unplaced()
	for i := range got {
		got[i].Seen = time.Time{}
	}
	want := []rack.Unplaced{
		{Site: "hex", Node: pi1, Why: "unknown node", Spot: spot},
		{Site: "hex", Node: pi2, Why: "no agent reports from it", Spot: spot},
		{Node: "b827eb000003", Why: "no agent reports from it", Spot: placement.Spot{Port: placement.Port{Switch: "elsewhere"}}},
	}
	if diff := cmp.Diff(got, want); diff != "" {
		t.Errorf("-got +want\n%s", diff)
	}
	if diff := cmp.Diff(m.Conflicts(), conflicts); diff != "" {
		t.Errorf("conflicts: -got +want\n%s", diff)
	}
	if !m.Reported(pi1) || m.Reported(pi2) {
		t.Error("who has reported is not who has")
	}
}

// fleet is a layout of 500 shelves, each fed by a switch of 48 ports, and what the
// switches answer.
func fleet() (*layout.Layout, []poe.Switch) {
	l := &layout.Layout{}
	all := make([]poe.Switch, 500)
	for n := range all {
		name := fmt.Sprintf("sw-%03d", n)
		l.Switches = append(l.Switches, layout.Switch{Name: name, MAC: wire.Node(fmt.Sprintf("001122%06x", n))})
		shelf := layout.Shelf{Site: "hex", Rack: "a1", Name: fmt.Sprintf("s%03d", n), Columns: 12, Depth: 4, Limits: layout.DefaultLimits()}
		uplink := poe.Port{Number: 49, Uplink: true}
		for i := 1; i <= 48; i++ {
			shelf.Slots = append(shelf.Slots, layout.Slot{Number: i, Switch: name, Port: i})
			all[n].Ports = append(all[n].Ports, poe.Port{Number: i, MACs: []wire.Node{wire.Node(fmt.Sprintf("b827eb%06x", n*48+i))}})
			uplink.MACs = append(uplink.MACs, wire.Node(fmt.Sprintf("b827eb%06x", (n+1)%500*48+i)))
		}
		all[n].Ports = append(all[n].Ports, uplink)
		l.Shelves = append(l.Shelves, shelf)
	}
	return l, all
}

// nothing is a store without any point.
type nothing struct{}

func (nothing) Latest(context.Context, time.Time, time.Duration) (map[string]store.Point, error) {
	return nil, nil
}

// BenchmarkPlacesOfAFleet is what 500 switches with 24,000 Pis cost beyond their
// polls: the first answers of all, which place every Pi; all of them again; and
// all of them when one Pi has been replugged.
func BenchmarkPlacesOfAFleet(b *testing.B) {
	l, all := fleet()
	begin := time.Date(2026, 3, 14, 12, 0, 0, 0, time.UTC)
	answer := func(k *placement.Keeper, at time.Time) {
		for n, s := range all {
			k.Seen(l.Switches[n].Name, s, at)
		}
	}
	keeper := func(b *testing.B) *placement.Keeper {
		h, err := places.Open(places.Options{Dir: b.TempDir(), Layout: l, Now: begin})
		if err != nil {
			b.Fatal(err)
		}
		m := rack.New(rack.Options{Layout: l, History: nothing{}, Stale: time.Minute})
		return placement.NewKeeper(placement.Options{Layout: l, Racks: m, Journal: h})
	}
	b.Run("first", func(b *testing.B) {
		for b.Loop() {
			answer(keeper(b), begin)
		}
	})
	b.Run("again", func(b *testing.B) {
		k, at := keeper(b), begin
		answer(k, at)
		for b.Loop() {
			at = at.Add(30 * time.Second)
			answer(k, at)
		}
	})
	b.Run("replugged", func(b *testing.B) {
		k, at := keeper(b), begin
		answer(k, at)
		for b.Loop() {
			ports := all[250].Ports
			ports[0].MACs, ports[1].MACs = ports[1].MACs, ports[0].MACs
			at = at.Add(30 * time.Second)
			answer(k, at)
		}
	})
}
