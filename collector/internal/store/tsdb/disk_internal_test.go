package tsdb

import (
	"fmt"
	"io/fs"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"thermarack/agent/wire"
	"thermarack/collector/internal/store"
)

// A fleet is what nodes with ten values each report: six DS18B20 (1/16 °C), the
// processor (a Pi 3's zone, 0.538 °C), humidity, pressure and a fan. All wander
// slowly, and each part adds its own noise.
type fleet struct {
	rng   *rand.Rand
	now   []store.Sample // ten a node, values as last reported
	truth []float64
}

// A part is one kind of value: where it stands, how far it wanders in a step,
// its noise, and the step that the part reports in.
type part struct {
	device, quantity         string
	mean, drift, noise, step float64
}

func parts() []part {
	all := make([]part, 0, 10)
	for i := range 6 {
		all = append(all, part{fmt.Sprintf("urn:dev:ow:28%06x%%s%02x", i, i), wire.QuantityTemperature, 22 + 2*float64(i), 0.01, 0.03, 1.0 / 16})
	}
	return append(all,
		part{"soc", wire.QuantityTemperature, 52, 0.05, 0.3, 0.538},
		part{"i2c1-44", wire.QuantityHumidity, 41, 0.02, 0.05, 100.0 / 65535},
		part{"i2c1-76", wire.QuantityPressure, 101325, 0.5, 1.5, 0.18},
		part{"fan1", wire.QuantitySpeed, 45, 0.05, 0.4, 1.0 / 60},
	)
}

func newFleet(nodes int) *fleet {
	f := &fleet{rng: rand.New(rand.NewPCG(1, 2))}
	for n := range nodes {
		node := wire.Node(fmt.Sprintf("b827eb%06x", n))
		for _, p := range parts() {
			device := node.Device(p.device)
			if p.quantity == wire.QuantityTemperature && p.device != "soc" {
				device = fmt.Sprintf(p.device, string(node)[6:])
			}
			f.now = append(f.now, store.Sample{Series: store.Series{
				Site: "hex", Node: node, Device: device, Quantity: p.quantity, Unit: wire.UnitOf(p.quantity),
			}})
			f.truth = append(f.truth, p.mean+f.rng.NormFloat64())
		}
	}
	return f
}

// report returns what all nodes send at one instant. It is overwritten by the
// next report.
func (f *fleet) report(at time.Time) []store.Sample {
	kinds := parts()
	for i := range f.now {
		p := kinds[i%len(kinds)]
		f.truth[i] += p.drift * f.rng.NormFloat64()
		measured := f.truth[i] + p.noise*f.rng.NormFloat64()
		f.now[i].Point = store.Point{Time: at, Value: math.Round(measured/p.step) * p.step}
	}
	return f.now
}

// flushed stores n reports of the fleet, ten seconds apart, writes all of them
// into blocks, and joins these, for which two more must follow.
func (f *fleet) flushed(tb testing.TB, s *Store, n int) {
	tb.Helper()
	for i := range n {
		fill(tb, s, f.report(noon.Add(time.Duration(i)*10*time.Second))...)
	}
	for day := range 3 {
		fill(tb, s, sample("humidity", time.Duration(1+day)*24*time.Hour, 40))
		if err := s.janitor.compact(tb.Context(), &s.appending); err != nil {
			tb.Fatal(err)
		}
	}
}

// sizeOf returns the bytes of the files below dir.
func sizeOf(tb testing.TB, dir string) int64 {
	tb.Helper()
	var sum int64
	err := filepath.WalkDir(dir, func(_ string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		info, err := e.Info()
		if err == nil {
			sum += info.Size()
		}
		return err
	})
	if err != nil && !os.IsNotExist(err) {
		tb.Fatal(err)
	}
	return sum
}

// BenchmarkDisk stores what 1000 nodes report in 1000 intervals, ten million
// values, and says what a value takes once it is in a block: samples, index and
// all.
func BenchmarkDisk(b *testing.B) {
	for b.Loop() {
		s := openHere(b, b.TempDir())
		newFleet(1000).flushed(b, s, 1000)
		var bytes int64
		var values uint64
		for _, block := range s.db.Blocks() {
			bytes += sizeOf(b, block.Dir())
			values += block.Meta().Stats.NumSamples
			b.Logf("%v: %d bytes, %d values", block.Meta().ULID, sizeOf(b, block.Dir()), block.Meta().Stats.NumSamples)
		}
		b.ReportMetric(float64(bytes)/float64(values), "bytes/value")
		if err := s.Close(); err != nil {
			b.Fatal(err)
		}
	}
}
