package store

import (
	"fmt"
	"strconv"
	"time"
)

// A database that was restored from a backup starts a new epoch ([Tx.Epoch]): what happened after the backup was made
// is unknown to it. Restoring therefore moves everything that must never be used twice beyond what may have been used:
// the last TID of every meter key to the minute of the restore, command counters and lease sequences to
// max(milliseconds now, last + 1). Receipt numbers carry the epoch as a mark from the second epoch on, and meters
// whose row knows an older epoch are asked to send again what they still have (see [Tx.Ingest]).

// Keys of meta.
const (
	metaEpoch    = "epoch"    // decimal, from 1
	metaRestored = "restored" // microseconds of the last restore; no row where there was none
)

// RestoredAt is when this database was last restored from a backup, the zero time for never. No TID of its minute or
// an earlier one may be issued again.
func (tx *Tx) RestoredAt() (time.Time, error) {
	var at time.Time
	_, err := tx.one(`SELECT value FROM meta WHERE key = $1`, func(r Row) error {
		us, err := strconv.ParseInt(r.Text(0), 10, 64)
		at = time.UnixMicro(us).UTC()
		return err
	}, metaRestored)
	if err != nil {
		return time.Time{}, fmt.Errorf("read the time of the last restore: %w", err)
	}
	return at, nil
}
