package web

import (
	"bytes"
	"context"
	"net/http"
	"slices"
	"time"

	"thermarack/agent/wire/layout"
	"thermarack/collector/internal/rack"
	"thermarack/collector/internal/watch"
)

// What /api/v1/shelves answers.
type (
	shelfLine struct {
		ID       string     `json:"id"`
		Site     string     `json:"site"`
		Rack     string     `json:"rack"`
		Shelf    string     `json:"shelf"`
		State    string     `json:"state"`
		DeltaT   *float64   `json:"delta_t"`
		Worst    *worstSlot `json:"worst"`
		Forecast any        `json:"forecast"` // nil until there is a forecaster
	}
	worstSlot struct {
		Slot  int      `json:"slot"`
		Value *float64 `json:"value"`
	}
)

// What /api/v1/shelves/{site}/{rack}/{shelf} answers.
type (
	shelfDocument struct {
		shelfLine
		T       time.Time  `json:"t"`
		Columns int        `json:"columns"`
		Depth   int        `json:"depth"`
		Limits  limitsLine `json:"limits"`
		Slots   []slotLine `json:"slots"`
		Probes  []probe    `json:"probes"`
		Fans    []fan      `json:"fans"`
		Figures figures    `json:"figures"` // by key
		Alerts  []alert    `json:"alerts"`
	}
	limitsLine struct {
		Inlet    float64 `json:"inlet"`
		Hot      float64 `json:"hot"`
		SoC      float64 `json:"soc"`
		Critical float64 `json:"critical"`
	}
	slotLine struct {
		Slot  int            `json:"slot"`
		Node  *string        `json:"node"`
		SoC   *float64       `json:"soc"`
		Power *float64       `json:"power"`
		Seen  *time.Time     `json:"seen"`
		State rack.Freshness `json:"state"` // of soc
		Fault *string        `json:"fault"`
	}
	probe struct {
		Name   string         `json:"name"`
		Sensor string         `json:"sensor"`
		Face   layout.Face    `json:"face"`
		X      float64        `json:"x"`
		Y      float64        `json:"y"`
		Value  *float64       `json:"value"`
		T      *time.Time     `json:"t"`
		State  rack.Freshness `json:"state"`
		Fault  *string        `json:"fault"`
	}
	fan struct {
		Name      string         `json:"name"`
		Speed     *float64       `json:"speed"`
		Healthy   float64        `json:"healthy"`
		Condition string         `json:"condition"`
		T         *time.Time     `json:"t"`
		State     rack.Freshness `json:"state"`
		Fault     *string        `json:"fault"`
	}
	figures map[string]figure
	figure  struct {
		Name    string   `json:"name"`
		Value   *float64 `json:"value"`
		Text    *string  `json:"text"` // of a figure that is a word
		Unit    string   `json:"unit"`
		Why     *string  `json:"why"` // of a value that cannot be computed
		Formula string   `json:"formula"`
		Inputs  string   `json:"inputs"`
		Source  string   `json:"source"`
	}
)

func (s *Server) shelves(w http.ResponseWriter, r *http.Request) error {
	got, err := s.cache.get(r.Context(), "shelves", s.hub.version(""), func(ctx context.Context, out *bytes.Buffer) error {
		lines := []shelfLine{}
		active := s.opt.Alerts.Active()
		shelves := s.opt.Racks.Layout().Shelves // a provisional layout may change meanwhile
		for i := range shelves {
			id := shelves[i].ID()
			state, err := s.state(ctx, id, time.Time{})
			if err != nil {
				return err
			}
			lines = append(lines, describe(state, of(active, id)))
		}
		return encodeJSON(out, map[string]any{"shelves": lines})
	})
	if err != nil {
		return err
	}
	return got.send(w, r, jsonType)
}

// shelf answers with the document of one shelf. Of the past it lists no alerts:
// the ones that fired then are not kept here.
func (s *Server) shelf(w http.ResponseWriter, r *http.Request) error {
	id := shelfID(r)
	at, err := timeOf(r.URL.Query(), "at", time.Time{})
	if err != nil {
		return err
	}
	write := func(ctx context.Context, out *bytes.Buffer) error {
		state, err := s.state(ctx, id, at)
		if err != nil {
			return err
		}
		var active []watch.Active
		if at.IsZero() {
			active = of(s.opt.Alerts.Active(), id)
		}
		return encodeJSON(out, document(state, active))
	}
	got, err := s.liveOrPast(r.Context(), live{key: "shelf " + id, shelf: id, at: at}, write)
	if err != nil {
		return err
	}
	return got.send(w, r, jsonType)
}

// A live answer is kept under a key until its shelf changes; at, when it is not
// zero, is a moment that has passed, which is not kept.
type live struct {
	key, shelf string
	at         time.Time
}

func (s *Server) liveOrPast(ctx context.Context, l live, write func(context.Context, *bytes.Buffer) error) (rendering, error) {
	if !l.at.IsZero() {
		return s.cache.once(ctx, write)
	}
	return s.cache.get(ctx, l.key, s.hub.version(l.shelf), write)
}

