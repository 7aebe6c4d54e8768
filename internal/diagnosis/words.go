package diagnosis

import (
	"fmt"
	"strings"
	"time"

	"github.com/paywatt/paywatt/internal/metering"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/sts"
)

// The texts of the findings. Each text describes the case and says what to do next.

func noToken(digits int) Finding {
	f := Finding{Code: NoToken, Do: "Compare it with the receipt, group by group."}
	switch {
	case digits < sts.TokenDigits:
		f.Text = fmt.Sprintf("A token has %d digits, but these are %d.", sts.TokenDigits, digits)
	case digits > sts.TokenDigits:
		f.Text = fmt.Sprintf("A token has %d digits, but these are %d.", sts.TokenDigits, digits)
	default:
		f.Text = "No token has these digits: the number is too large, or something other than a digit is in it."
	}
	return f
}

func testToken(tests []string) Finding {
	what := "It makes a meter run a test or show a value, and carries no credit"
	if len(tests) > 0 && len(tests) < sts.MaxTest {
		what += ": " + strings.Join(tests, ", ")
	}
	return Finding{TestToken, what + ".", "You can enter it at any meter that knows it, as often as you like. For credit, look for the other 20 digits."}
}

func noMeaning() Finding {
	return Finding{NoMeaning, "The standard gives this token no meaning, so a meter answers function_error.",
		"Compare it with the receipt. If the digits are right, it is a token of the manufacturer's own."}
}

func ready(number string, sent bool) Finding {
	text := "It was sold for meter " + number + ", and the meter has not reported it."
	if sent {
		text = "It was sold for meter " + number + " and sent to it. The meter has not answered yet."
	}
	return Finding{Ready, text, "Enter it at meter " + number + ". If that fails, note the answer on the display and check the token again."}
}

func used(number, result string, class uint8) Finding {
	text, do := "Meter "+number+" has it: the credit was added.", "Look at the meter's balance instead of entering it again."
	if class != 0 {
		text, do = "Meter "+number+" has carried it out.", "Look at the meter's display instead of entering it again."
	}
	if result == sts.UsedError.String() {
		text = "Meter " + number + " has it already: somebody entered it before."
	}
	return Finding{Used, text, do}
}

func heard(number string) Finding {
	return Finding{Used, "A text message says that meter " + number + " has loaded it. This is not proven: anybody can send such a message in a meter's name.",
		"Look at the meter's balance. If the units are missing, enter the token: a meter accepts it only once."}
}

func rejected(number, result string) Finding {
	why, do := resultText(result)
	return Finding{Rejected, fmt.Sprintf("Meter %s refused it (%s): %s.", number, result, why), do}
}

// resultText explains a meter's result for a token.
func resultText(result string) (why, do string) {
	switch result {
	case "crc_error":
		return "the digits are not valid under its key", "Check that every digit was entered correctly at this meter. If so, have the meter's key record checked."
	case "old_error":
		return "it was issued before the oldest token the meter remembers", "Have the sale reversed and the units issued again."
	case "key_expired_error":
		return "the key it was made under has expired", "Have the meter's key changed and the units issued again."
	case "ddtk_error":
		return "the meter has a default key, under which it accepts no credit", "Have the meter's key changed first. Then enter the token that is made under the new key."
	case "range_error":
		return "it carries more than the meter accepts at once", "Have the sale reversed and the units issued on smaller tokens."
	case "function_error":
		return "the meter does not know this kind of token", "Check that the token is meant for this kind of meter."
	case "key_type_error":
		return "the key change it belongs to is not allowed", "Have the meter's key changed to an allowed type."
	case "mfr_code_error":
		return "it is for meters of another manufacturer", "Use the token of this meter's manufacturer."
	case "format_error":
		return "not all of its digits arrived", "Enter it again, all 20 digits."
	}
	return "the meter gave no further reason", "Note the answer on the display and have the meter looked at."
}

func reversed(number string) Finding {
	return Finding{Reversed, "Its sale for meter " + number + " was reversed.", "Do not enter it. Sell again if the customer still wants the units."}
}

func otherMeter(number, asked string) Finding {
	return Finding{OtherMeter, fmt.Sprintf("It was made for meter %s, not for meter %s.", number, asked),
		"Enter it at meter " + number + ", or have the sale reversed if it was sold for the wrong meter."}
}

func notYours(number string) Finding {
	text := "It is not among your sales."
	if number != "" {
		text = "It is not among your sales to meter " + number + "."
	}
	return Finding{NotYours, text, "Compare it with the receipt. If it was bought elsewhere, ask there or at the utility."}
}

func notSold(number string, class uint8) Finding {
	text := fmt.Sprintf("It is valid under the key of meter %s, but it was not sold here.", number)
	if class == 2 {
		text = fmt.Sprintf("It is a management token under the key of meter %s, but it was not made here.", number)
	}
	return Finding{NotSold, text, "Ask for its receipt. Unless another system makes tokens for this supply group, report it: it may be a token that nobody paid for."}
}

