package sim_test

import (
	"flag"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/sim"
	"github.com/paywatt/paywatt/internal/tier"
	"github.com/paywatt/paywatt/unit"
)

// These flags repeat what happened to some houses.
var (
	wallets = flag.Int("wallets", 0, "how many wallet meters live for a month; 0 for the count of the tier")
	trace   = flag.String("wallet-trace", "", "the number of a meter whose history is printed")
	first   = flag.Int("wallet-first", 0, "the house with which the street begins")
	seed    = flag.Uint64("wallet-seed", 7, "the seed of the month with cut-offs")
)

// streetLength is how many wallet meters live in a street.
func streetLength() int {
	if *wallets > 0 {
		return *wallets
	}
	return tier.WalletMeters.N()
}

// aMonth returns a street with ample money and leases, so that only the network differs between runs. Its prices depend
// on the time of use, and some accounts have two or three meters.
func aMonth(t *testing.T) sim.WalletStreet {
	t.Helper()
	return sim.WalletStreet{Meters: streetLength(), Days: 30, Seed: 6, Start: time.Date(2026, 11, 12, 0, 0, 0, 0, time.UTC), Folder: t.TempDir(),
		Paid: 10_000_000, TOU: true, Several: 5, Supply: registry.SupplyPolicy{Cap: 500 * unit.KilowattHour}}
}

