package led_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"thermarack/hardware/led"
)

// board returns a host with LEDs, which all are what files say.
func board(t *testing.T, files map[string]string, names ...string) (dir string, root *os.Root) {
	t.Helper()
	dir = t.TempDir()
	for _, name := range names {
		place := filepath.Join(dir, "sys/class/leds", name)
		if err := os.MkdirAll(place, 0o755); err != nil {
			t.Fatal(err)
		}
		for file, text := range files {
			put(t, filepath.Join(place, file), text)
		}
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = root.Close() })
	return dir, root
}

func put(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// get returns an LED's trigger and brightness.
func get(t *testing.T, dir, name string) string {
	t.Helper()
	var texts []string
	for _, file := range []string{"trigger", "brightness"} {
		b, err := os.ReadFile(filepath.Join(dir, "sys/class/leds", name, file))
		if err != nil {
			t.Fatal(err)
		}
		texts = append(texts, strings.TrimSpace(string(b)))
	}
	return strings.Join(texts, " ")
}

func onTheCard() map[string]string {
	return map[string]string{"trigger": "none rc-feedback [mmc0] timer\n", "brightness": "3\n", "max_brightness": "255\n"}
}

func TestFindTakesTheGreenLEDBeforeTheRed(t *testing.T) {
	t.Parallel()
	tests := []struct {
		names []string
		want  string
		err   error
	}{
		{[]string{"PWR", "ACT", "mmc0::"}, "ACT", nil},
		{[]string{"led1", "led0"}, "led0", nil},
		{[]string{"PWR", "default-on"}, "PWR", nil},
		{[]string{"mmc0::"}, "", led.ErrNone},
		{nil, "", led.ErrNone},
	}
	for _, tt := range tests {
		_, root := board(t, onTheCard(), tt.names...)
		got, err := led.Find(root)
		if got.Name != tt.want || !errors.Is(err, tt.err) {
			t.Errorf("%v: got %q, %v, want %q, %v", tt.names, got.Name, err, tt.want, tt.err)
		}
	}
}

func TestBlinkTakesTheLEDAndGivesItBack(t *testing.T) {
	dir, root := board(t, onTheCard(), "ACT", "PWR")
	synctest.Test(t, func(t *testing.T) {
		light, err := led.Find(root)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 1100*time.Millisecond)
		defer cancel()
		done := make(chan error)
		go func() { done <- light.Blink(ctx) }()
		var seen []string
		<-time.After(100 * time.Millisecond)
		for range 4 {
			synctest.Wait()
			seen = append(seen, get(t, dir, "ACT"))
			<-time.After(250 * time.Millisecond)
		}
		if diff := cmp.Diff([]string{"none 255", "none 0", "none 255", "none 0"}, seen); diff != "" {
			t.Errorf("each quarter of a second (-want +got):\n%s", diff)
		}
		if err := <-done; err != nil {
			t.Errorf("err = %v", err)
		}
	})
	if got := get(t, dir, "ACT"); got != "mmc0 3" {
		t.Errorf("afterwards %q, want what it was", got)
	}
	if got := get(t, dir, "PWR"); !strings.Contains(got, "[mmc0]") {
		t.Errorf("the other one is %q, want it left alone", got)
	}
}

func TestBlinkGivesTheLEDBackWhenItFails(t *testing.T) {
	dir, root := board(t, onTheCard(), "ACT")
	place := filepath.Join(dir, "sys/class/leds/ACT")
	synctest.Test(t, func(t *testing.T) {
		light, err := led.Find(root)
		if err != nil {
			t.Fatal(err)
		}
		time.AfterFunc(600*time.Millisecond, func() { _ = os.Remove(filepath.Join(place, "brightness")) })
		err = light.Blink(t.Context())
		if !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "leds/ACT/brightness") || strings.Contains(err.Error(), "\n") {
			t.Errorf("err = %v, want one line that names the file", err)
		}
	})
	put(t, filepath.Join(place, "brightness"), "")
	if got := get(t, dir, "ACT"); got != "mmc0 " {
		t.Errorf("afterwards %q, want its trigger back", got)
	}
}

func TestWhatCannotBeBlinkedIsLeftAlone(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, file, text string
	}{
		{"no trigger is selected", "trigger", "none mmc0\n"},
		{"an empty selection", "trigger", "[] mmc0\n"},
		{"no brightness", "max_brightness", "bright\n"},
		{"a brightness of 0", "max_brightness", "0\n"},
	}
	for _, tt := range tests {
		files := onTheCard()
		files[tt.file] = tt.text
		dir, root := board(t, files, "ACT")
		before := get(t, dir, "ACT")
		light, err := led.Find(root)
		if err == nil {
			err = light.Blink(t.Context())
		}
		if err == nil || !strings.Contains(err.Error(), "leds/ACT/"+tt.file) {
			t.Errorf("%s: err = %v, want one that names %s", tt.name, err, tt.file)
		}
		if got := get(t, dir, "ACT"); got != before {
			t.Errorf("%s: %q became %q", tt.name, before, got)
		}
	}
}

func TestWithoutPermissionNothingChanges(t *testing.T) {
	t.Parallel()
	dir, root := board(t, onTheCard(), "ACT")
	trigger := filepath.Join(dir, "sys/class/leds/ACT/trigger")
	if err := os.Chmod(trigger, 0o444); err != nil {
		t.Fatal(err)
	}
	if f, err := os.OpenFile(trigger, os.O_WRONLY, 0); err == nil {
		_ = f.Close()
		t.Skip("this user may write everything")
	}
	light, err := led.Find(root)
	if err != nil {
		t.Fatal(err)
	}
	if err := light.Blink(t.Context()); !errors.Is(err, fs.ErrPermission) {
		t.Errorf("err = %v, want a permission", err)
	}
}

func FuzzBlink(f *testing.F) {
	for _, s := range []string{"none [mmc0]", "[none]", "", "[", "]", "[]", "[a] [b]", "\x00[x\n]", "[ x]"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, list string) {
		files := onTheCard()
		files["trigger"] = list
		dir, root := board(t, files, "ACT")
		light, err := led.Find(root)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		err = light.Blink(ctx)
		after := strings.TrimSuffix(get(t, dir, "ACT"), " 3")
		switch {
		case err != nil && (strings.Contains(err.Error(), "\n") || after != strings.TrimSpace(list)):
			t.Errorf("%q: %v, became %q, want one line and no change", list, err, after)
		case err == nil && !slices.Contains(strings.Fields(list), "["+after+"]"):
			t.Errorf("%q: became %q, want what was selected", list, after)
		}
	})
}
