package poe

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"thermarack/agent/wire"
	"thermarack/collector/internal/snmp"
)

// ErrTables reports a switch whose answers make no sense or are none. The text says
// which; look at it with `switch scan`, and at what its SNMP user may see.
var ErrTables = errors.New("its tables can't be used")

// A VLANSource is a Source of a switch that shows each VLAN's MAC table apart.
type VLANSource interface {
	snmp.Source

	// VLAN returns a Source that answers for the MAC table of VLAN id, 1 to 4094. It
	// is used by the same goroutine, and not closed.
	VLAN(id int) snmp.Source
}

// tick is the unit of sysUpTime.
const tick = 10 * time.Millisecond

// How long what was read is used again, by the switch's own clock.
const (
	stillFor = time.Hour        // its make, names and mapping: somebody may have changed names
	heardFor = 45 * time.Second // addresses, which tables keep for 300 s, and neighbours, for 120 s
)

// A Reader reads one switch again and again. It is not safe for concurrent use.
type Reader struct {
	src      snmp.Source
	profiles []profile // one, or those to choose from
	still    still
	heard    heard
	roster   roster
}

// NewReader returns a Reader of the switch that src speaks to, by the profile of
// that name; Auto for the one that fits. Nothing is read yet. When src is a
// VLANSource, switches that need it are asked for the VLANs of their PoE ports. The
// error wraps ErrProfile.
func NewReader(src snmp.Source, profile string) (*Reader, error) {
	list, err := profilesOf(profile)
	if err != nil {
		return nil, err
	}
	return &Reader{src: src, profiles: list, roster: roster{}}, nil
}

// A pulse tells whether a switch is still as it was.
type pulse struct {
	uptime                time.Duration
	interfaces, rebuiltAt int64 // ifNumber, ifTableLastChange
}

// lasts tells whether what was read at p can be used at now. When the clock of the
// switch stands still, or has started anew, nothing can.
func (p pulse) lasts(now pulse, d time.Duration) bool {
	age := now.uptime - p.uptime
	return now.interfaces == p.interfaces && now.rebuiltAt == p.rebuiltAt && 0 < age && age < d
}

// Still is what rarely changes.
type still struct {
	family
	at                pulse
	name, description string
	mac               wire.Node
	*interfaces
	lldp    answers // how LLDP calls the ports; nil until a neighbour has to be placed
	missing string  // why VLANs are no longer asked for, "" while they are
}

// Heard is what was last learned of who is behind which interface. A port of the
// bridge without an interface is there by its number below 0.
type heard struct {
	at      pulse
	learned learned
	uplinks map[int]bool
}

// Read reads the switch. What rarely changes is asked for when the switch has
// started anew, when its interfaces have changed and every hour; addresses and
// neighbours every 45 s. The error is that of the Source, or wraps ErrTables;
// nothing is lost by it, and the next Read may succeed.
func (r *Reader) Read(ctx context.Context) (Switch, error) {
	now, err := r.pulse(ctx)
	if err != nil {
		return Switch{}, err
	}
	if r.still.profile == nil || !r.still.at.lasts(now, stillFor) {
		if err := r.learn(ctx, now); err != nil {
			return Switch{}, err
		}
	}
	due := r.heard.learned == nil || !r.heard.at.lasts(now, heardFor)
	columns := slices.Concat(r.still.columns(r.still.table), r.still.supplyColumns())
	if due {
		columns = slices.Concat(columns, fdbColumns(), neighbourColumns())
	}
	a, err := walk(ctx, r.src, columns...)
	if err != nil {
		return Switch{}, err
	}
	read := reading{r.still.profile, a, r.still.table}
	ports, err := read.ports()
	if err != nil {
		return Switch{}, err
	}
	r.name(ports)
	if due {
		if err := r.listen(ctx, now, a, ports); err != nil {
			return Switch{}, err
		}
	}
	return r.assemble(now, ports, read.supplies())
}

// pulse reads how old the switch is.
func (r *Reader) pulse(ctx context.Context) (pulse, error) {
	vars, err := r.src.Get(ctx, sysUpTime(), ifNumber(), ifTableLastChange())
	if err != nil {
		return pulse{}, err
	}
	return pulse{
		uptime:     time.Duration(max(0, vars[0].Value.Int)) * tick,
		interfaces: vars[1].Value.Int, rebuiltAt: vars[2].Value.Int,
	}, nil
}

// learn reads what rarely changes.
func (r *Reader) learn(ctx context.Context, now pulse) error {
	vars, err := r.src.Get(ctx, sysObjectID(), sysName(), sysDescr(), dot1dBaseBridgeAddress())
	if err != nil {
		return err
	}
	s := still{at: now, name: textOf(vars[1].Value), description: textOf(vars[2].Value), mac: macOf(vars[3].Value.Bytes)}
	if s.family, err = identify(ctx, r.src, r.profiles, vars[0].Value.ID); err != nil {
		return err
	}
	if s.interfaces, err = readInterfaces(ctx, r.src, s.profile, s.table); err != nil {
		return err
	}
	if r.still.profile != nil && r.still.Name != s.Name {
		r.roster = roster{} // another make of switch
	}
	r.still, r.heard = s, heard{}
	return nil
}

// name sets what follows from the ports' interfaces. An interface that two ports
// lead to is that of neither: the switch counts otherwise than the profile says.
func (r *Reader) name(ports []Port) {
	leading := map[int]int{}
	for i := range ports {
		ports[i].IfIndex = r.still.of(r.still.profile, ports[i].Index)
		leading[ports[i].IfIndex]++
	}
	for i := range ports {
		if leading[ports[i].IfIndex] > 1 {
			ports[i].IfIndex = 0
		}
		ports[i].Name = r.still.names[ports[i].IfIndex]
	}
	r.roster.number(ports)
}

