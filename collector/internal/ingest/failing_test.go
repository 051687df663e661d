package ingest_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"thermarack/agent/wire"
	"thermarack/collector/internal/ingest"
)

func TestNothingIsAcknowledgedWhileTheStoreFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		full := errors.New("no space left on device")
		s := &shelf{broken: full}
		b := run(t, s, nil)
		var want []float64
		for v := range 30 {
			b.offer(t, float64(v))
			b.send(t, wire.KindStatus, []byte(`{"online":true}`))
			want = append(want, float64(v))
			pass(time.Second)
		}
		if len(b.acked()) != 0 {
			t.Errorf("%d acknowledged while nothing is stored", len(b.acked()))
		}
		if len(s.told()) != 60 {
			t.Errorf("%d observed while nothing is stored, want all 60: alerts go on", len(s.told()))
		}
		if err := b.Failing(); !errors.Is(err, full) || !strings.Contains(err.Error(), "for 30s") {
			t.Errorf("Failing() = %v, want %v for 30s", err, full)
		}
		b.value(t, "thermarack_store_failing", 1)
		if n := strings.Count(b.log.String(), "commit failed"); n != 1 {
			t.Errorf("logged %d times in 30 s, want once", n)
		}

		s.set(nil)
		pass(10 * time.Second)
		if diff := cmp.Diff(want, s.values()); diff != "" {
			t.Errorf("stored (-want +got):\n%s", diff)
		}
		if len(b.acked()) != 60 || len(s.told()) != 60 || errors.Join(b.acked()...) != nil {
			t.Errorf("%d acknowledged without error and %d observed, want 60 and none twice", len(b.acked()), len(s.told()))
		}
		b.value(t, "thermarack_store_failing", 0)
		for i, batch := range s.told() {
			if isStatus := batch.Status != nil; isStatus != (i%2 == 1) {
				t.Errorf("batch %d: status and readings are out of order", i)
			}
		}
		if b.Failing() != nil {
			t.Errorf("still failing: %v", b.Failing())
		}
	})
}

func TestObserversAreToldWhileACommitHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &shelf{took: time.Minute}
		b := run(t, s, nil)
		b.offer(t, 0)
		pass(9 * time.Second)
		if b.Failing() != nil {
			t.Errorf("Failing() = %v after 9 s of a commit", b.Failing())
		}
		b.offer(t, 1)
		pass(2 * time.Second)
		if len(s.told()) != 2 || len(b.acked()) != 0 {
			t.Errorf("%d observed, %d acknowledged; want both and none", len(s.told()), len(b.acked()))
		}
		if b.Failing() == nil {
			t.Error("a commit of 11 s does not count as failing")
		}
		pass(2 * time.Minute)
		if len(b.acked()) != 2 || b.Failing() != nil {
			t.Errorf("%d acknowledged, failing %v; want both and nil", len(b.acked()), b.Failing())
		}
	})
}

func TestTheOldestAreGivenBackWhenAFailingStoreLeavesNoRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &shelf{broken: errors.New("no space left on device")}
		b := run(t, s, nil)
		for v := range 15000 {
			b.offer(t, float64(v)/10)
		}
		pass(3 * time.Second)
		given := len(b.acked())
		if given < 3000 || given > 8000 || errors.Join(b.acked()...) == nil {
			t.Fatalf("%d given back, want a part of them, with an error", given)
		}
		if len(s.told()) != 15000 {
			t.Errorf("%d observed, want all", len(s.told()))
		}
		b.value(t, "thermarack_ingest_given_back_total", float64(given))
		s.set(nil)
		pass(10 * time.Second)
		var want []float64
		for v := given; v < 15000; v++ {
			want = append(want, float64(v)/10)
		}
		if diff := cmp.Diff(want, s.values()); diff != "" {
			t.Errorf("stored, after the oldest were given back (-want +got):\n%s", diff)
		}
		if errors.Join(b.acked()[given:]...) != nil || len(b.acked()) != 15000 {
			t.Errorf("%d answered, want all, those that are stored without error", len(b.acked()))
		}
	})
}

func TestCancelGivesBackWhatCannotBeKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := run(t, &shelf{broken: errors.New("disk on fire")}, nil)
		b.offer(t, 1)
		pass(time.Second)
		b.offer(t, 2)
		before := time.Now()
		b.stop()
		if took := time.Since(before); took > 6*time.Second {
			t.Errorf("Run returned after %v, want at most 6 s", took)
		}
		if len(b.acked()) != 2 || b.acked()[0] == nil || b.acked()[1] == nil {
			t.Errorf("Done got %v, want two errors", b.acked())
		}
	})
}

func TestTheQueueIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &shelf{broken: errors.New("away")}
		b := run(t, s, nil)
		big := ingest.Delivery{Topic: "x/y", Payload: bytes.Repeat([]byte(" "), 1<<20), Done: func(error) {}}
		n := 0
		b.offer(t, 1) // blocks the committer
		pass(time.Second)
		for b.Offer(big) {
			n++
		}
		if n != 63 {
			t.Errorf("%d messages of 1 MiB taken, want 63 beside the first", n)
		}
		s.set(nil)
		pass(10 * time.Second)
		if !b.Offer(big) {
			t.Error("the queue stays full after the store is back")
		}
	})
}
