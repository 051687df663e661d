package timekeeper_test

import (
	"bytes"
	"fmt"
	"testing"
	"time"

	"thermarack/agent/internal/timekeeper"
	"thermarack/agent/wire"
)

func ExampleRestamp() {
	pack := []byte(`[{"bt":20,"n":"urn:dev:mac:b827ebfffe000001_soc:temperature","u":"Cel","v":48.25}]`)
	pack, err := timekeeper.Restamp(pack, time.Unix(1780315200, 0))
	fmt.Println(string(pack), err)
	// Output: [{"bt":1780315200,"n":"urn:dev:mac:b827ebfffe000001_soc:temperature","u":"Cel","v":48.25}] <nil>
}

func TestRestampMovesEveryReadingOfAPackByTheSame(t *testing.T) {
	readings := func(at time.Time) []wire.Reading {
		return []wire.Reading{
			{Device: device + "_soc", Quantity: "temperature", Unit: "Cel", Time: at, Value: 48.25},
			{Device: device + "_poe", Quantity: "current", Unit: "A", Time: at.Add(-1500 * time.Millisecond), Value: 0.7},
			{Device: device, Quantity: "boot", Time: at.Add(time.Second), Text: `[{"bt":1,`},
		}
	}
	for _, from := range []time.Time{time.UnixMilli(0), time.UnixMilli(20_200), noon.Add(100 * time.Millisecond)} {
		for _, to := range []time.Time{noon, noon.Add(123 * time.Millisecond)} {
			pack, err := wire.EncodePack(readings(from))
			if err != nil {
				t.Fatal(err)
			}
			got, err := timekeeper.Restamp(pack, to)
			want, _ := wire.EncodePack(readings(to))
			if err != nil || string(got) != string(want) {
				t.Errorf("from %v to %v: %v\n%s, want\n%s", from, to, err, got, want)
			}
		}
	}
}

func TestRestampOfWhatIsNoPack(t *testing.T) {
	for _, pack := range []string{"", "[]", "[{}]", `[{"bt":`, `[{"bt":"x",`, `[{"bt":1e300,`, `[{"bt":NaN,`, `[{"n":"a:b","bt":1,"v":1}]`} {
		if got, err := timekeeper.Restamp([]byte(pack), noon); err == nil {
			t.Errorf("%s became %s", pack, got)
		}
	}
}

func FuzzRestamp(f *testing.F) {
	f.Add([]byte(`[{"bt":20,"n":"urn:dev:ow:28:temperature","u":"Cel","v":48.25},{"n":"a:b","t":-3,"v":1}]`), int64(1780315200000))
	f.Fuzz(func(t *testing.T, pack []byte, to int64) {
		want := time.UnixMilli(to % (1 << 42)).UTC()
		first, err := timekeeper.Restamp(pack, want)
		if err != nil {
			return
		}
		if again, err := timekeeper.Restamp(first, want); err != nil || !bytes.Equal(again, first) {
			t.Errorf("%s stamped %v is %s, and then %s: %v", pack, want, first, again, err)
		}
		if !bytes.HasSuffix(first, pack[bytes.IndexByte(pack, ','):]) {
			t.Errorf("%s became %s", pack, first)
		}
	})
}
