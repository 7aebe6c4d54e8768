package notify

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/alarmtext"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/logkey"
	"github.com/paywatt/paywatt/internal/metering"
	"github.com/paywatt/paywatt/internal/sale"
	"github.com/paywatt/paywatt/sts"
)

// strayBatch bounds how many messages are given a route in one transaction.
const strayBatch = 50

// errand is one message that is to be given to a route now.
type errand struct {
	message Message
	sealed  []byte // digits of its token; nil where it has none
	asking  bool   // the meter is asked for its last tokens instead
	silent  bool   // nothing is to be sent after all
}

// look is what a worker found.
type look uint8

const (
	nothing look = iota // is due
	others              // are to do what is due: another route, another server, or the worker that is at the head of its line
	served              // a message
)

// one gives the route one message of a tenant that is due.
func (d *Dispatcher) one(ctx context.Context, t access.Tenant, n int, r Configured) (look, error) {
	due, err := access.Look(ctx, d.c.Door, t, func(tx Tx) (bool, error) { return tx.Queued().MessageDue(d.c.Now()) })
	if err != nil || !due {
		return nothing, err
	}
	if err := d.c.Door.Do(ctx, t, func(tx Tx) (bool, error) { return false, d.assign(tx) }); err != nil {
		return nothing, err
	}
	var e errand
	found := false
	err = d.c.Door.Do(ctx, t, func(tx Tx) (_ bool, err error) {
		var m Message
		now := d.c.Now()
		if m, found, err = tx.Queued().MessageClaim(r.Name(), d.c.Owner, now, now.Add(holdFor)); err == nil && found {
			e, err = d.begin(tx, m, r)
		}
		return false, err
	})
	switch {
	case err != nil:
		return nothing, err
	case !found:
		return others, nil
	case e.silent:
		return served, nil
	}
	s := d.send(ctx, r, e)
	if s.Closed && s.Outcome == Refused {
		s.Outcome = NotSent // what is out of order has no word about a message
	}
	turn := d.judge(n, s)
	// What was sent must be noted even if the program is ending.
	err = d.c.Door.Do(context.WithoutCancel(ctx), t, func(tx Tx) (bool, error) {
		if err := d.alarm(tx, turn, r.Name(), s.Why); err != nil {
			return false, err
		}
		return false, d.settled(tx, e, s)
	})
	if turn == wentDown {
		d.c.Log.Error("route went down", logkey.Route, r.Name(), logkey.Reason, cut(s.Why, MaxWhy))
		d.Kick() // its messages go by the next
	}
	return served, err
}

// assign gives messages a route that have none, or whose route is down or gone.
func (d *Dispatcher) assign(tx Tx) error {
	ways, now := d.open(), d.c.Now()
	mine, down := make([]string, len(ways.Mine)), []string{}
	for i, w := range ways.Mine {
		mine[i] = w.Name
		if w.Down && !w.probed { // else its message would be taken from it before it has tried
			down = append(down, w.Name)
		}
	}
	all, err := tx.Queued().MessagesStray(mine, down, now, now.Add(-strayAfter), strayBatch)
	if err != nil {
		return err
	}
	for _, m := range all {
		tries, err := tx.MessageTries(m.ID)
		if err != nil {
			return err
		}
		before := m
		if m.Route = d.probe(m, tries, now); m.Route == "" {
			m.Route = choose(m, tries, ways.Mine)
		}
		if m.Route != "" && m.Route == before.Route {
			continue
		}
		if m.Route == "" && !d.unwanted(&m, tries, ways, now) {
			continue
		}
		if err := d.put(tx, m, before); err != nil {
			return err
		}
	}
	return nil
}

