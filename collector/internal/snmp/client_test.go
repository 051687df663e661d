package snmp_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"thermarack/collector/internal/snmp"
	"thermarack/collector/internal/snmp/snmptest"
)

// try is how long a client in a test waits first where it must wait in vain.
const try = 20 * time.Millisecond

// patient is how long a client waits where each request is answered: a busy
// machine must not make it send one again.
const patient = time.Minute

// open returns a client of r. With a short try it gives up in 140 ms.
func open(t testing.TB, r *snmptest.Responder, timeout time.Duration) *snmp.Client {
	t.Helper()
	c, err := snmp.Open(t.Context(), snmp.Target{Address: r.Address(), Credentials: snmptest.Public, Timeout: timeout})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// ports makes a table of 4 columns of n rows, with other objects around it.
func ports(t testing.TB, n int) ([]snmp.OID, *snmp.Recording) {
	t.Helper()
	entry := oid(t, "1.3.6.1.2.1.2.2.1")
	vars := []snmp.Var{
		{OID: oid(t, "1.3.6.1.2.1.1.5.0"), Value: snmp.Value{Kind: snmp.Text, Bytes: []byte("sw-a1")}},
		{OID: oid(t, "1.3.6.1.4.1.9.1"), Value: snmp.Value{Kind: snmp.Integer, Int: 1}},
	}
	var roots []snmp.OID
	for column := range uint32(4) {
		roots = append(roots, entry.Append(column+1))
		for row := range uint32(n) {
			vars = append(vars, snmp.Var{
				OID:   entry.Append(column+1, row+1),
				Value: snmp.Value{Kind: snmp.Text, Bytes: fmt.Appendf(nil, "%d of port %d", column, row)},
			})
		}
	}
	return roots, snmp.NewRecording(vars)
}

// same walks roots of both, and compares.
func same(t *testing.T, got, want snmp.Source, roots []snmp.OID) {
	t.Helper()
	g, err := got.Walk(t.Context(), roots...)
	if err != nil {
		t.Fatal(err)
	}
	w, err := want.Walk(t.Context(), roots...)
	if err != nil {
		t.Fatal(err)
	}
	for i := range roots {
		if len(g[i]) != len(w[i]) {
			t.Errorf("%s: %d objects, want %d", roots[i], len(g[i]), len(w[i]))
			continue
		}
		for j := range g[i] {
			if diff := gocmp.Diff(w[i][j], g[i][j]); diff != "" {
				t.Fatalf("%s (-want +got):\n%s", roots[i], diff)
			}
		}
	}
}

func TestAClientReadsWhatIsRecorded(t *testing.T) {
	t.Parallel()
	for _, file := range []string{"procurve_2520.snmprec", "linksys-ss_lgs318p.snmprec", "jetstream_sg2218p.snmprec", "ios_2960x.snmprec"} {
		t.Run(file, func(t *testing.T) {
			t.Parallel()
			r := recorded(t, file)
			c := open(t, snmptest.Start(t, snmptest.Public, r.Vars()), patient)
			same(t, c, r, []snmp.OID{oid(t, "1.3.6.1.2.1"), oid(t, "1.3.6.1.4.1"), oid(t, "1.0.8802"), oid(t, "1.3.6.1.2.1.17.7")})
			t.Logf("%d objects in %d requests", len(r.Vars()), c.Requests())
		})
	}
}

func TestAClientKeepsEveryKindOfValue(t *testing.T) {
	t.Parallel()
	r, err := snmp.ReadRecording(strings.NewReader(small), "small")
	if err != nil {
		t.Fatal(err)
	}
	c := open(t, snmptest.Start(t, snmptest.Public, r.Vars()), patient)
	same(t, c, r, []snmp.OID{oid(t, "1.3.6.1")})
	objects := []snmp.OID{oid(t, "1.3.6.1.2.1.4.20.1.2"), oid(t, "1.3.6.1.2.1.1.9.9"), oid(t, "1.3.6.1.2.1.1.1.0")}
	got, err := c.Get(t.Context(), objects...)
	if err != nil {
		t.Fatal(err)
	}
	want, _ := r.Get(t.Context(), objects...)
	if diff := gocmp.Diff(want, got); diff != "" {
		t.Errorf("Get (-want +got):\n%s", diff)
	}
}

func TestColumnsAreReadSideBySide(t *testing.T) {
	t.Parallel()
	roots, want := ports(t, 48)
	r := snmptest.Start(t, snmptest.Public, want.Vars())
	c := open(t, r, patient)
	same(t, c, want, roots)
	if n := c.Requests(); n != 4 || r.Count(snmptest.GetBulk) != 4 {
		t.Errorf("192 objects in %d requests, want 4 of %d GetBulk", n, r.Count(snmptest.GetBulk))
	}
}

func TestOnlyReadingRequestsAreSent(t *testing.T) {
	t.Parallel()
	roots, want := ports(t, 10)
	r := snmptest.Start(t, snmptest.Public, want.Vars())
	c := open(t, r, try)
	for _, faults := range []snmptest.Faults{{}, {TooBig: 3}, {Silent: 3}, {Garbage: true}, {Loop: true}, {Lose: 1}} {
		r.Break(faults)
		_, _ = c.Walk(t.Context(), roots...) // whether it works is tested elsewhere
		_, _ = c.Get(t.Context(), roots...)
	}
	if n := r.Requests(); n == 0 || n != r.Count(snmptest.Get)+r.Count(snmptest.GetBulk) {
		t.Errorf("%d requests, of them %d Get and %d GetBulk; %d Set", n, r.Count(snmptest.Get), r.Count(snmptest.GetBulk), r.Count(snmptest.Set))
	}
	if n := c.Requests(); n != r.Requests() {
		t.Errorf("the client counts %d requests, the switch %d", n, r.Requests())
	}
}

func TestAClientCopesWithWhatSwitchesDo(t *testing.T) {
	t.Parallel()
	for name, faults := range map[string]snmptest.Faults{
		"answers that hold a few objects only":    {Size: 160},
		"answers that hold less than a row":       {Size: 100},
		"too big above 20 objects":                {TooBig: 20},
		"too big above one object":                {TooBig: 1},
		"silence above 20 objects":                {Silent: 20},
		"a third of the answers is lost":          {Lose: 0.3},
		"each answer twice":                       {Duplicate: true},
		"garbage ahead of each answer":            {Garbage: true},
		"half an answer ahead of each":            {Truncated: true},
		"another answer ahead of each":            {WrongID: true},
		"a slow switch":                           {Delay: 2 * time.Millisecond},
		"a slow switch, and each answer twice":    {Delay: 2 * time.Millisecond, Duplicate: true},
		"everything at once, but for the silence": {Size: 300, TooBig: 50, Duplicate: true, Garbage: true, Truncated: true, WrongID: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			roots, want := ports(t, 24)
			r := snmptest.Start(t, snmptest.Public, want.Vars())
			r.Break(faults)
			c := open(t, r, 4*try)
			if faults.Silent > 0 { // the switch is known to be there
				if _, err := c.Get(t.Context(), roots[0]); err != nil {
					t.Fatal(err)
				}
			}
			same(t, c, want, roots)
			got, err := c.Get(t.Context(), want.Vars()[0].OID, roots[0], want.Vars()[1].OID, want.Vars()[2].OID)
			if err != nil || got[1].Value.Kind != snmp.Null || string(got[0].Value.Bytes) != "sw-a1" {
				t.Errorf("Get = %v, %v", got, err)
			}
		})
	}
}

