package poe_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"thermarack/collector/internal/poe"
	"thermarack/collector/internal/snmp"
	"thermarack/collector/internal/snmp/snmptest"
)

// A changing switch is now another than before, counts what is walked, and may fail.
type changing struct {
	now    *snmp.Recording
	walked []string
	fails  error
}

func (c *changing) Get(ctx context.Context, objects ...snmp.OID) ([]snmp.Var, error) {
	if c.fails != nil {
		return nil, c.fails
	}
	return c.now.Get(ctx, objects...)
}

func (c *changing) Walk(ctx context.Context, roots ...snmp.OID) ([][]snmp.Var, error) {
	for _, root := range roots {
		c.walked = append(c.walked, root.String())
	}
	if c.fails != nil {
		return nil, c.fails
	}
	return c.now.Walk(ctx, roots...)
}

// asked tells whether a column was walked since the last time.
func (c *changing) asked(columns ...string) []bool {
	list := make([]bool, len(columns))
	for i, column := range columns {
		list[i] = slices.Contains(c.walked, column)
	}
	c.walked = nil
	return list
}

func reader(t testing.TB, src snmp.Source, profile string) *poe.Reader {
	t.Helper()
	r, err := poe.NewReader(src, profile)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// aged is a small switch that has run for d.
func aged(t testing.TB, d time.Duration, more string) *snmp.Recording {
	t.Helper()
	return said(t, fmt.Sprintf(`
		sys.3.0|67|%d
		1.3.6.1.2.1.2.1.0|2|2
		1.3.6.1.2.1.31.1.5.0|67|100
		ifName.1|4|gi1
		psePrt.6.1.1|2|3
		base.1|2|1
		%s`, d/(10*time.Millisecond), more))
}

func TestOnlyWhatChangesIsReadEachTime(t *testing.T) {
	t.Parallel()
	const names, states, addresses = "1.3.6.1.2.1.31.1.1.1.1", "1.3.6.1.2.1.105.1.1.1.6", "1.3.6.1.2.1.17.4.3.1.2"
	src := &changing{}
	r := reader(t, src, "rfc3621-ifindex")
	for _, step := range []struct {
		name string
		now  *snmp.Recording
		want []bool // names, states, addresses
	}{
		{"first", aged(t, time.Hour, ""), []bool{true, true, true}},
		{"30 s later", aged(t, time.Hour+30*time.Second, ""), []bool{false, true, false}},
		{"a minute later", aged(t, time.Hour+time.Minute, ""), []bool{false, true, true}},
		{"an interface more", aged(t, time.Hour+70*time.Second, "1.3.6.1.2.1.2.1.0|2|3"), []bool{true, true, true}},
		{"rebuilt", aged(t, time.Hour+80*time.Second, "1.3.6.1.2.1.31.1.5.0|67|200"), []bool{true, true, true}},
		{"as it was, 10 s later", aged(t, time.Hour+90*time.Second, "1.3.6.1.2.1.31.1.5.0|67|200"), []bool{false, true, false}},
		{"two hours later", aged(t, 3*time.Hour, "1.3.6.1.2.1.31.1.5.0|67|200"), []bool{true, true, true}},
		{"started anew", aged(t, time.Minute, "1.3.6.1.2.1.31.1.5.0|67|200"), []bool{true, true, true}},
		{"a clock that stands still", aged(t, time.Minute, "1.3.6.1.2.1.31.1.5.0|67|200"), []bool{true, true, true}},
	} {
		src.now = step.now
		s, err := r.Read(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if diff := gocmp.Diff(step.want, src.asked(names, states, addresses)); diff != "" || row(s.Ports[0]) != "1.1|1|1|gi1|deliveringPower|-|-|-" {
			t.Errorf("%s: names, states, addresses read (-want +got):\n%s%s", step.name, diff, row(s.Ports[0]))
		}
	}
}

func TestAddressesThatAreNotReadAgainAreKept(t *testing.T) {
	t.Parallel()
	const address = "fdbD.2.184.39.235.0.0.1|2|1"
	src := &changing{now: aged(t, time.Hour, address)}
	r := reader(t, src, "rfc3621-ifindex")
	for i, now := range []*snmp.Recording{src.now, aged(t, time.Hour+30*time.Second, "")} {
		src.now = now
		s, err := r.Read(t.Context())
		if err != nil || len(s.Ports[0].MACs) != 1 || s.HeardAgo != time.Duration(i)*30*time.Second {
			t.Errorf("read %d: %v of %v ago, %v", i, rows(s), s.HeardAgo, err)
		}
	}
	src.now = aged(t, time.Hour+time.Minute, "")
	if s, err := r.Read(t.Context()); err != nil || len(s.Ports[0].MACs) != 0 || s.HeardAgo != 0 {
		t.Errorf("aged out: %v, %v", rows(s), err)
	}
}

func TestAFailedReadLosesNothing(t *testing.T) {
	t.Parallel()
	away := errors.New("away")
	src := &changing{now: aged(t, time.Hour, ""), fails: away}
	r := reader(t, src, "rfc3621-ifindex")
	if _, err := r.Read(t.Context()); !errors.Is(err, away) {
		t.Errorf("err = %v", err)
	}
	src.fails = nil
	for range 2 {
		if s, err := r.Read(t.Context()); err != nil || len(s.Ports) != 1 {
			t.Errorf("%v, %v", rows(s), err)
		}
	}
}

func TestASwitchThatShowsNothingIsAnError(t *testing.T) {
	t.Parallel()
	for name, says := range map[string]string{
		"a printer":                       "sys.2.0|6|1.3.6.1.4.1.11.2.3.9.1\nifName.1|4|eth0",
		"a table that was never answered": "sys.5.0|4|sw",
	} {
		_, err := reader(t, said(t, says), poe.Auto).Read(t.Context())
		if !errors.Is(err, poe.ErrTables) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: err = %v", name, err)
		}
	}
}

func TestATableOfTooManyPortsIsNotBelieved(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	for i := range 5000 {
		fmt.Fprintf(&b, "psePrt.6.1.%d|2|3\n", i+1)
	}
	if _, err := reader(t, said(t, b.String()), poe.Auto).Read(t.Context()); !errors.Is(err, poe.ErrTables) {
		t.Errorf("err = %v", err)
	}
}

// A list of contradictions repeats a port's name for each Pi behind it.
func TestTextsLongerThanTheStandardAllowsAreCut(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 50_000)
	s := read(t, said(t, fmt.Sprintf(`
		sys.1.0|4|%[1]s
		sys.5.0|4|%[1]s
		ifName.1|4|%[1]s
		psePrt.6.1.1|2|3`, long)), "rfc3621-ifindex")
	if want := long[:255]; s.Name != want || s.Description != want || s.Ports[0].Name != want {
		t.Errorf("name, description and port's name have %d, %d and %d bytes, want 255 of each", len(s.Name), len(s.Description), len(s.Ports[0].Name))
	}
}

