package main_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	paho "github.com/eclipse/paho.mqtt.golang"
)

// bin is where TestMain has built both programs, as `make build` does.
var bin string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "thermarack-bin-")
	if err != nil {
		panic(err)
	}
	bin = dir
	status := m.Run()
	os.RemoveAll(dir)
	os.Exit(status)
}

// build makes bin/thermarack-agent and bin/thermarack-collector once, for the
// tests that start them.
var build = sync.OnceValue(func() error {
	for _, name := range []string{"agent", "collector"} {
		command := exec.Command("go", "build", "-o", filepath.Join(bin, "thermarack-"+name), "thermarack/"+name)
		command.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := command.CombinedOutput(); err != nil {
			return fmt.Errorf("build %s: %w\n%s", name, err, out)
		}
	}
	return nil
})

// needs skips a test that starts real programs in a short run, and one whose
// program is missing; with THERMARACK_SERVERS=1, as in CI, missing is a failure.
func needs(t testing.TB, programs ...string) {
	t.Helper()
	if testing.Short() {
		t.Skip("starts real programs; run without -short")
	}
	for _, program := range programs {
		if _, err := exec.LookPath(program); err == nil {
			continue
		}
		if os.Getenv("THERMARACK_SERVERS") == "1" {
			t.Fatalf("%s is not installed; .ci/test-deps installs it", program)
		}
		t.Skipf("%s is not installed; make test installs it", program)
	}
	if err := build(); err != nil {
		t.Fatal(err)
	}
}

// A daemon is a real program under test. It is ended with the test.
type daemon struct {
	first  string // first line on standard output
	cmd    *exec.Cmd
	stderr *bytes.Buffer // complete when it has ended
	more   *lines
	read   chan struct{} // closed when standard output has ended
	killed bool
}

// kill ends the program as a power cut would, and waits until it is gone.
func (d *daemon) kill() { d.signal(syscall.SIGKILL) }

// stop ends the program as a supervisor would, and waits until it is gone.
func (d *daemon) stop() { d.signal(syscall.SIGTERM) }

func (d *daemon) signal(s syscall.Signal) {
	d.killed = true
	_ = d.cmd.Process.Signal(s)
	<-d.read
	_ = d.cmd.Wait()
}

// lines are the further lines on standard output.
type lines struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// start runs a program. With wait it returns when the first line has come.
func start(t testing.TB, wait bool, program string, args ...string) *daemon {
	t.Helper()
	if strings.HasPrefix(program, "thermarack-") {
		program = filepath.Join(bin, program)
	}
	d := &daemon{cmd: exec.Command(program, args...), stderr: new(bytes.Buffer), more: new(lines)}
	d.cmd.Stderr = d.stderr
	out, err := d.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := d.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	reader := bufio.NewReader(out)
	if wait {
		if d.first, err = reader.ReadString('\n'); err != nil {
			_ = d.cmd.Wait()
			t.Fatalf("%s %v ended before its first line: %s", program, args, d.stderr)
		}
	}
	read := make(chan struct{})
	go func() {
		defer close(read)
		_, _ = io.Copy(d.more, reader)
	}()
	d.read = read
	t.Cleanup(func() {
		if d.killed {
			return
		}
		_ = d.cmd.Process.Signal(syscall.SIGTERM)
		killer := time.AfterFunc(15*time.Second, func() {
			t.Errorf("%s did not end within 15 s of SIGTERM", program)
			_ = d.cmd.Process.Kill()
		})
		<-read
		_ = d.cmd.Wait()
		killer.Stop()
		if t.Failed() {
			t.Logf("%s %v\n%s\n%s", program, args, d.more, d.stderr)
		}
	})
	return d
}

// A collector is a real `serve` or `demo`.
type collector struct {
	*daemon
	HTTP string `json:"http"`
	MQTT string `json:"mqtt"`
}

// startCollector runs a collector on a free port, and on a data directory of its
// own unless args name one.
func startCollector(t testing.TB, command string, args ...string) *collector {
	t.Helper()
	if !slices.Contains(args, "--data") {
		args = append([]string{"--data", t.TempDir()}, args...)
	}
	args = append([]string{command, "--listen", "127.0.0.1:0"}, args...)
	c := &collector{daemon: start(t, true, "thermarack-collector", args...)}
	if err := json.Unmarshal([]byte(c.first), c); err != nil {
		t.Fatalf("first line %q: %v", c.first, err)
	}
	return c
}

// get answers a GET of the collector's, or fails the test.
func (c *collector) get(t testing.TB, path string) []byte {
	t.Helper()
	response, err := http.Get("http://" + c.HTTP + path)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK {
		t.Fatalf("GET %s: %s %v\n%.500s", path, response.Status, err, body)
	}
	return body
}

// status returns the status of a GET.
func (c *collector) status(t testing.TB, path string) int {
	t.Helper()
	response, err := http.Get("http://" + c.HTTP + path)
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	return response.StatusCode
}

// decode reads a JSON answer.
func (c *collector) decode(t testing.TB, path string, into any) {
	t.Helper()
	if body := c.get(t, path); json.Unmarshal(body, into) != nil {
		t.Fatalf("GET %s is not the expected JSON: %.500s", path, body)
	}
}

// until asks again and again until ask is true, and fails the test after limit.
func until(t testing.TB, limit time.Duration, what string, ask func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for !ask() {
		select {
		case <-ctx.Done():
			t.Fatalf("waited %v in vain: %s", limit, what)
		case <-tick.C:
		}
	}
}

// dial connects a plain MQTT client.
func dial(t testing.TB, addr, id string) paho.Client {
	t.Helper()
	client := paho.NewClient(paho.NewClientOptions().AddBroker("tcp://" + addr).SetClientID(id))
	if token := client.Connect(); !token.WaitTimeout(10*time.Second) || token.Error() != nil {
		t.Fatalf("connect to %s: %v", addr, token.Error())
	}
	t.Cleanup(func() { client.Disconnect(100) })
	return client
}

// publish waits for the acknowledgement, which says that it is stored.
func publish(t testing.TB, client paho.Client, topic, payload string) {
	t.Helper()
	if token := client.Publish(topic, 1, false, payload); !token.WaitTimeout(10*time.Second) || token.Error() != nil {
		t.Fatalf("publish to %s: acknowledged %v", topic, token.Error())
	}
}

// freePort returns a port of 127.0.0.1 that was free a moment ago, for programs
// that cannot choose one themselves.
func freePort(t testing.TB) int {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().(*net.TCPAddr).Port
}

// startMosquitto runs Debian's broker and returns its URL.
func startMosquitto(t testing.TB) string {
	t.Helper()
	port := freePort(t)
	file := filepath.Join(t.TempDir(), "mosquitto.conf")
	write(t, file, fmt.Sprintf("listener %d 127.0.0.1\nallow_anonymous true\npersistence false\nmax_queued_messages 0\n", port))
	program := "/usr/sbin/mosquitto"
	start(t, false, program, "-c", file)
	address := fmt.Sprintf("127.0.0.1:%d", port)
	until(t, 10*time.Second, "mosquitto listens", func() bool {
		conn, err := net.Dial("tcp", address)
		if err == nil {
			conn.Close()
		}
		return err == nil
	})
	return "tcp://" + address
}

func write(t testing.TB, file, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}
