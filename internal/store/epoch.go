package store

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/vending"
	"github.com/paywatt/paywatt/sts"
)

// A database that was restored from a backup starts a new epoch ([Tx.Epoch]): what happened after the backup was made
// is unknown to it. Restoring therefore moves everything that must never be used twice beyond what may have been used:
// the last TID of every meter key to the minute of the restore and [TIDMargin] beyond, command counters and lease
// sequences to max(milliseconds now, last + 1), and all of them beyond what the replaced database says it has used
// ([Branch]), whose epoch the new one lies beyond as well. Receipt numbers carry the epoch as a mark from the second epoch on, and meters
// whose row knows an older epoch are asked to send again what they still have (see [Tx.Ingest]).

// TIDMargin is by how much the TIDs of a restored store start after the minute of the restore. A second token for a
// meter in one minute takes the next minute's TID, so the ones that are lost may lie ahead of the clock, by as many
// minutes as there were tokens for one meter in a row, and so far as the sale lets them. It is more after a second restore
// soon after the first ([vending.GivenUpTo]). Meters accept TIDs of days to come.
const TIDMargin = vending.MaxAhead * time.Minute

// firstMargin is what it was in versions that did not note how far TIDs may have run.
const firstMargin = time.Hour

// Keys of meta.
const (
	metaEpoch    = "epoch"           // decimal, from 1
	metaRestored = "restored_minute" // minutes since 1970 of the last restore; no row where there was none
	metaLostTID  = "lost_tid_minute" // minutes since 1970: TIDs up to here may have been given in what restores have lost
	metaLost     = "lost:"           // and the epoch: microseconds from and to, the time that its restore lost
	metaBase     = "base:"           // and the epoch, a colon, the tenant: leaves the tenant's log had when it began
)

// RestoredAt is the minute in which this database was last restored from a backup, the zero time for never. No TID of
// that minute or an earlier one may be issued again.
func (tx *Tx) RestoredAt() (time.Time, error) {
	minute, err := tx.metaInt(metaRestored)
	return minuteTime(minute), err
}

// restoredAt reads what meta has under metaRestored and metaLostTID, empty texts for nothing. Nothing of TIDs was noted by
// an older version; then they begin as they would today.
func restoredAt(restored, lost string) (at, upTo time.Time, err error) {
	var minute [2]int64
	for i, text := range []string{restored, lost} {
		if text == "" {
			continue
		}
		if minute[i], err = strconv.ParseInt(text, 10, 64); err != nil {
			return time.Time{}, time.Time{}, err
		}
	}
	at, upTo = minuteTime(minute[0]), minuteTime(minute[1])
	if !at.IsZero() && upTo.IsZero() {
		upTo = at.Add(TIDMargin)
	}
	return at, upTo, nil
}

func minuteTime(minute int64) time.Time {
	if minute == 0 {
		return time.Time{}
	}
	return time.Unix(minute*60, 0).UTC()
}

// metaInt reads a number of meta, 0 where there is no such row.
func (tx *Tx) metaInt(key string) (int64, error) {
	var n int64
	_, err := tx.one(`SELECT value FROM meta WHERE key = $1`, func(r Row) (err error) {
		n, err = strconv.ParseInt(r.Text(0), 10, 64)
		return err
	}, key)
	if err != nil {
		return 0, fmt.Errorf("read %s of the database: %w", key, err)
	}
	return n, nil
}

func (tx *Tx) putMeta(key, value string) error {
	_, err := tx.C.Exec(`INSERT INTO meta (key, value) VALUES ($1, $2)
		ON CONFLICT (key) DO UPDATE SET value = excluded.value`, key, value)
	if err != nil {
		return fmt.Errorf("write %s of the database: %w", key, err)
	}
	return nil
}

// Known compares what a key outside the database is known by, which is no secret, with what the database was first used
// with; the first time it notes it. Not known: what that key sealed cannot be opened with this one.
func (tx *Tx) Known(key, mark string) (bool, error) {
	have := ""
	found, err := tx.one(`SELECT value FROM meta WHERE key = $1`, func(r Row) error { have = r.Text(0); return nil }, "key:"+key)
	if err != nil || found { // nothing is written, so a full disk lets a server start
		return have == mark, err
	}
	return true, tx.putMeta("key:"+key, mark)
}

// Branch is what the database that a restore replaces has used since the copy was made, as far as it can still be read.
// The clock alone does not tell: a copy that is restored twice would give the same numbers twice. The zero value knows
// of nothing.
type Branch struct {
	Epoch  int64
	rest   rest // what is known of its last restore
	keys   []usedKey
	meters []usedMeter
}

