package mqtt_test

import (
	"context"
	"iter"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/eclipse/paho.mqtt.golang/packets"
	"github.com/google/go-cmp/cmp"

	"thermarack/agent/internal/mqtt"
	"thermarack/agent/internal/mqtt/mqtttest"
	"thermarack/agent/internal/outbox"
	"thermarack/agent/wire"
)

// find returns a Find that yields targets.
func find(targets ...mqtt.Target) func(context.Context) iter.Seq[mqtt.Target] {
	return func(context.Context) iter.Seq[mqtt.Target] { return slices.Values(targets) }
}

// finding is options of a publisher that looks for its broker, and its log.
func finding(box *outbox.Box, targets ...mqtt.Target) (mqtt.Options, lines) {
	log := make(lines, 100)
	o := options("", box)
	o.Site, o.Find, o.Log = "", find(targets...), slog.New(slog.NewTextHandler(log, nil))
	return o, log
}

// nobody returns the address of a port that refuses.
func nobody(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func TestTheTopicsAreThoseOfTheSiteThatWasFound(t *testing.T) {
	t.Parallel()
	broker, box := mqtttest.Start(t), outbox.New(outbox.DefaultLimit)
	o, _ := finding(box, mqtt.Target{Broker: broker.URL(), Site: "found", Found: true})
	p := mqtt.New(o)
	if err := p.SetInventory(wire.Inventory{MAC: node}); err != nil {
		t.Fatal(err)
	}
	put(box, packs(0, 1))
	start(t, p)
	broker.Wait("the pack", func(m []mqtttest.Message) bool { return len(m) == 3 })
	broker.Cut(node)
	messages := broker.Wait("a last will", func(m []mqtttest.Message) bool {
		return slices.ContainsFunc(m, func(m mqtttest.Message) bool { return m.Will })
	})
	for _, m := range messages {
		if !strings.HasPrefix(m.Topic, "thermarack/v1/found/"+node+"/") {
			t.Errorf("a message to %s", m.Topic)
		}
	}
}

func TestTheNextBrokerIsTriedIfOneRefuses(t *testing.T) {
	t.Parallel()
	strict, broker, box := mqtttest.Start(t), mqtttest.Start(t), outbox.New(outbox.DefaultLimit)
	strict.Require("secret")
	o, _ := finding(box,
		mqtt.Target{Broker: "tcp://" + nobody(t), Site: "hex", Found: true},
		mqtt.Target{Broker: strict.URL(), Site: "hex", Found: true},
		mqtt.Target{Broker: broker.URL(), Site: "hex", Found: true},
	)
	put(box, packs(0, 1))
	start(t, mqtt.New(o))
	broker.Wait("the pack", func(m []mqtttest.Message) bool { return len(arrived(m, readings)) == 1 })
}

func TestNoOtherBrokerIsSoughtOnceOneTakesTheNode(t *testing.T) {
	t.Parallel()
	broker, box := mqtttest.Start(t), outbox.New(outbox.DefaultLimit)
	o, _ := finding(box)
	o.Find = func(context.Context) iter.Seq[mqtt.Target] {
		return func(yield func(mqtt.Target) bool) {
			if yield(mqtt.Target{Broker: broker.URL(), Site: "hex", Found: true}) {
				t.Error("another broker is sought")
			}
		}
	}
	put(box, packs(0, 1))
	stop := start(t, mqtt.New(o))
	broker.Wait("the pack", func(m []mqtttest.Message) bool { return len(arrived(m, readings)) == 1 })
	stop()
}

func TestABrokerThatTakesNothingDoesNotKeepTheNodeFromTheNext(t *testing.T) {
	t.Parallel()
	deaf, broker, box := mqtttest.Start(t), mqtttest.Start(t), outbox.New(outbox.DefaultLimit)
	deaf.Withhold(true)
	o, _ := finding(box,
		mqtt.Target{Broker: deaf.URL(), Site: "hex", Found: true},
		mqtt.Target{Broker: broker.URL(), Site: "hex", Found: true},
	)
	put(box, packs(0, 1))
	start(t, mqtt.New(o))
	deaf.Wait("the pack", func([]mqtttest.Message) bool { return len(arrived(deaf.Withheld(), readings)) == 1 })
	deaf.Cut(node)
	broker.Wait("the pack", func(m []mqtttest.Message) bool { return len(arrived(m, readings)) == 1 })
}

func TestTheLogSaysWhyEachBrokerDidNotTakeTheNode(t *testing.T) {
	t.Parallel()
	strict, box := mqtttest.Start(t), outbox.New(outbox.DefaultLimit)
	strict.Require("secret")
	refusing := nobody(t)
	o, log := finding(box,
		mqtt.Target{Broker: "tcp://" + refusing, Found: true},
		mqtt.Target{Broker: strict.URL(), Found: true},
	)
	start(t, mqtt.New(o))
	log.want(t, "tcp://"+refusing+": connect: dial tcp "+refusing+": connect: connection refused; "+
		strict.URL()+": connect: the broker refuses the name or password")

	o, log = finding(box)
	start(t, mqtt.New(o))
	log.want(t, "no broker was found; name one with --broker")
}

func TestTheLogSaysOnceWhyABetterBrokerWasPassedOver(t *testing.T) {
	t.Parallel()
	broker, box, refusing := mqtttest.Start(t), outbox.New(outbox.DefaultLimit), nobody(t)
	o, log := finding(box,
		mqtt.Target{Broker: "tcp://" + refusing, Site: "hex", Found: true},
		mqtt.Target{Broker: broker.URL(), Site: "hex", Found: true},
	)
	why := "tcp://" + refusing + ": connect: dial tcp " + refusing + ": connect: connection refused"
	put(box, packs(0, 1))
	start(t, mqtt.New(o))
	log.want(t, why)
	broker.Wait("the pack", func(m []mqtttest.Message) bool { return len(arrived(m, readings)) == 1 })
	broker.Cut(node)
	log.want(t, "msg=\"no connection to the broker\"")
	put(box, packs(1, 2))
	for line := ""; !strings.Contains(line, "msg=connected"); {
		if line = <-log; strings.Contains(line, why) {
			t.Fatalf("it is told again: %s", line)
		}
	}
}

// credentials are a name and a password.
func credentials(t *testing.T, password string) mqtt.Security {
	t.Helper()
	file := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(file, []byte(password), 0o600); err != nil {
		t.Fatal(err)
	}
	return mqtt.Security{Username: "pi", PasswordFile: file}
}

// greeting returns how the first client of a listener names itself.
func greeting(t *testing.T, l net.Listener) *packets.ConnectPacket {
	t.Helper()
	conn, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	packet, err := packets.ReadPacket(conn)
	if err != nil {
		t.Fatal(err)
	}
	return packet.(*packets.ConnectPacket)
}

func TestANameAndAPasswordAreForBrokersThatWereNamed(t *testing.T) {
	t.Parallel()
	for _, found := range []bool{false, true} {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		o, log := finding(outbox.New(outbox.DefaultLimit), mqtt.Target{Broker: "tcp://" + l.Addr().String(), Site: "hex", Found: found})
		o.Security = credentials(t, "secret")
		start(t, mqtt.New(o))
		for range 2 {
			got := greeting(t, l)
			shown := got.UsernameFlag || got.PasswordFlag || got.Username != "" || len(got.Password) > 0
			if shown == found {
				t.Errorf("found %v: the broker is shown %q and %q", found, got.Username, got.Password)
			}
		}
		told := 0
		for len(log) > 0 {
			if strings.Contains(<-log, "no name, password or certificate for a broker that was found") {
				told++
			}
		}
		if found && told != 1 || !found && told != 0 {
			t.Errorf("found %v: it is told %d times", found, told)
		}
	}
}

func TestABrokerThatWasFoundProvesItselfBeforeItIsShownAnything(t *testing.T) {
	t.Parallel()
	broker := mqtttest.Start(t)
	broker.Require("secret")
	addr, authority := front(t, broker) // whose certificate is for example.com
	ca := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(ca, authority, 0o600); err != nil {
		t.Fatal(err)
	}
	target := func(host string) mqtt.Target {
		at := netip.MustParseAddrPort(addr)
		_, port, _ := net.SplitHostPort(addr)
		return mqtt.Target{Broker: "ssl://" + net.JoinHostPort(host, port), Site: "hex", Found: true, Addresses: []netip.AddrPort{at}}
	}
	run := func(target mqtt.Target, ca string) (*outbox.Box, lines) {
		box := outbox.New(outbox.DefaultLimit)
		o, log := finding(box, target)
		o.Security = credentials(t, "secret")
		o.Security.CA = ca
		put(box, packs(0, 1))
		start(t, mqtt.New(o))
		return box, log
	}

	_, log := run(target("evil.example"), ca)
	log.want(t, "certificate is valid for example.com, *.example.com, not evil.example")
	_, log = run(target("example.com"), "")
	log.want(t, "certificate signed by unknown authority")
	if n := len(broker.Messages()); n > 0 {
		t.Fatalf("%d messages have come", n)
	}
	run(target("example.com"), ca)
	got := broker.Wait("the pack", func(m []mqtttest.Message) bool { return len(arrived(m, readings)) == 1 })
	if diff := cmp.Diff(packs(0, 1), arrived(got, readings)); diff != "" {
		t.Errorf("packs (-want +got):\n%s", diff)
	}
}

func TestTheNextAddressIsTriedIfOneRefuses(t *testing.T) {
	t.Parallel()
	broker, box := mqtttest.Start(t), outbox.New(outbox.DefaultLimit)
	o, _ := finding(box, mqtt.Target{
		Broker: "tcp://nowhere.local:1883", Site: "hex", Found: true,
		Addresses: []netip.AddrPort{netip.MustParseAddrPort(nobody(t)), netip.MustParseAddrPort(broker.Addr())},
	})
	put(box, packs(0, 1))
	p := mqtt.New(o)
	if got := p.State(); got.Connected || got.Acks != 0 {
		t.Errorf("state before the start: %+v", got)
	}
	stop := start(t, p)
	broker.Wait("the pack", func(m []mqtttest.Message) bool { return len(arrived(m, readings)) == 1 })
	stop()
	if got := p.State(); got.Connected || got.Acks != 1 {
		t.Errorf("state after the stop: %+v, want one pack acknowledged", got)
	}
}
