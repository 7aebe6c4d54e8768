package wallet_test

import (
	"math/big"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/tariff"
	"github.com/paywatt/paywatt/internal/tier"
	"github.com/paywatt/paywatt/internal/wallet"
	"github.com/paywatt/paywatt/unit"
	"github.com/paywatt/paywatt/wire"
)

// noon is a Wednesday at noon in Nairobi.
func noon(t testing.TB) time.Time {
	t.Helper()
	return time.Date(2026, 11, 18, 12, 0, 0, 0, nairobi(t))
}

func nairobi(t testing.TB) *time.Location {
	t.Helper()
	zone, err := time.LoadLocation("Africa/Nairobi")
	if err != nil {
		t.Fatal(err)
	}
	return zone
}

// version returns a tariff version that begins at a time.
func version(n int, from time.Time, b tariff.Body) tariff.Version {
	return tariff.Version{ID: id.ID{15: byte(n)}, N: n, EffectiveFrom: from, Body: b}
}

// flat is 2.50 per kWh with 15 % tax.
func flat() tariff.Body {
	return tariff.Body{Currency: "KES", VATBps: 1500, Blocks: []tariff.Block{{Rate: 2_500_000}}}
}

// blocks is the block tariff of docs/reference/money.md#worked-purchases.
func blocks() tariff.Body {
	return tariff.Body{Currency: "KES", VATBps: 1500, Blocks: []tariff.Block{{UpTo: 50_000, Rate: 1_200_000},
		{UpTo: 350_000, Rate: 1_600_000}, {UpTo: 600_000, Rate: 2_300_000}, {Rate: 2_750_000}}}
}

// byTime is a price by time of use: 3.60, 2.10 and 1.25.
func byTime() tariff.Body {
	const workdays tariff.DaySet = 1<<tariff.Monday | 1<<tariff.Tuesday | 1<<tariff.Wednesday | 1<<tariff.Thursday | 1<<tariff.Friday
	return tariff.Body{Currency: "KES", VATBps: 1500, TOU: &tariff.TOU{Otherwise: 2,
		Rates:   []tariff.Rate{{Name: "peak", Rate: 3_600_000}, {Name: "standard", Rate: 2_100_000}, {Name: "off", Rate: 1_250_000}},
		Windows: []tariff.Window{{Days: workdays, From: 6 * 60, To: 9 * 60, Rate: 0}, {Days: workdays, From: 9 * 60, To: 17 * 60, Rate: 1}}}}
}

// plant feeds readings to a state.
type plant struct {
	t     testing.TB
	s     wallet.State
	terms wallet.Terms
	seq   uint64
}

func newPlant(t testing.TB, versions ...tariff.Version) *plant {
	return &plant{t: t, s: wallet.NewState(), terms: wallet.Terms{Zone: nairobi(t), Phases: 1, Versions: versions}}
}

// read takes a reading on time.
func (p *plant) read(at time.Time, register unit.Energy) wallet.Taken {
	p.seq++
	return p.take(wallet.Reading{Memory: "a", Seq: p.seq, At: at, Up: p.seq * 1000, Clock: wire.ClockValid, ReceivedAt: at.Add(time.Second), Register: register})
}

func (p *plant) take(r wallet.Reading) (out wallet.Taken) {
	p.s, out = wallet.Take(p.s, r, p.terms)
	return out
}

