package diagnosis

import (
	"fmt"
	"time"

	"github.com/paywatt/paywatt/sts"
)

// Local holds the facts about a key that are known without a server.
type Local struct {
	HasKey   bool // there is a key; without a key only test tokens can be read
	KT       sts.KeyType
	KEN      uint8
	BaseDate sts.BaseDate
	Now      time.Time
}

// Offline explains the result of [sts.Explain] with one key or with none. It asks no server. Without a server it is not known
// whether a token was sold or used, and the findings say so. Nothing is withheld: whoever has the key can make every
// token that it opens.
func Offline(e sts.Explanation, l Local) []Finding {
	switch {
	case e.Result == sts.FormatError:
		return []Finding{noToken(e.Digits)}
	case e.Opened.Class == 1 && e.Result == sts.Accept:
		return []Finding{testToken(contentsOf(e.Opened, 0).Tests)}
	case e.Opened.Class == 1 && e.Result == sts.FunctionError, e.Key >= 0 && e.Result == sts.FunctionError:
		return []Finding{noMeaning()}
	case e.Key >= 0:
		return fitting(e.Opened, l)
	}
	var out []Finding
	var one, swapped int
	for _, f := range e.Fits {
		if f.Swapped {
			swapped++
		} else {
			one++
		}
	}
	if one > 0 {
		out = append(out, mistypedDigit(one, true))
	}
	if swapped > 0 {
		out = append(out, swappedDigits(swapped, true))
	}
	switch {
	case len(out) > 0:
	case e.Opened.Class > 2:
		out = append(out, noMeaning())
	case !l.HasKey:
		out = append(out, Finding{NoMeterGiven, "It is a token for one meter, and no key was given to read it.",
			"Give the meter's key (--key, or --vending-key-file with the meter's facts), or --number with PAYWATT_URL and PAYWATT_KEY to ask a server."})
	default:
		out = append(out, Finding{FitsNothing, fmt.Sprintf("It is not valid under this key. Nor are the %d tokens that differ by one typing error.", e.Tried),
			"Check the meter's number, SGC, KRN, TI and base date, and compare the digits with the receipt."})
	}
	return out
}

// fitting judges a token that opens under the given key.
func fitting(o sts.Opened, l Local) []Finding {
	var out []Finding
	if o.HasTID && o.TID.Expired(l.KEN) {
		out = append(out, Finding{Expired, fmt.Sprintf("The key expired before this token was issued (key expiry number %d): the meter answers key_expired_error.", l.KEN),
			"Have the meter's key changed and the units issued again."})
	}
	if o.Class == 0 && l.KT == sts.DDTK {
		out = append(out, Finding{DefaultKey, "It is credit under a default key, which meters refuse (ddtk_error).",
			"Have the meter's key changed first. Then issue the units again."})
	}
	out = append(out, Finding{Fits, "It is valid under this key.",
		"If the meter refuses it, note the answer on the display. Only a server can say whether it was sold, used or reversed."})
	if o.HasTID && l.Now.After(l.BaseDate.End()) {
		out = append(out, Finding{BaseDateOver, fmt.Sprintf("Base date %s ended on %s. No token can be sold under this key any more.", l.BaseDate, l.BaseDate.End().Format("2006-01-02")),
			"Enter tokens that were sold before, then change the meter's key to the next base date."})
	}
	return out
}
