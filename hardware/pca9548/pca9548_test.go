package pca9548_test

import (
	"errors"
	"sync"
	"testing"

	"thermarack/hardware/fault"
	"thermarack/hardware/i2c"
	"thermarack/hardware/i2c/i2ctest"
	"thermarack/hardware/pca9548"
)

// A segment is a simulated piece of bus: parts that answer with a byte of their
// own, and multiplexers that lead to more.
type segment struct {
	parts map[uint16]byte
	muxes map[uint16]*mux
}

type mux struct {
	control  byte
	mask     byte // the bits that the register has
	dead     bool
	channels [8]*segment
}

// newMux has a part on each channel, at the same address, that answers with the
// number of the channel and a digit of the multiplexer.
func newMux(digit byte, addr uint16) *mux {
	m := &mux{mask: 0xff}
	for i := range m.channels {
		m.channels[i] = &segment{parts: map[uint16]byte{addr: digit<<4 | byte(i)}}
	}
	return m
}

// A wire is the whole of a simulated bus. It fails the test if two parts of one
// address are connected when it is spoken to.
type wire struct {
	t    *testing.T
	top  *segment
	mu   sync.Mutex
	fail func(addr uint16) error
}

func (b *wire) Tx(addr uint16, w, r []byte) error {
	if !b.mu.TryLock() {
		b.t.Error("two transactions at once")
		b.mu.Lock()
	}
	defer b.mu.Unlock()
	if b.fail != nil {
		if err := b.fail(addr); err != nil {
			return err
		}
	}
	var answers []func()
	b.reach(b.top, addr, func(m *mux) {
		answers = append(answers, func() {
			if len(w) > 0 {
				m.control = w[len(w)-1] & m.mask
			}
			for i := range r {
				r[i] = m.control
			}
		})
	}, func(v byte) {
		answers = append(answers, func() {
			for i := range r {
				r[i] = v
			}
		})
	})
	if len(answers) > 1 {
		b.t.Errorf("%d parts answer at 0x%02x", len(answers), addr)
	}
	if len(answers) == 0 {
		return i2ctest.NoAck
	}
	answers[0]() // after the search, as a channel is connected after the end
	return nil
}

// reach finds who is connected and has the address.
func (b *wire) reach(s *segment, addr uint16, atMux func(*mux), atPart func(byte)) {
	if s == nil {
		return
	}
	if v, ok := s.parts[addr]; ok {
		atPart(v)
	}
	for at, m := range s.muxes {
		if m.dead {
			continue
		}
		if at == addr {
			atMux(m)
		}
		for i, behind := range m.channels {
			if m.control>>i&1 == 1 {
				b.reach(behind, addr, atMux, atPart)
			}
		}
	}
}

// ask reads the byte of the part at 0x48.
func ask(bus i2c.Bus) (byte, error) {
	var r [1]byte
	err := bus.Tx(0x48, nil, r[:])
	return r[0], err
}

// reason returns the reason of the fault that err wraps, or "".
func reason(err error) string {
	why, _ := fault.Of(err)
	return why
}

func TestPartsOfOneAddressNeverMeet(t *testing.T) {
	t.Parallel()
	first, second := newMux(1, 0x48), newMux(2, 0x48)
	first.control, second.control = 0x10, 0xff // as a program that died left them
	sim := &wire{t: t, top: &segment{
		muxes: map[uint16]*mux{0x70: first, 0x74: second},
		parts: map[uint16]byte{0x4a: 0x99},
	}}
	a := pca9548.New(sim, 0x70)
	b := pca9548.New(a.Parent(), 0x74)
	var all sync.WaitGroup
	for range 20 {
		for n := range pca9548.Channels {
			all.Go(func() {
				if got, err := ask(a.Channel(n)); got != 0x10|byte(n) || err != nil {
					t.Errorf("channel %d of the first: %02x, %v", n, got, err)
				}
			})
			all.Go(func() {
				if got, err := ask(b.Channel(n)); got != 0x20|byte(n) || err != nil {
					t.Errorf("channel %d of the second: %02x, %v", n, got, err)
				}
			})
		}
		all.Go(func() {
			if _, err := ask(b.Parent()); reason(err) != fault.NoDevice {
				t.Errorf("a part behind a multiplexer answers beside it: %v", err)
			}
			if err := pca9548.Share(a.Parent()).Tx(0x4a, nil, make([]byte, 1)); err != nil {
				t.Errorf("the part beside: %v", err)
			}
		})
	}
	all.Wait()
	if first.control != 0 || second.control != 0 {
		t.Errorf("channels are left connected: %02x, %02x", first.control, second.control)
	}
}

