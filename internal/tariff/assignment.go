package tariff

import (
	"slices"
	"time"

	"github.com/paywatt/paywatt/internal/id"
)

// Assignment says which tariff prices an account from a moment on.
type Assignment struct {
	Tariff id.ID
	From   time.Time
}

// Assignments are the tariffs that an account got after the one with which it was opened, in the order in which they begin. Of two that begin at
// one moment, the one that was decided later comes last and counts. The list is empty for an account that was never changed.
//
// Sales, readings, fixed charges and everything that is shown take the tariff of an account from this list.
type Assignments []Assignment

// At returns the tariff that prices an account at a moment. The parameter first is the tariff with which the account was opened.
func (l Assignments) At(first id.ID, at time.Time) id.ID {
	return l.findCurrent(first, at).Tariff
}

// Since returns the moment from which the tariff of At prices the account; zero if the account was opened with it.
func (l Assignments) Since(at time.Time) time.Time {
	return l.findCurrent(id.ID{}, at).From
}

// Next returns the first assignment that begins after a moment; false if there is none.
func (l Assignments) Next(at time.Time) (Assignment, bool) {
	i := slices.IndexFunc(l, func(a Assignment) bool { return a.From.After(at) })
	if i < 0 {
		return Assignment{}, false
	}
	for i+1 < len(l) && l[i+1].From.Equal(l[i].From) {
		i++
	}
	return l[i], true
}

// findCurrent returns the assignment that holds at a moment. Before all of them, that is the first tariff without a beginning.
func (l Assignments) findCurrent(first id.ID, at time.Time) Assignment {
	out := Assignment{Tariff: first}
	for _, a := range l {
		if a.From.After(at) {
			break
		}
		out = a
	}
	return out
}

// Versions returns the versions that price an account, in the order in which they begin to do so: EffectiveFrom is the moment from which a version
// prices this account, which is later than its own beginning if the account got the tariff later. The function of returns all versions of
// one tariff in the order in which they begin.
func (l Assignments) Versions(first id.ID, of func(tariff id.ID) ([]Version, error)) ([]Version, error) {
	if len(l) == 0 {
		return of(first)
	}
	var out []Version
	all := append(Assignments{{Tariff: first}}, l...)
	for i, a := range all {
		versions, err := of(a.Tariff)
		if err != nil {
			return nil, err
		}
		var until time.Time
		if i+1 < len(all) {
			until = all[i+1].From
		}
		out = append(out, selectVersions(versions, a.From, until)...)
	}
	return out, nil
}

// selectVersions returns the versions that are in force in a part of time. The first of them begins no earlier than the part.
// A zero time has no limit.
func selectVersions(versions []Version, from, until time.Time) (out []Version) {
	if !until.IsZero() && !until.After(from) {
		return nil
	}
	for _, v := range versions {
		if !until.IsZero() && !v.EffectiveFrom.Before(until) {
			break
		}
		if !v.EffectiveFrom.After(from) {
			v.EffectiveFrom, out = from, nil // it replaces those that began before it
		}
		out = append(out, v)
	}
	return out
}

// VersionAt finds the version of a tariff in force at a moment.
type VersionAt func(tariff id.ID, at time.Time) (Version, bool, error)

// InForce returns the version that prices an account at a moment. Its EffectiveFrom is the moment from which it does so.
func (l Assignments) InForce(first id.ID, at time.Time, find VersionAt) (Version, bool, error) {
	held := l.findCurrent(first, at)
	v, found, err := find(held.Tariff, at)
	if err == nil && found && held.From.After(v.EffectiveFrom) {
		v.EffectiveFrom = held.From
	}
	return v, found, err
}
