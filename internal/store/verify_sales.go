package store

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/ledger"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/sale"
	"github.com/paywatt/paywatt/internal/store/core"
	"github.com/paywatt/paywatt/sts"
	"github.com/paywatt/paywatt/unit"
)

// doneStates are the states of sales that have a journal and issued tokens, as SQL.
const doneStates = `('completed', 'reversing', 'reversed')`

// verifySales checks that the lines of a sale sum to the tendered amount.
func (tx *Tx) verifySales(r *Report) error {
	sales := int64(0)
	err := tx.C.Query(`SELECT v.id, v.tender, COALESCE((SELECT SUM(l.amount) FROM vend_line l
			WHERE l.tenant_id = v.tenant_id AND l.vend_id = v.id), 0), v.state
		FROM vend v WHERE v.tenant_id = $1`, func(w core.Row) error {
		sales++
		if w.Int(1) != w.Int(2) {
			r.Find("sale", "The lines of sale %s sum to %d, but %d was tendered.", w.ID(0).Text(id.Vend), w.Int(2), w.Int(1))
		}
		return nil
	}, tx.Tenant)
	r.Count("sales", sales)
	if err != nil {
		return err
	}
	stray, err := tx.Number(`SELECT COUNT(*) FROM vend_line l WHERE l.tenant_id = $1 AND NOT EXISTS (
		SELECT 1 FROM vend v WHERE v.tenant_id = l.tenant_id AND v.id = l.vend_id)`, tx.Tenant)
	if stray > 0 {
		r.Find("sale", "%d sale lines belong to no sale.", stray)
	}
	return err
}

// verifySalesBooked checks that a sale is completed if and only if it has exactly one journal, and reversed if and only if that journal was
// reversed. A claim of free units without a payment moves no money and needs no journal.
func (tx *Tx) verifySalesBooked(r *Report) error {
	booked := int64(0)
	err := core.InSlices(tx.Tx, `SELECT id, state, tender, carry_in, carry_out, free_wh, mode FROM vend WHERE tenant_id = $1`, func(w core.Row) sale.Sale {
		return sale.Sale{ID: w.ID(0), State: sale.State(w.Text(1)), Tender: money.Amount{Minor: money.Minor(w.Int(2))}, CarryIn: money.Minor(w.Int(3)),
			CarryOut: money.Minor(w.Int(4)), Free: unit.Energy(w.Int(5)), Mode: registry.Mode(w.Text(6))}
	}, func(slice []sale.Sale) error {
		refs := map[ledger.Kind][]string{}
		for _, s := range slice {
			refs[s.Journal()] = append(refs[s.Journal()], s.ID.Text(id.Vend))
		}
		found, ids := map[ledger.Kind]map[string]id.ID{}, make([]id.ID, 0, len(slice))
		for kind, refs := range refs {
			all, err := tx.JournalIDs(kind, refs)
			if err != nil {
				return err
			}
			found[kind], ids = all, slices.AppendSeq(ids, maps.Values(all))
		}
		booked += int64(len(ids))
		mirrors, err := tx.Mirrors(ids)
		for _, s := range slice {
			if err == nil {
				journal, found := found[s.Journal()][s.ID.Text(id.Vend)]
				verifyBooked(r, s, found, mirrors[journal])
			}
		}
		return err
	}, tx.Tenant)
	if err != nil {
		return err
	}
	journals, err := tx.Number(`SELECT COUNT(*) FROM journal WHERE tenant_id = $1 AND kind IN ($2, $3)`, tx.Tenant, string(ledger.Vend), string(ledger.TopUp))
	if journals != booked {
		r.Find("sale", "%d journals of sales belong to no sale.", journals-booked)
	}
	return err
}

// verifyBooked checks one sale, whose journal was found or not, and which has as many mirrors.
func verifyBooked(r *Report, s sale.Sale, found bool, mirrors int64) {
	name := s.ID.Text(id.Vend)
	moneyless := s.Tender.Minor == 0 && s.CarryIn == s.CarryOut && s.Free > 0
	done := strings.Contains(doneStates, "'"+string(s.State)+"'")
	if found != done && !(done && moneyless) {
		r.Find("sale", "Sale %s is %s, but its journal %s.", name, s.State, map[bool]string{true: "exists", false: "is missing"}[found])
	}
	if found && (mirrors == 1) != (s.State == sale.Reversed) {
		r.Find("sale", "Sale %s is %s, but %d journals reverse it.", name, s.State, mirrors)
	}
}

