package promapi

import (
	"context"
	"errors"
	"maps"
	"math"
	"runtime"
	"slices"
	"strconv"
)

// apiVersion is the version of Prometheus whose interface this is, that of the
// library. Grafana asks for it to know what it may use.
const apiVersion = "3.15.0"

// A description is what is said of one metric.
type description struct {
	Type string `json:"type"`
	Help string `json:"help"`
	Unit string `json:"unit"`
}

// describe returns what is said of each metric.
func describe() map[string][]description {
	gauge := func(unit, help string) []description { return []description{{"gauge", help, unit}} }
	return map[string][]description{
		"thermarack_temperature_celsius":        gauge("celsius", "Temperature of a probe or of a part of a Pi."),
		"thermarack_humidity_percent":           gauge("percent", "Relative humidity."),
		"thermarack_pressure_pascals":           gauge("pascals", "Air pressure."),
		"thermarack_fan_revolutions_per_second": gauge("", "Speed of a fan, from its tachometer."),
		"thermarack_fan_duty_ratio":             gauge("ratio", "What a fan is told to do, 0 to 1."),
		"thermarack_current_amperes":            gauge("amperes", "Current."),
		"thermarack_voltage_volts":              gauge("volts", "Voltage."),
		"thermarack_power_watts":                gauge("watts", "Power; of a switch port, what it feeds."),
		"thermarack_throttled":                  gauge("", "The 20-bit word of a Pi's firmware on throttling and undervoltage."),
		"thermarack_other":                      gauge("", "Any other quantity; the labels quantity and unit say which."),
		"thermarack_place_info":                 gauge("", "1, with the place of a sensor in its labels; joins with on(sensor)."),
		"thermarack_faults_total":               {{"counter", "Samples that an agent rejected, by reason.", ""}},
	}
}

// metadata says what the metrics mean: all of them, or the one that metric names;
// as many as limit allows.
func (a *API) metadata(_ context.Context, q question) (result, error) {
	limit := math.MaxInt
	if text := q.Get("limit"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil {
			return result{}, failure{badData, errors.New("limit must be a number")}
		}
		if n >= 0 {
			limit = n
		}
	}
	all := describe()
	found := map[string][]description{}
	for _, name := range slices.Sorted(maps.Keys(all)) {
		if wanted := q.Get("metric"); len(found) < limit && (wanted == "" || wanted == name) {
			found[name] = all[name]
		}
	}
	return result{write: func(e *encoder) { e.value(found) }}, nil
}

// buildInfo says whose interface this is, and in revision what answers.
func (a *API) buildInfo(context.Context, question) (result, error) {
	info := struct {
		Version   string `json:"version"`
		Revision  string `json:"revision"`
		Branch    string `json:"branch"`
		BuildUser string `json:"buildUser"`
		BuildDate string `json:"buildDate"`
		GoVersion string `json:"goVersion"`
	}{Version: apiVersion, Revision: "thermarack " + a.opt.Version, GoVersion: runtime.Version()}
	return result{write: func(e *encoder) { e.value(info) }}, nil
}
