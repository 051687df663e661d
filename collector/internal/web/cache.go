package web

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/klauspost/compress/gzip"
)

const (
	maxRenderings  = 256
	maxCachedBytes = 64 << 20
	maxRenderAge   = 2 * time.Second // values also grow old, which no change tells
	renderTimeout  = 30 * time.Second
	turnTimeout    = 10 * time.Second // for one's turn to come
)

// A rendering is one finished answer.
type rendering struct {
	body []byte
	etag string
	zip  func() []byte // the body in gzip, made when it is first asked for; nil: it is sent as it is
}

// leastZipped is the least body that gzip makes an Ethernet packet shorter.
const leastZipped = 1400

// zipped returns r with a body that those who take gzip get shorter: made once, for
// all of them.
func (r rendering) zipped() rendering {
	if len(r.body) < leastZipped || bytes.HasPrefix(r.body, []byte("\x89PNG")) {
		return r
	}
	r.zip = sync.OnceValue(func() []byte {
		var out bytes.Buffer
		// Without tables of its own, 1.2 MB each time, a map takes 0.1 ms and 3 % more bytes.
		z, _ := gzip.NewWriterLevel(&out, gzip.StatelessCompression) // which there is
		_, _ = z.Write(r.body)                                       // a buffer takes all
		_ = z.Close()
		return out.Bytes()
	})
	return r
}

// renderings makes an answer once for all who ask while nothing changed, and
// bounds how many are made at a time. Only what the hub tells the changes of is
// kept: history is not, as a node that was cut off may still send any of it. It is safe for concurrent use.
type renderings struct {
	turns chan struct{} // one a rendering under way

	mu      sync.Mutex
	entries map[string]*entry
	bytes   int // of finished entries, as they are; those in gzip are a tenth more
}

// An entry is one rendering, finished or under way.
type entry struct {
	key, version string
	ready        chan struct{} // closed when the fields below are set
	rendering
	err  error
	made time.Time
}

// newRenderings returns one that makes so many answers at a time.
func newRenderings(turns int) *renderings {
	return &renderings{turns: make(chan struct{}, turns), entries: map[string]*entry{}}
}

// get returns what render wrote for a key at a version, calling it only if
// nobody else did or does. The render of one caller serves the others, so that
// it goes on when that caller leaves. The error is render's, or ctx's.
func (c *renderings) get(ctx context.Context, key, version string, render func(context.Context, *bytes.Buffer) error) (rendering, error) {
	e, mine := c.claim(key, version)
	if mine {
		c.fill(context.WithoutCancel(ctx), e, render)
	}
	select {
	case <-e.ready:
		return e.rendering, e.err
	case <-ctx.Done():
		return rendering{}, ctx.Err()
	}
}

// claim returns the entry that answers, or a new one that the caller must fill.
func (c *renderings) claim(key, version string) (e *entry, mine bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e, ok := c.entries[key]; ok && e.version == version && e.fresh() {
		return e, false
	}
	e = &entry{key: key, version: version, ready: make(chan struct{})}
	c.drop(key)
	c.entries[key] = e
	return e, true
}

func (e *entry) fresh() bool {
	select {
	case <-e.ready:
		return time.Since(e.made) < maxRenderAge
	default:
		return true
	}
}

// errRender is what waiters see when a render panicked; the server logs the
// panic itself.
var errRender = errors.New("render: broke off")

// errBusy is what a client sees whose turn did not come.
var errBusy = problem{http.StatusServiceUnavailable, "too many requests are being worked on, try again later"}

// fill makes what e waits for.
func (c *renderings) fill(ctx context.Context, e *entry, render func(context.Context, *bytes.Buffer) error) {
	e.err = errRender
	defer c.finish(e)
	made, err := c.once(ctx, render)
	e.rendering, e.err = made.zipped(), err
}

// once returns what render wrote for this caller alone, when it is its turn: an
// answer that shows all that was stored before it was asked for. The error is
// render's, or ctx's, or errBusy.
func (c *renderings) once(ctx context.Context, render func(context.Context, *bytes.Buffer) error) (rendering, error) {
	ctx, cancel := context.WithTimeout(ctx, renderTimeout)
	defer cancel()
	patience := time.NewTimer(turnTimeout)
	defer patience.Stop()
	select {
	case c.turns <- struct{}{}:
		defer func() { <-c.turns }()
	case <-patience.C:
		return rendering{}, errBusy
	case <-ctx.Done():
		return rendering{}, ctx.Err()
	}
	var out bytes.Buffer
	if err := render(ctx, &out); err != nil {
		return rendering{}, err
	}
	return rendering{body: out.Bytes(), etag: fmt.Sprintf("\"%x\"", sha256.Sum256(out.Bytes()))[:34] + "\""}, nil
}

// finish lets the waiters go. It keeps what succeeded, and for it lets go of
// the oldest.
func (c *renderings) finish(e *entry) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e.made = time.Now()
	close(e.ready)
	if c.entries[e.key] != e {
		return // a newer version has taken its place
	}
	if e.err != nil {
		delete(c.entries, e.key)
		return
	}
	c.bytes += len(e.body)
	for len(c.entries) > maxRenderings || c.bytes > maxCachedBytes {
		oldest, ok := c.oldest()
		if !ok {
			return
		}
		c.drop(oldest)
	}
}

func (c *renderings) oldest() (key string, ok bool) {
	var found *entry
	for _, e := range c.entries {
		select {
		case <-e.ready:
			if found == nil || e.made.Before(found.made) {
				found = e
			}
		default: // under way
		}
	}
	if found == nil {
		return "", false
	}
	return found.key, true
}

// drop forgets an entry; c.mu is held.
func (c *renderings) drop(key string) {
	e, ok := c.entries[key]
	if !ok {
		return
	}
	select {
	case <-e.ready:
		c.bytes -= len(e.body)
	default: // not counted yet
	}
	delete(c.entries, key)
}

// send answers with r, or with 304 when the client has it already.
func (r rendering) send(w http.ResponseWriter, req *http.Request, contentType string) error {
	return r.sendFor(w, req, contentType, 0)
}

// sendFor is send for what a client may keep for some time without asking again.
func (r rendering) sendFor(w http.ResponseWriter, req *http.Request, contentType string, keep time.Duration) error {
	if r.zip != nil {
		w.Header().Set("Vary", "Accept-Encoding")
		if takesGzip(req) {
			r.body, r.etag = r.zip(), strings.TrimSuffix(r.etag, `"`)+`-gzip"`
			w.Header().Set("Content-Encoding", "gzip")
		}
	}
	w.Header().Set("ETag", r.etag)
	w.Header().Set("Cache-Control", "no-cache")
	if keep > 0 {
		w.Header().Set("Cache-Control", fmt.Sprintf("private, max-age=%d", int(keep.Seconds())))
	}
	if matches(req.Header.Get("If-None-Match"), r.etag) {
		w.WriteHeader(http.StatusNotModified)
		return nil
	}
	w.Header().Set("Content-Type", contentType)
	w.Header().Set("Content-Length", fmt.Sprint(len(r.body)))
	_, err := w.Write(r.body)
	return gone(err)
}

// matches compares weakly, as RFC 9110, section 13.1.2 asks.
func matches(header, etag string) bool {
	for tag := range strings.SplitSeq(header, ",") {
		if tag = strings.TrimSpace(tag); tag == "*" || strings.TrimPrefix(tag, "W/") == etag {
			return true
		}
	}
	return false
}
