package ds2482_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"thermarack/hardware/ds2482"
	"thermarack/hardware/ds2482/ds2482test"
	"thermarack/hardware/fault"
	"thermarack/hardware/i2c/i2ctest"
	"thermarack/hardware/onewire"
)

// A reading is a Result without its probe, and the reason instead of the error.
type reading struct {
	Celsius float64
	Fault   string
}

func readings(results []ds2482.Result) []reading {
	var all []reading
	for _, r := range results {
		all = append(all, reading{r.Celsius, reason(r.Err)})
	}
	return all
}

// all returns the probes of the lines as Search would.
func all(sim *ds2482test.Bridge) []ds2482.Probe {
	var probes []ds2482.Probe
	for channel, line := range sim.Lines {
		for _, p := range line.Probes {
			probes = append(probes, ds2482.Probe{Channel: channel, ROM: p.ROM})
		}
	}
	return probes
}

// after does something to the simulation before the first transaction that is d
// from now, or later.
func after(d time.Duration, sim *ds2482test.Bridge, do func()) {
	at := time.Now().Add(d)
	sim.Fail = func([]byte) error {
		if do != nil && !time.Now().Before(at) {
			do()
			do = nil
		}
		return nil
	}
}

func TestReadAllReadsEveryFamily(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var probes []*ds2482test.Probe
		for i, family := range []byte{0x10, 0x22, 0x28, 0x3b, 0x42} {
			probes = append(probes, &ds2482test.Probe{ROM: ds2482test.NewROM(family, 5), Celsius: -10.125 + 10*float64(i)})
		}
		sim := single(probes...)
		got := readings(ds2482.New(sim, 0x18).ReadAll(t.Context(), all(sim)))
		want := []reading{{Celsius: -10.125}, {Celsius: -0.125}, {Celsius: 9.875}, {Celsius: 19.875}, {Celsius: 29.875}}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
	})
}

func TestLinesOnExternalPowerConvertSideBySide(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		sim := eight()
		var want []reading
		for i, line := range sim.Lines {
			for j := range 5 {
				celsius := 20 + float64(i) + float64(j)/16
				line.Probes = append(line.Probes, probe(uint32(100*i+j), celsius))
				want = append(want, reading{Celsius: celsius})
			}
		}
		start := time.Now()
		got := readings(ds2482.New(sim, 0x1f).ReadAll(t.Context(), all(sim)))
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
		if took := time.Since(start); took > 750*time.Millisecond+40*27*time.Millisecond+8*15*time.Millisecond {
			t.Errorf("40 probes on 8 lines took %v, want 0.75 s, 27 ms a probe and 15 ms a line at most", took)
		}
	})
}

func TestAProbeWithoutASupplyWireIsPoweredAlone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		sim := eight(
			&ds2482test.Line{Probes: []*ds2482test.Probe{probe(1, 21), probe(2, 22)}},
			&ds2482test.Line{Probes: []*ds2482test.Probe{probe(3, 23)}},
			&ds2482test.Line{Probes: []*ds2482test.Probe{probe(4, 24)}},
		)
		sim.Lines[0].Probes[1].Parasite = true // beside one with a supply
		sim.Lines[2].Probes[0].Parasite = true
		start := time.Now()
		got := readings(ds2482.New(sim, 0x1f).ReadAll(t.Context(), all(sim)))
		want := []reading{{Celsius: 21}, {Celsius: 22}, {Celsius: 23}, {Celsius: 24}}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
		if took := time.Since(start); took < 1500*time.Millisecond || took > 1700*time.Millisecond {
			t.Errorf("took %v, want two conversions one after the other", took)
		}
	})
}

