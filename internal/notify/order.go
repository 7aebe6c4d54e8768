package notify

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/refuse"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/sale"
	"github.com/paywatt/paywatt/sts"
)

// MessageRequest asks for a message: a text to a telephone, or a token to the customer or the meter.
type MessageRequest struct {
	Phone string // recipient of a text
	Text  string
	Meter string // number or identity of the meter whose token is sent, or whose customer gets the text
	// Token is the identity of a token made for the meter, or its digits. If Token and Text are empty and Meter is set, the message
	// brings the newest valid token that the meter has not accepted.
	Token string
	// Via is the way of a token: sale.RouteSMS, to the customer, or sale.RouteMeterSMS, to the meter's SIM.
	Via   string
	Route string // the route to use; empty for the order of the configuration
	// Test says that Text is the program's own text for a test of a route. Nobody can deceive with it, so it may go to any number.
	Test bool
	// Once identifies the request, so that its repetitions make only one message; without a key, each repetition makes
	// another message.
	Once access.Once
}

// identity returns the same value for all repetitions of a request; zero without a key.
func (w MessageRequest) identity() (none [16]byte) {
	if w.Once.Key == "" {
		return none
	}
	return IdentityOf("ordered", w.Once.Principal, w.Once.Key, string(w.Once.Hash[:]))
}

// QueuedMessages is a message that was queued.
type QueuedMessages struct {
	refusal.Refusal
	Messages []Message
}

// Send queues a message that a person orders (right: message.send). It never shows the digits of a token.
func (d *Dispatcher) Send(ctx context.Context, by access.Actor, w MessageRequest) (QueuedMessages, error) {
	if no := by.Needs(access.SendMessages); no.Refused() {
		return QueuedMessages{Refusal: no}, nil
	}
	if no := d.checkWish(w); no.Refused() {
		return QueuedMessages{Refusal: no}, nil
	}
	out, err := access.Through(ctx, d.c.Door, by.Tenant, func(tx Tx) (QueuedMessages, error) { return d.wished(tx, by, w) })
	if err != nil {
		return QueuedMessages{}, fmt.Errorf("send a message: %w", err)
	}
	if !out.Refused() {
		d.Kick()
	}
	return out, nil
}

func (d *Dispatcher) checkWish(w MessageRequest) refusal.Refusal {
	if no := d.checkRoute(w.Route); no.Refused() {
		return no
	}
	switch {
	case w.Text != "" && w.Token != "":
		return refuse.MessageTextAndToken()
	case w.Text != "" && w.Via == sale.RouteMeterSMS:
		return refuse.MessageTextToSim()
	case w.Text == "" && w.Meter == "":
		return refuse.MessageEmpty()
	case len(w.Text) > MaxWritten:
		return refuse.MessageTextTooLong(MaxWritten)
	case strings.TrimSpace(w.Text) == "" && w.Text != "":
		return refuse.MessageTextBlank()
	case w.Text != "" && refusal.MaskTokens(w.Text) != w.Text:
		return refuse.MessageTextWithToken()
	case w.Text == "" && w.Via != sale.RouteSMS && w.Via != sale.RouteMeterSMS:
		return refuse.MessageViaUnknown(refusal.Echo(w.Via))
	case w.Phone != "" && w.Text == "":
		return refuse.MessageTokenToOtherPhone()
	}
	return refusal.Refusal{}
}

// checkRoute refuses a route that this server does not have. An empty route is always allowed.
func (d *Dispatcher) checkRoute(route string) refusal.Refusal {
	switch {
	case len(d.c.Routes) == 0:
		return refuse.MessageRoutesMissing()
	case route != "" && !slices.ContainsFunc(d.c.Routes, func(r Configured) bool { return r.Name() == route }):
		return refuse.MessageRouteUnknown(refusal.Echo(route), d.routeNames())
	}
	return refusal.Refusal{}
}

