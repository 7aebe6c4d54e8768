package notify_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/metering"
	"github.com/paywatt/paywatt/internal/notify"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/sale"
	"github.com/paywatt/paywatt/internal/tier"
	"github.com/paywatt/paywatt/meter"
	"github.com/paywatt/paywatt/meter/panel"
	"github.com/paywatt/paywatt/sts"
	"github.com/paywatt/paywatt/unit"
	pw "github.com/paywatt/paywatt/wire"
)

// counter is an office with one meter that takes tokens by SMS, and the messages on their way between the two.
type counter struct {
	*office
	tokens []sale.Token // tokens of the meter, oldest first
	heard  map[id.ID]bool
	alarms []metering.AlarmCode
	tried  time.Time      // when a message was last given to a route
	lastly map[id.ID]bool // by message: whether its last try asked the meter about its last tokens

	// The meter and the network.
	rand    *rand.Rand
	loaded  map[id.ID]bool
	history kept
	balance unit.Energy
	up      []string
	down    []string
}

func (c *counter) MessageTries(message id.ID) ([]notify.Try, error) {
	return []notify.Try{{N: 1, At: c.tried, Asking: c.lastly[message]}}, nil
}

const meterSIM = "+255700000200"

func (c *counter) Do(_ context.Context, _ access.Tenant, fn func(notify.Tx) (bool, error)) error {
	return commit(notify.Tx(c), fn)
}

// Open returns digits that the tests store unsealed.
func (c *counter) Open(_ string, sealed []byte) ([]byte, error) { return slices.Clone(sealed), nil }

func (c *counter) MeterBySIM(phone string) (registry.Meter, bool, error) {
	return registry.Meter{ID: id.ID{2}, N: 1, Number: meterA}, phone == meterSIM, nil
}
func (c *counter) SIMOf(int64) (string, error) { return meterSIM, nil }
func (c *counter) VendTokens(_ int64, _ id.ID, most int) ([]sale.Token, error) {
	all := slices.Clone(c.tokens[:len(c.tokens)-1]) // the last token was issued elsewhere
	slices.Reverse(all)
	return all[:min(most, len(all))], nil
}
func (c *counter) TokenForPush(token id.ID) (sale.Token, string, bool, error) {
	i := slices.IndexFunc(c.tokens, func(t sale.Token) bool { return t.ID == token })
	if i < 0 {
		return sale.Token{}, "", false, nil
	}
	return c.tokens[i], meterA, true, nil
}
func (c *counter) MeterMessages(_ int64, since time.Time, _ int) (out []notify.MeterMessage, err error) {
	for i := len(c.messages) - 1; i >= 0; i-- {
		m := c.messages[i]
		if m.Purpose != notify.PurposeMeter || m.Tries == 0 || m.CreatedAt.Before(since) {
			continue
		}
		x := notify.MeterMessage{ID: m.ID, Token: m.Token, Open: m.Open}
		for _, a := range c.messages {
			if a.Purpose == notify.PurposeFromMeter && a.Answers == m.ID && x.Reply == "" {
				x.Reply = a.Text
			}
		}
		out = append(out, x)
	}
	return out, nil
}
func (c *counter) MessageAtMeter(_ int64, now time.Time) (notify.Message, bool, error) {
	i := slices.IndexFunc(c.messages, func(m notify.Message) bool {
		rests := m.State == notify.Queued && !m.AnsweredAt.IsZero() && m.NextAt.After(now)
		return m.Purpose == notify.PurposeMeter && m.Open && m.Tries > 0 && !rests
	})
	if i < 0 {
		return notify.Message{}, false, nil
	}
	return c.messages[i], true, nil
}
func (c *counter) find(message id.ID) *notify.Message {
	for i := range c.messages {
		if c.messages[i].ID == message {
			return &c.messages[i]
		}
	}
	return nil
}
func (c *counter) MessageByID(message id.ID) (notify.Message, bool, error) {
	if m := c.find(message); m != nil {
		return *m, true, nil
	}
	return notify.Message{}, false, nil
}
func (c *counter) MessagePut(m notify.Message) error {
	*c.find(m.ID) = m
	return nil
}
func (c *counter) MessageHold(m notify.Message) error { return c.MessagePut(m) }
func (c *counter) ReportedToken(_ int64, r *pw.Token) (metering.OwnToken, bool, error) {
	for _, t := range c.tokens {
		if t.ID.Text(id.Token) == r.Request {
			return metering.OwnToken{ID: t.ID, State: t.State, Class: t.Class}, true, nil
		}
	}
	return metering.OwnToken{}, false, nil
}
func (c *counter) TokenAnswered(token metering.OwnToken, state metering.TokenState, result string, _ time.Time) error {
	for i := range c.tokens {
		if t := &c.tokens[i]; t.ID == token.ID {
			t.State, t.Result, c.heard[t.ID] = state, result, state == sale.TokenHeard
		}
	}
	return nil
}
func (c *counter) RaiseAlarm(_ int64, a metering.Alarm) error {
	c.alarms = append(c.alarms, a.Code)
	return nil
}

