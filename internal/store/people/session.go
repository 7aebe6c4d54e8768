package people

import (
	"fmt"
	"time"

	"github.com/paywatt/paywatt/internal/fault"
	"github.com/paywatt/paywatt/internal/store/core"
)

// SessionTake records that this server holds a meter's connection from now on, whoever held it before. The epoch rises with every call, so
// that a later report from an earlier holder is refused.
func (tx Rows) SessionTake(meter int64, instance string) (epoch int64, err error) {
	epoch, err = tx.Number(`INSERT INTO session (tenant_id, meter, instance, epoch, since) VALUES ($1, $2, $3, 1, $4)
		ON CONFLICT (tenant_id, meter) DO UPDATE SET instance = excluded.instance, epoch = session.epoch + 1, since = excluded.since
		RETURNING epoch`, tx.Tenant, meter, instance, tx.Now)
	return epoch, fault.Wrap(err, "take the session of meter %d", meter)
}

// SessionDrop records that the connection of a meter has ended, unless another connection has begun since.
func (tx Rows) SessionDrop(meter int64, instance string, epoch int64) error {
	_, err := tx.C.Exec(`DELETE FROM session WHERE tenant_id = $1 AND meter = $2 AND instance = $3 AND epoch = $4`,
		tx.Tenant, meter, instance, epoch)
	return fault.Wrap(err, "drop the session of meter %d", meter)
}

// SessionsForget drops all sessions that a server holds, because it is stopping.
func (tx Rows) SessionsForget(instance string) error {
	if _, err := tx.C.Exec(`DELETE FROM session WHERE tenant_id = $1 AND instance = $2`, tx.Tenant, instance); err != nil {
		return fmt.Errorf("drop the sessions of %s: %w", instance, err)
	}
	return nil
}

// SessionsElsewhere calls the given function for every meter whose connection another server holds. The function's argument live says
// whether that server is alive (see [Rows.ServerSeen]).
func (tx Rows) SessionsElsewhere(instance string, found func(number string, live bool)) error {
	err := tx.C.Query(`SELECT m.number, l.until FROM session s JOIN meter m ON m.tenant_id = s.tenant_id AND m.n = s.meter
		LEFT JOIN leader l ON l.name = '`+serverLead+`' || s.instance
		WHERE s.tenant_id = $1 AND s.instance <> $2`, func(r core.Row) error {
		found(r.Text(0), r.Time(1).After(tx.Now))
		return nil
	}, tx.Tenant, instance)
	return fault.Wrap(err, "look for sessions elsewhere")
}

// serverLead is the first part of a lead's name. Each server takes one such lead for itself. The server counts as alive until this lead
// ends. The holder of the lead is the name that the server keeps over restarts.
const serverLead = "server:"

// serverForgotten is how long the row of a dead server is kept.
const serverForgotten = 24 * time.Hour

// maxSharedNames is how many names are read that several servers have.
const maxSharedNames = 20

// SharedNames lists names that several servers have that are alive.
func (tx Rows) SharedNames() (names []string, err error) {
	err = tx.C.Query(`SELECT holder FROM leader WHERE name LIKE '`+serverLead+`%' AND until > $1
		GROUP BY holder HAVING COUNT(*) > 1 ORDER BY holder LIMIT $2`, func(r core.Row) error {
		names = append(names, r.Text(0))
		return nil
	}, tx.Now, maxSharedNames)
	return names, fault.Wrap(err, "list names that several servers have")
}

// ServerSeen records that the server with this name is alive until a moment, and deletes servers that have been dead for longer than
// serverForgotten.
func (tx Rows) ServerSeen(instance, name string, until time.Time) error {
	if _, _, err := tx.LeaderTake(serverLead+instance, name, until); err != nil {
		return err
	}
	_, err := tx.C.Exec(`DELETE FROM leader WHERE name LIKE '`+serverLead+`%' AND until < $1`, tx.Now.Add(-serverForgotten))
	return fault.Wrap(err, "delete servers that are gone")
}
