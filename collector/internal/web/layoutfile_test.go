package web_test

import (
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"thermarack/agent/wire"
	"thermarack/agent/wire/layout"
	"thermarack/collector/internal/rack"
)

func TestADownloadedLayoutIsTheOneInForce(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		layout *layout.Layout
	}{
		{"nothing known yet", &layout.Layout{}},
		{"a provisional grid of two sites", rack.Provisional([]string{"hex", "main"}, map[string][]wire.Node{
			"hex": {"b827eb000001", "001122334455", "1e1000000000"}, "main": {"dca632000001"},
		})},
		{"a shelf with probes and fans", parse(t, small)},
		{"hostile names of probes and fans", parse(t, `
version: 1
sites: {hex: {racks: {"1": {shelves: {"on": {columns: 2, depth: 1,
  probes: [{name: "a: b # \"c\" \u2028 <x>", sensor: "urn:dev:ow:28a1000000000000", x: 0.125, y: 1, face: inside, offset: -0.3}],
  fans: [{name: "{}", speed: "urn:dev:mac:x_fan1:speed", healthy: 40.5}], limits: {inlet: 30.5, critical: 50}}}},
  "2": {shelves: {a: {columns: 1, depth: 1}, b: {columns: 1, depth: 1}}}}}, other: {racks: {"2": {shelves: {a: {columns: 1, depth: 1}}}}}}
`)},
		{"a shelf filled by switch ports", parse(t, `
version: 1
sites: {hex: {racks: {a1: {shelves: {s3: {columns: 4, depth: 3, nodes: {switch: sw-a1-3, ports: 5-12}}}}}}}
switches: {sw-a1-3: {mac: 0011223344ff, host: 192.0.2.1, profile: aruba, credentials: /etc/snmp}, spare: {}}
`)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			w.racks.layout = tt.layout
			answer := w.get(t, "/api/v1/layout.yaml")
			if answer.Code != 200 || !strings.Contains(answer.Header().Get("Content-Disposition"), "layout.yaml") {
				t.Fatalf("%d %v %s", answer.Code, answer.Header(), answer.Body)
			}
			got, err := layout.Parse("layout.yaml", answer.Body.Bytes(), fstest.MapFS{})
			if err != nil {
				t.Fatalf("%v in\n%s", err, answer.Body)
			}
			if diff := cmp.Diff(got, tt.layout); diff != "" {
				t.Errorf("-got +want\n%s", diff)
			}
		})
	}
}

func TestALayoutThatNeedsTwoFilesIsNotCutShort(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.racks.layout.Shelves[0].Slots[1].Switch, w.racks.layout.Shelves[0].Slots[1].Port = "sw", 2
	if got := w.get(t, "/api/v1/layout.yaml"); got.Code != 409 || !strings.Contains(got.Body.String(), "slot 2") {
		t.Errorf("%d %s", got.Code, got.Body)
	}
}