func TestWorkedUses(t *testing.T) {
	at := noon(t)
	p := newPlant(t, version(1, at.AddDate(-1, 0, 0), flat()))
	p.read(at, 120_433)
	register := unit.Energy(120_433)
	for i, c := range []struct {
		units unit.Energy
		want  money.Minor
	}{{137, 39}, {262, 75}, {401, 116}, {200, 57}} {
		register += c.units
		if got := p.read(at.Add(time.Duration(i+1)*time.Hour), register); got.Debit != c.want || got.Estimated {
			t.Errorf("step %d: %d Wh debit %d (estimated %t), want %d", i+1, c.units, got.Debit, got.Estimated, c.want)
		}
	}
	if half := money.PowerOfTen(11) / 2; p.s.Debited != 287 || p.s.Accrued != 287 || p.s.Rest != half {
		t.Errorf("debited %d, accrued %d, rest %d; want 287, 287 and half a cent %d", p.s.Debited, p.s.Accrued, p.s.Rest, half)
	}

	p = newPlant(t, version(1, at.AddDate(-1, 0, 0), byTime()))
	day := at.Add(-12 * time.Hour)
	p.read(day.Add(6*time.Hour), 0)
	for _, c := range []struct {
		at    time.Duration
		to    unit.Energy
		want  money.Minor
		whole money.Minor
	}{{7 * time.Hour, 1250, 517, 517}, {9 * time.Hour, 1250, 0, 517}, {10 * time.Hour, 2080, 200, 717}, {17 * time.Hour, 2080, 0, 717}, {18 * time.Hour, 4180, 302, 1019}} {
		if got := p.read(day.Add(c.at), c.to); got.Debit != c.want || p.s.Debited != c.whole || got.Estimated {
			t.Errorf("by %s: debit %d of %d (estimated %t), want %d of %d", c.at, got.Debit, p.s.Debited, got.Estimated, c.want, c.whole)
		}
	}
}

func TestTheFirstReadingOnlyBegins(t *testing.T) {
	p := newPlant(t, version(1, noon(t), flat()))
	if got := p.read(noon(t), 987_654); got.Units != 0 || !p.s.Started || p.s.Total() != 0 || p.s.Debited != 0 {
		t.Errorf("got %+v, state %+v; want nothing charged", got, p.s)
	}
}

func TestAnIntervalOverAChangeOfTariffIsSharedByTime(t *testing.T) {
	at := noon(t)
	twice := flat()
	twice.Blocks = []tariff.Block{{Rate: 5_000_000}}
	p := newPlant(t, version(1, at.AddDate(-1, 0, 0), flat()), version(2, at.Add(time.Hour), twice))
	p.read(at, 0)
	got := p.read(at.Add(4*time.Hour), 4000) // 1 kWh at 2.875, 3 kWh at 5.75
	if got.Debit != 2012 || !got.Estimated {
		t.Errorf("debit %d (estimated %t), want 2012, estimated", got.Debit, got.Estimated)
	}
	if len(p.s.Parts) != 2 || p.s.Parts[0].Parts[0].Units != 1000 || p.s.Parts[1].Parts[0].Units != 3000 {
		t.Errorf("parts %+v, want 1000 Wh of the first version and 3000 Wh of the second", p.s.Parts)
	}
	if next := p.read(at.Add(5*time.Hour), 5000); next.Debit != 575 || next.Estimated {
		t.Errorf("afterwards debit %d (estimated %t), want 575", next.Debit, next.Estimated)
	}
}

func TestEnergyGoesToTheLocalDaysItWasUsedOn(t *testing.T) {
	at := time.Date(2026, 11, 18, 22, 0, 0, 0, nairobi(t))
	p := newPlant(t, version(1, at.AddDate(-1, 0, 0), flat()))
	p.read(at, 0)
	got := p.read(at.Add(4*time.Hour), 1001)
	want := []wallet.DayUse{{Day: "2026-11-18", Units: 500, Debit: 143}, {Day: "2026-11-19", Units: 501, Debit: 144}}
	if !slices.Equal(got.Days, want) || got.Estimated {
		t.Errorf("days %+v (estimated %t), want %+v", got.Days, got.Estimated, want)
	}
	long := p.read(at.Add(52*time.Hour), 5001)
	var units, guessed unit.Energy
	for _, d := range long.Days {
		units, guessed = units+d.Units, guessed+d.Estimated
	}
	if units != 4000 || guessed != 4000 || len(long.Days) != 3 {
		t.Errorf("two days without a reading: %+v, want 4000 Wh over three days, all of it estimated", long.Days)
	}
}

