package benchload_test

import (
	"context"
	"errors"
	"net"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/eclipse/paho.mqtt.golang/packets"
	"github.com/google/go-cmp/cmp"

	"thermarack/agent/wire"
	"thermarack/collector/internal/benchload"
)

var noon = time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)

// A broker acknowledges, but hangs up on each connection before it has
// acknowledged more than patience messages.
type broker struct {
	patience int

	mu         sync.Mutex
	got        map[string]int // payloads
	duplicates int
	hungUp     int
}

// serve answers connections until the listener is closed.
func (b *broker) serve(t *testing.T) (addr string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var served sync.WaitGroup
	served.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			served.Go(func() { b.talk(conn) })
		}
	})
	t.Cleanup(func() {
		listener.Close()
		served.Wait()
	})
	return listener.Addr().String()
}

func (b *broker) talk(conn net.Conn) {
	defer conn.Close()
	for said := 0; ; {
		p, err := packets.ReadPacket(conn)
		if err != nil {
			return
		}
		switch p := p.(type) {
		case *packets.ConnectPacket:
			_ = packets.NewControlPacket(packets.Connack).Write(conn)
		case *packets.PublishPacket:
			if said == b.patience {
				b.count(func() { b.hungUp++ })
				return
			}
			said++
			b.count(func() {
				b.got[string(p.Payload)]++
				if p.Dup {
					b.duplicates++
				}
			})
			ack := packets.NewControlPacket(packets.Puback).(*packets.PubackPacket)
			ack.MessageID = p.MessageID
			_ = ack.Write(conn)
		}
	}
}

func (b *broker) count(f func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	f()
}

func TestEveryMessageIsAcknowledgedThoughTheBrokerHangsUp(t *testing.T) {
	t.Parallel()
	b := &broker{patience: 40, got: map[string]int{}}
	load, err := benchload.New(benchload.Plan{
		Agents: 10, Connections: 3, Rounds: 20, First: noon, Interval: 10 * time.Second, Encode: benchload.SenML,
	})
	if err != nil {
		t.Fatal(err)
	}
	addr := b.serve(t)
	if err := load.Connect(t.Context(), addr); err != nil {
		t.Fatal(err)
	}
	if err := load.Publish(t.Context(), 0); err != nil {
		t.Fatal(err)
	}
	if err := load.Close(); err != nil {
		t.Error(err)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if load.Acknowledged() != 200 || len(b.got) != 200 {
		t.Errorf("%d acknowledged, %d arrived, want 200", load.Acknowledged(), len(b.got))
	}
	if b.hungUp == 0 || b.duplicates == 0 {
		t.Errorf("the broker hung up %d times and got %d duplicates: nothing was tested", b.hungUp, b.duplicates)
	}
}

func TestPublishSaysHowFarItCame(t *testing.T) {
	t.Parallel()
	b := &broker{patience: 5, got: map[string]int{}}
	load, err := benchload.New(benchload.Plan{Agents: 5, Connections: 1, Rounds: 2, First: noon, Encode: benchload.FlatJSON})
	if err != nil {
		t.Fatal(err)
	}
	if err := load.Connect(t.Context(), b.serve(t)); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	err = load.Publish(ctx, 20) // the last is due after 450 ms
	if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "of 10 messages acknowledged") {
		t.Errorf("err = %v", err)
	}
}

func TestAPlanThatCannotBeIsRefused(t *testing.T) {
	t.Parallel()
	for _, plan := range []benchload.Plan{
		{Agents: 1, Connections: 2, Rounds: 1},
		{Agents: 1, Rounds: 1},
		{Agents: 1, Connections: 1},
		{Agents: 1000, Connections: 1, Rounds: 100},
	} {
		plan.Encode = benchload.SenML
		if _, err := benchload.New(plan); err == nil {
			t.Errorf("%+v is accepted", plan)
		}
	}
}

func TestEncodingsHoldTheReport(t *testing.T) {
	t.Parallel()
	r := benchload.Report{
		Agent: 41, Round: 6, Time: noon, Probes: [6]float64{21, 22.0625, 23.5, 24, 25, 26.9375},
		SoC: 48.312, Humidity: 41.2275883, Pressure: 101325.4321, Speed: 50.5,
	}
	tests := []struct {
		name   string
		encode benchload.Encoding
		want   benchload.Message
	}{
		{"flat JSON", benchload.FlatJSON, benchload.Message{Topic: "env/a00041/r", Payload: []byte(
			`{"ts":1767355200000,"t1":21,"t2":22.0625,"t3":23.5,"t4":24,"t5":25,"t6":26.9375,"soc":48.3,"rh":41.2,"hpa":1013.3,"rpm":3030}`)}},
		{"line protocol", benchload.LineProtocol, benchload.Message{Topic: "env/a00041/r", Payload: []byte(
			`env t1=21,t2=22.0625,t3=23.5,t4=24,t5=25,t6=26.9375,soc=48.3,rh=41.2,hpa=1013.3,rpm=3030 1767355200000000000`)}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := tt.encode(r)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

func TestAPackIsWhatACollectorTakes(t *testing.T) {
	t.Parallel()
	m, err := benchload.SenML(benchload.Report{Agent: 41, Time: noon, Pressure: 101325, Speed: 50.5, Probes: [6]float64{20, 21, 22, 23, 24, 25}})
	if err != nil {
		t.Fatal(err)
	}
	topic, err := wire.ParseTopic(m.Topic)
	if err != nil || topic.Node != benchload.Node(41) {
		t.Errorf("topic %+v, %v", topic, err)
	}
	readings, bad, err := wire.DecodePack(m.Payload, noon)
	if err != nil || len(bad) > 0 {
		t.Fatal(bad, err)
	}
	var names []string
	for _, r := range readings {
		names = append(names, r.Name())
		if !r.Time.Equal(noon) {
			t.Errorf("%s is of %v", r.Name(), r.Time)
		}
	}
	device := topic.Node.Device("")
	want := append(benchload.Devices(41), device+":seq", device+":boot")
	if diff := cmp.Diff(want, names); diff != "" {
		t.Errorf("names (-want +got)\n%s", diff)
	}
}

// What only benchmarks need is in no program.
func TestNoProgramHoldsTheLoad(t *testing.T) {
	t.Parallel()
	out, err := exec.CommandContext(t.Context(), "go", "list", "-deps", "thermarack/agent", "thermarack/collector").Output()
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(out), "benchload") {
		t.Error("a program imports benchload")
	}
}
