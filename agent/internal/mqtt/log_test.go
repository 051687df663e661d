package mqtt_test

import (
	"log/slog"
	"net"
	"strings"
	"testing"

	"github.com/eclipse/paho.mqtt.golang/packets"

	"thermarack/agent/internal/mqtt"
	"thermarack/agent/internal/mqtt/mqtttest"
	"thermarack/agent/internal/outbox"
)

// throwing is a broker that takes each client in if it is polite, and then throws it
// out, with a reset if it is not. It returns its address and a channel that tells of
// each.
func throwing(t *testing.T, polite bool) (addr string, thrown <-chan struct{}) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	out := make(chan struct{}, 100)
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			_, _ = packets.ReadPacket(conn)
			if polite {
				_ = packets.NewControlPacket(packets.Connack).Write(conn)
				_, _ = packets.ReadPacket(conn) // its status
			} else {
				_ = conn.(*net.TCPConn).SetLinger(0)
			}
			conn.Close()
			out <- struct{}{}
		}
	}()
	return l.Addr().String(), out
}

func TestABrokerThatThrowsTheNodeOutAgainAndAgainIsLoggedOnce(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		polite bool
		want   []string
	}{
		{"before it has taken it in", false, []string{"no connection"}},
		{"afterwards", true, []string{"connected", "no connection"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			addr, thrown := throwing(t, tt.polite)
			log := make(lines, 100)
			o := options("tcp://"+addr, outbox.New(outbox.DefaultLimit))
			o.Log = slog.New(slog.NewTextHandler(log, nil))
			stop := start(t, mqtt.New(o))
			for range 5 {
				<-thrown
			}
			stop()
			close(log)
			var got []string
			for line := range log {
				got = append(got, line)
			}
			if len(got) != len(tt.want) {
				t.Fatalf("%d lines, want %d:\n%s", len(got), len(tt.want), strings.Join(got, ""))
			}
			for i, text := range tt.want {
				if !strings.Contains(got[i], text) {
					t.Errorf("line %d is %s, want it to hold %q", i, got[i], text)
				}
			}
		})
	}
}

func TestAConnectionThatWorksAgainIsLogged(t *testing.T) {
	t.Parallel()
	broker, box, log := mqtttest.Start(t), outbox.New(outbox.DefaultLimit), make(lines, 100)
	broker.Require("secret")
	o := options(broker.URL(), box)
	o.Log = slog.New(slog.NewTextHandler(log, nil))
	start(t, mqtt.New(o))
	log.want(t, "refuses the name or password")
	broker.Require("")
	put(box, packs(0, 1))
	log.want(t, "msg=connected")
}
