package pager_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"thermarack/collector/internal/pager"
)

const api = "/alertmanager/api/v2"

// call asks the Pager's handler and decodes its answer into out, if not nil.
func call(t *testing.T, p *pager.Pager, r *http.Request, out any) {
	t.Helper()
	if r.Body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	w := httptest.NewRecorder()
	p.Handler().ServeHTTP(w, r)
	if w.Code != http.StatusOK {
		t.Fatalf("%s %s = %d %s", r.Method, r.URL, w.Code, w.Body)
	}
	if out == nil {
		return
	}
	if err := json.NewDecoder(w.Body).Decode(out); err != nil {
		t.Fatal(err)
	}
}

// An apiAlert is an alert as the API lists it.
type apiAlert struct {
	Labels    map[string]string `json:"labels"`
	UpdatedAt time.Time         `json:"updatedAt"`
	EndsAt    time.Time         `json:"endsAt"`
	Status    struct {
		State      string   `json:"state"`
		SilencedBy []string `json:"silencedBy"`
	} `json:"status"`
}

func listAlerts(t *testing.T, p *pager.Pager, query string) []apiAlert {
	t.Helper()
	var list []apiAlert
	call(t, p, httptest.NewRequest("GET", api+"/alerts"+query, nil), &list)
	return list
}

// silence silences a shelf for two hours and returns the silence's id.
func silence(t *testing.T, p *pager.Pager, shelf string) string {
	t.Helper()
	now := time.Now()
	body := fmt.Sprintf(`{"matchers":[{"name":"shelf","value":%q,"isRegex":false,"isEqual":true}],
		"startsAt":%q,"endsAt":%q,"createdBy":"night shift","comment":"fan is being changed"}`,
		shelf, now.Format(time.RFC3339), now.Add(2*time.Hour).Format(time.RFC3339))
	var made struct{ SilenceID string }
	call(t, p, httptest.NewRequest("POST", api+"/silences", strings.NewReader(body)), &made)
	return made.SilenceID
}

func silences(t *testing.T, p *pager.Pager) int {
	t.Helper()
	var list []struct{ ID string }
	call(t, p, httptest.NewRequest("GET", api+"/silences", nil), &list)
	return len(list)
}

func TestTheAPIListsWhatFires(t *testing.T) {
	t.Parallel()
	p, _ := start(t, pager.Options{})
	send(t, p, firing("FanFailed", "s3"), firing("FanFailed", "s4"))
	list := listAlerts(t, p, `?filter=shelf%3D%22s4%22`) // as amtool filters
	if len(list) != 1 || list[0].Labels["shelf"] != "s4" || list[0].Status.State != "active" {
		t.Errorf("alerts of s4 = %+v, want one, active", list)
	}
	if _, ok := list[0].Labels["slot"]; ok {
		t.Errorf("labels = %v, want the empty one left out", list[0].Labels)
	}
	send(t, p, resolved(firing("FanFailed", "s4")))
	if list := listAlerts(t, p, ""); len(list) != 1 || list[0].Labels["shelf"] != "s3" {
		t.Errorf("after a resolution, alerts = %+v, want only that of s3", list)
	}
}

func TestTheAPIRefusesAHugeRequest(t *testing.T) {
	t.Parallel()
	p, _ := start(t, pager.Options{})
	body := `[{"labels":{"alertname":"` + strings.Repeat("x", 2<<20) + `"}}]`
	r := httptest.NewRequest("POST", api+"/alerts", strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	p.Handler().ServeHTTP(w, r)
	if w.Code/100 != 4 {
		t.Errorf("status = %d, want 4xx", w.Code)
	}
}

func TestASilenceHoldsPagesBackAcrossARestart(t *testing.T) {
	t.Parallel()
	ops, dir := newSink(t), t.TempDir()
	p, stop := start(t, pager.Options{ConfigText: ops.webhook(), Dir: dir})
	id := silence(t, p, "s3")
	stop()

	reg := prometheus.NewRegistry()
	p, _ = start(t, pager.Options{ConfigText: ops.webhook(), Dir: dir, Registry: reg})
	send(t, p, firing("FanFailed", "s3"))
	counted(t, reg, "alertmanager_notifications_suppressed_total", 3)
	if list := listAlerts(t, p, ""); len(list) != 1 || list[0].Status.State != "suppressed" {
		t.Errorf("alerts = %+v, want one, suppressed", list)
	}
	if list := p.Notifications(); len(list) != 0 {
		t.Errorf("notifications of a silenced alert = %+v, want none", list)
	}

	call(t, p, httptest.NewRequest("DELETE", api+"/silence/"+id, nil), nil)
	if got := ops.next(t); got.GroupLabels["shelf"] != "s3" {
		t.Errorf("after the silence, sent %+v, want the alert", got)
	}
}

func TestASilenceSurvivesKillNineWithinASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir, copied := t.TempDir(), t.TempDir()
		p, _ := start(t, pager.Options{Dir: dir})
		silence(t, p, "s3")
		<-time.After(time.Second)
		if err := os.CopyFS(filepath.Join(copied, "state"), os.DirFS(dir)); err != nil {
			t.Fatal(err)
		}

		p, _ = start(t, pager.Options{Dir: filepath.Join(copied, "state")})
		if n := silences(t, p); n != 1 {
			t.Errorf("silences = %d, want 1", n)
		}
	})
}

func TestWhatFiresNeverTimesOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, _ := start(t, pager.Options{})
		send(t, p, firing("FanFailed", "s3"))
		<-time.After(7 * 24 * time.Hour)
		list := listAlerts(t, p, "")
		if len(list) != 1 {
			t.Fatalf("alerts after a week = %+v, want one", list)
		}
		if age := time.Since(list[0].UpdatedAt); age > time.Minute {
			t.Errorf("last sent %v ago, want at most a minute", age)
		}
		if left := time.Until(list[0].EndsAt); left < 23*time.Hour {
			t.Errorf("times out in %v, want about a day", left)
		}
	})
}

func TestAReceiverThatStaysDeadIsOneNotification(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		text := "route: {receiver: ops}\nreceivers: [{name: ops, webhook_configs: [{url_file: /nonexistent/url}]}]"
		p, _ := start(t, pager.Options{ConfigText: []byte(text)})
		send(t, p, firing("FanFailed", "s3"))
		<-time.After(10*time.Minute + time.Second)
		list := p.Notifications()
		if len(list) != 1 || !strings.Contains(list[0].Err, "/nonexistent/url") {
			t.Fatalf("notifications = %+v, want one that names the missing file", list)
		}
		if n := list[0].Attempts; n != 21 { // at once, then every 30 s
			t.Errorf("attempts = %d, want 21", n)
		}
		send(t, p, firing("FanFailed", "s4"))
		synctest.Wait()
		if list := p.Notifications(); len(list) != 2 || list[0].Group["shelf"] != "s4" {
			t.Errorf("notifications = %+v, want that of the other group first", list)
		}
	})
}

func TestOnlyTheNewestNotificationsAreKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		text := "route: {receiver: ops}\nreceivers: [{name: ops, webhook_configs: [{url_file: /nonexistent/url}]}]"
		p, _ := start(t, pager.Options{ConfigText: []byte(text)})
		for i := range 210 {
			send(t, p, firing("FanFailed", fmt.Sprint("s", i)))
		}
		synctest.Wait()
		list := p.Notifications()
		if len(list) != 200 || list[0].Seq != 210 || list[199].Seq != 11 {
			t.Errorf("%d notifications, %d to %d, want 200, 210 to 11", len(list), list[0].Seq, list[len(list)-1].Seq)
		}
	})
}

func TestWatchTellsOfChangesUntilCancelled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		text := "route: {receiver: ops}\nreceivers: [{name: ops, webhook_configs: [{url_file: /nonexistent/url}]}]"
		p, _ := start(t, pager.Options{ConfigText: []byte(text)})
		changed, cancel := p.Watch()
		send(t, p, firing("FanFailed", "s3"))
		send(t, p, firing("FanFailed", "s4"))
		synctest.Wait()
		<-changed
		select {
		case <-changed:
			t.Error("two changes that nobody waited for are two values, want one")
		default:
		}
		cancel()
		send(t, p, firing("FanFailed", "s5"))
		synctest.Wait()
		select {
		case <-changed:
			t.Error("told of a change after cancel")
		default:
		}
	})
}

func TestAPagerWithoutReceiversWarnsThatPagesGoNowhere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		_, stop := start(t, pager.Options{Log: slog.New(slog.NewTextHandler(&log, nil))})
		synctest.Wait()
		stop()
		if n := strings.Count(log.String(), "pages go nowhere"); n != 1 {
			t.Errorf("log = %q, want the warning once", log.String())
		}
	})
}

func TestDamagedStateIsSetAside(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"silences", "nflog"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			if err := os.WriteFile(filepath.Join(dir, name), []byte("\x7fcut short"), 0o600); err != nil {
				t.Fatal(err)
			}
			var log bytes.Buffer
			p := build(t, pager.Options{Dir: dir, Log: slog.New(slog.NewTextHandler(&log, nil))})
			if n := silences(t, p); n != 0 {
				t.Errorf("silences = %d, want none", n)
			}
			if _, err := os.Stat(filepath.Join(dir, name+".damaged")); err != nil {
				t.Error(err)
			}
			if !strings.Contains(log.String(), name+".damaged") {
				t.Errorf("log = %q, want it to name the file", log.String())
			}
			run(t, p)()
		})
	}
}

func TestStateThatCannotBeReadIsAnError(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "nflog"), 0o750); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{"", dir, file} {
		if _, err := pager.New(pager.Options{Dir: dir}); err == nil || !strings.Contains(err.Error(), dir) {
			t.Errorf("New with state in %q: err = %v, want it named", dir, err)
		}
	}
}

func TestRunReturnsNilWhenItIsAlreadyCancelled(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := build(t, pager.Options{}).Run(ctx); err != nil {
		t.Errorf("Run = %v, want nil", err)
	}
}
