package web

import (
	"net/http"
	"time"

	"thermarack/agent/wire"
	"thermarack/collector/internal/placement"
)

type (
	unplacedLine struct {
		Site   string     `json:"site"`
		Node   string     `json:"node"`
		Sensor *string    `json:"sensor"` // nil: the node itself
		Why    string     `json:"why"`
		Seen   *time.Time `json:"seen"`
		Port   *portLine  `json:"port"` // that shows the node; nil: none does
	}
	portLine struct {
		Switch string `json:"switch"`
		Port   *int   `json:"port"` // nil: it has no number in the layout
		Name   string `json:"name"` // hostile
	}
	slotName struct {
		Shelf string `json:"shelf"`
		Slot  int    `json:"slot"`
	}
	conflictLine struct {
		Kind     string      `json:"kind"`
		Why      string      `json:"why"`
		Nodes    []wire.Node `json:"nodes"`
		Ports    []portLine  `json:"ports"`
		Slots    []slotName  `json:"slots"`
		Listed   *string     `json:"listed"`
		ListedIn *slotName   `json:"listed_in"`
	}
)

// unplaced lists what stands nowhere, and what contradicts what about the places
// of Pis.
func (s *Server) unplaced(w http.ResponseWriter, _ *http.Request) error {
	unplaced := s.opt.Racks.Unplaced()
	lines := make([]unplacedLine, len(unplaced))
	for i, u := range unplaced {
		lines[i] = unplacedLine{
			Site: u.Site, Node: string(u.Node), Sensor: textOrNil(u.Sensor), Why: u.Why, Seen: stampOrNil(u.Seen),
		}
		if u.Spot != (placement.Spot{}) {
			port := portOf(u.Spot)
			lines[i].Port = &port
		}
	}
	conflicts := []conflictLine{}
	for _, c := range s.opt.Racks.Conflicts() {
		conflicts = append(conflicts, conflictOf(c))
	}
	return writeJSON(w, map[string]any{"unplaced": lines, "conflicts": conflicts})
}

func portOf(s placement.Spot) portLine {
	line := portLine{Switch: s.Switch, Name: s.Name}
	if s.Number != 0 {
		line.Port = &s.Number
	}
	return line
}

func conflictOf(c placement.Conflict) conflictLine {
	line := conflictLine{
		Kind: string(c.Kind), Why: c.Why(), Nodes: c.Nodes, Listed: textOrNil(string(c.Listed)),
		Ports: make([]portLine, len(c.Spots)), Slots: make([]slotName, len(c.Slots)),
	}
	for i, spot := range c.Spots {
		line.Ports[i] = portOf(spot)
	}
	for i, slot := range c.Slots {
		line.Slots[i] = slotName{slot.Shelf, slot.Number}
	}
	if c.ListedIn != nil {
		line.ListedIn = &slotName{c.ListedIn.Shelf, c.ListedIn.Number}
	}
	return line
}
