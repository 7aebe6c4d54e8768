package wallet

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/paywatt/paywatt/internal/localday"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/tariff"
	"github.com/paywatt/paywatt/unit"
	"github.com/paywatt/paywatt/wire"
)

// Terms are the conditions by which a reading is rated.
type Terms struct {
	Zone      *time.Location
	Simulated bool // the meter lives in its own time: the server's clock does not apply to it
	Phases    int
	// Versions are the versions of the tariff in the order in which they begin. Energy from before the first one is priced by the first
	// one, so that no energy is free.
	Versions []tariff.Version
}

// Taken is the result of one reading.
type Taken struct {
	Debit     money.Minor
	Units     unit.Energy
	Days      []DayUse    // use of each local day
	Estimated bool        // the energy was shared over changes of price by time alone
	Drawn     *HeldEnergy // energy held while the relay was open, now that it has closed
}

// DayUse is what a meter used on one local day.
type DayUse struct {
	Day       string // "2026-11-20"
	Units     unit.Energy
	Debit     money.Minor
	Estimated unit.Energy // part of Units that was attributed to the day or to a rate by time alone
}

// MeterDays is a meter's use on some local days. No day comes twice.
type MeterDays struct {
	Meter int64
	Days  []DayUse
}

// Limits of the energy that a meter can have measured.
const (
	// MaxPerPhase is the assumed power of one phase of a meter if no other limit is known: 100 A at 230 V.
	MaxPerPhase unit.Power = 23_000
	// A reading is compared with the energy that the meter's highest power gives in the time since the reading rated last. It may exceed
	// that energy by a fifth. All readings together may exceed it by 1 kWh more (docs/reference/quarantine.md).
	leewayNum, leewayDen = 12, 10
	leeway               = unit.KilowattHour
)

// errPrice means that the tariff has no version at all, which the registration of a meter prevents.
var errPrice = errors.New("the tariff has no version")

// dateForm is the layout of local dates.
const dateForm = time.DateOnly

// Take rates a reading: the rise of the register since the reading rated last, priced at the versions of the tariff that were in force
// meanwhile. Energy across a change of version, a local midnight or a change of price is shared by time, with the sum up to each change
// rounded down. The debits of a meter sum to the floor of its exact cost, whatever the pattern of its readings.
//
// The first reading only begins the rating. A reading that cannot be true stops rating: Take returns the reading in Held, and nothing is
// rated until a person has decided ([Accept], [Rebase]). A reading that is not newer than the reading rated last changes nothing. A meter
// that was replaced is charged up to its closing register and no further, whatever it still reports.
func Take(s State, r Reading, t Terms) (State, Taken) {
	switch {
	case s.Closed():
		s.Memory, s.Seq, s.Up = r.Memory, r.Seq, r.Up
		return s, Taken{}
	case s.Held.Stopped() && s.Held.Reason != HoldOpen, r.Memory == s.Memory && s.Started && r.Seq <= s.Seq:
		return s, Taken{}
	case s.Held.Stopped():
		drawn := s.goOn(r, t)
		if drawn == nil {
			return s, Taken{}
		}
		next, out := Take(s, r, t)
		out.Drawn = drawn
		return next, out
	case !s.Started && t.Simulated && r.Clock == wire.ClockInvalid:
		return s, Taken{} // rating has no time yet at which it could begin
	case !s.Started && s.isFromBefore(r, t):
		return s, Taken{} // what was counted by then was nobody's, or the last customer's
	case !s.Started:
		s.begin(r, t)
		return s, Taken{}
	}
	to := s.until(r, t)
	reason := s.doubt(r, to, t)
	if reason == "" {
		next, out, err := s.rate(r, to, t)
		if err == nil {
			next.Ahead = s.energyBeyond(r, to, t)
			return next, out
		}
		reason = HoldPrice
	}
	if reason == HoldOpen {
		s.Ahead = s.energyBeyond(r, to, t)
		s.At, s.Seq, s.Up, s.OpenFrom = to, r.Seq, r.Up, r.Register
	}
	s.Held = Held{Reason: reason, Memory: r.Memory, Seq: r.Seq, Register: r.Register, At: r.At, Up: r.Up, Clock: r.Clock, Since: r.ReceivedAt}
	return s, Taken{}
}

// begin sets the register without charging for it.
func (s *State) begin(r Reading, t Terms) {
	at := s.until(r, t)
	s.Memory, s.Seq, s.Started, s.Register, s.Base, s.At, s.Up = r.Memory, r.Seq, true, r.Register, r.Register-s.Total(), at, r.Up
	s.PostedTo, s.Open, s.OpenFrom, s.Ahead = at, r.Open, r.Register, 0
}

