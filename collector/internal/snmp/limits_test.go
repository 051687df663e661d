package snmp_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"thermarack/collector/internal/snmp"
	"thermarack/collector/internal/snmp/snmptest"
)

func TestARequestEndsWithItsContext(t *testing.T) {
	t.Parallel()
	for name, credentials := range map[string]snmp.Credentials{"2c": snmptest.Public, "3": private("SHA", "AES")} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			roots, want := ports(t, 4)
			r := snmptest.Start(t, credentials, want.Vars())
			r.Break(snmptest.Faults{Lose: 1})
			c, err := snmp.Open(t.Context(), snmp.Target{Address: r.Address(), Credentials: credentials, Timeout: time.Hour})
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()

			canceled, cancel := context.WithCancel(t.Context())
			go func() {
				for r.Requests() == 0 {
					<-time.After(time.Millisecond)
				}
				cancel()
			}()
			if _, err := c.Walk(canceled, roots...); !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), r.Address()) {
				t.Errorf("canceled: err = %v", err)
			}
			short, cancel := context.WithTimeout(t.Context(), try)
			defer cancel()
			if _, err := c.Get(short, roots...); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("late: err = %v", err)
			}
			before := r.Requests()
			if _, err := c.Get(canceled, roots...); !errors.Is(err, context.Canceled) || r.Requests() != before {
				t.Errorf("canceled before: err = %v, %d requests", err, r.Requests()-before)
			}

			r.Break(snmptest.Faults{})
			same(t, c, want, roots)
		})
	}
}

func TestATableWithoutEndIsGivenUp(t *testing.T) {
	t.Parallel()
	root := oid(t, "1.3.6.1.2.1.17.4.3.1.2")
	vars := make([]snmp.Var, 201_000)
	for i := range vars {
		vars[i] = snmp.Var{OID: root.Append(uint32(i)), Value: snmp.Value{Kind: snmp.Integer, Int: 1}}
	}
	r := snmptest.Start(t, snmptest.Public, vars)
	_, err := open(t, r, patient).Walk(t.Context(), root)
	if !errors.Is(err, snmp.ErrAgent) || !strings.Contains(err.Error(), "more than 200000 objects") {
		t.Errorf("err = %v", err)
	}
}

func TestATableOfEndlessTextsIsGivenUp(t *testing.T) {
	t.Parallel()
	root := oid(t, "1.3.6.1.2.1.31.1.1.1.1")
	text := bytes.Repeat([]byte("x"), 1000)
	vars := make([]snmp.Var, 18_000)
	for i := range vars {
		vars[i] = snmp.Var{OID: root.Append(uint32(i)), Value: snmp.Value{Kind: snmp.Text, Bytes: text}}
	}
	r := snmptest.Start(t, snmptest.Public, vars)
	_, err := open(t, r, patient).Walk(t.Context(), root)
	if !errors.Is(err, snmp.ErrAgent) || !strings.Contains(err.Error(), "16777216 bytes") {
		t.Errorf("err = %v", err)
	}
}

func TestAClientSeesACableThatIsPluggedElsewhere(t *testing.T) {
	t.Parallel()
	roots, before := ports(t, 2)
	_, after := ports(t, 7)
	r := snmptest.Start(t, snmptest.Public, before.Vars())
	c := open(t, r, patient)
	same(t, c, before, roots)
	r.Serve(after.Vars())
	same(t, c, after, roots)
}

func TestTheRootItselfIsNotUnderIt(t *testing.T) {
	t.Parallel()
	_, want := ports(t, 1)
	r := snmptest.Start(t, snmptest.Public, want.Vars())
	c := open(t, r, patient)
	same(t, c, want, []snmp.OID{oid(t, "1.3.6.1.2.1.1.5.0"), oid(t, "1.3.6.1.2.1.1.5"), oid(t, "1.3.6.1.2.1.1.5")})
	same(t, c, want, nil)
	if got, err := c.Get(t.Context()); err != nil || len(got) != 0 {
		t.Errorf("Get of nothing = %v, %v", got, err)
	}
}

func TestMoreColumnsThanARequestTakes(t *testing.T) {
	t.Parallel()
	var roots []snmp.OID
	var vars []snmp.Var
	for n := range uint32(150) {
		root := oid(t, "1.3.6.1.4.1.4526").Append(n)
		roots = append(roots, root)
		vars = append(vars, snmp.Var{OID: root.Append(1), Value: snmp.Value{Kind: snmp.Integer, Int: int64(n)}},
			snmp.Var{OID: root.Append(2), Value: snmp.Value{Kind: snmp.Integer, Int: -int64(n)}})
	}
	want := snmp.NewRecording(vars)
	r := snmptest.Start(t, snmptest.Public, want.Vars())
	c := open(t, r, patient)
	same(t, c, want, roots)
	var objects []snmp.OID
	for _, v := range want.Vars() {
		objects = append(objects, v.OID)
	}
	got, err := c.Get(t.Context(), objects...)
	if err != nil || len(got) != 300 || got[299].Value.Int != -149 {
		t.Errorf("Get: %d objects, %v", len(got), err)
	}
}

