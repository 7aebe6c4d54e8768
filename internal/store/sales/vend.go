package sales

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/paywatt/paywatt/internal/fault"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/job"
	"github.com/paywatt/paywatt/internal/ledger"
	"github.com/paywatt/paywatt/internal/metering"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/sale"
	"github.com/paywatt/paywatt/internal/store/books"
	"github.com/paywatt/paywatt/internal/store/core"
	"github.com/paywatt/paywatt/internal/store/meters"
	"github.com/paywatt/paywatt/internal/store/people"
	"github.com/paywatt/paywatt/internal/tariff"
	"github.com/paywatt/paywatt/internal/webhook"
	"github.com/paywatt/paywatt/sts"
	"github.com/paywatt/paywatt/unit"
)

// VendPoint reads the facts about a meter that a sale needs, and locks its account, the meter and its keys, in this order. The facts are read
// after the locks, so they stay true. If the meter has moved to another account in between, VendPoint returns a conflict, and the sale
// starts again.
func (tx Rows) VendPoint(ref registry.Ref) (sale.Point, bool, error) {
	at := meterAt(ref)
	var locked id.ID
	if tx.C.ForUpdate() != "" {
		tx.PointAhead(ref)
		var err error
		if locked, err = tx.lockPoint(at); err != nil {
			return sale.Point{}, false, err
		}
	}
	p, found, err := tx.point(at)
	if err != nil || !found {
		return sale.Point{}, false, fault.Wrap(err, "find meter of a sale")
	}
	// A meter without an account has nothing to lock, and the rule of a sale refuses it.
	if tx.C.ForUpdate() != "" && p.AccountStatus != "" && p.Account != locked {
		return sale.Point{}, false, fmt.Errorf("lock meter of a sale: %w: it was moved to another account meanwhile", core.ErrConflict)
	}
	if p.Status.HasLeft() {
		done, found, err := tx.SwapOf(p.Meter.N)
		if err != nil {
			return sale.Point{}, false, err
		}
		if found {
			p.Replaced = &done
		}
	}
	if tx.C.ForUpdate() == "" {
		at = meterOf{"n", p.Meter.N}
	}
	p.Keys, err = tx.saleKeys(at)
	meters.Of(tx.Tx).KnowTIDs(p.Keys)
	return p, err == nil, fault.Wrap(err, "find meter keys of a sale")
}

// PointAhead asks ahead for what VendPoint reads and locks; see [core.Tx.Ahead].
func (tx Rows) PointAhead(ref registry.Ref) {
	at := meterAt(ref)
	tx.Ahead(func() error { _, err := tx.lockAccount(at); return err }, func() error { return tx.lockMeter(at) },
		func() error { _, err := tx.saleKeys(at); return err }, func() error { _, _, err := tx.point(at); return err })
}

// meterOf is the condition by which a sale finds its meter, as $1 and $2.
type meterOf struct {
	column string
	value  any
}

func meterAt(ref registry.Ref) meterOf {
	if ref.Number != "" {
		return meterOf{"number", ref.Number}
	}
	return meterOf{"id", ref.ID}
}

// point reads the facts about a meter.
func (tx Rows) point(at meterOf) (p sale.Point, found bool, err error) {
	reassigned := false
	found, err = tx.One(`SELECT m.id, m.n, m.number, m.simulated, m.mode, m.status, m.account_id, t.currency, t.tz, t.settings,
			a.status, a.tariff_id, a.opened_at, a.charged_to,
			CASE WHEN EXISTS (SELECT 1 FROM vend WHERE tenant_id = m.tenant_id AND `+vendOpen+` AND (meter = m.n OR account_id = m.account_id)) THEN 1 ELSE 0 END,
			CASE WHEN EXISTS (SELECT 1 FROM charge_due WHERE tenant_id = m.tenant_id AND account_id = m.account_id AND paid < amount_gross)
				OR EXISTS (SELECT 1 FROM debt WHERE tenant_id = m.tenant_id AND account_id = m.account_id AND outstanding > 0) THEN 0 ELSE 1 END,
			`+people.HasAssignments+`
		FROM meter m JOIN tenant t ON t.id = m.tenant_id LEFT JOIN account a ON a.tenant_id = m.tenant_id AND a.id = m.account_id
		WHERE m.tenant_id = $1 AND m.`+at.column+` = $2`, func(r core.Row) (err error) {
		p.Meter = sale.MeterRef{ID: r.ID(0), N: r.Int(1), Number: r.Text(2), Simulated: r.Bool(3)}
		p.Mode, p.Status = registry.Mode(r.Text(4)), registry.Status(r.Text(5))
		p.Account, p.Currency, p.TZ = r.ID(6), r.Text(7), r.Text(8)
		p.AccountStatus, p.Tariff, p.OpenedAt, p.ChargedTo = r.Text(10), r.ID(11), r.Time(12), r.Text(13)
		p.Busy, p.OwesNothing, reassigned = r.Bool(14), r.Bool(15), r.Bool(16)
		p.Policy, p.Limits, err = people.SalePolicy(r.Text(9))
		return err
	}, tx.Tenant, at.value)
	if err == nil && reassigned {
		var later map[id.ID]tariff.Assignments
		later, err = people.Of(tx.Tx).AssignmentsOf(p.Account)
		p.Later = later[p.Account]
	}
	return p, found, err
}

