package places

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"time"

	"thermarack/agent/wire"
	"thermarack/collector/internal/placement"
	"thermarack/collector/internal/state"
)

// journalFile is beside the layouts. Each of its lines is a sum and a note.
const journalFile = "placements.jsonl"

// What is kept at most: a tenant that makes up addresses changes who is behind its
// port with every poll, and must not push out what is known of others.
const (
	maxChanges = 200_000 // of all ports together: 15 MB
	maxOfPort  = 1000    // of one
)

// maxJournal is the largest file that is read, in bytes.
const maxJournal = 64 << 20

// A note is what changed at one moment: a Pi that moves leaves one port and
// appears at another in the same line, so that both are on disk or neither.
type note struct {
	T     time.Time `json:"t"`
	Moves []move    `json:"moves"`
}

// A move says who is behind a port from then on.
type move struct {
	Switch string    `json:"switch"` // its name in the layout
	Port   int       `json:"port"`
	Node   wire.Node `json:"node"` // "": nobody
}

func (m move) port() placement.Port { return placement.Port{Switch: m.Switch, Number: m.Port} }

// A change is who is behind a port from a time on.
type change struct {
	from int64 // Unix ms
	node wire.Node
}

// A journal remembers which Pi was behind which port when. It is safe for
// concurrent use.
type journal struct {
	path string
	log  *slog.Logger

	mu      sync.RWMutex
	ports   map[placement.Port][]change  // in time order
	changes int                          // of all ports
	placed  placement.Nodes              // last
	behind  map[wire.Node]placement.Port // the inverse of placed
	last    int64                        // Unix ms, of the newest change
	written int64                        // bytes of the file that are whole lines
	lines   int                          // moves in them
}

// openJournal reads the journal in a directory. A last line that is not whole was
// being written when the power went: it is left out, and written over. So is any
// other that is damaged, but for the writing over.
func openJournal(o Options) (*journal, error) {
	j := &journal{
		path: filepath.Join(o.Dir, journalFile), log: o.Log,
		ports: map[placement.Port][]change{}, placed: placement.Nodes{}, behind: map[wire.Node]placement.Port{},
	}
	info, err := os.Stat(j.path)
	if errors.Is(err, fs.ErrNotExist) {
		return j, nil
	}
	if err == nil && info.Size() > maxJournal {
		err = fmt.Errorf("%s has %d bytes, which no collector writes; move it away", j.path, info.Size())
	}
	if err != nil {
		return nil, err
	}
	text, err := os.ReadFile(j.path)
	if err != nil {
		return nil, err
	}
	j.load(text, o.Now.UnixMilli())
	return j, nil
}

// load takes in the text of a file. What is said to be of the future, by a clock
// that was wrong, holds from now on.
func (j *journal) load(text []byte, now int64) {
	for number := 1; len(text) > 0; number++ {
		line, rest, whole := bytes.Cut(text, []byte("\n"))
		n, err := decodeNote(line)
		switch {
		case !whole || err != nil && len(rest) == 0:
			j.log.Warn("the last change of where Pis stand is not whole and left out", "file", j.path, "line", number)
			return
		case err != nil:
			j.log.Error("a change of where Pis stand is damaged and left out", "file", j.path, "line", number, "err", err)
		default:
			j.apply(n, min(n.T.UnixMilli(), now))
		}
		j.written += int64(len(line)) + 1
		text = rest
	}
	j.trim()
}

// apply takes in a note that is on disk.
func (j *journal) apply(n note, at int64) {
	j.last = max(at, j.last)
	j.lines += len(n.Moves)
	for _, m := range n.Moves {
		if m.Node == "" {
			j.set(m.port(), "")
		}
	}
	for _, m := range n.Moves {
		if m.Node != "" {
			j.set(m.port(), m.Node)
		}
	}
}

// set says who is behind a port from j.last on. Who appears there has left the port
// before, whatever a line that is lost has said.
func (j *journal) set(port placement.Port, node wire.Node) {
	if other, elsewhere := j.behind[node]; elsewhere && other != port {
		j.set(other, "")
	}
	delete(j.behind, j.placed[port])
	delete(j.placed, port)
	if node != "" {
		j.placed[port], j.behind[node] = node, port
	}
	all := j.ports[port]
	if n := len(all); n > 0 && all[n-1].from == j.last {
		all[n-1].node = node // so that what is of one moment has no order
		return
	}
	j.ports[port] = append(all, change{j.last, node})
	j.changes++
}

// Placed returns which Pi was found behind which port last.
func (h *History) Placed() placement.Nodes {
	h.journal.mu.RLock()
	defer h.journal.mu.RUnlock()
	return maps.Clone(h.journal.placed)
}

