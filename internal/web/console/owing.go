package console

import (
	"cmp"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/debt"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/localday"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/tariff"
	"github.com/paywatt/paywatt/internal/words"
)

// owingRoutes adds the pages of what customers owe, and of other programs' logins.
func (s *Console) owingRoutes(m *http.ServeMux) {
	m.Handle("GET /debts", s.signedIn(s.debts))
	m.Handle("GET /charges", s.signedIn(s.charges))
	m.Handle("GET /accounts/{account}", s.signedIn(s.customerAccount))
	m.Handle("POST /accounts/{account}", s.signedIn(s.changeAccount))
	m.Handle("GET /integrations", s.signedIn(s.integrations))
	m.Handle("POST /integrations", s.signedIn(s.addIntegration))
	m.Handle("POST /integrations/{login}", s.signedIn(s.revokeIntegration))
}

// owingLine is a debt or a charge as a list shows it.
type owingLine struct {
	ID, Path, Name, Memo, At string
	Amount, Left, How        string
	Open                     bool
	State                    badge
}

// owingPage is the list of debts or of charges.
type owingPage struct {
	Path, Title, Account, Next string
	Open                       bool
	Rows                       []owingLine
}

func accountPath(account string) string { return "/accounts/" + url.PathEscape(account) }

// paidBadge says whether something is still owed.
func paidBadge(t *words.Texts, open bool) badge {
	if open {
		return badge{"▲", t.OwingOpen(), classWarn}
	}
	return badge{"✓", t.OwingPaid(), classOK}
}

func (t site) debtLine(d debt.Debt, currency string) owingLine {
	sum := amountsIn(t.say, currency)
	l := owingLine{ID: d.Name(), Path: accountPath(d.Account.Text(id.Account)), Name: d.Kind, Memo: d.Memo, At: t.clock(d.CreatedAt), Amount: sum(d.Principal), Left: sum(d.Outstanding),
		Open: d.Outstanding > 0, State: paidBadge(t.say, d.Outstanding > 0)}
	switch d.Mode {
	case tariff.Percent:
		l.How = t.say.OwingTakesShare(t.say.Percent(money.Bps(d.Value)))
	case tariff.Amount:
		l.How = t.say.OwingTakesPart(sum(money.Minor(d.Value)))
	default:
		l.How = t.say.OwingTakesAll()
	}
	return l
}

func (t site) chargeLine(c debt.Due, currency string) owingLine {
	sum := amountsIn(t.say, currency)
	return owingLine{ID: c.ID.Text(id.Charge), Path: accountPath(c.Account.Text(id.Account)), Name: c.Ref(), At: t.clock(c.CreatedAt), Amount: sum(c.Gross), Left: sum(c.Left()),
		How: t.say.OwingTakesAll(), Open: c.Left() > 0, State: paidBadge(t.say, c.Left() > 0)}
}

// owingAsked reads which debts or charges the page is about.
func owingAsked(r *http.Request, path string) (owingPage, debt.ListRequest) {
	q := r.URL.Query()
	d := owingPage{Path: path, Account: strings.TrimSpace(q.Get("account")), Open: q.Get("open") != ""}
	return d, debt.ListRequest{Account: d.Account, Open: d.Open, Page: registry.Page{Limit: pageSize, Cursor: q.Get("cursor")}}
}

// debts lists debts.
func (s *Console) debts(w http.ResponseWriter, r *http.Request, v visit) {
	d, asked := owingAsked(r, "/debts")
	list, err := s.c.Debts.List(r.Context(), v.by, asked)
	if s.stopped(w, r, v, err, list.Refusal) {
		return
	}
	for _, one := range list.Debts {
		d.Rows = append(d.Rows, v.site.debtLine(one, list.Currency))
	}
	d.Title, d.Next = v.site.say.OwingDebts(), nextPage(d.Path, r.URL.Query(), list.Next)
	s.show(w, r, http.StatusOK, owingView(s.page(r, v, d.Title), d))
}

// charges lists fixed charges that fell due.
func (s *Console) charges(w http.ResponseWriter, r *http.Request, v visit) {
	d, asked := owingAsked(r, "/charges")
	list, err := s.c.Debts.Charges(r.Context(), v.by, asked)
	if s.stopped(w, r, v, err, list.Refusal) {
		return
	}
	for _, one := range list.Dues {
		d.Rows = append(d.Rows, v.site.chargeLine(one, list.Currency))
	}
	d.Title, d.Next = v.site.say.OwingCharges(), nextPage(d.Path, r.URL.Query(), list.Next)
	s.show(w, r, http.StatusOK, owingView(s.page(r, v, d.Title), d))
}

// accountFields are what somebody typed into a form on an account's page.
type accountFields struct {
	Act, Debt, Kind, Memo, Amount, Mode, Share string
	Name, Month, VAT, Reason, To, From         string
	creditFields
}

// customerAccountPage is an account with what it owes, and the forms that change that.
type customerAccountPage struct {
	accountFields
	ID, Number, Customer, Status, Mode string
	Meters                             []string
	Due, Owed, Carry, AsOf, Currency   string
	Debts, Charges                     []owingLine
	FormID, Error, Notice              string
	Raises, Adjusts, MovesOut, Refunds bool
	Statement                          string // page with the use of a wallet; empty without one
	PaperMonth                         string // month of the statement to print: the last one of a closed account
	Modes                              []choice
	Owes                               string // what the customer owes, if a move-out would leave a debt; empty if not
	Keypad                             bool   // units are in the meter
	OtherDebts                         []otherDebtLine
	TakesOver                          bool
}

