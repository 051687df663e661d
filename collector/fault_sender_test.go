package main_test

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/eclipse/paho.mqtt.golang/packets"
)

// A sender publishes the messages of one node, as an agent does: with QoS 1, a
// few in flight, and again what was not acknowledged, over as many connections
// as that takes. Each message has one value of each of its devices.
type sender struct {
	node    string // MAC
	client  string // id; "" is the node's
	devices int
	begin   time.Time                // stamp of the first message
	step    time.Duration            // between stamps, whole milliseconds
	count   int                      // messages; 0: no end
	window  int                      // in flight
	pace    time.Duration            // between messages; 0: as fast as they are acknowledged
	dial    func() (net.Conn, error) // connects to the broker there is at the moment

	mu           sync.Mutex
	next         int
	flying       []int // sent over some connection and not acknowledged, in order
	acknowledged []int
}

// device returns a record name's device.
func (s *sender) device(i int) string {
	part := "soc"
	if i > 0 {
		part = fmt.Sprintf("i2c1-%d", i)
	}
	return fmt.Sprintf("urn:dev:mac:%sfffe%s_%s", s.node[:6], s.node[6:], part)
}

func (s *sender) stamp(message int) time.Time {
	return s.begin.Add(time.Duration(message) * s.step)
}

// value is exact after the store has rounded it, and goes up and down.
func (s *sender) value(message, device int) float64 {
	return 50 + 40*math.Copysign(float64(message%10)/16+0.25, float64(message%20)-9.5) + float64(device)/64
}

func (s *sender) payload(message int) []byte {
	var b strings.Builder
	fmt.Fprintf(&b, `[{"bt":%.3f`, float64(s.stamp(message).UnixMilli())/1000)
	for i := range s.devices {
		if i > 0 {
			b.WriteString("},{")
		} else {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `"n":"%s:temperature","u":"Cel","v":%g`, s.device(i), s.value(message, i))
	}
	b.WriteString("}]")
	return []byte(b.String())
}

// acks returns how many messages were acknowledged.
func (s *sender) acks() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.acknowledged)
}

// run publishes until all is acknowledged or ctx ends.
func (s *sender) run(ctx context.Context) {
	for ctx.Err() == nil && !s.done() {
		if err := s.connect(ctx); err != nil {
			select {
			case <-ctx.Done():
			case <-time.After(50 * time.Millisecond):
			}
		}
	}
}

func (s *sender) done() bool { return s.count > 0 && s.acks() == s.count }

// connect serves one connection until it breaks.
func (s *sender) connect(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	conn, err := s.dial()
	if err != nil {
		return err
	}
	defer conn.Close()
	context.AfterFunc(ctx, func() { conn.Close() })
	in, out := bufio.NewReader(conn), bufio.NewWriter(conn)
	if err := introduce(conn, cmp.Or(s.client, s.node)); err != nil {
		return err
	}
	s.mu.Lock()
	again := slices.Clone(s.flying)
	s.mu.Unlock()
	slots := make(chan struct{}, s.window)
	var writing sync.WaitGroup
	writing.Go(func() {
		defer conn.Close()
		s.write(ctx, out, again, slots)
	})
	err = s.read(in, slots)
	cancel()
	writing.Wait()
	return err
}

// introduce begins an MQTT connection.
func introduce(conn net.Conn, client string) error {
	hello := packets.NewControlPacket(packets.Connect).(*packets.ConnectPacket)
	hello.ProtocolName, hello.ProtocolVersion, hello.CleanSession = "MQTT", 4, true
	hello.ClientIdentifier, hello.Keepalive = client, 60
	if err := hello.Write(conn); err != nil {
		return err
	}
	_, err := packets.ReadPacket(conn)
	return err
}

// write publishes what was not acknowledged, then what is new.
func (s *sender) write(ctx context.Context, out *bufio.Writer, again []int, slots chan struct{}) {
	for {
		select {
		case slots <- struct{}{}:
		case <-ctx.Done():
			return
		}
		var message int
		isAgain := len(again) > 0
		if isAgain {
			message, again = again[0], again[1:]
		} else if message = s.take(); message < 0 {
			<-ctx.Done() // for the last acknowledgements
			return
		}
		p := packets.NewControlPacket(packets.Publish).(*packets.PublishPacket)
		p.TopicName, p.Payload = "thermarack/v1/hex/"+s.node+"/readings", s.payload(message)
		p.Qos, p.Dup, p.MessageID = 1, isAgain, uint16(message%math.MaxUint16)+1
		if p.Write(out) != nil || out.Flush() != nil {
			return
		}
		if s.pace > 0 {
			select {
			case <-time.After(s.pace):
			case <-ctx.Done():
				return
			}
		}
	}
}

// take returns the next new message, -1 after the last.
func (s *sender) take() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.count > 0 && s.next == s.count {
		return -1
	}
	s.flying = append(s.flying, s.next)
	s.next++
	return s.next - 1
}

