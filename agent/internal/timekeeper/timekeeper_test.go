package timekeeper_test

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"thermarack/agent/internal/timekeeper"
)

func TestWhatIsKnownFromTheStartIsNotHeld(t *testing.T) {
	for _, w := range []*world{{synced: true}, {up: 5 * time.Minute}} {
		synctest.Test(t, func(t *testing.T) {
			b := begin(t, w, 0)
			b.keeper.Put(b.sample(t))
			<-b.keeper.Settled()
			b.unchanged(t)
			b.set(-5*time.Hour, false) // is followed as it is
			b.keeper.Put(b.sample(t))
			b.unchanged(t)
			b.logged(t)
		})
	}
}

func TestAClockThatWasRightAllAlongChangesNoByte(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := begin(t, &world{wrong: time.Second}, 0)
		b.live(t, 13*time.Second)
		if waiting, _ := b.keeper.Held(); len(b.out.packs) > 0 || waiting != 1 {
			t.Errorf("%d packs have come and %d are held, want the one held", len(b.out.packs), waiting)
		}
		b.set(0, true)
		b.live(t, time.Minute)
		b.unchanged(t)
		b.check(t, 0)
		b.logged(t, "the time is not known yet", "the time is known")
	})
}

func TestASiteWithoutATimeServerGetsTheTimeAfterAWhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := begin(t, &world{wrong: -40 * time.Minute}, 0)
		b.live(t, 14*time.Second)
		select {
		case <-b.keeper.Settled():
			t.Error("settled before 15 s")
		default:
		}
		b.live(t, 6*time.Second)
		<-b.keeper.Settled()
		b.unchanged(t)
		if len(b.packs) != 2 {
			t.Errorf("%d packs within 20 s, want 2", len(b.packs))
		}
	})
}

func TestPacksGetTheirStampsOnceTheTimeIsKnown(t *testing.T) {
	tests := []struct {
		name  string
		wrong time.Duration // at the start
	}{
		{"a clock at 1970", time.Unix(17, 0).Sub(noon)},
		{"a clock of the last shutdown", -9*time.Hour - 4*time.Second},
		{"a clock behind by little more than half an interval", -6 * time.Second},
		{"a clock ahead", 37 * time.Hour},
		{"a clock ahead by an interval", interval},
		{"a clock off by a fraction", -3*time.Hour - 123456789},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for _, after := range []time.Duration{4, 9, 10, 11, 14} { // less than patience for clocks past the floor
				synctest.Test(t, func(t *testing.T) {
					b := begin(t, &world{wrong: tt.wrong}, 0)
					b.live(t, after*time.Second)
					if len(b.out.packs) > 0 {
						t.Fatalf("%d packs have come before the time is known", len(b.out.packs))
					}
					b.set(0, true)
					b.live(t, 2*time.Minute)
					b.check(t, 0)
				})
			}
		})
	}
}

func TestAnOutageOfTheTimeServerForHoursLosesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := begin(t, &world{wrong: -noon.Sub(time.Unix(0, 0))}, 0)
		b.live(t, 3*time.Hour)
		b.set(0, true)
		b.live(t, time.Minute)
		b.check(t, 0)
		b.logged(t, "the time is not known yet", "the clock was never set", `"the time is known" clock=2026-06-01T15:00:04.000Z after=3h0m1s held=1080 dropped=0`)
	})
}

func TestAClockThatWasSetSeveralTimes(t *testing.T) {
	for seed := range uint64(60) {
		synctest.Test(t, func(t *testing.T) {
			r := rand.New(rand.NewPCG(seed, 0))
			never := func() time.Duration { // before the floor
				return -200*24*time.Hour - time.Duration(r.Int64N(int64(10000*time.Hour)))
			}
			b := begin(t, &world{wrong: never()}, 0)
			for range 1 + r.IntN(4) {
				b.live(t, time.Duration(r.IntN(60))*time.Second)
				b.set(never(), false)
			}
			b.live(t, time.Duration(r.IntN(60))*time.Second)
			b.set(0, true)
			b.live(t, time.Minute)
			b.increase(t)
		})
	}
}

func TestAPackThatIsMadeWhileTheClockIsSet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := begin(t, &world{wrong: time.Unix(5, 0).Sub(noon)}, 0)
		b.live(t, 46*time.Second)
		time.Sleep(9 * time.Second)
		late := b.sample(t)
		b.set(0, true)
		time.Sleep(3 * time.Second) // its probes are slow, and the time is known meanwhile
		b.keeper.Put(late)
		b.live(t, time.Minute)
		b.check(t, 0)
	})
}

