package mqtt

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/eclipse/paho.mqtt.golang/packets"

	"thermarack/collector/internal/ingest"
)

// A shy ingest takes nothing until it is open.
type shy struct {
	open  atomic.Bool
	taken []ingest.Delivery
}

func (s *shy) Offer(d ingest.Delivery) bool {
	if s.open.Load() {
		s.taken = append(s.taken, d)
	}
	return s.open.Load()
}

// A fake is a broker in this process: each connection is handed to serve, on a
// goroutine of its own.
type fake struct {
	serve func(n int64, c net.Conn)
	n     atomic.Int64 // connections so far
}

func (f *fake) open(context.Context) (net.Conn, error) {
	near, far := net.Pipe()
	go f.serve(f.n.Add(1), far)
	return near, nil
}

// A journal keeps what is logged.
type journal struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.Write(p)
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.String()
}

// newFakeSession returns a session with f as its broker.
func newFakeSession(t *testing.T, f *fake, in Offerer) (*Session, *journal) {
	t.Helper()
	log := &journal{}
	s, err := NewSession(SessionOptions{
		URL: "tcp://fake", ClientID: "c", Filters: []string{"thermarack/v1/+/+/+"},
		Ingest: in, Log: slog.New(slog.NewTextHandler(log, nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	s.open = f.open
	return s, log
}

// welcome answers CONNECT and SUBSCRIBE.
func welcome(c net.Conn) error {
	for _, answer := range [][]byte{{0x20, 2, 1, 0}, {0x90, 3, 0, 2, 1}} {
		if _, err := packets.ReadPacket(c); err != nil {
			return err
		}
		if _, err := c.Write(answer); err != nil {
			return err
		}
	}
	return nil
}

// converse writes what is queued, answers pings and says what else comes. One
// goroutine writes: net.Pipe holds a mutex while nobody reads, which is no rest
// in the eyes of synctest.
func converse(c net.Conn, queue []byte, other func(packets.ControlPacket)) {
	out := make(chan []byte, 1000)
	out <- queue
	defer close(out)
	go func() {
		for b := range out {
			_, _ = c.Write(b) // an error is one of reading too
		}
	}()
	for {
		p, err := packets.ReadPacket(c)
		if err != nil {
			return
		}
		if _, ok := p.(*packets.PingreqPacket); ok {
			out <- []byte{0xd0, 0}
			continue
		}
		other(p)
	}
}

// backlog is n messages of QoS 1.
func backlog(n int) []byte {
	var b bytes.Buffer
	for id := range n {
		p := packets.NewControlPacket(packets.Publish).(*packets.PublishPacket)
		p.TopicName, p.Qos, p.MessageID = "a/b", 1, uint16(id+1)
		_ = p.Write(&b) // a buffer takes all
	}
	return b.Bytes()
}

func TestABrokerThatAnswersNoPingIsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		f := &fake{serve: func(n int64, c net.Conn) {
			if welcome(c) == nil && n == 1 {
				_, _ = io.Copy(io.Discard, c) // it takes pings and says nothing
				return
			}
			converse(c, nil, func(packets.ControlPacket) {})
		}}
		s, log := newFakeSession(t, f, &shy{})
		done := make(chan error)
		go func() { done <- s.Run(ctx) }()
		time.Sleep(silence - time.Second)
		synctest.Wait()
		if !s.Connected() {
			t.Errorf("given up too early: %s", log)
		}
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if f.n.Load() != 2 || !s.Connected() || !strings.Contains(log.String(), "nothing moves") {
			t.Errorf("%d connections, connected %v, log %s", f.n.Load(), s.Connected(), log)
		}
		time.Sleep(time.Hour) // in which every ping is answered
		synctest.Wait()
		if f.n.Load() != 2 {
			t.Errorf("%d connections after an hour: %s", f.n.Load(), log)
		}
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

// TestASlowStoreHoldsTheBroker: what is not read is no loss of the connection.
func TestASlowStoreHoldsTheBroker(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		in := &shy{}
		in.open.Store(true)
		var acked atomic.Int64
		f := &fake{serve: func(_ int64, c net.Conn) {
			if welcome(c) != nil {
				return
			}
			converse(c, backlog(3*maxUnacknowledged), func(p packets.ControlPacket) {
				if b, ok := p.(*packets.PubackPacket); ok && int64(b.MessageID) == acked.Load()+1 {
					acked.Add(1)
				}
			})
		}}
		s, log := newFakeSession(t, f, in)
		done := make(chan error)
		go func() { done <- s.Run(ctx) }()
		time.Sleep(10 * time.Minute) // the store takes nothing
		synctest.Wait()
		if len(in.taken) != maxUnacknowledged || acked.Load() != 0 || f.n.Load() != 1 {
			t.Errorf("%d taken, %d acknowledged, %d connections: %s", len(in.taken), acked.Load(), f.n.Load(), log)
		}
		in.open.Store(false)
		for _, d := range in.taken {
			d.Done(nil)
		}
		time.Sleep(10 * time.Minute) // the ingest is full
		synctest.Wait()
		if acked.Load() != maxUnacknowledged || f.n.Load() != 1 {
			t.Errorf("%d acknowledged, %d connections: %s", acked.Load(), f.n.Load(), log)
		}
		in.taken = nil
		in.open.Store(true)
		time.Sleep(time.Second)
		synctest.Wait()
		if len(in.taken) != maxUnacknowledged {
			t.Errorf("%d taken when there was room again", len(in.taken))
		}
		cancel()
		for _, d := range in.taken {
			d.Done(nil)
		}
		if err := <-done; err != nil || acked.Load() != 2*maxUnacknowledged {
			t.Errorf("Run: %v, %d acknowledged before it ended", err, acked.Load())
		}
	})
}

func TestTwoClientsOfOneNameAreReported(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const report = "another client seems to connect under the name of our session"
		ctx, cancel := context.WithCancel(t.Context())
		var rival atomic.Bool
		rival.Store(true)
		f := &fake{serve: func(_ int64, c net.Conn) {
			if welcome(c) != nil {
				return
			}
			if rival.Load() { // it is back after a while
				time.AfterFunc(20*time.Second, func() { _ = c.Close() })
			}
			converse(c, nil, func(packets.ControlPacket) {})
		}}
		s, log := newFakeSession(t, f, &shy{})
		done := make(chan error)
		go func() { done <- s.Run(ctx) }()
		time.Sleep(50 * time.Second) // twice thrown out, which may be a restart
		synctest.Wait()
		if s.contested.Load() || strings.Contains(log.String(), report) {
			t.Errorf("reported too early: %s", log)
		}
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		if n := strings.Count(log.String(), report); !s.contested.Load() || n < 10 || n > 20 {
			t.Errorf("%d reports in ten minutes, contested %v: %s", n, s.contested.Load(), log)
		}
		rival.Store(false)
		time.Sleep(calm + time.Minute)
		synctest.Wait()
		if s.contested.Load() {
			t.Error("contested, though the other has gone")
		}
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

func TestAttemptsGetRarerAndAreSpreadByChance(t *testing.T) {
	t.Parallel()
	var h history
	lost := errors.New("refused")
	for i, most := range []time.Duration{1, 2, 4, 8, 16, 30, 30} {
		most *= time.Second
		if got := h.lost(0, lost); got < most/2 || got >= most {
			t.Errorf("attempt %d after %v, want %v to %v", i, got, most/2, most)
		}
	}
	if got := h.lost(calm-1, errClosed); got < lastReconnect/2 || h.thrown != 1 {
		t.Errorf("after a short success: %v and %+v", got, h)
	}
	if got := h.lost(calm, lost); got >= firstReconnect || h.thrown != 0 {
		t.Errorf("after a long success: %v and %+v", got, h)
	}
	waits := map[time.Duration]bool{}
	for range 20 {
		waits[(&history{wait: lastReconnect}).lost(0, lost)] = true
	}
	if len(waits) < 10 {
		t.Errorf("only %d different waits of 20", len(waits))
	}
}

// FuzzReadMessage compares what we read with paho's own decoder.
func FuzzReadMessage(f *testing.F) {
	seed := func(qos byte, topic, payload string) {
		var b bytes.Buffer
		p := packets.NewControlPacket(packets.Publish).(*packets.PublishPacket)
		p.Qos, p.MessageID, p.TopicName, p.Payload = qos, 0x1234, topic, []byte(payload)
		if err := p.Write(&b); err != nil {
			f.Fatal(err)
		}
		f.Add(b.Bytes())
	}
	seed(0, "a", "")
	seed(1, "thermarack/v1/hex/b827eb000001/readings", "[]")
	seed(1, "", strings.Repeat("x", 300))
	seed(1, strings.Repeat("x", 65535), "long topic")
	f.Add([]byte{0x32, 0xff, 0xff, 0xff, 0x7f, 0, 1, 'a', 0, 1})
	f.Add([]byte{0x32, 2, 0, 0})
	f.Fuzz(func(t *testing.T, sent []byte) {
		in := bufio.NewReaderSize(bytes.NewReader(sent), readBuffer)
		h, err := readHeader(in)
		if err != nil || h.MessageType != packets.Publish {
			return
		}
		got, err := readMessage(in, h)
		if err != nil {
			return
		}
		rest := bytes.NewReader(sent)
		theirs, err := packets.ReadPacket(rest)
		if err != nil {
			t.Fatalf("taken: %+v, by paho refused: %v", got, err)
		}
		p := theirs.(*packets.PublishPacket)
		kept := p.Payload[:min(len(p.Payload), ingest.MaxPayload+1)]
		if got.id != p.MessageID || got.topic != p.TopicName || got.retained != p.Retain || !bytes.Equal(got.payload, kept) {
			t.Errorf("got %.200v, paho reads %.200v", got, p)
		}
		if left, _ := io.Copy(io.Discard, in); left != int64(rest.Len()) {
			t.Errorf("%d bytes left, paho leaves %d", left, rest.Len())
		}
	})
}
