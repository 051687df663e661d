package web_test

import (
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"thermarack/agent/wire/clock"
	"thermarack/collector/internal/rack"
	"thermarack/collector/internal/watch"
)

// TestTheMapOfASite reads the map of all shelves in a real browser.
func TestTheMapOfASite(t *testing.T) {
	chromium := openChromium(t)
	for _, tt := range []struct {
		name  string
		world func(testing.TB) *world
		test  func(*testing.T, *world, *browser)
	}{
		{"leads to its shelves by pointer and keys", severalWorld, siteLeads},
		{"draws what changed, and an alarm where it is", severalWorld, siteIsLive},
		{"of ten thousand Pis is painted soon and moves smoothly", largeWorld, siteOfMany},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := tt.world(t)
			w.opt.Clock = clock.Scaled(noon, time.Now(), 1)
			tt.test(t, w, openTab(t, chromium))
		})
	}
}

// siteColour is the colour of a slot on the canvas, "r,g,b", beside what stands in its middle.
const siteColour = `((shelf, slot) => {
	const view = document.querySelector("tr-site .site-view"), canvas = view.querySelector("canvas");
	const a = view.querySelector('a[href="/?shelf=' + shelf + '&layer=soc"]').getBoundingClientRect(), c = canvas.getBoundingClientRect();
	const grid = window.sites.racks.flatMap((r) => r.shelves).find((s) => s.shelf === shelf);
	const zoom = a.width / grid.box[2], cell = grid.grid[2] / grid.columns, row = Math.floor((slot - 1) / grid.columns);
	const x = a.left - c.left + (grid.grid[0] - grid.box[0] + ((slot - 1) % grid.columns + 0.2) * cell) * zoom;
	const y = a.top - c.top + (grid.grid[1] - grid.box[1] + grid.grid[3] - (row + 0.5) * grid.grid[3] / grid.depth) * zoom;
	return [...(` + copied + `)(canvas).getImageData(x * devicePixelRatio, y * devicePixelRatio, 1, 1).data].slice(0, 3).join();
})`

// copied makes a canvas that is read often, so that the page's own need not be.
const copied = `((from) => {
	const copy = document.createElement("canvas");
	[copy.width, copy.height] = [from.width, from.height];
	const on = copy.getContext("2d", {willReadFrequently: true});
	on.drawImage(from, 0, 0);
	return on;
})`

func siteLeads(t *testing.T, w *world, b *browser) {
	r := w.run(t)
	b.at(r.url+"/?site=hex", 1440, 900)
	b.until(`document.querySelectorAll("tr-site .site-links a").length === 3`)
	b.until(`document.querySelector("tr-site").ariaLabel === "Map of site hex, 3 shelves"`)
	b.until(`performance.getEntriesByName("site").length > 0`)
	b.untilContent(`tr-site a[href="/?shelf=hex/a1/s3"]`, "hex/a1/s3: ok, rise 5.2 K")
	b.until(`document.querySelectorAll('tr-site a[tabindex="0"]').length === 1`)

	b.js(`document.querySelector('tr-site a[tabindex="0"]').focus()`)
	at := func(shelf string) { b.until(`document.activeElement.getAttribute("href") === "/?shelf=` + shelf + `"`) }
	at("hex/a1/s3")
	for _, step := range []struct{ key, shelf string }{
		{kb.ArrowDown, "hex/a1/s10"}, {kb.ArrowDown, "hex/a1/s10"}, {kb.ArrowUp, "hex/a1/s3"}, {kb.ArrowRight, "hex/a10/s1"}, {kb.ArrowLeft, "hex/a1/s3"},
	} {
		b.press(step.key)
		at(step.shelf)
		b.untilText("tr-site .site-said", step.shelf+": ")
	}
	// Nearer, until the other rack is out of sight; then its shelf is brought back.
	width := `document.querySelector("tr-site .site-links a").getBoundingClientRect().width`
	before := b.text(`String(` + width + `)`)
	b.press("+", "+", "+", "+", "+")
	b.until(width + ` > 3 * ` + before)
	b.press(kb.ArrowRight)
	at("hex/a10/s1")
	b.until(`(([a, v]) => a.left >= v.left - 1 && a.left < v.right)([document.activeElement, document.querySelector(".site-view")].map((n) => n.getBoundingClientRect()))`)
	b.press("0")
	b.until(`Math.abs(` + width + ` - ` + before + `) < 1`)
	b.press(kb.Enter)
	b.until(`location.search === "?shelf=hex/a10/s1"`)
	b.until(`document.querySelectorAll("#map svg [data-slot]").length === 4`)

	b.js("history.back()")
	b.until(`document.querySelectorAll("tr-site .site-links a").length === 3 && document.querySelector("tr-site .site-view").clientHeight > 100`)
	b.do(chromedp.Click(chromedp.CSS(`tr-site .site-layers a[href="/?site=hex&layer=soc"]`)))
	b.until(`document.querySelector('tr-site .site-layers [aria-current]').innerText === "Processors"`)
	b.do(chromedp.Click(chromedp.CSS(`tr-site .site-links a[href="/?shelf=hex/a1/s10&layer=soc"]`)))
	b.until(`location.search === "?shelf=hex/a1/s10&layer=soc"`)
	b.quiet()
}