func TestBlocksCountTheConsumptionOfTheLocalMonth(t *testing.T) {
	at := time.Date(2026, 11, 30, 12, 0, 0, 0, nairobi(t))
	p := newPlant(t, version(1, at.AddDate(-1, 0, 0), blocks()))
	p.read(at, 0)
	p.s.Month, p.s.Used = "2026-11", 340_000
	got := p.read(at.Add(11*time.Hour), 20_000) // 10 kWh at 1.60, 10 at 2.30, with tax
	if got.Debit != 4485 || p.s.Used != 360_000 {
		t.Errorf("debit %d at %d Wh of the month, want 4485 at 360000", got.Debit, p.s.Used)
	}
	if got := p.read(at.Add(14*time.Hour), 20_300); p.s.Month != "2026-12" || p.s.Used != 200 || !got.Estimated {
		t.Errorf("after midnight: month %s with %d Wh (estimated %t), want 2026-12 with the 200 of two hours, estimated", p.s.Month, p.s.Used, got.Estimated)
	}
}

func TestWhatIsNotNewerChangesNothing(t *testing.T) {
	at := noon(t)
	p := newPlant(t, version(1, at.AddDate(-1, 0, 0), flat()))
	p.read(at, 0)
	p.read(at.Add(time.Hour), 1000)
	was := p.s
	for _, r := range []wallet.Reading{
		{Memory: "a", Seq: 2, At: at.Add(time.Hour), Register: 1000},
		{Memory: "a", Seq: 1, At: at, Register: 5},
	} {
		if got := p.take(r); got.Units != 0 || p.s.Register != was.Register || p.s.Held.Stopped() {
			t.Errorf("reading %+v: %+v, state %+v", r, got, p.s)
		}
	}
}

func TestAReadingThatCannotBeTrueStopsRating(t *testing.T) {
	at := noon(t)
	for _, c := range []struct {
		name  string
		after time.Duration
		to    unit.Energy
		want  wallet.HoldReason
	}{
		{"zero", time.Hour, 0, wallet.HoldRegress},
		{"backwards by one", time.Hour, 49_999, wallet.HoldRegress},
		{"rollover of six digits", time.Hour, 12, wallet.HoldRegress},
		{"53.7 MWh in half an hour", 30 * time.Minute, 53_750_000, wallet.HoldImplausible},
		{"doubled", time.Hour, 100_000, wallet.HoldImplausible},
		{"the most that 100 A give in an hour, a fifth and 1 kWh", time.Hour, 50_000 + 27_600 + 1000, ""},
		{"one more", time.Hour, 50_000 + 27_600 + 1001, wallet.HoldImplausible},
		{"a jump at the same moment", 0, 51_001, wallet.HoldImplausible},
		{"after two years", 2 * 365 * 24 * time.Hour, 60_000, wallet.HoldSpan},
		{"all ones", time.Hour, 1<<63 - 1, wallet.HoldImplausible},
		{"nothing used", time.Hour, 50_000, ""},
	} {
		p := newPlant(t, version(1, at.AddDate(-1, 0, 0), flat()))
		p.read(at, 49_000)
		p.read(at.Add(time.Hour), 50_000)
		was := p.s
		got := p.take(wallet.Reading{Memory: "a", Seq: 3, At: at.Add(time.Hour + c.after), Up: 2000, Clock: wire.ClockValid,
			ReceivedAt: at.Add(time.Hour + c.after), Register: c.to})
		if p.s.Held.Reason != c.want {
			t.Errorf("%s: held %q, want %q", c.name, p.s.Held.Reason, c.want)
		}
		if c.want == "" {
			continue
		}
		if got.Debit != 0 || p.s.Accrued != was.Accrued || p.s.Register != was.Register {
			t.Errorf("%s: money moved: %+v", c.name, got)
		}
		if p.read(at.Add(3*time.Hour), 51_000); p.s.Register != was.Register || p.s.Held.Seq != 3 {
			t.Errorf("%s: rating went on before anybody decided", c.name)
		}
	}
}

