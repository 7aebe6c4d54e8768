package access

import (
	"context"
	"strings"

	"github.com/paywatt/paywatt/internal/fault"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/refuse"
)

// ConfirmRefusal is the reason why an actor cannot confirm a person; the zero ConfirmRefusal if the actor can.
type ConfirmRefusal struct{ refusal.Refusal }

// ShownPerson is a person, with what somebody needs to know who decides about the account.
type ShownPerson struct {
	refusal.Refusal
	Person PersonRow
	Emails map[string]string // e-mail addresses of the people in [PersonRow.CountsAs], by id
	Why    ConfirmRefusal
}

// Person returns one person, by id or e-mail address. Everybody may look at their own account. Those who may confirm people may look at every
// account, so that they see whom they confirm.
func (a *Access) Person(ctx context.Context, by Actor, who string) (ShownPerson, error) {
	out, err := Look(ctx, a.c.Door, by.Tenant, func(tx Tx) (ShownPerson, error) {
		p, found, err := lookPerson(tx, who)
		if err != nil {
			return ShownPerson{}, err
		}
		own := found && by.self() == p.ID
		if no := by.needsPeople(); !own && !by.confirms() && no.Refused() {
			return ShownPerson{Refusal: no}, nil
		}
		if !found {
			return ShownPerson{Refusal: refuse.PersonNotFound(refusal.Echo(who))}, nil
		}
		no, err := confirmableNow(tx, by, p)
		if err != nil {
			return ShownPerson{}, err
		}
		emails, err := emailsOf(tx, []PersonRow{p})
		return ShownPerson{Person: p, Emails: emails, Why: ConfirmRefusal{no}}, err
	})
	return out, fault.Wrap(err, "show a person")
}

// ToConfirm lists up to max people whom the actor may confirm, in the order in which they were added. It lists nobody for an actor who may
// confirm nobody.
func (a *Access) ToConfirm(ctx context.Context, by Actor, max int) (People, error) {
	if !by.confirms() {
		return People{}, nil
	}
	out, err := Look(ctx, a.c.Door, by.Tenant, func(tx Tx) (out People, err error) {
		all, err := tx.People().PersonPage(id.ID{}, maxPeople)
		if err != nil {
			return People{}, err
		}
		for _, p := range all {
			if p.confirmed() {
				continue
			}
			no, err := confirmable(tx, by, p)
			if err != nil {
				return People{}, err
			}
			if no.Refused() {
				continue
			}
			if len(out.Data) == max {
				out.Last = out.Data[max-1].ID
				break
			}
			out.Data = append(out.Data, p)
		}
		out.Emails, err = emailsOf(tx, out.Data)
		return out, err
	})
	return out, fault.Wrap(err, "list people to confirm")
}

// confirms reports whether the actor's role may confirm people.
func (a Actor) confirms() bool { return a.Role.approves() && a.OfUtility() }

// emailsOf returns the e-mail addresses of those who may be behind some people, by id.
func emailsOf(tx Tx, people []PersonRow) (map[string]string, error) {
	out := map[string]string{}
	for _, p := range people {
		for _, who := range strings.Fields(p.CountsAs) {
			i, err := id.Parse(id.Person, who)
			if _, known := out[who]; known || err != nil {
				continue // somebody unknown has no address
			}
			o, found, err := tx.PersonByID(i)
			if err != nil {
				return nil, err
			}
			if found {
				out[who] = o.Email
			}
		}
	}
	return out, nil
}
