package shoptest_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/job"
	"github.com/paywatt/paywatt/internal/keystore"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/sale"
	"github.com/paywatt/paywatt/internal/store"
	"github.com/paywatt/paywatt/internal/store/core"
	"github.com/paywatt/paywatt/internal/store/postgres"
	"github.com/paywatt/paywatt/internal/store/sqlite"
	"github.com/paywatt/paywatt/internal/vending"
	"net/netip"
)

// This file has the acts of the server's administrator.

// twiceLost adds histories that lose two machines within a day. Both machines are replaced from a copy that was made before the first loss.
// The copy does not know the TIDs that the first replacement issued, so the second replacement issues them again. The product does not
// handle that yet.
const twiceLost = false

// spare is a copy of the server's folder.
type spare struct {
	path string
	step int
	done int // number of restores before the copy was made
}

func (h *history) copies(*rand.Rand) {
	if onPostgres || h.full {
		return
	}
	s := &spare{path: filepath.Join(h.t.TempDir(), "copy"), step: h.step, done: h.done}
	if _, err := sqlite.Backup(context.Background(), h.dir, s.path, h.clock.Now); err != nil {
		h.t.Fatal(err)
	}
	h.step++
	h.spares = append(h.spares, s)
	h.sometimes.Reached("copy taken")
}

func (h *history) restores(r *rand.Rand)    { h.restore(r, false) }
func (h *history) machineLost(r *rand.Rand) { h.restore(r, true) }

// restore restores a copy: over the existing folder, or on a new machine because the old machine is lost with all its data.
func (h *history) restore(r *rand.Rand, lost bool) {
	if len(h.spares) == 0 || h.full || h.clockWrong() { // the administrator sets the clock first
		return
	}
	s := h.spares[len(h.spares)-1-min(r.IntN(2), len(h.spares)-1)]
	if !twiceLost && lost && s.done < h.done && h.truth.Sub(h.restored) < 25*time.Hour {
		return
	}
	for _, m := range h.homes { // a customer with a key change enters all tokens now, while they still fit
		if m.set != nil {
			h.unlock(m)
			h.enter(m, len(m.papers))
		}
	}
	h.noteRestore(s, lost)
	h.stops()
	h.tick(time.Duration(1+r.IntN(10)) * time.Minute)
	if lost {
		h.dir = filepath.Join(h.t.TempDir(), "new")
	}
	if _, _, err := sqlite.Restore(context.Background(), s.path, h.dir, !lost, h.clock.Now, ""); err != nil {
		h.t.Fatal(err)
	}
	var err error
	if h.sealer, err = keystore.OpenData(h.dir); err != nil {
		h.t.Fatal(err)
	}
	h.done++
	h.restored = h.truth
	h.sales = slices.DeleteFunc(h.sales, func(b *bought) bool { return b.asked > s.step || b.sold > s.step })
	h.spares = slices.DeleteFunc(h.spares, func(o *spare) bool { return o.step > s.step })
	h.known = h.truth // the administrator has just set the clock
	h.opens()
	h.keysAgain()
	h.changesAgain()
}

func (h *history) soldSince(s *spare) (most int) {
	count := map[*home]int{}
	for _, b := range h.sales {
		if b.sold > s.step {
			count[b.home]++
			most = max(most, count[b.home])
		}
	}
	return most
}

func (h *history) noteRestore(s *spare, lost bool) {
	h.sometimes.When(lost, "restore on a new machine")
	h.sometimes.When(!lost, "restore over the live books")
	h.sometimes.When(s != h.spares[len(h.spares)-1], "restore of an old copy")
	h.sometimes.When(h.soldSince(s) >= 50, "restore after 50 sales to one meter")
	h.sometimes.When(h.done > 0, "two restores")
}

// changesAgain repeats the key changes that the restored books do not have. The meters have their new keys.
func (h *history) changesAgain() {
	h.t.Helper()
	for _, m := range h.homes {
		known := h.number(`SELECT COUNT(*) FROM meter_key WHERE meter = $1 AND krn = $2 AND ti = $3 AND state IN ('current', 'issued')`, m.n, int64(m.krn), m.ti)
		if known > 0 {
			continue
		}
		h.sometimes.Reached("key change lost by a restore")
		h.mayRefuse(m, h.change(m).Refusal)
	}
}

