package rack

import (
	"context"
	"slices"
	"time"
)

// A watcher gathers the ids of changed shelves until its reader takes them.
type watcher struct {
	dirty map[string]bool // guarded by Model.mu
	ready chan struct{}   // holds one token while dirty is not empty
}

// Watch returns a channel of the ids of shelves that changed, sorted. A slow
// reader gets them gathered, each once. The channel is closed when ctx ends.
func (m *Model) Watch(ctx context.Context) <-chan []string {
	w := &watcher{dirty: map[string]bool{}, ready: make(chan struct{}, 1)}
	m.mu.Lock()
	m.watchers[w] = struct{}{}
	m.mu.Unlock()
	out := make(chan []string)
	go func() {
		defer close(out)
		defer m.forget(w)
		for {
			select {
			case <-ctx.Done():
				return
			case <-w.ready:
			}
			select {
			case <-ctx.Done():
				return
			case out <- m.takeDirty(w):
			}
		}
	}()
	return out
}

func (m *Model) forget(w *watcher) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.watchers, w)
}

func (m *Model) takeDirty(w *watcher) []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	ids := make([]string, 0, len(w.dirty))
	for id := range w.dirty {
		ids = append(ids, id)
	}
	clear(w.dirty)
	slices.Sort(ids)
	return ids
}

// wake tells every watcher of changed shelves. m.mu is held.
func (m *Model) wake(dirty shelves) {
	if len(dirty) == 0 {
		return
	}
	for w := range m.watchers {
		for _, s := range dirty {
			w.dirty[s.ID()] = true
		}
		select {
		case w.ready <- struct{}{}:
		default: // a token waits already
		}
	}
}

// Run tells watchers of shelves whose values have become stale or missing
// meanwhile, which no message does. It returns nil when ctx ends.
func (m *Model) Run(ctx context.Context) error {
	tick := time.NewTicker(time.Duration(float64(m.ages.stale) / m.clock.Speed() / 4))
	defer tick.Stop()
	before := map[string][3]int{}
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		var dirty shelves
		all := m.Layout().Shelves // a provisional layout may change meanwhile
		for i := range all {
			id := all[i].ID()
			state, err := m.State(ctx, id, time.Time{})
			if err != nil {
				continue // the provisional layout has changed since
			}
			if now := state.count(); now != before[id] {
				before[id], dirty = now, append(dirty, &all[i])
			}
		}
		m.mu.Lock()
		m.wake(dirty)
		m.mu.Unlock()
	}
}

// count returns how many values are fresh, stale and missing.
func (s State) count() (n [3]int) {
	add := func(v Value) {
		switch v.State {
		case Fresh:
			n[0]++
		case Stale:
			n[1]++
		default:
			n[2]++
		}
	}
	for _, slot := range s.Slots {
		add(slot.SoC)
		add(slot.Power)
	}
	for _, p := range s.Probes {
		add(p.Value)
	}
	for _, f := range s.Fans {
		add(f.Value)
	}
	return n
}
