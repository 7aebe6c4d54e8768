package reconcile

import (
	"bytes"
	"encoding/binary"
	"flag"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/ledger"
	"github.com/paywatt/paywatt/internal/payment"
	"github.com/paywatt/paywatt/internal/statement"
	"github.com/paywatt/paywatt/internal/statement/statementtest"
	"github.com/paywatt/paywatt/internal/tier"
)

// A bank writes one day in many ways. These tests give every pair of them to the rules, without a database, and count what each payer was credited.
// TestEveryPairOfExportsOfADay of internal/vending uploads such pairs to a server.

var pairSeed = flag.Uint64("pair-seed", 1, "seed of the first day")

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
		row := decidedRow{d, rows[i].Row, ""}.toStore(f)
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

// check gives a pair of exports to the rules.
func check(t *testing.T, sum *statementtest.Tally, seed uint64, all []statementtest.Movement, one, two statementtest.Export) {
	t.Helper()
	b := &books{t: t, payments: map[string]payment.Payment{}}
	b.uploads(one.Write("7000000001", all, 1_000_000, novemberDay(20)))
	b.uploads(two.Write("7000000001", all, 1_000_000, novemberDay(20)))
	got := statementtest.Outcome{State: statementtest.Closed}
	got.Credited, got.Waiting = b.counts()
	if differences := b.day(); len(differences) > 0 {
		got.State, got.Found = statementtest.Open, fmt.Sprintf("%+v", differences)
	}
	for _, wrong := range sum.Check(one, two, all, got) {
		t.Errorf("seed %d, %s", seed, wrong)
	}
}

// TestEveryPairOfExports compares every pair of exports of random days: formats, references, times, spellings, halves and overlaps.
func TestEveryPairOfExports(t *testing.T) {
	sum := &statementtest.Tally{}
	for n := range tier.ExportPairDays.N() {
		seed := *pairSeed + uint64(n)
		all := statementtest.RandomDay(rand.New(rand.NewPCG(seed, 51)), novemberDay(20))
		for _, one := range statementtest.Exports() {
			for _, two := range statementtest.Exports() {
				check(t, sum, seed, all, one, two)
			}
		}
	}
	t.Log(sum)
}

// TestARandomPairOfExports compares one pair of exports of many days. -random-pairs sets how many days.
func TestARandomPairOfExports(t *testing.T) {
	sum := &statementtest.Tally{}
	for n := range tier.ExportPairs.N() {
		seed := *pairSeed + uint64(n)
		r := rand.New(rand.NewPCG(seed, 52))
		all := statementtest.RandomDay(r, novemberDay(20))
		check(t, sum, seed, all, statementtest.Exports()[r.IntN(len(statementtest.Exports()))], statementtest.Exports()[r.IntN(len(statementtest.Exports()))])
	}
	t.Log(sum)
}

// TestThePairsFindARuleThatIsOff plants the rules of the first versions, which let names and contents decide alone: the day must show it.
func TestThePairsFindARuleThatIsOff(t *testing.T) {
	all := []statementtest.Movement{
		{Amount: 50_000, Payer: "AMINA", Reference: "a", ID: "000000000000000011", At: novemberDay(20)},
		{Amount: 70_000, Payer: "BEN", Reference: "b", ID: "000000000000000022", At: novemberDay(20)},
	}
	whole := statementtest.Export{Format: statementtest.MT940, Refs: statementtest.Bank, To: 4}
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
		b.uploads(whole.Write("7000000001", all, 1_000_000, novemberDay(20)))
		if found := b.day(); len(found) != 0 {
			t.Errorf("%s: before the plant the day shows %+v", name, found)
		}
		if plant(b); len(b.day()) == 0 {
			t.Errorf("%s, and the day closes", name)
		}
	}
}
