package sensors

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"thermarack/hardware/fault"
	"thermarack/hardware/i2c"
	"thermarack/hardware/pca9548"
)

// A kind is a part that the search knows.
type kind struct {
	addresses []uint16
	identify  func(i2c.Bus, uint16) (i2c.Match, error)
	attach    func(seat, i2c.Match) attachment
	mute      bool // it acknowledges no read before it was asked for something
}

// A search is one look at every address of a bus where a known part may sit.
type search struct {
	host   *i2cHost
	number int                 // of the bus
	known  map[string]*i2cPart // by seat, from the search before
	found  []*i2cPart
}

// run looks at the whole bus. After an error found holds what was known.
func (s *search) run(b *i2cBus) error {
	if b.bus == nil { // only a search touches it
		bus, err := s.host.open(s.number)
		if err != nil {
			s.keepKnown()
			return err
		}
		b.bus = pca9548.Share(bus)
	}
	if err := s.look(b.bus, fmt.Sprintf("i2c%d", s.number), s.above()); err != nil {
		s.keepKnown()
		return err
	}
	return nil
}

// keepKnown lists what the last search had and this one did not come to.
func (s *search) keepKnown() {
	for _, p := range s.known {
		if !slices.ContainsFunc(s.found, func(f *i2cPart) bool { return f.seat.String() == p.seat.String() }) {
			s.found = append(s.found, p)
		}
	}
	slices.SortFunc(s.found, func(a, b *i2cPart) int { return slices.Compare([]byte(a.seat.String()), []byte(b.seat.String())) })
}

// muxed is how the kernel names the buses behind a multiplexer that it drives.
var muxed = regexp.MustCompile(`^i2c-(\d+)-mux`)

// above returns the addresses that are taken on the bus above a kernel's
// multiplexer: those parts answer on each of its channels too.
func (s *search) above() map[uint16]bool {
	m := muxed.FindStringSubmatch(i2c.Name(s.host.root, s.number))
	if m == nil {
		return nil
	}
	n, err := strconv.Atoi(m[1])
	if err != nil {
		return nil
	}
	parent := s.host.bus(n)
	parent.mu.Lock()
	defer parent.mu.Unlock()
	taken := map[uint16]bool{}
	for _, p := range parent.parts {
		taken[p.seat.addr] = true
	}
	return taken
}

// look searches one bus, or one channel of a multiplexer, which is shared by all
// that hangs on it. taken are the addresses that answer from above. The error says
// that the bus is stuck.
func (s *search) look(bus i2c.Bus, name string, taken map[uint16]bool) error {
	here := maps.Clone(taken)
	if here == nil {
		here = map[uint16]bool{}
	}
	var muxes []*i2cPart
	for _, addr := range s.host.addresses() {
		if taken[addr] {
			continue
		}
		p, err := s.at(seat{bus, name, addr})
		switch {
		case err != nil:
			return err
		case p == nil:
			continue
		case p.what.channels != nil:
			muxes = append(muxes, p)
		}
		s.found = append(s.found, p)
		here[addr] = true
	}
	for _, mux := range muxes {
		for i, channel := range mux.what.channels {
			if err := s.look(channel, fmt.Sprintf("%s-%d", mux.seat, i), here); err != nil {
				return err
			}
		}
	}
	return nil
}

