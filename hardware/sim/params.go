package sim

import (
	"fmt"
	"math"
	"time"
)

// Params are the physical parameters of one shelf, in SI units and °C.
// Quantities of the shelf as a whole (airflow, metal, structure) are totals;
// quantities of a Pi are per board. Time constants of noise say how long it
// remembers.
type Params struct {
	Columns int // boards along the aisle, at least 1
	Depth   int // boards from the cold to the hot edge, at least 1
	Fans    int // side by side along the aisle, at least 1

	PiPower         float64       // W, mean draw of one Pi at load 1
	PiSpread        float64       // W, sd of that mean from Pi to Pi
	PiNoise         float64       // relative sd of one Pi's draw over time
	PiNoiseTime     time.Duration // memory of PiNoise
	CommonNoise     float64       // relative sd of the draw that all Pis share
	CommonNoiseTime time.Duration // memory of CommonNoise
	LoadSwing       float64       // relative amplitude of the daily load curve

	BoardHeat      float64 // J/K, one board
	BoardAir       float64 // W/K, one board to the air with all fans running
	BoardAirStill  float64 // W/K, the same by natural convection, at 25 K of excess
	BoardMetal     float64 // W/K, one board to the metal it stands on
	ResistanceSoC  float64 // K/W, from the board to the SoC
	NoiseSoC       float64 // K, sd of the SoC sensor before it is rounded to its step
	MetalHeat      float64 // J/K, all sheet metal
	MetalAir       float64 // W/K, all metal to the air with all fans running
	MetalAirStill  float64 // share of MetalAir that is left in still air, 0..1
	MetalStructure float64 // W/K, all metal to rack and neighbours
	MetalRoom      float64 // W/K, all metal to the room
	StructureHeat  float64 // J/K, rack and neighbours as far as they take part
	StructureRoom  float64 // W/K, rack and neighbours to the room

	Airflow   float64       // W/K, mass flow times heat capacity with all fans running
	Open      []float64     // by column, share of its passage that is free, 0.01..1; nil: all are
	HalfFlow  float64       // share of Airflow that half of the fans still move, 0.5..0.75
	Skew      float64       // 0..1, how much a stopped fan starves the columns on its side
	Buoyancy  float64       // share of Airflow that warm air moves by itself at 25 K of excess
	SpinDown  time.Duration // time constant of a fan that starts or stops
	FanSpeed  float64       // 1/s, a healthy fan
	FanJitter float64       // 1/s, sd of a speed reading

	Room              float64       // °C, mean of the room air
	RoomSwing         float64       // K, amplitude of its daily curve
	RoomNoise         float64       // K, sd of its slow wander
	RoomNoiseTime     time.Duration // memory of RoomNoise
	Recirculation     float64       // K at the inlet for each K between hot air and room
	RecirculationTime time.Duration // lag of Recirculation

	ProbeOffset float64    // K, sd of a probe's own error, drawn once for each probe
	ProbeNoise  [2]float64 // K, least and greatest sd of turbulence at a probe
	ProbeLag    [2]float64 // s, least and greatest time constant of a probe in moving air
	ProbeStill  float64    // factor on ProbeLag in still air, at least 1
	ProbeDrift  float64    // K per day of a probe with the fault "drift"
}

// Nominal returns the parameters of a typical shelf with two fans.
//
// A 12 × 9 shelf draws 432 W, is 4.9 K warmer behind than in front, and reaches
// 48 °C hot air about six hours after both fans stop. A shelf of another size
// has airflow, metal and structure in proportion to its number of Pis, and so
// the same temperatures; one with a single column has a single fan.
//
// The 432 W, the 5 K and the six hours are given. Most parameters are estimates
// for a steel shelf in a rack; HalfFlow, Buoyancy, MetalAir and the reference
// excess of natural convection are then fitted to the rise of ΔT that is
// expected after a failure (the tests hold it).
func Nominal(columns, depth int) Params {
	size := float64(columns) * float64(depth) / 108
	return Params{
		Columns: columns, Depth: depth, Fans: min(2, columns),

		PiPower: 4, PiSpread: 0.35, PiNoise: 0.12, PiNoiseTime: 15 * time.Minute,
		CommonNoise: 0.02, CommonNoiseTime: 30 * time.Minute, LoadSwing: 0.015,

		BoardHeat: 45, BoardAir: 0.35, BoardAirStill: 0.22, BoardMetal: 0.05,
		ResistanceSoC: 3.6, NoiseSoC: 0.3,

		MetalHeat: 36e3 * size, MetalAir: 130 * size, MetalAirStill: 0.42,
		MetalStructure: 60 * size, MetalRoom: 1.6 * size,
		StructureHeat: 330e3 * size, StructureRoom: 8 * size,

		Airflow: 80 * size, HalfFlow: 0.59, Skew: 0.4, Buoyancy: 0.05,
		SpinDown: 30 * time.Second, FanSpeed: 50, FanJitter: 0.4,

		Room: 20.75, RoomSwing: 0.25, RoomNoise: 0.25, RoomNoiseTime: 6 * time.Hour,
		Recirculation: 0.05, RecirculationTime: 90 * time.Minute,

		ProbeOffset: 0.2, ProbeNoise: [2]float64{0.1, 0.2}, ProbeLag: [2]float64{25, 75},
		ProbeStill: 3, ProbeDrift: 1.5,
	}
}