// newCounter returns a counter with five tokens that are as alike as possible. Another system issued the last of them, so this server
// cannot read it.
func newCounter(t *testing.T, seed uint64) *counter {
	c := &counter{office: opened(t), heard: map[id.ID]bool{}, lastly: map[id.ID]bool{}, loaded: map[id.ID]bool{}, rand: rand.New(rand.NewPCG(seed, 1))}
	for n := range 5 {
		token := sale.Token{ID: id.ID{9, byte(n)}, State: sale.TokenIssued, Units: 34_700, IssuedAt: c.now,
			Sealed: sale.Sealed(fmt.Sprintf("%04d567890123456%04d", 1000+n, 2000+n))}
		if n == 0 {
			token.IssuedAt = c.now.Add(-2 * notify.AnswerHorizon) // bought long ago, and found in a drawer
		}
		c.tokens = append(c.tokens, token)
		m, err := notify.Queue(c, notify.Draft{Purpose: notify.PurposeMeter, Phone: meterSIM, Meter: 1, Number: meterA, Token: token.ID}, c.now)
		if err != nil || !m.Open {
			t.Fatal(m.Failure, err)
		}
	}
	c.tokens[4].Units = 0
	return c
}

// send does the work of a route's worker: it sends the queue head, its token or the question.
func (c *counter) send() {
	i := slices.IndexFunc(c.messages, func(m notify.Message) bool { return m.Purpose == notify.PurposeMeter && m.Open })
	if i < 0 {
		return
	}
	m := &c.messages[i]
	text := notify.AskLastTokens
	switch notify.NextStep(m.Tries, m.Asking, c.lastly[m.ID]) {
	case notify.SendToken:
		t, _, _, _ := c.TokenForPush(m.Token)
		text, c.lastly[m.ID] = notify.TokenCommand+string(t.Sealed), false
	case notify.SendAsk:
		c.lastly[m.ID] = true
	default:
		m.Open, m.State = false, notify.Uncertain
		return
	}
	m.Tries, m.State = m.Tries+1, notify.SentOut
	c.up = append(c.up, text)
}

