package pager_test

import (
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"thermarack/collector/internal/pager"
)

const receivers = "\nreceivers: [{name: ops}]\n"

// write puts text into a file called pager.yml and returns its path.
func write(t testing.TB, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "pager.yml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestABadConfigurationIsNamed(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		text string
		want string
	}{
		{"empty", "", "no route"},
		{"no YAML", "route: [", "line 1"},
		{"unknown key", "route:\n  reciever: ops" + receivers, "line 2: field reciever not found"},
		{"two unknown keys", "route: {receiver: ops, a: 1}\nb: 2" + receivers, "line 1: field a not found; line 2: field b not found"},
		{"undefined receiver", "route: {receiver: nobody}" + receivers, `undefined receiver "nobody"`},
		{"zero interval", "route: {receiver: ops, group_interval: 0s}" + receivers, "group_interval cannot be zero"},
		{"bad template", "route: {receiver: ops}\ntemplates: [bad.tmpl]" + receivers, "bad.tmpl:1"},
		{"missing CA", "route: {receiver: ops}\nreceivers: [{name: ops, webhook_configs: [{url: 'http://localhost/', http_config: {tls_config: {ca_file: /nonexistent/ca}}}]}]", "/nonexistent/ca"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			path := write(t, tt.text)
			if err := os.WriteFile(filepath.Join(filepath.Dir(path), "bad.tmpl"), []byte("{{ end"), 0o600); err != nil {
				t.Fatal(err)
			}
			_, newErr := pager.New(pager.Options{Config: path, Dir: t.TempDir()})
			for _, err := range []error{newErr, pager.CheckConfig(path)} {
				if err == nil {
					t.Fatal("no error")
				}
				if s := err.Error(); !strings.Contains(s, path) || !strings.Contains(s, tt.want) || strings.Contains(s, "\n") {
					t.Errorf("err = %q, want one line with %s and %q", s, path, tt.want)
				}
			}
		})
	}
}

func TestAConfigurationThatIsNotThereIsNamed(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "none.yml")
	if err := pager.CheckConfig(path); !os.IsNotExist(unwrap(err)) || !strings.Contains(err.Error(), path) {
		t.Errorf("err = %v, want that %s does not exist", err, path)
	}
	if _, err := pager.New(pager.Options{Config: path, ConfigText: []byte{}}); err == nil {
		t.Error("a path and a text together are no error")
	}
}

func unwrap(err error) error {
	if u, ok := err.(interface{ Unwrap() error }); ok {
		return u.Unwrap()
	}
	return err
}

func TestCheckConfigFindsAMissingSecret(t *testing.T) {
	t.Parallel()
	path := write(t, `route: {receiver: ops}
receivers:
  - name: ops
    pagerduty_configs:
      - routing_key_file: /nonexistent/key
`)
	err := pager.CheckConfig(path)
	want := path + ": line 5: routing_key_file: open /nonexistent/key: no such file or directory"
	if err == nil || !strings.HasSuffix(err.Error(), want) {
		t.Errorf("err = %v, want it to end in %q", err, want)
	}
}

func TestTheDefaultConfigurationPassesItsCheck(t *testing.T) {
	t.Parallel()
	if err := pager.CheckConfig(write(t, pager.Default())); err != nil {
		t.Error(err)
	}
}

// routeOf returns the lines of the root route in what the API says is running.
func routeOf(t *testing.T, o pager.Options) string {
	t.Helper()
	p, _ := start(t, o)
	var status struct {
		Config struct{ Original string }
	}
	call(t, p, httptest.NewRequest("GET", api+"/status", nil), &status)
	_, route, found := strings.Cut(status.Config.Original, "\nroute:\n")
	if !found {
		t.Fatalf("no route in %s", status.Config.Original)
	}
	route, _, _ = strings.Cut(route, "\nreceivers:")
	return route
}

func TestWhatARouteLeavesOutIsFilledWithOurDefaults(t *testing.T) {
	t.Parallel()
	want := routeOf(t, pager.Options{}) // Default spells all of them out
	got := routeOf(t, pager.Options{ConfigText: []byte("route: {receiver: nobody}\nreceivers: [{name: nobody}]")})
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("route (-want +got):\n%s", diff)
	}
	if !strings.Contains(got, "group_wait: 0s") || !strings.Contains(got, "- shelf") {
		t.Errorf("route = %s, want it grouped by shelf without a wait", got)
	}
}

func TestWhatARouteSetsIsKept(t *testing.T) {
	t.Parallel()
	got := routeOf(t, pager.Options{ConfigText: []byte(
		"route: {receiver: ops, group_by: [alertname], group_wait: 9s, group_interval: 8m, repeat_interval: 7h}" + receivers)})
	for _, want := range []string{"- alertname", "group_wait: 9s", "group_interval: 8m", "repeat_interval: 7h"} {
		if !strings.Contains(got, want) {
			t.Errorf("route = %s, want %q", got, want)
		}
	}
	if strings.Contains(got, "- shelf") {
		t.Errorf("route = %s, want no other label", got)
	}
	all := routeOf(t, pager.Options{ConfigText: []byte("route: {receiver: ops, group_by: []}" + receivers)})
	if strings.Contains(all, "- shelf") {
		t.Errorf("route = %s, want group_by: [] kept", all)
	}
}

