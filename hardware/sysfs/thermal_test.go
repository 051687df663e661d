package sysfs_test

import (
	"errors"
	"io/fs"
	"strings"
	"syscall"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"thermarack/hardware/sysfs"
)

func TestZonesReadsTheSoCOfAPi(t *testing.T) {
	t.Parallel()
	got, err := sysfs.Zones(board(t, "pi3b"))
	if err != nil {
		t.Fatal(err)
	}
	want := []sysfs.Zone{{Dir: "sys/class/thermal/thermal_zone0", Type: "cpu-thermal", Celsius: 48.312}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

func TestZonesListsBrokenOnesWithTheirReasonInNumericOrder(t *testing.T) {
	t.Parallel()
	got, err := sysfs.Zones(board(t, "broken"))
	if err != nil {
		t.Fatal(err)
	}
	want := `thermal_zone0 "cpu-thermal" ! sysfs: sys/class/thermal/thermal_zone0/temp: "hot" is not an integer of 64 bits
thermal_zone1 "" ! sysfs: sys/class/thermal/thermal_zone1/type: file does not exist
thermal_zone2 "pmic-thermal" ! sysfs: sys/class/thermal/thermal_zone2/temp: -61000 millidegrees are outside -60 to 200 °C
thermal_zone9 "gone-thermal" ! sysfs: sys/class/thermal/thermal_zone9/temp: file does not exist
thermal_zone10 "acpitz" -44
`
	if diff := cmp.Diff(want, listZones(got)); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

func TestZonesKeepsTheErrnoOfADriver(t *testing.T) {
	t.Parallel()
	const temp = "sys/class/thermal/thermal_zone0/temp"
	for _, errno := range []error{syscall.EINVAL, syscall.EIO, syscall.ENODATA, fs.ErrNotExist} {
		zones, err := sysfs.Zones(trapped{board(t, "pi3b"), map[string]error{temp: errno}})
		if err != nil || len(zones) != 1 {
			t.Fatalf("%v: got %v, %v, want the zone", errno, zones, err)
		}
		if z := zones[0]; !errors.Is(z.Err, errno) || !strings.Contains(z.Err.Error(), temp) || z.Type != "cpu-thermal" {
			t.Errorf("%v: got %+v, want the type, and the errno with the file", errno, z)
		}
	}
}

func TestAHostWithoutSensorsIsNoError(t *testing.T) {
	t.Parallel()
	empty := fstest.MapFS{}
	if zones, err := sysfs.Zones(empty); err != nil || len(zones) != 0 {
		t.Errorf("Zones: got %v, %v, want none", zones, err)
	}
	if chips, err := sysfs.Chips(empty); err != nil || len(chips) != 0 {
		t.Errorf("Chips: got %v, %v, want none", chips, err)
	}
}

func TestAListingThatFailsIsAnError(t *testing.T) {
	t.Parallel()
	root := trapped{board(t, "pi3b"), map[string]error{
		"sys/class/thermal": syscall.EIO,
		"sys/class/hwmon":   syscall.EIO,
		"sys/class/net":     syscall.EIO,
	}}
	_, zonesErr := sysfs.Zones(root)
	_, chipsErr := sysfs.Chips(root)
	_, _, voltErr := sysfs.UnderVoltage(root)
	_, macErr := sysfs.MAC(root)
	for _, err := range []error{zonesErr, chipsErr, voltErr, macErr} {
		if !errors.Is(err, syscall.EIO) || !strings.Contains(err.Error(), "sys/class/") {
			t.Errorf("err = %v, want EIO with the directory", err)
		}
	}
}
