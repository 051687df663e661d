package alerts

// A Verdict is what the tachometers of a shelf say of its fans.
type Verdict int

// Verdicts, from good to bad.
const (
	Unknown  Verdict = iota // no fan has been heard of
	Healthy                 // all that were heard of turn
	Degraded                // some do not turn
	Failed                  // none turns
)

// String returns "unknown", "healthy", "degraded" or "failed".
func (v Verdict) String() string {
	return [...]string{"unknown", "healthy", "degraded", "failed"}[v]
}

// Judge gives the verdict of a shelf with total fans, of which heard have a
// known speed and failing are too slow. A fan that was never heard of is not
// taken for a dead one: only a shelf all of whose fans are known to fail has
// failed.
func Judge(failing, heard, total int) Verdict {
	switch {
	case heard == 0:
		return Unknown
	case failing == 0:
		return Healthy
	case failing < total:
		return Degraded
	}
	return Failed
}
