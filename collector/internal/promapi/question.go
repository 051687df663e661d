package promapi

import (
	"errors"
	"fmt"
	"math"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
)

// The first and last moment that can be asked for, as in Prometheus: what is
// computed from them still fits into 64 bits of milliseconds.
var (
	minTime = time.Unix(math.MinInt64/1000+62135596801, 0).UTC()
	maxTime = time.Unix(math.MaxInt64/1000-62135596801, 999999999).UTC()
)

// A question is what a request asks, from its URL and its form.
type question struct {
	url.Values
	name string // of a label, in the path
}

func ask(r *http.Request) (question, error) {
	if err := r.ParseForm(); err != nil {
		if tooLarge := (*http.MaxBytesError)(nil); errors.As(err, &tooLarge) {
			err = fmt.Errorf("the request is larger than %d bytes", tooLarge.Limit)
		}
		return question{}, failure{badData, fmt.Errorf("error parsing form values: %w", err)}
	}
	return question{r.Form, r.PathValue("name")}, nil
}

// invalid is the failure of a parameter that cannot be used.
func invalid(name string, err error) error {
	return failure{badData, fmt.Errorf("invalid parameter %q: %w", name, err)}
}

// time reads RFC 3339 or Unix seconds.
func (q question) time(name string) (time.Time, error) {
	t, err := parseTime(q.Get(name))
	if err != nil {
		return t, invalid(name, err)
	}
	return t, nil
}

// timeOr is time, and otherwise when the parameter is not given.
func (q question) timeOr(name string, otherwise time.Time) (time.Time, error) {
	if q.Get(name) == "" {
		return otherwise, nil
	}
	return q.time(name)
}

func parseTime(s string) (time.Time, error) {
	if f, err := strconv.ParseFloat(s, 64); err == nil {
		// Not NaN, and not beyond what time.Unix can say.
		if f >= float64(minTime.Unix()) && f <= float64(maxTime.Unix()) {
			whole, part := math.Modf(f)
			return time.Unix(int64(whole), int64(math.Round(part*1000))*int64(time.Millisecond)).UTC(), nil
		}
		return time.Time{}, fmt.Errorf("cannot parse %q to a valid timestamp", s)
	}
	if t, err := time.Parse(time.RFC3339Nano, s); err == nil {
		return t, nil
	}
	// Years of more than four digits, which only these two have.
	for _, end := range []time.Time{minTime, maxTime} {
		if s == end.Format(time.RFC3339Nano) {
			return end, nil
		}
	}
	return time.Time{}, fmt.Errorf("cannot parse %q to a valid timestamp", s)
}

// duration reads seconds or what Prometheus writes: 5m, 1h30m.
func (q question) duration(name string) (time.Duration, error) {
	text := q.Get(name)
	if f, err := strconv.ParseFloat(text, 64); err == nil {
		if d := f * float64(time.Second); math.Abs(d) < math.MaxInt64 {
			return time.Duration(d), nil
		}
		return 0, invalid(name, fmt.Errorf("cannot parse %q to a valid duration. It overflows int64", text))
	}
	d, err := model.ParseDuration(text)
	if err != nil {
		return 0, invalid(name, fmt.Errorf("cannot parse %q to a valid duration", text))
	}
	return time.Duration(d), nil
}

// durationOr is duration, and otherwise when the parameter is not given.
func (q question) durationOr(name string, otherwise time.Duration) (time.Duration, error) {
	if q.Get(name) == "" {
		return otherwise, nil
	}
	return q.duration(name)
}

// limit reads how long a list may be; 0: as long as we allow.
func (q question) limit() (int, error) {
	text := q.Get("limit")
	if text == "" {
		return 0, nil
	}
	n, err := strconv.Atoi(text)
	if err == nil && n < 0 {
		err = errors.New("limit must be non-negative")
	}
	if err != nil {
		return 0, invalid("limit", err)
	}
	return n, nil
}

// span reads start and end, which default to all of time.
func (q question) span() (start, end time.Time, err error) {
	if start, err = q.timeOr("start", minTime); err != nil {
		return start, end, err
	}
	end, err = q.timeOr("end", maxTime)
	return start, end, err
}

// matchers reads match[], each of which selects something.
func (a *API) matchers(q question) ([][]*labels.Matcher, error) {
	sets, err := a.parser.ParseMetricSelectors(q.Values["match[]"])
	if err != nil {
		return nil, invalid("match[]", err)
	}
	for _, set := range sets {
		if !selective(set) {
			return nil, invalid("match[]", errors.New("match[] must contain at least one non-empty matcher"))
		}
	}
	return sets, nil
}

func selective(set []*labels.Matcher) bool {
	for _, m := range set {
		if !m.Matches("") {
			return true
		}
	}
	return false
}
