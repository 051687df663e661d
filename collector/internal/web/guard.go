package web

import (
	"mime"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"
)

const (
	maxBody     = 64 << 10         // bytes of a request
	bodyTimeout = 10 * time.Second // for all of them to arrive
)

// pagePolicy lets the page load its own files and talk to its own server, and
// nothing else: no inline script or style, no frame around it.
const pagePolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// filePolicy is for whatever else somebody may open in a tab, SVG above all: it
// may load, run and style nothing.
const filePolicy = "default-src 'none'; style-src 'none'; sandbox; frame-ancestors 'none'"

// guard refuses requests that a foreign web page made a browser send, bounds
// what a request may bring, and sets the headers that every answer has.
//
// A page of another origin can reach a loopback server in two ways. By DNS
// rebinding: then Host is the foreign name. By a simple cross-origin request:
// then Origin differs, or the content type is none that needs a preflight.
func guard(o Options, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		header := w.Header()
		header.Set("Content-Security-Policy", filePolicy)
		header.Set("X-Content-Type-Options", "nosniff")
		header.Set("X-Frame-Options", "DENY")
		header.Set("Referrer-Policy", "no-referrer")
		header.Set("Cross-Origin-Resource-Policy", "same-origin")
		if !hostAllowed(r, o.Hosts) {
			writeError(w, http.StatusMisdirectedRequest, "this server is not called "+printable(r.Host)+"; add the name to its hosts")
			return
		}
		if status, why := unsafeFault(r); status != 0 {
			writeError(w, status, why)
			return
		}
		if r.ContentLength != 0 {
			// Not supported only where no network is below, as in tests.
			_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(bodyTimeout))
			r.Body = http.MaxBytesReader(w, r.Body, maxBody)
		}
		next.ServeHTTP(w, r)
	})
}

// hostAllowed tells whether a request names us: by a loopback name or address,
// by the very address that the connection came to (an address cannot be
// rebound), or by a configured name.
func hostAllowed(r *http.Request, hosts []string) bool {
	name := strings.ToLower(hostName(r.Host))
	if name == "localhost" || strings.HasSuffix(name, ".localhost") {
		return true
	}
	if addr, err := netip.ParseAddr(name); err == nil {
		if addr = addr.Unmap(); addr.IsLoopback() || addr == localAddr(r) {
			return true
		}
	}
	for _, host := range hosts {
		if name != "" && (strings.EqualFold(host, r.Host) || strings.EqualFold(host, name)) {
			return true
		}
	}
	return false
}

// hostName cuts the port, the brackets of IPv6 and the final dot.
func hostName(host string) string {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	host = strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
	return strings.TrimSuffix(host, ".")
}

func localAddr(r *http.Request) netip.Addr {
	addr, ok := r.Context().Value(http.LocalAddrContextKey).(*net.TCPAddr)
	if !ok {
		return netip.Addr{}
	}
	return addr.AddrPort().Addr().Unmap()
}

// unsafeFault says why a request that may change something is refused; status 0
// when it is not. A DELETE without a body needs no content type: browsers ask
// before they send one elsewhere, we never consent, and amtool sends none.
func unsafeFault(r *http.Request) (status int, why string) {
	switch r.Method {
	case http.MethodGet, http.MethodHead, http.MethodOptions:
		return 0, ""
	}
	if origin := r.Header.Get("Origin"); origin != "" {
		from, err := url.Parse(origin)
		if err != nil || from.Host == "" || !strings.EqualFold(from.Host, r.Host) {
			return http.StatusForbidden, "a page of another origin may not change anything here"
		}
	}
	if r.ContentLength > maxBody {
		return http.StatusRequestEntityTooLarge, "the request is larger than 64 KiB"
	}
	if bare := r.Method == http.MethodDelete && r.ContentLength == 0; bare {
		return 0, ""
	}
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if form := kind == formType && onlyAsks(r); err != nil || kind != jsonType && !form {
		return http.StatusUnsupportedMediaType, "want Content-Type: application/json"
	}
	return 0, ""
}

const formType = "application/x-www-form-urlencoded"

// onlyAsks tells whether a POST is a question of PromQL, in the form that
// Prometheus' clients send: a query may be longer than a URL. It changes nothing,
// and a page of another origin can neither send it nor read its answer.
func onlyAsks(r *http.Request) bool {
	switch strings.TrimPrefix(r.URL.Path, promRoot) {
	case "/api/v1/query", "/api/v1/query_range", "/api/v1/series", "/api/v1/labels":
		return r.Method == http.MethodPost && strings.HasPrefix(r.URL.Path, promRoot)
	}
	return false
}

// printable shortens s and drops what is not printable ASCII.
func printable(s string) string {
	clean := strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return -1
		}
		return r
	}, s)
	return clean[:min(len(clean), 100)]
}
