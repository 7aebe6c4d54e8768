package command

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/job"
	"github.com/paywatt/paywatt/internal/sale"
	"github.com/paywatt/paywatt/wire"
)

// OfflineLook is how long an item rests while its meter has no connection. It is only a safety net: a new connection wakes the
// waiting items (job.Outbox.Wake).
const OfflineLook = 6 * time.Hour

// RoamingLook is how long an item rests while its meter's session is moving between servers (see [Courier.Roaming]).
const RoamingLook = 2 * time.Second

// Link is the part of the meters' connections that a courier needs.
type Link interface {
	// Connected reports whether the meter has a connection and is subscribed.
	Connected(number string) bool
	// Format is the format that the meter writes on this connection and can therefore read.
	Format(number string) wire.Format
	// Publish hands a message to the meter's connection and reports whether the connection took it. It never blocks. Only the
	// meter's answer shows that the meter has the message.
	Publish(number string, d wire.Down, payload []byte) bool
}

// CourierTx is the part of a transaction that a courier needs.
type CourierTx interface {
	SignTx
	CommandSent(command id.ID) error
	// TokenForPush returns a token with the number of its meter; found is false while it has no digits.
	TokenForPush(token id.ID) (t sale.Token, number string, found bool, err error)
	// TokenPushed records that a token was given to its meter's connection.
	TokenPushed(token id.ID) error
}

// Courier sends tokens and commands to their meters: it is the job.Sender of the lane of meters. It opens digits and makes
// signatures at the moment of sending, and stores neither.
type Courier struct {
	door  access.Door[CourierTx]
	keys  Opener
	link  Link
	now   func() time.Time
	pause time.Duration // how long an item rests while its meter is not connected
}

// NewCourier returns a Courier. keys opens token digits and link keys.
func NewCourier(door access.Door[CourierTx], keys Opener, link Link, now func() time.Time) *Courier {
	return &Courier{door: door, keys: keys, link: link, now: now, pause: OfflineLook}
}

// Roaming tells the courier that meters move between servers. Only the server with a meter's session claims its items. If the
// meter is not connected here it is just arriving or leaving, and the other server must soon be able to claim the item.
func (c *Courier) Roaming() { c.pause = RoamingLook }

var _ job.Sender = (*Courier)(nil)

// Send sends one item to its meter. The item stays in the outbox until the meter answers; the result only says when to try
// again.
func (c *Courier) Send(ctx context.Context, t access.Tenant, item job.Claim) (job.Verdict, error) {
	item.Key = job.MeterOf(item.Key)
	var b job.Body
	if err := json.Unmarshal(item.Body, &b); err != nil {
		return job.Dead("the item cannot be read"), nil
	}
	switch item.Kind {
	case job.KindToken:
		i, err := id.Parse(id.Token, b.TokenID)
		if err != nil {
			return job.Dead("the item names no token"), nil
		}
		return c.token(ctx, t, item, i, b.Again)
	case job.KindCommand:
		i, err := id.Parse(id.Command, b.CommandID)
		if err != nil {
			return job.Dead("the item names no command"), nil
		}
		return c.command(ctx, t, item, i)
	}
	return job.Dead("no meter understands an item of kind " + item.Kind), nil
}

