package yamlfile_test

import (
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"thermarack/agent/wire/yamlfile"
)

type shelf struct {
	Columns int             `yaml:"columns"`
	Depth   int             `yaml:"depth"`
	Limits  map[string]*lim `yaml:"limits"`
	Slots   []int           `yaml:"slots"`
	Open    bool            `yaml:"open"`
	Stale   time.Duration   `yaml:"stale"`
}

type lim struct {
	Inlet float64 `yaml:"inlet"`
	Name  string  `yaml:"name"`
}

func TestDecodeNamesFileLineAndNearestKey(t *testing.T) {
	tests := []struct{ name, text, want string }{
		{"known keys are taken", "columns: 12\ndepth: 9\n", ""},
		{"an empty file is no error", "", ""},
		{"a misspelt key names its neighbour", "columns: 12\ndept: 9\n", `f.yaml:2: unknown key "dept", did you mean "depth"?`},
		{"a misspelt key below a map", "limits:\n  a: {inlett: 3}\n", `f.yaml:2: unknown key "inlett", did you mean "inlet"?`},
		{"a key far from all lists them", "zzzzzz: 1\n", `f.yaml:1: unknown key "zzzzzz", known here: columns, depth, limits, slots, open, stale`},
		{"a key given twice", "depth: 9\ndepth: 8\n", `f.yaml:2: mapping key "depth" already defined at line 1`},
		{"a wrong type", "columns: twelve\n", `f.yaml:1: columns: want a whole number, not "twelve"`},
		{"a number for a duration", "stale: 30\n", `f.yaml:1: stale: want a duration such as 30s or 24h, not "30"`},
		{"a word for a duration", "stale: soon\n", `f.yaml:1: stale: want a duration such as 30s or 24h, not "soon"`},
		{"wrong types beside each other", "{depth: ten, columns: ten}\n", "f.yaml:1: depth: want a whole number, not \"ten\"\nf.yaml:1: columns: want a whole number, not \"ten\""},
		{"a wrong type beside the same as a text", "limits:\n  a: {name: many fans, inlet: many fans}\n", `f.yaml:2: inlet: want a number, not "many fans"`},
		{"a wrong type in a list", "slots: [1,\n  two]\n", `f.yaml:2: slots: want a whole number, not "two"`},
		{"a text of several lines", "depth: \"a\n\n  b\"\n", `f.yaml:1: depth: want a whole number, not "a\nb"`},
		{"a list for a number", "depth: [9]\n", "f.yaml:1: depth: want a whole number, not a list"},
		{"a number for keys", "limits: 3\n", `f.yaml:1: limits: want keys with values, not "3"`},
		{"keys for a text", "limits: {a: {name: {x: 1}}}\n", "f.yaml:1: name: want a text, not keys with values"},
		{"a number for a list", "slots: 7\n", `f.yaml:1: slots: want a list, not "7"`},
		{"neither true nor false", "open: perhaps\n", `f.yaml:1: open: want true or false, not "perhaps"`},
		{"no keys at all", "- 12\n", "f.yaml:1: want keys with values, not a list"},
		{"a wrong type behind an alias", "limits:\n  a: &l {inlet: x}\n  b: *l\n", "f.yaml:2: inlet: want a number, not \"x\"\nf.yaml:2: cannot unmarshal !!str `x` into float64"},
		{"two problems, both told", "colums: 1\ndept: 2\n", "f.yaml:1: unknown key \"colums\", did you mean \"columns\"?\nf.yaml:2: unknown key \"dept\", did you mean \"depth\"?"},
		{"broken syntax", "columns: [1\n", "f.yaml:1: did not find expected ',' or ']'"},
		{"a second document", "columns: 1\n---\ndepth: 2\n", "f.yaml: holds more than one YAML document; keep the first"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := ""
			if err := yamlfile.Decode("f.yaml", []byte(tt.text), new(shelf)); err != nil {
				got = err.Error()
			}
			if got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}

func FuzzDecodeNeverPanics(f *testing.F) {
	f.Add([]byte("columns: 12\nlimits: {a: {inlet: 1}}"))
	f.Fuzz(func(t *testing.T, data []byte) {
		_ = yamlfile.Decode("f.yaml", data, new(shelf))
	})
}

func TestLineIsThatOfTheKeyOrItsNearestParent(t *testing.T) {
	const text = "# first\ncolumns: 12\nlimits:\n  a:\n    inlet: 3\nfans:\n  - left\n  - name:\n      right\n"
	tests := []struct {
		name, text, path string
		want             int
	}{
		{"a key", text, "columns", 2},
		{"a key below others", text, "limits a inlet", 5},
		{"an item", text, "fans 0", 7},
		{"a key whose value is on the next line", text, "fans 1 name", 8},
		{"a key that is missing below one that is not", text, "limits b", 4},
		{"an item too far", text, "fans 2", 7},
		{"a key below a number", text, "columns x", 2},
		{"no path", text, "", 2},
		{"an empty file", "", "columns", 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var tree yaml.Node
			if err := yaml.Unmarshal([]byte(tt.text), &tree); err != nil {
				t.Fatal(err)
			}
			if got := yamlfile.Line(&tree, strings.Fields(tt.path)...); got != tt.want {
				t.Errorf("line %d, want %d", got, tt.want)
			}
		})
	}
}
