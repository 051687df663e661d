package web_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"thermarack/agent/wire"
	"thermarack/collector/internal/pager"
	"thermarack/collector/internal/placement"
	"thermarack/collector/internal/rack"
	"thermarack/collector/internal/watch"
	"thermarack/collector/internal/web"
)

func TestNewNamesTheOptionThatIsMissing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.opt.Pages = nil
	if _, err := web.New(w.opt); err == nil || !strings.Contains(err.Error(), "Pages") {
		t.Errorf("err = %v, want one that names Pages", err)
	}
}

func TestShelvesAreSummedUp(t *testing.T) {
	t.Parallel()
	firing := func(severity, state string) watch.Active {
		return watch.Active{ID: "1", Alert: "HotTemperature", Severity: severity, Site: "hex", Rack: "a1", Shelf: "s3", State: state, Since: noon}
	}
	tests := []struct {
		name   string
		alerts []watch.Active
		change func(*rack.State)
		want   string
	}{
		{"nothing fires", nil, nil, `"state":"ok","delta_t":5.2,"worst":{"slot":2,"value":52.855}`},
		{"a pending alert is not yet a state", []watch.Active{firing("critical", "pending")}, nil, `"state":"ok","delta_t":5.2,"worst":{"slot":2,"value":52.855}`},
		{"the worst that fires counts", []watch.Active{firing("warning", "firing"), firing("critical", "firing"), firing("warning", "firing")}, nil,
			`"state":"critical","delta_t":5.2,"worst":{"slot":2,"value":52.855}`},
		{"a warning", []watch.Active{firing("warning", "firing")}, nil, `"state":"warning","delta_t":5.2,"worst":{"slot":2,"value":52.855}`},
		{"no fresh data", nil, func(s *rack.State) {
			for i := range s.Slots {
				s.Slots[i].SoC.State = rack.Stale
			}
			for i := range s.Probes {
				s.Probes[i].State = rack.Missing
			}
			s.Figures.DeltaT = rack.Figure{Why: "no fresh inlet"}
		}, `"state":"unknown","delta_t":null,"worst":null`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			w.alerts.set(tt.alerts...)
			if tt.change != nil {
				s := w.racks.states[shelfID]
				tt.change(&s)
				w.racks.states[shelfID] = s
			}
			got := decode(t, w.get(t, "/api/v1/shelves"))
			want := literal(t, `{"shelves":[{"id":"hex/a1/s3","site":"hex","rack":"a1","shelf":"s3","forecast":null,`+tt.want+`}]}`)
			if diff := cmp.Diff(got, want); diff != "" {
				t.Errorf("-got +want\n%s", diff)
			}
		})
	}
}

func TestAShelfShowsValuesOrWhyThereIsNone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.racks.states[shelfID]
	s.Slots[1].SoC = rack.Value{V: 48, Time: noon, State: rack.Stale, Fault: wire.FaultStuck}
	s.Probes[2].Value = rack.Value{State: rack.Missing}
	s.Fans[0].Value.V = 0
	s.Figures.AirFlow = rack.Figure{Why: "power of no slot is known"}
	s.Figures.Class = rack.Figure{Text: "A1", Inputs: "1 of 1 inlets"}
	w.racks.states[shelfID] = s
	got := decode(t, w.get(t, shelfAt)).(map[string]any)

	slots := got["slots"].([]any)
	for i, want := range []string{
		`{"slot":1,"node":"b827eb000001","soc":52,"power":3.9,"seen":"2026-03-04T12:00:00Z","state":"fresh","fault":null}`,
		`{"slot":2,"node":"b827eb000002","soc":48,"power":3.985,"seen":"2026-03-04T12:00:00Z","state":"stale","fault":"stuck"}`,
		`{"slot":3,"node":null,"soc":null,"power":null,"seen":null,"state":"missing","fault":null}`,
	} {
		if diff := cmp.Diff(slots[i], literal(t, want)); diff != "" {
			t.Errorf("slot %d: -got +want\n%s", i+1, diff)
		}
	}
	probe := literal(t, `{"name":"h2","sensor":"urn:dev:ow:28a2000000000000","face":"hot","x":0.8,"y":1,"value":null,"t":null,"state":"missing","fault":null}`)
	if diff := cmp.Diff(got["probes"].([]any)[2], probe); diff != "" {
		t.Errorf("probe: -got +want\n%s", diff)
	}
	fan := literal(t, `{"name":"left","speed":0,"healthy":40,"condition":"stopped","t":"2026-03-04T12:00:00Z","state":"fresh","fault":null}`)
	if diff := cmp.Diff(got["fans"].([]any)[0], fan); diff != "" {
		t.Errorf("fan: -got +want\n%s", diff)
	}
	figures := literal(t, `{"inlet":[24,null,"Cel",null],"delta_t":[5.2,null,"K",null],"power":[46.8,null,"W",null],
		"air_flow":[null,null,"W/K","power of no slot is known"],"class":[null,"A1","",null]}`)
	shown := map[string]any{}
	for key, f := range got["figures"].(map[string]any) {
		one := f.(map[string]any)
		if one["name"] == "" || one["formula"] == "" || one["source"] == "" {
			t.Errorf("%s does not say what it is: %v", key, one)
		}
		if _, asked := figures.(map[string]any)[key]; asked {
			shown[key] = []any{one["value"], one["text"], one["unit"], one["why"]}
		}
	}
	if diff := cmp.Diff(any(shown), figures); diff != "" {
		t.Errorf("figures: -got +want\n%s", diff)
	}
}

