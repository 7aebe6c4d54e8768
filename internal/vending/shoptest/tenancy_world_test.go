package shoptest_test

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/office"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/sale"
	"github.com/paywatt/paywatt/internal/sometimes"
	"github.com/paywatt/paywatt/internal/store"
	"github.com/paywatt/paywatt/internal/store/core"
	"github.com/paywatt/paywatt/internal/tariff"
	"github.com/paywatt/paywatt/internal/tier"
	"github.com/paywatt/paywatt/internal/wallet"
	"github.com/paywatt/paywatt/unit"
)

// These worlds are streets whose customers move in and out in any order, while tariffs change, prices are withdrawn, debts are raised and meters
// are replaced. The test keeps a model of its own: which tariff each account has, which versions each tariff has, and what each meter counted.
// Three rules must hold for every account that ever existed:
//
//   - Its statements add up: opening plus lines is closing, for each month and over the whole tenancy.
//   - It pays for no time before its move-in or after its move-out, debts apart that it took over.
//   - Each kWh is charged once, by the version that is in force by the model.
//
// An act that is refused changes nothing in the model. What is drawn comes from the seed of each act, so that acts can be left out.

// tenancyWorld is one street.
type tenancyWorld struct {
	*shop
	registry *registry.Registry
	office   *office.Office
	wallets  *wallet.Wallets
	zone     *time.Location
	policy   registry.ChargePolicy
	began    time.Time

	tariffs   []*knownTariff
	homes     []*knownHome
	accounts  []*knownAccount // that ever existed
	customers []id.ID
	sales     []*knownSale
	moves     map[[2]id.ID]bool // from which account to which other one debts were taken over

	serial, request int
	tally           *tenancyTally
	log             []string // what happened, in words
}

// tenancyTally counts what happened in many worlds.
type tenancyTally struct {
	worlds, tenancies, sales, readings int
	statements                         int
	refused                            map[string]int
	rare                               *sometimes.Counter
}

// rareInAStreet are the states that random streets must reach.
func rareInAStreet() []string {
	return []string{"moved in", "first purchase planned", "customer moved in again", "debt taken over at a move-in", "debt taken over by a person",
		"charge of the running month taken over", "moved out owing",
		"moved out with a refund", "credit left in the meter", "credit unknown", "moved in and out on one day", "moved out on the first of a month",
		"tariff changed at once", "tariff change planned", "tariff change withdrawn", "planned change never began", "version published at once",
		"version planned", "version withdrawn", "version replaced", "version corrected", "correction corrected", "charge of a wallet given back",
		"charge given back after a move-out", "crash in a correction", "use shared by two prices", "use over a month's end", "use while nobody lived there",
		"readings from before the move-in", "readings that came late", "keypad meter swapped", "wallet meter swapped", "sale reversed",
		"recharge reversed", "debt paid by a sale", "debt written off", "goodwill", "crash in a sale", "crash in a move-out", "crash between acts",
		"fixed charge paid by a sale", "fixed charge paid at a move-out", "final bill"}
}

func newTenancyTally() *tenancyTally {
	return &tenancyTally{refused: map[string]int{}, rare: sometimes.New(rareInAStreet()...)}
}

// knownHome is a place with its meter.
type knownHome struct {
	number  string
	n       int64 // the meter's dense number
	wallet  bool
	account *knownAccount // the present one, or the last one

	offline  bool
	register int64
	readAt   time.Time // when the register was read last
	seq      uint64
	unsent   []knownReading
}

// knownReading is what a meter counted up to a time.
type knownReading struct {
	seq      uint64
	at       time.Time
	register int64
}

// knownSale is a sale that came about.
type knownSale struct {
	sale    sale.Sale
	account *knownAccount
}

// tenancyAct is one event in a street.
type tenancyAct struct {
	kind *tenancyActKind
	seed uint64
}

// tenancyActKind is a kind of event.
type tenancyActKind struct {
	weight int // how often it is drawn, relative to the others
	do     func(*tenancyWorld, *rand.Rand)
}

