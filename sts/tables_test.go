package sts

import (
	"crypto/des"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"math/rand/v2"
	"testing"

	"github.com/paywatt/paywatt/internal/tier"
)

// The tables are literals; these tests compute them again from the tables that the standards print.

// The two substitutions and the permutation of EA07.
var (
	staS1 = [16]uint64{0xe, 0xa, 0x7, 0x9, 0xc, 0x3, 0x2, 0x5, 0xd, 0x0, 0xf, 0x1, 0x4, 0x8, 0x6, 0xb}
	staS2 = [16]uint64{0xc, 0x8, 0x2, 0xd, 0x7, 0x6, 0x1, 0x3, 0xb, 0x5, 0x9, 0xf, 0x0, 0x4, 0xa, 0xe}
	staP  = [64]int{
		55, 42, 10, 18, 24, 21, 44, 35, 2, 22, 56, 43, 27, 58, 9, 50,
		6, 36, 12, 61, 37, 38, 53, 16, 62, 3, 7, 4, 32, 20, 63, 25,
		51, 52, 54, 33, 49, 19, 46, 29, 48, 31, 23, 30, 41, 28, 13, 5,
		40, 60, 39, 11, 15, 17, 1, 0, 57, 34, 59, 8, 47, 14, 45, 26,
	}
)

func TestStaTablesFollowFromTheStandard(t *testing.T) {
	permute := func(x uint64) (to, from uint64) {
		for i, p := range staP {
			to |= x >> i & 1 << p
			from |= x >> p & 1 << i
		}
		return to, from
	}
	inverse := func(s [16]uint64) (out [16]uint64) {
		for i, v := range s {
			out[v] = uint64(i)
		}
		return out
	}
	// In encryption key bit 0 selects S1; in decryption key bit 1 selects the inverse of S1.
	forward, back := [2][16]uint64{staS1, staS2}, [2][16]uint64{inverse(staS2), inverse(staS1)}
	for n := range 16 {
		for bit := range 2 {
			for x := range 16 {
				i := bit<<4 | x
				if want, _ := permute(forward[bit][x] << (4 * n)); staSubstitutePermute[n][i] != want {
					t.Errorf("staSubstitutePermute[%d][%d] = %016x, want %016x", n, i, staSubstitutePermute[n][i], want)
				}
				if _, want := permute(back[bit][x] << (4 * n)); staInverse[n][i] != want {
					t.Errorf("staInverse[%d][%d] = %016x, want %016x", n, i, staInverse[n][i], want)
				}
				if _, want := permute(uint64(x) << (4 * n)); staInversePermute[n][x] != want {
					t.Errorf("staInversePermute[%d][%d] = %016x, want %016x", n, x, staInversePermute[n][x], want)
				}
				if staInverseSubstitute[i] != back[bit][x] {
					t.Errorf("staInverseSubstitute[%d] = %d, want %d", i, staInverseSubstitute[i], back[bit][x])
				}
			}
		}
	}
}

func TestCRCTableFollowsFromThePolynomial(t *testing.T) {
	for i := range crcTable {
		reg := uint16(i)
		for range 8 {
			if reg&1 == 1 {
				reg = reg>>1 ^ 0xA001
			} else {
				reg >>= 1
			}
		}
		if crcTable[i] != reg {
			t.Errorf("crcTable[%d] = %04x, want %04x", i, crcTable[i], reg)
		}
	}
}

func TestOwnDESAgreesWithTheStandardLibrary(t *testing.T) {
	rnd := rand.New(rand.NewPCG(tier.Seed(t), 2))
	for range tier.CipherBlocks.N() {
		key, block := rnd.Uint64(), rnd.Uint64()
		c, err := des.NewCipher(binary.BigEndian.AppendUint64(nil, key))
		if err != nil {
			t.Fatal(err)
		}
		var out [8]byte
		c.Encrypt(out[:], binary.BigEndian.AppendUint64(nil, block))
		if got, want := desEncrypt(key, block), binary.BigEndian.Uint64(out[:]); got != want {
			t.Fatalf("desEncrypt(%016x, %016x) = %016x, want %016x", key, block, got, want)
		}
	}
}

func TestOwnHMACAgreesWithTheStandardLibrary(t *testing.T) {
	rnd := rand.New(rand.NewPCG(tier.Seed(t), 4))
	for n := range message04Size + 1 {
		key, message := make([]byte, DKGA04.KeySize()), make([]byte, n)
		for i := range key {
			key[i] = byte(rnd.Uint32())
		}
		for i := range message {
			message[i] = byte(rnd.Uint32())
		}
		h := hmac.New(sha256.New, key)
		h.Write(message)
		if got, want := hmacSHA256(key, message), [32]byte(h.Sum(nil)); got != want {
			t.Errorf("hmacSHA256 of %d bytes = %x, want %x", n, got, want)
		}
	}
}

func TestCiphersAreInverse(t *testing.T) {
	rnd := rand.New(rand.NewPCG(tier.Seed(t), 6))
	for range tier.CipherBlocks.N() {
		b := binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(nil, rnd.Uint64()), rnd.Uint64())
		block := rnd.Uint64()
		for _, ea := range []EA{EA07, EA11} {
			k, err := NewKey(ea, b[:ea.KeySize()])
			if err != nil {
				t.Fatal(err)
			}
			if got := k.Decrypt(k.Encrypt(block)); got != block {
				t.Fatalf("EA%s, key %x: %016x comes back as %016x", ea, b, block, got)
			}
			if got := k.Encrypt(k.Decrypt(block)); got != block {
				t.Fatalf("EA%s, key %x: %016x comes back as %016x", ea, b, block, got)
			}
		}
	}
}
