package sensors_test

import (
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"thermarack/agent/internal/sampler"
	"thermarack/hardware/fault"
)

// chips is a host with hwmon chips as the kernel shows them: a link in the class
// leads to where the device is. files are those of the chips by "<device>
// <number> <file>", with the device's directory below sys/devices.
func chips(files map[string]string) fstest.MapFS {
	root := fstest.MapFS{}
	for name, text := range files {
		at := strings.Fields(name)
		place := path.Join("sys/devices", at[0], "hwmon", at[1])
		root[path.Join(place, at[2])] = &fstest.MapFile{Data: []byte(text)}
		root[path.Join(place, "device")] = &fstest.MapFile{Data: []byte("../../../" + path.Base(at[0])), Mode: fs.ModeSymlink}
		link := path.Join("../../devices", at[0], "hwmon", at[1])
		root[path.Join("sys/class/hwmon", at[1])] = &fstest.MapFile{Data: []byte(link), Mode: fs.ModeSymlink}
	}
	return root
}

func TestEveryChannelOfAChipIsPublished(t *testing.T) {
	t.Parallel()
	const i2c = "platform/soc/fe804000.i2c/i2c-1/"
	tests := []struct {
		name  string
		files map[string]string
		want  []string
	}{
		{"by the chip's name", map[string]string{
			"platform/ups hwmon0 name": "max17040", "platform/ups hwmon0 in0_input": "3700", "platform/ups hwmon0 curr1_input": "-250",
			"platform/ups hwmon0 power1_input": "925000", "platform/ups hwmon0 humidity1_input": "41500", "platform/ups hwmon0 temp1_input": "30500",
		}, []string{
			"_max17040-curr1:current=-0.25 A", "_max17040-humidity1:humidity=41.5 %RH", "_max17040-in0:voltage=3.7 V",
			"_max17040-power1:power=0.925 W", "_max17040-temp1:temperature=30.5 Cel",
		}},
		{"a thermometer on an I²C bus by its address", map[string]string{
			i2c + "1-0048 hwmon0 name": "lm75", i2c + "1-0048 hwmon0 temp1_input": "21500",
		}, []string{"_i2c1-48:temperature=21.5 Cel"}},
		{"two quantities of one part", map[string]string{
			i2c + "1-0044 hwmon0 name": "sht3x", i2c + "1-0044 hwmon0 temp1_input": "21500", i2c + "1-0044 hwmon0 humidity1_input": "40000",
		}, []string{"_i2c1-44:humidity=40 %RH", "_i2c1-44:temperature=21.5 Cel"}},
		{"further channels with their own names", map[string]string{
			i2c + "22-004c hwmon0 name": "emc1403", i2c + "22-004c hwmon0 temp1_input": "1000", i2c + "22-004c hwmon0 temp2_input": "2000",
			i2c + "22-004c hwmon0 in0_input": "12", i2c + "22-004c hwmon0 in1_input": "5100",
		}, []string{
			"_i2c22-4c-in0:voltage=0.012 V", "_i2c22-4c:voltage=5.1 V", "_i2c22-4c:temperature=1 Cel", "_i2c22-4c-temp2:temperature=2 Cel",
		}},
		{"fans of a controller on an I²C bus by their number", map[string]string{
			i2c + "10-002f hwmon0 name": "emc2305", i2c + "10-002f hwmon0 fan1_input": "3000", i2c + "10-002f hwmon0 pwm1": "255",
		}, []string{"_fan1:speed=50 1/s", "_fan1:duty=1 /"}},
		{"a zone's copy and what no quantity stands for stay away", map[string]string{
			"virtual/thermal/thermal_zone0 hwmon0 name": "cpu_thermal", "virtual/thermal/thermal_zone0 hwmon0 temp1_input": "48000",
			"platform/gpu hwmon1 name": "gpu", "platform/gpu hwmon1 freq1_input": "500", "platform/gpu hwmon1 energy1_input": "500",
		}, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, read(t, open(chips(tt.files)))); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestAFanTellsWhatIsTrue(t *testing.T) {
	t.Parallel()
	const pi5, hat, controller = "platform/cooling_fan hwmon2 ", "platform/pwm-fan hwmon2 ", "i2c-10/10-002f hwmon2 "
	tests := []struct {
		name  string
		files map[string]string
		want  []string
	}{
		{"the fan of a PoE HAT has a duty and no speed", map[string]string{hat + "name": "pwmfan", hat + "pwm1": "51"}, []string{"_fan1:duty=0.2 /"}},
		{"so has that of the older driver", map[string]string{hat + "name": "rpipoefan", hat + "pwm1": "0", hat + "def_pwm1": "255"}, []string{"_fan1:duty=0 /"}},
		{"a Pi 5's fan that turns", map[string]string{pi5 + "name": "pwmfan", pi5 + "pwm1": "102", pi5 + "fan1_input": "3000"},
			[]string{"_fan1:speed=50 1/s", "_fan1:duty=0.4 /"}},
		{"its tachometer lies", map[string]string{pi5 + "name": "pwmfan", pi5 + "pwm1": "102", pi5 + "fan1_input": "0"},
			[]string{"_fan1:speed!range", "_fan1:duty=0.4 /"}},
		{"it rests", map[string]string{pi5 + "name": "pwmfan", pi5 + "pwm1": "0", pi5 + "fan1_input": "0"},
			[]string{"_fan1:speed=0 1/s", "_fan1:duty=0 /"}},
		{"nobody knows whether it is driven", map[string]string{pi5 + "name": "pwmfan", pi5 + "fan1_input": "0"}, []string{"_fan1:speed!range"}},
		{"another board's fan that stands", map[string]string{hat + "name": "pwmfan", hat + "pwm1": "102", hat + "fan1_input": "0"},
			[]string{"_fan1:speed=0 1/s", "_fan1:duty=0.4 /"}},
		{"a controller's fault is a stall", map[string]string{controller + "name": "emc2305", controller + "pwm1": "255", controller + "fan1_input": "480", controller + "fan1_fault": "1"},
			[]string{"_fan1:speed=0 1/s", "_fan1:duty=1 /"}},
		{"its alarm is none", map[string]string{controller + "name": "emc2305", controller + "fan1_input": "1200", controller + "fan1_fault": "0", controller + "fan1_alarm": "1"},
			[]string{"_fan1:speed=20 1/s"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, read(t, open(chips(tt.files)))); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestTheLieOfAPi5IsExplained(t *testing.T) {
	t.Parallel()
	root := tree(map[string]string{ // copied without its links, so that only the board tells
		"proc/device-tree/model":      "Raspberry Pi 5 Model B Rev 1.0\x00",
		"sys/class/hwmon/hwmon2/name": "pwmfan", "sys/class/hwmon/hwmon2/fan1_input": "0", "sys/class/hwmon/hwmon2/pwm1": "128",
	})
	for _, sensor := range open(root).Sensors() {
		if !strings.HasSuffix(sensor.Name(), ":speed") {
			continue
		}
		readings, err := sensor.Read(t.Context())
		if why, _ := fault.Of(err); why != fault.Range || len(readings) > 0 || !strings.Contains(err.Error(), "raspberrypi/linux#7556") {
			t.Errorf("got %v, %v, want no speed and where to read about it", readings, err)
		}
		return
	}
	t.Error("no such sensor")
}

func TestAChannelIsFoundAgainUnderAnotherNumber(t *testing.T) {
	t.Parallel()
	const i2c = "platform/soc/fe804000.i2c/i2c-1/"
	linked := func(number string) fs.FS {
		return chips(map[string]string{
			i2c + "1-002f " + number + " name": "emc2305", i2c + "1-002f " + number + " fan1_input": "3000", i2c + "1-002f " + number + " fan1_fault": "0",
		})
	}
	flat := func(number string) fs.FS {
		dir := "sys/class/hwmon/" + number + "/"
		return tree(map[string]string{dir + "name": "emc2305", dir + "fan1_input": "3000", dir + "fan1_fault": "0"})
	}
	taken := tree(map[string]string{
		"sys/class/hwmon/hwmon1/name": "pwmfan", "sys/class/hwmon/hwmon1/fan1_input": "600",
		"sys/class/hwmon/hwmon6/name": "emc2305", "sys/class/hwmon/hwmon6/fan1_input": "3000",
	})
	tests := []struct {
		name       string
		before, at fs.FS
		want       []string
	}{
		{"with links", linked("hwmon1"), linked("hwmon6"), []string{"_fan1:speed=50 1/s"}},
		{"without", flat("hwmon1"), flat("hwmon6"), []string{"_fan1:speed=50 1/s"}},
		{"its old one taken by another chip", flat("hwmon1"), taken, []string{"_fan1:speed=50 1/s"}},
		{"or nowhere", linked("hwmon1"), fstest.MapFS{}, []string{"_fan1:speed!no-device"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			root := &changing{FS: tt.before}
			set := open(root)
			root.change(tt.at)
			if diff := cmp.Diff(tt.want, read(t, set)); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestReadingAChannelOpensItsOwnFilesOnly(t *testing.T) {
	t.Parallel()
	root := &changing{FS: chips(map[string]string{
		"i2c-1/1-002f hwmon1 name": "emc2305", "i2c-1/1-002f hwmon1 fan1_input": "3000", "i2c-1/1-002f hwmon1 fan1_fault": "0",
		"i2c-1/1-002f hwmon1 fan2_input": "1", "i2c-1/1-002f hwmon1 temp1_input": "2",
	})}
	sensor := open(root).Sensors()[0]
	root.change(root.FS)
	if _, err := sensor.Read(t.Context()); err != nil {
		t.Fatal(err)
	}
	const dir = "sys/devices/i2c-1/1-002f/hwmon/hwmon1/"
	if diff := cmp.Diff(map[string]int{dir + "fan1_input": 1, dir + "fan1_fault": 1}, root.opened); diff != "" || len(root.listed) > 0 {
		t.Errorf("listed %v, opened (-want +got):\n%s", root.listed, diff)
	}
}

// BenchmarkReadAChannel reads one channel of a chip that has many, from files
// linked as the kernel links them.
func BenchmarkReadAChannel(b *testing.B) {
	sensor := benchmarked(b, "_fan2:speed")
	for b.Loop() {
		if _, err := sensor.Read(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkReadTheThrottledWord reads the firmware's word and the alarm, as is
// done every two seconds.
func BenchmarkReadTheThrottledWord(b *testing.B) {
	sensor := benchmarked(b, "_soc:throttled")
	for b.Loop() {
		if _, err := sensor.Read(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
}

// benchmarked returns a sensor of testdata/pi.txtar on disk.
func benchmarked(b *testing.B, name string) sampler.Sensor {
	b.Helper()
	archive, err := txtar.ParseFile("testdata/pi.txtar")
	if err != nil {
		b.Fatal(err)
	}
	dir := b.TempDir()
	for _, f := range archive.Files {
		file := filepath.Join(dir, filepath.FromSlash(strings.Replace(f.Name, "sys/class/hwmon/", "sys/devices/hwmon/", 1)))
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			b.Fatal(err)
		}
		if err := os.WriteFile(file, f.Data, 0o644); err != nil {
			b.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(dir, "sys/class/hwmon"), 0o755); err != nil {
		b.Fatal(err)
	}
	for _, chip := range []string{"hwmon1", "hwmon3"} {
		if err := os.Symlink("../../devices/hwmon/"+chip, filepath.Join(dir, "sys/class/hwmon", chip)); err != nil {
			b.Fatal(err)
		}
	}
	for _, sensor := range open(os.DirFS(dir)).Sensors() {
		if strings.HasSuffix(sensor.Name(), name) {
			return sensor
		}
	}
	b.Fatalf("no sensor %s", name)
	return nil
}
