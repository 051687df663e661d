package simulate_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"thermarack/agent/internal/mqtt/mqtttest"
	"thermarack/agent/internal/simulate"
	"thermarack/agent/wire"
	"thermarack/agent/wire/clock"
)

// messages decodes what the broker was sent. The times of the lines are those of
// the packs.
func messages(t *testing.T, from []mqtttest.Message) []line {
	t.Helper()
	var lines []line
	for _, m := range from {
		topic, err := wire.ParseTopic(m.Topic)
		if err != nil {
			t.Fatal(err)
		}
		l := line{Topic: m.Topic, topic: topic, Payload: []byte(m.Payload)}
		if topic.Kind == wire.KindReadings {
			var pack []struct {
				BaseTime float64 `json:"bt"`
			}
			if err := json.Unmarshal(l.Payload, &pack); err != nil {
				t.Fatal(err)
			}
			l.T = pack[0].BaseTime
			l.decode(t)
		}
		if retain := topic.Kind != wire.KindReadings; m.Retain != retain {
			t.Errorf("%s: retained %v", m.Topic, m.Retain)
		}
		lines = append(lines, l)
	}
	return lines
}

func TestLiveNodesShareTheClockTheyAreTold(t *testing.T) {
	t.Parallel()
	const speed = 600
	broker := mqtttest.Start(t)
	d := newDir(t, small)
	start, origin := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC), time.Now().Add(-time.Second)
	d.run(t, "--broker", broker.URL(), "--speed", fmt.Sprint(speed), "--start", start.Format(time.RFC3339),
		"--clock-origin", origin.Format(time.RFC3339Nano), "--for", "30m", "--truth", d.path("t"))
	shared := clock.Scaled(start, origin, speed)
	lines := messages(t, broker.Messages())

	// The clock was 10 minutes ahead when the command began.
	earliest, latest := start.Add(10*time.Minute), start.Add(30*time.Minute)
	if shared.Now().Before(latest) {
		t.Errorf("the run ended when the clock showed %v, want not before %v", shared.Now(), latest)
	}
	for _, node := range []string{"0011223344ff", "b827eb000001", "b827eb000002", "b827eb000003", "b827eb000004"} {
		packs := of(lines, node, wire.KindReadings)
		if len(packs) == 0 {
			t.Errorf("%s sent no pack", node)
			continue
		}
		for i, l := range packs {
			if at := time.Unix(int64(l.T), 0); at.Before(earliest) || at.After(latest) || int64(l.T)%10 != 0 {
				t.Errorf("%s: a pack of %v, want the grid of 10 s from %v to %v", node, at.UTC(), earliest, latest)
			}
			if i > 0 && l.T != packs[i-1].T+10 {
				t.Errorf("%s: a pack of %v after %v", node, l.T, packs[i-1].T)
			}
		}
		if last := packs[len(packs)-1].T; last != float64(latest.Unix()) {
			t.Errorf("%s: the last pack is of %v, want %v: all that was sampled is delivered", node, last, latest.Unix())
		}
		statuses := of(lines, node, wire.KindStatus)
		first, last := status(t, statuses[0]), status(t, statuses[len(statuses)-1])
		if !first.Online || first.Time().Before(earliest) || first.Time().After(shared.Now()) || last.Online {
			t.Errorf("%s: status %+v at first, %+v at last", node, first, last)
		}
		if n := len(of(lines, node, wire.KindInventory)); n == 0 {
			t.Errorf("%s: no inventory", node)
		}
	}
	if truth := moments(t, d.read(t, "t")); len(truth) < 5 || truth[len(truth)-1].T != float64(latest.Unix()) {
		t.Errorf("%d minutes of truth", len(truth))
	}
}

