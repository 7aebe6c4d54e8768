package tokenlab

import (
	"encoding/hex"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strings"

	"github.com/paywatt/paywatt/sts"
)

// answerOK is a meter's answer to a token that passes all its checks.
const answerOK = "ok"

// expect compares an answer with the answer that the vector expects.
func (v *vector) expect(got string) error {
	switch {
	case v.Expect == "reject" && got != answerOK, v.Expect == "accept" && got == answerOK, v.Expect == "" && got == answerOK:
		return nil
	case v.Expect != got:
		return fmt.Errorf("got %s, want %s", got, v.Expect)
	}
	return nil
}

// refused turns an error of package sts into an answer.
func refused(err error) string {
	switch {
	case err == nil:
		return answerOK
	case errors.Is(err, sts.ErrRange):
		return sts.RangeError.String()
	case errors.Is(err, sts.ErrLuhn):
		return "luhn_error"
	}
	return err.Error()
}

// negative computes the answer of a meter: its checks in order, up to the TID store.
func (v *vector) negative() error {
	got, err := v.answer()
	if err != nil {
		return err
	}
	return v.expect(got)
}

func (v *vector) answer() (string, error) {
	if v.Meter != nil {
		if _, err := v.Meter.number(); errors.Is(err, sts.ErrLuhn) {
			return refused(err), nil
		}
	}
	t, result := sts.ParseToken(string(v.Token20))
	if result != sts.Accept {
		return result.String(), nil
	}
	k, err := v.key()
	needsKey := t.Class() == 0 || t.Class() == 2
	if err != nil && (needsKey || !errors.Is(err, errNoKey)) {
		return "", err
	}
	o := sts.Open(k, t)
	if err := v.describes(k, t, o); err != nil {
		return "", err
	}
	if o.Result != sts.Accept {
		return o.Result.String(), nil
	}
	if r := v.meterRules(k, t, o); r != sts.Accept {
		return r.String(), nil
	}
	return answerOK, nil
}

// describes compares the vector's description of a token with the token's contents, whatever the answer is.
func (v *vector) describes(k sts.Key, t sts.Token, o sts.Opened) error {
	if v.Class.given() && v.Class.int() != int64(o.Class) {
		return fmt.Errorf("the digits are of class %d, want %s", o.Class, v.Class.v)
	}
	block, _ := sts.RevealBlock(k, t)
	switch {
	case block == 0: // the check field is wrong, or the token has no check field
		return nil
	case v.BlockHex != "" && !strings.EqualFold(v.BlockHex, fmt.Sprintf("%016x", block)):
		return fmt.Errorf("opens to block %016x, want %s", block, v.BlockHex)
	case v.SubClass.given() && v.SubClass.int() != int64(o.SubClass):
		return fmt.Errorf("opens to sub-class %d, want %s", o.SubClass, v.SubClass.v)
	case v.Fields.TokenMfrCode.given() && v.Fields.TokenMfrCode.int() != int64(o.MfrCode):
		return fmt.Errorf("opens to manufacturer %d, want %s", o.MfrCode, v.Fields.TokenMfrCode.v)
	}
	return nil
}

// meterRules applies a meter's rules to a token that was opened. It leaves out the rule that compares the TID with the meter's stored TIDs.
func (v *vector) meterRules(k sts.Key, t sts.Token, o sts.Opened) sts.Result {
	kt := sts.DUTK
	if v.Meter != nil && v.Meter.KT.given() {
		kt = sts.KeyType(v.Meter.KT.int())
	}
	s, isSection := sts.OpenSection(k, t)
	switch {
	case o.Class == 1:
		return v.manufacturer(o)
	case o.Class == 0 && kt == sts.DDTK:
		return sts.DDTKError
	case isSection && s.Number() == 1 && !kt.MayBecome(s.KT()):
		return sts.KeyTypeError
	case o.HasTID && o.TID.Expired(v.ken()):
		return sts.KeyExpiredError
	}
	return sts.Accept
}

