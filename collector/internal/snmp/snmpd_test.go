package snmp_test

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"thermarack/collector/internal/snmp"
)

// A snmpd is net-snmp's agent with a directory of its own.
type snmpd struct {
	address string
	program string
	dir     string
	command *exec.Cmd
}

const snmpdConfig = `agentAddress udp:%s
rocommunity orchard 127.0.0.1
sysName sw-real
sysLocation a rack
rouser thermarack priv
createUser thermarack SHA-256 "cold aisle" AES "hot aisle"
rouser strong priv
createUser strong SHA-512 "cold aisle" AES-256 "hot aisle"
rouser classic priv
createUser classic SHA "cold aisle" AES "hot aisle"
`

// startSnmpd runs snmpd until the test ends. Without it the test is skipped; it
// fails if THERMARACK_SERVERS=1 says that everything must be there.
func startSnmpd(t *testing.T) *snmpd {
	t.Helper()
	if testing.Short() {
		t.Skip("starts a real agent; run without -short")
	}
	program := "/usr/sbin/snmpd" // Debian has it where only root looks
	if _, err := os.Stat(program); err != nil {
		if program, err = exec.LookPath("snmpd"); err != nil && os.Getenv("THERMARACK_SERVERS") == "1" {
			t.Fatal("snmpd is not installed; .ci/test-deps installs it")
		} else if err != nil {
			t.Skip("snmpd is not installed; make test installs it")
		}
	}
	s := &snmpd{address: freePort(t), program: program, dir: t.TempDir()}
	if err := os.WriteFile(filepath.Join(s.dir, "agent.conf"), fmt.Appendf(nil, snmpdConfig, s.address), 0o600); err != nil {
		t.Fatal(err)
	}
	s.start(t)
	t.Cleanup(s.stop)
	return s
}

// freePort returns an address that nobody listens on now.
func freePort(t *testing.T) string {
	t.Helper()
	conn, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	return conn.LocalAddr().String()
}

// start runs it, and returns when it answers.
func (s *snmpd) start(t *testing.T) {
	t.Helper()
	var said bytes.Buffer
	// Without what looks at file systems: some of other tests are slow on purpose.
	s.command = exec.Command(s.program, "-f", "-C", "-r", "-Le", "-I", "-smux,hw_fsys,hrh_filesys,hrh_storage,disk_hw,hr_disk,hr_partition", "-c", filepath.Join(s.dir, "agent.conf"))
	s.command.Env = append(os.Environ(), "MIBS=", "SNMP_PERSISTENT_DIR="+filepath.Join(s.dir, "state"))
	s.command.Stderr = &said
	if err := s.command.Start(); err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); {
		c, err := snmp.Open(t.Context(), snmp.Target{Address: s.address, Credentials: orchard, Timeout: time.Second})
		if err != nil {
			t.Fatal(err)
		}
		_, err = c.Get(t.Context(), oid(t, "1.3.6.1.2.1.1.5.0"))
		c.Close()
		if err == nil {
			return
		}
	}
	s.stop()
	t.Fatalf("snmpd does not answer on %s:\n%s", s.address, said.String())
}

func (s *snmpd) stop() {
	_ = s.command.Process.Kill() // it may have ended
	_ = s.command.Wait()         // killed
}

var orchard = snmp.Credentials{Version: snmp.Version2c, Community: "orchard"}

func (s *snmpd) open(t *testing.T, c snmp.Credentials, timeout time.Duration) *snmp.Client {
	t.Helper()
	client, err := snmp.Open(t.Context(), snmp.Target{Address: s.address, Credentials: c, Timeout: timeout})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close() })
	return client
}

// as are the credentials of a user of snmpdConfig.
func as(user, auth, privacy string) snmp.Credentials {
	c := private(auth, privacy)
	c.User = user
	return c
}

