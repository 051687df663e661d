package web

import (
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"iter"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"time"

	"thermarack/collector/internal/store"
)

// maxPoints is how many points as they are one JSON answer may hold.
const maxPoints = 100_000

type (
	seriesDocument struct {
		Sensor string    `json:"sensor"`
		Unit   string    `json:"unit"`
		From   time.Time `json:"from"`
		To     time.Time `json:"to"`
		Step   float64   `json:"step"` // s; 0: points as they are
		Points any       `json:"points"`
	}
	rawPoint struct {
		T     time.Time `json:"t"`
		Value float64   `json:"value"`
	}
)

func (s *Server) series(w http.ResponseWriter, r *http.Request) error {
	sensor := r.URL.Query().Get("sensor")
	source, span, err := s.wanted(r)
	if err != nil {
		return err
	}
	d := seriesDocument{Sensor: sensor, From: stamp(span.from), To: stamp(span.to), Step: span.step.Seconds()}
	got, err := s.cache.once(r.Context(), func(ctx context.Context, out *bytes.Buffer) (err error) {
		if d.Points, err = s.pointsOf(ctx, source, span); err != nil {
			return err
		}
		if d.Unit, err = s.unit(ctx, source); err != nil {
			return err
		}
		return encodeJSON(out, d)
	})
	if err != nil {
		return err
	}
	return got.send(w, r, jsonType)
}

// pointsOf returns what goes into a seriesDocument.
func (s *Server) pointsOf(ctx context.Context, source source, span span) (any, error) {
	if span.step > 0 {
		return s.buckets(ctx, source, span)
	}
	return s.rawPoints(ctx, source.strands[0])
}

// unit returns the unit of a source: the one that its quantity always has, else
// the one in which its records are stored; "" when they have none or several.
func (s *Server) unit(ctx context.Context, from source) (string, error) {
	if from.unit != "" {
		return from.unit, nil
	}
	units := map[string]bool{}
	for _, part := range slices.Concat(from.strands...) {
		unit, err := s.opt.Series.Unit(ctx, part.record)
		if errors.Is(err, store.ErrNoSeries) {
			continue
		}
		if err != nil {
			return "", err
		}
		units[unit] = true
	}
	if len(units) != 1 {
		return "", nil
	}
	return slices.Collect(maps.Keys(units))[0], nil
}

// wanted reads the parameters of series and export.
func (s *Server) wanted(r *http.Request) (source, span, error) {
	span, err := s.span(r)
	if err != nil {
		return source{}, span, err
	}
	source, err := s.source(r.URL.Query().Get("sensor"), span)
	if err == nil && span.step == 0 && len(source.strands) > 1 {
		err = badParameter("step", "is needed for a face of several probes")
	}
	return source, span, err
}

func (s *Server) rawPoints(ctx context.Context, from strand) ([]rawPoint, error) {
	points := []rawPoint{}
	for p, err := range s.points(ctx, from) {
		if err != nil {
			return nil, err
		}
		if len(points) == maxPoints {
			return nil, badParameter("from", "the span holds more than 100000 points: narrow it, give step, or use export.csv")
		}
		points = append(points, rawPoint{stamp(p.Time), p.Value})
	}
	return points, nil
}

// points yields the points of a strand in time order. It ends after the first
// error; a record never stored is one only where there is no other.
func (s *Server) points(ctx context.Context, from strand) iter.Seq2[store.Point, error] {
	return func(yield func(store.Point, error) bool) {
		var unknown error
		missing := 0
		for _, part := range from {
			for p, err := range s.stretch(ctx, part) {
				if errors.Is(err, store.ErrNoSeries) {
					unknown = err
					missing++
					break
				}
				if !yield(p, err) || err != nil {
					return
				}
			}
		}
		if missing == len(from) {
			yield(store.Point{}, unknown)
		}
	}
}

// window is how much of a series is asked of the store at once.
const window = 24 * time.Hour

// stretch yields the points of a segment in time order, offset applied. It ends
// after the first error.
func (s *Server) stretch(ctx context.Context, part segment) iter.Seq2[store.Point, error] {
	return func(yield func(store.Point, error) bool) {
		for at := part.from; at.Before(part.to); at = at.Add(window) {
			end := at.Add(window)
			if end.After(part.to) {
				end = part.to
			}
			points, err := s.opt.Series.Range(ctx, part.record, at, end)
			if err != nil {
				yield(store.Point{}, err)
				return
			}
			for _, p := range points {
				p.Value += part.offset
				if !yield(p, nil) {
					return
				}
			}
		}
	}
}

// exportTimeout is how long a client may take for the rows of one flush.
const exportTimeout = 30 * time.Second

// export streams the same as series, as CSV. An error of the store after the
// first row cuts the connection, so that half a file is not taken for a whole.
func (s *Server) export(w http.ResponseWriter, r *http.Request) error {
	source, span, err := s.wanted(r)
	if err != nil {
		return err
	}
	header := w.Header()
	header.Set("Content-Type", "text/csv; charset=utf-8; header=present")
	header.Set("Content-Disposition", `attachment; filename="thermarack.csv"`)
	header.Set("Cache-Control", "no-store")
	rows := rowWriter{csv.NewWriter(w), http.NewResponseController(w), 0}
	if span.step > 0 {
		return s.exportBuckets(r.Context(), &rows, source, span)
	}
	return s.exportPoints(r.Context(), &rows, source.strands[0])
}

func (s *Server) exportBuckets(ctx context.Context, rows *rowWriter, from source, span span) error {
	ctx, cancel := context.WithTimeout(ctx, renderTimeout)
	defer cancel()
	buckets, err := s.buckets(ctx, from, span)
	if err != nil {
		return err
	}
	rows.write("time", "mean", "min", "max")
	for _, b := range buckets {
		rows.write(rowTime(b.T), plain(b.Mean), plain(b.Min), plain(b.Max))
	}
	return gone(rows.flush())
}

func (s *Server) exportPoints(ctx context.Context, rows *rowWriter, from strand) error {
	for p, err := range s.points(ctx, from) {
		if err != nil && rows.count == 0 {
			return err
		}
		if err != nil {
			if !errors.Is(err, context.Canceled) {
				s.opt.Log.Error("export cut short", "record", from[0].record, "err", err)
			}
			panic(http.ErrAbortHandler)
		}
		if rows.count == 0 {
			rows.write("time", "value")
		}
		rows.write(rowTime(p.Time), plain(p.Value))
	}
	if rows.count == 0 {
		rows.write("time", "value")
	}
	return gone(rows.flush())
}

func rowTime(t time.Time) string { return stamp(t).Format(time.RFC3339Nano) }

func plain(v float64) string { return strconv.FormatFloat(v, 'f', -1, 64) }

// A rowWriter writes CSV and gives the client time anew for every thousand
// rows.
type rowWriter struct {
	csv   *csv.Writer
	conn  *http.ResponseController
	count int
}

func (r *rowWriter) write(cells ...string) {
	if r.count%1000 == 0 {
		// Not supported only where no network is below, as in tests.
		_ = r.conn.SetWriteDeadline(time.Now().Add(exportTimeout))
	}
	r.count++
	_ = r.csv.Write(cells) // kept by the writer, and returned by flush
}

func (r *rowWriter) flush() error {
	r.csv.Flush()
	return r.csv.Error()
}
