package web_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"thermarack/collector/internal/rack"
)

// TestTheWaysOfThePage goes through the page as people do: down from the sites,
// by links that others sent, by keys, and by the clock on the wall.
func TestTheWaysOfThePage(t *testing.T) {
	chromium := openChromium(t)
	for _, tt := range []struct {
		name string
		test func(*testing.T, *world, *browser)
	}{
		{"from sites over racks to a shelf, and back", goesDownAndBack},
		{"to a moment, a layer and a slot by a link", opensLink},
		{"by links from before there were parameters", opensOldLink},
		{"over the cells by keys alone", walksByKeys},
		{"says that there is no such shelf", saysNoShelf},
		{"goes round on the wall, and stays with what is wrong", goesRound},
		{"paints first, asks then", paintsFirst},
	} {
		t.Run(tt.name, func(t *testing.T) { tt.test(t, bigWorld(t), openTab(t, chromium)) })
	}
}

// severalShelves has two sites, and the small shelf of the other tests in one.
func severalShelves(t *testing.T, w *world) {
	t.Helper()
	text := strings.Replace(small, "{s3: {", "{s1: {columns: 2, depth: 2}, s3: {", 1)
	text = strings.Replace(text, "sites: {", "sites: {oct: {racks: {b1: {shelves: {s1: {columns: 3, depth: 2}}}, b2: {shelves: {s1: {columns: 3, depth: 2}, s2: {columns: 3, depth: 2}}}}}, ", 1)
	w.racks.layout = parse(t, text)
	w.racks.states = newRacks(w.racks.layout).states
	for _, sensor := range []string{"c1", "a1", "a2"} {
		w.series["urn:dev:ow:28"+sensor+"000000000000:temperature"] = daily(25, 1, 0)
	}
}

func goesDownAndBack(t *testing.T, w *world, b *browser) {
	severalShelves(t, w)
	r := w.run(t)
	b.at(r.url+"/", 1440, 900)
	b.untilText("#places", "oct")
	b.until(`document.querySelectorAll("#places .site").length === 2 && document.querySelectorAll("#places .rack").length === 3`)
	b.untilText("#places", "5.2 K")
	b.until(`document.querySelector("#stage").hidden && document.querySelector("#history-card").hidden`)

	b.do(chromedp.Click(chromedp.CSS(`#places a[href="/?site=oct&rack=b2"]`)))
	b.until(`document.querySelector("#places tr-site")?.ariaLabel === "Map of rack oct/b2, 2 shelves"`)
	b.do(chromedp.Click(chromedp.CSS(`#places a[href="/?shelf=oct/b2/s2"]`)))
	b.until(`document.querySelectorAll("#map svg [data-slot]").length === 6`)
	b.untilText("#crumbs", "oct b2 s2")
	b.until(`document.querySelector("#places").hidden`)

	b.do(chromedp.Click(chromedp.CSS(`#crumbs a[href="/?site=oct"]`)))
	b.until(`document.querySelectorAll("#places .rack").length === 2`)
	b.js("history.back()")
	b.until(`location.search === "?shelf=oct/b2/s2" && document.querySelectorAll("#map svg [data-slot]").length === 6`)
	b.js("history.go(-2)")
	b.until(`location.search === "" && document.querySelectorAll("#places .rack").length === 3`)

	// A value that changes does not take the focus from a link.
	b.js(`document.querySelector('#places a[href="/?shelf=oct/b1/s1"]').focus()`)
	s := w.racks.states["oct/b1/s1"]
	s.Figures.DeltaT = rack.Figure{V: 9.9}
	w.racks.set(s)
	b.untilText("#places", "9.9 K")
	b.until(`document.activeElement.getAttribute("href") === "/?shelf=oct/b1/s1"`)
	b.quiet()
}