// verifyMonths compares the units an account bought in a month with its sales. Units count from the reservation of a sale until the sale
// fails or is reversed. If the meter accepted a token of a reversed sale, the units of that token count again.
func (tx *Tx) verifyMonths(r *Report) error {
	months := int64(0)
	err := tx.C.Query(`SELECT account_id, month, SUM(kept), SUM(sold), SUM(kept_free), SUM(sold_free), MAX(claimed) FROM (
			SELECT account_id, month, units_wh AS kept, 0 AS sold, free_wh AS kept_free, 0 AS sold_free, fbe_issued AS claimed
			FROM usage_month WHERE tenant_id = $1
			UNION ALL
			SELECT account_id, month, 0, units_wh, 0, free_wh, 0 FROM vend WHERE tenant_id = $1 AND state NOT IN ('failed', 'reversed')
			UNION ALL
			SELECT v.account_id, v.month, 0, t.units_wh, 0, CASE WHEN v.free_wh >= (SELECT SUM(x.units_wh) FROM token x
				WHERE x.tenant_id = v.tenant_id AND x.vend_id = v.id AND x.tid <= t.tid) THEN t.units_wh ELSE 0 END, 0
			FROM vend v JOIN token t ON t.tenant_id = v.tenant_id AND t.vend_id = v.id
			WHERE v.tenant_id = $1 AND v.state = 'reversed' AND t.state = 'accepted') u
		GROUP BY account_id, month`, func(w core.Row) error {
		months++
		if w.Int(4) != w.Int(5) || w.Bool(6) != (w.Int(5) > 0) {
			r.Find("month", "Account %s records %d Wh of free units in %s (claimed: %t), but its sales gave %d Wh.",
				w.ID(0).Text(id.Account), w.Int(4), w.Text(1), w.Bool(6), w.Int(5))
		}
		if w.Int(2) != w.Int(3) {
			r.Find("month", "Account %s records %d Wh bought in %s, but its sales sum to %d Wh.",
				w.ID(0).Text(id.Account), w.Int(2), w.Text(1), w.Int(3))
		}
		return nil
	}, tx.Tenant)
	r.Count("account months", months)
	return err
}

// verifyTokens checks that every token was sold or belongs to a job, and that the units of a sale equal the units of its tokens. It also
// checks that under one key no TID was used twice or lies beyond the key's last one.
func (tx *Tx) verifyTokens(r *Report) error {
	tokens, err := tx.Number(`SELECT COUNT(*) FROM token WHERE tenant_id = $1`, tx.Tenant)
	if err != nil {
		return err
	}
	r.Count("tokens", tokens)
	err = tx.C.Query(`SELECT t.id, t.state, v.state FROM token t
		LEFT JOIN vend v ON v.tenant_id = t.tenant_id AND v.id = t.vend_id
		WHERE t.tenant_id = $1 AND t.job_id IS NULL AND (t.state NOT IN ('reserved', 'failed') OR t.digits_enc IS NOT NULL)
		AND (v.id IS NULL OR v.state NOT IN `+doneStates+`)`, func(w core.Row) error {
		r.Find("token", "Token %s is %s without a completed sale.", w.ID(0).Text(id.Token), w.Text(1))
		return nil
	}, tx.Tenant)
	if err != nil {
		return err
	}
	if err := tx.verifyJobs(r); err != nil {
		return err
	}
	err = tx.C.Query(`SELECT v.id, v.units_wh, COALESCE(SUM(t.units_wh), 0) FROM vend v
		LEFT JOIN token t ON t.tenant_id = v.tenant_id AND t.vend_id = v.id
		WHERE v.tenant_id = $1 AND v.state IN `+doneStates+`
		GROUP BY v.id, v.units_wh HAVING v.units_wh <> COALESCE(SUM(t.units_wh), 0)`, func(w core.Row) error {
		r.Find("token", "Sale %s sold %d Wh, but its tokens carry %d Wh.", w.ID(0).Text(id.Vend), w.Int(1), w.Int(2))
		return nil
	}, tx.Tenant)
	if err != nil {
		return err
	}
	return tx.C.Query(`SELECT t.meter_key_id, COUNT(t.tid), COUNT(DISTINCT t.tid), COUNT(k.id) FROM token t
		LEFT JOIN meter_key k ON k.tenant_id = t.tenant_id AND k.id = t.meter_key_id
		WHERE t.tenant_id = $1 GROUP BY t.meter_key_id
		HAVING COUNT(t.tid) <> COUNT(DISTINCT t.tid) OR COUNT(k.id) = 0`, func(w core.Row) error {
		r.Find("token", "Meter key %s has %d tokens with %d different TIDs (the key exists: %t).",
			w.ID(0).Text(id.Key), w.Int(1), w.Int(2), w.Int(3) > 0)
		return nil
	}, tx.Tenant)
}

