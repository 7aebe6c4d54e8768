package journal

import "encoding/binary"

// SetVersion makes a place look as if another version had written it.
func SetVersion(place []byte, version uint16) {
	binary.LittleEndian.PutUint16(place[4:], version)
	n := binary.LittleEndian.Uint16(place[6:])
	binary.LittleEndian.PutUint32(place[12:], checksum(place[:n]))
}
