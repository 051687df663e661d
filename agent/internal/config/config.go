// Package config reads the agent's configuration: defaults, a YAML file, the
// environment and flags, each over the one before.
package config

import (
	_ "embed" // for the reference
	"fmt"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"thermarack/agent/wire"
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
	Brokers   []string // URLs with scheme tcp or ssl and a port, without duplicates; none: look for one
	Discovery bool     // look by DNS-SD, where no broker is named
	Site      string   // passes wire.CheckSite; "" for that of the broker that is found, else DefaultSite
	Interval  time.Duration
	TLS       TLS
	Username  string // "" for none

	PasswordFile string // "" for none

	I2C     bool  // look for known parts on the I²C buses
	Fans    []Fan // whose tachometers hang on pins of the board, each on another
	Spool   Spool
	Metrics string // host:port to serve metrics at; "" for none
}

// TLS names PEM files; "" for none.
type TLS struct {
	CA   string `yaml:"ca"`   // authorities that replace the system's
	Cert string `yaml:"cert"` // the node's own certificate chain, with Key
	Key  string `yaml:"key"`
}

// A Fan has its tachometer on a pin of the board.
type Fan struct {
	GPIO   int // number of the chip's line (BCM), 0 to 27
	Pulses int // a revolution, 1 to 8
}

// Spool is where packs wait on disk. Both figures are at least 1.
type Spool struct {
	Directory string // "" for memory only
	MaxMB     int    // what it may take of the disk, in 1e6 bytes
	MBPerDay  int    // what it may write, in 1e6 bytes a day
}

// DefaultBroker is tried where none is named and none is found, and DefaultSite
// is the site of a node that nobody told one.
const (
	DefaultBroker = "tcp://thermarack:1883"
	DefaultSite   = "main"
)

// Default returns the configuration of an agent that was told nothing.
func Default() Config {
	return Config{
		Discovery: true, Interval: 10 * time.Second, I2C: true,
		Spool: Spool{MaxMB: 64, MBPerDay: 20},
	}
}

// Overrides is what the environment or the flags say over a file. A field that
// is zero or nil says nothing.
type Overrides struct {
	Brokers  []string
	Site     string
	Interval *time.Duration
	Metrics  string
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
	if o.Metrics != "" {
		address, err := checkMetrics(o.Metrics)
		if err != nil {
			faults = append(faults, fault{[]string{"metrics"}, err})
		}
		c.Metrics = address
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
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
		return "", fmt.Errorf("broker %.80q: port %.20s is not 1 to 65535", broker, port)
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

// checkMetrics returns the address with its host: loopback, if it names a port
// only. Whoever means every interface says 0.0.0.0 or [::].
func checkMetrics(address string) (string, error) {
	if !strings.Contains(address, ":") {
		address = ":" + address
	}
	host, port, err := net.SplitHostPort(address)
	if err == nil {
		_, err = strconv.ParseUint(port, 10, 16)
	}
	if err != nil {
		return "", fmt.Errorf("metrics: %.80q is neither a port nor host:port", address)
	}
	return net.JoinHostPort(orDefault(host, "127.0.0.1"), port), nil
}
