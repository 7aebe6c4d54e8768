package console

import (
	"cmp"
	"context"
	"net/http"

	"github.com/paywatt/paywatt/internal/debt"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/unit"
)

// The customer of an account moves out in two steps: the form shows what the move-out does, and the page of that plan has the button that does it.

// movedOutPage says where the money of a closed account went.
type movedOutPage struct {
	Account, At string
	Meters      []string
	Lines       []factLine
}

// moveOutPlanPage says where the money of an account will go.
type moveOutPlanPage struct {
	accountFields
	ID, Customer, FormID, Leaves, Command string
	Meters                                []string
	Owed                                  int64 // what stays owed, in minor units: the form sends it back
	Lines                                 []factLine
	Claims                                []claimLine
}

// claimLine is a debt or a charge that the customer's money pays.
type claimLine struct{ Name, Before, Owed, Paid string }

// creditLeft says what is left in a keypad meter.
func (t site) creditLeft(c registry.CreditLeft) string {
	if c.State == registry.CreditRead {
		return t.say.Energy(c.Units, 3)
	}
	return t.say.Name("credit", string(c.State))
}

// moveOutLines lists the figures of a move-out.
func (t site) moveOutLines(m debt.MovedOut) (out []factLine) {
	sum := amountsIn(t.say, m.Currency)
	if m.Credit.State == registry.CreditNotAsked {
		out = []factLine{{t.say.AccountsChargedUpTo(), t.clock(m.AsOf)}, {t.say.AccountsWallet(), sum(m.Wallet)},
			{t.say.AccountsFinalBill(), sum(m.FinalBill)}}
	} else {
		out = []factLine{{t.say.AccountsCreditLeft(), t.creditLeft(m.Credit)}}
	}
	return append(out, factLine{t.say.AccountsDeposit(), sum(m.Deposit)}, factLine{t.say.AccountsCarry(), sum(m.Carry)},
		factLine{t.say.AccountsDebtsPaid(), sum(m.Paid)},
		factLine{t.say.AccountsRefundDue(), sum(m.Refund)}, factLine{t.say.AccountsStillOwed(), sum(m.Owed)})
}

// endedLines lists what else ends with an account, as far as there is any of it.
func (t site) endedLines(p debt.MoveOutPlan) (out []factLine) {
	add := func(name, value string) {
		if value != "" {
			out = append(out, factLine{name, value})
		}
	}
	energy := func(e unit.Energy) string {
		if e == 0 {
			return ""
		}
		return t.say.Energy(e, 1)
	}
	if p.Ended.ChargedTo != "" {
		add(t.say.AccountsFixedUpTo(), t.say.Day(p.Ended.ChargedTo))
	}
	add(t.say.AccountsStillAllowed(), energy(p.Ended.MaySupply))
	add(t.say.AccountsMonthUnits(), energy(p.Ended.Units))
	add(t.say.AccountsFreeEnds(), energy(p.Ended.FreeDue))
	if !p.Ended.TariffFrom.IsZero() {
		add(t.say.AccountsEndsTariff(), t.say.AccountsEndsTariffFrom(p.Ended.Tariff, t.clock(p.Ended.TariffFrom)))
	}
	add(t.say.AccountsEndsPhone(), p.Customer.Phone)
	return out
}

// claimLines lists what the customer's money pays, in this order.
func (t site) claimLines(m debt.MovedOut) (out []claimLine) {
	sum := amountsIn(t.say, m.Currency)
	for _, c := range m.Claims() {
		l := claimLine{Name: c.Kind, Before: sum(c.Before), Owed: sum(c.Owed), Paid: sum(c.Paid)}
		switch {
		case c.Month != "":
			l.Name += " " + c.Month
		case c.Debt.IsZero():
			l.Name = t.say.AccountsFinalBill()
		}
		out = append(out, l)
	}
	return out
}

// planMoveOut asks what a move-out does.
func (s *Console) planMoveOut(ctx context.Context, v visit, f accountFields, account string) (entry, error) {
	left, no := f.readCredit(v)
	if no.Refused() {
		return entry{Refusal: no}, nil
	}
	plan, err := s.c.Debts.PlanMoveOut(ctx, v.by, debt.MoveOut{Account: account, Credit: left})
	if err != nil || plan.Refused() {
		return entry{Refusal: plan.Refusal}, err
	}
	return entry{Refusal: plan.NeedsCredit(), plan: &plan}, nil
}

// showMoveOutPlan shows what a move-out does, with the button that does it.
func (s *Console) showMoveOutPlan(w http.ResponseWriter, r *http.Request, v visit, p debt.MoveOutPlan, f accountFields) {
	t := v.site.say
	d := moveOutPlanPage{accountFields: f, ID: p.Account.Text(id.Account), Customer: cmp.Or(p.Customer.Name, t.SellNoName()),
		Meters: p.Meters, Owed: int64(p.Owed),
		Lines: append(v.site.moveOutLines(p.MovedOut), v.site.endedLines(p)...), Claims: v.site.claimLines(p.MovedOut)}
	if p.Owed > 0 {
		d.Leaves = t.AccountsMoveOutLeaves(amountsIn(t, p.Currency)(p.Owed))
	}
	same := customerAccountPage{accountFields: f, ID: d.ID, Keypad: p.Credit.State != registry.CreditNotAsked}
	if len(p.Meters) > 0 {
		same.Number = p.Meters[0]
	}
	d.Command = same.moveOutCommand()
	var err error
	if d.FormID, err = s.formID(v); err != nil {
		s.broken(w, r, v, err)
		return
	}
	s.show(w, r, http.StatusOK, moveOutPlanView(s.page(r, v, t.AccountsMoveOutPlan()), d))
}

// showMovedOut shows the figures of a move-out.
func (s *Console) showMovedOut(w http.ResponseWriter, r *http.Request, v visit, m debt.MovedOut) {
	d := movedOutPage{Account: accountPath(m.Account.Text(id.Account)), At: v.site.clock(m.At), Meters: m.Meters, Lines: v.site.moveOutLines(m)}
	s.show(w, r, http.StatusOK, movedOutView(s.page(r, v, v.site.say.AccountsMovedOut()), d))
}
