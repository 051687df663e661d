package mqtt

import (
	"encoding/binary"
	"sync"
	"sync/atomic"

	mochi "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/packets"

	"thermarack/collector/internal/ingest"
)

// window is how many messages of one client may await their commit. It is
// announced to clients of MQTT 5; others are held by not being read.
const window = 64

// A peer is one connected client of the broker.
type peer struct {
	client  *mochi.Client
	will    *ingest.Delivery // to be taken when the connection breaks, or nil
	noted   atomic.Bool      // that it publishes for another node
	stopped atomic.Bool      // by us

	slots   chan struct{} // one element a message that awaits its commit or acknowledgement
	written func()        // called for each acknowledgement that is written
	writers sync.WaitGroup

	mu      sync.Mutex
	acks    []uint16 // packet ids to be acknowledged, in order
	writing bool     // a goroutine is writing acks
	closed  bool
}

func newPeer(cl *mochi.Client) *peer {
	return &peer{client: cl, slots: make(chan struct{}, window)}
}

// acknowledge has a packet acknowledged and does not block: a client that does
// not read must not hold up the commits.
func (p *peer) acknowledge(id uint16) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		p.written()
		return
	}
	p.acks = append(p.acks, id)
	if !p.writing {
		p.writing = true
		p.writers.Go(p.write)
	}
}

// write writes acknowledgements until none is queued: all that one commit has
// brought at once, past mochi, which would write one packet at a time.
func (p *peer) write() {
	var packet []byte
	for {
		p.mu.Lock()
		ids := p.acks
		p.acks = nil
		p.writing = len(ids) > 0
		p.mu.Unlock()
		if len(ids) == 0 {
			return
		}
		packet = packet[:0]
		for _, id := range ids {
			packet = append(packet, packets.Puback<<4, 2) // the length of what follows
			packet = binary.BigEndian.AppendUint16(packet, id)
		}
		// An error means that the connection is gone. The client sends the
		// messages again and the store knows them.
		_, _ = p.client.Net.Conn.Write(packet)
		for range ids {
			p.written()
		}
	}
}

// stop ends the connection. It returns true for the first call.
func (p *peer) stop(err error) bool {
	first := !p.stopped.Swap(true)
	p.client.Stop(err)
	return first
}

// close waits until nothing is written any more. The connection is gone.
func (p *peer) close() {
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	p.writers.Wait()
}
