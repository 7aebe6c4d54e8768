// Package recharge sends a token that somebody holds to its meter: over the meter's own connection, or by a text message through the
// server's modem. Start at [Deliverer.Send]. [Deliverer.Track] returns how far the token has come, with times.
//
// A token that was sold or made here is sent as it is. An external token comes from another vending system, or is for a meter whose keys
// others hold. The server stores it sealed, together with the meter's answers. It belongs to no sale and moves no money. If a meter
// accepts such a token, the alarm about credit that nobody sold here is still raised, because entering the digits does not pay for them.
//
// The token doctor checks the digits first. A token that can never load is not sent, because every wrong token counts towards the lock-out
// of the meter's channel (docs/reference/meter-rules.md#wrong-tokens). The doctor's limits on guessing apply here too.
package recharge

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/diagnosis"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/job"
	"github.com/paywatt/paywatt/internal/metering"
	"github.com/paywatt/paywatt/internal/notify"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/refuse"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/sale"
	"github.com/paywatt/paywatt/sts"
)

// Route is a way to the meter.
type Route string

// The ways to a meter.
const (
	MQTT Route = "mqtt" // over the meter's own connection
	SMS  Route = "sms"  // a text message from the server's modem to the meter's SIM
)

// Life is how long a token sent on request waits for a meter that is offline. The person who asked for it can ask again. The push of a new
// sale waits much longer.
const Life = 24 * time.Hour

// Request is a request to send a token to a meter.
type Request struct {
	Meter  string        // number or identity
	Digits access.Secret // as typed, or a whole message with *02#; blanks and dashes are ignored. Empty if Token is set
	Token  string        // identity of a token that the server holds, instead of its digits
	By     Route
}

// ExternalToken is a token that another system made.
type ExternalToken struct {
	sale.Token // the token's identity, meter and readable fields; its sealed digits with their hash
	HasTID     bool
	By         string
}

// Tx is the part of a transaction that this package needs. Every method sees only the transaction's tenant.
type Tx interface {
	Meters() registry.MeterLookup
	NewID() (id.ID, error)
	AuditLog(access.Entry) error
	Enqueue(job.Item) (id.ID, error)
	// OutboxWake makes the waiting items of a key due now.
	OutboxWake(lane, key string) error
	// TokenForPush returns a token that the server holds, made here or external, with the number of its meter. It reports found as false
	// for a token without digits.
	TokenForPush(token id.ID) (t sale.Token, number string, found bool, err error)
	VendSale(sale id.ID) (sale.Sale, bool, error)
	// TokenTimes returns when a token was last handed to its meter's connection and when the meter answered; a zero time means never. It
	// also reports whether the token is external.
	TokenTimes(token id.ID) (sent, answered time.Time, given bool, err error)
	// TokenReportsOf returns the meter's reports of a token, newest first.
	TokenReportsOf(meter int64, token id.ID, max int) ([]metering.StoredToken, error)
	// DeliveryOf returns the pending delivery of a token over its meter's connection. It reports found as false if there is none.
	DeliveryOf(number string, token id.ID) (d Waiting, found bool, err error)
	// ExternalTokenByHash finds an external token by the hash of its digits.
	ExternalTokenByHash(meter int64, hash []byte) (token id.ID, found bool, err error)
	AddExternalToken(ExternalToken) error

	Messages() notify.SaleTx
	NoticeTo(number string) (to notify.Addressee, found bool, err error)
	// MessagesOfToken lists the messages that carried a token to its meter's SIM, newest first.
	MessagesOfToken(meter int64, token id.ID, max int) ([]notify.Message, error)
	// MessagesAnswering lists incoming messages that answer a message, newest first.
	MessagesAnswering(meter int64, message id.ID, max int) ([]notify.Message, error)
}

// Waiting is a token that is being sent over the meter's connection.
type Waiting struct {
	Since    time.Time
	Attempts int
	Dead     bool   // the delivery was given up
	Why      string // result of the last attempt
}

// Doctor diagnoses a token's digits.
type Doctor interface {
	Diagnose(ctx context.Context, by access.Actor, q diagnosis.Question) (diagnosis.Diagnosis, error)
}

// Sealer encrypts digits with the data key. The context binds a sealed text to its row.
type Sealer interface {
	Seal(context string, plain []byte) []byte
	Hash(context string, data []byte) []byte
}

// Config holds the parts that a Deliverer needs; every field is required.
type Config struct {
	Door   access.Door[Tx]
	Doctor Doctor
	Sealer Sealer
	Now    func() time.Time
	Kick   func() // called after a commit with something to deliver
	// Texts reports whether there is a route for messages to meters.
	Texts func() bool
}

// Deliverer carries out the use cases of this package. Its methods may be called from any goroutine.
type Deliverer struct{ c Config }

// New makes a Deliverer.
func New(c Config) *Deliverer { return &Deliverer{c} }

