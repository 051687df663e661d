package alerts_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"thermarack/alerts"
)

var (
	noon  = time.Unix(1.8e9, 0)
	agent = alerts.Silence{For: 3 * time.Minute, Gone: 90 * time.Second}
)

// second returns so many seconds after noon, the zero time for none.
func second(s int) time.Time {
	if s == none {
		return time.Time{}
	}
	return noon.Add(time.Duration(s) * time.Second)
}

const none = -1 << 30

func TestSilence(t *testing.T) {
	type look struct {
		now, spoke, gone int // seconds after noon
		silent, late     bool
	}
	tests := []struct {
		name  string
		since int
		looks []look
	}{
		{"silent after its time, and back when it speaks", -3600, []look{
			{0, 0, none, false, false}, {119, 0, none, false, false}, {120, 0, none, false, true}, {179, 0, none, false, true},
			{180, 0, none, true, true}, {600, 0, none, true, true}, {606, 605, none, false, false}}},
		{"half the time when a broker says that it has gone", -3600, []look{
			{0, 0, 0, false, false}, {30, 0, 0, false, true}, {89, 0, 0, false, true}, {90, 0, 0, true, true}}},
		{"not later for having gone late", -3600, []look{{179, 0, 150, false, true}, {180, 0, 150, true, true}}},
		{"what was before we listened is not its silence", 0, []look{
			{0, -5000, none, false, false}, {179, -5000, none, false, true}, {180, -5000, none, true, true}}},
		{"nor is having gone then", 0, []look{{0, -5000, -4000, false, false}, {89, -5000, -4000, false, true}, {90, -5000, -4000, true, true}}},
		{"one that never spoke is silent for as long as we listen", 0, []look{{179, none, none, false, true}, {180, none, none, true, true}}},
		{"it has gone and comes back before it is told", -3600, []look{{60, 0, 0, false, true}, {70, 65, none, false, false}}},
		{"our clock is set back while it speaks", -3600, []look{{3600, 3600, none, false, false}, {0, 0, none, false, false}, {180, 0, none, true, true}}},
		{"our clock is set back and it does not speak again", -3600, []look{{3600, 3600, none, false, false}, {0, 3600, none, false, false}, {180, 3600, none, true, true}}},
		{"our clock is set back while it is silent", -3600, []look{{3600, 0, none, true, true}, {-60, 0, none, true, true}, {-50, -55, none, false, false}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var h alerts.Hush
			for _, l := range tt.looks {
				h = agent.Step(h, second(l.now), alerts.Heard{Spoke: second(l.spoke), Gone: second(l.gone), Since: second(tt.since)})
				if h.Silent != l.silent || h.Late != l.late {
					t.Errorf("at %d s: silent %v, late %v, want %v, %v", l.now, h.Silent, h.Late, l.silent, l.late)
				}
			}
		})
	}
}

func TestOneThatIsSilentStaysSoWhenWeListenAnew(t *testing.T) {
	h := agent.Step(alerts.Hush{}, second(600), alerts.Heard{Spoke: noon, Since: noon})
	h = agent.Step(h, second(606), alerts.Heard{Spoke: noon, Since: second(606)})
	if !h.Silent {
		t.Error("it has not spoken, and is not silent any more")
	}
}

func TestCrowd(t *testing.T) {
	type look struct {
		now               int
		all, late, silent int
		change            alerts.Change
		hold              bool
	}
	tests := []struct {
		name  string
		looks []look
	}{
		{"one of many is told by itself", []look{{0, 108, 1, 1, alerts.None, false}}},
		{"half of them are", []look{{0, 4, 2, 2, alerts.None, false}}},
		{"an only one is", []look{{0, 1, 1, 1, alerts.None, false}}},
		{"more than half are one event", []look{{0, 4, 3, 3, alerts.Fired, true}}},
		{"two of two are", []look{{0, 2, 2, 2, alerts.Fired, true}}},
		{"the first of many waits for the others", []look{{0, 4, 3, 1, alerts.None, true}, {6, 4, 3, 2, alerts.None, true}, {12, 4, 3, 3, alerts.Fired, true}}},
		{"and is told alone when they speak", []look{{0, 4, 3, 1, alerts.None, true}, {6, 4, 1, 1, alerts.None, false}}},
		{"it ends when all speak", []look{{0, 4, 4, 4, alerts.Fired, true}, {60, 4, 1, 1, alerts.None, true}, {66, 4, 0, 0, alerts.Resolved, false}}},
		{"or when nobody else has come back for a while", []look{
			{0, 4, 4, 4, alerts.Fired, true}, {60, 4, 2, 2, alerts.None, true}, {120, 4, 1, 1, alerts.None, true},
			{299, 4, 1, 1, alerts.None, true}, {300, 4, 1, 1, alerts.Resolved, false}}},
		{"it stands while most are silent", []look{{0, 4, 4, 4, alerts.Fired, true}, {9999, 4, 3, 3, alerts.None, true}}},
		{"a clock that is set back lets it wait anew", []look{
			{3600, 4, 4, 4, alerts.Fired, true}, {3660, 4, 1, 1, alerts.None, true}, {0, 4, 1, 1, alerts.None, true},
			{179, 4, 1, 1, alerts.None, true}, {180, 4, 1, 1, alerts.Resolved, false}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var s alerts.CrowdState
			for _, l := range tt.looks {
				var change alerts.Change
				s, change = agent.StepCrowd(s, second(l.now), alerts.Crowd{All: l.all, Late: l.late, Silent: l.silent})
				if change != l.change || s.Hold != l.hold {
					t.Errorf("at %d s: change %v, hold %v, want %v, %v", l.now, change, s.Hold, l.change, l.hold)
				}
			}
		})
	}
}

func TestACrowdFiresAndResolvesInTurnWhateverItDoes(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	for range 200 {
		var s alerts.CrowdState
		firing, now := false, noon
		for range 300 {
			now = now.Add(time.Duration(random.IntN(120)-10) * time.Second)
			all := random.IntN(6)
			late := random.IntN(all + 1)
			var change alerts.Change
			s, change = agent.StepCrowd(s, now, alerts.Crowd{All: all, Late: late, Silent: random.IntN(late + 1)})
			if change == alerts.Fired && firing || change == alerts.Resolved && !firing {
				t.Fatalf("change %v while firing = %v", change, firing)
			}
			firing = s.Firing
			if firing && !s.Hold {
				t.Fatal("one is told beside all")
			}
		}
	}
}
