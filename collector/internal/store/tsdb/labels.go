package tsdb

import (
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"

	"thermarack/agent/wire"
	"thermarack/collector/internal/store"
)

// Names of labels. A sensor is a device on the wire.
const (
	labelSite     = "site"
	labelNode     = "node"
	labelSensor   = "sensor"
	labelPart     = "part"
	labelReason   = "reason"
	labelQuantity = "quantity"
	labelUnit     = "unit"
)

const (
	metricFaults = "thermarack_faults_total"
	metricOther  = "thermarack_other"
)

// A metric is a quantity with a name of its own in PromQL.
type metric struct{ quantity, name string }

// metrics are all of them. What is not here is metricOther.
func metrics() [10]metric {
	return [...]metric{
		{wire.QuantityTemperature, "thermarack_temperature_celsius"},
		{wire.QuantityHumidity, "thermarack_humidity_percent"},
		{wire.QuantityPressure, "thermarack_pressure_pascals"},
		{wire.QuantitySpeed, "thermarack_fan_revolutions_per_second"},
		{wire.QuantityDuty, "thermarack_fan_duty_ratio"},
		{wire.QuantityCurrent, "thermarack_current_amperes"},
		{wire.QuantityVoltage, "thermarack_voltage_volts"},
		{wire.QuantityPower, "thermarack_power_watts"},
		{wire.QuantityThrottled, "thermarack_throttled"},
		{wire.QuantityFaults, metricFaults},
	}
}

// MetricName returns the name in PromQL of a quantity,
// "thermarack_temperature_celsius"; "thermarack_other" for those that have none
// of their own and are told apart by the labels quantity and unit.
func MetricName(quantity string) string {
	for _, m := range metrics() {
		if m.quantity == quantity {
			return m.name
		}
	}
	return metricOther
}

// Labels returns the name and labels in PromQL of a series that passes
// store.Sample.Check: site, node, sensor and part, of faults the reason, of
// thermarack_other the quantity and unit. Empty ones are left out.
func Labels(s store.Series) labels.Labels {
	b := labels.NewScratchBuilder(8)
	add := func(name, value string) {
		if value != "" {
			b.Add(name, value)
		}
	}
	name := MetricName(s.Quantity)
	add(model.MetricNameLabel, name)
	add(labelSite, s.Site)
	add(labelNode, string(s.Node))
	add(labelSensor, s.Device)
	add(labelPart, wire.DevicePart(s.Device))
	add(labelReason, s.Reason)
	if name == metricOther {
		add(labelQuantity, s.Quantity)
		add(labelUnit, s.Unit)
	}
	b.Sort()
	return b.Labels()
}

// ParseLabels is the inverse of Labels. ok is false for labels of another
// metric or without a sensor, which Labels does not make.
func ParseLabels(ls labels.Labels) (series store.Series, ok bool) {
	series = store.Series{
		Site:   ls.Get(labelSite),
		Node:   wire.Node(ls.Get(labelNode)),
		Device: ls.Get(labelSensor),
		Reason: ls.Get(labelReason),
	}
	name := ls.Get(model.MetricNameLabel)
	if name == metricOther {
		series.Quantity, series.Unit = ls.Get(labelQuantity), ls.Get(labelUnit)
	}
	for _, m := range metrics() {
		if m.name == name {
			series.Quantity, series.Unit = m.quantity, wire.UnitOf(m.quantity)
		}
	}
	return series, series.Device != "" && series.Quantity != ""
}

// matchName returns what selects all series of a record name.
func matchName(device, quantity string) []*labels.Matcher {
	name := MetricName(quantity)
	all := []*labels.Matcher{
		equal(model.MetricNameLabel, name),
		equal(labelSensor, device),
	}
	if name == metricOther {
		all = append(all, equal(labelQuantity, quantity))
	}
	return all
}

// matchLabels returns what selects one series, and any that has the same labels
// and more.
func matchLabels(ls labels.Labels) []*labels.Matcher {
	var all []*labels.Matcher
	ls.Range(func(l labels.Label) {
		all = append(all, equal(l.Name, l.Value))
	})
	return all
}

// matchAll returns what selects every series but the counts of faults.
func matchAll() []*labels.Matcher {
	return append(matchStored(), notEqual(model.MetricNameLabel, metricFaults))
}

// matchStored returns what selects every series.
func matchStored() []*labels.Matcher { return []*labels.Matcher{notEqual(labelSensor, "")} }

func equal(name, value string) *labels.Matcher {
	return &labels.Matcher{Type: labels.MatchEqual, Name: name, Value: value}
}

func notEqual(name, value string) *labels.Matcher {
	return &labels.Matcher{Type: labels.MatchNotEqual, Name: name, Value: value}
}