type usedKey struct {
	tenant access.Tenant
	id     id.ID
	tid    int64
}

type usedMeter struct {
	tenant         access.Tenant
	id             id.ID
	command, lease int64
}

// Branch reads what this database has used, of all tenants.
func (tx *Tx) Branch() (b Branch, err error) {
	if b.Epoch, err = tx.metaInt(metaEpoch); err != nil {
		return Branch{}, err
	}
	if b.rest, err = tx.lastRestore(); err != nil {
		return Branch{}, err
	}
	err = tx.C.Query(`SELECT k.tenant_id, k.id, k.tid_floor, `+newestTID+` FROM meter_key k`, func(r Row) error {
		if tid := max(r.Int(2), r.Int(3)); tid > 0 {
			b.keys = append(b.keys, usedKey{access.Tenant(r.Int(0)), r.ID(1), tid})
		}
		return nil
	})
	if err != nil {
		return Branch{}, fmt.Errorf("read the last TID of keys: %w", err)
	}
	err = tx.C.Query(`SELECT tenant_id, id, command_counter, lease_seq FROM meter WHERE command_counter > 0 OR lease_seq > 0`,
		func(r Row) error {
			b.meters = append(b.meters, usedMeter{access.Tenant(r.Int(0)), r.ID(1), r.Int(2), r.Int(3)})
			return nil
		})
	if err != nil {
		return Branch{}, fmt.Errorf("read counters: %w", err)
	}
	return b, nil
}

// Join adds what another database has used.
func (b Branch) Join(other Branch) Branch {
	return Branch{Epoch: max(b.Epoch, other.Epoch), rest: b.rest.join(other.rest), keys: append(b.keys, other.keys...), meters: append(b.meters, other.meters...)}
}

// BeginEpoch turns a copy of a database, taken at the moment taken, into one that may be used from now on. It works on
// all tenants and is the one thing a restore does besides copying files. replaced is what is known of the database whose
// place it takes; nothing of that is used again. It gives the new epoch.
func (tx *Tx) BeginEpoch(taken time.Time, replaced Branch) (int64, error) {
	old, err := tx.metaInt(metaEpoch)
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
		{metaEpoch, mark},
		{metaRestored, strconv.FormatInt(tx.Now.Unix()/60, 10)},
		{metaLostTID, strconv.FormatInt(lost.Unix()/60, 10)},
		{metaClock, strconv.FormatInt(tx.Now.UnixMicro(), 10)},
		{metaLost + mark, fmt.Sprintf("%d %d", taken.UnixMicro(), tx.Now.UnixMicro())},
	} {
		if err := tx.putMeta(m[0], m[1]); err != nil {
			return 0, err
		}
	}
	for skipped := old + 1; skipped <= epoch; skipped++ { // the epochs of branches that are gone began here as well
		if err := tx.markLogs(strconv.FormatInt(skipped, 10)); err != nil {
			return 0, err
		}
	}
	if err := tx.skipUsed(lost); err != nil {
		return 0, err
	}
	return epoch, tx.skipBranch(replaced)
}

// skipBranch moves counters beyond what the replaced database has used.
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

// markLogs notes where each tenant's log stands: heads that were signed later in the old epoch belong to a lost branch.
func (tx *Tx) markLogs(mark string) error {
	tenants, err := tx.Tenants()
	if err != nil {
		return err
	}
	for _, t := range tenants {
		size, err := tx.number(`SELECT COALESCE(MAX(last) + 1, 0) FROM seal WHERE tenant_id = $1`, t)
		if err != nil {
			return fmt.Errorf("find the end of the log of tenant %d: %w", t, err)
		}
		if err := tx.putMeta(baseKey(mark, t), strconv.FormatInt(size, 10)); err != nil {
			return err
		}
	}
	return nil
}

func baseKey(epoch string, t access.Tenant) string {
	return metaBase + epoch + ":" + strconv.FormatInt(int64(t), 10)
}

// lostUpTo is the last minute whose TID may have been given in the time that a restore loses: by the database that the copy
// was made of, or by the one that is replaced. Where that one tells nothing but its epoch, it may have been restored just now.
func (tx *Tx) lostUpTo(epoch int64, replaced Branch) (time.Time, error) {
	own, err := tx.lastRestore()
	if err != nil {
		return time.Time{}, err
	}
	if replaced.Epoch > epoch && replaced.rest.at.IsZero() {
		replaced.rest = rest{tx.Now, tx.Now.Add(TIDMargin)}
	}
	return later(own.given(tx.Now), replaced.rest.given(tx.Now)), nil
}

