package pager

import (
	_ "embed"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/prometheus/common/model"

	"github.com/prometheus/alertmanager/config"
	"github.com/prometheus/alertmanager/config/receiver"
	"github.com/prometheus/alertmanager/dispatch"
	"github.com/prometheus/alertmanager/notify"
	"github.com/prometheus/alertmanager/template"
	"github.com/prometheus/alertmanager/timeinterval"
)

// What the root route gets where a configuration leaves it out.
const (
	groupWait      = 0 // the first alert of a group pages at once
	groupInterval  = 30 * time.Second
	repeatInterval = 4 * time.Hour
)

// pageSeverity is the PagerDuty severity where a configuration names none: the
// alerts' own. The library's default pages everything as "error".
const pageSeverity = `{{ template "thermarack.severity" . }}`

var (
	//go:embed default.yml
	defaultConfig string

	//go:embed words.tmpl
	words string

	// typeName matches the Go type that the YAML library adds to an unknown key.
	typeName = regexp.MustCompile(` in type \S+`)
)

// Default returns the configuration that is used when none is given, as a
// commented Alertmanager file to start one's own from. It pages nobody.
func Default() string { return defaultConfig }

// CheckConfig reports the first thing that would keep the Alertmanager
// configuration at path from paging: a syntax error, an undefined receiver, a
// template or TLS file that cannot be read, or a secret's file that is missing.
// The error is one line, names the file and, where it is known, the line. A file
// that pages nobody is no error. CheckConfig contacts no receiver.
func CheckConfig(path string) error {
	_, err := makePlan(Options{Config: path, ExternalURL: new(url.URL)}, slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	return checkSecrets(path)
}

// A plan is a configuration made ready to run.
type plan struct {
	conf      *config.Config
	tmpl      *template.Template
	route     *dispatch.Route
	receivers map[string][]notify.Integration // those that a route uses
}

// makePlan loads the configuration that o names and builds what it describes.
func makePlan(o Options, log *slog.Logger) (*plan, error) {
	conf, err := load(o)
	if err != nil {
		return nil, err
	}
	fillDefaults(conf)
	p := &plan{conf: conf, route: dispatch.NewRoute(conf.Route, nil)}
	if p.tmpl, err = parseTemplates(conf.Templates); err != nil {
		return nil, fmt.Errorf("read templates of pager configuration %s: %s", o.source(), oneLine(err))
	}
	p.tmpl.ExternalURL = o.ExternalURL
	if err := p.buildReceivers(log); err != nil {
		return nil, fmt.Errorf("build receivers of pager configuration %s: %s", o.source(), oneLine(err))
	}
	return p, nil
}

// source names the configuration in errors.
func (o Options) source() string {
	switch {
	case o.Config != "":
		return o.Config
	case o.ConfigText != nil:
		return "(text)"
	}
	return "(default)"
}

func load(o Options) (*config.Config, error) {
	var (
		conf *config.Config
		err  error
	)
	switch {
	case o.Config != "" && o.ConfigText != nil:
		return nil, fmt.Errorf("read pager configuration %s: a text is given too, give one of the two", o.Config)
	case o.Config != "":
		conf, err = config.LoadFile(o.Config)
	case o.ConfigText != nil:
		conf, err = config.Load(string(o.ConfigText))
	default:
		conf, err = config.Load(defaultConfig)
	}
	if pathErr := (*fs.PathError)(nil); errors.As(err, &pathErr) {
		return nil, fmt.Errorf("read pager configuration: %w", err)
	}
	if err != nil {
		return nil, fmt.Errorf("read pager configuration %s: %s", o.source(), oneLine(err))
	}
	return conf, nil
}

// oneLine puts an error of the YAML library, which lists one finding a line,
// on one line without the names of Go types.
func oneLine(err error) string {
	var findings []string
	for line := range strings.Lines(err.Error()) {
		line = strings.TrimSpace(typeName.ReplaceAllString(line, ""))
		if line != "" && line != "yaml: unmarshal errors:" {
			findings = append(findings, line)
		}
	}
	return strings.Join(findings, "; ")
}

// fillDefaults sets what the file left out where our default differs from
// Alertmanager's own: the library's would wait 30 s before the first page, put
// all racks into one group and hold a second alert back for five minutes.
func fillDefaults(conf *config.Config) {
	r := conf.Route
	if r.GroupByStr == nil {
		r.GroupByStr = []string{"site", "rack", "shelf", "severity"}
		r.GroupBy = []model.LabelName{"site", "rack", "shelf", "severity"}
	}
	setDuration(&r.GroupWait, groupWait)
	setDuration(&r.GroupInterval, groupInterval)
	setDuration(&r.RepeatInterval, repeatInterval)
	for _, rcv := range conf.Receivers {
		for _, pd := range rcv.PagerdutyConfigs {
			if pd.Severity == "" {
				pd.Severity = pageSeverity
			}
		}
	}
}

func setDuration(dst **model.Duration, d time.Duration) {
	if *dst == nil {
		*dst = new(model.Duration(d))
	}
}

// parseTemplates reads the library's templates, then ours over them, then the
// user's over both.
func parseTemplates(globs []string) (*template.Template, error) {
	tmpl, err := template.FromGlobs(nil)
	if err != nil {
		return nil, err
	}
	if err := tmpl.Parse(strings.NewReader(words)); err != nil {
		return nil, err
	}
	for _, glob := range globs {
		if err := tmpl.FromGlob(glob); err != nil {
			return nil, err
		}
	}
	return tmpl, nil
}

// buildReceivers makes the integrations of every receiver that a route uses.
func (p *plan) buildReceivers(log *slog.Logger) error {
	p.receivers = map[string][]notify.Integration{}
	p.route.Walk(func(r *dispatch.Route) { p.receivers[r.RouteOpts.Receiver] = nil })
	for _, rcv := range p.conf.Receivers {
		if _, used := p.receivers[rcv.Name]; !used {
			continue
		}
		integrations, err := receiver.BuildReceiverIntegrations(rcv, p.tmpl, log)
		if err != nil {
			return fmt.Errorf("receiver %q: %w", rcv.Name, err)
		}
		p.receivers[rcv.Name] = integrations
	}
	return nil
}

// integrations counts the ways in which somebody can be paged.
func (p *plan) integrations() int {
	n := 0
	for _, integrations := range p.receivers {
		n += len(integrations)
	}
	return n
}

// intervals returns the named time intervals under both keys that the format
// has had for them.
func (p *plan) intervals() map[string][]timeinterval.TimeInterval {
	named := map[string][]timeinterval.TimeInterval{}
	for _, t := range p.conf.MuteTimeIntervals {
		named[t.Name] = t.TimeIntervals
	}
	for _, t := range p.conf.TimeIntervals {
		named[t.Name] = t.TimeIntervals
	}
	return named
}

// retention is how long the notification log must remember: twice the longest
// repeat interval, so that no entry expires before its repeat is due, and at
// least the five days that Alertmanager keeps.
func (p *plan) retention() time.Duration {
	keep := 120 * time.Hour
	p.route.Walk(func(r *dispatch.Route) { keep = max(keep, 2*r.RouteOpts.RepeatInterval) })
	return keep
}
