package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"math"
	"reflect"
	"strings"
	"unicode/utf8"

	"github.com/paywatt/paywatt/api/apiv1"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/refuse"
)

// unreadable says why a request's body cannot be read, and which field is the cause. The zero value means that the body can be read.
type unreadable struct {
	refusal.Refusal
	field string
}

// decode reads a request's JSON strictly: one object, UTF-8, no unknown fields, whole numbers only where the field is a whole
// number. The use case checks for missing and out-of-range values.
func decode(body []byte, into any) unreadable {
	if !utf8.Valid(body) {
		return unreadable{Refusal: refuse.RequestBodyOfWrongEncoding()}
	}
	if name, twice := repeated(body); twice {
		return unreadable{refuse.FieldRepeated(refusal.Echo(name)), refusal.Echo(name)}
	}
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	sums := amountsOf(into)
	for _, s := range sums {
		s.amount.AmountMinor = unsaid
	}
	if err := d.Decode(into); err != nil {
		return decodeProblem(err)
	}
	for _, s := range sums {
		if s.amount.AmountMinor == unsaid {
			return unreadable{refuse.AmountMissing(s.name), s.name + ".amount_minor"}
		}
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return unreadable{Refusal: refuse.RequestBodyGoesOn()}
	}
	return unreadable{}
}

// unsaid is the value of an amount until the body sets it. A missing tender must not count as a tender of 0, because 0
// claims free units.
const unsaid = math.MinInt64

// namedAmount is an amount of a request, with its field's name.
type namedAmount struct {
	name   string
	amount *apiv1.Amount
}

// amountsOf finds the amounts that a request's body must set.
func amountsOf(into any) []namedAmount {
	v := reflect.ValueOf(into).Elem()
	if v.Kind() != reflect.Struct {
		return nil
	}
	var out []namedAmount
	for i := range v.NumField() {
		if !v.Type().Field(i).IsExported() {
			continue
		}
		if a, ok := v.Field(i).Addr().Interface().(*apiv1.Amount); ok {
			name, _, _ := strings.Cut(v.Type().Field(i).Tag.Get("json"), ",")
			out = append(out, namedAmount{name, a})
		}
	}
	return out
}

// repeated looks for an object that has a field twice, also in another letter case, because decoding ignores case. Two
// readers may take different values from such a body: a proxy or a log might see one amount while another is sold. Invalid
// JSON is left to the decoder.
func repeated(body []byte) (name string, twice bool) {
	type object struct {
		names map[string]struct{} // nil for an array
		value bool                // the next token is a value, not a name
	}
	var open []object
	for d := json.NewDecoder(bytes.NewReader(body)); ; {
		token, err := d.Token()
		if err != nil {
			return "", false
		}
		top := len(open) - 1
		if text, ok := token.(string); ok && top >= 0 && open[top].names != nil && !open[top].value {
			folded := strings.ToLower(strings.ToUpper(text))
			if _, ok := open[top].names[folded]; ok {
				return text, true
			}
			open[top].names[folded], open[top].value = struct{}{}, true
			continue
		}
		if top >= 0 {
			open[top].value = false
		}
		switch token {
		case json.Delim('{'):
			open = append(open, object{names: map[string]struct{}{}})
		case json.Delim('['):
			open = append(open, object{})
		case json.Delim('}'), json.Delim(']'):
			open = open[:top]
		}
	}
}

// maxDepth is how many objects and lists of a request may be inside one another. The deepest request, a tariff, needs seven.
const maxDepth = 16

// unfit refuses a body that is nested too deeply, and names and texts with characters that could deceive a reader or that not every
// database can store. Only the text of a message may have line breaks. Invalid JSON is left to the decoder.
func unfit(body []byte, fits func(text string) bool) refusal.Refusal {
	depth := 0
	for d := json.NewDecoder(bytes.NewReader(body)); ; {
		token, err := d.Token()
		if err != nil {
			return refusal.Refusal{}
		}
		switch t := token.(type) {
		case json.Delim:
			if t == '}' || t == ']' {
				depth--
			} else if depth++; depth > maxDepth {
				return refuse.RequestBodyTooDeep(maxDepth)
			}
		case string:
			if !fits(t) {
				return refuse.RequestBodyWithControl()
			}
		}
	}
}

func decodeProblem(err error) unreadable {
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	switch {
	case errors.As(err, &kind):
		return wrongType(kind)
	case errors.As(err, &syntax):
		return unreadable{Refusal: refuse.RequestBodyOfWrongSyntax(syntax.Offset)}
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return unreadable{Refusal: refuse.RequestBodyEndsEarly()}
	}
	if name, ok := strings.CutPrefix(err.Error(), "json: unknown field "); ok {
		name = strings.Trim(name, `"`)
		return unreadable{refuse.FieldUnknown(refusal.Echo(name)), name}
	}
	return unreadable{Refusal: refuse.RequestBodyUnreadable()}
}

// wrongType explains a value of the wrong kind. Amounts get their own code, because a client that sends 12.5 or "100"
// mistakes the unit.
func wrongType(e *json.UnmarshalTypeError) unreadable {
	where, value := place(e.Field), refusal.Echo(e.Value)
	kind := e.Type.Kind().String()
	var no refusal.Refusal
	switch {
	case where == "":
		return unreadable{Refusal: refuse.RequestBodyNotObject(value)}
	case strings.HasSuffix(where, "_minor"):
		no = refuse.FieldNotMinorUnits(where, value)
	case kind == "string":
		no = refuse.FieldNotText(where, value)
	case kind == "bool":
		no = refuse.FieldNotBoolean(where, value)
	case strings.Contains(kind, "int"):
		no = refuse.FieldNotWholeNumber(where, int64(e.Type.Bits()), value)
	default:
		no = refuse.FieldOfWrongType(where, value)
	}
	return unreadable{no, where}
}

// place returns the location of a value, without the names of Go's embedded structs, which begin with a capital.
func place(field string) string {
	var out []string
	for part := range strings.SplitSeq(field, ".") {
		if part == "" || part[0] < 'A' || part[0] > 'Z' {
			out = append(out, part)
		}
	}
	return strings.Join(out, ".")
}

// canonical returns the body with sorted keys and no blanks, so that two spellings of one request are equal. Invalid JSON is
// returned unchanged.
func canonical(body []byte) []byte {
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	var v any
	if d.Decode(&v) != nil {
		return body
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return body
	}
	b, err := json.Marshal(v)
	if err != nil {
		return body
	}
	return b
}