func TestAddresses(t *testing.T) {
	t.Parallel()
	for address, ok := range map[string]bool{
		"127.0.0.1": true, "127.0.0.1:1161": true, "::1": true, "[::1]": true, "[::1]:1161": true, "localhost": true, "localhost:161": true,
		"": false, ":161": false, "127.0.0.1:": false, "127.0.0.1:0": false, "127.0.0.1:65536": false, "sw1:snmp": false,
		"udp://sw1": false, "sw 1": false, "a:b:c": false,
	} {
		c, err := snmp.Open(t.Context(), snmp.Target{Address: address, Credentials: snmptest.Public})
		if (err == nil) != ok {
			t.Errorf("%q: err = %v", address, err)
		}
		if err == nil {
			c.Close()
			c.Close() // does no harm
		}
	}
}

func TestASwitchWithoutSNMPIsNamed(t *testing.T) {
	t.Parallel()
	address := freePort(t)
	c, err := snmp.Open(t.Context(), snmp.Target{Address: address, Credentials: snmptest.Public, Timeout: try})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_, err = c.Get(t.Context(), oid(t, "1.3.6.1.2.1.1.5.0"))
	if !errors.Is(err, snmp.ErrNoAnswer) || !strings.Contains(err.Error(), "switch SNMP on there") || !strings.Contains(err.Error(), address) {
		t.Errorf("err = %v", err)
	}
}

func TestANameThatLeadsNowhereIsNamed(t *testing.T) {
	t.Parallel()
	name := strings.Repeat("sw", 32) // too long to ask a name server for
	_, err := snmp.Open(t.Context(), snmp.Target{Address: name, Credentials: snmptest.Public})
	if !errors.Is(err, snmp.ErrNoAnswer) || !strings.HasPrefix(err.Error(), "open a socket to switch "+name+": lookup "+name) {
		t.Errorf("err = %v", err)
	}
}

func TestAClientIsNotOpenedWithHalfCredentials(t *testing.T) {
	t.Parallel()
	for _, c := range []snmp.Credentials{{}, {Version: "1", Community: "public"}, {Version: snmp.Version2c}, {Version: snmp.Version3, User: "thermarack"}} {
		if _, err := snmp.Open(t.Context(), snmp.Target{Address: "127.0.0.1", Credentials: c}); !errors.Is(err, snmp.ErrCredentials) {
			t.Errorf("%v: err = %v", c, err)
		}
	}
}

// FuzzAnswer lets a switch say anything in place of a list of objects.
func FuzzAnswer(f *testing.F) {
	f.Add([]byte("\x30\x0c\x06\x07\x2b\x06\x01\x02\x01\x01\x05\x02\x01\x07"))
	f.Add([]byte("\x30\x0a\x06\x06\x2b\x06\x01\x02\x01\x02\x82\x00"))
	f.Add([]byte("\x30\x0d\x06\x07\x2b\x06\x01\x02\x01\x01\x05\x44\x02\x9f\x78"))
	f.Add([]byte("\x30\x84\xff\xff\xff\xff\x06\x80"))
	f.Add([]byte{})
	r := snmptest.Start(f, snmptest.Public, []snmp.Var{{OID: oid(f, "1.3.6.1.2.1.1.5.0")}})
	c := open(f, r, try)
	roots := []snmp.OID{oid(f, "1.3.6.1.2.1.1"), oid(f, "1.3.6.1.2.1.1.5")}
	f.Fuzz(func(t *testing.T, list []byte) {
		if len(list) > snmptest.DefaultSize {
			t.Skip("is no answer of one datagram")
		}
		r.Break(snmptest.Faults{Forged: list})
		lists, err := c.Walk(t.Context(), roots...)
		if err != nil && strings.Contains(err.Error(), "\n") {
			t.Errorf("err = %q", err)
		}
		for i, list := range lists {
			for j, v := range list {
				if _, ok := v.OID.Under(roots[i]); !ok || j > 0 && snmp.CompareVars(list[j-1], v) >= 0 {
					t.Fatalf("%s in the walk of %s", v.OID, roots[i])
				}
				_ = fmt.Sprint(v.Value)
			}
		}
		if got, err := c.Get(t.Context(), roots...); err == nil && len(got) != len(roots) {
			t.Errorf("%d values for %d objects", len(got), len(roots))
		}
	})
}
