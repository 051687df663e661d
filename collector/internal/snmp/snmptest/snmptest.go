// Package snmptest plays switches for tests: agents on real UDP that answer from
// a list of objects, and misbehave as switches do when told to.
package snmptest

import (
	"cmp"
	"math/rand/v2"
	"net"
	"sync"
	"testing"
	"time"

	"thermarack/collector/internal/snmp"
)

// Public are the credentials of most agents in tests.
var Public = snmp.Credentials{Version: snmp.Version2c, Community: "public"}

// DefaultSize is the longest answer of a Responder in bytes, unless Faults say
// otherwise: what fits into a frame of Ethernet.
const DefaultSize = 1472

// Faults are what a Responder does wrong. The zero value does nothing wrong.
type Faults struct {
	Lose      float64       // part of the requests that get no answer, 0 to 1
	Silent    int           // requests for more objects than this, repetitions included, get no answer; 0 for no limit
	TooBig    int           // those get the error tooBig; 0 for no limit
	Delay     time.Duration // before each answer; requests wait for each other
	Size      int           // longest answer in bytes, of as many objects as fit; 0 for DefaultSize
	Loop      bool          // what follows an object is always the same object
	Duplicate bool          // each answer comes twice
	Elsewhere bool          // answers come from another port

	// Datagrams that come ahead of each answer.
	Garbage   bool // bytes by chance
	Truncated bool // the first half of the answer
	WrongID   bool // the answer to a request that was never made
}

// A Responder is an agent on a UDP port of 127.0.0.1. It is safe for concurrent
// use.
type Responder struct {
	credentials snmp.Credentials
	conn, other *net.UDPConn
	stop, done  chan struct{} // closed to stop it, and when it has stopped

	mu      sync.Mutex
	vars    []snmp.Var
	faults  Faults
	counts  map[PDU]int
	chances *rand.Rand
}

// Start serves vars, sorted as snmp.CompareVars does, until the test ends. Who
// does not show the credentials gets no answer. The vars are shared, so that
// many can serve the same.
func Start(tb testing.TB, credentials snmp.Credentials, vars []snmp.Var) *Responder {
	tb.Helper()
	r := &Responder{
		credentials: credentials, conn: listen(tb), other: listen(tb),
		stop: make(chan struct{}), done: make(chan struct{}),
		vars: vars, counts: map[PDU]int{}, chances: rand.New(rand.NewPCG(1, 2)),
	}
	go func() {
		defer close(r.done)
		r.serve()
	}()
	tb.Cleanup(func() {
		close(r.stop)
		r.conn.Close()
		<-r.done
		r.other.Close()
	})
	return r
}

func listen(tb testing.TB) *net.UDPConn {
	tb.Helper()
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		tb.Fatal(err)
	}
	return conn
}

// Address returns "127.0.0.1:PORT".
func (r *Responder) Address() string { return r.conn.LocalAddr().String() }

// Serve replaces what it serves, as when somebody plugs a cable elsewhere.
func (r *Responder) Serve(vars []snmp.Var) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.vars = vars
}

// Break replaces what it does wrong.
func (r *Responder) Break(faults Faults) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.faults = faults
}

// Count returns how many requests of a kind came, those without an answer too.
func (r *Responder) Count(p PDU) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.counts[p]
}

// Requests returns how many requests came, of all kinds.
func (r *Responder) Requests() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	all := 0
	for _, n := range r.counts {
		all += n
	}
	return all
}

func (r *Responder) serve() {
	buffer := make([]byte, 64<<10)
	for {
		n, peer, err := r.conn.ReadFromUDPAddrPort(buffer)
		if err != nil {
			return
		}
		faults, answers := r.respond(buffer[:n])
		if len(answers) == 0 || !r.wait(faults.Delay) {
			continue
		}
		conn := r.conn
		if faults.Elsewhere {
			conn = r.other
		}
		for _, a := range answers {
			_, _ = conn.WriteToUDPAddrPort(a, peer) // who has gone misses it
		}
	}
}

// wait returns false when the responder was stopped meanwhile.
func (r *Responder) wait(d time.Duration) bool {
	if d <= 0 {
		return true
	}
	select {
	case <-time.After(d):
		return true
	case <-r.stop:
		return false
	}
}

// respond returns the datagrams to send for one that came, in their order.
func (r *Responder) respond(datagram []byte) (Faults, [][]byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	q, ok := parse(datagram)
	if !ok {
		return r.faults, nil
	}
	r.counts[q.pdu]++
	if q.community != string(r.credentials.Community) {
		return r.faults, nil
	}
	return r.faults, r.answers(q)
}

func (r *Responder) answers(q request) [][]byte {
	f := r.faults
	wanted := len(q.objects)
	if q.pdu == GetBulk {
		wanted = len(q.objects) * int(min(max(q.b, 1), maxBindings))
	}
	bindings := agent{r.vars, f.Loop}.answer(q)
	if bindings == nil || f.Silent > 0 && wanted > f.Silent || r.chances.Float64() < f.Lose {
		return nil
	}
	status := 0
	if f.TooBig > 0 && wanted > f.TooBig {
		status, bindings = tooBig, nil
	}
	size := cmp.Or(f.Size, DefaultSize)
	whole := message(q, status, size, bindings)
	var all [][]byte
	if f.Garbage {
		all = append(all, r.garbage())
	}
	if f.Truncated {
		all = append(all, whole[:len(whole)/2])
	}
	if f.WrongID {
		other := q
		other.id += 1 << 20
		all = append(all, message(other, status, size, bindings))
	}
	all = append(all, whole)
	if f.Duplicate {
		all = append(all, whole)
	}
	return all
}

func (r *Responder) garbage() []byte {
	bytes := make([]byte, 1+r.chances.IntN(200))
	for i := range bytes {
		bytes[i] = byte(r.chances.Uint32())
	}
	return bytes
}
