package sensors_test

import (
	"context"
	"fmt"
	"io/fs"
	"log/slog"
	"strings"
	"testing"
	"testing/fstest"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"thermarack/agent/internal/sensors"
	"thermarack/hardware/ds2482/ds2482test"
	"thermarack/hardware/fault"
	"thermarack/hardware/i2c"
	"thermarack/hardware/i2c/i2ctest"
	"thermarack/hardware/i2c/i2ctest/parts"
)

// adapters are buses by their numbers; the host has a file for each.
type adapters map[int]i2c.Bus

func (a adapters) set(more fstest.MapFS) *sensors.Set {
	root := fstest.MapFS{}
	for n := range a {
		root[fmt.Sprintf("dev/i2c-%d", n)] = &fstest.MapFile{}
	}
	for name, file := range more {
		root[name] = file
	}
	return sensors.New(sensors.Options{
		Root: root, Node: node, Log: slog.New(slog.DiscardHandler),
		I2C: func(n int) (i2c.Bus, error) { return a[n], nil },
	})
}

// listed returns "bus address part: note" of what was found on I²C and behind it.
func listed(set *sensors.Set) []string {
	var got []string
	for _, p := range set.Parts() {
		if strings.HasPrefix(p.Bus, "i2c") {
			got = append(got, strings.TrimSuffix(p.Bus+" "+p.Address+" "+p.What+": "+p.Note, ": "))
		}
	}
	return got
}

func TestPartsOnI2CAreFoundAndReadUnderTheNamesOfTheContract(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rom := ds2482test.NewROM(0x28, 0x1234)
		bus := parts.Bus{
			0x18: ds2482test.New(0x18, &ds2482test.Line{Probes: []*ds2482test.Probe{{ROM: rom, Celsius: 26.5}}}),
			0x1c: parts.NewMCP9808(23.25),
			0x44: parts.NewSHT4x(24, 41),
			0x48: parts.NewTMP117(21.5),
			0x4f: parts.NewLM75(parts.TMP75, -3.5),
		}
		set := adapters{1: bus}.set(nil)
		time.Sleep(time.Second) // what has just got its power would convert for the first time
		want := []string{
			"_i2c1-1c:temperature=23.25",
			"_i2c1-44:temperature=24.00", "_i2c1-44:humidity=41.00",
			"_i2c1-48:temperature=21.50", "_i2c1-4f:temperature=-3.50",
			"urn:dev:ow:" + rom.String() + ":temperature=26.50",
		}
		if diff := cmp.Diff(want, measured(t, set)); diff != "" {
			t.Errorf("readings (-want +got):\n%s\n%s", diff, strings.Join(listed(set), "\n"))
		}
	})
}

// measured reads every sensor once and returns its readings, or why there are none,
// in the order of the alphabet but for those of one part.
func measured(t *testing.T, set *sensors.Set) []string {
	t.Helper()
	var got []string
	for _, sensor := range set.Sensors() {
		readings, err := sensor.Read(t.Context())
		if why, ok := fault.Of(err); ok {
			got = append(got, strings.TrimPrefix(sensor.Name(), node.Device(""))+"!"+why)
		} else if err != nil {
			t.Errorf("%s: %v", sensor.Name(), err)
		}
		for _, r := range readings {
			got = append(got, fmt.Sprintf("%s=%.2f", strings.TrimPrefix(r.Name(), node.Device("")), r.Value))
		}
	}
	return sortedByDevice(got)
}

func sortedByDevice(list []string) []string {
	device := func(s string) string { return s[:strings.LastIndexByte(s, ':')] }
	for i := range list { // a stable sort by insertion
		for j := i; j > 0 && device(list[j]) < device(list[j-1]); j-- {
			list[j], list[j-1] = list[j-1], list[j]
		}
	}
	return list
}

