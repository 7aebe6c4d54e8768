package notify_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/metering"
	"github.com/paywatt/paywatt/internal/notify"
	"github.com/paywatt/paywatt/internal/sale"
)

// withToken is a hall with a valid token.
func withToken(t *testing.T) (h *hall, a, b *wire) {
	h, a, b = newHall(t)
	h.tokens[id.ID{15: 1}] = sale.Token{ID: id.ID{15: 1}, State: sale.TokenIssued, Sealed: sale.Sealed("12345678901234567890")}
	return h, a, b
}

// TestARouteThatIsOutOfOrderHasNoWordAboutAMessage: a refusal by such a route does not count, and an unknown outcome stays unknown.
func TestARouteThatIsOutOfOrderHasNoWordAboutAMessage(t *testing.T) {
	for _, c := range []struct {
		answer notify.Sent
		want   string
		down   bool
	}{
		{notify.Sent{Outcome: notify.Refused, Closed: true, Why: "wrong password"}, "sent open=false route=b round=0 tries=2 cost=0", true},
		{notify.Sent{Outcome: notify.Refused, Why: "barred"}, "sent open=false route=b round=0 tries=2 cost=0", false},
		{notify.Sent{Outcome: notify.Unknown, Closed: true, Why: "no answer"}, "unknown open=false route=a round=0 tries=1 cost=100 why no answer", false},
		{notify.Sent{Outcome: notify.Accepted, Closed: true, Parts: 1}, "sent open=false route=a round=0 tries=1 cost=100", false},
	} {
		h, a, _ := newHall(t)
		a.answers = []notify.Sent{c.answer}
		m := h.queues(text())
		h.serves()
		h.want(c.answer.Why, h.state(m), c.want)
		s, err := h.dispatcher.Routes(t.Context(), clerk())
		if err != nil || s.Routes[0].Down != c.down {
			t.Errorf("%s: %+v, %v; want it down: %t", c.answer.Why, s.Routes[0], err, c.down)
		}
		if c.down && h.tries[m][0].Outcome != "not_sent" {
			t.Errorf("%s: tried %+v", c.answer.Why, h.tries[m][0])
		}
	}
}

// TestAFailureInBetweenDoesNotCount: a route goes down only after five failures in a row.
func TestAFailureInBetweenDoesNotCount(t *testing.T) {
	h, a, _ := newHall(t)
	no, yes := notify.Sent{Outcome: notify.NotSent, Why: strings.Repeat("x", notify.MaxWhy+1)}, notify.Sent{Outcome: notify.Accepted}
	a.answers = []notify.Sent{no, no, no, no, yes, no, no, no, no}
	for i := range 9 {
		d := text()
		d.Phone = fmt.Sprintf("+25470000010%d", i)
		h.queues(d)
		h.serves()
	}
	s, err := h.dispatcher.Routes(t.Context(), clerk())
	if r := s.Routes[0]; err != nil || r.Down || r.Failures != 4 || len(r.Why) != notify.MaxWhy || !r.Last.Equal(h.now) || r.Kind != "modem" || r.Cost != 100 || !r.Meters || s.Routes[1].Prefixes[0] != "+2547" {
		t.Errorf("%+v, %v", r, err)
	}
}

// TestARouteThatIsDownIsTriedOnceAMinute: only one message a minute goes by such a route.
func TestARouteThatIsDownIsTriedOnceAMinute(t *testing.T) {
	h, a, b := newHall(t)
	down := notify.Sent{Outcome: notify.NotSent, Closed: true, Why: "no modem"}
	a.answers = []notify.Sent{down, down, down}
	tried := func(after time.Duration, want int) {
		t.Helper()
		h.now = h.now.Add(after)
		h.queues(text())
		h.queues(text())
		if h.serves(); len(a.sent) != want {
			t.Errorf("%s later the route was tried %d times, want %d", after, len(a.sent), want)
		}
	}
	tried(0, 1)
	tried(59*time.Second, 1)
	tried(time.Second, 2)
	tried(59*time.Second, 2)
	tried(time.Second, 3)
	tried(time.Minute, 4) // one message finds out that the route works again
	tried(0, 6)
	if len(b.sent) != 11 {
		t.Errorf("%d messages went by the other route, want 11", len(b.sent))
	}
}

