package registry

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/fault"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/metering"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/refuse"
	"github.com/paywatt/paywatt/internal/tariff"
)

// ChangingTariff is a request to price the account of a meter by another tariff.
type ChangingTariff struct {
	Tariff   string    `json:"tariff,omitempty"`   // name or identity of a tariff
	From     time.Time `json:"from,omitzero"`      // zero for at once
	Withdraw bool      `json:"withdraw,omitempty"` // take back the change that has not begun; Tariff and From count for nothing
	Reason   string    `json:"reason"`
}

func (c ChangingTariff) checkFields() refusal.Refusal {
	switch {
	case strings.TrimSpace(c.Reason) == "" || !text(c.Reason, maxReason):
		return refuse.ChangeWithoutReason(maxReason)
	case !c.Withdraw && strings.TrimSpace(c.Tariff) == "":
		return refuse.TariffChangeWithoutTariff()
	}
	return refusal.Refusal{}
}

// TariffPlan is what a change of the tariff of an account does.
type TariffPlan struct {
	refusal.Refusal
	Meter         Meter
	Account       id.ID
	Customer      Customer
	Before, After tariff.Version // in force when the change begins; Before is the zero Version if its tariff has not begun
	From          time.Time
	AtOnce        bool
	Withdraws     int // number of the change that is taken back; 0 for none
	Use           tariff.AccountUse
	Preview       tariff.ChangePreview
	Currency      string
	// Alone says that one person may make the change: it makes nothing cheaper.
	Alone bool

	next int // number of the change
}

// ChangedTariff is a change of the tariff of an account that was made.
type ChangedTariff struct {
	TariffPlan
	Change TariffChange
	Waits  *access.Approval // it waits for a second person, and nothing was changed
}

// PlanTariffChange says what a change of the tariff of a meter's account would do, and changes nothing (right: meter.write).
func (r *Registry) PlanTariffChange(ctx context.Context, by access.Actor, ref string, c ChangingTariff) (TariffPlan, error) {
	if no := by.Needs(access.WriteMeters); no.Refused() {
		return TariffPlan{Refusal: no}, nil
	}
	if c.Reason == "" {
		c.Reason = "-" // a reason is needed only to make the change
	}
	if no := c.checkFields(); no.Refused() {
		return TariffPlan{Refusal: no}, nil
	}
	out, err := access.Look(ctx, r.c.Door, by.Tenant, func(tx Tx) (TariffPlan, error) { return r.planTariffChange(tx, ref, c) })
	return out.shownTo(by), fault.Wrap(err, "plan another tariff for meter %s", ref)
}

// shownTo leaves out what the customer bought and used, unless the actor may read sales.
func (p TariffPlan) shownTo(by access.Actor) TariffPlan {
	if !by.May(access.ReadVends) {
		p.Use, p.Preview = tariff.AccountUse{}, tariff.ChangePreview{}
	}
	if !by.May(access.ReadCustomers) {
		p.Customer = Customer{ID: p.Customer.ID}
	}
	return p
}

// ChangeTariff prices the account of a meter by another tariff, at once or from a moment that has not come, or takes back such a change that has
// not begun (right: meter.write). Sales and readings from before that moment keep their price. A change that makes something cheaper takes two
// people.
func (r *Registry) ChangeTariff(ctx context.Context, by access.Actor, ref string, c ChangingTariff) (ChangedTariff, error) {
	if no := by.Needs(access.WriteMeters); no.Refused() {
		return ChangedTariff{TariffPlan: TariffPlan{Refusal: no}}, nil
	}
	out, err := access.Through(ctx, r.c.Door, by.Tenant, func(tx Tx) (ChangedTariff, error) { return r.ChangeTariffIn(tx, by, ref, c) })
	out.TariffPlan = out.shownTo(by)
	return out, fault.Wrap(err, "change the tariff of meter %s", ref)
}

// tariffChangeAct is a change of a tariff as stored for a second person.
type tariffChangeAct struct {
	Meter  string         `json:"meter"`
	Change ChangingTariff `json:"change_tariff"`
}

// tariffChangeContent is what a stored change only names: an approval is for this account, and for taking back this change.
type tariffChangeContent struct {
	Account   string `json:"account"`
	Withdraws int    `json:"withdraws,omitempty"`
}

func (r *Registry) doTariffChange(ctx context.Context, maker access.Actor, body []byte) (access.Done, error) {
	var a tariffChangeAct
	if err := json.Unmarshal(body, &a); err != nil {
		return access.Done{}, fmt.Errorf("read an approved change of a tariff: %w", err)
	}
	out, err := r.ChangeTariff(ctx, maker, a.Meter, a.Change)
	return access.Done{Refusal: out.Refusal, Object: "meter " + a.Meter}, err
}

