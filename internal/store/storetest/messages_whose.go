package storetest

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/metering"
	"github.com/paywatt/paywatt/internal/notify"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/sale"
	"github.com/paywatt/paywatt/internal/store"
)

const (
	oldPhone = "+254700000001"
	newPhone = "+254700000002"
)

func exec(t *testing.T, e store.Engine, sql string, args ...any) {
	t.Helper()
	must(t, e, func(tx *store.Tx) error { _, err := tx.C.Exec(sql, args...); return err })
}

func registeredOnly(t *testing.T, r Rig) {
	e, a := r.Open(t), &scripted{name: "a"}
	p := addWalletMeter(t, e, 51, 0)
	p.SIM = simNumber
	must(t, e, func(tx *store.Tx) error { return tx.SetSIM(p.ID, simNumber) })
	subscriber(t, e, p, oldPhone)
	k := talking(t, e, "one", a)
	to, _ := look2(t, e, func(tx *store.Tx) (notify.Addressee, bool, error) { return tx.NoticeTo(p.Number) })
	draft := func(purpose notify.Purpose, token id.ID) notify.Draft {
		return notify.Draft{Purpose: purpose, Phone: oldPhone, Customer: to.Customer, Meter: p.N, Number: p.Number, Token: token,
			Args: notify.Args{Meter: p.Number, Currency: "KES", Utility: "Umeme", Contact: "1"}}
	}
	token, toSIM := k.tokenFor(p.mtr, "12345678901234567890", 10_000)
	toCustomer, urgent := k.queue(draft(notify.PurposeTokenFree, token)), k.queue(draft(notify.PurposeLow2, id.ID{}))
	subscriber(t, e, p, newPhone)
	must(t, e, func(tx *store.Tx) error { return tx.SetSIM(p.ID, "+254700000299") })
	k.serve()
	for what, i := range map[string]id.ID{"a token to a SIM that was changed": toSIM, "a token to a number that was changed": toCustomer.ID, "a warning to it": urgent.ID} {
		if m := k.read(i); m.State != notify.Suppressed || m.Failure != "the number is not registered any more" {
			t.Errorf("%s is %s (%s), want suppressed, for the number is not registered any more", what, m.State, m.Failure)
		}
	}
	if len(a.sent) != 1 || a.sent[0].To != newPhone {
		t.Errorf("%d messages left, %+v; want the warning that a cut-off counts from, to the new number", len(a.sent), a.sent)
	}
	low := draft(notify.PurposeLow1, id.ID{})
	low.Phone = newPhone
	waiting := k.queue(low)
	must(t, e, func(tx *store.Tx) error { return tx.SetNotices(newPhone, false) })
	k.serve()
	if m := k.read(waiting.ID); m.State != notify.Suppressed || !strings.Contains(m.Failure, "STOP") || len(a.sent) != 1 {
		t.Errorf("a first warning that waited when STOP came is %s (%s), want suppressed", m.State, m.Failure)
	}
	late := draft(notify.PurposeTokenFree, token)
	late.Phone = newPhone
	moved := k.queue(late)
	exec(t, e, `UPDATE account SET status = 'closed' WHERE id = $1`, p.account)
	k.serve()
	k.wantState("a token to who has moved out", moved.ID, notify.Suppressed)
}

// look2 is a variant of [look]. The closure also reports whether it found a value.
func look2[V any](t *testing.T, e store.Engine, fn func(*store.Tx) (V, bool, error)) (v V, found bool) {
	t.Helper()
	look(t, e, func(tx *store.Tx) (_ struct{}, err error) { v, found, err = fn(tx); return struct{}{}, err })
	return v, found
}

