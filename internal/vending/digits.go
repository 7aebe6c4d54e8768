package vending

import (
	"fmt"
	"io"
	"log/slog"

	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/sts"
)

// Digits are the tokens of one sale while its answer is made inside the transaction. They have no printable form.
type Digits struct {
	tokens []sts.Token
	change []sts.Token // of Sale.Change

	withheld refusal.Code
}

// Issued are the tokens of one sale after the commit. They have no printable form; the zero value has no tokens, which
// is also what an actor gets who may not see them.
type Issued struct{ digits Digits }

// DigitsOf wraps tokens, in the order of the sale's tokens.
func DigitsOf(tokens ...sts.Token) Digits { return Digits{tokens: tokens} }

// Len is the number of tokens.
func (d Digits) Len() int { return len(d.tokens) }

// Change are the digits of Sale.Change, one for one.
func (d Digits) Change() Digits { return Digits{tokens: d.change, withheld: d.withheld} }

// Withheld returns the code of what hides the digits from an actor that may see them; empty if they are shown.
func (d Digits) Withheld() refusal.Code { return d.withheld }

// none stands where a token has no digits, because its issuer has not answered or refused.
const none = "**** **** **** **** ****"

// Reveal is the 20 digits of token i, or a mask where it has none yet. Only bytes that are stored sealed and leave
// after the commit may hold them.
func (d Digits) Reveal(i int) string {
	if d.tokens[i] == (sts.Token{}) {
		return none
	}
	return d.tokens[i].Reveal()
}

// Token is token i itself, which masks itself; the zero Token where it has no digits yet.
func (d Digits) Token(i int) sts.Token { return d.tokens[i] }

// Len is the number of tokens that may be revealed.
func (i Issued) Len() int { return i.digits.Len() }

// Reveal is the 20 digits of token n, or a mask where it has none yet.
func (i Issued) Reveal(n int) string { return i.digits.Reveal(n) }

// Digits are the same tokens, for whoever renders an answer with the function that also serves Order.Render.
func (i Issued) Digits() Digits { return i.digits }

// String masks the digits.
func (d Digits) String() string { return fmt.Sprintf("%d masked tokens", len(d.tokens)) }

// Format masks the digits for every verb.
func (d Digits) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, d.String()) }

// LogValue masks the digits in logs.
func (d Digits) LogValue() slog.Value { return slog.StringValue(d.String()) }

// MarshalJSON masks the digits.
func (d Digits) MarshalJSON() ([]byte, error) { return []byte(`"` + d.String() + `"`), nil }

// String masks the digits.
func (i Issued) String() string { return i.digits.String() }

// Format masks the digits for every verb.
func (i Issued) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, i.digits.String()) }

// LogValue masks the digits in logs.
func (i Issued) LogValue() slog.Value { return slog.StringValue(i.digits.String()) }

// MarshalJSON masks the digits.
func (i Issued) MarshalJSON() ([]byte, error) { return i.digits.MarshalJSON() }
