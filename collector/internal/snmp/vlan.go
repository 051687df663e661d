package snmp

import (
	"context"
	"fmt"

	"github.com/gosnmp/gosnmp"
)

// VLAN returns a Source for what the switch shows of one VLAN only, as Cisco's show
// their MAC tables: to community@ID, or in the context vlan-ID of version 3. Each
// call opens and closes a socket of its own, so that a switch that does not know
// the VLAN, and stays silent, costs the client nothing but a try.
func (c *Client) VLAN(id int) Source { return vlan{c, id} }

type vlan struct {
	*Client
	id int
}

// Get implements Source.
func (v vlan) Get(ctx context.Context, objects ...OID) (vars []Var, err error) {
	err = v.with(func(c *Client) error {
		vars, err = c.Get(ctx, objects...)
		return err
	})
	return vars, err
}

// Walk implements Source.
func (v vlan) Walk(ctx context.Context, roots ...OID) (lists [][]Var, err error) {
	err = v.with(func(c *Client) error {
		lists, err = c.Walk(ctx, roots...)
		return err
	})
	return lists, err
}

// with lends a client that speaks of the VLAN.
func (v vlan) with(use func(*Client) error) error {
	c := &Client{target: v.target, host: v.host, port: v.port, vlan: v.id}
	c.pace = pace{batch: v.pace.batch, ceiling: v.pace.ceiling}
	err := use(c)
	v.requests += c.requests
	_ = c.Close() // nothing was to be written
	return err
}

// addressVLAN makes a session speak of a VLAN.
func addressVLAN(session *gosnmp.GoSNMP, id int) {
	if session.Version == gosnmp.Version3 {
		session.ContextName = fmt.Sprintf("vlan-%d", id)
		return
	}
	session.Community += fmt.Sprintf("@%d", id)
}
