package influx_test

import (
	"fmt"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"

	"thermarack/collector/internal/store/influx"
	"thermarack/collector/internal/store/influx/influxtest"
	"thermarack/collector/internal/store/storetest"
)

func TestStore(t *testing.T) {
	server := influxtest.Start(t)
	var databases atomic.Int64
	storetest.Run(t, func(t *testing.T) storetest.Store {
		name := fmt.Sprintf("suite%d", databases.Add(1))
		server.Database(t, name)
		return open(t, influx.Options{URL: server.URL, Bucket: name, TokenFile: token(t)})
	})
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
