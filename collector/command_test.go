package main_test

import (
	"bytes"
	"errors"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// call runs the collector to its end.
func call(t *testing.T, args ...string) (status int, stdout, stderr string) {
	t.Helper()
	command := exec.Command(filepath.Join(bin, "thermarack-collector"), args...)
	var out, words bytes.Buffer
	command.Stdout, command.Stderr = &out, &words
	err := command.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return command.ProcessState.ExitCode(), out.String(), words.String()
}

func TestExitStatusesAndWords(t *testing.T) {
	needs(t)
	dir := t.TempDir()
	file := func(name, text string) string {
		path := filepath.Join(dir, name)
		write(t, path, text)
		return path
	}
	good := file("good.yaml", oneShelf)
	twice := file("twice.yaml", strings.Replace(oneShelf, "{1: b827eb000001}", "{1: b827eb000001, 01: b827eb000002}", 1))
	typo := file("typo.yaml", "listn: 127.0.0.1:0\n")
	tests := []struct {
		name   string
		args   []string
		status int
		want   string // in what it says
	}{
		{"help", []string{"--help"}, 0, "thermarack-collector serve"},
		{"help of a command", []string{"serve", "--help"}, 0, "-listen"},
		{"version", []string{"version"}, 0, "thermarack-collector"},
		{"no command", nil, 2, "no command given"},
		{"an unknown command", []string{"srve"}, 2, `unknown command "srve"`},
		{"an unknown flag", []string{"serve", "--lsten", ":1"}, 2, "lsten"},
		{"a listener for all without --open", []string{"serve", "--listen", "0.0.0.0:0"}, 2, "serve --open"},
		{"an unknown configuration key", []string{"serve", "--config", typo}, 1, `typo.yaml:1: unknown key "listn", did you mean "listen"?`},
		{"two Pis in one slot", []string{"serve", "--layout", twice}, 1, "twice.yaml:4: slot 1 of hex/a1/s3 holds b827eb000001 already"},
		{"a good layout", []string{"layout", "check", good}, 0, "hex/a1/s3: 1 of 2 slots placed, 1 probes, 0 fans"},
		{"a bad layout", []string{"layout", "check", twice}, 1, "slot 1 of hex/a1/s3"},
		{"check finds a bad configuration", []string{"check", "--config", typo}, 1, `unknown key "listn"`},
		{"check finds nothing", []string{"check", "--layout", good}, 0, "nothing is wrong"},
		{"a layout that is not there", []string{"serve", "--layout", filepath.Join(dir, "none.yaml")}, 1, "none.yaml"},
		{"a map without its shelf", []string{"heatmap", "-o", "x.svg"}, 2, "--shelf"},
		{"a demo with a bad scenario", []string{"demo", "--scenario", typo, "--listen", "127.0.0.1:0", "--mqtt", "127.0.0.1:0"}, 1, "typo.yaml:1:"},
		{"a demo for all to see", []string{"demo", "--listen", "0.0.0.0:0"}, 2, "listen on 127.0.0.1"},
		{"a word too many", []string{"version", "now"}, 2, `unexpected argument "now"`},
		{"layout check without a file", []string{"layout", "check"}, 2, "a file is missing"},
		{"replay without a recording", []string{"replay", "--layout", good}, 2, "--readings"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			status, stdout, stderr := call(t, tt.args...)
			if status != tt.status || !strings.Contains(stdout+stderr, tt.want) {
				t.Errorf("status %d, want %d, and …%s… in\n%s%s", status, tt.status, tt.want, stdout, stderr)
			}
		})
	}
}
