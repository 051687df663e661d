package mqtt_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"thermarack/agent/internal/mqtt"
	"thermarack/agent/internal/mqtt/mqtttest"
	"thermarack/agent/internal/outbox"
	"thermarack/agent/wire"
	"thermarack/agent/wire/clock"
)

const (
	node      = "b827eb000001"
	readings  = "thermarack/v1/hex/" + node + "/readings"
	status    = "thermarack/v1/hex/" + node + "/status"
	inventory = "thermarack/v1/hex/" + node + "/inventory"
)

// options are those of a publisher in a hurry.
func options(broker string, box *outbox.Box) mqtt.Options {
	return mqtt.Options{
		Broker: broker, Site: "hex", Node: node, Boot: "b1", Box: box,
		Log:     slog.New(slog.DiscardHandler),
		Backoff: mqtt.Backoff{Min: 2 * time.Millisecond, Max: 20 * time.Millisecond},
	}
}

// hurried returns a box that does not let a backlog wait.
func hurried(t *testing.T) *outbox.Box {
	t.Helper()
	now := time.Now()
	box, err := outbox.Open(outbox.Options{Clock: clock.Scaled(now, now, 1e6)})
	if err != nil {
		t.Fatal(err)
	}
	return box
}

// start runs p until stop is called; stop waits for it, and is called with the
// test's end at the latest.
func start(t *testing.T, p *mqtt.Publisher) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- p.Run(ctx) }()
	stopped := false
	stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run = %v, want nil", err)
		}
	}
	t.Cleanup(stop)
	return stop
}

// arrived returns the payloads on the topic, each at its first arrival.
func arrived(messages []mqtttest.Message, topic string) []string {
	var payloads []string
	seen := map[string]bool{}
	for _, m := range messages {
		if m.Topic == topic && !seen[m.Payload] {
			seen[m.Payload] = true
			payloads = append(payloads, m.Payload)
		}
	}
	return payloads
}

func packs(from, to int) []string {
	var names []string
	for i := from; i < to; i++ {
		names = append(names, fmt.Sprintf("pack %d", i))
	}
	return names
}

func put(box *outbox.Box, packs []string) {
	for _, p := range packs {
		box.Put([]byte(p))
	}
}

// onlineMessage is a status message.
type onlineMessage struct {
	Online, Retain, Will bool
	Boot                 string
}

func statuses(t *testing.T, messages []mqtttest.Message) []onlineMessage {
	t.Helper()
	var got []onlineMessage
	for _, m := range messages {
		if m.Topic != status {
			continue
		}
		s, err := wire.DecodeStatus([]byte(m.Payload))
		if err != nil {
			t.Fatal(err)
		}
		if age := time.Since(s.Time()); age < -time.Second || age > time.Minute {
			t.Errorf("status %s is %v old", m.Payload, age)
		}
		got = append(got, onlineMessage{s.Online, m.Retain, m.Will, s.Boot})
	}
	return got
}

func TestPacksArriveInOrderAndLeaveTheBox(t *testing.T) {
	t.Parallel()
	broker, box := mqtttest.Start(t), hurried(t)
	backlog, live := packs(0, 250), packs(250, 500)
	put(box, backlog)
	stop := start(t, mqtt.New(options(broker.URL(), box)))
	broker.Wait("the first pack", func(m []mqtttest.Message) bool { return len(arrived(m, readings)) > 0 })
	put(box, live)
	messages := broker.Wait("500 packs", func(m []mqtttest.Message) bool { return len(arrived(m, readings)) == 500 })
	stop()
	checkLanes(t, arrived(messages, readings), backlog, live)
	if box.Len() != 0 {
		t.Errorf("%d packs are left in the box", box.Len())
	}
}

// checkLanes checks that all packs have come, each lane in its order.
func checkLanes(t *testing.T, got []string, lanes ...[]string) {
	t.Helper()
	for i, lane := range lanes {
		var part []string
		for _, p := range got {
			if slices.Contains(lane, p) {
				part = append(part, p)
			}
		}
		if diff := cmp.Diff(lane, part); diff != "" {
			t.Errorf("lane %d (-want +got):\n%s", i, diff)
		}
	}
}

