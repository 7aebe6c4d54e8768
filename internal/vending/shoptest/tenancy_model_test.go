package shoptest_test

import (
	"math/big"
	"slices"
	"strings"
	"time"

	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/localday"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/tariff"
	"github.com/paywatt/paywatt/unit"
)

// The model of random streets: it knows from the acts alone what everything costs. It uses no arithmetic of the product.

// knownTariff is a tariff with all its versions.
type knownTariff struct {
	name     string
	id       id.ID
	versions []knownVersion // in the order in which they were published
}

// knownVersion is a version of a tariff.
type knownVersion struct {
	n    int
	id   id.ID
	from time.Time
	body tariff.Body
	gone bool // another version took its place
	// corrects is the number of the first version in a row of corrections; it is its own number if it corrects nothing.
	corrects int
}

// at returns the version in force at a moment.
func (k *knownTariff) versionAt(moment time.Time) *knownVersion {
	var best *knownVersion
	for i := range k.versions {
		v := &k.versions[i]
		if !v.gone && !v.from.After(moment) && (best == nil || v.from.After(best.from)) {
			best = v
		}
	}
	return best
}

// findPlanned returns a version that has not begun, and begins at least a few minutes after a moment; nil if there is none.
func (k *knownTariff) findPlanned(moment time.Time) *knownVersion {
	for i := range k.versions {
		if v := &k.versions[i]; !v.gone && v.from.After(moment.Add(5*time.Minute)) {
			return v
		}
	}
	return nil
}

// listTooHigh returns the versions that have begun and have fixed charges, which can be made smaller.
func (k *knownTariff) listTooHigh(moment time.Time) (out []*knownVersion) {
	for i := range k.versions {
		if v := &k.versions[i]; !v.gone && !v.from.After(moment) && len(v.body.Fixed) > 0 {
			out = append(out, v)
		}
	}
	return out
}

// knownAccount is an account that exists or existed.
type knownAccount struct {
	id, customer   id.ID
	home           *knownHome
	wallet         bool
	stock          bool // of a meter in the store room, where nobody lives
	opened, closed time.Time
	tariffs        []knownChange // the first is the one with which it was opened

	bought map[string]unit.Energy // of a keypad meter, by month
	moved  map[string]money.Minor // own charges that another account took over, by their reference

	recharged, given money.Minor            // of a wallet: paid in, and given as goodwill
	charges          map[string]money.Minor // of a wallet, by day
	chargedTo        string                 // the last day that was looked at
	back             map[id.ID]money.Minor  // given back of the charges, by the first version in a row of corrections
	backLater        money.Minor            // the part of it that came after the account had ended
	correctedLater   bool                   // a charge may have been made smaller after the account had ended
	use              knownUse
}

// knownChange is another tariff of an account.
type knownChange struct {
	n         int
	tariff    *knownTariff
	from      time.Time
	withdrawn bool
}

// isOpen reports whether somebody has the account.
func (a *knownAccount) isOpen() bool { return a.closed.IsZero() }

// tariffAt returns the tariff that the account has at a moment.
func (a *knownAccount) tariffAt(moment time.Time) *knownTariff {
	best := a.tariffs[0]
	for _, c := range a.tariffs[1:] {
		if !c.withdrawn && !c.from.After(moment) && !c.from.Before(best.from) {
			best = c
		}
	}
	return best.tariff
}

// versionAt returns the version that prices the account at a moment.
func (a *knownAccount) versionAt(moment time.Time) *knownVersion {
	return a.tariffAt(moment).versionAt(moment)
}

// listEdges returns the moments between two times at which the price of the account may change, in order.
func (a *knownAccount) listEdges(from, to time.Time, zone *time.Location) (out []time.Time) {
	add := func(at time.Time) {
		if at.After(from) && at.Before(to) {
			out = append(out, at)
		}
	}
	for m := nextMonthOf(from, zone); m.Before(to); m = nextMonthOf(m, zone) {
		add(m)
	}
	for _, c := range a.tariffs {
		if !c.withdrawn {
			add(c.from)
		}
		for _, v := range c.tariff.versions {
			add(v.from)
		}
	}
	slices.SortFunc(out, time.Time.Compare)
	return slices.CompactFunc(out, time.Time.Equal)
}

