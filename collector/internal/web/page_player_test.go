package web_test

import (
	"fmt"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// TestThePlayer plays the ten minutes before noon, in which an alert fired.
func TestThePlayer(t *testing.T) {
	chromium := openChromium(t)
	for _, tt := range []struct {
		name string
		test func(*testing.T, *running, *browser)
	}{
		{"opens, plays by a key and rests where it is stopped", playsByKey},
		{"paints the cells of a frame in the collector's colours", paintsFrames},
		{"goes to alerts, and shows before beside during", comparesWithBefore},
		{"gives the span away as pictures", givesAway},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			w.playable(t)
			for _, p := range w.racks.layout.Shelves[0].Probes {
				w.series[p.Sensor+":temperature"] = daily(25, 1, 0)
			}
			tt.test(t, w.run(t), openTab(t, chromium))
		})
	}
}

// tenMinutes is a link to the whole of it.
const tenMinutes = "/?shelf=hex/a1/s3&at=2026-03-04T11:50:00Z&from=2026-03-04T11:50:00Z&to=2026-03-04T12:00:00Z"

func (b *browser) openPlayer(r *running) {
	b.tb.Helper()
	b.at(r.url+tenMinutes, 1440, 1000)
	b.until(`document.querySelectorAll("#map [data-slot]").length === 12`)
	b.until(`document.querySelectorAll("#player .mark").length === 1`)
}

func playsByKey(t *testing.T, r *running, b *browser) {
	b.at(r.url+"/", 1440, 1000)
	b.until(`document.querySelectorAll("#map [data-slot]").length === 12`)
	b.js(`document.querySelector("#play-span").value = "1"`)
	b.do(chromedp.Click(chromedp.CSS("#play-open")))
	b.until(`!document.querySelector("#player").hidden && location.search.includes("from=2026-03-04T11:00:00Z&to=2026-03-04T12:00:00Z")`)
	b.until(`document.querySelectorAll("#player .mark").length === 1`)

	b.js(`document.querySelector("#player select").value = "10"; document.activeElement.blur()`)
	before := b.text(`document.querySelector("#player output").value`)
	b.press(" ")
	b.until(`document.querySelector("#map .film") && document.querySelector("#player .play").textContent === "Pause"`)
	b.until(fmt.Sprintf(`document.querySelector("#player output").value !== %q`, before))
	b.press(" ")
	b.until(`document.querySelector("#player .play").textContent === "Play"`)
	b.until(`location.search.includes("at=2026-03-04T11:0") && !location.search.includes("at=2026-03-04T11:00:00Z&")`)
	b.until(`!document.querySelector("#map .film")`) // the collector's own picture of that moment

	// At the fastest it comes to the end, and stops there.
	b.js(`document.querySelector("#player select").value = "600"`)
	b.do(chromedp.Click(chromedp.CSS("#player .play")))
	b.until(`location.search.includes("at=2026-03-04T12:00:00Z")`)
	b.until(`document.querySelector("#player .play").textContent === "Play"`)

	b.do(chromedp.Focus(chromedp.CSS("#player input")))
	b.press(kb.Home)
	b.until(`location.search.includes("at=2026-03-04T11:00:0")`)
	b.do(chromedp.Click(chromedp.CSS("#player .close")))
	b.until(`location.search === "?shelf=hex/a1/s3" && document.querySelector("#player").hidden`)
	b.quiet()
}

func paintsFrames(t *testing.T, r *running, b *browser) {
	b.openPlayer(r)
	if got := b.text(paintedAsAnswered); got != "same" {
		t.Error(got)
	}
	b.quiet()
}

// paintedAsAnswered scrubs to a moment, and compares each cell with a sum of the
// answer's differences, looked up in the answer's colours.
const paintedAsAnswered = `(async () => {
	const t = Date.parse("2026-03-04T11:55:00Z");
	const slider = document.querySelector("#player input");
	slider.value = String(t);
	slider.dispatchEvent(new Event("input"));
	const painted = [...document.querySelectorAll("#map .film-cell")].map((c) => c.getAttribute("fill"));
	const ask = async (path) => (await fetch("/api/v1/shelves/hex/a1/s3/" + path)).json();
	const film = await ask("playback?from=2026-03-04T11:50:00Z&to=2026-03-04T12:00:00Z&frames=600");
	const {low, high, colours} = await ask("scale?layer=air");
	const frame = (t - Date.parse(film.first)) / 1000 / film.step;
	const want = film.sections[0].slots.map((slot) => {
		const list = (slot.value ?? []).slice(0, frame + 1);
		if (slot.source[frame] === "-") return "none";
		const value = list.reduce((sum, d) => sum + (d ?? 0), 0) / film.scale;
		return colours[Math.min(Math.max(Math.floor((value - low) / (high - low) * colours.length), 0), colours.length - 1)];
	});
	const known = want.filter((c) => c !== "none").length;
	if (known === 0) return "no cell is known";
	return JSON.stringify(painted) === JSON.stringify(want) ? "same" : JSON.stringify({painted, want});
})()`

func comparesWithBefore(t *testing.T, r *running, b *browser) {
	b.openPlayer(r)
	b.press("n")
	b.until(`location.search.includes("at=2026-03-04T11:54:00Z")`) // fired
	b.press("n")
	b.until(`location.search.includes("at=2026-03-04T11:55:00Z")`) // resolved
	b.press("b")
	b.until(`location.search.includes("at=2026-03-04T11:54:00Z")`)
	b.do(chromedp.Click(chromedp.CSS(`#player [aria-pressed]`)))
	b.until(`location.search.includes("before=2026-03-04T11:50:0")`)
	b.until(`document.querySelectorAll("#before [data-slot]").length === 12`)
	b.until(`document.querySelector("#before").clientWidth > 300 && document.querySelector("#map").clientWidth > 300`)
	b.do(chromedp.Click(chromedp.CSS(`#player .mark`)))
	b.until(`location.search.includes("at=2026-03-04T11:54:00Z")`)
	b.do(chromedp.Click(chromedp.CSS(`#player [aria-pressed]`)))
	b.until(`document.querySelector("#before-side").hidden && !location.search.includes("before=")`)
	b.quiet()
}

func givesAway(t *testing.T, r *running, b *browser) {
	b.openPlayer(r)
	for i, kind := range []string{"image/apng", "image/gif"} {
		got := b.text(fmt.Sprintf(`(async () => {
			const link = document.querySelectorAll("#player .save a")[%d];
			const answer = await fetch(link.href + "&frames=3");
			return link.download && answer.headers.get("content-type") + " " + (await answer.blob()).size;
		})()`, i))
		var size int
		if n, err := fmt.Sscanf(got, kind+" %d", &size); n != 1 || err != nil || size < 1000 {
			t.Errorf("the link gives %q, want %s", got, kind)
		}
	}
	b.quiet()
}
