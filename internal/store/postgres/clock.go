package postgres

import (
	"log/slog"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/logkey"
	"github.com/paywatt/paywatt/internal/store"
	"github.com/paywatt/paywatt/internal/wallet"
)

// clock is what this server goes by. Servers of one database compare times that others of them have noted: who leads until
// when, when a customer was warned, when a reading came. So they all go by one clock, the database's, which is asked at the
// beginning of each transaction in the message that begins it. Where it differs much from the server's own, nobody here
// knows which of the two is right; see [Engine.Apart].
type clock struct {
	own    func() time.Time
	follow bool
	log    *slog.Logger
	off    atomic.Int64 // by how much the database's clock is ahead of the server's own, in ns
	doubt  atomic.Bool  // that was last logged as too much
}

// now is the time by the clock that this server goes by. It has no monotonic reading where that is the database's.
func (k *clock) now() time.Time {
	if !k.follow {
		return k.own()
	}
	return k.own().Round(0).Add(k.apart())
}

// apart is by how much the database's clock is ahead of the server's own, behind where it is negative; 0 where it is not asked.
func (k *clock) apart() time.Duration { return time.Duration(k.off.Load()) }

// heard takes what the database's clock showed at some moment between two of the server's own. What lies within these is no
// difference; otherwise no more is believed than has to be.
func (k *clock) heard(before, shown, after time.Time) {
	least, most := shown.Sub(after.Round(0)), shown.Sub(before.Round(0))
	if least > most {
		return // the server's own clock was set back meanwhile
	}
	off := min(max(k.apart(), least), most)
	k.off.Store(int64(off))
	if doubt := off.Abs() > wallet.MaxApart; k.doubt.Swap(doubt) != doubt {
		say := k.log.Warn
		if !doubt {
			say = k.log.Info
		}
		say("clocks of server and database compared", logkey.Apart, off.String())
	}
}

// askClock gives the database's clock in microseconds since 1970.
const askClock = "; SELECT (EXTRACT(EPOCH FROM clock_timestamp()) * 1000000)::bigint"

// beginAt begins a transaction and looks at the database's clock, in one message.
func (c *conn) beginAt(how string, k *clock) error {
	if !k.follow {
		return c.begin(how)
	}
	c.fresh(how)
	before := k.own()
	results, err := c.script(how + askClock)
	if err != nil {
		return err
	}
	after := k.own()
	if at, ok := shown(results); ok {
		k.heard(before, at, after)
	}
	return nil
}

// askOnce looks at the database's clock before anything is done by it.
func (c *conn) askOnce(k *clock) error {
	if err := c.beginAt(beginView, k); err != nil {
		return err
	}
	return c.rollback()
}

// shown reads the answer to askClock.
func shown(results []*pgconn.Result) (time.Time, bool) {
	last := results[len(results)-1]
	if len(last.Rows) != 1 || len(last.Rows[0]) != 1 {
		return time.Time{}, false
	}
	us, err := strconv.ParseInt(string(last.Rows[0][0]), 10, 64)
	return time.UnixMicro(us).UTC(), err == nil
}

// Now is the time by the clock that this server goes by: the database's where [Options].Follow is set.
func (e *Engine) Now() time.Time { return e.clock.now() }

// Apart is by how much the database's clock was ahead of the server's own when it was asked last, negative for behind; 0
// where it is not asked.
func (e *Engine) Apart() time.Duration { return e.clock.apart() }

// newTx is a transaction at this moment.
func (e *Engine) newTx(c *conn, t access.Tenant) *store.Tx {
	tx := store.NewTx(c, t, e.clock.now(), e.opt.Rand, e.epoch, nil)
	tx.Apart, tx.Mark = e.clock.apart(), e.sealer.mark
	return tx
}
