package provider

import (
	"encoding/csv"
	"fmt"
	"strings"
	"time"
)

// StatementFormat is a form of a statement file.
type StatementFormat string

// The formats.
const (
	MPesaCSV StatementFormat = "csv" // as M-Pesa's portal exports it: a preamble, then a table, the newest row first
	CAMT053  StatementFormat = "xml"
	MT940    StatementFormat = "sta"
)

// StatementOptions are the ways in which banks differ.
type StatementOptions struct {
	Format   StatementFormat
	Currency string // of the account; default: the only one
	Batch    bool   // CAMT.053: all payments of the day are one entry with many details
	NoIDs    bool   // CAMT.053 and MT940: rows have no identity of their own
	Newer    bool   // CAMT.053: version 8, in which the state of an entry is Sts/Cd
	ISO      bool   // CSV: times as 2026-11-20 11:00:00
	Extras   bool   // lines that are not booked: CSV has payments that failed, CAMT.053 an entry that is pending
}

// period is what a statement is made of.
type period struct {
	provider         Provider
	account          string
	currency         string
	day              time.Time
	opening, closing int64
	entries          []Entry
	failed           []*payment
	payments         map[string]*payment
}

// Statement writes the statement of one day in Nairobi: every payment, fee, reversal, refund, chargeback and withdrawal.
func (s *Simulator) Statement(p Provider, day time.Time, o StatementOptions) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, err := s.service(p); err != nil {
		return nil, err
	}
	part := s.period(p, day, o.Currency)
	switch o.Format {
	case MPesaCSV:
		return part.csv(o)
	case CAMT053:
		return part.camt(s.now(), o)
	case MT940:
		return part.mt940(o), nil
	}
	return nil, fmt.Errorf("format %q, want csv, xml or sta: %w", o.Format, ErrInvalid)
}

// period collects the entries of a day. The caller holds mu.
func (s *Simulator) period(p Provider, day time.Time, currency string) period {
	y, m, d := day.Date()
	start := time.Date(y, m, d, 0, 0, 0, 0, nairobi())
	end := start.AddDate(0, 0, 1)
	out := period{provider: p, account: s.cfg.ShortCode, currency: currency, day: start, payments: s.books.byID[p]}
	for _, e := range s.books.entries {
		if e.Provider != p || out.currency != "" && e.Currency != out.currency {
			continue
		}
		out.currency = e.Currency
		switch {
		case e.At.Before(start):
			out.opening += e.Amount
		case e.At.Before(end):
			out.entries = append(out.entries, e)
		}
	}
	preset(&out.currency, "KES")
	for _, f := range s.books.payments {
		if f.Provider == p && f.ID == "" && f.State != Pending && !f.At.Before(start) && f.At.Before(end) {
			out.failed = append(out.failed, f)
		}
	}
	out.closing = out.opening
	for _, e := range out.entries {
		out.closing += e.Amount
	}
	return out
}

// mpesaColumns are the columns of M-Pesa's table.
const mpesaColumns = "Receipt No.,Completion Time,Initiation Time,Details,Transaction Status,Paid In,Withdrawn,Balance,Balance Confirmed,Reason Type,Other Party Info,Linked Transaction ID,A/C No."

// csv writes the table of M-Pesa's portal. A fee has the receipt of its payment, and money that leaves is negative.
func (p period) csv(o StatementOptions) ([]byte, error) {
	var b strings.Builder
	w := csv.NewWriter(&b)
	rows := [][]string{{"Organization Statement"}, {"Short Code:", p.account}, {"Organization:", "Paywatt Simulator"}, {"Account:", "Utility Account"},
		{"Time Period:", "From " + p.day.Format("02-01-2006") + " 00:00:00 To " + p.day.Format("02-01-2006") + " 23:59:59"},
		{"Opening Balance:", grouped(p.opening)}, {"Closing Balance:", grouped(p.closing)}, {""}, strings.Split(mpesaColumns, ",")}
	for i := len(p.entries) - 1; i >= 0; i-- {
		rows = append(rows, p.csvRow(p.entries[i], o))
	}
	for _, f := range p.failed {
		if at := csvTime(f.At, o); o.Extras {
			rows = append(rows, []string{"F" + cut(f.Request, 9), at, at, "Pay Bill from " + f.Payer, "Failed", grouped(f.Amount), "", "", "FALSE", "Pay Bill Online", f.Payer, "", f.Reference})
		}
	}
	for _, r := range rows {
		if err := w.Write(r); err != nil {
			return nil, fmt.Errorf("write the statement: %w", err)
		}
	}
	w.Flush()
	return []byte(b.String()), w.Error()
}