// rest is the last restore of a database: its minute, and up to where TIDs may have been given in the time that was lost.
type rest struct{ at, lost time.Time }

// lastRestore reads it; zero for none.
func (tx *Tx) lastRestore() (r rest, err error) {
	var text [2]string
	for i, key := range []string{metaRestored, metaLostTID} {
		_, err := tx.one(`SELECT value FROM meta WHERE key = $1`, func(w Row) error { text[i] = w.Text(0); return nil }, key)
		if err != nil {
			return rest{}, fmt.Errorf("read %s of the database: %w", key, err)
		}
	}
	r.at, r.lost, err = restoredAt(text[0], text[1])
	return r, err
}

// given is the last minute whose TID servers of the database may have given until a moment.
func (r rest) given(now time.Time) time.Time { return vending.GivenUpTo(now, r.at, r.lost) }

func (r rest) join(o rest) rest { return rest{later(r.at, o.at), later(r.lost, o.lost)} }

func later(a, b time.Time) time.Time {
	if a.Before(b) {
		return b
	}
	return a
}

// skipUsed moves counters beyond everything that may have been used in the time that is lost. Work that a worker held
// when the copy was taken is free again.
func (tx *Tx) skipUsed(lost time.Time) error {
	for _, c := range []struct {
		sql string
		now int64
	}{
		{`UPDATE meter SET command_counter = CASE WHEN command_counter + 1 > $1 THEN command_counter + 1 ELSE $1 END`, tx.Now.UnixMilli()},
		{`UPDATE meter SET lease_seq = CASE WHEN lease_seq + 1 > $1 THEN lease_seq + 1 ELSE $1 END`, tx.Now.Unix()},
	} {
		if _, err := tx.C.Exec(c.sql, c.now); err != nil {
			return fmt.Errorf("move counters: %w", err)
		}
	}
	for _, base := range []sts.BaseDate{sts.Base1993, sts.Base2014, sts.Base2035} {
		tid, err := base.TIDAt(lost)
		if err != nil {
			continue // this base date has no TID for today, so none can be issued under it
		}
		if _, err := tx.C.Exec(`UPDATE meter_key SET tid_floor = $1 WHERE base_date = $2 AND tid_floor < $1`, tid, base); err != nil {
			return fmt.Errorf("move the last TID of keys: %w", err)
		}
	}
	// a copy of a database that was moved later is live where it is
	if _, err := tx.C.Exec(`DELETE FROM meta WHERE key IN ('moved', 'moving')`); err != nil {
		return fmt.Errorf("forget moves: %w", err)
	}
	return Unclaim(tx.C, "", tx.Now)
}

// lost are the minutes whose TIDs may have been given in the times that the restores of this database lost, each from the
// moment of the copy on; sales of them are in no books.
func (tx *Tx) lost() (spans [][2]time.Time, err error) {
	last, err := tx.lastRestore()
	if err != nil {
		return nil, err
	}
	err = tx.C.Query(`SELECT value FROM meta WHERE key LIKE 'lost:%'`, func(r Row) error {
		from, to, _ := strings.Cut(r.Text(0), " ")
		a, err := strconv.ParseInt(from, 10, 64)
		if err != nil {
			return err
		}
		b, err := strconv.ParseInt(to, 10, 64)
		if err != nil {
			return err
		}
		at := time.UnixMicro(b).UTC()
		upTo := vending.GivenUpTo(at, time.Time{}, time.Time{})
		if at.Truncate(time.Minute).Equal(last.at) {
			upTo = later(upTo, last.lost)
		}
		spans = append(spans, [2]time.Time{time.UnixMicro(a).UTC(), upTo})
		return nil
	})
	return spans, err
}

// lostBranch reports whether a head of an earlier epoch lies beyond the point from which a restore went on: it was
// signed, and what it signed is gone with the time that was lost.
func (tx *Tx) lostBranch(epoch, size int64) (bool, error) {
	for e := epoch + 1; e <= tx.Epoch; e++ {
		base, err := tx.metaInt(baseKey(strconv.FormatInt(e, 10), tx.Tenant))
		if err != nil {
			return false, err
		}
		if size > base {
			return true, nil
		}
	}
	return false, nil
}
