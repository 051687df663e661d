package influx_test

import (
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"thermarack/agent/wire"
	"thermarack/collector/internal/store"
	"thermarack/collector/internal/store/influx"
)

// A fake stands for a server, for what a real one seldom answers. It has nothing
// stored when it is asked.
type fake struct {
	// write answers a request with lines.
	write func(w http.ResponseWriter, lines []string)

	mu     sync.Mutex
	writes []*http.Request // as they came, without their bodies
	bodies []string
}

func (f *fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if strings.HasSuffix(r.URL.Path, "/query") {
		return // 200 and no tables
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusTeapot)
		return
	}
	f.writes, f.bodies = append(f.writes, r), append(f.bodies, string(body))
	f.write(w, strings.Split(strings.TrimSuffix(string(body), "\n"), "\n"))
}

func (f *fake) count() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.bodies)
}

// complain answers as InfluxDB 1.8 does.
func complain(w http.ResponseWriter, status int, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("X-Influxdb-Error", message)
	w.WriteHeader(status)
	fmt.Fprintf(w, `{"error":%q}`, message)
}

func takeAll(w http.ResponseWriter, _ []string) { w.WriteHeader(http.StatusNoContent) }

// against opens a store on a fake.
func against(t *testing.T, f *fake) *influx.Store {
	t.Helper()
	server := httptest.NewServer(f)
	t.Cleanup(server.Close)
	return open(t, influx.Options{URL: server.URL, Org: "acme", Bucket: "racks/long", TokenFile: token(t)})
}

// TestWhatIsWritten holds the schema that docs/influxdb.md promises.
func TestWhatIsWritten(t *testing.T) {
	t.Parallel()
	f := &fake{write: takeAll}
	s := against(t, f)
	probe := soc(0, 21.3)
	probe.Device = "urn:dev:ow:28f6fb1e0d0000c5"
	odd := soc(1500*time.Millisecond, 0.5)
	odd.Quantity, odd.Unit, odd.Device = "vibration, x", "m/s2", "urn:dev:x=1"
	fault := probe
	fault.Quantity, fault.Unit, fault.Reason, fault.Value = wire.QuantityFaults, "", wire.FaultCRC, 3
	samples := []store.Sample{
		of("i2c1-76", wire.QuantityTemperature, 0, 20), of("i2c1-76", wire.QuantityHumidity, 0, 40), of("i2c1-76", wire.QuantityPressure, 0, 101325),
		of("fan1", wire.QuantitySpeed, time.Second, 70.5), of("fan1", wire.QuantityDuty, time.Second, 1),
		probe, fault, odd, of("soc", wire.QuantityThrottled, 0, 0x50000), of("", wire.QuantitySeq, 0, 7),
	}
	appends(t, s, nil, samples...)
	want := strings.ReplaceAll(`b827eb000001,site=hex i2c1-76:temperature=20,i2c1-76:humidity=40,i2c1-76:pressure=101325,28f6fb1e0d0000c5:temperature=21.2998046875 T000
b827eb000001,reason=crc,site=hex 28f6fb1e0d0000c5:faults=3 T000
b827eb000001,site=hex soc:throttled=327680,node:seq=7 T000
b827eb000001,site=hex fan1:speed=70.5,fan1:duty=1 T1000
b827eb000001,site=hex,unit=m/s2 urn:dev:x\=1:vibration\,\ x=0.5 T1500
`, " T", " 1773489600")
	want = strings.NewReplacer("17734896001000", "1773489601000", "17734896001500", "1773489601500").Replace(want)
	if diff := cmp.Diff([]string{want}, f.bodies); diff != "" {
		t.Errorf("written (-want +got):\n%s", diff)
	}
	r := f.writes[0]
	got := []string{r.URL.Path, r.URL.Query().Get("org"), r.URL.Query().Get("bucket"), r.URL.Query().Get("precision"), r.Header.Get("Authorization")}
	if diff := cmp.Diff([]string{"/api/v2/write", "acme", "racks/long", "ms", "Token collector:cold-aisle"}, got); diff != "" {
		t.Errorf("request (-want +got):\n%s", diff)
	}
	appends(t, s, nil, samples...)
	if f.count() != 1 {
		t.Errorf("%d requests, want none for what is stored", f.count())
	}
}

