package diagnosis

import (
	"strings"
	"time"

	"github.com/paywatt/paywatt/internal/diagnosistext"
	"github.com/paywatt/paywatt/internal/metering"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/sts"
)

// says returns the finding of this code with the texts of a case.
func (c Code) says(text, do *diagnosistext.Text) Finding { return Finding{Code: c, Text: text, Do: do} }

func noToken(digits int) Finding {
	if digits != sts.TokenDigits {
		return NoToken.says(diagnosistext.NoTokenLength(int64(digits)))
	}
	return NoToken.says(diagnosistext.NoToken())
}

func testToken(tests []string) Finding {
	if len(tests) > 0 && len(tests) < sts.MaxTest {
		return TestToken.says(diagnosistext.TestTokenList(strings.Join(tests, ", ")))
	}
	return TestToken.says(diagnosistext.TestToken())
}

func noMeaning() Finding { return NoMeaning.says(diagnosistext.NoMeaning()) }

func ready(number string, sent bool) Finding {
	if sent {
		return Ready.says(diagnosistext.ReadySent(number))
	}
	return Ready.says(diagnosistext.Ready(number))
}

func used(number, result string, class uint8) Finding {
	before := result == sts.UsedError.String()
	switch {
	case class == 0 && before:
		return Used.says(diagnosistext.UsedCreditBefore(number))
	case class == 0:
		return Used.says(diagnosistext.UsedCredit(number))
	case before:
		return Used.says(diagnosistext.UsedManagementBefore(number))
	}
	return Used.says(diagnosistext.UsedManagement(number))
}

func heard(number string) Finding { return Used.says(diagnosistext.UsedHeard(number)) }

// rejected explains a meter's result for a token.
func rejected(number, result string) Finding {
	switch result {
	case "crc_error":
		return Rejected.says(diagnosistext.RejectedCrc(number))
	case "old_error":
		return Rejected.says(diagnosistext.RejectedOld(number))
	case "key_expired_error":
		return Rejected.says(diagnosistext.RejectedKeyExpired(number))
	case "ddtk_error":
		return Rejected.says(diagnosistext.RejectedDefaultKey(number))
	case "range_error":
		return Rejected.says(diagnosistext.RejectedRange(number))
	case "function_error":
		return Rejected.says(diagnosistext.RejectedFunction(number))
	case "key_type_error":
		return Rejected.says(diagnosistext.RejectedKeyType(number))
	case "mfr_code_error":
		return Rejected.says(diagnosistext.RejectedManufacturer(number))
	case "format_error":
		return Rejected.says(diagnosistext.RejectedFormat(number))
	}
	return Rejected.says(diagnosistext.Rejected(number, result))
}

func reversed(number string) Finding { return Reversed.says(diagnosistext.Reversed(number)) }

func otherMeter(number, asked string) Finding {
	return OtherMeter.says(diagnosistext.OtherMeter(number, asked))
}

func notYours(number string) Finding {
	if number != "" {
		return NotYours.says(diagnosistext.NotYoursAtMeter(number))
	}
	return NotYours.says(diagnosistext.NotYours())
}

func notSold(number string, class uint8) Finding {
	if class == 2 {
		return NotSold.says(diagnosistext.NotMade(number))
	}
	return NotSold.says(diagnosistext.NotSold(number))
}

func otherKey(number string, fits, registered registry.Key) Finding {
	return OtherKey.says(diagnosistext.OtherKey(number, keyText(fits), keyText(registered)))
}

func keyText(k registry.Key) *diagnosistext.Text {
	return diagnosistext.Key(k.SGC, k.KRN, uint8(k.KT), k.TI, k.BaseDate.String())
}

func fitsNothing(number string, tried int) Finding {
	return FitsNothing.says(diagnosistext.FitsNothing(number, int64(tried)))
}

func noMeterGiven() Finding { return NoMeterGiven.says(diagnosistext.NoMeterGiven()) }

// mistypedDigit says how many tokens would fit. Shown says whether the answer shows their digits.
func mistypedDigit(n int, shown bool) Finding {
	if shown {
		return MistypedDigit.says(diagnosistext.MistypedDigitShown(int64(n)))
	}
	return MistypedDigit.says(diagnosistext.MistypedDigit(int64(n)))
}

func swappedDigits(n int, shown bool) Finding {
	if shown {
		return SwappedDigits.says(diagnosistext.SwappedDigitsShown(int64(n)))
	}
	return SwappedDigits.says(diagnosistext.SwappedDigits(int64(n)))
}

func superseded(number string, k registry.Key) Finding {
	return Superseded.says(diagnosistext.Superseded(number, k.KRN, k.TI))
}

func beforeKeyChange(number string) Finding {
	return BeforeKeyChange.says(diagnosistext.BeforeKeyChange(number))
}

func afterKeyChange(number string) Finding {
	return AfterKeyChange.says(diagnosistext.AfterKeyChange(number))
}

func expired(number string, k registry.Key) Finding {
	return Expired.says(diagnosistext.Expired(number, k.KEN))
}

func baseDateOver(number string, b sts.BaseDate) Finding {
	return BaseDateOver.says(diagnosistext.BaseDateOver(b.String(), number, lastDay(b)))
}

func lockedOutSince(number string, at time.Time) Finding {
	return LockedOut.says(diagnosistext.LockedOut(number, stamp(at)))
}

func keystoreLocked() Finding { return Locked.says(diagnosistext.KeystoreLocked()) }

func keyMissing(k registry.Key) Finding { return KeyMissing.says(diagnosistext.KeyMissing(keyText(k))) }

func noKeys(number string) Finding { return NoKeys.says(diagnosistext.NoKeys(number)) }

// lastDay returns the day on which a base date ends.
func lastDay(b sts.BaseDate) string { return b.End().Format("2006-01-02") }

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 MST") }

// lockedOut reports whether the meter's newest report on any token is that it is locked, and was received within
// lockLife.
func lockedOut(reports []metering.StoredToken, now time.Time) (time.Time, bool) {
	if len(reports) == 0 || reports[0].Result != sts.Locked.String() || now.Sub(reports[0].ReceivedAt) > lockLife {
		return time.Time{}, false
	}
	return reports[0].At, true
}
