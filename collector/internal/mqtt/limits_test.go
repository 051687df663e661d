package mqtt_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/eclipse/paho.mqtt.golang/packets"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"thermarack/agent/wire"
	"thermarack/collector/internal/ingest"
	"thermarack/collector/internal/mqtt"
)

func TestWhatTheBrokerDoesNotCarry(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		cause string
		send  func(raw)
	}{
		{"a packet of 300 KiB", "oversize", func(c raw) { c.publish(1, 1, topicOf(wire.KindReadings), make([]byte, 300<<10)) }},
		{"QoS 2", "protocol", func(c raw) { c.publish(1, 2, topicOf(wire.KindReadings), reading(1)) }},
		{"a topic of the broker", "protocol", func(c raw) { c.publish(1, 1, "$SYS/broker/uptime", []byte("1")) }},
		{"a subscription of 60 kB", "protocol", func(c raw) {
			p := packets.NewControlPacket(packets.Subscribe).(*packets.SubscribePacket)
			p.MessageID, p.Topics, p.Qoss = 1, []string{strings.Repeat("x", 60000)}, []byte{0}
			c.send(p)
		}},
		{"a hundred subscriptions", "protocol", func(c raw) {
			p := packets.NewControlPacket(packets.Subscribe).(*packets.SubscribePacket)
			p.MessageID = 1
			for i := range 100 {
				p.Topics, p.Qoss = append(p.Topics, fmt.Sprint("a/", i)), append(p.Qoss, 0)
			}
			c.send(p)
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t, newShelf(true), nil)
			c := dial(t, h.addr, string(node), nil)
			c.connected()
			tt.send(c)
			c.closed()
			eventually(t, "stop counted", func() bool {
				return metric(t, h.registry, "thermarack_mqtt_stopped_clients_total", tt.cause) == 1
			})
			if len(h.begun) != 0 {
				t.Error("something was stored")
			}
		})
	}
}

func TestAClientIsStoppedWhenThereIsNoRoomForLong(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		room  int // of the ingest
		cause string
	}{
		{"the ingest is full", 0, "queue"},
		{"nothing is committed", 1000, "window"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			registry := prometheus.NewPedanticRegistry()
			in := make(offers, tt.room)
			b := newBroker(t, registry, func(o *mqtt.BrokerOptions) { o.Ingest, o.Patience = in, 100*time.Millisecond })
			stop := start(t, b.Run)
			c := dial(t, b.Addr().String(), string(node), nil)
			c.connected()
			for id := range uint16(65) {
				c.publish(id+1, 0, topicOf(wire.KindReadings), nil)
			}
			c.closed()
			eventually(t, "stop counted", func() bool {
				return metric(t, registry, "thermarack_mqtt_stopped_clients_total", tt.cause) == 1
			})
			for len(in) > 0 {
				(<-in).Done(nil)
			}
			stop()
		})
	}
}

func TestCredentials(t *testing.T) {
	t.Parallel()
	h := newHouse(t, newShelf(true), func(o *mqtt.BrokerOptions) {
		o.Authenticate = func(user string, password []byte) bool { return user != "" && string(password) == "secret" }
	})
	as := func(user, password string) raw {
		return dial(t, h.addr, "someone", func(c *packets.ConnectPacket) {
			c.UsernameFlag, c.PasswordFlag = true, true
			c.Username, c.Password = user, []byte(password)
		})
	}
	if code := as(string(node), "guess").connected(); code == 0 {
		t.Error("a wrong password is let in")
	}
	if code := dial(t, h.addr, "nobody", nil).connected(); code == 0 {
		t.Error("a client without a user name is let in")
	}
	c := as("poller", "secret")
	c.connected()
	c.publish(1, 1, topicOf(wire.KindReadings), reading(1))
	c.acknowledged(1)

	tenant := as("b827eb00000a", "secret")
	tenant.connected()
	tenant.publish(1, 1, topicOf(wire.KindReadings), reading(2))
	tenant.closed()
	eventually(t, "stop for the topic of another node counted", func() bool {
		return metric(t, h.registry, "thermarack_mqtt_stopped_clients_total", "foreign") == 1
	})
	if got := metric(t, h.registry, "thermarack_mqtt_refused_connections_total", "credentials"); got != 2 {
		t.Errorf("%v connections refused, want 2", got)
	}
}

