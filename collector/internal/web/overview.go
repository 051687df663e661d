package web

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"thermarack/collector/internal/heatmap"
	"thermarack/collector/internal/rack"
)

// A scope is which shelves an overview shows.
type scope struct {
	site, rack string   // rack "" for all of the site
	only       []string // ids; none for all
}

// overview answers with the map of a rack or a site. With ?shelf=, given once or
// more, it is of those shelves only.
func (s *Server) overview(w http.ResponseWriter, r *http.Request) error {
	p, contentType, err := parsePicture(r)
	if err != nil {
		return err
	}
	of := scope{site: r.PathValue("site"), rack: r.PathValue("rack"), only: r.URL.Query()["shelf"]}
	if len(of.only) > maxFilter {
		return badParameter("shelf", "given more than 100 times")
	}
	slices.Sort(of.only)
	of.only = slices.Compact(of.only)
	key := fmt.Sprintf("overview %q %q %q %s", of.site, of.rack, of.only, p.key())
	got, err := s.liveOrPast(r.Context(), live{key: key, at: p.at}, func(ctx context.Context, out *bytes.Buffer) error {
		return s.drawOverview(ctx, of, p, out)
	})
	if err != nil {
		return err
	}
	return got.send(w, r, contentType)
}

func (s *Server) drawOverview(ctx context.Context, of scope, p picture, out *bytes.Buffer) error {
	ids, err := s.within(of, p.at)
	if err != nil {
		return err
	}
	shown, err := s.tilesOf(ctx, ids, p)
	if err != nil {
		return err
	}
	if len(shown) == 0 {
		return of.nowhere()
	}
	o, err := heatmap.NewOverview(shown)
	if err != nil {
		return err
	}
	o.Rack = of.rack
	switch p.format {
	case "svg":
		return o.WriteSVG(out, p.look)
	case "png":
		return o.WritePNG(out, p.look)
	}
	return o.WriteJSON(out, p.look)
}

// within returns the ids of the shelves of a scope, at the zero time those of now.
// The error is a problem when there are none.
func (s *Server) within(of scope, at time.Time) ([]string, error) {
	if strings.Contains(of.site+of.rack, "/") {
		return nil, of.nowhere()
	}
	prefix := of.site + "/"
	if of.rack != "" {
		prefix += of.rack + "/"
	}
	ids := slices.DeleteFunc(s.standing(at), func(id string) bool { return !strings.HasPrefix(id, prefix) })
	if len(ids) == 0 {
		return nil, of.nowhere()
	}
	for _, id := range of.only {
		if !slices.Contains(ids, id) {
			return nil, noShelf(id)
		}
	}
	if len(of.only) > 0 {
		return of.only, nil
	}
	return ids, nil
}

func (of scope) nowhere() error {
	what := fmt.Sprintf("site %q", of.site)
	if of.rack != "" {
		what = fmt.Sprintf("rack %q", of.site+"/"+of.rack)
	}
	return problem{http.StatusNotFound, "no shelf of " + what + " in the layout"}
}

// standing returns the ids of all shelves that there were.
func (s *Server) standing(at time.Time) []string {
	if !at.IsZero() && s.opt.Layouts != nil && !s.opt.Racks.Provisional() {
		if ids := s.opt.Layouts.Shelves(at); ids != nil {
			return slices.Clone(ids)
		}
	}
	var ids []string
	shelves := s.opt.Racks.Layout().Shelves // a provisional layout may change meanwhile
	for i := range shelves {
		ids = append(ids, shelves[i].ID())
	}
	return ids
}

// tilesOf returns the tiles of shelves. Of live ones, those are computed anew whose
// readings have changed since they were last asked for; alerts of the past are not
// kept here.
func (s *Server) tilesOf(ctx context.Context, ids []string, p picture) ([]heatmap.Tile, error) {
	if !p.at.IsZero() {
		return s.makeTiles(ctx, ids, p)
	}
	versions := make(map[string]uint64, len(ids)) // of before the states are read
	for _, id := range ids {
		versions[id] = s.hub.readings(id)
	}
	shown, old := s.tiles.known(versions, p.layer)
	made, err := s.makeTiles(ctx, old, p)
	if err != nil {
		return nil, err
	}
	s.tiles.keep(made, versions)
	shown = append(shown, made...)
	active := s.opt.Alerts.Active()
	for i := range shown {
		its := of(active, shown[i].Shelf)
		shown[i].State, shown[i].Alarms = worse(shown[i].State, its), alarms(its)
	}
	return shown, nil
}

// makeTiles computes tiles without their alerts, on all processors.
func (s *Server) makeTiles(ctx context.Context, ids []string, p picture) ([]heatmap.Tile, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	states, err := s.opt.Racks.States(ctx, ids, p.at)
	if err != nil {
		return nil, err
	}
	made, faults := make([]heatmap.Tile, len(states)), make([]error, len(states))
	turns := make(chan struct{}, runtime.GOMAXPROCS(0))
	var work sync.WaitGroup
	for i, state := range states {
		turns <- struct{}{}
		work.Go(func() {
			defer func() { <-turns }()
			made[i], faults[i] = makeTile(state, p.layer)
		})
	}
	work.Wait()
	return made, errors.Join(faults...)
}

// makeTile computes the map of a tile, and drops what an overview does not show.
func makeTile(state rack.State, layer heatmap.Layer) (heatmap.Tile, error) {
	m, err := heatmap.New(state, layer)
	if err != nil {
		return heatmap.Tile{}, err
	}
	m.Field = nil
	link := "/?shelf=" + strings.ReplaceAll(url.QueryEscape(m.Shelf), "%2F", "/")
	return heatmap.Tile{Map: m, State: calmState(state), Link: link}, nil
}