// unwanted ends a message that has no route, or lets it wait; false where it is left as it is, because another server may
// have a route that takes it.
func (d *Dispatcher) unwanted(m *Message, tries []Try, ways Ways, now time.Time) bool {
	takes := slices.ContainsFunc(ways.Mine, func(w RouteStatus) bool { return w.takes(*m) })
	switch {
	case ways.left(*m, tries, now):
		return false
	case d.c.Alone || takes:
	case m.ExpiresAt.IsZero() || now.Before(m.ExpiresAt):
		return false
	default:
		m.end(Expired, "no route takes it", now)
		return true
	}
	if !m.SentAt.IsZero() && m.Purpose == PurposeMeter && !takes { // the meter may have it all the same
		m.end(Uncertain, "no route takes it, and the meter did not answer", now)
		return true
	}
	reroute(m, tries, ways, orWhy(m.Failure, "no route takes it"), now)
	return true
}

// probe gives a message to a route that is down and whose time has come to be tried, ahead of those that work; "" where there
// is none. One message a minute finds out whether the route is back, and goes by the next at once if it is not.
func (d *Dispatcher) probe(m Message, tries []Try, now time.Time) string {
	d.mu.Lock()
	defer d.mu.Unlock()
	for i := range d.ways {
		w := &d.ways[i]
		if !w.Down || now.Before(w.probe) || choose(m, tries, []RouteStatus{w.RouteStatus}) == "" {
			continue
		}
		w.probe, w.granted = now.Add(probeEvery), now.Add(holdFor) // should this transaction be undone, the next probe is a minute away
		return w.Name
	}
	return ""
}

// begin prepares a claimed message for its route: the try is durable before it is made, so that a crash in between is
// known for what it is, an outcome that nobody knows.
func (d *Dispatcher) begin(tx Tx, m Message, r Configured) (errand, error) {
	now, before := d.c.Now(), m
	done := func() (errand, error) { return errand{silent: true}, d.put(tx, m, before) }
	tries, err := tx.MessageTries(m.ID)
	if err != nil {
		return errand{}, err
	}
	if len(tries) > 0 && tries[len(tries)-1].underWay() {
		last := &tries[len(tries)-1]
		s := Sent{Why: "the server ended before the answer"}
		last.Outcome, last.DoneAt, last.Why = s.Outcome.String(), now, orWhy(last.Why, s.Why)
		if err := d.charge(tx, last, s, now); err != nil {
			return errand{}, err
		}
		settle(&m, tries, s, d.open(), d.c.Answer, now)
		if err := tx.TryPut(m.ID, *last); err != nil {
			return errand{}, err
		}
		return done()
	}
	if !m.ExpiresAt.IsZero() && !now.Before(m.ExpiresAt) {
		if m.SentAt.IsZero() || m.Purpose != PurposeMeter {
			m.end(Expired, orWhy(m.Failure, "it could not be sent in time"), now)
		} else {
			m.end(Uncertain, "the meter did not answer in time", now)
		}
		return done()
	}
	if gone, err := d.withdraw(tx, m); err != nil || gone {
		return errand{silent: true}, err
	}
	if m.Purpose.warning() { // it may have waited for a route since it was queued
		quiet, zone, err := tx.QuietHours()
		if err != nil {
			return errand{}, err
		}
		if morning := quiet.After(now, zone); morning.After(now) {
			m.NextAt = morning
			return done()
		}
	}
	e := errand{message: m}
	if !m.Token.IsZero() {
		if e.sealed, err = tokenOf(tx, &m, now); err != nil {
			return errand{}, err
		}
		if !m.Open || m.NextAt.After(now) {
			return done()
		}
	}
	if m.Purpose == PurposeMeter {
		if e.asking, err = d.step(tx, &m, tries, now); err != nil || !m.Open || m.NextAt.After(now) {
			return errand{silent: true}, errors.Join(err, d.put(tx, m, before))
		}
	}
	m.Tries, m.Route = len(tries)+1, r.Name()
	try := Try{N: m.Tries, Route: r.Name(), Asking: e.asking, Round: m.Round, At: now}
	e.message = m
	if err := tx.TryPut(m.ID, try); err != nil {
		return errand{}, err
	}
	return e, tx.MessageHold(m)
}

