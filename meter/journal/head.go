package journal

import (
	"encoding/binary"
	"hash/crc32"
)

// head is the header of a snapshot, a configuration or a keys record:
//
//	0  mark        4 bytes of text
//	4  version     u16 of the body
//	6  length      u16 of header and body
//	8  generation  u32, the higher is the newer
//	12 crc32       u32, IEEE, of bytes 0..11 and of the body
type head struct {
	version    uint16
	length     int
	generation uint32
}

func putHead(b []byte, p place, generation uint32) {
	copy(b, p.mark)
	binary.LittleEndian.PutUint16(b[4:], p.version)
	binary.LittleEndian.PutUint16(b[6:], uint16(len(b)))
	binary.LittleEndian.PutUint32(b[8:], generation)
	binary.LittleEndian.PutUint32(b[12:], checksum(b))
}

// readHead reads the header of a place and checks the checksum. It returns false if the place does not hold a whole
// record of that kind.
func readHead(b []byte, mark string) (head, bool) {
	h := head{
		version:    binary.LittleEndian.Uint16(b[4:]),
		length:     int(binary.LittleEndian.Uint16(b[6:])),
		generation: binary.LittleEndian.Uint32(b[8:]),
	}
	if string(b[:4]) != mark || h.length < headSize || h.length > len(b) || h.version == 0 || h.generation == 0 {
		return head{}, false
	}
	return h, binary.LittleEndian.Uint32(b[12:]) == checksum(b[:h.length])
}

func checksum(b []byte) uint32 {
	return crc32.Update(crc32.ChecksumIEEE(b[:12]), crc32.IEEETable, b[headSize:])
}

// sealEntry appends the checksum to a log record.
func sealEntry(b []byte) {
	binary.LittleEndian.PutUint32(b[entryCRC:], crc32.ChecksumIEEE(b[:entryCRC]))
}

// wholeEntry reports whether a log record is complete, by its checksum.
func wholeEntry(b []byte) bool {
	return binary.LittleEndian.Uint32(b[entryCRC:]) == crc32.ChecksumIEEE(b[:entryCRC])
}

// blank reports whether b was never written: all zeros, or all ones like an erased chip.
func blank(b []byte) bool {
	for _, v := range b {
		if v != b[0] {
			return false
		}
	}
	return b[0] == 0 || b[0] == 0xff
}
