package reconcile

import (
	"bytes"
	"encoding/binary"
	"flag"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/ledger"
	"github.com/paywatt/paywatt/internal/payment"
	"github.com/paywatt/paywatt/internal/statement"
)

// A bank writes one day in many ways. These tests give every pair of them to the rules, without a database, and count what each payer was credited.
// TestEveryPairOfExportsOfADay of internal/vending uploads such pairs to a server.

var (
	pairDays   = flag.Int("pair-days", 2, "days of which every pair of exports is compared")
	randomDays = flag.Int("random-pairs", 300, "days of which one pair of exports is compared")
	pairSeed   = flag.Uint64("pair-seed", 1, "seed of the first day")
)

// moved is one movement of the bank's account, as the bank knows it.
type moved struct {
	amount           int64 // cents
	payer, reference string
	id               string // unique at the bank
	at               time.Time
}

// export is a way in which the bank writes a day.
type export struct {
	format   string // mt940, camt or csv
	refs     string // kind of the references: bank, e2e, own or none
	respelt  bool
	timed    bool
	from, to int // quarters of the day's rows
	shared   bool
}

func (e export) String() string {
	return fmt.Sprintf("%s refs=%s respelt=%v timed=%v quarters=%d-%d shared=%v", e.format, e.refs, e.respelt, e.timed, e.from, e.to, e.shared)
}

// exports are the ways of one bank.
func exports() []export {
	return []export{
		{format: "mt940", refs: "none", to: 4}, {format: "mt940", refs: "none", respelt: true, to: 4}, {format: "mt940", refs: "bank", to: 4},
		{format: "mt940", refs: "none", to: 2}, {format: "mt940", refs: "none", from: 2, to: 4}, {format: "mt940", refs: "bank", respelt: true, to: 2},
		{format: "mt940", refs: "bank", from: 2, to: 4}, {format: "camt", refs: "none", timed: true, to: 4}, {format: "camt", refs: "none", to: 4},
		{format: "camt", refs: "bank", timed: true, respelt: true, to: 4}, {format: "camt", refs: "e2e", to: 4}, {format: "camt", refs: "none", to: 2},
		{format: "camt", refs: "bank", from: 1, to: 3}, {format: "csv", refs: "own", to: 4}, {format: "csv", refs: "own", to: 2},
		{format: "mt940", refs: "none", respelt: true, from: 1, to: 3}, {format: "camt", refs: "none", shared: true, to: 4},
	}
}

// randomDay makes the movements of a day: few amounts, and people who pay the same twice.
func randomDay(r *rand.Rand, day time.Time) (out []moved) {
	people := []string{"AMINA", "BEN", "CHEBET"}
	for n := range 4 + r.IntN(6) {
		m := moved{amount: []int64{50_000, 50_000, 70_000, 12_345}[r.IntN(4)], payer: people[r.IntN(3)], id: fmt.Sprintf("%08X%04X%06d", r.Uint32(), r.IntN(1<<16), n),
			at: day.Add(time.Duration(n)*time.Hour + time.Duration(r.IntN(3600))*time.Second)}
		m.reference = "house of " + strings.ToLower(m.payer)
		if r.IntN(8) == 0 {
			m.amount = -1_000 - int64(r.IntN(50))
		}
		out = append(out, m)
	}
	return out
}

// write writes some movements of an account whose balance was opening before all of them.
func (e export) write(account string, all []moved, opening int64, day time.Time) []byte {
	first, end := len(all)*e.from/4, len(all)*e.to/4
	for _, m := range all[:first] {
		opening += m.amount
	}
	rows := make([]moved, end-first)
	for i, m := range all[first:end] {
		if e.respelt {
			m.payer, m.reference = m.payer[:1]+strings.ToLower(m.payer[1:])+" O.", strings.ToUpper(m.reference)
		}
		rows[i] = m
	}
	switch e.format {
	case "mt940":
		return e.mt940(account, rows, opening, day)
	case "camt":
		return e.camt(account, rows, opening, day)
	}
	return e.csv(account, rows, opening)
}

func cents(amount int64, point string) string {
	return fmt.Sprintf("%d%s%02d", max(amount, -amount)/100, point, max(amount, -amount)%100)
}