func TestStatusAndInventoryAreRetained(t *testing.T) {
	t.Parallel()
	broker, box := mqtttest.Start(t), outbox.New(outbox.DefaultLimit)
	p := mqtt.New(options(broker.URL(), box))
	first := wire.Inventory{MAC: node, Model: "Raspberry Pi 3", Agent: "1.0"}
	if err := p.SetInventory(first); err != nil {
		t.Fatal(err)
	}
	stop := start(t, p)
	broker.Wait("inventory", func(m []mqtttest.Message) bool { return len(arrived(m, inventory)) == 1 })
	second := first
	second.Parts = []wire.Part{{Device: "urn:dev:ow:28", Part: "DS18B20", Bus: "w1_bus_master1"}}
	if err := p.SetInventory(second); err != nil {
		t.Fatal(err)
	}
	messages := broker.Wait("second inventory", func(m []mqtttest.Message) bool { return len(arrived(m, inventory)) == 2 })
	var got []wire.Inventory
	for _, payload := range arrived(messages, inventory) {
		var i wire.Inventory
		if err := json.Unmarshal([]byte(payload), &i); err != nil {
			t.Fatal(err)
		}
		got = append(got, i)
	}
	if diff := cmp.Diff([]wire.Inventory{first, second}, got); diff != "" {
		t.Errorf("inventories (-want +got):\n%s", diff)
	}
	stop()
	want := []onlineMessage{{Online: true, Retain: true, Boot: "b1"}, {Online: false, Retain: true, Boot: "b1"}}
	if diff := cmp.Diff(want, statuses(t, broker.Messages())); diff != "" {
		t.Errorf("statuses (-want +got):\n%s", diff)
	}
	if got := broker.Retained(status); !strings.Contains(got, `"online":false`) {
		t.Errorf("retained status = %s, want offline", got)
	}
}

func TestTheInventoryIsPublishedOnceAConnection(t *testing.T) {
	t.Parallel()
	broker, box := mqtttest.Start(t), outbox.New(outbox.DefaultLimit)
	p := mqtt.New(options(broker.URL(), box))
	if err := p.SetInventory(wire.Inventory{MAC: node}); err != nil {
		t.Fatal(err)
	}
	start(t, p)
	count := func(messages []mqtttest.Message) (n int) {
		for _, m := range messages {
			if m.Topic == inventory {
				n++
			}
		}
		return n
	}
	// Whatever waits beside a pack is sent before the last of these.
	for i, name := range packs(0, 20) {
		put(box, []string{name})
		broker.Wait(name, func(m []mqtttest.Message) bool { return len(arrived(m, readings)) > i })
	}
	if n := count(broker.Messages()); n != 1 {
		t.Errorf("the inventory was published %d times, want once", n)
	}
	broker.Cut(node)
	broker.Wait("the inventory again", func(m []mqtttest.Message) bool { return count(m) == 2 })
}

// A node that starts before its network is there has no address yet.
func TestTheInventoryIsThatOfTheMomentOfTheConnection(t *testing.T) {
	t.Parallel()
	broker, box := mqtttest.Start(t), outbox.New(outbox.DefaultLimit)
	o, addresses := options(broker.URL(), box), []string(nil)
	var p *mqtt.Publisher
	o.Connected = func() {
		addresses = append(addresses, "192.0.2.7")
		if err := p.SetInventory(wire.Inventory{MAC: node, Addresses: addresses}); err != nil {
			t.Error(err)
		}
	}
	p = mqtt.New(o)
	if err := p.SetInventory(wire.Inventory{MAC: node}); err != nil {
		t.Fatal(err)
	}
	start(t, p)
	for n := 1; n <= 2; n++ {
		messages := broker.Wait("an inventory", func(m []mqtttest.Message) bool { return len(arrived(m, inventory)) == n })
		if last := arrived(messages, inventory)[n-1]; strings.Count(last, "192.0.2.7") != n {
			t.Errorf("connection %d: %s, want %d addresses", n, last, n)
		}
		broker.Cut(node)
	}
}

func TestAnUncleanCutSendsTheLastWillAndTheNodeComesBack(t *testing.T) {
	t.Parallel()
	broker, box := mqtttest.Start(t), outbox.New(outbox.DefaultLimit)
	stop := start(t, mqtt.New(options(broker.URL(), box)))
	broker.Wait("status", func(m []mqtttest.Message) bool { return len(statuses(t, m)) == 1 })
	broker.Cut(node)
	messages := broker.Wait("will and new status", func(m []mqtttest.Message) bool { return len(statuses(t, m)) >= 3 })
	stop()
	got := map[onlineMessage]int{}
	for _, s := range statuses(t, messages)[:3] {
		got[s]++
	}
	// The new connection may be there before the broker misses the old one.
	want := map[onlineMessage]int{
		{Online: true, Retain: true, Boot: "b1"}:              2,
		{Online: false, Retain: true, Will: true, Boot: "b1"}: 1,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("statuses (-want +got):\n%s", diff)
	}
}

