package postgres_test

import (
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/store"
	"github.com/paywatt/paywatt/internal/store/postgres"
	"github.com/paywatt/paywatt/internal/store/postgres/pgtest"
	"github.com/paywatt/paywatt/internal/wallet"
)

// ahead returns a server on a database. The server's own clock is ahead of the true time by the given duration.
func ahead(t *testing.T, url, dir string, by time.Duration) (*postgres.Engine, *atomic.Int64) {
	t.Helper()
	off := new(atomic.Int64)
	off.Store(int64(by))
	e := openOn(t, url, postgres.Options{Dir: dir, Holder: fmt.Sprint("ahead by ", by), Follow: true, SealEvery: -1, Writers: 1, Readers: 1,
		Now: func() time.Time { return time.Now().Add(time.Duration(off.Load())) }})
	return e, off
}

// TestServersOfOneDatabaseHaveOneClock checks that transactions use the database's clock, even if somebody sets the server's own clock
// while the server runs. If the two clocks differ by more than wallet.MaxApart, the time is in doubt.
func TestServersOfOneDatabaseHaveOneClock(t *testing.T) {
	url, dir := pgtest.New(t), t.TempDir()
	for _, by := range []time.Duration{0, 30 * time.Second, 50 * time.Minute, -50 * time.Minute, 30 * 24 * time.Hour, -30 * 24 * time.Hour} {
		began := time.Now()
		// isNear reports whether a time is about now. A reading of the clock may be as old as this server is: the machine may be busy.
		isNear := func(d time.Duration) bool { return d.Abs() <= 10*time.Second+time.Since(began) }
		e, off := ahead(t, url, dir, by)
		check := func(how string, apart time.Duration) {
			t.Helper()
			look := func(tx *store.Tx) error {
				if d := time.Since(tx.Now); !isNear(d) {
					t.Errorf("a server %s: its transaction is at %s, %s away from the true time", how, tx.Now, d)
				}
				if d := tx.Apart + apart; !isNear(d) {
					t.Errorf("a server %s: it is apart by %s, want %s", how, tx.Apart, -apart)
				}
				s, err := wallet.VisibilityOf(tx)
				if want := apart.Abs() > wallet.MaxApart; s.Doubt != want || want && !s.Unseen.Equal(tx.Now) {
					t.Errorf("a server %s: the time is in doubt %t (unseen %s), want %t", how, s.Doubt, s.Unseen, want)
				}
				return err
			}
			// First one that may share its transaction: its first statement begins it and brings the database's clock.
			if _, err := sharing(e, func(tx *store.Tx) (value, error) {
				if _, err := tx.Number(`SELECT value FROM counter WHERE tenant_id = $1 AND name = $2`, tx.Tenant, "none"); err != nil {
					return value{}, err
				}
				if d := time.Since(tx.Now); !isNear(d) {
					t.Errorf("a server %s: a shared transaction is at %s, %s away from the true time", how, tx.Now, d)
				}
				return value{}, tx.AuditLog(access.Entry{Action: "look"})
			}); err != nil {
				t.Error(err)
			}
			if _, err := do(e, func(tx *store.Tx) (value, error) { return value{}, look(tx) }); err != nil {
				t.Error(err)
			}
			if err := e.View(t.Context(), store.FirstTenant, look); err != nil {
				t.Error(err)
			}
			if d := time.Since(e.Now()); !isNear(d) {
				t.Errorf("a server %s: it goes by %s, %s away from the true time", how, e.Now(), d)
			}
		}
		check(fmt.Sprintf("ahead by %s", by), by)
		off.Store(int64(by + 2*time.Hour))
		check(fmt.Sprintf("ahead by %s, moved by two hours", by), by+2*time.Hour)
		off.Store(0)
		check(fmt.Sprintf("ahead by %s, set right", by), 0)
	}
}

// TestServersWhoseClocksDifferDoNotTakeTheLead shows that such servers do not take the lead from each other: each extends its own lead
// until it gives the lead up.
func TestServersWhoseClocksDifferDoNotTakeTheLead(t *testing.T) {
	url, dir := pgtest.New(t), t.TempDir()
	var servers []*postgres.Engine
	for _, by := range []time.Duration{0, 3 * time.Minute, -3 * time.Minute, 30 * 24 * time.Hour} {
		e, _ := ahead(t, url, dir, by)
		servers = append(servers, e)
	}
	takes := func(n int) (epoch int64, leads bool) {
		t.Helper()
		v, err := do(servers[n], func(tx *store.Tx) (_ value, err error) {
			var epoch int64
			epoch, leads, err = tx.LeaderTake("jobs", fmt.Sprint("server ", n), servers[n].Now().Add(time.Minute))
			return value{n: epoch}, err
		})
		if err != nil {
			t.Fatal(err)
		}
		return v.n, leads
	}
	for first := range servers {
		epoch, leads := takes(first)
		if !leads {
			t.Fatalf("server %d does not lead though nobody does", first)
		}
		for range 3 {
			for n := range servers {
				if got, leads := takes(n); leads != (n == first) || leads && got != epoch {
					t.Errorf("server %d leads: %t, in epoch %d; server %d does, in %d", n, leads, got, first, epoch)
				}
			}
		}
		if _, err := do(servers[first], func(tx *store.Tx) (value, error) {
			return value{}, tx.LeaderLeave("jobs", fmt.Sprint("server ", first))
		}); err != nil {
			t.Fatal(err)
		}
	}
}
