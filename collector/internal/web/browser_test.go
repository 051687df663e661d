package web_test

import (
	"context"
	"fmt"
	"iter"
	"os"
	"os/exec"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
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
	base, cancelBase := context.WithTimeout(context.Background(), 5*time.Minute)
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

// until waits up to 30 s, for the machine may be busy, for a JavaScript expression to be true. It evaluates
// no text in the page, which the page's own policy forbids.
func (b *browser) until(expression string) {
	b.tb.Helper()
	held, err := chromedp.Run(b, chromedp.Evaluate[bool](`new Promise((resolve) => {
		const end = performance.now() + 30000;
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

// at opens an address of the page, in a window of a size.
func (b *browser) at(url string, width, height int64) {
	b.tb.Helper()
	b.do(chromedp.EmulateViewport(width, height), chromedp.Navigate(url))
}

// js runs a statement in the page.
func (b *browser) js(statement string) {
	b.tb.Helper()
	b.do(chromedp.Evaluate[chromedp.Void](statement))
}

// text evaluates an expression that is a string, or promises one.
func (b *browser) text(expression string) string {
	b.tb.Helper()
	text, err := chromedp.Run(b, chromedp.Evaluate[string](expression, chromedp.EvalAwaitPromise))
	if err != nil {
		b.tb.Fatal(err)
	}
	return text
}

// press sends keys, one after the other, to what has the focus.
func (b *browser) press(keys ...string) {
	b.tb.Helper()
	for _, key := range keys {
		b.do(chromedp.KeyEvent(key))
	}
}

// untilContent waits for an element to hold a text, in sight or not.
func (b *browser) untilContent(selector, text string) {
	b.tb.Helper()
	b.until(fmt.Sprintf("document.querySelector(%q)?.textContent.includes(%q)", selector, text))
}

// untilMap waits for the map of the large shelf.
func (b *browser) untilMap() {
	b.tb.Helper()
	b.until(`document.querySelectorAll("#map svg [data-slot]").length === 108`)
}
