package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"thermarack/agent/wire/layout"
	"thermarack/collector/internal/config"
	"thermarack/collector/internal/places"
)

// layoutCommand is `layout check F`, `layout suggest` and `layout calibrate`.
func layoutCommand(ctx context.Context, args []string, out output) error {
	what := ""
	if len(args) > 0 {
		what = args[0]
	}
	switch what {
	case "check":
		return checkLayout(args[1:], out)
	case "suggest":
		return suggestLayout(ctx, args[1:], out)
	case "calibrate":
		return calibrateLayout(ctx, args[1:], out)
	case "--help", "-h":
		return parse(flag.NewFlagSet("layout", flag.ContinueOnError), args, out, 0)
	}
	return usageError{errors.New("layout: want layout check FILE, layout suggest, or layout calibrate --shelf ID")}
}

func checkLayout(args []string, out output) error {
	flags := flag.NewFlagSet("layout check", flag.ContinueOnError)
	if err := parse(flags, args, out, 1); err != nil {
		return err
	}
	l, err := loadLayout(flags.Arg(0))
	if err != nil {
		return err
	}
	for i := range l.Shelves {
		s := &l.Shelves[i]
		placed := 0
		for _, slot := range s.Slots {
			if slot.Node != "" || slot.Switch != "" {
				placed++
			}
		}
		fmt.Fprintf(out.Out, "%s: %d of %d slots placed, %d probes, %d fans\n", s.ID(), placed, len(s.Slots), len(s.Probes), len(s.Fans))
	}
	return nil
}

// A suggestion is what `layout suggest` is told.
type suggestion struct{ data, url, layout, file string }

// suggestLayout writes a layout file with the Pis in the slots where switches show
// them. What cannot be decided it lists and leaves as it is.
func suggestLayout(ctx context.Context, args []string, out output) error {
	var s suggestion
	flags := flag.NewFlagSet("layout suggest", flag.ContinueOnError)
	flags.StringVar(&s.data, "data", config.Default().Data, "`directory` of a collector, which may be running")
	flags.StringVar(&s.url, "url", "", "`URL` of a collector that runs on this machine, instead of --data")
	flags.StringVar(&s.layout, "layout", "", "layout `file` to fill in, with its comments; none: the collector's, without any")
	flags.StringVar(&s.file, "o", "", "`file` to write; none: standard output")
	if err := parse(flags, args, out, 0); err != nil {
		return err
	}
	filled, err := s.shown(ctx, out.Err)
	if err != nil {
		return err
	}
	text := layout.Format(filled)
	if s.layout != "" {
		if text, err = fillIn(s.layout, filled); err != nil {
			return err
		}
	}
	return s.write(text, out.Out)
}

// shown returns the layout with the Pis that switches show, and says what is in
// doubt.
func (s suggestion) shown(ctx context.Context, stderr io.Writer) (filled *layout.Layout, err error) {
	if s.url != "" {
		return shownBy(ctx, deskAt(strings.TrimSuffix(s.url, "/")), stderr)
	}
	if _, err := os.Stat(s.data); err != nil {
		return nil, fmt.Errorf("read the data of a collector: %w", err)
	}
	claimed, err := claimData(s.data)
	if errors.Is(err, errInUse) {
		a, err := readAddresses(s.data)
		if err != nil {
			return nil, err
		}
		return shownBy(ctx, deskAt("http://"+fromHere(a.HTTP)), stderr)
	}
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, claimed.release()) }()
	return lastShown(filepath.Join(s.data, "layouts"), stderr)
}

