package core

import (
	"fmt"
	"time"

	"github.com/paywatt/paywatt/internal/job"
)

// Unclaim releases the claims of all servers in all tenants, except those of the server named by the parameter holder. It releases outbox
// items, messages, sessions of meters, and leads (rows of the table leader). It also releases pending requests that began before the given
// time. Call it only if no other server of the database is running. Otherwise the claims must end through their own time limits.
func Unclaim(c Conn, holder string, before time.Time) error {
	for _, s := range []struct {
		sql  string
		args []any
	}{
		{`UPDATE outbox SET owner = '', owner_until = 0 WHERE owner <> '' AND owner <> $1`, []any{holder}},
		{`UPDATE message SET owner = '', owner_until = 0 WHERE open = 1 AND owner <> '' AND owner <> $1`, []any{holder}},
		{`DELETE FROM session WHERE instance <> $1`, []any{holder}},
		{`UPDATE leader SET until = 0 WHERE holder <> $1`, []any{holder}},
		{`UPDATE idempotency SET expires_at = created_at WHERE state = 'running' AND created_at < $1 AND expires_at = created_at + $2`,
			[]any{before, OnceLeased.Microseconds()}},
	} {
		if _, err := c.Exec(s.sql, s.args...); err != nil {
			return fmt.Errorf("free claims: %w", err)
		}
	}
	return nil
}

// TakeOver calls [Unclaim] for a server that has just started.
func (tx *Tx) TakeOver(holder string, started time.Time) error {
	tx.Due.Add(job.LaneMQTT, job.LaneNotice)
	return Unclaim(tx.C, holder, started)
}
