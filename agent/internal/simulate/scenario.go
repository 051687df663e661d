package simulate

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"thermarack/agent/wire/yamlfile"
	"thermarack/hardware/sim"
)

// An entry is one item of the scenario file as written.
type entry struct {
	At    string `yaml:"at"`    // since the start, such as 1h30m
	Shelf string `yaml:"shelf"` // id; may be left out if there is one only

	Fan     int      `yaml:"fan"`
	Running *bool    `yaml:"running"`
	Load    *float64 `yaml:"load"`
	Slot    int      `yaml:"slot"`
	Offline *bool    `yaml:"offline"`
	Probe   string   `yaml:"probe"`
	Fault   *string  `yaml:"fault"`
}

// readScenario is parseScenario of a file. The error may also say why the file
// cannot be read.
func readScenario(path string, shelves []*shelf, start time.Time) ([]event, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read scenario: %w", err)
	}
	return parseScenario(path, text, shelves, start)
}

// parseScenario returns the events of a scenario in time order, those of one
// instant in the text's. The error is yamlfile.Problems, with everything that is
// wrong.
func parseScenario(name string, text []byte, shelves []*shelf, start time.Time) ([]event, error) {
	var entries []entry
	if err := yamlfile.Decode(name, text, &entries); err != nil {
		return nil, err
	}
	lines := itemLines(text)
	var events []event
	var problems yamlfile.Problems
	for i, raw := range entries {
		e, err := raw.event(shelves, start)
		if err != nil {
			problems = append(problems, yamlfile.Problem{File: name, Line: lines[i], Text: err.Error()})
		}
		events = append(events, e)
	}
	slices.SortStableFunc(events, func(a, b event) int { return a.at.Compare(b.at) })
	return events, problems.Err()
}

// itemLines returns the line of each item of the list in text, which has been
// decoded before.
func itemLines(text []byte) []int {
	var document yaml.Node
	if yaml.Unmarshal(text, &document) != nil || len(document.Content) == 0 {
		return nil
	}
	var lines []int
	for _, item := range document.Content[0].Content {
		lines = append(lines, item.Line)
	}
	return lines
}

func (raw entry) event(shelves []*shelf, start time.Time) (event, error) {
	since, err := time.ParseDuration(raw.At)
	if err != nil || since < 0 {
		return event{}, fmt.Errorf("at %.40q: want the time since the start, such as 1h30m", raw.At)
	}
	s, err := find(shelves, raw.Shelf)
	if err != nil {
		return event{}, err
	}
	e := event{at: start.Add(since), shelf: s, Event: sim.Event{
		Fan: raw.Fan, Running: raw.Running, Load: raw.Load,
		Slot: raw.Slot, Offline: raw.Offline, Probe: raw.Probe, Fault: raw.Fault,
	}}
	if err := s.air.Clone().Apply(e.Event); err != nil {
		return event{}, errors.New(strings.TrimPrefix(err.Error(), "sim: "))
	}
	if slices.Contains(s.empty(), raw.Slot) {
		return event{}, fmt.Errorf("slot %d: the layout has no Pi there", raw.Slot)
	}
	return e, nil
}

// find returns the shelf with an id, or the only one for "".
func find(shelves []*shelf, id string) (*shelf, error) {
	if id == "" && len(shelves) == 1 {
		return shelves[0], nil
	}
	ids := make([]string, len(shelves))
	for i, s := range shelves {
		if ids[i] = s.ID(); ids[i] == id {
			return s, nil
		}
	}
	if id == "" {
		return nil, fmt.Errorf("say which shelf: the layout has %s", strings.Join(ids, ", "))
	}
	return nil, fmt.Errorf("shelf %.80q: the layout has %s", id, strings.Join(ids, ", "))
}
