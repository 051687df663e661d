package web

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"

	"thermarack/agent/wire/layout"
)

// layoutFile answers with the provisional layout as a file, to be edited and
// given to --layout. One that came from files is not written back: who wants it
// has it, with its comments and its lists of slots.
func (s *Server) layoutFile(w http.ResponseWriter, _ *http.Request) error {
	if !s.opt.Racks.Provisional() {
		return problem{http.StatusNotFound, "the collector has a layout file: read it where --layout found it; only a provisional layout is offered here"}
	}
	var out bytes.Buffer
	writeProvisional(&out, s.opt.Racks.Layout())
	w.Header().Set("Content-Type", "application/yaml; charset=utf-8")
	w.Header().Set("Content-Disposition", `attachment; filename="layout.yaml"`)
	w.Header().Set("Cache-Control", "no-cache")
	_, err := w.Write(out.Bytes())
	return gone(err)
}

// writeProvisional writes a provisional layout, which has one shelf a site and
// knows nodes only, as a file that layout.Parse reads back equal.
func writeProvisional(out *bytes.Buffer, l *layout.Layout) {
	out.WriteString("version: 1\n")
	if len(l.Shelves) > 0 {
		out.WriteString("sites:\n")
	}
	for i := range l.Shelves {
		writeShelf(out, &l.Shelves[i])
	}
}

func writeShelf(out *bytes.Buffer, s *layout.Shelf) {
	fmt.Fprintf(out, "  %s:\n    racks:\n      %s:\n        shelves:\n          %s:\n", quote(s.Site), quote(s.Rack), quote(s.Name))
	fmt.Fprintf(out, "            columns: %d # along the aisle, left to right seen from the cold aisle\n", s.Columns)
	fmt.Fprintf(out, "            depth: %d # from cold to hot; slot 1 is front left, then along the front, then backwards\n", s.Depth)
	out.WriteString("            nodes:\n")
	for _, slot := range s.Slots {
		if slot.Node != "" {
			fmt.Fprintf(out, "              %d: %s\n", slot.Number, quote(string(slot.Node)))
		}
	}
	fmt.Fprintf(out, "            limits: {inlet: %v, hot: %v, soc: %v, critical: %v} # °C\n",
		s.Limits.Inlet, s.Limits.Hot, s.Limits.SoC, s.Limits.Critical)
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
