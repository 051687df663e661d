package watch_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"thermarack/agent/wire"
	"thermarack/collector/internal/ingest"
	"thermarack/collector/internal/watch"
)

func TestAPortInFaultIsToldWithItsSlot(t *testing.T) {
	f := newFleet(t)
	f.run(60)
	f.ports[2] = [2]float64{4, 0}
	f.run(90)
	if active := f.watch.Active(); len(active) != 1 || active[0].State != "pending" {
		t.Errorf("after one poll: %+v", active)
	}
	f.run(130)
	f.ports[2] = [2]float64{6, 0} // another fault is the same alert
	f.run(180)
	f.ports[2] = [2]float64{3, 2.3}
	f.run(240)
	f.want("2m30s fired PoEFault warning: hex/a1/s3 slot 2: port 2 of sw-a1-3 is in fault",
		"3m30s resolved PoEFault warning: hex/a1/s3 slot 2: port 2 of sw-a1-3 is no longer in fault")
}

func TestAFaultOfOnePollIsNotTold(t *testing.T) {
	f := newFleet(t)
	f.run(60)
	f.ports[2] = [2]float64{4, 0}
	f.run(90)
	f.ports[2] = [2]float64{3, 2.3}
	f.run(600)
	f.want()
}

func TestACounterThatGrowsIsToldUntilItRests(t *testing.T) {
	f := newFleet(t)
	f.counts[5] = 17 // since years ago
	f.run(600)
	f.counts[5] = 18
	f.run(640)
	f.counts[5] = 20
	f.run(680)
	if got, want := f.watch.Active()[0].Summary, "hex/a1/s4 slot 1: port 5 of sw-a1-3 overloaded 3 times"; got != want {
		t.Errorf("active %q, want %q", got, want)
	}
	f.counts[5] = 0 // the switch was restarted
	f.run(1400)
	f.want("10m30s fired PoEFault warning: hex/a1/s4 slot 1: port 5 of sw-a1-3 overloaded once",
		"21m0s resolved PoEFault warning: hex/a1/s4 slot 1: port 5 of sw-a1-3 has not overloaded for 10 min")
}

func TestDeniedAndShortedPortsHaveTheirOwnAlerts(t *testing.T) {
	f := newFleet(t)
	device := sw.Device("port1")
	for _, quantity := range []string{"denied", "short"} {
		f.say(sw, device, quantity, 1)
	}
	f.second = 30
	for _, quantity := range []string{"denied", "short"} {
		f.say(sw, device, quantity, 3)
	}
	f.want("30s fired PoEFault warning: hex/a1/s3 slot 1: port 1 of sw-a1-3 denied power 2 times",
		"30s fired PoEFault warning: hex/a1/s3 slot 1: port 1 of sw-a1-3 shorted 2 times")
	labels := map[string]bool{}
	for _, a := range f.watch.Active() {
		labels[fmt.Sprint(watch.Page(watch.Change{Active: a}, time.Now()).Labels)] = true
	}
	want := map[string]bool{
		"map[alertname:PoEFault cause:denied rack:a1 severity:warning shelf:s3 site:hex slot:1 switch:sw-a1-3]": true,
		"map[alertname:PoEFault cause:short rack:a1 severity:warning shelf:s3 site:hex slot:1 switch:sw-a1-3]":  true,
	}
	if diff := cmp.Diff(labels, want); diff != "" {
		t.Errorf("labels -got +want\n%s", diff)
	}
}

func TestAPortThatGoesOnAndOffIsFlapping(t *testing.T) {
	f := newFleet(t)
	f.run(60)
	for i := range 6 {
		f.ports[3] = [2]float64{float64(2 + i%2), 0}
		f.run(90 + 30*i)
	}
	f.run(900)
	f.want("3m30s fired PoEFault warning: hex/a1/s3 slot 3: port 3 of sw-a1-3 went on or off 5 times within 10 min",
		"14m0s resolved PoEFault warning: hex/a1/s3 slot 3: port 3 of sw-a1-3 has not gone on or off for 10 min")
}

// supply reports a power supply of the switch.
func (f *fleet) supply(second int, capacity, power, status, threshold float64) {
	f.second = second
	device := sw.Device("supply1")
	b := ingest.Batch{Node: sw}
	for quantity, value := range map[string]float64{"capacity": capacity, "power": power, "status": status, "threshold": threshold} {
		if value >= 0 {
			b.Readings = append(b.Readings, wire.Reading{Device: device, Quantity: quantity, Value: value, Time: f.now()})
		}
	}
	f.observe(b)
}

func TestASupplyIsOneAlertThatNamesWhatItFeeds(t *testing.T) {
	f := newFleet(t)
	for second := 0; second <= 60; second += 30 {
		f.supply(second, 370, 333, 1, 0.8)
	}
	f.supply(90, 370, 290, 1, 0.8) // 78 %: below the limit, above the clear level
	f.supply(120, 370, 280, 1, 0.8)
	for second := 150; second <= 210; second += 30 {
		f.supply(second, 370, 0, 2, 0.8)
	}
	active := f.watch.Active()
	f.supply(240, 370, 100, 1, 0.8)
	f.want(
		"1m0s fired PoEFault warning: sw-a1-3 supply 1 gives 333 W of 370 W, 90 %, limit 80 %; the switch feeds hex/a1/s3, hex/a1/s4",
		"2m0s resolved PoEFault warning: sw-a1-3 supply 1 gives 280 W of 370 W, 76 %, limit 80 %; the switch feeds hex/a1/s3, hex/a1/s4",
		"3m30s fired PoEFault critical: sw-a1-3 supply 1 is off; the switch feeds hex/a1/s3, hex/a1/s4",
		"4m0s resolved PoEFault critical: sw-a1-3 supply 1 is on again; the switch feeds hex/a1/s3, hex/a1/s4")
	if len(active) != 1 || !active[0].Concerns("hex/a1/s4") || active[0].Slot != 0 {
		t.Fatalf("active %+v", active)
	}
	want := map[string]string{"alertname": "PoEFault", "severity": "critical", "site": "hex", "rack": "a1", "shelf": "s3", "switch": "sw-a1-3", "supply": "1", "cause": "supply"}
	if diff := cmp.Diff(watch.Page(watch.Change{Active: active[0]}, time.Now()).Labels, want); diff != "" {
		t.Errorf("labels -got +want\n%s", diff)
	}
}

