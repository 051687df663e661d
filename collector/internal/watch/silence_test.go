package watch_test

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"thermarack/agent/wire"
	"thermarack/agent/wire/clock"
	"thermarack/alerts"
	"thermarack/collector/internal/ingest"
	"thermarack/collector/internal/rack"
	"thermarack/collector/internal/watch"
)

func TestASilentAgentIsToldWithWhatItsSwitchSays(t *testing.T) {
	tests := []struct {
		name string
		poll func(*fleet)
		want string
	}{
		{"hung", func(*fleet) {}, "hex/a1/s3 slot 2: port 2 of sw-a1-3 is delivering 2.3 W but its agent has been silent for 3 min: hung"},
		{"hung, by status alone", func(f *fleet) { f.ports[2] = [2]float64{3, 0} }, "hex/a1/s3 slot 2: port 2 of sw-a1-3 is delivering but its agent has been silent for 3 min: hung"},
		{"dead or unplugged", func(f *fleet) { f.ports[2] = [2]float64{2, 0} }, "hex/a1/s3 slot 2: its agent has been silent for 3 min and port 2 of sw-a1-3 delivers nothing: dead or unplugged"},
		{"switched off", func(f *fleet) { f.ports[2] = [2]float64{1, 0} }, "hex/a1/s3 slot 2: its agent has been silent for 3 min and port 2 of sw-a1-3 is switched off"},
		{"the switch does not answer", func(f *fleet) { f.ports = nil }, "hex/a1/s3 slot 2: its agent has been silent for 3 min, and nothing is known of its power"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := newFleet(t)
			f.run(600)
			f.silent[2] = true
			tt.poll(f)
			f.run(800)
			f.want("13m0s fired AgentSilent warning: " + tt.want)
			active := f.watch.Active()
			if len(active) != 1 || active[0].Slot != 2 || !active[0].Since.Equal(f.start.Add(600*time.Second)) || active[0].Value != 180 {
				t.Errorf("active %+v", active)
			}
		})
	}
}

func TestASilentAgentResolvesWhenItSpeaksAndTellsWhenItsReasonChanges(t *testing.T) {
	f := newFleet(t)
	f.run(600)
	f.silent[2] = true
	f.run(1000)
	f.ports[2] = [2]float64{2, 0}
	f.run(1100)
	f.ports[2] = [2]float64{3, 1.5}
	f.run(1320)
	delete(f.silent, 2)
	f.run(1400)
	f.want(
		"13m0s fired AgentSilent warning: hex/a1/s3 slot 2: port 2 of sw-a1-3 is delivering 2.3 W but its agent has been silent for 3 min: hung",
		"17m6s updated AgentSilent warning: hex/a1/s3 slot 2: its agent has been silent for 7 min and port 2 of sw-a1-3 delivers nothing: dead or unplugged",
		"18m36s updated AgentSilent warning: hex/a1/s3 slot 2: its agent has been silent for 9 min and port 2 of sw-a1-3 has delivered for 6 s only: it may be starting",
		"21m30s updated AgentSilent warning: hex/a1/s3 slot 2: port 2 of sw-a1-3 is delivering 1.5 W but its agent has been silent for 12 min: hung",
		"22m12s resolved AgentSilent warning: hex/a1/s3 slot 2: its agent speaks")
}

func TestALastWillShortensTheWait(t *testing.T) {
	f := newFleet(t)
	f.run(600)
	f.silent[2] = true
	f.observe(ingest.Batch{Node: pi(2), Status: &wire.Status{Boot: "a", T: 1}})
	f.run(720)
	f.want("11m36s fired AgentSilent warning: hex/a1/s3 slot 2: port 2 of sw-a1-3 is delivering 2.3 W but its agent has been silent for 96 s: hung")
	f.observe(ingest.Batch{Node: pi(2), Status: &wire.Status{Online: true, Boot: "b", T: 2}})
	f.run(740)
	f.want("12m6s resolved AgentSilent warning: hex/a1/s3 slot 2: its agent speaks")
}

func TestARestartOfAPiPagesNobody(t *testing.T) {
	f := newFleet(t)
	f.run(600)
	f.silent[2] = true
	f.observe(ingest.Batch{Node: pi(2), Status: &wire.Status{Boot: "a", T: 1}})
	f.run(670)
	delete(f.silent, 2)
	f.run(1200)
	f.want()
}

func TestAShelfThatFallsSilentIsOneAlert(t *testing.T) {
	tests := []struct {
		name string
		poll func(*fleet)
		want string
	}{
		{"powered", func(*fleet) {}, "their ports deliver 7 W: look at the network"},
		{"not powered", func(f *fleet) { f.ports[1], f.ports[2], f.ports[3] = [2]float64{2}, [2]float64{2}, [2]float64{1} }, "their ports deliver nothing: look at the power"},
		{"in part", func(f *fleet) { f.ports[1] = [2]float64{2} }, "2 of their ports deliver 5 W, 1 do not"},
		{"unknown", func(f *fleet) { f.ports = nil }, "and nothing is known of their power"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := newFleet(t)
			f.run(600)
			f.silent[1] = true
			f.run(610) // the others say one more pack
			f.silent[2], f.silent[3] = true, true
			tt.poll(f)
			f.run(830)
			f.want("13m12s fired ShelfSilent critical: hex/a1/s3: 3 of 3 agents are silent, " + tt.want)
		})
	}
}

