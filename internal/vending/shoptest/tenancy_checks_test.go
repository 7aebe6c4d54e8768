package shoptest_test

import (
	"context"
	"reflect"
	"strings"
	"time"

	"github.com/paywatt/paywatt/internal/debt"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/ledger"
	"github.com/paywatt/paywatt/internal/localday"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/office"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/sale"
	"github.com/paywatt/paywatt/internal/wallet"
	"github.com/paywatt/paywatt/unit"
)

// What must hold for every account of a random street, and how it is found out.

// checkSale checks that a sale is for the present account, by the version that is in force by the model, and that it sells what the money buys.
func (w *tenancyWorld) checkSale(a *knownAccount, s sale.Sale) {
	w.t.Helper()
	name := s.ID.Text(id.Vend)
	want := a.versionAt(s.PricedAt)
	e := w.explain(s)
	if !s.PricedAt.Equal(w.clock.Now()) {
		w.t.Errorf("sale %s is priced at %s, want %s", name, s.PricedAt, w.clock.Now())
	}
	same := reflect.DeepEqual(e.Tariff.Body.Blocks, want.body.Blocks) && e.Tariff.Body.VATBps == want.body.VATBps
	if s.Tariff != want.id || e.Tariff.ID != want.id || !same {
		w.t.Errorf("sale %s is priced by version %d of %s, which is explained by %+v; want version %d of %s by %+v", name, e.Tariff.N, e.Tariff.Name,
			e.Tariff.Body, want.n, a.tariffAt(s.PricedAt).name, want.body)
		return
	}
	if !e.Agrees() {
		w.t.Errorf("sale %s is explained with differences: %+v", name, e.Differences)
	}
	for _, l := range s.Lines {
		_, month := debt.DueRef(l.Ref)
		if l.Kind == sale.LineFixed && !isFormer(l.Ref) && month < a.opened.In(w.zone).Format(localday.MonthForm) {
			w.t.Errorf("sale %s takes %s, and the account was opened at %s", name, l.Ref, a.opened)
		}
	}
	if !a.wallet {
		w.checkUnits(a, s, want)
	}
}

// checkUnits checks that a sale of tokens sells as much as its money pays for, from where the account is in the blocks of the month.
func (w *tenancyWorld) checkUnits(a *knownAccount, s sale.Sale, v *knownVersion) {
	w.t.Helper()
	if had := a.bought[s.Month]; s.MonthBefore != had {
		w.t.Errorf("sale %s begins at %d Wh of the month, want %d", s.ID.Text(id.Vend), s.MonthBefore, had)
	}
	rest := s.Tender.Minor + s.CarryIn // without fixed charges and debts
	var energy money.Minor
	for _, l := range s.Lines {
		switch l.Kind {
		case sale.LineFixed, sale.LineDebt:
			rest -= l.Amount + l.VAT
		case sale.LineEnergy:
			energy = l.Amount + l.VAT
		}
	}
	const rounding = 3 // the net price and its tax are rounded apart, and so is each block
	exact := func(units unit.Energy) money.Minor {
		return money.Minor(exactCost(v.body, int64(s.MonthBefore), int64(units)) / pieces)
	}
	if cost := exact(s.Units); energy < cost-rounding || energy > cost+rounding {
		w.t.Errorf("sale %s charges %d for %d Wh after %d Wh, want %d", s.ID.Text(id.Vend), energy, s.Units, s.MonthBefore, cost)
	}
	if rest != energy+s.CarryOut || s.CarryOut < 0 || exact(s.Units+unit.Quantum) < rest-rounding {
		w.t.Errorf("sale %s has %d for energy, sells %d Wh for %d and carries %d forward", s.ID.Text(id.Vend), rest, s.Units, energy, s.CarryOut)
	}
}

// checkUse checks that the use of an account costs what the model says, posted and accrued together.
func (w *tenancyWorld) checkUse(a *knownAccount) {
	w.t.Helper()
	if n := w.number(`SELECT COUNT(*) FROM wallet WHERE held <> '' OR held_open <> 0`); n != 0 {
		w.t.Errorf("the readings of %d meters are held for review", n)
	}
	posted := w.number(`SELECT COALESCE(SUM(p.amount), 0) FROM posting p JOIN journal j ON j.tenant_id = p.tenant_id AND j.id = p.journal_id
		JOIN ledger_account l ON l.tenant_id = p.tenant_id AND l.n = p.account
		WHERE l.code = $1 AND l.subject = $2 AND j.kind = $3`, ledger.Wallet, a.id.Text(id.Account), string(ledger.Usage))
	accrued := w.number(`SELECT COALESCE(SUM(w.accrued), 0) FROM wallet w JOIN meter m ON m.tenant_id = w.tenant_id AND m.n = w.meter
		WHERE m.account_id = $1`, a.id)
	if got, want := money.Minor(posted+accrued), a.use.sumOwed(); got != want {
		w.t.Errorf("account %s is charged %d for its use (%d of it not posted), want %d for %d Wh", a.id.Text(id.Account), got, accrued, want, a.use.units)
	}
}

