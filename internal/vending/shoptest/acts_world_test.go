package shoptest_test

import (
	"context"
	"crypto/rand"
	"errors"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/command"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/keystore"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/sale"
	"github.com/paywatt/paywatt/internal/sometimes"
	"github.com/paywatt/paywatt/internal/store"
	"github.com/paywatt/paywatt/internal/store/sqlite"
	"github.com/paywatt/paywatt/internal/store/storetest"
	"github.com/paywatt/paywatt/internal/vending"
	"github.com/paywatt/paywatt/sts"
)

// rareStates are the states that these histories must reach.
func rareStates() []string {
	return []string{
		"sale", "sale on a day of 23 or 25 hours", "token typed", "token pushed", "push repeated after a lost answer", "old token entered again", "mistyped token", "meter locked out", "token typed late", "month change",
		"request asked again", "answer lost on a full disk", "reversal confirmed by the meter", "reversal of a meter that is away", "reversal too late",
		"reversed token used all the same", "reversal ran out of time", "reversal refused, token was loaded", "reversal answered late", "cancelled token replaced",
		"copy taken", "restore over the live books", "restore on a new machine", "restore of an old copy",
		"restore after 50 sales to one meter", "two restores", "meter sends again after a restore", "sale after a restore", "clock days ahead at start",
		"clock years ahead at start", "clock hours ahead at start", "clock behind at start", "clock moved while running", "clock set right while running",
		"sale refused because of the clock", "clock trusted", "tokens of a wrong clock left behind", "server off for days, clock right", "time service vouches for the clock", "key change entered",
		"key change half entered", "token pushed again after a key change", "meter's word held for a person to decide", "key change begun again", "key change not entered", "key change lost by a restore", "second server", "disk full", "sale refused on a full disk",
		"sale read on a full disk", "restart on a full disk", "key store locked", "sale refused by a locked key store", "API key rotated", "revoked API key back after a restore",
	}
}

func noStates() *sometimes.Counter { return sometimes.New(rareStates()...) }

// history is the life of a server, its meters and its administrator.
type history struct {
	*shop
	sometimes *sometimes.Counter

	truth    time.Time // the real time
	zone     *time.Location
	off      time.Duration
	startOff time.Duration // how much the clock was off when the process began, or when it was trusted
	doubted  bool          // the clock is right, but the server cannot know it: the server was off for days and no time service confirms it
	until    time.Time     // latest time that a clock ahead of the truth gave to a token; zero after a person has confirmed the clock
	dated    time.Time     // latest time that a clock ahead of the truth gave to a token; a confirmation of the clock does not reset it
	known    time.Time     // when the server last knew that its clock was right

	full, locked bool
	lock         *sqlite.Lock
	access       *access.Access
	secret       access.Secret
	key          id.ID
	revoked      []string // secrets of keys that were revoked
	other        *vending.Vending
	close2       func()

	homes    []*home
	sales    []*bought
	spares   []*spare
	step     int       // counts all requests and answers
	done     int       // number of restores
	restored time.Time // time of the last restore
}

// bought is a sale that was asked for.
type bought struct {
	vending.Purchase
	home   *home
	asked  int
	sold   int // step at which its answer arrived; 0 if there is no answer yet
	answer string
	sale   sale.Sale
	papers []*paper
	undone int // number of reversals requested
}

// beginnings are the times and places at which histories begin. Some are near a day of 23 or 25 hours, or near a month's end.
func beginnings() []beginning {
	at := func(month time.Month, day, hour int) time.Time {
		return time.Date(2026, month, day, hour, 0, 0, 0, time.UTC)
	}
	return []beginning{{at(time.November, 23, 8), "UTC"}, {at(time.March, 27, 20), "Europe/Berlin"}, {at(time.October, 23, 20), "Europe/Berlin"},
		{at(time.December, 30, 22), "Africa/Nairobi"}, {at(time.March, 7, 3), "America/New_York"}}
}

type beginning struct {
	at   time.Time
	zone string
}

