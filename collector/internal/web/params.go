package web

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// maxUnix is the first second of the year 10000, which RFC 3339 cannot say.
const maxUnix = 253402300800

// timeOf reads a parameter that is RFC 3339 or Unix seconds; otherwise when it
// is not given.
func timeOf(query url.Values, name string, otherwise time.Time) (time.Time, error) {
	text := query.Get(name)
	if text == "" {
		return otherwise, nil
	}
	if seconds, err := strconv.ParseFloat(text, 64); err == nil && seconds >= 0 && seconds < maxUnix {
		return time.UnixMilli(int64(seconds * 1000)).UTC(), nil
	}
	// A plus sign that was not escaped arrives as a space.
	t, err := time.Parse(time.RFC3339, strings.Replace(text, " ", "+", 1))
	if err != nil || t.Year() < 1970 {
		return time.Time{}, badParameter(name, "want RFC 3339 or Unix seconds")
	}
	return t.UTC(), nil
}

// choice reads a parameter that is one of a few words, the first when it is not
// given.
func choice(query url.Values, name string, words ...string) (string, error) {
	text := query.Get(name)
	if text == "" {
		return words[0], nil
	}
	for _, word := range words {
		if text == word {
			return word, nil
		}
	}
	return "", badParameter(name, "want one of "+strings.Join(words, ", "))
}

const (
	defaultSpan = 6 * time.Hour
	maxSpan     = 400 * 24 * time.Hour
	maxBuckets  = 11_000
	minStep     = time.Second
)

// A span is what a request for history asks for.
type span struct {
	from, to time.Time
	step     time.Duration // 0: the points as they are
}

func (s *Server) span(r *http.Request) (span, error) {
	query := r.URL.Query()
	to, err := timeOf(query, "to", s.opt.Clock.Now())
	if err != nil {
		return span{}, err
	}
	from, err := timeOf(query, "from", to.Add(-defaultSpan))
	if err != nil {
		return span{}, err
	}
	step, err := stepOf(query)
	switch {
	case err != nil:
		return span{}, err
	case !from.Before(to):
		return span{}, badParameter("from", "is not before to")
	case to.Sub(from) > maxSpan:
		return span{}, badParameter("from", "is more than 400 days before to")
	case step > 0 && to.Sub(from)/step >= maxBuckets:
		return span{}, badParameter("step", "gives more than 11000 buckets, make it longer")
	}
	return span{from, to, step}, nil
}

// stepOf reads the step, in seconds or as Go writes durations.
func stepOf(query url.Values) (time.Duration, error) {
	text := query.Get("step")
	if text == "" {
		return 0, nil
	}
	step, err := time.ParseDuration(text)
	if seconds, notNumber := strconv.ParseFloat(text, 64); notNumber == nil && seconds <= maxSpan.Seconds() { // not NaN
		step, err = time.Duration(seconds*float64(time.Second)), nil
	}
	if err != nil || step < minStep || step > maxSpan {
		return 0, badParameter("step", "want seconds or a duration such as 5m, at least 1s")
	}
	return step, nil
}
