package heatmap

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func TestAProfileRunsFromFaceToFace(t *testing.T) {
	t.Parallel()
	for _, k := range []float64{evenK, 1.4, 9, steepestK} {
		for _, depth := range []int{1, 9, 200} {
			p := newProfile(k, depth)
			cold, bent := p.at(0)
			hot, bends := p.at(1)
			if diff := cmp.Diff([]float64{0, 0, 1, 0}, []float64{cold, bent, hot, bends}, roughly); diff != "" {
				t.Errorf("k %v, %d rows (-want +got)\n%s", k, depth, diff)
			}
		}
	}
}

func TestAProfileIsEvenOrSteep(t *testing.T) {
	t.Parallel()
	for k, want := range map[float64]float64{evenK: 0.5, 1.4: 1 / (1 + math.Exp(-0.7)), steepestK: 1} { // (1-e^-k/2)/(1-e^-k)
		if got, _ := newProfile(k, 10).at(0.5); math.Abs(got-want) > 0.02 {
			t.Errorf("k %v: %.3f of the rise half way, want %.3f", k, got, want)
		}
	}
}

func TestTheBendIsTheSlopeInK(t *testing.T) {
	t.Parallel()
	const h = 1e-5
	for _, k := range []float64{0.1, 1.4, 9} {
		_, got := newProfile(k, 9).at(0.3)
		more, _ := newProfile(k*math.Exp(h), 9).at(0.3)
		less, _ := newProfile(k*math.Exp(-h), 9).at(0.3)
		if want := (more - less) / (2 * h); math.Abs(got-want) > 1e-8 {
			t.Errorf("k %v: bend %v, want %v", k, got, want)
		}
	}
}

// twelveAnd returns twelve probes and some SoCs, none of them alike.
func twelveAnd(socs int) (sights []sight) {
	for i := range 12 + socs {
		x, y := math.Mod(float64(i)*0.618, 1), math.Mod(float64(i)*0.377, 1)
		s := sight{spot: spotAt(x, y), celsius: 21 + 5*y + math.Sin(float64(7*i))/4}
		if i >= 12 {
			s.celsius += 25 + 2*math.Sin(float64(5*i))
			s.proxy, s.slot, s.watts = true, i, math.Cos(float64(3*i))
		}
		sights = append(sights, s)
	}
	return sights
}

// settled is what is believed of sights that all are trusted.
func settled(sights []sight) *prior {
	p := believe(sights, 12)
	p.loose, p.trust = 0, slices.Repeat([]float64{1}, len(sights))
	return p
}

// seen returns the process of a given prior that has seen sights.
func seen(t *testing.T, p *prior, sights []sight) *process {
	t.Helper()
	b := newBasis(p.speed, 12, 9)
	gp := &process{basis: b, prior: p}
	stencils := make([]stencil, len(sights))
	for i := range sights {
		stencils[i] = b.stencil(&sights[i], p)
	}
	l := newLower(b.size())
	if !gp.see(sights, stencils, l) {
		t.Fatal("no fit")
	}
	gp.spread = l.inverse(b.size())
	return gp
}

func TestOthersSayWhatAFitWithoutOneSays(t *testing.T) {
	t.Parallel()
	sights := twelveAnd(30)
	p := settled(sights)
	all := seen(t, p, sights)
	for _, i := range []int{0, 7, 20, 41} {
		left := append(append([]sight{}, sights[:i]...), sights[i+1:]...)
		st := all.basis.stencil(&sights[i], p)
		without := seen(t, p, left)
		got, gotSD := all.others(&sights[i], 1)
		want, wantSD := without.others(&sights[i], 0)
		if math.Abs(got-want) > 1e-6 || math.Abs(gotSD-wantSD) > 1e-6 {
			t.Errorf("sight %d: others say %v ± %v, want %v ± %v", i, got, gotSD, want, wantSD)
		}
		if direct := without.sum(&st); math.Abs(direct-want) > 1e-9 {
			t.Errorf("sight %d: a process that has not seen it says %v, want %v", i, want, direct)
		}
	}
}

