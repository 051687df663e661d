package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"thermarack/agent/wire/layout"
	"thermarack/collector/internal/config"
	"thermarack/collector/internal/heatmap"
	"thermarack/collector/internal/ingest"
	"thermarack/collector/internal/normal"
	"thermarack/collector/internal/playback"
	"thermarack/collector/internal/rack"
	"thermarack/collector/internal/state"
	"thermarack/collector/internal/store/memory"
	"thermarack/collector/internal/store/tsdb"
)

// heatmapFlags are what a drawing is told.
type heatmapFlags struct {
	config.Config
	shelf, at, layer, file, readings string
	from, to                         string
	frames, width                    int
}

// drawHeatmap draws one map into a file, or with --from a moving picture of a
// span: from a recording, or from the data of a collector that is not running.
func drawHeatmap(ctx context.Context, args []string, out output) (err error) {
	f := heatmapFlags{Config: config.Default()}
	flags := flag.NewFlagSet("heatmap", flag.ContinueOnError)
	flags.StringVar(&f.shelf, "shelf", "", "`id` of the shelf, SITE/RACK/SHELF")
	flags.StringVar(&f.at, "at", "", "`time`, RFC 3339 or Unix seconds; none: the newest reading's")
	flags.StringVar(&f.from, "from", "", "`time` at which a span begins: draws a moving picture, .png or .gif, or all frames as .json")
	flags.StringVar(&f.to, "to", "", "`time` at which the span ends, like --at")
	flags.IntVar(&f.frames, "frames", 120, "`number` of frames of the span")
	flags.IntVar(&f.width, "width", 0, "of the image in `px`; 0: 960, of a moving picture 640")
	flags.StringVar(&f.layer, "layer", "air", "`layer`: air, soc, poe, delta or excess; delta with --data only")
	flags.StringVar(&f.file, "o", "", "`file` to write, .svg, .png or .json")
	flags.StringVar(&f.Layout, "layout", f.Layout, "layout `file`")
	flags.StringVar(&f.readings, "readings", "", "recording `file` to draw from, instead of --data")
	flags.StringVar(&f.Data, "data", f.Data, "`directory` of a collector that is not running")
	if err := parse(flags, args, out, 0); err != nil {
		return err
	}
	if f.shelf == "" || f.file == "" || f.Layout == "" {
		return usageError{errors.New("heatmap: --shelf, --layout and -o are needed")}
	}
	layer, err := heatmap.ParseLayer(f.layer)
	if err != nil {
		return usageError{err}
	}
	when, err := f.times()
	if err != nil {
		return err
	}
	if layer == heatmap.Delta && f.readings != "" {
		return usageError{errors.New("heatmap: layer delta needs what a collector has learned: draw it from --data instead of --readings")}
	}
	past, err := f.past(ctx, out.Err)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, past.Close()) }()
	if f.from != "" {
		return f.animate(ctx, past, playback.Request{Shelf: f.shelf, From: when.from, To: past.or(when.to), Frames: f.frames, Layer: layer})
	}
	state, err := past.model.State(ctx, f.shelf, past.or(when.at))
	if err != nil {
		return err
	}
	drawing, err := heatmap.New(state, layer)
	if err != nil {
		return err
	}
	return f.writeMap(drawing)
}

// moments are what flags say of time; zero what they do not.
type moments struct{ at, from, to time.Time }

func (f heatmapFlags) times() (m moments, err error) {
	for _, flag := range []struct {
		name, value string
		to          *time.Time
	}{{"at", f.at, &m.at}, {"from", f.from, &m.from}, {"to", f.to, &m.to}} {
		if *flag.to, err = parseTime(flag.value); err != nil {
			return m, usageError{fmt.Errorf("heatmap: --%s: %w", flag.name, err)}
		}
	}
	return m, nil
}

// A drawnPast is what maps are drawn from.
type drawnPast struct {
	model  *rack.Model
	series interface {
		playback.Series
		io.Closer
	}
	newest time.Time // of what a recording holds; now, for data
}

// Close closes the data.
func (p drawnPast) Close() error { return p.series.Close() }

