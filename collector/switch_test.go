package main_test

import (
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	paho "github.com/eclipse/paho.mqtt.golang"

	"thermarack/agent/wire"
	"thermarack/collector/internal/snmp"
	"thermarack/collector/internal/snmp/snmptest"
)

// A switched shelf is a collector with a shelf of 48 Pis that a played switch feeds,
// and an agent that speaks for Pis.
type switchedShelf struct {
	*collector
	played playedSwitch
	agent  *snmptest.Responder
	mqtt   paho.Client
}

const switchedLayout = `version: 1
sites:
  hex:
    racks:
      a1:
        shelves:
          s3: {columns: 12, depth: 4, nodes: {switch: sw-a1-3, ports: 1-48}}
switches: {sw-a1-3: {mac: %s, host: %q, credentials: snmp.yaml}}
`

// startSwitchedShelf polls once a second. One port is free: a Pi can be plugged in
// there.
func startSwitchedShelf(t *testing.T, free int) *switchedShelf {
	t.Helper()
	needs(t)
	s := &switchedShelf{played: fullSwitch(1)}
	delete(s.played.watts, free)
	delete(s.played.behind, free)
	s.agent = snmptest.Start(t, snmp.Credentials{Version: snmp.Version2c, Community: "orchard"}, s.played.vars(t))
	s.agent.Age()
	dir := t.TempDir()
	write(t, filepath.Join(dir, "layout.yaml"), fmt.Sprintf(switchedLayout, s.played.mac, s.agent.Address()))
	writeSecret(t, filepath.Join(dir, "snmp.yaml"), "version: 2c\ncommunity: orchard\n")
	write(t, filepath.Join(dir, "collector.yaml"), "switch_interval: 1s\nstale: 3s\n")
	s.collector = startCollector(t, "serve", "--mqtt", "127.0.0.1:0", "--config", filepath.Join(dir, "collector.yaml"), "--layout", filepath.Join(dir, "layout.yaml"))
	s.mqtt = dial(t, s.MQTT, "pis")
	return s
}

// say publishes the temperature of a Pi.
func (s *switchedShelf) say(t *testing.T, pi wire.Node, celsius float64) {
	t.Helper()
	topic := wire.Topic{Site: "hex", Node: pi, Kind: wire.KindReadings}
	now := float64(time.Now().UnixMilli()) / 1000 // its place is known to the millisecond
	publish(t, s.mqtt, topic.String(), fmt.Sprintf(`[{"bt":%.3f,"n":"%s:temperature","u":"Cel","v":%g}]`, now, pi.Device("soc"), celsius))
}

// replug moves what is behind a port to another. Its table of addresses shows that
// when it is read the next time, which is when the switch says that a minute is
// gone.
func (s *switchedShelf) replug(t *testing.T, from, to int) {
	t.Helper()
	s.played.behind[to], s.played.watts[to] = s.played.behind[from], s.played.watts[from]
	delete(s.played.behind, from)
	delete(s.played.watts, from)
	s.played.uptime += time.Minute
	s.agent.Serve(s.played.vars(t))
}

// cell returns what a layer of the map shows in a slot.
func (s *switchedShelf) cell(t *testing.T, layer string, slot int) (value float64, source string) {
	t.Helper()
	var drawn struct {
		Cells []struct {
			Slot   int
			Value  *float64
			Source string
		}
	}
	s.decode(t, "/api/v1/shelves/hex/a1/s3/heatmap.json?layer="+layer, &drawn)
	for _, c := range drawn.Cells {
		if c.Slot == slot && c.Value != nil {
			return *c.Value, c.Source
		} else if c.Slot == slot {
			return 0, c.Source
		}
	}
	t.Fatalf("no slot %d among %d", slot, len(drawn.Cells))
	return 0, ""
}

// where returns the slot of a node, 0 when it has none, and whether it is online.
func (s *switchedShelf) where(t *testing.T, node wire.Node) (slot int, switchName string, online *bool) {
	t.Helper()
	var answer struct {
		Nodes []struct {
			Node   wire.Node
			Slot   *int
			Switch *string
			Online *bool
		}
	}
	s.decode(t, "/api/v1/nodes", &answer)
	for _, n := range answer.Nodes {
		if n.Node != node {
			continue
		}
		if n.Slot != nil {
			slot = *n.Slot
		}
		if n.Switch != nil {
			switchName = *n.Switch
		}
		return slot, switchName, n.Online
	}
	return 0, "", nil
}

// values returns the stored values of a sensor or place, each once; none before
// there is such a series.
func (s *switchedShelf) values(t *testing.T, sensor string) []float64 {
	t.Helper()
	to := time.Now().Add(time.Minute)
	query := url.Values{"sensor": {sensor}, "from": {fmt.Sprint(to.Add(-time.Hour).Unix())}, "to": {fmt.Sprint(to.Unix())}, "step": {"1"}}
	path := "/api/v1/series?" + query.Encode()
	if s.status(t, path) == http.StatusNotFound {
		return nil
	}
	var answer struct{ Points []struct{ Mean *float64 } }
	s.decode(t, path, &answer)
	var list []float64
	for _, p := range answer.Points {
		if p.Mean == nil {
			continue
		}
		if v := math.Round(*p.Mean*100) / 100; !slices.Contains(list, v) { // stored in binary steps
			list = append(list, v)
		}
	}
	return list
}

