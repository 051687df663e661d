package ingest_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"thermarack/agent/wire"
	"thermarack/collector/internal/ingest"
	"thermarack/collector/internal/store"
)

const (
	site  = "hex"
	node  = wire.Node("b827eb000001")
	probe = "urn:dev:ow:28f6fb1e0d0000c5"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func topicOf(kind wire.Kind) string {
	return wire.Topic{Site: site, Node: node, Kind: kind}.String()
}

// pack returns a SenML pack of records at noon.
func pack(records ...string) []byte {
	return fmt.Appendf(nil, `[{"bt":%d},%s]`, noon.Unix(), strings.Join(records, ","))
}

func record(name string, v float64) string { return fmt.Sprintf(`{"n":%q,"v":%v}`, name, v) }

func celsius(device string, v float64, at time.Time) wire.Reading {
	return wire.Reading{Device: device, Quantity: "temperature", Unit: "Cel", Time: at, Value: v}
}

func reasons(rejected []ingest.Rejection) []string {
	var out []string
	for _, r := range rejected {
		out = append(out, r.Reason)
	}
	return out
}

func TestDecodeKeepsTheGoodNeighboursOfRubbish(t *testing.T) {
	good := record(probe+":temperature", 21.5)
	others := node.Device("soc")
	foreign := wire.Node("b827eb000002").Device("soc")
	tests := []struct {
		name     string
		topic    string // of readings when ""
		payload  []byte
		retained bool
		want     []string // reasons
		kept     int      // readings
	}{
		{name: "a good record", payload: pack(good), kept: 1},
		{name: "no SenML", payload: []byte("21.5"), want: []string{"payload"}},
		{name: "an object instead of an array", payload: []byte(`{"v":1}`), want: []string{"payload"}},
		{name: "an empty payload", want: []string{"payload"}},
		{name: "too many records", payload: []byte("[" + strings.Repeat(good+",", 5000) + good + "]"), want: []string{"payload"}},
		{name: "too many bytes", payload: []byte("[" + strings.Repeat(" ", ingest.MaxPayload) + good + "]"), want: []string{"payload"}},
		{name: "a topic of somebody else", topic: "zigbee2mqtt/lamp", payload: pack(good), want: []string{"topic"}},
		{name: "a topic with a bad node", topic: "thermarack/v1/hex/pi-17/readings", payload: pack(good), want: []string{"topic"}},
		{name: "a name without quantity", payload: pack(`{"n":"inlet","v":1}`, good), want: []string{"record"}, kept: 1},
		{name: "a NaN", payload: pack(`{"n":"`+others+`:temperature","v":NaN}`, good), want: []string{"nan"}, kept: 1},
		{name: "kelvins", payload: pack(`{"n":"`+others+`:temperature","u":"K","v":300}`, good), want: []string{"unit"}, kept: 1},
		{name: "colder than cold", payload: pack(record(others+":temperature", -300), good), want: []string{"range"}, kept: 1},
		{name: "ten years ahead", payload: pack(good, `{"n":"`+others+`:temperature","v":1,"t":315360000}`), want: []string{"future"}, kept: 1},
		{name: "ten years ago", payload: pack(good, `{"n":"`+others+`:temperature","v":1,"t":-315360000}`), want: []string{"past"}, kept: 1},
		{name: "59 seconds ahead", payload: pack(`{"n":"` + others + `:temperature","v":1,"t":59}`), kept: 1},
		{name: "a day ago", payload: pack(`{"n":"` + others + `:temperature","v":1,"t":-86400}`), kept: 1},
		{name: "a part of another Pi", payload: pack(record(foreign+":temperature", 50), good), want: []string{"foreign_sensor"}, kept: 1},
		{name: "an EUI-64 of no MAC", payload: pack(record("urn:dev:mac:0123456789abcdef_x:temperature", 50), good), want: []string{"foreign_sensor"}, kept: 1},
		{name: "all of it at once", payload: pack(record(foreign+":temperature", 5), `7`, record(others+":humidity", 101), good), want: []string{"record", "range", "foreign_sensor"}, kept: 1},
		{name: "no time: now", payload: []byte("[" + good + "]"), kept: 1},
		{name: "no time in a retained message: nobody knows when", payload: []byte("[" + good + "]"), retained: true, want: []string{"past"}},
		{name: "a retained message that says when", payload: pack(good), retained: true, kept: 1},
		{name: "a status that is no JSON", topic: topicOf(wire.KindStatus), payload: []byte("online"), want: []string{"payload"}},
		{name: "an inventory that is no JSON", topic: topicOf(wire.KindInventory), payload: []byte(`{"parts":7}`), want: []string{"payload"}},
		{name: "a cleared status", topic: topicOf(wire.KindStatus)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			d := ingest.Delivery{Topic: tt.topic, Payload: tt.payload, Retained: tt.retained}
			if d.Topic == "" {
				d.Topic = topicOf(wire.KindReadings)
			}
			batch, rejected := ingest.Decode(d, ingest.Window{Received: noon, Past: ingest.DefaultPast})
			if diff := cmp.Diff(tt.want, reasons(rejected)); diff != "" {
				t.Errorf("reasons (-want +got):\n%s", diff)
			}
			if len(batch.Readings) != tt.kept {
				t.Errorf("%d readings kept, want %d: %+v", len(batch.Readings), tt.kept, batch.Readings)
			}
		})
	}
}

