package packet

import (
	"bytes"
	"unicode/utf8"
)

// cursor reads fields one after the other. After a fault it reads zero values, and the fault stays.
type cursor struct {
	rest  []byte
	fault Fault
}

// fail records the first fault.
func (c *cursor) fail(f Fault) {
	if c.fault == None {
		c.fault = f
	}
	c.rest = nil
}

func (c *cursor) take(n int) []byte {
	if len(c.rest) < n {
		c.fail(Short)
		return nil
	}
	b := c.rest[:n:n]
	c.rest = c.rest[n:]
	return b
}

func (c *cursor) byte() byte {
	if b := c.take(1); b != nil {
		return b[0]
	}
	return 0
}

func (c *cursor) uint16() uint16 {
	if b := c.take(2); b != nil {
		return uint16(b[0])<<8 | uint16(b[1])
	}
	return 0
}

func (c *cursor) uint32() uint32 {
	if b := c.take(4); b != nil {
		return uint32(b[0])<<24 | uint32(b[1])<<16 | uint32(b[2])<<8 | uint32(b[3])
	}
	return 0
}

// varint reads a variable byte integer (MQTT 5 §1.5.5), which has the fewest possible bytes.
func (c *cursor) varint() int {
	n := 0
	for i := range 4 {
		b := c.byte()
		n |= int(b&0x7f) << (7 * i)
		if b&0x80 == 0 {
			if i > 0 && b == 0 {
				c.fail(BadVarint)
			}
			return n
		}
	}
	c.fail(BadVarint)
	return 0
}

// binary reads bytes after their length (MQTT 5 §1.5.6).
func (c *cursor) binary() []byte { return c.take(int(c.uint16())) }

// text reads a UTF-8 string (MQTT 5 §1.5.4).
func (c *cursor) text() []byte {
	b := c.binary()
	if !validText(b) {
		c.fail(BadString)
		return nil
	}
	return b
}

// validText reports whether b is a string of the standard: well-formed UTF-8 without U+0000 and without surrogates.
func validText(b []byte) bool { return utf8.Valid(b) && bytes.IndexByte(b, 0) < 0 }

// id reads a packet identifier, which is never 0.
func (c *cursor) id() uint16 {
	n := c.uint16()
	if n == 0 {
		c.fail(BadID)
	}
	return n
}

// end reports the fault; bytes that are left are one too.
func (c *cursor) end() Fault {
	if c.fault == None && len(c.rest) > 0 {
		return Trailing
	}
	return c.fault
}
