package report

import (
	"bufio"
	"cmp"
	"context"
	"encoding/csv"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/fault"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/ledger"
	"github.com/paywatt/paywatt/internal/localday"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/refuse"
	"github.com/paywatt/paywatt/internal/sheet"
)

// Formats of an exported ledger.
const (
	LedgerCSV     = "csv"
	LedgerHledger = "hledger" // the journal of hledger, ledger and other programs of plain-text accounting
)

// LedgerExport asks for the journals of a period.
type LedgerExport struct {
	From, To string // local days, both included; an empty From is the first journal, and an empty To is today
	Format   string
	// Accounts says what the accountant calls an account of the chart: a number and a name, such as "1200 Cash in hand".
	Accounts map[ledger.Code]string
}

// exportChunk is how many journals are read at once.
const exportChunk = 500

// ledgerWriter writes journals in one format.
type ledgerWriter interface {
	begin() error
	journal(ledger.Journal) error
	end() error
}

// Exported is a ledger that may be written, or the refusal.
type Exported struct {
	refusal.Refusal
	write func(ctx context.Context, out io.Writer) error
}

// writeBuffer is how many bytes of an exported ledger are written at once.
const writeBuffer = 32 << 10

// Write writes the journals, oldest first. It holds [exportChunk] of them in memory.
func (x Exported) Write(ctx context.Context, out io.Writer) error {
	b := bufio.NewWriterSize(out, writeBuffer)
	err := x.write(ctx, b)
	if err == nil {
		err = b.Flush()
	}
	return fault.Wrap(err, "export the ledger")
}

// Export prepares the journals of a period (right: ledger.read).
func (r *Reports) Export(ctx context.Context, by access.Actor, f LedgerExport, now time.Time) (x Exported, err error) {
	if x.Refusal = by.Needs(access.ReadLedger); x.Refused() {
		return x, nil
	}
	var p period
	x.Refusal, err = access.Look(ctx, r.door, by.Tenant, func(tx Tx) (no refusal.Refusal, err error) {
		p, no, err = periodOf(tx, f, now)
		return no, err
	})
	if err != nil || x.Refused() {
		return x, fault.Wrap(err, "export the ledger")
	}
	names := accountNames{f.Accounts}
	var writer func(io.Writer) ledgerWriter
	switch cmp.Or(f.Format, LedgerCSV) {
	case LedgerCSV:
		writer = func(out io.Writer) ledgerWriter {
			return &csvLedger{out: sheet.NewWriter(out), names: names, period: p}
		}
	case LedgerHledger:
		writer = func(out io.Writer) ledgerWriter {
			return &plainLedger{out: out, names: names, period: p, declared: map[string]bool{}}
		}
	default:
		x.Refusal = refuse.LedgerFormatUnknown(refusal.Echo(f.Format))
	}
	x.write = func(ctx context.Context, out io.Writer) error { return r.write(ctx, by, p, writer(out)) }
	return x, nil
}

func (r *Reports) write(ctx context.Context, by access.Actor, p period, w ledgerWriter) error {
	if err := w.begin(); err != nil {
		return err
	}
	for last := (id.ID{}); ; {
		page, err := access.Look(ctx, r.door, by.Tenant, func(tx Tx) ([]ledger.Journal, error) { return tx.JournalsBetween(p.from, p.to, last, exportChunk) })
		if err != nil {
			return err
		}
		for _, j := range page {
			if err := w.journal(j); err != nil {
				return err
			}
		}
		if len(page) < exportChunk {
			return w.end()
		}
		last = page[len(page)-1].ID
	}
}

// period is a period of local days.
type period struct {
	from, to time.Time
	zone     *time.Location
	currency money.Currency
}

func periodOf(tx Tx, f LedgerExport, now time.Time) (p period, no refusal.Refusal, err error) {
	name, err := tx.TenantZone()
	if err != nil {
		return p, no, err
	}
	if p.zone, err = localday.LoadZone(name); err != nil {
		return p, no, err
	}
	if p.currency.Code, p.currency.Exp, err = tx.Currency(); err != nil {
		return p, no, err
	}
	p.from = time.UnixMicro(0).In(p.zone)
	if f.From != "" {
		if p.from, err = localday.Parse(f.From, p.zone); err != nil {
			return p, refuse.DateInvalid(refusal.Echo(f.From)), nil
		}
	}
	last := localday.Of(now.In(p.zone))
	if f.To != "" {
		if last, err = localday.Parse(f.To, p.zone); err != nil {
			return p, refuse.DateInvalid(refusal.Echo(f.To)), nil
		}
	}
	p.to = localday.Next(last)
	if !p.from.Before(p.to) {
		return p, refuse.PeriodReversed(refusal.Echo(f.From), refusal.Echo(f.To)), nil
	}
	return p, no, nil
}

