package tsdb

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// BenchmarkOpen opens the store of 1000 nodes with ten values each that have
// reported every ten seconds for just under three hours, when the next block is
// about to be written: the most that a start has to read back. "stopped" was
// closed, "killed" was not, and "behind" was killed while a day's backlog of
// fifty nodes came in.
func BenchmarkOpen(b *testing.B) {
	s := openHere(b, b.TempDir())
	live, late := newFleet(1000), newFleet(50)
	for i := range 1075 {
		fill(b, s, live.report(noon.Add(time.Duration(i)*10*time.Second))...)
	}
	killed := copied(b, s)
	for i := range 8640 {
		fill(b, s, late.report(noon.Add(-24*time.Hour+time.Duration(i)*10*time.Second))...)
	}
	behind := copied(b, s)
	shut(b, s)
	stopped := copyDir(b, killed)
	shut(b, openHere(b, stopped))
	for name, dir := range map[string]string{"stopped": stopped, "killed": killed, "behind": behind} {
		b.Run(name, func(b *testing.B) {
			size, busy := float64(sizeOf(b, dir)), time.Duration(0)
			for b.Loop() {
				b.StopTimer()
				dir := copyDir(b, dir)
				busy -= processTime(b)
				b.StartTimer()
				s := openHere(b, dir)
				b.StopTimer()
				busy += processTime(b)
				shut(b, s)
				if err := os.RemoveAll(dir); err != nil {
					b.Fatal(err)
				}
				b.StartTimer()
			}
			b.ReportMetric(size/1e6, "MB")
			b.ReportMetric(busy.Seconds()/float64(b.N), "cpu-s/op")
		})
	}
}

// processTime returns how long this process has kept processors busy.
func processTime(b *testing.B) time.Duration {
	b.Helper()
	var use syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &use); err != nil {
		b.Fatal(err)
	}
	return time.Duration(use.Utime.Nano() + use.Stime.Nano())
}

func shut(tb testing.TB, s *Store) {
	tb.Helper()
	if err := s.Close(); err != nil {
		tb.Fatal(err)
	}
}

// copied returns a copy of a store's directory as a kill now would leave it.
func copied(b *testing.B, s *Store) string {
	b.Helper()
	if err := s.janitor.pause(b.Context()); err != nil {
		b.Fatal(err)
	}
	defer s.janitor.resume()
	return copyDir(b, s.dir)
}

func copyDir(b *testing.B, from string) string {
	b.Helper()
	to := filepath.Join(b.TempDir(), "copy")
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		b.Fatal(err)
	}
	return to
}