func TestAClockThatIsNeverSetIsNeverBelieved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := begin(t, &world{wrong: time.Unix(0, 0).Sub(noon), synced: true}, 200_000)
		b.live(t, 24*time.Hour)
		<-b.keeper.Settled()
		waiting, dropped := b.keeper.Held()
		if len(b.out.packs) > 0 || dropped == 0 || waiting+int(dropped) != len(b.packs) {
			t.Errorf("of %d packs %d have come, %d are held, %d dropped", len(b.packs), len(b.out.packs), waiting, dropped)
		}
		b.logged(t, "the time is not known yet", "the clock was never set")
		b.set(0, true)
		b.live(t, time.Minute)
		b.check(t, int(dropped))
	})
}

func TestAPackThatCannotBeReadIsLostAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := begin(t, &world{}, 0)
		b.live(t, 8*time.Second)
		b.keeper.Put([]byte("no pack"))
		b.keeper.Put([]byte("[]"))
		b.set(0, true)
		b.live(t, time.Minute)
		b.unchanged(t)
	})
}

func TestPacksPutWhileOthersGoOnKeepTheirOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := begin(t, &world{wrong: time.Unix(5, 0).Sub(noon)}, 0)
		busy := &busySink{sink: b.out}
		b.keeper.Next = busy
		b.live(t, 2*time.Minute+8*time.Second)
		busy.meanwhile = func() { // the sampler has another pack before the first is out
			go b.keeper.Put(b.sample(t))
		}
		b.set(0, true)
		b.live(t, time.Minute)
		b.check(t, 0)
	})
}

// busySink lets something happen during its first pack.
type busySink struct {
	*sink
	meanwhile func()
}

func (s *busySink) Put(pack []byte) {
	if do := s.meanwhile; do != nil {
		s.meanwhile = nil
		do()
	}
	s.sink.Put(pack)
}

func TestKnown(t *testing.T) {
	tests := []struct {
		name  string
		world *world
		want  bool
	}{
		{"a clock that nobody keeps", &world{}, false},
		{"the kernel says that somebody does", &world{synced: true}, true},
		{"long up", &world{up: 5 * time.Minute}, true},
		{"never set, whatever else", &world{wrong: -365 * 24 * time.Hour, synced: true, up: time.Hour}, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				tt.world.began = time.Now()
				if got := tt.world.clocks().Known(); got != tt.want {
					t.Errorf("Known() = %v, want %v", got, tt.want)
				}
			})
		})
	}
}

// After a power cut the clock stands where it stood, past any floor, and the
// network comes up minutes after the Pis.
func TestATimeServerCannotBeAskedWithoutAnAddress(t *testing.T) {
	tests := []struct {
		name   string
		comes  time.Duration // the address, <0: never
		synced time.Duration // somebody sets the clock right, <0: never
		want   time.Duration // until the time is known, give or take a look a second
	}{
		{"at once, and no time server", 0, -1, 15 * time.Second},
		{"after ten minutes, and no time server", 10 * time.Minute, -1, 10*time.Minute + 15*time.Second},
		{"after ten minutes, and a time server", 10 * time.Minute, 10*time.Minute + 5*time.Second, 10*time.Minute + 5*time.Second},
		{"never", -1, -1, time.Hour},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := &world{began: time.Now(), cut: tt.comes != 0}
				change := func(at time.Duration, do func()) {
					if at > 0 {
						time.AfterFunc(at, func() { w.mu.Lock(); do(); w.mu.Unlock() })
					}
				}
				change(tt.comes, func() { w.cut = false })
				change(tt.synced, func() { w.synced = true })
				passed := &sink{w: w}
				k := timekeeper.New(timekeeper.Options{
					Clocks: w.clocks(), Interval: interval, Next: passed, Log: slog.New(slog.DiscardHandler),
				})
				k.Put(fmt.Appendf(nil, `[{"bt":%d,"n":"%s:temperature","u":"Cel","v":20}]`, noon.Unix(), device))
				ctx, cancel := context.WithTimeout(t.Context(), 2*time.Hour)
				defer cancel()
				if err := k.Run(ctx); err != nil {
					t.Fatal(err)
				}
				if len(passed.at) != 1 {
					t.Fatalf("%d packs passed on, want the one that was held", len(passed.at))
				}
				if got := passed.at[0].Sub(noon); got < tt.want-time.Second || got > tt.want+2*time.Second {
					t.Errorf("known after %v, want %v", got, tt.want)
				}
			})
		})
	}
}

func TestTheClocksOfThisHostRun(t *testing.T) {
	c := timekeeper.HostClocks()
	even := c.Even()
	if d := time.Since(c.Wall()); d.Abs() > time.Minute {
		t.Errorf("the wall clock is off by %v", d)
	}
	if c.Up() <= 0 || c.Even() < even {
		t.Errorf("up for %v, from %v to %v", c.Up(), even, c.Even())
	}
	_ = c.Synchronised() // either
}
