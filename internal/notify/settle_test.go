package notify

import (
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/sale"
)

func ways() []RouteStatus {
	return []RouteStatus{{Name: "a", Meters: true}, {Name: "b", Prefixes: []string{"+254"}}, {Name: "c", Meters: true}}
}

func here() Routes { return Routes{Mine: ways()} }

func tried(route string, o Outcome, round int) Try {
	return Try{Route: route, Outcome: o.String(), Round: round}
}

func TestARouteIsChosenInTheOrderOfTheConfiguration(t *testing.T) {
	here, abroad := Message{Phone: "+254700000001"}, Message{Phone: "+255700000001"}
	toMeter := Message{Phone: "+254700000200", Purpose: PurposeMeter}
	down := ways()
	down[0].Down = true
	allDown := ways()
	for i := range allDown {
		allDown[i].Down = true
	}
	for name, c := range map[string]struct {
		m     Message
		tries []Try
		ways  []RouteStatus
		want  string
	}{
		"the first":                        {here, nil, ways(), "a"},
		"not one that is down":             {here, nil, down, "b"},
		"the first of those that are down": {here, nil, allDown, "a"},
		"not for another prefix":           {abroad, nil, down, "c"},
		"not for a meter":                  {toMeter, nil, down, "c"},
		"the next after one that failed":   {here, []Try{tried("a", NotSent, 0)}, ways(), "b"},
		"all anew in another round":        {Message{Phone: "+254700000001", Round: 1}, []Try{tried("a", NotSent, 0), tried("b", NotSent, 0)}, ways(), "a"},
		"never one that has refused it":    {Message{Phone: "+254700000001", Round: 1}, []Try{tried("a", Refused, 0)}, ways(), "b"},
		"none is left":                     {here, []Try{tried("a", NotSent, 0), tried("b", NotSent, 0), tried("c", Refused, 0)}, ways(), ""},
	} {
		if got := choose(c.m, c.tries, c.ways); got != c.want {
			t.Errorf("%s: got route %q, want %q", name, got, c.want)
		}
	}
}

// TestWhatFailsGoesByEveryRouteAndThenWaits: the pauses grow as in docs/operate/sms.md#what-becomes-of-a-message. A
// message that every route has refused is lost at once.
func TestWhatFailsGoesByEveryRouteAndThenWaits(t *testing.T) {
	now := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	m := Message{State: Queued, Open: true, Phone: "+254700000001"}
	var tries []Try
	fail := func(o Outcome) {
		r := m.Route
		if r == "" {
			r = choose(m, tries, ways())
		}
		tries = append(tries, tried(r, o, m.Round))
		settle(&m, tries, Sent{Outcome: o, Why: "no network"}, here(), time.Minute, now)
	}
	for _, wait := range []time.Duration{0, 0, time.Minute, 0, 0, 5 * time.Minute, 0, 0, 30 * time.Minute, 0, 0, 2 * time.Hour, 0, 0, 2 * time.Hour} {
		fail(NotSent)
		if got := m.NextAt.Sub(now); m.State != Queued || !m.Open || got != wait {
			t.Fatalf("after %d tries: %s, waits %s, want queued and %s", len(tries), m.State, got, wait)
		}
	}
	for range 3 {
		fail(Refused)
	}
	if m.State != Lost || m.Open || m.Failure == "" {
		t.Errorf("refused by all: %s, open %t, %q; want failed for good with the reason", m.State, m.Open, m.Failure)
	}
}

// TestOnlyWhatIsHarmlessIsSentAgainWhenNobodyKnows: a token is sent again, because a token that arrives twice loads once. Other
// messages are not repeated on a guess.
func TestOnlyWhatIsHarmlessIsSentAgainWhenNobodyKnows(t *testing.T) {
	now := time.Now()
	token, text := Message{State: Queued, Open: true, Token: id.ID{1}, Purpose: PurposeToken}, Message{State: Queued, Open: true, Purpose: PurposeWritten}
	settle(&token, []Try{tried("a", Unknown, 0)}, Sent{}, here(), time.Minute, now)
	settle(&text, []Try{tried("a", Unknown, 0)}, Sent{}, here(), time.Minute, now)
	if token.State != Uncertain || !token.Open || !token.NextAt.After(now) {
		t.Errorf("a token of unknown outcome: %s, open %t, next in %s; want unknown, and once more later", token.State, token.Open, token.NextAt.Sub(now))
	}
	if text.State != Uncertain || text.Open {
		t.Errorf("a text of unknown outcome: %s, open %t; want unknown and never again by itself", text.State, text.Open)
	}
	var tries []Try
	for range unknownMost + 1 {
		tries = append(tries, tried("a", Unknown, 0))
	}
	settle(&token, tries, Sent{}, here(), time.Minute, now)
	if token.Open {
		t.Errorf("a token of unknown outcome after %d tries is tried once more", len(tries))
	}
}

