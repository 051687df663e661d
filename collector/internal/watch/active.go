package watch

import (
	"slices"
	"strings"
	"time"
)

// An Active is one alert that is pending or firing now.
type Active struct {
	ID       string // stable while it lasts; safe in a URL path
	Alert    string // "HotTemperature", see docs/alerts.md
	Severity string // "warning" or "critical"
	Site     string
	Rack     string
	Shelf    string // "s3"
	Slot     int    // 0 when the alert is not about one slot
	Probe    string // name of the probe it is about, or ""
	Fans     string // names of the fans it is about, separated by newlines, or ""
	Switch   string // of a PoEFault: name of the switch it is about, else ""
	Supply   int    // number of the power supply it is about, else 0
	Cause    string // of a PoEFault: which one, see docs/alerts.md; else ""
	Shelves  string // of what concerns several: their IDs, Shelf's first, separated by newlines; else ""
	Since    time.Time
	Summary  string  // one line for a person; holds names from the layout only
	Value    float64 // in the unit of what is watched
	State    string  // "pending" or "firing"
}

// FanNames returns the names of the fans that the alert is about.
func (a Active) FanNames() []string {
	if a.Fans == "" {
		return nil
	}
	return strings.Split(a.Fans, "\n")
}

// ShelfID returns "<site>/<rack>/<shelf>".
func (a Active) ShelfID() string { return a.Site + "/" + a.Rack + "/" + a.Shelf }

// isAt tells whether the alert is about a slot, given by the ID of its shelf.
func (a Active) isAt(shelf string, slot int) bool { return a.ShelfID() == shelf && a.Slot == slot }

// Concerns tells whether the alert is about a shelf, given by its ID.
func (a Active) Concerns(shelf string) bool { return slices.Contains(a.shelfIDs(), shelf) }

// shelfIDs returns the ids of the shelves that the alert is about.
func (a Active) shelfIDs() []string {
	if a.Shelves == "" {
		return []string{a.ShelfID()}
	}
	return strings.Split(a.Shelves, "\n")
}
