package mqtt_test

import (
	"bytes"
	"errors"
	"fmt"
	"testing"
	"time"

	paho "github.com/eclipse/paho.mqtt.golang"
	"github.com/eclipse/paho.mqtt.golang/packets"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"thermarack/agent/wire"
	"thermarack/collector/internal/mqtt"
)

func TestAcknowledgedOnlyWhenStoredAndPingsDoNotWait(t *testing.T) {
	t.Parallel()
	h := newHouse(t, newShelf(false), nil)
	c := dial(t, h.addr, string(node), nil)
	c.connected()
	c.publish(7, 1, topicOf(wire.KindReadings), reading(1))
	receive(t, h.begun, "commit")
	c.ping() // answered first, though the message was sent first
	h.pass <- struct{}{}
	c.acknowledged(7)
}

func TestAWindowOfMessagesSharesOneCommit(t *testing.T) {
	t.Parallel()
	h := newHouse(t, newShelf(false), nil)
	c := dial(t, h.addr, string(node), nil)
	c.connected()
	c.publish(1, 1, topicOf(wire.KindReadings), reading(1))
	receive(t, h.begun, "commit")
	for id := range uint16(20) {
		c.publish(id+2, 1, topicOf(wire.KindReadings), reading(int(id)+2))
	}
	c.ping()
	close(h.pass)
	if got := receive(t, h.begun, "second commit"); got != 20 {
		t.Errorf("the second commit has %d samples, want 20", got)
	}
	for id := range uint16(21) {
		c.acknowledged(id + 1)
	}
}

func TestMoreThanAWindowInFlightIsHeldNotRefused(t *testing.T) {
	t.Parallel()
	h := newHouse(t, newShelf(true), nil)
	c := connectPaho(t, "tcp://"+h.addr, string(node))
	tokens := make([]paho.Token, 500)
	for i := range tokens {
		tokens[i] = c.Publish(topicOf(wire.KindReadings), 1, false, reading(i))
	}
	for i, token := range tokens {
		finish(t, token, fmt.Sprint("acknowledgement of ", i))
	}
	for i := range tokens {
		if got := receive(t, h.observed, "batch").Readings[0].Value; got != float64(i) {
			t.Fatalf("batch %d has value %v: out of order", i, got)
		}
	}
}

func TestOthersGetTheMessageAfterTheCommit(t *testing.T) {
	t.Parallel()
	h := newHouse(t, newShelf(false), nil)
	other := dial(t, h.addr, "dashboard", nil)
	other.connected()
	other.subscribe("thermarack/#")
	c := dial(t, h.addr, string(node), nil)
	c.connected()
	payload := reading(1)
	c.publish(1, 1, topicOf(wire.KindReadings), payload)
	receive(t, h.begun, "commit")
	other.ping() // and no message before the answer
	h.pass <- struct{}{}
	got, ok := other.read().(*packets.PublishPacket)
	if !ok || got.Qos != 1 || got.TopicName != topicOf(wire.KindReadings) || !bytes.Equal(got.Payload, payload) {
		t.Errorf("subscriber got %v, want the message with QoS 1", got)
	}
	if n := len(h.observed); n != 1 {
		t.Errorf("%d batches, want 1: what the broker passes on is no message of its own", n)
	}
}

func TestStatusIsRetainedForLaterSubscribers(t *testing.T) {
	t.Parallel()
	h := newHouse(t, newShelf(true), nil)
	c := connectPaho(t, "tcp://"+h.addr, string(node))
	finish(t, c.Publish(topicOf(wire.KindStatus), 1, true, `{"online":true,"boot":"a"}`), "acknowledgement")
	finish(t, c.Publish(topicOf(wire.KindReadings), 1, true, reading(1)), "acknowledgement")
	finish(t, c.Publish("elsewhere/status", 1, true, "x"), "acknowledgement")

	late := dial(t, h.addr, "late", nil)
	late.connected()
	late.subscribe("#")
	if got := late.read().(*packets.PublishPacket); got.TopicName != topicOf(wire.KindStatus) || !got.Retain {
		t.Errorf("a later subscriber gets %v, want the retained status", got)
	}
	finish(t, c.Publish(topicOf(wire.KindInventory), 1, false, `{"mac":"b827eb000001"}`), "acknowledgement")
	if got := late.read().(*packets.PublishPacket); got.TopicName != topicOf(wire.KindInventory) || got.Retain {
		t.Errorf("then it gets %v, want the inventory: readings and other topics are not retained", got)
	}
}

