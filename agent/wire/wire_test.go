package wire_test

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"thermarack/agent/wire"
)

var update = flag.Bool("update", false, "rewrite the golden packs")

func TestTopicsGoBothWays(t *testing.T) {
	tests := []struct {
		text string
		want wire.Topic
		err  string
	}{
		{"thermarack/v1/hex/b827eb000001/readings", wire.Topic{Site: "hex", Node: "b827eb000001", Kind: wire.KindReadings}, ""},
		{"thermarack/v1/hex/b827eb000001/status", wire.Topic{Site: "hex", Node: "b827eb000001", Kind: wire.KindStatus}, ""},
		{"thermarack/v2/hex/b827eb000001/readings", wire.Topic{}, "is not thermarack/v1/<site>"},
		{"thermarack/v1/hex/b827eb000001", wire.Topic{}, "is not thermarack/v1/<site>"},
		{"thermarack/v1/hex/b827eb000001/x/readings", wire.Topic{}, "is not thermarack/v1/<site>"},
		{"thermarack/v1/Hex/b827eb000001/readings", wire.Topic{}, `name "Hex"`},
		{"thermarack/v1/+/b827eb000001/readings", wire.Topic{}, `name "+"`},
		{"thermarack/v1//b827eb000001/readings", wire.Topic{}, `name ""`},
		{"thermarack/v1/hex/B827EB000001/readings", wire.Topic{}, "lower-case"},
		{"thermarack/v1/hex/pi-7/readings", wire.Topic{}, "12 lower-case hex digits"},
		{"thermarack/v1/hex/b827eb000001/orders", wire.Topic{}, "none of readings, status, inventory"},
	}
	for _, tt := range tests {
		got, err := wire.ParseTopic(tt.text)
		if got != tt.want || (err == nil) != (tt.err == "") || err != nil && !strings.Contains(err.Error(), tt.err) {
			t.Errorf("ParseTopic(%q) = %v, %v, want %v, …%s…", tt.text, got, err, tt.want, tt.err)
		}
		if err == nil && got.String() != tt.text {
			t.Errorf("String = %q, want %q", got, tt.text)
		}
	}
}

func TestDevicesAreNamedAsRFC9039Says(t *testing.T) {
	node, err := wire.ParseNode("B8:27:EB:00:00:01")
	if err != nil || node != "b827eb000001" {
		t.Fatalf("ParseNode = %q, %v", node, err)
	}
	soc := node.Device("soc")
	if soc != "urn:dev:mac:b827ebfffe000001_soc" {
		t.Errorf("Device = %q", soc)
	}
	if back, ok := wire.DeviceNode(soc); !ok || back != node || wire.DevicePart(soc) != "soc" {
		t.Errorf("DeviceNode = %q, %v, part %q", back, ok, wire.DevicePart(soc))
	}
	// RFC 9039, section 5: the example of a 1-Wire device.
	rom := [8]byte{0x10, 0xe2, 0x07, 0x3a, 0x01, 0x08, 0x00, 0x63}
	if got := wire.OneWireDevice(rom); got != "urn:dev:ow:10e2073a01080063" {
		t.Errorf("OneWireDevice = %q", got)
	}
	for _, other := range []string{"urn:dev:ow:10e2073a01080063", "urn:dev:mac:0024beabcd804ff1", "urn:dev:mac:0024BEfffe804ff1", ""} {
		if node, ok := wire.DeviceNode(other); ok {
			t.Errorf("DeviceNode(%q) = %q, want none", other, node)
		}
	}
	if _, err := wire.ParseNode("b827eb00000"); !errors.Is(err, wire.ErrNode) {
		t.Errorf("eleven digits: err = %v", err)
	}
}