// saleKeys locks all keys of a meter and returns the keys that are not in the state past. It computes the newest TID in Go and not with the
// SQL of [meters.NewestTID], because it runs in every sale and most meters have only one key.
func (tx Rows) saleKeys(at meterOf) ([]registry.Key, error) {
	var all []registry.Key
	meter := ` $2`
	if at.column != "n" {
		meter = ` (SELECT n FROM meter WHERE tenant_id = $1 AND ` + at.column + ` = $2)`
	}
	err := tx.C.Query(meters.SaleKeyQuery+meter+tx.C.ForUpdate(), func(r core.Row) error {
		all = append(all, registry.Key{})
		return meters.ScanMeterKey(r, 0, &all[len(all)-1])
	}, tx.Tenant, at.value)
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

// lockPoint locks the account of a meter and then the meter, and returns the account.
func (tx Rows) lockPoint(at meterOf) (account id.ID, err error) {
	if account, err = tx.lockAccount(at); err != nil {
		return account, fault.Wrap(err, "lock account of a sale")
	}
	return account, fault.Wrap(tx.lockMeter(at), "lock meter of a sale")
}

func (tx Rows) lockAccount(at meterOf) (account id.ID, err error) {
	_, err = tx.One(`SELECT id FROM account WHERE tenant_id = $1 AND id = (SELECT account_id FROM meter WHERE tenant_id = $1 AND `+at.column+` = $2)`+
		tx.C.ForUpdate(), func(r core.Row) error { account = r.ID(0); return nil }, tx.Tenant, at.value)
	return account, err
}

func (tx Rows) lockMeter(at meterOf) error {
	_, err := tx.One(`SELECT n FROM meter WHERE tenant_id = $1 AND `+at.column+` = $2`+tx.C.ForUpdate(), func(core.Row) error { return nil }, tx.Tenant, at.value)
	return err
}

// VendMonth returns an account's units of a local month and its carry.
func (tx Rows) VendMonth(account id.ID, month string) (sale.Month, error) {
	var m sale.Month
	kept := ledger.AccountRef{Code: ledger.Carry, Subject: account.Text(id.Account)}
	tx.Ahead(func() error { _, err := books.Of(tx.Tx).Balance(kept); return err })
	_, err := tx.One(`SELECT units_wh, free_wh, fbe_issued FROM usage_month
		WHERE tenant_id = $1 AND account_id = $2 AND month = $3`+tx.C.ForUpdate(), func(r core.Row) error {
		m = sale.Month{Units: unit.Energy(r.Int(0)), Free: unit.Energy(r.Int(1)), FreeClaimed: r.Bool(2)}
		return nil
	}, tx.Tenant, account, month)
	if err != nil {
		return sale.Month{}, fault.Wrap(err, "read the month of a sale")
	}
	carry, err := books.Of(tx.Tx).Balance(kept)
	m.Carry = -carry
	return m, fault.Wrap(err, "read the carry of a sale")
}

// vendOpen is the condition of the index of open sales. It must match word for word, or SQLite does not use the index.
const vendOpen = `(state = 'priced' OR state = 'held' OR state = 'issued' OR state = 'reversing')`

// VendUnderWay reports whether a sale to the account waits for its token or its reversal. It searches by state, because there are few such
// sales.
func (tx Rows) VendUnderWay(account id.ID) (bool, error) {
	found, err := tx.One(`SELECT id FROM vend WHERE tenant_id = $1 AND `+vendOpen+` AND account_id = $2 LIMIT 1`,
		func(core.Row) error { return nil }, tx.Tenant, account)
	return found, fault.Wrap(err, "look for an open sale of the account")
}

// VendAhead asks ahead for what the writing of a sale to this meter reads; see [core.Tx.Ahead]. A sale for cash locks nothing more before
// the rows that all sales share.
func (tx Rows) VendAhead(p sale.Point, cash bool, routes []string) {
	carry := ledger.AccountRef{Code: ledger.Carry, Subject: p.Account.Text(id.Account)}
	if cash {
		tx.SharedAhead(carry)
	}
	tx.Ahead(func() error { return tx.Announce(webhook.VendCompleted, nil) }, func() error { _, err := tx.OpenFrom(); return err })
	if _, known := tx.AccountN(carry); !known {
		tx.Ahead(func() error { _, _, err := books.Of(tx.Tx).Account(carry); return err })
	}
	if slices.Contains(routes, sale.RouteMQTT) {
		tx.Ahead(func() error { _, err := tx.Enqueue(job.Item{Lane: job.LaneMQTT, Key: p.Meter.Number}); return err })
	}
}

// VendReserve inserts a sale with its lines and reserved tokens, adds to the month's units, and books its payments towards charges and
// debts. It also writes evidence of the sale. Without this evidence, nobody could detect a forged row of a held sale, and the server would
// make a token for it.
func (tx Rows) VendReserve(s sale.Sale, orderHash [32]byte) error {
	if err := tx.insertSale(s, orderHash); err != nil {
		return err
	}
	return tx.Attest("sale", s.ID)
}

// VendSell does the work of VendReserve and VendComplete for a sale whose tokens exist already. It writes each row once.
func (tx Rows) VendSell(s sale.Sale, orderHash [32]byte) error {
	if err := tx.insertSale(s, orderHash); err != nil {
		return err
	}
	return tx.announceSale(s)
}

// announceSale queues the event of a sale that was completed or reversed.
func (tx Rows) announceSale(s sale.Sale) error {
	e, is := webhook.OfSale(s)
	if !is {
		return nil
	}
	return tx.Announce(e.Type, func() (webhook.Event, error) { return e, nil })
}

func (tx Rows) insertSale(s sale.Sale, orderHash [32]byte) error {
	asked, err := askedText(s.Asked)
	if err != nil {
		return fault.Wrap(err, "write the order of a sale")
	}
	_, err = tx.C.Exec(vendInsert, vendColumns.Values(tx.Tenant, &s, orderHash[:], asked, tx.Now)...)
	if err != nil {
		return fault.Wrap(err, "insert the row of a sale")
	}
	if err := tx.insertLines(s); err != nil {
		return fault.Wrap(err, "insert the lines of a sale")
	}
	for i := range s.Tokens {
		if err := tx.insertToken(s, &s.Tokens[i]); err != nil {
			return fault.Wrap(err, "insert a token of a sale")
		}
	}
	if err := books.Of(tx.Tx).TakeCharges(s); err != nil {
		return err
	}
	err = tx.addUnits(s)
	return fault.Wrap(err, "add to the month of a sale")
}

// askedText encodes the charges that a sale was asked to pay, with their ceiling. The text is empty if there are no charges.
func askedText(a sale.Asked) (string, error) {
	if len(a.Charges) == 0 {
		return "", nil
	}
	text, err := json.Marshal(a)
	return string(text), err
}

// VendorKey is the vendor part of a sale's unique reference.
func VendorKey(vendor id.ID) string {
	if vendor.IsZero() {
		return ""
	}
	return hex.EncodeToString(vendor[:])
}

func (tx Rows) insertLines(s sale.Sale) error {
	lines := core.RowsInto(intoLines, tx.Tenant, s.ID)
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
		if err := core.AddRow(tx.Tx, &lines, &lineColumns, &s.Lines[seq], seq, units, steps); err != nil {
			return err
		}
	}
	return lines.Insert(tx.Tx)
}

