package notify_test

import (
	"cmp"
	"context"
	"crypto/sha256"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/metering"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/notify"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/sale"
	"github.com/paywatt/paywatt/internal/wallet"
)

// hall is an office whose messages leave by routes. It records in memory what is sent, tried, counted, alarmed and audited.
type hall struct {
	*office
	routes     []notify.Configured
	dispatcher *notify.Dispatcher
	tries      map[id.ID][]notify.Try
	tokens     map[id.ID]sale.Token
	sales      map[id.ID]sale.Sale
	wrote      []string
	meter      registry.Meter
	// tenants are the tenants of the server.
	tenants []access.Tenant
	holds   time.Duration // duration of the last claim of a message
	gone    []string      // which alarms of routes that are gone were ended
	// wallets are those of every account, and supplies what is stored about their meters.
	wallets  []wallet.Row
	supplies map[int64]wallet.Supplied
}

// newHall returns a hall with the routes a and b. Each part of a message by route a costs 100.
func newHall(t *testing.T) (h *hall, a, b *wire) {
	a, b = &wire{name: "a"}, &wire{name: "b"}
	h = &hall{office: opened(t), tries: map[id.ID][]notify.Try{}, tokens: map[id.ID]sale.Token{}, sales: map[id.ID]sale.Sale{}, tenants: []access.Tenant{1}}
	h.routes = []notify.Configured{{Route: a, Kind: "modem", Cost: 100, Meters: true}, {Route: b, Kind: "log", Prefixes: []string{"+2547"}}}
	h.dispatcher = notify.New(notify.Config{Door: h, Opener: h, Hasher: h, Routes: h.routes, Owner: "test", Alone: true, Now: func() time.Time { return h.now }})
	return h, a, b
}

// queues puts a message into the queue.
func (h *hall) queues(d notify.Draft) id.ID {
	h.t.Helper()
	if d.Phone == "" {
		d.Phone = map[bool]string{true: meterSIM, false: amina}[d.Purpose == notify.PurposeMeter]
	}
	m, err := notify.Queue(h, d, h.now)
	if err != nil {
		h.t.Fatal(err)
	}
	h.wrote, h.audit = nil, nil
	return m.ID
}

// serves lets the routes take the due messages, and returns the rows written.
func (h *hall) serves() string {
	h.t.Helper()
	if _, err := h.dispatcher.Serve(h.t.Context(), 1); err != nil {
		h.t.Fatal(err)
	}
	return h.says()
}

// says returns the rows written since the last call.
func (h *hall) says() string {
	out := append(slices.Clone(h.audit), h.wrote...)
	h.audit, h.wrote = nil, nil
	return strings.Join(out, "; ")
}

func (h *hall) want(after, got, want string) {
	h.t.Helper()
	if got != want {
		h.t.Errorf("%s:\n got %q\nwant %q", after, got, want)
	}
}

func (h *hall) of(message id.ID) *notify.Message {
	for i := range h.messages {
		if h.messages[i].ID == message {
			return &h.messages[i]
		}
	}
	return &notify.Message{}
}

// state returns a message's state in one line.
func (h *hall) state(message id.ID) string {
	m := h.of(message)
	text := fmt.Sprintf("%s open=%t route=%s round=%d tries=%d cost=%d", m.State, m.Open, m.Route, m.Round, len(h.tries[message]), m.Cost)
	if m.Open {
		text += fmt.Sprintf(" in %s", m.NextAt.Sub(h.now))
	}
	if m.Failure != "" {
		text += " why " + m.Failure
	}
	return text
}

func (h *hall) writes(format string, args ...any) {
	h.wrote = append(h.wrote, fmt.Sprintf(format, args...))
}

// The methods of the transaction.

func (h *hall) Do(_ context.Context, _ access.Tenant, fn func(notify.Tx) (bool, error)) error {
	return commit(notify.Tx(h), fn)
}
func (h *hall) View(_ context.Context, _ access.Tenant, fn func(notify.Tx) error) error { return fn(h) }
func (h *hall) Open(_ string, sealed []byte) ([]byte, error)                            { return slices.Clone(sealed), nil }
func (h *hall) Tenants() ([]access.Tenant, error)                                       { return h.tenants, nil }
func (h *hall) Hash(context string, data []byte) []byte {
	sum := sha256.Sum256(append([]byte(context+" "), data...))
	return sum[:]
}
func (h *hall) MessageByID(message id.ID) (notify.Message, bool, error) {
	m := h.of(message)
	return *m, m.ID == message, nil
}

