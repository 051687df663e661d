package sensors_test

import (
	"context"
	"fmt"
	"io/fs"
	"log/slog"
	"strings"
	"testing"
	"testing/fstest"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"thermarack/agent/internal/sensors"
	"thermarack/agent/wire"
	"thermarack/hardware/fault"
)

const node wire.Node = "b827eb000001"

func board(t *testing.T) fs.FS {
	t.Helper()
	archive, err := txtar.ParseFile("testdata/pi.txtar")
	if err != nil {
		t.Fatal(err)
	}
	root, err := txtar.FS(archive)
	if err != nil {
		t.Fatal(err)
	}
	return root
}

// tree is a root of files that a test can change.
func tree(files map[string]string) fstest.MapFS {
	root := fstest.MapFS{}
	for name, text := range files {
		root[name] = &fstest.MapFile{Data: []byte(text)}
	}
	return root
}

func open(root fs.FS) *sensors.Set {
	return sensors.New(sensors.Options{Root: root, Node: node, Log: slog.New(slog.DiscardHandler)})
}

// read returns "<name>=<value>" or "<name>!<reason>" for every sensor, without
// the node's own prefix.
func read(t *testing.T, set *sensors.Set) []string {
	t.Helper()
	var got []string
	for _, sensor := range set.Sensors() {
		name := strings.TrimPrefix(sensor.Name(), node.Device(""))
		readings, err := sensor.Read(t.Context())
		why, rejected := fault.Of(err)
		switch {
		case rejected:
			got = append(got, name+"!"+why)
		case err != nil:
			got = append(got, name+"!"+err.Error())
		}
		for _, r := range readings {
			if r.Name() != sensor.Name() || r.Unit != wire.UnitOf(r.Quantity) {
				t.Errorf("sensor %s gave %+v", sensor.Name(), r)
			}
			got = append(got, fmt.Sprint(name, "=", r.Value, " ", r.Unit))
		}
	}
	return got
}

func TestABoardIsReadWhole(t *testing.T) {
	want := []string{
		"urn:dev:ow:28f6fb1e0d000035:temperature=15.25 Cel",
		"urn:dev:ow:28f938f1321401a6:temperature!zeros",
		"_soc:temperature=48.25 Cel",
		"_zone1:temperature=51 Cel",
		"_soc:throttled=327685 ",
		"_chip-temp1:temperature=44 Cel",
		"_fan1:speed=80 1/s",
		"_fan2:speed=0 1/s",
		"_fan2:duty=0.2 /",
		"_emc2305-temp1:temperature=31 Cel",
		"_emc2305-temp2:temperature!range",
		"_emc2305-temp3:temperature!no-device",
		"_fan3:speed=50 1/s",
		"_fan3:duty=1 /",
		"_rpi-volt-in0:voltage=0.85 V",
	}
	got := read(t, open(board(t)))
	if diff := cmp.Diff(want, got, sorted()); diff != "" {
		t.Errorf("readings (-want +got):\n%s", diff)
	}
}

func TestTheFirstZoneOfTheCPUIsTheSoC(t *testing.T) {
	tests := []struct {
		name  string
		zones map[string]string // number to type; each is as warm as its number
		want  []string
	}{
		{"as kernels call it today", map[string]string{"0": "cpu-thermal"}, []string{"_soc:temperature=0 Cel"}},
		{"as hwmon spells it", map[string]string{"0": "cpu_thermal"}, []string{"_soc:temperature=0 Cel"}},
		{"as older kernels call it", map[string]string{"0": "bcm2835_thermal"}, []string{"_soc:temperature=0 Cel"}},
		{"behind another part's", map[string]string{"0": "nic", "1": "bcm2835_thermal"}, []string{"_zone0:temperature=0 Cel", "_soc:temperature=1 Cel"}},
		{"the lowest number of several", map[string]string{"10": "cpu-thermal", "9": "bcm2835_thermal", "11": "cpu_thermal"},
			[]string{"_soc:temperature=9 Cel", "_zone10:temperature=10 Cel", "_zone11:temperature=11 Cel"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			files := map[string]string{}
			for number, kind := range tt.zones {
				dir := "sys/class/thermal/thermal_zone" + number
				files[dir+"/type"], files[dir+"/temp"] = kind, number+"000"
			}
			if diff := cmp.Diff(tt.want, read(t, open(tree(files)))); diff != "" {
				t.Errorf("readings (-want +got):\n%s", diff)
			}
		})
	}
}

