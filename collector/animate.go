package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"time"

	"thermarack/collector/internal/heatmap"
	"thermarack/collector/internal/playback"
)

// What a moving picture is, unless flags say otherwise.
const (
	animationWidth = 640                    // px
	animationDelay = 100 * time.Millisecond // from one frame to the next
)

// animate draws a span into a file, in the format that its name ends with.
func (f heatmapFlags) animate(ctx context.Context, past drawnPast, wanted playback.Request) error {
	reel, err := playback.New(playback.Options{Shelves: past.model, Series: past.series}).Open(wanted)
	if fault := (playback.RequestError{}); errors.As(err, &fault) {
		return usageError{fmt.Errorf("heatmap: --%s: %s", fault.Part, fault.Why)}
	}
	if err != nil {
		return err
	}
	look := heatmap.Look{Width: cmp.Or(f.width, animationWidth)}
	a := heatmap.Animation{Look: look, Frames: reel.Count(), Delay: animationDelay}
	if a.Height, err = reel.Height(look); err != nil {
		return err
	}
	write := map[string]func(io.Writer) error{
		".json": func(w io.Writer) error { return reel.WriteJSON(ctx, w) },
		".png":  func(w io.Writer) error { return heatmap.WriteAPNG(w, reel.Maps(ctx), a) },
		".gif":  func(w io.Writer) error { return heatmap.WriteGIF(w, reel.Maps(ctx), a) },
	}[filepath.Ext(f.file)]
	if write == nil {
		return usageError{fmt.Errorf("heatmap: file %q of a span ends in none of .png, .gif, .json", f.file)}
	}
	return create(f.file, write)
}
