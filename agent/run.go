package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"

	"golang.org/x/sync/errgroup"

	"thermarack/agent/internal/config"
	"thermarack/agent/internal/metrics"
	"thermarack/agent/internal/mqtt"
	"thermarack/agent/internal/sampler"
	"thermarack/agent/internal/sensors"
	"thermarack/agent/internal/timekeeper"
	"thermarack/agent/wire"
)

const runUsage = `usage: thermarack-agent run [flags]

Samples every part of this Pi and publishes until stopped.

  --config F     configuration file (default /etc/thermarack/agent.yaml, if there is one)
  --root DIR     directory that holds the host's sys and proc (default /)
  --broker URL   tcp://host:1883 or ssl://host:8883; several times for several
                 brokers, each of which gets everything. Else THERMARACK_BROKER,
                 comma separated, else the file, else what the network offers
                 as _mqtt._tcp (DNS-SD), else tcp://thermarack:1883
  --site S       name of the site, else THERMARACK_SITE, else the file, else that
                 of the broker that is found (TXT site=), else main
  --node MAC     the node's address, where none is found below the root
  --interval D   time between samples, 100ms to 1h (default 10s)
  --metrics ADDR serve Prometheus metrics at host:port; a port alone means
                 loopback (default: none)
`

// A job is what run was asked to do.
type job struct {
	root   string
	node   wire.Node // "" unless given
	config config.Config
}

// parseRun reads the command line, the environment and the file. done says that
// help was printed.
func parseRun(args []string, stdout io.Writer) (j job, done bool, err error) {
	flags := newFlags(runUsage)
	file := flags.String("config", "", "")
	root, node, brokers := flags.root(), flags.node(), flags.list("broker")
	site, interval, metrics := flags.String("site", "", ""), flags.duration("interval"), flags.String("metrics", "", "")
	if done, err = flags.parse(args, stdout); done || err != nil {
		return job{}, done, err
	}
	given := config.Overrides{Brokers: *brokers, Site: *site, Interval: *interval, Metrics: *metrics}
	if _, err := config.Default().With(given); err != nil {
		return job{}, false, flags.wrong(err)
	}
	c, err := config.Load(*file)
	if err != nil {
		return job{}, false, err
	}
	if c, err = c.With(config.FromEnvironment(os.Getenv)); err != nil {
		return job{}, false, fmt.Errorf("environment: %w", err)
	}
	c, err = c.With(given)
	return job{*root, *node, c}, false, err
}

func runAgent(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	job, done, err := parseRun(args, stdout)
	if done || err != nil {
		return err
	}
	host, err := openHost(job.root)
	if err != nil {
		return err
	}
	node, err := host.node(job.node)
	if err != nil {
		return err
	}
	log := slog.New(slog.NewTextHandler(stderr, nil))
	log.Info("starting", "version", buildVersion(), "node", node, "interval", job.config.Interval,
		"brokers", cmp.Or(strings.Join(job.config.Brokers, ","), "to be found"))
	return job.serve(ctx, host, node, log)
}

// An agent is what runs: the sampler, a publisher and an outbox for each broker,
// and the search for parts.
type agent struct {
	set        *sensors.Set
	samples    *sampler.Sampler
	keeper     *timekeeper.Keeper
	boxes      everyBox
	publishers []*mqtt.Publisher
	announce   func() // tells all brokers what the node is
	metrics    *metrics.Server
}

// serve makes an agent and runs it.
func (j job) serve(ctx context.Context, host host, node wire.Node, log *slog.Logger) error {
	boot, brokers := newBoot(), j.brokers()
	a := agent{set: sensors.New(j.sensors(host, node, log))}
	var err error
	if a.boxes, err = openBoxes(j.config.Spool, brokers, log); err != nil {
		return err
	}
	defer a.boxes.close()
	for i, broker := range brokers {
		a.publishers = append(a.publishers, mqtt.New(mqtt.Options{
			Broker: broker, Site: cmp.Or(j.config.Site, config.DefaultSite), Find: newFinder(j.config, log).targets,
			Node: node, Boot: boot, Box: a.boxes[i], Log: log, Security: j.security(),
			Connected: func() { a.announce() }, // for the host may have another address
		}))
	}
	a.announce = func() {
		inventory := host.inventory(node, a.set)
		for _, p := range a.publishers {
			if err := p.SetInventory(inventory); err != nil {
				log.Error("inventory not published", "err", err)
			}
		}
	}
	a.keeper = timekeeper.New(timekeeper.Options{Clocks: timekeeper.HostClocks(), Interval: j.config.Interval, Next: a.boxes, Log: log})
	samples := sampler.Options{
		Node: node, Boot: boot, Interval: j.config.Interval, Source: a.set, Sink: a.keeper, Log: log,
		Jitter: sampler.Spread(node, j.config.Interval),
	}
	if address := j.config.Metrics; address != "" {
		g := gauge{metrics.NewTally(), a.keeper, brokers, a.publishers, a.boxes, j.config.Interval}
		if a.metrics, err = g.listen(address, log); err != nil {
			return err
		}
		samples.Seen = g.tally.Count
	}
	a.samples = sampler.New(samples)
	return a.run(ctx)
}

// run ends when ctx is done and the brokers have what they take of the last pack.
func (a agent) run(ctx context.Context) error {
	a.announce()
	g, ctx := errgroup.WithContext(ctx)
	sampled, done := context.WithCancel(context.WithoutCancel(ctx)) // ends after the last pack
	g.Go(func() error {
		defer done()
		return a.samples.Run(ctx)
	})
	g.Go(func() error { return a.set.Run(ctx, a.announce) })
	g.Go(func() error { return keepTrim(ctx) })
	g.Go(func() error { return a.boxes.run(sampled) })
	g.Go(func() error { return a.keeper.Run(sampled) })
	for _, p := range a.publishers {
		g.Go(func() error {
			select { // certificates and the status message need the time
			case <-a.keeper.Settled():
			case <-sampled.Done():
			}
			return p.Run(sampled)
		})
	}
	if a.metrics != nil {
		g.Go(func() error { return a.metrics.Run(ctx) })
	}
	return g.Wait()
}

// brokers returns those that are named, or "" for the one to be found.
func (j job) brokers() []string {
	if len(j.config.Brokers) == 0 {
		return []string{""}
	}
	return j.config.Brokers
}

// sensors is the host's, less what the configuration forbids, and the fans that
// it names.
func (j job) sensors(host host, node wire.Node, log *slog.Logger) sensors.Options {
	o := host.sensors(node, log)
	if !j.config.I2C {
		o.I2C = nil
	}
	o.OpenPin = openPin
	for _, fan := range j.config.Fans {
		o.Fans = append(o.Fans, sensors.Fan(fan))
	}
	return o
}

func (j job) security() mqtt.Security {
	c := j.config
	return mqtt.Security{
		CA: c.TLS.CA, Cert: c.TLS.Cert, Key: c.TLS.Key, Username: c.Username, PasswordFile: c.PasswordFile,
	}
}

// newBoot returns what tells this run of the agent from all others: 65 random
// bits in 13 letters and digits.
func newBoot() string { return rand.Text()[:13] }
