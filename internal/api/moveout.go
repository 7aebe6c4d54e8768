package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/paywatt/paywatt/api/apiv1"
	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/debt"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/ledger"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/refuse"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/vending"
	"github.com/paywatt/paywatt/unit"
)

// owingWarning tells whoever moved a debtor out, with nobody else to agree, what becomes of the debt.
const owingWarning = "Nobody collects the amount that is still owed from a closed account. A new account of the same customer takes it over. " +
	"If the customer is registered anew, take it over with POST /v1/accounts/{id}/take-over."

func movedOutOf(m debt.MovedOut) apiv1.MovedOut {
	warning := ""
	if m.Owed > 0 {
		warning = owingWarning
	}
	b := apiv1.MovedOut{Warning: warning, Account: m.Account.Text(id.Account), Status: "closed", Currency: m.Currency, At: m.At.UTC(),
		Meters:      append([]string{}, m.Meters...),
		WalletMinor: int64(m.Wallet), DepositMinor: int64(m.Deposit), CarryMinor: int64(m.Carry), FinalBillMinor: int64(m.FinalBill),
		DebtsPaidMinor: int64(m.Paid), RefundDueMinor: int64(m.Refund), StillOwedMinor: int64(m.Owed), ChargedUpTo: at(m.AsOf),
		Journal: refOf(m.Journal, id.Journal), Credit: creditOf(m.Credit), Claims: []apiv1.MoveOutClaim{},
		StillAllowed: int64(m.Ended.MaySupply), FixedUpTo: m.Ended.ChargedTo, UnitsWh: int64(m.Ended.Units), FreeDueWh: int64(m.Ended.FreeDue),
		EndsTariff: m.Ended.Tariff, EndsTariffFrom: at(m.Ended.TariffFrom)}
	for _, c := range m.Claims() {
		b.Claims = append(b.Claims, apiv1.MoveOutClaim{Kind: c.Kind, Month: c.Month, Debt: refOf(c.Debt, id.Debt), BeforeMinor: int64(c.Before),
			OwedMinor: int64(c.Owed), PaidMinor: int64(c.Paid)})
	}
	return b
}

func moveOutPlanOf(p debt.MoveOutPlan) apiv1.MovedOut {
	b := movedOutOf(p.MovedOut)
	b.SecondPerson = p.Waits != nil
	b.Status, b.Customer, b.Name, b.Phone = registry.AccountActive, p.Customer.ID.Text(id.Customer), p.Customer.Name, p.Customer.Phone
	return b
}

// creditOf shows what is left in a keypad meter.
func creditOf(c registry.CreditLeft) (out apiv1.Credit) {
	switch c.State {
	case registry.CreditRead:
		out.CreditWh = new(int64(c.Units))
	case registry.CreditUnknown:
		out.CreditUnknown = true
	}
	return out
}

// creditStated reads what somebody says is left in a keypad meter.
func creditStated(c apiv1.Credit) (registry.CreditLeft, refusal.Refusal) {
	switch {
	case c.CreditWh != nil && c.CreditUnknown:
		return registry.CreditLeft{}, refuse.CreditStatedTwice()
	case c.CreditWh != nil:
		return registry.CreditOf(unit.Energy(*c.CreditWh)), refusal.Refusal{}
	case c.CreditUnknown:
		return registry.CreditLeft{State: registry.CreditUnknown}, refusal.Refusal{}
	}
	return registry.CreditLeft{}, refusal.Refusal{}
}

