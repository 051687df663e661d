package snmp

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/gosnmp/gosnmp"
)

// What can be wrong with a switch. The text of the error says which switch, what
// was read, and what to do.
var (
	ErrNoAnswer = errors.New("no answer")                // it is away, its name is wrong, or it does not know the community
	ErrDenied   = errors.New("the switch refuses us")    // user, password or protocol of version 3
	ErrAgent    = errors.New("the switch can't be read") // its answers break the protocol
)

// DefaultPort is where agents listen (RFC 3417).
const DefaultPort = 161

// DefaultTimeout is how long the first try of a request waits.
const DefaultTimeout = time.Second

// retries of a request, each of which waits twice as long as the one before.
const retries = 2

// A Target is a switch to read.
type Target struct {
	Address     string // host or host:port
	Credentials Credentials
	Timeout     time.Duration // of the first of three tries of a request; 0 for DefaultTimeout
}

// A Client is a Source that reads a switch over UDP. It sends Get and GetBulk
// only, one at a time. Close it after use.
type Client struct {
	target   Target
	host     string
	port     uint16
	session  *gosnmp.GoSNMP // nil after an error: the next request opens it anew
	requests int
	pace     pace
	vlan     int // what it speaks of, see VLAN; 0 for all of the switch
}

// Open returns a client of a switch. It looks up its name, but sends nothing yet.
// The error wraps ErrCredentials, or ErrNoAnswer when the name leads nowhere.
func Open(ctx context.Context, target Target) (*Client, error) {
	host, port, err := splitAddress(target.Address)
	if err != nil {
		return nil, err
	}
	if key, text := target.Credentials.problem(); text != "" {
		return nil, fmt.Errorf("credentials of %s: %s: %s (%w)", target.Address, key, text, ErrCredentials)
	}
	target.Timeout = cmp.Or(target.Timeout, DefaultTimeout)
	c := &Client{target: target, host: host, port: port, pace: newPace()}
	if err := c.connect(ctx); err != nil {
		return nil, err
	}
	return c, nil
}

// CheckAddress returns an error for an Address of a Target that can't be one,
// whether anything answers there or not.
func CheckAddress(address string) error {
	_, _, err := splitAddress(address)
	return err
}

// splitAddress understands host, host:port, an IP address and [IPv6]:port.
func splitAddress(address string) (host string, port uint16, err error) {
	if ip, err := netip.ParseAddr(strings.Trim(address, "[]")); err == nil {
		return ip.String(), DefaultPort, nil
	}
	host, text := address, strconv.Itoa(DefaultPort)
	if strings.Contains(address, ":") {
		host, text, err = net.SplitHostPort(address)
	}
	n, wrong := strconv.ParseUint(text, 10, 16)
	if err != nil || wrong != nil || n == 0 || host == "" || strings.ContainsAny(host, "/ ") {
		return "", 0, fmt.Errorf("host %q: want HOST or HOST:PORT", address)
	}
	return host, uint16(n), nil
}

// Close ends the client.
func (c *Client) Close() error {
	if c.session == nil {
		return nil
	}
	session := c.session
	c.session = nil
	return session.Close()
}

// Requests returns how many datagrams were sent since Open, with those that were
// sent again and those that find out about the engine of version 3.
func (c *Client) Requests() int { return c.requests }

func (c *Client) connect(ctx context.Context) error {
	session := &gosnmp.GoSNMP{
		Target: c.host, Port: c.port,
		Context: ctx, Timeout: c.target.Timeout, Retries: retries, ExponentialTimeout: true,
		MaxOids: maxBatch,
		Version: gosnmp.Version2c, Community: string(c.target.Credentials.Community),
		OnSent: c.sent,
	}
	if c.target.Credentials.Version == Version3 {
		session.Version, session.Community = gosnmp.Version3, ""
		session.MsgFlags = gosnmp.AuthPriv
		session.SecurityModel = gosnmp.UserSecurityModel
		session.SecurityParameters = c.target.Credentials.Security()
	}
	if c.vlan > 0 {
		addressVLAN(session, c.vlan)
	}
	if err := session.Connect(); err != nil {
		var why *net.OpError // its text says again that it dials
		if errors.As(err, &why) {
			err = why.Err
		}
		return fmt.Errorf("open a socket to switch %s: %w (%w)", c.target.Address, err, ErrNoAnswer)
	}
	session.Conn = whole{session.Conn}
	c.session = session
	return nil
}

