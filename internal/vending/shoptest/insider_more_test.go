package shoptest_test

import (
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/ledger"
	"github.com/paywatt/paywatt/internal/sale"
	"github.com/paywatt/paywatt/internal/store"
	"github.com/paywatt/paywatt/internal/store/core"
	"github.com/paywatt/paywatt/internal/store/storetest"
	"github.com/paywatt/paywatt/internal/tariff"
	"github.com/paywatt/paywatt/internal/vending"
)

// longShop is a busyShop with wallets billed by blocks, a reversal that waits for its meter, and a key change.
func longShop(t *testing.T) *shop {
	t.Helper()
	s := busyShop(t)
	s.clock.set(s.at("2026-11-10T06:00:00Z"))
	block := s.publish("blocks", tariff.Body{Currency: "KES", VATBps: 1500, Blocks: []tariff.Block{{UpTo: 3000, Rate: 1_000_000}, {Rate: 2_500_000}}}, long())
	w := s.walletMeter(20, block)
	s.sell(order(w, 50_000, "purse-01"))
	s.uses(w, 0, 1000)
	s.clock.add(24 * time.Hour)
	s.uses(w, 2000)
	s.sell(order(w, 1000, "purse-02")) // this recharge posts the use
	s.clock.add(24 * time.Hour)
	s.uses(w, 4000)
	changed := s.meter(21, place{tariff: block})
	s.sell(order(changed, 5000, "changed-01"))
	if g := s.give(ask(vending.Ask{Meter: changed, Kind: sale.KeyChange, Key: &vending.NextKey{KRN: 2}, ReasonCode: "key_campaign"}, "job-key-change")); g.Refused() {
		t.Fatal(g.Detail())
	}
	asked := s.meter(22, place{tariff: block})
	s.online.Store(asked, true)
	s.reversed(owner(), s.sell(order(asked, 5000, "asked-01")).Sale, "mistyped")
	s.sealed()
	return s
}

const (
	walletOff = `(SELECT w.register_wh - w.base_wh - w.posted_wh FROM wallet w WHERE w.meter = wallet_day.meter)`
	newestDay = `day = (SELECT MAX(d.day) FROM wallet_day d)`
	wrongID   = `substr(id, 1, 15)`
)

