package config

import (
	"fmt"
	"slices"

	"go.yaml.in/yaml/v3"

	"thermarack/agent/wire"
)

// Sites are the sites whose messages are taken from an external broker, from one
// name or a list of them. None means all.
type Sites []string

// UnmarshalYAML reads Sites. The error names the line.
func (s *Sites) UnmarshalYAML(node *yaml.Node) error {
	if node.Kind == yaml.SequenceNode {
		return node.Decode((*[]string)(s))
	}
	if node.Kind != yaml.ScalarNode {
		return &yaml.TypeError{Errors: []string{fmt.Sprintf("line %d: site: want a name, or a list of names", node.Line)}}
	}
	*s = nil
	if node.Value != "" {
		*s = Sites{node.Value}
	}
	return nil
}

// Filters returns the MQTT subscriptions for every message of the sites, sorted
// and without repetition.
func (s Sites) Filters() []string {
	if len(s) == 0 {
		return []string{wire.TopicFilter("")}
	}
	var filters []string
	for _, site := range s {
		filters = append(filters, wire.TopicFilter(site))
	}
	slices.Sort(filters)
	return slices.Compact(filters)
}
