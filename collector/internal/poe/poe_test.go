package poe_test

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"thermarack/collector/internal/poe"
	"thermarack/collector/internal/snmp"
)

// recorded reads one of the shared recordings, which are not part of this tree.
func recorded(t testing.TB, name string) *snmp.Recording {
	t.Helper()
	file := filepath.Join(cmp.Or(os.Getenv("THERMARACK_FIXTURES"), "../../../../shared/fixtures"), "snmp", name)
	r, err := snmp.OpenRecording(file)
	if errors.Is(err, os.ErrNotExist) {
		t.Skipf("no shared recordings here: %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// said makes a switch from lines of a recording. A line may begin with one of the
// names below instead of its number; what follows // is left out.
func said(t testing.TB, lines string) *snmp.Recording {
	t.Helper()
	var b strings.Builder
	for line := range strings.Lines(lines) {
		line, _, _ = strings.Cut(line, "//")
		line = strings.TrimSpace(line)
		if name, rest, ok := strings.Cut(line, "."); ok && roots[name] != "" {
			line = roots[name] + "." + rest
		}
		fmt.Fprintln(&b, line)
	}
	r, err := snmp.ReadRecording(strings.NewReader(b.String()), t.Name())
	if err != nil {
		t.Fatal(err)
	}
	return r
}

var roots = map[string]string{
	"sys":    "1.3.6.1.2.1.1",
	"ifName": "1.3.6.1.2.1.31.1.1.1.1",
	"psePrt": "1.3.6.1.2.1.105.1.1.1",
	"pseMai": "1.3.6.1.2.1.105.1.3.1.1",
	"base":   "1.3.6.1.2.1.17.1.4.1.2",
	"fdbD":   "1.3.6.1.2.1.17.4.3.1",
	"fdbQ":   "1.3.6.1.2.1.17.7.1.2.2.1",
	"rem":    "1.0.8802.1.1.2.1.4.1.1",
	"loc":    "1.0.8802.1.1.2.1.3.7.1",
}

// read reads a switch once.
func read(t testing.TB, src snmp.Source, profile string) poe.Switch {
	t.Helper()
	r, err := poe.NewReader(src, profile)
	if err != nil {
		t.Fatal(err)
	}
	s, err := r.Read(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// port returns the port of that name.
func port(t testing.TB, s poe.Switch, name string) poe.Port {
	t.Helper()
	for _, p := range s.Ports {
		if p.Name == name {
			return p
		}
	}
	t.Fatalf("no port %q among %d", name, len(s.Ports))
	return poe.Port{}
}

// row says a port in one line, so that tests can compare it with what it should be.
func row(p poe.Port) string {
	value := func(v any) string { return strings.Trim(fmt.Sprint(v), "[]") }
	text := []string{p.Index, value(p.Number), value(p.IfIndex), p.Name, p.Status.String(), "-", "-", "-"}
	if p.Admin != nil {
		text[5] = map[bool]string{true: "on", false: "off"}[*p.Admin]
	}
	if p.Class != nil {
		text[6] = value(*p.Class)
	}
	if p.Power != nil {
		text[7] = value(*p.Power)
		if !p.Measured {
			text[7] += " set aside"
		}
	}
	for _, mac := range p.MACs {
		text = append(text, string(mac))
	}
	if p.Uplink {
		text = append(text, "uplink")
	}
	return strings.Join(text, "|")
}

// rows says all ports.
func rows(s poe.Switch) []string {
	var list []string
	for _, p := range s.Ports {
		list = append(list, row(p))
	}
	return list
}