func TestNothingIsLostWhileTheBrokerIsAway(t *testing.T) {
	t.Parallel()
	broker, box := mqtttest.Start(t), hurried(t)
	before, during := packs(0, 100), packs(100, 200)
	stop := start(t, mqtt.New(options(broker.URL(), box)))
	put(box, before)
	broker.Wait("100 packs", func(m []mqtttest.Message) bool { return len(arrived(m, readings)) == 100 })
	broker.Stop()
	put(box, during)
	broker.Restart()
	messages := broker.Wait("200 packs", func(m []mqtttest.Message) bool { return len(arrived(m, readings)) == 200 })
	stop()
	checkLanes(t, arrived(messages, readings), before, during)
}

func TestAPackWithoutAnAcknowledgementIsSentAgain(t *testing.T) {
	t.Parallel()
	broker, box := mqtttest.Start(t), hurried(t)
	start(t, mqtt.New(options(broker.URL(), box)))
	broker.Wait("status", func(m []mqtttest.Message) bool { return len(statuses(t, m)) == 1 })
	broker.Withhold(true)
	put(box, packs(0, 40))
	broker.Wait("a window of packs", func([]mqtttest.Message) bool { return len(broker.Withheld()) == outbox.Window })
	broker.Withhold(false)
	broker.Cut(node)
	messages := broker.Wait("40 packs", func(m []mqtttest.Message) bool { return len(arrived(m, readings)) == 40 })
	if diff := cmp.Diff(packs(0, 40), arrived(messages, readings)); diff != "" {
		t.Errorf("packs (-want +got):\n%s", diff)
	}
}

func TestAStopSendsWhatWaits(t *testing.T) {
	t.Parallel()
	broker, box := mqtttest.Start(t), outbox.New(outbox.DefaultLimit)
	stop := start(t, mqtt.New(options(broker.URL(), box)))
	broker.Wait("status", func(m []mqtttest.Message) bool { return len(statuses(t, m)) == 1 })
	put(box, packs(0, 100))
	stop()
	if diff := cmp.Diff(packs(0, 100), arrived(broker.Messages(), readings)); diff != "" {
		t.Errorf("packs (-want +got):\n%s", diff)
	}
}

func TestAStopWithoutABrokerIsQuick(t *testing.T) {
	t.Parallel()
	broker, box := mqtttest.Start(t), outbox.New(outbox.DefaultLimit)
	broker.Stop()
	put(box, packs(0, 1))
	stop := start(t, mqtt.New(options(broker.URL(), box)))
	begun := time.Now()
	stop()
	if took := time.Since(begun); took > 2*time.Second {
		t.Errorf("Run took %v to stop", took)
	}
	if box.Len() != 1 {
		t.Errorf("the box holds %d packs, want the one", box.Len())
	}
}

func TestThePasswordIsReadAtEachConnection(t *testing.T) {
	t.Parallel()
	broker, box := mqtttest.Start(t), outbox.New(outbox.DefaultLimit)
	broker.Require("right")
	file := filepath.Join(t.TempDir(), "password")
	write := func(text string) {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	log := make(lines, 10)
	o := options(broker.URL(), box)
	o.Log = slog.New(slog.NewTextHandler(log, nil))
	o.Security = mqtt.Security{Username: "pi", PasswordFile: file}
	put(box, packs(0, 1))
	start(t, mqtt.New(o))
	log.want(t, "no such file")
	write("wrong\n")
	log.want(t, "check username and password_file")
	write("right\n")
	broker.Wait("the pack", func(m []mqtttest.Message) bool { return len(arrived(m, readings)) == 1 })
}

// lines is a log that a test waits for.
type lines chan string

func (l lines) Write(p []byte) (int, error) {
	select {
	case l <- string(p):
	default: // nobody reads any more
	}
	return len(p), nil
}

func (l lines) want(t *testing.T, text string) {
	t.Helper()
	timeout := time.After(10 * time.Second)
	for {
		select {
		case line := <-l:
			if strings.Contains(line, text) {
				return
			}
		case <-timeout:
			t.Fatalf("no line in the log says %q", text)
		}
	}
}
