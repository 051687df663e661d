package discovery

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"
)

// A Link is a network on which one can ask by multicast.
type Link struct {
	Interface string         // its name
	Local     netip.Addr     // our address on it, with its zone if it has one
	Group     netip.AddrPort // where questions go
	Peers     []netip.Prefix // from where answers come, without zones
}

const (
	// round is how long answers to one question are waited for. Who shares an
	// answer with others may take up to 120 ms (RFC 6762, section 6), and the
	// second question may come after a second (section 5.2).
	round  = time.Second
	rounds = 2

	maxLinks   = 16
	maxPackets = 64 // that are read on a link
)

// Multicast asks on all links at the same time for brokers in the domain local,
// and returns at most maxBrokers in the order for site, see Order. It takes two
// seconds, or until ctx is done, and then returns what has come.
//
// Questions come from a port of their own, so that the answers come back to it
// alone (RFC 6762, section 6.7): no port is shared with a responder on this host,
// and no group is joined. The error says that no link could be asked; a link that
// cannot costs itself only.
func Multicast(ctx context.Context, links []Link, site string) ([]Broker, error) {
	found := make([]*browse, len(links))
	errs := make([]error, len(links))
	var all sync.WaitGroup
	for i, link := range links {
		all.Go(func() { found[i], errs[i] = link.browse(ctx) })
	}
	all.Wait()
	whole, _ := newBrowse("local")
	for _, b := range found {
		whole.add(b.records)
	}
	if len(links) > 0 && !slices.Contains(errs, nil) {
		return nil, fmt.Errorf("ask by multicast on %s: %w", links[0].Interface, cause(errs[0]))
	}
	return whole.brokers(site), nil
}

// cause returns what is wrong without the port that we had, which is another each
// time: so the same trouble is the same text.
func cause(err error) error {
	if e, ok := errors.AsType[*net.OpError](err); ok {
		return e.Err
	}
	return err
}

// browse asks on one link. What it returns is never nil.
func (l Link) browse(ctx context.Context) (*browse, error) {
	b, _ := newBrowse("local")
	conn, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(l.Local, 0)))
	if err != nil {
		return b, err
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { _ = conn.SetReadDeadline(time.Unix(1, 0)) })()
	id := uint16(rand.N(1<<16-1) + 1)
	left := maxPackets
	for range rounds {
		questions := append([]question{{b.service, typePTR}}, b.missing()...)
		if _, err := conn.WriteToUDPAddrPort(query(id, false, questions...), l.Group); err != nil {
			return b, err
		}
		if err := conn.SetReadDeadline(time.Now().Add(round)); err != nil || ctx.Err() != nil {
			return b, err
		}
		left = l.listen(conn, left, func(packet []byte) {
			records, err := answers(packet, id)
			if err == nil {
				b.add(l.here(records))
			}
		})
	}
	return b, nil
}

// listen hands over what comes from who is on the link until the deadline of conn,
// at most n packets, and returns how many are left of n.
func (l Link) listen(conn *net.UDPConn, n int, take func(packet []byte)) (left int) {
	packet := make([]byte, maxPacket)
	for n > 0 {
		length, from, err := conn.ReadFromUDPAddrPort(packet)
		if err != nil {
			return n
		}
		if l.near(from) {
			take(packet[:length])
		}
		n--
	}
	return 0
}

// near tells whether an answer comes from a responder on the link (RFC 6762,
// section 11).
func (l Link) near(from netip.AddrPort) bool {
	addr := from.Addr().Unmap().WithZone("")
	return from.Port() == l.Group.Port() &&
		slices.ContainsFunc(l.Peers, func(p netip.Prefix) bool { return p.Contains(addr) })
}

// here leaves out what holds no more, and says on which link the addresses are
// that hold on one link only.
func (l Link) here(records []record) []record {
	records = slices.DeleteFunc(records, func(r record) bool { return r.goodbye })
	for i, r := range records {
		if r.addr.Is6() && r.addr.IsLinkLocalUnicast() {
			records[i].addr = r.addr.WithZone(l.Interface)
		}
	}
	return records
}

// Links returns the networks of this host on which one can ask by multicast, at
// most maxLinks: every interface that is up and can, with IPv4 and with the
// link-local address of IPv6. The error says that they cannot be listed.
func Links() ([]Link, error) {
	interfaces, err := net.Interfaces()
	if err != nil {
		return nil, fmt.Errorf("list network interfaces: %w", err)
	}
	const need = net.FlagUp | net.FlagRunning | net.FlagMulticast
	var links []Link
	var errs []error
	for _, i := range interfaces {
		if i.Flags&need != need || i.Flags&net.FlagLoopback != 0 {
			continue
		}
		addrs, err := i.Addrs()
		if err != nil {
			errs = append(errs, fmt.Errorf("list addresses of %s: %w", i.Name, err))
			continue
		}
		links = append(links, linksOf(i.Name, addrs)...)
	}
	if len(links) == 0 {
		return nil, errors.Join(errs...)
	}
	return links[:min(len(links), maxLinks)], nil
}

// linksOf returns at most one link for IPv4 and one for IPv6.
func linksOf(name string, addrs []net.Addr) (links []Link) {
	var peers []netip.Prefix
	four, six := netip.Addr{}, netip.Addr{}
	for _, a := range addrs {
		n, ok := a.(*net.IPNet)
		if !ok {
			continue
		}
		addr, _ := netip.AddrFromSlice(n.IP)
		addr = addr.Unmap()
		bits, _ := n.Mask.Size()
		peers = append(peers, netip.PrefixFrom(addr, bits))
		switch {
		case addr.Is4() && !four.IsValid():
			four = addr
		case addr.Is6() && addr.IsLinkLocalUnicast() && !six.IsValid():
			six = addr.WithZone(name)
		}
	}
	if four.IsValid() {
		links = append(links, Link{name, four, netip.MustParseAddrPort("224.0.0.251:5353"), peers})
	}
	if six.IsValid() {
		group := netip.AddrPortFrom(netip.MustParseAddr("ff02::fb").WithZone(name), 5353)
		links = append(links, Link{name, six, group, peers})
	}
	return links
}
