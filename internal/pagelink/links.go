package pagelink

import (
	"context"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/fault"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/refuse"
	"github.com/paywatt/paywatt/internal/registry"
)

// Tx is the part of a transaction that links need.
type Tx interface {
	Meters() registry.MeterLookup
	Eyes() access.EyesTx
	PageLinks() RowTx
	AuditLog(access.Entry) error
}

// Config has the parts of Links. All but PublicURL are required.
type Config struct {
	Maker
	Door access.Door[Tx]
	// PublicURL is the address under which customers reach the server; empty if it is not known.
	PublicURL string
}

// Links carries out what people and visitors do with links.
type Links struct{ c Config }

// New makes a Links.
func New(c Config) *Links { return &Links{c} }

// View is the newest link of a meter's account as people see it.
type View struct {
	refusal.Refusal
	Meter string
	Link  Link  // zero if the account never had one
	State State // empty without a link
	// Address is the address of the page, or its path without a public address. Only [Links.Make] fills it, for those who may see it.
	Address access.Secret
}

// Request asks for a link.
type Request struct {
	Meter string
	Show  bool // show the address to whoever asks
}

// Make returns the link of the account that a meter supplies, and makes one if there is none that works for a while (right: message.send). Only
// somebody who may see digits and change customers is shown the address, because it shows the digits of tokens to come.
func (ls *Links) Make(ctx context.Context, by access.Actor, w Request) (View, error) {
	no := by.Needs(access.SendMessages)
	if w.Show {
		no = firstOf(by.Needs(access.WriteCustomers), by.Needs(access.ShowTokens), no)
	}
	return ls.change(ctx, by, w.Meter, no, func(tx Tx, a Account, v View) (View, error) {
		if w.Show {
			if no, err := access.MayShow(tx.Eyes(), by, access.SecretCustomerLink); err != nil || no.Refused() {
				return View{Refusal: no}, err
			}
		}
		eyes, err := access.SecondPerson(tx.Eyes(), by, access.ActRequest{Act: access.ActLinkMake, Object: a.ID.Text(id.Account)}, ls.c.Now())
		if err != nil || eyes.Refused() {
			return View{Refusal: eyes.Refusal}, err
		}
		var chars access.Secret
		if v.Link, chars, err = ls.c.Give(tx.PageLinks(), a.ID, by); err != nil {
			return View{}, err
		}
		v.State = v.Link.State(ls.c.Now())
		if !w.Show {
			return v, nil
		}
		v.Address = address(ls.c.PublicURL, chars)
		e := by.Entry(string(access.ActLinkShow), a.ID.Text(id.Account))
		e.At, e.After = ls.c.Now(), "link="+v.Link.ID.Text(id.PageLink)
		return v, tx.AuditLog(e)
	})
}

// Pay returns the address of the page on which somebody pays for a meter and sees nothing of its account (right: message.send). It makes a link if
// the account has none that works.
func (ls *Links) Pay(ctx context.Context, by access.Actor, meter string) (View, error) {
	return ls.change(ctx, by, meter, by.Needs(access.SendMessages), func(tx Tx, a Account, v View) (View, error) {
		eyes, err := access.SecondPerson(tx.Eyes(), by, access.ActRequest{Act: access.ActLinkMake, Object: a.ID.Text(id.Account)}, ls.c.Now())
		if err != nil || eyes.Refused() {
			return View{Refusal: eyes.Refusal}, err
		}
		var chars access.Secret
		if v.Link, chars, err = ls.c.Give(tx.PageLinks(), a.ID, by); err != nil {
			return View{}, err
		}
		v.State, v.Address = v.Link.State(ls.c.Now()), access.SecretOf(address(ls.c.PublicURL, access.SecretOf(payChars(chars.Reveal()))).Reveal()+PayPath)
		return v, nil
	})
}

// Revoke ends all links of the account that a meter supplies (right: message.send).
func (ls *Links) Revoke(ctx context.Context, by access.Actor, meter string) (View, error) {
	return ls.change(ctx, by, meter, by.Needs(access.SendMessages), func(tx Tx, a Account, v View) (View, error) {
		now := ls.c.Now()
		eyes, err := access.SecondPerson(tx.Eyes(), by, access.ActRequest{Act: access.ActLinkRevoke, Object: a.ID.Text(id.Account)}, now)
		if err != nil || eyes.Refused() {
			return View{Refusal: eyes.Refusal}, err
		}
		links, err := tx.PageLinks().LinksOf(a.ID, maxLinks)
		if err != nil {
			return View{}, err
		}
		ended := ""
		for i, l := range links {
			if l.State(now) == Live {
				if err := tx.PageLinks().RevokeLink(l.ID, now, by.String()); err != nil {
					return View{}, err
				}
				links[i].RevokedAt, links[i].RevokedBy, ended = now, by.String(), ended+" "+l.ID.Text(id.PageLink)
			}
		}
		if v = v.newest(links, now); ended == "" {
			return v, nil
		}
		e := by.Entry(string(access.ActLinkRevoke), a.ID.Text(id.Account))
		e.At, e.Before = now, "links="+ended[1:]
		return v, tx.AuditLog(e)
	})
}

