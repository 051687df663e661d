package main

import (
	"context"
	"errors"
	"path/filepath"
	"slices"

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
		model, nodes, watch.NewLedger(subjects, firing.Write),
		watch.NewJournal(keptMarks, p.clock.Now()), marks, learner, normals,
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
	return errors.Join(m.nodes.Write(m.model.Saved()), m.marks.Write(m.journal.Kept()))
}
