package layout

import (
	"bytes"
	"cmp"
	"slices"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// A text is that of a YAML file, to be changed in some places only.
type text struct {
	data  []byte
	lines []int // where each begins
	edits []edit
}

// An edit puts text in the place of the bytes from one index to before another.
type edit struct {
	from, to int
	text     string
}

func newText(data []byte) *text {
	t := &text{data: data, lines: []int{0}}
	for i, b := range data {
		if b == '\n' {
			t.lines = append(t.lines, i+1)
		}
	}
	return t
}

// replace notes an edit. No two may overlap.
func (t *text) replace(from, to int, text string) {
	t.edits = append(t.edits, edit{from, to, text})
}

// edited returns the text with all edits.
func (t *text) edited() []byte {
	slices.SortFunc(t.edits, func(a, b edit) int { return cmp.Compare(a.from, b.from) })
	var out bytes.Buffer
	at := 0
	for _, e := range t.edits {
		out.Write(t.data[at:e.from])
		out.WriteString(e.text)
		at = e.to
	}
	out.Write(t.data[at:])
	return out.Bytes()
}

// begin returns the index at which a node begins, whose column counts characters.
func (t *text) begin(n *yaml.Node) (at int, known bool) {
	if n.Line < 1 || n.Line > len(t.lines) {
		return 0, false
	}
	at = t.lines[n.Line-1]
	for range n.Column - 1 {
		_, size := utf8.DecodeRune(t.data[at:])
		at += size
	}
	return at, at < len(t.data)
}

// end returns the index after a node, which the library does not tell. It is not
// known of what is rare in a layout: anchors, aliases, tags, texts of several
// lines, empty values.
func (t *text) end(n *yaml.Node) (at int, known bool) {
	at, known = t.begin(n)
	if !known || n.Anchor != "" || n.Style&yaml.TaggedStyle != 0 {
		return 0, false
	}
	switch {
	case n.Kind == yaml.ScalarNode:
		return t.endOfScalar(n, at)
	case n.Kind == yaml.AliasNode:
		return 0, false
	}
	flow := n.Style&yaml.FlowStyle != 0
	if len(n.Content) > 0 {
		at, known = t.end(n.Content[len(n.Content)-1])
	} else {
		at, known = at+1, flow
	}
	if flow && known {
		return t.endOfBrackets(at)
	}
	return at, known
}

func (t *text) endOfScalar(n *yaml.Node, at int) (end int, known bool) {
	rest := t.data[at:]
	switch n.Style {
	case 0:
		return at + len(n.Value), n.Value != "" && bytes.HasPrefix(rest, []byte(n.Value))
	case yaml.SingleQuotedStyle, yaml.DoubleQuotedStyle:
		quote := rest[0]
		for i := 1; i < len(rest); i++ {
			switch {
			case rest[i] == '\\' && quote == '"':
				i++
			case rest[i] == quote && quote == '\'' && i+1 < len(rest) && rest[i+1] == quote:
				i++
			case rest[i] == quote:
				return at + i + 1, true
			}
		}
	}
	return 0, false
}

// endOfBrackets returns the index after the bracket that closes a mapping or
// sequence whose last value ends at an index.
func (t *text) endOfBrackets(at int) (end int, known bool) {
	for comment := false; at < len(t.data); at++ {
		switch b := t.data[at]; {
		case b == '\n':
			comment = false
		case comment:
		case b == '#':
			comment = true
		case b == '}' || b == ']':
			return at + 1, true
		}
	}
	return 0, false
}
