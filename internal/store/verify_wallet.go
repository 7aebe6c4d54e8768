package store

import (
	"errors"
	"time"

	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/ledger"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/store/core"
	"github.com/paywatt/paywatt/internal/store/meters"
	"github.com/paywatt/paywatt/internal/tariff"
	"github.com/paywatt/paywatt/internal/wallet"
	"github.com/paywatt/paywatt/unit"
)

// posted is the sum of the journals of use of one meter.
type posted struct {
	count, highest int64
	units          unit.Energy
	amount         money.Minor
	months         map[string]unit.Energy // units that were used in a month for certain, in any time zone
}

// wholeMonth returns the month that contains all of a span, with a day to spare at both ends. It returns an empty text if there is no such
// month.
func wholeMonth(s wallet.Span) string {
	m := s.From.AddDate(0, 0, -1).Format(tariff.MonthForm)
	if s.To.AddDate(0, 0, 1).Format(tariff.MonthForm) != m {
		return ""
	}
	return m
}

// verifyWallets checks every wallet against the journals of its use and against its days. All use that was rated must be posted or accrued,
// in money and in energy, and the journals must be numbered without a gap. It reads the wallets in slices, so that its memory does not grow
// with their number.
func (tx *Tx) verifyWallets(r *Report) error {
	t, err := tx.WalletTenant()
	if err != nil {
		return err
	}
	journals, err := tx.verifyUse(r)
	if err != nil {
		return err
	}
	wallets, booked := int64(0), int64(0)
	for last, more := int64(-1), true; more; {
		slice, err := tx.walletSlice(last)
		if err != nil {
			return err
		}
		if more = len(slice) == walletsAtOnce; len(slice) == 0 {
			break
		}
		last, wallets = slice[len(slice)-1].Meter.N, wallets+int64(len(slice))
		used, err := tx.usePosted(slice, journals)
		if err != nil {
			return err
		}
		for _, w := range slice {
			p := used[w.Meter.ID]
			booked += p.count
			if err := tx.verifyOneWallet(r, w, p, t.Zone); err != nil {
				return err
			}
		}
	}
	r.Count("wallets", wallets)
	if booked != journals {
		r.Find("wallet", "%d journals charge for use of meters that have no wallet, or have a number that their wallet does not have.", journals-booked)
	}
	if err := tx.verifyAdvances(r); err != nil {
		return err
	}
	return tx.verifyClosed(r)
}

// walletsAtOnce is how many wallets are compared together.
const walletsAtOnce = 200

// verifyOneWallet checks a wallet against its journals p, its days and what is held for review.
func (tx *Tx) verifyOneWallet(r *Report, w wallet.Row, p posted, zone *time.Location) error {
	if err := tx.verifyWallet(r, w, p); err != nil {
		return err
	}
	if err := tx.verifyWalletMonths(r, w, p, zone); err != nil {
		return err
	}
	var wh, debit int64
	_, err := tx.One(`SELECT COALESCE(SUM(wh), 0), COALESCE(SUM(debit), 0) FROM wallet_day WHERE tenant_id = $1 AND meter = $2`,
		func(d core.Row) error { wh, debit = d.Int(0), d.Int(1); return nil }, tx.Tenant, w.Meter.N)
	if err != nil {
		return err
	}
	if wh != int64(w.Total()) || debit != int64(w.Debited) {
		r.Find("wallet", "Meter %s used %d Wh for %d by its daily totals, but %d Wh for %d by its register.", w.Meter.Number, wh, debit, w.Total(), w.Debited)
	}
	return tx.verifyHeld(r, w)
}

// verifyClosed checks that exactly those wallets are closed whose meters were replaced. The evidence of a swap proves when that was.
func (tx *Tx) verifyClosed(r *Report) error {
	return tx.C.Query(`SELECT m.number FROM wallet w JOIN meter m ON m.tenant_id = w.tenant_id AND m.n = w.meter
		LEFT JOIN meter_swap s ON s.tenant_id = w.tenant_id AND s.old_meter = w.meter
		WHERE w.tenant_id = $1 AND w.closed_at IS DISTINCT FROM s.at`, func(w core.Row) error {
		r.Find("wallet", "The wallet of meter %s is not closed at the time at which the meter was replaced.", w.Text(0))
		return nil
	}, tx.Tenant)
}

