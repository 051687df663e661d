package promapi

import (
	"bufio"
	"encoding/json"
	"io"
	"math"
	"strconv"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/util/stats"
)

// bufferSize is the usual answer: ten series of a thousand points.
const bufferSize = 256 << 10

// An encoder writes Prometheus' JSON as it goes, since an answer may be larger
// than what it is made from. An error of the writer is kept until Flush.
type encoder struct {
	*bufio.Writer
	scratch []byte
}

func newEncoder(w io.Writer) *encoder {
	return &encoder{Writer: bufio.NewWriterSize(w, bufferSize)}
}

// success writes the whole of an answer.
func (e *encoder) success(r result) {
	e.raw(`{"status":"success","data":`)
	r.write(e)
	warnings, infos := r.warnings.AsStrings(r.query, 10, 10)
	if len(warnings) > 0 {
		e.raw(`,"warnings":`)
		e.words(warnings)
	}
	if len(infos) > 0 {
		e.raw(`,"infos":`)
		e.words(infos)
	}
	e.raw("}\n")
}

// queryData writes the value of a query, and its figures if there are any.
func (e *encoder) queryData(v parser.Value, figures stats.QueryStats) {
	e.raw(`{"resultType":"` + string(v.Type()) + `","result":`)
	switch v := v.(type) {
	case promql.Matrix:
		list(e, v, e.series)
	case promql.Vector:
		list(e, v, e.sample)
	case promql.Scalar:
		e.point(v.T, v.V)
	case promql.String:
		e.raw("[")
		e.stamp(v.T)
		e.raw(",")
		e.value(v.V)
		e.raw("]")
	}
	if figures != nil {
		e.raw(`,"stats":`)
		e.value(figures)
	}
	e.raw("}")
}

// list writes an array.
func list[T any](e *encoder, all []T, write func(T)) {
	e.raw("[")
	for i, one := range all {
		if i > 0 {
			e.raw(",")
		}
		write(one)
	}
	e.raw("]")
}

// series writes one of a matrix. It has no histograms: a store holds none, and
// no function makes one of floats.
func (e *encoder) series(s promql.Series) {
	e.raw(`{"metric":`)
	e.labels(s.Metric)
	e.raw(`,"values":`)
	list(e, s.Floats, func(p promql.FPoint) { e.point(p.T, p.F) })
	e.raw("}")
}

// sample writes one of a vector.
func (e *encoder) sample(s promql.Sample) {
	e.raw(`{"metric":`)
	e.labels(s.Metric)
	e.raw(`,"value":`)
	e.point(s.T, s.F)
	e.raw("}")
}

// point writes a time in seconds, and a value as a string, as JSON has no Inf.
func (e *encoder) point(t int64, v float64) {
	e.raw("[")
	e.stamp(t)
	format := byte('f')
	if abs := math.Abs(v); abs != 0 && (abs < 1e-6 || abs >= 1e21) {
		format = 'e'
	}
	e.scratch = strconv.AppendFloat(append(e.scratch[:0], `,"`...), v, format, -1, 64)
	_, _ = e.Write(append(e.scratch, `"]`...))
}

// stamp writes Unix ms as seconds, exactly.
func (e *encoder) stamp(t int64) {
	b := e.scratch[:0]
	if t < 0 {
		b = append(b, '-')
		t = -t
	}
	b = strconv.AppendInt(b, t/1000, 10)
	if ms := t % 1000; ms != 0 {
		b = append(b, '.', byte('0'+ms/100), byte('0'+ms/10%10), byte('0'+ms%10))
	}
	e.scratch = b
	_, _ = e.Write(b)
}

func (e *encoder) labels(ls labels.Labels) { e.value(ls.Map()) }

func (e *encoder) labelSets(all []labels.Labels) { list(e, all, e.labels) }

func (e *encoder) words(all []string) { list(e, all, func(s string) { e.value(s) }) }

// value writes what encoding/json can always write: strings and figures.
func (e *encoder) value(v any) {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err) // of a type that has no JSON: a mistake of ours
	}
	_, _ = e.Write(text)
}

// raw writes JSON. What went wrong is kept until Flush.
func (e *encoder) raw(s string) { _, _ = e.WriteString(s) }
