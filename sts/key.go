package sts

import (
	"crypto/subtle"
	"encoding/binary"
	"fmt"
	"io"
	"log/slog"
)

const (
	maskedKey        = "sts.Key(masked)"
	maskedVendingKey = "sts.VendingKey(masked)"
)

// Key is a decoder key: the secret of one meter, 8 bytes for EA07 and 16 for EA11 (CTSA01). It holds the expanded key
// schedule, so it is ready for use. Formatting, encoding or logging it gives a mask; only the methods named Reveal
// expose it. (The fmt package cannot call the methods of an unexported field, so a struct with a Key in such a field
// must mask itself too.) Compare with [Key.Equal]. The zero Key is not a key: it can neither make nor open tokens.
type Key struct {
	ea    EA
	bytes [16]byte   // in the standard's order, EA07 in the first 8
	sta   uint64     // EA07: the key as a number
	misty [16]uint16 // EA11: the words K and then K' of RFC 2994
}

// NewKey returns the key of these bytes in the standard's order (first byte = bits 63..56): 8 for EA07, 16 for EA11
// (CTSA01). The errors are [ErrUnsupported] and [ErrKey].
func NewKey(ea EA, b []byte) (Key, error) {
	k := Key{ea: ea}
	switch {
	case ea.KeySize() == 0:
		return Key{}, fmt.Errorf("sts: encryption algorithm %s: %w", ea, ErrUnsupported)
	case len(b) != ea.KeySize():
		return Key{}, fmt.Errorf("sts: decoder key for EA%s has %d bytes, want %d: %w", ea, len(b), ea.KeySize(), ErrKey)
	}
	copy(k.bytes[:], b)
	if ea == EA07 {
		k.sta = binary.BigEndian.Uint64(b)
	} else {
		mistySchedule(&k.misty, b)
	}
	return k, nil
}

// EA returns the algorithm the key is for; 0 for the zero Key.
func (k Key) EA() EA { return k.ea }

// Equal reports whether k and other are the same key of the same algorithm, in constant time.
func (k Key) Equal(other Key) bool {
	return k.ea == other.ea && subtle.ConstantTimeCompare(k.bytes[:], other.bytes[:]) == 1
}

// Reveal returns the bytes of the key in the standard's order; no bytes for the zero Key.
func (k Key) Reveal() []byte {
	b := make([]byte, k.ea.KeySize())
	copy(b, k.bytes[:])
	return b
}

// RevealSubkeys returns the 16 bytes K' that EA11 derives from the key, as RFC 2994 prints them, for conformance tests.
// It returns nil for EA07, whose round keys are rotations of the key.
func (k Key) RevealSubkeys() []byte {
	if k.ea != EA11 {
		return nil
	}
	var b []byte
	for _, word := range k.misty[8:] {
		b = binary.BigEndian.AppendUint16(b, word)
	}
	return b
}

// Encrypt encrypts one block of 64 bits (EA11: RFC 2994). It is the bare cipher, for conformance tests and formats
// other than tokens. With the zero Key it panics.
func (k Key) Encrypt(block uint64) uint64 { return k.encrypt(block) }

// Decrypt is the inverse of [Key.Encrypt].
func (k Key) Decrypt(block uint64) uint64 { return k.decrypt(block) }

func (k *Key) encrypt(block uint64) uint64 {
	switch k.ea {
	case EA07:
		return staEncrypt(k.sta, block)
	case EA11:
		return mistyEncrypt(&k.misty, block)
	}
	panic("sts: no key")
}

func (k *Key) decrypt(block uint64) uint64 {
	switch k.ea {
	case EA07:
		return staDecrypt(k.sta, block)
	case EA11:
		return mistyDecrypt(&k.misty, block)
	}
	panic("sts: no key")
}

// String returns a mask.
func (k Key) String() string { return maskedKey }

// GoString returns a mask.
func (k Key) GoString() string { return maskedKey }

// Format writes a mask, whatever the verb.
func (k Key) Format(f fmt.State, _ rune) { writeMask(f, maskedKey) }

// MarshalText returns a mask.
func (k Key) MarshalText() ([]byte, error) { return []byte(maskedKey), nil }

// MarshalJSON returns a mask.
func (k Key) MarshalJSON() ([]byte, error) { return []byte(`"` + maskedKey + `"`), nil }

// LogValue returns a mask.
func (k Key) LogValue() slog.Value { return slog.StringValue(maskedKey) }

// VendingKey is the secret of a supply group, from which the keys of all its meters are derived: 8 bytes for DKGA02, 20
// for DKGA04 (CTSA01). It prints as a mask too; only [VendingKey.Reveal] exposes it. The zero VendingKey is not a key.
type VendingKey struct {
	// A pointer to a string, because fmt prints that as an address with every verb, even where an unexported field
	// hides the methods.
	material *string
}

// NewVendingKey returns the vending key of these bytes: 8 for DKGA02, 20 for DKGA04 (CTSA01). Parity bits are not
// adjusted. The error is [ErrKey].
func NewVendingKey(b []byte) (VendingKey, error) {
	if len(b) != DKGA02.KeySize() && len(b) != DKGA04.KeySize() {
		return VendingKey{}, fmt.Errorf("sts: vending key has %d bytes, want 8 (DKGA02) or 20 (DKGA04): %w", len(b), ErrKey)
	}
	material := string(b)
	return VendingKey{material: &material}, nil
}

// Equal reports whether v and other are the same key, in constant time.
func (v VendingKey) Equal(other VendingKey) bool {
	return subtle.ConstantTimeCompare(v.Reveal(), other.Reveal()) == 1
}

// Reveal returns the bytes of the key. No other method does.
func (v VendingKey) Reveal() []byte { return []byte(v.raw()) }

func (v VendingKey) raw() string {
	if v.material == nil {
		return ""
	}
	return *v.material
}

// String returns a mask.
func (v VendingKey) String() string { return maskedVendingKey }

// GoString returns a mask.
func (v VendingKey) GoString() string { return maskedVendingKey }

// Format writes a mask, whatever the verb.
func (v VendingKey) Format(f fmt.State, _ rune) { writeMask(f, maskedVendingKey) }

// MarshalText returns a mask.
func (v VendingKey) MarshalText() ([]byte, error) { return []byte(maskedVendingKey), nil }

// MarshalJSON returns a mask.
func (v VendingKey) MarshalJSON() ([]byte, error) { return []byte(`"` + maskedVendingKey + `"`), nil }

// LogValue returns a mask.
func (v VendingKey) LogValue() slog.Value { return slog.StringValue(maskedVendingKey) }

// writeMask drops the error because fmt.State reports no errors that a formatter could act on.
func writeMask(w io.Writer, mask string) { _, _ = io.WriteString(w, mask) }