// TestAMessageThatCannotMoveHoldsNoneUp: the message after it still gets a route.
func TestAMessageThatCannotMoveHoldsNoneUp(t *testing.T) {
	h, a, b := withToken(t)
	a.answers = []notify.Sent{{Outcome: notify.NotSent, Closed: true, Why: "no modem"}}
	h.queues(text())
	h.serves() // route a is down, and route b has sent the text
	stuck, next := h.queues(toMeter()), h.queues(text())
	h.of(stuck).Route, h.of(next).Route = "a", "a"
	h.serves()
	if h.of(stuck).State != notify.Queued || h.of(next).State != notify.SentOut || len(b.sent) != 2 {
		t.Errorf("%s; %s", h.state(stuck), h.state(next))
	}
	routes := []notify.Configured{{Route: b, Prefixes: []string{"+2547"}}}
	shared := notify.New(notify.Config{Door: h, Hasher: h, Routes: routes, Now: func() time.Time { return h.now }})
	abroad := h.queues(notify.Draft{Purpose: notify.PurposeWritten, Text: "hello", Phone: "+255700000001"})
	mine := h.queues(text())
	if _, err := shared.Serve(t.Context(), 1); err != nil || h.of(abroad).State != notify.Queued || h.of(mine).State != notify.SentOut {
		t.Errorf("%s; %s, %v", h.state(abroad), h.state(mine), err)
	}
}

// TestAMessageOfARouteThatIsGoneMoves: the message gets another route ten minutes after it was due.
func TestAMessageOfARouteThatIsGoneMoves(t *testing.T) {
	h, _, _ := newHall(t)
	m := h.queues(text())
	h.of(m).Route = "gone"
	h.now = h.now.Add(10 * time.Minute)
	h.want("ten minutes", h.serves(), "")
	h.now = h.now.Add(time.Nanosecond)
	if h.serves(); h.of(m).State != notify.SentOut || h.of(m).Route != "a" {
		t.Errorf("after ten minutes: %s", h.state(m))
	}
}

// TestAMeterWaitsAsLongAsTheServerIsTold: the server waits for a meter's first answer for the configured time, by default a minute.
func TestAMeterWaitsAsLongAsTheServerIsTold(t *testing.T) {
	for answer, want := range map[time.Duration]time.Duration{0: time.Minute, 20 * time.Second: 20 * time.Second} {
		h, _, _ := withToken(t)
		c := h.config()
		c.Door, c.Answer = h, answer
		h.dispatcher = notify.New(c)
		m := h.queues(toMeter())
		if h.serves(); h.of(m).NextAt.Sub(h.now) != want {
			t.Errorf("%s: the meter is waited for %s, want %s", answer, h.of(m).NextAt.Sub(h.now), want)
		}
	}
}

// TestATokenForAForgedNumberDoesNotWaitForEver: its number is held anew each day, until the message ends and says so. Once somebody has entered the
// right number in time, the message leaves.
func TestATokenForAForgedNumberDoesNotWaitForEver(t *testing.T) {
	for mendedAfter, want := range map[int]notify.State{2: notify.SentOut, 100: notify.Expired} {
		h, a, _ := withToken(t)
		h.forged = true
		m := h.queues(notify.Draft{Purpose: notify.PurposeToken, Token: id.ID{15: 1}, Args: notify.Args{Currency: "KES", Meter: meterA}})
		holds := 0
		for h.serves(); h.of(m).Open && holds < 10; h.serves() {
			holds++
			h.forged = holds < mendedAfter
			h.now = h.of(m).NextAt
		}
		if x := h.of(m); x.Open || x.State != want || (len(a.sent) == 1) != (want == notify.SentOut) {
			t.Errorf("mended after %d holds: %s after %d holds, sent %d", mendedAfter, h.state(m), holds, len(a.sent))
		}
	}
}

