package store

import (
	"fmt"
	"slices"

	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/sts"
)

// newestTID is the highest TID that may have been used under meter_key k or another key of its meter with the same base date,
// NULL where there is none: a key change keeps the meter's memory of TIDs, unless it begins another base date, so the meter
// would not take a token of the new key with a TID that it knows. The tokens are the record of what was used: a sale writes
// its TID into their index anyway, and a second copy would cost it another page.
const newestTID = `(SELECT MAX(CASE WHEN y.used > COALESCE(y.newest, 0) THEN y.used ELSE y.newest END) FROM (
	SELECT z.tid_floor AS used, (SELECT MAX(x.tid) FROM token x WHERE x.tenant_id = z.tenant_id AND x.meter_key_id = z.id) AS newest
	FROM meter_key z WHERE z.tenant_id = k.tenant_id AND z.meter = k.meter AND z.base_date = k.base_date) y)`

// usedTID is the last TID of a key as this transaction has read or written it.
type usedTID struct {
	key  id.ID
	last sts.TID
}

// knowTIDs remembers the last TIDs of keys that this transaction has read, and locked where rows are locked.
func (tx *Tx) knowTIDs(keys []registry.Key) {
	for _, k := range keys {
		tx.tids = append(tx.tids, usedTID{k.ID, k.LastTID})
	}
}

// withTID inserts a token with a TID that lies beyond every other of its meter under this base date. One below the last is a
// broken invariant, the last one itself is what the database says of it: a conflict where a token has it.
func (tx *Tx) withTID(key id.ID, tid sts.TID, insert func() error) error {
	at := slices.IndexFunc(tx.tids, func(u usedTID) bool { return u.key == key })
	if at < 0 {
		k, found, err := tx.VendKey(key)
		if err != nil || !found {
			return fmt.Errorf("read the last TID (key found: %t): %w", found, err)
		}
		at = len(tx.tids)
		tx.knowTIDs([]registry.Key{k})
	}
	last := &tx.tids[at].last
	if tid < *last {
		return fmt.Errorf("%w: TID %d comes after %d", ErrInvariant, tid, *last)
	}
	if err := insert(); err != nil {
		return err
	}
	if tid == *last {
		return fmt.Errorf("%w: TID %d may have been used", ErrInvariant, tid)
	}
	*last = tid
	return nil
}

// lostTID is the last TID that may have been used under a key of which a restored store knows nothing any more; 0 where the
// store was never restored.
func (tx *Tx) lostTID(base sts.BaseDate) (sts.TID, error) {
	last, err := tx.lastRestore()
	if err != nil || last.at.IsZero() {
		return 0, err
	}
	tid, err := base.TIDAt(last.lost)
	if err != nil {
		return 0, nil // this base date has no TID for that time, so none was issued under it
	}
	return tid, nil
}
