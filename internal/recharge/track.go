package recharge

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/fault"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/metering"
	"github.com/paywatt/paywatt/internal/notify"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/refuse"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/sale"
	"github.com/paywatt/paywatt/unit"
)

// State is the progress of a token or of one delivery of it.
type State string

// The states, in order. A delivery over the meter's connection has no step between sent and answered, because a message counts as
// delivered only when the meter has stored it.
const (
	Idle      State = "idle"   // the token is not being sent; its digits may be typed
	Queued    State = "queued" // the delivery waits for the meter to connect, or for the modem
	Sent      State = "sent"
	Delivered State = "delivered" // the network reports that the meter's modem has the message
	Answered  State = "answered"  // the meter answered, but the answer decided nothing yet
	Heard     State = "heard"     // a text message says that the token is in the meter; nobody can prove its sender
	Accepted  State = "accepted"  // the token is in the meter
	Rejected  State = "rejected"  // the meter will never take the token
	Failed    State = "failed"    // the delivery was given up; the token remains good
)

// Delivery is one way in which a token was sent, with the time of each step. The time of a step that was not reached is zero.
type Delivery struct {
	By                                Route
	Message                           id.ID // identity of the text message; zero for the meter's connection
	State                             State
	Queued, Sent, Delivered, Answered time.Time
	Attempts                          int
	Why                               string // reason of the last failure
	Answer                            string // the meter's reply to a text message
}

// Balance is the balance that a meter reported.
type Balance struct {
	Energy unit.Energy
	At     time.Time // server time of the report
	// Source says how the token reached the meter, according to the meter's own report: keypad, sms or remote. For a balance from a text
	// message it is "sms answer".
	Source string
}

// Tracked is a token with its deliveries and the meter's reports, or a refusal.
type Tracked struct {
	refusal.Refusal
	Meter     registry.Meter
	Token     sale.Token
	Elsewhere bool // the token is external
	State     State
	// Deliveries are the deliveries of the token, pending ones first.
	Deliveries []Delivery
	// AnsweredAt is when the meter last reported the token: over its connection, or by SMS in the state Heard.
	AnsweredAt time.Time
	// Reports are the meter's reports of the token over its connection, newest first.
	Reports []metering.StoredToken
	// Balance is the newest balance that came with an answer to this token, or nil.
	Balance *Balance
}

// maxReports is the largest number of a meter's answers that are read for one token.
const maxReports = 5

// Track returns how far a token of a meter has come (right: meter.read).
func (d *Deliverer) Track(ctx context.Context, by access.Actor, meter, token string) (Tracked, error) {
	if no := needs(by); no.Refused() {
		return Tracked{Refusal: no}, nil
	}
	ref, no := registry.ParseRef(meter)
	if no.Refused() {
		return Tracked{Refusal: no}, nil
	}
	missing := Tracked{Refusal: refuse.TokenToTrackNotFound(refusal.Echo(meter))}
	i, err := id.Parse(id.Token, token)
	if err != nil {
		return missing, nil
	}
	out, err := access.Look(ctx, d.c.Door, by.Tenant, func(tx Tx) (Tracked, error) {
		m, found, err := registry.ResolveMeter(tx.Meters(), ref)
		if err != nil || !found {
			return Tracked{Refusal: registry.NoMeter(meter)}, err
		}
		t, number, found, err := tx.TokenForPush(i)
		if err != nil || !found || number != m.Number {
			return missing, err
		}
		return track(tx, m, t)
	})
	return out, fault.Wrap(err, "track token %s of meter %s", token, meter)
}

// track reads everything about a token's delivery.
func track(tx Tx, m registry.Meter, t sale.Token) (Tracked, error) {
	out := Tracked{Meter: m, Token: t}
	sent, answered, given, err := tx.TokenTimes(t.ID)
	if err != nil {
		return Tracked{}, err
	}
	out.Elsewhere, out.AnsweredAt = given, answered
	if out.Reports, err = tx.TokenReportsOf(m.N, t.ID, maxReports); err != nil {
		return Tracked{}, err
	}
	for _, r := range out.Reports {
		if metering.EffectOf(r.Result) == metering.InMeter {
			out.Balance = &Balance{Energy: unit.Energy(r.BalanceWh), At: r.ReceivedAt, Source: r.Source}
			break
		}
	}
	w, waits, err := tx.DeliveryOf(m.Number, t.ID)
	if err != nil {
		return Tracked{}, err
	}
	if waits || !sent.IsZero() {
		out.Deliveries = append(out.Deliveries, connection(t, w, waits, sent, answered))
	}
	if err := out.texts(tx); err != nil {
		return Tracked{}, err
	}
	out.State = state(t, out.Deliveries)
	return out, nil
}

// maxMessages is the largest number of messages that are read for one token.
const maxMessages = 5