func TestATariffWithoutAVersionStopsRating(t *testing.T) {
	p := newPlant(t)
	p.read(noon(t), 0)
	if p.read(noon(t).Add(time.Hour), 100); p.s.Held.Reason != wallet.HoldPrice {
		t.Errorf("held %q, want %q", p.s.Held.Reason, wallet.HoldPrice)
	}
}

func TestAPersonDecides(t *testing.T) {
	at := noon(t)
	p := newPlant(t, version(1, at.AddDate(-1, 0, 0), flat()))
	p.read(at, 0)
	p.read(at.Add(time.Hour), 1000)
	p.read(at.Add(2*time.Hour), 500_000)
	held := p.s
	next, out, no := wallet.Accept(held, p.terms)
	if no.Refused() || out.Units != 499_000 || next.Register != 500_000 || next.Held.Stopped() || next.Total() != 500_000 {
		t.Errorf("accepted: %q, %d Wh, state %+v; want the 499000 Wh rated", no.What, out.Units, next)
	}
	next = wallet.Rebase(held, 500_000, p.terms)
	if next.Register != 500_000 || next.Total() != 1000 || next.Debited != held.Debited || next.Held.Stopped() || next.Seq != 3 {
		t.Errorf("rebased: %+v, want the register taken and nothing charged", next)
	}
	p.s, p.seq = next, 3
	if got := p.read(at.Add(3*time.Hour), 501_000); got.Units != 1000 || p.s.Total() != 2000 {
		t.Errorf("after the rebase %d Wh, in all %d; want 1000 and 2000", got.Units, p.s.Total())
	}
	p.read(at.Add(4*time.Hour), 7)
	if next, _, no := wallet.Accept(p.s, p.terms); no.What != "The reading of 0.007 kWh is below the last register of 501.000 kWh." || next.Register != p.s.Register {
		t.Error("a register that fell was accepted")
	}
	if next := wallet.Rebase(p.s, 7, p.terms); next.Register != 7 || next.Total() != 2000 {
		t.Errorf("rebased to 7: register %d, total %d; want 7 and 2000", next.Register, next.Total())
	}
}

func TestTimeInRatingNeverGoesBackNorAhead(t *testing.T) {
	at := noon(t)
	p := newPlant(t, version(1, at.AddDate(-1, 0, 0), flat()))
	p.read(at, 0)
	r := wallet.Reading{Memory: "a", Seq: 2, At: at.Add(-time.Hour), Up: 1_801_000, Clock: wire.ClockValid, ReceivedAt: at.Add(time.Hour), Register: 900}
	if p.take(r); !p.s.At.Equal(at) || p.s.Register != 900 {
		t.Errorf("a clock put back: rated %d Wh up to %s, want 900 up to %s", p.s.Register, p.s.At, at)
	}
	r = wallet.Reading{Memory: "a", Seq: 3, At: at.Add(20 * time.Hour), Clock: wire.ClockValid, ReceivedAt: at.Add(2 * time.Hour), Register: 1000}
	if p.take(r); !p.s.At.Equal(r.ReceivedAt) {
		t.Errorf("a clock ahead of the server: rated up to %s, want %s", p.s.At, r.ReceivedAt)
	}
	r = wallet.Reading{Memory: "a", Seq: 4, At: time.Unix(3600, 0), Clock: wire.ClockInvalid, ReceivedAt: at.Add(3 * time.Hour), Register: 1100}
	if p.take(r); !p.s.At.Equal(r.ReceivedAt) {
		t.Errorf("a clock that is not set: rated up to %s, want the server's %s", p.s.At, r.ReceivedAt)
	}
	p.terms.Simulated = true
	r = wallet.Reading{Memory: "a", Seq: 5, At: at.AddDate(0, 6, 0), Clock: wire.ClockValid, ReceivedAt: at.Add(3 * time.Hour), Register: 1200}
	if p.take(r); !p.s.At.Equal(r.At) || p.s.Held.Stopped() {
		t.Errorf("a simulated meter in May: rated up to %s (held %q), want its own %s", p.s.At, p.s.Held.Reason, r.At)
	}
}

