package recording_test

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"thermarack/collector/internal/recording"
)

// read returns what a recording holds, entries and bad lines, a line each.
func read(t *testing.T, r *recording.Reader) []string {
	t.Helper()
	var got []string
	for {
		e, err := r.Next()
		switch {
		case errors.Is(err, io.EOF):
			return got
		case errors.Is(err, recording.ErrLine):
			got = append(got, err.Error())
		case err != nil:
			t.Fatal(err)
		default:
			got = append(got, fmt.Sprintf("%v %s %s", float64(e.Time.UnixMilli())/1000, e.Topic, e.Payload))
		}
	}
}

func TestABadLineIsNamedAndCostsOnlyItself(t *testing.T) {
	tests := []struct{ name, line, want string }{
		{"no JSON", `hello`, "f:2: not a recorded message: invalid character 'h' looking for beginning of value"},
		{"no topic", `{"t":1,"payload":[]}`, `f:2: not a recorded message: want {"t":…,"topic":…,"payload":…}`},
		{"no time", `{"topic":"a","payload":[]}`, `f:2: not a recorded message: want {"t":…,"topic":…,"payload":…}`},
		{"milliseconds", `{"t":1767355210000000,"topic":"a","payload":[]}`, "f:2: not a recorded message: t is 1.76735521e+15, want seconds since 1970"},
		{"a step back", `{"t":0.5,"topic":"a","payload":[]}`, "f:2: not a recorded message: 500ms before the line above it"},
		{"a leap ahead", `{"t":999,"topic":"a","payload":[]}`, "f:2: not a recorded message: 16m36.75s after the line below it"},
		{"a time that is a text", `{"t":"1","topic":"a","payload":[]}`, "f:2: not a recorded message: t is string"},
		{"a list", `[1]`, "f:2: not a recorded message: array, not an object"},
		{"a line without end", strings.Repeat("x", 3<<20), "f:2: not a recorded message: longer than 1048576 bytes"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			text := `{"t":1,"topic":"a","payload":[1]}` + "\n" + tt.line + "\n\n" + `{"t":2.25,"topic":"b","payload":{"online":true}}`
			r, err := recording.NewReader("f", strings.NewReader(text))
			if err != nil {
				t.Fatal(err)
			}
			want := []string{"1 a [1]", tt.want, `2.25 b {"online":true}`}
			if diff := cmp.Diff(read(t, r), want); diff != "" {
				t.Errorf("-got +want\n%s", diff)
			}
		})
	}
}

func TestTimeGoesOnAfterTwoWrongStamps(t *testing.T) {
	var text strings.Builder
	for _, at := range []int{1, 999, 999, 2, 3, 4} {
		fmt.Fprintf(&text, `{"t":%d,"topic":"a","payload":[]}`+"\n", at)
	}
	r, err := recording.NewReader("f", strings.NewReader(text.String()))
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"1 a []", "999 a []", "999 a []",
		"f:4: not a recorded message: 16m37s before the line above it", "3 a []", "4 a []",
	}
	if diff := cmp.Diff(read(t, r), want); diff != "" {
		t.Errorf("-got +want\n%s", diff)
	}
}

func TestOpenReadsPlainAndGzip(t *testing.T) {
	const line = `{"t":1,"topic":"a","payload":[1]}` + "\n"
	var zipped bytes.Buffer
	z := gzip.NewWriter(&zipped)
	if _, err := z.Write([]byte(line)); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	for name, data := range map[string][]byte{"plain": []byte(line), "gzip": zipped.Bytes()} {
		path := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(path, data, 0o644); err != nil {
			t.Fatal(err)
		}
		r, err := recording.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		if got := read(t, r); len(got) != 1 || got[0] != "1 a [1]" {
			t.Errorf("%s: %v", name, got)
		}
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	}
	if _, err := recording.Open(filepath.Join(t.TempDir(), "none")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("err = %v, want one that says the file is not there", err)
	}
}

func FuzzNext(f *testing.F) {
	f.Add([]byte(`{"t":1,"topic":"a","payload":[1]}`))
	f.Add([]byte{0x1f, 0x8b, 8})
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := recording.NewReader("f", bytes.NewReader(data))
		if err != nil {
			return
		}
		for {
			_, err := r.Next()
			if err != nil && !errors.Is(err, recording.ErrLine) {
				return
			}
		}
	})
}
