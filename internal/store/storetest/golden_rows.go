package storetest

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/paywatt/paywatt/internal/store"
)

// goldenRow is a fixed row of one table, without its tenant.
type goldenRow struct {
	table   string
	columns string
	values  []any
}

// named returns the fixed identity with number n.
func named(n byte) []byte { return []byte{1, 0x90, 0, 0, 0, 0, 0x70, 0, 0x80, 0, 0, 0, 0, 0, 0, n} }

// golden is the moment of the fixed rows, in microseconds.
const golden = int64(1_795_000_000_123_456)

// goldenRows returns rows of every table that has evidence: one with a value in every attested column, and one with NULL in every column
// that allows it.
func goldenRows() []goldenRow {
	return slices.Concat(goldenPlaces(), goldenMoney(), goldenVouchers(), goldenStatements(), goldenPeople())
}

func goldenPlaces() []goldenRow {
	return []goldenRow{
		{"tariff", "id, name, created_at", []any{named(1), "domestic", golden}},
		{"tariff_version", "id, tariff_id, n, effective_from, body_json, published_at, published_by, created_at",
			[]any{named(2), named(1), 3, golden, `{"currency":"KES"}`, golden + 1, "usr_ø", golden}},
		{"tariff_version", "id, tariff_id, n, effective_from, body_json, published_at, published_by, withdraws, created_at",
			[]any{named(196), named(1), 4, golden, `{"currency":"KES"}`, golden + 1, "usr_ø", 3, golden}},
		{"meter_key", "id, meter, sgc, krn, kt, ti, ken, ea, dkga, base_date, from_at, state, created_at, version",
			[]any{named(3), 11, "123456", 1, 2, "01", 255, "07", "04", 2014, golden, "current", golden, 5}},
		{"meter", "id, n, number, mode, status, account_id, phases, imp_per_kwh, tt, simulated, profile, mqtt_hash, link_key_enc, created_at, version",
			[]any{named(4), 11, "04000000001", "prepay_wallet", "active", named(6), 3, 800, "02", 1, "shelly", []byte("hash"), []byte("link"), golden, 2}},
		{"meter", "id, n, number, mode, mqtt_hash, mqtt_next_hash, mqtt_next_at, login_ends_at, login_at, created_at",
			[]any{named(193), 14, "04000000004", "prepay_wallet", []byte("hash"), []byte("next hash"), golden + 2, golden + 3, golden + 4, golden}},
		{"meter", "id, n, number, mode, created_at", []any{named(5), 12, "04000000002", "prepay_token", golden}},
		{"meter", "id, n, number, mode, link_key_enc, link_key_next_enc, link_key_next_at, created_at",
			[]any{named(8), 13, "04000000003", "prepay_wallet", []byte("link"), []byte("next link"), golden, golden}},
		{"meter", "id, n, number, mode, sim_phone, created_at", []any{named(194), 15, "04000000005", "prepay_token", "+254700000200", golden}},
		{"number_change", "owner, by_actor, self, changed_at, held_until", []any{"meter 15", "person a@example.org", named(60), golden + 6, golden + 7}},
		{"wallet", "meter, base_wh, version", []any{11, -1234, 7}},
		{"emergency", "account_id, meter, register_wh, energy_wh, floor, until_at, by_actor, reason, created_at",
			[]any{named(6), 11, 5000, 2000, -30_000, golden + 5, "person a@example.org", "clinic", golden}},
		{"meter_config", "meter, own, version, hash, doc, asked_at, command, writes", []any{12, `{"lifeline_w":200}`, 3, "hash", "{}", golden, named(31), 4}},
		{"meter_config", "meter, own", []any{13, `{"lifeline_w":100}`}},
		{"meter_swap", "id, old_meter, new_meter, account_id, at, balance_wh, balance_at, source, tokens, tokens_wh, units_wh, job_id, register_wh, register_at, reason, by_actor, approved_by",
			[]any{named(101), 11, 12, named(6), golden, 10_000, golden, "display", "tok_x", 5000, 15_000, named(40), 1400, golden, "dark", "usr_x", "usr_y"}},
		{"meter_swap", "id, old_meter, new_meter, account_id, at, reason, by_actor", []any{named(102), 13, 14, named(7), golden, "dark", "usr_x"}},
		{"account", "id, customer_id, service_point_id, mode, tariff_id, status, opened_at, closed_at, charged_to, protected, lease_grace_wh, created_at, version",
			[]any{named(6), named(60), named(61), "prepay_wallet", named(1), "closed", golden, golden + 2, "2026-11-01", 1, 500, golden, 4}},
		{"account", "id, customer_id, service_point_id, mode, tariff_id, opened_at, created_at",
			[]any{named(7), named(60), named(61), "prepay_token", named(1), golden, golden}},
		{"account", "id, customer_id, service_point_id, mode, tariff_id, opened_at, credit_in_wh, credit_out_wh, created_at",
			[]any{named(195), named(60), named(61), "prepay_token", named(1), golden, 12_400, -1, golden}},
		{"account_tariff", "id, account_id, n, tariff_id, from_at, withdraws, set_by, reason, created_at",
			[]any{named(194), named(6), 2, named(1), golden + 7, 1, "person a@example.org", "a shop now", golden + 6}},
	}
}