// sent counts a request. gosnmp has set the deadline of the socket just before:
// when ctx ended between its look at it and that, it would wait in vain.
func (c *Client) sent(session *gosnmp.GoSNMP) {
	c.requests++
	if session.Context.Err() != nil {
		_ = session.Conn.SetDeadline(time.Now()) // an error comes again when it reads
	}
}

// A send makes one request and waits for its answer.
type send func(*gosnmp.GoSNMP) (*gosnmp.SnmpPacket, error)

// exchange returns the answer to one request. After an error the session is
// closed: its engine may have changed, its name may lead elsewhere, and a late
// answer must not be taken for that of a later request.
func (c *Client) exchange(ctx context.Context, request send) (*gosnmp.SnmpPacket, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if c.session == nil {
		if err := c.connect(ctx); err != nil {
			return nil, err
		}
	}
	session := c.session
	session.Context = ctx
	woken := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(woken)
		_ = session.Conn.SetDeadline(time.Now()) // gosnmp sees that ctx has ended
	})
	answer, err := request(session)
	if !stop() {
		<-woken
	}
	switch {
	case ctx.Err() != nil:
		err = ctx.Err()
	case errors.Is(err, context.DeadlineExceeded): // gosnmp sees it a moment before ctx does
	case err != nil:
		err = c.explain(err)
	case answer.PDUType != gosnmp.GetResponse:
		err = fmt.Errorf("an answer of type %#x (%w)", byte(answer.PDUType), ErrAgent)
	}
	if err != nil {
		_ = c.Close() // nothing was to be written
		return nil, err
	}
	return answer, nil
}

// wrap names what was read when err came about.
func (c *Client) wrap(object string, err error) error {
	return fmt.Errorf("read %s from switch %s: %w", strings.TrimPrefix(object, "."), c.target.Address, err)
}

// Get implements Source. The error wraps ErrNoAnswer, ErrDenied, ErrAgent or that
// of ctx.
func (c *Client) Get(ctx context.Context, objects ...OID) ([]Var, error) {
	names := make([]string, len(objects))
	for i, o := range objects {
		names[i] = "." + o.String()
	}
	got := make([]Var, 0, len(objects))
	for len(names) > 0 {
		answer, err := c.ask(ctx, names[0], func(session *gosnmp.GoSNMP) (*gosnmp.SnmpPacket, error) {
			return session.Get(names[:min(len(names), c.pace.batch)])
		})
		if err != nil {
			return nil, err
		}
		for _, pdu := range answer[:min(len(answer), len(names))] {
			if pdu.Name != names[0] {
				return nil, c.wrap(names[0], fmt.Errorf("the value of another object, %.80s (%w)", pdu.Name, ErrAgent))
			}
			got = append(got, Var{objects[len(got)], valueOf(pdu)})
			names = names[1:]
		}
	}
	return got, nil
}

// ask makes a request until it is answered: again, for fewer objects, where the
// answer would be too big or seems to get lost. The request looks at c.pace.
func (c *Client) ask(ctx context.Context, object string, request send) ([]gosnmp.SnmpPDU, error) {
	for {
		answer, err := c.exchange(ctx, request)
		switch {
		case errors.Is(err, ErrNoAnswer):
			if !c.pace.lost() {
				return nil, c.wrap(object, err)
			}
		case err != nil:
			return nil, c.wrap(object, err)
		case answer.Error == gosnmp.NoError && len(answer.Variables) > 0:
			c.pace.answered()
			return answer.Variables, nil
		case answer.Error == gosnmp.NoError || answer.Error == gosnmp.TooBig:
			if !c.pace.tooBig() {
				return nil, c.wrap(object, fmt.Errorf("not even one object fits into its answer (%w)", ErrAgent))
			}
		default:
			return nil, c.wrap(object, fmt.Errorf("it answers with the error %s (%w)", answer.Error, ErrAgent))
		}
	}
}
