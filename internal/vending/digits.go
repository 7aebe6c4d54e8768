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
	change []sts.Token // digits of Sale.Change

	withheld refusal.Code
}

// Issued are the tokens of one sale after the commit. They have no printable form. The zero value has no tokens; an actor who may not see
// the tokens gets it.
type Issued struct{ digits Digits }

// DigitsOf wraps tokens, in the order of the sale's tokens.
func DigitsOf(tokens ...sts.Token) Digits { return Digits{tokens: tokens} }

// Len is the number of tokens.
func (d Digits) Len() int { return len(d.tokens) }

// Change returns the digits of Sale.Change, in the same order.
func (d Digits) Change() Digits { return Digits{tokens: d.change, withheld: d.withheld} }

// Withheld returns the code of the reason why digits are hidden from an actor who may see them, or an empty code if they are shown.
func (d Digits) Withheld() refusal.Code { return d.withheld }

// none is the mask of a token without digits. A token has no digits if its issuer has not answered yet or has refused.
const none = "**** **** **** **** ****"

// Reveal returns the 20 digits of token i, or a mask if the token has no digits yet. Inside the transaction, put them only into bytes that
// are stored sealed and leave the server after the commit.
func (d Digits) Reveal(i int) string {
	if d.tokens[i] == (sts.Token{}) {
		return none
	}
	return d.tokens[i].Reveal()
}

// Token returns token i, which masks itself, or the zero Token if it has no digits yet.
func (d Digits) Token(i int) sts.Token { return d.tokens[i] }

// Len is the number of tokens that may be revealed.
func (i Issued) Len() int { return i.digits.Len() }

// Reveal returns the 20 digits of token n, or a mask if the token has no digits yet.
func (i Issued) Reveal(n int) string { return i.digits.Reveal(n) }

// Digits returns the same tokens for callers that render an answer with [Purchase.Render].
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
