package w1test_test

import (
	"io/fs"
	"path"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"thermarack/hardware/onewire"
	"thermarack/hardware/onewire/w1test"
)

const (
	dir     = "sys/bus/w1/devices/28-0000055f311a/"
	trigger = "sys/bus/w1/devices/w1_bus_master1/therm_bulk_read"
)

// read returns the text of a file and how long that took.
func read(t *testing.T, k *w1test.Kernel, name string) (text string, took time.Duration) {
	t.Helper()
	start := time.Now()
	b, err := fs.ReadFile(k, name)
	if err != nil {
		t.Fatal(err)
	}
	return string(b), time.Since(start)
}

// write writes a file and returns how long that took.
func write(t *testing.T, k *w1test.Kernel, name, data string) time.Duration {
	t.Helper()
	start := time.Now()
	w, err := k.OpenWriter(name)
	if err != nil {
		t.Fatal(err)
	}
	if n, err := w.Write([]byte(data)); n != len(data) || err != nil {
		t.Errorf("wrote %d, %v", n, err)
	}
	return time.Since(start)
}

// want checks what a file reads and how long that takes.
func want(t *testing.T, k *w1test.Kernel, name, text string, took time.Duration) {
	t.Helper()
	if got, after := read(t, k, name); got != text || after != took {
		t.Errorf("%s: got %q after %v, want %q after %v", path.Base(name), got, after, text, took)
	}
}

const (
	conversion = w1test.Command + 750*time.Millisecond + w1test.Scratchpad
	gone       = w1test.Command + 750*time.Millisecond + 5*w1test.Scratchpad
)

func one(o w1test.Options) (*w1test.Kernel, *w1test.Master, *w1test.Probe) {
	k := w1test.New()
	m := k.AddMaster()
	return k, m, m.Add("28-0000055f311a", 25.0625, o)
}

func TestFilesOfAProbe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k, _, p := one(w1test.Options{})
		rom := p.Slave().ROM
		want(t, k, dir+"w1_slave", "91 01 4b 46 7f ff 0f 10 25 : crc=25 YES\n91 01 4b 46 7f ff 0f 10 25 t=25062\n", conversion)
		want(t, k, dir+"temperature", "25062\n", conversion)
		want(t, k, dir+"resolution", "12\n", w1test.Scratchpad)
		want(t, k, dir+"conv_time", "750\n", 0)
		want(t, k, dir+"features", "0\n", 0)
		want(t, k, dir+"ext_power", "1\n", w1test.PowerQuery)
		want(t, k, dir+"id", string(rom[:]), 0)
		p.Unplug()
		want(t, k, dir+"w1_slave", "", 5*time.Millisecond) // nobody answers the reset
		want(t, k, dir+"resolution", "-5\n", 5*time.Millisecond)
		want(t, k, dir+"ext_power", "-19\n", 5*time.Millisecond)
		slaves, err := onewire.Slaves(k)
		if diff := cmp.Diff([]onewire.Slave{p.Slave()}, slaves); diff != "" || err != nil {
			t.Errorf("slaves, %v (-want +got):\n%s", err, diff)
		}
		if _, err := fs.ReadFile(k, dir+"w1_seq"); err == nil {
			t.Error("read a file that a DS18B20 does not have")
		}
	})
}

func TestOnePartOfSeveralThatIsGoneCostsAllTries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k, m, p := one(w1test.Options{})
		m.Add("28-0000055f311b", 20, w1test.Options{})
		p.Unplug()
		want(t, k, dir+"w1_slave", "", gone)
		want(t, k, dir+"ext_power", "1\n", w1test.PowerQuery)
		p.Plug()
		want(t, k, dir+"temperature", "25062\n", conversion)
	})
}

