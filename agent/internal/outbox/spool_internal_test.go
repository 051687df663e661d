package outbox

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// A full file takes half of what is written to it.
type full struct{ *os.File }

func (f full) Write(p []byte) (int, error) {
	n, err := f.File.Write(p[:len(p)/2])
	if err != nil {
		return n, err
	}
	return n, syscall.ENOSPC
}

// TestADiskThatIsFullIsToldOnceAndTriedAgain fills the disk amid a flush and
// makes room an hour later.
func TestADiskThatIsFullIsToldOnceAndTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		dir := filepath.Join(t.TempDir(), "spool")
		b, err := Open(Options{
			Spool: Spool{Dir: dir, MaxBytes: 1e6, BudgetPerDay: 1e9},
			Log:   slog.New(slog.NewTextHandler(&log, nil)),
		})
		if err != nil {
			t.Fatal(err)
		}
		create, tried := b.spool.create, 0
		b.spool.create = func(path string) (writable, error) {
			f, err := create(path)
			if err != nil {
				return nil, err
			}
			tried++
			return full{f.(*os.File)}, nil
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- b.Run(ctx) }()
		n := 0
		outage := func(d time.Duration) {
			for range d / (10 * time.Second) {
				b.Put(fmt.Append(nil, n))
				n++
				<-time.After(10 * time.Second)
			}
		}
		outage(time.Hour)
		synctest.Wait()
		if entries, _ := os.ReadDir(dir); tried < 30 || tried > 60 || len(entries) > 1 {
			t.Errorf("tried %d times within an hour; %v are left, want the lock alone", tried, entries)
		}
		b.spool.create = create
		outage(10 * time.Minute)
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run = %v, want nil", err)
		}
		b.Close()
		text := log.String()
		if strings.Count(text, "in memory only") != 1 || strings.Count(text, "on disk again") != 1 || !strings.Contains(text, "no space left") {
			t.Errorf("log = %s, want one line each way", text)
		}
		again, err := Open(Options{Spool: b.spool.Spool, Log: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		defer again.Close()
		if again.Len() != n {
			t.Errorf("%d packs are on disk, want all %d", again.Len(), n)
		}
	})
}