func TestACancelledRoundLeavesTheLineUnpowered(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		sim := single(probe(1, 21))
		sim.Lines[0].Probes[0].Parasite = true
		ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
		defer cancel()
		start := time.Now()
		got := ds2482.New(sim, 0x18).ReadAll(ctx, all(sim))
		if reason(got[0].Err) != fault.Timeout || time.Since(start) > 310*time.Millisecond {
			t.Errorf("got %v after %v, want fault timeout after 300 ms", got[0].Err, time.Since(start))
		}
		config := make([]byte, 1)
		if err := sim.Tx(0x18, []byte{0xe1, 0xc3}, config); err != nil || config[0]&4 != 0 {
			t.Errorf("configuration %02x, %v, want no strong pull-up", config, err)
		}
	})
}

func TestTroubleCostsOnlyWhomItHappensTo(t *testing.T) {
	t.Parallel()
	unplug := func(sim *ds2482test.Bridge) { sim.Lines[1].Probes[0].Gone = true }
	tests := []struct {
		name  string
		upset func(*ds2482test.Bridge)
		want  []reading // of two probes on line 0 and two on line 1
	}{
		{"nothing", func(*ds2482test.Bridge) {}, []reading{{Celsius: 21}, {Celsius: 22}, {Celsius: 23}, {Celsius: 24}}},
		{"a shorted line", func(sim *ds2482test.Bridge) { sim.Lines[0].Shorted = true },
			[]reading{{Fault: fault.Zeros}, {Fault: fault.Zeros}, {Celsius: 23}, {Celsius: 24}}},
		{"a probe that is gone", unplug, []reading{{Celsius: 21}, {Celsius: 22}, {Fault: fault.Floating}, {Celsius: 24}}},
		{"a line that is gone", func(sim *ds2482test.Bridge) { unplug(sim); sim.Lines[1].Probes[1].Gone = true },
			[]reading{{Celsius: 21}, {Celsius: 22}, {Fault: fault.NoDevice}, {Fault: fault.NoDevice}}},
		{"a probe that never converted", func(sim *ds2482test.Bridge) { sim.Lines[0].Probes[1].Deaf = true },
			[]reading{{Celsius: 21}, {Fault: fault.PowerOn}, {Celsius: 23}, {Celsius: 24}}},
		{"a probe that takes for ever", func(sim *ds2482test.Bridge) { sim.Lines[0].Probes[1].Takes = time.Minute },
			[]reading{{Fault: fault.Stale}, {Fault: fault.Stale}, {Celsius: 23}, {Celsius: 24}}},
		{"a clone with 14 bits", func(sim *ds2482test.Bridge) { sim.Lines[1].Probes[1].Takes = 1600 * time.Millisecond },
			[]reading{{Celsius: 21}, {Celsius: 22}, {Celsius: 23}, {Celsius: 24}}},
		{"a clone without a supply wire that is too slow", func(sim *ds2482test.Bridge) {
			sim.Lines[1].Probes[1].Takes, sim.Lines[1].Probes[1].Parasite = time.Second, true
		}, []reading{{Celsius: 21}, {Celsius: 22}, {Celsius: 23}, {Fault: fault.Range}}},
		{"clones that never tell", func(sim *ds2482test.Bridge) {
			sim.Lines[1].Probes[0].Clone, sim.Lines[1].Probes[1].Clone = true, true
		}, []reading{{Celsius: 21}, {Celsius: 22}, {Celsius: 23}, {Celsius: 24}}},
		{"the line is shorted while they convert", func(sim *ds2482test.Bridge) {
			after(500*time.Millisecond, sim, func() { sim.Lines[1].Shorted = true })
		}, []reading{{Celsius: 21}, {Celsius: 22}, {Fault: fault.Zeros}, {Fault: fault.Zeros}}},
		{"the bridge loses its power while they convert", func(sim *ds2482test.Bridge) {
			after(500*time.Millisecond, sim, sim.PowerCycle)
		}, []reading{{Fault: fault.PowerOn}, {Fault: fault.PowerOn}, {Celsius: 23}, {Celsius: 24}}},
		{"one bit is misread", func(sim *ds2482test.Bridge) {
			var n int
			sim.Lines[0].Noise = func(level bool) bool { n++; return level != (n == 16+1+16+1+1+80+5) }
		}, []reading{{Fault: fault.CRC}, {Celsius: 22}, {Celsius: 23}, {Celsius: 24}}},
		{"the bridge hangs", func(sim *ds2482test.Bridge) { sim.Stuck = true },
			[]reading{{Fault: fault.Timeout}, {Fault: fault.Timeout}, {Fault: fault.Timeout}, {Fault: fault.Timeout}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				sim := eight(
					&ds2482test.Line{Probes: []*ds2482test.Probe{probe(1, 21), probe(2, 22)}},
					&ds2482test.Line{Probes: []*ds2482test.Probe{probe(3, 23), probe(4, 24)}},
				)
				tt.upset(sim)
				got := ds2482.New(sim, 0x1f).ReadAll(t.Context(), all(sim))
				if diff := cmp.Diff(tt.want, readings(got)); diff != "" {
					t.Errorf("-want +got:\n%s\n%v", diff, got)
				}
			})
		})
	}
}

