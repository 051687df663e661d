package discovery_test

import (
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"golang.org/x/net/dns/dnsmessage"

	"thermarack/agent/internal/discovery"
)

func TestUnicast(t *testing.T) {
	plain := func(domain string, srv dnsmessage.SRVResource, txt ...string) zone {
		z := zone{"_mqtt._tcp." + domain: {&srv}}
		if len(txt) > 0 {
			z["_mqtt._tcp."+domain] = append(z["_mqtt._tcp."+domain], &dnsmessage.TXTResource{TXT: txt})
		}
		return z
	}
	tests := []struct {
		name string
		zone zone
		want []discovery.Broker
	}{
		{name: "nobody offers anything", zone: zone{}},
		{
			name: "pointers to instances, whose hosts the resolver finds",
			zone: zone{}.offer("hex.example.", "first", srv(1, 1883, "b1.example."), "site=hex").
				offer("hex.example.", "second", srv(0, 8883, "b2.example."), "site=hex").host("b1.example.", "192.0.2.1"),
			want: []discovery.Broker{
				{Name: "second", URL: "ssl://b2.example:8883", Site: "hex"},
				{Name: "first", URL: "tcp://b1.example:1883", Site: "hex", Priority: 1},
			},
		},
		{
			name: "a plain SRV record",
			zone: plain("hex.example.", srv(0, 1883, "B.Example.")),
			want: []discovery.Broker{{URL: "tcp://b.example:1883"}},
		},
		{
			name: "a plain SRV record with a site beside it",
			zone: plain("hex.example.", srv(0, 1884, "b.example."), "site=hex", "tls=1"),
			want: []discovery.Broker{{URL: "ssl://b.example:1884", Site: "hex"}},
		},
		{
			name: "the first domain that has any",
			zone: func() zone {
				z := plain("example.", srv(0, 1883, "later.example."))
				return z.offer("hex.example.", "a", srv(0, 1883, "b.example."))
			}(),
			want: []discovery.Broker{{Name: "a", URL: "tcp://b.example:1883"}},
		},
		{
			name: "the domain above",
			zone: plain("example.", srv(0, 1883, "b.example.")),
			want: []discovery.Broker{{URL: "tcp://b.example:1883"}},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := respond(t, func(p []byte) [][]byte {
				late := tt.zone.answer(t, p, false)
				late[0]++ // of another question
				return [][]byte{late, tt.zone.answer(t, p, false)}
			})
			got, err := discovery.Unicast(t.Context(), r.resolver("hex.example", "example"), "")
			if diff := cmp.Diff(tt.want, got, compare); err != nil || diff != "" {
				t.Errorf("err %v, brokers (-want +got):\n%s", err, diff)
			}
		})
	}
}

func TestAServerIsBelievedAboutTheQuestionOnly(t *testing.T) {
	z := zone{}.offer("hex.example.", "a", srv(0, 1883, "b.example."), "site=hex")
	other := zone{}.offer("hex.example.", "a", srv(0, 1883, "evil.example."), "site=evil")
	r := respond(t, func(p []byte) [][]byte {
		answer := z.answer(t, p, false)
		var m dnsmessage.Message
		if err := m.Unpack(answer); err != nil {
			t.Error(err)
		}
		if len(m.Answers) > 0 && m.Answers[0].Header.Type == dnsmessage.TypePTR {
			var more dnsmessage.Message
			_ = more.Unpack(other.answer(t, p, true))
			m.Additionals = more.Additionals
			answer, _ = m.Pack()
		}
		return [][]byte{answer}
	})
	got, err := discovery.Unicast(t.Context(), r.resolver("hex.example"), "")
	want := []discovery.Broker{{Name: "a", URL: "tcp://b.example:1883", Site: "hex"}}
	if diff := cmp.Diff(want, got, compare); err != nil || diff != "" {
		t.Errorf("err %v, brokers (-want +got):\n%s", err, diff)
	}
}

func TestTheNextServerIsAskedIfOneCannotAnswer(t *testing.T) {
	z := zone{}.offer("hex.example.", "a", srv(0, 1883, "b.example."))
	refusing := respond(t, func(p []byte) [][]byte {
		answer := z.answer(t, p, false)
		answer[3] = answer[3]&0xf0 | 5
		return [][]byte{answer}
	})
	good := respond(t, func(p []byte) [][]byte { return [][]byte{z.answer(t, p, false)} })
	r := discovery.Resolver{Servers: []netip.AddrPort{refusing.addr, good.addr}, Domains: []string{"hex.example"}}
	if got, err := discovery.Unicast(t.Context(), r, ""); err != nil || len(got) != 1 {
		t.Errorf("brokers %+v, err %v, want one", got, err)
	}
	if _, err := discovery.Unicast(t.Context(), refusing.resolver("hex.example"), ""); err == nil {
		t.Error("no error, though no server answers")
	}
	if _, err := discovery.Unicast(t.Context(), discovery.Resolver{Domains: []string{"hex.example"}}, ""); err == nil {
		t.Error("no error, though there is no server")
	}
}

