package sts

import "math/bits"

const crcStart = 0xFFFF

// Checksum returns the STS checksum of b in the byte order of a token: CRC-16 (polynomial 0x8005 reflected, start
// 0xFFFF, no final XOR; known as CRC-16/MODBUS) with the two bytes of the register swapped (CTSA01, and the worked
// example on sts.org.za).
func Checksum(b []byte) uint16 {
	reg := uint16(crcStart)
	for _, c := range b {
		reg = crcStep(reg, c)
	}
	return bits.ReverseBytes16(reg)
}

// crc returns the check field of a block. The field is the sum over seven bytes. The first byte holds six zero bits and
// the class, and the other six are bits 63..16 of the block. The check field already in the block is ignored.
func crc(class uint8, block uint64) uint16 { return bits.ReverseBytes16(crcRegister(class, block)) }

// crcC returns the check field of currency tokens: the same sum with one byte 01 after the seven bytes.
func crcC(class uint8, block uint64) uint16 {
	return bits.ReverseBytes16(crcStep(crcRegister(class, block), 0x01))
}

func crcRegister(class uint8, block uint64) uint16 {
	reg := crcStep(crcStart, class)
	reg = crcStep(reg, uint8(block>>56))
	reg = crcStep(reg, uint8(block>>48))
	reg = crcStep(reg, uint8(block>>40))
	reg = crcStep(reg, uint8(block>>32))
	reg = crcStep(reg, uint8(block>>24))
	return crcStep(reg, uint8(block>>16))
}

func crcStep(reg uint16, b uint8) uint16 { return reg>>8 ^ crcTable[uint8(reg)^b] }

// CheckField returns the CRC field, bits 15..0, for a block of this class. Currency credit (class 0, sub-class 4 to 7)
// carries a different sum, CRC_C, which adds one byte 01 at the end (CTSA20). The field already in block is ignored.
func CheckField(class uint8, block uint64) uint16 {
	if class == classCredit && isCurrency(uint8(block>>60)) {
		return crcC(class, block)
	}
	return crc(class, block)
}
