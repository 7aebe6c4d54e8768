package tokenlab

import (
	"cmp"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"github.com/paywatt/paywatt/internal/sale"
	"github.com/paywatt/paywatt/sts"
)

// token makes the token again from its fields and reads it back. It applies no rule of a meter.
func (v *vector) token() error {
	if v.Expect != "" && v.Expect != answerOK {
		return v.negative()
	}
	want, result := sts.ParseToken(string(v.Token20))
	if result != sts.Accept {
		return fmt.Errorf("the digits are no token: %s", result)
	}
	class := want.Class()
	if v.Class.given() && v.Class.int() != int64(class) {
		return fmt.Errorf("the digits are of class %d, want %s", class, v.Class.v)
	}
	k, err := v.key()
	if err != nil && (class != 1 || !errors.Is(err, errNoKey)) {
		return err
	}
	if err := v.readsBack(k, want); err != nil {
		return err
	}
	got, err := v.rebuild(k, class)
	if err != nil {
		return err
	}
	if got != want {
		return fmt.Errorf("encodes to %s, want %s", got.Reveal(), want.Reveal())
	}
	return nil
}

// rebuild makes the token from the fields alone.
func (v *vector) rebuild(k sts.Key, class uint8) (sts.Token, error) {
	sub64, err := v.SubClass.within("token_subclass", 4)
	if err != nil {
		return sts.Token{}, err
	}
	sub := uint8(sub64)
	if class == 1 {
		return v.rebuildTest(sub)
	}
	if class == 2 && (sub == 3 || sub == 4 || sub == 8 || sub == 9) {
		return v.rebuildSection(k, sub)
	}
	tid, err1 := v.takeTID()
	rnd, err2 := v.Fields.RND.within("rnd", 4)
	if err := errors.Join(err1, err2); err != nil {
		return sts.Token{}, err
	}
	f := v.Fields
	switch {
	case class == 2:
		value, err := v.managementValue(sub)
		if err != nil {
			return sts.Token{}, err
		}
		return sts.EncodeManagement(k, sts.Management{SubClass: sub, RND: uint8(rnd), TID: tid, Value: value})
	case sub <= sts.CreditTime:
		a, err := amount16(f.AmountRaw, f.AmountTenths, f.InputTenths)
		if err != nil {
			return sts.Token{}, err
		}
		return sts.EncodeCredit(k, sts.Credit{SubClass: sub, RND: uint8(rnd), TID: tid, Amount: a})
	}
	input := f.Input1e5
	if f.InputBase != "" && !input.given() {
		n, ok := scaled(string(f.InputBase), 5)
		if !ok {
			return sts.Token{}, fmt.Errorf("input_amount_base_units %q is not an amount", f.InputBase)
		}
		input = vectorInt{n}
	}
	a, err := amount20(f.AmountRaw20, f.Amount1e5, input)
	if err != nil {
		return sts.Token{}, err
	}
	return sts.EncodeCurrencyCredit(k, sts.CurrencyCredit{SubClass: sub, TID: tid, Amount: a})
}

// takeTID returns the TID. If the vector has only the time of issue, it returns the TID of that time.
func (v *vector) takeTID() (sts.TID, error) {
	f := v.Fields
	if f.TID.given() {
		tid, err := f.TID.within("tid", 24)
		return sts.TID(tid), err
	}
	at := cmp.Or(f.TIDTime, f.IssuedAt)
	t, err := vectorTime(at)
	if err != nil || v.Meter == nil {
		return 0, fmt.Errorf("no TID and no time of issue: %w", err)
	}
	return sts.BaseDate(v.Meter.BaseDate.int()).TIDAt(t)
}

// managementValue returns the 16 bits of a management token. The vector may give them in several forms, which must
// agree.
func (v *vector) managementValue(sub uint8) (uint16, error) {
	f := v.Fields
	if sub == sts.ManageMaxPower || sub == sts.ManagePhaseBalance {
		a, err := amount16(f.Value16, f.Watts, f.InputWatts)
		return uint16(a), err
	}
	extended := vectorInt{}
	if f.ExtIndex.given() {
		index, err1 := f.ExtIndex.within("ext_index", 6)
		value, err2 := f.ExtValue.within("ext_value10", 10)
		if err := errors.Join(err1, err2); err != nil {
			return 0, err
		}
		extended = wholeNumber(index<<10 | value)
	}
	var value uint64
	given := sub == sts.ManageClearTamper // this token has no value
	for _, n := range []vectorInt{f.Value16, f.Register, extended} {
		if !n.given() {
			continue
		}
		u, err := n.within("value", 16)
		if err != nil {
			return 0, err
		}
		if given && u != value {
			return 0, fmt.Errorf("value %d and %d", value, u)
		}
		value, given = u, true
	}
	if !given {
		return 0, errors.New("no value")
	}
	return uint16(value), nil
}