func formerOccupant(t *testing.T, r Rig) {
	e, a := r.Open(t), &scripted{name: "a"}
	former, next := addHousehold(t, e, 52), addHousehold(t, e, 53)
	subscriber(t, e, walletMeter{account: former.account}, oldPhone)
	subscriber(t, e, walletMeter{account: next.account}, newPhone)
	sold := former.sold(t, e, "sale-1", base())
	token := issued(t, e, mtr{Meter: former.meter}, 7, "issued")
	exec(t, e, `UPDATE token SET vend_id = $1, digits_enc = $2 WHERE id = $3`, sold.ID, []byte("12345678901234567890"), token)
	k := talking(t, e, "one", a)
	asked := func(phone, word string) string {
		t.Helper()
		before := len(a.sent)
		k.receive(phone, word)
		if len(a.sent) != before+1 || a.sent[before].To != phone {
			t.Fatalf("%s of %s is answered by %d messages, want one to it", word, phone, len(a.sent)-before)
		}
		return a.sent[before].Text
	}
	if got := asked(oldPhone, "LAST"); !strings.Contains(strings.NewReplacer(" ", "", "-", "").Replace(got), "12345678901234567890") {
		t.Errorf("who bought it is told %q, want the token", got)
	}
	exec(t, e, `UPDATE meter SET account_id = NULL WHERE n = $1`, next.meter.N)
	exec(t, e, `UPDATE meter SET account_id = $1 WHERE n = $2`, next.account, former.meter.N)
	if got := asked(newPhone, "LAST"); !strings.Contains(got, "No token was bought") {
		t.Errorf("who moved in is told %q of the last token, want that there is none", got)
	}
	by := access.Actor{Tenant: store.FirstTenant, Name: "tester", Role: access.Owner}
	got, err := k.dispatcher.Send(t.Context(), by, notify.MessageRequest{Meter: former.meter.Number, Token: token.Text(id.Token), Via: sale.RouteSMS})
	if err != nil || !got.Refused() {
		t.Errorf("the former occupant's token by hand to who moved in: %d messages, %v; want a refusal", len(got.Messages), err)
	}

	p := addWalletMeter(t, e, 54, 0)
	subscriber(t, e, p, "+254700000003")
	if got := asked("+254700000003", "USE"); !strings.HasPrefix(got, "No usage data for meter "+p.Number) || strings.Contains(got, "menu") {
		t.Errorf("before the first reading the answer is %q, want that there is no usage data", got)
	}
	for day := 13; day <= 20; day++ {
		exec(t, e, `INSERT INTO wallet_day (tenant_id, meter, day, wh, debit, estimated_wh) VALUES ($1, $2, $3, 10000, 0, 0)`, int64(store.FirstTenant), p.N, fmt.Sprintf("2026-11-%d", day))
	}
	for _, c := range []struct {
		opened time.Time
		month  int64 // energy that the account has used
		want   string
	}{
		{time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), 80_000, "10.0 kWh today, 10.0 kWh yesterday and 80.0 kWh this month"},
		{time.Date(2026, 11, 17, 9, 0, 0, 0, time.UTC), 35_000, "10.0 kWh today, 10.0 kWh yesterday and 35.0 kWh this month"},
		{time.Date(2026, 11, 19, 9, 0, 0, 0, time.UTC), 16_000, "10.0 kWh today, 6.0 kWh yesterday and 16.0 kWh this month"},
		{time.Date(2026, 11, 20, 6, 0, 0, 0, time.UTC), 1000, "1.0 kWh today, 0.0 kWh yesterday and 1.0 kWh this month"},
	} {
		exec(t, e, `UPDATE account SET opened_at = $1 WHERE id = $2`, c.opened, p.account)
		exec(t, e, `UPDATE wallet SET register_wh = 80000, month = '2026-11', month_wh = $1, at = $2 WHERE meter = $3`, c.month, time.Date(2026, 11, 20, 7, 0, 0, 0, time.UTC), p.N)
		if got := asked("+254700000003", "USE"); !strings.Contains(got, c.want) {
			t.Errorf("whose account was opened at %s is told %q, want %s", c.opened, got, c.want)
		}
	}
}

