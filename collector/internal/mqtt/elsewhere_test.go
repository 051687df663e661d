package mqtt_test

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/eclipse/paho.mqtt.golang/packets"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"thermarack/agent/wire"
	"thermarack/collector/internal/ingest"
	"thermarack/collector/internal/mqtt"
)

// An elsewhere is a broker that says what the test tells it to, packet by packet.
type elsewhere struct {
	net.Listener
	t      *testing.T
	secure *tls.Config // nil: none
}

func newElsewhere(t *testing.T) elsewhere {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	return elsewhere{listener, t, nil}
}

func (e elsewhere) url() string { return "tcp://" + e.Addr().String() }

// accept waits for a connection, reads its CONNECT and answers it.
func (e elsewhere) accept(code byte, present bool) (raw, *packets.ConnectPacket) {
	e.t.Helper()
	_ = e.Listener.(*net.TCPListener).SetDeadline(time.Now().Add(limit))
	c, err := e.Accept()
	if err != nil {
		e.t.Fatal(err)
	}
	e.t.Cleanup(func() { c.Close() })
	_ = c.SetDeadline(time.Now().Add(limit))
	if e.secure != nil {
		c = tls.Server(c, e.secure)
	}
	r := raw{c, e.t}
	hello := r.read().(*packets.ConnectPacket)
	answer := packets.NewControlPacket(packets.Connack).(*packets.ConnackPacket)
	answer.ReturnCode, answer.SessionPresent = code, present
	r.send(answer)
	return r, hello
}

// grant reads a SUBSCRIBE and answers it with codes.
func (r raw) grant(codes ...byte) *packets.SubscribePacket {
	r.t.Helper()
	p, ok := r.read().(*packets.SubscribePacket)
	if !ok {
		r.t.Fatalf("got %v, want SUBSCRIBE", p)
	}
	answer := packets.NewControlPacket(packets.Suback).(*packets.SubackPacket)
	answer.MessageID, answer.ReturnCodes = p.MessageID, codes
	r.send(answer)
	return p
}

// A notes keeps what is logged.
type notes struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (n *notes) Write(p []byte) (int, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.text.Write(p)
}

func (n *notes) has(text string) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return strings.Contains(n.text.String(), text)
}

// A visitor is a running session of the collector.
type visitor struct {
	*mqtt.Session
	log      *notes
	registry *prometheus.Registry
	stop     func()
}

// visit runs a session at url. change may add to its options.
func visit(t *testing.T, url string, in mqtt.Offerer, change func(*mqtt.SessionOptions)) *visitor {
	t.Helper()
	v := &visitor{log: &notes{}, registry: prometheus.NewPedanticRegistry()}
	o := mqtt.SessionOptions{
		URL: url, ClientID: "thermarack-collector", Filters: []string{wire.TopicFilter("hex")},
		Ingest: in, Log: slog.New(slog.NewTextHandler(v.log, nil)), Registry: v.registry,
	}
	if change != nil {
		change(&o)
	}
	var err error
	if v.Session, err = mqtt.NewSession(o); err != nil {
		t.Fatal(err)
	}
	v.stop = start(t, v.Run)
	return v
}

// counts compares one metric of the session.
func (v *visitor) counts(t *testing.T, name string, want int) {
	t.Helper()
	name = "thermarack_mqtt_session_" + name
	kind := "counter"
	if !strings.HasSuffix(name, "_total") {
		kind = "gauge"
	}
	families, err := v.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() == name {
			text := fmt.Sprintf("# HELP %s %s\n# TYPE %s %s\n%s %d\n", name, f.GetHelp(), name, kind, name, want)
			if err := testutil.GatherAndCompare(v.registry, strings.NewReader(text), name); err != nil {
				t.Error(err)
			}
			return
		}
	}
	t.Errorf("no metric %s", name)
}

