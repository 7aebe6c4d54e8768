package shoptest_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/sale"
	"github.com/paywatt/paywatt/internal/store"
	"github.com/paywatt/paywatt/internal/store/core"
	"github.com/paywatt/paywatt/internal/store/postgres"
	"github.com/paywatt/paywatt/sts"
)

// lose has the effect of restoring a copy that was made before any sale: the rows of the sales are gone and the epoch is new.
func (s *shop) lose() {
	s.t.Helper()
	s.do(func(tx *storeTx) error {
		var errs error
		for _, sql := range []string{`DELETE FROM token`, `DELETE FROM vend_line`, `DELETE FROM vend`, `DELETE FROM idempotency`,
			`DELETE FROM usage_month`, `UPDATE counter SET value = 0 WHERE name = 'receipt:main'`} {
			_, err := tx.C.Exec(sql)
			errs = errors.Join(errs, err)
		}
		_, err := tx.BeginEpoch(tx.Now, store.Branch{})
		return errors.Join(errs, err)
	})
	s.crash()
}

// TestARestoreGivesNoTIDOfALongRowAgain sells many tokens in a row, which takes a meter's TIDs far ahead of the clock. The meter accepts
// the tokens. After each restore the same number of tokens is sold, and each still loads, because its TID is new.
func TestARestoreGivesNoTIDOfALongRowAgain(t *testing.T) {
	const row = 70
	s := open(t, true)
	m := s.meter(1, place{tariff: s.publish("domestic", flat(), monday())})
	had := map[sts.TID]int{}
	for epoch := range 4 { // epoch 0 is before the first restore
		for n := range row {
			tid := s.sell(order(m, 10000, fmt.Sprintf("key-%d-%04d", epoch, n))).Sale.Tokens[0].TID
			if in, used := had[tid]; used {
				t.Fatalf("sale %d after restore %d has TID %d, which a token had after restore %d", n, epoch, tid, in)
			}
			had[tid] = epoch
		}
		s.clock.add(time.Minute)
		s.lose()
	}
}

// TestHowFarTIDsRunAheadAfterARestore checks that for a day after a restore TIDs may run twice as far ahead, because they begin a day
// ahead.
func TestHowFarTIDsRunAheadAfterARestore(t *testing.T) {
	s := open(t, true)
	domestic := s.publish("domestic", flat(), monday())
	s.do(func(tx *storeTx) error { _, err := tx.BeginEpoch(tx.Now, store.Branch{}); return err })
	s.crash()
	restored := s.clock.Now()
	for n, c := range []struct {
		since time.Duration
		limit int64
	}{{0, sale.MaxAheadRestored}, {sale.RestoredFor - time.Minute, sale.MaxAheadRestored}, {sale.RestoredFor, sale.MaxAhead}, {48 * time.Hour, sale.MaxAhead}} {
		s.clock.set(restored.Add(c.since))
		now, err := sts.Base2014.TIDAt(s.clock.Now())
		if err != nil {
			t.Fatal(err)
		}
		m := s.meter(n, place{tariff: domestic, keys: lastTID(t, int64(c.since/time.Minute)+c.limit-1)})
		if got := int64(s.sell(order(m, 10000, fmt.Sprintf("key-last-%d", n))).Sale.Tokens[0].TID - now); got != c.limit {
			t.Errorf("%s after the restore a TID lies %d minutes ahead, want %d", c.since, got, c.limit)
		}
		s.refused(order(m, 10000, fmt.Sprintf("key-more-%d", n)), refusal.TooManyTokens)
	}
}

// TestNothingThatWasGivenLiesBeyondWhatARestoreSkips checks, for every minute of the days after several restores, that another restore
// would skip every TID that may have been issued.
func TestNothingThatWasGivenLiesBeyondWhatARestoreSkips(t *testing.T) {
	now := monday()
	if got := sale.IssuedUpTo(now, time.Time{}, time.Time{}); !got.Equal(now.Add(core.TIDMargin)) || !sale.Reach(now, time.Time{}, time.Time{}).Equal(got) {
		t.Errorf("where there was no restore TIDs run up to %s", got)
	}
	var restored, lost time.Time
	for _, rest := range []time.Duration{0, time.Hour, 23 * time.Hour, 30 * time.Hour, 72 * time.Hour} {
		at := now.Add(rest)
		lost, restored = sale.IssuedUpTo(at, restored, lost), at
		if lost.Before(at.Add(core.TIDMargin)) {
			t.Fatalf("the restore after %s skips only up to %s", rest, lost)
		}
		var given time.Time
		for by := at; by.Before(at.Add(96 * time.Hour)); by = by.Add(time.Minute) {
			reach := sale.Reach(by, restored, lost)
			if reach.After(given) {
				given = reach
			}
			if got := sale.IssuedUpTo(by, restored, lost); given.After(got) {
				t.Fatalf("%s after the restore TIDs up to %s may have been given, and another restore skips those up to %s", by.Sub(at), given, got)
			}
			if !reach.After(lost) {
				t.Fatalf("%s after the restore no TID is left: they begin after %s and end at %s", by.Sub(at), lost, reach)
			}
		}
		now = at
	}
}

// TestAStoreThatAnOlderVersionRestored checks a store that an older version restored. That version skipped only the TIDs of an hour. The
// books stay sound, and no TID of the lost time is issued again from now on.
func TestAStoreThatAnOlderVersionRestored(t *testing.T) {
	s := open(t, true)
	m := s.meter(1, place{tariff: s.publish("domestic", flat(), monday())})
	s.do(func(tx *storeTx) error {
		if _, err := tx.BeginEpoch(tx.Now, store.Branch{}); err != nil {
			return err
		}
		hour, err := sts.Base2014.TIDAt(tx.Now.Add(time.Hour))
		if err != nil {
			return err
		}
		_, one := tx.C.Exec(`UPDATE meter_key SET tid_floor = $1`, hour)
		_, two := tx.C.Exec(`DELETE FROM meta WHERE key = 'lost_tid_minute'`)
		return errors.Join(one, two)
	})
	s.crash()
	restored := s.clock.Now()
	s.verified()
	got := s.sell(order(m, 10000, "key-number-1")).Sale.Tokens[0]
	if at := got.BaseDate.Time(got.TID); !at.After(restored.Add(core.TIDMargin)) {
		t.Errorf("the first TID is of %s, and those up to %s may have been given", at, restored.Add(core.TIDMargin))
	}
	s.verified()
}

// TestASaleAboveACeilingWaitsNoLonger: on PostgreSQL a sale asks once whether there are people, also where a ceiling is exceeded and where an
// alarm could be due. While there are none, neither stops it.
func TestASaleAboveACeilingWaitsNoLonger(t *testing.T) {
	inPostgres(t)
	s := openWith(t, true, false)
	e := s.engine.(*postgres.Engine)
	m := s.meter(1, place{tariff: s.publish("domestic", flat(), monday())})
	waited := map[int64]int{}
	for n := range 40 {
		before := e.Stats().Messages
		s.sell(order(m, 3_000_000, fmt.Sprintf("key-number-%d", n)))
		waited[e.Stats().Messages-before]++
	}
	if total := s.number(`SELECT MAX(amount) FROM day_total`); total < 80_000_000 {
		t.Fatalf("sold %d in a day, which exceeds no ceiling", total)
	}
	if waited[3] < 20 {
		t.Errorf("number of sales by the messages for which they waited: %v, want at least 20 with 3", waited)
	}
}
