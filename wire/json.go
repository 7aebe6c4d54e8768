package wire

import (
	"encoding/json"
	"strconv"
	"unicode/utf8"
)

// jsonReader reads RFC 8259 text with the limits of this package; all text must be UTF-8.
type jsonReader struct {
	b []byte
	i int
	// begun is set once the first element of the list has been reached.
	begun bool
}

func (r *jsonReader) is(c byte) bool         { return r.i < len(r.b) && r.b[r.i] == c }
func (r *jsonReader) since(start int) []byte { return r.b[start:r.i:r.i] }

func (r *jsonReader) blanks() {
	for r.i < len(r.b) {
		switch r.b[r.i] {
		case ' ', '\t', '\r', '\n':
			r.i++
		default:
			return
		}
	}
}

// take skips the next byte if that byte is c, and reports whether it skipped the byte.
func (r *jsonReader) take(c byte) bool {
	if !r.is(c) {
		return false
	}
	r.i++
	return true
}

func (r *jsonReader) finish() error {
	r.blanks()
	if r.i != len(r.b) {
		return errTrailing
	}
	return nil
}

func (r *jsonReader) list() bool {
	r.blanks()
	r.begun = false
	return r.take('[')
}

func (r *jsonReader) more() (bool, error) {
	r.blanks()
	if r.take(']') {
		return false, nil
	}
	if r.begun {
		if !r.take(',') {
			return false, errSyntax
		}
		r.blanks()
		if r.is(']') {
			return false, errSyntax
		}
	}
	r.begun = true
	return true, nil
}

func (r *jsonReader) value(depth int) (item, error) {
	r.blanks()
	if r.i == len(r.b) {
		return item{}, errSyntax
	}
	start := r.i
	switch c := r.b[r.i]; {
	case c == '"':
		text, err := r.text()
		return item{kind: itemText, text: text, raw: r.since(start)}, err
	case c == '-' || c >= '0' && c <= '9':
		return r.number()
	case c == '{':
		err := r.skip(depth, '}')
		return item{kind: itemMap, raw: r.since(start)}, err
	case c == '[':
		err := r.skip(depth, ']')
		return item{kind: itemList, raw: r.since(start)}, err
	}
	for _, w := range [...]struct {
		word string
		it   item
	}{{"true", item{kind: itemBool, n: 1}}, {"false", item{kind: itemBool}}, {"null", item{kind: itemNull}}} {
		if end := r.i + len(w.word); end <= len(r.b) && string(r.b[r.i:end]) == w.word {
			r.i = end
			w.it.raw = r.since(start)
			return w.it, nil
		}
	}
	return item{}, errSyntax
}

// skip checks a list or map and moves past it. The parameter end is its last byte, ] or }.
func (r *jsonReader) skip(depth int, end byte) error {
	if depth >= maxDepth {
		return errDeep
	}
	r.i++
	for n := 0; ; n++ {
		r.blanks()
		if n == 0 && r.take(end) {
			return nil
		}
		if n == maxElements {
			return errMany
		}
		if end == '}' {
			if err := r.key(nil); err != nil {
				return err
			}
		}
		if _, err := r.value(depth + 1); err != nil {
			return err
		}
		r.blanks()
		if r.take(end) {
			return nil
		}
		if !r.take(',') {
			return errSyntax
		}
	}
}

// key reads a key and its colon. The parameter dst may be nil.
func (r *jsonReader) key(dst *[]byte) error {
	if !r.is('"') {
		return errSyntax
	}
	text, err := r.text()
	if err != nil {
		return err
	}
	if dst != nil {
		*dst = text
	}
	r.blanks()
	if !r.take(':') {
		return errSyntax
	}
	return nil
}

func (r *jsonReader) members(depth int, dst []member) ([]member, error) {
	if depth >= maxDepth {
		return dst, errDeep
	}
	r.blanks()
	if !r.take('{') {
		return dst, errNoMap
	}
	r.blanks()
	if r.take('}') {
		return dst, nil
	}
	for n := 0; ; n++ {
		if n == maxElements {
			return dst, errMany
		}
		var m member
		r.blanks()
		if err := r.key(&m.key); err != nil {
			return dst, err
		}
		v, err := r.value(depth + 1)
		if err != nil {
			return dst, err
		}
		m.value = v
		r.blanks()
		// A value counts only once its end is certain: a number at the end of a cut payload may be incomplete.
		last := r.take('}')
		if !last && !r.take(',') {
			return dst, errSyntax
		}
		dst = append(dst, m)
		if last {
			return dst, nil
		}
	}
}

// text reads a text without its quotes. It copies only a text that holds an escape.
func (r *jsonReader) text() ([]byte, error) {
	r.i++
	start, escaped, ascii := r.i, false, true
	for r.i < len(r.b) {
		switch c := r.b[r.i]; {
		case c == '"':
			text := r.since(start)
			r.i++
			if !ascii && !utf8.Valid(text) {
				return nil, errUTF8
			}
			if escaped {
				return unescape(r.b[start-1 : r.i])
			}
			return text, nil
		case c == '\\':
			escaped = true
			r.i++ // the next byte belongs to the escape, even if it is a quote
		case c < ' ':
			return nil, errSyntax
		case c >= utf8.RuneSelf:
			ascii = false
		}
		r.i++
	}
	r.i = len(r.b)
	return nil, errSyntax
}

// unescape decodes a quoted text that has escapes, with the standard library.
func unescape(quoted []byte) ([]byte, error) {
	var s string
	if err := json.Unmarshal(quoted, &s); err != nil {
		return nil, errSyntax
	}
	return []byte(s), nil
}

func (r *jsonReader) digits() bool {
	start := r.i
	for r.i < len(r.b) && r.b[r.i] >= '0' && r.b[r.i] <= '9' {
		r.i++
	}
	return r.i > start
}

func (r *jsonReader) number() (item, error) {
	start := r.i
	r.take('-')
	if r.take('0') {
		// only a fraction or an exponent may follow a leading zero
		if r.i < len(r.b) && r.b[r.i] >= '0' && r.b[r.i] <= '9' {
			return item{}, errSyntax
		}
	} else if !r.digits() {
		return item{}, errSyntax
	}
	kind := itemInt
	if r.take('.') {
		kind = itemNumber
		if !r.digits() {
			return item{}, errSyntax
		}
	}
	if r.take('e') || r.take('E') {
		kind = itemNumber
		if !r.take('+') {
			r.take('-')
		}
		if !r.digits() {
			return item{}, errSyntax
		}
	}
	it := item{kind: kind, raw: r.since(start)}
	if kind == itemInt {
		n, err := strconv.ParseInt(string(it.raw), 10, 64)
		if err != nil {
			it.kind = itemNumber
		}
		it.n = n
	}
	return it, nil
}
