package simulate_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"thermarack/agent/internal/simulate"
	"thermarack/agent/wire"
)

func TestTheSameFlagsGiveTheSameBytes(t *testing.T) {
	t.Parallel()
	d := newDir(t, small)
	d.write(t, "s.yaml", "- {at: 5m, fan: 1, running: false}\n- {at: 6m, slot: 3, offline: true}\n- {at: 8m, slot: 3, offline: false}\n")
	record := func(name, seed string) {
		d.run(t, "-o", d.path("r"+name+".gz"), "--truth", d.path("t"+name), "--for", "1h", "--seed", seed, "--scenario", d.path("s.yaml"))
	}
	record("1", "7")
	record("2", "7")
	record("3", "8")
	if !bytes.Equal(d.read(t, "r1.gz"), d.read(t, "r2.gz")) || !bytes.Equal(d.read(t, "t1"), d.read(t, "t2")) {
		t.Error("the same seed gives other bytes")
	}
	if bytes.Equal(d.read(t, "r1.gz"), d.read(t, "r3.gz")) || bytes.Equal(d.read(t, "t1"), d.read(t, "t3")) {
		t.Error("another seed gives the same bytes")
	}
	plain := d.run(t, "-o", "-", "--for", "1h", "--seed", "7", "--scenario", d.path("s.yaml"))
	zip, err := gzip.NewReader(bytes.NewReader(d.read(t, "r1.gz")))
	if err != nil {
		t.Fatal(err)
	}
	unzipped, err := io.ReadAll(zip)
	if err != nil || !bytes.Equal(plain, unzipped) {
		t.Errorf("standard output has %d bytes, the .gz file holds %d (%v)", len(plain), len(unzipped), err)
	}
}

