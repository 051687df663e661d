package main_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	paho "github.com/eclipse/paho.mqtt.golang"
	"github.com/google/go-cmp/cmp"

	"thermarack/collector/internal/recording"
)

// anHourAgo simulates an hour of the small shelf that has just ended.
func anHourAgo(t *testing.T) (layout, readings string, begin time.Time) {
	t.Helper()
	dir := t.TempDir()
	layout, readings = filepath.Join(dir, "layout.yaml"), filepath.Join(dir, "hour.jsonl.gz")
	write(t, layout, smallShelf)
	write(t, filepath.Join(dir, "scenario.yaml"), bothFansDie)
	begin = time.Now().UTC().Add(-time.Hour).Truncate(time.Minute)
	command := exec.Command(filepath.Join(bin, "thermarack-agent"), "simulate", "--layout", layout, "--seed", "7",
		"--scenario", filepath.Join(dir, "scenario.yaml"), "--start", begin.Format(time.RFC3339), "--for", "59m", "-o", readings)
	if out, err := command.CombinedOutput(); err != nil {
		t.Fatalf("simulate: %v\n%s", err, out)
	}
	return layout, readings, begin
}

// entries reads a recording.
func entries(t *testing.T, file string) []recording.Entry {
	t.Helper()
	r, err := recording.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	var all []recording.Entry
	for {
		e, err := r.Next()
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, e)
	}
}

// feed publishes a recording as fast as it is acknowledged.
func feed(t *testing.T, c *collector, all []recording.Entry) {
	t.Helper()
	client := dial(t, c.MQTT, "feeder")
	tokens := make([]paho.Token, len(all))
	for i, e := range all {
		tokens[i] = client.Publish(e.Topic, 1, false, e.Payload)
		if i >= 32 && !tokens[i-32].WaitTimeout(30*time.Second) {
			t.Fatalf("message %d is not acknowledged", i-32)
		}
	}
	for i, token := range tokens {
		if !token.WaitTimeout(30*time.Second) || token.Error() != nil {
			t.Fatalf("message %d is not acknowledged: %v", i, token.Error())
		}
	}
}

// told returns what a replay prints, but for what the rounding of the store
// changes.
func told(t *testing.T, layout, readings string) []string {
	t.Helper()
	status, stdout, stderr := call(t, "replay", "--layout", layout, "--readings", readings)
	if status != 0 {
		t.Fatalf("status %d: %s", status, stderr)
	}
	var all []string
	for text := range strings.Lines(stdout) {
		var change map[string]any
		if err := json.Unmarshal([]byte(text), &change); err != nil {
			t.Fatal(err)
		}
		delete(change, "value")
		delete(change, "summary")
		all = append(all, fmt.Sprint(change))
	}
	return all
}

func TestARecordingOfTheStoreReplaysAsWhatWasSent(t *testing.T) {
	needs(t)
	layout, sent, _ := anHourAgo(t)
	data, dir := t.TempDir(), t.TempDir()
	c := startCollector(t, "serve", "--mqtt", "127.0.0.1:0", "--data", data, "--layout", layout)
	feed(t, c, entries(t, sent))

	running, resting, plain := filepath.Join(dir, "running.jsonl.gz"), filepath.Join(dir, "resting.jsonl.gz"), filepath.Join(dir, "shelf.jsonl")
	record := func(args ...string) {
		t.Helper()
		if status, _, stderr := call(t, append([]string{"record", "--data", data}, args...)...); status != 0 || stderr != "" {
			t.Fatalf("record %v: status %d: %s", args, status, stderr)
		}
	}
	record("-o", running)
	record("-o", plain, "--shelf", "hex/a1/s3", "--layout", layout)
	c.stop()
	record("-o", resting)

	want := told(t, layout, sent)
	for _, file := range []string{running, resting, plain} {
		if diff := cmp.Diff(want, told(t, layout, file)); diff != "" || len(want) < 10 {
			t.Errorf("%s: %d changes of what was sent (-want +got)\n%s", file, len(want), diff)
		}
	}
	if diff := cmp.Diff(entries(t, running), entries(t, resting)); diff != "" {
		t.Errorf("-running +at rest\n%s", diff)
	}
}

