package sensors

import (
	"context"
	"errors"
	"fmt"

	"thermarack/agent/wire"
	"thermarack/hardware/aht20"
	"thermarack/hardware/bme280"
	"thermarack/hardware/ds2482"
	"thermarack/hardware/emc2101"
	"thermarack/hardware/emc2305"
	"thermarack/hardware/fault"
	"thermarack/hardware/hdc302x"
	"thermarack/hardware/i2c"
	"thermarack/hardware/lm75"
	"thermarack/hardware/mcp9808"
	"thermarack/hardware/pca9548"
	"thermarack/hardware/sht3x"
	"thermarack/hardware/sht4x"
	"thermarack/hardware/tmp102"
	"thermarack/hardware/tmp117"
)

// i2cKinds returns every part that the agent knows on I²C. Where several may sit
// at one address, the surest identification wins, and of equals the first.
func i2cKinds(node wire.Node) []kind {
	climate := func(addresses []uint16, identify identifier, sense func(seat) senser) kind {
		return kind{addresses: addresses, identify: identify, attach: func(at seat, _ i2c.Match) attachment {
			device := node.Device(at.String())
			read := sense(at)
			return attachment{sensor: &i2cSensor{
				name: device + ":" + wire.QuantityTemperature,
				read: func(ctx context.Context) ([]wire.Reading, error) {
					c, err := read(ctx)
					if err != nil {
						return nil, err
					}
					return c.readings(device), nil
				},
			}}
		}}
	}
	mute := func(k kind) kind {
		k.mute = true
		return k
	}
	return []kind{
		climate(tmp117.Addresses(), tmp117.Identify, senseTMP117),
		climate(tmp102.Addresses(), tmp102.Identify, senseTMP102),
		climate(lm75.Addresses(), lm75.Identify, senseLM75),
		climate(mcp9808.Addresses(), mcp9808.Identify, senseMCP9808),
		mute(climate(sht4x.Addresses(), sht4x.Identify, senseSHT4x)),
		mute(climate(sht3x.Addresses(), sht3x.Identify, senseSHT3x)),
		mute(climate(hdc302x.Addresses(), hdc302x.Identify, senseHDC302x)),
		climate(bme280.Addresses(), bme280.Identify, senseBME280),
		climate(aht20.Addresses(), aht20.Identify, senseAHT20),
		{addresses: emc2305.Addresses(), identify: emc2305.Identify, attach: func(at seat, _ i2c.Match) attachment { return attachEMC2305(node, at) }},
		{addresses: emc2101.Addresses(), identify: emc2101.Identify, attach: func(at seat, _ i2c.Match) attachment { return attachEMC2101(node, at) }},
		{addresses: ds2482.Addresses(), identify: ds2482.Identify, attach: attachDS2482},
		{addresses: pca9548.Addresses(), identify: pca9548.Identify, attach: attachPCA9548},
	}
}

type identifier = func(i2c.Bus, uint16) (i2c.Match, error)

// A senser reads a climate part once.
type senser func(context.Context) (climate, error)

// climate is what parts for air measure; nil is what a part has not.
type climate struct {
	celsius           float64
	humidity, pascals *float64 // %RH, Pa
}

func (c climate) readings(device string) []wire.Reading {
	readings := one(device, wire.QuantityTemperature, c.celsius)
	if c.humidity != nil {
		readings = append(readings, one(device, wire.QuantityHumidity, *c.humidity)...)
	}
	if c.pascals != nil {
		readings = append(readings, one(device, wire.QuantityPressure, *c.pascals)...)
	}
	return readings
}

// celsius makes a senser of a part that measures temperature alone.
func celsius(sense func(context.Context) (float64, error)) senser {
	return func(ctx context.Context) (climate, error) {
		t, err := sense(ctx)
		return climate{celsius: t}, err
	}
}

func senseLM75(at seat) senser { return celsius(lm75.New(at.bus, at.addr).Sense) }

func senseTMP102(at seat) senser { return celsius(tmp102.New(at.bus, at.addr).Sense) }

func senseTMP117(at seat) senser { return celsius(tmp117.New(at.bus, at.addr).Sense) }

func senseMCP9808(at seat) senser { return celsius(mcp9808.New(at.bus, at.addr).Sense) }

func senseSHT3x(at seat) senser {
	dev := sht3x.New(at.bus, at.addr)
	return func(ctx context.Context) (climate, error) {
		s, err := dev.Sense(ctx)
		return climate{celsius: s.Celsius, humidity: &s.Humidity}, err
	}
}

func senseSHT4x(at seat) senser {
	dev := sht4x.New(at.bus, at.addr)
	return func(ctx context.Context) (climate, error) {
		s, err := dev.Sense(ctx)
		return climate{celsius: s.Celsius, humidity: &s.Humidity}, err
	}
}

func senseHDC302x(at seat) senser {
	dev := hdc302x.New(at.bus, at.addr)
	return func(ctx context.Context) (climate, error) {
		s, err := dev.Sense(ctx)
		return climate{celsius: s.Celsius, humidity: &s.Humidity}, err
	}
}

