package promapi

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/util/annotations"
)

// A lookup is a question for a list: what it matches in which span, how long the
// list may be.
type lookup struct {
	querier storage.Querier
	hints   *storage.SelectHints
	sets    [][]*labels.Matcher
	limit   int
}

// lookup opens a querier, which the caller closes.
func (a *API) lookup(q question) (lookup, error) {
	limit, err := q.limit()
	if err != nil {
		return lookup{}, err
	}
	start, end, err := q.span()
	if err != nil {
		return lookup{}, err
	}
	sets, err := a.matchers(q)
	if err != nil {
		return lookup{}, err
	}
	if limit == 0 || limit > a.opt.Limits.Entries {
		limit = a.opt.Limits.Entries
	}
	querier, err := a.opt.Queryable.Querier(start.UnixMilli(), end.UnixMilli())
	if err != nil {
		return lookup{}, failureOf(err)
	}
	hints := &storage.SelectHints{Start: start.UnixMilli(), End: end.UnixMilli(), Func: "series", Limit: limit + 1} // which reads no samples
	return lookup{querier, hints, sets, limit}, nil
}

// series lists the labels of the series that match.
func (a *API) series(ctx context.Context, q question) (result, error) {
	if len(q.Values["match[]"]) == 0 {
		return result{}, failure{badData, errors.New("no match[] parameter provided")}
	}
	l, err := a.lookup(q)
	if err != nil {
		return result{}, err
	}
	defer l.querier.Close()
	sets := make([]storage.SeriesSet, len(l.sets))
	for i, set := range l.sets {
		sets[i] = l.querier.Select(ctx, true, l.hints, set...)
	}
	all := storage.NewMergeSeriesSet(sets, 0, storage.ChainedSeriesMerge)
	var found []labels.Labels
	for len(found) <= l.limit && ctx.Err() == nil && all.Next() {
		found = append(found, all.At().Labels())
	}
	if err := cmp.Or(all.Err(), ctx.Err()); err != nil {
		return result{}, unread(err)
	}
	warnings := all.Warnings()
	if len(found) > l.limit {
		found = found[:l.limit]
		warnings.Add(errTruncated)
	}
	return result{write: func(e *encoder) { e.labelSets(found) }, warnings: warnings}, nil
}

// labelNames lists the names of the labels of the series that match, or of all.
func (a *API) labelNames(ctx context.Context, q question) (result, error) {
	l, err := a.lookup(q)
	if err != nil {
		return result{}, err
	}
	defer l.querier.Close()
	return l.words(func(set []*labels.Matcher) ([]string, annotations.Annotations, error) {
		return l.querier.LabelNames(ctx, l.labelHints(), set...)
	})
}

// labelValues lists the values of a label of the series that match, or of all.
func (a *API) labelValues(ctx context.Context, q question) (result, error) {
	name := q.name
	if strings.HasPrefix(name, "U__") {
		name = model.UnescapeName(name, model.ValueEncodingEscaping)
	}
	if !model.UTF8Validation.IsValidLabelName(name) {
		return result{}, failure{badData, fmt.Errorf("invalid label name: %q", name)}
	}
	l, err := a.lookup(q)
	if err != nil {
		return result{}, err
	}
	defer l.querier.Close()
	return l.words(func(set []*labels.Matcher) ([]string, annotations.Annotations, error) {
		return l.querier.LabelValues(ctx, name, l.labelHints(), set...)
	})
}

func (l lookup) labelHints() *storage.LabelHints { return &storage.LabelHints{Limit: l.limit + 1} }

// words joins what find returns for each set of matchers, or for none.
func (l lookup) words(find func([]*labels.Matcher) ([]string, annotations.Annotations, error)) (result, error) {
	sets := l.sets
	if len(sets) == 0 {
		sets = [][]*labels.Matcher{nil}
	}
	union := map[string]bool{}
	var warnings annotations.Annotations
	for _, set := range sets {
		found, more, err := find(set)
		if err != nil {
			return result{}, unread(err)
		}
		warnings.Merge(more)
		for _, word := range found {
			// The querier's memory ends with it.
			union[strings.Clone(word)] = true
		}
	}
	words := slices.Sorted(maps.Keys(union))
	if len(words) > l.limit {
		words = words[:l.limit]
		warnings.Add(errTruncated)
	}
	return result{write: func(e *encoder) { e.words(words) }, warnings: warnings}, nil
}

// unread is the failure of a list: where no expression is evaluated, it is the
// store that fails, or the time that ends.
func unread(err error) error {
	f := failureOf(err)
	if f.kind == execution {
		f.kind = internal
	}
	return f
}
