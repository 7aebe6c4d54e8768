package storetest

import (
	"reflect"
	"strings"
	"testing"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/store"
	"github.com/paywatt/paywatt/internal/store/core"
)

// counting is a connection that counts its queries, by their text.
type counting struct {
	core.Conn
	queries map[string]int
}

func (c counting) Query(sql string, fn func(core.Row) error, args ...any) error {
	c.queries[sql]++
	return c.Conn.Query(sql, fn, args...)
}

// asked returns how often each query of a view runs.
func asked(t *testing.T, e store.Engine, view func(tx *store.Tx) error) map[string]int {
	t.Helper()
	return look(t, e, func(tx *store.Tx) (map[string]int, error) {
		c := counting{tx.C, map[string]int{}}
		tx.C = c
		defer func() { tx.C = c.Conn }()
		return c.queries, view(tx)
	})
}

// verification verifies the first tenant. It returns the report and how often each query ran.
func verification(t *testing.T, e store.Engine) (r store.Report, queries map[string]int) {
	t.Helper()
	queries = asked(t, e, func(tx *store.Tx) error {
		r = store.Report{}
		return store.Verify(tx, store.Trust{}, &r)
	})
	return r, queries
}

// walletsListed reads the records of some wallet meters with one query each for the meters, their wallets and the money of their accounts. Each
// record has the same view as the meter alone.
func walletsListed(t *testing.T, e store.Engine, meters int) {
	var all []registry.MeterRecord
	queries := asked(t, e, func(tx *store.Tx) (err error) {
		all, err = tx.MeterRecords(id.ID{}, 2*meters)
		return err
	})
	total := 0
	for _, n := range queries {
		total += n
	}
	if len(all) != meters || total != 3 {
		t.Errorf("%d records, want %d, in %d queries, want 3: %v", len(all), meters, total, queries)
	}
	look(t, e, func(tx *store.Tx) (struct{}, error) {
		for _, rec := range all {
			alone, err := tx.MoneyForMeter(rec.Meter.N, "KES")
			if err != nil {
				return struct{}{}, err
			}
			if alone == nil || alone.Settled.Minor == 0 || !reflect.DeepEqual(rec.Wallet.Money, alone) {
				t.Errorf("meter %s in the list: %+v, alone: %+v", rec.Meter.Number, rec.Wallet.Money, alone)
			}
		}
		return struct{}{}, nil
	})
}

// walletsVerified verifies and lists a few wallets, and then more wallets, each of which has a tariff and an account of its own, journals and accrued use, a
// reading held for review, a meter that it replaced and the answer of a request.
func walletsVerified(t *testing.T, r Rig) {
	e := r.Open(t)
	const few, many = 3, 12 // many are still one slice, and their journals one chunk
	add := func(n int64) {
		p := addWalletMeter(t, e, n, 100_000)
		outcomes(t, e, p.boot(1, 9), p.use(1, 1000), p.use(2, 2000))
		p.pay(t, e, 1000)
		outcomes(t, e, p.use(3, 3000), p.use(4, 0))
		if w := p.row(t, e); w.Posted == 0 || len(w.Parts) == 0 || !w.Held.Stopped() {
			t.Fatalf("%+v, want use that is posted, use that is accrued and a held reading", w.State)
		}
		must(t, e, func(tx *store.Tx) error {
			_, err := tx.C.Exec(`INSERT INTO meter_swap (tenant_id, id, old_meter, new_meter, account_id, at, reason, by_actor) VALUES ($1, $2, $3, $4, $5, 1, 'x', 'x')`,
				tx.Tenant, p.ID, n+1000, n, p.account)
			if err == nil {
				_, err = tx.C.Exec(`INSERT INTO wallet_day (tenant_id, meter, day, wh, debit) VALUES ($1, $2, '2026-01-01', 1, 0)`, tx.Tenant, n+1000)
			}
			if err == nil {
				err = tx.OncePut(access.Once{Principal: "key x", Key: p.Number}, 201, []byte("sealed"), true)
			}
			if err == nil {
				err = tx.AuditLog(access.Entry{Actor: "key x", Action: "x", Object: p.Number}) // it has the evidence of the answer
			}
			return err
		})
	}
	for n := range int64(few) {
		add(n + 1)
	}
	r.seal(t, e)
	_, before := verification(t, e)
	walletsListed(t, e, few)
	for n := range int64(many - few) {
		add(n + few + 1)
	}
	r.seal(t, e)
	walletsListed(t, e, many)
	if len(before) < 20 {
		t.Errorf("a verification makes %d queries", len(before))
	}
	report, after := verification(t, e)
	for sql, n := range after {
		if n > before[sql] && !strings.Contains(sql, "FROM seal_leaf l") { // asked for each seal
			t.Errorf("a verification of %d wallets runs this query %d times, one of %d wallets %d times: %s", few, before[sql], many, n, sql)
		}
	}
	if found := heldFindings(report); len(found) > 0 {
		t.Errorf("every reading at which rating stopped is held for review, but a verification finds %q", found)
	}
	must(t, e, func(tx *store.Tx) error {
		_, err := tx.C.Exec(`UPDATE quarantine SET state = 'discarded' WHERE meter = 2 AND kind = 'rating'`)
		return err
	})
	report, _ = verification(t, e)
	if found := heldFindings(report); len(found) != 1 || !strings.Contains(found[0], "Meter 04140000002 has not been charged since record 4, but 0 of its readings") {
		t.Errorf("the reading at which rating of meter 2 stopped is not held for review any more, but a verification finds %q", found)
	}
}

// heldFindings returns the findings about readings that should be held for review.
func heldFindings(r store.Report) (found []string) {
	for _, f := range r.Findings {
		if strings.Contains(f.What, "has not been charged since record") {
			found = append(found, f.What)
		}
	}
	return found
}
