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

// How sealing goes on.
const (
	sealEvery = time.Second
	sealLead  = 3 * time.Second // how long the lead of a server outlives it; losing it too early costs nothing but a look at the log
	sealRows  = 500             // rows of one seal: its transaction holds up nobody, but its head should come soon
	leadName  = "seal"
)

// sealer takes committed journals and audit rows into the tenants' logs. Of all servers of a database one does: the
// leader, whose row every sealing transaction takes and holds to its end. So a server that slept through the end of
// its lead finds that out in the transaction in which it wanted to seal, and two never seal at once.
type sealer struct {
	e      *Engine
	c      *conn
	store  *core.Sealer
	public string
	heads  *headlog.Log
	mark   func([32]byte) []byte
	epoch  int64 // of the lead in which store remembers the logs
}

func newSealer(e *Engine, key seal.Key, heads *headlog.Log) *sealer {
	return &sealer{e: e, store: core.NewSealer(key), public: key.Public(), mark: key.Mark, heads: heads}
}

// run seals until the engine closes, and once more then: what was committed last is sealed before the lead is left.
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

// round seals everything that waits, if this server leads. Trouble is told and tried again in the next round: the rows
// are safe, and only their evidence is late.
func (s *sealer) round(ctx context.Context) {
	leads, err := s.sealAll(ctx)
	if err != nil {
		s.store.Forget()
		s.e.log.Warn("rows were not sealed", logkey.Err, err)
		if errors.Is(err, store.ErrInvariant) {
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

// sealAll seals tenant by tenant until nothing waits or the lead is another server's.
func (s *sealer) sealAll(ctx context.Context) (leads bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, workTime)
	defer cancel()
	if !s.c.alive() {
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

// sealSome writes one seal of a tenant in one transaction, and reports how many rows it took.
func (s *sealer) sealSome(t access.Tenant) (rows int, leads bool, err error) {
	if err := s.c.beginAt(beginWrite, s.e.clock); err != nil {
		return 0, false, err
	}
	var head *seal.Head
	head, rows, leads, err = s.write(s.tx(t))
	if err != nil || !leads {
		return 0, leads, errors.Join(err, s.c.rollback())
	}
	if err := s.c.commit(); err != nil {
		return 0, true, err // where nobody knows, the next round finds out from the log itself
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
	if epoch != s.epoch { // somebody else has sealed meanwhile
		s.store.Forget()
		s.epoch = epoch
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

// leave gives the lead to the next server at once.
func (s *sealer) leave() {
	if !s.c.alive() {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), lockTime)
	defer cancel()
	s.c.ctx = ctx // that of the last round has ended
	if s.c.beginAt(beginWrite, s.e.clock) != nil {
		return
	}
	if err := errors.Join(s.tx(store.FirstTenant).LeaderLeave(leadName, s.e.opt.Holder), s.c.commit()); err != nil {
		s.e.log.Warn("leadership was not given up", logkey.Err, err)
	}
}
