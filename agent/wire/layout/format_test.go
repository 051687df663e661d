package layout_test

import (
	"reflect"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"thermarack/agent/wire"
	"thermarack/agent/wire/layout"
)

func TestFormatIsReadBackEqualWithoutFilesBesideIt(t *testing.T) {
	several := strings.NewReplacer(
		"racks:", "racks:\n      on:\n        shelves: {\"1\": {columns: 1, depth: 1}}",
		"name: h1", `name: "h: \"1\", {\u2028\x7f}"`,
		"switches:", "  main: {racks: {a1: {shelves: {s3: {columns: 1, depth: 1, nodes: {1: {mac: b827eb000042, switch: \"null\"}}}}}}}\nswitches:",
		"{sw-a1-3:", `{"null": {}, sw-a1-3:`,
	).Replace(good)
	for _, text := range []string{good, several, "version: 1"} {
		want, err := parse(text, csv)
		if err != nil {
			t.Fatalf("%v in\n%s", err, text)
		}
		checkFormat(t, want)
	}
}

func checkFormat(t *testing.T, want *layout.Layout) {
	t.Helper()
	text := layout.Format(want)
	got, err := layout.Parse("layout.yaml", text, fstest.MapFS{})
	if err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	if !reflect.DeepEqual(got, want) { // cmp takes seconds for the largest shelf
		t.Errorf("-got +want\n%s\nin\n%s", cmp.Diff(got, want), text)
	}
}

const commented = `# the hall of hex
version: 1
sites:
  hex: # it's cold here
    racks:
      a1:
        shelves:
          s1:
            columns: 2
            depth: 1
            nodes: {switch: sw, ports: 1-2} # patched by hand
          s2:
            columns: 3
            depth: 1
            nodes:
              1: b827eb000009 # never moves
              # the next one is left to its switch
              2: {switch: sw, port: 3}
              3: {switch: sw, port: 4}
          s3: {columns: 3, depth: 2, nodes: {file: s3.csv}}
switches:
  sw-a1-3: {mac: 0011223344ff}
  sw: {mac: 0011223344fe}
`

func TestFillInKeepsWhatAPersonHasWritten(t *testing.T) {
	files := fstest.MapFS{"s3.csv": {Data: []byte(csv)}}
	filled, err := parse(commented, csv)
	if err != nil {
		t.Fatal(err)
	}
	filled.Shelves[0].Slots[1].Node = "b827eb000003"
	filled.Shelves[1].Slots[1].Node = "b827eb000004"
	got, err := layout.FillIn("layout.yaml", []byte(commented), files, filled)
	if err != nil {
		t.Fatal(err)
	}
	want := strings.NewReplacer(
		"            nodes: {switch: sw, ports: 1-2} # patched by hand\n", `            nodes:
              # patched by hand
              1: {switch: "sw", port: 1}
              2: {mac: "b827eb000003", switch: "sw", port: 2}
`,
		"2: {switch: sw, port: 3}", `2: {mac: "b827eb000004", switch: sw, port: 3}`,
	).Replace(commented)
	if diff := cmp.Diff(string(got), want); diff != "" {
		t.Errorf("-got +want\n%s", diff)
	}
	l, err := layout.Parse("layout.yaml", got, files)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(l, filled); diff != "" {
		t.Errorf("-got +want\n%s", diff)
	}
}

func TestFillInTakesOnlyWhatIsBehindTheSamePort(t *testing.T) {
	other, err := parse(strings.Replace(commented, "ports: 1-2", "ports: 5-6", 1), csv)
	if err != nil {
		t.Fatal(err)
	}
	for i := range other.Shelves {
		for j := range other.Shelves[i].Slots {
			if slot := &other.Shelves[i].Slots[j]; slot.Node == "" && slot.Switch != "" && i == 0 {
				slot.Node = wire.Node("b827eb00001" + string(rune('1'+j)))
			}
		}
	}
	got, err := layout.FillIn("layout.yaml", []byte(commented), fstest.MapFS{"s3.csv": {Data: []byte(csv)}}, other)
	if err != nil || strings.Contains(string(got), "b827eb00001") {
		t.Errorf("%v\n%s", err, got)
	}
}

func TestFillInOfWhatCannotBeReadIsAnError(t *testing.T) {
	if _, err := layout.FillIn("layout.yaml", []byte("version: 2"), fstest.MapFS{}, &layout.Layout{}); err == nil || !strings.Contains(err.Error(), "layout.yaml:1") {
		t.Errorf("err = %v", err)
	}
}