// begin opens a shop with three meters, a real key store and an API key.
func begin(t *trial, seed uint64, c *sometimes.Counter) *history {
	first := beginnings()[seed%uint64(len(beginnings()))]
	h := &history{shop: &shop{t: t, dir: t.TempDir(), clock: &clock{}, issuer: &issuer{local: true}, synced: true}, sometimes: c, truth: first.at}
	h.tick(0)
	h.known = h.truth
	var err error
	if h.sealer, err = keystore.OpenData(h.dir); err != nil {
		t.Fatal(err)
	}
	keys := h.openKeys()
	for _, krn := range []uint8{1, 2} {
		vk, err := vendingKeyOf()
		if err == nil {
			var no refusal.Refusal
			no, err = keys.Add(keystore.Fact{SGC: "201457", KRN: krn, KT: sts.DUTK, DKGA: sts.DKGA04, BaseDate: sts.Base2014, KEN: 255}, vk)
			err = errors.Join(err, refusedError(no))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	h.opens()
	t.Cleanup(func() { h.stops() })
	h.do(func(tx *store.Tx) error {
		_, err := tx.SetCurrency("KES", 2)
		return errors.Join(err, setTZ(tx, first.zone))
	})
	if h.zone, err = time.LoadLocation(first.zone); err != nil {
		t.Fatal(err)
	}
	blocks := h.publish("blocks", ibt(), monday().AddDate(-1, 0, 0))
	flatly := h.publish("flat", flat(), monday().AddDate(-1, 0, 0))
	for i := range 3 {
		h.homes = append(h.homes, h.newHome(i+1, []id.ID{blocks, flatly}[i%2]))
	}
	h.newKey()
	h.notes()
	return h
}

// tick lets time pass, also for the server's clock.
func (h *history) tick(d time.Duration) {
	h.truth = h.truth.Add(d)
	h.clock.set(h.truth.Add(h.off))
}

func (h *history) openKeys() *keystore.Store {
	h.t.Helper()
	keys, err := keystore.Open(h.dir, keystore.Config{Params: keystore.Params{Time: 1, MemoryKiB: 8, Threads: 1}})
	if err == nil && !h.locked {
		err = keys.Unlock([]byte("a long passphrase"))
	}
	return must(h.t, keys, err)
}

// opens starts the server, which knows only the content of its folder.
func (h *history) opens() {
	h.t.Helper()
	var err error
	if !onPostgres {
		if h.lock, err = sqlite.TakeLock(h.dir); err != nil {
			h.t.Fatal(err)
		}
	}
	h.keys = h.openKeys().Issuer()
	h.running = func() time.Time { return h.truth }
	h.start()
	if err := h.StartClock(context.Background(), tenant); err != nil {
		h.t.Fatal(err)
	}
	h.startOff, h.doubted = h.off, h.clock.Now().Sub(h.known) > vending.MaxClockRest && !h.synced
	h.access, err = access.New(access.Config{Hasher: storetest.Hasher{}, Now: h.clock.Now, Rand: rand.Reader, Argon: access.Argon{Time: 1, MemoryKiB: 8, Threads: 1},
		Door: historyDoor[access.Tx]{h, func(tx *store.Tx) access.Tx { return tx }}})
	if err != nil {
		h.t.Fatal(err)
	}
	h.notes()
	for _, m := range h.homes {
		m.booted = false
	}
}

// notes does the work that a running server does every minute: if the server's clock is trusted, it stores that fact.
func (h *history) notes() {
	h.t.Helper()
	no, err := h.NoteClock(context.Background(), tenant)
	switch {
	case err != nil && !h.tolerates(err):
		h.t.Fatal(err)
	case err == nil && !no.Refused():
		h.known, h.doubted = h.clock.Now(), false
	}
}

// stops ends the server.
func (h *history) stops() {
	h.t.Helper()
	if h.close2 != nil {
		h.close2()
		h.other, h.close2 = nil, nil
	}
	var err error
	if h.engine != nil {
		err = h.engine.Close()
	}
	if h.lock != nil {
		err = errors.Join(err, h.lock.Release())
	}
	h.engine, h.lock = nil, nil
	if err != nil && !h.tolerates(err) {
		h.t.Fatal(err)
	}
}

// again restarts the server after a pause, in which something may change.
func (h *history) again(pause time.Duration, change func()) {
	h.notes()
	h.stops()
	change()
	h.tick(pause)
	h.opens()
	if h.full {
		h.fill()
		h.sometimes.Reached("restart on a full disk")
	}
}

// tolerates reports whether a full disk explains an error.
func (h *history) tolerates(err error) bool { return h.full && errors.Is(err, store.ErrFull) }

// tries runs fn in a transaction and returns false if the disk is full.
func (h *history) tries(fn func(*store.Tx) error) bool {
	h.t.Helper()
	err := h.engine.Run(context.Background(), tenant, store.Job, func(tx *store.Tx) (bool, error) { return false, fn(tx) })
	if err != nil && !h.tolerates(err) {
		h.t.Fatal(err)
	}
	return err == nil
}

// historyDoor leads to the store that the server has open now.
type historyDoor[X any] struct {
	h  *history
	as func(*store.Tx) X
}

// Do runs fn in a transaction.
func (d historyDoor[X]) Do(ctx context.Context, t access.Tenant, fn func(X) (bool, error)) error {
	return d.h.engine.Run(ctx, t, store.Job, func(tx *store.Tx) (bool, error) { return fn(d.as(tx)) })
}

// View runs fn on a snapshot.
func (d historyDoor[X]) View(ctx context.Context, t access.Tenant, fn func(X) error) error {
	return d.h.engine.View(ctx, t, func(tx *store.Tx) error { return fn(d.as(tx)) })
}

func (h *history) courier() *command.Courier {
	return command.NewCourier(historyDoor[command.CourierTx]{h, func(tx *store.Tx) command.CourierTx { return tx }}, h.sealer, h, h.clock.Now)
}
