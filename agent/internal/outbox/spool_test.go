package outbox_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"thermarack/agent/internal/outbox"
)

// spoolIn returns a generous spool in a directory of a test.
func spoolIn(dir string) outbox.Spool {
	return outbox.Spool{Dir: dir, MaxBytes: 64e6, BudgetPerDay: 1e9}
}

// A notebook is a log that a test reads.
type notebook struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (n *notebook) Write(p []byte) (int, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.text.Write(p)
}

// count returns how many lines say what.
func (n *notebook) count(what string) int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return strings.Count(n.text.String(), what)
}

// A spooled is a box with its Run.
type spooled struct {
	*outbox.Box
	log notebook
	end func() // the end of Run
}

// open opens a box and lets it run until its end, or the test's.
func open(t *testing.T, spool outbox.Spool) *spooled {
	t.Helper()
	s := &spooled{}
	box, err := outbox.Open(outbox.Options{Spool: spool, Log: slog.New(slog.NewTextHandler(&s.log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	s.Box = box
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- box.Run(ctx) }()
	s.end = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run = %v, want nil", err)
		}
	})
	t.Cleanup(s.end)
	return s
}

// stop ends the box as a stop of the agent does.
func (s *spooled) stop() {
	s.end()
	s.Close()
}

// files returns the names of a directory's files, but for the lock.
func files(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		if e.Name() != "lock" {
			names = append(names, e.Name())
		}
	}
	return names
}

// afterPowerCut returns a copy of a directory as it is now.
func afterPowerCut(t *testing.T, dir string) string {
	t.Helper()
	copied := filepath.Join(t.TempDir(), "spool")
	if err := os.CopyFS(copied, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	return copied
}

// kept returns all packs of a box in order.
func (s *spooled) kept() []string {
	s.Rewind()
	s.Rush()
	return drain(s.Box)
}

func TestUnacknowledgedPacksSurviveAPowerCut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := filepath.Join(t.TempDir(), "spool")
		b := open(t, spoolIn(dir))
		for i := range 30 { // five minutes
			b.Put(fmt.Append(nil, i))
			<-time.After(10 * time.Second)
		}
		again := open(t, spoolIn(afterPowerCut(t, dir)))
		got := again.kept()
		if len(got) < 24 {
			t.Errorf("%d packs are left of 30, want all but those of the last minute", len(got))
		}
		if diff := cmp.Diff(names(0, len(got)), got); diff != "" {
			t.Errorf("packs (-want +got):\n%s", diff)
		}
	})
}

func TestWhatWasOnDiskComesFirstAndLeavesItOnceAcknowledged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := filepath.Join(t.TempDir(), "spool")
		b := open(t, spoolIn(dir))
		<-time.After(time.Hour) // for its budget
		fill(b.Box, 1000)
		b.stop()

		again := open(t, spoolIn(dir))
		again.Put([]byte("new"))
		if got := again.Len(); got != 1001 {
			t.Fatalf("Len = %d, want 1001", got)
		}
		if diff := cmp.Diff(append(names(0, 1000), "new"), again.kept()); diff != "" {
			t.Errorf("packs (-want +got):\n%s", diff)
		}
		synctest.Wait()
		if got := files(t, dir); len(got) > 0 {
			t.Errorf("%q are left, want nothing: all packs are acknowledged", got)
		}
		again.stop()
		if got := open(t, spoolIn(dir)).Len(); got != 0 {
			t.Errorf("%d packs come again", got)
		}
	})
}

func TestNothingIsWrittenWhileTheBrokerAcknowledges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := filepath.Join(t.TempDir(), "spool")
		b := open(t, spoolIn(dir))
		before := b.Written()
		for _, pack := range newPi(0.05).packs(t, 1000) {
			b.Put(pack)
			<-time.After(9 * time.Second) // a slow broker
			drain(b.Box)
			<-time.After(time.Second)
		}
		b.stop()
		if got := files(t, dir); len(got) > 0 || b.Written() != before {
			t.Errorf("files %q, and %d bytes written", got, b.Written()-before)
		}
	})
}

func TestAFileGoesWithTheLastOfItsPacks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := filepath.Join(t.TempDir(), "spool")
		b := open(t, spoolIn(dir))
		for _, pack := range newPi(0).packs(t, 5000) {
			b.Put(pack)
		}
		<-time.After(time.Hour)
		if got := len(files(t, dir)); got < 4 {
			t.Fatalf("%d files, want several", got)
		}
		b.Rewind()
		b.Rush()
		left := len(files(t, dir))
		for b.Len() > 0 {
			id, _, _ := b.Next()
			b.Ack(id)
			if b.Len()%100 == 0 {
				synctest.Wait()
				now := len(files(t, dir))
				if now > left {
					t.Fatalf("%d files after %d", now, left)
				}
				left = now
			}
			if b.Len() == 1 && left == 0 {
				t.Fatal("the last file is gone before its last pack")
			}
		}
		if left != 0 {
			t.Errorf("%d files are left", left)
		}
	})
}

