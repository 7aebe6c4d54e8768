package storetest

import (
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/job"
	"github.com/paywatt/paywatt/internal/notify"
	"github.com/paywatt/paywatt/internal/payment"
	"github.com/paywatt/paywatt/internal/recharge"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/sale"
	"github.com/paywatt/paywatt/internal/store"
	"github.com/paywatt/paywatt/internal/store/core"
	"github.com/paywatt/paywatt/internal/wallet"
	"github.com/paywatt/paywatt/unit"
)

func messageTests() []test {
	return []test{
		{"a meter's answer ends the message of the token that it is about, and of no other", meterAnswers},
		{"a meter that does not answer gets its token again, and then a person is called", meterSilent},
		{"what was under way in a crash is known to be unknown", messageCrash},
		{"a route that fails goes down with an alarm, its messages go by the next, and it comes back", routeDown},
		{"an arrival is taken once, and a telephone learns about its own meters alone", arrivals},
		{"a telephone number that another customer had a moment ago decides nothing", formerNumber},
		{"warnings wait for the morning and count when a route has taken them", noticesByRoute},
		{"messages of one telephone are bounded", phoneBound},
		{"a route with a wrong secret is down, and costs no message", routeMisset},
		{"a report that comes before the route's answer, and an answer that comes late, change no other try", reportFirst},
		{"a report by reference that comes before the route's answer waits for the reference", reportBeforeReference},
		{"a report finds its message by another spelling of the reference", reportOtherSpelling},
		{"a message to a meter whose route is gone goes by another", routeGone},
		{"a warning for which there is no room is not given", noRoom},
		{"a server leaves to another what only the other can send", twoServers},
		{"a warning that waited for a route waits for the morning too", quietLater},
		{"quiet hours are the utility's own, by its own clock", quietOwn},
		{"who writes in a telephone's name does not use up its messages' tries", woken},
		{"a message that was sent once and could not be sent again has expired", expiredAgain},
		{"what waits goes to who is registered when it is sent", registeredOnly},
		{"a new occupant learns nothing of the former one", formerOccupant},
		{"a forged answer stops no push, and a signed one overrules it", forgedAnswer},
		{"a token typed at a meter that has only a modem is heard of", typedHeard},
		{"all strangers together are bounded", strangersBounded},
		{"a rejected token gives its turn to the next one, and one is at a meter at a time", rejectedHead},
		{"what all routes of a server have refused is left to the others before it ends", refusedHere},
		{"a try that may have left is paid for", uncertainCost},
		{"a token from elsewhere that was heard of is what the meter signs of it", externalHeard},
		{"a route whose memory fills up is an alarm until it has room again", memoryFull},
		{"a request with a key makes one message, also where its answer was lost", orderedOnce},
		{"a meter whose SMS channel is locked has its tokens by its connection, or the next day", lockedMeter},
		{"a route that works again wakes its messages", routeBack},
		{"a telephone that was off for a night gets what matters first, and no old state", playStory(telephoneOff)},
		{"old messages are forgotten in batches, with their tries", messagesForgotten},
		{"messages that no route will send are listed, and no others", strayMessages},
		{"a report finds its try by route, reference and number", reportedTries},
		{"a telephone that is heard wakes what waits for it, and so does a route", wokenMessages},
		{"lists of messages have what was asked for, newest first", listedMessages},
		{"a message is claimed once, when it is due", dueMessages},
		{"a message keeps what it is and changes how it goes", storedMessages},
		{"a try keeps what was known before its outcome", storedTries},
		{"the cost of messages is added up by month and route", storedTotals},
	}
}

// messageDoor is a dispatcher's Door on an engine; X is its view of a transaction.
type messageDoor[X any] struct {
	e  store.Engine
	as func(*store.Tx) X
}

func (d messageDoor[X]) Do(ctx context.Context, t access.Tenant, fn func(X) (bool, error)) error {
	return d.e.Run(ctx, t, store.Job, func(tx *store.Tx) (bool, error) { return fn(d.as(tx)) })
}

