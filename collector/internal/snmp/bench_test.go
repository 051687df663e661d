package snmp_test

import (
	"testing"

	"thermarack/collector/internal/snmp"
	"thermarack/collector/internal/snmp/snmptest"
)

// BenchmarkWalk reads interfaces and MAC addresses of a recorded switch over
// UDP, the agent in the same process, and from the recording without an agent.
func BenchmarkWalk(b *testing.B) {
	r := recorded(b, "procurve_2520.snmprec")
	var roots []snmp.OID
	for _, root := range []string{"1.3.6.1.2.1.2.2.1.2", "1.3.6.1.2.1.2.2.1.8", "1.3.6.1.2.1.17.1.4.1.2", "1.3.6.1.2.1.17.4.3.1.2", "1.3.6.1.2.1.17.4.3.1.3", "1.3.6.1.2.1.17.7.1.2.2.1.2", "1.3.6.1.2.1.31.1.1.1.1"} {
		roots = append(roots, oid(b, root))
	}
	b.Run("recording", func(b *testing.B) { walk(b, r, roots) })
	for name, credentials := range map[string]snmp.Credentials{"2c": snmptest.Public, "3": private("SHA256", "AES")} {
		b.Run(name, func(b *testing.B) {
			agent := snmptest.Start(b, credentials, r.Vars())
			client, err := snmp.Open(b.Context(), snmp.Target{Address: agent.Address(), Credentials: credentials})
			if err != nil {
				b.Fatal(err)
			}
			defer client.Close()
			walk(b, client, roots)
			b.ReportMetric(float64(client.Requests())/float64(b.N), "requests")
		})
	}
}

func walk(b *testing.B, source snmp.Source, roots []snmp.OID) {
	b.ReportAllocs()
	vars := 0
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
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*vars), "ns/object")
}
