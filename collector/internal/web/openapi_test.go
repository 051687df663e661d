package web_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"

	"thermarack/agent/wire"
	"thermarack/collector/internal/pager"
	"thermarack/collector/internal/placement"
	"thermarack/collector/internal/promapi"
	"thermarack/collector/internal/rack"
	"thermarack/collector/internal/watch"
)

// A document is the part of OpenAPI that our file uses.
type document struct {
	Paths      map[string]map[string]yaml.Node `yaml:"paths"`
	Components struct {
		Schemas map[string]*schema `yaml:"schemas"`
	} `yaml:"components"`
}

type operation struct {
	Responses map[string]struct {
		Content map[string]struct {
			Schema *schema `yaml:"schema"`
		} `yaml:"content"`
	} `yaml:"responses"`
}

type schema struct {
	Ref        string             `yaml:"$ref"`
	Type       yaml.Node          `yaml:"type"`
	Enum       []string           `yaml:"enum"`
	Format     string             `yaml:"format"`
	Required   []string           `yaml:"required"`
	Properties map[string]*schema `yaml:"properties"`
	Additional *schema            `yaml:"additionalProperties"`
	Items      *schema            `yaml:"items"`
}

func openAPI(t *testing.T, w *world) *document {
	t.Helper()
	var d document
	if err := yaml.Unmarshal(w.get(t, "/api/v1/openapi.yaml").Body.Bytes(), &d); err != nil {
		t.Fatal(err)
	}
	return &d
}

func TestEveryRouteIsDocumentedAndNoOther(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var served, documented []string
	for _, pattern := range w.server(t).Patterns() {
		pattern = strings.Replace(strings.TrimSuffix(pattern, "{$}"), "...}", "}", 1)
		if pattern == "/alertmanager/" { // all that is below, by any method
			served = append(served, "DELETE /alertmanager/{path}", "GET /alertmanager/{path}", "POST /alertmanager/{path}")
			continue
		}
		if pattern == "/prometheus/" {
			for _, pattern := range promapi.New(promapi.Options{}).Patterns() {
				served = append(served, strings.Replace(pattern, " ", " /prometheus", 1))
			}
			continue
		}
		served = append(served, pattern)
	}
	for path, operations := range openAPI(t, w).Paths {
		for method := range operations {
			if method != "parameters" && method != "description" {
				documented = append(documented, strings.ToUpper(method)+" "+path)
			}
		}
	}
	slices.Sort(served)
	slices.Sort(documented)
	if diff := cmp.Diff(served, documented); diff != "" {
		t.Errorf("-served +documented\n%s", diff)
	}
}

// full is a world whose answers leave no list empty.
func full(t *testing.T) *world {
	w := newWorld(t)
	w.series["a:temperature"] = every(time.Minute, func(time.Time) float64 { return 1 })
	w.playable(t)
	w.racks.nodes = []rack.Node{
		{Node: "b827eb000001", Site: "hex", Shelf: shelfID, Slot: 1, Seen: noon, Status: &wire.Status{}, Inventory: &wire.Inventory{Model: "Pi", Serial: "1", Agent: "1", Addresses: []string{"192.0.2.1"}}, Rejected: map[string]int{"crc": 1}, Throttled: new(uint32)},
		{Node: "b827eb000002", Site: "hex"}}
	w.racks.conflicts = []placement.Conflict{{
		Kind: placement.LayoutDiffers, Nodes: []wire.Node{"b827eb000002"}, Spots: []placement.Spot{{Port: placement.Port{Switch: "sw", Number: 1}, Name: "gi1"}},
		Slots: []placement.Slot{{Shelf: shelfID, Number: 1}}, Listed: "b827eb000001", ListedIn: &placement.Slot{Shelf: shelfID, Number: 2},
	}}
	w.racks.unplaced = []rack.Unplaced{{Site: "hex", Node: "b827eb000002", Why: "unknown node", Seen: noon, Spot: w.racks.conflicts[0].Spots[0]}, {Site: "hex", Node: "b827eb000002", Sensor: "urn:dev:ow:28", Why: "unknown sensor"}}
	w.alerts.set(
		watch.Active{ID: "1", Alert: "FanFailed", Severity: "critical", Site: "hex", Rack: "a1", Shelf: "s3", State: "firing", Since: noon},
		watch.Active{ID: "2", Alert: "SocTemperature", Severity: "warning", Site: "hex", Rack: "a1", Shelf: "s3", Slot: 2, State: "pending", Since: noon})
	w.pages.set(pager.Notification{Seq: 1, Time: noon, Status: "firing", Group: map[string]string{"shelf": "s3"}, Alerts: []string{"x"}, Attempts: 1, Err: "refused"})
	return w
}

