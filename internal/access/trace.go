package access

import (
	"strings"

	"github.com/paywatt/paywatt/internal/id"
)

// Trace is what a row keeps of an actor, to judge later whether the same person may be behind another actor.
type Trace struct {
	Name   string // what [Actor.String] returned
	Self   id.ID  // what [Self] returned
	Vendor id.ID  // whose vendor the actor was; zero for the utility
}

// TraceOf returns what a row keeps of an actor.
func TraceOf(a Actor) Trace { return Trace{a.String(), a.self(), a.Vendor} }

// actor returns the actor as far as a trace knows it.
func (t Trace) actor() Actor {
	kind, name, _ := strings.Cut(t.Name, " ")
	return Actor{Kind: Kind(kind), Name: name, ID: t.Self, Vendor: t.Vendor}
}

// Apart reports whether an actor is certainly another person.
func (t Trace) Apart(tx EyesTx, a Actor) (bool, error) { return Apart(tx, t.actor(), a) }

// Left reports whether an actor left the trace: the same person, with whatever key, or somebody of the same vendor.
func (t Trace) Left(a Actor) bool {
	if !t.Vendor.IsZero() || !a.Vendor.IsZero() {
		return t.Vendor == a.Vendor
	}
	return sameActor(t.actor(), a)
}

// AnybodyBehind reports whether nobody can say who is behind an actor: a key that belongs to nobody, or an account that somebody unknown gave away.
func AnybodyBehind(tx EyesTx, a Actor) (bool, error) {
	of, err := holdersOf(tx, a)
	return of.unknown, err
}
