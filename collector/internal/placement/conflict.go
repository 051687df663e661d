package placement

import (
	"fmt"
	"strings"

	"thermarack/agent/wire"
)

// A Kind says what contradicts what.
type Kind string

// The kinds of conflicts.
const (
	SeveralPis    Kind = "several-pis"    // a port that feeds a slot shows more than one
	SeveralPorts  Kind = "several-ports"  // a Pi is shown by ports that are equally good
	LayoutDiffers Kind = "layout-differs" // a port shows another Pi than the layout has there
)

// A Conflict is a contradiction about where a Pi stands. The slots that it is
// about keep the Pi that they had.
type Conflict struct {
	Kind  Kind
	Nodes []wire.Node // that the switches show, sorted; one but for SeveralPis, of which 64 at most
	Spots []Spot      // where they show them, in order; one but for SeveralPorts
	Slots []Slot      // that these feed, in their order

	// Of LayoutDiffers: what the layout has in the slot that is fed, and where it
	// has the Pi that is shown; "" and nil when it names none.
	Listed   wire.Node
	ListedIn *Slot
}

// Why says it to a person in one line.
func (c Conflict) Why() string {
	switch c.Kind {
	case SeveralPis:
		return fmt.Sprintf("%s feeds %s and shows %s", c.Spots[0], c.Slots[0], manyNodes(c.Nodes))
	case SeveralPorts:
		return fmt.Sprintf("%s is shown by %s", c.Nodes[0], manySpots(c.Spots))
	}
	what := fmt.Sprintf("%s shows %s", c.Spots[0], c.Nodes[0])
	if len(c.Slots) > 0 {
		what = fmt.Sprintf("%s feeds %s and shows %s", c.Spots[0], c.Slots[0], c.Nodes[0])
	}
	var listed []string
	if c.Listed != "" {
		listed = append(listed, fmt.Sprintf("has %s there", c.Listed))
	}
	if c.ListedIn != nil {
		listed = append(listed, fmt.Sprintf("has that Pi in %s", c.ListedIn))
	}
	return what + ", but the layout " + strings.Join(listed, " and ")
}

// maxNamed is how many of a list are named to a person.
const maxNamed = 4

func manyNodes(nodes []wire.Node) string {
	names := make([]string, len(nodes))
	for i, n := range nodes {
		names[i] = string(n)
	}
	return list(names)
}

func manySpots(spots []Spot) string {
	names := make([]string, len(spots))
	for i, s := range spots {
		names[i] = s.String()
	}
	return list(names)
}

// list joins two words or more for a person.
func list(words []string) string {
	if len(words) > maxNamed {
		return fmt.Sprintf("%s and %d more", strings.Join(words[:maxNamed], ", "), len(words)-maxNamed)
	}
	last := len(words) - 1
	return strings.Join(words[:last], ", ") + " and " + words[last]
}
