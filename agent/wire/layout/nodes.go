package layout

import (
	"bufio"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"thermarack/agent/wire"
	"thermarack/agent/wire/yamlfile"
)

// addNodes fills the slots of a shelf from its `nodes`, in one of three forms:
// {file: s3.csv}, {1: b827eb000001, 2: {mac: …, switch: …, port: …}, …} or
// {switch: sw-a1-3, ports: 1-108}.
func (p *parser) addNodes(at place, shelf *Shelf, raw *yaml.Node) {
	switch {
	case raw.Kind == 0:
		return // no nodes: a shelf that is watched by probes alone
	case raw.Kind != yaml.MappingNode:
		p.fault(at, "nodes is none of {file: F.csv}, {1: MAC, …}, {switch: NAME, ports: 1-108}")
		return
	}
	keys := map[string]string{}
	for i := 0; i+1 < len(raw.Content); i += 2 {
		keys[raw.Content[i].Value] = raw.Content[i+1].Value
	}
	if file, ok := keys["file"]; ok {
		p.onlyKeys(at, keys, "file")
		p.addCSV(at.at("file"), shelf, file)
	} else if name, ok := keys["switch"]; ok {
		p.onlyKeys(at, keys, "switch", "ports")
		p.addPorts(at, shelf, name, keys["ports"])
	} else {
		p.addSlots(at, shelf, raw)
	}
}

func (p *parser) onlyKeys(at place, keys map[string]string, known ...string) {
	for _, key := range sortedKeys(keys) {
		if !slices.Contains(known, key) {
			p.fault(at.at(key), "%s", yamlfile.UnknownKey(key, known))
		}
	}
}

func (p *parser) addSlots(at place, shelf *Shelf, raw *yaml.Node) {
	for i := 0; i+1 < len(raw.Content); i += 2 {
		key, value := raw.Content[i], raw.Content[i+1]
		number, err := strconv.Atoi(key.Value)
		if err != nil {
			p.fault(at.at(key.Value), "%s; or a slot number", yamlfile.UnknownKey(key.Value, []string{"file", "switch", "ports"}))
			continue
		}
		row := csvRow{file: p.file, line: key.Line, Slot: Slot{Number: number}}
		if value.Kind == yaml.MappingNode {
			if p.readSlot(&row, at.at(key.Value), value) {
				p.fill(shelf, row)
			}
			continue
		}
		if row.Node, err = wire.ParseNode(value.Value); err != nil {
			p.fault(at.at(key.Value), "slot %d: %q: %v", number, value.Value, wire.ErrNode)
			continue
		}
		p.fill(shelf, row)
	}
}

// readSlot reads {mac: b827eb000001, switch: sw-a1-3, port: 17}, and reports
// whether it is good. Without a mac it is a slot that is left to its port.
func (p *parser) readSlot(row *csvRow, at place, raw *yaml.Node) bool {
	keys := map[string]string{}
	for i := 0; i+1 < len(raw.Content); i += 2 {
		if raw.Content[i+1].Kind != yaml.ScalarNode {
			p.faultRow(*row, "%s of slot %d is no single word", raw.Content[i].Value, row.Number)
			return false
		}
		keys[raw.Content[i].Value] = raw.Content[i+1].Value
	}
	before := len(p.problems)
	p.onlyKeys(at, keys, "mac", "switch", "port")
	if text, ok := keys["mac"]; ok {
		p.readMAC(row, text)
	} else if keys["switch"] == "" || keys["port"] == "" {
		p.faultRow(*row, "slot %d has neither a mac nor a switch and a port", row.Number)
	}
	p.readPort(row, keys["switch"], keys["port"])
	return len(p.problems) == before
}

func (p *parser) addPorts(at place, shelf *Shelf, name, ports string) {
	if _, ok := p.layout.Switch(name); !ok {
		p.fault(at.at("switch"), "switch %q is not under switches:", name)
	}
	from, to, ok := strings.Cut(ports, "-")
	first, err1 := strconv.Atoi(from)
	last, err2 := strconv.Atoi(to)
	if !ok || err1 != nil || err2 != nil || first < 1 || last < first {
		p.fault(at.at("ports"), "ports %q is not a span such as 1-108", ports)
		return
	}
	if n := last - first + 1; n > len(shelf.Slots) {
		p.fault(at.at("ports"), "ports %s are %d, shelf %s has %d slots", ports, n, shelf.ID(), len(shelf.Slots))
		return
	}
	for port := first; port <= last; port++ {
		slot := &shelf.Slots[port-first]
		row := csvRow{file: p.file, line: yamlfile.Line(&p.tree, at.at("ports")...), Slot: Slot{Number: slot.Number, Switch: name, Port: port}}
		if p.feed(shelf, row) {
			*slot = row.Slot
		}
	}
}

// A csvRow is one placed Pi and where the file says so.
type csvRow struct {
	Slot
	file string
	line int
}

func (p *parser) faultRow(row csvRow, format string, args ...any) {
	p.problems = append(p.problems, yamlfile.Problem{File: row.file, Line: row.line, Text: fmt.Sprintf(format, args...)})
}

