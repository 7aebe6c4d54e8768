package postgres

import (
	"log/slog"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/logkey"
	"github.com/paywatt/paywatt/internal/store"
	"github.com/paywatt/paywatt/internal/wallet"
)

// clock is the clock that this server uses. Servers of one database compare times that other servers have stored: the end of a server's
// lead, the time of a warning, the arrival of a reading. So they all use the database's clock. The message that begins a transaction also
// reads this clock. If it differs much from the server's own, the server cannot know which of the two is right; see [Engine.Apart].
type clock struct {
	own    func() time.Time
	follow bool
	log    *slog.Logger
	off    atomic.Int64 // how much the database's clock is ahead of the server's own, in ns
	doubt  atomic.Bool  // whether the field off was last logged as too large
}

// now returns the time by the clock that this server uses. If it comes from the database's clock, it has no monotonic reading.
func (k *clock) now() time.Time {
	if !k.follow {
		return k.own()
	}
	return k.own().Round(0).Add(k.apart())
}

// apart returns how much the database's clock is ahead of the server's own; negative if it is behind, 0 if it is not read.
func (k *clock) apart() time.Duration { return time.Duration(k.off.Load()) }

// heard takes the time that the database's clock showed at some moment between two times of the server's own clock. These times give the
// least and the greatest possible difference of the clocks. If the known difference is outside these bounds, heard moves it to the nearer
// bound.
func (k *clock) heard(before, shown, after time.Time) {
	least, most := shown.Sub(after.Round(0)), shown.Sub(before.Round(0))
	if least > most {
		return // the server's own clock was set back in between
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

// askClock reads the database's clock, in microseconds since 1970, whether commits wait for a standby, and whether one follows.
const askClock = "SELECT (EXTRACT(EPOCH FROM clock_timestamp()) * 1000000)::bigint, " + askStandby + ", " + askFollows

// beginAt begins a transaction. In the same message it reads the database's clock, and whether commits wait for a standby.
func (c *conn) beginAt(how string, k *clock) error {
	c.fresh(how)
	before := k.own()
	results, err := c.script(how + "; " + askClock)
	if err != nil {
		return err
	}
	var all rows
	for _, r := range results[len(results)-1].Rows {
		all = append(all, r)
	}
	c.heard(k, before, all)
	return nil
}

// heard takes the answer to askClock, which was asked after the given time of the server's own clock.
func (c *conn) heard(k *clock, before time.Time, all rows) {
	after := k.own()
	at, standby, follows, ok := shown(all)
	c.standby, c.follows = standby, follows
	if ok && k.follow {
		k.heard(before, at, after)
	}
}

// askOnce reads the database's clock before anything uses it.
func (c *conn) askOnce(k *clock) error {
	if err := c.beginAt(beginView, k); err != nil {
		return err
	}
	return c.rollback()
}

// shown parses the answer to askClock.
func shown(all rows) (at time.Time, standby, follows, ok bool) {
	if len(all) != 1 || len(all[0]) < 3 {
		return time.Time{}, false, false, false
	}
	us, err := strconv.ParseInt(string(all[0][0]), 10, 64)
	return time.UnixMicro(us).UTC(), string(all[0][1]) == "t", string(all[0][2]) == "t", err == nil
}

// Now returns the time by the clock that this server uses: the database's if [Options].Follow is set.
func (e *Engine) Now() time.Time { return e.clock.now() }

// Apart returns how much the database's clock was ahead of the server's own when it was last read; negative if it was behind, 0 if it is
// not read.
func (e *Engine) Apart() time.Duration { return e.clock.apart() }

// newTx returns a transaction at this moment.
func (e *Engine) newTx(c *conn, t access.Tenant) *store.Tx {
	tx := store.NewTx(c, t, e.clock.now(), e.opt.Rand, e.epoch.Load(), nil)
	tx.Apart, tx.Mark, tx.Marker = e.clock.apart(), e.sealer.key.Mark, e.opt.Marker
	return tx
}
