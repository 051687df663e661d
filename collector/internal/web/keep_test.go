package web_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"thermarack/collector/internal/web"
)

// keeping lets a world's server back up and record one line.
func (w *world) keeping() {
	w.opt.Backup = func(_ context.Context, out io.Writer) error {
		_, err := io.WriteString(out, "archive")
		return err
	}
	w.opt.Recording = func(_ context.Context, out io.Writer, from, to time.Time) error {
		_, err := fmt.Fprintf(out, "%d to %d\n", max(from.Unix(), 0), to.Unix())
		return err
	}
}

// backupFrom is a request for a backup from an address.
func backupFrom(address string) *http.Request {
	r := httptest.NewRequest(http.MethodPost, "/api/v1/backup", nil)
	r.Header.Set("Content-Type", "application/json")
	r.RemoteAddr = address
	return r
}

func TestABackupAndARecordingAreForTheOwnMachineOnly(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.keeping()
	from := func(address string, r *http.Request) *http.Request { r.RemoteAddr = address; return r }
	record := func(query string) *http.Request {
		return from("127.0.0.1:5", httptest.NewRequest(http.MethodGet, "/api/v1/recording"+query, nil))
	}
	browser := backupFrom("127.0.0.1:5")
	browser.Header.Del("Content-Type")
	reached := backupFrom("192.0.2.7:5")
	reached = reached.WithContext(context.WithValue(reached.Context(), http.LocalAddrContextKey, &net.TCPAddr{IP: net.IPv4(192, 0, 2, 7), Port: 8080}))
	passedOn := func(header, value string) *http.Request {
		r := backupFrom("127.0.0.1:5")
		r.Header.Set(header, value)
		return r
	}
	tests := []struct {
		name    string
		request *http.Request
		code    int
		want    string
	}{
		{"a backup from here", backupFrom("127.0.0.1:5"), http.StatusOK, "archive"},
		{"a backup from here by IPv6", backupFrom("[::1]:5"), http.StatusOK, "archive"},
		{"a backup from here by an address of the network", reached, http.StatusOK, "archive"},
		{"a backup from elsewhere", backupFrom("192.0.2.7:5"), http.StatusForbidden, ""},
		{"a backup through a proxy of this machine", passedOn("X-Forwarded-For", "192.0.2.7"), http.StatusForbidden, ""},
		{"a backup through a proxy that says so by RFC 7239", passedOn("Forwarded", "for=192.0.2.7"), http.StatusForbidden, ""},
		{"a backup through a proxy that names itself", passedOn("Via", "1.1 rack"), http.StatusForbidden, ""},
		{"a backup that a web page asks for", browser, http.StatusUnsupportedMediaType, ""},
		{"a recording of everything", record(""), http.StatusOK, fmt.Sprintf("0 to %d\n", noon.Unix())},
		{"a recording of a span", record("?from=10&to=20"), http.StatusOK, "10 to 20\n"},
		{"a recording of no span", record("?from=20&to=20"), http.StatusBadRequest, ""},
		{"a recording from elsewhere", from("192.0.2.7:5", record("")), http.StatusForbidden, ""},
	}
	handler := w.server(t).Handler()
	for _, tt := range tests {
		answer := ask(handler, tt.request)
		if answer.Code != tt.code || tt.want != "" && answer.Body.String() != tt.want {
			t.Errorf("%s: %d %q, want %d %q", tt.name, answer.Code, answer.Body, tt.code, tt.want)
		}
	}
}

func TestWhatCannotBeReadBackSaysSo(t *testing.T) {
	t.Parallel()
	handler := newWorld(t).server(t).Handler()
	record := httptest.NewRequest(http.MethodGet, "/api/v1/recording", nil)
	record.RemoteAddr = "127.0.0.1:5"
	for _, r := range []*http.Request{record, backupFrom("127.0.0.1:5")} {
		if answer := ask(handler, r); answer.Code != http.StatusNotImplemented {
			t.Errorf("%s: %d %s, want 501", r.URL, answer.Code, answer.Body)
		}
	}
}

func TestOneBackupAtATime(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	started, end := make(chan struct{}), make(chan struct{})
	w.opt.Backup = func(_ context.Context, out io.Writer) error {
		started <- struct{}{}
		<-end
		_, err := io.WriteString(out, "archive")
		return err
	}
	handler := w.server(t).Handler()
	first := make(chan int)
	go func() { first <- ask(handler, backupFrom("127.0.0.1:5")).Code }()
	<-started
	if answer := ask(handler, backupFrom("127.0.0.1:6")); answer.Code != http.StatusServiceUnavailable || answer.Header().Get("Retry-After") == "" {
		t.Errorf("a second one: %d %s, want 503", answer.Code, answer.Body)
	}
	close(end)
	if code := <-first; code != http.StatusOK {
		t.Errorf("the first one: %d", code)
	}
}

func TestABackupThatFailsHalfWayIsCut(t *testing.T) {
	t.Parallel()
	for _, begun := range []bool{false, true} {
		w := newWorld(t)
		w.opt.Backup = func(_ context.Context, out io.Writer) error {
			if begun {
				_, _ = io.WriteString(out, "arch")
			}
			return errors.New("the disk is gone")
		}
		server := httptest.NewServer(w.server(t).Handler())
		t.Cleanup(server.Close)
		response, err := http.Post(server.URL+"/api/v1/backup", "application/json", nil)
		if err != nil {
			if !begun {
				t.Error(err)
			}
			continue // cut before the client had seen the status
		}
		_, err = io.ReadAll(response.Body)
		response.Body.Close()
		if begun && err == nil || !begun && response.StatusCode != http.StatusInternalServerError {
			t.Errorf("begun %v: %s, %v, want an error of the connection, or a status", begun, response.Status, err)
		}
	}
}

func TestOfflineAnswersWhatTheCommandsAsk(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.keeping()
	w.series["urn:dev:ow:28c1000000000000:temperature"] = daily(25, 1, 0)
	handler := web.Offline(w.opt)
	for path, want := range map[string]string{
		"/api/v1/recording?to=20": "0 to 20\n",
		"/api/v1/export.csv?from=2026-03-04T11:00:00Z&sensor=place:hex/a1/s3/probe/c1:temperature": "time,value\n2026-03-04T11:00:00Z,",
	} {
		answer := ask(handler, httptest.NewRequest(http.MethodGet, path, nil))
		if answer.Code != http.StatusOK || len(answer.Body.String()) < len(want) || answer.Body.String()[:len(want)] != want {
			t.Errorf("%s: %d %.200q, want %q", path, answer.Code, answer.Body, want)
		}
	}
	if answer := ask(handler, httptest.NewRequest(http.MethodPost, "/api/v1/backup", nil)); answer.Body.String() != "archive" {
		t.Errorf("backup: %d %s", answer.Code, answer.Body)
	}
}
