package poe

import (
	_ "embed"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"thermarack/agent/wire/yamlfile"
	"thermarack/collector/internal/snmp"
)

// Auto is the profile that finds the right one.
const Auto = "auto"

// ErrProfile reports a profile that there is none of. The text lists them.
var ErrProfile = errors.New("unknown profile")

//go:embed profiles.yaml
var profilesFile []byte

// profiles are what profiles.yaml says, in its order. A test holds that it can be
// read, so that a program that starts can't find it broken.
var profiles = sync.OnceValue(func() []profile {
	list, err := parseProfiles("profiles.yaml", profilesFile)
	if err != nil {
		panic(err)
	}
	return list
})

// ProfileNames returns what a profile may be called, Auto first.
func ProfileNames() []string {
	names := []string{Auto}
	for _, p := range profiles() {
		names = append(names, p.Name)
	}
	return names
}

// profilesOf returns the profile of that name, all for Auto. The error wraps
// ErrProfile.
func profilesOf(name string) ([]profile, error) {
	list := profiles()
	if name == Auto {
		return list, nil
	}
	i := slices.IndexFunc(list, func(p profile) bool { return p.Name == name })
	if i < 0 {
		return nil, fmt.Errorf("%w %.80q: want one of %s", ErrProfile, name, strings.Join(ProfileNames(), " "))
	}
	return list[i : i+1], nil
}

// A profile says how one family of switches shows its PoE.
type profile struct {
	Name     string   `yaml:"name"`
	Seen     []string `yaml:"seen"`     // recordings of real switches, or "MIB"
	Objects  []object `yaml:"objects"`  // begin the sysObjectID of such a switch
	Tables   []object `yaml:"tables"`   // places of the family's own table of ports; the first that is there counts
	Standard bool     `yaml:"standard"` // has the tables of RFC 3621, whose index its own table shares
	Manual   bool     `yaml:"manual"`   // only for who asks for it by name

	Admin     admin  `yaml:"admin"` // columns of its own table go before those of RFC 3621
	Power     power  `yaml:"power"`
	Class     class  `yaml:"class"`
	Status    status `yaml:"status"`
	Supply    supply `yaml:"supply"`    // its own table of supplies
	Threshold string `yaml:"threshold"` // "none" where RFC 3621's column holds something else

	Interface link   `yaml:"interface"` // what leads from a port to its interface
	Bridge    string `yaml:"bridge"`    // "name" where the MAC table counts ports by their names, not by dot1dBasePort
	VLANs     object `yaml:"vlans"`     // the VLAN of each interface, where each has a MAC table in its own SNMP context
}

type admin struct {
	Column uint32  `yaml:"column"` // 0 for none, as everywhere
	On     []int64 `yaml:"on"`
	Off    []int64 `yaml:"off"`
}

type power struct {
	Column    uint32 `yaml:"column"`
	Unit      unit   `yaml:"unit"`
	Allocated uint32 `yaml:"allocated"` // the column of what is set aside: the same value there was not measured
}

type class struct {
	Column uint32 `yaml:"column"`
	Most   int64  `yaml:"most"` // higher values mean none
}

type status struct {
	Column uint32           `yaml:"column"`
	Values map[string]named `yaml:"values"` // by number, or by text in lower case
}

// A supply is read from rows of one number, or from scalars: a table of one row.
type supply struct {
	Watts object `yaml:"watts"`
	Used  object `yaml:"used"`
	Free  object `yaml:"free"` // instead of Used
	Unit  unit   `yaml:"unit"`
	First *int   `yaml:"first"` // number of its first row; 1 when not given
}

// A link leads from a row of the table of ports to an interface.
type link struct {
	By     string `yaml:"by"`
	Column uint32 `yaml:"column"` // of an entity: its entPhysicalIndex
	First  *int   `yaml:"first"`  // of a name: the number of the first unit and port; 1 when not given
}

// The ways from a port to its interface.
const (
	byIfIndex = "ifIndex" // the last number of the port's index is it
	byEntity  = "entity"  // entPhysicalIndex, then entAliasMappingIdentifier
	byName    = "name"    // group and port are the first and last number of ifName, as 1/0/17
	byNothing = "nothing"
)

// An object is an OID as text.
type object snmp.OID

// UnmarshalText implements encoding.TextUnmarshaler.
func (o *object) UnmarshalText(text []byte) error {
	oid, err := snmp.ParseOID(string(text))
	*o = object(oid)
	return err
}

// column returns the OID of a column of the table o.
func (o object) column(n uint32) snmp.OID { return snmp.OID(o).Append(n) }

// A unit is how many of it make a watt.
type unit int

// UnmarshalText implements encoding.TextUnmarshaler.
func (u *unit) UnmarshalText(text []byte) error {
	*u = map[string]unit{"W": 1, "0.1 W": 10, "mW": 1000}[string(text)]
	if *u == 0 {
		return fmt.Errorf("unit %q: want W, 0.1 W or mW", text)
	}
	return nil
}

// watts returns n of the unit in W.
func (u unit) watts(n int64) float64 { return float64(n) / float64(u) }

// A named status is written as RFC 3621 calls it.
type named Status

// UnmarshalText implements encoding.TextUnmarshaler.
func (n *named) UnmarshalText(text []byte) error {
	for _, s := range statuses() {
		if s.String() == string(text) {
			*n = named(s)
			return nil
		}
	}
	return fmt.Errorf("status %q: want one of %v", text, statuses())
}

// parseProfiles reads a file of profiles.
func parseProfiles(name string, data []byte) ([]profile, error) {
	var list []profile
	if err := yamlfile.Decode(name, data, &list); err != nil {
		return nil, err
	}
	for i, p := range list {
		if slices.ContainsFunc(list[:i], func(q profile) bool { return q.Name == p.Name }) {
			return nil, fmt.Errorf("%s: profile %q: the name is taken", name, p.Name)
		}
		if problem := p.problem(); problem != "" {
			return nil, fmt.Errorf("%s: profile %q: %s", name, p.Name, problem)
		}
	}
	return list, nil
}

// problem says what is wrong with p, "" when nothing is.
func (p *profile) problem() string {
	own := p.Admin.Column + p.Power.Column + p.Power.Allocated + p.Class.Column + p.Status.Column + p.Interface.Column
	switch {
	case p.Name == "" || p.Name == Auto:
		return "it needs a name"
	case len(p.Seen) == 0:
		return `"seen" names recordings, or MIB`
	case len(p.Tables) == 0 && own > 0:
		return "columns need a table"
	case len(p.Tables) > 0 && (p.Power.Column == 0 || p.Power.Unit == 0):
		return "a table needs a column of power, with its unit: a switch is recognised by it"
	case len(p.Tables) == 0 && !p.Standard:
		return "it needs a table, or the standard's"
	case !slices.Contains([]string{byIfIndex, byEntity, byName, byNothing}, p.Interface.By):
		return `"interface" is by ifIndex, entity, name or nothing`
	case (p.Interface.By == byEntity) != (p.Interface.Column > 0):
		return "an interface by entity, and no other, needs a column"
	case p.Bridge != "" && p.Bridge != byName:
		return `"bridge" is name, or left out`
	case p.Supply.Watts != nil && (p.Supply.Unit == 0 || (p.Supply.Used == nil) == (p.Supply.Free == nil)):
		return "a supply needs a unit, and either used or free"
	case p.Threshold != "" && p.Threshold != "none":
		return `"threshold" is none, or left out`
	}
	return ""
}
