package main_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// manySenders returns senders of so many messages in all, at so many a second
// together; 0 is as many as are taken.
func manySenders(n, messages, rate int) []*sender {
	begin := time.Now().Truncate(time.Second).Add(-time.Hour)
	senders := make([]*sender, n)
	for i := range senders {
		senders[i] = &sender{
			node: fmt.Sprintf("b827eb%06x", i+1), devices: 10, begin: begin, step: time.Second,
			count: messages / n, window: 32,
		}
		if rate > 0 {
			senders[i].pace = time.Duration(n) * time.Second / time.Duration(rate)
		}
	}
	return senders
}

// isLong tells whether tests may take minutes.
func isLong() bool { return os.Getenv("THERMARACK_LONG") == "1" }

// With THERMARACK_LONG=1 the burst is the one that other collectors were measured
// with: 60,000 messages.
func TestABurstWithTwoKillsLosesNothingAndStoresNothingTwice(t *testing.T) {
	needs(t)
	messages := 6000
	if isLong() {
		messages = 60_000
	}
	data := t.TempDir()
	c := startCollector(t, "serve", "--mqtt", "127.0.0.1:0", "--data", data)
	burst := send(t, c.MQTT, manySenders(20, messages, 2000)...)
	for _, part := range []int{messages / 3, messages * 2 / 3} {
		until(t, 3*time.Minute, "a third of the burst", func() bool { return burst.acks() >= part })
		c.kill()
		c = startCollector(t, "serve", "--mqtt", "127.0.0.1:0", "--data", data)
		burst.moveTo(c.MQTT)
	}
	until(t, 3*time.Minute, "the end of the burst", func() bool { return burst.acks() == messages })
	burst.check(t, c)
}

func TestASignalInABurstEndsTheCollectorInTimeAndLosesNothing(t *testing.T) {
	needs(t)
	data := t.TempDir()
	c := startCollector(t, "serve", "--mqtt", "127.0.0.1:0", "--data", data)
	burst := send(t, c.MQTT, manySenders(40, 400_000, 0)...)
	until(t, time.Minute, "a burst", func() bool { return burst.acks() >= 2000 })
	begun := time.Now()
	c.stop()
	if took := time.Since(begun); took > 5*time.Second {
		t.Errorf("it took %v to end", took)
	}
	if status := c.cmd.ProcessState.ExitCode(); status != 0 {
		t.Errorf("exit status %d: %s", status, c.stderr)
	}
	burst.stop()
	burst.check(t, startCollector(t, "serve", "--mqtt", "127.0.0.1:0", "--data", data))
}

func TestASecondCollectorOnADataDirectoryIsRefused(t *testing.T) {
	needs(t)
	data := t.TempDir()
	c := startCollector(t, "serve", "--mqtt", "127.0.0.1:0", "--data", data)
	second := exec.Command(filepath.Join(bin, "thermarack-collector"), "serve", "--mqtt", "127.0.0.1:0", "--listen", "127.0.0.1:0", "--data", data)
	out, err := second.CombinedOutput()
	if status := second.ProcessState.ExitCode(); status != 1 {
		t.Errorf("the second ends with %v, status %d, want 1", err, status)
	}
	text := string(out)
	if strings.Count(text, "\n") != 1 || !strings.Contains(text, data) || !strings.Contains(text, "in use by another process") {
		t.Errorf("it says %q, want one line that names %s and says that it is in use", text, data)
	}
	// The first is none the worse for it.
	some := send(t, c.MQTT, manySenders(1, 10, 0)...)
	until(t, 10*time.Second, "its acknowledgements", func() bool { return some.acks() == 10 })
	some.check(t, c)
}
