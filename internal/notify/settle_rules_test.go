package notify

import (
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/sale"
)

var noon = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

// TestWhatIsLeftToOtherServers: if every route here has refused a message, other servers may take it over until ten minutes after
// the last try.
func TestWhatIsLeftToOtherServers(t *testing.T) {
	refused := func(routes ...string) (out []Try) {
		for _, r := range routes {
			out = append(out, Try{Route: r, Outcome: Refused.String(), At: noon})
		}
		return out
	}
	late := refused("a", "b", "c")
	late[2].DoneAt = noon.Add(time.Minute)
	begun := refused("a", "b", "c")
	begun[2].DoneAt = noon.Add(-time.Minute)
	for name, c := range map[string]struct {
		shared bool
		tries  []Try
		now    time.Time
		want   bool
	}{
		"all refused, at once":           {true, refused("a", "b", "c"), noon, true},
		"to the last moment":             {true, refused("a", "b", "c"), noon.Add(10*time.Minute - 1), true},
		"no longer":                      {true, refused("a", "b", "c"), noon.Add(10 * time.Minute), false},
		"counted from the answer":        {true, late, noon.Add(10*time.Minute + 59*time.Second), true},
		"which is the later of the two":  {true, begun, noon.Add(10*time.Minute - 1), true},
		"there is no other server":       {false, refused("a", "b", "c"), noon, false},
		"one has not refused it":         {true, refused("a", "b"), noon, false},
		"it was never tried":             {true, nil, noon, false},
		"one that has not refused alone": {true, append(refused("a", "b"), Try{Route: "c", Outcome: NotSent.String(), At: noon}), noon, false},
	} {
		w := Routes{Mine: ways(), Shared: c.shared}
		if got := w.left(Message{Phone: "+254700000001"}, c.tries, c.now); got != c.want {
			t.Errorf("%s: %t, want %t", name, got, c.want)
		}
	}
	if (Routes{Shared: true}).left(Message{}, nil, noon) {
		t.Error("what no route has tried is left to others for no time")
	}
}

// TestWhatEveryRouteHereHasRefusedWaitsForOthers: the message waits without a route. After the fortieth try it is lost.
func TestWhatEveryRouteHereHasRefusedWaitsForOthers(t *testing.T) {
	for n, want := range map[int]State{3: Queued, MaxTries - 1: Queued, MaxTries: Lost} {
		tries := make([]Try, n)
		for i := range tries {
			tries[i] = Try{Route: ways()[i%3].Name, Outcome: Refused.String(), At: noon}
		}
		m := Message{State: SentOut, Open: true, Phone: "+254700000001", Route: "c", NextAt: noon.Add(time.Hour)}
		reroute(&m, tries, Routes{Mine: ways(), Shared: true}, "barred", noon)
		if m.State != want || m.Failure != "barred" || want == Queued && (m.Route != "" || !m.NextAt.Equal(noon) || !m.Open) {
			t.Errorf("after %d tries: %+v, want it %s", n, m, want)
		}
	}
	m := Message{State: SentOut, Open: true, Phone: "+254700000001"}
	tries := make([]Try, MaxTries)
	for i := range tries {
		tries[i] = tried("a", NotSent, 0)
	}
	if reroute(&m, tries, here(), "no network", noon); m.Failure != "given up after no network" {
		t.Errorf("after %d tries: %+v", MaxTries, m)
	}
}