// lastShown is shown of a collector that does not run, whose layouts are in dir.
func lastShown(dir string, stderr io.Writer) (*layout.Layout, error) {
	log := slog.New(slog.NewTextHandler(stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	history, err := places.Open(places.Options{Dir: dir, Now: time.Now(), Log: log})
	if err != nil {
		return nil, err
	}
	last := history.Last()
	if last == nil {
		return nil, fmt.Errorf("%s has no layout: no collector has run there with a layout file", dir)
	}
	fmt.Fprintln(stderr, "no collector runs here: this is what its switches showed last, and what is in doubt is not known")
	return last, nil
}

// maxLayout is the longest layout that is read, in bytes.
const maxLayout = 64 << 20

// shownBy is shown of a collector that runs.
func shownBy(ctx context.Context, at *desk, stderr io.Writer) (_ *layout.Layout, err error) {
	defer func() { err = errors.Join(err, at.close()) }()
	filled, err := askLayout(ctx, at)
	if err != nil {
		return nil, err
	}
	return filled, sayDoubts(ctx, at, stderr)
}

// askLayout returns the layout of a collector that runs.
func askLayout(ctx context.Context, at *desk) (*layout.Layout, error) {
	answer, err := at.ask(ctx, http.MethodGet, "/api/v1/layout.yaml", nil)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(io.LimitReader(answer.Body, maxLayout))
	if err != nil {
		return nil, fmt.Errorf("read the collector's layout: %w", err)
	}
	return layout.Parse(answer.Request.URL.String(), text, noFiles{})
}

// noFiles is beside a layout that holds everything itself.
type noFiles struct{}

func (noFiles) Open(name string) (fs.File, error) {
	return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
}

// sayDoubts lists what is left to a person: contradictions, and Pis without a slot.
func sayDoubts(ctx context.Context, at *desk, stderr io.Writer) error {
	answer, err := at.ask(ctx, http.MethodGet, "/api/v1/unplaced", nil)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	var doubts struct {
		Conflicts []struct{ Why string }
		Unplaced  []struct {
			Node string
			Port *struct {
				Switch, Name string
				Port         *int
			}
		}
	}
	if err := json.NewDecoder(io.LimitReader(answer.Body, maxLayout)).Decode(&doubts); err != nil {
		return fmt.Errorf("read what the collector has not placed: %w", err)
	}
	for _, c := range doubts.Conflicts {
		fmt.Fprintf(stderr, "not decided: %s\n", printable(c.Why))
	}
	for _, u := range doubts.Unplaced {
		if u.Port == nil {
			continue
		}
		port := fmt.Sprintf("port %q", u.Port.Name)
		if u.Port.Port != nil {
			port = fmt.Sprintf("port %d", *u.Port.Port)
		}
		fmt.Fprintf(stderr, "not placed: %s on %s of %s\n", printable(u.Node), port, printable(u.Port.Switch))
	}
	return nil
}

// printable leaves out what a terminal might obey.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r >= 0x7f && r < 0xa0 {
			return -1
		}
		return r
	}, s)
}

// fillIn returns the text of a layout file with the Pis of filled in the slots that
// the file leaves to switches.
func fillIn(file string, filled *layout.Layout) ([]byte, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("read layout: %w", err)
	}
	return layout.FillIn(filepath.Base(file), text, os.DirFS(filepath.Dir(file)), filled)
}

func (s suggestion) write(text []byte, stdout io.Writer) error {
	if s.file == "" {
		_, err := stdout.Write(text)
		return err
	}
	return writeLayout(s.file, text)
}

// writeLayout writes a layout where it can be read again: the CSV files that it
// names are relative to it. One that is there keeps its mode.
func writeLayout(file string, text []byte) (err error) {
	if _, err := layout.Parse(filepath.Base(file), text, os.DirFS(filepath.Dir(file))); err != nil {
		return fmt.Errorf("write the layout: %w", err)
	}
	mode := fs.FileMode(0o644)
	if there, err := os.Stat(file); err == nil {
		mode = there.Mode().Perm()
	}
	to, err := createFile(file, mode)
	if err != nil {
		return fmt.Errorf("write the layout: %w", err)
	}
	defer func() { err = errors.Join(err, to.discard()) }()
	if _, err := to.Write(text); err != nil {
		return err
	}
	return to.commit()
}
