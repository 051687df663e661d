package heatmap

import (
	"fmt"
	"math"
	"strings"
	"time"

	"thermarack/collector/internal/rack"
)

// words for the layers, as the headline has them.
func (l Layer) words() string {
	switch l {
	case SoC:
		return "SoC temperature"
	case PoE:
		return "power per slot"
	case Delta:
		return "SoC against its own normal"
	case Excess:
		return "SoC above what its neighbours say"
	}
	return "air temperature"
}

func (m *Map) headline() string {
	return fmt.Sprintf("Shelf %s, %s, %s", m.Shelf, m.Layer.words(), m.stamp())
}

func (m *Map) stamp() string { return stampOf(m.T) }

func stampOf(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 UTC") }

// about says in words what the map shows, for those who do not see it.
func (m *Map) about(alarms int) string {
	var b strings.Builder
	b.WriteString("Seen from above, cold aisle below, hot aisle above.")
	hottest, lo, missing := -1, math.Inf(1), 0
	for i, c := range m.Cells {
		if !c.has() {
			missing++
			continue
		}
		lo = min(lo, c.Value)
		if hottest < 0 || c.Value > m.Cells[hottest].Value {
			hottest = i
		}
	}
	if hottest >= 0 {
		s := scaleOf(m.Layer, m.Limits)
		fmt.Fprintf(&b, " From %s to %s %s, highest in slot %d.", s.tenths(lo), s.tenths(m.Cells[hottest].Value), s.unit, m.Cells[hottest].Slot)
	}
	if missing > 0 {
		fmt.Fprintf(&b, " %d of %d slots without a value.", missing, len(m.Cells))
	}
	if alarms > 0 {
		fmt.Fprintf(&b, " %d %s.", alarms, plural(alarms, "alarm"))
	}
	return b.String()
}

// has tells whether the cell has a value that can be drawn.
func (c Cell) has() bool {
	return c.Source != Missing && !math.IsNaN(c.Value) && !math.IsInf(c.Value, 0)
}

func plural(n int, word string) string {
	if n == 1 {
		return word
	}
	return word + "s"
}

// header draws the headline and returns where it ends. Its height does not
// depend on what there is to tell, so that the map stays in its place on a wall.
func (p *plan) header() float64 {
	const big, below = 28, 16
	left := p.readouts()
	wide := p.d.width >= 900
	id := text{at: point{margin, 44}, words: clip(p.Shelf, big, left-margin-below), size: big, bold: true, colour: p.theme.ink}
	p.d.add(id)
	layer := text{at: point{margin, 70}, words: p.Layer.words(), size: below, colour: p.theme.ink}
	stamp := text{words: p.stamp(), size: normal, colour: p.theme.dim}
	if wide {
		stamp.at = point{margin + layer.width() + 4, 70}
		p.d.add(layer, stamp)
		p.chips(point{margin + id.width() + 12, 23}, left)
		return 88
	}
	stamp.at = point{margin, 91}
	p.d.add(layer, stamp)
	p.chips(point{margin, 102}, p.d.width-margin)
	return 138
}

// chips says on small plates how many alarms there are and what is not known,
// from at on to the right as far as there is room.
func (p *plan) chips(at point, right float64) {
	for _, c := range []struct {
		words string
		fill  colour
	}{
		{p.count("critical"), p.theme.alarm}, {p.count("warning"), p.theme.alarm}, {p.note(), p.theme.caution},
	} {
		words := text{words: c.words, size: normal, bold: true, colour: p.theme.page}
		b := box{at.x, at.y, words.width() + 10, 26}
		if c.words == "" || b.x+b.w > right {
			continue
		}
		p.d.add(rect{box: b, radius: 5, ink: ink{fill: c.fill}}, words.centred(b.middle()))
		at.x += b.w + 6
	}
}

// count says how many alarms of a severity have fired, or nothing.
func (p *plan) count(severity string) string {
	n := len(p.alarmsOf(func(a Alarm) bool { return a.Severity == severity && !a.Pending }))
	if n == 0 {
		return ""
	}
	return fmt.Sprintf("%d %s", n, severity)
}

// note says how old the readings are, if they are not of the moment, or which
// are.
func (p *plan) note() string {
	stale, fresh, silent := 0, 0, 0
	for _, c := range p.Cells {
		switch c.Source {
		case Stale:
			stale++
		case Measured, Inferred:
			fresh++
		}
	}
	for _, q := range p.Probes {
		if !q.Ok() {
			silent++
		}
	}
	switch {
	case p.Newest.IsZero():
		return "no readings"
	case fresh == 0:
		return "newest reading " + age(p.T.Sub(p.Newest)) + " old"
	case p.Layer != Air && stale > 0:
		return fmt.Sprintf("%d %s stale", stale, plural(stale, "slot"))
	case p.Layer == Air && len(p.Doubted) > 0:
		return fmt.Sprintf("%d %s doubted", len(p.Doubted), plural(len(p.Doubted), "probe"))
	case p.Layer == Air && silent > 0:
		return fmt.Sprintf("%d of %d %s silent", silent, len(p.Probes), plural(len(p.Probes), "probe"))
	}
	return ""
}

// age returns a duration to its two largest units or so, such as "14 min".
func age(d time.Duration) string {
	switch {
	case d < 2*time.Minute:
		return fmt.Sprintf("%d s", int(d.Seconds()))
	case d < 2*time.Hour:
		return fmt.Sprintf("%d min", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h", int(d.Hours()))
	}
	return fmt.Sprintf("%d days", int(d.Hours()/24))
}

// readouts draws the shelf's figures at the right of the headline, as many as
// there is room for, and returns where they begin.
func (p *plan) readouts() float64 {
	const column, least = 104, 300
	right := p.d.width - margin
	for _, f := range []struct {
		caption string
		figure  rack.Figure
		show    func(float64) string
		unit    string
	}{
		{"rise", p.Figures.DeltaT, tenths, "K"},
		{"power", p.Figures.Power, whole, "W"},
		{"air flow", p.Figures.AirFlow, whole, "W/K"},
	} {
		if right-column < least {
			break
		}
		value := "–"
		if f.figure.Ok() && !math.IsNaN(f.figure.V) && !math.IsInf(f.figure.V, 0) {
			value = f.show(f.figure.V) + " " + f.unit
		}
		p.d.add(
			text{at: point{right, 28}, words: f.caption, size: small, anchor: end, colour: p.theme.dim},
			text{at: point{right, 52}, words: value, size: 22, bold: true, anchor: end, colour: p.theme.ink},
		)
		right -= column
	}
	return right
}

func whole(v float64) string { return number(math.Round(v)) }

// hotAisle draws the strip above the shelf from y on and returns its end.
func (p *plan) hotAisle(y float64) float64 {
	p.strip(box{margin, y, p.inner(), aisle}, strip{p.theme.hot, p.theme.hotInk, "HOT AISLE", "mean", p.Figures.HotAir})
	return y + aisle + 4
}

// coldAisle draws the strip below the shelf from y on and returns its end.
func (p *plan) coldAisle(y float64) float64 {
	p.strip(box{margin, y, p.inner(), aisle}, strip{p.theme.cold, p.theme.coldInk, "COLD AISLE", "inlet mean", p.Figures.Inlet})
	return y + aisle
}

// A strip is how an aisle looks and what it says.
type strip struct {
	fill, ink     colour
	name, caption string
	figure        rack.Figure
}

func (p *plan) strip(b box, s strip) {
	p.d.add(rect{box: b, radius: 6, ink: ink{fill: s.fill}})
	y := b.y + b.h/2 + 5
	name := text{at: point{b.x + 12, y}, words: s.name, size: normal, bold: true, colour: s.ink}
	value := text{at: point{b.x + b.w - 12, y}, size: 16, bold: true, anchor: end, colour: s.ink}
	room := b.w - name.width() - 140
	switch v := s.figure.V; {
	case s.figure.Ok() && !math.IsNaN(v) && !math.IsInf(v, 0):
		value.words = s.caption + " " + tenths(v) + " °C"
	case s.figure.Why != "":
		value.words, value.bold, value.size = clip(s.figure.Why, normal, room), false, normal
	default:
		value.words = "–"
	}
	p.d.add(name, value)
	p.arrows(b, name.at.x+name.width()+20, value.at.x-value.width()-20, s.ink)
}

// arrows show which way the air goes, as long as a fan may be moving it.
func (p *plan) arrows(b box, from, to float64, c colour) {
	const apart, half, tall = 74, 9, 8
	if len(p.Fans) > 0 && p.standing() == len(p.Fans) {
		return
	}
	var heads []line
	for x := math.Ceil(from/apart) * apart; x <= to; x += apart {
		for _, y := range []float64{b.y + b.h/2 - 5, b.y + b.h/2 + 3} {
			heads = append(heads, line{points: []point{{x - half, y + tall/2}, {x, y - tall/2}, {x + half, y + tall/2}}})
		}
	}
	if len(heads) > 0 {
		p.d.add(trail{lines: heads, ink: ink{line: c.fade(0.45), width: 2}})
	}
}
