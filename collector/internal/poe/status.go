package poe

// statuses lists the known ones in their order.
func statuses() []Status {
	return []Status{Disabled, Searching, Delivering, Fault, Test, OtherFault}
}

// String returns the name of RFC 3621, "" of an unknown status.
func (s Status) String() string {
	switch s {
	case Disabled:
		return "disabled"
	case Searching:
		return "searching"
	case Delivering:
		return "deliveringPower"
	case Fault:
		return "fault"
	case Test:
		return "test"
	case OtherFault:
		return "otherFault"
	}
	return ""
}

// String returns the name of RFC 3621, "" of an unknown status.
func (s SupplyStatus) String() string {
	switch s {
	case SupplyOn:
		return "on"
	case SupplyOff:
		return "off"
	case SupplyFaulty:
		return "faulty"
	}
	return ""
}
