package main_test

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
)

// A described metric is one row of docs/metrics.md, or what a scrape says.
type described struct {
	kind   string // "" for a row about all names of a pattern
	labels string // sorted, separated by blanks
}

// causes are the labels whose every value the documentation names.
var causes = []string{"reason", "cause", "severity", "state", "result"}

// checkCauses tells of values of such labels that are not in docs/metrics.md.
func checkCauses(t *testing.T, text []byte) {
	t.Helper()
	docs, err := os.ReadFile("../docs/metrics.md")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if !strings.HasPrefix(line, "thermarack_") {
			continue
		}
		for _, cause := range causes {
			_, rest, _ := strings.Cut(line, cause+`="`)
			value, _, found := strings.Cut(rest, `"`)
			if found && !bytes.Contains(docs, []byte("`"+value+"`")) {
				t.Errorf("docs/metrics.md does not name %s %q of %s", cause, value, line)
			}
		}
	}
}

// rowText takes a row of a table apart: names, type, labels, meaning.
var rowText = regexp.MustCompile("^\\| (`[a-z_*]+`(?:, `[a-z_*]+`)*) \\| ([a-z]*) ?\\| ((?:`[a-z]+` ?)*) ?\\| (.+) \\|$")

// documented reads docs/metrics.md. Names may end in *.
func documented(t *testing.T) map[string]described {
	t.Helper()
	text, err := os.ReadFile("../docs/metrics.md")
	if err != nil {
		t.Fatal(err)
	}
	rows := map[string]described{}
	for line := range strings.Lines(string(text)) {
		cells := rowText.FindStringSubmatch(strings.TrimSpace(line))
		if cells == nil {
			continue
		}
		labels := strings.Fields(strings.ReplaceAll(cells[3], "`", ""))
		slices.Sort(labels)
		for name := range strings.SplitSeq(strings.ReplaceAll(cells[1], "`", ""), ", ") {
			rows[name] = described{cells[2], strings.Join(labels, " ")}
		}
	}
	return rows
}

// scraped reads an answer of /metrics.
func scraped(t *testing.T, text []byte) map[string]described {
	t.Helper()
	parser := expfmt.NewTextParser(model.LegacyValidation)
	families, err := parser.TextToMetricFamilies(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]described{}
	for name, family := range families {
		labels := map[string]bool{}
		for _, m := range family.GetMetric() {
			for _, l := range m.GetLabel() {
				labels[l.GetName()] = true
			}
		}
		kind := strings.ToLower(dto.MetricType_name[int32(family.GetType())])
		all[name] = described{kind, strings.Join(slices.Sorted(maps.Keys(labels)), " ")}
	}
	return all
}

// checkClean holds a scrape against the rules of `promtool check metrics`, and
// against that program where there is one.
func checkClean(t *testing.T, text []byte) {
	t.Helper()
	problems, err := promlint.New(bytes.NewReader(text)).Lint()
	if err != nil {
		t.Error(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
	promtool := findPromtool(t)
	if promtool == "" {
		return
	}
	command := exec.Command(promtool, "check", "metrics")
	command.Stdin = bytes.NewReader(text)
	if out, err := command.CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("promtool check metrics: %v\n%s", err, out)
	}
}

// findPromtool returns Prometheus' own program, "" when it is nowhere: the rules
// that it applies are promlint's.
func findPromtool(t *testing.T) string {
	t.Helper()
	if path, err := exec.LookPath("promtool"); err == nil {
		return path
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(cache, "thermarack", "peers", "bin", "promtool")
	if _, err := os.Stat(path); err != nil {
		return ""
	}
	return path
}

// scrapes runs a collector in each of its ways to be set up and returns what they
// count together.
func scrapes(t *testing.T) map[string]described {
	dir := t.TempDir()
	tee := filepath.Join(dir, "tee.yaml")
	write(t, tee, fmt.Sprintf("store: tee\ninflux: {url: \"http://127.0.0.1:%d\"}\n", freePort(t)))
	pager := startPagerDuty(t).config(t)
	layout := filepath.Join(dir, "layout.yaml")
	write(t, layout, oneShelf+"switches: {sw: {mac: 0011223344ff, host: \"127.0.0.1:9\"}}\n")
	all := map[string]described{}
	for _, args := range [][]string{
		{"--mqtt", "127.0.0.1:0", "--pager", pager, "--layout", layout},
		{"--mqtt", "127.0.0.1:0", "--config", tee},
		{"--broker", fmt.Sprintf("tcp://127.0.0.1:%d", freePort(t))},
	} {
		c := startCollector(t, "serve", args...)
		c.get(t, "/healthz") // a request to count
		text := c.get(t, "/metrics")
		checkClean(t, text)
		checkCauses(t, text)
		maps.Copy(all, scraped(t, text))
		c.stop()
	}
	return all
}

func TestTheDocumentedMetricsAreThoseThatThereAre(t *testing.T) {
	needs(t)
	rows, found := documented(t), scrapes(t)
	for name, row := range rows {
		if strings.HasSuffix(name, "*") {
			continue
		}
		got, ok := found[name]
		if !ok {
			t.Errorf("docs/metrics.md has %s, which no collector counts", name)
			continue
		}
		if diff := cmp.Diff(got, row, cmp.AllowUnexported(described{})); diff != "" {
			t.Errorf("%s -counted +documented\n%s", name, diff)
		}
	}
	for name := range found {
		if _, ok := rows[name]; ok {
			continue
		}
		covered := false
		for pattern := range rows {
			ok, err := path.Match(pattern, name)
			covered = covered || ok && err == nil && strings.HasSuffix(pattern, "*")
		}
		if !covered {
			t.Errorf("%s is not in docs/metrics.md", name)
		}
	}
	t.Logf("%d metrics, %d rows", len(found), len(rows))
}
