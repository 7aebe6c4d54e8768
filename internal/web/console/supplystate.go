package console

import (
	"context"
	"slices"

	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/wallet"
	"github.com/paywatt/paywatt/internal/words"
	"github.com/paywatt/paywatt/supply"
)

// supplyState is the state of a wallet meter's supply, and what comes next. The zero value is a meter without a wallet.
type supplyState struct {
	Badge                              badge
	Wanted, Relay, Lease, Left, Effect string
	Remote                             bool   // a person has cut the supply
	Emergency                          string // the supply on credit that lasts now; empty for none
}

// supplyState returns the state that the use case gives, or the zero value for a meter without a wallet.
func (s *Console) supplyState(ctx context.Context, v visit, number string) (supplyState, error) {
	view, err := s.c.Wallets.Supply(ctx, v.by, number)
	if err != nil || view.Refused() {
		return supplyState{}, err
	}
	t := v.site.say
	out := supplyState{Badge: standBadge(t, view.Stand), Wanted: wanted(t, view), Relay: relayWord(t, view.Relay), Lease: leaseText(t, view),
		Left: t.SupplyDaysUnknown(), Effect: v.site.standEffect(view), Remote: slices.Contains(view.Off, supply.Remote.String())}
	if e := view.Emergency; e != nil {
		out.Emergency = t.SupplyOnCredit(v.site.clock(e.Until), v.site.say.KWh(e.Energy, 1), e.By, e.Reason)
	}
	if view.Available == nil { // the meter was replaced: another one shows the money
		out.Left = ""
	}
	if d := view.Days; d.Estimated {
		out.Left = t.SupplyDays(itoa(int(d.Least)), itoa(int(d.Most)), itoa(int(d.Likely)))
	}
	return out, nil
}

// wanted says whether a supply should be on, and if not, why.
func wanted(t *words.Texts, v wallet.SupplyView) string {
	switch off := t.Names("off-reason", v.Off); {
	case v.Wanted:
		return t.SupplyYes()
	case v.Why != "":
		return t.SupplyNoBecause(off, v.Why)
	default:
		return t.SupplyNo(off)
	}
}

// leaseText says how long a meter's lease lasts, and whether a newer lease is on its way.
func leaseText(t *words.Texts, v wallet.SupplyView) string {
	left, most := t.KWh(v.LeaseLeft, 3), t.KWh(v.Lease.Max, 3)
	switch {
	case v.Lease.Command.IsZero() && v.Waiting:
		return t.SupplyNoLeaseAndNext()
	case v.Lease.Command.IsZero():
		return t.SupplyNoLease()
	case v.Waiting:
		return t.SupplyLeaseLeftAndNext(left, most)
	}
	return t.SupplyLeaseLeft(left, most)
}

func standBadge(t *words.Texts, s wallet.SupplyState) badge {
	switch s {
	case wallet.SupplyOn:
		return stateBadge(t, registry.On)
	case wallet.SupplyWaiting:
		return badge{"▲", t.SupplyWaiting(), classWarn}
	case wallet.SupplyCutting:
		return badge{"▲", t.SupplyCutting(), classWarn}
	case wallet.SupplyConnecting:
		return badge{"▲", t.SupplyConnecting(), classWarn}
	case wallet.SupplyArmed:
		return badge{"▲", t.SupplyArmed(), classWarn}
	case wallet.SupplyOff:
		return stateBadge(t, registry.CutOff)
	}
	return badge{"○", t.SupplyUnknown(), classOff}
}

// standEffect says what happens next, and when.
func (t site) standEffect(v wallet.SupplyView) string {
	switch v.Stand {
	case wallet.SupplyOn:
		if !v.Leases {
			return t.say.SupplyEffectOnNoLease()
		}
		return t.say.SupplyEffectOn()
	case wallet.SupplyWaiting:
		return t.say.SupplyEffectWaiting(t.cutWhen(v))
	case wallet.SupplyCutting:
		return t.say.SupplyEffectCutting()
	case wallet.SupplyConnecting:
		if v.Press {
			return t.say.SupplyEffectConnectingPress()
		}
		return t.say.SupplyEffectConnecting()
	case wallet.SupplyArmed:
		return t.say.SalePressKey()
	case wallet.SupplyOff:
		return offEffect(t.say, v)
	}
	return t.say.SupplyEffectUnknown()
}

// offEffect says what restores a supply that is off. It names a recharge as the remedy only if there is no other obstacle.
func offEffect(t *words.Texts, v wallet.SupplyView) string {
	switch {
	case !v.Wanted && !onlyCredit(v.Off):
		return t.SupplyOffOther(t.Names("off-reason", otherThanCredit(v.Off)))
	case v.Held != "":
		return t.SupplyOffHeld(t.Name("held-reason", string(v.Held)))
	case !v.Wanted:
		return t.SupplyOffCredit()
	case v.Unwilling != "":
		return t.SupplyOffUnwilling(plain(v.Unwilling))
	case len(v.Keeps) > 0:
		return t.SupplyOffKept(t.Names("kept-reason", v.Keeps))
	}
	return t.SupplyOffNext()
}

// onlyCredit reports whether only money is missing.
func onlyCredit(off []string) bool { return len(off) == 1 && off[0] == creditReason }

// otherThanCredit returns the reasons other than lack of money that keep a supply off.
func otherThanCredit(off []string) []string {
	return slices.DeleteFunc(slices.Clone(off), func(r string) bool { return r == creditReason })
}

// cutWhen says when a supply without money is cut off.
func (t site) cutWhen(v wallet.SupplyView) string {
	known := !v.Until.IsZero()
	switch at := t.clock(v.Until); v.Block {
	case wallet.BlockProtected:
		return t.say.SupplyWhenNever()
	case wallet.BlockHeld:
		return t.say.SupplyWhenDecided()
	case wallet.BlockUnheard, wallet.BlockStale:
		return t.say.SupplyWhenRead()
	case wallet.BlockFriendly:
		if known {
			return t.say.SupplyWhenFriendlyAt(at)
		}
		return t.say.SupplyWhenFriendly()
	case wallet.BlockNotice:
		if known {
			return t.say.SupplyWhenWarnedAt(at)
		}
		return t.say.SupplyWhenWarned()
	}
	return t.say.SupplyWhenNow()
}