// TestWhatIsTooLate: a message that expires ends in a state that shows whether it may have arrived.
func TestWhatIsTooLate(t *testing.T) {
	for name, c := range map[string]struct {
		draft notify.Draft
		do    func(*notify.Message)
		want  string
	}{
		"a text":                  {text(), func(*notify.Message) {}, "expired: it could not be sent in time"},
		"a text that failed":      {text(), func(m *notify.Message) { m.Failure = "no network" }, "expired: no network"},
		"a text that was sent":    {text(), func(m *notify.Message) { m.SentAt = m.CreatedAt }, "expired: it could not be sent in time"},
		"for a meter":             {toMeter(), func(*notify.Message) {}, "expired: it could not be sent in time"},
		"for a meter, sent":       {toMeter(), func(m *notify.Message) { m.SentAt = m.CreatedAt }, "unknown: the meter did not answer in time"},
		"a text that never ends":  {text(), func(m *notify.Message) { m.ExpiresAt = time.Time{} }, "sent: "},
		"for a meter, never ends": {toMeter(), func(m *notify.Message) { m.ExpiresAt = time.Time{} }, "sent: "},
	} {
		h, a, _ := withToken(t)
		m := h.queues(c.draft)
		h.now = h.of(m).ExpiresAt
		c.do(h.of(m))
		h.serves()
		x := h.of(m)
		h.want(name, string(x.State)+": "+x.Failure, c.want)
		if len(a.sent) == 1 && a.sent[0].Validity != 0 {
			t.Errorf("%s: the network may try for %s", name, a.sent[0].Validity)
		}
	}
}

// TestWarningsWaitForTheMorning: a warning waits for the morning, even if it was due earlier and the night came while it
// waited for a route. Other messages do not wait.
func TestWarningsWaitForTheMorning(t *testing.T) {
	night, morning := time.Date(2026, 11, 20, 22, 0, 0, 0, time.FixedZone("EAT", 3*3600)), time.Date(2026, 11, 21, 7, 0, 0, 0, time.FixedZone("EAT", 3*3600))
	warn := func(p notify.Purpose) notify.Draft {
		d := warning()
		d.Purpose = p
		return d
	}
	for _, c := range []struct {
		draft notify.Draft
		waits bool
	}{
		{warn(notify.PurposeLow1), true}, {warn(notify.PurposeLow2), true}, {warn(notify.PurposeCutSoon), true}, {warn(notify.PurposeCutOff), false}, {warn(notify.PurposeRestored), false},
		{toCustomer(), false}, {toMeter(), false}, {text(), false},
	} {
		h, _, _ := withToken(t)
		h.now = night
		m := h.queues(c.draft)
		life := h.of(m).ExpiresAt.Sub(h.of(m).NextAt)
		if at := h.of(m).NextAt; at.Equal(morning) != c.waits || !c.waits && !at.Equal(night) || life%(24*time.Hour) != 0 {
			t.Errorf("%s is due at %s, for %s", c.draft.Purpose, at, life)
		}
		h.of(m).NextAt = night // this simulates a message that has waited for a route
		h.serves()
		if x := h.of(m); (x.State == notify.Queued && x.NextAt.Equal(morning)) != c.waits || (x.State == notify.SentOut) == c.waits {
			t.Errorf("%s at night: %s", c.draft.Purpose, h.state(m))
		}
		if h.now = morning; c.waits && h.serves() != "" && h.of(m).State != notify.SentOut {
			t.Errorf("%s in the morning: %s", c.draft.Purpose, h.state(m))
		}
		if h.of(m).State != notify.SentOut {
			t.Errorf("%s in the end: %s", c.draft.Purpose, h.state(m))
		}
		lines := map[bool]string{true: amina + " warnings", false: amina}
		if want := lines[c.waits]; c.draft.Purpose != notify.PurposeMeter && h.of(m).Line != want {
			t.Errorf("%s stands in the line %q, want %q", c.draft.Purpose, h.of(m).Line, want)
		}
	}
	h, _, _ := withToken(t)
	if m := h.queues(toMeter()); h.of(m).Line != "meter "+meterA {
		t.Errorf("a meter's line is %q", h.of(m).Line)
	}
}