func goldenStatements() []goldenRow {
	return []goldenRow{
		{"statement_file", "id, provider, format, sum, file_enc, from_at, to_at, rows, skipped, state, proof, taken, fresh, by_actor, created_at, read_at, version",
			[]any{named(128), "bank", "mt940", []byte("sum"), []byte("file"), golden, golden + 9, 7, 1, "read", "statement", 7, 6, "person a@example.org", golden, golden + 1, 3}},
		{"statement_file", "id, provider, format, sum, file_enc, from_at, to_at, rows, state, by_actor, created_at",
			[]any{named(129), "bank", "mpesa", []byte("sum 2"), []byte("file"), golden, golden + 9, 7, "waiting", "person a@example.org", golden}},
		{"reconciliation", "id, provider, date, from_at, to_at, state, rows, stated, fees, payments, paid, booked, currency, ran_at, closed_at, closed_by, version",
			[]any{named(130), "bank", "2026-11-20", golden, golden + 9, "closed", 1, 10_000, -55, 1, 10_000, 10_000, "KES", golden, golden + 10, "system reconciliation", 2}},
		{"reconciliation", "id, provider, date, from_at, to_at, state, rows, stated, fees, payments, paid, booked, ran_at",
			[]any{named(131), "bank", "2026-11-21", golden, golden + 9, "waiting", 0, 0, 0, 0, 0, 0, golden}},
		{"difference", "id, provider, date, kind, key, txn, payment, stated, paid, booked, currency, note, at, n, owner, open, created_at, closed_at, closed_by, why, version",
			[]any{named(132), "bank", "2026-11-20", "amount", "TX1", "TX1", "pay_x", 10_000, 9000, 9000, "KES", "applied", golden, 1, "accountant", 0, golden, golden + 1, "person a@example.org", "a fee", 2}},
		{"difference", "id, provider, date, kind, key, stated, paid, booked, at, n, owner, open, created_at",
			[]any{named(133), "bank", "2026-11-21", "fee", "2026-11-21", -55, 0, 0, golden, 3, "accountant", 1, golden}},
		{"payment", `id, channel, provider, provider_txn, amount, currency, paid_at, status, proof, confirmed_at, created_at, alone_total`,
			[]any{named(134), "provider", "bank", "TX4", 10_000, "KES", golden, "received", "signed", golden + 1, golden, 25_000}},
		{"payment", `id, channel, provider, provider_txn, amount, currency, paid_at, status, reason, proof, confirmed_at, created_at, back, back_owed, back_at`,
			[]any{named(135), "provider", "bank", "TX5", 10_000, "KES", golden, "applied", "part-back", "asked", golden + 1, golden, 4_000, 3_000, golden + 2}},
	}
}

