package main_test

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"thermarack/agent/wire/layout"
	"thermarack/collector/internal/poe"
	"thermarack/collector/internal/snmp"
	"thermarack/collector/internal/snmp/snmptest"
	"thermarack/collector/internal/switches"
)

// scan runs `switch scan` and returns what it wrote.
func scan(t *testing.T, status int, args ...string) (stdout, stderr string) {
	t.Helper()
	var out, words strings.Builder
	command := exec.Command(filepath.Join(bin, "thermarack-collector"), append([]string{"switch", "scan"}, args...)...)
	command.Stdout, command.Stderr = &out, &words
	err := command.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	if got := command.ProcessState.ExitCode(); got != status {
		t.Errorf("switch scan %v: status %d, want %d\n%s%s", args, got, status, &out, &words)
	}
	return out.String(), words.String()
}

// writeSecret writes a file that its owner alone may read.
func writeSecret(t *testing.T, file, text string) {
	t.Helper()
	write(t, file, text)
	if err := os.Chmod(file, 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestSwitchScanShowsWhatWasUnderstood(t *testing.T) {
	needs(t)
	played := fullSwitch(1)
	delete(played.watts, 2)
	delete(played.behind, 2)
	agent := snmptest.Start(t, snmptest.Public, played.vars(t))

	text, words := scan(t, 0, agent.Address())
	for _, want := range []string{
		"by profile cisco-ios",
		`(?m)^17 +Gi1/0/17 +1\.17 +10117 +on +deliveringPower +2 +4\.17 +b827eb110001$`,
		`(?m)^2 +Gi1/0/2 +1\.2 +10102 +on +searching +0$`,
		`(?m)^1 +370 +200 +on$`,
		`mac: 001122000001, host: "` + agent.Address() + `", profile: cisco-ios}}`,
	} {
		if !regexp.MustCompile(want).MatchString(text) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	if words != "" {
		t.Errorf("standard error: %s", words)
	}

	json, _ := scan(t, 0, "--json", agent.Address())
	const port = `{"index":"1.17","ifIndex":10117,"name":"Gi1/0/17","admin":true,"status":"deliveringPower","class":2,"milliwatts":4170,"macs":["b827eb110001"],"uplink":false`
	const supply = `"supply":[{"group":1,"watts":370,"used":200,"status":"on"}]}`
	if !strings.HasPrefix(json, `{"profile":"cisco-ios","ports":[`) || !strings.Contains(json, port) || !strings.HasSuffix(json, supply+"\n") {
		t.Errorf("--json: %s", json)
	}
}

func TestSwitchScanTakesFlagsOnBothSidesOfTheHost(t *testing.T) {
	needs(t)
	agent := snmptest.Start(t, snmp.Credentials{Version: snmp.Version2c, Community: "orchard"}, fullSwitch(1).vars(t))
	file := filepath.Join(t.TempDir(), "snmp.yaml")
	writeSecret(t, file, "version: 2c\ncommunity: orchard\n")
	var first string
	for i, args := range [][]string{
		{agent.Address(), "--credentials", file, "--json", "--profile", "cisco-ios"},
		{"--credentials", file, "--json", agent.Address(), "--profile=cisco-ios"},
		{"--json", "--profile", "cisco-ios", "--credentials=" + file, agent.Address()},
	} {
		json, _ := scan(t, 0, args...)
		if i == 0 {
			first = json
		}
		if json != first || !strings.HasPrefix(json, `{"profile":"cisco-ios"`) {
			t.Errorf("%v: %.200s", args, json)
		}
	}
}

func TestSwitchScanReadsRecordings(t *testing.T) {
	needs(t)
	dir := filepath.Join(cmp.Or(os.Getenv("THERMARACK_FIXTURES"), "../../shared/fixtures"), "snmp")
	if _, err := os.Stat(dir); err != nil {
		t.Skipf("no shared recordings here: %v", err)
	}
	for file, want := range map[string][]string{
		"cisco_16_switch.snmprec.bz2": {`"index":"3.5","ifIndex":11003,`, `"status":"deliveringPower","class":4,"milliwatts":15400,`, `"supply":[{"group":3,"watts":370,"used":30,"status":"on"}]`},
		"ios_2960x.snmprec":           {`"index":"1.1","ifIndex":10101,"name":"Gi1/0/1",`, `"milliwatts":2509,`},
		"linksys-ss_lgs318p.snmprec":  {`"name":"gi7","admin":false,`, `"macs":["b827eb051e85"]`},
		"procurve_2520.snmprec":       {`"macs":["b827eb2c71c2"],"uplink":false`},
		"jetstream_sg2218p.snmprec":   {`"profile":"tp-link"`},
	} {
		json, _ := scan(t, 0, "--snmprec", filepath.Join(dir, file), "--json")
		for _, w := range want {
			if !strings.Contains(json, w) {
				t.Errorf("%s: no %s in\n%.3000s", file, w, json)
			}
		}
		if text, _ := scan(t, 0, "--snmprec", filepath.Join(dir, file)); !strings.Contains(text, "read by profile") || strings.Contains(text, "In a layout") {
			t.Errorf("%s:\n%s", file, text)
		}
	}
}

func TestSwitchScanSaysWhatToDo(t *testing.T) {
	needs(t)
	dir := t.TempDir()
	open := filepath.Join(dir, "open.yaml")
	write(t, open, "version: 2c\ncommunity: orchard\n")
	plain := filepath.Join(dir, "plain.snmprec")
	write(t, plain, "1.3.6.1.2.1.1.1.0|4|a printer\n1.3.6.1.2.1.1.3.0|67|100\n")
	write(t, filepath.Join(dir, "broken.snmprec"), "nonsense\n")
	tests := []struct {
		name   string
		args   []string
		status int
		want   string
	}{
		{"nobody there, no credentials", []string{"127.0.0.1:9"}, 1, "community: TEXT"},
		{"credentials for everybody", []string{"127.0.0.1:9", "--credentials", open}, 1, "chmod 600"},
		{"no such credentials", []string{"127.0.0.1:9", "--credentials", filepath.Join(dir, "none")}, 1, "no such file"},
		{"nothing understood", []string{"--snmprec", plain}, 1, "another --profile"},
		{"no recording", []string{"--snmprec", filepath.Join(dir, "none")}, 1, "no such file"},
		{"a broken recording", []string{"--snmprec", filepath.Join(dir, "broken.snmprec")}, 1, "broken.snmprec:1: want OID|TAG|VALUE"},
		{"neither host nor recording", nil, 2, "either a HOST or --snmprec"},
		{"both", []string{"127.0.0.1", "--snmprec", plain}, 2, "either a HOST or --snmprec"},
		{"two hosts", []string{"127.0.0.1", "127.0.0.2"}, 2, `unexpected argument "127.0.0.2"`},
		{"an unknown profile", []string{"127.0.0.1", "--profile", "x"}, 2, `unknown profile "x": want one of auto`},
		{"a password", []string{"127.0.0.1", "--community", "x"}, 2, "not defined: -community"},
		{"credentials for a recording", []string{"--snmprec", plain, "--credentials", open}, 2, "a recording needs no"},
		{"a host that is none", []string{"ho st"}, 1, "want HOST or HOST:PORT"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			out, words := scan(t, tt.status, tt.args...)
			if !strings.Contains(words, tt.want) || out != "" {
				t.Errorf("standard output %q, no %q in\n%s", out, tt.want, words)
			}
		})
	}
}

func TestSwitchScanOfACommonAgentSaysThatItIsNoSwitch(t *testing.T) {
	needs(t, "/usr/sbin/snmpd")
	dir := t.TempDir()
	address := fmt.Sprintf("127.0.0.1:%d", freePort(t))
	config := filepath.Join(dir, "agent.conf")
	write(t, config, "agentAddress udp:"+address+"\nrocommunity public 127.0.0.1\n")
	// Without what looks at file systems: it waits for those of the power cuts that
	// are tested meanwhile.
	start(t, false, "/usr/sbin/snmpd", "-f", "-C", "-c", config, "-Lo", "-I-smux,hw_fsys,hrh_filesys,hrh_storage,disk_hw,hr_disk,hr_partition", "-p", filepath.Join(dir, "pid"))
	waitForAgent(t, address)
	_, words := scan(t, 1, address)
	if !strings.Contains(words, "neither ports with PoE nor a bridge") || !strings.Contains(words, "it is a switch at all") {
		t.Errorf("words: %s", words)
	}
}

func TestOfARecordingThatShowsNothingNobodySaysThatItAnswers(t *testing.T) {
	needs(t)
	empty := filepath.Join(t.TempDir(), "empty.snmprec")
	write(t, empty, "")
	_, words := scan(t, 1, "--snmprec", empty)
	if strings.Contains(words, "It answers") || !strings.Contains(words, "the whole switch") || !strings.Contains(words, "another --profile") {
		t.Errorf("words: %s", words)
	}
}

// waitForAgent waits until an agent answers to the community public.
func waitForAgent(t *testing.T, address string) {
	t.Helper()
	client, err := snmp.Open(t.Context(), snmp.Target{Address: address, Credentials: snmptest.Public})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	until(t, 20*time.Second, address+" answers", func() bool {
		_, err := client.Get(t.Context(), snmp.OID{1, 3, 6, 1, 2, 1, 1, 1, 0})
		return err == nil
	})
}

func TestCheckSaysWhatIsWrongWithSwitches(t *testing.T) {
	needs(t)
	dir := t.TempDir()
	file := filepath.Join(dir, "layout.yaml")
	write(t, filepath.Join(dir, "open.yaml"), "version: 2c\ncommunity: orchard\n")
	writeSecret(t, filepath.Join(dir, "good.yaml"), "version: 2c\ncommunity: orchard\n")
	write(t, file, `version: 1
switches:
  bad: {mac: 001122334401, host: 10.0.0.1, credentials: open.yaml}
  good: {mac: 001122334402, host: 10.0.0.2, credentials: good.yaml}
  gone: {mac: 001122334403, host: 10.0.0.3, credentials: none.yaml}
  unpolled: {mac: 001122334404, credentials: none.yaml}
  public: {mac: 001122334405, host: 10.0.0.5}
  foreign: {mac: 001122334406, profile: nonsense}
  nowhere: {mac: 001122334407, host: "10.0.0.7:snmp"}
`)
	for _, args := range [][]string{{"layout", "check", file}, {"check", "--layout", file}} {
		out, err := exec.Command(filepath.Join(bin, "thermarack-collector"), args...).CombinedOutput()
		var exit *exec.ExitError
		if !errors.As(err, &exit) || exit.ExitCode() != 1 {
			t.Errorf("%v: %v", args, err)
		}
		for _, want := range []string{"switch bad: ", "chmod 600", "switch gone: ", "none.yaml", `switch foreign: unknown profile "nonsense"`, `switch nowhere: host "10.0.0.7:snmp": want HOST or HOST:PORT`} {
			if !strings.Contains(string(out), want) {
				t.Errorf("%v: no %q in\n%s", args, want, out)
			}
		}
		for _, good := range []string{"good", "unpolled", "public"} {
			if strings.Contains(string(out), "switch "+good) {
				t.Errorf("%v: %s is fine\n%s", args, good, out)
			}
		}
	}
}

// A 48-port switch must be read in 30 requests or fewer.
func TestASwitchIsPolledInFewRequests(t *testing.T) {
	played := fullSwitch(1)
	agent := snmptest.Start(t, snmptest.Public, played.vars(t))
	agent.Age()
	s := switches.Open(layout.Switch{Host: agent.Address(), Profile: poe.Auto})
	defer s.Close()
	var requests []int
	for range 4 {
		before := agent.Requests()
		seen, err := s.Read(t.Context())
		if err != nil || len(seen.Ports) != playedPorts+1 {
			t.Fatalf("%d ports, %v", len(seen.Ports), err)
		}
		requests = append(requests, agent.Requests()-before)
		played.uptime += 30e9
		agent.Serve(played.vars(t))
	}
	if requests[0] > 30 || requests[1] > 12 || requests[2] > 20 {
		t.Errorf("polls took %v requests", requests)
	}
	t.Logf("polls took %v requests", requests)
}
