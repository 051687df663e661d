package main

import (
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"thermarack/agent/internal/mqtt/mqtttest"
)

// unusedAddress returns an address of loopback that nobody listens at.
func unusedAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// get returns the body of a page of the agent.
func get(t *testing.T, url string) string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("%s: status %d, %v: %s", url, resp.StatusCode, err, body)
	}
	return string(body)
}

func TestMetricsSayHowTheAgentIsDoing(t *testing.T) {
	t.Parallel()
	broker, address := mqtttest.Start(t), unusedAddress(t)
	stop := start(t, "--root", board(t), "--broker", broker.URL(), "--broker", "tcp://"+unusedAddress(t), "--metrics", address,
		"--interval", "1s") // in which all parts answer, also on a busy machine
	made := len(arrive(t, broker, 2))
	if got := get(t, "http://"+address+"/healthz"); got != "ok\n" {
		t.Errorf("healthz = %q", got)
	}
	parser := expfmt.NewTextParser(model.LegacyValidation)
	families, err := parser.TextToMetricFamilies(strings.NewReader(get(t, "http://"+address+"/metrics")))
	if err != nil {
		t.Fatal(err)
	}
	value := func(name, label string) float64 {
		t.Helper()
		for _, m := range families[name].GetMetric() {
			if label == "" || m.GetLabel()[0].GetValue() == label {
				return m.GetCounter().GetValue() + m.GetGauge().GetValue()
			}
		}
		t.Errorf("%s{%s} is missing", name, label)
		return 0
	}
	packs := value("thermarack_agent_packs_total", "")
	if packs < float64(made) || value("thermarack_agent_readings_total", "") != packs*12 {
		t.Errorf("%v packs and %v readings, want at least %d, of 12 readings each", packs, value("thermarack_agent_readings_total", ""), made)
	}
	if got := value("thermarack_agent_faults_total", "zeros"); got != packs {
		t.Errorf("%v faults of the probe that is shorted, want %v", got, packs)
	}
	if value("thermarack_agent_broker_connected", broker.URL()) != 1 || value("thermarack_agent_broker_acknowledged_packs_total", broker.URL()) < 1 {
		t.Error("the broker that is there is shown as one that is not")
	}
	if got := families["thermarack_agent_broker_connected"].GetMetric()[1].GetGauge().GetValue(); got != 0 {
		t.Error("the broker that is away is shown as one that is there")
	}
	// The last pack that was made may still be held for its turn.
	if got := families["thermarack_agent_broker_waiting_packs"].GetMetric()[1].GetGauge().GetValue(); got != packs && got != packs-1 {
		t.Errorf("%v packs wait for the broker that is away, want %v", got, packs)
	}
	if stamp := value("thermarack_agent_last_sample_timestamp_seconds", ""); stamp < 1.7e9 {
		t.Errorf("last sample at %v", stamp)
	}
	stop()
}

func TestAnAddressOfMetricsThatCannotBeHadEndsTheAgent(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	status, _, stderr := call(t, "run", "--root", board(t), "--broker", "tcp://127.0.0.1:1", "--metrics", taken.Addr().String())
	if status != 1 || !strings.Contains(stderr, "serve metrics: listen tcp "+taken.Addr().String()) {
		t.Errorf("status %d, stderr %q, want 1 and the address", status, stderr)
	}
	if status, _, stderr := call(t, "run", "--metrics", "nonsense"); status != 2 || !strings.Contains(stderr, "neither a port nor host:port") {
		t.Errorf("status %d, stderr %q, want 2", status, stderr)
	}
}