// MessagePut leaves the figures and the purpose of a message as they were queued.
func (h *hall) MessagePut(m notify.Message) error {
	m.Args, m.Purpose = h.of(m.ID).Args, h.of(m.ID).Purpose
	*h.of(m.ID) = m
	return nil
}
func (h *hall) MessageHold(m notify.Message) error { return h.MessagePut(m) }
func (h *hall) MessageTries(message id.ID) ([]notify.Try, error) {
	return slices.Clone(h.tries[message]), nil
}
func (h *hall) MessageOf(identity [16]byte) (notify.Message, bool, error) {
	for _, m := range h.messages {
		if m.Identity == identity {
			return m, true, nil
		}
	}
	return notify.Message{}, false, nil
}
func (h *hall) MessageTotals(int) ([]notify.Total, error)          { return nil, nil }
func (h *hall) SIMOf(int64) (string, error)                        { return meterSIM, nil }
func (h *hall) SoldHere(id.ID) (bool, error)                       { return true, nil }
func (h *hall) MeterByID(id.ID) (registry.Meter, bool, error)      { return h.meter, true, nil }
func (h *hall) MeterByNumber(string) (registry.Meter, bool, error) { return h.meter, true, nil }
func (h *hall) NoticeTo(string) (notify.Addressee, bool, error) {
	return notify.Addressee{Subscription: h.mine[amina][0], Phone: amina}, true, nil
}
func (h *hall) MeterMessages(int64, time.Time, int) ([]notify.MeterMessage, error) { return nil, nil }
func (h *hall) VendTokens(int64, id.ID, int) ([]sale.Token, error)                 { return nil, nil }
func (h *hall) MessageOfTry(route, reference, _ string, since time.Time) (id.ID, int, bool, error) {
	for message, tries := range h.tries {
		for _, t := range tries {
			if t.Route == route && t.Reference == reference && t.At.After(since) {
				return message, t.N, true, nil
			}
		}
	}
	return id.ID{}, 0, false, nil
}
func (h *hall) TryPut(message id.ID, t notify.Try) error {
	if t.N > len(h.tries[message]) {
		h.tries[message] = append(h.tries[message], t)
	}
	h.tries[message][t.N-1] = t
	return nil
}
func (h *hall) due(m notify.Message) bool { return m.Open && !m.Incoming && !m.NextAt.After(h.now) }
func (h *hall) MessageDue(time.Time) (bool, error) {
	return slices.ContainsFunc(h.messages, h.due), nil
}
func (h *hall) MessageClaim(route, _ string, now, until time.Time) (notify.Message, bool, error) {
	h.holds = until.Sub(now)
	for _, m := range h.messages {
		if h.due(m) && m.Route == route {
			return m, true, nil
		}
	}
	return notify.Message{}, false, nil
}
func (h *hall) MessagesStray(mine, down []string, _, stray time.Time, _ int) (out []notify.Message, err error) {
	for _, m := range h.messages {
		if h.due(m) && (m.Route == "" || slices.Contains(down, m.Route) || !slices.Contains(mine, m.Route) && m.NextAt.Before(stray)) {
			out = append(out, m)
		}
	}
	return out, nil
}
func (h *hall) MessagesWakeRoute(route string, now time.Time) error {
	for i := range h.messages {
		m, tries := &h.messages[i], h.tries[h.messages[i].ID]
		failed := func(t notify.Try) bool {
			return t.Outcome == notify.NotSent.String() && t.Report != notify.Failed.String()
		}
		waits := m.Open && m.State == notify.Queued && m.NextAt.After(now) && len(tries) > 0 && len(tries) < notify.MaxTriesWoken
		if waits && failed(tries[len(tries)-1]) && slices.ContainsFunc(tries, func(t notify.Try) bool { return failed(t) && t.Route == route }) {
			m.NextAt = now
		}
	}
	return nil
}
func (h *hall) MessageTotal(month, route string, parts int, cost int64) error {
	h.writes("total %s %s %d %d", month, route, parts, cost)
	return nil
}
func (h *hall) RaiseAlarm(meter int64, a metering.Alarm) error {
	h.writes("alarm %s %s", cmp.Or(a.Server, strconv.FormatInt(meter, 10)), a.Code)
	return nil
}
func (h *hall) ClearAlarmText(server string, code metering.AlarmCode, _ string) error {
	h.writes("clear %s %s", cmp.Or(server, "0"), code)
	return nil
}
func (h *hall) EndGoneAlarms(server string, code metering.AlarmCode, texts []string) error {
	h.gone = append(h.gone, fmt.Sprintf("%s %s except %s", server, code, strings.Join(texts, " ")))
	return nil
}
func (h *hall) TokenForPush(token id.ID) (sale.Token, string, bool, error) {
	t, found := h.tokens[token]
	return t, meterA, found, nil
}
func (h *hall) TokenSent(token id.ID) error {
	h.writes("sent token %x", token[15])
	return nil
}
func (h *hall) VendSale(sale id.ID) (sale.Sale, bool, error) {
	s, found := h.sales[sale]
	return s, found, nil
}

// firstA is the extra row of the first message by route a: it clears an alarm that an earlier run may have left.
const firstA = "clear 0 sms-route-down; "

