package web

import (
	"errors"
	"net"
	"testing"
	"time"
)

func TestALimitedListenerHoldsNoMoreThanItsConnections(t *testing.T) {
	t.Parallel()
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := limit(inner, 1)
	accepted := make(chan net.Conn)
	ended := make(chan error, 1)
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				ended <- err
				return
			}
			accepted <- conn
		}
	}()
	for range 2 {
		client, err := net.Dial("tcp", inner.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer client.Close()
	}
	first := <-accepted
	select {
	case <-accepted:
		t.Error("the second connection was accepted beside the first")
	case <-time.After(50 * time.Millisecond):
	}
	first.Close()
	first.Close() // gives its place back once only
	second := <-accepted
	if n := len(l.(*limited).slots); n != 1 {
		t.Errorf("%d places taken by one connection", n)
	}
	if err := l.Close(); err != nil { // while Accept waits for a place
		t.Error(err)
	}
	if err := <-ended; !errors.Is(err, net.ErrClosed) {
		t.Errorf("err = %v, want net.ErrClosed", err)
	}
	second.Close()
}
