// Package config reads the agent's configuration: defaults, a YAML file, the
// environment and flags, each over the one before.
package config

import (
	_ "embed" // for the reference
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"thermarack/agent/wire"
	"thermarack/agent/wire/yamlfile"
)

// DefaultPath is where the file is looked for if no other is named.
const DefaultPath = "/etc/thermarack/agent.yaml"

//go:embed reference.yaml
var reference string

// Reference returns a configuration file that documents every key and sets it
// to its default.
func Reference() string { return reference }

// Config is a validated configuration.
type Config struct {
	Brokers  []string // URLs with scheme tcp or ssl and a port, without duplicates, at least one
	Site     string   // passes wire.CheckSite
	Interval time.Duration
	TLS      TLS
	Username string // "" for none

	PasswordFile string // "" for none
}

// TLS names PEM files; "" for none.
type TLS struct {
	CA   string `yaml:"ca"`   // authorities that replace the system's
	Cert string `yaml:"cert"` // the node's own certificate chain, with Key
	Key  string `yaml:"key"`
}

// Default returns the configuration of an agent that was told nothing.
func Default() Config {
	return Config{Brokers: []string{"tcp://thermarack:1883"}, Site: "main", Interval: 10 * time.Second}
}

// file is the configuration file as written.
type file struct {
	Broker       []string `yaml:"broker"`
	Site         string   `yaml:"site"`
	Interval     string   `yaml:"interval"`
	TLS          TLS      `yaml:"tls"`
	Username     string   `yaml:"username"`
	PasswordFile string   `yaml:"password_file"`
}

// Load reads the file at path. With path "" it reads DefaultPath if that
// exists, and otherwise returns the defaults. The error names the file.
func Load(path string) (Config, error) {
	optional := path == ""
	if optional {
		path = DefaultPath
	}
	f, err := os.Open(path)
	if optional && errors.Is(err, fs.ErrNotExist) {
		return Default(), nil
	}
	if err != nil {
		return Config{}, fmt.Errorf("load configuration: %w", err)
	}
	defer f.Close()
	return Parse(path, f)
}

// Parse reads a configuration file over the defaults. name is used in errors,
// which are one line for each thing wrong: an unknown key with its line and the
// nearest known one, or a value with its line and key.
func Parse(name string, r io.Reader) (Config, error) {
	text, err := io.ReadAll(r)
	if err != nil {
		return Config{}, fmt.Errorf("load configuration: %w", err)
	}
	var raw file
	if err := yamlfile.Decode(name, text, &raw); err != nil {
		return Config{}, err
	}
	c := Default()
	var tree yaml.Node
	_ = yaml.Unmarshal(text, &tree) // Decode has taken it
	var problems yamlfile.Problems
	for _, f := range c.take(raw) {
		problems = append(problems, yamlfile.Problem{File: name, Line: yamlfile.Line(&tree, f.at...), Text: f.err.Error()})
	}
	if err := problems.Err(); err != nil {
		return Config{}, err
	}
	return c, nil
}

// A fault is a value that is wrong.
type fault struct {
	at  []string // keys that lead to it in the file
	err error    // names the last key
}

// take puts what the file says over c.
func (c *Config) take(raw file) []fault {
	c.TLS, c.Username, c.PasswordFile = raw.TLS, raw.Username, raw.PasswordFile
	o := Overrides{Brokers: raw.Broker, Site: raw.Site}
	var faults []fault
	if raw.Interval != "" {
		d, err := time.ParseDuration(raw.Interval)
		if err != nil {
			faults = append(faults, fault{[]string{"interval"}, fmt.Errorf("interval: want a duration such as 10s: %w", err)})
		} else {
			o.Interval = &d
		}
	}
	if (c.TLS.Cert == "") != (c.TLS.Key == "") {
		faults = append(faults, fault{[]string{"tls"}, errors.New("tls: give both cert and key, or neither")})
	}
	if c.PasswordFile != "" && c.Username == "" {
		faults = append(faults, fault{[]string{"password_file"}, errors.New("password_file: needs a username")})
	}
	return append(faults, c.override(o)...)
}

// Overrides is what the environment or the flags say over a file. A field that
// is zero or nil says nothing.
type Overrides struct {
	Brokers  []string
	Site     string
	Interval *time.Duration
}

// FromEnvironment returns what THERMARACK_BROKER, which may list several, and
// THERMARACK_SITE say.
func FromEnvironment(getenv func(string) string) Overrides {
	o := Overrides{Site: getenv("THERMARACK_SITE")}
	for broker := range strings.SplitSeq(getenv("THERMARACK_BROKER"), ",") {
		if broker = strings.TrimSpace(broker); broker != "" {
			o.Brokers = append(o.Brokers, broker)
		}
	}
	return o
}

// With returns c with o over it. The error says which value is wrong, the first
// if several are.
func (c Config) With(o Overrides) (Config, error) {
	if faults := c.override(o); len(faults) > 0 {
		return Config{}, faults[0].err
	}
	return c, nil
}

// override puts o over c.
func (c *Config) override(o Overrides) (faults []fault) {
	if len(o.Brokers) > 0 {
		c.Brokers = nil
	}
	for i, broker := range o.Brokers {
		u, err := checkBroker(broker)
		if err != nil {
			faults = append(faults, fault{[]string{"broker", strconv.Itoa(i)}, err})
		} else if !slices.Contains(c.Brokers, u) { // the same one twice would throw itself out
			c.Brokers = append(c.Brokers, u)
		}
	}
	if o.Site != "" {
		if err := wire.CheckSite(o.Site); err != nil {
			faults = append(faults, fault{[]string{"site"}, fmt.Errorf("site: %w", err)})
		}
		c.Site = o.Site
	}
	if o.Interval != nil {
		if err := checkInterval(*o.Interval); err != nil {
			faults = append(faults, fault{[]string{"interval"}, err})
		}
		c.Interval = *o.Interval
	}
	return faults
}

// checkBroker returns the URL with one of the two schemes and a port.
func checkBroker(broker string) (string, error) {
	u, err := url.Parse(broker)
	if err != nil || u.Hostname() == "" {
		return "", fmt.Errorf("broker %.80q: want a URL such as tcp://host:1883 or ssl://host:8883", broker)
	}
	if u.User != nil {
		return "", fmt.Errorf("broker %.80q: put the user name in username and the password in password_file", u.Redacted())
	}
	if u.Path != "" && u.Path != "/" || u.RawQuery != "" || u.Fragment != "" {
		return "", fmt.Errorf("broker %.80q: nothing may follow the port", broker)
	}
	scheme, port := u.Scheme, u.Port()
	switch scheme {
	case "tcp", "mqtt":
		scheme, port = "tcp", orDefault(port, "1883")
	case "ssl", "tls", "mqtts":
		scheme, port = "ssl", orDefault(port, "8883")
	default:
		return "", fmt.Errorf("broker %.80q: scheme %.20q is none of tcp, mqtt, ssl, tls, mqtts", broker, scheme)
	}
	return scheme + "://" + net.JoinHostPort(strings.ToLower(u.Hostname()), port), nil
}

func orDefault(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

// The shortest interval is what a host's own sensors bear; 1-Wire probes need a
// second. The longest leaves a forecast something to go by.
const minInterval, maxInterval = 100 * time.Millisecond, time.Hour

func checkInterval(d time.Duration) error {
	if d < minInterval || d > maxInterval || d%time.Millisecond != 0 {
		return fmt.Errorf("interval: %v is not %v to %v in whole milliseconds", d, minInterval, maxInterval)
	}
	return nil
}
