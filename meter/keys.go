package meter

import (
	"fmt"
	"io"

	"github.com/paywatt/paywatt/sts"
)

// KeyFacts are what may be known of a meter's key: they decide about tokens and are part of State.
type KeyFacts struct {
	// Base is the date from which TIDs count.
	Base sts.BaseDate
	// Type is the key's type; credit is refused under a default key.
	Type sts.KeyType
	// KEN is the key's expiry number, 255 for never.
	KEN uint8
}

// KeyInfo is all that may be known of a key. A meter that was given a bare key does not know where it came from.
type KeyInfo struct {
	KeyFacts
	// Named says that SGC, KRN and TI are known.
	Named bool
	// SGC is the supply group code, KRN the key revision, TI the tariff index.
	SGC     uint32
	KRN, TI uint8
}

// Keys holds the secret that opens tokens. It stands apart from State and has a memory record of its own, so that
// states, events and recorded histories never contain key material. It has no printable form. The pending sections of a
// key change will be kept here too.
type Keys struct {
	current sts.Key
	info    KeyInfo
}

// NewKeys returns the keys of a meter that holds this decoder key.
func NewKeys(current sts.Key, info KeyInfo) Keys { return Keys{current: current, info: info} }

// Open reads the digits of a token, as typed or received: blanks and dashes do not count. It says what the token holds,
// not whether the meter accepts it: that is Step's answer to EventToken.
func (k *Keys) Open(digits string) sts.Opened {
	t, result := sts.ParseToken(digits)
	if result != sts.Accept {
		return sts.Opened{Result: result}
	}
	return sts.Open(k.current, t)
}

// Info returns what may be known of the key; its KeyFacts are for [New].
func (k *Keys) Info() KeyInfo { return k.info }

// Reveal returns the decoder key, for the memory record. It is the only door.
func (k *Keys) Reveal() sts.Key { return k.current }

const maskedKeys = "meter.Keys(masked)"

// String returns a mask.
func (k Keys) String() string { return maskedKeys }

// GoString returns a mask.
func (k Keys) GoString() string { return maskedKeys }

// Format writes a mask, whatever the verb.
func (k Keys) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, maskedKeys) }

// MarshalText returns a mask.
func (k Keys) MarshalText() ([]byte, error) { return []byte(maskedKeys), nil }

// MarshalJSON returns a mask.
func (k Keys) MarshalJSON() ([]byte, error) { return []byte(`"` + maskedKeys + `"`), nil }
