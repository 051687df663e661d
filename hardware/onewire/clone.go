package onewire

// A Clone is what is known of a part with the family code of a DS18B20 that
// its maker probably did not make. Its readings are worth having; what Effect
// says is worth knowing.
type Clone struct {
	Family string // by the letters of the source, "B1"; "" if not told apart
	Effect string // what follows for its readings, in one line for a person
}

// CloneOf tells whether a part is probably a clone, from its address and the
// nine bytes of its scratchpad after a conversion, or nine zeros if there are
// none. ok is false for other family codes, and if nothing speaks against a
// genuine part, which proves little.
//
// Genuine serial numbers have not grown beyond 32 bits: bytes 5 and 6 of the ROM
// are zero. A genuine part at 12 bits leaves 0x10 less the low nibble of the
// temperature in byte 6.
//
// Source: Chris Petrich, https://github.com/cpetrich/counterfeit_DS18B20
func CloneOf(rom ROM, pad [9]byte) (c Clone, ok bool) {
	if rom.Family() != familyDS18B20 {
		return Clone{}, false
	}
	p := scratchpad(pad)
	switch {
	case p.noisy(), rom.noisy():
		return Clone{"D", "may be off by 3 °C and noisy, needs the supply wire; at exactly 25 °C rejected as power-on"}, true
	case rom[2] == 0x64 && (rom[1] == 0xff || rom[1] == 0x61):
		return Clone{"C", "converts at 12 bits only, its EEPROM bears some eight writes; at exactly 85 °C rejected as power-on"}, true
	case rom[1] == 0xff, rom[1] == 0xee:
		return Clone{"B2", "reads up to 0.5 °C low near 0 °C; at exactly 85 °C rejected as power-on"}, true
	case rom[1] == 0xaa, p.constant():
		return Clone{"B1", "at exactly 85 °C rejected as power-on"}, true
	case rom[5] == 0 && rom[6] == 0x80:
		return Clone{"E", "keeps no settings without power"}, true
	case rom[5] != 0 || rom[6] != 0:
		return Clone{"", "may be off by more than 0.5 °C: compare it with another"}, true
	}
	return Clone{}, false
}

// noisy tells the ROMs of family D by bytes 3 and 4. A genuine part may have
// such a pair by chance, but not with more above it.
func (r ROM) noisy() bool {
	if r[5] == 0 && r[6] == 0 {
		return false
	}
	switch [2]byte{r[3], r[4]} {
	case [2]byte{0x77, 0x91}, [2]byte{0x46, 0x92}, [2]byte{0x79, 0x97}, [2]byte{0x94, 0x97},
		[2]byte{0x79, 0xa2}, [2]byte{0x16, 0xa8}, [2]byte{0x56, 0xb5}, [2]byte{0x07, 0xd6}:
		return true
	}
	return false
}

// Clone is CloneOf for a slave, with the scratchpad that was last read of it, if
// any.
func (r *Reader) Clone(s Slave) (c Clone, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return CloneOf(s.ROM, r.part(s.Dir).pad)
}

// noisy tells the clones of family D by a reserved byte of their own.
func (p scratchpad) noisy() bool { return p[7] == 0x66 }

// constant tells clones whose byte 6 does not follow the temperature, as it does
// in a genuine part at 12 bits.
func (p scratchpad) constant() bool {
	const at12Bits = 0x7f
	return p[4] == at12Bits && p.marked() && (p[0]+p[6])&0xf != 0
}