// forgedAnswer tests forged messages: an SMS in the name of a meter's SIM can make a token heard, but cannot change the token in any other
// way.
func forgedAnswer(t *testing.T, r Rig) {
	e, a := r.Open(t), &scripted{name: "a"}
	m := booted(t, e, 55, false)
	must(t, e, func(tx *store.Tx) error { return tx.SetSIM(m.ID, simNumber) })
	k := talking(t, e, "one", a)
	for i, c := range []struct{ before, signed, want string }{
		{"heard", "crc_error", "rejected"},
		{"heard", "accept", "accepted"},
		{"reversed_unconfirmed", "accept", "reversed_unconfirmed"}, // the token was used although its sale was reversed
	} {
		tid := uint32(100 + i)
		token := issued(t, e, m, tid, "sent")
		exec(t, e, `UPDATE token SET digits_enc = $1 WHERE id = $2`, fmt.Appendf(nil, "1234567890123456789%d", i), token)
		message := k.queue(notify.Draft{Purpose: notify.PurposeMeter, Phone: simNumber, Meter: m.N, Number: m.Number, Token: token})
		k.serve()
		k.receive(simNumber, "this recharge card has been used!")
		k.wantState("forged by who does not know the token", message.ID, notify.SentOut)
		k.receive(simNumber, fmt.Sprintf("Last tokens: 20.11 1234..789%d +34.7 kWh;", i))
		k.wantState("forged", message.ID, notify.Answered)
		heard, _ := look2(t, e, func(tx *store.Tx) (sale.Token, bool, error) {
			t, _, found, err := tx.TokenForPush(token)
			return t, found, err
		})
		if state, waiting := tokenState(t, e, m, token); state != "heard" || waiting != 1 || heard.Result != metering.ResultHeard {
			t.Errorf("after a forged answer the token is %s (%s) with %d pushes waiting, want heard with one", state, heard.Result, waiting)
		}
		if c.before == "reversed_unconfirmed" {
			must(t, e, func(tx *store.Tx) error { return tx.TokenMoved(token, metering.MoveReversed) })
		}
		outcomes(t, e, m.token(uint64(i+1), tid, token.Text(id.Token), c.signed))
		if state, waiting := tokenState(t, e, m, token); state != c.want || waiting != 0 {
			t.Errorf("a token %s by SMS that the meter answers with %s, signed, is %s with %d pushes; want %s and none", c.before, c.signed, state, waiting, c.want)
		}
		must(t, e, func(tx *store.Tx) error { return tx.ClearAlarm(m.N, metering.AlarmReversedUsed) })
	}
	if used := look(t, e, func(tx *store.Tx) ([]sale.Token, error) { return tx.ReversedUsed(10) }); len(used) != 1 {
		t.Errorf("%d reversed tokens are to be claimed back, want the one", len(used))
	}
}

// typedHeard tests a meter's SMS about a token that was typed in and not sent by SMS. That token becomes heard. The message with another
// token keeps waiting for its answer.
func typedHeard(t *testing.T, r Rig) {
	e, a := r.Open(t), &scripted{name: "a"}
	m := booted(t, e, 57, false)
	must(t, e, func(tx *store.Tx) error { return tx.SetSIM(m.ID, simNumber) })
	k := talking(t, e, "one", a)
	var tokens []id.ID
	for i := range 2 {
		token := issued(t, e, m, uint32(100+i), "issued")
		exec(t, e, `UPDATE token SET digits_enc = $1 WHERE id = $2`, fmt.Appendf(nil, "1234567890123456789%d", i), token)
		tokens = append(tokens, token)
	}
	message := k.queue(notify.Draft{Purpose: notify.PurposeMeter, Phone: simNumber, Meter: m.N, Number: m.Number, Token: tokens[0]})
	k.serve()
	k.receive(simNumber, "Recharge OK. 34.7 kWh added. Balance 42.8 kWh. Token 1234..7891")
	k.wantState("a report of another token", message.ID, notify.SentOut)
	if state, _ := tokenState(t, e, m, tokens[0]); state != "sent" {
		t.Errorf("the token on its way is %s after a report of another with as many units", state)
	}
	typed, _ := look2(t, e, func(tx *store.Tx) (sale.Token, bool, error) {
		t, _, found, err := tx.TokenForPush(tokens[1])
		return t, found, err
	})
	if typed.State != sale.TokenHeard {
		t.Errorf("the token that was typed is %s (%s), want heard", typed.State, typed.Result)
	}
	told, heard := look2(t, e, func(tx *store.Tx) (notify.BalanceReport, bool, error) {
		newest, err := tx.MessageList(notify.FromMeter(m.N), id.ID{}, notify.BalanceSearch)
		told, heard := notify.BalanceBySMS(newest)
		return told, heard, err
	})
	if !heard || told.Balance != 42_800 {
		t.Errorf("the balance by SMS is %d Wh, %v; want 42800", told.Balance, heard)
	}
	var reported, texted *registry.ReportedBalance
	must(t, e, func(tx *store.Tx) error {
		n, _, err := tx.MeterByNumber(m.Number)
		if err == nil {
			reported, texted, err = tx.ReportedBalance(n)
		}
		return err
	})
	if want := (registry.ReportedBalance{Balance: 42_800, At: told.At, Source: registry.ReportedBySMS}); reported != nil || texted == nil || *texted != want {
		t.Errorf("the meter told %+v with a token and %+v by SMS, want nothing and %+v", reported, texted, want)
	}
}