// addresses returns where parts may sit, in order.
func (h *i2cHost) addresses() []uint16 {
	var all []uint16
	for _, k := range h.kinds {
		all = append(all, k.addresses...)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// at returns the part at one address, or nil. One that answers as ever is left
// in peace, for identifying a part disturbs what it is doing; one that fails may
// have been replaced by another. The channels of a multiplexer tell how it is.
func (s *search) at(place seat) (*i2cPart, error) {
	if place.name == fmt.Sprintf("i2c%d", s.number) {
		if owner := i2c.Owner(s.host.root, s.number, place.addr); owner != "" {
			return &i2cPart{seat: place, owner: owner, match: i2c.Match{Part: owner, Sure: i2c.Certain}}, nil
		}
	}
	var known i2cPart // a copy: a listing may be looking at what the last search left
	if last := s.known[place.String()]; last != nil && last.owner == "" {
		known = *last
	}
	if known.well() {
		known.missing = 0
		return &known, nil
	}
	k, match, err := s.identify(place)
	switch {
	case err != nil:
		return nil, err
	case match.Sure == i2c.No:
		known.missing++
		if known.match.Sure == i2c.No || known.missing >= lostAfter {
			return nil, nil
		}
		return &known, nil
	case known.match.Part == match.Part && known.match.Sure >= match.Sure:
		known.missing = 0
		return &known, nil
	}
	p := &i2cPart{seat: place, match: match}
	if match.Sure >= i2c.Likely {
		p.what = k.attach(place, match)
	}
	p.well() // looks behind a bridge
	return p, nil
}

// well tells whether the part works as far as it can be told without disturbing
// it. It searches anew what is behind a bridge.
func (p *i2cPart) well() bool {
	switch {
	case p.what.sensor != nil:
		return !p.what.sensor.failed.Load()
	case p.what.channels != nil:
		return true
	case p.what.search == nil:
		return false
	}
	ctx, cancel := context.WithTimeout(context.Background(), behindWait)
	defer cancel()
	found, err := p.what.search(ctx)
	p.bridged, p.trouble = merge(p.bridged, found, err == nil), ""
	if err != nil {
		p.trouble = err.Error()
	}
	return err == nil
}

// A bridged part is behind a bridge.
type bridgedPart struct {
	Part
	missing int // searches in a row that did not find it
}

// merge returns what a search behind a bridge has found, and what it has missed but
// searches before have not, in the order of buses and addresses. A search that was
// not whole misses nothing.
func merge(before []bridgedPart, found []Part, whole bool) []bridgedPart {
	var list []bridgedPart
	for _, p := range found {
		list = append(list, bridgedPart{Part: p})
	}
	for _, b := range before {
		if slices.ContainsFunc(found, func(p Part) bool { return p.Address == b.Address }) {
			continue
		}
		if whole {
			b.missing++
		}
		if b.missing < lostAfter {
			list = append(list, b)
		}
	}
	slices.SortFunc(list, func(a, b bridgedPart) int {
		return cmp.Or(strings.Compare(a.Bus, b.Bus), strings.Compare(a.Address, b.Address))
	})
	return list
}

// identify asks every kind that may sit there, and returns the surest.
func (s *search) identify(place seat) (best kind, match i2c.Match, err error) {
	kinds := s.host.kindsAt(place.addr)
	if nobody, err := empty(place, kinds); nobody || err != nil {
		return kind{}, i2c.Match{}, err
	}
	for _, k := range kinds {
		m, err := k.identify(place.bus, place.addr)
		if err := stuck(err); err != nil {
			return kind{}, i2c.Match{}, err
		}
		if err == nil && m.Sure > match.Sure {
			best, match = k, m
		}
		if match.Sure == i2c.Certain {
			break
		}
	}
	return best, match, nil
}

func (h *i2cHost) kindsAt(addr uint16) (kinds []kind) {
	for _, k := range h.kinds {
		if slices.Contains(k.addresses, addr) {
			kinds = append(kinds, k)
		}
	}
	return kinds
}

// empty tells whether nobody is at an address, by one transaction instead of some
// for each kind: most addresses are empty, each minute again. It reads two bytes,
// which is what an LM75 must not be left after one of. The error says that the bus
// is stuck.
func empty(place seat, kinds []kind) (bool, error) {
	if slices.ContainsFunc(kinds, func(k kind) bool { return k.mute }) {
		return false, nil
	}
	err := place.bus.Tx(place.addr, nil, make([]byte, 2))
	return i2c.Refused(err), stuck(err)
}

// stuck returns what err says of a stuck bus, nil if it does not. Which driver
// noticed it first says nothing.
func stuck(err error) error {
	if why, ok := errors.AsType[fault.Error](err); ok && why.Reason == fault.Timeout {
		return why
	}
	return nil
}