func TestAnAddressOfTheKernelsDriverIsLeftAlone(t *testing.T) {
	t.Parallel()
	touched := false
	bus := i2ctest.Func(func(addr uint16, _, _ []byte) error {
		touched = touched || addr == 0x48
		return i2ctest.NoAck
	})
	set := adapters{1: bus}.set(fstest.MapFS{
		"sys/bus/i2c/devices/1-0048/driver": {Mode: fs.ModeSymlink, Data: []byte("../../../bus/i2c/drivers/lm75")},
	})
	want := []string{"i2c1 0x48 lm75: the kernel's driver lm75 has it; what it measures is read through hwmon"}
	if diff := cmp.Diff(want, listed(set)); diff != "" {
		t.Errorf("parts (-want +got):\n%s", diff)
	}
	if touched {
		t.Error("the address was touched")
	}
}

func TestABusToAMonitorIsNeverTouched(t *testing.T) {
	t.Parallel()
	bus := i2ctest.Func(func(addr uint16, _, _ []byte) error {
		t.Errorf("address 0x%02x was touched", addr)
		return i2ctest.NoAck
	})
	set := adapters{20: bus}.set(fstest.MapFS{"sys/class/i2c-adapter/i2c-20/name": {Data: []byte("fef04500.i2c HDMI\n")}})
	if got := listed(set); len(got) != 0 {
		t.Errorf("parts = %q, want none", got)
	}
}

func TestAStuckBusCostsItsOwnPartsAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		asked := 0
		stuck := i2ctest.Func(func(uint16, []byte, []byte) error {
			asked++
			time.Sleep(time.Second)
			return fault.New(fault.Timeout, "SDA is low")
		})
		set := adapters{0: stuck, 1: parts.Bus{0x48: parts.NewTMP117(21.5)}}.set(nil)
		want := []string{"i2c-0 i2c-0 I²C bus: timeout: SDA is low", "i2c1 0x48 TMP117"}
		if diff := cmp.Diff(want, listed(set)); diff != "" {
			t.Errorf("parts (-want +got):\n%s", diff)
		}
		if asked != 1 {
			t.Errorf("%d transactions, want the search given up after the first", asked)
		}
	})
}

// It is searched each minute for as long as the host is up, and each transaction
// wakes it.
func TestAnEmptyBusIsSearchedWithFewTransactions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		asked := map[uint16]int{}
		set := adapters{1: i2ctest.Func(func(addr uint16, w, r []byte) error {
			asked[addr]++
			return i2ctest.NoAck
		})}.set(nil)
		clear(asked)
		set.Rescan()
		for addr, n := range asked {
			if mute := addr>>2 == 0x44>>2; n > 1 && !mute {
				t.Errorf("%d transactions with 0x%02x, where nobody is", n, addr)
			}
		}
		if len(asked) != 33 {
			t.Errorf("%d addresses were looked at, want 33", len(asked))
		}
	})
}

func TestABusThatHangsIsNotWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		hung := i2ctest.Func(func(uint16, []byte, []byte) error {
			<-release
			return i2ctest.NoAck
		})
		began := time.Now()
		set := adapters{0: hung, 1: parts.Bus{0x48: parts.NewTMP117(21.5)}}.set(nil)
		if took := time.Since(began); took > 5*time.Second {
			t.Errorf("listing took %v", took)
		}
		got := strings.Join(listed(set), "\n")
		if !strings.Contains(got, "i2c1 0x48 TMP117") || !strings.Contains(got, "answers very slowly") {
			t.Errorf("parts:\n%s", got)
		}
		close(release)
		synctest.Wait()
		set.Rescan()
		if got := strings.Join(listed(set), "\n"); got != "i2c1 0x48 TMP117" {
			t.Errorf("parts after the bus came back:\n%s", got)
		}
	})
}

func TestPartsOfASlowBusAreThereWhenItsSearchHasEnded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		part := parts.Bus{0x48: parts.NewTMP117(21.5)}
		slow := i2ctest.Func(func(addr uint16, w, r []byte) error {
			time.Sleep(100 * time.Millisecond)
			return part.Tx(addr, w, r)
		})
		set := adapters{1: slow}.set(nil)
		if got := strings.Join(listed(set), "\n"); strings.Contains(got, "TMP117") {
			t.Fatalf("the bus is not slow enough for this test:\n%s", got)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second) // less than a rescan
		defer cancel()
		changes := 0
		if err := set.Run(ctx, func() { changes++ }); err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(listed(set), "\n"); changes != 1 || got != "i2c1 0x48 TMP117" {
			t.Errorf("%d changes, parts:\n%s", changes, got)
		}
	})
}

