package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// TestTheAgentFitsItsBudget builds the static agent of the oldest Pi.
func TestTheAgentFitsItsBudget(t *testing.T) {
	if testing.Short() {
		t.Skip("builds a whole program for ARM; not with -short")
	}
	const budget = 8_000_000
	binary := filepath.Join(t.TempDir(), "thermarack-agent")
	build := exec.CommandContext(t.Context(), "go", append(asMakeAgentsDoes(), "-o", binary, ".")...)
	build.Env = append(os.Environ(), "GOOS=linux", "GOARCH=arm", "GOARM=6", "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	info, err := os.Stat(binary)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("armv6 agent: %d bytes of %d", info.Size(), budget)
	if info.Size() > budget {
		t.Errorf("the agent has %d bytes, more than %d: look at what it links with go list -deps", info.Size(), budget)
	}
}

// asMakeAgentsDoes returns the command that the Makefile builds agents with.
func asMakeAgentsDoes() []string {
	return []string{"build", "-trimpath", "-ldflags", "-s -w"}
}