// token pushes a token. The token's identity is also its request id, so that the meter answers a repetition with the stored
// result.
func (c *Courier) token(ctx context.Context, tenant access.Tenant, item job.Claim, token id.ID, again bool) (job.Verdict, error) {
	if !item.ExpiresAt.IsZero() && !c.now().Before(item.ExpiresAt) {
		return job.Dead("the meter did not take the token in time; its digits remain valid"), nil
	}
	var t sale.Token
	var number string
	var found bool
	err := c.door.View(ctx, tenant, func(tx CourierTx) (err error) { t, number, found, err = tx.TokenForPush(token); return err })
	if err != nil {
		return job.Verdict{}, fmt.Errorf("look up token %s: %w", token.Text(id.Token), err)
	}
	switch {
	case !found:
		return job.Dead("the token has no digits"), nil
	case !unanswered(t) && !(again && answered(t)):
		return job.Done(), nil // the meter has answered, or the sale was reversed
	case number != item.Key:
		return job.Dead("the token was made for another meter"), nil
	case !c.link.Connected(number):
		return c.offline(), nil
	}
	digits, err := c.keys.Open(sale.TokenContext(token), t.Sealed)
	if err != nil {
		return job.Verdict{}, fmt.Errorf("open the digits of token %s: %w", token.Text(id.Token), err)
	}
	defer clear(digits)
	payload, err := wire.EncodeTokenDown(c.link.Format(item.Key),
		wire.TokenDown{Request: token.Text(id.Token), Digits: wire.Digits(digits)})
	if err != nil {
		return job.Verdict{}, fmt.Errorf("encode token %s: %w", token.Text(id.Token), err)
	}
	defer clear(payload)
	if !c.link.Publish(item.Key, wire.DownToken, payload) {
		return c.offline(), nil
	}
	return c.sent(ctx, tenant, item, func(tx CourierTx) error { return tx.TokenPushed(token) })
}

// unanswered reports whether the meter may still load a token and has not sent a signed answer about it.
func unanswered(t sale.Token) bool {
	return t.State == sale.TokenIssued || t.State == sale.TokenSent || t.State == sale.TokenHeard
}

// answered reports whether the meter has sent a signed answer about a token.
func answered(t sale.Token) bool {
	return t.State == sale.TokenAccepted || t.State == sale.TokenRejected
}

// command signs and sends a command. It signs nothing for a meter that is not connected: each signature uses up a counter.
func (c *Courier) command(ctx context.Context, t access.Tenant, item job.Claim, command id.ID) (job.Verdict, error) {
	if !c.link.Connected(item.Key) && (item.ExpiresAt.IsZero() || c.now().Before(item.ExpiresAt)) {
		return c.offline(), nil
	}
	var s Signing
	err := c.door.Do(ctx, t, func(tx CourierTx) (_ bool, err error) { s, err = Sign(tx, command); return false, err })
	if err != nil {
		return job.Verdict{}, err
	}
	if !s.Command.State.Open() {
		return job.Done(), nil
	}
	if s.Command.Number != item.Key {
		return job.Dead("the command was given to another meter"), nil
	}
	payloads, err := s.Envelopes(c.keys, c.link.Format(item.Key), c.now())
	if err != nil {
		return job.Verdict{}, err
	}
	if !c.publish(item, s.Command.Type.Down(), payloads) {
		return c.offline(), nil
	}
	return c.sent(ctx, t, item, func(tx CourierTx) error { return tx.CommandSent(command) })
}

// publish hands the envelopes of one command to the meter's connection, and reports whether it took any. A connection may have
// room for one message only, so every other attempt begins with the other key.
func (c *Courier) publish(item job.Claim, d wire.Down, payloads [][]byte) (taken bool) {
	if item.Attempts%2 == 1 {
		slices.Reverse(payloads)
	}
	for _, p := range payloads {
		taken = c.link.Publish(item.Key, d, p) || taken
	}
	return taken
}

// sent records that a message has left, and returns when to send it again if no answer comes.
func (c *Courier) sent(ctx context.Context, t access.Tenant, item job.Claim, note func(CourierTx) error) (job.Verdict, error) {
	again := job.Again(c.now().Add(job.Pause(item.Attempts)), "sent; the meter has not answered yet")
	err := c.door.Do(context.WithoutCancel(ctx), t, func(tx CourierTx) (bool, error) { return false, note(tx) })
	if err != nil {
		return again, errors.Join(errors.New("the message was sent, but that could not be recorded"), err)
	}
	return again, nil
}

func (c *Courier) offline() job.Verdict {
	return job.Again(c.now().Add(c.pause), "the meter is not connected")
}