// Show returns the newest link of the account that a meter supplies, without its address (right: customer.read).
func (ls *Links) Show(ctx context.Context, by access.Actor, meter string) (View, error) {
	if no := by.Needs(access.ReadCustomers); no.Refused() {
		return View{Refusal: no}, nil
	}
	out, err := access.Look(ctx, ls.c.Door, by.Tenant, func(tx Tx) (View, error) {
		m, a, no, err := accountAt(tx, meter)
		if err != nil || no.Refused() {
			return View{Refusal: no}, err
		}
		links, err := tx.PageLinks().LinksOf(a.ID, 1)
		return View{Meter: m.Number}.newest(links, ls.c.Now()), err
	})
	return out, fault.Wrap(err, "show the page link of meter %s", refusal.Echo(meter))
}

// newest fills in the newest link of a list.
func (v View) newest(links []Link, now time.Time) View {
	if len(links) > 0 {
		v.Link, v.State = links[0], links[0].State(now)
	}
	return v
}

// change carries out a change of the links of a meter's account.
func (ls *Links) change(ctx context.Context, by access.Actor, meter string, no refusal.Refusal, do func(Tx, Account, View) (View, error)) (View, error) {
	if no.Refused() {
		return View{Refusal: no}, nil
	}
	if !by.OfUtility() {
		return View{Refusal: refuse.PageLinkByUtility()}, nil
	}
	out, err := access.Through(ctx, ls.c.Door, by.Tenant, func(tx Tx) (View, error) {
		m, a, no, err := accountAt(tx, meter)
		if err != nil || no.Refused() {
			return View{Refusal: no}, err
		}
		return do(tx, a, View{Meter: m.Number})
	})
	return out, fault.Wrap(err, "change the page link of meter %s", refusal.Echo(meter))
}

// accountAt finds the open account that a meter supplies.
func accountAt(tx Tx, meter string) (registry.Meter, Account, refusal.Refusal, error) {
	m, no, err := registry.MeterNamed(tx.Meters(), meter)
	if err != nil || no.Refused() {
		return m, Account{}, no, err
	}
	a, found, err := tx.PageLinks().LinkAccountOf(m.N)
	if err == nil && (!found || !a.Open) {
		no = refuse.PageLinkWithoutAccount(m.Number)
	}
	return m, a, no, err
}

// Public reports whether the server knows the address under which customers reach it.
func (ls *Links) Public() bool { return ls.c.PublicURL != "" }

// Address returns the address of the page of the account that a meter supplies, for a message to a customer. It is empty if the account is
// closed, or another customer's.
func (ls *Links) Address(tx RowTx, meter int64, customer id.ID) (access.Secret, error) {
	a, found, err := tx.LinkAccountOf(meter)
	if err != nil || !found || !a.Open || a.Customer != customer {
		return access.Secret{}, err
	}
	_, chars, err := ls.c.Give(tx, a.ID, access.Actor{Kind: access.System, Name: "messages"})
	if err != nil {
		return access.Secret{}, err
	}
	return address(ls.c.PublicURL, chars), nil
}

// Opened is the account that a link opens.
type Opened struct {
	Link     id.ID
	PaysOnly bool          // the link is for somebody else, who pays and sees nothing of the account
	Chars    string        // of the link as it was opened
	Pay      access.Secret // path of the page for somebody else who pays
	Account
}

// Open finds the account of a link; found is false for a link that is wrong, has ended or was revoked, and for one whose account is closed.
// In these cases it does the same work, one look-up by the hash, so that neither the answer nor its time says which it was.
func (ls *Links) Open(ctx context.Context, t access.Tenant, text string) (opened Opened, found bool, err error) {
	chars, _ := Parse(text) // a text that cannot be a link has a hash that no link has
	type hit struct {
		Opened
		found bool
	}
	out, err := access.Look(ctx, ls.c.Door, t, func(tx Tx) (hit, error) {
		l, found, err := tx.PageLinks().LinkByHash(hash(chars))
		if err != nil || !found || l.State(ls.c.Now()) != Live {
			return hit{}, err
		}
		genuine, paysOnly := ls.c.proves(l, chars)
		if !genuine {
			return hit{}, nil
		}
		out := Opened{Link: l.ID, PaysOnly: paysOnly, Chars: chars, Pay: access.SecretOf(Prefix + chars + PayPath)}
		if !paysOnly {
			out.Pay = access.SecretOf(Prefix + payChars(chars) + PayPath)
		}
		out.Account, found, err = tx.PageLinks().LinkAccount(l.Account)
		return hit{out, found && out.Open && len(out.Meters) > 0}, err
	})
	return out.Opened, out.found, fault.Wrap(err, "open the page of a link")
}

func firstOf(all ...refusal.Refusal) refusal.Refusal {
	for _, no := range all {
		if no.Refused() {
			return no
		}
	}
	return refusal.Refusal{}
}
