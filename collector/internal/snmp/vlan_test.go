package snmp_test

import (
	"errors"
	"testing"

	"thermarack/collector/internal/snmp"
	"thermarack/collector/internal/snmp/snmptest"
)

func TestAClientReadsOneVLAN(t *testing.T) {
	t.Parallel()
	roots, all := ports(t, 20)
	r := snmptest.Start(t, snmp.Credentials{Version: snmp.Version2c, Community: "public@20"}, all.Vars())
	c := open(t, r, patient)
	same(t, c.VLAN(20), all, roots)
	got, err := c.VLAN(20).Get(t.Context(), oid(t, "1.3.6.1.2.1.1.5.0"))
	if err != nil || string(got[0].Value.Bytes) != "sw-a1" {
		t.Errorf("Get = %v, %v", got, err)
	}
	if c.Requests() != r.Requests() || c.Requests() == 0 {
		t.Errorf("the client counts %d requests, the switch %d", c.Requests(), r.Requests())
	}
}

func TestAVLANThatASwitchDoesNotKnowCostsOneTry(t *testing.T) {
	t.Parallel()
	roots, all := ports(t, 20)
	r := snmptest.Start(t, snmptest.Public, all.Vars())
	c := open(t, r, try)
	same(t, c, all, roots)
	alone := r.Requests()
	if _, err := c.VLAN(7).Walk(t.Context(), roots...); !errors.Is(err, snmp.ErrNoAnswer) {
		t.Errorf("err = %v", err)
	}
	if n := r.Requests() - alone; n > 3 {
		t.Errorf("%d requests for a VLAN that is not there", n)
	}
	before := r.Requests()
	same(t, c, all, roots)
	if n := r.Requests() - before; n > alone {
		t.Errorf("%d requests for the whole switch afterwards, %d before", n, alone)
	}
}