// or returns at, or the newest for the zero time.
func (p drawnPast) or(at time.Time) time.Time {
	if at.IsZero() {
		return p.newest
	}
	return at
}

// past opens what maps are drawn from.
func (f heatmapFlags) past(ctx context.Context, stderr io.Writer) (drawnPast, error) {
	shelves, err := layout.Load(f.Layout)
	if err != nil {
		return drawnPast{}, err
	}
	if f.readings == "" {
		return f.stored(shelves)
	}
	kept := memory.New(100 * 365 * 24 * time.Hour)
	model := rack.New(rack.Options{Layout: shelves, History: kept, Stale: f.Stale})
	p := drawnPast{model: model, series: kept}
	err = play(ctx, f.readings, model, stderr, func(d ingest.Decoded) error {
		for _, s := range d.Samples {
			if s.Time.After(p.newest) {
				p.newest = s.Time
			}
		}
		_, err := kept.Append(ctx, d.Samples)
		return err
	})
	return p, err
}

// stored opens a data directory.
func (f heatmapFlags) stored(shelves *layout.Layout) (drawnPast, error) {
	dir := filepath.Join(f.Data, "tsdb")
	if _, err := os.Stat(dir); err != nil {
		return drawnPast{}, fmt.Errorf("read the data of a collector: %w", err)
	}
	kept, err := tsdb.Open(tsdb.Options{Dir: dir}) // to draw a map deletes nothing, however old
	if err != nil {
		return drawnPast{}, fmt.Errorf("%w; a running collector draws at /api/v1/shelves/%s/heatmap.svg", err, f.shelf)
	}
	normals, err := f.learned()
	if err != nil {
		return drawnPast{}, errors.Join(err, kept.Close())
	}
	model := rack.New(rack.Options{Layout: shelves, History: kept, Stale: f.Stale, Normals: normals})
	return drawnPast{model, kept, time.Now()}, nil
}

// learned returns what the collector knew to be normal when it stopped. Only the
// layer delta shows it: no other fails for want of it.
func (f heatmapFlags) learned() (*normal.Learner, error) {
	learner := &normal.Learner{}
	if f.layer != string(heatmap.Delta) {
		return learner, nil
	}
	memos, err := state.Read[map[string]normal.Memo](filepath.Join(f.Data, "state"), "normals", normalVersion)
	if err != nil {
		return nil, fmt.Errorf("draw layer delta: %w; a collector learns it in its first %d hours", err, int(normal.Needed.Hours()))
	}
	learner.Resume(memos)
	return learner, nil
}

// writeMap writes the drawing in the format that the file's name ends with.
func (f heatmapFlags) writeMap(drawing *heatmap.Map) error {
	look := heatmap.Look{Numbers: true, Width: f.width}
	write := map[string]func(io.Writer) error{
		".svg":  func(w io.Writer) error { return heatmap.WriteSVG(w, drawing, look) },
		".png":  func(w io.Writer) error { return heatmap.WritePNG(w, drawing, look) },
		".json": drawing.WriteJSON,
	}[filepath.Ext(f.file)]
	if write == nil {
		return usageError{fmt.Errorf("heatmap: file %q ends in none of .svg, .png, .json", f.file)}
	}
	return create(f.file, write)
}

// create makes a file of what write writes.
func create(file string, write func(io.Writer) error) (err error) {
	to, err := os.Create(file)
	if err != nil {
		return fmt.Errorf("write the map: %w", err)
	}
	defer func() { err = errors.Join(err, to.Close()) }()
	return write(to)
}

// parseTime reads RFC 3339 or Unix seconds; "" is the zero time.
func parseTime(s string) (time.Time, error) {
	if s == "" {
		return time.Time{}, nil
	}
	if seconds, err := strconv.ParseFloat(s, 64); err == nil {
		return time.UnixMilli(int64(seconds * 1000)).UTC(), nil
	}
	at, err := time.Parse(time.RFC3339, s)
	if err != nil {
		return time.Time{}, fmt.Errorf("%q is neither RFC 3339 nor Unix seconds", s)
	}
	return at, nil
}
