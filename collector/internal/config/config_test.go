package config_test

import (
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"thermarack/alerts"
	"thermarack/collector/internal/config"
)

func TestTheReferenceIsTheDefault(t *testing.T) {
	c, err := config.Parse("reference.yaml", config.Reference())
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Check("reference.yaml"); err != nil {
		t.Error(err)
	}
	if got, want := c.Rules.Alerts(), alerts.DefaultRules(); got != want {
		t.Errorf("rules %+v, want %+v", got, want)
	}
	if c.Stale != time.Minute || c.OutOfOrder != 7*24*time.Hour || c.RetentionSize != 0 || c.Retention != 400*24*time.Hour || c.Listen != "127.0.0.1:8080" {
		t.Errorf("got %+v", c)
	}
}

func TestParseKeepsDefaultsAndNamesWhatIsWrong(t *testing.T) {
	c, err := config.Parse("c.yaml", []byte("rules: {for: 5m}\n"))
	if err != nil || c.Rules.For != 5*time.Minute || c.Rules.Clear != 2 {
		t.Errorf("got %+v, %v, want for 5m and clear still 2", c.Rules, err)
	}
	c, err = config.Parse("c.yaml", []byte("rules: {silent: 7m, switch_silent: 8m, poe_for: 9m, poe_quiet: 10m, poe_flaps: 11, poe_usage: 0.12}\n"))
	if r := c.Rules.Alerts(); err != nil || r.Silent != 7*time.Minute || r.SwitchSilent != 8*time.Minute || r.PoEFor != 9*time.Minute ||
		r.PoEQuiet != 10*time.Minute || r.PoEFlaps != 11 || r.PoEUsage != 0.12 || r.Clear != 2 {
		t.Errorf("got %+v, %v", r, err)
	}
	_, err = config.Parse("c.yaml", []byte("listen: 127.0.0.1:1\nrules: {fan_fro: 1s}\n"))
	if err == nil || err.Error() != `c.yaml:2: unknown key "fan_fro", did you mean "fan_for"?` {
		t.Errorf("err = %v", err)
	}
}

func TestSwitchesArePolledNeitherAllTheTimeNorNever(t *testing.T) {
	for _, tt := range []struct {
		interval time.Duration
		fits     bool
	}{{0, false}, {time.Second - 1, false}, {time.Second, true}, {30 * time.Second, true}, {5 * time.Minute, true}, {5*time.Minute + 1, false}} {
		c := config.Default()
		c.SwitchInterval = tt.interval
		if err := c.Check("c.yaml"); (err == nil) != tt.fits {
			t.Errorf("switch_interval %v: %v", tt.interval, err)
		}
	}
}

func TestLoadSaysWhichFileCannotBeRead(t *testing.T) {
	path := filepath.Join(t.TempDir(), "none.yaml")
	if _, err := config.Load(path); !os.IsNotExist(err) && (err == nil || !strings.Contains(err.Error(), path)) {
		t.Errorf("err = %v, want one that names %s", err, path)
	}
	if c, err := config.Load(""); err != nil || c.Data != "./data" {
		t.Errorf("without a file: %+v, %v", c, err)
	}
}

func TestCheckHoldsListenersToLoopback(t *testing.T) {
	tests := []struct {
		listen string
		open   bool
		want   string
	}{
		{"127.0.0.1:8080", false, ""},
		{"[::1]:0", false, ""},
		{"localhost:8080", false, ""},
		{":8080", true, ""},
		{":8080", false, "serve --open"},
		{"0.0.0.0:8080", false, "serve --open"},
		{"8080", true, "is not HOST:PORT"},
	}
	for _, tt := range tests {
		c := config.Default()
		c.Listen, c.Open = tt.listen, tt.open
		err := c.Check("flags")
		if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
			t.Errorf("listen %q, open %v: %v, want …%s…", tt.listen, tt.open, err, tt.want)
		}
	}
}

