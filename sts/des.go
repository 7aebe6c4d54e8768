package sts

import "math/bits"

// desShifts holds the rotation of the key halves before each round.
var desShifts = [16]int{1, 1, 2, 2, 2, 2, 2, 2, 1, 2, 2, 2, 2, 2, 2, 1}

// desEncrypt encrypts one block with single DES, which DKGA02 needs once per key. It replaces crypto/des, which
// allocates for each key and refuses to run in FIPS 140 mode.
func desEncrypt(key, block uint64) uint64 {
	x := desPermute(desIP[:], block, 64)
	left, right := uint32(x>>32), uint32(x)
	cd := desPermute(desPC1[:], key, 64)
	c, d := uint32(cd>>28), uint32(cd&(1<<28-1))
	for _, n := range desShifts {
		c, d = desRotate(c, n), desRotate(d, n)
		k := desPermute(desPC2[:], uint64(c)<<28|uint64(d), 56)
		left, right = right, left^desRound(right, k)
	}
	return desPermute(desFP[:], uint64(right)<<32|uint64(left), 64)
}

// desRound is the function f: each S-box takes six neighbouring bits of the half and six of the round key.
func desRound(half uint32, k uint64) uint32 {
	var out uint32
	for i := range 8 {
		six := bits.RotateLeft32(half, 4*i+5) ^ uint32(k>>(42-6*i))
		out |= desSP[i][six&63]
	}
	return out
}

// desPermute collects the bits of x at these positions. The parameter width is the number of bits in x. Position 1 is
// the highest of them.
func desPermute(positions []uint8, x uint64, width uint8) uint64 {
	var out uint64
	for _, p := range positions {
		out = out<<1 | x>>(width-p)&1
	}
	return out
}

// desRotate turns a 28-bit half of the key to the left.
func desRotate(half uint32, n int) uint32 { return (half<<n | half>>(28-n)) & (1<<28 - 1) }
