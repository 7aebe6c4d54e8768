package tariff

import (
	"time"

	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/refuse"
	"github.com/paywatt/paywatt/unit"
)

// Block is a step of the price within a local month.
type Block struct {
	UpTo unit.Energy     // the month's units up to which it applies, a multiple of 100 Wh; 0 for no limit
	Rate money.MicroRate // per kilowatt-hour, without tax
}

// TOU prices energy by the time of its use: inside a window the window's rate applies, outside all windows the rate that Otherwise names.
type TOU struct {
	Rates     []Rate
	Otherwise int // index into Rates
	Windows   []Window
	Holidays  []Holiday // ascending by date
}

// Rate is a price with a name, such as "peak".
type Rate struct {
	Name string
	Rate money.MicroRate // per kilowatt-hour, without tax
}

// Window is a part of some days, in the tenant's local time. A window across midnight is written as two windows.
type Window struct {
	Days DaySet
	From Clock // inclusive
	To   Clock // exclusive; 1440 is the end of the day
	Rate int   // index into TOU.Rates
}

// Holiday is a date on which another day's windows apply.
type Holiday struct {
	Date Date
	As   Day
}

// Clock is a time of day in minutes since local midnight, 0 to 1440.
type Clock int

// Date is a local calendar date, "2026-12-25".
type Date string

// Day is a type of day: Monday to Sunday, or a separate type for holidays.
type Day uint8

// Types of days.
const (
	Monday Day = iota
	Tuesday
	Wednesday
	Thursday
	Friday
	Saturday
	Sunday
	Feast
	days
)

// DaySet is a set of types of days, a bit for each.
type DaySet uint8

// Has reports whether the set contains a type of day.
func (s DaySet) Has(d Day) bool { return s&(1<<d) != 0 }

// Season is a part of the year with a price of its own. It lasts from its first day until the day before the next season begins, also
// across the end of the year.
type Season struct {
	Name   string
	From   MonthDay
	Blocks []Block // either Blocks or TOU is set
	TOU    *TOU
}

// MonthDay is a day of every year.
type MonthDay struct {
	Month time.Month
	Day   int
}

// Before reports whether a day comes earlier in the year.
func (d MonthDay) Before(e MonthDay) bool {
	return d.Month < e.Month || d.Month == e.Month && d.Day < e.Day
}

// Limits of a tariff. Within these limits, no product of the price walk exceeds 64 bits before the walk changes to 128 bits.
const (
	MaxBlocks                   = 32
	MaxRate     money.MicroRate = 1_000_000_000_000 // 1,000,000 of the major unit per kilowatt-hour, including levies
	MaxUpTo     unit.Energy     = 1_000_000_000_000 // 1,000 GWh in a month
	MaxVATBps                   = money.Whole
	MaxRates                    = 8
	MaxWindows                  = 64
	MaxHolidays                 = 200
	MaxSeasons                  = 12
	endOfDay    Clock           = 24 * 60
)

// validatePrice checks that there is exactly one price, and that it is complete.
func (b Body) validatePrice() refusal.Refusal {
	if b.perPeriod() && len(b.Fixed) > 0 && len(b.Levies) == 0 {
		return refusal.Refusal{}
	}
	if len(b.Seasons) == 0 {
		return validateOne(outside, b.Blocks, b.TOU)
	}
	if len(b.Blocks) > 0 || b.TOU != nil {
		return refuse.TariffSeasonsAndPrice()
	}
	if len(b.Seasons) < 2 || len(b.Seasons) > MaxSeasons {
		return refuse.TariffSeasonCount(MaxSeasons, int64(len(b.Seasons)))
	}
	for i, s := range b.Seasons {
		if !named(s.Name) {
			return refuse.TariffNameOfWrongForm(location(i).field("name"), refusal.Echo(s.Name), maxName)
		}
		// 2023 is no leap year: a season cannot begin on a day that most years do not have.
		first := time.Date(2023, s.From.Month, s.From.Day, 0, 0, 0, 0, time.UTC)
		if first.Month() != s.From.Month || first.Day() != s.From.Day {
			return refuse.TariffSeasonDateUnknown(location(i).field("from"))
		}
		if i > 0 && !b.Seasons[i-1].From.Before(s.From) {
			return refuse.TariffSeasonOutOfOrder(location(i).field("from"))
		}
		if r := validateOne(location(i), s.Blocks, s.TOU); r.Refused() {
			return r
		}
	}
	return refusal.Refusal{}
}

// validateOne checks one price.
func validateOne(s location, blocks []Block, tou *TOU) refusal.Refusal {
	switch {
	case tou == nil:
		return validateBlocks(s, blocks)
	case len(blocks) > 0:
		return refuse.TariffPriceCount(2, s.forms())
	}
	return tou.validate(s)
}

// blockLimit is the field of a block's limit in the document.
const blockLimit = "blocks[%d].up_to_wh"

func validateBlocks(s location, blocks []Block) refusal.Refusal {
	if len(blocks) == 0 || len(blocks) > MaxBlocks {
		return refuse.TariffListOfWrongLength(s.field("blocks"), 1, MaxBlocks, int64(len(blocks)))
	}
	var before unit.Energy
	for i, k := range blocks {
		if !sane(k.Rate) {
			field := s.field("blocks[%d].rate_micro", i)
			if len(blocks) == 1 { // documents write it as a flat price
				field = s.field("flat_micro")
			}
			return refuse.TariffPriceOutOfRange(field, int64(k.Rate), int64(MaxRate))
		}
		if i == len(blocks)-1 {
			if k.UpTo != 0 {
				return refuse.TariffLastBlockLimited(s.field(blockLimit, i), int64(k.UpTo))
			}
			break
		}
		if k.UpTo <= before || k.UpTo > MaxUpTo || k.UpTo%unit.Quantum != 0 {
			return refuse.TariffBlockLimitOutOfRange(s.field(blockLimit, i), int64(k.UpTo), int64(unit.Quantum), int64(MaxUpTo))
		}
		before = k.UpTo
	}
	return refusal.Refusal{}
}

