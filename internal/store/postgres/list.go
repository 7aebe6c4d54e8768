package postgres

import (
	"encoding/binary"
	"fmt"
	"strconv"

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

// bindList encodes a list in the binary form of PostgreSQL's arrays: one dimension that counts from 1, and a length before each value.
func bindList(l core.List) ([]byte, uint32, error) {
	element, list := uint32(oidInt), uint32(oidIntList)
	switch l.Form {
	case 't':
		element, list = oidText, oidTextList
	case 'b':
		element, list = oidBytes, oidBytesList
	}
	b := make([]byte, 0, 20+12*len(l.Values))
	b = binary.BigEndian.AppendUint32(b, 1) // dimensions
	b = binary.BigEndian.AppendUint32(b, 1) // some value may be NULL
	b = binary.BigEndian.AppendUint32(b, element)
	b = binary.BigEndian.AppendUint32(b, uint32(len(l.Values)))
	b = binary.BigEndian.AppendUint32(b, 1) // the first index
	for i, a := range l.Values {
		var err error
		if b, err = appendValue(b, a, element); err != nil {
			return nil, 0, fmt.Errorf("value %d of a list: %w", i+1, err)
		}
	}
	return b, list, nil
}

// appendValue adds one value of a list, with its length.
func appendValue(b []byte, a any, element uint32) ([]byte, error) {
	if n, ok := a.(int64); ok && element == oidInt {
		return binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint32(b, 8), uint64(n)), nil
	}
	v, oid, err := bind(a)
	switch {
	case err != nil:
		return nil, err
	case v == nil:
		return binary.BigEndian.AppendUint32(b, 1<<32-1), nil // -1: NULL
	case oid != element:
		return nil, fmt.Errorf("it has type %T, which is not the list's", a)
	case element == oidInt:
		n, err := strconv.ParseInt(string(v), 10, 64)
		if err != nil {
			return nil, err
		}
		return binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint32(b, 8), uint64(n)), nil
	}
	return append(binary.BigEndian.AppendUint32(b, uint32(len(v))), v...), nil
}
