package notify

import (
	"strings"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/voucherpin"
)

// readOrder reads a message that buys: a voucher's PIN, alone or after its word, perhaps with its code and with a meter; or BUY with an amount and a
// meter. A token has 20 digits and a meter's number 11 or 13, so digits alone are a PIN only if they are sixteen.
func readOrder(plain string) (Keyword, bool) {
	typed := voucherpin.Read(plain)
	if len(typed.Words) == 0 {
		if typed.PIN != "" && (typed.Rest == "" || typed.Code != "" && len(typed.Rest) < TokenLike) {
			return Keyword{Word: WordVoucher, PIN: access.SecretOf(typed.PIN), Code: access.SecretOf(typed.Code), Number: typed.Rest}, true
		}
		return Keyword{Word: WordVoucher}, isMaskedOrder(plain)
	}
	if len(typed.Words) > maxKeywordWords {
		return Keyword{}, false
	}
	var k Keyword
	for _, w := range typed.Words { // "my pin is ..."
		if k = lookUp(w); k.Word != WordNone {
			break
		}
	}
	switch k.Word {
	case WordVoucher:
		if typed.PIN != "" {
			k.PIN, k.Code, k.Number = access.SecretOf(typed.PIN), access.SecretOf(typed.Code), typed.Rest
		}
		return k, len(k.Number) < TokenLike
	case WordBuy:
		k.Amount, k.Number = amountAndMeter(plain)
		return k, len(k.Number) < TokenLike
	}
	return Keyword{}, false
}

// isMaskedOrder reports whether a text is a PIN without its word, as such a message is stored: with stars for the PIN, the code and the meter.
func isMaskedOrder(plain string) bool {
	stars := strings.NewReplacer(" ", "", "-", "").Replace(plain)
	return strings.Trim(stars, "*") == "" && (len(stars) == voucherpin.PINDigits || len(stars) >= voucherpin.PINDigits+voucherpin.CodeLetters)
}

// amountAndMeter splits what follows BUY: an amount as people type it, and a meter in any grouping. An amount never has a blank in it, because
// "1 000" can also be an amount and the end of a meter's number. A whole meter number may also come first.
func amountAndMeter(plain string) (amount, meter string) {
	var groups []string
	for _, g := range strings.FieldsFunc(plain, func(r rune) bool { return (r < '0' || r > '9') && r != '.' && r != ',' }) {
		if g = strings.Trim(g, ".,"); g != "" {
			groups = append(groups, g)
		}
	}
	if len(groups) == 0 {
		return "", ""
	}
	if n := len(groups) - 1; n > 0 && len(groups[0]) >= minMeterDigits && len(groups[n]) < minMeterDigits {
		return groups[n], strings.Join(groups[:n], "")
	}
	return groups[0], strings.Join(groups[1:], "")
}