func TestAnUnknownProfileIsRefusedWithThoseThereAre(t *testing.T) {
	t.Parallel()
	_, err := poe.NewReader(said(t, ""), "cisko")
	if !errors.Is(err, poe.ErrProfile) || !strings.Contains(err.Error(), "auto cisco-ios") || !strings.Contains(err.Error(), `"cisko"`) {
		t.Errorf("err = %v", err)
	}
	for _, name := range poe.ProfileNames() {
		if _, err := poe.NewReader(said(t, ""), name); err != nil {
			t.Error(err)
		}
	}
}

// full makes a switch of 48 ports as an ArubaOS-Switch shows it, with a Pi on each
// and two uplinks.
func full(t testing.TB) *snmp.Recording {
	t.Helper()
	var b strings.Builder
	b.WriteString(`
		sys.1.0|4|a made-up switch of 48 ports
		sys.2.0|6|1.3.6.1.4.1.11.2.3.7.11.181
		sys.3.0|67|360000
		sys.5.0|4|sw-a1-3
		1.3.6.1.2.1.2.1.0|2|52
		1.3.6.1.2.1.31.1.5.0|67|100
		1.3.6.1.2.1.17.1.1.0|4x|0011223344ff
		pseMai.2.1|66|740
		pseMai.3.1|2|1
		pseMai.4.1|66|198
		pseMai.5.1|2|80
		rem.4.1000.49.1|2|4
		rem.5.1000.49.1|4x|001122334400
		rem.6.1000.49.1|2|7
		rem.7.1000.49.1|4|49
		rem.12.1000.49.1|4x|2000
		loc.3.49|4|49
	`)
	for port := 1; port <= 52; port++ {
		fmt.Fprintf(&b, "ifName.%d|4|%[1]d\nifName.%d|4|VLAN%[1]d\nbase.%[1]d|2|%[1]d\nloc.3.%[1]d|4|%[1]d\nloc.4.%[1]d|4|%[1]d\n", port, port+1000)
	}
	for port := 1; port <= 48; port++ {
		fmt.Fprintf(&b, "fdbQ.2.1.184.39.235.0.0.%d|2|%[1]d\nfdbQ.3.1.184.39.235.0.0.%[1]d|2|3\n", port)
		fmt.Fprintf(&b, "fdbD.2.184.39.235.0.0.%d|2|%[1]d\nfdbD.3.184.39.235.0.0.%[1]d|2|3\n", port)
		fmt.Fprintf(&b, "psePrt.3.1.%d|2|1\npsePrt.6.1.%[1]d|2|3\npsePrt.10.1.%[1]d|2|4\n", port)
		fmt.Fprintf(&b, "psePrt.12.1.%d|65|0\npsePrt.13.1.%[1]d|65|0\npsePrt.14.1.%[1]d|65|0\n", port)
		fmt.Fprintf(&b, "1.3.6.1.4.1.11.2.14.11.1.9.1.1.1.3.1.%d|2|%d\n", port, 4000+port)
	}
	for other := 1; other <= 40; other++ {
		fmt.Fprintf(&b, "fdbQ.2.1.0.17.34.0.0.%d|2|49\nfdbQ.3.1.0.17.34.0.0.%[1]d|2|3\n", other)
	}
	return said(t, b.String())
}

