package config

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strconv"
	"time"

	"go.yaml.in/yaml/v3"

	"thermarack/agent/wire/yamlfile"
)

// file is the configuration file as written.
type file struct {
	Broker       []string  `yaml:"broker"`
	Discovery    bool      `yaml:"discovery"`
	Site         string    `yaml:"site"`
	Interval     string    `yaml:"interval"`
	TLS          TLS       `yaml:"tls"`
	Username     string    `yaml:"username"`
	PasswordFile string    `yaml:"password_file"`
	I2C          bool      `yaml:"i2c"`
	Fans         []fileFan `yaml:"fans"`
	Spool        fileSpool `yaml:"spool"`
	Metrics      string    `yaml:"metrics"`
}

type fileFan struct {
	GPIO   *int `yaml:"gpio"`
	Pulses *int `yaml:"pulses"`
}

type fileSpool struct {
	Directory string `yaml:"directory"`
	Size      int    `yaml:"size"`
	Budget    int    `yaml:"budget"`
}

// fileOf returns the file that says what c says of the keys that it may leave
// out.
func fileOf(c Config) file {
	return file{
		Discovery: c.Discovery, I2C: c.I2C,
		Spool: fileSpool{c.Spool.Directory, c.Spool.MaxMB, c.Spool.MBPerDay},
	}
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
	c := Default()
	raw := fileOf(c)
	if err := yamlfile.Decode(name, text, &raw); err != nil {
		return Config{}, err
	}
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
	c.Discovery, c.I2C = raw.Discovery, raw.I2C
	c.Spool = Spool{raw.Spool.Directory, raw.Spool.Size, raw.Spool.Budget}
	o := Overrides{Brokers: raw.Broker, Site: raw.Site, Metrics: raw.Metrics}
	faults := append(c.takeFans(raw.Fans), c.Spool.check()...)
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

// takeFans puts the fans of the file into c.
func (c *Config) takeFans(fans []fileFan) (faults []fault) {
	used := map[int]bool{}
	for i, f := range fans {
		wrong := func(key, format string, args ...any) {
			faults = append(faults, fault{[]string{"fans", strconv.Itoa(i), key}, fmt.Errorf(format, args...)})
		}
		fan := Fan{GPIO: -1, Pulses: defaultPulses}
		if f.GPIO != nil {
			fan.GPIO = *f.GPIO
		}
		if f.Pulses != nil {
			fan.Pulses = *f.Pulses
		}
		switch {
		case f.GPIO == nil:
			wrong("gpio", "gpio is missing: it says which pin the tachometer is on")
		case fan.GPIO < 0 || fan.GPIO > maxGPIO:
			wrong("gpio", "gpio: %d is not 0 to %d", fan.GPIO, maxGPIO)
		case used[fan.GPIO]:
			wrong("gpio", "gpio: %d has a fan already", fan.GPIO)
		}
		if fan.Pulses < 1 || fan.Pulses > maxPulses {
			wrong("pulses", "pulses: %d is not 1 to %d", fan.Pulses, maxPulses)
		}
		used[fan.GPIO] = f.GPIO != nil
		c.Fans = append(c.Fans, fan)
	}
	return faults
}

const (
	// maxGPIO is the last line that leads to the header; see tach.OpenPin for the
	// others.
	maxGPIO = 27
	// Nearly every fan for computers gives two pulses a revolution.
	defaultPulses, maxPulses = 2, 8
)

// maxSpoolMB is more than a Pi has a use for, and no overflow in bytes.
const maxSpoolMB = 1_000_000

// check says which figures are wrong.
func (s Spool) check() (faults []fault) {
	for _, f := range []struct {
		key   string
		value int
	}{{"size", s.MaxMB}, {"budget", s.MBPerDay}} {
		if f.value < 1 || f.value > maxSpoolMB {
			faults = append(faults, fault{[]string{"spool", f.key}, fmt.Errorf("%s: %d MB is not 1 to %d", f.key, f.value, maxSpoolMB)})
		}
	}
	return faults
}
