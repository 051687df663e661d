package switches_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"thermarack/agent/wire/layout"
	"thermarack/collector/internal/poe"
	"thermarack/collector/internal/snmp"
	"thermarack/collector/internal/snmp/snmptest"
	"thermarack/collector/internal/switches"
)

// threePorts is a switch that has what RFC 3621 says of three ports.
const threePorts = `1.3.6.1.2.1.1.1.0|4|a switch
1.3.6.1.2.1.1.2.0|6|1.3.6.1.4.1.99999.1
1.3.6.1.2.1.1.3.0|67|360000
1.3.6.1.2.1.1.5.0|4|sw
1.3.6.1.2.1.17.1.1.0|4x|0011223344ff
1.3.6.1.2.1.105.1.1.1.6.1.1|2|3
1.3.6.1.2.1.105.1.1.1.6.1.2|2|2
1.3.6.1.2.1.105.1.1.1.6.1.3|2|4
`

func vars(t *testing.T, lines string) []snmp.Var {
	t.Helper()
	r, err := snmp.ReadRecording(strings.NewReader(lines), t.Name())
	if err != nil {
		t.Fatal(err)
	}
	return r.Vars()
}

func writeCredentials(t *testing.T, file, text string, mode os.FileMode) {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), mode); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(file, mode); err != nil {
		t.Fatal(err)
	}
}

func TestASessionReadsASwitchWithTheCommunityThatMostHave(t *testing.T) {
	agent := snmptest.Start(t, snmptest.Public, vars(t, threePorts))
	s := switches.Open(layout.Switch{Host: agent.Address(), Profile: poe.Auto})
	defer s.Close()
	seen, err := s.Read(t.Context())
	if err != nil || len(seen.Ports) != 3 || seen.MAC != "0011223344ff" || seen.Uptime.Hours() != 1 {
		t.Errorf("got %+v, %v", seen, err)
	}
	if got := s.Requests(); got != agent.Requests() {
		t.Errorf("%d requests counted, %d came", got, agent.Requests())
	}
}

func TestCredentialsThatChangeCountAtTheNextPoll(t *testing.T) {
	agent := snmptest.Start(t, snmp.Credentials{Version: snmp.Version2c, Community: "orchard"}, vars(t, threePorts))
	file := filepath.Join(t.TempDir(), "snmp.yaml")
	s := switches.Open(layout.Switch{Host: agent.Address(), Profile: poe.Auto, Credentials: file})
	defer s.Close()
	steps := []struct {
		name string
		file func()
		err  error
		text string
	}{
		{"missing", func() {}, snmp.ErrCredentials, "snmp.yaml"},
		{"for everybody", func() { writeCredentials(t, file, "version: 2c\ncommunity: orchard\n", 0o644) }, snmp.ErrCredentials, "chmod 600"},
		{"good", func() { writeCredentials(t, file, "version: 2c\ncommunity: orchard\n", 0o600) }, nil, ""},
		{"wrong", func() { writeCredentials(t, file, "version: 2c\ncommunity: garden\n", 0o600) }, context.DeadlineExceeded, "switch"},
		{"no YAML", func() { writeCredentials(t, file, "version: [", 0o600) }, snmp.ErrCredentials, "snmp.yaml:1"},
		{"good again", func() { writeCredentials(t, file, "version: 2c\ncommunity: orchard\n", 0o600) }, nil, ""},
	}
	for _, step := range steps {
		step.file()
		ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond) // a wrong community gets no answer
		_, err := s.Read(ctx)
		cancel()
		if !errors.Is(err, step.err) || step.err != nil && !strings.Contains(err.Error(), step.text) {
			t.Errorf("%s: %v, want %v with %q", step.name, err, step.err, step.text)
		}
	}
	if got := s.Requests(); got != agent.Requests() {
		t.Errorf("%d requests counted, %d came", got, agent.Requests())
	}
	if err := s.Close(); err != nil || s.Requests() != agent.Requests() {
		t.Errorf("closed: %v, %d requests counted, %d came", err, s.Requests(), agent.Requests())
	}
}

func TestASessionSaysWhatIsWrong(t *testing.T) {
	plain := slices.DeleteFunc(vars(t, threePorts), func(v snmp.Var) bool { return len(v.OID) > 9 })
	tests := []struct {
		name string
		sw   layout.Switch
		err  error
	}{
		{"nobody listens", layout.Switch{Host: "127.0.0.1:9", Profile: poe.Auto}, snmp.ErrNoAnswer},
		{"an unknown profile", layout.Switch{Host: "127.0.0.1:9", Profile: "nonsense"}, poe.ErrProfile},
		{"no switch", layout.Switch{Host: snmptest.Start(t, snmptest.Public, plain).Address(), Profile: poe.Auto}, poe.ErrTables},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := switches.Open(tt.sw)
			defer s.Close()
			if _, err := s.Read(t.Context()); !errors.Is(err, tt.err) {
				t.Errorf("err = %v, want %v", err, tt.err)
			}
		})
	}
}
