// Package intake takes the meters' numbered records. It judges each record in pure code ([metering.Live]), stores new ones and holds
// impossible ones for review. It updates tokens and commands by the meters' reports, and rates the readings of wallet meters.
//
// Start at [Take], which handles a batch in one transaction. Rows, locks and SQL are behind [Tx].
package intake

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/meterconfig"
	"github.com/paywatt/paywatt/internal/metering"
	"github.com/paywatt/paywatt/wire"
)

// batch is one running call of Take.
type batch struct {
	tx       Tx
	epoch    int64
	live     map[int64]*metering.Live
	meters   []int64               // meters in order of first appearance
	readings []metering.NewReading // new readings, collected to be written together
	ratings  *ratings              // nil if no meter of the batch has a wallet
	met      map[int64]bool        // meters that have booted (true) or answered a command (false)
}

// Take judges every record and writes the new ones; outcomes are in the order of the records. All records must belong to the transaction's
// tenant. After an error, the caller must commit nothing of the batch: the engine rolls back and tries again meter by meter, so that one
// meter's fault does not block the others.
func Take(tx Tx, recs []metering.Record) ([]metering.Outcome, error) {
	tenant, epoch := tx.Scope()
	b, err := newBatch(tx, tenant, epoch, recs)
	if err != nil {
		return nil, err
	}
	out := make([]metering.Outcome, len(recs))
	for i := range recs {
		if out[i], err = b.take(&recs[i]); err != nil {
			return nil, fmt.Errorf("ingest record %d of meter %s: %w", recs[i].Rec.Head.Seq, recs[i].Number, err)
		}
	}
	if err := b.writeReadings(); err != nil {
		return nil, err
	}
	for _, m := range b.meters {
		if err := b.settle(m); err != nil {
			return nil, err
		}
	}
	if err := tx.SaveLive(b.meters, b.live); err != nil {
		return nil, err
	}
	if err := b.ratings.settle(tx.Moment()); err != nil {
		return nil, err
	}
	return out, b.configure()
}

// configure sends their configuration to meters that keep their credit themselves and have booted or answered.
func (b *batch) configure() error {
	for _, m := range b.meters {
		met, concerned := b.met[m]
		if !concerned || b.live[m].Rated {
			continue
		}
		if err := meterconfig.Configure(b.tx.Configuring(), m, b.tx.Moment(), met); err != nil {
			return fmt.Errorf("configure meter %d: %w", m, err)
		}
	}
	return nil
}

func newBatch(tx Tx, tenant access.Tenant, epoch int64, recs []metering.Record) (*batch, error) {
	b := &batch{tx: tx, epoch: epoch, met: map[int64]bool{}}
	seen := make(map[int64]struct{}, 16)
	for i := range recs {
		if recs[i].Tenant != tenant {
			return nil, fmt.Errorf("ingest: meter %s belongs to tenant %d, not %d", recs[i].Number, recs[i].Tenant, tenant)
		}
		if _, ok := seen[recs[i].Meter]; !ok {
			seen[recs[i].Meter] = struct{}{}
			b.meters = append(b.meters, recs[i].Meter)
		}
	}
	var err error
	if b.live, err = tx.LockLive(b.meters); err != nil {
		return nil, err
	}
	b.ratings, err = newRatings(tx, b.live, b.meters)
	return b, err
}