// ChangeTariffIn does the work of ChangeTariff in a transaction of the caller, which has checked the right meter.write.
func (r *Registry) ChangeTariffIn(tx Tx, by access.Actor, ref string, c ChangingTariff) (ChangedTariff, error) {
	if no := c.checkFields(); no.Refused() {
		return ChangedTariff{TariffPlan: TariffPlan{Refusal: no}}, nil
	}
	if !c.From.IsZero() {
		c.From = access.Stored(c.From)
	}
	plan, err := r.planTariffChange(tx, ref, c)
	if err != nil || plan.Refused() {
		return ChangedTariff{TariffPlan: plan}, err
	}
	var eyes access.FourEyes
	if !plan.Alone || !by.Approval.IsZero() { // an approved change is still for what was asked, also if a price has risen since
		wish := access.ActRequest{Act: access.ActMeterTariff, Object: plan.Meter.ID.Text(id.Meter), Summary: plan.describeChange(c),
			Effect: plan.listEffects, Body: tariffChangeAct{plan.Meter.Number, c},
			Content: tariffChangeContent{plan.Account.Text(id.Account), plan.Withdraws}}
		eyes, err = access.SecondPerson(tx.Eyes(), by, wish, r.c.Now())
		if err != nil || eyes.Refused() || eyes.Waits != nil {
			return ChangedTariff{TariffPlan: TariffPlan{Refusal: eyes.Refusal}, Waits: eyes.Waits}, err
		}
	}
	change := TariffChange{Account: plan.Account, N: plan.next, Tariff: plan.After.TariffID, From: plan.From, Withdraws: plan.Withdraws,
		By: by.String(), Reason: c.Reason, At: r.moment()}
	if change.ID, err = tx.NewID(); err != nil {
		return ChangedTariff{}, err
	}
	if err := tx.Tariffs().Changing().AddTariffChange(change); err != nil {
		return ChangedTariff{}, err
	}
	if plan.Use.Wallet { // warnings, lease and supply follow the price
		if err := tx.Tariffs().Changing().CheckSupplies(plan.Account, plan.From); err != nil {
			return ChangedTariff{}, err
		}
	}
	e := by.Entry("account.tariff", plan.Account.Text(id.Account))
	e.Before, e.Reason = "tariff="+plan.Before.Name, c.Reason
	e.After = fmt.Sprintf("tariff=%s from=%s meter=%s", plan.After.Name, plan.From.Format(time.RFC3339Nano), plan.Meter.Number)
	if plan.Withdraws > 0 {
		e.After += fmt.Sprintf(" withdraws=%d", plan.Withdraws)
	}
	return ChangedTariff{TariffPlan: plan, Change: change}, tx.AuditLog(eyes.Mark(e))
}

// describeChange says in a sentence what a second person agrees to.
func (p TariffPlan) describeChange(c ChangingTariff) string {
	from := "at once"
	if !p.AtOnce {
		from = "from " + p.From.Format(time.RFC3339)
	}
	what := fmt.Sprintf("change the tariff of meter %s from %q to %q %s", p.Meter.Number, p.Before.Name, p.After.Name, from)
	if p.Withdraws > 0 {
		what = fmt.Sprintf("withdraw the change of meter %s to tariff %q that is planned %s: it stays on %q",
			p.Meter.Number, p.Before.Name, from, p.After.Name)
	}
	return what + "; reason: " + c.Reason
}

// listEffects says what a change does, for the person who approves it.
func (p TariffPlan) listEffects() (e access.Effect, err error) {
	e.Fact("meter", p.Meter.Number)
	e.Fact("customer", p.Customer.Name)
	e.Fact("phone", p.Customer.Phone)
	e.Change("tariff", access.Says(p.Before.Name), access.Says(p.After.Name))
	if p.AtOnce {
		e.Tells("from", access.Named("begins", "once approved"))
	} else {
		e.Tells("from", access.Moments(p.From))
	}
	e.Change("price", access.Costs(p.Before.Body.Dearest(), p.Currency), access.Costs(p.After.Body.Dearest(), p.Currency))
	amount := func(m money.Minor) access.Value { return access.Pays(money.Amount{Minor: m, Currency: p.Currency}) }
	e.Tells("next-purchase", amount(p.Use.Pays))
	if before, after := p.Preview.Before.Buys, p.Preview.After.Buys; max(before, after) < tariff.MaxUpTo {
		e.Change("buys", access.Counts(access.UnitEnergy, int64(before)), access.Counts(access.UnitEnergy, int64(after)))
	}
	e.Tells("usual-energy", access.Counts(access.UnitEnergy, int64(p.Use.Month)))
	e.Change("usual-month", amount(p.Preview.Before.UsualMonth), amount(p.Preview.After.UsualMonth))
	return e, nil
}

