package vending

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/alarmtext"
	"github.com/paywatt/paywatt/internal/debt"
	"github.com/paywatt/paywatt/internal/fault"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/logkey"
	"github.com/paywatt/paywatt/internal/metering"
	"github.com/paywatt/paywatt/internal/once"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/refuse"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/sale"
	"github.com/paywatt/paywatt/internal/wallet"
	"github.com/paywatt/paywatt/unit"
)

// MaxSwapTokens is how many unused tokens of a meter one swap may count, and how many a page offers.
const MaxSwapTokens = 20

// swapReason is the reason code of the tokens that a swap makes.
const swapReason = "meter_swap"

// Swap is a request to let a meter from the stock take the place, the customer and the account of another one.
type Swap struct {
	once.Request
	Old, New string
	Balance  *unit.Energy // of a token meter: read off its display; nil: the last reported balance
	Unused   []string     // of a token meter: its tokens that were never entered
	Register *unit.Energy // of a wallet meter: read off it; nil: the register charged last
	Reason   string

	Render func(Swapped, Digits) (status int, body []byte)

	approved *unit.Energy // the units that a second person has seen
}

// swapRequest is the part of a swap that is stored for a second person.
type swapRequest struct {
	Old      string       `json:"meter"`
	New      string       `json:"new_meter"`
	Balance  *unit.Energy `json:"balance_wh,omitempty"`
	Unused   []string     `json:"unused_tokens,omitempty"`
	Register *unit.Energy `json:"register_wh,omitempty"`
	Reason   string       `json:"reason"`
	Units    unit.Energy  `json:"units_wh,omitempty"` // at most; without a balance the meter may report a higher one before the approval
}

// Swapped is a swap, or what it would do.
type Swapped struct {
	refusal.Refusal
	sale.Swap
	Waits   *access.Approval // set if the request waits for a second person; nothing was changed
	Mode    registry.Mode
	Charged unit.Energy // of a wallet: use that the closing charges
	Allowed unit.Energy // of a wallet: what the old meter may still supply until it answers its cut-off
	Made    sale.Job    // the replacement tokens; without digits while the issuer has not answered
	digits  Digits
}

// answerTime is how long an old wallet meter that still has a lease may sign in after its replacement, so that its cut-off reaches it. Until
// it answers, the new meter gets no lease for the same money.
const answerTime = 15 * time.Minute

// SwapTx is the part of a transaction that swaps need.
type SwapTx interface {
	// PutSwap stores a swap, takes the old meter out of service and puts the new meter in its place.
	PutSwap(sale.Swap) error
	// PutSwapJob stores the job that makes the tokens of a swap instead of the one that failed.
	PutSwapJob(sale.Swap) error
	// SwapTo returns the swap by which a meter came to its place.
	SwapTo(newMeter int64) (sale.Swap, bool, error)
	// OpenCredit lists up to max tokens with units that a meter is not known to have taken, newest first.
	OpenCredit(meter int64, max int) ([]sale.Token, error)
	// CreditTaken returns the units of all tokens that a meter took and that were made after a time.
	CreditTaken(meter int64, since time.Time) (unit.Energy, error)
}

// SwapMeter replaces a meter (right: token.issue), in one transaction. Under the four-eyes rule and above the ceilings of free units it
// takes two people. The old meter gets no more tokens and no more money, and is switched off for good. If the issuer refused the tokens of a
// swap, the same swap can be requested again: then the tokens are made for the units that the swap gave.
func (v *Vending) SwapMeter(ctx context.Context, by access.Actor, a Swap) (once.Done[Swapped], error) {
	var render func(Swapped) (int, []byte)
	if a.Render != nil {
		render = func(s Swapped) (int, []byte) { return a.Render(s, s.digits) }
	}
	out, err := once.Do(ctx, v.answers, by, access.ActSwap.Right(), a.Request, render, func(tx Tx) (Swapped, refusal.Refusal, error) { return v.swap(ctx, tx, by, a) })
	if err == nil && out.Replay == nil && out.Value.Made.State == sale.Held { // the answer does not wait for the issuer
		if _, late := v.finishJob(ctx, by, Ask{}, out.Value.Job); late != nil {
			v.c.Log.Warn("tokens of a swap not made yet", logkey.VendID, out.Value.Job.Text(id.Job), logkey.Err, late)
		}
	}
	return out, fault.Wrap(err, "replace meter %s", refusal.Echo(a.Old))
}

