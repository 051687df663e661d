package main_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/eclipse/paho.mqtt.golang/packets"

	"thermarack/collector/internal/ingest"
	"thermarack/collector/internal/mqtt"
	"thermarack/collector/internal/store"
	"thermarack/collector/internal/store/memory"
)

// A weakStore is a store that does not work while it is told so.
type weakStore struct {
	*memory.Store
	weak  atomic.Bool
	trial func(ctx context.Context) error // what Append comes to then
}

func (s *weakStore) Append(ctx context.Context, samples []store.Sample) ([]store.Refusal, error) {
	if s.weak.Load() {
		if err := s.trial(ctx); err != nil {
			return nil, err
		}
	}
	return s.Store.Append(ctx, samples)
}

// A pipes is a listener on connections in memory, for time that is not real.
type pipes struct {
	conns chan net.Conn
	end   sync.Once
	done  chan struct{}
}

func newPipes() *pipes { return &pipes{conns: make(chan net.Conn), done: make(chan struct{})} }

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case conn := <-p.conns:
		return conn, nil
	case <-p.done:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error {
	p.end.Do(func() { close(p.done) })
	return nil
}

func (p *pipes) Addr() net.Addr { return &net.UnixAddr{Name: "memory", Net: "unix"} }

func (p *pipes) dial() (net.Conn, error) {
	ours, theirs := net.Pipe()
	select {
	case p.conns <- theirs:
		return ours, nil
	case <-p.done:
		return nil, net.ErrClosed
	}
}

func TestAStoreThatDoesNotWorkFor30SecondsMissesNothingAfterwards(t *testing.T) {
	tests := []struct {
		name  string
		trial func(ctx context.Context) error
	}{
		{"it fails", func(context.Context) error { return errors.New("bad block") }},
		{"it fails after a while", func(context.Context) error {
			<-time.After(3 * time.Second)
			return errors.New("bad block")
		}},
		{"it hangs", func(ctx context.Context) error {
			select {
			case <-time.After(30 * time.Second):
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { weaken(t, &weakStore{Store: memory.New(0), trial: tt.trial}) })
		})
	}
}

// weaken runs ten senders for a minute, of which the store does not work for the
// second half but for its end.
func weaken(t *testing.T, s *weakStore) {
	ctx, cancel := context.WithCancel(t.Context())
	line, log := newPipes(), slog.New(slog.DiscardHandler)
	in := ingest.New(ingest.Options{Store: s, Log: log})
	broker, err := mqtt.NewBroker(mqtt.BrokerOptions{Listener: line, Ingest: in, Log: log})
	if err != nil {
		t.Fatal(err)
	}
	var running sync.WaitGroup
	for _, run := range []func(context.Context) error{in.Run, broker.Run} {
		running.Go(func() {
			if err := run(ctx); err != nil {
				t.Error(err)
			}
		})
	}
	senders := manySenders(10, 6000, 100)
	senders[0].window = 200 // more than the broker takes unacknowledged: it is cut off, and comes again
	var sending sync.WaitGroup
	for _, one := range senders {
		one.dial = line.dial
		sending.Go(func() { one.run(ctx) })
	}
	sending.Go(func() { pingEverySecond(t, line, 50) })

	acks := func() int { return (&fleet{senders: senders}).acks() }
	time.Sleep(10 * time.Second)
	s.weak.Store(true)
	time.Sleep(time.Second) // what was under way
	before := acks()
	time.Sleep(28 * time.Second)
	if now := acks(); before == 0 || now != before {
		t.Errorf("%d messages were acknowledged before, and %d while the store did not work", before, now-before)
	}
	if in.Failing() == nil {
		t.Error("the ingest does not say that the store fails")
	}
	s.weak.Store(false)
	sending.Wait()
	cancel()
	running.Wait()
	compareMemory(t, s.Store, senders)
}

// pingEverySecond is a client that wants so many pings answered at once.
func pingEverySecond(t *testing.T, line *pipes, pings int) {
	conn, err := line.dial()
	if err != nil {
		t.Error(err)
		return
	}
	defer conn.Close()
	if err := introduce(conn, "pinger"); err != nil {
		t.Error(err)
		return
	}
	for i := range pings {
		time.Sleep(time.Second)
		err := errors.Join(
			conn.SetDeadline(time.Now().Add(10*time.Millisecond)),
			packets.NewControlPacket(packets.Pingreq).Write(conn),
		)
		if err == nil {
			_, err = packets.ReadPacket(conn)
		}
		if err != nil {
			t.Errorf("ping %d is not answered: %v", i, err)
			return
		}
	}
}

// compareMemory wants each value there, and no other.
func compareMemory(t *testing.T, s *memory.Store, senders []*sender) {
	t.Helper()
	f := fleet{senders: senders}
	if got, want := f.acks(), 6000; got != want {
		t.Errorf("%d messages acknowledged, want %d", got, want)
	}
	for _, series := range f.series() {
		points, err := s.Range(t.Context(), series.name, series.from, series.from.Add(time.Hour))
		if err != nil {
			t.Fatal(err)
		}
		stored := map[int64]float64{}
		for _, p := range points {
			stored[p.Time.UnixMilli()] = p.Value
		}
		if len(points) != len(series.acknowledged) || fmt.Sprint(stored) != fmt.Sprint(series.acknowledged) {
			t.Errorf("%s: %d points, want the %d acknowledged", series.name, len(points), len(series.acknowledged))
		}
	}
}
