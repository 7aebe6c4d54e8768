package access

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/paywatt/paywatt/internal/fault"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/refuse"
)

// Limits of people.
const (
	LinkLife  = 24 * time.Hour // how long a one-time link works
	maxPeople = 1000           // people of a tenant, with those who are blocked
)

// NewPerson is a person to invite.
type NewPerson struct {
	Email  string
	Name   string
	Role   Role
	Vendor id.ID // whose float the person sells from; zero for a person of the utility
}

// Changed is a person after a change.
type Changed struct {
	refusal.Refusal
	Person PersonRow
	Link   Secret // the one-time link of an invitation or a reset; shown only once
}

// Invite adds a person who sets a password with a one-time link (right: people.manage). For the four-eyes rule, the person counts as the
// inviter until another approver confirms them. Only the first approver of a tenant needs no confirmation.
func (a *Access) Invite(ctx context.Context, by Actor, n NewPerson) (Changed, error) {
	if no := by.needsPeople(); no.Refused() {
		return Changed{Refusal: no}, nil
	}
	p := PersonRow{Email: CanonicalEmail(n.Email), Name: strings.TrimSpace(n.Name), Role: n.Role, Vendor: n.Vendor, CreatedAt: a.c.Now()}
	if no := p.check(); no.Refused() {
		return Changed{Refusal: no}, nil
	}
	link, err := a.newLink(&p)
	if err != nil {
		return Changed{}, fmt.Errorf("invite: %w", err)
	}
	out, err := Through(ctx, a.c.Door, by.Tenant, func(tx Tx) (Changed, error) {
		if no, err := MayShow(tx, by, SecretInvitation); err != nil || no.Refused() {
			return Changed{Refusal: no}, err
		}
		row := p
		all, no, err := mayInvite(tx, row)
		if err != nil || no.Refused() {
			return Changed{Refusal: no}, err
		}
		if slices.ContainsFunc(all, func(p PersonRow) bool { return p.Role.approves() }) || !row.Role.approves() {
			who, err := giverOf(tx, by)
			if err != nil {
				return Changed{}, err
			}
			row.CountsAs = who.add(row)
		}
		if row.ID, err = tx.NewID(); err != nil {
			return Changed{}, err
		}
		if err := tx.People().AddPersonRow(row); err != nil {
			return Changed{}, err
		}
		e := by.Entry("person.invite", row.ID.Text(id.Person))
		e.After = row.summary()
		return Changed{Person: row, Link: link}, tx.AuditLog(e)
	})
	return out, fault.Wrap(err, "invite")
}

// needsPeople refuses an actor who may not manage people: without the right, or of a vendor.
func (a Actor) needsPeople() refusal.Refusal {
	if no := a.Needs(ManagePeople); no.Refused() || a.OfUtility() {
		return no
	}
	return refuse.RightMissing(string(a.Role), string(ManagePeople))
}

// mayInvite returns all people, or the refusal of one more.
func mayInvite(tx Tx, p PersonRow) ([]PersonRow, refusal.Refusal, error) {
	if !p.Vendor.IsZero() {
		if ok, err := tx.VendorExists(p.Vendor); err != nil || !ok {
			return nil, refuse.PersonVendorNotFound(p.Vendor.Text(id.Vendor)), err
		}
	}
	if _, found, err := tx.PersonByEmail(p.Email); err != nil || found {
		return nil, refuse.EmailTaken(refusal.Echo(p.Email)), err
	}
	all, err := tx.People().PersonPage(id.ID{}, maxPeople)
	if err == nil && len(all) == maxPeople {
		return nil, refuse.PeopleTooMany(maxPeople), nil
	}
	return all, refusal.Refusal{}, err
}

// newLink opens a new one-time link, which replaces an earlier one.
func (a *Access) newLink(p *PersonRow) (Secret, error) {
	link, err := NewSecret("", a.c.Rand)
	p.Link, p.LinkUntil = StoredForm(a.c.Hasher, formLink, link), Stored(a.c.Now()).Add(LinkLife)
	return link, err
}