// needs returns the refusal of an actor who may not follow a token. A vendor may read only its own sales, and no meters.
func needs(by access.Actor) refusal.Refusal {
	if no := by.Needs(access.ReadMeters); no.Refused() {
		return no
	}
	if !by.OfUtility() {
		return refuse.TokensOfAMeter()
	}
	return refusal.Refusal{}
}

// Send sends a token to its meter. It needs the rights token.send and meter.read, and for digits vend.read too. The request may be
// repeated: a repetition makes a pending delivery due at once, and does not send the token twice.
func (d *Deliverer) Send(ctx context.Context, by access.Actor, o Request) (Tracked, error) {
	if no := by.Needs(access.SendTokens); no.Refused() {
		return Tracked{Refusal: no}, nil
	}
	if no := needs(by); no.Refused() {
		return Tracked{Refusal: no}, nil
	}
	ref, no := registry.ParseRef(o.Meter)
	if no.Refused() {
		return Tracked{Refusal: no}, nil
	}
	q, no, err := d.judge(ctx, by, o)
	if err != nil || no.Refused() {
		return Tracked{Refusal: no}, err
	}
	out, err := access.Through(ctx, d.c.Door, by.Tenant, func(tx Tx) (Tracked, error) { return d.send(tx, by, o, ref, q) })
	if err != nil {
		return Tracked{}, fmt.Errorf("send a token to meter %s: %w", ref.Number, err)
	}
	if !out.Refused() {
		d.c.Kick()
	}
	return out, nil
}

// judged is the result of checking the digits of a request.
type judged struct {
	token  id.ID     // identity of a token that the server holds; zero if external
	digits sts.Token // digits of an external token
	facts  *diagnosis.Contents
}

// judge finds the requested token and checks whether the meter could load it.
func (d *Deliverer) judge(ctx context.Context, by access.Actor, o Request) (judged, refusal.Refusal, error) {
	digits := onlyToken(o.Digits.Reveal())
	switch {
	case o.By != MQTT && o.By != SMS:
		return judged{}, refuse.TokenRouteUnknown(refusal.Echo(string(o.By))), nil
	case (digits == "") == (o.Token == ""):
		return judged{}, refuse.TokenOrDigits(), nil
	case o.Token != "":
		i, err := id.Parse(id.Token, o.Token)
		if err != nil {
			return judged{}, refuse.TokenToSendNotFound(refusal.Echo(o.Meter)), nil
		}
		return judged{token: i}, refusal.Refusal{}, nil
	}
	found, err := d.c.Doctor.Diagnose(ctx, by, diagnosis.Question{Digits: digits, Meter: o.Meter})
	if err != nil || found.Refused() {
		return judged{}, found.Refusal, err
	}
	if first := found.Findings[0]; !slices.Contains(sendable(), first.Code) {
		return judged{}, refuse.TokenCannotLoad(first.Text, first.Do), nil
	}
	out := judged{digits: found.Token, facts: found.Contents}
	if found.Sold != nil {
		out.token = found.Sold.Token
	}
	return out, refusal.Refusal{}, nil
}

// onlyToken extracts the token from pasted text. The text may be a whole message with a token, such as *02#7134 0092 5510 3378 2064.
func onlyToken(text string) string {
	if _, after, found := strings.Cut(text, "#"); found {
		text = after
	}
	return text
}

// sendable returns the verdicts that allow sending a token, because the meter may still answer. A token already loaded may be sent: the
// meter answers that it was used, with its balance.
func sendable() []diagnosis.Code {
	return []diagnosis.Code{diagnosis.Ready, diagnosis.Used, diagnosis.Rejected, diagnosis.NotSold, diagnosis.TestToken, diagnosis.LockedOut,
		diagnosis.Locked, diagnosis.KeyMissing, diagnosis.NoKeys}
}

// send does the work of Send in one transaction.
func (d *Deliverer) send(tx Tx, by access.Actor, o Request, ref registry.Ref, q judged) (Tracked, error) {
	m, found, err := registry.ResolveMeter(tx.Meters(), ref)
	if err != nil || !found {
		return Tracked{Refusal: registry.NoMeter(o.Meter)}, err
	}
	switch m.Status {
	case registry.Stock, registry.Removed, registry.Scrapped, registry.Blocked:
		return Tracked{Refusal: refuse.MeterNotInstalled(m.Number, string(m.Status))}, nil
	}
	if q.token.IsZero() {
		if q.token, err = d.give(tx, by, m, q); err != nil {
			return Tracked{}, err
		}
	}
	t, no, err := held(tx, m, q.token)
	if err != nil || no.Refused() {
		return Tracked{Refusal: no}, err
	}
	if no, err := d.enqueue(tx, by, o.By, m, t); err != nil || no.Refused() {
		return Tracked{Refusal: no}, err
	}
	e := by.Entry("token.recharge", t.ID.Text(id.Token))
	e.After = fmt.Sprintf("by=%s meter=%s", o.By, m.ID.Text(id.Meter))
	if err := tx.AuditLog(e); err != nil {
		return Tracked{}, err
	}
	return track(tx, m, t)
}

