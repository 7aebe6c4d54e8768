package reconcile

import (
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/ledger"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/payment"
	"github.com/paywatt/paywatt/internal/statement"
)

// memory keeps reconciliations and differences for a test. What a day is compared with is set by the test.
type memory struct {
	Tx
	now       time.Time
	ids       byte
	days      map[string]Reconciliation
	items     map[string]Item
	audit     []string
	files     []File
	rows      []Row
	claims    []Row
	pages     []PageDay
	payments  []payment.Payment // of the day
	others    []payment.Payment // of other days
	journals  []Journal
	more      map[string][]Journal // journals of a payment, also of other days
	elsewhere map[string]bool
	back      map[string]bool
	read      []string
	put       int
	row       map[string]Row
}

func newMemory() *memory {
	return &memory{now: novemberDay(25), days: map[string]Reconciliation{}, items: map[string]Item{}, more: map[string][]Journal{}, elsewhere: map[string]bool{}, back: map[string]bool{}, row: map[string]Row{}}
}

func (m *memory) NewID() (id.ID, error) { m.ids++; return id.ID{15: m.ids}, nil }
func (m *memory) Moment() time.Time     { return m.now }
func (m *memory) Reconciling() Rows     { return memoryRows{m: m} }
func (m *memory) Comparing() Comparison { return memoryComparison{m: m} }
func (m *memory) Paying() payment.Tx    { return memoryPaying{m: m} }

func (m *memory) AuditLog(e access.Entry) error {
	m.audit = append(m.audit, e.Action+" "+e.Reason+" "+e.After)
	return nil
}

type memoryPaying struct {
	payment.Tx
	m *memory
}

func (p memoryPaying) Payments() payment.PaymentTx { return memoryPayments{m: p.m} }

type memoryPayments struct {
	payment.PaymentTx
	m *memory
}

func (p memoryPayments) PaymentByID(i id.ID) (payment.Payment, bool, error) {
	for _, x := range slices.Concat(p.m.payments, p.m.others) {
		if x.ID == i {
			return x, true, nil
		}
	}
	return payment.Payment{}, false, nil
}

type memoryRows struct {
	Rows
	m *memory
}

func (r memoryRows) StatementFiles(_ string, from, to time.Time, _ int) (out []File, _ error) {
	for _, f := range r.m.files {
		if f.From.Before(to) && f.To.After(from) {
			out = append(out, f)
		}
	}
	return out, nil
}

func (r memoryRows) UnreadFiles(int) ([]File, error) { return r.m.files, nil }

func (r memoryRows) ReconciliationDated(provider, date string) (Reconciliation, bool, error) {
	d, known := r.m.days[provider+" "+date]
	return d, known, nil
}

func (r memoryRows) PutReconciliation(d Reconciliation) error {
	r.m.put++
	r.m.days[d.Provider+" "+d.Date] = d
	return nil
}

func (r memoryRows) ItemKeyed(provider string, k Kind, key string) (Item, bool, error) {
	i, known := r.m.items[provider+" "+string(k)+" "+key]
	return i, known, nil
}

func (r memoryRows) PutItem(i Item) error {
	r.m.items[i.Provider+" "+string(i.Kind)+" "+i.Key] = i
	return nil
}

func (r memoryRows) ItemPage(f Filter, _ id.ID, _ int) (out []Item, _ error) {
	for _, key := range slices.Sorted(maps.Keys(r.m.items)) {
		if i := r.m.items[key]; i.Provider == f.Provider && i.Date == f.Date && i.Open == f.Open {
			out = append(out, i)
		}
	}
	return out, nil
}

func (r memoryRows) StatementRow(_, key string) (Row, bool, error) {
	row, found := r.m.row[key]
	return row, found, nil
}

func (r memoryRows) PutStatementRow(_ string, row Row) error {
	r.m.row[row.Key] = row
	return nil
}

type memoryComparison struct {
	Comparison
	m *memory
}

func (c memoryComparison) StatementRows(_ string, from, to time.Time) (out []Row, _ error) {
	for _, r := range c.m.rows {
		if !r.At.Before(from) && r.At.Before(to) {
			out = append(out, r)
		}
	}
	return out, nil
}

