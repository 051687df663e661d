package pager_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"

	"thermarack/collector/internal/pager"
)

// deadline is when a test gives up waiting for what must happen.
const deadline = 20 * time.Second

// A sink is a receiver on loopback that keeps what it is sent.
type sink struct {
	*httptest.Server
	got chan message
}

// A message has the fields of a webhook and of a PagerDuty event that the tests
// look at.
type message struct {
	Status      string            `json:"status"`
	GroupLabels map[string]string `json:"groupLabels"`
	ExternalURL string            `json:"externalURL"`
	Alerts      []struct {
		Status      string            `json:"status"`
		Labels      map[string]string `json:"labels"`
		Annotations map[string]string `json:"annotations"`
	} `json:"alerts"`

	RoutingKey string `json:"routing_key"`
	Action     string `json:"event_action"`
	DedupKey   string `json:"dedup_key"`
	Client     string `json:"client"`
	ClientURL  string `json:"client_url"`
	Payload    struct {
		Summary  string `json:"summary"`
		Source   string `json:"source"`
		Severity string `json:"severity"`
	} `json:"payload"`
}

// newSink answers request n, from 0, with the status that answers give it, and
// with 202 after the last.
func newSink(t *testing.T, answers ...int) sink {
	t.Helper()
	s := sink{got: make(chan message, 1000)}
	var requests atomic.Int64
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var m message
		if err := json.NewDecoder(r.Body).Decode(&m); err != nil {
			t.Errorf("sink: %v", err)
		}
		status := http.StatusAccepted
		if n := int(requests.Add(1)); n <= len(answers) {
			status = answers[n-1]
		}
		w.WriteHeader(status)
		s.got <- m
	}))
	t.Cleanup(s.Close)
	return s
}

func (s sink) next(t *testing.T) message {
	t.Helper()
	select {
	case m := <-s.got:
		return m
	case <-time.After(deadline):
		t.Fatal("nothing was sent")
		panic("unreachable")
	}
}

// webhook and pagerduty are configurations with one receiver at the sink, fast
// enough for a test.
func (s sink) webhook() []byte {
	return fmt.Appendf(nil, "route: {receiver: ops, group_interval: 20ms}\nreceivers: [{name: ops, webhook_configs: [{url: %q}]}]", s.URL)
}

func (s sink) pagerduty() []byte {
	return fmt.Appendf(nil, "route: {receiver: ops, group_interval: 20ms}\nreceivers: [{name: ops, pagerduty_configs: [{routing_key: key1, url: %q}]}]", s.URL)
}

// start runs a Pager until the test ends or stop is called.
func start(t *testing.T, o pager.Options) (p *pager.Pager, stop func()) {
	t.Helper()
	p = build(t, o)
	return p, run(t, p)
}

func build(t *testing.T, o pager.Options) *pager.Pager {
	t.Helper()
	if o.Dir == "" {
		o.Dir = t.TempDir()
	}
	p, err := pager.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func run(t *testing.T, p *pager.Pager) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() {
		done <- p.Run(ctx)
		close(done)
	}()
	stop = func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run = %v", err)
		}
	}
	t.Cleanup(stop)
	return stop
}

func send(t *testing.T, p *pager.Pager, alerts ...pager.Alert) {
	t.Helper()
	if err := p.Send(alerts...); err != nil {
		t.Fatal(err)
	}
}

// firing returns an alert of shelf that fires since a minute ago.
func firing(name, shelf string) pager.Alert {
	return pager.Alert{
		Labels: map[string]string{
			"alertname": name, "site": "hex", "rack": "a1", "shelf": shelf, "severity": "critical", "slot": "",
		},
		Annotations: map[string]string{"summary": name + " on hex/a1/" + shelf, "description": "Check the fans."},
		StartsAt:    time.Now().Add(-time.Minute),
	}
}

func resolved(a pager.Alert) pager.Alert {
	a.EndsAt = time.Now()
	return a
}

// notified waits until the Pager's notifications are n.
func notified(t *testing.T, p *pager.Pager, n int) []pager.Notification {
	t.Helper()
	changed, cancel := p.Watch()
	defer cancel()
	late := time.After(deadline)
	for {
		list := p.Notifications()
		if len(list) >= n {
			return list
		}
		select {
		case <-changed:
		case <-late:
			t.Fatalf("notifications = %+v, want %d", list, n)
		}
	}
}

// counted waits until the metric called name, summed over its labels, is n.
func counted(t *testing.T, reg prometheus.Gatherer, name string, n float64) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	late := time.After(deadline)
	for total(t, reg, name) < n {
		select {
		case <-tick.C:
		case <-late:
			t.Fatalf("%s = %v, want %v", name, total(t, reg, name), n)
		}
	}
}

