package notify

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/alarmtext"
	"github.com/paywatt/paywatt/internal/early"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/logkey"
	"github.com/paywatt/paywatt/internal/metering"
	"github.com/paywatt/paywatt/internal/sale"
	"github.com/paywatt/paywatt/sts"
)

// strayBatch is the largest number of messages that get a route in one transaction.
const strayBatch = 50

// sendJob is one message that a route has to send now.
type sendJob struct {
	message Message
	sealed  []byte        // digits of its token; nil if it has none
	asking  bool          // the worker sends the question for the meter's last tokens instead of the token
	silent  bool          // nothing is left to send
	page    access.Secret // address of the customer's page; empty for none
}

// look is the result of a worker's check.
type look uint8

const (
	nothing look = iota // no message is due
	others              // due messages are for another route, another server, or the worker that has their queue head
	served              // a message was handled
)

// one gives one due message of a tenant to the route.
func (d *Dispatcher) one(ctx context.Context, t access.Tenant, n int, r Configured) (look, error) {
	due, err := access.Look(ctx, d.c.Door, t, func(tx Tx) (bool, error) { return tx.Queued().MessageDue(d.c.Now()) })
	if err != nil || !due {
		return nothing, err
	}
	if err := d.c.Door.Do(ctx, t, func(tx Tx) (bool, error) { return false, d.assign(tx) }); err != nil {
		return nothing, err
	}
	var e sendJob
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
		s.Outcome = NotSent // a route that is out of order cannot judge a message
	}
	turn := d.judge(n, s, e.message.Phone)
	queued := false
	// The outcome must be recorded even if the program is ending.
	err = d.c.Door.Do(context.WithoutCancel(ctx), t, func(tx Tx) (bool, error) {
		if s.Reference != "" { // before any message, as whoever brings a report does
			if err := tx.Outcomes().Early().LockEarly(early.Report, r.Name()); err != nil {
				return false, err
			}
		}
		if err := d.applyRouteChange(tx, turn, r.Name(), s.Why); err != nil {
			return false, err
		}
		if err := d.settled(tx, e, s); err != nil {
			return false, err
		}
		sends, err := d.hearEarly(tx, r.Name(), cut(s.Reference, MaxReference))
		queued = sends
		return false, err
	})
	if err == nil && queued {
		d.Kick() // a report came before this answer
	}
	if turn == cameUp {
		d.Kick() // the messages that waited for it may leave by another route too
	}
	if turn == wentDown {
		written := time.Time{} // the next look writes the alarm
		if err == nil {
			written = d.c.Now()
		}
		d.noteDownAlarm(n, t, written)
		d.c.Log.Error("route went down", logkey.Route, r.Name(), logkey.Reason, cut(s.Why, MaxWhy))
		d.Kick() // the messages of the failed route go by the next route
	}
	return served, err
}

