package placement

import (
	"maps"
	"reflect"
	"slices"

	"thermarack/agent/wire"
)

// A board holds what all switches show and what was decided. An answer decides anew
// about those Pis and ports only that it can have to do with: a fleet has five
// hundred switches, and an answer changes little.
type board struct {
	plan    *Plan
	answers map[string]Answer        // the newest of each switch, by its name in the layout
	own     map[wire.Node]int        // how many switches say that an address is theirs
	seen    map[wire.Node][]sighting // by all answers, by switch
	best    map[wire.Node][]sighting // of these; see bestOf
	tied    map[wire.Node]bool       // see bestOf
	shown   map[Spot][]wire.Node     // by key the Pis that it is a best port of

	nodes     Nodes
	at        map[wire.Node]Port // the inverse of nodes
	unplaced  map[wire.Node]Sighted
	conflicts map[Spot]Conflict      // of ports, by key
	ties      map[wire.Node]Conflict // of Pis
}

// newBoard returns a board of no answers, with what was found before.
func newBoard(plan *Plan, before Nodes) *board {
	b := &board{
		plan: plan, answers: map[string]Answer{}, own: map[wire.Node]int{},
		seen: map[wire.Node][]sighting{}, best: map[wire.Node][]sighting{}, tied: map[wire.Node]bool{}, shown: map[Spot][]wire.Node{},
		at: map[wire.Node]Port{}, unplaced: map[wire.Node]Sighted{}, conflicts: map[Spot]Conflict{}, ties: map[wire.Node]Conflict{},
	}
	b.nodes = plan.decide(nil, before).Nodes
	for port, node := range b.nodes {
		b.at[node] = port
	}
	return b
}

// result returns what was decided of all. Nothing in it changes afterwards.
func (b *board) result() Result {
	r := Result{Nodes: maps.Clone(b.nodes)}
	for _, node := range slices.Sorted(maps.Keys(b.unplaced)) {
		r.Unplaced = append(r.Unplaced, b.unplaced[node])
	}
	for _, spot := range slices.SortedFunc(maps.Keys(b.conflicts), compareSpots) {
		r.Conflicts = append(r.Conflicts, b.conflicts[spot])
	}
	for _, node := range slices.Sorted(maps.Keys(b.ties)) {
		r.Conflicts = append(r.Conflicts, b.ties[node])
	}
	return r
}

// key is what a spot is known by: its number alone when it has one.
func (s Spot) key() Spot {
	if s.Number != 0 {
		s.Name = ""
	}
	return s
}

// take makes a the newest answer of a switch, and tells whether that has changed
// the result.
func (b *board) take(name string, a Answer) bool {
	nodes := b.affected(name, a)
	if len(nodes) == 0 {
		b.answers[name] = a
		return false
	}
	b.own[b.answers[name].mac]--
	b.own[a.mac]++
	b.answers[name] = a
	was := b.reach(nodes)
	for _, node := range nodes {
		b.see(name, node)
	}
	return b.settle(was.join(b.reach(nodes)))
}

// affected returns the Pis about which an answer of a switch says something else
// than the one before. A Pi that several ports show may be where one of them says
// as soon as the other answers again.
func (b *board) affected(name string, a Answer) []wire.Node {
	before := b.answers[name]
	nodes := a.differences(before)
	for _, s := range a.pis {
		if b.tied[s.node] {
			nodes = append(nodes, s.node)
		}
	}
	if a.mac != before.mac {
		nodes = append(nodes, a.mac, before.mac)
	}
	slices.Sort(nodes)
	return slices.Compact(nodes)
}

