package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"slices"
	"strings"

	"thermarack/agent/wire/layout"
	"thermarack/collector/internal/poe"
	"thermarack/collector/internal/snmp"
	"thermarack/collector/internal/switches"
)

// scanFlags are what `switch scan` is told.
type scanFlags struct {
	host, credentials, recording, profile string
	json                                  bool
}

// switchCommand is `switch scan`.
func switchCommand(ctx context.Context, args []string, out output) error {
	isHelp := len(args) == 1 && (args[0] == "--help" || args[0] == "-h")
	if len(args) == 0 || args[0] != "scan" && !isHelp {
		return usageError{errors.New("switch: want switch scan HOST, or switch scan --snmprec FILE")}
	}
	if !isHelp {
		args = args[1:]
	}
	f, err := readScanFlags(args, out)
	if err != nil {
		return err
	}
	seen, err := f.scan(ctx)
	if err != nil {
		f.advise(err, out.Err)
		return err
	}
	if f.json {
		return poe.WriteJSON(out.Out, seen)
	}
	if err := poe.WriteText(out.Out, seen); err != nil {
		return err
	}
	_, err = fmt.Fprint(out.Out, f.remarks(seen))
	return err
}

// readScanFlags reads flags before and behind the host.
func readScanFlags(args []string, out output) (scanFlags, error) {
	var f scanFlags
	flags := flag.NewFlagSet("switch scan", flag.ContinueOnError)
	flags.StringVar(&f.credentials, "credentials", "", "`file` of SNMP credentials; none: version 2c, community public")
	flags.StringVar(&f.profile, "profile", poe.Auto, "`name` of the vendor profile: "+strings.Join(poe.ProfileNames(), " "))
	flags.StringVar(&f.recording, "snmprec", "", "`file` with a recording, plain, .gz or .bz2, instead of a host")
	flags.BoolVar(&f.json, "json", false, "write JSON")
	flags.SetOutput(io.Discard)
	if flags.Parse(args) == nil && flags.NArg() > 0 {
		f.host = flags.Arg(0)
		args = slices.Concat(args[:len(args)-flags.NArg()], flags.Args()[1:])
	}
	if err := parse(flags, args, out, 0); err != nil {
		return f, err
	}
	_, err := poe.NewReader(nil, f.profile)
	switch {
	case err != nil:
	case (f.host == "") == (f.recording == ""):
		err = errors.New("want either a HOST or --snmprec FILE")
	case f.recording != "" && f.credentials != "":
		err = errors.New("a recording needs no --credentials")
	}
	if err != nil {
		return f, usageError{fmt.Errorf("switch scan: %w", err)}
	}
	return f, nil
}

// scan reads the switch, or the recording of one, once.
func (f scanFlags) scan(ctx context.Context) (poe.Switch, error) {
	if f.recording == "" {
		session := switches.Open(layout.Switch{Host: f.host, Credentials: f.credentials, Profile: f.profile})
		seen, err := session.Read(ctx)
		return seen, errors.Join(err, session.Close())
	}
	recording, err := snmp.OpenRecording(f.recording)
	if err != nil {
		return poe.Switch{}, err
	}
	reader, err := poe.NewReader(recording, f.profile)
	if err != nil {
		return poe.Switch{}, err
	}
	return reader.Read(ctx)
}

const credentialsForm = `A file of credentials, readable by its owner alone (chmod 600), holds

    version: 2c
    community: TEXT

or, with authentication and encryption,

    version: 3
    user: TEXT
    auth: {protocol: SHA256, password: TEXT}
    privacy: {protocol: AES, password: TEXT}

`

// advise writes what else can be done about an error.
func (f scanFlags) advise(err error, w io.Writer) {
	if errors.Is(err, snmp.ErrNoAnswer) && f.credentials == "" {
		fmt.Fprint(w, "Tried with version 2c and the community public, as there is no --credentials FILE. ", credentialsForm)
	}
	if errors.Is(err, snmp.ErrCredentials) {
		fmt.Fprint(w, credentialsForm)
	}
	switch {
	case !errors.Is(err, poe.ErrTables):
	case f.recording != "":
		fmt.Fprintf(w, `The recording itself can be read. See whether
  - it is of the whole switch (1.3.6.1), with all that its user may read,
  - another --profile fits better than %s: %s.

`, f.profile, strings.Join(poe.ProfileNames(), " "))
	default:
		fmt.Fprintf(w, `It answers, so address and credentials are right. See whether
  - it is a switch at all,
  - its community or user may read all of 1.3.6.1 (its "view" or "access list"),
  - another --profile fits better than %s: %s.

`, f.profile, strings.Join(poe.ProfileNames(), " "))
	}
}

// remarks says what was not understood of a switch, and what a layout can say of
// it.
func (f scanFlags) remarks(s poe.Switch) string {
	var b strings.Builder
	for _, remark := range notUnderstood(s) {
		fmt.Fprintf(&b, "\n%s\n", remark)
	}
	if f.host != "" {
		fmt.Fprintf(&b, "\nIn a layout: switches: {NAME: {mac: %s, host: %q, profile: %s", cmp.Or(string(s.MAC), "MAC"), f.host, s.Profile)
		if f.credentials != "" {
			fmt.Fprintf(&b, ", credentials: %q", f.credentials)
		}
		fmt.Fprintln(&b, "}}")
	}
	return b.String()
}

// notUnderstood lists what a switch does not say, and what that costs.
func notUnderstood(s poe.Switch) []string {
	var ports, watts, unmetered, unnamed, macs int
	for _, p := range s.Ports {
		macs += len(p.MACs)
		if p.Number == 0 {
			continue
		}
		ports++
		if p.IfIndex == 0 {
			unnamed++
		}
		switch {
		case p.Power == nil:
		case p.Measured || *p.Power == 0:
			watts++
		default:
			unmetered++
		}
	}
	var list []string
	note := func(when bool, format string, args ...any) {
		if when {
			list = append(list, fmt.Sprintf(format, args...))
		}
	}
	note(ports == 0, "No port with PoE was found.")
	note(ports > watts+unmetered, "%d of %d ports do not say their watts: this profile knows none, or they are not shown to us.", ports-watts-unmetered, ports)
	note(unmetered > 0, "%d of %d ports say what is set aside for them, which is not measured: it is stored as \"allocated\", not as power.", unmetered, ports)
	note(unnamed > 0, "%d of %d ports have no known interface: no Pi can be found behind them.", unnamed, ports)
	note(macs == 0, "No MAC address was seen: nothing is plugged in, or the tables are not shown to us.")
	note(len(s.Supplies) == 0, "No power supply was found: how much of it is used can't be told.")
	return list
}