// verifyWallet checks that the parts of one wallet agree with each other and with its journals.
func (tx *Tx) verifyWallet(r *Report, w wallet.Row, p posted) error {
	if p.count != w.Posted || p.highest != w.Posted {
		r.Find("wallet", "Meter %s has %d usage journals up to number %d, but its wallet says %d.", w.Meter.Number, p.count, p.highest, w.Posted)
	}
	if p.units != w.PostedWh || p.amount+w.Accrued != w.Debited {
		r.Find("wallet", "Meter %s was charged %d for %d Wh, with %d accrued, but its wallet says %d in total and %d Wh posted.",
			w.Meter.Number, p.amount, p.units, w.Accrued, w.Debited, w.PostedWh)
	}
	var accrued, cost money.Minor
	var units unit.Energy
	for _, part := range w.Parts {
		v, err := tx.TariffVersion(part.Version)
		if err != nil && !errors.Is(err, core.ErrNotFound) {
			return err
		}
		price, known, err := v.Body.UseCost(part.Parts)
		if err != nil || !known {
			r.Find("wallet", "Meter %s has %d accrued under tariff version %s at a price that this version does not have.", w.Meter.Number, part.Debit, part.Version.Text(id.Version))
		}
		cost += price
		accrued += part.Debit
		for _, u := range part.Parts {
			units += u.Units
		}
	}
	if accrued != w.Accrued || units != w.Total()-w.PostedWh {
		r.Find("wallet", "Meter %s has %d accrued for %d Wh, but its parts sum to %d for %d Wh.", w.Meter.Number, w.Accrued, w.Total()-w.PostedWh, accrued, units)
	}
	// Three things cause the difference: the rest at the beginning, the rest now, and the rounding of each version's cost. Each is below a
	// minor unit.
	if off := w.Accrued - cost; off < -1 || off > money.Minor(len(w.Parts))+1 {
		r.Find("wallet", "Meter %s has %d accrued, but its energy costs %d at the rates that were used.", w.Meter.Number, w.Accrued, cost)
	}
	return nil
}

// replacedBy selects the meters whose place the meter $2 took, directly or one after the other. Their use counts in its month.
const replacedBy = `WITH RECURSIVE chain(meter) AS (SELECT s.old_meter FROM meter_swap s WHERE s.tenant_id = $1 AND s.new_meter = $2
	UNION SELECT s.old_meter FROM meter_swap s JOIN chain c ON s.tenant_id = $1 AND s.new_meter = c.meter) SELECT meter FROM chain`

// verifyWalletMonths compares the use of a month, which decides the block of a price, with the meter's days. It also compares the days with
// the journals of use.
//
// Some days prove nothing: two customers share the day on which somebody moved in, and the first and last days of a month may have
// been counted in another time zone.
func (tx *Tx) verifyWalletMonths(r *Report, w wallet.Row, p posted, zone *time.Location) error {
	opened := ""
	_, err := tx.One(`SELECT opened_at FROM account WHERE tenant_id = $1 AND id = $2`,
		func(a core.Row) error { opened = a.Time(0).In(zone).Format(time.DateOnly); return nil }, tx.Tenant, w.Meter.Account)
	if err != nil {
		return err
	}
	var all, least unit.Energy // use of all days of the wallet's month, and of the days that count for certain
	err = tx.C.Query(`SELECT d.day, d.wh, d.meter FROM wallet_day d WHERE d.tenant_id = $1 AND (d.meter = $2
		OR d.meter IN (`+replacedBy+`)) ORDER BY d.day`, func(d core.Row) error {
		day, wh := d.Text(0), unit.Energy(d.Int(1))
		if len(day) != len(time.DateOnly) {
			return nil
		}
		if p.months != nil && d.Int(2) == w.Meter.N {
			p.months[day[:len(tariff.MonthForm)]] -= wh
		}
		if day[:len(tariff.MonthForm)] == w.Month {
			all += wh
			if day > opened && day > w.Month+"-01" {
				least += wh
			}
		}
		return nil
	}, tx.Tenant, w.Meter.N)
	if err != nil {
		return err
	}
	last := w.At.In(zone).AddDate(0, 0, 1).Format(tariff.MonthForm) != w.Month
	if w.Month != "" && (w.Used > all || w.Used < least && !last && !w.Meter.Simulated) {
		r.Find("wallet", "Meter %s records %d Wh used in %s, but its daily totals sum to %d Wh. A block price would be wrong.", w.Meter.Number, w.Used, w.Month, all)
	}
	for m, missing := range p.months {
		if m != "" && missing > 0 {
			r.Find("wallet", "The daily totals of meter %s in %s lack %d Wh that its usage journals charge for.", w.Meter.Number, m, missing)
		}
	}
	return nil
}