func strangersBounded(t *testing.T, r Rig) {
	e, a := r.Open(t), &scripted{name: "a"}
	k := talking(t, e, "one", a)
	many := func(n int, m notify.Message) {
		must(t, e, func(tx *store.Tx) (err error) {
			for i := range n {
				if m.ID, err = tx.NewID(); err != nil {
					return err
				}
				m.Phone, m.CreatedAt = fmt.Sprintf("+2547%08d", i), k.now.Add(-time.Minute)
				if m.Incoming {
					m.Identity = notify.IdentityOf("many", fmt.Sprint(i))
				}
				if err = tx.MessageAdd(m); err != nil {
					return err
				}
			}
			return nil
		})
	}
	kept := func(phone string) int {
		return look(t, e, func(tx *store.Tx) (int, error) {
			all, err := tx.MessageList(notify.Filter{Phone: phone}, id.ID{}, 10)
			return len(all), err
		})
	}
	many(notify.MaxPublic, notify.Message{State: notify.SentOut, Purpose: notify.PurposePublic})
	k.receive("+254811111111", "help")
	if n := kept("+254811111111"); n != 1 || len(a.sent) != 0 {
		t.Errorf("with the day's public answers spent a stranger's question is kept %d times and %d answers left, want 1 and none", n, len(a.sent))
	}
	many(notify.MaxStrangers-1, notify.Message{Incoming: true, State: notify.Received, Purpose: notify.PurposeFromStranger})
	k.receive("+254822222222", "help")
	if n := kept("+254822222222"); n != 0 {
		t.Errorf("with the hour full a stranger's message is kept %d times, want none", n)
	}
	p := addWalletMeter(t, e, 56, 100)
	subscriber(t, e, p, oldPhone)
	k.receive(oldPhone, "bal")
	if len(a.sent) != 1 || a.sent[0].To != oldPhone {
		t.Errorf("a customer got %d answers meanwhile, want one", len(a.sent))
	}
	k.now = k.now.Add(25 * time.Hour)
	k.receive("+254833333333", "help")
	if n := kept("+254833333333"); n != 2 {
		t.Errorf("a day later %d messages of and to a stranger are kept, want question and answer", n)
	}
}

func messagesForgotten(t *testing.T, r Rig) {
	e := r.Open(t)
	now := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	add := func(age time.Duration, m notify.Message) id.ID {
		must(t, e, func(tx *store.Tx) (err error) {
			if m.ID, err = tx.NewID(); err != nil {
				return err
			}
			m.Phone, m.CreatedAt = oldPhone, now.Add(-age)
			if m.Incoming {
				m.Identity = notify.IdentityOf(m.ID.Text(id.Message))
			}
			return firstError(tx.MessageAdd(m), tx.TryPut(m.ID, notify.Try{N: 1, Route: "a", At: m.CreatedAt}))
		})
		return m.ID
	}
	const day = 24 * time.Hour
	stranger := notify.Message{Incoming: true, State: notify.Received, Purpose: notify.PurposeFromStranger}
	text := notify.Message{State: notify.SentOut, Purpose: notify.PurposeWritten}
	open := notify.Message{State: notify.Queued, Purpose: notify.PurposeWritten, Open: true}
	gone := []id.ID{add(31*day, stranger), add(32*day, stranger), add(33*day, notify.Message{State: notify.SentOut, Purpose: notify.PurposePublic}), add(401*day, text)}
	stay := []id.ID{add(29*day, stranger), add(31*day, text), add(399*day, text), add(401*day, open)}
	left := func(of []id.ID) (n int) {
		for _, i := range of {
			look(t, e, func(tx *store.Tx) (struct{}, error) {
				_, found, err := tx.MessageByID(i)
				tries, err2 := tx.MessageTries(i)
				if err != nil || err2 != nil {
					return struct{}{}, firstError(err, err2)
				}
				if found {
					n++
				}
				if found != (len(tries) == 1) {
					t.Errorf("a message is there: %t, with %d tries", found, len(tries))
				}
				return struct{}{}, firstError(err, err2)
			})
		}
		return n
	}
	forget := func() { must(t, e, func(tx *store.Tx) error { return notify.Forget(tx, now, 2) }) }
	if forget(); left(gone) != 1 {
		t.Errorf("%d old messages are left of 4, want 1 after a batch of 2 of each kind", left(gone))
	}
	if forget(); left(gone) != 0 || left(stay) != 4 {
		t.Errorf("%d old messages and %d others are left, want 0 and 4", left(gone), left(stay))
	}
}
