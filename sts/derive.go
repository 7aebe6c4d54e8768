package sts

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
)

// Attributes are the inputs, besides the vending key, from which a meter's key is derived. The meter's record holds all
// of them; changing one requires a key change. The names come from IEC 62055-41; CTSA01 and CTSA19 prove how they enter
// the derivation.
type Attributes struct {
	SGC      string   // supply group code, 6 digits
	KRN      uint8    // key revision number, 1 to 9
	KT       KeyType  // type of the key to derive
	TI       string   // tariff index, 2 digits; not a tariff of a vending system
	EA       EA       // encryption algorithm of the meter
	DKGA     DKGA     // derivation algorithm of the vending key
	BaseDate BaseDate // of the vending key
	PAN      PAN      // the meter
}

// DeriveKey returns the decoder key of a meter (CTSA01). The vending key must have 8 bytes for DKGA02 and 20 bytes for
// DKGA04. DKGA02 is single DES. It makes keys only for EA07 and uses neither the base date nor EA. DKGA04 is
// HMAC-SHA-256 in the form of NIST SP 800-108. The errors are [ErrField] with the name of the field, [ErrKey], and
// [ErrUnsupported], also for a key type that the algorithm does not make.
func DeriveKey(vk VendingKey, a Attributes) (Key, error) {
	if err := a.check(); err != nil {
		return Key{}, err
	}
	if n := len(vk.raw()); n != a.DKGA.KeySize() {
		return Key{}, fmt.Errorf("sts: vending key for DKGA%s has %d bytes, want %d: %w", a.DKGA, n, a.DKGA.KeySize(), ErrKey)
	}
	var secret, k [sha256.Size]byte
	n := copy(secret[:], vk.raw())
	if a.DKGA == DKGA02 {
		binary.BigEndian.PutUint64(k[:], derive02(binary.BigEndian.Uint64(secret[:]), &a))
	} else {
		k = derive04(secret[:n], &a)
	}
	return NewKey(a.EA, k[:a.EA.KeySize()])
}

func (a *Attributes) check() error {
	switch {
	case a.DKGA.KeySize() == 0:
		return fmt.Errorf("sts: key derivation %s: %w", a.DKGA, ErrUnsupported)
	case a.EA.KeySize() == 0:
		return fmt.Errorf("sts: encryption algorithm %s: %w", a.EA, ErrUnsupported)
	case a.DKGA == DKGA02 && a.EA != EA07:
		return fmt.Errorf("sts: DKGA02 makes no keys for EA%s: %w", a.EA, ErrUnsupported)
	case a.DKGA == DKGA04 && !a.BaseDate.Valid():
		return fmt.Errorf("sts: base date %s: %w", a.BaseDate, ErrField)
	case a.KT == DCTK && !a.DKGA.Makes(a.KT):
		return fmt.Errorf("sts: common keys (KT 3) with DKGA04: %w", ErrUnsupported)
	case !isDigits(a.SGC, 6):
		return fmt.Errorf("sts: SGC %q, want 6 digits: %w", a.SGC, ErrField)
	case !isDigits(a.TI, 2):
		return fmt.Errorf("sts: TI %q, want 2 digits: %w", a.TI, ErrField)
	case a.KRN < 1 || a.KRN > 9:
		return fmt.Errorf("sts: KRN %d, want 1 to 9: %w", a.KRN, ErrField)
	case a.KT > DCTK:
		return fmt.Errorf("sts: KT %d, want 0 to 3: %w", uint8(a.KT), ErrField)
	case a.PAN == PAN{}:
		return fmt.Errorf("sts: no meter number: %w", ErrField)
	}
	return nil
}

func isDigits(s string, n int) bool {
	if len(s) != n {
		return false
	}
	for i := range n {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return true
}

// derive02 is DKGA02: DES(VK, X) xor X xor VK with X = PAN block xor control block. The last xor uses VK as given,
// without adjusting its parity bits.
func derive02(vk uint64, a *Attributes) uint64 {
	x := panBlock(a) ^ controlBlock(a)
	return desEncrypt(vk, x) ^ x ^ vk
}

// panBlock returns the last 16 of the 17 digits of issuer and meter number, as BCD. For a common key the meter number
// is all zeros.
func panBlock(a *Attributes) uint64 {
	body := a.PAN.digits[:panDigits-1]
	b := bcd(0, body[1:])
	if a.KT == DCTK {
		b = bcd(0, body[1:len(body)-a.PAN.numberSize()]) << (4 * a.PAN.numberSize())
	}
	return b
}

// controlBlock returns KT, SGC, TI and KRN as BCD, padded with F.
func controlBlock(a *Attributes) uint64 {
	b := bcdString(uint64(a.KT), a.SGC)
	b = bcdString(b, a.TI)
	return (b<<4|uint64(a.KRN))<<24 | 0xffffff
}

func bcd(b uint64, digits []byte) uint64 {
	for _, c := range digits {
		b = b<<4 | uint64(c-'0')
	}
	return b
}

func bcdString(b uint64, digits string) uint64 {
	for i := range len(digits) {
		b = b<<4 | uint64(digits[i]-'0')
	}
	return b
}

// message04Size is the length of the message of DKGA04.
const message04Size = 49

// derive04 is DKGA04: HMAC-SHA-256 over one message (the form of NIST SP 800-108; one block suffices).
func derive04(vk []byte, a *Attributes) [sha256.Size]byte {
	m := message04(a)
	return hmacSHA256(vk, m[:])
}

// message04 returns the message for a meter. It has two groups of four attributes: DKGA, base date, EA and TI, then SGC,
// KT, KRN and PAN. Each group begins with the byte 4, and a zero byte separates the groups. Each attribute is prefixed by
// its length. The length of the key in bits comes last.
func message04(a *Attributes) (m [message04Size]byte) {
	b := append(m[:0], 4, 2, '0', '4', 2, byte('0'+a.BaseDate/10%10), byte('0'+a.BaseDate%10))
	b = append(b, 2, byte('0'+a.EA/10), byte('0'+a.EA%10))
	b = append(append(b, 2), a.TI...)
	b = append(b, 0, 4)
	b = append(append(b, 6), a.SGC...)
	b = append(b, 1, byte('0'+a.KT), 1, '0'+a.KRN)
	b = append(append(b, panDigits), a.PAN.digits[:]...)
	binary.BigEndian.PutUint32(m[len(b):], uint32(8*a.EA.KeySize()))
	return m
}

// hmacSHA256 is RFC 2104 for a vending key and a message no longer than the message of DKGA04. It replaces
// crypto/hmac, which allocates its two states: every sale and every simulated meter derives a key.
func hmacSHA256(key, message []byte) [sha256.Size]byte {
	var inner [sha256.BlockSize + message04Size]byte
	var outer [sha256.BlockSize + sha256.Size]byte
	copy(inner[:], key)
	copy(outer[:], key)
	for i := range sha256.BlockSize {
		inner[i] ^= 0x36
		outer[i] ^= 0x5c
	}
	n := copy(inner[sha256.BlockSize:], message)
	sum := sha256.Sum256(inner[:sha256.BlockSize+n])
	copy(outer[sha256.BlockSize:], sum[:])
	return sha256.Sum256(outer[:])
}
