// Package discovery finds MQTT brokers that the network offers by DNS-SD (RFC
// 6763): first by multicast on every link (RFC 6762), then in the search domains.
// Whoever is on the link can answer, so answers are bounded and checked, and
// what they say is no proof of anything.
package discovery

import (
	"cmp"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"thermarack/agent/wire"
)

const (
	// service is what brokers are offered as (IANA's registry of services).
	service = "_mqtt._tcp"
	// securePort is the port of MQTT over TLS in the same registry.
	securePort = 8883

	maxBrokers   = 8   // that are tried
	maxAddresses = 4   // of a broker
	maxRecords   = 256 // that are kept of an answer
)

// A Broker is one that the network offers.
type Broker struct {
	Name string // of the offer, for people; any bytes
	URL  string // scheme tcp or ssl, host in lower case, port
	Site string // passes wire.CheckSite; "" if the offer names none, or none that could be

	// Addresses are those of the host, where the offer came with them: names that
	// end in .local are known to no server. Nil leaves it to the resolver.
	Addresses []netip.AddrPort

	Priority, Weight uint16 // RFC 2782: the least priority first, then the most weight
}

// Order sorts brokers by how good they are for a node of site, "" for one that
// was not told its site: those of the site first, or that name any, then those
// that name none, then those of another site; within these by priority, weight
// and name, so that all nodes choose the same.
func Order(brokers []Broker, site string) {
	rank := func(b Broker) int {
		switch {
		case b.Site == "":
			return 1
		case site == "" || b.Site == site:
			return 0
		}
		return 2
	}
	slices.SortStableFunc(brokers, func(a, b Broker) int {
		return cmp.Or(
			cmp.Compare(rank(a), rank(b)),
			cmp.Compare(a.Priority, b.Priority),
			cmp.Compare(b.Weight, a.Weight),
			cmp.Compare(a.Name, b.Name),
			cmp.Compare(a.URL, b.URL),
		)
	})
}

// A browse is what answers said about the service in one domain. It takes no more
// than maxRecords, and only those that can belong to it.
type browse struct {
	service name // "_mqtt._tcp" in the domain
	records []record
}

func newBrowse(domain string) (*browse, bool) {
	n, ok := parseName(service + "." + domain)
	return &browse{service: n}, ok
}

// add takes what belongs to the service of an answer.
func (b *browse) add(records []record) {
	for _, r := range records {
		if len(b.records) < maxRecords && b.wants(r) && !slices.Contains(b.records, r) {
			b.records = append(b.records, r)
		}
	}
}

func (b *browse) wants(r record) bool {
	switch r.kind {
	case typePTR:
		return r.owner.is(b.service) && b.instance(r.target)
	case typeSRV, typeTXT:
		return r.owner.is(b.service) || b.instance(r.owner)
	}
	return true
}

// instance tells whether n is one label, then the service.
func (b *browse) instance(n name) bool { return n != "" && n.parent().is(b.service) }

// names returns the instances that were offered, in the order of the answers, and
// the service itself: a plain SRV record stands there.
func (b *browse) names() []name {
	var list []name
	for _, r := range b.records {
		if r.kind == typePTR && !slices.ContainsFunc(list, r.target.is) {
			list = append(list, r.target)
		}
	}
	return append(list, b.service)
}

// find returns the first record of a kind that a name has.
func (b *browse) find(n name, kind uint16) (record, bool) {
	i := slices.IndexFunc(b.records, func(r record) bool { return r.kind == kind && r.owner.is(n) })
	if i < 0 {
		return record{}, false
	}
	return b.records[i], true
}

// missing returns what to ask for to know more of what was offered: SRV and TXT of
// the instances, and the addresses of hosts that no server knows.
func (b *browse) missing() (questions []question) {
	for _, n := range b.names() {
		srv, ok := b.find(n, typeSRV)
		if !ok && n != b.service {
			questions = append(questions, question{n, typeSRV})
		}
		if _, known := b.find(n, typeTXT); !known && (ok || n != b.service) {
			questions = append(questions, question{n, typeTXT})
		}
		if ok && isLocal(srv.target) && len(b.addresses(srv)) == 0 {
			questions = append(questions, question{srv.target, typeA}, question{srv.target, typeAAAA})
		}
	}
	return questions[:min(len(questions), 4*maxBrokers)]
}

// isLocal tells whether a name is known by multicast only.
func isLocal(n name) bool { return strings.HasSuffix(lower(string(n)), "\x05local") }

// brokers returns at most maxBrokers that can be connected to, in the order for
// site.
func (b *browse) brokers(site string) []Broker {
	var list []Broker
	for _, n := range b.names() {
		if broker, ok := b.broker(n); ok {
			list = append(list, broker)
		}
	}
	Order(list, site)
	return list[:min(len(list), maxBrokers)]
}

// broker returns what the instance n offers. ok is false without a host and a
// port, and for a host in .local without an address.
func (b *browse) broker(n name) (broker Broker, ok bool) {
	srv, ok := b.find(n, typeSRV)
	host, valid := srv.target.host()
	if !ok || !valid || srv.port == 0 {
		return Broker{}, false
	}
	broker = Broker{Priority: srv.priority, Weight: srv.weight}
	if n != b.service {
		broker.Name = string(n[1 : 1+int(n[0])])
	}
	txt, _ := b.find(n, typeTXT)
	if s := value(txt.text, "site"); wire.CheckSite(s) == nil {
		broker.Site = s
	}
	scheme := "tcp"
	if srv.port == securePort || value(txt.text, "tls") == "1" {
		scheme = "ssl"
	}
	broker.URL = scheme + "://" + net.JoinHostPort(host, strconv.Itoa(int(srv.port)))
	if isLocal(srv.target) {
		broker.Addresses = b.addresses(srv)
		ok = len(broker.Addresses) > 0
	}
	return broker, ok
}

// addresses returns where the target of srv is, IPv4 first: it needs no zone.
func (b *browse) addresses(srv record) (list []netip.AddrPort) {
	for _, kind := range []uint16{typeA, typeAAAA} {
		for _, r := range b.records {
			if r.kind == kind && r.owner.is(srv.target) && usable(r.addr) && len(list) < maxAddresses {
				list = append(list, netip.AddrPortFrom(r.addr, srv.port))
			}
		}
	}
	return list
}

// usable tells whether an address can be that of another host. Nobody on the
// link may lead us to this one's own services.
func usable(a netip.Addr) bool {
	a = a.Unmap()
	return !a.IsUnspecified() && !a.IsLoopback() && !a.IsMulticast() && a != netip.AddrFrom4([4]byte{255, 255, 255, 255})
}

// value returns what a TXT record says about key: of "key=value" the first whose
// key is that, in any case (RFC 6763, section 6.4); "" if there is none.
func value(text, key string) string {
	for len(text) > 0 {
		length := min(int(text[0]), len(text)-1)
		k, v, ok := strings.Cut(text[1:1+length], "=")
		if ok && lower(k) == key {
			return v
		}
		text = text[1+length:]
	}
	return ""
}
