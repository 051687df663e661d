package sensors_test

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"thermarack/agent/internal/sensors"
	"thermarack/hardware/onewire/w1test"
)

// wired returns the parts of a kernel's buses; bulk conversion is tried.
func wired(k *w1test.Kernel) *sensors.Set {
	return sensors.New(sensors.Options{Root: k, Node: node, Log: slog.New(slog.DiscardHandler), Bulk: k})
}

func TestProbesOfABusAreReadInOneConversion(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		k := w1test.New()
		for b := range 2 {
			bus := k.AddMaster()
			for i := range 10 {
				bus.Add(fmt.Sprintf("28-0000%02x0000%02x", b, i), 20+float64(i), w1test.Options{})
			}
		}
		set := wired(k)
		if len(k.Writes()) != 0 {
			t.Errorf("writes %v while listing, want none", k.Writes())
		}
		for round := range 2 {
			start := time.Now()
			var all sync.WaitGroup
			for _, s := range set.Sensors() {
				all.Go(func() {
					if _, err := s.Read(t.Context()); err != nil {
						t.Error(err)
					}
				})
			}
			all.Wait()
			if took := time.Since(start); took > 950*time.Millisecond {
				t.Errorf("20 probes on two buses took %v, want 0.95 s at most", took)
			}
			if n := len(k.Writes()); n != 2*(round+1) {
				t.Errorf("%d triggers after %d rounds of two buses", n, round+1)
			}
			time.Sleep(9 * time.Second)
		}
	})
}

func TestNotesOnBuses(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		probes int
		denied error
		want   string
	}{
		{"as root", 2, nil, ""},
		{"not root", 2, syscall.EACCES, "needs root or a udev rule"},
		{"sysfs is read-only", 2, syscall.EROFS, "needs root or a udev rule"},
		{"a single probe needs no root", 1, syscall.EACCES, ""},
		{"no probe", 0, syscall.EACCES, "no probe answers"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			k := w1test.New()
			bus := k.AddMaster()
			for i := range tt.probes {
				bus.Add(fmt.Sprintf("28-0000000000%02x", i), 20, w1test.Options{})
			}
			k.Deny(tt.denied)
			var notes []string
			for _, p := range wired(k).Parts() {
				if p.Bus == bus.Name() && p.Note != "" {
					notes = append(notes, p.Note)
				}
			}
			switch {
			case tt.want == "" && len(notes) > 0:
				t.Errorf("notes %q, want none", notes)
			case tt.want != "" && (len(notes) != 1 || !strings.Contains(notes[0], tt.want)):
				t.Errorf("notes %q, want one that says %q", notes, tt.want)
			}
		})
	}
}

func TestARootThatIsOnlyReadHasNoNoteOnBulk(t *testing.T) {
	t.Parallel()
	k := w1test.New()
	bus := k.AddMaster()
	bus.Add("28-000000000001", 20, w1test.Options{})
	bus.Add("28-000000000002", 20, w1test.Options{})
	for _, p := range open(k).Parts() {
		if p.Note != "" && p.Bus != "w1" {
			t.Errorf("note %q on %s", p.Note, p.Address)
		}
	}
}

func TestACloneIsPublishedAndNoted(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		k := w1test.New()
		bus := k.AddMaster()
		bus.Add("28-0000055f311a", 21, w1test.Options{})
		bus.Add("28-0416615a7cff", 22, w1test.Options{}) // the serial number of a clone
		late := bus.Add("28-0000055f311b", 23, w1test.Options{})
		late.Fix([8]byte{0x71, 0x01, 0x4b, 0x46, 0x7f, 0xff, 0x0c, 0x10})
		set := wired(k)
		want := []string{
			"urn:dev:ow:281a315f050000b4:temperature=21 Cel",
			"urn:dev:ow:281b315f05000083:temperature=23.0625 Cel",
			"urn:dev:ow:28ff7c5a611604ee:temperature=22 Cel",
		}
		if diff := cmp.Diff(want, read(t, set)); diff != "" {
			t.Errorf("readings (-want +got):\n%s", diff)
		}
		set.Rescan()
		var noted []string
		for _, p := range set.Parts() {
			if strings.HasPrefix(p.Note, "probably a clone: ") {
				noted = append(noted, p.Address)
			}
		}
		if diff := cmp.Diff([]string{"281b315f05000083", "28ff7c5a611604ee"}, noted); diff != "" {
			t.Errorf("noted as clones (-want +got):\n%s", diff)
		}
	})
}

func TestAProbeThatComesOrGoesIsNoticedWithinAMinute(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		k := w1test.New()
		bus := k.AddMaster()
		bus.Add("28-000000000001", 20, w1test.Options{})
		set := wired(k)
		ctx, cancel := context.WithCancel(t.Context())
		ended, changes := make(chan error), make(chan int, 9)
		go func() { ended <- set.Run(ctx, func() { changes <- len(set.Inventory()) }) }()
		<-time.After(2*time.Minute + time.Second) // nothing is searched until the fifth minute
		bus.Add("28-000000000002", 20, w1test.Options{})
		start := time.Now()
		if n := <-changes; n != 2 || time.Since(start) > time.Minute {
			t.Errorf("%d parts after %v, want 2 within a minute", n, time.Since(start))
		}
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}
