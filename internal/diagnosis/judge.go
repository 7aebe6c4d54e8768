package diagnosis

import (
	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/metering"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/sale"
	"github.com/paywatt/paywatt/sts"
)

// judge turns the facts into findings. The finding that explains most comes first.
func (c *consultation) judge() {
	if m := c.facts.meter; m != nil {
		c.out.Number, c.out.Test = m.Number, m.Simulated
	}
	if c.facts.sold != nil {
		c.judgeSold(c.facts.sold)
	} else {
		c.judgeUnknown()
	}
	c.reports()
	if c.by.May(access.ReadMeters) {
		if at, locked := lockedOut(c.facts.reports, c.now); locked && c.out.Verdict() != Used {
			c.out.add(lockedOutSince(c.out.Number, at))
		}
		return
	}
	c.out.Key = nil
}

// judgeSold judges a token that was sold here and that the asker may see.
func (c *consultation) judgeSold(t *soldToken) {
	k := t.key
	c.out.Sold = &Sold{Token: t.ID, Sale: t.Sale, State: t.State, Result: t.Result, IssuedAt: t.IssuedAt}
	o := sts.Opened{Result: sts.Accept, Class: t.Class, SubClass: t.SubClass, HasTID: true, TID: t.TID}
	c.out.Contents = contentsOf(o, t.BaseDate)
	c.out.Contents.Units = t.Units
	if k.BaseDate.Valid() { // not valid if the key is too old to be in facts.keys
		c.out.Key, c.out.Registered = &k, true
	}
	number := c.facts.meter.Number
	if c.facts.asked != nil && c.facts.asked.N != c.facts.meter.N {
		c.out.add(otherMeter(number, c.facts.asked.Number))
	}
	switch t.State {
	case sale.TokenHeard:
		c.out.add(heard(number))
		return
	case sale.TokenAccepted:
		c.out.add(used(number, t.Result, t.Class))
		return
	case sale.TokenReversed, sale.TokenReversedUnconfirmed:
		c.out.add(reversed(number))
		return
	case sale.TokenRejected:
		c.out.add(rejected(number, t.Result))
	}
	c.judgeKey(k, t.TID)
	if len(c.out.Findings) == 0 {
		c.out.add(ready(number, t.State == sale.TokenSent))
	}
}

// judgeKey adds findings on the state of a token's key. It is only for a token that the meter has not accepted yet.
func (c *consultation) judgeKey(k registry.Key, t sts.TID) {
	number := c.facts.meter.Number
	switch k.State {
	case registry.KeyPast:
		c.out.add(superseded(number, k))
	case registry.KeyIssued:
		c.out.add(afterKeyChange(number))
	case registry.KeyCurrent:
		for _, other := range c.facts.keys {
			if other.State == registry.KeyIssued {
				c.out.add(beforeKeyChange(number))
			}
		}
	}
	if t.Expired(k.KEN) {
		c.out.add(expired(number, k))
	}
	if k.BaseDate.Valid() && c.now.After(k.BaseDate.End()) {
		c.out.add(baseDateOver(number, k.BaseDate))
	}
}

// judgeUnknown judges digits that were not sold to the asker.
func (c *consultation) judgeUnknown() {
	switch {
	case c.out.Key != nil && c.out.Registered:
		c.judgeNotSold()
		return
	case c.out.Key != nil:
		c.out.add(otherKey(c.out.Number, *c.out.Key, c.facts.keys[0]))
		return
	}
	t := c.out.Typing
	if t.OneDigit > 0 {
		c.out.add(mistypedDigit(t.OneDigit, len(t.Meant) > 0))
	}
	if t.Swapped > 0 {
		c.out.add(swappedDigits(t.Swapped, len(t.Meant) > 0))
	}
	switch {
	case c.keyless.Opened.Class > 2 && t.OneDigit+t.Swapped == 0:
		c.out.add(noMeaning())
	case !mayTry(c.by):
		c.out.add(notYours(c.out.Number))
	case c.facts.meter == nil:
		c.out.add(noMeterGiven())
	case len(c.facts.keys) == 0:
		c.out.add(noKeys(c.out.Number))
	case c.out.Keys == KeysLocked:
		c.out.add(keystoreLocked())
	case c.out.Keys == KeysMissing:
		c.out.add(keyMissing(c.facts.keys[0]))
	case t.OneDigit+t.Swapped == 0:
		c.out.add(fitsNothing(c.out.Number, t.Tried))
	}
}

// judgeNotSold judges a token that opens under a key of the meter and was not sold here.
func (c *consultation) judgeNotSold() {
	if c.out.Contents.Kind == "" {
		c.out.add(noMeaning())
		return
	}
	for _, r := range c.facts.reports {
		if c.sameTID(r) && metering.EffectOf(r.Result) == metering.InMeter {
			c.out.add(used(c.out.Number, r.Result, c.out.Contents.Class))
			break
		}
	}
	c.out.add(notSold(c.out.Number, c.out.Contents.Class))
	if c.out.Verdict() != Used {
		c.judgeKey(*c.out.Key, c.out.Contents.TID)
	}
}

// reports selects the meter's reports about this token.
func (c *consultation) reports() {
	for _, r := range c.facts.reports {
		mine := c.out.Sold != nil && r.Token == c.out.Sold.Token
		if (mine || c.sameTID(r)) && len(c.out.Reports) < shownReports {
			c.out.Reports = append(c.out.Reports, r)
		}
	}
}

// sameTID reports whether a report is about a token with the same contents.
func (c *consultation) sameTID(r metering.StoredToken) bool {
	t := c.out.Contents
	return t != nil && t.HasTID && r.TID == int64(t.TID) && r.Class == int(t.Class) && r.SubClass == int(t.SubClass) &&
		(r.BaseDate == 0 || r.BaseDate == int(t.BaseDate))
}
