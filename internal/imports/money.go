package imports

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/debt"
	"github.com/paywatt/paywatt/internal/fault"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/refuse"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/sheet"
	"github.com/paywatt/paywatt/internal/tariff"
)

// Files of debts and opening balances move money. The whole file is one sensitive action: it counts with its total under the ceilings of
// whoever imports it, and may need a second person. Then the server keeps the rows, so that exactly these rows are booked once somebody
// approves them. The ceilings of each account bind as well, unless a second person has seen the file.

// moneyRow is a debt or a balance of one row.
type moneyRow struct {
	Line    int         `json:"line"`
	Account string      `json:"account"`
	Kind    string      `json:"kind,omitempty"` // of a debt
	Amount  money.Minor `json:"amount_minor"`
	Memo    string      `json:"memo,omitempty"`
	Bps     int64       `json:"percent_bps,omitempty"` // part of each purchase that pays a debt; 0 for all of it
	Print   string      `json:"print"`
}

// Money reports whether files of a kind move money.
func (k Kind) Money() bool { return k == Debts || k == Balances }

// act is the sensitive action that a file of a kind is.
func (k Kind) act() access.Act {
	if k == Debts {
		return access.ActImportDebts
	}
	return access.ActImportBalances
}

// accountSigns removes what people write between the digits of an account.
var accountSigns = strings.NewReplacer(" ", "", "-", "")

// accountNumber returns what names an account, with the zero that a spreadsheet dropped from a meter's number.
func accountNumber(cell string) string {
	if _, err := id.Parse(id.Account, cell); err == nil {
		return cell
	}
	return accountSigns.Replace(registry.WithLostZero(cell))
}

// moneyEntry reads a row of a debt or a balance.
func (k Kind) moneyEntry(cells map[string]string, f file) entry {
	m := moneyRow{Account: accountNumber(cells["account"]), Kind: cells["kind"], Memo: cells["memo"]}
	if m.Account == "" {
		return entry{Refusal: refuse.ImportValueMissing("account")}
	}
	if c := cells["currency"]; c != "" && !strings.EqualFold(c, f.currency.Code) {
		return entry{Refusal: f.in("currency", refuse.ImportCurrencyOther(refusal.Echo(c), f.currency.Code))}
	}
	text, no := sheet.Amount(cells["amount"], f.comma)
	if no.Refused() {
		return entry{Refusal: f.in("amount", no)}
	}
	var err error
	if m.Amount, err = money.Parse(text, f.currency); err != nil || m.Amount <= 0 {
		return entry{Refusal: f.in("amount", refuse.ImportAmountInvalid(refusal.Echo(cells["amount"]), f.currency.Code))}
	}
	date, no := sheet.Date(cells["as_of"])
	if no.Refused() {
		return entry{Refusal: f.in("as_of", no)}
	}
	if date != "" {
		m.Memo = strings.TrimSpace(m.Memo + " " + date)
	}
	if k == Debts {
		if m.Kind == "" {
			m.Kind = "arrears"
		}
		if m.Bps, no = percent(cells["percent"], f.comma); no.Refused() {
			return entry{Refusal: f.in("percent", no)}
		}
	}
	return entry{money: m, same: strings.Join([]string{m.Account, m.Kind, strconv.FormatInt(int64(m.Amount), 10), m.Memo}, "\x00")}
}

// percent reads a part of each purchase in basis points: "20", "20%" or "12.5".
func percent(cell string, comma bool) (int64, refusal.Refusal) {
	text, no := sheet.Amount(strings.TrimSpace(strings.TrimSuffix(cell, "%")), comma)
	if no.Refused() || cell == "" {
		return 0, no
	}
	n, err := money.Parse(text, money.Currency{Exp: 2})
	if err != nil || n < 1 || n > money.Minor(money.Whole) {
		return 0, refuse.ImportPercentInvalid(refusal.Echo(cell))
	}
	return int64(n), refusal.Refusal{}
}