// TestRefusedLinesAreFoundAmongAnyOthers lets a server refuse lines at random,
// and not say which.
func TestRefusedLinesAreFoundAmongAnyOthers(t *testing.T) {
	t.Parallel()
	for seed := range uint64(30) {
		random := rand.New(rand.NewPCG(seed, 1))
		share := []float64{0, 0.001, 0.02, 0.5, 1}[random.IntN(5)]
		taken := make(map[string]bool) // lines that were answered for
		bad := func(line string) bool { return strings.Contains(line, "=666") }
		f := &fake{write: func(w http.ResponseWriter, lines []string) {
			dropped := 0
			for _, line := range lines {
				if bad(line) {
					dropped++
				}
			}
			if dropped > 0 {
				if seed%2 == 0 {
					dropped = 1 // it may stop at the first
				}
				complain(w, http.StatusBadRequest, fmt.Sprintf("partial write: max-values-per-tag limit exceeded dropped=%d", dropped))
				return
			}
			for _, line := range lines {
				taken[line] = true
			}
			w.WriteHeader(http.StatusNoContent)
		}}
		s := against(t, f)
		samples := make([]store.Sample, 200+random.IntN(100))
		var want []store.Refusal
		for i := range samples {
			samples[i] = soc(time.Duration(i)*time.Second, 50)
			if random.Float64() < share {
				samples[i].Value = 666
				want = append(want, store.Refusal{Index: i, Reason: store.RefusedServer})
			}
		}
		appends(t, s, want, samples...)
		if len(taken) != len(samples)-len(want) {
			t.Errorf("seed %d: %d lines were in a request that was taken as a whole, want %d", seed, len(taken), len(samples)-len(want))
		}
		if limit := 2 + 20*len(want); len(f.bodies) > limit {
			t.Errorf("seed %d: %d requests for %d refused of %d, want at most %d", seed, len(f.bodies), len(want), len(samples), limit)
		}
	}
}

func TestOnlyWhatIsAboutSingleLinesIsARefusal(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		status  int
		message string
		want    error    // nil: a refusal
		words   []string // of the error
	}{
		{"InfluxDB 1.8's field type conflict", 400, `partial write: field type conflict: input field "temperature" on measurement "thermarack" is type float, already exists as type integer dropped=1`, nil, nil},
		{"InfluxDB 2's field type conflict", 422, `failure writing points to database: partial write: field type conflict: input field "temperature" on measurement "thermarack" is type float, already exists as type integer dropped=1`, nil, nil},
		{"a line too long to parse", 400, "unable to parse 'thermarack,…': max key size exceeded: 66000 > 65535", nil, nil},
		{"a single line that is too large", 413, "Request Entity Too Large", nil, nil},
		{"a shard that is being deleted", 400, "partial write: shard 3 is pending deletion dropped=1", errors.ErrUnsupported, []string{"answered 400", "pending deletion"}},
		{"a proxy's complaint", 400, "The plain HTTP request was sent to HTTPS port", errors.ErrUnsupported, []string{"answered 400", "HTTPS port"}},
		{"no room", 500, "engine: write /var/lib/influxdb/wal/x: no space left on device", store.ErrAway, []string{"no space left"}},
		{"a time-out", 503, "timeout", store.ErrAway, []string{"temporarily unavailable"}},
		{"the wrong password", 401, "authorization failed", influx.ErrDenied, []string{"influx.token_file"}},
		{"no right", 403, `"collector" user is not authorized to write to database "racks"`, influx.ErrDenied, []string{`GRANT ALL ON "racks"`}},
		{"no database", 404, `database not found: "racks"`, influx.ErrDenied, []string{`CREATE DATABASE "racks"`}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			f := &fake{write: func(w http.ResponseWriter, _ []string) { complain(w, tt.status, tt.message) }}
			refused, err := against(t, f).Append(t.Context(), []store.Sample{soc(0, 50)})
			switch {
			case tt.want == nil:
				if err != nil || len(refused) != 1 {
					t.Errorf("refused %v, %v, want one refusal", refused, err)
				}
				return
			case err == nil || tt.want != errors.ErrUnsupported && !errors.Is(err, tt.want):
				t.Fatalf("err = %v, want %v", err, tt.want)
			}
			for _, word := range append(tt.words, "InfluxDB at http://127.0.0.1:") {
				if !strings.Contains(err.Error(), word) || strings.Contains(err.Error(), "\n") {
					t.Errorf("err = %q, want one line with …%s…", err, word)
				}
			}
		})
	}
}

