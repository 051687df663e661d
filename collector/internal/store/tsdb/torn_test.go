package tsdb_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"thermarack/collector/internal/store"
	"thermarack/collector/internal/store/tsdb"
)

// An acknowledged point, and how long the two logs were when it was.
type acknowledged struct {
	store.Point
	wal, wbl int64 // bytes of the last segment
}

// logged makes a store as a kill leaves it, with several segments in each log.
// The points are those whose acknowledgement the last segments hold.
func logged(t *testing.T) (dir string, points []acknowledged) {
	t.Helper()
	o := tsdb.Options{Dir: t.TempDir(), MinFree: 1}
	for range 2 { // each opening begins a segment
		s := open(t, o)
		hours(t, s, 0, -1)
		shut(t, s)
	}
	s := open(t, o)
	hours(t, s, 0, -1)
	for i := range 60 {
		p := store.Point{Time: noon.Add(time.Duration(i+1) * time.Second), Value: float64(i)}
		if i%3 == 1 { // goes into wbl/
			p.Time = noon.Add(time.Duration(-i) * time.Minute)
		}
		sample := store.Sample{Series: inlet(), Point: p}
		if refused, err := s.Append(t.Context(), []store.Sample{sample}); err != nil || refused != nil {
			t.Fatalf("Append: %v, %v", refused, err)
		}
		points = append(points, acknowledged{p, size(t, last(t, o.Dir, "wal")), size(t, last(t, o.Dir, "wbl"))})
	}
	dir = t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(o.Dir)); err != nil {
		t.Fatal(err)
	}
	return dir, points
}

// last returns the newest segment of a log.
func last(t *testing.T, dir, log string) string {
	t.Helper()
	segments, err := filepath.Glob(filepath.Join(dir, log, "0*"))
	if err != nil || len(segments) == 0 {
		t.Fatalf("no segments in %s: %v", log, err)
	}
	return slices.Max(segments)
}

func size(t *testing.T, file string) int64 {
	t.Helper()
	info, err := os.Stat(file)
	if err != nil {
		t.Fatal(err)
	}
	return info.Size()
}

// A damage is what has become of the end of a log, from an offset on.
type damage struct {
	name string
	do   func(data []byte, from int64, chance *rand.Rand) []byte
}

func damages() []damage {
	noise := func(n int, chance *rand.Rand) []byte {
		b := make([]byte, n)
		for i := range b {
			b[i] = byte(chance.Uint32())
		}
		return b
	}
	return []damage{
		{"cut off", func(data []byte, from int64, _ *rand.Rand) []byte { return data[:from] }},
		{"zeros", func(data []byte, from int64, _ *rand.Rand) []byte {
			clear(data[from:])
			return data
		}},
		{"noise", func(data []byte, from int64, chance *rand.Rand) []byte {
			return append(data[:from], noise(len(data)-int(from), chance)...)
		}},
		{"noise that goes on", func(data []byte, from int64, chance *rand.Rand) []byte {
			return append(data[:from], noise(100_000, chance)...)
		}},
		{"one flipped bit", func(data []byte, from int64, _ *rand.Rand) []byte {
			if from < int64(len(data)) {
				data[from] ^= 16
			}
			return data
		}},
	}
}

// With THERMARACK_LONG=1 the logs are damaged from each of their bytes on.
func TestWhatWasAcknowledgedBeforeATornTailIsThere(t *testing.T) {
	t.Parallel()
	dir, points := logged(t)
	step := 1
	if os.Getenv("THERMARACK_LONG") != "1" {
		step = 331
	}
	for _, log := range []string{"wal", "wbl"} {
		end := size(t, last(t, dir, log))
		for i, d := range damages() {
			t.Run(log+", "+d.name, func(t *testing.T) {
				t.Parallel()
				for from := int64(i * 7); from < end; from += int64(step) {
					torn{dir, points, log, d, from}.check(t)
				}
				torn{dir, points, log, d, end}.check(t)
				torn{dir, points, log, d, end - 1}.check(t) // within the last record
			})
		}
	}
}

// A torn store has a damage in one of its logs.
type torn struct {
	dir    string
	points []acknowledged
	log    string
	damage
	from int64
}

// check opens a copy, twice, and looks for the points before the damage.
func (d torn) check(t *testing.T) {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(d.dir)); err != nil {
		t.Fatal(err)
	}
	file := last(t, dir, d.log)
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	whole := slices.Clone(data)
	data = d.do(data, d.from, rand.New(rand.NewPCG(uint64(d.from), 1)))
	if err := os.WriteFile(file, data, 0o644); err != nil {
		t.Fatal(err)
	}
	var said bytes.Buffer
	o := tsdb.Options{Dir: dir, MinFree: 1, Log: slog.New(slog.NewTextHandler(&said, nil))}
	for _, time := range []string{"first", "second"} {
		s, err := tsdb.Open(o)
		if err != nil {
			t.Fatalf("from byte %d: opened for the %s time: %v", d.from, time, err)
		}
		d.compare(t, s)
		hours(t, s, 2) // it takes samples
		shut(t, s)
	}
	if d.within(whole, data) && !strings.Contains(said.String(), "level=WARN") {
		t.Errorf("from byte %d: nothing was said about it", d.from)
	}
}

// within tells whether a record is surely damaged: the last byte of what an
// acknowledgement wrote is another now. What is missing counts as zeros.
func (d torn) within(whole, damaged []byte) bool {
	if d.from >= int64(len(whole)) || append(damaged, 0)[d.from] == whole[d.from] {
		return false
	}
	return slices.ContainsFunc(d.points, func(p acknowledged) bool {
		return d.log == "wal" && p.wal == d.from+1 || d.log == "wbl" && p.wbl == d.from+1
	})
}

func (d torn) compare(t *testing.T, s *tsdb.Store) {
	t.Helper()
	got, err := s.Range(t.Context(), inlet().Name(), noon.Add(-100*time.Hour), noon.Add(100*time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	var missing []string
	for _, p := range d.points {
		isBefore := d.log == "wal" && p.wal <= d.from || d.log == "wbl" && p.wbl <= d.from
		if isBefore && !slices.Contains(got, p.Point) {
			missing = append(missing, fmt.Sprint(p.Time.Sub(noon)))
		}
	}
	if missing != nil {
		t.Errorf("from byte %d: missing %v", d.from, missing)
	}
}