// TestTheWordsOfAPage looks at the summary of a PagerDuty event. The alerts are
// sent before Run, so that they are one group from the start.
func TestTheWordsOfAPage(t *testing.T) {
	t.Parallel()
	quiet := firing("AgentSilent", "s3")
	quiet.Annotations = nil
	odd := firing("ClockOff", "s3")
	odd.Labels["severity"] = "odd"
	many := []pager.Alert{firing("A", "s3"), firing("B", "s3"), firing("C", "s3"), firing("D", "s3")}
	tests := []struct {
		name     string
		alerts   []pager.Alert
		summary  string
		severity string
	}{
		{"one alert is its summary", many[:1], "A on hex/a1/s3", "critical"},
		{"three alerts are their summaries", many[:3], "A on hex/a1/s3; B on hex/a1/s3; C on hex/a1/s3", "critical"},
		{"more alerts are counted", many, "4 alerts: A on hex/a1/s3; B on hex/a1/s3; C on hex/a1/s3; …", "critical"},
		{"without a summary the name stands in", []pager.Alert{quiet}, "AgentSilent", "critical"},
		{"a severity that PagerDuty does not know is an error", []pager.Alert{odd}, "ClockOff on hex/a1/s3", "error"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			ops := newSink(t)
			p := build(t, pager.Options{ConfigText: ops.pagerduty()})
			send(t, p, tt.alerts...)
			run(t, p)
			got := ops.next(t)
			if got.Payload.Summary != tt.summary || got.Payload.Severity != tt.severity {
				t.Errorf("summary, severity = %q, %q, want %q, %q", got.Payload.Summary, got.Payload.Severity, tt.summary, tt.severity)
			}
		})
	}
}

func TestAResolutionSaysSo(t *testing.T) {
	t.Parallel()
	ops := newSink(t)
	p, _ := start(t, pager.Options{ConfigText: ops.pagerduty()})
	fan := firing("FanFailed", "s3")
	send(t, p, fan)
	ops.next(t)
	send(t, p, resolved(fan))
	if got, want := ops.next(t).Payload.Summary, "Resolved: FanFailed on hex/a1/s3"; got != want {
		t.Errorf("summary = %q, want %q", got, want)
	}
}

func TestTheUsersTemplatesAndSecretFilesAreUsed(t *testing.T) {
	t.Parallel()
	ops := newSink(t)
	path := write(t, "")
	key, tmpl := filepath.Join(filepath.Dir(path), "key"), filepath.Join(filepath.Dir(path), "mine.tmpl")
	text := fmt.Sprintf("route: {receiver: ops}\ntemplates: ['*.tmpl']\nreceivers: [{name: ops, pagerduty_configs: [{routing_key_file: %q, severity: info, url: %q}]}]", key, ops.URL)
	for name, text := range map[string]string{
		path: text,
		key:  "key2\n",
		tmpl: `{{ define "pagerduty.default.description" }}mine{{ end }}`,
	} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := pager.CheckConfig(path); err != nil {
		t.Error(err)
	}
	p, _ := start(t, pager.Options{Config: path})
	send(t, p, firing("FanFailed", "s3"))
	got := ops.next(t)
	if got.RoutingKey != "key2" || got.Payload.Summary != "mine" || got.Payload.Severity != "info" {
		t.Errorf("event = %+v, want key2, mine, info", got)
	}
}

func TestInhibitionHoldsBackWhatACauseExplains(t *testing.T) {
	t.Parallel()
	ops := newSink(t)
	text := string(ops.webhook()) + `
inhibit_rules:
  - source_matchers: [alertname = ShelfSilent]
    target_matchers: [alertname = AgentSilent]
    equal: [site, rack, shelf]`
	p := build(t, pager.Options{ConfigText: []byte(text)})
	send(t, p, firing("ShelfSilent", "s3"), firing("AgentSilent", "s3"), firing("AgentSilent", "s4"))
	run(t, p)
	names := map[string]bool{}
	for range 2 {
		for _, a := range ops.next(t).Alerts {
			names[a.Labels["alertname"]+" "+a.Labels["shelf"]] = true
		}
	}
	if diff := cmp.Diff(map[string]bool{"ShelfSilent s3": true, "AgentSilent s4": true}, names); diff != "" {
		t.Errorf("paged (-want +got):\n%s", diff)
	}
}

func FuzzCheckConfig(f *testing.F) {
	f.Add(pager.Default())
	f.Add("route: {receiver: ops}" + receivers)
	f.Add("route: {receiver: ops, routes: [{matchers: ['a=b']}]}" + receivers + "time_intervals: [{name: n}]")
	f.Add("receivers: [{name: ops, webhook_configs: [{url_file: x}], pagerduty_configs: [null]}]\nroute: {receiver: ops}")
	f.Add("a: &a [*a]\nb: {<<: *a}")
	f.Add("")
	f.Fuzz(func(t *testing.T, text string) {
		path := write(t, text)
		if err := pager.CheckConfig(path); err != nil && !strings.Contains(err.Error(), path) {
			t.Errorf("err = %v, want it to name %s", err, path)
		}
	})
}