func TestTheSoCIsPublishedOnceOnAnOlderKernel(t *testing.T) {
	root := tree(map[string]string{
		"sys/class/thermal/thermal_zone0/type": "bcm2835_thermal", "sys/class/thermal/thermal_zone0/temp": "48000",
		"sys/class/hwmon/hwmon0/name": "bcm2835_thermal", "sys/class/hwmon/hwmon0/temp1_input": "48000",
	})
	if diff := cmp.Diff([]string{"_soc:temperature=48 Cel"}, read(t, open(root))); diff != "" {
		t.Errorf("readings (-want +got):\n%s", diff)
	}
}

func sorted() cmp.Option {
	return cmp.Transformer("set", func(list []string) map[string]bool {
		set := map[string]bool{}
		for _, s := range list {
			set[s] = true
		}
		return set
	})
}

func TestWhatIsNotPublishedSaysWhy(t *testing.T) {
	got := map[string]string{}
	for _, p := range open(board(t)).Parts() {
		if p.Device == "" {
			got[p.What+" "+p.Address] = p.Note
		}
	}
	want := map[string]string{
		"1-Wire part 01ab5634120000d3": "family 01 is no thermometer that we know",
		"cpu_thermal temp1":            "the same as the thermal zone",
		"w1_slave_temp temp1":          "the same probe as on the 1-Wire bus",
		"hwmon11 hwmon11":              "sysfs: sys/class/hwmon/hwmon11/name: file does not exist",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("notes (-want +got):\n%s", diff)
	}
}

func TestAHostWithoutProbesSaysWhatToDo(t *testing.T) {
	tests := []struct {
		name  string
		files map[string]string
		want  string
	}{
		{"no overlay", map[string]string{"sys/class/net/eth0/address": "x"},
			"no 1-Wire master: add dtoverlay=w1-gpio to config.txt and restart, if this Pi has probes"},
		{"a bus without an answer", map[string]string{"sys/bus/w1/devices/w1_bus_master1/w1_master_slaves": "not found.\n"},
			"no probe answers: check the data wire and its 4.7 kΩ pull-up to 3.3 V"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			parts := open(tree(tt.files)).Parts()
			if len(parts) != 1 || parts[0].Note != tt.want {
				t.Errorf("parts = %+v, want one that says %q", parts, tt.want)
			}
		})
	}
}

// A forbidding root fails the test if a file that measures is opened.
type forbidding struct {
	fs.FS
	t *testing.T
}

func (f forbidding) Open(name string) (fs.File, error) {
	for _, measures := range []string{"_input", "w1_slave", "/temperature", "/temp", "pwm1"} {
		if strings.HasSuffix(name, measures) {
			f.t.Errorf("opened %s", name)
		}
	}
	return f.FS.Open(name)
}

func TestFindingPartsMeasuresNothing(t *testing.T) {
	if n := len(open(forbidding{board(t), t}).Sensors()); n < 10 {
		t.Errorf("%d sensors, want all of them", n)
	}
}

func TestReadingAChannelTouchesNoOther(t *testing.T) {
	for _, sensor := range open(only{board(t), t, "temp1_input"}).Sensors() {
		if strings.Contains(sensor.Name(), "emc2305-temp1") {
			if _, err := sensor.Read(t.Context()); err != nil {
				t.Error(err)
			}
			return
		}
	}
	t.Fatal("no such sensor")
}

// only fails the test if another channel is opened.
type only struct {
	fs.FS
	t    *testing.T
	file string
}

func (o only) Open(name string) (fs.File, error) {
	if strings.HasSuffix(name, "_input") && !strings.HasSuffix(name, "hwmon3/"+o.file) {
		o.t.Errorf("opened %s", name)
	}
	return o.FS.Open(name)
}

func TestFansKeepTheirNumbersWhateverTheKernelNumbers(t *testing.T) {
	chips := func(first, second string) map[string]string {
		return map[string]string{
			"sys/class/hwmon/" + first + "/name": "emc2305", "sys/class/hwmon/" + first + "/fan1_input": "600",
			"sys/class/hwmon/" + second + "/name": "pwmfan", "sys/class/hwmon/" + second + "/fan1_input": "1200",
		}
	}
	want := []string{"_fan1:speed=10 1/s", "_fan2:speed=20 1/s"}
	for _, order := range [][2]string{{"hwmon0", "hwmon1"}, {"hwmon7", "hwmon3"}} {
		if diff := cmp.Diff(want, read(t, open(tree(chips(order[0], order[1]))))); diff != "" {
			t.Errorf("%v (-want +got):\n%s", order, diff)
		}
	}
}

