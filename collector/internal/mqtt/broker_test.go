package mqtt_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	paho "github.com/eclipse/paho.mqtt.golang"
	"github.com/eclipse/paho.mqtt.golang/packets"

	"thermarack/agent/wire"
	"thermarack/collector/internal/ingest"
	"thermarack/collector/internal/mqtt"
	"thermarack/collector/internal/store"
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
	if got := receive(t, h.begun, "second commit"); got < 16 {
		t.Errorf("the second commit has %d samples, want the 20 that waited, or all but the last few", got)
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

// A disk is a store that syncs one small write a commit.
type disk struct{ *os.File }

func (d disk) Append(_ context.Context, samples []store.Sample) ([]store.Refusal, error) {
	if _, err := fmt.Fprintln(d, len(samples)); err != nil {
		return nil, err
	}
	return nil, d.Sync()
}

// BenchmarkDurable32InFlight is one connection with 32 messages in flight, each
// acknowledged after a sync of the disk below the temporary directory.
func BenchmarkDurable32InFlight(b *testing.B) {
	file, err := os.Create(filepath.Join(b.TempDir(), "log"))
	if err != nil {
		b.Fatal(err)
	}
	defer file.Close()
	in := ingest.New(ingest.Options{Store: disk{file}, Log: slog.New(slog.DiscardHandler)})
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	broker, err := mqtt.NewBroker(mqtt.BrokerOptions{Listener: listener, Ingest: in, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(b.Context())
	var all sync.WaitGroup
	all.Go(func() { _ = in.Run(ctx) })
	all.Go(func() { _ = broker.Run(ctx) })
	c := paho.NewClient(paho.NewClientOptions().AddBroker("tcp://" + listener.Addr().String()).SetClientID(string(node)))
	if token := c.Connect(); token.Wait() && token.Error() != nil {
		b.Fatal(token.Error())
	}
	flying := make(chan paho.Token, 32)
	for b.Loop() {
		if len(flying) == cap(flying) {
			(<-flying).Wait()
		}
		flying <- c.Publish(topicOf(wire.KindReadings), 1, false, reading(1))
	}
	for len(flying) > 0 {
		(<-flying).Wait()
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "messages/s")
	c.Disconnect(100)
	cancel()
	all.Wait()
}
