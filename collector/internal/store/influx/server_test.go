package influx_test

import (
	"errors"
	"fmt"
	"math"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"thermarack/agent/wire"
	"thermarack/collector/internal/store"
	"thermarack/collector/internal/store/influx"
	"thermarack/collector/internal/store/influx/influxtest"
)

var noon = time.Date(2026, 3, 14, 12, 0, 0, 0, time.UTC)

const node wire.Node = "b827eb000001"

// of returns a sample of a part of the node some time after noon.
func of(part, quantity string, after time.Duration, value float64) store.Sample {
	return store.Sample{
		Series: store.Series{Site: "hex", Node: node, Device: node.Device(part), Quantity: quantity, Unit: wire.UnitOf(quantity)},
		Point:  store.Point{Time: noon.Add(after), Value: value},
	}
}

// soc is what most tests store.
func soc(after time.Duration, value float64) store.Sample {
	return of("soc", wire.QuantityTemperature, after, value)
}

// appends stores samples and compares what is refused.
func appends(t *testing.T, s *influx.Store, want []store.Refusal, samples ...store.Sample) {
	t.Helper()
	got, err := s.Append(t.Context(), samples)
	if err != nil {
		t.Fatalf("Append: %v", err)
	}
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("refused (-want +got):\n%s", diff)
	}
}

