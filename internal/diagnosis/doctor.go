package diagnosis

import (
	"context"
	"fmt"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/fault"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/metering"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/refuse"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/sale"
	"github.com/paywatt/paywatt/sts"
	"github.com/paywatt/paywatt/unit"
)

// Diagnose answers a question. It needs the right vend.read. It refuses an unknown meter, and more than [ActorGuesses]
// or [MeterGuesses] questions about tokens that were not sold to the asker.
func (d *Doctor) Diagnose(ctx context.Context, by access.Actor, q Question) (Diagnosis, error) {
	if no := by.Needs(access.ReadVends); no.Refused() {
		return Diagnosis{Refusal: no}, nil
	}
	if len(q.Digits) > maxDigits {
		return Diagnosis{Refusal: refuse.DigitsTooLong()}, nil
	}
	c := consultation{d: d, by: by, now: d.c.Now(), digits: q.Digits}
	if done := c.withoutStore(); done {
		return c.out, nil
	}
	if q.Meter != "" {
		ref, no := registry.ParseRef(q.Meter)
		if no.Refused() {
			return Diagnosis{Refusal: no}, nil
		}
		c.ref = &ref
	}
	out, err := c.run(ctx, q.Meter)
	return out, fault.Wrap(err, "diagnose a token")
}

// consultation is a question that is being answered.
type consultation struct {
	d      *Doctor
	by     access.Actor
	now    time.Time
	digits string
	ref    *registry.Ref // the meter in the question; nil for none

	keyless sts.Explanation // the contents that can be read without a key
	facts   facts
	out     Diagnosis
}

// facts holds the store's data about the digits and the meter.
type facts struct {
	refusal.Refusal
	meter   *registry.Meter // the token's meter, or else the meter asked for
	asked   *registry.Meter
	keys    []registry.Key // the meter's keys, newest first
	sold    *soldToken     // nil for digits that were not sold here, or whose sale the asker may not see
	reports []metering.StoredToken
}

// soldToken is a token that was sold here.
type soldToken struct {
	sale.Token
	key registry.Key // only the ID is set if the key is too old to be in facts.keys
}

// mayTry reports whether digits may be tried under a meter's key for the actor. A vendor may not: a token that opens
// might be another vendor's sale.
func mayTry(by access.Actor) bool { return by.May(access.ReadMeters) && by.OfUtility() }

// withoutStore answers questions that need no store: about digits that are not a token, and about test tokens. It
// reports whether the answer is complete.
func (c *consultation) withoutStore() bool {
	c.keyless = sts.Explain(c.digits, nil, nil)
	c.out.Token, c.out.Keys = c.keyless.Token, KeysNotAsked
	switch {
	case c.keyless.Result == sts.FormatError:
		c.out.add(noToken(c.keyless.Digits))
		return true
	case c.keyless.Result == sts.Accept:
		c.out.Contents = contentsOf(c.keyless.Opened, 0)
		c.out.add(testToken(c.out.Contents.Tests))
		return true
	case c.keyless.Result == sts.FunctionError && c.keyless.Opened.Class == 1:
		c.out.add(noMeaning())
		return true
	}
	return false
}

// run asks the store and, if that is not enough, tries the keys. The audit row is durable before run returns the
// answer.
func (c *consultation) run(ctx context.Context, asked string) (Diagnosis, error) {
	door, tenant := c.d.c.Door, c.by.Tenant
	var err error
	if c.facts, err = access.Look(ctx, door, tenant, func(tx Tx) (facts, error) { return c.gather(tx, asked) }); err != nil {
		return Diagnosis{}, err
	}
	if c.facts.Refused() {
		return Diagnosis{Refusal: c.facts.Refusal}, nil
	}
	if c.facts.sold == nil {
		if wait, no := c.d.guesses.take(c.by, c.guessed(), c.now); no.Refused() {
			return Diagnosis{Refusal: no, RetryAfter: wait}, nil
		}
		if err := c.search(ctx); err != nil {
			return Diagnosis{}, err
		}
	}
	c.judge()
	err = door.Do(ctx, tenant, func(tx Tx) (bool, error) { return false, c.audit(tx) })
	return c.out, err
}

// guessed returns the number of the meter about which the question may reveal something, or an empty string. If no keys are tried for the
// asker, the question reveals nothing about a meter, so it does not count against the meter's limit.
func (c *consultation) guessed() string {
	if c.facts.meter == nil || !mayTry(c.by) {
		return ""
	}
	return c.facts.meter.Number
}

