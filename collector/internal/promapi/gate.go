package promapi

import (
	"context"
	"errors"
	"fmt"
)

// A gate lets few questions be answered at a time, and some more wait.
type gate struct {
	inside  chan struct{} // one a question from its begin until its answer is sent
	running chan struct{} // one a question that holds samples
}

func newGate(l Limits) *gate {
	return &gate{make(chan struct{}, l.Running+l.Waiting), make(chan struct{}, l.Running)}
}

// enter returns how to leave. The failure says that too many wait already.
func (g *gate) enter() (leave func(), err error) {
	select {
	case g.inside <- struct{}{}:
		return func() { <-g.inside }, nil
	default:
		return nil, failure{unavailable, fmt.Errorf("%d queries are being answered or wait for it: ask again later", cap(g.inside))}
	}
}

// run waits for a turn and returns how to end it.
func (g *gate) run(ctx context.Context) (done func(), err error) {
	if ctx.Err() == nil {
		select {
		case g.running <- struct{}{}:
			return func() { <-g.running }, nil
		case <-ctx.Done():
		}
	}
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return nil, failure{timedOut, errors.New("query timed out in query queue")}
	}
	return nil, failure{canceled, errors.New("query was canceled in query queue")}
}
