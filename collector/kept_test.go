package main_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// A nodeLine is a node as /api/v1/nodes lists it, as far as we look at it.
type nodeLine struct {
	Node, Model, Agent string
	Online             *bool
	Rejected           map[string]int
}

func nodeLines(t *testing.T, c *collector) []nodeLine {
	t.Helper()
	var answer struct{ Nodes []nodeLine }
	c.decode(t, "/api/v1/nodes", &answer)
	return answer.Nodes
}

const stray = "urn:dev:ow:28ff0000000000aa" // a probe that no layout knows

func sayTemperature(device string, celsius float64) string {
	return fmt.Sprintf(`[{"bt":%d,"n":"%s:temperature","u":"Cel","v":%g}]`, time.Now().Unix(), device, celsius)
}

func TestNodesAndTheirSensorsAreKnownAfterAKill(t *testing.T) {
	needs(t)
	data := t.TempDir()
	const mine, other = "thermarack/v1/hex/b827eb000001/", "thermarack/v1/hex/b827eb000002/"
	first := startCollector(t, "serve", "--mqtt", "127.0.0.1:0", "--data", data)
	agent := dial(t, first.MQTT, "probe-test")
	publish(t, agent, mine+"inventory", `{"model":"Raspberry Pi 3 Model B","mac":"b827eb000001","agent":"0.1.0"}`)
	publish(t, agent, mine+"status", `{"online":true,"boot":"a","t":1}`)
	publish(t, agent, mine+"readings", fmt.Sprintf(`[{"bt":%d,"n":"%s:fault","vs":"crc"}]`, time.Now().Unix(), stray))
	publish(t, agent, mine+"readings", sayTemperature(stray, 20))
	file := filepath.Join(data, "state", "nodes.json")
	until(t, 15*time.Second, "the state is on disk", func() bool {
		text, err := os.ReadFile(file)
		return err == nil && bytes.Contains(text, []byte(stray)) && bytes.Contains(text, []byte("crc"))
	})
	first.kill()

	second := startCollector(t, "serve", "--mqtt", "127.0.0.1:0", "--data", data)
	nodes := nodeLines(t, second)
	if len(nodes) != 1 || nodes[0].Model != "Raspberry Pi 3 Model B" || nodes[0].Rejected["crc"] != 1 || nodes[0].Online != nil {
		t.Errorf("after a kill %+v, want the one, and not that it is online", nodes)
	}
	agent = dial(t, second.MQTT, "probe-test")
	publish(t, agent, other+"readings", sayTemperature(stray, 99)) // refused for good, so acknowledged
	publish(t, agent, mine+"readings", sayTemperature(stray, 21))
	if text := second.get(t, "/metrics"); !bytes.Contains(text, []byte(`thermarack_ingest_rejected_total{reason="foreign_sensor"} 1`)) {
		t.Error("a probe was believed from a second node after a restart")
	}
	if nodes := nodeLines(t, second); nodes[0].Online == nil || !*nodes[0].Online {
		t.Errorf("heard again: %+v", nodes[0])
	}
	second.stop() // writes what is known

	if err := os.WriteFile(file, []byte(`{"document":"nodes"`), 0o600); err != nil {
		t.Fatal(err)
	}
	third := startCollector(t, "serve", "--mqtt", "127.0.0.1:0", "--data", data)
	if nodes := nodeLines(t, third); len(nodes) != 0 {
		t.Errorf("read from a torn file: %+v", nodes)
	}
	third.stop()
	if words := third.stderr.String(); strings.Count(words, file+".aside") != 1 {
		t.Errorf("log, want one line that names what was set aside:\n%s", words)
	}
}

func TestReadinessSaysWhyAndHealthDoesNotCare(t *testing.T) {
	needs(t)
	c := startCollector(t, "serve", "--mqtt", "127.0.0.1:0")
	until(t, 10*time.Second, "the broker serves", func() bool { return c.status(t, "/readyz") == http.StatusOK })
	lonely := startCollector(t, "serve", "--broker", fmt.Sprintf("tcp://127.0.0.1:%d", freePort(t)))
	response, err := http.Get("http://" + lonely.HTTP + "/readyz")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	var answer struct{ Error string }
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil {
		t.Fatal(err)
	}
	if response.StatusCode != http.StatusServiceUnavailable || !strings.Contains(answer.Error, "external broker") {
		t.Errorf("without its broker: %s %q, want 503 and why", response.Status, answer.Error)
	}
	if got := lonely.status(t, "/healthz"); got != http.StatusOK {
		t.Errorf("healthz without its broker: %d", got)
	}
}

func TestEveryLineOfAJSONLogIsAnObject(t *testing.T) {
	needs(t)
	talk := func(args ...string) string {
		args = append([]string{"--broker", fmt.Sprintf("tcp://127.0.0.1:%d", freePort(t))}, args...)
		c := startCollector(t, "serve", args...)
		until(t, 10*time.Second, "the broker is missed", func() bool {
			return !bytes.Contains(c.get(t, "/metrics"), []byte("thermarack_mqtt_session_losses_total 0"))
		})
		c.stop()
		return c.stderr.String()
	}
	words := talk("--log-format", "json", "--log-level", "debug")
	told := map[string]int{}
	for line := range strings.Lines(words) {
		var entry struct{ Time, Level, Msg, Library string }
		if err := json.Unmarshal([]byte(line), &entry); err != nil || entry.Time == "" || entry.Level == "" || entry.Msg == "" {
			t.Errorf("%v in line %q", err, line)
		}
		told[entry.Level+" "+entry.Library]++
	}
	if told["WARN "] == 0 || told["WARN paho"] != 0 {
		t.Errorf("lines by level and library: %v, want warnings of ours only:\n%s", told, words)
	}
	if words := talk("--log-level", "error"); words != "" {
		t.Errorf("at level error:\n%s", words)
	}
}
