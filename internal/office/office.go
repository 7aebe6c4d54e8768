// Package office collects what the papers of an office say: the Z report of a shift, and the statement of an account for a month. Package
// print arranges them.
package office

import (
	"context"
	"slices"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/dayclose"
	"github.com/paywatt/paywatt/internal/debt"
	"github.com/paywatt/paywatt/internal/fault"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/ledger"
	"github.com/paywatt/paywatt/internal/localday"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/print"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/refuse"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/sale"
	"github.com/paywatt/paywatt/internal/till"
	"github.com/paywatt/paywatt/internal/vending"
	"github.com/paywatt/paywatt/internal/wallet"
	"github.com/paywatt/paywatt/internal/words"
)

// Tx is the part of a transaction that reads what the papers of some moment say.
type Tx interface {
	// LetterheadAt returns the letterhead of the papers of a moment.
	LetterheadAt(at time.Time) (registry.PaperHead, error)
	// AccountTextsAt returns what the papers of a moment say about an account.
	AccountTextsAt(account id.ID, at time.Time) (registry.AccountTexts, error)
	// MetersAt returns the numbers of the meters that supplied an account at a moment; nil if nothing says which they were. A moment before the
	// account was opened, or after it was closed, counts as the nearest one within.
	MetersAt(account id.ID, at time.Time) ([]string, error)
}

// Config has the use cases that the papers read; every field is required.
type Config struct {
	Door    access.Door[Tx]
	Tills   *till.Tills
	Days    *dayclose.Days
	Debts   *debt.Debts
	Wallets *wallet.Wallets
	Vending *vending.Vending
	Now     func() time.Time
}

// Office collects papers.
type Office struct{ c Config }

// New makes an Office.
func New(c Config) *Office { return &Office{c} }

// Report is a paper ready to be arranged.
type Report struct {
	refusal.Refusal
	Name  string // of its file
	House print.House
	Sheet func(*words.Texts) print.Sheet
}

// readHouse reads the letterhead of the papers of a moment. It asks for no right, because whoever gets a paper sees its letterhead.
func (o *Office) readHouse(ctx context.Context, by access.Actor, at time.Time) (print.House, error) {
	head, err := access.Look(ctx, o.c.Door, by.Tenant, func(tx Tx) (registry.PaperHead, error) { return tx.LetterheadAt(at) })
	if err != nil {
		return print.House{}, fault.Wrap(err, "read the letterhead")
	}
	zone, err := localday.LoadZone(head.TZ)
	return print.House{Name: head.Name, Zone: zone, At: o.c.Now(), Today: head.Today}, fault.Wrap(err, "time zone of the tenant")
}

// Shift returns the Z report of a shift, or what it is so far (right: till.read).
func (o *Office) Shift(ctx context.Context, by access.Actor, shift string) (Report, error) {
	v, err := o.c.Tills.Show(ctx, by, shift)
	if err != nil || v.Refused() {
		return Report{Refusal: v.Refusal}, err
	}
	at := v.Shift.ClosedAt
	if v.Shift.Open() {
		at = o.c.Now()
	}
	h, err := o.readHouse(ctx, by, at)
	if err != nil {
		return Report{}, err
	}
	return Report{Name: "z-" + v.Shift.Till + "-" + v.Shift.OpenedAt.In(h.Zone).Format(time.DateOnly), House: h,
		Sheet: func(say *words.Texts) print.Sheet { return print.Shift(say, h, v) }}, nil
}

// Statement is the statement of an account for a month, with the paper of it.
type Statement struct {
	Report
	print.Statement
	Month string
}

// pageOfSales is how many sales are read at once, and maxSales bounds a statement.
const (
	pageOfSales = registry.MaxLimit
	maxSales    = 10_000
)

