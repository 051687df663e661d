package benchload

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"strconv"
	"time"

	"thermarack/agent/wire"
)

// Site is the site of all agents.
const Site = "bench"

// ValuesPerMessage counts what is stored of a report. The number and the boot of a
// pack, which thermarack's carry besides, are not counted.
const ValuesPerMessage = probes + 4

const probes = 6

// A Report is what one agent measures at one instant: six DS18B20, the processor,
// an SHT4x, a BME280 and a fan. All wander slowly in the steps that these parts
// have.
type Report struct {
	Agent    int // from 0
	Round    int // from 0
	Time     time.Time
	Probes   [probes]float64 // °C, in 1/16
	SoC      float64         // °C, in 1/1000
	Humidity float64         // %RH, with all digits of the conversion
	Pressure float64         // Pa, likewise
	Speed    float64         // 1/s, likewise
}

// A Message is what is published of a report.
type Message struct {
	Topic   string
	Payload []byte
}

// An Encoding writes a report as one sort of consumer wants it.
type Encoding func(Report) (Message, error)

// Node returns the address of an agent.
func Node(agent int) wire.Node { return wire.Node(fmt.Sprintf("b827eb%06x", agent+1)) }

// Probe returns the device name of one of an agent's six probes, counted from 0.
func Probe(agent, i int) string {
	return wire.OneWireDevice([8]byte{0x28, byte(agent >> 16), byte(agent >> 8), byte(agent), byte(i), 0x0d, 0, byte(37*i + agent)})
}

// Devices returns the record names of an agent's ten values.
func Devices(agent int) []string {
	names := make([]string, 0, ValuesPerMessage)
	for _, r := range (Report{Agent: agent}).readings() {
		if r.Quantity != wire.QuantitySeq && r.Quantity != wire.QuantityBoot {
			names = append(names, r.Name())
		}
	}
	return names
}

// readings returns the report in the order in which an agent writes it.
func (r Report) readings() []wire.Reading {
	node := Node(r.Agent)
	all := make([]wire.Reading, 0, ValuesPerMessage+2)
	add := func(device, quantity string, v float64) {
		all = append(all, wire.Reading{Device: device, Quantity: quantity, Unit: wire.UnitOf(quantity), Time: r.Time, Value: v})
	}
	for i, celsius := range r.Probes {
		add(Probe(r.Agent, i), wire.QuantityTemperature, celsius)
	}
	add(node.Device("soc"), wire.QuantityTemperature, r.SoC)
	add(node.Device("i2c1-44"), wire.QuantityHumidity, r.Humidity)
	add(node.Device("i2c1-76"), wire.QuantityPressure, r.Pressure)
	add(node.Device("fan1"), wire.QuantitySpeed, r.Speed)
	add(node.Device(""), wire.QuantitySeq, float64(r.Round+1))
	return append(all, wire.Reading{Device: node.Device(""), Quantity: wire.QuantityBoot, Time: r.Time, Text: "5F0C9A1EBQ2WX"})
}

// SenML is what thermarack's agent publishes, about 850 bytes.
func SenML(r Report) (Message, error) {
	payload, err := wire.EncodePack(r.readings())
	return Message{wire.Topic{Site: Site, Node: Node(r.Agent), Kind: wire.KindReadings}.String(), payload}, err
}

// FlatJSON is what a script on a Pi would publish for Telegraf, about 125 bytes:
// one object, its values rounded as one would by hand.
func FlatJSON(r Report) (Message, error) {
	payload, err := json.Marshal(struct {
		Milli int64   `json:"ts"`
		T1    float64 `json:"t1"`
		T2    float64 `json:"t2"`
		T3    float64 `json:"t3"`
		T4    float64 `json:"t4"`
		T5    float64 `json:"t5"`
		T6    float64 `json:"t6"`
		SoC   float64 `json:"soc"`
		RH    float64 `json:"rh"`
		HPa   float64 `json:"hpa"`
		RPM   float64 `json:"rpm"`
	}{
		r.Time.UnixMilli(), r.Probes[0], r.Probes[1], r.Probes[2], r.Probes[3], r.Probes[4], r.Probes[5],
		rounded(r.SoC, 10), rounded(r.Humidity, 10), rounded(r.Pressure/100, 10), rounded(60*r.Speed, 1),
	})
	return Message{flatTopic(r.Agent), payload}, err
}

// LineProtocol is the same in InfluxDB's line protocol, which costs Telegraf less.
func LineProtocol(r Report) (Message, error) {
	line := []byte("env ")
	for i, celsius := range r.Probes {
		line = strconv.AppendFloat(fmt.Appendf(line, "t%d=", i+1), celsius, 'f', -1, 64)
		line = append(line, ',')
	}
	line = fmt.Appendf(line, "soc=%v,rh=%v,hpa=%v,rpm=%v %d",
		rounded(r.SoC, 10), rounded(r.Humidity, 10), rounded(r.Pressure/100, 10), rounded(60*r.Speed, 1), r.Time.UnixNano())
	return Message{flatTopic(r.Agent), line}, nil
}

func flatTopic(agent int) string { return fmt.Sprintf("env/a%05d/r", agent) }

// rounded returns v in steps of 1/per.
func rounded(v, per float64) float64 { return math.Round(v*per) / per }

// A walk is the truth at one agent.
type walk struct {
	random *rand.Rand
	now    Report
}

func newWalk(agent int) *walk {
	w := &walk{random: rand.New(rand.NewPCG(1, uint64(agent)))}
	w.now = Report{Agent: agent, SoC: 52, Humidity: 41, Pressure: 101325, Speed: 45}
	for i := range w.now.Probes {
		w.now.Probes[i] = 22 + 2*float64(i)
	}
	return w
}

// next measures round n at t.
func (w *walk) next(n int, t time.Time) Report {
	wander := func(v *float64, drift float64) { *v += drift * w.random.NormFloat64() }
	for i := range w.now.Probes {
		wander(&w.now.Probes[i], 0.03)
	}
	wander(&w.now.SoC, 0.1)
	wander(&w.now.Humidity, 0.02)
	wander(&w.now.Pressure, 0.5)
	wander(&w.now.Speed, 0.05)

	measured := w.now
	measured.Round, measured.Time = n, t
	for i, v := range w.now.Probes {
		measured.Probes[i] = rounded(v, 16)
	}
	measured.SoC = rounded(w.now.SoC, 1000)
	const words = 65535 // of the SHT4x
	measured.Humidity = -6 + 125*math.Round((w.now.Humidity+6)/125*words)/words
	measured.Speed = rounded(w.now.Speed, 30)
	return measured
}
