package outbox_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"thermarack/agent/internal/outbox"
)

// fill puts packs named 0 to n-1.
func fill(b *outbox.Box, n int) {
	for i := range n {
		b.Put([]byte(fmt.Sprint(i)))
	}
}

// take drains what Next gives.
func take(b *outbox.Box) (ids []uint64, packs []string) {
	for id, pack, ok := b.Next(); ok; id, pack, ok = b.Next() {
		ids, packs = append(ids, id), append(packs, string(pack))
	}
	return ids, packs
}

// drain takes and acknowledges all that there is.
func drain(b *outbox.Box) (packs []string) {
	for id, pack, ok := b.Next(); ok; id, pack, ok = b.Next() {
		packs = append(packs, string(pack))
		b.Ack(id)
	}
	return packs
}

// names returns what fill puts from and to an index.
func names(from, to int) []string {
	var list []string
	for i := from; i < to; i++ {
		list = append(list, fmt.Sprint(i))
	}
	return list
}

func TestPacksComeOutInOrder(t *testing.T) {
	b := outbox.New(outbox.DefaultLimit)
	fill(b, 3)
	if _, got := take(b); !slices.Equal(got, []string{"0", "1", "2"}) {
		t.Errorf("packs = %q, want 0, 1, 2", got)
	}
	if got := b.Len(); got != 3 {
		t.Errorf("Len = %d, want 3: nothing was acknowledged", got)
	}
}

func TestAPackStaysUntilItIsAcknowledged(t *testing.T) {
	b := outbox.New(outbox.DefaultLimit)
	fill(b, 4)
	ids, _ := take(b)
	b.Ack(ids[2]) // out of order
	b.Ack(ids[0])
	b.Ack(ids[0]) // again
	if got := b.Len(); got != 2 {
		t.Errorf("Len = %d, want 2", got)
	}
	b.Rewind()
	if _, got := take(b); !slices.Equal(got, []string{"1", "3"}) {
		t.Errorf("after Rewind: %q, want what was not acknowledged, 1 and 3", got)
	}
}

func TestAckOfAPackThatIsNotOutChangesNothing(t *testing.T) {
	b := outbox.New(outbox.DefaultLimit)
	fill(b, 2)
	b.Ack(0)
	b.Ack(99)
	if _, got := take(b); !slices.Equal(got, []string{"0", "1"}) {
		t.Errorf("packs = %q, want both", got)
	}
}

func TestAtMostWindowPacksAreOut(t *testing.T) {
	b := outbox.New(outbox.DefaultLimit)
	fill(b, outbox.Window+5)
	ids, _ := take(b)
	if len(ids) != outbox.Window {
		t.Fatalf("%d packs out, want %d", len(ids), outbox.Window)
	}
	b.Ack(ids[0])
	if _, got := take(b); !slices.Equal(got, []string{fmt.Sprint(outbox.Window)}) {
		t.Errorf("after one Ack: %q, want one more", got)
	}
}

func TestAFullBoxDropsTheOldestAndCounts(t *testing.T) {
	b := outbox.New(20_000)
	fill(b, 2000)
	b.Rush()
	got := drain(b)
	kept := len(got)
	if kept < 200 || kept > 700 || b.Dropped() != uint64(2000-kept) {
		t.Fatalf("kept %d and dropped %d of 2000", kept, b.Dropped())
	}
	if diff := cmp.Diff(names(2000-kept, 2000), got); diff != "" {
		t.Errorf("kept (-want +got):\n%s", diff)
	}
}

func TestADroppedPackThatIsOutTakesALateAck(t *testing.T) {
	b := outbox.New(30_000)
	large := func(name int) { b.Put(fmt.Appendf(nil, "%q", fmt.Sprintf("%01000d", name))) }
	for i := range 12 {
		large(i)
	}
	ids, _ := take(b)
	for i := 12; b.Dropped() == 0; i++ {
		large(i)
	}
	before := b.Len()
	b.Ack(ids[0])
	if got := b.Len(); got != before {
		t.Errorf("Len = %d after the Ack of a pack that was dropped, want %d", got, before)
	}
	b.Ack(ids[11])
	if got := b.Len(); got != before-1 {
		t.Errorf("Len = %d after the Ack of one that is there, want %d", got, before-1)
	}
}

