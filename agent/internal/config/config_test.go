package config_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"thermarack/agent/internal/config"
)

func TestTheReferenceSetsEveryKeyToItsDefault(t *testing.T) {
	got, err := config.Parse("reference.yaml", strings.NewReader(config.Reference()))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(config.Default(), got); diff != "" {
		t.Errorf("reference (-default +reference):\n%s", diff)
	}
}

func TestTheReferenceNamesEveryKey(t *testing.T) {
	// The error of a key like no other lists all that are known.
	_, err := config.Parse("f", strings.NewReader("zzzzzzzz: 1\n"))
	if err == nil {
		t.Fatal("an unknown key was taken")
	}
	_, list, _ := strings.Cut(err.Error(), "known here: ")
	for key := range strings.SplitSeq(list, ", ") {
		if !regexp.MustCompile(`(?m)^` + key + `:`).MatchString(config.Reference()) {
			t.Errorf("the reference does not name %q", key)
		}
	}
}

func TestParse(t *testing.T) {
	with := func(change func(*config.Config)) config.Config {
		c := config.Default()
		change(&c)
		return c
	}
	tests := []struct {
		name, text string
		want       config.Config
		err        string
	}{
		{name: "an empty file is the defaults", want: config.Default()},
		{
			name: "brokers get a scheme of two, a port, and stand once",
			text: "broker: [mqtt://A, 'tcp://a:1883', 'mqtts://b', 'ssl://[::1]:99']",
			want: with(func(c *config.Config) { c.Brokers = []string{"tcp://a:1883", "ssl://b:8883", "ssl://[::1]:99"} }),
		},
		{
			name: "every other key",
			text: "site: hex\ninterval: 2s\ntls: {ca: ca.pem, cert: c.pem, key: k.pem}\nusername: pi\npassword_file: /run/pw\n",
			want: with(func(c *config.Config) {
				c.Site, c.Interval, c.Username, c.PasswordFile = "hex", 2*time.Second, "pi", "/run/pw"
				c.TLS = config.TLS{CA: "ca.pem", Cert: "c.pem", Key: "k.pem"}
			}),
		},
		{
			name: "no looking for anything",
			text: "discovery: false\ni2c: false",
			want: with(func(c *config.Config) { c.Discovery, c.I2C = false, false }),
		},
		{
			name: "fans have two pulses unless it is said",
			text: "fans: [{gpio: 0}, {gpio: 27, pulses: 1}]",
			want: with(func(c *config.Config) {
				c.Fans = []config.Fan{{GPIO: 0, Pulses: 2}, {GPIO: 27, Pulses: 1}}
			}),
		},
		{
			name: "a spool keeps the figures that are not given",
			text: "spool: {directory: /var/spool/thermarack, budget: 5}",
			want: with(func(c *config.Config) {
				c.Spool = config.Spool{Directory: "/var/spool/thermarack", MaxMB: 64, MBPerDay: 5}
			}),
		},
		{name: "metrics at a port are for this host", text: "metrics: 9110", want: with(func(c *config.Config) { c.Metrics = "127.0.0.1:9110" })},
		{name: "metrics at a port behind a colon too", text: "metrics: ':0'", want: with(func(c *config.Config) { c.Metrics = "127.0.0.1:0" })},
		{name: "metrics for all are said so", text: "metrics: '[::]:9110'", want: with(func(c *config.Config) { c.Metrics = "[::]:9110" })},
		{name: "an unknown key", text: "\nbrokers: []", err: `f.yaml:2: unknown key "brokers", did you mean "broker"?`},
		{name: "an unknown key below tls", text: "tls: {cafile: x}", err: `f.yaml:1: unknown key "cafile", known here: ca, cert, key`},
		{name: "a broker without a scheme", text: "broker: [host:1883]", err: `f.yaml:1: broker "host:1883": want a URL such as tcp://host:1883 or ssl://host:8883`},
		{name: "a broker over http", text: "broker: ['http://h']", err: `f.yaml:1: broker "http://h": scheme "http" is none of tcp, mqtt, ssl, tls, mqtts`},
		{name: "a broker with a password", text: "broker: ['tcp://u:secret@h']", err: `f.yaml:1: broker "tcp://u:xxxxx@h": put the user name in username and the password in password_file`},
		{name: "a broker with a path", text: "broker: ['tcp://h/x']", err: `f.yaml:1: broker "tcp://h/x": nothing may follow the port`},
		{name: "a broker at no port", text: "broker: ['tcp://h:0']", err: `f.yaml:1: broker "tcp://h:0": port 0 is not 1 to 65535`},
		{name: "a broker at a port too high", text: "broker: ['ssl://h:65536']", err: `f.yaml:1: broker "ssl://h:65536": port 65536 is not 1 to 65535`},
		{name: "a site in capitals", text: "site: HEX", err: `f.yaml:1: site: wire: name "HEX" is not 1 to 63 of a-z, 0-9 and -, beginning with a letter or digit`},
		{name: "an interval that is none", text: "interval: soon", err: `f.yaml:1: interval: want a duration such as 10s: time: invalid duration "soon"`},
		{name: "an interval below the least", text: "interval: 10ms", err: `f.yaml:1: interval: 10ms is not 100ms to 1h0m0s in whole milliseconds`},
		{name: "an interval of nothing", text: "site: a\ninterval: 0s", err: `f.yaml:2: interval: 0s is not 100ms to 1h0m0s in whole milliseconds`},
		{name: "an interval of a bare nothing", text: "interval: 0", err: `f.yaml:1: interval: 0s is not 100ms to 1h0m0s in whole milliseconds`},
		{name: "an interval before none", text: "interval: -5s", err: `f.yaml:1: interval: -5s is not 100ms to 1h0m0s in whole milliseconds`},
		{name: "an interval left empty is the default", text: "interval: ''", want: config.Default()},
		{name: "a broker further down", text: "broker:\n  - tcp://a\n  - host:1883", err: `f.yaml:3: broker "host:1883": want a URL such as tcp://host:1883 or ssl://host:8883`},
		{name: "all that is wrong, by line", text: "site: A\nbroker: ['tcp://h/x', 'http://h']\ninterval: 0s", err: "f.yaml:1: site: wire: name \"A\" is not 1 to 63 of a-z, 0-9 and -, beginning with a letter or digit\nf.yaml:2: broker \"tcp://h/x\": nothing may follow the port\nf.yaml:2: broker \"http://h\": scheme \"http\" is none of tcp, mqtt, ssl, tls, mqtts\nf.yaml:3: interval: 0s is not 100ms to 1h0m0s in whole milliseconds"},
		{name: "a certificate without a key", text: "tls: {cert: c}", err: `f.yaml:1: tls: give both cert and key, or neither`},
		{name: "a password without a name", text: "password_file: p", err: `f.yaml:1: password_file: needs a username`},
		{name: "metrics at no port", text: "site: a\nmetrics: pi", err: `f.yaml:2: metrics: ":pi" is neither a port nor host:port`},
		{name: "metrics at a port too high", text: "metrics: 'pi:65536'", err: `f.yaml:1: metrics: "pi:65536" is neither a port nor host:port`},
		{name: "a fan without a pin", text: "fans:\n  - pulses: 2", err: `f.yaml:2: gpio is missing: it says which pin the tachometer is on`},
		{name: "a fan on no pin", text: "fans:\n  - gpio: 28\n  - gpio: -1", err: "f.yaml:2: gpio: 28 is not 0 to 27\nf.yaml:3: gpio: -1 is not 0 to 27"},
		{name: "two fans on a pin", text: "fans:\n  - gpio: 17\n  - gpio: 17", err: `f.yaml:3: gpio: 17 has a fan already`},
		{name: "a fan without pulses", text: "fans:\n  - gpio: 17\n    pulses: 0", err: `f.yaml:3: pulses: 0 is not 1 to 8`},
		{name: "a fan with many pulses", text: "fans: [{gpio: 17, pulses: 9}]", err: `f.yaml:1: pulses: 9 is not 1 to 8`},
		{name: "a spool of no size", text: "spool:\n  size: 0\n  budget: -1", err: "f.yaml:2: size: 0 MB is not 1 to 1000000\nf.yaml:3: budget: -1 MB is not 1 to 1000000"},
		{name: "a word for a number", text: "spool:\n  size: much", err: `f.yaml:2: size: want a whole number, not "much"`},
		{name: "a word for yes or no", text: "discovery: maybe", err: `f.yaml:1: discovery: want true or false, not "maybe"`},
		{name: "a broker that is no list", text: "broker: tcp://a", err: `f.yaml:1: broker: want a list, not "tcp://a"`},
		{name: "two things wrong, both told", text: "site: A\ntls: {key: k}", err: "f.yaml:1: site: wire: name \"A\" is not 1 to 63 of a-z, 0-9 and -, beginning with a letter or digit\nf.yaml:2: tls: give both cert and key, or neither"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := config.Parse("f.yaml", strings.NewReader(tt.text))
			if text := errorText(err); text != tt.err {
				t.Fatalf("err = %s\nwant  %s", text, tt.err)
			}
			if err == nil {
				if diff := cmp.Diff(tt.want, got); diff != "" {
					t.Errorf("config (-want +got):\n%s", diff)
				}
			}
		})
	}
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func TestFlagsComeBeforeTheEnvironmentBeforeTheFile(t *testing.T) {
	file, err := config.Parse("f.yaml", strings.NewReader("broker: ['tcp://file']\nsite: file\ninterval: 1s"))
	if err != nil {
		t.Fatal(err)
	}
	environment := map[string]string{"THERMARACK_BROKER": "tcp://env1, tcp://env2,", "THERMARACK_SITE": "env"}
	fromEnv := config.FromEnvironment(func(key string) string { return environment[key] })

	got, err := file.With(fromEnv)
	if err != nil {
		t.Fatal(err)
	}
	want := config.Default()
	want.Brokers, want.Site, want.Interval = []string{"tcp://env1:1883", "tcp://env2:1883"}, "env", time.Second
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("file and environment (-want +got):\n%s", diff)
	}

	got, err = got.With(config.Overrides{Brokers: []string{"tcp://flag"}, Interval: new(5 * time.Second), Metrics: "9110"})
	if err != nil {
		t.Fatal(err)
	}
	want.Brokers, want.Interval, want.Metrics = []string{"tcp://flag:1883"}, 5*time.Second, "127.0.0.1:9110"
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("and flags (-want +got):\n%s", diff)
	}
}

