package main

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

const (
	warmUp = 45 * time.Second // what starting costs, and the first trim
	window = 2 * time.Minute
)

const throttledFile = "sys/devices/platform/soc/soc:firmware/get_throttled"

// BenchmarkFootprint runs the agent and what an operator would run in its stead
// side by side, each on seven temperatures every 10 s, and reports what they take
// of the host: megabytes resident and of those anonymous, and seconds of CPU an
// hour.
//
// It needs mosquitto, and THERMARACK_PEERS: the folder that .ci/bench-deps fills.
func BenchmarkFootprint(b *testing.B) {
	peers := os.Getenv("THERMARACK_PEERS")
	if peers == "" {
		b.Skip("set THERMARACK_PEERS to the folder that .ci/bench-deps prints")
	}
	dir := b.TempDir()
	root := filepath.Join(dir, "root")
	probes(b, root, 7)
	broker := startMosquitto(b, dir)
	programs := []*program{
		thermarack(b, dir, root, broker),
		collectd(b, dir, peers, broker),
		telegraf(b, dir, peers, root, broker),
		nodeExporter(b, dir, peers, root),
	}
	after(b, warmUp)
	for _, p := range programs {
		p.before = p.measure(b)
	}
	after(b, window)
	for _, p := range programs {
		now := p.measure(b)
		b.Run(p.name, func(b *testing.B) {
			for b.Loop() { // the window was the one iteration
			}
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(now.resident, "MB-resident")
			b.ReportMetric(now.anonymous, "MB-anonymous")
			b.ReportMetric((now.cpu-p.before.cpu).Seconds()*float64(time.Hour/window), "CPU-s/h")
		})
	}
}

// after waits for the wall clock: there is no event to wait for.
func after(b *testing.B, d time.Duration) {
	b.Helper()
	select {
	case <-time.After(d):
	case <-b.Context().Done():
		b.Fatal(b.Context().Err())
	}
}

// probes writes the kernel's files of n DS18B20 and a SoC below root, also as the
// chips and zone that the peers look for.
func probes(b *testing.B, root string, n int) {
	b.Helper()
	put := func(name, text string) {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			b.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			b.Fatal(err)
		}
	}
	put("sys/class/net/eth0/address", "b8:27:eb:00:00:01\n")
	put("sys/class/thermal/thermal_zone0/type", "cpu-thermal\n")
	put("sys/class/thermal/thermal_zone0/temp", "48312\n")
	put(throttledFile, "0\n")
	const text = "91 01 4b 46 7f ff 0f 10 25 : crc=25 YES\n91 01 4b 46 7f ff 0f 10 25 t=25062\n"
	for i := range n {
		put(fmt.Sprintf("sys/bus/w1/devices/28-%012x/w1_slave", i+1), text)
		put(fmt.Sprintf("sys/class/hwmon/hwmon%d/name", i), "w1_slave_temp\n")
		put(fmt.Sprintf("sys/class/hwmon/hwmon%d/temp1_input", i), "25062\n")
	}
}

// A program is a process whose use of the host is measured.
type program struct {
	name   string
	pid    int
	before footprint
}

// A footprint is what a process takes.
type footprint struct {
	resident, anonymous float64       // MB of 10⁶ bytes
	cpu                 time.Duration // since it began
}

// measure reads proc/<pid>/status, and the nanoseconds of every thread.
func (p *program) measure(b *testing.B) footprint {
	b.Helper()
	proc := filepath.Join("/proc", strconv.Itoa(p.pid))
	status, err := os.ReadFile(filepath.Join(proc, "status"))
	if err != nil {
		b.Fatalf("%s has ended: %v", p.name, err)
	}
	var u footprint
	for line := range strings.Lines(string(status)) {
		fields := strings.Fields(line)
		switch fields[0] {
		case "VmRSS:":
			u.resident = kilobytes(b, fields[1])
		case "RssAnon:":
			u.anonymous = kilobytes(b, fields[1])
		}
	}
	threads, err := filepath.Glob(filepath.Join(proc, "task/*/schedstat"))
	if err != nil || len(threads) == 0 {
		b.Fatalf("%s: no threads: %v", p.name, err)
	}
	for _, thread := range threads {
		text, err := os.ReadFile(thread)
		if err != nil {
			continue // it has just ended
		}
		first, _, _ := strings.Cut(string(text), " ")
		ns, err := strconv.ParseInt(first, 10, 64)
		if err != nil {
			b.Fatalf("%s: %v", thread, err)
		}
		u.cpu += time.Duration(ns)
	}
	return u
}

// kilobytes returns kB of 1024 bytes in MB.
func kilobytes(b *testing.B, text string) float64 {
	b.Helper()
	n, err := strconv.Atoi(text)
	if err != nil {
		b.Fatal(err)
	}
	return float64(n) * 1024 / 1e6
}

// launch starts a program that ends with the benchmark.
func launch(b *testing.B, name string, cmd *exec.Cmd) *program {
	b.Helper()
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		b.Fatalf("start %s: %v", name, err)
	}
	b.Cleanup(func() {
		_ = cmd.Process.Kill() // it may have ended
		_ = cmd.Wait()
		if b.Failed() {
			b.Logf("%s said:\n%s", name, said.Bytes())
		}
	})
	return &program{name: name, pid: cmd.Process.Pid}
}

