package packet

// Reason is a reason code of MQTT 5 (§2.4).
type Reason byte

// Reason codes that a server sends or reads.
const (
	Success            Reason = 0x00
	WithWill           Reason = 0x04
	NoMatchingFilter   Reason = 0x10
	NoSubscription     Reason = 0x11
	Unspecified        Reason = 0x80
	MalformedPacket    Reason = 0x81
	ProtocolError      Reason = 0x82
	Implementation     Reason = 0x83
	UnsupportedVersion Reason = 0x84
	BadClientID        Reason = 0x85
	BadLogin           Reason = 0x86
	NotAuthorized      Reason = 0x87
	ServerUnavailable  Reason = 0x88
	ServerBusy         Reason = 0x89
	ShuttingDown       Reason = 0x8b
	BadAuthMethod      Reason = 0x8c
	KeepAliveTimeout   Reason = 0x8d
	SessionTakenOver   Reason = 0x8e
	BadFilter          Reason = 0x8f
	BadTopic           Reason = 0x90
	IDInUse            Reason = 0x91
	IDNotFound         Reason = 0x92
	ReceiveMaximum     Reason = 0x93
	BadTopicAlias      Reason = 0x94
	TooLarge           Reason = 0x95
	QuotaExceeded      Reason = 0x97
	Administrative     Reason = 0x98
	RetainNotSupported Reason = 0x9a
	QoSNotSupported    Reason = 0x9b
	SharedNotSupported Reason = 0x9e
	SubIDsNotSupported Reason = 0xa1
)

// Fault says how a packet breaks the standard. None is no fault.
type Fault uint8

// The faults.
const (
	None Fault = iota
	NotFromClient
	BadFlags
	BadQoS
	BadDup
	BadLength
	Short
	Trailing
	BadString
	BadVarint
	BadProtocol
	BadVersion
	BadConnectFlags
	UserWithoutName
	BadWill
	BadID
	BadTopicName
	NoFilters
	BadFilterForm
	ReservedOptions
	BadOptions
	BadProperty
	TwiceProperty
	BadPropertyValue
	BadReason
	faults
)

// Error says what is wrong, with the clause of the standard.
func (f Fault) Error() string {
	text, clause, _ := f.row()
	return text + " (" + clause + ")"
}

// Reason is the code with which MQTT 5 answers the fault.
func (f Fault) Reason() Reason {
	_, _, r := f.row()
	return r
}

// row is the table of faults.
func (f Fault) row() (text, clause string, r Reason) {
	switch f {
	case None:
		return "no fault", "", Success
	case NotFromClient:
		return "a client may not send this type of packet", "§2.1.2", ProtocolError
	case BadFlags:
		return "the reserved flags of the fixed header are wrong", "MQTT-2.1.3-1", MalformedPacket
	case BadQoS:
		return "a PUBLISH has both bits of QoS set", "MQTT-3.3.1-4", MalformedPacket
	case BadDup:
		return "a PUBLISH of QoS 0 is marked as a repetition", "MQTT-3.3.1-2", MalformedPacket
	case BadLength:
		return "the remaining length has more than four bytes", "MQTT-1.5.5-1", MalformedPacket
	case Short:
		return "the packet ends inside a field", "§4.13.1", MalformedPacket
	case Trailing:
		return "the packet goes on after its last field", "§4.13.1", MalformedPacket
	case BadString:
		return "a string is not UTF-8 or contains U+0000", "MQTT-1.5.4-1, MQTT-1.5.4-2", MalformedPacket
	case BadVarint:
		return "a variable byte integer is too long", "MQTT-1.5.5-1", MalformedPacket
	case BadProtocol:
		return "the protocol name is not MQTT", "MQTT-3.1.2-1", UnsupportedVersion
	case BadVersion:
		return "the protocol level is not supported", "MQTT-3.1.2-2", UnsupportedVersion
	case BadConnectFlags:
		return "the reserved bit of the connect flags is set", "MQTT-3.1.2-3", MalformedPacket
	case UserWithoutName:
		return "a password without a user name needs MQTT 5", "3.1.1 MQTT-3.1.2-22", MalformedPacket
	case BadWill:
		return "the flags of the will contradict each other", "MQTT-3.1.2-11 to MQTT-3.1.2-13", MalformedPacket
	case BadID:
		return "the packet identifier is 0", "MQTT-2.2.1-3", ProtocolError
	case BadTopicName:
		return "a topic name is empty or contains a wildcard", "MQTT-3.3.2-2, MQTT-4.7.3-1", BadTopic
	case NoFilters:
		return "the packet has no topic filter", "MQTT-3.8.3-2, MQTT-3.10.3-2", ProtocolError
	case BadFilterForm:
		return "a topic filter is empty or has a misplaced wildcard", "MQTT-4.7.1-1 to MQTT-4.7.3-1", BadFilter
	case ReservedOptions:
		return "reserved bits of the options of a subscription are set", "MQTT-3.8.3-5", MalformedPacket
	case BadOptions:
		return "the options of a subscription have a value that they may not have", "§3.8.3.1", ProtocolError
	case BadProperty:
		return "the packet may not have this property", "§2.2.2.2", MalformedPacket
	case TwiceProperty:
		return "a property stands twice", "§2.2.2.2", ProtocolError
	case BadPropertyValue:
		return "a property has a value that it may not have", "§3.1.2.11, §3.3.2.3", ProtocolError
	case BadReason:
		return "the packet may not have this reason code", "MQTT-3.4.2-1, MQTT-3.14.2-1", ProtocolError
	}
	return "unknown fault", "", Unspecified
}