func (a *API) moveRoutes(r router) {
	order(r, huma.Operation{
		OperationID: "plan-move-out", Path: "/v1/accounts/{id}/move-out/plan", DefaultStatus: http.StatusOK, Tags: []string{"accounts"},
		Summary: "Say what a move-out would do",
		Description: "Makes every check of a move-out and answers with its figures, and changes nothing. It needs neither a reason nor the credit of a " +
			"keypad meter. The link to the customer's page and the telephone number end with the account, vouchers are refused until the next " +
			"customer has moved in, and a sale can no longer be reversed. Needs the right customer.read too.",
	}, a.planMoveOut)
	order(r, huma.Operation{
		OperationID: "move-out", Path: "/v1/accounts/{id}/move-out", DefaultStatus: http.StatusCreated, Tags: []string{"accounts"},
		Summary: "Close the account of a customer who moves out", Parameters: keyParam(),
		Description: "Charges what was used, pays the fixed charges and the debts from wallet, deposit and change, records the rest as " +
			"a refund due, switches the supply off and frees the meters, all in one transaction. It pays no money out. " +
			"What a meter may still supply on its lease counts as free units of the person " +
			"who asks. The account of a keypad meter is charged its fixed charges up to the day before. " +
			"The meter stays on with the credit that is in it, which must be given as credit_wh or credit_unknown. " +
			"If debts remain that this money cannot pay, a second person must agree where four eyes apply, " +
			"and the answer is 202 with the approval. Needs the header Idempotency-Key.",
		Responses: booked(map[string]*huma.Response{"201": bodyOf[apiv1.MovedOut](r, "Moved out.")}, bodyOf[apiv1.Approval](r, "It waits for a second person.")),
	}, a.moveOut)
	order(r, huma.Operation{
		OperationID: "refund", Path: "/v1/accounts/{id}/refunds", DefaultStatus: http.StatusCreated, Tags: []string{"accounts"},
		Summary: "Pay a refund that is due, or move it to another account", Parameters: keyParam(),
		Description: "Needs the header Idempotency-Key. If a second person must approve it, the answer is 202 with the approval.",
		Responses: booked(map[string]*huma.Response{"201": bodyOf[apiv1.Refund](r, "Booked.")},
			bodyOf[apiv1.Approval](r, "It waits for a second person.")),
	}, a.refundAccount)
	order(r, huma.Operation{
		OperationID: "plan-move-in", Path: "/v1/meters/{meter}/move-in/plan", DefaultStatus: http.StatusOK, Tags: []string{"meters"},
		Summary: "Say what a move-in would do",
		Description: "Makes every check of a move-in and answers with its figures and with the customer's first purchase at a keypad meter, and changes " +
			"nothing. It needs no reason. Needs the right customer.read too.",
	}, a.planMoveIn)
	order(r, huma.Operation{
		OperationID: "move-in", Path: "/v1/meters/{meter}/move-in", DefaultStatus: http.StatusCreated, Tags: []string{"meters"},
		Summary: "Open an account for a customer at a free meter",
		Description: "Energy that the meter counted since the last customer moved out is charged to nobody. " +
			"The supply of a wallet meter comes on with the first payment. " +
			"A keypad meter keeps the credit that is in it; without credit_wh it is as it was given at the move-out. " +
			"The account takes over what closed accounts of the same customer owe. " +
			"If a second person must approve another tariff than the meter had, a move-in less than a day after the move-out, " +
			"price blocks or free units that begin a second time in a month, " +
			"or a customer who owes on another account, the answer is 202 with the approval.",
		Responses: eitherOr(r, "201", of[apiv1.MovedIn](r)),
	}, a.moveIn)
	order(r, huma.Operation{
		OperationID: "take-over-debts", Path: "/v1/accounts/{id}/take-over", DefaultStatus: http.StatusCreated, Tags: []string{"accounts"},
		Summary: "Make an account owe what another account of its customer owes", Parameters: keyParam(),
		Description: "Moves all unpaid debts and charges of the other account, on the same terms. A move-in of the same customer does this by itself; " +
			"for a customer who was registered anew, a person decides. A wallet takes over only what a closed account owes, because recharges " +
			"pay no debts. Needs the header Idempotency-Key. If a second person must approve it, the answer is 202 with the approval.",
		Responses: booked(map[string]*huma.Response{"201": bodyOf[apiv1.TakenOver](r, "Taken over.")},
			bodyOf[apiv1.Approval](r, "It waits for a second person.")),
	}, a.takeOver)
}

func (a *API) planMoveOut(ctx context.Context, by access.Actor, in *AccountPath, b apiv1.MoveOut) (*reply[apiv1.MovedOut], error) {
	left, no := creditStated(b.Credit)
	if no.Refused() {
		return nil, problemOf(no)
	}
	plan, err := a.c.Debts.PlanMoveOut(ctx, by, debt.MoveOut{Account: in.ID, Credit: left})
	return replyOf(plan.Refusal, err, func() apiv1.MovedOut { return moveOutPlanOf(plan) })
}

func (a *API) moveOut(ctx context.Context, by access.Actor, in *AccountPath, b apiv1.MoveOut) (*sent, error) {
	left, no := creditStated(b.Credit)
	if no.Refused() {
		return nil, problemOf(no)
	}
	out, err := a.c.Debts.MoveOut(ctx, by, debt.MoveOut{Request: exchangeOf(ctx).request(), Account: in.ID, Reason: b.Reason, Credit: left,
		Render: func(m debt.MovedOut) (int, []byte) {
			return orWaits(http.StatusCreated, m.Waits, func() any { return movedOutOf(m) })
		}})
	return answered(ctx, a, out, err)
}

