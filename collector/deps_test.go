package main_test

import (
	"os/exec"
	"strings"
	"testing"
)

// What the collector may import of ours: itself, what it shares with the agent,
// and the alerts. The shelf simulator belongs to the agent's side.
func TestDependencies(t *testing.T) {
	out, err := exec.Command("go", "list", "-deps", ".").Output()
	if err != nil {
		t.Fatal(err)
	}
	for dep := range strings.Lines(string(out)) {
		dep = strings.TrimSpace(dep)
		if !strings.HasPrefix(dep, "thermarack/") {
			continue
		}
		allowed := false
		for _, ours := range []string{"thermarack/collector", "thermarack/alerts", "thermarack/agent/wire"} {
			allowed = allowed || dep == ours || strings.HasPrefix(dep, ours+"/")
		}
		if !allowed {
			t.Errorf("collector depends on %s: it knows the agent by agent/wire only, and no hardware", dep)
		}
	}
}