func (c memoryComparison) PageDays(_ string, from, to time.Time) (out []PageDay, _ error) {
	for _, p := range c.m.pages {
		if !p.Day.Before(from) && p.Day.Before(to) {
			out = append(out, p)
		}
	}
	return out, nil
}

func (c memoryComparison) ClaimedElsewhere(string, time.Time, time.Time) ([]Row, error) {
	return c.m.claims, nil
}

func (c memoryComparison) ComparedPayments(_ string, _, _, paidFrom, paidTo time.Time) ([]payment.Payment, error) {
	c.m.read = append(c.m.read, "paid "+paidFrom.Format("02T15:04")+" "+paidTo.Format("02T15:04"))
	return slices.Clone(c.m.payments), nil
}

func (c memoryComparison) StatedElsewhere(string, time.Time, time.Time, time.Time, time.Time) (map[string]bool, error) {
	return c.m.elsewhere, nil
}

func (c memoryComparison) StatedBack(_, txn string) (bool, error) {
	c.m.read = append(c.m.read, "back "+txn)
	return c.m.back[txn], nil
}

func (c memoryComparison) ProviderJournals(string, time.Time, time.Time) ([]Journal, error) {
	return slices.Clone(c.m.journals), nil
}

func (c memoryComparison) PaymentJournals(_, name string) ([]Journal, error) {
	c.m.read = append(c.m.read, "journals")
	return c.m.more[name], nil
}

// fileOf is a file that was read and covers some days of November.
func fileOf(from, to, added int) File {
	return File{From: novemberDay(from), To: novemberDay(to), AddedAt: novemberDay(added), State: FileRead}
}

// ranOn runs 20 November, and writes the day and its open differences.
func (m *memory) ranOn(t *testing.T, wanted bool) string {
	t.Helper()
	s := New(Config{Log: slog.New(slog.DiscardHandler)})
	r, err := s.run(m, "bank", novemberDay(20), novemberDay(21), wanted)
	if err != nil {
		t.Fatal(err)
	}
	open := []string{}
	for _, key := range slices.Sorted(maps.Keys(m.items)) {
		if i := m.items[key]; i.Open {
			open = append(open, strings.TrimSpace(fmt.Sprint(asText(i.Difference), " ", i.Owner)))
		}
	}
	return fmt.Sprintf("%s %d %q %v", r.State, r.Unsettled, r.Unknown, open)
}

// pay adds a payment of the day with its row and journal.
func (m *memory) pay(txn string, amount money.Minor, at time.Time) *payment.Payment {
	p := payment.Payment{ID: id.ID{14: 1, 15: byte(len(m.payments) + 1)}, Provider: "bank", Txn: txn, Amount: money.Amount{Minor: amount, Currency: "KES"}, PaidAt: at, ConfirmedAt: at, State: payment.Parked}
	m.payments = append(m.payments, p)
	m.journals = append(m.journals, Journal{ID: "jrn-" + txn, Kind: ledger.Payment, Ref: p.Name(), Amount: amount, At: at})
	r := Row{Key: txn}
	r.Txn, r.Kind, r.Amount, r.Currency, r.At = txn, statement.Payment, amount, "KES", at
	m.rows = append(m.rows, r)
	return &m.payments[len(m.payments)-1]
}

