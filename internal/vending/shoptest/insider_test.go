package shoptest_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/await"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/ledger"
	"github.com/paywatt/paywatt/internal/meterconfig"
	"github.com/paywatt/paywatt/internal/meterdoc"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/sale"
	"github.com/paywatt/paywatt/internal/seal"
	"github.com/paywatt/paywatt/internal/store"
	"github.com/paywatt/paywatt/internal/store/core"
	"github.com/paywatt/paywatt/internal/store/storetest"
	"github.com/paywatt/paywatt/internal/tariff"
	"github.com/paywatt/paywatt/internal/vending"
	"github.com/paywatt/paywatt/internal/vendor"
	"github.com/paywatt/paywatt/unit"
)

// busyShop is a shop in which something of every kind has happened.
func busyShop(t *testing.T) *shop {
	t.Helper()
	s := open(t, true)
	s.clock.set(s.at("2026-11-01T00:00:00Z"))
	body := standing(ibt(), tariff.PerMonth)
	body.Free = tariff.Free{Units: 50_000, Funded: 1_200_000}
	owing := s.meter(1, place{tariff: s.publish("ibt", body, long())})
	plain := s.publish("domestic", flat(), long())
	first, second, third := s.meter(2, place{tariff: plain}), s.meter(3, place{tariff: plain}), s.meter(4, place{tariff: plain})
	s.debt(s.account(owing), percent(2000, 60000))
	s.sell(order(owing, 60000, "owing-01"))
	s.sealed() // PostgreSQL may seal all sales at once, and one roll-up would then hide an edit that two roll-ups show
	for n := range 4 {
		s.clock.add(time.Minute)
		s.sell(order([]string{first, second}[n%2], 10000, fmt.Sprintf("plain-%02d", n)))
	}
	v := s.vendor(vendor.NewVendor{Commission: 150})
	s.payIn(v, 500000, "slip 1")
	for n := range 3 {
		s.clock.add(time.Minute)
		sold := s.sellAs(clerk(v), order(third, 10000, fmt.Sprintf("vendor-%02d", n)))
		if sold.Refused() {
			t.Fatal(sold.Detail())
		}
		if n == 2 {
			s.reversed(owner(), sold.Sale, "wrong meter")
		}
	}
	for n := range 2 {
		if g := s.give(ask(vending.Ask{Meter: first, Kind: sale.FreeIssue, Units: 25_000, Reason: "goodwill"}, fmt.Sprintf("job-key-%d", n))); g.Refused() {
			t.Fatal(g.Detail())
		}
	}
	if w := s.swaps(vending.Swap{Old: s.meter(5, place{tariff: plain}), New: s.stocked(6, registry.PrepayToken, plain), Balance: ptr(unit.Energy(0))}, "swap-key-1"); w.Refused() {
		t.Fatal(w.Detail())
	}
	s.do(func(tx *store.Tx) error {
		m, _, err := tx.MeterByNumber(first)
		if err == nil {
			err = tx.PutMeterConfig(m, meterconfig.Row{Own: meterdoc.Values{"ec_limit_wh": int64(5000)}, Version: 1, Hash: "hash", Doc: "{}", Asked: tx.Now})
		}
		return err
	})
	s.sealed() // the later rows get a separate seal
	s.do(func(tx *store.Tx) error {
		ids := make([]id.ID, 3)
		for i := range ids {
			var err error
			if ids[i], err = tx.NewID(); err != nil {
				return err
			}
		}
		return errors.Join(
			tx.AddApproval(access.Approval{ID: ids[0], Act: access.ActDeposit, Right: access.DepositFloat, Object: "vendor", Summary: "deposit", Body: []byte("{}"),
				Maker: owner(), State: access.ApprovalWaiting, CreatedAt: tx.Now}),
			tx.AddKey(access.Key{ID: ids[1], Name: "till", Role: access.VendorAPI, CreatedAt: tx.Now}, [32]byte{1}),
			tx.AddPersonRow(access.PersonRow{ID: ids[2], Email: "a@example.org", Role: access.Support, Password: "x", CreatedAt: tx.Now}))
	})
	s.sealed()
	return s
}