func TestAServerMayRefuseOneQuestionAndAnswerAnother(t *testing.T) {
	refuse := func(answer []byte) []byte {
		answer[3] = answer[3]&0xf0 | 5
		return answer
	}
	for kind, z := range map[string]zone{
		"\x00\x21\x00\x01": zone{}.offer("hex.example.", "a", srv(0, 1883, "b.example.")),  // SRV of the service
		"\x00\x0c\x00\x01": {"_mqtt._tcp.hex.example.": {new(srv(0, 1883, "b.example."))}}, // PTR
	} {
		r := respond(t, func(p []byte) [][]byte {
			if strings.Contains(string(p), "\x00\x00\x05_mqtt") && strings.HasSuffix(string(p), kind) {
				return [][]byte{refuse(z.answer(t, p, false))}
			}
			return [][]byte{z.answer(t, p, false)}
		})
		if got, err := discovery.Unicast(t.Context(), r.resolver("hex.example"), ""); err != nil || len(got) != 1 {
			t.Errorf("refusing %x: brokers %+v, err %v, want one", kind, got, err)
		}
	}
}

func TestWhatWasFoundBeforeAServerFellSilentCounts(t *testing.T) {
	t.Parallel()
	z := zone{}.offer("hex.example.", "a", srv(0, 1883, "b.example."))
	r := respond(t, func(p []byte) [][]byte {
		if strings.Contains(string(p), "\x00\x10\x00\x01") { // asks for TXT
			return nil
		}
		return [][]byte{z.answer(t, p, false)}
	})
	begun := time.Now()
	got, err := discovery.Unicast(t.Context(), r.resolver("hex.example"), "")
	if err != nil || len(got) != 1 {
		t.Errorf("brokers %+v, err %v, want one", got, err)
	}
	if took := time.Since(begun); took < 900*time.Millisecond || took > 5*time.Second {
		t.Errorf("took %v, want the second that a server may take", took)
	}
}

func TestParseResolver(t *testing.T) {
	tests := []struct {
		name, text string
		want       discovery.Resolver
	}{
		{name: "nothing"},
		{
			name: "servers and domains",
			text: "# made by hand\nnameserver 192.0.2.53\nnameserver fe80::53%eth0\nsearch Hex.Example. example\noptions ndots:1\n",
			want: discovery.Resolver{Servers: addrs("192.0.2.53:53", "[fe80::53%eth0]:53"), Domains: []string{"hex.example", "example"}},
		},
		{
			name: "three servers, and the last list of domains",
			text: "search a\nnameserver 192.0.2.1\nnameserver 192.0.2.2\nnameserver 192.0.2.3\nnameserver 192.0.2.4\ndomain b",
			want: discovery.Resolver{Servers: addrs("192.0.2.1:53", "192.0.2.2:53", "192.0.2.3:53"), Domains: []string{"b"}},
		},
		{
			name: "what cannot be asked for is left out",
			text: "nameserver here\nnameserver\nsearch . local pi.local a..b " + strings.Repeat("x", 64) + " 1 2 3 4 5 6 7",
			want: discovery.Resolver{Domains: []string{"1", "2", "3", "4", "5", "6"}},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := discovery.ParseResolver(strings.NewReader(tt.text))
			if diff := cmp.Diff(tt.want, got, compare, cmpopts.EquateEmpty()); err != nil || diff != "" {
				t.Errorf("err %v, resolver (-want +got):\n%s", err, diff)
			}
		})
	}
}

func TestHostResolverReadsTheFileOrNamesIt(t *testing.T) {
	path := filepath.Join(t.TempDir(), "resolv.conf")
	if _, err := discovery.HostResolver(path); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("err = %v, want one that names %s", err, path)
	}
	if err := os.WriteFile(path, []byte("nameserver 192.0.2.53\nsearch hex.example\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	got, err := discovery.HostResolver(path)
	if err != nil || !slices.Equal(got.Domains, []string{"hex.example"}) || len(got.Servers) != 1 {
		t.Errorf("resolver %+v, err %v", got, err)
	}
}

func FuzzParseResolver(f *testing.F) {
	f.Add("nameserver 192.0.2.53\nsearch a b")
	f.Fuzz(func(t *testing.T, text string) {
		r, err := discovery.ParseResolver(strings.NewReader(text))
		if err == nil && (len(r.Servers) > 3 || len(r.Domains) > 6) {
			t.Errorf("%q gives %+v", text, r)
		}
	})
}
