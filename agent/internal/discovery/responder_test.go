package discovery_test

import (
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"

	"golang.org/x/net/dns/dnsmessage"

	"thermarack/agent/internal/discovery"
)

// A zone is what a responder knows, by name in lower case.
type zone map[string][]dnsmessage.ResourceBody

// offer adds an instance of the service in a domain.
func (z zone) offer(domain, instance string, srv dnsmessage.SRVResource, txt ...string) zone {
	service := "_mqtt._tcp." + domain
	owner := instance + "." + service
	z[service] = append(z[service], &dnsmessage.PTRResource{PTR: dnsmessage.MustNewName(owner)})
	z[strings.ToLower(owner)] = []dnsmessage.ResourceBody{&srv, &dnsmessage.TXTResource{TXT: append(txt, "")}}
	return z
}

// host adds addresses.
func (z zone) host(name string, addrs ...string) zone {
	for _, a := range addrs {
		var body dnsmessage.ResourceBody
		if addr := netip.MustParseAddr(a); addr.Is4() {
			body = &dnsmessage.AResource{A: addr.As4()}
		} else {
			body = &dnsmessage.AAAAResource{AAAA: addr.As16()}
		}
		z[name] = append(z[name], body)
	}
	return z
}

func srv(priority, port uint16, target string) dnsmessage.SRVResource {
	return dnsmessage.SRVResource{Priority: priority, Port: port, Target: dnsmessage.MustNewName(target)}
}

// kindOf returns the type of a record.
func kindOf(body dnsmessage.ResourceBody) dnsmessage.Type {
	switch body.(type) {
	case *dnsmessage.PTRResource:
		return dnsmessage.TypePTR
	case *dnsmessage.SRVResource:
		return dnsmessage.TypeSRV
	case *dnsmessage.TXTResource:
		return dnsmessage.TypeTXT
	case *dnsmessage.AResource:
		return dnsmessage.TypeA
	}
	return dnsmessage.TypeAAAA
}

// answer returns the answer to a query. If it is chatty it adds all it knows, as
// responders do for who asks for a service.
func (z zone) answer(t *testing.T, packet []byte, chatty bool) []byte {
	var query dnsmessage.Message
	if err := query.Unpack(packet); err != nil {
		t.Errorf("query %x: %v", packet, err)
		return nil
	}
	answer := dnsmessage.Message{Header: dnsmessage.Header{ID: query.ID, Response: true, Authoritative: true}}
	asked, ttl := map[string]bool{}, uint32(10)
	if query.RecursionDesired {
		ttl = 0 // as a server has it that lets nobody remember
	}
	for _, q := range query.Questions {
		name := strings.ToLower(q.Name.String())
		asked[name] = true
		for _, body := range z[name] {
			if kindOf(body) == q.Type {
				answer.Answers = append(answer.Answers, resource(q.Name.String(), ttl, body))
			}
		}
	}
	for name, bodies := range z {
		for _, body := range bodies {
			if chatty && !asked[name] {
				answer.Additionals = append(answer.Additionals, resource(name, ttl, body))
			}
		}
	}
	if !chatty && len(z[strings.ToLower(query.Questions[0].Name.String())]) == 0 {
		answer.RCode = dnsmessage.RCodeNameError
	}
	reply, err := answer.Pack()
	if err != nil {
		t.Errorf("answer %+v: %v", answer, err)
	}
	return reply
}

func resource(name string, ttl uint32, body dnsmessage.ResourceBody) dnsmessage.Resource {
	return dnsmessage.Resource{
		Header: dnsmessage.ResourceHeader{Name: dnsmessage.MustNewName(name), Class: dnsmessage.ClassINET, TTL: ttl},
		Body:   body,
	}
}

// A responder answers queries on loopback, with what reply returns of each; nil is
// silence.
type responder struct {
	addr netip.AddrPort

	mu      sync.Mutex
	queries [][]byte
}

func respond(t *testing.T, reply func(packet []byte) [][]byte) *responder {
	t.Helper()
	conn, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.MustParseAddrPort("127.0.0.1:0")))
	if err != nil {
		t.Fatal(err)
	}
	r := &responder{addr: conn.LocalAddr().(*net.UDPAddr).AddrPort()}
	var done sync.WaitGroup
	done.Go(func() {
		packet := make([]byte, 9000)
		for {
			n, from, err := conn.ReadFromUDPAddrPort(packet)
			if err != nil {
				return
			}
			r.mu.Lock()
			r.queries = append(r.queries, append([]byte(nil), packet[:n]...))
			r.mu.Unlock()
			for _, p := range reply(packet[:n]) {
				_, _ = conn.WriteToUDPAddrPort(p, from)
			}
		}
	})
	t.Cleanup(func() {
		_ = conn.Close()
		done.Wait()
	})
	return r
}

// asked returns how many queries have come.
func (r *responder) asked() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.queries)
}

// link leads to the responder as if it were on a link.
func (r *responder) link() discovery.Link {
	return discovery.Link{
		Interface: "eth7", Local: netip.MustParseAddr("127.0.0.1"), Group: r.addr,
		Peers: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")},
	}
}

// resolver leads to the responder as a name server.
func (r *responder) resolver(domains ...string) discovery.Resolver {
	return discovery.Resolver{Servers: []netip.AddrPort{r.addr}, Domains: domains}
}
