package web_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"thermarack/collector/internal/pager"
	"thermarack/collector/internal/placement"
	"thermarack/collector/internal/rack"
	"thermarack/collector/internal/watch"
)

func TestThePage(t *testing.T) {
	chromium := openChromium(t)
	for _, tt := range []struct {
		name string
		test func(*testing.T, *world, *browser)
	}{
		{"is live", isLive},
		{"has a map read by pointer and keys", mapIsRead},
		{"says when the collector is gone", saysGone},
		{"goes to another shelf when its own leaves the layout", leavesShelf},
		{"shows hostile strings as text", showsHostileStrings},
		{"offers a layout where there is none", offersLayout},
		{"keeps the theme and the colours that were chosen", keepsTaste},
	} {
		t.Run(tt.name, func(t *testing.T) { tt.test(t, bigWorld(t), openTab(t, chromium)) })
	}
}

func isLive(t *testing.T, w *world, b *browser) {
	r := w.run(t)
	b.at(r.url+"/", 1440, 900)
	b.untilText("#shelf-name", shelfID)
	b.untilMap()
	b.untilText("#link", "live")
	b.untilText(".delta-value", "5.2")
	b.untilText("#alerts", "Nothing is wrong")
	b.until(`document.querySelector("#chart canvas") && document.querySelector("#chart").ariaLabel.includes("Hot air: last 2")`)
	b.do(chromedp.Evaluate[chromedp.Void](`document.querySelector("#map svg").dataset.old = "yes"`))

	s := shelfState(&w.racks.layout.Shelves[0], noon.Add(10*time.Second), 6)
	s.Fans[0].Value.V = 0
	w.racks.set(s)
	b.untilText(".delta-value", "11.2")
	b.untilText(".fans", "stopped")
	b.until(`document.querySelector("#map svg") && !document.querySelector("#map svg").dataset.old`)

	w.alerts.set(fanFailed)
	b.untilText("#alerts", "Fan failed")
	b.untilText("#alerts", "fan left stands still")
	w.pages.set(page)
	b.untilText("#banner", "Page sent")
	b.untilText("#banner", "oncall (webhook)")
	b.untilText("#pages", "fan left stands still")
	b.quiet()
}

func mapIsRead(t *testing.T, w *world, b *browser) {
	r := w.run(t)
	b.at(r.url+"/", 1440, 900)
	b.untilMap()
	b.untilText(".delta-value", "5.2")
	b.js(`document.querySelector('#map [data-slot="17"] *').dispatchEvent(new PointerEvent("pointermove", {bubbles: true}))`)
	b.untilText("#map .tip", "Slot 17")
	b.untilText("#map .tip", "b827eb000011")

	b.js(`document.querySelector('#map [data-fan="left"] *').dispatchEvent(new PointerEvent("pointermove", {bubbles: true}))`)
	b.untilText("#map .tip", "Fan left")
	b.untilText("#map .tip", "running")
	b.until(`document.querySelectorAll("#map title").length === 0`)

	b.do(chromedp.Click(chromedp.CSS(`#layers input[value="soc"]`), chromedp.NodeReady))
	b.until(`location.search === "?layer=soc"`)
	b.js(`document.querySelector("#twin summary").click()`)
	b.until(`document.querySelectorAll("#twin-table td").length === 108`)
	b.untilText("#twin-table caption", "soc")

	// In sight again once the table is closed.
	b.do(chromedp.Click(chromedp.CSS(`#twin summary`)), chromedp.Click(chromedp.CSS(`#layers input[value="delta"]`), chromedp.NodeReady))
	b.untilText("#map", "against its own normal")
	b.untilText("#link", "live")
}

func saysGone(t *testing.T, w *world, b *browser) {
	r := w.run(t)
	b.do(chromedp.Navigate(r.url + "/"))
	b.untilText("#link", "live")
	r.stop()
	b.until(`document.querySelector("#link").dataset.state === "offline"`)
	b.until(`document.body.classList.contains("offline")`)
}

