package rack_test

import (
	"testing"
	"testing/synctest"
	"time"

	"thermarack/agent/wire"
	"thermarack/agent/wire/clock"
	"thermarack/collector/internal/rack"
)

func TestAfterOurClockIsSetBackValuesAreStaleUntilTheNextAndThenOfNow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		off := time.Hour
		c := clock.Set(func() time.Duration { return off })
		m := rack.New(rack.Options{Layout: hex(t), History: past{}, Stale: time.Minute, Clock: c})
		report := func(celsius float64) {
			r := reading(pi1.Device("soc"), wire.QuantityTemperature, celsius)
			r.Time = c.Now()
			b := batch(pi1, r)
			b.Received = c.Now()
			m.Observe(b)
		}
		want := func(state rack.Freshness, celsius float64) {
			t.Helper()
			s, err := m.State(t.Context(), "hex/a1/s3", time.Time{})
			if err != nil {
				t.Fatal(err)
			}
			if soc := s.Slots[0].SoC; soc.State != state || soc.V != celsius || s.Slots[0].Seen.After(c.Now()) && state == rack.Fresh {
				t.Errorf("SoC is %+v, seen %v at %v, want %v °C, %s", soc, s.Slots[0].Seen, c.Now(), celsius, state)
			}
		}
		report(90)
		want(rack.Fresh, 90)
		off = 0
		want(rack.Stale, 90)
		report(40)
		want(rack.Fresh, 40)
		time.Sleep(10 * time.Second)
		report(41)
		want(rack.Fresh, 41)
	})
}
