package main_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	paho "github.com/eclipse/paho.mqtt.golang"

	"thermarack/agent/wire/clock"
	main "thermarack/collector"
)

// A watchmaker runs a collector in this process, whose clock he sets, and a node
// with a clock of its own.
type watchmaker struct {
	*testing.T
	off, nodeOff atomic.Int64 // ahead of the wall clock
	c            *collector
	node         paho.Client
	stored       map[int64]float64 // what must be stored, by Unix ms
	last         int64             // stamp of the newest reading, Unix ms
}

const watchedDevice = "urn:dev:mac:b827ebfffe000001_soc"

func newWatchmaker(t *testing.T) *watchmaker {
	t.Helper()
	layout, rules := filepath.Join(t.TempDir(), "layout.yaml"), filepath.Join(t.TempDir(), "rules.yaml")
	write(t, layout, oneShelf)
	write(t, rules, "rules: {for: 0s}\n")
	w := &watchmaker{T: t, stored: map[int64]float64{}}
	ctx, cancel := context.WithCancel(context.Background())
	out, words := io.Pipe()
	var stderr bytes.Buffer
	ended := make(chan error, 1)
	go func() {
		ended <- main.ServeOn(ctx, clock.Set(func() time.Duration { return time.Duration(w.off.Load()) }), []string{
			"--mqtt", "127.0.0.1:0", "--listen", "127.0.0.1:0", "--data", t.TempDir(), "--layout", layout, "--config", rules,
		}, words, &stderr)
		_ = words.Close()
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil || t.Failed() {
			t.Errorf("the collector ends with %v: %s", err, &stderr)
		}
	})
	w.c = &collector{}
	if err := json.NewDecoder(out).Decode(w.c); err != nil {
		t.Fatal(err)
	}
	w.node = dial(t, w.c.MQTT, "b827eb000001")
	return w
}

// set puts the clocks of the collector and of the node forward.
func (w *watchmaker) set(collector, node time.Duration) {
	w.off.Store(int64(collector))
	w.nodeOff.Store(int64(node))
}

// report has the node report what it measures now, which is kept or not.
func (w *watchmaker) report(celsius float64, isKept bool) {
	w.Helper()
	at := time.Now().Add(time.Duration(w.nodeOff.Load())).UnixMilli()
	if at == w.last {
		at++ // one reading an instant
	}
	w.last = at
	publish(w.T, w.node, "thermarack/v1/hex/b827eb000001/readings",
		fmt.Sprintf(`[{"bt":%.3f,"n":"%s:temperature","u":"Cel","v":%g}]`, float64(at)/1000, watchedDevice, celsius))
	if isKept {
		w.stored[at] = celsius
	}
}

// want compares what the page shows, at once: it is told before it is stored.
func (w *watchmaker) want(when string, celsius float64, isFiring bool) {
	w.Helper()
	var shelf struct {
		Slots []struct {
			SoC float64 `json:"soc"`
		} `json:"slots"`
	}
	w.c.decode(w.T, "/api/v1/shelves/hex/a1/s3", &shelf)
	if got := shelf.Slots[0].SoC; got != celsius {
		w.Errorf("%s: the page shows %v °C, want %v", when, got, celsius)
	}
	if got := strings.Contains(string(w.c.get(w.T, "/api/v1/alerts")), `"SocTemperature"`); got != isFiring {
		w.Errorf("%s: SocTemperature fires: %v, want %v", when, got, isFiring)
	}
}

func (w *watchmaker) compare(when string) {
	w.Helper()
	got := w.c.points(w.T, watchedDevice+":temperature", time.Now().Add(-3*time.Hour))
	for at, value := range w.stored {
		if got[at] != value {
			w.Errorf("%s: %v is stored at %d, want %v", when, got[at], at, value)
		}
	}
	if len(got) != len(w.stored) {
		w.Errorf("%s: %d readings are stored, want %d", when, len(got), len(w.stored))
	}
}

func TestAClockThatIsSetLosesNothingAndHangsNothing(t *testing.T) {
	needs(t)
	w := newWatchmaker(t)
	w.report(40, true)
	w.want("at first", 40, false)

	w.set(time.Hour, 0)
	w.report(41, true) // an hour old, as it seems: history, which pages nobody
	w.report(90, true)
	w.set(time.Hour, time.Hour)
	w.report(90, true)
	w.want("an hour ahead", 90, true)
	w.compare("an hour ahead")

	w.set(0, 0)
	w.report(40, true)
	w.want("set right", 40, false)
	w.report(90, true)
	w.want("set right, hot again", 90, true)
	w.report(40, true)
	w.want("set right, cool again", 40, false)
	w.compare("set right")

	w.set(-time.Hour, 0)
	w.report(90, false) // ahead of the collector: nobody knows of when it is
	w.want("an hour behind", 40, false)
	if !strings.Contains(string(w.c.get(t, "/metrics")), `thermarack_ingest_rejected_total{reason="future"} 1`) {
		t.Error("the reading from the future is not counted")
	}
	w.set(-time.Hour, -time.Hour)
	w.report(90, true)
	w.want("an hour behind, both", 90, true)

	w.set(0, 0)
	w.report(40, true)
	w.want("right at last", 40, false)
	w.compare("right at last")
}
