package shoptest_test

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/command"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/job"
	"github.com/paywatt/paywatt/internal/store"
	"github.com/paywatt/paywatt/internal/wallet"
)

// leases does the same as [shop.uses], for a meter that has just started and supports leases.
func (s *shop) leases(number string, registers ...int64) {
	s.t.Helper()
	s.hears(number, "closed", []string{"lease"}, registers...)
}

// unseen returns since when the server has not seen its meters.
func (s *shop) unseen() (at time.Time) {
	s.t.Helper()
	s.do(func(tx *store.Tx) error {
		sight, err := wallet.VisibilityOf(tx)
		at = sight.Unseen
		return err
	})
	return at
}

func (s *shop) looksOut() {
	s.t.Helper()
	s.do(func(tx *store.Tx) error { return wallet.NoteSeen(tx) })
}

// TestAServerClockThatWasAheadIsSetBack moves a server's clock a month ahead. The server sends commands to a wallet meter. Then the test
// sets the clock back. After that, the future times that the server stored must not count, and work that it planned for a future time must
// be due.
func TestAServerClockThatWasAheadIsSetBack(t *testing.T) {
	s := open(t, true)
	m := s.walletMeter(1, s.publish("domestic", flat(), monday().AddDate(0, -1, 0)))
	wallets := wallet.New(wallet.Config{Now: s.clock.Now, Sealer: s.sealer, Door: walletDoor{s}})
	by, began := access.SystemActor(tenant, "wallets"), s.clock.Now()
	s.looksOut()
	s.leases(m, 0)
	s.sell(order(m, 50_000, "recharge-1"))
	lead := func(holder string) (ok bool) {
		s.do(func(tx *store.Tx) (err error) {
			_, ok, err = tx.LeaderTake("jobs", holder, s.clock.Now().Add(time.Minute))
			return err
		})
		return ok
	}

	s.clock.add(30 * 24 * time.Hour)
	if got := s.unseen(); !got.Equal(began) {
		t.Errorf("a month later it was blind since %s, want %s", got, began)
	}
	s.looksOut()
	s.leases(m, 12_000)
	if n, err := wallets.SettleDue(t.Context(), by); err != nil || n != 1 {
		t.Fatalf("posted the use of %d accounts (%v), want one", n, err)
	}
	s.clock.add(time.Minute)
	s.leases(m, 12_100)
	if lead("a"); lead("b") {
		t.Error("two lead at once")
	}
	waiting := s.number(`SELECT COUNT(*) FROM outbox WHERE lane = 'mqtt'`)

	s.clock.set(began.Add(10 * time.Minute))
	now := s.clock.Now()
	if got := s.unseen(); !got.Equal(now) {
		t.Errorf("after the clock was set back it was blind until %s, want now, %s", got, now)
	}
	if !lead("b") {
		t.Error("whoever led when the clock was ahead leads for a month")
	}
	if lead("a") {
		t.Error("two lead at once")
	}
	if due := s.number(`SELECT COUNT(*) FROM outbox WHERE lane = 'mqtt' AND next_at <= $1`, now); waiting == 0 || due == waiting {
		t.Fatalf("%d of %d items for the meter are due; some were to wait for the month", due, waiting)
	}
	s.looksOut()
	if due := s.number(`SELECT COUNT(*) FROM outbox WHERE lane = 'mqtt' AND next_at <= $1`, now); due != waiting {
		t.Errorf("%d of %d items for the meter are due after a look", due, waiting)
	}
	for _, look := range []struct {
		name string
		do   func(context.Context, access.Actor) (int, error)
	}{{"supplies", wallets.Watch}, {"use to be posted", wallets.SettleDue}} {
		if n, err := look.do(t.Context(), by); err != nil || n != 1 {
			t.Errorf("%s: %d accounts (%v), want one", look.name, n, err)
		}
	}
	s.inOrder(m)
	s.clock.add(time.Minute)
	s.looksOut()
	if got := s.unseen(); !got.Equal(now) {
		t.Errorf("it was blind until %s, want until the clock was set back, %s", got, now)
	}
	s.leases(m, 13_000)
	if at := time.UnixMicro(s.number(`SELECT last_seen FROM meter_live`)); !at.Equal(s.clock.Now()) {
		t.Errorf("the meter was last seen at %s, want now, %s", at, s.clock.Now())
	}
	s.audit()
}

