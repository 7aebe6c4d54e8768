package registry

import (
	"slices"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/refuse"
)

// maxUsual is the greatest number of usual tariffs in the settings.
const maxUsual = 20

// TariffChoice is the choice of a tariff for one meter. Tariffs stand in it by name: a name is unique and never changes.
type TariffChoice struct {
	Next   string
	Before string   // the tariff of the meter's last customer; empty for a new meter
	Usual  []string // what the settings list
	Only   bool     // the utility has no other tariff
}

// Alone reports whether one person may choose the tariff. A meter that had a tariff keeps it. A new meter gets the utility's only tariff, or
// a usual one. How many meters have a tariff counts for nothing, because one person could add meters to change that.
func (c TariffChoice) Alone() bool {
	if c.Before != "" {
		return c.Next == c.Before
	}
	return c.Only || slices.Contains(c.Usual, c.Next)
}

// choose reads what the choice of a tariff depends on. The parameter before is zero for a new meter.
func choose(tx Tx, next, before id.ID) (c TariffChoice, err error) {
	if c.Next, _, err = tx.Tariffs().TariffName(next); err != nil {
		return c, err
	}
	if !before.IsZero() {
		c.Before, _, err = tx.Tariffs().TariffName(before)
		return c, err
	}
	s, err := tx.TenantSettings()
	if err != nil {
		return c, err
	}
	all, err := tx.Tariffs().TariffsInForce(time.Time{}, id.ID{}, 2)
	c.Usual, c.Only = s.UsualTariffs, len(all) == 1
	return c, err
}

// priceOf is the dearest price of a tariff now, as an approver reads it; empty if the tariff has no version yet.
func (r *Registry) priceOf(tx Tx, of id.ID) (access.Value, error) {
	v, found, err := tx.Tariffs().TariffVersionAt(of, r.c.Now())
	if err != nil || !found {
		return access.Value{}, err
	}
	return access.Costs(v.Body.Dearest(), v.Body.Currency), nil
}

// usualTariffs checks a list of usual tariffs and returns their names, each once.
func usualTariffs(tx Tx, list []string) (names []string, no refusal.Refusal, err error) {
	if len(list) > maxUsual {
		return nil, refuse.UsualTariffsTooMany(maxUsual), nil
	}
	for _, text := range list {
		i, no, err := findTariff(tx, text, refusal.TariffMissing)
		if err != nil || no.Refused() {
			return nil, no, err
		}
		name, _, err := tx.Tariffs().TariffName(i)
		if err != nil {
			return nil, no, err
		}
		names = append(names, name)
	}
	slices.Sort(names)
	return slices.Compact(names), no, nil
}
