package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/logkey"
	"github.com/paywatt/paywatt/internal/seal"
	"github.com/paywatt/paywatt/internal/store"
	"github.com/paywatt/paywatt/internal/store/core"
	"github.com/paywatt/paywatt/internal/store/headlog"
)

// Limits of sealing.
const (
	sealEvery = time.Second
	sealLead  = 3 * time.Second // how long a lead lasts unless it is renewed; a server that takes over the lead reads the log again
	sealRows  = 500             // largest number of rows in one seal; more rows would delay its signed head
	leadName  = "seal"
)

// sealer adds committed journals and audit rows to the tenants' logs. Only the leader among a database's servers seals. Every sealing
// transaction locks the leader's row until the transaction ends. So a server that has lost its lead finds out in the same transaction, and
// two servers never seal at once.
type sealer struct {
	e     *Engine
	c     *conn
	store *core.Sealer
	key   seal.Key
	keys  seal.Chain // key, and the keys before it
	heads *headlog.Log
	epoch int64 // epoch of the lead under which the core.Sealer read the logs
}

func newSealer(e *Engine, key seal.Key, keys seal.Chain, heads *headlog.Log) *sealer {
	return &sealer{e: e, store: core.NewSealer(key), key: key, keys: keys, heads: heads}
}

// run seals until the engine closes, and then once more, so that the last commits are sealed before this server gives up the lead.
func (s *sealer) run() {
	tick := time.NewTicker(s.e.opt.SealEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			s.round(context.Background())
		case <-s.e.closing:
			s.round(context.Background())
			s.leave()
			return
		}
	}
}

// round seals all waiting rows if this server leads. It logs an error and the next round tries again: the rows are safe, and only their
// evidence is late.
func (s *sealer) round(ctx context.Context) {
	leads, err := s.sealAll(ctx)
	if err != nil {
		s.store.Forget()
		s.e.log.Warn("rows were not sealed", logkey.Err, err)
		if errors.Is(err, store.ErrInvariant) || errors.Is(err, ErrKey) {
			s.e.fit.Unfit(err)
		}
	}
	if !leads {
		return
	}
	if err := s.heads.Flush(); err != nil {
		s.e.log.Warn("heads were not written", logkey.Err, err)
	}
}

// sealAll seals tenant by tenant until no row waits or another server leads.
func (s *sealer) sealAll(ctx context.Context) (leads bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, workTime)
	defer cancel()
	if !s.c.alive() {
		s.store.Forget() // another server may answer, which lacks what this one has sealed
		if s.c, err = s.e.connect(ctx); err != nil {
			return false, err
		}
	}
	s.c.ctx = ctx
	s.c.fault = nil
	tenants, err := s.tx(store.FirstTenant).Tenants()
	if err != nil {
		return false, err
	}
	for _, t := range tenants {
		for {
			n, leads, err := s.sealSome(t)
			if err != nil || !leads {
				return leads, err
			}
			if n < sealRows {
				break
			}
		}
	}
	return true, nil
}

func (s *sealer) tx(t access.Tenant) *store.Tx {
	return s.e.newTx(s.c, t)
}

// sealSome writes one seal of a tenant in one transaction, and returns how many rows it sealed.
func (s *sealer) sealSome(t access.Tenant) (rows int, leads bool, err error) {
	if err := s.c.beginAt(beginWrite, s.e.clock); err != nil {
		return 0, false, err
	}
	if err := s.e.waits(s.c); err != nil {
		return 0, false, err
	}
	var head *seal.Head
	head, rows, leads, err = s.write(s.tx(t))
	if err != nil || !leads {
		return 0, leads, errors.Join(err, s.c.rollback())
	}
	if err := s.c.commit(s.e.opt.commitTime); err != nil {
		return 0, true, err // if the outcome is unknown, the next round reads the outcome from the log
	}
	if head != nil {
		s.heads.Add(t, *head)
		s.e.counts.sealed(1)
	}
	return rows, true, nil
}

// write is the transaction of one seal.
func (s *sealer) write(tx *store.Tx) (head *seal.Head, rows int, leads bool, err error) {
	epoch, leads, err := tx.LeaderTake(leadName, s.e.opt.Holder, tx.Now.Add(sealLead))
	if err != nil || !leads {
		return nil, 0, false, err
	}
	if epoch != s.epoch { // another server may have sealed meanwhile
		s.store.Forget()
		s.epoch = epoch
	}
	if err := boundTo(tx.Tx, s.keys.Public); err != nil {
		return nil, 0, true, err
	}
	f, err := s.store.Collect(tx.Tx, sealRows)
	if err != nil || f.Empty() {
		return nil, 0, true, err
	}
	h, err := s.store.Seal(tx.Tx, f)
	if err != nil {
		return nil, 0, true, fmt.Errorf("seal: %w", err)
	}
	return &h, f.Len(), true, nil
}

// leave gives up the lead, so that another server can take it at once.
func (s *sealer) leave() {
	if !s.c.alive() {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), lockTime)
	defer cancel()
	s.c.ctx = ctx // the last round's context has ended
	if s.c.beginAt(beginWrite, s.e.clock) != nil {
		return
	}
	if err := errors.Join(s.tx(store.FirstTenant).LeaderLeave(leadName, s.e.opt.Holder), s.c.commit(s.e.opt.commitTime)); err != nil {
		s.e.log.Warn("leadership was not given up", logkey.Err, err)
	}
}
