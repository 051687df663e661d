package main

import (
	"context"
	"path/filepath"

	"github.com/prometheus/client_golang/prometheus"

	"thermarack/collector/internal/rack"
	"thermarack/collector/internal/state"
	"thermarack/collector/internal/watch"
)

// Versions of the documents in the directory "state" below data.
const (
	nodesVersion  = 1 // of rack.Saved
	firingVersion = 1 // a list of subjects, see watch.Ledger
)

// A notebook is what outlives the process beside the readings.
type notebook struct {
	model  *rack.Model
	nodes  *state.Document[rack.Saved]
	ledger *watch.Ledger // of what is firing
}

// recall opens the documents below data and gives the model what it knew before a
// restart.
func (p plan) recall(model *rack.Model, registry prometheus.Registerer) (*notebook, error) {
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
	return &notebook{model, nodes, watch.NewLedger(subjects, firing.Write)}, nil
}

// run keeps what the model knows on disk until ctx ends.
func (m *notebook) run(ctx context.Context) error {
	return m.nodes.Keep(ctx, m.model.Unsaved(), m.model.Saved)
}

// close writes down what the model knows, when it learns no more.
func (m *notebook) close() error { return m.nodes.Write(m.model.Saved()) }