func TestFanConditions(t *testing.T) {
	t.Parallel()
	for speed, want := range map[float64]string{44: "ok", 40: "ok", 39.9: "slow", 0: "stopped"} {
		w := newWorld(t)
		w.racks.states[shelfID].Fans[0].Value.V = speed
		got := decode(t, w.get(t, shelfAt)).(map[string]any)["fans"].([]any)[0].(map[string]any)["condition"]
		if got != want {
			t.Errorf("%v of 40 a second is %v, want %s", speed, got, want)
		}
	}
}

func TestAlertsAndPagesAreListed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.alerts.set(
		watch.Active{ID: "a", Alert: "SocTemperature", Severity: "warning", Site: "hex", Rack: "a1", Shelf: "s3", Slot: 5, Since: noon, Summary: "hot", State: "pending"},
		watch.Active{ID: "b", Alert: "FanFailed", Severity: "critical", Site: "hex", Rack: "a1", Shelf: "s3", Since: noon.Add(-time.Minute), Summary: "fan left stands", State: "firing"})
	w.pages.set(
		pager.Notification{Seq: 2, Time: noon, Receiver: "oncall", Integration: "webhook[0]", Status: "firing", Group: map[string]string{"shelf": "s3"}, Alerts: []string{"fan left stands"}, Attempts: 3, Err: "connection refused"},
		pager.Notification{Seq: 1, Time: noon, Receiver: "mail", Integration: "email[0]", Status: "resolved", Attempts: 1})
	tests := []struct{ path, want string }{
		{"/api/v1/alerts", `{"alerts":[
			{"id":"a","alert":"SocTemperature","severity":"warning","site":"hex","rack":"a1","shelf":"s3","slot":5,"since":"2026-03-04T12:00:00Z","summary":"hot","state":"pending"},
			{"id":"b","alert":"FanFailed","severity":"critical","site":"hex","rack":"a1","shelf":"s3","slot":null,"since":"2026-03-04T11:59:00Z","summary":"fan left stands","state":"firing"}]}`},
		{"/api/v1/pages", `{"pages":[
			{"seq":2,"t":"2026-03-04T12:00:00Z","receiver":"oncall","integration":"webhook[0]","status":"firing","group":{"shelf":"s3"},"alerts":["fan left stands"],"attempts":3,"error":"connection refused"},
			{"seq":1,"t":"2026-03-04T12:00:00Z","receiver":"mail","integration":"email[0]","status":"resolved","group":{},"alerts":[],"attempts":1,"error":null}]}`},
	}
	for _, tt := range tests {
		if diff := cmp.Diff(decode(t, w.get(t, tt.path)), literal(t, tt.want)); diff != "" {
			t.Errorf("%s: -got +want\n%s", tt.path, diff)
		}
	}
}