// step decides what a meter is sent: its token, or the question for its last tokens; or that it had its chances, and then
// the message is ended and a person is called.
func (d *Dispatcher) step(tx Tx, m *Message, tries []Try, now time.Time) (asking bool, err error) {
	sent, lastAsked := 0, false
	for _, t := range tries {
		if (t.Outcome == Accepted.String() || t.Outcome == Unknown.String()) && t.At.After(m.AnsweredAt) { // since it was rejected, if it was
			sent, lastAsked = sent+1, t.Asking
		}
	}
	if m.State == SentOut || m.State == Arrived {
		m.Round++ // no answer, or a doubtful one: the next wait is longer
	}
	switch NextStep(sent, m.Asking, lastAsked) {
	case SendAsk:
		return true, nil
	case SendToken:
		return false, nil
	}
	if locked, err := d.rejects(tx, *m); err != nil {
		return false, err
	} else if locked && m.AnsweredAt.IsZero() {
		return false, d.rejection(tx, m, now)
	}
	m.end(Uncertain, "the meter did not answer", now)
	return false, tx.Office().RaiseAlarm(m.Meter, metering.Alarm{Code: AlarmMeterSilent, Text: alarmtext.SmsSilent()})
}

// tokenOf is the sealed token of a message. It ends the message if the token need not be sent, and lets it wait while the
// token's sale is being reversed: the end of that says whether the token stays good.
func tokenOf(tx Tx, m *Message, now time.Time) ([]byte, error) {
	t, _, found, err := tx.Carried().TokenForPush(m.Token)
	if err != nil {
		return nil, err
	}
	if why := needless(*m, t, found); why != "" {
		m.end(Suppressed, why, now)
		return nil, nil
	}
	if !t.Sale.IsZero() {
		s, found, err := tx.Carried().VendSale(t.Sale)
		if err != nil {
			return nil, err
		}
		if found && s.State == sale.Reversing {
			m.Failure, m.NextAt = "the sale is being reversed", now.Add(reversingPause)
		}
	}
	return t.Sealed, nil
}

// reversingPause is after which time it is looked whether the reversal of a sale is over.
const reversingPause = 5 * time.Minute

// Why a token need not be sent.
const (
	noDigits = "the token has no digits"
	notValid = "the token is not valid any more"
	inMeter  = "the meter has the token already"
)

// needless says why a token need not be sent; empty where it must.
func needless(m Message, t sale.Token, found bool) string {
	switch {
	case !found:
		return noDigits
	case undone(t):
		return notValid
	case m.Purpose == PurposeMeter && t.State == sale.TokenAccepted:
		return inMeter
	}
	return ""
}

// undone reports whether a token is not to be loaded any more: its sale was reversed, or it was never made.
func undone(t sale.Token) bool {
	return t.State == sale.TokenReversed || t.State == sale.TokenReversedUnconfirmed || t.State == sale.TokenFailed
}

func orWhy(why, otherwise string) string {
	if why == "" {
		return otherwise
	}
	return why
}

// send renders a message and gives it to the route. The text exists only from here to the route.
func (d *Dispatcher) send(ctx context.Context, r Configured, e errand) Sent {
	text, err := d.text(e)
	if err != nil {
		return Sent{Outcome: Refused, Why: err.Error()}
	}
	ctx, cancel := context.WithTimeout(ctx, sendLimit)
	defer cancel()
	return r.Send(ctx, Outgoing{ID: e.message.ID.Text(id.Message), To: e.message.Phone, Text: text, Report: true, Validity: validity(e.message, d.c.Now())})
}

// validity is how long the network may try: as long as the message is worth anything.
func validity(m Message, now time.Time) time.Duration {
	if m.ExpiresAt.IsZero() {
		return 0
	}
	return max(m.ExpiresAt.Sub(now), time.Minute)
}

