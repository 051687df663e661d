package mqtt_test

import (
	"crypto/tls"
	"encoding/pem"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"thermarack/agent/internal/mqtt"
	"thermarack/agent/internal/mqtt/mqtttest"
	"thermarack/agent/internal/outbox"
)

// front puts TLS in front of a broker and returns its address, and the
// certificate of its authority in PEM form.
func front(t *testing.T, broker *mqtttest.Broker) (addr string, authority []byte) {
	t.Helper()
	maker := httptest.NewTLSServer(http.NotFoundHandler()) // for its certificate of 127.0.0.1
	defer maker.Close()
	listener, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: maker.TLS.Certificates})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				if conn.(*tls.Conn).Handshake() == nil {
					join(conn, broker.Addr())
				}
				_ = conn.Close()
			}()
		}
	}()
	return listener.Addr().String(), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: maker.Certificate().Raw})
}

// join copies both ways until one side ends.
func join(conn net.Conn, addr string) {
	behind, err := net.Dial("tcp", addr)
	if err != nil {
		return
	}
	defer behind.Close()
	go func() {
		_, _ = io.Copy(behind, conn)
		_ = behind.Close()
	}()
	_, _ = io.Copy(conn, behind)
}

func TestTLSTrustsTheGivenAuthorityOnly(t *testing.T) {
	t.Parallel()
	broker, box := mqtttest.Start(t), outbox.New(outbox.DefaultLimit)
	addr, authority := front(t, broker)
	file := filepath.Join(t.TempDir(), "ca.pem")
	write := func(text []byte) {
		if err := os.WriteFile(file, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	log := make(lines, 10)
	o := options("ssl://"+addr, box)
	o.Log = slog.New(slog.NewTextHandler(log, nil))
	put(box, packs(0, 1))
	withoutCA := start(t, mqtt.New(o))
	log.want(t, `err="connect: tls: failed to verify certificate: x509: certificate signed by unknown authority"`)
	withoutCA()

	write([]byte("not PEM"))
	o.Security.CA = file
	start(t, mqtt.New(o))
	log.want(t, "holds no certificate in PEM form")
	write(authority)
	broker.Wait("the pack", func(m []mqtttest.Message) bool { return len(arrived(m, readings)) == 1 })
}
