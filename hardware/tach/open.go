package tach

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"periph.io/x/conn/v3/driver/driverreg"
	"periph.io/x/conn/v3/gpio"
	"periph.io/x/host/v3/gpioioctl"
)

// lastOnHeader is the highest BCM number that has a pin on a Pi's header. Those
// above serve the board itself: taking one could cut off its SD card or network.
const lastOnHeader = 27

// A Line is a GPIO of the Pi's header, held as an input until it is closed.
type Line struct {
	line *gpioioctl.GPIOLine
}

// OpenPin takes GPIO n for input, with its pull-up. n is the number that
// Broadcom and the Pi's documentation use (BCM), 0 to 27; it is not the number of
// the pin on the header. Whatever else the GPIO served, such as I²C on 2 and 3,
// stops. Open each once, and close it after use.
//
// The error says what to do: there is no GPIO, this user may not use it, or
// somebody else holds the line. The chips are looked for once a process.
func OpenPin(n int) (*Line, error) {
	if n < 0 || n > lastOnHeader {
		return nil, fmt.Errorf("tach: GPIO %d is not on the header; use a BCM number from 0 to %d", n, lastOnHeader)
	}
	// periph has no other way to its chips. It runs the drivers that are linked,
	// which are this one and those of hardware/i2c, and never fails as a whole.
	if _, err := driverreg.Init(); err != nil {
		return nil, fmt.Errorf("tach: start periph: %w", err)
	}
	chip, err := header()
	if err != nil {
		return nil, fmt.Errorf("tach: GPIO %d: %w", n, err)
	}
	if n >= chip.LineCount() {
		return nil, fmt.Errorf("tach: GPIO %d: %s has %d lines only", n, chip.Path(), chip.LineCount())
	}
	l := &Line{chip.ByNumber(n)}
	holder := l.line.Consumer()
	if err := l.In(gpio.PullUp, gpio.NoEdge); err != nil {
		return nil, explain(n, holder, err)
	}
	return l, nil
}

// header returns the chip whose lines are on the header: on a Pi the SoC's or the
// RP1's pin controller, where line n is GPIO n.
func header() (*gpioioctl.GPIOChip, error) {
	var labels []string
	for _, chip := range gpioioctl.Chips {
		if strings.HasPrefix(chip.Label(), "pinctrl-") {
			return chip, nil
		}
		labels = append(labels, chip.Label())
	}
	if len(labels) > 0 {
		return nil, fmt.Errorf("no Raspberry Pi's among the GPIO chips (%s)", strings.Join(labels, ", "))
	}
	return nil, whyNone("/dev")
}

// whyNone says why no chip below dev could be opened.
func whyNone(dev string) error {
	paths, err := filepath.Glob(filepath.Join(dev, "gpiochip*"))
	if err != nil || len(paths) == 0 {
		return fmt.Errorf("no %s/gpiochip*; this kernel has no GPIO", dev)
	}
	f, err := os.Open(paths[0])
	if err != nil {
		return fmt.Errorf("%w; become a member of the group gpio", err)
	}
	_ = f.Close() // nothing was written
	return fmt.Errorf("%s does not speak the second version of the kernel's interface; use Linux 5.10 or newer", paths[0])
}

// explain says what to do about a line that could not be taken. periph keeps only
// the text of the kernel's error.
func explain(n int, holder string, err error) error {
	is := func(e syscall.Errno) bool { return strings.HasSuffix(err.Error(), e.Error()) }
	switch {
	case is(syscall.EBUSY) && holder != "":
		return fmt.Errorf("tach: GPIO %d is taken by %s; free it (a kernel's driver by its overlay in config.txt), or use another", n, holder)
	case is(syscall.EBUSY):
		return fmt.Errorf("tach: GPIO %d is taken; `gpioinfo` says by whom", n)
	case is(syscall.EPERM), is(syscall.EACCES):
		return fmt.Errorf("tach: GPIO %d: %w; become a member of the group gpio", n, err)
	}
	return fmt.Errorf("tach: GPIO %d: %w", n, err)
}

// In switches pull and edges, as gpio.PinIn says.
func (l *Line) In(pull gpio.Pull, edge gpio.Edge) error {
	if l.line == nil {
		return errors.New("the line is closed")
	}
	return l.line.In(pull, edge)
}

// WaitForEdge reports whether an edge came before the timeout, which must be
// positive.
func (l *Line) WaitForEdge(timeout time.Duration) bool {
	return l.line != nil && l.line.WaitForEdge(timeout)
}

// Close gives the line back. No other method may run.
func (l *Line) Close() {
	if l.line != nil {
		l.line.Close()
		l.line = nil
	}
}
