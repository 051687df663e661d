package heatmap_test

import (
	"testing"

	"thermarack/collector/internal/heatmap"
	"thermarack/collector/internal/rack"
)

// scoreOf compares the maps of all scenes in one condition with the truth.
func scoreOf(t testing.TB, condition int, sensors func(scene) rack.State) (s score) {
	t.Helper()
	for _, all := range scenes() {
		s.compare(mustNew(t, sensors(all[condition]), heatmap.Air).Field, all[condition])
	}
	return s
}

func unfed(s scene) rack.State { return s.state }
func fed(s scene) rack.State   { return s.fed }

func TestTheFieldOfRandomShelvesIsCloseAndItsBandHolds(t *testing.T) {
	t.Parallel()
	bounds, widest := map[int]float64{0: 0.2, 1: 0.25, 2: 0.8, 3: 0.45}, 97.0 // K, %
	if testing.Short() {
		// Of eight shelves one may be odd.
		bounds, widest = map[int]float64{0: 0.3, 1: 0.35, 2: 1.2, 3: 0.6}, 99
	}
	for condition, most := range bounds {
		for name, sensors := range map[string]func(scene) rack.State{"": unfed, " with power": fed} {
			t.Run(conditions[condition]+name, func(t *testing.T) {
				t.Parallel()
				s := scoreOf(t, condition, sensors)
				if got := s.rmse(); !(got <= most) {
					t.Errorf("RMSE %.3f K, want %v at most", got, most)
				}
				if got := s.coverage(); !(got >= 75 && got <= widest) {
					t.Errorf("the 90 %% band holds %.1f %% of the points, want 75 to %v", got, widest)
				}
				if s.missing > 0 {
					t.Errorf("%d points are missing", s.missing)
				}
			})
		}
	}
}

func TestTheFieldIsCloserThanWhatProbesAloneAllow(t *testing.T) {
	t.Parallel()
	for condition, name := range conditions {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var distance, plate score
			for _, all := range scenes() {
				s := all[condition]
				distance.compare(interpolate(inverseDistance(s.state.Probes)), s)
				plate.compare(interpolate(thinPlate(s.state.Probes)), s)
			}
			ours := scoreOf(t, condition, unfed).rmse()
			if !(ours < 0.6*distance.rmse()) || !(ours < 0.8*plate.rmse()) {
				t.Errorf("RMSE %.2f K, inverse distance %.2f, thin plate %.2f: want less than 0.6 and 0.8 of theirs", ours, distance.rmse(), plate.rmse())
			}
		})
	}
}

// BenchmarkField measures the cost of a map on scenes of every kind, and prints
// how close the field comes to the truth: the root mean square error in K and
// the share of points in the 90 % band, without and with power, and the error of
// inverse distance and of a thin plate.
func BenchmarkField(b *testing.B) {
	for condition, name := range conditions {
		b.Run(name, func(b *testing.B) {
			all := scenes()
			var distance, plate score
			for i := range all {
				s := all[i][condition]
				distance.compare(interpolate(inverseDistance(s.state.Probes)), s)
				plate.compare(interpolate(thinPlate(s.state.Probes)), s)
			}
			alone, with := scoreOf(b, condition, unfed), scoreOf(b, condition, fed)
			for i := 0; b.Loop(); i++ {
				mustNew(b, all[i%len(all)][condition].state, heatmap.Air)
			}
			b.ReportMetric(alone.rmse(), "K")
			b.ReportMetric(alone.coverage(), "%-in-band")
			b.ReportMetric(with.rmse(), "K-with-power")
			b.ReportMetric(with.coverage(), "%-in-band-with-power")
			b.ReportMetric(distance.rmse(), "K-inverse-distance")
			b.ReportMetric(plate.rmse(), "K-thin-plate")
		})
	}
}