// nextMonthOf returns the beginning of the local month after that of a time.
func nextMonthOf(at time.Time, zone *time.Location) time.Time {
	local := at.In(zone)
	return time.Date(local.Year(), local.Month()+1, 1, 0, 0, 0, 0, zone)
}

// dayOf returns the beginning of the local day of a time.
func dayOf(at time.Time, zone *time.Location) time.Time {
	local := at.In(zone)
	return time.Date(local.Year(), local.Month(), local.Day(), 0, 0, 0, 0, zone)
}

// knownUse is what a wallet meter used for an account, and what that costs.
type knownUse struct {
	started  bool
	at       time.Time
	register int64
	units    int64       // priced
	debited  money.Minor // of the meters that were replaced
	cost     int64       // of the present meter, in pieces of a minor unit
	month    string
	used     int64 // in the month, which decides the block
	prices   int   // that the last reading was shared by
}

// pieces is how many parts of a minor unit the exact cost of a watt-hour is counted in: rates are millionths of 100 minor units for 1,000 Wh, and
// taxes ten-thousandths.
const pieces = 100_000_000_000

// exactCost returns the cost of energy in pieces, and the units before it in the month decide its blocks.
func exactCost(b tariff.Body, before, units int64) (cost int64) {
	for _, block := range b.Blocks {
		part := units
		if block.UpTo != 0 {
			part = min(part, max(int64(block.UpTo)-before, 0))
		}
		cost += part * int64(block.Rate) * (10_000 + int64(b.VATBps))
		before, units = before+part, units-part
	}
	return cost
}

// sumOwed returns the whole minor units that the use costs.
func (u *knownUse) sumOwed() money.Minor { return u.debited + money.Minor(u.cost/pieces) }

// takeReading prices a reading that reached the server. Nobody pays for use before the move-in, so a reading from before it counts for nothing, and the
// first one after it only begins.
func (u *knownUse) takeReading(a *knownAccount, r knownReading, zone *time.Location) {
	u.prices = 0
	switch {
	case r.at.Before(a.opened):
		return
	case !u.started:
		u.started, u.at, u.register = true, r.at, r.register
		return
	}
	units, given, from := r.register-u.register, int64(0), u.at
	for _, edge := range append(a.listEdges(u.at, r.at, zone), r.at) {
		share := units
		if edge.Before(r.at) {
			share = shareOf(units, edge.Sub(u.at), r.at.Sub(u.at))
		}
		if month := from.In(zone).Format(localday.MonthForm); month != u.month {
			u.month, u.used = month, 0
		}
		u.cost += exactCost(a.versionAt(from).body, u.used, share-given)
		u.used += share - given
		given, from = share, edge
		u.prices++
	}
	u.at, u.register, u.units = r.at, r.register, u.units+units
}

// shareOf returns the part of energy for a part of the time, rounded down.
func shareOf(units int64, part, whole time.Duration) int64 {
	product := new(big.Int).Mul(big.NewInt(units), big.NewInt(int64(part)))
	return product.Div(product, big.NewInt(int64(whole))).Int64()
}

// replaceMeter notes that another meter goes on for the account. What is below a minor unit stays with the old one.
func (u *knownUse) replaceMeter() {
	u.debited += money.Minor(u.cost / pieces)
	u.cost, u.started = 0, false
}

// withTaxOf adds the tax of a fixed charge to an amount, rounded half up.
func withTaxOf(b tariff.Body, f tariff.FixedCharge, net money.Minor) money.Minor {
	rate := money.Minor(b.VATBps)
	if f.Untaxed {
		rate = 0
	}
	return (net*(10_000+rate) + 5_000) / 10_000
}

// chargeOf returns a fixed charge for some days of a local month: the charge up to the last of them less the charge up to the day before the first.
func chargeOf(b tariff.Body, f tariff.FixedCharge, month time.Time, first, last int) money.Minor {
	if last < first {
		return 0
	}
	if f.Per == tariff.PerDay {
		return withTaxOf(b, f, f.Amount*money.Minor(last)) - withTaxOf(b, f, f.Amount*money.Minor(first-1))
	}
	length := money.Minor(time.Date(month.Year(), month.Month()+1, 0, 0, 0, 0, 0, time.UTC).Day())
	whole := withTaxOf(b, f, f.Amount)
	return whole*money.Minor(last)/length - whole*money.Minor(first-1)/length
}

