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
	"thermarack/collector/internal/rack"
	"thermarack/collector/internal/store/memory"
	"thermarack/collector/internal/store/tsdb"
)

// heatmapFlags are what a drawing is told.
type heatmapFlags struct {
	config.Config
	shelf, at, layer, file, readings string
}

// drawHeatmap draws one map into a file: from a recording, or from the data of
// a collector that is not running.
func drawHeatmap(ctx context.Context, args []string, out output) error {
	f := heatmapFlags{Config: config.Default()}
	flags := flag.NewFlagSet("heatmap", flag.ContinueOnError)
	flags.StringVar(&f.shelf, "shelf", "", "`id` of the shelf, SITE/RACK/SHELF")
	flags.StringVar(&f.at, "at", "", "`time`, RFC 3339 or Unix seconds; none: the newest reading's")
	flags.StringVar(&f.layer, "layer", "air", "`layer`: air, soc or poe")
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
	at, err := parseTime(f.at)
	if err != nil {
		return usageError{fmt.Errorf("heatmap: --at: %w", err)}
	}
	state, err := f.state(ctx, at, out.Err)
	if err != nil {
		return err
	}
	drawing, err := heatmap.New(state, layer)
	if err != nil {
		return err
	}
	return writeMap(f.file, drawing)
}

// state returns the shelf as it was at a moment, by default the newest.
func (f heatmapFlags) state(ctx context.Context, at time.Time, stderr io.Writer) (rack.State, error) {
	shelves, err := layout.Load(f.Layout)
	if err != nil {
		return rack.State{}, err
	}
	if f.readings == "" {
		return f.stored(ctx, shelves, at)
	}
	past := memory.New(100 * 365 * 24 * time.Hour)
	model := rack.New(rack.Options{Layout: shelves, History: past, Stale: f.Stale})
	newest := time.Time{}
	err = play(ctx, f.readings, model, stderr, func(d ingest.Decoded) error {
		for _, s := range d.Samples {
			if s.Time.After(newest) {
				newest = s.Time
			}
		}
		_, err := past.Append(ctx, d.Samples)
		return err
	})
	if err != nil {
		return rack.State{}, err
	}
	if at.IsZero() {
		at = newest
	}
	return model.State(ctx, f.shelf, at)
}

// stored draws from a data directory. Without a moment it is now.
func (f heatmapFlags) stored(ctx context.Context, shelves *layout.Layout, at time.Time) (rack.State, error) {
	dir := filepath.Join(f.Data, "tsdb")
	if _, err := os.Stat(dir); err != nil {
		return rack.State{}, fmt.Errorf("read the data of a collector: %w", err)
	}
	past, err := tsdb.Open(tsdb.Options{Dir: dir}) // to draw a map deletes nothing, however old
	if err != nil {
		return rack.State{}, fmt.Errorf("%w; a running collector draws at /api/v1/shelves/%s/heatmap.svg", err, f.shelf)
	}
	defer past.Close()
	if at.IsZero() {
		at = time.Now()
	}
	return rack.New(rack.Options{Layout: shelves, History: past, Stale: f.Stale}).State(ctx, f.shelf, at)
}

// writeMap writes the drawing in the format that the file's name ends with.
func writeMap(file string, drawing *heatmap.Map) (err error) {
	write := map[string]func(io.Writer) error{
		".svg":  func(w io.Writer) error { return heatmap.WriteSVG(w, drawing, heatmap.Look{Numbers: true}) },
		".png":  func(w io.Writer) error { return heatmap.WritePNG(w, drawing, heatmap.Look{Numbers: true}) },
		".json": drawing.WriteJSON,
	}[filepath.Ext(file)]
	if write == nil {
		return usageError{fmt.Errorf("heatmap: file %q ends in none of .svg, .png, .json", file)}
	}
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
