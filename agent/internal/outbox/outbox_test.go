package outbox_test

import (
	"fmt"
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
	b := outbox.New(1000) // room for 15 packs of 1 or 2 bytes
	fill(b, 20)
	_, got := take(b)
	if len(got) != 15 || got[0] != "5" || got[14] != "19" {
		t.Errorf("kept %q, want 5 to 19", got)
	}
	if got := b.Dropped(); got != 5 {
		t.Errorf("Dropped = %d, want 5", got)
	}
}

func TestADroppedPackThatIsOutTakesALateAck(t *testing.T) {
	b := outbox.New(1000)
	fill(b, 15)
	ids, _ := take(b)
	b.Put([]byte("new")) // drops pack 0, which is out
	b.Ack(ids[0])
	b.Ack(ids[1])
	if got := b.Len(); got != 14 {
		t.Errorf("Len = %d, want 14", got)
	}
	if _, got := take(b); !slices.Equal(got, []string{"new"}) {
		t.Errorf("next = %q, want new", got)
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

	var got []string // by first arrival
	seen := map[string]bool{}
	for len(got) < packs || b.Len() > 0 {
		ids, sent := take(b)
		for i, pack := range sent {
			if !seen[pack] {
				seen[pack] = true
				got = append(got, pack)
			}
			if random.IntN(3) > 0 {
				b.Ack(ids[i])
			}
		}
		b.Rewind()
	}
	writer.Wait()
	want := make([]string, packs)
	for i := range want {
		want[i] = fmt.Sprint(i)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("arrivals (-want +got):\n%s", diff)
	}
	if b.Dropped() != 0 {
		t.Errorf("Dropped = %d, want 0", b.Dropped())
	}
}

func TestADayOfPacksFits(t *testing.T) {
	b := outbox.New(outbox.DefaultLimit)
	pack := make([]byte, 660)
	for range 24 * 60 * 6 {
		b.Put(pack)
	}
	if b.Dropped() != 0 {
		t.Errorf("dropped %d of a day's packs", b.Dropped())
	}
}

func BenchmarkPutNextAck(b *testing.B) {
	box := outbox.New(outbox.DefaultLimit)
	pack := make([]byte, 600)
	for b.Loop() {
		box.Put(pack)
		id, _, _ := box.Next()
		box.Ack(id)
	}
}
