package benchload

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"sync/atomic"
	"time"

	"github.com/eclipse/paho.mqtt.golang/packets"
)

const (
	keepAlive = 60                     // s
	greeting  = time.Minute            // for a broker that lets its clients in slowly
	retry     = 100 * time.Millisecond // between two attempts to connect
	duplicate = 1 << 3                 // the DUP flag in the first byte of a PUBLISH
)

// A stream is one connection and what is published on it. A message's packet id
// is its place in the stream, counted from 1.
type stream struct {
	name, addr string
	numbers    []int    // of each message, in the fleet's order
	packets    [][]byte // of each message
	sent       []bool
	done       []bool // acknowledged
	left       int    // not yet acknowledged
	total      *atomic.Int64
	conn       net.Conn
	in         *bufio.Reader
}

// newStream encodes the messages of connection i of a plan; total counts what is
// acknowledged.
func newStream(p Plan, i int, total *atomic.Int64) (*stream, error) {
	s := &stream{name: string(Node(i)), total: total}
	var walks []*walk
	for agent := i; agent < p.Agents; agent += p.Connections {
		walks = append(walks, newWalk(agent))
	}
	for round := range p.Rounds {
		at := p.First.Add(time.Duration(round) * p.Interval)
		for _, w := range walks {
			if err := s.add(w.next(round, at), p.Encode); err != nil {
				return nil, err
			}
			s.numbers = append(s.numbers, round*p.Agents+w.now.Agent)
		}
	}
	s.left = len(s.packets)
	s.sent, s.done = make([]bool, s.left), make([]bool, s.left)
	return s, nil
}

func (s *stream) add(r Report, encode Encoding) error {
	m, err := encode(r)
	if err != nil {
		return fmt.Errorf("encode a report: %w", err)
	}
	p := packets.NewControlPacket(packets.Publish).(*packets.PublishPacket)
	p.TopicName, p.Payload, p.Qos, p.MessageID = m.Topic, m.Payload, 1, uint16(len(s.packets)+1)
	var out bytes.Buffer
	if err := p.Write(&out); err != nil {
		return fmt.Errorf("encode a packet: %w", err)
	}
	s.packets = append(s.packets, out.Bytes())
	return nil
}

// connect opens the connection, trying until ctx ends.
func (s *stream) connect(ctx context.Context, addr string) error {
	s.addr = addr
	for {
		err := s.greet(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("connect to %s: %w", addr, errors.Join(err, ctx.Err()))
		case <-time.After(retry):
		}
	}
}

func (s *stream) greet(ctx context.Context) (err error) {
	if s.conn, err = new(net.Dialer).DialContext(ctx, "tcp", s.addr); err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.conn.Close())
		}
	}()
	hello := packets.NewControlPacket(packets.Connect).(*packets.ConnectPacket)
	hello.ProtocolName, hello.ProtocolVersion = "MQTT", 4
	hello.ClientIdentifier, hello.CleanSession, hello.Keepalive = s.name, true, keepAlive
	if err := s.conn.SetReadDeadline(time.Now().Add(greeting)); err != nil {
		return err
	}
	if err := hello.Write(s.conn); err != nil {
		return err
	}
	s.in = bufio.NewReader(s.conn)
	answer, err := packets.ReadPacket(s.in)
	if err != nil {
		return err
	}
	if ack, ok := answer.(*packets.ConnackPacket); !ok || ack.ReturnCode != packets.Accepted {
		return fmt.Errorf("answered %v", answer)
	}
	return s.conn.SetReadDeadline(time.Time{})
}

// publish sends each message when it is due, until all are acknowledged.
func (s *stream) publish(ctx context.Context, due func(int) time.Time) error {
	for {
		err := s.session(ctx, due)
		if err == nil {
			return nil
		}
		if ctx.Err() != nil {
			return errors.Join(err, ctx.Err())
		}
		if err := s.connect(ctx, s.addr); err != nil {
			return err
		}
	}
}

// session publishes on one connection. On an error the connection is closed.
func (s *stream) session(ctx context.Context, due func(int) time.Time) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	conn := s.conn
	unhook := context.AfterFunc(ctx, func() { _ = conn.Close() }) // wakes both sides
	var waiting []int
	for i, done := range s.done {
		if !done {
			waiting = append(waiting, i)
		}
	}
	slots := make(chan struct{}, Window)
	ended := make(chan error, 1)
	go func() {
		err := s.acknowledgements(slots)
		if err != nil {
			cancel()
		}
		ended <- err
	}()
	err := s.send(ctx, waiting, slots, due)
	if err != nil {
		cancel()
	}
	err = errors.Join(err, <-ended)
	if err == nil {
		unhook()
	}
	return err
}

// send writes messages, each when it is due and has a place in the window.
func (s *stream) send(ctx context.Context, messages []int, slots chan<- struct{}, due func(int) time.Time) error {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for _, i := range messages {
		if wait := time.Until(due(s.numbers[i])); wait > 0 {
			timer.Reset(wait)
			select {
			case <-timer.C:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		select {
		case slots <- struct{}{}:
		case <-ctx.Done():
			return ctx.Err()
		}
		if s.sent[i] {
			s.packets[i][0] |= duplicate
		}
		s.sent[i] = true
		if _, err := s.conn.Write(s.packets[i]); err != nil {
			return err
		}
	}
	return nil
}

// acknowledgements reads until all messages are acknowledged.
func (s *stream) acknowledgements(slots <-chan struct{}) error {
	for s.left > 0 {
		p, err := packets.ReadPacket(s.in)
		if err != nil {
			return err
		}
		ack, ok := p.(*packets.PubackPacket)
		if !ok {
			return fmt.Errorf("%s answered %v", s.addr, p)
		}
		i := int(ack.MessageID) - 1
		if i < 0 || i >= len(s.done) || s.done[i] {
			return fmt.Errorf("%s acknowledged packet %d, which it was not waiting for", s.addr, ack.MessageID)
		}
		s.done[i] = true
		s.left--
		s.total.Add(1)
		<-slots
	}
	return nil
}

func (s *stream) close() error {
	if err := packets.NewControlPacket(packets.Disconnect).Write(s.conn); err != nil {
		return errors.Join(err, s.conn.Close())
	}
	return s.conn.Close()
}