func siteIsLive(t *testing.T, w *world, b *browser) {
	r := w.run(t)
	b.at(r.url+"/?site=hex&layer=soc", 1440, 900)
	b.until(`performance.getEntriesByName("site").length > 0`)
	b.js(`fetch("/api/v1/sites/hex/heatmap.json").then((r) => r.json()).then((d) => { window.sites = d; })`)
	b.until(`window.sites.racks`)
	colour := func(shelf string, slot string) string { return b.text(siteColour + `("` + shelf + `", ` + slot + `)`) }
	first, other := colour("hex/a1/s3", "5"), colour("hex/a10/s1", "1")

	w.racks.set(shelfState(&w.racks.layout.Shelves[1], noon.Add(10*time.Second), 25)) // a1/s3
	b.until(siteColour + `("hex/a1/s3", 5) !== "` + first + `"`)
	b.untilContent(`tr-site a[href="/?shelf=hex/a1/s3&layer=soc"]`, "rise 30.2 K")
	if now := colour("hex/a10/s1", "1"); now != other {
		t.Errorf("the other shelf was %s and is %s", other, now)
	}
	s := shelfState(&w.racks.layout.Shelves[1], noon.Add(20*time.Second), 25)
	s.Slots[4].SoC = rack.Value{State: rack.Missing}
	w.racks.set(s)
	b.until(`(([r, g, b]) => Math.abs(r - 238) < 40 && Math.abs(b - 244) < 40)(` + siteColour + `("hex/a1/s3", 6).split(",").map(Number))`) // an empty slot

	// Red where it fires, and the state in words.
	w.alerts.set(watch.Active{ID: "1", Alert: "SocTemperature", Severity: "critical", Site: "hex", Rack: "a10", Shelf: "s1", Slot: 1, State: "firing", Since: noon})
	b.untilContent(`tr-site a[href="/?shelf=hex/a10/s1&layer=soc"]`, "hex/a10/s1: critical")
	b.untilContent(`tr-site a[href="/?shelf=hex/a10/s1&layer=soc"]`, "1 alarm")
	b.until(redPixels + ` > 50`)
	w.alerts.set()
	b.until(redPixels + ` === 0`)
	b.quiet()
}

// redPixels counts the pixels of the canvas that have the colour of alarms.
const redPixels = `(() => {
	const canvas = document.querySelector("tr-site .site-view canvas");
	const { data } = ` + copied + `(canvas).getImageData(0, 0, canvas.width, canvas.height);
	let n = 0;
	for (let i = 0; i < data.length; i += 4) if (data[i] === 0xd3 && data[i + 1] === 0 && data[i + 2] === 0x1f) n++;
	return n;
})()`

// siteOfMany reports how long it takes until the map of 10,000 Pis is painted, and
// how long a frame takes while it is moved and zoomed. What the machine does besides
// is not ours to judge.
func siteOfMany(t *testing.T, w *world, b *browser) {
	r := w.run(t)
	b.at(r.url+"/?site=hex", 1440, 900)
	b.until(`document.querySelectorAll("tr-site .site-links a").length === 93 && performance.getEntriesByName("site").length > 0`)
	t.Log(b.text(`"first paint after " + Math.round(performance.getEntriesByName("first-contentful-paint")[0].startTime) + " ms, the map of the site after " +
		Math.round(performance.getEntriesByName("site")[0].startTime) + " ms; asked for " +
		performance.getEntriesByType("resource").filter((e) => e.name.includes("/api/v1/shelves") || e.name.includes("heatmap.json")).slice(0, 2)
			.map((e) => e.name.split("/").pop() + " from " + Math.round(e.startTime) + " to " + Math.round(e.responseEnd) + " ms").join(", ")`))
	for range 4 {
		b.js(`document.querySelector("tr-site .site-zoom button").click()`)
	}
	t.Log(b.text(`new Promise((resolve) => {
		const view = document.querySelector("tr-site .site-view"), at = view.getBoundingClientRect(), times = [];
		const send = (kind, i) => view.dispatchEvent(new PointerEvent(kind, {pointerId: 1, bubbles: true, button: 0, clientX: at.x + 700 - 6 * i, clientY: at.y + 300 - 2 * i}));
		view.setPointerCapture = () => {};
		send("pointerdown", 0);
		let last = performance.now(), i = 0;
		const step = (now) => {
			times.push(now - last);
			last = now;
			send("pointermove", ++i);
			if (i < 90) return requestAnimationFrame(step);
			send("pointerup", i);
			times.sort((a, b) => a - b);
			resolve("90 frames of moving: median " + times[45].toFixed(1) + " ms, longest " + times[89].toFixed(1) + " ms");
		};
		requestAnimationFrame(step);
	})`))
	moved := `document.querySelector("tr-site .site-links").style.transform`
	before := b.text(moved)
	b.js(`document.querySelector("tr-site .site-view").dispatchEvent(new WheelEvent("wheel", {deltaY: -400, ctrlKey: true, clientX: 700, clientY: 500, bubbles: true, cancelable: true}))`)
	b.until(moved + ` !== "` + before + `"`)
	b.quiet()
}