// verifyUse checks that every journal of use names a meter and its energy, and returns how many there are.
func (tx *Tx) verifyUse(r *Report) (journals int64, err error) {
	err = tx.C.Query(`SELECT ref, memo FROM journal WHERE tenant_id = $1 AND kind = $2`, func(w core.Row) error {
		_, _, ok := wallet.ParseUseRef(w.Text(0))
		if _, read := wallet.ParseSpan(w.Text(1)); !ok || !read {
			r.Find("wallet", "Usage journal %q (%s) names no meter or no energy.", w.Text(0), w.Text(1))
			return nil
		}
		journals++
		return nil
	}, tx.Tenant, string(ledger.Usage))
	return journals, err
}

// refsAtOnce is how many journals of use are read together.
const refsAtOnce = 500

// usePosted adds up the journals of use of some wallets by meter. It looks for the numbers that a wallet has used and for the next number,
// which must not exist. The parameter journals, how many there are in all, bounds the search if somebody edited a wallet.
func (tx *Tx) usePosted(slice []wallet.Row, journals int64) (map[id.ID]posted, error) {
	out, refs := map[id.ID]posted{}, make([]any, 0, refsAtOnce)
	for _, w := range slice {
		for n := int64(1); n <= min(w.Posted, journals)+1; n++ {
			if refs = append(refs, wallet.UseRef(w.Meter.ID, n)); len(refs) == refsAtOnce {
				if err := tx.addUse(out, refs); err != nil {
					return nil, err
				}
				refs = refs[:0]
			}
		}
	}
	if len(refs) == 0 {
		return out, nil
	}
	for len(refs) < refsAtOnce { // so that there is one statement
		refs = append(refs, refs[0])
	}
	return out, tx.addUse(out, refs)
}

// addUse adds the journals with some references to the sums of their meters.
func (tx *Tx) addUse(out map[id.ID]posted, refs []any) error {
	return tx.C.Query(`SELECT j.ref, j.memo, SUM(p.amount) FROM journal j
		JOIN posting p ON p.tenant_id = j.tenant_id AND p.journal_id = j.id
		JOIN ledger_account a ON a.tenant_id = p.tenant_id AND a.n = p.account AND a.code = $1
		WHERE j.tenant_id = $2 AND j.kind = $3 AND j.ref <> '' AND j.ref IN (`+places(4, len(refs))+`) GROUP BY j.id, j.ref, j.memo`, func(w core.Row) error {
		meter, n, ok := wallet.ParseUseRef(w.Text(0))
		span, read := wallet.ParseSpan(w.Text(1))
		if !ok || !read {
			return nil // verifyUse reports it
		}
		p := out[meter]
		if p.months == nil {
			p.months = map[string]unit.Energy{}
		}
		p.months[wholeMonth(span)] += span.Units
		out[meter] = posted{p.count + 1, max(p.highest, n), p.units + span.Units, p.amount + money.Minor(w.Int(2)), p.months}
		return nil
	}, append([]any{ledger.Wallet, tx.Tenant, string(ledger.Usage)}, refs...)...)
}

// walletSlice reads the next wallets after a meter, also those of meters without an account.
func (tx *Tx) walletSlice(after int64) ([]wallet.Row, error) {
	var out []wallet.Row
	err := tx.C.Query(meters.WalletQuery+` AND w.meter > $2 ORDER BY w.meter LIMIT $3`, func(r core.Row) error {
		out = append(out, wallet.Row{})
		return meters.ScanWallet(r, &out[len(out)-1])
	}, tx.Tenant, after, walletsAtOnce)
	return out, err
}

// verifyHeld checks that a wallet whose rating stopped has an entry held for review.
func (tx *Tx) verifyHeld(r *Report, w wallet.Row) error {
	if !w.Held.Stopped() {
		return nil
	}
	n, err := tx.Number(`SELECT COUNT(*) FROM quarantine WHERE tenant_id = $1 AND meter = $2 AND kind = 'rating' AND state = 'open' AND seq = $3`,
		tx.Tenant, w.Meter.N, int64(w.Held.Seq))
	if err == nil && n != 1 {
		r.Find("wallet", "Meter %s has not been charged since record %d, but %d of its readings are held for review because of that, instead of 1.", w.Meter.Number, w.Held.Seq, n)
	}
	return err
}

// verifyAdvances checks that the tax taken in advance with top-ups and not yet used equals the amount in the books.
func (tx *Tx) verifyAdvances(r *Report) error {
	noted, err := tx.Number(`SELECT COALESCE(SUM(amount), 0) FROM wallet_advance WHERE tenant_id = $1`, tx.Tenant)
	if err != nil {
		return err
	}
	booked, err := tx.Balance(ledger.AccountRef{Code: ledger.VATOnAdvances})
	if err == nil && money.Minor(noted) != booked {
		r.Find("wallet", "The accounts record %d of tax paid in advance, but the ledger has %d.", noted, booked)
	}
	return err
}
