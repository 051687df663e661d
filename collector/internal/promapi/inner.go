package promapi

import (
	"fmt"
	"time"

	"github.com/prometheus/prometheus/promql/parser"
)

// maxInnerSteps is how many steps the subqueries of one query take together. The
// engine does not bound them: before it begins with a subquery it allocates 16
// bytes for each of its steps, however many these are.
const maxInnerSteps = 1_000_000

// checkInner parses an expression and refuses too many inner steps; outer is the
// time from the first to the last evaluation.
func (a *API) checkInner(expression string, outer time.Duration) error {
	parsed, err := a.parser.ParseExpr(expression)
	if err != nil {
		return err
	}
	if n := innerSteps(parsed, outer.Seconds()); n > maxInnerSteps {
		return fmt.Errorf("its subqueries take %.3g steps, %d are allowed: make their ranges shorter or their steps longer", n, maxInnerSteps)
	}
	return nil
}

// innerSteps counts the steps of all subqueries in a part of an expression that
// is evaluated over so many seconds. A subquery is evaluated once, from its range
// before the first moment to the last.
func innerSteps(n parser.Node, outer float64) float64 {
	var steps float64
	if sub, ok := n.(*parser.SubqueryExpr); ok {
		if sub.Timestamp != nil || sub.StartOrEnd != 0 {
			outer = 0 // always the same moment
		}
		step := sub.Step
		if step == 0 {
			step = subqueryStep
		}
		outer += sub.Range.Seconds()
		steps = outer/step.Seconds() + 1
	}
	for child := range parser.ChildrenIter(n) {
		steps += innerSteps(child, outer)
	}
	return steps
}
