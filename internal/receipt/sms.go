package receipt

import (
	"fmt"
	"strings"

	"github.com/paywatt/paywatt/internal/money"
)

// Septets is what one short message carries in the GSM-7 alphabet.
const Septets = 160

// MaxMessages bounds the messages of one receipt. Each has room for two tokens at least, so twice as many are never
// left out; a sale makes fewer.
const MaxMessages = 16

// SMS writes the receipt as short messages of at most 160 septets: the digits first, because that is what they are
// read for, then units, amount, meter and receipt. One message is the rule; only several tokens make several, each with
// as many as fit and its place, "1/2". Everything is in the characters that GSM-7 has for one septet: letters it has
// not are written without their marks, any other sign as a question mark.
func SMS(r Receipt) []string {
	tail := r.tail(longTail)
	tokens := r.Ordered()
	lines := make([]string, len(tokens))
	for i, t := range tokens {
		lines[i] = t.Reveal()
		if len(tokens) > 1 || t.Kind != SaleToken {
			lines[i] += " " + short(t)
		}
	}
	if one := strings.Join(append(lines, tail), "\n"); len(one) <= Septets {
		return []string{one}
	}
	var out []string
	var at []string
	tail = r.tail(shortTail)
	room := Septets - len("10/16 \n") - len(tail)
	size := 0
	for _, l := range lines {
		if size > 0 && size+len(l)+1 > room {
			out, at, size = append(out, strings.Join(at, "\n")), nil, 0
		}
		at, size = append(at, l), size+len(l)+1
	}
	if out = append(out, strings.Join(at, "\n")); len(out) > MaxMessages {
		out = out[:MaxMessages]
	}
	for i := range out {
		out[i] = strings.TrimSpace(fmt.Sprintf("%d/%d %s", i+1, len(out), out[i])) + "\n" + tail
	}
	if len(out) == 1 {
		out[0] = strings.TrimPrefix(out[0], "1/1 ")
	}
	return out
}

// short is a token's kind and units in few characters.
func short(t Token) string {
	switch t.Kind {
	case KeyChange:
		return "key change"
	case FreeToken:
		return t.Units.KWh(1) + "kWh free"
	case Engineering:
		return "engineering"
	}
	return t.Units.KWh(1) + "kWh"
}

// How long the part that is not digits may become: beside one token, and beside two with their kinds.
const (
	longTail  = 84
	shortTail = 70
)

// tail is the part of a message that is not digits: what it must say, and as much of the rest as fits.
func (r Receipt) tail(most int) string {
	var b strings.Builder
	for _, m := range r.Marks() {
		b.WriteString(m + " ")
	}
	switch {
	case r.Credits() && r.Cancelled:
		b.WriteString("CANCELLED ")
	case r.Credits():
		b.WriteString("TAKEN BACK ")
	}
	if r.Recharge() {
		fmt.Fprintf(&b, "Recharge %s %s meter %s", r.Currency.Code, money.Format(r.Tendered, r.Currency), r.Meter)
		if r.PressKey {
			b.WriteString(". " + PressKey)
			most = Septets // there are no digits beside it
		}
	} else {
		fmt.Fprintf(&b, "%s kWh %s %s meter %s", r.Units.KWh(1), r.Currency.Code, money.Format(r.Tendered, r.Currency), r.Meter)
	}
	rest := ""
	var taken, left money.Minor
	for _, p := range r.Others {
		if p.Kind == Wallet {
			continue
		}
		taken += p.Amount + p.VAT
		if p.Left != nil {
			left += *p.Left
		}
	}
	if taken != 0 {
		rest += " charges " + money.Format(taken, r.Currency)
		if left != 0 {
			rest += " left " + money.Format(left, r.Currency)
		}
	}
	for _, more := range []string{rest, " no " + r.No} {
		if b.Len()+len(plain(more)) <= most {
			b.WriteString(more)
		}
	}
	return plain(b.String())
}

// marked are letters with marks and others that GSM-7 has not or that not every phone shows, with the letters that
// stand for them.
const (
	marked   = "ÀÁÂÃÄÅÇÈÉÊËÌÍÎÏÑÒÓÔÕÖÙÚÛÜÝàáâãäåçèéêëìíîïñòóôõöùúûüýÿŁłŚśŻżŹźĆćŃńĘęĄąƁɓƊɗƘƙƳƴ"
	unmarked = "AAAAAACEEEEIIIINOOOOOUUUUYaaaaaaceeeeiiiinooooouuuuyyLlSsZzZzCcNnEeAaBbDdKkYy"
)

// plain writes a text in the characters that GSM-7 and ASCII have in common.
func plain(s string) string {
	letters := []rune(unmarked)
	from := []rune(marked)
	return strings.Map(func(c rune) rune {
		if c == '\n' || c >= ' ' && c < 0x7f && !strings.ContainsRune("`^{}\\[]~|", c) {
			return c
		}
		for i, m := range from {
			if m == c {
				return letters[i]
			}
		}
		return '?'
	}, s)
}
