package heatmap

import (
	"cmp"
	"math"
	"slices"

	"thermarack/collector/internal/rack"
)

// alarms outlines a place in red and stripes it, on top of what is there. A
// dashed outline without stripes is an alarm that is still pending.
func (p *plan) alarms(b box, alarms []Alarm) {
	if len(alarms) == 0 {
		return
	}
	pending, critical := true, false
	for _, a := range alarms {
		pending = pending && a.Pending
		critical = critical || a.Severity == "critical"
	}
	outline := ink{line: p.theme.alarm, width: 2.5}
	if critical {
		outline.width = 4
	}
	if pending {
		outline.dash = 6
	} else if stripes := hatch(b, 8, false); len(stripes) > 0 {
		p.d.add(trail{lines: stripes, ink: ink{line: p.theme.alarm.fade(0.8), width: 2.2}})
	}
	inner := b.inset(outline.width / 2)
	p.d.add(
		rect{box: inner, radius: 3, ink: ink{line: p.theme.page, width: outline.width + 2}},
		rect{box: inner, radius: 3, ink: outline},
	)
}

// alarmsOf returns the alarms that match.
func (p *plan) alarmsOf(match func(Alarm) bool) []Alarm {
	var out []Alarm
	for _, a := range p.look.Alarms {
		if match(a) {
			out = append(out, a)
		}
	}
	return out
}

// A sensor is a probe with its place in the drawing.
type sensor struct {
	rack.Probe
	at     point
	label  box
	words  string
	inside bool // of the map, not at a face
	alarms []Alarm
}

// sensors returns the probes for which keep holds, from left to right, with
// labels about the same height as their places.
func (p *plan) sensors(keep func(rack.Probe) bool) []sensor {
	var out []sensor
	for _, q := range p.Probes {
		if keep(q) {
			s := sensor{Probe: q, at: p.spot(q.X, q.Y), words: "–"}
			switch {
			case q.Ok() && known(q.Value):
				s.words = tenths(q.V)
			case known(q.Value):
				s.words = "(" + tenths(q.V) + ")"
			}
			s.alarms = p.alarmsOf(func(a Alarm) bool { return a.Probe != "" && a.Probe == q.Name })
			s.label = around(s.at, roomFor(s.words, normal)+6, 19)
			out = append(out, s)
		}
	}
	slices.SortStableFunc(out, func(a, b sensor) int { return cmp.Compare(a.at.x, b.at.x) })
	return out
}

// near the faces, probes are labelled outside the map.
const faceShare = 0.02

// faceProbes places the labels of the probes at both faces: hot ones in the line
// from y on, cold ones in the line below the map.
func (p *plan) faceProbes(hot, cold float64) {
	for _, face := range []struct {
		y    float64
		keep func(rack.Probe) bool
	}{
		{hot, func(q rack.Probe) bool { return q.Y >= 1-faceShare }},
		{cold, func(q rack.Probe) bool { return q.Y <= faceShare }},
	} {
		free := 0.0 // left end of what is free
		for _, s := range p.sensors(face.keep) {
			s.label.x = min(max(s.label.x, p.grid.x), p.grid.x+p.grid.w-s.label.w)
			s.label.y = face.y + (faceLine-s.label.h)/2
			if s.label.x < free {
				s.words = "" // no room; the dot keeps its title
			} else {
				free = s.label.x + s.label.w + 2
			}
			p.sensed = append(p.sensed, s)
		}
	}
}

// insideProbes places the labels of the probes inside the map. Over other
// layers than air only their dots show, moved to the gap between two rows: the
// numbers there are of something else, and have to stay legible.
func (p *plan) insideProbes() {
	for _, s := range p.sensors(func(q rack.Probe) bool { return q.Y > faceShare && q.Y < 1-faceShare }) {
		s.inside = true
		s.label.y -= 17
		s.label.x = min(max(s.label.x, p.grid.x+2), p.grid.x+p.grid.w-s.label.w-2)
		s.label.y = max(s.label.y, p.grid.y+2)
		if p.Field == nil {
			s.words = ""
			s.at.y = p.grid.y + math.Round((s.at.y-p.grid.y)/p.ch)*p.ch
		} else {
			p.taken = append(p.taken, s.label, around(s.at, 14, 14))
		}
		p.sensed = append(p.sensed, s)
	}
}

// labels draws what stands on top of the cells: lines' names, then probes.
func (p *plan) labels() {
	for _, t := range p.tags {
		p.d.add(rect{box: t.box, radius: 4, ink: ink{fill: t.ground}}, t.text.centred(t.box.middle()))
	}
	for _, s := range p.sensed {
		p.probe(s)
	}
}

// probe draws one probe: a dot in the colour of its value, and the value. A
// stale one is hollow and its value in parentheses; one without a reading is
// hollow with a dash.
func (p *plan) probe(s sensor) {
	dot := ink{fill: p.theme.panel, line: p.theme.dim, width: 2}
	if s.Ok() {
		dot = ink{fill: p.temperature(s.V), line: hex(0xffffff), width: 2.2}
	}
	p.d.add(group{"data-probe", s.Name, "probe " + plain(s.Name) + ": " + s.says()})
	p.alarms(s.surround(), s.alarms)
	p.d.add(disc{s.at, 6.6, ink{fill: shade().fade(0.85)}}, disc{s.at, 4.6, dot})
	if s.words != "" {
		if s.inside || len(s.alarms) > 0 {
			p.d.add(rect{box: s.label, radius: 4, ink: ink{fill: p.theme.page.fade(0.92)}})
		}
		p.d.add(text{words: s.words, size: normal, bold: s.Ok(), colour: p.theme.ink}.centred(s.label.middle()))
	}
	p.d.add(groupEnd{})
}