// reachMeter delivers a message to the meter, which answers in its own words.
func (c *counter) reachMeter(text string) {
	config := meter.Config{Language: meter.Language(c.rand.IntN(3))}
	r := panel.ParseSMS(text)
	if r.Kind == panel.RequestTokens {
		c.down = append(c.down, panel.Answer(&panel.View{Config: &config, State: &meter.State{}, History: c.history}, r.Kind))
		return
	}
	digits := r.RevealTokens()[0]
	i := slices.IndexFunc(c.tokens, func(t sale.Token) bool { return string(t.Sealed) == digits })
	token, _ := sts.ParseToken(digits)
	result := meter.Result{Code: sts.UsedError, Source: meter.SMS, Balance: c.balance}
	if !c.loaded[c.tokens[i].ID] {
		c.loaded[c.tokens[i].ID] = true
		result.Code, result.Units = sts.Accept, 34_700
	}
	if c.rand.IntN(2) == 0 { // otherwise the customer has used the same amount meanwhile
		c.balance += result.Units
		result.Balance = c.balance
	}
	c.history = append(kept{{At: c.now.Unix(), Masked: token.String(), Source: meter.SMS, Code: result.Code, Units: result.Units}}, c.history...)
	c.down = append(c.down, panel.AnswerToken(config.Language, result, true))
}

// typed types a token at the meter, which reports it unasked.
func (c *counter) typed() {
	i := c.rand.IntN(len(c.tokens))
	if c.loaded[c.tokens[i].ID] {
		return
	}
	c.loaded[c.tokens[i].ID] = true
	token, _ := sts.ParseToken(string(c.tokens[i].Sealed))
	c.balance += 34_700
	r := meter.Result{Code: sts.Accept, Source: meter.Keypad, Units: 34_700, Balance: c.balance}
	c.history = append(kept{{At: c.now.Unix(), Masked: token.String(), Source: meter.Keypad, Code: sts.Accept, Units: r.Units}}, c.history...)
	c.down = append(c.down, panel.Report(meter.Language(c.rand.IntN(3)), r, token.String()))
}

// some takes any message on the way. It may leave the message there to come again, or lose it.
func (c *counter) some(way *[]string, fair bool, take func(string)) {
	if len(*way) == 0 {
		return
	}
	i, fate := c.rand.IntN(len(*way)), c.rand.IntN(10)
	text := (*way)[i]
	if fair || fate > 0 {
		*way = slices.Delete(*way, i, i+1)
	}
	if fair || fate < 8 {
		take(text)
	}
}

func (c *counter) reachInbox(text string) {
	c.now = c.now.Add(time.Second)
	dispatcher := notify.New(notify.Config{Door: c, Opener: c, Now: func() time.Time { return c.now }})
	// Each arrival gets a different identity, as if the gateway did not mark repetitions.
	in := notify.Incoming{Route: "modem1", Identity: notify.IdentityOf(text, fmt.Sprint(c.now)), From: meterSIM, Text: text}
	if err := dispatcher.Inbox(1).Receive(c.t.Context(), in); err != nil {
		c.t.Fatal(err)
	}
}

// step lets one random event happen.
func (c *counter) step(fair bool) {
	switch n := c.rand.IntN(5); {
	case !fair && c.rand.IntN(30) == 0:
		c.typed()
	case n < 2:
		c.some(&c.up, fair, c.reachMeter)
	case n < 4:
		c.some(&c.down, fair, c.reachInbox)
	case !fair || len(c.up)+len(c.down) == 0:
		c.send()
	}
}

func (c *counter) check(seed uint64) {
	for token := range c.heard {
		if !c.loaded[token] {
			c.t.Fatalf("seed %d: token %d is taken for loaded and is not; on its way are %q and %q", seed, token[1], c.up, c.down)
		}
	}
}

// TestAMetersAnswersAtTheDispatcher brings five tokens to a meter. In the meter's answers, the tokens differ only by their ends. The
// network loses, doubles and reorders messages both ways, without marking repetitions. If the meter has not loaded a token, the server must
// never count this token as loaded. Once the network works, the server must find out about every loaded token.
func TestAMetersAnswersAtTheDispatcher(t *testing.T) {
	for seed := range uint64(tier.MeterReplies.N()) {
		c := newCounter(t, seed)
		for range 60 {
			c.step(false)
			c.check(seed)
		}
		for n := 0; len(c.heard) < len(c.tokens); n++ {
			if n > 2000 {
				t.Fatalf("seed %d: only %d of %d tokens come out", seed, len(c.heard), len(c.tokens))
			}
			c.step(true)
			c.check(seed)
			if !slices.ContainsFunc(c.messages, func(m notify.Message) bool { return m.Open }) {
				c.again()
			}
		}
		if len(c.alarms) != 0 {
			t.Errorf("seed %d: alarms %v, and the meter has rejected nothing", seed, c.alarms)
		}
		for _, m := range c.messages {
			if m.Incoming && strings.Contains(m.Text, "567890") {
				t.Errorf("digits are stored: %q", m.Text)
			}
		}
	}
}

