package mqtt

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"strings"
	"time"

	paho "github.com/eclipse/paho.mqtt.golang"
	"github.com/eclipse/paho.mqtt.golang/packets"

	"thermarack/agent/wire"
)

// Security names what a connection proves itself with. Files are read again at
// each connection, so that renewed ones are used. "" is none.
type Security struct {
	CA        string // PEM authorities that replace the system's
	Cert, Key string // PEM of the node's own certificate; both or neither
	Username  string

	PasswordFile string // its first line is the password
}

// handshake is the time that a TCP, TLS and MQTT handshake may take in all.
const handshake = 15 * time.Second

// A link is an MQTT connection that stands.
type link struct {
	target Target
	client paho.Client
	conn   net.Conn     // under client
	lost   <-chan error // receives why the connection ended, unless by Disconnect
}

// open opens a clean session with a last will. The error is one line that says
// what to do.
func (p *Publisher) open(ctx context.Context, t Target) (link, error) {
	shown := p.Security.toward(t)
	if shown != p.Security {
		p.withhold(t)
	}
	secure, err := shown.tls()
	if err != nil {
		return link{}, err
	}
	password, err := shown.password()
	if err != nil {
		return link{}, err
	}
	var conn net.Conn
	gone := make(chan error, 1)
	o := paho.NewClientOptions().
		AddBroker(t.Broker).
		SetClientID(string(p.Node)).
		SetUsername(shown.Username).SetPassword(password).
		SetProtocolVersion(4). // MQTT 3.1.1, without a second try as 3.1
		SetCleanSession(true).
		SetAutoReconnect(false).
		SetConnectTimeout(handshake).
		SetWriteTimeout(min(5*time.Second, p.AckTimeout)).
		SetKeepAlive(30*time.Second).
		SetBinaryWill(p.topic(t, wire.KindStatus), p.status(false), 1, true).
		SetConnectionLostHandler(func(_ paho.Client, err error) { gone <- err }).
		SetCustomOpenConnectionFn(func(*url.URL, paho.ClientOptions) (_ net.Conn, err error) {
			conn, err = dial(ctx, t, secure)
			return conn, err
		})
	client := paho.NewClient(o)
	token := client.Connect()
	<-token.Done() // dial ends with ctx, the rest within handshake
	if err := token.Error(); err != nil {
		return link{}, fmt.Errorf("connect: %w", refusal(err))
	}
	return link{t, client, conn, gone}, nil
}

// refusal drops what the client library puts before an error of the network, and
// says what to do about an answer of the broker.
func refusal(err error) error {
	switch {
	case errors.Is(err, packets.ErrorRefusedNotAuthorised), errors.Is(err, packets.ErrorRefusedBadUsernameOrPassword):
		return errors.New("the broker refuses the name or password; check username and password_file")
	case errors.Is(err, packets.ErrorRefusedIDRejected):
		return errors.New("the broker refuses the node's MAC as client id; look at its list of clients")
	}
	if lookup, ok := errors.AsType[*net.DNSError](err); ok && !lookup.IsNotFound { // it may name a port, another each time
		return fmt.Errorf("look up %s: no name server answers", lookup.Name)
	}
	if inner, ok := errors.AsType[net.Error](err); ok {
		return inner
	}
	if text, ok := strings.CutPrefix(err.Error(), packets.ErrorNetworkError.Error()+" : "); ok {
		return errors.New(text)
	}
	return err
}

// tls returns the configuration of a connection of scheme ssl.
func (s Security) tls() (*tls.Config, error) {
	c := &tls.Config{MinVersion: tls.VersionTLS12}
	if s.CA != "" {
		pem, err := os.ReadFile(s.CA)
		if err != nil {
			return nil, fmt.Errorf("tls: ca: %w", err)
		}
		c.RootCAs = x509.NewCertPool()
		if !c.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("tls: ca: %s holds no certificate in PEM form", s.CA)
		}
	}
	if s.Cert != "" {
		pair, err := tls.LoadX509KeyPair(s.Cert, s.Key)
		if err != nil {
			return nil, fmt.Errorf("tls: cert and key: %w", err)
		}
		c.Certificates = []tls.Certificate{pair}
	}
	return c, nil
}

func (s Security) password() (string, error) {
	if s.PasswordFile == "" {
		return "", nil
	}
	text, err := os.ReadFile(s.PasswordFile)
	if err != nil {
		return "", fmt.Errorf("password: %w", err)
	}
	line, _, _ := strings.Cut(string(text), "\n")
	return strings.TrimSuffix(line, "\r"), nil
}
