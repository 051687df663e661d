package mqtt

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/eclipse/paho.mqtt.golang/packets"
)

const (
	// keepAlive is promised to the broker: it gives a node up that has sent nothing
	// for one and a half times as long, and tells by the last will.
	keepAlive = 30 * time.Second
	// pingAfter is how long nothing may be sent before a PINGREQ is. Nodes that
	// publish more often never send one.
	pingAfter = 20 * time.Second
)

// A client is one MQTT 3.1.1 connection that publishes with QoS 1 and subscribes
// to nothing. Its methods are called from one goroutine.
//
// It is made of the codec of the paho client, and not that client itself, which
// keeps five goroutines a connection and looks at the clock every 5 s: on a Pi
// that was a third of all that the agent took.
type client struct {
	net.Conn
	from     *bufio.Reader // the connection
	patience time.Duration // of a write
	limited  bool          // a write has a deadline
	last     uint16        // packet id

	heard chan heard // what the broker says; the last is an error
}

// heard is one answer of the broker: an acknowledgement if id is not 0, a
// PINGRESP if neither is set.
type heard struct {
	id  uint16
	err error // why there is nothing more
}

// introduce makes an MQTT connection of one that stands: it says hello and waits for
// CONNACK until the deadline. An error of packages packets says why the broker
// refuses.
func introduce(conn net.Conn, hello *packets.ConnectPacket, deadline time.Time) (*client, error) {
	if err := conn.SetDeadline(deadline); err != nil {
		return nil, err
	}
	if err := hello.Write(conn); err != nil {
		return nil, err
	}
	kind, body, err := answer(conn)
	switch {
	case errors.Is(err, io.EOF):
		return nil, errors.New("the broker closes the connection; look at its log")
	case err != nil:
		return nil, err
	case kind != packets.Connack || len(body) != 2:
		return nil, fmt.Errorf("no MQTT broker: it answers a CONNECT with %#x %x", kind, body)
	case body[1] != packets.Accepted:
		if err := packets.ConnErrors[body[1]]; err != nil {
			return nil, err
		}
		return nil, fmt.Errorf("the broker refuses with code %d", body[1])
	}
	return newClient(conn), conn.SetDeadline(time.Time{})
}

// newClient returns a client that has introduced itself.
func newClient(conn net.Conn) *client {
	return &client{Conn: conn, from: bufio.NewReaderSize(conn, 16), heard: make(chan heard, 1)}
}

// answer reads one packet of a broker that is subscribed to nothing at: at most
// two bytes behind its header. The body is valid until the caller drops it.
func answer(r io.Reader) (kind byte, body []byte, err error) {
	var packet [4]byte
	if _, err := io.ReadFull(r, packet[:2]); err != nil {
		return 0, nil, err
	}
	length := packet[1]
	if length > 2 {
		return 0, nil, fmt.Errorf("the broker sends a packet that nobody asked for, beginning with %x", packet[:2])
	}
	body = packet[2 : 2+length]
	if _, err := io.ReadFull(r, body); err != nil {
		return 0, nil, err
	}
	return packet[0] >> 4, body, nil
}

// listen tells heard of every answer until the connection ends.
func (c *client) listen(done <-chan struct{}) {
	for {
		h := c.hear()
		select {
		case c.heard <- h:
		case <-done:
			return
		}
		if h.err != nil {
			return
		}
	}
}

func (c *client) hear() heard {
	kind, body, err := answer(c.from)
	switch {
	case err != nil:
		return heard{err: err}
	case kind == packets.Pingresp:
		return heard{}
	case kind != packets.Puback || len(body) != 2:
		return heard{err: fmt.Errorf("the broker sends %#x %x, which answers nothing of ours", kind, body)}
	}
	return heard{id: uint16(body[0])<<8 | uint16(body[1])}
}

// light is the longest payload, in bytes, that the kernel takes at once if nothing
// else waits to be sent: a socket's buffer is never below 4 KiB (tcp(7), tcp_wmem).
const light = 3000

// publish sends a message and returns the id that its acknowledgement will carry.
// alone says that the broker has acknowledged all that was sent before.
func (c *client) publish(m message, alone bool) (id uint16, err error) {
	if c.last++; c.last == 0 { // never a packet id: MQTT 3.1.1, section 2.3.1
		c.last++
	}
	err = c.limit(!alone || len(m.payload) > light)
	if err != nil {
		return 0, err
	}
	p := packets.PublishPacket{
		FixedHeader: packets.FixedHeader{MessageType: packets.Publish, Qos: 1, Retain: m.retain},
		TopicName:   m.topic, MessageID: c.last, Payload: m.payload,
	}
	return c.last, p.Write(c)
}

// A message is what is published.
type message struct {
	topic   string
	retain  bool
	payload []byte
}

// ping asks for a PINGRESP.
func (c *client) ping() error { return c.send(packets.Pingreq) }

// bye tells the broker to forget the last will.
func (c *client) bye() error { return c.send(packets.Disconnect) }

func (c *client) send(kind byte) error {
	if err := c.limit(true); err != nil {
		return err
	}
	return packets.NewControlPacket(kind).Write(c)
}

// limit bounds the time that the next write may take, or does not: where it cannot
// block, a deadline would only wake the host once more.
func (c *client) limit(may bool) error {
	var deadline time.Time
	switch {
	case may:
		deadline = time.Now().Add(c.patience)
	case !c.limited:
		return nil
	}
	c.limited = may
	return c.SetWriteDeadline(deadline)
}