// see makes the newest answer of a switch count for a Pi.
func (b *board) see(name string, node wire.Node) {
	for _, s := range b.best[node] {
		key := s.spot.key()
		b.shown[key] = slices.DeleteFunc(b.shown[key], func(other wire.Node) bool { return other == node })
		if len(b.shown[key]) == 0 {
			delete(b.shown, key)
		}
	}
	all := slices.DeleteFunc(slices.Clone(b.seen[node]), func(s sighting) bool { return s.spot.Switch == name })
	all = append(all, b.answers[name].of(node)...)
	slices.SortFunc(all, compareSightings)
	delete(b.best, node)
	delete(b.tied, node)
	if b.seen[node] = all; len(all) == 0 {
		delete(b.seen, node)
	}
	if len(all) == 0 || b.own[node] > 0 {
		return
	}
	best, tied := bestOf(all, b.answers)
	b.best[node] = best
	if tied {
		b.tied[node] = true
	}
	for _, s := range best {
		b.shown[s.spot.key()] = append(b.shown[s.spot.key()], node)
	}
}

// A reach is what a decision is about: Pis, and the ports that they are on by the
// best sightings or by what was decided last.
type reach struct {
	nodes map[wire.Node]bool
	spots map[Spot]bool // by key
}

func (r reach) join(other reach) reach {
	maps.Copy(r.nodes, other.nodes)
	maps.Copy(r.spots, other.spots)
	return r
}

// reach returns all that may have to do with some Pis: their ports, the other Pis
// of these, and so on.
func (b *board) reach(nodes []wire.Node) reach {
	r := reach{map[wire.Node]bool{}, map[Spot]bool{}}
	queue := slices.Clone(nodes)
	visit := func(key Spot) {
		if r.spots[key] {
			return
		}
		r.spots[key] = true
		queue = append(queue, b.shown[key]...)
		if node, held := b.nodes[key.Port]; held {
			queue = append(queue, node)
		}
	}
	for len(queue) > 0 {
		node := queue[0]
		queue = queue[1:]
		if r.nodes[node] {
			continue
		}
		r.nodes[node] = true
		for _, s := range b.best[node] {
			visit(s.spot.key())
		}
		if port, held := b.at[node]; held {
			visit(Spot{Port: port})
		}
	}
	return r
}

// settle decides about a reach anew, and tells whether anything is different.
func (b *board) settle(r reach) bool {
	best, before := map[wire.Node][]sighting{}, Nodes{}
	for node := range r.nodes {
		if all := b.best[node]; len(all) > 0 {
			best[node] = all
		}
	}
	for spot := range r.spots {
		if node, held := b.nodes[spot.Port]; held {
			before[spot.Port] = node
		}
	}
	was := b.clear(r, before)
	is := b.plan.decide(best, before)
	b.put(is)
	return !maps.Equal(before, is.Nodes) || !slices.Equal(was.Unplaced, is.Unplaced) || !reflect.DeepEqual(was.Conflicts, is.Conflicts)
}

// clear removes what was decided about a reach, and returns it in the order of
// decide.
func (b *board) clear(r reach, before Nodes) (was Result) {
	for port, node := range before {
		delete(b.nodes, port)
		delete(b.at, node)
	}
	for _, spot := range slices.SortedFunc(maps.Keys(r.spots), compareSpots) {
		if c, ok := b.conflicts[spot]; ok {
			was.Conflicts = append(was.Conflicts, c)
			delete(b.conflicts, spot)
		}
	}
	for _, node := range slices.Sorted(maps.Keys(r.nodes)) {
		if c, ok := b.ties[node]; ok {
			was.Conflicts = append(was.Conflicts, c)
			delete(b.ties, node)
		}
		if u, ok := b.unplaced[node]; ok {
			was.Unplaced = append(was.Unplaced, u)
			delete(b.unplaced, node)
		}
	}
	return was
}

// put adds what was decided about a reach.
func (b *board) put(is Result) {
	for port, node := range is.Nodes {
		b.nodes[port], b.at[node] = node, port
	}
	for _, u := range is.Unplaced {
		b.unplaced[u.Node] = u
	}
	for _, c := range is.Conflicts {
		if c.Kind == SeveralPorts {
			b.ties[c.Nodes[0]] = c
		} else {
			b.conflicts[c.Spots[0].key()] = c
		}
	}
}