func (h *history) change(m *home) vending.JobResult {
	h.t.Helper()
	h.step++
	g, err := h.server().GiveTokens(context.Background(), h.someone(),
		ask(vending.Ask{Meter: m.number, Kind: sale.KeyChange, Key: &vending.NextKey{KRN: m.krn, TI: m.ti}}, fmt.Sprintf("history-key-%05d", h.step)))
	if err != nil && !h.tolerates(err) {
		h.t.Fatal(err)
	}
	if err != nil {
		g.Refusal = refusal.Refusal{Code: refusal.StorageFull, What: "full"}
	}
	return g
}

// keyChange gives a meter its next key. The customer enters both tokens, one token, or no token yet.
func (h *history) keyChange(r *rand.Rand) {
	m := h.homes[r.IntN(len(h.homes))]
	if m.changed {
		return
	}
	h.unlock(m)
	h.enter(m, len(m.papers)) // tokens bought under the old key
	was := *m
	m.krn, m.ti = 2, fmt.Sprintf("%02d", 2+r.IntN(90))
	g := h.change(m)
	if g.Refused() {
		h.mayRefuse(m, g.Refusal)
		m.krn, m.ti = was.krn, was.ti
		return
	}
	m.changed = true
	for i := range g.Issued.Len() {
		p := &paper{digits: g.Issued.Reveal(i), token: g.Job.Tokens[i].ID.Text(id.Token)}
		m.papers, m.all, m.set = append(m.papers, p), append(m.all, p), append(m.set, p)
	}
	n := r.IntN(3)
	h.sometimes.When(n == 0, "key change not entered")
	h.enter(m, n)
}

func (h *history) clockAhead(r *rand.Rand) {
	if h.clockWrong() {
		return
	}
	var off time.Duration
	state := "clock hours ahead at start"
	switch n := r.IntN(3); {
	case n == 0:
		off = time.Duration(1+r.IntN(18)) * time.Hour
	case n == 1:
		off, state = time.Duration(2+r.IntN(200))*24*time.Hour, "clock days ahead at start"
	default:
		off, state = time.Duration(1+r.IntN(8))*365*24*time.Hour, "clock years ahead at start"
	}
	h.again(time.Minute, func() { h.off, h.synced = off, false })
	h.sometimes.Reached(state)
}

func (h *history) clockBehind(r *rand.Rand) {
	if h.clockWrong() {
		return
	}
	off := -time.Duration(20+r.IntN(3*24*60)) * time.Minute
	h.again(time.Minute, func() { h.off, h.synced = off, false })
	h.sometimes.Reached("clock behind at start")
}

func (h *history) clockMoved(r *rand.Rand) {
	if h.clockWrong() {
		return
	}
	h.off, h.synced = time.Duration(2+r.IntN(1000))*time.Hour, false
	if r.IntN(2) == 0 {
		h.off = -h.off
	}
	h.tick(time.Minute)
	h.sometimes.Reached("clock moved while running")
}

// clockRight sets the clock right, either while the server runs or before it starts again.
func (h *history) clockRight(r *rand.Rand) {
	if h.off == 0 {
		return
	}
	set := func() { h.off, h.synced = 0, r.IntN(2) == 0 }
	if r.IntN(2) == 0 {
		set()
		h.tick(time.Minute)
		h.sometimes.Reached("clock set right while running")
		return
	}
	h.again(time.Minute, set)
}

// trusts confirms that the clock is right, if that is true.
func (h *history) trusts(*rand.Rand) {
	if h.off != 0 || h.full {
		return
	}
	no, err := h.TrustClock(context.Background(), h.someone(), "compared with the radio")
	if err != nil || no.Refused() && no.Code != refusal.ClockTrusted { // the clock is then not in doubt, and the server must sell
		h.t.Fatalf("the clock is trusted: %v %s", err, no.Detail())
	}
	h.startOff, h.doubted = 0, false
	h.sometimes.When(!no.Refused(), "clock trusted")
	if h.truth.Before(h.until) && !no.Refused() {
		h.until = time.Time{}
		h.sometimes.Reached("tokens of a wrong clock left behind")
	}
}

// away switches the server off for days. The server has the right time when it comes back.
func (h *history) away(r *rand.Rand) {
	if h.clockWrong() {
		return
	}
	h.again(time.Duration(2+r.IntN(40))*24*time.Hour, func() { h.synced = r.IntN(2) == 0 })
	h.sometimes.Reached("server off for days, clock right")
	h.sometimes.When(h.synced, "time service vouches for the clock")
}