// TestWhatBecomesOfAMessageWithoutARoute: the outcome depends on which other servers could take the message.
func TestWhatBecomesOfAMessageWithoutARoute(t *testing.T) {
	elsewhere := []RouteStatus{{Name: "x", Prefixes: []string{"+999"}}}
	all := []Try{{Route: "a", Outcome: Refused.String(), At: noon}}
	for name, c := range map[string]struct {
		alone   bool
		ways    Routes
		m       Message
		tries   []Try
		changes bool
		state   State
		why     string
	}{
		"another server may take it":           {false, Routes{Mine: elsewhere, Shared: true}, Message{}, nil, false, Queued, ""},
		"until it has expired":                 {false, Routes{Mine: elsewhere, Shared: true}, Message{ExpiresAt: noon.Add(1)}, nil, false, Queued, ""},
		"then it has":                          {false, Routes{Mine: elsewhere, Shared: true}, Message{ExpiresAt: noon}, nil, true, Expired, "no route takes it"},
		"no other server":                      {true, Routes{Mine: elsewhere}, Message{}, nil, true, Lost, "no route takes it"},
		"no other server, with its own reason": {true, Routes{Mine: elsewhere}, Message{Failure: "barred"}, nil, true, Lost, "barred"},
		"no other server, before it expires":   {true, Routes{Mine: elsewhere}, Message{ExpiresAt: noon.Add(time.Hour)}, nil, true, Lost, "no route takes it"},
		"a route takes it and was tried":       {false, Routes{Mine: []RouteStatus{{Name: "a"}}, Shared: true}, Message{}, []Try{{Route: "a", Outcome: NotSent.String()}}, true, Queued, "no route takes it"},
		"refused here, and left to others":     {false, Routes{Mine: []RouteStatus{{Name: "a"}}, Shared: true}, Message{}, all, false, Queued, ""},
		"a meter may have it":                  {true, Routes{Mine: elsewhere}, Message{Purpose: PurposeMeter, SentAt: noon}, nil, true, Uncertain, "no route takes it, and the meter did not answer"},
		"a meter cannot have it":               {true, Routes{Mine: elsewhere}, Message{Purpose: PurposeMeter}, nil, true, Lost, "no route takes it"},
		"a text that was sent":                 {true, Routes{Mine: elsewhere}, Message{SentAt: noon}, nil, true, Lost, "no route takes it"},
		"a meter, and a route that takes it":   {true, Routes{Mine: []RouteStatus{{Name: "a", Meters: true}}}, Message{Purpose: PurposeMeter, SentAt: noon}, []Try{{Route: "a", Outcome: NotSent.String()}}, true, Queued, "no route takes it"},
	} {
		m := c.m
		m.State, m.Open, m.Phone = Queued, true, "+254700000001"
		d := New(Config{Alone: c.alone})
		if got := d.unwanted(&m, c.tries, c.ways, noon); got != c.changes || m.State != c.state || c.changes && m.Failure != c.why || m.Open != (c.state == Queued) {
			t.Errorf("%s: changed %t: %s, open %t, %q; want %t, %s, %q", name, got, m.State, m.Open, m.Failure, c.changes, c.state, c.why)
		}
	}
}

// TestWhichTryAReportIsAbout: a report is about the try whose number it gives. Without a number it is about the last try by the route.
func TestWhichTryAReportIsAbout(t *testing.T) {
	tries := []Try{{N: 1, Route: "a"}, {N: 2, Route: "b"}, {N: 3, Route: "a"}}
	for _, c := range []struct {
		route   string
		n, want int
	}{{"a", 0, 3}, {"b", 0, 2}, {"c", 0, 0}, {"a", 1, 1}, {"b", 1, 1}, {"b", 3, 3}, {"a", 4, 0}} {
		got := 0
		if t := lastBy(tries, c.route, c.n); t != nil {
			got = t.N
		}
		if got != c.want {
			t.Errorf("try %d by %s: %d, want %d", c.n, c.route, got, c.want)
		}
	}
	if lastBy(nil, "a", 0) != nil {
		t.Error("a message without tries has one")
	}
}

// TestHowLongANetworkMayTry: the network may try until the message expires, and at least for a minute.
func TestHowLongANetworkMayTry(t *testing.T) {
	for at, want := range map[time.Time]time.Duration{{}: 0, noon.Add(2 * time.Hour): 2 * time.Hour, noon.Add(61 * time.Second): 61 * time.Second, noon.Add(time.Second): time.Minute, noon.Add(-time.Hour): time.Minute} {
		if got := validity(Message{ExpiresAt: at}, noon); got != want {
			t.Errorf("expires at %s: %s, want %s", at, got, want)
		}
	}
}

