package web

import (
	"net/http"

	"thermarack/agent/wire/layout"
)

// layoutFile answers with the layout in force as a file, to be given to --layout:
// the provisional one to begin with, or that of the layout file with the Pis that
// switches show in the slots that it leaves to them. The latter says where switches
// are managed, and so it is for the own machine only.
func (s *Server) layoutFile(w http.ResponseWriter, r *http.Request) error {
	if s.opt.Racks.Provisional() {
		return s.writeLayout(w, r)
	}
	return here(s.writeLayout)(w, r)
}

func (s *Server) writeLayout(w http.ResponseWriter, _ *http.Request) error {
	w.Header().Set("Content-Type", "application/yaml; charset=utf-8")
	w.Header().Set("Content-Disposition", `attachment; filename="layout.yaml"`)
	w.Header().Set("Cache-Control", "no-cache")
	_, err := w.Write(layout.Format(s.opt.Racks.Layout()))
	return gone(err)
}
