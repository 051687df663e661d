package sensors_test

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"thermarack/hardware/ds2482/ds2482test"
	"thermarack/hardware/i2c/i2ctest"
	"thermarack/hardware/i2c/i2ctest/parts"
	"thermarack/hardware/onewire"
)

func TestAProbeBehindABridgeIsMissedBeforeItIsForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := ds2482test.NewROM(0x28, 0x1234), ds2482test.NewROM(0x28, 0x5678)
		line := &ds2482test.Line{Probes: []*ds2482test.Probe{{ROM: near, Celsius: 26.5}, {ROM: far, Celsius: 31}}}
		bridge := ds2482test.New(0x18, line)
		stuck := false
		set := adapters{1: i2ctest.Func(func(addr uint16, w, r []byte) error {
			if addr != 0x18 || stuck {
				return i2ctest.NoAck
			}
			return bridge.Tx(addr, w, r)
		})}.set(nil)
		name := func(rom onewire.ROM) string { return "urn:dev:ow:" + rom.String() + ":temperature" }
		all := line.Probes
		steps := []struct {
			name    string
			probes  []*ds2482test.Probe
			stuck   bool
			rescans int
			want    []string
		}{
			{"both are there", all, false, 0, []string{name(near) + "=26.50", name(far) + "=31.00"}},
			{"one has gone", all[:1], false, 1, []string{name(near) + "=26.50", name(far) + "!floating"}},
			{"the bridge too", all[:1], true, 1, []string{name(near) + "!no-device", name(far) + "!no-device"}},
			{"that is back", all[:1], false, 1, []string{name(near) + "=26.50", name(far) + "!floating"}},
			{"the one is given up", all[:1], false, 1, []string{name(near) + "=26.50"}},
			{"it is back", all, false, 1, []string{name(near) + "=26.50", name(far) + "=31.00"}},
		}
		for _, step := range steps {
			line.Probes, stuck = step.probes, step.stuck
			for range step.rescans {
				set.Rescan()
			}
			if diff := cmp.Diff(sortedByDevice(step.want), measured(t, set)); diff != "" {
				t.Errorf("%s (-want +got):\n%s\n%s", step.name, diff, strings.Join(listed(set), "\n"))
			}
		}
	})
}

func TestEveryProbeOfAFullBridgeIsFound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var lines []*ds2482test.Line
		for n := range uint32(96) {
			if n%12 == 0 {
				lines = append(lines, &ds2482test.Line{})
			}
			line := lines[len(lines)-1]
			line.Probes = append(line.Probes, &ds2482test.Probe{ROM: ds2482test.NewROM(0x28, 0x1000+n), Celsius: 20})
		}
		bridge := ds2482test.New(0x18, lines...)
		bridge.Hz = 100_000
		set := adapters{1: bridge}.set(nil)
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second) // less than a rescan
		defer cancel()
		if err := set.Run(ctx, func() {}); err != nil {
			t.Fatal(err)
		}
		if n := len(set.Inventory()); n != 96 {
			t.Errorf("%d probes were found, want 96: %s", n, strings.Join(listed(set), "\n"))
		}
	})
}

// A mux is a PCA9548 with parts behind its channels and beside it.
type mux struct {
	addr    uint16
	control byte
	beside  parts.Bus
	behind  [8]parts.Bus
}

func (m *mux) Tx(addr uint16, w, r []byte) error {
	if addr == m.addr {
		if len(w) > 0 {
			m.control = w[len(w)-1]
		}
		for i := range r {
			r[i] = m.control
		}
		return nil
	}
	if _, ok := m.beside[addr]; ok {
		return m.beside.Tx(addr, w, r)
	}
	for i, channel := range m.behind {
		if m.control>>i&1 == 1 && channel != nil {
			return channel.Tx(addr, w, r)
		}
	}
	return i2ctest.NoAck
}

func TestEqualAddressesBehindAMultiplexerAreDifferentParts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &mux{addr: 0x70, beside: parts.Bus{0x48: parts.NewTMP117(20)}}
		m.behind[0] = parts.Bus{0x44: parts.NewSHT4x(21, 40)}
		m.behind[3] = parts.Bus{0x44: parts.NewSHT4x(23, 45)}
		set := adapters{1: m}.set(nil)
		time.Sleep(time.Second)
		want := []string{
			"_i2c1-48:temperature=20.00",
			"_i2c1-70-0-44:temperature=21.00", "_i2c1-70-0-44:humidity=40.00",
			"_i2c1-70-3-44:temperature=23.00", "_i2c1-70-3-44:humidity=45.00",
		}
		if diff := cmp.Diff(want, measured(t, set)); diff != "" {
			t.Errorf("readings (-want +got):\n%s\n%s", diff, strings.Join(listed(set), "\n"))
		}
		set.Rescan()
		if diff := cmp.Diff(want, measured(t, set)); diff != "" {
			t.Errorf("after another search (-want +got):\n%s", diff)
		}
	})
}