// fill puts one Pi into its slot, unless the slot or the Pi is taken.
func (p *parser) fill(shelf *Shelf, row csvRow) {
	if row.Number < 1 || row.Number > len(shelf.Slots) {
		p.faultRow(row, "slot %d: shelf %s has slots 1 to %d", row.Number, shelf.ID(), len(shelf.Slots))
		return
	}
	slot := &shelf.Slots[row.Number-1]
	if slot.Node != "" && row.Node != "" {
		p.faultRow(row, "slot %d of %s holds %s already, and cannot hold %s too", row.Number, shelf.ID(), slot.Node, row.Node)
		return
	}
	if slot.Node != "" || slot.Switch != "" {
		p.faultRow(row, "slot %d of %s is listed already", row.Number, shelf.ID())
		return
	}
	if row.Node != "" && !p.settle(shelf, row) {
		return
	}
	if p.feed(shelf, row) {
		*slot = row.Slot
	}
}

// settle notes where a Pi stands, and reports whether it stands nowhere else.
func (p *parser) settle(shelf *Shelf, row csvRow) bool {
	here := fmt.Sprintf("%s slot %d", shelf.ID(), row.Number)
	if other, taken := p.nodes[row.Node]; taken {
		p.faultRow(row, "node %s is in %s and in %s", row.Node, other, here)
		return false
	}
	p.nodes[row.Node] = here
	return true
}

// feed notes which port feeds a slot, and reports whether no other slot has it.
func (p *parser) feed(shelf *Shelf, row csvRow) bool {
	if row.Switch == "" || row.Port == 0 {
		return true
	}
	port := fmt.Sprintf("port %d of switch %s", row.Port, row.Switch)
	here := fmt.Sprintf("%s slot %d", shelf.ID(), row.Number)
	if other, taken := p.ports[port]; taken {
		p.faultRow(row, "%s feeds %s and %s", port, other, here)
		return false
	}
	p.ports[port] = here
	return true
}

// maxCSV holds the largest shelf, 200 × 200 rows, with room to spare.
const maxCSV = 4 << 20

// addCSV reads a file of columns slot, mac and, if wanted, switch and port.
func (p *parser) addCSV(at place, shelf *Shelf, name string) {
	file, err := p.files.Open(path.Clean(name))
	if err != nil {
		p.fault(at, "open %s: %v; the path is relative to this file", name, errors.Unwrap(err))
		return
	}
	defer file.Close()
	limited := &io.LimitedReader{R: file, N: maxCSV}
	defer func() {
		if limited.N == 0 {
			p.faultRow(csvRow{file: name}, "longer than %d bytes, which no shelf needs", maxCSV)
		}
	}()
	text := bufio.NewReader(limited)
	if mark, _ := text.Peek(3); string(mark) == "\ufeff" {
		_, _ = text.Discard(3) // spreadsheets begin a file with a byte order mark
	}
	reader := csv.NewReader(text)
	reader.Comment, reader.TrimLeadingSpace, reader.FieldsPerRecord = '#', true, -1
	header, err := reader.Read()
	if err != nil || len(header) < 2 || len(header) > 4 || !slices.Equal(header, []string{"slot", "mac", "switch", "port"}[:len(header)]) {
		p.faultRow(csvRow{file: name, line: 1}, "first line is not slot,mac or slot,mac,switch,port")
		return
	}
	for {
		cells, err := reader.Read()
		if errors.Is(err, io.EOF) {
			return
		}
		if parse := (*csv.ParseError)(nil); errors.As(err, &parse) {
			p.faultRow(csvRow{file: name, line: parse.Line}, "%v", parse.Err)
			return
		}
		if err != nil {
			p.fault(at, "read %s: %v", name, err)
			return
		}
		line, _ := reader.FieldPos(0)
		row := csvRow{file: name, line: line}
		if p.readRow(&row, cells) {
			p.fill(shelf, row)
		}
	}
}

// readRow reads the cells of one line, and reports whether they are good.
func (p *parser) readRow(row *csvRow, cells []string) bool {
	if len(cells) < 2 || len(cells) > 4 {
		p.faultRow(*row, "%d cells, want slot,mac or slot,mac,switch,port", len(cells))
		return false
	}
	before := len(p.problems)
	var err error
	if row.Number, err = strconv.Atoi(cells[0]); err != nil {
		p.faultRow(*row, "slot %q is not a number", cells[0])
	}
	p.readMAC(row, cells[1])
	cells = append(cells, "", "")
	p.readPort(row, cells[2], cells[3])
	return len(p.problems) == before
}

func (p *parser) readMAC(row *csvRow, text string) {
	var err error
	if row.Node, err = wire.ParseNode(text); err != nil {
		p.faultRow(*row, "%q: %v", text, wire.ErrNode)
	}
}

// readPort reads what feeds a slot; "" is not known.
func (p *parser) readPort(row *csvRow, name, port string) {
	if name != "" {
		row.Switch = name
		if _, ok := p.layout.Switch(name); !ok {
			p.faultRow(*row, "switch %q is not under switches: of the layout", name)
		}
	}
	if port == "" {
		return
	}
	var err error
	if row.Port, err = strconv.Atoi(port); err != nil || row.Port < 1 {
		p.faultRow(*row, "port %q is not a number from 1", port)
	}
}