func TestNodesAndUnplacedCarryHostileStringsAsTheyAre(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.racks.nodes = []rack.Node{{
		Node: "b827eb000009", Site: "hex", Status: &wire.Status{Online: true},
		Inventory: &wire.Inventory{Model: hostile, Agent: hostile, Addresses: []string{hostile}},
		Rejected:  map[string]int{"crc": 3}, Throttled: ptr(uint32(0x10004)),
	}}
	spot := placement.Spot{Port: placement.Port{Switch: "sw-a1-3"}, Name: hostile}
	w.racks.unplaced = []rack.Unplaced{{Site: "hex", Node: "b827eb000009", Sensor: hostile, Why: "unknown sensor", Seen: noon, Spot: spot}}
	w.racks.conflicts = []placement.Conflict{{
		Kind: placement.SeveralPorts, Nodes: []wire.Node{"b827eb000009"}, Slots: []placement.Slot{{Shelf: shelfID, Number: 4}},
		Spots: []placement.Spot{spot, {Port: placement.Port{Switch: "sw-a1-3", Number: 4}}},
	}}
	node := decode(t, w.get(t, "/api/v1/nodes")).(map[string]any)["nodes"].([]any)[0]
	wantNode := map[string]any{
		"node": "b827eb000009", "site": "hex", "shelf": nil, "slot": nil, "switch": nil, "seen": nil, "online": true, "serial": nil,
		"model": hostile, "agent": hostile, "addresses": []any{hostile}, "rejected": map[string]any{"crc": 3.0}, "throttled": 65540.0,
	}
	if diff := cmp.Diff(node, any(wantNode)); diff != "" {
		t.Errorf("node: -got +want\n%s", diff)
	}
	port := map[string]any{"switch": "sw-a1-3", "port": nil, "name": hostile}
	want := map[string]any{
		"unplaced": []any{map[string]any{"site": "hex", "node": "b827eb000009", "sensor": hostile, "why": "unknown sensor", "seen": "2026-03-04T12:00:00Z", "port": port}},
		"conflicts": []any{map[string]any{
			"kind": "several-ports", "nodes": []any{"b827eb000009"}, "listed": nil, "listed_in": nil,
			"why":   w.racks.conflicts[0].Why(),
			"ports": []any{port, map[string]any{"switch": "sw-a1-3", "port": 4.0, "name": ""}}, "slots": []any{map[string]any{"shelf": shelfID, "slot": 4.0}},
		}},
	}
	if diff := cmp.Diff(decode(t, w.get(t, "/api/v1/unplaced")), any(want)); diff != "" {
		t.Errorf("unplaced: -got +want\n%s", diff)
	}
}

func ptr[T any](v T) *T { return &v }

func TestAShelfOfThePastHasNoAlertsOfNow(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.alerts.set(watch.Active{ID: "1", Alert: "FanFailed", Severity: "critical", Site: "hex", Rack: "a1", Shelf: "s3", State: "firing", Since: noon})
	now := decode(t, w.get(t, shelfAt)).(map[string]any)
	past := decode(t, w.get(t, shelfAt+"?at=2026-03-04T09:30:00Z")).(map[string]any)
	if got := past["t"]; got != "2026-03-04T09:30:00Z" {
		t.Errorf("the past is of %v", got)
	}
	if len(now["alerts"].([]any)) != 1 || now["state"] != "critical" || len(past["alerts"].([]any)) != 0 || past["state"] != "ok" {
		t.Errorf("now %v %v, then %v %v", now["state"], now["alerts"], past["state"], past["alerts"])
	}
	if got := w.get(t, shelfAt+"?at=later"); got.Code != 400 {
		t.Errorf("status %d of a bad time", got.Code)
	}
}