// file writes a configuration and returns its path.
func file(b *testing.B, dir, name, text string) string {
	b.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		b.Fatal(err)
	}
	return path
}

func freePort(b *testing.B) string {
	b.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	defer l.Close()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	return port
}

// startMosquitto returns the port of a broker that takes all of it.
func startMosquitto(b *testing.B, dir string) (port string) {
	b.Helper()
	port = freePort(b)
	conf := file(b, dir, "mosquitto.conf", "listener "+port+" 127.0.0.1\nallow_anonymous true\npersistence false\nuser root\n")
	path, err := exec.LookPath("mosquitto")
	if err != nil {
		path = "/usr/sbin/mosquitto"
	}
	launch(b, "mosquitto", exec.CommandContext(b.Context(), path, "-c", conf))
	return port
}

func thermarack(b *testing.B, dir, root, port string, more ...string) *program {
	b.Helper()
	binary := filepath.Join(dir, "thermarack-agent")
	build := exec.CommandContext(b.Context(), "go", append(asMakeAgentsDoes(), "-o", binary, ".")...)
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		b.Fatalf("build: %v\n%s", err, out)
	}
	args := append([]string{"run", "--broker", "tcp://127.0.0.1:" + port, "--interval", "10s"}, more...)
	if os.Geteuid() != 0 {
		return launch(b, "thermarack-agent", exec.CommandContext(b.Context(), binary, append(args, "--root", root)...))
	}
	// As on a Pi, where the root is the root: with --root each link of a path is
	// looked at. And the throttled word is a file of the kernel's, which can be waited
	// for: another attribute that reads 0.
	script := fmt.Sprintf("mount --bind /sys/kernel/profiling %q && mount --rbind %q /sys && exec %q %s",
		filepath.Join(root, throttledFile), filepath.Join(root, "sys"), binary, strings.Join(args, " "))
	return launch(b, "thermarack-agent", exec.CommandContext(b.Context(), "unshare", "-m", "sh", "-c", script))
}

func collectd(b *testing.B, dir, peers, port string) *program {
	b.Helper()
	root := filepath.Join(peers, "root")
	conf := file(b, dir, "collectd.conf", fmt.Sprintf(`
BaseDir %q
PIDFile %q
PluginDir %q
TypesDB %q
Interval 10
LoadPlugin thermal
LoadPlugin cpu
LoadPlugin memory
LoadPlugin mqtt
<Plugin mqtt>
  <Publish "peer">
    Host "127.0.0.1"
    Port %s
    ClientId "collectd"
    QoS 1
    Prefix "collectd"
  </Publish>
</Plugin>
`, dir, filepath.Join(dir, "collectd.pid"), filepath.Join(root, "usr/lib/collectd"), filepath.Join(root, "usr/share/collectd/types.db"), port))
	cmd := exec.CommandContext(b.Context(), filepath.Join(root, "usr/sbin/collectd"), "-f", "-C", conf)
	cmd.Env = append(os.Environ(), "LD_LIBRARY_PATH="+filepath.Join(root, "usr/lib/x86_64-linux-gnu"))
	return launch(b, "collectd", cmd)
}

func telegraf(b *testing.B, dir, peers, root, port string) *program {
	b.Helper()
	conf := file(b, dir, "telegraf.conf", fmt.Sprintf(`
[agent]
  interval = "10s"
  flush_interval = "10s"
[[inputs.temp]]
  add_device_tag = true
[[inputs.cpu]]
[[inputs.mem]]
[[outputs.mqtt]]
  servers = ["tcp://127.0.0.1:%s"]
  topic = "telegraf/{{ .PluginName }}"
  qos = 1
  data_format = "influx"
`, port))
	cmd := exec.CommandContext(b.Context(), filepath.Join(peers, "bin/telegraf"), "--config", conf)
	cmd.Env = append(os.Environ(), "HOST_SYS="+filepath.Join(root, "sys"))
	return launch(b, "telegraf", cmd)
}

// nodeExporter is scraped every 10 s, as Prometheus would.
func nodeExporter(b *testing.B, dir, peers, root string) *program {
	b.Helper()
	address := "127.0.0.1:" + freePort(b)
	p := launch(b, "node_exporter", exec.CommandContext(b.Context(), filepath.Join(peers, "root/usr/bin/prometheus-node-exporter"),
		"--web.listen-address="+address, "--path.sysfs="+filepath.Join(root, "sys"), "--collector.disable-defaults",
		"--collector.hwmon", "--collector.thermal_zone", "--collector.cpu", "--collector.meminfo"))
	go func() {
		tick := time.NewTicker(10 * time.Second)
		defer tick.Stop()
		for {
			select {
			case <-b.Context().Done():
				return
			case <-tick.C:
			}
			if answer, err := http.Get("http://" + address + "/metrics"); err == nil {
				_, _ = io.Copy(io.Discard, answer.Body) // what it costs is all that matters
				_ = answer.Body.Close()
			}
		}
	}()
	return p
}
