package store

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/ledger"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/tariff"
	"github.com/paywatt/paywatt/internal/vending"
	"github.com/paywatt/paywatt/sts"
	"github.com/paywatt/paywatt/unit"
)

var _ vending.Tx = (*Tx)(nil)

// VendPoint reads what a sale must know of a meter and locks its account, the meter and its keys, in this order.
func (tx *Tx) VendPoint(ref registry.Ref) (vending.Point, bool, error) {
	column, arg := "m.id", any(ref.ID)
	if ref.Number != "" {
		column, arg = "m.number", ref.Number
	}
	var p vending.Point
	found, err := tx.one(`SELECT m.id, m.n, m.number, m.simulated, m.mode, m.status, m.account_id, t.currency, t.tz, t.settings,
			a.status, a.tariff_id, a.opened_at, a.charged_to
		FROM meter m JOIN tenant t ON t.id = m.tenant_id LEFT JOIN account a ON a.tenant_id = m.tenant_id AND a.id = m.account_id
		WHERE m.tenant_id = $1 AND `+column+` = $2`, func(r Row) (err error) {
		p.Meter = vending.MeterRef{ID: r.ID(0), N: r.Int(1), Number: r.Text(2), Simulated: r.Bool(3)}
		p.Mode, p.Status = registry.Mode(r.Text(4)), registry.Status(r.Text(5))
		p.Account, p.Currency, p.TZ = r.ID(6), r.Text(7), r.Text(8)
		p.AccountStatus, p.Tariff, p.OpenedAt, p.ChargedTo = r.Text(10), r.ID(11), r.Time(12), r.Text(13)
		p.Policy, p.Limits, err = salePolicy(r.Text(9))
		return err
	}, tx.Tenant, arg)
	if err != nil || !found {
		return vending.Point{}, false, wrapVend("find meter", err)
	}
	if err := tx.lockPoint(&p); err != nil {
		return vending.Point{}, false, err
	}
	p.Keys, err = tx.saleKeys(p.Meter.N)
	tx.knowTIDs(p.Keys)
	return p, err == nil, wrapVend("find meter keys", err)
}

// saleKeys reads the keys of a meter that are not past, and locks all. What newestTID tells is put together here: it is read in
// every sale, and meters have one key.
func (tx *Tx) saleKeys(meter int64) ([]registry.Key, error) {
	var all []registry.Key
	err := tx.C.Query(`SELECT `+meterKeyColumns+`, k.tid_floor, (SELECT MAX(x.tid) FROM token x WHERE x.tenant_id = k.tenant_id AND x.meter_key_id = k.id)
		FROM meter_key k WHERE k.tenant_id = $1 AND k.meter = $2`+tx.C.ForUpdate(), func(r Row) error {
		k, err := scanMeterKey(r, 0)
		all = append(all, k)
		return err
	}, tx.Tenant, meter)
	last := func(base sts.BaseDate) (tid sts.TID) {
		for _, k := range all {
			if k.BaseDate == base {
				tid = max(tid, k.LastTID)
			}
		}
		return tid
	}
	keys := make([]registry.Key, 0, len(all))
	for _, k := range all {
		if k.LastTID = last(k.BaseDate); k.State != "past" {
			keys = append(keys, k)
		}
	}
	return keys, err
}

// lockPoint locks the account and then the meter, where rows are locked, and reads again what a sale decides on. A meter
// that was moved to another account meanwhile is a conflict, after which the sale begins anew.
func (tx *Tx) lockPoint(p *vending.Point) error {
	if tx.C.ForUpdate() == "" {
		return nil
	}
	_, err := tx.one(`SELECT status, tariff_id, opened_at, charged_to FROM account WHERE tenant_id = $1 AND id = $2`+tx.C.ForUpdate(), func(r Row) error {
		p.AccountStatus, p.Tariff, p.OpenedAt, p.ChargedTo = r.Text(0), r.ID(1), r.Time(2), r.Text(3)
		return nil
	}, tx.Tenant, p.Account)
	if err != nil {
		return wrapVend("lock account", err)
	}
	account := p.Account
	found, err := tx.one(`SELECT mode, status, account_id FROM meter WHERE tenant_id = $1 AND id = $2`+tx.C.ForUpdate(), func(r Row) error {
		p.Mode, p.Status, p.Account = registry.Mode(r.Text(0)), registry.Status(r.Text(1)), r.ID(2)
		return nil
	}, tx.Tenant, p.Meter.ID)
	if err == nil && (!found || p.Account != account) {
		err = fmt.Errorf("%w: it was moved to another account meanwhile", ErrConflict)
	}
	return wrapVend("lock meter", err)
}

