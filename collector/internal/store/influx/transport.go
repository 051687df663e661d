package influx

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/klauspost/compress/gzip"
)

// answerTime is how long the server may take to begin its answer.
const answerTime = 30 * time.Second

// A transport carries the client's requests: it compresses what is written to
// another host, and adds what the client is given once only, and we read from
// files that change while we run.
type transport struct {
	tokenFile, caFile string
	compressors       sync.Pool // of *gzip.Writer

	mu   sync.Mutex
	ca   os.FileInfo // of caFile, as it was when base was made
	base *http.Transport
}

// newTransport returns a transport whose files can be read now.
func newTransport(tokenFile, caFile string) (*transport, error) {
	t := &transport{tokenFile: tokenFile, caFile: caFile}
	if _, err := t.token(); err != nil {
		return nil, err
	}
	if _, err := t.current(); err != nil {
		return nil, err
	}
	return t, nil
}

// RoundTrip sends a request, as http.RoundTripper says.
func (t *transport) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context()) // it is the caller's
	base, err := t.prepare(r)
	if err != nil {
		if r.Body != nil {
			_ = r.Body.Close() // the error tells why nothing was read of it
		}
		return nil, err
	}
	return base.RoundTrip(r)
}

// prepare completes a request, and returns what sends it.
func (t *transport) prepare(r *http.Request) (*http.Transport, error) {
	base, err := t.current()
	if err != nil {
		return nil, err
	}
	token, err := t.token()
	if err != nil {
		return nil, err
	}
	if token != "" {
		r.Header.Set("Authorization", "Token "+token)
	}
	// Without it the standard library asks for compression itself, and undoes it
	// in the answers to failed requests as well, which the client does not.
	r.Header.Del("Accept-Encoding")
	if strings.HasSuffix(r.URL.Path, "/write") && !isLoopback(r.URL.Hostname()) {
		if err := t.compress(r); err != nil {
			return nil, fmt.Errorf("compress: %w", err)
		}
	}
	return base, nil
}

// isLoopback tells whether a host is this one. Nothing is won by compressing what
// goes to it, and a tenth of the processor time of a write is lost.
func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// compress replaces the body of r. Line protocol shrinks to a twentieth at the
// fastest level already.
func (t *transport) compress(r *http.Request) error {
	compressor, ok := t.compressors.Get().(*gzip.Writer)
	if !ok {
		var err error
		if compressor, err = gzip.NewWriterLevel(nil, gzip.BestSpeed); err != nil {
			return err
		}
	}
	defer t.compressors.Put(compressor)
	var small bytes.Buffer
	compressor.Reset(&small)
	if _, err := io.Copy(compressor, r.Body); err != nil {
		return err
	}
	if err := compressor.Close(); err != nil {
		return err
	}
	if err := r.Body.Close(); err != nil {
		return err
	}
	r.Body, r.ContentLength = io.NopCloser(&small), int64(small.Len())
	// With it the standard library can send the request again when the server
	// had closed an idle connection.
	body := small.Bytes()
	r.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(body)), nil }
	r.Header.Set("Content-Encoding", "gzip")
	return nil
}

func (t *transport) token() (string, error) {
	if t.tokenFile == "" {
		return "", nil
	}
	token, err := os.ReadFile(t.tokenFile)
	if err != nil {
		return "", fmt.Errorf("read the token: %w", err)
	}
	return strings.TrimSpace(string(token)), nil
}

// current returns the transport for the CA file as it is now.
func (t *transport) current() (*http.Transport, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.caFile == "" {
		if t.base == nil {
			t.base = newBase(nil)
		}
		return t.base, nil
	}
	info, err := os.Stat(t.caFile)
	if err != nil {
		return nil, fmt.Errorf("read the CA certificates: %w", err)
	}
	if t.base != nil && info.ModTime().Equal(t.ca.ModTime()) && info.Size() == t.ca.Size() {
		return t.base, nil
	}
	pem, err := os.ReadFile(t.caFile)
	if err != nil {
		return nil, fmt.Errorf("read the CA certificates: %w", err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("read the CA certificates: %s holds no PEM certificate", t.caFile)
	}
	if t.base != nil {
		t.base.CloseIdleConnections()
	}
	t.ca, t.base = info, newBase(roots)
	return t.base, nil
}

// newBase returns a transport that trusts roots; nil means the system's.
func newBase(roots *x509.CertPool) *http.Transport {
	return &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		TLSClientConfig:       &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout:   answerTime,
		ResponseHeaderTimeout: answerTime,
		IdleConnTimeout:       90 * time.Second,
		ForceAttemptHTTP2:     true,
	}
}

func (t *transport) close() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.base.CloseIdleConnections()
}