func (d messageDoor[X]) View(ctx context.Context, t access.Tenant, fn func(X) error) error {
	return d.e.View(ctx, t, func(tx *store.Tx) error { return fn(d.as(tx)) })
}

// plainSeal is a data key that seals nothing.
type plainSeal struct{ mac }

func (plainSeal) Open(_ string, sealed []byte) ([]byte, error) {
	return append([]byte(nil), sealed...), nil
}

// scripted is a route for messages that answers as the test tells it.
type scripted struct {
	name   string
	takes  []string                          // prefixes of the numbers that the route serves; empty: all numbers
	answer func(notify.Outgoing) notify.Sent // nil: accept all messages
	sent   []notify.Outgoing
}

func (s *scripted) Name() string { return s.name }

func (s *scripted) Send(_ context.Context, m notify.Outgoing) notify.Sent {
	s.sent = append(s.sent, m)
	if s.answer != nil {
		return s.answer(m)
	}
	return notify.Sent{Outcome: notify.Accepted, Reference: fmt.Sprint(len(s.sent)), Parts: 1}
}

func fails(notify.Outgoing) notify.Sent {
	return notify.Sent{Outcome: notify.NotSent, Why: "no network"}
}

// texts returns the texts that the route was asked to send.
func (s *scripted) texts() (out []string) {
	for _, m := range s.sent {
		out = append(out, m.Text)
	}
	return out
}

// talk is a dispatcher on an engine with a clock of its own.
type talk struct {
	t          *testing.T
	e          store.Engine
	dispatcher *notify.Dispatcher
	now        time.Time
	routes     []*scripted
	n          int // number of arrivals
}

// talking makes a dispatcher with these routes, at noon. The parameter owner is the name of the process, so that a test can have several
// processes.
func talking(t *testing.T, e store.Engine, owner string, routes ...*scripted) *talk {
	t.Helper()
	k := &talk{t: t, e: e, now: time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC), routes: routes}
	var ways []notify.Configured
	for _, r := range routes {
		ways = append(ways, notify.Configured{Route: r, Kind: "test", Meters: true, Cost: 800_000, Prefixes: r.takes})
	}
	k.dispatcher = notify.New(notify.Config{Door: messageDoor[notify.Tx]{e, func(tx *store.Tx) notify.Tx { return tx }}, Opener: plainSeal{}, Hasher: plainSeal{},
		Routes: ways, Owner: owner, Now: func() time.Time { return k.now }})
	return k
}

// serve sends the messages that are due.
func (k *talk) serve() {
	k.t.Helper()
	if _, err := k.dispatcher.Serve(k.t.Context(), store.FirstTenant); err != nil {
		k.t.Fatal(err)
	}
}

// pass advances the clock in steps of a minute and serves at each.
func (k *talk) pass(d time.Duration) {
	k.t.Helper()
	for end := k.now.Add(d); k.now.Before(end); {
		k.now = k.now.Add(time.Minute)
		k.serve()
	}
}

// receive delivers an incoming message with a new identity.
func (k *talk) receive(from, text string) {
	k.t.Helper()
	k.n++
	k.arrive(notify.Incoming{Route: "a", Identity: notify.IdentityOf(fmt.Sprint(k.n)), From: from, Text: text, At: k.now})
}

func (k *talk) arrive(m notify.Incoming) {
	k.t.Helper()
	if err := k.dispatcher.Inbox(store.FirstTenant).Receive(k.t.Context(), m); err != nil {
		k.t.Fatal(err)
	}
	k.serve()
}

// queue queues a message.
func (k *talk) queue(d notify.Draft) (m notify.Message) {
	k.t.Helper()
	must(k.t, k.e, func(tx *store.Tx) (err error) { m, err = notify.Queue(tx, d, k.now); return err })
	return m
}

