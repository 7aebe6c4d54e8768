package console

import (
	"context"
	"slices"
	"strings"

	"github.com/paywatt/paywatt/internal/receipt"
	"github.com/paywatt/paywatt/internal/wallet"
	"github.com/paywatt/paywatt/supply"
)

// supplyState is where the supply of a wallet meter stands, and what comes next. The zero value is a meter without one.
type supplyState struct {
	Badge                              badge
	Wanted, Relay, Lease, Left, Effect string
	Remote                             bool // a person wants it off
}

// supplyState asks for it; the zero value for a meter without a wallet.
func (s *Console) supplyState(ctx context.Context, v visit, number string) (supplyState, error) {
	view, err := s.c.Wallets.Supply(ctx, v.by, number)
	if err != nil || view.Refused() {
		return supplyState{}, err
	}
	out := supplyState{Badge: standBadge(view.Stand), Wanted: "yes", Relay: relayWord(view.Relay), Lease: "none: the meter has not been given one",
		Left: "unknown: too few days of use to judge by", Effect: v.site.standEffect(view), Remote: slices.Contains(view.Off, supply.Remote.String())}
	if !view.Wanted {
		out.Wanted = "no: " + offWords(view.Off)
		if view.Why != "" {
			out.Wanted += " (" + view.Why + ")"
		}
	}
	if !view.Lease.Order.IsZero() {
		out.Lease = view.LeaseLeft.KWh(3) + " kWh left, up to register " + view.Lease.Max.KWh(3) + " kWh"
	}
	if view.Waiting {
		out.Lease += "; a newer one is on its way"
	}
	if d := view.Days; d.Known {
		out.Left = itoa(int(d.Least)) + " to " + itoa(int(d.Most)) + ", likely " + itoa(int(d.Likely))
	}
	return out, nil
}

// offWords say why a supply is not wanted.
func offWords(reasons []string) string {
	words := make([]string, len(reasons))
	for i, r := range reasons {
		switch r {
		case supply.Credit.String():
			words[i] = "no credit"
		case supply.Remote.String():
			words[i] = "cut by a person"
		case supply.NotActivated.String():
			words[i] = "the customer has moved out"
		default:
			words[i] = plain(strings.ToLower(r))
		}
	}
	return strings.Join(words, ", ")
}

func standBadge(s wallet.Stand) badge {
	switch s {
	case wallet.StandOn:
		return badge{"●", "On", classOK}
	case wallet.StandWaiting:
		return badge{"▲", "On, though nothing is left", classWarn}
	case wallet.StandCutting:
		return badge{"▲", "Being cut off", classWarn}
	case wallet.StandConnecting:
		return badge{"▲", "Being switched on", classWarn}
	case wallet.StandArmed:
		return badge{"▲", "Waits for a key at the meter", classWarn}
	case wallet.StandOff:
		return badge{"■", "Off", classBad}
	}
	return badge{"○", "Unknown", classOff}
}

// standEffect says what happens next, and when.
func (t site) standEffect(v wallet.SupplyView) string {
	switch v.Stand {
	case wallet.StandOn:
		return "Nothing is due. It goes off when the live estimate has reached the cut-off amount, and at the end of the lease even without a network."
	case wallet.StandWaiting:
		return "It is cut off " + t.cutWhen(v) + ", unless money comes in before."
	case wallet.StandCutting:
		return "The order is on its way: the relay opens when the meter gets it. Each time it is sent it is asked again whether it is still right."
	case wallet.StandConnecting:
		return "The order is on its way: the supply returns when the meter gets it" + keyToo(v.Press) + "."
	case wallet.StandArmed:
		return receipt.PressKey
	case wallet.StandOff:
		return offEffect(v)
	}
	return "The meter is told nothing until it has been heard once."
}

// offEffect says what brings a supply back that is off, and promises it of a recharge only where nothing else is missing.
func offEffect(v wallet.SupplyView) string {
	const decide = "Nothing is charged and the supply is not renewed until somebody has decided in the quarantine: "
	switch {
	case !v.Wanted && !onlyCredit(v.Off):
		return "A recharge does not bring it back: " + offWords(otherThanCredit(v.Off)) + "."
	case v.Held != "":
		return "A recharge alone may not bring it back. " + decide + heldWord(v.Held) + "."
	case !v.Wanted:
		return "A recharge above the cut-off amount brings it back in the same moment."
	case v.Unwilling != "":
		return "It is wanted, and the meter would not take its lease (" + plain(v.Unwilling) + "). A recharge does not change that; look at the meter's configuration."
	case len(v.Keeps) > 0:
		return "It is wanted, and the meter keeps it off: " + keptWords(v.Keeps) + "."
	}
	return "It is wanted, and no order is on its way: the meter is told again when it is heard."
}

// onlyCredit reports whether money is all that is missing.
func onlyCredit(off []string) bool { return len(off) == 1 && off[0] == creditReason }

// otherThanCredit is what keeps a supply off that money does not change.
func otherThanCredit(off []string) []string {
	return slices.DeleteFunc(slices.Clone(off), func(r string) bool { return r == creditReason })
}

// keptWords say why a meter keeps a supply off that is wanted.
func keptWords(reasons []string) string {
	words := make([]string, len(reasons))
	for i, r := range reasons {
		switch r {
		case supply.Lease.String():
			words[i] = "what its lease allows is used up"
		case supply.Remote.String():
			words[i] = "it was cut off by command"
		default:
			words[i] = plain(strings.ToLower(r))
		}
	}
	return strings.Join(words, ", ")
}

func keyToo(press bool) string {
	if press {
		return " and somebody presses # there"
	}
	return ""
}

// cutWhen is when a supply for which nothing is left is cut off.
func (t site) cutWhen(v wallet.SupplyView) string {
	at := ""
	if !v.Until.IsZero() {
		at = ", at " + t.clock(v.Until)
	}
	switch v.Block {
	case wallet.BlockProtected:
		return "never: the account is protected"
	case wallet.BlockHeld:
		return "once somebody has decided in the quarantine"
	case wallet.BlockUnheard, wallet.BlockStale:
		return "at the meter's next reading: the last is too old to cut anybody off by"
	case wallet.BlockFriendly:
		return "at the end of the friendly window" + at
	case wallet.BlockNotice:
		return "when the customer has been warned for long enough" + at
	}
	return "now"
}