// TestAConversionThatNobodyBeginsIsStale has all parts of a line miss a command
// that they heard the round before, so that they would show an old value.
func TestAConversionThatNobodyBeginsIsStale(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		sim := single(probe(1, 21), probe(2, 22))
		bridge := ds2482.New(sim, 0x18)
		bridge.ReadAll(t.Context(), all(sim))
		for _, p := range sim.Lines[0].Probes {
			p.Deaf, p.Celsius = true, 40
		}
		want := []reading{{Fault: fault.Stale}, {Fault: fault.Stale}}
		if diff := cmp.Diff(want, readings(bridge.ReadAll(t.Context(), all(sim)))); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
	})
}

func TestReadAllRefusesWhatIsNoThermometer(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		damaged := ds2482test.NewROM(0x28, 1)
		damaged[3] ^= 1
		sim := single(probe(1, 21))
		got := ds2482.New(sim, 0x18).ReadAll(t.Context(), []ds2482.Probe{
			{ROM: ds2482test.NewROM(0x29, 1)}, {ROM: damaged}, {}, {Channel: -1, ROM: ds2482test.NewROM(0x28, 1)},
			{Channel: 1, ROM: ds2482test.NewROM(0x28, 1)}, {ROM: ds2482test.NewROM(0x28, 1)},
		})
		want := []reading{{}, {Fault: fault.CRC}, {Fault: fault.Zeros}, {Fault: fault.NoDevice}, {Fault: fault.NoDevice}, {Celsius: 21}}
		if diff := cmp.Diff(want, readings(got)); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
		if got[0].Err == nil {
			t.Error("a DS2408 has a temperature")
		}
	})
}

func TestNothingIsEverWrittenToAProbe(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		sim := single(probe(1, 21), probe(2, 22))
		sim.Lines[0].Probes[1].Parasite = true
		rom := map[byte]bool{}
		for _, p := range all(sim) {
			for _, b := range p.ROM {
				rom[b] = true
			}
		}
		sim.Fail = func(w []byte) error {
			if len(w) == 2 && w[0] == 0xa5 && !rom[w[1]] {
				switch w[1] {
				case 0xf0, 0x55, 0xcc, 0x44, 0xbe, 0xb4:
				default:
					t.Errorf("byte %02x was written to the line", w[1])
				}
			}
			return nil
		}
		bridge := ds2482.New(sim, 0x18)
		probes, err := bridge.Search(t.Context())
		if err != nil || len(probes) != 2 {
			t.Fatalf("%v, %v", probes, err)
		}
		bridge.ReadAll(t.Context(), probes)
	})
}