// TestABacklogAfterTheClockWasSetBackCutsNobody: the server's clock was ahead, so energy is rated up to a time in the future. That time
// does not show how old a new reading is. A reading from a meter's backlog cuts nobody off. A current reading does.
func TestABacklogAfterTheClockWasSetBackCutsNobody(t *testing.T) {
	s := open(t, true)
	m := s.walletMeter(1, s.publish("domestic", flat(), monday().AddDate(0, -1, 0)))
	began := s.clock.Now()
	s.looksOut()
	s.sell(order(m, 500, "recharge-1"))
	s.uses(m, 0)
	s.clock.add(30 * 24 * time.Hour)
	s.looksOut()
	s.uses(m, 100)
	s.clock.set(began.Add(24 * time.Hour))
	s.looksOut()
	for _, c := range []struct {
		name     string
		age      time.Duration // age of the newest reading, by its own time
		register int64
		cuts     int64
	}{
		{"a backlog of the day before", 20 * time.Hour, 4000, 0},
		{"a backlog that is caught up with", 2 * time.Hour, 4010, 0},
		{"a reading of now", 0, 4020, 1},
	} {
		s.clock.add(time.Minute)
		s.looksOut()
		s.hearsOf(s.clock.Now().Add(-c.age), m, "closed", nil, c.register)
		if got := s.number(`SELECT COUNT(*) FROM command WHERE type = 'disconnect'`); got != c.cuts {
			t.Errorf("%s: %d cut-offs, want %d", c.name, got, c.cuts)
		}
		if got := s.number(`SELECT COUNT(*) FROM wallet_supply WHERE block = 'stale'`); got != 1-c.cuts {
			t.Errorf("%s: %d supplies wait for a newer reading, want %d", c.name, got, 1-c.cuts)
		}
	}
}

// TestOrdersToATokenMeterAfterAYearAhead: the server's clock was a year ahead and is set back. A command given afterwards is the newest,
// and current. A cut-off given before is not sent when the meter connects, because nobody knows how old it is. A command that takes nothing
// away is sent.
func TestOrdersToATokenMeterAfterAYearAhead(t *testing.T) {
	s := open(t, true)
	m := s.meter(1, place{tariff: s.publish("domestic", flat(), monday().AddDate(0, -1, 0))})
	n := s.number(`SELECT n FROM meter WHERE number = $1`, m)
	commands := command.New(commandDoor{s}, s.clock.Now)
	sends := func(c command.Type) command.Command {
		t.Helper()
		sent, err := commands.Send(t.Context(), owner(), command.Request{Meter: m, Type: c, Reason: "a test"})
		if err != nil || sent.Refused() {
			t.Fatalf("%s: %v %s", c, err, sent.Detail())
		}
		return sent.Command
	}
	signs := func(c command.Command) (got command.Signing) {
		t.Helper()
		s.do(func(tx *store.Tx) (err error) { got, err = command.Sign(tx, c.ID); return err })
		return got
	}
	began := s.clock.Now()
	s.looksOut()
	s.clock.add(365 * 24 * time.Hour)
	s.looksOut()
	early := []command.Command{sends(command.Disconnect), sends(command.ClearCredit), sends(command.Read)}
	s.clock.set(began.Add(time.Hour))
	s.looksOut()
	late := []command.Command{sends(command.Connect), sends(command.Disconnect)}
	s.clock.add(time.Millisecond)
	late = append(late, sends(command.Read))
	for _, c := range late {
		if d := s.clock.Now().Sub(c.CreatedAt); d < 0 || d > time.Second || c.ExpiresAt.Sub(c.CreatedAt) != c.Type.TTL() {
			t.Errorf("%s was ordered %s ago and ends after %s", c.Type, d, c.ExpiresAt.Sub(c.CreatedAt))
		}
	}
	var all []command.Command
	s.do(func(tx *store.Tx) (err error) { all, err = tx.CommandsOf(n, id.ID{}, 50); return err })
	slices.Reverse(all)
	for i, want := range slices.Concat(early, late) {
		if all[i].ID != want.ID {
			t.Errorf("order %d in their list is the %s of %s, want the %s of %s", i+1, all[i].Type, all[i].CreatedAt, want.Type, want.CreatedAt)
		}
	}
	counter := uint64(0)
	for i, c := range slices.Concat(early, late) {
		got, expires := signs(c), i < 2
		if (got.Command.State == command.StateExpired) != expires {
			t.Errorf("the %s of %s is %s when it is to be sent, expired: want %t", c.Type, c.CreatedAt, got.Command.State, expires)
		}
		if !expires && got.Command.Counter <= counter {
			t.Errorf("the %s is signed with %d after %d", c.Type, got.Command.Counter, counter)
		}
		counter = max(counter, got.Command.Counter)
	}
}

// commandDoor leads commands to the shop's store.
type commandDoor struct{ s *shop }

func (d commandDoor) Do(ctx context.Context, t access.Tenant, fn func(command.Tx) (bool, error)) error {
	return d.s.engine.Run(ctx, t, store.Sale, func(tx *store.Tx) (bool, error) { return fn(tx) })
}

func (d commandDoor) View(ctx context.Context, t access.Tenant, fn func(command.Tx) error) error {
	return d.s.engine.View(ctx, t, func(tx *store.Tx) error { return fn(tx) })
}

