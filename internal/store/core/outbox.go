package core

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/paywatt/paywatt/internal/fault"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/job"
)

// Lanes are names of lanes of the outbox, without duplicates.
type Lanes []string

// Add adds lanes.
func (l *Lanes) Add(lanes ...string) {
	for _, lane := range lanes {
		if !slices.Contains(*l, lane) {
			*l = append(*l, lane)
		}
	}
}

// itemRow is a row of the table outbox, in the form in which a worker claims it.
type itemRow = job.Claim

var outboxColumns = Columns[itemRow]{Table: "outbox", Unattested: []Column[itemRow]{
	ID("id", func(c *itemRow) *id.ID { return &c.ID }),
	Text("lane", func(c *itemRow) *string { return &c.Lane }),
	Text("key", func(c *itemRow) *string { return &c.Key }),
	Int("seq", func(c *itemRow) *int64 { return &c.Seq }),
	Text("kind", func(c *itemRow) *string { return &c.Kind }),
	Text("body", func(c *itemRow) *[]byte { return &c.Body }),
	Time("next_at", func(c *itemRow) *time.Time { return &c.NextAt }),
	Time("expires_at", func(c *itemRow) *time.Time { return &c.ExpiresAt }),
	Int("attempts", func(c *itemRow) *int { return &c.Attempts }).ReadOnly(),
	{Name: "owner", Form: 't'}, {Name: "owner_until", Form: 'i'}, {Name: "dead_at", Form: 'i'}, {Name: "last_error", Form: 't'}, {Name: "created_at", Form: 'i'},
}}

// outboxInsert adds an item. outboxClaimed ends a statement that claims items.
var (
	outboxInsert  = `INSERT INTO ` + outboxColumns.Into("created_at")
	outboxClaimed = ` RETURNING ` + outboxColumns.List("")
)

// MaxBacklog is the largest number of items that may wait in one lane for one key. Items that were given up do not count.
const MaxBacklog = 1000

// ErrBacklog means that too many items wait for the same key. The closure changed nothing.
var ErrBacklog = errors.New("too much work is queued for the same receiver: nothing was written")

// Enqueue adds work to the outbox. The work is sent after the transaction has committed, and after all earlier items in the same lane for
// the same key.
func (tx *Tx) Enqueue(it job.Item) (id.ID, error) {
	row, waiting := itemRow{Item: it}, int64(0)
	_, err := tx.One(`SELECT COUNT(*), MAX(seq) FROM outbox WHERE tenant_id = $1 AND lane = $2 AND key = $3`,
		func(r Row) error { waiting, row.Seq = r.Int(0), r.Int(1)+1; return nil }, tx.Tenant, it.Lane, it.Key)
	if err == nil && waiting >= MaxBacklog { // leave out dead items only if needed: the first count reads only the index
		waiting, err = tx.Number(`SELECT COUNT(*) FROM outbox WHERE tenant_id = $1 AND lane = $2 AND key = $3 AND dead_at IS NULL`,
			tx.Tenant, it.Lane, it.Key)
	}
	if err != nil {
		return id.ID{}, fmt.Errorf("enqueue %s for %s: %w", it.Kind, it.Key, err)
	}
	if waiting >= MaxBacklog {
		return id.ID{}, fmt.Errorf("enqueue %s for %s: %w", it.Kind, it.Key, ErrBacklog)
	}
	if row.ID, err = tx.NewID(); err != nil {
		return id.ID{}, err
	}
	if row.NextAt.IsZero() {
		row.NextAt = tx.Now
	}
	if _, err = tx.C.Exec(outboxInsert, outboxColumns.Values(tx.Tenant, &row, tx.Now)...); err != nil {
		return id.ID{}, fmt.Errorf("enqueue %s for %s: %w", it.Kind, it.Key, err)
	}
	tx.Due.Add(it.Lane)
	return row.ID, nil
}

// hostedBy returns the SQL condition under which a server may take the item o for a meter: the server must have the meter's session. Any
// server may take an expired item, because the item only has to be given up.
func hostedBy(server, now string) string {
	return ` AND (o.expires_at <= ` + now + ` OR EXISTS (SELECT 1 FROM meter m JOIN session s ON s.tenant_id = m.tenant_id AND s.meter = m.n
		WHERE m.number = ` + meterOfKey() + ` AND s.tenant_id = o.tenant_id AND s.instance = ` + server + `))`
}

// meterOfKey returns SQL for the meter number in the key of an item o, like job.MeterOf.
func meterOfKey() string {
	number := `o.key`
	for _, key := range job.KeysOf("")[1:] {
		number = `REPLACE(` + number + `, '` + key + `', '')`
	}
	return number
}

