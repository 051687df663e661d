//go:build !linux

package sysfs

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
)

// A Notice waits for files of which the kernel tells when they change: on Linux.
type Notice struct{}

// Notify returns an error that wraps errors.ErrUnsupported: only Linux has files
// that tell.
func Notify(fs.FS, ...string) (*Notice, error) {
	return nil, fmt.Errorf("wait for files to change: %w", errors.ErrUnsupported)
}

// Wait is not reached.
func (*Notice) Wait(context.Context) error { return errors.ErrUnsupported }

// Close is not reached.
func (*Notice) Close() {}
