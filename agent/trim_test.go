package main

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestOnlyWhatIsNeverWrittenIsTrimmed(t *testing.T) {
	t.Parallel()
	const maps = `00010000-003d7000 r-xp 00000000 b3:02 10519539                           /usr/bin/thermarack-agent
003d7000-007a6000 r--p 003c7000 b3:02 10519539                           /usr/bin/thermarack-agent
007a6000-00801000 rw-p 00796000 b3:02 10519539                           /usr/bin/thermarack-agent
00801000-02844000 rw-p 00000000 00:00 0
7f3c7ca0d000-7f3c7ca6d000 r--p 00000000 b3:02 1234                       /etc/ld.so.cache
7fff00000000-7fff00001000 r-xp 00000000 00:00 0                          [vdso]
nonsense r-xp 00000000 b3:02 10519539                                    /usr/bin/thermarack-agent
`
	got := constant(strings.NewReader(maps), "/usr/bin/thermarack-agent")
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
