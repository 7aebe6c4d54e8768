package messages

import (
	"fmt"
	"strings"
	"time"

	"github.com/paywatt/paywatt/internal/fault"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/notify"
	"github.com/paywatt/paywatt/internal/store/core"
)

// MessagesOf counts messages of a purpose since a moment. The parameter most is the highest number that it returns.
func (tx Rows) MessagesOf(p notify.Purpose, since time.Time, most int) (int, error) {
	n, err := tx.Number(`SELECT COUNT(*) FROM (SELECT 1 AS one FROM message WHERE tenant_id = $1 AND purpose = $2 AND created_at > $3 LIMIT $4) counted`,
		tx.Tenant, string(p), since, most)
	return int(n), fault.Wrap(err, "count messages %s", p)
}

// MessagesForget deletes at most max ended messages that are older than a moment, with their tries. It deletes messages of the given
// purposes; without purposes, it deletes messages of every purpose. It returns how many messages it deleted.
func (tx Rows) MessagesForget(before time.Time, max int, purposes ...notify.Purpose) (int, error) {
	args, which := []any{tx.Tenant, before}, ""
	for _, p := range purposes {
		args = append(args, string(p))
		which += fmt.Sprintf(", $%d", len(args))
	}
	if which != "" {
		which = ` AND purpose IN (` + strings.TrimPrefix(which, ", ") + `)`
	}
	args = append(args, max)
	var old []id.ID
	err := tx.C.Query(`SELECT id FROM message WHERE tenant_id = $1 AND created_at < $2 AND open = 0`+which+fmt.Sprintf(` ORDER BY created_at LIMIT $%d`, len(args)),
		func(r core.Row) error { old = append(old, r.ID(0)); return nil }, args...)
	if err != nil {
		return 0, fmt.Errorf("look for old messages: %w", err)
	}
	for _, m := range old {
		if _, err := tx.C.Exec(`DELETE FROM message_try WHERE tenant_id = $1 AND message_id = $2`, tx.Tenant, m); err != nil {
			return 0, fmt.Errorf("forget the tries of message %s: %w", m.Text(id.Message), err)
		}
		if _, err := tx.C.Exec(`DELETE FROM message WHERE tenant_id = $1 AND id = $2`, tx.Tenant, m); err != nil {
			return 0, fmt.Errorf("forget message %s: %w", m.Text(id.Message), err)
		}
	}
	return len(old), nil
}
