package main

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestOnlyWhatIsNeverWrittenIsTrimmed(t *testing.T) {
	t.Parallel()
	const smaps = `00010000-003d7000 r-xp 00000000 b3:02 10519539                           /usr/bin/thermarack-agent
Size:               3868 kB
Anonymous:             0 kB
Swap:                  0 kB
SwapPss:               0 kB
VmFlags: rd ex mr mw me
003d7000-007a6000 r--p 003c7000 b3:02 10519539                           /usr/bin/thermarack-agent
Anonymous:             0 kB
Swap:                  0 kB
007a6000-007b6000 r--p 00796000 b3:02 10519539                           /usr/bin/thermarack-agent
Anonymous:            64 kB
Swap:                  0 kB
007b6000-007c6000 r--p 007a6000 b3:02 10519539                           /usr/bin/thermarack-agent
Anonymous:             0 kB
Swap:                 64 kB
007c6000-007d6000 r--p 007b6000 b3:02 10519539                           /usr/bin/thermarack-agent
Size:                 64 kB
007d6000-00801000 rw-p 007c6000 b3:02 10519539                           /usr/bin/thermarack-agent
Anonymous:             0 kB
Swap:                  0 kB
00801000-02844000 rw-p 00000000 00:00 0
Anonymous:             0 kB
Swap:                  0 kB
7f3c7ca0d000-7f3c7ca6d000 r--p 00000000 b3:02 1234                       /etc/ld.so.cache
Anonymous:             0 kB
Swap:                  0 kB
7fff00000000-7fff00001000 r-xp 00000000 00:00 0                          [vdso]
Anonymous:             0 kB
Swap:                  0 kB
nonsense r-xp 00000000 b3:02 10519539                                    /usr/bin/thermarack-agent
Anonymous:             0 kB
Swap:                  0 kB
`
	got := constant(strings.NewReader(smaps), "/usr/bin/thermarack-agent")
	want := []mapping{{0x10000, 0x3d7000}, {0x3d7000, 0x7a6000}}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(mapping{})); diff != "" {
		t.Errorf("mappings (-want +got):\n%s", diff)
	}
}

func TestAProgramThatWasTrimmedGoesOn(t *testing.T) {
	if err := trim(); err != nil {
		t.Fatal(err)
	}
	if got := strings.Repeat("ab", 3); got != "ababab" {
		t.Errorf("got %q", got)
	}
}
