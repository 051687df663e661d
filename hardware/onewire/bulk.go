package onewire

import (
	"io"
	"io/fs"
	"path"
	"strings"
	"time"
)

// What therm_bulk_read reads.
const (
	flagConverting = "-1" // a bulk conversion runs: thermometers show empty files
	flagDone       = "1"  // some thermometer has not been read since the last one
)

// fresh is how long after its end a bulk conversion may still be read.
const fresh = time.Second

// A bus is what a Reader remembers of one master. Reader.mu guards it, but for
// turn, which is held by the one read of a part that would hold the bus.
type bus struct {
	latest *generation
	busy   int // calls of Read under way, of parts that take part in bulk conversions
	turn   chan struct{}
}

// A generation is one bulk conversion of a bus, or the attempt. Its other
// fields are set when done is closed.
type generation struct {
	done  chan struct{}
	ended time.Time
	good  bool // every part that took part has a new temperature
}

// over tells whether g is too old to be joined, for better or worse.
func (g *generation) over() bool {
	select {
	case <-g.done:
		return time.Since(g.ended) > fresh
	default:
		return false
	}
}

// enter announces a read of s and returns the bulk conversion that it may wait
// for: the one under way or just done, unless s has had its share of it, else a
// new one. It returns nil if s is to convert by itself.
//
// A new one begins only while no other such part of the bus is being read: the
// kernel would show it an empty file.
func (r *Reader) enter(s Slave) *generation {
	if !r.shares(s) {
		return nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	b := r.bus(s.Master)
	b.busy++
	if g := b.latest; g != nil && !g.over() && r.part(s.Dir).used != g {
		return g
	}
	if b.busy > 1 {
		return nil
	}
	b.latest = r.begin(s.Master)
	return b.latest
}

// leave ends what enter announced.
func (r *Reader) leave(s Slave) {
	if !r.shares(s) {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.bus(s.Master).busy--
}

// shares tells whether s may take part in a bulk conversion.
func (r *Reader) shares(s Slave) bool {
	return r.opener != nil && s.Master != "" && s.ROM.bulk()
}

// begin starts a bulk conversion. Its goroutine ends with the kernel's write.
func (r *Reader) begin(master string) *generation {
	g := &generation{done: make(chan struct{})}
	go func() {
		good := r.trigger(master)
		r.mu.Lock()
		defer r.mu.Unlock()
		g.good, g.ended = good, time.Now()
		close(g.done)
	}()
	return g
}

// trigger converts all thermometers of a master at once and tells whether all
// have a new temperature. It is silent about why not: each is then read with a
// conversion of its own, and Bulk says what a person can do.
func (r *Reader) trigger(master string) (good bool) {
	names := r.capable(master)
	if len(names) < 2 || r.flag(master) == flagConverting {
		return false // nothing to gain, or somebody else's is under way
	}
	longest := time.Duration(0)
	for _, name := range names {
		longest = max(longest, r.conversion(path.Join(devices, name)))
	}
	file, err := r.opener.OpenWriter(triggerOf(master))
	if err != nil {
		return false
	}
	written := make(chan error, 1)
	go func() {
		_, err := io.WriteString(file, triggerWord)
		_ = file.Close() // nothing is buffered
		written <- err
	}()
	if !r.watch(master, longest, written) {
		r.forget(names)
		return false
	}
	return true
}

// watch waits for the write of a trigger and tells whether the parts converted
// for as long as the slowest needs.
//
// The kernel says nothing of a trigger that a signal cut short or that no part
// answered: the write succeeds and the flag reads 1 as ever. It returns too soon
// then, but not if it had waited for the bus before. So what counts is the time
// since the parts were last seen not to convert yet.
func (r *Reader) watch(master string, longest time.Duration, written <-chan error) bool {
	begun := time.Now()
	idle, hung := begun, false
	poll := time.NewTicker(longest / 64)
	defer poll.Stop()
	for {
		select {
		case err := <-written:
			return err == nil && !hung && time.Since(idle) >= longest && r.flag(master) == flagDone
		case <-poll.C:
			now := time.Now()
			hung = now.Sub(begun) > patience
			if hung || r.flag(master) == flagConverting {
				poll.Stop()
			} else {
				idle = now
			}
		}
	}
}

// patience is how long others on the bus, the kernel's own search with 0.3 s for
// 20 parts foremost, may delay a bulk conversion. One that comes later is not
// used: its parts are read by themselves when the bus is back.
const patience = 2 * time.Second

// flag returns what therm_bulk_read reads, or "" if there is none. It does no
// traffic on the bus.
func (r *Reader) flag(master string) string {
	if master == "" {
		return ""
	}
	text, err := fs.ReadFile(r.root, triggerOf(master))
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(text))
}

// capable returns the names of a master's slaves that take part in a bulk
// conversion. It does no traffic on the bus.
func (r *Reader) capable(master string) []string {
	list, err := fs.ReadFile(r.root, path.Join(devices, master, "w1_master_slaves"))
	if err != nil {
		return nil
	}
	var names []string
	for name := range strings.FieldsSeq(string(list)) {
		if rom, err := ParseSlave(name); err == nil && rom.bulk() {
			names = append(names, name)
		}
	}
	return names
}

// bulk tells whether the kernel lets the part take part in a bulk conversion.
// A DS28EA00 converts at the trigger as well, but the kernel does not know.
func (r ROM) bulk() bool { return r.Part() != "" && r.Family() != familyDS28EA00 }
