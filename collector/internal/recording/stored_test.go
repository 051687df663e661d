package recording_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"thermarack/agent/wire"
	"thermarack/collector/internal/ingest"
	"thermarack/collector/internal/recording"
	"thermarack/collector/internal/store"
	"thermarack/collector/internal/store/tsdb"
)

var noon = time.Date(2026, 3, 14, 12, 0, 0, 0, time.UTC)

func openStore(t *testing.T) *tsdb.Store {
	t.Helper()
	s, err := tsdb.Open(tsdb.Options{Dir: t.TempDir(), MinFree: 1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// keep stores a message as a collector would.
func keep(t *testing.T, s *tsdb.Store, decoder *ingest.Decoder, e recording.Entry) {
	t.Helper()
	decoded := decoder.Decode(ingest.Delivery{Topic: e.Topic, Payload: e.Payload}, e.Time)
	if len(decoded.Rejected) > 0 {
		t.Fatal(decoded.Rejected)
	}
	if refused, err := s.Append(t.Context(), decoded.Samples); err != nil || refused != nil {
		t.Fatal(refused, err)
	}
}

// stored returns what is stored in a span as a recording.
func stored(t *testing.T, s recording.Store, from, to time.Time) string {
	t.Helper()
	var out bytes.Buffer
	if err := recording.WriteStored(t.Context(), &out, s, from, to); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func TestStoredMessagesAreMadeAgain(t *testing.T) {
	t.Parallel()
	s, decoder := openStore(t), ingest.NewDecoder(nil, 0)
	unix := noon.Unix()
	line := func(t int64, node, pack string) string {
		return fmt.Sprintf(`{"t":%d,"topic":"thermarack/v1/hex/%s/readings","payload":[%s]}`, t, node, pack) + "\n"
	}
	const one, two = "b827eb000001", "b827eb000002"
	probe := `{"bt":%d,"n":"urn:dev:ow:28f6fb1e0d0000c5:temperature","u":"Cel","v":26.0625}`
	soc := `{"n":"urn:dev:mac:b827ebfffe000001_soc:throttled","v":0}`
	fault := `{"bt":%d,"n":"urn:dev:ow:28f6fb1e0d0000c5:fault","vs":"crc"}`
	other := `{"bt":%d,"n":"urn:dev:mac:b827ebfffe000002_x:vibration","u":"m/s2","v":0.1}`
	want := strings.Join([]string{
		line(unix, one, fmt.Sprintf(fault, unix)),
		line(unix+10, one, fmt.Sprintf(`{"bt":%d,"n":"urn:dev:mac:b827ebfffe000001_soc:throttled","v":0},{"n":"urn:dev:ow:28f6fb1e0d0000c5:temperature","u":"Cel","v":26.0625}`, unix+10)),
		line(unix+10, two, fmt.Sprintf(other, unix+10)),
		line(unix+20, one, fmt.Sprintf(fault, unix+20)),
		line(unix+86400, two, fmt.Sprintf(other, unix+86400)),
	}, "")
	for _, m := range []struct {
		after      int64
		node, pack string
	}{
		{0, one, fmt.Sprintf(fault, unix)},
		{10, one, fmt.Sprintf(probe, unix+10) + "," + soc},
		{20, one, fmt.Sprintf(fault, unix+20)},
		{10, two, fmt.Sprintf(other, unix+10)},
		{86400, two, fmt.Sprintf(other, unix+86400)},
	} {
		topic := "thermarack/v1/hex/" + m.node + "/readings"
		keep(t, s, decoder, recording.Entry{Time: noon.Add(time.Duration(m.after) * time.Second), Topic: topic, Payload: []byte("[" + m.pack + "]")})
	}
	if diff := cmp.Diff(want, stored(t, s, time.Time{}, noon.Add(100*time.Hour))); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	lines := strings.SplitAfter(want, "\n")
	if diff := cmp.Diff(lines[1]+lines[2], stored(t, s, noon.Add(time.Second), noon.Add(20*time.Second))); diff != "" {
		t.Errorf("a span (-want +got)\n%s", diff)
	}
}

// Whatever is stored is found again in a store that is fed with the recording.
func TestARecordingOfAStoreMakesTheSameStore(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(1, 1))
	from, to := openStore(t), openStore(t)
	var samples []store.Sample
	for i := range 1200 { // more of one node and instant than one message holds
		node := wire.Node("b827eb000001")
		for at := range 3 {
			samples = append(samples, store.Sample{
				Series: store.Series{Site: "hex", Node: node, Device: fmt.Sprintf("urn:dev:ow:28%014x", i), Quantity: wire.QuantityTemperature, Unit: "Cel"},
				Point:  store.Point{Time: noon.Add(time.Duration(at*rng.IntN(30000)) * time.Second), Value: rng.Float64() * 50},
			})
		}
	}
	if refused, err := from.Append(t.Context(), samples); err != nil || len(refused) > 0 && refused[0].Reason != store.RefusedConflict {
		t.Fatal(refused, err)
	}
	reader, err := recording.NewReader("stored", strings.NewReader(stored(t, from, time.Time{}, noon.Add(1000*time.Hour))))
	if err != nil {
		t.Fatal(err)
	}
	decoder := ingest.NewDecoder(nil, 0)
	for e, err := reader.Next(); err == nil; e, err = reader.Next() {
		keep(t, to, decoder, e)
	}
	if diff := cmp.Diff(all(t, from), all(t, to)); diff != "" {
		t.Errorf("-recorded +again\n%s", diff)
	}
}

func all(t *testing.T, s *tsdb.Store) map[store.Series][]store.Point {
	t.Helper()
	got := map[store.Series][]store.Point{}
	err := s.Scan(t.Context(), noon.Add(-time.Hour), noon.Add(1000*time.Hour), func(series store.Series, points []store.Point) {
		got[series] = points
	})
	if err != nil || len(got) != 1200 {
		t.Fatalf("%d series, %v", len(got), err)
	}
	return got
}

func TestAnEmptyStoreMakesAnEmptyRecording(t *testing.T) {
	t.Parallel()
	if got := stored(t, openStore(t), time.Time{}, noon); got != "" {
		t.Errorf("got %q", got)
	}
}

func TestARecordingEndsWithItsTaker(t *testing.T) {
	t.Parallel()
	s, full := openStore(t), errors.New("full")
	keep(t, s, ingest.NewDecoder(nil, 0), recording.Entry{Time: noon, Topic: "thermarack/v1/hex/b827eb000001/readings",
		Payload: []byte(`[{"n":"urn:dev:ow:28f6fb1e0d0000c5:temperature","v":1}]`)})
	if err := recording.Stored(t.Context(), s, time.Time{}, noon.Add(time.Hour), func(recording.Entry) error { return full }); !errors.Is(err, full) {
		t.Errorf("err = %v, want the taker's", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := recording.Stored(ctx, s, time.Time{}, noon.Add(time.Hour), func(recording.Entry) error { return nil }); !errors.Is(err, context.Canceled) {
		t.Errorf("err = %v, want Canceled", err)
	}
}

func TestAWriterKeepsTimeOrderAndTakesJSONOnly(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	w := recording.NewWriter(&out)
	for _, e := range []recording.Entry{
		{Time: time.UnixMilli(1500), Topic: "a", Payload: []byte("[1,\n 2]")},
		{Time: time.UnixMilli(1200), Topic: `b"`, Payload: []byte("{}")},
		{Time: time.UnixMilli(1700), Topic: "c", Payload: []byte("hello")},
		{Time: time.UnixMilli(1600), Topic: "d", Payload: []byte("null")},
	} {
		if err := w.Write(e); (e.Topic == "c") != errors.Is(err, recording.ErrNotJSON) {
			t.Errorf("%s: %v", e.Topic, err)
		}
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	want := `{"t":1.5,"topic":"a","payload":[1,2]}
{"t":1.5,"topic":"b\"","payload":{}}
{"t":1.6,"topic":"d","payload":null}
`
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	r, err := recording.NewReader("f", &out)
	if err != nil {
		t.Fatal(err)
	}
	if got := read(t, r); len(got) != 3 || got[1] != `1.5 b" {}` {
		t.Errorf("read back: %v", got)
	}
}
