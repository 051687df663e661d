package web

import (
	"sync"
	"time"

	"thermarack/collector/internal/heatmap"
)

// forgetTiles is how long a tile is kept that nobody asks for.
const forgetTiles = time.Minute

// tiles keeps the tiles, without alerts, of shelves whose readings have not changed, so that of a site of a
// hundred shelves only those are computed that have. It is safe for concurrent use.
type tiles struct {
	mu      sync.Mutex
	entries map[tileKey]keptTile
}

type tileKey struct {
	shelf string
	layer heatmap.Layer
}

type keptTile struct {
	heatmap.Tile
	version uint64 // of the readings in the hub
	made    time.Time
}

func newTiles() *tiles { return &tiles{entries: map[tileKey]keptTile{}} }

// known returns the tiles of a layer that are still true of shelves at these
// versions, and the ids of the others.
func (t *tiles) known(versions map[string]uint64, layer heatmap.Layer) (tiles []heatmap.Tile, others []string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for id, version := range versions {
		kept, ok := t.entries[tileKey{id, layer}]
		if ok && kept.version == version && time.Since(kept.made) < maxRenderAge {
			tiles = append(tiles, kept.Tile)
			continue
		}
		others = append(others, id)
	}
	return tiles, others
}

// keep keeps tiles that were made at these versions, and forgets those of shelves
// and layers that are not asked for any more.
func (t *tiles) keep(made []heatmap.Tile, versions map[string]uint64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := time.Now()
	for _, tile := range made {
		t.entries[tileKey{tile.Shelf, tile.Layer}] = keptTile{tile, versions[tile.Shelf], now}
	}
	for key, kept := range t.entries {
		if now.Sub(kept.made) > forgetTiles {
			delete(t.entries, key)
		}
	}
}