// opener opens tokens, and remembers the digits that it returned.
type opener struct {
	err  error
	gave [][]byte
}

func (o *opener) Open(_ string, sealed []byte) ([]byte, error) {
	plain := slices.Clone(sealed)
	o.gave = append(o.gave, plain)
	return plain, o.err
}

// TestATokenThatCannotBeReadIsNotSent checks that a message is lost and never sent if its text cannot be written, for example because its
// token cannot be read. The test also checks that the digits of a readable token are wiped from memory.
func TestATokenThatCannotBeReadIsNotSent(t *testing.T) {
	for name, c := range map[string]struct {
		draft  notify.Draft
		sealed string
		err    error
		want   string
	}{
		"to a customer":       {toCustomer(), "12345678901234567890", nil, ""},
		"to a meter":          {toMeter(), "12345678901234567890", nil, ""},
		"under another key":   {toCustomer(), "12345678901234567890", errors.New("wrong key"), "open the digits of token " + (id.ID{15: 1}).Text(id.Token) + ": wrong key"},
		"no token":            {toCustomer(), "123", nil, "open the digits of token " + (id.ID{15: 1}).Text(id.Token) + ": they are not a token"},
		"a template's absent": {notify.Draft{Purpose: "no-such", Meter: 1, Number: meterA}, "", nil, `write a message: no template "no-such" in en`},
	} {
		h, a, _ := newHall(t)
		h.tokens[id.ID{15: 1}] = sale.Token{ID: id.ID{15: 1}, State: sale.TokenIssued, Sealed: sale.Sealed(c.sealed)}
		o := &opener{err: c.err}
		cfg := h.config()
		cfg.Door, cfg.Opener, cfg.Routes = h, o, h.routes[:1]
		h.dispatcher = notify.New(cfg)
		m := h.queues(c.draft)
		h.serves()
		if x := h.of(m); x.Failure != c.want || (len(a.sent) == 1) != (c.want == "") || (x.State == notify.Lost) != (c.want != "") {
			t.Errorf("%s: %s, %d sent", name, h.state(m), len(a.sent))
		}
		for _, digits := range o.gave {
			if c.err == nil && strings.Trim(string(digits), "\x00") != "" {
				t.Errorf("%s: digits stay in memory: %q", name, digits)
			}
		}
	}
	h, a, _ := newHall(t)
	m := h.queues(notify.Draft{Purpose: notify.PurposeMeter, Meter: 1, Number: meterA})
	if h.serves(); h.of(m).State != notify.Lost || len(a.sent) != 0 || h.of(m).Failure != "send a message to a meter: it has no token" {
		t.Errorf("without a token: %s", h.state(m))
	}
}

