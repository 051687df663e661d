package playback

import (
	"context"
	"fmt"
	"iter"
	"runtime"
	"sync"

	"thermarack/collector/internal/heatmap"
	"thermarack/collector/internal/store"
)

// Frames yields the frames of a reel in time order, several of them in the making.
// It reads a section when it comes to it. The error, after which it ends, is the
// store's or ctx's.
func (r *Reel) Frames(ctx context.Context) iter.Seq2[Frame, error] {
	return func(yield func(Frame, error) bool) {
		for i, s := range r.Sections {
			read, err := s.read(ctx, r.player.opt.Series)
			if err != nil {
				yield(Frame{}, fmt.Errorf("play back %s: %w", r.Shelf, err))
				return
			}
			for f, err := range ahead(ctx, len(s.Times), func(k int) (Frame, error) { return r.frame(i, k, read) }) {
				if !yield(f, err) || err != nil {
					return
				}
			}
		}
	}
}

// Maps yields the maps of the frames; see Frames.
func (r *Reel) Maps(ctx context.Context) iter.Seq2[*heatmap.Map, error] {
	return func(yield func(*heatmap.Map, error) bool) {
		for f, err := range r.Frames(ctx) {
			if !yield(f.Map, err) {
				return
			}
		}
	}
}

// frame makes frame k of a section.
func (r *Reel) frame(section, k int, read tape) (Frame, error) {
	s := r.Sections[section]
	state := s.Past.State(s.Times[k], func(record string) store.Point { return read.newest(record, k) })
	m, err := heatmap.New(state, r.Layer)
	return Frame{section, s.First + k, state, m}, err
}

// Height returns the height in px of the tallest image of its maps. It reads
// nothing: that depends on the shelf. The error says what is wrong with look.
func (r *Reel) Height(look heatmap.Look) (px int, err error) {
	for _, s := range r.Sections {
		blank := s.Past.State(s.Times[0], func(string) store.Point { return store.Point{} })
		m, err := heatmap.New(blank, r.Layer)
		if err != nil {
			return 0, err
		}
		high, err := heatmap.Height(m, look)
		if err != nil {
			return 0, err
		}
		px = max(px, high)
	}
	return px, nil
}

// ahead yields what work makes of 0 to n-1, in that order, while as many as there
// are processors are in the making. It ends after the first error. When it
// returns nothing is in the making any more.
func ahead[T any](ctx context.Context, n int, work func(int) (T, error)) iter.Seq2[T, error] {
	type result struct {
		value T
		err   error
	}
	return func(yield func(T, error) bool) {
		ctx, cancel := context.WithCancel(ctx)
		var tasks sync.WaitGroup
		defer tasks.Wait()
		defer cancel()
		queue := make(chan chan result, runtime.GOMAXPROCS(0))
		tasks.Go(func() {
			defer close(queue)
			for i := range n {
				made := make(chan result, 1)
				select {
				case queue <- made:
				case <-ctx.Done():
					return
				}
				tasks.Go(func() {
					value, err := work(i)
					made <- result{value, err}
				})
			}
		})
		for made := range queue {
			r := <-made
			if !yield(r.value, r.err) || r.err != nil {
				return
			}
		}
		if err := ctx.Err(); err != nil {
			yield(*new(T), err)
		}
	}
}