// verifyJobs checks that tokens which nobody bought belong to a completed job, and that units issued without payment have their record with
// the reason.
func (tx *Tx) verifyJobs(r *Report) error {
	err := tx.C.Query(`SELECT t.id, t.state FROM token t LEFT JOIN token_job j ON j.tenant_id = t.tenant_id AND j.id = t.job_id
		WHERE t.tenant_id = $1 AND t.job_id IS NOT NULL AND t.digits_enc IS NOT NULL AND (j.id IS NULL OR j.state <> 'completed')`, func(w core.Row) error {
		r.Find("token", "Token %s is %s, but it belongs to no completed job.", w.ID(0).Text(id.Token), w.Text(1))
		return nil
	}, tx.Tenant)
	if err != nil {
		return err
	}
	return tx.C.Query(`SELECT j.id, j.units_wh, COALESCE(u.units_wh, 0), COALESCE((SELECT SUM(t.units_wh) FROM token t
			WHERE t.tenant_id = j.tenant_id AND t.job_id = j.id), 0)
		FROM token_job j LEFT JOIN units_transfer u ON u.tenant_id = j.tenant_id AND u.job_id = j.id
		WHERE j.tenant_id = $1 AND j.state = 'completed'`, func(w core.Row) error {
		if w.Int(1) != w.Int(2) || w.Int(1) != w.Int(3) {
			r.Find("token", "Job %s gave %d Wh, but its record says %d Wh and its tokens %d Wh.", w.ID(0).Text(id.Job), w.Int(1), w.Int(2), w.Int(3))
		}
		return nil
	}, tx.Tenant)
}

// verifyReceipts checks that the receipt numbers of each outlet run from 1 to its counter without a gap. After a restore the numbers
// continue, with the epoch after a slash.
func (tx *Tx) verifyReceipts(r *Report) error {
	type outlet struct{ count, highest int64 }
	outlets := make(map[string]outlet)
	err := tx.C.Query(`SELECT receipt_no FROM vend WHERE tenant_id = $1 AND receipt_no IS NOT NULL`, func(w core.Row) error {
		text, _, _ := strings.Cut(w.Text(0), "/")
		dash := strings.LastIndexByte(text, '-')
		n, err := strconv.ParseInt(text[dash+1:], 10, 64)
		if dash < 0 || err != nil {
			r.Find("receipt", "%q is not a receipt number.", w.Text(0))
			return nil
		}
		o := outlets[text[:dash]]
		outlets[text[:dash]] = outlet{o.count + 1, max(o.highest, n)}
		return nil
	}, tx.Tenant)
	if err != nil {
		return err
	}
	err = tx.C.Query(`SELECT name, value FROM counter WHERE tenant_id = $1 AND name LIKE 'receipt:%'`, func(w core.Row) error {
		name := strings.TrimPrefix(w.Text(0), "receipt:")
		o := outlets[name]
		delete(outlets, name)
		r.Count("receipts", o.count)
		if o.count != w.Int(1) || o.highest != w.Int(1) {
			r.Find("receipt", "Outlet %s has %d receipts up to number %d, but %d numbers were assigned.", name, o.count, o.highest, w.Int(1))
		}
		return nil
	}, tx.Tenant)
	for _, name := range slices.Sorted(maps.Keys(outlets)) {
		r.Find("receipt", "Outlet %s has %d receipts, but its counter is missing. Their numbers would be used again.", name, outlets[name].count)
	}
	return err
}

// verifyReports checks that every credit token a meter accepted was sold for it. A token that was not sold for this meter is only a notice:
// the books are right, and the meter got the token elsewhere. Tokens that were sold in the time that a restore lost are missing from the
// books, so they are only counted.
func (tx *Tx) verifyReports(r *Report) error {
	lost, err := tx.Lost()
	if err != nil {
		return err
	}
	reports, err := tx.Number(`SELECT COUNT(*) FROM token_report WHERE tenant_id = $1`, tx.Tenant)
	if err != nil {
		return err
	}
	r.Count("token reports", reports)
	if tx.Tenant == FirstTenant && len(lost) > 0 {
		r.Count("restores", int64(len(lost)))
	}
	return tx.C.Query(`SELECT m.number, p.tid, p.units_wh, p.at, p.base_date FROM token_report p
		LEFT JOIN token t ON t.tenant_id = p.tenant_id AND t.id = p.token_id
		LEFT JOIN meter m ON m.tenant_id = p.tenant_id AND m.n = p.meter
		WHERE p.tenant_id = $1 AND p.result = 'accept' AND p.class = 0
		AND (t.id IS NULL OR t.meter <> p.meter OR t.tid <> p.tid OR t.units_wh <> p.units_wh)`, func(w core.Row) error {
		made := sts.BaseDate(w.Int(4)).Time(sts.TID(w.Int(1)))
		for _, span := range lost {
			if made.After(span[0].Add(-time.Minute)) && !made.After(span[1]) {
				r.Count("tokens of the time that a restore lost", 1)
				return nil
			}
		}
		r.Notice("token", "Meter %s accepted a token for %d Wh at %s (TID %d) that was not sold for it.",
			w.Text(0), w.Int(2), w.Time(3).Format("2006-01-02 15:04"), w.Int(1))
		return nil
	}, tx.Tenant)
}