func TestAReportMayComeBeforeTheAnswerOfTheRoute(t *testing.T) {
	now := time.Now()
	m := Message{State: Queued, Open: true, Purpose: PurposeToken}
	tries := []Try{{N: 1, Route: "a"}}
	reported(&m, tries, &tries[0], Report{State: Delivered}, here(), now)
	if m.State != Arrived || m.Open {
		t.Fatalf("reported delivered while it was being sent: %s, open %t; want delivered", m.State, m.Open)
	}
	tries[0].Outcome = Accepted.String()
	settle(&m, tries, Sent{Outcome: Accepted, Parts: 1}, here(), time.Minute, now)
	if m.State != Arrived || m.Parts != 1 {
		t.Errorf("then accepted: %s of %d parts, want delivered of 1", m.State, m.Parts)
	}
}

func TestWhatTheNetworkGivesUpGoesByTheNextRoute(t *testing.T) {
	now := time.Now()
	m := Message{State: SentOut, Purpose: PurposeToken, Phone: "+254700000001", Route: "a"}
	tries := []Try{{N: 1, Route: "a", Outcome: Accepted.String()}}
	reported(&m, tries, &tries[0], Report{State: Failed, Why: "absent"}, here(), now)
	if m.State != Queued || !m.Open || m.Route != "b" {
		t.Errorf("not delivered: %s by %q, open %t; want queued by b", m.State, m.Route, m.Open)
	}
	m.State, m.Open = Arrived, false
	reported(&m, tries, &tries[0], Report{State: Failed}, here(), now)
	if m.State != Arrived {
		t.Errorf("a late report of failure turned a delivered message into %s", m.State)
	}
}

// TestAMessageToAMeterKeepsItsTurnUntilTheMeterAnswers: the message stays the queue head, and the wait
// for an answer doubles up to a limit.
func TestAMessageToAMeterKeepsItsTurnUntilTheMeterAnswers(t *testing.T) {
	now := time.Now()
	m := Message{State: Queued, Open: true, Purpose: PurposeMeter, Token: id.ID{1}}
	for round, want := range map[int]time.Duration{0: time.Minute, 1: 2 * time.Minute, 5: 32 * time.Minute, 20: 2 * time.Hour} {
		m.Round = round
		settle(&m, []Try{tried("a", Accepted, round)}, Sent{Outcome: Accepted}, here(), time.Minute, now)
		if !m.Open || m.State != SentOut || m.NextAt.Sub(now) != want {
			t.Errorf("round %d: open %t, %s, checked again in %s; want open, sent, %s", round, m.Open, m.State, m.NextAt.Sub(now), want)
		}
	}
	tries := []Try{{N: 1, Route: "a", Outcome: Accepted.String()}}
	reported(&m, tries, &tries[0], Report{State: Delivered}, here(), now)
	if !m.Open || m.State != Arrived {
		t.Errorf("delivered to the SIM: open %t, %s; want still waiting for the answer", m.Open, m.State)
	}
}