func (a *API) refundAccount(ctx context.Context, by access.Actor, in *AccountPath, b apiv1.NewRefund) (*sent, error) {
	wish := debt.Refund{Request: exchangeOf(ctx).request(), Account: in.ID, Bank: b.Bank, To: b.To, Reason: b.Reason,
		Render: func(d debt.Refunded) (int, []byte) {
			if d.Waits != nil {
				return encodeWaits(*d.Waits)
			}
			to := "bank"
			if d.To.Code != ledger.Bank {
				to = chartName(d.To.Code)
			}
			return http.StatusCreated, encoded(apiv1.Refund{ID: d.Journal.Text(id.Journal), Account: d.Account.Text(id.Account), To: to, Subject: d.To.Subject,
				Amount: amountOf(d.Amount), LeftMinor: int64(d.Left), Reason: d.Reason, At: d.At.UTC()})
		}}
	if b.Amount != nil {
		wish.Amount = new(moneyOf(*b.Amount))
	}
	out, err := a.c.Debts.Refund(ctx, by, wish)
	return answered(ctx, a, out, err)
}

// movingIn reads a move-in.
func movingIn(b apiv1.MoveIn) (in registry.MovingIn, no refusal.Refusal) {
	in = registry.MovingIn{Tariff: b.Tariff, Reason: b.Reason}
	in.CustomerID, in.Customer = customerNamed(b.Customer)
	in.Credit, no = creditStated(b.Credit)
	return in, no
}

func (a *API) planMoveIn(ctx context.Context, by access.Actor, in *MeterPath, b apiv1.MoveIn) (*reply[apiv1.MovedIn], error) {
	wish, no := movingIn(b)
	if no.Refused() {
		return nil, problemOf(no)
	}
	plan, err := a.c.Vending.PlanMoveIn(ctx, by, in.Meter, wish)
	return replyOf(plan.Refusal, err, func() apiv1.MovedIn { return moveInPlanOf(plan) })
}

func moveInPlanOf(p vending.MoveInPlan) apiv1.MovedIn {
	b := movedInOf(p.ChangedMeter)
	b.SecondPerson, b.TariffBefore = p.Waits != nil, p.Before
	switch {
	case p.First == nil:
	case p.First.Refused():
		b.NotYet = string(p.First.Code)
	default:
		b.FirstPurchase = new(quoteOf(*p.First))
	}
	return b
}

func movedInOf(m registry.ChangedMeter) apiv1.MovedIn {
	return apiv1.MovedIn{Meter: meterOf(m.MeterView), TakenOverMinor: int64(m.TakenOver),
		OtherDebts: otherDebtsOf(m.OtherDebts), Credit: creditOf(m.Credit)}
}

func (a *API) moveIn(ctx context.Context, by access.Actor, in *MeterPath, b apiv1.MoveIn) (*sent, error) {
	wish, no := movingIn(b)
	if no.Refused() {
		return nil, problemOf(no)
	}
	v, err := a.c.Registry.MoveIn(ctx, by, in.Meter, wish)
	return doneOrWaits(http.StatusCreated, v.Refusal, v.Waits, err, func() any { return movedInOf(v) })
}

func otherDebtsOf(all []registry.OtherDebt) (out []apiv1.OtherDebt) {
	for _, e := range all {
		out = append(out, apiv1.OtherDebt{Account: e.Account.Text(id.Account), Status: e.Status, Customer: e.Customer.Text(id.Customer), Name: e.Name,
			Same: e.Same, OwedMinor: int64(e.Owed)})
	}
	return out
}

func (a *API) takeOver(ctx context.Context, by access.Actor, in *AccountPath, b apiv1.NewTakeOver) (*sent, error) {
	out, err := a.c.Debts.TakeOver(ctx, by, debt.TakeOver{Request: exchangeOf(ctx).request(), Account: in.ID, From: b.From, Reason: b.Reason,
		Render: func(t debt.TakenOver) (int, []byte) {
			return orWaits(http.StatusCreated, t.Waits, func() any {
				return apiv1.TakenOver{Account: t.Account.Text(id.Account), From: t.From.Text(id.Account), Amount: amountOf(t.Amount), Reason: t.Reason, At: t.At.UTC()}
			})
		}})
	return answered(ctx, a, out, err)
}
