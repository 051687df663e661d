package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"
)

const (
	firstTrim = 30 * time.Second // when all has been done once that is done again and again
	trimEvery = time.Hour

	nfs = 0x6969 // NFS_SUPER_MAGIC, statfs(2)
)

// keepTrim trims the program after its start and every hour, until ctx is done or
// it cannot.
func keepTrim(ctx context.Context) error {
	timer := time.NewTimer(firstTrim)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-timer.C:
		}
		if trim() != nil {
			return nil // it is a courtesy: somebody may have hidden proc from us
		}
		timer.Reset(trimEvery)
	}
}

// trim takes out of memory the pages of the program's own file that nothing
// writes to: code and constants. What is still needed comes back from the page
// cache when it is touched; what only starting needed does not. It is a fifth of
// what the agent is resident with. A program that was started over NFS is left as
// it is, for its pages may not be there to come back while the network is away.
//
// File: /proc/self/smaps, see proc_pid_smaps(5). Call: madvise(2), MADV_DONTNEED.
func trim() error {
	self, err := os.Readlink("/proc/self/exe")
	if err != nil {
		return fmt.Errorf("trim: %w", err)
	}
	var from syscall.Statfs_t
	if err := syscall.Statfs(self, &from); err != nil || from.Type == nfs {
		return err
	}
	maps, err := os.Open("/proc/self/smaps")
	if err != nil {
		return fmt.Errorf("trim: %w", err)
	}
	defer maps.Close()
	for _, m := range constant(maps, self) {
		if _, _, errno := syscall.Syscall(syscall.SYS_MADVISE, m.from, m.to-m.from, syscall.MADV_DONTNEED); errno != 0 {
			return fmt.Errorf("trim: madvise: %w", errno)
		}
	}
	return nil
}

// A mapping is a span of the program's addresses.
type mapping struct{ from, to uintptr }

// constant returns the mappings of a file that are never written to and never
// were. Each is a line such as
//
//	00010000-003d7000 r-xp 00000000 b3:02 10519539   /usr/bin/thermarack-agent
//
// and then some that count what is in it, of which Anonymous and Swap must be 0
// kB: the linker of a program that was built to be moved (-buildmode=pie) writes
// addresses into what it then makes constant, and the file does not have those.
// What says anything else is left out: better too little than a page that holds
// what the program has made of it.
func constant(smaps io.Reader, file string) []mapping {
	var list []mapping
	var m mapping
	clean := 0 // counts of m that are 0 and must be
	lines := bufio.NewScanner(smaps)
	for lines.Scan() {
		fields := strings.Fields(lines.Text())
		switch {
		case len(fields) == 3 && (fields[0] == "Anonymous:" || fields[0] == "Swap:"):
			if fields[1] == "0" {
				clean++
			}
			if clean == 2 && m.from < m.to {
				list = append(list, m)
			}
		case len(fields) > 0 && !strings.HasSuffix(fields[0], ":"):
			m, clean = constantSpan(fields, file), 0
		}
	}
	return list
}

// constantSpan returns the span of a mapping of file that cannot be written, and
// an empty one of any other.
func constantSpan(fields []string, file string) mapping {
	if len(fields) != 6 || fields[5] != file || fields[1] != "r-xp" && fields[1] != "r--p" {
		return mapping{}
	}
	low, high, _ := strings.Cut(fields[0], "-")
	from, lowErr := strconv.ParseUint(low, 16, strconv.IntSize)
	to, highErr := strconv.ParseUint(high, 16, strconv.IntSize)
	if lowErr != nil || highErr != nil {
		return mapping{}
	}
	return mapping{uintptr(from), uintptr(to)}
}
