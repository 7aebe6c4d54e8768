package storetest

import (
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/notify"
	"github.com/paywatt/paywatt/internal/sale"
	"github.com/paywatt/paywatt/internal/store"
	"github.com/paywatt/paywatt/internal/store/core"
)

// rejectedHead lets a meter reject the first of three tokens. The second token must be sent at once. The first must be sent again a day
// later, but not while the third has no answer.
func rejectedHead(t *testing.T, r Rig) {
	e, a := r.Open(t), &scripted{name: "a"}
	m := meterWithSIM(t, e, 61)
	k := talking(t, e, "one", a)
	_, one := k.tokenFor(m, "12345678901234567890", 10_000)
	_, two := k.tokenFor(m, "22345678901234567891", 20_000)
	k.serve()
	k.receive(simNumber, "Token rejected. Balance 1.0 kWh") // names no token, but only the first token was sent
	k.wantState("rejected", one, notify.Queued)
	if got := k.read(one); got.Failure == "" || got.AnsweredAt.IsZero() || got.NextAt.Sub(k.now) != 24*time.Hour {
		t.Errorf("the rejected message waits until %s for %q, want a day with the reason", got.NextAt, got.Failure)
	}
	if got := a.texts(); len(got) != 2 || got[1] != "*02#22345678901234567891" {
		t.Fatalf("sent %q, want the second token at once: a rejected one has no turn", got)
	}
	k.receive(simNumber, "Recharge OK. 20.0 kWh added. Balance 21.0 kWh")
	k.wantState("the second", two, notify.Answered)

	k.now = k.now.Add(24*time.Hour - time.Minute)
	_, three := k.tokenFor(m, "32345678901234567892", 30_000)
	k.serve()
	k.wantState("the third", three, notify.SentOut)
	before := len(a.sent)
	k.now = k.now.Add(2 * time.Minute) // the first is due again, and the third has not answered
	k.serve()
	for _, text := range a.texts()[before:] {
		if text == "*02#12345678901234567890" {
			t.Fatalf("sent %q: the first token while the third is at the meter", a.texts()[before:])
		}
	}
	k.receive(simNumber, "Last tokens: 21.11 3234..7892 +30.0 kWh; 20.11 2234..7891 +20.0 kWh; 20.11 1234..7890 wrong;")
	k.wantState("the third", three, notify.Answered)
	if got := a.texts(); got[len(got)-1] != "*02#12345678901234567890" {
		t.Errorf("sent last %q, want the first token once more", got[len(got)-1])
	}
	k.now = k.now.Add(time.Second)
	k.receive(simNumber, "Recharge OK. 10.0 kWh added. Balance 61.0 kWh")
	k.wantState("the first, whose lock has ended", one, notify.Answered)
}

// refusing is the answer of a route that will never take a message.
func refusing(notify.Outgoing) notify.Sent {
	return notify.Sent{Outcome: notify.Refused, Why: "no such number"}
}

func refusedHere(t *testing.T, r Rig) {
	e, a, b := r.Open(t), &scripted{name: "a", answer: refusing}, &scripted{name: "b"}
	one, two := talking(t, e, "one", a), talking(t, e, "two", b)
	m := one.queue(notify.Draft{Purpose: notify.PurposeWritten, Phone: someone, Text: "hello"})
	one.pass(5 * time.Minute)
	if got := one.read(m.ID); got.State != notify.Queued || !got.Open || len(a.sent) != 1 {
		t.Fatalf("refused by the one route here: %s after %d tries, want it left to the other server after one", got.State, len(a.sent))
	}
	two.now = one.now
	two.serve()
	if got := two.read(m.ID); got.State != notify.SentOut || got.Route != "b" {
		t.Fatalf("the other server made it %s by %s (%s), want sent by b", got.State, got.Route, got.Failure)
	}

	b.answer = refusing
	last := one.queue(notify.Draft{Purpose: notify.PurposeWritten, Phone: someone, Text: "hello again"})
	for range 12 {
		one.pass(time.Minute)
		two.now = one.now
		two.serve()
	}
	if got := one.read(last.ID); got.State != notify.Lost || got.Open || got.Failure != "no such number" || len(a.sent) != 2 || len(b.sent) != 2 {
		t.Errorf("refused by every server's route: %s (%s) after %d and %d tries, want failed after one of each", got.State, got.Failure, len(a.sent)-1, len(b.sent)-1)
	}
}