// Statement returns what happened to an account's money in a local month such as 2026-11; without a month, in the present one (right:
// customer.read). Its opening balance and its lines sum to its closing balance, and all of them come from the books. For a
// wallet, the balance is its money. For a token meter it is the change carried forward, and the lines are the purchases.
func (o *Office) Statement(ctx context.Context, by access.Actor, account, month string) (Statement, error) {
	a, err := o.c.Debts.Account(ctx, by, account)
	if err != nil || a.Refused() {
		return Statement{Report: Report{Refusal: a.Refusal}}, err
	}
	m, err := o.c.Wallets.Month(ctx, by, a.ID.Text(id.Account), month)
	if err != nil || m.Refused() {
		return Statement{Report: Report{Refusal: m.Refusal}}, err
	}
	at := o.c.Now()
	if over := m.End.Add(-time.Microsecond); at.After(over) {
		at = over // the statement of a month that is over names what there was at its end
	}
	h, err := o.readHouse(ctx, by, at)
	if err != nil {
		return Statement{}, err
	}
	h.Zone = m.Zone
	names, err := o.namesAt(ctx, by, a, at)
	if err != nil {
		return Statement{}, err
	}
	h.Today = h.Today || names.texts.Today()
	cur, _ := money.CurrencyOf(m.Currency)
	st := Statement{Month: m.Begin.Format("2006-01"), Statement: print.Statement{Account: a.ID.Text(id.Account), Customer: names.texts.Customer.Text,
		Erased: names.texts.Customer.Erased, Place: names.texts.Place.Text, Meters: names.meters,
		Wallet: a.Mode != registry.PrepayToken, Currency: cur, From: m.Begin.Format(time.DateOnly), To: m.End.AddDate(0, 0, -1).Format(time.DateOnly)}}
	reader := by // a vendor sees its own sales only
	if by.OfUtility() {
		reader = access.SystemActor(by.Tenant, "office")
	}
	sales, no, err := o.listSales(ctx, reader, st.Account, m)
	if err != nil || no.Refused() {
		return Statement{Report: Report{Refusal: no}}, err
	}
	if st.Wallet {
		st.wallet(m, sales)
	} else {
		st.tokens(m, sales)
	}
	st.Credits = creditsOf(a, m)
	paper := st.Statement
	st.Report = Report{Name: "statement-" + st.Account + "-" + st.Month, House: h, Sheet: func(say *words.Texts) print.Sheet { return paper.Sheet(say, h) }}
	return st, nil
}

// creditsOf returns what was in the keypad meter when the customer moved in or out, if that was in the month.
func creditsOf(a debt.AccountView, m wallet.Month) (out []print.Credit) {
	add := func(c registry.CreditLeft, at time.Time, isOut bool) {
		if c.State != registry.CreditNotAsked && !at.Before(m.Begin) && at.Before(m.End) {
			out = append(out, print.Credit{Out: isOut, At: at, Units: c.Units, Unknown: c.State == registry.CreditUnknown})
		}
	}
	add(a.CreditIn, a.OpenedAt, false)
	if len(out) > 0 {
		out[0].Stated = a.CreditStated
	}
	add(a.CreditOut, a.ClosedAt, true)
	return out
}

// accountNames are what the papers of a moment say about an account.
type accountNames struct {
	texts  registry.AccountTexts
	meters []string
}

// namesAt reads what the papers of a moment say about an account.
func (o *Office) namesAt(ctx context.Context, by access.Actor, a debt.AccountView, at time.Time) (accountNames, error) {
	out, err := access.Look(ctx, o.c.Door, by.Tenant, func(tx Tx) (out accountNames, err error) {
		if out.texts, err = tx.AccountTextsAt(a.ID, at); err != nil {
			return out, err
		}
		out.meters, err = tx.MetersAt(a.ID, at)
		return out, err
	})
	if out.meters == nil {
		out.meters = a.Meters
	}
	return out, fault.Wrap(err, "read the names of account %s", a.ID.Text(id.Account))
}

// listSales reads the sales of a statement's month, oldest first.
func (o *Office) listSales(ctx context.Context, by access.Actor, account string, m wallet.Month) ([]sale.Sale, refusal.Refusal, error) {
	r := vending.SaleRequest{Account: account, From: m.Begin.Format(time.RFC3339), To: m.End.Format(time.RFC3339),
		Page: registry.Page{Limit: pageOfSales}}
	return withReceipts(func(cursor string) (vending.SaleList, error) {
		r.Page.Cursor = cursor
		return o.c.Vending.Sales(ctx, by, r)
	})
}

