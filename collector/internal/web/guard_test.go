package web_test

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestOnlyOurOwnNamesAreAnswered(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.opt.Hosts = []string{"racks.example.org", "wall:8443"}
	h := w.server(t).Handler()
	tests := []struct {
		host string
		ok   bool
	}{
		{"localhost", true}, {"LOCALHOST:8080", true}, {"demo.localhost:1", true}, {"localhost.", true},
		{"127.0.0.1:8080", true}, {"127.8.9.1", true}, {"[::1]:8080", true}, {"[::1]", true}, {"[::ffff:127.0.0.1]:80", true},
		{"racks.example.org", true}, {"Racks.Example.org:8080", true}, {"wall:8443", true}, {"wall", false},
		{"192.0.2.7:8080", true}, // the address that the connection came to
		{"192.0.2.8:8080", false}, {"evil.example", false}, {"localhost.evil.example", false}, {"127.0.0.1.evil.example:8080", false}, {"", false},
	}
	for _, tt := range tests {
		r := httptest.NewRequest("GET", "/healthz", nil)
		r.Host = tt.host
		r = r.WithContext(context.WithValue(r.Context(), http.LocalAddrContextKey, &net.TCPAddr{IP: net.IPv4(192, 0, 2, 7), Port: 8080}))
		want := http.StatusMisdirectedRequest
		if tt.ok {
			want = http.StatusOK
		}
		if got := ask(h, r); got.Code != want {
			t.Errorf("Host %q: %d, want %d", tt.host, got.Code, want)
		}
	}
}

func TestAForeignPageChangesNothing(t *testing.T) {
	t.Parallel()
	h := newWorld(t).server(t).Handler()
	const silences = "/alertmanager/api/v2/silences"
	tests := []struct {
		name, method, origin, kind, body string
		want                             int
	}{
		{"amtool makes a silence", "POST", "", "application/json", "{}", 200},
		{"our own page", "POST", "http://localhost:8080", "application/json; charset=utf-8", "{}", 200},
		{"amtool ends a silence", "DELETE", "", "", "", 200},
		{"a form of another page", "POST", "http://evil.example", "application/x-www-form-urlencoded", "a=b", 403},
		{"another origin with JSON", "POST", "http://evil.example", "application/json", "{}", 403},
		{"another port is another origin", "POST", "http://localhost:9999", "application/json", "{}", 403},
		{"no origin known", "POST", "null", "application/json", "{}", 403},
		{"a form without origin", "POST", "", "text/plain", "{}", 415},
		{"no content type", "POST", "", "", "{}", 415},
		{"DELETE with a body needs one", "DELETE", "", "", "{}", 415},
		{"DELETE from another origin", "DELETE", "http://evil.example", "", "", 403},
		{"too large", "POST", "", "application/json", strings.Repeat(" ", 64<<10+1), 413},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := httptest.NewRequest(tt.method, silences, strings.NewReader(tt.body))
			r.Header.Set("Content-Type", tt.kind)
			if tt.origin != "" {
				r.Header.Set("Origin", tt.origin)
			}
			if got := ask(h, r); got.Code != tt.want {
				t.Errorf("%d %s, want %d", got.Code, got.Body, tt.want)
			}
		})
	}
}

