package console

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/ledger"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/refuse"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/report"
	"github.com/paywatt/paywatt/internal/wallet"
	"github.com/paywatt/paywatt/internal/words"
)

// bookRow is an account or a line of a journal, with a link to its details.
type bookRow struct {
	Code, Name, Subject, Link string
	Debit, Credit             string
}

// bookPage is the trial balance, or the accounts of one code.
type bookPage struct {
	AsOf, Code, Next string
	Rows             []bookRow
	Sum              string // sum of each side; if the sides differ, the difference
	Sound            bool
	Trial            bool
}

// journalCard is one journal.
type journalCard struct {
	ID, Kind, At, Ref, Memo, Reverses string
	Of, Link                          string // the object that Ref names, and the address of its page; empty if it has no page
	Lines                             []bookRow
}

// journalList is a page of journals.
type journalList struct {
	Of, Next string
	Cards    []journalCard
}

// sided writes a signed amount in the debit or credit column.
func sided(t *words.Texts, m money.Minor, currency string) (debit, credit string) {
	switch {
	case m > 0:
		return t.Amount(money.Amount{Minor: m, Currency: currency}), ""
	case m < 0:
		return "", t.Amount(money.Amount{Minor: -m, Currency: currency})
	}
	return t.Amount(money.Amount{Currency: currency}), ""
}

// trialBalance is the first page of the books: every account code, with links down to the journals.
func (s *Console) trialBalance(w http.ResponseWriter, r *http.Request, v visit) {
	t, err := s.c.Reports.TrialBalance(r.Context(), v.by)
	if s.stopped(w, r, v, err, t.Refusal) {
		return
	}
	d := bookPage{Trial: true, AsOf: v.site.clock(s.c.Now()), Sound: t.Sum == 0}
	var debits money.Minor
	for _, l := range t.Lines {
		row := bookRow{Code: itoa(int(l.Code)), Name: v.site.say.Name("account", itoa(int(l.Code))), Link: "/ledger/accounts?code=" + itoa(int(l.Code))}
		row.Debit, row.Credit = sided(v.site.say, l.Balance, t.Currency)
		d.Rows = append(d.Rows, row)
		debits += max(l.Balance, 0)
	}
	d.Sum = v.site.say.Sum(money.Amount{Minor: debits, Currency: t.Currency})
	if !d.Sound {
		d.Sum = v.site.say.Sum(money.Amount{Minor: t.Sum, Currency: t.Currency})
	}
	s.show(w, r, http.StatusOK, bookView(s.page(r, v, v.site.say.LedgerTrialBalance()), d))
}

// codeOf reads the account code in the query, and returns 0 if there is none.
func codeOf(q url.Values) (ledger.Code, refusal.Refusal) {
	text := q.Get("code")
	if text == "" {
		return 0, refusal.Refusal{}
	}
	n, err := strconv.Atoi(text)
	if _, known := ledger.Find(ledger.Code(n)); err != nil || !known {
		return 0, refuse.AccountCodeUnknown(refusal.Echo(text))
	}
	return ledger.Code(n), refusal.Refusal{}
}

// accounts lists the accounts of a code with their balances.
func (s *Console) accounts(w http.ResponseWriter, r *http.Request, v visit) {
	q := r.URL.Query()
	code, no := codeOf(q)
	if no.Refused() {
		s.refuse(w, r, v, no)
		return
	}
	got, err := s.c.Reports.Accounts(r.Context(), v.by, code, registry.Page{Cursor: q.Get("cursor")})
	if s.stopped(w, r, v, err, got.Refusal) {
		return
	}
	d := bookPage{AsOf: v.site.clock(s.c.Now()), Code: q.Get("code"), Next: nextPage("/ledger/accounts", q, got.Next)}
	for _, a := range got.Accounts {
		row := accountRow(v.site.say, a.Ref)
		row.Debit, row.Credit = sided(v.site.say, a.Balance, got.Currency)
		d.Rows = append(d.Rows, row)
	}
	s.show(w, r, http.StatusOK, bookView(s.page(r, v, v.site.say.LedgerAccounts()), d))
}

// accountRow names an account and links to its journals.
func accountRow(t *words.Texts, ref ledger.AccountRef) bookRow {
	q := url.Values{"code": {itoa(int(ref.Code))}}
	if ref.Subject != "" {
		q.Set("subject", ref.Subject)
	}
	return bookRow{Code: itoa(int(ref.Code)), Name: t.Name("account", itoa(int(ref.Code))), Subject: ref.Subject, Link: "/ledger/journals?" + q.Encode()}
}

// journals lists journals with their lines: all, those of an account, or those of one operation.
func (s *Console) journals(w http.ResponseWriter, r *http.Request, v visit) {
	q := r.URL.Query()
	f := report.JournalFilter{Ref: q.Get("ref")}
	code, no := codeOf(q)
	if no.Refused() {
		s.refuse(w, r, v, no)
		return
	}
	d := journalList{Of: f.Ref}
	if code != 0 {
		f.Account = &ledger.AccountRef{Code: code, Subject: q.Get("subject")}
		row := accountRow(v.site.say, *f.Account)
		d.Of = strings.TrimSpace(row.Code + " " + row.Name + " " + row.Subject)
	}
	got, err := s.c.Reports.Journals(r.Context(), v.by, f, registry.Page{Limit: journalsShown, Cursor: q.Get("cursor")})
	if s.stopped(w, r, v, err, got.Refusal) {
		return
	}
	d.Next = nextPage("/ledger/journals", q, got.Next)
	for _, j := range got.Journals {
		d.Cards = append(d.Cards, v.site.journal(j, got.Currency))
	}
	s.show(w, r, http.StatusOK, journalsView(s.page(r, v, v.site.say.LedgerJournals()), d))
}

// journalsShown is how many journals a page shows.
const journalsShown = 20

func (t site) journal(j ledger.Journal, currency string) journalCard {
	c := journalCard{ID: j.ID.Text(id.Journal), Kind: t.say.Name("journal", string(j.Kind)), At: t.clock(j.PostedAt), Ref: j.Ref, Memo: j.Memo}
	if !j.Reverses.IsZero() {
		c.Reverses = j.Reverses.Text(id.Journal)
	}
	if strings.HasPrefix(j.Ref, id.Vend) {
		c.Link, c.Of = "/sales/"+j.Ref, t.say.LedgerSale()
	} else if meter, _, ok := wallet.ParseUseRef(j.Ref); ok {
		c.Link, c.Of = "/meters/"+meter.Text(id.Meter)+"/wallet", t.say.LedgerUseOf()
	}
	for _, p := range j.Postings {
		row := accountRow(t.say, p.Account)
		row.Debit, row.Credit = sided(t.say, p.Amount, currency)
		c.Lines = append(c.Lines, row)
	}
	return c
}