func (e export) mt940(account string, rows []moved, opening int64, day time.Time) []byte {
	var b strings.Builder
	fmt.Fprintf(&b, ":20:S\r\n:25:%s\r\n:28C:1/1\r\n:60F:C%sKES%s\r\n", account, day.Format("060102"), cents(opening, ","))
	for _, m := range rows {
		mark, name := "C", "NONREF"
		if m.amount < 0 {
			mark = "D"
		}
		if e.refs == "bank" {
			name += "//" + m.id[max(0, len(m.id)-16):]
		}
		fmt.Fprintf(&b, ":61:%s%s%sNTRF%s\r\n:86:/ORDP//NAME/%s/REMI/%s\r\n", m.at.Format("0601020102"), mark, cents(m.amount, ","), name, m.payer, m.reference)
		opening += m.amount
	}
	fmt.Fprintf(&b, ":62F:C%sKES%s\r\n-\r\n", day.Format("060102"), cents(opening, ","))
	return []byte(b.String())
}

func (e export) camt(account string, rows []moved, opening int64, day time.Time) []byte {
	var b strings.Builder
	balance := func(code string, amount int64) {
		fmt.Fprintf(&b, `<Bal><Tp><CdOrPrtry><Cd>%s</Cd></CdOrPrtry></Tp><Amt Ccy="KES">%s</Amt><CdtDbtInd>CRDT</CdtDbtInd><Dt><Dt>%s</Dt></Dt></Bal>`, code, cents(amount, "."), day.Format(time.DateOnly))
	}
	closing := opening
	for _, m := range rows {
		closing += m.amount
	}
	fmt.Fprintf(&b, `<?xml version="1.0" encoding="UTF-8"?><Document><BkToCstmrStmt><Stmt><Acct><Id><Othr><Id>%s</Id></Othr></Id></Acct>`, account)
	balance("OPBD", opening)
	balance("CLBD", closing)
	for _, m := range rows {
		sign, booked, refs := "CRDT", "<Dt>"+m.at.Format(time.DateOnly)+"</Dt>", "<EndToEndId>NOTPROVIDED</EndToEndId>"
		if m.amount < 0 {
			sign = "DBIT"
		}
		if e.timed {
			booked = "<DtTm>" + m.at.Format(time.RFC3339) + "</DtTm>"
		}
		switch {
		case e.shared:
			refs = "<AcctSvcrRef>" + account + "</AcctSvcrRef>"
		case e.refs == "bank":
			refs = "<AcctSvcrRef>" + m.id + "</AcctSvcrRef>"
		case e.refs == "e2e":
			refs = "<EndToEndId>E" + m.id + "</EndToEndId>"
		}
		fmt.Fprintf(&b, `<Ntry><Amt Ccy="KES">%s</Amt><CdtDbtInd>%s</CdtDbtInd><Sts>BOOK</Sts><BookgDt>%s</BookgDt><NtryDtls><TxDtls><Refs>%s</Refs>`, cents(m.amount, "."), sign, booked, refs)
		fmt.Fprintf(&b, `<RltdPties><Dbtr><Nm>%s</Nm></Dbtr></RltdPties><RmtInf><Ustrd>%s</Ustrd></RmtInf></TxDtls></NtryDtls></Ntry>`, m.payer, m.reference)
	}
	b.WriteString(`</Stmt></BkToCstmrStmt></Document>`)
	return []byte(b.String())
}

func (e export) csv(account string, rows []moved, opening int64) []byte {
	var b strings.Builder
	fmt.Fprintf(&b, "Short Code:,%s\n\nReceipt No.,Completion Time,Details,Transaction Status,Paid In,Withdrawn,Balance,Reason Type,Other Party Info,A/C No.\n", account)
	for _, m := range rows {
		in, out, why := cents(m.amount, "."), "", "Pay Bill Online"
		if m.amount < 0 {
			in, out, why = "", cents(m.amount, "."), "Business To Bank Transfer"
		}
		opening += m.amount
		fmt.Fprintf(&b, "Q%s,%s,%s,Completed,%s,%s,%s,%s,%s,%s\n", m.id, m.at.Format("02-01-2006 15:04:05"), why, in, out, cents(opening, "."), why, m.payer, m.reference)
	}
	return []byte(b.String())
}