func opensLink(t *testing.T, w *world, b *browser) {
	r := w.run(t)
	b.at(r.url+"/?shelf=hex/a1/s3&at=2026-03-04T09:30:00Z&layer=soc&of=slot/17", 1440, 900)
	b.untilMap()
	b.untilText("#past", "2 h")
	b.until(`document.querySelector('#layers input[value="soc"]').checked`)
	b.untilText("#history-title", "slot 17")
	b.until(`document.querySelector("#chart").ariaLabel.includes("Processor")`)
	b.until(`document.querySelector("#chart").ariaLabel.includes("Power")`)
	asked := func(what string) string {
		return `performance.getEntriesByType("resource").some((e) => e.name.includes("` + what + `"))`
	}
	b.until(asked("heatmap.svg?layer=soc&palette=cividis&at=1772616600"))
	b.until(asked("/api/v1/shelves/hex/a1/s3?at=1772616600"))

	// A change of now does not show in the past; back to now it does.
	w.racks.set(shelfState(&w.racks.layout.Shelves[0], noon, 6))
	b.do(chromedp.Click(chromedp.CSS("#to-now")))
	b.until(`location.search === "?shelf=hex/a1/s3&of=slot/17&layer=soc"`)
	b.untilText(".delta-value", "11.2")
	b.until(`document.querySelector("#past").hidden`)
	b.js("history.back()")
	b.untilText("#past", "2 h ago")
	b.quiet()
}

func opensOldLink(t *testing.T, w *world, b *browser) {
	severalShelves(t, w)
	r := w.run(t)
	b.do(chromedp.Navigate(r.url + "/#hex/a1/s3"))
	b.until(`document.querySelectorAll("#map svg [data-slot]").length === 12`)
	b.untilText("#crumbs", "s3")
	b.quiet()
}

func walksByKeys(t *testing.T, w *world, b *browser) {
	r := w.run(t)
	b.at(r.url+"/", 1440, 900)
	b.untilMap()
	b.untilText(".delta-value", "5.2")
	// By Tab from the top of the page, as somebody without a mouse comes.
	for range 40 {
		if b.text("document.activeElement.id") == "map" {
			break
		}
		b.press(kb.Tab)
	}
	b.untilContent("#map [aria-live]", "Slot 1,")
	b.until(`getComputedStyle(document.activeElement).outlineStyle !== "none"`)
	for _, step := range []struct{ key, want string }{
		{kb.ArrowRight, "Slot 2,"}, {kb.ArrowUp, "Slot 14,"}, {kb.ArrowLeft, "Slot 13,"}, {kb.ArrowLeft, "Slot 13,"},
		{kb.End, "Slot 24,"}, {kb.ArrowRight, "Slot 24,"}, {kb.ArrowDown, "Slot 12,"}, {kb.ArrowDown, "Slot 12,"}, {kb.Home, "Slot 1,"},
		{"f", "Fan left"}, {"f", "Fan right"}, {"p", "Probe c1"}, {kb.ArrowUp, "Slot 13,"},
	} {
		b.press(step.key)
		b.untilContent("#map [aria-live]", step.want)
		b.until(`!document.querySelector("#map .tip").hidden`)
	}
	b.press(kb.Enter)
	b.until(`location.search === "?shelf=hex/a1/s3&of=slot/13"`)
	b.untilText("#history-title", "slot 13")
	b.press("p", kb.Enter)
	b.untilText("#history-title", "probe c1")
	b.until(`document.querySelector("#chart").ariaLabel.includes("c1: last")`)
	b.press("f", kb.Enter)
	b.until(`document.querySelector("#chart").ariaLabel.includes("left: last 4")`)
	b.press(kb.Escape)
	b.until(`document.querySelector("#map .tip").hidden`)
	b.quiet()
}

func saysNoShelf(t *testing.T, w *world, b *browser) {
	r := w.run(t)
	b.do(chromedp.Navigate(r.url + "/?shelf=hex/a1/s9"))
	b.untilText("#map", `no shelf "hex/a1/s9" in the layout`)
	b.do(chromedp.Click(chromedp.CSS(".brand a")))
	b.untilMap()
}