func TestTheSessionIsPersistentAndSaysWhoItIs(t *testing.T) {
	t.Parallel()
	e := newElsewhere(t)
	v := visit(t, strings.Replace(e.url(), "//", "//collector:secret@", 1), make(offers), func(o *mqtt.SessionOptions) {
		o.Filters = []string{wire.TopicFilter("hex"), wire.TopicFilter("lab")}
		o.Former = []string{wire.TopicFilter(""), wire.TopicFilter("lab")}
	})
	r, hello := e.accept(packets.Accepted, false)
	if hello.CleanSession || hello.ClientIdentifier != "thermarack-collector" || hello.Username != "collector" || string(hello.Password) != "secret" {
		t.Errorf("CONNECT is %v", hello)
	}
	if p, ok := r.read().(*packets.UnsubscribePacket); !ok || fmt.Sprint(p.Topics) != "[thermarack/v1/+/+/+]" {
		t.Errorf("got %v, want the former subscription withdrawn that is not wanted now", p)
	}
	p := r.grant(1, 1)
	if fmt.Sprint(p.Topics, p.Qoss) != "[thermarack/v1/hex/+/+ thermarack/v1/lab/+/+] [1 1]" {
		t.Errorf("SUBSCRIBE is %v with QoS %v", p.Topics, p.Qoss)
	}
	eventually(t, "subscribed", v.Connected)
	v.counts(t, "connected", 1)
	if err := v.Ready(); err != nil {
		t.Errorf("Ready says %v", err)
	}
	v.stop()
	if p, ok := r.read().(*packets.DisconnectPacket); !ok {
		t.Errorf("got %v, want a goodbye", p)
	}
	if v.log.has("secret") {
		t.Error("the password is in the log")
	}
}

func TestAcknowledgementsLeaveInTheOrderOfTheCommits(t *testing.T) {
	t.Parallel()
	e := newElsewhere(t)
	in := make(offers, 2000)
	visit(t, e.url(), in, nil)
	r, _ := e.accept(packets.Accepted, true)
	topic := topicOf(wire.KindReadings)
	r.publish(1, 1, topic, []byte("kept for us, before the answer to SUBSCRIBE"))
	r.grant(1)
	for id := range uint16(1000) {
		r.publish(id+2, 1, topic, nil)
	}
	r.publish(0, 0, topic, []byte("of QoS 0, which is not acknowledged"))
	for range 1002 {
		receive(t, in, "message").Done(nil)
	}
	for id := range uint16(1001) {
		r.acknowledged(id + 1)
	}
}

func TestNothingIsAcknowledgedBeforeItsCommit(t *testing.T) {
	t.Parallel()
	e := newElsewhere(t)
	in := make(offers, 4)
	v := visit(t, e.url(), in, nil)
	r, _ := e.accept(packets.Accepted, true)
	r.grant(1)
	send := func(id uint16, dup bool, payload string) {
		p := packets.NewControlPacket(packets.Publish).(*packets.PublishPacket)
		p.TopicName, p.Payload, p.Qos, p.MessageID, p.Dup = topicOf(wire.KindReadings), []byte(payload), 1, id, dup
		r.send(p)
	}
	send(7, false, "a")
	send(8, false, "b")
	a, b := receive(t, in, "a"), receive(t, in, "b")
	send(7, true, "a") // it finds us slow
	again := receive(t, in, "a again")
	v.counts(t, "unacknowledged", 3)
	a.Done(nil)
	b.Done(nil)
	r.acknowledged(8) // 7 would be free for another message, which again would acknowledge
	again.Done(nil)
	r.acknowledged(7)
	send(7, false, "c")
	receive(t, in, "c").Done(nil)
	r.acknowledged(7)
	eventually(t, "none waits", func() bool { return len(in) == 0 })
}

func TestAMessageLongerThanTheLimitIsPassedOnCutAndAcknowledged(t *testing.T) {
	t.Parallel()
	e := newElsewhere(t)
	s := newShelf(true)
	registry := prometheus.NewPedanticRegistry()
	collector := ingest.New(ingest.Options{Store: s, Observers: []ingest.Observer{s}, Log: slog.New(slog.DiscardHandler), Registry: registry})
	start(t, collector.Run)
	visit(t, e.url(), collector, nil)
	r, _ := e.accept(packets.Accepted, true)
	r.grant(1)
	topic := topicOf(wire.KindReadings)
	r.publish(1, 1, topic, bytes.Repeat([]byte(" "), 20<<20))
	r.publish(2, 1, topic, reading(2))
	r.acknowledged(1)
	r.acknowledged(2)
	if b := receive(t, s.observed, "reading behind it"); len(b.Readings) != 1 {
		t.Errorf("stored: %+v", b)
	}
	for reason, want := range map[string]float64{"payload": 1, "record": 0} {
		if got := rejected(t, registry, reason); got != want {
			t.Errorf("%v rejected as %s, want %v", got, reason, want)
		}
	}
}

