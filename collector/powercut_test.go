//go:build linux

package main_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"thermarack/collector/internal/powercut"
	"thermarack/collector/internal/powercut/powercuttest"
)

// A machine is a collector on a disk whose power can be cut.
type machine struct {
	disk *powercut.Disk
	dir  string // where the disk is mounted
	args []string
}

// newMachine returns one that is off. The test is skipped where disks cannot
// be mounted.
func newMachine(t *testing.T) *machine {
	t.Helper()
	needs(t)
	m := &machine{disk: powercut.New()}
	m.dir = powercuttest.Mount(t, m.disk)
	t.Cleanup(func() { m.unplug(t) })
	layout, rules := filepath.Join(t.TempDir(), "layout.yaml"), filepath.Join(t.TempDir(), "rules.yaml")
	write(t, layout, oneShelf)
	write(t, rules, "rules: {for: 0s}\n")
	m.unplug(t)
	m.args = []string{
		"serve", "--mqtt", "127.0.0.1:0", "--listen", "127.0.0.1:0", "--data", filepath.Join(m.dir, "data"),
		"--layout", layout, "--config", rules, "--pager", startPagerDuty(t).config(t),
	}
	return m
}

func (m *machine) unplug(t *testing.T) {
	t.Helper()
	if err := m.disk.Unmount(); err != nil {
		t.Fatal(err)
	}
}

// boot mounts the disk, whose power will go when cut is true, and starts the
// collector. It is nil if the power went before it was up.
func (m *machine) boot(t *testing.T, survives *rand.Rand, cut func(powercut.Operation) bool) *collector {
	t.Helper()
	if err := m.disk.Mount(m.dir); err != nil {
		t.Fatal(err)
	}
	m.disk.CutAt(survives, cut)
	c := &collector{daemon: start(t, false, "thermarack-collector", m.args...)}
	until(t, 60*time.Second, "the first line", func() bool {
		first, _, ok := strings.Cut(c.more.String(), "\n")
		if ok && json.Unmarshal([]byte(first), c) == nil {
			return true
		}
		select {
		case <-c.read:
			return true
		case <-m.disk.Off():
			return true
		default:
			return false
		}
	})
	if c.HTTP != "" {
		return c
	}
	select {
	case <-m.disk.Off():
		c.kill()
		m.unplug(t)
	default:
		c.kill()
		t.Fatalf("the collector does not start: %s", c.stderr)
	}
	return nil
}

// fall waits for the cut, ends what ran, and takes the disk away.
func (m *machine) fall(t *testing.T, c *collector) {
	t.Helper()
	select {
	case <-m.disk.Off():
	case <-time.After(60 * time.Second):
		t.Error("the power was never cut")
		m.disk.Cut(nil)
	}
	c.kill()
	m.unplug(t)
	c.isWell(t)
}

// isWell wants nothing said of a panic, or of state that was torn.
func (c *collector) isWell(t *testing.T) {
	t.Helper()
	for _, word := range []string{"panic:", "set aside", "of the past is left out"} {
		if text := c.stderr.String(); strings.Contains(text, word) {
			t.Errorf("the collector says %q: %s", word, text)
		}
	}
}

// An outage is what goes on when the power is cut, and when it is.
type outage struct {
	name    string
	senders func() []*sender
	cut     func(chance *rand.Rand) func(powercut.Operation) bool
}

// after cuts at one of many operations.
func after(least, most int) func(*rand.Rand) func(powercut.Operation) bool {
	return func(chance *rand.Rand) func(powercut.Operation) bool {
		left := least + chance.IntN(most-least)
		return func(powercut.Operation) bool {
			left--
			return left < 0
		}
	}
}

// whileWritingBlocks cuts at one of the operations by which blocks come and logs
// go.
func whileWritingBlocks(chance *rand.Rand) func(powercut.Operation) bool {
	moments := []struct {
		kind powercut.Kind
		path string
	}{
		{powercut.Create, `^data/tsdb/\w{26}\.tmp`},
		{powercut.Sync, `^data/tsdb/\w{26}\.tmp`},
		{powercut.Rename, `^data/tsdb/\w{26}$`},
		{powercut.Sync, `^data/tsdb$`},
		{powercut.Remove, `^data/tsdb/wal/\d+$`},
		{powercut.Write, `^data/tsdb/wal/checkpoint`},
		{powercut.Rename, `^data/tsdb/wal/checkpoint`},
		{powercut.Remove, `^data/tsdb/wbl/`},
		{powercut.Remove, `^data/tsdb/chunks_head/`},
		{powercut.Rename, `^data/tsdb/\w{26}\.tmp-for-deletion`},
	}
	moment := moments[chance.IntN(len(moments))]
	path, skip, give := regexp.MustCompile(moment.path), chance.IntN(8), after(4000, 6000)(chance)
	return func(o powercut.Operation) bool {
		if o.Kind == moment.kind && path.MatchString(o.Path) {
			skip--
		}
		return skip < 0 || give(o)
	}
}