func (t *TOU) validate(s location) refusal.Refusal {
	if len(t.Rates) == 0 || len(t.Rates) > MaxRates {
		return refuse.TariffListOfWrongLength(s.field("tou.rates"), 1, MaxRates, int64(len(t.Rates)))
	}
	if t.Otherwise < 0 || t.Otherwise >= len(t.Rates) {
		return refuse.TariffOtherwiseUnknown(s.field("tou.otherwise"))
	}
	names := map[string]bool{}
	for i, r := range t.Rates {
		at := func(name string) string { return s.field("tou.rates[%d].%s", i, name) }
		if no := ownName(at, r.Name, names); no.Refused() {
			return no
		}
		if !sane(r.Rate) {
			return refuse.TariffPriceOutOfRange(at("rate_micro"), int64(r.Rate), int64(MaxRate))
		}
	}
	if len(t.Windows) > MaxWindows {
		return refuse.TariffListOfWrongLength(s.field("tou.windows"), 0, MaxWindows, int64(len(t.Windows)))
	}
	for i, w := range t.Windows {
		if w.Days == 0 || w.From < 0 || w.To <= w.From || w.To > endOfDay || w.Rate < 0 || w.Rate >= len(t.Rates) {
			return refuse.TariffWindowOfWrongForm(s.field(windowAt, i))
		}
		for j, o := range t.Windows[:i] {
			if w.Days&o.Days != 0 && w.From < o.To && o.From < w.To {
				return refuse.TariffWindowsOverlap(s.field(windowAt, i), s.field(windowAt, j))
			}
		}
	}
	return t.validateHolidays(s)
}

// windowAt is the field of a window in the document.
const windowAt = "tou.windows[%d]"

func (t *TOU) validateHolidays(s location) refusal.Refusal {
	if len(t.Holidays) > MaxHolidays {
		return refuse.TariffListOfWrongLength(s.field("tou.holidays"), 0, MaxHolidays, int64(len(t.Holidays)))
	}
	for i, h := range t.Holidays {
		if _, err := time.Parse(time.DateOnly, string(h.Date)); err != nil {
			return refuse.TariffHolidayDateOfWrongForm(s.field("tou.holidays[%d].date", i), refusal.Echo(string(h.Date)))
		}
		if h.As >= days {
			return refuse.TariffHolidayAsUnknown(s.field("tou.holidays[%d].as", i), dayNames)
		}
		if i > 0 && t.Holidays[i-1].Date >= h.Date {
			return refuse.TariffHolidayOutOfOrder(s.field("tou.holidays[%d].date", i), string(h.Date))
		}
	}
	return refusal.Refusal{}
}

// perPeriod reports whether energy itself costs nothing, because fixed charges pay for time.
func (b Body) perPeriod() bool {
	return len(b.Seasons) == 0 && b.TOU == nil && len(b.Blocks) == 1 && b.Blocks[0] == Block{}
}

// sane reports whether a price may be published.
func sane(r money.MicroRate) bool { return r > 0 && r <= MaxRate }

// maxName is the greatest length of a name inside a tariff. Names become references of lines and subjects of ledger accounts.
const maxName = 32

// ownName checks the name of a part of a tariff. The name must not be in the set names yet; ownName adds the name to that set. The
// parameter field makes the full name of a field for a refusal, such as "levies[0].name".
func ownName(field func(string) string, name string, names map[string]bool) refusal.Refusal {
	switch {
	case !named(name):
		return refuse.TariffNameOfWrongForm(field("name"), refusal.Echo(name), maxName)
	case names[name]:
		return refuse.TariffNameUsedTwice(field("name"), name)
	}
	names[name] = true
	return refusal.Refusal{}
}

// named reports whether a text may name a part of a tariff.
func named(s string) bool {
	for i := range len(s) {
		if c := s[i]; (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' {
			return false
		}
	}
	return s != "" && len(s) <= maxName
}

// rates lists every price per kilowatt-hour in a tariff.
func (b Body) rates() []money.MicroRate {
	var out []money.MicroRate
	list := func(blocks []Block, t *TOU) {
		for _, k := range blocks {
			out = append(out, k.Rate)
		}
		if t != nil {
			for _, r := range t.Rates {
				out = append(out, r.Rate)
			}
		}
	}
	list(b.Blocks, b.TOU)
	for _, s := range b.Seasons {
		list(s.Blocks, s.TOU)
	}
	return out
}

// ForTokens returns why tokens cannot be sold on a tariff. Nobody knows when the units of a token will be used, so a price that depends on
// time is not known at the sale. Validate accepts such tariffs, for meters whose balance is on the server.
func (b Body) ForTokens() refusal.Refusal {
	switch {
	case b.perPeriod():
		return refuse.TariffForTimeOnly()
	case b.TOU != nil:
		return refuse.TariffByTimeOfUse()
	case len(b.Seasons) > 0:
		return refuse.TariffWithSeasons()
	}
	return refusal.Refusal{}
}
