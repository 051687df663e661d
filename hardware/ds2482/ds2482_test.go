package ds2482_test

import (
	"errors"
	"fmt"
	"testing"
	"testing/synctest"

	"thermarack/hardware/ds2482"
	"thermarack/hardware/ds2482/ds2482test"
	"thermarack/hardware/fault"
	"thermarack/hardware/i2c"
	"thermarack/hardware/i2c/i2ctest"
)

// clock is that of a Pi's bus as it is delivered.
const clock = 100_000

// probe returns a DS18B20 with a serial number and a temperature.
func probe(serial uint32, celsius float64) *ds2482test.Probe {
	return &ds2482test.Probe{ROM: ds2482test.NewROM(0x28, serial), Celsius: celsius}
}

// single returns a DS2482-100 with the given probes, on a bus that takes time.
func single(probes ...*ds2482test.Probe) *ds2482test.Bridge {
	sim := ds2482test.New(0x18, &ds2482test.Line{Probes: probes})
	sim.Hz = clock
	return sim
}

// eight returns a DS2482-800 with the given lines and empty ones behind them.
func eight(lines ...*ds2482test.Line) *ds2482test.Bridge {
	for len(lines) < 8 {
		lines = append(lines, &ds2482test.Line{})
	}
	sim := ds2482test.New(0x1f, lines...)
	sim.Hz = clock
	return sim
}

// reason returns the reason of the fault that err wraps, or "".
func reason(err error) string {
	why, _ := fault.Of(err)
	return why
}

func TestIdentifyTellsTheTwoBridges(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		sim  *ds2482test.Bridge
		want string
	}{
		{"one channel", ds2482test.New(0x18, &ds2482test.Line{}), "DS2482-100"},
		{"one channel at its highest address", ds2482test.New(0x1b, &ds2482test.Line{}), "DS2482-100"},
		{"one channel where only the -800 can be", ds2482test.New(0x1c, &ds2482test.Line{}), ""},
		{"eight channels", eight(), "DS2482-800"},
		{"a shorted line", ds2482test.New(0x19, &ds2482test.Line{Shorted: true}), "DS2482-100"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tt.sim.Hz = 0
			got, err := ds2482.Identify(tt.sim, tt.sim.Addr)
			want := i2c.Likely
			if tt.want == "" {
				want = i2c.No
			}
			if err != nil || got.Part != tt.want || got.Sure != want {
				t.Errorf("got %+v, %v, want %q, %v", got, err, tt.want, want)
			}
		})
	}
}

func TestIdentifyLeavesOthersAlone(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		ops  []i2ctest.Op
	}{
		{"nobody", []i2ctest.Op{{Addr: 0x18, R: nil, Err: i2ctest.NoAck}}},
		{"an MCP9808, which takes any register", []i2ctest.Op{{Addr: 0x18, R: []byte{0xc1, 0xc1}}, {Addr: 0x18, W: []byte{0x06}}}},
		{"a register that changes", []i2ctest.Op{{Addr: 0x18, R: []byte{0x01, 0x02}}, {Addr: 0x18, W: []byte{0x06}, Err: i2ctest.NoAck}}},
		{"refuses the pointer", []i2ctest.Op{
			{Addr: 0x18, R: []byte{0x18, 0x18}}, {Addr: 0x18, W: []byte{0x06}, Err: i2ctest.NoAck}, {Addr: 0x18, W: []byte{0xe1, 0xf0}, Err: i2ctest.NoAck}}},
		{"a configuration with a high nibble", []i2ctest.Op{
			{Addr: 0x18, R: []byte{0x18, 0x18}}, {Addr: 0x18, W: []byte{0x06}, Err: i2ctest.NoAck},
			{Addr: 0x18, W: []byte{0xe1, 0xf0}, R: []byte{0x18, 0x18}}, {Addr: 0x18, W: []byte{0xe1, 0xc3}, R: []byte{0x18, 0x18}}}},
		{"an unknown channel code", []i2ctest.Op{
			{Addr: 0x18, R: []byte{0x18, 0x18}}, {Addr: 0x18, W: []byte{0x06}, Err: i2ctest.NoAck},
			{Addr: 0x18, W: []byte{0xe1, 0xf0}, R: []byte{0x18, 0x18}}, {Addr: 0x18, W: []byte{0xe1, 0xc3}, R: []byte{0, 0}},
			{Addr: 0x18, W: []byte{0xe1, 0xd2}, R: []byte{0xf0, 0xf0}}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := ds2482.Identify(i2ctest.Play(t, tt.ops...), 0x18)
			if err != nil || got.Sure != i2c.No {
				t.Errorf("got %+v, %v, want no match", got, err)
			}
		})
	}
}

func TestIdentifyReportsTroubleOfTheBus(t *testing.T) {
	t.Parallel()
	stuck := fault.New(fault.Timeout, "the bus is stuck")
	for good := range 5 {
		sim := ds2482test.New(0x18, &ds2482test.Line{})
		var n int
		sim.Fail = func([]byte) error {
			if n++; n > good {
				return stuck
			}
			return nil
		}
		if _, err := ds2482.Identify(sim, 0x18); !errors.Is(err, stuck) {
			t.Errorf("after %d transactions: %v, want that the bus is stuck", good, err)
		}
	}
}