// TestTextsAreCutAtACharacter checks that a text that is too long is never cut inside a character.
func TestTextsAreCutAtACharacter(t *testing.T) {
	for _, c := range []struct {
		text string
		n    int
		want string
	}{{"abc", 3, "abc"}, {"abcd", 3, "abc"}, {"abé", 3, "ab"}, {"abé", 4, "abé"}, {"é", 1, ""}, {"😀x", 4, "😀"}, {"😀x", 3, ""}, {"", 0, ""}, {"a", 0, ""}, {"\x80\x80", 1, ""}} {
		if got := cut(c.text, c.n); got != c.want {
			t.Errorf("%q cut to %d bytes is %q, want %q", c.text, c.n, got, c.want)
		}
	}
}

// TestHowOftenAWarningOfUnknownOutcomeIsSent: a warning is sent five times with growing pauses, then once a day until its
// fortieth try. A token is sent five times.
func TestHowOftenAWarningOfUnknownOutcomeIsSent(t *testing.T) {
	for _, c := range []struct {
		purpose Purpose
		token   id.ID
		unknown int
		wait    time.Duration // 0 means that the message ends
	}{
		{PurposeCutSoon, id.ID{}, 1, time.Minute}, {PurposeCutSoon, id.ID{}, 2, 5 * time.Minute}, {PurposeCutSoon, id.ID{}, 5, 2 * time.Hour}, {PurposeCutSoon, id.ID{}, 6, 24 * time.Hour},
		{PurposeLow2, id.ID{}, 39, 24 * time.Hour}, {PurposeLow2, id.ID{}, 40, 0},
		{PurposeToken, id.ID{1}, 1, time.Minute}, {PurposeToken, id.ID{1}, 5, 2 * time.Hour}, {PurposeToken, id.ID{1}, 6, 0}, {PurposeLow1, id.ID{}, 1, 0},
	} {
		m := Message{State: Queued, Open: true, Purpose: c.purpose, Token: c.token}
		tries := make([]Try, c.unknown)
		for i := range tries {
			tries[i] = tried("a", Unknown, 0)
		}
		settle(&m, tries, Sent{Why: "the answer was lost"}, here(), time.Minute, noon)
		if m.Open != (c.wait > 0) || m.Open && !m.NextAt.Equal(noon.Add(c.wait)) || m.State != Uncertain || m.Failure != "the answer was lost" || !m.Open && !m.EndedAt.Equal(noon) {
			t.Errorf("%s after %d: %+v, want another after %s", c.purpose, c.unknown, m, c.wait)
		}
	}
	failed := []Try{tried("a", NotSent, 0), tried("a", Refused, 0), tried("a", Accepted, 0), tried("a", NotSent, 0), tried("a", NotSent, 0), tried("a", NotSent, 0)}
	m := Message{State: Queued, Open: true, Purpose: PurposeToken, Token: id.ID{1}}
	if settle(&m, append(failed, tried("a", Unknown, 0)), Sent{}, here(), time.Minute, noon); !m.Open || !m.NextAt.Equal(noon.Add(time.Minute)) {
		t.Errorf("after other outcomes and one unknown: %+v, want another after a minute", m)
	}
	m = Message{State: Queued, Open: true, Purpose: PurposeToken, Token: id.ID{1}}
	tries := make([]Try, MaxTries)
	for i := range tries {
		tries[i] = tried("a", NotSent, 0)
	}
	tries[MaxTries-1] = tried("a", Unknown, 0)
	if settle(&m, tries, Sent{}, here(), time.Minute, noon); m.Open {
		t.Error("a token is tried more often than forty times")
	}
}

// TestWhatAnAcceptedMessageKeeps: an accepted message has at least one part, the time at which it was first sent, and no reason
// for a failure.
func TestWhatAnAcceptedMessageKeeps(t *testing.T) {
	for _, c := range []struct {
		parts, want int
		before      time.Time
		sent        time.Time
	}{{0, 1, time.Time{}, noon}, {3, 3, noon.Add(-time.Hour), noon.Add(-time.Hour)}} {
		m := Message{State: Queued, Open: true, Purpose: PurposeToken, Failure: "no network", SentAt: c.before, Cost: 5}
		try := tried("a", Accepted, 0)
		try.Cost = 7
		settle(&m, []Try{try}, Sent{Outcome: Accepted, Parts: c.parts}, here(), time.Minute, noon)
		if m.Parts != c.want || m.Failure != "" || !m.SentAt.Equal(c.sent) || m.State != SentOut || m.Open || m.Cost != 12 {
			t.Errorf("%d parts: %+v", c.parts, m)
		}
	}
}