// leavesShelf starts the collector again at the same address with a layout that
// has another shelf: the stream of the shelf that was shown is refused then.
func leavesShelf(t *testing.T, w *world, b *browser) {
	r := w.run(t)
	b.do(chromedp.Navigate(r.url + "/"))
	b.untilText("#shelf-name", shelfID)
	b.untilText("#link", "live")
	// At the start, and when the stream opened: now the page has no reason to ask.
	b.until(`performance.getEntriesByType("resource").filter((e) => e.name.endsWith("/api/v1/shelves")).length === 2`)
	r.stop()
	if err := <-r.done; err != nil {
		t.Fatal(err)
	}
	w.racks = newRacks(parse(t, strings.Replace(wide(), "{s3: {", "{s9: {", 1)))
	w.opt.Racks = w.racks
	w.runAt(t, strings.TrimPrefix(r.url, "http://"))
	b.untilText("#shelf-name", "hex/a1/s9")
	b.untilText("#link", "live")
}

func showsHostileStrings(t *testing.T, w *world, b *browser) {
	for i := range w.racks.nodes {
		w.racks.nodes[i].Inventory.Model, w.racks.nodes[i].Inventory.Agent = hostile, hostile
	}
	s := w.racks.states[shelfID]
	s.Fans[0].Name, s.Probes[0].Name, s.Slots[0].SoC.Fault = hostile, hostile, hostile
	s.Figures.DeltaT = rack.Figure{Why: hostile}
	w.racks.states[shelfID] = s
	bad := fanFailed
	bad.Summary, bad.Alert = hostile, hostile
	w.alerts.set(bad)
	evil := page
	evil.Receiver, evil.Alerts, evil.Err = hostile, []string{hostile}, hostile
	w.pages.set(evil)
	spot := placement.Spot{Port: placement.Port{Switch: "sw-a1-3"}, Name: hostile}
	w.racks.unplaced = []rack.Unplaced{{Site: "hex", Node: "b827ebffffff", Sensor: hostile, Why: hostile}, {Site: "hex", Node: "b827ebfffffe", Why: "unknown node", Spot: spot}}
	w.racks.conflicts = []placement.Conflict{{Kind: placement.SeveralPis, Nodes: []wireNode{"b827ebfffffd", "b827ebfffffe"}, Spots: []placement.Spot{spot}, Slots: []placement.Slot{{Shelf: shelfID, Number: 1}}}}
	r := w.run(t)
	b.do(chromedp.Navigate(r.url + "/"))
	b.untilText("#notice", "1 node and 1 sensor")
	b.untilText("#notice", "1 contradiction about where Pis stand")
	b.do(chromedp.Click("#notice summary"))
	for _, part := range []string{"#notice", "#alerts", "#pages", ".fans", ".why", "#history-of"} {
		b.untilContent(part, "<script>alert(1)</script>")
	}
	none := `document.querySelectorAll("img, svg script, main script").length === 0`
	b.untilMap()
	b.until(none)
	b.do(chromedp.Navigate(r.url + "/?view=fleet"))
	b.untilContent("#fleet", "<img src=x onerror=alert(2)>")
	b.until(none)
	b.do(chromedp.Navigate(r.url + "/?site=%3Cimg%20src%3Dx%20onerror%3Dalert(3)%3E&rack=%22%3E%3Cscript%3E"))
	b.untilContent("#crumbs", "<img src=x onerror=alert(3)>")
	b.until(none)
	b.quiet()
}