// OutboxClaim claims at most max due items of a lane for a worker, until the given time. For each key it takes only the first waiting
// item, and no item that another worker holds. If host is not empty, it takes only items for meters that are connected to this server.
func (tx *Tx) OutboxClaim(lane, host, owner string, until time.Time, max int) ([]job.Claim, error) {
	var out []job.Claim
	args, limit, hosted := []any{owner, until, tx.Tenant, lane, tx.Now}, "$6", ""
	if host != "" {
		args, limit, hosted = append(args, host), "$7", hostedBy("$6", "$5")
	}
	err := tx.C.Query(`UPDATE outbox SET owner = $1, owner_until = $2, attempts = attempts + 1
		WHERE tenant_id = $3 AND id IN (
			SELECT o.id FROM outbox o WHERE o.tenant_id = $3 AND o.lane = $4 AND o.dead_at IS NULL
			AND o.next_at <= $5 AND o.owner_until <= $5 AND NOT EXISTS (
				SELECT 1 FROM outbox p WHERE p.tenant_id = o.tenant_id AND p.lane = o.lane AND p.key = o.key
				AND p.seq < o.seq AND p.dead_at IS NULL)`+hosted+`
			ORDER BY o.next_at LIMIT `+limit+tx.SkipLocked()+`)`+outboxClaimed, outboxColumns.AddTo(&out), append(args, max)...)
	if err != nil {
		return nil, fmt.Errorf("claim work of lane %s: %w", lane, err)
	}
	for i := range out {
		out[i].Attempts-- // the number leaves out the attempt that begins now
	}
	slices.SortFunc(out, func(a, b job.Claim) int { // the database returns the items in any order
		return cmp.Or(a.NextAt.Compare(b.NextAt), bytes.Compare(a.ID[:], b.ID[:]))
	})
	return out, nil
}

// OutboxDone removes a finished item. It returns false if the worker no longer holds the item. Then the worker must not
// act on the result.
func (tx *Tx) OutboxDone(i id.ID, owner string) (bool, error) {
	n, err := tx.C.Exec(`DELETE FROM outbox WHERE tenant_id = $1 AND id = $2 AND owner = $3`, tx.Tenant, i, owner)
	return n == 1, fault.Wrap(err, "finish outbox item")
}

// OutboxRetry releases an item and makes it due again at the given time. The items behind it keep waiting.
func (tx *Tx) OutboxRetry(i id.ID, owner string, next time.Time, why string) (bool, error) {
	n, err := tx.C.Exec(`UPDATE outbox SET owner = '', owner_until = 0, next_at = $1, last_error = $2
		WHERE tenant_id = $3 AND id = $4 AND owner = $5`, next, why, tx.Tenant, i, owner)
	return n == 1, fault.Wrap(err, "give back outbox item")
}

// OutboxDead gives an item up for good. Its row stays, and the items behind it move on.
func (tx *Tx) OutboxDead(i id.ID, owner, why string) (bool, error) {
	n, err := tx.C.Exec(`UPDATE outbox SET owner = '', owner_until = 0, dead_at = $1, last_error = $2
		WHERE tenant_id = $3 AND id = $4 AND owner = $5`, tx.Now, why, tx.Tenant, i, owner)
	return n == 1, fault.Wrap(err, "give up outbox item")
}

// OutboxDrop removes an item, even if a worker holds it, because its receiver has answered in another way. The next item may then
// be due.
func (tx *Tx) OutboxDrop(lane string, i id.ID) (bool, error) {
	n, err := tx.C.Exec(`DELETE FROM outbox WHERE tenant_id = $1 AND lane = $2 AND id = $3`, tx.Tenant, lane, i)
	if err != nil {
		return false, fmt.Errorf("drop outbox item: %w", err)
	}
	if n > 0 {
		tx.Due.Add(lane)
	}
	return n == 1, nil
}

// OutboxWake makes all waiting items of a key due now, because their receiver has just connected. It sets the number of attempts to 0,
// because a receiver that was away has not failed to answer.
func (tx *Tx) OutboxWake(lane, key string) error {
	n, err := tx.C.Exec(`UPDATE outbox SET next_at = $1, attempts = 0 WHERE tenant_id = $2 AND lane = $3 AND key = $4
		AND dead_at IS NULL AND next_at > $1`, tx.Now, tx.Tenant, lane, key)
	if err != nil {
		return fmt.Errorf("wake outbox of %s: %w", key, err)
	}
	if n > 0 {
		tx.Due.Add(lane)
	}
	return nil
}

// OutboxNext returns when the next item of a lane can be claimed. If host is not empty, only items that this server may claim count. It
// returns false if no item waits. Tens of thousands of items may wait for receivers that are away. So OutboxNext searches the free items
// in the order in which they are due, then the few items that workers hold, and stops at the first match.
func (tx *Tx) OutboxNext(lane, host string) (time.Time, bool, error) {
	var at time.Time
	args, hosted := []any{tx.Tenant, lane}, ""
	if host != "" {
		args, hosted = append(args, tx.Now, host), hostedBy("$4", "$3")
	}
	const first = ` FROM outbox o WHERE o.tenant_id = $1 AND o.lane = $2 AND o.dead_at IS NULL AND NOT EXISTS (
		SELECT 1 FROM outbox p WHERE p.tenant_id = o.tenant_id AND p.lane = o.lane AND p.key = o.key
		AND p.seq < o.seq AND p.dead_at IS NULL)`
	_, err := tx.One(`SELECT MIN(at) FROM (
		SELECT at FROM (SELECT o.next_at AS at`+first+` AND o.owner_until <= o.next_at`+hosted+` ORDER BY o.next_at LIMIT 1) free
		UNION ALL
		SELECT at FROM (SELECT o.owner_until AS at`+first+` AND o.owner_until > 0 AND o.owner_until > o.next_at`+hosted+`
			ORDER BY o.owner_until LIMIT 1) held) soonest`,
		func(r Row) error { at = r.Time(0); return nil }, args...)
	if err != nil {
		return time.Time{}, false, fmt.Errorf("next outbox item of lane %s: %w", lane, err)
	}
	return at, !at.IsZero(), nil
}