// insertToken inserts a token. The row makes the token's TID unique under its key. The newest row of a key holds the key's last TID. A
// reserved token has no digits yet.
func (tx Rows) insertToken(s sale.Sale, t *sale.Token) error {
	tx.Issued(t.ID)
	return meters.Of(tx.Tx).WithTID(s.Key, t.TID, func() error {
		_, err := tx.C.Exec(saleTokenInto, tokenColumns.Values(tx.Tenant, t, s.ID, s.Meter.N, s.Key, int64(t.TID), tx.Now, []byte(t.Sealed), t.Hash, t.Tail)...)
		return err
	})
}

func (tx Rows) addUnits(s sale.Sale) error {
	_, err := tx.C.Exec(`INSERT INTO usage_month (tenant_id, account_id, month, units_wh, free_wh, fbe_issued) VALUES ($1, $2, $3, $4, $5, $6)
		ON CONFLICT (tenant_id, account_id, month) DO UPDATE SET units_wh = usage_month.units_wh + excluded.units_wh,
		free_wh = usage_month.free_wh + excluded.free_wh,
		fbe_issued = CASE WHEN excluded.fbe_issued = 1 THEN 1 ELSE usage_month.fbe_issued END`,
		tx.Tenant, s.Account, s.Month, s.Units, s.Free, s.Free > 0)
	return err
}

