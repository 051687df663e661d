// Package config reads the collector's configuration file.
package config

import (
	_ "embed"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"time"

	"thermarack/agent/wire"
	"thermarack/agent/wire/yamlfile"
	"thermarack/alerts"
	"thermarack/collector/internal/logs"
)

//go:embed reference.yaml
var reference []byte

// Reference returns the documented file: every key with its default.
func Reference() []byte { return reference }

// A Config is what a collector is told. reference.yaml says what each key means.
type Config struct {
	Listen string   `yaml:"listen"`
	MQTT   string   `yaml:"mqtt"`
	Open   bool     `yaml:"open"`
	Hosts  []string `yaml:"hosts"`
	URL    string   `yaml:"url"`

	LogFormat string `yaml:"log_format"`
	LogLevel  string `yaml:"log_level"`

	Broker             string `yaml:"broker"`
	BrokerCA           string `yaml:"broker_ca"`
	BrokerCert         string `yaml:"broker_cert"`
	BrokerKey          string `yaml:"broker_key"`
	BrokerUser         string `yaml:"broker_user"`
	BrokerPasswordFile string `yaml:"broker_password_file"`
	Sites              Sites  `yaml:"site"`

	Layout        string        `yaml:"layout"`
	Data          string        `yaml:"data"`
	Store         string        `yaml:"store"`
	Retention     time.Duration `yaml:"retention"`
	RetentionSize Size          `yaml:"retention_size"`
	OutOfOrder    time.Duration `yaml:"out_of_order"`
	Influx        Influx        `yaml:"influx"`

	Pager string `yaml:"pager"`

	SwitchInterval time.Duration `yaml:"switch_interval"`

	Stale time.Duration `yaml:"stale"`
	Rules Rules         `yaml:"rules"`
}

// The kinds of store.
const (
	StoreTSDB   = "tsdb"
	StoreInflux = "influx"
	StoreTee    = "tee"
)

// Influx is what stands below "influx".
type Influx struct {
	URL       string `yaml:"url"`
	Org       string `yaml:"org"`
	Bucket    string `yaml:"bucket"`
	TokenFile string `yaml:"token_file"`
	CA        string `yaml:"ca"`
}

// The bounds of switch_interval: a switch answers a poll within a second as a rule,
// and keeps the addresses that it has learned for five minutes.
const (
	minSwitchInterval = time.Second
	maxSwitchInterval = 5 * time.Minute
)

// Rules are the keys below "rules".
type Rules struct {
	For    time.Duration `yaml:"for"`
	Clear  float64       `yaml:"clear"` // K
	FanFor time.Duration `yaml:"fan_for"`

	Silent       time.Duration `yaml:"silent"`
	SwitchSilent time.Duration `yaml:"switch_silent"`

	PoEFor   time.Duration `yaml:"poe_for"`
	PoEQuiet time.Duration `yaml:"poe_quiet"`
	PoEFlaps int           `yaml:"poe_flaps"`
	PoEUsage float64       `yaml:"poe_usage"` // part of a supply's watts
}

// Alerts returns the rules as the alerts package takes them.
func (r Rules) Alerts() alerts.Rules {
	rules := alerts.DefaultRules()
	rules.For, rules.Clear, rules.FanFor = r.For, r.Clear, r.FanFor
	rules.Silent, rules.SwitchSilent = r.Silent, r.SwitchSilent
	rules.PoEFor, rules.PoEQuiet, rules.PoEFlaps, rules.PoEUsage = r.PoEFor, r.PoEQuiet, r.PoEFlaps, r.PoEUsage
	return rules
}

// check says what is wrong with rules beside a limit at which values are stale.
func (r Rules) check(stale time.Duration) (faults []string) {
	fault := func(format string, args ...any) { faults = append(faults, "rules: "+fmt.Sprintf(format, args...)) }
	if r.For < 0 || r.FanFor < 0 || r.PoEFor < 0 {
		fault("for, fan_for and poe_for cannot be below 0")
	}
	if !(r.Clear >= 0 && r.Clear <= 50) {
		fault("clear is %v K, want 0 to 50", r.Clear)
	}
	for _, d := range []struct {
		key   string
		value time.Duration
	}{{"silent", r.Silent}, {"switch_silent", r.SwitchSilent}} {
		if d.value < stale {
			fault("%s is %v, want %v (stale) or more: whose values are not stale is not silent", d.key, d.value, stale)
		}
	}
	if r.PoEQuiet <= 0 {
		fault("poe_quiet is %v, want above 0", r.PoEQuiet)
	}
	if r.PoEFlaps < 1 || r.PoEFlaps > maxFlaps {
		fault("poe_flaps is %d, want 1 to %d", r.PoEFlaps, maxFlaps)
	}
	if !(r.PoEUsage > 0 && r.PoEUsage <= 1) {
		fault("poe_usage is %v, want above 0 and up to 1", r.PoEUsage)
	}
	return faults
}

