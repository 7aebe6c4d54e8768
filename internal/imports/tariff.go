package imports

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/localday"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/refuse"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/sheet"
)

// tariffRow is another tariff for one meter.
type tariffRow struct {
	Meter, Tariff, Reason string
	From                  string // a local date, or a moment with its offset; empty for at once
}

// listReason is the reason of a row that gives none.
const listReason = "imported from a list"

// tariffEntry reads a row of another tariff. Two rows of a file must not be about one meter: nobody could say which of them comes first.
func tariffEntry(cells map[string]string, f file) entry {
	number, no := registry.Canonical(registry.WithLostZero(cells["number"]))
	if no.Refused() {
		return entry{Refusal: f.in("number", no)}
	}
	if cells["tariff"] == "" {
		return entry{Refusal: refuse.ImportValueMissing("tariff")}
	}
	t := tariffRow{Meter: number, Tariff: cells["tariff"], From: cells["from"], Reason: cmp.Or(cells["reason"], listReason)}
	if _, err := time.Parse(time.RFC3339, t.From); err != nil {
		date, no := sheet.Date(t.From)
		if no.Refused() {
			return entry{Refusal: f.in("from", refuse.ImportMomentInvalid(refusal.Echo(t.From)))}
		}
		t.From = date
	}
	return entry{tariff: t, same: strings.Join([]string{t.Meter, t.Tariff, t.From}, "\x00"), about: t.Meter}
}

// parseBeginning returns the moment that a row names; zero for at once. A date begins with its local day.
func (t tariffRow) parseBeginning(tz string) (time.Time, error) {
	if t.From == "" {
		return time.Time{}, nil
	}
	if at, err := time.Parse(time.RFC3339, t.From); err == nil {
		return at, nil
	}
	zone, err := localday.LoadZone(tz)
	if err != nil {
		return time.Time{}, fmt.Errorf("time zone of the tenant: %w", err)
	}
	return localday.Parse(t.From, zone)
}

// changeTariff gives the account of a meter another tariff.
func (s *Imports) changeTariff(tx Tx, by access.Actor, e entry) (attempt, error) {
	settings, err := tx.Registering().TenantSettings()
	if err != nil {
		return attempt{}, err
	}
	from, err := e.tariff.parseBeginning(settings.TZ)
	if err != nil {
		return attempt{}, err
	}
	change := registry.ChangingTariff{Tariff: e.tariff.Tariff, From: from, Reason: e.tariff.Reason}
	done, err := s.c.Registry.ChangeTariffIn(tx.Registering(), by, e.tariff.Meter, change)
	if err == nil && done.Waits != nil {
		done.Refusal = refuse.ImportTariffSecondPerson()
	}
	return attempt{Refusal: done.Refusal, line: Line{Object: done.Change.ID}}, err
}