func (v *vector) rebuildTest(sub uint8) (sts.Token, error) {
	digits := v.Fields.Control36
	if sub == sts.TestLong {
		digits = v.Fields.Control28
	}
	control, err1 := block64("control", digits)
	code, err2 := v.Fields.MfrCode.within("mfr_code", 16)
	if err := errors.Join(err1, err2); err != nil {
		return sts.Token{}, err
	}
	return sts.EncodeTest(sts.MeterTest{SubClass: sub, Control: control, MfrCode: uint16(code)})
}

// rebuildSection makes the whole set of key-change tokens and returns the section of this sub-class.
func (v *vector) rebuildSection(current sts.Key, sub uint8) (sts.Token, error) {
	c, err := v.keyChange(current.EA(), sub)
	if err != nil {
		return sts.Token{}, err
	}
	set, err := sts.EncodeKeyChange(current, c)
	if err != nil {
		return sts.Token{}, err
	}
	n := map[uint8]int{3: 0, 4: 1, 8: 2, 9: 3}[sub]
	if n >= len(set) {
		return sts.Token{}, fmt.Errorf("a set of %d tokens has no section %d", len(set), n+1)
	}
	return set[n], nil
}

// keyChange returns the new key and its attributes. Fields that this section does not carry may be missing.
func (v *vector) keyChange(ea sts.EA, sub uint8) (sts.KeyChange, error) {
	f, m := v.Fields, v.Fields.NewMeter
	if m == nil {
		m = &vectorMeter{}
	}
	k, err := v.newKey(ea)
	if err != nil {
		return sts.KeyChange{}, fmt.Errorf("new key: %w", err)
	}
	ken := [2]vectorInt{f.KENHO, f.KENLO}
	if m.KEN.given() {
		ken = [2]vectorInt{wholeNumber(uint64(m.KEN.int()) >> 4), wholeNumber(uint64(m.KEN.int()) & 15)}
	}
	krn, kt, ti := first(f.KRN, m.KRN), first(f.KT, m.KT), vectorText("00")
	switch {
	case f.TI.given():
		ti = vectorText(f.TI.v.String())
	case m.TI != "":
		ti = m.TI
	}
	if !krn.given() {
		krn = wholeNumber(1)
	}
	rollover := f.RO.int() == 1
	if !f.RO.given() && v.Meter != nil {
		rollover = m.BaseDate.int() > v.Meter.BaseDate.int()
	}
	c := sts.KeyChange{Key: k, KEN: uint8(ken[0].int()<<4 | ken[1].int()), KRN: uint8(krn.int()),
		KT: sts.KeyType(kt.int()), TI: ti.padded(2), Rollover: rollover}
	if ea == sts.EA11 || sub == 8 || f.KCT3.int() == 1 {
		c.SGC = v.newSGC(ea, m)
	}
	return c, nil
}

// newKey returns the new key, or a key that has only the parts in this section.
func (v *vector) newKey(ea sts.EA) (sts.Key, error) {
	f := v.Fields
	k, err := vectorKey(f.NewKeyHex, f.NewVendingHex, f.NewMeter, v.EA, v.DKGA)
	if !errors.Is(err, errNoKey) {
		return k, err
	}
	b := make([]byte, ea.KeySize())
	for _, part := range []struct {
		digits string
		at     int
	}{{f.NKHO, 0}, {f.NKLO, len(b) - 4}, {f.NKMO2, 4}, {f.NKMO1, 8}} {
		p, err := hex.DecodeString(part.digits)
		if err != nil {
			return sts.Key{}, err
		}
		if part.at+4 <= len(b) {
			copy(b[part.at:], p)
		}
	}
	return sts.NewKey(ea, b)
}

// newSGC returns the new supply group code, or a code that has only the bits in this section.
func (v *vector) newSGC(ea sts.EA, m *vectorMeter) string {
	f := v.Fields
	if m.SGC != "" {
		return m.SGC.padded(6)
	}
	sgc := f.SGCHigh.int()<<12 | f.SGCLow.int()
	if ea == sts.EA07 {
		rest, _ := block64("rest", "0"+f.NKMO2)
		sgc = f.SGCLow.int()<<12 | int64(rest>>20)
	}
	return fmt.Sprintf("%06d", sgc)
}

func first(n, other vectorInt) vectorInt {
	if n.given() {
		return n
	}
	return other
}