// TestWhatHappensWhileARouteSends: the route's answer does not undo a change that was made during the send.
func TestWhatHappensWhileARouteSends(t *testing.T) {
	for name, c := range map[string]struct {
		draft  notify.Draft
		during func(*hall, id.ID)
		answer notify.Sent
		want   string
		says   string
		try    string
	}{
		"it was answered": {toMeter(), func(h *hall, m id.ID) { h.of(m).State, h.of(m).Open = notify.Answered, false }, notify.Sent{Outcome: notify.Accepted, Parts: 3},
			"answered open=false route=a round=0 tries=1 cost=300", firstA + "total 2026-11 a 3 300", "accepted 3 "},
		"it was answered, and the route failed": {toMeter(), func(h *hall, m id.ID) { h.of(m).State, h.of(m).Open = notify.Answered, false }, notify.Sent{Outcome: notify.NotSent, Why: "no network"},
			"answered open=false route=a round=0 tries=1 cost=0", "", "not_sent 0 no network"},
		"it was rejected": {toMeter(), func(h *hall, m id.ID) {
			h.of(m).AnsweredAt, h.of(m).NextAt = h.now, h.now.Add(24*time.Hour)
		}, notify.Sent{Outcome: notify.Accepted, Parts: 1}, "queued open=true route=a round=0 tries=1 cost=100 in 24h0m0s", firstA + "total 2026-11 a 1 100; sent token 1", "accepted 1 "},
		"the route says what it did": {text(), func(*hall, id.ID) {}, notify.Sent{Outcome: notify.Accepted, Parts: 1, Why: "queued"},
			"sent open=false route=a round=0 tries=1 cost=100", firstA + "total 2026-11 a 1 100; message.sent purpose=text route=a meter=" + meterA, "accepted 1 "},
		"a report of failure came": {text(), func(h *hall, m id.ID) { h.tries[m][0].Report, h.tries[m][0].Why = "failed", "absent" }, notify.Sent{Outcome: notify.Accepted, Parts: 1, Why: "queued"},
			"sent open=false route=b round=0 tries=2 cost=100", firstA + "total 2026-11 a 1 100; message.sent purpose=text route=b meter=" + meterA, "not_sent 1 absent"},
		"a report of failure came, and nobody knows": {text(), func(h *hall, m id.ID) { h.tries[m][0].Report, h.tries[m][0].Why = "failed", "absent" }, notify.Sent{Outcome: notify.Unknown, Why: "lost"},
			"sent open=false route=b round=0 tries=2 cost=100", "total 2026-11 a 1 100; message.sent purpose=text route=b meter=" + meterA, "not_sent 1 absent"},
		"a report of delivery came": {text(), func(h *hall, m id.ID) { h.tries[m][0].Report, h.tries[m][0].Why = "delivered", "fine" }, notify.Sent{Outcome: notify.NotSent, Why: "no network"},
			"sent open=false route=b round=0 tries=2 cost=0", "message.sent purpose=text route=b meter=" + meterA, "not_sent 0 no network"},
		"a later try is on its way": {toMeter(), func(h *hall, m id.ID) {
			h.tries[m] = append(h.tries[m], notify.Try{N: 2, Route: "a", Outcome: "accepted", At: h.now})
			h.of(m).NextAt = h.now.Add(time.Hour)
		}, notify.Sent{Outcome: notify.Accepted, Parts: 2}, "queued open=true route=a round=0 tries=2 cost=200 in 1h0m0s", firstA + "total 2026-11 a 2 200", "accepted 2 "},
	} {
		h, a, _ := withToken(t)
		m := h.queues(c.draft)
		a.answers, a.during = []notify.Sent{c.answer}, func() { c.during(h, m) }
		said := h.serves()
		h.want(name, h.state(m), c.want)
		try := h.tries[m][0]
		h.want(name, strings.Join([]string{try.Outcome, string(rune('0' + try.Parts)), try.Why}, " "), c.try)
		sayings := strings.Split(c.says, "; ")
		for _, s := range sayings {
			if !strings.Contains(said, s) {
				t.Errorf("%s: wrote %q, want %q in it", name, said, s)
			}
		}
		if !try.DoneAt.Equal(h.now) || h.of(m).Parts > 0 && c.answer.Outcome != notify.Accepted && len(h.tries[m]) == 1 {
			t.Errorf("%s: tried %+v, %+v", name, try, h.of(m))
		}
	}
}

