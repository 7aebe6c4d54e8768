package sqlite_test

import (
	"context"
	"crypto/sha256"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/job"
	"github.com/paywatt/paywatt/internal/ledger"
	"github.com/paywatt/paywatt/internal/store"
	"github.com/paywatt/paywatt/internal/store/sqlite"
)

// saleLike writes what a sale writes, with about as many statements: request, sale with lines and token, month,
// journal of four postings, receipt number, audit row, outbox.
func saleLike(tx *store.Tx, n int64, customers int64) (sold, error) {
	once := access.Once{Principal: "bench", Key: strconv.FormatInt(n, 10), Hash: sha256.Sum256([]byte{byte(n)})}
	if kept, err := tx.OnceTake(once); err != nil || kept != nil {
		return sold{}, err
	}
	vend, err := tx.NewID()
	if err != nil {
		return sold{}, err
	}
	account := id.ID{15: byte(n % customers), 14: byte(n % customers >> 8), 0: 1}
	for _, insert := range []struct {
		sql  string
		args []any
	}{
		{`INSERT INTO vend (tenant_id, id, client_ref, order_hash, meter, account_id, mode, state, currency, tender, month,
			tariff_version_id, by_actor, priced_at, created_at)
			VALUES ($1, $2, $3, $4, $5, $6, 'prepay_token', 'completed', 'KES', 10000, '2026-11', $2, 'bench', $7, $7)`,
			[]any{tx.Tenant, vend, once.Key, once.Hash[:], n % customers, account, tx.Now}},
		{`INSERT INTO vend_line (tenant_id, vend_id, seq, kind, amount) VALUES ($1, $2, 0, 'energy', 8675)`, []any{tx.Tenant, vend}},
		{`INSERT INTO vend_line (tenant_id, vend_id, seq, kind, amount) VALUES ($1, $2, 1, 'vat', 1301)`, []any{tx.Tenant, vend}},
		{`INSERT INTO vend_line (tenant_id, vend_id, seq, kind, amount) VALUES ($1, $2, 2, 'carry', 24)`, []any{tx.Tenant, vend}},
		{`INSERT INTO token (tenant_id, id, vend_id, meter, meter_key_id, tid, base_date, class, subclass, rnd, units_wh,
			digits_enc, digits_hash, state, issued_at, created_at)
			VALUES ($1, $2, $2, $3, $4, $5, 2014, 0, 0, 5, 34700, $6, $7, 'issued', $8, $8)`,
			[]any{tx.Tenant, vend, n % customers, account, n, make([]byte, 60), append([]byte(once.Key), vend[:]...), tx.Now}},
		{`INSERT INTO usage_month (tenant_id, account_id, month, units_wh) VALUES ($1, $2, '2026-11', 34700)
			ON CONFLICT (tenant_id, account_id, month) DO UPDATE SET units_wh = usage_month.units_wh + 34700`, []any{tx.Tenant, account}},
	} {
		if _, err := tx.C.Exec(insert.sql, insert.args...); err != nil {
			return sold{}, err
		}
	}
	journal, err := tx.NewID()
	if err != nil {
		return sold{}, err
	}
	b, err := tx.Post(ledger.Journal{ID: journal, Kind: ledger.Vend, Ref: vend.Text(id.Vend), PostedAt: tx.Now, Postings: []ledger.Posting{
		{Account: ledger.AccountRef{Code: ledger.Till, Subject: ledger.MainTill}, Amount: 10000},
		{Account: ledger.AccountRef{Code: ledger.RevenueEnergy}, Amount: -8675},
		{Account: ledger.AccountRef{Code: ledger.VATPayable}, Amount: -1301},
		{Account: ledger.AccountRef{Code: ledger.Carry, Subject: account.Text(id.Account)}, Amount: -24}}})
	if err != nil || b.Refused() {
		return sold{}, err
	}
	if _, err := tx.Take("receipt:main"); err != nil {
		return sold{}, err
	}
	if err := tx.AuditLog(access.Entry{Actor: "bench", Action: "vend.sell", Object: vend.Text(id.Vend)}); err != nil {
		return sold{}, err
	}
	if _, err := tx.Enqueue(job.Item{Lane: "mqtt", Key: strconv.FormatInt(n%customers, 10), Kind: "token",
		Body: []byte(`{"token_id":"tok_1"}`), NextAt: tx.Now.Add(time.Hour)}); err != nil {
		return sold{}, err
	}
	return sold{n: n}, tx.OncePut(once, 201, make([]byte, 900), true)
}

// BenchmarkSales is durable sales per second from eight callers.
func BenchmarkSales(b *testing.B) {
	e, err := sqlite.Open(b.TempDir(), sqlite.Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer e.Close()
	var next atomic.Int64
	b.SetParallelism(4) // times two processors: eight callers
	b.ReportAllocs()
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			n := next.Add(1)
			if _, err := store.Do(context.Background(), e, store.FirstTenant, store.Sale, func(tx *store.Tx) (sold, error) {
				return saleLike(tx, n, 2000)
			}); err != nil {
				b.Error(err)
				return
			}
		}
	})
	b.StopTimer()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "sales/s")
	s := e.Stats()
	b.ReportMetric(float64(s.Work)/float64(s.Batches), "sales/commit")
}

// sold is a closure's value.
type sold struct{ n int64 }