// queueAll queues messages in one transaction, as a sale does with the tokens of one set. Their order is that of their identities, and
// identities of one millisecond have an order in one transaction only.
func (k *talk) queueAll(all []notify.Draft) (queued []notify.Message) {
	k.t.Helper()
	must(k.t, k.e, func(tx *store.Tx) error {
		queued = nil
		for _, d := range all {
			m, err := notify.Queue(tx, d, k.now)
			if err != nil {
				return err
			}
			queued = append(queued, m)
		}
		return nil
	})
	return queued
}

// read reads the present state of a message.
func (k *talk) read(i id.ID) notify.Message {
	k.t.Helper()
	return look(k.t, k.e, func(tx *store.Tx) (notify.Message, error) { m, _, err := tx.MessageByID(i); return m, err })
}

func (k *talk) wantState(what string, i id.ID, want notify.State) {
	k.t.Helper()
	if m := k.read(i); m.State != want {
		k.t.Errorf("%s: the message is %s (%s), want %s", what, m.State, m.Failure, want)
	}
}

const simNumber = "+254700000200"

// tokenFor queues an external token to the SIM of a meter.
func (k *talk) tokenFor(m mtr, digits string, units unit.Energy) (token, message id.ID) {
	k.t.Helper()
	g := recharge.ExternalToken{HasTID: true, By: "tester", Token: sale.Token{Meter: m.N, State: sale.TokenIssued, IssuedAt: k.now, TID: 1, Units: units,
		Sealed: []byte(digits), Hash: []byte(digits)}}
	must(k.t, k.e, func(tx *store.Tx) (err error) {
		if g.ID, err = tx.NewID(); err == nil {
			err = tx.AddExternalToken(g)
		}
		return err
	})
	q := k.queue(notify.Draft{Purpose: notify.PurposeMeter, Phone: simNumber, Meter: m.N, Number: m.Number, Token: g.ID})
	return g.ID, q.ID
}

func (k *talk) wantToken(what string, token id.ID, want sale.TokenState) {
	k.t.Helper()
	t := look(k.t, k.e, func(tx *store.Tx) (sale.Token, error) { t, _, _, err := tx.TokenForPush(token); return t, err })
	if t.State != want {
		k.t.Errorf("%s: the token is %s, want %s", what, t.State, want)
	}
}

// meterWithSIM adds a meter with a modem.
func meterWithSIM(t *testing.T, e store.Engine, n int64) mtr {
	t.Helper()
	m := addMeter(t, e, n, false)
	must(t, e, func(tx *store.Tx) error { return tx.SetSIM(m.ID, simNumber) })
	m.SIM = simNumber
	return m
}

