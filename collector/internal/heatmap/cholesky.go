package heatmap

import "math"

// A lower is a lower triangular matrix, stored row by row: row i begins at
// i(i+1)/2 and holds i+1 numbers. A symmetric matrix is stored likewise.
type lower []float64

func newLower(n int) lower { return make(lower, n*(n+1)/2) }

// row returns row i up to and with the diagonal.
func (l lower) row(i int) []float64 { return l[i*(i+1)/2 : i*(i+1)/2+i+1] }

// cholesky replaces the symmetric n × n matrix l by its factor L with L·Lᵀ = l.
// It returns false, and leaves l spoilt, if l is not positive definite.
func (l lower) cholesky(n int) bool {
	for i := range n {
		ri := l.row(i)
		for j := range i {
			rj := l.row(j)
			ri[j] = (ri[j] - dot(ri[:j], rj[:j])) / rj[j]
		}
		d := ri[i] - dot(ri[:i], ri[:i])
		if !(d > 0) {
			return false
		}
		ri[i] = math.Sqrt(d)
	}
	return true
}

// forward replaces b by the solution of L·x = b.
func (l lower) forward(b []float64) {
	for i := range b {
		r := l.row(i)
		b[i] = (b[i] - dot(r[:i], b[:i])) / r[i]
	}
}

// backward replaces b by the solution of Lᵀ·x = b.
func (l lower) backward(b []float64) {
	for i := len(b) - 1; i >= 0; i-- {
		r := l.row(i)
		b[i] /= r[i]
		for j, v := range r[:i] {
			b[j] -= v * b[i]
		}
	}
}

// dot returns the inner product of two slices of the same length. Four sums run
// side by side, because one sum would wait for itself.
func dot(a, b []float64) float64 {
	var s0, s1, s2, s3 float64
	b = b[:len(a)]
	i := 0
	for ; i+4 <= len(a); i += 4 {
		s0 += a[i] * b[i]
		s1 += a[i+1] * b[i+1]
		s2 += a[i+2] * b[i+2]
		s3 += a[i+3] * b[i+3]
	}
	for ; i < len(a); i++ {
		s0 += a[i] * b[i]
	}
	return s0 + s1 + (s2 + s3)
}

// inverse returns L⁻ᵀ·L⁻¹ for the n × n factor l: the inverse of the matrix that
// l was made of.
func (l lower) inverse(n int) lower {
	inv := newLower(n) // L⁻¹
	for i := range n {
		ri, li := inv.row(i), l.row(i)
		ri[i] = 1
		for k, v := range li[:i] {
			axpy(-v, inv.row(k), ri)
		}
		for j := range ri {
			ri[j] /= li[i]
		}
	}
	out := newLower(n)
	for k := range n {
		rk := inv.row(k)
		for i, v := range rk {
			axpy(v, rk[:i+1], out.row(i))
		}
	}
	return out
}

// axpy adds a times x to the beginning of y, four at a time, which is twice as
// fast as one by one.
func axpy(a float64, x, y []float64) {
	y = y[:len(x)]
	for len(x) >= 4 && len(y) >= 4 {
		y[0] += a * x[0]
		y[1] += a * x[1]
		y[2] += a * x[2]
		y[3] += a * x[3]
		x, y = x[4:], y[4:]
	}
	for i, v := range x {
		y[i] += a * v
	}
}
