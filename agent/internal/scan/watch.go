package scan

import (
	"context"
	"io"
	"time"

	"thermarack/agent/internal/sensors"
)

const (
	// watchEvery is the time from the end of one scan to the next: fast enough
	// for a finger on a probe, slow enough for a bus to search in between.
	watchEvery = 2 * time.Second
	// memory is how many scans back a rise is measured from.
	memory = 5
	// leastRise in °C is more than a probe wanders by itself in that time.
	leastRise = 0.5
)

// Options is what Run does.
type Options struct {
	Root     func() []sensors.Part // finds the parts anew
	JSON     bool                  // an array a scan instead of a table
	Watch    bool                  // again and again until ctx is done
	Terminal bool                  // w is one: each table replaces the one before
}

// Run writes one scan to w, or with Watch one after another, where the part
// whose temperature has risen most, by half a degree at least, is pointed at:
// warm a probe with the hand to learn which one it is. The error is w's.
func Run(ctx context.Context, w io.Writer, o Options) error {
	var past [][]Row
	for {
		rows := Read(ctx, o.Root())
		if err := o.write(w, rows, Rising(past, rows), len(past) > 0); err != nil || !o.Watch {
			return err
		}
		past = append(past, rows)
		past = past[max(0, len(past)-memory):]
		timer := time.NewTimer(watchEvery)
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil
		case <-timer.C:
		}
	}
}

// write writes one scan; again says that it is not the first.
func (o Options) write(w io.Writer, rows []Row, mark int, again bool) error {
	if o.JSON {
		return WriteJSON(w, rows)
	}
	before := ""
	switch {
	case o.Watch && o.Terminal:
		before = clear
	case again:
		before = "\n"
	}
	if _, err := io.WriteString(w, before); err != nil {
		return err
	}
	return WriteTable(w, rows, mark, o.Terminal)
}

// Rising returns the index of the row whose temperature stands highest above the
// lowest that the same part had in past scans, or -1 if none has risen by half a
// degree.
func Rising(past [][]Row, rows []Row) int {
	lowest := map[place]float64{}
	for _, scan := range past {
		for _, r := range scan {
			if before, ok := lowest[r.place()]; r.hasTemperature() && (!ok || *r.Value < before) {
				lowest[r.place()] = *r.Value
			}
		}
	}
	best, most := -1, leastRise
	for i, r := range rows {
		before, ok := lowest[r.place()]
		if ok && r.hasTemperature() && *r.Value-before >= most {
			best, most = i, *r.Value-before
		}
	}
	return best
}

// A place tells one value from the others of a scan.
type place struct{ bus, address, name string }

func (r Row) place() place { return place{r.Bus, r.Address, r.Name} }

func (r Row) hasTemperature() bool { return r.Value != nil && r.Unit == "Cel" }
