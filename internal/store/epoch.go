package store

import (
	"fmt"
	"strconv"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/fault"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/store/core"
	"github.com/paywatt/paywatt/internal/store/meters"
)

// A database that was restored from a backup starts a new epoch ([Tx.BeginEpoch]), because it does not know the events after the backup. A
// restore raises each counter whose numbers must never be used twice above every number that may have been used. The last TID of every
// meter key moves to the minute of the restore plus [core.TIDMargin]; command counters move to max(milliseconds now, last + 1), lease
// sequences to max(seconds now, last + 1). All these numbers, and the epoch, also move beyond the numbers of the replaced database
// ([Branch]). From the second epoch on, receipt numbers carry the epoch and letters that each restore draws. A meter whose row has an older epoch is asked to send all records
// again that it still has (see package intake).

// usedKey is a meter key with the last TID that a token has used under that key.
type usedKey struct {
	tenant access.Tenant
	id     id.ID
	tid    int64
}

// usedMeter is a meter with its last command counter and lease number.
type usedMeter struct {
	tenant         access.Tenant
	id             id.ID
	command, lease int64
}

// Branch holds the numbers that the replaced database has used since the copy was made, as far as they can still be read. The clock alone
// is not enough: a copy that is restored twice could use the same numbers twice. The zero value stands for a database that used no numbers.
type Branch struct {
	Epoch  int64
	rest   core.Rest // the last restore of the replaced database
	keys   []usedKey
	meters []usedMeter
}

// Branch reads the numbers that this database has used for all its tenants.
func (tx *Tx) Branch() (b Branch, err error) {
	if b.Epoch, err = tx.MetaInt(core.MetaEpoch); err != nil {
		return Branch{}, err
	}
	if b.rest, err = tx.LastRestore(); err != nil {
		return Branch{}, err
	}
	err = tx.C.Query(`SELECT k.tenant_id, k.id, k.tid_floor, `+meters.NewestTID+` FROM meter_key k`, func(r core.Row) error {
		if tid := max(r.Int(2), r.Int(3)); tid > 0 {
			b.keys = append(b.keys, usedKey{access.Tenant(r.Int(0)), r.ID(1), tid})
		}
		return nil
	})
	if err != nil {
		return Branch{}, fmt.Errorf("read the last TID of keys: %w", err)
	}
	err = tx.C.Query(`SELECT tenant_id, id, command_counter, lease_seq FROM meter WHERE command_counter > 0 OR lease_seq > 0`,
		func(r core.Row) error {
			b.meters = append(b.meters, usedMeter{access.Tenant(r.Int(0)), r.ID(1), r.Int(2), r.Int(3)})
			return nil
		})
	return b, fault.Wrap(err, "read counters")
}

// Join adds the numbers that another database has used.
func (b Branch) Join(other Branch) Branch {
	return Branch{Epoch: max(b.Epoch, other.Epoch), rest: b.rest.Join(other.rest), keys: append(b.keys, other.keys...), meters: append(b.meters, other.meters...)}
}

// BeginEpoch turns a copy of a database into a database that may be used from now on. It works on all tenants; everything else in a restore
// only copies files. The parameter taken is the time when the copy was made. The parameter replaced holds the numbers of the replaced
// database, which are not used again. BeginEpoch returns the new epoch.
func (tx *Tx) BeginEpoch(taken time.Time, replaced Branch) (int64, error) {
	old, err := tx.MetaInt(core.MetaEpoch)
	if err != nil {
		return 0, err
	}
	lost, err := tx.lostUpTo(old, replaced)
	if err != nil {
		return 0, err
	}
	epoch := max(old, replaced.Epoch) + 1
	mark := strconv.FormatInt(epoch, 10)
	for _, m := range [][2]string{
		{core.MetaEpoch, mark},
		{core.MetaRestored, strconv.FormatInt(tx.Now.Unix()/60, 10)},
		{core.MetaLostTID, strconv.FormatInt(lost.Unix()/60, 10)},
		{metaClock, strconv.FormatInt(tx.Now.UnixMicro(), 10)},
		{core.MetaLost + mark, fmt.Sprintf("%d %d", taken.UnixMicro(), tx.Now.UnixMicro())},
	} {
		if err := tx.PutMeta(m[0], m[1]); err != nil {
			return 0, err
		}
	}
	if err := tx.MarkReceipts(mark); err != nil {
		return 0, err
	}
	// The replaced database used the skipped epochs. Its log entries after this point are lost, so these epochs begin here too.
	for skipped := old + 1; skipped <= epoch; skipped++ {
		if err := tx.MarkLogs(strconv.FormatInt(skipped, 10)); err != nil {
			return 0, err
		}
	}
	if err := tx.SkipUsed(lost); err != nil {
		return 0, err
	}
	return epoch, tx.skipBranch(replaced)
}

// skipBranch moves counters beyond the numbers that the replaced database has used.
func (tx *Tx) skipBranch(b Branch) error {
	for _, k := range b.keys {
		if _, err := tx.C.Exec(`UPDATE meter_key SET tid_floor = $1 WHERE tenant_id = $2 AND id = $3 AND tid_floor < $1`,
			k.tid, k.tenant, k.id); err != nil {
			return fmt.Errorf("move the last TID of a key: %w", err)
		}
	}
	for _, m := range b.meters {
		if _, err := tx.C.Exec(`UPDATE meter SET command_counter = CASE WHEN command_counter > $1 THEN command_counter ELSE $1 END,
			lease_seq = CASE WHEN lease_seq > $2 THEN lease_seq ELSE $2 END WHERE tenant_id = $3 AND id = $4`,
			m.command, m.lease, m.tenant, m.id); err != nil {
			return fmt.Errorf("move the counters of a meter: %w", err)
		}
	}
	return nil
}

// lostUpTo returns the last minute whose TID the copied database or the replaced one may have used in the time that the restore loses.
// Sometimes only the epoch of the replaced database is known. If that epoch is newer than the copy's, lostUpTo assumes that the replaced
// database was itself restored just now.
func (tx *Tx) lostUpTo(epoch int64, replaced Branch) (time.Time, error) {
	own, err := tx.LastRestore()
	if err != nil {
		return time.Time{}, err
	}
	if replaced.Epoch > epoch && replaced.rest.At.IsZero() {
		replaced.rest = core.Rest{At: tx.Now, Lost: tx.Now.Add(core.TIDMargin)}
	}
	return core.Later(own.Given(tx.Now), replaced.rest.Given(tx.Now)), nil
}