func TestARecordingIsCutToAShelfAndASpan(t *testing.T) {
	needs(t)
	_, sent, begin := anHourAgo(t)
	data, dir := t.TempDir(), t.TempDir()
	c := startCollector(t, "serve", "--mqtt", "127.0.0.1:0", "--data", data)
	feed(t, c, entries(t, sent))
	layout, file := filepath.Join(dir, "layout.yaml"), filepath.Join(dir, "cut.jsonl")
	write(t, layout, `version: 1
sites: {hex: {racks: {a1: {shelves: {
  top: {columns: 1, depth: 1, nodes: {1: b827eb000002},
    probes: [{name: h1, sensor: "urn:dev:ow:28091e0d000000cb", node: b827eb000001, x: 0.3, y: 1, face: hot}]},
  low: {columns: 1, depth: 1, nodes: {1: b827eb000001}}}}}}}
`)
	from, to := begin.Add(10*time.Minute), begin.Add(11*time.Minute)
	status, _, stderr := call(t, "record", "--data", data, "-o", file, "--shelf", "hex/a1/top", "--layout", layout,
		"--from", from.Format(time.RFC3339), "--to", fmt.Sprint(to.Unix()))
	if status != 0 {
		t.Fatalf("status %d: %s", status, stderr)
	}
	nodes := map[string]int{}
	for _, e := range entries(t, file) {
		nodes[strings.Split(e.Topic, "/")[3]]++
		if e.Time.Before(from) || !e.Time.Before(to) {
			t.Errorf("a message of %v", e.Time)
		}
		if strings.Contains(e.Topic, "b827eb000001") && (strings.Count(string(e.Payload), `"n"`) != 1 || !strings.Contains(string(e.Payload), "28091e0d000000cb")) {
			t.Errorf("of the neighbour shelf's node: %s", e.Payload)
		}
	}
	if diff := cmp.Diff(map[string]int{"b827eb000001": 6, "b827eb000002": 6}, nodes); diff != "" {
		t.Errorf("messages of a minute by node (-want +got)\n%s", diff)
	}
}

