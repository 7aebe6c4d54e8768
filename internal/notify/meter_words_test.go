package notify_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/notify"
	"github.com/paywatt/paywatt/internal/sale"
)

const (
	loadedText   = "Recharge OK. 34.7 kWh added. Balance 42.8 kWh"
	rejectedText = "Token rejected. Balance 4.2 kWh"
	otherList    = "Last tokens: 20.11 9999..8888 +34.7 kWh"
)

// TestHalfAnAnswerOfAMeterProvesNothing checks that an answer with a missing part is stored, but does not answer the message.
func TestHalfAnAnswerOfAMeterProvesNothing(t *testing.T) {
	for missing, want := range map[int]notify.State{0: notify.Answered, 1: notify.SentOut} {
		c := newCounter(t, 1)
		c.send()
		dispatcher := notify.New(notify.Config{Door: c, Opener: c, Now: func() time.Time { return c.now }})
		if err := dispatcher.Inbox(1).Receive(t.Context(), notify.Incoming{Route: "a", Identity: [16]byte{1}, From: meterSIM, Text: loadedText, Missing: missing}); err != nil {
			t.Fatal(err)
		}
		in := c.messages[len(c.messages)-1]
		if got := c.messages[0].State; got != want || (in.Failure == "1 parts are missing") != (missing == 1) || (in.Answers == c.messages[0].ID) != (missing == 0) {
			t.Errorf("%d parts missing: the message is %s, the answer %+v", missing, got, in)
		}
		if in.Purpose != notify.PurposeFromMeter || in.Meter != 1 || in.Number != meterA || in.Route != "a" || in.Phone != meterSIM || in.Identity != [16]byte{1} || in.Text != loadedText || !in.CreatedAt.Equal(c.now) {
			t.Errorf("stored %+v", in)
		}
	}
}

// TestWhatAnAnswerMovesOn checks the next step after each kind of answer. After a list without the token, the message waits as long as for
// a first answer. After a doubtful answer the dispatcher asks at once. An answer that says nothing about tokens changes nothing.
func TestWhatAnAnswerMovesOn(t *testing.T) {
	for name, x := range map[string]struct {
		text string
		do   func(*counter)
		due  time.Duration // time from the answer to the next try; -1 for unchanged
		ask  bool
	}{
		"a list without the token":             {otherList, func(*counter) {}, time.Minute, false},
		"a list after the question":            {otherList, func(c *counter) { c.messages[0].Asking = true }, time.Minute, false},
		"a doubtful answer":                    {"this recharge card has been used!", func(*counter) {}, 0, true},
		"a doubtful answer after the question": {"this recharge card has been used!", func(c *counter) { c.lastly[c.messages[0].ID] = true }, -1, true},
		"the balance":                          {"Balance 4.2 kWh", func(*counter) {}, -1, false},
		"something else":                       {"Low credit: 19.9 kWh left. Please buy soon.", func(*counter) {}, -1, false},
	} {
		c := newCounter(t, 1)
		c.send()
		was := c.now.Add(time.Hour)
		c.messages[0].NextAt = was
		x.do(c)
		c.reachInbox(x.text)
		m := c.messages[0]
		if want := map[bool]time.Time{true: was, false: c.now.Add(x.due)}[x.due < 0]; !m.NextAt.Equal(want) || m.Asking != x.ask || !m.Open || m.State != notify.SentOut {
			t.Errorf("%s: due at %s, asking %t, %s; want %s, %t", name, m.NextAt, m.Asking, m.State, want, x.ask)
		}
	}
}

// TestAnAnswerBeforeTheRoutesOwn checks that a meter's answer counts as proof that the message has left.
func TestAnAnswerBeforeTheRoutesOwn(t *testing.T) {
	for _, text := range []string{loadedText, rejectedText} {
		for _, sent := range []bool{true, false} {
			c := newCounter(t, 1)
			c.send()
			before := c.now.Add(-time.Minute)
			if sent {
				c.messages[0].SentAt = before
			}
			c.reachInbox(text)
			want := map[bool]time.Time{true: before, false: c.now}[sent]
			if m := c.messages[0]; !m.SentAt.Equal(want) || !m.AnsweredAt.Equal(c.now) {
				t.Errorf("%q: sent at %s, answered at %s; want %s, %s", text, m.SentAt, m.AnsweredAt, want, c.now)
			}
		}
	}
}