// books are what a server would store: rows, payments by name with their journals, and what files say about days.
type books struct {
	t        *testing.T
	rows     []Row
	payments map[string]payment.Payment
	pages    []PageDay
	files    byte
}

func (b *books) uploads(file []byte) {
	b.t.Helper()
	b.files++
	f := File{ID: id.ID{15: b.files}, AddedAt: novemberDay(23)}
	var rows []Row
	keys := rowKeys{}
	format := statement.Recognise(file)
	read, err := statement.Read(format, bytes.NewReader(file), statement.Options{Zone: nairobiZone(), Currency: "KES"}, func(r statement.Row) error {
		rows = append(rows, Row{Row: r, Key: string(keys.of(r)), Format: format, Named: true})
		return nil
	})
	if err != nil {
		b.t.Fatal(err)
	}
	var uses []NameUse
	for _, r := range b.rows {
		for kind, name := range r.Names {
			if name != "" {
				uses = append(uses, NameUse{Kind: statement.NameKind(kind), Name: name, Amount: r.Amount, Currency: r.Currency, At: r.At})
			}
		}
	}
	older := append([]Row(nil), b.rows...)
	for i, d := range decideRows(rows, older, uses, nairobiZone()) {
		if d.fate == isKnown {
			continue
		}
		row := decidedRow{d, rows[i].Row}.toStore(f)
		row.Named = true
		b.rows = append(b.rows, row)
		if n, says := notice(row.Row, nil); says && d.fate == isNew {
			if _, known := b.payments[n.Txn]; !known {
				p := payment.Payment{Txn: n.Txn, Amount: n.Amount, PaidAt: n.PaidAt, ConfirmedAt: n.PaidAt, State: payment.Parked}
				binary.BigEndian.PutUint64(p.ID[8:], uint64(len(b.payments)+1))
				b.payments[n.Txn] = p
			}
		}
	}
	b.pages = append(b.pages, pageDays(f, read.Pages, rows, nairobiZone())...)
}

// day compares 20 November.
func (b *books) day() []Difference {
	d := Day{From: novemberDay(20), To: novemberDay(21), Stated: true, Rows: counting(b.rows), Pages: b.pages}
	for i := range d.Rows {
		d.Rows[i].Booked = d.Rows[i].Kind == statement.Fee
	}
	for _, r := range b.rows {
		if r.State == RowWaiting {
			d.Waiting = append(d.Waiting, r)
		}
	}
	for _, p := range b.payments {
		d.Payments = append(d.Payments, p)
		d.Journals = append(d.Journals, Journal{ID: "jrn " + p.Txn, Kind: ledger.Payment, Ref: p.Name(), Amount: p.Amount.Minor, At: p.PaidAt})
	}
	return Reconcile(d)
}

// credited counts payments by amount, and waiting counts the rows that wait.
func (b *books) counts() (credited, waiting map[int64]int) {
	credited, waiting = map[int64]int{}, map[int64]int{}
	for _, p := range b.payments {
		credited[int64(p.Amount.Minor)]++
	}
	for _, r := range b.rows {
		if r.State == RowWaiting {
			waiting[int64(r.Amount)]++
		}
	}
	return credited, waiting
}

// tally counts what the pairs of exports showed.
type tally struct{ pairs, rows, waiting, closed int }