// csvTime writes a time in one of the two forms that exports have.
func csvTime(at time.Time, o StatementOptions) string {
	if o.ISO {
		return at.In(nairobi()).Format(time.DateTime)
	}
	return at.In(nairobi()).Format("02-01-2006 15:04:05")
}

func (p period) csvRow(e Entry, o StatementOptions) []string {
	at := csvTime(e.At, o)
	paid, out := grouped(e.Amount), ""
	if e.Amount < 0 {
		paid, out = "", grouped(e.Amount)
	}
	var party, account, linked, details, reason string
	if of := p.payments[e.Payment]; of != nil {
		party, account = of.Payer+" - "+of.Name, of.Reference
	}
	switch e.Kind {
	case EntryPayment:
		reason, details = "Pay Bill Online", "Pay Bill from "+party+" Acc. "+account
	case EntryFee:
		reason, details = "Pay Bill Charge", "Pay Bill Charge"
	case EntryWithdrawal:
		reason, details = "Business To Bank Transfer", "Transfer of Funds to the organization's bank account"
	default:
		reason, details, linked, account = "Transaction Reversal", "Reversal of "+e.Payment, e.Payment, ""
	}
	return []string{e.ID, at, at, details, "Completed", paid, out, grouped(e.Balance), "TRUE", reason, party, linked, account}
}

// mt940 writes the statement as a SWIFT message. Reversals of payments are RC, other money that leaves is D.
func (p period) mt940(o StatementOptions) []byte {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\r\n", args...) }
	line(":20:STMT%s", p.day.Format("060102"))
	line(":25:%s", p.account)
	line(":28C:%d/1", p.day.YearDay())
	line(":60F:%s", p.swiftBalance(p.opening, p.day.AddDate(0, 0, -1)))
	for _, e := range p.entries {
		mark, amount := "C", e.Amount
		if amount < 0 {
			mark, amount = "D", -amount
			if e.Kind == EntryReversal || e.Kind == EntryRefund || e.Kind == EntryChargeback {
				mark = "RC"
			}
		}
		own := "NONREF"
		if !o.NoIDs {
			own += "//" + e.ID[max(0, len(e.ID)-16):] // the end of an identity differs most
		}
		at := e.At.In(nairobi())
		line(":61:%s%s%s%sN%s%s", at.Format("060102"), at.Format("0102"), mark, swiftAmount(amount, p.currency), swiftKind(e.Kind), own)
		var party, reference string
		if of := p.payments[e.Payment]; of != nil {
			party, reference = of.Name, of.Reference
		}
		line(":86:/ORDP//NAME/%s/REMI/%s", cut(swiftText(party), 30), cut(swiftText(reference), 20))
	}
	line(":62F:%s", p.swiftBalance(p.closing, p.day))
	b.WriteString("-\r\n")
	return []byte(b.String())
}

func (p period) swiftBalance(amount int64, at time.Time) string {
	mark := "C"
	if amount < 0 {
		mark, amount = "D", -amount
	}
	return mark + at.Format("060102") + p.currency + swiftAmount(amount, p.currency)
}

// swiftAmount writes an amount with a comma, which is there without decimals too.
func swiftAmount(amount int64, currency string) string {
	text := major(amount, currency)
	if !strings.Contains(text, ".") {
		return text + ","
	}
	return strings.Replace(text, ".", ",", 1)
}

func swiftKind(k EntryKind) string {
	switch k {
	case EntryFee:
		return "CHG"
	case EntryPayment, EntryWithdrawal:
		return "TRF"
	}
	return "RTI"
}

// swiftText leaves the characters that SWIFT allows in free text.
func swiftText(text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= '0' && r <= '9', r >= 'A' && r <= 'Z', r >= 'a' && r <= 'z', strings.ContainsRune("?:().,'+ -", r):
			return r
		}
		return ' '
	}, text)
}

func cut(text string, n int) string { return text[:min(n, len(text))] }