func TestASupplyWithoutALimitOfItsOwnHasTheConfiguredOne(t *testing.T) {
	f := newFleet(t)
	for second := 0; second <= 120; second += 30 {
		f.supply(second, 370, 333, 1, -1) // 90 %, the limit itself
	}
	for second := 150; second <= 210; second += 30 {
		f.supply(second, 370, 340, 3, -1)
	}
	f.want("3m30s fired PoEFault critical: sw-a1-3 supply 1 is faulty; the switch feeds hex/a1/s3, hex/a1/s4",
		"3m30s fired PoEFault warning: sw-a1-3 supply 1 gives 340 W of 370 W, 92 %, limit 90 %; the switch feeds hex/a1/s3, hex/a1/s4")
}

func TestASupplyThatSaysNothingOfItsCapacityIsNotJudgedByIt(t *testing.T) {
	f := newFleet(t)
	for second := 0; second <= 300; second += 30 {
		f.supply(second, 0, 340, 1, 0.8)
	}
	for second := 330; second <= 600; second += 30 {
		f.supply(second, -1, 340, 1, 0.8)
	}
	f.want()
}

func TestOfPortsThatFeedNoSlotNobodyIsTold(t *testing.T) {
	f := newFleet(t)
	for f.second = 0; f.second <= 600; f.second += 30 {
		f.say(sw, sw.Device("port9"), "status", 4)
		f.say(pi(2), pi(2).Device("port1"), "status", 4) // a Pi is no switch
	}
	f.want()
}

func TestAfterARestartAPortsAlertEndsWhenItWouldHave(t *testing.T) {
	f := newFleet(t)
	f.counts[5] = 1
	f.run(60)
	f.counts[5] = 2
	f.ports[2] = [2]float64{4, 0}
	f.run(160)
	f.told = nil
	f.restart()
	f.ports[2] = [2]float64{3, 2.3}
	f.run(300)
	f.want("3m0s settled PoEFault warning: hex/a1/s3 slot 2: port 2 of sw-a1-3 is no longer in fault")
	f.run(900)
	f.want("13m0s settled PoEFault warning: hex/a1/s4 slot 1: port 5 of sw-a1-3 has not overloaded for 10 min")
}

func TestOldReadingsOfASwitchPageNobody(t *testing.T) {
	f := newFleet(t)
	f.run(60)
	for second := 0; second <= 600; second += 30 {
		f.observe(ingest.Batch{Node: sw, Readings: []wire.Reading{
			{Device: sw.Device("port2"), Quantity: "status", Value: 4, Time: f.start.Add(time.Duration(second)*time.Second - time.Hour)},
			{Device: sw.Device("port2"), Quantity: "overload", Value: float64(second), Time: f.start.Add(time.Duration(second)*time.Second - time.Hour)}}})
	}
	f.want()
}

func TestPoEGoesOnAfterOurClockIsSetBack(t *testing.T) {
	f := newFleet(t)
	f.run(3600)
	f.counts[5] = 1
	f.ports[2] = [2]float64{4, 0}
	f.run(3700)
	f.told = nil
	f.second = 0
	f.run(100)
	f.ports[2] = [2]float64{3, 2.3}
	f.run(800)
	f.want("2m0s resolved PoEFault warning: hex/a1/s3 slot 2: port 2 of sw-a1-3 is no longer in fault",
		"10m0s resolved PoEFault warning: hex/a1/s4 slot 1: port 5 of sw-a1-3 has not overloaded for 10 min")
}

// The fleet itself fails a test in which an alert fires twice, or resolves without
// having fired.
func TestEveryAlertFiresAndResolvesInTurnWhateverHappens(t *testing.T) {
	for seed := range uint64(20) {
		random := rand.New(rand.NewPCG(seed, 9))
		f := newFleet(t)
		polls := f.ports
		for range 60 {
			f.run(f.second + random.IntN(200))
			n := 1 + random.IntN(8)
			switch random.IntN(9) {
			case 0, 1:
				f.silent[n] = !f.silent[n]
			case 2:
				for i := 1 + random.IntN(5); i <= 8; i++ {
					f.silent[i] = true
				}
			case 3:
				clear(f.silent)
			case 4:
				polls[n] = [2]float64{float64(1 + random.IntN(6)), 3 * random.Float64()}
			case 5:
				f.counts[n] += float64(random.IntN(5) - 1)
			case 6:
				f.ports, f.hears = polls, random.IntN(2) == 0
			case 7:
				f.ports = nil
				f.observe(ingest.Batch{Node: pi(n), Status: &wire.Status{Boot: "a", T: float64(f.second)}})
			case 8:
				f.second += random.IntN(8000) - 4000
				if random.IntN(2) == 0 {
					f.restart()
				}
			}
		}
		clear(f.silent)
		f.ports, f.hears = polls, true
		for n := range polls {
			polls[n] = [2]float64{3, 2}
		}
		f.run(f.second + 3000)
		if left := f.watch.Active(); len(left) != 0 || len(f.disk) != 0 {
			t.Errorf("seed %d: when all is well there is still %+v; kept %q", seed, left, f.disk)
		}
	}
}