// Place notes which Pi is behind which port from a time on, if that is anything
// new, and returns when it is on disk. A time before that of the last change counts
// as that. The error names the file; nothing is then noted, and Place may be called
// again.
func (h *History) Place(at time.Time, nodes placement.Nodes) error {
	j := h.journal
	j.mu.Lock()
	defer j.mu.Unlock()
	n := note{T: time.UnixMilli(max(at.UnixMilli(), j.last)).UTC(), Moves: j.moves(nodes)}
	if len(n.Moves) == 0 {
		return nil
	}
	line, err := n.encode()
	if err == nil {
		err = j.append(line)
	}
	if err != nil {
		return fmt.Errorf("keep where Pis stand: %w", err)
	}
	j.apply(n, n.T.UnixMilli())
	j.trim()
	if j.lines > 2*j.changes+maxOfPort {
		if err := j.compact(); err != nil {
			j.log.Error("the file of where Pis stood is not made smaller", "err", err)
		}
	}
	return nil
}

// moves returns what has to change so that nodes holds, by port.
func (j *journal) moves(nodes placement.Nodes) []move {
	var all []move
	for port := range j.placed {
		if nodes[port] == "" {
			all = append(all, move{Switch: port.Switch, Port: port.Number})
		}
	}
	for port, node := range nodes {
		if j.placed[port] != node {
			all = append(all, move{port.Switch, port.Number, node})
		}
	}
	slices.SortFunc(all, func(a, b move) int { return a.port().Compare(b.port()) })
	return all
}

// append puts a line behind the whole ones, and syncs it.
func (j *journal) append(line []byte) (err error) {
	file, err := os.OpenFile(j.path, os.O_WRONLY|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	if err := file.Truncate(j.written); err != nil {
		return err
	}
	if _, err := file.WriteAt(line, j.written); err != nil {
		return err
	}
	if err := file.Sync(); err != nil {
		return err
	}
	if j.written == 0 {
		if err := state.SyncDir(filepath.Dir(j.path)); err != nil {
			return err
		}
	}
	j.written += int64(len(line))
	return nil
}

// trim forgets the oldest changes of those ports that have the most.
func (j *journal) trim() {
	for most := maxOfPort; most >= 1; most /= 2 {
		for port, all := range j.ports {
			if old := len(all) - most; old > 0 {
				j.ports[port] = slices.Delete(all, 0, old)
				j.changes -= old
			}
		}
		if j.changes <= maxChanges {
			return
		}
	}
}

// compact writes the file anew, without what was trimmed.
func (j *journal) compact() error {
	type placed struct {
		from int64
		move
	}
	all := make([]placed, 0, j.changes)
	for port, changes := range j.ports {
		for _, c := range changes {
			all = append(all, placed{c.from, move{port.Switch, port.Number, c.node}})
		}
	}
	slices.SortStableFunc(all, func(a, b placed) int {
		return cmp.Or(cmp.Compare(a.from, b.from), a.port().Compare(b.port()))
	})
	var text []byte
	for len(all) > 0 {
		n := note{T: time.UnixMilli(all[0].from).UTC()}
		for len(all) > 0 && all[0].from == n.T.UnixMilli() {
			n.Moves = append(n.Moves, all[0].move)
			all = all[1:]
		}
		line, err := n.encode()
		if err != nil {
			return err
		}
		text = append(text, line...)
	}
	if err := state.Replace(j.path, text); err != nil {
		return err
	}
	j.written, j.lines = int64(len(text)), j.changes
	return nil
}

// encode returns the line of a note: its CRC-32C in 8 hex digits, a space and JSON.
func (n note) encode() ([]byte, error) {
	text, err := json.Marshal(n)
	if err != nil {
		return nil, err
	}
	return fmt.Appendf(nil, "%08x %s\n", checksum(text), text), nil
}

func checksum(text []byte) uint32 { return crc32.Checksum(text, crc32.MakeTable(crc32.Castagnoli)) }

// decodeNote is the inverse of encode, without the end of the line.
func decodeNote(line []byte) (note, error) {
	sum, text, ok := bytes.Cut(line, []byte(" "))
	want, err := strconv.ParseUint(string(sum), 16, 32)
	if !ok || err != nil || checksum(text) != uint32(want) {
		return note{}, errors.New("its sum is another")
	}
	var n note
	if err := json.Unmarshal(text, &n); err != nil {
		return note{}, err
	}
	for _, m := range n.Moves {
		if m.Switch == "" || m.Port < 1 || m.Node != "" && !isNode(m.Node) {
			return note{}, fmt.Errorf("no port %d of %.80q with the Pi %.40q", m.Port, m.Switch, m.Node)
		}
	}
	return n, nil
}
