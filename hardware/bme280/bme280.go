// Package bme280 reads the Bosch BME280 (temperature, pressure, humidity) and
// the BMP280 (the same without humidity).
//
// Accuracy: ±1 °C, ±1 hPa, ±3 %RH. The parts warm themselves: they measure once
// when asked and sleep in between. Their calibration is fixed memory, which this
// package only reads.
//
// Datasheets: Bosch BST-BME280-DS002 ("BME280") and BST-BMP280-DS001 ("BMP280").
package bme280

import (
	"context"
	"fmt"
	"sync"
	"time"

	"thermarack/hardware/fault"
	"thermarack/hardware/i2c"
)

// Registers, BME280 section 5.3.
const (
	regCalibration = 0x88 // 24 bytes: T1 to T3, P1 to P9
	regH1          = 0xa1 // 1 byte
	regID          = 0xd0
	regH2          = 0xe1 // 7 bytes: H2 to H6
	regCtrlHum     = 0xf2
	regStatus      = 0xf3
	regCtrlMeas    = 0xf4
	regConfig      = 0xf5
	regData        = 0xf7 // 3 bytes pressure, 3 temperature, 2 humidity
)

const (
	idBME280 = 0x60

	measuring = 1 << 3 // of the status: a measurement runs
	updating  = 1 << 0 // and: the calibration is being copied
	once      = 0x25   // of ctrl_meas: T and P oversampled once, forced mode
)

// A measurement with all three channels takes 9.3 ms at most (BME280 section
// 9.1). It has failed when that time has passed three times over.
const (
	duration = 10 * time.Millisecond
	pause    = 2 * time.Millisecond
	retries  = 10
)

// A Sample is one measurement.
type Sample struct {
	Celsius     float64 // -40 to 85
	Pascals     float64 // 30,000 to 110,000
	Humidity    float64 // percent, 0 to 100; 0 without HasHumidity
	HasHumidity bool    // the part is a BME280
}

// A Dev is one part on a bus. It is safe for concurrent use.
type Dev struct {
	bus  i2c.Bus
	addr uint16

	mu          sync.Mutex
	calibration *Calibration // nil until it is read, and after trouble
}

// Addresses returns where the parts can be: SDO at ground, or at the supply.
func Addresses() []uint16 { return []uint16{0x76, 0x77} }

// Identify reads the ID register at addr. It says Certain for 0x60 (BME280), and
// for 0x58 (BMP280) and its samples 0x56 and 0x57; No if nobody or another part
// answers. The error is the bus's.
//
// BME280 section 5.4.1, BMP280 section 4.3.1.
func Identify(bus i2c.Bus, addr uint16) (i2c.Match, error) {
	id, err := i2c.ReadRegister(bus, addr, regID, 1)
	if i2c.Refused(err) {
		return i2c.Match{}, nil
	}
	if err != nil {
		return i2c.Match{}, fmt.Errorf("bme280: identify: %w", err)
	}
	part := partOf(id[0])
	if part == "" {
		return i2c.Match{}, nil
	}
	return i2c.Match{Part: part, Sure: i2c.Certain, Why: fmt.Sprintf("register 0x%02x holds 0x%02x", regID, id[0])}, nil
}

// partOf returns the part with an ID, or "".
func partOf(id byte) string {
	switch id {
	case idBME280:
		return "BME280"
	case 0x56, 0x57, 0x58:
		return "BMP280"
	}
	return ""
}

// New returns the part at addr. It does not touch the bus.
func New(bus i2c.Bus, addr uint16) *Dev { return &Dev{bus: bus, addr: addr} }

// Sense measures once, every channel without oversampling and filter, as the
// datasheet recommends for watching the weather (BME280 section 3.5.1). It takes
// 10 ms; the calibration is read before the first measurement, and again after a
// failure or when the part lost its power.
//
// The error wraps a fault.Error if the part or the bus is to blame, else it is
// ctx's or the host's.
func (d *Dev) Sense(ctx context.Context) (Sample, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	s, err := d.measure(ctx)
	if err != nil {
		d.calibration = nil // another part may be there next time
		return Sample{}, fmt.Errorf("bme280: %w", err)
	}
	return s, nil
}

// measure is Sense for its only user.
func (d *Dev) measure(ctx context.Context) (Sample, error) {
	if err := d.calibrate(ctx); err != nil {
		return Sample{}, err
	}
	// Humidity's setting becomes valid with the write to ctrl_meas, which must
	// therefore be the last (BME280 section 5.4.3).
	settings := []byte{regConfig, 0, regCtrlHum, 1, regCtrlMeas, once}
	frame := make([]byte, 8)
	if !d.calibration.humid {
		settings, frame = []byte{regConfig, 0, regCtrlMeas, once}, frame[:6]
	}
	if err := d.bus.Tx(d.addr, settings, nil); err != nil {
		return Sample{}, fmt.Errorf("start: %w", err)
	}
	if err := i2c.Wait(ctx, duration); err != nil {
		return Sample{}, err
	}
	if err := d.idle(ctx); err != nil {
		return Sample{}, err
	}
	if err := d.bus.Tx(d.addr, []byte{regData}, frame); err != nil {
		return Sample{}, fmt.Errorf("fetch: %w", err)
	}
	return d.calibration.Decode(frame)
}

// calibrate reads the calibration if it is not known, or if the part is in the
// state after power-on: then it may be another part.
func (d *Dev) calibrate(ctx context.Context) error {
	settings, err := i2c.ReadRegister(d.bus, d.addr, regCtrlMeas, 1)
	if err != nil {
		return err
	}
	if d.calibration != nil && settings[0] != 0 {
		return nil
	}
	id, err := i2c.ReadRegister(d.bus, d.addr, regID, 1)
	if err != nil {
		return err
	}
	if err := i2c.Blank("the ID", id); err != nil {
		return err
	}
	if partOf(id[0]) == "" {
		return fault.New(fault.NoDevice, "another part with ID 0x%02x is at address 0x%02x", id[0], d.addr)
	}
	if err := d.idle(ctx); err != nil { // until it has copied its calibration
		return err
	}
	return d.load(id[0] == idBME280)
}

// load reads the calibration: the humidity's only of a part that measures it.
func (d *Dev) load(humid bool) error {
	air, err := i2c.ReadRegister(d.bus, d.addr, regCalibration, 24)
	if err != nil {
		return err
	}
	var water []byte
	if humid {
		h1, err := i2c.ReadRegister(d.bus, d.addr, regH1, 1)
		if err != nil {
			return err
		}
		h2, err := i2c.ReadRegister(d.bus, d.addr, regH2, 7)
		if err != nil {
			return err
		}
		water = append(h1, h2...)
	}
	c, err := DecodeCalibration(air, water)
	if err != nil {
		return err
	}
	d.calibration = &c
	return nil
}

// idle waits until the part neither measures nor copies its calibration.
func (d *Dev) idle(ctx context.Context) error {
	for range retries {
		status, err := i2c.ReadRegister(d.bus, d.addr, regStatus, 1)
		if err != nil {
			return err
		}
		if status[0]&(measuring|updating) == 0 {
			return nil
		}
		if status[0] == 0xff {
			return i2c.Blank("the status", status)
		}
		if err := i2c.Wait(ctx, pause); err != nil {
			return err
		}
	}
	return fault.New(fault.Timeout, "the part is still busy; cut its power")
}
