package tach_test

import (
	"context"
	"errors"
	"math"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"periph.io/x/conn/v3/gpio"

	"thermarack/hardware/fault"
	"thermarack/hardware/tach"
)

// A fan is a simulated line, on the bubble's clock. Its edges are times after it
// was made.
type fan struct {
	t     *testing.T
	born  time.Time
	edges []time.Duration
	next  int           // the first edge that nobody has seen
	late  time.Duration // by which every delivery is late
	edge  gpio.Edge
	fails gpio.Edge // In with this edge gives failure
	fail  error
}

func newFan(t *testing.T, edges []time.Duration) *fan {
	return &fan{t: t, born: time.Now(), edges: edges}
}

func (f *fan) In(pull gpio.Pull, edge gpio.Edge) error {
	if f.fail != nil && edge == f.fails {
		return f.fail
	}
	if pull != gpio.PullUp {
		f.t.Errorf("pull = %v", pull)
	}
	f.edge = edge
	for now := time.Since(f.born); f.next < len(f.edges) && f.edges[f.next] < now; {
		f.next++ // nobody listened
	}
	return nil
}

func (f *fan) WaitForEdge(timeout time.Duration) bool {
	switch {
	case timeout <= 0:
		f.t.Errorf("a timeout of %v means something else on every host", timeout)
	case f.edge != gpio.FallingEdge:
		f.t.Error("waited for an edge while edges were off")
	}
	if f.next >= len(f.edges) || f.edges[f.next]-time.Since(f.born) > timeout {
		time.Sleep(timeout)
		return false
	}
	if wait := f.edges[f.next] - time.Since(f.born); wait >= 0 {
		time.Sleep(wait + f.late)
	}
	f.next++
	return true
}

// every returns edges at equal distances from first to end.
func every(period, first, end time.Duration) []time.Duration {
	var edges []time.Duration
	for at := first; at < end; at += period {
		edges = append(edges, at)
	}
	return edges
}

const ms = time.Millisecond

func TestSense(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		edges []time.Duration
		opts  tach.Options
		speed float64
		took  time.Duration
	}{
		{"5000 RPM", every(6*ms, 0, time.Minute), tach.Options{}, 1 / 0.012, time.Second},
		{"30,000 RPM", every(ms, 0, time.Minute), tach.Options{}, 500, time.Second},
		{"900 RPM", every(100*ms/3, 0, time.Minute), tach.Options{}, 15, time.Second},
		{"four pulses a revolution", every(6*ms, 0, time.Minute), tach.Options{Pulses: 4}, 1 / 0.024, time.Second},
		{"a slow fan is listened to for longer", every(300*ms, 0, time.Minute), tach.Options{}, 1 / 0.6, 3 * time.Second},
		{"a dead fan", nil, tach.Options{}, 0, time.Second},
		{"a dead fan and one stray edge", every(time.Minute, 400*ms, time.Minute), tach.Options{}, 0, 3 * time.Second},
		{"a fan that stops", every(6*ms, 0, 600*ms), tach.Options{}, 0, time.Second},
		{"a fan that starts", every(6*ms, 500*ms, time.Minute), tach.Options{}, 0, time.Second},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				f := newFan(t, tt.edges)
				start := time.Now()
				got, err := tach.New(f, tt.opts).Sense(t.Context())
				if err != nil || math.Abs(got.Speed-tt.speed) > 1e-4*tt.speed {
					t.Errorf("got %+v, %v, want %v/s", got, err, tt.speed)
				}
				if took := time.Since(start); took < tt.took || took > tt.took+40*ms {
					t.Errorf("took %v, want %v", took, tt.took)
				}
				if f.edge != gpio.NoEdge {
					t.Error("edges are still on: the process is woken between measurements")
				}
			})
		})
	}
}

func TestSenseIgnoresEdgesThatWereQueuedBefore(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		edges := append(make([]time.Duration, 9), every(10*ms, 6*ms, time.Minute)...)
		got, err := tach.New(newFan(t, edges), tach.Options{}).Sense(t.Context())
		if err != nil || math.Abs(got.Speed-50) > 0.001 || got.Glitches != 0 {
			t.Errorf("got %+v, %v, want 50/s and no glitches", got, err)
		}
	})
}

