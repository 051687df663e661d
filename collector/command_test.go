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
		{"check finds a bad broker", []string{"check", "--config", file("broker.yaml", "broker: racks:1883\n")}, 1, "broker URL"},
		{"check finds nothing", []string{"check", "--layout", good}, 0, "nothing is wrong"},
		{"a layout that is not there", []string{"serve", "--layout", filepath.Join(dir, "none.yaml")}, 1, "none.yaml"},
		{"a map without its shelf", []string{"heatmap", "-o", "x.svg"}, 2, "--shelf"},
		{"a demo with a bad scenario", []string{"demo", "--scenario", typo, "--listen", "127.0.0.1:0", "--mqtt", "127.0.0.1:0"}, 1, "typo.yaml:1:"},
		{"a demo for all to see", []string{"demo", "--listen", "0.0.0.0:0"}, 2, "listen on 127.0.0.1"},
		{"a word too many", []string{"version", "now"}, 2, `unexpected argument "now"`},
		{"layout check without a file", []string{"layout", "check"}, 2, "a file is missing"},
		{"a recording without its file", []string{"record", "--data", dir}, 2, "-o is needed"},
		{"a recording of a shelf without a layout", []string{"record", "--data", dir, "-o", filepath.Join(dir, "x"), "--shelf", "hex/a1/s3"}, 2, "--shelf needs --layout"},
		{"a recording that ends before it begins", []string{"record", "--data", dir, "-o", filepath.Join(dir, "x"), "--from", "20", "--to", "10"}, 2, "--from must be before --to"},
		{"a recording of two sources", []string{"record", "--data", dir, "--broker", "tcp://127.0.0.1:1", "-o", filepath.Join(dir, "x")}, 2, "--data or --broker"},
		{"a broker without a scheme", []string{"serve", "--data", filepath.Join(dir, "new"), "--broker", "racks:1883"}, 2, "broker URL"},
		{"a recording of no directory", []string{"record", "--data", filepath.Join(dir, "none"), "-o", filepath.Join(dir, "x")}, 1, "read the data of a collector"},
		{"a recording of no readings", []string{"record", "--data", filepath.Dir(file("empty/a", "")), "-o", filepath.Join(dir, "x")}, 1, "record from the broker"},
		{"a recording of a broker that is away", []string{"record", "--broker", "tcp://127.0.0.1:1", "-o", filepath.Join(dir, "x")}, 1, "connect to the broker"},
		{"a backup without its file", []string{"backup", "--data", dir}, 2, "-o is needed"},
		{"a backup into what it is of", []string{"backup", "--data", dir, "-o", filepath.Join(dir, "x.tar")}, 2, "write it elsewhere"},
		{"a backup of no directory", []string{"backup", "--data", filepath.Join(dir, "none"), "-o", filepath.Join(t.TempDir(), "x")}, 1, "read the data of a collector"},
		{"a restore without its file", []string{"restore", "--data", dir}, 2, "-i is needed"},
		{"a restore of another file", []string{"restore", "-i", good, "--data", filepath.Join(dir, "new")}, 1, "not a whole backup"},
		{"an export without a sensor", []string{"export", "--from", "10", "-o", filepath.Join(dir, "x")}, 2, "--sensor, --from and -o are needed"},
		{"an export from a time that is none", []string{"export", "--sensor", "a:b", "--from", "monday", "-o", filepath.Join(dir, "x")}, 2, "neither RFC 3339 nor Unix seconds"},
		{"an export from where nobody is", []string{"export", "--sensor", "a:b", "--from", "10", "--url", "http://127.0.0.1:1", "-o", filepath.Join(dir, "x")}, 1, "ask the collector"},
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
