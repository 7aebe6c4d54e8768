package vending

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/command"
	"github.com/paywatt/paywatt/internal/debt"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/ledger"
	"github.com/paywatt/paywatt/internal/localday"
	"github.com/paywatt/paywatt/internal/metering"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/notify"
	"github.com/paywatt/paywatt/internal/once"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/refuse"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/sale"
	"github.com/paywatt/paywatt/internal/till"
	"github.com/paywatt/paywatt/internal/wallet"
	"github.com/paywatt/paywatt/unit"
)

// maxReason is the longest reason of a reversal in characters.
const maxReason = 200

// ReversalTx is the part of a transaction that a reversal needs besides what a sale needs.
type ReversalTx interface {
	// VendMeter returns the meter of a sale. It locks neither the sale nor the meter.
	VendMeter(sale id.ID) (meter id.ID, found bool, err error)
	// VendNewest returns a meter's newest sale that neither failed nor was reversed, or the zero ID.
	VendNewest(meter int64) (id.ID, error)
	// SetSaleState moves a sale from one state to another. It returns an error if the sale is in a third state.
	SetSaleState(sale id.ID, from, to sale.State) error
	// TokenMoved gives a token the state after a move, if its present state allows the move.
	TokenMoved(token id.ID, m metering.TokenMove) error
	AddReversal(sale.Reversal) error
	// PutReversal writes the outcome of a reversal that did not complete.
	PutReversal(sale.Reversal) error
	// ReversalOf returns the newest reversal of a sale, without the tokens that its meter was told to cancel.
	ReversalOf(sale id.ID) (sale.Reversal, bool, error)
	// ReversalsSince sums the reversals since a time: those by actors with these names, and those of a vendor's sales (zero: no vendor).
	ReversalsSince(by []string, vendor id.ID, from time.Time) (person, ofVendor sale.Reversals, err error)
	// Unconfirmed sums the reversed sales of a meter whose tokens may still load.
	Unconfirmed(meter int64) (sale.Reversals, error)
	// UpdateAlarm opens an alarm, or brings the open one up to date; ClearAlarm ends it.
	UpdateAlarm(meter int64, a metering.Alarm) error
	ClearAlarm(meter int64, code metering.AlarmCode) error
	// ReversalsWaiting lists up to max sales whose reversal waits for a meter, ordered by identity, after the given sale.
	ReversalsWaiting(after id.ID, max int) ([]id.ID, error)
	// Loaded reports whether a meter has reported that it has a token of a sale, whatever the token's state.
	Loaded(sale id.ID) (bool, error)
	// RaiseAlarm opens an alarm of a meter unless the same one is open.
	RaiseAlarm(meter int64, a metering.Alarm) error
	// ReversedUsed lists tokens that their meter has although their sale was reversed without the meter's confirmation.
	ReversedUsed(max int) ([]sale.Token, error)
	// MonthTakes adds reversed units back to an account's month. The parameter free is the part of these units that was free.
	MonthTakes(account id.ID, month string, units, free unit.Energy) error
	// ChargesGiveBack gives back everything outside the ledger that the reserving of a sale took: payments towards charges and debts, the
	// month's units, the claim to free units.
	ChargesGiveBack(sale.Sale) error
}

// CancelTx is the part of a transaction that cancelling tokens at a meter needs.
type CancelTx interface {
	// DropPush ends the delivery of a token to its meter.
	DropPush(number string, token id.ID) error
	// Commands returns the transaction with the methods for giving a meter commands.
	Commands() command.AddTx
	// HasLinkKey reports whether commands to a meter can be signed, so that it can check the sender.
	HasLinkKey(meter id.ID) (bool, error)
	// CancelTake records the outcome of a meter's answers about a token, in every reversal that asked for them.
	CancelTake(token id.ID, taken sale.CancelTaken) error
	// CancelAnswers lists all commands that told a meter to cancel tokens of a sale, with their answers. They are ordered by token, and for
	// one token by the order in which they were given.
	CancelAnswers(sale id.ID) ([]CancelAnswer, error)
	// CancelsLate lists up to max sales for which an answer to such a command may have come late, ordered by identity, after the given
	// sale.
	CancelsLate(after id.ID, max int) ([]id.ID, error)
	// CancelsOwed lists up to max tokens whose units must be replaced, ordered by identity, after the given token.
	CancelsOwed(after id.ID, max int) ([]sale.Token, error)
}

