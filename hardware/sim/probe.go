package sim

import (
	"fmt"
	"math"
)

// A Probe is a DS18B20 somewhere in the air of the shelf.
type Probe struct {
	Name   string
	X      float64 // 0 left … 1 right, seen from the cold aisle
	Y      float64 // 0 cold edge … 1 hot edge
	Offset float64 // K, error of this part; adds to the one drawn from Params.ProbeOffset
}

// resolution is the step of a DS18B20 in its usual 12 bit mode, in K.
const resolution = 0.0625

// powerOn is what a DS18B20 reports before its first conversion, in °C.
const powerOn = 85.0

// A probe is the part itself: where it feels the air, and how.
type probe struct {
	name    string
	corners [4]int     // indices into Shelf.air
	weights [4]float64 // of the corners; sum 1
	offset  float64    // K
	noise   float64    // K, sd of turbulence
	lag     float64    // s, in moving air
	still   float64    // factor on lag in still air
	celsius float64    // temperature of the part

	fault string  // one of the Fault constants, or ""
	since int64   // step of its onset
	stuck float64 // °C, value of a stuck probe
}

func validateProbes(probes []Probe) error {
	names := make(map[string]bool, len(probes))
	for i, p := range probes {
		switch {
		case p.Name == "":
			return fmt.Errorf("sim: probe %d has no name", i)
		case names[p.Name]:
			return fmt.Errorf("sim: probe %q is there twice: give each a name of its own", p.Name)
		case !(p.X >= 0 && p.X <= 1 && p.Y >= 0 && p.Y <= 1):
			return fmt.Errorf("sim: probe %q is at x %v, y %v: need 0 to 1", p.Name, p.X, p.Y)
		case math.IsNaN(p.Offset) || math.IsInf(p.Offset, 0):
			return fmt.Errorf("sim: probe %q: offset %v: need a finite number", p.Name, p.Offset)
		}
		names[p.Name] = true
	}
	return nil
}

func newProbes(cfg Config) []probe {
	p := cfg.Params
	chance := stream(cfg.Seed, probeParts)
	probes := make([]probe, len(cfg.Probes))
	for i, place := range cfg.Probes {
		corners, weights := locate(p, place.X, place.Y)
		probes[i] = probe{
			name: place.Name, corners: corners, weights: weights,
			offset: place.Offset + float64(p.ProbeOffset*normal(&chance)),
			noise:  uniform(&chance, p.ProbeNoise[0], p.ProbeNoise[1]),
			lag:    uniform(&chance, p.ProbeLag[0], p.ProbeLag[1]),
			still:  p.ProbeStill,
		}
	}
	return probes
}

// locate returns the four points of the air field around a place and how much
// each counts. Columns stand at their middles; beyond the outer ones air is as
// at them.
func locate(p Params, x, y float64) ([4]int, [4]float64) {
	left, right, toRight := between(float64(x*float64(p.Columns))-0.5, p.Columns)
	front, behind, toBehind := between(y*float64(p.Depth), p.Depth+1)
	front, behind = front*p.Columns, behind*p.Columns
	return [4]int{front + left, front + right, behind + left, behind + right},
		[4]float64{
			(1 - toRight) * (1 - toBehind), toRight * (1 - toBehind),
			(1 - toRight) * toBehind, toRight * toBehind,
		}
}

// between returns the neighbours of place among n points, and its share of the
// way from the one to the other.
func between(place float64, n int) (lo, hi int, share float64) {
	place = min(max(place, 0), float64(n-1))
	lo = int(place)
	return lo, min(lo+1, n-1), place - float64(lo)
}

// follow moves the part one step towards the air around it.
func (p *probe) follow(air []float64, stillness float64) {
	var around float64
	for i, corner := range p.corners {
		around += float64(p.weights[i] * air[corner])
	}
	keep := decay(float64(p.lag * (1 + float64((p.still-1)*stillness))))
	p.celsius = around + float64(keep*(p.celsius-around))
}

// Probe returns what probe i, counted from 0 in the order of Config.Probes,
// reports: the air around it with the part's lag, offset and noise, in steps of
// 0.0625 °C between −55 and 125 °C.
//
// The fault is "" or one of the reasons that a reader can see by itself,
// FaultPowerOn with its 85 °C or FaultNoDevice with NaN. A stuck or drifting
// probe reports a value like any other: the part does not know. A probe that
// does not exist is FaultNoDevice.
func (s *Shelf) Probe(i int) (celsius float64, fault string) {
	if i < 0 || i >= len(s.probes) {
		return math.NaN(), FaultNoDevice
	}
	switch p := &s.probes[i]; p.fault {
	case FaultPowerOn:
		return powerOn, FaultPowerOn
	case FaultNoDevice:
		return math.NaN(), FaultNoDevice
	case FaultStuck:
		return p.stuck, ""
	default:
		return s.sense(i), ""
	}
}

// sense returns the reading of a probe that converts.
func (s *Shelf) sense(i int) float64 {
	p := &s.probes[i]
	value := p.celsius + p.offset + float64(p.noise*normalAt(s.seed, probeTurbulence, i, s.steps))
	if p.fault == FaultDrift {
		days := float64(s.steps-p.since) * dt / 86400
		value += float64(s.p.ProbeDrift * days)
	}
	return min(max(math.RoundToEven(value/resolution)*resolution, -55), 125)
}
