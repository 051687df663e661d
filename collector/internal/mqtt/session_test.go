package mqtt_test

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/eclipse/paho.mqtt.golang/packets"

	"thermarack/agent/wire"
	"thermarack/collector/internal/ingest"
	"thermarack/collector/internal/mqtt"
)

const mosquitto = "/usr/sbin/mosquitto"

// startMosquitto starts Debian's broker on a Unix socket in dir, as our
// documentation has it configured but for the messages in flight. stop ends it.
func startMosquitto(t *testing.T, dir string, inflight int) (url string, stop func()) {
	t.Helper()
	if _, err := os.Stat(mosquitto); err != nil {
		if os.Getenv("THERMARACK_SERVERS") == "1" {
			t.Fatalf("THERMARACK_SERVERS=1 and no broker: %v", err)
		}
		t.Skipf("no broker to test with, install mosquitto: %v", err)
	}
	socket := filepath.Join(dir, "m.sock")
	config := filepath.Join(dir, "mosquitto.conf")
	text := fmt.Sprintf("listener 0 %s\nallow_anonymous true\nmax_queued_messages 0\nmax_inflight_messages %d\n"+
		"persistence true\npersistence_location %s/\nlog_dest stderr\n", socket, inflight, dir)
	if os.Getuid() == 0 {
		text += "user root\n" // else it cannot write to dir
	}
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(mosquitto, "-c", config)
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	running := make(chan struct{})
	go func() {
		for lines := bufio.NewScanner(stderr); lines.Scan(); {
			if strings.HasSuffix(lines.Text(), "running") {
				close(running)
			}
		}
	}()
	stop = func() {
		_ = cmd.Process.Signal(os.Interrupt) // it saves its sessions
		_ = cmd.Wait()
	}
	t.Cleanup(stop)
	receive(t, running, "broker")
	return "unix://" + socket, stop
}

// shortDir returns a directory whose paths are short enough for Unix sockets.
func shortDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "mq")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// newSession runs a session of the collector and waits until it is subscribed.
func newSession(t *testing.T, url string, in mqtt.Offerer) *visitor {
	t.Helper()
	v := visit(t, url, in, nil)
	eventually(t, "subscribed", v.Connected)
	return v
}

// values acknowledges n messages and returns their payloads.
func values(t *testing.T, in offers, n int) []string {
	t.Helper()
	var out []string
	for range n {
		d := receive(t, in, fmt.Sprintf("message %d of %d", len(out)+1, n))
		out = append(out, string(d.Payload))
		d.Done(nil)
	}
	return out
}

func TestWhatIsPublishedWhileTheCollectorIsAwayArrives(t *testing.T) {
	t.Parallel()
	url, _ := startMosquitto(t, shortDir(t), 1000)
	in := make(offers, 100) // smaller than the backlog: the session has to wait
	v := newSession(t, url, in)
	agent := connectPaho(t, url, string(node))
	finish(t, agent.Publish(topicOf(wire.KindReadings), 1, false, "here"), "acknowledgement")
	values(t, in, 1)
	v.stop()

	const n = 1000
	for i := range n {
		finish(t, agent.Publish(topicOf(wire.KindReadings), 1, false, fmt.Sprint(i)), "acknowledgement")
	}
	visit(t, url, in, nil)
	for i, got := range values(t, in, n) {
		if got != fmt.Sprint(i) {
			t.Fatalf("message %d is %s: lost or out of order", i, got)
		}
	}
}

