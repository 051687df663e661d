// Package sim simulates the heat of one shelf of Raspberry Pis: boards, air,
// metal, the rack around them, fans and probes.
//
// Air takes no time to pass, so that it is computed afresh each step, column by
// column from the cold edge to the hot one; boards, metal and structure store
// heat. A shelf reads no clock and does no input or output. The same Config and
// the same calls give the same numbers, on every architecture: the package
// avoids functions with processor-specific versions, and wraps products in
// float64(…) where the compiler could otherwise fuse them into a sum.
package sim

import (
	"math"
	"math/rand/v2"
	"slices"
	"time"
)

// step is the internal time step. The fastest part, a board, takes about two
// minutes.
const step = 10 * time.Second

// dt is step in seconds.
const dt = float64(step) / float64(time.Second)

// warmUp is how long a new shelf has been running. The structure settles
// within a few hours while fans run.
const warmUp = 12 * time.Hour

// A Config describes one shelf. Shelves with different seeds are independent.
type Config struct {
	Params Params
	Probes []Probe   // names are unique and not empty
	Seed   uint64    // of everything that chance decides
	Start  time.Time // instant of elapsed time 0; only its time of day matters
}

// A Shelf is a simulated shelf. It is not safe for concurrent use.
//
// Slots count from 1 at the front left, along the front, then backwards; fans
// count from 1 at the left.
type Shelf struct {
	p        Params
	seed     uint64
	midnight float64       // s from midnight to elapsed time 0
	elapsed  time.Duration // as asked for; at most one step after steps
	steps    int64         // done since elapsed time 0, negative while warming up

	load    load
	room    room
	fans    []fan
	probes  []probe
	columns []column
	boards  []float64 // °C, by slot
	air     []float64 // °C, Depth+1 rows of Columns; row 0 is the inlet
	rear    float64   // °C, structure: rack and neighbours

	future *future // what MinutesToCritical has found so far, or nil
}

// New returns a shelf that has been running for twelve hours, so that its first
// state is a settled normal day. The error names the parameter or probe that is
// wrong and what it should be.
func New(cfg Config) (*Shelf, error) {
	if err := cfg.Params.validate(); err != nil {
		return nil, err
	}
	if err := validateProbes(cfg.Probes); err != nil {
		return nil, err
	}
	s := assemble(cfg)
	for s.steps < 0 {
		s.advance()
	}
	return s, nil
}

// assemble puts a shelf together, at a first guess of its temperatures.
func assemble(cfg Config) *Shelf {
	p := cfg.Params
	hour, minute, second := cfg.Start.Clock()
	s := &Shelf{
		p:        p,
		seed:     cfg.Seed,
		midnight: float64(3600*hour + 60*minute + second),
		steps:    -int64(warmUp / step),
		load:     newLoad(p, cfg.Seed),
		room:     newRoom(p, cfg.Seed),
		fans:     newFans(p),
		probes:   newProbes(cfg),
		columns:  newColumns(p),
		boards:   slices.Repeat([]float64{p.Room + 12}, p.Columns*p.Depth),
		air:      slices.Repeat([]float64{p.Room}, p.Columns*(p.Depth+1)),
		rear:     p.Room + 2,
	}
	for i := range s.probes {
		s.probes[i].celsius = p.Room
	}
	return s
}

// AdvanceTo lets the shelf run until elapsed after Start. It integrates in
// whole steps of 10 s: between them the state is that of the last one, so that
// it does not depend on how often AdvanceTo is called. A time in the past
// changes nothing.
func (s *Shelf) AdvanceTo(elapsed time.Duration) {
	s.elapsed = max(s.elapsed, elapsed)
	for s.steps < int64(s.elapsed/step) {
		s.advance()
	}
}

// advance integrates one step: causes first, then air, then whatever stores
// heat.
func (s *Shelf) advance() {
	daytime := s.midnight + float64(float64(s.steps)*dt)
	s.load.advance(daytime)
	s.room.advance(daytime, s.hotAir())
	s.spin()
	s.blow()
	s.exchange()
	for i := range s.probes {
		s.probes[i].follow(s.air, s.stillness())
	}
	s.steps++
}

// Elapsed returns the time since Start that the shelf has reached.
func (s *Shelf) Elapsed() time.Duration { return s.elapsed }

// Clone returns a shelf with the same state and the same future, which shares
// nothing with s.
func (s *Shelf) Clone() *Shelf {
	c := *s
	c.load = s.load.clone()
	c.fans = slices.Clone(s.fans)
	c.probes = slices.Clone(s.probes)
	c.columns = slices.Clone(s.columns)
	c.boards = slices.Clone(s.boards)
	c.air = slices.Clone(s.air)
	c.future = nil
	return &c
}

// A room is the air that the shelf stands in and draws from.
type room struct {
	celsius float64 // away from the shelf
	inlet   float64 // in front of the shelf
	slow    float64 // K, present wander
	back    float64 // K, hot air above the room, as it comes round with its lag

	mean, swing, share, lag float64
	wander                  wander
	chance                  rand.PCG
}

func newRoom(p Params, seed uint64) room {
	return room{
		celsius: p.Room, inlet: p.Room,
		mean: p.Room, swing: p.RoomSwing, share: p.Recirculation,
		lag:    decay(p.RecirculationTime.Seconds()),
		wander: newWander(p.RoomNoise, p.RoomNoiseTime.Seconds()),
		chance: stream(seed, roomWander),
	}
}

// advance follows the day; a room is warmest at four in the afternoon.
func (r *room) advance(daytime, hotAir float64) {
	r.slow = r.wander.next(r.slow, &r.chance)
	r.celsius = r.mean + float64(r.swing*dayWave(daytime, 16)) + r.slow
	excess := math.Max(hotAir-r.celsius, 0)
	r.back = excess + float64(r.lag*(r.back-excess))
	r.inlet = r.celsius + float64(r.share*r.back)
}
