package web

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"thermarack/collector/internal/heatmap"
	"thermarack/collector/internal/watch"
)

// Widths of an image in px: below the least nothing can be read, and the
// greatest bounds what one request costs.
const (
	minWidth, defaultWidth, maxWidth = 200, 960, 4000
)

// A picture is what one request for a map asks for.
type picture struct {
	shelf  string
	format string // "svg", "png" or "json"
	at     time.Time
	layer  heatmap.Layer
	look   heatmap.Look
}

// heatmap answers with a map.
func (s *Server) heatmap(w http.ResponseWriter, r *http.Request) error {
	p, contentType, err := parsePicture(r)
	if err != nil {
		return err
	}
	p.shelf = shelfID(r)
	got, err := s.picture(r.Context(), p)
	if err != nil {
		return err
	}
	return got.send(w, r, contentType)
}

// picture draws a map; a live one only if nobody else did or does.
func (s *Server) picture(ctx context.Context, p picture) (rendering, error) {
	draw := func(ctx context.Context, out *bytes.Buffer) error { return s.draw(ctx, p, out) }
	return s.liveOrPast(ctx, live{key: p.key(), shelf: p.shelf, at: p.at}, draw)
}

func (s *Server) draw(ctx context.Context, p picture, out *bytes.Buffer) error {
	state, err := s.state(ctx, p.shelf, p.at)
	if err != nil {
		return err
	}
	m, err := heatmap.New(state, p.layer)
	if err != nil {
		return err
	}
	if p.at.IsZero() {
		p.look.Alarms = alarms(of(s.opt.Alerts.Active(), p.shelf))
	}
	switch p.format {
	case "svg":
		return heatmap.WriteSVG(out, m, p.look)
	case "png":
		return heatmap.WritePNG(out, m, p.look)
	}
	return m.WriteJSON(out)
}

func alarms(active []watch.Active) []heatmap.Alarm {
	marks := make([]heatmap.Alarm, len(active))
	for i, a := range active {
		marks[i] = heatmap.Alarm{Slot: a.Slot, Probe: a.Probe, Fans: a.FanNames(), Severity: a.Severity, Pending: a.State == "pending"}
	}
	return marks
}

// key tells live pictures apart that are not the same bytes.
func (p picture) key() string {
	return fmt.Sprintf("map %s %s %s %d %v %v %v", p.shelf, p.format, p.layer,
		p.look.Width, p.look.Palette, p.look.Dark, p.look.Numbers)
}

// parsePicture reads all of a request but what the map is of.
func parsePicture(r *http.Request) (p picture, contentType string, err error) {
	switch name := r.PathValue("image"); name {
	case "heatmap.svg":
		contentType = "image/svg+xml"
	case "heatmap.png":
		contentType = "image/png"
	case "heatmap.json":
		contentType = jsonType
	default:
		return p, "", problem{http.StatusNotFound, "want heatmap.svg, heatmap.png or heatmap.json"}
	}
	p.format = strings.TrimPrefix(r.PathValue("image"), "heatmap.")
	query := r.URL.Query()
	if p.at, err = timeOf(query, "at", time.Time{}); err != nil {
		return p, "", err
	}
	if p.layer, err = heatmap.ParseLayer(query.Get("layer")); err != nil {
		return p, "", badParameter("layer", err.Error())
	}
	p.look, err = parseLook(query)
	return p, contentType, err
}

func parseLook(query url.Values) (look heatmap.Look, err error) {
	if look.Palette, err = heatmap.ParsePalette(query.Get("palette")); err != nil {
		return look, badParameter("palette", err.Error())
	}
	theme, err := choice(query, "theme", "light", "dark")
	if err != nil {
		return look, err
	}
	numbers, err := choice(query, "numbers", "false", "true")
	if err != nil {
		return look, err
	}
	look.Dark, look.Numbers, look.Width = theme == "dark", numbers == "true", defaultWidth
	if text := query.Get("width"); text != "" {
		look.Width, err = strconv.Atoi(text)
	}
	if err != nil || look.Width < minWidth || look.Width > maxWidth {
		return look, badParameter("width", fmt.Sprintf("want %d to %d pixels", minWidth, maxWidth))
	}
	return look, nil
}