func goldenVouchers() []goldenRow {
	return []goldenRow{
		{"voucher_batch", "id, number, vouchers, face, currency, ends_at, note, made_by, created_at, taken_by, taken_at, digest, version",
			[]any{named(140), 1, 1, 10_000, "KES", golden + 9, "a note", "person a@example.org", golden, "person b@example.org", golden + 1, []byte("digest"), 2}},
		{"voucher_batch", "id, number, vouchers, face, currency, ends_at, made_by, created_at", []any{named(141), 2, 5, 10_000, "KES", golden + 9, "person a@example.org", golden}},
		{"voucher_batch", "id, number, vouchers, face, currency, ends_at, made_by, created_at, taken_by, taken_at, digest, requires_code, taken_self",
			[]any{named(200), 3, 5, 10_000, "KES", golden + 9, "person a@example.org", golden, "person b@example.org", golden + 1, []byte("digest"), 1, named(54)}},
		{"voucher_issue", "id, batch_id, number, from_n, to_n, issued_at, issued_by, shown_to, shown_self, shown_vendor, reason, proof",
			[]any{named(201), named(200), 1, 1, 4, golden + 2, "apikey shop", "apikey shop", named(54), named(10), "", []byte("proof")}},
		{"voucher_issue", "id, batch_id, number, from_n, to_n, issued_at, issued_by, shown_to, reason, proof",
			[]any{named(202), named(200), 2, 2, 2, golden + 3, "person c@example.org", "system", "lost", []byte("proof")}},
		{"voucher", "batch_id, n, id, pin, state, meter, sold_at", []any{named(140), 1, named(142), []byte("hash"), "active", "", golden + 2}},
	}
}

