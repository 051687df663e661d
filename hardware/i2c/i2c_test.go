package i2c_test

import (
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"thermarack/hardware/fault"
	"thermarack/hardware/i2c"
)

func TestNumbersAreInOrderAndOnlyOfBuses(t *testing.T) {
	t.Parallel()
	root := fstest.MapFS{"dev/i2c-10": {}, "dev/i2c-1": {}, "dev/i2c-x": {}, "dev/tty": {}}
	got, err := i2c.Numbers(root)
	if diff := cmp.Diff([]int{1, 10}, got); diff != "" || err != nil {
		t.Errorf("numbers, %v (-want +got):\n%s", err, diff)
	}
	if got, err := i2c.Numbers(fstest.MapFS{}); len(got) != 0 || err != nil {
		t.Errorf("a host without buses has %v, %v", got, err)
	}
}

func TestOwnerIsTheDriverBehindTheLink(t *testing.T) {
	t.Parallel()
	root := fstest.MapFS{
		"sys/bus/i2c/devices/1-0048/driver":  {Mode: fs.ModeSymlink, Data: []byte("../../../../bus/i2c/drivers/lm75")},
		"sys/bus/i2c/devices/1-0049/name":    {Data: []byte("tmp105\n")},
		"sys/class/i2c-adapter/i2c-1/name":   {Data: []byte("bcm2835 (i2c@7e804000)\n")},
		"sys/bus/i2c/devices/i2c-11/name":    {Data: []byte("i2c-1-mux (chan_id 0)\n")},
		"sys/bus/i2c/devices/11-0076/driver": {Mode: fs.ModeSymlink, Data: []byte("../../../drivers/bmp280")},
	}
	if got := i2c.Owner(root, 1, 0x48); got != "lm75" {
		t.Errorf("owner of 1-0048 = %q, want lm75", got)
	}
	for _, addr := range []uint16{0x49, 0x4a} {
		if got := i2c.Owner(root, 1, addr); got != "" {
			t.Errorf("owner of 1-%04x = %q, want none", addr, got)
		}
	}
	if got := i2c.Name(root, 1); got != "bcm2835 (i2c@7e804000)" {
		t.Errorf("name = %q", got)
	}
	if got := i2c.Name(root, 11); got != "i2c-1-mux (chan_id 0)" {
		t.Errorf("name = %q", got)
	}
}

func TestBlankTellsAFloatingLineFromAShort(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		bytes []byte
		want  string
	}{
		{[]byte{0xff, 0xff}, fault.Floating}, {[]byte{0, 0}, fault.Zeros}, {[]byte{0, 0xff}, ""}, {[]byte{0x19, 0x10}, ""},
	} {
		if got, _ := fault.Of(i2c.Blank("the register", tt.bytes)); got != tt.want {
			t.Errorf("% x: %q, want %q", tt.bytes, got, tt.want)
		}
	}
}

func TestABusThatIsNotThereSaysWhatToDo(t *testing.T) {
	t.Parallel()
	_, err := i2c.Open(9999)
	if err == nil || !strings.Contains(err.Error(), "/dev/i2c-9999") {
		t.Errorf("err = %v, want one that names the file", err)
	}
}
