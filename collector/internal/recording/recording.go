// Package recording reads recordings: one MQTT message a line, as
// docs/wire.md shows them, plain or gzipped.
package recording

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"time"
)

// maxLine bounds one line. The broker takes packets of 256 KiB.
const maxLine = 1 << 20

// An Entry is one recorded message.
type Entry struct {
	Time    time.Time // when it was recorded, millisecond resolution
	Topic   string
	Payload []byte // the message's JSON
}

// ErrLine reports a line that is no entry. The lines behind it can be read.
var ErrLine = errors.New("not a recorded message")

// A Reader reads entries in file order.
type Reader struct {
	name  string
	lines *bufio.Scanner
	line  int
	last  time.Time
	file  io.Closer
}

// Open opens the recording at path.
func Open(path string) (*Reader, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("open recording: %w", err)
	}
	r, err := NewReader(path, file)
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	r.file = file
	return r, nil
}

// NewReader reads from in, plain or gzip by its first two bytes. name is used
// in errors.
func NewReader(name string, in io.Reader) (*Reader, error) {
	buffered := bufio.NewReaderSize(in, 64<<10)
	in = buffered
	if magic, _ := buffered.Peek(2); bytes.Equal(magic, []byte{0x1f, 0x8b}) {
		unzipped, err := gzip.NewReader(buffered)
		if err != nil {
			return nil, fmt.Errorf("read recording %s: %w", name, err)
		}
		in = unzipped
	}
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, maxLine)
	return &Reader{name: name, lines: lines}, nil
}

// Next returns the next entry, or io.EOF. An error that wraps ErrLine names a
// line that is no entry, or one that goes back in time; call again for what
// stands behind it. After any other error there is no more.
func (r *Reader) Next() (Entry, error) {
	for r.lines.Scan() {
		r.line++
		if len(bytes.TrimSpace(r.lines.Bytes())) == 0 {
			continue
		}
		e, err := decode(r.lines.Bytes())
		if err == nil && e.Time.Before(r.last) {
			err = fmt.Errorf("%v before the line above it", r.last.Sub(e.Time))
		}
		if err != nil {
			return Entry{}, fmt.Errorf("%s:%d: %w: %v", r.name, r.line, ErrLine, err)
		}
		r.last = e.Time
		return e, nil
	}
	if err := r.lines.Err(); err != nil {
		return Entry{}, fmt.Errorf("%s:%d: %w", r.name, r.line+1, err)
	}
	return Entry{}, io.EOF
}

// Close closes what Open opened.
func (r *Reader) Close() error {
	if r.file == nil {
		return nil
	}
	return r.file.Close()
}

// latest is the largest time that is taken: the year 9999, which RFC 3339 ends
// with.
const latest = 253402300799

func decode(line []byte) (Entry, error) {
	var raw struct {
		T       *float64        `json:"t"`
		Topic   string          `json:"topic"`
		Payload json.RawMessage `json:"payload"`
	}
	switch err := json.Unmarshal(line, &raw); {
	case err != nil:
		return Entry{}, err
	case raw.T == nil || raw.Topic == "" || raw.Payload == nil:
		return Entry{}, errors.New(`want {"t":…,"topic":…,"payload":…}`)
	case *raw.T < 0 || *raw.T > latest:
		return Entry{}, fmt.Errorf("t is %v, want seconds since 1970", *raw.T)
	}
	return Entry{Time: time.UnixMilli(int64(math.Round(*raw.T * 1000))).UTC(), Topic: raw.Topic, Payload: raw.Payload}, nil
}