// TestAnAnswerIsWrittenDownOnce checks that a repeated answer leaves one audit row and the time of the first answer.
func TestAnAnswerIsWrittenDownOnce(t *testing.T) {
	c := newCounter(t, 1)
	c.messages = c.messages[:1]
	c.send()
	c.reachInbox(loadedText)
	c.reachInbox(loadedText)
	if want := []string{"message.answered purpose=meter-sms meter=" + meterA}; !slices.Equal(c.audit, want) {
		t.Errorf("the audit log has %q, want %q", c.audit, want)
	}
	if m := c.messages[0]; !m.AnsweredAt.Equal(c.now.Add(-time.Second)) || !m.EndedAt.Equal(m.AnsweredAt) {
		t.Errorf("answered at %s, ended at %s; want the first answer's time", m.AnsweredAt, m.EndedAt)
	}
}

// TestARejectionGivesATokenOneMoreDay checks that a token gets one more day only once, and only if its message lives that long and
// is the queue head. A rejection is counted once.
func TestARejectionGivesATokenOneMoreDay(t *testing.T) {
	for name, x := range map[string]struct {
		do    func(*counter, *notify.Message)
		again bool
		lost  bool
	}{
		"the first":                         {func(*counter, *notify.Message) {}, true, false},
		"with a day and a bit to live":      {func(c *counter, m *notify.Message) { m.ExpiresAt = c.now.Add(24*time.Hour + time.Second + 1) }, true, false},
		"with a day to live":                {func(c *counter, m *notify.Message) { m.ExpiresAt = c.now.Add(24*time.Hour + time.Second) }, false, true},
		"the first, after it was given up":  {func(_ *counter, m *notify.Message) { m.Open, m.State = false, notify.Uncertain }, false, true},
		"once more, after it was given up":  {func(c *counter, m *notify.Message) { m.Open, m.State, m.AnsweredAt = false, notify.Lost, c.now }, false, true},
		"a double, with nothing sent since": {func(c *counter, m *notify.Message) { m.AnsweredAt = c.now; c.tried = c.now }, false, false},
		"a second, of what was sent since":  {func(c *counter, m *notify.Message) { m.AnsweredAt = c.now.Add(-1); c.tried = c.now }, false, true},
	} {
		c := newCounter(t, 1)
		c.messages = c.messages[:1]
		c.send()
		m := &c.messages[0]
		m.Asking, m.NextAt = true, c.now.Add(time.Minute)
		x.do(c, m)
		c.reachInbox(rejectedText)
		m = &c.messages[0]
		rests := m.Open && m.State == notify.Queued && m.Failure == "the meter rejects the token" && m.NextAt.Equal(c.now.Add(24*time.Hour)) && !m.Asking && m.AnsweredAt.Equal(c.now)
		lost := !m.Open && m.State == notify.Lost && m.Failure == "the meter rejects the token" && m.AnsweredAt.Equal(c.now)
		if rests != x.again || lost != x.lost || len(c.alarms) == 1 != (x.again || x.lost) {
			t.Errorf("%s: %+v, alarms %v; want it to rest %t, lost %t", name, *m, c.alarms, x.again, x.lost)
		}
	}
}

// TestARefusalInTheListIsARejection checks that REFUSED in the list of last tokens rejects that token, and that an answered message
// is not rejected later.
func TestARefusalInTheListIsARejection(t *testing.T) {
	c := newCounter(t, 1)
	c.send()
	s := string(c.tokens[0].Sealed)
	c.reachInbox("Last tokens: 20.11 " + s[:4] + ".." + s[16:] + " REFUSED")
	if m := c.messages[0]; m.State != notify.Queued || m.Failure != "the meter rejects the token" || !m.NextAt.Equal(c.now.Add(24*time.Hour)) || len(c.alarms) != 1 {
		t.Errorf("refused in the list: %+v, alarms %v", m, c.alarms)
	}
	if in := c.messages[len(c.messages)-1]; in.Answers != c.messages[0].ID {
		t.Errorf("the list answers %s", in.Answers.Text(id.Message))
	}
	c = newCounter(t, 1)
	c.messages = c.messages[:1]
	c.tokens[0].Class, c.tokens[0].SubClass = 2, 1 // only a signed answer about this token counts
	c.send()
	c.reachInbox("Token accepted.")
	c.reachInbox(rejectedText)
	if m := c.messages[0]; m.State != notify.Answered || m.Open || len(c.alarms) != 0 {
		t.Errorf("rejected after it was answered: %+v, alarms %v", m, c.alarms)
	}
}

