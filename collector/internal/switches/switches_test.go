package switches_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"thermarack/agent/wire"
	"thermarack/collector/internal/poe"
	"thermarack/collector/internal/snmp"
)

func TestASwitchBecomesReadingsOfItsMAC(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(1, 1)
		b.play(t, wait(95*time.Second))

		if diff := cmp.Diff(stamps(t, b.intake.messages(wire.KindReadings)), []float64{0, 30, 60, 90}); diff != "" {
			t.Errorf("stamps -got +want\n%s", diff)
		}
		for _, m := range b.intake.taken {
			if !strings.HasPrefix(m, "thermarack/v1/hex/001122334400/") {
				t.Errorf("%.80s: want the site of the first shelf that the switch feeds", m)
			}
		}
		status := b.intake.messages(wire.KindStatus)
		if want := []string{`{"online":true,"boot":"1999-12-31T23:00:00Z","t":946684800}`}; !slices.Equal(status, want) {
			t.Errorf("status %v, want once %v", status, want)
		}
		if n := len(b.intake.messages(wire.KindInventory)); n != 1 {
			t.Errorf("%d inventories, want one", n)
		}
		if diff := cmp.Diff(b.seen, []string{"sw-000 4 00:00:00", "sw-000 4 00:00:30", "sw-000 4 00:01:00", "sw-000 4 00:01:30"}); diff != "" {
			t.Errorf("seen -got +want\n%s", diff)
		}
		if b.log.Len() > 0 {
			t.Errorf("a healthy switch is logged: %s", b.log)
		}
	})
}

func TestManySwitchesAreSpreadOverTheInterval(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const n = 500
		b := newBench(n, 1)
		b.play(t, wait(2*interval))

		var polls []time.Time
		for name, d := range b.devices {
			if len(d.polls) < 2 {
				t.Errorf("%s was polled %v in two intervals", name, d.polls)
				continue
			}
			if apart := d.polls[1].Sub(d.polls[0]); apart != interval {
				t.Errorf("%s was polled twice within %v", name, apart)
			}
			polls = append(polls, d.polls[1])
		}
		slices.SortFunc(polls, time.Time.Compare)
		for i := 1; i < len(polls); i++ {
			if apart := polls[i].Sub(polls[i-1]); apart > 2*interval/n {
				t.Errorf("nobody is polled for %v", apart)
			}
		}
	})
}

func TestTheGridIsOfTheProgramsClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(1, 10)
		b.play(t, wait(10*time.Second)) // 100 s
		if diff := cmp.Diff(stamps(t, b.intake.messages(wire.KindReadings)), []float64{0, 30, 60, 90}); diff != "" {
			t.Errorf("stamps -got +want\n%s", diff)
		}
	})
}

func TestAPollThatIsSlowLeavesOutPointsOfTheGrid(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(1, 1)
		b.devices["sw-000"] = &device{says: small(), takes: 40 * time.Second}
		b.play(t, wait(165*time.Second))
		if diff := cmp.Diff(stamps(t, b.intake.messages(wire.KindReadings)), []float64{0, 60, 120}); diff != "" {
			t.Errorf("stamps -got +want\n%s", diff)
		}
	})
}

func TestAPollThatDoesNotEndIsBrokenOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(1, 1)
		b.devices["sw-000"] = &device{says: small(), takes: time.Hour}
		b.play(t, wait(125*time.Second))
		if !strings.Contains(b.log.String(), "was not read to the end in 2m0s") {
			t.Errorf("log: %s", b.log)
		}
	})
}

