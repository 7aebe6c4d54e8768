package store

import (
	"bytes"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/fault"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/ledger"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/sale"
	"github.com/paywatt/paywatt/internal/store/books"
	"github.com/paywatt/paywatt/internal/store/core"
)

// reversalWanted takes the state of a sale and returns the state that the sale's reversal must have. The result is empty if the sale must
// not have a reversal. Refused reversals do not count.
func reversalWanted(s sale.State) string {
	switch s {
	case sale.Reversing:
		return "waiting"
	case sale.Reversed:
		return "done"
	}
	return ""
}

// verifySaleLife checks the events after a completed sale: its reversal, the commission and the commission's reversal. It also checks that
// the hash of its order still matches.
func verifySaleLife(r *Report, s sale.Sale, name string, b soldRows) {
	if state, want := b.reversals[s.ID], reversalWanted(s.State); state != want {
		r.Find("reversal", "Sale %s is %s, but the state of its reversal is %q instead of %q.", name, s.State, state, want)
	}
	if hash := s.OrderHash(); !bytes.Equal(hash[:], b.hashes[s.ID]) {
		r.Find("sale", "Sale %s does not match the hash of its order. The server would refuse a repeat of its request, or answer a different request with this sale.", name)
	}
	verifyCommission(r, s, name, b)
}

// verifyForm checks the rules that every sound sale, line and token obeys, so that damage is found even where no money depends on it.
func (tx *Tx) verifyForm(r *Report) error {
	for _, c := range []struct{ what, sql string }{
		{"sales have an unknown mode, or a payment or other value that their mode or state does not allow", `SELECT COUNT(*) FROM vend
			WHERE tenant_id = $1 AND (mode NOT IN ('prepay_token', 'prepay_wallet') OR mode = 'prepay_token' AND meter_key_id IS NULL
			OR mode = 'prepay_wallet' AND (meter_key_id IS NOT NULL OR units_wh <> 0 OR carry_in <> 0 OR carry_out <> 0) OR payment_id IS NOT NULL AND vendor_key <> '' OR reverses IS NOT NULL OR state <> 'failed' AND failure <> '')`},
		{"sale lines have a price or units that do not come from their price steps", `SELECT COUNT(*) FROM vend_line WHERE tenant_id = $1
			AND (rate_micro <> 0 OR steps_json = '' AND units_wh <> 0)`},
		{"energy lines do not have the units that their sales sold", `SELECT COUNT(*) FROM vend v JOIN vend_line l ON l.tenant_id = v.tenant_id AND l.vend_id = v.id
			WHERE v.tenant_id = $1 AND l.kind = 'energy' AND l.units_wh <> v.units_wh - v.free_wh`},
		{"tokens were not created at the time of their sale", `SELECT COUNT(*) FROM vend v JOIN token t ON t.tenant_id = v.tenant_id AND t.vend_id = v.id
			WHERE v.tenant_id = $1 AND t.created_at <> v.created_at`},
		{"cancel commands belong to no reversal of their token's sale: the token's units may have been given twice", `SELECT COUNT(*) FROM reversal_token c WHERE c.tenant_id = $1
			AND NOT EXISTS (SELECT 1 FROM reversal r JOIN token t ON t.tenant_id = r.tenant_id AND t.vend_id = r.vend_id
			WHERE r.tenant_id = c.tenant_id AND r.id = c.reversal_id AND t.id = c.token_id)`},
		{"tokens of reversed sales can still be handed out", `SELECT COUNT(*) FROM vend v JOIN token t ON t.tenant_id = v.tenant_id AND t.vend_id = v.id
			WHERE v.tenant_id = $1 AND v.state = 'reversed' AND t.state NOT IN ('reversed', 'reversed_unconfirmed', 'accepted', 'rejected')`},
		{"tokens have an unknown state", `SELECT COUNT(*) FROM token WHERE tenant_id = $1 AND state NOT IN ('reserved', 'issued', 'sent', 'heard', 'accepted',
			'rejected', 'reversed', 'reversed_unconfirmed', 'failed')`},
		{"tokens have a result from their meter without its time, or a time without a result", `SELECT COUNT(*) FROM token WHERE tenant_id = $1
			AND (answered_at IS NULL AND result <> '' OR answered_at IS NOT NULL AND result = '')`},
	} {
		n, err := tx.Number(c.sql, tx.Tenant)
		if err != nil {
			return err
		}
		if n > 0 {
			r.Find("sale", "%d %s.", n, c.what)
		}
	}
	return nil
}

