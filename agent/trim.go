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
// File: /proc/self/maps, see proc_pid_maps(5). Call: madvise(2), MADV_DONTNEED.
func trim() error {
	self, err := os.Readlink("/proc/self/exe")
	if err != nil {
		return fmt.Errorf("trim: %w", err)
	}
	var from syscall.Statfs_t
	if err := syscall.Statfs(self, &from); err != nil || from.Type == nfs {
		return err
	}
	maps, err := os.Open("/proc/self/maps")
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

// constant returns the mappings of a file that are never written to. A line such
// as
//
//	00010000-003d7000 r-xp 00000000 b3:02 10519539   /usr/bin/thermarack-agent
//
// that says anything else is left out: better too little than a page that holds
// what the program has made of it.
func constant(maps io.Reader, file string) []mapping {
	var list []mapping
	lines := bufio.NewScanner(maps)
	for lines.Scan() {
		fields := strings.Fields(lines.Text())
		if len(fields) != 6 || fields[5] != file || fields[1] != "r-xp" && fields[1] != "r--p" {
			continue
		}
		low, high, _ := strings.Cut(fields[0], "-")
		from, lowErr := strconv.ParseUint(low, 16, strconv.IntSize)
		to, highErr := strconv.ParseUint(high, 16, strconv.IntSize)
		if lowErr == nil && highErr == nil && from < to {
			list = append(list, mapping{uintptr(from), uintptr(to)})
		}
	}
	return list
}