// mostKept is how long a meter keeps readings that it could not send.
const mostKept = 90 * 24 * time.Hour

// isFromBefore reports whether a reading is from before the move-in. A server whose clock has been set back since does not know that, and a meter
// whose clock still says so when it can have no such reading any more has a wrong clock: both are charged from now on.
func (s State) isFromBefore(r Reading, t Terms) bool {
	return s.until(r, t).Before(s.PostedTo) && !NotYet(s.PostedTo, r.ReceivedAt) && r.ReceivedAt.Sub(s.PostedTo) <= mostKept
}

// until returns the time up to which a reading is rated. That is the reading's own time, but never before the time already rated. If the
// meter is not simulated, it is never after the server's time. If the meter's clock is not set, the server's time counts. For a simulated
// meter without a clock it is the time already rated plus the time for which the meter was switched on since.
func (s State) until(r Reading, t Terms) time.Time {
	at := r.At
	if r.Clock == wire.ClockInvalid {
		at = r.ReceivedAt
		if t.Simulated {
			at = s.At.Add(s.ran(r))
		}
	}
	if !t.Simulated && at.After(r.ReceivedAt) {
		at = r.ReceivedAt
	}
	if s.Started && at.Before(s.At) {
		at = s.At
	}
	return at.UTC().Truncate(time.Microsecond)
}

// ran returns how long the meter was switched on since the reading rated last, as far as the uptime of one boot shows it.
func (s State) ran(r Reading) time.Duration {
	if r.Up <= s.Up {
		return 0
	}
	return ranSince(r.Up - s.Up)
}

// ranSince converts a time of operation from milliseconds, and returns 0 for an impossible one.
func ranSince(ms uint64) time.Duration {
	if ms > uint64(tariff.MaxSpan.Milliseconds()) {
		return 0
	}
	return time.Duration(ms) * time.Millisecond
}

// doubt returns why a reading cannot be true, or an empty reason.
func (s State) doubt(r Reading, to time.Time, t Terms) HoldReason {
	switch {
	case r.Register < s.Register:
		return HoldRegress
	case to.Sub(s.At) > tariff.MaxSpan:
		return HoldSpan
	}
	if s.energyBeyond(r, to, t) > leeway {
		return HoldImplausible
	}
	if s.drawn(r) {
		return HoldOpen
	}
	return ""
}

// energyBeyond returns the energy that a reading and those before it have beyond what the meter can have measured in the time. Time without such
// energy takes it back, so it is never negative.
func (s State) energyBeyond(r Reading, to time.Time, t Terms) unit.Energy {
	elapsed := to.Sub(s.At)
	if elapsed == 0 { // the clock was put back, or is not set
		if elapsed = s.ran(r); elapsed == 0 && !t.Simulated && NotYet(s.At, r.ReceivedAt) {
			elapsed = ranSince(r.Up) // the meter restarted, so the time of the reading before does not matter
		}
	}
	// The first product is at most that of 400 days at the largest power, which fits 63 bits.
	most := int64(s.Most(t.Phases)) * leewayNum
	possible := (int64(elapsed/time.Second)*most + int64(elapsed%time.Second/time.Millisecond)*most/1000) / (leewayDen * 3600)
	step := r.Register - s.Register
	if step > unit.Energy(possible)+leeway { // also for a step so large that no sum with it fits
		return step - unit.Energy(possible)
	}
	return max(s.Ahead+step-unit.Energy(possible), 0)
}

// Most returns the highest power that a meter with this number of phases can measure.
func (s State) Most(phases int) unit.Power {
	if s.MaxW != 0 {
		return s.MaxW
	}
	return MaxPerPhase * unit.Power(max(phases, 1))
}

// priceInterval is a part of the time between two readings in which only the tariff's own rates change.
type priceInterval struct {
	from, to time.Time
	units    unit.Energy
	version  *tariff.Version
}

