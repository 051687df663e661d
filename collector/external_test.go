package main_test

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	paho "github.com/eclipse/paho.mqtt.golang"
)

// A mosquitto is Debian's broker with the configuration that we ship.
type mosquitto struct {
	*daemon
	port int
	file string
}

func (m *mosquitto) addr() string { return fmt.Sprintf("127.0.0.1:%d", m.port) }
func (m *mosquitto) url() string  { return "tcp://" + m.addr() }

// newMosquitto starts a broker. more is said after what we ship, which has no
// port and no place to keep things.
func newMosquitto(t *testing.T, more string) *mosquitto {
	t.Helper()
	shipped, err := filepath.Abs("../deploy/mosquitto")
	if err != nil {
		t.Fatal(err)
	}
	m := &mosquitto{port: freePort(t), file: filepath.Join(t.TempDir(), "mosquitto.conf")}
	text := fmt.Sprintf("persistence_location %s/\nlistener %d 127.0.0.1\ninclude_dir %s\n%s\n", t.TempDir(), m.port, shipped, more)
	if !strings.Contains(more, "allow_anonymous") {
		text += "allow_anonymous true\n"
	}
	if os.Getuid() == 0 {
		text += "user root\n" // else it cannot write there
	}
	write(t, m.file, text)
	m.start(t)
	return m
}

// start runs it, on the same port every time.
func (m *mosquitto) start(t *testing.T) {
	t.Helper()
	m.daemon = start(t, false, "/usr/sbin/mosquitto", "-c", m.file)
	until(t, 10*time.Second, "mosquitto listens", func() bool {
		conn, err := net.Dial("tcp", m.addr())
		if err == nil {
			conn.Close()
		}
		return err == nil
	})
}

// startOn runs a collector that is subscribed at the broker.
func startOn(t *testing.T, m *mosquitto, args ...string) *collector {
	t.Helper()
	c := startCollector(t, "serve", append([]string{"--broker", m.url()}, args...)...)
	c.untilMetric(t, "thermarack_mqtt_session_connected 1")
	return c
}

// untilMetric waits for a line of /metrics.
func (c *collector) untilMetric(t *testing.T, line string) {
	t.Helper()
	until(t, 20*time.Second, line, func() bool { return c.hasMetric(t, line) })
}

func (c *collector) hasMetric(t *testing.T, line string) bool {
	t.Helper()
	return bytes.Contains(c.get(t, "/metrics"), []byte("\n"+line+"\n"))
}

// backlogOf returns senders whose messages are a minute apart, of the last hours.
func backlogOf(senders, messages int) []*sender {
	var all []*sender
	for i := range senders {
		all = append(all, &sender{
			node: fmt.Sprintf("b827eb00%04x", i+1), devices: 2, count: messages, window: 100,
			begin: time.Now().Truncate(time.Second).Add(-time.Duration(messages) * time.Second), step: time.Second,
		})
	}
	return all
}

// acknowledged waits until the broker has acknowledged everything.
func (f *fleet) acknowledged(t *testing.T, limit time.Duration) {
	t.Helper()
	until(t, limit, "the broker has acknowledged everything", func() bool {
		for _, s := range f.senders {
			if !s.done() {
				return false
			}
		}
		return true
	})
}

// arrived waits until c has the last message of every sender. Those before it are
// there then, for messages of one node keep their order.
func (f *fleet) arrived(t *testing.T, c *collector, limit time.Duration) {
	t.Helper()
	until(t, limit, "the last message of every sender is stored", func() bool {
		for _, s := range f.senders {
			last := s.stamp(s.count - 1)
			if _, ok := c.points(t, s.device(0)+":temperature", last)[last.UnixMilli()]; !ok {
				return false
			}
		}
		return true
	})
}