func TestDecodePackSaysWhyARecordIsRefused(t *testing.T) {
	tests := []struct {
		name, record string
		want         error
	}{
		{"NaN", `{"n":"urn:dev:ow:1:temperature","v":NaN}`, wire.ErrNotFinite},
		{"no colon in the name", `{"n":"temperature","v":1}`, wire.ErrRecord},
		{"a colon at the end", `{"n":"urn:dev:ow:1:","v":1}`, wire.ErrRecord},
		{"Fahrenheit", `{"n":"urn:dev:ow:1:temperature","u":"degF","v":70}`, wire.ErrUnit},
		{"below absolute zero", `{"n":"urn:dev:ow:1:temperature","u":"Cel","v":-300}`, wire.ErrRange},
		{"a duty in percent", `{"n":"urn:dev:ow:1:duty","u":"/","v":80}`, wire.ErrRange},
		{"an unknown fault", `{"n":"urn:dev:ow:1:fault","vs":"bored"}`, wire.ErrRecord},
		{"a count of faults", `{"n":"urn:dev:ow:1:faults","v":7}`, wire.ErrRecord},
		{"a fault with a number", `{"n":"urn:dev:ow:1:fault","v":1}`, wire.ErrRecord},
		{"a temperature with a text", `{"n":"urn:dev:ow:1:temperature","vs":"warm"}`, wire.ErrRecord},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			pack := fmt.Sprintf(`[%s,{"n":"urn:dev:ow:1:humidity","v":40}]`, tt.record)
			got, bad, err := wire.DecodePack([]byte(pack), time.Unix(1.8e9, 0))
			if err != nil || len(got) != 1 || got[0].Unit != "%RH" {
				t.Errorf("readings %v, %v, want the good neighbour", got, err)
			}
			if len(bad) != 1 || bad[0].Index != 0 || !errors.Is(bad[0], tt.want) {
				t.Errorf("bad = %v, want %v", bad, tt.want)
			}
		})
	}
}

func TestStatusAndInventoryAreBounded(t *testing.T) {
	long := `"` + strings.Repeat("x", 40_000) + `"`
	if _, err := wire.DecodeStatus([]byte(`{"boot":` + long + `}`)); err == nil {
		t.Error("a status of 40 kB was taken")
	}
	if _, err := wire.DecodeInventory([]byte(`{"model":` + long + `}`)); err == nil {
		t.Error("an inventory of 40 kB was taken")
	}
	if i, err := wire.DecodeInventory([]byte(`{"mac":"b827eb000001","agent":"1"}`)); err != nil || i.Agent != "1" {
		t.Errorf("got %+v, %v", i, err)
	}
}

// goldenPacks are the packs that docs/wire.md shows.
func goldenPacks() map[string][]wire.Reading {
	at := time.Date(2026, 1, 2, 12, 0, 10, 0, time.UTC)
	node := wire.Node("b827eb000001")
	probe := "urn:dev:ow:28f6fb1e0d0000c5"
	value := func(device, quantity string, v float64) wire.Reading {
		return wire.Reading{Device: device, Quantity: quantity, Unit: wire.UnitOf(quantity), Time: at, Value: v}
	}
	boot := wire.Reading{Device: node.Device(""), Quantity: wire.QuantityBoot, Time: at, Text: "5f0c9a1e"}
	return map[string][]wire.Reading{
		"plain-pi": {
			value(node.Device("soc"), wire.QuantityTemperature, 48.312),
			value(node.Device("soc"), wire.QuantityThrottled, 0),
			value(node.Device(""), wire.QuantitySeq, 17), boot,
		},
		"probes-and-fan": {
			value(probe, wire.QuantityTemperature, 26.0625),
			value(node.Device("fan1"), wire.QuantitySpeed, 50.5),
			value(node.Device("fan1"), wire.QuantityDuty, 0.8),
			value(node.Device(""), wire.QuantitySeq, 18), boot,
		},
		"rejected-probe": {
			{Device: probe, Quantity: wire.QuantityFault, Time: at, Text: wire.FaultCRC},
			value(node.Device(""), wire.QuantitySeq, 19), boot,
		},
		"switch": {
			value(wire.Node("0011223344ff").Device("port17"), wire.QuantityPower, 4.1),
		},
	}
}

