package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"thermarack/agent/internal/mqtt/mqtttest"
	"thermarack/agent/wire"
)

const (
	node  = "b827eb000001" // of the board in testdata
	topic = "thermarack/v1/main/" + node + "/"
)

// board writes testdata/pi.txtar below a new directory.
func board(t *testing.T) string {
	t.Helper()
	archive, err := txtar.ParseFile("internal/sensors/testdata/pi.txtar")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for _, f := range archive.Files {
		write(t, filepath.Join(dir, f.Name), string(f.Data))
	}
	return dir
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// start runs the agent until stop is called, or the test ends.
func start(t *testing.T, args ...string) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() {
		done <- run(ctx, append([]string{"run", "--interval", "200ms"}, args...), t.Output(), t.Output())
	}()
	stopped := false
	stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		if err := <-done; err != nil {
			t.Errorf("run = %v, want nil", err)
		}
	}
	t.Cleanup(stop)
	return stop
}

// packs decodes the readings that arrived, each pack once, by record name.
func packs(t *testing.T, messages []mqtttest.Message) []map[string]wire.Reading {
	t.Helper()
	var list []map[string]wire.Reading
	seen := map[string]bool{}
	for _, m := range messages {
		if m.Topic != topic+"readings" || seen[m.Payload] {
			continue
		}
		seen[m.Payload] = true
		readings, bad, err := wire.DecodePack([]byte(m.Payload), time.Now())
		if err != nil || len(bad) > 0 {
			t.Fatalf("pack %s: %v, %v", m.Payload, err, bad)
		}
		pack := map[string]wire.Reading{}
		for _, r := range readings {
			pack[strings.TrimPrefix(r.Name(), wire.Node(node).Device(""))] = r
		}
		list = append(list, pack)
	}
	return list
}

// arrive waits for n packs.
func arrive(t *testing.T, broker *mqtttest.Broker, n int) []map[string]wire.Reading {
	t.Helper()
	messages := broker.Wait(fmt.Sprint(n, " packs"), func(m []mqtttest.Message) bool { return len(packs(t, m)) >= n })
	return packs(t, messages)
}

// seqs returns the sequence numbers of packs.
func seqs(packs []map[string]wire.Reading) []int {
	var list []int
	for _, p := range packs {
		list = append(list, int(p[":seq"].Value))
	}
	return list
}

// upTo returns 1 to n.
func upTo(n int) []int {
	list := make([]int, n)
	for i := range list {
		list[i] = i + 1
	}
	return list
}

func TestReadingsStatusAndInventoryArrive(t *testing.T) {
	t.Parallel()
	broker := mqtttest.Start(t)
	stop := start(t, "--root", board(t), "--broker", broker.URL())
	for i, pack := range arrive(t, broker, 3) {
		want := []string{
			":boot", ":seq", "_chip-temp1:temperature", "_emc2305-temp1:temperature", "_emc2305-temp2:fault", "_emc2305-temp3:fault",
			"_fan1:speed", "_fan2:duty", "_fan2:speed", "_fan3:duty", "_fan3:speed", "_rpi-volt-in0:voltage", "_soc:temperature", "_soc:throttled",
			"_zone1:temperature", "urn:dev:ow:28f6fb1e0d000035:temperature", "urn:dev:ow:28f938f1321401a6:fault",
		}
		if diff := cmp.Diff(want, slices.Sorted(maps.Keys(pack))); diff != "" {
			t.Errorf("pack %d (-want +got):\n%s", i, diff)
		}
		if r := pack["_soc:temperature"]; r.Value != 48.25 || r.Time.UnixMilli()%200 != 0 {
			t.Errorf("pack %d: SoC %+v, want 48.25 °C on the grid", i, r)
		}
	}
	var status wire.Status
	decode(t, broker.Retained(topic+"status"), &status)
	if !status.Online || status.Boot == "" {
		t.Errorf("status = %+v, want online with a boot", status)
	}
	var inventory wire.Inventory
	decode(t, broker.Retained(topic+"inventory"), &inventory)
	if inventory.Model != "Raspberry Pi 4 Model B Rev 1.4" || inventory.MAC != node || len(inventory.Parts) != 15 {
		t.Errorf("inventory = %+v, want the board with 15 parts", inventory)
	}
	if len(inventory.Addresses) > 0 {
		t.Errorf("addresses = %v, want none: they are this machine's", inventory.Addresses)
	}
	stop()
	decode(t, broker.Retained(topic+"status"), &status)
	if status.Online {
		t.Error("the status is online after a graceful stop")
	}
	for _, m := range broker.Messages() {
		if m.Will {
			t.Errorf("a graceful stop sent the last will %+v", m)
		}
	}
}

