package web_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/chromedp/chromedp"
)

// axe returns the source of axe-core, which .ci/page-deps fetches. Without it
// the test is skipped, but fails where THERMARACK_SERVERS=1 says that all
// helpers are installed.
func axe(t *testing.T) string {
	t.Helper()
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	source, err := os.ReadFile(filepath.Join(cache, "thermarack", "page", "node_modules", "axe-core", "axe.min.js"))
	if err != nil && os.Getenv("THERMARACK_SERVERS") == "1" {
		t.Fatalf("THERMARACK_SERVERS=1, but there is no axe-core: run .ci/page-deps: %v", err)
	}
	if err != nil {
		t.Skipf("no axe-core in the cache: run .ci/page-deps to test what readers of all kinds get: %v", err)
	}
	return string(source)
}

func TestThePageHasNoBarriers(t *testing.T) {
	source := axe(t)
	chromium := openChromium(t)
	for _, tt := range []struct {
		name, address string
		width         int64
		dark          bool
		ready         string
	}{
		{"a shelf in the light", "/", 1440, false, `document.querySelector("#chart canvas")`},
		{"a shelf in the dark", "/", 1440, true, `document.querySelector("#chart canvas")`},
		{"a shelf on a phone", "/?of=slot/17&layer=soc", 390, false, `document.querySelector("#chart canvas")`},
		{"the past of a shelf", "/?shelf=hex/a1/s3&at=2026-03-04T09:30:00Z", 1440, true, `!document.querySelector("#past").hidden`},
		{"the places", "/?site=hex", 1440, true, `document.querySelectorAll("tr-site .site-links a").length > 0`},
		{"a rack in the light", "/?site=hex&rack=a1", 1440, false, `document.querySelectorAll("tr-site .site-links a").length > 0`},
		{"the fleet", "/?view=fleet", 1440, false, `document.querySelector("#fleet tbody th")`},
		{"the fleet in the dark", "/?view=fleet", 390, true, `document.querySelector("#fleet tbody th")`},
		{"the player", tenMinutes, 1440, false, `document.querySelector("#player .mark")`},
		{"the player, before beside during", tenMinutes + "&before=2026-03-04T11:51:00Z", 1440, true, `document.querySelector("#before [data-slot]")`},
		{"the wall", "/?kiosk", 1920, true, `document.querySelector("#map svg")`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := bigWorld(t)
			w.playable(t)
			w.alerts.set(fanFailed)
			w.pages.set(page)
			b := openTab(t, chromium)
			r := w.run(t)
			b.openIn(r.url+tt.address, tt.dark, tt.width, 900)
			b.until(tt.ready)
			b.untilText("#link", "live")
			b.js(`for (const d of document.querySelectorAll("details")) d.open = true`)
			b.do(chromedp.Evaluate[chromedp.Void](source))
			type result struct {
				Passes     int
				Violations []string
			}
			got, err := chromedp.Run(b, chromedp.Evaluate[result](`axe.run(document).then((r) => ({
				Passes: r.passes.length,
				Violations: r.violations.flatMap((v) => v.nodes.map((n) => v.id + ": " + n.target.join(" ") + ": " + n.failureSummary)),
			}))`, chromedp.EvalAwaitPromise))
			if err != nil {
				t.Fatal(err)
			}
			if got.Passes < 15 {
				t.Errorf("only %d rules had something to look at", got.Passes)
			}
			for _, violation := range got.Violations {
				t.Error(violation)
			}
		})
	}
}
