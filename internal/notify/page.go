package notify

import (
	"context"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/fault"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/pagelink"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/refuse"
	"github.com/paywatt/paywatt/internal/registry"
)

// Pages knows the addresses of customers' pages; a *pagelink.Links does.
type Pages interface {
	// Public reports whether customers can reach pages.
	Public() bool
	// Address returns the address of the page of the account that a meter supplies; empty if there is none, or if the account is another
	// customer's.
	Address(tx pagelink.RowTx, meter int64, customer id.ID) (access.Secret, error)
}

// page answers with the address of the customer's page. The address itself is added when the answer is sent, so that no row has it.
func (d *Dispatcher) page(tx Tx, q question) error {
	if !d.pagesShown() {
		return d.reply(tx, q, PurposePageNone, q.args)
	}
	return d.reply(tx, q, PurposePage, q.args)
}

func (d *Dispatcher) pagesShown() bool { return d.c.Pages != nil && d.c.Pages.Public() }

// pageFor returns the address of the page that a message brings, or that may follow its text; empty for none. While tokens wait because the
// number was changed, the address waits too.
func (d *Dispatcher) pageFor(tx Tx, m Message, now time.Time) (access.Secret, error) {
	if !d.pagesShown() || m.Purpose != PurposePage && !m.Purpose.tellsSale() {
		return access.Secret{}, nil
	}
	if until, err := numberHeld(tx, m, now); err != nil || until.After(now) {
		return access.Secret{}, err
	}
	address, err := d.c.Pages.Address(tx.PageLinks(), m.Meter, m.Customer)
	if len(address.Reveal()) > MaxPage {
		return access.Secret{}, err
	}
	return address, err
}

// SendPage sends a customer the address of their page (right: message.send). It goes to the customer's registered telephone only.
func (d *Dispatcher) SendPage(ctx context.Context, by access.Actor, meter string) (QueuedMessages, error) {
	if no := by.Needs(access.SendMessages); no.Refused() {
		return QueuedMessages{Refusal: no}, nil
	}
	if no := d.checkRoute(""); no.Refused() {
		return QueuedMessages{Refusal: no}, nil
	}
	if !d.pagesShown() {
		return QueuedMessages{Refusal: refuse.PageLinkWithoutAddress()}, nil
	}
	out, err := access.Through(ctx, d.c.Door, by.Tenant, func(tx Tx) (QueuedMessages, error) { return d.sendPage(tx, by, meter) })
	if err == nil && !out.Refused() {
		d.Kick()
	}
	return out, fault.Wrap(err, "send the page of meter %s", refusal.Echo(meter))
}

func (d *Dispatcher) sendPage(tx Tx, by access.Actor, meter string) (QueuedMessages, error) {
	m, no, err := registry.MeterNamed(tx.Recipients().Meters(), meter)
	if err != nil || no.Refused() {
		return QueuedMessages{Refusal: no}, err
	}
	to, found, err := tx.Recipients().NoticeTo(m.Number)
	switch {
	case err != nil:
		return QueuedMessages{}, err
	case !found:
		return QueuedMessages{Refusal: refuse.PageLinkWithoutAccount(m.Number)}, nil
	case to.Phone == "":
		return QueuedMessages{Refusal: refuse.MessageWithoutPhone()}, nil
	}
	eyes, err := access.SecondPerson(tx.Outcomes().Eyes(), by, access.ActRequest{Act: access.ActText, Takes: access.Takes{Amount: 1}}, d.c.Now())
	if err != nil || eyes.Refused() {
		return QueuedMessages{Refusal: eyes.Refusal}, err
	}
	q, err := Queue(tx, Draft{Purpose: PurposePage, By: by.String(), Phone: to.Phone, Lang: to.Lang, Customer: to.Customer, Meter: m.N, Number: m.Number,
		Args: Args{Meter: m.Number, Test: m.Simulated, Utility: to.Utility, Contact: to.Contact}}, d.c.Now())
	if err != nil {
		return QueuedMessages{}, err
	}
	e := by.Entry("message.order", q.ID.Text(id.Message))
	e.After = "purpose=" + string(q.Purpose) + " meter=" + q.Number
	return QueuedMessages{Messages: []Message{q}}, tx.Outcomes().AuditLog(eyes.Mark(e))
}

// Resend sends the tokens of a meter's last sale to the customer's registered telephone once more, as the word LAST does. The customer asks
// for it on their own page. It returns false if there is no telephone or no route.
func (d *Dispatcher) Resend(ctx context.Context, t access.Tenant, meter string) (bool, error) {
	if customers, _ := d.Serves(); !customers {
		return false, nil
	}
	sent := false
	err := d.c.Door.Do(ctx, t, func(tx Tx) (bool, error) {
		to, found, err := tx.Recipients().NoticeTo(meter)
		if err != nil || !found || to.Phone == "" || to.Wallet {
			return false, err
		}
		s, err := tx.Recipients().TenantSettings()
		if err != nil {
			return false, err
		}
		_, zone, err := tx.QuietHours()
		if err != nil {
			return false, err
		}
		q := question{in: Message{Phone: to.Phone, Customer: to.Customer}, zone: zone, about: to.Subscription,
			args: Args{Utility: s.Name, Contact: s.Receipt.Contact, Currency: s.Currency, Meter: to.Number, Test: to.Simulated}}
		q.lang, _ = LanguageOf(to.Lang)
		sent = true
		return false, d.last(tx, q)
	})
	if err == nil && sent {
		d.Kick()
	}
	return sent, fault.Wrap(err, "send the last token of meter %s again", meter)
}
