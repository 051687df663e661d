package mqtt_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"io"
	"log/slog"
	"net"
	"sync"
	"testing"

	"github.com/eclipse/paho.mqtt.golang/packets"

	"thermarack/agent/wire"
	"thermarack/collector/internal/ingest"
	"thermarack/collector/internal/mqtt"
)

const inflight = 1000 // messages that the benchmark's broker lets be unacknowledged

// A mill commits at once what it is offered.
type mill chan ingest.Delivery

func (m mill) Offer(d ingest.Delivery) bool {
	select {
	case m <- d:
		return true
	default:
		return false
	}
}

func (m mill) run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case d := <-m:
			d.Done(nil)
		}
	}
}

// BenchmarkDrain takes messages of 700 bytes from a broker that has them ready.
func BenchmarkDrain(b *testing.B) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	defer listener.Close()
	m := make(mill, 16384)
	s, err := mqtt.NewSession(mqtt.SessionOptions{
		URL: "tcp://" + listener.Addr().String(), ClientID: "c", Filters: []string{wire.TopicFilter("")},
		Ingest: m, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(b.Context())
	var all sync.WaitGroup
	all.Go(func() { _ = s.Run(ctx) })
	all.Go(func() { m.run(ctx) })
	c, err := listener.Accept()
	if err != nil {
		b.Fatal(err)
	}
	defer func() { cancel(); c.Close(); all.Wait() }()
	in := bufio.NewReader(c)
	greet(b, c, in)
	credit := make(chan struct{}, inflight)
	b.ReportAllocs()
	b.ResetTimer()
	all.Go(func() { send(c, b.N, credit) })
	for i := range b.N {
		var ack [4]byte
		if _, err := io.ReadFull(in, ack[:]); err != nil {
			b.Fatal(err)
		}
		if got, want := binary.BigEndian.Uint16(ack[2:]), uint16(i%0xffff+1); ack[0] != 0x40 || got != want {
			b.Fatalf("acknowledgement %d is % x, want %d", i, ack, want)
		}
		<-credit
	}
	b.StopTimer()
}

// greet answers CONNECT and SUBSCRIBE.
func greet(b *testing.B, c net.Conn, in *bufio.Reader) {
	for _, answer := range [][]byte{{0x20, 2, 1, 0}, {0x90, 3, 0, 2, 1}} {
		p, err := packets.ReadPacket(in)
		if err != nil {
			b.Fatal(err)
		}
		if ask, ok := p.(*packets.SubscribePacket); ok {
			binary.BigEndian.PutUint16(answer[2:], ask.MessageID)
		}
		if _, err := c.Write(answer); err != nil {
			b.Fatal(err)
		}
	}
}

// send writes n messages, as fast as credit allows.
func send(c net.Conn, n int, credit chan<- struct{}) {
	var packet bytes.Buffer
	p := packets.NewControlPacket(packets.Publish).(*packets.PublishPacket)
	p.TopicName, p.Qos, p.Payload = topicOf(wire.KindReadings), 1, bytes.Repeat([]byte("x"), 700)
	_ = p.Write(&packet) // a buffer takes all
	id := packet.Len() - len(p.Payload) - 2
	out := bufio.NewWriterSize(c, 64<<10)
	for i := range n {
		select {
		case credit <- struct{}{}:
		default:
			_ = out.Flush() // an error shows where acknowledgements are read
			credit <- struct{}{}
		}
		binary.BigEndian.PutUint16(packet.Bytes()[id:], uint16(i%0xffff+1))
		_, _ = out.Write(packet.Bytes())
	}
	_ = out.Flush()
}
