package tariff

import (
	"fmt"
	"time"

	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/unit"
)

// Block is a step of the price within a local month.
type Block struct {
	UpTo unit.Energy     // the month's units up to which it holds, a multiple of 100 Wh; 0 for no limit
	Rate money.MicroRate // per kilowatt-hour, without tax
}

// TOU prices energy by the time at which it is used: inside a window the window's rate holds, outside all of them the
// rate named by Otherwise.
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

// Window is a part of some days, in the tenant's local time. One that passes midnight is written as two.
type Window struct {
	Days DaySet
	From Clock // inclusive
	To   Clock // exclusive; 1440 is the end of the day
	Rate int   // index into TOU.Rates
}

// Holiday is a date on which another day's windows hold.
type Holiday struct {
	Date Date
	As   Day
}

// Clock is a time of day in minutes since local midnight, 0 to 1440.
type Clock int

// Date is a local calendar date, "2026-12-25".
type Date string

// Day is a type of day: Monday to Sunday, or one of its own for holidays.
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

// Season is a part of the year with a price of its own. It holds from its first day to the day before the next one's,
// round the end of the year.
type Season struct {
	Name   string
	From   MonthDay
	Blocks []Block // or
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

// Limits of a tariff. Within them no product of the price walk leaves 64 bits before it is taken to 128.
const (
	MaxBlocks                   = 32
	MaxRate     money.MicroRate = 1_000_000_000_000 // 1,000,000 of the major unit per kilowatt-hour, levies among it
	MaxUpTo     unit.Energy     = 1_000_000_000_000 // 1,000 GWh in a month
	MaxVATBps                   = money.Whole
	MaxRates                    = 8
	MaxWindows                  = 64
	MaxHolidays                 = 200
	MaxSeasons                  = 12
	endOfDay    Clock           = 24 * 60
)

// validatePrice checks that there is exactly one price, and that it is whole.
func (b Body) validatePrice() refusal.Refusal {
	if b.perPeriod() && len(b.Fixed) > 0 && len(b.Levies) == 0 {
		return refusal.Refusal{}
	}
	if len(b.Seasons) == 0 {
		return validateOne(b.Blocks, b.TOU, "")
	}
	if len(b.Blocks) > 0 || b.TOU != nil {
		return invalid("There are seasons and a price beside them.", "Give every price inside a season.")
	}
	if len(b.Seasons) < 2 || len(b.Seasons) > MaxSeasons {
		return invalid(fmt.Sprintf("There are %d seasons.", len(b.Seasons)), fmt.Sprintf("Give 2 to %d seasons, or one price without any.", MaxSeasons))
	}
	for i, s := range b.Seasons {
		if !named(s.Name) {
			return invalid(fmt.Sprintf("Season %d has no usable name.", i+1), nameRule)
		}
		// 2023 is no leap year: a season cannot begin on a day that most years do not have.
		first := time.Date(2023, s.From.Month, s.From.Day, 0, 0, 0, 0, time.UTC)
		if first.Month() != s.From.Month || first.Day() != s.From.Day {
			return invalid(fmt.Sprintf("Season %s begins on a day that not every year has.", s.Name), "Write its first day as MM-DD, such as 06-01.")
		}
		if i > 0 && !b.Seasons[i-1].From.Before(s.From) {
			return invalid(fmt.Sprintf("Season %s does not begin after the one before it.", s.Name), "Write the seasons in the order of the year.")
		}
		if r := validateOne(s.Blocks, s.TOU, "Season "+s.Name+": "); r.Refused() {
			return r
		}
	}
	return refusal.Refusal{}
}

func validateOne(blocks []Block, tou *TOU, where string) refusal.Refusal {
	var r refusal.Refusal
	switch {
	case tou == nil:
		r = validateBlocks(blocks)
	case len(blocks) > 0:
		r = invalid("There are blocks and prices by time of use.", "Give one of them.")
	default:
		r = tou.validate()
	}
	if r.Refused() {
		r.What = where + r.What
	}
	return r
}

func validateBlocks(blocks []Block) refusal.Refusal {
	if len(blocks) == 0 || len(blocks) > MaxBlocks {
		return invalid(fmt.Sprintf("There are %d blocks.", len(blocks)), fmt.Sprintf("Give a flat price or 1 to %d blocks.", MaxBlocks))
	}
	var before unit.Energy
	for i, k := range blocks {
		if !sane(k.Rate) {
			return invalid(fmt.Sprintf("The price of block %d is %d millionths per kWh.", i+1, k.Rate), rateRule())
		}
		if i == len(blocks)-1 {
			if k.UpTo != 0 {
				return invalid(fmt.Sprintf("The last block ends at %d Wh.", k.UpTo), "Let the last block have no limit (null).")
			}
			break
		}
		if k.UpTo <= before || k.UpTo > MaxUpTo || k.UpTo%unit.Quantum != 0 {
			return invalid(fmt.Sprintf("The limit of block %d is %d Wh.", i+1, k.UpTo),
				fmt.Sprintf("Limits rise from block to block, are multiples of %d Wh and at most %d Wh; only the last block has none.",
					unit.Quantum, MaxUpTo))
		}
		before = k.UpTo
	}
	return refusal.Refusal{}
}

func (t *TOU) validate() refusal.Refusal {
	if len(t.Rates) == 0 || len(t.Rates) > MaxRates || t.Otherwise < 0 || t.Otherwise >= len(t.Rates) {
		return invalid(fmt.Sprintf("There are %d rates by time of use.", len(t.Rates)),
			fmt.Sprintf("Give 1 to %d named rates, and in otherwise the one that holds outside all windows.", MaxRates))
	}
	names := map[string]bool{}
	for i, r := range t.Rates {
		if !named(r.Name) || names[r.Name] {
			return invalid(fmt.Sprintf("Rate %d has no usable name of its own.", i+1), nameRule)
		}
		if names[r.Name] = true; !sane(r.Rate) {
			return invalid(fmt.Sprintf("The rate %s is %d millionths per kWh.", r.Name, r.Rate), rateRule())
		}
	}
	if len(t.Windows) > MaxWindows {
		return invalid(fmt.Sprintf("There are %d windows.", len(t.Windows)), fmt.Sprintf("Give at most %d.", MaxWindows))
	}
	for i, w := range t.Windows {
		if w.Days == 0 || w.From < 0 || w.To <= w.From || w.To > endOfDay || w.Rate < 0 || w.Rate >= len(t.Rates) {
			return invalid(fmt.Sprintf("Window %d is not a part of a day with one of the rates.", i+1),
				"Write days, from and to (00:00 to 24:00) and a rate; split a window that passes midnight.")
		}
		for j, o := range t.Windows[:i] {
			if w.Days&o.Days != 0 && w.From < o.To && o.From < w.To {
				return invalid(fmt.Sprintf("Windows %d and %d overlap.", j+1, i+1), "Let every minute of a day belong to one window at most.")
			}
		}
	}
	return t.validateHolidays()
}

func (t *TOU) validateHolidays() refusal.Refusal {
	if len(t.Holidays) > MaxHolidays {
		return invalid(fmt.Sprintf("There are %d holidays.", len(t.Holidays)), fmt.Sprintf("Give at most %d.", MaxHolidays))
	}
	for i, h := range t.Holidays {
		if _, err := time.Parse(time.DateOnly, string(h.Date)); err != nil || h.As >= days {
			return invalid(fmt.Sprintf("Holiday %d is no date.", i+1), "Write it as 2026-12-25.")
		}
		if i > 0 && t.Holidays[i-1].Date >= h.Date {
			return invalid(fmt.Sprintf("The holiday %s does not come after the one before it.", h.Date), "Write each date once, in order.")
		}
	}
	return refusal.Refusal{}
}

// perPeriod reports whether energy itself costs nothing: what is paid for is time, by fixed charges.
func (b Body) perPeriod() bool {
	return len(b.Seasons) == 0 && b.TOU == nil && len(b.Blocks) == 1 && b.Blocks[0] == Block{}
}

// sane reports whether a price may be published.
func sane(r money.MicroRate) bool { return r > 0 && r <= MaxRate }

func rateRule() string {
	return fmt.Sprintf("A price lies between 1 and %d millionths of the currency's main unit; 2.50 is 2500000.", MaxRate)
}

// maxName bounds the names inside a tariff; they become references of lines and subjects of ledger accounts.
const maxName = 32

const nameRule = "Names have 1 to 32 small letters, digits and dashes, and each is used once."

// named reports whether a text may name a part of a tariff.
func named(s string) bool {
	for i := range len(s) {
		if c := s[i]; (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' {
			return false
		}
	}
	return s != "" && len(s) <= maxName
}

// rates lists every price per kilowatt-hour that a tariff knows.
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

// ForTokens says why tokens cannot be sold on a tariff: nobody knows when the units of a token will be used, so what
// depends on that has no price at the sale. Validate accepts such tariffs, for meters whose balance is on the server.
func (b Body) ForTokens() refusal.Refusal {
	what := ""
	switch {
	case b.perPeriod():
		what = "A tariff on which only time is paid for cannot price a token: its units would cost nothing."
	case b.TOU != nil:
		what = "A tariff by time of use cannot price a token: nobody knows when the units will be used."
	case len(b.Seasons) > 0:
		what = "A tariff with seasons cannot price a token: nobody knows in which season the units will be used."
	default:
		return refusal.Refusal{}
	}
	return refusal.Because(refusal.TariffInvalid, what, "Nothing was changed.",
		"Use a flat price or blocks for token meters, with a new version for each season; keep this one for wallet meters.")
}
