package simulate

import (
	"cmp"
	"errors"
	"flag"
	"fmt"
	"io"
	"math"
	"strconv"
	"time"

	"thermarack/agent/internal/config"
)

// Usage says how the command is called.
const Usage = `usage: thermarack-agent simulate --layout F (--broker URL | -o F --for D) [flags]

Simulates the shelves of a layout: each Pi and PoE switch publishes what it would
measure, live to a broker or, as fast as possible, into a recording.

  --layout F        layout file with the shelves to simulate
  --broker URL      publish live: tcp://host:1883 or ssl://host:8883
  -o F              write a recording; gzip if F ends in .gz, - is standard output
  --truth F         write what really happens, a line a minute and shelf; as for -o
  --scenario F      YAML list of what happens to the shelves, with entries such as
                    {at: 30m, shelf: hex/a1/s3, fan: 1, running: false}
                    {at: 1h, load: 1.2}
                    {at: 2h, slot: 17, offline: true}
                    {at: 3h, probe: h1, fault: stuck}
  --seed N          of everything that chance decides (default 1)
  --interval D      time between samples, 100ms to 1h (default 10s)
  --for D           simulated time in all (default: live without end)
  --start T         simulated time of the beginning, RFC 3339 or Unix seconds
                    (default: live that of --clock-origin, else ` + recordingStart + `)
  --speed N         live: how many times as fast as the world (default 1)
  --clock-origin T  live: wall time, RFC 3339, at which the simulated clock shows
                    --start (default now)

The same flags and seed give the same recording and the same truth.
`

// A UsageError is a command line that cannot be meant. Its exit status is 2; the
// const Usage says how it goes.
type UsageError struct{ Err error }

func (e UsageError) Error() string { return e.Err.Error() }

// Unwrap returns what is wrong.
func (e UsageError) Unwrap() error { return e.Err }

// recordingStart is when a recording begins that is told nothing: always the
// same, so that the same flags and seed give the same bytes.
const recordingStart = "2026-01-01T00:00:00Z"

// The years in which a recording may begin. SenML takes times of the early
// seventies for relative ones; Go counts nanoseconds until 2262.
const minYear, maxYear = 1980, 2200

// maxSpeed keeps a clock within the range of time.Duration for months.
const maxSpeed = 1e5

// options are the checked flags.
type options struct {
	layout    string
	scenario  string // "" for an uneventful life
	broker    string // URL; "" when not live
	recording string // path, "-" for standard output, "" for none
	truth     string // like recording

	speed    float64
	seed     uint64
	interval time.Duration
	start    time.Time     // UTC, whole milliseconds
	origin   time.Time     // wall time at which the clock shows start
	length   time.Duration // 0 without end
}

// parse reads the arguments. done says that --help was asked for, and printed to
// stdout. The error is a UsageError.
func parse(args []string, stdout io.Writer) (o options, done bool, err error) {
	flags := o.flags()
	err = flags.Parse(args)
	if errors.Is(err, flag.ErrHelp) {
		_, err = io.WriteString(stdout, Usage)
		return options{}, true, err
	}
	if err == nil {
		err = o.check(flags)
	}
	if err != nil {
		return options{}, false, UsageError{err}
	}
	return o, false, nil
}

// flags returns the flag set that fills o.
func (o *options) flags() *flag.FlagSet {
	f := flag.NewFlagSet("", flag.ContinueOnError)
	f.SetOutput(io.Discard) // Usage says it better
	f.StringVar(&o.layout, "layout", "", "")
	f.StringVar(&o.broker, "broker", "", "")
	f.StringVar(&o.recording, "o", "", "")
	f.StringVar(&o.truth, "truth", "", "")
	f.StringVar(&o.scenario, "scenario", "", "")
	f.Float64Var(&o.speed, "speed", 1, "")
	f.Uint64Var(&o.seed, "seed", 1, "")
	f.DurationVar(&o.interval, "interval", config.Default().Interval, "")
	f.DurationVar(&o.length, "for", 0, "")
	f.Func("start", "", func(s string) (err error) { o.start, err = parseInstant(s); return err })
	f.Func("clock-origin", "", func(s string) (err error) { o.origin, err = time.Parse(time.RFC3339Nano, s); return err })
	return f
}

// parseInstant reads RFC 3339 or Unix seconds.
func parseInstant(s string) (time.Time, error) {
	if t, err := time.Parse(time.RFC3339Nano, s); err == nil {
		return t, nil
	}
	seconds, err := strconv.ParseFloat(s, 64)
	if err != nil || !(math.Abs(seconds) < 1e10) { // catches NaN as well
		return time.Time{}, errors.New("want RFC 3339, such as " + recordingStart + ", or Unix seconds")
	}
	return time.UnixMilli(int64(math.Round(seconds * 1000))), nil
}

// check says what is wrong with the flags, and completes them.
func (o *options) check(flags *flag.FlagSet) error {
	given := map[string]bool{}
	flags.Visit(func(f *flag.Flag) { given[f.Name] = true })
	live := o.broker != ""
	switch {
	case flags.NArg() > 0:
		return fmt.Errorf("unexpected argument %.80q", flags.Arg(0))
	case o.layout == "":
		return errors.New("--layout is missing: it says which shelves there are")
	case live && o.recording != "":
		return errors.New("--broker and -o exclude each other: one publishes live, the other records")
	case !live && o.recording == "" && o.truth == "":
		return errors.New("say where the readings go: --broker URL, or -o F with --for")
	case !live && !given["for"]:
		return errors.New("--for is missing: a recording needs an end")
	case !live && (given["speed"] || given["clock-origin"]):
		return errors.New("--speed and --clock-origin are for --broker: a recording is written as fast as possible")
	case o.recording != "" && o.recording == o.truth:
		return fmt.Errorf("-o and --truth are both %.80q: give them a file each", o.truth)
	}
	if err := o.checkNumbers(given["for"]); err != nil {
		return err
	}
	o.setClock(live)
	if year := o.start.Year(); year < minYear || year > maxYear {
		return fmt.Errorf("--start is in %d: need %d to %d", year, minYear, maxYear)
	}
	return nil
}

func (o *options) checkNumbers(ends bool) error {
	switch {
	case !(o.speed > 0 && o.speed <= maxSpeed): // catches NaN as well
		return fmt.Errorf("--speed %v: need above 0, at most %v", o.speed, maxSpeed)
	case ends && o.length <= 0:
		return fmt.Errorf("--for %v: need above 0", o.length)
	}
	overrides := config.Overrides{Interval: &o.interval}
	if o.broker != "" {
		overrides.Brokers = []string{o.broker}
	}
	c, err := config.Default().With(overrides)
	if err == nil && o.broker != "" {
		o.broker = c.Brokers[0]
	}
	return err
}

// setClock fills in the instants that were not given.
func (o *options) setClock(live bool) {
	o.origin = cmp.Or(o.origin, time.Now())
	switch {
	case !o.start.IsZero():
	case live:
		o.start = o.origin
	default:
		o.start, _ = parseInstant(recordingStart)
	}
	o.start = o.start.Round(0).UTC().Truncate(time.Millisecond)
}
