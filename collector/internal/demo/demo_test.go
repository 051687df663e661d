package demo_test

import (
	"bytes"
	"context"
	"net/http"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"thermarack/agent/wire/layout"
	"thermarack/collector/internal/demo"
)

func TestTheDemosLayoutIsGood(t *testing.T) {
	file, scenario, err := demo.Write(filepath.Join(t.TempDir(), "new"))
	if err != nil {
		t.Fatal(err)
	}
	l, err := layout.Load(file)
	if err != nil {
		t.Fatal(err)
	}
	s, ok := l.Shelf("demo/a1/s1")
	if !ok || len(s.Slots) != 108 || s.Slots[107].Node == "" || s.Slots[107].Port != 108 || len(s.Fans) != 2 || scenario == "" {
		t.Errorf("shelf = %+v", s)
	}
}

func TestIntervalBoundsWhatAPiSends(t *testing.T) {
	for _, tt := range []struct {
		speed float64
		want  time.Duration
	}{{1, 10 * time.Second}, {40, 10 * time.Second}, {60, 20 * time.Second}, {240, time.Minute}, {960, 4 * time.Minute}} {
		if got := demo.Interval(tt.speed); got != tt.want {
			t.Errorf("Interval(%v) = %v, want %v", tt.speed, got, tt.want)
		}
	}
}

func TestTheSinkPrintsWhatBeginsAndEndsOnce(t *testing.T) {
	var out bytes.Buffer
	sink, err := demo.NewSink(&out)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- sink.Run(ctx) }()
	url := regexp.MustCompile(`http://[^"]+`).FindString(string(sink.Config()))
	alert := func(status, print string) string {
		return `{"status":"` + status + `","fingerprint":"` + print + `","labels":{"alertname":"FanFailed","severity":"critical"},"annotations":{"summary":"` + print + `"}}`
	}
	for _, alerts := range []string{alert("firing", "a"), alert("firing", "a") + "," + alert("firing", "b"), alert("resolved", "a") + "," + alert("firing", "b"), "no JSON"} {
		response, err := http.Post(url, "application/json", strings.NewReader(`{"alerts":[`+alerts+`]}`))
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		if bad := alerts == "no JSON"; bad != (response.StatusCode == http.StatusBadRequest) {
			t.Errorf("status %s for %s", response.Status, alerts)
		}
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	got := regexp.MustCompile(`(?m)^\S+  `).ReplaceAllString(out.String(), "")
	want := "PAGE      critical  FanFailed: a\nPAGE      critical  FanFailed: b\nresolved  critical  FanFailed: a\n"
	if got != want {
		t.Errorf("printed\n%swant\n%s", got, want)
	}
}
