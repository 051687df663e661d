package watch_test

import (
	"testing"
	"testing/fstest"

	"thermarack/agent/wire"
	"thermarack/agent/wire/layout"
	"thermarack/collector/internal/ingest"
	"thermarack/collector/internal/placement"
	"thermarack/collector/internal/rack"
)

// show has the switch show the first Pi on a port; 0: on none.
func (f *fleet) show(port int) {
	nodes := placement.Nodes{}
	if port > 0 {
		nodes[placement.Port{Switch: "sw-a1-3", Number: port}] = pi(1)
	}
	f.model.PlacePis(placement.Result{Nodes: nodes})
}

// heat lets the first Pi be hot for so many seconds.
func (f *fleet) heat(seconds int) {
	for end := f.second + seconds; f.second < end; f.second += 10 {
		f.say(pi(1), pi(1).Device("soc"), "temperature", 90)
		f.watch.Tick(f.now())
	}
}

// roaming is a fleet of Pis that stand where the switch shows them.
func roaming(t *testing.T) *fleet {
	f := newFleet(t)
	const text = `version: 1
sites: {hex: {racks: {a1: {shelves: {s3: {columns: 2, depth: 2, nodes: {switch: sw-a1-3, ports: 1-4}}}}}}}
switches: {sw-a1-3: {mac: 001122334455}}
`
	var err error
	if f.layout, err = layout.Parse("layout.yaml", []byte(text), fstest.MapFS{}); err != nil {
		t.Fatal(err)
	}
	f.model = rack.New(rack.Options{Layout: f.layout, Stale: 60e9})
	f.watchAnew()
	return f
}

func TestAnAlertEndsWhereItsPiStoodAndBeginsWhereItStandsNow(t *testing.T) {
	f := roaming(t)
	f.show(1)
	f.heat(90)
	f.show(2)
	f.say(pi(1), pi(1).Device("soc"), "temperature", 90)
	f.want(
		"1m0s fired SocTemperature warning: hex/a1/s3 slot 1: SoC at 90.0 °C, limit 80 °C",
		"1m30s resolved SocTemperature warning: hex/a1/s3 slot 1: its Pi stands there no more",
		"1m30s fired SocTemperature warning: hex/a1/s3 slot 2: SoC at 90.0 °C, limit 80 °C")
	if active := f.watch.Active(); len(active) != 1 || active[0].Slot != 2 || len(f.disk) != 1 {
		t.Errorf("active %+v, kept %q", active, f.disk)
	}
}

func TestAnAlertEndsWhenItsPiStandsNowhere(t *testing.T) {
	f := roaming(t)
	f.show(1)
	f.heat(90)
	f.show(0)
	f.watch.Tick(f.now())
	f.want(
		"1m0s fired SocTemperature warning: hex/a1/s3 slot 1: SoC at 90.0 °C, limit 80 °C",
		"1m30s resolved SocTemperature warning: hex/a1/s3 slot 1: its Pi stands there no more")
	if active := f.watch.Active(); len(active) != 0 || len(f.disk) != 0 {
		t.Errorf("active %+v, kept %q", active, f.disk)
	}
}

func TestOfASupplyItsSwitchAloneIsBelieved(t *testing.T) {
	f := newFleet(t)
	for ; f.second <= 120; f.second += 30 {
		f.observe(ingest.Batch{Node: pi(1), Readings: []wire.Reading{
			{Device: sw.Device("supply1"), Quantity: "status", Value: 3, Time: f.now()},
		}})
	}
	f.want()
}
