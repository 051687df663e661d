package web_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"thermarack/collector/internal/watch"
)

// TestScreenshots writes pictures of the page to the directory that
// THERMARACK_SCREENSHOTS names, to be looked at by a person.
func TestScreenshots(t *testing.T) {
	dir := os.Getenv("THERMARACK_SCREENSHOTS")
	if dir == "" {
		t.Skip("set THERMARACK_SCREENSHOTS=DIR to get pictures of the page")
	}
	chromium := openChromium(t)
	for _, shot := range []struct {
		name, address string
		width, height int64
		dark, trouble bool
		ready         string // more than the map
	}{
		{"light", "/", 1440, 1000, false, false, `document.querySelector("#chart canvas")`},
		{"dark", "/?layer=soc", 1440, 1000, true, false, `document.querySelector("#chart canvas")`},
		{"trouble-light", "/", 1440, 1000, false, true, `document.querySelector("#chart canvas")`},
		{"trouble-dark", "/", 1440, 1000, true, true, `document.querySelector("#chart canvas")`},
		{"phone-light", "/", 390, 844, false, false, `document.querySelector("#chart canvas")`},
		{"phone-dark", "/?layer=soc&of=slot/17", 390, 844, true, true, `document.querySelector("#chart canvas")`},
		{"wall-dark", "/?kiosk", 2560, 1440, true, true, "true"},
		{"wall-light", "/?kiosk", 2560, 1440, false, false, "true"},
		{"player-light", tenMinutes, 1440, 1000, false, false, `document.querySelector("#player .mark")`},
		{"player-phone", tenMinutes, 390, 844, true, false, `document.querySelector("#player .mark")`},
		{"past-light", "/?shelf=hex/a1/s3&at=2026-03-04T09:30:00Z", 1440, 1000, false, false, `!document.querySelector("#past").hidden`},
	} {
		t.Run(shot.name, func(t *testing.T) {
			w := bigWorld(t)
			w.playable(t)
			b := openTab(t, chromium)
			r := w.run(t)
			b.openIn(r.url+shot.address, shot.dark, shot.width, shot.height)
			b.untilMap()
			b.untilText("#link", "live")
			if shot.trouble {
				makeTrouble(w)
				b.untilText("#alerts", "Fan failed")
			}
			b.until(shot.ready)
			b.takeAway(dir, shot.name)
		})
	}
	t.Run("places", func(t *testing.T) {
		w := bigWorld(t)
		severalShelves(t, w)
		b := openTab(t, chromium)
		r := w.run(t)
		for i, address := range []string{"/", "/?site=oct&rack=b2"} {
			b.openIn(r.url+address, i == 0, 1440, 1000)
			b.untilText("#places", "5.2 K")
			b.takeAway(dir, fmt.Sprintf("places-%d", i+1))
		}
	})
	t.Run("site", func(t *testing.T) {
		for i, width := range []int64{1440, 1440, 390} {
			w := largeWorld(t)
			hot, _ := w.racks.layout.Shelf("hex/r9/s4")
			w.racks.states[hot.ID()] = shelfState(hot, noon, 30)
			w.alerts.set(watch.Active{ID: "1", Alert: "SocTemperature", Severity: "critical", Site: "hex", Rack: "r9", Shelf: "s4", Slot: 40, State: "firing", Since: noon})
			b := openTab(t, chromium)
			b.openIn(w.run(t).url+"/?site=hex&layer=soc", i == 1, width, 900)
			b.until(`performance.getEntriesByName("site").length > 0`)
			if i == 1 {
				b.js(`document.querySelector('tr-site .site-links a[href^="/?shelf=hex/r9/s4"]').focus()`)
				b.press("+", "+", "+", "+", "+", "+", "0", "+", "+", "+", "+")
			}
			b.takeAway(dir, fmt.Sprintf("site-%d", i+1))
		}
	})
	t.Run("fleet", func(t *testing.T) {
		w := bigWorld(t)
		b := openTab(t, chromium)
		b.openIn(w.run(t).url+"/?view=fleet", true, 1440, 1000)
		b.untilText("#fleet", "b827eb000001")
		b.takeAway(dir, "fleet")
	})
}

// openIn opens an address in a theme.
func (b *browser) openIn(url string, dark bool, width, height int64) {
	b.tb.Helper()
	theme := map[bool]string{false: "light", true: "dark"}[dark]
	b.at(url, width, height)
	b.js(fmt.Sprintf(`localStorage.setItem("theme", %q)`, theme))
	b.at(url, width, height)
}

// takeAway keeps a picture of the window, and one of the whole page.
func (b *browser) takeAway(dir, name string) {
	b.tb.Helper()
	b.do(chromedp.Sleep(1500 * time.Millisecond)) // for transitions to end
	for suffix, take := range map[string]chromedp.Action[[]byte]{".png": chromedp.CaptureScreenshot(), "-whole.png": chromedp.FullScreenshot(100)} {
		picture, err := chromedp.Run(b, take)
		if err != nil {
			b.tb.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name+suffix), picture, 0o644); err != nil {
			b.tb.Fatal(err)
		}
	}
	b.quiet()
}