// TestWhichTokensAnAnswerCanBeAbout checks that an answer can be about the sent tokens, and about other tokens of the last thirty days
// whose digits are known.
func TestWhichTokensAnAnswerCanBeAbout(t *testing.T) {
	typed := func(c *counter) string {
		s := string(c.tokens[2].Sealed)
		return loadedText + ". Token " + s[:4] + ".." + s[16:]
	}
	for name, x := range map[string]struct {
		do    func(*counter)
		heard bool
	}{
		"made now":               {func(c *counter) {}, true},
		"made thirty days ago":   {func(c *counter) { c.tokens[2].IssuedAt = c.now.Add(time.Second - 30*24*time.Hour) }, true},
		"made before":            {func(c *counter) { c.tokens[2].IssuedAt = c.now.Add(time.Second - 30*24*time.Hour - 1) }, false},
		"without digits":         {func(c *counter) { c.tokens[2].Sealed = nil }, false},
		"whose sealing is wrong": {func(c *counter) { c.tokens[2].Sealed = sale.Sealed("123") }, false},
	} {
		c := newCounter(t, 1)
		c.messages = c.messages[:1]
		text := typed(c)
		x.do(c)
		c.reachInbox(text)
		if got := c.heard[c.tokens[2].ID]; got != x.heard || len(c.heard) > 1 {
			t.Errorf("%s: heard of %v, want %t", name, c.heard, x.heard)
		}
	}
}

// TestAnAnswerIsOfferedAgainWhileTheDigitsCannotBeRead checks that an answer is not taken while the token's digits cannot be read: without
// them it proves nothing.
func TestAnAnswerIsOfferedAgainWhileTheDigitsCannotBeRead(t *testing.T) {
	c := newCounter(t, 1)
	c.send()
	dispatcher := notify.New(notify.Config{Door: c, Opener: &opener{err: errStore}, Now: func() time.Time { return c.now }})
	err := dispatcher.Inbox(1).Receive(t.Context(), notify.Incoming{Route: "a", From: meterSIM, Text: loadedText})
	if !errors.Is(err, errStore) || c.messages[0].State != notify.SentOut {
		t.Errorf("%v, and the message is %s", err, c.messages[0].State)
	}
	o := &opener{}
	dispatcher = notify.New(notify.Config{Door: c, Opener: o, Now: func() time.Time { return c.now }})
	if err := dispatcher.Inbox(1).Receive(t.Context(), notify.Incoming{Route: "a", From: meterSIM, Text: loadedText}); err != nil || len(o.gave) == 0 {
		t.Errorf("%d tokens are read, %v", len(o.gave), err)
	}
	for _, digits := range o.gave {
		if strings.Trim(string(digits), "\x00") != "" {
			t.Errorf("digits stay in memory: %q", digits)
		}
	}
}

// TestATokenFromElsewhereIsSought checks that a token from another system is looked up among the sent tokens, and only once, even if it was
// sent several times.
func TestATokenFromElsewhereIsSought(t *testing.T) {
	for name, c := range map[string]struct {
		known bool // the store has the token
		state notify.State
	}{"known": {true, notify.Answered}, "gone": {false, notify.SentOut}} {
		w := newCounter(t, 1)
		m := w.messages[4]
		m.Tries, m.State = 1, notify.SentOut
		twice := m
		twice.ID, twice.Open = id.ID{15: 99}, false
		w.messages = []notify.Message{m, twice}
		if !c.known {
			w.tokens[4].ID = id.ID{15: 98}
		}
		b := broke(w, 0)
		dispatcher := notify.New(notify.Config{Door: doorTo[notify.Tx]{b}, Opener: w, Now: func() time.Time { return w.now }})
		if err := dispatcher.Inbox(1).Receive(t.Context(), notify.Incoming{Route: "a", From: meterSIM, Text: loadedText}); err != nil || w.messages[0].State != c.state || b.times["TokenForPush"] != 1 {
			t.Errorf("%s: the message is %s, %v, and the token was sought %d times", name, w.messages[0].State, err, b.times["TokenForPush"])
		}
	}
}

// TestATokenFromElsewhereMayBeMeantByAnyAnswer checks that an answer may be about a token from another system even if another token was
// sent later.
func TestATokenFromElsewhereMayBeMeantByAnyAnswer(t *testing.T) {
	c := newCounter(t, 1)
	foreign, own := c.messages[4], c.messages[0]
	foreign.Tries, foreign.State, own.Tries, own.State = 1, notify.SentOut, 1, notify.SentOut
	c.messages = []notify.Message{foreign, own}
	if c.reachInbox(loadedText); len(c.heard) != 0 || !c.messages[0].Asking || c.messages[0].State != notify.SentOut {
		t.Errorf("heard of %v, asking %t, %s", c.heard, c.messages[0].Asking, c.messages[0].State)
	}
}

