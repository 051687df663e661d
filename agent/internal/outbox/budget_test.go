package outbox_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"
	"testing/synctest"
	"time"
)

// TestADayOfOutageStaysWithinItsBudget has the broker away for two days, and
// looks at what the kernel says that this process has written.
func TestADayOfOutageStaysWithinItsBudget(t *testing.T) {
	for _, budget := range []int64{2e6, 20e6} {
		synctest.Test(t, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "spool")
			spool := spoolIn(dir)
			spool.BudgetPerDay = budget
			b, packs := open(t, spool), newPi(0.05).packs(t, 1000)
			kernel := kernelWrites(t)
			var days []int64 // written up to each
			for i := range 2 * day {
				b.Put(packs[i%len(packs)])
				<-time.After(10 * time.Second)
				if (i+1)%day == 0 {
					days = append(days, b.Written())
				}
			}
			kernel = kernelWrites(t) - kernel
			if days[0] > budget || days[1]-days[0] > budget || days[0] < budget/2 {
				t.Errorf("%d and then %d bytes were written a day, want no more than %d and more than half", days[0], days[1]-days[0], budget)
			}
			if kernel > b.Written() {
				t.Errorf("the kernel counts %d bytes, more than the spool's %d", kernel, b.Written())
			}
			kept := open(t, spoolIn(afterPowerCut(t, dir))).Len()
			lost := time.Duration(2*day-kept) * 10 * time.Second
			t.Logf("budget %d: %d bytes on the first day, %d on the second; the kernel counts %d in all; a power cut costs %v",
				budget, days[0], days[1]-days[0], kernel, lost)
			if limit := time.Duration(3e6/float64(budget)*float64(time.Hour)) + 2*time.Minute; lost > limit {
				t.Errorf("a power cut costs %v, want less than %v", lost, limit)
			}
		})
	}
}

// kernelWrites returns the bytes of pages that this process has made dirty, 0
// where the kernel does not tell or the directory is in memory.
func kernelWrites(t *testing.T) int64 {
	t.Helper()
	text, err := os.ReadFile("/proc/self/io")
	if err != nil {
		return 0
	}
	match := regexp.MustCompile(`(?m)^write_bytes: (\d+)$`).FindSubmatch(text)
	if match == nil {
		return 0
	}
	n, err := strconv.ParseInt(string(match[1]), 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// TestARestartDoesNotRefillTheBudget restarts every half a minute for a day.
func TestARestartDoesNotRefillTheBudget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := filepath.Join(t.TempDir(), "spool")
		spool := spoolIn(dir)
		spool.BudgetPerDay = 10e6
		packs := newPi(0).packs(t, 3)
		var written int64
		for range 24 * 60 * 2 {
			b := open(t, spool)
			for _, pack := range packs {
				b.Put(pack)
				<-time.After(10 * time.Second)
			}
			b.stop()
			written += b.Written()
		}
		if written > spool.BudgetPerDay {
			t.Errorf("%d bytes were written in a day, want no more than %d", written, spool.BudgetPerDay)
		}
	})
}
