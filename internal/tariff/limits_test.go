package tariff_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/tariff"
	"github.com/paywatt/paywatt/unit"
)

// limit is a change of a valid tariff, and how its refusal begins.
type limit struct {
	name   string
	change func(*tariff.Body)
	says   string // empty if the tariff may be published
}

func holdLimits(t *testing.T, valid func() tariff.Body, limits []limit) {
	t.Helper()
	if no := valid().Validate(); no.Refused() {
		t.Fatal(no.Detail())
	}
	for _, l := range limits {
		b := valid()
		l.change(&b)
		switch no := b.Validate(); {
		case l.says == "" && no.Refused():
			t.Errorf("%s was refused: %s", l.name, no.Detail())
		case l.says != "" && (no.Code != refusal.TariffInvalid || !strings.HasPrefix(no.What, l.says)):
			t.Errorf("%s: %q %q, want %s that begins with %q", l.name, no.Code, no.What, refusal.TariffInvalid, l.says)
		case l.says != "" && (no.Not != "The tariff was not published." || no.Try == ""):
			t.Errorf("%s: %q %q, want what did not happen and what to do", l.name, no.Not, no.Try)
		}
	}
}

func TestTaxPurchasesAndPlanKeepTheirLimits(t *testing.T) {
	const most = 9_223_372_036_854 // minor units that a request may name
	holdLimits(t, flat, []limit{
		{"no tax", func(b *tariff.Body) { b.VATBps = 0 }, ""},
		{"a tax below zero", func(b *tariff.Body) { b.VATBps = -1 }, "vat_bps is -1. It must be 0 to 10000 basis points."},
		{"a tax as high as the price", func(b *tariff.Body) { b.VATBps = 10_000 }, ""},
		{"a tax above the price", func(b *tariff.Body) { b.VATBps = 10_001 }, "vat_bps is 10001."},
		{"no currency", func(b *tariff.Body) { b.Currency = "" }, `"" is not an ISO 4217 currency code.`},
		{"carry", func(b *tariff.Body) { b.Rounding = tariff.Carry }, ""},
		{"nearest", func(b *tariff.Body) { b.Rounding = tariff.Nearest }, ""},
		{"income", func(b *tariff.Body) { b.Rounding = tariff.Income }, ""},
		{"another rounding", func(b *tariff.Body) { b.Rounding = "floor" }, `rounding is "floor", which is not known.`},
		{"the largest minimum", func(b *tariff.Body) { b.MinVend = most }, ""},
		{"a minimum above it", func(b *tariff.Body) { b.MinVend = most + 1 }, "min_vend_minor is 9223372036855. It must be 0 to 9223372036854 minor units."},
		{"a minimum below zero", func(b *tariff.Body) { b.MinVend = -1 }, "min_vend_minor is -1."},
		{"the largest maximum", func(b *tariff.Body) { b.MaxVend = most }, ""},
		{"a maximum above it", func(b *tariff.Body) { b.MaxVend = most + 1 }, "max_vend_minor is 9223372036855."},
		{"a maximum below zero", func(b *tariff.Body) { b.MinVend, b.MaxVend = 0, -1 }, "max_vend_minor is -1."},
		{"one amount only", func(b *tariff.Body) { b.MinVend, b.MaxVend = 500, 500 }, ""},
		{"a maximum below the minimum", func(b *tariff.Body) { b.MinVend, b.MaxVend = 500, 499 }, "max_vend_minor is 499, less than min_vend_minor, which is 500."},
		{"a maximum of 1", func(b *tariff.Body) { b.MinVend, b.MaxVend = 2, 1 }, "max_vend_minor is 1, less than min_vend_minor, which is 2."},
		{"the largest plan", func(b *tariff.Body) { b.Plan = 1_000_000_000_000 }, ""},
		{"a plan above it", func(b *tariff.Body) { b.Plan = 1_000_000_000_001 }, "A plan cannot be for 1000000000001 Wh."},
		{"a plan below zero", func(b *tariff.Body) { b.Plan = -1 }, "A plan cannot be for -1 Wh."},
		{"the least ceiling", func(b *tariff.Body) { b.MaxDeduction = 1 }, ""},
		{"the whole purchase for charges", func(b *tariff.Body) { b.MaxDeduction = 10_000 }, ""},
		{"more than the purchase", func(b *tariff.Body) { b.MaxDeduction = 10_001 }, "max_deduction_bps is 10001. It must be 0 to 10000 basis points."},
		{"a ceiling below zero", func(b *tariff.Body) { b.MaxDeduction = -1 }, "max_deduction_bps is -1."},
	})
}