// TestRoutesThatAreDownCutNobodyOff: a cut-off must wait until its warning counts as sent. While the only route is out of
// order, the warning counts as sent only after some days. A warning that the route refuses counts at once.
func TestRoutesThatAreDownCutNobodyOff(t *testing.T) {
	only := []RouteStatus{{Name: "a"}}
	start := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		purpose Purpose
		least   time.Duration // how long the warning must be tried
	}{{PurposeLow2, 7 * 24 * time.Hour}, {PurposeCutSoon, 7 * 24 * time.Hour}, {PurposeLow1, 24 * time.Hour}} {
		m := Message{State: Queued, Open: true, Phone: "+254700000001", Purpose: c.purpose, Route: "a"}
		var tries []Try
		now, until := start, start.Add(life(Draft{Purpose: c.purpose}))
		for m.Open && now.Before(until) {
			tries = append(tries, Try{N: len(tries) + 1, Route: "a", Outcome: NotSent.String(), Round: m.Round})
			settle(&m, tries, Sent{Outcome: NotSent, Why: "no answer"}, Routes{Mine: only}, time.Minute, now)
			if m.Open && isNoticeSent(m) {
				t.Fatalf("%s: given after %s although nothing was sent", c.purpose, now.Sub(start))
			}
			if m.Open {
				now = m.NextAt
			}
		}
		if now.Sub(start) < c.least || len(tries) > MaxTries {
			t.Errorf("%s: %d tries in %s, want at most %d in at least %s", c.purpose, len(tries), now.Sub(start), MaxTries, c.least)
		}
	}
	for _, p := range []Purpose{PurposeLow2, PurposeCutSoon} { // nor does the warning count while its outcome is unknown
		m, now, until := Message{State: Queued, Open: true, Phone: "+254700000001", Purpose: p, Route: "a"}, start, start.Add(cutLife)
		var tries []Try
		for m.Open && now.Before(until) {
			tries = append(tries, Try{N: len(tries) + 1, Route: "a", Outcome: Unknown.String()})
			settle(&m, tries, Sent{Why: "the answer was lost"}, Routes{Mine: only}, time.Minute, now)
			now = m.NextAt
		}
		if !m.Open || isNoticeSent(m) || len(tries) > MaxTries {
			t.Errorf("%s of unknown outcome: open %t, given %t after %s and %d tries, want it not given for a week", p, m.Open, isNoticeSent(m), now.Sub(start), len(tries))
		}
	}
	m := Message{State: Queued, Open: true, Phone: "+254700000001", Purpose: PurposeCutSoon, Route: "a"}
	settle(&m, []Try{{N: 1, Route: "a", Outcome: Refused.String()}}, Sent{Outcome: Refused, Why: "no such number"}, Routes{Mine: only}, time.Minute, start)
	if m.State != Lost || !isNoticeSent(m) {
		t.Errorf("refused by the only route: got %s, given %v; want it lost, and given", m.State, isNoticeSent(m))
	}
}

// TestAReportOfFailureMayComeBeforeTheAnswerOfTheRoute: the report changes nothing while the route sends the message. After the
// route's answer the message moves to the next route.
func TestAReportOfFailureMayComeBeforeTheAnswerOfTheRoute(t *testing.T) {
	now := time.Now()
	for _, outcome := range []Outcome{Accepted, Unknown} {
		m := Message{State: Queued, Open: true, Purpose: PurposeCutSoon, Phone: "+254700000001", Route: "a"}
		tries := []Try{{N: 1, Route: "a"}}
		reported(&m, tries, &tries[0], Report{State: Failed, Why: "absent"}, here(), now)
		if !tries[0].underWay() || m.Route != "a" || m.State != Queued {
			t.Fatalf("reported while it was being sent: %s by %s, try %q; want nothing changed yet", m.State, m.Route, tries[0].Outcome)
		}
		tries[0].Outcome = outcome.String()
		settle(&m, tries, Sent{Outcome: outcome, Parts: 1}, here(), time.Minute, now)
		if m.State != Queued || !m.Open || m.Route != "b" || isNoticeSent(m) || m.Failure != "not delivered: absent" {
			t.Errorf("then %s: %s by %q (%s), given %t; want queued by b and not given", outcome, m.State, m.Route, m.Failure, isNoticeSent(m))
		}
	}
}

// reversing is a transaction that returns a given state of the token's sale.
type reversing struct {
	Tx
	CarriedTx
	state sale.State
}

func (r reversing) Carried() CarriedTx { return r }

func (r reversing) TokenForPush(id.ID) (sale.Token, string, bool, error) {
	return sale.Token{Sale: id.ID{2}, Sealed: []byte{1}, State: sale.TokenIssued}, "", true, nil
}

func (r reversing) VendSale(id.ID) (sale.Sale, bool, error) {
	return sale.Sale{State: r.state}, true, nil
}

func TestATokenWaitsWhileItsSaleIsBeingReversed(t *testing.T) {
	now := time.Now()
	for state, wait := range map[sale.State]time.Duration{sale.Completed: 0, sale.Reversing: reversingPause} {
		m := Message{State: Queued, Open: true, Token: id.ID{1}, NextAt: now}
		sealed, err := tokenOf(reversing{state: state}, &m, now)
		if err != nil || len(sealed) != 1 || !m.Open || m.NextAt.Sub(now) != wait {
			t.Errorf("sale %s: open %t, waits %s, %v; want open, and a wait of %s", state, m.Open, m.NextAt.Sub(now), err, wait)
		}
	}
}