func TestTheNewestPackIsKeptHoweverBig(t *testing.T) {
	b := outbox.New(100)
	b.Put([]byte("small"))
	b.Put(make([]byte, 1000))
	if b.Len() != 1 || b.Dropped() != 1 {
		t.Errorf("Len = %d, Dropped = %d, want 1, 1", b.Len(), b.Dropped())
	}
}

func TestPutCopies(t *testing.T) {
	b := outbox.New(outbox.DefaultLimit)
	pack := []byte(`{"v":1}`)
	b.Put(pack)
	clear(pack)
	if _, got := take(b); !slices.Equal(got, []string{`{"v":1}`}) {
		t.Errorf("packs = %q, want what was put", got)
	}
}

func TestMoreFiresWhenThereIsSomethingToTake(t *testing.T) {
	b := outbox.New(outbox.DefaultLimit)
	fired := func() bool {
		select {
		case <-b.More():
			return true
		default:
			return false
		}
	}
	steps := []struct {
		name string
		do   func()
		want bool
	}{
		{"empty", func() {}, false},
		{"a pack is put", func() { fill(b, 1) }, true},
		{"it is taken", func() { take(b) }, false},
		{"the connection is lost", b.Rewind, true},
		{"the window is filled", func() { take(b); fill(b, outbox.Window-1); take(b); fired() }, false},
		{"one more than the window", func() { fill(b, 1) }, false},
		{"an acknowledgement makes room", func() { b.Ack(0) }, true},
	}
	for _, step := range steps {
		step.do()
		if got := fired(); got != step.want {
			t.Errorf("%s: More fired = %v, want %v", step.name, got, step.want)
		}
	}
}

// TestNothingIsLostOverALossyConnection plays many short connections, each of
// which loses some acknowledgements, against a writer.
func TestNothingIsLostOverALossyConnection(t *testing.T) {
	const packs = 2000
	b := outbox.New(outbox.DefaultLimit)
	var writer sync.WaitGroup
	writer.Go(func() { fill(b, packs) })
	random := rand.New(rand.NewPCG(1, 2))

	seen := map[string]bool{}
	for len(seen) < packs || b.Len() > 0 {
		b.Rewind()
		b.Rush()
		ids, sent := take(b)
		for i, pack := range sent {
			seen[pack] = true
			if random.IntN(3) > 0 {
				b.Ack(ids[i])
			}
		}
	}
	writer.Wait()
	if diff := cmp.Diff(slices.Sorted(slices.Values(names(0, packs))), slices.Sorted(maps.Keys(seen))); diff != "" {
		t.Errorf("arrivals (-want +got):\n%s", diff)
	}
	if b.Dropped() != 0 {
		t.Errorf("Dropped = %d, want 0", b.Dropped())
	}
}

// FuzzBox plays any sequence of calls beside a plain list.
func FuzzBox(f *testing.F) {
	f.Add([]byte("pppppppprnnnanapnnaapprnnnaaannaa"))
	f.Add([]byte("ppnnrnnaa"))
	f.Fuzz(func(t *testing.T, calls []byte) {
		b := outbox.New(outbox.DefaultLimit)
		var out []uint64
		missing := map[string]bool{}
		byID := map[uint64]string{}
		for i, c := range calls {
			switch c % 5 {
			case 0, 1:
				pack := fmt.Sprintf("%d\x00%s", i, calls[:min(i, 20)])
				missing[pack] = true
				b.Put([]byte(pack))
			case 2:
				if id, pack, ok := b.Next(); ok {
					if !missing[string(pack)] || slices.Contains(out, id) {
						t.Fatalf("%q is given though it is out or acknowledged", pack)
					}
					out, byID[id] = append(out, id), string(pack)
				}
			case 3:
				if len(out) > 0 {
					k := int(c) % len(out)
					b.Ack(out[k])
					delete(missing, byID[out[k]])
					out = slices.Delete(out, k, k+1)
				}
			case 4:
				out = nil
				b.Rewind()
			}
			if b.Len() != len(missing) || len(out) > outbox.Window {
				t.Fatalf("Len = %d and %d out, want %d", b.Len(), len(out), len(missing))
			}
		}
		b.Rewind()
		b.Rush()
		if got := drain(b); len(got) != len(missing) {
			t.Errorf("%d packs came, want %d", len(got), len(missing))
		}
	})
}