func TestARecordingBeginsWithEveryNodeAndGoesAlongTheGrid(t *testing.T) {
	t.Parallel()
	d := newDir(t, small)
	lines := recording(t, d.run(t, "-o", "-", "--start", "2026-03-01T12:00:03Z", "--for", "95s"))
	const start = 1772366403
	nodes := []string{"0011223344ff", "b827eb000001", "b827eb000002", "b827eb000003", "b827eb000004"}
	var want, got []string
	for _, node := range nodes {
		want = append(want, fmt.Sprintf("%d %s status", start, node), fmt.Sprintf("%d %s inventory", start, node))
	}
	for at := start + 7; at <= start+95; at += 10 {
		for _, node := range nodes {
			want = append(want, fmt.Sprintf("%d %s readings", at, node))
		}
	}
	for _, l := range lines {
		got = append(got, fmt.Sprintf("%.0f %s %s", l.T, l.topic.Node, l.topic.Kind))
		if l.topic.Site != "hex" {
			t.Errorf("%s is not of site hex", l.Topic)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("lines (-want +got):\n%s", diff)
	}
}

func TestWhatEachNodeSays(t *testing.T) {
	t.Parallel()
	lines := recording(t, newDir(t, small).run(t, "-o", "-", "--for", "1m"))
	tests := []struct {
		node  string
		model string
		names []string
	}{
		{"b827eb000001", "Raspberry Pi 3 Model B Rev 1.2 (simulated)", []string{
			c1 + ":temperature",
			"urn:dev:mac:b827ebfffe000001:boot", "urn:dev:mac:b827ebfffe000001:seq",
			"urn:dev:mac:b827ebfffe000001_fan1:speed", "urn:dev:mac:b827ebfffe000001_fan2:speed",
			"urn:dev:mac:b827ebfffe000001_soc:temperature", "urn:dev:mac:b827ebfffe000001_soc:throttled",
		}},
		{"b827eb000002", "Raspberry Pi 3 Model B Rev 1.2 (simulated)", []string{
			h1 + ":temperature",
			"urn:dev:mac:b827ebfffe000002:boot", "urn:dev:mac:b827ebfffe000002:seq",
			"urn:dev:mac:b827ebfffe000002_soc:temperature", "urn:dev:mac:b827ebfffe000002_soc:throttled",
		}},
		{"0011223344ff", "PoE switch (simulated)", []string{
			"urn:dev:mac:001122fffe3344ff:boot", "urn:dev:mac:001122fffe3344ff:seq",
			"urn:dev:mac:001122fffe3344ff_port11:power", "urn:dev:mac:001122fffe3344ff_port12:power",
			"urn:dev:mac:001122fffe3344ff_port13:power", "urn:dev:mac:001122fffe3344ff_port14:power",
		}},
	}
	for _, tt := range tests {
		for i, l := range of(lines, tt.node, wire.KindReadings) {
			names := slices.Sorted(maps.Keys(l.values))
			names = append(names, slices.Collect(maps.Keys(l.texts))...)
			slices.Sort(names)
			slices.Sort(tt.names)
			if diff := cmp.Diff(tt.names, names); diff != "" {
				t.Fatalf("%s: records (-want +got):\n%s", tt.node, diff)
			}
			own := wire.Node(tt.node).Device("")
			status, err := wire.DecodeStatus(of(lines, tt.node, wire.KindStatus)[0].Payload)
			if err != nil || l.values[own+":seq"] != float64(i+1) || l.texts[own+":boot"] != status.Boot || status.Boot == "" {
				t.Errorf("%s: pack %d has seq %v and boot %q; status %+v, %v", tt.node, i, l.values[own+":seq"], l.texts[own+":boot"], status, err)
			}
		}
		inventory, err := wire.DecodeInventory(of(lines, tt.node, wire.KindInventory)[0].Payload)
		if err != nil || inventory.Model != tt.model || inventory.Agent != "1.2.3 (simulated)" || inventory.MAC != tt.node || len(inventory.Parts) == 0 {
			t.Errorf("%s: inventory %+v, %v", tt.node, inventory, err)
		}
	}
}

func TestReadingsAreThoseOfANormalDay(t *testing.T) {
	t.Parallel()
	lines := recording(t, newDir(t, small).run(t, "-o", "-", "--for", "1m"))
	spans := map[string][2]float64{
		c1 + ":temperature":                            {18, 24},
		h1 + ":temperature":                            {28, 34}, // the layout takes 5 K off, so the part shows them
		"urn:dev:mac:b827ebfffe000001_soc:temperature": {35, 65},
		"urn:dev:mac:b827ebfffe000001_soc:throttled":   {0, 0},
		"urn:dev:mac:b827ebfffe000001_fan1:speed":      {47, 53},
		"urn:dev:mac:b827ebfffe000001_fan2:speed":      {94, 106}, // twice as fast by the layout
		"urn:dev:mac:001122fffe3344ff_port13:power":    {2, 6},
	}
	for _, l := range lines {
		for name, value := range l.values {
			span, ok := spans[name]
			if ok && !(value >= span[0] && value <= span[1]) {
				t.Errorf("t %v: %s = %v, want %v to %v", l.T, name, value, span[0], span[1])
			}
		}
	}
}

func TestStoppedFansStandInTheRecording(t *testing.T) {
	t.Parallel()
	d := newDir(t, small)
	d.write(t, "s.yaml", "- {at: 2m, fan: 1, running: false}\n- {at: 2m, fan: 2, running: false}\n- {at: 20m, fan: 2, running: true}\n")
	lines := recording(t, d.run(t, "-o", "-", "--for", "30m", "--scenario", d.path("s.yaml")))
	for _, l := range of(lines, "b827eb000001", wire.KindReadings) {
		since := l.T - epoch
		left, right := l.values["urn:dev:mac:b827ebfffe000001_fan1:speed"], l.values["urn:dev:mac:b827ebfffe000001_fan2:speed"]
		switch {
		case since <= 2*minute:
			if left < 45 || right < 90 {
				t.Errorf("%v s: %v and %v 1/s before anything happened", since, left, right)
			}
		case since > 6*minute && since <= 20*minute:
			if left != 0 || right != 0 {
				t.Errorf("%v s: %v and %v 1/s, want 0", since, left, right)
			}
		case since > 25*minute:
			if left != 0 || right < 90 {
				t.Errorf("%v s: %v and %v 1/s, want the right fan alone", since, left, right)
			}
		}
	}
}

func TestAPiWithoutPowerIsSilentAndComesBackAnother(t *testing.T) {
	t.Parallel()
	d := newDir(t, small)
	d.write(t, "s.yaml", "- {at: 2m5s, slot: 2, offline: true}\n- {at: 3m, slot: 2, offline: true}\n- {at: 5m, slot: 2, offline: false}\n")
	lines := recording(t, d.run(t, "-o", "-", "--for", "8m", "--scenario", d.path("s.yaml")))

	boots := map[string][]float64{}
	for _, l := range of(lines, "b827eb000002", wire.KindReadings) {
		if since := l.T - epoch; since > 125 && since < 5*minute {
			t.Errorf("a pack %v s from the start", since)
		}
		boot := l.texts["urn:dev:mac:b827ebfffe000002:boot"]
		boots[boot] = append(boots[boot], l.values["urn:dev:mac:b827ebfffe000002:seq"])
	}
	var told []string
	for _, l := range of(lines, "b827eb000002", wire.KindStatus) {
		status, err := wire.DecodeStatus(l.Payload)
		if err != nil {
			t.Fatal(err)
		}
		packs := boots[status.Boot]
		told = append(told, fmt.Sprintf("%v: online %v since %v, %v packs to %v", l.T-epoch, status.Online, status.T-epoch, len(packs), packs[len(packs)-1]))
	}
	want := []string{"0: online true since 0, 12 packs to 12", "125: online false since 0, 12 packs to 12", "300: online true since 300, 19 packs to 19"}
	if diff := cmp.Diff(want, told); diff != "" {
		t.Errorf("status (-want +got):\n%s", diff)
	}
	for _, l := range of(lines, "0011223344ff", wire.KindReadings) {
		off := l.T-epoch > 125 && l.T-epoch < 5*minute
		if watts := l.values["urn:dev:mac:001122fffe3344ff_port12:power"]; off != (watts == 0) && l.T-epoch != 5*minute {
			t.Errorf("%v s: port 12 feeds %v W", l.T-epoch, watts)
		}
	}
	if n := len(of(lines, "b827eb000003", wire.KindReadings)); n != 48 {
		t.Errorf("the neighbour has %d packs, want 48", n)
	}
}

func TestFaultsOfAProbeAreRecorded(t *testing.T) {
	t.Parallel()
	d := newDir(t, small)
	d.write(t, "s.yaml", `
- {at: 1m, probe: h1, fault: no-device}
- {at: 2m, probe: h1, fault: power-on}
- {at: 3m, probe: h1, fault: stuck}
- {at: 6m, probe: h1, fault: none}
`)
	lines := recording(t, d.run(t, "-o", "-", "--for", "12m", "--interval", "60s", "--scenario", d.path("s.yaml")))
	var got []string
	stuck := map[float64]bool{}
	for i, l := range of(lines, "b827eb000002", wire.KindReadings) {
		celsius, ok := l.values[h1+":temperature"]
		got = append(got, fmt.Sprint(l.texts[h1+":fault"], ok))
		if i >= 2 && i < 5 {
			stuck[celsius] = true
		}
	}
	want := strings.Split("no-devicefalse power-onfalse true true true true true true true true true true", " ")
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("fault and value, minute by minute (-want +got):\n%s", diff)
	}
	if len(stuck) != 1 {
		t.Errorf("a stuck probe reads %v", stuck)
	}
}

