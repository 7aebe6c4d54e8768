package print

import (
	"fmt"
	"strings"

	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/receipt"
	"github.com/paywatt/paywatt/internal/words"
)

// Septets is the capacity of one short message in the GSM-7 alphabet.
const Septets = 160

// MaxMessages is the largest number of messages for one receipt. Each has room for at least two tokens, so 32 tokens always fit. A sale
// makes fewer tokens.
const MaxMessages = 16

// SMS writes the receipt as short messages of at most 160 septets. The digits come first, because people read the message for them, then
// units, amount, meter and receipt. Most receipts fit into one message. Several tokens may need more messages: each has its number ("1/2")
// and as many tokens as fit. All characters take one septet in GSM-7. Letters that GSM-7 lacks lose their accents, and any other sign
// becomes a question mark.
func SMS(say *words.Texts, r receipt.Receipt) []string {
	say = say.Latin().Plain()
	end := tail(say, r, longTail)
	tokens := r.Ordered()
	lines := make([]string, len(tokens))
	for i, t := range tokens {
		lines[i] = t.Reveal()
		if len(tokens) > 1 || t.Kind != receipt.SaleToken {
			lines[i] += " " + short(say, t)
		}
	}
	if one := strings.Join(append(lines, end), "\n"); len(one) <= Septets {
		return []string{one}
	}
	var out []string
	var at []string
	end = tail(say, r, shortTail)
	room := Septets - len("10/16 \n") - len(end)
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
		out[i] = strings.TrimSpace(fmt.Sprintf("%d/%d %s", i+1, len(out), out[i])) + "\n" + end
	}
	if len(out) == 1 {
		out[0] = strings.TrimPrefix(out[0], "1/1 ")
	}
	return out
}

// short returns a token's kind and units in few characters.
func short(say *words.Texts, t receipt.Token) string {
	switch t.Kind {
	case receipt.KeyChange:
		return plain(say.ShortKeyChange())
	case receipt.FreeToken:
		return plain(say.ShortFree(say.KWh(t.Units, 1)))
	case receipt.Engineering:
		return plain(say.ShortEngineering())
	}
	return plain(say.ShortToken(say.KWh(t.Units, 1)))
}

// Greatest length of the text besides the digits: in a message with one token, and in a message with two tokens and their kinds.
const (
	longTail  = 84
	shortTail = 70
)

// tail returns the text of a message apart from the digits: the required parts, and as many of the optional parts as fit.
func tail(say *words.Texts, r receipt.Receipt, most int) string {
	must := Marks(say, r)
	switch {
	case r.Credits() && r.Cancelled:
		must = append(must, say.ShortCancelled())
	case r.Credits():
		must = append(must, say.ShortReversed())
	}
	amount := func(m money.Minor) string { return say.Figure(m, r.Currency) }
	tendered := r.Currency.Code + " " + amount(r.Tendered)
	if !r.Recharge() {
		must = append(must, say.ShortSale(say.KWh(r.Units, 1), tendered, r.Meter))
	} else if must = append(must, say.ShortRecharge(tendered, r.Meter)); r.PressKey {
		must[len(must)-1] += "."
		must, most = append(must, say.PaperPress()), Septets // the message has no digits
	}
	var taken, left money.Minor
	for _, p := range r.Others {
		if p.Kind == receipt.Wallet {
			continue
		}
		taken += p.Amount + p.VAT
		if p.Left != nil {
			left += *p.Left
		}
	}
	rest := ""
	if taken != 0 {
		if rest = " " + say.ShortCharges(amount(taken)); left != 0 {
			rest += " " + say.ShortLeft(amount(left))
		}
	}
	text := plain(strings.Join(must, " "))
	for _, more := range []string{plain(rest), plain(" " + say.ShortNumber(r.No))} {
		if len(text)+len(more) <= most {
			text += more
		}
	}
	return text
}

// These are letters with accents, and other letters that GSM-7 lacks or that some phones do not show, with the letters that replace
// them.
const (
	marked   = "ÀÁÂÃÄÅÇÈÉÊËÌÍÎÏÑÒÓÔÕÖÙÚÛÜÝàáâãäåçèéêëìíîïñòóôõöùúûüýÿŁłŚśŻżŹźĆćŃńĘęĄąƁɓƊɗƘƙƳƴ"
	unmarked = "AAAAAACEEEEIIIINOOOOOUUUUYaaaaaaceeeeiiiinooooouuuuyyLlSsZzZzCcNnEeAaBbDdKkYy"
)

// plain converts a text to the characters that GSM-7 and ASCII share.
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
