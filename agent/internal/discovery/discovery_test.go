package discovery_test

import (
	"context"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"golang.org/x/net/dns/dnsmessage"

	"thermarack/agent/internal/discovery"
)

// compare tells addresses apart by what they are.
var compare = cmp.Comparer(func(a, b netip.AddrPort) bool { return a == b })

func addrs(list ...string) (addrs []netip.AddrPort) {
	for _, a := range list {
		addrs = append(addrs, netip.MustParseAddrPort(a))
	}
	return addrs
}

func TestMulticast(t *testing.T) {
	t.Parallel()
	pi := zone{}.host("pi.local.", "192.0.2.7")
	tests := []struct {
		name string
		zone zone
		site string // of the node
		want []discovery.Broker
	}{
		{name: "nobody offers anything", zone: zone{}},
		{
			name: "a broker with its site and addresses, IPv4 first, of its link",
			zone: zone{}.offer("local.", "Rack", srv(1, 1883, "Pi.local."), "txtvers=1", "site=hex").
				host("pi.local.", "fe80::7", "2001:db8::7", "192.0.2.7"),
			want: []discovery.Broker{{
				Name: "Rack", URL: "tcp://pi.local:1883", Site: "hex", Priority: 1,
				Addresses: addrs("192.0.2.7:1883", "[fe80::7%eth7]:1883", "[2001:db8::7]:1883"),
			}},
		},
		{
			name: "the port of MQTT over TLS means TLS",
			zone: zone{}.offer("local.", "a", srv(0, 8883, "b.example.net.")),
			want: []discovery.Broker{{Name: "a", URL: "ssl://b.example.net:8883"}},
		},
		{
			name: "a broker may say that another port does TLS, in any case of the key",
			zone: zone{}.offer("local.", "a", srv(0, 1884, "b.example.net."), "TLS=1", "tls=0", "SITE=hex", "site=other"),
			want: []discovery.Broker{{Name: "a", URL: "ssl://b.example.net:1884", Site: "hex"}},
		},
		{
			name: "a site that cannot be one is none",
			zone: zone{}.offer("local.", "a", srv(0, 1883, "b.example.net."), "site=../+/#"),
			want: []discovery.Broker{{Name: "a", URL: "tcp://b.example.net:1883"}},
		},
		{
			name: "a host of the link without an address is no use",
			zone: zone{}.offer("local.", "a", srv(0, 1883, "nowhere.local.")),
		},
		{
			name: "nobody may send us to ourselves",
			zone: zone{}.offer("local.", "a", srv(0, 1883, "pi.local.")).host("pi.local.", "127.0.0.1", "::1", "0.0.0.0", "224.0.0.1", "::ffff:127.0.0.1"),
		},
		{name: "a host that is none", zone: zone{}.offer("local.", "a", srv(0, 1883, "b c/d.example."))},
		{name: "a service that is not there at all", zone: zone{}.offer("local.", "a", srv(0, 1883, "."))},
		{name: "a port of nothing", zone: zone{}.offer("local.", "a", srv(0, 0, "b.example."))},
		{
			name: "an instance of another service",
			zone: zone{"_mqtt._tcp.local.": {&dnsmessage.PTRResource{PTR: dnsmessage.MustNewName("a._ipp._tcp.local.")}}}.
				offer("_ipp._tcp.local.", "a", srv(0, 631, "b.example.")),
		},
		{
			name: "more brokers than one tries",
			zone: func() zone {
				z := zone{}
				for i := range 20 {
					z.offer("local.", string(rune('a'+i)), srv(uint16(20-i), 1883, "b.example."))
				}
				return z
			}(),
			want: func() (list []discovery.Broker) {
				for i := range 8 {
					list = append(list, discovery.Broker{Name: string(rune('t' - i)), URL: "tcp://b.example:1883", Priority: uint16(i + 1)})
				}
				return list
			}(),
		},
		{
			name: "the node's own site comes first",
			zone: pi.offer("local.", "a", srv(0, 1883, "pi.local."), "site=main").
				offer("local.", "b", srv(5, 1883, "pi.local."), "site=hex").
				offer("local.", "c", srv(9, 1883, "pi.local.")),
			site: "hex",
			want: []discovery.Broker{
				{Name: "b", URL: "tcp://pi.local:1883", Site: "hex", Priority: 5, Addresses: addrs("192.0.2.7:1883")},
				{Name: "c", URL: "tcp://pi.local:1883", Priority: 9, Addresses: addrs("192.0.2.7:1883")},
				{Name: "a", URL: "tcp://pi.local:1883", Site: "main", Addresses: addrs("192.0.2.7:1883")},
			},
		},
	}
	// All at once: each takes two seconds.
	got, errs := make([][]discovery.Broker, len(tests)), make([]error, len(tests))
	var all sync.WaitGroup
	for i, tt := range tests {
		r := respond(t, func(p []byte) [][]byte { return [][]byte{tt.zone.answer(t, p, true)} })
		all.Go(func() { got[i], errs[i] = discovery.Multicast(t.Context(), []discovery.Link{r.link()}, tt.site) })
	}
	all.Wait()
	for i, tt := range tests {
		if diff := cmp.Diff(tt.want, got[i], compare, cmpopts.EquateEmpty()); errs[i] != nil || diff != "" {
			t.Errorf("%s: err %v, brokers (-want +got):\n%s", tt.name, errs[i], diff)
		}
	}
}

