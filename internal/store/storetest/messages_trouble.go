package storetest

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/job"
	"github.com/paywatt/paywatt/internal/notify"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/store"
	"github.com/paywatt/paywatt/internal/wallet"
)

const someone = "+254700000001"

// warning returns the notice that starts the waiting time before a cut-off.
func warning(p walletMeter, phone string) notify.Draft {
	return notify.Draft{Purpose: notify.PurposeCutSoon, Phone: phone, Meter: p.N, Number: p.Number, Args: notify.Args{Meter: p.Number, Currency: "KES"}}
}

// noticesOf returns the notices about a meter that the audit log counts as sent.
func noticesOf(t *testing.T, e store.Engine, p walletMeter) (out []string) {
	t.Helper()
	for _, row := range audited(t, e, p.ID.Text(id.Meter)) {
		if action := strings.Split(row, "|")[1]; strings.HasPrefix(action, "notice.") {
			out = append(out, action)
		}
	}
	return out
}

func routeMisset(t *testing.T, r Rig) {
	e := r.Open(t)
	p := addWalletMeter(t, e, 51, 0)
	subscriber(t, e, p, someone)
	a := &scripted{name: "a", answer: func(notify.Outgoing) notify.Sent {
		return notify.Sent{Outcome: notify.Refused, Why: "401 who are you", Closed: true}
	}}
	k := talking(t, e, "one", a)
	text := k.queue(notify.Draft{Purpose: notify.PurposeWritten, Phone: "+254700000002", Text: "hello"})
	cut := k.queue(warning(p, someone))
	k.serve()
	k.pass(5 * time.Minute)
	k.wantState("a text by a route with a wrong secret", text.ID, notify.Queued)
	k.wantState("a warning by a route with a wrong secret", cut.ID, notify.Queued)
	if n := routesDown(t, e); n != 1 {
		t.Errorf("%d alarms about the route, want 1", n)
	}
	if got := noticesOf(t, e, p); len(got) != 0 {
		t.Errorf("%q count as given although nothing left", got)
	}
	a.answer = nil
	k.pass(3 * time.Hour)
	k.wantState("a text, once the secret is right", text.ID, notify.SentOut)
	k.wantState("a warning, once the secret is right", cut.ID, notify.SentOut)
	if got := noticesOf(t, e, p); len(got) != 1 {
		t.Errorf("%q count as given, want the one that was sent", got)
	}
}

// routeBack is a route that is out of order for hours. The first message that it accepts again makes all messages due that failed with it. A message
// that the telephone did not get, and a warning that waits for the morning, keep waiting.
func routeBack(t *testing.T, r Rig) {
	e := r.Open(t)
	p := addWalletMeter(t, e, 55, 0)
	subscriber(t, e, p, someone)
	a := &scripted{name: "a"}
	k := talking(t, e, "one", a)
	absent := k.queue(notify.Draft{Purpose: notify.PurposeWritten, Phone: "+254700000009", Text: "hello"})
	k.serve()
	for range 4 { // its pauses are long
		if err := k.dispatcher.Inbox(store.FirstTenant).Report(t.Context(), notify.Report{Route: "a", ID: absent.ID.Text(id.Message), State: notify.Failed, Why: "absent"}); err != nil {
			t.Fatal(err)
		}
		k.now = k.now.Add(2 * time.Hour)
		k.serve()
	}
	if err := k.dispatcher.Inbox(store.FirstTenant).Report(t.Context(), notify.Report{Route: "a", ID: absent.ID.Text(id.Message), State: notify.Failed, Why: "absent"}); err != nil {
		t.Fatal(err)
	}
	a.answer = func(notify.Outgoing) notify.Sent {
		return notify.Sent{Outcome: notify.NotSent, Closed: true, Why: "no modem"}
	}
	var texts []notify.Message
	for n := range 3 {
		texts = append(texts, k.queue(notify.Draft{Purpose: notify.PurposeWritten, Phone: fmt.Sprintf("+25470000002%d", n), Text: "hello"}))
	}
	waiting := func(m notify.Message) bool {
		got := k.read(m.ID)
		return got.State == notify.Queued && got.Tries > 0 && got.NextAt.After(k.now.Add(10*time.Minute))
	}
	for n := 0; !waiting(texts[0]) || !waiting(texts[1]) || !waiting(texts[2]); n++ { // one text a minute tries the route
		if n > 100 {
			t.Fatal("the texts do not wait longer and longer")
		}
		k.now = k.now.Add(3 * time.Minute)
		k.serve()
	}
	k.now = k.now.Add(2 * time.Minute) // then the route may be tried again
	a.answer = nil
	k.queue(notify.Draft{Purpose: notify.PurposeWritten, Phone: "+254700000030", Text: "hello"})
	k.serve()
	for _, m := range texts {
		k.wantState("a text, when its route works again", m.ID, notify.SentOut)
	}
	k.wantState("a text to a telephone that is off", absent.ID, notify.Queued)
}

