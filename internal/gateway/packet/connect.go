package packet

// Login is a CONNECT (MQTT 5 §3.1). Its slices point into the packet.
type Login struct {
	Version     Version
	Clean       bool   // the client wants no earlier session
	KeepAlive   uint16 // seconds; 0 for none
	ClientID    []byte
	HasUser     bool
	User        []byte
	HasPassword bool
	Password    []byte
	Will        *Will // points into the Login
	Properties  Properties

	will Will
}

// Will is the message that a server of MQTT would publish when the connection breaks.
type Will struct {
	Topic   []byte
	Payload []byte
	QoS     byte
	Retain  bool
}

// Bits of the connect flags (MQTT 5 §3.1.2.3).
const (
	flagReserved   = 0x01
	flagClean      = 0x02
	flagWill       = 0x04
	flagWillQoS    = 0x18
	flagWillRetain = 0x20
	flagPassword   = 0x40
	flagUser       = 0x80
)

// ReadConnect reads the body of a CONNECT into l. After [BadProtocol] and [BadVersion], l.Version is the level that the client named.
func ReadConnect(body []byte, l *Login) Fault {
	*l = Login{}
	c := cursor{rest: body}
	name := c.text()
	l.Version = Version(c.byte())
	if f := protocol(c.fault, name, l.Version); f != None {
		return f
	}
	flags := c.byte()
	l.KeepAlive = c.uint16()
	if c.fault != None {
		return c.fault
	}
	if f := connectFlags(flags, l.Version); f != None {
		return f
	}
	l.Clean = flags&flagClean != 0
	if l.Version == V5 {
		c.properties(inConnect, &l.Properties)
	}
	l.ClientID = c.text()
	if flags&flagWill != 0 {
		c.will(flags, l)
	}
	if l.HasUser = flags&flagUser != 0; l.HasUser {
		l.User = c.text()
	}
	if l.HasPassword = flags&flagPassword != 0; l.HasPassword {
		l.Password = c.binary()
	}
	return c.end()
}

// protocol checks the name and the level. MQTT 3.1 has a name of its own.
func protocol(read Fault, name []byte, v Version) Fault {
	switch {
	case read != None:
		return read
	case string(name) == "MQIsdp" && v == V31:
		return None
	case string(name) != "MQTT":
		return BadProtocol
	case v != V311 && v != V5:
		return BadVersion
	}
	return None
}

func connectFlags(flags byte, v Version) Fault {
	qos := flags & flagWillQoS >> 3
	switch {
	case flags&flagReserved != 0:
		return BadConnectFlags
	case flags&flagWill == 0 && flags&(flagWillQoS|flagWillRetain) != 0, qos > 2:
		return BadWill
	case flags&flagPassword != 0 && flags&flagUser == 0 && v != V5:
		return UserWithoutName
	}
	return None
}

func (c *cursor) will(flags byte, l *Login) {
	if l.Version == V5 {
		var unused Properties
		c.properties(inWill, &unused)
		l.Properties.User += unused.User
	}
	l.will = Will{Topic: c.text(), Payload: c.binary(), QoS: flags & flagWillQoS >> 3, Retain: flags&flagWillRetain != 0}
	if c.fault == None && !TopicName(l.will.Topic) {
		c.fail(BadTopicName)
	}
	l.Will = &l.will
}