func status(t *testing.T, l line) wire.Status {
	t.Helper()
	s, err := wire.DecodeStatus(l.Payload)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestLiveTheLastWillSpeaksForAPiWithoutPower(t *testing.T) {
	t.Parallel()
	broker := mqtttest.Start(t)
	d := newDir(t, small)
	d.write(t, "s.yaml", "- {at: 20m, slot: 3, offline: true}\n- {at: 25m, slot: 3, offline: false}\n")
	d.run(t, "--broker", broker.URL(), "--speed", "600", "--start", "2026-03-01T00:00:00Z", "--for", "28m", "--scenario", d.path("s.yaml"))
	const start, node = 1772323200, "b827eb000003"

	var told []string
	var boots []string
	for _, m := range broker.Messages() {
		if m.Topic != "thermarack/v1/hex/"+node+"/status" {
			continue
		}
		s, err := wire.DecodeStatus([]byte(m.Payload))
		if err != nil {
			t.Fatal(err)
		}
		told = append(told, fmt.Sprintf("online %v, will %v", s.Online, m.Will))
		boots = append(boots, s.Boot)
	}
	want := "online true, will false; online false, will true; online true, will false; online false, will false"
	if got := strings.Join(told, "; "); got != want {
		t.Fatalf("status messages: %s\nwant %s", got, want)
	}
	if boots[0] != boots[1] || boots[2] != boots[3] || boots[0] == boots[2] {
		t.Errorf("boots %v, want one for each life", boots)
	}
	lives := map[string]int{}
	for _, l := range of(messages(t, broker.Messages()), node, wire.KindReadings) {
		boot := l.texts["urn:dev:mac:b827ebfffe000003:boot"]
		lives[boot]++
		since := l.T - start
		if boot == boots[0] && since >= 20*minute || boot == boots[2] && since < 25*minute {
			t.Errorf("a pack of boot %s at %v s", boot, since)
		}
	}
	if lives[boots[0]] == 0 || lives[boots[2]] != 19 || len(lives) != 2 {
		t.Errorf("packs by boot: %v, want two lives and 19 of the second", lives)
	}
}

func TestLiveEndsWithGoodByeWhenTold(t *testing.T) {
	t.Parallel()
	broker := mqtttest.Start(t)
	d := newDir(t, small)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var stderr bytes.Buffer
	ended := make(chan error, 1)
	go func() {
		ended <- simulate.Command{}.Run(ctx, []string{"--layout", d.path("layout.yaml"), "--broker", broker.URL(), "--speed", "600"}, &stderr, &stderr)
	}()
	broker.Wait("pack of every node", func(all []mqtttest.Message) bool {
		seen := map[string]bool{}
		for _, m := range all {
			if strings.HasSuffix(m.Topic, "/readings") {
				seen[m.Topic] = true
			}
		}
		return len(seen) == 5
	})
	stop()
	select {
	case err := <-ended:
		if err != nil {
			t.Errorf("err = %v, want nil: it was told to end", err)
		}
	case <-time.After(3 * time.Second):
		t.Fatal("still running three seconds after it was told to end")
	}
	for _, node := range []string{"0011223344ff", "b827eb000001", "b827eb000002", "b827eb000003", "b827eb000004"} {
		s, err := wire.DecodeStatus([]byte(broker.Retained("thermarack/v1/hex/" + node + "/status")))
		if err != nil || s.Online {
			t.Errorf("%s leaves the status %+v, %v", node, s, err)
		}
	}
	for _, m := range broker.Messages() {
		if m.Will {
			t.Errorf("%s: a last will, though all said good-bye", m.Topic)
		}
	}
	if n := strings.Count(stderr.String(), "msg=connected"); n != 1 {
		t.Errorf("connections are told %d times, want once:\n%s", n, &stderr)
	}
}

func TestLiveSurvivesItsBroker(t *testing.T) {
	t.Parallel()
	broker := mqtttest.Start(t)
	d := newDir(t, small)
	d.write(t, "s.yaml", "- {at: 1000h, slot: 3, offline: true}\n")
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	ended := make(chan error, 1)
	var stderr bytes.Buffer
	go func() {
		ended <- simulate.Command{}.Run(ctx, []string{
			"--layout", d.path("layout.yaml"), "--broker", broker.URL(), "--speed", "600", "--scenario", d.path("s.yaml"),
		}, &stderr, &stderr)
	}()
	count := func(node string, all []mqtttest.Message) int {
		n := 0
		for _, m := range all {
			if m.Topic == "thermarack/v1/hex/"+node+"/readings" {
				n++
			}
		}
		return n
	}
	both := func(least int) func([]mqtttest.Message) bool {
		return func(all []mqtttest.Message) bool {
			return count("b827eb000002", all) >= least && count("b827eb000003", all) >= least
		}
	}
	broker.Wait("first packs", both(1))
	broker.Stop()
	before := broker.Messages()
	broker.Restart()
	// The Pi in slot 3 connects through its cable.
	broker.Wait("packs after the restart", both(10+max(count("b827eb000002", before), count("b827eb000003", before))))
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
