package vending

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/alarmtext"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/localday"
	"github.com/paywatt/paywatt/internal/metering"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/refuse"
	"github.com/paywatt/paywatt/internal/sale"
	"github.com/paywatt/paywatt/unit"
)

// A meter may answer cancel_token after its reversal was given up. If it ever gives the answer done, the token can no longer load. The
// customer then gets the money, if the sale can still be reversed, or otherwise another token for the units.

// reasonCancelled is the reason of a replacement that nobody requested.
const reasonCancelled = "cancelled_token"

// takeLate processes answers that came after their reversal had been given up.
func (v *Vending) takeLate(ctx context.Context, by access.Actor) (taken int, err error) {
	var after id.ID
	for {
		late, look := access.Look(ctx, v.c.Door, by.Tenant, func(tx Tx) ([]id.ID, error) { return tx.Cancelling().CancelsLate(after, maxRecover) })
		if look != nil {
			return taken, errors.Join(err, fmt.Errorf("look for late answers: %w", look))
		}
		for _, sale := range late {
			after = sale
			out, one := access.Through(ctx, v.c.Door, by.Tenant, func(tx Tx) (settledReversal, error) { return v.takeLateOf(tx, by, sale) })
			if one != nil {
				err = errors.Join(err, fmt.Errorf("process the late answer about sale %s: %w", sale.Text(id.Vend), one))
			} else if out.done {
				taken++
			}
		}
		if len(late) < maxRecover || ctx.Err() != nil {
			return taken, err
		}
	}
}

func (v *Vending) takeLateOf(tx Tx, by access.Actor, saleID id.ID) (settledReversal, error) {
	s, p, no, err := lockSale(tx, access.Actor{}, saleID, "")
	if err != nil || no.Refused() || s.State == sale.Reversing { // a second reversal waits, and takes the answer at its end
		return settledReversal{}, err
	}
	r, found, err := tx.Reversals().ReversalOf(saleID)
	if err != nil || !found {
		return settledReversal{}, err
	}
	if r.Cancels, err = cancelsOf(tx, saleID); err != nil {
		return settledReversal{}, err
	}
	news := slices.DeleteFunc(slices.Clone(r.Cancels), func(c sale.Cancel) bool { return !late(c) })
	if len(news) == 0 {
		return settledReversal{}, nil
	}
	if s.State == sale.Reversed {
		err = v.confirmLate(tx, by, s, r, news)
	} else {
		err = v.reverseLate(tx, s, p, r, news)
	}
	if err != nil {
		return settledReversal{}, err
	}
	e := by.Entry("vend.reverse.late", saleID.Text(id.Vend))
	e.After = fmt.Sprintf("answers=%d of=%d", len(news), len(s.Tokens))
	return settledReversal{done: true}, tx.AuditLog(e)
}

// confirmLate stores late answers about a sale that another reversal has already reversed without the meter's confirmation.
func (v *Vending) confirmLate(tx Tx, by access.Actor, s sale.Sale, r sale.Reversal, news []sale.Cancel) error {
	for _, c := range news {
		if err := v.confirmOne(tx, by, s, c); err != nil {
			return err
		}
	}
	done := 0
	for _, c := range r.Cancels {
		if c.State == sale.CancelDone {
			done++
		}
	}
	r.Confirmed = done == len(s.Tokens)
	return errors.Join(tx.Reversals().PutReversal(r), tellUnconfirmed(tx, s))
}

func (v *Vending) confirmOne(tx Tx, by access.Actor, s sale.Sale, c sale.Cancel) error {
	at := slices.IndexFunc(s.Tokens, func(t sale.Token) bool { return t.ID == c.Token })
	if at < 0 {
		return fmt.Errorf("token %s does not belong to sale %s", c.Token.Text(id.Token), s.ID.Text(id.Vend))
	}
	switch t := s.Tokens[at]; {
	case c.State == sale.CancelUsed:
		if _, err := v.reclaimFrom(tx, by, s, t); err != nil {
			return err
		}
		return tx.Cancelling().CancelTake(c.Token, sale.TakenUsed)
	case t.State == sale.TokenAccepted: // already claimed back because of another answer; a person must decide
		err := tx.Reversals().RaiseAlarm(s.Meter.N, metering.Alarm{Code: metering.AlarmUnitsOwed, Text: alarmtext.ClaimedBack(t.ID.Text(id.Token))})
		return errors.Join(err, tx.Cancelling().CancelTake(c.Token, sale.TakenDone))
	}
	return errors.Join(tx.Reversals().TokenMoved(c.Token, metering.MoveCancelled), tx.Cancelling().CancelTake(c.Token, sale.TakenDone))
}