func TestDecodeOfStatusAndInventory(t *testing.T) {
	t.Parallel()
	window := ingest.Window{Received: noon, Past: ingest.DefaultPast}
	status, _ := ingest.Decode(ingest.Delivery{Topic: topicOf(wire.KindStatus), Payload: []byte(`{"online":true,"boot":"x","t":7}`)}, window)
	want := ingest.Batch{Site: site, Node: node, Received: noon, Status: &wire.Status{Online: true, Boot: "x", T: 7}}
	if diff := cmp.Diff(want, status); diff != "" {
		t.Errorf("status (-want +got):\n%s", diff)
	}
	inventory, _ := ingest.Decode(ingest.Delivery{Topic: topicOf(wire.KindInventory), Payload: []byte(`{"mac":"b827eb000001","agent":"1"}`)}, window)
	want = ingest.Batch{Site: site, Node: node, Received: noon, Inventory: &wire.Inventory{MAC: string(node), Agent: "1"}}
	if diff := cmp.Diff(want, inventory); diff != "" {
		t.Errorf("inventory (-want +got):\n%s", diff)
	}
}

func TestDecoderMakesSamples(t *testing.T) {
	t.Parallel()
	d := ingest.NewDecoder(nil, 0)
	payload := pack(
		record(node.Device("")+":seq", 41),
		`{"n":"`+node.Device("")+`:boot","vs":"abc"}`,
		`{"n":"`+probe+`:fault","vs":"crc"}`,
		record(probe+":temperature", 21.5),
	)
	got := d.Decode(ingest.Delivery{Topic: topicOf(wire.KindReadings), Payload: payload}, noon)

	of := func(device, quantity, unit, reason string, v float64) store.Sample {
		return store.Sample{
			Series: store.Series{Site: site, Node: node, Device: device, Quantity: quantity, Unit: unit, Reason: reason},
			Point:  store.Point{Time: noon, Value: v},
		}
	}
	want := []store.Sample{
		of(node.Device(""), "seq", "", "", 41),
		of(probe, "faults", "", "crc", 1),
		of(probe, "temperature", "Cel", "", 21.5),
	}
	if diff := cmp.Diff(want, got.Samples); diff != "" {
		t.Errorf("samples (-want +got):\n%s", diff)
	}
	if len(got.Batch.Readings) != 4 || got.Batch.Readings[1].Text != "abc" {
		t.Errorf("batch holds %+v, want all four with the boot", got.Batch.Readings)
	}
}

