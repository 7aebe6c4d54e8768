package vending

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/alarmtext"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/localday"
	"github.com/paywatt/paywatt/internal/metering"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/refuse"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/sale"
	"github.com/paywatt/paywatt/internal/vendor"
	"github.com/paywatt/paywatt/internal/wallet"
)

// certainty is how sure the server is, before money goes back, that the tokens of a sale will never load.
type certainty int

const (
	unconfirmed certainty = iota // the meter cannot be asked: a token may still load, or a lease be used
	meterAsked                   // the meter is asked, and the money waits for its answer
	confirmed                    // nothing remains that could load or be used
)

// reversalFacts are the facts that decide who must agree to a reversal.
type reversalFacts struct {
	Tokens certainty
	Seller bool // the actor sells for the utility: a vendor's login, or a seller's key
	Sold   bool // the actor made the sale, with this login or another
	Fresh  bool // this login made the sale, the reversal window is open, and no text message says that a token is loaded
}

// consent says who must agree to a reversal before it begins.
type consent int

const (
	consentNone    consent = iota // nobody else; the audit log marks the reversal as one person's act
	consentSecond                 // a second person, if the tenant uses four eyes
	consentUtility                // a person of the utility, with or without four eyes
)

// consentFor is the rule about reversals. Only the seller takes back a sale alone, and only within the window: anybody else could take the
// money that a customer has paid to another person. Without the meter's confirmation, a token that somebody has read may still load, so an
// actor who sells for the utility can only ask.
func consentFor(f reversalFacts) consent {
	switch {
	case f.Tokens == unconfirmed && f.Seller:
		return consentUtility
	case f.Sold && f.Tokens != unconfirmed && f.Fresh:
		return consentNone
	}
	return consentSecond
}

// certaintyOf finds out whether the meter of a sale can cancel its tokens: it must be connected and able to check commands. A recharge has
// no tokens, but the account's meters may have leases. The account may be unable to cover these leases without the money of the recharge. A
// meter uses its lease even after the money is gone, and the lease cannot be withdrawn while the meter is offline.
func (v *Vending) certaintyOf(tx Tx, s sale.Sale, now time.Time) (certainty, error) {
	if s.Recharge() {
		covered, err := wallet.Covers(tx.Wallets(), s.Account, s.Tender.Minor, now)
		if err != nil || !covered {
			return unconfirmed, err
		}
		return confirmed, nil
	}
	if !slices.ContainsFunc(s.Tokens, func(t sale.Token) bool { return t.State != sale.TokenReversed }) {
		return confirmed, nil
	}
	if v.c.Online == nil || !v.c.Online(s.Meter.Number) {
		return unconfirmed, nil
	}
	can, err := tx.Cancelling().HasLinkKey(s.Meter.ID)
	if err != nil || !can {
		return unconfirmed, err
	}
	return meterAsked, nil
}

// reversalEyes decides who must agree to a reversal, and whether they have.
func (v *Vending) reversalEyes(tx Tx, by access.Actor, s sale.Sale, limits registry.Limits, u PendingReversal, c certainty, now time.Time) (access.FourEyes, error) {
	names, err := access.NamesOf(tx.Eyes(), by)
	if err != nil {
		return access.FourEyes{}, err
	}
	need := consentFor(reversalFacts{Tokens: c, Seller: !by.OfUtility(), Sold: slices.Contains(names, s.By),
		Fresh: s.By == by.String() && now.Sub(s.CompletedAt) <= limits.Window() && !s.Heard()})
	summary := fmt.Sprintf("reverse sale %s of %s to meter %s", s.ID.Text(id.Vend), s.Tender, s.Meter.Number)
	if c == unconfirmed {
		summary += ", sold by " + s.By + "; " + unsure(s)
	}
	eyes, err := access.SecondPerson(tx.Eyes(), by, access.ActRequest{Act: access.ActReverse, Object: s.ID.Text(id.Vend),
		Summary: summary + ": " + u.Reason, Body: reversalRequest{s.ID.Text(id.Vend), u.Reason}, Content: contentOf(s), Effect: access.Telling(func(e *access.Effect) { tellReversal(e, s, c, u.Reason) }),
		Anyway: need == consentNone, Utility: need == consentUtility, Takes: reversalTakes(s),
		CheckerTakes: c == unconfirmed || !by.OfUtility()}, now)
	if err != nil || eyes.Checker == "" {
		return eyes, err
	}
	names, err = access.NamesOf(tx.Eyes(), eyes.Allowed)
	if err != nil {
		return eyes, err
	}
	sells, err := access.SellsFor(tx.Eyes(), eyes.Allowed, s.Vendor)
	if slices.Contains(names, s.By) || sells {
		eyes.Refusal = refuse.ReversalApprovedBySeller()
	}
	return eyes, err
}

