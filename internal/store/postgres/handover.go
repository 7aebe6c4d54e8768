package postgres

import (
	"context"
	"errors"
	"fmt"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/seal"
	"github.com/paywatt/paywatt/internal/store"
	"github.com/paywatt/paywatt/internal/store/core"
	"github.com/paywatt/paywatt/internal/store/headlog"
)

// ErrOlderKey: the database belongs to a seal key that has handed over to the folder's key.
var ErrOlderKey = errors.New("the database belongs to an older seal key, which has handed over to the one in the folder")

// sealKey opens the seal key of the folder, to which the database must belong. It finishes a rotation that was interrupted after the database
// had taken the next key.
func (e *Engine) sealKey(c *conn) (seal.Key, seal.Chain, error) {
	key, keys, err := headlog.OpenKey(e.opt.Dir, e.opt.Rand)
	if err != nil {
		return key, keys, err
	}
	err = sameKey(c, metaSealer, key.Public())
	if !errors.Is(err, ErrKey) {
		return key, keys, err
	}
	bound, look := c.text(`SELECT value FROM meta WHERE key = $1`, metaSealer)
	if look != nil {
		return key, keys, look
	}
	done, finish := headlog.Finish(e.opt.Dir, bound, e.log)
	switch {
	case finish != nil:
		err = finish
	case done:
		return headlog.OpenKey(e.opt.Dir, e.opt.Rand)
	case keys.Age(bound) > 0 && e.opt.Older:
		e.behind, err = true, nil
	case keys.Age(bound) > 0:
		err = ErrOlderKey
	}
	return key, keys, err
}

// Behind reports whether the database still belongs to an older seal key than the folder's, because it was restored from a backup.
func (e *Engine) Behind() bool { return e.behind }

// boundTo returns [ErrKey] if the database does not belong to a seal key any more.
func boundTo(tx *core.Tx, public string) error {
	bound := ""
	_, err := tx.One(`SELECT value FROM meta WHERE key = $1`, func(r core.Row) error { bound = r.Text(0); return nil }, metaSealer)
	if err == nil && bound != public {
		err = fmt.Errorf("%w: %s is %s in the database, but %s in this server", ErrKey, metaSealer, bound, public)
	}
	return err
}

// HandOver binds the database to the next seal key, in one transaction. In it, HandOver also writes the audit entry, seals every row that
// waits, and gives the newest head of every log to stage. A server with the old key can no longer seal afterwards.
func (e *Engine) HandOver(ctx context.Context, next string, by access.Entry, stage func(heads []seal.Head) error) error {
	c, err := e.connect(ctx)
	if err != nil {
		return err
	}
	defer c.drop()
	c.ctx = ctx
	return c.within(func() error {
		if _, err := alone(c); err != nil {
			return err
		}
		if err := unserved(c, e.opt); err != nil {
			return err
		}
		tx := e.newTx(c, store.FirstTenant)
		_, leads, err := tx.LeaderTake(leadName, e.opt.Holder, tx.Now.Add(sealLead))
		if err == nil && !leads {
			err = ErrServed
		}
		if err != nil {
			return err
		}
		heads, err := e.lastHeads(c, by)
		if err == nil {
			err = stage(heads)
		}
		if err == nil {
			err = tx.PutMeta(metaSealer, next)
		}
		if err != nil {
			return err
		}
		return tx.LeaderLeave(leadName, e.opt.Holder)
	})
}

// lastHeads writes the audit entry, seals everything that waits and returns the newest head of every log.
func (e *Engine) lastHeads(c *conn, by access.Entry) (heads []seal.Head, err error) {
	tx := e.newTx(c, store.FirstTenant)
	tenants, err := tx.Tenants()
	if err == nil {
		_, err = tx.Finish(false, tx.AuditLog(by))
	}
	if err != nil {
		return nil, err
	}
	sealer := core.NewSealer(e.sealer.key)
	for _, t := range tenants {
		tx := e.newTx(c, t)
		for {
			f, err := sealer.Collect(tx.Tx, sealRows)
			if err == nil && !f.Empty() {
				_, err = sealer.Seal(tx.Tx, f)
			}
			if err != nil {
				return nil, fmt.Errorf("seal what waits: %w", err)
			}
			if f.Empty() {
				break
			}
		}
		h, err := tx.NewestHead(e.sealer.keys)
		if err != nil {
			return nil, err
		}
		heads = append(heads, h)
	}
	return heads, nil
}
