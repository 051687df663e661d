package mqtt_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"sync"
	"testing"
	"time"

	paho "github.com/eclipse/paho.mqtt.golang"
	"github.com/eclipse/paho.mqtt.golang/packets"
	"github.com/prometheus/client_golang/prometheus"

	"thermarack/agent/wire"
	"thermarack/collector/internal/ingest"
	"thermarack/collector/internal/mqtt"
	"thermarack/collector/internal/store"
)

const (
	node  = wire.Node("b827eb000001")
	limit = 10 * time.Second // for anything that a test waits for
)

func topicOf(kind wire.Kind) string {
	return wire.Topic{Site: "hex", Node: node, Kind: kind}.String()
}

// reading is a pack of one temperature that v tells apart.
func reading(v int) []byte {
	at := float64(time.Now().UnixMilli())/1000 + float64(v)/1000
	return fmt.Appendf(nil, `[{"n":"urn:dev:ow:28f6fb1e0d0000c5:temperature","v":%d,"t":%.3f}]`, v, at)
}

func receive[T any](t testing.TB, from <-chan T, what string) T {
	t.Helper()
	select {
	case v := <-from:
		return v
	case <-time.After(limit):
		t.Fatalf("no %s within %v", what, limit)
		panic("unreachable")
	}
}

// eventually waits until ok.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	late := time.After(limit)
	for !ok() {
		select {
		case <-late:
			t.Fatalf("not within %v: %s", limit, what)
		case <-tick.C:
		}
	}
}

// A shelf is a store whose commits the test lets through, and an observer.
type shelf struct {
	begun    chan int      // number of samples of each Append
	pass     chan struct{} // an Append waits for one; closed: none waits
	observed chan ingest.Batch
}

func newShelf(isOpen bool) *shelf {
	s := &shelf{begun: make(chan int, 4096), pass: make(chan struct{}), observed: make(chan ingest.Batch, 4096)}
	if isOpen {
		close(s.pass)
	}
	return s
}