// read notes what is acknowledged until nothing more comes.
func (s *sender) read(in *bufio.Reader, slots chan struct{}) error {
	for !s.done() {
		p, err := packets.ReadPacket(in)
		if err != nil {
			return err
		}
		if ack, ok := p.(*packets.PubackPacket); ok {
			s.note(ack.MessageID)
			<-slots
		}
	}
	return nil
}

func (s *sender) note(id uint16) {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := slices.IndexFunc(s.flying, func(m int) bool { return uint16(m%math.MaxUint16)+1 == id })
	if i < 0 {
		return // acknowledged twice
	}
	s.acknowledged = append(s.acknowledged, s.flying[i])
	s.flying = slices.Delete(s.flying, i, i+1)
}

// A fleet is senders that run until they are stopped.
type fleet struct {
	senders []*sender
	addr    atomic.Pointer[string]
	cancel  context.CancelFunc
	running sync.WaitGroup
}

// send starts senders, to a broker at addr.
func send(t *testing.T, addr string, senders ...*sender) *fleet {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	f := &fleet{senders: senders, cancel: cancel}
	f.moveTo(addr)
	for _, s := range senders {
		s.dial = f.dial
		f.running.Go(func() { s.run(ctx) })
	}
	t.Cleanup(f.stop)
	return f
}

func (f *fleet) dial() (net.Conn, error) {
	addr := *f.addr.Load()
	if addr == "" {
		return nil, errors.New("no broker")
	}
	return net.DialTimeout("tcp", addr, 5*time.Second)
}

// moveTo makes the senders connect to another broker next time.
func (f *fleet) moveTo(addr string) { f.addr.Store(&addr) }

// stop ends the senders; what they have in flight is not sent again.
func (f *fleet) stop() {
	f.cancel()
	f.running.Wait()
}

// acks returns how many messages were acknowledged.
func (f *fleet) acks() int {
	n := 0
	for _, s := range f.senders {
		n += s.acks()
	}
	return n
}

// check compares what c has stored with what was acknowledged: each value must
// be there, once, and none that was not sent.
func (f *fleet) check(t *testing.T, c *collector) {
	t.Helper()
	values, missing := 0, 0
	for _, series := range f.series() {
		stored := c.points(t, series.name, series.from)
		for at, value := range series.acknowledged {
			values++
			if got, ok := stored[at]; !ok || got != value {
				missing++
				if missing <= 5 {
					t.Errorf("%s at %s: stored %v (%v), acknowledged %v", series.name, time.UnixMilli(at).UTC(), got, ok, value)
				}
			}
			delete(stored, at)
		}
		strange := 0
		for at, value := range stored {
			if want, ok := series.flying[at]; !ok || want != value {
				strange++
			}
		}
		if strange > 0 {
			t.Errorf("%s: %d values are stored that were not sent", series.name, strange)
		}
	}
	t.Logf("%d of %d acknowledged values missing", missing, values)
}

// A sentSeries is what the senders know of one record name.
type sentSeries struct {
	name                 string
	from                 time.Time         // its earliest stamp
	acknowledged, flying map[int64]float64 // by Unix ms
}

// series returns what was sent, by record name: several senders may share one.
func (f *fleet) series() map[string]*sentSeries {
	all := map[string]*sentSeries{}
	for _, s := range f.senders {
		s.mu.Lock()
		for i := range s.devices {
			name := s.device(i) + ":temperature"
			if all[name] == nil {
				all[name] = &sentSeries{name, s.begin, map[int64]float64{}, map[int64]float64{}}
			}
			one := all[name]
			if s.begin.Before(one.from) {
				one.from = s.begin
			}
			for _, m := range s.acknowledged {
				one.acknowledged[s.stamp(m).UnixMilli()] = s.value(m, i)
			}
			for _, m := range s.flying {
				one.flying[s.stamp(m).UnixMilli()] = s.value(m, i)
			}
		}
		s.mu.Unlock()
	}
	return all
}

// points returns what is stored of a record name, by Unix ms; an instant that is
// there twice fails the test.
func (c *collector) points(t *testing.T, name string, from time.Time) map[int64]float64 {
	t.Helper()
	path := fmt.Sprintf("/api/v1/series?sensor=%s&from=%d&to=%d", name, from.Unix(), time.Now().Add(2*time.Hour).Unix())
	var series struct {
		Points []struct {
			T     time.Time
			Value float64
		}
	}
	if c.status(t, path) == 404 {
		return nil // never stored
	}
	c.decode(t, path, &series)
	points := make(map[int64]float64, len(series.Points))
	for _, p := range series.Points {
		points[p.T.UnixMilli()] = p.Value
	}
	if len(points) != len(series.Points) {
		t.Errorf("%s: %d points of %d instants", name, len(series.Points), len(points))
	}
	return points
}
