package registry

import (
	"context"
	"strings"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/fault"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/refuse"
	"github.com/paywatt/paywatt/internal/tariff"
)

// NewTariff is a tariff to be published.
type NewTariff struct {
	Name          string
	Body          tariff.Body
	EffectiveFrom time.Time // zero for at once
}

// AddedTariff is a published tariff.
type AddedTariff struct {
	refusal.Refusal
	Version tariff.Version
	Waits   *access.Approval // publishing waits for a second person; nothing was published
}

// Tariffs is one page of tariffs, each with the version in force.
type Tariffs struct {
	refusal.Refusal
	Data []tariff.Version
	Next string // cursor of the next page; empty on the last page
}

// maxAhead limits how far in the future a version may begin, because a later date is a typing error. maxBehind limits how
// far before the server's time a version may begin. Such a version begins at once. The limit allows for clocks that
// differ a little.
const (
	maxAhead  = 5 * 366 * 24 * time.Hour
	maxBehind = time.Minute
)

// AddTariff publishes the first version of a tariff. The tenant's first tariff sets the currency forever, unless the
// settings have set it. A tariff in another currency is refused. Under four eyes, publishing takes two people.
func (r *Registry) AddTariff(ctx context.Context, by access.Actor, n NewTariff) (AddedTariff, error) {
	if no := by.Needs(access.WriteTariffs); no.Refused() {
		return AddedTariff{Refusal: no}, nil
	}
	n.Name = strings.TrimSpace(n.Name)
	w := changeRequest{Name: n.Name, Body: n.Body.Document(), EffectiveFrom: n.EffectiveFrom}
	no := n.check()
	if !no.Refused() {
		n.EffectiveFrom, no = begins(n.EffectiveFrom, r.moment())
	}
	if no.Refused() {
		return AddedTariff{Refusal: no}, nil
	}
	out, err := access.Through(ctx, r.c.Door, by.Tenant, func(tx Tx) (AddedTariff, error) {
		return r.addTariff(tx, by, n, w)
	})
	return out, fault.Wrap(err, "add tariff %q", n.Name)
}

func (n NewTariff) check() refusal.Refusal {
	switch {
	case n.Name == "" || !short(n.Name):
		return refuse.TariffNameInvalid(maxShort)
	case strings.HasPrefix(strings.ToLower(n.Name), id.Tariff):
		return refuse.TariffNameLikeId(id.Tariff)
	}
	return n.Body.Validate()
}

// moment returns the present time as it is stored.
func (r *Registry) moment() time.Time { return access.Stored(r.c.Now()) }

// begins returns when a version comes into force. It refuses a time in the past: a version that begins before its publication
// would contradict the prices of earlier sales.
func begins(from, now time.Time) (time.Time, refusal.Refusal) {
	switch {
	case from.IsZero():
		return now, refusal.Refusal{}
	case from.Before(now.Add(-maxBehind)):
		return from, refuse.TariffBeginsInPast(from)
	case from.After(now.Add(maxAhead)):
		return from, refuse.TariffBeginsTooLate(from)
	case from.Before(now):
		return now, refusal.Refusal{}
	}
	return access.Stored(from), refusal.Refusal{}
}

func (r *Registry) addTariff(tx Tx, by access.Actor, n NewTariff, w changeRequest) (AddedTariff, error) {
	if no, err := fixCurrency(tx, n.Body.Currency); err != nil || no.Refused() {
		return AddedTariff{Refusal: no}, err
	}
	_, exists, err := tx.Tariffs().TariffByName(n.Name)
	if err != nil {
		return AddedTariff{}, err
	}
	if exists {
		return AddedTariff{Refusal: refuse.TariffNameTaken(n.Name)}, nil
	}
	eyes, err := r.eyes(tx, by, w, id.ID{})
	if err != nil || eyes.Refused() || eyes.Waits != nil {
		return AddedTariff{Refusal: eyes.Refusal, Waits: eyes.Waits}, err
	}
	v := tariff.Version{Name: n.Name, N: 1, EffectiveFrom: n.EffectiveFrom, Body: n.Body}
	if v.TariffID, err = tx.NewID(); err != nil {
		return AddedTariff{}, err
	}
	if v.ID, err = tx.NewID(); err != nil {
		return AddedTariff{}, err
	}
	if err := tx.Tariffs().AddTariffRow(v.TariffID, v.Name); err != nil {
		return AddedTariff{}, err
	}
	if err := tx.Tariffs().AddTariffVersion(v, by.String()); err != nil {
		return AddedTariff{}, err
	}
	return AddedTariff{Version: v}, auditVersion(tx, by, v, NewVersion{}, eyes)
}

// fixCurrency sets the tenant's currency if the tenant has none, and refuses any other currency.
func fixCurrency(tx Tx, code string) (refusal.Refusal, error) {
	c, known := money.CurrencyOf(code)
	if !known {
		return refuse.CurrencyUnknown(refusal.Echo(code)), nil
	}
	ok, err := tx.SetCurrency(c.Code, c.Exp)
	if err != nil || ok {
		return refusal.Refusal{}, err
	}
	return refuse.CurrencyNotOfTenant(c.Code), nil
}

// findTariff finds a tariff by name or id. If there is no such tariff, the refusal has the given code. The code is NotFound
// if the request is about this tariff, and TariffMissing if a meter or account needs the tariff.
func findTariff(tx Tx, text string, missing refusal.Code) (id.ID, refusal.Refusal, error) {
	found := false
	i, err := id.Parse(id.Tariff, text)
	if err == nil {
		_, found, err = tx.Tariffs().TariffName(i)
	} else {
		i, found, err = tx.Tariffs().TariffByName(text)
	}
	if err != nil || found {
		return i, refusal.Refusal{}, err
	}
	return id.ID{}, refuse.TariffNotFound(missing, refusal.Echo(text)), nil
}

// Tariffs lists the tenant's tariffs in the order they were published.
func (r *Registry) Tariffs(ctx context.Context, by access.Actor, p Page) (Tariffs, error) {
	if no := by.Needs(access.ReadTariffs); no.Refused() {
		return Tariffs{Refusal: no}, nil
	}
	after, max, no := p.Read(r.c.Sealer, by.Tenant, listTariffs)
	if no.Refused() {
		return Tariffs{Refusal: no}, nil
	}
	now := r.c.Now()
	out, err := access.Look(ctx, r.c.Door, by.Tenant, func(tx Tx) (Tariffs, error) {
		rows, err := tx.Tariffs().TariffsInForce(now, after, max+1)
		var out Tariffs
		out.Data, out.Next = Cut(rows, max, r.c.Sealer, by.Tenant, listTariffs, func(v tariff.Version) id.ID { return v.TariffID })
		return out, err
	})
	return out, fault.Wrap(err, "list tariffs")
}