// reverseLate takes answers about a sale that was not reversed. It reverses the sale after all if every token is cancelled, no token was
// replaced, and no later event prevents the reversal.
func (v *Vending) reverseLate(tx Tx, s sale.Sale, p sale.Point, r sale.Reversal, news []sale.Cancel) error {
	if s.State == sale.Completed && len(news) == len(s.Tokens) {
		free, err := v.freeToReverse(tx, s, p, r.Shift, news)
		if err != nil {
			return err
		}
		if free {
			if err := tx.Reversals().SetSaleState(s.ID, sale.Completed, sale.Reversing); err != nil {
				return err
			}
			if _, _, err := v.giveBack(tx, s, r, true); err != nil {
				return err
			}
			return tx.Reversals().RaiseAlarm(s.Meter.N, metering.Alarm{Code: metering.AlarmReversedLate, Text: alarmtext.ReversedLate(s.ID.Text(id.Vend), s.Tender)})
		}
	}
	for _, c := range news {
		take := takeAnswer
		if c.State == sale.CancelDone && p.Replaced != nil && slices.Contains(p.Replaced.Tokens, c.Token) {
			take = takeSwapped
		}
		if err := take(tx, c); err != nil {
			return err
		}
		if c.State == sale.CancelUsed {
			r.Failure = refusal.NotReversible
		}
	}
	return tx.Reversals().PutReversal(r)
}

// takeSwapped takes the answer that a token is cancelled whose units the new meter has got.
func takeSwapped(tx Tx, c sale.Cancel) error {
	return errors.Join(tx.Reversals().TokenMoved(c.Token, metering.MoveCancelled), tx.Cancelling().CancelTake(c.Token, sale.TakenReplaced))
}

// freeToReverse reports whether a sale can still be reversed completely. All its tokens must be cancelled. It must be of this month and the
// last sale to its meter and account, and the amounts that it posted must still be there. A meter that was replaced has passed its units on.
func (v *Vending) freeToReverse(tx Tx, s sale.Sale, p sale.Point, shift id.ID, news []sale.Cancel) (bool, error) {
	for _, c := range news {
		if c.State != sale.CancelDone {
			return false, nil
		}
	}
	if p.Replaced != nil {
		return false, nil
	}
	zone, err := v.zone(p.TZ)
	if err != nil || s.Month != v.moment().In(zone).Format(localday.MonthForm) || p.Account != s.Account {
		return false, err
	}
	newest, err := tx.Reversals().VendNewest(s.Meter.N)
	if err != nil || newest != s.ID {
		return false, err
	}
	moved, err := mirrorFits(tx, s, shift)
	return !moved.Refused(), err
}

// replaceOwed makes a token for the units of every token that its meter has cancelled although its sale was not reversed.
func (v *Vending) replaceOwed(ctx context.Context, by access.Actor) (made int, err error) {
	var after id.ID
	for {
		owed, look := access.Look(ctx, v.c.Door, by.Tenant, func(tx Tx) ([]sale.Token, error) { return tx.Cancelling().CancelsOwed(after, maxRecover) })
		if look != nil {
			return made, errors.Join(err, fmt.Errorf("look for units that are owed: %w", look))
		}
		for _, t := range owed {
			after = t.ID
			done, one := v.replaceToken(ctx, by, t)
			if one != nil {
				err = errors.Join(err, fmt.Errorf("replace token %s: %w", t.ID.Text(id.Token), one))
			} else if done {
				made++
			}
		}
		if len(owed) < maxRecover || ctx.Err() != nil {
			break
		}
	}
	if made > 0 && v.c.Kick != nil {
		v.c.Kick()
	}
	return made, err
}

