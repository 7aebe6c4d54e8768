package core

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/fault"
	"github.com/paywatt/paywatt/internal/sale"
	"github.com/paywatt/paywatt/sts"
)

// TIDMargin is the time between the minute of a restore and the first TID that the restored store issues. A second token for a meter in
// one minute takes the TID of the next minute, so lost TIDs may lie as far ahead of the clock as sales allow. If a second restore soon
// follows the first, the margin is larger ([sale.IssuedUpTo]). Meters accept TIDs of coming days.
const TIDMargin = sale.MaxAhead * time.Minute

// FirstMargin is the margin of older versions, which did not record the last TID that may have been used.
const FirstMargin = time.Hour

// Keys of the table meta.
const (
	MetaEpoch    = "epoch"           // decimal, from 1
	MetaRestored = "restored_minute" // minute of the last restore, since 1970; no row if the database was never restored
	MetaLostTID  = "lost_tid_minute" // last minute, since 1970, whose TID may have been used in the time that restores lost
	MetaLost     = "lost:"           // followed by the epoch: start and end, in microseconds, of the time that its restore lost
	metaCompared = "compared:"       // followed by the epoch: with what the backup was compared that began it
	metaReceipts = "receipts:"       // followed by the epoch: the letters that its receipt numbers carry
	metaBase     = "base:"           // followed by epoch, colon and tenant: number of leaves in the tenant's log when the epoch began
)

// RestoredAt returns the minute in which this database was last restored from a backup, or the zero time if it never
// was. No TID of that minute or an earlier one may be issued again.
func (tx *Tx) RestoredAt() (time.Time, error) {
	minute, err := tx.MetaInt(MetaRestored)
	return MinuteTime(minute), err
}

// RestoredAt parses the values of MetaRestored and MetaLostTID; an empty text means no row. Older versions did not store MetaLostTID. If
// it is missing, upTo is computed with the present rule.
func RestoredAt(restored, lost string) (at, upTo time.Time, err error) {
	var minute [2]int64
	for i, text := range []string{restored, lost} {
		if text == "" {
			continue
		}
		if minute[i], err = strconv.ParseInt(text, 10, 64); err != nil {
			return time.Time{}, time.Time{}, err
		}
	}
	at, upTo = MinuteTime(minute[0]), MinuteTime(minute[1])
	if !at.IsZero() && upTo.IsZero() {
		upTo = at.Add(TIDMargin)
	}
	return at, upTo, nil
}

// MinuteTime returns the time of a minute since 1970.
func MinuteTime(minute int64) time.Time {
	if minute == 0 {
		return time.Time{}
	}
	return time.Unix(minute*60, 0).UTC()
}

// MetaInt reads a number from the table meta, or 0 if the row does not exist.
func (tx *Tx) MetaInt(key string) (int64, error) {
	var n int64
	_, err := tx.One(`SELECT value FROM meta WHERE key = $1`, func(r Row) (err error) {
		n, err = strconv.ParseInt(r.Text(0), 10, 64)
		return err
	}, key)
	return n, fault.Wrap(err, "read %s of the database", key)
}

// PutMeta writes a value to the table meta.
func (tx *Tx) PutMeta(key, value string) error {
	_, err := tx.C.Exec(`INSERT INTO meta (key, value) VALUES ($1, $2)
		ON CONFLICT (key) DO UPDATE SET value = excluded.value`, key, value)
	return fault.Wrap(err, "write %s of the database", key)
}

// Known compares the mark of a key with the mark that was stored when such a key was first used; at first use it stores the mark. The key
// is outside the database, and its mark is not secret. If Known returns false, this key cannot open secrets that the first key sealed.
func (tx *Tx) Known(key, mark string) (bool, error) {
	have, found, err := tx.keyMark(key)
	if err != nil || found { // nothing is written, so a server can start on a full disk
		return have == mark, err
	}
	return true, tx.PutMeta("key:"+key, mark)
}

// KeyIs is [Tx.Known] without writing: it is true as long as no key was used.
func (tx *Tx) KeyIs(key, mark string) (bool, error) {
	have, found, err := tx.keyMark(key)
	return !found || have == mark, err
}

func (tx *Tx) keyMark(key string) (mark string, found bool, err error) {
	found, err = tx.One(`SELECT value FROM meta WHERE key = $1`, func(r Row) error { mark = r.Text(0); return nil }, "key:"+key)
	return mark, found, err
}

// MarkLogs records the size of each tenant's log at the beginning of an epoch. A larger head from an older
// epoch belongs to a lost branch.
func (tx *Tx) MarkLogs(mark string) error {
	tenants, err := tx.Tenants()
	if err != nil {
		return err
	}
	for _, t := range tenants {
		size, err := tx.Number(`SELECT COALESCE(MAX(last) + 1, 0) FROM seal WHERE tenant_id = $1`, t)
		if err != nil {
			return fmt.Errorf("find the end of the log of tenant %d: %w", t, err)
		}
		if err := tx.PutMeta(baseKey(mark, t), strconv.FormatInt(size, 10)); err != nil {
			return err
		}
	}
	return nil
}

func baseKey(epoch string, t access.Tenant) string {
	return metaBase + epoch + ":" + strconv.FormatInt(int64(t), 10)
}

// Rest is the last restore of a database: its minute, and the last minute whose TID may have been used in the lost time.
type Rest struct{ At, Lost time.Time }