// ChangeRole gives a person another role (right: people.manage), and ends the person's sessions. A person who gains rights counts as the
// one who gave them, until another approver confirms the person.
func (a *Access) ChangeRole(ctx context.Context, by Actor, who string, role Role, vendor id.ID) (Changed, error) {
	return a.change(ctx, by, who, "person.role", func(tx Tx, self holders, p *PersonRow) (refusal.Refusal, error) {
		was := p.Role
		p.Role, p.Vendor = role, vendor
		if no := p.check(); no.Refused() {
			return no, nil
		}
		if !vendor.IsZero() {
			if ok, err := tx.VendorExists(vendor); err != nil || !ok {
				return refuse.PersonVendorNotFound(vendor.Text(id.Vendor)), err
			}
		}
		if was.covers(role) {
			return refusal.Refusal{}, nil
		}
		p.CountsAs = self.add(*p)
		return MayGiveRights(tx, by)
	})
}

// Block ends a person's sessions and API keys at once (right: people.manage). It is not an error if the person is blocked already.
func (a *Access) Block(ctx context.Context, by Actor, who string) (Changed, error) {
	return a.change(ctx, by, who, "person.block", func(_ Tx, _ holders, p *PersonRow) (refusal.Refusal, error) {
		p.Blocked, p.Link, p.LinkUntil = true, [32]byte{}, time.Time{}
		return refusal.Refusal{}, nil
	})
}

// Unblock lets a blocked person sign in again (right: people.manage). The person counts as the one who did it, until another approver
// confirms them.
func (a *Access) Unblock(ctx context.Context, by Actor, who string) (Changed, error) {
	return a.change(ctx, by, who, "person.unblock", func(tx Tx, self holders, p *PersonRow) (refusal.Refusal, error) {
		if p.Blocked {
			p.Blocked, p.CountsAs = false, self.add(*p)
		}
		return MayGiveRights(tx, by)
	})
}

// Reset makes a person's password and second factor invalid, ends the person's sessions, and returns a new one-time link (right: people.manage). The person
// counts as the one who did it, until another approver confirms them.
func (a *Access) Reset(ctx context.Context, by Actor, who string) (Changed, error) {
	var link Secret
	out, err := a.change(ctx, by, who, "person.reset", func(tx Tx, self holders, p *PersonRow) (refusal.Refusal, error) {
		if p.Blocked {
			return refuse.PersonBlocked(p.Email), nil
		}
		if no, err := MayShow(tx, by, SecretInvitation); err != nil || no.Refused() {
			return no, err
		}
		var err error
		p.Password, p.Factor, p.CountsAs = "", Factor{}, self.add(*p)
		link, err = a.newLink(p)
		return refusal.Refusal{}, err
	})
	if err == nil && !out.Refused() {
		out.Link = link
	}
	return out, err
}

// change does what all changes of a person have in common: it checks the right, keeps an owner who can sign in, remembers where two people
// could approve before and after, ends the sessions, and writes the audit row. The parameter who is an id or an e-mail address.
func (a *Access) change(ctx context.Context, by Actor, who, action string, fn func(Tx, holders, *PersonRow) (refusal.Refusal, error)) (Changed, error) {
	if no := by.needsPeople(); no.Refused() {
		return Changed{Refusal: no}, nil
	}
	out, err := Through(ctx, a.c.Door, by.Tenant, func(tx Tx) (Changed, error) {
		was, found, err := findPerson(tx, who)
		if err != nil || !found {
			return Changed{Refusal: refuse.PersonNotFound(refusal.Echo(who))}, err
		}
		if was.Forged {
			return Changed{Refusal: refuse.PersonForged(was.Email)}, nil
		}
		self, err := giverOf(tx, by)
		if err != nil {
			return Changed{}, err
		}
		all, err := tx.People().PersonPage(id.ID{}, maxPeople)
		if err != nil {
			return Changed{}, err
		}
		if err := bind(tx, by, all); err != nil {
			return Changed{}, err
		}
		p := was
		if no, err := fn(tx, self, &p); err != nil || no.Refused() {
			return Changed{Refusal: no}, err
		}
		if was.owns() && !p.owns() && !slices.ContainsFunc(all, func(o PersonRow) bool { return o.ID != p.ID && o.owns() }) {
			return Changed{Refusal: refuse.LastOwner(p.Email)}, nil
		}
		return Changed{Person: p}, a.put(tx, by, action, was, p, true)
	})
	return out, fault.Wrap(err, "%s", action)
}