func TestAMultiplexerBehindAnother(t *testing.T) {
	t.Parallel()
	outer := newMux(1, 0x48)
	inner := newMux(2, 0x48)
	outer.channels[3] = &segment{muxes: map[uint16]*mux{0x71: inner}}
	sim := &wire{t: t, top: &segment{muxes: map[uint16]*mux{0x70: outer}}}
	above := pca9548.New(sim, 0x70)
	below := pca9548.New(above.Channel(3), 0x71)
	for range 2 {
		if got, err := ask(below.Channel(5)); got != 0x25 || err != nil {
			t.Errorf("behind both: %02x, %v, want 25", got, err)
		}
		if got, err := ask(above.Channel(2)); got != 0x12 || err != nil {
			t.Errorf("behind one: %02x, %v, want 12", got, err)
		}
	}
	if outer.control != 0 || inner.control != 0 {
		t.Errorf("channels are left connected: %02x, %02x", outer.control, inner.control)
	}
}

// TestOneRefusalCostsOneTransaction refuses each transaction in turn, once.
func TestOneRefusalCostsOneTransaction(t *testing.T) {
	t.Parallel()
	for at := range 5 {
		sim := &wire{t: t, top: &segment{muxes: map[uint16]*mux{0x70: newMux(1, 0x48)}, parts: map[uint16]byte{0x4a: 0x99}}}
		m := pca9548.New(sim, 0x70)
		var n int
		sim.fail = func(uint16) error {
			if n++; n == at+1 {
				return i2ctest.NoAck
			}
			return nil
		}
		first, firstErr := ask(m.Channel(1))
		if firstErr == nil && first != 0x11 {
			t.Errorf("transaction %d refused: got %02x", at, first)
		}
		if err := m.Parent().Tx(0x4a, nil, make([]byte, 1)); err != nil {
			t.Errorf("transaction %d refused: the part beside: %v", at, err)
		}
		if got := sim.top.muxes[0x70].control; got != 0 {
			t.Errorf("transaction %d refused: control register %02x beside a transaction of the bus above", at, got)
		}
		if got, err := ask(m.Channel(2)); got != 0x12 || err != nil {
			t.Errorf("transaction %d refused: the next one: %02x, %v", at, got, err)
		}
	}
}

func TestTroubleHasItsReason(t *testing.T) {
	t.Parallel()
	four := newMux(1, 0x48)
	four.mask = 0x0f
	wild := newMux(1, 0x48)
	wild.mask = 0x03
	wild.channels = [8]*segment{}
	tests := []struct {
		name    string
		mux     *mux
		channel int
		upset   func(*wire)
		want    string
	}{
		{"the last of four channels", four, 3, nil, ""},
		{"more channels than it has", four, 4, nil, fault.NoDevice},
		{"more than any has", four, 8, nil, fault.NoDevice},
		{"less than any has", four, -1, nil, fault.NoDevice},
		{"no part on the channel", wild, 0, nil, fault.NoDevice},
		{"no multiplexer", &mux{dead: true}, 0, nil, fault.NoDevice},
		{"a bus that hangs", four, 0, func(b *wire) {
			b.fail = func(uint16) error { return fault.New(fault.Timeout, "the bus is stuck") }
		}, fault.Timeout},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			sim := &wire{t: t, top: &segment{muxes: map[uint16]*mux{0x70: tt.mux}}}
			if tt.upset != nil {
				tt.upset(sim)
			}
			got, err := ask(pca9548.New(sim, 0x70).Channel(tt.channel))
			if reason(err) != tt.want || (err != nil) != (tt.want != "") {
				t.Errorf("got %02x, %v, want fault %q", got, err, tt.want)
			}
		})
	}
}

// TestATransactionByTheDatasheet plays what is said on the bus above.
func TestATransactionByTheDatasheet(t *testing.T) {
	t.Parallel()
	bus := i2ctest.Play(t,
		i2ctest.Op{Addr: 0x73, W: []byte{0x00}},                            // whoever was before
		i2ctest.Op{Addr: 0x73, W: []byte{0x20}},                            // channel 5
		i2ctest.Op{Addr: 0x73, R: []byte{0x20}},                            // is connected
		i2ctest.Op{Addr: 0x48, W: []byte{0x00}, R: []byte{0x19, 0x10}},     // the part
		i2ctest.Op{Addr: 0x73, W: []byte{0x00}},                            // disconnected
		i2ctest.Op{Addr: 0x73, W: []byte{0x01}},                            // channel 0
		i2ctest.Op{Addr: 0x73, R: []byte{0x03}},                            // a bit was damaged
		i2ctest.Op{Addr: 0x73, W: []byte{0x00}},                            // disconnected
		i2ctest.Op{Addr: 0x49, W: []byte{0x00}, R: []byte{0x0a}, Err: nil}, // beside it
	)
	m := pca9548.New(bus, 0x73)
	r := make([]byte, 2)
	if err := m.Channel(5).Tx(0x48, []byte{0}, r); err != nil || r[0] != 0x19 {
		t.Errorf("got % x, %v", r, err)
	}
	if err := m.Channel(0).Tx(0x48, []byte{0}, r); reason(err) != fault.CRC {
		t.Errorf("err = %v, want fault crc", err)
	}
	if err := m.Channel(0).Tx(0x73, []byte{0}, r); reason(err) != fault.NoDevice {
		t.Errorf("err = %v, want that the address is the multiplexer's own", err)
	}
	if err := m.Parent().Tx(0x49, []byte{0}, r[:1]); err != nil {
		t.Error(err)
	}
}