// second starts a second server. On SQLite, the second server is refused. On PostgreSQL, it works beside the first.
func (h *history) second(*rand.Rand) {
	if !onPostgres {
		if l, err := sqlite.TakeLock(h.dir); !errors.Is(err, sqlite.ErrLocked) {
			h.t.Fatalf("a second server was let into the folder: %v %v", l, err)
		}
		h.sometimes.Reached("second server")
		return
	}
	if h.other != nil {
		return
	}
	e, err := postgres.Open(h.t.Context(), h.url, postgres.Options{Dir: h.dir, Holder: "second", Now: h.clock.Now, SealEvery: 50 * time.Millisecond})
	if err != nil {
		h.t.Fatal(err)
	}
	h.other = h.vendingOver(&door{engine: e})
	if err := h.other.StartClock(context.Background(), tenant); err != nil {
		h.t.Fatal(err)
	}
	h.close2 = func() {
		if err := e.Close(); err != nil {
			h.t.Error(err)
		}
	}
	h.sometimes.Reached("second server")
}

// fill lets the disk fill up a few pages later.
func (h *history) fill() { h.limit(`PRAGMA max_page_count = %d`, 2) }

func (h *history) limit(set string, more int64) {
	h.t.Helper()
	h.tries(func(tx *store.Tx) error {
		return tx.C.Query("PRAGMA page_count", func(row core.Row) error {
			return tx.C.Query(fmt.Sprintf(set, row.Int(0)+more), func(core.Row) error { return nil })
		})
	})
}

func (h *history) diskFull(*rand.Rand) {
	if onPostgres || h.full {
		return
	}
	h.full = true
	h.fill()
	h.sometimes.Reached("disk full")
}

func (h *history) diskFree(*rand.Rand) {
	if h.full {
		h.limit(`PRAGMA max_page_count = %d`, 1_000_000)
		h.full = false
	}
}

func (h *history) keysLocked(*rand.Rand) {
	if !h.locked {
		h.again(time.Second, func() { h.locked = true })
		h.sometimes.Reached("key store locked")
	}
}

func (h *history) keysOpen(*rand.Rand) {
	if h.locked {
		h.again(time.Second, func() { h.locked = false })
	}
}

// newKey makes an API key for the till and revokes the key before it.
func (h *history) newKey() bool {
	h.t.Helper()
	made, err := h.access.CreateAPIKey(context.Background(), access.SystemActor(tenant, "command line"), access.NewKey{Name: "till3", Role: access.Owner})
	if err != nil && h.tolerates(err) {
		return false
	}
	if err != nil || made.Refused() {
		h.t.Fatalf("make an API key: %v %s", err, made.Detail())
	}
	h.secret, h.key = made.Secret, made.Key.ID
	return true
}

func (h *history) rotates(*rand.Rand) {
	old, key := h.secret, h.key
	if h.full || !h.newKey() {
		return
	}
	h.revokes(old.Reveal(), key)
	h.sometimes.Reached("API key rotated")
}

func (h *history) revokes(secret string, key id.ID) {
	h.t.Helper()
	gone, err := h.access.RevokeAPIKey(context.Background(), access.SystemActor(tenant, "command line"), key)
	if err != nil || gone.Refused() {
		h.t.Fatalf("revoke an API key: %v %s", err, gone.Detail())
	}
	h.revoked = append(h.revoked, secret)
	if known, err := h.access.ByAPIKey(context.Background(), secret, netip.Addr{}); err != nil || known.Code != refusal.Unauthenticated {
		h.t.Fatalf("a revoked API key works: %v %q", err, known.Code)
	}
}

// keysAgain repeats, after a restore, all changes of API keys since the copy was taken.
func (h *history) keysAgain() {
	h.t.Helper()
	known, err := h.access.ByAPIKey(context.Background(), h.secret.Reveal(), netip.Addr{})
	if err != nil {
		h.t.Fatal(err)
	}
	if known.Refused() {
		h.newKey()
	}
	all, err := h.access.APIKeys(context.Background(), access.SystemActor(tenant, "command line"), id.ID{})
	if err != nil {
		h.t.Fatal(err)
	}
	for _, k := range all.Data {
		if k.ID != h.key && k.RevokedAt.IsZero() {
			h.sometimes.Reached("revoked API key back after a restore")
			if gone, err := h.access.RevokeAPIKey(context.Background(), access.SystemActor(tenant, "command line"), k.ID); err != nil || gone.Refused() {
				h.t.Fatalf("revoke an API key again: %v %s", err, gone.Detail())
			}
		}
	}
}

// wakes makes all waiting work of a meter due, because the meter has connected.
func wakes(tx *store.Tx, number string) (err error) {
	for _, key := range job.KeysOf(number) {
		err = errors.Join(err, tx.OutboxWake(job.LaneMQTT, key))
	}
	return err
}
