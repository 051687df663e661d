package web

import (
	"net/http"
	"time"

	"thermarack/collector/internal/watch"
)

type alert struct {
	ID       string    `json:"id"`
	Alert    string    `json:"alert"`
	Severity string    `json:"severity"`
	Site     string    `json:"site"`
	Rack     string    `json:"rack"`
	Shelf    string    `json:"shelf"`
	Slot     *int      `json:"slot"` // nil when it is not about one slot
	Since    time.Time `json:"since"`
	Summary  string    `json:"summary"`
	State    string    `json:"state"`
}

func (s *Server) alerts(w http.ResponseWriter, _ *http.Request) error {
	return writeJSON(w, map[string]any{"alerts": alertLines(s.opt.Alerts.Active())})
}

func alertLines(active []watch.Active) []alert {
	lines := make([]alert, len(active))
	for i, a := range active {
		lines[i] = alert{
			ID: a.ID, Alert: a.Alert, Severity: a.Severity, Site: a.Site, Rack: a.Rack, Shelf: a.Shelf,
			Since: stamp(a.Since), Summary: a.Summary, State: a.State,
		}
		if a.Slot != 0 {
			lines[i].Slot = &a.Slot
		}
	}
	return lines
}

type page struct {
	Seq         uint64            `json:"seq"` // grows with every try
	T           time.Time         `json:"t"`   // wall time, also in a demo
	Receiver    string            `json:"receiver"`
	Integration string            `json:"integration"`
	Status      string            `json:"status"`
	Group       map[string]string `json:"group"`
	Alerts      []string          `json:"alerts"`
	Attempts    int               `json:"attempts"`
	Error       *string           `json:"error"` // nil: delivered
}

func (s *Server) pages(w http.ResponseWriter, _ *http.Request) error {
	sent := s.opt.Pages.Notifications()
	pages := make([]page, len(sent))
	for i, n := range sent {
		pages[i] = page{
			Seq: n.Seq, T: stamp(n.Time), Receiver: n.Receiver, Integration: n.Integration, Status: n.Status,
			Group: n.Group, Alerts: n.Alerts, Attempts: n.Attempts, Error: textOrNil(n.Err),
		}
		if n.Group == nil {
			pages[i].Group = map[string]string{}
		}
		if n.Alerts == nil {
			pages[i].Alerts = []string{}
		}
	}
	return writeJSON(w, map[string]any{"pages": pages})
}
