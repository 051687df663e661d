package main_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	paho "github.com/eclipse/paho.mqtt.golang"
)

// Pis are the 108 of a shelf, which report to a collector, each over a connection of its own.
type pis struct{ clients []paho.Client }

func startPis(t *testing.T) (pis, *collector) {
	t.Helper()
	var text strings.Builder
	text.WriteString("version: 1\nsites: {hex: {racks: {a1: {shelves: {s3: {columns: 12, depth: 9, nodes: {")
	for slot := 1; slot <= 108; slot++ {
		fmt.Fprintf(&text, "%d: b827eb%06x, ", slot, slot)
	}
	text.WriteString("}}}}}}}\n")
	layout := filepath.Join(t.TempDir(), "layout.yaml")
	write(t, layout, text.String())
	c := startCollector(t, "serve", "--layout", layout, "--mqtt", "127.0.0.1:0")
	var f pis
	for slot := 1; slot <= 108; slot++ {
		f.clients = append(f.clients, dial(t, c.MQTT, fmt.Sprintf("b827eb%06x", slot)))
		f.say(slot, 40)
	}
	return f, c
}

// say publishes the temperature of the Pi in a slot; whether it arrives is seen
// by who waits for it.
func (f pis) say(slot int, celsius float64) {
	f.clients[slot-1].Publish(fmt.Sprintf("thermarack/v1/hex/b827eb%06x/readings", slot), 1, false,
		fmt.Sprintf(`[{"n":"urn:dev:mac:b827ebfffe%06x_soc:temperature","u":"Cel","v":%v,"t":%.3f}]`, slot, celsius, float64(time.Now().UnixMilli())/1000))
}

// openMap opens a collector's map of processors in a browser, and makes the page
// note when each picture was painted, with what it says of slot 17.
func openMap(t *testing.T, c *collector) context.Context {
	t.Helper()
	options := append(slices.Clone(chromedp.DefaultExecAllocatorOptions[:]), chromedp.NoSandbox, chromedp.DisableGPU, chromedp.UserDataDir(t.TempDir()))
	base, cancelBase := context.WithTimeout(context.Background(), 2*time.Minute)
	allocator, cancelAllocator := chromedp.NewExecAllocator(base, options...)
	tab, cancel := chromedp.NewContext(allocator)
	t.Cleanup(func() {
		cancel()
		cancelAllocator()
		cancelBase()
	})
	err := chromedp.Do(tab, chromedp.EmulateViewport(1440, 1000), chromedp.Navigate("http://"+c.HTTP+"/?shelf=hex/a1/s3&layer=soc"),
		chromedp.WaitReady(chromedp.CSS(`#map [data-slot="17"] text`)),
		chromedp.Evaluate[chromedp.Void](`
			window.painted = [];
			new MutationObserver(() => requestAnimationFrame(() => setTimeout(() =>
				painted.push([Date.now(), document.querySelector('#map [data-slot="17"]').textContent])))).observe(document.querySelector("#map .picture"), {childList: true})`))
	if err != nil {
		t.Fatal(err)
	}
	return tab
}

// TestAReadingComesToThePixels reports how long a value takes from the moment
// before it is published to a painted map, while the other 107 Pis report too,
// each once in ten seconds. The machine may be busy, so that only its coming is
// judged.
func TestAReadingComesToThePixels(t *testing.T) {
	needs(t, "chromium")
	f, c := startPis(t)
	tab := openMap(t, c)
	random := rand.New(rand.NewPCG(1, 2))
	var took []float64
	for i := range 20 {
		for range 5 { // others, at random moments
			f.say(18+random.IntN(90), 40+random.Float64()*20)
			if err := chromedp.Do(tab, chromedp.Sleep(time.Duration(random.IntN(180))*time.Millisecond)); err != nil {
				t.Fatal(err)
			}
		}
		value := fmt.Sprintf("%.1f", 41+0.5*float64(i))
		begin := time.Now()
		f.say(17, 41+0.5*float64(i))
		at, err := chromedp.Run(tab, chromedp.Evaluate[int64](fmt.Sprintf(`new Promise((resolve) => {
			const end = Date.now() + 10000;
			const look = () => {
				const seen = painted.find(([, text]) => text.includes(%q));
				if (seen || Date.now() > end) resolve(seen ? seen[0] : 0); else setTimeout(look, 5);
			};
			look();
		})`, value), chromedp.EvalAwaitPromise))
		if err != nil || at == 0 {
			t.Fatalf("%s °C was never painted: %v", value, err)
		}
		took = append(took, float64(time.UnixMilli(at).Sub(begin).Milliseconds()))
	}
	t.Logf("from before the publish to the pixels, ms: median %.0f, 99 of 100 within %.0f, longest %.0f", quantile(took, 0.5), quantile(took, 0.99), quantile(took, 1))
}
