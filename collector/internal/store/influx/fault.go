package influx

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	influxhttp "github.com/influxdata/influxdb-client-go/v2/api/http"

	"thermarack/collector/internal/store"
)

// A partial fault is a request of which the server did not take all lines, and
// will not when they come again.
type partial struct {
	reason  string // a store.Refused constant
	field   string // of store.RefusedFieldType, and the node that has it, when the server names them
	node    string
	dropped int    // lines, as far as the server counts them; it may have stopped counting
	message string // the server's
}

// partialOf returns what is wrong with some of the lines of a failed write, or
// nil when it failed for anything else. Only what is known to be about single
// lines counts: to take another complaint for one would throw readings away.
func partialOf(err error) *partial {
	var answer *influxhttp.Error
	if !errors.As(err, &answer) {
		return nil
	}
	message := answer.Message
	p := &partial{reason: store.RefusedServer, dropped: droppedIn(message), message: message}
	switch answer.StatusCode {
	case http.StatusRequestEntityTooLarge: // smaller ones it may take
		p.dropped = 0
		return p
	case http.StatusBadRequest, http.StatusUnprocessableEntity:
	default:
		return nil
	}
	switch {
	case mentions(message, "pending deletion", "hinted handoff"):
		return nil // goes by
	case strings.Contains(message, "field type conflict"):
		p.reason = store.RefusedFieldType
		p.field, p.node = between(message, `input field "`, `"`), between(message, `on measurement "`, `"`)
	case mentions(message, "beyond retention policy", "outside retention"):
		p.reason = store.RefusedPast
	case mentions(message, "partial write", "unable to parse"):
	default:
		return nil
	}
	return p
}

// droppedIn returns the number in "… dropped=12", 0 when there is none.
func droppedIn(message string) int {
	_, tail, _ := strings.Cut(message, "dropped=")
	digits := strings.IndexFunc(tail, func(r rune) bool { return r < '0' || r > '9' })
	if digits >= 0 {
		tail = tail[:digits]
	}
	n, err := strconv.Atoi(tail)
	if err != nil {
		return 0
	}
	return n
}

// between returns what stands between two texts in s, "" when they do not.
func between(s, before, after string) string {
	_, tail, _ := strings.Cut(s, before)
	found, _, ok := strings.Cut(tail, after)
	if !ok {
		return ""
	}
	return found
}

// retryAfter returns for how long the server asks to be left alone, 0 when it
// does not.
func retryAfter(err error) time.Duration {
	var answer *influxhttp.Error
	if !errors.As(err, &answer) {
		return 0
	}
	return time.Duration(answer.RetryAfter) * time.Second
}

// explain returns the error of a request as one line that says what to do.
func (s *Store) explain(err error) error {
	at := "InfluxDB at " + s.opts.URL
	var answer *influxhttp.Error
	if !errors.As(err, &answer) || answer.StatusCode == 0 {
		return fmt.Errorf("%s: %w: %w", at, store.ErrAway, err)
	}
	said := oneLine(answer.Message)
	denied := ErrDenied
	if said != "" { // a 401 to Flux has no words
		denied = fmt.Errorf("%w: %s", ErrDenied, said)
	}
	switch status := answer.StatusCode; {
	case status == http.StatusUnauthorized:
		return fmt.Errorf("%s: %w; the file influx.token_file holds the token, of InfluxDB 1.8 USER:PASSWORD", at, denied)
	case status == http.StatusForbidden, mentions(said, "requires READ", "requires WRITE"):
		return fmt.Errorf("%s: %w; let the token read and write bucket %q, in InfluxDB 1.8 with GRANT ALL ON %q TO the user",
			at, denied, s.opts.Bucket, s.database())
	case status == http.StatusNotFound, mentions(said, "no database", "database not found", "could not find bucket"):
		return fmt.Errorf("%s: %w; make bucket %q, in InfluxDB 1.8 with CREATE DATABASE %q",
			at, denied, s.opts.Bucket, s.database())
	case status == http.StatusTooManyRequests, status >= 500:
		return fmt.Errorf("%s: %w: %s", at, store.ErrAway, said)
	}
	return fmt.Errorf("%s: answered %d: %s", at, answer.StatusCode, said)
}

// mentions tells whether any of the phrases is in what the server says: to a
// query it gives status 500 for everything.
func mentions(said string, phrases ...string) bool {
	return slices.ContainsFunc(phrases, func(p string) bool { return strings.Contains(said, p) })
}

// database returns the part of the bucket that InfluxDB 1.8 calls database.
func (s *Store) database() string {
	name, _, _ := strings.Cut(s.opts.Bucket, "/")
	return name
}

// oneLine shortens what the server says to what fits a line.
func oneLine(said string) string {
	said = strings.Join(strings.Fields(said), " ")
	return fmt.Sprintf("%.300s", said)
}
