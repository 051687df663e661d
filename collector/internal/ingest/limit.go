package ingest

import (
	"fmt"
	"hash/maphash"

	"thermarack/agent/wire"
	"thermarack/collector/internal/store"
)

const (
	// MaxSeries is how many series are stored of one node. A Pi with all probes
	// that a bus carries has about a hundred, a stack of nine switches of 48 ports
	// three thousand; what has more makes up names.
	MaxSeries = 4000

	// MaxNodes is how many nodes are stored.
	MaxNodes = 20_000

	// MaxAllSeries is how many series are stored in all: some fifty of each node.
	// A million takes about two gigabytes of memory.
	MaxAllSeries = 1_000_000
)

// A limit bounds what senders can make a store, and us, remember. What is known
// stays admitted.
type limit struct {
	seed   maphash.Seed
	series map[uint64]*seen  // by hash: two that share one count once, which harms nobody
	nodes  map[wire.Node]int // number of their series
	last   *seen             // that was asked for
}

// A seen series is one that is admitted.
type seen struct {
	series store.Series
	next   *seen // the one that came behind it the last time
}

func newLimit() *limit {
	return &limit{seed: maphash.MakeSeed(), series: map[uint64]*seen{}, nodes: map[wire.Node]int{}, last: &seen{}}
}

// count makes series known, whether they are within the limit or not.
func (l *limit) count(series []store.Series) {
	for _, s := range series {
		if hash := maphash.Comparable(l.seed, s); l.series[hash] == nil {
			l.add(hash, s)
		}
	}
}

func (l *limit) add(hash uint64, s store.Series) *seen {
	found := &seen{series: s}
	l.series[hash] = found
	l.nodes[s.Node]++
	return found
}

// admit counts a series if it is new. It returns why there may be no more.
//
// The records of a pack come in the same order every time, and so the one behind
// the last is tried first: that is several times as fast as to look up six
// strings.
func (l *limit) admit(s store.Series) (reason string, err error) {
	if next := l.last.next; next != nil && next.series == s {
		l.last = next
		return "", nil
	}
	hash := maphash.Comparable(l.seed, s)
	found := l.series[hash]
	if found == nil {
		if reason, err := l.refuse(s); err != nil {
			return reason, err
		}
		found = l.add(hash, s)
	}
	l.last.next, l.last = found, found
	return "", nil
}

// refuse returns why a new series is one too many, or nil.
func (l *limit) refuse(s store.Series) (reason string, err error) {
	n, known := l.nodes[s.Node]
	switch {
	case !known && len(l.nodes) >= MaxNodes:
		return ReasonNodeLimit, fmt.Errorf("%d nodes are stored, and %s would be one more", MaxNodes, s.Node)
	case n >= MaxSeries:
		return ReasonSeriesLimit, fmt.Errorf("%d series of node %s are stored, and %.120q would be one more", n, s.Node, s.Name())
	case len(l.series) >= MaxAllSeries:
		return ReasonSeriesLimit, fmt.Errorf("%d series are stored, and %.120q of node %s would be one more", MaxAllSeries, s.Name(), s.Node)
	}
	return "", nil
}