func TestFaultsAreCountedOnce(t *testing.T) {
	t.Parallel()
	d := ingest.NewDecoder(nil, 0)
	fault := func(reason string, seconds int) []float64 {
		payload := pack(fmt.Sprintf(`{"n":"%s:fault","vs":%q,"t":%d}`, probe, reason, seconds))
		var values []float64
		for _, s := range d.Decode(ingest.Delivery{Topic: topicOf(wire.KindReadings), Payload: payload}, noon.Add(time.Hour)).Samples {
			values = append(values, s.Value)
		}
		return values
	}
	got := [][]float64{fault("crc", 0), fault("crc", 10), fault("crc", 10), fault("crc", 0), fault("zeros", 10), fault("crc", 20)}
	want := [][]float64{{1}, {2}, {2}, nil, {1}, {3}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("counts (-want +got):\n%s", diff)
	}
}

func TestFaultsAreCountedAgainAtOnceWhenOurClockIsSetBack(t *testing.T) {
	t.Parallel()
	d := ingest.NewDecoder(nil, 0)
	var got []float64
	for _, at := range []time.Time{noon.Add(time.Hour), noon, noon, noon.Add(10 * time.Second)} {
		payload := pack(fmt.Sprintf(`{"n":"%s:fault","vs":"crc","t":%d}`, probe, at.Sub(noon)/time.Second))
		for _, s := range d.Decode(ingest.Delivery{Topic: topicOf(wire.KindReadings), Payload: payload}, at).Samples {
			got = append(got, s.Value)
		}
	}
	if diff := cmp.Diff([]float64{1, 2, 2, 3}, got); diff != "" {
		t.Errorf("counts (-want +got):\n%s", diff)
	}
}

// only admits one device.
type only string

func (o only) Admit(_ string, _ wire.Node, device string) (string, bool) {
	return ingest.ReasonForeign, device == string(o)
}

func TestTheGateKeepsForeignSensorsOut(t *testing.T) {
	t.Parallel()
	d := ingest.NewDecoder(only(probe), 0)
	got := d.Decode(ingest.Delivery{
		Topic:   topicOf(wire.KindReadings),
		Payload: pack(record("urn:dev:ow:28000000000000aa:temperature", 5), record(probe+":temperature", 21.5)),
	}, noon)
	if diff := cmp.Diff([]string{"foreign_sensor"}, reasons(got.Rejected)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]wire.Reading{celsius(probe, 21.5, noon)}, got.Batch.Readings); diff != "" {
		t.Error(diff)
	}
}

func TestAFaultIsToldOnce(t *testing.T) {
	t.Parallel()
	d := ingest.NewDecoder(nil, 0)
	m := ingest.Delivery{Topic: topicOf(wire.KindReadings), Payload: pack(`{"n":"` + probe + `:fault","vs":"crc"}`)}
	for i, want := range []int{1, 0, 0} {
		if got := d.Decode(m, noon); len(got.Batch.Readings) != want || len(got.Samples) != 1 {
			t.Errorf("delivery %d: %d readings and %d samples, want %d and the count", i, len(got.Batch.Readings), len(got.Samples), want)
		}
	}
}