func TestIdentify(t *testing.T) {
	t.Parallel()
	left := newMux(1, 0x48)
	left.control = 0x24
	four := newMux(1, 0x48)
	four.mask = 0x0f
	tests := []struct {
		name string
		addr uint16
		top  segment
		want i2c.Sure
	}{
		{"a multiplexer", 0x70, segment{muxes: map[uint16]*mux{0x70: newMux(1, 0x48)}}, i2c.Likely},
		{"one with channels connected", 0x71, segment{muxes: map[uint16]*mux{0x71: left}}, i2c.Likely},
		{"one where barometers are", 0x77, segment{muxes: map[uint16]*mux{0x77: newMux(1, 0x48)}}, i2c.Likely},
		{"one of four channels there", 0x76, segment{muxes: map[uint16]*mux{0x76: four}}, i2c.Likely},
		{"a part that answers zero", 0x70, segment{parts: map[uint16]byte{0x70: 0}}, i2c.No},
		{"a part that answers ones", 0x70, segment{parts: map[uint16]byte{0x70: 0xff}}, i2c.No},
		{"nobody", 0x70, segment{}, i2c.No},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			before := map[uint16]byte{}
			for addr, m := range tt.top.muxes {
				before[addr] = m.control
			}
			got, err := pca9548.Identify(&wire{t: t, top: &tt.top}, tt.addr)
			if err != nil || got.Sure != tt.want {
				t.Errorf("got %+v, %v, want %v", got, err, tt.want)
			}
			for addr, m := range tt.top.muxes {
				if m.control != before[addr] {
					t.Errorf("the control register is %02x, was %02x", m.control, before[addr])
				}
			}
		})
	}
}

func TestIdentifyKnowsABarometerByItsID(t *testing.T) {
	t.Parallel()
	for _, id := range []byte{0x60, 0x58, 0x56, 0x57} {
		// Registers 0 and 1 hold, of all things, their own addresses.
		memory := map[byte]byte{0xd0: id, 0x01: 0x01, 0x02: 0x01}
		var at byte
		bus := i2ctest.Func(func(_ uint16, w, r []byte) error {
			if len(w) > 1 {
				t.Errorf("% x was written to a barometer", w)
			}
			if len(w) > 0 {
				at = w[0]
			}
			for i := range r {
				r[i] = memory[at]
			}
			return nil
		})
		for _, addr := range []uint16{0x76, 0x77} {
			got, err := pca9548.Identify(bus, addr)
			if err != nil || got.Sure != i2c.No {
				t.Errorf("ID 0x%02x at 0x%02x: %+v, %v, want no match", id, addr, got, err)
			}
		}
	}
}

// TestIdentifyOnABusInUse has a channel used at the same time through the same
// lock: both go well, or the identification fails, never the reading.
func TestIdentifyOnABusInUse(t *testing.T) {
	t.Parallel()
	sim := &wire{t: t, top: &segment{muxes: map[uint16]*mux{0x70: newMux(1, 0x48)}}}
	m := pca9548.New(sim, 0x70)
	if got, err := pca9548.Identify(m.Parent(), 0x70); err != nil || got.Sure != i2c.Likely {
		t.Errorf("a multiplexer in use: %+v, %v", got, err)
	}
	var all sync.WaitGroup
	for range 50 {
		all.Go(func() {
			if _, err := pca9548.Identify(m.Parent(), 0x70); err != nil {
				t.Error(err)
			}
		})
		all.Go(func() {
			if got, err := ask(m.Channel(4)); got != 0x14 || err != nil {
				t.Errorf("%02x, %v, want 14", got, err)
			}
		})
	}
	all.Wait()
}

func TestIdentifyReportsTroubleOfTheBus(t *testing.T) {
	t.Parallel()
	stuck := fault.New(fault.Timeout, "the bus is stuck")
	for good := range 8 {
		sim := &wire{t: t, top: &segment{muxes: map[uint16]*mux{0x77: newMux(1, 0x48)}}}
		var n int
		sim.fail = func(uint16) error {
			if n++; n > good {
				return stuck
			}
			return nil
		}
		if _, err := pca9548.Identify(sim, 0x77); !errors.Is(err, stuck) {
			t.Errorf("after %d transactions: %v, want that the bus is stuck", good, err)
		}
	}
}