// withReceipts gathers the sales with a receipt from the pages of a list that begins with the newest, and returns them oldest first. It refuses
// a list that is too long for a paper.
func withReceipts(page func(cursor string) (vending.SaleList, error)) (out []sale.Sale, no refusal.Refusal, err error) {
	for cursor := ""; ; {
		list, err := page(cursor)
		if err != nil || list.Refused() {
			return nil, list.Refusal, err
		}
		for _, s := range list.Sales {
			if s.ReceiptNo != "" {
				out = append(out, s)
			}
		}
		if len(out) > maxSales {
			return nil, refuse.StatementTooLarge(maxSales), nil
		}
		if cursor = list.Next; cursor == "" {
			slices.Reverse(out)
			return out, refusal.Refusal{}, nil
		}
	}
}

// line begins a line of a purchase or recharge.
func lineOf(s sale.Sale) print.StatementLine {
	return print.StatementLine{At: s.CompletedAt, Kind: "journal", Value: string(ledger.Vend), Receipt: s.ReceiptNo, Meter: s.Meter.Number, Ref: s.ID.Text(id.Vend),
		Reversed: s.State == sale.Reversed, Paid: s.Tender.Minor, Units: s.Units}
}

// wallet takes over the lines of a wallet.
func (st *Statement) wallet(m wallet.Month, sales []sale.Sale) {
	bySale := map[string]sale.Sale{}
	for _, s := range sales {
		bySale[s.ID.Text(id.Vend)] = s
		if s.State != sale.Reversed {
			st.Paid += s.Tender.Minor
		}
	}
	st.Opening, st.Closing = m.Wallet.Opening, m.Wallet.Closing
	for _, l := range m.Wallet.Lines {
		if l.Kind == wallet.LineOpening || l.Kind == wallet.LineClosing {
			continue
		}
		line := print.StatementLine{At: l.At, Kind: "journal", Value: string(l.Kind), Ref: l.Ref, Units: l.Units, Change: l.Amount, Balance: l.Balance}
		switch l.Kind {
		case wallet.LineRecharge, wallet.LineUse, wallet.LineCharge:
			line.Kind = "wallet-line"
		}
		if s, found := bySale[l.Ref]; found && l.Kind == wallet.LineRecharge {
			line.Receipt, line.Meter, line.Paid, line.Reversed = s.ReceiptNo, s.Meter.Number, s.Tender.Minor, s.State == sale.Reversed
		}
		st.Units += l.Units
		st.Lines = append(st.Lines, line)
	}
}

// tokens makes a line of each purchase, and of each other change of what is carried forward.
func (st *Statement) tokens(m wallet.Month, sales []sale.Sale) {
	st.Opening, st.Closing = m.Carry, m.Carry
	changes := map[string]money.Minor{} // of purchases
	var others []print.StatementLine
	for _, b := range m.Booked {
		st.Closing += b.Amount
		if b.Kind == ledger.Vend {
			changes[b.Ref] += b.Amount
			continue
		}
		others = append(others, print.StatementLine{At: b.At, Kind: "journal", Value: string(b.Kind), Ref: b.Ref, Change: b.Amount})
	}
	for _, s := range sales {
		l := lineOf(s)
		l.Change = changes[l.Ref]
		delete(changes, l.Ref)
		if !l.Reversed {
			st.Paid += l.Paid
			st.Units += l.Units
		}
		st.Lines = append(st.Lines, l)
	}
	for _, b := range m.Booked { // a purchase priced in the month before and booked in this one
		if c, left := changes[b.Ref]; left && b.Kind == ledger.Vend {
			st.Lines = append(st.Lines, print.StatementLine{At: b.At, Kind: "journal", Value: string(b.Kind), Ref: b.Ref, Change: c})
			delete(changes, b.Ref)
		}
	}
	st.Lines = append(st.Lines, others...)
	st.sum()
}

// sum puts the lines in their order and computes the balance after each.
func (st *Statement) sum() {
	slices.SortStableFunc(st.Lines, func(a, b print.StatementLine) int { return a.At.Compare(b.At) })
	balance := st.Opening
	for i := range st.Lines {
		balance += st.Lines[i].Change
		st.Lines[i].Balance = balance
	}
}