// tenancyActKinds returns all kinds of events.
func tenancyActKinds() []*tenancyActKind {
	return []*tenancyActKind{
		{20, (*tenancyWorld).sells}, {22, (*tenancyWorld).reads}, {10, (*tenancyWorld).daysPass}, {14, (*tenancyWorld).movesOut},
		{18, (*tenancyWorld).movesIn}, {5, (*tenancyWorld).changesTariff}, {4, (*tenancyWorld).plansTariff},
		{4, (*tenancyWorld).withdrawsChange}, {3, (*tenancyWorld).publishesPrice}, {4, (*tenancyWorld).plansPrice},
		{3, (*tenancyWorld).withdrawsPrice}, {2, (*tenancyWorld).replacesPrice}, {3, (*tenancyWorld).correctsPrice}, {5, (*tenancyWorld).raisesDebt},
		{1, (*tenancyWorld).writesOff}, {2, (*tenancyWorld).takesOver}, {2, (*tenancyWorld).givesGoodwill},
		{5, (*tenancyWorld).reverses}, {4, (*tenancyWorld).swapsMeter}, {10, (*tenancyWorld).worksDaily},
		{3, (*tenancyWorld).losesNetwork}, {1, (*tenancyWorld).crashesNow},
	}
}

// tenancyActs is the number of acts in a world. With the days that pass between them they take about four months. On PostgreSQL an act takes ten
// times as long, so its worlds are shorter.
func tenancyActs() int {
	if onPostgres {
		return 60
	}
	return 150
}

// tenancyActsOf returns the acts of a seed.
func tenancyActsOf(seed uint64) []tenancyAct {
	r := rand.New(rand.NewPCG(seed, 100))
	kinds, total := tenancyActKinds(), 0
	for _, k := range kinds {
		total += k.weight
	}
	acts := make([]tenancyAct, tenancyActs())
	for i := range acts {
		n := r.IntN(total)
		for _, k := range kinds {
			if n -= k.weight; n < 0 {
				acts[i] = tenancyAct{k, r.Uint64()}
				break
			}
		}
	}
	return acts
}

// openTenancyWorld opens a street of three keypad meters and three wallet meters, each with a customer.
func openTenancyWorld(t *trial, seed uint64, tally *tenancyTally) *tenancyWorld {
	r := rand.New(rand.NewPCG(seed, 101))
	w := &tenancyWorld{shop: openWith(t, true, false), moves: map[[2]id.ID]bool{}, tally: tally}
	name := []string{"UTC", "Africa/Nairobi", "Europe/Berlin", "America/New_York"}[r.IntN(4)]
	w.zone = must1(time.LoadLocation(name))(t)
	w.began = time.Date(2026, time.Month(1+r.IntN(12)), 1+r.IntN(28), r.IntN(24), r.IntN(60), r.IntN(60), 0, time.UTC)
	w.clock.set(w.began)
	w.policy = registry.ChargePolicy{Daily: r.IntN(3) == 0, ChargesOnly: r.IntN(2) == 0}
	w.do(func(tx *store.Tx) error {
		set, err := tx.TenantSettings()
		set.TZ, set.Name, set.Charges = name, "Lake Power", w.policy
		set.Wallet.VATOnAdvances = seed%2 == 0
		return errors.Join(err, tx.PutTenantSettings(set))
	})
	w.serve()
	for i := range 4 {
		known := &knownTariff{name: fmt.Sprintf("tariff-%d", i)}
		body := drawPrice(r)
		known.id = w.publish(known.name, body, long())
		known.versions = []knownVersion{{n: 1, corrects: 1, from: long(), body: body}}
		w.tariffs = append(w.tariffs, known)
	}
	w.readVersions()
	for i := range 6 {
		w.addHome(r, i >= 3)
	}
	return w
}

// serve makes the use cases over the store that the shop has open now.
func (w *tenancyWorld) serve() {
	w.registry = w.registers()
	w.wallets = wallet.New(wallet.Config{Sealer: w.sealer, Now: w.clock.Now,
		Door: store.DoorTo(w.engine, store.Sale, func(tx *store.Tx) wallet.Tx { return tx })})
	w.office = office.New(office.Config{Door: store.DoorTo(w.engine, store.Sale, func(tx *store.Tx) office.Tx { return tx }),
		Tills: w.Tills, Debts: w.Debts, Wallets: w.wallets, Vending: w.Vending, Now: w.clock.Now})
}