// VendComplete stores the tokens and the receipt number of a held sale. A sale that is not held is a broken invariant.
func (tx Rows) VendComplete(s sale.Sale) error {
	for _, t := range s.Tokens {
		if err := tx.tokenMade(t); err != nil {
			return fault.Wrap(err, "store a token of a sale")
		}
	}
	err := tx.Rewrite("sale", s.ID, func() error {
		return tx.Must(`UPDATE vend SET state = $1, receipt_no = $2, completed_at = $3, version = version + 1
			WHERE tenant_id = $4 AND id = $5 AND state = 'held'`, string(s.State), s.ReceiptNo, s.CompletedAt, tx.Tenant, s.ID)
	})
	if err != nil {
		return fault.Wrap(err, "complete a sale")
	}
	return tx.announceSale(s)
}

// VendPress marks a recharge after which somebody must press a key at the meter to restore the supply.
func (tx Rows) VendPress(sale id.ID) error {
	err := tx.Must(`UPDATE vend SET press_key = 1 WHERE tenant_id = $1 AND id = $2`, tx.Tenant, sale)
	return fault.Wrap(err, "note the key press of a sale")
}

// VendFail closes a held sale that got no token and undoes its reservations. Its TIDs stay used.
func (tx Rows) VendFail(s sale.Sale) error {
	err := tx.Must(`UPDATE vend SET state = 'failed', failure = $1, version = version + 1
		WHERE tenant_id = $2 AND id = $3 AND state = 'held'`, string(s.Failure), tx.Tenant, s.ID)
	if err != nil {
		return fault.Wrap(err, "fail a sale")
	}
	_, err = tx.C.Exec(`UPDATE token SET state = $1, version = version + 1 WHERE tenant_id = $2 AND vend_id = $3 AND `+from(metering.MoveFailed),
		string(metering.MoveFailed.To()), tx.Tenant, s.ID)
	if err != nil {
		return fault.Wrap(err, "fail the tokens of a sale")
	}
	return books.Of(tx.Tx).ChargesGiveBack(s)
}

// FirstEpoch is the epoch of a database that was never restored.
const FirstEpoch = 1

// ReceiptNo takes the next receipt number of an outlet, without gaps. After a restore the numbers continue from the backup, so numbers that
// were printed after the backup are used again. The epoch in each number, with the letters that the restore drew, tells them apart.
func (tx Rows) ReceiptNo(outlet string) (string, error) {
	n, err := tx.Take("receipt:" + outlet)
	if err != nil {
		return "", err
	}
	no := fmt.Sprintf("%s-%06d", outlet, n)
	epoch, err := tx.ReceiptEpoch(FirstEpoch)
	if epoch != "" {
		no += "/" + epoch
	}
	return no, err
}

// VendSale reads and locks a sale with its lines and its tokens, in the order of their TIDs.
func (tx Rows) VendSale(saleID id.ID) (sale.Sale, bool, error) {
	var s sale.Sale
	found, err := tx.One(vendQuery+`= $2`+tx.LockOf("v"), func(r core.Row) (err error) { s, err = scanVend(r); return err }, tx.Tenant, saleID)
	if err != nil || !found {
		return sale.Sale{}, false, fault.Wrap(err, "read the row of a sale")
	}
	if hasSeller(s) {
		if s.Seller, err = tx.sellerOf(saleID); err != nil {
			return sale.Sale{}, false, err
		}
	}
	err = tx.C.Query(lineQuery, lineColumns.AddTo(&s.Lines), tx.Tenant, saleID)
	if err != nil {
		return sale.Sale{}, false, fault.Wrap(err, "read the lines of a sale")
	}
	err = tx.C.Query(saleTokenQuery, tokenColumns.AddTo(&s.Tokens), tx.Tenant, saleID)
	return s, err == nil, fault.Wrap(err, "read the tokens of a sale")
}

