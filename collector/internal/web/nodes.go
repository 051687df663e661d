package web

import (
	"net/http"
	"time"
)

type nodeLine struct {
	Node      string         `json:"node"`
	Site      string         `json:"site"`
	Shelf     *string        `json:"shelf"`
	Slot      *int           `json:"slot"`
	Switch    *string        `json:"switch"` // its name in the layout; nil for a Pi
	Seen      *time.Time     `json:"seen"`
	Online    *bool          `json:"online"` // nil: it has never said, or not since our start that it is
	Model     *string        `json:"model"`
	Serial    *string        `json:"serial"`
	Agent     *string        `json:"agent"`
	Addresses []string       `json:"addresses"`
	Rejected  map[string]int `json:"rejected"`
	Throttled *uint32        `json:"throttled"` // nil: there was none since our start
}

func (s *Server) nodes(w http.ResponseWriter, _ *http.Request) error {
	nodes := s.opt.Racks.Nodes()
	lines := make([]nodeLine, len(nodes))
	for i, n := range nodes {
		line := nodeLine{
			Node: string(n.Node), Site: n.Site, Shelf: textOrNil(n.Shelf), Switch: textOrNil(n.Switch), Seen: stampOrNil(n.Seen),
			Addresses: []string{}, Rejected: map[string]int{}, Throttled: n.Throttled,
		}
		if n.Slot != 0 {
			line.Slot = &n.Slot
		}
		if n.Status != nil && !(n.Unheard && n.Status.Online) {
			line.Online = &n.Status.Online
		}
		if n.Inventory != nil {
			line.Model, line.Serial = textOrNil(n.Inventory.Model), textOrNil(n.Inventory.Serial)
			line.Agent = textOrNil(n.Inventory.Agent)
			line.Addresses = append(line.Addresses, n.Inventory.Addresses...)
		}
		if n.Rejected != nil {
			line.Rejected = n.Rejected
		}
		lines[i] = line
	}
	return writeJSON(w, map[string]any{"nodes": lines})
}