// text is what is sent.
func (d *Dispatcher) text(e errand) (string, error) {
	m := e.message
	switch {
	case e.asking:
		return AskLastTokens, nil
	case m.Purpose == PurposeWritten:
		return m.Text, nil
	}
	var token sts.Token
	if e.sealed != nil {
		digits, err := d.c.Opener.Open(sale.TokenContext(m.Token), e.sealed)
		if err != nil {
			return "", fmt.Errorf("open the digits of token %s: %w", m.Token.Text(id.Token), err)
		}
		defer clear(digits)
		var read sts.Result
		if token, read = sts.ParseToken(string(digits)); read != sts.Accept {
			return "", fmt.Errorf("open the digits of token %s: they are not a token", m.Token.Text(id.Token))
		}
	}
	if m.Purpose == PurposeMeter {
		if token == (sts.Token{}) {
			return "", fmt.Errorf("send a message to a meter: it has no token")
		}
		return TokenCommand + token.Reveal(), nil
	}
	lang, _ := LanguageOf(m.Lang)
	rendered, err := Render(lang, m.Purpose, m.Args, token)
	if err != nil {
		return "", err
	}
	return rendered.Reveal(), nil
}

// settled notes a route's answer to the try of an errand and draws its consequences.
func (d *Dispatcher) settled(tx Tx, e errand, s Sent) error {
	message := e.message.ID
	m, found, err := tx.MessageByID(message)
	if err != nil || !found {
		return err
	}
	tries, err := tx.MessageTries(message)
	n := e.message.Tries
	if err != nil || len(tries) < n {
		return err
	}
	now, before := d.c.Now(), m
	t := &tries[n-1]
	said := "" // by a report that came before this answer
	if t.Report == Failed.String() {
		said = t.Why
	}
	t.Outcome, t.DoneAt, t.Reference, t.Parts, t.Why = s.Outcome.String(), now, cut(s.Reference, MaxReference), s.Parts, orWhy(said, cut(s.Why, MaxWhy))
	if s.Outcome == Accepted {
		t.Why = said
	}
	if err := d.charge(tx, t, s, now); err != nil {
		return err
	}
	rejected := m.State == Queued && !m.AnsweredAt.Before(t.At)
	if n < len(tries) || !m.Open || rejected { // a later try goes on; or it was answered, or ended, before the route's own answer was noted
		m.Cost += t.Cost
		if s.Outcome == Accepted {
			m.Parts = t.Parts
		}
		if rejected {
			if err := tx.Carried().TokenSent(m.Token); err != nil {
				return err
			}
		}
		keep := tx.MessageHold // a later try has the claim
		if n == len(tries) {
			keep = tx.MessagePut
		}
		return errors.Join(tx.TryPut(message, *t), keep(m))
	}
	settle(&m, tries, s, d.open(), d.c.Answer, now)
	if err := tx.TryPut(message, *t); err != nil { // after settle: a report may have said more
		return err
	}
	if before.SentAt.IsZero() && !m.SentAt.IsZero() && m.Purpose == PurposeMeter {
		if err := tx.Carried().TokenSent(m.Token); err != nil {
			return err
		}
	}
	return d.put(tx, m, before)
}

// charge counts what a try has cost, in itself and in its month. One that may have left is charged for by whoever carried it,
// so it costs what it would have if it has: a bill that is higher than the count is noticed too late.
func (d *Dispatcher) charge(tx Tx, t *Try, s Sent, now time.Time) error {
	if s.Outcome != Accepted && s.Outcome != Unknown {
		return nil
	}
	t.Parts = max(s.Parts, 1)
	for _, r := range d.c.Routes {
		if r.Name() == t.Route {
			t.Cost = int64(t.Parts) * r.Cost
		}
	}
	_, zone, err := tx.QuietHours()
	if err != nil {
		return err
	}
	return tx.MessageTotal(now.In(zone).Format("2006-01"), t.Route, t.Parts, t.Cost)
}

// put writes a message; where its state has changed the log says so, and what hangs on it follows.
func (d *Dispatcher) put(tx Tx, m, before Message) error {
	if err := tx.MessagePut(m); err != nil {
		return err
	}
	return d.follow(tx, m, before)
}

// follow is what hangs on a message's state.
func (d *Dispatcher) follow(tx Tx, m, before Message) error {
	if m.State != before.State && m.State != Queued {
		if err := d.note(tx, m); err != nil {
			return err
		}
	}
	if isNoticeSent(before) {
		return nil
	}
	return noteNoticeSent(tx, m)
}
