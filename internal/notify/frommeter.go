package notify

import (
	"slices"
	"time"

	"github.com/paywatt/paywatt/internal/alarmtext"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/metering"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/sale"
	"github.com/paywatt/paywatt/sts"
	"github.com/paywatt/paywatt/wire"
)

// fromMeter handles a meter's message. It records what the message shows about tokens ([Match]) as heard, not as known, because nobody can
// prove the sender. A heard token needs no further SMS; its other deliveries continue.
func (d *Dispatcher) fromMeter(tx Tx, meter registry.Meter, in Message, raw Incoming) (bool, error) {
	reply := ParseMeterReply(raw.Text)
	if raw.Missing > 0 {
		reply = MeterReply{}
	}
	now := d.c.Now()
	known, err := d.pushed(tx, meter, now)
	if err != nil {
		return false, err
	}
	waiting, waits, err := tx.MessageAtMeter(meter.N, now)
	if err != nil {
		return false, err
	}
	var at *Pushed
	name := waiting.ID.Text(id.Message)
	for i := range known {
		if waits && known[i].Message == name {
			p := known[i]
			at, known = &p, slices.Delete(known, i, i+1)
			break
		}
	}
	f := Match(at, known, reply)
	if about, err := id.Parse(id.Message, f.About); err == nil {
		in.Answers = about
	}
	if err := tx.MessageAdd(in); err != nil {
		return false, err
	}
	for _, name := range f.InMeter {
		if err := d.heard(tx, name, meter.N, reply, now); err != nil {
			return false, err
		}
	}
	if f.Rejected {
		return true, d.rejected(tx, in.Answers, now)
	}
	if at == nil || slices.Contains(f.InMeter, name) || !f.Ask && reply.Kind != ReplyTokens {
		return true, nil
	}
	return true, d.doubt(tx, waiting.ID, f.Ask, now)
}

// doubt schedules the next step of a message after an answer that does not settle it. If ask is true, the answer proves nothing about the
// token, and the dispatcher asks the meter. If ask is false, the meter has listed its last tokens, and the token is not among them. If the
// last try sent the token, the question is sent at once. If the last try was itself a question, the next try does not come earlier than
// planned. So a forger of the meter's answers cannot use up all tries in a minute.
func (d *Dispatcher) doubt(tx Tx, message id.ID, ask bool, now time.Time) error {
	m, found, err := tx.MessageByID(message)
	if err != nil || !found || !m.Open {
		return err
	}
	tries, err := tx.MessageTries(message)
	if err != nil {
		return err
	}
	m.Asking = ask
	switch {
	case !ask:
		m.NextAt = now.Add(d.c.Answer)
	case len(tries) == 0 || !tries[len(tries)-1].Asking:
		m.NextAt = now
	}
	return tx.MessageHold(m)
}

// heard ends a message after the meter has said that it has the message's token.
func (d *Dispatcher) heard(tx Tx, name string, meter int64, reply MeterReply, now time.Time) error {
	i, err := id.Parse(id.Message, name)
	if err != nil {
		return d.typed(tx, name, meter, reply, now)
	}
	m, found, err := tx.MessageByID(i)
	if err != nil || !found {
		return err
	}
	if err := d.heardOf(tx, m.Token, m.Meter, reply, now); err != nil {
		return err
	}
	if m.State == Answered {
		return nil
	}
	before := m
	m.end(Answered, "", now)
	m.AnsweredAt = now
	if m.SentAt.IsZero() {
		m.SentAt = now
	}
	return d.put(tx, m, before)
}

// typed records a token that the meter reports from its keypad and that no message brought.
func (d *Dispatcher) typed(tx Tx, name string, meter int64, reply MeterReply, now time.Time) error {
	token, err := id.Parse(id.Token, name)
	if err != nil || reply.Kind != ReplyTyped {
		return nil // only a keypad report counts for such a token
	}
	return d.heardOf(tx, token, meter, reply, now)
}

// heardOf records that a meter says it has a token, and raises an alarm if the token's sale was reversed meanwhile: a meter without a
// connection has no other way to report the token. heardOf books no debt, because anybody may have sent the message.
func (d *Dispatcher) heardOf(tx Tx, token id.ID, meter int64, reply MeterReply, now time.Time) error {
	own, found, err := tx.Carried().ReportedToken(meter, &wire.Token{Request: token.Text(id.Token)})
	if err != nil || !found {
		return err
	}
	result := sts.UsedError
	if reply.Kind == ReplyAccepted || reply.Kind == ReplyTyped {
		result = sts.Accept
	}
	v := metering.HearToken(own, result.String())
	if v.State != own.State {
		err = tx.Carried().TokenAnswered(own, v.State, metering.ResultHeard, now)
	}
	if err != nil || v.Alarm == nil {
		return err
	}
	return tx.Outcomes().RaiseAlarm(meter, metering.Alarm{Code: AlarmReversedHeard, Text: alarmtext.SmsReversed()})
}

// rejected records that a meter rejected the token of a message. A meter whose SMS channel is locked rejects every token, so the message is
// sent again the next day and ends with the second rejection. Until then the message is not the queue head, and the next message to the
// meter is sent. The token keeps its state: a person must look.
func (d *Dispatcher) rejected(tx Tx, message id.ID, now time.Time) error {
	m, found, err := tx.MessageByID(message)
	if err != nil || !found || m.State == Answered {
		return err
	}
	if !m.AnsweredAt.IsZero() && m.Open {
		tries, err := tx.MessageTries(message)
		if err != nil {
			return err
		}
		if len(tries) > 0 && !tries[len(tries)-1].At.After(m.AnsweredAt) {
			return nil // the same rejection again: nothing was sent in the meantime
		}
	}
	before := m
	if err := d.rejection(tx, &m, now); err != nil {
		return err
	}
	return d.put(tx, m, before)
}

