package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"reflect"
	"strings"
	"unicode/utf8"

	"github.com/paywatt/paywatt/api/apiv1"
	"github.com/paywatt/paywatt/internal/refusal"
)

// decode reads a request's JSON strictly: one object, UTF-8, no unknown fields, whole numbers only where the field is
// a whole number. What is missing or out of range is for the use case to say.
func decode(body []byte, into any) *Problem {
	if !utf8.Valid(body) {
		return malformed("The body is not UTF-8.", "Send JSON in UTF-8.")
	}
	if name, twice := repeated(body); twice {
		p := malformed(fmt.Sprintf("The field %q stands in one object twice.", short(name)), "Send each field once.")
		p.Errors = []apiv1.FieldError{{Location: "body." + short(name), Message: "given twice"}}
		return p
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
			p := because(refusal.AmountInvalid, fmt.Sprintf("The field %q is missing.", s.name+".amount_minor"), "",
				"Send a whole number of minor units; 10000 is 100.00.")
			p.Errors = []apiv1.FieldError{{Location: "body." + s.name + ".amount_minor", Message: "missing"}}
			return p
		}
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return malformed("Something follows the JSON object.", "Send exactly one JSON object.")
	}
	return nil
}

// unsaid stands in an amount until the body names one. A tender that nobody named must not be taken for one of 0, which
// claims free units.
const unsaid = math.MinInt64

// namedAmount is an amount of a request, with its field's name.
type namedAmount struct {
	name   string
	amount *apiv1.Amount
}

// amountsOf finds the amounts that a request's body must name.
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

// repeated looks for an object that names one field twice, also in another letter case, because fields are found
// whatever their case. Two readers may take two different values from such a body: the one that a proxy or a log saw
// would not be the one that was sold. What is no JSON is left to the decoder.
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

// zeroByte reports whether a text in a JSON body holds the character U+0000, which not every database can keep as text. A zero
// byte that is not escaped is no JSON.
func zeroByte(body []byte) bool {
	if !bytes.Contains(body, []byte(`\u0000`)) {
		return false
	}
	for d := json.NewDecoder(bytes.NewReader(body)); ; {
		token, err := d.Token()
		if err != nil {
			return false
		}
		if text, ok := token.(string); ok && strings.ContainsRune(text, 0) {
			return true
		}
	}
}

// short is what of a name from a body is repeated to its sender.
func short(name string) string {
	const longest = 40
	if len(name) > longest {
		name = strings.ToValidUTF8(name[:longest], "") + "…"
	}
	return name
}

func malformed(what, try string) *Problem {
	return because(refusal.InvalidRequest, what, "", try)
}

func decodeProblem(err error) *Problem {
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	switch {
	case errors.As(err, &kind):
		return wrongType(kind)
	case errors.As(err, &syntax):
		return malformed(fmt.Sprintf("The body is not JSON: broken at byte %d.", syntax.Offset), "Check quotes, commas and braces.")
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return malformed("The body is not JSON: it ends too early.", "Check quotes, commas and braces.")
	}
	if name, ok := strings.CutPrefix(err.Error(), "json: unknown field "); ok {
		p := malformed("The field "+name+" is unknown here.", "Remove it, or check its spelling; /docs lists the fields.")
		p.Errors = []apiv1.FieldError{{Location: "body." + strings.Trim(name, `"`), Message: "unknown field"}}
		return p
	}
	return malformed("The body cannot be read.", "Compare it with /docs.")
}

// wrongType explains a value of the wrong kind. Amounts get their own code, since a client that sends 12.5 or "100"
// mistakes the unit, and that is worth knowing apart.
func wrongType(e *json.UnmarshalTypeError) *Problem {
	where, want := place(e.Field), "another kind of value"
	if where == "" {
		return malformed("The body is a JSON "+kindOf(e.Value)+".", "Send a JSON object.")
	}
	switch e.Type.String() {
	case "string":
		want = "a text in quotes"
	case "bool":
		want = "true or false"
	default:
		if strings.Contains(e.Type.Kind().String(), "int") {
			want = fmt.Sprintf("a whole number that fits %d bits, without quotes, decimals or exponent", e.Type.Bits())
		}
	}
	c := refusal.InvalidRequest
	if strings.HasSuffix(where, "_minor") {
		c = refusal.AmountInvalid
		want = "a whole number of minor units (10000 is 100.00), without quotes, decimals or exponent"
	}
	p := because(c, fmt.Sprintf("The field %q cannot be a %s.", where, kindOf(e.Value)), "", "Send "+want+".")
	p.Errors = []apiv1.FieldError{{Location: "body." + where, Message: "want " + want}}
	return p
}

// place is where a value stands, without the names of Go's embedded structs, which begin with a capital.
func place(field string) string {
	var out []string
	for part := range strings.SplitSeq(field, ".") {
		if part == "" || part[0] < 'A' || part[0] > 'Z' {
			out = append(out, part)
		}
	}
	return strings.Join(out, ".")
}

// kindOf names the JSON value; a number is repeated up to a length, because the digits show the mistake.
func kindOf(value string) string {
	const longest = 40
	if len(value) > longest {
		value = value[:longest] + "…"
	}
	if value == "bool" {
		return "truth value"
	}
	if value == "string" {
		return "text"
	}
	return value
}

// canonical is the body with sorted keys and no blanks, so that the same request written differently is the same
// request. What is no JSON stands for itself.
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