func TestAnswersHaveTheDocumentedFields(t *testing.T) {
	t.Parallel()
	w := full(t)
	d := openAPI(t, w)
	tests := map[string][]string{ // paths of requests by path of the document
		"/api/v1/shelves":                                {"/api/v1/shelves"},
		"/api/v1/shelves/{site}/{rack}/{shelf}":          {shelfAt, shelfAt + "?at=1772600000"},
		"/api/v1/shelves/{site}/{rack}/{shelf}/scale":    {shelfAt + "/scale", shelfAt + "/scale?layer=poe&palette=inferno"},
		"/api/v1/shelves/{site}/{rack}/{shelf}/{image}":  {shelfAt + "/heatmap.json", shelfAt + "/heatmap.json?layer=poe"},
		"/api/v1/shelves/{site}/{rack}/{shelf}/playback": {shelfAt + "/playback", shelfAt + "/playback?layer=soc&frames=3"},
		"/api/v1/racks/{site}/{rack}/{image}":            {"/api/v1/racks/hex/a1/heatmap.json", "/api/v1/racks/hex/a1/heatmap.json?shelf=hex/a1/s3&layer=soc"},
		"/api/v1/sites/{site}/{image}":                   {"/api/v1/sites/hex/heatmap.json", "/api/v1/sites/hex/heatmap.json?layer=delta&at=1772600000"},
		"/api/v1/series":                                 {"/api/v1/series?sensor=a:temperature", "/api/v1/series?sensor=a:temperature&step=60"},
		"/api/v1/nodes":                                  {"/api/v1/nodes"},
		"/api/v1/unplaced":                               {"/api/v1/unplaced"},
		"/api/v1/alerts":                                 {"/api/v1/alerts"},
		"/api/v1/pages":                                  {"/api/v1/pages"},
		"/api/v1/clock":                                  {"/api/v1/clock"},
		"/healthz":                                       {"/healthz"},
		"/readyz":                                        {"/readyz"},
	}
	checked := 0
	for path, operations := range d.Paths {
		node, ok := operations["get"]
		if !ok {
			continue
		}
		var get operation
		if err := node.Decode(&get); err != nil {
			t.Fatal(err)
		}
		want := get.Responses["200"].Content["application/json"].Schema
		if want == nil {
			continue
		}
		if len(tests[path]) == 0 {
			t.Errorf("%s has a schema and is not tried", path)
		}
		for _, request := range tests[path] {
			checked++
			for _, fault := range d.faults(want, decode(t, w.get(t, request)), request) {
				t.Error(fault)
			}
		}
	}
	if checked < len(tests) {
		t.Errorf("only %d answers compared", checked)
	}
}

func TestAWrongAnswerWouldBeSeen(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	d := openAPI(t, w)
	tests := map[string]string{
		`{"alerts":[{}]}`:            "alerts[0]: id is missing",
		`{"alerts":[],"more":1}`:     "more is not documented",
		`{"alerts":null}`:            "alerts: <nil> is no array",
		`{"alerts":[{"slot":"1"}]}`:  "slot: 1 is no",
		`{"alerts":[{"state":"x"}]}`: "state: x is none of",
		`{"alerts":[{"since":"x"}]}`: "since: x is no RFC 3339",
	}
	for text, want := range tests {
		faults := d.faults(d.Components.Schemas["Alerts"], literal(t, text), "")
		if !strings.Contains(strings.Join(faults, "\n"), want) {
			t.Errorf("%s: %q, want %q", text, faults, want)
		}
	}
}

// faults says where v is not what s documents, more or less fields included.
func (d *document) faults(s *schema, v any, at string) []string {
	if name, ok := strings.CutPrefix(s.Ref, "#/components/schemas/"); ok {
		return d.faults(d.Components.Schemas[name], v, at)
	}
	if !slices.Contains(s.types(), typeOf(v)) && !(typeOf(v) == "integer" && slices.Contains(s.types(), "number")) {
		return []string{fmt.Sprintf("%s: %v is no %s", at, v, strings.Join(s.types(), " or "))}
	}
	switch v := v.(type) {
	case map[string]any:
		return d.objectFaults(s, v, at)
	case []any:
		var faults []string
		for i, item := range v {
			faults = append(faults, d.faults(s.Items, item, fmt.Sprintf("%s[%d]", at, i))...)
		}
		return faults
	case string:
		return s.textFaults(v, at)
	}
	return nil
}

func (d *document) objectFaults(s *schema, v map[string]any, at string) []string {
	var faults []string
	for _, name := range s.Required {
		if _, ok := v[name]; !ok {
			faults = append(faults, at+": "+name+" is missing")
		}
	}
	for _, name := range slices.Sorted(maps.Keys(v)) {
		field, ok := s.Properties[name]
		if !ok {
			field = s.Additional
		}
		if field == nil {
			faults = append(faults, at+": "+name+" is not documented")
			continue
		}
		faults = append(faults, d.faults(field, v[name], at+" "+name)...)
	}
	return faults
}

func (s *schema) textFaults(v, at string) []string {
	if len(s.Enum) > 0 && !slices.Contains(s.Enum, v) {
		return []string{fmt.Sprintf("%s: %s is none of %v", at, v, s.Enum)}
	}
	if _, err := time.Parse(time.RFC3339, v); s.Format == "date-time" && (err != nil || !strings.HasSuffix(v, "Z")) {
		return []string{fmt.Sprintf("%s: %s is no RFC 3339 in UTC", at, v)}
	}
	return nil
}

func (s *schema) types() []string {
	if s.Type.Kind == yaml.ScalarNode {
		return []string{s.Type.Value}
	}
	var types []string
	for _, n := range s.Type.Content {
		types = append(types, n.Value)
	}
	return types
}

func typeOf(v any) string {
	switch v := v.(type) {
	case nil:
		return "null"
	case bool:
		return "boolean"
	case float64:
		if v == float64(int64(v)) {
			return "integer"
		}
		return "number"
	case string:
		return "string"
	case []any:
		return "array"
	}
	return "object"
}
