package main

import (
	"context"
	"errors"
	"path/filepath"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"thermarack/collector/internal/normal"
	"thermarack/collector/internal/rack"
	"thermarack/collector/internal/state"
	"thermarack/collector/internal/watch"
)

// Versions of the documents in the directory "state" below data.
const (
	nodesVersion  = 1 // of rack.Saved
	firingVersion = 1 // a list of subjects, see watch.Ledger
	normalVersion = 1 // of normal.Memo, by record name
	marksVersion  = 1 // of watch.Marks
)

// A notebook is what outlives the process beside the readings.
type notebook struct {
	model  *rack.Model
	nodes  *state.Document[rack.Saved]
	ledger *watch.Ledger // of what is firing
	firing *state.Document[[]string]
	owed   time.Time // when firing was last written by note

	journal *watch.Journal // of what fired when
	marks   *state.Document[watch.Marks]

	learner *normal.Learner
	normals *state.Document[map[string]normal.Memo]
}

// recall opens the documents below data and gives the model what it knew before a
// restart.
func (p plan) recall(model *rack.Model, learner *normal.Learner, registry prometheus.Registerer) (*notebook, error) {
	dir, err := state.OpenDir(filepath.Join(p.Data, "state"), p.log, registry)
	if err != nil {
		return nil, err
	}
	nodes, saved, err := state.Open[rack.Saved](dir, "nodes", nodesVersion)
	if err != nil {
		return nil, err
	}
	model.Resume(saved)
	firing, subjects, err := state.Open[[]string](dir, "firing", firingVersion)
	if err != nil {
		return nil, err
	}
	normals, memos, err := state.Open[map[string]normal.Memo](dir, "normals", normalVersion)
	if err != nil {
		return nil, err
	}
	learner.Resume(memos)
	marks, keptMarks, err := state.Open[watch.Marks](dir, "marks", marksVersion)
	if err != nil {
		return nil, err
	}
	return &notebook{
		model: model, nodes: nodes,
		ledger: watch.NewLedger(subjects), firing: firing,
		journal: watch.NewJournal(keptMarks, p.clock.Now()), marks: marks,
		learner: learner, normals: normals,
	}, nil
}

// run keeps what the model knows on disk until ctx ends.
func (m *notebook) run(ctx context.Context) error {
	return m.nodes.Keep(ctx, m.model.Unsaved(), m.model.Saved)
}

// mark keeps on disk when alerts fired until ctx ends.
func (m *notebook) mark(ctx context.Context) error {
	return m.marks.Keep(ctx, m.journal.Unkept(), m.journal.Kept)
}

// oweEvery is how often what the pager believes is written down at once. A disk that
// takes 50 ms for it holds up a twentieth of what comes in; ten thousand alerts at
// once would hold it up for minutes.
const oweEvery = time.Second

// note takes in a change of an alert before the pager is told, and tells whether it
// must be. What fires alone is on disk by then, so that a crash leaves no alert at
// the pager that nobody ends. It is called one at a time.
func (m *notebook) note(c watch.Change) (tell bool) {
	if !m.ledger.Note(c) {
		return false
	}
	if time.Since(m.owed) >= oweEvery {
		_ = m.firing.Write(m.ledger.Kept()) // owe tries again, and says so
		m.owed = time.Now()
	}
	return true
}

// owe keeps on disk what the pager believes to fire, of many changes at once within
// seconds, until ctx ends.
func (m *notebook) owe(ctx context.Context) error {
	return m.firing.Keep(ctx, m.ledger.Unkept(), m.ledger.Kept)
}

// learn learns what is normal for each sensor, but of shelves that watched has an
// alert of, until ctx ends.
func (m *notebook) learn(ctx context.Context, p plan, watched *watch.Watch) error {
	return m.learner.Run(ctx, normal.Options{
		Racks: m.model, Clock: p.clock, Keep: m.normals.Write,
		Troubled: func(shelf string) bool {
			return slices.ContainsFunc(watched.Active(), func(a watch.Active) bool { return a.Concerns(shelf) })
		},
		Failed: func(err error) { p.log.Error("what is normal for each sensor is not written down", "err", err) },
	})
}

// close writes down what is known, when nobody learns more.
func (m *notebook) close() error {
	return errors.Join(m.nodes.Write(m.model.Saved()), m.firing.Write(m.ledger.Kept()), m.marks.Write(m.journal.Kept()))
}