// lessPlainInsiders are edits by somebody who has read the schema and keeps the visible figures consistent.
func lessPlainInsiders() []insiderEdit {
	return append([]insiderEdit{
		{"let one person's key be another person", `UPDATE api_key SET answers = id`},
		{"let an API key sell for another vendor", `UPDATE api_key SET vendor_id = (SELECT id FROM vendor)`},
		{"make an API key without an identity", `INSERT INTO api_key (tenant_id, id, hash, role, created_at) SELECT tenant_id, ` + wrongID + `, id, 'owner', created_at FROM person`},
		{"make an API key of another tenant", `INSERT INTO api_key (tenant_id, id, hash, role, created_at) SELECT 9, id, id, 'owner', created_at FROM person`},
		{"give a person a second role", `INSERT INTO role_binding (tenant_id, person_id, role, created_at) SELECT tenant_id, id, 'owner', created_at FROM person`},
		{"let an approval be done", `UPDATE approval SET state = 'done'`},
		{"change what is approved", `UPDATE approval SET body = '{"amount":1}'`},
		{"move the tenant to another zone", `UPDATE tenant SET tz = 'Pacific/Auckland'`},
		{"tell of a restore that was none", `INSERT INTO meta (key, value) VALUES ('lost:2', '1 99999999999999999')`},
		{"move a sale to another tenant", `UPDATE vend SET tenant_id = 9 WHERE client_ref = 'plain-01'`},
		{"collect a debt's monthly cap twice", `UPDATE debt SET month = '', month_taken = 0`},
		{"let a debt look written off", `UPDATE debt SET status = 'written_off'`},
		{"collect a debt before others", `UPDATE debt SET created_at = created_at - 1000000000`},
		{"move a debt to another account", `UPDATE debt SET account_id = (SELECT account_id FROM vend WHERE client_ref = 'plain-01')`},
		{"move a debt to another account, in the ledger too", `UPDATE debt SET account_id = (SELECT account_id FROM vend WHERE client_ref = 'plain-01');
			UPDATE ledger_account SET subject = 'acc_' || subject WHERE code = 1100`},
		{"say that a charge was paid less", `UPDATE charge_due SET paid = paid - 1 WHERE paid > 0`},
		{"move a charge to another account", `UPDATE charge_due SET account_id = (SELECT account_id FROM vend WHERE client_ref = 'plain-01')`},
		{"take a month back to the cheap block", `UPDATE usage_month SET units_wh = free_wh`},
		{"book a month's units in the month before", `UPDATE usage_month SET month = '2026-10' WHERE month = '2026-11'`},
		{"move a sale over the end of a month", `UPDATE vend SET month = '2026-10', priced_at = priced_at - 86400000000 WHERE client_ref = 'plain-01';
			UPDATE usage_month SET units_wh = units_wh - (SELECT units_wh FROM vend WHERE client_ref = 'plain-01') WHERE account_id = (SELECT account_id FROM vend WHERE client_ref = 'plain-01');
			INSERT INTO usage_month (tenant_id, account_id, month, units_wh) SELECT tenant_id, account_id, '2026-10', units_wh FROM vend WHERE client_ref = 'plain-01'`},
		{"place a sale earlier in its month", `UPDATE vend SET mtd_before_wh = 0 WHERE client_ref = 'plain-03'`},
		{"swap the tokens of two sales to one meter", `UPDATE token SET vend_id = CASE vend_id WHEN ` + sale1 + ` THEN (SELECT id FROM vend WHERE client_ref = 'plain-03') ELSE ` + sale1 + ` END
			WHERE vend_id = ` + sale1 + ` OR vend_id = (SELECT id FROM vend WHERE client_ref = 'plain-03')`},
		{"swap two receipt numbers", `UPDATE vend SET receipt_no = receipt_no || 'x' WHERE client_ref IN ('plain-01', 'plain-02');
			UPDATE vend SET receipt_no = CASE client_ref WHEN 'plain-01' THEN (SELECT REPLACE(v.receipt_no, 'x', '') FROM vend v WHERE v.client_ref = 'plain-02') ELSE 'main-000003' END
			WHERE client_ref IN ('plain-01', 'plain-02')`},
		{"name a payment", `UPDATE vend SET payment_id = id WHERE client_ref = 'plain-01'`},
		{"book a commission's tax elsewhere", `UPDATE vend_seller SET commission_vat = commission_vat + 1`},
		{"let a vendor owe instead of paying", `UPDATE vend_seller SET account_code = 1150`},
		{"give another vendor the float", `UPDATE ledger_account SET subject = 'vnr_x' WHERE code = 2040`},
		{"answer a request as somebody else's", `UPDATE idempotency SET principal = 'key other' WHERE key = 'plain-01'`},
		{"change the status of an answer", `UPDATE idempotency SET status = 200 WHERE key = 'plain-01'`},
		{"hand out the tokens of a reversed sale", `UPDATE token SET state = 'issued' WHERE vend_id = ` + reversedS},
		{"reverse a sale by hand", `UPDATE vend SET state = 'reversing' WHERE client_ref = 'plain-03';
			INSERT INTO reversal (tenant_id, id, vend_id, state, reason, by_actor, created_at) SELECT tenant_id, id, id, 'waiting', 'x', by_actor, created_at FROM vend WHERE client_ref = 'plain-03'`},
		{"let units of a token be owed", owed},
		{"let units of a reversed token be owed", `UPDATE reversal_token SET taken = 'owed'`},
		{"let another command cancel a token", `UPDATE reversal_token SET command_id = token_id`},
		{"number meters anew", `UPDATE counter SET value = value - 1 WHERE name = 'meter'`},
		{"open a ledger account", `INSERT INTO ledger_account (tenant_id, id, n, code, subject, created_at) SELECT tenant_id, id, 9999, 4000, 'x', 1 FROM person`},
		{"add a roll-up", `INSERT INTO rollup (tenant_id, account, seal_n, balance) SELECT 1, n, 99, 5 FROM ledger_account WHERE code = 4000`},
		{"wait for a token that nobody asked for", held},
	}, walletInsiders()...)
}

func walletInsiders() []insiderEdit {
	return []insiderEdit{
		{"count a wallet's month from the cheap block", `UPDATE wallet SET month_wh = 0 WHERE month_wh > 0`},
		{"count more of a wallet's month", `UPDATE wallet SET month_wh = month_wh + 100000 WHERE month_wh > 0`},
		{"move a wallet's month and its days", `UPDATE wallet SET month_wh = 0 WHERE month_wh > 0; UPDATE wallet_day SET day = REPLACE(day, '2026-11', '2026-09')`},
		{"forgive energy that is not posted yet, everywhere", `UPDATE wallet_day SET wh = wh - ` + walletOff + `, debit = debit - (SELECT accrued FROM wallet w WHERE w.meter = wallet_day.meter) WHERE ` + newestDay + `;
			UPDATE wallet SET base_wh = register_wh - posted_wh, month_wh = month_wh - (register_wh - base_wh - posted_wh), debited = debited - accrued, accrued = 0, parts = '' WHERE accrued > 0`},
		{"lower what is not posted yet, everywhere", `UPDATE wallet_day SET debit = debit - 100 WHERE ` + newestDay + `;
			UPDATE wallet SET debited = debited - 100, accrued = accrued - 100, parts = REPLACE(parts, '"debit":' || accrued, '"debit":' || (accrued - 100)) WHERE accrued > 100`},
		{"price what is not posted yet by a rate that there is not", `UPDATE wallet_day SET debit = debit - 100 WHERE ` + newestDay + `;
			UPDATE wallet SET debited = debited - 100, accrued = accrued - 100, parts = REPLACE(REPLACE(parts, '"debit":' || accrued, '"debit":' || (accrued - 100)), '2500000', '2000000') WHERE accrued > 100`},
	}
}