// A query may be longer than a URL, so Prometheus' clients send it as a form by
// POST. It changes nothing: that a browser sends forms anywhere without asking is
// no danger here, as it neither gets past the check of Origin nor lets the page
// read what comes back. All other unsafe requests, forms with a side effect, stay
// refused.
func TestAQuestionOfPromQLMayBeAForm(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	h := w.server(t).Handler()
	const form = "application/x-www-form-urlencoded"
	tests := []struct {
		name, path, origin, kind string
		want                     int
		says                     string
	}{
		{"Grafana and promtool ask", "/prometheus/api/v1/query", "", form, 200, "POST /api/v1/query up"},
		{"with a character set", "/prometheus/api/v1/query_range", "", form + "; charset=utf-8", 200, "POST /api/v1/query_range up"},
		{"for series", "/prometheus/api/v1/series", "", form, 200, "POST /api/v1/series up"},
		{"for labels", "/prometheus/api/v1/labels", "", form, 200, "POST /api/v1/labels up"},
		{"our own page", "/prometheus/api/v1/query", "http://localhost:8080", form, 200, "POST /api/v1/query up"},
		{"a foreign page", "/prometheus/api/v1/query", "http://evil.example", form, 403, "origin"},
		{"a page without an origin", "/prometheus/api/v1/query", "null", form, 403, "origin"},
		{"another kind of form", "/prometheus/api/v1/query", "", "multipart/form-data; boundary=x", 415, "Content-Type"},
		{"plain text", "/prometheus/api/v1/query", "", "text/plain", 415, "Content-Type"},
		{"no kind", "/prometheus/api/v1/query", "", "", 415, "Content-Type"},
		{"what else is there", "/prometheus/api/v1/metadata", "", form, 415, "Content-Type"},
		{"what Prometheus can delete", "/prometheus/api/v1/admin/tsdb/delete_series", "", form, 415, "Content-Type"},
		{"the same words elsewhere", "/api/v1/query", "", form, 415, "Content-Type"},
		{"a silence", "/alertmanager/api/v2/silences", "", form, 415, "Content-Type"},
		{"a backup", "/api/v1/backup", "", form, 415, "Content-Type"},
	}
	for _, tt := range tests {
		r := httptest.NewRequest("POST", tt.path, strings.NewReader("query=up"))
		if r.Header.Set("Content-Type", tt.kind); tt.origin != "" {
			r.Header.Set("Origin", tt.origin)
		}
		if got := ask(h, r); got.Code != tt.want || !strings.Contains(got.Body.String(), tt.says) {
			t.Errorf("%s: %d %s, want %d and %q", tt.name, got.Code, got.Body, tt.want, tt.says)
		}
	}
	r := httptest.NewRequest("DELETE", "/prometheus/api/v1/query", strings.NewReader("query=up"))
	r.Header.Set("Content-Type", form)
	if got := ask(h, r); got.Code != 415 {
		t.Errorf("another method: %d", got.Code)
	}
}

func TestWithoutTheEmbeddedStoreThereIsNoPromQL(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.opt.Prometheus = nil
	if got := w.get(t, "/prometheus/api/v1/query?query=1"); got.Code != 501 || !strings.Contains(got.Body.String(), "store") {
		t.Errorf("%d %s", got.Code, got.Body)
	}
}

func TestEveryAnswerForbidsWhatItDoesNotNeed(t *testing.T) {
	t.Parallel()
	h := newWorld(t).server(t).Handler()
	tests := []struct{ path, policy string }{
		{"/", "script-src 'self'; style-src 'self'"},
		{shelfAt + "/heatmap.svg", "default-src 'none'; style-src 'none'; sandbox"},
		{"/assets/icon.svg", "default-src 'none'; style-src 'none'; sandbox"},
		{"/api/v1/shelves", "default-src 'none'"},
		{"/nowhere", "default-src 'none'"},
		{"/metrics", "default-src 'none'"},
	}
	for _, tt := range tests {
		header := ask(h, httptest.NewRequest("GET", tt.path, nil)).Header()
		policy := header.Get("Content-Security-Policy")
		if !strings.Contains(policy, tt.policy) || strings.Contains(policy, "unsafe") || !strings.Contains(policy, "frame-ancestors 'none'") {
			t.Errorf("%s: policy %q", tt.path, policy)
		}
		if header.Get("X-Content-Type-Options") != "nosniff" || header.Get("Referrer-Policy") != "no-referrer" {
			t.Errorf("%s: headers %v", tt.path, header)
		}
	}
}
