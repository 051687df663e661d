package main_test

import (
	"fmt"
	"path/filepath"
	"sync"
	"testing"
	"time"

	paho "github.com/eclipse/paho.mqtt.golang"
)

func TestAPageOfBeforeARestartIsResolvedAfterIt(t *testing.T) {
	needs(t)
	duty, dir := startPagerDuty(t), t.TempDir()
	layout, rules := filepath.Join(dir, "layout.yaml"), filepath.Join(dir, "rules.yaml")
	write(t, layout, oneShelf)
	write(t, rules, "rules: {for: 0s}\n")
	args := []string{"--mqtt", "127.0.0.1:0", "--data", filepath.Join(dir, "data"), "--layout", layout, "--config", rules, "--pager", duty.config(t)}
	report := func(c *collector, ago time.Duration, celsius int) {
		publish(t, dial(t, c.MQTT, "b827eb000001"), "thermarack/v1/hex/b827eb000001/readings",
			fmt.Sprintf(`[{"bt":%d,"n":"urn:dev:mac:b827ebfffe000001_soc:temperature","u":"Cel","v":%d}]`, time.Now().Add(-ago).Unix(), celsius))
	}
	first := startCollector(t, "serve", args...)
	report(first, 20*time.Second, 90)
	until(t, 10*time.Second, "the page", func() bool { return len(duty.all()) == 1 })
	first.stop()

	second := startCollector(t, "serve", args...)
	report(second, 0, 40)
	until(t, 15*time.Second, "its end", func() bool { return len(duty.all()) == 2 })
	if events := duty.all(); events[0].Action != "trigger" || events[1].Action != "resolve" || events[0].DedupKey != events[1].DedupKey {
		t.Errorf("PagerDuty got %+v, want a trigger and its resolve", events)
	}
}

// What was acknowledged is stored: a collector that is killed in the middle of a
// burst has every value of which the sender was told.
func TestKillingTheCollectorLosesNothingAcknowledged(t *testing.T) {
	needs(t)
	data := t.TempDir()
	c := startCollector(t, "serve", "--mqtt", "127.0.0.1:0", "--data", data)
	const device = "urn:dev:mac:b827ebfffe000001_soc"
	begin := time.Now().Truncate(time.Second).Add(-time.Hour)

	client := paho.NewClient(paho.NewClientOptions().AddBroker("tcp://" + c.MQTT).SetClientID("b827eb000001").SetAutoReconnect(false))
	if token := client.Connect(); !token.WaitTimeout(10*time.Second) || token.Error() != nil {
		t.Fatal(token.Error())
	}
	var mu sync.Mutex
	acknowledged := map[string]bool{} // stamps
	stop := make(chan struct{})
	var senders sync.WaitGroup
	for sender := range 4 {
		senders.Go(func() {
			for i := 0; ; i++ {
				at := begin.Add(time.Duration(4*i+sender) * 100 * time.Millisecond)
				token := client.Publish("thermarack/v1/hex/b827eb000001/readings", 1, false,
					fmt.Sprintf(`[{"bt":%.1f,"n":"%s:temperature","u":"Cel","v":%d}]`, float64(at.UnixMilli())/1000, device, i%100))
				select {
				case <-token.Done():
				case <-stop:
					return
				}
				if token.Error() != nil {
					return
				}
				mu.Lock()
				acknowledged[at.UTC().Format(time.RFC3339Nano)] = true
				mu.Unlock()
			}
		})
	}
	until(t, 20*time.Second, "two hundred acknowledgements", func() bool {
		mu.Lock()
		defer mu.Unlock()
		return len(acknowledged) >= 200
	})
	c.kill()
	close(stop)
	client.Disconnect(0)
	senders.Wait()

	again := startCollector(t, "serve", "--mqtt", "127.0.0.1:0", "--data", data)
	var series struct {
		Points []struct{ T time.Time }
	}
	again.decode(t, fmt.Sprintf("/api/v1/series?sensor=%s:temperature&from=%d", device, begin.Unix()-1), &series)
	stored := map[string]bool{}
	for _, p := range series.Points {
		stored[p.T.Format(time.RFC3339Nano)] = true
	}
	missing := 0
	for at := range acknowledged {
		if !stored[at] {
			missing++
		}
	}
	if missing > 0 || len(stored) != len(series.Points) {
		t.Errorf("%d of %d acknowledged values missing, %d points of %d instants", missing, len(acknowledged), len(series.Points), len(stored))
	}
	t.Logf("%d acknowledged, %d stored", len(acknowledged), len(stored))
}