// meterAnswers gives a meter two tokens of equal units. A late copy of the answer to the first token must not end the second.
func meterAnswers(t *testing.T, r Rig) {
	e, a := r.Open(t), &scripted{name: "a"}
	m := meterWithSIM(t, e, 31)
	k := talking(t, e, "one", a)
	first, one := k.tokenFor(m, "12345678901234567890", 10_000)
	second, two := k.tokenFor(m, "22345678901234567891", 10_000)
	k.serve()
	if got := a.texts(); len(got) != 1 || got[0] != "*02#12345678901234567890" {
		t.Fatalf("sent %q, want the first token alone: one message at a time is at a meter", got)
	}
	k.wantState("sent", one, notify.SentOut)
	k.wantToken("sent", first, sale.TokenSent)
	const loaded = "Recharge OK. 10.0 kWh added. Balance 10.0 kWh"
	k.receive("15555", loaded)
	k.wantState("answered from another number", one, notify.SentOut)
	k.receive(simNumber, loaded)
	k.wantState("answered", one, notify.Answered)
	k.wantToken("answered", first, sale.TokenHeard)
	if got := a.texts(); len(got) != 2 || got[1] != "*02#22345678901234567891" {
		t.Fatalf("sent %q, want the second token next", got)
	}
	k.receive(simNumber, loaded)
	k.wantState("a double of the first answer", two, notify.SentOut)
	k.wantToken("a double of the first answer", second, sale.TokenSent)
	if got := a.texts(); len(got) != 3 || got[2] != notify.AskLastTokens {
		t.Fatalf("sent %q, want the question for the last tokens", got)
	}
	k.receive(simNumber, "Last tokens: 20.11 1234..7890 +10.0 kWh;")
	k.wantState("a list without it", two, notify.SentOut)
	k.pass(2 * time.Minute)
	k.receive(simNumber, "Last tokens: 20.11 2234..7891 +10.0 kWh; 20.11 1234..7890 +10.0 kWh;")
	k.wantState("a list with it", two, notify.Answered)
	k.wantToken("a list with it", second, sale.TokenHeard)

	rejected, three := k.tokenFor(m, "32345678901234567892", 20_000)
	k.serve()
	k.receive(simNumber, "Token rejected. Balance 20.0 kWh")
	k.receive(simNumber, "Last tokens: 20.11 3234..7892 wrong; 20.11 2234..7891 +10.0 kWh;")
	k.wantState("rejected once, as a meter with a lock rejects everything", three, notify.Queued)
	before := len(a.sent)
	k.receive(simNumber, "Last tokens: 20.11 3234..7892 wrong; 20.11 2234..7891 +10.0 kWh;")
	k.wantState("the same rejection again", three, notify.Queued)
	k.now = k.now.Add(24 * time.Hour)
	k.serve()
	if got := a.texts(); len(got) != before+1 || got[before] != "*02#32345678901234567892" {
		t.Fatalf("a day after the rejection %q were sent, want the token once more", got[before:])
	}
	k.now = k.now.Add(time.Second)
	k.receive(simNumber, "Last tokens: 20.11 3234..7892 wrong; 20.11 2234..7891 +10.0 kWh;")
	k.wantState("rejected twice", three, notify.Lost)
	k.wantToken("rejected by SMS, which proves nothing", rejected, sale.TokenSent)
	if got := alarms(t, e, m); !strings.Contains(got, string(notify.AlarmMeterRejects)) {
		t.Errorf("open alarms %q, want one about the rejection", got)
	}
}

func meterSilent(t *testing.T, r Rig) {
	e, a := r.Open(t), &scripted{name: "a"}
	m := meterWithSIM(t, e, 32)
	k := talking(t, e, "one", a)
	token, message := k.tokenFor(m, "12345678901234567890", 10_000)
	k.serve()
	k.pass(30 * time.Hour)
	k.wantState("never answered", message, notify.Uncertain)
	k.wantToken("never answered", token, sale.TokenSent)
	if n := len(a.sent); n != notify.MaxMeterTries {
		t.Errorf("the meter got %d messages, want %d", n, notify.MaxMeterTries)
	}
	if got := alarms(t, e, m); !strings.Contains(got, string(notify.AlarmMeterSilent)) {
		t.Errorf("open alarms %q, want one about the silence", got)
	}
	k.receive(simNumber, "this recharge card has been used! Balance 10.0 kWh")
	k.wantState("answered after all", message, notify.Answered)
	k.wantToken("answered after all", token, sale.TokenHeard)
}

// messageCrash lets a process die after it has stored a try and before the route answers.
func messageCrash(t *testing.T, r Rig) {
	e := r.Open(t)
	m := meterWithSIM(t, e, 33)
	dying := &scripted{name: "a", answer: func(notify.Outgoing) notify.Sent { panic("the process dies") }}
	k := talking(t, e, "one", dying)
	_, token := k.tokenFor(m, "12345678901234567890", 10_000)
	text := k.queue(notify.Draft{Purpose: notify.PurposeWritten, Phone: "+254700000001", Text: "hello"})
	for range 2 {
		func() {
			defer func() {
				if recover() == nil {
					t.Fatal("nothing was sent")
				}
			}()
			k.serve()
		}()
	}
	a := &scripted{name: "a"}
	next := talking(t, e, "two", a)
	next.now = k.now
	next.serve()
	if len(a.sent) != 0 {
		t.Fatalf("sent %q while the dead process holds its claims", a.texts())
	}
	next.pass(6 * time.Minute)
	next.wantState("a text", text.ID, notify.Uncertain)
	next.pass(10 * time.Minute)
	for _, s := range a.sent {
		if s.Text == "hello" {
			t.Error("a text of unknown outcome was sent again")
		}
	}
	if len(a.sent) == 0 || a.sent[0].Text != "*02#12345678901234567890" {
		t.Errorf("sent %q, want the token once more: it is one token however often it comes", a.texts())
	}
	next.wantState("a token", token, notify.SentOut)
	if err := next.dispatcher.Inbox(store.FirstTenant).Report(t.Context(), notify.Report{Route: "a", ID: text.ID.Text(id.Message), State: notify.Delivered}); err != nil {
		t.Fatal(err)
	}
	next.wantState("a text that was reported", text.ID, notify.Arrived)
}

