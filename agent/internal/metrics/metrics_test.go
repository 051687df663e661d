package metrics_test

import (
	"bytes"
	"flag"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"thermarack/agent/internal/metrics"
	"thermarack/agent/wire"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// families are of every kind.
func families() []metrics.Family {
	return []metrics.Family{
		{Name: "thermarack_agent_build_info", Help: `What it is; a \ and a` + "\nnew line", Kind: metrics.Gauge, Samples: []metrics.Sample{
			{Labels: []metrics.Label{{Name: "version", Value: "v1"}, {Name: "odd", Value: "a \"b\" \\ c\nd \xff é"}}, Value: 1},
		}},
		{Name: "thermarack_agent_faults_total", Help: "Faults", Kind: metrics.Counter, Samples: []metrics.Sample{
			{Labels: []metrics.Label{{Name: "reason", Value: "crc"}}, Value: 3},
			{Labels: []metrics.Label{{Name: "reason", Value: "zeros"}}},
		}},
		{Name: "thermarack_agent_none", Help: "Nothing", Kind: metrics.Gauge},
		{Name: "thermarack_agent_numbers", Help: "Numbers", Kind: metrics.Gauge, Samples: []metrics.Sample{
			{Labels: []metrics.Label{{Name: "of", Value: ""}}, Value: 1780315200.25},
			{Labels: []metrics.Label{{Name: "of", Value: "large"}}, Value: 1e21},
			{Labels: []metrics.Label{{Name: "of", Value: "endless"}}, Value: math.Inf(-1)},
		}},
	}
}

func TestWriteIsTheTextFormat(t *testing.T) {
	var got bytes.Buffer
	if err := metrics.Write(&got, families()); err != nil {
		t.Fatal(err)
	}
	golden := filepath.Join("testdata", "metrics.txt")
	if *update {
		if err := os.WriteFile(golden, got.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got.String()); diff != "" {
		t.Errorf("metrics (-want +got):\n%s", diff)
	}
}

func TestPrometheusReadsWhatIsWritten(t *testing.T) {
	var text bytes.Buffer
	if err := metrics.Write(&text, families()); err != nil {
		t.Fatal(err)
	}
	parser := expfmt.NewTextParser(model.LegacyValidation)
	got, err := parser.TextToMetricFamilies(&text)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"thermarack_agent_build_info", "thermarack_agent_faults_total", "thermarack_agent_numbers"}
	if diff := cmp.Diff(want, slices.Sorted(maps.Keys(got))); diff != "" {
		t.Fatalf("families (-want +got):\n%s", diff)
	}
	odd := got["thermarack_agent_build_info"].GetMetric()[0].GetLabel()[1].GetValue()
	if odd != "a \"b\" \\ c\nd \uFFFD é" {
		t.Errorf("label = %q", odd)
	}
	faults := got["thermarack_agent_faults_total"]
	if faults.GetType().String() != "COUNTER" || faults.GetMetric()[0].GetCounter().GetValue() != 3 || faults.GetHelp() != "Faults" {
		t.Errorf("faults = %v", faults)
	}
	if v := got["thermarack_agent_numbers"].GetMetric()[0].GetGauge().GetValue(); v != 1780315200.25 {
		t.Errorf("a number became %v", v)
	}
}

func FuzzALabelComesBackAsItWas(f *testing.F) {
	f.Add("tcp://a:1883")
	f.Add("\"\\\n{}\xff")
	f.Fuzz(func(t *testing.T, value string) {
		var text bytes.Buffer
		list := []metrics.Family{{Name: "a", Help: value, Kind: metrics.Gauge, Samples: []metrics.Sample{{Labels: []metrics.Label{{Name: "l", Value: value}}}}}}
		if err := metrics.Write(&text, list); err != nil {
			t.Fatal(err)
		}
		parser := expfmt.NewTextParser(model.LegacyValidation)
		got, err := parser.TextToMetricFamilies(&text)
		if err != nil {
			t.Fatalf("%q: %v", value, err)
		}
		if back := got["a"].GetMetric()[0].GetLabel()[0].GetValue(); back != strings.ToValidUTF8(value, "\uFFFD") {
			t.Errorf("%q came back as %q", value, back)
		}
	})
}

func TestATallyCountsWhatIsInPacks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		at := time.UnixMilli(1780315200250).UTC()
		tally := metrics.NewTally()
		before := text(t, tally.Families())
		if strings.Contains(before, "timestamp") || !strings.Contains(before, `thermarack_agent_faults_total{reason="stuck"} 0`) {
			t.Errorf("before the first pack:\n%s", before)
		}
		time.Sleep(time.Minute)
		if age := tally.Age(); age != time.Minute {
			t.Errorf("age = %v before the first pack, want that of the tally", age)
		}
		for range 2 {
			tally.Count([]wire.Reading{
				{Quantity: "temperature", Time: at}, {Quantity: "humidity", Time: at},
				{Quantity: "fault", Text: "crc", Time: at}, {Quantity: "seq", Time: at}, {Quantity: "boot", Time: at},
			})
		}
		time.Sleep(time.Second)
		if age := tally.Age(); age != time.Second {
			t.Errorf("age = %v, want that of the pack", age)
		}
		after := text(t, tally.Families())
		for _, want := range []string{
			"thermarack_agent_packs_total 2\n", "thermarack_agent_readings_total 4\n",
			"thermarack_agent_faults_total{reason=\"crc\"} 2\n", "thermarack_agent_last_sample_timestamp_seconds 1.78031520025e+09\n",
		} {
			if !strings.Contains(after, want) {
				t.Errorf("%q is missing in:\n%s", want, after)
			}
		}
	})
}

func TestATallyKnowsEveryReason(t *testing.T) {
	shown := text(t, metrics.NewTally().Families())
	for _, word := range strings.Fields("crc zeros power-on no-device floating range jump stale timeout stuck") {
		if !strings.Contains(shown, `{reason="`+word+`"} 0`) || !wire.IsFaultReason(word) {
			t.Errorf("the reason %s is missing", word)
		}
	}
}

func text(t *testing.T, families []metrics.Family) string {
	t.Helper()
	var out bytes.Buffer
	if err := metrics.Write(&out, families); err != nil {
		t.Fatal(err)
	}
	return out.String()
}
