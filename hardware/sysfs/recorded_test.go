package sysfs_test

import (
	"cmp"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"thermarack/hardware/sysfs"
	"thermarack/hardware/sysfs/ttartest"
)

// recorded unpacks a recorded tree, which is not ours to ship, or skips.
func recorded(t *testing.T, archive string) string {
	t.Helper()
	file := filepath.Join(cmp.Or(os.Getenv("THERMARACK_FIXTURES"), "../../../shared/fixtures"), "sysfs", archive)
	if _, err := os.Stat(file); err != nil {
		t.Skipf("no recordings, set THERMARACK_FIXTURES to their directory: %v", err)
	}
	dir := t.TempDir()
	ttartest.Unpack(t, file, dir)
	return dir
}

func TestARecordedServerWithChipsBrokenOnPurpose(t *testing.T) {
	t.Parallel()
	root := os.DirFS(recorded(t, "node_exporter-sys.ttar"))
	chips, err := sysfs.Chips(root)
	if err != nil {
		t.Fatal(err)
	}
	want := `hwmon0 "coretemp"
  temp 1 "Physical id 0" 55
  temp 2 "Core 0" 54
  temp 3 "Core 1" 52
  temp 4 "Core 2" 53
  temp 5 "Core 3" 50
hwmon1 "coretemp"
  temp 1 "Physical id 0" 55
  temp 2 "Core 0" 54
  temp 3 "Core 1" 52
  temp 4 "Core 2" 53
  temp 5 "Core 3" 50
hwmon2 "applesmc"
  fan 1 "Left side" 0
  fan 2 "Right side" 33.3
hwmon3 "nct6779"
  fan 2 "" 18.3
  in 0 "" 0.792
  in 1 "" 1.024 alarm
hwmon4 ! sysfs: sys/class/hwmon/hwmon4/name: no such file or directory
  freq 1 "sclk" 2.14e+08
  freq 2 "mclk" 3e+08
  temp 1 "foosensor" 55
  temp 2 "foosensor" 54
hwmon5 "bogus"
  bogus 1 "Physical id 0" ! sysfs: sys/devices/platform/bogus.0/hwmon/hwmon5/bogus1_input: no unit is known for kind "bogus"
hwmon6 "asus"
hwmon7 "asus_wmi_sensors"
hwmon8 "mt7996_phy0_0"
  temp 1 "" 55
hwmon9 "mt7996_phy0_1"
  temp 1 "" 56
hwmon10 "mt7996_phy0_2"
  temp 1 "" 57
`
	if diff := gocmp.Diff(want, listChips(chips)); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	zones, err := sysfs.Zones(root)
	if diff := gocmp.Diff("thermal_zone0 \"cpu-thermal\" 12.376\n", listZones(zones)); diff != "" || err != nil {
		t.Errorf("err = %v, -want +got\n%s", err, diff)
	}
	aServerHasNoPi(t, root)
}

// aServerHasNoPi says that other power supplies and chips are not taken for a
// Pi's.
func aServerHasNoPi(t *testing.T, root fs.FS) {
	t.Helper()
	if supplies, err := fs.ReadDir(root, "sys/class/power_supply"); err != nil || len(supplies) == 0 {
		t.Fatalf("%v, %v, want other supplies", supplies, err)
	}
	if s, ok, err := sysfs.PoE(root); ok || err != nil {
		t.Errorf("got %+v, %v, want no HAT", s, err)
	}
	if alarm, ok, err := sysfs.UnderVoltage(root); ok || err != nil {
		t.Errorf("got %v, %v, want no such chip", alarm, err)
	}
}

func TestARecordedPi(t *testing.T) {
	t.Parallel()
	root := os.DirFS(filepath.Join(recorded(t, "procfs-fixtures.ttar"), "fixtures"))
	zones, err := sysfs.Zones(root)
	want := "thermal_zone0 \"bcm2835_thermal\" 49.925\nthermal_zone1 \"acpitz\" -44\n"
	if diff := gocmp.Diff(want, listZones(zones)); diff != "" || err != nil {
		t.Errorf("err = %v, -want +got\n%s", err, diff)
	}
	if chips, err := sysfs.Chips(root); err != nil || len(chips) != 0 {
		t.Errorf("got chips %v, %v, want none", chips, err)
	}
	if mac, err := sysfs.MAC(root); err != nil || mac != "010101010101" {
		t.Errorf("got MAC %q, %v, want eth0's", mac, err)
	}
}
