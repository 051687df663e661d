package mqtt_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"thermarack/agent/internal/mqtt"
	"thermarack/agent/internal/mqtt/mqtttest"
	"thermarack/agent/internal/outbox"
	"thermarack/agent/wire"
	"thermarack/agent/wire/clock"
)

// TestAConnectionLostAmidTheBacklogLosesNothing cuts the connection several
// times while a backlog goes out behind live packs.
func TestAConnectionLostAmidTheBacklogLosesNothing(t *testing.T) {
	t.Parallel()
	now := time.Now()
	box, err := outbox.Open(outbox.Options{Clock: clock.Scaled(now, now, 50)}) // 800 packs a second
	if err != nil {
		t.Fatal(err)
	}
	broker := mqtttest.Start(t)
	backlog, live := packs(0, 600), packs(600, 640)
	put(box, backlog)
	o := options(broker.URL(), box)
	o.AckTimeout = time.Second // a cut may leave the client waiting that long
	start(t, mqtt.New(o))
	connections := func(m []mqtttest.Message) (n int) {
		for _, s := range statuses(t, m) {
			if s.Online {
				n++
			}
		}
		return n
	}
	for i := range 4 {
		broker.Wait("a part of the backlog", func(m []mqtttest.Message) bool { return len(arrived(m, readings)) > 100*(i+1) })
		put(box, live[10*i:10*i+10])
		broker.Cut(node)
		broker.Wait("the next connection", func(m []mqtttest.Message) bool { return connections(m) == i+2 })
	}
	messages := broker.Wait("all", func(m []mqtttest.Message) bool { return len(arrived(m, readings)) == 640 })
	checkLanes(t, arrived(messages, readings), backlog, live[:10], live[10:20], live[20:30], live[30:])
	if box.Dropped() > 0 {
		t.Errorf("dropped %d", box.Dropped())
	}
}

func TestLivePacksGoBeforeTheBacklog(t *testing.T) {
	t.Parallel()
	broker, box := mqtttest.Start(t), outbox.New(outbox.DefaultLimit)
	backlog := packs(0, 200)
	put(box, backlog)
	stop := start(t, mqtt.New(options(broker.URL(), box)))
	broker.Wait("the connection", func(m []mqtttest.Message) bool { return len(arrived(m, readings)) > 0 })
	put(box, []string{"live"})
	messages := broker.Wait("the live pack", func(m []mqtttest.Message) bool {
		return slices.Contains(arrived(m, readings), "live")
	})
	if before := slices.Index(arrived(messages, readings), "live"); before > 100 {
		t.Errorf("%d packs of the backlog came first", before)
	}
	stop() // in a hurry
	checkLanes(t, arrived(broker.Messages(), readings), backlog, []string{"live"})
}

func TestAtMostAWindowOfPacksIsInFlight(t *testing.T) {
	t.Parallel()
	broker, box := mqtttest.Start(t), outbox.New(outbox.DefaultLimit)
	p := mqtt.New(options(broker.URL(), box))
	start(t, p)
	broker.Wait("status", func(m []mqtttest.Message) bool { return len(statuses(t, m)) == 1 })
	broker.Withhold(true)
	put(box, packs(0, 100))
	of := func(topic string) (n int) {
		for _, m := range broker.Withheld() {
			if m.Topic == topic {
				n++
			}
		}
		return n
	}
	broker.Wait("a window of packs", func([]mqtttest.Message) bool { return of(readings) >= outbox.Window })
	if err := p.SetInventory(wire.Inventory{MAC: node}); err != nil { // comes behind all that is under way
		t.Fatal(err)
	}
	broker.Wait("inventory", func([]mqtttest.Message) bool { return of(inventory) == 1 })
	if n := of(readings); n != outbox.Window {
		t.Errorf("%d packs were sent without an acknowledgement, want %d", n, outbox.Window)
	}
	broker.Withhold(false)
	broker.Cut(node) // so that the stop has nothing to wait for
	broker.Wait("the next connection", func(m []mqtttest.Message) bool { return len(arrived(m, readings)) > 0 })
}

func TestABrokerThatAcknowledgesNothingIsLeft(t *testing.T) {
	t.Parallel()
	broker, box := mqtttest.Start(t), hurried(t)
	o := options(broker.URL(), box)
	o.AckTimeout = 50 * time.Millisecond
	start(t, mqtt.New(o))
	broker.Wait("status", func(m []mqtttest.Message) bool { return len(statuses(t, m)) == 1 })
	broker.Withhold(true)
	put(box, packs(0, 40))
	broker.Wait("a window of packs", func([]mqtttest.Message) bool { return len(broker.Withheld()) >= outbox.Window })
	broker.Withhold(false)
	messages := broker.Wait("40 packs", func(m []mqtttest.Message) bool { return len(arrived(m, readings)) == 40 })
	checkLanes(t, arrived(messages, readings), packs(0, 40))
}

// TestAQuietConnectionIsKept has an interval longer than the patience with the
// broker.
func TestAQuietConnectionIsKept(t *testing.T) {
	t.Parallel()
	broker, box := mqtttest.Start(t), outbox.New(outbox.DefaultLimit)
	o := options(broker.URL(), box)
	o.AckTimeout = 20 * time.Millisecond
	start(t, mqtt.New(o))
	put(box, packs(0, 1))
	broker.Wait("the pack", func(m []mqtttest.Message) bool { return len(arrived(m, readings)) == 1 })
	quiet, cancel := context.WithTimeout(t.Context(), 10*o.AckTimeout)
	defer cancel()
	<-quiet.Done()
	put(box, packs(1, 2))
	messages := broker.Wait("the next", func(m []mqtttest.Message) bool { return len(arrived(m, readings)) == 2 })
	if n := len(statuses(t, messages)); n != 1 {
		t.Errorf("%d status messages, want that of one connection", n)
	}
}
