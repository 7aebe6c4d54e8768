package storetest

import (
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/store"
)

// earlier is a store in which a released version, that knew fewer kinds of later evidence, wrote a meter with a SIM whose number is held.
type earlier struct {
	numbered
	kinds int // how many kinds of later evidence of meters the version knew: none at first, then the number of the SIM
	meter id.ID
}

// earlierSIM is the dense number of that meter.
const earlierSIM = 21

// openEarlier opens a store with that meter.
func openEarlier(t *testing.T, r Rig, kinds int) earlier {
	k := earlier{numbered: openNumbered(t, r), kinds: kinds}
	k.runServer(func(tx *store.Tx) (err error) {
		k.meter, err = tx.NewID()
		return err
	})
	k.writeMeter(`INSERT INTO meter (n, tenant_id, id, number, mode, created_at) VALUES ($1, $2, $3, '04140000021', 'prepay_token', 1)`, earlierSIM)
	k.writeMeter(`UPDATE meter SET sim_phone = $1, version = version + 1 WHERE tenant_id = $2 AND id = $3`, "+254700000200")
	k.holdEarlier(1)
	return k
}

// writeMeter writes the meter's row and its evidence as the earlier version did.
func (k earlier) writeMeter(sql string, value any) {
	k.t.Helper()
	k.runServer(func(tx *store.Tx) error {
		kind := *tx.Kind("meter")
		kind.Later = kind.Later[:k.kinds]
		return tx.RewriteLocked(&kind, k.meter, func() error { return tx.Must(sql, value, tx.Tenant, k.meter) })
	})
}

// holdEarlier changes the hold as the earlier version did: without evidence.
func (k earlier) holdEarlier(until int64) {
	k.t.Helper()
	k.editRow(`INSERT INTO number_change (tenant_id, owner, by_actor, changed_at, held_until) VALUES ($1, $2, 'clerk', 1, $3)
		ON CONFLICT (tenant_id, owner) DO UPDATE SET held_until = excluded.held_until`, store.FirstTenant, registry.SIMOwner(earlierSIM), until)
}

// holdNow changes the hold as this version does.
func (k earlier) holdNow(until time.Time) {
	k.t.Helper()
	k.runServer(func(tx *store.Tx) error {
		return tx.PutNumberChange(registry.NumberChange{Owner: registry.SIMOwner(earlierSIM), By: "clerk", At: base(), HeldUntil: until})
	})
}

// earlierSIMHolds verifies databases of earlier versions. What those did not prove has no finding. Once this version has written it, it is
// proven. What they did prove stays proven.
func earlierSIMHolds(t *testing.T, r Rig) {
	released := []struct {
		name  string
		finds int // whether a changed number of the SIM is found
	}{{"no later evidence", 0}, {"evidence of the number", 1}}
	for kinds, v := range released {
		k := openEarlier(t, r, kinds)
		k.wantMeters(v.name+", as it was written", 0)
		k.holdEarlier(2)
		k.wantMeters(v.name+", changed by the same version", 0)
		k.holdNow(base())
		k.wantMeters(v.name+", changed by this version", 0)
		k.holdNow(base().Add(time.Hour))
		k.wantMeters(v.name+", changed again", 0)
		k.holdEarlier(3)
		k.wantMeters(v.name+", edited after this version wrote it", 1)

		k = openEarlier(t, r, kinds)
		k.editRow(`UPDATE meter SET sim_phone = '+254700000201' WHERE id = $1`, k.meter)
		k.wantMeters(v.name+", its number edited", v.finds)
	}
}
