package promapi_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/prometheus/storage"

	"thermarack/agent/wire"
	"thermarack/agent/wire/clock"
	"thermarack/agent/wire/layout"
	"thermarack/collector/internal/places"
	"thermarack/collector/internal/promapi"
	"thermarack/collector/internal/store"
	"thermarack/collector/internal/store/tsdb"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// noon is when the samples of the tests end; it is 1773489600.
var noon = time.Date(2026, 3, 14, 12, 0, 0, 0, time.UTC)

const probe = "urn:dev:ow:28f6fb1e0d0000c5"

// readings are three series of the last ten minutes before noon, every 10 s, and
// one point at a broken millisecond.
func readings() []store.Sample {
	var all []store.Sample
	add := func(s store.Series, at time.Time, v float64) {
		all = append(all, store.Sample{Series: s, Point: store.Point{Time: at, Value: v}})
	}
	inlet := store.Series{Site: "hex", Node: "b827eb000001", Device: probe, Quantity: wire.QuantityTemperature, Unit: "Cel"}
	soc := inlet
	soc.Device = wire.Node("b827eb000001").Device("soc")
	faults := store.Series{Site: "hex", Node: "b827eb000001", Device: probe, Quantity: wire.QuantityFaults, Reason: wire.FaultCRC}
	for i := range 60 {
		at := noon.Add(-10*time.Minute + time.Duration(i)*10*time.Second)
		add(inlet, at, 20+float64(i%8)/4)
		add(soc, at, 50+float64(i%16)/8)
		add(faults, at, float64(i/7))
	}
	add(inlet, noon.Add(-7*time.Millisecond), 21.0625)
	return all
}

