package timekeeper_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"thermarack/agent/internal/timekeeper"
	"thermarack/agent/wire"
)

const (
	interval = 10 * time.Second
	device   = "urn:dev:mac:b827ebfffe000001"
)

// noon is when each test begins, by the right clock.
var noon = time.Date(2026, time.June, 1, 12, 0, 3, 0, time.UTC)

// A world has a right clock, and a host whose clock may be wrong.
type world struct {
	began time.Time // by the clock of the test's bubble

	mu     sync.Mutex
	wrong  time.Duration // of the host's clock
	synced bool
	up     time.Duration // of the host at the beginning
}

func (w *world) even() time.Duration { return time.Since(w.began) }

func (w *world) right() time.Time { return noon.Add(w.even()) }

func (w *world) clocks() timekeeper.Clocks {
	locked := func(f func()) {
		w.mu.Lock()
		defer w.mu.Unlock()
		f()
	}
	return timekeeper.Clocks{
		Even:         w.even,
		Wall:         func() (t time.Time) { locked(func() { t = w.right().Add(w.wrong) }); return t },
		Synchronised: func() (yes bool) { locked(func() { yes = w.synced }); return yes },
		Up:           func() (d time.Duration) { locked(func() { d = w.up + w.even() }); return d },
	}
}

// set sets the host's clock, so that it is wrong by d.
func (w *world) set(d time.Duration, synced bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.wrong, w.synced = d, synced
}

// sink keeps packs, and the right time at which they came.
type sink struct {
	w     *world
	packs [][]byte
	at    []time.Time
}

func (s *sink) Put(pack []byte) {
	s.packs = append(s.packs, pack)
	s.at = append(s.at, s.w.right())
}

// A bench is a world with a keeper in it.
type bench struct {
	*world
	keeper *timekeeper.Keeper
	out    *sink
	log    *bytes.Buffer
	made   []time.Time // the right time of each sample
	packs  [][]byte
	last   int64 // stamp of the last sample
}

// begin starts a keeper in the world, which ends with the test.
func begin(t *testing.T, w *world, limit int) *bench {
	t.Helper()
	w.began = time.Now()
	b := &bench{world: w, out: &sink{w: w}, log: new(bytes.Buffer)}
	b.keeper = timekeeper.New(timekeeper.Options{
		Clocks: w.clocks(), Interval: interval, Next: b.out, Limit: limit,
		Log: slog.New(slog.NewTextHandler(b.log, nil)),
	})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- b.keeper.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run = %v, want nil", err)
		}
	})
	return b
}

// sample makes a pack of now, as a sampler does: stamped by the host's clock.
func (b *bench) sample(t *testing.T) []byte {
	t.Helper()
	stamp := b.clocks().Wall().Truncate(interval)
	b.made = append(b.made, b.right())
	pack, err := wire.EncodePack([]wire.Reading{
		{Device: device + "_soc", Quantity: "temperature", Unit: "Cel", Time: stamp, Value: 48.25},
		{Device: device, Quantity: "seq", Time: stamp, Value: float64(len(b.made))},
		{Device: device, Quantity: "boot", Time: stamp, Text: "b1"},
	})
	if err != nil {
		t.Fatal(err)
	}
	b.packs = append(b.packs, pack)
	return pack
}

// live lives for d, and samples whenever the host's clock is on the grid.
func (b *bench) live(t *testing.T, d time.Duration) {
	t.Helper()
	for range int(d / time.Second) {
		time.Sleep(time.Second)
		if wall := b.clocks().Wall(); wall.Unix()%10 == 0 && wall.Unix() != b.last {
			b.last = wall.Unix()
			b.keeper.Put(b.sample(t))
		}
		synctest.Wait()
	}
}

// check checks that the packs from the first on have come, each once, in order,
// with stamps of the grid that increase and are right within an interval.
func (b *bench) check(t *testing.T, first int) {
	t.Helper()
	if got, want := len(b.out.packs), len(b.packs)-first; got != want {
		t.Fatalf("%d packs have come, want %d", got, want)
	}
	var last time.Time
	for i, pack := range b.out.packs {
		readings, bad, err := wire.DecodePack(pack, time.Time{})
		if err != nil || len(bad) > 0 || len(readings) != 3 {
			t.Fatalf("pack %s: %v, %v", pack, err, bad)
		}
		stamp, made := readings[0].Time, b.made[first+i]
		if readings[1].Value != float64(first+i+1) || readings[0].Value != 48.25 || readings[2].Text != "b1" {
			t.Errorf("pack %d is %s", i, pack)
		}
		if off := made.Sub(stamp); off.Abs() >= interval || stamp.Unix()%10 != 0 || stamp.After(b.out.at[i]) {
			t.Errorf("pack %d of %v is stamped %v", i, made, stamp)
		}
		if !stamp.After(last) {
			t.Errorf("pack %d is stamped %v after %v", i, stamp, last)
		}
		for _, r := range readings {
			if !r.Time.Equal(stamp) {
				t.Errorf("pack %d has two stamps: %s", i, pack)
			}
		}
		last = stamp
	}
}