func wrapVend(what string, err error) error {
	if err != nil {
		return fmt.Errorf("%s of a sale: %w", what, err)
	}
	return nil
}

// VendMonth is where an account stands in a local month.
func (tx *Tx) VendMonth(account id.ID, month string) (vending.Month, error) {
	var m vending.Month
	_, err := tx.one(`SELECT units_wh, free_wh, fbe_issued FROM usage_month
		WHERE tenant_id = $1 AND account_id = $2 AND month = $3`+tx.C.ForUpdate(), func(r Row) error {
		m = vending.Month{Units: unit.Energy(r.Int(0)), Free: unit.Energy(r.Int(1)), FreeClaimed: r.Bool(2)}
		return nil
	}, tx.Tenant, account, month)
	if err != nil {
		return vending.Month{}, wrapVend("read the month", err)
	}
	carry, err := tx.Balance(ledger.AccountRef{Code: ledger.Carry, Subject: account.Text(id.Account)})
	m.Carry = -carry
	return m, wrapVend("read the carry", err)
}

// vendOpen is the condition of the index of open sales, word for word: else SQLite does not see that the index will do.
const vendOpen = `(state = 'priced' OR state = 'held' OR state = 'issued' OR state = 'reversing')`

// VendUnderWay reports whether a sale to the meter or its account waits for its token or for its reversal. There are few
// such sales, so they are looked through by their state.
func (tx *Tx) VendUnderWay(meter int64, account id.ID) (bool, error) {
	found, err := tx.one(`SELECT id FROM vend WHERE tenant_id = $1 AND `+vendOpen+`
		AND (meter = $2 OR account_id = $3) LIMIT 1`, func(Row) error { return nil }, tx.Tenant, meter, account)
	return found, wrapVend("look for another one under way", err)
}

// VendReserve inserts a sale with its lines and reserved tokens, adds to the month's units, and takes what the sale pays towards charges and debts from their rows.
// What is reserved leaves evidence: a sale that was never asked for and waits for its token would be given one.
func (tx *Tx) VendReserve(s vending.Sale, orderHash [32]byte) error {
	if err := tx.insertSale(s, orderHash, make([][]byte, len(s.Tokens))); err != nil {
		return err
	}
	return tx.attest("sale", s.ID)
}

// VendSell does what VendReserve and VendComplete do for a sale whose tokens exist already, writing each row once.
func (tx *Tx) VendSell(s vending.Sale, orderHash [32]byte, digitHashes [][]byte) error {
	return tx.insertSale(s, orderHash, digitHashes)
}

func (tx *Tx) insertSale(s vending.Sale, orderHash [32]byte, digitHashes [][]byte) error {
	asked, err := askedText(s.Asked)
	if err != nil {
		return wrapVend("write what is asked", err)
	}
	_, err = tx.C.Exec(`INSERT INTO vend (tenant_id, id, vendor_key, client_ref, order_hash, meter, meter_key_id, account_id, till,
		mode, state, currency, tender, carry_in, carry_out, units_wh, free_wh, month, mtd_before_wh, tariff_version_id, deliver, by_actor,
		priced_at, created_at, asked, receipt_no, completed_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25, $26, $27)`,
		tx.Tenant, s.ID, vendorKey(s.Vendor), s.ClientRef, orderHash[:], s.Meter.N, s.Key, s.Account, s.Till,
		string(s.Mode), string(s.State), s.Tender.Currency, s.Tender.Minor, s.CarryIn, s.CarryOut, s.Units, s.Free, s.Month,
		s.MonthBefore, s.Tariff, strings.Join(s.Deliver, ","), s.By, s.PricedAt, tx.Now, asked,
		orNull(s.ReceiptNo), s.CompletedAt)
	if err != nil {
		return wrapVend("insert the row", err)
	}
	if err := tx.insertLines(s); err != nil {
		return wrapVend("insert the lines", err)
	}
	for i, t := range s.Tokens {
		if err := tx.insertToken(s, t, digitHashes[i]); err != nil {
			return wrapVend("insert a token", err)
		}
	}
	if err := tx.takeCharges(s); err != nil {
		return err
	}
	return wrapVend("add to the month", tx.addUnits(s))
}

// askedText is the text of what a sale is asked for besides energy; of most sales it is empty.
func askedText(a vending.Asked) (string, error) {
	if len(a.Charges) == 0 {
		return "", nil
	}
	text, err := json.Marshal(a)
	return string(text), err
}

