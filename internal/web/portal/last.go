package portal

import (
	"context"
	"net/http"
	"net/url"
	"time"

	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/notify"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/sale"
	"github.com/paywatt/paywatt/internal/vending"
)

// lastSale is the newest purchase, with how far it has come.
type lastSale struct {
	Amount, At, Units string
	Note              string // why there are no digits
	How               string // how to enter them
	Tokens            []string
	Steps             []step
	Resend            string // path of the form that sends the tokens again; empty if there are none to send
}

// step is a step of a purchase. At is empty while it has not happened.
type step struct {
	Name, At string
	Bad      bool
}

// last reads the newest purchase of the account.
func (p *Portal) last(ctx context.Context, v visit, s sale.Sale) (*lastSale, error) {
	l := &lastSale{Amount: v.say.Sum(s.Tender), At: v.clock(s.PricedAt)}
	switch s.State {
	case sale.Held:
		l.Note, l.Steps = v.say.PortalPending(), []step{{Name: v.say.PortalStepPaid(), At: l.At}, {Name: v.say.PortalStepMade()}}
		return l, nil
	case sale.Reversing, sale.Reversed:
		l.Note = v.say.PortalReversed()
		return l, nil
	}
	if s.Recharge() {
		l.Steps = []step{{Name: v.say.PortalStepPaid(), At: l.At}, {Name: v.say.PortalStepCredited(), At: v.clock(s.CompletedAt)}}
		return l, nil
	}
	l.Units = v.say.Energy(s.Units, 1)
	if err := p.digits(ctx, v, s, l); err != nil {
		return nil, err
	}
	return l, p.way(ctx, v, s, l)
}

// digits adds the tokens of a sale in the order of entering. The audit log records the look, once a day for each link and sale.
func (p *Portal) digits(ctx context.Context, v visit, s sale.Sale, l *lastSale) error {
	look := p.c.Vending.SaleAgain
	if p.noted.Take(lookedAt{v.opened.Link, s.ID}) {
		look = p.c.Vending.Sale
	}
	by := v.by
	by.Name += " " + v.opened.ID.Text(id.Account)
	shown, err := look(ctx, by, s.ID.Text(id.Vend))
	if err != nil || shown.Refused() {
		return err
	}
	digits := shown.Issued.Digits()
	for _, d := range []vending.Digits{digits.Change(), digits} {
		for i := range d.Len() {
			l.Tokens = append(l.Tokens, grouped(d.Reveal(i)))
		}
	}
	switch {
	case len(l.Tokens) == 0:
		l.Note = v.say.PortalWithheld()
	case len(l.Tokens) == 1:
		l.How = v.say.PortalEnter()
	default:
		l.How = v.say.PortalEnterOrder()
	}
	l.Resend = v.path("/resend", nil)
	return nil
}

// way adds how far the tokens of a sale have come: paid, made, sent, loaded. With several tokens the last one counts, because it is entered last.
func (p *Portal) way(ctx context.Context, v visit, s sale.Sale, l *lastSale) error {
	l.Steps = []step{{Name: v.say.PortalStepPaid(), At: l.At}}
	if len(s.Tokens) == 0 {
		return nil
	}
	t := s.Tokens[len(s.Tokens)-1]
	track, err := p.c.Recharges.Track(ctx, v.by, v.number, t.ID.Text(id.Token))
	if err != nil {
		return err
	}
	var sent time.Time
	for _, d := range track.Deliveries {
		sent = earliest(sent, d.Sent)
	}
	texts, err := p.c.Messages.List(ctx, v.by, notify.List{Sale: s.ID.Text(id.Vend), Page: registry.Page{Limit: shownMessages}})
	if err != nil {
		return err
	}
	for _, m := range texts.Data {
		if !m.Incoming {
			sent = earliest(sent, m.SentAt)
		}
	}
	loaded := step{Name: v.say.PortalStepLoaded()}
	switch t.State {
	case sale.TokenAccepted:
		loaded.At = v.clock(latest(track.AnsweredAt, t.IssuedAt))
	case sale.TokenHeard:
		loaded = step{Name: v.say.PortalStepHeard(), At: v.clock(track.AnsweredAt)}
	case sale.TokenRejected:
		loaded = step{Name: v.say.PortalStepRejected(), At: v.clock(track.AnsweredAt), Bad: true}
	}
	l.Steps = append(l.Steps, step{Name: v.say.PortalStepMade(), At: v.clock(t.IssuedAt)}, step{Name: v.say.PortalStepSent(), At: v.clock(sent)}, loaded)
	return nil
}

// earliest returns the earlier of two times; a zero time does not count.
func earliest(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

func latest(a, b time.Time) time.Time {
	if a.Before(b) {
		return b
	}
	return a
}

// resend sends the tokens of the last sale to the registered telephone once more.
func (p *Portal) resend(w http.ResponseWriter, r *http.Request, v visit) {
	outcome := sentOften
	if p.sends.Take(v.opened.ID) {
		sent, err := p.c.Messages.Resend(r.Context(), p.c.Tenant, v.number)
		if err != nil {
			p.failed(w, r, err)
			return
		}
		if outcome = sentNowhere; sent {
			outcome = sentAgain
		}
	}
	http.Redirect(w, r, v.path("", url.Values{"sent": {outcome}}), http.StatusSeeOther)
}