// again reopens the first message to the meter that was given up. A person would do the same.
func (c *counter) again() {
	for i := range c.messages {
		if m := &c.messages[i]; m.Purpose == notify.PurposeMeter && m.State == notify.Uncertain {
			m.Open, m.State, m.Tries, m.Asking = true, notify.SentOut, 1, false
			return
		}
	}
}

func TestARejectionBySMSChangesNoToken(t *testing.T) {
	c := newCounter(t, 1)
	c.send()
	c.reachInbox("Token rejected. Balance 4.2 kWh")
	m := c.messages[0]
	if !m.Open || !m.NextAt.Equal(m.AnsweredAt.Add(24*time.Hour)) || len(c.alarms) != 1 || c.alarms[0] != notify.AlarmMeterRejects {
		t.Errorf("a message rejected once is %s, open %v, due %s, with alarms %v; want it open for another try in a day", m.State, m.Open, m.NextAt, c.alarms)
	}
	c.tried = m.AnsweredAt.Add(24 * time.Hour)
	c.reachInbox("Token rejected. Balance 4.2 kWh")
	if m := c.messages[0]; m.State != notify.Lost || m.Open || len(c.alarms) != 2 {
		t.Errorf("a message rejected twice is %s (%s), with alarms %v", m.State, m.Failure, c.alarms)
	}
	if len(c.heard) != 0 || c.tokens[0].State != sale.TokenIssued {
		t.Errorf("a rejection by SMS makes the token %s", c.tokens[0].State)
	}
	// The next message is now the queue head. A doubled rejection does not count against its token but causes a question.
	c.send()
	c.reachInbox("Token rejected. Balance 4.2 kWh")
	if m := c.messages[1]; !m.Open || !m.Asking || len(c.alarms) != 2 {
		t.Errorf("a double of the rejection leaves the next message %s, open %v, asking %v, with alarms %v", m.State, m.Open, m.Asking, c.alarms)
	}
}

// TestAnAnsweredMessageIsNotSentAgain checks that the refusal says what happened, what did not happen, and what to do if the credit is
// still missing.
func TestAnAnsweredMessageIsNotSentAgain(t *testing.T) {
	c := newCounter(t, 1)
	c.send()
	c.reachInbox("Recharge OK. 34.7 kWh added. Balance 42.8 kWh")
	dispatcher := notify.New(notify.Config{Door: c, Opener: c, Now: func() time.Time { return c.now }})
	before := c.messages[0]
	got, err := dispatcher.Retry(t.Context(), access.Actor{Role: access.Owner}, before.ID.Text(id.Message), "")
	if err != nil || got.Code != refusal.MessageAnswered || got.Code.Status() != 409 || got.Code.Exit() != 4 {
		t.Fatalf("got %+v, %v; want %s", got.Refusal, err, refusal.MessageAnswered)
	}
	if !strings.Contains(got.What, "answered message "+before.ID.Text(id.Message)+" at "+before.AnsweredAt.UTC().Format("2006-01-02 15:04 MST")) || !strings.Contains(got.Not, "No message was sent") || !strings.Contains(got.Try, "new message") {
		t.Errorf("it says %q", got.Detail())
	}
	if c.messages[0].State != notify.Answered || c.messages[0].Open {
		t.Errorf("the message is %s, open %v; want it as it was", c.messages[0].State, c.messages[0].Open)
	}
	in := c.messages[len(c.messages)-1]
	if got, err := dispatcher.Retry(t.Context(), access.Actor{Role: access.Owner}, in.ID.Text(id.Message), ""); err != nil || got.Code != refusal.InvalidRequest || strings.Contains(got.Try, "Correct") {
		t.Errorf("of the meter's answer: %+v, %v", got.Refusal, err)
	}
}

