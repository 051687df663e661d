package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"time"

	"thermarack/agent/wire"
)

// A usageError is a wrong command line, with the usage that says how it goes.
type usageError struct {
	err   error
	usage string
}

func (e usageError) Error() string { return e.err.Error() }

// Unwrap returns what is wrong.
func (e usageError) Unwrap() error { return e.err }

// flags is the flag set of one command.
type flags struct {
	*flag.FlagSet
	usage string
}

func newFlags(usage string) flags {
	set := flag.NewFlagSet("", flag.ContinueOnError)
	set.SetOutput(io.Discard) // report prints
	return flags{set, usage}
}

// parse reads args, none of which may be more than a flag. done says that help
// was asked for, and printed to stdout.
func (f flags) parse(args []string, stdout io.Writer) (done bool, err error) {
	err = f.Parse(args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		_, err = io.WriteString(stdout, f.usage)
		return true, err
	case err != nil:
		return false, f.wrong(err)
	case f.NArg() > 0:
		return false, f.wrong(fmt.Errorf("unexpected argument %q", f.Arg(0)))
	}
	return false, nil
}

func (f flags) wrong(err error) error { return usageError{err, f.usage} }

// root adds the flag that moves the host's files.
func (f flags) root() *string { return f.String("root", "/", "") }

// node adds the flag that names the node where no file does.
func (f flags) node() *wire.Node {
	var node wire.Node
	f.Func("node", "", func(s string) error {
		n, err := wire.ParseNode(s)
		if err == nil && n == wire.NoNode {
			err = errors.New("it stands for no node")
		}
		node = n
		return err
	})
	return &node
}

// duration adds a flag whose value stays nil unless it is given.
func (f flags) duration(name string) **time.Duration {
	var value *time.Duration
	f.Func(name, "", func(s string) error {
		d, err := time.ParseDuration(s)
		value = &d
		return err
	})
	return &value
}

// list adds a flag that may be given several times.
func (f flags) list(name string) *[]string {
	var values []string
	f.Func(name, "", func(s string) error {
		values = append(values, s)
		return nil
	})
	return &values
}