// put writes a changed person. If the parameter out is set, the person's counter devices are revoked, and then the sessions end.
func (a *Access) put(tx Tx, by Actor, action string, was, p PersonRow, out bool) error {
	if err := tx.People().PutPerson(p); err != nil {
		return err
	}
	if out {
		now := a.c.Now()
		if err := revokeDevicesOf(tx, by, p, now, action); err != nil {
			return err
		}
		if err := tx.DropLoginsOf(p.ID, now, now, 0); err != nil {
			return err
		}
	}
	all, err := tx.People().PersonPage(id.ID{}, maxPeople)
	if err != nil {
		return err
	}
	if err := bind(tx, by, all); err != nil {
		return err
	}
	e := by.Entry(action, p.ID.Text(id.Person))
	e.Before, e.After = was.summary(), p.summary()
	e.SinglePerson = action == "person.confirm" && by.Kind == System
	return tx.AuditLog(e)
}

// Confirm says that an account is in the hands of its person, so that it counts as that person alone. Another approver does it, or somebody
// at the server's command line. The daily report shows confirmations from the command line.
func (a *Access) Confirm(ctx context.Context, by Actor, who string) (Changed, error) {
	if by.Kind != System && !by.confirms() {
		return Changed{Refusal: refuse.PersonNotFound(refusal.Echo(who))}, nil
	}
	out, err := Through(ctx, a.c.Door, by.Tenant, func(tx Tx) (Changed, error) {
		was, found, err := findPerson(tx, who)
		if err != nil || !found {
			return Changed{Refusal: refuse.PersonNotFound(refusal.Echo(who))}, err
		}
		if was.confirmed() && !was.Forged {
			return Changed{Person: was}, nil
		}
		if no, err := MayGiveRights(tx, by); err != nil || no.Refused() {
			return Changed{Refusal: no}, err
		}
		if no, err := confirmableNow(tx, by, was); err != nil || no.Refused() {
			return Changed{Refusal: no}, err
		}
		p := was
		p.CountsAs, p.ConfirmedAt = "", Stored(a.c.Now())
		return Changed{Person: p}, a.put(tx, by, "person.confirm", was, p, false)
	})
	return out, fault.Wrap(err, "confirm a person")
}

// confirmable is the refusal of a confirmation of a person by an actor who may not give it. At the server's command line everybody is trusted.
func confirmable(tx Tx, by Actor, p PersonRow) (refusal.Refusal, error) {
	switch {
	case p.Forged:
		return refuse.PersonForged(p.Email), nil
	case p.Blocked:
		return refuse.PersonBlocked(p.Email), nil
	case p.Password == "":
		return refuse.PersonWithoutPassword(p.Email), nil
	case by.Kind == System:
		return refusal.Refusal{}, nil
	}
	return mayConfirm(tx, by, p)
}

// confirmableNow is the refusal of a confirmation at this moment: like an approval, it needs a fresh proof of identity.
func confirmableNow(tx Tx, by Actor, p PersonRow) (refusal.Refusal, error) {
	no, err := confirmable(tx, by, p)
	if err == nil && !no.Refused() && by.Stale {
		no = refuse.ProofTooOld(int64(ProofFresh / time.Minute))
	}
	return no, err
}