func TestASwitchThatIsAwayIsTriedLessAndLessOften(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(2, 1)
		gone, there := &device{says: small()}, &device{says: small()}
		gone.says.MAC, there.says.MAC = "001122334400", "001122334401"
		b.devices["sw-000"], b.devices["sw-001"] = gone, there
		b.play(t,
			wait(45*time.Second),
			then(func() { gone.set(func(d *device) { d.err, d.takes = snmp.ErrNoAnswer, 7*time.Second }) }, time.Hour),
			then(func() { gone.set(func(d *device) { d.err, d.takes = nil, 0 }) }, 6*time.Minute),
		)

		if n := len(there.polls); n < 130 || n > 135 { // (45 s + 1 h + 6 min) / 30 s
			t.Errorf("its neighbour was polled %d times", n)
		}
		if n := len(gone.polls); n < 20 || n > 40 {
			t.Errorf("polled %d times while away for an hour", n)
		}
		for i := 5; i < len(gone.polls); i++ {
			if pause := gone.polls[i].Sub(gone.polls[i-1]); pause > 5*time.Minute+interval {
				t.Errorf("not tried for %v", pause)
			}
		}
		var online []bool
		for _, text := range b.intake.messages(wire.KindStatus) {
			if s, err := wire.DecodeStatus([]byte(text)); err != nil {
				t.Error(err)
			} else if s.Boot == "1999-12-31T23:00:00Z" || s.Online {
				online = append(online, s.Online)
			}
		}
		if want := []bool{true, true, false, true}; !slices.Equal(online, want) { // the first two of one each
			t.Errorf("online %v, want %v", online, want)
		}
		if got := strings.Count(b.log.String(), "\n"); got != 2 {
			t.Errorf("log of %d lines, want one of going and one of coming back\n%s", got, b.log)
		}
	})
}

func TestSwitchesThatAreAwayDoNotHoldUpTheOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const n = 500
		b := newBench(n, 1)
		for i := range n {
			d := &device{says: small()}
			if i%5 != 0 {
				d.err, d.takes = snmp.ErrNoAnswer, 7*time.Second
			}
			b.devices[fmt.Sprintf("sw-%03d", i)] = d
		}
		b.play(t, wait(10*time.Minute))
		for name, d := range b.devices {
			if d.err == nil && len(d.polls) < 20 {
				t.Errorf("%s was polled %d times in ten minutes", name, len(d.polls))
			}
		}
	})
}

func TestWhatIngestDoesNotTakeIsOfferedAgainInOrder(t *testing.T) {
	for _, tt := range []struct {
		name       string
		fail, mend func(*intake)
	}{
		{"no room", func(i *intake) { i.full = true }, func(i *intake) { i.full = false }},
		{"given back", func(i *intake) { i.failing = errors.New("disk") }, func(i *intake) { i.failing = nil }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBench(1, 1)
				b.intake.set(tt.fail)
				b.play(t, wait(65*time.Second), then(func() { b.intake.set(tt.mend) }, 5*time.Second))
				if diff := cmp.Diff(stamps(t, b.intake.messages(wire.KindReadings)), []float64{0, 30, 60}); diff != "" {
					t.Errorf("stamps -got +want\n%s", diff)
				}
				if b.intake.asked < 60 || b.intake.asked > 80 {
					t.Errorf("offered %d times in 65 s, want once a second", b.intake.asked)
				}
			})
		})
	}
}

func TestTheNewestAreKeptWhileTheStoreFailsAndTheOthersCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(1, 1)
		b.intake.full = true
		b.play(t, wait(10*time.Minute-time.Second), then(func() { b.intake.set(func(i *intake) { i.full = false }) }, 5*time.Second))
		got := stamps(t, b.intake.messages(wire.KindReadings))
		dropped := int(testutil.ToFloat64(metric(t, b.registry, "thermarack_switch_dropped_packs_total")))
		if len(got) < 4 || !slices.IsSorted(got) || got[len(got)-1] != 600 || len(got)+dropped != 21 {
			t.Errorf("stamps %v and %d dropped, want the newest of 21", got, dropped)
		}
		if status := b.intake.messages(wire.KindStatus); len(status) != 1 {
			t.Errorf("status %v, want it once", status)
		}
	})
}

// metric returns a counter or gauge without labels, for testutil.
func metric(t *testing.T, r *prometheus.Registry, name string) prometheus.Collector {
	t.Helper()
	families, err := r.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() == name {
			g := prometheus.NewGauge(prometheus.GaugeOpts{Name: name})
			g.Set(f.GetMetric()[0].GetCounter().GetValue() + f.GetMetric()[0].GetGauge().GetValue())
			return g
		}
	}
	t.Fatalf("no metric %s", name)
	return nil
}

