package app

import (
	"context"
	"crypto/rand"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/notify"
	"github.com/paywatt/paywatt/internal/sale"
	"github.com/paywatt/paywatt/internal/vending"
	"github.com/paywatt/paywatt/internal/wallet"
)

// visibility records the times at which a server checks its meters.
type visibility struct {
	tasksTx
	looks string
}

func (s *visibility) LastVisibility() (wallet.VisibilityInput, error) {
	return wallet.VisibilityInput{Now: time.Unix(1_795_000_000, 0)}, nil
}

func (s *visibility) NoteVisibility(seen, unseen time.Time) error {
	s.looks += map[bool]string{true: "away ", false: "out "}[unseen.After(seen)]
	return nil
}

// TestADoubtedClockSeesNothing: while the time is in doubt, no reading counts as fresh, so nobody is cut off.
func TestADoubtedClockSeesNothing(t *testing.T) {
	doubted, s := false, &visibility{}
	for _, task := range tasks(func() bool { return doubted }) {
		if task.Name != "look out for meters" {
			continue
		}
		for _, doubted = range []bool{false, true, true, false} {
			if err := task.Do(s, time.Now()); err != nil {
				t.Fatal(err)
			}
		}
	}
	if want := "out away away out "; s.looks != want {
		t.Errorf("it looked %q, want %q", s.looks, want)
	}
}

// swept records what would expire or be deleted.
type swept struct {
	tasksTx
	what string
}

func (s *swept) OnceSweep(int) (int, error)      { s.what += "answers "; return 0, nil }
func (s *swept) HoldExpire(int) (int, error)     { s.what += "holds "; return 0, nil }
func (s *swept) ExpireCommands(int) (int, error) { s.what += "commands "; return 0, nil }
func (s *swept) LastVisibility() (wallet.VisibilityInput, error) {
	return wallet.VisibilityInput{}, nil
}
func (s *swept) NoteVisibility(time.Time, time.Time) error { return nil }

func (s *swept) MessagesForget(time.Time, int, ...notify.Purpose) (int, error) {
	s.what += "messages "
	return 0, nil
}

// TestNothingExpiresByADoubtedClock: nothing expires while the clock is in doubt. A clock that is a year ahead would make everything expire
// at once.
func TestNothingExpiresByADoubtedClock(t *testing.T) {
	for doubted, want := range map[bool]string{true: "", false: "answers holds commands messages messages "} {
		s := &swept{}
		for _, task := range tasks(func() bool { return doubted }) {
			if err := task.Do(s, time.Now()); err != nil {
				t.Fatal(err)
			}
		}
		if s.what != want {
			t.Errorf("doubted %t: %q ended, want %q", doubted, s.what, want)
		}
	}
}

// restedTx is the store of a server whose last known time is long ago.
type restedTx struct {
	vending.Tx
	known time.Time
}

func (r restedTx) VendClock() (sale.Times, error)  { return sale.Times{LastTrusted: r.known}, nil }
func (r restedTx) ClockBegin() (sale.Times, error) { return r.VendClock() }
func (r restedTx) ClockNote() error                { return nil }
func (r restedTx) ClockTrust() error               { return nil }

func (r restedTx) ClockRecord() (sale.ClockRecord, error) { return sale.ClockRecord{}, nil }
func (r restedTx) PutClockRecord(sale.ClockRecord) error  { return nil }
func (r restedTx) Clock() vending.ClockTx                 { return r }

func (r restedTx) Do(_ context.Context, _ access.Tenant, fn func(vending.Tx) (bool, error)) error {
	_, err := fn(r)
	return err
}

func (r restedTx) View(_ context.Context, _ access.Tenant, fn func(vending.Tx) error) error {
	return fn(r)
}

// TestWhatActsByTheClockWaitsUntilItIsTrusted: sending, expiry and daily charges begin once the clock is confirmed. The time
// service may confirm it hours later.
func TestWhatActsByTheClockWaitsUntilItIsTrusted(t *testing.T) {
	for _, rest := range []time.Duration{time.Hour, 400 * 24 * time.Hour} {
		synctest.Test(t, func(t *testing.T) {
			var synced atomic.Bool
			began := time.Now()
			a := &App{stopping: t.Context(), vending: vending.New(vending.Config{Door: restedTx{known: began.Add(-rest)}, Now: time.Now, Rand: rand.Reader,
				Synced: synced.Load})}
			if err := a.startClock(); err != nil {
				t.Fatal(err)
			}
			ran := make(chan time.Duration, 1)
			part := a.onceTrusted(func(context.Context) error { ran <- time.Since(began); return nil })
			go func() {
				if err := part(t.Context()); err != nil {
					t.Error(err)
				}
			}()
			time.Sleep(3 * time.Hour)
			if asks := rest > 24*time.Hour; asks != (len(ran) == 0) || asks != a.clockDoubted() {
				t.Errorf("off for %s: it has begun %t, in doubt %t", rest, len(ran) != 0, a.clockDoubted())
			}
			synced.Store(true)
			if after := <-ran; rest > 24*time.Hour && (after < 3*time.Hour || after > 3*time.Hour+2*askEvery) {
				t.Errorf("it began after %s", after)
			}
		})
	}
}

// TestNoDayIsChargedByADoubtedClock: fixed charges are taken for each day that has begun, and a doubted clock cannot say which
// days have begun. As soon as the clock is trusted, the charges are taken, also for missed days.
func TestNoDayIsChargedByADoubtedClock(t *testing.T) {
	trouble := errors.New("no room on the disk")
	for _, c := range []struct {
		doubted bool
		fails   error
		want    int
	}{{true, nil, 0}, {true, trouble, 0}, {false, nil, 7}, {false, trouble, 7}} {
		asked := 0
		n, err := unless(func() bool { return c.doubted }, func() (int, error) { asked++; return 7, c.fails })
		if n != c.want || c.doubted != (asked == 0) || !c.doubted && !errors.Is(err, c.fails) || c.doubted && err != nil {
			t.Errorf("doubted %t: %d days charged (%v) in %d calls, want %d", c.doubted, n, err, asked, c.want)
		}
	}
}
