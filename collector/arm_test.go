package main_test

import (
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// The agents as a Pi gets them: cross-built, static, run by an emulator of the
// processor, publishing to a real collector.
func TestTheARMAgentsRunAndPublish(t *testing.T) {
	needs(t, "qemu-arm-static", "qemu-aarch64-static")
	layout := filepath.Join(t.TempDir(), "layout.yaml")
	write(t, layout, oneShelf)
	c := startCollector(t, "serve", "--mqtt", "127.0.0.1:0", "--layout", layout)
	tests := []struct{ name, arch, arm, emulator, mac string }{
		{"armv6", "arm", "6", "qemu-arm-static", "b8:27:eb:00:00:06"},
		{"armv7", "arm", "7", "qemu-arm-static", "b8:27:eb:00:00:07"},
		{"arm64", "arm64", "", "qemu-aarch64-static", "b8:27:eb:00:00:64"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			agent := filepath.Join(t.TempDir(), "agent")
			compile := exec.Command("go", "build", "-o", agent, "thermarack/agent")
			compile.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH="+tt.arch, "GOARM="+tt.arm)
			if out, err := compile.CombinedOutput(); err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			root := t.TempDir()
			plainPi(t, root)
			write(t, filepath.Join(root, "sys/class/net/eth0/address"), tt.mac+"\n")
			pack, err := exec.Command(tt.emulator, agent, "once", "--root", root).Output()
			if err != nil || !strings.Contains(string(pack), `_soc:temperature","u":"Cel","v":46.16`) {
				t.Errorf("once: %s, %v", pack, err)
			}
			start(t, false, tt.emulator, agent, "run", "--root", root, "--broker", "tcp://"+c.MQTT, "--interval", "1s")
			device := "urn:dev:mac:b827ebfffe0000" + tt.mac[len(tt.mac)-2:] + "_soc:temperature"
			until(t, time.Minute, "a reading of "+tt.mac+" is stored", func() bool {
				return c.status(t, "/api/v1/series?sensor="+device) == http.StatusOK
			})
		})
	}
}
