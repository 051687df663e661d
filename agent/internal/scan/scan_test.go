package scan_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"thermarack/agent/internal/scan"
	"thermarack/agent/internal/sensors"
	"thermarack/agent/wire"
	"thermarack/hardware/fault"
	"thermarack/hardware/sysfs/ttartest"
)

var update = flag.Bool("update", false, "write the golden files")

func parts(root fs.FS) []sensors.Part {
	return sensors.New(sensors.Options{Root: root, Node: wire.NoNode, Log: slog.New(slog.DiscardHandler)}).Parts()
}

func TestTheTableOfABoard(t *testing.T) {
	archive, err := txtar.ParseFile("../sensors/testdata/pi.txtar")
	if err != nil {
		t.Fatal(err)
	}
	root, err := txtar.FS(archive)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	options := scan.Options{Root: func() []sensors.Part { return parts(root) }}
	if err := scan.Run(t.Context(), &out, options); err != nil {
		t.Fatal(err)
	}
	// The time that a read takes differs, and with it the width of its column.
	got := regexp.MustCompile(` +`).ReplaceAllString(out.String(), " ")
	got = regexp.MustCompile(`\d+\.\d ms`).ReplaceAllString(got, "# ms")
	compare(t, "pi.txt", got)
}

func compare(t *testing.T, name, got string) {
	t.Helper()
	golden := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s differs; run go test -update and look at the diff (-want +got):\n%s", golden, diff)
	}
}

func TestJSONIsAnArrayWithEveryPart(t *testing.T) {
	root := fstest.MapFS{
		"sys/bus/w1/devices/28-00000d1efbf6/w1_slave": {Data: []byte("f4 00 4b 46 7f ff 0c 10 fa : crc=fa YES\n")},
		"sys/class/hwmon/hwmon0/name":                 {Data: []byte("broken")},
		"sys/class/hwmon/hwmon0/temp1_input":          {Data: []byte("hot")},
	}
	var out bytes.Buffer
	options := scan.Options{Root: func() []sensors.Part { return parts(root) }, JSON: true}
	if err := scan.Run(t.Context(), &out, options); err != nil {
		t.Fatal(err)
	}
	var got []map[string]any
	if err := json.Unmarshal(out.Bytes(), &got); err != nil {
		t.Fatalf("%v: %s", err, out.Bytes())
	}
	for _, row := range got {
		if _, ok := row["took_ms"].(float64); !ok {
			t.Errorf("row %v has no took_ms", row)
		}
		delete(row, "took_ms")
	}
	want := []map[string]any{
		{"part": "DS18B20", "bus": "w1", "address": "28f6fb1e0d000035", "name": "urn:dev:ow:28f6fb1e0d000035:temperature", "value": 15.25, "unit": "Cel", "health": "ok"},
		{"part": "broken", "bus": "hwmon0", "address": "temp1", "name": "", "value": nil, "unit": "",
			"health": `range: sysfs: sys/class/hwmon/hwmon0/temp1_input: "hot" is not an integer of 64 bits`},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("rows (-want +got):\n%s", diff)
	}
}

func TestJSONOfNothingIsAnEmptyArray(t *testing.T) {
	var out bytes.Buffer
	if err := scan.WriteJSON(&out, nil); err != nil || out.String() != "[]\n" {
		t.Errorf("got %q, %v, want []", out.String(), err)
	}
}

func TestHostileTextsAreEscaped(t *testing.T) {
	hostile := "a\x1b[2J\r\n\t\x00\u202eb\xff\u009b" + strings.Repeat("x", 1000)
	rows := scan.Read(t.Context(), []sensors.Part{
		{What: hostile, Bus: hostile, Address: hostile, Note: hostile},
		{What: "p", Sensor: sensor{err: errors.New(hostile)}},
	})
	var table, array bytes.Buffer
	if err := scan.WriteTable(&table, rows, -1, true); err != nil {
		t.Fatal(err)
	}
	if err := scan.WriteJSON(&array, rows); err != nil {
		t.Fatal(err)
	}
	for _, out := range []string{table.String(), array.String()} {
		if bad := regexp.MustCompile(`[\x00-\x09\x0b-\x1f\x7f-\x9f\x{202e}]`).FindString(out); bad != "" {
			t.Errorf("%q got through:\n%q", bad, out)
		}
	}
	if lines := strings.Count(table.String(), "\n"); lines != 3 {
		t.Errorf("%d lines, want a head and two rows:\n%s", lines, table.String())
	}
	if want := `a\x1b[2J\r\n\t\x00\u202eb�\u009bxxx`; !strings.HasPrefix(rows[0].Part, want) || len(rows[0].Part) > 300 {
		t.Errorf("part = %q, want it to begin with %q and to be cut", rows[0].Part, want)
	}
}