// book books a row.
func (s *Imports) book(k Kind, approved bool) maker {
	return func(tx Tx, by access.Actor, e entry) (attempt, error) {
		books, row := tx.Debts(), debt.Row{Approved: approved}
		currency, _, err := books.Books().Currency()
		if err != nil {
			return attempt{}, err
		}
		amount := money.Amount{Minor: e.money.Amount, Currency: currency}
		if k == Balances {
			j, no, err := s.c.Debts.BringBalance(books, by, debt.OpeningBalance{Account: e.money.Account, Amount: amount, Memo: e.money.Memo}, row)
			return attempt{Refusal: no, line: Line{Object: j.ID, Amount: amount.Minor}}, err
		}
		n := debt.NewDebt{Account: e.money.Account, Kind: e.money.Kind, Memo: e.money.Memo, Amount: amount}
		if e.money.Bps > 0 {
			n.Mode, n.Value = tariff.Percent, e.money.Bps
		}
		b, no, err := s.c.Debts.BookRow(books, by, n, row)
		return attempt{Refusal: no, line: Line{Object: b.ID, Amount: amount.Minor}}, err
	}
}

// total is the money of the rows that would be imported.
func total(lines []Line) (n int, sum money.Minor) {
	for _, l := range lines {
		if l.State == Done && sum <= money.MaxMinor {
			n, sum = n+1, sum+l.Amount
		}
	}
	return n, sum
}

// importAsked is an import as it is stored for a second person.
type importAsked struct {
	Import string      `json:"import"`
	Kind   Kind        `json:"kind"`
	Rows   int         `json:"rows"`
	Total  money.Minor `json:"total_minor"`
	Sum    string      `json:"sha256"` // of the rows
}

// decideImport decides whether an import of money may begin. The import is new, and gets what was decided.
func (s *Imports) decideImport(tx Tx, by access.Actor, i *Import, rows []entry, would []Line) (access.FourEyes, error) {
	n, sum := total(would)
	if n == 0 {
		return access.FourEyes{}, nil
	}
	h, kept := sha256.New(), []entry{} // a row that is refused today is not booked later
	for at, e := range rows {
		if would[at].State == Done {
			e.money.Line, e.money.Print = e.line, hex.EncodeToString(e.print[:])
			kept = append(kept, e)
			h.Write(e.print[:])
		}
	}
	currency, _, err := tx.Debts().Books().Currency()
	if err != nil {
		return access.FourEyes{}, err
	}
	name := i.ID.Text(id.Import)
	i.Total = sum
	above, err := aboveAccount(tx, i.Kind, would)
	if err != nil {
		return access.FourEyes{}, err
	}
	eyes, err := access.SecondPerson(tx.Debts().Eyes(), by, access.ActRequest{Act: i.Kind.act(), Object: name,
		Summary: fmt.Sprintf("import %d %s of %s together from a file of %d rows", n, i.Kind, money.Amount{Minor: sum, Currency: currency}, len(rows)),
		Body:    importAsked{name, i.Kind, n, sum, hex.EncodeToString(h.Sum(nil))}, Takes: access.Takes{Amount: int64(sum)}, Utility: above,
		Content: contentOf(kept),
		Effect:  func() (access.Effect, error) { return s.effectOf(tx, i.Kind, kept, i.CreatedAt) }}, i.CreatedAt)
	if err != nil || eyes.Refused() || eyes.Waits == nil {
		return eyes, err
	}
	i.Approval = eyes.Waits.ID
	for _, e := range kept {
		body, err := json.Marshal(e.money)
		if err != nil {
			return eyes, err
		}
		if err := tx.Imports().AddImportRow(i.ID, e.line, string(body)); err != nil {
			return eyes, err
		}
	}
	return eyes, nil
}

// contentOf is what a second person approves of a file: its rows, which the server stores.
func contentOf(rows []entry) []moneyRow {
	out := make([]moneyRow, len(rows))
	for i, r := range rows {
		out[i] = r.money
	}
	return out
}

// keepRefused stores the results of the rows that would be refused. Such a row did not count when it was decided whether the file needs a
// second person, so it must never be booked, even if the import is continued when the row could be.
func keepRefused(tx Tx, i id.ID, would []Line) error {
	for _, l := range would {
		if l.State == Done {
			continue
		}
		if _, err := tx.Imports().AddImportLine(i, l); err != nil {
			return err
		}
	}
	return nil
}