func reportFirst(t *testing.T, r Rig) {
	e := r.Open(t)
	p := addWalletMeter(t, e, 52, 0)
	subscriber(t, e, p, someone)
	m := meterWithSIM(t, e, 53)
	a, b := &scripted{name: "a"}, &scripted{name: "b"}
	k := talking(t, e, "one", a, b)
	early := func(s notify.ReportState) func(notify.Outgoing) notify.Sent {
		return func(o notify.Outgoing) notify.Sent {
			if err := k.dispatcher.Inbox(store.FirstTenant).Report(t.Context(), notify.Report{Route: "a", ID: o.ID, State: s, Why: "absent"}); err != nil {
				t.Error(err)
			}
			return notify.Sent{Outcome: notify.Accepted, Parts: 1}
		}
	}
	a.answer = early(notify.Failed)
	lost := k.queue(warning(p, someone))
	k.serve()
	if got := k.read(lost.ID); got.State != notify.SentOut || got.Route != "b" || len(b.sent) != 1 {
		t.Errorf("reported as failed before the answer: %s by %s after %d messages by b, want sent by b", got.State, got.Route, len(b.sent))
	}
	a.answer = early(notify.Delivered)
	there := k.queue(warning(p, someone))
	k.serve()
	k.wantState("reported as delivered before the answer", there.ID, notify.Arrived)
	if got := noticesOf(t, e, p); len(got) != 2 {
		t.Errorf("%q count as given, want both", got)
	}

	// The answer to a first try comes long after another process has made the second.
	other := &scripted{name: "a"}
	next := talking(t, e, "two", other)
	a.answer = func(notify.Outgoing) notify.Sent {
		next.now = k.now
		next.pass(10 * time.Minute)
		return notify.Sent{Outcome: notify.NotSent, Why: "late"}
	}
	_, token := k.tokenFor(m, "12345678901234567890", 10_000)
	k.serve()
	tries := look(t, e, func(tx *store.Tx) ([]notify.Try, error) { return tx.MessageTries(token) })
	if len(tries) < 2 || tries[0].Outcome != notify.NotSent.String() || tries[1].Outcome != notify.Accepted.String() {
		t.Errorf("tries %+v, want the late answer at the first and the second accepted", tries)
	}
	k.wantState("a late answer to an earlier try", token, notify.SentOut)
}

func routeGone(t *testing.T, r Rig) {
	e := r.Open(t)
	m := meterWithSIM(t, e, 54)
	k := talking(t, e, "one", &scripted{name: "old"})
	_, first := k.tokenFor(m, "12345678901234567890", 10_000)
	_, second := k.tokenFor(m, "22345678901234567891", 20_000)
	k.serve()
	k.wantState("before the restart", first, notify.SentOut)
	renamed := &scripted{name: "new"}
	next := talking(t, e, "one", renamed)
	next.now = k.now
	next.pass(15 * time.Minute)
	if got := renamed.texts(); len(got) == 0 || got[0] != "*02#12345678901234567890" {
		t.Fatalf("sent %q by the route with another name, want the token", got)
	}
	next.receive(simNumber, "Recharge OK. 10.0 kWh added. Balance 10.0 kWh")
	next.wantState("answered", first, notify.Answered)
	next.wantState("the next in the line", second, notify.SentOut)
}

