package promapi_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/storage"

	"thermarack/agent/wire/clock"
	"thermarack/collector/internal/promapi"
)

// kindOf returns the status of an answer and what kind of failure it is.
func kindOf(t *testing.T, w *httptest.ResponseRecorder) string {
	t.Helper()
	var failed struct{ ErrorType, Error string }
	if err := json.Unmarshal(w.Body.Bytes(), &failed); err != nil {
		t.Fatalf("%v in %s", err, w.Body)
	}
	return fmt.Sprintf("%d %s", w.Code, failed.ErrorType)
}

func TestAQueryOfTooManySamplesIsRefused(t *testing.T) {
	t.Parallel()
	q := placed(t)
	const all = "thermarack_temperature_celsius[10m]" // 119 samples
	if got := kindOf(t, answer(api(q, promapi.Limits{Samples: 118}), request{path: "query?" + query("query", all)})); got != "422 execution" {
		t.Errorf("118 samples allowed: %s", got)
	}
	if got := kindOf(t, answer(api(q, promapi.Limits{Samples: 119}), request{path: "query?" + query("query", all)})); got != "200 " {
		t.Errorf("119 samples allowed: %s", got)
	}
	// What is made of nothing is bounded as well.
	deep := "query?" + query("query", "count_over_time(vector(1)[10d:1s])")
	if got := kindOf(t, answer(api(q, promapi.Limits{Samples: 100_000}), request{path: deep})); got != "422 execution" {
		t.Errorf("a subquery of 864,000 steps: %s", got)
	}
	places := "query?" + query("query", "count_over_time(thermarack_place_info[100000d])")
	if got := kindOf(t, answer(api(q, promapi.Limits{}), request{path: places})); got != "422 execution" {
		t.Errorf("a place over 100000 days: %s", got)
	}
}

// The engine would allocate 16 bytes a step before it looks at any limit.
func TestASubqueryOfTooManyStepsIsRefused(t *testing.T) {
	t.Parallel()
	a := api(placed(t), promapi.Limits{})
	tests := []struct{ path, want string }{
		{"query?" + query("query", "count_over_time(vector(1)[100000d:1s])"), "400 bad_data"},
		{"query?" + query("query", "count_over_time(vector(1)[290y:1ms])"), "400 bad_data"},
		{"query?" + query("query", "max_over_time(sum_over_time(vector(1)[1m:1s])[12d:1m])"), "400 bad_data"},
		{"query?" + query("query", "max_over_time(sum_over_time(vector(1)[1h:10s])[1h:10s])"), "200 "},
		{"query_range?start=0&end=31536000&step=86400&" + query("query", "sum_over_time(vector(1)[1m:1s])"), "400 bad_data"},
		{"query_range?start=0&end=31536000&step=86400&" + query("query", "sum_over_time(vector(1)[1m:1s] @ end())"), "200 "},
	}
	for _, tt := range tests {
		if got := kindOf(t, answer(a, request{path: tt.path})); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.path, got, tt.want)
		}
	}
}

func TestAListIsCutWithAWarning(t *testing.T) {
	t.Parallel()
	a := api(placed(t), promapi.Limits{Entries: 2})
	for _, path := range []string{"series?match[]={site=\"hex\"}", "labels", "label/sensor/values", "series?match[]={site=\"hex\"}&limit=100"} {
		var got struct {
			Data     []any
			Warnings []string
		}
		if err := json.Unmarshal(answer(a, request{path: path}).Body.Bytes(), &got); err != nil {
			t.Fatal(err)
		}
		cut := path == "label/sensor/values" // of which there are two
		if len(got.Data) != 2 || (len(got.Warnings) == 1) == cut {
			t.Errorf("%s: %v, warnings %q", path, got.Data, got.Warnings)
		}
	}
}

// stuck is a store in which every read waits for its context, or to be freed.
type stuck struct {
	asked chan struct{} // gets a value when a read begins
	free  chan struct{}
	ended chan error // why the read ended
}

func newStuck() *stuck {
	return &stuck{make(chan struct{}, 100), make(chan struct{}), make(chan error, 100)}
}