// verifyCommission checks that a vendor's commission on a sale was booked exactly, and taken back with the sale.
func verifyCommission(r *Report, s sale.Sale, name string, b soldRows) {
	if s.Vendor.IsZero() {
		return
	}
	j, found := b.journals[ledger.Commission][name]
	var earned money.Minor
	for _, p := range j.Postings {
		if p.Account == s.Source() {
			earned -= p.Amount
		}
	}
	if found != (s.Seller.Commission != 0) || found && earned != s.Seller.Commission {
		r.Find("commission", "The commission on sale %s is %d, but %d was booked.", name, s.Seller.Commission, earned)
	}
	if mirrors := b.mirrors[j.ID]; found && (mirrors == 1) != (s.State == sale.Reversed) {
		r.Find("commission", "Sale %s is %s, but %d journals reverse its commission.", name, s.State, mirrors)
	}
}

// verifyMirrors checks that every reversing journal is the exact mirror of the journal that it reverses.
func (tx *Tx) verifyMirrors(r *Report) error {
	mirrors := int64(0)
	type mirror struct{ id, reverses id.ID }
	err := core.InSlices(tx.Tx, `SELECT id, reverses FROM journal WHERE tenant_id = $1 AND reverses IS NOT NULL ORDER BY id`,
		func(w core.Row) mirror { return mirror{w.ID(0), w.ID(1)} }, func(slice []mirror) error {
			mirrors += int64(len(slice))
			ids := make([]id.ID, 0, 2*len(slice))
			for _, m := range slice {
				ids = append(ids, m.id, m.reverses)
			}
			all, err := tx.JournalsOf(ids)
			if err != nil {
				return err
			}
			for _, m := range slice {
				back := all[m.id]
				j, found := all[m.reverses]
				exact := found && len(j.Postings) == len(back.Postings)
				for i := 0; exact && i < len(j.Postings); i++ {
					exact = back.Postings[i].Account == j.Postings[i].Account && back.Postings[i].Amount == -j.Postings[i].Amount
				}
				if !exact {
					r.Find("reversal", "Journal %s reverses journal %s but does not mirror it exactly.", m.id.Text(id.Journal), m.reverses.Text(id.Journal))
				}
			}
			return nil
		}, tx.Tenant)
	r.Count("reversed journals", mirrors)
	return err
}

// verifyFailed compares the failed sales with the audit log. Every sale that failed according to the audit log must be stored as failed,
// and no other sale may be. verifyFailed also checks the hold of each vendor's pending sale: the hold must be open or expired.
func (tx *Tx) verifyFailed(r *Report) error {
	failed := int64(0)
	type named struct {
		id   id.ID
		name string
	}
	err := core.InSlices(tx.Tx, `SELECT object FROM audit WHERE tenant_id = $1 AND action = 'vend.fail'`, func(w core.Row) named {
		i, err := id.Parse(id.Vend, w.Text(0))
		if err != nil {
			i = id.ID{} // no sale has it
		}
		return named{i, w.Text(0)}
	}, func(slice []named) error {
		failed += int64(len(slice))
		ids, there := make([]id.ID, len(slice)), map[id.ID]bool{}
		for n, v := range slice {
			ids[n] = v.id
		}
		err := core.ReadBy(tx.Tx, core.Keyed{Query: `SELECT id FROM vend WHERE tenant_id = $1 AND state = 'failed' AND id `, Form: 'b'}, ids,
			func(w core.Row) error { there[w.ID(0)] = true; return nil })
		for _, v := range slice {
			if err == nil && !there[v.id] {
				r.Find("sale", "The audit log says that sale %s failed, but its row is missing or has another state.", v.name)
			}
		}
		return err
	}, tx.Tenant)
	if err != nil {
		return err
	}
	rows, err := tx.Number(`SELECT COUNT(*) FROM vend WHERE tenant_id = $1 AND state = 'failed'`, tx.Tenant)
	if err != nil {
		return err
	}
	if rows != failed {
		r.Find("sale", "%d sales are failed, but the audit log records %d.", rows, failed)
	}
	return tx.C.Query(`SELECT v.id, h.status FROM vend v JOIN vend_seller s ON s.tenant_id = v.tenant_id AND s.vend_id = v.id
		LEFT JOIN hold h ON h.tenant_id = s.tenant_id AND h.id = s.hold_id
		WHERE v.tenant_id = $1 AND v.state = 'held' AND s.hold_id IS NOT NULL AND COALESCE(h.status, 'gone') NOT IN ('open', 'expired')`, func(w core.Row) error {
		r.Find("hold", "Sale %s waits for its token, but the state of its hold on the vendor's account is %q.", w.ID(0).Text(id.Vend), w.Text(1))
		return nil
	}, tx.Tenant)
}

