package simulate

import (
	"errors"
	"testing"
	"time"

	"thermarack/agent/wire/layout"
	"thermarack/agent/wire/yamlfile"
)

// FuzzAScenarioIsTakenOrToldWrong looks inside because making shelves takes a
// hundred times as long as reading what happens to them.
func FuzzAScenarioIsTakenOrToldWrong(f *testing.F) {
	f.Add("- {at: 1m, shelf: hex/a1/s3, fan: 1, running: false}")
	f.Add("- {at: 0s, slot: 1, offline: true}\n- {at: 0s, load: .nan}")
	f.Add("- {at: 1m, probe: h1, fault: stuck}\n- null\n- []")
	f.Add("[{at: &a 1s}, *a]")
	f.Add("- {at: 9999999h, load: 1e999}\n---\n")
	start := time.Unix(1767225600, 0)
	place := layout.Shelf{
		Site: "hex", Rack: "a1", Name: "s3", Columns: 2, Depth: 1,
		Slots:  []layout.Slot{{Number: 1, Node: "b827eb000001"}, {Number: 2}},
		Probes: []layout.Probe{{Name: "h1"}},
	}
	s, err := newShelf(&place, 1, start)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, text string) {
		events, err := parseScenario("s.yaml", []byte(text), []*shelf{s}, start)
		if err != nil {
			if !errors.As(err, new(yamlfile.Problems)) {
				t.Errorf("%q: %v, want problems by line", text, err)
			}
			return
		}
		for i, e := range events {
			if e.at.Before(start) || i > 0 && e.at.Before(events[i-1].at) || e.shelf != s {
				t.Errorf("%q: event %d is at %v on %v", text, i, e.at, e.shelf.ID())
			}
			if err := s.air.Clone().Apply(e.Event); err != nil {
				t.Errorf("%q: event %d was taken and cannot happen: %v", text, i, err)
			}
		}
	})
}
