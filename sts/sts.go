// Package sts makes and reads the 20-digit tokens of the Standard Transfer Specification (IEC 62055-41), by which a
// prepayment meter without any connection is given credit and instructions. It depends on the standard library only
// and touches no clock, file or network.
//
// # Where to start
//
// Vending: [NewVendingKey], [ParseNumber] and [DeriveKey] give the [Key] of a meter; [BaseDate.Next] gives the [TID]
// of the next token; [EncodeTenths] codes the amount; [EncodeCredit] makes the [Token], and [Token.Reveal] its
// digits. Metering: [ParseToken], [Open], then the rules of the meter with [TIDStore] and [TID.Expired].
//
// Credit in currency ([EncodeCurrencyCredit]), management ([EncodeManagement]), key changes ([EncodeKeyChange],
// [OpenSection], [KeySections]) and test tokens ([EncodeTest]) work alike.
//
// # What to avoid
//
// Never make two tokens of one key with the same TID, and never make a token again to print it again: keep the
// digits. Store the newest TID with the sale, in the same transaction. Do not let a meter return to an earlier key:
// replayed key changes are stopped by nothing else. Do not put amounts through floating point on the way here: an
// amount without a code is rounded up, so one bit too much costs a step.
//
// Keys and tokens are secrets and have no printable form; only functions whose names begin with Reveal, and
// AppendReveal, give them away. A 16-bit check field is all that authenticates a token, so a meter must slow down
// guessing, and a vending system must log what it makes. Timing is not constant: the ciphers use tables.
//
// # What is left out
//
// EA09, DKGA01 and DKGA03 are withdrawn, and no vector of theirs was ever published; they give [ErrUnsupported], as
// does DKGA04 with a common key, for which no source says how the meter number enters. Sub-classes reserved by the
// standard or left to manufacturers give [FunctionError]. Magnetic cards and the protocols of security modules are
// not here.
//
// # What certification needs
//
// This package agrees with the published tests of STS 531-1 for EA07 with DKGA02 and DKGA04 and EA11 with DKGA04
// (testdata/vectors.json). That is not a certificate. Production vending uses keys from the STS Association's key
// management centre inside a certified security module, and the product is tested by the Association; outside that
// world only test keys exist, and meters hold others. Tariff indices above 09 in key changes and manufacturer codes
// above 09 in test tokens are binary here; no published token shows whether BCD is meant.
package sts

import (
	"errors"
	"fmt"
)

var (
	// ErrUnsupported reports an algorithm that this package leaves out because it is withdrawn and no published vector
	// shows how it works: EA09, DKGA01, DKGA03.
	ErrUnsupported = errors.New("unsupported")
	// ErrKey reports a key of a wrong length, or none.
	ErrKey = errors.New("wrong key length")
	// ErrField reports a field that does not fit its place on a token or in a key.
	ErrField = errors.New("field out of its range")
)

// EA is the encryption algorithm of a meter.
type EA uint8

// The encryption algorithms, under their two-digit codes.
const (
	EA07 EA = 7  // STA, 64-bit keys
	EA11 EA = 11 // MISTY1, 128-bit keys
)

// ParseEA reads "07" or "11". A withdrawn or unknown algorithm gives [ErrUnsupported].
func ParseEA(s string) (EA, error) {
	switch s {
	case "07", "7":
		return EA07, nil
	case "11":
		return EA11, nil
	case "09", "9":
		return 0, fmt.Errorf("sts: encryption algorithm 09 (DEA, withdrawn in 2018): %w", ErrUnsupported)
	}
	return 0, fmt.Errorf("sts: encryption algorithm %q: %w", s, ErrUnsupported)
}

// String returns the two-digit code.
func (e EA) String() string { return fmt.Sprintf("%02d", uint8(e)) }

// KeySize returns the bytes of a decoder key of this algorithm, 0 for an unsupported one.
func (e EA) KeySize() int {
	switch e {
	case EA07:
		return 8
	case EA11:
		return 16
	}
	return 0
}

// DKGA is the algorithm that derives a meter's key from a vending key.
type DKGA uint8

// The derivation algorithms, under their two-digit codes.
const (
	DKGA02 DKGA = 2 // DES, vending keys of 8 bytes
	DKGA04 DKGA = 4 // HMAC-SHA-256, vending keys of 20 bytes
)

// ParseDKGA reads "02" or "04". A withdrawn or unknown algorithm gives [ErrUnsupported].
func ParseDKGA(s string) (DKGA, error) {
	switch s {
	case "02", "2":
		return DKGA02, nil
	case "04", "4":
		return DKGA04, nil
	case "01", "1":
		return 0, fmt.Errorf("sts: key derivation 01 (obsolete): %w", ErrUnsupported)
	case "03", "3":
		return 0, fmt.Errorf("sts: key derivation 03 (withdrawn in 2018): %w", ErrUnsupported)
	}
	return 0, fmt.Errorf("sts: key derivation %q: %w", s, ErrUnsupported)
}

// String returns the two-digit code.
func (d DKGA) String() string { return fmt.Sprintf("%02d", uint8(d)) }

// KeySize returns the bytes of a vending key of this algorithm, 0 for an unsupported one.
func (d DKGA) KeySize() int {
	switch d {
	case DKGA02:
		return 8
	case DKGA04:
		return 20
	}
	return 0
}

// KeyType says what a key is for.
type KeyType uint8

// The key types.
const (
	DITK KeyType = iota // initialisation: the manufacturer's; nothing is vended with it
	DDTK                // default: management tokens only, credit is refused
	DUTK                // unique: the ordinary key of a meter
	DCTK                // common: shared by meters of a group, for magnetic cards
)

// String returns the abbreviation of the standard.
func (k KeyType) String() string {
	if k > DCTK {
		return fmt.Sprintf("KT%d", uint8(k))
	}
	return [...]string{"DITK", "DDTK", "DUTK", "DCTK"}[k]
}

// MayBecome reports whether a key change from a key of type k to one of type next is allowed.
func (k KeyType) MayBecome(next KeyType) bool {
	if k > DCTK || next > DCTK || next == DITK {
		return false
	}
	return k != DUTK || next != DCTK
}
