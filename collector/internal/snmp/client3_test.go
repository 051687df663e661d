package snmp_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"thermarack/collector/internal/snmp"
	"thermarack/collector/internal/snmp/snmptest"
)

// private are credentials of version 3.
func private(auth, privacy string) snmp.Credentials {
	return snmp.Credentials{
		Version: snmp.Version3, User: "thermarack",
		Auth:    snmp.Protection{Protocol: auth, Password: "cold aisle"},
		Privacy: snmp.Protection{Protocol: privacy, Password: "hot aisle"},
	}
}

func open3(t *testing.T, r *snmptest.Responder, c snmp.Credentials, timeout time.Duration) *snmp.Client {
	t.Helper()
	client, err := snmp.Open(t.Context(), snmp.Target{Address: r.Address(), Credentials: c, Timeout: timeout})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close() })
	return client
}

func TestAClientReadsWithAuthenticationAndPrivacy(t *testing.T) {
	t.Parallel()
	for _, auth := range []string{"SHA", "SHA224", "SHA256", "SHA384", "SHA512"} {
		for _, privacy := range []string{"AES", "AES192", "AES256", "AES192C", "AES256C"} {
			t.Run(auth+" "+privacy, func(t *testing.T) {
				t.Parallel()
				roots, want := ports(t, 8)
				r := snmptest.Start(t, private(auth, privacy), want.Vars())
				c := open3(t, r, private(auth, privacy), patient)
				same(t, c, want, roots)
				if n := c.Requests(); n != 2 {
					t.Errorf("%d requests, want 2: one finds out about the engine", n)
				}
			})
		}
	}
}

func TestAClientSurvivesTheRestartOfASwitch(t *testing.T) {
	t.Parallel()
	roots, want := ports(t, 4)
	r := snmptest.Start(t, private("SHA", "AES"), want.Vars())
	c := open3(t, r, private("SHA", "AES"), patient)
	same(t, c, want, roots)
	r.Restart()
	same(t, c, want, roots)
	r.Exchange()
	if _, err := c.Walk(t.Context(), roots...); !errors.Is(err, snmp.ErrDenied) {
		t.Errorf("another switch in its place: err = %v", err)
	}
	same(t, c, want, roots) // the next poll finds out about the new one
}

func TestWrongCredentialsAreNamedAndNotQuoted(t *testing.T) {
	t.Parallel()
	change := func(f func(*snmp.Credentials)) snmp.Credentials {
		c := private("SHA256", "AES")
		f(&c)
		return c
	}
	for name, c := range map[string]snmp.Credentials{
		"another user":                   change(func(c *snmp.Credentials) { c.User = "someone" }),
		"another authentication":         change(func(c *snmp.Credentials) { c.Auth.Protocol = "SHA512" }),
		"a wrong password":               change(func(c *snmp.Credentials) { c.Auth.Password = "swordfish!" }),
		"a wrong password of encryption": change(func(c *snmp.Credentials) { c.Privacy.Password = "swordfish!" }),
		"another encryption":             change(func(c *snmp.Credentials) { c.Privacy.Protocol = "AES256" }),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			roots, want := ports(t, 4)
			r := snmptest.Start(t, private("SHA256", "AES"), want.Vars())
			_, err := open3(t, r, c, patient).Walk(t.Context(), roots...)
			if !errors.Is(err, snmp.ErrDenied) || !strings.Contains(err.Error(), r.Address()) || strings.Contains(err.Error(), "\n") {
				t.Errorf("err = %v", err)
			}
			for _, secret := range []string{"swordfish!", "aisle"} {
				if strings.Contains(err.Error(), secret) {
					t.Errorf("err = %q shows a password", err)
				}
			}
		})
	}
}