// replaceToken makes the replacement of a token. If that is impossible now, an alarm says why, and the units stay owed.
func (v *Vending) replaceToken(ctx context.Context, by access.Actor, t sale.Token) (bool, error) {
	nibbles, err := v.nibbles()
	if err != nil {
		return false, err
	}
	a := Ask{Kind: sale.Replacement, Units: t.Units, ReasonCode: reasonCancelled, Reason: "token " + t.ID.Text(id.Token) + " was cancelled, its sale stands",
		replaces: t.ID}
	s, err := access.Through(ctx, v.c.Door, by.Tenant, func(tx Tx) (jobStep, error) { return v.beginReplacement(ctx, tx, by, a, t, nibbles) })
	if err == nil && s.open {
		s, err = v.finishJob(ctx, by, a, s.result.Job.ID)
	}
	if err != nil || !s.undo {
		return err == nil && !s.result.Job.ID.IsZero(), err
	}
	if c := s.result.Code; c == refusal.VendInProgress || c == refusal.IssuerUnknown {
		return false, nil // the replacement will be possible soon
	}
	_, err = access.Through(ctx, v.c.Door, by.Tenant, func(tx Tx) (settledReversal, error) {
		return settledReversal{}, tx.Reversals().RaiseAlarm(t.Meter, stillOwed(t.ID, t.Units, s.result.Refusal))
	})
	return false, err
}

// beginReplacement reserves the replacement of a token and, if the issuer is local, makes it. No money moves: the sale remains, and its
// units go into another token.
func (v *Vending) beginReplacement(ctx context.Context, tx Tx, by access.Actor, a Ask, t sale.Token, nibbles [MaxTokens]byte) (jobStep, error) {
	sale, point, no, err := lockSale(tx, access.Actor{}, t.Sale, "")
	if err != nil || no.Refused() {
		return noJob(no), err
	}
	if owed, err := isOwed(tx, sale, t.ID); err != nil || !owed {
		return jobStep{}, err // another instance was quicker
	}
	a.Meter = point.Meter.Number
	now := v.moment()
	times, no, err := v.MayDate(tx)
	if err != nil || no.Refused() {
		return noJob(no), err
	}
	if point.Account != sale.Account {
		return noJob(refuse.MeterSuppliesAnother(point.Meter.Number)), nil
	}
	j, no, err := v.reserveJob(tx, by, a, point, now, times)
	if err != nil || no.Refused() {
		return noJob(no), err
	}
	j.Ref = "replaces/" + t.ID.Text(id.Token)
	if err := v.keepReplacement(tx, by, &j, nibbles); err != nil {
		return jobStep{}, err
	}
	return v.makeJob(ctx, tx, a, j)
}

// keepReplacement writes the job and its consequences: the token's units are no longer owed, an alarm tells a person, and the audit log
// records the replacement.
func (v *Vending) keepReplacement(tx Tx, by access.Actor, j *sale.Job, nibbles [MaxTokens]byte) (err error) {
	for i := range j.Tokens {
		j.Tokens[i].RND = nibbles[i%MaxTokens] & 0xf
		if j.Tokens[i].ID, err = tx.NewID(); err != nil {
			return err
		}
	}
	e := by.Entry("token."+string(j.Kind), j.Meter.ID.Text(id.Meter))
	e.At, e.Reason, e.After = j.CreatedAt, j.ReasonCode+" "+j.Reason, "job="+j.ID.Text(id.Job)+" "+summary(*j)
	return errors.Join(tx.Jobs().AddJob(*j), tx.Cancelling().CancelTake(j.Replaces, sale.TakenReplaced), tx.AuditLog(e), tx.Reversals().RaiseAlarm(j.Meter.N, metering.Alarm{
		Code: metering.AlarmUnitsOwed, Text: alarmtext.Replaced(j.Replaces.Text(id.Token), j.Units)}))
}

func isOwed(tx Tx, s sale.Sale, token id.ID) (bool, error) {
	all, err := cancelsOf(tx, s.ID)
	for _, c := range all {
		if c.Token == token {
			return s.State == sale.Completed && c.Taken == sale.TakenOwed, err
		}
	}
	return false, err
}

// stillOwed is the alarm about units that could not be replaced.
func stillOwed(token id.ID, units unit.Energy, why refusal.Refusal) metering.Alarm {
	return metering.Alarm{Code: metering.AlarmUnitsOwed, Text: alarmtext.StillOwed(token.Text(id.Token), units, why.What)}
}
