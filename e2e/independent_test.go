package e2e

import (
	"crypto/des"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math/big"
	"math/bits"
	"strings"
	"testing"
)

// This file independently implements the published facts about STS tokens: bit by bit, slowly, without package sts. The two share no code,
// so a mistake in one of them shows as a difference.

// facts is the content of a credit token.
type facts struct {
	class, subclass, rnd int
	tid                  uint32
	tenths               int64
	crcOK                bool
}

// decoderKey02 derives a meter's key by DKGA02 from the vending key, for issuer 600727 and an 11-digit number.
func decoderKey02(t testing.TB, vendingKey, number, sgc, ti string, krn, kt int) uint64 {
	t.Helper()
	vk, err := hex.DecodeString(vendingKey)
	if err != nil {
		t.Fatal(err)
	}
	// DKGA02 uses the last 16 of the 17 digits of issuer and meter number, so the first digit of 600727 is dropped.
	pan, err := hex.DecodeString(("600727" + number)[1:])
	if err != nil {
		t.Fatal(err)
	}
	control, err := hex.DecodeString(fmt.Sprintf("%d%s%s%dffffff", kt, sgc, ti, krn))
	if err != nil {
		t.Fatal(err)
	}
	cipher, err := des.NewCipher(vk)
	if err != nil {
		t.Fatal(err)
	}
	x, out := make([]byte, 8), make([]byte, 8)
	for i := range x {
		x[i] = pan[i] ^ control[i]
	}
	cipher.Encrypt(out, x)
	for i := range out {
		out[i] ^= x[i] ^ vk[i]
	}
	return binary.BigEndian.Uint64(out)
}

func staTables() (s1, s2 [16]uint64, perm [64]int) {
	for i, c := range "ea79c325d0f1486b" {
		s1[i] = uint64(strings.IndexRune("0123456789abcdef", c))
	}
	for i, c := range "c82d7613b59f04ae" {
		s2[i] = uint64(strings.IndexRune("0123456789abcdef", c))
	}
	perm = [64]int{55, 42, 10, 18, 24, 21, 44, 35, 2, 22, 56, 43, 27, 58, 9, 50, 6, 36, 12, 61, 37, 38, 53, 16, 62, 3, 7, 4, 32, 20, 63, 25,
		51, 52, 54, 33, 49, 19, 46, 29, 48, 31, 23, 30, 41, 28, 13, 5, 40, 60, 39, 11, 15, 17, 1, 0, 57, 34, 59, 8, 47, 14, 45, 26}
	return s1, s2, perm
}

func inverse(s [16]uint64) (inv [16]uint64) {
	for i, v := range s {
		inv[v] = uint64(i)
	}
	return inv
}

// staDecrypt undoes the cipher of EA07.
func staDecrypt(key, block uint64) uint64 {
	s1, s2, perm := staTables()
	i1, i2 := inverse(s1), inverse(s2)
	k := key
	for range 16 {
		var moved uint64
		for i, p := range perm {
			moved |= block >> p & 1 << i
		}
		block = 0
		for n := range 16 {
			box := i2
			if k>>(4*n)&1 == 1 {
				box = i1
			}
			block |= box[moved>>(4*n)&15] << (4 * n)
		}
		k = bits.RotateLeft64(k, -1)
	}
	return block
}

// readToken opens 20 digits with a decoder key.
func readToken(t testing.TB, key uint64, digits string) facts {
	t.Helper()
	n, ok := new(big.Int).SetString(digits, 10)
	if !ok || len(digits) != 20 || n.BitLen() > 66 {
		t.Fatalf("%q is no token", digits)
	}
	low := new(big.Int).And(n, new(big.Int).SetUint64(^uint64(0))).Uint64()
	high := new(big.Int).Rsh(n, 64).Uint64()
	class := int(low >> 27 & 3)
	low = low&^(3<<27) | high<<27
	block := staDecrypt(key, low)
	input := []byte{byte(class)}
	for shift := 56; shift >= 16; shift -= 8 {
		input = append(input, byte(block>>shift))
	}
	reg := uint16(0xffff)
	for _, b := range input {
		reg ^= uint16(b)
		for range 8 {
			if reg&1 == 1 {
				reg = reg>>1 ^ 0xa001
			} else {
				reg >>= 1
			}
		}
	}
	amount := block >> 16 & 0xffff
	tenths, scale := int64(0), int64(1)
	for range amount >> 14 {
		tenths += 16384 * scale
		scale *= 10
	}
	return facts{class: class, subclass: int(block >> 60), rnd: int(block >> 56 & 15), tid: uint32(block >> 32 & 0xffffff),
		tenths: tenths + scale*int64(amount&0x3fff), crcOK: reg<<8|reg>>8 == uint16(block)}
}

func TestIndependentReadingAgreesWithThePublishedExample(t *testing.T) {
	t.Parallel()
	// STS 531-1 CTSA01 step 1: meter 00000000000, 2004-03-01 13:55, 0.1 kWh.
	key := decoderKey02(t, "abababababababab", "00000000000", "123456", "01", 1, 2)
	if key != 0xe653341f9d5bf36f {
		t.Fatalf("key = %016x, want e653341f9d5bf36f", key)
	}
	got := readToken(t, key, "23716100501183194197")
	if want := (facts{0, 0, 5, 5871715, 1, true}); got != want {
		t.Errorf("token says %+v, want %+v", got, want)
	}
}