func TestWhatWasTooBigIsRemembered(t *testing.T) {
	t.Parallel()
	roots, want := ports(t, 24)
	r := snmptest.Start(t, snmptest.Public, want.Vars())
	r.Break(snmptest.Faults{TooBig: 20})
	c := open(t, r, patient)
	var requests [3]int
	for i := range requests {
		before := c.Requests()
		same(t, c, want, roots)
		requests[i] = c.Requests() - before
	}
	if requests[1] != requests[0]-2 || requests[2] != requests[1] {
		t.Errorf("%v requests a walk, want 2 less after the first", requests)
	}
}

func TestASwitchThatCantBeReadIsNamed(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		faults snmptest.Faults
		want   error
		says   string
	}{
		"no answer at all":             {snmptest.Faults{Lose: 1}, snmp.ErrNoAnswer, "is the community right"},
		"answers from another address": {snmptest.Faults{Elsewhere: true}, snmp.ErrNoAnswer, "none in 140ms"},
		"a walk in circles":            {snmptest.Faults{Loop: true}, snmp.ErrAgent, "goes in circles"},
		"not even one object fits":     {snmptest.Faults{Size: 60}, snmp.ErrAgent, "not even one object"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			roots, want := ports(t, 24)
			r := snmptest.Start(t, snmptest.Public, want.Vars())
			r.Break(tt.faults)
			_, err := open(t, r, try).Walk(t.Context(), roots...)
			if !errors.Is(err, tt.want) {
				t.Fatalf("err = %v, want %v", err, tt.want)
			}
			for _, part := range []string{r.Address(), roots[0].String(), tt.says} {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("err = %q, want %q in it", err, part)
				}
			}
			if strings.Contains(err.Error(), "\n") {
				t.Errorf("err = %q has more than one line", err)
			}
		})
	}
}