// increase checks that all packs have come in order, with stamps of the grid that
// increase and are not ahead. Each time that the clock was set may have put one
// back by an interval.
func (b *bench) increase(t *testing.T) {
	t.Helper()
	if len(b.out.packs) != len(b.packs) {
		t.Fatalf("%d packs have come, want %d", len(b.out.packs), len(b.packs))
	}
	last := time.Time{}
	for i, pack := range b.out.packs {
		readings, _, err := wire.DecodePack(pack, time.Time{})
		if err != nil || readings[1].Value != float64(i+1) {
			t.Fatalf("pack %d is %s: %v", i, pack, err)
		}
		stamp := readings[0].Time
		if off := b.made[i].Sub(stamp); off < 0 || off > 6*interval || !stamp.After(last) || stamp.Unix()%10 != 0 {
			t.Errorf("pack %d of %v is stamped %v, the one before %v", i, b.made[i], stamp, last)
		}
		last = stamp
	}
}

// unchanged checks that all packs have come as they were.
func (b *bench) unchanged(t *testing.T) {
	t.Helper()
	if diff := cmp.Diff(b.packs, b.out.packs); diff != "" {
		t.Errorf("packs (-want +got):\n%s", diff)
	}
}

func (b *bench) logged(t *testing.T, want ...string) {
	t.Helper()
	if got := strings.Count(b.log.String(), "\n"); got != len(want) {
		t.Errorf("%d lines in the log, want %d:\n%s", got, len(want), b.log)
	}
	for _, w := range want {
		if !strings.Contains(b.log.String(), w) {
			t.Errorf("the log lacks %q:\n%s", w, b.log)
		}
	}
}

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
		name   string
		world  *world
		waited time.Duration
		want   bool
	}{
		{"a clock that nobody keeps", &world{}, 14 * time.Second, false},
		{"the kernel says that somebody does", &world{synced: true}, 0, true},
		{"long up", &world{up: 5 * time.Minute}, 0, true},
		{"waited long enough", &world{}, 15 * time.Second, true},
		{"never set, whatever else", &world{wrong: -365 * 24 * time.Hour, synced: true, up: time.Hour}, time.Hour, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				tt.world.began = time.Now()
				if got := tt.world.clocks().Known(tt.waited); got != tt.want {
					t.Errorf("Known(%v) = %v, want %v", tt.waited, got, tt.want)
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

func ExampleRestamp() {
	pack := []byte(`[{"bt":20,"n":"urn:dev:mac:b827ebfffe000001_soc:temperature","u":"Cel","v":48.25}]`)
	pack, err := timekeeper.Restamp(pack, time.Unix(1780315200, 0))
	fmt.Println(string(pack), err)
	// Output: [{"bt":1780315200,"n":"urn:dev:mac:b827ebfffe000001_soc:temperature","u":"Cel","v":48.25}] <nil>
}

func TestRestampMovesEveryReadingOfAPackByTheSame(t *testing.T) {
	readings := func(at time.Time) []wire.Reading {
		return []wire.Reading{
			{Device: device + "_soc", Quantity: "temperature", Unit: "Cel", Time: at, Value: 48.25},
			{Device: device + "_poe", Quantity: "current", Unit: "A", Time: at.Add(-1500 * time.Millisecond), Value: 0.7},
			{Device: device, Quantity: "boot", Time: at.Add(time.Second), Text: `[{"bt":1,`},
		}
	}
	for _, from := range []time.Time{time.UnixMilli(0), time.UnixMilli(20_200), noon.Add(100 * time.Millisecond)} {
		for _, to := range []time.Time{noon, noon.Add(123 * time.Millisecond)} {
			pack, err := wire.EncodePack(readings(from))
			if err != nil {
				t.Fatal(err)
			}
			got, err := timekeeper.Restamp(pack, to)
			want, _ := wire.EncodePack(readings(to))
			if err != nil || string(got) != string(want) {
				t.Errorf("from %v to %v: %v\n%s, want\n%s", from, to, err, got, want)
			}
		}
	}
}

func TestRestampOfWhatIsNoPack(t *testing.T) {
	for _, pack := range []string{"", "[]", "[{}]", `[{"bt":`, `[{"bt":"x",`, `[{"bt":1e300,`, `[{"bt":NaN,`, `[{"n":"a:b","bt":1,"v":1}]`} {
		if got, err := timekeeper.Restamp([]byte(pack), noon); err == nil {
			t.Errorf("%s became %s", pack, got)
		}
	}
}

func FuzzRestamp(f *testing.F) {
	f.Add([]byte(`[{"bt":20,"n":"urn:dev:ow:28:temperature","u":"Cel","v":48.25},{"n":"a:b","t":-3,"v":1}]`), int64(1780315200000))
	f.Fuzz(func(t *testing.T, pack []byte, to int64) {
		want := time.UnixMilli(to % (1 << 42)).UTC()
		first, err := timekeeper.Restamp(pack, want)
		if err != nil {
			return
		}
		if again, err := timekeeper.Restamp(first, want); err != nil || !bytes.Equal(again, first) {
			t.Errorf("%s stamped %v is %s, and then %s: %v", pack, want, first, again, err)
		}
		if !bytes.HasSuffix(first, pack[bytes.IndexByte(pack, ','):]) {
			t.Errorf("%s became %s", pack, first)
		}
	})
}