// TestAMessageLeaves checks that a message goes by the first route, is counted with its cost, and is delivered.
func TestAMessageLeaves(t *testing.T) {
	h, a, _ := newHall(t)
	m := h.queues(notify.Draft{Purpose: notify.PurposeWritten, Text: "hello", Meter: 1, Number: meterA})
	h.want("it leaves", h.serves(), "message.sent purpose=text route=a meter="+meterA+"; "+firstA+"total 2026-11 a 2 200")
	h.want("it has left", h.state(m), "sent open=false route=a round=0 tries=1 cost=200")
	if x := a.sent[0]; x.ID != m.Text(id.Message) || x.To != amina || x.Text != "hello" || !x.Report || x.Validity != 24*time.Hour {
		t.Errorf("sent %+v, %s", x, x.Validity)
	}
	if x := h.of(m); !x.SentAt.Equal(h.now) || x.Parts != 2 {
		t.Errorf("sent at %s in %d parts", x.SentAt, x.Parts)
	}
	if x := h.tries[m][0]; x.Outcome != "accepted" || x.Reference != "1" || x.Parts != 2 || x.Cost != 200 || !x.DoneAt.Equal(h.now) || x.Why != "" {
		t.Errorf("tried %+v", x)
	}
	h.want("nothing more", h.serves(), "")
	for _, c := range []struct {
		name   string
		report notify.Report
		says   string
		state  string
	}{
		{"on its way", notify.Report{Route: "a", Reference: "1", State: notify.Trying}, "", "sent open=false route=a round=0 tries=1 cost=200"},
		{"of another message", notify.Report{Route: "a", Reference: "2", State: notify.Delivered}, "", "sent open=false route=a round=0 tries=1 cost=200"},
		{"by another route", notify.Report{Route: "b", ID: m.Text(id.Message), State: notify.Delivered}, "", "sent open=false route=a round=0 tries=1 cost=200"},
		{"of none", notify.Report{Route: "a", State: notify.Delivered}, "", "sent open=false route=a round=0 tries=1 cost=200"},
		{"delivered", notify.Report{Route: "a", Reference: "1", State: notify.Delivered}, "message.delivered purpose=text route=a meter=" + meterA, "delivered open=false route=a round=0 tries=1 cost=200"},
		{"failed after that", notify.Report{Route: "a", Reference: "1", State: notify.Failed}, "", "delivered open=false route=a round=0 tries=1 cost=200"},
	} {
		if err := h.dispatcher.Inbox(1).Report(t.Context(), c.report); err != nil {
			t.Fatal(err)
		}
		h.want(c.name, h.says(), c.says)
		h.want(c.name, h.state(m), c.state)
	}
}

// TestAMessageThatFails checks that a failed message goes by the next route, in rounds, until every route has refused it.
func TestAMessageThatFails(t *testing.T) {
	h, a, b := newHall(t)
	no := notify.Sent{Outcome: notify.NotSent, Why: "no network"}
	a.answers, b.answers = []notify.Sent{no, {Outcome: notify.Refused, Why: "no such number"}}, []notify.Sent{no, {Outcome: notify.Refused, Why: "barred"}}
	m := h.queues(notify.Draft{Purpose: notify.PurposeWritten, Text: "hello"})
	h.want("both routes fail", h.serves(), "")
	h.want("it waits", h.state(m), "queued open=true route=a round=1 tries=2 cost=0 in 1m0s why no network")
	h.now = h.now.Add(time.Minute - time.Second)
	h.want("a second too soon", h.serves(), "")
	h.now = h.now.Add(time.Second)
	h.want("both refuse it", h.serves(), "message.failed purpose=text route=b why=barred")
	h.want("it is lost", h.state(m), "failed open=false route=b round=1 tries=4 cost=0 why barred")
	if x := h.of(m); !x.EndedAt.Equal(h.now) {
		t.Errorf("ended at %s", x.EndedAt)
	}
}

// TestARouteGoesDown checks that a route is down after five failures in a row, or at once if it reports so itself. Then one message a
// minute tries the route.
func TestARouteGoesDown(t *testing.T) {
	h, a, _ := newHall(t)
	for range 5 {
		a.answers = append(a.answers, notify.Sent{Outcome: notify.NotSent, Why: "no network"})
	}
	for i := range 5 {
		h.queues(notify.Draft{Purpose: notify.PurposeWritten, Text: "hello", Phone: fmt.Sprintf("+25470000010%d", i)})
		said := h.serves()
		if got := strings.Contains(said, "message.route_down no network; ") && strings.Contains(said, "alarm 0 sms-route-down"); got != (i == 4) {
			t.Errorf("failure %d: %q, want the alarm at the fifth", i+1, said)
		}
	}
	s, err := h.dispatcher.Routes(t.Context(), access.SystemActor(1, "test"))
	if r := s.Routes[0]; err != nil || !r.Down || r.Failures != 5 || r.Why != "no network" || !r.Since.Equal(h.now) || s.Routes[1].Down {
		t.Errorf("%+v, %v", s.Routes, err)
	}
	tried := len(a.sent)
	h.queues(notify.Draft{Purpose: notify.PurposeWritten, Text: "hello"})
	h.want("the other route", h.serves(), "message.sent purpose=text route=b; total 2026-11 b 2 0")
	h.now = h.now.Add(time.Minute)
	h.queues(notify.Draft{Purpose: notify.PurposeWritten, Text: "hello"})
	h.want("a minute later it is tried, and works", h.serves(), "message.sent purpose=text route=a; clear 0 sms-route-down; total 2026-11 a 2 200")
	if len(a.sent) != tried+1 {
		t.Errorf("the route that was down was tried %d times", len(a.sent)-tried)
	}
	a.answers = []notify.Sent{{Outcome: notify.NotSent, Closed: true, Why: "no modem"}}
	h.queues(notify.Draft{Purpose: notify.PurposeWritten, Text: "hello"})
	h.want("it says itself that it is out of order", h.serves(), "message.route_down no modem; message.sent purpose=text route=b; alarm 0 sms-route-down; total 2026-11 b 2 0")
}