func TestARealAgentIsRead(t *testing.T) {
	t.Parallel()
	s := startSnmpd(t)
	for name, credentials := range map[string]snmp.Credentials{
		"2c":               orchard,
		"3 SHA AES":        as("classic", "SHA", "AES"),
		"3 SHA-256 AES":    as("thermarack", "SHA256", "AES"),
		"3 SHA-512 AES256": as("strong", "SHA512", "AES256"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := s.open(t, credentials, 5*time.Second)
			got, err := c.Get(t.Context(), oid(t, "1.3.6.1.2.1.1.5.0"), oid(t, "1.3.6.1.2.1.1.99.0"), oid(t, "1.3.6.1.2.1.1.2.0"))
			if err != nil {
				t.Fatal(err)
			}
			if string(got[0].Value.Bytes) != "sw-real" || got[1].Value.Kind != snmp.Null || got[2].Value.Kind != snmp.Identifier {
				t.Errorf("Get = %v", got)
			}
			interfaces := oid(t, "1.3.6.1.2.1.2.2.1")
			lists, err := c.Walk(t.Context(), interfaces.Append(1), interfaces.Append(2), interfaces.Append(10), oid(t, "1.3.6.1.2.1.1"), oid(t, "1.3.6.1.4.1.99999"))
			if err != nil {
				t.Fatal(err)
			}
			if n := len(lists[0]); n == 0 || len(lists[1]) != n || len(lists[2]) != n || string(lists[1][0].Value.Bytes) != "lo" {
				t.Errorf("ifTable has %d, %d, %d rows: %v", n, len(lists[1]), len(lists[2]), lists[1])
			}
			if len(lists[3]) < 7 || len(lists[4]) != 0 {
				t.Errorf("%d objects of the system group, %d of an enterprise without any", len(lists[3]), len(lists[4]))
			}
		})
	}
}

func TestAWholeRealAgentIsWalkedAlikeInOneAndInManyColumns(t *testing.T) {
	t.Parallel()
	s := startSnmpd(t)
	c := s.open(t, orchard, 5*time.Second)
	system, interfaces := oid(t, "1.3.6.1.2.1.1"), oid(t, "1.3.6.1.2.1.2.2.1")
	roots := []snmp.OID{oid(t, "1.3.6.1.2.1.1.9.1.2"), oid(t, "1.3.6.1.2.1.1.9.1.3"), interfaces.Append(2), interfaces.Append(6), interfaces.Append(22)}
	for n := range uint32(6) {
		roots = append(roots, system.Append(n+1))
	}
	together, err := c.Walk(t.Context(), roots...)
	if err != nil {
		t.Fatal(err)
	}
	for i, root := range roots {
		alone, err := c.Walk(t.Context(), root)
		if err != nil {
			t.Fatal(err)
		}
		if len(alone[0]) != len(together[i]) || len(alone[0]) == 0 {
			t.Errorf("%s: %d objects alone, %d beside others", root, len(alone[0]), len(together[i]))
		}
	}
}

func TestARealAgentRefusesWrongCredentials(t *testing.T) {
	t.Parallel()
	s := startSnmpd(t)
	wrongAuth, wrongPrivacy := as("thermarack", "SHA256", "AES"), as("thermarack", "SHA256", "AES")
	wrongAuth.Auth.Password, wrongPrivacy.Privacy.Password = "swordfish!", "swordfish!"
	for name, tt := range map[string]struct {
		credentials snmp.Credentials
		want        error
	}{
		"a wrong community":                      {snmp.Credentials{Version: snmp.Version2c, Community: "swordfish!"}, snmp.ErrNoAnswer},
		"a wrong user":                           {as("nobody", "SHA256", "AES"), snmp.ErrDenied},
		"a wrong authentication":                 {as("thermarack", "SHA512", "AES"), snmp.ErrDenied},
		"a wrong password":                       {wrongAuth, snmp.ErrDenied},
		"a wrong password of the encryption":     {wrongPrivacy, snmp.ErrDenied},
		"another encryption than the user's own": {as("thermarack", "SHA256", "AES256"), snmp.ErrDenied},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := s.open(t, tt.credentials, 5*try).Get(t.Context(), oid(t, "1.3.6.1.2.1.1.5.0"))
			if !errors.Is(err, tt.want) || !strings.Contains(err.Error(), s.address) {
				t.Errorf("err = %v, want %v", err, tt.want)
			}
			if strings.Contains(fmt.Sprint(err), "swordfish") {
				t.Errorf("err = %q shows a secret", err)
			}
			t.Log(err)
		})
	}
}

func TestTheRestartOfARealAgentIsSurvived(t *testing.T) {
	t.Parallel()
	s := startSnmpd(t)
	c := s.open(t, as("thermarack", "SHA256", "AES"), 5*time.Second)
	name := oid(t, "1.3.6.1.2.1.1.5.0")
	for range 3 {
		got, err := c.Get(t.Context(), name)
		if err != nil || string(got[0].Value.Bytes) != "sw-real" {
			t.Fatalf("Get = %v, %v", got, err)
		}
		s.stop()
		if _, err := c.Get(t.Context(), name); !errors.Is(err, snmp.ErrNoAnswer) {
			t.Errorf("while it is down: err = %v", err)
		}
		s.start(t)
	}
	got, err := c.Get(t.Context(), name)
	if err != nil || string(got[0].Value.Bytes) != "sw-real" {
		t.Errorf("Get = %v, %v", got, err)
	}
}