// whileKeepingState cuts at one of the operations on all that is not the store.
func whileKeepingState(chance *rand.Rand) func(powercut.Operation) bool {
	places := []string{`^data/state/firing`, `^data/state/nodes`, `^data/pager/`, `^data/layouts`}
	path, skip, give := regexp.MustCompile(places[chance.IntN(len(places))]), chance.IntN(6), after(800, 1600)(chance)
	return func(o powercut.Operation) bool {
		if path.MatchString(o.Path) {
			skip--
		}
		return skip < 0 || give(o)
	}
}

func outages() []outage {
	const hour = time.Hour
	now := time.Now().Truncate(time.Second)
	live := func() *sender {
		return &sender{node: "b827eb000001", devices: 10, begin: now.Add(-2 * hour), step: 100 * time.Millisecond, window: 16, pace: 3 * time.Millisecond}
	}
	return []outage{
		{"of a live stream", func() []*sender { return []*sender{live()} }, after(50, 1200)},
		{"while state is written", func() []*sender {
			now := time.Now().Truncate(time.Second) // what is older pages nobody
			return []*sender{{node: "b827eb000001", devices: 10, begin: now, step: 5 * time.Millisecond, window: 16, pace: 5 * time.Millisecond}}
		}, whileKeepingState},
		{"of a backfill beside a live stream", func() []*sender {
			back := &sender{node: "b827eb000001", client: "backfill", devices: 10, begin: now.Add(-70 * hour), step: 10 * time.Second, count: 20000, window: 16, pace: time.Millisecond}
			return []*sender{live(), back}
		}, after(100, 2000)},
		{"while blocks are written", func() []*sender {
			days := &sender{node: "b827eb000001", devices: 10, begin: now.Add(-60 * hour), step: 30 * time.Second, count: 7000, window: 32}
			back := &sender{node: "b827eb000001", client: "backfill", devices: 10, begin: now.Add(-130 * hour), step: 30 * time.Second, count: 7000, window: 32}
			return []*sender{days, back}
		}, whileWritingBlocks},
	}
}

func TestAPowerCutLosesNothingAcknowledged(t *testing.T) {
	seeds := uint64(2)
	if isLong() {
		seeds = 25
	}
	for _, o := range outages() {
		for seed := range seeds {
			t.Run(fmt.Sprintf("%s, seed %d", o.name, seed), func(t *testing.T) {
				t.Parallel()
				o.run(t, seed)
			})
		}
	}
}

// run cuts the power three times, the third time at start-up, and compares after
// each. An even seed means that nothing unsynced survives, an odd one that some
// of it does.
func (o outage) run(t *testing.T, seed uint64) {
	chance := rand.New(rand.NewPCG(seed, 4))
	var survives *rand.Rand
	if seed%2 == 1 {
		survives = chance
	}
	m := newMachine(t)
	senders := send(t, "", o.senders()...)
	for range 2 {
		c := m.boot(t, survives, o.cut(chance))
		if c == nil {
			continue
		}
		senders.moveTo(c.MQTT)
		m.fall(t, c)
		senders.moveTo("")
		t.Logf("%d messages acknowledged, the cut took %+v", senders.acks(), m.disk.Lost())
		m.compare(t, senders)
	}
	for range 3 {
		if c := m.boot(t, survives, after(0, 40)(chance)); c != nil {
			m.disk.Cut(survives)
			m.fall(t, c)
		}
	}
	m.compare(t, senders)
}

// compare starts the collector without the senders.
func (m *machine) compare(t *testing.T, senders *fleet) {
	t.Helper()
	c := m.boot(t, nil, nil)
	senders.check(t, c)
	c.stop()
	c.isWell(t)
	m.unplug(t)
}