func TestAFieldIsTheSumOfItsShapes(t *testing.T) {
	t.Parallel()
	gp := seen(t, settled(twelveAnd(30)), twelveAnd(30))
	f := gp.field(7, 5)
	for k := range f.Value {
		x, y := f.place(k)
		s := sight{spot: spotAt(x, y)}
		st := gp.basis.stencil(&s, gp.prior)
		throttled := 0.0
		shares := gp.basis.shares(&st)
		for i := range shares.n {
			throttled += shares.by[i] * gp.mean[shares.at[i]]
		}
		blur := blurred * blurred * throttled * throttled
		want := [2]float64{gp.sum(&st), math.Sqrt(gp.variance(&st) + gp.prior.unshaped(gp.basis, y) + blur)}
		if diff := cmp.Diff(want, [2]float64{f.Value[k], f.SD[k]}, cmpopts.EquateApprox(0, 1e-9)); diff != "" {
			t.Errorf("point %d (-want +got)\n%s", k, diff)
		}
	}
}

func TestOneSightPullsTheLevelByHand(t *testing.T) {
	t.Parallel()
	// A level of 10 K sd and a probe of √(0.13² + what shapes leave out) K: on
	// the cold face, where the rise is nothing, all else is small.
	s := sight{spot: spotAt(0.5, 0), celsius: 25}
	p := settled([]sight{s})
	p.celsius = 20
	gp := seen(t, p, []sight{s})
	own := p.variance(gp.basis, &s)
	inlets := 0.0 // first and third wave are 0 half way, the others ±1
	for _, i := range []float64{2, 4} {
		inlets += inletSD * inletSD / (i * i)
	}
	known := levelSD*levelSD + inlets
	st := gp.basis.stencil(&s, p)
	if want := 20 + 5*known/(known+own); math.Abs(gp.sum(&st)-want) > 1e-6 {
		t.Errorf("got %v °C, want %v", gp.sum(&st), want)
	}
	if want := known * own / (known + own); math.Abs(gp.variance(&st)-want) > 1e-6 {
		t.Errorf("variance %v K², want %v", gp.variance(&st), want)
	}
}

func TestASplineOnAPlaneIsThePlane(t *testing.T) {
	t.Parallel()
	plane := func(x, y float64) float64 { return 21 + x + 4*y }
	var probes []sight
	for _, at := range [][2]float64{{0, 0}, {1, 0}, {0.3, 0.6}, {1, 1}, {0, 1}} {
		probes = append(probes, sight{spot: spotAt(at[0], at[1]), celsius: plane(at[0], at[1])})
	}
	s, ok := newSpline(probes)
	if !ok {
		t.Fatal("no spline")
	}
	f := s.field(6, 6)
	for k := range f.Value {
		if x, y := f.place(k); math.Abs(f.Value[k]-plane(x, y)) > 0.1 {
			t.Errorf("%.2f °C at %.2f, %.2f, want %.2f", f.Value[k], x, y, plane(x, y))
		}
	}
}

func TestTheThinPlateIsACovariance(t *testing.T) {
	t.Parallel()
	for n := 1; n <= 40; n++ {
		l := newLower(n)
		for i := range n {
			a := spot{x: math.Mod(float64(i)*0.618, 1), y: math.Mod(float64(i)*0.377+0.1, 1)}
			for j := range i + 1 {
				b := spot{x: math.Mod(float64(j)*0.618, 1), y: math.Mod(float64(j)*0.377+0.1, 1)}
				l.row(i)[j] = bent(a, b)
			}
			l.row(i)[i] += 1e-9
		}
		if !l.cholesky(n) {
			t.Fatal(fmt.Sprint(n, " spots: not positive definite"))
		}
	}
}