func TestTheFlagOfABulkConversion(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k, m, p := one(w1test.Options{})
		other := m.Add("42-000000000001", 20, w1test.Options{})
		want(t, k, trigger, "0\n", 0)
		if took := write(t, k, trigger, "trigger"); took != 0 { // no line feed
			t.Errorf("a wrong word took %v", took)
		}
		time.AfterFunc(300*time.Millisecond, func() {
			want(t, k, trigger, "-1\n", 0)
			want(t, k, dir+"temperature", "", 0)
		})
		if took := write(t, k, trigger, "trigger\n"); took != w1test.Command+750*time.Millisecond {
			t.Errorf("the trigger took %v", took)
		}
		want(t, k, trigger, "1\n", 0)
		p.Set(30)
		want(t, k, dir+"temperature", "25062\n", w1test.Scratchpad)
		want(t, k, trigger, "0\n", 0)
		want(t, k, dir+"temperature", "30000\n", conversion)
		want(t, k, "sys/bus/w1/devices/42-000000000001/temperature", "20000\n", conversion)
		if n := other.Conversions(); n != 2 {
			t.Errorf("the part that takes no part converted %d times, want 2: the trigger reaches it too", n)
		}
		writes := []w1test.Write{{Name: trigger, Data: "trigger"}, {Name: trigger, Data: "trigger\n"}}
		if diff := cmp.Diff(writes, k.Writes()); diff != "" {
			t.Errorf("writes (-want +got):\n%s", diff)
		}
	})
}

func TestTheStaleTrap(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k, m, p := one(w1test.Options{})
		want(t, k, dir+"temperature", "25062\n", conversion)
		p.Set(30)
		m.InterruptTrigger(100 * time.Millisecond)
		if took := write(t, k, trigger, "trigger\n"); took != w1test.Command+100*time.Millisecond {
			t.Errorf("the trigger took %v", took)
		}
		want(t, k, trigger, "1\n", 0)
		want(t, k, dir+"temperature", "25062\n", w1test.Scratchpad)
		p.Unplug()
		write(t, k, trigger, "trigger\n") // nobody answers
		want(t, k, trigger, "1\n", 0)
	})
}

func TestASignalEmptiesTheFile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k, _, p := one(w1test.Options{})
		p.Interrupt(100 * time.Millisecond)
		want(t, k, dir+"w1_slave", "", w1test.Command+100*time.Millisecond)
		want(t, k, dir+"temperature", "25062\n", conversion)
	})
}

func TestWhoHoldsTheBusThroughAConversion(t *testing.T) {
	tests := []struct {
		name string
		o    w1test.Options
		took time.Duration // of the second of two that start together
	}{
		{"external power", w1test.Options{}, 2*w1test.Command + 750*time.Millisecond + w1test.Scratchpad + 10*time.Millisecond},
		{"parasite power", w1test.Options{Parasite: true}, 2 * conversion},
		{"the kernel polls", w1test.Options{Polls: true}, 2*conversion - 2*150*time.Millisecond},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				k, m, _ := one(tt.o)
				m.Add("28-0000055f311b", 20, tt.o)
				start := time.Now()
				first := make(chan time.Duration)
				go func() {
					read(t, k, dir+"temperature")
					first <- time.Since(start)
				}()
				read(t, k, "sys/bus/w1/devices/28-0000055f311b/temperature")
				second := time.Since(start)
				if took := max(second, <-first); took != tt.took {
					t.Errorf("both took %v, want %v", took, tt.took)
				}
			})
		})
	}
}

func TestDenyAndHideBulk(t *testing.T) {
	k, m, _ := one(w1test.Options{})
	k.Deny(syscall.EACCES)
	if _, err := k.OpenWriter(trigger); err == nil || !strings.Contains(err.Error(), "permission denied") {
		t.Errorf("err = %v, want permission denied", err)
	}
	k.Deny(nil)
	m.HideBulk()
	if _, err := k.Open(trigger); err == nil {
		t.Error("opened a file that is hidden")
	}
	if _, err := k.OpenWriter(trigger); err == nil {
		t.Error("opened a file for writing that is hidden")
	}
}
