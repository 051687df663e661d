package senml

import "time"

// A Decoder decodes one pack after the other. It remembers the names that it has
// read, and so makes no garbage of packs whose names it knows. The zero Decoder
// is ready; it is not safe for concurrent use.
type Decoder struct {
	names names

	now     float64 // seconds since the epoch
	base    base
	members fields
	records []Record
	bad     []BadRecord
}

// Decode is the function Decode. What it returns is valid until the next call,
// the strings in it for ever.
func (d *Decoder) Decode(pack []byte, now time.Time) ([]Record, []BadRecord, error) {
	d.now = float64(now.UnixMilli()) / 1000
	if d.readPlain(pack) {
		return d.records, d.bad, nil
	}
	elements, err := split(pack)
	if err != nil {
		return nil, nil, err
	}
	d.begin()
	for i, element := range elements {
		f, err := parse(element)
		if err != nil {
			d.lose(i, element, err)
			continue
		}
		d.take(i, f)
	}
	return d.records, d.bad, nil
}

// readPlain reads a pack as our agents write it. It returns false for one that
// it cannot read.
func (d *Decoder) readPlain(pack []byte) bool {
	d.begin()
	s := scanner{pack: pack, members: d.members}
	defer func() { d.members = s.members[:0] }()
	if !s.take('[') {
		return false
	}
	for i := range MaxRecords {
		f, ok := s.next()
		if !ok {
			return false
		}
		d.take(i, f)
		if s.take(']') {
			s.blanks()
			return s.at == len(pack)
		}
		s.take(',')
	}
	return false
}

func (d *Decoder) begin() {
	d.base, d.records, d.bad = base{}, d.records[:0], d.bad[:0]
}

// take resolves the object at position i.
func (d *Decoder) take(i int, f fields) {
	if err := d.base.update(f); err != nil {
		d.bad = append(d.bad, BadRecord{i, err})
		return
	}
	if n := f.base(); n > 0 && n == len(f) {
		return
	}
	record, err := d.resolve(f)
	if err != nil {
		d.bad = append(d.bad, BadRecord{i, err})
		return
	}
	record.Index = i
	d.records = append(d.records, record)
}

// lose notes that the element at position i could not be read, nor any base
// field that it may have set.
func (d *Decoder) lose(i int, element []byte, err error) {
	d.bad = append(d.bad, BadRecord{i, err})
	if mayHoldBase(element) {
		d.base.lose(err)
	}
}
