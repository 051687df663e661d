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

func TestIdentityReadsTheDeviceTreeAndTheNetwork(t *testing.T) {
	t.Parallel()
	root := fstest.MapFS{
		"proc/device-tree/model":         {Data: []byte("Raspberry Pi 3 Model B Rev 1.2\x00")},
		"proc/device-tree/serial-number": {Data: []byte("00000000abcdef01\x00")},
		"sys/class/net/eth0/address":     {Data: []byte("B8:27:EB:00:00:01\n")},
	}
	got, err := sysfs.Identity(root)
	if err != nil {
		t.Fatal(err)
	}
	want := sysfs.Host{Model: "Raspberry Pi 3 Model B Rev 1.2", Serial: "00000000abcdef01", MAC: "b827eb000001"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

func TestIdentityLeavesOutWhatAHostHasNot(t *testing.T) {
	t.Parallel()
	got, err := sysfs.Identity(fstest.MapFS{})
	if err != nil || got != (sysfs.Host{}) {
		t.Errorf("got %+v, %v, want nothing", got, err)
	}
	if _, err := sysfs.Model(fstest.MapFS{}); !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "proc/device-tree/model") {
		t.Errorf("Model: err = %v, want fs.ErrNotExist with the file", err)
	}
}

func TestIdentityReportsWhatCannotBeReadBesideTheRest(t *testing.T) {
	t.Parallel()
	const serial = "proc/device-tree/serial-number"
	root := trapped{
		fstest.MapFS{"proc/device-tree/model": {Data: []byte("a board\x00")}, serial: {}},
		map[string]error{serial: syscall.EIO},
	}
	got, err := sysfs.Identity(root)
	if got.Model != "a board" || !errors.Is(err, syscall.EIO) || !strings.Contains(err.Error(), serial) {
		t.Errorf("got %+v, %v, want the model, and EIO with the file", got, err)
	}
}

func TestModelIsFoundBehindAnAbsoluteLink(t *testing.T) {
	t.Parallel()
	root := fstest.MapFS{"sys/firmware/devicetree/base/model": {Data: []byte("Raspberry Pi 5 Model B Rev 1.0\x00")}}
	if got, err := sysfs.Model(root); err != nil || got != "Raspberry Pi 5 Model B Rev 1.0" {
		t.Errorf("got %q, %v, want the board", got, err)
	}
}

func TestMACPrefersEth0ThenRealInterfacesByName(t *testing.T) {
	t.Parallel()
	address := func(s string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(s + "\n")} }
	device := &fstest.MapFile{Data: []byte("../../../nowhere"), Mode: fs.ModeSymlink}
	tests := []struct {
		name string
		root fstest.MapFS
		want string
	}{
		{"eth0 even if it has no device", fstest.MapFS{
			"sys/class/net/end0/address": address("b8:27:eb:00:00:02"), "sys/class/net/end0/device": device,
			"sys/class/net/eth0/address": address("b8:27:eb:00:00:01"),
		}, "b827eb000001"},
		{"the first with a device, though its link leads nowhere", fstest.MapFS{
			"sys/class/net/br0/address":       address("02:00:00:00:00:01"),
			"sys/class/net/wlan0/address":     address("b8:27:eb:00:00:03"),
			"sys/class/net/wlan0/device":      device,
			"sys/class/net/end0/address":      address("b8:27:eb:00:00:02"),
			"sys/class/net/end0/device":       device,
			"sys/class/net/bonding_masters":   address("bond0"),
			"sys/class/net/lo/address":        address("00:00:00:00:00:00"),
			"sys/class/net/a-modem0/device":   device,
			"sys/class/net/a-modem0/ifindex":  address("7"),
			"sys/class/net/b-tunnel/address":  address(""),
			"sys/class/net/b-tunnel/device":   device,
			"sys/class/net/c-gadget0/address": address("00:00:00:00:00:00"),
			"sys/class/net/c-gadget0/device":  device,
		}, "b827eb000002"},
		{"another if eth0 has no address yet", fstest.MapFS{
			"sys/class/net/eth0/address":  address("00:00:00:00:00:00"),
			"sys/class/net/wlan0/address": address("b8:27:eb:00:00:03"), "sys/class/net/wlan0/device": device,
		}, "b827eb000003"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := sysfs.MAC(tt.root)
			if err != nil || got != tt.want {
				t.Errorf("got %q, %v, want %q", got, err, tt.want)
			}
		})
	}
}

func TestMACRefusesWhatNamesNoHost(t *testing.T) {
	t.Parallel()
	for _, s := range []string{"", "00:00:00:00:00:00", "ff:ff:ff:ff:ff:ff", "b8:27:eb:00:00", "b8:27:eb:00:00:01:02", "b827eb000001",
		"b8-27-eb-00-00-01", "b8:27:eb:00:00:zz", "b8:27:eb:0:00:001", "80:00:02:08:fe:80:00:00:00:00:00:00:00:02:c9:03:00:00:00:01"} {
		got, err := sysfs.MAC(fstest.MapFS{"sys/class/net/eth0/address": {Data: []byte(s)}})
		if got != "" || !errors.Is(err, sysfs.ErrNoMAC) || !strings.Contains(err.Error(), "eth0/address") {
			t.Errorf("%q: got %q, %v, want ErrNoMAC with the file", s, got, err)
		}
	}
	if _, err := sysfs.MAC(fstest.MapFS{}); err != sysfs.ErrNoMAC {
		t.Errorf("without interfaces: err = %v, want ErrNoMAC", err)
	}
}