// held is a pending sale of a thousand kilowatt-hours for one cent, with all its rows. Its identity is unused.
const held = `INSERT INTO vend (tenant_id, id, client_ref, order_hash, meter, meter_key_id, account_id, till, mode, state, currency, tender, units_wh, month, mtd_before_wh,
		tariff_version_id, by_actor, priced_at, created_at)
		SELECT tenant_id, meter_key_id, 'ghost', order_hash, meter, meter_key_id, account_id, till, mode, 'held', currency, 1, 1000000, month, 0, tariff_version_id, by_actor, priced_at, created_at
		FROM vend WHERE client_ref = 'plain-01';
	INSERT INTO vend_line (tenant_id, vend_id, seq, kind, amount, units_wh, steps_json) SELECT tenant_id, id, 0, 'energy', 1, 1000000, '[{"Units":1000000,"Rate":1,"Amount":1}]' FROM vend WHERE client_ref = 'ghost';
	INSERT INTO token (tenant_id, id, vend_id, meter, meter_key_id, tid, base_date, class, subclass, rnd, units_wh, state, issued_at, created_at)
		SELECT g.tenant_id, g.account_id, g.id, t.meter, t.meter_key_id, t.tid + 5, t.base_date, 0, 0, 1, 1000000, 'reserved', t.issued_at, g.created_at
		FROM token t, vend g WHERE t.vend_id = ` + sale1 + ` AND g.client_ref = 'ghost';
	UPDATE usage_month SET units_wh = units_wh + 1000000 WHERE account_id = (SELECT account_id FROM vend WHERE client_ref = 'plain-01')`

// owed makes the server replace a sold token that is good.
const owed = `INSERT INTO reversal_token (tenant_id, reversal_id, token_id, command_id, taken) SELECT tenant_id, id, id, id, 'owed' FROM token WHERE vend_id = ` + sale1

// deposited writes a deposit into a vendor's float as the server does, but without the seal.
func deposited(tx *store.Tx) error {
	i, err := tx.NewID()
	if err != nil {
		return err
	}
	refs := map[ledger.Code]ledger.AccountRef{}
	numbers := map[ledger.Code]int64{}
	err = tx.C.Query(`SELECT code, subject, n FROM ledger_account WHERE code IN (1010, 2040)`, func(r core.Row) error {
		code := ledger.Code(r.Int(0))
		refs[code], numbers[code] = ledger.AccountRef{Code: code, Subject: r.Text(1)}, r.Int(2)
		return nil
	})
	if err != nil {
		return err
	}
	j := ledger.Journal{ID: i, Kind: ledger.DepositIn, Ref: "main:SLIP 9", PostedAt: tx.Now, Postings: []ledger.Posting{
		{Account: refs[1010], Amount: 1_000_000}, {Account: refs[2040], Amount: -1_000_000}}}
	leaf := ledger.Leaf(j)
	if _, err = tx.C.Exec(`INSERT INTO journal (tenant_id, id, kind, ref, posted_at, leaf) VALUES ($1, $2, $3, $4, $5, $6)`,
		tx.Tenant, j.ID, string(j.Kind), j.Ref, j.PostedAt, leaf[:]); err != nil {
		return err
	}
	for seq, p := range j.Postings {
		if _, err = tx.C.Exec(`INSERT INTO posting (tenant_id, journal_id, seq, account, amount, listed) VALUES ($1, $2, $3, $4, $5, 1)`,
			tx.Tenant, j.ID, seq, numbers[p.Account.Code], p.Amount); err != nil {
			return err
		}
	}
	return script(`UPDATE ledger_account SET balance = balance - 1000000 WHERE code = 2040`)(tx)
}

