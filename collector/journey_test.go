package main_test

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"
)

// A pagerDuty is a local sink that speaks PagerDuty's Events API v2.
type pagerDuty struct {
	*httptest.Server
	mu     sync.Mutex
	events []event
}

// An event is what the Events API v2 asks for, as far as we look at it.
type event struct {
	RoutingKey string `json:"routing_key"`
	Action     string `json:"event_action"`
	DedupKey   string `json:"dedup_key"`
	Payload    struct {
		Summary  string `json:"summary"`
		Source   string `json:"source"`
		Severity string `json:"severity"`
	} `json:"payload"`
}

func startPagerDuty(t *testing.T) *pagerDuty {
	t.Helper()
	p := &pagerDuty{}
	p.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var e event
		body, _ := io.ReadAll(r.Body)
		if err := json.Unmarshal(body, &e); err != nil {
			t.Errorf("PagerDuty got %.300s: %v", body, err)
		}
		p.mu.Lock()
		p.events = append(p.events, e)
		p.mu.Unlock()
		w.WriteHeader(http.StatusAccepted)
		fmt.Fprint(w, `{"status":"success"}`)
	}))
	t.Cleanup(p.Close)
	return p
}

func (p *pagerDuty) all() []event {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]event(nil), p.events...)
}

// config is a pager configuration for the sink.
func (p *pagerDuty) config(t *testing.T) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "pager.yml")
	write(t, file, fmt.Sprintf("route: {receiver: ops, group_interval: 1s}\nreceivers:\n  - name: ops\n    pagerduty_configs: [{routing_key: %q, url: %q}]\n",
		"0123456789abcdef0123456789abcdef", p.URL+"/v2/enqueue"))
	return file
}

// plainPi lays out the files of a Pi 3 without probes below root.
func plainPi(t *testing.T, root string) {
	t.Helper()
	for file, text := range map[string]string{
		"sys/class/net/eth0/address":           "b8:27:eb:00:00:01\n",
		"sys/class/thermal/thermal_zone0/type": "cpu-thermal\n",
		"sys/class/thermal/thermal_zone0/temp": "46160\n",
		"proc/device-tree/model":               "Raspberry Pi 3 Model B Rev 1.2\x00",
		"proc/device-tree/serial-number":       "00000000deadbeef\x00",
		"sys/class/hwmon/hwmon0/name":          "cpu_thermal\n",
		"sys/class/hwmon/hwmon0/temp1_input":   "46160\n",
		"sys/class/net/lo/address":             "00:00:00:00:00:00\n",
	} {
		write(t, filepath.Join(root, file), text)
	}
}

// warmUp returns °C a second: idle, five minutes of full load, idle again. With
// the recordings beside the checkout they are a real Pi 3B's, without a fan.
func warmUp(t *testing.T) []float64 {
	t.Helper()
	fixtures := os.Getenv("THERMARACK_FIXTURES")
	if fixtures == "" {
		fixtures = "../../shared/fixtures"
	}
	file, err := os.Open(filepath.Join(fixtures, "pitemp/minmax_1111000011_w30.csv"))
	if err != nil {
		t.Logf("no recordings (%v): a made-up warm-up is played", err)
		return madeUp()
	}
	defer file.Close()
	rows, err := csv.NewReader(file).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	var curve []float64
	for _, row := range rows[1:751] { // the first warm-up and what cools it down
		celsius, err := strconv.ParseFloat(row[3], 64)
		if err != nil {
			t.Fatal(err)
		}
		curve = append(curve, celsius)
	}
	return curve
}

func madeUp() []float64 {
	curve, celsius := []float64{}, 46.0
	for second := range 750 {
		to := 46.0
		if second >= 60 && second < 420 {
			to = 82
		}
		celsius += (to - celsius) / 60
		curve = append(curve, celsius)
	}
	return curve
}

// The whole way with nothing in between replaced: kernel files, the agent,
// Debian's mosquitto, the collector, its map, and PagerDuty's protocol.
func TestARealPisLoadPagesOnceAndResolves(t *testing.T) {
	needs(t, "/usr/sbin/mosquitto")
	const speed = 40 // seconds of the recording in one of the test
	broker, duty, dir := startMosquitto(t), startPagerDuty(t), t.TempDir()
	layout, rules, root := filepath.Join(dir, "layout.yaml"), filepath.Join(dir, "rules.yaml"), filepath.Join(dir, "root")
	write(t, layout, oneShelf)
	write(t, rules, "rules: {for: 1s}\n")
	plainPi(t, root)
	c := startCollector(t, "serve", "--broker", broker, "--layout", layout, "--config", rules, "--pager", duty.config(t))
	start(t, false, "thermarack-agent", "run", "--root", root, "--site", "hex", "--broker", broker, "--interval", "200ms")

	cell := func() (value float64, source string) {
		var m struct {
			Cells []struct {
				Value  *float64
				Source string
			}
		}
		c.decode(t, "/api/v1/shelves/hex/a1/s3/heatmap.json?layer=soc", &m)
		if m.Cells[0].Value == nil {
			return 0, m.Cells[0].Source
		}
		return *m.Cells[0].Value, m.Cells[0].Source
	}
	until(t, 20*time.Second, "the map shows the Pi", func() bool {
		value, source := cell()
		return source == "measured" && value == 46.16
	})

	temp := filepath.Join(root, "sys/class/thermal/thermal_zone0/temp")
	tick := time.NewTicker(time.Second / speed)
	defer tick.Stop()
	shown := 0.0 // the hottest that the map has shown
	for second, celsius := range warmUp(t) {
		<-tick.C
		replace(t, temp, fmt.Sprintf("%.0f\n", celsius*1000))
		if second%speed == 0 {
			value, _ := cell()
			shown = max(shown, value)
		}
	}
	if shown <= 75 {
		t.Errorf("the map showed %.1f °C at the most, want it to follow above 75", shown)
	}
	until(t, 20*time.Second, "the page resolves", func() bool { return len(duty.all()) >= 2 })
	replace(t, temp, "52000\n")
	until(t, 10*time.Second, "the map follows", func() bool { value, _ := cell(); return value == 52 })

	events := duty.all()
	if len(events) != 2 || events[0].Action != "trigger" || events[1].Action != "resolve" || events[0].DedupKey != events[1].DedupKey {
		t.Fatalf("PagerDuty got %+v, want one trigger and its resolve", events)
	}
	if e := events[0]; e.RoutingKey == "" || e.Payload.Source == "" || e.Payload.Severity != "warning" {
		t.Errorf("trigger = %+v", e)
	}
	t.Logf("the map showed up to %.1f °C; paged: %s", shown, events[0].Payload.Summary)
}

// replace changes a file at once, as the kernel does.
func replace(t *testing.T, file, text string) {
	t.Helper()
	write(t, file+".new", text)
	if err := os.Rename(file+".new", file); err != nil {
		t.Fatal(err)
	}
}