func TestStatusOfAnswers(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	h := w.server(t).Handler()
	tests := []struct {
		name, method, path string
		status             int
		says               string // part of the body
	}{
		{"the page", "GET", "/", 200, "<title>thermarack</title>"},
		{"HEAD of the page", "HEAD", "/", 200, ""},
		{"HEAD of a stream ends", "HEAD", "/api/v1/events", 200, ""},
		{"a script", "GET", "/assets/app.js", 200, "import"},
		{"no such script", "GET", "/assets/none.js", 404, "no such file"},
		{"a part that others wrote", "GET", "/assets/uplot/uPlot.esm.js", 200, "export"},
		{"its licence", "GET", "/assets/uplot/LICENSE", 200, "MIT License"},
		{"nothing that only tsc reads", "GET", "/assets/types.d.ts", 404, "no such file"},
		{"the page has one address only", "GET", "/assets/index.html", 404, "no such file"},
		{"no such page", "GET", "/admin", 404, `{"error":"not found"}`},
		{"no such shelf", "GET", "/api/v1/shelves/hex/a1/s4", 404, `no shelf \"hex/a1/s4\"`},
		{"no map of such a shelf", "GET", "/api/v1/shelves/hex/a1/s4/heatmap.svg", 404, `no shelf`},
		{"no such image", "GET", shelfAt + "/heatmap.gif", 404, "heatmap.svg"},
		{"a wrong method", "POST", "/api/v1/shelves", 405, `{"error":"method not allowed"}`},
		{"a bad time", "GET", shelfAt + "/heatmap.svg?at=yesterday", 400, "parameter at:"},
		{"a time before the epoch", "GET", shelfAt + "/heatmap.svg?at=-5", 400, "parameter at:"},
		{"a time that is no number", "GET", shelfAt + "/heatmap.svg?at=NaN", 400, "parameter at:"},
		{"colours of no such shelf", "GET", "/api/v1/shelves/hex/a1/s4/scale", 404, "no shelf"},
		{"colours of an unknown layer", "GET", shelfAt + "/scale?layer=x", 400, "parameter layer:"},
		{"colours of an unknown palette", "GET", shelfAt + "/scale?palette=x", 400, "parameter palette:"},
		{"an unknown layer", "GET", shelfAt + "/heatmap.svg?layer=x", 400, "parameter layer:"},
		{"an unknown palette", "GET", shelfAt + "/heatmap.svg?palette=rainbow", 400, "parameter palette:"},
		{"an unknown theme", "GET", shelfAt + "/heatmap.svg?theme=x", 400, "parameter theme:"},
		{"a width that costs too much", "GET", shelfAt + "/heatmap.png?width=100000", 400, "parameter width:"},
		{"a width that is no number", "GET", shelfAt + "/heatmap.png?width=1e3", 400, "parameter width:"},
		{"metrics", "GET", "/metrics", 200, "up 1"},
		{"health", "GET", "/healthz", 200, `{"status":"ok"}`},
		{"readiness", "GET", "/readyz", 200, `{"status":"ready"}`},
		{"the clock", "GET", "/api/v1/clock", 200, `{"t":"2026-03-04T12:00:00Z","speed":1e-9,"demo":false}`},
		{"Alertmanager's API", "GET", "/alertmanager/api/v2/alerts", 200, "GET /alertmanager/api/v2/alerts"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := httptest.NewRequest(tt.method, tt.path, nil)
			r.Header.Set("Content-Type", "application/json")
			got := ask(h, r)
			if got.Code != tt.status || !strings.Contains(got.Body.String(), tt.says) {
				t.Errorf("%d %s, want %d and %s", got.Code, got.Body, tt.status, tt.says)
			}
			if got.Code >= 400 && decode(t, got).(map[string]any)["error"] == nil {
				t.Errorf("the body %s has no error", got.Body)
			}
		})
	}
}

func TestWhyNotReadyIsTold(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.opt.Ready = func() error { return errors.New("store: below 256 MiB free") }
	if got := w.get(t, "/readyz"); got.Code != 503 || !strings.Contains(got.Body.String(), "256 MiB") {
		t.Errorf("%d %s", got.Code, got.Body)
	}
}

func TestAnInternalErrorIsNotTold(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.racks.err = errors.New("open /var/lib/thermarack: secret")
	got := w.get(t, shelfAt)
	if got.Code != 500 || strings.Contains(got.Body.String(), "secret") {
		t.Errorf("%d %s", got.Code, got.Body)
	}
	if got.Header().Get("ETag") != "" || got.Result().Header.Get("Cache-Control") != "no-store" {
		t.Errorf("an error may be kept: %v", got.Header())
	}
}

func TestAssetsAreSentOnce(t *testing.T) {
	t.Parallel()
	h := newWorld(t).server(t).Handler()
	for _, path := range []string{"/", "/assets/style.css", "/assets/app.js", "/assets/icon.svg", "/api/v1/openapi.yaml"} {
		first := ask(h, httptest.NewRequest("GET", path, nil))
		again := httptest.NewRequest("GET", path, nil)
		again.Header.Set("If-None-Match", `"other", W/`+first.Header().Get("ETag"))
		second := ask(h, again)
		if first.Code != 200 || second.Code != http.StatusNotModified || second.Body.Len() != 0 {
			t.Errorf("%s: %d, then %d with %d bytes", path, first.Code, second.Code, second.Body.Len())
		}
	}
}