func uncertainCost(t *testing.T, r Rig) {
	e, a := r.Open(t), &scripted{name: "a", answer: func(notify.Outgoing) notify.Sent { return notify.Sent{Why: "the answer was lost"} }}
	k := talking(t, e, "one", a)
	m := k.queue(notify.Draft{Purpose: notify.PurposeWritten, Phone: someone, Text: "hello"})
	k.serve()
	tries := look(t, e, func(tx *store.Tx) ([]notify.Try, error) { return tx.MessageTries(m.ID) })
	if got := k.read(m.ID); got.State != notify.Uncertain || got.Cost != 800_000 || len(tries) != 1 || tries[0].Cost != 800_000 {
		t.Errorf("of unknown outcome: %s for %d, tries %+v; want it paid for as if it had left", got.State, got.Cost, tries)
	}
	if err := k.dispatcher.Inbox(store.FirstTenant).Report(t.Context(), notify.Report{Route: "a", ID: m.ID.Text(id.Message), State: notify.Delivered}); err != nil {
		t.Fatal(err)
	}
	a.answer = fails
	k.queue(notify.Draft{Purpose: notify.PurposeWritten, Phone: someone, Text: "hello"})
	k.serve()
	totals := look(t, e, func(tx *store.Tx) ([]notify.Total, error) { return tx.MessageTotals(10) })
	if got, want := fmt.Sprint(totals), "[{2026-11 a 1 1 800000}]"; got != want {
		t.Errorf("one of unknown outcome that was delivered after all, and one that did not leave: the months cost %s, want %s", got, want)
	}
}

// externalHeard tests an external token: as for a token that was sold here, an answer by SMS holds until the meter signs another answer.
func externalHeard(t *testing.T, r Rig) {
	for i, c := range []struct{ signed, want string }{{"accept", "accepted"}, {"used_error", "accepted"}, {"crc_error", "rejected"}, {"locked", "sent"}} {
		e, a := r.Open(t), &scripted{name: "a"}
		m := booted(t, e, 62, false)
		must(t, e, func(tx *store.Tx) error { return tx.SetSIM(m.ID, simNumber) })
		k := talking(t, e, "one", a)
		token, _ := k.tokenFor(m, "12345678901234567890", 10_000)
		k.serve()
		k.receive(simNumber, "Recharge OK. 10.0 kWh added. Balance 10.0 kWh")
		k.wantToken("heard", token, sale.TokenHeard)
		outcomes(t, e, m.token(uint64(i+1), 1, token.Text(id.Token), c.signed))
		got, _ := look2(t, e, func(tx *store.Tx) (sale.Token, bool, error) {
			t, _, found, err := tx.TokenForPush(token)
			return t, found, err
		})
		if string(got.State) != c.want || !strings.HasPrefix(got.Result, c.signed) {
			t.Errorf("heard of by SMS, then %s, signed: %s (%s), want %s", c.signed, got.State, got.Result, c.want)
		}
	}
}

// keeping is a route with a message memory, such as the memory of a SIM.
type keeping struct {
	scripted
	memory notify.Memory
}

func (k *keeping) Memory() notify.Memory { return k.memory }

func memoryFull(t *testing.T, r Rig) {
	e, sim := r.Open(t), &keeping{scripted: scripted{name: "a"}}
	k := talking(t, e, "one")
	run := func() {
		k.dispatcher = notify.New(notify.Config{Door: messageDoor[notify.Tx]{e, func(tx *store.Tx) notify.Tx { return tx }}, Opener: plainSeal{}, Hasher: plainSeal{},
			Routes: []notify.Configured{{Route: sim}}, Owner: "one", Now: func() time.Time { return k.now }})
	}
	run()
	for i, step := range []struct {
		used, slots, open int
		full, restart     bool
	}{
		{0, 0, 0, false, false}, // the memory is not known yet
		{7, 10, 0, false, false},
		{8, 10, 1, true, false},
		{9, 10, 1, true, false},
		{5, 10, 1, false, false}, // no longer almost full, but not enough room to close the alarm
		{4, 10, 0, false, false},
		{8, 10, 1, true, false},
		{6, 10, 1, false, true}, // an alarm from an earlier run stays open until there is room
		{1, 10, 0, false, true},
	} {
		if step.restart {
			run()
		}
		sim.memory = notify.Memory{Used: step.used, Slots: step.slots, AlmostFull: step.full}
		k.now = k.now.Add(time.Minute)
		k.serve()
		open := look(t, e, func(tx *store.Tx) (n int, err error) {
			err = tx.C.Query(`SELECT COUNT(*) FROM alarm WHERE tenant_id = $1 AND code = $2 AND cleared_at IS NULL`,
				func(r core.Row) error { n = int(r.Int(0)); return nil }, tx.Tenant, string(notify.AlarmMemoryFull))
			return n, err
		})
		if open != step.open {
			t.Errorf("step %d, %d of %d: %d alarms, want %d", i, step.used, step.slots, open, step.open)
		}
	}
}