// TestAMessageThatIsForgottenWhileItIsSent checks that the route's answer writes no rows for a message that was deleted meanwhile.
func TestAMessageThatIsForgottenWhileItIsSent(t *testing.T) {
	for name, forget := range map[string]func(*hall, id.ID){
		"its tries": func(h *hall, m id.ID) { delete(h.tries, m); h.of(m).Open = false },
		"all of it": func(h *hall, m id.ID) { h.messages = nil },
	} {
		h, a, _ := newHall(t)
		m := h.queues(text())
		a.during = func() { forget(h, m) }
		if said := h.serves(); said != strings.TrimSuffix(firstA, "; ") || len(h.tries[m]) > 1 || h.of(m).State == notify.SentOut {
			t.Errorf("%s: wrote %q, %s", name, said, h.state(m))
		}
	}
}

// TestARouteThatIsDownIsTriedByTheMessageThatWasGivenToIt: the route's worker sends the message even if the worker of another
// route assigned it.
func TestARouteThatIsDownIsTriedByTheMessageThatWasGivenToIt(t *testing.T) {
	h, a, b := newHall(t)
	c := h.config()
	c.Door, c.Routes = h, []notify.Configured{{Route: b}, {Route: a}}
	h.dispatcher = notify.New(c)
	a.answers = []notify.Sent{{Outcome: notify.NotSent, Closed: true, Why: "no modem"}}
	first := h.queues(text())
	h.of(first).Route = "a"
	h.serves()
	h.now = h.now.Add(time.Minute)
	m := h.queues(text())
	if h.serves(); len(a.sent) != 2 || h.of(m).Route != "a" || h.of(m).State != notify.SentOut {
		t.Errorf("the route was tried %d times: %s", len(a.sent), h.state(m))
	}
	if h.of(first).Route != "b" || h.of(first).State != notify.SentOut {
		t.Errorf("the message that failed by it: %s", h.state(first))
	}
}

// TestAMeterThatRejectsEverything: if the meter wrote "rejected" after the token was sent, the token counts as rejected.
func TestAMeterThatRejectsEverything(t *testing.T) {
	for name, c := range map[string]struct {
		word   notify.Message
		before time.Time // time of an earlier rejection of this token
		want   string
	}{
		"it never said anything":   {notify.Message{}, time.Time{}, "unknown: the meter did not answer"},
		"it rejects":               {notify.Message{Purpose: notify.PurposeFromMeter, Text: "Token rejected."}, time.Time{}, "queued: the meter rejects the token"},
		"it rejected before":       {notify.Message{Purpose: notify.PurposeFromMeter, Text: "Token rejected.", CreatedAt: noonBefore}, time.Time{}, "unknown: the meter did not answer"},
		"it said something else":   {notify.Message{Purpose: notify.PurposeFromMeter, Text: "Balance 4.2 kWh"}, time.Time{}, "unknown: the meter did not answer"},
		"another said so":          {notify.Message{Purpose: notify.PurposeFromCustomer, Text: "Token rejected."}, time.Time{}, "unknown: the meter did not answer"},
		"it has rejected this one": {notify.Message{Purpose: notify.PurposeFromMeter, Text: "Token rejected."}, noonBefore, "unknown: the meter did not answer"},
	} {
		h, a, _ := withToken(t)
		m := h.queues(toMeter())
		x := h.of(m)
		x.Route, x.SentAt, x.AnsweredAt, x.State = "a", h.now.Add(-time.Hour), c.before, notify.SentOut
		for n := range notify.MaxMeterTries {
			h.tries[m] = append(h.tries[m], notify.Try{N: n + 1, Route: "a", Outcome: []string{"accepted", "unknown"}[n%2], At: h.now.Add(-time.Hour)})
		}
		c.word.Meter, c.word.Incoming = 1, true
		if c.word.CreatedAt.IsZero() {
			c.word.CreatedAt = h.now.Add(-time.Minute)
		}
		h.messages = append(h.messages, c.word)
		said := h.serves()
		h.want(name, string(h.of(m).State)+": "+h.of(m).Failure, c.want)
		code := map[bool]metering.AlarmCode{true: notify.AlarmMeterRejects, false: notify.AlarmMeterSilent}[h.of(m).State == notify.Queued]
		if !strings.Contains(said, "alarm 1 "+string(code)) || len(a.sent) != 0 {
			t.Errorf("%s: wrote %q, sent %d", name, said, len(a.sent))
		}
		if x := h.of(m); x.State == notify.Queued && (!x.NextAt.Equal(h.now.Add(24*time.Hour)) || !x.AnsweredAt.Equal(h.now)) {
			t.Errorf("%s: %s", name, h.state(m))
		}
	}
}

