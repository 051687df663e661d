package senml_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"thermarack/agent/wire/senml"
)

var now = time.Unix(1_800_000_000, 0)

func number(index int, name, unit string, at, v float64) senml.Record {
	return senml.Record{Index: index, Name: name, Unit: unit, Time: at, Value: v}
}

func TestDecodeResolvesBaseFields(t *testing.T) {
	tests := []struct {
		name, pack string
		want       []senml.Record
	}{
		{"an empty pack", ` [ ] `, nil},
		{"base name, time and unit hold for all that follow",
			`[{"bn":"a:","bt":1.7e9,"bu":"Cel","n":"x","v":21.5},{"n":"y","t":-10,"u":"W","v":3}]`,
			[]senml.Record{number(0, "a:x", "Cel", 1.7e9, 21.5), number(1, "a:y", "W", 1.7e9-10, 3)}},
		{"a base value is added, and stands alone", `[{"bv":20,"n":"x","v":1.5},{"n":"y"}]`,
			[]senml.Record{number(0, "x", "", 1.8e9, 21.5), number(1, "y", "", 1.8e9, 20)}},
		{"a record of base fields only yields nothing", `[{"bn":"a:"},{"n":"x","v":1}]`,
			[]senml.Record{number(1, "a:x", "", 1.8e9, 1)}},
		{"a time below 2^28 is relative to now", `[{"n":"x","t":-5,"v":1}]`,
			[]senml.Record{number(0, "x", "", 1.8e9-5, 1)}},
		{"a text", `[{"n":"x:fault","bt":1.7e9,"vs":"a,]\"b"}]`,
			[]senml.Record{{Name: "x:fault", Time: 1.7e9, Text: `a,]"b`, IsText: true}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, bad, err := senml.Decode([]byte(tt.pack), now)
			if err != nil || len(bad) > 0 {
				t.Fatalf("err %v, bad %v", err, bad)
			}
			if diff := cmp.Diff(got, tt.want); diff != "" {
				t.Errorf("-got +want\n%s", diff)
			}
		})
	}
}

func TestDecodeSkipsABadRecordAndKeepsItsNeighbours(t *testing.T) {
	tests := []struct{ name, record, want string }{
		{"NaN, which JSON has not", `{"n":"x","v":NaN}`, "not finite"},
		{"minus infinity", `{"n":"x","v":-Infinity}`, "not finite"},
		{"a number beyond float64", `{"n":"x","v":1e999}`, "not finite"},
		{"null, JavaScript's NaN", `{"n":"x","v":null}`, "not finite"},
		{"a quoted NaN", `{"n":"x","v":"NaN"}`, "not finite"},
		{"a number in quotes", `{"n":"x","v":"21"}`, `"v" is not a number`},
		{"no value", `{"n":"x"}`, "no value"},
		{"two values", `{"n":"x","v":1,"vs":"a"}`, `both "v" and "vs"`},
		{"a boolean", `{"n":"x","vb":true}`, `value "vb" is not taken`},
		{"no name", `{"v":1}`, "name of 0 characters"},
		{"a name that begins with a sign", `{"n":"-x","v":1}`, "bad character at 0"},
		{"a name with a space", `{"n":"a b","v":1}`, "bad character at 1"},
		{"a field that must be understood", `{"n":"x","v":1,"odd_":2}`, "must be understood"},
		{"a newer version", `{"bver":11,"n":"x","v":1}`, "newer than 10"},
		{"no object", `17`, "not a JSON object"},
		{"broken JSON", `{"n":"x","v":}`, "not a JSON object"},
		{"an empty element", ``, "not a JSON object"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			pack := fmt.Sprintf(`[{"n":"before","v":1},%s,{"n":"after","v":2}]`, tt.record)
			got, bad, err := senml.Decode([]byte(pack), now)
			if err != nil || len(got) != 2 || got[0].Name != "before" || got[1].Name != "after" || got[1].Index != 2 {
				t.Fatalf("got %v, %v, want its two neighbours", got, err)
			}
			if len(bad) != 1 || bad[0].Index != 1 || !strings.Contains(bad[0].Error(), tt.want) {
				t.Errorf("bad = %v, want record 1: …%s…", bad, tt.want)
			}
		})
	}
}

func TestDecodeKeepsTheBaseOfARecordWhoseValueIsBad(t *testing.T) {
	got, bad, err := senml.Decode([]byte(`[{"bn":"a:","bt":1.7e9,"n":"x","v":NaN},{"n":"y","v":2}]`), now)
	want := []senml.Record{number(1, "a:y", "", 1.7e9, 2)}
	if err != nil || len(bad) != 1 || !errors.Is(bad[0], senml.ErrNotFinite) {
		t.Fatalf("bad = %v, err = %v", bad, err)
	}
	if diff := cmp.Diff(got, want); diff != "" {
		t.Errorf("-got +want\n%s", diff)
	}
}

