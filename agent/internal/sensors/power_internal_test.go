//go:build linux

package sensors

import (
	"context"
	"testing"

	"thermarack/hardware/sysfs"
	"thermarack/hardware/sysfs/kernfstest"
)

func TestTheThrottledWordIsLookedAtWhenTheKernelSaysSo(t *testing.T) {
	t.Parallel()
	group := kernfstest.NewGroup(t)
	word := throttle{root: sysfs.Live(group.Dir), word: kernfstest.Quiet, alarm: kernfstest.Events}
	ctx, cancel := context.WithCancel(t.Context())
	polls, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		word.heed(ctx, func() { polls <- struct{}{} })
	}()
	<-polls // at the beginning
	group.Enter(t)
	<-polls
	group.Leave(t)
	<-polls
	cancel()
	<-ended
}

func TestFilesThatMoveAreLookedForAnew(t *testing.T) {
	t.Parallel()
	group := kernfstest.NewGroup(t)
	word := throttle{root: sysfs.Live(group.Dir), alarm: kernfstest.Quiet}
	polls, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		word.heed(t.Context(), func() { polls <- struct{}{} })
	}()
	<-polls
	word.find() // this root has neither of the files
	<-ended
}