// TestAReportOfFailureEndsNothingThatIsOver: such a report does not change a message that has ended, that was tried again since,
// or that is being tried.
func TestAReportOfFailureEndsNothingThatIsOver(t *testing.T) {
	for name, c := range map[string]struct {
		state State
		tries []Try
		goes  bool
	}{
		"sent":                       {SentOut, []Try{{N: 1, Route: "a", Outcome: Accepted.String()}}, true},
		"lost":                       {Lost, []Try{{N: 1, Route: "a", Outcome: Accepted.String()}}, false},
		"answered":                   {Answered, []Try{{N: 1, Route: "a", Outcome: Accepted.String()}}, false},
		"a later try is on its way":  {SentOut, []Try{{N: 1, Route: "a", Outcome: Accepted.String()}, {N: 2, Route: "b", Outcome: Accepted.String()}}, false},
		"the route has not answered": {Queued, []Try{{N: 1, Route: "a"}}, false},
	} {
		m := Message{State: c.state, Phone: "+254700000001"}
		reported(&m, c.tries, &c.tries[0], Report{State: Failed, Why: strings.Repeat("x", MaxWhy+1)}, here(), noon)
		if m.Open != c.goes || (m.State == Queued && m.Route == "b") != c.goes || c.tries[0].Report != "failed" || c.state != Answered && len(c.tries[0].Why) != MaxWhy {
			t.Errorf("%s: %+v, tried %+v", name, m, c.tries[0])
		}
	}
	for purpose, c := range map[Purpose]struct {
		before State
		asking bool
		after  State
	}{PurposeMeter: {SentOut, true, SentOut}, PurposeToken: {Lost, false, Arrived}} {
		m := Message{State: c.before, Asking: c.asking, Purpose: purpose, Open: true}
		tries := []Try{{N: 1, Route: "a", Outcome: Accepted.String()}}
		reported(&m, tries, &tries[0], Report{State: Delivered}, here(), noon)
		if m.State != c.after || !m.DeliveredAt.Equal(noon) || !m.SentAt.Equal(noon) {
			t.Errorf("%s, %s, delivered: %+v", purpose, c.before, m)
		}
	}
	over := Message{State: Lost, Purpose: PurposeMeter, Failure: rejectedWhy, SentAt: noon.Add(-1)}
	tries := []Try{{N: 1, Route: "a", Outcome: Accepted.String()}}
	if reported(&over, tries, &tries[0], Report{State: Delivered}, here(), noon); over.State != Lost || over.Failure != rejectedWhy || !over.SentAt.Equal(noon.Add(-1)) {
		t.Errorf("what a meter rejected is delivered: %+v", over)
	}
}

// TestWhichTextBringsAToken checks which text brings a token after its sale, and which text brings it when it is sent again.
func TestWhichTextBringsAToken(t *testing.T) {
	for name, c := range map[string]struct {
		t     sale.Token
		of    int
		free  bool
		want  Purpose
		again Purpose
	}{
		"bought":             {sale.Token{}, 1, false, PurposeToken, PurposeLast},
		"free":               {sale.Token{}, 1, true, PurposeTokenFree, PurposeLast},
		"one of two":         {sale.Token{}, 2, false, PurposeTokenStep, PurposeLastStep},
		"one of two, free":   {sale.Token{}, 2, true, PurposeTokenStep, PurposeLastStep},
		"of a key change":    {sale.Token{Class: 2, SubClass: 3}, 2, false, PurposeKeyChange, PurposeLastKey},
		"another of a meter": {sale.Token{Class: 2, SubClass: 1}, 1, true, PurposeTokenFree, PurposeLast},
	} {
		if got, again := PurposeOfToken(c.t, c.of, c.free), purposeOfLast(c.t, c.of); got != c.want || again != c.again {
			t.Errorf("%s: %s, once more %s; want %s, %s", name, got, again, c.want, c.again)
		}
	}
}
