// Package scan shows a person what a node finds: every part, its value, how long
// that took, and what to do about a part that has none.
package scan

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"thermarack/agent/internal/sensors"
	"thermarack/agent/wire"
	"thermarack/hardware/fault"
)

// A Row is one value of one part as a person or a program reads it, or a part
// without a value. All texts are safe to print.
type Row struct {
	Part    string   `json:"part"`
	Bus     string   `json:"bus"`
	Address string   `json:"address"`
	Name    string   `json:"name"`  // of the record on the wire; "" if it is not published
	Value   *float64 `json:"value"` // null without one
	Unit    string   `json:"unit"`
	TookMS  float64  `json:"took_ms"` // to read the part, to 0.001; 0 if it is not read, and for its further values
	Health  string   `json:"health"`  // "ok", perhaps with a note, or the reason why there is no value
}

// OK tells whether the part gave a value.
func (r Row) OK() bool { return r.Value != nil }

// patience is how long a part may take: 20 probes on parasite power convert one
// after another.
const patience = 20 * time.Second

// Read reads all parts at the same time and returns their rows in the order of
// parts: one for each value of a part, or one that says why there is none. A
// part that does not answer within 20 s, or when ctx is done, is rejected as
// timeout.
func Read(ctx context.Context, parts []sensors.Part) []Row {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	answers := make([]chan []Row, len(parts))
	for i, p := range parts {
		if p.Sensor == nil {
			continue
		}
		answer := make(chan []Row, 1)
		answers[i] = answer
		go func() { answer <- read(ctx, p) }()
	}
	var rows []Row
	for i, answer := range answers {
		if answer == nil {
			rows = append(rows, newRow(parts[i]))
			continue
		}
		select {
		case of := <-answer:
			rows = append(rows, of...)
		case <-ctx.Done():
			rows = append(rows, late(newRow(parts[i]), answer)...)
		}
	}
	return rows
}

// late returns the answer if it came with the deadline, else a rejection.
func late(row Row, answer <-chan []Row) []Row {
	select {
	case rows := <-answer:
		return rows
	default:
		row.TookMS, row.Health = float64(patience.Milliseconds()), "timeout: no answer; check the bus and its other readers"
		return []Row{row}
	}
}

func newRow(p sensors.Part) Row {
	return Row{Part: printable(p.What), Bus: printable(p.Bus), Address: printable(p.Address), Health: printable(p.Note)}
}

// read returns the part's values, or the reason why there are none.
func read(ctx context.Context, p sensors.Part) []Row {
	begun := time.Now()
	readings, err := p.Sensor.Read(ctx)
	row := newRow(p)
	row.TookMS = float64(max(time.Since(begun).Microseconds(), 1)) / 1000 // 0 means not read
	var rows []Row
	for i := range readings {
		rows = append(rows, row.with(p, readings[i]))
		row.TookMS = 0
	}
	switch {
	case err != nil:
		row.Health = printable(explain(err))
		rows = append(rows, row)
	case len(readings) == 0:
		row.Health = "no reading"
		rows = append(rows, row)
	}
	return rows
}

// with returns the row of one value.
func (r Row) with(p sensors.Part, reading wire.Reading) Row {
	r.Value, r.Unit, r.Health = &reading.Value, reading.Unit, "ok"
	if p.Device != "" {
		r.Name = printable(reading.Name())
	}
	if p.Note != "" {
		r.Health += ", " + printable(p.Note)
	}
	return r
}

// explain returns "<reason>: <what was seen and what to do>".
func explain(err error) string {
	if why, ok := errors.AsType[fault.Error](err); ok {
		return why.Error() // without the path, which the address says
	}
	return err.Error()
}

// printable makes a text of the host safe for a terminal: what is not visible,
// control characters and changes of the writing direction among it, becomes an
// escape, and what is too long is cut.
func printable(s string) string {
	const longest = 200
	var b strings.Builder
	for _, r := range s {
		if b.Len() > longest {
			return b.String() + "…"
		}
		if strconv.IsPrint(r) {
			b.WriteRune(r)
			continue
		}
		b.WriteString(strings.Trim(strconv.QuoteRune(r), "'"))
	}
	return b.String()
}

// WriteJSON writes rows as one JSON array on one line.
func WriteJSON(w io.Writer, rows []Row) error {
	if rows == nil {
		rows = []Row{}
	}
	return json.NewEncoder(w).Encode(rows)
}

// WriteTable writes rows as a table; mark is the index of a row to point at, or
// -1. On a terminal that row is shown inverse too.
func WriteTable(w io.Writer, rows []Row, mark int, terminal bool) error {
	var table strings.Builder
	t := tabwriter.NewWriter(&table, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "PART\tBUS\tADDRESS\tVALUE\tTIME\tHEALTH")
	for i, r := range rows {
		health := r.Health
		if i == mark {
			health += "  <-- this one rises"
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\n", r.Part, r.Bus, r.Address, r.value(), r.took(), health)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	text := table.String()
	if mark >= 0 && terminal {
		lines := strings.SplitAfter(text, "\n")
		lines[mark+1] = inverse + strings.TrimSuffix(lines[mark+1], "\n") + normal + "\n"
		text = strings.Join(lines, "")
	}
	_, err := io.WriteString(w, text)
	return err
}

// What a terminal wants to hear (ECMA-48, sections 8.3.117 and 8.3.39).
const (
	inverse = "\x1b[7m"
	normal  = "\x1b[0m"
	clear   = "\x1b[H\x1b[2J" // and go to the top
)

func (r Row) value() string {
	switch {
	case r.Value == nil:
		return "-"
	case r.Unit == "Cel":
		return fmt.Sprintf("%.2f °C", *r.Value)
	case r.Unit == "":
		return fmt.Sprintf("%g", *r.Value)
	}
	return fmt.Sprintf("%.4g %s", *r.Value, r.Unit)
}

func (r Row) took() string {
	if r.TookMS == 0 {
		return "-"
	}
	return fmt.Sprintf("%.1f ms", r.TookMS)
}