// routesDown counts the open alarms about routes.
func routesDown(t *testing.T, e store.Engine) int {
	t.Helper()
	return look(t, e, func(tx *store.Tx) (n int, err error) {
		err = tx.C.Query(`SELECT COUNT(*) FROM alarm WHERE tenant_id = $1 AND code = $2 AND cleared_at IS NULL`,
			func(r core.Row) error { n = int(r.Int(0)); return nil }, tx.Tenant, string(notify.AlarmRouteDown))
		return n, err
	})
}

func routeDown(t *testing.T, r Rig) {
	e, a, b := r.Open(t), &scripted{name: "a", answer: fails}, &scripted{name: "b"}
	k := talking(t, e, "one", a, b)
	var messages []notify.Message
	for i := range 8 {
		messages = append(messages, k.queue(notify.Draft{Purpose: notify.PurposeWritten, Phone: fmt.Sprintf("+25470000010%d", i), Text: "hello"}))
	}
	k.serve()
	for i, m := range messages {
		got := k.read(m.ID)
		if got.State != notify.SentOut || got.Route != "b" || got.Cost != 800_000 {
			t.Errorf("message %d: %s by %s for %d, want sent by b for 800000", i, got.State, got.Route, got.Cost)
		}
	}
	if len(a.sent) != 5 {
		t.Errorf("the route that fails was tried %d times, want 5: then it is down", len(a.sent))
	}
	down := func() int { return routesDown(t, e) }
	if down() != 1 {
		t.Errorf("%d alarms about the route, want 1", down())
	}
	letThrough(e) // the dispatcher remembers tries outside the transaction
	send := func() notify.Message {
		m := k.queue(notify.Draft{Purpose: notify.PurposeWritten, Phone: "+254700000199", Text: "hello"})
		k.serve()
		return k.read(m.ID)
	}
	if m := send(); m.Route != "b" || len(a.sent) != 5 {
		t.Errorf("within the minute a message went by %s after %d tries of a, want b and no try", m.Route, len(a.sent)-5)
	}
	k.now = k.now.Add(2 * time.Minute)
	if m := send(); m.Route != "b" || m.State != notify.SentOut || len(a.sent) != 6 {
		t.Errorf("after it the message is %s by %s with %d tries of a, want sent by b after one", m.State, m.Route, len(a.sent)-5)
	}
	a.answer = nil
	k.now = k.now.Add(2 * time.Minute)
	if m := send(); m.Route != "a" || m.State != notify.SentOut || down() != 0 {
		t.Errorf("the route works again: the message is %s by %s with %d alarms, want sent by a and none", m.State, m.Route, down())
	}
	totals := look(t, e, func(tx *store.Tx) ([]notify.Total, error) { return tx.MessageTotals(10) })
	if got, want := fmt.Sprint(totals), "[{2026-11 a 1 1 800000} {2026-11 b 10 10 8000000}]"; got != want {
		t.Errorf("the months cost %s, want %s", got, want)
	}
}

// subscriber gives the customer of a wallet meter a phone number.
func subscriber(t *testing.T, e store.Engine, p walletMeter, phone string) {
	t.Helper()
	must(t, e, func(tx *store.Tx) error {
		_, err := tx.C.Exec(`UPDATE customer SET phone = $1 WHERE tenant_id = $2 AND id = (SELECT customer_id FROM account WHERE tenant_id = $2 AND id = $3)`,
			phone, tx.Tenant, p.account)
		return err
	})
}