func decode(t *testing.T, text string, v any) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), v); err != nil {
		t.Fatalf("%q: %v", text, err)
	}
}

func TestALastWillFollowsAnUncleanCut(t *testing.T) {
	t.Parallel()
	broker := mqtttest.Start(t)
	start(t, "--root", board(t), "--broker", broker.URL())
	arrive(t, broker, 1)
	broker.Cut(node)
	messages := broker.Wait("last will", func(m []mqtttest.Message) bool {
		return slices.ContainsFunc(m, func(m mqtttest.Message) bool { return m.Will })
	})
	will := messages[slices.IndexFunc(messages, func(m mqtttest.Message) bool { return m.Will })]
	if will.Topic != topic+"status" || !will.Retain || !strings.Contains(will.Payload, `"online":false`) {
		t.Errorf("will = %+v, want a retained status that is offline", will)
	}
}

func TestAnOutageOfTheBrokerLosesNothing(t *testing.T) {
	t.Parallel()
	broker, witness := mqtttest.Start(t), mqtttest.Start(t)
	stop := start(t, "--root", board(t), "--broker", broker.URL(), "--broker", witness.URL())
	arrive(t, broker, 3)
	broker.Stop()
	// The other broker is not disturbed, and tells how time goes on.
	arrive(t, witness, len(packs(t, witness.Messages()))+5)
	broker.Restart()
	arrive(t, broker, len(packs(t, witness.Messages()))+3)
	stop()
	got, all := seqs(packs(t, broker.Messages())), seqs(packs(t, witness.Messages()))
	slices.Sort(got) // what was made since the connection stood came first
	if diff := cmp.Diff(upTo(len(all)), all); diff != "" {
		t.Errorf("packs at the broker that stayed (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(all, got); diff != "" {
		t.Errorf("packs at the broker that was away (-want +got):\n%s", diff)
	}
}

func TestASpoolKeepsPacksOverARestart(t *testing.T) {
	t.Parallel()
	broker, witness := mqtttest.Start(t), mqtttest.Start(t)
	dir := t.TempDir()
	file := filepath.Join(dir, "agent.yaml")
	write(t, file, "spool: {directory: "+dir+", budget: 1000000}\n")
	args := []string{"--config", file, "--root", board(t), "--broker", broker.URL(), "--broker", witness.URL()}
	broker.Stop()
	stop := start(t, args...)
	arrive(t, witness, 5)
	stop()
	before := packs(t, witness.Messages())
	broker.Restart()
	stop = start(t, args...)
	got := arrive(t, broker, len(before)+3)
	stop()
	boot := func(p map[string]wire.Reading) string { return p[":boot"].Text }
	first := boot(before[0])
	if boot(got[len(got)-1]) == first && boot(got[0]) == first {
		t.Errorf("no pack is from after the restart")
	}
	got = slices.DeleteFunc(got, func(p map[string]wire.Reading) bool { return boot(p) != first })
	if diff := cmp.Diff(upTo(len(before)), seqs(got)); diff != "" {
		t.Errorf("packs from before the restart (-want +got):\n%s", diff)
	}
	left, err := filepath.Glob(filepath.Join(dir, "*", "*.packs"))
	if err != nil || len(left) > 0 {
		t.Errorf("%q are left on disk, %v", left, err)
	}
}

func TestAHungProbeCostsOnlyItsOwnReadings(t *testing.T) {
	t.Parallel()
	root := board(t)
	file := filepath.Join(root, "sys/bus/w1/devices/28-00000d1efbf6/w1_slave")
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo(file, 0o644); err != nil { // opening it blocks: nobody writes
		t.Fatal(err)
	}
	t.Cleanup(func() { release(t, file) })
	broker := mqtttest.Start(t)
	start(t, "--root", root, "--broker", broker.URL(), "--interval", "1s") // all others have 0.9 s, also on a busy machine
	for i, pack := range arrive(t, broker, 4) {
		if got := pack["urn:dev:ow:28f6fb1e0d000035:fault"].Text; got != wire.FaultTimeout {
			t.Errorf("pack %d: fault %q of the hung probe, want timeout", i, got)
		}
		if len(pack) != 17 {
			t.Errorf("pack %d has %d records, want all 17", i, len(pack))
		}
	}
	if got := seqs(packs(t, broker.Messages())); got[0] != 1 || got[3] != 4 {
		t.Errorf("packs %v, want none left out", got)
	}
}

// release lets a blocked reader of a pipe end.
func release(t *testing.T, pipe string) {
	t.Helper()
	f, err := os.OpenFile(pipe, os.O_RDWR, 0)
	if err != nil {
		t.Error(err)
		return
	}
	_ = f.Close()
}

// call runs a command line to its end.
func call(t *testing.T, args ...string) (status int, stdout, stderr string) {
	t.Helper()
	var out, log bytes.Buffer
	err := run(t.Context(), args, &out, &log)
	status = report(err, &log)
	return status, out.String(), log.String()
}

func TestExitStatus(t *testing.T) {
	nameless := t.TempDir()
	typo := filepath.Join(nameless, "agent.yaml")
	write(t, typo, "site: a\nbrocker: []\n")
	still := filepath.Join(nameless, "still.yaml")
	write(t, still, "site: a\ninterval: 0s\n")
	tests := []struct {
		name           string
		args           []string
		status         int
		stdout, stderr string // begin of the one, part of the other
	}{
		{"help of all", []string{"--help"}, 0, "thermarack-agent reads", ""},
		{"help of run", []string{"run", "--help"}, 0, "usage: thermarack-agent run", ""},
		{"help of scan", []string{"scan", "-h"}, 0, "usage: thermarack-agent scan", ""},
		{"help of once", []string{"once", "--help"}, 0, "usage: thermarack-agent once", ""},
		{"help of version", []string{"version", "--help"}, 0, "usage: thermarack-agent version", ""},
		{"version", []string{"version"}, 0, "thermarack-agent ", ""},
		{"unknown command", []string{"walk"}, 2, "", `thermarack-agent: unknown command "walk"`},
		{"unknown flag of run, named", []string{"run", "--speed", "1"}, 2, "", "usage: thermarack-agent run"},
		{"unknown flag of run, not named", []string{"--speed", "1"}, 2, "", "flag provided but not defined: -speed"},
		{"an argument too many", []string{"scan", "now"}, 2, "", `unexpected argument "now"`},
		{"a broker that is none", []string{"--broker", "host"}, 2, "", "want a URL such as tcp://host:1883"},
		{"a site that is none", []string{"--site", "A/B"}, 2, "", "site"},
		{"an interval that is none", []string{"--interval", "1us"}, 2, "", "interval: 1µs is not"},
		{"an interval of nothing", []string{"--interval", "0s"}, 2, "", "interval: 0s is not 100ms to 1h0m0s"},
		{"an interval before none", []string{"--interval", "-5s"}, 2, "", "interval: -5s is not"},
		{"an interval without a unit", []string{"--interval", "10"}, 2, "", "missing unit in duration"},
		{"an interval of nothing in the file", []string{"--config", still}, 1, "", "still.yaml:2: interval: 0s is not 100ms to 1h0m0s"},
		{"a node that is none", []string{"once", "--node", "pi"}, 2, "", "want a MAC address"},
		{"a node that stands for none", []string{"once", "--node", "000000000000"}, 2, "", "stands for no node"},
		{"a file that is missing", []string{"--config", nameless + "/none"}, 1, "", "none: no such file"},
		{"a key that is unknown", []string{"--config", typo}, 1, "", `agent.yaml:2: unknown key "brocker", did you mean "broker"?`},
		{"a root that is missing", []string{"scan", "--root", nameless + "/none"}, 1, "", "open root"},
		{"run without an identity", []string{"run", "--root", nameless}, 1, "", "no MAC address below " + nameless + ": give --node"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			status, stdout, stderr := call(t, tt.args...)
			if status != tt.status {
				t.Errorf("status = %d, want %d; stderr: %s", status, tt.status, stderr)
			}
			if !strings.HasPrefix(stdout, tt.stdout) || tt.stdout == "" && stdout != "" {
				t.Errorf("stdout = %q, want it to begin with %q", stdout, tt.stdout)
			}
			if !strings.Contains(stderr, tt.stderr) || tt.stderr == "" && stderr != "" {
				t.Errorf("stderr = %q, want %q in it", stderr, tt.stderr)
			}
		})
	}
}