// gather reads everything that the store has on the digits and the meter.
func (c *consultation) gather(tx Tx, asked string) (facts, error) {
	var f facts
	if c.ref != nil {
		m, found, err := registry.ResolveMeter(tx.Meters(), *c.ref)
		if err != nil || !found {
			return facts{Refusal: registry.NoMeter(asked)}, err
		}
		f.asked, f.meter = &m, &m
	}
	sold, visible, err := c.find(tx, c.out.Token)
	if err != nil {
		return facts{}, err
	}
	if sold != nil && visible {
		m, found, err := tx.MeterByN(sold.Meter)
		if err != nil || !found {
			return facts{}, fmt.Errorf("meter of token %s (found: %t): %w", sold.ID.Text(id.Token), found, err)
		}
		f.sold, f.meter = sold, &m
	}
	if f.meter == nil {
		return f, nil
	}
	if f.keys, err = tx.MeterKeys(f.meter.N, maxKeys); err != nil {
		return facts{}, err
	}
	for i := range f.keys {
		if f.sold != nil && f.keys[i].ID == f.sold.key.ID {
			f.sold.key = f.keys[i]
		}
	}
	if c.by.May(access.ReadMeters) {
		f.reports, err = tx.TokenReports(f.meter.N, metering.Span{}, metering.After{}, maxReports)
	}
	return f, err
}

// find looks up the digits among the tokens sold here, and reports whether the asker may see the sale.
func (c *consultation) find(tx Tx, t sts.Token) (*soldToken, bool, error) {
	digits := t.AppendReveal(make([]byte, 0, sts.TokenDigits))
	hashes := sale.Hashes(c.d.c.Hasher, digits)
	clear(digits)
	var token sale.Token
	var key id.ID
	found, err := false, error(nil)
	for i := 0; i < len(hashes) && !found && err == nil; i++ {
		token, key, found, err = tx.TokenByHash(hashes[i])
	}
	if err != nil || !found {
		return nil, false, err
	}
	out := &soldToken{Token: token, key: registry.Key{ID: key}}
	if token.Sale.IsZero() {
		return out, c.by.Sees(id.ID{}), nil
	}
	sale, found, err := tx.VendSale(token.Sale)
	if err != nil || !found {
		return nil, false, fmt.Errorf("sale of token %s (found: %t): %w", token.ID.Text(id.Token), found, err)
	}
	return out, c.by.Sees(sale.Vendor), nil
}

// search looks for an explanation of digits that were not sold to the asker. They may differ from a sold token by one typing error, or open
// under a key of the meter.
func (c *consultation) search(ctx context.Context) error {
	typing := &Typing{}
	meant, err := access.Look(ctx, c.d.c.Door, c.by.Tenant, func(tx Tx) (map[sts.Token]bool, error) { return c.soldSlips(tx, typing) })
	if err != nil {
		return err
	}
	c.out.Typing = typing
	if c.facts.meter == nil || !mayTry(c.by) {
		return nil
	}
	of, err := attributesOf(c.facts.keys, c.facts.meter.Number)
	if err != nil || len(of) == 0 {
		return err
	}
	e, use, err := c.d.c.Keys.Explain(c.digits, of, func(key int, o sts.Opened) bool { return key >= 0 && plausible(o, of[key].BaseDate, c.now) })
	if err != nil {
		return err
	}
	c.out.Keys = use
	for _, f := range e.Fits {
		if !meant[f.Token] {
			typing.count(f.Swapped)
		}
	}
	if e.Key >= 0 {
		c.fits(c.facts.keys[e.Key], e.Opened, true)
		return nil
	}
	return c.otherKeys()
}

// soldSlips looks up every slip among the sold tokens that the asker may see, limited to the meter in the question if the question names
// one.
func (c *consultation) soldSlips(tx Tx, typing *Typing) (map[sts.Token]bool, error) {
	*typing = Typing{}
	meant := map[sts.Token]bool{}
	for s := range sts.Slips(c.out.Token) {
		typing.Tried++
		sold, visible, err := c.find(tx, s.Token)
		switch {
		case err != nil:
			return nil, err
		case sold == nil || !visible || c.facts.meter != nil && sold.Meter != c.facts.meter.N:
			continue
		}
		meant[s.Token] = true
		typing.count(s.Swapped)
		typing.Sold++
		if c.by.May(access.ShowTokens) && len(typing.Meant) < maxMeant {
			typing.Meant = append(typing.Meant, s.Token)
		}
	}
	for _, f := range c.keyless.Fits { // a test token with a typing error
		typing.count(f.Swapped)
	}
	return meant, nil
}

func (t *Typing) count(swapped bool) {
	if swapped {
		t.Swapped++
	} else {
		t.OneDigit++
	}
}

// fits stores the key that opens the token, and the token's contents.
func (c *consultation) fits(k registry.Key, o sts.Opened, registered bool) {
	c.out.Key, c.out.Registered = &k, registered
	c.out.Contents = contentsOf(o, k.BaseDate)
}

