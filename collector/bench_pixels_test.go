package main_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os/exec"
	"slices"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"thermarack/collector/internal/benchload"
)

// BenchmarkCollectorPixels has the page of a shelf of 108 Pis that report every 10 s
// open in a browser, and reports how long after a publish the browser had painted
// the new value of one.
func BenchmarkCollectorPixels(b *testing.B) {
	needs(b, "chromium")
	if !long() {
		b.Skip("takes two minutes; set THERMARACK_LONG=1")
	}
	s := openShow(b)
	defer s.close()
	page := openPage(b, "http://"+s.collector.HTTP+"/?shelf=bench/a1/s3&layer=soc")
	page.do(b, chromedp.Evaluate[chromedp.Void](fmt.Sprintf(watchSlot, 108)))
	const probes = 100
	published := map[string]time.Time{}
	for i := range probes {
		celsius := 35 + float64(7*i%40) // never near the one before
		m, err := benchload.SenML(benchload.Report{Agent: prober, Round: i, Time: time.Now(), SoC: celsius})
		if err != nil {
			b.Fatal(err)
		}
		said := fmt.Sprintf("%.1f °C", celsius)
		published[fmt.Sprint(i+1)] = time.Now()
		s.prober.Publish(m.Topic, 1, false, m.Payload) // whether it arrives is seen in the page
		page.until(b, fmt.Sprintf(`painted.length === %d && painted.at(-1).title.includes(%q)`, i+1, said))
		letPass(b, time.Duration(300+37*(i%20))*time.Millisecond)
	}
	var painted []struct{ At float64 }
	text, err := chromedp.Run(page, chromedp.Evaluate[string]("JSON.stringify(painted)"))
	if err != nil || json.Unmarshal([]byte(text), &painted) != nil {
		b.Fatal(err, text)
	}
	var waits []float64
	for i, p := range painted {
		waits = append(waits, p.At-float64(published[fmt.Sprint(i+1)].UnixMicro())/1000)
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(quantile(waits, 0.5), "ms-p50")
	b.ReportMetric(quantile(waits, 0.99), "ms-p99")
	b.ReportMetric(slices.Max(waits), "ms-max")
	b.ReportMetric(float64(len(waits)), "probes")
}

// watchSlot notes when a slot whose colour and words have changed was painted: in
// the second frame after the change the first is on the screen.
const watchSlot = `(() => {
	window.painted = [];
	const look = () => {
		const slot = document.querySelector('#map svg [data-slot="%d"]');
		return slot && { title: slot.dataset.title, fill: slot.firstElementChild.getAttribute("fill") };
	};
	let last = look();
	new MutationObserver(() => {
		const now = look();
		if (!now || now.title === last?.title || now.fill === last?.fill) return;
		last = now;
		requestAnimationFrame(() => requestAnimationFrame(() =>
			window.painted.push({ at: performance.timeOrigin + performance.now(), title: now.title })));
	}).observe(document.querySelector("#map"), { childList: true, subtree: true });
})()`

// A page is open in a browser.
type page struct{ context.Context }

// openPage opens a page in a headless browser with an empty profile, and waits until
// it follows the collector.
func openPage(b *testing.B, url string) page {
	b.Helper()
	path, err := exec.LookPath("chromium")
	if err != nil {
		b.Fatal(err)
	}
	options := append(slices.Clone(chromedp.DefaultExecAllocatorOptions[:]),
		chromedp.ExecPath(path), chromedp.UserDataDir(b.TempDir()), chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true))
	allocator, cancelAllocator := chromedp.NewExecAllocator(b.Context(), options...)
	tab, cancel := chromedp.NewContext(allocator)
	b.Cleanup(func() {
		cancel()
		cancelAllocator()
	})
	p := page{tab}
	p.do(b, chromedp.EmulateViewport(1440, 900), chromedp.Navigate(url))
	p.until(b, `document.querySelector("#link").dataset.state === "live" && document.querySelectorAll("#map svg [data-slot]").length === 108`)
	return p
}

func (p page) do(b *testing.B, steps ...chromedp.Action[chromedp.Void]) {
	b.Helper()
	if err := chromedp.Do(p, steps...); err != nil {
		b.Fatal(err)
	}
}

// until waits for an expression to be true in the page.
func (p page) until(b *testing.B, expression string) {
	b.Helper()
	held, err := chromedp.Run(p, chromedp.Evaluate[bool](`new Promise((resolve) => {
		const end = performance.now() + 20000;
		const look = () => {
			let held = false;
			try { held = Boolean(`+expression+`); } catch { /* not there yet */ }
			if (held || performance.now() > end) resolve(held); else setTimeout(look, 50);
		};
		look();
	})`, chromedp.EvalAwaitPromise))
	if err != nil || !held {
		b.Fatalf("%s does not come true: %v", expression, err)
	}
}