var noonBefore = time.Date(2026, 11, 19, 12, 0, 0, 0, time.UTC)

// TestTriesBeforeARejectionDoNotCount: on the day after a rejection the token has all its tries again.
func TestTriesBeforeARejectionDoNotCount(t *testing.T) {
	for _, since := range []int{notify.MaxMeterTries - 1, notify.MaxMeterTries} {
		h, a, _ := withToken(t)
		m := h.queues(toMeter())
		x := h.of(m)
		x.Route, x.SentAt, x.AnsweredAt = "a", h.now.Add(-3*time.Hour), h.now.Add(-2*time.Hour)
		for n := range 2*notify.MaxMeterTries - 2 {
			at := h.now.Add(-2 * time.Hour) // this time is not after the rejection
			if n < since {
				at = h.now.Add(-time.Hour)
			}
			h.tries[m] = append(h.tries[m], notify.Try{N: n + 1, Route: "a", Outcome: "accepted", At: at})
		}
		h.tries[m] = append(h.tries[m], notify.Try{N: len(h.tries[m]) + 1, Route: "a", Outcome: "not_sent", At: h.now.Add(-time.Minute)})
		if h.serves(); len(a.sent) == 1 != (since < notify.MaxMeterTries) {
			t.Errorf("%d tries since a rejection: %d sent, %s", since, len(a.sent), h.state(m))
		}
	}
}

// TestAMeterIsAskedForItsLastTokens: the server sends the question and the token by turns, and every wait is longer.
func TestAMeterIsAskedForItsLastTokens(t *testing.T) {
	h, a, _ := withToken(t)
	m := h.queues(toMeter())
	h.of(m).Asking = true
	for range 4 {
		h.serves()
		h.now = h.of(m).NextAt
	}
	var got []string
	for _, s := range a.sent {
		got = append(got, s.Text)
	}
	if want := []string{"*04#", "*02#12345678901234567890", "*04#", "*02#12345678901234567890"}; !slices.Equal(got, want) || h.of(m).Round != 3 {
		t.Errorf("sent %q, round %d", got, h.of(m).Round)
	}
	for n, try := range h.tries[m] {
		if try.Asking != (n%2 == 0) || try.Round != n {
			t.Errorf("try %d: %+v", n+1, try)
		}
	}
}

// TestWhatWasSentIsNotedWhenTheServerEnds checks that a try is recorded even if the server's context ends while the route sends.
func TestWhatWasSentIsNotedWhenTheServerEnds(t *testing.T) {
	h, a, _ := newHall(t)
	ctx, cancel := context.WithCancel(t.Context())
	a.during = cancel
	m := h.queues(text())
	c := h.config()
	c.Door = ending{h}
	if _, err := notify.New(c).Serve(ctx, 1); !errors.Is(err, context.Canceled) {
		t.Errorf("the server has ended: %v", err)
	}
	h.want("noted", h.state(m), "sent open=false route=a round=0 tries=1 cost=200")
}

// ending is a hall whose transactions fail once their context has ended.
type ending struct{ *hall }

func (e ending) Do(ctx context.Context, tenant access.Tenant, fn func(notify.Tx) (bool, error)) error {
	return errors.Join(ctx.Err(), e.hall.Do(ctx, tenant, fn))
}

func (e ending) View(ctx context.Context, tenant access.Tenant, fn func(notify.Tx) error) error {
	return errors.Join(ctx.Err(), e.hall.View(ctx, tenant, fn))
}
