package simulate

import (
	"bufio"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"thermarack/agent/wire"
)

// record runs the fleet as fast as it can, into the recording and the truth.
func (o options) record(ctx context.Context, f *fleet, stdout io.Writer) (err error) {
	out, err := create(o.recording, stdout)
	if err != nil {
		return fmt.Errorf("write recording: %w", err)
	}
	defer out.close(&err)
	truths, err := create(o.truth, stdout)
	if err != nil {
		return fmt.Errorf("write truth: %w", err)
	}
	defer truths.close(&err)

	line := timeline{fleet: f, end: o.start.Add(o.length), wait: o.interrupted}
	line.out = &recording{out: out}
	if o.recording == "" {
		line.out = silence{}
	}
	if o.truth != "" {
		line.truth = newTruth(f, truths)
	}
	return line.run(ctx, o.start)
}

// interrupted does not wait; it stops a recording when ctx ends.
func (o options) interrupted(ctx context.Context, at time.Time) error {
	if ctx.Err() == nil {
		return nil
	}
	return fmt.Errorf("simulate: interrupted at %s, of %v: what was written is incomplete", at.Format(time.RFC3339), o.length)
}

// silence is the outlet of a run that only wants the truth.
type silence struct{}

func (silence) power(*node, time.Time) error        { return nil }
func (silence) pack(*node, time.Time, []byte) error { return nil }

// A recording writes what a broker would have been sent, one JSON object a line.
type recording struct {
	out  io.Writer
	line []byte
}

// power writes what comes with a node: its status and inventory, or the last
// will that speaks for it.
func (r *recording) power(n *node, at time.Time) error {
	status := wire.Status{Online: n.on, Boot: n.boot, T: seconds(n.since)}
	if err := r.message(at, n.topic(wire.KindStatus), status); err != nil || !n.on {
		return err
	}
	return r.message(at, n.topic(wire.KindInventory), n.inventory())
}

func (r *recording) message(at time.Time, topic string, v any) error {
	payload, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("encode %s: %w", topic, err)
	}
	return r.write(at, topic, payload)
}

func (r *recording) pack(n *node, at time.Time, pack []byte) error {
	return r.write(at, n.topic(wire.KindReadings), pack)
}

// write appends one line. A topic has no character that JSON would escape.
func (r *recording) write(at time.Time, topic string, payload []byte) error {
	b := append(r.line[:0], `{"t":`...)
	b = strconv.AppendFloat(b, seconds(at), 'f', -1, 64)
	b = append(append(append(b, `,"topic":"`...), topic...), `","payload":`...)
	b = append(append(b, payload...), "}\n"...)
	r.line = b
	_, err := r.out.Write(b)
	return err
}

// seconds returns an instant in Unix seconds, millisecond resolution.
func seconds(t time.Time) float64 { return float64(t.UnixMilli()) / 1000 }

// An output is a file that is written through a buffer and, if its name ends in
// .gz, through gzip.
type output struct {
	*bufio.Writer
	closers []io.Closer // in the order of closing
}

// create opens a file for writing; "-" is stdout, "" is nowhere.
func create(path string, stdout io.Writer) (*output, error) {
	switch path {
	case "":
		return &output{Writer: bufio.NewWriter(io.Discard)}, nil
	case "-":
		return &output{Writer: bufio.NewWriter(stdout)}, nil
	}
	file, err := os.Create(path)
	if err != nil {
		return nil, err
	}
	if !strings.HasSuffix(path, ".gz") {
		return &output{bufio.NewWriterSize(file, 1<<16), []io.Closer{file}}, nil
	}
	zip := gzip.NewWriter(file) // names no file and no time, so that the bytes are the same
	return &output{bufio.NewWriterSize(zip, 1<<16), []io.Closer{zip, file}}, nil
}

// close completes the file, and adds what went wrong to err.
func (o *output) close(err *error) {
	flushed := o.Flush()
	for _, c := range o.closers {
		flushed = errors.Join(flushed, c.Close())
	}
	if *err == nil {
		*err = flushed
	}
}
