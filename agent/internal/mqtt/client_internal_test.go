package mqtt

import (
	"bytes"
	"context"
	"io"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/eclipse/paho.mqtt.golang/packets"

	"thermarack/agent/internal/outbox"
)

func TestAQuietConnectionIsAskedAndLeftIfNobodyAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ours, theirs := net.Pipe()
		p := New(Options{Box: outbox.New(outbox.DefaultLimit)})
		s := &session{
			link: link{client: newClient(ours)}, p: p,
			deaf: time.NewTimer(time.Hour), quiet: time.NewTimer(pingAfter),
		}
		s.deaf.Stop()
		s.patience = time.Second
		end := s.listenAside()
		defer end()
		ended, start := make(chan error), time.Now()
		go func() { ended <- s.serve(t.Context()) }()

		for i := range 3 {
			packet, err := packets.ReadPacket(theirs)
			if _, ok := packet.(*packets.PingreqPacket); !ok || err != nil {
				t.Fatalf("got %v %v, want a PINGREQ", packet, err)
			}
			if at := time.Since(start); at != time.Duration(i+1)*pingAfter {
				t.Errorf("PINGREQ %d after %v", i+1, at)
			}
			if i < 2 {
				_ = packets.NewControlPacket(packets.Pingresp).Write(theirs)
			}
		}
		go func() { _, _ = io.Copy(io.Discard, theirs) }()
		if err := <-ended; err == nil || !strings.Contains(err.Error(), "acknowledged nothing for 30s") {
			t.Errorf("ended with %v", err)
		}
		if took := time.Since(start); took != 3*pingAfter+ackTimeout {
			t.Errorf("left after %v", took)
		}
	})
}

func TestWhatIsNoMQTTBrokerIsNamed(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, answer, want string }{
		{"nothing", "", "closes the connection"},
		{"half an answer", "\x20\x02\x00", "unexpected EOF"},
		{"a web server", "HTTP/1.1 400 Bad Request\r\n\r\n", "nobody asked for"},
		{"an acknowledgement first", "\x40\x02\x00\x01", "no MQTT broker"},
		{"an unknown refusal", "\x20\x02\x00\x09", "refuses with code 9"},
		{"a refusal", "\x20\x02\x00\x05", "not Authorized"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			ours, theirs := net.Pipe()
			go func() {
				_, _ = packets.ReadPacket(theirs)
				_, _ = io.WriteString(theirs, tt.answer)
				theirs.Close()
			}()
			hello := packets.NewControlPacket(packets.Connect).(*packets.ConnectPacket)
			_, err := introduce(ours, hello, time.Now().Add(time.Minute))
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want it to hold %q", err, tt.want)
			}
		})
	}
}

func TestAnAnswerToNothingEndsTheConnection(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"\x30\x02\x00\x00", "\x40\x01\x00", "\x90\x03", "\xe0\x00"} {
		ours, theirs := net.Pipe()
		c := newClient(ours)
		go func() { _, _ = io.WriteString(theirs, text) }()
		if h := c.hear(); h.err == nil {
			t.Errorf("%x is taken for %+v", text, h)
		}
	}
}

func TestPacketIdsAreNeverZero(t *testing.T) {
	t.Parallel()
	ours, theirs := net.Pipe()
	go func() { _, _ = io.Copy(io.Discard, theirs) }()
	c := newClient(ours)
	c.last = 65534
	for _, want := range []uint16{65535, 1} {
		if id, err := c.publish(message{topic: "t"}, true); id != want || err != nil {
			t.Errorf("got %d %v, want %d", id, err, want)
		}
	}
}

// A broker that does not read costs a write its patience, unless all before it was
// read and the kernel takes it.
func TestAWriteIsBoundedWhereItMayBlock(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		m      message
		alone  bool
		within bool
	}{
		{"a pack alone", message{payload: make([]byte, light)}, true, false},
		{"a pack behind others", message{payload: make([]byte, light)}, false, true},
		{"a large pack", message{payload: make([]byte, light+1)}, true, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			conn := &clocked{}
			c := newClient(conn)
			c.patience = time.Minute
			if _, err := c.publish(message{}, false); err != nil {
				t.Fatal(err)
			}
			if _, err := c.publish(tt.m, tt.alone); err != nil {
				t.Fatal(err)
			}
			if conn.deadline.IsZero() == tt.within {
				t.Errorf("the write had the deadline %v", conn.deadline)
			}
		})
	}
}

// What a connection begins with is not waited for, and may still be on its way.
func TestTheFirstPackIsBoundedUntilTheBrokerHasReadWhatCameBefore(t *testing.T) {
	t.Parallel()
	conn := &clocked{}
	box := outbox.New(outbox.DefaultLimit)
	s := &session{
		link: link{client: newClient(conn)}, p: New(Options{Box: box}),
		deaf: time.NewTimer(time.Hour), quiet: time.NewTimer(time.Hour),
	}
	s.patience = time.Minute
	if err := s.announce(); err != nil {
		t.Fatal(err)
	}
	for _, bounded := range []bool{true, false} {
		box.Put([]byte("[]"))
		if err := s.send(); err != nil {
			t.Fatal(err)
		}
		if conn.deadline.IsZero() == bounded {
			t.Errorf("the write had the deadline %v, want one: %v", conn.deadline, bounded)
		}
		for packet := uint16(1); packet <= s.last; packet++ {
			if err := s.hear(heard{id: packet}); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// A clocked connection remembers the deadline of the last write.
type clocked struct {
	net.Conn
	set, deadline time.Time
}

func (c *clocked) SetWriteDeadline(at time.Time) error {
	c.set = at
	return nil
}

func (c *clocked) Write(p []byte) (int, error) {
	c.deadline = c.set
	return len(p), nil
}

// Whatever a broker sends is taken for an answer only if it is one, and no more of
// it is read.
func FuzzAnswer(f *testing.F) {
	for _, seed := range []string{"\x20\x02\x00\x00", "\x40\x02\x12\x34", "\xd0\x00", "\x32\xff\xff\xff\x7f", ""} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		r := bytes.NewReader(text)
		kind, body, err := answer(r)
		if err != nil {
			return
		}
		if len(body) > 2 || kind != text[0]>>4 || r.Len() != len(text)-2-len(body) {
			t.Errorf("%x: kind %d, body %x, %d bytes left", text, kind, body, r.Len())
		}
	})
}

// A broker that takes the connection and says nothing does not hold up a stop.
func TestAStopIsNotHeldUpByAHandshake(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		conn, err := l.Accept()
		if err == nil {
			_, _ = packets.ReadPacket(conn)
			cancel()
		}
	}()
	p := New(Options{Box: outbox.New(outbox.DefaultLimit)})
	if _, err := p.open(ctx, Target{Broker: "tcp://" + l.Addr().String()}); err == nil || ctx.Err() == nil {
		t.Errorf("got %v", err)
	}
}
