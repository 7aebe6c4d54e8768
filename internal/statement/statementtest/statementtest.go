// Package statementtest writes one day of a bank's account in the many ways in which banks export it. Tests import two exports of a day and
// check that each payer was credited once.
package statementtest

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"time"
)

// Movement is one movement of the account, as the bank knows it.
type Movement struct {
	Amount    int64 // in cents; negative if money left the account
	Payer     string
	Reference string // what the payer typed
	ID        string // unique at the bank, with 18 characters
	At        time.Time
}

// RandomDay makes the movements of a day: few amounts, and people who pay the same twice.
func RandomDay(r *rand.Rand, day time.Time) (out []Movement) {
	people := []string{"AMINA", "BEN", "CHEBET"}
	amounts := []int64{50_000, 50_000, 70_000, 12_345}
	for n := range 4 + r.IntN(6) {
		m := Movement{
			Amount: amounts[r.IntN(len(amounts))],
			Payer:  people[r.IntN(len(people))],
			ID:     fmt.Sprintf("%08X%04X%06d", r.Uint32(), r.IntN(1<<16), n),
			At:     day.Add(time.Duration(n)*time.Hour + time.Duration(r.IntN(3600))*time.Second),
		}
		m.Reference = "house of " + strings.ToLower(m.Payer)
		if r.IntN(8) == 0 {
			m.Amount = -1_000 - int64(r.IntN(50))
		}
		out = append(out, m)
	}
	return out
}

// Format is the form of an export.
type Format string

// Formats of exports.
const (
	MT940    Format = "mt940"
	Camt     Format = "camt053"
	Receipts Format = "receipts" // M-Pesa's table with commas
	Sheet    Format = "sheet"    // M-Pesa's table as a spreadsheet saves it, with semicolons
)

// Reference is the kind of the references in an export. References of one kind tell two exports that a row is the same.
type Reference string

// Kinds of references.
const (
	None     Reference = "none"
	Shared   Reference = "shared"     // all rows have the same reference, which tells nothing
	Bank     Reference = "bank"       // the bank's, of the movement
	EndToEnd Reference = "end-to-end" // the sender's, in CAMT.053
	Customer Reference = "customer"   // the sender's, in field 61
	Own      Reference = "own"        // receipt numbers
)

// Export is a way in which the bank writes a day.
type Export struct {
	Format   Format
	Refs     Reference
	OfEntry  bool // CAMT.053 has the bank's reference at the entry, not at its details
	Respelt  bool // names and references of the payers are spelt differently
	Timed    bool // CAMT.053 has times, not only dates
	From, To int  // quarters of the day's rows
}

func (e Export) String() string {
	text := fmt.Sprintf("%s refs=%s quarters=%d-%d", e.Format, e.Refs, e.From, e.To)
	for _, more := range []struct {
		is   bool
		what string
	}{{e.OfEntry, "of-entry"}, {e.Respelt, "respelt"}, {e.Timed, "timed"}} {
		if more.is {
			text += " " + more.what
		}
	}
	return text
}

// Exports are the ways of one bank: formats, references, times, spellings, halves and overlaps.
func Exports() []Export {
	return []Export{
		{Format: MT940, Refs: None, To: 4},
		{Format: MT940, Refs: None, Respelt: true, To: 4},
		{Format: MT940, Refs: None, To: 2},
		{Format: MT940, Refs: None, From: 2, To: 4},
		{Format: MT940, Refs: None, Respelt: true, From: 1, To: 3},
		{Format: MT940, Refs: Bank, To: 4},
		{Format: MT940, Refs: Bank, Respelt: true, To: 2},
		{Format: MT940, Refs: Bank, From: 2, To: 4},
		{Format: MT940, Refs: Customer, Respelt: true, To: 4},
		{Format: MT940, Refs: Shared, To: 4},
		{Format: Camt, Refs: None, Timed: true, To: 4},
		{Format: Camt, Refs: None, To: 4},
		{Format: Camt, Refs: None, To: 2},
		{Format: Camt, Refs: Bank, Timed: true, Respelt: true, To: 4},
		{Format: Camt, Refs: Bank, OfEntry: true, To: 4},
		{Format: Camt, Refs: Bank, From: 1, To: 3},
		{Format: Camt, Refs: EndToEnd, To: 4},
		{Format: Camt, Refs: Shared, To: 4},
		{Format: Receipts, Refs: Own, To: 4},
		{Format: Sheet, Refs: Own, Respelt: true, To: 2},
	}
}

// Has reports whether the export has the row i of a day of n rows.
func (e Export) Has(i, n int) bool { return i >= n*e.From/4 && i < n*e.To/4 }

// IsWhole reports whether the export has all rows of the day.
func (e Export) IsWhole() bool { return e.From == 0 && e.To == 4 }

