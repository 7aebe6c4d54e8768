package intake

import (
	"cmp"
	"slices"
	"time"

	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/metering"
	"github.com/paywatt/paywatt/internal/tariff"
	"github.com/paywatt/paywatt/internal/wallet"
	"github.com/paywatt/paywatt/unit"
	"github.com/paywatt/paywatt/wire"
)

// ratings rates the readings of wallet meters in one call of Take. It is nil if the batch has no such readings.
type ratings struct {
	tenant  wallet.Tenant
	rows    map[int64]*wallet.Row // wallet rows by meter, locked
	others  []int64               // all meters of the batch's accounts, in the batch or not, in order
	fresh   map[int64][]wallet.Reading
	days    map[int64][]wallet.DayUse
	changed map[id.ID]bool   // accounts to decide about
	heard   map[int64]uint64 // the records by which the meters' clocks were judged
	tx      Tx
	wallets versionCache
}

// versionCache gives access to the rows of wallets, and reads the versions of each tariff only once.
type versionCache struct {
	wallet.ReleaseTx
	tx       Tx
	versions map[id.ID][]tariff.Version
}

// of returns all versions of the tariff.
func (k versionCache) of(t id.ID) ([]tariff.Version, error) {
	if v, ok := k.versions[t]; ok {
		return v, nil
	}
	v, err := k.tx.VersionsOf(t)
	if err == nil {
		k.versions[t] = v
	}
	return v, err
}

// TariffVersionAt returns the version of a tariff in force at a moment.
func (k versionCache) TariffVersionAt(t id.ID, at time.Time) (v tariff.Version, found bool, err error) {
	all, err := k.of(t)
	for _, next := range all {
		if !next.EffectiveFrom.After(at) {
			v, found = next, true
		}
	}
	return v, found, err
}

// newRatings locks the wallets of a batch's rated meters, and of all other meters of their accounts.
func newRatings(tx Tx, live map[int64]*metering.Live, meters []int64) (*ratings, error) {
	var rated []int64
	for _, m := range meters {
		if live[m].Rated {
			rated = append(rated, m)
		}
	}
	if len(rated) == 0 {
		return nil, nil
	}
	r := &ratings{rows: map[int64]*wallet.Row{}, fresh: map[int64][]wallet.Reading{}, days: map[int64][]wallet.DayUse{},
		changed: map[id.ID]bool{}, heard: map[int64]uint64{}, tx: tx, wallets: versionCache{tx.Rating(), tx, map[id.ID][]tariff.Version{}}}
	var err error
	if r.tenant, err = tx.Rating().WalletTenant(); err != nil {
		return nil, err
	}
	rows, err := tx.WalletsOfMeters(rated)
	for i := range rows {
		r.rows[rows[i].Meter.N] = &rows[i]
		r.others = append(r.others, rows[i].Meter.N)
	}
	return r, err
}

// mostOf returns the highest power that a rated meter can measure; 0 for any other meter.
func (r *ratings) mostOf(meter int64) int64 {
	if r == nil || r.rows[meter] == nil {
		return 0
	}
	return int64(r.rows[meter].Most(r.rows[meter].Meter.Phases))
}

// take collects a new reading.
func (r *ratings) take(rec *metering.Record, l *metering.Live) {
	if r == nil || r.rows[rec.Meter] == nil {
		return
	}
	r.clock(rec, l)
	p := rec.Rec.Reading
	r.fresh[rec.Meter] = append(r.fresh[rec.Meter], wallet.Reading{Memory: l.Memory, Seq: p.Seq, At: time.Unix(p.At, 0), Up: p.Up, Clock: p.Clock,
		ReceivedAt: rec.ReceivedAt, Register: unit.Energy(p.RegisterWh), Open: wallet.SaysOpen(p.Relay, len(p.Reasons) > 0)})
}

// clock judges a meter's clock by its newest reading. It computes the lag from this reading and the previous one. The parameter l still
// holds the figures of the previous reading.
func (r *ratings) clock(rec *metering.Record, l *metering.Live) {
	w, p := r.rows[rec.Meter], rec.Rec.Reading
	if w.Meter.Simulated || p.Seq <= l.ReadingSeq || p.Seq <= r.heard[rec.Meter] {
		return
	}
	at := time.Unix(p.At, 0)
	r.heard[rec.Meter], w.Said, w.Lag = p.Seq, at, wallet.Lag{}
	if l.ReadingSeq > 0 {
		w.Lag = wallet.LagOf(at, rec.ReceivedAt, time.UnixMicro(l.AsOf), l.ReceivedAt)
	}
	if w.Adrift = p.Clock != wire.ClockValid || at.Sub(rec.ReceivedAt) > maxDrift; w.Adrift {
		r.touch(rec.Meter)
	}
}

