package layout

import (
	"bytes"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// An Offset is what was added to the readings of a probe for some time.
type Offset struct {
	Since time.Time `json:",omitzero"` // when it was found, UTC; zero for what a person wrote before the first that was
	Value float64   // K
	SD    float64   // K, its standard deviation; 0 when not known
}

func (o Offset) String() string {
	var all fields
	if !o.Since.IsZero() {
		all = append(all, "since: "+o.Since.Format(time.RFC3339Nano))
	}
	all = append(all, fmt.Sprintf("value: %v", o.Value))
	if o.SD != 0 {
		all = append(all, fmt.Sprintf("sd: %v", o.SD))
	}
	return all.String()
}

// Correct puts an offset that was found in force. The one before it stays in the
// history. It must be found after the last that was.
func (p *Probe) Correct(o Offset) error {
	if len(p.Offsets) == 0 {
		p.Offsets = []Offset{{Value: p.Offset}}
	}
	if last := p.Offsets[len(p.Offsets)-1].Since; !o.Since.After(last) {
		return fmt.Errorf("probe %s has an offset of %s, which %s is not after", p.Name, last.Format(time.RFC3339), o.Since.Format(time.RFC3339))
	}
	p.Offsets = append(slices.Clip(p.Offsets), o)
	p.Offset = o.Value
	return nil
}

// UndoOffsets takes the offsets that were found last back, of all probes that have
// one of that time, and returns their names; none when none was ever found.
func (s *Shelf) UndoOffsets() (names []string) {
	var last time.Time
	for _, p := range s.Probes {
		if n := len(p.Offsets); n > 0 && p.Offsets[n-1].Since.After(last) {
			last = p.Offsets[n-1].Since
		}
	}
	for i := range s.Probes {
		if p := &s.Probes[i]; !last.IsZero() && len(p.Offsets) > 0 && p.Offsets[len(p.Offsets)-1].Since.Equal(last) {
			p.undo()
			names = append(names, p.Name)
		}
	}
	return names
}

// undo takes the last offset back. The one that a person wrote stands alone again.
func (p *Probe) undo() {
	p.Offsets = slices.Clip(p.Offsets[:len(p.Offsets)-1])
	p.Offset = 0
	if n := len(p.Offsets); n > 0 {
		p.Offset = p.Offsets[n-1].Value
	}
	if len(p.Offsets) == 0 || len(p.Offsets) == 1 && p.Offsets[0].Since.IsZero() {
		p.Offsets = nil
	}
}

// offsets is what a layout says of a probe's corrections.
func (p Probe) offsets() string {
	if len(p.Offsets) == 0 {
		return fmt.Sprintf("offset: %v", p.Offset)
	}
	items := make([]string, len(p.Offsets))
	for i, o := range p.Offsets {
		items[i] = o.String()
	}
	return "offsets: [" + strings.Join(items, ", ") + "]"
}

// WriteOffsets returns the text of a layout file in which the probes of a shelf have
// the offsets that they have in with; all else stays, byte for byte. files holds the
// CSV files that it names.
//
// The error is that of Parse, or says that the file is written in a way that this
// cannot keep: then write it by hand, or take what Format writes.
func WriteOffsets(name string, data []byte, files fs.FS, with *Shelf) ([]byte, error) {
	want, err := Parse(name, data, files)
	if err != nil {
		return nil, err
	}
	shelf, ok := want.Shelf(with.ID())
	if !ok || len(shelf.Probes) != len(with.Probes) {
		return nil, fmt.Errorf("%s: no shelf %s with these probes", name, with.ID())
	}
	var tree yaml.Node
	if err := yaml.Unmarshal(data, &tree); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	probes := find(&tree, "sites", shelf.Site, "racks", shelf.Rack, "shelves", shelf.Name, "probes")
	text := newText(data)
	for i := range shelf.Probes {
		p := &shelf.Probes[i]
		before := p.offsets()
		p.Offset, p.Offsets = with.Probes[i].Offset, with.Probes[i].Offsets
		if p.offsets() == before {
			continue
		}
		if probes == nil || len(probes.Content) != len(shelf.Probes) || !text.setOffsets(probes.Content[i], p.offsets()) {
			return nil, fmt.Errorf("%s: probe %s cannot be changed as it is written", name, p.Name)
		}
	}
	return kept(name, text.edited(), files, want)
}

// setOffsets writes what is said of a probe's corrections into its mapping, and
// tells whether it knows where.
func (t *text) setOffsets(probe *yaml.Node, said string) bool {
	if probe.Kind != yaml.MappingNode || len(probe.Content) == 0 {
		return false
	}
	last := probe.Content[len(probe.Content)-2:]
	for i := 0; i+1 < len(probe.Content); i += 2 {
		if key := probe.Content[i].Value; key == "offset" || key == "offsets" {
			from, known := t.begin(probe.Content[i])
			to, ends := t.end(probe.Content[i+1])
			t.replace(from, to, said)
			return known && ends
		}
	}
	at, known := t.end(last[1])
	if !known {
		return false
	}
	if probe.Style&yaml.FlowStyle != 0 {
		t.replace(at, at, ", "+said)
		return true
	}
	// On a line of its own, behind the comment on the last one.
	if end := bytes.IndexByte(t.data[at:], '\n'); end >= 0 {
		at += end
	} else {
		at = len(t.data)
	}
	newline := "\n"
	if at > 0 && t.data[at-1] == '\r' {
		at--
		newline = "\r\n"
	}
	t.replace(at, at, newline+strings.Repeat(" ", last[0].Column-1)+said)
	return true
}
