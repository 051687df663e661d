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
	client paho.Client
	conn   net.Conn     // under client
	lost   <-chan error // receives why the connection ended, unless by Disconnect
}

// connect opens a clean session with a last will. The error is one line that
// says what to do.
func (p *Publisher) connect(ctx context.Context) (link, error) {
	secure, err := p.Security.tls()
	if err != nil {
		return link{}, err
	}
	password, err := p.Security.password()
	if err != nil {
		return link{}, err
	}
	var conn net.Conn
	gone := make(chan error, 1)
	o := paho.NewClientOptions().
		AddBroker(p.Broker).
		SetClientID(string(p.Node)).
		SetUsername(p.Security.Username).SetPassword(password).
		SetProtocolVersion(4). // MQTT 3.1.1, without a second try as 3.1
		SetCleanSession(true).
		SetAutoReconnect(false).
		SetConnectTimeout(handshake).
		SetWriteTimeout(min(5*time.Second, p.AckTimeout)).
		SetKeepAlive(30*time.Second).
		SetBinaryWill(p.topic(wire.KindStatus), p.status(false), 1, true).
		SetConnectionLostHandler(func(_ paho.Client, err error) { gone <- err }).
		SetCustomOpenConnectionFn(func(u *url.URL, _ paho.ClientOptions) (_ net.Conn, err error) {
			conn, err = dial(ctx, u, secure)
			return conn, err
		})
	client := paho.NewClient(o)
	token := client.Connect()
	<-token.Done() // dial ends with ctx, the rest within handshake
	if err := token.Error(); err != nil {
		return link{}, fmt.Errorf("connect: %w", refusal(err))
	}
	return link{client, conn, gone}, nil
}

// dial opens the connection under the MQTT session. It is closed some time after
// ctx has ended: a broker that does not read must not hold up a stop.
func dial(ctx context.Context, u *url.URL, secure *tls.Config) (net.Conn, error) {
	limited, cancel := context.WithTimeout(ctx, handshake)
	defer cancel()
	var conn net.Conn
	var err error
	if u.Scheme == "ssl" {
		conn, err = (&tls.Dialer{Config: secure}).DialContext(limited, "tcp", u.Host)
	} else {
		conn, err = new(net.Dialer).DialContext(limited, "tcp", u.Host)
	}
	if err != nil {
		return nil, err
	}
	stop := context.AfterFunc(ctx, func() {
		time.AfterFunc(2*farewell, func() { _ = conn.Close() }) // closed already, unless it hangs
	})
	return &closing{conn, stop}, nil
}

// A closing is a connection that tells when it is closed.
type closing struct {
	net.Conn
	stop func() bool
}

func (c *closing) Close() error {
	c.stop()
	return c.Conn.Close()
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
	if inner, ok := errors.AsType[net.Error](err); ok {
		return inner
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
