package tokenlab

import (
	"crypto/rand"
	"fmt"
	"math/big"
	"strings"
	"time"

	"github.com/paywatt/paywatt/internal/exit"
	"github.com/paywatt/paywatt/sts"
)

// Fields are the fields of a token to make.
type Fields struct {
	Class, SubClass uint8
	Units, Amount   string
	TID             uint32
	IssuedAt        string
	RND             int8
	Value, MfrCode  uint16
	Watts           int64
	Control         uint64
	Set             func(option string) bool // whether the option tid, rnd or watts was given
}

// Encode makes the token. The error comes from package sts, or is an [exit.Failure] for a field that cannot be read.
func (o *Fields) Encode(k Key) (sts.Token, error) {
	if o.Class == 1 {
		return sts.EncodeTest(sts.MeterTest{SubClass: o.SubClass, Control: o.Control, MfrCode: o.MfrCode})
	}
	tid, err := o.takeTID(k.BaseDate)
	if err != nil {
		return sts.Token{}, err
	}
	rnd, err := o.random()
	if err != nil {
		return sts.Token{}, err
	}
	switch {
	case o.Class == 0 && o.SubClass >= sts.CurrencyElectricity:
		v, ok := scaled(o.Amount, 5)
		if !ok {
			return sts.Token{}, unfit("--amount is not a number of at most 5 decimals.", "Write it as 12.5 or -3.")
		}
		a, err := sts.EncodeCurrency(v)
		if err != nil {
			return sts.Token{}, err
		}
		return sts.EncodeCurrencyCredit(k.Key, sts.CurrencyCredit{SubClass: o.SubClass, TID: tid, Amount: a})
	case o.Class == 0:
		v, ok := scaled(o.Units, 1)
		if !ok || !v.IsInt64() {
			return sts.Token{}, unfit("--units is not a number of at most 1 decimal.", "Write it as 25.6.")
		}
		a, err := sts.EncodeTenths(v.Int64())
		if err != nil {
			return sts.Token{}, err
		}
		return sts.EncodeCredit(k.Key, sts.Credit{SubClass: o.SubClass, RND: rnd, TID: tid, Amount: a})
	case o.Class == 2:
		value := o.Value
		if o.Set("watts") {
			a, err := sts.EncodeTenths(o.Watts)
			if err != nil {
				return sts.Token{}, err
			}
			value = uint16(a)
		}
		return sts.EncodeManagement(k.Key, sts.Management{SubClass: o.SubClass, RND: rnd, TID: tid, Value: value})
	}
	return sts.Token{}, unfit(fmt.Sprintf("There is no token of class %d.", o.Class), "Give class 0, 1 or 2.")
}

func (o *Fields) takeTID(base sts.BaseDate) (sts.TID, error) {
	if o.Set("tid") {
		return sts.TID(o.TID), nil
	}
	at := time.Now()
	if o.IssuedAt != "" {
		var err error
		if at, err = time.Parse(time.RFC3339, o.IssuedAt); err != nil {
			return 0, unfit("--issued-at "+o.IssuedAt+" is not a time.", "Write it as 2026-11-20T08:00:00Z.")
		}
	}
	return base.TIDAt(at)
}

func (o *Fields) random() (uint8, error) {
	if o.Set("rnd") {
		if o.RND < 0 {
			return 0, unfit("--rnd is less than 0.", "Give 0 to 15.")
		}
		return uint8(o.RND), nil
	}
	var b [1]byte
	if _, err := rand.Read(b[:]); err != nil {
		return 0, fmt.Errorf("read randomness: %w", err)
	}
	return b[0] & 15, nil
}

// scaled parses a decimal number exactly, as a whole number in units of its smallest decimal place.
func scaled(s string, decimals int) (*big.Int, bool) {
	whole, fraction, _ := strings.Cut(s, ".")
	if s == "" || len(fraction) > decimals || strings.ContainsAny(fraction, "+-_") || strings.Contains(whole, "_") {
		return nil, false
	}
	return new(big.Int).SetString(whole+fraction+strings.Repeat("0", decimals-len(fraction)), 10)
}

// unfit returns the failure for an option that cannot be read.
func unfit(what, try string) error {
	return &exit.Failure{Code: exit.Usage, What: what, Not: "No token was made.", Try: try}
}
