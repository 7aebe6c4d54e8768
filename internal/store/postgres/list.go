package postgres

import (
	"encoding/binary"
	"fmt"

	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/store/core"
)

// PostgreSQL's numbers of the types of lists.
const (
	oidBytesList = 1001
	oidTextList  = 1009
	oidIntList   = 1016
)

// Lists is true: a statement with lists writes many rows in one round trip.
func (c *conn) Lists() bool { return true }

// cell is one value of a list, in PostgreSQL's binary form; nil is NULL.
type cell struct {
	oid uint32
	v   []byte
}

// cellOf encodes a value of a list, if need be at the end of a buffer.
func cellOf(buf []byte, a any) ([]byte, cell, error) {
	from := len(buf)
	if i, ok := a.(id.ID); ok && !i.IsZero() { // the most frequent bytes
		buf = append(buf, i[:]...)
		return buf, cell{oidBytes, buf[from:len(buf):len(buf)]}, nil
	}
	s, err := scalarOf(a)
	switch {
	case err != nil || s.null:
		return buf, cell{oid: s.oid}, err
	case s.oid == oidInt:
		buf = binary.BigEndian.AppendUint64(buf, uint64(s.n))
	case s.oid == oidText:
		buf = append(buf, s.text...)
	default:
		return buf, cell{s.oid, s.bytes}, nil
	}
	return buf, cell{s.oid, buf[from:len(buf):len(buf)]}, nil
}

// cellsOf encodes several values.
func cellsOf(args []any) ([]cell, error) {
	buf, out := make([]byte, 0, 16*len(args)), make([]cell, len(args))
	for i, a := range args {
		var err error
		if buf, out[i], err = cellOf(buf, a); err != nil {
			return nil, fmt.Errorf("argument %d: %w", i+1, err)
		}
	}
	return out, nil
}

// bindList encodes a list.
func bindList(l core.List) ([]byte, uint32, error) {
	element := uint32(oidInt)
	switch l.Form {
	case 't':
		element = oidText
	case 'b':
		element = oidBytes
	}
	cells, err := cellsOf(l.Values)
	if err != nil {
		return nil, 0, err
	}
	b := beginList(element, len(cells))
	for i, c := range cells {
		if c.v != nil && c.oid != element {
			return nil, 0, fmt.Errorf("value %d of a list: it has type %T, which is not the list's", i+1, l.Values[i])
		}
		b = appendCell(b, c)
	}
	return b, listOf(element), nil
}

// listOf returns the type of a list of values of a type.
func listOf(element uint32) uint32 {
	switch element {
	case oidText:
		return oidTextList
	case oidBytes:
		return oidBytesList
	}
	return oidIntList
}

// beginList begins the binary form of one of PostgreSQL's arrays: one dimension that counts from 1. Its values follow.
func beginList(element uint32, n int) []byte {
	b := make([]byte, 0, 20+20*n)
	b = binary.BigEndian.AppendUint32(b, 1) // dimensions
	b = binary.BigEndian.AppendUint32(b, 1) // some value may be NULL
	b = binary.BigEndian.AppendUint32(b, element)
	b = binary.BigEndian.AppendUint32(b, uint32(n))
	return binary.BigEndian.AppendUint32(b, 1) // the first index
}

// appendCell adds one value of a list, with its length.
func appendCell(b []byte, c cell) []byte {
	if c.v == nil {
		return binary.BigEndian.AppendUint32(b, 1<<32-1) // -1: NULL
	}
	return append(binary.BigEndian.AppendUint32(b, uint32(len(c.v))), c.v...)
}
