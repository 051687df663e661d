package web_test

import (
	"fmt"
	"testing"

	"github.com/chromedp/chromedp"
)

// A screened animation is what a browser makes of one.
type screened struct {
	Frames  int       `json:"frames"`
	Repeats bool      `json:"repeats"`
	Lasts   []float64 `json:"lasts"` // ms, of each frame
	Far     []int     `json:"far"`   // by how much the worst pixel is off the map's PNG, of each frame
}

// TestABrowserShowsEachFrameAsTheMapOfItsMoment lets Chromium decode animations,
// and compares their frames with the PNGs of the moments.
func TestABrowserShowsEachFrameAsTheMapOfItsMoment(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.opt.Racks = w.playable(t)
	r := w.run(t)
	b := openTab(t, openChromium(t))
	b.do(chromedp.Navigate(r.url + "/"))
	for kind, tolerance := range map[string]int{"png": 0, "gif": 24} {
		got, err := chromedp.Run(b, chromedp.Evaluate[screened](fmt.Sprintf(screen, kind), chromedp.EvalAwaitPromise))
		if err != nil {
			t.Fatalf("%s: %v; the console says %q", kind, err, b.said())
		}
		if got.Frames != 4 || !got.Repeats || len(got.Far) != 4 {
			t.Fatalf("%s: %+v, want four frames that repeat", kind, got)
		}
		for i := range got.Far {
			if got.Lasts[i] != 100 || got.Far[i] > tolerance {
				t.Errorf("%s: frame %d lasts %v ms and is %d of 255 off the map", kind, i, got.Lasts[i], got.Far[i])
			}
		}
	}
}

// screen is what the page is asked, with the kind of animation to be filled in.
const screen = `(async () => {
	const shelf = '/api/v1/shelves/hex/a1/s3';
	const pixels = (image, width, height) => {
		const context = new OffscreenCanvas(width, height).getContext('2d');
		context.drawImage(image, 0, 0);
		return context.getImageData(0, 0, width, height).data;
	};
	const answer = await fetch(shelf + '/playback.%s?frames=4&from=2026-03-04T11:52:00Z&to=2026-03-04T12:00:00Z&width=300');
	const decoder = new ImageDecoder({data: answer.body, type: answer.headers.get('Content-Type').replace('apng', 'png')});
	await decoder.completed;
	await decoder.tracks.ready;
	const track = decoder.tracks.selectedTrack;
	const seen = {frames: track.frameCount, repeats: track.repetitionCount === Infinity, lasts: [], far: []};
	for (let i = 0; i < track.frameCount; i++) {
		const {image} = await decoder.decode({frameIndex: i});
		const at = new Date(Date.UTC(2026, 2, 4, 11, 54 + 2 * i)).toISOString();
		const map = await createImageBitmap(await (await fetch(shelf + '/heatmap.png?width=300&at=' + at)).blob());
		const got = pixels(image, image.displayWidth, image.displayHeight);
		const want = pixels(map, map.width, map.height);
		seen.lasts.push(image.duration / 1000);
		seen.far.push(got.length === want.length ? got.reduce((far, v, k) => Math.max(far, Math.abs(v - want[k])), 0) : 1000);
		image.close();
	}
	return seen;
})()`
