// Package metrics shows how an agent is doing to Prometheus and to whoever asks
// whether it is well. It is a small part of what client_golang does, at a hundredth
// of its size.
package metrics

import (
	"bufio"
	"io"
	"strconv"
	"strings"
)

// A Family is the samples of one name.
type Family struct {
	Name    string // [a-z_]+; that of a counter ends in _total
	Help    string // a sentence without a full stop
	Kind    Kind
	Samples []Sample
}

// A Kind is how the values of a family behave.
type Kind string

// The kinds that there are.
const (
	Counter Kind = "counter" // only grows, from 0 at the start
	Gauge   Kind = "gauge"
)

// A Sample is one value.
type Sample struct {
	Labels []Label // the names [a-z_]+, each once
	Value  float64
}

// A Label tells a sample from the others of its family. The value may be any
// text.
type Label struct{ Name, Value string }

// Write writes families in the text format of Prometheus, version 0.0.4, in the
// order given. Families without samples are left out. The error is w's.
//
// Format: https://prometheus.io/docs/instrumenting/exposition_formats/
func Write(w io.Writer, families []Family) error {
	out := bufio.NewWriter(w) // keeps the first error
	for _, f := range families {
		if len(f.Samples) == 0 {
			continue
		}
		_, _ = out.WriteString("# HELP " + f.Name + " " + escape(f.Help, false) + "\n# TYPE " + f.Name + " " + string(f.Kind) + "\n")
		for _, s := range f.Samples {
			_, _ = out.WriteString(f.Name + labels(s.Labels) + " " + strconv.FormatFloat(s.Value, 'g', -1, 64) + "\n")
		}
	}
	return out.Flush()
}

func labels(list []Label) string {
	if len(list) == 0 {
		return ""
	}
	pairs := make([]string, len(list))
	for i, l := range list {
		pairs[i] = l.Name + `="` + escape(l.Value, true) + `"`
	}
	return "{" + strings.Join(pairs, ",") + "}"
}

// escape makes a text safe for its line, and for the quotes around a label's. What
// is no UTF-8 becomes U+FFFD.
func escape(s string, quoted bool) string {
	s = strings.NewReplacer(`\`, `\\`, "\n", `\n`).Replace(strings.ToValidUTF8(s, "\uFFFD"))
	if quoted {
		s = strings.ReplaceAll(s, `"`, `\"`)
	}
	return s
}