func TestPacksMatchTheirGoldens(t *testing.T) {
	for name, readings := range goldenPacks() {
		t.Run(name, func(t *testing.T) {
			got, err := wire.EncodePack(readings)
			if err != nil {
				t.Fatal(err)
			}
			golden := filepath.Join("testdata", name+".json")
			if *update {
				if err := os.WriteFile(golden, append(got, '\n'), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if string(got)+"\n" != string(want) {
				t.Errorf("%s differs; run go test -update and look at the diff\n%s", golden, got)
			}
			back, bad, err := wire.DecodePack(got, time.Time{})
			if err != nil || len(bad) > 0 {
				t.Fatalf("decode: %v %v", err, bad)
			}
			if diff := cmp.Diff(back, readings); diff != "" {
				t.Errorf("round trip -got +want\n%s", diff)
			}
		})
	}
}

func TestDocsShowTheGoldenPacks(t *testing.T) {
	docs, err := os.ReadFile("../../docs/wire.md")
	if err != nil {
		t.Fatal(err)
	}
	for name := range goldenPacks() {
		golden, err := os.ReadFile(filepath.Join("testdata", name+".json"))
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(docs), strings.TrimSpace(string(golden))) {
			t.Errorf("docs/wire.md does not show testdata/%s.json as it is", name)
		}
	}
}

func FuzzDecodePack(f *testing.F) {
	for _, readings := range goldenPacks() {
		pack, err := wire.EncodePack(readings)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(pack)
	}
	f.Fuzz(func(t *testing.T, payload []byte) {
		readings, _, err := wire.DecodePack(payload, time.Unix(1.8e9, 0))
		if err != nil {
			return
		}
		if _, err := wire.EncodePack(readings); err != nil {
			t.Errorf("what was read cannot be written: %v", err)
		}
	})
}

func FuzzParseTopic(f *testing.F) {
	f.Add("thermarack/v1/hex/b827eb000001/readings")
	f.Fuzz(func(t *testing.T, s string) {
		if topic, err := wire.ParseTopic(s); err == nil && topic.String() != s {
			t.Errorf("%q became %q", s, topic)
		}
	})
}

func ExampleEncodePack() {
	node := wire.Node("b827eb000001")
	pack, err := wire.EncodePack([]wire.Reading{{
		Device: node.Device("soc"), Quantity: wire.QuantityTemperature, Unit: "Cel",
		Time: time.Unix(1767355210, 0), Value: 48.312,
	}})
	fmt.Println(string(pack), err)
	// Output: [{"bt":1767355210,"n":"urn:dev:mac:b827ebfffe000001_soc:temperature","u":"Cel","v":48.312}] <nil>
}

// A collector asks for the node of every record of every pack.
func TestTheNodeOfADeviceCostsNoGarbageToSpeakOf(t *testing.T) {
	device := wire.Node("b827eb000001").Device("soc")
	allocs := testing.AllocsPerRun(100, func() {
		if _, ok := wire.DeviceNode(device); !ok {
			t.Error("no node")
		}
	})
	if allocs > 3 {
		t.Errorf("%v allocations, want three at most", allocs)
	}
}

func TestANodeHasItsParts(t *testing.T) {
	node := wire.Node("b827eb000001")
	tests := []struct {
		device string
		want   bool
	}{
		{node.Device(""), true},
		{node.Device("soc"), true},
		{node.Device("port17"), true},
		{wire.Node("b827eb000002").Device("soc"), false},
		{"urn:dev:mac:b827ebfffe000001soc", false},
		{"urn:dev:mac:b827eb0000000001_soc", false},
		{"urn:dev:mac:b827ebfffe00000", false},
		{"urn:dev:ow:28f6fb1e0d0000c5", false},
		{"", false},
	}
	for _, tt := range tests {
		owner, _ := wire.DeviceNode(tt.device)
		if got := node.Has(tt.device); got != tt.want || got != (owner == node) {
			t.Errorf("Has(%q) = %v, want %v; DeviceNode says %q", tt.device, got, tt.want, owner)
		}
	}
}

// A collector reads the same names in every pack.
func TestADecoderMakesNoGarbageOfNamesThatItKnows(t *testing.T) {
	for name, readings := range goldenPacks() {
		pack, err := wire.EncodePack(readings)
		if err != nil {
			t.Fatal(err)
		}
		var d wire.Decoder
		into := make([]wire.Reading, 0, len(readings))
		allocs := testing.AllocsPerRun(100, func() {
			got, bad, err := d.Append(into, pack, time.Time{})
			if err != nil || len(bad) > 0 || len(got) != len(readings) {
				t.Errorf("%s: %v, %v, %v", name, got, bad, err)
			}
		})
		if allocs > 0 {
			t.Errorf("%s: %v allocations, want none", name, allocs)
		}
	}
}

func BenchmarkDecoder(b *testing.B) {
	pack, err := wire.EncodePack(goldenPacks()["probes-and-fan"])
	if err != nil {
		b.Fatal(err)
	}
	var d wire.Decoder
	into := make([]wire.Reading, 0, 16)
	b.ReportAllocs()
	for b.Loop() {
		if _, bad, err := d.Append(into, pack, time.Time{}); err != nil || len(bad) > 0 {
			b.Fatal(bad, err)
		}
	}
}
