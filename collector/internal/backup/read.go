package backup

import (
	"archive/tar"
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"strings"
)

// Read goes through an archive, plain or gzipped, gives take each file as it
// comes, and returns the manifest once all sums are right. take may leave a rest
// unread. Until Read has returned nil nothing that take was given is to be
// believed.
//
// The error wraps ErrArchive and says what is wrong with the archive, or is
// take's or that of ctx.
func Read(ctx context.Context, r io.Reader, take func(name string, size int64, content io.Reader) error) (Manifest, error) {
	plain, err := unzip(whileAlive{ctx, r})
	if err != nil {
		return Manifest{}, err
	}
	in := tar.NewReader(plain)
	var found []File
	for {
		next, err := in.Next()
		if err != nil {
			return Manifest{}, broken(ctx, err)
		}
		if err := checkEntry(next, found); err != nil {
			return Manifest{}, err
		}
		if next.Name == manifestName {
			break
		}
		file, err := readFile(in, next, take)
		if ctx.Err() != nil {
			return Manifest{}, ctx.Err()
		}
		if err != nil {
			return Manifest{}, err
		}
		found = append(found, file)
	}
	m, err := readManifest(in)
	if err != nil {
		return Manifest{}, broken(ctx, err)
	}
	if err := compare(m, found); err != nil {
		return Manifest{}, err
	}
	if _, err := in.Next(); !errors.Is(err, io.EOF) {
		return Manifest{}, fmt.Errorf("%w: something follows its %s (%v)", ErrArchive, manifestName, err)
	}
	// To the end, where gzip has a sum of its own.
	n, err := io.Copy(io.Discard, io.LimitReader(plain, maxTail))
	if err == nil && n == maxTail {
		err = errors.New("something follows its end")
	}
	if err != nil {
		return Manifest{}, broken(ctx, err)
	}
	return m, nil
}

// unzip returns the plain text of r, which is gzipped if it begins like it.
func unzip(r io.Reader) (io.Reader, error) {
	buffered := bufio.NewReaderSize(r, 64<<10)
	if magic, _ := buffered.Peek(2); !bytes.Equal(magic, []byte{0x1f, 0x8b}) {
		return buffered, nil
	}
	plain, err := gzip.NewReader(buffered)
	if err != nil {
		return nil, fmt.Errorf("%w: %v", ErrArchive, err)
	}
	return plain, nil
}

// broken makes an error of the readers one of the archive, unless ctx has ended.
func broken(ctx context.Context, err error) error {
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.Is(err, io.EOF):
		return fmt.Errorf("%w: it ends before its %s", ErrArchive, manifestName)
	}
	return fmt.Errorf("%w: %v", ErrArchive, err)
}

// checkEntry refuses what no backup writes: all that is not a plain file below
// the directory, and more of them than there can be.
func checkEntry(h *tar.Header, before []File) error {
	sparse := func(record string) bool { return strings.HasPrefix(record, "GNU.sparse.") } // terabytes from nothing
	switch {
	case h.Typeflag != tar.TypeReg || slices.ContainsFunc(slices.Collect(maps.Keys(h.PAXRecords)), sparse):
		return fmt.Errorf("%w: %.200q is no plain file", ErrArchive, h.Name)
	case len(h.Name) > maxName || !fs.ValidPath(h.Name) || !filepath.IsLocal(filepath.FromSlash(h.Name)) || h.Name == ".":
		return fmt.Errorf("%w: %.200q leads out of the directory", ErrArchive, h.Name)
	case h.Name == manifestName && h.Size > maxManifest:
		return fmt.Errorf("%w: its %s has %d bytes", ErrArchive, manifestName, h.Size)
	case len(before) == maxFiles:
		return fmt.Errorf("%w: more than %d files", ErrArchive, maxFiles)
	}
	return nil
}

// readFile gives one file to take and sums it up.
func readFile(in *tar.Reader, h *tar.Header, take func(string, int64, io.Reader) error) (File, error) {
	sum := sha256.New()
	source := &faulty{in: io.TeeReader(in, sum)}
	err := take(h.Name, h.Size, source)
	if err == nil {
		_, err = io.Copy(io.Discard, source)
	}
	if source.err != nil {
		err = fmt.Errorf("%w: %s: %v", ErrArchive, h.Name, source.err)
	}
	return File{Name: h.Name, Size: h.Size, SHA256: hex.EncodeToString(sum.Sum(nil))}, err
}

// faulty is a reader that remembers what was wrong with what it reads, to be told
// from what its reader could not do with it.
type faulty struct {
	in  io.Reader
	err error // but io.EOF
}

func (f *faulty) Read(p []byte) (int, error) {
	n, err := f.in.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		f.err = err
	}
	return n, err
}

func readManifest(in io.Reader) (Manifest, error) {
	var m Manifest
	text, err := io.ReadAll(in)
	if err != nil {
		return m, err
	}
	if err := json.Unmarshal(text, &m); err != nil {
		return m, fmt.Errorf("%s: %w", manifestName, err)
	}
	if m.Version != version {
		return m, fmt.Errorf("it is of version %d, this program knows %d", m.Version, version)
	}
	return m, nil
}

// compare returns an error unless the manifest lists the very files found.
func compare(m Manifest, found []File) error {
	names := make([]string, len(found))
	for i, f := range found {
		names[i] = f.Name
		switch {
		case i >= len(m.Files) || m.Files[i].Name != f.Name:
			return fmt.Errorf("%w: %s is not in its place in the %s", ErrArchive, f.Name, manifestName)
		case m.Files[i] != f:
			return fmt.Errorf("%w: %s is damaged, its sum is not that of the %s", ErrArchive, f.Name, manifestName)
		}
	}
	if len(m.Files) > len(found) {
		return fmt.Errorf("%w: %s is missing", ErrArchive, m.Files[len(found)].Name)
	}
	slices.Sort(names)
	if len(slices.Compact(names)) != len(found) {
		return fmt.Errorf("%w: a file is in it twice", ErrArchive)
	}
	return nil
}