func TestASwitchOf48PortsTakesAtMost30Requests(t *testing.T) {
	t.Parallel()
	all := full(t)
	r := snmptest.Start(t, snmptest.Public, all.Vars())
	client, err := snmp.Open(t.Context(), snmp.Target{Address: r.Address(), Credentials: snmptest.Public, Timeout: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	rd := reader(t, client, poe.Auto)
	want := read(t, all, poe.Auto)
	if n := count(want, func(p poe.Port) bool { return p.Number > 0 && len(p.MACs) == 1 && *p.Class == 3 }); n != 48 || len(want.Ports) != 49 {
		t.Fatalf("%d of %d ports have a Pi", n, len(want.Ports))
	}
	for _, poll := range []string{"first", "30 s later", "a minute later"} {
		before := r.Requests()
		got, err := rd.Read(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		n := r.Requests() - before
		t.Logf("%s: %d requests", poll, n)
		if n > 30 {
			t.Errorf("%s: %d requests, want at most 30", poll, n)
		}
		if diff := gocmp.Diff(want, got, gocmp.FilterPath(func(p gocmp.Path) bool { return p.String() == "Uptime" || p.String() == "HeardAgo" }, gocmp.Ignore())); diff != "" {
			t.Errorf("%s: not what it shows (-want +got):\n%s", poll, diff)
		}
		r.Serve(later(all, 30*time.Second))
		all = snmp.NewRecording(later(all, 30*time.Second))
	}
}

// later is the same switch after d.
func later(r *snmp.Recording, d time.Duration) []snmp.Var {
	vars := slices.Clone(r.Vars())
	for i := range vars {
		if vars[i].OID.String() == "1.3.6.1.2.1.1.3.0" {
			vars[i].Value.Int += int64(d / (10 * time.Millisecond))
		}
	}
	return vars
}

func TestPortsThatASwitchMakesUpAreForgotten(t *testing.T) {
	t.Parallel()
	src := &changing{}
	r := reader(t, src, "rfc3621-ifindex")
	for poll := range 3 {
		var ports strings.Builder
		for port := range 2000 {
			fmt.Fprintf(&ports, "psePrt.6.1.%d|2|1\n", 2000*poll+port+1)
		}
		src.now = aged(t, time.Duration(poll+1)*time.Second, ports.String())
		s, err := r.Read(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		want := []int{2, 2001, 2}[poll] // the first is always there; 6000 are more than any switch has
		if got := s.Ports[1].Number; got != want {
			t.Errorf("poll %d: the second port is number %d, want %d", poll, got, want)
		}
	}
}

// Looking each of a hundred thousand ports up among all names took minutes, in which
// nobody could stop it.
func TestATableOfAddressesAsLongAsThatOfNamesIsReadInTime(t *testing.T) {
	t.Parallel()
	const many = 90_000
	name, fdb := snmp.OID{1, 3, 6, 1, 2, 1, 31, 1, 1, 1, 1}, snmp.OID{1, 3, 6, 1, 2, 1, 17, 4, 3, 1, 2}
	vars := []snmp.Var{{OID: snmp.OID{1, 3, 6, 1, 2, 1, 1, 3, 0}, Value: snmp.Value{Kind: snmp.Counter, Int: 100}}}
	for i := range uint32(many) {
		vars = append(vars,
			snmp.Var{OID: name.Append(i + 1), Value: snmp.Value{Kind: snmp.Text, Bytes: fmt.Appendf(nil, "ge%d/%d", i/9000, i%9000)}},
			snmp.Var{OID: fdb.Append(0, 0, 1, i>>16, i>>8&255, i&255), Value: snmp.Value{Kind: snmp.Integer, Int: int64(i + 1)}})
	}
	s, err := reader(t, snmp.NewRecording(vars), "tp-link").Read(t.Context())
	if err != nil || len(s.Ports) != many {
		t.Errorf("%d ports, %v", len(s.Ports), err)
	}
}