func TestAServerThatAsksForAPauseHasOne(t *testing.T) {
	t.Parallel()
	f := &fake{write: func(w http.ResponseWriter, _ []string) {
		w.Header().Set("Retry-After", "3600")
		complain(w, http.StatusTooManyRequests, "limited write")
	}}
	s := against(t, f)
	for range 3 {
		if _, err := s.Append(t.Context(), []store.Sample{soc(0, 50)}); !errors.Is(err, store.ErrAway) {
			t.Errorf("err = %v, want ErrAway", err)
		}
	}
	if f.count() != 1 {
		t.Errorf("%d requests, want one and then none for an hour", f.count())
	}
}

// TestALargeRequestIsSentInParts is of a server that takes small requests only.
func TestALargeRequestIsSentInParts(t *testing.T) {
	t.Parallel()
	stored := 0
	f := &fake{write: func(w http.ResponseWriter, lines []string) {
		if len(lines) > 100 {
			complain(w, http.StatusRequestEntityTooLarge, "Request Entity Too Large")
			return
		}
		stored += len(lines)
		w.WriteHeader(http.StatusNoContent)
	}}
	var samples []store.Sample
	for i := range 1000 {
		samples = append(samples, soc(time.Duration(i)*time.Second, 50))
	}
	appends(t, against(t, f), nil, samples...)
	if stored != len(samples) {
		t.Errorf("%d stored, want %d", stored, len(samples))
	}
}

func TestAChangedCAIsTrustedAtOnce(t *testing.T) {
	t.Parallel()
	f := &fake{write: takeAll}
	server := httptest.NewTLSServer(f)
	t.Cleanup(server.Close)
	other := httptest.NewTLSServer(f)
	other.Close()
	right := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	file := filepath.Join(t.TempDir(), "ca.pem")
	put := func(text []byte) {
		t.Helper()
		if err := os.WriteFile(file, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	put([]byte("no certificate"))
	o := influx.Options{URL: server.URL, Bucket: "racks", CAFile: file}
	if _, err := influx.Open(o); err == nil || !strings.Contains(err.Error(), file) {
		t.Errorf("err = %v, want one that names %s", err, file)
	}
	put(slices.Concat(right, []byte("\n"), right))
	s := open(t, o)
	appends(t, s, nil, soc(0, 50))
	put([]byte("no certificate any more"))
	if _, err := s.Append(t.Context(), []store.Sample{soc(time.Second, 50)}); !errors.Is(err, store.ErrAway) || !strings.Contains(err.Error(), file) {
		t.Errorf("err = %v, want ErrAway that names %s", err, file)
	}
	put(right)
	appends(t, s, nil, soc(time.Second, 50))
}

func TestOpenSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	good := influx.Options{URL: "http://127.0.0.1:8086", Bucket: "b"}
	tests := map[string]func(*influx.Options){
		"is not http://":         func(o *influx.Options) { o.URL = "127.0.0.1:8086" },
		"holds a user":           func(o *influx.Options) { o.URL = "http://me:secret@host" },
		"no bucket":              func(o *influx.Options) { o.Bucket = "" },
		"no/such/token":          func(o *influx.Options) { o.TokenFile = "/no/such/token" },
		"no/such/ca":             func(o *influx.Options) { o.CAFile = "/no/such/ca" },
		"window -1s is negative": func(o *influx.Options) { o.OutOfOrder = -time.Second },
	}
	for want, spoil := range tests {
		o := good
		spoil(&o)
		if _, err := influx.Open(o); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "secret") {
			t.Errorf("err = %v, want …%s…", err, want)
		}
	}
}