// TestAMeterThatStartsAnewAfterAClockWasSetBackIsRatedOn: a rating time in the future does not show how long the meter took to count the
// energy. The time since the meter's start counts instead. Rating must go on, because a meter whose reading is held may get no new lease.
// A reading with more energy than the time since the start allows is held as usual.
func TestAMeterThatStartsAnewAfterAClockWasSetBackIsRatedOn(t *testing.T) {
	at := noon(t)
	for _, c := range []struct {
		name string
		up   time.Duration
		to   unit.Energy
		want wallet.HoldReason
	}{
		{"nine kilowatt-hours in a day", 24 * time.Hour, 10_000, ""},
		{"the same in a minute", time.Minute, 10_000, wallet.HoldImplausible},
		{"all ones", 24 * time.Hour, 1<<63 - 1, wallet.HoldImplausible},
		{"switched on for longer than can be", 1 << 62, 10_000, wallet.HoldImplausible},
	} {
		p := newPlant(t, version(1, at.AddDate(-1, 0, 0), flat()))
		p.read(at, 0)
		ahead := at.AddDate(0, 1, 0)
		p.take(wallet.Reading{Memory: "a", Seq: 2, At: ahead, Up: 1 << 62, Clock: wire.ClockValid, ReceivedAt: ahead, Register: 1000})
		now := at.AddDate(0, 0, 2)
		p.take(wallet.Reading{Memory: "a", Seq: 3, At: now, Up: uint64(c.up.Milliseconds()), Clock: wire.ClockValid, ReceivedAt: now, Register: c.to})
		if got := p.s.Held.Reason; got != c.want {
			t.Errorf("%s: held %q, want %q", c.name, got, c.want)
		}
		if c.want == "" && (p.s.Register != c.to || !p.s.At.Equal(ahead)) {
			t.Errorf("%s: rated %d Wh up to %s, want %d up to %s", c.name, p.s.Register, p.s.At, c.to, ahead)
		}
	}
}

// TestAMillionPatternsCostTheFloorOfTheExactCost reports random use in random patterns, across changes of tariff, price, day and month. The
// debits of each pattern sum to the floor of its exact cost.
func TestAMillionPatternsCostTheFloorOfTheExactCost(t *testing.T) {
	tier.OneGoroutine(t)
	r := rand.New(rand.NewPCG(tier.Seed(t), 20261120))
	levied := blocks()
	levied.Levies = []tariff.Levy{{Name: "rural", Percent: 333}, {Name: "regulator", Rate: 12_345, Untaxed: true}}
	bodies := []tariff.Body{flat(), blocks(), byTime(), levied}
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, nairobi(t))
	patterns, readings := tier.UsePatterns.N(), 0
	for n := range patterns {
		a, b := bodies[r.IntN(len(bodies))], bodies[r.IntN(len(bodies))]
		at := start.Add(time.Duration(r.Int64N(int64(300 * 24 * time.Hour))))
		p := newPlantIn(t, start.Location(), version(1, start, a), version(2, at.Add(time.Duration(r.Int64N(int64(20*time.Hour)))), b))
		p.read(at, 0)
		var register unit.Energy
		for range 1 + r.IntN(4) {
			at = at.Add(time.Duration(r.Int64N(int64(8 * time.Hour))))
			register += unit.Energy(r.Int64N(1000))
			p.read(at, register)
			readings++
		}
		if exact := costOf(t, p.s, a, b); p.s.Held.Stopped() || p.s.Total() != register || exact != p.s.Debited {
			t.Fatalf("pattern %d: debits sum to %d, the exact cost is %d; %d of %d Wh rated, held %q", n, p.s.Debited, exact, p.s.Total(), register, p.s.Held.Reason)
		}
	}
	t.Logf("figures: %d random patterns with %d readings: every sum of debits is the floor of the exact cost", patterns, readings)
}

