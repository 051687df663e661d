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
	"strings"
	"time"

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
// nearest known one, or a value with its key.
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
	c.TLS, c.Username, c.PasswordFile = raw.TLS, raw.Username, raw.PasswordFile
	o := Overrides{Brokers: raw.Broker, Site: raw.Site}
	var problems yamlfile.Problems
	if raw.Interval != "" {
		if o.Interval, err = time.ParseDuration(raw.Interval); err != nil {
			problems = append(problems, yamlfile.Problem{File: name, Text: "interval: want a duration such as 10s: " + err.Error()})
		}
	}
	if (c.TLS.Cert == "") != (c.TLS.Key == "") {
		problems = append(problems, yamlfile.Problem{File: name, Text: "tls: give both cert and key, or neither"})
	}
	if c.PasswordFile != "" && c.Username == "" {
		problems = append(problems, yamlfile.Problem{File: name, Text: "password_file: needs a username"})
	}
	c, err = c.With(o)
	if err != nil {
		problems = append(problems, yamlfile.Problem{File: name, Text: err.Error()})
	}
	return c, problems.Err()
}

// Overrides is what the environment or the flags say over a file. A zero field
// says nothing.
type Overrides struct {
	Brokers  []string
	Site     string
	Interval time.Duration
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

// With returns c with o over it. The error says which value is wrong.
func (c Config) With(o Overrides) (Config, error) {
	if len(o.Brokers) > 0 {
		c.Brokers = nil
	}
	for _, broker := range o.Brokers {
		u, err := checkBroker(broker)
		if err != nil {
			return Config{}, err
		}
		if !slices.Contains(c.Brokers, u) { // the same one twice would throw itself out
			c.Brokers = append(c.Brokers, u)
		}
	}
	if o.Site != "" {
		if err := wire.CheckSite(o.Site); err != nil {
			return Config{}, fmt.Errorf("site: %w", err)
		}
		c.Site = o.Site
	}
	if o.Interval != 0 {
		if err := checkInterval(o.Interval); err != nil {
			return Config{}, err
		}
		c.Interval = o.Interval
	}
	return c, nil
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