// PlanSwap says what SwapMeter would do, and changes nothing (right: token.issue).
func (v *Vending) PlanSwap(ctx context.Context, by access.Actor, a Swap) (Swapped, error) {
	if no := by.Needs(access.ActSwap.Right()); no.Refused() {
		return Swapped{Refusal: no}, nil
	}
	out, err := access.Look(ctx, v.c.Door, by.Tenant, func(tx Tx) (Swapped, error) {
		out, _, no, err := v.planSwap(tx, &a, v.moment())
		out.Refusal = no
		return out, err
	})
	return out, fault.Wrap(err, "plan the swap of meter %s", refusal.Echo(a.Old))
}

// SwapMade is a swap with the state of its replacement tokens, which is empty if it has none.
type SwapMade struct {
	sale.Swap
	Tokens sale.State
}

// madeOf reads the state of the tokens of a swap.
func madeOf(tx Tx, s sale.Swap) (*SwapMade, error) {
	m := &SwapMade{Swap: s}
	if s.Job.IsZero() {
		return m, nil
	}
	j, _, err := tx.Jobs().JobByID(s.Job)
	m.Tokens = j.State
	return m, err
}

// SwapFacts is what is known about a meter that is to be replaced, or that was replaced.
type SwapFacts struct {
	refusal.Refusal
	Meter     sale.MeterRef
	Mode      registry.Mode
	Replaced  *SwapMade // the swap by which the meter was replaced
	Came      *SwapMade // the swap by which the meter came to its place
	Reported  bool      // the figures below were reported
	Balance   unit.Energy
	BalanceAt time.Time
	Open      []sale.Token // tokens with units that the meter is not known to have taken
	Limit     unit.Energy  // the most that the new meter can get
	Closing   wallet.ClosedMeter
}

// LookAtSwap returns what is known about a meter that is to be replaced (right: meter.read).
func (v *Vending) LookAtSwap(ctx context.Context, by access.Actor, meter string) (SwapFacts, error) {
	no := by.Needs(access.ReadMeters)
	if !no.Refused() && !by.OfUtility() {
		no = refuse.TokensOfAMeter()
	}
	if no.Refused() {
		return SwapFacts{Refusal: no}, nil
	}
	now := v.moment()
	out, err := access.Look(ctx, v.c.Door, by.Tenant, func(tx Tx) (SwapFacts, error) {
		var f swapFacts
		no, err := swapPoint(tx, meter, &f.Old)
		if err != nil || no.Refused() {
			return SwapFacts{Refusal: no}, err
		}
		if err := f.read(tx); err != nil {
			return SwapFacts{}, err
		}
		out := SwapFacts{Meter: f.Old.Meter, Mode: f.Old.Mode, Reported: f.Reported, Balance: f.Balance, BalanceAt: f.At, Open: f.Open, Limit: f.limit()}
		came, found, err := tx.Swaps().SwapTo(f.Old.Meter.N)
		if err == nil && found {
			out.Came, err = madeOf(tx, came)
		}
		if err == nil && f.Old.Replaced != nil {
			out.Replaced, err = madeOf(tx, *f.Old.Replaced)
		}
		if err == nil && out.Mode == registry.PrepayWallet && f.Old.Replaced == nil {
			out.Closing, err = wallet.CloseMeter(tx.Rating(), wallet.Closing{Meter: f.Old.Meter.N, Now: now}, false)
		}
		return out, err
	})
	return out, fault.Wrap(err, "look at meter %s", refusal.Echo(meter))
}

func swapPoint(tx Tx, meter string, to *sale.Point) (refusal.Refusal, error) {
	ref, no := registry.ParseRef(meter)
	if no.Refused() {
		return no, nil
	}
	p, found, err := tx.VendPoint(ref)
	if *to = p; err == nil && !found {
		no = registry.NoMeter(meter)
	}
	return no, err
}

// read reads what is known about the old meter.
func (f *swapFacts) read(tx Tx) error {
	if f.Old.Mode != registry.PrepayToken {
		return nil
	}
	rec, _, err := tx.Registering().MeterRecord(f.Old.Meter.ID)
	if err != nil {
		return err
	}
	if f.Balance, f.At, f.Reported, err = rec.Proved(tx.Registering()); err != nil {
		return err
	}
	if f.Open, err = tx.Swaps().OpenCredit(f.Old.Meter.N, MaxSwapTokens); err != nil {
		return err
	}
	f.Later, err = tx.Swaps().CreditTaken(f.Old.Meter.N, f.At)
	return err
}

