package metrics

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"time"
)

// A Server answers GET /metrics and GET /healthz by HTTP, one request a
// connection. It takes eight connections at a time, reads no more than 8 KiB of a
// request, and gives each five seconds. The server of net/http would do it too, but
// is a twelfth of the whole agent.
type Server struct {
	Listener net.Listener    // Run closes it
	Families func() []Family // what to show; safe for concurrent use
	Healthy  func() error    // what is wrong, if anything is; safe for concurrent use
}

const (
	maxConnections = 8
	maxRequest     = 8 << 10
	patience       = 5 * time.Second
)

// Run serves until ctx is done, and returns nil once no request is under way any
// more, which takes five seconds at most.
func (s Server) Run(ctx context.Context) error {
	stop := context.AfterFunc(ctx, func() { _ = s.Listener.Close() })
	defer stop()
	var all sync.WaitGroup
	defer all.Wait()
	places := make(chan struct{}, maxConnections)
	for {
		places <- struct{}{}
		conn, err := s.Listener.Accept()
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return fmt.Errorf("serve metrics: %w", err)
		}
		all.Go(func() {
			defer func() { <-places }()
			defer conn.Close()
			defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
			if conn.SetDeadline(time.Now().Add(patience)) == nil {
				s.serve(conn)
			}
		})
	}
}

// An answer is what a request gets.
type answer struct {
	status string // code and phrase
	header string // further lines, each with its end
	body   []byte
}

// serve reads a request and answers it.
func (s Server) serve(conn io.ReadWriter) {
	method, path, ok := readRequest(conn)
	a := answer{status: "400 Bad Request"}
	if ok {
		a = s.answer(method, path)
	}
	if a.body == nil {
		a.body = []byte(a.status + "\n")
	}
	head := fmt.Sprintf("HTTP/1.1 %s\r\n%sContent-Length: %d\r\nConnection: close\r\n\r\n", a.status, a.header, len(a.body))
	if method == "HEAD" {
		a.body = nil
	}
	_, _ = conn.Write(append([]byte(head), a.body...)) // who asked may have gone
}

// readRequest reads a request up to the end of its header (RFC 9112, section 2.1).
// ok is false for one that is damaged, too long or too slow.
func readRequest(conn io.Reader) (method, path string, ok bool) {
	lines := bufio.NewReader(io.LimitReader(conn, maxRequest))
	first, err := lines.ReadString('\n')
	for line := first; err == nil && strings.TrimRight(line, "\r\n") != ""; {
		line, err = lines.ReadString('\n')
	}
	fields := strings.Fields(first)
	if err != nil || len(fields) != 3 || !strings.HasPrefix(fields[2], "HTTP/1.") {
		return "", "", false
	}
	path, _, _ = strings.Cut(fields[1], "?")
	return fields[0], path, true
}

const plainText = "Content-Type: text/plain; charset=utf-8\r\n"

func (s Server) answer(method, path string) answer {
	switch {
	case path != "/metrics" && path != "/healthz":
		return answer{status: "404 Not Found", header: plainText}
	case method != "GET" && method != "HEAD":
		return answer{status: "405 Method Not Allowed", header: plainText + "Allow: GET, HEAD\r\n"}
	case path == "/metrics":
		var body bytes.Buffer
		_ = Write(&body, s.Families()) // a buffer takes all
		return answer{"200 OK", "Content-Type: text/plain; version=0.0.4; charset=utf-8\r\n", body.Bytes()}
	}
	if err := s.Healthy(); err != nil {
		return answer{"503 Service Unavailable", plainText, []byte(err.Error() + "\n")}
	}
	return answer{"200 OK", plainText, []byte("ok\n")}
}
