package poe_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	gocmp "github.com/google/go-cmp/cmp"

	"thermarack/agent/wire"
	"thermarack/collector/internal/poe"
)

var update = flag.Bool("update", false, "write the golden files anew")

// golden compares got with a file of testdata.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := gocmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s (-want +got):\n%s", name, diff)
	}
}

// motley is a made-up switch with something of everything.
func motley() poe.Switch {
	return poe.Switch{
		Profile: "cisco-ios", Name: "sw-a1-3", Description: "Made-up switch\r\nsoftware 1.0", MAC: "0011223344ff",
		Ports: []poe.Port{
			{
				Index: "1.1", Number: 1, IfIndex: 10101, Name: "Gi1/0/1", Admin: to(true), Status: poe.Delivering,
				Class: to(3), Power: to(4.109), Measured: true, MACs: []wire.Node{"b827eb000001"},
			},
			{Index: "1.2", Number: 2, IfIndex: 10102, Name: "Gi1/0/2", Admin: to(true), Status: poe.Searching, Power: to(0.0), Measured: true},
			{Index: "1.3", Number: 3, IfIndex: 10103, Name: "Gi1/0/3", Admin: to(false), Status: poe.Disabled},
			{
				Index: "2.1", Number: 4, IfIndex: 10601, Name: "\x1b[31mred\u202eder\x00\xff", Status: poe.OtherFault,
				Class: to(0), Power: to(15.4), MACs: []wire.Node{"b827eb000002", "b827eb000003"},
			},
			{Index: "2.2", Number: 5},
			{IfIndex: 5001, Name: "Po1", Uplink: true, MACs: []wire.Node{"000000000001", "000000000002", "000000000003", "000000000004", "000000000005"}},
			{Name: "bridge port 33", MACs: []wire.Node{"000000000006"}},
		},
		Supplies: []poe.Supply{{Group: 1, Watts: 370, Used: 34.5, Threshold: to(0.8), Status: poe.SupplyOn}, {Group: 2, Watts: 740}},
		Missing:  "addresses of VLAN 20 and higher: no answer",
	}
}

func TestATableForPeople(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	if err := poe.WriteText(&b, motley()); err != nil {
		t.Fatal(err)
	}
	golden(t, "motley.txt", b.Bytes())
}

func TestTheJSONOfAScan(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	if err := poe.WriteJSON(&b, motley()); err != nil {
		t.Fatal(err)
	}
	golden(t, "motley.json", b.Bytes())
	var whole map[string]any
	if err := json.Unmarshal(b.Bytes(), &whole); err != nil {
		t.Fatal(err)
	}
	name := whole["ports"].([]any)[3].(map[string]any)["name"]
	if name != "\x1b[31mred\u202eder\x00\ufffd" {
		t.Errorf("name = %q", name)
	}
}

func TestASwitchWithNothingHasEmptyLists(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	if err := poe.WriteJSON(&b, poe.Switch{Profile: "rfc3621"}); err != nil || b.String() != `{"profile":"rfc3621","ports":[],"supply":[]}`+"\n" {
		t.Errorf("%s, %v", b.String(), err)
	}
}

// harmless tells whether text can do nothing to a terminal but show letters.
func harmless(text string) bool {
	return utf8.ValidString(text) && !strings.ContainsFunc(text, func(r rune) bool {
		return r != '\n' && (r < ' ' || 0x7f <= r && r < 0xa0 || 0x200b <= r && r <= 0x200f || 0x202a <= r && r <= 0x202e || 0x2066 <= r && r <= 0x2069)
	})
}

func FuzzReportsAreHarmless(f *testing.F) {
	f.Add("sw-a1-3", "Gi1/0/1")
	f.Add("\x1b]0;title\a", "\u202eevil\u2066\x9b2J\xff\xfe")
	f.Add(strings.Repeat("long", 100), "a\tb\nc\r\vd")
	f.Add("\U0001f4a3", "</script>")
	f.Fuzz(func(t *testing.T, name, port string) {
		s := poe.Switch{Name: name, Description: port, Missing: name, Profile: "x", Ports: []poe.Port{{Number: 1, Name: port}}}
		var text, asJSON bytes.Buffer
		if err := errors.Join(poe.WriteText(&text, s), poe.WriteJSON(&asJSON, s)); err != nil {
			t.Fatal(err)
		}
		if !harmless(text.String()) || strings.Count(text.String(), "\n") > 12 || text.Len() > 8000 {
			t.Errorf("text = %q", text.String())
		}
		if !harmless(asJSON.String()) || !json.Valid(asJSON.Bytes()) || strings.ContainsFunc(asJSON.String(), func(r rune) bool { return r > 0x7e }) {
			t.Errorf("JSON = %q", asJSON.String())
		}
	})
}

// fullDisk takes nothing.
type fullDisk struct{}

var errFull = errors.New("no space left")

func (fullDisk) Write([]byte) (int, error) { return 0, errFull }

func TestAReportThatCannotBeWrittenIsAnError(t *testing.T) {
	t.Parallel()
	if err := poe.WriteText(fullDisk{}, motley()); !errors.Is(err, errFull) {
		t.Errorf("text: %v", err)
	}
	if err := poe.WriteJSON(fullDisk{}, motley()); !errors.Is(err, errFull) {
		t.Errorf("JSON: %v", err)
	}
}
