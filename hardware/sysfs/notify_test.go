//go:build linux

package sysfs_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"testing/fstest"

	"thermarack/hardware/sysfs"
	"thermarack/hardware/sysfs/kernfstest"
)

func TestANoticeComesWhenTheKernelChangesAFile(t *testing.T) {
	group := kernfstest.NewGroup(t)
	notice, err := sysfs.Notify(sysfs.Live(group.Dir), kernfstest.Events, kernfstest.Quiet)
	if err != nil {
		t.Fatal(err)
	}
	defer notice.Close()
	for _, change := range []func(*testing.T){group.Enter, group.Leave} {
		told := make(chan error)
		go func() { told <- notice.Wait(t.Context()) }()
		change(t)
		if err := <-told; err != nil {
			t.Error(err)
		}
	}
}

func TestWaitEndsWithItsContext(t *testing.T) {
	t.Parallel()
	notice, err := sysfs.Notify(sysfs.Live("/"), "sys/class/net/lo/carrier")
	if err != nil {
		t.Skipf("no sysfs here: %v", err)
	}
	defer notice.Close()
	ctx, cancel := context.WithCancel(t.Context())
	told := make(chan error)
	go func() { told <- notice.Wait(ctx) }()
	cancel()
	if err := <-told; !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want that it was cancelled", err)
	}
}

func TestWhatCannotBeWaitedForIsAnError(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "plain"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name  string
		root  fs.FS
		files []string
		want  error
	}{
		{"a file that nobody's kernel makes", sysfs.Live(dir), []string{"plain"}, errors.ErrUnsupported},
		{"no file", sysfs.Live(dir), nil, errors.ErrUnsupported},
		{"a tree in memory", fstest.MapFS{"plain": {}}, []string{"plain"}, errors.ErrUnsupported},
		{"a file that is not there", sysfs.Live(dir), []string{"gone"}, fs.ErrNotExist},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if _, err := sysfs.Notify(tt.root, tt.files...); !errors.Is(err, tt.want) {
				t.Errorf("got %v, want %v", err, tt.want)
			}
		})
	}
}
