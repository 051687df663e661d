package i2c

import (
	"errors"
	"fmt"
	"syscall"
	"testing"

	"thermarack/hardware/fault"
)

func TestTheKernelsErrorNumbersGetTheirReason(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		errno syscall.Errno
		want  string
	}{
		{syscall.EREMOTEIO, fault.NoDevice}, {syscall.ENXIO, fault.NoDevice}, {syscall.ETIMEDOUT, fault.Timeout},
		{syscall.EAGAIN, fault.Timeout}, {syscall.EIO, fault.CRC}, {syscall.EACCES, ""},
	} {
		got, _ := fault.Of(explain(0x48, fmt.Errorf("sysfs-i2c: %v", tt.errno)))
		if got != tt.want {
			t.Errorf("%v: reason %q, want %q", tt.errno, got, tt.want)
		}
	}
	if err := explain(0x48, nil); err != nil {
		t.Errorf("no error became %v", err)
	}
	odd := errors.New("odd")
	if err := explain(0x48, odd); !errors.Is(err, odd) {
		t.Errorf("%v lost its cause", err)
	}
}
