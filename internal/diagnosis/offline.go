package diagnosis

import (
	"time"

	"github.com/paywatt/paywatt/internal/diagnosistext"
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
		out = append(out, NoMeterGiven.says(diagnosistext.OfflineNoKey()))
	default:
		out = append(out, FitsNothing.says(diagnosistext.OfflineFitsNothing(int64(e.Tried))))
	}
	return out
}

// fitting judges a token that opens under the given key.
func fitting(o sts.Opened, l Local) []Finding {
	var out []Finding
	if o.HasTID && o.TID.Expired(l.KEN) {
		out = append(out, Expired.says(diagnosistext.OfflineExpired(l.KEN)))
	}
	if o.Class == 0 && l.KT == sts.DDTK {
		out = append(out, DefaultKey.says(diagnosistext.OfflineDefaultKey()))
	}
	out = append(out, Fits.says(diagnosistext.OfflineFits()))
	if o.HasTID && l.Now.After(l.BaseDate.End()) {
		out = append(out, BaseDateOver.says(diagnosistext.OfflineBaseDateOver(l.BaseDate.String(), lastDay(l.BaseDate))))
	}
	return out
}
