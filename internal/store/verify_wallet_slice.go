package store

import (
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

// walletsAtOnce is how many wallets are compared together.
const walletsAtOnce = 200

// refsAtOnce is how many journals of use are read together.
const refsAtOnce = 500

// walletSlice reads the next wallets after a meter, also those of meters without an account.
func (tx *Tx) walletSlice(after int64) ([]wallet.Row, error) {
	var out []wallet.Row
	err := tx.C.Query(meters.WalletQuery+` AND w.meter > $2 ORDER BY w.meter LIMIT $3`, func(r core.Row) error {
		out = append(out, wallet.Row{})
		return meters.ScanWallet(r, &out[len(out)-1])
	}, tx.Tenant, after, walletsAtOnce)
	return out, err
}

// walletRows are the rows that belong to a slice of wallets.
type walletRows struct {
	used     map[id.ID]posted         // journals of use, by meter
	versions map[id.ID]tariff.Version // of what is accrued
	opened   map[id.ID]string         // local days on which accounts were opened
	days     map[int64]*daySums       // by meter
	held     map[int64]int64          // open entries that are held for review at the record at which rating stopped, by meter
}

// posted is the sum of the journals of use of one meter.
type posted struct {
	count, highest int64
	units          unit.Energy
	amount         money.Minor
	months         map[string]unit.Energy // units that were used in a month for certain, in any time zone, less those of the month's days
}

// daySums sums the days of a meter.
type daySums struct {
	wh, debit int64
	// Use of the wallet's month on the days of the meter and of the meters that it replaced: of all days, and of those that count for certain.
	all, least unit.Energy
}

// readWallets reads the rows that belong to wallets in the order of their meters. The parameter journals is the number of all journals of use.
func (tx *Tx) readWallets(slice []wallet.Row, journals int64, zone *time.Location) (b walletRows, err error) {
	if b.used, err = tx.usePosted(slice, journals); err != nil {
		return b, err
	}
	var versions, accounts []id.ID
	stopped := map[int64]uint64{} // numbers of the records at which rating stopped
	rows := make(map[int64]*wallet.Row, len(slice))
	for i, w := range slice {
		rows[w.Meter.N] = &slice[i]
		for _, part := range w.Parts {
			versions = append(versions, part.Version)
		}
		accounts = append(accounts, w.Meter.Account)
		if w.Held.Stopped() {
			stopped[w.Meter.N] = w.Held.Seq
		}
	}
	if b.versions, err = tx.VersionsByID(versions); err != nil {
		return b, err
	}
	b.opened = make(map[id.ID]string, len(slice))
	err = core.ReadBy(tx.Tx, core.Keyed{Query: `SELECT id, opened_at FROM account WHERE tenant_id = $1 AND id `, Form: 'b'}, accounts,
		func(a core.Row) error { b.opened[a.ID(0)] = a.Time(1).In(zone).Format(time.DateOnly); return nil })
	if err != nil {
		return b, err
	}
	if b.held, err = tx.readHeld(stopped); err != nil {
		return b, err
	}
	first, last := slice[0].Meter.N, slice[len(slice)-1].Meter.N
	if err = tx.readDays(rows, first, last, &b); err != nil {
		return b, err
	}
	return b, tx.readReplaced(rows, first, last, &b)
}

// readHeld counts the open entries of meters whose rating stopped at a record.
func (tx *Tx) readHeld(stopped map[int64]uint64) (map[int64]int64, error) {
	ns, out := make([]int64, 0, len(stopped)), make(map[int64]int64, len(stopped))
	for n := range stopped {
		ns = append(ns, n)
	}
	return out, core.ReadBy(tx.Tx, core.Keyed{Query: `SELECT meter, seq FROM quarantine WHERE tenant_id = $1 AND kind = 'rating' AND state = 'open' AND meter `,
		Form: 'i'}, ns, func(q core.Row) error {
		if n := q.Int(0); q.Int(1) == int64(stopped[n]) {
			out[n]++
		}
		return nil
	})
}

// readDays sums the days of wallets, and takes each day from the use that was posted in its month.
func (tx *Tx) readDays(slice map[int64]*wallet.Row, first, last int64, b *walletRows) error {
	b.days = make(map[int64]*daySums, len(slice))
	for n := range slice {
		b.days[n] = new(daySums)
	}
	return tx.C.Query(`SELECT meter, day, wh, debit FROM wallet_day WHERE tenant_id = $1 AND meter >= $2 AND meter <= $3`, func(d core.Row) error {
		w, day, wh := slice[d.Int(0)], d.Text(1), d.Int(2)
		if w == nil {
			return nil
		}
		sums := b.days[w.Meter.N]
		sums.wh, sums.debit = sums.wh+wh, sums.debit+d.Int(3)
		if months := b.used[w.Meter.ID].months; months != nil && len(day) == len(time.DateOnly) {
			months[day[:len(tariff.MonthForm)]] -= unit.Energy(wh)
		}
		b.countDay(w, day, unit.Energy(wh))
		return nil
	}, tx.Tenant, first, last)
}

// countDay adds a day to the wallet's month, if it is one of its days. Some days prove nothing: two customers share the day on which somebody
// moved in, and the first and last days of a month may have been counted in another time zone.
func (b *walletRows) countDay(w *wallet.Row, day string, wh unit.Energy) {
	if len(day) != len(time.DateOnly) || day[:len(tariff.MonthForm)] != w.Month {
		return
	}
	sums := b.days[w.Meter.N]
	sums.all += wh
	if day > b.opened[w.Meter.Account] && day > w.Month+"-01" {
		sums.least += wh
	}
}

// replacedBy selects the meters whose place some meters took, directly or one after the other, with the meter that took it last. Its recursive
// part has a subquery, because both engines would read the whole table for a join.
const replacedBy = `WITH RECURSIVE chain(last, meter) AS (SELECT s.new_meter, s.old_meter FROM meter_swap s
		WHERE s.tenant_id = $1 AND s.new_meter >= $2 AND s.new_meter <= $3
	UNION SELECT c.last, (SELECT MIN(s.old_meter) FROM meter_swap s WHERE s.tenant_id = $1 AND s.new_meter = c.meter) FROM chain c WHERE c.meter IS NOT NULL)
	SELECT last, meter FROM chain WHERE meter <> last`

// readReplaced adds the days of replaced meters to the months of the wallets that took their places. It reads them in parts, because an edited
// chain may be long.
func (tx *Tx) readReplaced(slice map[int64]*wallet.Row, first, last int64, b *walletRows) error {
	var old []int64
	now := map[int64][]*wallet.Row{} // wallets in whose month the use of a replaced meter counts
	count := func() error {
		err := core.ReadBy(tx.Tx, core.Keyed{Query: `SELECT meter, day, wh FROM wallet_day WHERE tenant_id = $1 AND meter `, Form: 'i'}, old, func(d core.Row) error {
			for _, w := range now[d.Int(0)] {
				b.countDay(w, d.Text(1), unit.Energy(d.Int(2)))
			}
			return nil
		})
		old = old[:0]
		clear(now)
		return err
	}
	err := tx.C.Query(replacedBy, func(c core.Row) error {
		w, n := slice[c.Int(0)], c.Int(1)
		if w == nil {
			return nil
		}
		old, now[n] = append(old, n), append(now[n], w)
		if len(old) < walletsAtOnce {
			return nil
		}
		return count()
	}, tx.Tenant, first, last)
	if err != nil {
		return err
	}
	return count()
}

// usePosted adds up the journals of use of some wallets by meter. It looks for the numbers that a wallet has used and for the next number,
// which must not exist. The parameter journals, how many there are in all, bounds the search if somebody edited a wallet.
func (tx *Tx) usePosted(slice []wallet.Row, journals int64) (map[id.ID]posted, error) {
	out, refs := map[id.ID]posted{}, make([]string, 0, refsAtOnce)
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
	return out, tx.addUse(out, refs)
}

// addUse adds the journals with some references to the sums of their meters.
func (tx *Tx) addUse(out map[id.ID]posted, refs []string) error {
	return core.ReadBy(tx.Tx, core.Keyed{Query: `SELECT j.ref, j.memo, SUM(p.amount) FROM journal j
		JOIN posting p ON p.tenant_id = j.tenant_id AND p.journal_id = j.id
		JOIN ledger_account a ON a.tenant_id = p.tenant_id AND a.n = p.account
		WHERE j.tenant_id = $1 AND a.code = $2 AND j.kind = $3 AND j.ref <> '' AND j.ref `, Args: []any{ledger.Wallet, string(ledger.Usage)}, Form: 't',
		Order: ` GROUP BY j.id, j.ref, j.memo`}, refs, func(w core.Row) error {
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
	})
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