func TestTheMetricsTellWhatCameOfPolls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(6, 1)
		for i, err := range []error{nil, snmp.ErrNoAnswer, snmp.ErrDenied, snmp.ErrCredentials, snmp.ErrAgent, poe.ErrTables} {
			b.devices[fmt.Sprintf("sw-%03d", i)] = &device{says: small(), err: fmt.Errorf("read: %w", err)}
		}
		b.devices["sw-000"].err = nil // and says that it is another
		b.play(t, wait(29*time.Second))
		want := `
# HELP thermarack_switch_polls_total Polls of switches, by what came of them.
# TYPE thermarack_switch_polls_total counter
thermarack_switch_polls_total{result="credentials"} 1
thermarack_switch_polls_total{result="denied"} 1
thermarack_switch_polls_total{result="error"} 1
thermarack_switch_polls_total{result="no_answer"} 1
thermarack_switch_polls_total{result="nothing"} 1
thermarack_switch_polls_total{result="ok"} 1
# HELP thermarack_switch_requests_total SNMP requests sent to switches, with those that were sent again.
# TYPE thermarack_switch_requests_total counter
thermarack_switch_requests_total 60
# HELP thermarack_switch_ports Ports with PoE that the switch told of in its last poll; 0 while it is not read.
# TYPE thermarack_switch_ports gauge
thermarack_switch_ports{switch="sw-000"} 3
thermarack_switch_ports{switch="sw-001"} 0
thermarack_switch_ports{switch="sw-002"} 0
thermarack_switch_ports{switch="sw-003"} 0
thermarack_switch_ports{switch="sw-004"} 0
thermarack_switch_ports{switch="sw-005"} 0
# HELP thermarack_switch_foreign_mac 1 while the switch says another MAC address than the layout.
# TYPE thermarack_switch_foreign_mac gauge
thermarack_switch_foreign_mac{switch="sw-000"} 1
thermarack_switch_foreign_mac{switch="sw-001"} 0
thermarack_switch_foreign_mac{switch="sw-002"} 0
thermarack_switch_foreign_mac{switch="sw-003"} 0
thermarack_switch_foreign_mac{switch="sw-004"} 0
thermarack_switch_foreign_mac{switch="sw-005"} 0
`
		if err := testutil.GatherAndCompare(b.registry, strings.NewReader(want),
			"thermarack_switch_polls_total", "thermarack_switch_requests_total", "thermarack_switch_ports", "thermarack_switch_foreign_mac"); err != nil {
			t.Error(err)
		}
		if strings.Count(b.log.String(), "another MAC address") != 1 {
			t.Errorf("log:\n%s", b.log)
		}
	})
}

func TestAFileOfCredentialsIsLookedAtInEachInterval(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(1, 1)
		b.devices["sw-000"] = &device{says: small(), err: fmt.Errorf("read: %w", snmp.ErrCredentials)}
		b.play(t, wait(10*time.Minute-time.Second))
		if n := len(b.devices["sw-000"].polls); n != 20 {
			t.Errorf("polled %d times in ten minutes, want 20", n)
		}
	})
}

func TestARestartedSwitchIsAnotherRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(1, 1)
		d := &device{says: small()}
		b.devices["sw-000"] = d
		b.play(t,
			wait(45*time.Second),
			then(func() { d.set(func(d *device) { d.says.Uptime -= 20 * time.Second }) }, interval), // its clock and ours drift
			then(func() { d.set(func(d *device) { d.says.Uptime, d.since = 0, time.Now() }) }, interval),
		)
		var boots []string
		for _, text := range b.intake.messages(wire.KindStatus) {
			var s wire.Status
			if err := json.Unmarshal([]byte(text), &s); err != nil {
				t.Fatal(err)
			}
			boots = append(boots, s.Boot)
		}
		if len(boots) != 2 || boots[0] == boots[1] {
			t.Errorf("boots %v, want two", boots)
		}
	})
}
