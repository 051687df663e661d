// Package led blinks an LED of the board, so that a person in front of a rack
// finds it.
//
// The kernel's files are https://docs.kernel.org/leds/leds-class.html. Writing
// them takes root, or a udev rule that lends them.
package led

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"strconv"
	"strings"
	"time"
)

// ErrNone reports a host without an LED that is known: no Raspberry Pi, or a
// container that does not show /sys/class/leds.
var ErrNone = errors.New("led: no LED named ACT, led0, PWR or led1 below sys/class/leds")

// An LED is one light of the board.
type LED struct {
	Name string // "ACT"
	root *os.Root
	dir  string
	full string // the brightness of the light when it is on
}

// Find returns the board's LED that blinks best: the green one of activity (ACT,
// led0 on older kernels), else the red one of power (PWR, led1), which a Raspberry
// Pi Zero lacks. Its files are read and nothing is written.
//
// root is the host's; it stays in use and open as long as the LED. The error is
// ErrNone, or names the file that could not be read.
func Find(root *os.Root) (LED, error) {
	for _, name := range []string{"ACT", "led0", "PWR", "led1"} {
		l := LED{Name: name, root: root, dir: path.Join("sys/class/leds", name)}
		full, err := l.read("max_brightness")
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return LED{}, err
		}
		if n, err := strconv.ParseUint(full, 10, 32); err != nil || n == 0 {
			return LED{}, l.inFile("max_brightness", fmt.Errorf("%.30q is no brightness above 0", full))
		}
		l.full = full
		return l, nil
	}
	return LED{}, ErrNone
}

// half is half a period of the 2 Hz at which an LED blinks: faster than a
// heartbeat, slower than the flicker of a busy SD card.
const half = 250 * time.Millisecond

// Blink blinks the LED, beginning with light, until ctx is done, and returns nil
// then. Before it returns, also with an error, it gives the LED back to what
// drove it before, such as the SD card, at the brightness that it had; a trigger
// with settings of its own, such as timer, has the usual ones then.
//
// The error names the file that could not be read or written, and wraps
// fs.ErrPermission where root is needed.
func (l LED) Blink(ctx context.Context) error {
	list, err := l.read("trigger")
	if err != nil {
		return err
	}
	trigger, err := selected(list)
	if err != nil {
		return l.inFile("trigger", err)
	}
	before, err := l.read("brightness")
	if err != nil {
		return err
	}
	if err := l.write("trigger", "none"); err != nil {
		return err
	}
	err = l.blink(ctx)
	// The brightness first, because writing a 0 takes the trigger away.
	return cmp.Or(err, l.write("brightness", before), l.write("trigger", trigger))
}

// blink switches the LED on and off until ctx is done.
func (l LED) blink(ctx context.Context) error {
	tick := time.NewTicker(half)
	defer tick.Stop()
	for on := true; ; on = !on {
		brightness := "0"
		if on {
			brightness = l.full
		}
		if err := l.write("brightness", brightness); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// selected returns the one in brackets of a list of triggers such as
// "none rc-feedback [mmc0] timer".
func selected(list string) (string, error) {
	for trigger := range strings.FieldsSeq(list) {
		if strings.HasPrefix(trigger, "[") && strings.HasSuffix(trigger, "]") && len(trigger) > 2 {
			return trigger[1 : len(trigger)-1], nil
		}
	}
	return "", fmt.Errorf("%.60q has no trigger in brackets", list)
}

func (l LED) read(file string) (string, error) {
	text, err := l.root.ReadFile(path.Join(l.dir, file))
	if err != nil {
		return "", l.inFile(file, err)
	}
	return strings.TrimSpace(string(text)), nil
}

func (l LED) write(file, text string) error {
	f, err := l.root.OpenFile(path.Join(l.dir, file), os.O_WRONLY|os.O_TRUNC, 0)
	if err != nil {
		return l.inFile(file, err)
	}
	_, err = f.WriteString(text)
	if err := cmp.Or(err, f.Close()); err != nil {
		return l.inFile(file, err)
	}
	return nil
}

// inFile names the file once, whether or not err does.
func (l LED) inFile(file string, err error) error {
	if pathErr, ok := errors.AsType[*fs.PathError](err); ok {
		err = pathErr.Err
	}
	return fmt.Errorf("led: %s/%s: %w", l.dir, file, err)
}