func TestABrokerIsRecordedUntilAnInterrupt(t *testing.T) {
	needs(t)
	c := startCollector(t, "serve", "--mqtt", "127.0.0.1:0")
	file := filepath.Join(t.TempDir(), "live.jsonl.gz")
	recorder := start(t, true, "thermarack-collector", "record", "--broker", "tcp://"+c.MQTT, "-o", file)
	client := dial(t, c.MQTT, "b827eb000001")
	const topic = "thermarack/v1/hex/b827eb000001/readings"
	publish(t, client, topic, `[{"n":"urn:dev:mac:b827ebfffe000001_soc:temperature", "v":48.5}]`)
	publish(t, client, topic, `hello`)
	publish(t, client, topic, `[]`)
	// The broker passes on in order, so that the echo comes after.
	heard := make(chan struct{})
	echo := dial(t, c.MQTT, "listener")
	if token := echo.Subscribe(topic, 1, func(_ paho.Client, m paho.Message) {
		if string(m.Payload()) == "[{}]" {
			close(heard)
		}
	}); !token.WaitTimeout(10*time.Second) || token.Error() != nil {
		t.Fatal(token.Error())
	}
	publish(t, client, topic, `[{}]`)
	<-heard
	until(t, 10*time.Second, "the recording", func() bool {
		info, err := os.Stat(file + ".partial")
		return err == nil && info.Mode().IsRegular()
	})
	recorder.stop()
	if got := recorder.cmd.ProcessState.ExitCode(); got != 0 {
		t.Fatalf("status %d: %s", got, recorder.stderr)
	}
	var got []string
	for _, e := range entries(t, file) {
		if time.Since(e.Time) > time.Minute {
			t.Errorf("recorded at %v, want now", e.Time)
		}
		got = append(got, e.Topic+" "+string(e.Payload))
	}
	want := []string{topic + ` [{"n":"urn:dev:mac:b827ebfffe000001_soc:temperature","v":48.5}]`, topic + " []"}
	if len(got) == 3 { // the last one may have come before the interrupt, or not
		got = got[:2]
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

func TestABackupOfARunningCollectorHoldsWhatWasAcknowledged(t *testing.T) {
	needs(t)
	dir := t.TempDir()
	data, file := filepath.Join(dir, "data"), filepath.Join(dir, "backup.tar.gz")
	c := startCollector(t, "serve", "--mqtt", "127.0.0.1:0", "--data", data)
	write(t, filepath.Join(data, "broker-password"), "hunter2")
	begin := time.Now().Truncate(time.Second).Add(-time.Hour)
	acknowledged, stop := burst(t, c, begin)
	until(t, 20*time.Second, "two hundred acknowledgements", func() bool { return acknowledged() >= 200 })
	before := acknowledged()
	status, stdout, stderr := call(t, "backup", "--data", data, "-o", file)
	if status != 0 || !strings.Contains(stdout, "checked") || !strings.Contains(stdout, "left out, as keys and passwords are: broker-password") {
		t.Fatalf("status %d: %s%s", status, stdout, stderr)
	}
	stop()
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the backup is for others to read: %v, %v", info.Mode(), err)
	}

	restored := filepath.Join(dir, "restored")
	if status, stdout, stderr = call(t, "restore", "-i", file, "--data", restored); status != 0 || !strings.Contains(stdout, "readings until") {
		t.Fatalf("status %d: %s%s", status, stdout, stderr)
	}
	again := startCollector(t, "serve", "--mqtt", "127.0.0.1:0", "--data", restored)
	var series struct{ Points []struct{ T time.Time } }
	again.decode(t, fmt.Sprintf("/api/v1/series?sensor=%s&from=%d", burstSensor, begin.Unix()-1), &series)
	if len(series.Points) < before {
		t.Errorf("%d values restored, %d were acknowledged before the backup", len(series.Points), before)
	}
	status, _, stderr = call(t, "restore", "-i", file, "--data", restored)
	if status != 1 || !strings.Contains(stderr, "is not empty, and a restore overwrites nothing") {
		t.Errorf("a second restore: status %d, %s", status, stderr)
	}
	again.stop()
	if status, stdout, stderr := call(t, "backup", "--data", restored, "-o", filepath.Join(dir, "second.tar")); status != 0 {
		t.Errorf("at rest: status %d: %s%s", status, stdout, stderr)
	}
	left, err := filepath.Glob(filepath.Join(dir, "*.partial"))
	if beside, also := filepath.Glob(filepath.Join(dir, "*.restore-*")); err != nil || also != nil || len(left)+len(beside) > 0 {
		t.Errorf("left behind: %v %v (%v, %v)", left, beside, err, also)
	}
}

const burstSensor = "urn:dev:mac:b827ebfffe000001_soc:temperature"

// burst publishes one value after the other, a tenth of a second of their own
// time apart, until stop is called; acknowledged counts those that are.
func burst(t *testing.T, c *collector, begin time.Time) (acknowledged func() int, stop func()) {
	t.Helper()
	client := dial(t, c.MQTT, "b827eb000001")
	var mu sync.Mutex
	n, ended := 0, make(chan struct{})
	var sender sync.WaitGroup
	sender.Go(func() {
		for i := 0; ; i++ {
			at := begin.Add(time.Duration(i) * 100 * time.Millisecond)
			payload := fmt.Sprintf(`[{"bt":%.1f,"n":"%s","v":%d}]`, float64(at.UnixMilli())/1000, burstSensor, i%100)
			token := client.Publish("thermarack/v1/hex/b827eb000001/readings", 1, false, payload)
			if !token.WaitTimeout(10*time.Second) || token.Error() != nil {
				t.Errorf("message %d is not acknowledged: %v", i, token.Error())
				return
			}
			mu.Lock()
			n = i + 1
			mu.Unlock()
			select {
			case <-ended:
				return
			default:
			}
		}
	})
	stop = sync.OnceFunc(func() {
		close(ended)
		sender.Wait()
	})
	t.Cleanup(stop)
	return func() int {
		mu.Lock()
		defer mu.Unlock()
		return n
	}, stop
}

func TestAnExportHasTheRowsOfTheCollector(t *testing.T) {
	needs(t)
	layout, sent, begin := anHourAgo(t)
	data, dir := t.TempDir(), t.TempDir()
	c := startCollector(t, "serve", "--mqtt", "127.0.0.1:0", "--data", data, "--layout", layout)
	feed(t, c, entries(t, sent))
	span := []string{"--from", begin.Format(time.RFC3339), "--to", begin.Add(time.Hour).Format(time.RFC3339)}
	query := fmt.Sprintf("&from=%d&to=%d", begin.Unix(), begin.Add(time.Hour).Unix())
	const cold, hot = "place:hex/a1/s3/probe/c1:temperature", "urn:dev:ow:28091e0d000000cb:temperature"
	csv := func(args ...string) string {
		t.Helper()
		file := filepath.Join(dir, "out.csv")
		if status, _, stderr := call(t, slices.Concat([]string{"export", "-o", file}, span, args)...); status != 0 || stderr != "" {
			t.Fatalf("export %v: status %d: %s", args, status, stderr)
		}
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	rows := string(c.get(t, "/api/v1/export.csv?sensor="+cold+query))
	steps := string(c.get(t, "/api/v1/export.csv?sensor="+hot+query+"&step=600"))
	tests := []struct {
		name string
		args []string
		want string
	}{
		{"one sensor", []string{"--sensor", cold, "--layout", layout}, rows},
		{"by steps", []string{"--sensor", hot, "--step", "10m"}, steps},
		{"two sensors", []string{"--sensor", hot, "--sensor", hot, "--step", "10m"}, named(hot, steps, true) + named(hot, steps, false)},
	}
	check := func(where string, args ...string) {
		t.Helper()
		for _, tt := range tests {
			if got := csv(append(args, tt.args...)...); got != tt.want || strings.Count(got, "\n") < 6 {
				t.Errorf("%s, %s:\n%.300s\nwant\n%.300s", tt.name, where, got, tt.want)
			}
		}
	}
	check("a collector by its address", "--url", "http://"+c.HTTP)
	check("a collector by its directory", "--data", data)
	c.stop()
	check("a directory at rest", "--data", data)
	status, _, stderr := call(t, slices.Concat([]string{"export", "-o", filepath.Join(dir, "none.csv"), "--data", data, "--sensor", "urn:dev:ow:28ff000000000000:temperature"}, span)...)
	if _, err := os.Stat(filepath.Join(dir, "none.csv")); status != 1 || !strings.Contains(stderr, "no such series") || !os.IsNotExist(err) {
		t.Errorf("a sensor that never was: status %d, %s (%v)", status, stderr, err)
	}
}

// named puts a sensor before the rows of a CSV file, without its header unless it
// is the first.
func named(sensor, csv string, first bool) string {
	var out strings.Builder
	for i, line := range slices.Collect(strings.Lines(csv)) {
		switch {
		case i > 0:
			out.WriteString(sensor + "," + line)
		case first:
			out.WriteString("sensor," + line)
		}
	}
	return out.String()
}

func TestASecondCollectorOnADirectorySaysWhatToDo(t *testing.T) {
	needs(t)
	data := t.TempDir()
	c := startCollector(t, "serve", "--mqtt", "127.0.0.1:0", "--data", data)
	status, stdout, stderr := call(t, "serve", "--data", data, "--listen", "127.0.0.1:0", "--mqtt", "127.0.0.1:0")
	want := "thermarack-collector: data directory " + data + " is in use by another process: stop that one, or give this one a directory of its own with --data\n"
	if status != 1 || stdout != "" || stderr != want {
		t.Errorf("status %d, %q, %q, want 1 and %q", status, stdout, stderr, want)
	}
	if got := c.status(t, "/healthz"); got != 200 {
		t.Errorf("the first answers %d", got)
	}
	c.kill() // leaves its files behind
	startCollector(t, "serve", "--mqtt", "127.0.0.1:0", "--data", data)
}