// rejection handles a message whose token the meter rejected, and raises an alarm. The first time, the message leaves the queue head and is
// sent again a day later. The second time, or if it expires before that, it ends as lost.
func (d *Dispatcher) rejection(tx Tx, m *Message, now time.Time) error {
	first := m.AnsweredAt.IsZero()
	m.AnsweredAt = now
	if m.SentAt.IsZero() { // the meter's answer came before the route's
		m.SentAt = now
	}
	if again := now.Add(rejectedPause); first && m.Open && again.Before(m.ExpiresAt) {
		m.State, m.Failure, m.Asking, m.NextAt = Queued, rejectedWhy, false, again
	} else {
		m.end(Lost, rejectedWhy, now)
	}
	return tx.Outcomes().RaiseAlarm(m.Meter, metering.Alarm{Code: AlarmMeterRejects, Text: alarmtext.SmsRejected()})
}

// rejectsLook is the number of a meter's last answers that are searched for a rejection.
const rejectsLook = 2 * MaxMeterTries

// rejects reports whether the meter rejected an unknown token since a message was first sent to it. A locked meter rejects
// every token, and shows none of them among its last tokens.
func (d *Dispatcher) rejects(tx Tx, m Message) (bool, error) {
	incoming := true
	all, err := tx.MessageList(Filter{Meter: m.Meter, Incoming: &incoming}, id.ID{}, rejectsLook)
	return slices.ContainsFunc(all, func(a Message) bool {
		return a.Purpose == PurposeFromMeter && a.CreatedAt.After(m.SentAt) && ParseMeterReply(a.Text).Kind == ReplyRejected
	}), err
}

// rejectedPause is the time before a rejected token is sent again: by then a lock of the meter has ended.
const rejectedPause = 24 * time.Hour

const rejectedWhy = "the meter rejects the token"

// pushed lists the tokens of a meter that an answer can be about, newest first. These are the tokens issued lately, and the tokens sent to
// the meter lately, even if they are older or another system issued them.
func (d *Dispatcher) pushed(tx Tx, meter registry.Meter, now time.Time) ([]Pushed, error) {
	since := now.Add(-AnswerHorizon)
	tokens, err := tx.Carried().VendTokens(meter.N, id.ID{}, MaxHistory)
	if err != nil {
		return nil, err
	}
	sent, err := tx.MeterMessages(meter.N, since, MaxHistory)
	if err != nil {
		return nil, err
	}
	listed := map[id.ID]bool{}
	for _, t := range tokens {
		listed[t.ID] = true
	}
	for _, m := range sent {
		if listed[m.Token] {
			continue
		}
		listed[m.Token] = true
		t, _, found, err := tx.Carried().TokenForPush(m.Token)
		if err != nil {
			return nil, err
		}
		if found {
			tokens = append(tokens, t)
		}
	}
	var out []Pushed
	for _, t := range tokens {
		p, err := d.push(t, sent)
		if err != nil {
			return nil, err
		}
		if p.BySMS || !t.IssuedAt.Before(since) && p.First != "" {
			out = append(out, p)
		}
	}
	return out, nil
}

// push is one token, with its messages and answers.
func (d *Dispatcher) push(t sale.Token, sent []MeterMessage) (Pushed, error) {
	p := Pushed{Message: t.ID.Text(id.Token), Class: t.Class, KeyChange: t.Class == managementClass && keyChange(t.SubClass), Units: t.Units,
		Unread: t.Class == 0 && t.Units == 0, InMeter: t.State == sale.TokenAccepted || t.State == sale.TokenHeard, Over: true}
	for _, m := range sent {
		if m.Token != t.ID {
			continue
		}
		if !p.BySMS || m.Open {
			p.Message = m.ID.Text(id.Message)
		}
		p.BySMS = true
		p.Over = p.Over && !m.Open || undone(t)
		if r := ParseMeterReply(m.Reply); r.Kind == ReplyAccepted && p.Loaded == nil {
			p.Loaded = &r
		}
	}
	if len(t.Sealed) == 0 {
		return p, nil
	}
	var err error
	p.First, p.Last, err = d.ends(t)
	return p, err
}

// ends returns the first and last four digits of a token: a meter's list shows only these.
func (d *Dispatcher) ends(t sale.Token) (first, last string, err error) {
	digits, err := d.c.Opener.Open(sale.TokenContext(t.ID), t.Sealed)
	if err != nil {
		return "", "", err
	}
	defer clear(digits)
	token, _ := sts.ParseToken(string(digits))
	first, last = EndsOf(token.String())
	return first, last, nil
}

// managementClass is the class of management tokens; keyChange reports whether a token changes the key (docs/reference/tokens.md#classes).
const managementClass = 2

func keyChange(subclass uint8) bool {
	return subclass == 3 || subclass == 4 || subclass == 8 || subclass == 9
}

// MeterMessage is a message that was given to a route for a meter.
type MeterMessage struct {
	ID    id.ID
	Token id.ID
	Open  bool
	Reply string // the meter's text that it loaded the token; empty without one
}
