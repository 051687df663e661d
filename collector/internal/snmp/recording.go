package snmp

import (
	"bufio"
	"bytes"
	"compress/bzip2"
	"compress/gzip"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"
)

// ErrRecording reports a recording that can't be read as one. Record the switch
// again, with snmprec of snmpsim for example.
var ErrRecording = errors.New("no usable recording")

// The bounds of a recording. A whole walk of a stack of switches has some 50 000
// objects in 3 MB.
const (
	maxRecordingBytes = 64 << 20
	maxRecordedLine   = 1 << 20
	maxRecordedVars   = 500_000
)

// A Recording is what an agent said at one time. It is a Source that answers as
// the agent did, is never changed and is safe for concurrent use.
type Recording struct {
	vars []Var // sorted, no OID twice
}

// NewRecording returns a recording of vars, in any order; of those with one OID
// the last counts. Values are shared with vars.
func NewRecording(vars []Var) *Recording {
	vars = slices.Clone(vars)
	slices.Reverse(vars)
	slices.SortStableFunc(vars, CompareVars)
	return &Recording{slices.CompactFunc(vars, func(a, b Var) bool { return CompareVars(a, b) == 0 })}
}

// OpenRecording reads a file, see ReadRecording.
func OpenRecording(path string) (*Recording, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("recording: %w", err)
	}
	defer file.Close()
	return ReadRecording(file, path)
}

// ReadRecording reads the .snmprec format of snmpsim, plain or packed with gzip
// or bzip2: a line an object, as 1.3.6.1.2.1.1.5.0|4|sw-a1-3. The tag is the
// number of the type in BER; "x" behind it says that the value is in hexadecimal.
// An Opaque is Null; other modifiers of tags are refused. Empty lines and those
// that begin with # are skipped. The error wraps ErrRecording, and names the line
// behind name.
func ReadRecording(r io.Reader, name string) (*Recording, error) {
	text, err := unpacked(r)
	if err != nil {
		return nil, fmt.Errorf("%s: unpack: %w (%w)", name, err, ErrRecording)
	}
	limited := &io.LimitedReader{R: text, N: maxRecordingBytes + 1}
	lines := bufio.NewScanner(limited)
	lines.Buffer(nil, maxRecordedLine)
	var vars []Var
	n := 0
	for lines.Scan() {
		n++
		line := strings.TrimSuffix(lines.Text(), "\r")
		if line == "" || line[0] == '#' {
			continue
		}
		v, err := parseRecorded(line)
		if err == nil && len(vars) == maxRecordedVars {
			err = fmt.Errorf("more than %d objects", maxRecordedVars)
		}
		if err != nil {
			return nil, fmt.Errorf("%s:%d: %w (%w)", name, n, err, ErrRecording)
		}
		vars = append(vars, v)
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("%s:%d: %w (%w)", name, n+1, err, ErrRecording)
	}
	if limited.N == 0 {
		return nil, fmt.Errorf("%s: more than %d MiB (%w)", name, maxRecordingBytes>>20, ErrRecording)
	}
	return NewRecording(vars), nil
}

// unpacked tells by the first bytes how r is packed.
func unpacked(r io.Reader) (io.Reader, error) {
	packed := bufio.NewReader(r)
	magic, err := packed.Peek(3)
	if err != nil && err != io.EOF {
		return nil, err
	}
	switch {
	case bytes.HasPrefix(magic, []byte("BZh")):
		return bzip2.NewReader(packed), nil
	case bytes.HasPrefix(magic, []byte{0x1f, 0x8b}):
		return gzip.NewReader(packed)
	}
	return packed, nil
}

func parseRecorded(line string) (Var, error) {
	name, rest, ok1 := strings.Cut(line, "|")
	tag, value, ok2 := strings.Cut(rest, "|")
	if !ok1 || !ok2 {
		return Var{}, fmt.Errorf("want OID|TAG|VALUE, not %.40q", line)
	}
	oid, err := ParseOID(name)
	if err != nil {
		return Var{}, err
	}
	v, err := parseRecordedValue(tag, value)
	if err != nil {
		return Var{}, fmt.Errorf("%.80s|%.20q: %w", name, tag, err)
	}
	return Var{oid, v}, nil
}

// parseRecordedValue knows the tags of RFC 3416, section 3, by their numbers in BER.
func parseRecordedValue(tag, value string) (Value, error) {
	tag, inHex := strings.CutSuffix(tag, "x")
	if inHex {
		text, err := hex.DecodeString(value)
		if err != nil {
			return Value{}, fmt.Errorf("value: %w", err)
		}
		value = string(text)
	}
	switch tag {
	case "2":
		n, err := strconv.ParseInt(value, 10, 64)
		return Value{Kind: Integer, Int: n}, wrongValue(err)
	case "4":
		return Value{Kind: Text, Bytes: []byte(value)}, nil
	case "5", "68": // NULL, and Opaque, which the standard has given up
		return Value{}, nil
	case "6":
		id, err := ParseOID(value)
		return Value{Kind: Identifier, ID: id}, err
	case "64":
		return recordedAddress(value, inHex)
	case "65", "66", "67", "70":
		n, err := strconv.ParseUint(value, 10, 64)
		return Value{Kind: Counter, Int: int64(min(n, math.MaxInt64))}, wrongValue(err)
	}
	return Value{}, errors.New("want a tag of 2 4 5 6 64 65 66 67 68 70, and 4x or 64x where the value is in hexadecimal")
}

// wrongValue leaves out the text of the value, which may be long.
func wrongValue(err error) error {
	var number *strconv.NumError
	if errors.As(err, &number) {
		return fmt.Errorf("value %.40q: %w", number.Num, number.Err)
	}
	return err
}

func recordedAddress(value string, inHex bool) (Value, error) {
	if inHex && len(value) == 4 {
		return Value{Kind: Address, Bytes: []byte(value)}, nil
	}
	address, err := netip.ParseAddr(value)
	if err != nil || !address.Is4() {
		return Value{}, fmt.Errorf("want an IPv4 address, not %.40q", value)
	}
	return Value{Kind: Address, Bytes: address.AsSlice()}, nil
}

// Vars returns all objects in the order of an agent. They are shared and must not
// be changed.
func (r *Recording) Vars() []Var { return r.vars }

// Get implements Source. It never fails.
func (r *Recording) Get(_ context.Context, objects ...OID) ([]Var, error) {
	got := make([]Var, len(objects))
	for i, object := range objects {
		got[i] = Var{OID: object}
		if at, ok := r.search(object); ok {
			got[i] = r.vars[at]
		}
	}
	return got, nil
}

// Walk implements Source. It never fails. The lists are shared with r and must
// not be changed.
func (r *Recording) Walk(_ context.Context, roots ...OID) ([][]Var, error) {
	lists := make([][]Var, len(roots))
	for i, root := range roots {
		from, itself := r.search(root)
		if itself {
			from++ // an agent's walk begins behind its root
		}
		to := from
		for to < len(r.vars) && under(r.vars[to].OID, root) {
			to++
		}
		lists[i] = r.vars[from:to:to]
	}
	return lists, nil
}

func under(o, root OID) bool {
	_, ok := o.Under(root)
	return ok
}

func (r *Recording) search(o OID) (int, bool) {
	return slices.BinarySearchFunc(r.vars, o, func(v Var, o OID) int { return v.OID.Compare(o) })
}
