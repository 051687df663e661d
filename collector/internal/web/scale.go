package web

import (
	"net/http"

	"thermarack/collector/internal/heatmap"
)

type scaleLine struct {
	Layer   heatmap.Layer `json:"layer"`
	Unit    string        `json:"unit"`
	Low     float64       `json:"low"`
	High    float64       `json:"high"`
	Colours []string      `json:"colours"`
}

// scale answers with the colours of a layer on a shelf, so that a playback is
// drawn in the very colours of the map.
func (s *Server) scale(w http.ResponseWriter, r *http.Request) error {
	id := shelfID(r)
	shelf, ok := s.opt.Racks.Layout().Shelf(id)
	if !ok {
		return noShelf(id)
	}
	query := r.URL.Query()
	layer, err := heatmap.ParseLayer(query.Get("layer"))
	if err != nil {
		return badParameter("layer", err.Error())
	}
	palette, err := heatmap.ParsePalette(query.Get("palette"))
	if err != nil {
		return badParameter("palette", err.Error())
	}
	c := heatmap.ColoursOf(layer, shelf.Limits, palette)
	return writeJSON(w, scaleLine{Layer: layer, Unit: c.Unit, Low: c.Low, High: c.High, Colours: c.RGB})
}