// TestATokenOfAMeterIsTakenForWhatItIs checks that the state and the kind of a token decide what an answer means for it.
func TestATokenOfAMeterIsTakenForWhatItIs(t *testing.T) {
	const used = "this recharge card has been used! Balance 0.0 kWh"
	for name, x := range map[string]struct {
		do   func(*counter)
		text string
		want notify.State // state of the first message
	}{
		"used, and it is accepted":                {func(c *counter) { c.tokens[0].State = sale.TokenAccepted }, used, notify.Answered},
		"used, and it was heard of":               {func(c *counter) { c.tokens[0].State = sale.TokenHeard }, used, notify.Answered},
		"used, and it was given up":               {func(c *counter) { c.messages[0].Open, c.messages[0].State = false, notify.Uncertain }, used, notify.Answered},
		"used, and it is issued":                  {func(*counter) {}, used, notify.SentOut},
		"used, and its sale was reversed":         {func(c *counter) { c.tokens[0].State = sale.TokenReversed }, used, notify.Answered},
		"used, and it was never made":             {func(c *counter) { c.tokens[0].State = sale.TokenFailed }, used, notify.Answered},
		"a credit token, and the meter says done": {func(*counter) {}, "Token accepted.", notify.SentOut},
		"of a key change":                         {func(c *counter) { c.tokens[0].Class, c.tokens[0].SubClass = 2, 3 }, "Part of a key change accepted. Send the other tokens of the set.", notify.Answered},
		"of no key change":                        {func(c *counter) { c.tokens[0].Class, c.tokens[0].SubClass = 2, 1 }, "Part of a key change accepted. Send the other tokens of the set.", notify.SentOut},
		"of no key change, done":                  {func(c *counter) { c.tokens[0].Class, c.tokens[0].SubClass = 2, 1 }, "Token accepted.", notify.Answered},
		"class 1 is none that changes a key":      {func(c *counter) { c.tokens[0].Class, c.tokens[0].SubClass = 1, 3 }, "Part of a key change accepted. Send the other tokens of the set.", notify.SentOut},
		"made elsewhere, any units":               {func(c *counter) { c.tokens[0].Units = 0 }, loadedText, notify.Answered},
		"of other units":                          {func(c *counter) { c.tokens[0].Units = 34_800 }, loadedText, notify.SentOut},
	} {
		c := newCounter(t, 1)
		c.messages = c.messages[:1]
		c.send()
		x.do(c)
		before := c.tokens[0].State
		if c.reachInbox(x.text); c.messages[0].State != x.want {
			t.Errorf("%s: the message is %s, want %s", name, c.messages[0].State, x.want)
		}
		if token := c.tokens[0]; (token.Result != "") != (token.State != before) {
			t.Errorf("%s: the token was %s and is %s, %q", name, before, token.State, token.Result)
		}
	}
}

// TestALoadedTokenIsLoadedOnce checks two messages with the same token: the meter's answer is for the open message. An answer with a
// different text is about another token.
func TestALoadedTokenIsLoadedOnce(t *testing.T) {
	c := newCounter(t, 1)
	c.messages = c.messages[:2]
	c.send()
	c.reachInbox(loadedText)
	c.send() // sends the second message, with the same number of units
	if c.reachInbox(strings.Replace(loadedText, "42.8", "77.5", 1)); c.messages[1].State != notify.Answered {
		t.Errorf("in other words: %s", c.messages[1].State)
	}
	again := c.messages[0]
	again.ID, again.State, again.Open = id.ID{15: 99}, notify.SentOut, true
	for _, order := range []bool{true, false} {
		d := newCounter(t, 1)
		d.messages = d.messages[:1]
		d.send()
		first := d.messages[0]
		first.Open, first.State = false, notify.Uncertain
		d.messages = []notify.Message{first, again}
		if order {
			slices.Reverse(d.messages)
		}
		d.reachInbox(loadedText)
		if m := d.find(again.ID); m.State != notify.Answered || d.find(first.ID).State != notify.Uncertain {
			t.Errorf("the open one is %s, the other %s", m.State, d.find(first.ID).State)
		}
	}
}
