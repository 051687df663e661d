package web_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"thermarack/agent/wire"
	"thermarack/collector/internal/placement"
	"thermarack/collector/internal/rack"
)

// TestTheHistoryAndTheFleet reads the two parts of the page that hold most.
func TestTheHistoryAndTheFleet(t *testing.T) {
	chromium := openChromium(t)
	for _, tt := range []struct {
		name string
		test func(*testing.T, *world, *browser)
	}{
		{"history is zoomed by drag and read by the pointer", zoomsByDrag},
		{"history is zoomed and read by keys", zoomsByKeys},
		{"a click in the history shows the map of then", clickShowsThen},
		{"a fleet of ten thousand is filtered and sorted", fleetOfMany},
		{"the fleet has on top what has no place, and says what contradicts", fleetSaysTrouble},
	} {
		t.Run(tt.name, func(t *testing.T) { tt.test(t, bigWorld(t), openTab(t, chromium)) })
	}
}

// A box is a place in the window, in px.
type box struct{ X, Y, W, H float64 }

func (b *browser) chart(r *running) box {
	b.tb.Helper()
	b.at(r.url+"/", 1440, 1500)
	b.untilMap()
	b.untilText(".delta-value", "5.2")
	b.until(`document.querySelector("#chart canvas") && document.querySelector("#chart").ariaLabel.includes("Hot air: last 2")`)
	got, err := chromedp.Run(b, chromedp.Evaluate[box](`(() => {
		document.querySelector("#chart").scrollIntoView({block: "center"});
		const b = document.querySelector("#chart .u-over").getBoundingClientRect();
		return {X: b.x, Y: b.y, W: b.width, H: b.height};
	})()`))
	if err != nil {
		b.tb.Fatal(err)
	}
	return got
}

// asked counts requests for history with a step in seconds.
func asked(step int) string {
	return fmt.Sprintf(`performance.getEntriesByType("resource").filter((e) => e.name.includes("/series") && e.name.endsWith("step=%d")).length`, step)
}

func zoomsByDrag(t *testing.T, w *world, b *browser) {
	c := b.chart(w.run(t))
	b.until(asked(120) + " >= 2") // 6 h
	middle := c.Y + c.H/2
	b.do(chromedp.MouseEvent(chromedp.MouseMoved, c.X+c.W/2, middle))
	b.untilText("#chart .plot-read", "Hot air")
	b.untilText("#chart .plot-read", "Inlet 2")
	b.untilText("#chart .plot-read", "…") // least and greatest

	b.do(chromedp.MouseEvent(chromedp.MousePressed, c.X+c.W/2, middle, chromedp.ButtonLeft),
		chromedp.MouseEvent(chromedp.MouseMoved, c.X+c.W/2+40, middle, chromedp.ButtonLeft),
		chromedp.MouseEvent(chromedp.MouseMoved, c.X+c.W*0.75, middle, chromedp.ButtonLeft),
		chromedp.MouseEvent(chromedp.MouseReleased, c.X+c.W*0.75, middle, chromedp.ButtonLeft))
	b.until(asked(30) + " >= 2") // a quarter of 6 h
	b.until(`!document.querySelector("#zoom-out").hidden && location.search === ""`)
	b.do(chromedp.Click(chromedp.CSS("#zoom-out")))
	b.until(`document.querySelector("#zoom-out").hidden && document.querySelector("#spans input[value='6']").checked`)
	b.do(chromedp.Click(chromedp.CSS(`#spans input[value="168"]`), chromedp.NodeReady))
	b.until(asked(3600) + " >= 2") // 7 d
	b.quiet()
}

func zoomsByKeys(t *testing.T, w *world, b *browser) {
	b.chart(w.run(t))
	b.do(chromedp.Focus(chromedp.CSS("#chart")))
	b.press(kb.End)
	b.untilContent("#chart [aria-live]", "Hot air")
	last := b.text(`document.querySelector("#chart [aria-live]").textContent`)
	b.press(kb.ArrowLeft, kb.ArrowLeft)
	b.until(fmt.Sprintf(`document.querySelector("#chart [aria-live]").textContent !== %q`, last))
	b.press("+")
	b.until(asked(60) + " >= 2") // 3 h
	b.press(kb.Escape)
	b.until(`document.querySelector("#zoom-out").hidden`)
	b.press(kb.Home, kb.Enter)
	b.until(`location.search.includes("at=2026-03-04T0")`)
	b.quiet()
}

func clickShowsThen(t *testing.T, w *world, b *browser) {
	c := b.chart(w.run(t))
	b.do(chromedp.MouseClickXY(c.X+c.W/2, c.Y+c.H/2))
	b.until(`location.search.includes("at=2026-03-04T0")`)
	b.untilText("#past", "h ago")
	b.quiet()
}

