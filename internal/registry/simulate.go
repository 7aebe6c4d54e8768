package registry

import (
	"context"
	"fmt"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/fault"
	"github.com/paywatt/paywatt/internal/localday"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/refuse"
	"github.com/paywatt/paywatt/internal/tariff"
	"github.com/paywatt/paywatt/unit"
)

// Limits of a simulation.
const (
	MaxSimulated       = 100_000 // largest number of months to replay, added up over all accounts
	MaxSimulatedMonths = 36
	DefaultRises       = 10
)

// Simulation is a request to compute the effects of a draft tariff. Nothing is stored.
type Simulation struct {
	Tariff string // the present tariff, by name or identity
	Draft  tariff.Body
	Rises  int // number of the biggest rises to list; 0 for DefaultRises

	// Purchase, if set, is priced on the present tariff and on the draft.
	Purchase *tariff.Purchase // Body is ignored
	// Uses are the months to replay. If the list is empty and From is set, the stored months are replayed instead, from the month
	// From to the month To ("2026-01").
	Uses     []tariff.MonthUse
	From, To string
}

// Simulated holds the effects of a draft tariff, or a refusal.
type Simulated struct {
	refusal.Refusal
	Present    tariff.Version
	Currency   money.Currency
	Now, Draft *tariff.Allocation // prices of the purchase; each may be a refusal
	Comparison *tariff.Comparison // the replayed use on both tariffs
}

// Simulate compares a draft with the version of a tariff that is in force now. It prices a purchase and replays consumption
// on both. The server does not know the consumption of token meters, so it uses the energy that their accounts bought in a
// month.
func (r *Registry) Simulate(ctx context.Context, by access.Actor, s Simulation) (Simulated, error) {
	no := by.Needs(access.ReadTariffs)
	if !no.Refused() {
		no = s.check(by)
	}
	if no.Refused() {
		return Simulated{Refusal: no}, nil
	}
	now := r.c.Now()
	read, err := access.Look(ctx, r.c.Door, by.Tenant, func(tx Tx) (simulating, error) { return s.read(tx, now) })
	if err == nil && !read.out.Refused() {
		s.Uses = read.uses
		err = s.replay(&read.out, read.tz)
	}
	return read.out, fault.Wrap(err, "simulate on tariff %q", s.Tariff)
}

// simulating holds the data that a simulation reads from the store.
type simulating struct {
	out  Simulated
	uses []tariff.MonthUse
	tz   string
}

func (s Simulation) check(by access.Actor) refusal.Refusal {
	if no := s.Draft.Validate(); no.Refused() {
		return refuse.SimulationNotRun(no)
	}
	if len(s.Uses) > MaxSimulated || s.Rises < 0 || s.Rises > tariff.MaxRises {
		return refuse.SimulationTooLarge(MaxSimulated, tariff.MaxRises)
	}
	if p := s.Purchase; p != nil && (p.Tender < 0 || p.Tender > money.MaxMinor || p.Carry < 0 || p.Carry > money.MaxMinor ||
		p.Month < 0 || p.Month > tariff.MaxUpTo || p.Month%unit.Quantum != 0) {
		return refuse.SimulatedPurchaseInvalid(int64(unit.Quantum))
	}
	for _, u := range s.Uses {
		if _, err := time.Parse(tariff.MonthForm, u.Month); err != nil || u.Units < 0 || u.Units > tariff.MaxUpTo {
			return refuse.SimulatedUseInvalid(refusal.Echo(u.Meter), int64(u.Units), refusal.Echo(u.Month), int64(tariff.MaxUpTo))
		}
	}
	if s.From == "" && s.To == "" {
		return refusal.Refusal{}
	}
	from, err := time.Parse(tariff.MonthForm, s.From)
	to, wrong := time.Parse(tariff.MonthForm, s.To)
	if err != nil || wrong != nil || to.Before(from) || to.After(from.AddDate(0, MaxSimulatedMonths-1, 0)) {
		return refuse.SimulatedMonthsInvalid(refusal.Echo(s.From), refusal.Echo(s.To), MaxSimulatedMonths)
	}
	if no := by.Needs(access.ReadVends); no.Refused() {
		return no
	}
	if !by.OfUtility() { // a simulation shows the purchases of all customers, from every seller
		return refuse.SimulationByVendor()
	}
	return refusal.Refusal{}
}

// read finds the present version, and the consumption in the store if the request asks for it.
func (s Simulation) read(tx Tx, now time.Time) (simulating, error) {
	stop := func(r refusal.Refusal) simulating { return simulating{out: Simulated{Refusal: r}} }
	t, no, err := findTariff(tx, s.Tariff, refusal.TariffMissing)
	if err != nil || no.Refused() {
		return stop(no), err
	}
	present, found, err := tx.Tariffs().TariffVersionAt(t, now)
	if err != nil {
		return simulating{}, err
	}
	if !found {
		return stop(refuse.SimulatedTariffNotBegun(s.Tariff)), nil
	}
	if present.Body.Currency != s.Draft.Currency {
		return stop(refuse.SimulatedCurrencyDiffers(s.Draft.Currency, s.Tariff, present.Body.Currency)), nil
	}
	out := simulating{uses: s.Uses}
	if len(s.Uses) == 0 && s.From != "" {
		if out.uses, err = tx.Tariffs().TariffUses(t, s.From, s.To, MaxSimulated+1); err != nil {
			return simulating{}, err
		}
		if len(out.uses) > MaxSimulated {
			return stop(refuse.SimulatedMonthsTooMany(s.From, s.To, MaxSimulated)), nil
		}
	}
	settings, err := tx.TenantSettings()
	cur, _ := money.CurrencyOf(present.Body.Currency)
	out.tz, out.out = settings.TZ, Simulated{Present: present, Currency: cur}
	return out, err
}

// replay computes the prices of the purchase and compares the two tariffs. It runs outside the transaction, because it may take a while.
func (s Simulation) replay(out *Simulated, tz string) error {
	zone, err := localday.LoadZone(tz)
	if err != nil {
		return fmt.Errorf("time zone of the tenant: %w", err)
	}
	if s.Purchase != nil {
		for body, a := range map[*tariff.Body]**tariff.Allocation{&out.Present.Body: &out.Now, &s.Draft: &out.Draft} {
			p := *s.Purchase
			p.Body = *body
			split, err := tariff.Allocate(p)
			if err != nil {
				return err
			}
			*a = &split
		}
	}
	if len(s.Uses) == 0 && s.From == "" {
		return nil
	}
	rises := s.Rises
	if rises == 0 {
		rises = DefaultRises
	}
	c, err := tariff.Compare(out.Present.Body, s.Draft, s.Uses, zone, rises)
	out.Comparison = &c
	return err
}
