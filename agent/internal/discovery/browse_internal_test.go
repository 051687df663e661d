package discovery

import (
	"net/netip"
	"net/url"
	"testing"

	"golang.org/x/net/dns/dnsmessage"

	"thermarack/agent/wire"
)

// offered is an answer with one of each record that is used.
func offered(tb testing.TB) []byte {
	tb.Helper()
	serviceName := dnsmessage.MustNewName("_mqtt._tcp.local.")
	instance := dnsmessage.MustNewName("Rack._mqtt._tcp.local.")
	host := dnsmessage.MustNewName("pi.local.")
	header := func(n dnsmessage.Name) dnsmessage.ResourceHeader {
		return dnsmessage.ResourceHeader{Name: n, Class: dnsmessage.ClassINET | flushBit, TTL: 120}
	}
	m := dnsmessage.Message{
		Header:    dnsmessage.Header{ID: 7, Response: true},
		Questions: []dnsmessage.Question{{Name: serviceName, Type: dnsmessage.TypePTR, Class: dnsmessage.ClassINET}},
		Answers:   []dnsmessage.Resource{{Header: header(serviceName), Body: &dnsmessage.PTRResource{PTR: instance}}},
		Additionals: []dnsmessage.Resource{
			{Header: header(instance), Body: &dnsmessage.SRVResource{Priority: 1, Weight: 2, Port: 1883, Target: host}},
			{Header: header(instance), Body: &dnsmessage.TXTResource{TXT: []string{"site=hex", "tls=1"}}},
			{Header: header(host), Body: &dnsmessage.AResource{A: [4]byte{192, 0, 2, 1}}},
			{Header: header(host), Body: &dnsmessage.AAAAResource{AAAA: netip.MustParseAddr("2001:db8::1").As16()}},
			{Header: header(host), Body: &dnsmessage.CNAMEResource{CNAME: host}},
		},
	}
	packet, err := m.Pack()
	if err != nil {
		tb.Fatal(err)
	}
	return packet
}

// dotted is an answer of avahi 0.8 whose instance is called "Rack v1.0".
const dotted = "\x00\x07\x84\x00\x00\x01\x00\x04\x00\x00\x00\x00\x05_mqtt\x04_tcp\x05local\x00\x00\x0c\x00\x01" +
	"\xc0\x0c\x00\x0c\x00\x01\x00\x00\x00\x0a\x00\x0c\x09Rack v1.0\xc0\x0c" +
	"\xc0\x2e\x00\x10\x00\x01\x00\x00\x00\x0a\x00\x09\x08site=hex" +
	"\xc0\x2e\x00\x21\x00\x01\x00\x00\x00\x0a\x00\x12\x00\x00\x00\x00\x07\x5b\x09collector\xc0\x17" +
	"\xc0\x61\x00\x01\x00\x01\x00\x00\x00\x0a\x00\x04\x0a\x63\x00\x02"

func brokersOf(packet []byte, id uint16) []Broker {
	b, _ := newBrowse("local")
	records, err := answers(packet, id)
	if err != nil {
		return nil
	}
	b.add(Link{}.here(records))
	return b.brokers("")
}

func TestAnInstanceMayHaveDotsInItsName(t *testing.T) {
	got := brokersOf([]byte(dotted), 7)
	if len(got) != 1 || got[0].Name != "Rack v1.0" || got[0].URL != "tcp://collector.local:1883" || got[0].Site != "hex" {
		t.Errorf("brokers %+v, want the one of the answer", got)
	}
}

func TestEveryTypeOfRecordIsRead(t *testing.T) {
	got := brokersOf(offered(t), 7)
	if len(got) != 1 || got[0].URL != "ssl://pi.local:1883" || got[0].Weight != 2 || len(got[0].Addresses) != 2 {
		t.Errorf("brokers %+v, want the one of the answer", got)
	}
}

func TestAGoodbyeIsNoOffer(t *testing.T) {
	packet := []byte(dotted)
	copy(packet[12+23+6:], "\x00\x00\x00\x00") // the TTL of the pointer
	if got := brokersOf(packet, 7); len(got) > 0 {
		t.Errorf("brokers %+v, want none", got)
	}
}

func TestPointersThatLeadNowhereEnd(t *testing.T) {
	const head = "\x00\x07\x84\x00\x00\x00\x00\x01\x00\x00\x00\x00"
	const tail = "\x00\x0c\x00\x01\x00\x00\x00\x0a\x00\x00"
	tests := []struct{ name, owner string }{
		{"to itself", "\xc0\x0c"},
		{"forward", "\xc0\x0e\x01a\x00"},
		{"to what leads back", "\x01a\xc0\x0c"},
		{"out of the message", "\xff\xff"},
		{"a reserved kind of label", "\x80a"},
		{"a label that is cut off", "\x3fa"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := answers([]byte(head+tt.owner+tail), 7); err != errDamaged {
				t.Errorf("err = %v, want %v", err, errDamaged)
			}
		})
	}
}

func TestAQueryIsWhatOthersReadAsOne(t *testing.T) {
	service, _ := parseName("_mqtt._tcp.local.")
	host, _ := parseName("pi.local")
	var got dnsmessage.Message
	if err := got.Unpack(query(513, true, question{service, typePTR}, question{host, typeAAAA})); err != nil {
		t.Fatal(err)
	}
	if !got.RecursionDesired || got.ID != 513 || len(got.Questions) != 2 ||
		got.Questions[0].Name.String() != "_mqtt._tcp.local." || got.Questions[0].Type != dnsmessage.TypePTR || got.Questions[0].Class != dnsmessage.ClassINET ||
		got.Questions[1].Name.String() != "pi.local." || got.Questions[1].Type != dnsmessage.TypeAAAA {
		t.Errorf("query = %s", got.GoString())
	}
}

func FuzzAnswersGiveUsableBrokersOrNone(f *testing.F) {
	f.Add(offered(f))
	f.Add([]byte(dotted))
	f.Fuzz(func(t *testing.T, packet []byte) {
		if len(packet) > maxPacket {
			return
		}
		b, _ := newBrowse("local")
		for range 2 { // as from two links
			records, _ := answers(packet, 7)
			b.add(records)
		}
		if n := len(b.missing()); n > 4*maxBrokers || len(b.records) > maxRecords {
			t.Errorf("%d questions about %d records", n, len(b.records))
		}
		brokers := b.brokers("")
		if len(brokers) > maxBrokers {
			t.Errorf("%d brokers", len(brokers))
		}
		for _, broker := range brokers {
			u, err := url.Parse(broker.URL)
			if err != nil || u.Hostname() == "" || u.Port() == "" || u.Port() == "0" || u.User != nil || u.Path != "" {
				t.Errorf("URL %q: %v", broker.URL, err)
			}
			if broker.Site != "" && wire.CheckSite(broker.Site) != nil {
				t.Errorf("site %q", broker.Site)
			}
			if len(broker.Addresses) > maxAddresses {
				t.Errorf("%d addresses", len(broker.Addresses))
			}
		}
	})
}
