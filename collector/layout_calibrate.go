package main

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"text/tabwriter"
	"time"

	"thermarack/agent/wire"
	"thermarack/agent/wire/layout"
	"thermarack/collector/internal/calibrate"
	"thermarack/collector/internal/config"
)

// A calibration is what `layout calibrate` is told.
type calibration struct {
	export // where the readings are, until when, and the file to write
	shelf  string
	span   time.Duration
	wait   bool
	undo   bool
}

// What a bag may lie for: shorter than the least, noise is not told from drift.
const (
	minBag = 10 * time.Minute
	maxBag = 24 * time.Hour
)

// calibrateLayout finds the offsets of the probes of a shelf, which lie in one bag,
// or takes those that it found last back.
func calibrateLayout(ctx context.Context, args []string, out output) (err error) {
	c, err := readCalibration(args, out)
	if err != nil {
		return err
	}
	if c.undo {
		return c.takeBack(out)
	}
	at, err := c.desk(out.Err)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, at.close()) }()
	shelf, err := c.shelfOf(ctx, at)
	if err != nil {
		return err
	}
	if c.to, err = c.end(ctx, at, out.Err); err != nil {
		return err
	}
	found, err := c.compare(ctx, at, shelf)
	if err != nil {
		return err
	}
	before := slices.Clone(shelf.Probes)
	if err := correct(shelf, found, c.to); err != nil {
		return err
	}
	c.print(out.Out, before, shelf.Probes, found)
	if found.Why != "" {
		return fmt.Errorf("calibrate %s: %s", c.shelf, found.Why)
	}
	return c.write(shelf, out.Err)
}

func readCalibration(args []string, out output) (calibration, error) {
	var c calibration
	var to string
	flags := flag.NewFlagSet("layout calibrate", flag.ContinueOnError)
	flags.StringVar(&c.shelf, "shelf", "", "`id` of the shelf whose probes lie in one bag, such as hex/a1/s3")
	flags.DurationVar(&c.span, "for", 30*time.Minute, "`time` that they lay there, 10m to 24h")
	flags.StringVar(&to, "to", "", "`time` until which they lay there, RFC 3339 or Unix seconds; none: now")
	flags.BoolVar(&c.wait, "wait", false, "they were put there now: wait that long first")
	flags.StringVar(&c.data, "data", config.Default().Data, "`directory` of a collector, which may be running")
	flags.StringVar(&c.url, "url", "", "`URL` of a running collector, instead of --data")
	flags.StringVar(&c.layout, "layout", "", "layout `file`; none: the running collector's, which cannot be written")
	flags.StringVar(&c.file, "o", "", "`file` to write, which may be that of --layout; none: the offsets are only shown")
	flags.BoolVar(&c.undo, "undo", false, "take the offsets that were found last back")
	if err := parse(flags, args, out, 0); err != nil {
		return c, err
	}
	var err error
	if c.to, err = parseTime(to); err != nil {
		return c, usageError{fmt.Errorf("layout calibrate: --to: %w", err)}
	}
	c.to = c.to.UTC()
	switch {
	case c.shelf == "":
		err = errors.New("--shelf is needed")
	case c.layout == "" && (c.file != "" || c.undo):
		err = errors.New("--layout is needed: the file that is changed")
	case c.span < minBag || c.span > maxBag:
		err = errors.New("--for must be 10m to 24h")
	case c.wait && to != "":
		err = errors.New("--wait or --to, not both")
	}
	if err != nil {
		return c, usageError{fmt.Errorf("layout calibrate: %w", err)}
	}
	return c, nil
}

// shelfOf returns the shelf, to be changed.
func (c calibration) shelfOf(ctx context.Context, at *desk) (*layout.Shelf, error) {
	var l *layout.Layout
	var err error
	if c.layout != "" {
		l, err = layout.Load(c.layout)
	} else if l, err = askLayout(ctx, at); notThere(err) {
		return nil, errors.New("no collector runs there: name the layout file by --layout")
	}
	if err != nil {
		return nil, err
	}
	return c.within(l)
}

func (c calibration) within(l *layout.Layout) (*layout.Shelf, error) {
	shelf, ok := l.Shelf(c.shelf)
	if !ok {
		return nil, fmt.Errorf("no shelf %q in the layout", c.shelf)
	}
	return shelf, nil
}

// end returns until when the probes lay in the bag, by the collector's clock, once
// that has come.
func (c calibration) end(ctx context.Context, at *desk, stderr io.Writer) (time.Time, error) {
	now, speed, err := askClock(ctx, at)
	if err != nil {
		return time.Time{}, err
	}
	switch {
	case !c.to.IsZero() && c.to.After(now):
		return time.Time{}, fmt.Errorf("--to is after %s, which the collector's clock shows now", now.Format(time.RFC3339))
	case !c.to.IsZero():
		return c.to, nil
	case !c.wait:
		return now, nil
	}
	fmt.Fprintf(stderr, "waiting until %s\n", now.Add(c.span).Format(time.RFC3339))
	select {
	case <-ctx.Done():
		return time.Time{}, ctx.Err()
	case <-time.After(time.Duration(float64(c.span) / speed)):
		return now.Add(c.span), nil
	}
}

// askClock returns what a collector's clock shows, to the second, and how fast it
// goes; of a directory at rest, the world's.
func askClock(ctx context.Context, at *desk) (now time.Time, speed float64, err error) {
	answer, err := at.ask(ctx, http.MethodGet, "/api/v1/clock", nil)
	if notThere(err) {
		return time.Now().UTC().Truncate(time.Second), 1, nil
	}
	if err != nil {
		return now, 0, err
	}
	defer answer.Body.Close()
	var clock struct {
		T     time.Time
		Speed float64
	}
	if err := json.NewDecoder(io.LimitReader(answer.Body, 1<<10)).Decode(&clock); err != nil {
		return now, 0, fmt.Errorf("read the collector's clock: %w", err)
	}
	if !(clock.Speed > 0) {
		return now, 0, fmt.Errorf("read the collector's clock: its speed is %v", clock.Speed)
	}
	return clock.T.UTC().Truncate(time.Second), clock.Speed, nil
}

