package ingest

import (
	"fmt"

	"thermarack/agent/wire"
	"thermarack/collector/internal/store"
)

const (
	// MaxSeries is how many series are stored of one node. A Pi with all probes
	// that a bus carries has about a hundred, a chassis switch some hundreds;
	// what has more makes up names.
	MaxSeries = 2000

	// MaxNodes is how many nodes are stored.
	MaxNodes = 20_000
)

// A limit bounds what senders can make a store, and us, remember. What is known
// stays admitted.
type limit struct {
	series map[store.Series]struct{}
	nodes  map[wire.Node]int // number of their series
}

func newLimit() *limit {
	return &limit{series: map[store.Series]struct{}{}, nodes: map[wire.Node]int{}}
}

// count makes series known, whether they are within the limit or not.
func (l *limit) count(series []store.Series) {
	for _, s := range series {
		if _, known := l.series[s]; !known {
			l.series[s] = struct{}{}
			l.nodes[s.Node]++
		}
	}
}

// admit counts a series if it is new. It returns why there may be no more.
func (l *limit) admit(s store.Series) (reason string, err error) {
	if _, known := l.series[s]; known {
		return "", nil
	}
	n, known := l.nodes[s.Node]
	switch {
	case !known && len(l.nodes) >= MaxNodes:
		return ReasonNodeLimit, fmt.Errorf("%d nodes are stored, and %s would be one more", MaxNodes, s.Node)
	case n >= MaxSeries:
		return ReasonSeriesLimit, fmt.Errorf("%d series of node %s are stored, and %.120q would be one more", n, s.Node, s.Name())
	}
	l.series[s] = struct{}{}
	l.nodes[s.Node] = n + 1
	return "", nil
}
