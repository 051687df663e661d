package snmp

import (
	"context"
	"fmt"
	"strings"

	"github.com/gosnmp/gosnmp"
)

// The bounds of one walk. A core switch has some ten thousand MAC addresses, and
// all of its texts together are less than a megabyte.
const (
	maxWalkVars     = 200_000
	maxWalkRequests = 20_000
	maxWalkBytes    = 16 << 20 // of texts and object identifiers
)

// A column is a root that is being walked.
type column struct {
	root OID
	last string // name of the last object read, as gosnmp writes it
	vars []Var
	done bool
}

// A budget is what a walk may still take in.
type budget struct{ vars, requests, bytes int }

// spend takes an answer off the budget, and tells whether that was left.
func (b *budget) spend(answer []gosnmp.SnmpPDU) bool {
	b.requests--
	b.vars -= len(answer)
	for _, pdu := range answer {
		switch value := pdu.Value.(type) {
		case []byte:
			b.bytes -= len(value)
		case string:
			b.bytes -= len(value)
		}
	}
	return b.requests >= 0 && b.vars >= 0 && b.bytes >= 0
}

// Walk implements Source. It reads the roots side by side, so that each answer is
// full. The error wraps ErrNoAnswer, ErrDenied, ErrAgent or that of ctx; it is
// ErrAgent when the objects do not increase, or when there is no end of them.
func (c *Client) Walk(ctx context.Context, roots ...OID) ([][]Var, error) {
	columns := make([]column, len(roots))
	open := make([]*column, len(roots))
	for i, root := range roots {
		columns[i] = column{root: root, last: "." + root.String()}
		open[i] = &columns[i]
	}
	if err := c.walk(ctx, open); err != nil {
		return nil, err
	}
	lists := make([][]Var, len(roots))
	for i := range columns {
		lists[i] = columns[i].vars
	}
	return lists, nil
}

// walk reads columns until all are done.
func (c *Client) walk(ctx context.Context, open []*column) error {
	left := budget{maxWalkVars, maxWalkRequests, maxWalkBytes}
	for len(open) > 0 {
		some, answer, err := c.rows(ctx, open)
		if err != nil {
			return err
		}
		if !left.spend(answer) {
			return c.wrap(some[0].root.String(), fmt.Errorf("more than %d objects, %d bytes or %d requests (%w)", maxWalkVars, maxWalkBytes, maxWalkRequests, ErrAgent))
		}
		arcs := make([]uint32, 0, len(answer)*typicalArcs)
		for i, pdu := range answer {
			if arcs, err = some[i%len(some)].add(pdu, arcs); err != nil {
				return c.wrap(pdu.Name, err)
			}
		}
		kept := open[:0]
		for _, column := range open {
			if !column.done {
				kept = append(kept, column)
			}
		}
		open = kept
	}
	return nil
}

// rows asks for what follows in the first of the columns, as many as a request
// takes. The answer goes row by row; its last may be cut.
func (c *Client) rows(ctx context.Context, open []*column) (some []*column, answer []gosnmp.SnmpPDU, err error) {
	var most int
	names := make([]string, 0, len(open))
	answer, err = c.ask(ctx, open[0].last, func(session *gosnmp.GoSNMP) (*gosnmp.SnmpPacket, error) {
		some = open[:min(len(open), c.pace.batch)]
		names = names[:0]
		for _, column := range some {
			names = append(names, column.last)
		}
		repetitions := c.pace.batch / len(some)
		most = repetitions * len(some)
		return session.GetBulk(names, 0, uint32(repetitions))
	})
	return some, answer[:min(len(answer), most)], err
}

// typicalArcs is the length of the longest names of most walks, those of MAC
// addresses in VLANs, for an estimate of memory.
const typicalArcs = 20

// add takes the next object of the column, unless that is behind its end. The
// arcs of its name are put behind arcs, which is returned.
func (l *column) add(pdu gosnmp.SnmpPDU, arcs []uint32) ([]uint32, error) {
	if l.done || pdu.Type == gosnmp.EndOfMibView {
		l.done = true
		return arcs, nil
	}
	from := len(arcs)
	arcs, ok := appendArcs(arcs, pdu.Name)
	if !ok {
		return arcs, fmt.Errorf("an object without a proper name (%w)", ErrAgent)
	}
	name := OID(arcs[from:len(arcs):len(arcs)])
	if !under(name, l.root) || len(name) == len(l.root) {
		l.done = true
		return arcs[:from], nil
	}
	if n := len(l.vars); n > 0 && name.Compare(l.vars[n-1].OID) <= 0 {
		return arcs, fmt.Errorf("the walk goes in circles: it follows %s; update the switch's software (%w)", l.vars[n-1].OID, ErrAgent)
	}
	l.vars = append(l.vars, Var{name, valueOf(pdu)})
	l.last = pdu.Name
	return arcs, nil
}

// appendArcs reads a name as gosnmp writes it, ".1.3.6.1".
func appendArcs(arcs []uint32, name string) ([]uint32, bool) {
	rest, ok := strings.CutPrefix(name, ".")
	if !ok {
		return arcs, false
	}
	var arc uint32
	for i := range len(rest) {
		if rest[i] == '.' {
			arcs, arc = append(arcs, arc), 0
			continue
		}
		arc = arc*10 + uint32(rest[i]-'0')
	}
	return append(arcs, arc), true
}