func TestLoadNamesTheFileThatIsMissing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "none.yaml")
	if _, err := config.Load(path); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("err = %v, want one that names %s", err, path)
	}
}

func TestLoadReadsTheFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "agent.yaml")
	if err := os.WriteFile(path, []byte("site: hex\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got, err := config.Load(path); err != nil || got.Site != "hex" {
		t.Errorf("Load = %+v, %v, want site hex", got, err)
	}
}

func FuzzParseGivesUsableAddressesOrAnError(f *testing.F) {
	f.Add("broker: ['tcp://a:1', 'ssl://b']\ninterval: 1s")
	f.Add("broker: [host]\ntls: {ca: x}")
	f.Add("fans: [{gpio: 17}]\nspool: {size: 1}\nmetrics: 1")
	f.Fuzz(func(t *testing.T, text string) {
		c, err := config.Parse("f.yaml", strings.NewReader(text))
		if err != nil {
			return
		}
		again, err := config.Default().With(config.Overrides{Brokers: c.Brokers, Site: c.Site, Interval: &c.Interval, Metrics: c.Metrics})
		if err != nil {
			t.Fatalf("%q gave a configuration that is not valid: %v", text, err)
		}
		if diff := cmp.Diff(c.Brokers, again.Brokers); diff != "" {
			t.Errorf("%q: brokers change when read again:\n%s", text, diff)
		}
		if c.Metrics != again.Metrics {
			t.Errorf("%q: metrics at %q change to %q when read again", text, c.Metrics, again.Metrics)
		}
	})
}