// vendorKey is the vendor part of a sale's unique reference.
func vendorKey(vendor id.ID) string {
	if vendor.IsZero() {
		return ""
	}
	return hex.EncodeToString(vendor[:])
}

func (tx *Tx) insertLines(s vending.Sale) error {
	lines := rowsInto(intoLines, 9, tx.Tenant, s.ID)
	for seq, l := range s.Lines {
		var units unit.Energy
		steps := ""
		if len(l.Steps) > 0 {
			text, err := json.Marshal(l.Steps)
			if err != nil {
				return err
			}
			steps = string(text)
		}
		for _, s := range l.Steps {
			units += s.Units
		}
		if err := lines.add(tx, seq, string(l.Kind), l.Ref, l.Amount, l.VAT, units, steps, l.Label, l.Left); err != nil {
			return err
		}
	}
	return lines.insert(tx)
}

// orNull is a text for a column that has NULL where there is none.
func orNull(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// insertToken takes a TID: the row makes it unique under its key, and the newest of them is the key's last. A token that
// is only reserved has no digits yet.
func (tx *Tx) insertToken(s vending.Sale, t vending.Token, digitHash []byte) error {
	tx.issued(t.ID)
	return tx.withTID(s.Key, t.TID, func() error {
		_, err := tx.C.Exec(`INSERT INTO token (tenant_id, id, vend_id, meter, meter_key_id, tid, base_date, class, subclass, rnd,
			units_wh, state, issued_at, created_at, digits_enc, digits_hash)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)`,
			tx.Tenant, t.ID, s.ID, s.Meter.N, s.Key, t.TID, t.BaseDate, t.Class, t.SubClass, t.RND, t.Units, string(t.State),
			t.IssuedAt, tx.Now, []byte(t.Sealed), digitHash)
		return err
	})
}

func (tx *Tx) addUnits(s vending.Sale) error {
	_, err := tx.C.Exec(`INSERT INTO usage_month (tenant_id, account_id, month, units_wh, free_wh, fbe_issued) VALUES ($1, $2, $3, $4, $5, $6)
		ON CONFLICT (tenant_id, account_id, month) DO UPDATE SET units_wh = usage_month.units_wh + excluded.units_wh,
		free_wh = usage_month.free_wh + excluded.free_wh,
		fbe_issued = CASE WHEN excluded.fbe_issued = 1 THEN 1 ELSE usage_month.fbe_issued END`,
		tx.Tenant, s.Account, s.Month, s.Units, s.Free, s.Free > 0)
	return err
}

// VendComplete stores what completing a held sale added. A sale that is not held is a broken invariant.
func (tx *Tx) VendComplete(s vending.Sale, digitHashes [][]byte) error {
	for i, t := range s.Tokens {
		err := tx.must(`UPDATE token SET digits_enc = $1, digits_hash = $2, state = $3, version = version + 1
			WHERE tenant_id = $4 AND id = $5 AND state = 'reserved'`, []byte(t.Sealed), digitHashes[i], string(t.State), tx.Tenant, t.ID)
		if err != nil {
			return wrapVend("store a token", err)
		}
	}
	return wrapVend("complete", tx.rewrite("sale", s.ID, func() error {
		return tx.must(`UPDATE vend SET state = $1, receipt_no = $2, completed_at = $3, version = version + 1
			WHERE tenant_id = $4 AND id = $5 AND state = 'held'`, string(s.State), s.ReceiptNo, s.CompletedAt, tx.Tenant, s.ID)
	}))
}

// VendPress notes of a recharge that somebody must press a key at the meter for the supply to return.
func (tx *Tx) VendPress(sale id.ID) error {
	return wrapVend("note the key press", tx.must(`UPDATE vend SET press_key = 1 WHERE tenant_id = $1 AND id = $2`, tx.Tenant, sale))
}

// VendFail closes a held sale that got no token and gives back what it had reserved. Its TIDs stay used.
func (tx *Tx) VendFail(s vending.Sale) error {
	err := tx.must(`UPDATE vend SET state = 'failed', failure = $1, version = version + 1
		WHERE tenant_id = $2 AND id = $3 AND state = 'held'`, string(s.Failure), tx.Tenant, s.ID)
	if err != nil {
		return wrapVend("fail", err)
	}
	_, err = tx.C.Exec(`UPDATE token SET state = 'failed', version = version + 1 WHERE tenant_id = $1 AND vend_id = $2`, tx.Tenant, s.ID)
	if err != nil {
		return wrapVend("fail the tokens", err)
	}
	return tx.ChargesGiveBack(s)
}

// firstEpoch is the epoch of a store that was never restored.
const firstEpoch = 1

// ReceiptNo takes the next number of an outlet's receipts, without a gap. After a restore the numbers go on from the
// copy, so those that were printed in between would come again: the epoch in the number keeps them apart.
func (tx *Tx) ReceiptNo(outlet string) (string, error) {
	n, err := tx.Take("receipt:" + outlet)
	if err != nil {
		return "", err
	}
	if tx.Epoch > firstEpoch {
		return fmt.Sprintf("%s-%06d/%d", outlet, n, tx.Epoch), nil
	}
	return fmt.Sprintf("%s-%06d", outlet, n), nil
}

// VendSale reads a sale with its lines and its tokens in the order of their TIDs, and locks it where rows are locked.
func (tx *Tx) VendSale(sale id.ID) (vending.Sale, bool, error) {
	var s vending.Sale
	found, err := tx.one(`SELECT v.id, v.vendor_key, v.client_ref, m.id, m.n, m.number, m.simulated, v.meter_key_id, v.account_id,
		v.till, v.state, v.currency, v.tender, v.carry_in, v.carry_out, v.units_wh, v.month, v.mtd_before_wh, v.tariff_version_id,
		v.deliver, v.receipt_no, v.failure, v.by_actor, v.priced_at, v.completed_at, v.free_wh, v.asked, v.mode, v.press_key
		FROM vend v JOIN meter m ON m.tenant_id = v.tenant_id AND m.n = v.meter WHERE v.tenant_id = $1 AND v.id = $2`+tx.lockOf("v"), func(r Row) (err error) {
		s, err = scanSale(r)
		return err
	}, tx.Tenant, sale)
	if err != nil || !found {
		return vending.Sale{}, false, wrapVend("read the row", err)
	}
	if !s.Vendor.IsZero() {
		if s.Seller, err = tx.sellerOf(sale); err != nil {
			return vending.Sale{}, false, err
		}
	}
	err = tx.C.Query(`SELECT kind, ref, amount, vat, steps_json, label, left_after FROM vend_line WHERE tenant_id = $1 AND vend_id = $2 ORDER BY seq`,
		func(r Row) error {
			l := vending.Line{Kind: vending.LineKind(r.Text(0)), Ref: r.Text(1), Amount: money.Minor(r.Int(2)), VAT: money.Minor(r.Int(3)),
				Label: r.Text(5)}
			if !r.IsNull(6) {
				left := money.Minor(r.Int(6))
				l.Left = &left
			}
			if steps := r.Text(4); steps != "" {
				if err := json.Unmarshal([]byte(steps), &l.Steps); err != nil {
					return err
				}
			}
			s.Lines = append(s.Lines, l)
			return nil
		}, tx.Tenant, sale)
	if err != nil {
		return vending.Sale{}, false, wrapVend("read the lines", err)
	}
	err = tx.C.Query(`SELECT `+tokenColumns+` FROM token WHERE tenant_id = $1 AND vend_id = $2 ORDER BY tid`, func(r Row) error {
		s.Tokens = append(s.Tokens, scanToken(r))
		return nil
	}, tx.Tenant, sale)
	return s, err == nil, wrapVend("read the tokens", err)
}

func scanSale(r Row) (vending.Sale, error) {
	s := vending.Sale{ID: r.ID(0), ClientRef: r.Text(2), Key: r.ID(7), Account: r.ID(8), Till: r.Text(9),
		Meter:  vending.MeterRef{ID: r.ID(3), N: r.Int(4), Number: r.Text(5), Simulated: r.Bool(6)},
		State:  vending.State(r.Text(10)),
		Tender: money.Amount{Currency: r.Text(11), Minor: money.Minor(r.Int(12))}, CarryIn: money.Minor(r.Int(13)),
		CarryOut: money.Minor(r.Int(14)), Units: unit.Energy(r.Int(15)), Month: r.Text(16), MonthBefore: unit.Energy(r.Int(17)),
		Tariff: r.ID(18), ReceiptNo: r.Text(20), Failure: refusal.Code(r.Text(21)), By: r.Text(22), PricedAt: r.Time(23),
		Free: unit.Energy(r.Int(25)), Mode: registry.Mode(r.Text(27)), PressKey: r.Bool(28)}
	if routes := r.Text(19); routes != "" {
		s.Deliver = strings.Split(routes, ",")
	}
	if !r.IsNull(24) {
		s.CompletedAt = r.Time(24)
	}
	if asked := r.Text(26); asked != "" {
		if err := json.Unmarshal([]byte(asked), &s.Asked); err != nil {
			return vending.Sale{}, err
		}
	}
	vendor, err := hex.DecodeString(r.Text(1))
	s.Vendor = id.FromBytes(vendor)
	return s, err
}

// VendRef finds the sale that a vendor named so, and the hash of what was asked then.
func (tx *Tx) VendRef(vendor id.ID, clientRef string) (sale id.ID, orderHash [32]byte, found bool, err error) {
	found, err = tx.one(`SELECT id, order_hash FROM vend WHERE tenant_id = $1 AND vendor_key = $2 AND client_ref = $3`, func(r Row) error {
		sale = r.ID(0)
		copy(orderHash[:], r.Bytes(1))
		return nil
	}, tx.Tenant, vendorKey(vendor), clientRef)
	return sale, orderHash, found, wrapVend("look for the reference", err)
}

// VendOpen lists sales that an issuer has not answered, priced before a moment, oldest first, after the given one.
func (tx *Tx) VendOpen(before time.Time, after id.ID, max int) ([]id.ID, error) {
	var out []id.ID
	err := tx.C.Query(`SELECT id FROM vend WHERE tenant_id = $1 AND `+vendOpen+`
		AND state = 'held' AND priced_at < $2 AND id > $3 ORDER BY id LIMIT $4`, func(r Row) error {
		out = append(out, r.ID(0))
		return nil
	}, tx.Tenant, before, after[:], max)
	return out, wrapVend("list the open ones", err)
}

// VendReceipt is what a receipt shows besides the sale itself. Names are those of today, figures those of the sale.
func (tx *Tx) VendReceipt(s vending.Sale) (vending.Paper, error) {
	var p vending.Paper
	_, err := tx.one(`SELECT t.name, t.vat_no, t.tz, m.tt, t.settings FROM tenant t JOIN meter m ON m.tenant_id = t.id
		WHERE t.id = $1 AND m.n = $2`, func(r Row) error {
		p.Utility, p.VATNo, p.TZ, p.TT = r.Text(0), r.Text(1), r.Text(2), r.Text(3)
		more, err := moreSettings(TenantRow{Settings: r.Text(4)})
		if err == nil {
			p.Head, err = receiptHead(more)
		}
		return err
	}, tx.Tenant, s.Meter.N)
	if err != nil {
		return vending.Paper{}, wrapVend("read the tenant", err)
	}
	_, err = tx.one(`SELECT c.name, p.address FROM account a
		JOIN customer c ON c.tenant_id = a.tenant_id AND c.id = a.customer_id
		JOIN service_point p ON p.tenant_id = a.tenant_id AND p.id = a.service_point_id
		WHERE a.tenant_id = $1 AND a.id = $2`, func(r Row) error {
		p.Customer, p.Address = r.Text(0), r.Text(1)
		return nil
	}, tx.Tenant, s.Account)
	if err != nil {
		return vending.Paper{}, wrapVend("read the customer", err)
	}
	_, err = tx.one(`SELECT name FROM vendor WHERE tenant_id = $1 AND id = $2`,
		func(r Row) error { p.Vendor = r.Text(0); return nil }, tx.Tenant, s.Vendor)
	if err != nil {
		return vending.Paper{}, wrapVend("read the vendor", err)
	}
	f, err := tx.VendFacts(s)
	p.Key, p.Tariff = f.Key, f.Tariff
	return p, err
}

// VendFacts is what the core of a sale's receipt says of its key and its tariff.
func (tx *Tx) VendFacts(s vending.Sale) (f vending.Facts, err error) {
	if f.Key, _, err = tx.VendKey(s.Key); err != nil {
		return vending.Facts{}, err
	}
	f.Tariff, err = tx.tariffVersion(s.Tariff)
	return f, err
}

func (tx *Tx) tariffVersion(version id.ID) (tariff.Version, error) {
	var v tariff.Version
	found, err := tx.one(`SELECT `+versionColumns+versionTables+` WHERE v.tenant_id = $1 AND v.id = $2`,
		func(r Row) (err error) { v, err = tx.scanVersion(r); return err }, tx.Tenant, version)
	if err == nil && !found {
		err = ErrNotFound
	}
	return v, wrapVend("read the tariff version", err)
}
