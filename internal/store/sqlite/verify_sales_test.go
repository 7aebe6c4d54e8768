package sqlite_test

import (
	"testing"

	"github.com/paywatt/paywatt/internal/store/storetest"
	"github.com/paywatt/paywatt/internal/tier"
)

// saleEdits lists edits by somebody who knows the rules and keeps every sum right: they change the row of a sale or token, and every figure
// that is computed from that row.
func saleEdits() []string {
	const third = `(SELECT id FROM vend WHERE receipt_no = 'main-000003')`
	return []string{
		`UPDATE vend SET units_wh = 99000 WHERE id = ` + third + `; UPDATE token SET units_wh = 99000 WHERE vend_id = ` + third + `;
			UPDATE vend_line SET steps_json = replace(steps_json, '34700', '99000') WHERE vend_id = ` + third + `;
			UPDATE usage_month SET units_wh = units_wh + 64300 WHERE account_id = (SELECT account_id FROM vend WHERE id = ` + third + `)`,
		`UPDATE vend_line SET amount = amount + CASE kind WHEN 'vat' THEN -100 ELSE 100 END WHERE kind IN ('vat', 'energy') AND vend_id = ` + third,
		`UPDATE vend_line SET kind = 'fee' WHERE kind = 'energy' AND vend_id = ` + third,
		`UPDATE vend_line SET kind = 'energy', steps_json = '' WHERE kind = 'vat' AND vend_id = ` + third,
		`UPDATE vend_line SET steps_json = '[]' WHERE kind = 'energy' AND vend_id = ` + third,
		`UPDATE vend SET tender = tender + 1 WHERE id = ` + third + `; UPDATE vend_line SET amount = amount + 1 WHERE kind = 'carry' AND vend_id = ` + third,
		`UPDATE vend SET carry_out = carry_out - 1 WHERE id = ` + third,
		`UPDATE vend SET carry_in = 1 WHERE id = ` + third,
		`UPDATE vend SET currency = 'USD' WHERE id = ` + third,
		`UPDATE vend SET client_ref = 'another' WHERE id = ` + third,
		`UPDATE vend SET till = 'another' WHERE id = ` + third,
		`UPDATE vend SET meter = 1 + meter % 5 WHERE id = ` + third,
		`UPDATE vend SET meter = 1 + meter % 5 WHERE id = ` + third + `; UPDATE token SET meter = 1 + meter % 5 WHERE vend_id = ` + third,
		`UPDATE vend SET account_id = (SELECT account_id FROM vend WHERE receipt_no = 'main-000004') WHERE id = ` + third + `;
			DELETE FROM usage_month; INSERT INTO usage_month (tenant_id, account_id, month, units_wh)
			SELECT tenant_id, account_id, month, SUM(units_wh) FROM vend GROUP BY tenant_id, account_id, month`,
		`UPDATE vend SET month = '2026-10' WHERE id = ` + third + `; DELETE FROM usage_month; INSERT INTO usage_month (tenant_id, account_id, month, units_wh)
			SELECT tenant_id, account_id, month, SUM(units_wh) FROM vend GROUP BY tenant_id, account_id, month`,
		`UPDATE vend SET receipt_no = CASE receipt_no WHEN 'main-000003' THEN 'x' ELSE 'y' END WHERE receipt_no IN ('main-000003', 'main-000004');
			UPDATE vend SET receipt_no = CASE receipt_no WHEN 'x' THEN 'main-000004' ELSE 'main-000003' END WHERE receipt_no IN ('x', 'y')`,
		`UPDATE vend SET tariff_version_id = zeroblob(16) WHERE id = ` + third,
		`UPDATE vend SET by_actor = 'somebody else' WHERE id = ` + third,
		`DELETE FROM counter WHERE name = 'receipt:main'`,
		`UPDATE token SET tid = 1 + tid, version = 9 WHERE tid = 20`,
		`UPDATE token SET tid = 0 WHERE vend_id = ` + third,
		`UPDATE token SET state = 'failed' WHERE vend_id = ` + third,
		`UPDATE token SET state = 'reserved' WHERE vend_id = ` + third,
		`UPDATE token SET digits_enc = NULL, digits_hash = NULL WHERE vend_id = ` + third,
		`UPDATE token SET meter = 1 + meter % 5 WHERE vend_id = ` + third,
	}
}

func TestVerifyFindsSalesThatContradictWhatWasSealedOfThem(t *testing.T) {
	tier.World(t)
	dir := shop(t, 20)
	storetest.HoldFound(t, "testdata/edits_of_sales.txt", foundAfter(t, dir, saleEdits()), *update)
}