// readVersions reads the identities of the first versions. Everything else about a version the test has chosen.
func (w *tenancyWorld) readVersions() {
	w.t.Helper()
	for _, known := range w.tariffs {
		for i := range known.versions {
			v := &known.versions[i]
			if !v.id.IsZero() {
				continue
			}
			w.view(func(tx *store.Tx) error {
				return tx.C.Query(`SELECT id FROM tariff_version WHERE tariff_id = $1 AND n = $2`,
					func(r core.Row) error { v.id = r.ID(0); return nil }, known.id, v.n)
			})
		}
	}
}

// view reads from the store.
func (w *tenancyWorld) view(fn func(*store.Tx) error) {
	w.t.Helper()
	if err := w.engine.View(w.t.Context(), tenant, fn); err != nil {
		w.t.Fatal(err)
	}
}

// drawPrice draws a price: flat or in blocks, with or without fixed charges and tax.
func drawPrice(r *rand.Rand) tariff.Body {
	rate := func() money.MicroRate { return money.MicroRate(1_000_000 + r.Int64N(4_000_000)) }
	b := tariff.Body{Currency: "KES", VATBps: []money.Bps{0, 1500, 1600}[r.IntN(3)], Blocks: []tariff.Block{{Rate: rate()}}}
	if r.IntN(3) == 0 {
		first := unit.FromTenths(10 + r.Int64N(500))
		b.Blocks = []tariff.Block{{UpTo: first, Rate: rate()}, {UpTo: first + unit.FromTenths(10+r.Int64N(500)), Rate: rate()}, {Rate: rate()}}
	}
	if r.IntN(2) == 0 {
		b.Fixed = append(b.Fixed, tariff.FixedCharge{Name: "standing", Amount: money.Minor(1 + r.Int64N(3000)), Per: tariff.PerMonth})
	}
	if r.IntN(3) == 0 {
		b.Fixed = append(b.Fixed, tariff.FixedCharge{Name: "service", Amount: money.Minor(1 + r.Int64N(50)), Per: tariff.PerDay, Untaxed: r.IntN(2) == 0})
	}
	return b
}

// addHome registers a meter with its first customer.
func (w *tenancyWorld) addHome(r *rand.Rand, isWallet bool) {
	w.t.Helper()
	w.serial++
	of := w.tariffs[r.IntN(len(w.tariffs))]
	h := &knownHome{wallet: isWallet, register: r.Int64N(90_000), readAt: w.clock.Now()}
	if isWallet {
		h.number = w.walletMeter(w.serial, of.id)
	} else {
		h.number = w.meter(w.serial, place{tariff: of.id})
	}
	a := &knownAccount{id: w.account(h.number), opened: w.clock.Now()}
	w.view(func(tx *store.Tx) error {
		return tx.C.Query(`SELECT m.n, a.customer_id FROM meter m JOIN account a ON a.id = m.account_id WHERE m.number = $1`, func(r core.Row) error {
			h.n, a.customer = r.Int(0), r.ID(1)
			return nil
		}, h.number)
	})
	w.homes, w.customers = append(w.homes, h), append(w.customers, a.customer)
	w.beginTenancy(h, a, of)
}

// beginTenancy notes that an account has begun at a home.
func (w *tenancyWorld) beginTenancy(h *knownHome, a *knownAccount, of *knownTariff) {
	a.home, a.wallet, a.tariffs = h, h.wallet, []knownChange{{tariff: of}}
	a.bought, a.charges, a.moved, a.back = map[string]unit.Energy{}, map[string]money.Minor{}, map[string]money.Minor{}, map[id.ID]money.Minor{}
	h.account, w.accounts = a, append(w.accounts, a)
	w.tally.tenancies++
}

// noteAct adds a line to what happened.
func (w *tenancyWorld) noteAct(form string, args ...any) {
	w.log = append(w.log, w.clock.Now().Format(time.DateTime)+" "+fmt.Sprintf(form, args...))
}