func noRoom(t *testing.T, r Rig) {
	e := r.Open(t)
	p := addWalletMeter(t, e, 55, 0)
	subscriber(t, e, p, someone)
	k := talking(t, e, "one")
	for range notify.MaxTokensPerPhone {
		k.queue(warning(p, someone))
	}
	sender := notify.NewNotices(messageDoor[notify.NoticeTx]{e, func(tx *store.Tx) notify.NoticeTx { return tx }}, func() time.Time { return k.now }, func() {})
	body, err := json.Marshal(wallet.Notice{Kind: wallet.NoticeOut, Meter: p.Number, Account: p.account.Text(id.Account), Currency: "KES"})
	if err != nil {
		t.Fatal(err)
	}
	v, err := sender.Send(t.Context(), store.FirstTenant, job.Claim{Item: job.Item{Kind: string(wallet.NoticeOut), Body: body}})
	if err != nil || v.String() == "done" || strings.HasPrefix(v.String(), "dead") {
		t.Errorf("a warning without room: %s %v, want it kept for later", v, err)
	}
	if got := noticesOf(t, e, p); len(got) != 0 {
		t.Errorf("%q count as given although there was no room", got)
	}
	if n := len(look(t, e, func(tx *store.Tx) ([]notify.Message, error) {
		return tx.MessageList(notify.Filter{State: notify.Suppressed}, id.ID{}, 10)
	})); n != 0 {
		t.Errorf("%d messages are suppressed, want none", n)
	}
}

func twoServers(t *testing.T, r Rig) {
	e, a, b := r.Open(t), &scripted{name: "a", takes: []string{"+254"}}, &scripted{name: "b", takes: []string{"+255"}}
	one, two := talking(t, e, "one", a), talking(t, e, "two", b)
	there := one.queue(notify.Draft{Purpose: notify.PurposeWritten, Phone: "+255700000001", Text: "hello"})
	nowhere := one.queue(notify.Draft{Purpose: notify.PurposeWritten, Phone: "+256700000001", Text: "hello"})
	one.serve()
	one.wantState("for the other server's route", there.ID, notify.Queued)
	two.serve()
	one.wantState("for the other server's route, when that has looked", there.ID, notify.SentOut)
	one.wantState("for nobody's route", nowhere.ID, notify.Queued)
	if len(a.sent) != 0 || len(b.sent) != 1 {
		t.Errorf("sent %d by the first and %d by the second, want 0 and 1", len(a.sent), len(b.sent))
	}
	one.now = one.now.Add(25 * time.Hour)
	one.serve()
	one.wantState("for nobody's route, a day later", nowhere.ID, notify.Expired)
	alone := talking(t, e, "one")
	alone.dispatcher = notify.New(notify.Config{Door: messageDoor[notify.Tx]{e, func(tx *store.Tx) notify.Tx { return tx }}, Opener: plainSeal{}, Hasher: plainSeal{},
		Routes: []notify.Configured{{Route: a, Prefixes: a.takes}}, Owner: "one", Alone: true, Now: func() time.Time { return alone.now }})
	last := alone.queue(notify.Draft{Purpose: notify.PurposeWritten, Phone: "+256700000001", Text: "hello"})
	alone.serve()
	alone.wantState("for nobody's route, where there is one server", last.ID, notify.Lost)
}

func quietLater(t *testing.T, r Rig) {
	e, a := r.Open(t), &scripted{name: "a", answer: fails}
	p := addWalletMeter(t, e, 56, 0)
	subscriber(t, e, p, someone)
	k := talking(t, e, "one", a)
	k.now = time.Date(2026, 11, 20, 20, 50, 0, 0, time.UTC)
	m := k.queue(warning(p, someone))
	k.pass(9 * time.Minute)
	a.answer, a.sent = nil, nil
	k.pass(3 * time.Hour)
	if len(a.sent) != 0 {
		t.Errorf("sent %q in the quiet hours", a.texts())
	}
	k.now = time.Date(2026, 11, 21, 7, 0, 0, 0, time.UTC)
	k.serve()
	k.wantState("in the morning", m.ID, notify.SentOut)
}

