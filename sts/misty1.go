package sts

import "encoding/binary"

// EA11, MISTY1 (RFC 2994): 8 rounds on two halves of 32 bits. A schedule holds the words K[0..7] of the key and,
// after them, K'[0..7].

func mistySchedule(k *[16]uint16, key []byte) {
	for i := range 8 {
		k[i] = binary.BigEndian.Uint16(key[2*i:])
	}
	for i := range 8 {
		k[8+i] = mistyFI(k[i], k[(i+1)&7])
	}
}

func mistyEncrypt(k *[16]uint16, block uint64) uint64 {
	d0, d1 := uint32(block>>32), uint32(block)
	for i := 0; i < 8; i += 2 {
		d0, d1 = mistyEven(k, d0, i), mistyOdd(k, d1, i+1)
		d1 ^= mistyFO(k, d0, i)
		d0 ^= mistyFO(k, d1, i+1)
	}
	d0, d1 = mistyEven(k, d0, 8), mistyOdd(k, d1, 9)
	return uint64(d1)<<32 | uint64(d0)
}

func mistyDecrypt(k *[16]uint16, block uint64) uint64 {
	d1, d0 := uint32(block>>32), uint32(block)
	d0, d1 = mistyEvenInverse(k, d0, 8), mistyOddInverse(k, d1, 9)
	for i := 6; i >= 0; i -= 2 {
		d0 ^= mistyFO(k, d1, i+1)
		d1 ^= mistyFO(k, d0, i)
		d0, d1 = mistyEvenInverse(k, d0, i), mistyOddInverse(k, d1, i+1)
	}
	return uint64(d0)<<32 | uint64(d1)
}

func mistyFI(x, k uint16) uint16 {
	d9, d7 := x>>7, x&0x7f
	d9 = mistyS9[d9&0x1ff] ^ d7
	d7 = mistyS7[d7] ^ d9&0x7f
	d7 ^= k >> 9
	d9 ^= k & 0x1ff
	d9 = mistyS9[d9&0x1ff] ^ d7
	return d7<<9 | d9
}

func mistyFO(k *[16]uint16, x uint32, i int) uint32 {
	t0, t1 := uint16(x>>16), uint16(x)
	t0 = mistyFI(t0^k[i&7], k[8+(i+5)&7]) ^ t1
	t1 = mistyFI(t1^k[(i+2)&7], k[8+(i+1)&7]) ^ t0
	t0 = mistyFI(t0^k[(i+7)&7], k[8+(i+3)&7]) ^ t1
	t1 ^= k[(i+4)&7]
	return uint32(t1)<<16 | uint32(t0)
}

// mistyEven is the function FL of the left half, where i is even.
func mistyEven(k *[16]uint16, x uint32, i int) uint32 {
	l, r := uint16(x>>16), uint16(x)
	r ^= l & k[(i/2)&7]
	l ^= r | k[8+(i/2+6)&7]
	return uint32(l)<<16 | uint32(r)
}

// mistyOdd is the function FL of the right half, where i is odd.
func mistyOdd(k *[16]uint16, x uint32, i int) uint32 {
	l, r := uint16(x>>16), uint16(x)
	j := (i - 1) / 2
	r ^= l & k[8+(j+2)&7]
	l ^= r | k[(j+4)&7]
	return uint32(l)<<16 | uint32(r)
}

func mistyEvenInverse(k *[16]uint16, x uint32, i int) uint32 {
	l, r := uint16(x>>16), uint16(x)
	l ^= r | k[8+(i/2+6)&7]
	r ^= l & k[(i/2)&7]
	return uint32(l)<<16 | uint32(r)
}

func mistyOddInverse(k *[16]uint16, x uint32, i int) uint32 {
	l, r := uint16(x>>16), uint16(x)
	j := (i - 1) / 2
	l ^= r | k[(j+4)&7]
	r ^= l & k[8+(j+2)&7]
	return uint32(l)<<16 | uint32(r)
}