func TestWhatWasNotAcknowledgedIsDeliveredAgain(t *testing.T) {
	t.Parallel()
	url, _ := startMosquitto(t, shortDir(t), 5) // it sends no more than five that are not acknowledged
	in := make(offers, 100)
	newSession(t, url, in)
	agent := connectPaho(t, url, string(node))
	publish := func(payloads string) {
		for _, p := range payloads {
			agent.Publish(topicOf(wire.KindReadings), 1, false, string(p))
		}
	}
	take := func(payloads string) []ingest.Delivery {
		t.Helper()
		all := make([]ingest.Delivery, len(payloads))
		got := ""
		for i := range all {
			all[i] = receive(t, in, "message")
			got += string(all[i].Payload)
		}
		if got != payloads {
			t.Errorf("delivered: %s, want %s", got, payloads)
		}
		return all
	}
	done := func(all []ingest.Delivery, err error) {
		for _, d := range all {
			d.Done(err)
		}
	}

	publish("abcdefg")
	first := take("abcde")
	done(first[:2], nil)
	first = append(first[2:], take("fg")...) // so a and b are acknowledged
	done(first, errors.New("no space left on device"))
	done(take("cdefg"), nil) // by a new connection
	publish("hijkl")
	done(take("hijkl"), nil)
}

func TestTheSessionOutlivesTheBroker(t *testing.T) {
	t.Parallel()
	dir := shortDir(t)
	url, kill := startMosquitto(t, dir, 1000)
	in := make(offers, 100)
	s := newSession(t, url, in)
	kill()
	eventually(t, "loss noticed", func() bool { return !s.Connected() })
	startMosquitto(t, dir, 1000)
	eventually(t, "subscribed again", s.Connected)
	agent := connectPaho(t, url, string(node))
	finish(t, agent.Publish(topicOf(wire.KindStatus), 1, true, "live"), "acknowledgement")
	if d := receive(t, in, "message"); d.Retained || string(d.Payload) != "live" {
		t.Errorf("got %+v, want a live message", d)
	} else {
		d.Done(nil)
	}
}

func TestRetainedMessagesAreMarked(t *testing.T) {
	t.Parallel()
	url, _ := startMosquitto(t, shortDir(t), 1000)
	agent := connectPaho(t, url, string(node))
	finish(t, agent.Publish(topicOf(wire.KindStatus), 1, true, "old"), "acknowledgement")
	in := make(offers, 1)
	newSession(t, url, in)
	d := receive(t, in, "message")
	d.Done(nil)
	if !d.Retained || string(d.Payload) != "old" {
		t.Errorf("got %+v, want it marked as retained", d)
	}
}

// TestSessionOverTLS uses our own broker as the one elsewhere.
func TestSessionOverTLS(t *testing.T) {
	t.Parallel()
	certs := httptest.NewUnstartedServer(nil)
	certs.StartTLS()
	defer certs.Close()
	ca := filepath.Join(t.TempDir(), "ca.pem")
	block := &pem.Block{Type: "CERTIFICATE", Bytes: certs.Certificate().Raw}
	if err := os.WriteFile(ca, pem.EncodeToMemory(block), 0o600); err != nil {
		t.Fatal(err)
	}
	password := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(password, []byte("secret\n"), 0o600); err != nil {
		t.Fatal(err)
	}

	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	far := make(offers, 10)
	b := newBroker(t, nil, func(o *mqtt.BrokerOptions) {
		o.Listener = tls.NewListener(listener, certs.TLS)
		o.Ingest = far
		o.Authenticate = func(user string, password []byte) bool { return user == "collector" && string(password) == "secret" }
	})
	near := make(offers, 10)
	s, err := mqtt.NewSession(mqtt.SessionOptions{
		URL: "tls://" + b.Addr().String(), ClientID: "c", Filters: []string{wire.TopicFilter("")}, Ingest: near, Log: slog.New(slog.DiscardHandler),
		CAFile: ca, Username: "collector", PasswordFile: password,
	})
	if err != nil {
		t.Fatal(err)
	}
	start(t, b.Run, s.Run)
	eventually(t, "subscribed", s.Connected)

	c, err := tls.Dial("tcp", b.Addr().String(), certs.Client().Transport.(*http.Transport).TLSClientConfig)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	r := connect(t, c, string(node), func(p *packets.ConnectPacket) {
		p.UsernameFlag, p.PasswordFlag, p.Username, p.Password = true, true, "collector", []byte("secret")
	})
	r.connected()
	r.publish(1, 1, topicOf(wire.KindReadings), []byte("[]"))
	receive(t, far, "message at the broker").Done(nil)
	receive(t, near, "message at the session").Done(nil)
	r.acknowledged(1)
}

