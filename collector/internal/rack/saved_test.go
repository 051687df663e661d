package rack_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"thermarack/agent/wire"
	"thermarack/agent/wire/layout"
	"thermarack/collector/internal/ingest"
	"thermarack/collector/internal/rack"
)

// restart returns the model that the next process has: through JSON, as on disk.
func restart(t *testing.T, m *rack.Model, l *layout.Layout) *rack.Model {
	t.Helper()
	data, err := json.Marshal(m.Saved())
	if err != nil {
		t.Fatal(err)
	}
	var saved rack.Saved
	if err := json.Unmarshal(data, &saved); err != nil {
		t.Fatal(err)
	}
	next := model(l)
	next.Resume(saved)
	return next
}

const stray = "urn:dev:ow:28ff000000000000" // a probe without a place

func TestNodesAreKnownAfterARestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := model(hex(t))
		fill(m)
		m.Observe(ingest.Batch{Site: "hex", Node: pi1, Received: time.Now(), Status: &wire.Status{Online: true, Boot: "a", T: 10}})
		m.Observe(ingest.Batch{Site: "hex", Node: pi1, Received: time.Now(), Inventory: &wire.Inventory{Model: "Raspberry Pi 3", MAC: string(pi1)}})
		m.Observe(batch(pi1, wire.Reading{Device: stray, Quantity: "fault", Text: "crc", Time: time.Now()}))
		before := m.Nodes()
		time.Sleep(time.Hour) // fake time
		after := restart(t, m, hex(t))
		for i := range before {
			before[i].Unheard = true
		}
		if diff := cmp.Diff(after.Nodes(), before); diff != "" {
			t.Errorf("-got +want\n%s", diff)
		}
		if n := after.Nodes()[1]; n.Rejected["crc"] != 1 || n.Inventory.Model != "Raspberry Pi 3" || n.First.IsZero() {
			t.Errorf("%+v", n)
		}
		after.Observe(batch(pi1, reading(pi1.Device("soc"), "temperature", 50)))
		if n := after.Nodes()[1]; n.Unheard || !n.Seen.After(before[1].Seen) || !n.First.Equal(before[1].First) {
			t.Errorf("heard again: %+v", n)
		}
	})
}

func TestASensorIsBelievedFromItsFirstNodeAfterARestartToo(t *testing.T) {
	m := model(hex(t))
	for _, node := range []wire.Node{pi1, pi2} {
		m.Admit("hex", node, stray)
		m.Observe(batch(node, reading(node.Device("soc"), "temperature", 50)))
	}
	after := restart(t, m, hex(t))
	if reason, ok := after.Admit("hex", pi2, stray); ok || reason != rack.RejectedForeign {
		t.Errorf("the second node was believed: %q", reason)
	}
	if _, ok := after.Admit("hex", pi1, stray); !ok {
		t.Error("the first node was not believed")
	}
}

func TestAProvisionalShelfKeepsItsOrderOverARestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := model(nil)
		for _, node := range []wire.Node{pi2, pi1} { // not by MAC
			m.Observe(batch(node, reading(node.Device("soc"), "temperature", 50)))
		}
		want := m.Layout()
		after := restart(t, m, nil)
		if diff := cmp.Diff(after.Layout(), want); diff != "" {
			t.Errorf("-got +want\n%s", diff)
		}
		if err := after.Restore(t.Context()); err != nil {
			t.Fatal(err)
		}
		s, err := after.State(t.Context(), "hex/provisional/1", time.Time{})
		if err != nil || s.Slots[0].Node != pi2 || s.Slots[0].SoC.V != 44 {
			t.Errorf("first slot %+v, %v, want what the store knows of %s", s.Slots, err, pi2)
		}
	})
}

