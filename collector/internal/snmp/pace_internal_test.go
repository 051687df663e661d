package snmp

import "testing"

func TestASwitchThatIsAwayIsNotAskedForLess(t *testing.T) {
	t.Parallel()
	p := newPace()
	if p.lost() {
		t.Error("a switch that never answered is tried again")
	}
	p.answered()
	for _, want := range []int{15, 4} {
		if !p.lost() || p.batch != want {
			t.Errorf("batch %d, want %d", p.batch, want)
		}
	}
	if p.lost() {
		t.Error("a switch that does not answer small requests is tried again")
	}
	if p.lost() {
		t.Error("it is tried again before it has answered")
	}
}

func TestAPaceRecoversFromLossButNotFromTooBig(t *testing.T) {
	t.Parallel()
	p := newPace()
	p.answered()
	p.lost()
	for range calm {
		p.answered()
	}
	if p.batch != 30 {
		t.Errorf("batch %d after %d answers, want 30", p.batch, calm)
	}
	p.tooBig()
	for range 5 * calm {
		p.answered()
	}
	if p.batch != 15 {
		t.Errorf("batch %d, want 15: 30 was too big", p.batch)
	}
	for p.tooBig() {
	}
	if p.batch != 1 {
		t.Errorf("batch %d, want 1", p.batch)
	}
}