// TestADayClosesByItself only if nothing is left, and stays closed. What appears later is a new difference.
func TestADayClosesByItself(t *testing.T) {
	m := newMemory()
	if got := m.ranOn(t, false); got != ` 0 "" []` || len(m.days) != 0 {
		t.Errorf("a day on which nothing happened: %s", got)
	}
	if got := m.ranOn(t, true); got != `waiting 0 "" []` {
		t.Errorf("a day that is wanted: %s", got)
	}
	m.pay("Q1", 500, novemberDay(20).Add(11*time.Hour))
	m.pay("Q2", 200, novemberDay(20).Add(12*time.Hour))
	if got := m.ranOn(t, false); got != `waiting 0 "" []` {
		t.Errorf("without a statement: %s", got)
	}
	m.files = []File{fileOf(20, 21, 22)}
	m.pages = []PageDay{{Day: novemberDay(20), Currency: "KES", Opening: 1000, Closing: 1700, Balanced: true, Credits: 2, PaidIn: 700, Whole: true}}
	m.payments[0].ConfirmedAt = time.Time{}
	if got := m.ranOn(t, false); !strings.HasPrefix(got, `open 2 "first-statement" [journal-amount Q1 0/500/500 [parked] owner no-payment Q1 500/500/0 [parked] accountant]`) {
		t.Errorf("one is not confirmed: %s", got)
	}
	m.payments[0].ConfirmedAt = m.payments[0].PaidAt
	if got := m.ranOn(t, false); got != `closed 0 "first-statement" []` {
		t.Errorf("all agree: %s", got)
	}
	r := m.days["bank 2026-11-20"]
	if r.Rows != 2 || r.Stated != 700 || r.Payments != 2 || r.Paid != 700 || r.Booked != 700 || r.Currency != "KES" || r.ClosedBy == "" || !r.ClosedAt.Equal(m.now) || !r.RanAt.Equal(m.now) {
		t.Errorf("the day is %+v", r)
	}
	for _, i := range m.items {
		if i.Open || i.Why != gone || i.ClosedBy == "" {
			t.Errorf("difference %+v", i)
		}
	}
	if want := []string{"difference.close no longer found ", "difference.close no longer found ", "reconciliation.close  rows=2 stated=700 payments=2 paid=700 booked=700"}; !slices.Equal(m.audit, want) {
		t.Errorf("audit log %q", m.audit)
	}
	put := m.put
	if m.ranOn(t, false); m.put != put {
		t.Error("a closed day was stored again")
	}
	m.pay("Q3", 50, novemberDay(20).Add(13*time.Hour)).ConfirmedAt = time.Time{}
	if got := m.ranOn(t, false); !strings.HasPrefix(got, `closed 3 "first-statement" [balance `) {
		t.Errorf("a row appears later: %s", got)
	}
	if later := m.days["bank 2026-11-20"]; later != r {
		t.Errorf("the closed day changed: %+v", later)
	}
	m.pages = append(m.pages, PageDay{Day: novemberDay(19), Currency: "KES", Opening: 1000, Closing: 1000, Balanced: true, Whole: true})
	if got := m.ranOn(t, false); !strings.HasPrefix(got, `closed 3 "" [`) || m.days["bank 2026-11-20"].Unknown != "" || m.days["bank 2026-11-20"].Rows != 2 {
		t.Errorf("the statement before came: %s", got)
	}
}

// TestADayThatDidNotChangeIsNotStoredAgain keeps the daily job cheap.
func TestADayThatDidNotChangeIsNotStoredAgain(t *testing.T) {
	m := newMemory()
	m.pay("Q1", 500, novemberDay(20).Add(11*time.Hour))
	m.ranOn(t, false)
	m.now = m.now.Add(time.Hour)
	if m.ranOn(t, false); m.put != 1 {
		t.Errorf("stored %d times", m.put)
	}
	m.pay("Q2", 500, novemberDay(20).Add(11*time.Hour))
	if m.ranOn(t, false); m.put != 2 || !m.days["bank 2026-11-20"].RanAt.Equal(m.now) {
		t.Errorf("stored %d times, last at %s", m.put, m.days["bank 2026-11-20"].RanAt)
	}
}