// otherDebtLine is another account that owes, of the same customer or of one with the same telephone number.
type otherDebtLine struct {
	ID, Path, Whose, Owed string
	MayMove               bool // the account on the page may take the debt over
}

// otherDebtLines shows the other accounts that owe.
func (t site) otherDebtLines(all []registry.OtherDebt, mode registry.Mode) (out []otherDebtLine) {
	for _, e := range all {
		l := otherDebtLine{ID: e.Account.Text(id.Account), Whose: t.say.AccountsElsewhereSame(), Owed: amountsIn(t.say, t.currency)(e.Owed),
			MayMove: debt.MayTakeOver(mode, e.Status)}
		l.Path = accountPath(l.ID)
		if !e.Same {
			l.Whose = t.say.AccountsElsewherePhone(cmp.Or(e.Name, t.say.SellNoName()))
		}
		out = append(out, l)
	}
	return out
}

// wasRefused reports whether a form was refused. Both steps of a move-out return to one form.
func (d customerAccountPage) wasRefused(act string) bool {
	return d.Error != "" && (d.Act == act || act == actMoveOutPlan && d.Act == actMoveOut)
}

// customerAccount shows an account, by its identity or by a meter that supplies it.
func (s *Console) customerAccount(w http.ResponseWriter, r *http.Request, v visit) {
	d := customerAccountPage{}
	if done := r.URL.Query().Get("done"); done != "" {
		d.Notice = v.site.say.AccountsDone(v.site.clock(s.c.Now()))
	}
	s.showCustomerAccount(w, r, v, http.StatusOK, d)
}

func (s *Console) showCustomerAccount(w http.ResponseWriter, r *http.Request, v visit, status int, d customerAccountPage) {
	ctx := r.Context()
	a, err := s.c.Debts.Account(ctx, v.by, r.PathValue("account"))
	if s.stopped(w, r, v, err, a.Refusal) {
		return
	}
	t := v.site.say
	sum := amountsIn(t, a.Currency)
	d.ID, d.Customer, d.Status, d.Meters = a.ID.Text(id.Account), cmp.Or(a.Customer.Name, t.SellNoName()), t.Name("account-status", a.Status), a.Meters
	d.Mode, d.Currency, d.AsOf = t.Name("mode", string(a.Mode)), a.Currency, v.site.clock(s.c.Now())
	last := s.c.Now()
	if !a.ClosedAt.IsZero() {
		last = a.ClosedAt
	}
	d.PaperMonth = v.site.in(last).Format(localday.MonthForm)
	d.Due, d.Owed, d.Carry = sum(a.Due), sum(a.Debts), sum(a.Carry)
	if len(a.Meters) > 0 {
		d.Number = a.Meters[0]
	}
	wallet, open := a.Mode == registry.PrepayWallet, a.Status == registry.AccountActive
	if wallet && d.Number != "" {
		d.Statement = "/meters/" + d.Number + "/wallet"
	}
	d.Raises, d.Adjusts = open && v.by.May(access.WriteDebts), open && v.by.May(access.AdjustLedger)
	d.Keypad = a.Mode == registry.PrepayToken
	d.MovesOut, d.Refunds = open && (wallet || d.Keypad) && v.by.May(access.WriteCustomers), !open && v.by.May(access.AdjustLedger)
	d.Modes = debtModes(t)
	d.OtherDebts = v.site.otherDebtLines(a.OtherDebts, a.Mode)
	d.TakesOver = open && v.by.May(access.WriteDebts) && slices.ContainsFunc(d.OtherDebts, func(l otherDebtLine) bool { return l.MayMove })
	if owes := a.Due + a.Debts; owes > 0 {
		d.Owes = sum(owes)
	}
	if err = s.owes(r, v, &d); err == nil {
		d.FormID, err = s.formID(v)
	}
	if err != nil {
		s.broken(w, r, v, err)
		return
	}
	s.show(w, r, status, accountOwingView(s.page(r, v, t.AccountsTitle(d.Customer)), d))
}

// owes reads the newest debts and charges of an account.
func (s *Console) owes(r *http.Request, v visit, d *customerAccountPage) error {
	asked := debt.ListRequest{Account: d.ID, Page: registry.Page{Limit: pageSize}}
	debts, err := s.c.Debts.List(r.Context(), v.by, asked)
	if err != nil {
		return err
	}
	charges, err := s.c.Debts.Charges(r.Context(), v.by, asked)
	for _, one := range debts.Debts {
		d.Debts = append(d.Debts, v.site.debtLine(one, debts.Currency))
	}
	for _, one := range charges.Dues {
		d.Charges = append(d.Charges, v.site.chargeLine(one, charges.Currency))
	}
	return err
}

// debtModes lists how much of a purchase a debt takes.
func debtModes(t *words.Texts) []choice {
	return []choice{{string(tariff.Full), t.OwingModeFull()}, {string(tariff.Percent), t.OwingModePercent()}, {string(tariff.Amount), t.OwingModeFixed()}}
}