// filled returns a store with the readings.
func filled(t testing.TB) *tsdb.Store {
	t.Helper()
	s, err := tsdb.Open(tsdb.Options{Dir: t.TempDir(), MinFree: 1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	if refused, err := s.Append(t.Context(), readings()); err != nil || refused != nil {
		t.Fatal(refused, err)
	}
	return s
}

// placed returns what is asked: the readings, and where their sensors stand.
func placed(t testing.TB) storage.Queryable {
	t.Helper()
	l, err := layout.Parse("layout.yaml", []byte(`
version: 1
sites: {hex: {racks: {a1: {shelves: {s3: {columns: 2, depth: 1, nodes: {1: b827eb000001},
  probes: [{name: c1, sensor: "`+probe+`", x: 0.5, y: 0, face: cold}]}}}}}}
`), fstest.MapFS{})
	if err != nil {
		t.Fatal(err)
	}
	history, err := places.Open(places.Options{Dir: t.TempDir(), Layout: l, Now: noon.Add(-time.Hour)})
	if err != nil {
		t.Fatal(err)
	}
	return history.Queryable(filled(t).Queryable())
}

// api answers at noon, for ever.
func api(q storage.Queryable, l promapi.Limits) *promapi.API {
	return promapi.New(promapi.Options{Queryable: q, Clock: clock.Scaled(noon, time.Now(), 1e-9), Version: "1.2.3", Limits: l})
}

// A request is what a client asks.
type request struct {
	path string // below /api/v1/
	form string // asked by POST, when it is not empty
}

func (r request) of(base string) *http.Request {
	method, body := http.MethodGet, io.Reader(nil)
	if r.form != "" {
		method, body = http.MethodPost, strings.NewReader(r.form)
	}
	asked := httptest.NewRequest(method, base+"/api/v1/"+r.path, body)
	asked.RequestURI = "" // of a server's request; clients have none
	asked.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return asked
}

// query is the query string of parameters in pairs.
func query(pairs ...string) string {
	values := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		values.Add(pairs[i], pairs[i+1])
	}
	return values.Encode()
}

// asked are questions of Grafana, of promtool and of people, by name.
func asked() map[string]request {
	const minute = "start=1773489000&end=1773489060&step=15"
	return map[string]request{
		"the health check of Grafana":    {path: "query", form: "query=1%2B1&time=1773489600"},
		"an instant vector":              {path: "query?" + query("query", "thermarack_temperature_celsius", "time", "1773489590")},
		"an instant vector by form":      {path: "query", form: query("query", "thermarack_temperature_celsius", "time", "2026-03-14T11:59:59.993Z")},
		"a matrix":                       {path: "query?" + query("query", `thermarack_temperature_celsius{part="soc"}[29s]`, "time", "1773489590")},
		"a broken millisecond":           {path: "query?" + query("query", `thermarack_temperature_celsius{part=""}[5s]`, "time", "1773489600")},
		"a string":                       {path: "query?" + query("query", `"hot <air> & \"more\""`, "time", "1773489600.5")},
		"what JSON has no number for":    {path: "query?" + query("query", `label_replace(vector(1)/0,"is","inf","","") or label_replace(vector(0)/0,"is","nan","","") or label_replace(vector(-1)/0,"is","-inf","","") or label_replace(vector(1e-9),"is","tiny","","") or label_replace(vector(1.5e22),"is","huge","","")`, "time", "1773489600")},
		"nothing":                        {path: "query?" + query("query", "nonsense", "time", "1773489600")},
		"a range":                        {path: "query_range?" + minute + "&" + query("query", `thermarack_temperature_celsius{part="soc"}`)},
		"a range by form":                {path: "query_range", form: minute + "&" + query("query", `sum by (site) (thermarack_temperature_celsius)`)},
		"a range of a scalar":            {path: "query_range?" + minute + "&" + query("query", "time()")},
		"a range of nothing":             {path: "query_range?" + minute + "&" + query("query", "nonsense")},
		"a subquery without a step":      {path: "query?" + query("query", `max_over_time(thermarack_temperature_celsius[5m:])`, "time", "1773489590")},
		"a moment named in the query":    {path: "query?" + query("query", `thermarack_temperature_celsius{part="soc"} @ 1773489300 offset -10s`, "time", "1773489590")},
		"series":                         {path: "series?" + query("match[]", `{sensor=~".*"}`, "start", "1773489000", "end", "1773489600")},
		"series by form":                 {path: "series", form: query("match[]", `thermarack_temperature_celsius{part="soc"}`, "match[]", `thermarack_faults_total`, "match[]", `{part="soc"}`)},
		"series of an empty time":        {path: "series?" + query("match[]", `thermarack_temperature_celsius`, "start", "1", "end", "2")},
		"names of labels":                {path: "labels"},
		"names of labels by form":        {path: "labels", form: query("match[]", `thermarack_faults_total`, "start", "1773489000", "end", "1773489600")},
		"names of two sets of labels":    {path: "labels?" + query("match[]", `thermarack_faults_total`, "match[]", `thermarack_temperature_celsius`)},
		"names of metrics":               {path: "label/__name__/values"},
		"names of metrics of a site":     {path: "label/__name__/values?" + query("match[]", `{site="hex",part="soc"}`, "start", "1773489000", "end", "1773489600")},
		"values of a label that is none": {path: "label/nonsense/values"},
		"values of two sets of labels":   {path: "label/sensor/values?" + query("match[]", `{part="soc"}`, "match[]", `thermarack_faults_total`)},
		"a query that is none":           {path: "query?query=sum("},
		"no query":                       {path: "query"},
		"a range of ranges":              {path: "query_range?" + minute + "&" + query("query", `nonsense[5m]`)},
		"one with many on both sides":    {path: "query?" + query("query", `thermarack_temperature_celsius * on(site) thermarack_temperature_celsius`, "time", "1773489590")},
		"a time that is none":            {path: "query?query=1&time=noon"},
		"no start":                       {path: "query_range?query=1&end=10&step=1"},
		"no end":                         {path: "query_range?query=1&start=10&step=1"},
		"no step":                        {path: "query_range?query=1&start=1&end=10"},
		"a step of zero":                 {path: "query_range?query=1&start=1&end=10&step=0"},
		"an end before the start":        {path: "query_range?query=1&start=10&end=1&step=1"},
		"too many points":                {path: "query_range?query=1&start=0&end=11001&step=1"},
		"as many points as there may be": {path: "query_range?query=absent(vector(1))&start=0&end=11000&step=1"},
		"a timeout that is none":         {path: "query?query=1&timeout=soon"},
		"series without a match":         {path: "series"},
		"a match of everything":          {path: "series?match[]={}"},
		"a match that is none":           {path: "labels?match[]={"},
		"the end of time":                {path: "labels?start=292277025-08-18T07:12:54.999999999Z"},
		"a timeout of no time":           {path: "query?" + query("query", "thermarack_temperature_celsius", "timeout", "0")},
		"a metric that is described":     {path: "metadata?metric=nonsense"},
		"a label's value by POST":        {path: "label/site/values", form: "x=y"},
		"an endpoint that there is not":  {path: "query_exemplar"},
	}
}

// alone are questions that another Prometheus would answer otherwise: of what is
// ours, and of what is newer than the one that tests install.
func alone() map[string]request {
	return map[string]request{
		"a shorter look back":           {path: "query?" + query("query", `thermarack_temperature_celsius`, "time", "1773489600", "lookback_delta", "5s")},
		"where a sensor stands":         {path: "query?" + query("query", `thermarack_temperature_celsius * on(sensor) group_left(shelf,slot,face) thermarack_place_info`)},
		"now is on our clock":           {path: "query?query=time()"},
		"metrics with places":           {path: "label/__name__/values?" + query("match[]", `{shelf="s3"}`)},
		"series with places":            {path: "series?" + query("match[]", `thermarack_place_info`)},
		"what the metrics mean":         {path: "metadata"},
		"what one metric means":         {path: "metadata?metric=thermarack_place_info&limit=1"},
		"no metrics at all":             {path: "metadata?limit=0"},
		"a limit of metrics that is no": {path: "metadata?limit=x"},
		"fewer series than there are":   {path: "query?" + query("query", "thermarack_temperature_celsius", "limit", "1")},
		"fewer of a range":              {path: "query_range?start=1773489000&end=1773489060&step=30&" + query("query", "thermarack_temperature_celsius", "limit", "1")},
		"a shorter list of series":      {path: "series?" + query("match[]", `{site="hex"}`, "limit", "2")},
		"a shorter list of values":      {path: "label/sensor/values?limit=1"},
		"a limit below zero":            {path: "labels?limit=-1"},
		"a rate of a gauge":             {path: "query?" + query("query", `rate(thermarack_temperature_celsius{part="soc"}[1m])`)},
		"a step below a millisecond":    {path: "query_range?query=1&start=10&end=10&step=0.0001"},
		"a duration beyond all":         {path: "query_range?query=1&start=10&end=10&step=1e300"},
		"a time beyond all":             {path: "query?query=1&time=1e300"},
		"a time too far for the engine": {path: "query?query=1&time=9e10"},
		"no number of a time":           {path: "query?query=1&time=NaN"},
	}
}

// answer asks an API.
func answer(a *promapi.API, r request) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	a.ServeHTTP(w, r.of(""))
	return w
}

