package segment_test

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"thermarack/agent/internal/outbox/segment"
)

func packs(from, to int) [][]byte {
	var list [][]byte
	for i := from; i < to; i++ {
		list = append(list, fmt.Appendf(nil, `[{"bt":%d,"n":"h1:temperature","v":%d.5}]`, 1767355200+10*i, i))
	}
	return list
}

// faulty returns packs that are long, and have a fault at a place of their own.
func faulty(packs [][]byte) [][]byte {
	for i, p := range packs {
		value, fault := []byte(`,{"n":"h1:humidity","u":"%RH","v":23}`), []byte(`,{"n":"h1:fault","vs":"crc"}`)
		p = append(p[:len(p)-1], bytes.Repeat(value, i%10)...)
		p = append(p, fault...)
		packs[i] = append(append(p, bytes.Repeat(value, 9-i%10)...), ']')
	}
	return packs
}

// write returns the frames of packs as flushes of n at a time make them.
func write(t testing.TB, packs [][]byte, n int) (data []byte, ends []int) {
	t.Helper()
	for flush := range slices.Chunk(packs, n) {
		for len(flush) > 0 {
			before := len(data)
			var done int
			data, done = segment.Append(data, flush)
			if done == 0 || len(data) == before {
				t.Fatalf("%d packs done in %d bytes", done, len(data)-before)
			}
			flush = flush[done:]
			ends = append(ends, len(data))
		}
	}
	return data, ends
}

func texts(packs [][]byte) []string {
	var list []string
	for _, p := range packs {
		list = append(list, string(p))
	}
	return list
}

func TestPacksComeBack(t *testing.T) {
	tests := []struct {
		name  string
		packs [][]byte
		most  int // bytes of the file for each pack
	}{
		{"a few", packs(0, 7), 50},
		{"many", packs(0, 5000), 12},
		{"with faults", faulty(packs(0, 1000)), 30},
		{"no JSON", [][]byte{{0, 1, 2}, nil, []byte("\xff\""), {0}}, 30},
		{"empty ones", slices.Repeat([][]byte{nil}, 100_000), 3},
		{"commas and digits", [][]byte{bytes.Repeat([]byte("1,"), segment.MaxPack/2), bytes.Repeat([]byte("\x00"), segment.MaxPack)}, 50_000},
		{"long ones", [][]byte{bytes.Repeat([]byte("x"), segment.MaxPack), bytes.Repeat([]byte("1 "), segment.MaxPack/2)}, 25_000},
		{"so many that a frame's sum is bounded", slices.Repeat([][]byte{bytes.Repeat([]byte("x"), 10_000)}, 200), 1000},
	}
	for _, tt := range tests {
		data, _ := write(t, tt.packs, 1200)
		got, damage := segment.Decode(data)
		if diff := cmp.Diff(texts(tt.packs), texts(got)); diff != "" || damage != (segment.Damage{}) {
			t.Errorf("%s: damage %+v, packs (-want +got):\n%.500s", tt.name, damage, diff)
		}
		if each := len(data) / len(tt.packs); each > tt.most {
			t.Errorf("%s: %d bytes a pack, want %d at most", tt.name, each, tt.most)
		}
	}
}

func TestAPackThatIsTooLongIsPassedOver(t *testing.T) {
	long := make([]byte, segment.MaxPack+1)
	if frame, n := segment.Append(nil, [][]byte{long}); frame != nil || n != 1 {
		t.Errorf("%d bytes for %d packs, want none for 1", len(frame), n)
	}
	frame, n := segment.Append(nil, [][]byte{long, []byte("a"), long, []byte("b")})
	got, _ := segment.Decode(frame)
	if n != 4 || strings.Join(texts(got), "") != "ab" {
		t.Errorf("%d packs dealt with, %q written, want 4 and a, b", n, got)
	}
	if frame, n := segment.Append(nil, nil); frame != nil || n != 0 {
		t.Errorf("%d bytes for %d packs of none", len(frame), n)
	}
}

// TestATornTailCostsTheLastFlushOnly cuts a file at each of its bytes.
func TestATornTailCostsTheLastFlushOnly(t *testing.T) {
	all := packs(0, 40)
	data, ends := write(t, all, 10)
	for cut := range data {
		got, damage := segment.Decode(data[:cut])
		whole := 0
		for whole < len(ends) && ends[whole] <= cut {
			whole++
		}
		begin := 0
		if whole > 0 {
			begin = ends[whole-1]
		}
		if want := (segment.Damage{Tail: cut - begin}); damage != want || len(got) != 10*whole {
			t.Fatalf("cut at %d: %d packs and %+v, want %d and %+v", cut, len(got), damage, 10*whole, want)
		}
	}
}

// TestADamagedFrameCostsItselfOnly turns each byte of a file.
func TestADamagedFrameCostsItselfOnly(t *testing.T) {
	all := packs(0, 40)
	data, ends := write(t, all, 10)
	for i := range data {
		damaged := bytes.Clone(data)
		damaged[i] ^= 0xff
		frame := 0
		for ends[frame] <= i {
			frame++
		}
		got, damage := segment.Decode(damaged)
		want := slices.Concat(all[:10*frame], all[10*frame+10:])
		last := frame == len(ends)-1
		if diff := cmp.Diff(texts(want), texts(got)); diff != "" || damage.Frames != 1 && !last || damage.Tail == 0 && last {
			t.Fatalf("byte %d of frame %d turned: %+v, packs (-want +got):\n%s", i, frame, damage, diff)
		}
	}
}

func TestABlockOfZerosCostsWhatWasThere(t *testing.T) {
	all := packs(0, 2000)
	data, _ := write(t, all, 100)
	clear(data[4096:8192])
	got, damage := segment.Decode(data)
	if lost := len(all) - len(got); damage.Frames != 1 || damage.Tail != 0 || lost == 0 || lost > 600 {
		t.Errorf("%d packs lost, %+v", lost, damage)
	}
}

func FuzzDecode(f *testing.F) {
	data, _ := write(f, packs(0, 20), 5)
	f.Add(data)
	f.Add(data[:len(data)-3])
	f.Add(append(bytes.Clone(data[9:]), data...))
	f.Add([]byte("TRs1"))
	f.Fuzz(func(t *testing.T, data []byte) {
		packs, damage := segment.Decode(data)
		if damage.Tail > len(data) || damage.Frames > len(data) {
			t.Errorf("%+v of %d bytes", damage, len(data))
		}
		if len(packs) == 0 {
			return
		}
		var again []byte
		for rest := packs; len(rest) > 0; {
			var n int
			again, n = segment.Append(again, rest)
			rest = rest[n:]
		}
		got, damage := segment.Decode(again)
		if diff := cmp.Diff(texts(packs), texts(got)); diff != "" || damage != (segment.Damage{}) {
			t.Errorf("written again: %+v, (-want +got):\n%s", damage, diff)
		}
	})
}

// FuzzBody gives bodies of any kind a good checksum, which Decode seldom sees in
// noise.
func FuzzBody(f *testing.F) {
	f.Add([]byte("\x02\x00\x00\x03a\x00b\x01\x01\x02xx\x00\x01\x1f\x01\x00"))
	f.Fuzz(func(t *testing.T, body []byte) {
		packs, _ := segment.Decode(segment.Seal(nil, body))
		total := 0
		for _, p := range packs {
			total += len(p)
		}
		if total > segment.MaxPacks {
			t.Errorf("%d bytes of packs in a frame", total)
		}
	})
}