func TestAResponderThatSaysLittleIsAskedForTheRest(t *testing.T) {
	t.Parallel()
	z := zone{}.offer("local.", "a", srv(0, 1883, "b.example."), "site=hex")
	r := respond(t, func(p []byte) [][]byte { return [][]byte{z.answer(t, p, false)} })
	got, err := discovery.Multicast(t.Context(), []discovery.Link{r.link()}, "")
	want := []discovery.Broker{{Name: "a", URL: "tcp://b.example:1883", Site: "hex"}}
	if diff := cmp.Diff(want, got, compare); err != nil || diff != "" {
		t.Errorf("err %v, brokers (-want +got):\n%s", err, diff)
	}
	if r.asked() != 2 {
		t.Errorf("%d questions, want 2", r.asked())
	}
}

func TestAnswersThatAreNoneAreNotHeard(t *testing.T) {
	t.Parallel()
	z := zone{}.offer("local.", "a", srv(0, 1883, "b.example."))
	change := func(change func([]byte)) *responder {
		return respond(t, func(p []byte) [][]byte {
			answer := z.answer(t, p, true)
			change(answer)
			return [][]byte{answer}
		})
	}
	links := []discovery.Link{
		change(func(p []byte) { p[0]++ }).link(),       // of another question
		change(func(p []byte) { p[2] &= 0x7f }).link(), // a question itself
		change(func(p []byte) { p[2] |= 0x08 }).link(), // of another kind of message
		change(func(p []byte) { p[3] |= 2 }).link(),    // an error
		change(func(p []byte) { clear(p[12:]) }).link(),
		change(func(p []byte) { p[6] = 0xff }).link(), // more records than there are
	}
	foreign := change(func([]byte) {}).link()
	foreign.Peers = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}
	got, err := discovery.Multicast(t.Context(), append(links, foreign), "")
	if err != nil || len(got) > 0 {
		t.Errorf("brokers %+v, err %v, want neither", got, err)
	}
}

func TestAFloodOfAnswersIsBounded(t *testing.T) {
	t.Parallel()
	z := zone{}.offer("local.", "a", srv(0, 1883, "b.example."), "site=hex")
	r := respond(t, func(p []byte) [][]byte {
		first := z.answer(t, p, true)
		list := [][]byte{first}
		for i := range 200 {
			more := zone{}.host("h"+strconv.Itoa(i)+".local.", "192.0.2.1")
			list = append(list, more.answer(t, p, true), first[:len(first)-i%20-1])
		}
		return list
	})
	begun := time.Now()
	got, err := discovery.Multicast(t.Context(), []discovery.Link{r.link()}, "")
	if err != nil || len(got) != 1 || got[0].Site != "hex" {
		t.Errorf("brokers %+v, err %v, want the one", got, err)
	}
	if took := time.Since(begun); took > 4*time.Second {
		t.Errorf("took %v", took)
	}
}

func TestALinkThatCannotBeAskedCostsItselfOnly(t *testing.T) {
	t.Parallel()
	z := zone{}.offer("local.", "a", srv(0, 1883, "b.example."))
	good := respond(t, func(p []byte) [][]byte { return [][]byte{z.answer(t, p, true)} }).link()
	bad := good
	bad.Local = netip.MustParseAddr("203.0.113.77") // nobody's
	if got, err := discovery.Multicast(t.Context(), []discovery.Link{bad, good}, ""); err != nil || len(got) != 1 {
		t.Errorf("brokers %+v, err %v, want one", got, err)
	}
	if _, err := discovery.Multicast(t.Context(), []discovery.Link{bad}, ""); err == nil {
		t.Error("no error, though no link could be asked")
	}
	if got, err := discovery.Multicast(t.Context(), nil, ""); err != nil || len(got) > 0 {
		t.Errorf("brokers %+v, err %v without a link, want neither", got, err)
	}
}

func TestMulticastEndsWithItsContext(t *testing.T) {
	t.Parallel()
	asked := make(chan struct{}, 10)
	r := respond(t, func([]byte) [][]byte {
		asked <- struct{}{}
		return nil
	})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan time.Time)
	go func() {
		_, _ = discovery.Multicast(ctx, []discovery.Link{r.link()}, "")
		done <- time.Now()
	}()
	<-asked
	stopped := time.Now()
	cancel()
	if took := (<-done).Sub(stopped); took > 500*time.Millisecond {
		t.Errorf("took %v to stop", took)
	}
}

func TestLinksOfThisHostAreWellFormed(t *testing.T) {
	links, err := discovery.Links()
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range links { // there may be none
		addr := l.Local.WithZone("")
		onLink := slices.ContainsFunc(l.Peers, func(p netip.Prefix) bool { return p.Contains(addr) })
		if l.Interface == "" || !onLink || !l.Group.Addr().IsMulticast() || l.Group.Addr().Is4() != l.Local.Is4() {
			t.Errorf("link %+v", l)
		}
	}
}

func TestOrder(t *testing.T) {
	brokers := func(texts ...string) (list []discovery.Broker) {
		for _, text := range texts { // name, site, priority and weight
			f := strings.Split(text, " ")
			list = append(list, discovery.Broker{Name: f[0], Site: strings.Trim(f[1], "-"), Priority: uint16(f[2][0]), Weight: uint16(f[3][0])})
		}
		return list
	}
	tests := []struct {
		name, site string
		want       []discovery.Broker
	}{
		{"a site, priority, weight, name", "", brokers("a hex 1 9", "b hex 1 9", "c hex 1 8", "d hex 2 9", "e - 0 9", "f - 1 9")},
		{"the own site, none, another", "hex", brokers("b hex 9 1", "c - 5 1", "a main 1 1")},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for range 10 {
				got := slices.Clone(tt.want)
				rand.Shuffle(len(got), func(i, j int) { got[i], got[j] = got[j], got[i] })
				discovery.Order(got, tt.site)
				if diff := cmp.Diff(tt.want, got, compare); diff != "" {
					t.Fatalf("order (-want +got):\n%s", diff)
				}
			}
		})
	}
}