func TestALongIntroductionIsRefused(t *testing.T) {
	t.Parallel()
	h := newHouse(t, newShelf(true), nil)
	dial(t, h.addr, strings.Repeat("x", 60000), nil).closed()
	if got := metric(t, h.registry, "thermarack_mqtt_refused_connections_total", "introduction"); got != 1 {
		t.Errorf("%v connections refused, want 1", got)
	}
}

func TestAStrangerIsLoggedOnce(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	h := newHouse(t, newShelf(true), func(o *mqtt.BrokerOptions) { o.Log = slog.New(slog.NewTextHandler(&log, nil)) })
	for id, client := range []string{string(node), "poller"} {
		c := dial(t, h.addr, client, nil)
		c.connected()
		for i := range 3 {
			c.publish(uint16(i+1), 1, topicOf(wire.KindReadings), reading(10*id+i))
			c.acknowledged(uint16(i + 1))
		}
	}
	h.stop()
	if got := log.String(); strings.Count(got, "\n") != 1 || !strings.Contains(got, "client=poller") {
		t.Errorf("log is\n%s\nwant one line, about the poller", got)
	}
}

func TestConnectionsAreBounded(t *testing.T) {
	t.Parallel()
	h := newHouse(t, newShelf(true), func(o *mqtt.BrokerOptions) { o.MaxClients = 2 })
	first := dial(t, h.addr, "first", nil)
	first.connected()
	mute := dialOnly(t, h.addr) // says nothing and still counts
	third := dialOnly(t, h.addr)
	third.closed()
	mute.Close()
	eventually(t, "room again", func() bool {
		c := dial(t, h.addr, "third", nil)
		p, err := packets.ReadPacket(c)
		return err == nil && p.(*packets.ConnackPacket).ReturnCode == 0
	})
	first.ping()
}

// A sponge is an Offerer that keeps everything at once.
type sponge struct{}

func (sponge) Offer(d ingest.Delivery) bool {
	d.Done(nil)
	return true
}

func TestASubscriberThatDoesNotReadHoldsUpNobody(t *testing.T) {
	t.Parallel()
	b := newBroker(t, nil, func(o *mqtt.BrokerOptions) { o.Ingest = sponge{} })
	start(t, b.Run)
	lazy := dial(t, b.Addr().String(), "lazy", nil)
	lazy.connected()
	lazy.subscribe("#")
	c := dial(t, b.Addr().String(), string(node), nil)
	c.connected()
	big := make([]byte, 200<<10)
	begun := time.Now()
	for id := range uint16(150) { // 30 MB, more than sockets buffer
		c.publish(id+1, 1, topicOf(wire.KindReadings), big)
		c.acknowledged(id + 1)
	}
	if took := time.Since(begun); took > 8*time.Second {
		t.Errorf("150 acknowledgements took %v", took)
	}
}

// metric returns the value of a metric, or of its one with that label value.
func metric(t *testing.T, r *prometheus.Registry, name, label string) float64 {
	t.Helper()
	families, err := r.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			if f.GetName() == name && (label == "" || m.GetLabel()[0].GetValue() == label) {
				return m.GetCounter().GetValue() + m.GetGauge().GetValue()
			}
		}
	}
	t.Fatalf("no metric %s %s", name, label)
	return 0
}

func TestMetricsFollowTheConventions(t *testing.T) {
	t.Parallel()
	h := newHouse(t, newShelf(true), nil)
	problems, err := testutil.GatherAndLint(h.registry)
	if err != nil || len(problems) != 0 {
		t.Errorf("lint: %v, %v", problems, err)
	}
}