// texts adds the messages that carried the token to the meter's SIM, with the meter's answers.
func (t *Tracked) texts(tx Tx) error {
	sent, err := tx.MessagesOfToken(t.Meter.N, t.Token.ID, maxMessages)
	if err != nil {
		return err
	}
	for _, m := range sent {
		d := Delivery{By: SMS, Message: m.ID, State: stateOf(m), Queued: m.CreatedAt, Sent: m.SentAt, Delivered: m.DeliveredAt, Answered: m.AnsweredAt,
			Attempts: m.Tries, Why: m.Failure}
		answers, err := tx.MessagesAnswering(t.Meter.N, m.ID, 1)
		if err != nil {
			return err
		}
		for _, a := range answers {
			d.Answer, d.Answered = a.Text, a.CreatedAt
			if said := notify.ParseMeterReply(a.Text); said.HasBalance && (t.Balance == nil || t.Balance.At.Before(a.CreatedAt)) {
				t.Balance = &Balance{Energy: said.Balance, At: a.CreatedAt, Source: answerSource}
			}
		}
		t.Deliveries = append(t.Deliveries, d)
	}
	return nil
}

// answerSource is the source of a balance that the meter wrote in a text message.
const answerSource = registry.ReportedBySMS

// stateOf returns the delivery state of a message to a meter.
func stateOf(m notify.Message) State {
	switch m.State {
	case notify.SentOut, notify.Uncertain:
		return Sent
	case notify.Arrived:
		return Delivered
	case notify.Answered:
		return Answered
	case notify.Lost, notify.Expired, notify.Suppressed:
		return Failed
	}
	return Queued
}

// connection returns the delivery over the meter's own connection.
func connection(t sale.Token, w Waiting, waits bool, sent, answered time.Time) Delivery {
	d := Delivery{By: MQTT, State: Queued, Queued: w.Since, Sent: sent, Attempts: w.Attempts, Why: w.Why}
	switch {
	case waits && w.Dead:
		d.State = Failed
	case !waits:
		d.State, d.Queued, d.Answered = ended(t), t.IssuedAt, answered
		if t.State == sale.TokenHeard { // the meter has not answered over its connection; answered is the time of the SMS
			d.State, d.Answered = Sent, time.Time{}
		}
	case !sent.IsZero() && sent.After(w.Since):
		d.State = Sent
	}
	return d
}

// ended returns the state of a delivery that the meter's answer has ended.
func ended(t sale.Token) State {
	switch t.State {
	case sale.TokenAccepted:
		return Accepted
	case sale.TokenRejected:
		return Rejected
	}
	return Answered
}

// state returns the progress of a token with all its deliveries: the meter's report of the token, or else the state of
// the delivery that has come furthest.
func state(t sale.Token, all []Delivery) State {
	switch t.State {
	case sale.TokenHeard:
		return Heard
	case sale.TokenAccepted:
		return Accepted
	case sale.TokenRejected:
		return Rejected
	}
	order := []State{Answered, Delivered, Sent, Queued, Failed}
	for _, s := range order {
		for _, d := range all {
			if d.State == s {
				return s
			}
		}
	}
	return Idle
}

// Step is one event of a token, with its time.
type Step struct {
	State State
	At    time.Time
	By    Route  // way of the event; empty if the meter decided
	Note  string // the meter's answer
}

// Steps returns the events in the order in which they happened. A network reports times in whole seconds, and its clock may be behind: a
// report counts at the earliest when its message was sent, and within one second the steps have the only order in which they can have
// happened.
func (t Tracked) Steps() []Step {
	type dated struct {
		Step
		not time.Time // the step cannot have been before this
	}
	var all []dated
	add := func(s State, at, not time.Time, by Route, note string) {
		if !at.IsZero() {
			all = append(all, dated{Step{s, at, by, note}, not})
		}
	}
	for _, d := range t.Deliveries {
		add(Queued, d.Queued, time.Time{}, d.By, "")
		add(Sent, d.Sent, time.Time{}, d.By, "")
		add(Delivered, d.Delivered, d.Sent, d.By, "")
		add(Answered, d.Answered, d.Sent, d.By, d.Answer)
	}
	if t.State == Heard || t.State == Accepted || t.State == Rejected {
		note := t.Token.Result
		if t.Balance != nil {
			note += " by " + t.Balance.Source
		}
		add(t.State, t.AnsweredAt, time.Time{}, "", note)
	}
	second := func(d dated) time.Time {
		if d.At.Before(d.not) {
			return d.not.Truncate(time.Second)
		}
		return d.At.Truncate(time.Second)
	}
	order := []State{Queued, Sent, Delivered, Answered, Heard, Accepted, Rejected}
	slices.SortStableFunc(all, func(a, b dated) int {
		return cmp.Or(second(a).Compare(second(b)), slices.Index(order, a.State)-slices.Index(order, b.State), a.At.Compare(b.At))
	})
	var out []Step
	for _, d := range all {
		out = append(out, d.Step)
	}
	return out
}