func offersLayout(t *testing.T, w *world, b *browser) {
	w.racks.layout, w.racks.provisional = rack.Provisional([]string{"main"}, map[string][]wireNode{"main": {"b827eb000001", "b827eb000002"}}), true
	w.racks.states = newRacks(w.racks.layout).states
	w.racks.unplaced = []rack.Unplaced{{Site: "main", Node: "b827eb000001", Why: "unknown node"}, {Site: "main", Node: "b827eb000002", Why: "unknown node"}}
	r := w.run(t)
	b.do(chromedp.Navigate(r.url + "/"))
	b.untilText("#notice", "2 nodes")
	b.untilText(`#notice a[href="/api/v1/layout.yaml"]`, "Download")
	b.untilText("#shelf-name", "main/provisional/1")
	b.quiet()
}

func keepsTaste(t *testing.T, w *world, b *browser) {
	r := w.run(t)
	dark := `getComputedStyle(document.body).color === "rgb(230, 235, 233)"`
	b.do(chromedp.Navigate(r.url + "/"))
	b.untilMap()
	b.until("!(" + dark + ")")
	b.do(chromedp.Click(chromedp.CSS("#theme")), chromedp.Click(chromedp.CSS("#numbers")))
	b.js(`const select = document.querySelector("#palette"); select.value = "viridis"; select.dispatchEvent(new Event("change"))`)
	b.until(dark)
	asked := `performance.getEntriesByType("resource").some((e) => e.name.includes("heatmap.svg") && e.name.includes("palette=viridis") && e.name.includes("theme=dark") && e.name.includes("numbers=true"))`
	b.until(asked)
	b.do(chromedp.Navigate(r.url + "/"))
	b.until(dark)
	b.untilMap()
	b.until(asked)
	b.quiet()
}

func makeTrouble(w *world) {
	s := shelfState(&w.racks.layout.Shelves[0], noon.Add(10*time.Second), 9)
	s.Fans[0].Value.V = 0
	s.Slots[40].SoC.State, s.Slots[41].SoC.State = rack.Stale, rack.Missing
	w.racks.set(s)
	hot := fanFailed
	hot.ID, hot.Alert, hot.Severity, hot.Fans, hot.Probe, hot.State = "2", "HotTemperature", "warning", "", "h2", "pending"
	hot.Summary = "Hot air at probe h2 of hex/a1/s3 is 38.1 °C and rises"
	w.alerts.set(fanFailed, hot)
	w.pages.set(page)
}

var (
	fanFailed = watch.Active{
		ID: "1", Alert: "FanFailed", Severity: "critical", Site: "hex", Rack: "a1", Shelf: "s3", Fans: "left", State: "firing",
		Since: noon.Add(-4 * time.Minute), Summary: "fan left stands still",
	}
	page = pager.Notification{
		Seq: 1, Time: noon, Receiver: "oncall", Integration: "webhook[0]", Status: "firing", Attempts: 1,
		Alerts: []string{"FanFailed at hex/a1/s3: fan left stands still"},
	}
)

// wide is the layout text of the shelf that the project has in mind.
func wide() string {
	var text strings.Builder
	text.WriteString("version: 1\nswitches: {sw: {mac: 0011223344ff}}\nsites: {hex: {racks: {a1: {shelves: {s3: {columns: 12, depth: 9,\n  nodes: {")
	for slot := 1; slot <= 108; slot++ {
		fmt.Fprintf(&text, "%d: {mac: b827eb%06x, switch: sw, port: %d}, ", slot, slot, slot)
	}
	text.WriteString("},\n  probes: [\n")
	for i, face := range []string{"cold", "inside", "hot"} {
		for j := range 4 {
			fmt.Fprintf(&text, "    {name: %c%d, sensor: \"urn:dev:ow:28%d%d000000000000\", x: %v, y: %v, face: %s},\n", face[0], j+1, i, j, 0.12+0.25*float64(j), float64(i)/2, face)
		}
	}
	text.WriteString("  ],\n  fans: [{name: left, speed: \"urn:dev:mac:b827ebfffe000001_fan1:speed\", healthy: 40}, {name: right, speed: \"urn:dev:mac:b827ebfffe000001_fan2:speed\", healthy: 40}]}}}}}}\n")
	return text.String()
}