// TestARouteBelongsToItsServer checks that a server of several raises and ends only its own alarm about a route.
func TestARouteBelongsToItsServer(t *testing.T) {
	h, a, _ := newHall(t)
	c := h.config()
	c.Door, c.Server = h, "srv-a"
	h.dispatcher = notify.New(c)
	a.answers = []notify.Sent{{Outcome: notify.NotSent, Closed: true, Why: "no modem"}}
	h.queues(notify.Draft{Purpose: notify.PurposeWritten, Text: "hello"})
	if said := h.serves(); !strings.Contains(said, "alarm srv-a sms-route-down") {
		t.Errorf("the route is down: %q", said)
	}
	h.now = h.now.Add(time.Minute)
	h.queues(notify.Draft{Purpose: notify.PurposeWritten, Text: "hello"})
	if said := h.serves(); !strings.Contains(said, "clear srv-a sms-route-down") {
		t.Errorf("the route works again: %q", said)
	}
}

// TestTheAlarmOfARouteOpensAgain checks that the alarm of a route that stays down is raised again, however few messages wait: another server may have
// ended it.
func TestTheAlarmOfARouteOpensAgain(t *testing.T) {
	h, a, _ := newHall(t)
	a.answers = []notify.Sent{{Outcome: notify.NotSent, Closed: true, Why: "no modem"}}
	h.queues(notify.Draft{Purpose: notify.PurposeWritten, Text: "hello"})
	h.serves()
	for _, c := range []struct {
		after time.Duration
		want  string
	}{
		{10*time.Minute - time.Second, ""}, {time.Second, "alarm 0 sms-route-down"}, {time.Second, ""}, {10 * time.Minute, "alarm 0 sms-route-down"},
	} {
		h.now = h.now.Add(c.after)
		h.want(fmt.Sprint("another ", c.after), h.serves(), c.want)
	}
	h.queues(notify.Draft{Purpose: notify.PurposeWritten, Text: "hello"})
	h.serves()
	h.now = h.now.Add(time.Hour)
	h.want("it works again", h.serves(), "")
}

// TestARouteThatWorksAgainWakesItsMessages checks that the first message that a route accepts after it was down makes all messages due that failed
// with it, and no other ones.
func TestARouteThatWorksAgainWakesItsMessages(t *testing.T) {
	h, a, b := newHall(t)
	out := notify.Sent{Outcome: notify.NotSent, Closed: true, Why: "no modem"}
	for range 20 {
		a.answers, b.answers = append(a.answers, out), append(b.answers, out)
	}
	var failed []id.ID
	for i := range 3 {
		failed = append(failed, h.queues(notify.Draft{Purpose: notify.PurposeWritten, Text: "hello", Phone: fmt.Sprintf("+25470000010%d", i)}))
	}
	for range 20 { // until the pauses are long
		h.serves()
		h.now = h.now.Add(30 * time.Minute)
	}
	if m := h.of(failed[0]); !m.Open || m.NextAt.Sub(h.now) < 20*time.Minute {
		t.Fatalf("before the route works again: %s", h.state(failed[0]))
	}
	later := h.queues(notify.Draft{Purpose: notify.PurposeWritten, Text: "hello", Phone: "+254700000110"})
	h.of(later).NextAt = h.now.Add(time.Hour) // it waits for something else
	a.answers, b.answers = nil, nil
	h.queues(notify.Draft{Purpose: notify.PurposeWritten, Text: "hello"})
	h.serves()
	for i, m := range failed {
		if h.of(m).State != notify.SentOut {
			t.Errorf("message %d: %s", i, h.state(m))
		}
	}
	if m := h.of(later); m.State != notify.Queued || len(h.tries[later]) != 0 {
		t.Errorf("a message that waits for something else: %s", h.state(later))
	}
}

