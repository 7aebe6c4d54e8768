package core

import (
	"time"

	"github.com/paywatt/paywatt/internal/fault"
	"github.com/paywatt/paywatt/internal/wallet"
)

// LeaderTake makes holder the leader for a named task until the given time, or extends its lead. ok is false while another holder leads.
// LeaderTake also takes over a lead that ends more than [wallet.Ahead] after the given time. Such a late end shows that a clock was set
// back. The epoch rises with every change of the holder, so that work under an older epoch can be refused. The table belongs to no tenant.
func (tx *Tx) LeaderTake(name, holder string, until time.Time) (epoch int64, ok bool, err error) {
	ok, err = tx.One(`INSERT INTO leader (name, holder, epoch, until) VALUES ($1, $2, 1, $3)
		ON CONFLICT (name) DO UPDATE SET until = excluded.until, holder = excluded.holder,
		epoch = leader.epoch + CASE WHEN leader.holder = excluded.holder THEN 0 ELSE 1 END
		WHERE leader.holder = excluded.holder OR leader.until <= $4 OR leader.until > $5
		RETURNING epoch`, func(r Row) error { epoch = r.Int(0); return nil }, name, holder, until, tx.Now, until.Add(wallet.Ahead))
	return epoch, ok, fault.Wrap(err, "become leader of %s", name)
}

// LeaderLeave gives up the lead at once, so that no server waits for the lead after a planned restart.
func (tx *Tx) LeaderLeave(name, holder string) error {
	_, err := tx.C.Exec(`UPDATE leader SET until = $1 WHERE name = $2 AND holder = $3`, tx.Now, name, holder)
	return fault.Wrap(err, "give up the leadership of %s", name)
}

// JobRun records that a recurring job ran for a period and reports whether this is the first time. Call it in the transaction that does
// the work. Then the work is done exactly once, even after a crash.
func (tx *Tx) JobRun(name, period string) (first bool, err error) {
	n, err := tx.C.Exec(`INSERT INTO job_run (tenant_id, name, period, at) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING`,
		tx.Tenant, name, period, tx.Now)
	return n == 1, fault.Wrap(err, "run %s of %s", name, period)
}
