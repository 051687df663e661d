package ds2482_test

import (
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"thermarack/hardware/ds2482"
	"thermarack/hardware/ds2482/ds2482test"
	"thermarack/hardware/fault"
	"thermarack/hardware/i2c/i2ctest"
)

func TestAnyClockOfTheBusWillDo(t *testing.T) {
	t.Parallel()
	for _, hz := range []int{10_000, 100_000, 400_000, 1_000_000} {
		t.Run(fmt.Sprintf("%d Hz", hz), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				sim := single(probe(1, 21), probe(2, -22))
				sim.Hz = hz
				bridge := ds2482.New(sim, 0x18)
				probes, err := bridge.Search(t.Context())
				if err != nil || len(probes) != 2 {
					t.Fatalf("found %v, %v", probes, err)
				}
				got := readings(bridge.ReadAll(t.Context(), all(sim)))
				if diff := cmp.Diff([]reading{{Celsius: 21}, {Celsius: -22}}, got); diff != "" {
					t.Errorf("-want +got:\n%s", diff)
				}
			})
		})
	}
}

// TestAnIdentificationInBetweenDoesNoHarm has somebody look who is there before
// each transaction of a round, which moves the bridge's read pointer.
func TestAnIdentificationInBetweenDoesNoHarm(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		sim := eight(&ds2482test.Line{Probes: []*ds2482test.Probe{probe(1, 21), probe(2, 22)}})
		sim.Hz = 400_000 // where activity outlasts the transaction
		looking := false
		sim.Fail = func([]byte) error {
			if !looking {
				looking = true
				if match, err := ds2482.Identify(sim, 0x1f); err != nil || match.Part != "DS2482-800" {
					t.Errorf("the bridge in use: %+v, %v", match, err)
				}
				looking = false
			}
			return nil
		}
		got := readings(ds2482.New(sim, 0x1f).ReadAll(t.Context(), all(sim)))
		if diff := cmp.Diff([]reading{{Celsius: 21}, {Celsius: 22}}, got); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
	})
}

// TestAStatusThatCannotBeIsNotBelieved replaces the status in a round, once.
func TestAStatusThatCannotBeIsNotBelieved(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		command byte
		status  byte
		want    string
	}{
		{"all ones after a reset of the line", 0xb4, 0xff, fault.Floating},
		{"all ones after a byte", 0xa5, 0xff, fault.Floating},
		{"all zeros after a byte", 0xa5, 0x00, fault.Zeros},
		{"a short that no reset has found", 0xa5, 0x0e, fault.CRC},
		{"a presence that is gone", 0x87, 0x08, fault.CRC},
		{"a reset that nobody asked for", 0x87, 0x1a, fault.PowerOn},
		{"busy for ever", 0x96, 0x0b, fault.Timeout},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				sim := single(probe(1, 21))
				var polled bool
				bus := i2ctest.Func(func(addr uint16, w, r []byte) error {
					err := sim.Tx(addr, w, r)
					polled = len(w) > 0 && (w[0] == tt.command || polled && slices.Equal(w, []byte{0xe1, 0xf0}))
					if polled {
						for i := range r {
							r[i] = tt.status
						}
					}
					return err
				})
				got := ds2482.New(bus, 0x18).ReadAll(t.Context(), all(sim))
				if reason(got[0].Err) != tt.want {
					t.Errorf("got %v, want fault %s", got[0].Err, tt.want)
				}
			})
		})
	}
}

func TestALineThatStaysLowIsNoLineWithoutParts(t *testing.T) {
	t.Parallel()
	bus := i2ctest.Play(t,
		i2ctest.Op{Addr: 0x18, W: []byte{0xf0}, R: []byte{0x10}},
		i2ctest.Op{Addr: 0x18, W: []byte{0xe1, 0xd2}, Err: i2ctest.NoAck},
		i2ctest.Op{Addr: 0x18, W: []byte{0xe1, 0xd2}, Err: i2ctest.NoAck},
		i2ctest.Op{Addr: 0x18, W: []byte{0xd2, 0xe1}, R: []byte{0x01}},
		i2ctest.Op{Addr: 0x18, W: []byte{0xb4}, R: make([]byte, 14)},
		i2ctest.Op{Addr: 0x18, W: []byte{0xe1, 0xf0}, R: []byte{0x00}},
	)
	got := ds2482.New(bus, 0x18).ReadAll(t.Context(), []ds2482.Probe{{ROM: ds2482test.NewROM(0x28, 1)}})
	if reason(got[0].Err) != fault.Zeros {
		t.Errorf("got %v, want fault zeros", got[0].Err)
	}
}

// TestAPoweredLineThatFailsCostsNoWait refuses what begins a powered conversion:
// there is nothing to wait 750 ms for.
func TestAPoweredLineThatFailsCostsNoWait(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		sim := single(probe(1, 21))
		sim.Lines[0].Probes[0].Parasite = true
		sim.Fail = func(w []byte) error {
			if slices.Equal(w, []byte{0xd2, 0xa5}) { // active and strong pull-up
				return i2ctest.NoAck
			}
			return nil
		}
		start := time.Now()
		got := ds2482.New(sim, 0x18).ReadAll(t.Context(), all(sim))
		if took := time.Since(start); reason(got[0].Err) != fault.NoDevice || took > 50*time.Millisecond {
			t.Errorf("got %v after %v, want fault no-device at once", got[0].Err, took)
		}
	})
}

func TestSearchBoundsALine(t *testing.T) {
	t.Parallel()
	line := &ds2482test.Line{}
	for i := range 129 {
		line.Probes = append(line.Probes, probe(uint32(i), 0))
	}
	if got, err := ds2482.New(ds2482test.New(0x18, line), 0x18).Search(t.Context()); reason(err) != fault.CRC {
		t.Errorf("found %d parts, %v, want fault crc", len(got), err)
	}
	line.Probes = line.Probes[1:]
	if got, err := ds2482.New(ds2482test.New(0x18, line), 0x18).Search(t.Context()); len(got) != 128 || err != nil {
		t.Errorf("found %d parts, %v, want 128", len(got), err)
	}
}

func TestAddressesAreThoseOfTheLargerBridge(t *testing.T) {
	t.Parallel()
	if diff := cmp.Diff([]uint16{0x18, 0x19, 0x1a, 0x1b, 0x1c, 0x1d, 0x1e, 0x1f}, ds2482.Addresses()); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}