func total(t *testing.T, reg prometheus.Gatherer, name string) float64 {
	t.Helper()
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	sum := 0.0
	for _, f := range families {
		if f.GetName() != name {
			continue
		}
		for _, m := range f.GetMetric() {
			sum += m.GetCounter().GetValue()
		}
	}
	return sum
}

func TestAFiringAlertReachesAWebhookOnceHoweverOftenItIsSent(t *testing.T) {
	t.Parallel()
	ops, reg := newSink(t), prometheus.NewRegistry()
	page := &url.URL{Scheme: "http", Host: "rack.example:8080"}
	p, _ := start(t, pager.Options{ConfigText: ops.webhook(), ExternalURL: page, Registry: reg, Resend: time.Millisecond})

	fan := firing("FanFailed", "s3")
	send(t, p, fan)
	got := ops.next(t)
	if len(got.Alerts) != 1 || got.Status != "firing" || got.ExternalURL != "http://rack.example:8080" {
		t.Fatalf("sent %+v, want one firing alert", got)
	}
	group := map[string]string{"site": "hex", "rack": "a1", "shelf": "s3", "severity": "critical"}
	if diff := cmp.Diff(group, got.GroupLabels); diff != "" {
		t.Errorf("group (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(fan.Annotations, got.Alerts[0].Annotations); diff != "" {
		t.Errorf("annotations (-want +got):\n%s", diff)
	}

	// The group is looked at again and again, and the alert sent all the while.
	send(t, p, fan)
	counted(t, reg, "alertmanager_nflog_queries_total", 10)
	send(t, p, resolved(fan))
	if got := ops.next(t); got.Status != "resolved" {
		t.Errorf("after a resolution, sent %+v, want it resolved and nothing before", got)
	}
	list := notified(t, p, 2)
	want := pager.Notification{
		Seq: 1, Receiver: "ops", Integration: "webhook[0]", Status: "firing", Group: group,
		Alerts: []string{"FanFailed on hex/a1/s3"}, Attempts: 1, Time: list[1].Time,
	}
	if diff := cmp.Diff(want, list[1]); diff != "" || list[1].Time.IsZero() {
		t.Errorf("notification (-want +got):\n%s", diff)
	}
	if n := total(t, reg, "alertmanager_notifications_total"); n != 2 {
		t.Errorf("alertmanager_notifications_total = %v, want 2", n)
	}
}

// TestNoResolutionIsOvertakenByAReSend resolves many alerts while all of them are
// sent again as fast as can be.
func TestNoResolutionIsOvertakenByAReSend(t *testing.T) {
	t.Parallel()
	ops := newSink(t)
	p, _ := start(t, pager.Options{ConfigText: ops.webhook(), Resend: time.Millisecond})
	const shelves = 50
	alerts := make([]pager.Alert, shelves)
	for i := range alerts {
		alerts[i] = firing("FanFailed", fmt.Sprint("s", i))
	}
	send(t, p, alerts...)
	for range shelves {
		ops.next(t)
	}
	for _, a := range alerts {
		send(t, p, resolved(a))
	}
	for range shelves {
		if got := ops.next(t); got.Status != "resolved" {
			t.Errorf("sent %+v, want it resolved", got)
		}
	}
}

func TestAPagerDutyIncidentIsOpenedOnceAndClosedWithItsKey(t *testing.T) {
	t.Parallel()
	ops := newSink(t)
	page := &url.URL{Scheme: "http", Host: "rack.example:8080"}
	p, _ := start(t, pager.Options{ConfigText: ops.pagerduty(), ExternalURL: page, Resend: time.Millisecond})

	fan := firing("FanFailed", "s3")
	send(t, p, fan)
	opened := ops.next(t)
	send(t, p, resolved(fan))
	closed := ops.next(t)

	if opened.DedupKey == "" || opened.DedupKey != closed.DedupKey {
		t.Errorf("opened with key %q, closed with %q, want one", opened.DedupKey, closed.DedupKey)
	}
	if closed.Action != "resolve" {
		t.Errorf("closing event_action = %q, want resolve", closed.Action)
	}
	want := message{
		RoutingKey: "key1", Action: "trigger", DedupKey: opened.DedupKey,
		Client: "thermarack", ClientURL: "http://rack.example:8080",
	}
	want.Payload.Summary = "FanFailed on hex/a1/s3"
	want.Payload.Source = "thermarack"
	want.Payload.Severity = "critical"
	if diff := cmp.Diff(want, opened); diff != "" {
		t.Errorf("opening event (-want +got):\n%s", diff)
	}
}

func TestAnAlertThatJoinsAGroupIsInItsNextNotification(t *testing.T) {
	t.Parallel()
	ops := newSink(t)
	p, _ := start(t, pager.Options{ConfigText: ops.webhook()})
	send(t, p, firing("FanFailed", "s3"))
	if got := ops.next(t); len(got.Alerts) != 1 {
		t.Fatalf("first sent %+v, want one alert", got)
	}
	send(t, p, firing("TimeToCritical", "s3"))
	if got := ops.next(t); len(got.Alerts) != 2 {
		t.Errorf("then sent %+v, want both alerts", got)
	}
}

func TestTwoShelvesAreTwoGroups(t *testing.T) {
	t.Parallel()
	ops := newSink(t)
	p, _ := start(t, pager.Options{ConfigText: ops.webhook()})
	send(t, p, firing("FanFailed", "s3"), firing("FanFailed", "s4"))
	shelves := map[string]int{}
	for range 2 {
		got := ops.next(t)
		shelves[got.GroupLabels["shelf"]] += len(got.Alerts)
	}
	if diff := cmp.Diff(map[string]int{"s3": 1, "s4": 1}, shelves); diff != "" {
		t.Errorf("alerts by shelf (-want +got):\n%s", diff)
	}
}

func TestAFailedDeliveryIsRecordedAndTriedAgain(t *testing.T) {
	t.Parallel()
	ops, reg := newSink(t, http.StatusServiceUnavailable), prometheus.NewRegistry()
	p, _ := start(t, pager.Options{ConfigText: ops.webhook(), Registry: reg})
	send(t, p, firing("FanFailed", "s3"))
	ops.next(t)
	ops.next(t)
	list := notified(t, p, 2)
	if list[0].Err != "" || list[0].Seq != 2 {
		t.Errorf("second try = %+v, want it delivered", list[0])
	}
	if !strings.Contains(list[1].Err, "503") || list[1].Attempts != 1 {
		t.Errorf("first try = %+v, want it failed with 503", list[1])
	}
	if n := total(t, reg, "alertmanager_notification_requests_failed_total"); n != 1 {
		t.Errorf("alertmanager_notification_requests_failed_total = %v, want 1", n)
	}
}

func TestWhatWasPagedBeforeARestartIsNotPagedAgainButResolved(t *testing.T) {
	t.Parallel()
	ops, dir := newSink(t), t.TempDir()
	fan := firing("FanFailed", "s3")
	p, stop := start(t, pager.Options{ConfigText: ops.pagerduty(), Dir: dir})
	send(t, p, fan)
	opened := ops.next(t)
	notified(t, p, 1)
	stop()

	reg := prometheus.NewRegistry()
	p, _ = start(t, pager.Options{ConfigText: ops.pagerduty(), Dir: dir, Registry: reg})
	send(t, p, fan)
	counted(t, reg, "alertmanager_nflog_queries_total", 3)
	send(t, p, resolved(fan))
	if got := ops.next(t); got.Action != "resolve" || got.DedupKey != opened.DedupKey {
		t.Errorf("after a restart, sent %+v, want key %q resolved and nothing before", got, opened.DedupKey)
	}
}

func TestSendNamesWhatItLeavesOutAndSendsTheRest(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		bad  func(*pager.Alert)
		want string
	}{
		{"no start", func(a *pager.Alert) { a.StartsAt = time.Time{} }, "start time missing"},
		{"no labels", func(a *pager.Alert) { a.Labels = map[string]string{"slot": ""} }, "at least one label"},
		{"end before start", func(a *pager.Alert) { a.EndsAt = a.StartsAt.Add(-time.Second) }, "before end time"},
		{"bad label name", func(a *pager.Alert) { a.Labels = map[string]string{"": "x"} }, "invalid"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			ops := newSink(t)
			p, _ := start(t, pager.Options{ConfigText: ops.webhook()})
			bad := firing("InletTemperature", "s4")
			tt.bad(&bad)
			err := p.Send(bad, firing("FanFailed", "s3"))
			if err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "\n") {
				t.Errorf("Send = %v, want one line with %q", err, tt.want)
			}
			if got := ops.next(t); got.GroupLabels["shelf"] != "s3" {
				t.Errorf("sent %+v, want the good alert", got)
			}
		})
	}
}

func TestTextThatIsNotUTF8IsStillDelivered(t *testing.T) {
	t.Parallel()
	ops := newSink(t)
	p, _ := start(t, pager.Options{ConfigText: ops.webhook()})
	fan := firing("FanFailed", "s3")
	fan.Annotations["summary"] = "48 \xb0C"
	send(t, p, fan)
	if got := ops.next(t).Alerts[0].Annotations["summary"]; got != "48 \uFFFDC" {
		t.Errorf("summary = %q, want the byte replaced", got)
	}
}