func TestAHotShelfThrottles(t *testing.T) {
	t.Parallel()
	d := newDir(t, small)
	d.write(t, "s.yaml", "- {at: 0s, load: 4}\n- {at: 0s, fan: 1, running: false}\n- {at: 0s, fan: 2, running: false}\n")
	lines := recording(t, d.run(t, "-o", "-", "--for", "6h", "--interval", "10m", "--scenario", d.path("s.yaml")))
	packs := of(lines, "b827eb000004", wire.KindReadings)
	last := packs[len(packs)-1]
	word, celsius := last.values["urn:dev:mac:b827ebfffe000004_soc:throttled"], last.values["urn:dev:mac:b827ebfffe000004_soc:temperature"]
	if word != 1<<2|1<<18 || celsius < 79 {
		t.Errorf("throttled %v at %v °C, want bits 2 and 18 above 80 °C", word, celsius)
	}
}

func TestShelvesOfManyForms(t *testing.T) {
	t.Parallel()
	const layout = `version: 1
sites:
  hex:
    racks:
      a1:
        shelves:
          fed: {columns: 2, depth: 1, nodes: {switch: sw, ports: 1-2}, probes: [{name: h1, sensor: "urn:dev:ow:28011e0d0000006a", node: b827eb00000a, x: 0.5, y: 1, face: hot}]}
          half: {columns: 2, depth: 1, nodes: {1: b827eb000001}}
  lab:
    racks:
      b1:
        shelves:
          closed: {columns: 2, depth: 1, probes: [{name: h1, sensor: "urn:dev:ow:28091e0d000000cb", x: 0.5, y: 1, face: hot}, {name: i1, sensor: "urn:dev:mac:b827ebfffe00000b_i2c1-48", x: 0.5, y: 0.5, face: inside}]}
switches: {sw: {mac: 0011223344ff}, spare: {mac: 0011223344fe}, mute: {}}
`
	d := newDir(t, layout)
	first := recording(t, d.run(t, "-o", "-", "--for", "10s", "--truth", d.path("t")))
	other := recording(t, d.run(t, "-o", "-", "--for", "10s", "--seed", "2"))

	named, invented := kinds(t, first)
	wantNamed := []string{"hex/0011223344ff 2 W", "hex/b827eb000001 SoC", "hex/b827eb00000a 1 probe", "lab/b827eb00000b 1 probe"}
	if diff := cmp.Diff(wantNamed, named); diff != "" {
		t.Errorf("nodes of the layout (-want +got):\n%s", diff)
	}
	what := make([]string, len(invented))
	for i, n := range invented {
		site, rest, _ := strings.Cut(n, "/")
		what[i] = site + rest[12:]
	}
	slices.Sort(what)
	if diff := cmp.Diff([]string{"hex SoC", "hex SoC", "lab 1 probe"}, what); diff != "" {
		t.Errorf("nodes with made up addresses (-want +got):\n%s", diff)
	}
	if _, others := kinds(t, other); cmp.Equal(invented, others) {
		t.Errorf("another seed makes up the same addresses: %v", others)
	}
}