// accountNames are the names that the accountant has for accounts of the chart.
type accountNames struct{ mapped map[ledger.Code]string }

// of returns number and name of an account: the accountant's, or those of the chart.
func (n accountNames) of(c ledger.Code) (number, name string) {
	line, _ := ledger.Find(c)
	if theirs := strings.TrimSpace(n.mapped[c]); theirs != "" {
		number, name, _ = strings.Cut(theirs, " ")
		return number, cmp.Or(strings.TrimSpace(name), line.Path)
	}
	return strconv.Itoa(int(c)), line.Path
}

// csvLedger writes a row for each posting.
type csvLedger struct {
	period
	out   *csv.Writer
	names accountNames
}

func (w *csvLedger) begin() error {
	return w.out.Write([]string{"date", "posted_at", "journal", "kind", "reference", "memo", "account", "account_name", "subject", "debit", "credit", "currency",
		"paywatt_account", "reverses"})
}

func (w *csvLedger) journal(j ledger.Journal) error {
	reverses := ""
	if !j.Reverses.IsZero() {
		reverses = j.Reverses.Text(id.Journal)
	}
	for _, p := range j.Postings {
		number, name := w.names.of(p.Account.Code)
		debit, credit := "", ""
		if p.Amount > 0 {
			debit = money.Format(p.Amount, w.currency)
		} else {
			credit = money.Format(-p.Amount, w.currency)
		}
		if err := w.out.Write([]string{j.PostedAt.In(w.zone).Format(time.DateOnly), j.PostedAt.UTC().Format(time.RFC3339), j.ID.Text(id.Journal), string(j.Kind), sheet.Harmless(j.Ref),
			sheet.Harmless(j.Memo), number, sheet.Harmless(name), sheet.Harmless(p.Account.Subject), debit, credit, w.currency.Code, strconv.Itoa(int(p.Account.Code)), reverses}); err != nil {
			return err
		}
	}
	return nil
}

func (w *csvLedger) end() error {
	w.out.Flush()
	return w.out.Error()
}

// plainLedger writes a transaction for each journal, in the format of hledger.
type plainLedger struct {
	period
	out      io.Writer
	names    accountNames
	declared map[string]bool
}

func (w *plainLedger) begin() error {
	_, err := fmt.Fprintf(w.out, "commodity %s\n\n", w.amount(money.Minor(100_000)))
	return err
}

// amount writes an amount as 1000.00 KES. The point is there even without decimals, because hledger wants it in the declaration.
func (w *plainLedger) amount(m money.Minor) string {
	s := money.Format(m, w.currency)
	if w.currency.Exp == 0 {
		s += "."
	}
	return s + " " + w.currency.Code
}

// account names an account: its class, number and name, and its subject, one below another. It declares the account before its first use.
func (w *plainLedger) account(ref ledger.AccountRef) (string, error) {
	line, _ := ledger.Find(ref.Code)
	class := map[ledger.Class]string{ledger.Asset: "assets", ledger.Liability: "liabilities", ledger.Equity: "equity", ledger.Income: "revenues", ledger.Expense: "expenses"}[line.Class]
	number, name := w.names.of(ref.Code)
	full := class + ":" + number + " " + plainText(strings.ReplaceAll(name, ":", " "))
	if ref.Subject != "" {
		full += ":" + plainText(ref.Subject)
	}
	if w.declared[full] {
		return full, nil
	}
	w.declared[full] = true
	_, err := fmt.Fprintf(w.out, "account %s\n", full)
	return full, err
}

func (w *plainLedger) journal(j ledger.Journal) error {
	names := make([]string, len(j.Postings))
	for i, p := range j.Postings {
		var err error
		if names[i], err = w.account(p.Account); err != nil {
			return err
		}
	}
	text := strings.TrimSpace(string(j.Kind) + " " + plainText(j.Ref))
	if memo := plainText(j.Memo); memo != "" {
		text += " | " + memo
	}
	if _, err := fmt.Fprintf(w.out, "%s * (%s) %s\n", j.PostedAt.In(w.zone).Format(time.DateOnly), j.ID.Text(id.Journal), text); err != nil {
		return err
	}
	for i, p := range j.Postings {
		if _, err := fmt.Fprintf(w.out, "    %s  %s\n", names[i], w.amount(p.Amount)); err != nil {
			return err
		}
	}
	_, err := fmt.Fprintln(w.out)
	return err
}

func (w *plainLedger) end() error { return nil }

// plainText removes what would end a name or begin a comment in plain-text accounting: line ends, several blanks, semicolons.
func plainText(s string) string {
	s = strings.Map(func(r rune) rune {
		switch {
		case r == ';' || r == '|':
			return ','
		case r < ' ' || r == '\u00a0':
			return ' '
		}
		return r
	}, s)
	return strings.Join(strings.Fields(s), " ")
}