func otherKey(number string, fits, registered registry.Key) Finding {
	return Finding{OtherKey, fmt.Sprintf("It was made for meter %s under %s, but the meter is registered with %s.", number, keyText(fits), keyText(registered)),
		"Read supply group, key revision and tariff index from the meter's display. Then correct its record, or change its key."}
}

func keyText(k registry.Key) string {
	return fmt.Sprintf("SGC %s, KRN %d, key type %d, TI %s, base date %s", k.SGC, k.KRN, uint8(k.KT), k.TI, k.BaseDate)
}

func fitsNothing(number string, tried int) Finding {
	return Finding{FitsNothing, fmt.Sprintf("It was not sold here and is not valid under any key of meter %s. Nor are the %d tokens that differ by one typing error.", number, tried),
		"Compare the meter number and the digits with the receipt: it is for another meter, or more than one digit is wrong."}
}

func noMeterGiven() Finding {
	return Finding{NoMeterGiven, "It was not sold here.", "Check it again with the meter's number, so that it is tried under that meter's keys."}
}

// candidates says how many tokens would fit.
func candidates(n int) string {
	if n == 1 {
		return "one token would fit"
	}
	return fmt.Sprintf("%d tokens would fit", n)
}

func compare(shown bool) string {
	if shown {
		return "Compare the digits shown with the receipt, then enter those on the receipt."
	}
	return "Compare every digit with the receipt, then enter those on the receipt."
}

func mistypedDigit(n int, shown bool) Finding {
	return Finding{MistypedDigit, "Probably one digit is wrong: with one digit changed, " + candidates(n) + ".", compare(shown)}
}

func swappedDigits(n int, shown bool) Finding {
	return Finding{SwappedDigits, "Probably two neighbouring digits are swapped: with them exchanged, " + candidates(n) + ".", compare(shown)}
}

func superseded(number string, k registry.Key) Finding {
	return Finding{Superseded, fmt.Sprintf("It was made under an earlier key of meter %s (KRN %d, TI %s). The key was changed since, so the meter no longer accepts it.", number, k.KRN, k.TI),
		"Have the sale reversed and the units issued again under the new key."}
}

func beforeKeyChange(number string) Finding {
	return Finding{BeforeKeyChange, "Key-change tokens have been made for meter " + number + ". Once they are entered, this token is void.",
		"Enter this token first, then the key-change tokens."}
}

func afterKeyChange(number string) Finding {
	return Finding{AfterKeyChange, "It was made under the new key of meter " + number + ", but the meter has not confirmed its key change.",
		"First enter the key-change tokens on the receipt, in their order. Then enter this one."}
}

func expired(number string, k registry.Key) Finding {
	return Finding{Expired, fmt.Sprintf("The key of meter %s expired before this token was issued (key expiry number %d): the meter answers key_expired_error.", number, k.KEN),
		"Have the meter's key changed and the units issued again."}
}

func baseDateOver(number string, b sts.BaseDate) Finding {
	return Finding{BaseDateOver, fmt.Sprintf("Base date %s of meter %s ended on %s. No token can be sold under its key any more.", b, number, b.End().Format("2006-01-02")),
		"Enter tokens that were sold before, then change the meter's key to the next base date."}
}

func lockedOutSince(number string, at time.Time) Finding {
	return Finding{LockedOut, fmt.Sprintf("Meter %s refused the last entry at %s because too many wrong tokens were entered before.", number, stamp(at)),
		"Wait until the display no longer says so (10 minutes, longer after more wrong entries), then enter the token once, with care."}
}

func keystoreLocked() Finding {
	return Finding{Locked, "The key store is locked. The token was compared with the tokens sold here, but not tried under the meter's keys.",
		"Give the server the key store's passphrase, then check the token again."}
}

func keyMissing(k registry.Key) Finding {
	return Finding{KeyMissing, "There is no vending key for " + keyText(k) + ". The token was compared with the tokens sold here, but not tried under the meter's keys.",
		"Add the key with paywatt vendingkey add, or correct the meter's record. Then check the token again."}
}

func noKeys(number string) Finding {
	return Finding{NoKeys, "Meter " + number + " takes no tokens: it is not registered with a key.", "Check the number. A wallet meter is recharged by a payment."}
}

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 MST") }

// lockedOut reports whether the meter's newest report on any token is that it is locked, and was received within
// lockLife.
func lockedOut(reports []metering.StoredToken, now time.Time) (time.Time, bool) {
	if len(reports) == 0 || reports[0].Result != sts.Locked.String() || now.Sub(reports[0].ReceivedAt) > lockLife {
		return time.Time{}, false
	}
	return reports[0].At, true
}