// TestAMessageOfWhichNobodyKnows checks that a message of unknown outcome is repeated only if a repetition is harmless. It is repeated five
// times, after pauses.
func TestAMessageOfWhichNobodyKnows(t *testing.T) {
	for _, c := range []struct {
		name  string
		draft notify.Draft
		tries int
		state string
	}{
		{"a text", notify.Draft{Purpose: notify.PurposeWritten, Text: "hello"}, 1, "unknown open=false route=a round=0 tries=1 cost=100 why timeout"},
		{"a token", notify.Draft{Purpose: notify.PurposeToken, Token: id.ID{15: 1}, Meter: 1, Args: notify.Args{Meter: meterA, Currency: "KES"}}, 6, "unknown open=false route=a round=0 tries=6 cost=600 why timeout"},
	} {
		h, a, _ := newHall(t)
		h.tokens[id.ID{15: 1}] = sale.Token{ID: id.ID{15: 1}, State: sale.TokenIssued, Sealed: sale.Sealed("12345678901234567890")}
		for range 10 {
			a.answers = append(a.answers, notify.Sent{Outcome: notify.Unknown, Why: "timeout"}, notify.Sent{Outcome: notify.Unknown, Why: "timeout"})
		}
		h.routes[1].Route.(*wire).answers = slices.Clone(a.answers)
		m := h.queues(c.draft)
		for range 50 {
			h.serves()
			h.now = h.now.Add(time.Minute)
		}
		for range 30 {
			h.serves()
			h.now = h.now.Add(time.Hour)
		}
		got := strings.NewReplacer("route=b", "route=a").Replace(h.state(m))
		if got != c.state || len(h.tries[m]) != c.tries {
			t.Errorf("%s: %s, want %s", c.name, got, c.state)
		}
	}
}

// TestAMessageIsOnlyWorthSomethingForATime checks that a message is given up exactly at the end of its lifetime.
func TestAMessageIsOnlyWorthSomethingForATime(t *testing.T) {
	for _, c := range []struct {
		purpose notify.Purpose
		token   id.ID
		answers id.ID
		life    time.Duration
	}{
		{notify.PurposeWritten, id.ID{}, id.ID{}, 24 * time.Hour}, {notify.PurposeCutOff, id.ID{}, id.ID{}, 24 * time.Hour}, {notify.PurposeHelp, id.ID{}, id.ID{1}, time.Hour},
		{notify.PurposeCutSoon, id.ID{}, id.ID{}, 7 * 24 * time.Hour}, {notify.PurposeLow2, id.ID{}, id.ID{}, 7 * 24 * time.Hour}, {notify.PurposeLow1, id.ID{}, id.ID{}, 24 * time.Hour},
		{notify.PurposeToken, id.ID{15: 1}, id.ID{}, 72 * time.Hour}, {notify.PurposeMeter, id.ID{15: 1}, id.ID{}, 72 * time.Hour},
	} {
		h, a, b := newHall(t)
		h.tokens[id.ID{15: 1}] = sale.Token{ID: id.ID{15: 1}, State: sale.TokenIssued, Sealed: sale.Sealed("12345678901234567890")}
		m := h.queues(notify.Draft{Purpose: c.purpose, Text: "hello", Token: c.token, Answers: c.answers, Meter: 1, Number: meterA, Args: notify.Args{Meter: meterA, Word: "BAL", Currency: "KES"}})
		if got := h.of(m).ExpiresAt.Sub(h.now); got != c.life {
			t.Errorf("%s is worth something for %s, want %s", c.purpose, got, c.life)
		}
		h.now = h.now.Add(c.life)
		h.serves()
		if x := h.of(m); x.State != notify.Expired || x.Open || x.Failure != "it could not be sent in time" || len(a.sent)+len(b.sent) > 0 {
			t.Errorf("%s at its end: %s", c.purpose, h.state(m))
		}
		early, _, _ := newHall(t)
		early.tokens = h.tokens
		m = early.queues(notify.Draft{Purpose: c.purpose, Text: "hello", Token: c.token, Answers: c.answers, Meter: 1, Number: meterA, Args: notify.Args{Meter: meterA, Word: "BAL", Currency: "KES"}})
		early.now = early.now.Add(c.life - time.Second)
		early.serves()
		if x := early.of(m); x.State != notify.SentOut {
			t.Errorf("%s a second before its end: %s", c.purpose, early.state(m))
		}
	}
}

