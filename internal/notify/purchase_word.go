package notify

import (
	"strings"

	"github.com/paywatt/paywatt/internal/access"
)

// pinDigits is the length of a voucher's PIN. A token has 20 digits and a meter's number 11 or 13, so digits alone are never two of them.
const pinDigits = 16

// readOrder reads a message that buys: a voucher's PIN, alone or after its word and with a meter after it, or BUY with an amount and a meter.
func readOrder(plain string, words []string, number string) (Keyword, bool) {
	if len(words) == 0 {
		if len(number) == pinDigits {
			return Keyword{Word: WordVoucher, PIN: access.SecretOf(number)}, true
		}
		stars := strings.NewReplacer(" ", "", "-", "").Replace(plain)
		return Keyword{Word: WordVoucher}, stars == strings.Repeat("*", pinDigits) // as such a message is stored
	}
	if len(words) > maxKeywordWords {
		return Keyword{}, false
	}
	var k Keyword
	for _, w := range words { // "my pin is ..."
		if k = lookUp(w); k.Word != WordNone {
			break
		}
	}
	switch k.Word {
	case WordVoucher:
		if len(number) >= pinDigits {
			k.PIN, k.Number = access.SecretOf(number[:pinDigits]), number[pinDigits:]
		}
		return k, len(k.Number) < TokenLike
	case WordBuy:
		k.Amount, k.Number = amountAndMeter(plain)
		return k, len(k.Number) < TokenLike
	}
	return Keyword{}, false
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