func shelfID(r *http.Request) string {
	return r.PathValue("site") + "/" + r.PathValue("rack") + "/" + r.PathValue("shelf")
}

// of returns the alerts of one shelf.
func of(active []watch.Active, shelf string) []watch.Active {
	var its []watch.Active
	for _, a := range active {
		if a.Concerns(shelf) {
			its = append(its, a)
		}
	}
	return its
}

// describe sums a shelf up in one line.
func describe(s rack.State, active []watch.Active) shelfLine {
	line := shelfLine{
		ID: s.Shelf.ID(), Site: s.Shelf.Site, Rack: s.Shelf.Rack, Shelf: s.Shelf.Name,
		State: shelfState(s, active), Worst: worst(s.Slots),
	}
	if s.Figures.DeltaT.Ok() {
		line.DeltaT = number(s.Figures.DeltaT.V)
	}
	return line
}

// shelfState is the worst that fires; of a shelf where nothing fires, whether
// anything is known.
func shelfState(s rack.State, active []watch.Active) string {
	return worse(calmState(s), active)
}

// calmState is the state of a shelf where nothing fires.
func calmState(s rack.State) string {
	if !known(s) {
		return "unknown"
	}
	return "ok"
}

// worse is the state of a shelf of which these alerts are.
func worse(state string, active []watch.Active) string {
	for _, a := range active {
		switch {
		case a.State != "firing":
		case a.Severity == "critical":
			return "critical"
		default:
			state = "warning"
		}
	}
	return state
}

func known(s rack.State) bool {
	return slices.ContainsFunc(s.Probes, func(p rack.Probe) bool { return p.Ok() }) ||
		slices.ContainsFunc(s.Slots, func(slot rack.Slot) bool { return slot.SoC.Ok() })
}

// worst finds the hottest fresh processor, nil when there is none.
func worst(slots []rack.Slot) *worstSlot {
	var hottest *rack.Slot
	for i := range slots {
		if slot := &slots[i]; slot.SoC.Ok() && (hottest == nil || slot.SoC.V > hottest.SoC.V) {
			hottest = slot
		}
	}
	if hottest == nil {
		return nil
	}
	return &worstSlot{hottest.Number, number(hottest.SoC.V)}
}

func document(s rack.State, active []watch.Active) shelfDocument {
	limits := s.Shelf.Limits
	d := shelfDocument{
		shelfLine: describe(s, active),
		T:         stamp(s.At), Columns: s.Shelf.Columns, Depth: s.Shelf.Depth,
		Limits:  limitsLine{Inlet: limits.Inlet, Hot: limits.Hot, SoC: limits.SoC, Critical: limits.Critical},
		Slots:   make([]slotLine, len(s.Slots)),
		Probes:  make([]probe, len(s.Probes)),
		Fans:    make([]fan, len(s.Fans)),
		Figures: newFigures(s.Figures),
		Alerts:  alertLines(active),
	}
	for i, slot := range s.Slots {
		d.Slots[i] = slotLine{
			Slot: slot.Number, Node: textOrNil(string(slot.Node)), SoC: value(slot.SoC), Power: value(slot.Power),
			Seen: stampOrNil(slot.Seen), State: slot.SoC.State, Fault: textOrNil(slot.SoC.Fault),
		}
	}
	for i, p := range s.Probes {
		d.Probes[i] = probe{
			Name: p.Name, Sensor: p.Sensor, Face: p.Face, X: p.X, Y: p.Y,
			Value: value(p.Value), T: stampOrNil(p.Value.Time), State: p.Value.State, Fault: textOrNil(p.Fault),
		}
	}
	for i, f := range s.Fans {
		d.Fans[i] = fan{
			Name: f.Name, Speed: value(f.Value), Healthy: f.Healthy, Condition: condition(f),
			T: stampOrNil(f.Value.Time), State: f.Value.State, Fault: textOrNil(f.Fault),
		}
	}
	return d
}

// value returns what was measured, fresh or stale; nil when nothing was.
func value(v rack.Value) *float64 {
	if v.State == rack.Missing {
		return nil
	}
	return number(v.V)
}

func newFigures(f rack.Figures) figures {
	all := figures{}
	for _, d := range f.Described() {
		one := figure{
			Name: d.Name, Text: textOrNil(d.Text), Unit: d.Unit, Why: textOrNil(d.Why),
			Formula: d.Formula, Inputs: d.Inputs, Source: d.Source,
		}
		if d.Ok() && d.Text == "" {
			one.Value = number(d.V)
		}
		all[d.Key] = one
	}
	return all
}

// condition says in a word how a fan does.
func condition(f rack.Fan) string {
	switch {
	case !f.Ok():
		return "unknown"
	case f.V <= 0:
		return "stopped"
	case f.V < f.Healthy:
		return "slow"
	}
	return "ok"
}

func textOrNil(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}