func (s *stuck) Querier(int64, int64) (storage.Querier, error) {
	return stuckQuerier{storage.NoopQuerier(), s}, nil
}

type stuckQuerier struct {
	storage.Querier
	*stuck
}

func (q stuckQuerier) Select(ctx context.Context, _ bool, _ *storage.SelectHints, _ ...*labels.Matcher) storage.SeriesSet {
	q.asked <- struct{}{}
	select {
	case <-ctx.Done():
	case <-q.free:
	}
	q.ended <- ctx.Err()
	return storage.EmptySeriesSet()
}

func TestFewQueriesRunSomeWaitAndTheRestIsTurnedAway(t *testing.T) {
	t.Parallel()
	s := newStuck()
	a := api(s, promapi.Limits{Running: 1, Waiting: 1})
	ctx, cancel := context.WithCancel(t.Context())
	answers := make(chan *httptest.ResponseRecorder, 3)
	ask := func(ctx context.Context) {
		w := httptest.NewRecorder()
		a.ServeHTTP(w, request{path: "query?query=x"}.of("").WithContext(ctx))
		answers <- w
	}
	go ask(ctx)
	<-s.asked
	go ask(t.Context())
	go ask(t.Context())
	if got := kindOf(t, <-answers); got != "503 unavailable" {
		t.Errorf("one of the second and the third: %s", got)
	}
	if len(s.asked) > 0 {
		t.Error("two queries run")
	}
	cancel() // the client of the first goes
	if got := kindOf(t, <-answers); got != "499 canceled" {
		t.Errorf("the first: %s", got)
	}
	if err := <-s.ended; !errors.Is(err, context.Canceled) {
		t.Errorf("its read ended with %v", err)
	}
	<-s.asked // now it is the turn of the one that waits
	close(s.free)
	if got := kindOf(t, <-answers); got != "200 " {
		t.Errorf("the other: %s", got)
	}
}

func TestAQueryEndsInTime(t *testing.T) {
	t.Parallel()
	for name, r := range map[string]request{
		"by our limit":                     {path: "query?query=x"},
		"by the client's wish":             {path: "query?query=x&timeout=1ms"},
		"by our limit, whatever is wished": {path: "query?query=x&timeout=1h"},
		"of a range":                       {path: "query_range?query=x&start=1&end=2&step=1"},
		"of a list":                        {path: "series?match[]=x"},
	} {
		s := newStuck()
		if got := kindOf(t, answer(api(s, promapi.Limits{Timeout: 20 * time.Millisecond}), r)); got != "503 timeout" {
			t.Errorf("%s: %s", name, got)
		}
		if err := <-s.ended; !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%s: the read ended with %v", name, err)
		}
	}
}

