package alerts_test

import (
	"os/exec"
	"strings"
	"testing"
)

func TestAlertsImportNothingOfOurs(t *testing.T) {
	out, err := exec.Command("go", "list", "-deps", ".").Output()
	if err != nil {
		t.Fatal(err)
	}
	for dep := range strings.Lines(string(out)) {
		if dep = strings.TrimSpace(dep); strings.HasPrefix(dep, "thermarack/") && dep != "thermarack/alerts" {
			t.Errorf("alerts depends on %s: it is a function of values and times", dep)
		}
	}
}