// tellReversal says how much goes back, and what is certain about the tokens of the sale. Whose sale it is, the approval says for every sale.
func tellReversal(e *access.Effect, s sale.Sale, c certainty, reason string) {
	e.Fact("reason", reason)
	e.Sum("amount", s.Tender)
	var tokens []string
	for _, t := range s.Tokens {
		tokens = append(tokens, strings.TrimSpace(fmt.Sprintf("%s kWh %s %s", t.Units.KWh(1), t.State, t.Result)))
	}
	e.Fact("token", strings.Join(tokens, ", "))
	switch {
	case c == meterAsked:
		e.Fact("before-money-goes-back", "the meter cancels the tokens")
	case c == unconfirmed:
		e.Fact("before-money-goes-back", "nothing: "+unsure(s))
	}
}

// contentOf is what a second person lets be reversed: to whom the sale was, and for how much.
func contentOf(s sale.Sale) string {
	return fmt.Sprintf("meter=%s account=%s vendor=%x tender=%d%s units_wh=%d by=%q", s.Meter.ID.Text(id.Meter), s.Account.Text(id.Account), s.Vendor, s.Tender.Minor,
		s.Tender.Currency, s.Units, s.By)
}

// reversalTakes is what a reversal counts under ceilings. The value counts in full even if the meter cancels the tokens, because the
// customer who holds a receipt may not have the money.
func reversalTakes(s sale.Sale) access.Takes {
	t := access.Takes{Amount: int64(s.Tender.Minor), Meter: access.Subject{ID: s.Meter.ID.Text(id.Meter), Name: s.Meter.Number}}
	if !s.Vendor.IsZero() {
		t.Vendor = access.Subject{ID: s.Vendor.Text(id.Vendor), Name: s.Vendor.Text(id.Vendor)}
	}
	return t
}

// unsure returns a warning for the person who approves the reversal: the customer may still get energy for the money of this sale.
func unsure(s sale.Sale) string {
	if s.Recharge() {
		return "a lease that this money pays for may still be used"
	}
	return "the meter cannot confirm that the token is cancelled"
}

// tooMany refuses a reversal that would exceed a limit of the local day. The number and the value of reversals are limited for each person,
// and again for the sales of each vendor. All logins of a person count together, and so do all logins of a vendor.
func tooMany(tx Tx, by access.Actor, s sale.Sale, limits registry.Limits, local time.Time) (refusal.Refusal, error) {
	names, err := access.NamesOf(tx.Eyes(), by)
	if err != nil {
		return refusal.Refusal{}, err
	}
	var v vendor.Vendor
	if !s.Vendor.IsZero() { // locked, so that two reversals of one vendor's sales are counted one after the other
		var found bool
		if v, found, err = tx.Vendors().VendorByID(s.Vendor); err != nil || !found {
			return refusal.Refusal{}, fmt.Errorf("vendor of the sale (found: %t): %w", found, err)
		}
	}
	person, vendor, err := tx.Reversals().ReversalsSince(names, s.Vendor, localday.Of(local))
	if err != nil {
		return refusal.Refusal{}, err
	}
	if no := beyond(access.PlainName(by.String()), "", person, s.Tender, limits); no.Refused() || s.Vendor.IsZero() {
		return no, nil
	}
	return beyond("", v.Code, vendor, s.Tender, limits), nil
}

// tellUnconfirmed raises or ends the alarm about reversed sales of a meter whose tokens may still load.
func tellUnconfirmed(tx Tx, s sale.Sale) error {
	open, err := tx.Reversals().Unconfirmed(s.Meter.N)
	switch {
	case err != nil:
		return err
	case open.Number == 0:
		return tx.Reversals().ClearAlarm(s.Meter.N, metering.AlarmReversalUnconfirmed)
	}
	value := money.Amount{Minor: open.Value, Currency: s.Tender.Currency}
	text := alarmtext.UnconfirmedOne(value)
	if open.Number > 1 {
		text = alarmtext.Unconfirmed(int64(open.Number), value)
	}
	return tx.Reversals().UpdateAlarm(s.Meter.N, metering.Alarm{Code: metering.AlarmReversalUnconfirmed, Text: text})
}
