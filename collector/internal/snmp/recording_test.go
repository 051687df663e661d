package snmp_test

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"thermarack/collector/internal/snmp"
)

func oid(t testing.TB, s string) snmp.OID {
	t.Helper()
	o, err := snmp.ParseOID(s)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// recorded reads one of the shared recordings, which are not part of this tree.
func recorded(t testing.TB, name string) *snmp.Recording {
	t.Helper()
	file := filepath.Join(cmp.Or(os.Getenv("THERMARACK_FIXTURES"), "../../../../shared/fixtures"), "snmp", name)
	r, err := snmp.OpenRecording(file)
	if errors.Is(err, os.ErrNotExist) {
		t.Skipf("no shared recordings here: %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	return r
}

const small = `# a switch
1.3.6.1.2.1.1.5.0|4|sw|a1

1.3.6.1.2.1.1.1.0|4x|00ff41
1.3.6.1.2.1.1.2.0|6|1.3.6.1.4.1.9
1.3.6.1.2.1.1.3.0|67|4294967295
1.3.6.1.2.1.1.9.1.2.3|5|
1.3.6.1.2.1.2.2.1.1.1|2|-7
1.3.6.1.2.1.2.2.1.1.10|65|1
1.3.6.1.2.1.2.2.1.1.2|66|2
1.3.6.1.2.1.2.2.1.10.1|70|18446744073709551615
1.3.6.1.2.1.4.20.1.1|64|192.0.2.7
1.3.6.1.2.1.4.20.1.2|64x|c0000208
`

func TestARecordingKeepsEveryKindOfValueInTheOrderOfAnAgent(t *testing.T) {
	t.Parallel()
	r, err := snmp.ReadRecording(strings.NewReader(small), "small")
	if err != nil {
		t.Fatal(err)
	}
	want := []snmp.Var{
		{OID: oid(t, "1.3.6.1.2.1.1.1.0"), Value: snmp.Value{Kind: snmp.Text, Bytes: []byte{0, 0xff, 'A'}}},
		{OID: oid(t, "1.3.6.1.2.1.1.2.0"), Value: snmp.Value{Kind: snmp.Identifier, ID: oid(t, "1.3.6.1.4.1.9")}},
		{OID: oid(t, "1.3.6.1.2.1.1.3.0"), Value: snmp.Value{Kind: snmp.Counter, Int: 1<<32 - 1}},
		{OID: oid(t, "1.3.6.1.2.1.1.5.0"), Value: snmp.Value{Kind: snmp.Text, Bytes: []byte("sw|a1")}},
		{OID: oid(t, "1.3.6.1.2.1.1.9.1.2.3")},
		{OID: oid(t, "1.3.6.1.2.1.2.2.1.1.1"), Value: snmp.Value{Kind: snmp.Integer, Int: -7}},
		{OID: oid(t, "1.3.6.1.2.1.2.2.1.1.2"), Value: snmp.Value{Kind: snmp.Counter, Int: 2}},
		{OID: oid(t, "1.3.6.1.2.1.2.2.1.1.10"), Value: snmp.Value{Kind: snmp.Counter, Int: 1}},
		{OID: oid(t, "1.3.6.1.2.1.2.2.1.10.1"), Value: snmp.Value{Kind: snmp.Counter, Int: 1<<63 - 1}},
		{OID: oid(t, "1.3.6.1.2.1.4.20.1.1"), Value: snmp.Value{Kind: snmp.Address, Bytes: []byte{192, 0, 2, 7}}},
		{OID: oid(t, "1.3.6.1.2.1.4.20.1.2"), Value: snmp.Value{Kind: snmp.Address, Bytes: []byte{192, 0, 2, 8}}},
	}
	if diff := gocmp.Diff(want, r.Vars()); diff != "" {
		t.Errorf("vars (-want +got):\n%s", diff)
	}
}

func TestARecordingAnswersAsAnAgent(t *testing.T) {
	t.Parallel()
	r, err := snmp.ReadRecording(strings.NewReader(small), "small")
	if err != nil {
		t.Fatal(err)
	}
	got, err := r.Get(t.Context(), oid(t, "1.3.6.1.2.1.2.2.1.1.1"), oid(t, "1.3.6.1.2.1.2.2.1.1"))
	if err != nil || len(got) != 2 || got[0].Value.Int != -7 || got[1].Value.Kind != snmp.Null || got[1].OID.String() != "1.3.6.1.2.1.2.2.1.1" {
		t.Errorf("Get = %v, %v", got, err)
	}
	lists, err := r.Walk(t.Context(), oid(t, "1.3.6.1.2.1.2.2.1.1"), oid(t, "1.3.6.1.9"), oid(t, "1.3.6.1.2.1.1.5.0"), oid(t, "1.3.6.1.2.1.4"))
	if err != nil {
		t.Fatal(err)
	}
	var n []int
	for _, list := range lists {
		n = append(n, len(list))
	}
	if diff := gocmp.Diff([]int{3, 0, 0, 2}, n); diff != "" {
		t.Errorf("objects a root (-want +got):\n%s", diff)
	}
}

func TestARecordingMayBePacked(t *testing.T) {
	t.Parallel()
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	if _, err := w.Write([]byte(small)); err != nil {
		t.Fatal(err)
	}
	w.Close()
	r, err := snmp.ReadRecording(&packed, "small.gz")
	if err != nil || len(r.Vars()) != 11 {
		t.Errorf("gzip: %v, %v", r, err)
	}
	if n := len(recorded(t, "cisco_16_switch.snmprec.bz2").Vars()); n != 51008 {
		t.Errorf("bzip2: %d objects, want 51008", n)
	}
}

func TestABadLineIsNamed(t *testing.T) {
	t.Parallel()
	for name, line := range map[string]string{
		"no tag":                    "1.3.6.1",
		"no value":                  "1.3.6.1|4",
		"an OID with a letter":      "1.3.x|4|a",
		"an unknown tag":            "1.3.6.1|99|a",
		"a variation module":        "1.3.6.1|2:numeric|rate=1",
		"an escaped text":           `1.3.6.1|4e|\x01`,
		"an odd number of digits":   "1.3.6.1|4x|abc",
		"a number with a letter":    "1.3.6.1|2|1x",
		"a negative counter":        "1.3.6.1|65|-1",
		"an empty number":           "1.3.6.1|2|",
		"a number past 64 bits":     "1.3.6.1|70|18446744073709551616",
		"half an address":           "1.3.6.1|64|192.0.2",
		"an address of version six": "1.3.6.1|64|2001:db8::1",
		"a line without end":        "1.3.6.1|4|" + strings.Repeat("a", 2<<20),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := snmp.ReadRecording(strings.NewReader("1.3.6.1.1|2|1\n"+line+"\n"), "sw.snmprec")
			if !errors.Is(err, snmp.ErrRecording) || !strings.HasPrefix(err.Error(), "sw.snmprec:2: ") || strings.Contains(err.Error(), "\n") || len(err.Error()) > 300 {
				t.Errorf("err = %v", err)
			}
		})
	}
}

func TestABrokenPackIsAnError(t *testing.T) {
	t.Parallel()
	for name, data := range map[string]string{
		"gzip without a header": "\x1f\x8b\x08",
		"bzip2 of garbage":      "BZh9garbage and more garbage",
	} {
		if _, err := snmp.ReadRecording(strings.NewReader(data), "x"); !errors.Is(err, snmp.ErrRecording) {
			t.Errorf("%s: err = %v", name, err)
		}
	}
	if r, err := snmp.ReadRecording(strings.NewReader(""), "empty"); err != nil || len(r.Vars()) != 0 {
		t.Errorf("an empty recording: %v, %v", r, err)
	}
}

func FuzzReadRecording(f *testing.F) {
	f.Add([]byte(small))
	f.Add([]byte("1.3.6.1|4x|00\r\n1.3|2|9\n1.3|2|8"))
	f.Add([]byte("BZh9"))
	f.Add([]byte("\x1f\x8b\x08\x00"))
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := snmp.ReadRecording(bytes.NewReader(data), "fuzz")
		if err != nil {
			if !errors.Is(err, snmp.ErrRecording) || strings.Contains(err.Error(), "\n") {
				t.Errorf("err = %q", err)
			}
			return
		}
		for i, v := range r.Vars() {
			if i > 0 && snmp.CompareVars(r.Vars()[i-1], v) >= 0 {
				t.Fatalf("%s follows %s", v.OID, r.Vars()[i-1].OID)
			}
			got, err := r.Get(t.Context(), v.OID)
			if err != nil || gocmp.Diff([]snmp.Var{v}, got) != "" {
				t.Fatalf("%s: %v, %v", v.OID, got, err)
			}
		}
	})
}