func TestTheLastWillIsStored(t *testing.T) {
	t.Parallel()
	withWill := func(c *packets.ConnectPacket) {
		c.WillFlag, c.WillQos, c.WillRetain = true, 1, true
		c.WillTopic, c.WillMessage = topicOf(wire.KindStatus), []byte(`{"online":false,"boot":"a"}`)
	}
	tests := []struct {
		name  string
		leave func(t *testing.T, addr string, c raw)
		left  float64 // connections that remain
		will  bool
	}{
		{name: "the connection breaks", leave: func(_ *testing.T, _ string, c raw) { c.Close() }, will: true},
		{name: "it says goodbye", leave: func(_ *testing.T, _ string, c raw) { c.send(packets.NewControlPacket(packets.Disconnect)) }},
		{name: "it connects anew", leave: func(t *testing.T, addr string, c raw) {
			dial(t, addr, string(node), nil).connected()
			c.closed()
		}, left: 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t, newShelf(true), nil)
			c := dial(t, h.addr, string(node), withWill)
			c.connected()
			tt.leave(t, h.addr, c)
			eventually(t, "connection gone", func() bool {
				return metric(t, h.registry, "thermarack_mqtt_clients", "") == tt.left
			})
			if !tt.will {
				marker := dial(t, h.addr, "marker", nil)
				marker.connected()
				marker.publish(1, 1, topicOf(wire.KindReadings), reading(1))
				if got := receive(t, h.observed, "marker"); got.Status != nil {
					t.Errorf("the will was taken: %+v", got)
				}
				return
			}
			if got := receive(t, h.observed, "will"); got.Status == nil || got.Status.Online || got.Node != node {
				t.Errorf("observed %+v, want the node offline", got)
			}
			eventually(t, "will retained", func() bool {
				late := dial(t, h.addr, "late", nil)
				defer late.Close()
				late.connected()
				late.subscribe("#")
				_ = late.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
				_, err := packets.ReadPacket(late)
				return err == nil
			})
		})
	}
}

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

func TestQoS0AndForeignTopics(t *testing.T) {
	t.Parallel()
	h := newHouse(t, newShelf(true), nil)
	c := dial(t, h.addr, "poller", nil)
	c.connected()
	c.publish(0, 0, topicOf(wire.KindReadings), reading(1))
	if got := receive(t, h.observed, "batch"); len(got.Readings) != 1 {
		t.Errorf("QoS 0: observed %+v, want the reading", got)
	}
	c.publish(9, 1, "zigbee2mqtt/lamp", []byte("on"))
	c.acknowledged(9)
	if got := metric(t, h.registry, "thermarack_ingest_rejected_total", "topic"); got != 1 {
		t.Errorf("%v messages rejected for their topic, want 1", got)
	}
}

func TestAMessageThatCouldNotBeKeptIsSentAgain(t *testing.T) {
	t.Parallel()
	in := make(offers, 8)
	b := newBroker(t, nil, func(o *mqtt.BrokerOptions) { o.Ingest = in })
	start(t, b.Run)
	c := connectPaho(t, "tcp://"+b.Addr().String(), string(node))
	c.Publish(topicOf(wire.KindReadings), 1, false, "first")

	receive(t, in, "message").Done(errors.New("no space left on device"))
	again := receive(t, in, "message sent again") // paho has no word for it: its token is done when it resends
	again.Done(nil)
	token := c.Publish(topicOf(wire.KindReadings), 1, false, "second")
	next := receive(t, in, "next message")
	next.Done(nil)
	finish(t, token, "acknowledgement")
	if string(again.Payload) != "first" || string(next.Payload) != "second" || len(in) != 0 {
		t.Errorf("got %q and %q and %d more, want first and second", again.Payload, next.Payload, len(in))
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

func TestASubscriberThatDoesNotReadHoldsUpNobody(t *testing.T) {
	t.Parallel()
	h := newHouse(t, newShelf(true), nil)
	lazy := dial(t, h.addr, "lazy", nil)
	lazy.connected()
	lazy.subscribe("#")
	c := dial(t, h.addr, string(node), nil)
	c.connected()
	big := append(bytes.Repeat([]byte(" "), 200<<10), "[]"...)
	begun := time.Now()
	for id := range uint16(150) { // 30 MB, more than sockets buffer
		c.publish(id+1, 1, topicOf(wire.KindReadings), big)
		c.acknowledged(id + 1)
	}
	if took := time.Since(begun); took > 8*time.Second {
		t.Errorf("150 acknowledgements took %v", took)
	}
}

func TestWhatWasTakenIsAcknowledgedBeforeTheEnd(t *testing.T) {
	t.Parallel()
	h := newHouse(t, newShelf(false), nil)
	c := dial(t, h.addr, string(node), func(c *packets.ConnectPacket) {
		c.WillFlag, c.WillTopic, c.WillMessage = true, topicOf(wire.KindStatus), []byte(`{"online":false}`)
	})
	c.connected()
	c.publish(1, 1, topicOf(wire.KindReadings), reading(1))
	receive(t, h.begun, "commit")
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		h.stop()
	}()
	h.pass <- struct{}{}
	c.acknowledged(1)
	c.closed()
	receive(t, stopped, "end")
	if len(h.observed) != 1 {
		t.Error("the end of the collector is taken for the end of its nodes")
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