func fleetOfMany(t *testing.T, w *world, b *browser) {
	w.racks.nodes = nil
	for i := range 10_000 {
		n := rack.Node{
			Node: wire.Node(fmt.Sprintf("b827eb%06x", i)), Site: "hex", Shelf: fmt.Sprintf("hex/a%d/s3", i/1000), Slot: i%1000 + 1, Seen: noon.Add(-time.Duration(i) * time.Second),
			Status:    &wire.Status{Online: i%100 != 7},
			Inventory: &wire.Inventory{Model: "Raspberry Pi 3 Model B Rev 1.2", Agent: "0.1.0", Addresses: []string{fmt.Sprintf("192.0.2.%d", i%256)}},
		}
		if i == 4321 {
			n.Rejected, n.Throttled = map[string]int{"crc": 7, "stuck": 2}, ptr(uint32(0x50005))
		}
		w.racks.nodes = append(w.racks.nodes, n)
	}
	r := w.run(t)
	b.at(r.url+"/?view=fleet", 1440, 900)
	b.untilText("#fleet-count", "9900 of 10000 online")
	rows := `document.querySelectorAll("#fleet tbody tr:not(.gap)").length`
	b.until(rows + " > 15 && " + rows + " < 100")
	b.until(`document.querySelector("#fleet").scrollHeight > 10000 * 36`)
	b.js(`document.querySelector("#fleet").scrollTop = 5000 * 36`)
	b.until(`document.querySelector('#fleet tr[aria-rowindex="5002"]') && ` + rows + " < 100")

	// As long as a frame takes to scroll through it; told, not judged.
	t.Log(b.text(`new Promise((resolve) => {
		const list = document.querySelector("#fleet"), times = [];
		let last = performance.now();
		const step = (now) => {
			times.push(now - last);
			last = now;
			list.scrollTop += 1777;
			if (times.length < 60) requestAnimationFrame(step);
			else resolve("60 frames of scrolling: median " + times.sort((a, b) => a - b)[30].toFixed(1) + " ms, longest " + times[59].toFixed(1) + " ms");
		};
		requestAnimationFrame(step);
	})`))

	sorted := func(head string) {
		b.js(fmt.Sprintf(`[...document.querySelectorAll("#fleet .sort")].find((s) => s.textContent === %q).click()`, head))
	}
	first := `document.querySelector('#fleet tr[aria-rowindex="2"]')?.innerText`
	sorted("Rejected samples")
	b.until(first + `.includes("crc 7, stuck 2")`)
	b.until(first + `.includes("under-voltage, throttled")`)
	sorted("Node")
	b.until(first + `.includes("b827eb000000")`)
	sorted("Node")
	b.until(first + `.includes("b827eb00270f") && document.querySelector("[aria-sort]").ariaSort === "descending"`)
	b.do(chromedp.SendKeys(chromedp.CSS("#fleet-find"), "a7/s3, slot 42"))
	b.untilText("#fleet-found", "11 shown") // 42 and 420 to 429
	b.js(`const find = document.querySelector("#fleet-find"); find.value = ""; find.dispatchEvent(new Event("input"))`)
	b.js(`const kind = document.querySelector("#fleet-kind"); kind.value = "offline"; kind.dispatchEvent(new Event("change"))`)
	b.untilText("#fleet-found", "100 shown")
	b.quiet()
}

func fleetSaysTrouble(t *testing.T, w *world, b *browser) {
	w.racks.nodes = append(w.racks.nodes, rack.Node{Node: "fedcba987654", Site: "hex", Seen: noon})
	w.racks.unplaced = []rack.Unplaced{{Site: "hex", Node: "fedcba987654", Why: "unknown node", Seen: noon}}
	w.racks.conflicts = []placement.Conflict{{
		Kind: placement.SeveralPorts, Nodes: []wire.Node{"b827eb000003"}, Slots: []placement.Slot{{Shelf: shelfID, Number: 3}},
		Spots: []placement.Spot{{Port: placement.Port{Switch: "sw", Number: 3}}, {Port: placement.Port{Switch: "sw", Number: 4}}},
	}}
	r := w.run(t)
	b.at(r.url+"/?view=fleet", 1440, 900)
	b.until(`document.querySelector('#fleet tr[aria-rowindex="2"]')?.innerText.includes("fedcba987654")`)
	b.untilText("#notice", "Not in the layout: 1 node. 1 contradiction")
	b.js(`const kind = document.querySelector("#fleet-kind"); kind.value = "conflict"; kind.dispatchEvent(new Event("change"))`)
	b.untilText("#fleet-found", "1 shown")
	b.untilContent("#fleet tbody", w.racks.conflicts[0].Why())
	b.do(chromedp.Click(chromedp.CSS(`#fleet a[href="/?shelf=hex/a1/s3&of=slot/3"]`)))
	b.untilText("#history-title", "slot 3")
	b.quiet()
}
