package switches

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"time"

	"thermarack/agent/wire"
	"thermarack/agent/wire/layout"
	"thermarack/collector/internal/poe"
	"thermarack/collector/internal/snmp"
)

// A polled switch is used by one goroutine, but for its outbox.
type polled struct {
	*Poller
	layout.Switch
	site     string
	log      *slog.Logger
	chance   *rand.Rand
	schedule schedule
	box      *outbox

	session  Session // nil until the first poll
	requests int     // of the session, that are counted
	next     time.Time
	failures int // in a row
	result   result
	was      run
	told     wire.Status    // what was sent last; the zero Status before
	about    wire.Inventory // likewise
	foreign  wire.Node      // the address other than the layout's that was warned of
}

// run polls the switch until ctx ends.
func (s *polled) run(ctx context.Context) {
	s.session = s.opts.Open(s.Switch)
	for ctx.Err() == nil && s.wait(ctx) == nil {
		s.poll(ctx)
	}
	if err := s.session.Close(); err != nil {
		s.log.Warn("close the session with a switch", "err", err)
	}
	if n := s.box.holds(); n > 0 {
		s.log.Warn("what a switch said last is not stored", "messages", n)
	}
}

// retryEvery is how long a message that ingest does not take waits for the next
// try.
const retryEvery = time.Second

// wait returns when it is time for the next poll. Meanwhile it sees to what is not
// yet committed.
func (s *polled) wait(ctx context.Context) error {
	for {
		now := s.opts.Clock.Now()
		if s.next.Sub(now) > longestPause+longestPause/2+s.schedule.interval { // the clock was set back
			s.next = s.schedule.at(now).Add(s.schedule.interval)
		}
		until := s.next
		if retry := now.Add(retryEvery); s.box.holds() > 0 && retry.Before(until) {
			until = retry
		}
		if err := s.opts.Clock.SleepUntil(ctx, until); err != nil {
			return err
		}
		if until.Equal(s.next) {
			return nil
		}
		s.box.flush()
	}
}

// poll reads the switch and passes on what it says.
func (s *polled) poll(ctx context.Context) {
	lane := s.free
	if s.failures > 0 {
		lane = s.away
	}
	select {
	case lane <- struct{}{}:
	case <-ctx.Done():
		return
	}
	defer func() { <-lane }()
	at := s.schedule.at(s.opts.Clock.Now())
	begun := time.Now()
	limited, cancel := context.WithTimeout(ctx, patience)
	seen, err := s.session.Read(limited)
	cancel()
	if ctx.Err() != nil {
		return // a poll that we broke off says nothing of the switch
	}
	if errors.Is(err, context.DeadlineExceeded) {
		err = fmt.Errorf("it was not read to the end in %v: %w", patience, err)
	}
	s.count(begun, err)
	if err != nil {
		s.fail(at, err)
	} else {
		s.succeed(at, seen)
	}
	now := s.opts.Clock.Now()
	s.next = s.schedule.at(now).Add(time.Duration(s.schedule.pause(s.failures, s.chance)) * s.schedule.interval)
}

// count notes a poll in the metrics, and the first of each result in a row in the
// log.
func (s *polled) count(begun time.Time, err error) {
	requests := s.session.Requests()
	s.metrics.requests.Add(float64(requests - s.requests))
	s.requests = requests
	s.metrics.duration.Observe(time.Since(begun).Seconds())
	result := resultOf(err)
	s.metrics.polls.WithLabelValues(string(result)).Inc()
	switch {
	case result == s.result:
	case err != nil:
		s.log.Warn("a switch is not read", "result", string(result), "err", err)
	case s.result != "":
		s.log.Info("a switch is read again")
	}
	s.result = result
}

// fail notes a poll that said nothing. Without credentials nothing was sent: their
// file is looked at again as soon as ever.
func (s *polled) fail(at time.Time, err error) {
	if !errors.Is(err, snmp.ErrCredentials) {
		s.failures++
	}
	s.metrics.ports.WithLabelValues(s.Name).Set(0)
	s.tell(wire.Status{Boot: s.was.id}, at)
}

func (s *polled) succeed(at time.Time, seen poe.Switch) {
	s.failures = 0
	s.metrics.read(s.Name, seen, at)
	s.compare(seen.MAC)
	s.was = s.was.after(seen.Uptime, at)
	s.tell(wire.Status{Online: true, Boot: s.was.id}, at)
	s.describe(seen)
	s.report(Pack(s.Switch, seen, at))
	s.opts.Seen(s.Name, seen, at)
}

// compare warns of a switch that is not the one of the layout.
func (s *polled) compare(says wire.Node) {
	foreign := says != "" && says != s.MAC
	s.metrics.setForeign(s.Name, foreign)
	if foreign && says != s.foreign {
		s.foreign = says
		s.log.Warn("a switch has another MAC address than the layout says; its readings keep the layout's name", "layout", s.MAC, "says", says)
	}
}

// tell sends whether the switch is there, if that has changed.
func (s *polled) tell(now wire.Status, at time.Time) {
	if s.told.T != 0 && s.told.Online == now.Online && s.told.Boot == now.Boot {
		return
	}
	now.T = float64(at.UnixMilli()) / 1000
	s.told = now
	payload, err := json.Marshal(now)
	s.send(wire.KindStatus, payload, err)
}

// describe sends what the switch is, if that has changed.
func (s *polled) describe(seen poe.Switch) {
	about := Inventory(s.Switch, seen)
	if s.about.MAC != "" && s.about.Model == about.Model && slices.Equal(s.about.Parts, about.Parts) {
		return
	}
	s.about = about
	payload, err := encodeInventory(about)
	s.send(wire.KindInventory, payload, err)
}

// maxRecords is how many readings are sent in one pack: a stack of nine switches
// has three times as many, and a pack of all would be refused as too long.
const maxRecords = 1000

func (s *polled) report(readings []wire.Reading) {
	for len(readings) > 0 {
		n := min(len(readings), maxRecords)
		payload, err := wire.EncodePack(readings[:n])
		s.send(wire.KindReadings, payload, err)
		readings = readings[n:]
	}
}

// send hands a message to ingest. err is why there is none.
func (s *polled) send(kind wire.Kind, payload []byte, err error) {
	if err != nil {
		s.log.Error("what a switch says can't be written", "kind", kind, "err", err)
		return
	}
	s.box.put(message{wire.Topic{Site: s.site, Node: s.MAC, Kind: kind}, payload})
}