// PendingReversal is a request to reverse a sale.
type PendingReversal struct {
	once.Request
	Sale   string // identity
	Reason string

	// Render makes the answer that is stored under Once.Key.
	Render func(sale.Sale, sale.Reversal) (status int, body []byte)
	// RenderWaits makes the answer of a reversal that waits for a second person.
	RenderWaits func(access.Approval) (status int, body []byte)
}

// undone is the result of a reversal's transaction.
type undone struct {
	Sale     sale.Sale
	Reversal sale.Reversal
	Waits    *access.Approval
}

// Reverse reverses a sale. Within the tenant's window ([registry.Limits]), the seller may reverse it. Later, or for anybody else, the actor
// needs the right to reverse and must give a reason. The sale must be the meter's last sale and be of this local month, and the meter must
// have none of its tokens. If only an SMS says that a token is loaded, the actor needs the right to reverse. A connected meter is first
// told to cancel the tokens, and the sale is reversing until it has answered. The tokens of any other meter may still load: [consentFor]
// decides who must agree before money goes back. Journals that mirror the sale's journals give everything back.
func (v *Vending) Reverse(ctx context.Context, by access.Actor, u PendingReversal) (once.Done[sale.Reversal], error) {
	right := access.Reverse
	if by.May(access.Sell) {
		right = access.Sell
	}
	u.Reason = strings.TrimSpace(u.Reason)
	var render func(undone) (int, []byte)
	if u.Render != nil {
		render = func(d undone) (int, []byte) {
			if d.Waits != nil && u.RenderWaits != nil {
				return u.RenderWaits(*d.Waits)
			}
			return u.Render(d.Sale, d.Reversal)
		}
	}
	out, err := once.Do(ctx, v.answers, by, right, u.Request, render, func(tx Tx) (undone, refusal.Refusal, error) {
		if utf8.RuneCountInString(u.Reason) > maxReason || !utf8.ValidString(u.Reason) {
			return undone{}, refuse.ReversalReasonTooLong(maxReason), nil
		}
		return v.reverse(tx, by, u)
	})
	if err != nil {
		return once.Done[sale.Reversal]{}, fmt.Errorf("reverse sale %s: %w", refusal.Echo(u.Sale), err)
	}
	if v.c.Kick != nil && out.Value.Reversal.State == sale.ReversalWaiting {
		v.c.Kick()
	}
	return once.Done[sale.Reversal]{Refusal: out.Refusal, Reply: out.Reply, Replay: out.Replay, Value: out.Value.Reversal}, nil
}

// reverse is the transaction of Reverse. Before it reads the sale for its decision, it takes the locks that the sale took, in the same
// order.
func (v *Vending) reverse(tx Tx, by access.Actor, u PendingReversal) (undone, refusal.Refusal, error) {
	saleID, err := sale.Named(tx.Sold(), u.Sale)
	if err != nil {
		return undone{}, refusal.Refusal{}, err
	}
	s, point, no, err := lockSale(tx, by, saleID, u.Sale)
	if err != nil || no.Refused() {
		return undone{}, no, err
	}
	now := v.moment()
	if no, err := v.reversible(tx, by, s, point, u.Reason, now); err != nil || no.Refused() {
		return undone{}, no, err
	}
	shift, _, err := till.Selling(tx.Shifts(), by)
	if err != nil {
		return undone{}, refusal.Refusal{}, err
	}
	if no, err := mirrorFits(tx, s, shift); err != nil || no.Refused() {
		return undone{}, no, err
	}
	tokens, err := v.certaintyOf(tx, s, now)
	if err != nil {
		return undone{}, refusal.Refusal{}, err
	}
	eyes, err := v.reversalEyes(tx, by, s, point.Limits, u, tokens, now)
	if err != nil || eyes.Refused() || eyes.Waits != nil {
		return undone{Waits: eyes.Waits}, eyes.Refusal, err
	}
	r := sale.Reversal{Sale: s.ID, State: sale.ReversalWaiting, Reason: u.Reason, By: by.String(), Shift: shift, At: now}
	if r.ID, err = tx.NewID(); err != nil {
		return undone{}, refusal.Refusal{}, err
	}
	if err := v.cancel(tx, s, &r, tokens == meterAsked); err != nil {
		return undone{}, refusal.Refusal{}, err
	}
	if err := tx.Reversals().AddReversal(r); err != nil {
		return undone{}, refusal.Refusal{}, err
	}
	e := by.Entry("vend.reverse", s.ID.Text(id.Vend))
	e.At, e.Reason = now, u.Reason
	e.After = fmt.Sprintf("meter=%s tender=%d %s units_wh=%d online=%t", s.Meter.Number, s.Tender.Minor, s.Tender.Currency, s.Units, tokens == meterAsked)
	if err := tx.AuditLog(eyes.Mark(e)); err != nil {
		return undone{}, refusal.Refusal{}, err
	}
	if err := tx.Reversals().SetSaleState(s.ID, sale.Completed, sale.Reversing); err != nil {
		return undone{}, refusal.Refusal{}, err
	}
	if s.State = sale.Reversing; tokens == meterAsked {
		return undone{Sale: s, Reversal: r}, refusal.Refusal{}, nil
	}
	s, r, err = v.giveBack(tx, s, r, tokens == confirmed)
	return undone{Sale: s, Reversal: r}, refusal.Refusal{}, err
}