func TestTheBusesAreSearchedSoonAndThenSeldom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began, searches := time.Now(), []time.Duration(nil)
		set := adapters{1: i2ctest.Func(func(addr uint16, _, _ []byte) error {
			if addr == 0x18 { // the first
				searches = append(searches, time.Since(began))
			}
			return i2ctest.NoAck
		})}.set(nil)
		ctx, cancel := context.WithTimeout(t.Context(), 12*time.Minute)
		defer cancel()
		began = time.Now()
		if err := set.Run(ctx, func() {}); err != nil {
			t.Fatal(err)
		}
		for i := range searches {
			searches[i] = searches[i].Round(time.Second)
		}
		if diff := cmp.Diff([]time.Duration{0, time.Minute, 6 * time.Minute, 11 * time.Minute}, searches); diff != "" {
			t.Errorf("searches (-want +got):\n%s", diff)
		}
	})
}

func TestAPartThatGoesIsRejectedThenForgottenAndFoundAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		part := parts.NewLM75(parts.TMP75, 20)
		set := adapters{1: parts.Bus{0x48: part}}.set(nil)
		time.Sleep(time.Second)
		steps := []struct {
			name    string
			gone    bool
			rescans int
			want    []string
		}{
			{"it is there", false, 0, []string{"_i2c1-48:temperature=20.00"}},
			{"it has gone", true, 0, []string{"_i2c1-48:temperature!no-device"}},
			{"some minutes later", true, 2, []string{"_i2c1-48:temperature!no-device"}},
			{"it is given up", true, 1, nil},
			{"it is back", false, 1, []string{"_i2c1-48:temperature=20.00"}},
		}
		for _, step := range steps {
			if step.gone != part.Gone && !step.gone {
				part.PowerCycle()
				part.Celsius = 20
				time.Sleep(time.Second)
			}
			part.Gone = step.gone
			for range step.rescans {
				set.Rescan()
			}
			if diff := cmp.Diff(step.want, measured(t, set)); diff != "" {
				t.Errorf("%s (-want +got):\n%s", step.name, diff)
			}
		}
	})
}

func TestAnotherPartAtTheSameAddressTakesItsPlace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bus := parts.Bus{0x48: parts.NewTMP117(21.5)}
		set := adapters{1: bus}.set(nil)
		time.Sleep(time.Second)
		delete(bus, 0x48)
		if got := measured(t, set); len(got) != 1 || !strings.HasSuffix(got[0], "!no-device") {
			t.Errorf("without a part: %q", got)
		}
		bus[0x48] = parts.NewLM75(parts.TMP75, 22)
		time.Sleep(time.Second)
		if !set.Rescan() {
			t.Error("the inventory did not change")
		}
		if diff := cmp.Diff([]string{"_i2c1-48:temperature=22.00"}, measured(t, set)); diff != "" {
			t.Errorf("readings (-want +got):\n%s", diff)
		}
	})
}

func TestAPartThatWasDoubtfulIsReadOnceItIsSure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		part := parts.NewLM75(parts.TMP75, 20)
		disturbed := true
		bus := i2ctest.Func(func(addr uint16, w, r []byte) error {
			unused := len(w) > 0 && w[0] > 3
			switch {
			case addr != 0x48 || disturbed && unused:
				return i2ctest.NoAck
			case disturbed && len(w) > 0 && w[0] >= 2:
				copy(r, []byte{byte(30 * w[0]), 0}) // limits that somebody has set
				return nil
			}
			return part.Tx(addr, w, r)
		})
		set := adapters{1: bus}.set(nil)
		time.Sleep(time.Second)
		if got := listed(set); len(got) != 1 || !strings.Contains(got[0], "only possibly one") {
			t.Fatalf("parts = %q, want a doubtful one", got)
		}
		disturbed = false
		set.Rescan()
		if diff := cmp.Diff([]string{"_i2c1-48:temperature=20.00"}, measured(t, set)); diff != "" {
			t.Errorf("readings (-want +got):\n%s", diff)
		}
	})
}