// verifyLimits checks that accounts have the limits that the chart or the vendor's terms give them.
func (tx *Tx) verifyLimits(r *Report) error {
	credit := map[ledger.AccountRef]money.Minor{}
	var after id.ID
	for {
		page, err := tx.VendorPage(after, limitsPage)
		if err != nil {
			return err
		}
		for _, v := range page {
			credit[v.Account()] = v.Credit
			after = v.ID
		}
		if len(page) < limitsPage {
			break
		}
	}
	return tx.C.Query(`SELECT code, subject, floor, ceiling FROM ledger_account WHERE tenant_id = $1 AND limited = 1`, func(w core.Row) error {
		ref := ledger.AccountRef{Code: ledger.Code(w.Int(0)), Subject: w.Text(1)}
		l := ledger.LimitOf(ref.Code)
		if at, ok := credit[ref]; ok {
			l.At = at
		}
		floor, ceiling := books.Bounds(l)
		if !sameBound(w, 2, floor) || !sameBound(w, 3, ceiling) {
			r.Find("limit", "The limit of account %q was changed: it does not match the chart of accounts or the vendor's terms.", ref.Name())
		}
		return nil
	}, tx.Tenant)
}

// limitsPage is how many vendors are read at a time.
const limitsPage = 1000

func sameBound(w core.Row, col int, want *money.Minor) bool {
	if want == nil {
		return w.IsNull(col)
	}
	return !w.IsNull(col) && money.Minor(w.Int(col)) == *want
}

// verifyCounters checks that the counters of dense numbers continue after the highest number in their tables.
func (tx *Tx) verifyCounters(r *Report) error {
	for _, c := range []struct {
		name, table string
		tenant      access.Tenant
	}{{core.CounterAccount, "ledger_account", tx.Tenant}, {"meter", "meter", 0}} { // meters are numbered over all tenants
		highest, err := tx.Number(`SELECT COALESCE(MAX(n), 0) FROM `+c.table+` WHERE tenant_id = $1`, tx.Tenant)
		if err != nil {
			return err
		}
		given, err := tx.Number(`SELECT value FROM counter WHERE tenant_id = $1 AND name = $2`, c.tenant, c.name)
		if err != nil {
			return err
		}
		if given < highest || c.tenant == tx.Tenant && given > highest {
			r.Find("counter", "The highest number in table %s is %d, but its counter is at %d.", c.table, highest, given)
		}
	}
	return nil
}

// verifyDigits opens the digits of every token with the data key. It checks that the digits are sealed for this token, and that the token
// is stored under the hash of these digits. Without the key, the hash of the sealed digits in the evidence still proves that the digits
// have not changed since the sale.
func (tx *Tx) verifyDigits(r *Report, open func(token id.ID, sealed []byte) ([]byte, error)) error {
	if open == nil {
		return nil
	}
	opened := int64(0)
	err := tx.C.Query(`SELECT id, digits_enc, digits_hash FROM token WHERE tenant_id = $1 AND digits_enc IS NOT NULL`, func(w core.Row) error {
		opened++
		hash, err := open(w.ID(0), w.Bytes(1))
		name := w.ID(0).Text(id.Token)
		switch {
		case err != nil:
			r.Find("token", "The digits of token %s cannot be read: they were damaged, or belong to another token.", name)
		case string(hash) != string(w.Bytes(2)):
			r.Find("token", "The digits of token %s do not match their hash.", name)
		}
		return nil
	}, tx.Tenant)
	r.Count("tokens opened", opened)
	return fault.Wrap(err, "open tokens")
}
