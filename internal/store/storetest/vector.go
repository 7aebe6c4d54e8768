package storetest

import (
	"fmt"
	"testing"

	"github.com/paywatt/paywatt/internal/ledger"
	"github.com/paywatt/paywatt/internal/store"
)

// operation is one row of docs/reference/postings.md#operations. Debits are positive.
type operation struct {
	ref  string
	post []ledger.Posting
}

// line is one posting of an operation.
func line(c ledger.Code, subject string, amount ledger.Minor) ledger.Posting {
	return ledger.Posting{Account: account(c, subject), Amount: amount}
}

// operations returns the operations of the ledger integration vector, in its order.
func operations() []operation {
	return []operation{
		{"P1", []ledger.Posting{line(ledger.Till, "main", 10000), line(ledger.RevenueEnergy, "", -8675), line(ledger.VATPayable, "", -1301), line(ledger.Carry, "a", -24)}},
		{"P2", []ledger.Posting{line(ledger.Clearing, "mpesa", 10000), line(ledger.Unapplied, "p2", -10000)}},
		{"P3", []ledger.Posting{line(ledger.Unapplied, "p2", 10000), line(ledger.RevenueEnergy, "", -8675), line(ledger.VATPayable, "", -1301), line(ledger.Carry, "b", -24)}},
		{"P4", []ledger.Posting{line(ledger.Bank, "1", 9945), line(ledger.ExpenseProvider, "", 55), line(ledger.Clearing, "mpesa", -10000)}},
		{"P5", []ledger.Posting{line(ledger.Bank, "1", 500000), line(ledger.Float, "v", -500000)}},
		{"P6", []ledger.Posting{line(ledger.Float, "v", 10000), line(ledger.RevenueEnergy, "", -8675), line(ledger.VATPayable, "", -1301), line(ledger.Carry, "c", -24)}},
		{"P7", []ledger.Posting{line(ledger.ExpenseCommission, "", 130), line(ledger.VATInput, "", 20), line(ledger.Float, "v", -150)}},
		{"P12", []ledger.Posting{line(ledger.Debt, "a:1", 60000), line(ledger.Opening, "", -60000)}},
		{"P8", []ledger.Posting{line(ledger.Till, "main", 50000), line(ledger.RevenueFixed, "", -9800), line(ledger.VATPayable, "", -1470),
			line(ledger.Debt, "a:1", -10000), line(ledger.RevenueEnergy, "", -24976), line(ledger.VATPayable, "", -3746), line(ledger.Carry, "d", -8)}},
		{"P11", []ledger.Posting{line(ledger.Float, "v", -10000), line(ledger.RevenueEnergy, "", 8675), line(ledger.VATPayable, "", 1301), line(ledger.Carry, "c", 24)}},
		{"P7'", []ledger.Posting{line(ledger.ExpenseCommission, "", -130), line(ledger.VATInput, "", -20), line(ledger.Float, "v", 150)}},
		{"P14", []ledger.Posting{line(ledger.Till, "main", 5750), line(ledger.RevenueServices, "", -5000), line(ledger.VATPayable, "", -750)}},
		{"P15", []ledger.Posting{line(ledger.Clearing, "mpesa", 10000), line(ledger.Wallet, "w", -10000)}},
		{"P16", []ledger.Posting{line(ledger.Wallet, "w", 287), line(ledger.RevenueEnergy, "", -250), line(ledger.VATPayable, "", -37)}},
		{"P17", []ledger.Posting{line(ledger.Wallet, "w", 326), line(ledger.RevenueFixed, "", -283), line(ledger.VATPayable, "", -43)}},
	}
}

func vectorOfPostings(t *testing.T, r Rig) {
	e := r.Open(t)
	for _, op := range operations() {
		must(t, e, func(tx *store.Tx) error {
			i, err := tx.NewID()
			if err != nil {
				return err
			}
			b, err := tx.Post(ledger.Journal{ID: i, Kind: ledger.Vend, Ref: op.ref, PostedAt: tx.Now, Postings: op.post})
			if b.Refused() {
				t.Errorf("%s broke a limit: %+v", op.ref, b)
			}
			return err
		})
	}
	lines := look(t, e, func(tx *store.Tx) ([]ledger.Posting, error) { return tx.TrialBalance() })
	got := ""
	for _, l := range lines {
		got += fmt.Sprintf("%d %d · ", l.Account.Code, l.Amount)
	}
	want := "1000 65750 · 1010 509945 · 1020 10000 · 1100 50000 · 2000 -9387 · 2020 -8648 · 2022 0 · 2040 -500000 · " +
		"2060 -56 · 2070 0 · 3000 -60000 · 4000 -42576 · 4010 -10083 · 4030 -5000 · 5000 0 · 5010 55 · "
	if got != want {
		t.Errorf("balances\n got  %s\n want %s", got, want)
	}
	verified(t, e)
}
