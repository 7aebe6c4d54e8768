package vending

import (
	"fmt"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/ledger"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/sale"
	"github.com/paywatt/paywatt/internal/tariff"
	"github.com/paywatt/paywatt/internal/vendor"
)

// poster stores the journal that a sale posts. Other calls fail.
type poster struct {
	Tx
	j      ledger.Journal
	breach ledger.Breach
}

func (p *poster) Books() ledger.Books {
	return posting{post: func(j ledger.Journal) (ledger.Breach, error) {
		p.j = j
		return p.breach, nil
	}}
}

func (p *poster) Vendors() vendor.Tx { return selling{books: p.Books()} }

func (p *poster) NewID() (id.ID, error) { return id.ID{1}, nil }

// posting is a [ledger.Books] that can only post a journal.
type posting struct {
	ledger.Books
	post func(ledger.Journal) (ledger.Breach, error)
}

func (p posting) NewID() (id.ID, error) { return id.ID{1}, nil }

func (p posting) Post(j ledger.Journal) (ledger.Breach, error) { return p.post(j) }

// selling is a [vendor.Tx] that has only the books.
type selling struct {
	vendor.Tx
	books ledger.Books
}

func (s selling) Books() ledger.Books { return s.books }

// purchaseP8 is P8 of docs/reference/postings.md: 500.00 with a fixed charge of 112.70 and 20 % towards a debt.
func purchaseP8(t *testing.T) (priced, sale.Sale) {
	t.Helper()
	split, err := tariff.Allocate(tariff.Purchase{Tender: 50000,
		Body: tariff.Body{Currency: "KES", VATBps: 1500, Blocks: []tariff.Block{{UpTo: 50_000, Rate: 1_200_000}, {Rate: 1_600_000}}},
		Charges: []tariff.Charge{
			{Kind: tariff.Fixed, Ref: "standing 2026-11", Priority: tariff.FixedPriority, Mode: tariff.Full, Outstanding: 11270, VATBps: 1500, Capped: true},
			{Kind: tariff.Debt, Ref: "dbt_d", Priority: tariff.DebtPriority, Mode: tariff.Percent, Percent: 2000, Outstanding: 60000, Capped: true}}})
	if err != nil || split.Refused() {
		t.Fatalf("allocate: %v %s", err, split.Detail())
	}
	p := priced{split: split}
	return p, sale.Sale{ID: id.ID{2}, Account: id.ID{3}, Till: ledger.MainTill, Tender: money.Amount{Minor: 50000, Currency: "KES"},
		CarryOut: split.CarryOut, Lines: p.lines()}
}

func TestLinesOfASaleWithChargesSumToTheTender(t *testing.T) {
	_, s := purchaseP8(t)
	got := ""
	for _, l := range s.Lines {
		got += fmt.Sprintf("%s %d, ", l.Kind, l.Amount)
	}
	if want := "fixed 9800, debt 10000, energy 24976, vat 5216, carry 8, "; got != want {
		t.Errorf("lines = %s want %s", got, want)
	}
	if err := checkLines(s.Lines, 50000); err != nil {
		t.Error(err)
	}
	if err := checkLines(s.Lines, 50001); err == nil {
		t.Error("lines that do not sum to the tender were accepted")
	}
}

func TestAJournalIsPostedFromTheStoredLines(t *testing.T) {
	_, s := purchaseP8(t)
	var tx poster
	if _, err := post(&tx, s, time.Unix(0, 0)); err != nil {
		t.Fatal(err)
	}
	got := ""
	for _, p := range tx.j.Postings {
		got += fmt.Sprintf("%d %d, ", p.Account.Code, p.Amount)
	}
	if want := "1000 50000, 4010 -9800, 1100 -10000, 4000 -24976, 2020 -5216, 2060 -8, "; got != want {
		t.Errorf("postings = %s want %s", got, want)
	}
	if tx.j.Postings[2].Account.Subject != s.Account.Text(id.Account)+":dbt_d" || tx.j.Kind != ledger.Vend || tx.j.Ref != s.ID.Text(id.Vend) || tx.j.Memo != "" {
		t.Errorf("journal %+v", tx.j)
	}
	tx.breach = ledger.Breach{Account: tx.j.Postings[0].Account, Limit: ledger.Limit{Bound: ledger.NotBelow}}
	if _, err := post(&tx, s, time.Unix(0, 0)); err == nil {
		t.Error("a limit that no cash sale can break was broken, and the sale went on")
	}
	s.Meter.Simulated = true
	tx.breach = ledger.Breach{}
	if _, err := post(&tx, s, time.Unix(0, 0)); err != nil || tx.j.Memo != "TEST" {
		t.Errorf("the journal of a simulated meter has memo %q (%v), want TEST", tx.j.Memo, err)
	}
}