func (s *shelf) Append(ctx context.Context, samples []store.Sample) ([]store.Refusal, error) {
	s.begun <- len(samples)
	select {
	case <-s.pass:
		return nil, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (s *shelf) Observe(b ingest.Batch) {
	b.Readings = slices.Clone(b.Readings)
	s.observed <- b
}

// start runs things until the test ends, or stop is called.
func start(t testing.TB, runs ...func(context.Context) error) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	var all sync.WaitGroup
	for _, run := range runs {
		all.Go(func() {
			if err := run(ctx); err != nil {
				t.Errorf("Run: %v", err)
			}
		})
	}
	stop = sync.OnceFunc(func() {
		cancel()
		all.Wait()
	})
	t.Cleanup(stop)
	return stop
}

// A house is a broker before an ingest before a shelf.
type house struct {
	*shelf
	registry *prometheus.Registry
	addr     string
	stop     func()
}

func newHouse(t *testing.T, s *shelf, change func(*mqtt.BrokerOptions)) *house {
	t.Helper()
	h := &house{shelf: s, registry: prometheus.NewPedanticRegistry()}
	in := ingest.New(ingest.Options{Store: s, Observers: []ingest.Observer{s}, Log: slog.New(slog.DiscardHandler), Registry: h.registry})
	b := newBroker(t, h.registry, func(o *mqtt.BrokerOptions) {
		o.Ingest = in
		if change != nil {
			change(o)
		}
	})
	h.addr = b.Addr().String()
	h.stop = start(t, in.Run, b.Run)
	return h
}

func newBroker(t testing.TB, r prometheus.Registerer, change func(*mqtt.BrokerOptions)) *mqtt.Broker {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	o := mqtt.BrokerOptions{Listener: listener, Log: slog.New(slog.DiscardHandler), Registry: r}
	change(&o)
	b, err := mqtt.NewBroker(o)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// A raw client sends and receives one packet at a time, so that a test sees
// their order.
type raw struct {
	net.Conn
	t *testing.T
}

// dial connects as id. change may add to the CONNECT packet.
func dial(t *testing.T, addr, id string, change func(*packets.ConnectPacket)) raw {
	t.Helper()
	return connect(t, dialOnly(t, addr), id, change)
}

func connect(t *testing.T, c net.Conn, id string, change func(*packets.ConnectPacket)) raw {
	t.Helper()
	r := raw{c, t}
	connect := packets.NewControlPacket(packets.Connect).(*packets.ConnectPacket)
	connect.ProtocolName, connect.ProtocolVersion = "MQTT", 4
	connect.ClientIdentifier, connect.CleanSession, connect.Keepalive = id, true, 60
	if change != nil {
		change(connect)
	}
	r.send(connect)
	return r
}

// dialOnly opens a connection and says nothing.
func dialOnly(t *testing.T, addr string) raw {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	_ = c.SetDeadline(time.Now().Add(limit))
	return raw{c, t}
}

// connected reads the CONNACK and returns its code.
func (r raw) connected() byte {
	r.t.Helper()
	return r.read().(*packets.ConnackPacket).ReturnCode
}

func (r raw) send(p packets.ControlPacket) {
	r.t.Helper()
	if err := p.Write(r); err != nil {
		r.t.Fatal(err)
	}
}

func (r raw) read() packets.ControlPacket {
	r.t.Helper()
	p, err := packets.ReadPacket(r)
	if err != nil {
		r.t.Fatalf("read: %v", err)
	}
	return p
}

// closed waits until the broker ends the connection.
func (r raw) closed() {
	r.t.Helper()
	for {
		p, err := packets.ReadPacket(r)
		if wait := net.Error(nil); errors.As(err, &wait) && wait.Timeout() {
			r.t.Fatalf("the connection is open after %v", limit)
		}
		if err != nil {
			return
		}
		r.t.Logf("before the end: %v", p)
	}
}

func (r raw) publish(id uint16, qos byte, topic string, payload []byte) {
	r.t.Helper()
	p := packets.NewControlPacket(packets.Publish).(*packets.PublishPacket)
	p.TopicName, p.Payload, p.Qos, p.MessageID = topic, payload, qos, id
	r.send(p)
}

// ping sends a ping and wants its answer next: by then the broker has read all
// that was sent before.
func (r raw) ping() {
	r.t.Helper()
	r.send(packets.NewControlPacket(packets.Pingreq))
	if p, ok := r.read().(*packets.PingrespPacket); !ok {
		r.t.Fatalf("got %v, want the answer to the ping", p)
	}
}

func (r raw) acknowledged(id uint16) {
	r.t.Helper()
	p := r.read()
	if ack, ok := p.(*packets.PubackPacket); !ok || ack.MessageID != id {
		r.t.Fatalf("got %v, want the acknowledgement of %d", p, id)
	}
}

func (r raw) subscribe(filter string) {
	r.t.Helper()
	p := packets.NewControlPacket(packets.Subscribe).(*packets.SubscribePacket)
	p.Topics, p.Qoss, p.MessageID = []string{filter}, []byte{1}, 1
	r.send(p)
	if ack, ok := r.read().(*packets.SubackPacket); !ok || ack.ReturnCodes[0] != 1 {
		r.t.Fatalf("got %v, want QoS 1 granted", ack)
	}
}

// connectPaho returns a connected client of the usual kind.
func connectPaho(t testing.TB, url, id string) paho.Client {
	t.Helper()
	c := paho.NewClient(paho.NewClientOptions().AddBroker(url).SetClientID(id).
		SetCleanSession(false).SetMaxReconnectInterval(100 * time.Millisecond))
	finish(t, c.Connect(), "connection")
	t.Cleanup(func() { c.Disconnect(100) })
	return c
}

func finish(t testing.TB, token paho.Token, what string) {
	t.Helper()
	receive(t, token.Done(), what)
	if err := token.Error(); err != nil {
		t.Fatalf("%s: %v", what, err)
	}
}

// An offers is an Offerer that shows what it gets.
type offers chan ingest.Delivery

func (o offers) Offer(d ingest.Delivery) bool {
	select {
	case o <- d:
		return true
	default:
		return false
	}
}