// rejected returns a count of the ingest's.
func rejected(t *testing.T, registry *prometheus.Registry, reason string) float64 {
	t.Helper()
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() != "thermarack_ingest_rejected_total" {
			continue
		}
		for _, m := range f.GetMetric() {
			if m.GetLabel()[0].GetValue() == reason {
				return m.GetCounter().GetValue()
			}
		}
	}
	return 0
}

func TestABrokerThatBreaksTheProtocolIsGivenUpAndTriedAgain(t *testing.T) {
	t.Parallel()
	suback := []byte{0x90, 3, 0, 2, 1}
	tests := []struct {
		name string
		sent []byte // after CONNACK
		want string
	}{
		{"a message of QoS 2", []byte{0x34, 7, 0, 3, 'a', '/', 'b', 0, 1}, "QoS 2"},
		{"a message without an id", []byte{0x32, 7, 0, 3, 'a', '/', 'b', 0, 0}, "packet id 0"},
		{"a topic that is longer than its packet", []byte{0x30, 4, 0xff, 0xff, 'a', 'b'}, "a topic of 65535"},
		{"a length without an end", []byte{0x30, 0xff, 0xff, 0xff, 0xff, 0xff}, "more than four bytes"},
		{"a type that there is not", []byte{0xf0, 0}, "unsupported packet type"},
		{"a packet for brokers", []byte{0x82, 2, 0, 1}, "type 8"},
		{"a reply of a gigabyte", []byte{0x90, 0xff, 0xff, 0xff, 0x7f}, "type 9 with 268435455 bytes"},
		{"half a reply", []byte{0x20, 1, 0}, "too short"},
		{"too few answers", []byte{0x90, 2, 0, 2}, "0 answers"},
		{"a refusal", []byte{0x90, 3, 0, 2, 0x80}, "it answers 0x80"},
		{"the end", nil, "closed the connection"},
		{"the end in a packet", append(suback, 0x30, 9, 0), "closed the connection"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			e := newElsewhere(t)
			v := visit(t, e.url(), make(offers, 1), nil)
			r, _ := e.accept(packets.Accepted, true)
			if _, err := r.Write(tt.sent); err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(tt.want, "closed") {
				r.closed()
			} else {
				r.read() // SUBSCRIBE
				r.Close()
			}
			eventually(t, "reported", func() bool { return v.log.has(tt.want) })
			r, _ = e.accept(packets.Accepted, true)
			r.grant(1)
			eventually(t, "subscribed", v.Connected)
			v.counts(t, "losses_total", 1)
		})
	}
}

func TestARefusedConnectionSaysWhere(t *testing.T) {
	t.Parallel()
	tests := []struct {
		code byte
		want string
	}{
		{packets.ErrRefusedNotAuthorised, "look at the user, the password file and its access rules"},
		{packets.ErrRefusedBadUsernameOrPassword, "look at the user, the password file and its access rules"},
		{packets.ErrRefusedIDRejected, `refuses the session \"thermarack-collector\" (code 2)`},
		{packets.ErrRefusedServerUnavailable, "(code 3)"},
	}
	for _, tt := range tests {
		t.Run(fmt.Sprint("code ", tt.code), func(t *testing.T) {
			t.Parallel()
			e := newElsewhere(t)
			v := visit(t, e.url(), make(offers), nil)
			r, _ := e.accept(tt.code, false)
			r.closed()
			eventually(t, "reported", func() bool { return v.log.has(tt.want) })
			if err := v.Ready(); err == nil || !strings.HasPrefix(err.Error(), "the session with the external broker is not up: the broker") {
				t.Errorf("Ready says %v", err)
			}
		})
	}
}

func TestALostSessionIsReportedUnlessItIsTheFirst(t *testing.T) {
	t.Parallel()
	const lost = "has lost our session"
	e := newElsewhere(t)
	v := visit(t, e.url(), make(offers), nil)
	connect := func(present bool) raw {
		r, _ := e.accept(packets.Accepted, present)
		r.grant(1)
		eventually(t, "subscribed", v.Connected)
		return r
	}
	first := connect(false)
	if v.log.has(lost) {
		t.Error("a new session is reported as lost")
	}
	first.Close()
	eventually(t, "loss noticed", func() bool { return !v.Connected() })
	connect(false)
	eventually(t, "reported", func() bool { return v.log.has(lost) })
	v.counts(t, "forgotten_total", 1)

	v.stop()
	v = visit(t, e.url(), make(offers), func(o *mqtt.SessionOptions) { o.Known = true })
	connect(false)
	eventually(t, "reported after a restart", func() bool { return v.log.has(lost) })
}
