package packet

// Properties are the properties of a packet of MQTT 5 (MQTT 5 §2.2.2.2). A property that a packet lacks has the value that the standard
// gives it. Those that a server for meters has no use for are checked and left out.
type Properties struct {
	SessionExpiry uint32 // seconds; 0: the session ends with its connection
	HasExpiry     bool
	Receive       uint16 // how many messages of QoS 1 the client takes at once; 0 for the default, 65,535
	MaxPacket     uint32 // the largest packet that the client takes; 0 for no limit
	TopicAlias    uint16 // 0 for none
	HasSubID      bool
	HasAuthMethod bool
	User          int // number of user properties
}

// place is a kind of packet, or the will of a CONNECT, as a bit. Each property may stand only at some places.
type place uint16

const (
	inConnect place = 1 << iota
	inWill
	inPublish
	inAck
	inSubscribe
	inUnsubscribe
	inDisconnect
	inAuth
	anywhere = inConnect | inWill | inPublish | inAck | inSubscribe | inUnsubscribe | inDisconnect | inAuth
)

// form is the type of a property's value.
type form uint8

const (
	formByte form = iota // 0 or 1
	formUint16
	formUint32
	formVarint
	formText
	formBinary
	formPair
)

// The properties' identifiers.
const (
	propFormat        = 0x01
	propExpiry        = 0x02
	propContentType   = 0x03
	propResponseTopic = 0x08
	propCorrelation   = 0x09
	propSubID         = 0x0b
	propSessionExpiry = 0x11
	propKeepAlive     = 0x13
	propAuthMethod    = 0x15
	propAuthData      = 0x16
	propProblemInfo   = 0x17
	propWillDelay     = 0x18
	propResponseInfo  = 0x19
	propReason        = 0x1f
	propReceive       = 0x21
	propAliasMaximum  = 0x22
	propAlias         = 0x23
	propMaxQoS        = 0x24
	propRetain        = 0x25
	propUser          = 0x26
	propMaxPacket     = 0x27
	propWildcards     = 0x28
	propSubIDs        = 0x29
	propShared        = 0x2a
)

// propertyOf is the table of the properties that a client may send (MQTT 5 §2.2.2.2, table 2-4).
func propertyOf(id int) (form, place) {
	switch id {
	case propFormat:
		return formByte, inPublish | inWill
	case propExpiry:
		return formUint32, inPublish | inWill
	case propContentType, propResponseTopic:
		return formText, inPublish | inWill
	case propCorrelation:
		return formBinary, inPublish | inWill
	case propSubID:
		return formVarint, inSubscribe
	case propSessionExpiry:
		return formUint32, inConnect | inDisconnect
	case propAuthMethod:
		return formText, inConnect | inAuth
	case propAuthData:
		return formBinary, inConnect | inAuth
	case propProblemInfo, propResponseInfo:
		return formByte, inConnect
	case propWillDelay:
		return formUint32, inWill
	case propReason:
		return formText, inAck | inDisconnect | inAuth
	case propReceive, propAliasMaximum:
		return formUint16, inConnect
	case propAlias:
		return formUint16, inPublish
	case propUser:
		return formPair, anywhere
	case propMaxPacket:
		return formUint32, inConnect
	}
	return 0, 0
}

// properties reads the properties of a packet at a place.
func (c *cursor) properties(at place, p *Properties) {
	whole := cursor{rest: c.take(c.varint())}
	if c.fault != None {
		return
	}
	var seen uint64
	for len(whole.rest) > 0 && whole.fault == None {
		id := whole.varint()
		form, places := propertyOf(id)
		if places&at == 0 {
			whole.fail(BadProperty)
			break
		}
		if seen&(1<<id) != 0 && id != propUser {
			whole.fail(TwiceProperty)
			break
		}
		seen |= 1 << id
		whole.value(id, form, p)
	}
	if whole.fault != None {
		c.fail(whole.fault)
	}
}

// value reads the value of one property.
func (c *cursor) value(id int, f form, p *Properties) {
	var n uint32
	var text []byte
	switch f {
	case formByte:
		if n = uint32(c.byte()); n > 1 {
			c.fail(BadPropertyValue)
		}
	case formUint16:
		n = uint32(c.uint16())
	case formUint32:
		n = c.uint32()
	case formVarint:
		n = uint32(c.varint())
	case formText:
		text = c.text()
	case formBinary:
		c.binary()
	case formPair:
		c.text()
		c.text()
	}
	if c.fault == None {
		c.keep(id, n, text, p)
	}
}

// keep stores a property's value, if it is one that it may have.
func (c *cursor) keep(id int, n uint32, text []byte, p *Properties) {
	switch id {
	case propReceive, propMaxPacket, propAlias, propSubID:
		if n == 0 {
			c.fail(BadPropertyValue)
			return
		}
	}
	switch id {
	case propSessionExpiry:
		p.SessionExpiry, p.HasExpiry = n, true
	case propReceive:
		p.Receive = uint16(n)
	case propMaxPacket:
		p.MaxPacket = n
	case propAlias:
		p.TopicAlias = uint16(n)
	case propSubID:
		p.HasSubID = true
	case propAuthMethod:
		p.HasAuthMethod = true
	case propResponseTopic:
		if !TopicName(text) {
			c.fail(BadTopicName)
		}
	case propUser:
		p.User++
	}
}
