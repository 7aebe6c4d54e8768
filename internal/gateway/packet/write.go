package packet

// Announcement is what a CONNACK says beside its code. The properties are written for MQTT 5 only.
type Announcement struct {
	Session       bool   // the server has the client's session
	KeepAlive     uint16 // the server's keep-alive, if it is not the client's; otherwise 0
	SessionExpiry uint32 // the time that the server keeps the session, if it is not what the client asked for
	HasExpiry     bool
	Receive       uint16 // how many messages the server takes at once
	MaxPacket     uint32
	Retain        bool // retained messages are available
}

// AppendConnack appends a CONNACK (MQTT 5 §3.2). For versions before 5, code is a return code of 3.1.1.
func AppendConnack(b []byte, v Version, code byte, g Announcement) []byte {
	session := byte(0)
	if g.Session && code == 0 {
		session = 1
	}
	if v != V5 {
		return append(b, byte(Connack)<<4, 2, session, code)
	}
	if code != 0 {
		return append(b, byte(Connack)<<4, 3, session, code, 0)
	}
	b = append(b, byte(Connack)<<4, 0, session, code, 0)
	from := len(b)
	b = append(b, propMaxQoS, 1)
	if !g.Retain {
		b = append(b, propRetain, 0)
	}
	b = append(b, propSubIDs, 0, propShared, 0)
	if g.Receive > 0 {
		b = append(b, propReceive, byte(g.Receive>>8), byte(g.Receive))
	}
	if g.MaxPacket > 0 {
		b = appendUint32(append(b, propMaxPacket), g.MaxPacket)
	}
	if g.KeepAlive > 0 {
		b = append(b, propKeepAlive, byte(g.KeepAlive>>8), byte(g.KeepAlive))
	}
	if g.HasExpiry {
		b = appendUint32(append(b, propSessionExpiry), g.SessionExpiry)
	}
	n := len(b) - from // at most 30: one byte each for both lengths
	b[from-1], b[from-4] = byte(n), byte(n+3)
	return b
}

func appendUint32(b []byte, n uint32) []byte {
	return append(b, byte(n>>24), byte(n>>16), byte(n>>8), byte(n))
}

// PublishSize is the number of bytes of a PUBLISH without properties.
func PublishSize(v Version, qos byte, topic, payload int) int {
	body := publishBody(v, qos, topic, payload)
	size := 2 + body
	for n := body >> 7; n > 0; n >>= 7 {
		size++
	}
	return size
}

func publishBody(v Version, qos byte, topic, payload int) int {
	body := 2 + topic + payload
	if qos > 0 {
		body += 2
	}
	if v == V5 {
		body++
	}
	return body
}

// AppendPublish appends a PUBLISH that is neither a repetition nor retained. The topic has two parts, so that a caller need not
// join them.
func AppendPublish(b []byte, v Version, qos byte, id uint16, topic, leaf string, payload []byte) []byte {
	name := len(topic) + len(leaf)
	b = append(b, byte(Publish)<<4|qos<<1)
	b = appendVarint(b, publishBody(v, qos, name, len(payload)))
	b = append(b, byte(name>>8), byte(name))
	b = append(append(b, topic...), leaf...)
	if qos > 0 {
		b = append(b, byte(id>>8), byte(id))
	}
	if v == V5 {
		b = append(b, 0)
	}
	return append(b, payload...)
}

// appendVarint appends a variable byte integer (MQTT 5 §1.5.5).
func appendVarint(b []byte, n int) []byte {
	for n > 0x7f {
		b = append(b, byte(n)|0x80)
		n >>= 7
	}
	return append(b, byte(n))
}

// AppendAnswer appends a PUBACK, PUBREC, PUBREL or PUBCOMP. Versions before 5 have no reason.
func AppendAnswer(b []byte, v Version, t Type, id uint16, r Reason) []byte {
	first := byte(t) << 4
	if t == Pubrel {
		first |= reservedSet
	}
	if v != V5 || r == Success {
		return append(b, first, 2, byte(id>>8), byte(id))
	}
	return append(b, first, 3, byte(id>>8), byte(id), byte(r))
}

// AppendSuback appends a SUBACK or UNSUBACK with a code for each filter. An UNSUBACK before MQTT 5 has none.
func AppendSuback(b []byte, v Version, t Type, id uint16, codes []byte) []byte {
	n := 2 + len(codes)
	switch {
	case v == V5:
		n++
	case t == Unsuback:
		n, codes = 2, nil
	}
	b = appendVarint(append(b, byte(t)<<4), n)
	b = append(b, byte(id>>8), byte(id))
	if v == V5 {
		b = append(b, 0)
	}
	return append(b, codes...)
}

// AppendPingresp appends a PINGRESP.
func AppendPingresp(b []byte) []byte { return append(b, byte(Pingresp)<<4, 0) }

// AppendDisconnect appends a DISCONNECT of MQTT 5. A server of earlier versions closes the connection without one. The length of the
// properties could be left out, but some clients then miss the reason.
func AppendDisconnect(b []byte, r Reason) []byte {
	return append(b, byte(Disconnect)<<4, 2, byte(r), 0)
}

// ReturnCode is the code of a CONNACK of MQTT 3.1.1 §3.2.2.3 that says the same as a reason. It returns false if such a CONNECT gets
// no answer: the server closes the connection (3.1.1 §3.1.4).
func ReturnCode(r Reason) (code byte, answered bool) {
	switch r {
	case Success:
		return 0, true
	case UnsupportedVersion:
		return 1, true
	case BadClientID:
		return 2, true
	case ServerUnavailable, ServerBusy, ShuttingDown:
		return 3, true
	case BadLogin:
		return 4, true
	case NotAuthorized, RetainNotSupported, QoSNotSupported:
		return 5, true
	}
	return 0, false
}
