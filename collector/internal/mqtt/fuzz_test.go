package mqtt_test

import (
	"context"
	"crypto/rand"
	"errors"
	"io"
	"log/slog"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/eclipse/paho.mqtt.golang/packets"

	"thermarack/collector/internal/ingest"
	"thermarack/collector/internal/mqtt"
	"thermarack/collector/internal/store"
)

// FuzzConnection says anything to a broker, before or after an orderly hello. It
// must answer or hang up, and serve its other clients as before.
func FuzzConnection(f *testing.F) {
	for _, said := range []string{
		"",
		"GET / HTTP/1.1\r\n\r\n",
		"\x10\x0d\x00\x04MQTT\x04\x02\x00\x3c\x00\x01a",     // a hello
		"\x10\x0f\x00\x06MQIsdp\x03\x02\x00\x3c\x00\x01a",   // an old one
		"\x10\x0e\x00\x04MQTT\x05\x02\x00\x3c\x00\x00\x01a", // a new one
		"\x10\x16\x00\x04MQTT\x04\xee\x00\x3c\x00\x01a\x00\x01w\x00\x02{}\x00\x01u\x00\x01p",
		"\x10\xff\xff\xff\x7f",     // a very long one
		"\x10\xff\xff\xff\xff\x7f", // with a length that is none
		"\x32\x2d\x00\x27thermarack/v1/hex/b827eb000001/readings\x00\x01[]", // a message
		"\x30\x02\x00\x00",                  // without a topic
		"\x32\x05\x00\x01a\x00\x00",         // without an id
		"\x34\x07\x00\x01a\x00\x01{}",       // QoS 2
		"\x36\x07\x00\x01a\x00\x01{}",       // QoS 3
		"\x30\x07\x00\x05$SYS/",             // to the broker itself
		"\x30\x03\x00\x01#",                 // to everybody
		"\x31\x06\x00\x02\xff\xfe{}",        // not UTF-8, retained
		"\x82\x06\x00\x01\x00\x01#\x01",     // a subscription
		"\x82\x0a\x00\x01\x00\x05+/#/+\x01", // of nothing
		"\x82\x10\x00\x01\x00\x0b$share/g/#/\x01",
		"\xa2\x05\x00\x01\x00\x01#", "\xc0\x00", "\xe0\x00", "\x40\x02\x00\x01", "\x50\x02\x00\x01", "\x62\x02\x00\x01", "\x70\x02\x00\x01", "\xf0\x00", "\x00\x00",
	} {
		f.Add(false, []byte(said))
		f.Add(true, []byte(said))
	}
	addr := startServing(f)
	other := meet(f, addr)
	f.Fuzz(func(t *testing.T, hello bool, said []byte) {
		conn, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if err := conn.SetDeadline(time.Now().Add(limit)); err != nil {
			t.Fatal(err)
		}
		if hello {
			if err := introduce(conn, rand.Text()); err != nil {
				t.Fatal(err)
			}
		}
		// Who does not like what it hears may hang up in the middle of it.
		_, _ = conn.Write(said)
		_ = conn.(*net.TCPConn).CloseWrite()
		var timeout net.Error
		if _, err := io.Copy(io.Discard, conn); errors.As(err, &timeout) && timeout.Timeout() {
			t.Errorf("the broker does not hang up after %q", said)
		}
		other.isServed(t)
	})
}

// startServing runs a broker with a store that takes everything, and returns
// where it listens.
func startServing(f *testing.F) (addr string) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		f.Fatal(err)
	}
	log := slog.New(slog.DiscardHandler)
	in := ingest.New(ingest.Options{Store: sink{}, Log: log})
	broker, err := mqtt.NewBroker(mqtt.BrokerOptions{Listener: listener, Ingest: in, Log: log})
	if err != nil {
		f.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var all sync.WaitGroup
	for _, run := range []func(context.Context) error{in.Run, broker.Run} {
		all.Go(func() {
			if err := run(ctx); err != nil {
				f.Error(err)
			}
		})
	}
	f.Cleanup(func() {
		cancel()
		all.Wait()
	})
	return listener.Addr().String()
}

// A sink takes all samples and keeps none.
type sink struct{}

func (sink) Append(context.Context, []store.Sample) ([]store.Refusal, error) { return nil, nil }

// introduce says an orderly hello.
func introduce(conn net.Conn, id string) error {
	hello := packets.NewControlPacket(packets.Connect).(*packets.ConnectPacket)
	hello.ProtocolName, hello.ProtocolVersion, hello.CleanSession = "MQTT", 4, true
	hello.ClientIdentifier, hello.Keepalive = id, 60
	if err := hello.Write(conn); err != nil {
		return err
	}
	_, err := packets.ReadPacket(conn)
	return err
}

// A bystander is an orderly client.
type bystander struct{ net.Conn }

func meet(f *testing.F, addr string) bystander {
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { conn.Close() })
	if err := introduce(conn, rand.Text()); err != nil {
		f.Fatal(err)
	}
	return bystander{conn}
}

// isServed publishes a reading and waits for its acknowledgement.
func (b bystander) isServed(t *testing.T) {
	t.Helper()
	p := packets.NewControlPacket(packets.Publish).(*packets.PublishPacket)
	p.Qos, p.MessageID, p.TopicName, p.Payload = 1, 7, topicOf("readings"), reading(1)
	if err := errors.Join(b.SetDeadline(time.Now().Add(limit)), p.Write(b)); err != nil {
		t.Fatalf("another client is cut off: %v", err)
	}
	got, err := packets.ReadPacket(b)
	if ack, ok := got.(*packets.PubackPacket); err != nil || !ok || ack.MessageID != 7 {
		t.Fatalf("another client is answered %v, %v", got, err)
	}
}
