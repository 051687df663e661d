package heatmap

import (
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

var roughly = cmpopts.EquateApprox(0, 1e-12)

func TestCholeskyByHand(t *testing.T) {
	t.Parallel()
	// A well-known example:
	//	  4  12 -16        2
	//	 12  37 -43   L =  6  1
	//	-16 -43  98       -8  5  3
	l := lower{4, 12, 37, -16, -43, 98}
	if !l.cholesky(3) {
		t.Fatal("not positive definite")
	}
	if diff := cmp.Diff(lower{2, 6, 1, -8, 5, 3}, l, roughly); diff != "" {
		t.Errorf("factor (-want +got)\n%s", diff)
	}

	x := []float64{-20, -43, 192} // the matrix times 1, 2, 3
	l.forward(x)
	l.backward(x)
	if diff := cmp.Diff([]float64{1, 2, 3}, x, roughly); diff != "" {
		t.Errorf("solution (-want +got)\n%s", diff)
	}
}

func TestCholeskyRefusesWhatIsNotPositiveDefinite(t *testing.T) {
	t.Parallel()
	for _, m := range []lower{{1, 2, 1}, {0, 0, 1}, {1, math.NaN(), 1}} {
		if m.cholesky(2) {
			t.Errorf("%v was factored", m)
		}
	}
}

func TestDotAddsUpAnyLength(t *testing.T) {
	t.Parallel()
	for n := range 10 {
		var a []float64
		want := 0.0
		for i := range n {
			a = append(a, float64(i+1))
			want += float64((i + 1) * (i + 1))
		}
		if got := dot(a, a); got != want {
			t.Errorf("dot of %v with itself = %v, want %v", a, got, want)
		}
	}
}

func TestOneSightPullsTheMeanByHand(t *testing.T) {
	t.Parallel()
	// Prior: a level alone, sd 3 K about 20 °C. One sight of 25 °C, sd 4 K:
	// mean 20 + 5·9/(9+16), variance 9 - 81/25.
	p := prior{celsius: 20, level: 3, alongAisle: 1, inDepth: 1}
	s := sight{spot: spotAt(0.5, 0.5), celsius: 25, variance: 16}
	gp, ok := fitRobust(p, []sight{s})
	if !ok {
		t.Fatal("no fit")
	}
	celsius, sd := gp.at(spotAt(0.1, 0.9), make([]float64, 1))
	if math.Abs(celsius-21.8) > 1e-12 || math.Abs(sd-math.Sqrt(9-81.0/25)) > 1e-12 {
		t.Errorf("got %v ± %v, want 21.8 ± 2.4", celsius, sd)
	}
}

func TestRisesSpanTheDepth(t *testing.T) {
	t.Parallel()
	for i := range 3 {
		if cold, hot := spotAt(0, 0).rise[i], spotAt(0, 1).rise[i]; cold != -0.5 || hot != 0.5 {
			t.Errorf("rise %d goes from %v to %v, want -0.5 to 0.5", i, cold, hot)
		}
	}
}

func TestThinKeepsTheMean(t *testing.T) {
	t.Parallel()
	var sights []sight
	var want float64
	for i := range 1000 {
		x, y := float64(i%40)/40, float64(i/40)/25
		sights = append(sights, sight{spot: spotAt(x, y), celsius: 7 * x, variance: 4})
		want += 7 * x / 1000
	}
	got := thin(sights, 160)
	if len(got) > 160 {
		t.Fatalf("%d sights left, want 160 at most", len(got))
	}
	var mean, weight float64
	for _, s := range got {
		mean += s.celsius * 4 / s.variance
		weight += 4 / s.variance
	}
	if math.Abs(mean/weight-want) > 1e-9 || math.Abs(weight-1000) > 1e-9 {
		t.Errorf("mean %v of %v sights, want %v of 1000", mean/weight, weight, want)
	}
}
