package mqtt

import (
	"bufio"
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

	"github.com/eclipse/paho.mqtt.golang/packets"
)

// An address is where a broker elsewhere is and how it is spoken to.
type address struct {
	network, addr string // as net.Dial takes them
	host          string // that its certificate must be for
	secure        bool   // TLS
	user          *url.Userinfo
	shown         string // without the password
}

// CheckURL says what is wrong with the URL of an external broker, without its
// password.
func CheckURL(text string) error {
	_, err := parseAddress(text)
	return err
}

func parseAddress(text string) (address, error) {
	u, err := url.Parse(text)
	if err != nil {
		var why *url.Error // its text has the URL and so the password
		if errors.As(err, &why) {
			err = why.Err
		}
		return address{}, fmt.Errorf("broker URL: %w; write it like tcp://host:1883", err)
	}
	a := address{network: "tcp", host: u.Hostname(), user: u.User, shown: u.Redacted()}
	port := "1883"
	switch u.Scheme {
	case "tcp", "mqtt":
	case "tls", "mqtts", "ssl":
		a.secure, port = true, "8883"
	case "unix":
		a.network, a.addr = "unix", u.Path
		return a, nil
	default:
		return address{}, fmt.Errorf("broker URL %s: scheme is none of tcp, tls, unix", a.shown)
	}
	if a.host == "" {
		return address{}, fmt.Errorf("broker URL %s: no host", a.shown)
	}
	if u.Port() != "" {
		port = u.Port()
	}
	a.addr = net.JoinHostPort(a.host, port)
	return a, nil
}

// tlsConfig reads the files that the options name. It does so for each
// connection, so that certificates can be renewed under a running collector.
func (o SessionOptions) tlsConfig(host string) (*tls.Config, error) {
	c := &tls.Config{ServerName: host, MinVersion: tls.VersionTLS12}
	if o.CAFile != "" {
		pem, err := os.ReadFile(o.CAFile)
		if err != nil {
			return nil, fmt.Errorf("broker CA: %w", err)
		}
		c.RootCAs = x509.NewCertPool()
		if !c.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("broker CA: %s holds no PEM certificate", o.CAFile)
		}
	}
	if o.CertFile != "" || o.KeyFile != "" {
		own, err := tls.LoadX509KeyPair(o.CertFile, o.KeyFile)
		if err != nil {
			return nil, fmt.Errorf("our certificate for the broker, %q with the key %q: %w", o.CertFile, o.KeyFile, err)
		}
		c.Certificates = []tls.Certificate{own}
	}
	return c, nil
}

// dial opens a connection, TLS included.
func (s *Session) dial(ctx context.Context) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, connectWait)
	defer cancel()
	plain := &net.Dialer{}
	if !s.address.secure {
		return plain.DialContext(ctx, s.address.network, s.address.addr)
	}
	config, err := s.opts.tlsConfig(s.address.host)
	if err != nil {
		return nil, err
	}
	return (&tls.Dialer{NetDialer: plain, Config: config}).DialContext(ctx, s.address.network, s.address.addr)
}

// hello makes the CONNECT packet. It reads the password.
func (s *Session) hello() (*packets.ConnectPacket, error) {
	p := packets.NewControlPacket(packets.Connect).(*packets.ConnectPacket)
	p.ProtocolName, p.ProtocolVersion = "MQTT", 4
	p.ClientIdentifier, p.Keepalive = s.opts.ClientID, uint16(silence/time.Second)
	if s.address.user != nil {
		password, _ := s.address.user.Password()
		p.Username, p.Password = s.address.user.Username(), []byte(password)
	}
	if s.opts.Username != "" {
		p.Username = s.opts.Username
	}
	if s.opts.PasswordFile != "" {
		password, err := os.ReadFile(s.opts.PasswordFile)
		if err != nil {
			return nil, fmt.Errorf("broker password: %w", err)
		}
		p.Password = []byte(strings.TrimSpace(string(password)))
	}
	p.UsernameFlag, p.PasswordFlag = p.Username != "", len(p.Password) > 0
	return p, nil
}

// introduce sends CONNECT and reads the answer. present tells whether the broker
// has kept our session.
func introduce(c *conn, in *bufio.Reader, hello *packets.ConnectPacket) (present bool, err error) {
	if err := hello.Write(c); err != nil {
		return false, explain("write to", err)
	}
	h, err := readHeader(in)
	if err != nil {
		return false, explain("read the answer to CONNECT from", err)
	}
	p, err := readReply(in, h)
	if err != nil {
		return false, explain("read the answer to CONNECT from", err)
	}
	switch answer, ok := p.(*packets.ConnackPacket); {
	case !ok:
		return false, fmt.Errorf("a packet of type %d in answer to CONNECT; is there a broker?", h.MessageType)
	case answer.ReturnCode == packets.Accepted:
		return answer.SessionPresent, nil
	case answer.ReturnCode == packets.ErrRefusedBadUsernameOrPassword, answer.ReturnCode == packets.ErrRefusedNotAuthorised:
		return false, fmt.Errorf("the broker does not let us in (%w); look at the user, the password file and its access rules", packets.ConnErrors[answer.ReturnCode])
	default:
		return false, fmt.Errorf("the broker refuses the session %q (code %d)", hello.ClientIdentifier, answer.ReturnCode)
	}
}

// A patient reads from a connection that may be silent for limit at most. The
// time in which nobody reads does not count.
type patient struct {
	net.Conn
	limit time.Duration
}

func (p *patient) Read(b []byte) (int, error) {
	_ = p.SetReadDeadline(time.Now().Add(p.limit)) // an error of it is one of Read too
	return p.Conn.Read(b)
}
