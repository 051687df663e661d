package main_test

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// A usage is what a process has taken of the host since it began.
type usage struct {
	cpu            time.Duration // user and system, of ended children too; in steps of 10 ms
	resident, peak float64       // MB of 10⁶ bytes
}

// use reads the usage of the program, which must be running.
func (d *daemon) use(tb testing.TB) usage {
	tb.Helper()
	proc := filepath.Join("/proc", strconv.Itoa(d.cmd.Process.Pid))
	stat, err := os.ReadFile(filepath.Join(proc, "stat"))
	if err != nil {
		tb.Fatalf("%s has ended: %v", d.cmd, err)
	}
	status, err := os.ReadFile(filepath.Join(proc, "status"))
	if err != nil {
		tb.Fatal(err)
	}
	// The name of the program, in parentheses, may hold spaces.
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	const utime, perSecond = 14 - 3, 100 // proc(5); utime, stime, cutime and cstime follow each other
	var u usage
	for _, field := range fields[utime : utime+4] {
		u.cpu += time.Duration(wholeNumber(tb, field)) * time.Second / perSecond
	}
	for line := range strings.Lines(string(status)) {
		fields := strings.Fields(line)
		switch fields[0] {
		case "VmRSS:":
			u.resident = float64(wholeNumber(tb, fields[1])) * 1024 / 1e6
		case "VmHWM:":
			u.peak = float64(wholeNumber(tb, fields[1])) * 1024 / 1e6
		}
	}
	return u
}

func wholeNumber(tb testing.TB, text string) int {
	tb.Helper()
	n, err := strconv.Atoi(text)
	if err != nil {
		tb.Fatal(err)
	}
	return n
}

// A tally collects the figures of several runs, by unit.
type tally map[string][]float64

func (t tally) add(unit string, v float64) { t[unit] = append(t[unit], v) }

// report reports the median of each figure, and logs all of them.
func (t tally) report(b *testing.B, name string) {
	b.Helper()
	b.Run(name, func(b *testing.B) {
		for b.Loop() { // the runs were the one iteration
		}
		b.ReportMetric(0, "ns/op")
		for _, unit := range slices.Sorted(maps.Keys(t)) {
			b.ReportMetric(quantile(t[unit], 0.5), unit)
			if len(t[unit]) > 1 {
				b.Logf("%s: %s", unit, strings.Trim(fmt.Sprintf("%.4g", t[unit]), "[]"))
			}
		}
	})
}

// quantile returns the smallest value that at least the share q of all does not
// exceed.
func quantile(values []float64, q float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	return sorted[max(0, int(float64(len(sorted))*q+0.9999)-1)]
}

// long tells whether benchmarks may take their time.
func long() bool { return os.Getenv("THERMARACK_LONG") == "1" }

// runs is how often each contender of a comparison runs, one after the other.
func runs() int {
	if long() {
		return 3
	}
	return 1
}
