package mqtt

import (
	"bytes"
	"context"
	"fmt"
	"time"

	paho "github.com/eclipse/paho.mqtt.golang"

	"thermarack/agent/wire"
)

const (
	// ackTimeout is how long a broker may acknowledge nothing while a pack is in
	// flight. One that withholds a PUBACK, because it could not store the pack,
	// gets it again on the next connection only (MQTT 3.1.1, section 4.4).
	ackTimeout = 30 * time.Second
	// farewell is the time that a stop may take.
	farewell = 2 * time.Second
)

// A session is one connection, from CONNACK on.
type session struct {
	link
	p      *Publisher
	flying []flight // oldest first
	acks   int
	told   []byte      // the inventory that was sent last
	deaf   *time.Timer // fires when the broker owes an acknowledgement for too long
}

// A flight is a pack that was sent and lacks its PUBACK. Brokers acknowledge in
// the order of sending, whichever lane of the box a pack is from, so only the
// first one is ever waited for.
type flight struct {
	id    uint64
	token paho.Token
}

// session connects and publishes until the connection or ctx ends. delivered
// says that the broker acknowledged a pack; err why the connection ended, nil
// if ctx did.
func (p *Publisher) session(ctx context.Context) (delivered bool, err error) {
	link, err := p.connect(ctx)
	if err != nil {
		return false, err
	}
	s := &session{link: link, p: p, deaf: time.NewTimer(p.AckTimeout)}
	defer s.deaf.Stop()
	s.deaf.Stop()
	p.Box.Rewind()
	if p.Connected != nil {
		p.Connected()
	}
	err = s.announce()
	if err == nil {
		if p.failed == "" { // else it has to show first that it is better than the last one
			s.greet()
		}
		err = s.serve(ctx)
	}
	if ctx.Err() != nil {
		s.leave()
		return s.acks > 0, nil
	}
	_ = s.conn.Close() // without a DISCONNECT, so that the last will is sent
	return s.acks > 0, err
}

// greet says that there is a connection.
func (s *session) greet() {
	s.p.Log.Info("connected", "broker", s.target.Broker, "site", s.target.Site, "waiting", s.p.Box.Len(), "dropped", s.p.Box.Dropped())
}

// announce publishes the retained messages. Their acknowledgements are not
// waited for: if one is lost, so is the connection.
func (s *session) announce() error {
	s.retain(wire.KindStatus, s.p.status(true))
	return s.inventory()
}

func (s *session) retain(kind wire.Kind, payload []byte) paho.Token {
	return s.client.Publish(s.p.topic(s.target, kind), 1, true, payload)
}

// inventory publishes the inventory, unless the broker was sent this one: that
// changed may still say what announce has sent.
func (s *session) inventory() error {
	s.p.mu.Lock()
	text := s.p.inventory
	s.p.mu.Unlock()
	if text == nil || bytes.Equal(text, s.told) {
		return nil
	}
	s.told = text
	return failed(s.retain(wire.KindInventory, text))
}

// failed returns the error that a token has already, if any.
func failed(t paho.Token) error {
	select {
	case <-t.Done():
		return t.Error()
	default:
		return nil
	}
}

// serve moves packs until the connection or ctx ends.
func (s *session) serve(ctx context.Context) error {
	err := s.send()
	for err == nil {
		select {
		case <-ctx.Done():
			return nil
		case err = <-s.lost:
		case <-s.deaf.C:
			err = fmt.Errorf("the broker has acknowledged nothing for %v; look whether it can store", s.p.AckTimeout)
		case <-s.acknowledged():
			err = s.land()
		case <-s.p.Box.More():
			err = s.send()
		case <-s.p.changed:
			err = s.inventory()
		}
	}
	return err
}

// acknowledged is ready when the oldest flight has ended.
func (s *session) acknowledged() <-chan struct{} {
	if len(s.flying) == 0 {
		return nil
	}
	return s.flying[0].token.Done()
}

// land takes the oldest flight off, and its pack out of the box if the broker
// has it.
func (s *session) land() error {
	oldest := s.flying[0]
	if err := oldest.token.Error(); err != nil {
		return fmt.Errorf("publish: %w", err)
	}
	s.flying = s.flying[1:]
	s.deaf.Stop()
	if len(s.flying) > 0 {
		s.deaf.Reset(s.p.AckTimeout)
	}
	s.p.Box.Ack(oldest.id)
	s.acks++
	s.p.count()
	if s.p.failed != "" {
		s.p.failed = ""
		s.greet()
	}
	return nil
}

// send hands all that the box gives to the client. The client blocks for its
// write timeout if the broker does not read; once is enough.
func (s *session) send() error {
	topic := s.p.topic(s.target, wire.KindReadings)
	for {
		id, pack, ok := s.p.Box.Next()
		if !ok {
			return nil
		}
		if len(s.flying) == 0 {
			s.deaf.Reset(s.p.AckTimeout)
		}
		token := s.client.Publish(topic, 1, false, pack)
		s.flying = append(s.flying, flight{id, token})
		if err := failed(token); err != nil {
			return fmt.Errorf("publish: %w", err)
		}
	}
}

// leave empties the box as far as it can, says that the node goes, and closes
// the connection.
func (s *session) leave() {
	ctx, cancel := context.WithTimeout(context.Background(), farewell)
	defer cancel()
	s.p.Box.Rush()
	err := s.send()
	for err == nil && len(s.flying) > 0 && ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case err = <-s.lost:
		case <-s.acknowledged():
			if err = s.land(); err == nil {
				err = s.send()
			}
		}
	}
	if err != nil {
		return // the last will speaks
	}
	s.retain(wire.KindStatus, s.p.status(false)).WaitTimeout(farewell)
	s.client.Disconnect(uint(farewell.Milliseconds()))
}
