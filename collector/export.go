package main

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"thermarack/agent/wire/layout"
	"thermarack/collector/internal/config"
)

// words is a flag that may be given several times.
type words []string

func (w *words) String() string { return strings.Join(*w, " ") }

// Set adds one.
func (w *words) Set(s string) error {
	*w = append(*w, s)
	return nil
}

// An export is what the command of that name is told.
type export struct {
	data, url, layout string
	sensors           words
	from, to          time.Time
	step              time.Duration
	file              string
}

// exportCSV writes what is stored of some sensors as CSV.
func exportCSV(ctx context.Context, args []string, out output) (err error) {
	e, err := readExport(args, out)
	if err != nil {
		return err
	}
	at, err := e.desk(out.Err)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, at.close()) }()
	to, err := createFile(e.file, 0o644)
	if err != nil {
		return fmt.Errorf("write the export: %w", err)
	}
	defer func() { err = errors.Join(err, to.discard()) }()
	rows := csvJoin{out: to, named: len(e.sensors) > 1}
	for _, sensor := range e.sensors {
		if err := e.sensor(ctx, at, sensor, &rows); err != nil {
			return fmt.Errorf("export %.200s: %w", sensor, err)
		}
	}
	return to.commit()
}

func readExport(args []string, out output) (export, error) {
	var e export
	var from, to string
	flags := flag.NewFlagSet("export", flag.ContinueOnError)
	flags.StringVar(&e.data, "data", config.Default().Data, "`directory` of a collector, which may be running")
	flags.StringVar(&e.url, "url", "", "`URL` of a running collector, instead of --data")
	flags.StringVar(&e.layout, "layout", "", "layout `file`, for places with --data while no collector runs")
	flags.Var(&e.sensors, "sensor", "record `name` or place; may be given several times")
	flags.StringVar(&from, "from", "", "first `time`, RFC 3339 or Unix seconds")
	flags.StringVar(&to, "to", "", "`time` before which it ends; none: now")
	flags.DurationVar(&e.step, "step", 0, "mean, least and greatest a `step`, instead of every value")
	flags.StringVar(&e.file, "o", "", "`file` to write, .csv or .csv.gz")
	if err := parse(flags, args, out, 0); err != nil {
		return e, err
	}
	if len(e.sensors) == 0 || from == "" || e.file == "" {
		return e, usageError{errors.New("export: --sensor, --from and -o are needed")}
	}
	var err error
	if e.from, e.to, err = parseSpan(from, to); err != nil {
		return e, usageError{fmt.Errorf("export: %w", err)}
	}
	if e.to.IsZero() {
		e.to = time.Now()
	}
	if e.step != 0 && e.step < time.Second || !e.from.Before(e.to) {
		return e, usageError{errors.New("export: --from must be before --to, and --step at least 1s")}
	}
	return e, nil
}

// parseSpan reads two times; "" is the zero time.
func parseSpan(from, to string) (begin, end time.Time, err error) {
	if begin, err = parseTime(from); err != nil {
		return begin, end, fmt.Errorf("--from: %w", err)
	}
	if end, err = parseTime(to); err != nil {
		return begin, end, fmt.Errorf("--to: %w", err)
	}
	return begin, end, nil
}

func (e export) desk(stderr io.Writer) (*desk, error) {
	if e.url != "" {
		return deskAt(strings.TrimSuffix(e.url, "/")), nil
	}
	shelves := &layout.Layout{}
	if e.layout != "" {
		var err error
		if shelves, err = layout.Load(e.layout); err != nil {
			return nil, err
		}
	}
	return reach(e.data, shelves, stderr)
}

// What the collector answers at a time: see the limits of /api/v1/export.csv.
const (
	exportDays  = 300 * 24 * time.Hour
	exportSteps = 10_000
)

// sensor adds the rows of one sensor, a part of the span after the other.
func (e export) sensor(ctx context.Context, at *desk, sensor string, rows *csvJoin) error {
	for from := e.from; from.Before(e.to); {
		to := from.Add(exportDays)
		if e.step > 0 {
			// At a multiple of the step since 1970, so that none is cut in two.
			end := from.Add(min(exportDays, exportSteps*e.step)).UnixMilli()
			to = time.UnixMilli(end - end%e.step.Milliseconds()).UTC()
		}
		if !to.After(from) || to.After(e.to) {
			to = e.to
		}
		query := url.Values{"sensor": {sensor}, "from": {from.Format(time.RFC3339Nano)}, "to": {to.Format(time.RFC3339Nano)}}
		if err := e.part(ctx, at, query, rows); err != nil {
			return err
		}
		from = to
	}
	return nil
}

func (e export) part(ctx context.Context, at *desk, query url.Values, rows *csvJoin) error {
	if e.step > 0 {
		query.Set("step", e.step.String())
	}
	answer, err := at.ask(ctx, http.MethodGet, "/api/v1/export.csv", query)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	return rows.add(query.Get("sensor"), answer.Body)
}

// csvJoin joins CSV files with the same header into one, of which each row begins
// with what it belongs to if there are several.
type csvJoin struct {
	out   io.StringWriter
	named bool
	begun bool
}

// add adds the rows of a file. A last line without an end is an error: the file
// was cut.
func (j *csvJoin) add(name string, in io.Reader) error {
	lines := bufio.NewReaderSize(in, 64<<10)
	prefix := ""
	if j.named {
		prefix = csvCell(name) + ","
	}
	for n := 0; ; n++ {
		line, err := lines.ReadString('\n')
		if errors.Is(err, io.EOF) && line == "" {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read the answer: %w", err)
		}
		switch {
		case n > 0:
			line = prefix + line
		case j.begun:
			continue
		case j.named:
			line = "sensor," + line
		}
		j.begun = true
		if _, err := j.out.WriteString(line); err != nil {
			return err
		}
	}
}

// csvCell quotes a cell where RFC 4180 asks for it.
func csvCell(s string) string {
	if !strings.ContainsAny(s, ",\"\r\n") {
		return s
	}
	return `"` + strings.ReplaceAll(s, `"`, `""`) + `"`
}
