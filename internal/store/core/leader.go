package core

import (
	"time"

	"github.com/paywatt/paywatt/internal/fault"
	"github.com/paywatt/paywatt/internal/wallet"
)

// LeaderTake makes holder the leader of name until the given moment, or prolongs its lead. ok is false while another
// holder leads; one that leads beyond what it can have asked for died before its clock was set back. The epoch rises with every change of holder: work done under an older one is refused by whoever
// compares it. The table belongs to no tenant.
func (tx *Tx) LeaderTake(name, holder string, until time.Time) (epoch int64, ok bool, err error) {
	ok, err = tx.One(`INSERT INTO leader (name, holder, epoch, until) VALUES ($1, $2, 1, $3)
		ON CONFLICT (name) DO UPDATE SET until = excluded.until, holder = excluded.holder,
		epoch = leader.epoch + CASE WHEN leader.holder = excluded.holder THEN 0 ELSE 1 END
		WHERE leader.holder = excluded.holder OR leader.until <= $4 OR leader.until > $5
		RETURNING epoch`, func(r Row) error { epoch = r.Int(0); return nil }, name, holder, until, tx.Now, until.Add(wallet.Ahead))
	return epoch, ok, fault.Wrap(err, "become leader of %s", name)
}

// LeaderLeave gives the lead back at once, so that a planned restart costs no waiting.
func (tx *Tx) LeaderLeave(name, holder string) error {
	_, err := tx.C.Exec(`UPDATE leader SET until = $1 WHERE name = $2 AND holder = $3`, tx.Now, name, holder)
	return fault.Wrap(err, "give up the leadership of %s", name)
}

// JobRun notes that the recurring job was carried out for a period and reports whether this is the first time. It
// belongs in the transaction that does the work: then the work is done exactly once, whatever crashes.
func (tx *Tx) JobRun(name, period string) (first bool, err error) {
	n, err := tx.C.Exec(`INSERT INTO job_run (tenant_id, name, period, at) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING`,
		tx.Tenant, name, period, tx.Now)
	return n == 1, fault.Wrap(err, "run %s of %s", name, period)
}