// wished is the transaction of Send.
func (d *Dispatcher) wished(tx Tx, by access.Actor, w MessageRequest) (QueuedMessages, error) {
	draft := Draft{By: by.String(), Purpose: PurposeWritten, Text: w.Text, Phone: w.Phone, Identity: w.identity()}
	if draft.Identity != [16]byte{} {
		if m, found, err := tx.MessageOf(draft.Identity); err != nil || found {
			return QueuedMessages{Messages: []Message{m}}, err
		}
	}
	if w.Meter != "" {
		m, no, err := registry.MeterNamed(tx.Recipients().Meters(), w.Meter)
		if err != nil || no.Refused() {
			return QueuedMessages{Refusal: no}, err
		}
		to, _, err := tx.Recipients().NoticeTo(m.Number)
		if err != nil {
			return QueuedMessages{}, err
		}
		draft.Meter, draft.Number, draft.Customer, draft.Lang = m.N, m.Number, to.Customer, to.Lang
		draft.Muted = !to.Notices && !to.Customer.IsZero()
		draft.Args = Args{Meter: m.Number, Test: m.Simulated, Utility: to.Utility, Contact: to.Contact}
		if draft.Phone == "" {
			draft.Phone = to.Phone
		}
		if w.Text == "" {
			if no, err := d.tokenWish(tx, m, w, &draft); err != nil || no.Refused() {
				return QueuedMessages{Refusal: no}, err
			}
		}
	}
	if draft.Phone == "" {
		return QueuedMessages{Refusal: refuse.MessageWithoutPhone()}, nil
	}
	eyes, err := d.mayWrite(tx, by, draft, w.Test)
	if err != nil || eyes.Refused() {
		return QueuedMessages{Refusal: eyes.Refusal}, err
	}
	m, err := Queue(tx, draft, d.c.Now())
	if err != nil {
		return QueuedMessages{}, err
	}
	if w.Route != "" && m.Open {
		m.Route = w.Route
		if err := tx.MessagePut(m); err != nil {
			return QueuedMessages{}, err
		}
	}
	e := by.Entry("message.order", m.ID.Text(id.Message))
	e.After = "purpose=" + string(m.Purpose) + " meter=" + m.Number
	return QueuedMessages{Messages: []Message{m}}, tx.Outcomes().AuditLog(eyes.Mark(e))
}

// tokenWish completes the draft of a message that brings a token.
func (d *Dispatcher) tokenWish(tx Tx, m registry.Meter, w MessageRequest, draft *Draft) (refusal.Refusal, error) {
	t, no, err := d.tokenNamed(tx, m, w.Token)
	if err != nil || no.Refused() {
		return no, err
	}
	switch needless(Message{Purpose: PurposeMeter}, t, len(t.Sealed) > 0) {
	case "":
	case noDigits:
		return refuse.MessageTokenWithoutDigits(m.Number), nil
	case notValid:
		return refuse.MessageTokenNotValid(m.Number), nil
	default: // the reason is inMeter
		return refuse.MessageTokenLoaded(m.Number), nil
	}
	draft.Token, draft.Vend, draft.Args.Units = t.ID, t.Sale, t.Units
	if w.Via == sale.RouteMeterSMS {
		sim, err := tx.Recipients().SIMOf(m.N)
		if err != nil {
			return refusal.Refusal{}, err
		}
		if sim == "" {
			return refuse.MessageSimUnknown(m.Number), nil
		}
		draft.Phone, draft.Purpose = sim, PurposeMeter
		return refusal.Refusal{}, nil
	}
	if here, err := soldHere(tx, t); err != nil || !here {
		return refuse.MessageTokenOfFormerCustomer(m.Number), err
	}
	draft.Purpose = PurposeOfToken(t, 1, true)
	if draft.Purpose == PurposeKeyChange {
		draft.Args.Step, draft.Args.Of = 1, 1
	}
	if s, found, err := LastSaleTo(tx.Carried().Bought(), m.N); err != nil {
		return refusal.Refusal{}, err
	} else if found && draft.Purpose == PurposeTokenFree && s.Vend == t.Sale {
		draft.Purpose, draft.Args.Amount, draft.Args.Currency, draft.Args.At = PurposeLast, s.Tender.Minor, s.Tender.Currency, s.At.UTC()
	}
	return refusal.Refusal{}, nil
}

// soldHere reports whether a token was sold to the account that its meter supplies now. It also accepts a token without a sale, which
// belongs to the meter.
func soldHere(tx Tx, t sale.Token) (bool, error) {
	if t.Sale.IsZero() {
		return true, nil
	}
	return tx.Carried().SoldHere(t.Sale)
}