func TestABadBrokerInTheEnvironmentIsNamed(t *testing.T) {
	t.Setenv("THERMARACK_BROKER", "nonsense")
	status, _, stderr := call(t, "run", "--root", t.TempDir())
	if status != 1 || !strings.Contains(stderr, `environment: broker "nonsense"`) {
		t.Errorf("status %d, stderr %q, want 1 and the environment named", status, stderr)
	}
}

func TestTheBrokerAndSiteComeFromTheEnvironment(t *testing.T) {
	broker := mqtttest.Start(t)
	t.Setenv("THERMARACK_BROKER", broker.URL())
	t.Setenv("THERMARACK_SITE", "hex")
	start(t, "--root", board(t))
	broker.Wait("status of site hex", func(m []mqtttest.Message) bool {
		return len(m) > 0 && m[0].Topic == "thermarack/v1/hex/"+node+"/status"
	})
}

func TestIdentity(t *testing.T) {
	const given = "B8:27:EB:00:00:99"
	tests := []struct {
		name  string
		files map[string]string
		args  []string
		want  wire.Node
		warns bool
	}{
		{"the address of eth0", map[string]string{"eth0/address": "b8:27:eb:00:00:01\n"}, nil, "b827eb000001", false},
		{"eth0 comes before --node", map[string]string{"eth0/address": "b8:27:eb:00:00:01\n"}, []string{"--node", given}, "b827eb000001", false},
		{"the first interface with a device",
			map[string]string{"br0/address": "02:00:00:00:00:01", "end1/address": "02:00:00:00:00:02", "end1/device/x": ""}, nil, "020000000002", false},
		{"--node where there is none", nil, []string{"--node", given}, "b827eb000099", false},
		{"never this machine's", nil, nil, wire.NoNode, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			root := t.TempDir()
			for name, text := range tt.files {
				write(t, filepath.Join(root, "sys/class/net", name), text)
			}
			status, stdout, stderr := call(t, append([]string{"once", "--root", root}, tt.args...)...)
			if want := tt.want.Device("") + ":seq"; status != 0 || !strings.Contains(stdout, want) {
				t.Errorf("status %d, pack %s, want %s in it", status, stdout, want)
			}
			if warned := strings.Contains(stderr, "warning: no MAC address"); warned != tt.warns {
				t.Errorf("stderr = %q, want a warning: %v", stderr, tt.warns)
			}
		})
	}
}