func goldenMoney() []goldenRow {
	return []goldenRow{
		{"vendor", "id, name, code, billing, commission_bps, credit_limit, status, created_at, version",
			[]any{named(10), "Köhler", "main", "postpaid", 150, 100_000, "blocked", golden, 9}},
		{"debt", "id, account_id, kind, principal, outstanding, mode, value, min, max, month_cap, priority, capped, against, memo, created_at",
			[]any{named(11), named(6), "loan", 60_000, 0, "percent", 2000, 10, 5000, 9000, 31, 0, "opening", "a stove", golden}},
		{"debt", "id, account_id, kind, principal, outstanding, mode, value, created_at",
			[]any{named(12), named(6), "loan", 60_000, 0, "full", 0, golden}},
		{"debt", "id, account_id, kind, principal, outstanding, mode, value, status, taken_back_at, created_at",
			[]any{named(14), named(6), "loan", 60_000, 0, "full", 0, "written_off", golden + 3, golden}},
		{"debt", "id, account_id, kind, principal, outstanding, mode, value, status, moved_to, created_at",
			[]any{named(190), named(6), "loan", 60_000, 0, "full", 0, "written_off", named(191), golden}},
		{"charge_due", "id, account_id, kind, month, amount_gross, vat_bps, priority, capped, created_at, version",
			[]any{named(13), named(6), "standing", "2026-11", 2300, 1500, 21, 0, golden, 2}},
		{"charge_due", "id, account_id, kind, month, amount_gross, vat_bps, priority, capped, moved, created_at, version",
			[]any{named(197), named(6), "standing", "2026-12", 300, 1500, 21, 0, 2000, golden, 2}},
		{"charge_due", "id, account_id, kind, month, amount_gross, vat_bps, priority, capped, paid_back, created_at, version",
			[]any{named(199), named(6), "standing", "2027-01", 300, 1500, 21, 0, 2000, golden, 2}},
		{"vend", `id, vendor_key, client_ref, order_hash, meter, meter_key_id, account_id, till, mode, state, currency, tender, carry_in, carry_out, units_wh, free_wh, month,
			mtd_before_wh, tariff_version_id, by_actor, priced_at, created_at, version`,
			[]any{named(20), "0a", "ref-1", []byte("order"), 11, named(3), named(6), "till", "prepay_token", "held", "KES", 10_000, 3, 24, 34_700, 100, "2026-11",
				500, named(2), "apikey till", golden, golden, 2}},
		{"vend_line", "vend_id, seq, kind, ref, amount, vat, steps_json", []any{named(20), 0, "energy", "", 8675, 0, `[{"Units":34700}]`}},
		{"vend_line", "vend_id, seq, kind, ref, amount, vat", []any{named(20), 1, "debt", "dbt_x", 1325, 7}},
		{"token", "id, vend_id, meter, meter_key_id, tid, base_date, class, subclass, rnd, units_wh, state, issued_at, created_at",
			[]any{named(21), named(20), 11, named(3), 1000, 2014, 0, 0, 5, 34_700, "reserved", golden, golden}},
		{"vend_seller", "vend_id, account_code, hold_id, commission, commission_vat, created_at", []any{named(20), 2040, named(22), 150, 20, golden}},
		{"vend", `id, client_ref, order_hash, meter, account_id, mode, state, currency, tender, month, tariff_version_id, by_actor, priced_at, created_at`,
			[]any{named(23), "ref-2", []byte("order"), 11, named(6), "prepay_wallet", "held", "KES", 10_000, "2026-11", named(2), "apikey till", golden, golden}},
		{"reversal", "id, vend_id, state, confirmed, failure, reason, by_actor, settled_at, created_at, version",
			[]any{named(30), named(20), "refused", 1, "used", "wrong meter", "usr_x", golden + 3, golden, 3}},
		{"vend", `id, client_ref, order_hash, meter, account_id, mode, state, currency, tender, month, tariff_version_id, by_actor, shift_id, priced_at, created_at`,
			[]any{named(24), "ref-3", []byte("order"), 11, named(6), "prepay_wallet", "held", "KES", 10_000, "2026-11", named(2), "apikey till", named(93), golden, golden}},
		{"reversal", "id, vend_id, state, by_actor, shift_id, created_at", []any{named(33), named(24), "waiting", "usr_x", named(93), golden}},
		{"shift", "id, till, holder_id, operator, opening, opened_at, closed_at, closed_by, expected, counted, note, created_at, version",
			[]any{named(93), "main", named(54), "person a@example.org", 50_000, golden, golden + 9, "person b@example.org", 60_000, 59_950, "coins", golden, 2}},
		{"shift", "id, till, holder_id, operator, opening, opened_at, created_at", []any{named(94), "till-2", named(54), "person a@example.org", 0, golden, golden}},
		{"shift", "id, till, operator, opened_at, created_at", []any{named(95), "till-3", "person c@example.org", golden, golden}},
		{"device", "id, name, client_id, profile, meter, adopted_at, adopted_by, released_at", []any{named(97), "kitchen", "DVES_1", "tasmota", 11, golden, "person a@example.org", golden + 9}},
		{"device", "id, name, client_id, profile, meter, adopted_at, adopted_by", []any{named(98), "bath", "DVES_2", "tasmota", 11, golden, "person a@example.org"}},
		{"device_password", "id, hash, made_at, made_by, dropped_at", []any{named(99), []byte("hash"), golden, "person a@example.org", golden + 9}},
		{"device_password", "id, hash, made_at, made_by", []any{named(100), []byte("hash 2"), golden, "person a@example.org"}},
		{"closed_day", "id, date, zone, from_at, to_at, currency, figures, pending, closed_at, closed_by, note, epoch, seal_n, head",
			[]any{named(96), "2026-11-20", "UTC", golden, golden + 9, "KES", "{}", "[]", golden + 10, "person a@example.org", "done", 1, 7, "head"}},
		{"vend", `id, client_ref, order_hash, meter, account_id, mode, state, currency, tender, month, tariff_version_id, by_actor, payment_id, priced_at, created_at`,
			[]any{named(103), "ref-4", []byte("order"), 11, named(6), "prepay_wallet", "held", "KES", 10_000, "2026-11", named(2), "system payments", named(104), golden, golden}},
		{"payment", `id, channel, provider, provider_txn, amount, currency, reference, payer, paid_at, status, reason, proof, confirmed_at, meter, vend_id, tries, created_at, version`,
			[]any{named(104), "provider", "bank", "TX1", 10_000, "KES", "0414", "+254711000001", golden, "applied", "given-back", "asked", golden + 1, "04140001001", named(103), 2, golden, 3}},
		{"payment", `id, channel, provider, provider_txn, amount, currency, paid_at, status, created_at`,
			[]any{named(105), "provider", "bank", "TX2", 10_000, "KES", golden, "received", golden}},
		{"payment", `id, channel, provider, provider_txn, amount, currency, paid_at, status, meter, request_id, created_at`,
			[]any{named(112), "provider", "bank", "TX3", 10_000, "KES", golden, "received", "04140001001", named(110), golden}},
		{"payment_question", "provider, name, payment_id, asked_at, answered_at, outcome", []any{"bank", "AG_1", named(112), golden, golden + 3, "took"}},
		{"payment_request", "id, provider, meter, amount, currency, phone, state, reason, handle, page, payment_id, by_actor, created_at, sent_at, ends_at, decided_at, version",
			[]any{named(110), "bank", "04140001001", 10_000, "KES", "+254711000001", "paid", "", "ws_CO_1", "", named(104), "apikey till", golden, golden, golden + 9, golden + 5, 2}},
		{"payment_request", "id, provider, meter, amount, currency, state, by_actor, created_at, ends_at",
			[]any{named(111), "bank", "04140001001", 10_000, "KES", "requested", "apikey till", golden, golden + 9}},
		{"provider", "id, name, kind, path_hash, path_enc, config, single_max, daily_max, disabled_at, added_by, created_at, version",
			[]any{named(106), "bank", "webhook", []byte("hash"), []byte("path"), "{}", 100, 1000, golden, "person a@example.org", golden, 2}},
		{"provider", "id, name, kind, path_hash, path_enc, added_by, created_at",
			[]any{named(107), "mpesa", "webhook", []byte("hash 2"), []byte("path"), "person a@example.org", golden}},
		{"provider", "id, name, kind, path_hash, path_enc, secrets_enc, added_by, created_at",
			[]any{named(151), "signed", "webhook", []byte("hash 3"), []byte("path"), []byte("secrets"), "person a@example.org", golden}},
		{"provider", "id, name, kind, path_hash, path_enc, added_by, created_at, secret_by, secrets_old_enc, secrets_old_until",
			[]any{named(192), "shop", "webhook", []byte("hash 4"), []byte("path"), "person a@example.org", golden, "server", []byte("old"), golden + 5}},
		{"reversal_token", "reversal_id, token_id, command_id, taken", []any{named(30), named(21), named(31), "never"}},
		{"reversal", "id, vend_id, state, by_actor, created_at", []any{named(32), named(23), "waiting", "usr_x", golden}},
		{"token_job", `id, ref, kind, meter, meter_key_id, new_key_id, account_id, units_wh, value, reason_code, reason, replaces, by_actor, approved_by, state, created_at, version`,
			[]any{named(40), "job-1", "free", 11, named(3), named(43), named(6), 25_000, 4, "goodwill", "long outage", named(44), "usr_x", "usr_y", "completed", golden, 6}},
		{"units_transfer", "id, job_id, meter, account_id, units_wh, reason_code, reason, by_actor, approved_by, created_at",
			[]any{named(45), named(40), 11, named(6), 25_000, "goodwill", "long outage", "usr_x", "usr_y", golden}},
		{"token_job", "id, ref, kind, meter, meter_key_id, reason_code, by_actor, state, created_at",
			[]any{named(41), "job-2", "clear_tamper", 11, named(3), "service", "usr_x", "held", golden}},
		{"token", "id, job_id, meter, meter_key_id, tid, base_date, class, subclass, rnd, units_wh, digits_enc, digits_hash, state, issued_at, created_at",
			[]any{named(42), named(40), 11, named(3), 1001, 2014, 2, 1, 6, 25_000, []byte("digits"), []byte("keyed"), "issued", golden, golden}},
		{"token", "id, job_id, meter, meter_key_id, base_date, class, subclass, rnd, digits_enc, state, issued_at, created_at",
			[]any{named(46), named(41), 11, named(3), 2014, 2, 1, 6, []byte("digits"), "issued", golden, golden}},
	}
}