// fdbColumns are what is read of the tables of addresses.
func fdbColumns() []snmp.OID {
	var columns []snmp.OID
	for _, table := range fdbs() {
		columns = append(columns, table.port, table.status)
	}
	return columns
}

// listen takes over what a holds of addresses and neighbours, and asks for more
// where that is needed to understand it.
func (r *Reader) listen(ctx context.Context, now pulse, a answers, ports []Port) error {
	h := heard{at: now, learned: learned{}}
	for _, table := range fdbs() {
		h.learned.add(a.column(table.port), a.column(table.status), r.interfaceOf)
	}
	var err error
	if h.uplinks, err = r.neighbours(ctx, a); err != nil {
		return err
	}
	if err := r.listenVLANs(ctx, h.learned, ports); err != nil {
		return err
	}
	r.heard = h
	return nil
}

// neighbours returns the interfaces that a has bridges or routers behind.
func (r *Reader) neighbours(ctx context.Context, a answers) (map[int]bool, error) {
	numbers := bridgeNeighbours(a)
	if len(numbers) > 0 && r.still.lldp == nil {
		local, err := walk(ctx, r.src, lldpLoc(locPort), lldpLoc(locDescription))
		if err != nil {
			return nil, err
		}
		r.still.lldp = local
	}
	names, descriptions := r.still.lldp.column(lldpLoc(locPort)), r.still.lldp.column(lldpLoc(locDescription))
	found := map[int]bool{}
	for _, number := range numbers {
		found[r.still.localPort(r.still.profile, number, names, descriptions)] = true
	}
	return found, nil
}

// interfaceOf returns the key of a port of the bridge in learned.
func (r *Reader) interfaceOf(port int) int {
	if index := r.still.bridge(r.still.profile, port); index > 0 {
		return index
	}
	return -port
}

// listenVLANs adds the addresses of the VLANs that PoE ports are in, where each has
// a table of its own. A switch that does not show us those is not asked again until
// what rarely changes is read: it would make each poll wait.
func (r *Reader) listenVLANs(ctx context.Context, l learned, ports []Port) error {
	src, ok := r.src.(VLANSource)
	if !ok || r.still.VLANs == nil || r.still.missing != "" {
		return nil
	}
	column := snmp.OID(r.still.VLANs)
	a, err := walk(ctx, r.src, column)
	if err != nil {
		return err
	}
	for _, id := range vlans(a.column(column), ports) {
		err := r.listenVLAN(ctx, src.VLAN(id), l)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil:
			r.still.missing = fmt.Sprintf("addresses of VLAN %d and higher: %v", id, err)
			return nil
		}
	}
	return nil
}

// listenVLAN adds the addresses of one VLAN.
func (r *Reader) listenVLAN(ctx context.Context, src snmp.Source, l learned) error {
	table := fdbs()[0]
	a, err := walk(ctx, src, table.port, table.status, dot1dBasePortIfIndex())
	if err != nil {
		return err
	}
	bridged := bridgePorts(a.column(dot1dBasePortIfIndex()))
	l.add(a.column(table.port), a.column(table.status), func(port int) int {
		if index := bridged[port]; index > 0 {
			return index
		}
		return r.interfaceOf(port)
	})
	return nil
}

// maxVLANs bounds how many tables are read. PoE ports are in one or two as a rule.
const maxVLANs = 32

// vlans returns the VLANs that ports are in, sorted.
func vlans(c cells, ports []Port) []int {
	found := map[int]bool{}
	for _, p := range ports {
		if id := c.indexed(fmt.Sprint(p.IfIndex)); 0 < id && id <= 4094 {
			found[id] = true
		}
	}
	list := slices.Sorted(maps.Keys(found))
	return list[:min(len(list), maxVLANs)]
}

// assemble puts all together.
func (r *Reader) assemble(now pulse, ports []Port, supplies []Supply) (Switch, error) {
	if len(ports) == 0 && len(r.still.bridged) == 0 && len(r.heard.learned) == 0 {
		return Switch{}, fmt.Errorf("neither ports with PoE nor a bridge: may its SNMP user see all of 1.3.6.1? (%w)", ErrTables)
	}
	slices.SortStableFunc(ports, func(a, b Port) int { return a.Number - b.Number })
	powered := map[int]bool{}
	for _, p := range ports {
		powered[p.IfIndex] = true
	}
	for _, index := range slices.Sorted(maps.Keys(r.heard.learned)) {
		if !powered[index] {
			ports = append(ports, r.plain(index))
		}
	}
	for i := range ports {
		p := &ports[i]
		if p.Index != "" {
			p.MACs = r.heard.learned.macs(p.IfIndex, r.still.mac)
		}
		p.Uplink = crowded(p.MACs) || p.IfIndex > 0 && r.heard.uplinks[p.IfIndex]
	}
	return Switch{
		Profile: r.still.Name, Name: r.still.name, Description: r.still.description, MAC: r.still.mac,
		Uptime: now.uptime, HeardAgo: now.uptime - r.heard.at.uptime, Ports: ports, Supplies: supplies, Missing: r.still.missing,
	}, nil
}

// plain returns the port without PoE of a key of learned.
func (r *Reader) plain(index int) Port {
	p := Port{IfIndex: index, Name: r.still.names[index], MACs: r.heard.learned.macs(index, r.still.mac)}
	if index < 0 {
		p.IfIndex, p.Name = 0, fmt.Sprintf("bridge port %d", -index)
	}
	return p
}
