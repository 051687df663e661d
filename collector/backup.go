package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"thermarack/collector/internal/backup"
	"thermarack/collector/internal/config"
)

// backupData archives a data directory, while a collector runs on it or not, and
// checks the archive as it comes.
func backupData(ctx context.Context, args []string, out output) (err error) {
	flags := flag.NewFlagSet("backup", flag.ContinueOnError)
	data := flags.String("data", config.Default().Data, "`directory` of readings and state; a collector may run on it")
	file := flags.String("o", "", "`file` to write, .tar or .tar.gz")
	if err := parse(flags, args, out, 0); err != nil {
		return err
	}
	if *file == "" {
		return usageError{errors.New("backup: -o is needed")}
	}
	if within(*file, *data) {
		return usageError{fmt.Errorf("backup: %s is in the directory itself, and would be in the next backup: write it elsewhere", *file)}
	}
	at, err := reach(*data, nil, out.Err)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, at.close()) }()
	answer, err := at.ask(ctx, http.MethodPost, "/api/v1/backup", nil)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	to, err := createFile(*file, 0o600)
	if err != nil {
		return fmt.Errorf("write the backup: %w", err)
	}
	defer func() { err = errors.Join(err, to.discard()) }()
	m, err := backup.Read(ctx, io.TeeReader(answer.Body, to), func(string, int64, io.Reader) error { return nil })
	if err != nil {
		return fmt.Errorf("check the backup: %w", err)
	}
	if err := to.commit(); err != nil {
		return err
	}
	fmt.Fprintf(out.Out, "%s: %s, checked\n", *file, contents(m))
	if len(m.LeftOut) > 0 {
		fmt.Fprintf(out.Out, "left out, as keys and passwords are: %s\n", strings.Join(m.LeftOut, " "))
	}
	return nil
}

// within tells whether a file is below a directory.
func within(file, dir string) bool {
	file, err := filepath.Abs(file)
	if err != nil {
		return false
	}
	if dir, err = filepath.Abs(dir); err != nil {
		return false
	}
	below, err := filepath.Rel(dir, file)
	return err == nil && filepath.IsLocal(below)
}

// contents says what a manifest lists.
func contents(m backup.Manifest) string {
	return fmt.Sprintf("%d files, %.1f MB, readings until %s", len(m.Files), float64(m.Bytes())/1e6, m.Time.Format(time.RFC3339))
}

// restoreData makes a data directory from an archive.
func restoreData(ctx context.Context, args []string, out output) (err error) {
	flags := flag.NewFlagSet("restore", flag.ContinueOnError)
	file := flags.String("i", "", "`file` that backup has written")
	data := flags.String("data", config.Default().Data, "`directory` to make; it must be empty, or not be there")
	if err := parse(flags, args, out, 0); err != nil {
		return err
	}
	if *file == "" {
		return usageError{errors.New("restore: -i is needed")}
	}
	from, err := os.Open(*file)
	if err != nil {
		return fmt.Errorf("read the backup: %w", err)
	}
	defer func() { err = errors.Join(err, from.Close()) }()
	m, err := backup.Restore(ctx, from, *data)
	if err != nil {
		return fmt.Errorf("restore %s: %w", *file, err)
	}
	fmt.Fprintf(out.Out, "%s: %s, from version %s\n", *data, contents(m), m.Program)
	return nil
}