func TestAShelfThatComesBackBitByBitIsNoListOfSilentAgents(t *testing.T) {
	f := newFleet(t)
	f.run(600)
	f.silent[1], f.silent[2], f.silent[3] = true, true, true
	f.run(900)
	delete(f.silent, 1)
	f.run(1000)
	delete(f.silent, 2)
	f.run(1100)
	f.want("13m0s fired ShelfSilent critical: hex/a1/s3: 3 of 3 agents are silent, their ports deliver 7 W: look at the network")
	f.run(1300) // the third does not come
	f.want("19m54s resolved ShelfSilent critical: hex/a1/s3: 2 of 3 agents speak",
		"19m54s fired AgentSilent warning: hex/a1/s3 slot 3: port 3 of sw-a1-3 is delivering 2.3 W but its agent has been silent for 10 min: hung")
	delete(f.silent, 3)
	f.run(1320)
	f.want("21m54s resolved AgentSilent warning: hex/a1/s3 slot 3: its agent speaks")
}

func TestOneThatFallsSilentLaterIsToldBesideThoseThatWere(t *testing.T) {
	f := newFleet(t)
	f.run(600)
	f.silent[1] = true
	f.run(900)
	f.silent[2] = true
	f.run(1200)
	f.silent[3] = true
	f.run(1500)
	active := f.watch.Active()
	const is = " is delivering 2.3 W but its agent has been silent for 3 min: hung"
	f.want("13m0s fired AgentSilent warning: hex/a1/s3 slot 1: port 1 of sw-a1-3"+is,
		"18m0s fired AgentSilent warning: hex/a1/s3 slot 2: port 2 of sw-a1-3"+is,
		"23m0s fired AgentSilent warning: hex/a1/s3 slot 3: port 3 of sw-a1-3"+is)
	f.restart()
	f.run(2000)
	var slots []int
	for _, a := range f.watch.Active() {
		if a.Alert == alerts.AgentSilent {
			slots = append(slots, a.Slot)
		}
	}
	if slices.Sort(slots); len(active) != 3 || !slices.Equal(slots, []int{1, 2, 3}) || len(f.told) != 3 {
		t.Errorf("after a restart %v are told: %v", slots, f.told)
	}
}

func TestAShelfThatWasSilentBeforeARestartIsStillOneAlert(t *testing.T) {
	f := newFleet(t)
	f.run(600)
	f.silent[1], f.silent[2], f.silent[3] = true, true, true
	f.run(900)
	f.restart()
	f.run(1200)
	const is = "fired ShelfSilent critical: hex/a1/s3: 3 of 3 agents are silent, their ports deliver 7 W: look at the network"
	f.want("13m0s "+is, "18m6s "+is)
}

func TestAfterARestartSilenceBeginsAnewAndIsNotForgotten(t *testing.T) {
	f := newFleet(t)
	f.run(600)
	f.silent[2], f.silent[6] = true, true
	f.run(900)
	f.want(
		"13m0s fired AgentSilent warning: hex/a1/s3 slot 2: port 2 of sw-a1-3 is delivering 2.3 W but its agent has been silent for 3 min: hung",
		"13m0s fired AgentSilent warning: hex/a1/s4 slot 2: port 6 of sw-a1-3 is delivering 2.3 W but its agent has been silent for 3 min: hung")
	f.second = 3600 // the collector was away
	f.restart()
	f.run(3700)
	f.want()
	delete(f.silent, 6) // it comes back before it would be told again
	f.run(3900)
	f.want(
		"1h1m54s settled AgentSilent warning: hex/a1/s4 slot 2: its agent speaks",
		"1h3m0s fired AgentSilent warning: hex/a1/s3 slot 2: port 2 of sw-a1-3 is delivering 2.3 W but its agent has been silent for 53 min: hung")
	if f.settled["AgentSilent warning hex/a1/s3 2  0"] {
		t.Error("the silent agent was told to be well")
	}
}

func TestWhatIsExpectedNoMoreAfterARestartIsSettled(t *testing.T) {
	f := newFleet(t)
	f.run(600)
	f.silent[2] = true
	f.silent[5], f.silent[6], f.silent[7] = true, true, true
	f.run(900)
	f.told = nil
	f.layout.Shelves[0].Slots[1].Node = "" // taken out for good
	for i := range f.layout.Shelves[1].Slots {
		f.layout.Shelves[1].Slots[i].Node = ""
	}
	f.restart()
	f.run(1200)
	f.want(
		"18m6s settled AgentSilent warning: hex/a1/s3 slot 2: no agent is expected",
		"18m6s settled ShelfSilent critical: hex/a1/s4: its agents speak")
}