func TestCheckLooksAtInfluxDBWhenItIsTheStore(t *testing.T) {
	tests := []struct{ store, url, bucket, want string }{
		{"tsdb", "nonsense", "", ""},
		{"influx", "http://127.0.0.1:8086", "thermarack", ""},
		{"tee", "https://influx.example.net", "rack/long", ""},
		{"influx", "influx.example.net:8086", "b", "influx: url is not http://HOST:PORT"},
		{"tee", "http://me:secret@host:8086", "b", "put USER:PASSWORD into a file"},
		{"influx", "http://127.0.0.1:8086", "", "influx: bucket is empty"},
		{"sqlite", "http://127.0.0.1:8086", "b", `store "sqlite" is none of tsdb, influx, tee`},
	}
	for _, tt := range tests {
		c := config.Default()
		c.Store, c.Influx.URL, c.Influx.Bucket = tt.store, tt.url, tt.bucket
		err := c.Check("flags")
		if (err == nil) != (tt.want == "") || err != nil && (!strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "secret")) {
			t.Errorf("store %q, url %q: %v, want …%s…", tt.store, tt.url, err, tt.want)
		}
	}
}

func TestCheckNamesEveryBadKeyAtOnce(t *testing.T) {
	c := config.Default()
	c.LogLevel = "loud"
	c.Store, c.Stale, c.Rules.Clear, c.Sites = "csv", 0, math.NaN(), config.Sites{"Hex/#"}
	c.Rules.Silent, c.Rules.PoEFor, c.Rules.PoEQuiet, c.Rules.PoEFlaps, c.Rules.PoEUsage = -1, -1, 0, 0, math.NaN()
	err := c.Check("c.yaml")
	for _, want := range []string{
		"rules: silent is -1ns, want 0s (stale) or more", "poe_for cannot be below 0", "poe_quiet is 0s", "poe_flaps is 0", "poe_usage is NaN",
		`store "csv"`, "stale is 0s", "rules: clear is NaN", `log level "loud" is none of debug, info, warn, error`, `site "Hex/#"`,
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("err = %v, want …%s…", err, want)
		}
	}
}

func TestASizeIsANumberWithAUnit(t *testing.T) {
	for text, want := range map[string]config.Size{"0": 0, "10GB": 10e9, "512MiB": 512 << 20, "1.5 TB": 15e11, "2TiB": 2 << 40} {
		c, err := config.Parse("c.yaml", []byte("retention_size: "+text+"\n"))
		if err != nil || c.RetentionSize != want || c.Check("c.yaml") != nil {
			t.Errorf("%s: %d, %v, %v, want %d", text, c.RetentionSize, err, c.Check("c.yaml"), want)
		}
	}
	for _, text := range []string{"10", "10 apples", "GB", "10gb", "10BB", "nanGB", "-1GB", "1e30TB", "InfGB", "[1GB]", `""`} {
		_, err := config.Parse("c.yaml", []byte("stale: 1m\nretention_size: "+text+"\n"))
		if err == nil || !strings.Contains(err.Error(), "is no size") || !strings.HasPrefix(err.Error(), "c.yaml:2: ") {
			t.Errorf("%s: err = %v, want that line 2 is no size", text, err)
		}
	}
}

func TestWhatIsKeptTooShortIsNamed(t *testing.T) {
	for text, want := range map[string]string{
		"retention_size: 1MB":    "retention_size is 1000000 bytes, want 0",
		"out_of_order: 0s":       "out_of_order is 0s",
		"retention_size: 1000MB": "",
	} {
		c, err := config.Parse("c.yaml", []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		err = c.Check("c.yaml")
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want …%s…", text, err, want)
		}
	}
	c, err := config.Parse("c.yaml", []byte("retention: 24h"))
	if err != nil || c.Past() != 24*time.Hour || c.Check("c.yaml") != nil {
		t.Errorf("a day is kept: %v late at most, %v, want a day", c.Past(), err)
	}
}
