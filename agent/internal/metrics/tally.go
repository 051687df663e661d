package metrics

import (
	"sync"
	"time"

	"thermarack/agent/wire"
)

// A Tally counts what is in packs. It is safe for concurrent use.
type Tally struct {
	mu       sync.Mutex
	packs    uint64
	readings uint64
	faults   map[string]uint64 // by reason
	last     time.Time         // when a pack was counted last
	stamp    time.Time         // its stamp
}

// NewTally returns a Tally that has counted nothing.
func NewTally() *Tally {
	return &Tally{faults: map[string]uint64{}, last: time.Now()}
}

// Count counts the readings of one pack.
func (t *Tally) Count(readings []wire.Reading) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.packs++
	t.last = time.Now()
	for _, r := range readings {
		t.stamp = r.Time
		switch {
		case r.IsFault():
			t.faults[r.Text]++
		case r.Quantity != wire.QuantitySeq && r.Quantity != wire.QuantityBoot:
			t.readings++
		}
	}
}

// Age returns how long ago the last pack was counted, or the Tally was made if none was.
func (t *Tally) Age() time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	return time.Since(t.last)
}

// Families returns what was counted.
func (t *Tally) Families() []Family {
	t.mu.Lock()
	defer t.mu.Unlock()
	faults := Family{Name: "thermarack_agent_faults_total", Help: "Samples that were rejected, by reason", Kind: Counter}
	for _, reason := range reasons() {
		faults.Samples = append(faults.Samples, Sample{[]Label{{"reason", reason}}, float64(t.faults[reason])})
	}
	list := []Family{
		{"thermarack_agent_packs_total", "Packs made", Counter, []Sample{{Value: float64(t.packs)}}},
		{"thermarack_agent_readings_total", "Readings in them", Counter, []Sample{{Value: float64(t.readings)}}},
		faults,
	}
	if !t.stamp.IsZero() {
		list = append(list, Family{
			"thermarack_agent_last_sample_timestamp_seconds", "Stamp of the last pack made, by the clock of the host", Gauge,
			[]Sample{{Value: float64(t.stamp.UnixMilli()) / 1000}},
		})
	}
	return list
}

// reasons returns those of all faults, so that each is there from the start: a
// counter that begins with its first fault hides it.
func reasons() []string {
	return []string{
		wire.FaultCRC, wire.FaultZeros, wire.FaultPowerOn, wire.FaultNoDevice, wire.FaultFloating,
		wire.FaultRange, wire.FaultJump, wire.FaultStale, wire.FaultTimeout, wire.FaultStuck,
	}
}