// compare finds the offsets by what the probes read.
func (c calibration) compare(ctx context.Context, at *desk, shelf *layout.Shelf) (calibrate.Result, error) {
	from := c.to.Add(-c.span)
	probes := make([]calibrate.Probe, len(shelf.Probes))
	for i, p := range shelf.Probes {
		query := url.Values{
			"sensor": {p.Sensor + ":" + wire.QuantityTemperature},
			"from":   {from.Format(time.RFC3339Nano)}, "to": {c.to.Format(time.RFC3339Nano)},
		}
		readings, err := askReadings(ctx, at, query)
		if err != nil {
			return calibrate.Result{}, fmt.Errorf("read probe %s: %w", p.Name, err)
		}
		probes[i] = calibrate.Probe{Name: p.Name, Readings: readings}
	}
	return calibrate.Find(from, c.to, probes), nil
}

// askReadings returns what a probe read, without any offset; nothing of one that
// never reported.
func askReadings(ctx context.Context, at *desk, query url.Values) ([]calibrate.Reading, error) {
	answer, err := at.ask(ctx, http.MethodGet, "/api/v1/export.csv", query)
	if notThere(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	rows := csv.NewReader(answer.Body)
	rows.FieldsPerRecord, rows.ReuseRecord = 2, true
	var readings []calibrate.Reading
	for {
		row, err := rows.Read()
		if errors.Is(err, io.EOF) {
			return readings, nil
		}
		if err != nil {
			return nil, fmt.Errorf("read the answer: %w", err)
		}
		if row[0] == "time" {
			continue
		}
		t, err := time.Parse(time.RFC3339Nano, row[0])
		v, bad := strconv.ParseFloat(row[1], 64)
		if err = errors.Join(err, bad); err != nil {
			return nil, fmt.Errorf("read the answer: %w", err)
		}
		readings = append(readings, calibrate.Reading{Time: t, Celsius: v})
	}
}

// correct gives the probes of a shelf, the same in the same order, what was found of
// them; those that were refused keep what they have.
func correct(shelf *layout.Shelf, found calibrate.Result, at time.Time) error {
	if found.Why != "" {
		return nil
	}
	const fine = 1000 // a thousandth of a kelvin is finer than any of them
	for i, v := range found.Probes {
		if v.Why != "" {
			continue
		}
		o := layout.Offset{Since: at, Value: math.Round(v.Offset*fine)/fine + 0, SD: math.Ceil(v.SD*fine) / fine}
		if err := shelf.Probes[i].Correct(o); err != nil {
			return err
		}
	}
	return nil
}

// print writes a table of what was found.
func (c calibration) print(stdout io.Writer, before, after []layout.Probe, found calibrate.Result) {
	fmt.Fprintf(stdout, "%s, the %v until %s", c.shelf, c.span, c.to.Format(time.RFC3339))
	if !math.IsNaN(found.Celsius) {
		fmt.Fprintf(stdout, ": %.1f °C, %+.1f K an hour", found.Celsius, found.Rate)
	}
	fmt.Fprintln(stdout)
	table := tabwriter.NewWriter(stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "probe\treadings\tbefore\tafter\t±\t")
	for i, v := range found.Probes {
		sd, verdict := "", "refused: "+v.Why
		switch {
		case v.Why == "" && found.Why == "":
			sd, verdict = fmt.Sprintf("%.3f", after[i].Offsets[len(after[i].Offsets)-1].SD), "found"
		case v.Why == "":
			verdict = "not found"
		}
		fmt.Fprintf(table, "%s\t%d\t%+.3f\t%+.3f\t%s\t%s\n", printable(v.Name), v.Samples, before[i].Offset, after[i].Offset, sd, verdict)
	}
	_ = table.Flush() // what standard output does not take, nobody reads
}

// takeBack takes the offsets that were found last back, in the file alone.
func (c calibration) takeBack(out output) error {
	l, err := layout.Load(c.layout)
	if err != nil {
		return err
	}
	shelf, err := c.within(l)
	if err != nil {
		return err
	}
	before := slices.Clone(shelf.Probes)
	if names := shelf.UndoOffsets(); len(names) == 0 {
		return fmt.Errorf("undo the calibration of %s: none of its probes has an offset that was found", c.shelf)
	}
	table := tabwriter.NewWriter(out.Out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "probe\tbefore\tafter")
	for i, p := range shelf.Probes {
		fmt.Fprintf(table, "%s\t%+.3f\t%+.3f\n", printable(p.Name), before[i].Offset, p.Offset)
	}
	_ = table.Flush() // as in print
	return c.write(shelf, out.Err)
}

// write writes the layout file with the offsets of a shelf, if it is told where.
func (c calibration) write(shelf *layout.Shelf, stderr io.Writer) error {
	if c.file == "" {
		fmt.Fprintln(stderr, "nothing is written: add --layout FILE -o FILE")
		return nil
	}
	text, err := os.ReadFile(c.layout)
	if err != nil {
		return fmt.Errorf("read layout: %w", err)
	}
	if text, err = layout.WriteOffsets(filepath.Base(c.layout), text, os.DirFS(filepath.Dir(c.layout)), shelf); err != nil {
		return err
	}
	if err := writeLayout(c.file, text); err != nil {
		return err
	}
	fmt.Fprintf(stderr, "%s is written: a collector takes it at its next start\n", c.file)
	return nil
}
