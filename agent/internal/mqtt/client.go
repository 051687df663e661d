package mqtt

import (
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
	patience time.Duration // of a write
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
	c := &client{Conn: conn, heard: make(chan heard, 1)}
	return c, conn.SetDeadline(time.Time{})
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
	kind, body, err := answer(c)
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

// publish sends a message and returns the id that its acknowledgement will carry.
func (c *client) publish(topic string, retain bool, payload []byte) (id uint16, err error) {
	if c.last++; c.last == 0 { // never a packet id: MQTT 3.1.1, section 2.3.1
		c.last++
	}
	p := packets.PublishPacket{
		FixedHeader: packets.FixedHeader{MessageType: packets.Publish, Qos: 1, Retain: retain},
		TopicName:   topic, MessageID: c.last, Payload: payload,
	}
	return c.last, c.send(&p)
}

// ping asks for a PINGRESP.
func (c *client) ping() error { return c.send(packets.NewControlPacket(packets.Pingreq)) }

// bye tells the broker to forget the last will.
func (c *client) bye() error { return c.send(packets.NewControlPacket(packets.Disconnect)) }

func (c *client) send(p packets.ControlPacket) error {
	if err := c.SetWriteDeadline(time.Now().Add(c.patience)); err != nil {
		return err
	}
	return p.Write(c)
}
