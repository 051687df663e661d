package config

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// A Size is a number of bytes. In a file it is 0, or a number with a unit:
// 512MB (powers of ten) or 512MiB (of two), up to TB and TiB.
type Size int64

// UnmarshalYAML reads a Size. The error names the line.
func (s *Size) UnmarshalYAML(node *yaml.Node) error {
	number := strings.TrimRight(node.Value, "BKMGTi")
	unit, known := unitOf(node.Value[len(number):])
	value, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
	bytes := value * unit
	if err != nil || !known || unit == 1 && value != 0 || !(bytes >= 0 && bytes < math.MaxInt64) {
		return &yaml.TypeError{Errors: []string{
			fmt.Sprintf("line %d: %.40q is no size: want 0, or a number with MB, GB, TB, MiB, GiB or TiB", node.Line, node.Value),
		}}
	}
	*s = Size(bytes)
	return nil
}

// unitOf returns how many bytes a unit has; 1 without a unit.
func unitOf(unit string) (bytes float64, known bool) {
	if unit == "" {
		return 1, true
	}
	power := strings.IndexByte("KMGT", unit[0]) + 1
	switch unit[1:] {
	case "B":
		return math.Pow(1000, float64(power)), power > 0
	case "iB":
		return math.Pow(1024, float64(power)), power > 0
	}
	return 0, false
}

// minSize is the least that retention_size may be: the logs of a few hours of a
// large fleet take half of it, and they count.
const minSize = 256 << 20