// TestATokenAtTheKeypadIsHeardOf checks that a keypad report counts for the token that it names, and not for another token with the same
// units. A token that no message brought is recorded too.
func TestATokenAtTheKeypadIsHeardOf(t *testing.T) {
	c := newCounter(t, 1)
	c.messages = c.messages[:1] // the other messages went to the customer's telephone
	c.send()
	c.tokens[2].IssuedAt = c.now
	report := func(i int) string {
		token, _ := sts.ParseToken(string(c.tokens[i].Sealed))
		return panel.Report(meter.English, meter.Result{Code: sts.Accept, Source: meter.Keypad, Units: 34_700, Balance: 42_800}, token.String())
	}
	c.reachInbox(report(2))
	if m := c.messages[0]; !m.Open || len(c.heard) != 1 || !c.heard[c.tokens[2].ID] {
		t.Errorf("the report of the third token leaves the first's message open: %v, and these are heard of: %v", m.Open, c.heard)
	}
	c.reachInbox(report(0))
	if m := c.messages[0]; m.Open || m.State != notify.Answered || !c.heard[c.tokens[0].ID] {
		t.Errorf("the report of its own token leaves a message %s, open %v", m.State, m.Open)
	}
	c.tokens[1].State = sale.TokenReversedUnconfirmed
	if c.reachInbox(report(1)); c.heard[c.tokens[1].ID] || !slices.Contains(c.alarms, notify.AlarmReversedHeard) {
		t.Errorf("the report of a reversed token raises %v, and it is heard of: %v", c.alarms, c.heard[c.tokens[1].ID])
	}
}

func TestAMeterIsNeverAnswered(t *testing.T) {
	c := newCounter(t, 1)
	before := len(c.messages)
	for _, text := range []string{"HELP", "BAL", "Low credit: 19.9 kWh left. Please buy soon.", "STOP"} {
		c.reachInbox(text)
	}
	for _, m := range c.messages[before:] {
		if !m.Incoming || m.Purpose != notify.PurposeFromMeter {
			t.Errorf("a meter's message leaves %+v", m)
		}
	}
}

// TestAReversedTokenThatWasLoadedIsNotForgotten reverses the sale while the token's message is on the way. If the meter has confirmed the
// cancelling, the answer "used" must raise no alarm.
func TestAReversedTokenThatWasLoadedIsNotForgotten(t *testing.T) {
	const loaded, used = "Recharge OK. 34.7 kWh added. Balance 42.8 kWh", "this recharge card has been used! Balance 42.8 kWh"
	for _, x := range []struct {
		state sale.TokenState
		text  string
		alarm bool
	}{
		{sale.TokenReversed, loaded, true}, {sale.TokenReversedUnconfirmed, loaded, true}, {sale.TokenReversedUnconfirmed, used, true},
		{sale.TokenReversed, used, false}, {sale.TokenSent, loaded, false}, {sale.TokenHeard, loaded, false}, {sale.TokenAccepted, used, false},
	} {
		c := newCounter(t, 1)
		c.send()
		c.tokens[0].State = x.state
		c.reachInbox(x.text)
		if got := slices.Contains(c.alarms, notify.AlarmReversedHeard); got != x.alarm {
			t.Errorf("%s, and the meter says %q: alarms %v, want one: %v", x.state, x.text, c.alarms, x.alarm)
		}
		if m := c.messages[0]; m.State != notify.Answered {
			t.Errorf("%s: the message is %s, want it answered", x.state, m.State)
		}
	}
}