func TestNoLinkLeadsOutOfTheRoot(t *testing.T) {
	root, outside := t.TempDir(), t.TempDir()
	write(t, filepath.Join(outside, "address"), "b8:27:eb:00:00:01\n")
	if err := os.MkdirAll(filepath.Join(root, "sys/class/net"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(outside, filepath.Join(root, "sys/class/net/eth0")); err != nil {
		t.Fatal(err)
	}
	if _, stdout, _ := call(t, "once", "--root", root); !strings.Contains(stdout, wire.NoNode.Device("")) {
		t.Errorf("pack %s, want the node of nobody", stdout)
	}
}

func TestOncePrintsOnePackOnTheGrid(t *testing.T) {
	status, stdout, stderr := call(t, "once", "--root", board(t))
	readings, bad, err := wire.DecodePack([]byte(stdout), time.Time{})
	if status != 0 || err != nil || len(bad) > 0 || len(readings) != 17 {
		t.Fatalf("status %d, %d readings, %v, %v; stderr %s", status, len(readings), bad, err, stderr)
	}
	for _, r := range readings {
		if age := time.Since(r.Time); r.Time.Unix()%10 != 0 || age < 0 || age > time.Minute {
			t.Errorf("%s is stamped %v, want the last instant of the 10 s grid", r.Name(), r.Time)
		}
	}
}

func TestScanOfABoardListsItsParts(t *testing.T) {
	status, stdout, _ := call(t, "scan", "--json", "--root", board(t))
	var rows []map[string]any
	decode(t, stdout, &rows)
	if status != 0 || len(rows) != 19 {
		t.Errorf("status %d, %d rows, want 0 and 19:\n%s", status, len(rows), stdout)
	}
}