func TestARestartForgetsWhoIsLongGoneAndHasNoPlace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const guest, loud = wire.Node("b827eb0000fe"), wire.Node("b827eb0000ff")
		m := model(hex(t))
		fill(m)
		m.Admit("hex", guest, stray)
		m.Observe(batch(guest, reading(guest.Device("soc"), "temperature", 40)))
		time.Sleep(91 * 24 * time.Hour) // fake time
		m.Observe(batch(loud, reading(loud.Device("soc"), "temperature", 40)))
		after := restart(t, m, hex(t))
		var left []wire.Node
		for _, n := range after.Nodes() {
			left = append(left, n.Node)
		}
		if diff := cmp.Diff(left, []wire.Node{sw, pi1, pi2, loud}); diff != "" {
			t.Errorf("-got +want\n%s", diff)
		}
		if _, ok := after.Admit("hex", loud, stray); !ok {
			t.Error("the sensor of a node that is forgotten is not free")
		}
	})
}

func TestUnsavedTellsOfWhatMattersOnly(t *testing.T) {
	m := model(hex(t))
	fill(m)
	told := func() bool {
		select {
		case <-m.Unsaved():
			return true
		default:
			return false
		}
	}
	if !told() {
		t.Error("not told of new nodes")
	}
	steps := []struct {
		name string
		do   func()
		want bool
	}{
		{"another reading", func() { m.Observe(batch(pi1, reading(pi1.Device("soc"), "temperature", 51))) }, false},
		{"a status", func() {
			m.Observe(ingest.Batch{Site: "hex", Node: pi1, Status: &wire.Status{Online: true, Boot: "b", T: 9}})
		}, true},
		{"a will that comes too late", func() {
			m.Observe(ingest.Batch{Site: "hex", Node: pi1, Status: &wire.Status{Boot: "a", T: 1}})
		}, false},
		{"an inventory", func() { m.Observe(ingest.Batch{Site: "hex", Node: pi1, Inventory: &wire.Inventory{}}) }, true},
		{"a new sensor", func() { m.Admit("hex", pi1, stray) }, true},
		{"the same sensor", func() { m.Admit("hex", pi1, stray) }, false},
	}
	for _, step := range steps {
		if step.do(); told() != step.want {
			t.Errorf("%s: told %v", step.name, !step.want)
		}
	}
}

func TestTheFleetIsCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := model(hex(t))
		registry := prometheus.NewPedanticRegistry()
		m.Register(registry)
		fill(m)
		time.Sleep(61 * time.Second) // fake time
		m.Observe(batch(pi1, reading(pi1.Device("soc"), "temperature", 50), reading(stray, "temperature", 20)))
		want := `
# HELP thermarack_nodes Nodes that have ever reported and are remembered.
# TYPE thermarack_nodes gauge
thermarack_nodes 3
# HELP thermarack_nodes_silent Nodes that are remembered and have no sample younger than the limit at which values are stale.
# TYPE thermarack_nodes_silent gauge
thermarack_nodes_silent 2
# HELP thermarack_unplaced Nodes and sensors that report and stand nowhere in the layout, and Pis that only a switch shows.
# TYPE thermarack_unplaced gauge
thermarack_unplaced 1
`
		if err := testutil.GatherAndCompare(registry, strings.NewReader(want)); err != nil {
			t.Error(err)
		}
	})
}

func TestInventoriesAreBoundedTogether(t *testing.T) {
	m := model(hex(t))
	say := func(i int, model string) {
		m.Observe(ingest.Batch{Site: "hex", Node: wire.Node(fmt.Sprintf("%012x", i)), Received: time.Now(), Inventory: &wire.Inventory{Model: model}})
	}
	const nodes, large = 4000, 30 << 10
	for range 2 { // the same again takes nothing more
		for i := range nodes {
			say(i, strings.Repeat("x", large))
		}
	}
	kept := func(m *rack.Model) (n int) {
		for _, node := range m.Nodes() {
			if node.Inventory != nil {
				n++
			}
		}
		return n
	}
	most := 64 << 20 / large
	if got := kept(m); got > most || got < most*9/10 {
		t.Errorf("%d of %d large inventories kept, want %d or a little less", got, nodes, most)
	}
	for i := range nodes / 2 {
		say(i, "small") // and makes room
	}
	say(nodes-1, "small")
	after := restart(t, m, hex(t))
	if got, want := kept(after), kept(m); got != want || want < nodes/2 {
		t.Errorf("%d inventories after a restart, %d before", got, want)
	}
}
