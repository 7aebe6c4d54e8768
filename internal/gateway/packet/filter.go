package packet

import "bytes"

// Filter is one topic filter of a SUBSCRIBE or UNSUBSCRIBE. Its topic points into the packet.
type Filter struct {
	Topic []byte
	QoS   byte // the highest quality that the client wants
}

// Filters are the topic filters of a packet. Each call of Next gives one; the packet has been checked before.
type Filters struct {
	rest    []byte
	options bool
}

// Next returns the next filter.
func (f *Filters) Next() (Filter, bool) {
	c := cursor{rest: f.rest}
	out := Filter{Topic: c.binary()}
	if f.options {
		out.QoS = c.byte() & 3
	}
	if c.fault != None {
		return Filter{}, false
	}
	f.rest = c.rest
	return out, true
}

// Subscription is a SUBSCRIBE or UNSUBSCRIBE.
type Subscription struct {
	ID         uint16
	Count      int // number of filters, at least 1
	Filters    Filters
	Properties Properties
}

// ReadSubscribe reads the body of a SUBSCRIBE (MQTT 5 §3.8).
func ReadSubscribe(body []byte, v Version, s *Subscription) Fault {
	return readFilters(body, v, inSubscribe, true, s)
}

// ReadUnsubscribe reads the body of an UNSUBSCRIBE (MQTT 5 §3.10).
func ReadUnsubscribe(body []byte, v Version, s *Subscription) Fault {
	return readFilters(body, v, inUnsubscribe, false, s)
}

func readFilters(body []byte, v Version, at place, options bool, s *Subscription) Fault {
	c := cursor{rest: body}
	*s = Subscription{ID: c.id()}
	if v == V5 {
		c.properties(at, &s.Properties)
	}
	s.Filters = Filters{rest: c.rest, options: options}
	for c.fault == None && len(c.rest) > 0 {
		topic := c.text()
		if c.fault == None && !TopicFilter(topic) {
			c.fail(BadFilterForm)
		}
		if options {
			c.options(v, topic)
		}
		s.Count++
	}
	if c.fault == None && s.Count == 0 {
		return NoFilters
	}
	return c.fault
}

// options checks the options of a subscription (MQTT 5 §3.8.3.1). Before MQTT 5 all bits but the quality's are reserved.
func (c *cursor) options(v Version, topic []byte) {
	const noLocal, retainHandling, reserved = 0x04, 0x30, 0xc0
	b := c.byte()
	if c.fault != None {
		return
	}
	switch {
	case v == V5 && b&reserved != 0, v != V5 && b&^3 != 0:
		c.fail(ReservedOptions)
	case b&3 == 3, b&retainHandling == retainHandling, b&noLocal != 0 && Shared(topic):
		c.fail(BadOptions)
	}
}

// Shared reports whether a filter names a shared subscription (MQTT 5 §4.8.2).
func Shared(filter []byte) bool { return bytes.HasPrefix(filter, []byte("$share/")) }

// TopicName reports whether b can be the topic of a message: not empty and without wildcards (MQTT 5 §4.7).
func TopicName(b []byte) bool {
	return len(b) > 0 && bytes.IndexByte(b, '#') < 0 && bytes.IndexByte(b, '+') < 0
}

// TopicFilter reports whether b can be a topic filter: + is a whole level, # is the last level (MQTT 5 §4.7.1).
func TopicFilter(b []byte) bool {
	for i, x := range b {
		alone := (i == 0 || b[i-1] == '/') && (i == len(b)-1 || b[i+1] == '/')
		if x == '+' && !alone || x == '#' && (!alone || i != len(b)-1) {
			return false
		}
	}
	return len(b) > 0
}
