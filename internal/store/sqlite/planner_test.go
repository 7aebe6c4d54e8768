package sqlite_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/paywatt/paywatt/internal/store"
	"github.com/paywatt/paywatt/internal/store/core"
	"github.com/paywatt/paywatt/internal/store/sqlite"
	"github.com/paywatt/paywatt/internal/tier"
)

// TestWhatIsAskedInEverySaleUsesItsIndex checks the plans of queries that could otherwise read all rows of the tenant, because tenant_id
// begins every key.
func TestWhatIsAskedInEverySaleUsesItsIndex(t *testing.T) {
	tier.World(t)
	e, err := sqlite.Open(t.TempDir(), sqlite.Options{Reserve: -1})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	}()
	for sql, index := range map[string]string{
		`SELECT CASE WHEN EXISTS (SELECT 1 FROM vend WHERE tenant_id = m.tenant_id AND (state = 'priced' OR state = 'held' OR state = 'issued'
			OR state = 'reversing') AND (meter = m.n OR account_id = m.account_id)) THEN 1 ELSE 0 END FROM meter m WHERE m.tenant_id = 1 AND m.number = 'x'`: "vend_open",
		`SELECT id FROM vend WHERE tenant_id = 1 AND vendor_key = '' AND client_ref = 'x'`: "sqlite_autoindex_vend_2",
		`SELECT tid FROM token WHERE tenant_id = 1 AND vend_id = x'00' ORDER BY tid`:       "token_vend",
		`SELECT id FROM token WHERE tenant_id = 1 AND meter_key_id IN (SELECT k.id FROM meter_key k WHERE k.tenant_id = 1 AND k.meter = 2)
			AND id < x'00' ORDER BY id DESC LIMIT 3`: "sqlite_autoindex_token_2",
		`SELECT id FROM meter_key WHERE tenant_id = 1 AND meter = 2 AND state <> 'past'`:                   "meter_key_meter",
		`SELECT n FROM ledger_account WHERE tenant_id = 1 AND code = 1000 AND subject = 'main'`:            "sqlite_autoindex_ledger_account_2",
		`SELECT id FROM command WHERE tenant_id = 1 AND meter = 2 AND id < x'00' ORDER BY id DESC LIMIT 3`: "command_meter",
		`SELECT id FROM journal WHERE tenant_id = 1 AND seal_n IS NULL`:                                    "journal_unsealed",
		`SELECT DISTINCT journal_id FROM posting WHERE tenant_id = 1 AND account = 2 AND journal_id < x'00' AND listed = 1
			ORDER BY journal_id DESC LIMIT 3`: "posting_account",
		`SELECT SUM(p.amount) FROM posting p JOIN journal j ON j.tenant_id = p.tenant_id AND j.id = p.journal_id
			WHERE p.tenant_id = 1 AND p.account = 2 AND p.journal_id >= x'00' AND j.posted_at > 3 AND listed = 1`: "posting_account",
		`SELECT o.next_at FROM outbox o WHERE o.tenant_id = 1 AND o.lane = 'mqtt' AND o.dead_at IS NULL AND o.owner_until <= o.next_at
			ORDER BY o.next_at LIMIT 1`: "outbox_due",
		`SELECT o.owner_until FROM outbox o WHERE o.tenant_id = 1 AND o.lane = 'mqtt' AND o.dead_at IS NULL AND o.owner_until > 0
			AND o.owner_until > o.next_at ORDER BY o.owner_until LIMIT 1`: "outbox_held",
		`SELECT SUM(v.tender) FROM meter m JOIN vend v ON v.tenant_id = m.tenant_id AND v.meter = m.n
			WHERE m.tenant_id = 1 AND m.id = x'00' AND vendor_key = '' AND payment_id IS NULL AND v.created_at >= 2 AND v.created_at < 3`: "vend_meter",
		`SELECT t.id FROM token t JOIN meter m ON m.tenant_id = t.tenant_id AND m.n = t.meter WHERE t.tenant_id = 1 AND t.digits_tail = x'00'
			ORDER BY t.id DESC LIMIT 3`: "token_tail",
		`SELECT id FROM token WHERE tenant_id = 1 AND digits_tail IS NULL AND digits_enc IS NOT NULL AND id > x'00' ORDER BY id LIMIT 3`: "token_without_tail",
		`SELECT COUNT(*), SUM(tender), SUM(units_wh) FROM vend WHERE tenant_id = 1 AND till = 'main' AND id >= x'00'`:                    "PRIMARY KEY",
		`SELECT COUNT(*), SUM(tender), SUM(units_wh), state FROM vend WHERE tenant_id = 1 AND id >= x'00'
			AND (state = 'failed' OR state = 'reversed') GROUP BY state`: "vend_ended",
		`SELECT COUNT(*), SUM(tender), SUM(units_wh), state FROM vend WHERE tenant_id = 1 AND id >= x'00'
			AND (state = 'priced' OR state = 'held' OR state = 'issued' OR state = 'reversing') GROUP BY state`: "vend_open",
		`SELECT id FROM vend WHERE tenant_id = 1 AND state = 'reversed' AND id < x'ff' ORDER BY id DESC LIMIT 51`:          "vend_ended",
		`SELECT COUNT(*), SUM(tender), SUM(units_wh) FROM vend WHERE tenant_id = 1 AND state = 'reversed' AND id >= x'00'`: "vend_ended",
		`SELECT by_actor, COUNT(*), SUM(tender), SUM(CASE WHEN state = 'reversed' THEN tender ELSE 0 END) FROM vend
			WHERE tenant_id = 1 AND completed_at >= 2 AND completed_at < 3 AND vendor_key = '' AND payment_id IS NULL AND shift_id IS NULL
				AND tender > 0 AND state IN ('completed', 'reversing', 'reversed') GROUP BY by_actor`: "COVERING INDEX vend_without_shift",
		`SELECT actor, after FROM audit WHERE tenant_id = 1 AND action = 'voucher.sell' AND at >= 2 AND at < 3`: "audit_vouchers_sold",
		`SELECT id FROM vend WHERE tenant_id = 1 AND receipt_no = 'main-000001'`:                                "vend_receipt",
		`SELECT COUNT(*), MAX(seq) FROM outbox WHERE tenant_id = 1 AND lane = 'mqtt' AND key = 'x'`:             "sqlite_autoindex_outbox_2",
	} {
		var plan []string
		err := e.View(context.Background(), store.FirstTenant, func(tx *store.Tx) error {
			return tx.C.Query(`EXPLAIN QUERY PLAN `+sql, func(r core.Row) error { plan = append(plan, r.Text(3)); return nil })
		})
		if err != nil || !strings.Contains(strings.Join(plan, "; "), index+" ") {
			t.Errorf("%s\nis planned as %q (%v), want it to use %s", sql, plan, err, index)
		}
	}
}

// TestNoInsertBuildsATable checks that no INSERT builds a temporary table. SQLite would build one for every row if a condition of a table
// or of a partial index had IN with three or more values. Such conditions use = and OR instead.
func TestNoInsertBuildsATable(t *testing.T) {
	tier.World(t)
	e, err := sqlite.Open(t.TempDir(), sqlite.Options{Reserve: -1})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	}()
	err = e.View(context.Background(), store.FirstTenant, func(tx *store.Tx) error {
		var tables []string
		err := tx.C.Query(`SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'`,
			func(r core.Row) error { tables = append(tables, r.Text(0)); return nil })
		if len(tables) < 40 {
			t.Errorf("found only %d tables", len(tables))
		}
		for _, name := range tables {
			err = errors.Join(err, tx.C.Query(`EXPLAIN INSERT INTO `+name+` DEFAULT VALUES`, func(r core.Row) error {
				if r.Text(1) == "OpenEphemeral" {
					t.Errorf("an INSERT INTO %s builds a table", name)
				}
				return nil
			}))
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}
