// Package mqtttest is a real MQTT broker inside a test, with a record of what
// clients published.
package mqtttest

import (
	"bytes"
	"log/slog"
	"net"
	"slices"
	"sync"
	"testing"
	"time"

	mochi "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/listeners"
	"github.com/mochi-mqtt/server/v2/packets"
)

// patience is how long Wait waits before the test fails.
const patience = 20 * time.Second

// A Message is what a client published, or the broker for it as its last will.
type Message struct {
	Topic, Payload string
	Retain, Will   bool
}

// A Broker listens on loopback. Its record spans restarts. It is safe for
// concurrent use, but for Restart and Stop.
type Broker struct {
	t      *testing.T
	server *mochi.Server
	addr   string

	mu       sync.Mutex
	messages []Message
	withheld []Message
	grown    chan struct{} // closed and replaced when messages grows
	withhold bool
	password string
}

// Start returns a running broker that ends with the test.
func Start(t *testing.T) *Broker {
	t.Helper()
	b := &Broker{t: t, addr: "127.0.0.1:0", grown: make(chan struct{})}
	b.Restart()
	t.Cleanup(b.Stop)
	return b
}

// URL returns where the broker listens, before and after a restart.
func (b *Broker) URL() string { return "tcp://" + b.addr }

// Addr returns host and port of the broker.
func (b *Broker) Addr() string { return b.addr }

// Restart starts a stopped broker on the port that it had. It remembers no
// session and no retained message.
func (b *Broker) Restart() {
	b.t.Helper()
	server := mochi.New(&mochi.Options{Logger: slog.New(slog.DiscardHandler)})
	if err := server.AddHook(&hook{b: b}, nil); err != nil {
		b.t.Fatal(err)
	}
	listener, err := net.Listen("tcp", b.addr)
	if err != nil {
		b.t.Fatal(err)
	}
	b.addr = listener.Addr().String()
	if err := server.AddListener(listeners.NewNet("tcp", listener)); err != nil {
		b.t.Fatal(err)
	}
	if err := server.Serve(); err != nil {
		b.t.Fatal(err)
	}
	b.server = server
}

// Stop cuts every client and closes the port. A stopped broker stays so.
func (b *Broker) Stop() {
	if b.server != nil {
		_ = b.Messages() // behind the last lock of each client, as the race detector wants it
		_ = b.server.Close()
		b.server = nil
	}
}

// Cut closes a client's connection without a word, as a pulled plug does. The
// client must be there.
func (b *Broker) Cut(client string) {
	b.t.Helper()
	c, ok := b.server.Clients.Get(client)
	if !ok {
		b.t.Fatalf("client %s is not connected", client)
	}
	_ = c.Net.Conn.Close()
}

// Withhold makes the broker take publications without keeping or acknowledging
// them, or ends that.
func (b *Broker) Withhold(on bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.withhold = on
}

// Withheld returns what was published while Withhold was on.
func (b *Broker) Withheld() []Message {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.withheld)
}

// Require makes the broker want a password, whatever the name.
func (b *Broker) Require(password string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.password = password
}

// Messages returns what was published so far, in order of arrival.
func (b *Broker) Messages() []Message {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.messages)
}

// Retained returns the message that the broker keeps for a topic, or "".
func (b *Broker) Retained(topic string) string {
	pk, _ := b.server.Topics.Retained.Get(topic)
	return string(pk.Payload)
}

// Wait returns the messages as soon as done is true of them; it asks again with
// each that comes, withheld ones included. The test fails if it does not come
// true.
func (b *Broker) Wait(what string, done func([]Message) bool) []Message {
	b.t.Helper()
	timeout := time.After(patience)
	for {
		b.mu.Lock()
		messages, grown := slices.Clone(b.messages), b.grown
		b.mu.Unlock()
		if done(messages) {
			return messages
		}
		select {
		case <-grown:
		case <-timeout:
			b.t.Fatalf("no %s within %v; %d messages, the last: %+v", what, patience, len(messages), messages[max(0, len(messages)-20):])
		}
	}
}

// record keeps m, or if it must not, tells so.
func (b *Broker) record(m Message) (kept bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	kept = !b.withhold || m.Will
	if kept {
		b.messages = append(b.messages, m)
	} else {
		b.withheld = append(b.withheld, m)
	}
	close(b.grown)
	b.grown = make(chan struct{})
	return kept
}

type hook struct {
	mochi.HookBase
	b *Broker
}

func (h *hook) ID() string { return "record" }

func (h *hook) Provides(event byte) bool {
	return bytes.IndexByte([]byte{mochi.OnConnectAuthenticate, mochi.OnACLCheck, mochi.OnPublish, mochi.OnWillSent}, event) >= 0
}

func (h *hook) OnConnectAuthenticate(_ *mochi.Client, pk packets.Packet) bool {
	h.b.mu.Lock()
	defer h.b.mu.Unlock()
	return string(pk.Connect.Password) == h.b.password
}

func (h *hook) OnACLCheck(*mochi.Client, string, bool) bool { return true }

func (h *hook) OnPublish(_ *mochi.Client, pk packets.Packet) (packets.Packet, error) {
	if !h.b.record(Message{Topic: pk.TopicName, Payload: string(pk.Payload), Retain: pk.FixedHeader.Retain}) {
		return pk, packets.ErrRejectPacket
	}
	return pk, nil
}

func (h *hook) OnWillSent(_ *mochi.Client, pk packets.Packet) {
	h.b.record(Message{Topic: pk.TopicName, Payload: string(pk.Payload), Retain: pk.FixedHeader.Retain, Will: true})
}
