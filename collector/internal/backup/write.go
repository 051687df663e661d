package backup

import (
	"archive/tar"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"time"
)

// Write writes the files and m, with what it has found of them, as a tar archive
// to w. The error names the file that could not be read, or is w's or that of
// ctx; what was written is then no archive.
func Write(ctx context.Context, w io.Writer, m Manifest, files []Source) error {
	m.Version, m.Files = version, nil
	out := tar.NewWriter(w)
	for _, f := range files {
		written, err := writeFile(ctx, out, f)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return fmt.Errorf("archive %s: %w", f.Name, err)
		}
		m.Files = append(m.Files, written)
	}
	text, err := json.MarshalIndent(m, "", " ")
	if err != nil {
		return err
	}
	if err := out.WriteHeader(header(manifestName, int64(len(text)), m.Time)); err != nil {
		return err
	}
	if _, err := out.Write(text); err != nil {
		return err
	}
	return out.Close()
}

func header(name string, size int64, at time.Time) *tar.Header {
	return &tar.Header{Typeflag: tar.TypeReg, Name: name, Size: size, Mode: 0o600, ModTime: at, Format: tar.FormatPAX}
}

func writeFile(ctx context.Context, out *tar.Writer, f Source) (written File, err error) {
	in, size, err := f.Open()
	if err != nil {
		return File{}, err
	}
	defer func() { err = errors.Join(err, in.Close()) }()
	if err := out.WriteHeader(header(f.Name, size, f.ModTime)); err != nil {
		return File{}, err
	}
	sum := sha256.New()
	n, err := io.Copy(io.MultiWriter(out, sum), io.LimitReader(whileAlive{ctx, in}, size))
	if err == nil && n != size {
		err = fmt.Errorf("it became shorter while it was read: %d bytes of %d", n, size)
	}
	return File{Name: f.Name, Size: size, SHA256: hex.EncodeToString(sum.Sum(nil))}, err
}

// whileAlive is a reader that ends with its context.
type whileAlive struct {
	ctx context.Context
	in  io.Reader
}

func (r whileAlive) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.in.Read(p)
}