// ladder returns n blocks of 0.1 kWh; the last has no limit.
func ladder(n int) []tariff.Block {
	blocks := make([]tariff.Block, n)
	for i := range blocks {
		blocks[i] = tariff.Block{UpTo: unit.FromTenths(int64(i + 1)), Rate: 1_000_000}
	}
	blocks[n-1].UpTo = 0
	return blocks
}

func TestBlocksKeepTheirLimits(t *testing.T) {
	holdLimits(t, ibt, []limit{
		{"no block", func(b *tariff.Body) { b.Blocks = nil }, "blocks must have 1 to 32 entries. It has 0."},
		{"32 blocks", func(b *tariff.Body) { b.Blocks = ladder(32) }, ""},
		{"33 blocks", func(b *tariff.Body) { b.Blocks = ladder(33) }, "blocks must have 1 to 32 entries. It has 33."},
		{"the least price", func(b *tariff.Body) { b.Blocks[1].Rate = 1 }, ""},
		{"a block for nothing", func(b *tariff.Body) { b.Blocks[1].Rate = 0 }, "blocks[1].rate_micro is 0. A price must be 1 to 1000000000000 millionths of the main unit per kWh."},
		{"a price below zero", func(b *tariff.Body) { b.Blocks[3].Rate = -1 }, "blocks[3].rate_micro is -1."},
		{"the highest price", func(b *tariff.Body) { b.Blocks[3].Rate = 1_000_000_000_000 }, ""},
		{"a price above it", func(b *tariff.Body) { b.Blocks[3].Rate = 1_000_000_000_001 }, "blocks[3].rate_micro is 1000000000001."},
		{"the least limit", func(b *tariff.Body) { b.Blocks[0].UpTo = 100 }, ""},
		{"a limit of nothing", func(b *tariff.Body) { b.Blocks[0].UpTo = 0 }, "blocks[0].up_to_wh is 0. A limit must be above the one before it, a multiple of 100 and at most 1000000000000."},
		{"a limit between two quanta", func(b *tariff.Body) { b.Blocks[1].UpTo = 50_150 }, "blocks[1].up_to_wh is 50150."},
		{"a block of one quantum", func(b *tariff.Body) { b.Blocks[1].UpTo = 50_100 }, ""},
		{"an empty block", func(b *tariff.Body) { b.Blocks[1].UpTo = 50_000 }, "blocks[1].up_to_wh is 50000."},
		{"a block that goes back", func(b *tariff.Body) { b.Blocks[1].UpTo = 49_900 }, "blocks[1].up_to_wh is 49900."},
		{"the highest limit", func(b *tariff.Body) { b.Blocks[2].UpTo = 1_000_000_000_000 }, ""},
		{"a limit above it", func(b *tariff.Body) { b.Blocks[2].UpTo = 1_000_000_000_100 }, "blocks[2].up_to_wh is 1000000000100."},
		{"a limit of the last block", func(b *tariff.Body) { b.Blocks[3].UpTo = 700_000 }, "blocks[3].up_to_wh is 700000. The last block must have no limit."},
		{"blocks beside time of use", func(b *tariff.Body) { b.TOU = weekly().TOU }, "2 of the fields flat_micro, blocks, tou are given."},
		{"a flat price of nothing", func(b *tariff.Body) { b.Blocks = []tariff.Block{{}} }, "flat_micro is 0."},
		{"only time is paid for", onlyTime, ""},
		{"time and a levy on energy that costs nothing", func(b *tariff.Body) {
			onlyTime(b)
			b.Levies = []tariff.Levy{{Name: "rural", Rate: 1}}
		}, "flat_micro is 0."},
		{"time and two blocks for nothing", func(b *tariff.Body) {
			onlyTime(b)
			b.Blocks = []tariff.Block{{}, {}}
		}, "blocks[0].rate_micro is 0."},
		{"time beside seasons that cost nothing", func(b *tariff.Body) {
			onlyTime(b)
			b.Seasons = []tariff.Season{{Name: "dry", From: tariff.MonthDay{Month: 1, Day: 1}, Blocks: []tariff.Block{{}}}}
		}, "The tariff has seasons and a price outside them."},
	})
}

