package tee_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"thermarack/agent/wire"
	"thermarack/collector/internal/store"
	"thermarack/collector/internal/store/memory"
	"thermarack/collector/internal/store/storetest"
	"thermarack/collector/internal/store/tee"
	"thermarack/collector/internal/store/tsdb"
)

func TestStore(t *testing.T) {
	storetest.Run(t, func(t *testing.T) storetest.Store {
		return tee.New(tee.Options{First: embedded(t), FirstName: "tsdb", Second: memory.New(0), SecondName: "memory"})
	})
}

func embedded(t *testing.T) *tsdb.Store {
	t.Helper()
	s, err := tsdb.Open(tsdb.Options{Dir: t.TempDir(), MinFree: 1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// A sink answers every Append the same.
type sink struct {
	refused []store.Refusal
	err     error
}

func (s sink) Append(context.Context, []store.Sample) ([]store.Refusal, error) {
	return s.refused, s.err
}
func (s sink) Close() error { return s.err }

var noon = time.Date(2026, 3, 14, 12, 0, 0, 0, time.UTC)

func samples() []store.Sample {
	inlet := store.Series{Site: "hex", Node: "b827eb000001", Device: "urn:dev:ow:28f6fb1e0d0000c5", Quantity: wire.QuantityTemperature, Unit: "Cel"}
	return []store.Sample{
		{Series: inlet, Point: store.Point{Time: noon, Value: 20}},
		{Series: inlet, Point: store.Point{Time: noon, Value: 21}}, // in conflict
		{Series: inlet, Point: store.Point{Time: noon.Add(time.Second), Value: 22}},
	}
}

func TestTheErrorNamesTheStoreThatFailed(t *testing.T) {
	t.Parallel()
	away := errors.New("no route to host")
	first := embedded(t)
	both := tee.New(tee.Options{First: first, FirstName: "tsdb", Second: sink{err: away}, SecondName: "influx"})
	if _, err := both.Append(t.Context(), samples()); !errors.Is(err, away) || !strings.Contains(err.Error(), "store influx:") || strings.Contains(err.Error(), "tsdb") {
		t.Errorf("err = %v, want one of store influx that wraps %v", err, away)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	_, err := both.Append(t.Context(), samples())
	for _, want := range []string{"store tsdb:", "store influx:"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("with both failing: err = %v, want …%s…", err, want)
		}
	}
	if err := both.Close(); !errors.Is(err, away) || !strings.Contains(err.Error(), "store influx:") {
		t.Errorf("Close: %v, want the second's error", err)
	}
}

func TestWhatOnlyTheSecondRefusesIsCountedAndCanBeRead(t *testing.T) {
	t.Parallel()
	registry := prometheus.NewRegistry()
	second := sink{refused: []store.Refusal{{Index: 1, Reason: store.RefusedConflict}, {Index: 2, Reason: store.RefusedFieldType}}}
	both := tee.New(tee.Options{First: embedded(t), FirstName: "tsdb", Second: second, SecondName: "influx", Registry: registry})
	refused, err := both.Append(t.Context(), samples())
	if diff := cmp.Diff([]store.Refusal{{Index: 1, Reason: store.RefusedConflict}}, refused); diff != "" || err != nil {
		t.Errorf("refused (-want +got), %v:\n%s", err, diff)
	}
	want := `# HELP thermarack_tee_refused_total Samples that the first store has kept and the second refuses for good.
# TYPE thermarack_tee_refused_total counter
thermarack_tee_refused_total{reason="conflict",store="influx"} 0
thermarack_tee_refused_total{reason="field_type",store="influx"} 1
thermarack_tee_refused_total{reason="past",store="influx"} 0
thermarack_tee_refused_total{reason="server",store="influx"} 0
`
	if err := testutil.GatherAndCompare(registry, strings.NewReader(want), "thermarack_tee_refused_total"); err != nil {
		t.Error(err)
	}
	points, err := both.Range(t.Context(), samples()[0].Name(), noon, noon.Add(time.Hour))
	if err != nil || len(points) != 2 {
		t.Errorf("Range = %v, %v, want both that the first kept", points, err)
	}
}