// formerNumber gives a customer the number of another one, who gave it up, moved out or never had it. Then it moves the customer to another meter.
func formerNumber(t *testing.T, r Rig) {
	e, phone := r.Open(t), "+254700000001"
	had, has := addWalletMeter(t, e, 41, 50_000), addWalletMeter(t, e, 42, 50_000)
	exec := func(sql string, args ...any) {
		t.Helper()
		must(t, e, func(tx *store.Tx) error { _, err := tx.C.Exec(sql, args...); return err })
	}
	owner := func(p walletMeter) (out id.ID) {
		_ = look(t, e, func(tx *store.Tx) (bool, error) {
			return tx.One(`SELECT customer_id FROM account WHERE id = $1`, func(row core.Row) error { out = row.ID(0); return nil }, p.account)
		})
		return out
	}
	register := func(p walletMeter, phone string) {
		t.Helper()
		must(t, e, func(tx *store.Tx) error {
			_, err := tx.C.Exec(`UPDATE customer SET phone = $1, search = $2, phone_since = $3 WHERE id = $4`, phone, registry.Customer{Name: "Amina A.", Phone: phone}.SearchText(), tx.Now, owner(p))
			return err
		})
	}
	decides := func(name string, want bool) {
		t.Helper()
		var now time.Time
		subscriptions := look(t, e, func(tx *store.Tx) ([]notify.Subscription, error) { now = tx.Now; return tx.Subscriptions(phone, 5) })
		called := look(t, e, func(tx *store.Tx) ([]payment.Found, error) {
			return tx.CalledMeters(payment.ReadReference("0700000001"), 5)
		})
		_, why := payment.Match(nil, nil, called, now)
		if len(subscriptions) != 1 || subscriptions[0].Unsettled == want || (why == payment.NoReason) != want {
			t.Errorf("%s: the number of %+v, for payments of %+v; want that it decides: %t", name, subscriptions, called, want)
		}
	}
	gaveUp := func(former string, until time.Duration) {
		t.Helper()
		must(t, e, func(tx *store.Tx) error {
			return tx.Numbers().HoldFormer(registry.PhoneOwner(owner(had)), former, tx.Now.Add(until))
		})
	}
	register(has, phone)
	decides("nobody had it", true)
	gaveUp("+254711000001", time.Hour)
	decides("another number was given up", true)
	gaveUp("0700000001", time.Hour)
	decides("it was given up, and written without its country", false)
	gaveUp("+254711000001", time.Hour)
	decides("it was given up, and then its successor too", false)
	must(t, e, func(tx *store.Tx) error { return tx.Numbers().ReleaseNumber(registry.PhoneOwner(owner(had))) })
	decides("a second person has confirmed that", true)
	gaveUp("0700000001", -time.Hour)
	gaveUp("+254711000001", time.Hour)
	formerly := func(before time.Duration) payment.Reason {
		t.Helper()
		var made time.Time
		called := look(t, e, func(tx *store.Tx) ([]payment.Found, error) {
			made = tx.Now.Add(-before)
			return tx.CalledMeters(payment.ReadReference("0700000001"), 5)
		})
		_, why := payment.Match(nil, nil, called, made)
		return why
	}
	if why := formerly(time.Hour); why != payment.NumberNewer {
		t.Errorf("the number is newer than a payment, which gets the reason %q", why)
	}
	predate := func(earlier time.Duration) {
		t.Helper()
		exec(`UPDATE customer SET phone_since = phone_since - $1 WHERE id = $2`, earlier.Microseconds(), owner(has))
	}
	predate(2 * time.Hour)
	if before, after := formerly(time.Hour+time.Second), formerly(time.Hour); before != payment.NumberHeld || after != payment.NoReason {
		t.Errorf("the number was given up, and its successor too: for a payment made before the hold ended %q, after it %q", before, after)
	}
	predate(-2 * time.Hour)
	for i := range 101 {
		gaveUp(fmt.Sprintf("+%d500000001", 300+i), time.Hour)
	}
	decides("many other numbers with the same end were given up", true)
	register(had, phone)
	exec(`UPDATE account SET status = 'closed' WHERE id = $1`, had.account)
	decides("it is also that of a customer who has moved out", false)
	exec(`UPDATE meter SET account_id = NULL WHERE account_id = $1`, had.account)
	decides("and whose meter was taken away", false)
	exec(`UPDATE customer SET phone_since = phone_since - $1 WHERE id = $2`, (registry.NumberHold + time.Second).Microseconds(), owner(has))
	decides("and was registered more than a day ago", true)

	other := addWalletMeter(t, e, 43, 50_000)
	exec(`UPDATE account SET customer_id = $1 WHERE id = $2`, owner(has), other.account)
	exec(`UPDATE meter SET account_id = NULL WHERE account_id = $1`, has.account)
	decides("the customer has another meter beside one without an end", true)
	movedOut := func(ago time.Duration) {
		t.Helper()
		must(t, e, func(tx *store.Tx) error {
			return tx.Must(`UPDATE account SET status = 'closed', closed_at = $1 WHERE id = $2`, tx.Now.Add(-ago), has.account)
		})
	}
	movedOut(time.Minute)
	decides("the customer was moved out of the first meter a moment ago", false)
	movedOut(registry.NumberHold + time.Minute)
	decides("the customer was moved out of it more than a day ago", true)
}

