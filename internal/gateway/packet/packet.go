// Package packet reads and writes the packets of MQTT 3.1.1 and MQTT 5, as a server needs them. It takes bytes and returns values
// that point into them, so nothing is allocated on the way. It checks the form of what it reads: whatever breaks the standard is a
// [Fault]. It does not know connections, sessions or rights.
//
// [Next] finds a packet in the bytes of a client. Its body then goes to [ReadConnect], [ReadPublish], [ReadAnswer], [ReadSubscribe],
// [ReadUnsubscribe] or [ReadDisconnect]. The functions that begin with Append write packets.
//
// Clauses are those of MQTT 5.0 (OASIS, 7 March 2019) and, with the prefix 3.1.1, of MQTT 3.1.1 (29 October 2014).
package packet

// Version is the protocol level of a CONNECT.
type Version byte

// Versions that a server may meet.
const (
	V31  Version = 3 // MQTT 3.1, which old libraries of small boards still speak
	V311 Version = 4
	V5   Version = 5
)

// Type is the kind of a packet (MQTT 5 §2.1.2).
type Type byte

// The types of packets.
const (
	Connect     Type = 1
	Connack     Type = 2
	Publish     Type = 3
	Puback      Type = 4
	Pubrec      Type = 5
	Pubrel      Type = 6
	Pubcomp     Type = 7
	Subscribe   Type = 8
	Suback      Type = 9
	Unsubscribe Type = 10
	Unsuback    Type = 11
	Pingreq     Type = 12
	Pingresp    Type = 13
	Disconnect  Type = 14
	Auth        Type = 15
)

// Header is the fixed header of a packet (MQTT 5 §2.1).
type Header struct {
	Type  Type
	Flags byte // the low four bits of the first byte
	Size  int  // bytes of the header, at most 5
	Body  int  // bytes after the header
}

// Next reads the fixed header at the beginning of b. It returns a zero Header if b is too short to hold one; more bytes may
// complete it. It checks what only a client may send and the flags that each type requires.
func Next(b []byte) (Header, Fault) {
	if len(b) == 0 {
		return Header{}, None
	}
	h := Header{Type: Type(b[0] >> 4), Flags: b[0] & 0x0f}
	if f := h.flags(); f != None {
		return Header{}, f
	}
	for i := 1; i < len(b); i++ {
		h.Body |= int(b[i]&0x7f) << (7 * (i - 1))
		if b[i]&0x80 == 0 {
			h.Size = i + 1
			return h, None
		}
		if i == 4 {
			return Header{}, BadLength
		}
	}
	return Header{}, None
}

// Reserved flag bits of the types that have them set (MQTT 5 §2.1.3).
const reservedSet = 0x02

// flags checks the flags of a packet from a client.
func (h Header) flags() Fault {
	switch h.Type {
	case Publish:
		if h.QoS() > 2 {
			return BadQoS
		}
		if h.QoS() == 0 && h.Dup() {
			return BadDup
		}
		return None
	case Pubrel, Subscribe, Unsubscribe:
		if h.Flags != reservedSet {
			return BadFlags
		}
		return None
	case Connect, Puback, Pubrec, Pubcomp, Pingreq, Disconnect, Auth:
		if h.Flags != 0 {
			return BadFlags
		}
		return None
	}
	return NotFromClient
}

// QoS is the quality of a PUBLISH.
func (h Header) QoS() byte { return h.Flags >> 1 & 3 }

// Dup reports whether a PUBLISH is a repetition.
func (h Header) Dup() bool { return h.Flags&0x08 != 0 }

// Retain reports whether a PUBLISH shall be retained.
func (h Header) Retain() bool { return h.Flags&0x01 != 0 }
