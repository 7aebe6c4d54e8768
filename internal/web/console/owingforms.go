package console

import (
	"cmp"
	"context"
	"net/http"
	"strconv"
	"strings"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/debt"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/once"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/refuse"
	"github.com/paywatt/paywatt/internal/tariff"
)

// Acts of the forms on an account's page.
const (
	actDebt     = "debt"
	actCharge   = "charge"
	actWriteOff = "write-off"
	actGoodwill = "goodwill"
	actMoveOut  = "move-out"
	actRefund   = "refund"
	actTakeOver = "take-over"

	actMoveOutPlan = "plan-move-out" // shows what a move-out does, and changes nothing
)

// entry is the outcome of a form that books something.
type entry struct {
	refusal.Refusal
	replay *once.Reply
	waits  *access.Approval
	left   *debt.MovedOut    // set for a move-out, whose figures are shown
	plan   *debt.MoveOutPlan // set for a move-out that is only planned
}

func entryOf[T any](out once.Done[T], waits *access.Approval) entry {
	return entry{Refusal: out.Refusal, replay: out.Replay, waits: waits}
}

func typedAccount(r *http.Request) accountFields {
	field := func(name string) string { return strings.TrimSpace(r.PostFormValue(name)) }
	return accountFields{Act: field("act"), Debt: field("debt"), Kind: field("kind"), Memo: field("memo"), Amount: field("amount"), Mode: field("mode"), Share: field("share"),
		Name: field("name"), Month: field("month"), VAT: field("vat"), Reason: field("reason"), To: field("to"), From: field("from"),
		creditFields: typedCredit(r)}
}

// commands of the forms. ACCOUNT is replaced by the meter's number, or by the account's identity.

func (d customerAccountPage) named() string { return cmp.Or(d.Number, d.ID) }

func (d customerAccountPage) debtCommand() string {
	share, fixed := "", ""
	switch d.accountFields.Mode {
	case string(tariff.Percent):
		share = d.Share
	case string(tariff.Amount):
		fixed = d.Share
	}
	return commandLine("paywatt debt add "+d.named()+" "+shellWord(cmp.Or(d.Amount, "AMOUNT")), "--kind", cmp.Or(d.Kind, "KIND"), "--memo", d.Memo, "--percent", share, "--fixed", fixed)
}

func (d customerAccountPage) chargeCommand() string {
	return commandLine("paywatt charge add "+d.named()+" "+shellWord(cmp.Or(d.Amount, "AMOUNT")), "--name", cmp.Or(d.Name, "NAME"), "--month", cmp.Or(d.Month, "MONTH"), "--vat", d.VAT)
}

func (d customerAccountPage) moveOutCommand() string {
	credit := ""
	if d.Keypad {
		credit = d.creditOption("KWH")
	}
	return commandLine("paywatt account move-out "+d.named(), "--credit", credit, "--reason", cmp.Or(d.Reason, "REASON"))
}

func (d customerAccountPage) moveOutPlanCommand() string {
	return "paywatt account move-out " + d.named() + " --plan"
}

func (d customerAccountPage) reasonCommand(words string) string {
	return commandLine(words, "--reason", cmp.Or(d.Reason, "REASON"))
}

// changeAccount does what a form on an account's page asks for, once however often it is sent.
func (s *Console) changeAccount(w http.ResponseWriter, r *http.Request, v visit) {
	f := typedAccount(r)
	e, err := s.bookAccount(r, v, f)
	switch {
	case err != nil:
		s.broken(w, r, v, err)
	case e.replay != nil:
		http.Redirect(w, r, string(e.replay.Body), http.StatusSeeOther)
	case e.Refused():
		s.showCustomerAccount(w, r, v, http.StatusUnprocessableEntity, customerAccountPage{accountFields: f, Error: brief(v.site.say, e.Refusal)})
	case e.waits != nil:
		s.showWaits(w, r, v, *e.waits)
	case e.plan != nil:
		s.showMoveOutPlan(w, r, v, *e.plan, f)
	case e.left != nil:
		s.showMovedOut(w, r, v, *e.left)
	default:
		http.Redirect(w, r, accountPath(r.PathValue("account"))+"?done="+f.Act, http.StatusSeeOther)
	}
}

// at is the stored answer of a form that booked something, or that waits for a second person.
func at(path string, waits *access.Approval) (int, []byte) {
	if waits != nil {
		return waitsAt(*waits)
	}
	return http.StatusSeeOther, []byte(path)
}