// lockSale reads a sale for a change. It first locks account and meter, as every sale does.
func lockSale(tx Tx, by access.Actor, saleID id.ID, named string) (sale.Sale, sale.Point, refusal.Refusal, error) {
	meter, found, err := tx.Reversals().VendMeter(saleID)
	if err != nil || !found {
		return sale.Sale{}, sale.Point{}, refuse.SaleNotFound(refusal.Echo(named)), err
	}
	point, found, err := tx.VendPoint(registry.Ref{ID: meter})
	if err != nil || !found {
		return sale.Sale{}, sale.Point{}, refusal.Refusal{}, fmt.Errorf("meter of the sale (found: %t): %w", found, err)
	}
	s, _, err := tx.VendSale(saleID)
	if err == nil && !by.Sees(s.Vendor) {
		return sale.Sale{}, sale.Point{}, refuse.SaleNotFound(refusal.Echo(named)), nil
	}
	return s, point, refusal.Refusal{}, err
}

// reversible makes every check of a reversal except [mirrorFits].
func (v *Vending) reversible(tx Tx, by access.Actor, s sale.Sale, p sale.Point, reason string, now time.Time) (refusal.Refusal, error) {
	switch {
	case s.State == sale.Reversed:
		return refuse.SaleReversedBefore(s.ID.Text(id.Vend)), nil
	case s.State == sale.Reversing || s.State == sale.Held:
		return refuse.ReversalOfOpenSale(s.ID.Text(id.Vend)), nil
	case s.State != sale.Completed:
		return refuse.SaleNotCompleted(string(s.State)), nil
	}
	if p.Replaced != nil && !s.Recharge() {
		return refuse.ReversalAtReplacedMeter(p.Meter.Number), nil
	}
	own := s.By == by.String() && s.Vendor == by.Vendor && by.May(access.Sell) &&
		(now.Sub(s.CompletedAt) <= p.Limits.Window() || !by.Approval.IsZero()) // an approval may come after the window
	switch {
	case s.Heard() && !by.May(access.Reverse):
		return refuse.TokenHeard(string(access.Reverse)), nil
	case own && !s.Heard():
	case !by.May(access.Reverse):
		return refuse.ReversalOfOthers(refuse.Span(p.Limits.Window()), string(access.Reverse)), nil
	case reason == "":
		return refuse.ReversalWithoutReason(), nil
	}
	if no, err := unitsGone(tx, s); err != nil || no.Refused() {
		return no, err
	}
	zone, no := v.findZone(p.TZ)
	if no.Refused() {
		return no, nil
	}
	local := now.In(zone)
	if s.Month != local.Format(localday.MonthForm) {
		return refuse.SaleOfPastMonth(s.Month), nil
	}
	newest, err := tx.Reversals().VendNewest(s.Meter.N)
	switch {
	case err != nil:
		return refusal.Refusal{}, err
	case newest != s.ID || p.Account != s.Account:
		return refuse.SaleNotTheLast(), nil
	case p.AccountStatus != registry.AccountActive && !s.Recharge(): // the move-out has settled what the sale paid
		return refuse.ReversalAfterMoveOut(s.Account.Text(id.Account)), nil
	}
	if no, err := chargesGone(tx, s); err != nil || no.Refused() {
		return no, err
	}
	if no, err := tooMany(tx, by, s, p.Limits, local); err != nil || no.Refused() {
		return no, err
	}
	return stillThere(tx, s, now)
}

// chargesGone refuses the reversal of a sale if the customer got back what the sale paid of a fixed charge: nobody gets the same money twice.
func chargesGone(tx Tx, s sale.Sale) (refusal.Refusal, error) {
	for _, l := range s.Lines {
		if l.Kind != sale.LineFixed {
			continue
		}
		name, month := debt.DueRef(l.Ref)
		dues, err := tx.Debts().Charges().ChargesOf(s.Account, month)
		if err != nil {
			return refusal.Refusal{}, err
		}
		if slices.ContainsFunc(dues, func(d debt.Due) bool { return d.Name == name && d.Month == month && d.Paid < l.Amount+l.VAT }) {
			return refuse.ReversalOfCorrectedCharge(l.Ref), nil
		}
	}
	return refusal.Refusal{}, nil
}

