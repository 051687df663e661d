package onewire

// Why a sample is rejected. The words are those of the wire contract.
const (
	// ReasonCRC: the bytes were damaged on the bus. Look at cable length,
	// pull-up and interference if it happens more than now and then.
	ReasonCRC = "crc"
	// ReasonZeros: nine zero bytes, which pass the checksum. The data line is
	// shorted to ground, or the part is connected by half.
	ReasonZeros = "zeros"
	// ReasonPowerOn: the register holds the 85 °C of a part that has not
	// converted since it got power. Look at its supply.
	ReasonPowerOn = "power-on"
	// ReasonNoDevice: the kernel has no answer from the part. Look whether it
	// is still connected.
	ReasonNoDevice = "no-device"
	// ReasonFloating: nine bytes of ones, the idle level of the line. Nobody
	// pulled it down: the part is gone, or its ground is.
	ReasonFloating = "floating"
	// ReasonRange: a temperature that the part cannot measure.
	ReasonRange = "range"
	// ReasonTimeout: the context's deadline passed while the kernel still held
	// the read. Look for another reader on the bus, or a hung bus master.
	ReasonTimeout = "timeout"
)

// A Fault says why a sensor gave no temperature. It is the sensor's or the
// bus's doing: errors of the host, such as a permission, are not Faults.
type Fault struct {
	Reason string // one of the Reason constants
	Detail string // what was seen, for a person
}

// Error returns the reason and the detail in one line.
func (f Fault) Error() string { return f.Reason + ": " + f.Detail }
