// Package influxtest runs a real InfluxDB 1.8 for tests, with authentication on.
package influxtest

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const (
	admin  = "admin:hot-aisle"
	writer = "collector"
	// Token is what the server knows the collector by: user and password.
	Token = writer + ":cold-aisle"
)

// A Server is a running influxd with a directory of its own.
type Server struct {
	URL string

	dir     string
	config  string
	command *exec.Cmd
}

// Start runs influxd until the test ends, with an administrator and with the
// user of Token, who may do nothing yet. Without influxd the test is skipped; it
// fails if THERMARACK_SERVERS=1 says that everything must be there.
func Start(t testing.TB) *Server {
	t.Helper()
	program := find(t)
	s := &Server{dir: t.TempDir()}
	http, rpc := freePort(t), freePort(t)
	s.URL = "http://" + http
	s.config = filepath.Join(s.dir, "influxdb.conf")
	if err := os.WriteFile(s.config, fmt.Appendf(nil, config, rpc, s.dir, http), 0o600); err != nil {
		t.Fatal(err)
	}
	s.run(t, program)
	t.Cleanup(s.Kill)
	name, password, _ := strings.Cut(admin, ":")
	s.query(t, "", fmt.Sprintf("CREATE USER %s WITH PASSWORD '%s' WITH ALL PRIVILEGES", name, password))
	name, password, _ = strings.Cut(Token, ":")
	s.Query(t, fmt.Sprintf("CREATE USER %s WITH PASSWORD '%s'", name, password))
	return s
}

const config = `bind-address = %q
reporting-disabled = true
[meta]
  dir = "%[2]s/meta"
[data]
  dir = "%[2]s/data"
  wal-dir = "%[2]s/wal"
  query-log-enabled = false
[http]
  bind-address = %[3]q
  auth-enabled = true
  flux-enabled = true
  log-enabled = false
[monitor]
  store-enabled = false
`

// find returns the path of influxd: on the PATH, or where .ci/influx-deps puts
// it.
func find(t testing.TB) string {
	t.Helper()
	if testing.Short() {
		t.Skip("starts influxd; run without -short")
	}
	if path, err := exec.LookPath("influxd"); err == nil {
		return path
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(cache, "thermarack", "peers", "bin", "influxd")
	if _, err := os.Stat(path); err == nil {
		return path
	}
	if os.Getenv("THERMARACK_SERVERS") == "1" {
		t.Fatal("influxd is not there; .ci/influx-deps builds it")
	}
	t.Skip("influxd is not there; make test builds it")
	return ""
}

// freePort returns an address whose port was free a moment ago: influxd cannot
// choose one itself.
func freePort(t testing.TB) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().String()
}

// run starts influxd and returns when it answers.
func (s *Server) run(t testing.TB, program string) {
	t.Helper()
	var log bytes.Buffer
	command := exec.Command(program, "run", "-config", s.config)
	command.Stdout, command.Stderr = &log, &log
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	s.command = command
	for deadline := time.Now().Add(30 * time.Second); ; <-time.After(20 * time.Millisecond) {
		response, err := http.Get(s.URL + "/ping")
		if err == nil {
			response.Body.Close()
			return
		}
		if time.Now().After(deadline) {
			s.Kill()
			t.Fatalf("influxd does not answer at %s: %v\n%s", s.URL, err, &log)
		}
	}
}

// Kill ends the server as a power cut would; it is gone when Kill returns.
func (s *Server) Kill() {
	_ = s.command.Process.Kill()
	_ = s.command.Wait()
}

// Restart runs a killed server again, at the same address and with the same
// data.
func (s *Server) Restart(t testing.TB) {
	t.Helper()
	s.run(t, s.command.Path)
}

// Pid returns the process id of the server.
func (s *Server) Pid() int { return s.command.Process.Pid }

// Database makes a database in which the user of Token may write and read.
func (s *Server) Database(t testing.TB, name string) {
	t.Helper()
	s.Query(t, fmt.Sprintf("CREATE DATABASE %q", name))
	s.Query(t, fmt.Sprintf("GRANT ALL ON %q TO %s", name, writer))
}

// Query runs a statement of InfluxQL as the administrator and returns the JSON
// of the answer.
func (s *Server) Query(t testing.TB, statement string) string {
	t.Helper()
	return s.query(t, admin, statement)
}

func (s *Server) query(t testing.TB, token, statement string) string {
	t.Helper()
	return s.post(t, token, "/query?"+url.Values{"q": {statement}}.Encode(), "")
}

// Write stores line protocol with stamps in milliseconds, as the administrator.
func (s *Server) Write(t testing.TB, database, lines string) {
	t.Helper()
	s.post(t, admin, "/api/v2/write?precision=ms&bucket="+url.QueryEscape(database), lines)
}

func (s *Server) post(t testing.TB, token, path, body string) string {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if token != "" {
		request.Header.Set("Authorization", "Token "+token)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode >= 300 || bytes.Contains(answer, []byte(`"error"`)) {
		t.Fatalf("POST %s: %s %v %s", path, response.Status, err, answer)
	}
	return string(answer)
}