// otherKeys tries keys that the meter is not registered with: other tariff indices, and every vending key. With many keys a token sometimes
// opens by chance, so only a plausible one counts.
func (c *consultation) otherKeys() error {
	families, err := c.d.c.Keys.Families()
	if err != nil || len(c.facts.keys) == 0 {
		return err
	}
	tries := otherThan(c.facts.keys, families)
	of, err := attributesOf(tries, c.facts.meter.Number)
	if err != nil {
		return err
	}
	opened, _, err := c.d.c.Keys.Open(c.out.Token, of)
	if err != nil {
		return err
	}
	for i, o := range opened {
		if o.Result == sts.Accept && plausible(o, tries[i].BaseDate, c.now) {
			c.fits(tries[i], o, false)
			return nil
		}
	}
	return nil
}

// otherThan lists the other keys under which a token for the meter might have been made. First it varies the tariff
// index of the newest registered key. Then it keeps that tariff index and varies the vending key, beginning with the
// vending keys of the same supply group.
func otherThan(keys []registry.Key, families []Family) []registry.Key {
	newest := keys[0]
	var out []registry.Key
	for ti := range 100 {
		k := registry.Key{SGC: newest.SGC, KRN: newest.KRN, KT: newest.KT, TI: fmt.Sprintf("%02d", ti), KEN: newest.KEN, EA: newest.EA,
			DKGA: newest.DKGA, BaseDate: newest.BaseDate}
		if k.TI != newest.TI {
			out = append(out, k)
		}
	}
	for _, own := range []bool{true, false} {
		n := 0
		for _, f := range families {
			if (f.SGC == newest.SGC) != own || f == (Family{newest.SGC, newest.KRN, newest.KT, newest.DKGA, newest.BaseDate}) || n == maxFamilies {
				continue
			}
			n++
			out = append(out, registry.Key{SGC: f.SGC, KRN: f.KRN, KT: f.KT, TI: newest.TI, KEN: 255, EA: newest.EA, DKGA: f.DKGA, BaseDate: f.BaseDate})
		}
	}
	return out
}

// attributesOf returns the attributes from which a meter's decoder keys are derived.
func attributesOf(keys []registry.Key, number string) ([]sts.Attributes, error) {
	out := make([]sts.Attributes, len(keys))
	for i, k := range keys {
		a, err := k.Attributes(number)
		if err != nil {
			return nil, fmt.Errorf("key of meter %s: %w", number, err)
		}
		out[i] = a
	}
	return out, nil
}

// plausible reports whether a token with these contents can be a real one. It accepts credit of an amount that is sold, issued within a
// year. It also accepts a section of a key change, which has neither amount nor date.
func plausible(o sts.Opened, base sts.BaseDate, now time.Time) bool {
	if o.Section != 0 {
		return true
	}
	if o.Class != 0 || o.SubClass != sts.CreditElectricity || o.Amount.Tenths() > unit.MaxToken.Tenths() || o.Amount == 0 {
		return false
	}
	at := base.Time(o.TID)
	return !at.Before(now.Add(-slipAge)) && !at.After(now.Add(slipAhead))
}

// contentsOf returns the contents of an opened token; base is the base date of the key that opened it.
func contentsOf(o sts.Opened, base sts.BaseDate) *Contents {
	c := &Contents{Class: o.Class, SubClass: o.SubClass, Kind: o.Kind(), HasTID: o.HasTID, TID: o.TID, BaseDate: base, Section: o.Section}
	if o.Class == 0 && o.SubClass == sts.CreditElectricity {
		c.Units = unit.FromTenths(o.Amount.Tenths())
	}
	if o.Class == 1 && o.SubClass != sts.ExtendedRead {
		for n := 1; n <= sts.MaxTest; n++ {
			if o.Control>>(n-1)&1 == 1 {
				c.Tests = append(c.Tests, sts.TestName(n))
			}
		}
	}
	return c
}

// audit records the question and the verdict. Of the digits it stores only the first and last four.
func (c *consultation) audit(tx Tx) error {
	object := "no meter"
	switch {
	case c.facts.sold != nil:
		object = c.facts.sold.ID.Text(id.Token)
	case c.facts.meter != nil:
		object = "meter " + c.facts.meter.Number
	}
	e := c.by.Entry("token.diagnose", object)
	e.After = fmt.Sprintf("token=%s verdict=%s", c.out.Token, c.out.Verdict())
	if err := tx.AuditLog(e); err != nil {
		return err
	}
	if c.out.Typing == nil || len(c.out.Typing.Meant) == 0 {
		return nil
	}
	return tx.AuditLog(c.by.Entry("token.show", fmt.Sprintf("%d tokens one slip from %s", len(c.out.Typing.Meant), c.out.Token)))
}
