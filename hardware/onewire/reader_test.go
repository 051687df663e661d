package onewire_test

import (
	"context"
	"errors"
	"io/fs"
	"path"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/fstest"
	"testing/synctest"
	"time"

	"thermarack/hardware/onewire"
)

const probe = "sys/bus/w1/devices/28-0000055f311a"

func slave(t *testing.T, dir string) onewire.Slave {
	t.Helper()
	return onewire.Slave{Dir: dir, ROM: parse(t, dir)}
}

// script is a file system in which each file gives its next text at each read,
// and its last one from then on.
type script map[string][]string

func (s script) Open(name string) (fs.File, error) {
	texts, ok := s[name]
	if !ok {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	}
	if len(texts) > 1 {
		s[name] = texts[1:]
	}
	return fstest.MapFS{name: {Data: []byte(texts[0])}}.Open(name)
}

func TestReadTakesTheBetterFile(t *testing.T) {
	t.Parallel()
	root := board(t, "testdata/two-masters.txtar")
	tests := []struct {
		name, dir string
		want      float64
	}{
		{"DS18S20 by its scratchpad", "sys/bus/w1/devices/10-0008013a07e2", 25.0625},
		{"w1_slave before temperature", "sys/bus/w1/devices/28-0000055f311a", 25.0625},
		{"temperature where there is no w1_slave", "sys/bus/w1/devices/28-0000055f311b", -10.125},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := onewire.Read(t.Context(), root, slave(t, tt.dir))
			if err != nil || got != tt.want {
				t.Errorf("got %v, %v, want %v", got, err, tt.want)
			}
		})
	}
}

func TestReadRestoresTheBitsThatTheKernelCutOff(t *testing.T) {
	t.Parallel()
	tests := []struct {
		text   string
		want   float64
		reason string
	}{
		{text: "15187\n", want: 15.1875},
		{text: "-62\n", want: -0.0625},
		{text: "25109\n", want: 25.109375},
		{text: "125000\n", want: 125},
		{text: "0\n", reason: "zeros"},
		{text: "85000\n", reason: "power-on"},
		{text: "127937\n", reason: "range"},
		{text: "-55062\n", reason: "range"},
	}
	for _, tt := range tests {
		t.Run(strings.TrimSpace(tt.text), func(t *testing.T) {
			root := script{probe + "/temperature": {tt.text}}
			got, err := onewire.Read(t.Context(), root, slave(t, probe))
			if got != tt.want || reason(err) != tt.reason || (err != nil) != (tt.reason != "") {
				t.Errorf("got %v, %v, want %v %q", got, err, tt.want, tt.reason)
			}
		})
	}
}

func TestReadTriesAnEmptyFileAgain(t *testing.T) {
	t.Parallel()
	good := string(measured(336).text("YES"))
	tests := []struct {
		name   string
		texts  []string
		want   float64
		reason string
		took   time.Duration
	}{
		{"good at once", []string{good}, 21, "", 0},
		{"good at the second try", []string{"", good}, 21, "", 400 * time.Millisecond},
		{"good at the third", []string{"", "", good}, 21, "", 800 * time.Millisecond},
		{"a fourth would be good", []string{"", "", "", good}, 0, "no-device", 800 * time.Millisecond},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				start := time.Now()
				got, err := onewire.Read(t.Context(), script{probe + "/w1_slave": tt.texts}, slave(t, probe))
				if got != tt.want || reason(err) != tt.reason || time.Since(start) != tt.took {
					t.Errorf("got %v, %v after %v, want %v %q after %v", got, err, time.Since(start), tt.want, tt.reason, tt.took)
				}
			})
		})
	}
}

func TestReadGivesUpWaitingForATryWhenItsContextEnds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
		defer cancel()
		_, err := onewire.Read(ctx, script{probe + "/w1_slave": {""}}, slave(t, probe))
		if reason(err) != "timeout" {
			t.Errorf("err = %v, want fault timeout", err)
		}
	})
}

func TestReadStartsNothingOnceItsContextIsDone(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	root := &hung{}
	_, err := onewire.Read(ctx, root, slave(t, probe))
	if !errors.Is(err, context.Canceled) || reason(err) != "" || root.opened.Load() != 0 {
		t.Errorf("err = %v after %d reads, want a plain cancellation after none", err, root.opened.Load())
	}
}

func TestReadTellsTheSensorsFailureFromTheHosts(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		err  error
		want string
	}{
		{"the kernel dropped the part", fs.ErrNotExist, "no-device"},
		{"the part went while it was open", syscall.ENODEV, "no-device"},
		{"the bus failed", syscall.EIO, "no-device"},
		{"no permission", fs.ErrPermission, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := onewire.Read(t.Context(), failing{tt.err}, slave(t, probe))
			if err == nil || reason(err) != tt.want || !strings.Contains(err.Error(), probe) {
				t.Errorf("err = %v, want fault %q with the path", err, tt.want)
			}
		})
	}
}

// hung is a bus on which the parts below stuck never answer until released.
type hung struct {
	fs.FS
	stuck    string
	released chan struct{}
	opened   atomic.Int32
}

func (h *hung) Open(name string) (fs.File, error) {
	if path.Dir(name) == h.stuck {
		h.opened.Add(1)
		<-h.released
	}
	return h.FS.Open(name)
}

func TestAHungBusCostsOnlyItsOwnReadings(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const healthy = "sys/bus/w1/devices/28-0000055f311b"
		bus := &hung{
			FS: fstest.MapFS{
				probe + "/w1_slave":   {Data: measured(336).text("YES")},
				healthy + "/w1_slave": {Data: measured(352).text("YES")},
			},
			stuck:    probe,
			released: make(chan struct{}),
		}
		r := onewire.NewReader(bus, nil)
		for range 3 {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			if _, err := r.Read(ctx, slave(t, probe)); reason(err) != "timeout" {
				t.Errorf("stuck: err = %v, want fault timeout", err)
			}
			if got, err := r.Read(t.Context(), slave(t, healthy)); err != nil || got != 22 {
				t.Errorf("healthy: got %v, %v, want 22", got, err)
			}
			cancel()
		}
		if n := bus.opened.Load(); n != 1 {
			t.Errorf("%d reads of the stuck part are outstanding, want 1", n)
		}
		close(bus.released)
		if got, err := r.Read(t.Context(), slave(t, probe)); err != nil || got != 21 {
			t.Errorf("released: got %v, %v, want 21", got, err)
		}
	})
}