// turnsDown counts a refusal, and reports whether it is one.
func (w *tenancyWorld) turnsDown(act string, no refusal.Refusal) bool {
	if no.Refused() {
		w.tally.refused[act+": "+no.Text]++
		w.noteAct("%s was refused: %s", act, no.Detail())
	}
	return no.Refused()
}

// playTenancies plays a world and returns what it found wrong, what happened, and the number of acts played.
func playTenancies(tb testing.TB, seed uint64, acts []tenancyAct, tally *tenancyTally) (found, log []string, at int) {
	t := &trial{TB: tb}
	var w *tenancyWorld
	t.run(func() {
		w = openTenancyWorld(t, seed, tally)
		for at = range acts {
			r := rand.New(rand.NewPCG(acts[at].seed, 0))
			w.passes(r)
			acts[at].kind.do(w, r)
			if t.Failed() {
				return
			}
		}
		at = len(acts)
		w.endStreet()
	})
	if w != nil {
		log = w.log
	}
	return t.found, log, at
}

// shrunkTenancies leaves out acts, one after the other, as long as a world still finds the same. It goes on until no act can be left out.
func shrunkTenancies(tb testing.TB, seed uint64, acts []tenancyAct, found, log []string) (few, said []string) {
	for size := len(acts) / 2; size > 0; size /= 2 {
		before := len(acts)
		for from := 0; from < len(acts); {
			fewer := slices.Delete(slices.Clone(acts), from, min(from+size, len(acts)))
			if again, words, at := playTenancies(tb, seed, fewer, newTenancyTally()); len(again) > 0 && alike(again[0], found[0]) {
				acts, found, log = fewer[:min(at+1, len(fewer))], again, words
				continue
			}
			from += size
		}
		if size == 1 && len(acts) < before {
			size = 2 // without these acts, others may be needless too
		}
	}
	return found, log
}

// TestEachTenancyPaysForItselfAlone: whoever moves in and out in whatever order, and whatever tariffs, prices, debts and meters do meanwhile, every
// statement adds up, nobody pays for a time before the move-in or after the move-out, and each kWh is charged by exactly one version.
func TestEachTenancyPaysForItselfAlone(t *testing.T) {
	tier.World(t)
	needsWholeStore(t)
	seed := tier.Seed(t)
	if onPostgres { // this run is about PostgreSQL, so ./check long draws as often as on SQLite
		playStreets(t, seed, tier.TenanciesOnPostgreSQL.N())
		return
	}
	t.Run("SQLite", func(t *testing.T) { playStreets(t, seed, tier.Tenancies.N()) })
	t.Run("PostgreSQL", func(t *testing.T) {
		inPostgres(t)
		playStreets(t, seed, drawn(tier.TenanciesOnPostgreSQL))
	})
}

// playStreets plays worlds until there were so many tenancies, and says how to repeat a world that found something.
func playStreets(t *testing.T, seed uint64, tenancies int) {
	t.Helper()
	tally := newTenancyTally()
	for failed := 0; tally.tenancies < tenancies && failed < 3; seed++ {
		acts := tenancyActsOf(seed)
		found, log, at := playTenancies(t, seed, acts, tally)
		if tally.worlds++; len(found) == 0 {
			continue
		}
		failed++
		few, said := shrunkTenancies(t, seed, acts[:min(at+1, len(acts))], found, log)
		t.Errorf("street %d: %s\nwhat happened, as short as possible:\n  %s\nreplay: %s=%d go test ./internal/vending/shoptest -run %s",
			seed, strings.Join(few, "\n  "), strings.Join(said, "\n  "), tier.SeedText, seed, t.Name())
	}
	refused := 0
	for _, text := range slices.Sorted(maps.Keys(tally.refused)) {
		refused += tally.refused[text]
		t.Logf("refused %d times: %s", tally.refused[text], text)
	}
	t.Logf("figures: %d worlds, %d tenancies, %d sales, %d readings, %d statements checked, %d requests refused",
		tally.worlds, tally.tenancies, tally.sales, tally.readings, tally.statements, refused)
	tally.rare.Report(t, "random streets", tenancies >= tier.Tenancies.Long)
}
