package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"thermarack/agent/wire"
	"thermarack/agent/wire/layout"
	"thermarack/collector/internal/config"
	"thermarack/collector/internal/recording"
)

// recordFlags are what the command record is told.
type recordFlags struct {
	config.Config // of the broker, the layout and the data
	file, shelf   string
	from, to      time.Time
}

// recordReadings writes a recording: of what is stored in a data directory, or of
// what a broker passes on from now.
func recordReadings(ctx context.Context, args []string, out output) (err error) {
	f, err := readRecordFlags(args, out)
	if err != nil {
		return err
	}
	choose := func(e recording.Entry) (recording.Entry, bool) { return e, true }
	if f.shelf != "" {
		if choose, err = ofShelf(f.Layout, f.shelf); err != nil {
			return err
		}
	}
	to, err := createFile(f.file, 0o644)
	if err != nil {
		return fmt.Errorf("write the recording: %w", err)
	}
	defer func() { err = errors.Join(err, to.discard()) }()
	lines, n := recording.NewWriter(to), 0
	source := f.stored
	if f.Broker != "" {
		source = f.live
	}
	err = source(ctx, out, func(e recording.Entry) error {
		e, ok := choose(e)
		if !ok {
			return nil
		}
		err := lines.Write(e)
		if err == nil {
			n++
		}
		return err
	})
	if err != nil {
		return err
	}
	if err := errors.Join(lines.Flush(), to.commit()); err != nil {
		return err
	}
	fmt.Fprintf(out.Out, "%s: %d messages\n", f.file, n)
	return nil
}

func readRecordFlags(args []string, out output) (recordFlags, error) {
	cfg, err := config.Load(configPath(args))
	if err != nil {
		return recordFlags{}, err
	}
	f := recordFlags{Config: cfg}
	var from, to string
	flags := flag.NewFlagSet("record", flag.ContinueOnError)
	flags.String("config", "", "configuration `file`, for what the broker asks")
	flags.StringVar(&f.file, "o", "", "`file` to write; gzipped if it ends in .gz")
	flags.StringVar(&f.Data, "data", f.Data, "`directory` of a collector, which may be running")
	flags.StringVar(&f.Broker, "broker", "", "`URL` of an MQTT broker to record from, until --to or Ctrl-C")
	flags.StringVar(&from, "from", "", "first `time`, RFC 3339 or Unix seconds; none: the beginning")
	flags.StringVar(&to, "to", "", "`time` before which it ends; none: now, of a broker: never")
	flags.StringVar(&f.shelf, "shelf", "", "`id` of the one shelf to record, SITE/RACK/SHELF; needs --layout")
	flags.StringVar(&f.Layout, "layout", f.Layout, "layout `file`")
	if err := parse(flags, args, out, 0); err != nil {
		return f, err
	}
	if f.file == "" {
		return f, usageError{errors.New("record: -o is needed")}
	}
	sources := 0
	flags.Visit(func(given *flag.Flag) {
		if given.Name == "data" || given.Name == "broker" {
			sources++
		}
	})
	if sources > 1 {
		return f, usageError{errors.New("record: want --data or --broker, not both")}
	}
	if f.shelf != "" && f.Layout == "" {
		return f, usageError{errors.New("record: --shelf needs --layout, which says what stands there")}
	}
	if f.from, f.to, err = parseSpan(from, to); err != nil {
		return f, usageError{fmt.Errorf("record: %w", err)}
	}
	if !f.to.IsZero() && !f.from.Before(f.to) {
		return f, usageError{errors.New("record: --from must be before --to")}
	}
	return f, nil
}

// stored gives take what is stored.
func (f recordFlags) stored(ctx context.Context, out output, take func(recording.Entry) error) (err error) {
	at, err := reach(f.Data, nil, out.Err)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, at.close()) }()
	query := url.Values{}
	for name, t := range map[string]time.Time{"from": f.from, "to": f.to} {
		if !t.IsZero() {
			query.Set(name, t.Format(time.RFC3339Nano))
		}
	}
	answer, err := at.ask(ctx, http.MethodGet, "/api/v1/recording", query)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	reader, err := recording.NewReader("of the collector", answer.Body)
	if err != nil {
		return err
	}
	for {
		e, err := reader.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read the answer: %w", err)
		}
		if err := take(e); err != nil {
			return err
		}
	}
}

// A standing is what belongs to one shelf.
type standing struct {
	nodes   map[wire.Node]bool // all that they report
	devices map[string]bool    // of other nodes: ports of switches, probes, fans
}

// ofShelf returns a function that cuts messages down to what is about one shelf;
// ok is false when nothing is left of one.
func ofShelf(file, id string) (func(recording.Entry) (e recording.Entry, ok bool), error) {
	l, err := layout.Load(file)
	if err != nil {
		return nil, err
	}
	shelf, ok := l.Shelf(id)
	if !ok {
		return nil, fmt.Errorf("no shelf %q in %s", id, file)
	}
	s := standing{map[wire.Node]bool{}, map[string]bool{}}
	for _, slot := range shelf.Slots {
		if slot.Node != "" {
			s.nodes[slot.Node] = true
		}
		if feeder, ok := l.Switch(slot.Switch); ok && feeder.MAC != "" && slot.Port != 0 {
			device, _, _ := wire.SplitName(feeder.PortPower(slot.Port))
			s.devices[device] = true
		}
	}
	for _, p := range shelf.Probes {
		s.devices[p.Sensor] = true
	}
	for _, fan := range shelf.Fans {
		device, _, _ := wire.SplitName(fan.Speed)
		s.devices[device] = true
	}
	return s.cut, nil
}

// cut keeps whole messages of the shelf's nodes, and of other nodes the readings
// of its devices. What cannot be read of those is dropped.
func (s standing) cut(e recording.Entry) (recording.Entry, bool) {
	topic, err := wire.ParseTopic(e.Topic)
	switch {
	case err != nil:
		return e, false
	case s.nodes[topic.Node]:
		return e, true
	case topic.Kind != wire.KindReadings:
		return e, false
	}
	all, _, err := wire.DecodePack(e.Payload, e.Time)
	if err != nil {
		return e, false
	}
	var kept []wire.Reading
	for _, r := range all {
		if s.devices[r.Device] {
			kept = append(kept, r)
		}
	}
	if len(kept) == 0 {
		return e, false
	}
	e.Payload, err = wire.EncodePack(kept)
	return e, err == nil
}