// inOrder checks a meter's commands after a clock was set back. The newest lease was made now, and a later command has a higher id. Every
// pending command expires within 24 hours.
func (s *shop) inOrder(number string) {
	s.t.Helper()
	n, now := s.number(`SELECT n FROM meter WHERE number = $1`, number), s.clock.Now()
	var all []command.Command
	s.do(func(tx *store.Tx) (err error) { all, err = tx.CommandsOf(n, id.ID{}, 50); return err })
	for _, c := range all {
		if c.State.Open() && c.ExpiresAt.Sub(now) > 24*time.Hour {
			s.t.Errorf("%s is %s and ends in %s", c.Type, c.State, c.ExpiresAt.Sub(now))
		}
	}
	if !slices.IsSortedFunc(all, func(a, b command.Command) int { return bytes.Compare(b.ID[:], a.ID[:]) }) {
		s.t.Error("identities do not rise")
	}
	if i := slices.IndexFunc(all, func(c command.Command) bool { return c.Type == command.Lease }); i < 0 || !all[i].CreatedAt.Equal(now) {
		s.t.Errorf("the newest lease of %d orders is not of now", len(all))
	}
}

// TestWhatWaitsIsDueThoughTheClockIsDoubted: the clock is set back while the program runs, and for a while nobody confirms it. Work
// postponed until a future time is due at once, and work in progress stays with its owner.
func TestWhatWaitsIsDueThoughTheClockIsDoubted(t *testing.T) {
	s := open(t, true)
	began := s.clock.Now()
	enqueue := func(key string) (i id.ID) {
		s.do(func(tx *store.Tx) (err error) {
			i, err = tx.Enqueue(job.Item{Lane: job.LaneNotice, Key: key, Kind: "k", Body: []byte("{}"), ExpiresAt: began.AddDate(1, 0, 0)})
			return err
		})
		return i
	}
	claims := func(owner string) (keys []string) {
		s.do(func(tx *store.Tx) error {
			all, err := tx.OutboxClaim(job.LaneNotice, "", owner, s.clock.Now().Add(job.HoldFor), 10)
			keys = nil
			for _, c := range all {
				keys = append(keys, c.Key)
			}
			return err
		})
		return keys
	}
	s.looksOut()
	early := enqueue("a customer")

	s.clock.add(30 * 24 * time.Hour)
	s.looksOut()
	if got := claims("first"); !slices.Equal(got, []string{"a customer"}) {
		t.Fatalf("taken: %v", got)
	}
	s.do(func(tx *store.Tx) error {
		if _, err := tx.OutboxRetry(early, "first", s.clock.Now().Add(job.Pause(0)), "no route"); err != nil {
			return err
		}
		for after, next := range []time.Time{s.clock.Now().Add(time.Minute), began.Add(24 * time.Hour)} { // task 2 waits for the next day
			i, err := tx.NewID()
			if err != nil {
				return err
			}
			_, err = tx.C.Exec(`INSERT INTO message (tenant_id, id, direction, state, purpose, phone, open, next_at, created_at)
				VALUES ($1, $2, 'out', 'queued', 'notice', $3, 1, $4, $5)`, tx.Tenant, i, fmt.Sprint(after), next, began)
			if err != nil {
				return err
			}
		}
		return nil
	})

	s.clock.set(began.Add(10 * time.Minute))
	enqueue("another customer")
	if got := claims("second"); !slices.Equal(got, []string{"another customer"}) {
		t.Fatalf("taken: %v", got)
	}
	s.do(func(tx *store.Tx) error { return wallet.NoteBlind(tx) })
	s.clock.add(20 * time.Second)
	s.looksOut()
	if got := claims("third"); !slices.Equal(got, []string{"a customer"}) {
		t.Errorf("taken after the clock was set back: %v; want the one that was put back, not the one that is being sent", got)
	}
	if n := s.number(`SELECT COUNT(*) FROM message WHERE next_at <= $1`, s.clock.Now()); n != 1 {
		t.Errorf("%d of 2 messages are due, want the one whose time was never to come", n)
	}
}

// TestWhoDoesNotKnowTheTimeSeesNothing: a server whose clock was moved and is not trusted has no visibility of its meters.
func TestWhoDoesNotKnowTheTimeSeesNothing(t *testing.T) {
	s := open(t, true)
	s.looksOut()
	for range 3 {
		s.clock.add(time.Minute)
		s.do(func(tx *store.Tx) error { return wallet.NoteBlind(tx) })
		s.clock.add(20 * time.Second)
		if got, now := s.unseen(), s.clock.Now(); !got.Equal(now) {
			t.Errorf("it was blind until %s, want now, %s", got, now)
		}
	}
	s.looksOut()
	trusted := s.clock.Now()
	s.clock.add(time.Minute)
	if got := s.unseen(); !got.Equal(trusted) {
		t.Errorf("it was blind until %s, want until the clock was trusted, %s", got, trusted)
	}
}
