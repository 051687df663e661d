package tach

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"periph.io/x/conn/v3/gpio"
)

var _ Pin = gpio.PinIn(nil)

func TestALineThatCannotBeTakenSaysWhatToDo(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		holder string
		errno  syscall.Errno
		want   string
	}{
		{"onewire@0", syscall.EBUSY, "taken by onewire@0"},
		{"", syscall.EBUSY, "gpioinfo"},
		{"", syscall.EPERM, "group gpio"},
		{"", syscall.EINVAL, "invalid argument"},
	} {
		err := explain(4, tt.holder, fmt.Errorf("line_request ioctl: %w", errors.New(tt.errno.Error())))
		if !strings.Contains(err.Error(), "GPIO 4") || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%v: %v, want %q in it", tt.errno, err, tt.want)
		}
	}
}

func TestWhyThereIsNoChip(t *testing.T) {
	t.Parallel()
	dev := t.TempDir()
	if err := whyNone(dev); !strings.Contains(err.Error(), "no GPIO") {
		t.Errorf("without files: %v", err)
	}
	chip := filepath.Join(dev, "gpiochip0")
	if err := os.WriteFile(chip, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := whyNone(dev); !strings.Contains(err.Error(), "Linux 5.10") {
		t.Errorf("with an old kernel's: %v", err)
	}
	if err := os.Remove(chip); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("missing", chip); err != nil {
		t.Fatal(err)
	}
	if err := whyNone(dev); !errors.Is(err, os.ErrNotExist) || !strings.Contains(err.Error(), "group gpio") {
		t.Errorf("with one that cannot be opened: %v", err)
	}
}

func TestAClosedLineDoesNothing(t *testing.T) {
	t.Parallel()
	var l Line
	if err := l.In(gpio.PullUp, gpio.FallingEdge); err == nil || l.WaitForEdge(time.Second) {
		t.Errorf("err = %v", err)
	}
	l.Close()
}