// TestAConversationByTheDatasheet plays what a bridge and an empty line say.
func TestAConversationByTheDatasheet(t *testing.T) {
	t.Parallel()
	bus := i2ctest.Play(t,
		i2ctest.Op{Addr: 0x1a, W: []byte{0xf0}, R: []byte{0x18}},       // device reset
		i2ctest.Op{Addr: 0x1a, W: []byte{0xe1, 0xd2}, R: []byte{0xb8}}, // eight channels
		i2ctest.Op{Addr: 0x1a, W: []byte{0xd2, 0xe1}, R: []byte{0x01}}, // active pull-up
		i2ctest.Op{Addr: 0x1a, W: []byte{0xc3, 0xb4}, R: []byte{0x9c}}, // channel 4
		i2ctest.Op{Addr: 0x1a, W: []byte{0xb4}, R: []byte{1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1}},
		i2ctest.Op{Addr: 0x1a, W: []byte{0xe1, 0xf0}, R: []byte{1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0}}, // no presence pulse
		i2ctest.Op{Addr: 0x1a, W: []byte{0xe1, 0xf0}, R: []byte{0x08}},                                     // a healthy line
	)
	got := ds2482.New(bus, 0x1a).ReadAll(t.Context(), []ds2482.Probe{{Channel: 4, ROM: ds2482test.NewROM(0x28, 1)}})
	if reason(got[0].Err) != fault.NoDevice {
		t.Errorf("got %v, want fault no-device", got[0].Err)
	}
}

func TestTheBridgesOwnTroubleHasItsReason(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, want string
		ops        []i2ctest.Op
	}{
		{"nobody answers", fault.NoDevice, []i2ctest.Op{{W: []byte{0xf0}, Err: i2ctest.NoAck}}},
		{"all ones", fault.Floating, []i2ctest.Op{{W: []byte{0xf0}, R: []byte{0xff}}}},
		{"all zeros", fault.Zeros, []i2ctest.Op{{W: []byte{0xf0}, R: []byte{0}}}},
		{"another part", fault.CRC, []i2ctest.Op{{W: []byte{0xf0}, R: []byte{0x3c}}}},
		{"a channel register of no channel", fault.CRC, []i2ctest.Op{
			{W: []byte{0xf0}, R: []byte{0x18}}, {W: []byte{0xe1, 0xd2}, R: []byte{0x12}}, {W: []byte{0xe1, 0xd2}, R: []byte{0x12}},
			{W: []byte{0xd2, 0xe1}, R: []byte{0x00}}}},
		{"the configuration does not hold", fault.CRC, []i2ctest.Op{
			{W: []byte{0xf0}, R: []byte{0x10}}, {W: []byte{0xe1, 0xd2}, Err: i2ctest.NoAck}, {W: []byte{0xe1, 0xd2}, Err: i2ctest.NoAck},
			{W: []byte{0xd2, 0xe1}, R: []byte{0x00}}}},
		{"the bus hangs while the lines are counted", fault.Timeout, []i2ctest.Op{
			{W: []byte{0xf0}, R: []byte{0x18}}, {W: []byte{0xe1, 0xd2}, Err: fault.New(fault.Timeout, "stuck")}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for i := range tt.ops {
				tt.ops[i].Addr = 0x18
			}
			got := ds2482.New(i2ctest.Play(t, tt.ops...), 0x18).ReadAll(t.Context(), []ds2482.Probe{{ROM: ds2482test.NewROM(0x28, 1)}})
			if reason(got[0].Err) != tt.want {
				t.Errorf("got %v, want fault %s", got[0].Err, tt.want)
			}
		})
	}
}

// TestOneDisturbedTransactionCostsNoMoreThanItsRound refuses each transaction of
// a round in turn, once.
func TestOneDisturbedTransactionCostsNoMoreThanItsRound(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		sim := single(probe(1, 21.5), probe(2, 22.5))
		bridge := ds2482.New(sim, 0x18)
		probes := []ds2482.Probe{{ROM: ds2482test.NewROM(0x28, 1)}, {ROM: ds2482test.NewROM(0x28, 2)}}
		for at := 0; ; at++ {
			var n int
			sim.Fail = func([]byte) error {
				if n++; n == at+1 {
					return i2ctest.NoAck
				}
				return nil
			}
			first := fmt.Sprint(errs(bridge.ReadAll(t.Context(), probes)))
			if n <= at {
				break // the round has no more transactions
			}
			second := bridge.ReadAll(t.Context(), probes)
			if got := errs(second); got != [2]string{} || second[0].Celsius != 21.5 || second[1].Celsius != 22.5 {
				t.Fatalf("transaction %d refused: %s; the round after: %v", at, first, second)
			}
		}
	})
}

func errs(results []ds2482.Result) (text [2]string) {
	for i, r := range results {
		text[i] = reason(r.Err)
	}
	return text
}

// plausible corrects the answer to a command as a bridge would give it, so that
// an arbitrary conversation goes on, except for some commands by their number.
func plausible(w, r []byte, n int) error {
	if len(r) == 0 || len(w) == 0 || n%97 == 13 {
		return nil
	}
	last := &r[len(r)-1]
	switch {
	case w[0] == 0xf0:
		*last = 0x18
	case w[0] == 0xd2:
		*last = w[1] & 0xf
	case w[0] == 0xe1 && w[1] == 0xd2 && *last%2 == 0:
		*last = 0xb8
	case w[0] == 0xc3:
		*last = map[byte]byte{0xf0: 0xb8, 0xe1: 0xb1, 0xd2: 0xaa, 0xc3: 0xa3, 0xb4: 0x9c, 0xa5: 0x95, 0x96: 0x8e, 0x87: 0x87}[w[1]]
	case w[0] == 0xe1 && w[1] == 0xe1:
	case w[0] == 0x78 && *last&0x60 == 0x60:
		*last = 0x0a | *last&0x40
	case w[0] == 0x78:
		*last = *last&0x60 | 0x0a | map[byte]byte{0: w[1], 0x20: 0x80, 0x40: 0}[*last&0x60]
	default:
		*last = 0x0a | *last&0x20
	}
	return nil
}
