package store

import (
	"strconv"
	"strings"

	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/store/core"
	"github.com/paywatt/paywatt/internal/store/sales"
	"github.com/paywatt/paywatt/sts"
)

// verifyTokenKeys checks that each token was made with the key of its sale, and that this key is one of its meter. The next TID of a key follows
// from its tokens: a token that names another key frees its TID, and the next token with that TID is one that the meter has seen.
func (tx *Tx) verifyTokenKeys(r *Report) error {
	return tx.C.Query(`SELECT t.id, m.number FROM token t
		LEFT JOIN vend v ON v.tenant_id = t.tenant_id AND v.id = t.vend_id
		LEFT JOIN meter_key k ON k.tenant_id = t.tenant_id AND k.id = t.meter_key_id
		LEFT JOIN meter m ON m.tenant_id = t.tenant_id AND m.n = t.meter
		WHERE t.tenant_id = $1 AND (v.id IS NOT NULL AND (v.meter_key_id IS NULL OR v.meter_key_id <> t.meter_key_id OR v.meter <> t.meter)
			OR k.meter IS NULL OR k.meter <> t.meter OR k.base_date <> t.base_date)`, func(w core.Row) error {
		r.Find("token", "Token %s of meter %s does not name the key with which it was made. The server would use its TID again, and the meter would reject that token.",
			w.ID(0).Text(id.Token), w.Text(1))
		return nil
	}, tx.Tenant)
}

// verifyFloors checks the TID floors of the keys. All TIDs up to a key's floor count as used, even if no token has them. The sealed log
// does not attest floors: a restore moves the floors of all keys, and no log shows which TIDs were lost. But limits for them can be
// calculated. Before the first restore, all tokens of a key have TIDs above its floor. After a restore, no floor may lie below the last
// TID that may have been used in the lost time. Otherwise the next sale could use such a TID again, and the meter would reject a token
// that was paid for. A floor that was raised after a restore cannot be detected. It makes TIDs run ahead of the clock, but only as far as
// sales allow (sale.Reach), and the tokens show it.
func (tx *Tx) verifyFloors(r *Report) error {
	err := tx.C.Query(`SELECT key FROM meta WHERE key LIKE $1`, func(w core.Row) error {
		if n, err := strconv.ParseInt(strings.TrimPrefix(w.Text(0), core.MetaLost), 10, 64); err != nil || n > tx.Epoch {
			r.Find("log", "The database records a restore (%s) that is not possible in epoch %d. Missing rows would be accepted as lost in that restore.", w.Text(0), tx.Epoch)
		}
		return nil
	}, core.MetaLost+"%")
	if err != nil {
		return err
	}
	if tx.Epoch > sales.FirstEpoch {
		return tx.verifyLost(r)
	}
	return tx.C.Query(`SELECT k.id, k.tid_floor, MIN(t.tid) FROM meter_key k JOIN token t ON t.tenant_id = k.tenant_id AND t.meter_key_id = k.id
		WHERE k.tenant_id = $1 GROUP BY k.id, k.tid_floor HAVING MIN(t.tid) <= k.tid_floor`, func(w core.Row) error {
		r.Find("key", "Meter key %s records its TIDs up to %d as used from the start, but its first token has TID %d.", w.ID(0).Text(id.Key), w.Int(1), w.Int(2))
		return nil
	}, tx.Tenant)
}

// verifyLost is verifyFloors for a restored store.
func (tx *Tx) verifyLost(r *Report) error {
	restored, err := tx.RestoredAt()
	if err != nil {
		return err
	}
	if restored.IsZero() {
		r.Find("key", "The database is in epoch %d but has no time of its restore. TIDs from the time that was lost may be used again.", tx.Epoch)
		return nil
	}
	beyond, err := tx.MetaInt(core.MetaLostTID)
	if err != nil {
		return err
	}
	upTo := core.MinuteTime(beyond)
	if upTo.IsZero() { // an older version made the restore
		upTo = restored.Add(core.FirstMargin)
	}
	for _, base := range []sts.BaseDate{sts.Base1993, sts.Base2014, sts.Base2035} {
		lost, err := base.TIDAt(upTo)
		if err != nil {
			continue // this base date has no TID for that time
		}
		err = tx.C.Query(`SELECT k.id, k.tid_floor FROM meter_key k WHERE k.tenant_id = $1 AND k.base_date = $2 AND k.tid_floor < $3`, func(w core.Row) error {
			r.Find("key", "Meter key %s records its TIDs up to %d as used, but the last restore marked those up to %d as used.", w.ID(0).Text(id.Key), w.Int(1), lost)
			return nil
		}, tx.Tenant, base, lost)
		if err != nil {
			return err
		}
	}
	return nil
}