// holds compares all points of the name of a sample.
func holds(t *testing.T, s *influx.Store, of store.Sample, want ...float64) {
	t.Helper()
	points, err := s.Range(t.Context(), of.Name(), noon.Add(-1e4*time.Hour), noon.Add(1e5*time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	got := make([]float64, len(points))
	for i, p := range points {
		got[i] = p.Value
	}
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("values of %s (-want +got):\n%s", of.Name(), diff)
	}
}

// answers are tests of what a real server answers, each with a database of its
// own.
func answers() map[string]func(*testing.T, *influxtest.Server, influx.Options) {
	return map[string]func(*testing.T, *influxtest.Server, influx.Options){
		"a field of another type is refused and nothing else":             otherType,
		"what is older than the bucket keeps is refused and nothing else": beyondRetention,
		"a process that begins anew knows what is stored":                 secondProcess,
		"odd names are found again":                                       oddNames,
		"what line protocol cannot say is refused and nothing else":       unsayable,
		"extreme values and times":                                        extremes,
		"many in one call":                                                manyInOneCall,
		"PromQL sees what it sees of the embedded store":                  promQL,
	}
}

func otherType(t *testing.T, server *influxtest.Server, o influx.Options) {
	server.Write(t, o.Bucket, fmt.Sprintf("b827eb000001,site=ams i2c1-76:humidity=40i %d", noon.UnixMilli()))
	s := open(t, o)
	for i := range 3 { // again and again, as the sensor goes on
		after := time.Duration(i) * time.Second
		appends(t, s, []store.Refusal{{Index: 1, Reason: store.RefusedFieldType}},
			of("i2c1-76", wire.QuantityTemperature, after, 21), of("i2c1-76", wire.QuantityHumidity, after, 40),
			of("i2c1-76", wire.QuantityPressure, after, 1e5), soc(after, 50))
	}
	holds(t, s, soc(0, 0), 50, 50, 50)
	holds(t, s, of("i2c1-76", wire.QuantityPressure, 0, 0), 1e5, 1e5, 1e5)
	if _, err := s.Unit(t.Context(), of("i2c1-76", wire.QuantityHumidity, 0, 0).Name()); !errors.Is(err, store.ErrNoSeries) {
		t.Errorf("Unit of what was refused: %v, want ErrNoSeries", err)
	}
}

func beyondRetention(t *testing.T, server *influxtest.Server, o influx.Options) {
	server.Query(t, fmt.Sprintf("ALTER RETENTION POLICY autogen ON %q DURATION 1h SHARD DURATION 1h", o.Bucket))
	s := open(t, o)
	now := time.Since(noon)
	appends(t, s, []store.Refusal{{Index: 0, Reason: store.RefusedPast}, {Index: 2, Reason: store.RefusedPast}},
		soc(now-3*time.Hour, 40), soc(now, 50), soc(now-4*time.Hour, 41), soc(now-time.Minute, 49))
	holds(t, s, soc(0, 0), 49, 50)
}

func secondProcess(t *testing.T, _ *influxtest.Server, o influx.Options) {
	first := open(t, o)
	appends(t, first, nil, soc(0, 50), soc(time.Second, 51), soc(-time.Hour, 40))
	again := open(t, o)
	appends(t, again, []store.Refusal{{Index: 1, Reason: store.RefusedConflict}, {Index: 3, Reason: store.RefusedConflict}},
		soc(time.Second, 51), soc(time.Second, 52), soc(2*time.Second, 53), soc(-time.Hour, 41), soc(0, 50))
	holds(t, again, soc(0, 0), 40, 50, 51, 53)
}

func oddNames(t *testing.T, _ *influxtest.Server, o influx.Options) {
	s := open(t, o)
	var all []store.Sample
	for i, name := range []string{`a b,c=d`, `quo"ted"`, `${r._field}`, `back\slash`, "grün\tund\tblau", `") |> drop()//`, `:`, `ends:`, `/.*/`} {
		odd := soc(0, float64(i))
		odd.Device, odd.Quantity, odd.Unit = "urn:dev:"+name, `x y,="${z}/.`, "m/s2 "+name
		all = append(all, odd)
	}
	rom, short := soc(0, 50), soc(0, 51)
	rom.Device, short.Device = "urn:dev:ow:28f6fb1e0d0000c5", "urn:dev:ow:28"
	all = append(all, rom, short)
	for i, part := range []string{"", "node", "soc_", "a_b", "urn:dev:ow:28", "28f6fb1e0d0000c5", "time", "_field", " "} { // as they are said in short
		odd := of(part, "x", 0, float64(i))
		all = append(all, odd)
	}
	appends(t, s, nil, all...)
	for _, sample := range all {
		holds(t, s, sample, sample.Value)
		if unit, err := s.Unit(t.Context(), sample.Name()); unit != sample.Unit || err != nil {
			t.Errorf("Unit(%q) = %q, %v, want %q", sample.Name(), unit, err, sample.Unit)
		}
	}
	if found, err := s.Series(t.Context()); err != nil || len(found) != len(all) {
		t.Errorf("%d series, %v, want %d", len(found), err, len(all))
	}
}

func unsayable(t *testing.T, _ *influxtest.Server, o influx.Options) {
	s := open(t, o)
	all := []store.Sample{soc(0, 50)}
	for _, name := range []string{"soc:temperature", "node:seq", ":temperature"} {
		if _, err := s.Range(t.Context(), name, noon, noon.Add(time.Hour)); !errors.Is(err, store.ErrNoSeries) {
			t.Errorf("Range(%q): %v, want ErrNoSeries", name, err)
		}
	}
	for _, spoil := range []func(*store.Series){
		func(s *store.Series) { s.Device = "urn:dev:a\nb value=1" },
		func(s *store.Series) { s.Device = `urn:dev:a\,b` },
		func(s *store.Series) { s.Device = "soc" }, // it would be taken for that of the node
		func(s *store.Series) { s.Quantity, s.Unit = `x\`, "" },
		func(s *store.Series) { s.Quantity, s.Unit = "x", `m\ ` },
		func(s *store.Series) { s.Site = `hex\` },
		func(s *store.Series) { s.Node = "" },
		func(s *store.Series) { s.Node, s.Device = "", "soc" },
		func(s *store.Series) { s.Node = "b827eb000002" }, // speaks for another
		func(s *store.Series) { s.Node = "B8:27:EB:00:00:01" },
	} {
		bad := soc(0, 1)
		spoil(&bad.Series)
		all = append(all, bad)
	}
	var want []store.Refusal
	for i := range all[1:] {
		want = append(want, store.Refusal{Index: i + 1, Reason: store.RefusedServer})
	}
	appends(t, s, want, all...)
	holds(t, s, soc(0, 0), 50)
}

func extremes(t *testing.T, _ *influxtest.Server, o influx.Options) {
	s := open(t, o)
	plain := func(after time.Duration, value float64) store.Sample {
		p := soc(after, value)
		p.Quantity, p.Unit = "count", ""
		return p
	}
	appends(t, s, nil, plain(0, math.MaxFloat64), plain(time.Second, math.SmallestNonzeroFloat64), plain(2*time.Second, -1e-7), plain(3*time.Second, 1<<53))
	holds(t, s, plain(0, 0), math.MaxFloat64, math.SmallestNonzeroFloat64, -1e-7, 1<<53)
	for _, far := range []time.Time{{}, time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)} {
		if points, err := s.Range(t.Context(), plain(0, 0).Name(), far, far.Add(time.Hour)); len(points) != 0 || err != nil {
			t.Errorf("Range at %v = %v, %v, want nothing", far, points, err)
		}
	}
	if points, err := s.Range(t.Context(), plain(0, 0).Name(), time.Time{}, time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)); len(points) != 4 || err != nil {
		t.Errorf("Range of all time = %v, %v, want 4 points", points, err)
	}
}

func manyInOneCall(t *testing.T, _ *influxtest.Server, o influx.Options) {
	s := open(t, o)
	var all []store.Sample
	for i := range 45000 { // more than two requests
		all = append(all, soc(time.Duration(i)*time.Second, float64(i%100)))
	}
	appends(t, s, nil, all...)
	points, err := s.Range(t.Context(), all[0].Name(), noon, noon.Add(100*time.Hour))
	if err != nil || len(points) != len(all) {
		t.Errorf("%d points, %v, want %d", len(points), err, len(all))
	}
}

// wants compares the error of an Append and of a read with what they have to
// wrap and to say.
func wants(t *testing.T, s *influx.Store, target error, words ...string) {
	t.Helper()
	_, appendErr := s.Append(t.Context(), []store.Sample{soc(time.Hour, 50)})
	_, readErr := s.Latest(t.Context(), noon, time.Hour)
	for call, err := range map[string]error{"Append": appendErr, "Latest": readErr} {
		if !errors.Is(err, target) {
			t.Errorf("%s: err = %v, want %v", call, err, target)
			continue
		}
		for _, word := range words {
			if !strings.Contains(err.Error(), word) || strings.Contains(err.Error(), "\n") {
				t.Errorf("%s: err = %q, want one line with …%s…", call, err, word)
			}
		}
	}
}

func missing(t *testing.T, server *influxtest.Server) {
	file := token(t)
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("collector:wrong\n")
	s := open(t, influx.Options{URL: server.URL, Bucket: "racks/autogen", TokenFile: file})
	wants(t, s, influx.ErrDenied, server.URL, "influx.token_file", "USER:PASSWORD")
	write(influxtest.Token)
	wants(t, s, influx.ErrDenied, `CREATE DATABASE "racks"`)
	server.Query(t, `CREATE DATABASE "racks"`)
	wants(t, s, influx.ErrDenied, `GRANT ALL ON "racks"`)
	server.Database(t, "racks")
	appends(t, s, nil, soc(0, 50))

	server.Kill()
	wants(t, s, store.ErrAway, server.URL)
	server.Restart(t)
	appends(t, s, nil, soc(0, 50), soc(time.Second, 51))
	holds(t, s, soc(0, 0), 50, 51)
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	wants(t, s, store.ErrAway, file)
}