// mayConfirm refuses a confirmation by somebody who is not confirmed, or who may be behind the account.
func mayConfirm(tx Tx, by Actor, p PersonRow) (refusal.Refusal, error) {
	c, found, err := behind(tx, by)
	switch {
	case err != nil:
		return refusal.Refusal{}, err
	case !found || !c.confirmed() || !c.Role.approves():
		return refuse.ConfirmerNotApprover(), nil
	case c.holders().meet(p.holders()):
		return refuse.ConfirmerInvolved(p.Email), nil
	}
	return refusal.Refusal{}, nil
}

// Accept sets the password of a person with a one-time link, which works only once. It ends the person's sessions. Hashing is slow, so
// callers must bound how many run at once.
func (a *Access) Accept(ctx context.Context, t Tenant, link string, password Secret, ip string) (Changed, error) {
	known, err := a.Invited(ctx, t, link)
	if err != nil || known.Refused() {
		return known, err
	}
	if no := CheckPassword(password.Reveal()); no.Refused() {
		return Changed{Refusal: no}, nil
	}
	encoded, err := HashPassword(password.Reveal(), a.c.Argon, a.c.Rand)
	if err != nil {
		return Changed{}, fmt.Errorf("accept an invitation: %w", err)
	}
	out, err := Through(ctx, a.c.Door, t, func(tx Tx) (Changed, error) {
		was, found, err := tx.People().LockPerson(known.Person.ID)
		if err != nil || !found || was.Link != known.Person.Link || !was.invited(a.c.Now()) {
			return Changed{Refusal: refuse.LinkNotValid()}, err
		}
		p := was
		p.Password, p.Link, p.LinkUntil = encoded, [32]byte{}, time.Time{}
		by := p.actor(t)
		by.IP = ip
		return Changed{Person: p}, a.put(tx, by, "person.accept", was, p, true)
	})
	return out, fault.Wrap(err, "accept an invitation")
}

// Invited returns the person of an open one-time link, or the refusal. The refusal does not say why the link does not work.
func (a *Access) Invited(ctx context.Context, t Tenant, link string) (Changed, error) {
	out, err := Look(ctx, a.c.Door, t, func(tx Tx) (Changed, error) {
		var p PersonRow
		var found bool
		var err error
		for _, form := range StoredForms(a.c.Hasher, formLink, SecretOf(link)) {
			if p, found, err = tx.People().PersonByLink(form); found || err != nil {
				break
			}
		}
		if err != nil || !found || !p.invited(a.c.Now()) {
			return Changed{Refusal: refuse.LinkNotValid()}, err
		}
		return Changed{Person: p}, nil
	})
	return out, fault.Wrap(err, "look up a link")
}

// People is a list of people.
type People struct {
	refusal.Refusal
	Data   []PersonRow
	Emails map[string]string // e-mail addresses of those in [PersonRow.CountsAs], by id
	Last   id.ID             // the last person of the page; zero if there are no more
}

// People lists up to max people after the given one (zero: from the first), in the order in which they were added (right: people.manage).
func (a *Access) People(ctx context.Context, by Actor, after id.ID, max int) (People, error) {
	if no := by.needsPeople(); no.Refused() {
		return People{Refusal: no}, nil
	}
	out, err := Look(ctx, a.c.Door, by.Tenant, func(tx Tx) (People, error) {
		data, err := tx.People().PersonPage(after, max+1)
		if err != nil {
			return People{}, err
		}
		out := People{Data: data}
		if len(data) > max {
			out.Data, out.Last = data[:max], data[max-1].ID
		}
		out.Emails, err = emailsOf(tx, out.Data)
		return out, err
	})
	return out, fault.Wrap(err, "list people")
}

// findPerson finds and locks a person by id or by e-mail address.
func findPerson(tx Tx, who string) (PersonRow, bool, error) {
	i, err := id.Parse(id.Person, who)
	if err != nil {
		p, found, err := tx.PersonByEmail(CanonicalEmail(who))
		if err != nil || !found {
			return p, found, err
		}
		i = p.ID
	}
	return tx.People().LockPerson(i)
}