// Refer reports whether both exports carry references of the same kind that tell rows apart.
func Refer(one, two Export) bool {
	return one.Refs == two.Refs && one.Refs != None && one.Refs != Shared
}

// Write writes the export's part of a day, of an account whose balance was opening cents before all rows.
func (e Export) Write(account string, all []Movement, opening int64, day time.Time) []byte {
	var rows []Movement
	for i, m := range all {
		if !e.Has(i, len(all)) {
			if len(rows) == 0 {
				opening += m.Amount
			}
			continue
		}
		if e.Respelt {
			m.Payer = m.Payer[:1] + strings.ToLower(m.Payer[1:]) + " O."
			m.Reference = strings.ToUpper(m.Reference)
		}
		rows = append(rows, m)
	}
	switch e.Format {
	case MT940:
		return e.writeSwift(account, rows, opening, day)
	case Camt:
		return e.writeCAMT(account, rows, opening, day)
	case Sheet:
		return bytesOfSheet(e.writeReceipts(account, rows, opening))
	}
	return []byte(e.writeReceipts(account, rows, opening))
}

// formatCents writes an amount without its sign.
func formatCents(amount int64, point string) string {
	bare := max(amount, -amount)
	return fmt.Sprintf("%d%s%02d", bare/100, point, bare%100)
}

func (e Export) writeSwift(account string, rows []Movement, opening int64, day time.Time) []byte {
	var b strings.Builder
	date := day.Format("060102")
	fmt.Fprintf(&b, ":20:S\r\n:25:%s\r\n:28C:1/1\r\n:60F:C%sKES%s\r\n", account, date, formatCents(opening, ","))
	for _, m := range rows {
		mark, name := "C", "NONREF"
		if m.Amount < 0 {
			mark = "D"
		}
		switch e.Refs {
		case Bank: // the field has room for the end of the bank's name
			name += "//" + m.ID[len(m.ID)-16:]
		case Customer:
			name = "E" + m.ID[len(m.ID)-15:]
		case Shared:
			name += "//BATCH" + account
		}
		fmt.Fprintf(&b, ":61:%s%s%sNTRF%s\r\n", m.At.Format("0601020102"), mark, formatCents(m.Amount, ","), name)
		fmt.Fprintf(&b, ":86:/ORDP//NAME/%s/REMI/%s\r\n", m.Payer, m.Reference)
		opening += m.Amount
	}
	fmt.Fprintf(&b, ":62F:C%sKES%s\r\n-\r\n", date, formatCents(opening, ","))
	return []byte(b.String())
}

func (e Export) writeCAMT(account string, rows []Movement, opening int64, day time.Time) []byte {
	var b strings.Builder
	balance := func(code string, amount int64) {
		fmt.Fprintf(&b, `<Bal><Tp><CdOrPrtry><Cd>%s</Cd></CdOrPrtry></Tp><Amt Ccy="KES">%s</Amt><CdtDbtInd>CRDT</CdtDbtInd><Dt><Dt>%s</Dt></Dt></Bal>`,
			code, formatCents(amount, "."), day.Format(time.DateOnly))
	}
	closing := opening
	for _, m := range rows {
		closing += m.Amount
	}
	b.WriteString(`<?xml version="1.0" encoding="UTF-8"?><Document><BkToCstmrStmt><Stmt>`)
	fmt.Fprintf(&b, `<Acct><Id><Othr><Id>%s</Id></Othr></Id></Acct>`, account)
	balance("OPBD", opening)
	balance("CLBD", closing)
	for _, m := range rows {
		sign, booked := "CRDT", "<Dt>"+m.At.Format(time.DateOnly)+"</Dt>"
		if m.Amount < 0 {
			sign = "DBIT"
		}
		if e.Timed {
			booked = "<DtTm>" + m.At.Format(time.RFC3339) + "</DtTm>"
		}
		ofEntry, refs := "", "<EndToEndId>NOTPROVIDED</EndToEndId>"
		switch bank := "<AcctSvcrRef>" + m.ID + "</AcctSvcrRef>"; {
		case e.Refs == Shared:
			refs = "<AcctSvcrRef>BATCH" + account + "</AcctSvcrRef>"
		case e.Refs == Bank && e.OfEntry:
			ofEntry = bank
		case e.Refs == Bank:
			refs = bank
		case e.Refs == EndToEnd:
			refs = "<EndToEndId>E" + m.ID + "</EndToEndId>"
		}
		fmt.Fprintf(&b, `<Ntry><Amt Ccy="KES">%s</Amt><CdtDbtInd>%s</CdtDbtInd><Sts>BOOK</Sts><BookgDt>%s</BookgDt>%s`, formatCents(m.Amount, "."), sign, booked, ofEntry)
		fmt.Fprintf(&b, `<NtryDtls><TxDtls><Refs>%s</Refs><RltdPties><Dbtr><Nm>%s</Nm></Dbtr></RltdPties>`, refs, m.Payer)
		fmt.Fprintf(&b, `<RmtInf><Ustrd>%s</Ustrd></RmtInf></TxDtls></NtryDtls></Ntry>`, m.Reference)
	}
	b.WriteString(`</Stmt></BkToCstmrStmt></Document>`)
	return []byte(b.String())
}