// TestATokenThatNeedNotBeSent checks that the message of such a token is suppressed with the reason. A token whose sale is being reversed
// waits.
func TestATokenThatNeedNotBeSent(t *testing.T) {
	for _, c := range []struct {
		name    string
		purpose notify.Purpose
		state   sale.TokenState
		sale    sale.State
		missing bool
		want    string
	}{
		{"good, to the customer", notify.PurposeToken, sale.TokenIssued, "", false, "sent open=false route=a round=0 tries=1 cost=200"},
		{"accepted, to the customer", notify.PurposeToken, sale.TokenAccepted, "", false, "sent open=false route=a round=0 tries=1 cost=200"},
		{"heard, to the meter", notify.PurposeMeter, sale.TokenHeard, "", false, "sent open=true route=a round=0 tries=1 cost=200 in 1m0s"},
		{"accepted, to the meter", notify.PurposeMeter, sale.TokenAccepted, "", false, "suppressed open=false route=a round=0 tries=0 cost=0 why the meter has the token already"},
		{"reversed", notify.PurposeToken, sale.TokenReversed, "", false, "suppressed open=false route=a round=0 tries=0 cost=0 why the token is not valid any more"},
		{"reversed, perhaps in the meter", notify.PurposeMeter, sale.TokenReversedUnconfirmed, "", false, "suppressed open=false route=a round=0 tries=0 cost=0 why the token is not valid any more"},
		{"never made", notify.PurposeToken, sale.TokenFailed, "", false, "suppressed open=false route=a round=0 tries=0 cost=0 why the token is not valid any more"},
		{"without digits", notify.PurposeToken, sale.TokenIssued, "", true, "suppressed open=false route=a round=0 tries=0 cost=0 why the token has no digits"},
		{"its sale is being reversed", notify.PurposeToken, sale.TokenIssued, sale.Reversing, false, "queued open=true route=a round=0 tries=0 cost=0 in 5m0s why the sale is being reversed"},
	} {
		h, _, _ := newHall(t)
		if !c.missing {
			h.tokens[id.ID{15: 1}] = sale.Token{ID: id.ID{15: 1}, State: c.state, Sealed: sale.Sealed("12345678901234567890"), Sale: id.ID{7}}
		}
		if c.sale != "" {
			h.sales[id.ID{7}] = sale.Sale{State: c.sale}
		}
		m := h.queues(notify.Draft{Purpose: c.purpose, Token: id.ID{15: 1}, Meter: 1, Number: meterA, Args: notify.Args{Meter: meterA, Currency: "KES"}})
		said := h.serves()
		h.want(c.name, h.state(m), c.want)
		if got := strings.HasPrefix(said, "message.suppressed purpose="+string(c.purpose)+" route=a meter="+meterA+" why="); got != strings.HasPrefix(c.want, "suppressed") {
			t.Errorf("%s: wrote %q", c.name, said)
		}
	}
}

// TestAMessageToAMeterIsRepeated checks that each wait is longer, and that the message ends with an alarm if the meter never answers.
func TestAMessageToAMeterIsRepeated(t *testing.T) {
	h, a, _ := newHall(t)
	h.tokens[id.ID{15: 1}] = sale.Token{ID: id.ID{15: 1}, State: sale.TokenIssued, Sealed: sale.Sealed("12345678901234567890")}
	m := h.queues(notify.Draft{Purpose: notify.PurposeMeter, Phone: meterSIM, Token: id.ID{15: 1}, Meter: 1, Number: meterA})
	var waits []string
	said := ""
	for range notify.MaxMeterTries + 1 {
		said += h.serves() + "\n"
		if x := h.of(m); x.Open {
			waits = append(waits, x.NextAt.Sub(h.now).String())
			h.now = x.NextAt
		}
	}
	if got := strings.Join(waits, " "); got != "1m0s 2m0s 4m0s 8m0s 16m0s 32m0s 1h4m0s 2h0m0s 2h0m0s 2h0m0s 2h0m0s 2h0m0s" || len(waits) != notify.MaxMeterTries {
		t.Errorf("waits %q", got)
	}
	if want := "*02#12345678901234567890"; a.sent[0].Text != want {
		t.Errorf("the meter is sent %q", a.sent[0].Text)
	}
	if x := h.of(m); x.State != notify.Uncertain || x.Open || x.Failure != "the meter did not answer" || len(a.sent) != notify.MaxMeterTries {
		t.Errorf("after %d messages: %s", len(a.sent), h.state(m))
	}
	if !strings.Contains(said, "alarm 1 sms-meter-silent") || strings.Count(said, "sent token 1") != 1 || strings.Count(said, "message.sent") != 1 || !strings.Contains(said, "message.unknown purpose=meter-sms route=a meter="+meterA+" why=the meter did not answer") {
		t.Errorf("wrote %s", said)
	}
}

// TestATryThatNobodyEnded checks a try during which the server ended: its outcome is unknown and its possible cost is counted.
func TestATryThatNobodyEnded(t *testing.T) {
	h, a, _ := newHall(t)
	m := h.queues(notify.Draft{Purpose: notify.PurposeWritten, Text: "hello"})
	h.of(m).Route, h.of(m).Tries = "a", 1
	h.tries[m] = []notify.Try{{N: 1, Route: "a", At: h.now.Add(-time.Minute)}}
	h.want("the next server finds it", h.serves(), "message.unknown purpose=text route=a why=the server ended before the answer; total 2026-11 a 1 100")
	h.want("it is not sent again", h.state(m), "unknown open=false route=a round=0 tries=1 cost=100 why the server ended before the answer")
	if x := h.tries[m][0]; x.Outcome != "unknown" || !x.DoneAt.Equal(h.now) || x.Why != "the server ended before the answer" || len(a.sent) != 0 {
		t.Errorf("tried %+v", x)
	}
}

// TestHowFullAMemoryIs checks that the alarm of a memory is raised once, and cleared when less than half of the memory is used.
func TestHowFullAMemoryIs(t *testing.T) {
	h, a, _ := newHall(t)
	for _, c := range []struct {
		memory notify.Memory
		want   string
	}{
		{notify.Memory{}, ""}, {notify.Memory{Used: 4, Slots: 10}, "clear 0 sms-memory-full"}, {notify.Memory{Used: 4, Slots: 10}, ""},
		{notify.Memory{Used: 9, Slots: 10, AlmostFull: true}, "message.memory_full used=9 slots=10; alarm 0 sms-memory-full"},
		{notify.Memory{Used: 10, Slots: 10, AlmostFull: true}, ""}, {notify.Memory{Used: 5, Slots: 10}, ""}, {notify.Memory{Used: 4, Slots: 10}, "clear 0 sms-memory-full"},
	} {
		a.memory = c.memory
		h.want(fmt.Sprintf("%+v", c.memory), h.serves(), c.want)
	}
}

