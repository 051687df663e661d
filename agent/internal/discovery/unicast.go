package discovery

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"
	"time"
)

// A Resolver says whom to ask, and in which domains.
type Resolver struct {
	Servers []netip.AddrPort
	Domains []string // without a dot at the end, best first
}

const (
	maxServers = 3 // as resolv.conf(5)
	maxDomains = 6

	// patience is how long a server may take, and the whole of Unicast.
	patience      = time.Second
	patienceInAll = 6 * time.Second
)

// HostResolver returns what the file at path, such as /etc/resolv.conf, says. If
// it names no domain, it is that of the host's name. The error names the file.
func HostResolver(path string) (Resolver, error) {
	f, err := os.Open(path)
	if err != nil {
		return Resolver{}, fmt.Errorf("find name servers: %w", err)
	}
	defer f.Close()
	r, err := ParseResolver(f)
	if err != nil {
		return Resolver{}, fmt.Errorf("find name servers: read %s: %w", path, err)
	}
	if hostname, err := os.Hostname(); err == nil && len(r.Domains) == 0 {
		if _, domain, ok := strings.Cut(hostname, "."); ok {
			r.Domains = domains(domain)
		}
	}
	return r, nil
}

// ParseResolver reads a resolv.conf(5): the first three name servers, and the
// first six domains of the last "search" or "domain". What cannot be used is left
// out, as is the domain local, which no server knows.
func ParseResolver(file io.Reader) (Resolver, error) {
	var r Resolver
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		fields := strings.Fields(lines.Text())
		if len(fields) < 2 {
			continue
		}
		switch fields[0] {
		case "nameserver":
			if addr, err := netip.ParseAddr(fields[1]); err == nil && len(r.Servers) < maxServers {
				r.Servers = append(r.Servers, netip.AddrPortFrom(addr, 53))
			}
		case "search", "domain":
			r.Domains = domains(fields[1:]...)
		}
	}
	return r, lines.Err()
}

// domains returns those that can be asked for.
func domains(texts ...string) (list []string) {
	for _, text := range texts {
		text = strings.TrimSuffix(lower(text), ".")
		n, ok := parseName(service + "." + text)
		if ok && text != "" && !isLocal(n) && len(list) < maxDomains {
			list = append(list, text)
		}
	}
	return list
}

// Unicast asks the servers for brokers in one domain after another, and returns
// those of the first that has any, at most maxBrokers in the order for site, see
// Order. A domain offers them as pointers to instances (RFC 6763), or by a plain
// SRV record at _mqtt._tcp, with TXT beside it. Unicast takes six seconds at most.
//
// That there are none is no error; the error says that no server answered.
func Unicast(ctx context.Context, r Resolver, site string) ([]Broker, error) {
	ctx, cancel := context.WithTimeout(ctx, patienceInAll)
	defer cancel()
	for _, domain := range r.Domains {
		b, ok := newBrowse(domain)
		if !ok {
			continue
		}
		err := r.browse(ctx, b)
		if found := b.brokers(site); len(found) > 0 {
			return found, nil
		}
		if err != nil {
			return nil, fmt.Errorf("ask for brokers in %s: %w", domain, err)
		}
	}
	return nil, nil
}

// browse asks for what is offered, then for what is missing of it. A server may
// refuse one question and answer another; the error is the first of them.
func (r Resolver) browse(ctx context.Context, b *browse) error {
	var first error
	questions := []question{{b.service, typePTR}, {b.service, typeSRV}}
	for range 2 {
		for _, q := range questions {
			records, err := r.ask(ctx, q)
			if first == nil {
				first = err
			}
			if ctx.Err() != nil {
				return first
			}
			b.add(records)
		}
		questions = b.missing()
	}
	return first
}

// ask returns the records of the first server that answers. One that says that
// there is no such name has answered.
func (r Resolver) ask(ctx context.Context, q question) ([]record, error) {
	err := errors.New("no name server is known")
	for _, server := range r.Servers {
		var records []record
		if records, err = exchange(ctx, server, q); err == nil {
			return records, nil
		}
		err = fmt.Errorf("name server %v: %w", server, cause(err))
		if ctx.Err() != nil {
			break
		}
	}
	return nil, err
}

// exchange asks one server by UDP. An answer that was cut short counts as far as
// it goes: a handful of brokers fits.
func exchange(ctx context.Context, server netip.AddrPort, q question) ([]record, error) {
	limited, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	conn, err := new(net.Dialer).DialContext(limited, "udp", server.String()) // takes answers of server only
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	defer context.AfterFunc(limited, func() { _ = conn.SetReadDeadline(time.Unix(1, 0)) })()
	id := uint16(rand.N(1 << 16))
	if _, err := conn.Write(query(id, true, q)); err != nil {
		return nil, err
	}
	packet := make([]byte, maxPacket)
	for {
		n, err := conn.Read(packet)
		if err != nil {
			return nil, err
		}
		records, err := answers(packet[:n], id)
		if !errors.Is(err, errForeign) { // else it may come late from another question
			return onlyAbout(records, q), err
		}
	}
}

// onlyAbout leaves out what was not asked for: a server that knows the one name
// need not be believed about others.
func onlyAbout(records []record, q question) []record {
	return slices.DeleteFunc(records, func(r record) bool { return r.kind != q.kind || !r.owner.is(q.name) })
}
