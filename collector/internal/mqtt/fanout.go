package mqtt

import (
	"sync/atomic"
	"time"

	mochi "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/packets"
	"github.com/prometheus/client_golang/prometheus"

	"thermarack/agent/wire"
)

const (
	maxPassing      = 4096     // messages on their way to subscribers
	maxPassingBytes = 16 << 20 // of their payloads
	maxRetained     = 4 * DefaultMaxClients
)

// A fanout publishes what is stored to the other subscribers, from a goroutine of
// its own: mochi may wait there for one that does not read. When they do not
// keep up, messages to them are dropped and counted; the store has them.
type fanout struct {
	server  *mochi.Server
	dropped prometheus.Counter
	queue   chan passing
	bytes   atomic.Int64 // payloads in queue
}

type passing struct {
	topic   string
	payload []byte
}

func newFanout(s *mochi.Server, dropped prometheus.Counter) *fanout {
	return &fanout{server: s, dropped: dropped, queue: make(chan passing, maxPassing)}
}

// pass retains a message if it is to be, and queues it for the subscribers. It
// does not block. Topics that are not ours go nowhere. It is called by one
// goroutine, the ingest's, so that the newest is retained.
func (f *fanout) pass(topic string, payload []byte, retain bool) {
	heard := atomic.LoadInt64(&f.server.Info.Subscriptions) > 0
	if !heard && !retain {
		return
	}
	to, err := wire.ParseTopic(topic)
	if err != nil {
		return
	}
	if retain && to.Kind != wire.KindReadings {
		f.retain(topic, payload)
	}
	if !heard {
		return
	}
	if f.bytes.Add(int64(len(payload))) > maxPassingBytes {
		f.drop(payload)
		return
	}
	select {
	case f.queue <- passing{topic, payload}:
	default:
		f.drop(payload)
	}
}

func (f *fanout) drop(payload []byte) {
	f.bytes.Add(-int64(len(payload)))
	f.dropped.Inc()
}

// retain keeps a message for later subscribers, or forgets it when the payload
// is empty. Past maxRetained only topics that are known are kept up to date.
func (f *fanout) retain(topic string, payload []byte) {
	retained := f.server.Topics.Retained
	if _, known := retained.Get(topic); !known && retained.Len() >= maxRetained {
		f.dropped.Inc()
		return
	}
	f.server.Topics.RetainMessage(packets.Packet{
		FixedHeader: packets.FixedHeader{Type: packets.Publish, Qos: 1, Retain: true},
		TopicName:   topic,
		Payload:     payload,
		Created:     time.Now().Unix(),
	})
}

// run publishes until quit.
func (f *fanout) run(quit <-chan struct{}) {
	for {
		select {
		case <-quit:
			return
		case m := <-f.queue:
			f.bytes.Add(-int64(len(m.payload)))
			// The error is for a bad topic, and pass has parsed it.
			_ = f.server.Publish(m.topic, m.payload, false, 1)
		}
	}
}