// take judges one record and writes all of it except a reading, which it collects.
func (b *batch) take(r *metering.Record) (metering.Outcome, error) {
	l, tx := b.live[r.Meter], b.tx
	if r.Bad == nil && r.Rec.Kind == wire.KindBoot && l.Info == nil {
		info, err := tx.LoadInfo(r.Meter)
		if err != nil {
			return metering.Outcome{}, err
		}
		l.Info = info
	}
	if l.Rated && r.Bad == nil && r.Rec.Kind == wire.KindBoot && r.Rec.Boot.Memory != l.Memory {
		if err := b.writeReadings(); err != nil { // the old memory's readings of this batch are rated before the change
			return metering.Outcome{}, err
		}
		if err := b.ratings.rate(r.Meter, l); err != nil {
			return metering.Outcome{}, err
		}
	}
	r.MaxW = b.ratings.mostOf(r.Meter)
	d := l.Take(r, b.epoch)
	if d.Kind == metering.Quarantined {
		b.ratings.doubted(r, d.Doubt)
		return d.Outcome, hold(tx.Review(), r, l, d)
	}
	if d.Alarm != nil {
		raise := tx.Rating().RaiseAlarm
		if d.Alarm.Code.Lasts() {
			raise = tx.Review().UpdateAlarm
		}
		if err := raise(r.Meter, *d.Alarm); err != nil {
			return metering.Outcome{}, err
		}
	}
	if d.Clear != "" {
		if err := tx.ClearAlarm(r.Meter, d.Clear); err != nil {
			return metering.Outcome{}, err
		}
	}
	var err error
	if d.Kind == metering.Stored {
		err = b.store(r, l.Memory)
	}
	return d.Outcome, err
}

// store writes a new record to the table of its kind. memory is the record's device memory.
func (b *batch) store(r *metering.Record, memory string) error {
	tx := b.tx
	switch {
	case r.Rec.Reading != nil:
		b.readings = append(b.readings, metering.NewReading{Record: r, Memory: memory})
		b.ratings.take(r, b.live[r.Meter])
		return nil
	case r.Rec.Token != nil:
		return takeToken(tx, r, memory)
	case r.Rec.Command != nil:
		b.ratings.touch(r.Meter)
		if !b.met[r.Meter] {
			b.met[r.Meter] = false
		}
		return takeAnswer(tx, r, memory)
	case r.Rec.Event != nil:
		return tx.PutEvent(r, memory, r.Rec.Event.Code, r.Rec.Event.Args)
	case r.Rec.Close != nil:
		return tx.PutEvent(r, memory, 0, r.Rec.Close)
	}
	b.ratings.touch(r.Meter)
	b.met[r.Meter] = true
	return nil // the meter's row holds the boot data
}

// writeReadings writes the collected readings meter by meter, which is cheaper: those of one meter share pages of the table and its indexes.
func (b *batch) writeReadings() error {
	if len(b.readings) == 0 {
		return nil
	}
	slices.SortStableFunc(b.readings, func(x, y metering.NewReading) int { return cmp.Compare(x.Record.Meter, y.Record.Meter) })
	err := b.tx.PutReadings(b.readings)
	b.readings = b.readings[:0]
	return err
}

// settle brings a meter's figures up to its watermark.
func (b *batch) settle(meter int64) error {
	l := b.live[meter]
	if err := b.ratings.rate(meter, l); err != nil {
		return err
	}
	var held *wire.Reading
	var heldAt time.Time
	if from, to, ok := l.Held(); ok {
		var err error
		if held, heldAt, err = b.tx.StoredReading(meter, l.Memory, from, to); err != nil {
			return err
		}
		changes, err := b.tx.StoredChanges(meter, l.Memory, from, to)
		if err != nil {
			return err
		}
		l.Recall(changes)
	}
	l.Settle(held, heldAt, b.tx.Moment())
	return nil
}

// Keep stores a record that was held for review as if it had never been doubted. A reading changes the meter's shown figures only if no
// newer reading has set them, and never gives them a time in the future.
func Keep(tx Tx, r *metering.Record) error {
	live, err := tx.LockLive([]int64{r.Meter})
	if err != nil {
		return err
	}
	b, l := &batch{tx: tx, live: live}, live[r.Meter]
	if err := b.store(r, r.Memory); err != nil { // the meter may use another device memory by now
		return fmt.Errorf("store a record of meter %s: %w", r.Number, err)
	}
	if err := b.writeReadings(); err != nil {
		return err
	}
	if p := r.Rec.Reading; p != nil && l.Memory == r.Memory && l.Late(p, r.ReceivedAt, r.Simulated) {
		return tx.SaveLive([]int64{r.Meter}, live)
	}
	return nil
}
