package i2c_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"thermarack/hardware/fault"
	"thermarack/hardware/i2c"
	"thermarack/hardware/i2c/i2ctest"
)

func TestCRC8IsThatOfTheDatasheets(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		bytes []byte
		want  byte
	}{
		{[]byte{0xbe, 0xef}, 0x92}, {[]byte("123456789"), 0xf7}, {[]byte{0, 0}, 0x81},
		{[]byte{0xe7, 0x41}, 0x55}, // a limit in the datasheet of the HDC302x-Q1
		{nil, 0xff},
	} {
		if got := i2c.CRC8(tt.bytes); got != tt.want {
			t.Errorf("CRC of % x = 0x%02x, want 0x%02x", tt.bytes, got, tt.want)
		}
	}
}

func TestWordSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		bytes [3]byte
		want  uint16
		fault string
	}{
		{[3]byte{0xbe, 0xef, 0x92}, 0xbeef, ""},
		{[3]byte{0x00, 0x00, 0x81}, 0, ""},
		{[3]byte{0xbe, 0xee, 0x92}, 0, fault.CRC},
		{[3]byte{0xff, 0xff, 0xff}, 0, fault.Floating},
		{[3]byte{}, 0, fault.Zeros},
	} {
		got, err := i2c.Word("the word", tt.bytes)
		if reason, _ := fault.Of(err); got != tt.want || reason != tt.fault {
			t.Errorf("% x: 0x%04x, %v, want 0x%04x, %q", tt.bytes, got, err, tt.want, tt.fault)
		}
	}
}

func FuzzWord(f *testing.F) {
	f.Add([]byte{0xbe, 0xef, 0x92})
	f.Add([]byte{0, 0, 0})
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) != 3 {
			t.Skip()
		}
		word, err := i2c.Word("the word", [3]byte(b))
		if reason, _ := fault.Of(err); (err == nil) != (i2c.CRC8(b[:2]) == b[2]) || err != nil && (word != 0 || reason == "") {
			t.Errorf("% x: 0x%04x, %v", b, word, err)
		}
	})
}

func TestWaitEndsWithItsContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		start := time.Now()
		if err := i2c.Wait(ctx, 300*time.Millisecond); err != nil || time.Since(start) != 300*time.Millisecond {
			t.Errorf("%v after %v", err, time.Since(start))
		}
		if err := i2c.Wait(ctx, time.Hour); !errors.Is(err, context.DeadlineExceeded) || time.Since(start) != time.Second {
			t.Errorf("%v after %v", err, time.Since(start))
		}
		if err := i2c.Wait(ctx, -1); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("after the end: %v", err)
		}
		if err := i2c.Wait(t.Context(), 0); err != nil {
			t.Errorf("nothing to wait for: %v", err)
		}
	})
}

func TestRefusedTellsAnotherPartFromTrouble(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		err  error
		want bool
	}{
		{nil, false}, {i2ctest.NoAck, true}, {fmt.Errorf("read: %w", fault.New(fault.CRC, "disturbed")), true},
		{fault.New(fault.Timeout, "stuck"), false}, {errors.New("no permission"), false},
	} {
		if got := i2c.Refused(tt.err); got != tt.want {
			t.Errorf("%v: %v", tt.err, got)
		}
	}
}