func senseBME280(at seat) senser {
	dev := bme280.New(at.bus, at.addr)
	return func(ctx context.Context) (climate, error) {
		s, err := dev.Sense(ctx)
		c := climate{celsius: s.Celsius, pascals: &s.Pascals}
		if s.HasHumidity {
			c.humidity = &s.Humidity
		}
		return c, err
	}
}

func senseAHT20(at seat) senser {
	dev := aht20.New(at.bus, at.addr)
	return func(ctx context.Context) (climate, error) {
		s, err := dev.Sense(ctx)
		return climate{celsius: s.Celsius, humidity: &s.Humidity}, err
	}
}

// attachEMC2305 reads all fans of one controller: i2c1-2f-fan1 and so on. A
// stalled one turns with a speed of 0, which is the truth.
func attachEMC2305(node wire.Node, at seat) attachment {
	dev := emc2305.New(at.bus, at.addr)
	fan := func(i int) string { return node.Device(fmt.Sprintf("%s-fan%d", at, i+1)) }
	return attachment{sensor: &i2cSensor{
		name: fan(0) + ":" + wire.QuantitySpeed,
		read: func(ctx context.Context) ([]wire.Reading, error) {
			fans, err := dev.Sense(ctx)
			var readings []wire.Reading
			for i, f := range fans {
				readings = append(readings, one(fan(i), wire.QuantityDuty, f.Duty)...)
				if !f.SpinningUp {
					readings = append(readings, one(fan(i), wire.QuantitySpeed, f.Speed)...)
				}
			}
			return readings, err
		},
	}}
}

// attachEMC2101 reads a chip's two thermometers and its fan: i2c1-4c is the
// chip itself, i2c1-4c-ext the diode that it measures.
func attachEMC2101(node wire.Node, at seat) attachment {
	dev := emc2101.New(at.bus, at.addr)
	device := node.Device(at.String())
	diode, fan := device+"-ext", device+"-fan1"
	return attachment{sensor: &i2cSensor{
		name: device + ":" + wire.QuantityTemperature,
		read: func(ctx context.Context) ([]wire.Reading, error) {
			s, err := dev.Sense(ctx)
			if err != nil {
				return nil, err
			}
			readings := one(device, wire.QuantityTemperature, s.Internal)
			if s.ExternalErr == nil {
				readings = append(readings, one(diode, wire.QuantityTemperature, s.External)...)
			}
			readings = append(readings, one(fan, wire.QuantityDuty, s.Duty)...)
			if s.SpeedErr == nil && !s.SpinningUp {
				readings = append(readings, one(fan, wire.QuantitySpeed, s.Speed)...)
			}
			return append(readings, rejections(diode, s.ExternalErr, fan, s.SpeedErr)...), nil
		},
	}}
}

// rejections returns a fault record for each device whose error has a reason; a
// pin that is no tachometer's, say, is not one.
func rejections(diode string, diodeErr error, fan string, fanErr error) []wire.Reading {
	var readings []wire.Reading
	for _, r := range []struct {
		device string
		err    error
	}{{diode, diodeErr}, {fan, fanErr}} {
		if why, ok := fault.Of(r.err); ok && !errors.Is(r.err, emc2101.ErrNoTach) {
			readings = append(readings, wire.Reading{Device: r.device, Quantity: wire.QuantityFault, Text: why})
		}
	}
	return readings
}

// attachDS2482 gives the thermometers on the 1-Wire lines behind a bridge.
func attachDS2482(at seat, match i2c.Match) attachment {
	bridge := ds2482.New(at.bus, at.addr)
	reader := ds2482.NewReader(bridge)
	return attachment{search: func(ctx context.Context) ([]Part, error) {
		probes, err := bridge.Search(ctx)
		var parts []Part
		for _, p := range probes {
			row := Part{What: p.ROM.Part(), Bus: fmt.Sprintf("%s ch %d", at, p.Channel), Address: p.ROM.String()}
			if row.What == "" {
				row.What, row.Note = "1-Wire part", fmt.Sprintf("family %02x is no thermometer that we know", p.ROM.Family())
				parts = append(parts, row)
				continue
			}
			row.Device = wire.OneWireDevice(p.ROM)
			row.Sensor = &i2cSensor{
				name: row.Device + ":" + wire.QuantityTemperature,
				read: func(ctx context.Context) ([]wire.Reading, error) {
					t, err := reader.Read(ctx, p)
					if err != nil {
						return nil, err
					}
					return one(row.Device, wire.QuantityTemperature, t), nil
				},
			}
			parts = append(parts, row)
		}
		return parts, err
	}}
}

func attachPCA9548(at seat, _ i2c.Match) attachment {
	mux := pca9548.New(at.bus, at.addr)
	var channels []i2c.Bus
	for n := range pca9548.Channels {
		channels = append(channels, pca9548.Share(mux.Channel(n))) // multiplexers may hang there too
	}
	return attachment{channels: channels}
}
