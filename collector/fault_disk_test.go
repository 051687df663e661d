//go:build linux

package main_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// smallDisk mounts a disk in memory of so many MiB. The test is skipped where
// that is not allowed: no package could mend it.
func smallDisk(t *testing.T, mib int) (dir string) {
	t.Helper()
	dir = t.TempDir()
	err := syscall.Mount("tmpfs", dir, "tmpfs", 0, fmt.Sprintf("size=%dm", mib))
	switch {
	case errors.Is(err, syscall.EPERM):
		t.Skip("cannot mount a small disk:", err)
	case err != nil:
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, 0); err != nil {
			t.Error(err, syscall.Unmount(dir, syscall.MNT_DETACH))
		}
	})
	return dir
}

// fillUp writes a file of so many MiB, or as large as it can be if that is less.
func fillUp(t *testing.T, file string, mib int) {
	t.Helper()
	f, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	block := make([]byte, 1<<16)
	for range mib << 4 {
		if _, err = f.Write(block); err != nil {
			break
		}
	}
	if err := errors.Join(f.Close(), err); err != nil && !errors.Is(err, syscall.ENOSPC) {
		t.Fatal(err)
	}
}

// ready returns the status and the words of /readyz.
func (c *collector) ready(t *testing.T) (int, string) {
	t.Helper()
	response, err := http.Get("http://" + c.HTTP + "/readyz")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(body)
}

func TestAFullDiskStopsTheAcknowledgementsAndNotTheAlerts(t *testing.T) {
	needs(t)
	disk, duty := smallDisk(t, 320), startPagerDuty(t)
	layout, rules := filepath.Join(t.TempDir(), "layout.yaml"), filepath.Join(t.TempDir(), "rules.yaml")
	write(t, layout, oneShelf)
	write(t, rules, "rules: {for: 0s}\n")
	args := []string{"--mqtt", "127.0.0.1:0", "--data", filepath.Join(disk, "data"), "--layout", layout, "--config", rules, "--pager", duty.config(t)}
	c := startCollector(t, "serve", args...)
	stream := send(t, c.MQTT, &sender{
		node: "b827eb0000aa", devices: 10, begin: time.Now().Truncate(time.Second).Add(-time.Hour), step: time.Second,
		count: 3000, window: 32, pace: time.Millisecond,
	})
	until(t, 10*time.Second, "a stream", func() bool { return stream.acks() >= 300 })

	filler := filepath.Join(disk, "filler")
	fillUp(t, filler, 100) // less is free than the store leaves alone
	until(t, 10*time.Second, "/readyz to say that the disk is full", func() bool {
		status, words := c.ready(t)
		return status == http.StatusServiceUnavailable && strings.Contains(words, "disk")
	})
	fillUp(t, filler, 320) // and nothing at all
	before := stream.acks()

	hot := dial(t, c.MQTT, "b827eb000001").Publish("thermarack/v1/hex/b827eb000001/readings", 1, false,
		fmt.Sprintf(`[{"bt":%d,"n":"urn:dev:mac:b827ebfffe000001_soc:temperature","u":"Cel","v":90}]`, time.Now().Unix()))
	until(t, 15*time.Second, "an alert of a reading that cannot be stored", func() bool {
		return strings.Contains(string(c.get(t, "/api/v1/alerts")), `"SocTemperature"`)
	})
	until(t, 15*time.Second, "its page", func() bool { return len(duty.all()) == 1 })
	select {
	case <-hot.Done():
		t.Errorf("the hot reading was acknowledged (%v) without a place to store it", hot.Error())
	default:
	}
	if now := stream.acks(); now != before {
		t.Errorf("%d messages were acknowledged while the disk was full", now-before)
	}
	for _, path := range []string{"/", "/healthz", "/api/v1/shelves", "/metrics"} {
		c.get(t, path)
	}

	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	until(t, 30*time.Second, "all that waited to be acknowledged", func() bool {
		status, _ := c.ready(t)
		return stream.acks() == 3000 && status == http.StatusOK
	})
	if !hot.WaitTimeout(10*time.Second) || hot.Error() != nil {
		t.Errorf("the hot reading was not acknowledged: %v", hot.Error())
	}
	stream.check(t, c)
	c.stop()
	if status := c.cmd.ProcessState.ExitCode(); status != 0 {
		t.Errorf("exit status %d: %s", status, c.stderr)
	}
	stream.check(t, startCollector(t, "serve", args...))
}