// upload stores a file as a server does that read it in the morning of 21 November, without the payments of its rows.
func (m *memory) upload(t *testing.T, file string) {
	t.Helper()
	m.ids++
	f := File{ID: id.ID{15: m.ids}, State: FileRead, AddedAt: novemberDay(21).Add(8 * time.Hour)}
	format := statement.Recognise([]byte(file))
	var rows []Row
	read, err := statement.Read(format, strings.NewReader(file), statement.Options{Zone: nairobiZone(), Currency: "KES"}, func(r statement.Row) error {
		rows = append(rows, Row{Row: r, Key: r.Txn})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	f.From, f.To = access.Stored(read.From), access.Stored(read.To)
	m.files = append(m.files, f)
	m.pages = append(m.pages, pageDays(f, read.Pages, rows, nairobiZone())...)
}

// TestAnExportOfAPartOfADayLeavesItWaiting although it was uploaded after the day. The names are the payers whom each export has.
func TestAnExportOfAPartOfADayLeavesItWaiting(t *testing.T) {
	camt := func(period, balance, closing, entries string) string {
		one := func(code, amount string) string {
			return `<Bal><Tp><CdOrPrtry><Cd>` + code + `</Cd></CdOrPrtry></Tp><Amt Ccy="KES">` + amount + `</Amt><CdtDbtInd>CRDT</CdtDbtInd><Dt><Dt>2026-11-20</Dt></Dt></Bal>`
		}
		return `<Document><BkToCstmrStmt><Stmt>` + period + `<Acct><Id><IBAN>KE12</IBAN></Id></Acct>` + one("OPBD", "10.00") + one(balance, closing) + entries + `</Stmt></BkToCstmrStmt></Document>`
	}
	until := func(moment string) string {
		return "<FrToDt><FrDtTm>2026-11-20T00:00:00+03:00</FrDtTm><ToDtTm>2026-11-20T" + moment + "+03:00</ToDtTm></FrToDt>"
	}
	entry := func(name string) string {
		return `<Ntry><Amt Ccy="KES">5.00</Amt><CdtDbtInd>CRDT</CdtDbtInd><Sts>BOOK</Sts><BookgDt><Dt>2026-11-20</Dt></BookgDt><AcctSvcrRef>` + name + `</AcctSvcrRef></Ntry>`
	}
	mpesa := func(until, rows string) string {
		return "Short Code:,600000\nTime Period:,From 20-11-2026 00:00:00 To 20-11-2026 " + until + "\nReceipt No.,Completion Time,Transaction Status,Paid In,Withdrawn,Balance\n" + rows
	}
	const amina, ben = "Q1,20-11-2026 11:00:00,Completed,5.00,,15.00\n", "Q2,20-11-2026 14:00:00,Completed,5.00,,20.00\n"
	const swift = ":20:X\n:25:KE12\n:60F:C261120KES10,\n:61:261120C5,NTRFNONREF//Q1\n"
	for name, c := range map[string]struct{ part, whole, unknown string }{
		"CAMT up to noon":                 {camt(until("12:00:00"), "CLBD", "15.00", entry("Q1")), camt(until("23:59:59"), "CLBD", "20.00", entry("Q1")+entry("Q2")), "first-statement"},
		"CAMT with an interim balance":    {camt("", "ITBD", "15.00", entry("Q1")), camt("", "CLBD", "20.00", entry("Q1")+entry("Q2")), "first-statement"},
		"M-Pesa up to noon":               {mpesa("12:00:00", amina), mpesa("23:59:59", amina+ben), ""},
		"MT940 with an intermediate page": {swift + ":62M:C261120KES15,\n-\n", swift + ":61:261120C5,NTRFNONREF//Q2\n:62F:C261120KES20,\n-\n", "first-statement"},
	} {
		m := newMemory()
		balance := func(r *Row, after money.Minor) { r.Balance, r.Balanced = after, name == "M-Pesa up to noon" }
		m.pay("Q1", 500, novemberDay(20).Add(11*time.Hour))
		balance(&m.rows[0], 1500)
		m.upload(t, c.part)
		if got := m.ranOn(t, false); got != `waiting 0 "part-of-day" []` {
			t.Errorf("%s: %s", name, got)
		}
		m.pay("Q2", 500, novemberDay(20).Add(14*time.Hour))
		balance(&m.rows[1], 2000)
		m.upload(t, c.whole)
		if got, want := m.ranOn(t, false), fmt.Sprintf("closed 0 %q []", c.unknown); got != want {
			t.Errorf("%s, then the whole day: %s, want %s", name, got, want)
		}
	}
}

// TestADayWaitsForEveryAccount whose statements ended within the day.
func TestADayWaitsForEveryAccount(t *testing.T) {
	m := newMemory()
	whole, part := fileOf(20, 21, 22), fileOf(20, 21, 22)
	whole.ID, part.ID, part.To = id.ID{15: 100}, id.ID{15: 101}, novemberDay(20).Add(12*time.Hour)
	m.files = []File{whole, part}
	m.pages = []PageDay{
		{Day: novemberDay(20), File: whole.ID, Account: "70000", Currency: "KES", Opening: 10, Closing: 10, Balanced: true, Whole: true},
		{Day: novemberDay(20), File: part.ID, Account: "80000", Currency: "KES", Opening: 10, Closing: 10, Balanced: true},
	}
	if got := m.ranOn(t, true); got != `waiting 0 "part-of-day" []` {
		t.Errorf("one account up to noon: %s", got)
	}
	rest := part
	rest.ID, rest.From, rest.To = id.ID{15: 102}, part.To, novemberDay(21)
	m.files = append(m.files, rest)
	m.pages = append(m.pages, m.pages[1])
	m.pages[2].File = rest.ID
	if got := m.ranOn(t, true); got != `closed 0 "first-statement" []` {
		t.Errorf("and the afternoon: %s", got)
	}
}

// TestWhatIsReadAboutADay finds the journals and payments that the day's own do not have.
func TestWhatIsReadAboutADay(t *testing.T) {
	m := newMemory()
	whole := m.pay("Q1", 500, novemberDay(20).Add(11*time.Hour))
	owed := m.pay("Q2", 500, novemberDay(20).Add(11*time.Hour))
	owed.Owed, owed.State = 100, payment.Applied
	back := m.pay("Q3", 500, novemberDay(20).Add(11*time.Hour))
	back.State = payment.Refunded
	unconfirmed := m.pay("Q4", 500, novemberDay(20).Add(11*time.Hour))
	unconfirmed.ConfirmedAt = time.Time{}
	m.journals = m.journals[:3]
	old := payment.Payment{ID: id.ID{14: 9, 15: 9}, Provider: "bank", Txn: "Q0", Amount: money.Amount{Minor: 900, Currency: "KES"}, PaidAt: novemberDay(10), ConfirmedAt: novemberDay(10), State: payment.Refunded}
	other := old
	other.ID, other.Provider = id.ID{14: 9, 15: 8}, "mpesa"
	m.others = []payment.Payment{old, other}
	m.journals = append(m.journals, Journal{ID: "r0", Kind: ledger.Returned, Ref: old.Name(), Amount: -900, At: novemberDay(20).Add(time.Hour)},
		Journal{ID: "r1", Kind: ledger.Returned, Ref: old.Name(), Amount: -900, At: novemberDay(20).Add(time.Hour)}, Journal{ID: "x", Kind: ledger.Payment, Ref: other.Name(), Amount: 1, At: novemberDay(20)},
		Journal{ID: "y", Kind: ledger.Payment, Ref: "no payment", Amount: 1, At: novemberDay(20)})
	for _, p := range []*payment.Payment{whole, owed, back, &old} {
		m.more[p.Name()] = []Journal{{ID: "all of " + p.Txn, Kind: ledger.Payment, Ref: p.Name(), Amount: p.Amount.Minor, At: p.PaidAt}}
	}
	m.back["Q0"] = true
	d, err := collect(m, "bank", novemberDay(20), novemberDay(21))
	if err != nil {
		t.Fatal(err)
	}
	var journals, payments []string
	for _, j := range d.Journals {
		journals = append(journals, j.ID)
	}
	for _, p := range d.Payments {
		payments = append(payments, p.Txn)
	}
	slices.Sort(journals)
	if want := []string{"all of Q0", "all of Q2", "all of Q3", "jrn-Q1", "x", "y"}; !slices.Equal(journals, want) {
		t.Errorf("journals %q, want %q", journals, want)
	}
	if want := []string{"Q1", "Q2", "Q3", "Q4", "Q0"}; !slices.Equal(payments, want) {
		t.Errorf("payments %q, want %q", payments, want)
	}
	if d.Stated || d.Opening != nil || len(d.Rows) != 4 || len(d.Waiting) != 0 {
		t.Errorf("the day is %+v", d)
	}
	if !slices.Contains(m.read, "paid 19T23:45 20T23:45") {
		t.Errorf("read %q", m.read)
	}
}

// TestTheOpeningOfADay is the balance of the day before, if its statement is whole.
func TestTheOpeningOfADay(t *testing.T) {
	m := newMemory()
	r := Row{State: RowTaken}
	r.Txn, r.Kind, r.Amount, r.At, r.Balance, r.Balanced = "W1", statement.Withdrawal, -100, novemberDay(19).Add(time.Hour), 900, true
	waits := r
	waits.State, waits.Balance = RowWaiting, 800
	m.rows = []Row{r, waits}
	for name, c := range map[string]struct {
		files []File
		want  string
	}{
		"no file":                       {nil, "none"},
		"a file of the day before":      {[]File{fileOf(19, 20, 20)}, "900"},
		"a file that came too early":    {[]File{fileOf(19, 20, 19)}, "none"},
		"a file that is still read":     {[]File{{From: novemberDay(19), To: novemberDay(20), AddedAt: novemberDay(22), State: FileReading}}, "none"},
		"two files that join":           {[]File{{From: novemberDay(19).Add(9 * time.Hour), To: novemberDay(20), AddedAt: novemberDay(22), State: FileRead}, {From: novemberDay(18), To: novemberDay(19).Add(9 * time.Hour), AddedAt: novemberDay(22), State: FileRead}}, "900"},
		"two files with a gap":          {[]File{{From: novemberDay(18), To: novemberDay(19).Add(9 * time.Hour), AddedAt: novemberDay(22), State: FileRead}, {From: novemberDay(19).Add(10 * time.Hour), To: novemberDay(20), AddedAt: novemberDay(22), State: FileRead}}, "none"},
		"a file that ends before":       {[]File{fileOf(18, 19, 22)}, "none"},
		"a file that begins at the day": {[]File{fileOf(20, 21, 22)}, "none"},
	} {
		m.files = c.files
		d, err := collect(m, "bank", novemberDay(20), novemberDay(21))
		got := "none"
		if d.Opening != nil {
			got = fmt.Sprint(int64(*d.Opening))
		}
		if err != nil || got != c.want {
			t.Errorf("%s: %s, want %s (%v)", name, got, c.want, err)
		}
	}
}

// TestADayWhoseSettledGapGrewStaysOpen does not close by itself: what a person settled explains a gap of 100, and not one of 10,000.
func TestADayWhoseSettledGapGrewStaysOpen(t *testing.T) {
	m := newMemory()
	m.pay("Q1", 500, novemberDay(20).Add(11*time.Hour))
	m.files = []File{fileOf(20, 21, 22)}
	m.pages = []PageDay{
		{Day: novemberDay(18), Currency: "KES", Opening: 900, Closing: 900, Balanced: true, Whole: true},
		{Day: novemberDay(20), Currency: "KES", Opening: 1000, Closing: 1501, Balanced: true, Credits: 1, PaidIn: 500, Whole: true},
	}
	if got := m.ranOn(t, false); got != `open 2 "" [balance 2026-11-20  501/500/0 accountant gap opening 2026-11-20  1000/900/0 accountant]` {
		t.Errorf("a gap of 100: %s", got)
	}
	const key = "bank gap opening 2026-11-20 "
	i := m.items[key]
	i.Open, i.Why = false, "the bank's own correction"
	m.items[key] = i
	m.pages[1].Closing = 1500
	m.pages = append(m.pages, PageDay{Day: novemberDay(19), Currency: "KES", Opening: 11000, Closing: 11000, Balanced: true, Whole: true})
	if got := m.ranOn(t, false); got != `open 1 "" [gap opening 2026-11-20 /2 1000/11000/0 accountant]` {
		t.Errorf("a gap of 10,000: %s", got)
	}
	m.pages = m.pages[:2]
	if got := m.ranOn(t, false); got != `closed 0 "" []` {
		t.Errorf("the gap of 100 again: %s", got)
	}
	m.pages[0].Closing = 1
	if got := m.ranOn(t, false); got != `closed 1 "" [gap opening 2026-11-20 /2 1000/1/0 accountant]` {
		t.Errorf("another gap of a closed day: %s", got)
	}
}

// TestWhatAPersonSettledStaysSettled but a difference that has other figures since is a new one, of whatever kind, and so is a fee.
func TestWhatAPersonSettledStaysSettled(t *testing.T) {
	s := New(Config{})
	check := func(name string, before Difference, why string, now Difference, n int, want string, wantOpen bool) {
		t.Helper()
		m := newMemory()
		m.items["bank "+string(before.Kind)+" "+before.Key] = Item{Provider: "bank", Date: "2026-11-20", Difference: before, Count: 1, Open: why == "", Why: why}
		i, open, err := s.keep(m, "bank", "2026-11-20", counted{now, n})
		if got := fmt.Sprint(i.Key, " ", int64(i.Stated), " ", i.Count); err != nil || got != want || open != wantOpen || i.Open != wantOpen {
			t.Errorf("%s: %s, open %v; want %s, open %v (%v)", name, got, open, want, wantOpen, err)
		}
	}
	for _, c := range []struct {
		name     string
		before   Difference
		why      string
		now      Difference
		n        int
		want     string // key, count and whether it is open
		wantOpen bool
	}{
		{name: "an amount", before: Difference{Kind: Amount, Key: "Q1", Stated: 700}, why: "asked", now: Difference{Kind: Amount, Key: "Q1", Stated: 700, Note: "applied"}, n: 1, want: "Q1 700 1"},
		{name: "a balance with the same figures", before: Difference{Kind: Balance, Key: "d", Stated: 700, Paid: 1}, why: "asked", now: Difference{Kind: Balance, Key: "d", Stated: 700, Paid: 1}, n: 1, want: "d 700 1"},
		{name: "a balance with another sum of the file", before: Difference{Kind: Balance, Key: "d", Stated: 700}, why: "asked", now: Difference{Kind: Balance, Key: "d", Stated: 900}, n: 1, want: "d/2 900 1", wantOpen: true},
		{name: "a balance with another sum of the rows", before: Difference{Kind: Balance, Key: "d", Paid: 700}, why: "asked", now: Difference{Kind: Balance, Key: "d", Paid: 900}, n: 1, want: "d/2 0 1", wantOpen: true},
		{name: "sums that changed", before: Difference{Kind: Sums, Key: "d", Stated: 700}, why: "asked", now: Difference{Kind: Sums, Key: "d", Stated: 900}, n: 1, want: "d/2 900 1", wantOpen: true},
		{name: "a balance that was gone", before: Difference{Kind: Balance, Key: "d", Stated: 700}, why: gone, now: Difference{Kind: Balance, Key: "d", Stated: 900}, n: 1, want: "d 900 1", wantOpen: true},
		{name: "a payment that was gone", before: Difference{Kind: NotStated, Key: "Q1"}, why: gone, now: Difference{Kind: NotStated, Key: "Q1"}, n: 1, want: "Q1 0 1", wantOpen: true},
		{name: "more fees", before: Difference{Kind: FeeUnbooked, Key: "d", Stated: -5}, why: "booked", now: Difference{Kind: FeeUnbooked, Key: "d", Stated: -3}, n: 2, want: "d/2 -3 2", wantOpen: true},
		{name: "still open", before: Difference{Kind: FeeUnbooked, Key: "d", Stated: -5}, now: Difference{Kind: FeeUnbooked, Key: "d", Stated: -8}, n: 2, want: "d -8 2", wantOpen: true},
	} {
		check(c.name, c.before, c.why, c.now, c.n, c.want, c.wantOpen)
	}
	settled := Difference{Key: "k", Stated: 1, Paid: 2, Booked: 3, Currency: "KES", At: novemberDay(20)}
	for _, k := range Kinds() {
		if k == FeeUnbooked {
			continue
		}
		settled.Kind = k
		check(string(k)+" as it was", settled, "asked", settled, 1, "k 1 1", false)
		for what, change := range map[string]func(*Difference){
			"stated":   func(d *Difference) { d.Stated = 9 },
			"paid":     func(d *Difference) { d.Paid = 9 },
			"booked":   func(d *Difference) { d.Booked = 9 },
			"currency": func(d *Difference) { d.Currency = "UGX" },
			"time":     func(d *Difference) { d.At = novemberDay(21) },
		} {
			now := settled
			change(&now)
			check(string(k)+" with another figure: "+what, settled, "asked", now, 1, fmt.Sprintf("k/2 %d 1", now.Stated), true)
		}
	}
}

// TestADifferenceOfAnotherDayKeepsThisOneOpen counts what is listed under the day on which it was first found.
func TestADifferenceOfAnotherDayKeepsThisOneOpen(t *testing.T) {
	s, m := New(Config{}), newMemory()
	m.items["bank not-in-statement Q1"] = Item{Provider: "bank", Date: "2026-11-19", Difference: Difference{Kind: NotStated, Key: "Q1"}, Count: 1, Open: true}
	m.items["bank unreadable-call C1"] = Item{Provider: "bank", Date: "2026-11-20", Difference: Difference{Kind: UnreadCall, Key: "C1"}, Count: 1, Open: true}
	m.items["bank amount Q9"] = Item{Provider: "bank", Date: "2026-11-20", Difference: Difference{Kind: Amount, Key: "Q9"}, Count: 1, Open: true}
	open, err := s.settle(m, "bank", "2026-11-20", []Difference{{Kind: NotStated, Key: "Q1"}, {Kind: Amount, Key: "Q2"}})
	if err != nil || open != 3 {
		t.Errorf("%d are open, want those of Q1, Q2 and C1 (%v)", open, err)
	}
	if m.items["bank amount Q9"].Open || !m.items["bank unreadable-call C1"].Open || !m.items["bank amount Q2"].Open {
		t.Errorf("differences %+v", m.items)
	}
}

// TestFeesOfADayAreOneDifference adds them up.
func TestFeesOfADayAreOneDifference(t *testing.T) {
	got := merged("2026-11-20", []Difference{{Kind: FeeUnbooked, Key: "F1", Stated: -5, Currency: "KES"}, {Kind: Amount, Key: "Q1"}, {Kind: FeeUnbooked, Key: "F2", Stated: -7, Currency: "KES"}})
	want := []counted{{Difference{Kind: Amount, Key: "Q1"}, 1}, {Difference{Kind: FeeUnbooked, Key: "2026-11-20", Stated: -12, Currency: "KES"}, 2}}
	if !slices.Equal(got, want) {
		t.Errorf("differences %+v, want %+v", got, want)
	}
}

// TestTheFiguresOfADay counts payments of the day only, and journals that brought money in.
func TestTheFiguresOfADay(t *testing.T) {
	d := dayOf(t, []string{"row Q1 500 20T11:00", "row Q2 200 20T12:00", "row F1 -5 20T12:00 kind=fee", "row F2 -7 20T12:00 kind=fee", "row W1 -100 20T12:00 kind=withdrawal",
		"paid Q1 500 20T11:00", "paid Q2 200 20T12:00 unconfirmed", "paid Q3 900 21T12:00", "paid Q4 50 20T13:00 state=refunded",
		"booked Q1 500 20T11:00", "booked Q3 900 21T11:00", "booked Q4 50 20T11:00", "booked Q4 -50 20T12:00 returned"})
	r := Reconciliation{Rows: 9, Fees: 9}
	r.count(d)
	if got := fmt.Sprint(r.Rows, int64(r.Stated), int64(r.Fees), r.Payments, int64(r.Paid), int64(r.Booked), r.Currency); got != "2 700 -12 2 550 550KES" {
		t.Errorf("figures %s", got)
	}
}

// TestAPersonsDecisionAboutARow keeps the row as the same movement, or takes it. A row that waits no more stays as it is.
func TestAPersonsDecisionAboutARow(t *testing.T) {
	s, m := New(Config{}), newMemory()
	row := Row{Key: "k", State: RowWaiting, SameAs: "B1"}
	m.row["k"] = row
	if err := s.decideRow(m, Item{Provider: "bank", Difference: Difference{Key: "6b"}}, false, false); err != nil || m.row["k"].State != RowSame || m.row["k"].SameAs != "B1" {
		t.Errorf("the same: %+v (%v)", m.row["k"], err)
	}
	for _, state := range []RowState{RowTaken, RowSame} {
		row.State = state
		m.row["k"] = row
		if err := s.decideRow(m, Item{Provider: "bank", Difference: Difference{Key: "6b"}}, false, false); err != nil || m.row["k"] != row {
			t.Errorf("a row that is %q became %+v (%v)", state, m.row["k"], err)
		}
	}
	if err := s.decideRow(m, Item{Provider: "bank", Difference: Difference{Key: "no"}}, false, false); err == nil || errors.Is(err, errStored) {
		t.Errorf("a damaged key: %v", err)
	}
	if err := s.decideRow(m, Item{Provider: "bank", Difference: Difference{Key: "00"}}, false, false); err != nil {
		t.Errorf("an unknown row: %v", err)
	}
}
