package main_test

import (
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"thermarack/agent/wire"
	"thermarack/agent/wire/layout"
	"thermarack/collector/internal/snmp/snmptest"
)

// twoSwitches is a rack of two shelves, each fed by a switch of 48 ports.
type twoSwitches struct {
	*collector
	played [2]playedSwitch
	agents [2]*snmptest.Responder
	args   []string // of the collector
	layout string   // its file
	data   string
}

func newTwoSwitches(t *testing.T) *twoSwitches {
	t.Helper()
	dir := t.TempDir()
	r := &twoSwitches{layout: filepath.Join(dir, "layout.yaml"), data: filepath.Join(dir, "data")}
	shelves, feeders := "", ""
	for i := range 2 {
		n := i + 1
		r.played[i] = fullSwitch(n)
		r.agents[i] = snmptest.Start(t, snmptest.Public, r.played[i].vars(t))
		shelves += fmt.Sprintf("  s%d: {columns: 12, depth: 4, nodes: {switch: sw-%d, ports: 1-48}} # by hand\n", n, n)
		feeders += fmt.Sprintf("  sw-%d: {mac: %s, host: %q}\n", n, r.played[i].mac, r.agents[i].Address())
	}
	write(t, r.layout, "version: 1\nsites: {hex: {racks: {a1: {shelves: {\n"+strings.ReplaceAll(shelves, " # by hand\n", ", # by hand\n")+"}}}}}\nswitches:\n"+feeders)
	config := filepath.Join(dir, "collector.yaml")
	write(t, config, "switch_interval: 1s\n")
	r.args = []string{"--config", config, "--mqtt", "127.0.0.1:0", "--layout", r.layout, "--data", r.data}
	r.collector = startCollector(t, "serve", r.args...)
	return r
}

// swap plugs the Pi of a port of the first switch into one of the second, and the
// other way round.
func (r *twoSwitches) swap(t *testing.T, first, second int) {
	a, b := r.played[0].behind, r.played[1].behind
	a[first], b[second] = b[second], a[first]
	for i, agent := range r.agents {
		agent.Serve(r.played[i].vars(t))
	}
}

// stands tells whether a Pi is in a slot, and what its SoC is.
func (r *twoSwitches) stands(t *testing.T, shelf string, slot int) (node wire.Node, soc float64) {
	t.Helper()
	var s struct {
		Slots []struct {
			Node *wire.Node
			SoC  *float64 `json:"soc"`
		}
	}
	r.decode(t, "/api/v1/shelves/hex/a1/"+shelf, &s)
	if one := s.Slots[slot-1]; one.Node != nil {
		node = *one.Node
		if one.SoC != nil {
			soc = *one.SoC
		}
	}
	return node, soc
}

// values returns the values of a series, the newest 10 minutes.
func (r *twoSwitches) values(t *testing.T, sensor string) string {
	t.Helper()
	var d struct{ Points []struct{ Value float64 } }
	r.decode(t, "/api/v1/series?sensor="+url.QueryEscape(sensor), &d)
	var words []string
	for _, p := range d.Points {
		words = append(words, fmt.Sprint(p.Value))
	}
	return strings.Join(words, " ")
}

func TestAPiAppearsInItsSlotAndMovesWithItsHistory(t *testing.T) {
	needs(t)
	r := newTwoSwitches(t)
	pi, other := playedPi(1, 17), playedPi(2, 5)
	until(t, 30*time.Second, "the switches have placed all Pis", func() bool {
		first, _ := r.stands(t, "s1", 17)
		second, _ := r.stands(t, "s2", 5)
		return first == pi && second == other
	})
	client := dial(t, r.MQTT, string(pi))
	soc := pi.Device("soc")
	say := func(celsius float64) {
		publish(t, client, "thermarack/v1/hex/"+string(pi)+"/readings", fmt.Sprintf(`[{"bt":%s,"n":"%s:temperature","u":"Cel","v":%g}]`, at(time.Now()), soc, celsius))
	}
	say(50)
	until(t, 10*time.Second, "the Pi's value is in its slot", func() bool { _, v := r.stands(t, "s1", 17); return v == 50 })

	r.swap(t, 17, 5)
	until(t, 30*time.Second, "the Pis have changed places, with what they last said", func() bool {
		first, _ := r.stands(t, "s1", 17)
		second, v := r.stands(t, "s2", 5)
		return first == other && second == pi && v == 50
	})
	say(60)
	for sensor, want := range map[string]string{
		"place:hex/a1/s1/slot/17:temperature": "50",
		"place:hex/a1/s2/slot/5:temperature":  "60",
		soc + ":temperature":                  "50 60",
	} {
		if got := r.values(t, sensor); got != want {
			t.Errorf("%s has %q, want %q", sensor, got, want)
		}
	}
	info := func() string {
		return r.ask(t, "GET", "query", url.Values{"query": {fmt.Sprintf(`count by(shelf,slot) (thermarack_place_info{sensor=%q})`, soc)}})
	}
	if got := info(); !strings.Contains(got, `{"shelf":"s2","slot":"5"}`) || strings.Contains(got, "s1") {
		t.Errorf("PromQL: %s", got)
	}

	r.kill()
	for _, agent := range r.agents {
		agent.Break(snmptest.Faults{Lose: 1})
	}
	r.collector = startCollector(t, "serve", r.args...)
	if node, v := r.stands(t, "s2", 5); node != pi || v != 60 {
		t.Errorf("after a power cut and before any switch has answered: %s with %v °C", node, v)
	}
	if got := r.values(t, "place:hex/a1/s1/slot/17:temperature"); got != "50" || !strings.Contains(info(), `"s2"`) {
		t.Errorf("the history after a power cut: %q, %s", got, info())
	}
}