// checkAccount checks everything about an account that its customer may read.
func (w *tenancyWorld) checkAccount(a *knownAccount) {
	w.t.Helper()
	w.checkStatements(a)
	w.checkEntries(a)
	if a.wallet {
		w.checkWallet(a)
	} else if !a.stock {
		w.checkCharges(a)
	}
	if got := w.balanceNow(a); !a.isOpen() && got != 0 {
		w.t.Errorf("account %s ended and still has %d", a.id.Text(id.Account), got)
	}
}

// isWithin reports whether a moment is in the time of an account.
func (a *knownAccount) isWithin(at time.Time) bool {
	return !at.Before(a.opened) && (a.isOpen() || !at.After(a.closed))
}

// checkStatements checks the statements of all months of an account: each adds up, begins where the one before ended, and has no line of another
// time. The first begins with nothing, and the last ends with what the books say.
func (w *tenancyWorld) checkStatements(a *knownAccount) {
	w.t.Helper()
	name := a.id.Text(id.Account)
	var carried money.Minor
	for _, month := range w.monthsOf(a) {
		st := must1(w.office.Statement(context.Background(), owner(), name, month))(w.t)
		if st.Refused() {
			w.t.Fatalf("statement of %s for %s: %s", name, month, st.Detail())
		}
		w.tally.statements++
		if st.Opening != carried {
			w.t.Errorf("the statement of %s for %s opens with %d, and the one before closed with %d", name, month, st.Opening, carried)
		}
		balance := st.Opening
		for _, l := range st.Lines {
			if balance += l.Change; l.Balance != balance {
				w.t.Errorf("the statement of %s for %s leaves %d after %s of %d, want %d", name, month, l.Balance, l.Value, l.Change, balance)
			}
			if !a.isWithin(l.At) || l.At.In(w.zone).Format(localday.MonthForm) != month {
				w.t.Errorf("the statement of %s for %s has %s of %s, and the account is open from %s to %s", name, month, l.Value, l.At, a.opened, a.closed)
			}
		}
		if balance != st.Closing {
			w.t.Errorf("the statement of %s for %s closes with %d, and its opening and its lines come to %d", name, month, st.Closing, balance)
		}
		w.checkPaper(st, name+" for "+month)
		carried = st.Closing
	}
	if have := w.balanceNow(a); carried != have {
		w.t.Errorf("the last statement of %s closes with %d, and the books have %d", name, carried, have)
	}
}

// checkPaper checks that the paper of a statement begins with the opening balance and ends with the closing balance.
func (w *tenancyWorld) checkPaper(st office.Statement, what string) {
	w.t.Helper()
	say := english(w.t)
	text := st.Report.Sheet(say).Text(96)
	for kind, amount := range map[string]money.Minor{"opening": st.Opening, "closing": st.Closing} {
		label, figure := say.Name("wallet-line", kind), say.Plain().Figure(amount, st.Currency)
		found := false
		for line := range strings.Lines(text) {
			found = found || strings.Contains(line, label) && strings.HasSuffix(strings.TrimSpace(line), figure)
		}
		if !found {
			w.t.Errorf("the paper of %s does not say %q with %s:\n%s", what, label, figure, text)
		}
	}
}

// checkEntries checks that no entry of an account is of a time before it, and that no use and no daily charge is for another time.
func (w *tenancyWorld) checkEntries(a *knownAccount) {
	w.t.Helper()
	name := a.id.Text(id.Account)
	days := map[string]money.Minor{}
	for cursor, more := "", true; more; {
		list := must1(w.Debts.Statement(context.Background(), owner(), name, registry.Page{Cursor: cursor, Limit: registry.MaxLimit}))(w.t)
		if list.Refused() {
			w.t.Fatalf("entries of %s: %s", name, list.Detail())
		}
		for _, e := range list.Entries {
			if e.At.Before(a.opened) {
				w.t.Errorf("account %s has %s of %s, and was opened at %s", name, e.Kind, e.At, a.opened)
			}
			switch ledger.Kind(e.Kind) {
			case ledger.Charged:
				days[strings.TrimPrefix(e.Ref, name+" ")] += e.Amount
			case ledger.Usage:
				span, ok := wallet.ParseSpan(e.Memo)
				if !ok || !a.isWithin(span.From) || !a.isWithin(span.To) {
					w.t.Errorf("account %s pays for the use %q, and is open from %s to %s", name, e.Memo, a.opened, a.closed)
				}
			}
		}
		cursor, more = list.Next, list.Next != ""
	}
	for day, got := range days {
		if want := a.charges[day]; got != want {
			w.t.Errorf("account %s pays %d as the fixed charges of %s, want %d; it was opened at %s", name, got, day, want, a.opened)
		}
	}
	for day, want := range a.charges {
		if days[day] != want {
			w.t.Errorf("account %s pays %d as the fixed charges of %s, want %d", name, days[day], day, want)
		}
	}
}

