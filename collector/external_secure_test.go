package main_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	paho "github.com/eclipse/paho.mqtt.golang"
)

// An authority signs certificates and writes them to its directory.
type authority struct {
	dir  string
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

// newAuthority makes one whose own certificate is ca.pem.
func newAuthority(t *testing.T) *authority {
	t.Helper()
	a := &authority{dir: t.TempDir()}
	a.cert, a.key = &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "rack CA"}, NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}, newKey(t)
	a.write(t, "ca.pem", a.cert, a.key)
	return a
}

func newKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// write signs a certificate for key.
func (a *authority) write(t *testing.T, file string, cert *x509.Certificate, key *ecdsa.PrivateKey) {
	t.Helper()
	der, err := x509.CreateCertificate(rand.Reader, cert, a.cert, &key.PublicKey, a.key)
	if err != nil {
		t.Fatal(err)
	}
	a.encode(t, file, "CERTIFICATE", der)
}

func (a *authority) encode(t *testing.T, file, kind string, der []byte) {
	t.Helper()
	write(t, a.path(file), string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})))
}

func (a *authority) path(file string) string { return filepath.Join(a.dir, file) }

// issue writes NAME.pem and NAME.key, for a server on 127.0.0.1 or a client.
func (a *authority) issue(t *testing.T, name string) {
	t.Helper()
	key := newKey(t)
	a.write(t, name+".pem", &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name}, NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, KeyUsage: x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}, key)
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	a.encode(t, name+".key", "PRIVATE KEY", der)
}

// config is what a client in Go needs to be name.
func (a *authority) config(t *testing.T, name string) *tls.Config {
	t.Helper()
	own, err := tls.LoadX509KeyPair(a.path(name+".pem"), a.path(name+".key"))
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	text, err := os.ReadFile(a.path("ca.pem"))
	if err != nil || !roots.AppendCertsFromPEM(text) {
		t.Fatalf("read the CA: %v", err)
	}
	return &tls.Config{RootCAs: roots, Certificates: []tls.Certificate{own}}
}

// A guarded mosquitto has the listener that we ship commented out, with our rules
// of access.
type guarded struct {
	*mosquitto
	authority *authority
	passwords string // file
}

func newGuarded(t *testing.T) *guarded {
	t.Helper()
	g := &guarded{authority: newAuthority(t)}
	g.authority.issue(t, "broker")
	g.passwords = g.authority.path("passwd")
	write(t, g.passwords, "")
	acl, err := filepath.Abs("../deploy/mosquitto/acl.example")
	if err != nil {
		t.Fatal(err)
	}
	shipped, err := os.ReadFile("../deploy/mosquitto/thermarack.conf")
	if err != nil {
		t.Fatal(err)
	}
	port := freePort(t)
	var more []string
	for _, line := range regexp.MustCompile(`(?m)^#([a-z].*)$`).FindAllStringSubmatch(string(shipped), -1) {
		key, _, _ := strings.Cut(line[1], " ")
		line := map[string]string{
			"listener":                 fmt.Sprintf("listener %d 127.0.0.1", port),
			"cafile":                   "cafile " + g.authority.path("ca.pem"),
			"certfile":                 "certfile " + g.authority.path("broker.pem"),
			"keyfile":                  "keyfile " + g.authority.path("broker.key"),
			"password_file":            "password_file " + g.passwords,
			"acl_file":                 "acl_file " + acl,
			"require_certificate":      line[1],
			"allow_anonymous":          line[1],
			"use_identity_as_username": "", // instead of the passwords
		}[key]
		more = append(more, line)
	}
	if len(more) != 9 {
		t.Fatalf("the shipped file has %q commented out, want 9 lines", more)
	}
	g.mosquitto = newMosquitto(t, strings.Join(more, "\n"))
	g.port = port
	return g
}

// allow gives a user a password, from now on.
func (g *guarded) allow(t *testing.T, user, password string) {
	t.Helper()
	if out, err := exec.Command("mosquitto_passwd", "-b", g.passwords, user, password).CombinedOutput(); err != nil {
		t.Fatalf("mosquitto_passwd: %v %s", err, out)
	}
	if err := g.cmd.Process.Signal(syscall.SIGHUP); err != nil { // it reads its files again
		t.Fatal(err)
	}
}

