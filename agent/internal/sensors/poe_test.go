package sensors_test

import (
	"context"
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"thermarack/agent/internal/sensors"
	"thermarack/hardware/fault"
)

// A poeTree is a host with a PoE+ HAT whose health says what it is given.
func poeTree(health string) fstest.MapFS {
	const dir = "sys/class/power_supply/rpi-poe/"
	return tree(map[string]string{
		dir + "current_now": "871000", dir + "current_max": "2500000", dir + "online": "1", dir + "health": health,
		"sys/class/hwmon/hwmon2/name": "rpi_poe", "sys/class/hwmon/hwmon2/curr1_input": "871",
	})
}

// values returns what a sensor says by quantity, and the reason of its fault.
func values(t *testing.T, ctx context.Context, set *sensors.Set) (map[string]float64, string) {
	t.Helper()
	readings, err := single(t, set).Read(ctx)
	got := map[string]float64{}
	for _, r := range readings {
		if r.Device != node.Device("poe") || (r.Unit == "A") != (r.Quantity != "overload") {
			t.Errorf("got %+v, want the PoE HAT's", r)
		}
		got[r.Quantity] = r.Value
	}
	why, _ := fault.Of(err)
	return got, why
}

// A hat is a host whose driver clears its flag when somebody reads it.
type hat struct {
	fstest.MapFS
	reads int
}

func (h *hat) Open(name string) (fs.File, error) {
	f, err := h.MapFS.Open(name)
	if strings.HasSuffix(name, "/health") {
		h.reads++
		put(h.MapFS, name, "Good\n")
	}
	return f, err
}

// ReadFile is Open's way, not that of the tree.
func (h *hat) ReadFile(name string) ([]byte, error) {
	return fs.ReadFile(struct{ fs.FS }{h}, name)
}

func TestAPoEHATIsReadWithoutItsFlag(t *testing.T) {
	root := &hat{MapFS: poeTree("Unspecified failure\n")}
	set := open(root)
	got, why := values(t, t.Context(), set)
	if diff := cmp.Diff(map[string]float64{"current": 0.871, "limit": 2.5}, got); diff != "" || why != "" {
		t.Errorf("%s -want +got:\n%s", why, diff)
	}
	if root.reads > 0 {
		t.Error("health was read, want it left to the agent that runs")
	}
	for _, p := range set.Parts() {
		if p.Device == node.Device("poe") && !strings.Contains(p.Note, "reading clears it") {
			t.Errorf("note = %q, want why the flag is missing", p.Note)
		}
		if p.What == "rpi_poe" && (p.Device != "" || p.Note != "the same as the PoE+ HAT") {
			t.Errorf("%+v, want the HAT published once", p)
		}
	}
}

func TestAnOverloadIsInOnePack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		root := &hat{MapFS: poeTree("Good\n")}
		set := open(root)
		ctx, cancel := context.WithCancel(t.Context())
		go func() { _ = set.Run(ctx, func() {}) }()
		synctest.Wait()
		late, left := context.WithCancel(ctx)
		left()
		const health = "sys/class/power_supply/rpi-poe/health"
		steps := []struct {
			health string
			ctx    context.Context
			want   map[string]float64
			why    string
		}{
			{"Good\n", ctx, map[string]float64{"current": 0.871, "limit": 2.5, "overload": 0}, ""},
			{"Unspecified failure\n", ctx, map[string]float64{"current": 0.871, "limit": 2.5, "overload": 1}, ""},
			{"", ctx, map[string]float64{"current": 0.871, "limit": 2.5, "overload": 0}, ""},
			{"Unspecified failure\n", late, map[string]float64{}, ""},
			{"", ctx, map[string]float64{"current": 0.871, "limit": 2.5, "overload": 1}, ""},
			{"Unknown\n", ctx, map[string]float64{"current": 0.871, "limit": 2.5}, "range"},
		}
		for i, step := range steps {
			if step.health != "" {
				put(root.MapFS, health, step.health)
			}
			got, why := values(t, step.ctx, set)
			if diff := cmp.Diff(step.want, got); diff != "" || why != step.why {
				t.Errorf("step %d: %q, want %q (-want +got):\n%s", i, why, step.why, diff)
			}
		}
		if root.reads != len(steps) {
			t.Errorf("health was read %d times in %d reads", root.reads, len(steps))
		}
		cancel()
	})
}

func TestAPoEHATThatDoesNotAnswerIsAFaultAndNoZero(t *testing.T) {
	root := failing{poeTree("Good\n"), "sys/class/power_supply/rpi-poe/current_now"}
	if got, why := values(t, t.Context(), open(root)); len(got) > 0 || why != "no-device" {
		t.Errorf("got %v, %q, want no-device", got, why)
	}
	if got := read(t, open(tree(map[string]string{"sys/class/power_supply/AC/online": "1"}))); len(got) > 0 {
		t.Errorf("got %v of a host without the HAT, want nothing", got)
	}
}