// orderedOnce tests a crash between the effect of a request and the storing of its answer. Only the message itself then shows that the
// request was carried out.
func orderedOnce(t *testing.T, r Rig) {
	e, a := r.Open(t), &scripted{name: "a"}
	subscriber(t, e, addWalletMeter(t, e, 44, 0), someone)
	k := talking(t, e, "one", a)
	by := access.Actor{Tenant: store.FirstTenant, Kind: access.APIKey, Name: "office", Role: access.Owner}
	send := func(key, text string) string {
		t.Helper()
		w := notify.MessageRequest{Phone: someone, Text: text}
		if key != "" {
			w.Once = access.Once{Principal: "key_1", Key: key, Hash: sha256.Sum256([]byte(text))}
		}
		got, err := k.dispatcher.Send(t.Context(), by, w)
		if err != nil || got.Refused() || len(got.Messages) != 1 {
			t.Fatalf("%v %s %d messages", err, got.Detail(), len(got.Messages))
		}
		k.serve()
		return got.Messages[0].ID.Text(id.Message)
	}
	first := send("message-key-1", "hello")
	for range 2 {
		if again := send("message-key-1", "hello"); again != first {
			t.Errorf("the same request made %s, want %s", again, first)
		}
	}
	others := []string{send("message-key-2", "hello"), send("message-key-1", "another"), send("", "hello"), send("", "hello")}
	if slices.Contains(others, first) || len(a.sent) != 5 {
		t.Errorf("%d messages were sent, %q beside %s; want 5", len(a.sent), others, first)
	}
}

// lockedMeter tests a meter whose SMS channel is locked, because somebody guessed tokens. The meter rejects all tokens by SMS, including
// ours, because an SMS does not prove its sender. The meter's connection and its keypad are separate channels.
func lockedMeter(t *testing.T, r Rig) {
	e, a := r.Open(t), &scripted{name: "a"}
	m := booted(t, e, 63, false)
	must(t, e, func(tx *store.Tx) error { return tx.SetSIM(m.ID, simNumber) })
	k := talking(t, e, "one", a)
	var tokens, messages []id.ID
	for i := range 3 {
		token := issued(t, e, m, uint32(200+i), "issued")
		exec(t, e, `UPDATE token SET digits_enc = $1 WHERE id = $2`, fmt.Appendf(nil, "%d2345678901234567890", i+1), token)
		q := k.queue(notify.Draft{Purpose: notify.PurposeMeter, Phone: simNumber, Meter: m.N, Number: m.Number, Token: token})
		tokens, messages = append(tokens, token), append(messages, q.ID)
	}
	locked, loaded := true, 0
	var answers []notify.Incoming
	a.answer = func(o notify.Outgoing) notify.Sent {
		k.n++
		in := notify.Incoming{Route: "a", Identity: notify.IdentityOf("locked", fmt.Sprint(k.n)), From: simNumber, Text: "No tokens yet."}
		switch {
		case o.Text == notify.AskLastTokens && loaded > 0:
			in.Text = fmt.Sprintf("Last tokens: 21.11 %s +34.7 kWh;", []string{"1234..7890", "2234..7890", "3234..7890"}[loaded-1])
		case o.Text == notify.AskLastTokens:
		case locked:
			in.Text = "Token rejected. Balance 1.0 kWh"
		default:
			loaded = int(o.Text[len(notify.TokenCommand)] - '0')
			in.Text = fmt.Sprintf("Recharge OK. 34.7 kWh added. Balance %d.0 kWh", 35*k.n)
		}
		if k.n > 1 {
			answers = append(answers, in)
		} else if err := k.dispatcher.Inbox(store.FirstTenant).Receive(t.Context(), in); err != nil { // the meter answers before the route does
			t.Error(err)
		}
		return notify.Sent{Outcome: notify.Accepted, Parts: 1}
	}
	pass := func(d time.Duration) {
		for end := k.now.Add(d); k.now.Before(end); k.now = k.now.Add(time.Minute) {
			k.serve()
			for len(answers) > 0 {
				in := answers[0]
				answers = answers[1:]
				k.now = k.now.Add(time.Second)
				k.arrive(in)
			}
		}
	}
	pass(2 * time.Hour)
	for i, message := range messages {
		if got := k.read(message); got.State != notify.Queued || got.AnsweredAt.IsZero() || got.NextAt.Before(k.now.Add(21*time.Hour)) {
			t.Errorf("message %d after two hours: %s (%s), next at %s; want it to wait for the next day", i+1, got.State, got.Failure, got.NextAt)
		}
	}
	if n := len(a.sent); n > 1+2*notify.MaxMeterTries {
		t.Errorf("the locked meter got %d messages", n)
	}
	outcomes(t, e, m.token(1, 200, tokens[0].Text(id.Token), "accept")) // pushed over its connection, with a signed answer
	locked = false
	before := len(a.sent)
	pass(26 * time.Hour)
	k.wantState("what the meter has by its connection", messages[0], notify.Suppressed)
	for _, text := range a.texts()[before:] {
		if text == "*02#12345678901234567890" {
			t.Error("the token that the meter has by its connection was sent once more")
		}
	}
	for i := range 2 {
		k.wantState("the next day", messages[i+1], notify.Answered)
		k.wantToken("the next day", tokens[i+1], sale.TokenHeard)
	}
}
