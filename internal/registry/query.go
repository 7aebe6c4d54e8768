package registry

import (
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/refuse"
)

// Query is what somebody may mean by a text: words of names and addresses, or a number.
type Query struct {
	Text    string   // without blanks around it
	Words   []string // folded, for names and addresses
	Digits  string   // if it has only digits and separators
	Numbers []string // meter numbers that the digits may be the whole of
	Phone   string   // the part of a telephone number that finds it in every form
	TooLong bool
}

// Empty reports whether there is nothing to look for.
func (q Query) Empty() bool { return len(q.Words) == 0 }

// TokenDigits is the length of a token.
const TokenDigits = 20

// Figures of numbers: lengths in digits.
const (
	maxWords   = 6
	panDigits  = 18 // IIN, meter number and check digit, as on a meter card (IEC 62055-41, 6.1.2)
	leastPhone = 4
	mostPhone  = 15
	minLocal   = 8 // the last digits of a telephone number that tell a subscriber within a country
)

// ReadQuery says what a text may mean.
func ReadQuery(text string) Query {
	q := Query{Text: strings.TrimSpace(text)}
	if !utf8.ValidString(text) || utf8.RuneCountInString(text) > maxFind {
		return Query{TooLong: true}
	}
	q.Words = strings.Fields(Folded(q.Text))
	q.Words = q.Words[:min(len(q.Words), maxWords)]
	q.Digits = Dialled(q.Text)
	switch n := len(q.Digits); {
	case n == 0, n == TokenDigits:
		return q
	case n == panDigits: // six digits for the issuer before a number of 11, four before one of 13
		q.Numbers = []string{q.Digits[6 : n-1], q.Digits[4 : n-1]}
	case n <= 13:
		q.Numbers = []string{q.Digits}
	}
	bare := strings.TrimLeft(q.Digits, "0")
	switch n := len(bare); {
	case n < leastPhone || n > mostPhone:
	case n > minLocal: // the country may be missing in what is stored, or in what is typed
		q.Phone = bare[n-minLocal:]
	default:
		q.Phone = bare
	}
	return q
}

// Whole reports whether the text is a number that is too long to be a part of anything: all of a telephone number or of a meter's number, or
// the digits of a token. Phone is then the end of a telephone number, or "".
func (q Query) Whole() bool {
	return len(q.Digits) == TokenDigits || len(strings.TrimLeft(q.Digits, "0")) > minLocal
}

// Terms are the sets of texts that what is known of a customer or a place may contain, with a blank before each word. A short number, such as
// that of a house, is the beginning of a word; a part of a telephone number may be anywhere.
func (q Query) Terms() (out [][]string) {
	if q.Digits == "" || len(q.Words) == 1 && q.Words[0] != q.Phone {
		words := slices.Clone(q.Words)
		for i, w := range words {
			if len(w) < leastPhone && strings.Trim(w, "0123456789") == "" {
				words[i] = " " + w
			}
		}
		out = append(out, words)
	}
	if q.Phone != "" {
		out = append(out, []string{q.Phone})
	}
	return out
}

// SearchTooLong is the refusal of a text that is too long to be searched.
func SearchTooLong() refusal.Refusal { return refuse.SearchTooLong(maxFind) }
