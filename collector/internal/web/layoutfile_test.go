package web_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"thermarack/agent/wire"
	"thermarack/agent/wire/layout"
	"thermarack/collector/internal/rack"
)

func TestADownloadedLayoutIsTheProvisionalOne(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		sites []string
		nodes map[string][]wire.Node
	}{
		{"nothing known yet", nil, nil},
		{"one Pi", []string{"main"}, map[string][]wire.Node{"main": {"dca632000001"}}},
		{"two sites", []string{"hex", "main"}, map[string][]wire.Node{
			"hex": {"b827eb000001", "001122334455", "1e1000000000"}, "main": {"dca632000001"},
		}},
		{"sites whose names are other things to YAML", []string{"1", "on"}, map[string][]wire.Node{
			"1": {"b827eb000001"}, "on": {"b827eb000002"},
		}},
		{"more than a row", []string{"hex"}, map[string][]wire.Node{"hex": manyNodes(30)}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			w.racks.layout, w.racks.provisional = rack.Provisional(tt.sites, tt.nodes), true
			answer := w.get(t, "/api/v1/layout.yaml")
			if answer.Code != 200 || !strings.Contains(answer.Header().Get("Content-Disposition"), "layout.yaml") {
				t.Fatalf("%d %v %s", answer.Code, answer.Header(), answer.Body)
			}
			got, err := layout.Parse("layout.yaml", answer.Body.Bytes(), fstest.MapFS{})
			if err != nil {
				t.Fatalf("%v in\n%s", err, answer.Body)
			}
			if diff := cmp.Diff(got, w.racks.layout); diff != "" {
				t.Errorf("-got +want\n%s", diff)
			}
		})
	}
}

func manyNodes(n int) []wire.Node {
	nodes := make([]wire.Node, n)
	for i := range nodes {
		nodes[i] = wire.Node(fmt.Sprintf("b827eb%06x", i))
	}
	return nodes
}

func TestALayoutFromAFileStaysWhereItWasWritten(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	got := w.get(t, "/api/v1/layout.yaml")
	if got.Code != 404 || !strings.Contains(got.Body.String(), "layout file") || got.Header().Get("Content-Disposition") != "" {
		t.Errorf("%d %v %s", got.Code, got.Header(), got.Body)
	}
	decode(t, got)
}
