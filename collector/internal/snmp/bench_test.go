package snmp_test

import (
	"testing"

	"thermarack/collector/internal/snmp"
	"thermarack/collector/internal/snmp/snmptest"
)

// BenchmarkWalk reads interfaces and MAC addresses of a recorded switch over
// UDP, the agent in the same process; "source" is the recording without it.
func BenchmarkWalk(b *testing.B) {
	r := recorded(b, "procurve_2520.snmprec")
	var roots []snmp.OID
	for _, root := range []string{"1.3.6.1.2.1.2.2.1.2", "1.3.6.1.2.1.2.2.1.8", "1.3.6.1.2.1.17.1.4.1.2", "1.3.6.1.2.1.17.4.3.1.2", "1.3.6.1.2.1.17.4.3.1.3", "1.3.6.1.2.1.17.7.1.2.2.1.2", "1.3.6.1.2.1.31.1.1.1.1"} {
		roots = append(roots, oid(b, root))
	}
	client := open(b, snmptest.Start(b, snmptest.Public, r.Vars()), 0)
	for name, source := range map[string]snmp.Source{"udp": client, "recording": r} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			vars := 0
			requests := client.Requests()
			for b.Loop() {
				lists, err := source.Walk(b.Context(), roots...)
				if err != nil {
					b.Fatal(err)
				}
				vars = 0
				for _, list := range lists {
					vars += len(list)
				}
			}
			b.ReportMetric(float64(vars), "objects")
			b.ReportMetric(float64(client.Requests()-requests)/float64(b.N), "requests")
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*vars), "ns/object")
		})
	}
}