func goesRound(t *testing.T, w *world, b *browser) {
	severalShelves(t, w)
	r := w.run(t)
	b.at(r.url+"/?kiosk=3", 1920, 1080)
	b.until(`document.querySelector("#map svg")`)
	b.until(`getComputedStyle(document.querySelector("#theme")).display === "none" && getComputedStyle(document.body).cursor === "none"`)
	b.until(`document.documentElement.scrollHeight <= innerHeight && document.querySelector(".delta-value").clientHeight > 150`)
	b.js(`window.seen = new Set(); new MutationObserver(() => seen.add(document.querySelector("#shelf-name").textContent)).observe(document.querySelector("#shelf-name"), {childList: true})`)
	b.until("seen.size >= 2")
	w.alerts.set(fanFailed) // at hex/a1/s3
	b.untilText("#alerts", "Fan failed")
	b.until(`document.querySelector("#shelf-name").textContent === "hex/a1/s3"`)

	b.at(r.url+"/?kiosk&shelf=oct/b1/s1", 1920, 1080)
	b.until(`document.querySelectorAll("#map svg [data-slot]").length === 6 && document.querySelector("#progress").hidden`)
	b.quiet()
}

// paintsFirst reports when the page was painted and when the map was there. What
// the machine does besides is not ours to judge.
func paintsFirst(t *testing.T, w *world, b *browser) {
	r := w.run(t)
	b.at(r.url+"/", 1440, 900)
	b.untilMap()
	t.Log(b.text(`(() => {
		const paint = performance.getEntriesByName("first-contentful-paint")[0];
		const map = performance.getEntriesByType("resource").find((e) => e.name.includes("heatmap.svg"));
		return "first paint after " + Math.round(paint.startTime) + " ms, the map was there after " + Math.round(map.responseEnd) + " ms";
	})()`))
	b.until(`performance.getEntriesByName("first-contentful-paint")[0].startTime > 0`)
	b.until(`performance.getEntriesByType("resource").every((e) => !e.name.includes("uPlot.esm.js") || e.startTime > performance.getEntriesByName("first-contentful-paint")[0].startTime)`)
}

// TestAChangeComesToThePixels reports how long a change takes from the shelf's
// state to a painted frame, many times. The machine may be busy, so that only the
// change itself is judged.
func TestAChangeComesToThePixels(t *testing.T) {
	w := bigWorld(t)
	b := openTab(t, openChromium(t))
	r := w.run(t)
	b.at(r.url+"/", 1440, 1000)
	b.untilMap()
	b.untilText("#link", "live")
	b.js(`window.painted = []; new MutationObserver(() => requestAnimationFrame(() => setTimeout(() => painted.push(Date.now())))).observe(document.querySelector("#map .picture"), {childList: true})`)
	colour := func() string {
		return b.text(`document.querySelector("#map svg > path, #map svg path[fill-rule]").outerHTML + document.querySelector("#map [data-probe] text")?.textContent`)
	}
	var took []time.Duration
	for i := range 10 {
		old := colour()
		painted := b.text("String(painted.length)")
		begin := time.Now()
		w.racks.set(shelfState(&w.racks.layout.Shelves[0], noon.Add(time.Duration(i)*time.Second), float64(i%2)*6+1))
		b.until("painted.length > " + painted)
		var at int64
		if _, err := fmt.Sscan(b.text("String(painted.at(-1))"), &at); err != nil {
			t.Fatal(err)
		}
		took = append(took, time.UnixMilli(at).Sub(begin))
		if colour() == old {
			t.Fatalf("change %d was painted as before", i)
		}
		b.until("Date.now() - painted.at(-1) > 450") // the page's own pause between two
	}
	slices.Sort(took)
	t.Logf("from a shelf's change to its pixels: median %v, longest of %d %v", took[len(took)/2].Round(time.Millisecond), len(took), took[len(took)-1].Round(time.Millisecond))
}