// manufacturer returns the answer to a test token. The sub-class must fit the length of the meter's number if that is known; code 0 is for
// every meter.
func (v *vector) manufacturer(o sts.Opened) sts.Result {
	code := v.Fields.MeterMfrCode
	if v.Meter != nil {
		n, err := v.Meter.number()
		size := map[int]int{11: 2, 13: 4}[len(n.Number())]
		if err == nil && (size == 2 && o.SubClass == sts.TestLong || size == 4 && o.SubClass == sts.TestShort) {
			return sts.FunctionError
		}
		if err == nil && !code.given() {
			code.v, _ = new(big.Int).SetString(n.Number()[:size], 10)
		}
	}
	if o.MfrCode != 0 && code.given() && code.int() != int64(o.MfrCode) {
		return sts.MfrCodeError
	}
	return sts.Accept
}

// sequence enters tokens at one meter in order.
func (v *vector) sequence() error {
	k, err := v.key()
	if err != nil {
		return err
	}
	if n := v.Fields.StoreSize; n.given() && n.int() != sts.TIDStoreSize {
		return fmt.Errorf("a store of %s TIDs; ours holds %d", n.v, sts.TIDStoreSize)
	}
	if len(v.Fields.Steps) == 0 {
		return errors.New("no steps")
	}
	made, err := v.Fields.ManufactureTID.within("manufacture_tid", 24)
	if err != nil {
		return err
	}
	var store sts.TIDStore
	store.Fill(sts.TID(made))
	for i, step := range v.Fields.Steps {
		got, tid := v.enter(k, &store, string(step.Token20))
		if step.TID.given() && tid != sts.TID(step.TID.int()) {
			return fmt.Errorf("step %d: TID %d, want %s", i+1, tid, step.TID.v)
		}
		if want, ok := sts.ParseResult(step.Expect); got != want && !(step.Expect == answerOK && got == sts.Accept) {
			return fmt.Errorf("step %d: got %s, want %s (a result: %t)", i+1, got, step.Expect, ok)
		}
	}
	return v.expect(answerOK)
}

func (v *vector) enter(k sts.Key, store *sts.TIDStore, digits string) (sts.Result, sts.TID) {
	t, result := sts.ParseToken(digits)
	if result != sts.Accept {
		return result, 0
	}
	o := sts.Open(k, t)
	if o.Result != sts.Accept {
		return o.Result, o.TID
	}
	if r := v.meterRules(k, t, o); r != sts.Accept || !o.HasTID {
		return r, o.TID
	}
	r := store.Check(o.TID)
	if r == sts.Accept {
		store.Add(o.TID)
	}
	return r, o.TID
}

// misty1 checks the cipher of EA11 in both directions.
func (v *vector) misty1() error {
	f := v.Fields
	k, err := givenKey(f.KeyHex, wholeNumber(uint64(sts.EA11)))
	if err != nil {
		return err
	}
	plain, err1 := block64("plain_hex", f.PlainHex)
	cipher, err2 := block64("cipher_hex", f.CipherHex)
	if err := errors.Join(err1, err2); err != nil {
		return err
	}
	if got := k.Encrypt(plain); got != cipher {
		return fmt.Errorf("encrypts to %016x, want %016x", got, cipher)
	}
	if got := k.Decrypt(cipher); got != plain {
		return fmt.Errorf("decrypts to %016x, want %016x", got, plain)
	}
	if got := hex.EncodeToString(k.RevealSubkeys()); f.SubkeysHex != "" && !strings.EqualFold(got, f.SubkeysHex) {
		return fmt.Errorf("expands to %s, want %s", got, f.SubkeysHex)
	}
	return v.expect(answerOK)
}

// crc computes a check field, from its input bytes or from the block.
func (v *vector) crc() error {
	f := v.Fields
	class, err := f.Class.within("class", 2)
	if err != nil {
		return err
	}
	var input []byte
	if f.BlockNoCRC != "" {
		body, err := hex.DecodeString(f.BlockNoCRC)
		if err != nil || len(body) != 6 {
			return fmt.Errorf("block_without_crc_hex %q is not 6 bytes", f.BlockNoCRC)
		}
		input = append([]byte{byte(class)}, body...)
	}
	if f.CRCInput != "" {
		b, err := hex.DecodeString(f.CRCInput)
		if err != nil {
			return fmt.Errorf("crc_input_hex: %w", err)
		}
		// The input of CRC_C has one byte more than class and block.
		if len(b) < len(input) || !slices.Equal(b[:len(input)], input) {
			return fmt.Errorf("crc_input_hex is not class and block: %x", input)
		}
		input = b
	}
	if len(input) == 0 {
		return errors.New("nothing to sum")
	}
	if got := fmt.Sprintf("%04x", sts.Checksum(input)); !strings.EqualFold(got, f.CRC) {
		return fmt.Errorf("sum is %s, want %s", got, f.CRC)
	}
	return v.expect(answerOK)
}

