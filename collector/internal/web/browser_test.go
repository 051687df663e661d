package web_test

import (
	"context"
	"fmt"
	"iter"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"thermarack/collector/internal/pager"
	"thermarack/collector/internal/placement"
	"thermarack/collector/internal/rack"
	"thermarack/collector/internal/watch"
)

// A browser is one tab, and what its console said.
type browser struct {
	context.Context
	tb testing.TB

	mu    sync.Mutex
	lines []string
}

// openChromium starts a headless browser with an empty profile, for tab.
// Without one the test is skipped, but fails where THERMARACK_SERVERS=1 says
// that all helpers are installed.
func openChromium(tb testing.TB) context.Context {
	tb.Helper()
	path, err := exec.LookPath("chromium")
	if err != nil && os.Getenv("THERMARACK_SERVERS") == "1" {
		tb.Fatal("THERMARACK_SERVERS=1, but there is no chromium in PATH: install it")
	}
	if err != nil {
		tb.Skip("no chromium in PATH: install it to test the page in a browser")
	}
	options := append(slices.Clone(chromedp.DefaultExecAllocatorOptions[:]),
		chromedp.ExecPath(path), chromedp.UserDataDir(tb.TempDir()), chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true))
	base, cancelBase := context.WithTimeout(context.Background(), 2*time.Minute)
	allocator, cancelAllocator := chromedp.NewExecAllocator(base, options...)
	chromium, cancel := chromedp.NewContext(allocator)
	tb.Cleanup(func() {
		cancel()
		cancelAllocator()
		cancelBase()
	})
	if err := chromedp.Do(chromium); err != nil {
		tb.Fatal(err)
	}
	return chromium
}

// openTab opens a tab that listens to its console.
func openTab(tb testing.TB, chromium context.Context) *browser {
	tb.Helper()
	tab, cancel := chromedp.NewContext(chromium)
	b := &browser{Context: tab, tb: tb}
	var reader sync.WaitGroup
	tb.Cleanup(func() {
		cancel()
		reader.Wait()
	})
	console := chromedp.Console(tab)
	reader.Go(func() { b.listen(console) })
	return b
}

func (b *browser) listen(console iter.Seq2[chromedp.ConsoleMessage, error]) {
	for line, err := range console {
		if err != nil {
			return // closed
		}
		b.mu.Lock()
		b.lines = append(b.lines, line.String()+" "+line.URL)
		b.mu.Unlock()
	}
}

func (b *browser) do(steps ...chromedp.Action[chromedp.Void]) {
	b.tb.Helper()
	if err := chromedp.Do(b, steps...); err != nil {
		b.tb.Fatalf("%v; the console says %q", err, b.said())
	}
}

func (b *browser) said() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.lines)
}

// quiet fails the test if the console has anything to say.
func (b *browser) quiet() {
	b.tb.Helper()
	if said := b.said(); len(said) > 0 {
		b.tb.Errorf("the console says %q", said)
	}
}

// until waits up to 10 s for a JavaScript expression to be true. It evaluates
// no text in the page, which the page's own policy forbids.
func (b *browser) until(expression string) {
	b.tb.Helper()
	held, err := chromedp.Run(b, chromedp.Evaluate[bool](`new Promise((resolve) => {
		const end = performance.now() + 10000;
		const look = () => {
			let held = false;
			try { held = Boolean(`+expression+`); } catch { /* not there yet */ }
			if (held || performance.now() > end) resolve(held); else setTimeout(look, 20);
		};
		look();
	})`, chromedp.EvalAwaitPromise))
	if err != nil || !held {
		page, _ := chromedp.Run(b, chromedp.Evaluate[string]("document.body.innerText")) // only to say more
		b.tb.Fatalf("%s does not come true: %v; the console says %q; the page reads\n%s", expression, err, b.said(), page)
	}
}

// untilText waits for an element to show a text.
func (b *browser) untilText(selector, text string) {
	b.tb.Helper()
	b.until(fmt.Sprintf("document.querySelector(%q)?.innerText.replace(/\\s+/g, ' ').includes(%q)", selector, text))
}

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
		{"keeps the theme that was chosen", keepsTheme},
		{"lists shelves and goes to the one named", goesToShelf},
	} {
		t.Run(tt.name, func(t *testing.T) { tt.test(t, bigWorld(t), openTab(t, chromium)) })
	}
}