// notices reports whether the customer wants warnings.
func notices(t *testing.T, e store.Engine) bool {
	t.Helper()
	return look(t, e, func(tx *store.Tx) (bool, error) {
		s, err := tx.Subscriptions("+254700000001", 5)
		return len(s) == 1 && s[0].Notices, err
	})
}

func arrivals(t *testing.T, r Rig) {
	e, a := r.Open(t), &scripted{name: "a"}
	p := addWalletMeter(t, e, 41, 50_000)
	subscriber(t, e, p, "254700000001") // registered without the plus sign
	k := talking(t, e, "one", a)
	last := func() string {
		if len(a.sent) == 0 {
			return ""
		}
		s := a.sent[len(a.sent)-1]
		return s.To + " " + s.Text
	}
	same := notify.Incoming{Route: "a", Identity: notify.IdentityOf("same"), From: "+254700000001", Text: "bal."}
	k.arrive(same)
	k.arrive(same)
	if len(a.sent) != 1 || !strings.Contains(last(), p.Number) || !strings.Contains(last(), "500.00") {
		t.Fatalf("a question that came twice is answered by %q, want one answer with 500.00", a.texts())
	}
	for range 5 {
		k.receive("+254799999999", "BAL "+p.Number)
	}
	if got := len(a.sent); got != 3 || strings.Contains(last(), p.Number) {
		t.Errorf("a stranger got %d answers, the last %q, want 2 that say nothing of the meter", got-1, last())
	}
	k.receive("+254700000001", "stop")
	code := regexp.MustCompile(`STOP \d+`).FindString(last())
	if !notices(t, e) {
		t.Error("STOP without its code ends the warnings")
	}
	k.receive("+254700000001", code)
	if notices(t, e) {
		t.Error("after STOP the customer still gets warnings")
	}
	before := len(a.sent)
	for range 20 {
		k.receive("+254700000001", "help")
	}
	if got := len(a.sent) - before; got != notify.MaxPerSender {
		t.Errorf("20 questions in an hour after other words got %d answers, want %d", got, notify.MaxPerSender)
	}
	kept := look(t, e, func(tx *store.Tx) ([]notify.Message, error) {
		return tx.MessageList(notify.Filter{Phone: "+254700000001"}, id.ID{}, 200)
	})
	k.receive("+254700000001", "*02# 1234-5678 9012 3456 7890")
	now := look(t, e, func(tx *store.Tx) ([]notify.Message, error) {
		return tx.MessageList(notify.Filter{Phone: "+254700000001"}, id.ID{}, 200)
	})
	if len(now) != len(kept)+1 || strings.ContainsAny(now[0].Text, "0123456789") {
		t.Errorf("a token that came here by mistake is kept as %q, want it masked", now[0].Text)
	}
}