func (e Export) writeReceipts(account string, rows []Movement, opening int64) string {
	var b strings.Builder
	fmt.Fprintf(&b, "Short Code:,%s\n\n", account)
	b.WriteString("Receipt No.,Completion Time,Details,Transaction Status,Paid In,Withdrawn,Balance,Reason Type,Other Party Info,A/C No.\n")
	for _, m := range rows {
		in, out, why := formatCents(m.Amount, "."), "", "Pay Bill Online"
		if m.Amount < 0 {
			in, out, why = "", in, "Business To Bank Transfer"
		}
		opening += m.Amount
		fmt.Fprintf(&b, "Q%s,%s,%s,Completed,%s,%s,%s,%s,%s,%s\n", m.ID, m.At.Format("02-01-2006 15:04:05"), why, in, out, formatCents(opening, "."), why, m.Payer, m.Reference)
	}
	return b.String()
}

// bytesOfSheet writes a table as a spreadsheet does: semicolons between the columns, and a byte-order mark.
func bytesOfSheet(table string) []byte { return []byte("\ufeff" + strings.ReplaceAll(table, ",", ";")) }

// Outcome is what became of two exports of a day.
type Outcome struct {
	Credited map[int64]int // how often each amount was credited
	Waiting  map[int64]int // how often each amount waits for a person
	State    State         // of the day's reconciliation
	Found    string        // the day's differences, for messages
}

// State is the state of a day's reconciliation. Exports may cover too little for either.
type State string

// States of a day.
const (
	Open   State = "open"
	Closed State = "closed"
)

// Tally counts what pairs of exports showed.
type Tally struct {
	Pairs, Payments int
	Referring       int // payments of pairs that carry references of the same kind
	Waiting, Closed int
}

func (sum Tally) String() string {
	share := 100 * float64(sum.Waiting) / float64(max(sum.Payments-sum.Referring, 1))
	return fmt.Sprintf("figures: %d pairs of exports with %d payments, %d days closed; of %d payments whose exports carry references of one kind none waits, of %d others %d wait for a person (%.1f %%)",
		sum.Pairs, sum.Payments, sum.Closed, sum.Referring, sum.Payments-sum.Referring, sum.Waiting, share)
}

// Check counts a pair of exports, and says what is wrong with its outcome: each payer is credited exactly once or waits, nobody waits where
// both exports carry references of the same kind, and no day closes while somebody waits or was not credited.
func (sum *Tally) Check(one, two Export, all []Movement, got Outcome) (wrong []string) {
	say := func(format string, args ...any) {
		wrong = append(wrong, fmt.Sprintf("%s, then %s: ", one, two)+fmt.Sprintf(format, args...))
	}
	want := map[int64]int{}
	for i, m := range all {
		if m.Amount > 0 && (one.Has(i, len(all)) || two.Has(i, len(all))) {
			want[m.Amount]++
			sum.Payments++
			if Refer(one, two) {
				sum.Referring++
			}
		}
	}
	waits := 0
	for amount, n := range got.Waiting {
		waits += n
		if want[amount] == 0 && n > 0 {
			say("%d rows of %d wait, and nobody paid that", n, amount)
		}
	}
	for amount, n := range got.Credited {
		if want[amount] == 0 && n > 0 {
			say("%d was credited %d times, and nobody paid that", amount, n)
		}
	}
	for amount, n := range want {
		credited, waiting := got.Credited[amount], got.Waiting[amount]
		if credited > n || credited+waiting < n {
			say("%d payments of %d were credited %d times, and %d wait", n, amount, credited, waiting)
		}
		if got.State == Closed && credited != n {
			say("the day is closed, and %d of %d payments of %d were credited", credited, n, amount)
		}
	}
	switch {
	case waits > 0 && Refer(one, two):
		say("%d rows wait, although both exports have references", waits)
	case waits > 0 && got.State == Closed:
		say("the day closed while %d rows wait", waits)
	case waits == 0 && one.IsWhole() && two.IsWhole() && got.State == Open:
		say("the day is open: %s", got.Found)
	}
	sum.Pairs++
	sum.Waiting += waits
	if got.State == Closed {
		sum.Closed++
	}
	return wrong
}
