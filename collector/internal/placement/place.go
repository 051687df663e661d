package placement

import (
	"maps"
	"slices"
	"time"

	"thermarack/agent/wire"
)

// A Result is where the Pis stand, and what could not be decided.
type Result struct {
	Nodes     Nodes      // in slots that the layout leaves empty
	Unplaced  []Sighted  // Pis that switches show and that stand nowhere, by MAC
	Conflicts []Conflict // those of ports in order, then those of Pis
}

// A Sighted is a Pi that a switch shows.
type Sighted struct {
	Node wire.Node
	Spot Spot // the best one; the first of several that are equally good
}

// decide finds out where some Pis stand by their best sightings, and what was found
// last of the same Pis and of the ports that these are on.
//
// A Pi is at the port with the fewest MAC addresses that shows it. When two are
// equally good, a table from before the Pi was first seen at the other counts
// no more: the Pi has moved since. A Pi that no port shows stays where it was
// until its port shows another one; so does one that is seen only among others on
// a port that feeds no slot, as behind an uplink that was not recognised.
func (p *Plan) decide(best map[wire.Node][]sighting, before Nodes) Result {
	d := decision{plan: p, best: best, shown: map[Spot][]wire.Node{}, certain: Nodes{}, nodes: Nodes{}, at: map[wire.Node]Port{}}
	for _, node := range slices.Sorted(maps.Keys(best)) {
		for _, s := range best[node] {
			d.shown[s.spot] = append(d.shown[s.spot], node)
		}
	}
	for _, spot := range slices.SortedFunc(maps.Keys(d.shown), compareSpots) {
		d.judge(spot)
	}
	d.listTies()
	for _, port := range before.ports() {
		d.stay(port, before[port])
	}
	return Result{Nodes: d.nodes, Unplaced: d.unplaced(), Conflicts: d.conflicts}
}

// bestOf returns those sightings of a Pi that are best, and whether some were as
// good but for the time of their answers. The list is not empty unless all is.
func bestOf(all []sighting, answers map[string]Answer) (best []sighting, tied bool) {
	var newest time.Time
	for _, s := range all {
		switch {
		case len(best) == 0 || s.macs < best[0].macs:
			best, newest = []sighting{s}, s.since
		case s.macs == best[0].macs:
			best = append(best, s)
			if s.since.After(newest) {
				newest = s.since
			}
		}
	}
	tied = len(best) > 1
	outdated := func(s sighting) bool { return s.since.Before(newest) && answers[s.spot.Switch].heard.Before(newest) }
	return slices.DeleteFunc(best, outdated), tied
}

// A decision is a Result in the making.
type decision struct {
	plan  *Plan
	best  map[wire.Node][]sighting // none of them empty
	shown map[Spot][]wire.Node     // by port the Pis that it is a best one of, sorted

	certain   Nodes // the only Pi of each port that shows one, and which no other shows as well
	nodes     Nodes
	at        map[wire.Node]Port // the inverse of nodes
	conflicts []Conflict
}

// judge decides about one port that shows Pis.
func (d *decision) judge(spot Spot) {
	nodes := d.shown[spot]
	at, fed := d.plan.fed[spot.Port]
	switch {
	case fed && len(nodes) > 1:
		d.conflicts = append(d.conflicts, Conflict{
			Kind: SeveralPis, Nodes: capped(nodes), Spots: []Spot{spot}, Slots: []Slot{d.plan.name(at)},
		})
		return
	case len(nodes) > 1 || len(d.best[nodes[0]]) > 1:
		return
	}
	node := nodes[0]
	d.certain[spot.Port] = node
	if home, placed := d.plan.placed[node]; placed && fed && home == at {
		return
	}
	if differs, ok := d.differs(spot, node); ok {
		d.conflicts = append(d.conflicts, differs)
		return
	}
	if fed {
		d.nodes[spot.Port], d.at[node] = node, spot.Port
	}
}

// capped returns no more nodes than are taken from one port: an unknown uplink of
// many switches together may show more.
func capped(nodes []wire.Node) []wire.Node { return nodes[:min(len(nodes), maxPis)] }

// differs tells how the only Pi of a port contradicts the layout, if it does. A
// port that feeds no slot contradicts it when nothing else is behind it, and the
// layout has the Pi on another.
func (d *decision) differs(spot Spot, node wire.Node) (Conflict, bool) {
	c := Conflict{Kind: LayoutDiffers, Nodes: []wire.Node{node}, Spots: []Spot{spot}}
	home, placed := d.plan.placed[node]
	if placed {
		slot := d.plan.name(home)
		c.ListedIn = &slot
	}
	at, fed := d.plan.fed[spot.Port]
	if !fed {
		return c, placed && d.alone(node) && PortOf(d.plan.slot(home)).Number != 0
	}
	c.Slots, c.Listed = []Slot{d.plan.name(at)}, d.plan.slot(at).Node
	return c, placed || c.Listed != ""
}

// alone tells whether the best port of a Pi shows no other MAC address.
func (d *decision) alone(node wire.Node) bool { return d.best[node][0].macs == 1 }

// listTies lists the Pis that more than one port shows equally well, one of which
// feeds a slot.
func (d *decision) listTies() {
	for _, node := range slices.Sorted(maps.Keys(d.best)) {
		if len(d.best[node]) < 2 {
			continue
		}
		c := Conflict{Kind: SeveralPorts, Nodes: []wire.Node{node}}
		for _, s := range d.best[node] {
			c.Spots = append(c.Spots, s.spot)
			if at, fed := d.plan.fed[s.spot.Port]; fed {
				c.Slots = append(c.Slots, d.plan.name(at))
			}
		}
		if len(c.Slots) > 0 {
			d.conflicts = append(d.conflicts, c)
		}
	}
}

// stay keeps a Pi at the port where it was, unless somebody else is there now or
// it is somewhere else.
func (d *decision) stay(port Port, node wire.Node) {
	if _, moved := d.at[node]; moved || !d.plan.Takes(port, node) || d.elsewhere(port, node) {
		return
	}
	if other, taken := d.certain[port]; taken && other != node {
		return
	}
	d.nodes[port], d.at[node] = node, port
}

// elsewhere tells whether a Pi is certainly at another port.
func (d *decision) elsewhere(port Port, node wire.Node) bool {
	best := d.best[node]
	if len(best) != 1 || best[0].spot.Port == port || len(d.shown[best[0].spot]) > 1 {
		return false
	}
	_, fed := d.plan.fed[best[0].spot.Port]
	return fed || d.alone(node)
}

// unplaced lists the Pis that are shown and stand nowhere.
func (d *decision) unplaced() []Sighted {
	var list []Sighted
	for _, node := range slices.Sorted(maps.Keys(d.best)) {
		_, found := d.at[node]
		if _, placed := d.plan.placed[node]; !found && !placed {
			list = append(list, Sighted{node, d.best[node][0].spot})
		}
	}
	return list
}
