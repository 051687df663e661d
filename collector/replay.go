package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"slices"

	"thermarack/agent/wire/layout"
	"thermarack/collector/internal/config"
	"thermarack/collector/internal/ingest"
	"thermarack/collector/internal/rack"
	"thermarack/collector/internal/recording"
	"thermarack/collector/internal/watch"
)

// replay runs ingest and alerts over a recording on the recording's own clock
// and prints every change.
func replay(ctx context.Context, args []string, out output) error {
	flags := flag.NewFlagSet("replay", flag.ContinueOnError)
	layoutFile := flags.String("layout", "", "layout `file`")
	readings := flags.String("readings", "", "recording `file`, plain or gzipped")
	configFile := flags.String("config", "", "configuration `file`, for its rules")
	flags.Uint64("seed", 1, "seed of what is drawn at random; nothing is, yet")
	if err := parse(flags, args, out, 0); err != nil {
		return err
	}
	if *layoutFile == "" || *readings == "" {
		return usageError{errors.New("replay: --layout and --readings are needed")}
	}
	cfg, err := config.Load(*configFile)
	if err != nil {
		return err
	}
	if err := cfg.Check(*configFile); err != nil {
		return err
	}
	shelves, err := layout.Load(*layoutFile)
	if err != nil {
		return err
	}
	lines := bufio.NewWriter(out.Out)
	var failed error
	model := rack.New(rack.Options{Layout: shelves, Stale: cfg.Stale})
	watched := watch.New(watch.Options{Places: model, Rules: cfg.Rules.Alerts(), Late: 2 * cfg.Stale, OnChange: func(c watch.Change) {
		if c.Event == watch.Settled {
			return // of a run before this one, and there was none
		}
		failed = errors.Join(failed, json.NewEncoder(lines).Encode(changeLine(c)))
	}})
	err = play(ctx, *readings, model, out.Err, func(d ingest.Decoded) error {
		if d.Batch.Received.IsZero() {
			return failed // the topic is none of ours
		}
		watched.Advance(d.Batch.Received)
		model.Observe(d.Batch)
		watched.Observe(d.Batch)
		return failed
	})
	return errors.Join(err, lines.Flush())
}

// A line is one change as replay prints it.
type line struct {
	T        float64   `json:"t"` // seconds since the epoch
	Event    string    `json:"event"`
	Alert    string    `json:"alert"`
	Severity string    `json:"severity"`
	Site     string    `json:"site"`
	Rack     string    `json:"rack"`
	Shelf    string    `json:"shelf"`
	Slot     *int      `json:"slot"` // null when it is not about one slot
	Summary  string    `json:"summary"`
	Value    float64   `json:"value"`
	Forecast *struct{} `json:"forecast"` // null: there is no forecast
}

func changeLine(c watch.Change) line {
	l := line{
		T: float64(c.At.UnixMilli()) / 1000, Event: string(c.Event), Alert: c.Alert, Severity: c.Severity,
		Site: c.Site, Rack: c.Rack, Shelf: c.Shelf, Summary: c.Summary, Value: c.Value,
	}
	if c.Slot != 0 {
		l.Slot = &c.Slot
	}
	return l
}

// shownLines is how many bad lines of a recording are told one by one.
const shownLines = 10

// play decodes a recording message by message. Bad lines and rejected readings
// cost only themselves; the first bad lines are told on stderr as they come, and
// all are counted by reason at the end. A file most of whose lines are bad is no
// recording, and an error.
func play(ctx context.Context, path string, gate ingest.Gate, stderr io.Writer, take func(ingest.Decoded) error) error {
	reader, err := recording.Open(path)
	if err != nil {
		return err
	}
	defer reader.Close()
	decoder := ingest.NewDecoder(gate, 0)
	rejected, good := map[string]int{}, 0
	for ctx.Err() == nil {
		entry, err := reader.Next()
		switch {
		case errors.Is(err, io.EOF):
			return playEnd(path, rejected, good, stderr)
		case errors.Is(err, recording.ErrLine):
			if rejected[badLine]++; rejected[badLine] <= shownLines {
				fmt.Fprintln(stderr, err)
			}
			continue
		case err != nil:
			return err
		}
		good++
		decoded := decoder.Decode(ingest.Delivery{Topic: entry.Topic, Payload: entry.Payload}, entry.Time)
		for _, r := range decoded.Rejected {
			rejected[r.Reason]++
		}
		if err := take(decoded); err != nil {
			return err
		}
	}
	return fmt.Errorf("read recording %s: %w", path, ctx.Err())
}

// badLine is the reason of a line that is no message, beside those of ingest.
const badLine = "line"

func playEnd(path string, rejected map[string]int, good int, stderr io.Writer) error {
	for _, reason := range slices.Sorted(maps.Keys(rejected)) {
		fmt.Fprintf(stderr, "rejected %d: %s\n", rejected[reason], reason)
	}
	if good <= rejected[badLine] {
		return fmt.Errorf("read recording %s: %d good and %d bad lines: it is no recording, or not in time order", path, good, rejected[badLine])
	}
	return nil
}
