package main

import (
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/paywatt/paywatt/internal/exit"
	"github.com/paywatt/paywatt/internal/keystore"
	"github.com/paywatt/paywatt/internal/tokenlab"
	"github.com/paywatt/paywatt/sts"
)

// keyOptions are the options that name a meter's key: the key itself, or a vending key and the attributes from which it derives the meter's
// key.
type keyOptions struct {
	key, ea           string
	vendingFile, dkga string
	number, sgc, ti   string
	krn, kt           uint8
	baseDate          string
}

func (o *keyOptions) flags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&o.key, "key", "", "decoder key of the meter, in hex; other users of this machine can see it, so prefer a key file")
	o.ea, o.baseDate = "07", sts.Base2014.String()
	wordFlag(f, &o.ea, "ea", "encryption algorithm: 07 or 11", []string{"07", "11"})
	f.StringVar(&o.vendingFile, "vending-key-file", "", "file with the vending key in one line of hex digits; - for standard input")
	wordFlag(f, &o.dkga, "dkga", "key derivation algorithm: 02 or 04", []string{"02", "04"})
	f.StringVar(&o.number, "number", "", "meter number, 11 or 13 digits")
	f.StringVar(&o.sgc, "sgc", "", "supply group code, 6 digits")
	f.Uint8Var(&o.krn, "krn", 0, "key revision number, 1 to 9")
	f.Uint8Var(&o.kt, "kt", uint8(sts.DUTK), "key type, 0 to 3")
	f.StringVar(&o.ti, "ti", "", "tariff index, 2 digits")
	wordFlag(f, &o.baseDate, "base-date", "base date: 1993, 2014 or 2035", baseDates())
}

// baseDates are the base dates of the standard.
func baseDates() []string {
	return []string{sts.Base1993.String(), sts.Base2014.String(), sts.Base2035.String()}
}

// given reports whether an option names a key.
func (o *keyOptions) given() bool { return o.key != "" || o.vendingFile != "" }

// load reads or derives the key.
func (o *keyOptions) load(c console) (tokenlab.Key, error) {
	base, err := sts.ParseBaseDate(o.baseDate)
	if err != nil {
		return tokenlab.Key{}, usage("--base-date "+o.baseDate+" is not a base date.", "Give 1993, 2014 or 2035.")
	}
	ea, err := sts.ParseEA(o.ea)
	if err != nil {
		return tokenlab.Key{}, algorithmFailure(err)
	}
	switch {
	case o.key != "" && o.vendingFile != "":
		return tokenlab.Key{}, usage("Both --key and --vending-key-file are given.", "Give one of them.")
	case o.key != "":
		b, err := unhexKey(o.key)
		if err != nil {
			return tokenlab.Key{}, usage("--key is not hex digits.", "Give 16 hex digits for EA07, 32 for EA11.")
		}
		k, err := sts.NewKey(ea, b)
		if err != nil {
			return tokenlab.Key{}, usage(fmt.Sprintf("--key has %d hex digits, but EA%s needs %d.", 2*len(b), ea, 2*ea.KeySize()), "Give 16 hex digits for EA07, 32 for EA11.")
		}
		return tokenlab.Key{Key: k, BaseDate: base}, nil
	case o.vendingFile != "":
		return o.derive(c, ea, base)
	}
	return tokenlab.Key{}, usage("No key is given.",
		"Add --key HEX --ea 07, or --vending-key-file F --dkga 02 --number N --sgc N --krn N --kt N --ti N --base-date Y.")
}

func (o *keyOptions) derive(c console, ea sts.EA, base sts.BaseDate) (tokenlab.Key, error) {
	for _, need := range []struct{ name, value string }{
		{"--dkga", o.dkga}, {"--number", o.number}, {"--sgc", o.sgc}, {"--ti", o.ti},
	} {
		if need.value == "" {
			return tokenlab.Key{}, usage(need.name+" is missing.", "Add it. A key is derived with --dkga, --number, --sgc, --krn and --ti.")
		}
	}
	dkga, err := sts.ParseDKGA(o.dkga)
	if err != nil {
		return tokenlab.Key{}, algorithmFailure(err)
	}
	pan, err := sts.ParseNumber(o.number)
	if errors.Is(err, sts.ErrLuhn) {
		return tokenlab.Key{}, usage("The check digit of meter number "+o.number+" is wrong.", "Compare the number with the one on the meter.")
	}
	if err != nil {
		return tokenlab.Key{}, usage("Meter number "+o.number+" does not have 11 or 13 digits.", "Copy it from the meter.")
	}
	vk, err := readVendingKey(c, o.vendingFile)
	if err != nil {
		return tokenlab.Key{}, err
	}
	a := sts.Attributes{SGC: o.sgc, KRN: o.krn, KT: sts.KeyType(o.kt), TI: o.ti, EA: ea, DKGA: dkga, BaseDate: base, PAN: pan}
	k, err := sts.DeriveKey(vk, a)
	if errors.Is(err, sts.ErrUnsupported) {
		return tokenlab.Key{}, algorithmFailure(err)
	}
	if err != nil {
		return tokenlab.Key{}, usage(sentence(err)+".", "Correct the key options.")
	}
	return tokenlab.Key{Key: k, BaseDate: base, Attributes: a, Derived: true}, nil
}

// readVendingKey reads a key file: one line of hex, blanks ignored; "-" is standard input. No error message shows the file's
// content.
func readVendingKey(c console, name string) (sts.VendingKey, error) {
	r, what := c.in, "The vending key on standard input"
	if name != "-" {
		what = "The vending key in " + name
		f, err := os.Open(name)
		if errors.Is(err, fs.ErrNotExist) {
			return sts.VendingKey{}, &exit.Failure{Code: exit.NotFound, What: "Key file " + name + " was not found.", Not: "No key was read.", Try: "Check the path."}
		}
		if err != nil {
			return sts.VendingKey{}, &exit.Failure{Code: exit.Failed, What: "The key file cannot be read: " + err.Error() + ".", Not: "No key was read.", Try: "Check who may read it."}
		}
		defer f.Close()
		r = f
	}
	vk, err := keystore.ReadVendingKey(r)
	switch {
	case errors.Is(err, keystore.ErrKeyFile):
		return sts.VendingKey{}, usage(what+" is not one line of hex digits of a key ("+err.Error()+").", "Write the key as one line of 16 or 40 hex digits. Blanks do not count.")
	case err != nil:
		return sts.VendingKey{}, &exit.Failure{Code: exit.Failed, What: what + " cannot be read: " + err.Error() + ".", Not: "No key was read.", Try: "Check who may read it."}
	}
	return vk, nil
}

// unhexKey ignores blanks. It drops the decoder's error, which would quote a character of the key.
func unhexKey(s string) ([]byte, error) {
	b, err := hex.DecodeString(strings.Join(strings.Fields(s), ""))
	if err != nil {
		return nil, errors.New("not hex")
	}
	return b, nil
}

func algorithmFailure(err error) *exit.Failure {
	return &exit.Failure{Code: exit.Refused, What: sentence(err) + ".", Not: notRun, Try: "Use EA 07 or 11, and DKGA 02 or 04."}
}

// sentence turns an error of package sts into a sentence.
func sentence(err error) string {
	s := strings.TrimPrefix(err.Error(), "sts: ")
	return strings.ToUpper(s[:1]) + s[1:]
}