func onlyTime(b *tariff.Body) {
	b.Blocks = []tariff.Block{{}}
	b.Fixed = []tariff.FixedCharge{{Name: "plan", Amount: 1, Per: tariff.PerDay}}
}

// namedRates returns n rates by time of use.
func namedRates(n int) (out []tariff.Rate) {
	for i := range n {
		out = append(out, tariff.Rate{Name: fmt.Sprint("rate-", i), Rate: 1})
	}
	return out
}

// minutes returns n windows of a minute each, from midnight on.
func minutes(n int) (out []tariff.Window) {
	for i := range n {
		out = append(out, tariff.Window{Days: 1 << tariff.Monday, From: tariff.Clock(i), To: tariff.Clock(i + 1)})
	}
	return out
}

// holidays returns n days from the beginning of 2026 on.
func holidays(n int) (out []tariff.Holiday) {
	for i := range n {
		day := time.Date(2026, 1, 1+i, 0, 0, 0, 0, time.UTC)
		out = append(out, tariff.Holiday{Date: tariff.Date(day.Format(time.DateOnly)), As: tariff.Feast})
	}
	return out
}

func TestPricesByTimeOfUseKeepTheirLimits(t *testing.T) {
	first := func(change func(*tariff.Window)) func(*tariff.Body) {
		return func(b *tariff.Body) { change(&b.TOU.Windows[0]) }
	}
	beside := func(days tariff.DaySet, from, to tariff.Clock) func(*tariff.Body) {
		return func(b *tariff.Body) {
			b.TOU.Windows = append(b.TOU.Windows[:1:1], tariff.Window{Days: days, From: from, To: to})
		}
	}
	const part = "tou.windows[0] needs at least one day, a start before its end, and one of the rates."
	holdLimits(t, weekly, []limit{
		{"no rate", func(b *tariff.Body) { b.TOU = &tariff.TOU{} }, "tou.rates must have 1 to 8 entries. It has 0."},
		{"8 rates, the last of them otherwise", func(b *tariff.Body) { b.TOU.Rates, b.TOU.Otherwise = namedRates(8), 7 }, ""},
		{"9 rates", func(b *tariff.Body) { b.TOU.Rates = namedRates(9) }, "tou.rates must have 1 to 8 entries. It has 9."},
		{"otherwise the first", func(b *tariff.Body) { b.TOU.Otherwise = 0 }, ""},
		{"otherwise none", func(b *tariff.Body) { b.TOU.Otherwise = -1 }, "tou.otherwise does not name one of the rates."},
		{"otherwise one too far", func(b *tariff.Body) { b.TOU.Otherwise = 3 }, "tou.otherwise does not name one of the rates."},
		{"a rate without a name", func(b *tariff.Body) { b.TOU.Rates[1].Name = "" }, `tou.rates[1].name is "". A name must have 1 to 32 lowercase letters, digits and dashes.`},
		{"a name used twice", func(b *tariff.Body) { b.TOU.Rates[2].Name = "peak" }, `tou.rates[2].name is "peak". An earlier entry has the same name.`},
		{"a rate for nothing", func(b *tariff.Body) { b.TOU.Rates[2].Rate = 0 }, "tou.rates[2].rate_micro is 0."},
		{"the highest rate", func(b *tariff.Body) { b.TOU.Rates[2].Rate = 1_000_000_000_000 }, ""},
		{"a rate above it", func(b *tariff.Body) { b.TOU.Rates[2].Rate = 1_000_000_000_001 }, "tou.rates[2].rate_micro is 1000000000001."},
		{"no window", func(b *tariff.Body) { b.TOU.Windows = nil }, ""},
		{"64 windows", func(b *tariff.Body) { b.TOU.Windows = minutes(64) }, ""},
		{"65 windows", func(b *tariff.Body) { b.TOU.Windows = minutes(65) }, "tou.windows must have 0 to 64 entries. It has 65."},
		{"no day", first(func(w *tariff.Window) { w.Days = 0 }), part},
		{"from midnight", first(func(w *tariff.Window) { w.From, w.To = 0, 1 }), ""},
		{"before midnight", first(func(w *tariff.Window) { w.From = -1 }), part},
		{"an empty window", first(func(w *tariff.Window) { w.To = w.From }), part},
		{"a minute", first(func(w *tariff.Window) { w.To = w.From + 1 }), ""},
		{"until midnight", first(func(w *tariff.Window) { w.Days, w.To = 1<<tariff.Sunday, 1440 }), ""},
		{"past midnight", first(func(w *tariff.Window) { w.Days, w.To = 1<<tariff.Sunday, 1441 }), part},
		{"the last rate", first(func(w *tariff.Window) { w.Rate = 2 }), ""},
		{"a rate too far", first(func(w *tariff.Window) { w.Rate = 3 }), part},
		{"no rate of a window", first(func(w *tariff.Window) { w.Rate = -1 }), part},
		{"a window that touches the one before", beside(1<<tariff.Monday, 540, 600), ""},
		{"one that begins a minute early", beside(1<<tariff.Monday, 539, 600), "tou.windows[1] overlaps tou.windows[0]."},
		{"one that touches the one after", beside(1<<tariff.Friday, 300, 360), ""},
		{"one that ends a minute late", beside(1<<tariff.Friday, 300, 361), "tou.windows[1] overlaps tou.windows[0]."},
		{"the same hours of another day", beside(1<<tariff.Saturday, 360, 540), ""},
		{"200 holidays", func(b *tariff.Body) { b.TOU.Holidays = holidays(200) }, ""},
		{"201 holidays", func(b *tariff.Body) { b.TOU.Holidays = holidays(201) }, "tou.holidays must have 0 to 200 entries. It has 201."},
		{"a holiday as no day", func(b *tariff.Body) { b.TOU.Holidays[0].As = tariff.Feast + 1 }, "tou.holidays[0].as is not one of the known days."},
		{"a holiday on no date", func(b *tariff.Body) { b.TOU.Holidays[0].Date = "2026-02-29" }, `tou.holidays[0].date is "2026-02-29", which is not a date.`},
		{"a holiday twice", func(b *tariff.Body) { b.TOU.Holidays = append(b.TOU.Holidays, b.TOU.Holidays[0]) },
			"tou.holidays[1].date is 2026-12-25, which does not come after the holiday before it."},
		{"holidays out of order", func(b *tariff.Body) {
			b.TOU.Holidays = holidays(3)
			slices.Reverse(b.TOU.Holidays[1:])
		}, "tou.holidays[2].date is 2026-01-02, which does not come after"},
	})
}

