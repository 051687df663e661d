package sensors

import (
	"context"
	"errors"
	"io/fs"
	"path"
	"sync"

	"thermarack/agent/wire"
	"thermarack/hardware/sysfs"
)

// findThrottled lists the throttled word of a Raspberry Pi, which is made of the
// firmware's own and of the alarm of under-voltage, or of one of them.
func (s *Set) findThrottled() []Part {
	word, alarm := s.throttle.find()
	device := s.node.Device("soc")
	switch {
	case word != "":
		return []Part{{Device: device, What: "throttling", Bus: "firmware", Address: "get_throttled", Sensor: &s.throttle}}
	case alarm != "":
		return []Part{{Device: device, What: "under-voltage", Bus: path.Base(path.Dir(alarm)), Address: path.Base(alarm), Sensor: &s.throttle}}
	}
	return nil
}

const (
	// throttledBits are those that the firmware defines, and the contract
	// carries.
	throttledBits = 1<<20 - 1
	// underVoltageBits stand for the alarm, which means within the last 2 s.
	underVoltageBits = sysfs.UnderVoltageBit | sysfs.UnderVoltageBit<<sysfs.OccurredShift
)

// A throttle gathers the throttled word between reads, since a state may last
// less than an interval.
//
// It remembers where the files are. They are searched for when parts are, and
// once more when one has vanished, never at each poll.
type throttle struct {
	root fs.FS
	name string // of the record

	mu    sync.Mutex
	word  string // file of the firmware's word; "" without one
	alarm string // file of the alarm; "" without one
	seen  uint32 // OR of all words since the last that was delivered
	moved func() // called when the files have become others; nil while nobody asks
}

// find looks for the files anew and returns them.
func (t *throttle) find() (word, alarm string) {
	word, _, wordErr := sysfs.ThrottledFile(t.root)
	alarm, _, alarmErr := sysfs.UnderVoltageFile(t.root)
	t.mu.Lock()
	defer t.mu.Unlock()
	before := [...]string{t.word, t.alarm}
	if wordErr == nil { // else it may well be where it was
		t.word = word
	}
	if alarmErr == nil {
		t.alarm = alarm
	}
	if t.moved != nil && before != [...]string{t.word, t.alarm} {
		t.moved()
	}
	return t.word, t.alarm
}

// follow calls poll whenever the kernel says that a file has changed. Where it
// does not say so poll is called every two seconds, and it is asked again after a
// minute. It returns when ctx is done.
func (t *throttle) follow(ctx context.Context, poll func()) {
	for ctx.Err() == nil {
		t.heed(ctx, poll)
		minute, cancel := context.WithTimeout(ctx, rescanEvery)
		if len(t.files()) == 0 {
			<-minute.Done()
		}
		every(minute, pollEvery, poll)
		cancel()
	}
}

// heed calls poll whenever the kernel says that a file has changed, as long as it
// can be asked.
func (t *throttle) heed(ctx context.Context, poll func()) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	notice, err := sysfs.Notify(t.root, t.watch(cancel)...)
	if err != nil { // then they are polled
		return
	}
	defer notice.Close()
	for ctx.Err() == nil {
		poll()
		if notice.Wait(ctx) != nil {
			return
		}
	}
}

// watch returns the files that there are, and has moved called once they are
// others.
func (t *throttle) watch(moved func()) []string {
	t.mu.Lock()
	t.moved = moved
	t.mu.Unlock()
	return t.files()
}

// files returns those that were found.
func (t *throttle) files() (found []string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, file := range []string{t.word, t.alarm} {
		if file != "" {
			found = append(found, file)
		}
	}
	return found
}

// poll adds the present word. What goes wrong shows at the next Read.
func (t *throttle) poll() { _, _ = t.gather() }

// gather adds the present word; once more if a file was not where it had been.
// It tells whether one of the files answered, and the error of the other.
func (t *throttle) gather() (answered bool, err error) {
	answered, err = t.add()
	if errors.Is(err, fs.ErrNotExist) {
		t.find()
		answered, err = t.add()
	}
	return answered, err
}

// add adds what the files say now.
func (t *throttle) add() (answered bool, err error) {
	t.mu.Lock()
	files := [...]string{t.word, t.alarm}
	t.mu.Unlock()
	for i, read := range [...]func(fs.FS, string) (uint32, error){sysfs.ReadThrottled, readAlarm} {
		if files[i] == "" {
			continue
		}
		word, readErr := read(t.root, files[i])
		if readErr != nil {
			err = readErr
			continue
		}
		answered = true
		t.mu.Lock()
		t.seen |= word & throttledBits
		t.mu.Unlock()
	}
	return answered, err
}

// readAlarm returns the alarm as bits of the word.
func readAlarm(root fs.FS, file string) (uint32, error) {
	low, err := sysfs.ReadUnderVoltage(root, file)
	if !low {
		return 0, err
	}
	return underVoltageBits, err
}

func (t *throttle) Name() string { return t.name }

// Read returns the bits that were set at any time since the last Read that came
// in time for its pack, beside the error of a file that did not answer.
func (t *throttle) Read(ctx context.Context) ([]wire.Reading, error) {
	answered, err := t.gather()
	if err == nil && !answered {
		err = gone("get_throttled")
	}
	if err != nil {
		err = hostFault(err)
	}
	if !answered {
		return nil, err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if late := ctx.Err(); late != nil {
		return nil, late // the pack has left: kept for the next one
	}
	word := t.seen
	t.seen = 0
	device, quantity, _ := wire.SplitName(t.name)
	return one(device, quantity, float64(word)), err
}
