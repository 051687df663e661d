package snmp

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"

	"go.yaml.in/yaml/v3"

	"thermarack/agent/wire/yamlfile"
)

// ErrCredentials reports a file that holds no usable credentials. The text says
// what to change.
var ErrCredentials = errors.New("no usable SNMP credentials")

// The versions of SNMP. Version 1 can't count past 32 bits and is not spoken.
const (
	Version2c = "2c"
	Version3  = "3" // with authentication and privacy, nothing less
)

// A Secret is a community or a password. However it is printed, logged or written
// as JSON, it says "hidden".
type Secret string

// Format implements fmt.Formatter for every verb.
func (Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "hidden") }

// LogValue implements slog.LogValuer.
func (Secret) LogValue() slog.Value { return slog.StringValue("hidden") }

// MarshalText implements encoding.TextMarshaler.
func (Secret) MarshalText() ([]byte, error) { return []byte("hidden"), nil }

// Credentials are what a switch knows us by. They can be compared with ==.
type Credentials struct {
	Version   string     `yaml:"version"`
	Community Secret     `yaml:"community"` // of version 2c
	User      string     `yaml:"user"`      // of version 3, as are Auth and Privacy
	Auth      Protection `yaml:"auth"`      // SHA SHA224 SHA256 SHA384 SHA512
	Privacy   Protection `yaml:"privacy"`   // AES AES192 AES256, as net-snmp makes their keys, or AES192C AES256C, as Cisco does
}

// A Protection is a protocol and its password.
type Protection struct {
	Protocol string `yaml:"protocol"`
	Password Secret `yaml:"password"`
}

// maxCredentials is far more than the longest file, in bytes.
const maxCredentials = 64 << 10

// LoadCredentials reads a file as ParseCredentials does. The file is refused when
// everybody on the host may read or change it. Load it again before each use: it
// may have changed, and is small.
func LoadCredentials(path string) (Credentials, error) {
	file, err := os.Open(path)
	if err != nil {
		return Credentials{}, fmt.Errorf("SNMP credentials: %w", err)
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return Credentials{}, fmt.Errorf("SNMP credentials: %w", err)
	}
	if mode := info.Mode().Perm(); mode&0o007 != 0 {
		return Credentials{}, fmt.Errorf("%s: everybody on this host may use it (mode %04o): chmod 600 it (%w)", path, mode, ErrCredentials)
	}
	data, err := io.ReadAll(io.LimitReader(file, maxCredentials))
	if err != nil {
		return Credentials{}, fmt.Errorf("SNMP credentials: %w", err)
	}
	return ParseCredentials(path, data)
}

// ParseCredentials reads
//
//	version: 2c
//	community: TEXT
//
// or, with authentication and privacy,
//
//	version: 3
//	user: TEXT
//	auth: {protocol: SHA256, password: TEXT}
//	privacy: {protocol: AES, password: TEXT}
//
// Passwords have 8 bytes or more (RFC 3414, section 11.2). The error wraps
// ErrCredentials, and quotes nothing of the file: it may be a secret.
func ParseCredentials(name string, data []byte) (Credentials, error) {
	var c Credentials
	if err := yamlfile.Decode(name, data, &c); err != nil {
		return Credentials{}, unreadable(name, err)
	}
	if key, text := c.problem(); text != "" {
		var tree yaml.Node
		_ = yaml.Unmarshal(data, &tree) // read above already
		at := yamlfile.Problem{File: name, Line: yamlfile.Line(&tree, strings.Split(key, ".")...), Text: key + ": " + text}
		return Credentials{}, fmt.Errorf("%w (%w)", at, ErrCredentials)
	}
	return c, nil
}

// unreadable keeps only the first line number of a decoder's error: its text may
// quote a password.
func unreadable(name string, err error) error {
	at := yamlfile.Problem{File: name, Text: "want version: 2c and community, or version: 3, user, auth and privacy, the last two with protocol and password"}
	var problems yamlfile.Problems
	if errors.As(err, &problems) && len(problems) > 0 {
		at.Line = problems[0].Line
	}
	return fmt.Errorf("%w (%w)", at, ErrCredentials)
}

// The bounds of names and passwords, in bytes. A community is shorter than 128
// because gosnmp writes its length in one byte; a user's name is as in RFC 3414.
const (
	maxCommunity = 127
	maxUser      = 32
	minPassword  = 8
)

// problem returns the first key that is wrong, and why.
func (c Credentials) problem() (key, text string) {
	switch c.Version {
	case Version2c:
		switch {
		case c.Community == "" || len(c.Community) > maxCommunity:
			return "community", fmt.Sprintf("want 1 to %d bytes", maxCommunity)
		case c.User != "" || c.Auth != Protection{} || c.Privacy != Protection{}:
			return "version", "2c has a community only: leave out user, auth and privacy, or set version 3"
		}
		return "", ""
	case Version3:
		return c.problem3()
	}
	return "version", "want 2c or 3"
}

func (c Credentials) problem3() (key, text string) {
	switch {
	case c.Community != "":
		return "version", "3 has no community: leave it out, or set version 2c"
	case c.User == "" || len(c.User) > maxUser:
		return "user", fmt.Sprintf("want 1 to %d bytes", maxUser)
	case authProtocols(c.Auth.Protocol) == 0:
		return "auth.protocol", "want SHA, SHA224, SHA256, SHA384 or SHA512"
	case len(c.Auth.Password) < minPassword:
		return "auth.password", fmt.Sprintf("want %d bytes or more", minPassword)
	case privacyProtocols(c.Privacy.Protocol) == 0:
		return "privacy.protocol", "want AES, AES192, AES256, AES192C or AES256C"
	case len(c.Privacy.Password) < minPassword:
		return "privacy.password", fmt.Sprintf("want %d bytes or more", minPassword)
	}
	return "", ""
}
