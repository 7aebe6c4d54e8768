package journal

import (
	"encoding/binary"
	"math"
	"strconv"

	"github.com/paywatt/paywatt/meter"
	"github.com/paywatt/paywatt/unit"
)

// Field is one field of a record in memory: its name, its offset from the start of the record's body, and its size in
// bytes. All numbers are little-endian.
type Field struct {
	Name   string
	Offset int
	Size   int
	// Signed numbers are in two's complement; Text is filled with zeros; Secret must not be shown.
	Signed, Text, Secret bool
}

// cursor goes through the bytes of a body and writes the fields into them or reads them out. One description serves
// both directions and the field table of the reference.
type cursor struct {
	b      []byte
	off    int
	write  bool
	list   bool
	fields []Field
	// none replaces the fields beyond the end of a body that is too short.
	none [meter.MaxRequest]byte
}

// take returns the bytes of the next field.
func (c *cursor) take(name string, size int) []byte {
	if c.list {
		c.fields = append(c.fields, Field{Name: name, Offset: c.off, Size: size})
	}
	at := c.off
	c.off += size
	if c.off > len(c.b) {
		return c.none[:size]
	}
	return c.b[at:c.off]
}

// short reports whether the body ended before its fields.
func (c *cursor) short() bool { return c.off > len(c.b) }

// nth returns the name of an array element; it is built only for a field table.
func (c *cursor) nth(name string, i int) string {
	if !c.list {
		return name
	}
	return name + "[" + strconv.Itoa(i) + "]"
}

func (c *cursor) u8(name string, v *uint8) {
	if b := c.take(name, 1); c.write {
		b[0] = *v
	} else {
		*v = b[0]
	}
}

func (c *cursor) flag(name string, v *bool) {
	var n uint8
	if *v {
		n = 1
	}
	c.u8(name, &n)
	*v = n != 0
}

func (c *cursor) u16(name string, v *uint16) {
	if b := c.take(name, 2); c.write {
		binary.LittleEndian.PutUint16(b, *v)
	} else {
		*v = binary.LittleEndian.Uint16(b)
	}
}

// note adds details to the last field when a field table is built.
func (c *cursor) note(more func(*Field)) {
	if c.list {
		more(&c.fields[len(c.fields)-1])
	}
}

func signed(f *Field) { f.Signed = true }
func text(f *Field)   { f.Text = true }
func secret(f *Field) { f.Secret = true }

func (c *cursor) i16(name string, v *int16) {
	n := uint16(*v)
	c.u16(name, &n)
	c.note(signed)
	*v = int16(n)
}

func (c *cursor) i32(name string, v *int32) {
	n := uint32(*v)
	c.u32(name, &n)
	c.note(signed)
	*v = int32(n)
}

// u24 holds TIDs, which have 24 bits.
func (c *cursor) u24(name string, v *uint32) {
	if b := c.take(name, 3); c.write {
		b[0], b[1], b[2] = byte(*v), byte(*v>>8), byte(*v>>16)
	} else {
		*v = uint32(b[0]) | uint32(b[1])<<8 | uint32(b[2])<<16
	}
}

func (c *cursor) u32(name string, v *uint32) {
	if b := c.take(name, 4); c.write {
		binary.LittleEndian.PutUint32(b, *v)
	} else {
		*v = binary.LittleEndian.Uint32(b)
	}
}

func (c *cursor) u64(name string, v *uint64) {
	if b := c.take(name, 8); c.write {
		binary.LittleEndian.PutUint64(b, *v)
	} else {
		*v = binary.LittleEndian.Uint64(b)
	}
}

func (c *cursor) i64(name string, v *int64) {
	n := uint64(*v)
	c.u64(name, &n)
	c.note(signed)
	*v = int64(n)
}

// narrow reads or writes an energy in 32 bits, as in a configuration.
func (c *cursor) narrow(name string, v *unit.Energy) {
	n := uint32(*v)
	c.u32(name, &n)
	*v = unit.Energy(n)
}

// wide reads or writes a 64-bit field whose valid values fit 31 bits. A larger value becomes -1, so that the state is
// found unsound.
func (c *cursor) wide(name string, v *int32) {
	n := int64(*v)
	c.i64(name, &n)
	if *v = int32(n); int64(*v) != n {
		*v = -1
	}
}

// wideU reads or writes a 64-bit field for a 32-bit time: a value out of range becomes the latest possible time, or 0.
func (c *cursor) wideU(name string, v *uint32) {
	n := int64(*v)
	c.i64(name, &n)
	*v = uint32(max(0, min(n, math.MaxUint32)))
}
