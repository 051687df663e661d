package tach_test

import (
	"path/filepath"
	"strings"
	"testing"

	"thermarack/hardware/tach"
)

func TestOpenPinRefusesWhatIsNotOnTheHeader(t *testing.T) {
	t.Parallel()
	for _, n := range []int{-1, 28, 47} {
		if _, err := tach.OpenPin(n); err == nil || !strings.Contains(err.Error(), "0 to 27") {
			t.Errorf("GPIO %d: %v", n, err)
		}
	}
}

func TestOpenPinSaysThatAHostHasNoGPIO(t *testing.T) {
	t.Parallel()
	if chips, _ := filepath.Glob("/dev/gpiochip*"); len(chips) > 0 {
		t.Skip("this host has GPIO, and its lines may be in use")
	}
	if _, err := tach.OpenPin(17); err == nil || !strings.Contains(err.Error(), "no /dev/gpiochip*") {
		t.Errorf("err = %v", err)
	}
}