func TestSenseTellsTheFansPhase(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		edges := every(10*ms, 0, 25*time.Second)
		edges = append(edges, every(10*ms, 45*time.Second, time.Minute)...)
		dev := tach.New(newFan(t, edges), tach.Options{})
		tick := time.NewTicker(10 * time.Second)
		var got []tach.Phase
		for range 6 {
			s, err := dev.Sense(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, s.Phase)
			<-tick.C
		}
		want := []tach.Phase{tach.Starting, tach.Turning, tach.Turning, tach.Stopped, tach.Stopped, tach.Starting}
		for i := range want {
			if got[i] != want[i] {
				t.Fatalf("phases %v, want %v", got, want)
			}
		}
	})
}

func TestSenseCountsBounceOverItsLife(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var edges []time.Duration
		for i, at := range every(10*ms, 0, time.Minute) {
			edges = append(edges, at)
			if i%10 == 0 {
				edges = append(edges, at+20*time.Microsecond)
			}
		}
		dev := tach.New(newFan(t, edges), tach.Options{})
		for i := range uint64(2) {
			got, err := dev.Sense(t.Context())
			if err != nil || math.Abs(got.Speed-50) > 0.01 || got.Glitches < 9*(i+1) || got.Glitches > 11*(i+1) {
				t.Errorf("got %+v, %v, want 50/s and 10 glitches more", got, err)
			}
		}
	})
}

func TestSenseGivesUpOnALineFullOfNoise(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFan(t, every(40*time.Microsecond, 0, 5*time.Second)) // 25 kHz: the fan's own PWM
		start := time.Now()
		_, err := tach.New(f, tach.Options{}).Sense(t.Context())
		if reason, _ := fault.Of(err); reason != fault.Range || !strings.Contains(err.Error(), "wire") {
			t.Errorf("err = %v, want range and what to do", err)
		}
		if took := time.Since(start); took > time.Second {
			t.Errorf("listened for %v", took)
		}
	})
}

func TestSenseKeepsToTheCallersTime(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name    string
		timeout time.Duration
		want    time.Duration // it measures so long
		err     error
	}{
		{"a slow fan gets what there is", 2 * time.Second, 1950 * ms, nil},
		{"too little is no measurement", 1040 * ms, 0, context.DeadlineExceeded},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), tt.timeout)
				defer cancel()
				start := time.Now()
				f := newFan(t, every(300*ms, 100*ms, time.Minute))
				_, err := tach.New(f, tach.Options{}).Sense(ctx)
				if took := time.Since(start); !errors.Is(err, tt.err) || took != tt.want {
					t.Errorf("%v after %v, want %v after %v", err, took, tt.err, tt.want)
				}
			})
		})
	}
}

func TestSenseEndsSoonAfterItsContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(300*ms, cancel)
		f := newFan(t, nil)
		start := time.Now()
		_, err := tach.New(f, tach.Options{}).Sense(ctx)
		if took := time.Since(start); !errors.Is(err, context.Canceled) || took > 500*ms || f.edge != gpio.NoEdge {
			t.Errorf("%v after %v, edges %v", err, took, f.edge)
		}
	})
}

// A deaf pin says at once that there was no edge, as periph does when the line
// is gone.
type deaf struct{ calls int }

func (*deaf) In(gpio.Pull, gpio.Edge) error    { return nil }
func (d *deaf) WaitForEdge(time.Duration) bool { d.calls++; return false }

func TestSenseDoesNotSpinOnAPinThatDoesNotWait(t *testing.T) {
	t.Parallel()
	pin := &deaf{}
	_, err := tach.New(pin, tach.Options{}).Sense(t.Context())
	if err == nil || pin.calls != 1 {
		t.Errorf("err = %v after %d calls", err, pin.calls)
	}
	if _, isFault := fault.Of(err); isFault {
		t.Errorf("%v is the host's trouble, not the fan's", err)
	}
}

func TestSenseReportsAPinThatCannotBeSwitched(t *testing.T) {
	t.Parallel()
	gone := errors.New("no such device")
	for _, edge := range []gpio.Edge{gpio.FallingEdge, gpio.NoEdge} {
		synctest.Test(t, func(t *testing.T) {
			f := newFan(t, nil)
			f.fails, f.fail = edge, gone
			if _, err := tach.New(f, tach.Options{}).Sense(t.Context()); !errors.Is(err, gone) {
				t.Errorf("switching to %v: err = %v", edge, err)
			}
		})
	}
}
