package senml

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// maxVersion is the newest SenML version we know (RFC 8428, section 4.4).
const maxVersion = 10

// A member is one name and value of a JSON object. The value is still raw, so
// that one bad member does not hide the others.
type member struct {
	key   []byte // decoded
	value []byte // JSON
	plain bool   // value is a string without escapes, or a number
}

// fields are the members of one JSON object, each key once, in no order.
type fields []member

// parse reads one element of the array.
func parse(element []byte) (fields, error) {
	var object map[string]json.RawMessage
	err := json.Unmarshal(element, &object)
	if err != nil {
		err = json.Unmarshal(quoteBareWords(element), &object)
	}
	if err != nil || object == nil {
		return nil, fmt.Errorf("not a JSON object: %.60q", element)
	}
	f := make(fields, 0, len(object))
	for key, value := range object {
		f = append(f, member{key: []byte(key), value: value})
	}
	return f, nil
}

// get returns member key; ok is false when it is absent.
func (f fields) get(key string) (m member, ok bool) {
	for i := range f {
		if string(f[i].key) == key {
			return f[i], true
		}
	}
	return member{}, false
}

// has tells whether there is a member key.
func (f fields) has(key string) bool {
	_, ok := f.get(key)
	return ok
}

// base returns how many members are base fields.
func (f fields) base() (n int) {
	for _, m := range f {
		if len(m.key) > 0 && m.key[0] == 'b' {
			n++
		}
	}
	return n
}

// text returns member key, or nothing when it is absent.
func (f fields) text(key string) ([]byte, error) {
	m, ok := f.get(key)
	if !ok {
		return nil, nil
	}
	if m.plain && m.value[0] == '"' {
		return m.value[1 : len(m.value)-1], nil
	}
	var s *string
	if err := json.Unmarshal(m.value, &s); err != nil || s == nil {
		return nil, fmt.Errorf("%q is not a string: %.40q", key, m.value)
	}
	return []byte(*s), nil
}

// number returns member key, or 0 when it is absent.
func (f fields) number(key string) (float64, error) {
	m, ok := f.get(key)
	if !ok {
		return 0, nil
	}
	if m.plain && m.value[0] != '"' {
		v, err := strconv.ParseFloat(string(m.value), 64)
		if err != nil { // the form is right: it is too large
			return 0, fmt.Errorf("%q: %w", key, ErrNotFinite)
		}
		return v, nil
	}
	var v *float64
	if err := json.Unmarshal(m.value, &v); err != nil || v == nil {
		if isNotFinite(m.value) {
			return 0, fmt.Errorf("%q: %w", key, ErrNotFinite)
		}
		return 0, fmt.Errorf("%q is not a number: %.40q", key, m.value)
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
	if f.base() == 0 {
		return nil
	}
	var wrong error
	for _, key := range []string{"bn", "bu", "bt", "bv"} {
		if !f.has(key) {
			continue
		}
		delete(b.unknown, key)
		if err := b.set(f, key); err != nil {
			if b.unknown == nil {
				b.unknown = map[string]error{}
			}
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
	var text []byte
	switch key {
	case "bn":
		text, err = f.text(key)
		b.name = string(text)
	case "bu":
		text, err = f.text(key)
		b.unit = string(text)
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
	if len(b.unknown) == 0 {
		return nil
	}
	for _, key := range []string{"bn", "bu", "bt", "bv"} {
		err := b.unknown[key]
		if err == nil || key == "bu" && f.has("u") || key == "bv" && f.has("vs") {
			continue
		}
		return fmt.Errorf("base field %s above could not be read: %w", key, err)
	}
	return nil
}

// resolve makes the record that f means with the base in force.
func (d *Decoder) resolve(f fields) (Record, error) {
	for _, m := range f {
		if bytes.HasSuffix(m.key, []byte("_")) {
			return Record{}, fmt.Errorf("field %.40q must be understood and is not", m.key)
		}
	}
	b := &d.base
	if err := b.needs(f); err != nil {
		return Record{}, err
	}
	name, err := f.text("n")
	if err != nil {
		return Record{}, err
	}
	r := Record{Unit: b.unit}
	if r.Name, err = d.names.name(b.name, name); err != nil {
		return Record{}, err
	}
	if f.has("u") {
		unit, err := f.text("u")
		if err != nil {
			return Record{}, err
		}
		r.Unit = d.names.word(unit)
	}
	if r.Time, err = b.resolveTime(f, d.now); err != nil {
		return Record{}, err
	}
	return d.resolveValue(f, r)
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

func (d *Decoder) resolveValue(f fields, r Record) (Record, error) {
	hasNumber, hasText := f.has("v"), f.has("vs")
	switch {
	case hasNumber && hasText:
		return Record{}, errors.New(`both "v" and "vs"`)
	case hasText:
		text, err := f.text("vs")
		r.Text, r.IsText = d.names.word(text), true
		return r, err
	case hasNumber || d.base.hasValue:
		v, err := f.number("v")
		if r.Value = v + d.base.value; err == nil && math.IsInf(r.Value, 0) {
			err = ErrNotFinite
		}
		return r, err
	}
	for _, other := range []string{"vb", "vd", "s"} {
		if f.has(other) {
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
		if !alnum && (i == 0 || strings.IndexByte("-:./_", c) < 0) {
			return fmt.Errorf("name %.80q has a bad character at %d", name, i)
		}
	}
	return nil
}

func appendString(out []byte, s string) []byte {
	if plain(s) {
		return append(append(append(out, '"'), s...), '"')
	}
	quoted, err := json.Marshal(s)
	if err != nil {
		panic(err) // a string always marshals
	}
	return append(out, quoted...)
}

// plain tells whether nothing of s is written in another way in JSON.
func plain(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c > '~' || strings.IndexByte(`"\<>&`, c) >= 0 {
			return false
		}
	}
	return true
}
