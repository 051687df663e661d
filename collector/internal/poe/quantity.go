package poe

// The quantities of a port and of a power supply beside their measured watts, as their
// readings name them. docs/wire.md says what each means.
const (
	QuantityAllocated = "allocated" // W that are set aside for a port, where none are measured
	QuantityStatus    = "status"    // a Status, or a SupplyStatus
	QuantityClass     = "class"     // 0 to 8, only while the port delivers
	QuantityDenied    = "denied"    // a counter, as are the next two
	QuantityOverload  = "overload"  //
	QuantityShort     = "short"     //
	QuantityCapacity  = "capacity"  // W that a supply can give
	QuantityThreshold = "threshold" // part of them, 0 to 1, above which the switch warns
)
