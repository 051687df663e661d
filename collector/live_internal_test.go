package main

import "testing"

func TestNothingIsSubscribedToOnceARecordingHasEnded(t *testing.T) {
	t.Parallel()
	l := &listening{filters: []string{"thermarack/#"}, failed: make(chan error, 1)}
	l.close()
	l.subscribe(nil) // as paho does when it has connected at the last moment
	l.subscriptions.Wait()
}