// suggest runs `layout suggest` and returns both of its outputs.
func (r *twoSwitches) suggest(t *testing.T, args ...string) (stdout, stderr string) {
	t.Helper()
	var out, words strings.Builder
	command := exec.Command(filepath.Join(bin, "thermarack-collector"), append([]string{"layout", "suggest"}, args...)...)
	command.Stdout, command.Stderr = &out, &words
	if err := command.Run(); err != nil {
		t.Fatalf("layout suggest %v: %v\n%s", args, err, &words)
	}
	return out.String(), words.String()
}

func TestWhatSwitchesShowIsWrittenDownAndWhatTheyLeaveOpenIsNot(t *testing.T) {
	needs(t)
	r := newTwoSwitches(t)
	r.played[0].behind[3] = []wire.Node{"b827eb000003", "b827eb000033"}
	delete(r.played[0].behind, 4)
	r.agents[0].Serve(r.played[0].vars(t))
	until(t, 30*time.Second, "the contradiction is listed", func() bool {
		node, _ := r.stands(t, "s2", 48)
		return node != "" && strings.Contains(string(r.get(t, "/api/v1/unplaced")), `"several-pis"`) &&
			strings.Contains(string(r.get(t, "/metrics")), "\nthermarack_placement_conflicts 1\n")
	})
	want, err := layout.Load(r.layout)
	if err != nil {
		t.Fatal(err)
	}
	_, words := r.suggest(t, "--data", r.data, "--layout", r.layout, "-o", r.layout+".new")
	if !strings.Contains(words, "not decided: port 3 of sw-1 feeds hex/a1/s1 slot 3 and shows b827eb000003 and b827eb000033") || !strings.Contains(words, "not placed: b827eb000033 on port 3 of sw-1") {
		t.Errorf("words: %s", words)
	}
	fill := func(l *layout.Layout, s, slot int, node wire.Node) { l.Shelves[s].Slots[slot-1].Node = node }
	for s := range 2 {
		for slot := 1; slot <= 48; slot++ {
			if node, _ := r.stands(t, fmt.Sprintf("s%d", s+1), slot); node != "" {
				fill(want, s, slot, node)
			}
		}
	}
	if node := want.Shelves[1].Slots[47].Node; node != playedPi(2, 48) {
		t.Errorf("slot 48 of s2 holds %q", node)
	}
	if out, err := exec.Command(filepath.Join(bin, "thermarack-collector"), "layout", "check", r.layout+".new").CombinedOutput(); err != nil {
		t.Errorf("layout check: %v %s", err, out)
	}
	commented, err := os.ReadFile(r.layout + ".new")
	if err != nil || !strings.Contains(string(commented), "# by hand") {
		t.Errorf("%v: comments are lost:\n%.500s", err, commented)
	}
	whole, _ := r.suggest(t, "--url", "http://"+r.HTTP+"/")
	r.stop()
	archive, restored := filepath.Join(t.TempDir(), "backup.tar.gz"), filepath.Join(t.TempDir(), "data")
	for _, args := range [][]string{{"backup", "--data", r.data, "-o", archive}, {"restore", "-i", archive, "--data", restored}} {
		if out, err := exec.Command(filepath.Join(bin, "thermarack-collector"), args...).CombinedOutput(); err != nil {
			t.Fatalf("%v: %v %s", args, err, out)
		}
	}
	rest, words := r.suggest(t, "--data", restored)
	if !strings.Contains(words, "no collector runs") {
		t.Errorf("words: %s", words)
	}
	for name, text := range map[string]string{"filled in": string(commented), "by address": whole, "at rest, from a backup": rest} {
		file := filepath.Join(t.TempDir(), "layout.yaml")
		write(t, file, text)
		got, err := layout.Load(file)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if string(layout.Format(got)) != string(layout.Format(want)) {
			t.Errorf("%s: got\n%s\nwant\n%s", name, layout.Format(got), layout.Format(want))
		}
	}
}