// TestTheAlarmOfAMemoryOpensAgain checks that the alarm of a memory that stays full is raised again: another server may have ended it.
func TestTheAlarmOfAMemoryOpensAgain(t *testing.T) {
	h, a, _ := newHall(t)
	full, less := notify.Memory{Used: 9, Slots: 10, AlmostFull: true}, notify.Memory{Used: 6, Slots: 10}
	for _, c := range []struct {
		after  time.Duration
		memory notify.Memory
		want   string
	}{
		{0, full, "message.memory_full used=9 slots=10; alarm 0 sms-memory-full"},
		{10*time.Minute - time.Second, full, ""}, {time.Second, full, "alarm 0 sms-memory-full"}, {time.Second, full, ""},
		{10 * time.Minute, less, "alarm 0 sms-memory-full"}, {time.Hour, notify.Memory{Used: 4, Slots: 10}, "clear 0 sms-memory-full"},
		{time.Hour, less, ""},
	} {
		h.now, a.memory = h.now.Add(c.after), c.memory
		h.want(fmt.Sprintf("another %s, %+v", c.after, c.memory), h.serves(), c.want)
	}
}

// TestAPersonOrdersAMessage checks that the audit row names the person and the message, and that the message goes by the requested route.
func TestAPersonOrdersAMessage(t *testing.T) {
	h, _, _ := newHall(t)
	h.meter, h.sim = registry.Meter{N: 1, Number: meterA, ID: id.ID{2}}, meterSIM200
	h.mine["123"], h.mine["+123456789012345"] = h.mine[amina], h.mine[amina]
	by := access.SystemActor(1, "test")
	got, err := h.dispatcher.Send(t.Context(), by, notify.MessageRequest{Meter: meterA, Text: "hello", Route: "b"})
	if err != nil || got.Refused() || len(got.Messages) != 1 {
		t.Fatal(err, got.Detail())
	}
	h.want("ordered", h.says(), "message.order purpose=text meter="+meterA)
	m := got.Messages[0]
	if m.By != by.String() || m.Phone != amina || m.Customer != (id.ID{1}) || m.Meter != 1 || h.of(m.ID).Route != "b" || m.Lang != "en" {
		t.Errorf("%+v", m)
	}
	h.want("it leaves by that route", h.serves(), "message.sent purpose=text route=b meter="+meterA+"; clear 0 sms-route-down; total 2026-11 b 2 0")
	for name, w := range map[string]notify.MessageRequest{
		"no route of that name": {Phone: amina, Text: "hello", Route: "c"}, "a text and a token": {Phone: amina, Text: "hello", Token: "x"}, "a text to a SIM": {Phone: amina, Text: "hello", Via: sale.RouteMeterSMS},
		"nothing": {Phone: amina}, "too long": {Phone: amina, Text: strings.Repeat("x", notify.MaxWritten+1)}, "blanks": {Phone: amina, Text: "  "}, "a token in a text": {Phone: amina, Text: "12345678901234567890"},
		"a token by no way": {Meter: meterA}, "a token to another number": {Meter: meterA, Phone: juma, Via: sale.RouteSMS}, "two digits": {Phone: "12", Text: "hello"}, "sixteen digits": {Phone: "+1234567890123456", Text: "hello"},
		"a name": {Phone: "mum", Text: "hello"}, "a stranger": {Phone: stranger, Text: "hello"}, "a stranger beside a meter": {Meter: meterA, Phone: stranger, Text: "hello"},
		"a token in words": {Phone: amina, Text: "first 12345, then 67890, 12345 and 67890"}, "a SIM": {Phone: meterSIM200, Text: "hello"}, "emergency credit": {Phone: meterSIM200, Text: "*03#"},
	} {
		if got, err := h.dispatcher.Send(t.Context(), by, w); err != nil || !got.Refused() || h.says() != "" {
			t.Errorf("%s was taken: %+v, %v", name, got, err)
		}
	}
	for name, w := range map[string]notify.MessageRequest{
		"the longest text": {Phone: amina, Text: strings.Repeat("x", notify.MaxWritten)}, "three digits": {Phone: "123", Text: "hello"}, "fifteen digits": {Phone: "+123456789012345", Text: "hello"},
		"a question to a SIM": {Phone: meterSIM200, Text: "*01#"},
	} {
		if got, err := h.dispatcher.Send(t.Context(), by, w); err != nil || got.Refused() {
			t.Errorf("%s was refused: %s, %v", name, got.Detail(), err)
		}
	}
}