func (s *Console) bookAccount(r *http.Request, v visit, f accountFields) (entry, error) {
	ctx, account, q := r.Context(), r.PathValue("account"), v.requestOf(r)
	if !v.owns(r.PostFormValue("form")) {
		return entry{Refusal: refuse.OfficeFormOfOtherSession()}, nil
	}
	done := accountPath(account) + "?done=" + f.Act
	booked := func(b debt.Booking) (int, []byte) { return at(done, b.Waits) }
	switch f.Act {
	case actDebt:
		n, no := v.site.newDebt(f)
		if no.Refused() {
			return entry{Refusal: no}, nil
		}
		n.Request, n.Account, n.Render = q, account, booked
		out, err := s.c.Debts.Add(ctx, v.by, n)
		return entryOf(out, out.Value.Waits), err
	case actCharge:
		return s.bookCharge(ctx, v, f, q, account, done)
	case actWriteOff:
		out, err := s.c.Debts.WriteOff(ctx, v.by, debt.WriteOff{Request: q, Debt: f.Debt, Reason: f.Reason, Render: booked})
		return entryOf(out, out.Value.Waits), err
	case actGoodwill:
		amount, no := v.site.tender(f.Amount)
		if no.Refused() {
			return entry{Refusal: no}, nil
		}
		out, err := s.c.Debts.Adjust(ctx, v.by, debt.Adjustment{Request: q, Account: account, Amount: amount, Reason: f.Reason,
			Render: func(a debt.Adjusted) (int, []byte) { return at(done, a.Waits) }})
		return entryOf(out, out.Value.Waits), err
	case actMoveOutPlan:
		return s.planMoveOut(ctx, v, f, account)
	case actMoveOut:
		left, no := f.readCredit(v)
		if no.Refused() {
			return entry{Refusal: no}, nil
		}
		out, err := s.c.Debts.MoveOut(ctx, v.by, debt.MoveOut{Request: q, Account: account, Reason: f.Reason, Credit: left, Shown: shownOwed(r),
			Render: func(m debt.MovedOut) (int, []byte) { return at(accountPath(m.Account.Text(id.Account)), m.Waits) }})
		e := entryOf(out, out.Value.Waits)
		e.left = &out.Value
		return e, err
	case actTakeOver:
		out, err := s.c.Debts.TakeOver(ctx, v.by, debt.TakeOver{Request: q, Account: account, From: f.From, Reason: f.Reason,
			Render: func(t debt.TakenOver) (int, []byte) { return at(done, t.Waits) }})
		return entryOf(out, out.Value.Waits), err
	case actRefund:
		return s.bookRefund(ctx, v, f, q, account, done)
	}
	return entry{Refusal: refuse.ServiceActUnknown(refusal.Echo(f.Act))}, nil
}

// shownOwed returns what the page of a move-out said would stay owed. A form that does not say it showed no debt.
func shownOwed(r *http.Request) *money.Minor {
	owed, err := strconv.ParseInt(r.PostFormValue("owed"), 10, 64)
	if err != nil {
		owed = 0
	}
	return new(money.Minor(owed))
}

// newDebt reads the form of a debt.
func (t site) newDebt(f accountFields) (n debt.NewDebt, no refusal.Refusal) {
	n = debt.NewDebt{Kind: f.Kind, Memo: f.Memo, Mode: tariff.ChargeMode(f.Mode)}
	if n.Amount, no = t.tender(f.Amount); no.Refused() {
		return n, no
	}
	switch n.Mode {
	case tariff.Percent:
		share, err := t.say.Parse(f.Share, money.Currency{Exp: 2})
		if err != nil {
			return n, refuse.OwingShareOfWrongForm(refusal.Echo(f.Share))
		}
		n.Value = int64(share)
	case tariff.Amount:
		part, no := t.tender(f.Share)
		if no.Refused() {
			return n, no
		}
		n.Value = int64(part.Minor)
	}
	return n, no
}

func (s *Console) bookCharge(ctx context.Context, v visit, f accountFields, q once.Request, account, done string) (entry, error) {
	amount, no := v.site.tender(f.Amount)
	if no.Refused() {
		return entry{Refusal: no}, nil
	}
	vat, err := v.site.say.Parse(cmp.Or(f.VAT, "0"), money.Currency{Exp: 2})
	if err != nil {
		return entry{Refusal: refuse.OwingShareOfWrongForm(refusal.Echo(f.VAT))}, nil
	}
	out, err := s.c.Debts.AddCharge(ctx, v.by, debt.NewCharge{Request: q, Account: account, Name: f.Name, Month: f.Month, Amount: amount, VATBps: money.Bps(vat),
		Render: func(debt.Charged) (int, []byte) { return at(done, nil) }})
	return entryOf(out, nil), err
}

func (s *Console) bookRefund(ctx context.Context, v visit, f accountFields, q once.Request, account, done string) (entry, error) {
	n := debt.Refund{Request: q, Account: account, To: f.To, Reason: f.Reason, Render: func(x debt.Refunded) (int, []byte) { return at(done, x.Waits) }}
	if f.Amount != "" {
		amount, no := v.site.tender(f.Amount)
		if no.Refused() {
			return entry{Refusal: no}, nil
		}
		n.Amount = &amount
	}
	out, err := s.c.Debts.Refund(ctx, v.by, n)
	return entryOf(out, out.Value.Waits), err
}
