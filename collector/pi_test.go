package main_test

import (
	"encoding/json"
	"fmt"
	"math"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// The lowest layer that can be had without a Pi: Debian's kernel with its drivers
// for the I²C controller, the SoC's temperature and the network, parts that are
// warmed and cooled while the agent runs, and the collector on the host.
func TestAnEmulatedPiIsReadThroughARealKernel(t *testing.T) {
	if os.Getenv("THERMARACK_PI") != "1" {
		t.Skip("boots an emulated Raspberry Pi; make test-pi fetches what that takes and runs it")
	}
	needs(t)
	const patience = 3 * time.Minute // a busy machine emulates slowly, and then the agent's second search finds what its first was late for
	c := startCollector(t, "serve", "--mqtt", "127.0.0.1:0")
	power := time.Now()
	pi := bootPi(t, c.MQTT)
	until(t, patience, "the SoC's temperature is stored", c.shows(t, pi.urn+"_soc:temperature", 25.178)) // QEMU's is constant
	t.Logf("%.1f s from power to the first reading in the store", time.Since(power).Seconds())

	tests := []struct {
		name, id, device string
		celsius          []float64 // no two alike, so that no part passes for another
	}{
		{"a part that the agent drives", "ours", "_i2c1-48", []float64{21.5, 43.5, -12.5}},
		{"a part that the kernel drives", "kernels", "_i2c1-49", []float64{20, 38.5, -20}},
		{"a part behind a multiplexer", "behind", "_i2c1-70-3-4a", []float64{18.5, 61, -0.5}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			for _, want := range tt.celsius {
				pi.warm(t, tt.id, want)
				until(t, patience, fmt.Sprintf("%s is stored with %v °C", tt.device, want), c.shows(t, pi.urn+tt.device+":temperature", want))
			}
		})
	}
}

// shows returns a question for until: whether the last value that is stored of a
// sensor is want, but for the store's rounding.
func (c *collector) shows(t *testing.T, sensor string, want float64) func() bool {
	path := "/api/v1/series?sensor=" + sensor
	return func() bool {
		t.Helper()
		if c.status(t, path) != http.StatusOK {
			return false // nothing has come
		}
		var series struct{ Points []struct{ Value float64 } }
		c.decode(t, path, &series)
		last := len(series.Points) - 1
		return last >= 0 && math.Abs(series.Points[last].Value-want) < 0.001
	}
}

// A pi is an emulated Raspberry Pi 3B that runs the agent.
type pi struct {
	urn string // of the node

	mu      sync.Mutex // held from a command to its answer
	control net.Conn
	answers *json.Decoder
}

// bootPi switches a Pi on and returns when its agent has started. QEMU's emulation
// or the kernel's drivers for it panic now and then on a busy machine, before
// anything of ours runs: such a Pi is switched on again, twice.
func bootPi(t *testing.T, broker string) *pi {
	t.Helper()
	for range 2 {
		if p := tryPi(t, broker); p != nil {
			return p
		}
	}
	p := tryPi(t, broker)
	if p == nil {
		t.Fatal("the kernel of the emulated Pi has panicked three times")
	}
	return p
}