func TestNobodyIsSilentWhileNothingCanBeHeard(t *testing.T) {
	f := newFleet(t)
	f.run(600)
	f.hears = false // the broker is away, and with it everybody
	for n := 1; n <= 8; n++ {
		f.silent[n] = true
	}
	f.run(4000)
	f.hears = true
	f.run(4060)
	f.want()
}

func TestAfterAPauseOfTheCollectorNobodyIsSilent(t *testing.T) {
	f := newFleet(t)
	f.run(600)
	f.second = 7200 // it was stopped, or its machine slept
	f.run(7800)
	f.want()
}

func TestATenantWithoutAnAgentIsNotSilent(t *testing.T) {
	f := newFleet(t)
	f.observe(ingest.Batch{Node: pi(4), Inventory: &wire.Inventory{MAC: string(pi(4))}})
	f.observe(ingest.Batch{Node: pi(8), Status: &wire.Status{Boot: "a", T: 1}}) // it had one before our time
	f.run(3600)
	f.want()
}

func TestWhenOurClockIsSetBackNobodyFallsSilent(t *testing.T) {
	f := newFleet(t)
	f.run(7200)
	f.silent[2] = true
	f.run(7500)
	f.told = nil
	f.second = 3600
	f.run(4200)
	f.want()
	f.silent[3] = true
	f.run(4400)
	delete(f.silent, 2)
	f.run(4420)
	f.want(
		"1h13m0s fired AgentSilent warning: hex/a1/s3 slot 3: port 3 of sw-a1-3 is delivering 2.3 W but its agent has been silent for 3 min: hung",
		"1h13m36s resolved AgentSilent warning: hex/a1/s3 slot 2: its agent speaks")
}

func TestABacklogIsASignOfLifeAndPagesNobody(t *testing.T) {
	f := newFleet(t)
	f.run(600)
	f.silent[2] = true
	f.run(800)
	f.told = nil
	f.observe(ingest.Batch{Node: pi(2), Readings: []wire.Reading{
		{Device: pi(2).Device("soc"), Quantity: "temperature", Value: 99, Time: f.start.Add(-time.Hour)}}})
	f.run(830)
	f.want("13m24s resolved AgentSilent warning: hex/a1/s3 slot 2: its agent speaks")
}

func TestASwitchThatDoesNotAnswerIsOneAlertOfItsShelves(t *testing.T) {
	f := newFleet(t)
	f.run(600)
	ports := f.ports
	f.ports = nil
	f.observe(ingest.Batch{Node: sw, Status: &wire.Status{Boot: "a", T: 1}}) // no agent's last will
	f.run(1000)
	f.want("15m0s fired PoEFault warning: sw-a1-3 has not answered for 5 min: no watts are known of hex/a1/s3, hex/a1/s4")
	a := f.watch.Active()[0]
	if !a.Concerns("hex/a1/s3") || !a.Concerns("hex/a1/s4") || a.Concerns("hex/a1/s5") || a.ShelfID() != "hex/a1/s3" || a.Switch != "sw-a1-3" || a.Cause != "unanswered" {
		t.Errorf("%+v", a)
	}
	f.restart()
	f.ports = ports
	f.run(1100)
	f.want("17m6s settled PoEFault warning: sw-a1-3 answers")
}

func TestASwitchThatHasNeverAnsweredIsToldToo(t *testing.T) {
	f := newFleet(t)
	f.ports = nil
	f.observe(ingest.Batch{Node: sw, Status: &wire.Status{Boot: "a", T: 1}})
	f.run(400)
	f.want("5m0s fired PoEFault warning: sw-a1-3 has not answered for 5 min: no watts are known of hex/a1/s3, hex/a1/s4")
}

func TestTimePassesWithoutMessagesAndOnTheProgramsClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := fedLayout(t)
		begin := time.Now()
		c := clock.Scaled(begin, begin, 60)
		model := rack.New(rack.Options{Layout: l, Stale: time.Minute, Clock: c})
		var told []watch.Change
		w := watch.New(watch.Options{
			Places: model, Rules: alerts.DefaultRules(), Late: 2 * time.Minute, Clock: c,
			OnChange: func(c watch.Change) {
				if c.Event != watch.Settled {
					told = append(told, c)
				}
			},
		})
		model.Observe(ingest.Batch{Site: "hex", Node: pi(1), Received: c.Now(), Readings: []wire.Reading{{Device: pi(1).Device("soc"), Quantity: "temperature", Value: 50, Time: c.Now()}}})
		done := make(chan error)
		go func() { done <- w.Run(t.Context()) }()
		time.Sleep(4 * time.Second) // four minutes of the program
		synctest.Wait()
		if len(told) != 1 || told[0].Alert != alerts.AgentSilent || told[0].At.Sub(begin) < 3*time.Minute || told[0].At.Sub(begin) > 3*time.Minute+7*time.Second {
			t.Errorf("told %+v", told)
		}
		t.Cleanup(func() {
			if err := <-done; err != nil {
				t.Error(err)
			}
		})
	})
}