func TestARoundWaitsForTheOneBefore(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		sim := single(probe(1, 21))
		bridge := ds2482.New(sim, 0x18)
		done := make(chan []ds2482.Result)
		go func() { done <- bridge.ReadAll(t.Context(), all(sim)) }()
		time.Sleep(100 * time.Millisecond)
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		if late := bridge.ReadAll(ctx, all(sim)); reason(late[0].Err) != fault.Timeout {
			t.Errorf("the second round: %v, want fault timeout", late[0].Err)
		}
		if first := <-done; first[0].Err != nil {
			t.Errorf("the first round: %v", first[0].Err)
		}
		cancelled, stop := context.WithCancel(t.Context())
		stop()
		if got := bridge.ReadAll(cancelled, all(sim)); !errors.Is(got[0].Err, context.Canceled) {
			t.Errorf("got %v, want that it was cancelled", got[0].Err)
		}
	})
}

// BenchmarkReadAll has the bus of a Pi counted instead of waited for.
func BenchmarkReadAll(b *testing.B) {
	const probes = 20
	line := &ds2482test.Line{}
	sim := ds2482test.New(0x18, line)
	for i := range probes {
		line.Probes = append(line.Probes, probe(uint32(i), 20))
	}
	bridge, wanted := ds2482.New(sim, 0x18), all(sim)
	transactions, bytes := 0, 0
	count := func(n int) {
		before, bytesBefore := sim.Traffic()
		for _, r := range bridge.ReadAll(b.Context(), wanted[:n]) {
			if r.Err != nil {
				b.Fatal(r.Err)
			}
		}
		after, bytesAfter := sim.Traffic()
		transactions, bytes = after-before, bytesAfter-bytesBefore
	}
	count(1)
	first, firstBytes := transactions, bytes
	for b.Loop() {
		count(probes)
	}
	b.ReportMetric(float64(transactions-first)/(probes-1), "transactions/probe")
	b.ReportMetric(float64(bytes-firstBytes)/(probes-1)*9*1000/clock, "ms/probe")
}

// FuzzSearchAndReadAll has anything answer on the bus.
func FuzzSearchAndReadAll(f *testing.F) {
	f.Add([]byte{0x18, 0x01, 0x0a, 0x0a, 0x0a, 0x2a, 0x4a, 0xaa})
	f.Add([]byte{0x18, 0xb8, 0x01, 0x0a})
	f.Add([]byte{0xff})
	f.Add([]byte{0x00})
	f.Add([]byte{0x18, 0x81, 0x01, 0x02, 0x82, 0x02, 0x81})
	f.Fuzz(func(t *testing.T, answers []byte) {
		synctest.Test(t, func(t *testing.T) { hostile(t, answers) })
	})
}

// hostile searches and reads on a bus that gives the answers, over and over. What
// must be right for the bridge to be believed at all is right most times.
func hostile(t *testing.T, answers []byte) {
	var n int
	bus := i2ctest.Func(func(_ uint16, w, r []byte) error {
		for i := range r {
			if len(answers) > 0 {
				r[i] = answers[n%len(answers)]
				n++
			}
		}
		return plausible(w, r, n)
	})
	bridge := ds2482.New(bus, 0x18)
	if _, err := ds2482.Identify(bus, 0x18); err != nil {
		t.Errorf("identify: %v", err)
	}
	found, _ := bridge.Search(t.Context())
	if len(found) > 8*128 {
		t.Errorf("%d parts", len(found))
	}
	seen := map[ds2482.Probe]bool{}
	for _, p := range found {
		if seen[p] || onewire.CRC8(p.ROM[:]) != 0 {
			t.Errorf("found %v twice, or damaged", p)
		}
		seen[p] = true
	}
	probes := append(found, ds2482.Probe{ROM: ds2482test.NewROM(0x28, 1)})
	for _, r := range bridge.ReadAll(t.Context(), probes) {
		if r.Err == nil && (r.Celsius < -55 || r.Celsius > 125) {
			t.Errorf("%v is %v °C", r.Probe, r.Celsius)
		}
	}
}