// LastRestore reads the last restore; zero if the database was never restored.
func (tx *Tx) LastRestore() (r Rest, err error) {
	var text [2]string
	for i, key := range []string{MetaRestored, MetaLostTID} {
		_, err := tx.One(`SELECT value FROM meta WHERE key = $1`, func(w Row) error { text[i] = w.Text(0); return nil }, key)
		if err != nil {
			return Rest{}, fmt.Errorf("read %s of the database: %w", key, err)
		}
	}
	r.At, r.Lost, err = RestoredAt(text[0], text[1])
	return r, err
}

// Given returns the last minute whose TID the database's servers may have used by the given time.
func (r Rest) Given(now time.Time) time.Time { return sale.IssuedUpTo(now, r.At, r.Lost) }

// Join returns the later restore and the later lost minute.
func (r Rest) Join(o Rest) Rest { return Rest{Later(r.At, o.At), Later(r.Lost, o.Lost)} }

// Later returns the later of two moments.
func Later(a, b time.Time) time.Time {
	if a.Before(b) {
		return b
	}
	return a
}

// SkipUsed moves counters beyond all numbers that may have been used in the lost time. It also releases work that was claimed when the
// copy was taken.
func (tx *Tx) SkipUsed(lost time.Time) error {
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
	// The original may have been moved after the copy was taken, but this copy is in use.
	if _, err := tx.C.Exec(`DELETE FROM meta WHERE key IN ('moved', 'moving')`); err != nil {
		return fmt.Errorf("delete the records of moves: %w", err)
	}
	return Unclaim(tx.C, "", tx.Now)
}

// Letters of receipt numbers: consonants that are hard to mistake, and that make no words.
const (
	receiptLetters = "bcdfghjkmnpqrstvwxz"
	receiptMark    = 4
)

// MarkReceipts draws the letters that the receipt numbers of an epoch carry. Two folders that were restored from the same copy begin the same
// epoch without knowing of each other, and only these letters tell their receipts apart.
func (tx *Tx) MarkReceipts(epoch string) error {
	mark, b := make([]byte, 0, receiptMark), make([]byte, 1)
	for len(mark) < receiptMark {
		if _, err := io.ReadFull(tx.Rand, b); err != nil {
			return fault.Wrap(err, "draw the letters of receipt numbers")
		}
		if at := int(b[0]) & 31; at < len(receiptLetters) { // other values would make some letters more likely
			mark = append(mark, receiptLetters[at])
		}
	}
	return tx.PutMeta(metaReceipts+epoch, string(mark))
}

// WithoutHead says that a backup was compared with no head before it was restored.
const WithoutHead = "no head"

// Compared is with what the backup of an epoch was compared.
type Compared struct {
	Epoch int64
	With  string // WithoutHead, or the head; empty if nothing was recorded
}

// PutCompared records with what the backup was compared that began an epoch; nothing for an empty text.
func (tx *Tx) PutCompared(epoch int64, with string) error {
	if with == "" {
		return nil
	}
	return tx.PutMeta(metaCompared+strconv.FormatInt(epoch, 10), with)
}

// Compared lists the restores of this database in their order, each with what was recorded about its backup.
func (tx *Tx) Compared() (all []Compared, err error) {
	err = tx.C.Query(`SELECT l.key, COALESCE(c.value, '') FROM meta l LEFT JOIN meta c ON c.key = $1 || SUBSTR(l.key, LENGTH($2) + 1) WHERE l.key LIKE $2 || '%'`,
		func(r Row) error {
			epoch, err := strconv.ParseInt(strings.TrimPrefix(r.Text(0), MetaLost), 10, 64)
			all = append(all, Compared{epoch, r.Text(1)})
			return err
		}, metaCompared, MetaLost)
	slices.SortFunc(all, func(a, b Compared) int { return cmp.Compare(a.Epoch, b.Epoch) })
	return all, fault.Wrap(err, "read the restores of the database")
}

// ReceiptEpoch returns what the receipt numbers of the present epoch have after their slash. It is empty before the first restore, and has no
// letters if an older version made the restore.
func (tx *Tx) ReceiptEpoch(first int64) (string, error) {
	if tx.Epoch <= first {
		return "", nil
	}
	epoch, letters := strconv.FormatInt(tx.Epoch, 10), ""
	_, err := tx.One(`SELECT value FROM meta WHERE key = $1`, func(r Row) error { letters = r.Text(0); return nil }, metaReceipts+epoch)
	return epoch + letters, fault.Wrap(err, "read the letters of receipt numbers")
}

// Lost returns a span for each restore of this database: from the moment of the copy to the last minute whose TID may have been used in
// the lost time. The books have no sales from these spans.
func (tx *Tx) Lost() (spans [][2]time.Time, err error) {
	last, err := tx.LastRestore()
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
		upTo := sale.IssuedUpTo(at, time.Time{}, time.Time{})
		if at.Truncate(time.Minute).Equal(last.At) {
			upTo = Later(upTo, last.Lost)
		}
		spans = append(spans, [2]time.Time{time.UnixMicro(a).UTC(), upTo})
		return nil
	})
	return spans, err
}

// LostBranch reports whether a head of an earlier epoch is larger than the log with which a restore continued. Such a head was signed, but
// its last leaves are lost.
func (tx *Tx) LostBranch(epoch, size int64) (bool, error) {
	for e := epoch + 1; e <= tx.Epoch; e++ {
		base, err := tx.MetaInt(baseKey(strconv.FormatInt(e, 10), tx.Tenant))
		if err != nil {
			return false, err
		}
		if size > base {
			return true, nil
		}
	}
	return false, nil
}