func quietOwn(t *testing.T, r Rig) {
	e, a := r.Open(t), &scripted{name: "a"}
	p := addWalletMeter(t, e, 57, 0)
	subscriber(t, e, p, someone)
	must(t, e, func(tx *store.Tx) error {
		s, err := tx.TenantSettings()
		if err != nil {
			return err
		}
		s.TZ, s.Quiet = "Africa/Nairobi", registry.QuietHours{From: "12:30", To: "14:00"}
		return tx.PutTenantSettings(s)
	})
	k := talking(t, e, "one", a)
	for _, step := range []struct {
		hour, minute int // time in UTC; Nairobi is three hours ahead
		want         int // number of messages sent so far; each step queues a warning, and of those that waited only the last leaves
	}{{9, 29, 1}, {9, 30, 1}, {10, 59, 1}, {11, 0, 2}, {22, 0, 3}} {
		k.now = time.Date(2026, 11, 20, step.hour, step.minute, 0, 0, time.UTC)
		m := k.queue(warning(p, someone))
		k.serve()
		if len(a.sent) != step.want {
			t.Errorf("at %s: %d warnings were sent, want %d", k.now.Format("15:04"), len(a.sent), step.want)
		}
		if got := k.read(m.ID); step.want == 1 && step.hour > 9 && !got.NextAt.Equal(time.Date(2026, 11, 20, 11, 0, 0, 0, time.UTC)) {
			t.Errorf("at %s: a warning waits until %s, want 11:00", k.now.Format("15:04"), got.NextAt)
		}
	}
}

func woken(t *testing.T, r Rig) {
	e, a := r.Open(t), &scripted{name: "a"}
	a.answer = func(m notify.Outgoing) notify.Sent {
		if m.Text == "hello" {
			return fails(m)
		}
		return notify.Sent{Outcome: notify.Accepted, Parts: 1}
	}
	k := talking(t, e, "one", a)
	m := k.queue(notify.Draft{Purpose: notify.PurposeWritten, Phone: someone, Text: "hello"})
	k.serve()
	const minutes = 50
	for i := range minutes {
		k.queue(notify.Draft{Purpose: notify.PurposeWritten, Phone: fmt.Sprintf("+2547000001%02d", i), Text: "other"}) // shows that the route works
		k.pass(time.Minute)
		k.receive(someone, "HELP")
	}
	// There is the first try, and one more try after each of the pauses of 1, 5 and 30 minutes. The arrivals cause at most one more try
	// every five minutes.
	if got := k.read(m.ID); got.Tries < 5 || got.Tries > 4+minutes/5 {
		t.Errorf("%d tries after an arrival in each of %d minutes, want at least 5 and at most %d", got.Tries, minutes, 4+minutes/5)
	}
}

func expiredAgain(t *testing.T, r Rig) {
	e, a := r.Open(t), &scripted{name: "a"}
	k := talking(t, e, "one", a)
	m := k.queue(notify.Draft{Purpose: notify.PurposeWritten, Phone: someone, Text: "hello"})
	k.serve()
	a.answer = fails
	if err := k.dispatcher.Inbox(store.FirstTenant).Report(t.Context(), notify.Report{Route: "a", ID: m.ID.Text(id.Message), State: notify.Failed, Why: "absent"}); err != nil {
		t.Fatal(err)
	}
	k.now = k.now.Add(25 * time.Hour)
	k.serve()
	if got := k.read(m.ID); got.State != notify.Expired || strings.Contains(got.Failure, "meter") {
		t.Errorf("a text that was sent, reported as failed and not sent again is %s (%s), want expired, and no word of a meter", got.State, got.Failure)
	}
}