// Quiet returns p without anything that varies by chance or with the hour:
// equal Pis, a steady room, exact sensors. What is left is the shelf's own
// response, which is what a library of shelves is made of.
func (p Params) Quiet() Params {
	p.PiSpread, p.PiNoise, p.CommonNoise, p.LoadSwing = 0, 0, 0, 0
	p.RoomSwing, p.RoomNoise = 0, 0
	p.NoiseSoC, p.FanJitter, p.ProbeOffset, p.ProbeNoise = 0, 0, 0, [2]float64{}
	return p
}

// maxBoards bounds a shelf, so that a wrong layout fails instead of filling
// the memory of a small computer.
const maxBoards = 10_000

// A bound is one parameter with the closed range that it may have.
type bound struct {
	name          string
	value, lo, hi float64
}

// validate names the first parameter that is out of its range.
func (p Params) validate() error {
	if p.Columns < 1 || p.Depth < 1 || p.Columns > maxBoards || p.Depth > maxBoards/p.Columns {
		return fmt.Errorf("sim: %d columns by %d deep: need at least 1 by 1 and at most %d boards", p.Columns, p.Depth, maxBoards)
	}
	if p.Fans < 1 || p.Fans > p.Columns {
		return fmt.Errorf("sim: %d fans on %d columns: need at least one and at most one a column", p.Fans, p.Columns)
	}
	for _, b := range p.bounds() {
		if !(b.value >= b.lo && b.value <= b.hi) { // catches NaN as well
			return fmt.Errorf("sim: %s is %v: need %v to %v", b.name, b.value, b.lo, b.hi)
		}
	}
	if n := len(p.Open); n != 0 && n != p.Columns {
		return fmt.Errorf("sim: Open is of %d columns: need none or all %d", n, p.Columns)
	}
	return p.stable()
}

func (p Params) bounds() []bound {
	const tiny, most = 1e-9, 1e12
	bounds := []bound{
		{"PiPower", p.PiPower, 0, most}, {"PiSpread", p.PiSpread, 0, most}, {"PiNoise", p.PiNoise, 0, 1},
		{"PiNoiseTime", p.PiNoiseTime.Seconds(), dt, most}, {"CommonNoise", p.CommonNoise, 0, 1},
		{"CommonNoiseTime", p.CommonNoiseTime.Seconds(), dt, most}, {"LoadSwing", p.LoadSwing, 0, 1},
		{"BoardHeat", p.BoardHeat, tiny, most}, {"BoardAir", p.BoardAir, tiny, most},
		{"BoardAirStill", p.BoardAirStill, tiny, most}, {"BoardMetal", p.BoardMetal, 0, most},
		{"ResistanceSoC", p.ResistanceSoC, 0, most}, {"NoiseSoC", p.NoiseSoC, 0, most},
		{"MetalHeat", p.MetalHeat, tiny, most}, {"MetalAir", p.MetalAir, 0, most}, {"MetalAirStill", p.MetalAirStill, 0, 1},
		{"MetalStructure", p.MetalStructure, 0, most}, {"MetalRoom", p.MetalRoom, 0, most},
		{"StructureHeat", p.StructureHeat, tiny, most}, {"StructureRoom", p.StructureRoom, 0, most},
		{"Airflow", p.Airflow, tiny, most}, {"HalfFlow", p.HalfFlow, 0.5, 0.75}, {"Skew", p.Skew, 0, 0.95},
		{"Buoyancy", p.Buoyancy, tiny, 1}, {"SpinDown", p.SpinDown.Seconds(), 0, most},
		{"FanSpeed", p.FanSpeed, 0, most}, {"FanJitter", p.FanJitter, 0, most},
		{"Room", p.Room, -50, 80}, {"RoomSwing", p.RoomSwing, 0, 50}, {"RoomNoise", p.RoomNoise, 0, 50},
		{"RoomNoiseTime", p.RoomNoiseTime.Seconds(), dt, most}, {"Recirculation", p.Recirculation, 0, 0.9},
		{"RecirculationTime", p.RecirculationTime.Seconds(), dt, most},
		{"ProbeOffset", p.ProbeOffset, 0, 50}, {"ProbeNoise[0]", p.ProbeNoise[0], 0, 50},
		{"ProbeNoise[1]", p.ProbeNoise[1], p.ProbeNoise[0], 50}, {"ProbeLag[0]", p.ProbeLag[0], 0, most},
		{"ProbeLag[1]", p.ProbeLag[1], p.ProbeLag[0], most}, {"ProbeStill", p.ProbeStill, 1, most},
		{"ProbeDrift", p.ProbeDrift, -1e3, 1e3},
	}
	for c, open := range p.Open {
		bounds = append(bounds, bound{fmt.Sprintf("Open[%d]", c), open, 0.01, 1})
	}
	return bounds
}

// stable refuses a shelf of which some part would lose or gain more than half
// of its excess within one step: the explicit integration could then swing.
func (p Params) stable() error {
	forced := 2 * math.Max(p.BoardAir, p.BoardAirStill) // twice: more than the nominal flow
	boards := float64(p.Columns * p.Depth)
	rates := []bound{
		{name: "BoardHeat", value: (forced + p.BoardMetal) / p.BoardHeat},
		{name: "MetalHeat", value: (float64(2*p.MetalAir) + p.MetalStructure + p.MetalRoom + float64(boards*p.BoardMetal)) / p.MetalHeat},
		{name: "StructureHeat", value: (p.MetalStructure + p.StructureRoom) / p.StructureHeat},
	}
	for _, r := range rates {
		if r.value*dt > 0.5 {
			return fmt.Errorf("sim: %s is too small for its couplings: time constant %.3g s, need %.3g s", r.name, 1/r.value, 2*dt)
		}
	}
	return nil
}
