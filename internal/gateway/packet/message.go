package packet

// Message is a PUBLISH (MQTT 5 §3.3). Its slices point into the packet.
type Message struct {
	Topic      []byte
	Payload    []byte
	ID         uint16 // 0 for QoS 0
	QoS        byte
	Dup        bool
	Retain     bool
	Properties Properties
}

// ReadPublish reads the body of a PUBLISH into m. The topic of a message of MQTT 5 may be empty if the message has a topic alias.
func ReadPublish(h Header, body []byte, v Version, m *Message) Fault {
	*m = Message{QoS: h.QoS(), Dup: h.Dup(), Retain: h.Retain()}
	c := cursor{rest: body}
	m.Topic = c.text()
	if m.QoS > 0 {
		m.ID = c.id()
	}
	if v == V5 {
		c.properties(inPublish, &m.Properties)
	}
	if c.fault != None {
		return c.fault
	}
	m.Payload = c.rest
	if !TopicName(m.Topic) && (len(m.Topic) > 0 || m.Properties.TopicAlias == 0) {
		return BadTopicName
	}
	return None
}

// Answer is a PUBACK, PUBREC, PUBREL or PUBCOMP (MQTT 5 §3.4 to MQTT 5 §3.7).
type Answer struct {
	ID     uint16
	Reason Reason
}

// ReadAnswer reads the body of a packet of type t that answers a message, or an answer.
func ReadAnswer(t Type, body []byte, v Version) (Answer, Fault) {
	c := cursor{rest: body}
	a := Answer{ID: c.id()}
	if v == V5 && c.fault == None && len(c.rest) > 0 {
		if a.Reason = Reason(c.byte()); !mayAnswer(t, a.Reason) {
			c.fail(BadReason)
		}
		if len(c.rest) > 0 {
			var unused Properties
			c.properties(inAck, &unused)
		}
	}
	return a, c.end()
}

// mayAnswer lists the reason codes of each answer (MQTT 5 §3.4.2.1 and after).
func mayAnswer(t Type, r Reason) bool {
	if t == Pubrel || t == Pubcomp {
		return r == Success || r == IDNotFound
	}
	switch r {
	case Success, NoMatchingFilter, Unspecified, Implementation, NotAuthorized, BadTopic, IDInUse, QuotaExceeded, 0x99:
		return true
	}
	return false
}

// Leave is a DISCONNECT (MQTT 5 §3.14).
type Leave struct {
	Reason     Reason
	Properties Properties
}

// ReadDisconnect reads the body of a DISCONNECT.
func ReadDisconnect(body []byte, v Version) (Leave, Fault) {
	var l Leave
	c := cursor{rest: body}
	if v == V5 && len(c.rest) > 0 {
		if l.Reason = Reason(c.byte()); !mayLeave(l.Reason) {
			c.fail(BadReason)
		}
		if len(c.rest) > 0 {
			c.properties(inDisconnect, &l.Properties)
		}
	}
	return l, c.end()
}

// mayLeave lists the reason codes with which a client may disconnect (MQTT 5 §3.14.2.1).
func mayLeave(r Reason) bool {
	switch r {
	case Success, WithWill, Unspecified, MalformedPacket, ProtocolError, Implementation, BadTopic, ReceiveMaximum, BadTopicAlias, TooLarge,
		0x96, QuotaExceeded, 0x98, 0x99:
		return true
	}
	return false
}

// Empty checks the body of a packet that has none: PINGREQ (MQTT 5 §3.12).
func Empty(body []byte) Fault {
	if len(body) > 0 {
		return Trailing
	}
	return None
}