// TestWhoHasSeveralMetersNamesOneByItsPlace checks that positions begin with 1 and have at most two digits.
func TestWhoHasSeveralMetersNamesOneByItsPlace(t *testing.T) {
	o := opened(t)
	o.settled, o.left = money.Amount{Minor: 12_000, Currency: "KES"}, money.Amount{Minor: 11_680, Currency: "KES"}
	const notYours = "Mita hiyo si yako, hivyo hakuna kinachosemwa. Zako: 1=04140002009, 2=04140003007"
	for _, number := range []string{"0", "3", "001", "00"} {
		if got := o.receive(juma, "salio "+number); len(got) != 1 || got[0] != notYours {
			t.Errorf("salio %s: %q, want that it is none of theirs", number, got)
		}
		o.now = o.now.Add(time.Hour)
	}
	for _, number := range []string{"1", "01", "2"} {
		if got := o.receive(juma, "salio "+number); len(got) != 1 || got[0] == notYours {
			t.Errorf("salio %s: %q", number, got)
		}
		o.now = o.now.Add(time.Hour)
	}
}

// TestWhatAWishForWarningsWritesDown checks that the audit log has an entry for each STOP and START, with the words "by SMS".
func TestWhatAWishForWarningsWritesDown(t *testing.T) {
	o := opened(t)
	o.receive(amina, "STOP "+o.stopCode(amina))
	o.receive(amina, "START")
	if want := []string{"customer.notices notices=false by SMS", "customer.notices notices=true by SMS"}; !slices.Equal(o.audit, want) {
		t.Errorf("the audit log has %q, want %q", o.audit, want)
	}
}

// TestCountsExactlyAtTheirLimits checks that the last message within each limit is taken, and the next is not.
func TestCountsExactlyAtTheirLimits(t *testing.T) {
	for _, c := range []struct {
		name string
		did  func(*office)
		from string
		text string
		kept bool
		n    int // number of answers
	}{
		{"arrivals below the limit", func(o *office) { o.had(notify.MaxArrivals-1, true, amina, notify.PurposeFromCustomer, 0) }, amina, "help", true, 1},
		{"arrivals at the limit", func(o *office) { o.had(notify.MaxArrivals, true, amina, notify.PurposeFromCustomer, 0) }, amina, "help", false, 0},
		{"strangers below the limit", func(o *office) { o.had(notify.MaxStrangers-1, true, "+1", notify.PurposeFromStranger, 0) }, stranger, "x", true, 1},
		{"strangers at the limit", func(o *office) { o.had(notify.MaxStrangers, true, "+1", notify.PurposeFromStranger, 0) }, stranger, "x", false, 0},
		{"public answers below the limit", func(o *office) { o.had(notify.MaxPublic-1, false, "+1", notify.PurposePublic, 0) }, stranger, "x", true, 1},
		{"public answers at the limit", func(o *office) { o.had(notify.MaxPublic, false, "+1", notify.PurposePublic, 0) }, stranger, "x", true, 0},
		{"a stranger's answers below the limit", func(o *office) { o.had(notify.MaxHelp-1, false, stranger, notify.PurposePublic, 0) }, stranger, "x", true, 1},
		{"a stranger's answers at the limit", func(o *office) { o.had(notify.MaxHelp, false, stranger, notify.PurposePublic, 0) }, stranger, "x", true, 0},
		{"answers of a day below the limit", func(o *office) { o.had(notify.MaxPerSenderDay-1, false, amina, notify.PurposeHelp, 2*time.Hour) }, amina, "help", true, 1},
		{"answers of a day at the limit", func(o *office) { o.had(notify.MaxPerSenderDay, false, amina, notify.PurposeHelp, 2*time.Hour) }, amina, "help", true, 0},
		{"the day before does not count", func(o *office) { o.had(notify.MaxPerSenderDay, false, amina, notify.PurposeHelp, 24*time.Hour) }, amina, "help", true, 1},
	} {
		o := opened(t)
		c.did(o)
		before := len(o.messages)
		n := len(o.receive(c.from, c.text))
		if kept := len(o.messages) > before; kept != c.kept || n != c.n {
			t.Errorf("%s: kept %t, %d answers; want %t, %d", c.name, kept, n, c.kept, c.n)
		}
	}
	for _, c := range []struct {
		purpose notify.Purpose
		most    int
	}{{notify.PurposeHelp, notify.MaxPerPhone}, {notify.PurposeCutSoon, notify.MaxTokensPerPhone}} {
		for waiting, want := range map[int]bool{c.most - 1: true, c.most: false} {
			o := opened(t)
			o.waiting = waiting
			m, err := notify.Queue(o, notify.Draft{Purpose: c.purpose, Phone: amina}, o.now)
			if err != nil || m.Open != want || (m.Failure == "too many messages wait for this telephone") == want {
				t.Errorf("%s while %d wait: open %t (%s), %v", c.purpose, waiting, m.Open, m.Failure, err)
			}
		}
	}
}

// had adds n earlier messages, incoming or outgoing.
func (o *office) had(n int, incoming bool, phone string, p notify.Purpose, ago time.Duration) {
	for range n {
		o.messages = append(o.messages, notify.Message{Incoming: incoming, Phone: phone, Purpose: p, CreatedAt: o.now.Add(-ago)})
	}
}