// readsBack opens the token and compares its contents with everything in the vector.
func (v *vector) readsBack(k sts.Key, t sts.Token) error {
	o := sts.Open(k, t)
	if o.Result != sts.Accept {
		return fmt.Errorf("opens with %s", o.Result)
	}
	block, _ := sts.RevealBlock(k, t)
	cipher := block
	if o.Class != 1 {
		cipher = k.Encrypt(block)
	}
	f := v.Fields
	for _, c := range []struct{ name, want, got string }{
		{"block_hex", v.BlockHex, fmt.Sprintf("%016x", block)},
		{"cipher_hex", v.CipherHex, fmt.Sprintf("%016x", cipher)},
		{"crc", f.CRC, fmt.Sprintf("%04x", uint16(block))},
		{"control36", f.Control36, fmt.Sprintf("%09x", o.Control)},
		{"control28", f.Control28, fmt.Sprintf("%07x", o.Control)},
	} {
		if c.want != "" && !strings.EqualFold(c.got, c.want) {
			return fmt.Errorf("%s reads as %s, want %s", c.name, c.got, c.want)
		}
	}
	if v.SubClass.given() && v.SubClass.int() != int64(o.SubClass) {
		return fmt.Errorf("sub-class reads as %d, want %s", o.SubClass, v.SubClass.v)
	}
	if s, ok := sts.OpenSection(k, t); ok {
		return v.sectionReadsBack(s)
	}
	return v.valuesReadBack(o)
}

func (v *vector) valuesReadBack(o sts.Opened) error {
	f := v.Fields
	value := int64(o.Value)
	for _, c := range []struct {
		name string
		want vectorInt
		got  int64
	}{
		{"tid", f.TID, int64(o.TID)}, {"rnd", f.RND, int64(o.RND)}, {"mfr_code", f.MfrCode, int64(o.MfrCode)},
		{"amount_raw", f.AmountRaw, int64(o.Amount)}, {"amount_tenths", f.AmountTenths, o.Amount.Tenths()},
		{"amount_raw20", f.AmountRaw20, int64(o.Currency)}, {"value16", f.Value16, value}, {"register", f.Register, value},
		{"watts", f.Watts, sts.Amount(o.Value).Tenths()},
		{"ext_index", f.ExtIndex, value >> 10}, {"ext_value10", f.ExtValue, value & (1<<10 - 1)},
	} {
		if c.want.given() && c.want.int() != c.got {
			return fmt.Errorf("%s reads as %d, want %s", c.name, c.got, c.want.v)
		}
	}
	if f.Amount1e5.given() && o.Currency.Value().Cmp(f.Amount1e5.v) != 0 {
		return fmt.Errorf("amount_1e5 reads as %s, want %s", o.Currency.Value(), f.Amount1e5.v)
	}
	return v.timesReadBack(o.TID)
}

// timesReadBack compares the times of a token with its TID, if the vector has the base date.
func (v *vector) timesReadBack(tid sts.TID) error {
	if v.Meter == nil || !v.Meter.BaseDate.given() {
		return nil
	}
	base := sts.BaseDate(v.Meter.BaseDate.int())
	if v.Fields.TIDTime != "" {
		at, err := vectorTime(v.Fields.TIDTime)
		if err != nil {
			return err
		}
		if got := base.Time(tid); !got.Equal(at) {
			return fmt.Errorf("tid_time reads as %s, want %s", got, v.Fields.TIDTime)
		}
	}
	if v.Fields.IssuedAt == "" {
		return nil
	}
	at, err := vectorTime(v.Fields.IssuedAt)
	if err != nil {
		return err
	}
	// Several tokens of one minute get the TIDs of the following minutes, so the TID may be later than the time of issue.
	earliest, err := base.TIDAt(at)
	if err == nil && (tid < earliest || tid > earliest+sale.MaxAheadRestored) {
		err = fmt.Errorf("issued_at %s has TID %d, want %d", v.Fields.IssuedAt, earliest, tid)
	}
	return err
}

func (v *vector) sectionReadsBack(s sts.KeySection) error {
	f := v.Fields
	bits := s.Reveal()
	for _, c := range []struct {
		name string
		want vectorInt
		got  uint64
	}{
		{"kenho", f.KENHO, uint64(s.KEN())}, {"kenlo", f.KENLO, uint64(s.KEN())}, {"krn", f.KRN, uint64(s.KRN())},
		{"kt", f.KT, uint64(s.KT())}, {"ti", f.TI, uint64(s.TI())}, {"ro", f.RO, bits >> 51 & 1}, {"kct3", f.KCT3, bits >> 50 & 1},
		{"sgclo_or_sgc_msb12", f.SGCLow, bits >> 48 & 0xfff}, {"sgcho", f.SGCHigh, bits >> 48 & 0xfff},
	} {
		if c.want.given() && uint64(c.want.int()) != c.got {
			return fmt.Errorf("%s reads as %d, want %s", c.name, c.got, c.want.v)
		}
	}
	part := hex.EncodeToString(binary.BigEndian.AppendUint32(nil, uint32(bits>>16)))
	for name, want := range map[string]string{"nkho": f.NKHO, "nklo": f.NKLO, "nkmo1": f.NKMO1, "nkmo2_or_rest": f.NKMO2} {
		if want != "" && !strings.EqualFold(want, part) {
			return fmt.Errorf("%s reads as %s, want %s", name, part, want)
		}
	}
	return nil
}
