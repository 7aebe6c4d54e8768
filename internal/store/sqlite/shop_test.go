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
	"github.com/paywatt/paywatt/internal/store"
	"github.com/paywatt/paywatt/internal/vending"
	"github.com/paywatt/paywatt/sts"
)

// sold is a closure's value.
type sold struct{ n int64 }

// someEntry is an audit row.
func someEntry() access.Entry { return access.Entry{Actor: "apikey till", Action: "test.act"} }

// statement is one insert of a sale.
type statement struct {
	sql  string
	args []any
}

// customer is the account of a customer of these tests; their meter, key and account share a number.
func customer(n int64) id.ID { return id.ID{0: 1, 13: byte(n >> 16), 14: byte(n >> 8), 15: byte(n)} }

// stock makes the meters and meter keys that sales need.
func stock(t testing.TB, e store.Engine, customers int64) {
	t.Helper()
	for from := int64(0); from < customers; from += 500 {
		sell(t, e, func(tx *store.Tx) (sold, error) {
			for n := from; n < min(from+500, customers); n++ {
				if _, err := tx.C.Exec(`INSERT INTO meter_key (tenant_id, id, meter, sgc, krn, kt, ti, ken, ea, dkga, base_date, from_at, created_at)
					VALUES ($1, $2, $3, '123456', 1, 2, '01', 255, '07', '02', 2014, $4, $4)`, tx.Tenant, customer(n), n, tx.Now); err != nil {
					return sold{}, err
				}
				if _, err := tx.C.Exec(`INSERT INTO meter (tenant_id, id, n, number, mode, created_at) VALUES ($1, $2, $3, $4, 'prepay_token', $5)`,
					tx.Tenant, customer(n), n, meterNumber(n), tx.Now); err != nil {
					return sold{}, err
				}
			}
			return sold{}, nil
		})
	}
}

// meterNumber is the number of a customer's meter.
func meterNumber(n int64) string { return fmt.Sprintf("%011d", n) }

// sell runs a closure that cannot fail.
func sell(t testing.TB, e store.Engine, fn func(*store.Tx) (sold, error)) sold {
	t.Helper()
	s, err := store.Do(context.Background(), e, store.FirstTenant, store.Sale, fn)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// sale writes everything that a sale of 100.00 for 34.7 kWh writes, in about as many statements: request, sale with
// lines and token, key, month, journal of four postings, receipt number, audit row, outbox, answer.
func sale(n, customers int64) func(*store.Tx) (sold, error) {
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
		no := fmt.Sprintf("main-%06d", receipt)
		if err := reserve(tx, vend, once, n, n%customers, no); err != nil {
			return sold{}, err
		}
		if err := book(tx, vend, n%customers); err != nil {
			return sold{}, err
		}
		if err := tx.AuditLog(access.Entry{Actor: "apikey till", Action: vending.EvidenceOf, Object: vend.Text(id.Vend),
			After: vending.Sale{ClientRef: once.Key, Meter: vending.MeterRef{Number: meterNumber(n % customers)}, Tender: money.Amount{Minor: 10000, Currency: "KES"},
				Units: 34700, Month: "2026-11", Tariff: vend, By: "till", ReceiptNo: no, Tokens: []vending.Token{{TID: sts.TID(n), Units: 34700}}}.Evidence()}); err != nil {
			return sold{}, err
		}
		_, err = tx.Enqueue(job.Item{Lane: "mqtt", Key: strconv.FormatInt(n, 10), Kind: "token", Body: []byte(`{"token_id":"tok_1"}`)})
		if err != nil {
			return sold{}, err
		}
		return sold{n: n}, tx.OncePut(once, 201, make([]byte, 900), true)
	}
}

// reserve inserts the rows of a sale.
func reserve(tx *store.Tx, vend id.ID, once access.Once, n, who int64, receipt string) error {
	account := customer(who)
	for _, s := range []statement{
		{`INSERT INTO vend (tenant_id, id, client_ref, order_hash, meter, account_id, till, mode, state, currency, tender, carry_out,
			units_wh, month, tariff_version_id, receipt_no, by_actor, priced_at, created_at)
			VALUES ($1, $2, $3, $4, $5, $6, 'main', 'prepay_token', 'completed', 'KES', 10000, 24, 34700, '2026-11', $2, $7, 'till', $8, $8)`,
			[]any{tx.Tenant, vend, once.Key, once.Hash[:], who, account, receipt, tx.Now}},
		{`INSERT INTO vend_line (tenant_id, vend_id, seq, kind, amount, steps_json) VALUES ($1, $2, 0, 'energy', 8675, $3)`,
			[]any{tx.Tenant, vend, `[{"units_wh":34700,"rate_micro":2500000,"amount_minor":8675}]`}},
		{`INSERT INTO vend_line (tenant_id, vend_id, seq, kind, amount) VALUES ($1, $2, 1, 'vat', 1301)`, []any{tx.Tenant, vend}},
		{`INSERT INTO vend_line (tenant_id, vend_id, seq, kind, amount) VALUES ($1, $2, 2, 'carry', 24)`, []any{tx.Tenant, vend}},
		{`INSERT INTO token (tenant_id, id, vend_id, meter, meter_key_id, tid, base_date, class, subclass, rnd, units_wh,
			digits_enc, digits_hash, state, issued_at, created_at)
			VALUES ($1, $2, $2, $3, $4, $5, 2014, 0, 0, 5, 34700, $6, $7, 'issued', $8, $8)`,
			[]any{tx.Tenant, vend, who, account, n, make([]byte, 60), vend[:], tx.Now}},
		{`UPDATE meter_key SET last_tid = $1 WHERE tenant_id = $2 AND id = $3 AND last_tid < $1`, []any{n, tx.Tenant, account}},
		{`INSERT INTO usage_month (tenant_id, account_id, month, units_wh) VALUES ($1, $2, '2026-11', 34700)
			ON CONFLICT (tenant_id, account_id, month) DO UPDATE SET units_wh = usage_month.units_wh + 34700`, []any{tx.Tenant, account}},
	} {
		if _, err := tx.C.Exec(s.sql, s.args...); err != nil {
			return err
		}
	}
	return nil
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
