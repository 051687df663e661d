package recording_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"thermarack/agent/wire"
	"thermarack/collector/internal/recording"
	"thermarack/collector/internal/store"
)

// A burst is a store with an hour of many series, days after its lower bound.
type burst struct {
	series int
	begin  time.Time
	most   int // points that one Scan has visited
}

func (b *burst) Bounds(context.Context) (from, to time.Time, ok bool, err error) {
	return noon, b.begin.Add(time.Hour), true, nil
}

func (b *burst) Scan(ctx context.Context, from, to time.Time, visit func(store.Series, []store.Point)) error {
	visited := 0
	if !to.After(b.begin) {
		return nil
	}
	for i := 0; i < b.series && ctx.Err() == nil; i++ {
		var points []store.Point
		for at := b.begin; at.Before(b.begin.Add(time.Hour)); at = at.Add(10 * time.Second) {
			if !at.Before(from) && at.Before(to) {
				points = append(points, store.Point{Time: at, Value: 20})
			}
		}
		if len(points) > 0 {
			device := fmt.Sprintf("urn:dev:ow:28%014x", i)
			visit(store.Series{Site: "hex", Node: "b827eb000001", Device: device, Quantity: wire.QuantityTemperature, Unit: "Cel"}, points)
		}
		visited += len(points)
	}
	b.most = max(b.most, visited)
	return ctx.Err()
}

// After days without readings much time is read at once; what comes then must not
// all stand in memory.
func TestABurstBehindAGapIsReadInParts(t *testing.T) {
	t.Parallel()
	b := &burst{series: 1500, begin: noon.Add(72 * time.Hour)}
	read := 0
	enough := errors.New("enough")
	err := recording.Stored(t.Context(), b, time.Time{}, noon.Add(1000*time.Hour), func(e recording.Entry) error {
		if want := b.begin.Add(time.Duration(read/1500) * 10 * time.Second); !e.Time.Equal(want) {
			t.Errorf("after %d readings those of %v, want %v", read, e.Time, want)
		}
		if read += bytes.Count(e.Payload, []byte(`"v":20`)); read == 3*1500 {
			return enough
		}
		return nil
	})
	if !errors.Is(err, enough) || b.most > 450_000 {
		t.Errorf("%v, %d readings were read at once", err, b.most)
	}
}