func TestACollectorThatEndsOnAFullDiskLosesNothingAcknowledged(t *testing.T) {
	needs(t)
	for name, end := range map[string]func(*daemon){"stopped": (*daemon).stop, "killed": (*daemon).kill} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			disk := smallDisk(t, 320)
			data, filler := filepath.Join(disk, "data"), filepath.Join(disk, "filler")
			c := startCollector(t, "serve", "--mqtt", "127.0.0.1:0", "--data", data)
			stream := send(t, c.MQTT, &sender{
				node: "b827eb0000aa", devices: 10, begin: time.Now().Truncate(time.Second).Add(-time.Hour), step: time.Second,
				count: 3000, window: 32, pace: time.Millisecond,
			})
			until(t, 10*time.Second, "a stream", func() bool { return stream.acks() >= 300 })
			fillUp(t, filler, 320)
			end(c.daemon)
			if err := os.Remove(filler); err != nil {
				t.Fatal(err)
			}
			c = startCollector(t, "serve", "--mqtt", "127.0.0.1:0", "--data", data)
			stream.moveTo(c.MQTT)
			until(t, 30*time.Second, "the rest", func() bool { return stream.acks() == 3000 })
			stream.check(t, c)
		})
	}
}

// Logs are read back at a start, and late readings moved into blocks: both take room.
func TestAStartOnAFullDiskEndsWithAReason(t *testing.T) {
	needs(t)
	disk := smallDisk(t, 320)
	data, filler := filepath.Join(disk, "data"), filepath.Join(disk, "filler")
	c := startCollector(t, "serve", "--mqtt", "127.0.0.1:0", "--data", data)
	stream := send(t, c.MQTT, &sender{
		node: "b827eb0000aa", devices: 10, begin: time.Now().Truncate(time.Second).Add(-100 * time.Hour), step: time.Second,
		count: 500, window: 32,
	})
	until(t, 10*time.Second, "the readings", func() bool { return stream.acks() == 500 })
	c.kill()
	fillUp(t, filler, 320)
	status, _, words := call(t, "serve", "--listen", "127.0.0.1:0", "--mqtt", "127.0.0.1:0", "--data", data)
	if status != 1 || !strings.Contains(words, "too little disk space") || strings.Contains(words, "goroutine") {
		t.Errorf("it ends with status %d: %s", status, words)
	}
	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	stream.check(t, startCollector(t, "serve", "--mqtt", "127.0.0.1:0", "--data", data))
}

// Without notice: the free space that the disk tells is large to the end.
func TestADiskThatIsSuddenlyFullLosesNothingAcknowledged(t *testing.T) {
	m := newMachine(t)
	senders := send(t, "", &sender{
		node: "b827eb000001", devices: 10, begin: time.Now().Truncate(time.Second).Add(-time.Hour), step: time.Second,
		count: 2000, window: 32, pace: time.Millisecond,
	})
	c := m.boot(t, nil, nil)
	senders.moveTo(c.MQTT)
	until(t, 20*time.Second, "a stream", func() bool { return senders.acks() >= 500 })
	m.disk.Fill(true)
	select {
	case <-c.read: // the store is damaged until it is opened again
	case <-time.After(30 * time.Second):
		t.Error("the collector goes on with a store that cannot be written to")
	}
	c.stop()
	if text := c.stderr.String(); c.cmd.ProcessState.ExitCode() != 1 || !strings.Contains(text, "no space left on device") {
		t.Errorf("it ends with status %d: %s", c.cmd.ProcessState.ExitCode(), text)
	}
	m.unplug(t)

	m.disk.Fill(false)
	c = m.boot(t, nil, nil)
	senders.moveTo(c.MQTT)
	until(t, 30*time.Second, "the rest", func() bool { return senders.acks() == 2000 })
	senders.check(t, c)
	c.stop()
	m.unplug(t)
}