// tryPi switches a Pi on. Its agent publishes to broker, an address on the host's
// loopback. On its bus are "ours" at 0x48, "kernels" at 0x49, and "behind" at 0x4a
// on channel 3 of a multiplexer. The console is its standard output, which is logged if the test fails. It
// returns nil if the kernel panics before it has started the agent.
func tryPi(t *testing.T, broker string) *pi {
	t.Helper()
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	cache = filepath.Join(cache, "thermarack", "pi")
	_, port, err := net.SplitHostPort(broker)
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.ListenTCP("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	machine := start(t, false, filepath.Join(cache, "qemu-system-aarch64"),
		"-M", "raspi3b", "-m", "1G", "-display", "none", "-monitor", "none", "-no-reboot",
		"-kernel", only(t, filepath.Join(cache, "guest/boot/vmlinuz-*")),
		"-dtb", only(t, filepath.Join(cache, "guest/usr/lib/linux-image-*/broadcom/bcm2837-rpi-3-b.dtb")),
		"-initrd", piRoot(t, filepath.Join(cache, "guest")),
		// 10.0.2.2 is what a guest of QEMU calls the host.
		"-append", fmt.Sprintf("console=ttyS1,115200 loglevel=3 panic=-1 maxcpus=2 random.trust_bootloader=on NOW=%d THERMARACK_BROKER=tcp://10.0.2.2:%s", time.Now().Unix(), port),
		"-serial", "null", "-serial", "stdio",
		"-device", "tmp105,id=ours,bus=i2c-bus.1,address=0x48",
		"-device", "tmp105,id=kernels,bus=i2c-bus.1,address=0x49",
		"-device", "pca9548,bus=i2c-bus.1,address=0x70",
		"-device", "tmp105,id=behind,bus=i2c.3,address=0x4a",
		"-netdev", "user,id=net", "-device", "usb-net,netdev=net,mac=b8:27:eb:00:00:03",
		"-qmp", "tcp:"+listener.Addr().String())
	if err := listener.SetDeadline(time.Now().Add(30 * time.Second)); err != nil {
		t.Fatal(err)
	}
	control, err := listener.Accept()
	if err != nil {
		t.Fatalf("QEMU has not come: %v", err)
	}
	t.Cleanup(func() { control.Close() })
	p := &pi{urn: "urn:dev:mac:4027ebfffe000003", control: control, answers: json.NewDecoder(control)} // QEMU has its USB networks begin with 40
	p.command(t, `{"execute": "qmp_capabilities"}`)
	if machine.panics(t) {
		machine.kill()
		return nil
	}
	return p
}

// panics waits until the console shows that the agent has started, or that it
// never will.
func (d *daemon) panics(t *testing.T) (panicked bool) {
	t.Helper()
	until(t, 3*time.Minute, "the agent starts on the emulated Pi", func() bool {
		console := d.more.String()
		if panicked = strings.Contains(console, "Kernel panic") || strings.Contains(console, "System halted"); panicked {
			t.Logf("the kernel of the emulated Pi panicked:\n%s", console)
		}
		return panicked || strings.Contains(console, "msg=starting")
	})
	return panicked
}

// warm makes a part that hot, or cold, at once.
func (p *pi) warm(t *testing.T, id string, celsius float64) {
	t.Helper()
	p.command(t, fmt.Sprintf(`{"execute": "qom-set", "arguments": {"path": "/machine/peripheral/%s", "property": "temperature", "value": %.0f}}`, id, celsius*1000))
}

// command has QEMU do something. Source: QEMU Machine Protocol Specification.
func (p *pi) command(t *testing.T, line string) {
	t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	if _, err := fmt.Fprintln(p.control, line); err != nil {
		t.Fatal(err)
	}
	for { // the greeting and events may come before the answer
		var answer struct {
			Return *json.RawMessage
			Error  *struct{ Desc string }
		}
		if err := p.answers.Decode(&answer); err != nil {
			t.Fatalf("answer to %s: %v", line, err)
		}
		if answer.Error != nil {
			t.Fatalf("answer to %s: %s", line, answer.Error.Desc)
		}
		if answer.Return != nil {
			return
		}
	}
}

// piRoot makes the Pi's root: what was fetched for it, the first process and the
// agent.
func piRoot(t *testing.T, guest string) string {
	t.Helper()
	dir := t.TempDir()
	agent := filepath.Join(dir, "agent")
	compile := exec.Command("go", "build", "-ldflags", "-s -w", "-o", agent, "thermarack/agent")
	compile.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH=arm64")
	if out, err := compile.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	file, err := os.Create(filepath.Join(dir, "initramfs"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	a := initramfs{w: file}
	a.addTree(t, guest, "bin")
	a.addTree(t, guest, "lib")
	a.addFile(t, agent, "bin/thermarack-agent")
	a.addFile(t, "testdata/pi/init", "init")
	if err := a.close(); err != nil {
		t.Fatal(err)
	}
	return file.Name()
}

// only returns the one file that matches pattern.
func only(t *testing.T, pattern string) string {
	t.Helper()
	files, err := filepath.Glob(pattern)
	if err != nil || len(files) != 1 {
		t.Fatalf("%s matches %q, want one file (%v); .ci/test-pi-deps fetches it", pattern, files, err)
	}
	return files[0]
}
