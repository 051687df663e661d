package poe

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestTheProfilesCanBeReadAndNameTheirEvidence(t *testing.T) {
	t.Parallel()
	list, err := parseProfiles("profiles.yaml", profilesFile)
	if err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile(filepath.Join("..", "..", "..", "docs", "switches.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range list {
		if !strings.Contains(string(page), "`"+p.Name+"`") {
			t.Errorf("docs/switches.md says nothing of profile %s", p.Name)
		}
		for _, table := range p.Tables {
			if !strings.Contains(string(page), strings.TrimPrefix(table.column(p.Power.Column).String(), "1.3.6.1.4.1.")) {
				t.Errorf("docs/switches.md does not say which column of %s is read for watts", p.Name)
			}
		}
	}
	if last := list[len(list)-1]; !slices.ContainsFunc(list, func(p profile) bool { return !p.Manual && len(p.Objects) == 0 }) {
		t.Errorf("no profile fits any switch; the last is %s", last.Name)
	}
}

func TestAMistakeInAProfileIsNamed(t *testing.T) {
	t.Parallel()
	const good = "name: x, seen: [MIB], standard: true, interface: {by: ifIndex}"
	if _, err := parseProfiles("p.yaml", []byte("- {"+good+"}")); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ name, file, want string }{
		{"a key that there is none of", "- {" + good + ", stanard: true}", `unknown key "stanard", did you mean "standard"?`},
		{"no name", "- {seen: [MIB], standard: true, interface: {by: ifIndex}}", "needs a name"},
		{"the name of all", "- {name: auto, seen: [MIB], standard: true, interface: {by: ifIndex}}", "needs a name"},
		{"a name twice", "- {" + good + "}\n- {" + good + "}", "the name is taken"},
		{"no evidence", "- {name: x, standard: true, interface: {by: ifIndex}}", `"seen" names`},
		{"no table at all", "- {name: x, seen: [MIB], interface: {by: ifIndex}}", "needs a table"},
		{"a column of no table", "- {" + good + ", admin: {column: 1}}", "columns need a table"},
		{"a table without watts", "- {" + good + ", tables: [1.2.3]}", "needs a column of power"},
		{"watts without a unit", "- {" + good + ", tables: [1.2.3], power: {column: 1}}", "with its unit"},
		{"an unknown unit", "- {" + good + ", tables: [1.2.3], power: {column: 1, unit: kW}}", `unit "kW": want W, 0.1 W or mW`},
		{"an unknown status", "- {" + good + ", tables: [1.2.3], status: {values: {1: on}}}", `status "on": want one of [disabled`},
		{"an OID with a letter", "- {" + good + ", objects: [1.x]}", "want numbers"},
		{"an unknown way to interfaces", "- {name: x, seen: [MIB], standard: true, interface: {by: guess}}", `"interface" is by`},
		{"an entity without its column", "- {name: x, seen: [MIB], standard: true, interface: {by: entity}}", "needs a column"},
		{"an unknown way from the bridge", "- {" + good + ", bridge: guess}", `"bridge" is`},
		{"a supply without what is used", "- {" + good + ", supply: {watts: 1.2, unit: W}}", "either used or free"},
		{"a supply without a unit", "- {" + good + ", supply: {watts: 1.2, used: 1.3}}", "needs a unit"},
		{"an unknown threshold", "- {" + good + ", threshold: some}", `"threshold" is`},
	} {
		_, err := parseProfiles("p.yaml", []byte(tt.file))
		if err == nil || !strings.Contains(err.Error(), tt.want) || !strings.HasPrefix(err.Error(), "p.yaml:") || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: err = %v", tt.name, err)
		}
	}
}