// tokenNamed finds a token of a meter by its identity or its digits, or finds the newest token that is not known to be in the meter.
func (d *Dispatcher) tokenNamed(tx Tx, m registry.Meter, name string) (sale.Token, refusal.Refusal, error) {
	unknown := refuse.MessageTokenNotFound(m.Number)
	if name == "" {
		tokens, err := tx.Carried().VendTokens(m.N, id.ID{}, registry.DefaultLimit)
		if err != nil {
			return sale.Token{}, refusal.Refusal{}, err
		}
		for _, t := range tokens {
			if needless(Message{Purpose: PurposeMeter}, t, len(t.Sealed) > 0) == "" {
				return t, refusal.Refusal{}, nil
			}
		}
		return sale.Token{}, refuse.MessageNoTokenLeft(m.Number), nil
	}
	i, err := id.Parse(id.Token, name)
	if err != nil {
		digits, result := sts.ParseToken(name)
		if result != sts.Accept {
			return sale.Token{}, refuse.MessageTokenOfWrongForm(), nil
		}
		t, found, err := d.soldToken(tx, digits)
		if err != nil || !found {
			return sale.Token{}, unknown, err
		}
		i = t.ID
	}
	t, number, found, err := tx.Carried().TokenForPush(i)
	if err != nil || !found || number != m.Number {
		return sale.Token{}, unknown, err
	}
	return t, refusal.Refusal{}, nil
}

// soldToken finds the token with these digits.
func (d *Dispatcher) soldToken(tx Tx, token sts.Token) (t sale.Token, found bool, err error) {
	digits := token.AppendReveal(nil)
	defer clear(digits)
	for _, hash := range sale.Hashes(d.c.Hasher, digits) {
		if t, _, found, err = tx.Carried().TokenByHash(hash); found || err != nil {
			break
		}
	}
	return t, found, err
}

// Retry queues a message again, by a named route or by the routes of the configuration in their order (right: message.send). A waiting
// message is sent at once. A finished message starts anew.
func (d *Dispatcher) Retry(ctx context.Context, by access.Actor, message, route string) (MessageView, error) {
	if no := by.Needs(access.SendMessages); no.Refused() {
		return MessageView{Refusal: no}, nil
	}
	if route != "" {
		if no := d.checkRoute(route); no.Refused() {
			return MessageView{Refusal: no}, nil
		}
	}
	out, err := access.Through(ctx, d.c.Door, by.Tenant, func(tx Tx) (MessageView, error) { return d.retried(tx, by, message, route) })
	if err != nil {
		return MessageView{}, fmt.Errorf("send message %s again: %w", cut(message, 40), err)
	}
	if !out.Refused() {
		d.Kick()
	}
	return out, nil
}

func (d *Dispatcher) retried(tx Tx, by access.Actor, message, route string) (MessageView, error) {
	s, err := shown(tx, message)
	if err != nil || s.Refused() {
		return s, err
	}
	m, now := s.Message, d.c.Now()
	switch {
	case m.Incoming:
		return MessageView{Refusal: refuse.MessageReceived(message)}, nil
	case m.State == Answered:
		return MessageView{Refusal: refuse.MessageAnswered(message, m.AnsweredAt)}, nil
	case len(s.Tries) >= MaxTries:
		return MessageView{Refusal: refuse.MessageTriedTooOften(message, MaxTries)}, nil
	case len(s.Tries) > 0 && s.Tries[len(s.Tries)-1].underWay():
		return MessageView{Refusal: refuse.MessageBeingSent(message)}, nil
	}
	switch why, err := withdrawn(tx, m); {
	case err != nil:
		return MessageView{}, err
	case why == notRegistered:
		return MessageView{Refusal: refuse.MessageNumberChanged(message)}, nil
	case why != "": // the reason is notWanted
		return MessageView{Refusal: refuse.MessageNotWanted(message)}, nil
	}
	eyes, err := d.mayWrite(tx, by, Draft{Purpose: m.Purpose, Phone: m.Phone, Text: m.Text}, false)
	if err != nil || eyes.Refused() {
		return MessageView{Refusal: eyes.Refusal}, err
	}
	before := m
	m.State, m.Failure, m.Open, m.EndedAt, m.NextAt, m.Asking = Queued, "", true, time.Time{}, now, false
	m.ExpiresAt = now.Add(life(Draft{Purpose: m.Purpose, Token: m.Token, Answers: m.Answers}))
	m.Round++
	if m.Route = route; route == "" {
		if m.Route = choose(m, s.Tries, d.open().Mine); m.Route == "" {
			// Every route has refused the message. All routes are tried anew, because a person may have fixed the cause.
			m.Route = choose(m, nil, d.open().Mine)
		}
	}
	if err := tx.MessagePut(m); err != nil {
		return MessageView{}, err
	}
	e := by.Entry("message.retry", message)
	e.Before, e.After = string(before.State), "route="+m.Route
	s.Message = m
	return s, tx.Outcomes().AuditLog(eyes.Mark(e))
}