// A sensor answers with a value, or err, or not before it is let go.
type sensor struct {
	value float64
	err   error
	hangs chan struct{}
}

func (s sensor) Name() string { return "p:temperature" }

func (s sensor) Read(ctx context.Context) ([]wire.Reading, error) {
	if s.hangs != nil {
		<-s.hangs // whatever ctx says
	}
	if s.err != nil {
		return nil, s.err
	}
	return []wire.Reading{{Device: "p", Quantity: "temperature", Unit: "Cel", Value: s.value}}, nil
}

func TestAPartThatHangsIsATimeoutAndCostsNoOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hangs := make(chan struct{})
		rows := scan.Read(t.Context(), []sensors.Part{{Sensor: sensor{hangs: hangs}}, {Sensor: sensor{value: 20}}})
		close(hangs)
		if rows[0].OK() || !strings.HasPrefix(rows[0].Health, "timeout:") {
			t.Errorf("hung part = %+v, want a timeout", rows[0])
		}
		if !rows[1].OK() || rows[1].Health != "ok" {
			t.Errorf("other part = %+v, want ok", rows[1])
		}
	})
}

func TestRejectionsNameTheReasonOfTheContract(t *testing.T) {
	err := fault.New(fault.NoDevice, "hwmon0: gone")
	rows := scan.Read(t.Context(), []sensors.Part{{Sensor: sensor{err: err}}})
	if want := "no-device: hwmon0: gone"; rows[0].Health != want {
		t.Errorf("health = %q, want %q", rows[0].Health, want)
	}
}

func TestRisingPointsAtTheProbeInTheHand(t *testing.T) {
	row := func(address string, celsius float64) scan.Row {
		return scan.Row{Bus: "w1", Address: address, Value: &celsius, Unit: "Cel"}
	}
	silent := scan.Row{Bus: "w1", Address: "c"}
	past := [][]scan.Row{
		{row("a", 21), row("b", 20.0), silent},
		{row("a", 21), row("b", 20.2), silent},
	}
	tests := []struct {
		name string
		now  []scan.Row
		want int
	}{
		{"nothing moves", []scan.Row{row("a", 21.2), row("b", 20.3), silent}, -1},
		{"one is warmed", []scan.Row{row("a", 21.2), row("b", 20.5), silent}, 1},
		{"the one that rose most", []scan.Row{row("a", 24), row("b", 21), silent}, 0},
		{"the order may change", []scan.Row{silent, row("b", 23), row("a", 21)}, 1},
		{"a part that falls silent", []scan.Row{silent}, -1},
		{"a new part has no past", []scan.Row{row("d", 99)}, -1},
	}
	for _, tt := range tests {
		if got := scan.Rising(past, tt.now); got != tt.want {
			t.Errorf("%s: Rising = %d, want %d", tt.name, got, tt.want)
		}
	}
}

func TestWatchMarksWhatRisesUntilItIsStopped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		celsius := 20.0
		root := func() []sensors.Part {
			celsius += 0.3
			return []sensors.Part{{What: "DS18B20", Sensor: sensor{value: celsius}}}
		}
		var out bytes.Buffer
		if err := scan.Run(ctx, &out, scan.Options{Root: root, Watch: true}); err != nil {
			t.Fatal(err)
		}
		var got []bool
		for _, line := range strings.Split(out.String(), "\n") {
			if strings.HasPrefix(line, "DS18B20") {
				got = append(got, strings.Contains(line, "rises"))
			}
		}
		if diff := cmp.Diff([]bool{false, false, true}, got); diff != "" {
			t.Errorf("marks (-want +got):\n%s\n%s", diff, out.String())
		}
	})
}

func TestATerminalShowsTheRisingRowInverseAndEachTableInPlace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		celsius := 20.0
		root := func() []sensors.Part {
			celsius += 0.6
			return []sensors.Part{{What: "DS18B20", Sensor: sensor{value: celsius}}}
		}
		var out bytes.Buffer
		if err := scan.Run(ctx, &out, scan.Options{Root: root, Watch: true, Terminal: true}); err != nil {
			t.Fatal(err)
		}
		if n := strings.Count(out.String(), "\x1b[H\x1b[2J"); n != 2 {
			t.Errorf("the screen was cleared %d times, want before each of two tables", n)
		}
		if !strings.Contains(out.String(), "\x1b[7mDS18B20") || !strings.HasSuffix(out.String(), "rises\x1b[0m\n") {
			t.Errorf("no row is inverse:\n%q", out.String())
		}
	})
}

