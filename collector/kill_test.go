package main_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	paho "github.com/eclipse/paho.mqtt.golang"
)

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