// kinds returns "site/node what" of each node's first pack: for those of the
// test's layout, and for those with addresses that it does not name.
func kinds(t *testing.T, lines []line) (named, invented []string) {
	t.Helper()
	for _, l := range lines {
		if l.topic.Kind != wire.KindReadings {
			continue
		}
		soc, probes, watts := 0, 0, 0
		for name := range l.values {
			switch {
			case strings.HasSuffix(name, "_soc:temperature"):
				soc++
			case strings.HasSuffix(name, ":temperature"):
				probes++
			case strings.HasSuffix(name, ":power"):
				watts++
			}
		}
		what := fmt.Sprintf("%s/%s", l.topic.Site, l.topic.Node)
		switch {
		case soc > 0:
			what += " SoC"
		case probes > 0:
			what += fmt.Sprintf(" %d probe", probes)
		case watts > 0:
			what += fmt.Sprintf(" %d W", watts)
		}
		if strings.HasPrefix(string(l.topic.Node), "b827eb0000") || l.topic.Node == "0011223344ff" {
			named = append(named, what)
			continue
		}
		if !strings.HasPrefix(string(l.topic.Node), "b827eb") {
			t.Errorf("%s is no address of a Pi", l.topic.Node)
		}
		invented = append(invented, what)
	}
	return named, invented
}

func TestEmptySlotsDrawNoPowerAndClosedShelvesDo(t *testing.T) {
	t.Parallel()
	const layout = `version: 1
sites:
  hex:
    racks:
      a1:
        shelves:
          s1: {columns: 4, depth: 1, nodes: {2: b827eb000001}}
          s2: {columns: 4, depth: 1}
`
	d := newDir(t, layout)
	d.run(t, "--truth", d.path("t"), "--for", "1m")
	for text := range bytes.Lines(d.read(t, "t")) {
		var m moment
		if err := json.Unmarshal(text, &m); err != nil {
			t.Fatal(err)
		}
		pis := map[string]float64{"hex/a1/s1": 1, "hex/a1/s2": 4}[m.Shelf]
		if m.Power < 3*pis || m.Power > 5*pis {
			t.Errorf("%s draws %v W, want that of %v Pis", m.Shelf, m.Power, pis)
		}
		if want := pis / 4 * 5; m.DeltaT < 0.6*want || m.DeltaT > 1.4*want {
			t.Errorf("%s: ΔT %v K, want it settled at about %v", m.Shelf, m.DeltaT, want)
		}
	}
}

func TestAnInterruptedRecordingIsAnError(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	d := newDir(t, small)
	var out bytes.Buffer
	err := simulate.Command{}.Run(ctx, []string{"--layout", d.path("layout.yaml"), "-o", "-", "--for", "1h"}, &out, &out)
	if err == nil || !strings.Contains(err.Error(), "interrupted") {
		t.Errorf("err = %v, want that it was interrupted", err)
	}
}