// unitsGone refuses the reversal of a sale whose units the customer already has: in the meter, or on a token that replaced a cancelled one.
// A customer never gets both the money and the units.
func unitsGone(tx Tx, s sale.Sale) (refusal.Refusal, error) {
	if has, err := tx.Reversals().Loaded(s.ID); err != nil || has {
		return refuse.TokenLoaded(), err
	}
	var all []sale.Cancel
	for _, t := range s.Tokens {
		switch {
		case t.State == sale.TokenAccepted:
			return refuse.TokenLoaded(), nil
		case t.State == sale.TokenReversed && all == nil:
			var err error
			if all, err = cancelsOf(tx, s.ID); err != nil {
				return refusal.Refusal{}, err
			}
		}
	}
	if slices.ContainsFunc(all, func(c sale.Cancel) bool { return c.Taken == sale.TakenReplaced }) {
		return refuse.TokenReplaced(), nil
	}
	return refusal.Refusal{}, nil
}

// mirrorFits checks that the accounts of a sale still have what the sale posted there. Cash that went to the bank, and carry that another
// sale used, cannot be given back. The parameter shift is the open shift of whoever asked for the reversal.
func mirrorFits(tx Tx, s sale.Sale, shift id.ID) (refusal.Refusal, error) {
	payer, err := till.Payer(tx.Shifts(), s, shift)
	if err != nil {
		return refusal.Refusal{}, err
	}
	if !s.Payment.IsZero() {
		d, paid, err := debt.BackPaid(tx.Debts(), s.Payment.Text(id.Payment))
		if err != nil || paid {
			account, _ := ledger.Find(ledger.Debt)
			return refuse.MoneyMovedOn(account.Path, money.Amount{Minor: d.Outstanding, Currency: s.Tender.Currency}, money.Amount{Minor: d.Principal, Currency: s.Tender.Currency}), err
		}
	}
	change := map[ledger.AccountRef]money.Minor{}
	for _, k := range []ledger.Kind{s.Journal(), ledger.Commission} {
		j, _, err := tx.Books().JournalByRef(k, s.ID.Text(id.Vend))
		if err != nil {
			return refusal.Refusal{}, err
		}
		for _, p := range j.Postings {
			change[p.Account] -= p.Amount
		}
	}
	if took := s.Source(); payer != took {
		change[payer] += change[took]
		delete(change, took)
	}
	for a, c := range change {
		towards := c
		if ledger.LimitOf(a.Code).Bound == ledger.NotBelow {
			towards = -c
		}
		if !ledger.LimitOf(a.Code).Limited() || towards <= 0 {
			continue
		}
		room, err := tx.Books().Headroom(a)
		if err != nil {
			return refusal.Refusal{}, err
		}
		if towards > room.Left && a.Code == ledger.Till {
			return refuse.TillCannotPayBack(money.Amount{Minor: max(room.Left, 0), Currency: s.Tender.Currency}, money.Amount{Minor: towards, Currency: s.Tender.Currency}), nil
		}
		if towards > room.Left {
			account, _ := ledger.Find(a.Code)
			return refuse.MoneyMovedOn(account.Path, money.Amount{Minor: max(room.Left, 0), Currency: s.Tender.Currency}, money.Amount{Minor: towards, Currency: s.Tender.Currency}), nil
		}
	}
	return refusal.Refusal{}, nil
}

// cancel ends the delivery of a sale's tokens. If ask is set, it also tells the meter to store them as used.
func (v *Vending) cancel(tx Tx, s sale.Sale, r *sale.Reversal, ask bool) error {
	for _, t := range s.Tokens {
		if err := tx.Cancelling().DropPush(s.Meter.Number, t.ID); err != nil {
			return err
		}
		if !ask {
			continue
		}
		c, err := command.Add(tx.Cancelling().Commands(), registry.Meter{ID: s.Meter.ID, N: s.Meter.N, Number: s.Meter.Number, Simulated: s.Meter.Simulated},
			command.Command{Type: command.CancelToken, Args: map[string]any{"tid": int64(t.TID), "base_date": int64(t.BaseDate)},
				Reason: "sale " + s.ID.Text(id.Vend) + " is reversed", By: r.By, CreatedAt: tx.Moment()}, CancelLife, access.Entry{Actor: r.By}, access.FourEyes{})
		if err != nil {
			return err
		}
		r.Cancels = append(r.Cancels, sale.Cancel{Token: t.ID, Command: c.ID, State: sale.CancelOpen})
	}
	return nil
}