// While the collector is away, and when it is stopped and killed in the middle of
// what it finds afterwards, a broker with the configuration that we ship loses
// nothing.
func TestMosquittoAsShippedKeepsWhatTheCollectorMisses(t *testing.T) {
	needs(t, "/usr/sbin/mosquitto")
	m, data := newMosquitto(t, ""), t.TempDir()
	startOn(t, m, "--data", data).stop()

	begin := time.Now()
	fleet := send(t, m.addr(), backlogOf(20, 2000)...)
	fleet.acknowledged(t, time.Minute)
	t.Logf("%d messages in %v", fleet.acks(), time.Since(begin).Round(time.Millisecond))

	for _, end := range []func(*daemon){(*daemon).stop, (*daemon).kill} {
		c := startOn(t, m, "--data", data)
		until(t, 20*time.Second, "some are stored", func() bool { return !c.hasMetric(t, "thermarack_ingest_stored_total 0") })
		end(c.daemon)
	}
	c := startOn(t, m, "--data", data)
	fleet.arrived(t, c, time.Minute)
	fleet.check(t, c)
}

// mosquitto is restarted and the collector killed while messages come.
func TestARestartOfMosquittoLosesNothingThatItKeeps(t *testing.T) {
	needs(t, "/usr/sbin/mosquitto")
	m, data := newMosquitto(t, ""), t.TempDir()
	c := startOn(t, m, "--data", data)
	senders := backlogOf(10, 600)
	for _, s := range senders {
		s.pace = 5 * time.Millisecond
	}
	fleet := send(t, m.addr(), senders...)
	until(t, 20*time.Second, "a thousand acknowledgements", func() bool { return fleet.acks() > 1000 })
	m.stop() // it writes what it has
	m.start(t)
	until(t, 20*time.Second, "two thousand acknowledgements", func() bool { return fleet.acks() > 2000 })
	c.kill()
	c = startOn(t, m, "--data", data)
	fleet.acknowledged(t, time.Minute)
	fleet.arrived(t, c, time.Minute)
	fleet.check(t, c)
	if c.hasMetric(t, "thermarack_mqtt_session_forgotten_total 1") {
		t.Error("the session is said to be lost")
	}
}

func TestABrokerThatForgetsTheSessionIsReported(t *testing.T) {
	needs(t, "/usr/sbin/mosquitto")
	m := newMosquitto(t, "persistence false")
	c := startOn(t, m)
	m.kill()
	c.untilMetric(t, "thermarack_mqtt_session_connected 0")
	if c.status(t, "/readyz") == 200 {
		t.Error("it is ready without a broker")
	}
	m.start(t)
	c.untilMetric(t, "thermarack_mqtt_session_connected 1")
	fleet := send(t, m.addr(), backlogOf(1, 1)...)
	fleet.arrived(t, c, 20*time.Second)
	c.untilMetric(t, "thermarack_mqtt_session_forgotten_total 1")
	c.stop()
	if !strings.Contains(c.stderr.String(), "has lost our session") {
		t.Errorf("the log does not say so:\n%s", c.stderr)
	}
}

// Nothing that anybody may have left on a broker comes back for ever.
func TestRubbishOnTheBrokerIsCountedAndGone(t *testing.T) {
	needs(t, "/usr/sbin/mosquitto")
	m, data := newMosquitto(t, ""), t.TempDir()
	client := dial(t, m.addr(), "vandal")
	retain := func(topic string, payload any) {
		if token := client.Publish(topic, 1, true, payload); !token.WaitTimeout(10*time.Second) || token.Error() != nil {
			t.Fatal(token.Error())
		}
	}
	retain("thermarack/v1/hex/b827eb0000ee/readings", "21.5 degrees")
	retain("thermarack/v1/hex/b827eb0000ee/status", `{"online":`)
	retain("thermarack/v1/hex/b827eb0000ee/inventory", bytes.Repeat([]byte("x"), 1<<20))
	retain("thermarack/v1/hex/pi-7/readings", "[]")
	retain("thermarack/v1/hex/b827eb000001/status", fmt.Sprintf(`{"online":true,"boot":"5f0c9a1e","t":%d}`, time.Now().Unix()))
	for _, s := range backlogOf(2, 50) { // retained messages come at each subscription
		c := startOn(t, m, "--data", data)
		c.untilMetric(t, `thermarack_ingest_rejected_total{reason="payload"} 3`)
		c.untilMetric(t, `thermarack_ingest_rejected_total{reason="topic"} 1`)
		c.untilMetric(t, "thermarack_mqtt_session_unacknowledged 0")
		until(t, 10*time.Second, "the retained status", func() bool {
			return strings.Contains(string(c.get(t, "/api/v1/nodes")), `"b827eb000001"`)
		})
		fleet := send(t, m.addr(), s)
		fleet.arrived(t, c, 20*time.Second)
		fleet.check(t, c)
		for _, line := range []string{
			`thermarack_ingest_rejected_total{reason="payload"} 3`,
			"thermarack_mqtt_session_losses_total 0",
		} {
			if !c.hasMetric(t, line) {
				t.Errorf("/metrics lacks %s", line)
			}
		}
		c.stop()
	}
}