// sealed waits until everything is sealed.
func (s *shop) sealed() {
	s.t.Helper()
	await.True(s.t, "everything is sealed", func() bool { // the sealer of PostgreSQL runs concurrently with the sales
		return s.number(`SELECT (SELECT COUNT(*) FROM journal WHERE seal_n IS NULL) + (SELECT COUNT(*) FROM audit WHERE seal_n IS NULL)`) == 0
	})
}

// heads returns the signed heads in the database. They stand for heads that somebody stored outside it.
func (s *shop) heads(public string) []seal.Head {
	s.t.Helper()
	var out []seal.Head
	err := s.engine.View(context.Background(), tenant, func(tx *store.Tx) error {
		return tx.C.Query(`SELECT head FROM seal ORDER BY n`, func(r core.Row) error {
			h, err := seal.ParseHead(r.Text(0), public)
			out = append(out, h)
			return err
		})
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return out
}

// after calls fn in a transaction and returns the result of a verification there. It undoes everything at the end.
func (s *shop) after(trust store.Trust, fn func(*store.Tx) error) store.Report {
	s.t.Helper()
	s.sealed() // otherwise the transaction would see concurrent work of a sealer
	var r store.Report
	undo := errors.New("undo")
	err := s.engine.Run(context.Background(), tenant, store.Job, func(tx *store.Tx) (bool, error) {
		r = store.Report{}
		if err := fn(tx); err != nil {
			return false, err
		}
		return false, errors.Join(store.Verify(tx, trust, &r), undo)
	})
	if !errors.Is(err, undo) {
		s.t.Fatal(err)
	}
	return r
}

// script runs statements, each of which must change something.
func script(sql string) func(*store.Tx) error {
	return func(tx *store.Tx) error {
		for one := range strings.SplitSeq(sql, ";") {
			n, err := tx.C.Exec(one)
			if err == nil && n == 0 {
				err = fmt.Errorf("changed nothing: %s", one)
			}
			if err != nil {
				return err
			}
		}
		return nil
	}
}

// Names of rows in the edits.
const (
	sale1     = `(SELECT id FROM vend WHERE client_ref = 'plain-01')`
	sale2     = `(SELECT id FROM vend WHERE client_ref = 'plain-02')`
	reversedS = `(SELECT id FROM vend WHERE client_ref = 'vendor-02')`
	vendorS   = `(SELECT id FROM vend WHERE client_ref = 'vendor-00')`
	plainKey  = `(SELECT meter_key_id FROM vend WHERE client_ref = 'plain-01')`
	newestJ   = `(SELECT journal_id FROM posting p JOIN ledger_account a ON a.n = p.account WHERE a.code = 1000 ORDER BY journal_id DESC LIMIT 1)`
)

// insiderEdit is an edit by somebody who can write to the database but has no key.
type insiderEdit struct {
	name string
	sql  string
}

func insiderEdits() []insiderEdit {
	return append(saleInsiders(), append(moneyInsiders(), registryInsiders()...)...)
}

func saleInsiders() []insiderEdit {
	return []insiderEdit{
		{"delete a sale", `DELETE FROM vend WHERE id = ` + sale1},
		{"delete a sale with lines and tokens", `DELETE FROM vend_line WHERE vend_id = ` + sale1 + `; DELETE FROM token WHERE vend_id = ` + sale1 + `;
			DELETE FROM idempotency WHERE key = 'plain-01'; DELETE FROM vend WHERE client_ref = 'plain-01'`},
		{"change the amount of a sale", `UPDATE vend SET tender = tender + 100 WHERE client_ref = 'plain-01';
			UPDATE vend_line SET amount = amount + 100 WHERE kind = 'carry' AND vend_id = ` + sale1},
		{"move an amount from tax to energy", `UPDATE vend_line SET amount = amount + CASE kind WHEN 'vat' THEN -100 ELSE 100 END WHERE kind IN ('vat', 'energy') AND vend_id = ` + sale1},
		{"change the tax inside a charge's line", `UPDATE vend_line SET vat = vat + 1 WHERE kind = 'fixed'`},
		{"fail a sale that was made", `UPDATE vend SET state = 'failed', failure = 'x' WHERE client_ref = 'plain-01'; UPDATE token SET state = 'failed' WHERE vend_id = ` + sale1},
		{"sell more units and count them", `UPDATE vend SET units_wh = units_wh + 1000 WHERE client_ref = 'plain-01'; UPDATE token SET units_wh = units_wh + 1000 WHERE vend_id = ` + sale1 + `;
			UPDATE usage_month SET units_wh = units_wh + 1000 WHERE account_id = (SELECT account_id FROM vend WHERE client_ref = 'plain-01')`},
		{"insert a token for a sale", `INSERT INTO token (tenant_id, id, vend_id, meter, meter_key_id, tid, base_date, class, subclass, rnd, units_wh, digits_enc, state, issued_at, created_at)
			SELECT tenant_id, tariff_version_id, id, meter, meter_key_id, 1, 2014, 0, 0, 0, 0, order_hash, 'issued', priced_at, created_at FROM vend WHERE client_ref = 'plain-01'`},
		{"insert a token for a job", `INSERT INTO token (tenant_id, id, job_id, meter, meter_key_id, tid, base_date, class, subclass, rnd, units_wh, digits_enc, state, issued_at, created_at)
			SELECT tenant_id, id, id, meter, meter_key_id, 1, 2014, 2, 1, 0, 0, id, 'issued', created_at, created_at FROM token_job WHERE ref LIKE '%job-key-0'`},
		{"change the digits of a token", `UPDATE token SET digits_enc = digits_hash WHERE vend_id = ` + sale1},
		{"swap the digits of two tokens", `UPDATE token SET digits_enc = CASE vend_id WHEN ` + sale1 + ` THEN (SELECT t.digits_enc FROM token t WHERE t.vend_id = ` + sale2 + `)
			ELSE (SELECT t.digits_enc FROM token t WHERE t.vend_id = ` + sale1 + `) END WHERE vend_id IN (` + sale1 + `, ` + sale2 + `)`},
		{"take the digits of a token away", `UPDATE token SET digits_enc = NULL, digits_hash = NULL WHERE vend_id = ` + sale1},
		{"let a token not be found by its digits", `UPDATE token SET digits_hash = id WHERE vend_id = ` + sale1},
		{"re-point a token to another meter", `UPDATE token SET meter = (SELECT meter FROM vend WHERE client_ref = 'plain-02') WHERE vend_id = ` + sale1},
		{"re-point a sale and its token", `UPDATE token SET meter = (SELECT meter FROM vend WHERE client_ref = 'plain-02') WHERE vend_id = ` + sale1 + `;
			UPDATE vend SET meter = (SELECT meter FROM vend WHERE client_ref = 'plain-02') WHERE client_ref = 'plain-01'`},
		{"put a sale under another key", `UPDATE vend SET meter_key_id = (SELECT meter_key_id FROM vend WHERE client_ref = 'owing-01') WHERE client_ref = 'plain-01'`},
		{"change a TID", `UPDATE token SET tid = tid - 1 WHERE vend_id = ` + sale1},
		{"change a receipt number", `UPDATE vend SET receipt_no = 'main-000099' WHERE client_ref = 'plain-01'`},
		{"let receipt numbers come again", `UPDATE counter SET value = value - 1 WHERE name = 'receipt:main'`},
		{"change who sold", `UPDATE vend SET by_actor = 'somebody else' WHERE client_ref = 'plain-01'`},
		{"change when it was sold", `UPDATE vend SET completed_at = completed_at - 60000000 WHERE client_ref = 'plain-01'`},
		{"let a repeat look like another order", `UPDATE vend SET order_hash = id WHERE client_ref = 'plain-01'`},
		{"let a sale be the tenant's own", `UPDATE vend SET vendor_key = '' WHERE client_ref = 'vendor-00'`},
		{"delete a stored answer", `DELETE FROM idempotency WHERE key = 'plain-01'`},
		{"give a request another's answer", `UPDATE idempotency SET body_enc = (SELECT i.body_enc FROM idempotency i WHERE i.key = 'plain-02') WHERE key = 'plain-01'`},
		{"store an answer that nobody gave", `INSERT INTO idempotency (tenant_id, principal, key, req_hash, state, status, body_enc, created_at)
			SELECT tenant_id, principal, 'plain-99', req_hash, state, status, body_enc, created_at FROM idempotency WHERE key = 'plain-01'`},
		{"let a stored answer expire", `UPDATE idempotency SET expires_at = created_at WHERE key = 'plain-01'`},
	}
}

func moneyInsiders() []insiderEdit {
	return []insiderEdit{
		{"change a balance", `UPDATE ledger_account SET balance = balance - 5000 WHERE code = 1000`},
		{"change a balance with matching postings", `UPDATE posting SET amount = amount - 100 WHERE amount > 200 AND journal_id = ` + newestJ + `;
			UPDATE posting SET amount = amount + 100 WHERE account = (SELECT n FROM ledger_account WHERE code = 4000) AND journal_id = ` + newestJ + `;
			UPDATE ledger_account SET balance = balance - 100 WHERE code = 1000; UPDATE rollup SET balance = balance + 100 WHERE account = (SELECT n FROM ledger_account WHERE code = 4000)`},
		{"delete a journal", `DELETE FROM posting WHERE journal_id = ` + newestJ + `; DELETE FROM journal WHERE kind = 'vend' AND NOT EXISTS (SELECT 1 FROM posting p WHERE p.journal_id = journal.id)`},
		{"change what a journal is for", `UPDATE journal SET memo = 'x' WHERE kind = 'vend'`},
		{"lift a limit", `UPDATE ledger_account SET ceiling = ceiling + 100000 WHERE code = 2040`},
		{"change a roll-up", `UPDATE rollup SET balance = balance + 1 WHERE seal_n = (SELECT MAX(seal_n) FROM rollup)`},
		{"reserve less than is held", `UPDATE ledger_account SET held = 7 WHERE code = 2040`},
		{"move carry to another account", `UPDATE ledger_account SET balance = balance - 10 WHERE code = 2060 AND balance < 0`},
		{"delete a commission", `DELETE FROM posting WHERE journal_id IN (SELECT id FROM journal WHERE kind = 'commission' AND ref IN (SELECT object FROM audit WHERE after LIKE '%vendor-00%'));
			DELETE FROM journal WHERE kind = 'commission' AND NOT EXISTS (SELECT 1 FROM posting p WHERE p.journal_id = journal.id)`},
		{"change a vendor's commission on a sale", `UPDATE vend_seller SET commission = commission + 10 WHERE vend_id = ` + vendorS},
		{"undo a reversal", `DELETE FROM reversal WHERE vend_id = ` + reversedS + `; UPDATE vend SET state = 'completed' WHERE client_ref = 'vendor-02'`},
		{"pretend a reversal", `UPDATE vend SET state = 'reversed' WHERE client_ref = 'plain-01'`},
		{"change why a sale was reversed", `UPDATE reversal SET reason = 'x'`},
		{"let a mirror reverse another journal", `UPDATE journal SET reverses = (SELECT j.id FROM journal j WHERE j.kind = 'deposit') WHERE kind = 'reversal' AND ref LIKE 'vend %'`},
		{"pay a debt by hand", `UPDATE debt SET outstanding = 0, status = 'paid'`},
		{"pay a debt by hand, in the ledger too", `UPDATE debt SET outstanding = outstanding - 100; UPDATE ledger_account SET balance = balance - 100 WHERE subject LIKE 'acc_%:dbt_%'`},
		{"let a debt be collected slower", `UPDATE debt SET value = 100`},
		{"delete a debt", `DELETE FROM debt`},
		{"lower a fixed charge", `UPDATE charge_due SET amount_gross = amount_gross + 1`},
		{"say that another account took a charge over", `UPDATE charge_due SET moved = 1`},
		{"say that a charge was paid and given back", `UPDATE charge_due SET paid_back = 1`},
		{"skip fixed charges", `UPDATE account SET charged_to = '2030-01-01' WHERE charged_to <> ''`},
		{"claim free units again", `UPDATE usage_month SET free_wh = 0, fbe_issued = 0 WHERE free_wh > 0`},
		{"give units away unseen", `UPDATE units_transfer SET units_wh = units_wh + 100; UPDATE token_job SET units_wh = units_wh + 100; UPDATE token SET units_wh = units_wh + 100 WHERE job_id IS NOT NULL`},
		{"change who allowed free units", `UPDATE units_transfer SET approved_by = 'somebody else'`},
	}
}

func registryInsiders() []insiderEdit {
	return []insiderEdit{
		{"change a meter key", `UPDATE meter_key SET sgc = '999999' WHERE id = ` + plainKey},
		{"change the type of a meter key", `UPDATE meter_key SET kt = 1 WHERE id = ` + plainKey},
		{"retire a meter key", `UPDATE meter_key SET state = 'past' WHERE id = ` + plainKey},
		{"let TIDs come again", `UPDATE token SET tid = tid - 1 WHERE tid = (SELECT MAX(tid) FROM token WHERE meter_key_id = ` + plainKey + `) AND meter_key_id = ` + plainKey},
		{"let TIDs run ahead", `UPDATE meter_key SET tid_floor = 1000 + (SELECT MAX(tid) FROM token WHERE meter_key_id = ` + plainKey + `) WHERE id = ` + plainKey},
		{"give a meter another account", `UPDATE meter SET account_id = (SELECT account_id FROM vend WHERE client_ref = 'owing-01') WHERE n = (SELECT meter FROM vend WHERE client_ref = 'plain-01')`},
		{"declare a meter simulated", `UPDATE meter SET simulated = 1`},
		{"give a meter emergency credit", `UPDATE meter_config SET own = '{"ec_limit_wh":90000}'`},
		{"send a meter another configuration", `UPDATE meter_config SET doc = '{"ec_limit_wh":90000}', version = version + 1`},
		{"configure a meter by hand", `INSERT INTO meter_config (tenant_id, meter, own) SELECT tenant_id, meter, '{"ec_limit_wh":90000}' FROM vend WHERE client_ref = 'plain-01'`},
		{"forget a meter's configuration", `DELETE FROM meter_config`},
		{"claim more units for a replaced meter", `UPDATE meter_swap SET units_wh = units_wh + 100`},
		{"change who approved a swap", `UPDATE meter_swap SET approved_by = 'somebody else'`},
		{"replace a meter by hand", `INSERT INTO meter_swap (tenant_id, id, old_meter, new_meter, account_id, at, units_wh, reason, by_actor)
			SELECT v.tenant_id, v.id, v.meter, (SELECT w.meter FROM vend w WHERE w.client_ref = 'owing-01'), v.account_id, v.created_at, 9000, 'x', 'x' FROM vend v WHERE v.client_ref = 'plain-01'`},
		{"forget a swap", `DELETE FROM meter_swap`},
		{"let a debt look taken back", `UPDATE debt SET taken_back_at = created_at`},
		{"change a tariff version", `UPDATE tariff_version SET body_json = (SELECT MIN(body_json) FROM tariff_version), effective_from = effective_from + 1`},
		{"add a tariff version", `INSERT INTO tariff_version (tenant_id, id, tariff_id, n, effective_from, body_json, published_at, published_by, created_at)
			SELECT tenant_id, tariff_id, tariff_id, n + 1, effective_from + 1, body_json, published_at, published_by, created_at FROM tariff_version`},
		{"give a customer's account to another", `UPDATE account SET customer_id = service_point_id`},
		{"move an account to a cheaper tariff", `UPDATE account SET tariff_id = id`},
		{"raise a vendor's commission", `UPDATE vendor SET commission_bps = commission_bps + 1`},
		{"give a vendor credit", `UPDATE vendor SET credit_limit = 100000; UPDATE ledger_account SET ceiling = 100000 WHERE code = 2040`},
		{"approve an act by hand", `UPDATE approval SET state = 'approved', checker = '{"name":"boss"}', checker_id = maker_id`},
		{"add an approval", `INSERT INTO approval (tenant_id, id, act, need, body, maker, state, created_at) SELECT id, uid, 'x', 'x', '{}', '{}', 'approved', created_at FROM tenant`},
		{"give a person another role", `UPDATE role_binding SET role = 'owner'`},
		{"give a person another password", `UPDATE person SET pw_hash = 'y'`},
		{"make an API key", `INSERT INTO api_key (tenant_id, id, hash, role, created_at) SELECT id, uid, uid, 'owner', created_at FROM tenant`},
		{"give an API key more rights", `UPDATE api_key SET role = 'owner'`},
		{"switch four eyes off", `UPDATE tenant SET settings = '{"four_eyes":false}'`},
		{"change an audit row", `UPDATE audit SET actor = 'somebody else' WHERE action = 'vend.reverse'`},
		{"delete an audit row", `DELETE FROM audit WHERE action = 'vend.reverse'`},
		{"delete an audit row and its leaf", `DELETE FROM seal_leaf WHERE id = (SELECT id FROM audit WHERE action = 'vend.reverse'); DELETE FROM audit WHERE action = 'vend.reverse'`},
		{"take evidence away", `UPDATE audit SET evidence = '' WHERE action = 'vend.sell'`},
		{"swap the heads of two seals", `UPDATE seal SET head = (SELECT s.head FROM seal s WHERE s.n = 1) WHERE n = (SELECT MAX(s.n) FROM seal s)`},
		{"cut the tail of the log", `DELETE FROM seal_leaf WHERE pos >= (SELECT MAX(first) FROM seal); DELETE FROM seal WHERE first = (SELECT MAX(s.first) FROM seal s)`},
	}
}

// TestVerifyFindsWhatInsidersDo: every edit by SQL is found by the rules that testdata/insiders.txt names. Run with
// TEST_STORE=postgres for the other engine.
func TestVerifyFindsWhatInsidersDo(t *testing.T) {
	needsWholeStore(t)
	s := busyShop(t)
	s.verified()
	trust := s.trust()
	var found []storetest.Found
	for _, e := range insiderEdits() {
		r := s.after(trust, script(e.sql))
		found = append(found, storetest.Found{Edit: e.name, Kinds: storetest.Kinds(&r)})
	}
	for _, e := range s.forgers() {
		r := s.after(e.trust, e.do)
		found = append(found, storetest.Found{Edit: e.name, Kinds: storetest.Kinds(&r)})
	}
	storetest.HoldFound(t, "testdata/insiders.txt", found, *update)
	s.verified()
	t.Logf("figures: %d insider edits (PostgreSQL: %t)", len(found), onPostgres)
}

// forger is an insider who knows the format of the log.
type forger struct {
	name  string
	trust store.Trust
	do    func(*store.Tx) error
}

// forgers are edits that take more than one statement. An insider who rolls everything back leaves sound books: only a head kept elsewhere
// shows the edit.
func (s *shop) forgers() []forger {
	s.t.Helper()
	trust := s.trust()
	kept := trust
	heads := s.heads(trust.Keys.Public)
	kept.Heads = heads[len(heads)-1:]
	other, err := seal.NewKey("other", strings.NewReader(strings.Repeat("another key that is 32 bytes long", 4)))
	if err != nil {
		s.t.Fatal(err)
	}
	rewrite := func(tx *store.Tx) error { return forge(tx, heads, other) }
	stolen := kept
	stolen.Keys.Public = other.Public()
	return []forger{
		{"re-seal with another key", trust, rewrite},
		{"re-seal with another key that is taken for the right one, against a kept head", stolen, rewrite},
		{"cut the tail with everything in it", kept, rollBack},
	}
}

// forge changes a journal, its leaf and everything above it, and signs all heads with a key.
func forge(tx *store.Tx, heads []seal.Head, key seal.Key) error {
	if err := script(`UPDATE journal SET memo = 'x' WHERE kind = 'deposit'`)(tx); err != nil {
		return err
	}
	j, found, err := tx.JournalByRef(ledger.DepositIn, "main:SLIP 1")
	if err != nil || !found {
		return fmt.Errorf("the deposit (found: %t): %w", found, err)
	}
	leaf := ledger.Leaf(j)
	for _, sql := range []string{`UPDATE journal SET leaf = $1 WHERE id = $2`, `UPDATE seal_leaf SET leaf = $1 WHERE id = $2`} {
		if n, err := tx.C.Exec(sql, leaf[:], j.ID); err != nil || n != 1 {
			return fmt.Errorf("%d leaves changed: %w", n, err)
		}
	}
	roots, err := rehash(tx)
	if err != nil {
		return err
	}
	for _, h := range heads {
		h.Root = roots[h.Size]
		note, err := key.Sign(h)
		if err == nil {
			_, err = tx.C.Exec(`UPDATE seal SET root = $1, head = $2 WHERE n = $3`, h.Root[:], note, h.Seal)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// rehash computes the log's inner hashes from its leaves and returns the root of every size.
func rehash(tx *store.Tx) (map[int64][32]byte, error) {
	var edge seal.Edge
	var nodes []seal.Node
	roots := map[int64][32]byte{}
	err := tx.C.Query(`SELECT leaf FROM seal_leaf ORDER BY pos`, func(r core.Row) error {
		nodes = append(nodes, edge.Append([32]byte(r.Bytes(0)))...)
		roots[edge.Size()] = edge.Root()
		return nil
	})
	if err == nil {
		_, err = tx.C.Exec(`DELETE FROM seal_hash WHERE idx >= 0`)
	}
	for _, n := range nodes {
		if err == nil {
			_, err = tx.C.Exec(`INSERT INTO seal_hash (tenant_id, idx, hash) VALUES ($1, $2, $3)`, tx.Tenant, n.Index, n.Hash[:])
		}
	}
	return roots, err
}

// rollBack takes the books back to a time before the last seal. At that time there was one audit row with evidence.
func rollBack(tx *store.Tx) error {
	return errors.Join(script(`DELETE FROM approval; DELETE FROM api_key; DELETE FROM role_binding; DELETE FROM person;
		DELETE FROM audit WHERE seal_n = (SELECT MAX(n) FROM seal); DELETE FROM seal_leaf WHERE pos >= (SELECT MAX(first) FROM seal);
		DELETE FROM seal WHERE n = (SELECT MAX(s.n) FROM seal s)`)(tx), rehashed(tx))
}

func rehashed(tx *store.Tx) error {
	_, err := rehash(tx)
	return err
}

// trust returns the public key and the hashes of digits against which the shop's books are verified.
func (s *shop) trust() store.Trust {
	return store.Trust{AtOnce: !onPostgres, Keys: s.engine.Keys(), Digits: func(token id.ID, sealed []byte) ([]byte, error) {
		plain, err := s.sealer.Open(sale.TokenContext(token), sealed)
		return s.sealer.Hash(sale.HashContext, plain), err
	}}
}