// check gives a pair to the rules, and checks that each payer was credited once or waits.
func (sum *tally) check(t *testing.T, seed uint64, all []moved, one, two export) {
	t.Helper()
	b := &books{t: t, payments: map[string]payment.Payment{}}
	b.uploads(one.write("7000000001", all, 1_000_000, novemberDay(20)))
	b.uploads(two.write("7000000001", all, 1_000_000, novemberDay(20)))
	credited, waiting := b.counts()
	differences := b.day()
	isClosed := len(differences) == 0
	want, whole := map[int64]int{}, true
	for i, m := range all {
		in := func(e export) bool { return i >= len(all)*e.from/4 && i < len(all)*e.to/4 }
		whole = whole && (in(one) || in(two))
		if m.amount > 0 && (in(one) || in(two)) {
			want[m.amount]++
		}
	}
	waits := 0
	for amount, n := range want {
		waits += waiting[amount]
		if credited[amount] > n || credited[amount]+waiting[amount] < n {
			t.Errorf("seed %d, %s then %s: %d payments of %d were credited %d times, and %d wait", seed, one, two, n, amount, credited[amount], waiting[amount])
		}
		if isClosed && whole && credited[amount] != n {
			t.Errorf("seed %d, %s then %s: the day is closed, and %d of %d payments of %d were credited", seed, one, two, credited[amount], n, amount)
		}
		sum.rows += n
	}
	switch {
	case waits > 0 && one.refs == two.refs && one.refs != "none":
		t.Errorf("seed %d, %s then %s: %d rows wait, although both exports have references", seed, one, two, waits)
	case waits > 0 && isClosed:
		t.Errorf("seed %d, %s then %s: the day closed while %d rows wait", seed, one, two, waits)
	case waits == 0 && one.isWhole() && two.isWhole() && !isClosed:
		t.Errorf("seed %d, %s then %s: the day is open: %+v", seed, one, two, differences)
	}
	sum.pairs++
	sum.waiting += waits
	if isClosed {
		sum.closed++
	}
}

func (e export) isWhole() bool { return e.from == 0 && e.to == 4 }

func (sum *tally) log(t *testing.T) {
	t.Helper()
	t.Logf("figures: %d pairs of exports with %d payments; %d of them wait for a person (%.1f %%); %d days closed", sum.pairs, sum.rows, sum.waiting, 100*float64(sum.waiting)/float64(sum.rows), sum.closed)
}

// TestEveryPairOfExports compares every pair of exports of random days: formats, references, times, spellings, halves and overlaps. -pair-days
// sets how many days.
func TestEveryPairOfExports(t *testing.T) {
	sum := &tally{}
	for n := range *pairDays {
		seed := *pairSeed + uint64(n)
		all := randomDay(rand.New(rand.NewPCG(seed, 51)), novemberDay(20))
		for _, one := range exports() {
			for _, two := range exports() {
				sum.check(t, seed, all, one, two)
			}
		}
	}
	sum.log(t)
}

// TestARandomPairOfExports compares one pair of exports of many days. -random-pairs sets how many days.
func TestARandomPairOfExports(t *testing.T) {
	sum := &tally{}
	for n := range *randomDays {
		seed := *pairSeed + uint64(n)
		r := rand.New(rand.NewPCG(seed, 52))
		all := randomDay(r, novemberDay(20))
		sum.check(t, seed, all, exports()[r.IntN(len(exports()))], exports()[r.IntN(len(exports()))])
	}
	sum.log(t)
}

// TestThePairsFindARuleThatIsOff plants the rules of the first versions, which let names and contents decide alone: the day must show it.
func TestThePairsFindARuleThatIsOff(t *testing.T) {
	all := []moved{{50_000, "AMINA", "a", "00000000000011", novemberDay(20)}, {70_000, "BEN", "b", "00000000000022", novemberDay(20)}}
	whole := export{format: "mt940", refs: "bank", to: 4}
	for name, plant := range map[string]func(*books){
		"a payer is left out": func(b *books) { b.rows = b.rows[:1] },
		"a row counts twice": func(b *books) {
			again := b.rows[1]
			again.Key, again.Txn = again.Key+"x", "again"
			b.rows = append(b.rows, again)
			p := b.payments[b.rows[1].Txn]
			p.Txn, p.ID[0] = "again", 1
			b.payments["again"] = p
		},
		"two rows are one payment": func(b *books) { b.rows[1].Txn = b.rows[0].Txn },
		"a payment has no row":     func(b *books) { delete(b.payments, b.rows[1].Txn) },
	} {
		b := &books{t: t, payments: map[string]payment.Payment{}}
		b.uploads(whole.write("7000000001", all, 1_000_000, novemberDay(20)))
		if found := b.day(); len(found) != 0 {
			t.Errorf("%s: before the plant the day shows %+v", name, found)
		}
		if plant(b); len(b.day()) == 0 {
			t.Errorf("%s, and the day closes", name)
		}
	}
}
