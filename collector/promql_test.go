package main_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	paho "github.com/eclipse/paho.mqtt.golang"
)

// ask asks as Grafana's data source does: a form by POST where it may be long,
// else GET. It returns the data of the answer.
func (c *collector) ask(t *testing.T, method, path string, params url.Values) string {
	t.Helper()
	at, body := "http://"+c.HTTP+"/prometheus/api/v1/"+path, io.Reader(nil)
	if method == http.MethodPost {
		body = strings.NewReader(params.Encode())
	} else if len(params) > 0 {
		at += "?" + params.Encode()
	}
	request, err := http.NewRequestWithContext(t.Context(), method, at, body)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	var answer struct {
		Status, Error string
		Data          json.RawMessage
	}
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil || answer.Status != "success" {
		t.Fatalf("%s %s: %s %s %v", method, path, response.Status, answer.Error, err)
	}
	return string(answer.Data)
}

// at is the time of a query.
func at(t time.Time) string { return fmt.Sprintf("%.3f", float64(t.UnixMilli())/1000) }

// warm publishes one temperature of a device from the small shelf's first Pi.
func warm(t *testing.T, client paho.Client, device string, when time.Time, celsius float64) {
	t.Helper()
	publish(t, client, "thermarack/v1/hex/b827eb000001/readings",
		fmt.Sprintf(`[{"bt":%s,"n":"%s:temperature","u":"Cel","v":%g}]`, at(when), device, celsius))
}

const (
	hotProbe    = "urn:dev:ow:28091e0d000000cb" // h1 of the small shelf
	anotherOne  = "urn:dev:ow:28a2000000000012"
	firstPiSoC  = "urn:dev:mac:b827ebfffe000001_soc"
	withItsSpot = `thermarack_temperature_celsius * on(sensor) group_left(shelf,slot,probe,face) thermarack_place_info`
)

func TestGrafanaAndPromtoolAskWhatStandsWhere(t *testing.T) {
	t.Parallel()
	needs(t)
	dir := t.TempDir()
	layout := filepath.Join(dir, "layout.yaml")
	write(t, layout, smallShelf)
	c := startCollector(t, "serve", "--layout", layout, "--data", filepath.Join(dir, "data"), "--mqtt", "127.0.0.1:0")
	client := dial(t, c.MQTT, "b827eb000001")
	before := time.Now().Add(-90 * time.Second).Truncate(time.Second)
	warm(t, client, hotProbe, before, 30.5)
	warm(t, client, firstPiSoC, before, 55)

	c.checkGrafana(t, before)
	c.checkPromtool(t, before)

	// The probe is replaced: the layout is edited, and its place keeps its history.
	c.stop()
	write(t, layout, strings.Replace(smallShelf, hotProbe, anotherOne, 1))
	c = startCollector(t, "serve", "--layout", layout, "--data", filepath.Join(dir, "data"), "--mqtt", "127.0.0.1:0")
	after := time.Now().Add(time.Millisecond)
	warm(t, dial(t, c.MQTT, "b827eb000001"), anotherOne, after, 31.5)
	for when, want := range map[time.Time]string{before: hotProbe, after: anotherOne} {
		got := c.ask(t, "GET", "query", url.Values{"query": {`sum by (sensor,probe) (` + withItsSpot + `{face="hot"})`}, "time": {at(when)}})
		if !strings.Contains(got, `{"probe":"h1","sensor":"`+want+`"}`) || strings.Count(got, "metric") != 1 {
			t.Errorf("at %v: %s", when, got)
		}
	}
	var history struct{ Points []struct{ Value float64 } }
	c.decode(t, "/api/v1/series?sensor=place:hex/a1/s3/probe/h1:temperature&from="+at(before), &history)
	if len(history.Points) != 2 || history.Points[0].Value != 30.5 || history.Points[1].Value != 31.5 {
		t.Errorf("the place's history is %v", history.Points)
	}
	var past struct {
		Probes []struct{ Name, Sensor string }
	}
	c.decode(t, "/api/v1/shelves/hex/a1/s3", &past)
	if len(past.Probes) != 3 || past.Probes[1].Sensor != anotherOne {
		t.Errorf("now there are %v", past.Probes)
	}
}

// checkPromtool asks by the program that people have at hand.
func (c *collector) checkPromtool(t *testing.T, before time.Time) {
	t.Helper()
	promtool := findPromtool(t)
	if promtool == "" {
		if os.Getenv("THERMARACK_SERVERS") == "1" {
			t.Error("promtool is missing; .ci/promtool-deps fetches it")
		}
		return
	}
	out, err := exec.Command(promtool, "query", "instant", "--time="+at(before), "http://"+c.HTTP+"/prometheus", `thermarack_place_info{slot="1"}`).CombinedOutput()
	if err != nil || !strings.Contains(string(out), `sensor="`+firstPiSoC+`"`) {
		t.Errorf("promtool: %v %s", err, out)
	}
}

// checkGrafana asks what the data source asks when it is saved, when a dashboard
// is drawn and when a query is written.
func (c *collector) checkGrafana(t *testing.T, before time.Time) {
	t.Helper()
	span := url.Values{"start": {at(before.Add(-time.Minute))}, "end": {at(before.Add(time.Minute))}}
	with := func(pairs ...string) url.Values {
		all := url.Values{"start": span["start"], "end": span["end"]}
		for i := 0; i < len(pairs); i += 2 {
			all.Set(pairs[i], pairs[i+1])
		}
		return all
	}
	tests := []struct {
		name, method, path string
		params             url.Values
		want               string
	}{
		{"is it there", "POST", "query", url.Values{"query": {"1+1"}, "time": {at(before)}}, `"2"`},
		{"what can it", "GET", "status/buildinfo", nil, `"version":"3.`},
		{"what the metrics mean", "GET", "metadata", url.Values{"limit": {"5000"}}, `"thermarack_place_info":[{"type":"gauge"`},
		{"a panel", "POST", "query_range", with("query", withItsSpot, "step", "15"), `"face":"hot","node":"b827eb000001","probe":"h1","sensor":"` + hotProbe + `","shelf":"s3"`},
		{"a table", "POST", "query", url.Values{"query": {withItsSpot}, "time": {at(before.Add(time.Minute))}}, `"shelf":"s3","site":"hex","slot":"1"},"value":[` + at(before.Add(time.Minute))[:10] + `,"55"]`},
		{"metrics to choose from", "GET", "label/__name__/values", with("match[]", `{site="hex"}`), `["thermarack_place_info","thermarack_temperature_celsius"]`},
		{"a variable", "GET", "label/shelf/values", with("match[]", "thermarack_place_info"), `["s3"]`},
		{"labels of a metric", "POST", "labels", with("match[]", "thermarack_temperature_celsius"), `["__name__","node","part","sensor","site"]`},
		{"series of a metric", "POST", "series", with("match[]", `thermarack_place_info{probe="h1"}`), `"probe":"h1"`},
	}
	for _, tt := range tests {
		if got := c.ask(t, tt.method, tt.path, tt.params); !strings.Contains(got, tt.want) {
			t.Errorf("%s: %s\nlacks %s", tt.name, got, tt.want)
		}
	}
}
