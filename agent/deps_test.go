package main_test

import (
	"os/exec"
	"strings"
	"testing"
)

// TestDependencies keeps the agent small: whatever it links runs on every node.
func TestDependencies(t *testing.T) {
	banned := map[string]string{
		"thermarack/collector":           "the agent must not know the collector",
		"thermarack/alerts":              "alerts are evaluated centrally",
		"net/http/pprof":                 "no debug surface on nodes",
		"html/template":                  "the agent has no pages",
		"testing":                        "test helpers stay in tests",
		"github.com/mochi-mqtt/server":   "the agent is a client, not a broker",
		"github.com/prometheus/procfs":   "hardware/sysfs reads what we need",
		"github.com/prometheus/common":   "agent/internal/metrics writes the few there are",
		"golang.org/x/tools":             "for tests only",
		"github.com/google/go-cmp":       "for tests only",
		"periph.io/x/host/v3/rpi":        "only the buses of the kernel; its drivers of boards map memory as root",
		"periph.io/x/host/v3/bcm283x":    "maps the chip's registers as root",
		"github.com/miekg/dns":           "hardly a part of it is needed, and it is large",
		"github.com/influxdata/influxdb": "the collector stores",
	}
	out, err := exec.CommandContext(t.Context(), "go", "list", "-deps", ".").Output()
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(out), "thermarack/agent/wire\n") {
		t.Fatalf("the list is not that of the agent:\n%s", out)
	}
	for dep := range strings.Lines(string(out)) {
		dep = strings.TrimSpace(dep)
		for prefix, why := range banned {
			if dep == prefix || strings.HasPrefix(dep, prefix+"/") {
				t.Errorf("agent depends on %s: %s", dep, why)
			}
		}
	}
}