func TestAFullSpoolGivesUpTheOldest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := filepath.Join(t.TempDir(), "spool")
		spool := spoolIn(dir)
		spool.MaxBytes = 300_000
		b := open(t, spool)
		for _, pack := range newPi(0).packs(t, 5000) {
			b.Put(pack)
		}
		<-time.After(time.Hour)
		var size int64
		for _, name := range files(t, dir) {
			info, err := os.Stat(filepath.Join(dir, name))
			if err != nil {
				t.Fatal(err)
			}
			size += info.Size()
		}
		if size > spool.MaxBytes || size < spool.MaxBytes/2 {
			t.Errorf("%d bytes are on disk, want nearly %d", size, spool.MaxBytes)
		}
		again := open(t, spoolIn(afterPowerCut(t, dir)))
		if got, want := int64(again.Len()), 5000-b.Unspooled(); got != want || b.Unspooled() == 0 {
			t.Errorf("%d packs are on disk and %d were taken off, want 5000 together", got, b.Unspooled())
		}
		if b.Len() != 5000 {
			t.Errorf("Len = %d, want 5000: in memory nothing is lost", b.Len())
		}
		// The packs whose file is gone are acknowledged too.
		if got := len(b.kept()); got != 5000 {
			t.Errorf("%d packs came", got)
		}
		synctest.Wait()
		if got := files(t, dir); len(got) > 0 {
			t.Errorf("%q are left", got)
		}
	})
}

func TestTwoAgentsDoNotShareASpool(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "spool")
	log := slog.New(slog.DiscardHandler)
	first, err := outbox.Open(outbox.Options{Spool: spoolIn(dir), Log: log})
	if err != nil {
		t.Fatal(err)
	}
	_, err = outbox.Open(outbox.Options{Spool: spoolIn(dir), Log: log})
	if !errors.Is(err, outbox.ErrInUse) || !strings.Contains(err.Error(), dir) {
		t.Errorf("err = %v, want ErrInUse and the directory", err)
	}
	first.Close()
	second, err := outbox.Open(outbox.Options{Spool: spoolIn(dir), Log: log})
	if err != nil {
		t.Errorf("after the first has gone: %v", err)
	}
	second.Close()
}

func TestOptionsThatCannotWorkAreRefused(t *testing.T) {
	for _, change := range []func(*outbox.Spool){
		func(s *outbox.Spool) { s.BudgetPerDay = 100_000 },
		func(s *outbox.Spool) { s.MaxBytes = 1000 },
	} {
		spool := spoolIn(t.TempDir())
		change(&spool)
		if _, err := outbox.Open(outbox.Options{Spool: spool}); err == nil {
			t.Errorf("%+v is taken", spool)
		}
	}
}

func TestDamageOnDiskIsReportedAndCostsItselfOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := filepath.Join(t.TempDir(), "spool")
		b := open(t, spoolIn(dir))
		for i := range 60 { // ten minutes
			b.Put(fmt.Append(nil, i))
			<-time.After(10 * time.Second)
		}
		copied := afterPowerCut(t, dir)
		list := files(t, copied)
		if len(list) != 1 {
			t.Fatalf("files %q, want one", list)
		}
		path := filepath.Join(copied, list[0])
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		text[len(text)/2] ^= 1
		text = text[:len(text)-2]
		if err := os.WriteFile(path, text, 0o640); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(copied, "notes.txt"), []byte("not ours"), 0o640); err != nil {
			t.Fatal(err)
		}
		again := open(t, spoolIn(copied))
		got := again.kept()
		if len(got) < 35 || len(got) >= 55 || !slices.IsSortedFunc(got, func(a, b string) int { return len(a) - len(b) }) {
			t.Errorf("%d packs are left: %q", len(got), got)
		}
		if n := again.log.count("damaged"); n != 1 {
			t.Errorf("damage is reported %d times, want once: %s", n, &again.log.text)
		}
		synctest.Wait()
		if got := files(t, copied); !slices.Equal(got, []string{"notes.txt"}) {
			t.Errorf("files %q are left, want the one that is not ours", got)
		}
	})
}

// TestWithoutADirectoryTheBoxGoesOn takes the directory away, and gives it back.
func TestWithoutADirectoryTheBoxGoesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		medium := filepath.Join(t.TempDir(), "medium")
		dir := filepath.Join(medium, "spool")
		mount := func() {
			if err := os.Mkdir(medium, 0o755); err != nil {
				t.Fatal(err)
			}
		}
		n := 0
		b := open(t, spoolIn(dir)) // it is not mounted yet
		outage := func(d time.Duration) {
			for range d / (10 * time.Second) {
				b.Put(fmt.Append(nil, n))
				n++
				<-time.After(10 * time.Second)
			}
		}
		outage(10 * time.Minute)
		mount()
		outage(10 * time.Minute)
		if len(files(t, dir)) == 0 {
			t.Error("nothing is written though the directory is there")
		}
		if err := os.RemoveAll(medium); err != nil {
			t.Fatal(err)
		}
		outage(10 * time.Minute)
		mount()
		outage(10 * time.Minute)
		copied := afterPowerCut(t, dir)
		if got := open(t, spoolIn(copied)).Len(); got < n-12 {
			t.Errorf("%d packs are on disk, want nearly all %d: those of the first outages are written again", got, n)
		}
		if lost, back := b.log.count("in memory only"), b.log.count("on disk again"); lost != 2 || back != 2 {
			t.Errorf("%d lines about a lost directory and %d about its return, want 2 each:\n%s", lost, back, &b.log.text)
		}
		if diff := cmp.Diff(names(0, n), b.kept()); diff != "" {
			t.Errorf("packs in memory (-want +got):\n%s", diff)
		}
	})
}
