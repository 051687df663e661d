package mqtt

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"syscall"
	"time"

	"github.com/eclipse/paho.mqtt.golang/packets"

	"thermarack/collector/internal/ingest"
)

const (
	// maxUnacknowledged is how many messages of one connection may await their
	// commit. It is more than the 4000 that we advise to let mosquitto send at a
	// time: the broker stops first, and we never have to stop reading.
	maxUnacknowledged = 4096

	pingEvery   = 15 * time.Second // twice in the keep-alive that CONNECT announces
	silence     = 2 * pingEvery    // after which a broker that owes answers to pings is given up
	goodbyeTime = 250 * time.Millisecond
)

// errClosed is how a connection ends that the broker has closed.
var errClosed = errors.New("the broker closed the connection")

// A link is one connection of a Session. Messages go through it in order: a
// goroutine reads them and offers them to the ingest, another writes the
// acknowledgements of all that were stored meanwhile at once.
type link struct {
	ingest Offerer
	conn   *conn
	in     *bufio.Reader
	failed chan error  // receives why the link is of no use any more; the first one counts
	suback chan []byte // receives the answer to SUBSCRIBE
	wake   chan struct{}
	over   chan struct{} // closed when nothing more is to be written
	works  sync.WaitGroup

	mu      sync.Mutex
	room    sync.Cond // that a message has been acknowledged, or ending
	ending  bool      // nothing more is to be offered
	broken  bool      // nothing more is to be acknowledged
	held    bool      // reading waits for the ingest
	open    int       // messages that the ingest has and that are not acknowledged
	acks    []byte    // PUBACK packets to be written, in the order of the commits
	offered uint32    // messages so far
	latest  []uint32  // by packet id: which of offered it was last
}

// newLink serves a broker that has accepted us. in holds what has been read of
// conn already.
func newLink(c *conn, in *bufio.Reader, to Offerer) *link {
	l := &link{
		ingest: to, conn: c, in: in,
		failed: make(chan error, 1), suback: make(chan []byte, 1),
		wake: make(chan struct{}, 1), over: make(chan struct{}),
		latest: make([]uint32, 1<<16),
	}
	l.room.L = &l.mu
	l.works.Go(l.read)
	l.works.Go(l.write)
	return l
}

// read takes packets until the connection ends. Nothing is offered after ending.
func (l *link) read() {
	for {
		h, err := readHeader(l.in)
		if err == nil && h.MessageType == packets.Publish {
			err = l.message(h)
		} else if err == nil {
			err = l.reply(h)
		}
		if err != nil {
			l.fail(explain("read from", err))
			return
		}
	}
}

func (l *link) reply(h packets.FixedHeader) error {
	p, err := readReply(l.in, h)
	if err != nil {
		return err
	}
	switch p := p.(type) {
	case *packets.SubackPacket:
		select {
		case l.suback <- p.ReturnCodes:
		default: // an answer to nothing
		}
	case *packets.PingrespPacket, *packets.UnsubackPacket:
	default:
		return fmt.Errorf("a packet of type %d to a subscriber", h.MessageType)
	}
	return nil
}

// message offers the next message. While it waits for room nothing is read, the
// broker keeps the rest, and the pings that it gets hold the connection.
func (l *link) message(h packets.FixedHeader) error {
	m, err := readMessage(l.in, h)
	if err != nil {
		return err
	}
	number, ok := l.enter(m.id)
	if !ok {
		return nil
	}
	d := ingest.Delivery{
		Topic: m.topic, Payload: m.payload, Retained: m.retained,
		Done: func(err error) { l.done(m.id, number, err) },
	}
	for !l.ingest.Offer(d) {
		if !l.rest() {
			l.leave()
			return nil
		}
	}
	return nil
}

// enter waits until a message may be offered and numbers it; false when it
// comes too late.
func (l *link) enter(id uint16) (number uint32, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for l.open >= maxUnacknowledged && !l.ending {
		l.held = true
		l.room.Wait()
	}
	l.held = false
	if l.ending {
		return 0, false
	}
	l.open++
	l.offered++
	l.latest[id] = l.offered
	return l.offered, true
}

// rest waits before the ingest is asked again; false when the link ends.
func (l *link) rest() bool {
	l.mu.Lock()
	l.held = true
	l.mu.Unlock()
	select {
	case <-l.over:
	case <-time.After(offerAgain):
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.held = false
	return !l.ending
}

func (l *link) leave() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.open--
}

// done ends the wait of one message. It is called by the ingest and does not
// block.
//
// A broker may send a message again on the same connection when it finds us
// slow. Then only the last of them is acknowledged: an early answer to the first
// frees the packet id, and the answer to the second would go to whatever message
// has got that id since, stored or not.
func (l *link) done(id uint16, number uint32, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err != nil {
		l.broken = true // what comes after it must not be acknowledged before it
		l.fail(fmt.Errorf("a message could not be kept, the broker has to send it again: %w", err))
	}
	if id == 0 || l.broken || l.latest[id] != number {
		l.open--
		l.room.Signal()
		return
	}
	l.acks = append(l.acks, packets.Puback<<4, 2, byte(id>>8), byte(id))
	select {
	case l.wake <- struct{}{}:
	default: // awake already
	}
}

// write writes acknowledgements and pings until the link is over.
func (l *link) write() {
	ping := time.NewTicker(pingEvery)
	defer ping.Stop()
	for {
		var err error
		select {
		case <-l.over:
			return
		case <-l.wake:
			err = l.acknowledge()
		case <-ping.C:
			err = packets.NewControlPacket(packets.Pingreq).Write(l.conn)
		}
		if err != nil {
			l.fail(explain("write to", err))
			return
		}
	}
}

// acknowledge tells the broker what is stored, in one go.
func (l *link) acknowledge() error {
	l.mu.Lock()
	acks := l.acks
	l.acks = nil
	l.mu.Unlock()
	if len(acks) == 0 {
		return nil
	}
	if _, err := l.conn.Write(acks); err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.open -= len(acks) / 4
	l.room.Signal()
	return nil
}

// fail gives the reason to whoever waits on failed.
func (l *link) fail(err error) {
	select {
	case l.failed <- err:
	default: // there is a reason already
	}
}

// explain says what an error of the connection means; doing is what was tried
// with the broker.
func explain(doing string, err error) error {
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return errClosed
	case errors.Is(err, os.ErrDeadlineExceeded):
		return fmt.Errorf("%s the broker: nothing moves for too long", doing)
	}
	return fmt.Errorf("%s the broker: %w", doing, err)
}

// unacknowledged returns how many messages the ingest has whose acknowledgement
// is not written.
func (l *link) unacknowledged() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.open
}

// isHeld tells whether nothing is read now because the ingest takes nothing.
func (l *link) isHeld() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.held
}

// end stops offering.
func (l *link) end() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ending = true
	l.room.Broadcast()
}

// settle stops offering and waits until what the ingest took is acknowledged.
func (l *link) settle() {
	l.end()
	settle(func() bool { return l.unacknowledged() == 0 })
}

// close gives the link up. The broker keeps the session. After goodbye it is
// first told, and has a moment to read what was written before.
func (l *link) close(goodbye bool) {
	l.end()
	close(l.over)
	if goodbye && packets.NewControlPacket(packets.Disconnect).Write(l.conn) == nil {
		timer := time.AfterFunc(goodbyeTime, func() { _ = l.conn.Close() })
		defer timer.Stop()
	} else {
		_ = l.conn.Close()
	}
	l.works.Wait()
	_ = l.conn.Close() // usually closed already
}
