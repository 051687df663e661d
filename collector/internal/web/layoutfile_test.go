package web_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
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

func TestALayoutOfAFileIsServedToItsOwnMachineWithThePisThatSwitchesShow(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.racks.layout = parse(t, strings.Replace(small, "nodes: {1: b827eb000001, 2: b827eb000002, 5: b827eb000005}", "nodes: {switch: sw, ports: 1-12}", 1)+
		"switches: {sw: {mac: 0011223344ff, host: 192.0.2.9, credentials: snmp.yaml}}")
	w.racks.layout.Shelves[0].Slots[4].Node = "b827eb000009"
	for from, code := range map[string]int{"127.0.0.1:5": http.StatusOK, "192.0.2.7:5": http.StatusForbidden} {
		r := httptest.NewRequest(http.MethodGet, "/api/v1/layout.yaml", nil)
		r.RemoteAddr = from
		answer := ask(w.server(t).Handler(), r)
		if answer.Code != code {
			t.Fatalf("%s: %d %s", from, answer.Code, answer.Body)
		}
		if code != http.StatusOK {
			decode(t, answer)
			continue
		}
		if diff := cmp.Diff(parse(t, answer.Body.String()), w.racks.layout); diff != "" {
			t.Errorf("-got +want\n%s", diff)
		}
	}
}
