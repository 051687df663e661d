package promapi_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"

	"thermarack/collector/internal/promapi"
	"thermarack/collector/internal/store/tsdb"
)

// peer returns the path of a program that .ci/promtool-deps has fetched. Without
// it the test is skipped; with THERMARACK_SERVERS=1, as in CI, it fails.
func peer(t *testing.T, name string) string {
	t.Helper()
	if testing.Short() {
		t.Skip("starts real programs; run without -short")
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(cache, "thermarack", "peers", "bin", name)
	if _, err := os.Stat(path); err == nil {
		return path
	}
	if os.Getenv("THERMARACK_SERVERS") == "1" {
		t.Fatalf("%s is missing; .ci/promtool-deps fetches it", path)
	}
	t.Skipf("%s is missing; make test fetches it", path)
	return ""
}

// command runs promtool and returns what it says.
func command(t *testing.T, args ...string) string {
	t.Helper()
	out, err := exec.Command(peer(t, "promtool"), args...).CombinedOutput()
	if err != nil {
		t.Fatalf("promtool %v: %v\n%s", args, err, out)
	}
	return string(out)
}

func TestPromtoolIsAnswered(t *testing.T) {
	t.Parallel()
	mux := http.NewServeMux()
	mux.Handle("/prometheus/", http.StripPrefix("/prometheus", api(placed(t), promapi.Limits{})))
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	url := server.URL + "/prometheus"
	const temperature = `thermarack_temperature_celsius{part="soc"}`
	const soc = `{__name__="thermarack_temperature_celsius", node="b827eb000001", part="soc", sensor="urn:dev:mac:b827ebfffe000001_soc", site="hex"}`
	tests := []struct {
		name string
		args []string
		want string
	}{
		{"instant", []string{"query", "instant", "--time=2026-03-14T11:59:50Z", url, temperature},
			`thermarack_temperature_celsius{node="b827eb000001", part="soc", sensor="urn:dev:mac:b827ebfffe000001_soc", site="hex"} => 51.375 @[1773489590]` + "\n"},
		{"a join with the place", []string{"query", "instant", "--time=2026-03-14T11:59:50Z", url, temperature + ` * on(sensor) group_left(shelf,slot) thermarack_place_info`},
			`{node="b827eb000001", part="soc", sensor="urn:dev:mac:b827ebfffe000001_soc", shelf="s3", site="hex", slot="1"} => 51.375 @[1773489590]` + "\n"},
		{"range", []string{"query", "range", "--start=1773489000", "--end=1773489060", "--step=30s", url, "sum(thermarack_temperature_celsius)"},
			"{} =>\n70 @[1773489000]\n71.125 @[1773489030]\n72.25 @[1773489060]\n"},
		{"series", []string{"query", "series", "--match=" + temperature, "--start=1773489000", "--end=1773489600", url}, soc + "\n"},
		{"labels", []string{"query", "labels", url, "slot"}, "1\n"},
		{"as JSON", []string{"query", "instant", "-o", "json", "--time=2026-03-14T11:59:50Z", url, "vector(1)"}, `[{"metric":{},"value":[1773489590,"1"]}]`},
	}
	for _, tt := range tests {
		if got := command(t, tt.args...); strings.TrimSpace(got) != strings.TrimSpace(tt.want) {
			t.Errorf("%s: got\n%s\nwant\n%s", tt.name, got, tt.want)
		}
	}
	out, err := exec.Command(peer(t, "promtool"), "query", "instant", url, "sum(").CombinedOutput()
	if err == nil || !strings.Contains(string(out), "unclosed left parenthesis") {
		t.Errorf("a query that is none: %v %s", err, out)
	}
}

// The answers are compared with those of Prometheus itself, about the same
// samples: successes as a whole, failures by their status and kind. It words them
// differently from version to version.
func TestAnswersAreThoseOfPrometheus(t *testing.T) {
	t.Parallel()
	peer(t, "prometheus")
	theirs := startPrometheus(t)
	ours := api(filled(t).Queryable(), promapi.Limits{})
	for name, r := range asked() {
		t.Run(name, func(t *testing.T) {
			want, err := http.DefaultClient.Do(r.of(theirs))
			if err != nil {
				t.Fatal(err)
			}
			defer want.Body.Close()
			text, err := io.ReadAll(want.Body)
			if err != nil {
				t.Fatal(err)
			}
			got := answer(ours, r)
			if got.Code != want.StatusCode {
				t.Fatalf("%d %s\nPrometheus: %d %s", got.Code, got.Body, want.StatusCode, text)
			}
			if kind := want.Header.Get("Content-Type"); kind != "application/json" {
				return // a path that it does not have
			}
			if diff := cmp.Diff(sense(t, got.Body.Bytes()), sense(t, text)); diff != "" {
				t.Errorf("-got +Prometheus\n%s", diff)
			}
		})
	}
}

// sense is what an answer says, without the words of an error and the order of
// series, which is nobody's promise.
func sense(t *testing.T, text []byte) any {
	t.Helper()
	var v struct {
		Status, ErrorType string
		Data              any
		Warnings          []string
	}
	if err := json.Unmarshal(text, &v); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	if data, ok := v.Data.(map[string]any); ok {
		if result, ok := data["result"].([]any); ok && data["resultType"] == "vector" {
			slices.SortFunc(result, func(a, b any) int { return strings.Compare(fmt.Sprint(a), fmt.Sprint(b)) })
		}
	}
	if list, ok := v.Data.([]any); ok {
		slices.SortFunc(list, func(a, b any) int { return strings.Compare(fmt.Sprint(a), fmt.Sprint(b)) })
	}
	return v
}

// startPrometheus runs it with the readings and returns its URL.
func startPrometheus(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	metrics := filepath.Join(dir, "metrics")
	if err := os.WriteFile(metrics, openMetrics(), 0o600); err != nil {
		t.Fatal(err)
	}
	command(t, "tsdb", "create-blocks-from", "openmetrics", metrics, filepath.Join(dir, "data"))
	config := filepath.Join(dir, "prometheus.yml")
	if err := os.WriteFile(config, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	daemon := exec.Command(peer(t, "prometheus"), "--config.file="+config, "--storage.tsdb.path="+filepath.Join(dir, "data"),
		"--storage.tsdb.retention.time=100y", "--web.listen-address=127.0.0.1:0", "--log.format=json", "--log.level=info")
	words, err := daemon.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := daemon.Start(); err != nil {
		t.Fatal(err)
	}
	heard := make(chan struct{})
	t.Cleanup(func() {
		_ = daemon.Process.Signal(syscall.SIGTERM)
		<-heard
		_ = daemon.Wait()
	})
	addr, ready := make(chan string, 1), make(chan struct{})
	go listen(words, addr, ready, heard)
	return "http://" + await(t, addr, ready, heard)
}

// listen reads the log for the address and for readiness.
func listen(words io.Reader, addr chan<- string, ready, heard chan<- struct{}) {
	defer close(heard)
	for lines := bufio.NewScanner(words); lines.Scan(); {
		var line struct{ Msg, Address string }
		_ = json.Unmarshal(lines.Bytes(), &line) // what is no JSON says nothing of these
		switch {
		case line.Msg == "Listening on" && line.Address != "":
			addr <- line.Address
		case strings.HasPrefix(line.Msg, "Server is ready"):
			close(ready)
		}
	}
}

func await(t *testing.T, addr <-chan string, ready, heard <-chan struct{}) string {
	t.Helper()
	select {
	case <-ready:
	case <-heard:
		t.Fatal("prometheus has ended")
	case <-time.After(30 * time.Second):
		t.Fatal("prometheus is not ready after 30 s")
	}
	select {
	case a := <-addr:
		return a
	default:
		t.Fatal("prometheus did not tell its address")
		return ""
	}
}

// openMetrics writes the readings as text, with the labels that the store gives
// them.
func openMetrics() []byte {
	families := map[string][]string{}
	for _, s := range readings() {
		ls := tsdb.Labels(s.Series)
		name := ls.Get(model.MetricNameLabel)
		rest := labels.NewBuilder(ls).Del(model.MetricNameLabel).Labels()
		families[name] = append(families[name], fmt.Sprintf("%s%s %s %s", name, strings.ReplaceAll(rest.String(), ", ", ","),
			strconv.FormatFloat(s.Value, 'g', -1, 64), strconv.FormatFloat(float64(s.Time.UnixMilli())/1000, 'f', 3, 64)))
	}
	var text strings.Builder
	for name, lines := range families {
		kind := "gauge"
		if base, ok := strings.CutSuffix(name, "_total"); ok {
			name, kind = base, "counter"
		}
		fmt.Fprintf(&text, "# TYPE %s %s\n%s\n", name, kind, strings.Join(lines, "\n"))
	}
	return []byte(text.String() + "# EOF\n")
}
