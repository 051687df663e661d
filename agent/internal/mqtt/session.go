package mqtt

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"time"

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
	owed   int      // retained messages that lack their PUBACK
	acks   int
	told   []byte      // the inventory that was sent last
	asked  bool        // a PINGREQ was sent and not answered
	deaf   *time.Timer // fires when the broker owes an answer for too long
	quiet  *time.Timer // fires when nothing was sent for long
}

// A flight is a pack that was sent and lacks its PUBACK.
type flight struct {
	id     uint64 // in the box
	packet uint16
}

// session connects and publishes until the connection or ctx ends. delivered
// says that the broker acknowledged a pack; err why the connection ended, nil
// if ctx did.
func (p *Publisher) session(ctx context.Context) (delivered bool, err error) {
	link, err := p.connect(ctx)
	if err != nil {
		return false, err
	}
	s := &session{link: link, p: p, deaf: time.NewTimer(p.AckTimeout), quiet: time.NewTimer(pingAfter)}
	defer s.deaf.Stop()
	defer s.quiet.Stop()
	s.deaf.Stop()
	defer s.listenAside()()
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
		if err == nil {
			s.leave()
		}
		return s.acks > 0, nil
	}
	return s.acks > 0, err // closed without a DISCONNECT, so that the last will is sent
}

// listenAside begins to listen to the broker, and returns what ends that and
// closes the connection.
func (s *session) listenAside() (end func()) {
	done, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		s.listen(done)
	}()
	return func() {
		close(done)
		_ = s.Close()
		<-ended
	}
}

// greet says that there is a connection.
func (s *session) greet() {
	s.p.Log.Info("connected", "broker", s.target.Broker, "site", s.target.Site, "waiting", s.p.Box.Len(), "dropped", s.p.Box.Dropped())
}

// announce publishes the retained messages. Their acknowledgements are not
// waited for: if one is lost, so is the connection.
func (s *session) announce() error {
	if _, err := s.retain(wire.KindStatus, s.p.status(true)); err != nil {
		return err
	}
	return s.inventory()
}

func (s *session) retain(kind wire.Kind, payload []byte) (packet uint16, err error) {
	s.quiet.Reset(pingAfter)
	s.owed++
	return s.publish(message{s.p.topic(s.target, kind), true, payload}, false)
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
	_, err := s.retain(wire.KindInventory, text)
	return err
}

// serve moves packs until the connection or ctx ends.
func (s *session) serve(ctx context.Context) error {
	err := s.send()
	for err == nil {
		select {
		case <-ctx.Done():
			return nil
		case h := <-s.heard:
			err = s.hear(h)
		case <-s.deaf.C:
			err = fmt.Errorf("the broker has acknowledged nothing for %v; look whether it can store", s.p.AckTimeout)
		case <-s.quiet.C:
			err = s.knock()
		case <-s.p.Box.More():
			err = s.send()
		case <-s.p.changed:
			err = s.inventory()
		}
	}
	return err
}

// knock asks the broker whether it is there.
func (s *session) knock() error {
	if len(s.flying) == 0 && !s.asked {
		s.deaf.Reset(s.p.AckTimeout)
	}
	s.asked = true
	s.quiet.Reset(pingAfter)
	return s.ping()
}

// hear takes an answer of the broker.
func (s *session) hear(h heard) error {
	switch {
	case h.err != nil:
		return h.err
	case h.id != 0:
		return s.land(h.id)
	}
	s.asked = false
	s.grant()
	return nil
}

// grant gives the broker its time anew, if it owes an answer.
func (s *session) grant() {
	s.deaf.Stop()
	if len(s.flying) > 0 || s.asked {
		s.deaf.Reset(s.p.AckTimeout)
	}
}

// land takes an acknowledged flight off, and its pack out of the box. That of a
// retained message is not waited for.
func (s *session) land(packet uint16) error {
	i := slices.IndexFunc(s.flying, func(f flight) bool { return f.packet == packet })
	if i < 0 {
		s.owed = max(s.owed-1, 0)
		return nil
	}
	id := s.flying[i].id
	s.flying = slices.Delete(s.flying, i, i+1)
	s.grant()
	s.p.Box.Ack(id)
	s.acks++
	s.p.count()
	if s.p.failed != "" {
		s.p.failed = ""
		s.greet()
	}
	return nil
}

// send publishes all that the box gives. It blocks for the time of a write if the
// broker does not read; once is enough.
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
		s.quiet.Reset(pingAfter)
		packet, err := s.publish(message{topic, false, pack}, len(s.flying)+s.owed == 0)
		if err != nil {
			return fmt.Errorf("publish: %w", err)
		}
		s.flying = append(s.flying, flight{id, packet})
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
		if err = s.await(ctx); err == nil {
			err = s.send()
		}
	}
	if err == nil {
		_, err = s.retain(wire.KindStatus, s.p.status(false))
	}
	if err == nil {
		err = s.bye()
	}
	for err == nil { // until the broker closes the connection, as it should
		err = s.await(ctx)
	}
}

// await takes one answer of the broker, or returns the error of ctx.
func (s *session) await(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case h := <-s.heard:
		return s.hear(h)
	}
}