// says tells a probe's reading in words.
func (s sensor) says() string {
	switch {
	case !known(s.Value):
		return "no reading"
	case !s.Ok():
		return tenths(s.V) + " °C, stale"
	}
	return tenths(s.V) + " °C"
}

// surround returns the box about a probe's dot and its label, if that shows.
func (s sensor) surround() box {
	b := around(s.at, 18, 18)
	if s.words == "" {
		return b
	}
	x, y := min(b.x, s.label.x-7), min(b.y, s.label.y-5)
	return box{x, y, max(b.x+b.w, s.label.x+s.label.w+7) - x, max(b.y+b.h, s.label.y+s.label.h+5) - y}
}

// temperature returns the colour of air of v °C; on layers of another quantity
// probes are grey.
func (p *plan) temperature(v float64) colour {
	if p.Layer == Air {
		return p.colour(v)
	}
	return p.theme.dim
}

// A condition is how a fan is.
type condition int

const (
	turning condition = iota
	slow
	stopped
	unheard
)

// conditionOf judges a fan by its last speed.
func conditionOf(f rack.Fan) condition {
	switch {
	case !known(f.Value):
		return unheard
	case f.V <= f.Healthy/10:
		return stopped
	case f.V < f.Healthy:
		return slow
	}
	return turning
}

// standing returns how many fans are known to stand.
func (p *plan) standing() int {
	n := 0
	for _, f := range p.Fans {
		if conditionOf(f) == stopped {
			n++
		}
	}
	return n
}

// fans draws the fans side by side in b, at the hot edge.
func (p *plan) fans(b box) {
	each := b.w / float64(len(p.Fans))
	for i, f := range p.Fans {
		place := box{b.x + float64(i)*each + 2, b.y + 3, each - 4, b.h - 6}
		p.fan(place, f)
	}
}

// fan draws one fan: a rotor, its name, and its speed or what is wrong with it.
func (p *plan) fan(b box, f rack.Fan) {
	words, colour := p.fanWords(f)
	radius := min(b.h/2-3, b.w/2-2)
	room := b.w - 2*radius - 20
	name := text{words: clip(f.Name, normal, room), size: normal, bold: true, colour: p.theme.ink}
	state := text{words: clip(words, normal, room), size: normal, colour: colour, bold: colour != p.theme.dim}
	wide := 2*radius + 12 + max(name.width(), state.width())
	if room < 40 {
		wide = 2 * radius
	}
	place := around(b.middle(), wide+14, b.h)
	hub := point{place.x + 7 + radius, b.y + b.h/2}
	alarms := p.alarmsOf(func(a Alarm) bool { return slices.Contains(a.Fans, f.Name) })
	p.d.add(group{"data-fan", f.Name, "fan " + plain(f.Name) + ": " + words})
	p.alarms(place, alarms)
	if len(alarms) > 0 {
		p.d.add(rect{box: place.inset(7), radius: 3, ink: ink{fill: p.theme.page.fade(0.9)}})
		radius -= 4
	}
	p.rotor(hub, radius, conditionOf(f), colour)
	if room >= 40 {
		name.at, state.at = point{hub.x + radius + 12, hub.y - 4}, point{hub.x + radius + 12, hub.y + 14}
		p.d.add(name, state)
	}
	p.d.add(groupEnd{})
}

// fanWords says how a fan is, and in which colour.
func (p *plan) fanWords(f rack.Fan) (string, colour) {
	speed := tenths(f.V) + " rev/s"
	if f.State == rack.Stale {
		speed += ", stale"
	}
	switch conditionOf(f) {
	case unheard:
		return "no reading", p.theme.caution
	case stopped:
		if f.State == rack.Stale {
			return "stopped, stale", p.theme.alarm
		}
		return "stopped", p.theme.alarm
	case slow:
		return "slow, " + speed, p.theme.caution
	}
	if f.State == rack.Stale {
		return speed, p.theme.caution
	}
	return speed, p.theme.dim
}

// rotor draws a fan's wheel: crossed out when it stands, a dashed rim alone when
// nothing is known of it.
func (p *plan) rotor(hub point, radius float64, c condition, colour colour) {
	rim := ink{line: colour, width: 2}
	if c == unheard {
		rim.dash = 4
		p.d.add(disc{hub, radius, rim})
		return
	}
	p.d.add(disc{hub, radius, rim})
	var blades []line
	for k := range 3 {
		blades = append(blades, blade(hub, radius, 2*math.Pi*float64(k)/3))
	}
	p.d.add(trail{lines: blades, ink: ink{fill: colour.fade(0.55)}}, disc{hub, radius * 0.18, ink{fill: colour}})
	if c == stopped {
		r := radius * 1.02
		cross := []line{segment(hub.x-r, hub.y-r, hub.x+r, hub.y+r), segment(hub.x-r, hub.y+r, hub.x+r, hub.y-r)}
		p.d.add(trail{lines: cross, ink: ink{line: p.theme.page, width: 8}}, trail{lines: cross, ink: ink{line: colour, width: 4}})
	}
}

// blade returns one swept blade of a wheel.
func blade(hub point, radius, turn float64) line {
	const steps = 8
	at := func(r, angle float64) point {
		sin, cos := math.Sincos(turn + angle)
		return point{hub.x + r*radius*cos, hub.y + r*radius*sin}
	}
	var points []point
	for i := range steps + 1 { // out along the leading edge
		t := float64(i) / steps
		points = append(points, at(0.2+0.62*t, 0.9*t*t))
	}
	for i := range steps + 1 { // and back along the trailing one
		t := 1 - float64(i)/steps
		points = append(points, at(0.2+0.62*t, 0.9*t*t+1.25*math.Sin(math.Pi*(0.15+0.6*t))*t+0.25))
	}
	return line{points: points, closed: true}
}