// rate prices an accepted reading.
func (s State) rate(r Reading, to time.Time, t Terms) (State, Taken, error) {
	units := r.Register - s.Register
	if len(t.Versions) == 0 {
		return s, Taken{}, errPrice
	}
	parts, err := stretches(s.At, to, units, t.Versions, t.Zone)
	if err != nil {
		return s, Taken{}, err
	}
	next, out := s, Taken{Units: units}
	next.Parts = slices.Clone(s.Parts)
	debits := make([]money.Minor, len(parts))
	var last tariff.Part
	for i, p := range parts {
		var rated tariff.Rated
		next.RatingState, rated, err = p.version.Body.Rate(next.RatingState, t.Zone, tariff.Use{From: p.from, To: p.to, Units: p.units})
		if err != nil {
			return s, Taken{}, fmt.Errorf("rate %d Wh from %s to %s: %w", p.units, p.from, p.to, err)
		}
		if len(rated.Parts) > 0 {
			changed := i > 0 && (p.version.ID != parts[i-1].version.ID || last != (tariff.Part{}) && !sameRate(last, rated.Parts[0]))
			out.Estimated = out.Estimated || rated.Estimated || changed
			last = rated.Parts[len(rated.Parts)-1]
		}
		debits[i] = rated.Debit
		next.accrue(p, rated)
	}
	// If energy is attributed to one price by time alone, the energy left for the other prices is an estimate too. A midnight within one
	// price matters only if there was no reading for a day: a meter that reports every half hour has no estimated days.
	guessed := out.Estimated || len(parts) > 1 && to.Sub(s.At) >= 24*time.Hour
	for i, p := range parts {
		out.add(p, debits[i], guessed, t.Zone)
	}
	next.follow(r)
	next.Memory, next.Seq, next.Register, next.At, next.Up = r.Memory, r.Seq, r.Register, to, r.Up
	return next, out, nil
}

func sameRate(a, b tariff.Part) bool { return a.Name == b.Name && a.Rate == b.Rate }

// add adds the use of a day.
func (t *Taken) add(p priceInterval, debit money.Minor, guessed bool, zone *time.Location) {
	t.Debit += debit
	if p.units == 0 && debit == 0 {
		return
	}
	d := DayUse{Day: p.from.In(zone).Format(dateForm), Units: p.units, Debit: debit}
	if guessed {
		d.Estimated = p.units
	}
	t.Days = AddDay(t.Days, d)
}

// AddDay adds use to its day.
func AddDay(days []DayUse, d DayUse) []DayUse {
	for i := range days {
		if days[i].Day == d.Day {
			days[i].Units += d.Units
			days[i].Debit += d.Debit
			days[i].Estimated += d.Estimated
			return days
		}
	}
	return append(days, d)
}

// accrue adds rated use to the amount that waits to be posted.
func (s *State) accrue(p priceInterval, rated tariff.Rated) {
	s.Accrued += rated.Debit
	s.Debited += rated.Debit
	if rated.Debit == 0 && len(rated.Parts) == 0 {
		return
	}
	at := slices.IndexFunc(s.Parts, func(o Part) bool { return o.Version == p.version.ID })
	if at < 0 {
		s.Parts = append(s.Parts, Part{Version: p.version.ID})
		at = len(s.Parts) - 1
	}
	to := &s.Parts[at]
	to.Debit += rated.Debit
	to.Parts = slices.Clone(to.Parts)
	for _, u := range rated.Parts {
		if i := slices.IndexFunc(to.Parts, func(o tariff.Part) bool { return sameRate(o, u) }); i >= 0 {
			to.Parts[i].Units += u.Units
		} else {
			to.Parts = append(to.Parts, u)
		}
	}
}

// stretches shares energy over the local days and the versions of the tariff between two times, by time. The sum up to each change is
// rounded down, and the last part gets the rest.
func stretches(from, to time.Time, units unit.Energy, versions []tariff.Version, zone *time.Location) ([]priceInterval, error) {
	var out []priceInterval
	whole := int64(to.Sub(from))
	var given unit.Energy
	for at := from; ; {
		v, next := inForce(versions, at, to)
		if midnight := localday.Next(at.In(zone)); midnight.Before(next) {
			next = midnight
		}
		share := units
		if next.Before(to) {
			part, err := money.MulDiv(int64(units), int64(next.Sub(from)), whole, money.Floor)
			if err != nil {
				return nil, fmt.Errorf("share %d Wh by time: %w", units, err)
			}
			share = unit.Energy(part)
		}
		out = append(out, priceInterval{from: at, to: next, units: share - given, version: v})
		if given = share; !next.Before(to) {
			return out, nil
		}
		if !next.After(at) {
			return nil, fmt.Errorf("%w: no day begins after %s", tariff.ErrUse, at)
		}
		at = next
	}
}

// inForce returns the version in force at a time, and the time at which that version or the given interval ends. Before the first version
// begins, it returns the first version, so that no energy is free.
func inForce(versions []tariff.Version, at, to time.Time) (*tariff.Version, time.Time) {
	v := &versions[0]
	for i := 1; i < len(versions); i++ {
		next := &versions[i]
		if next.EffectiveFrom.After(at) {
			return v, earlier(next.EffectiveFrom, to)
		}
		v = next
	}
	return v, to
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}