// dial connects a client in Go as user, waiting until mosquitto knows the password.
func (g *guarded) dial(t *testing.T, user, password string) paho.Client {
	t.Helper()
	options := paho.NewClientOptions().AddBroker("ssl://" + g.addr()).SetClientID(user).
		SetUsername(user).SetPassword(password).SetAutoReconnect(false).SetTLSConfig(g.authority.config(t, "rack"))
	client := paho.NewClient(options)
	until(t, 10*time.Second, user+" is let in", func() bool {
		token := client.Connect()
		return token.WaitTimeout(10*time.Second) && token.Error() == nil
	})
	t.Cleanup(func() { client.Disconnect(100) })
	return client
}

func TestAgentAndCollectorMeetAtAGuardedMosquitto(t *testing.T) {
	needs(t, "/usr/sbin/mosquitto", "mosquitto_passwd")
	g := newGuarded(t)
	a, dir := g.authority, t.TempDir()
	a.issue(t, "rack")
	const node, other = "b827eb000001", "b827eb000002"
	for user, password := range map[string]string{node: "pi", other: "another", "collector": "first"} {
		g.allow(t, user, password)
		write(t, filepath.Join(dir, user), password+"\n")
	}
	root, settings := filepath.Join(dir, "root"), filepath.Join(dir, "collector.yaml")
	write(t, settings, fmt.Sprintf("broker: ssl://%s\nbroker_ca: %s\nbroker_cert: %s\nbroker_key: %s\nbroker_user: collector\nbroker_password_file: %s\n",
		g.addr(), a.path("ca.pem"), a.path("rack.pem"), a.path("rack.key"), filepath.Join(dir, "collector")))
	c := startCollector(t, "serve", "--config", settings)
	c.untilMetric(t, "thermarack_mqtt_session_connected 1")

	plainPi(t, root)
	write(t, filepath.Join(dir, "agent.yaml"), fmt.Sprintf("tls: {ca: %s, cert: %s, key: %s}\nusername: %s\npassword_file: %s\n",
		a.path("ca.pem"), a.path("rack.pem"), a.path("rack.key"), node, filepath.Join(dir, node)))
	start(t, false, "thermarack-agent", "run", "--root", root, "--config", filepath.Join(dir, "agent.yaml"),
		"--broker", "ssl://"+g.addr(), "--site", "hex", "--interval", "1s")
	series := func(mac string) string {
		return "/api/v1/series?sensor=urn:dev:mac:" + mac[:6] + "fffe" + mac[6:] + "_soc:temperature"
	}
	until(t, 20*time.Second, "a reading of the agent", func() bool { return c.status(t, series(node)) == 200 })

	report := fmt.Sprintf(`[{"bt":%d,"n":"urn:dev:mac:b827ebfffe0000ff_soc:temperature","u":"Cel","v":99}]`, time.Now().Unix())
	// Acknowledged and passed to nobody; mosquitto may end the connection then.
	publish(t, g.dial(t, other, "another"), "thermarack/v1/hex/b827eb0000ff/readings", report)
	publish(t, g.dial(t, other, "another"), "thermarack/v1/hex/"+other+"/readings", strings.ReplaceAll(report, "0000ff", "000002"))
	until(t, 20*time.Second, "its own reading", func() bool { return c.status(t, series(other)) == 200 })
	if c.status(t, series("b827eb0000ff")) != 404 {
		t.Error("a Pi spoke for another")
	}

	// A changed password and a renewed certificate are read at the next connection.
	a.issue(t, "rack")
	write(t, filepath.Join(dir, "collector"), "second\n")
	g.allow(t, "collector", "second")
	g.kill()
	c.untilMetric(t, "thermarack_mqtt_session_connected 0")
	g.start(t)
	c.untilMetric(t, "thermarack_mqtt_session_connected 1")
}
