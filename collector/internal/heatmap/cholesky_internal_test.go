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

	inverse := lower{1777. / 36, -488. / 36, 136. / 36, 76. / 36, -20. / 36, 4. / 36}
	if diff := cmp.Diff(inverse, l.inverse(3), cmpopts.EquateApprox(0, 1e-9)); diff != "" {
		t.Errorf("inverse (-want +got)\n%s", diff)
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
