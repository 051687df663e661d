package wire

import (
	"encoding/json"
	"fmt"
	"time"
)

// Status is the retained message that tells whether a node is there. The last
// will is the same message with Online false.
type Status struct {
	Online bool    `json:"online"`
	Boot   string  `json:"boot"` // random a start; tells one run of the agent from the next
	T      float64 `json:"t"`    // seconds since the epoch when the message was made; of a last will: when it was registered
}

// Time returns T as an instant, millisecond resolution.
func (s Status) Time() time.Time { return time.UnixMilli(int64(s.T * 1000)).UTC() }

// Inventory is the retained message that says what a node is. Its strings come
// from the node and are hostile until escaped.
type Inventory struct {
	Model     string   `json:"model,omitempty"`  // "Raspberry Pi 3 Model B Rev 1.2"
	Serial    string   `json:"serial,omitempty"` // of the board
	MAC       string   `json:"mac"`              // 12 hex digits
	Addresses []string `json:"addresses,omitempty"`
	Agent     string   `json:"agent"` // version
	Parts     []Part   `json:"parts,omitempty"`
}

// A Part is one sensor, fan or supply that a node reads.
type Part struct {
	Device string `json:"device"` // name on the wire
	Part   string `json:"part"`   // what it is: "DS18B20", "cpu-thermal", "pwmfan"
	Bus    string `json:"bus"`    // where it hangs: "w1_bus_master1", "hwmon0"
}

// A collector keeps the newest of both for every node, so they are bounded: a
// part takes about 120 bytes.
const (
	maxStatus    = 1 << 10
	maxInventory = 32 << 10
)

// DecodeStatus reads a status payload. The error says what is wrong with it.
func DecodeStatus(payload []byte) (Status, error) {
	if len(payload) > maxStatus {
		return Status{}, fmt.Errorf("wire: status of %d bytes, want at most %d", len(payload), maxStatus)
	}
	var s Status
	if err := json.Unmarshal(payload, &s); err != nil {
		return Status{}, fmt.Errorf("wire: status: %w", err)
	}
	return s, nil
}

// DecodeInventory reads an inventory payload. The error says what is wrong.
func DecodeInventory(payload []byte) (Inventory, error) {
	if len(payload) > maxInventory {
		return Inventory{}, fmt.Errorf("wire: inventory of %d bytes, want at most %d", len(payload), maxInventory)
	}
	var i Inventory
	if err := json.Unmarshal(payload, &i); err != nil {
		return Inventory{}, fmt.Errorf("wire: inventory: %w", err)
	}
	return i, nil
}
