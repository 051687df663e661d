package senml

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strings"
)

// maxVersion is the newest SenML version we know (RFC 8428, section 4.4).
const maxVersion = 10

// fields are the members of one JSON object, still raw, so that one bad member
// does not hide the others.
type fields map[string]json.RawMessage

// parse reads one element of the array.
func parse(element []byte) (fields, error) {
	var f fields
	err := json.Unmarshal(element, &f)
	if err != nil {
		err = json.Unmarshal(quoteBareWords(element), &f)
	}
	if err != nil || f == nil {
		return nil, fmt.Errorf("not a JSON object: %.60q", element)
	}
	return f, nil
}

// onlyBase tells whether the object holds base fields and nothing else.
func (f fields) onlyBase() bool {
	for key := range f {
		if !strings.HasPrefix(key, "b") {
			return false
		}
	}
	return len(f) > 0
}

// text returns member key, or "" when it is absent.
func (f fields) text(key string) (string, error) {
	raw, ok := f[key]
	if !ok {
		return "", nil
	}
	var s *string
	if err := json.Unmarshal(raw, &s); err != nil || s == nil {
		return "", fmt.Errorf("%q is not a string: %.40q", key, raw)
	}
	return *s, nil
}

// number returns member key, or 0 when it is absent.
func (f fields) number(key string) (float64, error) {
	raw, ok := f[key]
	if !ok {
		return 0, nil
	}
	var v *float64
	if err := json.Unmarshal(raw, &v); err != nil || v == nil {
		if isNotFinite(raw) {
			return 0, fmt.Errorf("%q: %w", key, ErrNotFinite)
		}
		return 0, fmt.Errorf("%q is not a number: %.40q", key, raw)
	}
	return *v, nil
}

// isNotFinite recognises the spellings of NaN and infinity that encoders use,
// quoted or overflowing float64, and null, which is JavaScript's NaN.
func isNotFinite(raw json.RawMessage) bool {
	word := strings.ToLower(strings.Trim(string(raw), `"+-`))
	switch word {
	case "nan", "inf", "infinity", "null":
		return true
	}
	var exact json.Number
	return json.Unmarshal(raw, &exact) == nil && raw[0] != '"'
}

// base holds the base fields in force (RFC 8428, section 4.1). One that could not
// be read is unknown until it is set anew: records that lean on it are bad, not
// resolved with the value before.
type base struct {
	name, unit  string
	time, value float64
	hasValue    bool
	unknown     map[string]error // by key
}

// update folds the base fields of f into b, each by itself, and returns what is
// wrong with any of them.
func (b *base) update(f fields) error {
	if b.unknown == nil {
		b.unknown = map[string]error{}
	}
	var wrong error
	for _, key := range []string{"bn", "bu", "bt", "bv"} {
		if _, ok := f[key]; !ok {
			continue
		}
		delete(b.unknown, key)
		if err := b.set(f, key); err != nil {
			b.unknown[key] = err
			wrong = cmp.Or(wrong, err)
		}
	}
	version, err := f.number("bver")
	if err == nil && version > maxVersion {
		err = fmt.Errorf("SenML version %v is newer than %d", version, maxVersion)
	}
	return cmp.Or(wrong, err)
}

func (b *base) set(f fields, key string) (err error) {
	switch key {
	case "bn":
		b.name, err = f.text(key)
	case "bu":
		b.unit, err = f.text(key)
	case "bt":
		b.time, err = f.number(key)
	case "bv":
		b.value, err = f.number(key)
		b.hasValue = true
	}
	return err
}

// lose makes all base fields unknown: an element that may have set them could
// not be read.
func (b *base) lose(err error) {
	b.unknown = map[string]error{"bn": err, "bu": err, "bt": err, "bv": err}
}

// needs returns why a base field that f leans on is unknown. bu and bv matter
// only to records that have no unit, or a number.
func (b *base) needs(f fields) error {
	_, hasUnit := f["u"]
	_, hasText := f["vs"]
	for _, key := range []string{"bn", "bu", "bt", "bv"} {
		err := b.unknown[key]
		if err == nil || key == "bu" && hasUnit || key == "bv" && hasText {
			continue
		}
		return fmt.Errorf("base field %s above could not be read: %w", key, err)
	}
	return nil
}

// resolve makes the record that f means with b in force.
func (b *base) resolve(f fields, now float64) (Record, error) {
	for key := range f {
		if strings.HasSuffix(key, "_") {
			return Record{}, fmt.Errorf("field %.40q must be understood and is not", key)
		}
	}
	if err := b.needs(f); err != nil {
		return Record{}, err
	}
	name, err := f.text("n")
	if err != nil {
		return Record{}, err
	}
	r := Record{Name: b.name + name, Unit: b.unit}
	if err := checkName(r.Name); err != nil {
		return Record{}, err
	}
	if _, ok := f["u"]; ok {
		if r.Unit, err = f.text("u"); err != nil {
			return Record{}, err
		}
	}
	if r.Time, err = b.resolveTime(f, now); err != nil {
		return Record{}, err
	}
	return b.resolveValue(f, r)
}

func (b *base) resolveTime(f fields, now float64) (float64, error) {
	t, err := f.number("t")
	if err != nil {
		return 0, err
	}
	t += b.time
	if t < relativeBelow {
		t += now
	}
	if math.IsInf(t, 0) {
		return 0, fmt.Errorf("time: %w", ErrNotFinite)
	}
	return t, nil
}

func (b *base) resolveValue(f fields, r Record) (Record, error) {
	_, hasNumber := f["v"]
	_, hasText := f["vs"]
	switch {
	case hasNumber && hasText:
		return Record{}, errors.New(`both "v" and "vs"`)
	case hasText:
		text, err := f.text("vs")
		r.Text, r.IsText = text, true
		return r, err
	case hasNumber || b.hasValue:
		v, err := f.number("v")
		if r.Value = v + b.value; err == nil && math.IsInf(r.Value, 0) {
			err = ErrNotFinite
		}
		return r, err
	}
	for _, other := range []string{"vb", "vd", "s"} {
		if _, ok := f[other]; ok {
			return Record{}, fmt.Errorf("value %q is not taken, only v and vs", other)
		}
	}
	return Record{}, errors.New("no value")
}

// checkName holds a resolved name to RFC 8428, section 4.5.1.
func checkName(name string) error {
	if name == "" || len(name) > 255 {
		return fmt.Errorf("name of %d characters, want 1 to 255", len(name))
	}
	for i := range len(name) {
		c := name[i]
		alnum := 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
		if !alnum && (i == 0 || !bytes.ContainsRune([]byte("-:./_"), rune(c))) {
			return fmt.Errorf("name %.80q has a bad character at %d", name, i)
		}
	}
	return nil
}

func appendString(out []byte, s string) []byte {
	quoted, err := json.Marshal(s)
	if err != nil {
		panic(err) // a string always marshals
	}
	return append(out, quoted...)
}
