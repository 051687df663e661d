package outbox_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"thermarack/agent/internal/outbox"
	"thermarack/agent/wire/clock"
)

// An arrival is a pack with the time when it came, since the connection stood.
type arrival struct {
	pack string
	at   time.Duration
}

// receive reads the box as a session does whose broker acknowledges after delay,
// until nothing is left, and returns what came and the most that was out.
func receive(b *outbox.Box, delay time.Duration) (got []arrival, most int) {
	start := time.Now()
	acks := make(chan uint64, 2*outbox.Window)
	out := 0
	for b.Len() > 0 {
		select {
		case <-b.More():
			for id, pack, ok := b.Next(); ok; id, pack, ok = b.Next() {
				got = append(got, arrival{string(pack), time.Since(start)})
				out++
				most = max(most, out)
				time.AfterFunc(delay, func() { acks <- id })
			}
		case id := <-acks:
			out--
			b.Ack(id)
		}
	}
	return got, most
}

// split returns the packs of the backlog, which are numbers, and the live ones.
func split(got []arrival) (backlog, live []string) {
	for _, a := range got {
		if strings.HasPrefix(a.pack, "live") {
			live = append(live, a.pack)
		} else {
			backlog = append(backlog, a.pack)
		}
	}
	return backlog, live
}

func TestADayOfBacklogGoesOutInTenMinutesBehindLivePacks(t *testing.T) {
	for _, speed := range []float64{1, 600} {
		t.Run(fmt.Sprintf("at speed %v", speed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				const day = 24 * 60 * 6
				scaled := func(d time.Duration) time.Duration { return time.Duration(float64(d) / speed) }
				b, err := outbox.Open(outbox.Options{Clock: clock.Scaled(time.Now(), time.Now(), speed)})
				if err != nil {
					t.Fatal(err)
				}
				fill(b, day)
				b.Rewind()
				put := map[string]time.Duration{}
				start := time.Now()
				for i := 1; i <= 50; i++ {
					at := scaled(time.Duration(i) * 10 * time.Second)
					name := fmt.Sprint("live ", i)
					put[name] = at
					time.AfterFunc(at, func() { b.Put([]byte(name)) })
				}
				got, most := receive(b, scaled(300*time.Millisecond))
				took := time.Since(start)
				if took < scaled(8*time.Minute) || took > scaled(10*time.Minute) {
					t.Errorf("the backlog took %v, want about %v", took, scaled(9*time.Minute))
				}
				if most > outbox.Window {
					t.Errorf("%d packs were out at a time", most)
				}
				backlog, live := split(got)
				if diff := cmp.Diff(names(0, day), backlog); diff != "" {
					t.Errorf("backlog (-want +got):\n%s", diff)
				}
				if len(live) != 50 {
					t.Errorf("%d live packs came, want 50", len(live))
				}
				for _, a := range got {
					if at, isLive := put[a.pack]; isLive && a.at != at {
						t.Errorf("%s was handed over %v after it was put", a.pack, a.at-at)
					}
				}
			})
		})
	}
}

func TestTheBacklogLeavesRoomForLivePacks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := outbox.New(outbox.DefaultLimit)
		fill(b, 100)
		b.Rewind()
		<-time.After(time.Minute)
		var got []string
		for range 30 { // nothing is acknowledged
			_, packs := take(b)
			got = append(got, packs...)
			<-time.After(250 * time.Millisecond)
		}
		if diff := cmp.Diff(names(0, 24), got); diff != "" {
			t.Errorf("out of the backlog (-want +got):\n%s", diff)
		}
		for range 10 {
			b.Put([]byte("live"))
		}
		if _, got := take(b); len(got) != 8 || got[0] != "live" {
			t.Errorf("then %q, want 8 live ones", got)
		}
	})
}

func TestAShortBacklogGoesFirst(t *testing.T) {
	b := outbox.New(outbox.DefaultLimit)
	fill(b, 9)
	ids, _ := take(b)
	for _, id := range ids[1:7] {
		b.Ack(id)
	}
	b.Rewind() // 0, 7 and 8 are left
	b.Put([]byte("live"))
	if _, got := take(b); !slices.Equal(got, []string{"0", "7", "8", "live"}) {
		t.Errorf("packs = %q, want 0, 7, 8 and live", got)
	}
}

func TestTheBacklogOfABacklogIsInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := outbox.New(outbox.DefaultLimit)
		fill(b, 10)
		b.Rewind()
		b.Put([]byte("10"))
		b.Put([]byte("11"))
		ids, got := take(b)
		if want := []string{"10", "11", "0", "1", "2", "3"}; !slices.Equal(got, want) {
			t.Fatalf("packs = %q, want %q", got, want)
		}
		b.Ack(ids[0]) // 10
		b.Ack(ids[3]) // 1
		b.Rewind()
		b.Put([]byte("12"))
		arrivals, _ := receive(b, time.Millisecond)
		var all []string
		for _, a := range arrivals {
			all = append(all, a.pack)
		}
		want := []string{"12", "0", "2", "3", "4", "5", "6", "7", "8", "9", "11"}
		if diff := cmp.Diff(want, all); diff != "" {
			t.Errorf("packs (-want +got):\n%s", diff)
		}
	})
}

func TestARushKnowsNoPace(t *testing.T) {
	b := outbox.New(outbox.DefaultLimit)
	fill(b, 100)
	b.Rewind()
	b.Rush()
	if diff := cmp.Diff(names(0, 100), drain(b)); diff != "" {
		t.Errorf("packs (-want +got):\n%s", diff)
	}
}

// TestAWaitingBacklogIsNotPolled counts how often the reader of a backlog is
// woken, and that nothing wakes one that has nothing to do.
func TestAWaitingBacklogIsNotPolled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := outbox.New(outbox.DefaultLimit)
		fill(b, 160)
		b.Rewind()
		woken := 0
		for b.Len() > 0 {
			<-b.More()
			woken++
			drain(b)
		}
		if woken > 80 {
			t.Errorf("woken %d times for 40 batches, want twice each at most", woken)
		}
		select {
		case <-b.More(): // for the last of its acknowledgements
		default:
		}
		select {
		case <-b.More():
			t.Error("an empty box wakes its reader")
		case <-time.After(time.Hour):
		}
	})
}
