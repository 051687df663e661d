package rack_test

import (
	"testing"
	"testing/synctest"
	"time"

	"thermarack/collector/internal/rack"
)

// TestAnInletsRateOfChangeIsOverAQuarterOfAnHour warms an inlet by 0.1 K a minute.
func TestAnInletsRateOfChangeIsOverAQuarterOfAnHour(t *testing.T) {
	for _, interval := range []time.Duration{10 * time.Second, time.Minute, 7 * time.Minute} {
		synctest.Test(t, func(t *testing.T) {
			m := model(hex(t))
			begin := time.Now()
			rise := func() rack.Figure {
				minutes := time.Since(begin).Minutes()
				m.Observe(batch(pi1, reading("urn:dev:ow:28c1000000000000", "temperature", 20+minutes/10)))
				s, err := m.State(t.Context(), "hex/a1/s3", time.Time{})
				if err != nil {
					t.Fatal(err)
				}
				return s.Figures.Rise
			}
			for ; time.Since(begin) < time.Hour; time.Sleep(interval) { // fake time
				f := rise()
				switch since := time.Since(begin); {
				case since < 14*time.Minute && f.Ok():
					t.Fatalf("every %v, after %v: rise %+v, want none yet", interval, since, f)
				case since >= 16*time.Minute && (!f.Ok() || f.V < 1.39 || f.V > 1.61):
					t.Fatalf("every %v, after %v: rise %+v, want 1.5 K", interval, since, f)
				}
			}
		})
	}
}

func TestAnInletThatPausedHasNoRateOfChange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := model(hex(t))
		for range 20 {
			m.Observe(batch(pi1, reading("urn:dev:ow:28c1000000000000", "temperature", 20)))
			time.Sleep(time.Minute) // fake time
		}
		time.Sleep(time.Hour) // fake time
		m.Observe(batch(pi1, reading("urn:dev:ow:28c1000000000000", "temperature", 30)))
		s, err := m.State(t.Context(), "hex/a1/s3", time.Time{})
		if err != nil || s.Figures.Rise.Why != "no inlet is known from 15 minutes ago" {
			t.Errorf("rise %+v, %v, want none", s.Figures.Rise, err)
		}
	})
}