// doubted handles a record that is held for review. If its time is in doubt, the meter's clock must be set: until then no record of the
// meter counts.
func (r *ratings) doubted(rec *metering.Record, why metering.Doubt) {
	if r == nil || r.rows[rec.Meter] == nil || why != metering.DoubtFuture && why != metering.DoubtTime {
		return
	}
	w, head := r.rows[rec.Meter], rec.Rec.Head
	if w.Meter.Simulated || head.Seq <= r.heard[rec.Meter] {
		return
	}
	r.heard[rec.Meter], w.Adrift, w.Said = head.Seq, true, time.Time{}
	if metering.Writable(head.At) {
		w.Said = time.Unix(head.At, 0)
	}
	r.touch(rec.Meter)
}

// rate rates, in order, the readings that the meter's watermark has passed: those of this batch, and earlier ones beyond a gap that is now
// closed. Call rate before the window is loaded again.
func (r *ratings) rate(meter int64, l *metering.Live) error {
	if r == nil || r.rows[meter] == nil {
		return nil
	}
	w, fresh := r.rows[meter], r.fresh[meter]
	from, to, held := l.Passed()
	if to < from || !w.Meter.Active {
		return nil
	}
	delete(r.fresh, meter)
	delete(r.heard, meter) // another memory may follow, with a new numbering
	if held {
		var err error
		if fresh, err = r.tx.ReadingsBetween(meter, l.Memory, from, to, metering.HeldRows+len(fresh), metering.HeldRows+len(fresh)); err != nil {
			return err
		}
	}
	slices.SortFunc(fresh, func(a, b wallet.Reading) int { return cmp.Compare(a.Seq, b.Seq) })
	w.Meter.LastSeen, w.Meter.NewestAt = l.LastSeen, l.NewestAt
	for _, p := range fresh {
		if p.Memory != l.Memory || p.Seq > to {
			continue
		}
		if err := r.takeOne(w, p); err != nil {
			return err
		}
	}
	return nil
}

// maxDrift is the largest lead of a meter's clock over the server's before the meter's clock is set.
const maxDrift = time.Minute

// touch makes settle decide about the account of a meter: the meter has answered a command, or has connected again.
func (r *ratings) touch(meter int64) {
	if r != nil && r.rows[meter] != nil && r.rows[meter].Meter.Active {
		r.changed[r.rows[meter].Meter.Account] = true
	}
}

// takeOne rates one reading.
func (r *ratings) takeOne(w *wallet.Row, p wallet.Reading) error {
	if w.Held.Stopped() && w.Held.Reason != wallet.HoldOpen {
		r.changed[w.Meter.Account] = true // the reading may report again that the lease is used up
		return nil
	}
	versions, err := w.Meter.Later.Versions(w.Meter.Tariff, r.wallets.of)
	if err != nil {
		return err
	}
	out, err := wallet.TakeRow(r.wallets, w, p, wallet.Terms{Zone: r.tenant.Zone, Simulated: w.Meter.Simulated, Phases: w.Meter.Phases, Versions: versions})
	for _, d := range out.Days {
		r.days[w.Meter.N] = wallet.AddDay(r.days[w.Meter.N], d)
	}
	r.changed[w.Meter.Account] = true
	return err
}

// settle writes the ratings and decides about every account concerned.
func (r *ratings) settle(now time.Time) error {
	if r == nil || len(r.changed) == 0 {
		return nil
	}
	used := make([]wallet.MeterDays, 0, len(r.days))
	for _, m := range r.others {
		if days := r.days[m]; len(days) > 0 {
			used = append(used, wallet.MeterDays{Meter: m, Days: days})
		}
	}
	if len(used) > 0 {
		if err := r.wallets.WalletDays(used); err != nil {
			return err
		}
	}
	var accounts [][]wallet.Row
	at := map[id.ID]int{}        // of an account in accounts
	for _, m := range r.others { // in the order of the meters: an account comes at the place of its first meter
		w := r.rows[m]
		account := w.Meter.Account
		if !r.changed[account] {
			continue
		}
		i, found := at[account]
		if !found {
			i, at[account] = len(accounts), len(accounts)
			accounts = append(accounts, nil)
		}
		accounts[i] = append(accounts[i], *w)
	}
	clear(r.changed)
	return wallet.SettleAll(r.wallets, r.tenant, accounts, now)
}