func TestAPiAppearsAtItsPortByItselfAndMovesWhenItIsReplugged(t *testing.T) {
	t.Parallel()
	const first, second = 17, 30
	s := startSwitchedShelf(t, second)
	pi := playedPi(1, first)

	until(t, 20*time.Second, "the poe layer has watts", func() bool {
		value, source := s.cell(t, "poe", first)
		return value == 4.17 && source == "measured"
	})
	if slot, name, online := s.where(t, s.played.mac); slot != 0 || name != "sw-a1-3" || online == nil || !*online {
		t.Errorf("the switch is node %q in slot %d, online %v", name, slot, online)
	}
	s.say(t, pi, 51)
	said := time.Now().Unix()
	until(t, 20*time.Second, "the Pi is in its slot", func() bool {
		slot, _, _ := s.where(t, pi)
		value, _ := s.cell(t, "soc", first)
		return slot == first && value == 51
	})

	s.replug(t, first, second)
	until(t, 20*time.Second, "the Pi has moved", func() bool {
		slot, _, _ := s.where(t, pi)
		return slot == second && time.Now().Unix() > said // values are told by the second
	})
	s.say(t, pi, 62)
	if value, _ := s.cell(t, "soc", second); value != 62 {
		t.Errorf("its new slot shows %v °C, want 62", value)
	}
	for _, tt := range []struct {
		sensor string
		want   []float64
	}{
		{string(pi.Device("soc")) + ":temperature", []float64{51, 62}},
		{fmt.Sprintf("place:hex/a1/s3/slot/%d:temperature", first), []float64{51}},
		{fmt.Sprintf("place:hex/a1/s3/slot/%d:temperature", second), []float64{62}},
	} {
		if got := s.values(t, tt.sensor); !slices.Equal(got, tt.want) {
			t.Errorf("%s was %v, want %v", tt.sensor, got, tt.want)
		}
	}
	until(t, 20*time.Second, "the watts have moved too", func() bool {
		value, source := s.cell(t, "poe", second)
		return value == 4.17 && source == "measured"
	})
}

func TestASwitchThatIsAwayHarmsNothingElse(t *testing.T) {
	t.Parallel()
	s := startSwitchedShelf(t, 48)
	pi := playedPi(1, 5)
	s.say(t, pi, 40)
	until(t, 20*time.Second, "the Pi is in its slot", func() bool {
		slot, _, _ := s.where(t, pi)
		_, source := s.cell(t, "poe", 5)
		return slot == 5 && source == "measured"
	})

	s.agent.Break(snmptest.Faults{Lose: 1})
	until(t, 40*time.Second, "the switch is away", func() bool {
		_, _, online := s.where(t, s.played.mac)
		_, source := s.cell(t, "poe", 5)
		return online != nil && !*online && source == "stale"
	})
	s.say(t, pi, 41)
	if value, source := s.cell(t, "soc", 5); value != 41 || source != "measured" {
		t.Errorf("the Pi itself is %v °C, %s, want 41, measured", value, source)
	}
	if slot, _, _ := s.where(t, pi); slot != 5 {
		t.Errorf("the Pi is in slot %d, want 5 still", slot)
	}
	if text := string(s.get(t, "/")); !strings.Contains(text, "<html") {
		t.Errorf("the page: %.200s", text)
	}
	metrics := string(s.get(t, "/metrics"))
	if sumOf(t, metrics, `thermarack_switch_polls_total{result="no_answer"}`) == 0 || sumOf(t, metrics, `thermarack_switch_ports{switch="sw-a1-3"}`) != 0 {
		t.Errorf("metrics:\n%s", metrics)
	}

	s.agent.Break(snmptest.Faults{})
	until(t, 40*time.Second, "the switch is back", func() bool {
		_, _, online := s.where(t, s.played.mac)
		_, source := s.cell(t, "poe", 5)
		return online != nil && *online && source == "measured"
	})
}

// What a switch says beside watts is stored as every quantity is.
func TestStatesAndCountersOfASwitchAreStored(t *testing.T) {
	t.Parallel()
	s := startSwitchedShelf(t, 48)
	port, supply := s.played.mac.Device("port17"), s.played.mac.Device("supply1")
	until(t, 20*time.Second, "a poll is stored", func() bool { return len(s.values(t, supply+":capacity")) > 0 })
	got := map[string][]float64{}
	for _, name := range []string{":power", ":status", ":class", ":denied", ":overload", ":short"} {
		got[name] = s.values(t, port+name)
	}
	for _, name := range []string{":capacity", ":power", ":status", ":threshold"} {
		got["supply"+name] = s.values(t, supply+name)
	}
	text, err := json.Marshal(got)
	if err != nil {
		t.Fatal(err)
	}
	const want = `{":class":[2],":denied":[1],":overload":[2],":power":[4.17],":short":[3],":status":[3],` +
		`"supply:capacity":[370],"supply:power":[199],"supply:status":[1],"supply:threshold":[0.8]}`
	if string(text) != want {
		t.Errorf("got  %s\nwant %s", text, want)
	}
	if bytes := s.get(t, "/metrics"); sumOf(t, string(bytes), "thermarack_ingest_rejected_total{") != 0 {
		t.Error("something of the switch was rejected")
	}
}