func TestTheReadEndsWhenTheClientGoes(t *testing.T) {
	t.Parallel()
	s := newStuck()
	server := httptest.NewServer(api(s, promapi.Limits{}))
	defer server.Close()
	for _, head := range []string{
		"GET /api/v1/query?query=x HTTP/1.1\r\nHost: a\r\n\r\n",
		"POST /api/v1/query HTTP/1.1\r\nHost: a\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 7\r\n\r\nquery=x",
	} {
		conn, err := net.Dial("tcp", server.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(conn, head); err != nil {
			t.Fatal(err)
		}
		<-s.asked
		conn.Close()
		if err := <-s.ended; !errors.Is(err, context.Canceled) {
			t.Errorf("%.4s: the read ended with %v", head, err)
		}
	}
}

// A slow reader of a usual answer must not hold up who asks after it.
func TestASlowReaderKeepsNobodyWaiting(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(api(placed(t), promapi.Limits{Running: 1}))
	defer server.Close()
	for range 5 {
		conn, err := net.Dial("tcp", server.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		// 3000 points are more than what the kernel takes of a reader that reads none.
		if err := conn.(*net.TCPConn).SetReadBuffer(1); err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(conn, "GET /api/v1/query_range?query=time()&start=0&end=6000&step=1 HTTP/1.1\r\nHost: a\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		if line, err := bufio.NewReaderSize(conn, 16).ReadString('\n'); err != nil || !strings.Contains(line, "200") {
			t.Fatal(line, err)
		}
	}
	response, err := http.Get(server.URL + "/api/v1/query?query=1")
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	if response.StatusCode != 200 {
		t.Error(response.Status)
	}
}

func TestALargeAnswerComesWhole(t *testing.T) {
	t.Parallel()
	a := api(placed(t), promapi.Limits{})
	var got struct {
		Data struct{ Result []struct{ Values [][2]any } }
	}
	// 22,000 points are 600 kB, and go past the buffer.
	large := `query_range?start=0&end=11000&step=1&` + query("query", `label_replace(vector(time()),"x","1","","") or vector(time())`)
	if err := json.Unmarshal(answer(a, request{path: large}).Body.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	for _, s := range got.Data.Result {
		for i, p := range s.Values {
			if p[0] != float64(i) || p[1] != fmt.Sprint(i) {
				t.Fatalf("point %d is %v", i, p)
			}
		}
	}
	if len(got.Data.Result) != 2 || len(got.Data.Result[0].Values) != 11001 {
		t.Errorf("%d series", len(got.Data.Result))
	}
}

// broken cannot be read.
type broken struct{}

func (broken) Querier(int64, int64) (storage.Querier, error) {
	return nil, errors.New("read /var/lib/thermarack/tsdb/000001: input/output error")
}

func TestWhatGoesWrongOnOurSideIsLoggedAndNotTold(t *testing.T) {
	t.Parallel()
	for _, path := range []string{"query?query=x", "series?match[]=x", "labels"} {
		var log strings.Builder
		a := promapi.New(promapi.Options{Queryable: broken{}, Clock: clock.Clock{}, Log: slog.New(slog.NewTextHandler(&log, nil))})
		w := answer(a, request{path: path})
		if got := kindOf(t, w); got != "500 internal" || strings.Contains(w.Body.String(), "/var") {
			t.Errorf("%s: %s %s", path, got, w.Body)
		}
		if !strings.Contains(log.String(), "input/output error") {
			t.Errorf("%s: log %q", path, &log)
		}
	}
}

func TestAFormThatIsTooLargeOrNoneIsRefused(t *testing.T) {
	t.Parallel()
	a := api(placed(t), promapi.Limits{})
	for name, body := range map[string]io.Reader{
		"too large": http.MaxBytesReader(nil, io.NopCloser(strings.NewReader("query="+strings.Repeat("1", 200))), 100),
		"no form":   strings.NewReader("query=%zz"),
	} {
		r := httptest.NewRequest("POST", "/api/v1/query", body)
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		w := httptest.NewRecorder()
		a.ServeHTTP(w, r)
		if got := kindOf(t, w); got != "400 bad_data" {
			t.Errorf("%s: %s", name, got)
		}
	}
}

func TestTheEngineIsMeasured(t *testing.T) {
	t.Parallel()
	registry := prometheus.NewRegistry()
	promapi.New(promapi.Options{Queryable: broken{}, Registry: registry})
	families, err := registry.Gather()
	if err != nil || len(families) == 0 {
		t.Fatal(families, err)
	}
	for _, f := range families {
		if !strings.HasPrefix(f.GetName(), "prometheus_engine_") {
			t.Errorf("metric %s", f.GetName())
		}
	}
}

func FuzzQuery(f *testing.F) {
	for _, r := range asked() {
		path, params, _ := strings.Cut(r.path, "?")
		f.Add(path, params+r.form)
	}
	a := api(placed(f), promapi.Limits{Samples: 10_000, Timeout: time.Second})
	f.Fuzz(func(t *testing.T, path, params string) {
		r := httptest.NewRequest("GET", "/", nil)
		r.URL.Path, r.URL.RawQuery = "/api/v1/"+path, params
		w := httptest.NewRecorder()
		a.ServeHTTP(w, r)
		if w.Code == 301 || w.Code == 307 { // to the path without dots
			return
		}
		if !json.Valid(w.Body.Bytes()) || w.Code == 500 {
			t.Errorf("%s?%s: %d %s", path, params, w.Code, w.Body)
		}
	})
}
