package tsdb_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/prometheus/model/labels"

	"thermarack/agent/wire"
	"thermarack/collector/internal/store"
	"thermarack/collector/internal/store/tsdb"
)

func TestLabels(t *testing.T) {
	t.Parallel()
	const node wire.Node = "b827eb000001"
	const where = `node="b827eb000001"`
	soc, fan := node.Device("soc"), node.Device("fan1")
	of := func(device, quantity, unit string) store.Series {
		return store.Series{Site: "hex", Node: node, Device: device, Quantity: quantity, Unit: unit}
	}
	fault := of("urn:dev:ow:28f6fb1e0d0000c5", wire.QuantityFaults, "")
	fault.Reason = wire.FaultCRC
	tests := []struct {
		series store.Series
		want   string
	}{
		{of(soc, "temperature", "Cel"), `{__name__="thermarack_temperature_celsius", ` + where + `, part="soc", sensor="urn:dev:mac:b827ebfffe000001_soc", site="hex"}`},
		{of("urn:dev:ow:28f6fb1e0d0000c5", "temperature", "Cel"), `{__name__="thermarack_temperature_celsius", ` + where + `, sensor="urn:dev:ow:28f6fb1e0d0000c5", site="hex"}`},
		{of(soc, "humidity", "%RH"), `{__name__="thermarack_humidity_percent", ` + where + `, part="soc", sensor="urn:dev:mac:b827ebfffe000001_soc", site="hex"}`},
		{of(soc, "pressure", "Pa"), `{__name__="thermarack_pressure_pascals", ` + where + `, part="soc", sensor="urn:dev:mac:b827ebfffe000001_soc", site="hex"}`},
		{of(fan, "speed", "1/s"), `{__name__="thermarack_fan_revolutions_per_second", ` + where + `, part="fan1", sensor="urn:dev:mac:b827ebfffe000001_fan1", site="hex"}`},
		{of(fan, "duty", "/"), `{__name__="thermarack_fan_duty_ratio", ` + where + `, part="fan1", sensor="urn:dev:mac:b827ebfffe000001_fan1", site="hex"}`},
		{of(soc, "current", "A"), `{__name__="thermarack_current_amperes", ` + where + `, part="soc", sensor="urn:dev:mac:b827ebfffe000001_soc", site="hex"}`},
		{of(soc, "voltage", "V"), `{__name__="thermarack_voltage_volts", ` + where + `, part="soc", sensor="urn:dev:mac:b827ebfffe000001_soc", site="hex"}`},
		{of(soc, "power", "W"), `{__name__="thermarack_power_watts", ` + where + `, part="soc", sensor="urn:dev:mac:b827ebfffe000001_soc", site="hex"}`},
		{of(soc, "throttled", ""), `{__name__="thermarack_throttled", ` + where + `, part="soc", sensor="urn:dev:mac:b827ebfffe000001_soc", site="hex"}`},
		{fault, `{__name__="thermarack_faults_total", ` + where + `, reason="crc", sensor="urn:dev:ow:28f6fb1e0d0000c5", site="hex"}`},
		{of(soc, "vibration", "m/s2"), `{__name__="thermarack_other", ` + where + `, part="soc", quantity="vibration", sensor="urn:dev:mac:b827ebfffe000001_soc", site="hex", unit="m/s2"}`},
		{of("urn:dev:mac:b827ebfffe000001", "seq", ""), `{__name__="thermarack_other", ` + where + `, quantity="seq", sensor="urn:dev:mac:b827ebfffe000001", site="hex"}`},
		{store.Series{Device: "d", Quantity: "power", Unit: "W"}, `{__name__="thermarack_power_watts", sensor="d"}`},
	}
	for _, tt := range tests {
		t.Run(tt.series.Name(), func(t *testing.T) {
			ls := tsdb.Labels(tt.series)
			if got := ls.String(); got != tt.want {
				t.Errorf("labels\n got %s\nwant %s", got, tt.want)
			}
			back, ok := tsdb.ParseLabels(ls)
			if diff := cmp.Diff(tt.series, back); diff != "" || !ok {
				t.Errorf("there and back, ok %v (-want +got):\n%s", ok, diff)
			}
		})
	}
}

func TestLabelsOfOthersAreNoSeries(t *testing.T) {
	t.Parallel()
	for _, ls := range []labels.Labels{
		labels.EmptyLabels(),
		labels.FromStrings("__name__", "up", "sensor", "d"),
		labels.FromStrings("__name__", "thermarack_power_watts"),
		labels.FromStrings("__name__", "thermarack_other", "sensor", "d"),
	} {
		if series, ok := tsdb.ParseLabels(ls); ok {
			t.Errorf("ParseLabels(%s) = %v, want none", ls, series)
		}
	}
}
