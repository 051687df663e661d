// Package yamlfile decodes YAML files strictly and says what is wrong by file
// and line, all of it at once.
package yamlfile

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// A Problem is one thing wrong in one file.
type Problem struct {
	File string
	Line int // from 1; 0 when the whole file is meant
	Text string
}

func (p Problem) Error() string {
	if p.Line == 0 {
		return p.File + ": " + p.Text
	}
	return fmt.Sprintf("%s:%d: %s", p.File, p.Line, p.Text)
}

// Problems lists everything wrong in a file and the files that it names.
type Problems []Problem

// Error gives one line a problem.
func (ps Problems) Error() string {
	lines := make([]string, len(ps))
	for i, p := range ps {
		lines[i] = p.Error()
	}
	return strings.Join(lines, "\n")
}

// Err returns ps sorted by file and line, or nil when there is nothing wrong.
func (ps Problems) Err() error {
	if len(ps) == 0 {
		return nil
	}
	slices.SortStableFunc(ps, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line))
	})
	return ps
}

// Decode reads the one YAML document in data into v, a pointer to a struct or
// slice with yaml tags. An empty file leaves v as it is. name is used in errors.
//
// The error is Problems: an unknown key (with the nearest known one), a key
// given twice, a value of the wrong type (with its
// key), broken syntax, a second document.
func Decode(name string, data []byte, v any) error {
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	decoder.KnownFields(true)
	err := decoder.Decode(v)
	if errors.Is(err, io.EOF) {
		return nil
	}
	if err != nil {
		var tree yaml.Node
		_ = yaml.Unmarshal(data, &tree) // what is wrong with its syntax is in err
		return describe(name, err, reflect.TypeOf(v), &tree)
	}
	if err := decoder.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		return Problems{{File: name, Text: "holds more than one YAML document; keep the first"}}
	}
	return nil
}

// Line returns the line, from 1, of the key that path leads to below node: keys
// of mappings and indices of sequences, counted from 0. It is that of the nearest
// parent if the document does not go so far, and 0 if node is empty.
func Line(node *yaml.Node, path ...string) int {
	if node.Kind == yaml.DocumentNode && len(node.Content) > 0 {
		return Line(node.Content[0], path...)
	}
	if len(path) == 0 {
		return node.Line
	}
	switch node.Kind {
	case yaml.MappingNode:
		for i := 0; i+1 < len(node.Content); i += 2 {
			if node.Content[i].Value == path[0] {
				if len(path) == 1 {
					return node.Content[i].Line
				}
				return Line(node.Content[i+1], path[1:]...)
			}
		}
	case yaml.SequenceNode:
		for i, item := range node.Content {
			if strconv.Itoa(i) == path[0] {
				return Line(item, path[1:]...)
			}
		}
	}
	return node.Line
}

// The library's own wording of what we reword.
var (
	atLine     = regexp.MustCompile(`(?s)^(?:yaml: )?line (\d+): (.*)$`)
	unknownKey = regexp.MustCompile(`^field (.*) not found in type (\S+)$`)
)

// describe rewords an error of decoding tree into a t.
func describe(name string, err error, t reflect.Type, tree *yaml.Node) error {
	texts, known := []string{err.Error()}, keysOf(t, nil)
	var values []place
	if len(tree.Content) > 0 {
		values = places("", tree.Content[0], t)
	}
	if types := (*yaml.TypeError)(nil); errors.As(err, &types) {
		texts = types.Errors
	}
	var ps Problems
	for _, text := range texts {
		p := Problem{File: name, Text: strings.TrimPrefix(text, "yaml: ")}
		if m := atLine.FindStringSubmatch(text); m != nil {
			p.Line, _ = strconv.Atoi(m[1])
			p.Text = m[2]
		}
		if m := unknownKey.FindStringSubmatch(p.Text); m != nil {
			p.Text = UnknownKey(m[1], known[m[2]])
		}
		p.Text = mistyped(p.Text, p.Line, &values)
		ps = append(ps, p)
	}
	return ps.Err()
}

// UnknownKey words the problem of a key that is not among known.
func UnknownKey(key string, known []string) string {
	if near := Nearest(key, known); near != "" {
		return fmt.Sprintf("unknown key %q, did you mean %q?", key, near)
	}
	return fmt.Sprintf("unknown key %q, known here: %s", key, strings.Join(known, ", "))
}

// Nearest returns the word among known that is the fewest edits away from word,
// or "" when none is near: more than half of its letters would have to change.
func Nearest(word string, known []string) string {
	best, least := "", max(1, len(word)/2)+1
	for _, k := range known {
		if d := distance(word, k); d < least {
			best, least = k, d
		}
	}
	return best
}

// distance is the Levenshtein distance in bytes.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}

// keysOf collects the yaml keys of every struct type reachable from t, by the
// type's name as the library prints it.
func keysOf(t reflect.Type, known map[string][]string) map[string][]string {
	if known == nil {
		known = map[string][]string{}
	}
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Array, reflect.Map:
		return keysOf(t.Elem(), known)
	case reflect.Struct:
	default:
		return known
	}
	if _, seen := known[t.String()]; seen {
		return known
	}
	known[t.String()] = nil
	var keys []string
	for i := range t.NumField() {
		field := t.Field(i)
		key, _, _ := strings.Cut(field.Tag.Get("yaml"), ",")
		if key != "" && key != "-" {
			keys = append(keys, key)
		}
		keysOf(field.Type, known)
	}
	known[t.String()] = keys
	return known
}
