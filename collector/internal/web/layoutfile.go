package web

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"thermarack/agent/wire/layout"
)

// layoutFile answers with the layout in force as a file: with none, the
// provisional one, to be edited and given to --layout.
func (s *Server) layoutFile(w http.ResponseWriter, r *http.Request) error {
	var out bytes.Buffer
	err := writeLayout(&out, s.opt.Racks.Layout())
	if errors.Is(err, errTwoFiles) {
		return problem{http.StatusConflict, err.Error()}
	}
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/yaml; charset=utf-8")
	w.Header().Set("Content-Disposition", `attachment; filename="layout.yaml"`)
	w.Header().Set("Cache-Control", "no-cache")
	_, err = w.Write(out.Bytes())
	return gone(err)
}

// errTwoFiles reports slots with both a node and a switch port: the layout
// takes those from a CSV file only. Download the files where they were written.
var errTwoFiles = errors.New("a slot has both a node and a switch port, which one layout file cannot say")

// writeLayout writes l as a file that layout.Parse reads back equal. The error
// wraps errTwoFiles.
func writeLayout(out *bytes.Buffer, l *layout.Layout) error {
	out.WriteString("version: 1\n")
	site, rack := "", ""
	if len(l.Shelves) > 0 {
		out.WriteString("sites:\n")
	}
	for i := range l.Shelves { // sorted by id, so that each site and rack comes in one run
		shelf := &l.Shelves[i]
		if shelf.Site != site {
			fmt.Fprintf(out, "  %s:\n    racks:\n", quote(shelf.Site))
			rack = ""
		}
		if shelf.Rack != rack {
			fmt.Fprintf(out, "      %s:\n        shelves:\n", quote(shelf.Rack))
		}
		site, rack = shelf.Site, shelf.Rack
		if err := writeShelf(out, shelf); err != nil {
			return err
		}
	}
	writeSwitches(out, l.Switches)
	return nil
}

func writeShelf(out *bytes.Buffer, s *layout.Shelf) error {
	fmt.Fprintf(out, "          %s:\n", quote(s.Name))
	fmt.Fprintf(out, "            columns: %d # along the aisle, left to right seen from the cold aisle\n", s.Columns)
	fmt.Fprintf(out, "            depth: %d # from cold to hot; slot 1 is front left, then along the front, then backwards\n", s.Depth)
	if err := writeNodes(out, s); err != nil {
		return err
	}
	if len(s.Probes) > 0 {
		out.WriteString("            probes:\n")
	}
	for _, p := range s.Probes {
		fmt.Fprintf(out, "              - {name: %s, sensor: %s, ", quote(p.Name), quote(p.Sensor))
		if p.Node != "" {
			fmt.Fprintf(out, "node: %s, ", quote(string(p.Node)))
		}
		fmt.Fprintf(out, "x: %v, y: %v, face: %s, offset: %v}\n", p.X, p.Y, p.Face, p.Offset)
	}
	if len(s.Fans) > 0 {
		out.WriteString("            fans:\n")
	}
	for _, f := range s.Fans {
		fmt.Fprintf(out, "              - {name: %s, speed: %s, healthy: %v}\n", quote(f.Name), quote(f.Speed), f.Healthy)
	}
	fmt.Fprintf(out, "            limits: {inlet: %v, hot: %v, soc: %v, critical: %v} # °C\n",
		s.Limits.Inlet, s.Limits.Hot, s.Limits.SoC, s.Limits.Critical)
	return nil
}

// writeNodes writes the slots of a shelf in the form that fits them.
func writeNodes(out *bytes.Buffer, s *layout.Shelf) error {
	first, last := -1, -1
	for i, slot := range s.Slots {
		if slot.Node == "" && slot.Port == 0 && slot.Switch == "" {
			continue
		}
		if slot.Switch != "" && slot.Node != "" {
			return fmt.Errorf("shelf %s: slot %d: %w", s.ID(), slot.Number, errTwoFiles)
		}
		if first < 0 {
			first = i
		}
		last = i
	}
	if first < 0 {
		return nil
	}
	if s.Slots[first].Switch != "" {
		return writePorts(out, s, last)
	}
	out.WriteString("            nodes:\n")
	for _, slot := range s.Slots[first : last+1] {
		if slot.Switch != "" {
			return fmt.Errorf("shelf %s: slot %d: %w", s.ID(), slot.Number, errTwoFiles)
		}
		if slot.Node != "" {
			fmt.Fprintf(out, "              %d: %s\n", slot.Number, quote(string(slot.Node)))
		}
	}
	return nil
}

// writePorts writes slots that are filled by one run of ports from slot 1.
func writePorts(out *bytes.Buffer, s *layout.Shelf, last int) error {
	begin := s.Slots[0]
	for i, slot := range s.Slots[:last+1] {
		if slot.Switch != begin.Switch || slot.Switch == "" || slot.Port != begin.Port+i {
			return fmt.Errorf("shelf %s: slot %d: %w", s.ID(), slot.Number, errTwoFiles)
		}
	}
	fmt.Fprintf(out, "            nodes: {switch: %s, ports: %d-%d}\n", quote(begin.Switch), begin.Port, begin.Port+last)
	return nil
}

func writeSwitches(out *bytes.Buffer, switches []layout.Switch) {
	if len(switches) > 0 {
		out.WriteString("switches:\n")
	}
	for _, s := range switches {
		fmt.Fprintf(out, "  %s: {profile: %s", quote(s.Name), quote(s.Profile))
		for _, field := range []struct{ key, value string }{{"mac", string(s.MAC)}, {"host", s.Host}, {"credentials", s.Credentials}} {
			if field.value != "" {
				fmt.Fprintf(out, ", %s: %s", field.key, quote(field.value))
			}
		}
		out.WriteString("}\n")
	}
}

// quote writes s as a JSON string, which is a YAML one too: never a number, a
// key word or the end of a mapping.
func quote(s string) string {
	text, err := json.Marshal(s)
	if err != nil {
		panic("a string has no JSON: " + err.Error())
	}
	return string(text)
}