func goldenPeople() []goldenRow {
	return []goldenRow{
		{"webhook", "id, url, events, allow_private, secret_enc, disabled_at, removed_at, added_by, created_at, version",
			[]any{named(108), "https://example.com/a", "vend.completed", 1, []byte("secret"), golden, golden + 9, "person a@example.org", golden, 3}},
		{"webhook", "id, url, events, secret_enc, added_by, created_at",
			[]any{named(109), "https://example.com/b", "alarm.raised", []byte("secret"), "person a@example.org", golden}},
		{"approval", "id, act, need, object, summary, body, maker_id, maker, checker_id, checker, state, reason, created_at, decided_at, version",
			[]any{named(50), "deposit", "float.deposit", "ven_x", "deposit 5", "{}", named(54), `{"name":"a"}`, named(55), `{"name":"b"}`, "rejected", "no slip", golden, golden + 4, 2}},
		{"approval", "id, act, need, body, maker, state, created_at", []any{named(51), "deposit", "float.deposit", "{}", "{}", "waiting", golden}},
		{"api_key", "id, hash, name, role, vendor_id, answers, created_at, expires_at, revoked_at",
			[]any{named(52), []byte("key hash 1"), "till", "vendor_api", named(10), named(54), golden, golden + 5, golden + 6}},
		{"api_key", "id, hash, role, created_at", []any{named(53), []byte("key hash 2"), "owner", golden}},
		{"api_key", "id, hash, role, allowed_from, created_at", []any{named(90), []byte("key hash 3"), "owner", "10.0.0.0/8", golden}},
		{"integration_login", "id, hash, name, customer_id, created_at, revoked_at", []any{named(56), []byte("login"), "scada", named(60), golden, golden + 7}},
		{"integration_login", "id, hash, created_at", []any{named(57), []byte("login 2"), golden}},
		{"counter_device", "id, hash, person_id, name, pin_hash, created_at, revoked_at, version",
			[]any{named(91), []byte("device hash 1"), named(54), "Counter 1", "argon", golden, golden + 8, 2}},
		{"counter_device", "id, hash, person_id, name, pin_hash, created_at", []any{named(92), []byte("device hash 2"), named(54), "Counter 2", "argon", golden}},
		{"person_own", "id, person_id, kind, number, key, made_by, created_at, ended_by, ended_at, version",
			[]any{named(110), named(54), "meter", "04140001019", "04140001019", "person a@example.org", golden, "person b@example.org", golden + 9, 2}},
		{"person_own", "id, person_id, kind, number, key, made_by, created_at", []any{named(111), named(54), "phone", "+254711000222", "11000222", "person a@example.org", golden}},
		{"person", "id, email, pw_hash, status, created_at, version", []any{named(54), "a@example.org", "argon", "active", golden, 3}},
		{"role_binding", "person_id, role, scope, created_at", []any{named(54), "owner", "", golden}},
		{"role_binding", "person_id, role, scope, created_at", []any{named(54), "support", "ven_x", golden}},
		{"standing", "id, counts_as, confirmed_at, link_hash, link_until", []any{named(54), "usr_x unknown", golden, []byte("link hash"), golden}},
		{"standing", "id", []any{named(55)}},
		{"person", "id, email, pw_hash, status, created_at, factor, factor_at, recovery", []any{named(97), "c@example.org", "argon", "active", golden,
			[]byte("sealed"), golden, make([]byte, 64)}},
		{"person", "id, email, pw_hash, status, created_at, standing_kept", []any{named(98), "d@example.org", "argon", "active", golden, 1}},
		{"person", "id, email, pw_hash, status, created_at", []any{named(55), "b@example.org", "argon", "blocked", golden}},
		{"paper_text", "id, kind, owner, since, text, salt, version", []any{named(210), "customer", named(60), 0, "Amina A.", []byte("sixteen of bytes"), 1}},
		{"paper_text", "id, kind, owner, since, text, erased_at, version", []any{named(211), "customer", named(62), golden, "", golden + 1, 2}},
		{"idempotency", "principal, key, req_hash, state, status, body_enc, created_at",
			[]any{"key till", "sale 1/2", []byte("0123456789abcdef0123456789abcdef"), "done", 201, []byte("sealed answer"), golden}},
	}
}

// PutGoldenRows writes the fixed rows, and the fixed settings of the tenant, into an empty database.
func PutGoldenRows(tx *store.Tx) error {
	for _, g := range goldenRows() {
		places := make([]string, len(g.values))
		for i := range places {
			places[i] = fmt.Sprintf("$%d", i+2)
		}
		sql := `INSERT INTO ` + g.table + ` (tenant_id, ` + g.columns + `) VALUES ($1, ` + strings.Join(places, ", ") + `)`
		if _, err := tx.C.Exec(sql, append([]any{tx.Tenant}, g.values...)...); err != nil {
			return fmt.Errorf("%s: %w", g.table, err)
		}
	}
	n, err := tx.C.Exec(`UPDATE tenant SET name = 'Ngong', currency = 'KES', exp = 2, tz = 'Africa/Nairobi', vat_no = 'P05', settings = '{"four_eyes":true}', version = 4 WHERE id = $1`, tx.Tenant)
	if err == nil && n != 1 {
		err = errors.New("there is no tenant")
	}
	return err
}
