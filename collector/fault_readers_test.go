package main_test

import (
	"fmt"
	"net"
	"net/http"
	"testing"
	"time"
)

// ask sends a request and reads nothing of the answer.
func ask(t *testing.T, addr, request string) {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if err := conn.(*net.TCPConn).SetReadBuffer(1024); err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Write([]byte(request)); err != nil {
		t.Fatal(err)
	}
}

// Some ask for much and read none of it, some never come to the end of what they
// ask for. Messages are taken as if they were not there, and so are other readers.
func TestSlowReadersHoldUpNobody(t *testing.T) {
	needs(t)
	data := t.TempDir()
	c := startCollector(t, "serve", "--mqtt", "127.0.0.1:0", "--data", data)
	past := manySenders(4, 8000, 0)
	for i, one := range past {
		one.node = fmt.Sprintf("dca632%06x", i+1)
	}
	history := send(t, c.MQTT, past...)
	until(t, time.Minute, "something to read", func() bool { return history.acks() == 8000 })

	sensor := history.senders[0].device(0) + ":temperature"
	for range 25 {
		for _, path := range []string{
			"/api/v1/series?sensor=" + sensor, "/api/v1/export.csv?sensor=" + sensor, "/api/v1/events", "/metrics", "/",
			fmt.Sprintf("/prometheus/api/v1/query_range?query=thermarack_temperature_celsius&step=1&start=%d&end=%d",
				time.Now().Add(-time.Hour).Unix(), time.Now().Unix()),
		} {
			ask(t, c.HTTP, "GET "+path+" HTTP/1.1\r\nHost: "+c.HTTP+"\r\n\r\n")
		}
		ask(t, c.HTTP, "GET /api/v1/shelves HTTP/1.1\r\nHost: ")
		ask(t, c.HTTP, "POST /api/v1/alerts/x/ack HTTP/1.1\r\nHost: "+c.HTTP+"\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{")
	}
	burst := send(t, c.MQTT, manySenders(20, 6000, 2000)...)
	for burst.acks() < 6000 {
		for _, path := range []string{"/healthz", "/readyz", "/api/v1/shelves", "/api/v1/nodes"} {
			if status := c.status(t, path); status != http.StatusOK {
				t.Fatalf("GET %s: %d, with %d of 6000 messages acknowledged", path, status, burst.acks())
			}
		}
	}
	burst.check(t, c)
	c.stop()
	if status := c.cmd.ProcessState.ExitCode(); status != 0 {
		t.Errorf("exit status %d: %s", status, c.stderr)
	}
}
