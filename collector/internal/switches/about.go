package switches

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"thermarack/agent/wire"
	"thermarack/agent/wire/layout"
	"thermarack/collector/internal/poe"
)

// maxText bounds each string of a switch that is passed on, in bytes.
const maxText = 120

// clean returns a text of a switch on one line, without what moves a cursor or
// hides: it is shown to people and written to logs.
func clean(s string) string {
	var b strings.Builder
	for _, word := range strings.Fields(strings.ToValidUTF8(s, "\uFFFD")) {
		word = strings.Map(func(r rune) rune {
			if !unicode.IsPrint(r) {
				return -1
			}
			return r
		}, word)
		if b.Len() > 0 && word != "" {
			word = " " + word
		}
		for len(word) > maxText-b.Len() {
			_, size := utf8.DecodeLastRuneInString(word)
			word = word[:len(word)-size]
		}
		b.WriteString(word)
	}
	return strings.TrimSpace(b.String())
}

// Inventory returns what a switch is: its model as it describes itself, where it
// is polled, and its power supplies and ports with PoE, each with the switch's own
// name for it as Bus.
func Inventory(sw layout.Switch, s poe.Switch) wire.Inventory {
	inventory := wire.Inventory{Model: clean(s.Description), MAC: string(sw.MAC), Addresses: []string{sw.Host}}
	for _, supply := range s.Supplies {
		inventory.Parts = append(inventory.Parts, wire.Part{
			Device: sw.MAC.Device(fmt.Sprintf("supply%d", supply.Group)),
			Part:   fmt.Sprintf("PoE supply, %g W", supply.Watts),
		})
	}
	for _, port := range s.Ports {
		if port.Number > 0 {
			inventory.Parts = append(inventory.Parts, wire.Part{
				Device: sw.MAC.Device(fmt.Sprintf("port%d", port.Number)), Part: "PoE port", Bus: clean(port.Name),
			})
		}
	}
	return inventory
}

// maxInventory keeps an inventory below what a receiver takes, in bytes.
const maxInventory = 30 << 10

// encodeInventory returns the payload of an inventory. The last ports of a large
// stack are left out when it would be too long.
func encodeInventory(i wire.Inventory) ([]byte, error) {
	for {
		payload, err := json.Marshal(i)
		if err != nil || len(payload) <= maxInventory || len(i.Parts) == 0 {
			return payload, err
		}
		i.Parts = i.Parts[:len(i.Parts)*maxInventory/len(payload)]
	}
}

// A run is one of a switch, from its start to the next.
type run struct {
	start time.Time
	id    string // "" until the switch has said since when it runs
}

// sameStart is how much later a switch may seem to have started and be still the
// same run: its clock and ours drift.
const sameStart = time.Minute

// after returns the run in which a switch that answers at a time is.
func (r run) after(uptime time.Duration, at time.Time) run {
	start := at.Add(-uptime)
	if uptime <= 0 || r.id != "" && start.Sub(r.start) <= sameStart {
		return r
	}
	return run{start, start.UTC().Format(time.RFC3339)}
}
