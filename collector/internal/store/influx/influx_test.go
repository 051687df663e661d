package influx_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"thermarack/collector/internal/store/influx"
	"thermarack/collector/internal/store/influx/influxtest"
	"thermarack/collector/internal/store/storetest"
)

// TestInfluxDB shares one influxd between the tests of a real server, which
// takes seconds to start.
func TestInfluxDB(t *testing.T) {
	t.Parallel()
	server := influxtest.Start(t)
	t.Run("what is missing is named, and used as soon as it is there", func(t *testing.T) { missing(t, server) })
	t.Run("the promise of every store", func(t *testing.T) {
		var databases atomic.Int64
		storetest.Run(t, func(t *testing.T) storetest.Store {
			return open(t, options(t, server, fmt.Sprintf("suite%d", databases.Add(1))))
		})
	})
	for name, run := range answers() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			run(t, server, options(t, server, strings.ReplaceAll(name, " ", "_")))
		})
	}
}

// options makes a database, and returns what opens it.
func options(t testing.TB, server *influxtest.Server, database string) influx.Options {
	t.Helper()
	server.Database(t, database)
	return influx.Options{URL: server.URL, Bucket: database, TokenFile: token(t)}
}

// token writes the file of the token that the test server knows.
func token(t testing.TB) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(file, []byte(influxtest.Token+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// open opens a store and closes it with the test.
func open(t testing.TB, o influx.Options) *influx.Store {
	t.Helper()
	s, err := influx.Open(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return s
}