// tid converts a time to the TID of a token issued then, and back.
func (v *vector) tid() error {
	f := v.Fields
	at, err := vectorTime(f.Time)
	if err != nil {
		return err
	}
	base := sts.BaseDate(f.BaseDate.int())
	got, err := base.TIDAt(at)
	if err != nil {
		if v.Expect != "" && v.Expect != answerOK {
			return nil
		}
		return err
	}
	if !f.TID.given() || sts.TID(f.TID.int()) != got {
		return fmt.Errorf("%s is TID %d, want %v", f.Time, got, f.TID.v)
	}
	// A token of the reserved minute 00:01 gets the TID of 00:02.
	if back := base.Time(got); !back.Equal(at) && (at.Hour() != 0 || at.Minute() != 1) {
		return fmt.Errorf("TID %d is %s, want %s", got, back, at)
	}
	return v.expect(answerOK)
}

// luhn checks a check digit, a meter number or a PAN.
func (v *vector) luhn() error {
	f := v.Fields
	switch {
	case f.DRN != "":
		_, err := sts.ParseNumber(string(f.DRN))
		return v.expect(refused(err))
	case f.PAN != "":
		_, err := sts.ParsePAN(string(f.PAN))
		return v.expect(refused(err))
	}
	digit, err := sts.Luhn(string(f.Body))
	if err == nil && string(f.CheckDigit) != string(digit) {
		if v.Expect == "luhn_error" {
			return nil
		}
		return fmt.Errorf("check digit %c, want %s", digit, f.CheckDigit)
	}
	return v.expect(refused(err))
}

func (v *vector) amount() error {
	f := v.Fields
	_, err := amount16(f.Raw16, f.Decoded, f.Units)
	if err != nil && refused(err) != sts.RangeError.String() {
		return err
	}
	return v.expect(refused(err))
}

func (v *vector) currencyAmount() error {
	f := v.Fields
	_, err := amount20(f.Raw20, f.Decoded1e5, f.Amount1e5)
	if err != nil && refused(err) != sts.RangeError.String() {
		return err
	}
	return v.expect(refused(err))
}

// amount16 returns the code of a unit amount or a limit.
func amount16(raw, exact, input vectorInt) (sts.Amount, error) {
	code, err := raw.within("amount code", 16)
	if err != nil {
		return 0, err
	}
	return codedAmount(sts.Amount(code), raw.given(), exact, input,
		func(v *big.Int) (sts.Amount, error) { return sts.EncodeTenths(vectorInt{v}.int()) },
		func(a sts.Amount) *big.Int { return big.NewInt(a.Tenths()) })
}

// amount20 returns the code of a currency amount.
func amount20(raw, exact, input vectorInt) (sts.CurrencyAmount, error) {
	code, err := raw.within("amount code", 20)
	if err != nil {
		return 0, err
	}
	return codedAmount(sts.CurrencyAmount(code), raw.given(), exact, input, sts.EncodeCurrency, sts.CurrencyAmount.Value)
}

// codedAmount returns the code of an amount. The code, its exact amount and the rounded input must agree, as far as the
// vector has them.
func codedAmount[C sts.Amount | sts.CurrencyAmount](code C, given bool, exact, input vectorInt,
	encode func(*big.Int) (C, error), value func(C) *big.Int) (C, error) {
	for _, n := range []vectorInt{input, exact} {
		if !n.given() {
			continue
		}
		c, err := encode(n.v)
		if err != nil {
			return 0, err
		}
		if !given {
			code, given = c, true
		}
		if n == input && c != code {
			return 0, fmt.Errorf("%s has code %d, want %d", n.v, c, code)
		}
		if n == exact && value(code).Cmp(n.v) != 0 {
			return 0, fmt.Errorf("code %d is %s, want %s", code, value(code), n.v)
		}
	}
	if !given {
		return 0, errors.New("no amount")
	}
	return code, nil
}

func block64(name, digits string) (uint64, error) {
	n, ok := new(big.Int).SetString(digits, 16)
	if !ok || n.Sign() < 0 || n.BitLen() > 64 {
		return 0, fmt.Errorf("%s %q is not a block", name, digits)
	}
	return n.Uint64(), nil
}
