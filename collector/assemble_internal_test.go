package main

import (
	"errors"
	"log/slog"
	"net"
	"testing"

	"thermarack/collector/internal/config"
)

// deaf is an output that is closed, as when whoever started us has gone.
type deaf struct{}

var errDeaf = errors.New("nobody listens")

func (deaf) Write([]byte) (int, error) { return 0, errDeaf }

// free returns an address that nobody listens at.
func free(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func TestACollectorThatCannotStartLeavesNothingOpen(t *testing.T) {
	t.Parallel()
	p := plan{Config: config.Default(), out: output{deaf{}, deaf{}}, log: slog.New(slog.DiscardHandler)}
	p.Data, p.Listen, p.MQTT = t.TempDir(), free(t), free(t)
	program, err := assemble(t.Context(), p)
	if !errors.Is(err, errDeaf) || program != nil {
		t.Errorf("%v, %v; want the error of its output alone", program, err)
	}
	claimed, err := claimData(p.Data)
	if err != nil {
		t.Error(err)
	} else if err := claimed.release(); err != nil {
		t.Error(err)
	}
	for _, address := range []string{p.Listen, p.MQTT} {
		l, err := net.Listen("tcp", address)
		if err != nil {
			t.Error(err)
			continue
		}
		l.Close()
	}
}