// planSwap decides about a swap. The last but one result of a wallet meter says how it would be closed.
func (v *Vending) planSwap(tx Tx, a *Swap, now time.Time) (Swapped, swapFacts, refusal.Refusal, error) {
	var f swapFacts
	if a.Reason = strings.TrimSpace(a.Reason); a.Reason == "" || !access.OneLine(a.Reason, maxReason) {
		return Swapped{}, f, refuse.ChangeWithoutReason(maxReason), nil
	}
	no, err := swapPoint(tx, a.Old, &f.Old)
	if err == nil && !no.Refused() {
		no, err = swapPoint(tx, a.New, &f.New)
	}
	if err != nil || no.Refused() {
		return Swapped{}, f, no, err
	}
	if f.Old.Busy {
		return Swapped{}, f, refuse.SaleInProgress(f.Old.Meter.Number), nil
	}
	if err := f.read(tx); err != nil {
		return Swapped{}, f, refusal.Refusal{}, err
	}
	if f.New.AccountStatus == registry.AccountActive { // what a move-out has settled strands nothing
		if f.Funded, err = isFunded(tx.Debts(), f.New.Account); err != nil {
			return Swapped{}, f, refusal.Refusal{}, err
		}
	}
	out := Swapped{Mode: f.Old.Mode}
	if out.Swap, no = decideSwap(f, *a, now); no.Refused() || out.Mode != registry.PrepayWallet {
		return out, f, no, nil
	}
	pending, err := tx.Debts().RatingPending(f.Old.Meter.N)
	if err != nil || pending {
		return out, f, refuse.SwapBeforeReview(f.Old.Meter.Number), err
	}
	c, err := wallet.CloseMeter(tx.Rating(), wallet.Closing{Meter: f.Old.Meter.N, Register: a.Register, Now: now}, false)
	out.Register, out.RegisterAt, out.Charged, out.Allowed = c.Register, c.At, c.Units, c.Allowed
	return out, f, c.Refusal, err
}

// isFunded reports whether the account of a meter in stock would strand money or a debt if it ended. An import may have brought in what moved
// nothing.
func isFunded(tx debt.Tx, account id.ID) (bool, error) {
	moved, err := tx.AccountMoved(account)
	if moved || err != nil {
		return moved, err
	}
	return tx.HasOpenSums(account)
}

// swap does the work of SwapMeter in one transaction.
func (v *Vending) swap(ctx context.Context, tx Tx, by access.Actor, a Swap) (Swapped, refusal.Refusal, error) {
	now := v.moment()
	if out, again, no, err := v.swapAgain(ctx, tx, by, a, now); again || err != nil {
		return out, no, err
	}
	out, f, no, err := v.planSwap(tx, &a, now)
	if err != nil || no.Refused() {
		return Swapped{}, no, err
	}
	most := out.Units
	if a.approved != nil {
		if most = *a.approved; out.Units > most {
			return Swapped{}, refuse.ApprovalNotForThis(by.Approval.Text(id.Approval)), nil
		}
	}
	eyes, err := access.SecondPerson(tx.Eyes(), by, access.ActRequest{Act: access.ActSwap, Object: f.Old.Meter.ID.Text(id.Meter), Summary: out.summary(),
		Body:  swapRequest{f.Old.Meter.Number, f.New.Meter.Number, a.Balance, a.Unused, a.Register, a.Reason, most},
		Takes: access.Takes{Amount: int64(out.Units + out.Allowed), Meter: access.Subject{ID: f.New.Meter.ID.Text(id.Meter), Name: f.New.Meter.Number}},
		Effect: access.Telling(func(e *access.Effect) {
			e.Change("meter", access.Says(f.Old.Meter.Number), access.Says(f.New.Meter.Number))
			e.Tells("energy", access.Counts(access.UnitEnergy, int64(out.Units)))
			e.Tells("left-in-the-old-meter", access.Counts(access.UnitEnergy, int64(out.Balance)))
			e.Tells("unused-tokens", access.Counts(access.UnitEnergy, int64(out.TokenUnits)))
		})}, now)
	if err != nil || eyes.Refused() || eyes.Waits != nil {
		return Swapped{Waits: eyes.Waits}, eyes.Refusal, err
	}
	if out.ID, err = tx.NewID(); err != nil {
		return Swapped{}, refusal.Refusal{}, err
	}
	out.By, out.ApprovedBy = by.String(), eyes.Checker
	if no, err := v.replace(ctx, tx, by, a, f, &out); err != nil || no.Refused() {
		return Swapped{}, no, err
	}
	if err := tx.Swaps().PutSwap(out.Swap); err != nil {
		return Swapped{}, refusal.Refusal{}, err
	}
	if err := access.FollowOwn(tx.Eyes(), tx.NewID, f.Old.Meter.Number, f.New.Meter.Number, by, now); err != nil {
		return Swapped{}, refusal.Refusal{}, err
	}
	e := eyes.Mark(by.Entry("meter.swap", f.Old.Meter.ID.Text(id.Meter)))
	e.At, e.Reason, e.Before = now, out.Reason, "meter="+f.Old.Meter.Number
	e.After = strings.TrimSpace(fmt.Sprintf("swap=%s meter=%s units_wh=%d balance_wh=%d source=%s tokens_wh=%d register_wh=%d %s", out.ID.Text(id.Swap),
		f.New.Meter.Number, out.Units, out.Balance, out.Source, out.TokenUnits, out.Register, e.After))
	return out, refusal.Refusal{}, tx.AuditLog(e)
}

