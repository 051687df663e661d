package timekeeper

import (
	"net"
	"slices"
	"syscall"
	"time"
)

// Clocks is what a host knows about time. A Raspberry Pi has no clock that runs
// without power: it starts at 1970, or at what a file remembers, until the network
// tells better.
type Clocks struct {
	Wall func() time.Time
	Even func() time.Duration // since any instant; runs evenly, whatever is done to Wall

	Synchronised func() bool // whether the kernel was told that somebody keeps Wall right
	Up           func() time.Duration
	Online       func() bool // whether the host has an address, so that a time server can be asked
}

// HostClocks returns those of this host.
func HostClocks() Clocks {
	start := time.Now()
	return Clocks{
		Wall: func() time.Time { return time.Now().Round(0) },
		Even: func() time.Duration { return time.Since(start) },

		Synchronised: synchronised,
		Up:           up,
		Online:       online,
	}
}

// synchronised asks the kernel, see adjtimex(2): not before somebody disciplines
// the clock, and not when it has given up.
func synchronised() bool {
	const unsynchronised, timeError = 0x40, 5 // STA_UNSYNC, TIME_ERROR
	var t syscall.Timex                       // modes 0: only asks
	state, err := syscall.Adjtimex(&t)
	return err == nil && state != timeError && t.Status&unsynchronised == 0
}

// up returns how long ago the host started, 0 if that is not known.
func up() time.Duration {
	var i syscall.Sysinfo_t
	if err := syscall.Sysinfo(&i); err != nil {
		return 0
	}
	return time.Duration(i.Uptime) * time.Second
}

// online tells whether the host has an address beyond its own link.
func online() bool {
	addresses, err := net.InterfaceAddrs()
	return err == nil && slices.ContainsFunc(addresses, func(a net.Addr) bool {
		n, ok := a.(*net.IPNet)
		return ok && n.IP.IsGlobalUnicast()
	})
}

const (
	// longUp is when a host without a time server has the time that it gets.
	longUp = 5 * time.Minute
	// patience is how long a program waits for the time server of a host that has
	// an address. Before it has one there is none to be asked: after a power cut
	// the Pis of a rack are up long before its network is.
	patience = 15 * time.Second
	// alone is how long it waits on a host that gets no address.
	alone = time.Hour
)

// floor is before every build of this program: a clock that is behind it was never
// set, however long ago the host started.
var floor = time.Date(2026, time.January, 1, 0, 0, 0, 0, time.UTC)

// Known tells whether Wall can be believed by a program that starts: it is past
// the floor, and somebody keeps it right, or nobody seems to, for the host has been
// up for five minutes.
func (c Clocks) Known() bool {
	return !c.unset() && (c.Synchronised() || c.Up() >= longUp)
}

// knownAfter tells it of a program that has waited: in all, and of that with an
// address. It believes what nobody keeps right after 15 s with an address, or an
// hour without.
func (c Clocks) knownAfter(waited, online time.Duration) bool {
	return !c.unset() && (c.Synchronised() || online >= patience || waited >= alone)
}

// unset tells whether Wall was never set.
func (c Clocks) unset() bool { return c.Wall().Before(floor) }

// offset is what Wall is ahead of Even. It changes when Wall is set.
func (c Clocks) offset() time.Duration {
	return time.Duration(c.Wall().UnixNano()) - c.Even()
}