// planTariffChange finds out what a change does. It locks the account and its wallets, so that no sale and no reading comes between.
func (r *Registry) planTariffChange(tx Tx, ref string, c ChangingTariff) (TariffPlan, error) {
	m, no, err := MeterNamed(tx, ref)
	if err != nil || no.Refused() {
		return TariffPlan{Refusal: no}, err
	}
	account, found, err := tx.Tariffs().Changing().PricedAccount(m.N)
	if err != nil {
		return TariffPlan{}, err
	}
	if !found || account.Status != AccountActive {
		return TariffPlan{Refusal: refuse.TariffChangeWithoutAccount(m.Number)}, nil
	}
	rec, _, err := tx.MeterRecord(m.ID) // after the locks: a move-in or a replacement may have come before them
	if err != nil {
		return TariffPlan{}, err
	}
	if m = rec.Meter; m.Account != account.ID || m.Status.HasLeft() {
		return TariffPlan{Refusal: refuse.TariffChangeWithoutAccount(m.Number)}, nil
	}
	now := rec.readClock(r.moment())
	p := TariffPlan{Meter: m, Account: account.ID, Customer: rec.Customer, Use: tariff.AccountUse{Wallet: account.Mode == PrepayWallet}}
	changes, err := tx.Tariffs().Changing().TariffChanges(account.ID)
	if err != nil {
		return TariffPlan{}, err
	}
	most := MaxTariffChanges
	if !c.Withdraw {
		most-- // so that a change that is planned can be taken back
	}
	if len(changes) >= most {
		return TariffPlan{Refusal: refuse.TariffChangesFull(m.Number, int64(len(changes)))}, nil
	}
	p.next = len(changes) + 1
	var of tariffPair
	if c.Withdraw {
		of, no = p.planWithdrawal(account, changes, now)
	} else {
		of, no, err = p.planAssignment(tx, account, c, now)
	}
	if err != nil || no.Refused() {
		return TariffPlan{Refusal: no}, err
	}
	return r.compareTariffs(tx, p, account, of, now)
}

// tariffPair are the tariffs that an account has without a change and with it.
type tariffPair struct{ before, after id.ID }

// readClock returns the time in which a meter lives.
func (rec MeterRecord) readClock(now time.Time) time.Time {
	if !rec.Meter.Simulated || !rec.Seen || rec.Meter.Mode != PrepayWallet {
		return now
	}
	return access.Stored((&metering.Live{LastSeen: rec.LastSeen, NewestAt: rec.NewestAt}).Clock(now))
}

// planWithdrawal fills in that a planned change is taken back.
func (p *TariffPlan) planWithdrawal(a PricedAccount, changes []TariffChange, now time.Time) (of tariffPair, no refusal.Refusal) {
	planned, found := a.Later.Next(now)
	switch {
	case !found:
		return of, refuse.TariffChangeNotPlanned(p.Meter.Number)
	case !planned.From.After(now.Add(replaceBefore)), !planned.From.After(a.Earliest): // a clock that is ahead priced by it
		return of, refuse.TariffChangeHasBegun(p.Meter.Number, planned.From)
	}
	for _, c := range changes {
		if c.Withdraws == 0 && c.Tariff == planned.Tariff && c.From.Equal(planned.From) {
			p.Withdraws = c.N // the last one: an earlier one of that moment was withdrawn
		}
	}
	p.From = planned.From
	return tariffPair{before: planned.Tariff, after: a.Later.At(a.Tariff, now)}, no
}

// planAssignment fills in when another tariff begins.
func (p *TariffPlan) planAssignment(tx Tx, a PricedAccount, c ChangingTariff, now time.Time) (of tariffPair, no refusal.Refusal, err error) {
	if planned, found := a.Later.Next(now); found {
		name, _, err := tx.Tariffs().TariffName(planned.Tariff)
		return of, refuse.TariffChangePlanned(p.Meter.Number, name, planned.From), err
	}
	if of.after, no, err = findTariff(tx, c.Tariff, refusal.TariffMissing); err != nil || no.Refused() {
		return of, no, err
	}
	name, _, err := tx.Tariffs().TariffName(of.after)
	if err != nil {
		return of, no, err
	}
	if p.From, no = beginOfChange(c.From, now); no.Refused() {
		return of, no, nil
	}
	p.AtOnce = !p.From.After(now)
	if p.From.Before(a.Earliest) {
		p.From = a.Earliest
	}
	if of.before = a.Later.At(a.Tariff, p.From); of.before == of.after {
		return of, refuse.TariffChangeToSame(p.Meter.Number, name), nil
	}
	if a.Mode == PrepayToken {
		if unfit, err := forTokens(tx, of.after, name, p.From); err != nil || unfit.Refused() {
			return of, refuse.TariffChangeWithoutTokens(p.Meter.Number, name), err
		}
	}
	return of, no, nil
}

// beginOfChange returns when a change begins that was asked for a moment. It refuses a moment in the past: what was sold and used since then has
// its price.
func beginOfChange(asked, now time.Time) (time.Time, refusal.Refusal) {
	switch {
	case asked.IsZero():
		return now, refusal.Refusal{}
	case asked.Before(now.Add(-maxBehind)):
		return asked, refuse.TariffChangeInPast(asked)
	case asked.After(now.Add(maxAhead)):
		return asked, refuse.TariffChangeTooLate(asked)
	case asked.Before(now):
		return now, refusal.Refusal{}
	}
	return access.Stored(asked), refusal.Refusal{}
}