// chargeDays notes the charges of the days that the daily work takes from a wallet up to a moment.
func (w *tenancyWorld) chargeDays(a *knownAccount, now time.Time) {
	day := dayOf(a.opened, w.zone)
	if a.chargedTo != "" {
		last := must1(time.ParseInLocation(time.DateOnly, a.chargedTo, w.zone))(w.t)
		day = time.Date(last.Year(), last.Month(), last.Day()+1, 0, 0, 0, 0, w.zone)
	}
	for ; !day.After(now); day = time.Date(day.Year(), day.Month(), day.Day()+1, 0, 0, 0, 0, w.zone) {
		begins := day
		if a.opened.After(begins) {
			begins = a.opened
		}
		body := a.versionAt(begins).body
		a.chargedTo = day.Format(time.DateOnly)
		for _, f := range body.Fixed {
			a.charges[a.chargedTo] += chargeOf(body, f, day, day.Day(), day.Day())
		}
	}
}

// correctDays notes what a correction gives back of the days that a wallet was charged for: what they cost by the versions in force now is less.
func (w *tenancyWorld) correctDays(a *knownAccount, of *knownTariff, v *knownVersion) {
	first := of.versions[v.corrects-1].id
	over := -a.back[first]
	for day, charged := range a.charges {
		begins := must1(time.ParseInLocation(time.DateOnly, day, w.zone))(w.t)
		if a.opened.After(begins) {
			begins = a.opened
		}
		if is := a.versionAt(begins); is.id == v.id {
			over += charged
			for _, f := range is.body.Fixed {
				over -= chargeOf(is.body, f, begins.In(w.zone), begins.In(w.zone).Day(), begins.In(w.zone).Day())
			}
		}
	}
	if over <= 0 {
		return
	}
	w.tally.rare.Reached("charge of a wallet given back")
	a.back[first] += over
	if !a.isOpen() {
		w.tally.rare.Reached("charge given back after a move-out")
		a.backLater += over
	}
}

// givenBack is all that a wallet got back of its charges.
func (a *knownAccount) givenBack() (sum money.Minor) {
	for _, back := range a.back {
		sum += back
	}
	return sum
}

// wantCharges returns the fixed charges of an account of a keypad meter by their references: for the days from the move-in to the day before the
// move-out, each month by the version with which it began. For an open account they are those that have fallen due by now.
func (w *tenancyWorld) wantCharges(a *knownAccount, now time.Time) map[string]money.Minor {
	out := map[string]money.Minor{}
	today := dayOf(now, w.zone)
	last := today
	if !a.isOpen() {
		closed := dayOf(a.closed, w.zone)
		last = time.Date(closed.Year(), closed.Month(), closed.Day()-1, 0, 0, 0, 0, w.zone)
	}
	opened := a.opened.In(w.zone)
	for month := time.Date(opened.Year(), opened.Month(), 1, 0, 0, 0, 0, w.zone); !month.After(last); month = nextMonthOf(month, w.zone) {
		begins, first := month, 1
		if opened.After(month) {
			begins, first = opened, opened.Day()
		}
		body := a.versionAt(begins).body
		for _, f := range body.Fixed {
			end := time.Date(month.Year(), month.Month()+1, 0, 0, 0, 0, 0, time.UTC).Day()
			inAdvance := a.isOpen() && f.Per == tariff.PerMonth && !w.policy.Daily
			if !inAdvance && nextMonthOf(month, w.zone).After(last) {
				end = last.Day()
			}
			if sum := chargeOf(body, f, month, first, end); sum > 0 {
				out[f.Name+" "+month.Format(localday.MonthForm)] = sum
			}
		}
	}
	return out
}

// isFormer reports whether a charge was taken over from another account.
func isFormer(ref string) bool { return strings.HasPrefix(ref, registry.FormerCharge) }
