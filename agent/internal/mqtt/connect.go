package mqtt

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"time"

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
	*client
	target Target
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
	hello, err := p.hello(t, shown)
	if err != nil {
		return link{}, err
	}
	deadline := time.Now().Add(handshake)
	conn, err := dial(ctx, t, secure)
	if err != nil {
		return link{}, fmt.Errorf("connect: %w", refusal(err))
	}
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Now()) })
	c, err := introduce(conn, hello, deadline)
	if !stop() { // ctx has ended, and what stands cannot be used
		err = cmp.Or(err, ctx.Err())
	}
	if err != nil {
		_ = conn.Close()
		return link{}, fmt.Errorf("connect: %w", refusal(err))
	}
	c.patience = min(5*time.Second, p.AckTimeout)
	return link{c, t}, nil
}

// hello is the CONNECT of a clean session.
func (p *Publisher) hello(t Target, shown Security) (*packets.ConnectPacket, error) {
	password, err := shown.password()
	if err != nil {
		return nil, err
	}
	return &packets.ConnectPacket{
		FixedHeader:  packets.FixedHeader{MessageType: packets.Connect},
		ProtocolName: "MQTT", ProtocolVersion: 4, // MQTT 3.1.1
		CleanSession: true, Keepalive: uint16(keepAlive.Seconds()),
		ClientIdentifier: string(p.Node),
		WillFlag:         true, WillQos: 1, WillRetain: true,
		WillTopic: p.topic(t, wire.KindStatus), WillMessage: p.status(false),
		UsernameFlag: shown.Username != "", Username: shown.Username,
		PasswordFlag: shown.Username != "" && password != "", Password: []byte(password),
	}, nil
}

// refusal says what to do about an answer of the broker, and shortens an error of
// the network.
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
