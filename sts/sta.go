package sts

import "math/bits"

// EA07, the Standard Transfer Algorithm: 16 rounds. Each round substitutes the 16 nibbles and permutes the 64 bits.
// For each nibble a key bit selects one of two boxes. The tables do both steps for one nibble at a time.

const (
	staRounds = 16
	lowNibble = 0x0f0f0f0f0f0f0f0f // the lower nibble of each byte
	keyBit    = 0x1010101010101010 // the bit above it, for the key bit of that nibble
)

func staEncrypt(key, block uint64) uint64 {
	return staRun(&staSubstitutePermute, bits.RotateLeft64(^key, -12), block, 1, staRounds)
}

// staDecrypt runs the rounds backwards. A round begins with the inverse permutation, so the tables combine the
// substitution of one round with the permutation of the next. The first permutation and the last substitution are done
// here.
func staDecrypt(key, block uint64) uint64 {
	var x, y uint64
	for n := range 16 {
		x ^= staInversePermute[n][block>>(4*n)&15]
	}
	// In decryption bit 4n of the key selects the box of nibble n; in encryption it is bit 4n+3.
	k := bits.RotateLeft64(key, 3)
	x = staRun(&staInverse, k, x, -1, staRounds-1)
	k = bits.RotateLeft64(k, -(staRounds - 1))
	for n := range 16 {
		y |= staInverseSubstitute[k>>(4*n+3)&1<<4|x>>(4*n)&15] << (4 * n)
	}
	return y
}

// staRun runs the given number of rounds. Bit 4n+3 of the key selects the box of nibble n. After each round the key is
// rotated to the left by as many bits as the parameter turn says.
func staRun(t *[16][32]uint64, k, x uint64, turn, rounds int) uint64 {
	for range rounds {
		// Each byte of the variable even holds a lower nibble and its key bit. Each byte of the variable odd holds an
		// upper nibble and its key bit. Nibble and key bit together are an index into a row of the table.
		even := x&lowNibble | k<<1&keyBit
		odd := x>>4&lowNibble | k>>3&keyBit
		// The look-ups are combined in pairs, because a chain of 15 operations would take longer than the look-ups.
		x = ((t[0][even&31] ^ t[1][odd&31]) ^ (t[2][even>>8&31] ^ t[3][odd>>8&31])) ^
			((t[4][even>>16&31] ^ t[5][odd>>16&31]) ^ (t[6][even>>24&31] ^ t[7][odd>>24&31])) ^
			(((t[8][even>>32&31] ^ t[9][odd>>32&31]) ^ (t[10][even>>40&31] ^ t[11][odd>>40&31])) ^
				((t[12][even>>48&31] ^ t[13][odd>>48&31]) ^ (t[14][even>>56&31] ^ t[15][odd>>56&31])))
		k = bits.RotateLeft64(k, turn)
	}
	return x
}
