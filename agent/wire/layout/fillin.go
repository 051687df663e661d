package layout

import (
	"bytes"
	"fmt"
	"io/fs"
	"reflect"
	"strconv"

	"go.yaml.in/yaml/v3"
)

// FillIn returns the text of a layout file with the Pis of filled written into the
// slots that the file leaves to their switch ports; all else stays, comments too,
// but for blank lines and the width of indents. Slots that filled has nobody in
// stay as they are. files holds the CSV files that it names, which have a Pi in
// each line and stay as they are.
//
// The error is that of Parse, or says that the file is written in a way that this
// cannot keep: then write it by hand, or take what Format writes.
func FillIn(name string, data []byte, files fs.FS, filled *Layout) ([]byte, error) {
	want, err := Parse(name, data, files)
	if err != nil {
		return nil, err
	}
	var tree yaml.Node
	if err := yaml.Unmarshal(data, &tree); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	for i := range want.Shelves {
		shelf := &want.Shelves[i]
		with, ok := filled.Shelf(shelf.ID())
		if !ok {
			continue
		}
		shelf.take(with)
		if nodes := find(&tree, "sites", shelf.Site, "racks", shelf.Rack, "shelves", shelf.Name, "nodes"); nodes != nil {
			if err := shelf.writeNodes(nodes); err != nil {
				return nil, fmt.Errorf("%s: %w", name, err)
			}
		}
	}
	var out bytes.Buffer
	encoder := yaml.NewEncoder(&out)
	encoder.SetIndent(2)
	if err := encoder.Encode(&tree); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return kept(name, out.Bytes(), files, want)
}

// kept returns the text of a file that was changed, if it says what it should.
func kept(name string, text []byte, files fs.FS, want *Layout) ([]byte, error) {
	got, err := Parse(name, text, files)
	if err != nil {
		return nil, fmt.Errorf("%s cannot be kept as it is written: %w", name, err)
	}
	if !reflect.DeepEqual(got, want) {
		return nil, fmt.Errorf("%s cannot be kept as it is written", name)
	}
	return text, nil
}

// take fills the empty slots that a port feeds with the Pis that another state of
// the shelf has behind the same ports.
func (s *Shelf) take(with *Shelf) {
	for i := range s.Slots {
		slot := &s.Slots[i]
		if slot.Node != "" || slot.Switch == "" || slot.Port == 0 || i >= len(with.Slots) {
			continue
		}
		if other := with.Slots[i]; other.Switch == slot.Switch && other.Port == slot.Port {
			slot.Node = other.Node
		}
	}
}

// find returns what stands under a path of keys, nil when nothing does.
func find(n *yaml.Node, keys ...string) *yaml.Node {
	if n.Kind == yaml.DocumentNode && len(n.Content) > 0 {
		n = n.Content[0]
	}
	for _, key := range keys {
		n = value(n, key)
	}
	return n
}

func value(n *yaml.Node, key string) *yaml.Node {
	if n == nil || n.Kind != yaml.MappingNode {
		return nil
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			return n.Content[i+1]
		}
	}
	return nil
}

// writeNodes writes the slots of s into the `nodes` of a file that leaves any to
// its ports.
func (s *Shelf) writeNodes(nodes *yaml.Node) error {
	if value(nodes, "file") != nil {
		return nil
	}
	if value(nodes, "switch") == nil {
		return s.writeMACs(nodes)
	}
	f := &formatter{}
	for _, slot := range s.Slots {
		if text := slot.fields(); text != "" {
			f.line(0, "%d: %s", slot.Number, text)
		}
	}
	var made yaml.Node
	if err := yaml.Unmarshal(f.Bytes(), &made); err != nil {
		return err
	}
	nodes.Content, nodes.Style = made.Content[0].Content, 0
	nodes.Content[0].HeadComment, nodes.LineComment = nodes.LineComment, ""
	return nil
}

// writeMACs adds the MACs to those of listed slots that have none.
func (s *Shelf) writeMACs(nodes *yaml.Node) error {
	for i := 0; i+1 < len(nodes.Content); i += 2 {
		number, err := strconv.Atoi(nodes.Content[i].Value)
		slot := nodes.Content[i+1]
		if err != nil || slot.Kind != yaml.MappingNode || value(slot, "mac") != nil || s.Slots[number-1].Node == "" {
			continue
		}
		var mac yaml.Node
		if err := yaml.Unmarshal([]byte("mac: "+quote(string(s.Slots[number-1].Node))), &mac); err != nil {
			return err
		}
		slot.Content = append(mac.Content[0].Content, slot.Content...)
	}
	return nil
}