// maxFlaps bounds the changes that are remembered of each port.
const maxFlaps = 100

// Past is how late a reading may come: never so late that it would be deleted.
func (c Config) Past() time.Duration { return min(c.OutOfOrder, c.Retention) }

// Default returns the configuration without a file.
func Default() Config {
	var c Config
	if err := yamlfile.Decode("reference.yaml", reference, &c); err != nil {
		panic(err) // embedded, and held by a test
	}
	return c
}

// Load reads the file at path over the defaults; "" gives the defaults. The
// error is yamlfile.Problems, or the reason why the file cannot be read.
func Load(path string) (Config, error) {
	if path == "" {
		return Default(), nil
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return Config{}, fmt.Errorf("read configuration: %w", err)
	}
	return Parse(path, data)
}

// Parse is Load of a file's text.
func Parse(name string, data []byte) (Config, error) {
	c := Default()
	if err := yamlfile.Decode(name, data, &c); err != nil {
		return Config{}, err
	}
	return c, nil
}

// Check says what is wrong with c as a whole, by key; where names where it was
// read, for the message.
func (c Config) Check(where string) error {
	var ps yamlfile.Problems
	fault := func(format string, args ...any) {
		ps = append(ps, yamlfile.Problem{File: where, Text: fmt.Sprintf(format, args...)})
	}
	for _, err := range c.checkStore() {
		fault("%v", err)
	}
	if c.RetentionSize != 0 && c.RetentionSize < minSize {
		fault("retention_size is %d bytes, want 0 (no limit) or %d MiB and more", c.RetentionSize, minSize>>20)
	}
	for _, d := range []struct {
		key   string
		value time.Duration
	}{{"retention", c.Retention}, {"out_of_order", c.OutOfOrder}, {"stale", c.Stale}} {
		if d.value <= 0 {
			fault("%s is %v, want above 0", d.key, d.value)
		}
	}
	if c.SwitchInterval < minSwitchInterval || c.SwitchInterval > maxSwitchInterval {
		fault("switch_interval is %v, want %v to %v", c.SwitchInterval, minSwitchInterval, maxSwitchInterval)
	}
	if c.Stale > 0 && c.Stale < time.Second {
		fault("stale is %v, want 1s or more", c.Stale)
	}
	for _, f := range c.Rules.check(c.Stale) {
		fault("%s", f)
	}
	for _, site := range c.Sites {
		if wire.CheckSite(site) != nil {
			fault("site %q is not 1 to 63 of a-z, 0-9 and -, beginning with a letter or digit", site)
		}
	}
	if (c.BrokerCert == "") != (c.BrokerKey == "") {
		fault("broker_cert and broker_key: one without the other")
	}
	if err := logs.Check(c.LogFormat, c.LogLevel); err != nil {
		fault("%v", err)
	}
	for _, l := range []struct{ key, addr string }{{"listen", c.Listen}, {"mqtt", c.MQTT}} {
		if err := c.checkAddress(l.addr); err != nil {
			fault("%s: %v", l.key, err)
		}
	}
	return ps.Err()
}

// checkStore says what is wrong with the kind of store and what belongs to it.
func (c Config) checkStore() []error {
	switch c.Store {
	case StoreTSDB:
		return nil
	case StoreInflux, StoreTee:
	default:
		return []error{fmt.Errorf("store %q is none of %s, %s, %s", c.Store, StoreTSDB, StoreInflux, StoreTee)}
	}
	var errs []error
	if u, err := url.Parse(c.Influx.URL); err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		errs = append(errs, errors.New("influx: url is not http://HOST:PORT or https://HOST:PORT"))
	} else if u.User != nil {
		errs = append(errs, errors.New("influx: url holds a user: put USER:PASSWORD into a file and name that as token_file"))
	}
	if c.Influx.Bucket == "" {
		errs = append(errs, errors.New("influx: bucket is empty"))
	}
	return errs
}

// checkAddress holds a listener to loopback unless Open says otherwise.
func (c Config) checkAddress(addr string) error {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return fmt.Errorf("address %q is not HOST:PORT", addr)
	}
	ip := net.ParseIP(host)
	if host == "localhost" || ip != nil && ip.IsLoopback() || c.Open {
		return nil
	}
	return fmt.Errorf("%q can be reached from other hosts and no credentials are asked: listen on 127.0.0.1, or say `open` (serve --open) if the network is trusted", addr)
}
