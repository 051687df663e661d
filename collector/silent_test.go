package main_test

import (
	"fmt"
	"path/filepath"
	"testing"
	"time"
)

// alertNames returns what the collector lists as firing.
func (c *collector) alertNames(t *testing.T) (names []string) {
	t.Helper()
	var answer struct {
		Alerts []struct{ Alert, State string }
	}
	c.decode(t, "/api/v1/alerts", &answer)
	for _, a := range answer.Alerts {
		names = append(names, a.State+" "+a.Alert)
	}
	return names
}

func TestAnAgentThatFallsSilentIsToldBeforeAndAfterARestart(t *testing.T) {
	needs(t)
	dir := t.TempDir()
	layout, config := filepath.Join(dir, "layout.yaml"), filepath.Join(dir, "collector.yaml")
	write(t, layout, smallShelf)
	write(t, config, "stale: 1s\nrules: {silent: 2s, switch_silent: 2s}\n")
	args := []string{"--mqtt", "127.0.0.1:0", "--config", config, "--layout", layout, "--data", filepath.Join(dir, "data")}
	pack := func(c *collector, id string) {
		publish(t, dial(t, c.MQTT, id), "thermarack/v1/hex/b827eb000001/readings",
			fmt.Sprintf(`[{"n":"urn:dev:mac:b827ebfffe000001_soc:temperature","u":"Cel","t":%d,"v":50}]`, time.Now().Unix()))
	}
	silent := func(c *collector) func() bool {
		return func() bool { return fmt.Sprint(c.alertNames(t)) == "[firing AgentSilent]" }
	}
	c := startCollector(t, "serve", args...)
	pack(c, "first")
	until(t, 30*time.Second, "the silence is told", silent(c))
	c.stop()

	c = startCollector(t, "serve", args...)
	until(t, 30*time.Second, "the silence is told again", silent(c))
	pack(c, "second")
	until(t, 30*time.Second, "it has spoken", func() bool { return c.alertNames(t) == nil })
}