// aboveAccount reports whether one row alone exceeds the ceiling of an account, so that the file needs a second person for that reason.
func aboveAccount(tx Tx, k Kind, would []Line) (bool, error) {
	limits := tx.Debts().Eyes().Ceilings()
	rules, err := limits.CeilingRules()
	if err != nil {
		return false, err
	}
	most := money.Minor(rules.Most(access.AccountCredits))
	if k == Debts {
		most = money.Minor(rules.Most(access.AccountDebts))
	}
	for _, l := range would {
		if l.State == Done && l.Amount > most {
			return limits.HadPeople()
		}
	}
	return false, nil
}

// waiting returns the approval that an import waits for, and whether somebody rejected it or it is too late.
func (s *Imports) waiting(tx Tx, i Import) (waits *access.Approval, over bool, err error) {
	if i.Approval.IsZero() || i.Approved {
		return nil, false, nil
	}
	a, found, err := tx.Debts().Eyes().ApprovalByID(i.Approval)
	if err != nil || !found {
		return nil, true, err
	}
	return &a, a.State == access.ApprovalRejected || a.Expired(s.c.Now()), nil
}

// rowsOf returns the rows that an import keeps, or those of its file that are the same.
func (s *Imports) rowsOf(tx Tx, i id.ID) ([]entry, error) {
	var out []entry
	for last := 0; ; last = out[len(out)-1].line {
		bodies, err := tx.Imports().ImportRows(i, last, chunk)
		if err != nil {
			return nil, err
		}
		for _, body := range bodies {
			var e entry
			if err := json.Unmarshal([]byte(body), &e.money); err != nil {
				return nil, fmt.Errorf("read a row of import %s: %w", i.Text(id.Import), err)
			}
			print, err := hex.DecodeString(e.money.Print)
			if err != nil || len(print) != sha256.Size {
				return nil, fmt.Errorf("read a row of import %s: %w", i.Text(id.Import), err)
			}
			e.line, e.print = e.money.Line, [sha256.Size]byte(print)
			out = append(out, e)
		}
		if len(bodies) < chunk {
			return out, nil
		}
	}
}

// Executors returns the functions that carry out imports and undoings that a second person approved.
func (s *Imports) Executors() access.Executors {
	return access.Executors{access.ActImportDebts: s.doImport, access.ActImportBalances: s.doImport, access.ActImportUndo: s.doUndo}
}

// approving is an import with its rows, once a second person approved it.
type approving struct {
	refusal.Refusal
	i    Import
	rows []entry
}

// doImport imports the rows that a second person approved; it is an [access.Executor].
func (s *Imports) doImport(ctx context.Context, maker access.Actor, body []byte) (access.Done, error) {
	var asked importAsked
	if err := json.Unmarshal(body, &asked); err != nil {
		return access.Done{}, fmt.Errorf("read an approved import: %w", err)
	}
	name, err := id.Parse(id.Import, asked.Import)
	if err != nil {
		return access.Done{}, err
	}
	begun, err := access.Through(ctx, s.c.Door, maker.Tenant, func(tx Tx) (approving, error) {
		i, found, err := tx.Imports().ImportByID(name)
		if err != nil || !found || i.Approved {
			return approving{Refusal: refuse.ImportNotFound(refusal.Echo(asked.Import))}, err
		}
		rows, err := s.rowsOf(tx, name)
		if err != nil {
			return approving{}, err
		}
		eyes, err := access.SecondPerson(tx.Debts().Eyes(), maker, access.ActRequest{Act: i.Kind.act(), Object: asked.Import, Body: asked, Content: contentOf(rows),
			Effect: func() (access.Effect, error) { return s.effectOf(tx, i.Kind, rows, s.c.Now()) }}, s.c.Now())
		if err != nil || eyes.Refused() {
			return approving{Refusal: eyes.Refusal}, err
		}
		i.Approved = true
		if err := tx.Imports().ApproveImport(i); err != nil {
			return approving{}, err
		}
		e := maker.Entry("import.approved", asked.Import)
		e.After = fmt.Sprintf("kind=%s rows=%d total_minor=%d", i.Kind, asked.Rows, asked.Total)
		return approving{i: i, rows: rows}, tx.AuditLog(eyes.Mark(e))
	})
	if err != nil || begun.Refused() {
		return access.Done{Refusal: begun.Refusal}, fault.Wrap(err, "begin import %s", asked.Import)
	}
	maker.Approval = id.ID{}
	_, err = s.run(ctx, maker, begun.i, begun.rows)
	return access.Done{Object: asked.Import}, fault.Wrap(err, "import %s", asked.Import)
}