// A data directory was copied, and with it the name of the session.
func TestTwoCollectorsOfOneSessionSaySo(t *testing.T) {
	needs(t, "/usr/sbin/mosquitto")
	m, data, copied := newMosquitto(t, ""), t.TempDir(), t.TempDir()
	first := startOn(t, m, "--data", data)
	name, err := os.ReadFile(filepath.Join(data, "mqtt-client-id"))
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(copied, "mqtt-client-id"), string(name))
	second := startOn(t, m, "--data", copied)
	const contested = "thermarack_mqtt_session_contested 1"
	until(t, 30*time.Second, contested, func() bool { return first.hasMetric(t, contested) && second.hasMetric(t, contested) })
	second.stop()
	first.untilMetric(t, "thermarack_mqtt_session_connected 1")
	if !strings.Contains(second.stderr.String(), "another client seems to connect under the name of our session") {
		t.Errorf("the log does not say so:\n%s", second.stderr)
	}
	fleet := send(t, m.addr(), backlogOf(1, 10)...)
	fleet.arrived(t, first, 40*time.Second)
}

// A collector that took all sites takes one only after its configuration says so,
// though the broker remembers the wider subscription.
func TestANarrowerSiteWithdrawsTheWiderSubscription(t *testing.T) {
	needs(t, "/usr/sbin/mosquitto")
	m, data := newMosquitto(t, ""), t.TempDir()
	startOn(t, m, "--data", data).stop()
	config := filepath.Join(t.TempDir(), "collector.yaml")
	write(t, config, "site: [hex, lab]\n")
	c := startOn(t, m, "--data", data, "--config", config)
	client := dial(t, m.addr(), "b827eb000001")
	for _, site := range []string{"attic", "hex", "lab"} {
		publish(t, client, "thermarack/v1/"+site+"/b827eb000001/readings",
			fmt.Sprintf(`[{"bt":%d,"n":"urn:dev:mac:b827ebfffe000001_%s:temperature","u":"Cel","v":21}]`, time.Now().Unix(), site))
	}
	c.untilMetric(t, "thermarack_ingest_stored_total 2")
	if c.status(t, "/api/v1/series?sensor=urn:dev:mac:b827ebfffe000001_attic:temperature") != 404 {
		t.Error("a reading of a site that is not wanted is stored")
	}
}

// Whoever looks on at the embedded broker sees what is stored, and the status of
// before.
func TestAPlainSubscriberOfTheEmbeddedBrokerSeesEverything(t *testing.T) {
	needs(t)
	c := startCollector(t, "serve", "--mqtt", "127.0.0.1:0")
	agent := dial(t, c.MQTT, "b827eb000001")
	status := agent.Publish("thermarack/v1/hex/b827eb000001/status", 1, true, `{"online":true,"boot":"5f0c9a1e","t":1767355200}`)
	if !status.WaitTimeout(10*time.Second) || status.Error() != nil {
		t.Fatal(status.Error())
	}
	seen := make(chan string, 200)
	token := dial(t, c.MQTT, "onlooker").Subscribe("thermarack/v1/#", 1, func(_ paho.Client, m paho.Message) { seen <- m.Topic() })
	if !token.WaitTimeout(10*time.Second) || token.Error() != nil {
		t.Fatal(token.Error())
	}
	send(t, c.MQTT, &sender{node: "b827eb000002", devices: 1, count: 100, window: 10, begin: time.Now().Add(-time.Hour), step: time.Second})
	for i := range 101 {
		want := "thermarack/v1/hex/b827eb000002/readings"
		if i == 0 {
			want = "thermarack/v1/hex/b827eb000001/status"
		}
		select {
		case got := <-seen:
			if got != want {
				t.Errorf("message %d is of %s, want %s", i, got, want)
			}
		case <-time.After(20 * time.Second):
			t.Fatalf("%d of 101 messages seen", i)
		}
	}
}
