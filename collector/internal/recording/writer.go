package recording

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"
)

// ErrNotJSON reports a message whose payload is no JSON and cannot stand in a
// recording, nor be stored by a collector. Nothing of it was written; go on with
// the next.
var ErrNotJSON = errors.New("payload is not JSON")

// A Writer writes entries, one a line. The same entries always give the same
// bytes.
type Writer struct {
	out  *bufio.Writer
	line bytes.Buffer
	last time.Time
}

// NewWriter returns a Writer to w. Flush it at the end.
func NewWriter(w io.Writer) *Writer { return &Writer{out: bufio.NewWriterSize(w, 64<<10)} }

// Write writes one entry; line breaks and spaces in its payload are dropped. One
// that is before the last gets the time of that, as a recording is in time order.
// The error wraps ErrNotJSON, or is the writer's.
func (w *Writer) Write(e Entry) error {
	if e.Time.Before(w.last) {
		e.Time = w.last
	}
	topic, err := json.Marshal(e.Topic)
	if err != nil {
		return err
	}
	w.line.Reset()
	w.line.WriteString(`{"t":`)
	w.line.Write(strconv.AppendFloat(w.line.AvailableBuffer(), float64(e.Time.UnixMilli())/1000, 'f', -1, 64))
	w.line.WriteString(`,"topic":`)
	w.line.Write(topic)
	w.line.WriteString(`,"payload":`)
	if err := json.Compact(&w.line, e.Payload); err != nil {
		return fmt.Errorf("message of %.200s: %w: %v", e.Topic, ErrNotJSON, err)
	}
	w.line.WriteString("}\n")
	w.last = e.Time
	_, err = w.out.Write(w.line.Bytes())
	return err
}

// Flush writes what is buffered.
func (w *Writer) Flush() error { return w.out.Flush() }