// scanVend reads a row of vendQuery.
func scanVend(r core.Row) (s sale.Sale, err error) {
	s.Meter = sale.MeterRef{ID: r.ID(0), Number: r.Text(1), Simulated: r.Bool(2)}
	_, err = vendColumns.Scan(r, 3, &s)
	return s, err
}

// hasSeller reports whether a sale has a row that names its seller.
func hasSeller(s sale.Sale) bool { return !s.Vendor.IsZero() || !s.Payment.IsZero() }

// VendNumbered finds the sale with a receipt number; the zero identity if there is none.
func (tx Rows) VendNumbered(receiptNo string) (sale id.ID, err error) {
	_, err = tx.One(`SELECT id FROM vend WHERE tenant_id = $1 AND receipt_no = $2`, func(r core.Row) error {
		sale = r.ID(0)
		return nil
	}, tx.Tenant, receiptNo)
	return sale, fault.Wrap(err, "look for the receipt number of a sale")
}

// VendRef finds a sale by the vendor's own reference, and returns the hash of its order.
// A sale asks this after [Rows.VendPoint], so it may then share its transaction with other sales.
func (tx Rows) VendRef(vendor id.ID, clientRef string) (sale id.ID, orderHash [32]byte, found bool, err error) {
	tx.Share()
	found, err = tx.One(`SELECT id, order_hash FROM vend WHERE tenant_id = $1 AND vendor_key = $2 AND client_ref = $3`, func(r core.Row) error {
		sale = r.ID(0)
		copy(orderHash[:], r.Bytes(1))
		return nil
	}, tx.Tenant, VendorKey(vendor), clientRef)
	return sale, orderHash, found, fault.Wrap(err, "look for the reference of a sale")
}

// VendOpen lists held sales that were priced before a moment and that the issuer has not answered, oldest first, after the given sale.
func (tx Rows) VendOpen(before time.Time, after id.ID, max int) ([]id.ID, error) {
	var out []id.ID
	err := tx.C.Query(`SELECT id FROM vend WHERE tenant_id = $1 AND `+vendOpen+`
		AND state = 'held' AND priced_at < $2 AND id > $3 ORDER BY id LIMIT $4`, func(r core.Row) error {
		out = append(out, r.ID(0))
		return nil
	}, tx.Tenant, before, after[:], max)
	return out, fault.Wrap(err, "list open sales")
}

// VendReceipt returns the facts that a paper of a sale shows in addition to the sale. Names and addresses are those of the paper's moment, and
// figures are those of the sale.
func (tx Rows) VendReceipt(s sale.Sale, at time.Time) (p sale.Paper, err error) {
	_, err = tx.One(`SELECT tt FROM meter WHERE tenant_id = $1 AND n = $2`, func(r core.Row) error { p.TT = r.Text(0); return nil },
		tx.Tenant, s.Meter.N)
	if err != nil {
		return sale.Paper{}, fault.Wrap(err, "read the meter of a sale")
	}
	papers := people.Of(tx.Tx)
	if p.Head, err = papers.LetterheadAt(at); err != nil {
		return sale.Paper{}, err
	}
	if p.Account, err = papers.AccountTextsAt(s.Account, at); err != nil {
		return sale.Paper{}, err
	}
	if p.Vendor, err = papers.VendorTextAt(s.Vendor, at); err != nil {
		return sale.Paper{}, err
	}
	f, err := tx.VendFacts(s)
	p.Key, p.Tariff = f.Key, f.Tariff
	return p, err
}

// VendFacts returns the key and the tariff version of a sale. The sealed core of the sale's receipt contains both.
func (tx Rows) VendFacts(s sale.Sale) (f sale.Facts, err error) {
	if f.Key, _, err = meters.Of(tx.Tx).VendKey(s.Key); err != nil {
		return sale.Facts{}, err
	}
	f.Tariff, err = books.Of(tx.Tx).TariffVersion(s.Tariff)
	return f, err
}