func TestARecordThatLeansOnABaseFieldThatCannotBeReadIsBad(t *testing.T) {
	tests := []struct {
		name, pack string
		good       []string
	}{
		{"another device's value is not taken for the first one's", `[{"bn":"a:","n":"t","v":1},{"bn":"b:","bt":NaN,"n":"t","v":2},{"n":"h","v":3}]`, []string{"a:t"}},
		{"until the field is set anew", `[{"bn":"a:","bt":NaN,"n":"t","v":1},{"bt":1.7e9,"n":"h","v":3}]`, []string{"a:h"}},
		{"a name that is none", `[{"bn":7,"n":"t","v":1},{"n":"a:h","v":3},{"bn":"","n":"a:p","v":4}]`, []string{"a:p"}},
		{"a base unit matters not to who has a unit", `[{"bu":7,"n":"a:t","v":1},{"n":"a:h","u":"%RH","v":3}]`, []string{"a:h"}},
		{"an object that cannot be read may have held some", `[{"bn":"a:","n":"t","v":},{"n":"h","v":3}]`, nil},
		{"one that held none costs only itself", `[{"bn":"a:","n":"t","v":1},{"n":"x","v":},{"n":"h","v":3}]`, []string{"a:t", "a:h"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			records, bad, err := senml.Decode([]byte(tt.pack), now)
			var got []string
			for _, r := range records {
				got = append(got, r.Name)
			}
			if diff := cmp.Diff(got, tt.good); diff != "" || err != nil || len(bad) == 0 {
				t.Errorf("%v, bad %v, -got +want\n%s", err, bad, diff)
			}
		})
	}
}

func TestDecodeRefusesWhatIsNoArray(t *testing.T) {
	for _, pack := range []string{"", "21.5", "{}", "[", "]", `[{"n":"x"]`, `[{}`, `[{"n":"x","v":1}`, `[]]`, `[][]`, `["x]`} {
		if _, _, err := senml.Decode([]byte(pack), now); !errors.Is(err, senml.ErrNotArray) {
			t.Errorf("%q: err = %v, want ErrNotArray", pack, err)
		}
	}
	long := "[" + strings.Repeat("{},", senml.MaxRecords) + "{}]"
	if _, _, err := senml.Decode([]byte(long), now); !errors.Is(err, senml.ErrTooLong) {
		t.Errorf("err = %v, want ErrTooLong", err)
	}
}

func TestEncodeRefusesWhatCannotBeRead(t *testing.T) {
	for _, r := range []senml.Record{{Name: "x y"}, {Name: ""}, number(0, "x", "", 0, 1/zero())} {
		if pack, err := senml.Encode([]senml.Record{r}); err == nil {
			t.Errorf("%v became %s", r, pack)
		}
	}
}

func zero() float64 { return 0 }

func FuzzDecode(f *testing.F) {
	f.Add([]byte(`[{"bn":"pi-03/","bt":1.7e9,"bu":"Cel","n":"inlet","v":21.5}]`))
	f.Add([]byte(`[{"n":"fan","u":"1/s","v":70},{}]`))
	f.Add([]byte(`[{"n":"x","v":NaN},{"n":"y","vs":"a"}]`))
	f.Fuzz(func(t *testing.T, pack []byte) {
		first, _, err := senml.Decode(pack, now)
		if err != nil {
			return
		}
		again, err := senml.Encode(first)
		if err != nil {
			t.Fatalf("Encode(%v): %v", first, err)
		}
		second, bad, err := senml.Decode(again, now)
		if err != nil || len(bad) > 0 || len(second) != len(first) {
			t.Fatalf("Decode(%s) = %v, %v, %v", again, second, bad, err)
		}
		for i := range first {
			same := first[i].Name == second[i].Name && first[i].Unit == second[i].Unit &&
				first[i].Value == second[i].Value && first[i].Text == second[i].Text
			if !same {
				t.Errorf("round trip\n got %+v\nwant %+v", second[i], first[i])
			}
		}
	})
}

// A pack that our agents write is read by a scanner of our own, all others by
// encoding/json, which a form feed before the pack makes certain. Both have to
// find the same.
func FuzzPlainPacksAreReadAsByEncodingJSON(f *testing.F) {
	for _, pack := range []string{
		`[{"bn":"a:","bt":1.7e9,"bu":"Cel","n":"x","v":21.5},{"n":"y","t":-10,"u":"W","v":3}]`,
		`[{"bt":1767355210,"n":"urn:dev:ow:28f6fb1e0d0000c5:temperature","u":"Cel","v":26.0625},{"n":"a:boot","vs":"5f0c"},{"bver":11}]`,
		`[ {"n" : "x" , "v" : -0.5e+3 } , { "n":"y", "v":1e999, "vs":"" } ] `,
		`[{"n":"x","v":01},{"n":"x","n":"y","v":1},{"bv":3},{"n":"z","odd_":1}]`,
		`[{"n":"\u0078","v":1},{},{"n":"x","v":1,"l":[1,{"a":2}]},{"b":1,"n":"q","v":.5}]`,
	} {
		f.Add([]byte(pack))
	}
	var d senml.Decoder // remembers names from one input to the next
	f.Fuzz(func(t *testing.T, pack []byte) {
		got, gotBad, gotErr := d.Decode(pack, now)
		want, wantBad, wantErr := senml.Decode(append([]byte("\f"), pack...), now)
		if !errors.Is(gotErr, wantErr) {
			t.Fatalf("%v, want %v", gotErr, wantErr)
		}
		if diff := cmp.Diff(got, want, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("records -got +want\n%s", diff)
		}
		sameError := cmp.Comparer(func(a, b error) bool {
			return errors.Is(a, senml.ErrNotFinite) == errors.Is(b, senml.ErrNotFinite)
		})
		if diff := cmp.Diff(gotBad, wantBad, cmpopts.EquateEmpty(), sameError); diff != "" {
			t.Errorf("bad -got +want\n%s", diff)
		}
	})
}
