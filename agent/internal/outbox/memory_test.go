package outbox_test

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"testing"
	"time"

	"thermarack/agent/internal/outbox"
	"thermarack/agent/wire"
)

const (
	node wire.Node = "b827eb000001"
	day            = 24 * 60 * 6 // packs at 10 s
)

// A pi makes the packs of a node with everything on it.
type pi struct {
	random *rand.Rand
	seq    int
	faulty float64 // of the probes' samples
}

func newPi(faulty float64) *pi { return &pi{random: rand.New(rand.NewPCG(1, 2)), faulty: faulty} }

// pack returns the next pack: seven 1-Wire probes, the SoC, the PoE HAT, two
// fans and a climate sensor with the digits that its arithmetic leaves.
func (p *pi) pack(tb testing.TB) []byte {
	tb.Helper()
	p.seq++
	var readings []wire.Reading
	add := func(device, quantity, unit string, v float64) {
		readings = append(readings, wire.Reading{Device: device, Quantity: quantity, Unit: unit, Value: v})
	}
	some := func(low, span float64) float64 { return low + span*p.random.Float64() }
	for i := range 7 {
		device := wire.OneWireDevice([8]byte{0x28, 0xf6, 0xfb, 0x1e, 0x0d, 0, byte(i), byte(37 * i)})
		if p.random.Float64() < p.faulty {
			readings = append(readings, wire.Reading{Device: device, Quantity: wire.QuantityFault, Text: []string{"crc", "timeout"}[i%2]})
			continue
		}
		add(device, "temperature", "Cel", float64(int(some(20*16, 20*16)))/16)
	}
	add(node.Device("soc"), "temperature", "Cel", float64(int(some(45000, 9000)))/1000)
	add(node.Device("soc"), "throttled", "", float64(p.random.IntN(2)*0x50005))
	add(node.Device("poe"), "current", "A", float64(int(some(700, 400)))/1000)
	add(node.Device("poe"), "limit", "A", 5)
	for _, fan := range []string{"fan1", "fan2"} {
		add(node.Device(fan), "speed", "1/s", float64(int(some(1200, 600)))/30)
		add(node.Device(fan), "duty", "/", float64(p.random.IntN(256))/255)
	}
	add(node.Device("i2c1-76"), "temperature", "Cel", some(20, 20))
	add(node.Device("i2c1-76"), "humidity", "%RH", some(20, 20))
	add(node.Device("i2c1-76"), "pressure", "Pa", some(96000, 8000))
	add(node.Device(""), "seq", "", float64(p.seq))
	readings = append(readings, wire.Reading{Device: node.Device(""), Quantity: "boot", Text: "5F0C9A1EBQ2WX"})
	for i := range readings {
		readings[i].Time = time.Unix(1767355200+int64(p.seq)*10, 0)
	}
	pack, err := wire.EncodePack(readings)
	if err != nil {
		tb.Fatal(err)
	}
	return pack
}

// packs returns n packs.
func (p *pi) packs(tb testing.TB, n int) [][]byte {
	tb.Helper()
	list := make([][]byte, n)
	for i := range list {
		list[i] = p.pack(tb)
	}
	return list
}

// held returns the memory that a box takes after put has filled it.
func held(limit int, put func(b *outbox.Box)) (b *outbox.Box, bytes int) {
	before := heap()
	b = outbox.New(limit)
	put(b)
	return b, heap() - before
}

func heap() int {
	runtime.GC()
	runtime.GC() // what the first one has found to be free
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int(m.HeapAlloc)
}