// TestAReportThatAnAnswerHasOvertaken checks that a report after the meter's answer sets the time of
// delivery and changes nothing else.
func TestAReportThatAnAnswerHasOvertaken(t *testing.T) {
	now := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	for name, c := range map[string]struct {
		report Report
		want   time.Time
	}{
		"delivered before":            {Report{State: Delivered, At: now.Add(-2 * time.Second)}, now.Add(-2 * time.Second)},
		"delivered, by a fast clock":  {Report{State: Delivered, At: now.Add(time.Second)}, now},
		"given up, which is not true": {Report{State: Failed, Why: "absent"}, time.Time{}},
	} {
		m := Message{State: Answered, Purpose: PurposeMeter, AnsweredAt: now}
		tries := []Try{tried("a", Accepted, 0)}
		reported(&m, tries, &tries[0], c.report, here(), now.Add(time.Minute))
		if m.State != Answered || m.Open || m.Failure != "" || !m.DeliveredAt.Equal(c.want) {
			t.Errorf("%s: %+v, want it answered as before and delivered at %v", name, m, c.want)
		}
	}
}

// TestTheLastTryOfAMessage: the fortieth try ends the message. The pauses grow to a day only for a warning that must
// precede a cut-off.
func TestTheLastTryOfAMessage(t *testing.T) {
	now := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		name    string
		purpose Purpose
		tries   int
		state   State
		pause   time.Duration
	}{
		{"nineteen", PurposeWritten, MaxTries/2 - 1, Queued, Pause(3)}, {"twenty", PurposeWritten, MaxTries / 2, Queued, Pause(3)},
		{"nineteen of a warning", PurposeCutSoon, MaxTries/2 - 1, Queued, Pause(3)}, {"twenty of a warning", PurposeCutSoon, MaxTries / 2, Queued, cutPause},
		{"thirty-nine", PurposeWritten, MaxTries - 1, Queued, Pause(3)}, {"forty", PurposeWritten, MaxTries, Lost, 0},
	} {
		m := Message{State: SentOut, Open: true, Phone: "+254700000001", Purpose: c.purpose, Round: 3}
		tries := make([]Try, c.tries)
		for i := range tries {
			tries[i] = tried([]string{"a", "b", "c"}[i%3], NotSent, 3)
		}
		reroute(&m, tries, here(), "no network", now)
		if m.State != c.state || m.Open != (c.state == Queued) || m.Open && !m.NextAt.Equal(now.Add(c.pause)) || m.Open && (m.Round != 4 || m.Route != "a") {
			t.Errorf("%s tries: %+v; want %s after %s", c.name, m, c.state, c.pause)
		}
	}
}

// TestAReportSaysWhen: the time of delivery is the network's time, or the present if the network's time is in the future. Only the
// first report counts.
func TestAReportSaysWhen(t *testing.T) {
	now := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		name string
		m    Message
		at   time.Time
		want time.Time
		open bool
	}{
		{"its time", Message{State: SentOut, Open: true}, now.Add(-time.Minute), now.Add(-time.Minute), false},
		{"none", Message{State: SentOut, Open: true}, time.Time{}, now, false},
		{"one that has not come", Message{State: SentOut, Open: true}, now.Add(time.Minute), now, false},
		{"a second report", Message{State: Arrived, DeliveredAt: now.Add(-time.Hour)}, now, now.Add(-time.Hour), false},
		{"of a meter, which keeps its turn", Message{State: SentOut, Open: true, Purpose: PurposeMeter}, now, now, true},
	} {
		m := c.m
		tries := []Try{{N: 1, Route: "a", Outcome: Accepted.String()}}
		reported(&m, tries, &tries[0], Report{Route: "a", State: Delivered, At: c.at}, here(), now)
		if !m.DeliveredAt.Equal(c.want) || m.State != Arrived || m.Open != c.open || m.SentAt.IsZero() || tries[0].Report != "delivered" {
			t.Errorf("%s: %+v", c.name, m)
		}
	}
	unknown := Message{State: Arrived, Open: true, Purpose: PurposeMeter, Token: id.ID{1}}
	uncertain(&unknown, []Try{{Outcome: Unknown.String()}}, "timeout", now)
	if !unknown.Open || unknown.State != Arrived || !unknown.NextAt.Equal(now.Add(Pause(0))) {
		t.Errorf("a meter has the message and nobody knows of the try: %+v", unknown)
	}
	for _, m := range []Message{{Purpose: PurposeWritten}, {Purpose: PurposeToken, Token: id.ID{1}}, {Purpose: PurposeCutSoon}} {
		m.State, m.Open = Arrived, true
		uncertain(&m, []Try{{Outcome: Unknown.String()}}, "timeout", now)
		if m.Open || m.State != Arrived || m.Failure != "" || !m.EndedAt.IsZero() {
			t.Errorf("a telephone has the message, which is not sent again: %+v", m)
		}
	}
}
