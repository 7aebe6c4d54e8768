package registry

import (
	"context"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/fault"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/refuse"
	"github.com/paywatt/paywatt/internal/tariff"
)

// MaxVersions is the largest number of versions of one tariff: one a week for twenty years.
const MaxVersions = 1000

// listVersions names the list for the cursors of TariffVersions; the tariff's identity follows the name.
const listVersions = "tariff-versions:"

// TariffVersions is one page of the versions of a tariff, the newest first.
type TariffVersions struct {
	refusal.Refusal
	Data  []tariff.Version
	Force id.ID     // identity of the version in force now; zero if no version has begun
	At    time.Time // server time at which Force was looked up
	Next  string    // cursor of the next page; empty on the last page
}

// Standing returns the state of a version: "in force", "to come" or "past".
func (t TariffVersions) Standing(v tariff.Version) string {
	switch {
	case v.ID == t.Force:
		return "in force"
	case v.EffectiveFrom.After(t.At):
		return "to come"
	}
	return "past"
}

// TariffVersions lists the versions of a tariff. The caller names the tariff by its name or id.
func (r *Registry) TariffVersions(ctx context.Context, by access.Actor, name string, p Page) (TariffVersions, error) {
	if no := by.Needs(access.ReadTariffs); no.Refused() {
		return TariffVersions{Refusal: no}, nil
	}
	now := r.c.Now()
	out, err := access.Look(ctx, r.c.Door, by.Tenant, func(tx Tx) (TariffVersions, error) {
		t, no, err := findTariff(tx, name, refusal.NotFound)
		if err != nil || no.Refused() {
			return TariffVersions{Refusal: no}, err
		}
		list := listVersions + t.Text(id.Tariff)
		before, max, no := p.Read(r.c.Sealer, by.Tenant, list)
		if no.Refused() {
			return TariffVersions{Refusal: no}, nil
		}
		rows, err := tx.Tariffs().TariffVersions(t, before, max+1)
		if err != nil {
			return TariffVersions{}, err
		}
		out := TariffVersions{At: now}
		out.Data, out.Next = Cut(rows, max, r.c.Sealer, by.Tenant, list, func(v tariff.Version) id.ID { return v.ID })
		force, found, err := tx.Tariffs().TariffVersionAt(t, now)
		if found {
			out.Force = force.ID
		}
		return out, err
	})
	return out, fault.Wrap(err, "list versions of a tariff")
}

// NewVersion is a version of a tariff to be published.
type NewVersion struct {
	Tariff        string // name or identity of a tariff
	Body          tariff.Body
	EffectiveFrom time.Time // zero for at once
}

// AddVersion publishes a further version of a tariff. It is in force from its start until the start of the next version. The
// present version stays in force until then and never changes. Two versions cannot begin at the same moment.
func (r *Registry) AddVersion(ctx context.Context, by access.Actor, n NewVersion) (AddedTariff, error) {
	no := by.Needs(access.WriteTariffs)
	w := changeRequest{Tariff: n.Tariff, Body: n.Body.Document(), EffectiveFrom: n.EffectiveFrom}
	if !no.Refused() {
		no = n.Body.Validate()
	}
	if !no.Refused() {
		n.EffectiveFrom, no = begins(n.EffectiveFrom, r.moment())
	}
	if no.Refused() {
		return AddedTariff{Refusal: no}, nil
	}
	out, err := access.Through(ctx, r.c.Door, by.Tenant, func(tx Tx) (AddedTariff, error) { return r.addVersion(tx, by, n, w) })
	return out, fault.Wrap(err, "publish a version of tariff %q", n.Tariff)
}

func (r *Registry) addVersion(tx Tx, by access.Actor, n NewVersion, w changeRequest) (AddedTariff, error) {
	var no refusal.Refusal
	var err error
	v := tariff.Version{EffectiveFrom: n.EffectiveFrom, Body: n.Body}
	if v.TariffID, no, err = findTariff(tx, n.Tariff, refusal.NotFound); err != nil || no.Refused() {
		return AddedTariff{Refusal: no}, err
	}
	if no, err = fixCurrency(tx, n.Body.Currency); err != nil || no.Refused() {
		return AddedTariff{Refusal: no}, err
	}
	if no, err = r.fits(tx, &v); err != nil || no.Refused() {
		return AddedTariff{Refusal: no}, err
	}
	eyes, err := r.eyes(tx, by, w, v.TariffID)
	if err != nil || eyes.Refused() || eyes.Waits != nil {
		return AddedTariff{Refusal: eyes.Refusal, Waits: eyes.Waits}, err
	}
	if v.ID, err = tx.NewID(); err != nil {
		return AddedTariff{}, err
	}
	if err := tx.Tariffs().AddTariffVersion(v, by.String()); err != nil {
		return AddedTariff{}, err
	}
	return AddedTariff{Version: v}, published(tx, by, v, eyes)
}

// fits checks a version against the other versions of its tariff and against the meters that use the tariff. It also
// numbers the version.
func (r *Registry) fits(tx Tx, v *tariff.Version) (refusal.Refusal, error) {
	others, err := tx.Tariffs().TariffVersions(v.TariffID, id.ID{}, MaxVersions)
	if err != nil {
		return refusal.Refusal{}, err
	}
	if len(others) >= MaxVersions {
		return refuse.TariffVersionsFull(others[0].Name, MaxVersions), nil
	}
	for _, o := range others {
		if v.Name, v.N = o.Name, max(v.N, o.N); o.EffectiveFrom.Equal(v.EffectiveFrom) {
			return refuse.TariffVersionsCollide(int64(o.N), o.EffectiveFrom), nil
		}
	}
	v.N++
	if !v.Body.ForTokens().Refused() {
		return refusal.Refusal{}, nil
	}
	selling, err := tx.Tariffs().TariffSellsTokens(v.TariffID)
	if err != nil || !selling {
		return refusal.Refusal{}, err
	}
	return refuse.TariffSellsTokens(v.Name), nil
}

// forTokens refuses a tariff for a token meter if its present version or a later one cannot price a token. The refusal names
// the tariff as the request did.
func forTokens(tx Tx, t id.ID, name string, now time.Time) (refusal.Refusal, error) {
	all, err := tx.Tariffs().TariffVersions(t, id.ID{}, MaxVersions)
	if err != nil {
		return refusal.Refusal{}, err
	}
	force, found, err := tx.Tariffs().TariffVersionAt(t, now)
	if err != nil {
		return refusal.Refusal{}, err
	}
	for _, v := range all {
		if found && v.EffectiveFrom.Before(force.EffectiveFrom) {
			continue // this version is past
		}
		if v.Body.ForTokens().Refused() {
			return refuse.TariffWithoutTokens(name), nil
		}
	}
	return refusal.Refusal{}, nil
}