// monthly returns n seasons, each of a month or more.
func monthly(n int) []tariff.Season {
	seasons := make([]tariff.Season, n)
	for i := range seasons {
		seasons[i] = tariff.Season{Name: fmt.Sprint("season-", i), From: tariff.MonthDay{Month: time.Month(i%12 + 1), Day: 1 + i/12}, Blocks: ladder(1)}
	}
	return seasons
}

func TestSeasonsKeepTheirLimits(t *testing.T) {
	valid := func() tariff.Body { return tariff.Body{Currency: "KES", Seasons: monthly(3)} }
	first := func(m time.Month, day int) func(*tariff.Body) {
		return func(b *tariff.Body) {
			b.Seasons = b.Seasons[:2]
			b.Seasons[0].From = tariff.MonthDay{Month: m, Day: day}
		}
	}
	last := func(m time.Month, day int) func(*tariff.Body) {
		return func(b *tariff.Body) { b.Seasons[2].From = tariff.MonthDay{Month: m, Day: day} }
	}
	const noDay = "seasons[2].from must be a day that every year has."
	holdLimits(t, valid, []limit{
		{"one season", func(b *tariff.Body) { b.Seasons = monthly(1) }, "seasons must have 2 to 12 entries. It has 1."},
		{"two seasons", func(b *tariff.Body) { b.Seasons = monthly(2) }, ""},
		{"12 seasons", func(b *tariff.Body) { b.Seasons = monthly(12) }, ""},
		{"13 seasons", func(b *tariff.Body) { b.Seasons = monthly(13) }, "seasons must have 2 to 12 entries. It has 13."},
		{"blocks beside them", func(b *tariff.Body) { b.Blocks = ladder(1) }, "The tariff has seasons and a price outside them."},
		{"time of use beside them", func(b *tariff.Body) { b.TOU = weekly().TOU }, "The tariff has seasons and a price outside them."},
		{"a season without a name", func(b *tariff.Body) { b.Seasons[1].Name = "" }, `seasons[1].name is "".`},
		{"the last of February", last(time.February, 28), ""},
		{"a leap day", last(time.February, 29), noDay},
		{"the last of the year", last(time.December, 31), ""},
		{"a 32nd", last(time.December, 32), noDay},
		{"a day 0", last(time.December, 0), noDay},
		{"a month 13", last(13, 1), noDay},
		{"the day after the one before", last(time.February, 2), ""},
		{"the day of the one before", last(time.February, 1), "seasons[2].from does not come after the first day of the season before it."},
		{"an earlier month and a later day", first(time.January, 31), ""},
		{"a later month and an earlier day", first(time.March, 1), "seasons[1].from does not come after the first day of the season before it."},
		{"a season without a price", func(b *tariff.Body) { b.Seasons[2].Blocks = nil }, "seasons[2].blocks must have 1 to 32 entries. It has 0."},
		{"a season with two prices", func(b *tariff.Body) { b.Seasons[0].TOU = weekly().TOU },
			"2 of the fields seasons[0].flat_micro, seasons[0].blocks, seasons[0].tou are given."},
		{"a season whose rates have no otherwise", func(b *tariff.Body) {
			b.Seasons[1].Blocks, b.Seasons[1].TOU = nil, weekly().TOU
			b.Seasons[1].TOU.Otherwise = 3
		}, "seasons[1].tou.otherwise does not name one of the rates."},
		{"a levy on the dearest season", func(b *tariff.Body) {
			b.Seasons[2].Blocks[0].Rate = 1_000_000_000_000
			b.Levies = []tariff.Levy{{Name: "rural", Rate: 1}}
		}, "A price with its levies exceeds 1000000000000 millionths of the main unit per kWh."},
	})
}

