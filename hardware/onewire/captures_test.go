package onewire_test

import (
	"cmp"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"thermarack/hardware/onewire"
)

// TestDecodeW1SlaveOnRecordings decodes texts that owners of real parts posted.
// They are not ours to ship: the test skips where they are not at hand.
func TestDecodeW1SlaveOnRecordings(t *testing.T) {
	t.Parallel()
	file := filepath.Join(cmp.Or(os.Getenv("THERMARACK_FIXTURES"), "../../../shared/fixtures"), "w1/captures.txt")
	recording, err := os.ReadFile(file)
	if err != nil {
		t.Skipf("no recordings, set THERMARACK_FIXTURES to their directory: %v", err)
	}
	want := []struct { // in the order of the recording
		celsius float64
		reason  string
	}{
		{15.25, ""}, {15.1875, ""}, {15.375, ""}, {15.375, ""},
		{0, "floating"}, {0, "floating"},
		{25.8125, ""},
		{0, "zeros"},
		{0, "power-on"},
		{18.6875, ""}, // of a clone
	}
	_, body, _ := strings.Cut(string(recording), "\n## ")
	var n int
	for section := range strings.SplitSeq(body, "\n## ") {
		label, text, found := strings.Cut(section, "\n")
		if !found || strings.TrimSpace(text) == "" {
			continue // a remark about empty files
		}
		if n == len(want) {
			t.Fatalf("%s: no right answer is known", label)
		}
		got, err := onewire.DecodeW1Slave(0x28, []byte(text))
		if got != want[n].celsius || reason(err) != want[n].reason || (err != nil) != (want[n].reason != "") {
			t.Errorf("%s: got %v, %v, want %v %q", label, got, err, want[n].celsius, want[n].reason)
		}
		n++
	}
	if n != len(want) {
		t.Errorf("%d texts in %s, want %d", n, file, len(want))
	}
}
