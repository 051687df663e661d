// Package recording reads, writes and makes recordings: one MQTT message a line, as
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
	lines *bufio.Reader
	line  int       // of the newest line read
	last  time.Time // of the last entry returned
	next  *read     // read ahead; nil when nothing is
	file  io.Closer
}

// A read is one line that is not empty.
type read struct {
	Entry
	line int
	err  error
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
	return &Reader{name: name, lines: bufio.NewReaderSize(in, 64<<10)}, nil
}

// Next returns the next entry, or io.EOF. An error that wraps ErrLine names a
// line that is no entry or stands out of time; call again for what stands behind
// it. After any other error there is no more.
//
// Of two lines in the wrong order it is the first that is named if it lies ahead
// of both its neighbours, so that one wrong stamp does not cost the rest of the
// file; else it is the second, and time goes on from there.
func (r *Reader) Next() (Entry, error) {
	e := r.take()
	if e.err != nil {
		return Entry{}, e.err
	}
	if e.Time.Before(r.last) {
		err := r.bad(e.line, "%v before the line above it", r.last.Sub(e.Time))
		r.last = e.Time
		return Entry{}, err
	}
	if after := r.peek(); !r.last.IsZero() && after.err == nil && after.Time.Before(e.Time) && !after.Time.Before(r.last) {
		return Entry{}, r.bad(e.line, "%v after the line below it", e.Time.Sub(after.Time))
	}
	r.last = e.Time
	return e.Entry, nil
}

// peek returns the next line that is not empty, and leaves it for take.
func (r *Reader) peek() read {
	if r.next == nil {
		next := r.scan()
		r.next = &next
	}
	return *r.next
}

func (r *Reader) take() read {
	next := r.peek()
	r.next = nil
	return next
}

// scan reads the next line that is not empty.
func (r *Reader) scan() read {
	for {
		text, err := r.readLine()
		if errors.Is(err, ErrLine) {
			return read{line: r.line, err: err}
		}
		if err != nil && len(text) == 0 {
			if !errors.Is(err, io.EOF) {
				err = fmt.Errorf("%s:%d: %w", r.name, r.line+1, err)
			}
			return read{err: err}
		}
		r.line++
		if len(bytes.TrimSpace(text)) == 0 {
			continue
		}
		e, err := decode(text)
		if err != nil {
			err = r.bad(r.line, "%v", err)
		}
		return read{Entry: e, line: r.line, err: err}
	}
}

// readLine returns one line. One that is longer than maxLine is skipped and
// named.
func (r *Reader) readLine() ([]byte, error) {
	var text []byte
	for {
		part, err := r.lines.ReadSlice('\n')
		if len(text)+len(part) <= maxLine {
			text = append(text, part...)
		} else {
			text = text[:maxLine]
		}
		if errors.Is(err, bufio.ErrBufferFull) {
			continue
		}
		if len(text) == maxLine {
			r.line++
			return nil, r.bad(r.line, "longer than %d bytes", maxLine)
		}
		return text, err
	}
}

func (r *Reader) bad(line int, format string, args ...any) error {
	return fmt.Errorf("%s:%d: %w: %s", r.name, line, ErrLine, fmt.Sprintf(format, args...))
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
	err := json.Unmarshal(line, &raw)
	wrong := (*json.UnmarshalTypeError)(nil)
	switch {
	case errors.As(err, &wrong) && wrong.Field != "":
		return Entry{}, fmt.Errorf("%s is %s", wrong.Field, wrong.Value)
	case errors.As(err, &wrong):
		return Entry{}, fmt.Errorf("%s, not an object", wrong.Value)
	case err != nil:
		return Entry{}, err
	case raw.T == nil || raw.Topic == "" || raw.Payload == nil:
		return Entry{}, errors.New(`want {"t":…,"topic":…,"payload":…}`)
	case *raw.T < 0 || *raw.T > latest:
		return Entry{}, fmt.Errorf("t is %v, want seconds since 1970", *raw.T)
	}
	return Entry{Time: time.UnixMilli(int64(math.Round(*raw.T * 1000))).UTC(), Topic: raw.Topic, Payload: raw.Payload}, nil
}