func TestChargesAndLeviesKeepTheirLimits(t *testing.T) {
	const most = 92_233_720_368 // minor units of a fixed charge or a fee
	valid := func() tariff.Body {
		b := flat()
		b.Fixed = []tariff.FixedCharge{{Name: "service", Amount: 9800, Per: tariff.PerMonth}}
		b.Levies = []tariff.Levy{{Name: "rural", Percent: 500}, {Name: "regulator", Rate: 30_000}}
		b.Fee = tariff.VendFee{Amount: 250}
		b.Free = tariff.Free{Units: 50_000, Funded: 1_200_000}
		return b
	}
	fixed := func(n int) func(*tariff.Body) {
		return func(b *tariff.Body) {
			for i := 1; i < n; i++ {
				b.Fixed = append(b.Fixed, tariff.FixedCharge{Name: fmt.Sprint("lamp-", i), Amount: 1, Per: tariff.PerDay})
			}
		}
	}
	levies := func(n int) func(*tariff.Body) {
		return func(b *tariff.Body) {
			for i := 2; i < n; i++ {
				b.Levies = append(b.Levies, tariff.Levy{Name: fmt.Sprint("levy-", i), Rate: 1})
			}
		}
	}
	charge := func(change func(*tariff.FixedCharge)) func(*tariff.Body) {
		return func(b *tariff.Body) { change(&b.Fixed[0]) }
	}
	const service, fee, free, funded, apart = "fixed[0].", "vend_fee.", "free_units.units_wh is ", "free_units.funded_micro is ", "free_units has no units_wh."
	holdLimits(t, valid, []limit{
		{"16 fixed charges", fixed(16), ""},
		{"17 fixed charges", fixed(17), "fixed must have 0 to 16 entries. It has 17."},
		{"a fixed charge of 1", charge(func(f *tariff.FixedCharge) { f.Amount = 1 }), ""},
		{"a fixed charge of 0", charge(func(f *tariff.FixedCharge) { f.Amount = 0 }), service + "amount_minor is 0. It must be 1 to 92233720368 minor units."},
		{"the largest fixed charge", charge(func(f *tariff.FixedCharge) { f.Amount = most }), ""},
		{"a larger one", charge(func(f *tariff.FixedCharge) { f.Amount = most + 1 }), service + "amount_minor is 92233720369."},
		{"the last place", charge(func(f *tariff.FixedCharge) { f.Priority = 89 }), ""},
		{"a place after energy", charge(func(f *tariff.FixedCharge) { f.Priority = 90 }), service + "priority is 90. A priority must be 1 to 89."},
		{"a place below zero", charge(func(f *tariff.FixedCharge) { f.Priority = -1 }), service + "priority is -1."},
		{"no period", charge(func(f *tariff.FixedCharge) { f.Per = "" }), `fixed[0].per is "", which is not a period.`},
		{"8 levies", levies(8), ""},
		{"9 levies", levies(9), "levies must have 0 to 8 entries. It has 9."},
		{"a levy of nothing", func(b *tariff.Body) { b.Levies[0].Percent = 0 }, "levies[0] must have exactly one of rate_micro and percent_bps."},
		{"a levy of both kinds", func(b *tariff.Body) { b.Levies[0].Rate = 1 }, "levies[0] must have exactly one of rate_micro and percent_bps."},
		{"a share below zero", func(b *tariff.Body) { b.Levies[0].Percent = -1 }, "levies[0].percent_bps is -1. It must be 1 to 10000 basis points."},
		{"the least levies", func(b *tariff.Body) { b.Levies[0].Percent, b.Levies[1].Rate = 1, 1 }, ""},
		{"a levy as high as the price", func(b *tariff.Body) { b.Levies[0].Percent = 10_000 }, ""},
		{"a levy above the price", func(b *tariff.Body) { b.Levies[0].Percent = 10_001 }, "levies[0].percent_bps is 10001."},
		{"a rate below zero", func(b *tariff.Body) { b.Levies[1].Rate = -1 }, "levies[1].rate_micro is -1."},
		{"a rate above any price", func(b *tariff.Body) { b.Levies[1].Rate = 1_000_000_000_001 }, "levies[1].rate_micro is 1000000000001."},
		{"the highest price with its levies", func(b *tariff.Body) { b.Levies[1].Rate = 1_000_000_000_000 - 2_500_000 - 125_000 }, ""},
		{"a millionth more", func(b *tariff.Body) { b.Levies[1].Rate = 1_000_000_000_001 - 2_500_000 - 125_000 },
			"A price with its levies exceeds 1000000000000 millionths of the main unit per kWh."},
		{"no fee", func(b *tariff.Body) { b.Fee.Amount = 0 }, ""},
		{"a fee below zero", func(b *tariff.Body) { b.Fee.Amount = -1 }, fee + "amount_minor is -1. It must be 0 to 92233720368 minor units."},
		{"the largest fee in the last place", func(b *tariff.Body) { b.Fee.Amount, b.Fee.Priority = most, 89 }, ""},
		{"a larger fee", func(b *tariff.Body) { b.Fee.Amount = most + 1 }, fee + "amount_minor is 92233720369."},
		{"a fee after energy", func(b *tariff.Body) { b.Fee.Priority = 90 }, fee + "priority is 90."},
		{"free units of one token", func(b *tariff.Body) { b.Free.Units = 1_638_300 }, ""},
		{"free units of more", func(b *tariff.Body) { b.Free.Units = 1_638_400 }, free + "1638400. It must be a multiple of 100. It must be at most 1638300, because one token cannot carry more."},
		{"free units between two quanta", func(b *tariff.Body) { b.Free.Units = 150 }, free + "150."},
		{"free units below zero", func(b *tariff.Body) { b.Free.Units = -100 }, free + "-100."},
		{"free units that nobody funds", func(b *tariff.Body) { b.Free.Funded = 0 }, ""},
		{"the highest funding", func(b *tariff.Body) { b.Free.Funded = 1_000_000_000_000 }, ""},
		{"funding above it", func(b *tariff.Body) { b.Free.Funded = 1_000_000_000_001 }, funded + "1000000000001. It must be 0 to 1000000000000 millionths of the main unit per kWh."},
		{"funding below zero", func(b *tariff.Body) { b.Free.Funded = -1 }, funded + "-1."},
		{"nothing free", func(b *tariff.Body) { b.Free = tariff.Free{} }, ""},
		{"funding of nothing", func(b *tariff.Body) { b.Free = tariff.Free{Funded: 1} }, apart},
		{"nothing apart", func(b *tariff.Body) { b.Free = tariff.Free{Apart: true} }, apart},
	})
}