// giveBack completes the reversal of a sale in the state reversing: it mirrors the journals and gives back everything else that the sale
// took. The wallets of a recharge must be locked before its money, because a reading locks in that order. [stillThere] has locked the
// wallets.
func (v *Vending) giveBack(tx Tx, s sale.Sale, r sale.Reversal, confirmed bool) (sale.Sale, sale.Reversal, error) {
	now := v.moment()
	if err := mirror(tx, s, r.Shift, now); err != nil {
		return sale.Sale{}, sale.Reversal{}, err
	}
	if !s.Payment.IsZero() {
		if err := debt.UndoBack(tx.Debts(), s.Account, s.Payment.Text(id.Payment), now); err != nil {
			return sale.Sale{}, sale.Reversal{}, err
		}
		if err := tx.Spending().PaymentUnspent(s.Payment, s.ID); err != nil {
			return sale.Sale{}, sale.Reversal{}, err
		}
	}
	if err := tx.Reversals().ChargesGiveBack(s); err != nil {
		return sale.Sale{}, sale.Reversal{}, err
	}
	if a := s.Advance(); a != 0 {
		if err := tx.Wallets().WalletAdvanced(s.Account, -a); err != nil {
			return sale.Sale{}, sale.Reversal{}, err
		}
	}
	if s.Recharge() {
		if _, err := wallet.SettleAccount(tx.Wallets(), s.Account, now, true); err != nil {
			return sale.Sale{}, sale.Reversal{}, err
		}
	}
	move := metering.MoveReversed
	if confirmed {
		move = metering.MoveCancelled
	}
	for i := range s.Tokens {
		t := &s.Tokens[i]
		t.State = t.State.After(move)
		if err := tx.Reversals().TokenMoved(t.ID, move); err != nil {
			return sale.Sale{}, sale.Reversal{}, err
		}
		if t.State != sale.TokenReversed {
			continue
		}
		if err := tx.Cancelling().CancelTake(t.ID, sale.TakenDone); err != nil {
			return sale.Sale{}, sale.Reversal{}, err
		}
	}
	r.State, r.Confirmed, r.Failure, r.SettledAt = sale.ReversalDone, confirmed, "", now
	if err := tx.Reversals().PutReversal(r); err != nil {
		return sale.Sale{}, sale.Reversal{}, err
	}
	s.State = sale.Reversed
	if err := tx.Reversals().SetSaleState(s.ID, sale.Reversing, sale.Reversed); err != nil {
		return sale.Sale{}, sale.Reversal{}, err
	}
	if err := tellUnconfirmed(tx, s); err != nil {
		return sale.Sale{}, sale.Reversal{}, err
	}
	return s, r, notify.NotifyReversal(tx.Messages(), s, tx.Moment())
}

// mirror posts the exact mirrors of a sale's journals (P11 of docs/reference/postings.md) together. Only their sum is checked against the
// limit of a vendor's account. In sum, the vendor gets money back, because the commission that it returns is smaller. So this limit does
// not prevent the reversal, even if the account is already beyond a lowered limit. If the shift of the sale is closed, another till pays the
// cash (P26).
func mirror(tx Tx, s sale.Sale, shift id.ID, now time.Time) error {
	var back []ledger.Journal
	for _, k := range []ledger.Kind{s.Journal(), ledger.Commission} {
		j, found, err := tx.Books().JournalByRef(k, s.ID.Text(id.Vend))
		if err != nil {
			return err
		}
		if !found {
			continue
		}
		i, err := tx.NewID()
		if err != nil {
			return err
		}
		m, err := ledger.Mirror(j, i, now, ledger.MirrorRef(k, j.Ref), j.Memo)
		if err != nil {
			return err
		}
		back = append(back, m)
	}
	if len(back) == 0 {
		return nil
	}
	payer, err := till.Payer(tx.Shifts(), s, shift)
	if err != nil {
		return err
	}
	if payer != s.Source() && s.Tender.Minor > 0 {
		j := ledger.Journal{Kind: ledger.CashBack, Ref: s.ID.Text(id.Vend), PostedAt: now, Memo: s.Memo(), Postings: ledger.CashPaidBack(s.Source(), payer, s.Tender.Minor)}
		if j.ID, err = tx.NewID(); err != nil {
			return err
		}
		back = append(back, j)
	}
	breach, err := tx.Books().PostTogether(back...)
	if err == nil && breach.Refused() {
		err = breach.Err(back[0])
	}
	return err
}
