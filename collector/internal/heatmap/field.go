package heatmap

// A Field is the air between the sensors: NX × NY points, rows from the cold
// edge backwards, each from left to right. Point (i, j) stands at
// x = (i+½)/NX, y = (j+½)/NY. Points in Missing cells are NaN.
type Field struct {
	NX, NY int
	Value  []float64 // °C
	SD     []float64 // K
}

// newField returns a field of which nothing is known yet.
func newField(nx, ny int) *Field {
	return &Field{NX: nx, NY: ny, Value: make([]float64, nx*ny), SD: make([]float64, nx*ny)}
}

// place returns where point k stands.
func (f *Field) place(k int) (x, y float64) {
	return (float64(k%f.NX) + 0.5) / float64(f.NX), (float64(k/f.NX) + 0.5) / float64(f.NY)
}

// at interpolates values of the field, linearly both ways and constant beyond
// the outermost points.
func (f *Field) at(values []float64, x, y float64) float64 {
	i, u := between(x, f.NX)
	j, v := between(y, f.NY)
	right, back := min(i+1, f.NX-1), min(j+1, f.NY-1)
	front := values[j*f.NX+i]*(1-u) + values[j*f.NX+right]*u
	return front*(1-v) + (values[back*f.NX+i]*(1-u)+values[back*f.NX+right]*u)*v
}

// between returns the point before place p on a side of n points, and how far p
// is beyond it.
func between(p float64, n int) (int, float64) {
	at := min(max(p*float64(n)-0.5, 0), float64(n-1))
	i := int(at)
	return i, at - float64(i)
}
