package tsdb

import (
	"fmt"
	"math/rand/v2"
	"os"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"thermarack/agent/wire"
	"thermarack/collector/internal/store"
	"thermarack/collector/internal/store/memory"
)

const modelWindow = 6 * time.Hour

// A pair is a store and the plain one that says what it should hold.
type pair struct {
	t     *testing.T
	rng   *rand.Rand
	disk  *Store
	model *memory.Store
	now   time.Time // no sample is later
}

// TestAnyHistoryEqualsThatOfTheMemoryStore plays random days against both: new,
// late, repeated, contradicting and too old samples, with blocks being written,
// restarts and kills in between.
func TestAnyHistoryEqualsThatOfTheMemoryStore(t *testing.T) {
	t.Parallel()
	for seed := range uint64(3) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			p := &pair{t: t, rng: rand.New(rand.NewPCG(seed, 0)), model: memory.New(modelWindow), now: noon}
			p.open(t.TempDir())
			for range 80 {
				p.append()
				p.upset()
			}
			p.compare()
			if err := p.disk.Close(); err != nil {
				t.Fatal(err)
			}
		})
	}
}

func (p *pair) open(dir string) {
	p.t.Helper()
	s, err := Open(Options{Dir: dir, OutOfOrder: modelWindow, MinFree: 1})
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() { _ = s.Close() })
	p.disk = s
}

// append gives both stores the same samples and compares what they refuse.
func (p *pair) append() {
	p.t.Helper()
	p.now = p.now.Add(time.Duration(p.rng.IntN(20)) * time.Minute)
	samples := make([]store.Sample, 1+p.rng.IntN(12))
	for i := range samples {
		samples[i] = p.sample()
	}
	want, err := p.model.Append(p.t.Context(), samples)
	if err != nil {
		p.t.Fatal(err)
	}
	got, err := p.disk.Append(p.t.Context(), samples)
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" || err != nil {
		p.t.Fatalf("refused of %v (-want +got), %v:\n%s", samples, err, diff)
	}
}

// sample is of one of eight series and a quarter of an hour up to now, most
// often the present one, sometimes one that is too old.
func (p *pair) sample() store.Sample {
	back := p.rng.IntN(3)
	if p.rng.IntN(3) == 0 {
		back = p.rng.IntN(30)
	}
	s := sample([]string{"temperature", "humidity", "power", "vibration"}[p.rng.IntN(4)], 0, float64(p.rng.IntN(3)))
	s.Node = []wire.Node{"b827eb000001", "b827eb000002"}[p.rng.IntN(2)]
	s.Time = p.now.Add(-time.Duration(back) * 15 * time.Minute).Truncate(15 * time.Minute)
	return s
}

// upset now and then does to the store what happens to it in life.
func (p *pair) upset() {
	p.t.Helper()
	ctx := p.t.Context()
	var err error
	switch p.rng.IntN(40) {
	case 0:
		err = p.disk.janitor.compact(ctx, &p.disk.appending)
	case 1:
		p.disk.appending.Lock()
		err = p.disk.db.CompactOOOHead(ctx)
		p.disk.appending.Unlock()
	case 2:
		err = p.disk.Close()
		p.open(p.disk.dir)
	case 3:
		killed, dir := p.disk, p.t.TempDir()
		killed.janitor.close() // a copy takes time, in which files would go
		err = os.CopyFS(dir, os.DirFS(killed.dir))
		p.open(dir)
	case 4, 5:
		p.compare()
	case 6:
		var snap *Snapshot
		if snap, err = p.disk.Snapshot(ctx); err == nil {
			p.open(written(p.t, snap))
		}
	}
	if err != nil {
		p.t.Fatal(err)
	}
}

// compare reads both stores in every way.
func (p *pair) compare() {
	p.t.Helper()
	ctx := p.t.Context()
	want, err := p.model.Series(ctx)
	if err != nil {
		p.t.Fatal(err)
	}
	got, err := p.disk.Series(ctx)
	p.same("series", got, want, err)
	at := p.now.Add(-time.Duration(p.rng.IntN(600)) * time.Minute)
	wantLatest, err := p.model.Latest(ctx, at, 2*time.Hour)
	if err != nil {
		p.t.Fatal(err)
	}
	gotLatest, err := p.disk.Latest(ctx, at, 2*time.Hour)
	p.same("latest", gotLatest, wantLatest, err)
	for _, series := range want {
		for _, from := range []time.Time{at, noon.Add(-modelWindow)} {
			wantPoints, err := p.model.Range(ctx, series.Name(), from, p.now)
			if err != nil {
				p.t.Fatal(err)
			}
			gotPoints, err := p.disk.Range(ctx, series.Name(), from, p.now)
			p.same("range of "+series.Name(), gotPoints, wantPoints, err)
		}
	}
}

func (p *pair) same(what string, got, want any, err error) {
	p.t.Helper()
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" || err != nil {
		p.t.Fatalf("%s (-want +got), %v:\n%s", what, err, diff)
	}
}
