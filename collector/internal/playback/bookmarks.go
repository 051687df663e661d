package playback

import (
	"time"

	"thermarack/collector/internal/watch"
)

// bookmarks are the moments of a playback that alerts make worth looking at.
type bookmarks struct {
	Since *time.Time `json:"since"` // nothing is known of what was before; nil: nothing is known
	Marks []bookmark `json:"marks"`
}

type bookmark struct {
	T        time.Time   `json:"t"`
	Event    watch.Event `json:"event"`
	Alert    string      `json:"alert"`
	Severity string      `json:"severity"`
	Slot     *int        `json:"slot"`  // nil when it is not about one slot
	Probe    *string     `json:"probe"` // nil when it is not about one probe
	Summary  string      `json:"summary"`
	Subject  string      `json:"subject"`
}

// bookmarks returns when alerts fired and were resolved from the first frame to
// the last, and before that the beginnings of what fired already.
func (r *Reel) bookmarks() bookmarks {
	known := bookmarks{Marks: []bookmark{}}
	if r.player.opt.Bookmarks == nil {
		return known
	}
	marks, since := r.player.opt.Bookmarks.Marks(r.Shelf, r.time(0), r.time(r.Request.Frames-1))
	since = since.UTC().Truncate(time.Millisecond)
	known.Since = &since
	for _, m := range marks {
		b := bookmark{
			T: m.At.UTC().Truncate(time.Millisecond), Event: m.Event, Alert: m.Alert, Severity: m.Severity,
			Summary: m.Summary, Subject: m.Subject,
		}
		if m.Slot != 0 {
			b.Slot = &m.Slot
		}
		if m.Probe != "" {
			b.Probe = &m.Probe
		}
		known.Marks = append(known.Marks, b)
	}
	return known
}
