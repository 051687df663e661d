package hardware_test

import (
	"os/exec"
	"strings"
	"testing"
)

// TestHardwareStandsAlone keeps the drivers usable by anyone: of our packages
// they import only each other, in tests as well.
func TestHardwareStandsAlone(t *testing.T) {
	t.Parallel()
	const ours, allowed = "thermarack", "thermarack/hardware"
	const format = `{{$from := .ImportPath}}{{range .Imports}}{{$from}} {{.}}
{{end}}{{range .TestImports}}{{$from}} {{.}}
{{end}}{{range .XTestImports}}{{$from}} {{.}}
{{end}}`
	out, err := exec.CommandContext(t.Context(), "go", "list", "-e", "-f", format, "./...").Output()
	if err != nil {
		t.Fatalf("list the packages below hardware: %v", err)
	}
	imports := 0
	for line := range strings.Lines(string(out)) {
		from, to, ok := strings.Cut(strings.TrimSpace(line), " ")
		if !ok {
			continue
		}
		imports++
		if within(to, ours) && !within(to, allowed) {
			t.Errorf("%s imports %s: hardware imports nothing of ours but hardware", from, to)
		}
	}
	if imports == 0 {
		t.Error("go list showed no imports at all: the test looks in the wrong place")
	}
}

// within reports whether pkg is dir or below it.
func within(pkg, dir string) bool { return pkg == dir || strings.HasPrefix(pkg, dir+"/") }
