package registry

import (
	"context"
	"slices"
	"strconv"
	"strings"
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

	all []tariff.Version // of every page: whether a version begins depends on the others
}

// Standing returns the state of a version: "in force", "to come", "past", or why it never begins: "replaced", "withdrawn" or "withdrawal".
func (t TariffVersions) Standing(v tariff.Version) string {
	withdraws := func(o tariff.Version) bool { return o.Withdraws == v.N }
	switch {
	case v.ID == t.Force:
		return "in force"
	case v.Withdraws != 0:
		return "withdrawal"
	case slices.ContainsFunc(t.all, withdraws):
		return "withdrawn"
	case !v.Begins(t.all):
		return "replaced"
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
		if err != nil {
			return out, err
		}
		out.all, err = tx.Tariffs().TariffVersions(t, id.ID{}, MaxVersions)
		return out, err
	})
	return out, fault.Wrap(err, "list versions of a tariff")
}

// NewVersion is a version of a tariff to be published.
type NewVersion struct {
	Tariff        string // name or identity of a tariff
	Body          tariff.Body
	EffectiveFrom time.Time // zero for at once, and for the time of the version that this one replaces
	// Replaces is the number of a version whose place this one takes, from that one's beginning on; 0 for none. If it has begun, this is a
	// correction: only its fixed charges may be smaller. What they charged is charged anew, and customers get back what they paid too much.
	Replaces int
	// Withdraws means that the version which Replaces names is taken back: whatever price holds before its moment goes on, and Body counts for
	// nothing.
	Withdraws bool
	Reason    string // why a version is withdrawn; it may be empty

	corrects bool // the version that Replaces names has begun
}

// maxVersionReason is the greatest length of the reason of a withdrawal, in characters.
const maxVersionReason = 120

// AddVersion publishes a further version of a tariff. It is in force from its start until the start of the next version. The
// present version stays in force until then and never changes. Two versions cannot begin at the same moment: the second replaces the first, or the
// first is withdrawn.
func (r *Registry) AddVersion(ctx context.Context, by access.Actor, n NewVersion) (AddedTariff, error) {
	n.Reason = strings.TrimSpace(n.Reason)
	no := by.Needs(access.WriteTariffs)
	switch {
	case no.Refused():
	case !text(n.Reason, maxVersionReason):
		no = refuse.ChangeWithoutReason(maxVersionReason)
	case !n.Withdraws:
		no = n.Body.Validate()
	}
	if no.Refused() {
		return AddedTariff{Refusal: no}, nil
	}
	out, err := access.Through(ctx, r.c.Door, by.Tenant, func(tx Tx) (AddedTariff, error) { return r.addVersion(tx, by, n) })
	return out, fault.Wrap(err, "publish a version of tariff %q", n.Tariff)
}