// assign gives a route to messages that have no route, or whose route is down or gone.
func (d *Dispatcher) assign(tx Tx) error {
	ways, now := d.open(), d.c.Now()
	mine, down := make([]string, len(ways.Mine)), []string{}
	for i, w := range ways.Mine {
		mine[i] = w.Name
		if w.Down && !w.probed { // a probed route keeps its message until it has tried to send it
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

// unwanted ends a message for which this server has no route, or lets it wait. It returns false if it changes nothing because
// another server may have a route for the message.
func (d *Dispatcher) unwanted(m *Message, tries []Try, ways Routes, now time.Time) bool {
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
	if !m.SentAt.IsZero() && m.Purpose == PurposeMeter && !takes { // the message was sent before, so the meter may have it
		m.end(Uncertain, "no route takes it, and the meter did not answer", now)
		return true
	}
	reroute(m, tries, ways, orWhy(m.Failure, "no route takes it"), now)
	return true
}

// probe returns the name of a down route that this message must test before it uses a working route. It returns "" if no route is
// due for a test. One message a minute tests a down route. If the test fails, the message goes by the next route at once.
func (d *Dispatcher) probe(m Message, tries []Try, now time.Time) string {
	d.mu.Lock()
	defer d.mu.Unlock()
	for i := range d.ways {
		w := &d.ways[i]
		if !w.Down || now.Before(w.probe) || choose(m, tries, []RouteStatus{w.RouteStatus}) == "" {
			continue
		}
		w.probe, w.granted = now.Add(probeEvery), now.Add(holdFor) // if this transaction is rolled back, the next probe is a minute away
		return w.Name
	}
	return ""
}

// begin prepares a claimed message for its route. The try is stored before the message is sent. If the server crashes in
// between, the next start finds the try without an answer and records its outcome as unknown.
func (d *Dispatcher) begin(tx Tx, m Message, r Configured) (sendJob, error) {
	now, before := d.c.Now(), m
	done := func() (sendJob, error) { return sendJob{silent: true}, d.put(tx, m, before) }
	tries, err := tx.MessageTries(m.ID)
	if err != nil {
		return sendJob{}, err
	}
	if len(tries) > 0 && tries[len(tries)-1].underWay() {
		last := &tries[len(tries)-1]
		s := Sent{Why: "the server ended before the answer"}
		last.Outcome, last.DoneAt, last.Why = s.Outcome.String(), now, orWhy(last.Why, s.Why)
		if err := d.charge(tx, last, s, now); err != nil {
			return sendJob{}, err
		}
		settle(&m, tries, s, d.open(), d.c.Answer, now)
		if err := tx.TryPut(m.ID, *last); err != nil {
			return sendJob{}, err
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
		return sendJob{silent: true}, err
	}
	if dropped, err := d.dropOutdated(tx, m); err != nil || dropped {
		return sendJob{silent: true}, err
	}
	if waits, err := m.guard(tx, now); err != nil {
		return sendJob{}, err
	} else if waits {
		return done()
	}
	if m.Purpose.warning() { // the warning may have waited for a route until the quiet hours
		quiet, zone, err := tx.QuietHours()
		if err != nil {
			return sendJob{}, err
		}
		if morning := quiet.After(now, zone); morning.After(now) {
			m.NextAt = morning
			return done()
		}
	}
	e, ready, err := d.contents(tx, &m, now)
	if err != nil {
		return sendJob{}, err
	}
	if !ready {
		return done()
	}
	if m.Purpose == PurposeMeter {
		if e.asking, err = d.step(tx, &m, tries, now); err != nil || !m.Open || m.NextAt.After(now) {
			return sendJob{silent: true}, errors.Join(err, d.put(tx, m, before))
		}
	}
	m.Tries, m.Route = len(tries)+1, r.Name()
	try := Try{N: m.Tries, Route: r.Name(), Asking: e.asking, Round: m.Round, At: now}
	e.message = m
	if err := tx.TryPut(m.ID, try); err != nil {
		return sendJob{}, err
	}
	return e, tx.MessageHold(m)
}

// contents reads what a message brings: its token, or the address of the customer's page. The caller adds the message to the result. It
// returns false if the message is not sent now.
func (d *Dispatcher) contents(tx Tx, m *Message, now time.Time) (e sendJob, ready bool, err error) {
	if !m.Token.IsZero() {
		if e.sealed, err = tokenOf(tx, m, now); err != nil || !m.Open || m.NextAt.After(now) {
			return e, false, err
		}
	}
	if m.Purpose == PurposeRecharge && !m.Vend.IsZero() {
		if err := receiptHolds(tx, m, now); err != nil || !m.Open || m.NextAt.After(now) {
			return e, false, err
		}
	}
	if err := updateBalance(tx, m); err != nil {
		return e, false, err
	}
	if e.page, err = d.pageFor(tx, *m, now); err != nil {
		return e, false, err
	}
	if m.Purpose == PurposePage && e.page.Reveal() == "" {
		m.end(Suppressed, "there is no page, or no short address of it", now)
		return e, false, nil
	}
	return e, true, nil
}

// updateBalance replaces the balance that was true when a message was queued by the present one. The message may have waited for hours, and
// an answer with a newer balance may have overtaken it. The reader may know the balance, because a message goes only to the telephone that is
// registered for the meter now ([withdrawn]).
func updateBalance(tx Tx, m *Message) error {
	if placeOf(m.Purpose).says == noTopic {
		return nil
	}
	_, available, _, found, err := tx.Recipients().WalletFigures(m.Meter)
	if err != nil || !found {
		return err
	}
	if m.Purpose == PurposeCutSoon && available.Minor > max(m.Args.Balance, 0) {
		m.Purpose = PurposeLow2 // somebody has paid a little since: there is credit, but not enough
	}
	m.Args.Balance = available.Minor
	return nil
}

// step decides what to send to a meter: its token, or the question for its last tokens. After the last try it ends the message
// and raises an alarm.
func (d *Dispatcher) step(tx Tx, m *Message, tries []Try, now time.Time) (asking bool, err error) {
	sent, lastAsked := 0, false
	for _, t := range tries {
		if (t.Outcome == Accepted.String() || t.Outcome == Unknown.String()) && t.At.After(m.AnsweredAt) { // since the rejection, if there was one
			sent, lastAsked = sent+1, t.Asking
		}
	}
	if m.State == SentOut || m.State == Arrived {
		m.Round++ // the meter gave no answer or a doubtful one, so the next wait is longer
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
	return false, tx.Outcomes().RaiseAlarm(m.Meter, metering.Alarm{Code: AlarmMeterSilent, Text: alarmtext.SmsSilent()})
}

// tokenOf returns the sealed token of a message. It ends the message if the token need not be sent. While the token's sale is
// being reversed the message waits, because the reversal's outcome decides whether the token stays valid.
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
		if found {
			m.awaitReversal(s, now)
		}
	}
	return t.Sealed, nil
}

// awaitReversal lets a message wait while its sale is being reversed.
func (m *Message) awaitReversal(s sale.Sale, now time.Time) {
	if s.State == sale.Reversing {
		m.Failure, m.NextAt = "the sale is being reversed", now.Add(reversingPause)
	}
}

// receiptHolds ends the message about a recharge that was reversed before the message could leave. While the sale is being reversed the
// message waits.
func receiptHolds(tx Tx, m *Message, now time.Time) error {
	s, found, err := tx.Carried().VendSale(m.Vend)
	if err != nil || !found {
		return err
	}
	if s.State == sale.Reversed {
		m.end(Suppressed, "the recharge was reversed", now)
		return nil
	}
	m.awaitReversal(s, now)
	return nil
}

// reversingPause is the time between checks whether the reversal of a sale is over.
const reversingPause = 5 * time.Minute

// Reasons why a token need not be sent.
const (
	noDigits = "the token has no digits"
	notValid = "the token is not valid any more"
	inMeter  = "the meter has the token already"
)

// needless returns the reason why a token need not be sent; empty if it must be sent.
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

// undone reports whether a token must not be loaded any more: its sale was reversed, or the token was never made.
func undone(t sale.Token) bool {
	return t.State == sale.TokenReversed || t.State == sale.TokenReversedUnconfirmed || t.State == sale.TokenFailed
}

func orWhy(why, otherwise string) string {
	if why == "" {
		return otherwise
	}
	return why
}

// send renders a message and gives it to the route. The text exists only in this function and in the route.
func (d *Dispatcher) send(ctx context.Context, r Configured, e sendJob) Sent {
	text, err := d.text(e)
	if err != nil {
		return Sent{Outcome: Refused, Why: err.Error()}
	}
	ctx, cancel := context.WithTimeout(ctx, sendLimit)
	defer cancel()
	return r.Send(ctx, Outgoing{ID: e.message.ID.Text(id.Message), To: e.message.Phone, Text: text, Report: true, Validity: validity(e.message, d.c.Now())})
}

// validity returns how long the network may try to deliver a message: until the message expires.
func validity(m Message, now time.Time) time.Duration {
	if m.ExpiresAt.IsZero() {
		return 0
	}
	return max(m.ExpiresAt.Sub(now), time.Minute)
}

// text returns the text that a send job sends.
func (d *Dispatcher) text(e sendJob) (string, error) {
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
	m.Args.Page = e.page.Reveal()
	rendered, err := Render(lang, m.Purpose, m.Args, token)
	if err != nil {
		return "", err
	}
	return rendered.Reveal(), nil
}

// settled records a route's answer to the try of a send job and updates the message.
func (d *Dispatcher) settled(tx Tx, e sendJob, s Sent) error {
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
	said := "" // the result from a report that came before this answer
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
	if n < len(tries) || !m.Open || rejected { // a newer try runs, or the message was answered or ended meanwhile
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
	if err := tx.TryPut(message, *t); err != nil { // written after settle, because a report may have added to the try
		return err
	}
	if before.SentAt.IsZero() && !m.SentAt.IsZero() && m.Purpose == PurposeMeter {
		if err := tx.Carried().TokenSent(m.Token); err != nil {
			return err
		}
	}
	return d.put(tx, m, before)
}

// charge records the cost of a try, in the try and in its month. A try of unknown outcome may be billed, so its full cost is
// counted: the total may be too high, but never below the bill.
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

// put writes a message. If the message's state has changed, put also calls follow.
func (d *Dispatcher) put(tx Tx, m, before Message) error {
	if err := tx.MessagePut(m); err != nil {
		return err
	}
	return d.follow(tx, m, before)
}

// follow writes the audit row for a message's new state. If the message holds a notice that now counts as sent, follow records
// the notice as sent too.
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
