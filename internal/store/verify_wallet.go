package store

import (
	"time"

	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/ledger"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/store/core"
	"github.com/paywatt/paywatt/internal/tariff"
	"github.com/paywatt/paywatt/internal/wallet"
	"github.com/paywatt/paywatt/unit"
)

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
		b, err := tx.readWallets(slice, journals, t.Zone)
		if err != nil {
			return err
		}
		for _, w := range slice {
			booked += b.used[w.Meter.ID].count
			verifyOneWallet(r, w, b, t.Zone)
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

// verifyOneWallet checks a wallet against its journals, its days and what is held for review.
func verifyOneWallet(r *Report, w wallet.Row, b walletRows, zone *time.Location) {
	p, days := b.used[w.Meter.ID], b.days[w.Meter.N]
	verifyWallet(r, w, p, b.versions)
	verifyWalletMonths(r, w, p, *days, zone)
	if days.wh != int64(w.Total()) || days.debit != int64(w.Debited) {
		r.Find("wallet", "Meter %s used %d Wh for %d by its daily totals, but %d Wh for %d by its register.", w.Meter.Number, days.wh, days.debit, w.Total(), w.Debited)
	}
	if n := b.held[w.Meter.N]; w.Held.Stopped() && n != 1 {
		r.Find("wallet", "Meter %s has not been charged since record %d, but %d of its readings are held for review because of that, instead of 1.", w.Meter.Number, w.Held.Seq, n)
	}
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
func verifyWallet(r *Report, w wallet.Row, p posted, versions map[id.ID]tariff.Version) {
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
		v := versions[part.Version] // one that does not exist has no price
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
}

// verifyWalletMonths compares the use of a month, which decides the block of a price, with the meter's days. It also compares the days with
// the journals of use.
func verifyWalletMonths(r *Report, w wallet.Row, p posted, days daySums, zone *time.Location) {
	last := w.At.In(zone).AddDate(0, 0, 1).Format(tariff.MonthForm) != w.Month
	if w.Month != "" && (w.Used > days.all || w.Used < days.least && !last && !w.Meter.Simulated) {
		r.Find("wallet", "Meter %s records %d Wh used in %s, but its daily totals sum to %d Wh. A block price would be wrong.", w.Meter.Number, w.Used, w.Month, days.all)
	}
	for m, missing := range p.months {
		if m != "" && missing > 0 {
			r.Find("wallet", "The daily totals of meter %s in %s lack %d Wh that its usage journals charge for.", w.Meter.Number, m, missing)
		}
	}
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