func TestTheSeriesOfANodeAreLimited(t *testing.T) {
	t.Parallel()
	d := ingest.NewDecoder(nil, 0)
	send := func(node wire.Node, from, to int) (kept int, why []string) {
		var records []string
		for i := from; i < to; i++ {
			records = append(records, record(fmt.Sprintf("urn:dev:ow:28%014x:temperature", i), 20))
		}
		topic := wire.Topic{Site: site, Node: node, Kind: wire.KindReadings}.String()
		got := d.Decode(ingest.Delivery{Topic: topic, Payload: pack(records...)}, noon)
		return len(got.Samples), reasons(got.Rejected)
	}
	if kept, why := send(node, 0, ingest.MaxSeries); kept != ingest.MaxSeries || why != nil {
		t.Fatalf("%d series kept, rejected %v; want all of the limit", kept, why)
	}
	kept, why := send(node, ingest.MaxSeries-2, ingest.MaxSeries+2)
	if diff := cmp.Diff([]string{"series_limit", "series_limit"}, why); kept != 2 || diff != "" {
		t.Errorf("%d kept, want the two that are known; reasons (-want +got):\n%s", kept, diff)
	}
	if kept, why := send("b827eb000002", 0, 3); kept != 3 || why != nil {
		t.Errorf("of another node %d kept, rejected %v; want all three", kept, why)
	}
}

func TestTheNodesAreLimited(t *testing.T) {
	t.Parallel()
	d := ingest.NewDecoder(nil, 0)
	send := func(i int) ingest.Decoded {
		topic := wire.Topic{Site: site, Node: wire.Node(fmt.Sprintf("%012x", i)), Kind: wire.KindReadings}.String()
		return d.Decode(ingest.Delivery{Topic: topic, Payload: pack(record(probe+":temperature", 20))}, noon)
	}
	for i := range ingest.MaxNodes {
		if got := send(i); len(got.Rejected) > 0 {
			t.Fatalf("node %d: %v", i, got.Rejected)
		}
	}
	if diff := cmp.Diff([]string{"node_limit"}, reasons(send(ingest.MaxNodes).Rejected)); diff != "" {
		t.Error(diff)
	}
	if got := send(7); len(got.Samples) != 1 {
		t.Errorf("a node that is known is rejected: %v", got.Rejected)
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(topicOf(wire.KindReadings), pack(record(probe+":temperature", 21.5)), false)
	f.Add(topicOf(wire.KindReadings), []byte(`[{"n":"urn:dev:mac:b827ebfffe000001_soc:temperature","v":NaN,"t":1e300}]`), true)
	f.Add(topicOf(wire.KindStatus), []byte(`{"online":false,"t":1e308}`), false)
	f.Add(topicOf(wire.KindInventory), []byte(`{"parts":[{"device":"\u0000"}]}`), true)
	f.Add("thermarack/v1//x/readings", []byte(`[`), false)
	f.Fuzz(func(t *testing.T, topic string, payload []byte, retained bool) {
		got := ingest.NewDecoder(nil, 0).Decode(ingest.Delivery{Topic: topic, Payload: payload, Retained: retained}, noon)
		for _, r := range got.Batch.Readings {
			if r.Time.After(noon.Add(ingest.MaxAhead)) || r.Time.Before(noon.Add(-ingest.DefaultPast)) {
				t.Errorf("kept a reading of %v", r.Time)
			}
		}
		for _, s := range got.Samples {
			if s.Value-s.Value != 0 {
				t.Errorf("kept the value %v", s.Value)
			}
		}
		for _, r := range got.Rejected {
			if r.Err == nil || r.Reason == "" {
				t.Errorf("rejection %+v does not say why", r)
			}
		}
	})
}

func BenchmarkDecodeTenValues(b *testing.B) {
	d := ingest.NewDecoder(nil, 0)
	m := ingest.Delivery{Topic: topicOf(wire.KindReadings), Payload: tenValues()}
	b.ReportAllocs()
	for b.Loop() {
		if got := d.Decode(m, noon); len(got.Samples) != 10 {
			b.Fatalf("%d samples, rejected %v", len(got.Samples), got.Rejected)
		}
	}
}

// tenValues is a usual pack: seq and nine temperatures.
func tenValues() []byte {
	records := []string{record(node.Device("")+":seq", 1)}
	for i := range 9 {
		records = append(records, record(fmt.Sprintf("urn:dev:ow:28000000000000%02x:temperature", i), 20+float64(i)))
	}
	return pack(records...)
}
