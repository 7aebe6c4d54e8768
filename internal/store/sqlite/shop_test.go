package sqlite_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"strconv"
	"testing"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/job"
	"github.com/paywatt/paywatt/internal/ledger"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/proof"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/sale"
	"github.com/paywatt/paywatt/internal/store"
	"github.com/paywatt/paywatt/internal/store/storetest"
	"github.com/paywatt/paywatt/internal/vending"
	"github.com/paywatt/paywatt/sts"
)

// sold is the result of a closure.
type sold struct{ n int64 }

// someEntry returns an audit row.
func someEntry() access.Entry { return access.Entry{Actor: "apikey till", Action: "test.act"} }

// customer returns the account of a customer of these tests; a customer's meter, key and account share a number.
func customer(n int64) id.ID { return id.ID{0: 1, 13: byte(n >> 16), 14: byte(n >> 8), 15: byte(n)} }

// stock makes the meters and meter keys that sales need.
func stock(t testing.TB, e store.Engine, customers int64) {
	t.Helper()
	for from := int64(0); from < customers; from += 500 {
		sell(t, e, func(tx *store.Tx) (sold, error) {
			for n := from; n < min(from+500, customers); n++ {
				if _, err := tx.NextMeterN(); err != nil {
					return sold{}, err
				}
				if err := tx.AddMeterKey(registry.Key{ID: customer(n), Meter: n, SGC: "123456", KRN: 1, KT: 2, TI: "01", KEN: 255, EA: sts.EA07,
					DKGA: sts.DKGA02, BaseDate: sts.Base2014, From: tx.Now, State: "current"}); err != nil {
					return sold{}, err
				}
				if err := tx.AddMeterRow(registry.Meter{ID: customer(n), N: n, Number: meterNumber(n), Mode: registry.PrepayToken,
					Status: registry.Active, Account: customer(n), Phases: 1, ImpPerKWh: 1000, CreatedAt: tx.Now}, nil, nil); err != nil {
					return sold{}, err
				}
			}
			return sold{}, nil
		})
	}
}

// meterNumber returns the number of a customer's meter.
func meterNumber(n int64) string { return fmt.Sprintf("%011d", n) }

// sell runs a closure that cannot fail.
func sell(t testing.TB, e store.Engine, fn func(*store.Tx) (sold, error)) sold {
	t.Helper()
	s, err := storetest.Do(context.Background(), e, store.FirstTenant, store.Sale, fn)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// sellOne writes the same rows as a real sale of 100.00 for 34.7 kWh, in about as many statements: request, sale with lines and token, key,
// month, journal of four postings, receipt number, audit row, outbox, answer.
func sellOne(n, customers int64) func(*store.Tx) (sold, error) {
	return func(tx *store.Tx) (sold, error) {
		once := access.Once{Principal: "till", Key: "sale-" + strconv.FormatInt(n, 10), Hash: sha256.Sum256([]byte{byte(n)})}
		if kept, err := tx.OnceTake(once); err != nil || kept != nil {
			return sold{}, errors.Join(err, errors.New("sold before"))
		}
		vend, err := tx.NewID()
		if err != nil {
			return sold{}, err
		}
		receipt, err := tx.Take("receipt:main")
		if err != nil {
			return sold{}, err
		}
		key, err := keyOf(tx, customer(n%customers))
		if err != nil {
			return sold{}, err
		}
		s := saleOf(tx, vend, once, max(sts.TID(n), key.LastTID+1), n%customers, fmt.Sprintf("main-%06d", receipt))
		if err := tx.VendSell(s, s.OrderHash()); err != nil {
			return sold{}, err
		}
		if err := book(tx, vend, n%customers); err != nil {
			return sold{}, err
		}
		says, err := vending.Evidence(s, sale.Facts{Key: key})
		if err != nil {
			return sold{}, err
		}
		if err := tx.AuditLog(access.Entry{Actor: "apikey till", Action: proof.Action, Object: vend.Text(id.Vend), After: says}); err != nil {
			return sold{}, err
		}
		_, err = tx.Enqueue(job.Item{Lane: "mqtt", Key: strconv.FormatInt(n, 10), Kind: "token", Body: []byte(`{"token_id":"tok_1"}`)})
		if err != nil {
			return sold{}, err
		}
		return sold{n: n}, tx.OncePut(once, 201, make([]byte, 900), true)
	}
}

// saleOf returns a sale of 100.00 as it is stored.
func saleOf(tx *store.Tx, vend id.ID, once access.Once, tid sts.TID, who int64, receipt string) sale.Sale {
	owner := customer(who)
	return sale.Sale{ID: vend, Mode: registry.PrepayToken, ClientRef: once.Key, Meter: sale.MeterRef{ID: owner, N: who, Number: meterNumber(who)}, Account: owner,
		State: sale.Completed, Tender: money.Amount{Minor: 10000, Currency: "KES"}, CarryOut: 24, Units: 34700, Month: "2026-11",
		Tariff: vend, ReceiptNo: receipt, Till: "main", By: "till", PricedAt: tx.Now, CompletedAt: tx.Now, Key: owner,
		Lines: []sale.Line{
			{Kind: sale.LineEnergy, Amount: 8675, Steps: []sale.Step{{Units: 34700, Rate: 2500000, Amount: 8675}}},
			{Kind: sale.LineVAT, Amount: 1301}, {Kind: sale.LineCarry, Amount: 24}},
		Tokens: []sale.Token{{ID: vend, Sale: vend, Meter: who, TID: tid, BaseDate: sts.Base2014, RND: 5, Units: 34700,
			State: sale.TokenIssued, IssuedAt: tx.Now, Sealed: make([]byte, 60), Hash: vend[:]}}}
}

// keyOf reads a meter key.
func keyOf(tx *store.Tx, key id.ID) (registry.Key, error) {
	k, found, err := tx.VendKey(key)
	if err == nil && !found {
		err = store.ErrNotFound
	}
	return k, err
}

// book posts the journal of a sale.
func book(tx *store.Tx, vend id.ID, who int64) error {
	i, err := tx.NewID()
	if err != nil {
		return err
	}
	b, err := tx.Post(ledger.Journal{ID: i, Kind: ledger.Vend, Ref: vend.Text(id.Vend), PostedAt: tx.Now, Postings: []ledger.Posting{
		{Account: ledger.AccountRef{Code: ledger.Till, Subject: ledger.MainTill}, Amount: 10000},
		{Account: ledger.AccountRef{Code: ledger.RevenueEnergy}, Amount: -8675},
		{Account: ledger.AccountRef{Code: ledger.VATPayable}, Amount: -1301},
		{Account: ledger.AccountRef{Code: ledger.Carry, Subject: customer(who).Text(id.Account)}, Amount: -24}}})
	if b.Refused() {
		err = errors.Join(err, fmt.Errorf("limit: %+v", b))
	}
	return err
}
