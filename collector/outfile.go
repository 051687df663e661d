package main

import (
	"bufio"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"thermarack/collector/internal/state"
)

// An outFile is a file on its way: under another name until commit. It is gzipped
// if its name ends in .gz.
type outFile struct {
	*bufio.Writer
	path string
	zip  *gzip.Writer // nil: plain
	file *os.File     // nil once it is closed
}

// createFile begins a file. What is at path stays until commit.
func createFile(path string, mode fs.FileMode) (*outFile, error) {
	file, err := os.OpenFile(path+".partial", os.O_WRONLY|os.O_CREATE|os.O_TRUNC, mode)
	if err != nil {
		return nil, err
	}
	o := &outFile{path: path, file: file}
	var to io.Writer = file
	if strings.HasSuffix(path, ".gz") {
		o.zip = gzip.NewWriter(file)
		to = o.zip
	}
	o.Writer = bufio.NewWriterSize(to, 1<<16)
	return o, nil
}

// commit makes what was written the file, on the disk.
func (o *outFile) commit() error {
	err := o.Flush()
	if err == nil && o.zip != nil {
		err = o.zip.Close()
	}
	if err == nil {
		err = o.file.Sync()
	}
	err = errors.Join(err, o.file.Close())
	o.file = nil
	if err == nil {
		err = os.Rename(o.path+".partial", o.path)
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", o.path, errors.Join(err, os.Remove(o.path+".partial")))
	}
	return state.SyncDir(filepath.Dir(o.path))
}

// discard removes what was written, unless it was committed.
func (o *outFile) discard() error {
	if o.file == nil {
		return nil
	}
	return errors.Join(o.file.Close(), os.Remove(o.path+".partial"))
}