func newPlantIn(t testing.TB, zone *time.Location, versions ...tariff.Version) *plant {
	return &plant{t: t, s: wallet.NewState(), terms: wallet.Terms{Zone: zone, Phases: 3, Versions: versions}}
}

// costOf returns the floor of the exact cost of all energy that a state has rated. It computes the cost from the energy that the state
// lists for each rate.
func costOf(t *testing.T, s wallet.State, bodies ...tariff.Body) money.Minor {
	sum, term, units := new(big.Int), new(big.Int), unit.Energy(0)
	for _, p := range s.Parts {
		b := bodies[p.Version[15]-1]
		for _, u := range p.Parts {
			units += u.Units
			price := int64(u.Rate) * 11_500
			for _, l := range b.Levies {
				rate, err := l.Of(u.Rate)
				if err != nil {
					t.Fatal(err)
				}
				if l.Untaxed {
					price += int64(rate) * 10_000
				} else {
					price += int64(rate) * 11_500
				}
			}
			sum.Add(sum, term.Mul(big.NewInt(price), big.NewInt(int64(u.Units))))
		}
	}
	if units != s.Total() {
		t.Fatalf("%d Wh have a price, %d Wh were rated", units, s.Total())
	}
	return money.Minor(sum.Quo(sum, big.NewInt(100_000_000_000)).Int64())
}

// TestAWalletCostsWhatTokensCost buys a month's use as tokens, and rates it as readings of a wallet meter. The cost of the tokens is the
// price of the energy used, without carry and without units that are left. The two costs differ by at most half a minor unit for each sale,
// plus one minor unit.
func TestAWalletCostsWhatTokensCost(t *testing.T) {
	r := rand.New(rand.NewPCG(tier.Seed(t), 20261120))
	worst := money.Minor(0)
	months := tier.TokenMonths.N()
	for n := range months {
		at := time.Date(2026, 11, 1, 0, 0, 0, 0, nairobi(t))
		p := newPlant(t, version(1, at.AddDate(-1, 0, 0), flat()))
		p.read(at, 0)
		var used, bought, month unit.Energy
		var paid, carry money.Minor
		sales := 0
		for at.Month() == time.November {
			at = at.Add(30 * time.Minute)
			used += unit.Energy(r.Int64N(900))
			p.read(at, used)
			for bought < used {
				a, err := tariff.Allocate(tariff.Purchase{Body: flat(), Tender: money.Minor(500 + r.Int64N(20_000)), Carry: carry, Month: month})
				if err != nil || a.Refused() {
					t.Fatalf("buy: %v %s", err, a.What)
				}
				paid += a.Gross
				carry, bought, month, sales = a.CarryOut, bought+a.Units, month+a.Units, sales+1
			}
		}
		left, err := flat().CostOf(bought - used) // the cost is rounded up
		if err != nil {
			t.Fatal(err)
		}
		diff := paid - left - p.s.Debited
		if off := max(diff, -diff); 2*off > money.Minor(sales)+2 {
			t.Errorf("month %d: %d sales cost %d, of it %d for units left; the wallet paid %d: %d apart", n, sales, paid, left, p.s.Debited, off)
		} else {
			worst = max(worst, off)
		}
	}
	t.Logf("figures: %d months, wallet against tokens at most %d minor apart", months, worst)
}

func TestALeaseOfFiftyIsExact(t *testing.T) {
	if got, err := flat().AffordableLess(5000, 0); err != nil || got != 17_391 {
		t.Errorf("50.00 at 2.875 affords %d Wh (%v), want 17391", got, err)
	}
}
