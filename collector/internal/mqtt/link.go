package mqtt

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	paho "github.com/eclipse/paho.mqtt.golang"

	"thermarack/collector/internal/ingest"
)

// maxUnacknowledged is how many messages of one connection may await their
// commit. It is more than the 1000 that we advise to let mosquitto send at a
// time: the broker stops first, and we never have to stop reading.
const maxUnacknowledged = 1024

// A link is one connection of a Session. Messages go through it in order:
// arrivals, to the ingest, and back as acknowledgements.
type link struct {
	ingest   Offerer
	slots    chan struct{}     // one element a message that is not acknowledged
	arrivals chan paho.Message // for pump
	ended    chan ended        // for acknowledge; holds all that slots do, so that Done never waits
	failed   chan error        // receives why the link is of no use any more; the first one counts
	offered  atomic.Int64      // messages that the ingest has and that are not acknowledged

	ending chan struct{} // closed when nothing more is to be offered
	done   chan struct{} // closed when the link is given up
	works  sync.WaitGroup
}

// An ended message is stored, or could not be kept.
type ended struct {
	paho.Message
	err error
}

func newLink(in Offerer) *link {
	return &link{
		ingest:   in,
		slots:    make(chan struct{}, maxUnacknowledged),
		arrivals: make(chan paho.Message, maxUnacknowledged),
		ended:    make(chan ended, maxUnacknowledged),
		failed:   make(chan error, 1),
		ending:   make(chan struct{}),
		done:     make(chan struct{}),
	}
}

// start begins to serve what arrives.
func (l *link) start() {
	l.works.Go(l.pump)
	l.works.Go(l.acknowledge)
}

// arrive takes a message on paho's goroutine. While it waits here paho reads no
// answers to its pings; only a broker that sends more than maxUnacknowledged at
// a time makes it wait.
func (l *link) arrive(m paho.Message) {
	select {
	case <-l.done: // not acknowledged, so it comes again
		return
	default:
	}
	select {
	case <-l.done:
	case l.slots <- struct{}{}:
		l.arrivals <- m // has as much room as slots
	}
}

// pump offers what arrives, in order, until the link ends.
func (l *link) pump() {
	for {
		select {
		case <-l.ending:
			return
		case m := <-l.arrivals:
			if !l.offer(m) {
				return
			}
		}
	}
}

// offer waits until the ingest takes m; false when the link ends before.
func (l *link) offer(m paho.Message) bool {
	d := ingest.Delivery{
		Topic: m.Topic(), Payload: m.Payload(), Retained: m.Retained(),
		Done: func(err error) { l.ended <- ended{m, err} },
	}
	l.offered.Add(1)
	for !l.ingest.Offer(d) {
		select {
		case <-l.ending:
			l.offered.Add(-1)
			return false
		case <-time.After(offerAgain):
		}
	}
	return true
}

// acknowledge tells the broker what is stored, up to the first message that could
// not be kept: then the link is of no use, since only a broker that is connected
// anew sends a message again. Paho may block here while the connection does.
func (l *link) acknowledge() {
	for {
		select {
		case <-l.done:
			return
		case m := <-l.ended:
			if m.err != nil {
				l.fail(fmt.Errorf("a message could not be kept, the broker has to send it again: %w", m.err))
				return
			}
			m.Ack() // dropped by paho when the connection is gone
			<-l.slots
			l.offered.Add(-1)
		}
	}
}

// fail gives the reason to whoever waits on failed.
func (l *link) fail(err error) {
	if err == nil {
		err = errors.New("connection lost")
	}
	select {
	case l.failed <- err:
	default: // there is a reason already
	}
}

// end stops offering.
func (l *link) end() {
	select {
	case <-l.ending:
	default:
		close(l.ending)
	}
}

// settle stops offering and waits until what the ingest took is acknowledged.
func (l *link) settle() {
	l.end()
	settle(func() bool { return l.offered.Load() == 0 })
}

// close gives the link up and disconnects. The broker keeps the session.
func (l *link) close(client paho.Client) {
	l.end()
	close(l.done)
	client.Disconnect(250) // ms
	l.works.Wait()
}
