package onewire

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"path"
	"strconv"
	"time"
)

// A part is what a Reader remembers of one slave. Reader.mu guards it.
type part struct {
	flight     *flight       // the read under way, or nil
	used       *generation   // the last that was read; the kernel gives each away once
	conversion time.Duration // how long the kernel waits; 0 before that is known
	asked      bool          // whether holds is known
	holds      bool          // the part's conversion holds the bus
	pad        scratchpad    // the last sound one; zeros before that
}

// slowest is how long a part converts if the kernel does not say: 12 bits.
const slowest = 750 * time.Millisecond

// conversion returns how long the kernel waits for the slave in dir to convert.
// It is asked for once.
func (r *Reader) conversion(dir string) time.Duration {
	r.mu.Lock()
	known := r.part(dir).conversion
	r.mu.Unlock()
	if known > 0 {
		return known
	}
	asked, ok := r.askConversion(dir)
	if !ok {
		return slowest
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.part(dir).conversion = asked
	return asked
}

// askConversion reads conv_time, which costs no traffic on the bus, or
// resolution, which costs one scratchpad, in the kernels before 5.10.
func (r *Reader) askConversion(dir string) (d time.Duration, ok bool) {
	if ms, err := r.number(dir, "conv_time"); err == nil {
		return time.Duration(ms) * time.Millisecond, ms > 0
	}
	switch bits, _ := r.number(dir, "resolution"); bits {
	case 9:
		return 95 * time.Millisecond, true
	case 10:
		return 190 * time.Millisecond, true
	case 11:
		return 375 * time.Millisecond, true
	case 12:
		return slowest, true
	}
	return 0, false // a DS18S20, whose is fixed; or an error as text
}

// forget drops the conversion times of the slaves: somebody may have changed
// their resolution.
func (r *Reader) forget(names []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, name := range names {
		r.part(path.Join(devices, name)).conversion = 0
	}
}

// takeTurn waits until no other part holds the bus of s, if s would hold it
// through its conversion: on parasite power, or where the kernel polls for the
// end. The kernel would make such reads wait in line all the same, but without
// regard to anybody's deadline. Other parts need no turn.
//
// release is to be called once the kernel has let go.
func (r *Reader) takeTurn(ctx context.Context, s Slave) (release func(), err error) {
	holds, err := r.holds(ctx, s)
	if err != nil || !holds {
		return func() {}, err
	}
	r.mu.Lock()
	turn := r.bus(s.Master).turn
	r.mu.Unlock()
	select {
	case turn <- struct{}{}:
		return func() { <-turn }, nil
	case <-ctx.Done():
		return nil, interruption(ctx)
	}
}

// holds tells whether a conversion of s holds its bus. It asks the part once,
// again only if that did not answer.
func (r *Reader) holds(ctx context.Context, s Slave) (bool, error) {
	r.mu.Lock()
	p := r.part(s.Dir)
	asked, holds := p.asked, p.holds
	r.mu.Unlock()
	if asked {
		return holds, nil
	}
	f, _ := r.launch(s, &flight{run: r.askHolds}, func() {})
	if err := f.wait(ctx); err != nil {
		return false, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return p.holds, nil
}

// askHolds reads ext_power and features: 0 and bit 1 are what it looks for. An
// error comes as a negative number and leaves the question open.
func (r *Reader) askHolds(_ *flight, s Slave) {
	external, err := r.number(s.Dir, "ext_power")
	if errors.Is(err, fs.ErrNotExist) {
		external = 1 // a kernel before 5.8, which has no features either
	} else if err != nil || external < 0 {
		return
	}
	features, err := r.number(s.Dir, "features")
	const polls = 2
	r.mu.Lock()
	defer r.mu.Unlock()
	p := r.part(s.Dir)
	p.asked, p.holds = true, external == 0 || err == nil && features&polls != 0
}

// number reads a file of one integer.
func (r *Reader) number(dir, base string) (int, error) {
	text, err := fs.ReadFile(r.root, path.Join(dir, base))
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(string(bytes.TrimSpace(text)))
}
