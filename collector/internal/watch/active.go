package watch

import (
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