// summary is what the second person reads.
func (s Swapped) summary() string {
	text := fmt.Sprintf("replace meter %s by meter %s", s.Old.Number, s.New.Number)
	if s.Mode == registry.PrepayWallet {
		text += fmt.Sprintf(", closed at a register of %s kWh", s.Register.KWh(3))
		if s.Allowed > 0 {
			text += fmt.Sprintf("; until it answers its cut-off it may supply %s kWh more", s.Allowed.KWh(1))
		}
		return text + "; reason: " + s.Reason
	}
	how := "by its display"
	if s.Source == sale.SwapReported {
		how = "as it reported at " + stamp(s.BalanceAt)
	}
	return text + fmt.Sprintf(", which gets %s kWh: %s kWh left %s, and %s kWh of %d unused tokens; reason: %s", s.Units.KWh(1), s.Balance.KWh(1), how,
		s.TokenUnits.KWh(1), len(s.Tokens), s.Reason)
}

// replace closes the old meter, gives its account to the new one, and makes the replacement tokens.
func (v *Vending) replace(ctx context.Context, tx Tx, by access.Actor, a Swap, f swapFacts, out *Swapped) (refusal.Refusal, error) {
	loginsEnd := out.At
	if out.Mode == registry.PrepayWallet {
		c, err := wallet.CloseMeter(tx.Rating(), wallet.Closing{Meter: f.Old.Meter.N, Register: a.Register, By: by.String(),
			Why: "replaced by meter " + f.New.Meter.Number, Now: out.At}, true)
		if err != nil || c.Refused() {
			return c.Refusal, err
		}
		if c.Allowed > 0 {
			loginsEnd = out.At.Add(answerTime)
		}
	}
	if err := tx.Registering().Logins().EndMeterLogins(f.Old.Meter.ID, loginsEnd); err != nil {
		return refusal.Refusal{}, err
	}
	if f.New.AccountStatus == registry.AccountActive { // else a move-out from the stock has closed it
		if err := tx.Debts().AccountClose(f.New.Account, out.At, registry.CreditLeft{}); err != nil {
			return refusal.Refusal{}, err
		}
	}
	m, _, err := tx.Registering().MeterByID(f.New.Meter.ID)
	if err == nil {
		err = tx.Registering().Customers().OccupyMeter(m, out.Account)
	}
	switch {
	case err != nil:
		return refusal.Refusal{}, err
	case out.Mode == registry.PrepayWallet:
		return refusal.Refusal{}, wallet.Succeed(tx.Wallets(), out.Account, f.Old.Meter.N, f.New.Meter.N, out.At)
	}
	for _, t := range f.Open { // the old meter may still connect, somewhere
		if err := tx.Cancelling().DropPush(f.Old.Meter.Number, t.ID); err != nil {
			return refusal.Refusal{}, err
		}
	}
	if out.Units == 0 {
		return refusal.Refusal{}, nil
	}
	return v.swapTokens(ctx, tx, by, f, out, out.At)
}