func live(t *testing.T, o sim.WalletStreet) sim.WalletStreetResult {
	t.Helper()
	o.Trace, o.First = *trace, *first
	r, err := o.Run(t.Context())
	for _, event := range r.History {
		t.Log(event)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("figures: %d meter-days in %.0f s: %d records, %d messages lost; %d leases, %d cuts, %d connects, %d keys pressed; %d changes of relays, "+
		"%d registers held, %d cuts of persons, %d customers moved; %d meter-minutes off, %d of them with money and lease left; most beyond a lease %d Wh, "+
		"most owed %d Wh; %d violations", r.MeterDays, r.Seconds, r.Records, r.Lost, r.Leases, r.Cuts, r.Connects, r.Pressed, r.Changes, r.Held, r.Switched,
		r.Moved, sim.Minutes(r.Dark), sim.Minutes(r.OffWithMoney), r.BeyondLease, r.MostOwed, len(r.Violations))
	return r
}

func just(t *testing.T, r sim.WalletStreetResult) {
	t.Helper()
	rules := map[sim.Rule]int{}
	for _, v := range r.Violations {
		if rules[v.Rule]++; rules[v.Rule] <= 4 {
			t.Error(v)
		}
	}
	if len(rules) > 0 {
		t.Errorf("broken rules: %v", rules)
	}
}

// TestAMonthOfLossChangesNoBalance runs the same month twice: once with a perfect network, and once with a bad one. The
// bad network loses nearly a third of all messages. Other messages are doubled, late or out of order, and some houses have
// no network for days. The balances must be equal.
func TestAMonthOfLossChangesNoBalance(t *testing.T) {
	tier.Slow(t)
	tier.OneGoroutine(t)
	calm := live(t, aMonth(t))
	rough := aMonth(t)
	rough.Loss, rough.Away = 30, true
	bad := live(t, rough)
	just(t, calm)
	just(t, bad)
	if !slices.Equal(calm.Balances, bad.Balances) || !slices.Equal(calm.Rated, bad.Rated) || calm.Used != bad.Used {
		t.Errorf("after the bad network balances or rated energy differ")
	}
	if bad.Lost == 0 || calm.Lost != 0 || !strings.Contains(calm.Rated[0], ", ") {
		t.Errorf("nothing was lost, or there was only one month: %s", calm.Rated[0])
	}
}

// TestEveryCutIsJust lets money run out all the time, in the same bad network. Fixed charges use up money for which
// leases were already signed. Friendly windows forbid cut-offs, some accounts are protected, and people pay late. The
// server is down for two days.
func TestEveryCutIsJust(t *testing.T) {
	tier.Slow(t)
	tier.OneGoroutine(t)
	everyCutIsJust(t, cuts(t, streetLength(), *seed))
}

// TestEveryCutIsJustWhenLittleIsPaid lets people pay very little at a time. Energy that a meter reports late may have used
// up the payment already.
func TestEveryCutIsJustWhenLittleIsPaid(t *testing.T) {
	tier.Long(t)
	o := cuts(t, streetLength(), *seed)
	o.Paid, o.Again = 1500, 800
	everyCutIsJust(t, o)
}

// TestEveryCutIsJustWhenNearlyHalfIsLost has a worse network, and two or three meters on most accounts.
func TestEveryCutIsJustWhenNearlyHalfIsLost(t *testing.T) {
	tier.Long(t)
	o := cuts(t, streetLength(), *seed)
	o.Loss, o.Several = 45, 2
	everyCutIsJust(t, o)
}

// TestACutEndsWithThePersonWhoWantedIt simulates one account of the month in TestEveryCutIsJust. A person withdraws a
// cut-off while the server is still repeating the order to the meter. No money is left in the wallet, but the last
// reading is too old for a cut-off.
func TestACutEndsWithThePersonWhoWantedIt(t *testing.T) {
	tier.Slow(t)
	tier.OneGoroutine(t)
	o := cuts(t, 4, 13)
	o.First, o.Loss, o.Several = 728, 45, 2
	r, err := o.Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	just(t, r)
}

func everyCutIsJust(t *testing.T, o sim.WalletStreet) {
	t.Helper()
	r := live(t, o)
	just(t, r)
	if r.Cuts == 0 || r.Connects == 0 || r.Pressed == 0 || r.Changes == 0 || r.Dark == 0 || r.Switched == 0 {
		t.Error("a month in which something did not happen")
	}
	if r.OffWithMoney != 0 || r.BeyondLease != 0 {
		t.Errorf("off for %s with money and lease left, %d Wh beyond a lease; want none", r.OffWithMoney, r.BeyondLease)
	}
}

func cuts(t *testing.T, meters int, seed uint64) sim.WalletStreet {
	t.Helper()
	o := sim.OrdinaryWallets(meters, 30, seed)
	o.Start, o.Folder, o.Loss, o.Away = time.Date(2026, 11, 12, 0, 0, 0, 0, time.UTC), t.TempDir(), 30, true
	return o
}

// TestMetersThatShareAnAccountNeverOwe has two or three meters on most accounts and prices by time of use, but no fixed
// charges. Even in the same bad network, no account may ever use more energy than it has paid for.
func TestMetersThatShareAnAccountNeverOwe(t *testing.T) {
	tier.Slow(t)
	tier.OneGoroutine(t)
	o := cuts(t, streetLength(), *seed)
	o.Daily, o.Protected, o.Supply, o.Several, o.TOU, o.Moves, o.Spoilt = 0, 0, registry.SupplyPolicy{}, 2, true, 0, 0
	r := live(t, o)
	just(t, r)
	if r.MostOwed != 0 || r.OffWithMoney != 0 || r.BeyondLease != 0 || r.Dark == 0 {
		t.Errorf("an account owes %d Wh, off for %s with money and lease left, %d Wh beyond a lease; want none, and some time off, not %s", r.MostOwed,
			r.OffWithMoney, r.BeyondLease, r.Dark)
	}
}

// TestTheWitnessFindsWhatIsPlanted makes the server break the rules. The rule against each mistake must report the
// meter before any other rule does.
func TestTheWitnessFindsWhatIsPlanted(t *testing.T) {
	tier.Long(t)
	for _, c := range []struct {
		plant string
		rule  sim.Rule
	}{
		{sim.PlantLate, sim.RuleLate},
		{sim.PlantStale, sim.RuleBefore},
		{sim.PlantTwice, sim.RuleTwice},
		{sim.PlantReturn, sim.RuleUnheard},
		{sim.PlantStarve, sim.RuleStarved},
		{sim.PlantHeldRate, sim.RuleHeld},
		{sim.PlantHeldCut, sim.RuleHeld},
		{sim.PlantMoved, sim.RulePerson},
	} {
		t.Run(c.plant, func(t *testing.T) {
			o := cuts(t, 12, *seed)
			o.Plant, o.Days, o.Seed = c.plant, 20, 7 // a street in which each planted mistake can happen
			if c.rule == sim.RuleHeld {
				o.Spoilt = 50
			}
			r := live(t, o)
			if len(r.Violations) == 0 {
				t.Fatal("not found")
			}
			for _, v := range r.Violations[:min(3, len(r.Violations))] {
				t.Log(v)
			}
			if got := r.Violations[0].Rule; got != c.rule {
				t.Errorf("caught by rule %s, want %s", got, c.rule)
			}
		})
	}
}

// TestAServerThatIsDownLeavesNobodyDark stops the server for four days. Households that have money and use up to 2.4
// kWh a day stay on. A household that uses more goes off at exactly the last Wh of its lease: RuleRelay forbids an
// earlier cut, and RuleBeyond a later one. No meter is cut off before the server has heard from it again.
func TestAServerThatIsDownLeavesNobodyDark(t *testing.T) {
	tier.Slow(t)
	tier.OneGoroutine(t)
	o := sim.WalletStreet{Meters: 40, Days: 14, Seed: 8, Start: time.Date(2026, 11, 12, 0, 0, 0, 0, time.UTC), Folder: t.TempDir(), Paid: 100_000,
		DownFrom: 150, DownTo: 150 + 4*24,
		Load: func(house, _ int, rnd *rand.Rand) unit.Power {
			if house == 0 {
				return 900 // 21.6 kWh a day
			}
			return unit.Power(100 - rnd.IntN(40)*(house%2)) // 2.4 kWh a day, or less
		}}
	r := live(t, o)
	just(t, r)
	if r.BeyondLease != 0 || r.Cuts != 0 {
		t.Errorf("%d Wh beyond a lease, %d cuts; want none", r.BeyondLease, r.Cuts)
	}
	if len(r.DarkHouses) != 1 || r.DarkHouses[0] != 0 {
		t.Errorf("houses %v went dark, want only the one that uses more", r.DarkHouses)
	}
}
