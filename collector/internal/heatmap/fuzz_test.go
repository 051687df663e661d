package heatmap_test

import (
	"math"
	"testing"

	"thermarack/collector/internal/heatmap"
	"thermarack/collector/internal/rack"
)

// stateOf makes a shelf of bytes: two for its size, then four a sensor.
func stateOf(data []byte) rack.State {
	next := func() byte {
		if len(data) == 0 {
			return 0
		}
		b := data[0]
		data = data[1:]
		return b
	}
	state := shelf(1+int(next()%30), 1+int(next()%30))
	for len(data) > 0 {
		kind, a, b, v := next(), next(), next(), next()
		value := fresh(float64(v))
		switch kind / 16 % 8 {
		case 0, 1:
			value = stale(float64(v))
		case 2:
			value = fresh(math.Ldexp(float64(v)-128, int(a)*8-1000))
		case 3:
			value = missing()
		case 4:
			value = fresh(math.NaN())
		}
		slot := &state.Slots[(int(a)<<8|int(b))%len(state.Slots)]
		switch kind % 4 {
		case 0, 1:
			probe(&state, string(rune('a'+len(state.Probes))), float64(a)/255, float64(b)/255, value)
		case 2:
			slot.SoC = value
		default:
			slot.Power = value
		}
	}
	return state
}

// FuzzNew finds no sensors that make a map panic, or hold what is no number.
func FuzzNew(f *testing.F) {
	f.Add([]byte{11, 8})
	f.Add([]byte{11, 8, 0x80, 128, 0, 21, 0x80, 128, 255, 26})
	f.Add([]byte{2, 2, 0x82, 0, 1, 50, 0x82, 0, 2, 51, 0x82, 0, 3, 52, 0x82, 0, 4, 50, 0x82, 0, 5, 50, 0x82, 0, 6, 90, 0x83, 0, 6, 4, 0x80, 0, 0, 20, 0x20, 255, 255, 3})
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > 4000 {
			return
		}
		state := stateOf(data)
		for _, layer := range []heatmap.Layer{heatmap.Air, heatmap.SoC, heatmap.PoE, heatmap.Excess} {
			m := mustNew(t, state, layer)
			sound(t, m)
			if m.Field == nil {
				continue
			}
			for k, v := range m.Field.Value {
				if math.IsNaN(v) != math.IsNaN(m.Field.SD[k]) || math.IsInf(v, 0) || m.Field.SD[k] < 0 {
					t.Fatalf("point %d: %v ± %v", k, v, m.Field.SD[k])
				}
			}
		}
	})
}