func (r *Registry) addVersion(tx Tx, by access.Actor, n NewVersion) (AddedTariff, error) {
	now := r.moment()
	of, no, err := findTariff(tx, n.Tariff, refusal.NotFound)
	if err != nil || no.Refused() {
		return AddedTariff{Refusal: no}, err
	}
	all, err := tx.Tariffs().TariffVersions(of, id.ID{}, MaxVersions)
	if err != nil {
		return AddedTariff{}, err
	}
	if n.Replaces != 0 || n.Withdraws {
		if no, err = n.takePlace(tx, of, all, now); err != nil || no.Refused() {
			return AddedTariff{Refusal: no}, err
		}
	}
	w := changeRequest{Tariff: n.Tariff, Body: n.Body.Document(), EffectiveFrom: n.EffectiveFrom, Replaces: n.Replaces, Withdraws: n.Withdraws,
		Reason: n.Reason, Corrects: n.corrects}
	v := tariff.Version{TariffID: of, Body: n.Body}
	if n.Withdraws {
		v.Withdraws = n.Replaces
	}
	if v.EffectiveFrom = n.EffectiveFrom; !n.corrects {
		v.EffectiveFrom, no = begins(n.EffectiveFrom, now)
	}
	if no.Refused() {
		return AddedTariff{Refusal: no}, nil
	}
	if no, err = fixCurrency(tx, n.Body.Currency); err != nil || no.Refused() {
		return AddedTariff{Refusal: no}, err
	}
	if no, err = n.checkFit(tx, all, &v); err != nil || no.Refused() {
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
	return AddedTariff{Version: v}, auditVersion(tx, by, v, n, eyes)
}

// Corrected is a version as it would correct another one, and the versions whose place it would take, newest first.
type Corrected struct {
	refusal.Refusal
	Version tariff.Version
	Earlier []tariff.Version
	Early   bool // refused because that version has not begun, so that it is replaced and not corrected
}

// CheckCorrection returns a version that would correct the charges of one that has begun, or why it may not (right: tariff.write). It publishes
// nothing.
func (r *Registry) CheckCorrection(ctx context.Context, by access.Actor, n NewVersion) (Corrected, error) {
	no := by.Needs(access.WriteTariffs)
	if !no.Refused() {
		no = n.Body.Validate()
	}
	if no.Refused() {
		return Corrected{Refusal: no}, nil
	}
	out, err := access.Look(ctx, r.c.Door, by.Tenant, func(tx Tx) (Corrected, error) {
		n := n
		of, no, err := findTariff(tx, n.Tariff, refusal.NotFound)
		if err != nil || no.Refused() {
			return Corrected{Refusal: no}, err
		}
		all, err := tx.Tariffs().TariffVersions(of, id.ID{}, MaxVersions)
		if err != nil {
			return Corrected{}, err
		}
		if no, err = n.takePlace(tx, of, all, r.moment()); err != nil || no.Refused() {
			return Corrected{Refusal: no}, err
		}
		if !n.corrects {
			return Corrected{Refusal: refuse.TariffVersionNotBegun(int64(n.Replaces), n.EffectiveFrom), Early: true}, nil
		}
		out := Corrected{Version: tariff.Version{TariffID: of, Name: all[0].Name, N: all[0].N + 1, EffectiveFrom: n.EffectiveFrom, Body: n.Body}}
		for _, v := range all {
			if v.EffectiveFrom.Equal(n.EffectiveFrom) && v.Withdraws == 0 {
				out.Earlier = append(out.Earlier, v)
			}
		}
		return out, nil
	})
	return out, fault.Wrap(err, "check a correction of tariff %q", n.Tariff)
}

// replaceBefore is how long before its beginning a version can be replaced. A sale that is priced when it begins must not know another version than
// the one that is stored at last.
const replaceBefore = time.Minute

// takePlace fills in when the version begins that replaces another one and, if that one is withdrawn, which price goes on now.
func (n *NewVersion) takePlace(tx Tx, of id.ID, all []tariff.Version, now time.Time) (refusal.Refusal, error) {
	at := slices.IndexFunc(all, func(v tariff.Version) bool { return v.N == n.Replaces })
	if at < 0 {
		return refuse.TariffVersionNotFound(refusal.Echo(n.Tariff), int64(n.Replaces)), nil
	}
	old := all[at]
	n.corrects = !old.EffectiveFrom.After(now) && !n.Withdraws
	newest, _ := tariff.NewestAt(all, old.EffectiveFrom)
	switch {
	case !n.corrects && !old.EffectiveFrom.After(now.Add(replaceBefore)):
		return refuse.TariffVersionHasBegun(int64(old.N), old.EffectiveFrom), nil
	case newest.Withdraws != 0:
		return refuse.TariffVersionWithdrawn(strconv.Itoa(newest.N), old.EffectiveFrom), nil
	case newest.N != old.N:
		return refuse.TariffVersionReplaced(strconv.Itoa(newest.N), int64(old.N)), nil
	case !n.EffectiveFrom.IsZero() && !n.EffectiveFrom.Equal(old.EffectiveFrom):
		return refuse.TariffReplacesAtOtherTime(int64(old.N), old.EffectiveFrom), nil
	}
	n.EffectiveFrom = old.EffectiveFrom
	switch {
	case n.corrects:
		return n.Body.Corrects(old)
	case !n.Withdraws:
		return refusal.Refusal{}, nil
	}
	before, found, err := tx.Tariffs().TariffVersionAt(of, old.EffectiveFrom.Add(-time.Microsecond)) // the store keeps microseconds
	if err != nil || !found {
		return refuse.TariffVersionIsFirst(int64(old.N)), err
	}
	n.Body = before.Body
	return refusal.Refusal{}, nil
}

// checkFit checks a version against the other versions of its tariff and against the meters that use the tariff. It also
// numbers the version.
func (n NewVersion) checkFit(tx Tx, others []tariff.Version, v *tariff.Version) (refusal.Refusal, error) {
	if len(others) >= MaxVersions {
		return refuse.TariffVersionsFull(others[0].Name, MaxVersions), nil
	}
	for _, o := range others {
		if v.Name, v.N = o.Name, max(v.N, o.N); n.Replaces == 0 && o.EffectiveFrom.Equal(v.EffectiveFrom) && o.Begins(others) {
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
		if found && v.EffectiveFrom.Before(force.EffectiveFrom) || !v.Begins(all) {
			continue // this version is past, or never begins
		}
		if v.Body.ForTokens().Refused() {
			return refuse.TariffWithoutTokens(name), nil
		}
	}
	return refusal.Refusal{}, nil
}
