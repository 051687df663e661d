package placement_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"thermarack/agent/wire"
	"thermarack/collector/internal/placement"
	"thermarack/collector/internal/poe"
)

// A network is two switches with a cable between their ports 24, and Pis that are
// plugged in and out. Ports 1 to 4 and 9 of each are there for Pis; port 9 feeds no
// slot of twoShelves, nor does port 4 of sw-b.
type network struct {
	*rand.Rand
	plugged map[placement.Port]wire.Node
	company map[wire.Node]bool // Pis behind whose port is another address
	marked  bool               // whether the switches know their uplinks
	now     time.Time
}

const (
	pis     = 10
	another = 24 // the port to the other switch
)

func newNetwork(seed uint64) *network {
	n := &network{Rand: rand.New(rand.NewPCG(seed, 0)), plugged: map[placement.Port]wire.Node{}, company: map[wire.Node]bool{}, now: noon}
	n.marked = n.IntN(2) == 0
	for i := range pis {
		n.company[pi(i+1)] = n.IntN(3) == 0
	}
	return n
}

func (n *network) port() placement.Port {
	return placement.Port{Switch: n.name(), Number: []int{1, 2, 3, 4, 9}[n.IntN(5)]}
}

func (n *network) name() string { return []string{"sw-a", "sw-b"}[n.IntN(2)] }

// replug takes a Pi from where it is, and mostly plugs it in somewhere else.
func (n *network) replug() {
	node := pi(n.IntN(pis) + 1)
	maps.DeleteFunc(n.plugged, func(_ placement.Port, at wire.Node) bool { return at == node })
	if to := n.port(); n.plugged[to] == "" && n.IntN(4) > 0 {
		n.plugged[to] = node
	}
}

// answer is what a switch has learned when each Pi's address is still known with
// a probability.
func (n *network) answer(name string, known float64) poe.Switch {
	// What is behind the other switch is always more than what is behind a Pi.
	far := poe.Port{Number: another, Uplink: n.marked, MACs: []wire.Node{"020000000f01", "020000000f02", "020000000f03"}}
	var s poe.Switch
	for port, node := range n.plugged {
		if n.Float64() > known {
			continue
		}
		if port.Switch != name {
			far.MACs = append(far.MACs, node)
			continue
		}
		one := poe.Port{Number: port.Number, MACs: []wire.Node{node}}
		if n.company[node] {
			one.MACs = append(one.MACs, "020000000a01")
		}
		s.Ports = append(s.Ports, one)
	}
	s.Ports = append(s.Ports, far)
	return s
}

func (n *network) poll(k *placement.Keeper, name string, known float64) {
	n.now = n.now.Add(15 * time.Second)
	k.Seen(name, n.answer(name, known), n.now)
}

func TestPlacesConvergeToTheTruthWhateverIsReplugged(t *testing.T) {
	t.Parallel()
	plan := placement.NewPlan(parse(t, twoShelves))
	for seed := range uint64(300) {
		n, r := newNetwork(seed), &told{}
		k := placement.NewKeeper(placement.Options{Layout: parse(t, twoShelves), Racks: r, Journal: r})
		for range 40 {
			if n.IntN(3) == 0 {
				n.replug()
			}
			n.poll(k, n.name(), 0.7)
			checkSound(t, plan, r.Nodes, seed)
		}
		for _, name := range []string{"sw-a", "sw-b", "sw-a"} {
			n.poll(k, name, 1)
		}
		for port, node := range n.plugged {
			if _, feeds := plan.Slot(port); feeds && r.Nodes[port] != node {
				t.Errorf("seed %d: %s is on %s, and %q is said to be", seed, node, port, r.Nodes[port])
			}
		}
		if len(r.Conflicts) > 0 {
			t.Errorf("seed %d: conflicts %q", seed, r.why())
		}
		settled := maps.Clone(r.Nodes)
		for range 20 {
			n.poll(k, n.name(), 0.4)
		}
		if diff := cmp.Diff(r.Nodes, settled); diff != "" {
			t.Errorf("seed %d: only addresses have aged out: -got +want\n%s", seed, diff)
		}
	}
}

// checkSound fails the test unless every Pi is in one slot, and one that is fed.
func checkSound(t *testing.T, plan *placement.Plan, nodes placement.Nodes, seed uint64) {
	t.Helper()
	at := map[wire.Node]placement.Port{}
	for port, node := range nodes {
		if other, twice := at[node]; twice {
			t.Errorf("seed %d: %s is on %s and on %s", seed, node, other, port)
		}
		at[node] = port
		if !plan.Takes(port, node) {
			t.Errorf("seed %d: %s is on %s, which takes none", seed, node, port)
		}
	}
}

// FuzzSeen makes answers of bytes, four for an address: switch and port, what else
// is known of the port, the Pi, and whether the answer ends.
func FuzzSeen(f *testing.F) {
	f.Add([]byte{0x01, 0, 1, 0, 0x02, 0, 2, 1, 0x81, 0, 1, 1})
	f.Add([]byte{0x01, 0, 1, 0, 0x01, 0, 2, 1, 0x18, 1, 1, 1, 0x00, 0, 1, 1})
	f.Fuzz(func(t *testing.T, text []byte) {
		l := parse(t, listed)
		plan, r := placement.NewPlan(l), &told{}
		k := placement.NewKeeper(placement.Options{Layout: l, Racks: r, Journal: r})
		var s poe.Switch
		now := noon
		for word := range slices.Chunk(text, 4) {
			if len(word) < 4 {
				break
			}
			s.Ports = append(s.Ports, poe.Port{
				Number: int(word[0] & 0x1f), Name: fmt.Sprint(word[0] & 0x1f), Uplink: word[1]&1 != 0,
				MACs: []wire.Node{pi(int(word[2])), "020000000001"}[:1+word[1]>>1&1],
			})
			if word[3]&1 != 0 {
				now = now.Add(time.Duration(word[3]) * time.Second)
				k.Seen([]string{"sw-a", "sw-b"}[word[0]>>7], s, now)
				s = poe.Switch{}
			}
			checkSound(t, plan, r.Nodes, 0)
			for _, c := range r.Conflicts {
				if c.Why() == "" || len(c.Nodes) == 0 || len(c.Spots) == 0 {
					t.Errorf("conflict %+v", c)
				}
			}
		}
	})
}
