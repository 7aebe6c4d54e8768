package meters

import (
	"fmt"
	"slices"

	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/store/core"
	"github.com/paywatt/paywatt/sts"
)

// NewestTID is the SQL of the highest TID that may have been used under meter_key k or another key of its meter with the same base date;
// NULL if there is no such TID. All these keys count because a meter remembers its TIDs through a key change, unless the base date changes.
// It is computed from the tokens: a sale writes its TID into their index anyway, and a second copy would cost another page.
const NewestTID = `(SELECT MAX(CASE WHEN y.used > COALESCE(y.newest, 0) THEN y.used ELSE y.newest END) FROM (
	SELECT z.tid_floor AS used, (SELECT MAX(x.tid) FROM token x WHERE x.tenant_id = z.tenant_id AND x.meter_key_id = z.id) AS newest
	FROM meter_key z WHERE z.tenant_id = k.tenant_id AND z.meter = k.meter AND z.base_date = k.base_date) y)`

// KnowTIDs remembers the last TIDs of keys that this transaction has read and, on an engine with row locks, locked.
func (tx Rows) KnowTIDs(keys []registry.Key) {
	for _, k := range keys {
		tx.TIDs = append(tx.TIDs, core.UsedTID{Key: k.ID, Last: k.LastTID})
	}
}

// WithTID inserts a token whose TID must be higher than every other TID of its meter with this base date. A lower TID is a broken
// invariant. The last TID itself is refused too: with the database's conflict error if a token has this TID, otherwise as a broken
// invariant.
func (tx Rows) WithTID(key id.ID, tid sts.TID, insert func() error) error {
	at := slices.IndexFunc(tx.TIDs, func(u core.UsedTID) bool { return u.Key == key })
	if at < 0 {
		k, found, err := tx.VendKey(key)
		if err != nil || !found {
			return fmt.Errorf("read the last TID (key found: %t): %w", found, err)
		}
		at = len(tx.TIDs)
		tx.KnowTIDs([]registry.Key{k})
	}
	last := &tx.TIDs[at].Last
	if tid < *last {
		return fmt.Errorf("%w: TID %d comes after %d", core.ErrInvariant, tid, *last)
	}
	if err := insert(); err != nil {
		return err
	}
	if tid == *last {
		return fmt.Errorf("%w: TID %d may have been used", core.ErrInvariant, tid)
	}
	*last = tid
	return nil
}

// lostTID returns the last TID that may have been used in the period that a restore lost; 0 if the database was never restored.
func (tx Rows) lostTID(base sts.BaseDate) (sts.TID, error) {
	last, err := tx.LastRestore()
	if err != nil || last.At.IsZero() {
		return 0, err
	}
	tid, err := base.TIDAt(last.Lost)
	if err != nil {
		return 0, nil // this base date has no TID for that time, so no TID was issued under this base date
	}
	return tid, nil
}
