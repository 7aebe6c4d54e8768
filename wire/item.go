package wire

import "errors"

// itemKind is the type of a value, in either format.
type itemKind uint8

const (
	itemNull itemKind = iota
	itemBool
	itemInt
	// itemNumber is a number that is not an int64: it has a fraction or an exponent, or is too large.
	itemNumber
	itemText
	itemBytes
	itemList
	itemMap
)

// item is one value, decoded only to its first level.
type item struct {
	kind itemKind
	// n is the value of an itemInt, or 1 for a true itemBool.
	n int64
	// text is the contents of an itemText or itemBytes, without quotes and escapes.
	text []byte
	// raw is the bytes of the value in the payload.
	raw []byte
}

// member is one key and value of a map.
type member struct {
	key   []byte
	value item
}

// reader goes through a payload in one of the formats. It stops at the first invalid byte and enforces every limit of
// this package on the way, so that its results need no second check. It is a struct with both readers and not an
// interface, so that its arguments do not escape to the heap.
type reader struct {
	f    Format
	json jsonReader
	cbor cborReader
}

func newReader(f Format, b []byte) reader {
	if f == CBOR {
		return reader{f: f, cbor: cborReader{b: b}}
	}
	return reader{f: f, json: jsonReader{b: b}}
}

// list begins a list, or returns false without moving.
func (r *reader) list() (bool, error) {
	if r.f == CBOR {
		return r.cbor.list()
	}
	return r.json.list(), nil
}

// more reports whether the current list has another element, and goes to it.
func (r *reader) more() (bool, error) {
	if r.f == CBOR {
		return r.cbor.more(), nil
	}
	return r.json.more()
}

// value reads the next value. The parameter depth is the number of lists and maps of the payload around this value.
func (r *reader) value(depth int) (item, error) {
	if r.f == CBOR {
		return r.cbor.value(depth)
	}
	return r.json.value(depth)
}

// members reads a map and appends its members to dst. On an error it returns the members that were complete.
func (r *reader) members(depth int, dst []member) ([]member, error) {
	if r.f == CBOR {
		return r.cbor.members(depth, dst)
	}
	return r.json.members(depth, dst)
}

// here returns the offset at which the next value begins.
func (r *reader) here() int {
	if r.f == JSON {
		r.json.blanks()
	}
	return r.end()
}

// end returns the number of bytes that have been read.
func (r *reader) end() int {
	if r.f == CBOR {
		return r.cbor.i
	}
	return r.json.i
}

// finish reports an error if more bytes follow.
func (r *reader) finish() error {
	if r.f == CBOR {
		return r.cbor.finish()
	}
	return r.json.finish()
}

var (
	errSyntax   = errors.New("not well-formed")
	errDeep     = errors.New("nested too deeply")
	errMany     = errors.New("too many entries in a list or map")
	errUTF8     = errors.New("text is not UTF-8")
	errTwice    = errors.New("a key appears twice")
	errNoMap    = errors.New("a record is a map of keys and values")
	errTrailing = errors.New("something follows the payload")
)

// twice reports whether a key appears twice, so that it is unknown which of the two values is meant.
func twice(m []member) bool {
	for i := range m {
		for j := range m[:i] {
			if string(m[i].key) == string(m[j].key) {
				return true
			}
		}
	}
	return false
}
