package snmp_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"thermarack/collector/internal/snmp"
)

const version3 = `version: 3
user: thermarack
auth: {protocol: SHA256, password: cold aisle}
privacy:
  protocol: AES
  password: hot aisle
`

func TestCredentialsAreRead(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]snmp.Credentials{
		"version: 2c\ncommunity: orchard\n":   {Version: snmp.Version2c, Community: "orchard"},
		"version: 2c\ncommunity: \"12345\"\n": {Version: snmp.Version2c, Community: "12345"},
		"version: 2c\ncommunity: 12345\n":     {Version: snmp.Version2c, Community: "12345"},
		version3:                              private("SHA256", "AES"),
	} {
		got, err := snmp.ParseCredentials("c.yaml", []byte(text))
		if err != nil || got != want {
			t.Errorf("%q: %v, %v", text, got, err)
		}
	}
}

func TestWrongCredentialsAreNamedByLineAndNotQuoted(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ text, want string }{
		"an empty file":               {"", "c.yaml: version: want 2c or 3"},
		"version 1":                   {"version: 1\ncommunity: swordfish\n", "c.yaml:1: version: want 2c or 3"},
		"no community":                {"version: 2c\n", "c.yaml:1: community: want 1 to 127 bytes"},
		"a long community":            {"version: 2c\ncommunity: " + strings.Repeat("swordfish", 15), "c.yaml:2: community: want 1 to 127 bytes"},
		"both":                        {"version: 2c\ncommunity: swordfish\nuser: x\n", "c.yaml:1: version: 2c has a community only"},
		"both, of version 3":          {version3 + "community: swordfish\n", "c.yaml:1: version: 3 has no community"},
		"no user":                     {strings.Replace(version3, "user: thermarack\n", "", 1), "user: want 1 to 32 bytes"},
		"a protocol that is broken":   {strings.Replace(version3, "SHA256", "MD5", 1), "c.yaml:3: auth.protocol: want SHA,"},
		"no privacy":                  {"version: 3\nuser: x\nauth: {protocol: SHA, password: swordfish}\n", "privacy.protocol: want AES,"},
		"a privacy that is broken":    {strings.Replace(version3, "AES", "DES", 1), "c.yaml:5: privacy.protocol: want AES,"},
		"a short password":            {strings.Replace(version3, "hot aisle", "s3cret", 1), "c.yaml:6: privacy.password: want 8 bytes or more"},
		"a password alone":            {"swordfish", "c.yaml:1: want version: 2c and community, or"},
		"a password in a wrong place": {strings.Replace(version3, "{protocol: SHA256, password: cold aisle}", "swordfish", 1), "c.yaml:3: want version"},
		"a password as an anchor":     {"version: 2c\ncommunity: *swordfish\n", "c.yaml"},
		"a password as a key":         {"version: 2c\nswordfish: community\n", "c.yaml:2: want version"},
		"broken syntax":               {"version: 2c\ncommunity: \"swordfish\\q\"\n", "c.yaml"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := snmp.ParseCredentials("c.yaml", []byte(tt.text))
			if !errors.Is(err, snmp.ErrCredentials) || !strings.HasPrefix(err.Error(), "c.yaml") || !strings.Contains(err.Error(), tt.want) {
				t.Fatalf("err = %v, want %q", err, tt.want)
			}
			if strings.Contains(err.Error(), "swordfish") || strings.Contains(err.Error(), "s3cret") || strings.Contains(err.Error(), "aisle") || strings.Contains(err.Error(), "\n") {
				t.Errorf("err = %q quotes the file", err)
			}
		})
	}
}

func TestCredentialsThatEverybodyMayReadAreRefused(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "c.yaml")
	if err := os.WriteFile(file, []byte(version3), 0o600); err != nil {
		t.Fatal(err)
	}
	for mode, ok := range map[os.FileMode]bool{0o600: true, 0o640: true, 0o400: true, 0o644: false, 0o604: false, 0o602: false} {
		if err := os.Chmod(file, mode); err != nil {
			t.Fatal(err)
		}
		got, err := snmp.LoadCredentials(file)
		if ok && (err != nil || got != private("SHA256", "AES")) {
			t.Errorf("mode %o: %v, %v", mode, got, err)
		}
		if !ok && (!errors.Is(err, snmp.ErrCredentials) || !strings.Contains(err.Error(), "chmod 600") || !strings.Contains(err.Error(), file)) {
			t.Errorf("mode %o: err = %v", mode, err)
		}
	}
	if _, err := snmp.LoadCredentials(file + "x"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a file that is not there: err = %v", err)
	}
}

func TestSecretsAreNeverPrinted(t *testing.T) {
	t.Parallel()
	c := private("SHA256", "AES")
	c.Community = "cold aisle"
	var out bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		fmt.Fprintf(&out, verb, c)
		fmt.Fprintf(&out, verb, c.Community)
		fmt.Fprintf(&out, verb, &c)
	}
	slog.New(slog.NewTextHandler(&out, nil)).Info("x", "credentials", c, "community", c.Community)
	slog.New(slog.NewJSONHandler(&out, nil)).Info("x", "credentials", c, "community", c.Community)
	if err := json.NewEncoder(&out).Encode(c); err != nil {
		t.Fatal(err)
	}
	text := out.String()
	if strings.Contains(text, "aisle") || strings.Contains(text, fmt.Sprintf("%x", "aisle")) || !strings.Contains(text, "hidden") {
		t.Errorf("printed: %s", text)
	}
}

func FuzzParseCredentials(f *testing.F) {
	f.Add([]byte(version3))
	f.Add([]byte("version: 2c\ncommunity: orchard\n"))
	f.Add([]byte("- - *a"))
	f.Fuzz(func(t *testing.T, data []byte) {
		_, err := snmp.ParseCredentials("c.yaml", data)
		if err != nil && (!errors.Is(err, snmp.ErrCredentials) || strings.Contains(err.Error(), "\n") || len(err.Error()) > 300) {
			t.Errorf("err = %q", err)
		}
	})
}
