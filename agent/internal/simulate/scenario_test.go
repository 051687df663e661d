package simulate_test

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"

	"thermarack/agent/internal/simulate"
	"thermarack/agent/wire/yamlfile"
)

const twoShelves = `version: 1
sites:
  hex:
    racks:
      a1:
        shelves:
          s3: {columns: 2, depth: 2, nodes: {1: b827eb000001, 2: b827eb000002}, probes: [{name: h1, sensor: "urn:dev:ow:28091e0d000000cb", x: 0.5, y: 1, face: hot}]}
          s4: {columns: 1, depth: 1}
`

func TestAWrongScenarioIsToldByLine(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, text, want string }{
		{"an unknown key", "- {at: 1m, shelf: hex/a1/s3, fam: 1}", `1: unknown key "fam", did you mean "fan"?`},
		{"no list", "at: 1m", "1: want a list, not keys with values"},
		{"no time", "- {shelf: hex/a1/s3, load: 1}", `1: at "": want the time since the start`},
		{"a time before the start", "- {at: -1m, shelf: hex/a1/s3, load: 1}", `1: at "-1m": want the time since the start`},
		{"no shelf of two", "\n\n- {at: 1m, load: 1}", "3: say which shelf: the layout has hex/a1/s3, hex/a1/s4"},
		{"an unknown shelf", "- {at: 1m, shelf: s3, load: 1}", `1: shelf "s3": the layout has hex/a1/s3, hex/a1/s4`},
		{"nothing that happens", "- {at: 1m, shelf: hex/a1/s3}", "1: event says nothing"},
		{"two things", "- {at: 1m, shelf: hex/a1/s3, load: 1, fan: 1, running: true}", "1: event says several things"},
		{"an unknown fan", "# a\n- {at: 1m, shelf: hex/a1/s4, fan: 2, running: false}", "2: fan 2: the shelf has fans 1 to 1"},
		{"a fan and no verb", "- {at: 1m, shelf: hex/a1/s3, fan: 2}", "1: fan 2: say running"},
		{"an unknown slot", "- {at: 1m, shelf: hex/a1/s3, slot: 5, offline: true}", "1: slot 5: the shelf has slots 1 to 4"},
		{"an empty slot", "- {at: 1m, shelf: hex/a1/s3, slot: 4, offline: false}", "1: slot 4: the layout has no Pi there"},
		{"an unknown probe", "- {at: 1m, shelf: hex/a1/s3, probe: h2, fault: stuck}", `1: probe "h2": the shelf has h1`},
		{"a shelf without probes", "- {at: 1m, shelf: hex/a1/s4, probe: h2, fault: stuck}", `1: probe "h2": the shelf has no probes`},
		{"an unknown fault", "- {at: 1m, shelf: hex/a1/s3, probe: h1, fault: melted}", `1: probe "h1": fault "melted": need none, stuck`},
		{"a load beyond all", "- {at: 1m, shelf: hex/a1/s3, load: 99}", "1: load 99: need 0 to 10"},
	}
	d := newDir(t, twoShelves)
	for _, tt := range tests {
		d.write(t, "s.yaml", tt.text)
		err := d.try(t, "s.yaml")
		if want := d.path("s.yaml") + ":" + tt.want; err == nil || !strings.HasPrefix(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: err = %v\nwant one line that begins %s", tt.name, err, want)
		}
	}
}

// try records for ten seconds with a scenario.
func (d dir) try(t testing.TB, scenario string) error {
	t.Helper()
	args := []string{"--layout", d.path("layout.yaml"), "-o", "-", "--for", "10s", "--scenario", d.path(scenario)}
	return simulate.Command{}.Run(t.Context(), args, io.Discard, io.Discard)
}

func TestEverythingWrongIsToldAtOnce(t *testing.T) {
	t.Parallel()
	d := newDir(t, twoShelves)
	d.write(t, "s.yaml", "- {at: soon, shelf: hex/a1/s3, load: 1}\n- {at: 1m, load: 1}\n- {at: 1m, shelf: hex/a1/s3, load: 1}\n- {at: 1m, shelf: hex/a1/s3, fan: 3, running: true}\n")
	var problems yamlfile.Problems
	if err := d.try(t, "s.yaml"); !errors.As(err, &problems) || len(problems) != 3 {
		t.Fatalf("err = %v, want three problems", err)
	}
	for i, line := range []int{1, 2, 4} {
		if problems[i].Line != line {
			t.Errorf("problem %d is in line %d, want %d: %v", i, problems[i].Line, line, problems[i])
		}
	}
}

func TestAScenarioNeedsNoOrderAndMayBeEmpty(t *testing.T) {
	t.Parallel()
	d := newDir(t, small)
	const off, on = "- {at: 1m, fan: 1, running: false}\n", "- {at: 2m, fan: 1, running: true}\n"
	var got [][]byte
	for _, text := range []string{off + on, on + off, ""} {
		d.write(t, "s.yaml", text)
		got = append(got, d.run(t, "-o", "-", "--for", "5m", "--scenario", d.path("s.yaml")))
	}
	if !bytes.Equal(got[0], got[1]) {
		t.Error("the order in the file matters")
	}
	if bytes.Equal(got[0], got[2]) || !bytes.Equal(got[2], d.run(t, "-o", "-", "--for", "5m")) {
		t.Error("an empty scenario is not an uneventful one")
	}
}