// issue writes a certificate of its own authority, and its key, to FILE.pem and
// FILE.key.
func issue(t *testing.T, file, name string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	cert := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, cert, cert, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for suffix, block := range map[string]*pem.Block{".pem": {Type: "CERTIFICATE", Bytes: der}, ".key": {Type: "PRIVATE KEY", Bytes: private}} {
		if err := os.WriteFile(file+suffix, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func TestFilesAreReadAtEachConnection(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	certs := httptest.NewUnstartedServer(nil)
	certs.StartTLS()
	defer certs.Close()
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certs.Certificate().Raw})
	name := func(s string) {
		issue(t, filepath.Join(dir, "own"), s)
		if err := os.WriteFile(filepath.Join(dir, "password"), []byte(s+" password\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "ca.pem"), ca, 0o600); err != nil {
		t.Fatal(err)
	}
	name("first")
	e := newElsewhere(t)
	e.secure = &tls.Config{Certificates: certs.TLS.Certificates, ClientAuth: tls.RequireAnyClientCert}
	visit(t, strings.Replace(e.url(), "tcp", "ssl", 1), make(offers), func(o *mqtt.SessionOptions) {
		o.CAFile, o.CertFile, o.KeyFile = filepath.Join(dir, "ca.pem"), filepath.Join(dir, "own.pem"), filepath.Join(dir, "own.key")
		o.Username, o.PasswordFile = "collector", filepath.Join(dir, "password")
	})
	for _, want := range []string{"first", "second"} {
		r, hello := e.accept(packets.Accepted, true)
		shown := r.Conn.(*tls.Conn).ConnectionState().PeerCertificates[0].Subject.CommonName
		if shown != want || hello.Username != "collector" || string(hello.Password) != want+" password" {
			t.Errorf("the session shows the certificate %q and the password %q, want the %s", shown, hello.Password, want)
		}
		name("second")
		r.Close()
	}
}

func TestNewSessionNamesWhatIsWrong(t *testing.T) {
	t.Parallel()
	notPEM := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(notPEM, []byte("no"), 0o600); err != nil {
		t.Fatal(err)
	}
	all := []string{wire.TopicFilter("")}
	tests := []struct {
		name string
		o    mqtt.SessionOptions
		want string
	}{
		{"a web address", mqtt.SessionOptions{URL: "http://u:secret@host"}, "broker URL http://u:xxxxx@host: scheme is none of"},
		{"an address that is none", mqtt.SessionOptions{URL: "tcp://u:secret@ho st"}, "broker URL: invalid character"},
		{"no host", mqtt.SessionOptions{URL: "tcp://:1883"}, "no host"},
		{"no client id", mqtt.SessionOptions{URL: "tcp://host", Filters: all}, "no client id"},
		{"no topics", mqtt.SessionOptions{URL: "tcp://host", ClientID: "c"}, "no topics"},
		{"a CA that is not there", mqtt.SessionOptions{URL: "tls://host", ClientID: "c", Filters: all, CAFile: "/no/such"}, "/no/such"},
		{"a CA that is none", mqtt.SessionOptions{URL: "ssl://host", ClientID: "c", Filters: all, CAFile: notPEM}, "holds no PEM"},
		{"a CA and no TLS", mqtt.SessionOptions{URL: "tcp://host", ClientID: "c", Filters: all, CAFile: notPEM}, "write tls://"},
		{"a certificate without its key", mqtt.SessionOptions{URL: "mqtts://host", ClientID: "c", Filters: all, CertFile: notPEM}, "our certificate for the broker"},
		{"a password that is not there", mqtt.SessionOptions{URL: "mqtt://host", ClientID: "c", Filters: all, PasswordFile: "/no/such"}, "broker password: open /no/such"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := mqtt.NewSession(tt.o)
			if err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "secret") {
				t.Errorf("err = %v, want it to say %s, and no password", err, tt.want)
			}
		})
	}
}

var _ mqtt.Offerer = (*ingest.Ingest)(nil)