func isLive(t *testing.T, w *world, b *browser) {
	r := w.run(t)
	b.do(chromedp.EmulateViewport(1440, 900), chromedp.Navigate(r.url+"/"))
	b.untilText("#shelf-name", shelfID)
	b.until(`document.querySelectorAll("#map svg [data-slot]").length === 108`)
	b.untilText("#link", "live")
	b.untilText(".delta-value", "5.2")
	b.untilText("#alerts", "Nothing is wrong")
	b.untilText("#fleet", "b827eb000001")
	b.until(`document.querySelectorAll("#chart path.line-hot").length > 0`)
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
	b.do(chromedp.EmulateViewport(1440, 900), chromedp.Navigate(r.url+"/"))
	b.until(`document.querySelectorAll("#map svg [data-slot]").length === 108`)
	b.untilText(".delta-value", "5.2")
	b.do(chromedp.Evaluate[chromedp.Void](`document.querySelector('#map [data-slot="17"] *').dispatchEvent(new PointerEvent("pointermove", {bubbles: true}))`))
	b.untilText("#tip", "Slot 17")
	b.untilText("#tip", "b827eb000011")

	b.do(chromedp.Evaluate[chromedp.Void](`document.querySelector('#map [data-fan="left"] *').dispatchEvent(new PointerEvent("pointermove", {bubbles: true}))`))
	b.untilText("#tip", "left")
	b.until(`document.querySelectorAll("#map title").length === 0`)

	b.do(chromedp.Focus(chromedp.CSS("#map")), chromedp.KeyEvent("\ue04d")) // ArrowRight
	b.until(`document.querySelector("#map-said").textContent.startsWith("Slot")`)
	b.do(chromedp.KeyEvent("\r"))
	b.untilText("#history-title", "History of slot")
	b.until(`document.querySelectorAll("#chart path.line-soc").length > 0`)

	b.do(chromedp.Evaluate[chromedp.Void](`document.querySelector('#layers input[value="soc"]').click()`))
	b.do(chromedp.Evaluate[chromedp.Void](`document.querySelector("#twin summary").click()`))
	b.until(`document.querySelectorAll("#twin-table td").length === 108`)
	b.untilText("#twin-table caption", "soc")
	b.quiet()
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
	for _, part := range []string{"#notice", "#alerts", "#pages", "#fleet", ".fans", ".why"} {
		b.untilText(part, "<script>alert(1)</script>")
	}
	b.until(`document.querySelectorAll("#map svg [data-slot]").length === 108`)
	b.until(`document.querySelectorAll("img, svg script, main script").length === 0`)
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

func keepsTheme(t *testing.T, w *world, b *browser) {
	r := w.run(t)
	dark := `getComputedStyle(document.body).color === "rgb(230, 235, 233)"`
	b.do(chromedp.Navigate(r.url + "/"))
	b.until("!(" + dark + ")")
	b.do(chromedp.Click(chromedp.CSS("#theme")))
	b.until(dark)
	b.do(chromedp.Navigate(r.url + "/"))
	b.until(dark)
	b.until(`document.querySelectorAll("#map svg [data-slot]").length === 108`)
	b.quiet()
}

func goesToShelf(t *testing.T, w *world, b *browser) {
	w.racks.layout = parse(t, strings.Replace(small, "{s3: {", "{s1: {columns: 2, depth: 2}, s3: {", 1))
	w.racks.states = newRacks(w.racks.layout).states
	for _, sensor := range []string{"c1", "a1", "a2"} {
		w.series["urn:dev:ow:28"+sensor+"000000000000:temperature"] = daily(25, 1, 0)
	}
	r := w.run(t)
	b.do(chromedp.Navigate(r.url + "/"))
	b.untilText("#shelves", "hex/a1/s1")
	b.untilText("#shelves", "5.2 K")
	b.until(`document.querySelector("#shelves [aria-current]").href.endsWith("#hex/a1/s3")`)
	b.do(chromedp.Navigate(r.url + "/#hex/a1/s1"))
	b.until(`document.querySelectorAll("#map svg [data-slot]").length === 4`)
	b.until(`document.querySelector("#shelf-name").textContent === "hex/a1/s1"`)
	b.quiet()
}

// TestScreenshots writes pictures of the page to the directory that
// THERMARACK_SCREENSHOTS names, to be looked at by a person.
func TestScreenshots(t *testing.T) {
	dir := os.Getenv("THERMARACK_SCREENSHOTS")
	if dir == "" {
		t.Skip("set THERMARACK_SCREENSHOTS=DIR to get pictures of the page")
	}
	chromium := openChromium(t)
	for _, shot := range []struct {
		name          string
		width, height int64
		theme, layer  string
		trouble       bool
	}{
		{"light", 1440, 900, "light", "air", false},
		{"dark", 1440, 900, "dark", "soc", false},
		{"trouble-light", 1440, 900, "light", "air", true},
		{"trouble-dark", 1440, 900, "dark", "air", true},
		{"phone-light", 390, 844, "light", "air", false},
		{"phone-dark", 390, 844, "dark", "soc", true},
		{"wall-dark", 2560, 1440, "dark", "air", false},
	} {
		t.Run(shot.name, func(t *testing.T) {
			w := bigWorld(t)
			b := openTab(t, chromium)
			r := w.run(t)
			b.do(chromedp.EmulateViewport(shot.width, shot.height), chromedp.Navigate(r.url+"/"))
			b.until(`document.querySelectorAll("#map svg [data-slot]").length === 108`)
			if shot.theme == "dark" {
				b.do(chromedp.Click(chromedp.CSS("#theme")))
			}
			b.do(chromedp.Click(chromedp.CSS(fmt.Sprintf(`#layers input[value=%q]`, shot.layer)), chromedp.NodeReady))
			b.untilText("#link", "live")
			if shot.trouble {
				makeTrouble(w)
				b.untilText("#banner", "Page sent")
				b.untilText("#alerts", "Fan failed")
			}
			b.until(`document.querySelectorAll("#chart path.line-hot").length > 0`)
			b.do(chromedp.Sleep(1500 * time.Millisecond)) // for transitions to end
			for name, take := range map[string]chromedp.Action[[]byte]{".png": chromedp.CaptureScreenshot(), "-whole.png": chromedp.FullScreenshot(100)} {
				picture, err := chromedp.Run(b, take)
				if err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(filepath.Join(dir, shot.name+name), picture, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			b.quiet()
		})
	}
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
	text.WriteString("version: 1\nsites: {hex: {racks: {a1: {shelves: {s3: {columns: 12, depth: 9,\n  nodes: {")
	for slot := 1; slot <= 108; slot++ {
		fmt.Fprintf(&text, "%d: b827eb%06x, ", slot, slot)
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