// give stores an external token, or finds it if it was entered before.
func (d *Deliverer) give(tx Tx, by access.Actor, m registry.Meter, q judged) (id.ID, error) {
	digits := []byte(q.digits.Reveal())
	defer clear(digits)
	hashes := sale.Hashes(d.c.Sealer, digits)
	for _, hash := range hashes {
		if token, found, err := tx.ExternalTokenByHash(m.N, hash); err != nil || found {
			return token, err
		}
	}
	token, err := tx.NewID()
	if err != nil {
		return id.ID{}, err
	}
	g := ExternalToken{By: by.String(), Token: sale.Token{ID: token, Meter: m.N, State: sale.TokenIssued, Hash: hashes[0],
		Sealed: d.c.Sealer.Seal(sale.TokenContext(token), digits), IssuedAt: d.c.Now()}}
	if f := q.facts; f != nil {
		g.Class, g.SubClass, g.Units, g.BaseDate = f.Class, f.SubClass, f.Units, f.BaseDate
		g.TID, g.HasTID = f.TID, f.HasTID
	}
	return token, tx.AddExternalToken(g)
}

// held returns a token that the server holds for a meter and may send.
func held(tx Tx, m registry.Meter, token id.ID) (sale.Token, refusal.Refusal, error) {
	t, number, found, err := tx.TokenForPush(token)
	switch {
	case err != nil:
		return sale.Token{}, refusal.Refusal{}, err
	case !found || number != m.Number:
		return sale.Token{}, refuse.TokenToSendNotFound(m.Number), nil
	}
	switch t.State {
	case sale.TokenIssued, sale.TokenSent, sale.TokenHeard, sale.TokenAccepted, sale.TokenRejected:
	default:
		return sale.Token{}, refuse.TokenNotInForce(t.ID.Text(id.Token), string(t.State)), nil
	}
	if t.Sale.IsZero() {
		return t, refusal.Refusal{}, nil
	}
	sold, found, err := tx.VendSale(t.Sale)
	switch {
	case err != nil:
		return sale.Token{}, refusal.Refusal{}, err
	case found && sold.State != sale.Completed: // the server is asking the meter to cancel the token
		return sale.Token{}, refuse.TokenOfUncompletedSale(t.ID.Text(id.Token), string(sold.State)), nil
	}
	return t, refusal.Refusal{}, nil
}

// enqueue queues the token for delivery. A token that the meter has answered before is sent again.
func (d *Deliverer) enqueue(tx Tx, actor access.Actor, by Route, m registry.Meter, t sale.Token) (refusal.Refusal, error) {
	if by == SMS {
		return d.text(tx, actor, m, t)
	}
	w, waits, err := tx.DeliveryOf(m.Number, t.ID)
	if err != nil {
		return refusal.Refusal{}, err
	}
	if waits && !w.Dead {
		return refusal.Refusal{}, tx.OutboxWake(job.LaneMQTT, m.Number)
	}
	name := t.ID.Text(id.Token)
	body, err := json.Marshal(job.Body{TokenID: name, Request: name, Again: t.State != sale.TokenIssued && t.State != sale.TokenSent})
	if err != nil {
		return refusal.Refusal{}, fmt.Errorf("push token %s: %w", name, err)
	}
	_, err = tx.Enqueue(job.Item{Lane: job.LaneMQTT, Key: m.Number, Kind: job.KindToken, Body: body, ExpiresAt: d.c.Now().Add(Life)})
	return refusal.Refusal{}, err
}

// text sends the token to the meter's SIM. A token that its meter has accepted needs no message.
func (d *Deliverer) text(tx Tx, by access.Actor, m registry.Meter, t sale.Token) (refusal.Refusal, error) {
	if !d.c.Texts() {
		return refuse.NoSMSRouteToMeters(), nil
	}
	sim, err := tx.Messages().SIMOf(m.N)
	if err != nil {
		return refusal.Refusal{}, err
	}
	if sim == "" {
		return refuse.SimOfMeterUnknown(m.Number), nil
	}
	if t.State == sale.TokenAccepted {
		return refusal.Refusal{}, nil
	}
	sent, err := tx.MessagesOfToken(m.N, t.ID, 1)
	if err != nil || len(sent) > 0 && sent[0].Open {
		return refusal.Refusal{}, err // the message is under way already
	}
	to, _, err := tx.NoticeTo(m.Number)
	if err != nil {
		return refusal.Refusal{}, err
	}
	q, err := notify.TextToken(tx.Messages(), m, t, sim, to, by.String(), d.c.Now())
	if err == nil && q.State == notify.Suppressed {
		return refuse.MessagesToMeterFull(m.Number), nil
	}
	return refusal.Refusal{}, err
}