func TestHostileChipNamesStayOffTheWire(t *testing.T) {
	root := tree(map[string]string{
		"sys/class/hwmon/hwmon0/name": "../a:b_c \x1b[31m", "sys/class/hwmon/hwmon0/temp1_input": "1000",
		"sys/class/hwmon/hwmon1/name": "\u202e", "sys/class/hwmon/hwmon1/temp1_input": "2000",
		"sys/class/hwmon/hwmon2/name": strings.Repeat("x", 300), "sys/class/hwmon/hwmon2/temp1_input": "3000",
	})
	want := []string{"_a-b-c-31m-temp1:temperature=1 Cel", "_" + strings.Repeat("x", 40) + "-temp1:temperature=3 Cel", "_chip-temp1:temperature=2 Cel"}
	if diff := cmp.Diff(want, read(t, open(root)), sorted()); diff != "" {
		t.Errorf("readings (-want +got):\n%s", diff)
	}
}

func TestTwoChipsOfOneNameAreToldApart(t *testing.T) {
	root := tree(map[string]string{
		"sys/class/hwmon/hwmon0/name": "nvme", "sys/class/hwmon/hwmon0/temp1_input": "1000",
		"sys/class/hwmon/hwmon1/name": "nvme", "sys/class/hwmon/hwmon1/temp1_input": "2000",
	})
	want := []string{"_nvme-temp1:temperature=1 Cel", "_nvme-2-temp1:temperature=2 Cel"}
	if diff := cmp.Diff(want, read(t, open(root))); diff != "" {
		t.Errorf("readings (-want +got):\n%s", diff)
	}
}

func TestPartsThatComeAndGoAreFollowed(t *testing.T) {
	const bus, dir = "sys/bus/w1/devices/w1_bus_master1/w1_master_slaves", "sys/bus/w1/devices/28-00000d1efbf6/w1_slave"
	with, without := tree(map[string]string{bus: "", dir: "x"}), tree(map[string]string{bus: ""})
	synctest.Test(t, func(t *testing.T) {
		set := open(&scenes{fs.FS(with), fs.FS(without), time.Now().Add(90 * time.Second)})
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
		defer cancel()
		var got []int
		err := set.Run(ctx, func() { got = append(got, len(set.Inventory())) })
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]int{0, 1}, got); diff != "" {
			t.Errorf("sizes of the inventory when it changed (-want +got):\n%s", diff)
		}
	})
}

// scenes is a root that is another for the minute after a time.
type scenes struct {
	always, meanwhile fs.FS
	after             time.Time
}

func (s *scenes) Open(name string) (fs.File, error) {
	if age := time.Since(s.after); age > 0 && age < time.Minute {
		return s.meanwhile.Open(name)
	}
	return s.always.Open(name)
}

func TestThrottlingIsGatheredOverTheInterval(t *testing.T) {
	const file = "sys/devices/platform/soc/soc:firmware/get_throttled"
	synctest.Test(t, func(t *testing.T) {
		words := sequence{FS: tree(map[string]string{"sys/x": ""}), file: file, start: time.Now()}
		set := open(words)
		ctx, cancel := context.WithTimeout(t.Context(), 15*time.Second)
		defer cancel()
		go func() { _ = set.Run(ctx, func() {}) }()
		var got []string
		for range 2 {
			<-time.After(7 * time.Second)
			got = append(got, read(t, set)...)
		}
		// The word is 4 between 3 and 5 s only.
		if diff := cmp.Diff([]string{"_soc:throttled=4 ", "_soc:throttled=0 "}, got); diff != "" {
			t.Errorf("words (-want +got):\n%s", diff)
		}
		<-ctx.Done()
	})
}

// A sequence is a root whose throttled word is 4 from 3 to 5 s after start.
type sequence struct {
	fs.FS
	file  string
	start time.Time
}

func (s sequence) Open(name string) (fs.File, error) {
	if name != s.file {
		return s.FS.Open(name)
	}
	word := "0"
	if age := time.Since(s.start); age > 3*time.Second && age < 5*time.Second {
		word = "4"
	}
	return tree(map[string]string{name: word}).Open(name)
}
