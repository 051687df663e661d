package sensors

import (
	"log/slog"
	"testing"
	"testing/fstest"
	"testing/synctest"

	"thermarack/hardware/i2c"
	"thermarack/hardware/i2c/i2ctest"
	"thermarack/hardware/i2c/i2ctest/parts"
)

// A multiplexer keeps others off its bus while a channel is connected, but only
// those that use it through the same lock.
func TestPartsThatComeLaterShareTheBusOfThoseThatWereThere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var control byte
		beside := parts.Bus{0x48: parts.NewTMP117(20)}
		behind := parts.Bus{0x49: parts.NewTMP117(21)} // on every channel
		bus := i2ctest.Func(func(addr uint16, w, r []byte) error {
			switch {
			case addr != 0x70 && beside[addr] != nil:
				return beside.Tx(addr, w, r)
			case addr != 0x70 && control != 0:
				return behind.Tx(addr, w, r)
			case addr != 0x70:
				return i2ctest.NoAck
			}
			for _, v := range w {
				control = v
			}
			for i := range r {
				r[i] = control
			}
			return nil
		})
		set := New(Options{
			Root: fstest.MapFS{"dev/i2c-1": {}}, Node: "b827eb000001", Log: slog.New(slog.DiscardHandler),
			I2C: func(int) (i2c.Bus, error) { return bus, nil },
		})
		beside[0x4a], behind[0x4b] = parts.NewTMP117(22), parts.NewTMP117(23)
		set.Rescan()
		seats := map[string]seat{}
		for _, p := range set.i2c.buses[1].parts {
			seats[p.seat.String()] = p.seat
		}
		for _, pair := range [][2]string{{"i2c1-48", "i2c1-4a"}, {"i2c1-70-3-49", "i2c1-70-3-4b"}} {
			before, later := seats[pair[0]], seats[pair[1]]
			if before.bus == nil || before.bus != later.bus {
				t.Errorf("%s is on %T %[2]p, %s on %T %[4]p, want the same", pair[0], before.bus, pair[1], later.bus)
			}
		}
	})
}