// TestVerifyFindsTheLessPlainEdits: verification finds every edit that changes what somebody owes or gets.
func TestVerifyFindsTheLessPlainEdits(t *testing.T) {
	needsWholeStore(t)
	s := longShop(t)
	s.verified()
	trust := s.trust()
	var found []storetest.Found
	for _, e := range lessPlainInsiders() {
		r := s.after(trust, script(e.sql))
		found = append(found, storetest.Found{Edit: e.name, Kinds: storetest.Kinds(&r)})
	}
	if !onPostgres { // on PostgreSQL an unsealed row may be the server's own
		r := s.after(trust, deposited)
		found = append(found, storetest.Found{Edit: "deposit what nobody paid, balanced and with its leaf", Kinds: storetest.Kinds(&r)})
	}
	storetest.HoldFound(t, "testdata/insiders_more.txt", found, *update)
	s.verified()
	t.Logf("figures: %d less plain insider edits (PostgreSQL: %t)", len(found), onPostgres)
}

// TestTheServerCoversNoEditUp: the server believes an edited row, uses it and writes it again. Verification still finds the edit.
func TestTheServerCoversNoEditUp(t *testing.T) {
	recover := func(s *shop) {
		s.clock.add(time.Hour)
		s.settled()
	}
	for name, c := range map[string]struct {
		sql  string
		then func(*shop)
		done string // a count that proves that the server has acted
		says string
		how  string
	}{
		"a sale that nobody made": {held, recover, `SELECT COUNT(*) FROM vend WHERE client_ref = 'ghost' AND state = 'completed'`, "Sale vnd_", "outside the server, and the server wrote it again later"},
		"a reversal that nobody asked for": {`UPDATE vend SET state = 'reversing' WHERE client_ref = 'vendor-01';
			INSERT INTO reversal (tenant_id, id, vend_id, state, reason, by_actor, created_at) SELECT tenant_id, id, id, 'waiting', 'x', by_actor, created_at FROM vend WHERE client_ref = 'vendor-01'`,
			recover, `SELECT COUNT(*) FROM reversal WHERE reason = 'x' AND state <> 'waiting'`, "Reversal rev_", "outside the server, and the server wrote it again later"},
		"units that nobody owed": {`INSERT INTO reversal (tenant_id, id, vend_id, state, reason, by_actor, created_at) SELECT tenant_id, id, id, 'refused', 'x', by_actor, created_at FROM vend WHERE client_ref = 'plain-01';
			INSERT INTO command (tenant_id, id, meter, type, counter, state, expires_at, by_actor, created_at, updated_at) SELECT tenant_id, id, meter, 'cancel_token', 1, 'done', 1, by_actor, created_at, created_at FROM vend WHERE client_ref = 'plain-01';
			INSERT INTO reversal_token (tenant_id, reversal_id, token_id, command_id, taken) SELECT tenant_id, vend_id, id, vend_id, 'owed' FROM token WHERE vend_id = ` + sale1,
			recover, `SELECT COUNT(*) FROM reversal_token WHERE taken = 'replaced'`, "Reversal rev_", "outside the server, and the server wrote it again later"},
		"a cheaper tariff": {`UPDATE account SET tariff_id = (SELECT id FROM tariff WHERE name = 'domestic') WHERE charged_to <> ''`, func(s *shop) {
			s.do(func(tx *store.Tx) error { return tx.ChargedTo(s.account(numberOf(s.t, 1)), "2026-11-02") })
		}, `SELECT COUNT(*) FROM account WHERE charged_to = '2026-11-02'`, "Account acc_", "outside the server, and the server wrote it again later"},
		"more commission": {`UPDATE vendor SET commission_bps = 9000`, func(s *shop) {
			s.do(func(tx *store.Tx) error {
				v, err := tx.VendorPage(id.ID{}, 1)
				if err == nil {
					v[0].Name = "Renamed"
					err = tx.PutVendor(v[0])
				}
				return err
			})
		}, `SELECT COUNT(*) FROM vendor WHERE name = 'Renamed'`, "Vendor ven_", "outside the server, and the server wrote it again later"},
		"four eyes that are shut": {`UPDATE tenant SET settings = '{"four_eyes":false}'`, func(s *shop) {
			s.do(func(tx *store.Tx) error { return setTZ(tx, "Africa/Nairobi") })
		}, `SELECT COUNT(*) FROM tenant WHERE tz = 'Africa/Nairobi'`, "settings of tenant", "changed outside the server between their recorded changes"},
	} {
		t.Run(name, func(t *testing.T) {
			s := busyShop(t)
			s.do(script(c.sql))
			c.then(s)
			s.sealed()
			if n := s.number(c.done); n != 1 {
				t.Fatalf("the server has not taken it up (%d rows): the test shows nothing", n)
			}
			r := s.after(s.trust(), func(*store.Tx) error { return nil })
			for _, f := range r.Findings {
				if f.Rule == "row" && strings.Contains(f.What, c.says) && strings.Contains(f.What, c.how) {
					t.Log(f.What)
					return
				}
			}
			t.Errorf("not found: %+v", r.Findings)
		})
	}
}