// checkWallet checks the statement of a wallet that the API gives: what was paid in, used and charged is what the model says.
func (w *tenancyWorld) checkWallet(a *knownAccount) {
	w.t.Helper()
	name := a.id.Text(id.Account)
	sums, units := map[wallet.LineKind]money.Minor{}, unit.Energy(0)
	for _, month := range w.monthsOf(a) {
		first := must1(time.ParseInLocation(localday.MonthForm, month, w.zone))(w.t)
		last := time.Date(first.Year(), first.Month()+1, 0, 0, 0, 0, 0, w.zone)
		lines, opening, closing := w.walletLines(name, first.Format(time.DateOnly), last.Format(time.DateOnly))
		if len(lines) < 2 || lines[0].Kind != wallet.LineOpening || lines[0].Balance != opening ||
			lines[len(lines)-1].Kind != wallet.LineClosing || lines[len(lines)-1].Balance != closing {
			w.t.Errorf("the wallet statement of %s for %s does not begin with its opening and end with its closing balance: %+v", name, month, lines)
		}
		for _, l := range lines {
			sums[l.Kind] += l.Amount
			opening += l.Amount
			if l.Balance != opening {
				w.t.Errorf("the wallet statement of %s for %s leaves %d after %s of %d, want %d", name, month, l.Balance, l.Kind, l.Amount, opening)
			}
			if l.Kind == wallet.LineUse && (!a.isWithin(l.From) || !a.isWithin(l.To)) {
				w.t.Errorf("account %s pays for use from %s to %s, and is open from %s to %s", name, l.From, l.To, a.opened, a.closed)
			}
			units += l.Units
		}
		if opening != closing {
			w.t.Errorf("the wallet statement of %s for %s closes with %d, and its lines come to %d", name, month, closing, opening)
		}
	}
	w.checkSums(a, sums, units)
}

// checkSums compares the sums of the lines of a wallet's statements with the model.
func (w *tenancyWorld) checkSums(a *knownAccount, sums map[wallet.LineKind]money.Minor, units unit.Energy) {
	w.t.Helper()
	name := a.id.Text(id.Account)
	var charged money.Minor
	for _, sum := range a.charges {
		charged += sum
	}
	if got := sums[wallet.LineRecharge] + sums[wallet.LineKind(ledger.Reversal)]; got != a.recharged {
		w.t.Errorf("the statements of %s say that %d was paid in, want %d", name, got, a.recharged)
	}
	if got := sums[wallet.LineKind(ledger.Goodwill)]; got != a.given {
		w.t.Errorf("the statements of %s say that %d was given, want %d", name, got, a.given)
	}
	if got, want := sums[wallet.LineKind(ledger.ChargeBack)], a.givenBack()-a.backLater; got != want {
		w.t.Errorf("the statements of %s give back %d of its charges, want %d", name, got, want)
	}
	if got := w.number(`SELECT COALESCE(SUM(p.amount), 0) FROM posting p JOIN journal j ON j.tenant_id = p.tenant_id AND j.id = p.journal_id
		WHERE p.amount > 0 AND j.ref LIKE $1 AND j.kind = $2`, name+" %", string(ledger.ChargeBack)); money.Minor(got) != a.givenBack() {
		w.t.Errorf("the books give %s back %d of its charges, want %d", name, got, a.givenBack())
	}
	if got := -sums[wallet.LineCharge]; got != charged {
		w.t.Errorf("the statements of %s charge %d for its days, want %d", name, got, charged)
	}
	if a.isOpen() {
		w.checkUse(a)
		return
	}
	if got := -sums[wallet.LineUse]; got != a.use.sumOwed() {
		w.t.Errorf("the statements of %s charge %d for use, want %d for %d Wh", name, got, a.use.sumOwed(), a.use.units)
	}
	// Energy that costs less than a minor unit is in no journal of its own. It comes with the next one of the meter.
	if off := int64(units) - a.use.units; off < -leastPaid || off > leastPaid {
		w.t.Errorf("the statements of %s say that %d Wh were used, want %d", name, units, a.use.units)
	}
}

