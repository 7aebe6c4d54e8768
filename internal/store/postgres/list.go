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

// values is a row of values in one piece. Each value has a letter for its type, the length, and the bytes in binary form. The length of NULL
// is -1.
type values []byte

// valueHead is the size of the letter and the length of a value.
const valueHead = 5

// valuesOf encodes values, which must not be lists.
func valuesOf(args []any) (values, error) {
	t := make(values, 0, 24*len(args))
	for i, a := range args {
		var err error
		if t, err = t.add(a); err != nil {
			return nil, fmt.Errorf("argument %d: %w", i+1, err)
		}
	}
	return t, nil
}

// add encodes a value at the end of the row.
func (t values) add(a any) (values, error) {
	head := func(oid uint32, n int) { t = binary.BigEndian.AppendUint32(append(t, letterOf(oid)), uint32(n)) }
	if i, ok := a.(id.ID); ok && !i.IsZero() { // the most frequent bytes
		head(oidBytes, len(i))
		return append(t, i[:]...), nil
	}
	s, err := cellOf(a)
	switch {
	case err != nil:
		return nil, err
	case s.null:
		head(s.oid, -1)
		return t, nil
	case s.oid == oidInt:
		head(oidInt, 8)
		return binary.BigEndian.AppendUint64(t, uint64(s.n)), nil
	case s.oid == oidText:
		head(oidText, len(s.text))
		return append(t, s.text...), nil
	}
	head(s.oid, len(s.bytes))
	return append(t, s.bytes...), nil
}

// cut returns the first value of a row, and the rest.
func (t values) cut() (value, values) {
	end := valueHead + max(0, int(int32(binary.BigEndian.Uint32(t[1:]))))
	return value(t[:end:end]), t[end:]
}

// value is one value of a row.
type value []byte

func (v value) oid() uint32  { return oidOf(v[0]) }
func (v value) null() bool   { return v[1] == 0xff }
func (v value) list() []byte { return v[1:] } // as one value of a list
func (v value) bytes() []byte {
	if v.null() {
		return nil
	}
	return v[valueHead:]
}

// letterOf returns the letter of a type, which is the form of a column (see [core.Column]), and of an unknown type.
func letterOf(oid uint32) byte {
	switch oid {
	case oidInt:
		return 'i'
	case oidText:
		return 't'
	case oidBytes:
		return 'b'
	}
	return '-'
}

func oidOf(letter byte) uint32 {
	switch letter {
	case 'i':
		return oidInt
	case 't':
		return oidText
	case 'b':
		return oidBytes
	}
	return oidUnknown
}

func isList(a any) bool { _, list := a.(core.List); return list }

// bindList encodes a list.
func bindList(l core.List) ([]byte, uint32, error) {
	element := oidOf(l.Form)
	all, err := valuesOf(l.Values)
	if err != nil {
		return nil, 0, err
	}
	b := beginList(element, len(l.Values))
	for i := range l.Values {
		var v value
		if v, all = all.cut(); !v.null() && v.oid() != element {
			return nil, 0, fmt.Errorf("value %d of a list: it has type %T, which is not the list's", i+1, l.Values[i])
		}
		b = append(b, v.list()...)
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
