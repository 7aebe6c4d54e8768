package main

import (
	"crypto/rand"
	"errors"
	"fmt"
	"math/big"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/paywatt/paywatt/sts"
)

// encodeOptions are the fields of a token to make, beside its key.
type encodeOptions struct {
	keys            keyOptions
	class, subClass uint8
	units, amount   string
	tid             uint32
	issuedAt        string
	rnd             int8
	value, mfrCode  uint16
	watts           int64
	control         uint64
	set             func(name string) bool // whether an option was given
}

func tokenEncode(c console) *cobra.Command {
	o := &encodeOptions{}
	cmd := &cobra.Command{
		Use:   "encode",
		Short: "Make a token",
		Long: "Make a token. Units are rounded up to what a token can carry. Whoever makes two tokens with one TID for one key\n" +
			"makes one that the meter refuses. Key changes are made as whole sets and not here.",
		Example: "  paywatt token encode --units 25.6 --tid 5871715 --key 0ABC12DEF3456789 --ea 07\n" +
			"  paywatt token encode --class 2 --subclass 0 --watts 5000 --vending-key-file vk.hex --dkga 02 \\\n" +
			"    --number 12345678903 --sgc 123456 --krn 1 --ti 01",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			o.set = cmd.Flags().Changed
			return encodeToken(c, cmd, o)
		},
	}
	f := cmd.Flags()
	f.Uint8Var(&o.class, "class", 0, "class: 0 credit, 1 test and display, 2 management")
	f.Uint8Var(&o.subClass, "subclass", 0, "sub-class; 0 electricity, 1 water, 2 gas, 3 time, 4 to 7 the same in currency")
	f.StringVar(&o.units, "units", "", "credit in units, such as 25.6 (kWh, m3 or minutes)")
	f.StringVar(&o.amount, "amount", "", "currency credit in base units, up to 5 decimals")
	f.Uint32Var(&o.tid, "tid", 0, "token identifier (default: from --issued-at)")
	f.StringVar(&o.issuedAt, "issued-at", "", "time of issue, RFC 3339 (default: now)")
	f.Int8Var(&o.rnd, "rnd", -1, "the 4 random bits, 0 to 15 (default: random)")
	f.Uint16Var(&o.value, "value", 0, "value of a management token")
	f.Int64Var(&o.watts, "watts", 0, "power limit of a management token, instead of --value")
	f.Uint64Var(&o.control, "control", 0, "control bits of a test token (0x... for hex)")
	f.Uint16Var(&o.mfrCode, "mfr-code", 0, "manufacturer code of a test token, 0 for every meter")
	o.keys.flags(cmd)
	return cmd
}

func encodeToken(c console, cmd *cobra.Command, o *encodeOptions) error {
	var k meterKey
	var err error
	if o.class != 1 {
		if k, err = o.keys.load(c); err != nil {
			return err
		}
	}
	t, err := o.encode(k)
	var f *failure
	switch {
	case errors.As(err, &f):
		return err
	case errors.Is(err, sts.ErrBaseDate):
		return &failure{code: exitRefused, what: sentence(err) + ".", not: "No token was made.",
			try: "The meter needs a key change to the next base date."}
	case err != nil:
		return &failure{code: exitUsage, what: sentence(err) + ".", not: "No token was made.", try: "Correct the options."}
	}
	v := viewToken(k.key, k.baseDate, t)
	v.Token = t.Reveal()
	return v.show(c, cmd)
}

func (o *encodeOptions) encode(k meterKey) (sts.Token, error) {
	if o.class == 1 {
		return sts.EncodeTest(sts.MeterTest{SubClass: o.subClass, Control: o.control, MfrCode: o.mfrCode})
	}
	tid, err := o.takeTID(k.baseDate)
	if err != nil {
		return sts.Token{}, err
	}
	rnd, err := o.random()
	if err != nil {
		return sts.Token{}, err
	}
	switch {
	case o.class == 0 && o.subClass >= sts.CurrencyElectricity:
		v, ok := scaled(o.amount, 5)
		if !ok {
			return sts.Token{}, usage("--amount is not a number of at most 5 decimals.", "Write it such as 12.5 or -3.")
		}
		a, err := sts.EncodeCurrency(v)
		if err != nil {
			return sts.Token{}, err
		}
		return sts.EncodeCurrencyCredit(k.key, sts.CurrencyCredit{SubClass: o.subClass, TID: tid, Amount: a})
	case o.class == 0:
		v, ok := scaled(o.units, 1)
		if !ok || !v.IsInt64() {
			return sts.Token{}, usage("--units is not a number of at most 1 decimal.", "Write it such as 25.6.")
		}
		a, err := sts.EncodeTenths(v.Int64())
		if err != nil {
			return sts.Token{}, err
		}
		return sts.EncodeCredit(k.key, sts.Credit{SubClass: o.subClass, RND: rnd, TID: tid, Amount: a})
	case o.class == 2:
		value := o.value
		if o.set("watts") {
			a, err := sts.EncodeTenths(o.watts)
			if err != nil {
				return sts.Token{}, err
			}
			value = uint16(a)
		}
		return sts.EncodeManagement(k.key, sts.Management{SubClass: o.subClass, RND: rnd, TID: tid, Value: value})
	}
	return sts.Token{}, usage(fmt.Sprintf("There is no token of class %d.", o.class), "Classes are 0, 1 and 2.")
}

func (o *encodeOptions) takeTID(base sts.BaseDate) (sts.TID, error) {
	if o.set("tid") {
		return sts.TID(o.tid), nil
	}
	at := time.Now()
	if o.issuedAt != "" {
		var err error
		if at, err = time.Parse(time.RFC3339, o.issuedAt); err != nil {
			return 0, usage("--issued-at "+o.issuedAt+" is not a time.", "Write it such as 2026-11-20T08:00:00Z.")
		}
	}
	return base.TIDAt(at)
}

func (o *encodeOptions) random() (uint8, error) {
	if o.set("rnd") {
		if o.rnd < 0 {
			return 0, usage("--rnd is below 0.", "Give 0 to 15.")
		}
		return uint8(o.rnd), nil
	}
	var b [1]byte
	if _, err := rand.Read(b[:]); err != nil {
		return 0, fmt.Errorf("read randomness: %w", err)
	}
	return b[0] & 15, nil
}

// scaled reads a decimal number exactly, as a whole number of its smallest decimal.
func scaled(s string, decimals int) (*big.Int, bool) {
	whole, fraction, _ := strings.Cut(s, ".")
	if s == "" || len(fraction) > decimals || strings.ContainsAny(fraction, "+-_") || strings.Contains(whole, "_") {
		return nil, false
	}
	return new(big.Int).SetString(whole+fraction+strings.Repeat("0", decimals-len(fraction)), 10)
}