// leastPaid is the most energy that costs less than a minor unit, at the lowest price of these streets, by two meters.
const leastPaid = 20

// walletLines returns the lines of a wallet's statement, from all its pages.
func (w *tenancyWorld) walletLines(account, from, to string) (lines []wallet.Line, opening, closing money.Minor) {
	w.t.Helper()
	for cursor, more := "", true; more; {
		st := must1(w.wallets.Statement(context.Background(), owner(), account, from, to, registry.Page{Cursor: cursor, Limit: 20}))(w.t)
		if st.Refused() {
			w.t.Fatalf("wallet statement of %s: %s", account, st.Detail())
		}
		lines, opening, closing = append(lines, st.Lines...), st.Opening, st.Closing
		cursor, more = st.Next, st.Next != ""
	}
	return lines, opening, closing
}

// checkCharges checks that an account of a keypad meter is charged for the days that it was open, and for no others.
func (w *tenancyWorld) checkCharges(a *knownAccount) {
	w.t.Helper()
	name := a.id.Text(id.Account)
	want := w.wantCharges(a, w.clock.Now())
	dues, paid := w.chargesNow(a)
	for ref, d := range dues {
		if isFormer(ref) {
			continue
		}
		got := d.Gross + paid[ref] + a.moved[ref]
		most := max(want[ref], d.Paid+a.moved[ref]) // what was paid, or went to another account, is not taken back
		if a.correctedLater {                       // what the move-out paid as a debt stays
			most = max(most, d.Paid+a.moved[ref]+paid[ref])
		}
		if got > most {
			w.t.Errorf("account %s, open from %s to %s, is charged %d as %s (%d of it at the move-out, %d with another account), want %d; %d is paid",
				name, a.opened, a.closed, got, ref, paid[ref], a.moved[ref], want[ref], d.Paid)
		}
	}
	if a.isOpen() || a.correctedLater {
		return // what is missing falls due with the next sale, or with the daily work
	}
	for ref, sum := range want {
		if d := dues[ref]; d.Gross+paid[ref]+a.moved[ref] < sum {
			w.t.Errorf("account %s, open from %s to %s, is charged %d as %s, want %d", name, a.opened, a.closed, d.Gross+paid[ref]+a.moved[ref], ref, sum)
		}
	}
}

// checkSources checks that every debt that is older than its account names the debt of another account that it was, and that none is taken over
// twice.
func (w *tenancyWorld) checkSources() {
	w.t.Helper()
	known := map[id.ID]*knownAccount{}
	for _, a := range w.accounts {
		known[a.id] = a
	}
	var all []debt.Debt
	for cursor, more := "", true; more; {
		list := must1(w.Debts.List(context.Background(), owner(), debt.ListRequest{Page: registry.Page{Cursor: cursor, Limit: registry.MaxLimit}}))(w.t)
		all, cursor, more = append(all, list.Debts...), list.Next, list.Next != ""
	}
	was := map[id.ID]debt.Debt{}
	for _, d := range all {
		if d.MovedTo.IsZero() {
			continue
		}
		if _, twice := was[d.MovedTo]; twice {
			w.t.Errorf("debt %s was two debts before", d.MovedTo.Text(id.Debt))
		}
		was[d.MovedTo] = d
	}
	for _, d := range all {
		a := known[d.Account]
		from, moved := was[d.ID]
		switch {
		case a == nil:
			w.t.Errorf("debt %s is of an account that never existed", d.Name())
		case moved && !w.moves[[2]id.ID{from.Account, d.Account}]:
			w.t.Errorf("debt %s of account %s was debt %s of account %s, and nobody moved it", d.Name(), d.Account.Text(id.Account),
				from.Name(), from.Account.Text(id.Account))
		case a.correctedLater && d.Against == "fixed": // a charge that was paid with money that came back later
		case !moved && !a.isWithin(d.CreatedAt):
			w.t.Errorf("debt %s (%s) is of %s, and account %s is open from %s to %s", d.Name(), d.Kind, d.CreatedAt, a.id.Text(id.Account), a.opened, a.closed)
		}
	}
}

// endStreet lets everything finish, and checks all accounts that ever existed.
func (w *tenancyWorld) endStreet() {
	w.t.Helper()
	for _, h := range w.homes {
		w.deliverReadings(h)
	}
	w.clock.add(25 * time.Hour)
	if _, err := w.Accrue(context.Background(), system()); err != nil {
		w.t.Fatal(err)
	}
	for _, a := range w.accounts {
		if a.isOpen() || !onPostgres { // what is closed was checked when it ended; that takes long on PostgreSQL
			w.checkAccount(a)
		}
	}
	w.checkSources()
	w.balances()
	w.verified()
}