func TestADayOfAFullPiFits(t *testing.T) {
	for _, faulty := range []float64{0, 0.05} {
		pi, length := newPi(faulty), 0
		b, bytes := held(outbox.DefaultLimit, func(b *outbox.Box) {
			for range day {
				pack := pi.pack(t)
				length += len(pack)
				b.Put(pack)
			}
		})
		t.Logf("%g of the probes' samples rejected: %d packs of %d bytes take %d bytes, %d each", faulty, day, length/day, bytes, bytes/day)
		if b.Dropped() > 0 || bytes > 6_000_000 {
			t.Errorf("dropped %d, and took %d bytes", b.Dropped(), bytes)
		}
		again := newPi(faulty)
		b.Rush()
		for i, got := range drain(b) {
			if want := string(again.pack(t)); got != want {
				t.Fatalf("pack %d came back as %s, want %s", i, got, want)
			}
		}
		runtime.KeepAlive(b)
	}
}

// TestNothingTakesMoreThanTheLimit fills boxes with what packs never are.
func TestNothingTakesMoreThanTheLimit(t *testing.T) {
	const limit = 2_000_000
	random := rand.New(rand.NewPCG(3, 4))
	noise := func(n int) []byte {
		text := make([]byte, n)
		for i := range text {
			text[i] = byte(random.UintN(256))
		}
		return text
	}
	tests := []struct {
		name string
		puts int
		pack func(i int) []byte
	}{
		{"no two alike, tiny", 30_000, func(i int) []byte { return fmt.Appendf(nil, "%q", fmt.Sprint(i)) }},
		{"no two alike, 33 bytes", 30_000, func(i int) []byte { return fmt.Appendf(nil, "%q", fmt.Sprintf("%031d", i)) }},
		{"no two alike, of any length", 3000, func(int) []byte { return noise(random.IntN(3000)) }},
		{"no two alike, large", 200, func(int) []byte { return noise(33_000) }},
		{"long numbers", 5000, func(i int) []byte { return fmt.Appendf(nil, "%01025d", i) }},
		{"empty", 70_000, func(int) []byte { return nil }},
		{"half of them all different, then all alike", 40_000, func(i int) []byte {
			if i < 20_000 {
				return fmt.Appendf(nil, "%q", fmt.Sprint(i))
			}
			return fmt.Appendf(nil, "[%d]", i)
		}},
	}
	for _, tt := range tests {
		b, bytes := held(limit, func(b *outbox.Box) {
			for i := range tt.puts {
				b.Put(tt.pack(i))
			}
		})
		t.Logf("%s: %d packs take %d bytes", tt.name, b.Len(), bytes)
		if bytes > limit || bytes < limit/2 || b.Dropped() == 0 {
			t.Errorf("%s: %d packs take %d bytes, want no more than %d and nearly that; dropped %d", tt.name, b.Len(), bytes, limit, b.Dropped())
		}
		runtime.KeepAlive(b)
	}
}

func TestAnEmptiedBoxGivesItsMemoryBack(t *testing.T) {
	b, bytes := held(outbox.DefaultLimit, func(b *outbox.Box) {
		pi := newPi(0.05)
		for range day {
			b.Put(pi.pack(t))
		}
		b.Rush()
		drain(b)
	})
	if b.Len() > 0 || bytes > 20_000 {
		t.Errorf("%d packs and %d bytes are left", b.Len(), bytes)
	}
	runtime.KeepAlive(b)
}

func BenchmarkPutNextAck(b *testing.B) {
	box, packs := outbox.New(outbox.DefaultLimit), newPi(0).packs(b, 100)
	b.SetBytes(int64(len(packs[0])))
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		box.Put(packs[i%len(packs)])
		id, _, _ := box.Next()
		box.Ack(id)
	}
}

// BenchmarkHeldPack says what a day of a full Pi takes of memory.
func BenchmarkHeldPack(b *testing.B) {
	packs := newPi(0.001).packs(b, day)
	for b.Loop() {
		box, bytes := held(outbox.DefaultLimit, func(box *outbox.Box) {
			for _, pack := range packs {
				box.Put(pack)
			}
		})
		b.ReportMetric(float64(bytes)/day, "bytes/pack")
		b.ReportMetric(float64(bytes)/1e6, "MB/day")
		runtime.KeepAlive(box)
	}
}