// swapAgain makes the tokens of a swap again, if it is the requested one and its issuer refused them. Nobody has to approve that, because a
// refused token does not exist and the units are those that were approved.
func (v *Vending) swapAgain(ctx context.Context, tx Tx, by access.Actor, a Swap, now time.Time) (out Swapped, again bool, no refusal.Refusal, err error) {
	var f swapFacts
	if no, err := swapPoint(tx, a.Old, &f.Old); err != nil || no.Refused() || f.Old.Replaced == nil || f.Old.Replaced.Job.IsZero() || !by.Approval.IsZero() {
		return out, false, refusal.Refusal{}, err
	}
	if no, err := swapPoint(tx, a.New, &f.New); err != nil || no.Refused() || f.New.Meter.N != f.Old.Replaced.New.N {
		return out, false, refusal.Refusal{}, err
	}
	j, found, err := tx.Jobs().JobByID(f.Old.Replaced.Job)
	if err != nil || !found || j.State != sale.Failed {
		return out, false, refusal.Refusal{}, err
	}
	out = Swapped{Swap: *f.Old.Replaced, Mode: f.Old.Mode}
	if no, err = v.swapTokens(ctx, tx, by, f, &out, now); err != nil || no.Refused() {
		return Swapped{}, true, no, err
	}
	if err := tx.Swaps().PutSwapJob(out.Swap); err != nil {
		return Swapped{}, true, no, err
	}
	e := by.Entry("meter.swap-tokens", f.Old.Meter.ID.Text(id.Meter))
	e.At, e.Reason, e.Before = now, a.Reason, "job="+j.ID.Text(id.Job)
	e.After = fmt.Sprintf("swap=%s job=%s units_wh=%d", out.ID.Text(id.Swap), out.Job.Text(id.Job), out.Units)
	return out, true, no, tx.AuditLog(e)
}

// swapTokens makes the tokens that give the new meter the units of the old one. If the issuer is not local, they stay reserved until it
// answers.
func (v *Vending) swapTokens(ctx context.Context, tx Tx, by access.Actor, f swapFacts, out *Swapped, now time.Time) (refusal.Refusal, error) {
	p, found, err := tx.VendPoint(registry.Ref{Number: f.New.Meter.Number})
	if err != nil || !found {
		return registry.NoMeter(f.New.Meter.Number), err
	}
	times, no, err := v.MayDate(tx)
	if err != nil || no.Refused() {
		return no, err
	}
	ask := Ask{Meter: p.Meter.Number, Kind: sale.Replacement, Units: out.Units, ReasonCode: swapReason, Reason: "replaces meter " + f.Old.Meter.Number}
	j, no, err := v.reserveJob(tx, by, ask, p, now, times)
	if err != nil || no.Refused() {
		return no, err
	}
	switch j.Ref, j.ApprovedBy = out.ID.Text(id.Swap), out.ApprovedBy; {
	case !by.Approval.IsZero():
		j.Ref = by.Approval.Text(id.Approval)
	case !out.Job.IsZero(): // again
		j.Ref = j.ID.Text(id.Job)
	}
	nibbles, err := v.nibbles()
	if err != nil {
		return refusal.Refusal{}, err
	}
	if err := v.numberTokens(tx, &j, nibbles); err != nil {
		return refusal.Refusal{}, err
	}
	if err := v.keepJob(tx, j); err != nil {
		return refusal.Refusal{}, err
	}
	step, err := v.makeJob(ctx, tx, Ask{}, j)
	out.Job, out.Made, out.digits = j.ID, step.result.Job, step.digits
	return step.result.Refusal, err
}

// doSwap replaces a meter as a second person has approved.
func (v *Vending) doSwap(ctx context.Context, maker access.Actor, body []byte) (access.Done, error) {
	var w swapRequest
	if err := json.Unmarshal(body, &w); err != nil {
		return access.Done{}, fmt.Errorf("read an approved swap: %w", err)
	}
	out, err := v.SwapMeter(ctx, maker, Swap{Old: w.Old, New: w.New, Balance: w.Balance, Unused: w.Unused, Register: w.Register, Reason: w.Reason, approved: &w.Units})
	return access.Done{Refusal: out.Refusal, Object: out.Value.ID.Text(id.Swap)}, err
}

// swapFailed raises an alarm if a job that failed should have made the tokens of a swap.
func (v *Vending) swapFailed(tx Tx, j sale.Job, why refusal.Refusal) error {
	if j.ReasonCode != swapReason {
		return nil
	}
	s, found, err := tx.Swaps().SwapTo(j.Meter.N)
	if err != nil || !found || s.Job != j.ID {
		return err
	}
	return tx.Reversals().RaiseAlarm(j.Meter.N, metering.Alarm{Code: metering.AlarmSwapTokens, Text: alarmtext.SwapTokens(s.Old.Number, j.Units, why.What)})
}
