package poe

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"text/tabwriter"
	"unicode/utf16"
	"unicode/utf8"

	"thermarack/agent/wire"
)

// A report is the JSON of `switch scan --json`. What is not known is null.
type report struct {
	Profile string         `json:"profile"`
	Ports   []portReport   `json:"ports"`
	Supply  []supplyReport `json:"supply"`
}

type portReport struct {
	Index      *string     `json:"index"`
	IfIndex    *int        `json:"ifIndex"`
	Name       *string     `json:"name"`
	Admin      *bool       `json:"admin"`
	Status     *string     `json:"status"`
	Class      *int        `json:"class"`
	Milliwatts *int64      `json:"milliwatts"`
	MACs       []wire.Node `json:"macs"`
	Uplink     bool        `json:"uplink"`
	Port       *int        `json:"port"`
	Measured   *bool       `json:"measured"`
}

type supplyReport struct {
	Group  int     `json:"group"`
	Watts  float64 `json:"watts"`
	Used   float64 `json:"used"`
	Status *string `json:"status"`
}

// WriteJSON writes what was understood of a switch as one line of JSON:
//
//	{"profile","ports":[{"index","ifIndex","name","admin","status","class",
//	"milliwatts","macs":[…],"uplink","port","measured"}…],
//	"supply":[{"group","watts","used","status"}…]}
//
// What is not known is null; a status is called as in RFC 3621. All of it is ASCII:
// what else a name holds is escaped, so that it can do nothing to a terminal.
func WriteJSON(w io.Writer, s Switch) error {
	r := report{Profile: s.Profile, Ports: make([]portReport, len(s.Ports)), Supply: make([]supplyReport, len(s.Supplies))}
	for i, p := range s.Ports {
		r.Ports[i] = p.report()
	}
	for i, u := range s.Supplies {
		r.Supply[i] = supplyReport{u.Group, u.Watts, u.Used, known(u.Status.String())}
	}
	text, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("write switch as JSON: %w", err)
	}
	_, err = w.Write(append(ascii(text), '\n'))
	return err
}

func (p *Port) report() portReport {
	r := portReport{
		Index: known(p.Index), IfIndex: known(p.IfIndex), Name: known(p.Name), Admin: p.Admin,
		Status: known(p.Status.String()), Class: p.Class, MACs: p.MACs, Uplink: p.Uplink, Port: known(p.Number),
	}
	if r.MACs == nil {
		r.MACs = []wire.Node{}
	}
	if p.Power != nil {
		r.Milliwatts, r.Measured = pointer(int64(math.Round(*p.Power*1000))), pointer(p.Measured)
	}
	return r
}

// known returns v, nil for the zero value.
func known[T comparable](v T) *T {
	var zero T
	if v == zero {
		return nil
	}
	return &v
}

// ascii escapes what is not ASCII in JSON, where that is in strings only.
func ascii(text []byte) []byte {
	var b bytes.Buffer
	for len(text) > 0 {
		r, n := utf8.DecodeRune(text)
		switch {
		case r < utf8.RuneSelf && r != 0x7f:
			b.WriteByte(byte(r))
		case r > 0xffff:
			high, low := utf16.EncodeRune(r)
			fmt.Fprintf(&b, `\u%04x\u%04x`, high, low)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
		text = text[n:]
	}
	return b.Bytes()
}

// WriteText writes what was understood of a switch for people: a table of its ports
// and one of its supplies. What is not known is left empty. Names are escaped and
// cut.
func WriteText(w io.Writer, s Switch) error {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s, read by profile %s\n", cmp.Or(safe(s.Name, maxName), "a switch without a name"), s.Profile)
	if s.Description != "" {
		fmt.Fprintln(&b, safe(s.Description, maxDescription))
	}
	table := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "\nPORT\tNAME\tINDEX\tIFINDEX\tPOE\tSTATUS\tCLASS\tWATTS\tBEHIND IT")
	for i := range s.Ports {
		fmt.Fprintln(table, strings.Join(s.Ports[i].row(), "\t"))
	}
	if len(s.Supplies) > 0 {
		fmt.Fprintln(table, "\nSUPPLY\tWATTS\tUSED\tSTATUS")
	}
	for _, u := range s.Supplies {
		fmt.Fprintf(table, "%d\t%g\t%g\t%s\n", u.Group, u.Watts, u.Used, u.Status)
	}
	table.Flush() // writes to memory
	if s.Missing != "" {
		fmt.Fprintf(&b, "\nnot read: %s\n", safe(s.Missing, maxMissing))
	}
	for line := range bytes.Lines(b.Bytes()) {
		if _, err := fmt.Fprintf(w, "%s\n", bytes.TrimRight(line, " \n")); err != nil {
			return err
		}
	}
	return nil
}

// row returns the cells of WriteText.
func (p *Port) row() []string {
	cells := []string{digits(p.Number), safe(p.Name, maxName), p.Index, digits(p.IfIndex), "", p.Status.String(), "", "", p.behind()}
	if p.Admin != nil {
		cells[4] = map[bool]string{true: "on", false: "off"}[*p.Admin]
	}
	if p.Class != nil {
		cells[6] = strconv.Itoa(*p.Class)
	}
	if p.Power != nil {
		cells[7] = strconv.FormatFloat(*p.Power, 'f', -1, 64)
		if !p.Measured && *p.Power > 0 {
			cells[7] += " set aside"
		}
	}
	return cells
}

// maxShown is how many addresses of a port are shown.
const maxShown = 4

// behind names who is behind a port, or says how many.
func (p *Port) behind() string {
	var who []string
	if p.Uplink {
		who = append(who, "uplink")
	}
	if len(p.MACs) > maxShown {
		return strings.Join(append(who, fmt.Sprintf("%d addresses", len(p.MACs))), ", ")
	}
	for _, mac := range p.MACs {
		who = append(who, string(mac))
	}
	return strings.Join(who, ", ")
}

func digits(n int) string {
	if n == 0 {
		return ""
	}
	return strconv.Itoa(n)
}

// How much of a text from a switch is shown, in characters.
const (
	maxName        = 40
	maxDescription = 120
	maxMissing     = 400
)

// safe returns s fit for a terminal: what can't be printed, or turns the direction
// of writing, is escaped, and what is longer than most characters is cut.
func safe(s string, most int) string {
	var b strings.Builder
	for n := 0; len(s) > 0; n++ {
		r, size := utf8.DecodeRuneInString(s)
		switch {
		case n == most:
			return b.String() + "…"
		case r == utf8.RuneError && size == 1:
			fmt.Fprintf(&b, `\x%02x`, s[0])
		case strconv.IsPrint(r):
			b.WriteRune(r)
		default:
			b.WriteString(strings.Trim(strconv.QuoteRune(r), "'"))
		}
		s = s[size:]
	}
	return b.String()
}
