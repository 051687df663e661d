// Package snmptest plays switches for tests: agents on real UDP that answer from
// a list of objects, and misbehave as switches do when told to.
package snmptest

import (
	"math/rand/v2"
	"net"
	"sync"
	"testing"
	"time"

	"thermarack/collector/internal/snmp"
)

// Public are the credentials of most agents in tests.
var Public = snmp.Credentials{Version: snmp.Version2c, Community: "public"}

// A Responder is an agent on a UDP port of 127.0.0.1. It is safe for concurrent
// use.
type Responder struct {
	credentials snmp.Credentials
	conn, other *net.UDPConn
	stop, done  chan struct{} // closed to stop it, and when it has stopped

	mu      sync.Mutex
	engine  *engine // of version 3, else nil
	vars    []snmp.Var
	aging   time.Time // since when its sysUpTime goes on; zero: it stands still
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
	if credentials.Version == snmp.Version3 {
		r.engine = newEngine(credentials)
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

// Age makes its sysUpTime go on from what the objects say, as that of
// every real agent does. Readers may take a clock that stands still for a restart.
func (r *Responder) Age() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.aging = time.Now()
}

// Break replaces what it does wrong.
func (r *Responder) Break(faults Faults) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.faults = faults
}

// Restart is what a power cut does to an agent of version 3: its time begins anew.
func (r *Responder) Restart() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.engine.restart()
}

// Exchange puts another agent of version 3, with the same user, in its place.
func (r *Responder) Exchange() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.engine.number++
	r.engine.boots = 0
	r.engine.restart()
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
