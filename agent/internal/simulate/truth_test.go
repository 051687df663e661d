package simulate_test

import (
	"bytes"
	"encoding/json"
	"math"
	"testing"
)

// A moment is one line of the truth.
type moment struct {
	T           float64   `json:"t"`
	Shelf       string    `json:"shelf"`
	FansRunning int       `json:"fans_running"`
	NX          int       `json:"nx"`
	NY          int       `json:"ny"`
	Field       []float64 `json:"field"`
	Inlet       float64   `json:"inlet"`
	HotAir      float64   `json:"hot_air"`
	DeltaT      float64   `json:"delta_t"`
	Power       float64   `json:"power"`
	HottestSoC  float64   `json:"hottest_soc"`
	Minutes     *float64  `json:"minutes_to_critical"`
}

func moments(t *testing.T, text []byte) []moment {
	t.Helper()
	var all []moment
	for text := range bytes.Lines(text) {
		var m moment
		decoder := json.NewDecoder(bytes.NewReader(text))
		decoder.DisallowUnknownFields()
		if err := decoder.Decode(&m); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		all = append(all, m)
	}
	return all
}

// story is a night in which both fans stop, and start again when it is too late.
const story = `
- {at: 30m, shelf: hex/a1/s3, fan: 1, running: false}
- {at: 40m, fan: 2, running: false}
- {at: 12h, fan: 1, running: true}
- {at: 12h, fan: 2, running: true}
`

func TestTheTruthCountsDownToWhatHappens(t *testing.T) {
	t.Parallel()
	d := newDir(t, small)
	d.write(t, "s.yaml", story)
	d.run(t, "--truth", d.path("t"), "--for", "14h", "--scenario", d.path("s.yaml"))
	truth := moments(t, d.read(t, "t"))
	if len(truth) != 14*60 {
		t.Fatalf("%d lines, want one a minute", len(truth))
	}
	crossing := 0 // index of the first critical minute
	for crossing < len(truth) && truth[crossing].HotAir < 48 {
		crossing++
	}
	if crossing < 4*60 || crossing > 9*60 {
		t.Fatalf("critical after %d minutes, want about six hours after both fans stopped", crossing)
	}
	for i, m := range truth {
		switch {
		case i < crossing:
			left := float64(crossing - i) // the crossing is within the minute before
			if m.Minutes == nil || *m.Minutes > left || *m.Minutes <= left-1 {
				t.Fatalf("minute %d: to critical %v, want %v to %v", i, m.Minutes, left-1, left)
			}
			if next := truth[i+1]; i+1 < crossing && math.Abs(*m.Minutes-*next.Minutes-1) > 0.02 {
				t.Fatalf("minute %d: from %v to %v within one minute", i, *m.Minutes, *next.Minutes)
			}
		case m.HotAir >= 48.01:
			if m.Minutes == nil || *m.Minutes != 0 {
				t.Fatalf("minute %d: %v °C and %v minutes to critical, want 0", i, m.HotAir, m.Minutes)
			}
		case m.HotAir < 47.9 && i > 12*60:
			if m.Minutes != nil {
				t.Fatalf("minute %d: %v minutes to critical after the fans came back", i, *m.Minutes)
			}
		}
	}
	if last := truth[len(truth)-1]; last.Minutes != nil || last.HotAir > 40 {
		t.Errorf("at the end %v °C: the fans do not show", last.HotAir)
	}
}

func TestTheTruthIsThatOfTheShelf(t *testing.T) {
	t.Parallel()
	d := newDir(t, small)
	d.write(t, "s.yaml", story)
	d.run(t, "--truth", d.path("t"), "--for", "3h", "--scenario", d.path("s.yaml"))
	truth := moments(t, d.read(t, "t"))
	fans := map[int]int{0: 2, 28: 2, 31: 1, 38: 1, 41: 0, 170: 0}
	for i, m := range truth {
		if want, ok := fans[i]; ok && m.FansRunning != want {
			t.Errorf("minute %d: %d fans running, want %d", i, m.FansRunning, want)
		}
		if m.T != float64(epoch+minute*(i+1)) || m.Shelf != "hex/a1/s3" || m.NX != 2 || m.NY != 3 || len(m.Field) != 6 {
			t.Fatalf("line %d: t %v, shelf %s, field %d × %d of %d", i, m.T, m.Shelf, m.NX, m.NY, len(m.Field))
		}
		if m.Field[0] != m.Inlet || math.Abs(m.HotAir-(m.Field[4]+m.Field[5])/2) > 1 || math.Abs(m.HotAir-m.Inlet-m.DeltaT) > 0.02 {
			t.Errorf("line %d: inlet %v, hot air %v, ΔT %v do not match the field %v", i, m.Inlet, m.HotAir, m.DeltaT, m.Field)
		}
		for _, celsius := range m.Field {
			if math.Abs(celsius*100-math.Round(celsius*100)) > 1e-6 {
				t.Errorf("line %d: %v is not in steps of 0.01", i, celsius)
			}
		}
	}
	if before, after := truth[28].HotAir, truth[179].HotAir; after < before+8 {
		t.Errorf("hot air %v, two hours after the fans stopped %v °C: want it to rise", before, after)
	}
}

func TestWithoutAScenarioNothingGetsCritical(t *testing.T) {
	t.Parallel()
	d := newDir(t, small)
	for _, m := range moments(t, d.run(t, "--truth", "-", "--for", "2h")) {
		if m.Minutes != nil || m.FansRunning != 2 {
			t.Fatalf("t %v: %v minutes to critical with %d fans", m.T, *m.Minutes, m.FansRunning)
		}
	}
}

func TestTheTruthDoesNotDependOnWhoReads(t *testing.T) {
	t.Parallel()
	d := newDir(t, small)
	d.write(t, "s.yaml", story)
	alone := d.run(t, "--truth", "-", "--for", "90m", "--scenario", d.path("s.yaml"))
	d.run(t, "--truth", d.path("t"), "-o", d.path("r"), "--interval", "7s", "--for", "90m", "--scenario", d.path("s.yaml"))
	if !bytes.Equal(alone, d.read(t, "t")) {
		t.Error("a recording changes the truth")
	}
}