func noticesByRoute(t *testing.T, r Rig) {
	e, a := r.Open(t), &scripted{name: "a"}
	p := addWalletMeter(t, e, 42, 0)
	q := addBeside(t, e, p, 43)
	subscriber(t, e, p, "+254700000001")
	k := talking(t, e, "one", a)
	k.now = time.Date(2026, 11, 20, 23, 0, 0, 0, time.UTC)
	sender := notify.NewNotices(messageDoor[notify.NoticeTx]{e, func(tx *store.Tx) notify.NoticeTx { return tx }}, func() time.Time { return k.now }, func() {})
	notice := func(kind wallet.NoticeKind) {
		t.Helper()
		body, err := json.Marshal(wallet.Notice{Kind: kind, Meter: p.Number, Account: p.account.Text(id.Account), Available: -100, Currency: "KES"})
		if err != nil {
			t.Fatal(err)
		}
		v, err := sender.Send(t.Context(), store.FirstTenant, job.Claim{Item: job.Item{Kind: string(kind), Body: body}})
		if err != nil || v.String() != "done" {
			t.Fatalf("notice %s: %s %v", kind, v, err)
		}
		k.serve()
	}
	given := func() string {
		var out []string
		for _, row := range audited(t, e, p.ID.Text(id.Meter)) {
			if action := strings.Split(row, "|")[1]; strings.HasPrefix(action, "notice.") {
				out = append(out, action)
			}
		}
		return strings.Join(out, " ")
	}
	notice(wallet.NoticeOut)
	if len(a.sent) != 0 || given() != "" {
		t.Fatalf("at night %q was sent and %q counts as given, want nothing", a.texts(), given())
	}
	notice(wallet.NoticeOn)
	if len(a.sent) != 1 || given() != "notice.supply-on" {
		t.Errorf("at night %q was sent and %q counts, want the supply that comes back alone", a.texts(), given())
	}
	k.now = time.Date(2026, 11, 21, 7, 0, 0, 0, time.UTC)
	k.serve()
	if len(a.sent) != 2 || given() != "notice.supply-on notice.wallet-used-up" {
		t.Errorf("in the morning %d were sent and %q counts, want the warning too", len(a.sent), given())
	}
	if one, two := supplied(t, e, p).Noticed, supplied(t, e, q).Noticed; one.IsZero() || !one.Equal(two) {
		t.Errorf("after a warning by message the account's meters count as warned of at %s and %s, want one moment", one, two)
	}
	subscriber(t, e, p, "")
	notice(wallet.NoticeLow2)
	if len(a.sent) != 2 || !strings.HasSuffix(given(), "notice.wallet-urgent") {
		t.Errorf("without a telephone %d were sent and %q counts, want it written down at once", len(a.sent), given())
	}
}

func phoneBound(t *testing.T, r Rig) {
	e := r.Open(t)
	k := talking(t, e, "one")
	var last notify.Message
	for range notify.MaxPerPhone + 1 {
		last = k.queue(notify.Draft{Purpose: notify.PurposeWritten, Phone: "+254700000001", Text: "hello"})
	}
	if last.State != notify.Suppressed || last.Failure == "" {
		t.Errorf("message %d to one telephone is %s (%s), want suppressed with the reason", notify.MaxPerPhone+1, last.State, last.Failure)
	}
	if other := k.queue(notify.Draft{Purpose: notify.PurposeWritten, Phone: "+254700000002", Text: "hello"}); other.State != notify.Queued {
		t.Errorf("a message to another telephone is %s, want queued", other.State)
	}
	quiet := registry.QuietHours{}
	if from, to := quiet.Times(); from != "21:00" || to != "07:00" {
		t.Errorf("quiet hours are %s to %s, want 21:00 to 07:00", from, to)
	}
}
