package wire

import (
	"encoding/binary"
	"math"
	"unicode/utf8"
)

// The major types of RFC 8949, section 3.1.
const (
	majorUint   = 0
	majorNegint = 1
	majorBytes  = 2
	majorText   = 3
	majorList   = 4
	majorMap    = 5
	majorSimple = 7
)

// Simple values and float widths of major type 7, as their additional information.
const (
	simpleFalse = 20
	simpleTrue  = 21
	simpleNull  = 22
	simpleUndef = 23
	floatHalf   = 25
	floatDouble = 27
)

// cborReader reads RFC 8949 items of definite length, without tags; map keys must be text.
type cborReader struct {
	b []byte
	i int
	// left is the number of elements that remain in the current list.
	left uint64
}

func (r *cborReader) finish() error {
	if r.i != len(r.b) {
		return errTrailing
	}
	return nil
}

// head reads an item's major type, additional information and argument.
func (r *cborReader) head() (major, info byte, arg uint64, err error) {
	if r.i == len(r.b) {
		return 0, 0, 0, errSyntax
	}
	major, info = r.b[r.i]>>5, r.b[r.i]&31
	r.i++
	if info < 24 {
		return major, info, uint64(info), nil
	}
	if info > 27 { // reserved values and indefinite lengths
		return 0, 0, 0, errSyntax
	}
	size := 1 << (info - 24)
	if len(r.b)-r.i < size {
		return 0, 0, 0, errSyntax
	}
	var wide [8]byte
	copy(wide[8-size:], r.b[r.i:r.i+size])
	r.i += size
	return major, info, binary.BigEndian.Uint64(wide[:]), nil
}

func (r *cborReader) list() (bool, error) {
	if r.i == len(r.b) || r.b[r.i]>>5 != majorList {
		return false, nil
	}
	_, _, n, err := r.head()
	r.left = n
	return true, err
}

func (r *cborReader) more() bool {
	if r.left == 0 {
		return false
	}
	r.left--
	return true
}

func (r *cborReader) value(depth int) (item, error) {
	start := r.i
	it, err := r.open(depth)
	it.raw = r.b[start:r.i:r.i]
	return it, err
}

func (r *cborReader) open(depth int) (item, error) {
	major, info, arg, err := r.head()
	if err != nil {
		return item{}, err
	}
	switch major {
	case majorUint:
		if arg > math.MaxInt64 {
			return item{kind: itemNumber}, nil
		}
		return item{kind: itemInt, n: int64(arg)}, nil
	case majorNegint:
		if arg > math.MaxInt64 {
			return item{kind: itemNumber}, nil
		}
		return item{kind: itemInt, n: -1 - int64(arg)}, nil
	case majorBytes, majorText:
		text, err := r.text(major, arg)
		if major == majorText {
			return item{kind: itemText, text: text}, err
		}
		return item{kind: itemBytes, text: text}, err
	case majorList:
		return item{kind: itemList}, r.skip(depth, arg, false)
	case majorMap:
		return item{kind: itemMap}, r.skip(depth, arg, true)
	case majorSimple:
		return simple(info)
	}
	return item{}, errSyntax // tags
}

func simple(info byte) (item, error) {
	switch {
	case info == simpleFalse:
		return item{kind: itemBool}, nil
	case info == simpleTrue:
		return item{kind: itemBool, n: 1}, nil
	case info == simpleNull, info == simpleUndef:
		return item{kind: itemNull}, nil
	case info >= floatHalf && info <= floatDouble:
		return item{kind: itemNumber}, nil
	}
	return item{}, errSyntax
}

// text takes the n bytes of a text or byte string.
func (r *cborReader) text(major byte, n uint64) ([]byte, error) {
	if n > uint64(len(r.b)-r.i) {
		return nil, errSyntax
	}
	end := r.i + int(n)
	text := r.b[r.i:end:end]
	r.i = end
	if major == majorText && !utf8.Valid(text) {
		return nil, errUTF8
	}
	return text, nil
}

// skip checks and skips the n elements of a list, or the n pairs of a map.
func (r *cborReader) skip(depth int, n uint64, pairs bool) error {
	if depth >= maxDepth {
		return errDeep
	}
	if n > maxElements {
		return errMany
	}
	for range n {
		if pairs {
			if _, err := r.key(); err != nil {
				return err
			}
		}
		if _, err := r.value(depth + 1); err != nil {
			return err
		}
	}
	return nil
}

func (r *cborReader) key() ([]byte, error) {
	major, _, n, err := r.head()
	if err != nil {
		return nil, err
	}
	if major != majorText {
		return nil, errSyntax
	}
	return r.text(majorText, n)
}

func (r *cborReader) members(depth int, dst []member) ([]member, error) {
	if depth >= maxDepth {
		return dst, errDeep
	}
	major, _, n, err := r.head()
	if err != nil {
		return dst, err
	}
	if major != majorMap {
		return dst, errNoMap
	}
	if n > maxElements {
		return dst, errMany
	}
	for range n {
		key, err := r.key()
		if err != nil {
			return dst, err
		}
		v, err := r.value(depth + 1)
		if err != nil {
			return dst, err
		}
		dst = append(dst, member{key: key, value: v})
	}
	return dst, nil
}