func TestAPartOfSeveralQuantitiesHasARowForEach(t *testing.T) {
	three := several{
		{Device: "i2c1-76", Quantity: "temperature", Unit: "Cel", Value: 21.5},
		{Device: "i2c1-76", Quantity: "humidity", Unit: "%RH", Value: 40},
	}
	rows := scan.Read(t.Context(), []sensors.Part{{Device: "i2c1-76", What: "BME280", Sensor: three, Note: "certain"}})
	var got []string
	for _, r := range rows {
		got = append(got, fmt.Sprintf("%s %s %v %s %s", r.Part, r.Name, *r.Value, r.Unit, r.Health))
	}
	want := []string{
		"BME280 i2c1-76:temperature 21.5 Cel ok, certain",
		"BME280 i2c1-76:humidity 40 %RH ok, certain",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("rows (-want +got):\n%s", diff)
	}
}

// several is a sensor of several quantities.
type several []wire.Reading

func (several) Name() string { return "i2c1-76:temperature" }

func (s several) Read(context.Context) ([]wire.Reading, error) { return s, nil }

// fixtures returns the folder of recordings that lies beside the repository.
func fixtures(t *testing.T) string {
	t.Helper()
	dir := os.Getenv("THERMARACK_FIXTURES")
	if dir == "" {
		dir = "../../../../shared/fixtures"
	}
	if _, err := os.Stat(dir); err != nil {
		t.Skipf("no recordings: %v; set THERMARACK_FIXTURES", err)
	}
	return dir
}

// captures writes every capture below root as a slave of its own and returns
// their number: families are 28, serial numbers are theirs or made from the
// position.
func captures(t *testing.T, root string) int {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(fixtures(t), "w1/captures.txt"))
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for block := range strings.SplitSeq(string(text), "\n## ") {
		head, body, ok := strings.Cut(block, "\n")
		if !ok || strings.HasPrefix(head, "#") {
			continue
		}
		id := regexp.MustCompile(`^28-[0-9a-f]{12}`).FindString(head)
		if id == "" {
			id = fmt.Sprintf("28-%012x", 0xabc000+n)
		}
		dir := filepath.Join(root, "sys/bus/w1/devices", id)
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "w1_slave"), []byte(body), 0o644); err != nil {
			t.Fatal(err)
		}
		n++
	}
	return n
}

func TestEveryRecordedCaptureHasAValueOrAReason(t *testing.T) {
	root := t.TempDir()
	n := captures(t, root)
	rows := scan.Read(t.Context(), parts(os.DirFS(root)))
	if n < 8 || len(rows) != n {
		t.Fatalf("%d rows of %d captures", len(rows), n)
	}
	good := 0
	for _, r := range rows {
		reason, _, _ := strings.Cut(r.Health, ":")
		switch {
		case r.OK() && r.Health == "ok":
			good++
		case r.OK() || !wire.IsFaultReason(reason):
			t.Errorf("row %+v has neither a value nor a reason", r)
		}
	}
	if good < 6 || good == n {
		t.Errorf("%d of %d captures gave a value, want six good ones at least and the bad ones rejected", good, n)
	}
}

func TestEveryRecordedChipAndZoneIsListed(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"node_exporter-sys", "procfs-fixtures"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			archive := filepath.Join(fixtures(t), "sysfs", name+".ttar")
			dir := t.TempDir()
			ttartest.Unpack(t, archive, dir)
			root := rootOf(t, dir)
			listed := map[string]int{}
			for _, r := range scan.Read(t.Context(), parts(os.DirFS(root))) {
				if r.Health == "" {
					t.Errorf("row %+v says nothing of its health", r)
				}
				listed[r.Bus+"/"+r.Address]++
				listed[r.Bus]++
			}
			for _, pattern := range []string{"hwmon/hwmon*", "hwmon/hwmon*/temp*_input", "hwmon/hwmon*/fan*_input", "thermal/thermal_zone*"} {
				paths, err := filepath.Glob(filepath.Join(root, "sys/class", pattern))
				if err != nil {
					t.Fatal(err)
				}
				for _, path := range paths {
					if !isListed(listed, path) {
						t.Errorf("%s is not listed", path)
					}
				}
			}
		})
	}
}

// isListed tells whether a path of sys/class has a row.
func isListed(listed map[string]int, path string) bool {
	base, up := filepath.Base(path), filepath.Base(filepath.Dir(path))
	channel, isChannel := strings.CutSuffix(base, "_input")
	switch {
	case isChannel:
		return listed[up+"/"+channel] > 0
	case up == "thermal":
		return listed["thermal/"+base] > 0
	}
	return listed[base] > 0
}

// rootOf returns the folder that holds sys: the archives differ in depth.
func rootOf(t *testing.T, dir string) string {
	t.Helper()
	for _, root := range []string{dir, filepath.Join(dir, "fixtures")} {
		if _, err := os.Stat(filepath.Join(root, "sys/class")); err == nil {
			return root
		}
	}
	t.Fatalf("no sys/class in %s", dir)
	return ""
}