func TestAnswersAreInPrometheusFormat(t *testing.T) {
	t.Parallel()
	a := api(placed(t), promapi.Limits{})
	for _, all := range []map[string]request{asked(), alone()} {
		for name, r := range all {
			t.Run(name, func(t *testing.T) {
				got := answer(a, r)
				if kind := got.Header().Get("Content-Type"); kind != "application/json" {
					t.Errorf("content type %q", kind)
				}
				text := append([]byte(http.StatusText(got.Code)+"\n"), got.Body.Bytes()...)
				golden(t, name, text)
			})
		}
	}
}

// golden compares with a file, or writes it.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	file := filepath.Join("testdata", "answers", strings.ReplaceAll(strings.ReplaceAll(name, "'", ""), " ", "-"))
	if *update {
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(got), string(want)); diff != "" {
		t.Errorf("-got +want\n%s", diff)
	}
}

func TestEachGoldenFileHasItsQuestion(t *testing.T) {
	t.Parallel()
	files, err := os.ReadDir(filepath.Join("testdata", "answers"))
	if err != nil || len(files) != len(asked())+len(alone()) {
		t.Errorf("%d files (%v) for %d questions", len(files), err, len(asked())+len(alone()))
	}
}

func TestTheVersionIsThatOfTheLibrary(t *testing.T) {
	t.Parallel()
	var got struct {
		Status string
		Data   map[string]string
	}
	if err := json.Unmarshal(answer(api(placed(t), promapi.Limits{}), request{path: "status/buildinfo"}).Body.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	mod, err := os.ReadFile(filepath.Join("..", "..", "..", "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	// Its v0.315.0 is the library of Prometheus 3.15.0.
	major, rest, _ := strings.Cut(got.Data["version"], ".")
	if want := "github.com/prometheus/prometheus v0." + major + rest + "\n"; !bytes.Contains(mod, []byte(want)) {
		t.Errorf("version %s, which go.mod does not have as %q", got.Data["version"], want)
	}
	if got.Data["revision"] != "thermarack 1.2.3" || got.Data["goVersion"] == "" {
		t.Errorf("got %v", got)
	}
}

func TestEveryMetricIsDescribed(t *testing.T) {
	t.Parallel()
	var got struct {
		Data map[string][]struct{ Type, Help string }
	}
	if err := json.Unmarshal(answer(api(placed(t), promapi.Limits{}), request{path: "metadata"}).Body.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	want := map[string]bool{places.Metric: true}
	for _, quantity := range []string{
		wire.QuantityTemperature, wire.QuantityHumidity, wire.QuantityPressure, wire.QuantitySpeed, wire.QuantityDuty, wire.QuantityCurrent,
		wire.QuantityVoltage, wire.QuantityPower, wire.QuantityThrottled, wire.QuantityFaults, "vibration",
	} {
		want[tsdb.MetricName(quantity)] = true
	}
	for name := range want {
		if about := got.Data[name]; len(about) != 1 || about[0].Help == "" || (about[0].Type == "counter") != strings.HasSuffix(name, "_total") {
			t.Errorf("%s: %v", name, about)
		}
	}
	if len(got.Data) != len(want) {
		t.Errorf("%d metrics are described, there are %d", len(got.Data), len(want))
	}
}
