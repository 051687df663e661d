package quiet_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"thermarack/collector/internal/ingest/quiet"
)

func TestOneLineAKeyAndMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		log := quiet.New(slog.New(slog.NewTextHandler(&out, nil)), time.Minute)
		for range 10 {
			log.Warn("a", "first")
			log.Info("b", "second")
		}
		<-time.After(time.Minute) // the bubble's clock
		log.Warn("a", "third")

		got := out.String()
		if strings.Count(got, "\n") != 3 || !strings.Contains(got, "msg=third held_back=9") {
			t.Errorf("log is\n%s\nwant three lines, the last with held_back=9", got)
		}
	})
}

func TestKeysFromTheNetworkAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		log := quiet.New(slog.New(slog.NewTextHandler(&out, nil)), time.Minute)
		for i := range 10000 {
			log.Warn(fmt.Sprint(i), "flood")
		}
		if got := strings.Count(out.String(), "\n"); got != 4097 {
			t.Errorf("%d lines of 10000 keys, want 4096 and one for all others", got)
		}
		<-time.After(time.Minute)
		out.Reset()
		log.Warn("fresh", "again")
		if !strings.Contains(out.String(), "again") {
			t.Error("a new key is not logged once the flood is a minute old")
		}
	})
}
