package main_test

import (
	"strings"
	"testing"
	"time"
)

// The demo's whole story, at four times its usual pace: both fans die, it pages,
// they come back.
func TestTheDemoTellsItsStory(t *testing.T) {
	needs(t)
	c := startCollector(t, "demo", "--mqtt", "127.0.0.1:0", "--speed", "960")
	type shelf struct {
		ID     string
		State  string
		DeltaT *float64 `json:"delta_t"`
	}
	look := func() shelf {
		var answer struct{ Shelves []shelf }
		c.decode(t, "/api/v1/shelves", &answer)
		if len(answer.Shelves) != 1 {
			t.Fatalf("shelves = %+v", answer.Shelves)
		}
		return answer.Shelves[0]
	}
	until(t, 15*time.Second, "108 Pis and both aisles are on the map", func() bool {
		var m struct{ Cells []struct{ Source string } }
		c.decode(t, "/api/v1/shelves/demo/a1/s1/heatmap.json?layer=soc", &m)
		measured := 0
		for _, cell := range m.Cells {
			if cell.Source == "measured" {
				measured++
			}
		}
		return measured == 108 && look().DeltaT != nil
	})
	if s := look(); s.ID != "demo/a1/s1" || s.State != "ok" || s.DeltaT == nil || *s.DeltaT < 4 || *s.DeltaT > 6 {
		t.Errorf("at first %+v, want ok and about 5 K", s)
	}
	for _, event := range []string{"FanDegraded", "FanFailed", "HotTemperature"} {
		until(t, 40*time.Second, "a page of "+event, func() bool { return strings.Contains(c.more.String(), event) })
		if event == "FanFailed" {
			until(t, 5*time.Second, "the shelf is critical", func() bool { return look().State == "critical" })
		}
	}
	var sent struct{ Pages []struct{ Alerts []string } }
	c.decode(t, "/api/v1/pages", &sent)
	if len(sent.Pages) == 0 {
		t.Error("the page shows no pages")
	}
	for _, page := range sent.Pages {
		if len(page.Alerts) > 5 { // two of the shelf, or its four hot probes and one that ends
			t.Errorf("a page of %d alerts: %q", len(page.Alerts), page.Alerts)
		}
	}
	until(t, 40*time.Second, "the fans' recovery is told", func() bool {
		return strings.Contains(c.more.String(), "resolved  critical  FanFailed")
	})
}
