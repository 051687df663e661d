// Package mqtt takes messages from MQTT to the ingest, and acknowledges them
// only when they are stored: as a broker in this process, or as a client of a
// broker elsewhere.
package mqtt

import (
	"errors"
	"time"

	"thermarack/collector/internal/ingest"
)

// MaxPacket is the longest MQTT packet that the broker reads, in bytes. A longer
// one ends the connection.
const MaxPacket = ingest.MaxPayload

// An Offerer takes deliveries without blocking, see ingest.Ingest.Offer. While it
// returns false the message is withheld.
type Offerer interface {
	Offer(ingest.Delivery) bool
}

const (
	offerAgain = 50 * time.Millisecond // between two offers of a message that was not taken
	settleTime = 6 * time.Second       // for the last acknowledgements; the ingest takes 5 s for its last commits
)

// errEnding is why nothing more is taken when Run has been cancelled.
var errEnding = errors.New("the collector is going down")
