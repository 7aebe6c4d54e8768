package recharge_test

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/diagnosis"
	"github.com/paywatt/paywatt/internal/diagnosistext"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/metering"
	"github.com/paywatt/paywatt/internal/notify"
	"github.com/paywatt/paywatt/internal/recharge"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/rowstest"
	"github.com/paywatt/paywatt/internal/sale"
)

// pushed returns the item that delivers token n over the meter's connection.
func pushed(n byte, again string) string {
	return fmt.Sprintf(`token {"token_id":"%s","request":"%s"%s} by mqtt for %s until 21 12:00`, name(n), name(n), again, number)
}

// TestATokenIsSentToItsMeter: a request names a token by its identity or its digits. The token goes over the meter's connection
// or by SMS.
func TestATokenIsSentToItsMeter(t *testing.T) {
	const texted = "message queued to +254700000001 by person amina"
	for _, c := range []struct {
		what  string
		order recharge.Request
		want  string
	}{
		{"by its identity", recharge.Request{Token: name(1), By: recharge.MQTT}, pushed(1, "")},
		{"by its digits", recharge.Request{Digits: access.SecretOf(digits), By: recharge.MQTT}, pushed(1, "")},
		{"by a meter's identity", recharge.Request{Meter: id.ID{14: 1}.Text(id.Meter), Token: name(1), By: recharge.MQTT}, pushed(1, "")},
		{"by SMS", recharge.Request{Token: name(1), By: recharge.SMS}, texted},
	} {
		r := newRows(t)
		out := r.sends(c.order)
		if out.Refused() || out.Meter.N != 1 || out.Token.ID != r.token.ID || out.Elsewhere || r.kicks != 1 || r.tenant != 1 {
			t.Errorf("%s: %+v, %d kicks", c.what, out, r.kicks)
		}
		r.Wants(t, c.want)
		want := access.Entry{Actor: "person amina", IP: "10.0.0.1", Action: "token.recharge", Object: name(1), After: fmt.Sprintf("by=%s meter=%s", c.order.By, id.ID{14: 1}.Text(id.Meter))}
		if len(r.audit) != 1 || r.audit[0] != want {
			t.Errorf("%s: the audit log says %+v, want %+v", c.what, r.audit, want)
		}
	}
}

// TestTheDoctorLooksAtTheDigits: the token doctor gets the digits, which may be part of a whole message.
func TestTheDoctorLooksAtTheDigits(t *testing.T) {
	for text, want := range map[string]string{digits: digits, "*02#" + digits: digits, "*02#7134 0092#1": "7134 0092#1"} {
		r := newRows(t)
		r.sends(recharge.Request{Digits: access.SecretOf(text), By: recharge.MQTT})
		if len(r.asked) != 1 || r.asked[0].Digits != want || r.asked[0].Meter != number {
			t.Errorf("%s: asked %+v", text, r.asked)
		}
	}
	r := newRows(t)
	if r.sends(recharge.Request{Token: name(1), By: recharge.MQTT}); r.asked != nil {
		t.Errorf("a token of ours is shown to the doctor: %+v", r.asked)
	}
}

// TestWhatCanNeverLoadIsNotSent: only tokens that the meter may still answer are sent.
func TestWhatCanNeverLoadIsNotSent(t *testing.T) {
	for code, sent := range map[diagnosis.Code]bool{diagnosis.Ready: true, diagnosis.Used: true, diagnosis.Rejected: true, diagnosis.NotSold: true, diagnosis.TestToken: true,
		diagnosis.LockedOut: true, diagnosis.Locked: true, diagnosis.KeyMissing: true, diagnosis.NoKeys: true, diagnosis.Code("typing-error"): false, "": false} {
		r := newRows(t)
		r.doctor.Findings = []diagnosis.Finding{{Code: code, Text: &diagnosistext.Text{English: "It is so."}, Do: &diagnosistext.Text{English: "Do that."}}, {Code: diagnosis.Ready}}
		out := r.sends(recharge.Request{Digits: access.SecretOf(digits), By: recharge.MQTT})
		if out.Refused() == sent || !sent && (out.Code != refusal.TokenUnfit || !strings.HasSuffix(out.What, ". It is so.") || out.Try != "Do that." || len(r.Wrote) != 0 || r.kicks != 0) {
			t.Errorf("%s: %+v", code, out.Refusal)
		}
	}
	r := newRows(t)
	r.doctor.Refusal = refusal.Refusal{Code: refusal.RateLimited, What: "Too many questions."}
	if out := r.sends(recharge.Request{Digits: access.SecretOf(digits), By: recharge.MQTT}); out.Code != refusal.RateLimited || len(r.Wrote) != 0 {
		t.Errorf("the doctor refuses: %+v", out.Refusal)
	}
}

// TestATokenFromElsewhereIsKeptUnderSeal: an external token is stored once, sealed, with the fields that could be read.
func TestATokenFromElsewhereIsKeptUnderSeal(t *testing.T) {
	r := elsewhere(t)
	order := recharge.Request{Digits: access.SecretOf(digits), By: recharge.MQTT}
	if out := r.sends(order); out.Refused() || !out.Elsewhere || out.Token.ID != (id.ID{15: 9}) {
		t.Fatalf("it came to %+v", out)
	}
	r.Wants(t, "given 9", pushed(9, ""))
	want := recharge.ExternalToken{By: "person amina", HasTID: true, Token: sale.Token{ID: id.ID{15: 9}, Meter: 1, State: sale.TokenIssued, Class: 1, SubClass: 2, TID: 77, BaseDate: 2014, Units: 5000,
		IssuedAt: noon(), Hash: []byte("hash token-digits " + digits), Sealed: []byte("sealed token:" + name(9) + " " + digits)}}
	if len(r.gave) != 1 || !reflect.DeepEqual(r.gave[0], want) {
		t.Errorf("given %+v, want %+v", r.gave, want)
	}
	if len(r.plain) != len(digits) || strings.Trim(string(r.plain), "\x00") != "" {
		t.Errorf("the memory of the digits still holds %q", r.plain)
	}
	r.given[string(want.Hash)] = id.ID{15: 9}
	if out := r.sends(order); out.Refused() || len(r.gave) != 1 {
		t.Errorf("again: %+v, given %d times", out, len(r.gave))
	}
	r = elsewhere(t)
	r.doctor.Contents = nil
	if r.sends(order); r.gave[0].HasTID || r.gave[0].Class != 0 || r.gave[0].Units != 0 {
		t.Errorf("nothing could be read: %+v", r.gave[0])
	}
}

// TestWhatIsNotSent: each request is refused, and nothing changes.
func TestWhatIsNotSent(t *testing.T) {
	byID := recharge.Request{Token: name(1), By: recharge.MQTT}
	bySMS := recharge.Request{Token: name(1), By: recharge.SMS}
	state := func(s sale.TokenState) func(*rows) { return func(r *rows) { r.token.State = s } }
	status := func(s registry.Status) func(*rows) { return func(r *rows) { r.status = s } }
	sold := func(s sale.State) func(*rows) { return func(r *rows) { r.sale.State = s } }
	is := func(state string) string { return "Token " + name(1) + " is " + state + "." }
	for _, c := range []struct {
		name   string
		change func(*rows)
		order  recharge.Request
		code   refusal.Code
		what   string
		try    string
	}{
		{"no way", nil, recharge.Request{Token: name(1)}, refusal.InvalidRequest, "A token is sent by mqtt or by sms, not by \"\".", "Set the field \"by\" to \"mqtt\" or \"sms\"."},
		{"no token", nil, recharge.Request{By: recharge.MQTT}, refusal.InvalidRequest, "Give either the digits of a token or its id.", `Set the field "digits" or the field "token", not both.`},
		{"two tokens", nil, recharge.Request{Token: name(1), Digits: access.SecretOf(digits), By: recharge.MQTT}, refusal.InvalidRequest,
			"Give either the digits of a token or its id.", `Set the field "digits" or the field "token", not both.`},
		{"no identity", nil, recharge.Request{Token: "x", By: recharge.MQTT}, refusal.NotFound, "Meter " + number + " has no such token.", ""},
		{"no meter", nil, recharge.Request{Meter: "x", Token: name(1), By: recharge.MQTT}, refusal.MeterNumberInvalid, "", ""},
		{"an unknown meter", nil, recharge.Request{Meter: "06000001237", Token: name(1), By: recharge.MQTT}, refusal.MeterNotFound, "Meter 06000001237 was not found.", ""},
		{"an unknown token", nil, recharge.Request{Token: name(8), By: recharge.MQTT}, refusal.NotFound, "Meter " + number + " has no such token.", ""},
		{"another meter's", func(r *rows) { r.number = "06000001237" }, byID, refusal.NotFound, "Meter " + number + " has no such token.", ""},
		{"in stock", status(registry.Stock), byID, refusal.MeterBlocked, "Meter " + number + " is not installed. Its status is stock.", ""},
		{"removed", status(registry.Removed), byID, refusal.MeterBlocked, "Meter " + number + " is not installed. Its status is removed.", ""},
		{"scrapped", status(registry.Scrapped), byID, refusal.MeterBlocked, "Meter " + number + " is not installed. Its status is scrapped.", ""},
		{"replaced", status(registry.Blocked), byID, refusal.MeterBlocked, "Meter " + number + " is not installed. Its status is blocked.", ""},
		{"reserved", state(sale.TokenReserved), byID, refusal.TokenUnfit, is("reserved"), "Sell a new token."},
		{"failed", state(sale.TokenFailed), byID, refusal.TokenUnfit, is("failed"), "Sell a new token."},
		{"reversed", state(sale.TokenReversed), byID, refusal.TokenUnfit, is("reversed"), "Sell a new token."},
		{"unconfirmed", state(sale.TokenReversedUnconfirmed), byID, refusal.TokenUnfit, is("reversed_unconfirmed"), "Sell a new token."},
		{"its sale is being reversed", sold(sale.Reversing), byID, refusal.TokenUnfit, "The sale of token " + name(1) + " is reversing.", ""},
		{"no route", func(r *rows) { r.routes = false }, bySMS, refusal.MeterOffline, "This server has no route for messages to meters.", ""},
		{"no SIM", func(r *rows) { r.sim = "" }, bySMS, refusal.MeterOffline, "The number of the SIM in meter " + number + " is not registered.", "Register its sim_phone."},
		{"too many messages", func(r *rows) { r.crowd = 1_000_000 }, bySMS, refusal.RateLimited, "The queue of messages is full, either for the SIM of meter " + number + " or for this server as a whole.", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRows(t)
			if c.change != nil {
				c.change(r)
			}
			out := r.sends(c.order)
			if out.Code != c.code || c.what != "" && (out.What != c.what || c.name != "an unknown meter" && out.Not != "The token was not sent to the meter.") || c.try != "" && out.Try != c.try {
				t.Errorf("it came to %+v", out.Refusal)
			}
			if len(r.Wrote)+len(r.audit)+r.kicks+len(out.Deliveries) != 0 {
				t.Errorf("written %q", r.Wrote)
			}
		})
	}
}

// TestWhatIsSentAllTheSame: a token without a sale is sent, and so is a token in every state that the meter may still answer.
func TestWhatIsSentAllTheSame(t *testing.T) {
	for state, again := range map[sale.TokenState]string{sale.TokenIssued: "", sale.TokenSent: "", sale.TokenHeard: `,"again":true`, sale.TokenAccepted: `,"again":true`,
		sale.TokenRejected: `,"again":true`} {
		r := newRows(t)
		r.token.State = state
		if out := r.sends(recharge.Request{Token: name(1), By: recharge.MQTT}); out.Refused() {
			t.Errorf("%s: %+v", state, out.Refusal)
		}
		r.Wants(t, pushed(1, again))
	}
	for what, change := range map[string]func(*rows){"of no sale": func(r *rows) { r.token.Sale = id.ID{} }, "its sale is not here": func(r *rows) { r.sale = sale.Sale{ID: id.ID{15: 88}} }} {
		r := newRows(t)
		change(r)
		if out := r.sends(recharge.Request{Token: name(1), By: recharge.MQTT}); out.Refused() {
			t.Errorf("%s: %+v", what, out.Refusal)
		}
	}
}

// TestWhatIsOnItsWayIsHurried: a token on its way is not sent a second time. Its delivery over MQTT becomes due at once. A delivery that
// was given up is sent again.
func TestWhatIsOnItsWayIsHurried(t *testing.T) {
	r := newRows(t)
	r.waiting = &recharge.Waiting{Since: after(-5)}
	r.sends(recharge.Request{Token: name(1), By: recharge.MQTT})
	r.Wants(t, "wake mqtt "+number)
	r.waiting.Dead = true
	r.sends(recharge.Request{Token: name(1), By: recharge.MQTT})
	r.Wants(t, pushed(1, ""))

	r = newRows(t)
	r.messages = []notify.Message{{Open: true, State: notify.Queued}}
	r.sends(recharge.Request{Token: name(1), By: recharge.SMS})
	r.Wants(t)
	r.messages = []notify.Message{{State: notify.Lost}, {Open: true, State: notify.Queued}} // only the newest message counts, and it is lost
	r.sends(recharge.Request{Token: name(1), By: recharge.SMS})
	r.Wants(t, "message queued to +254700000001 by person amina")

	r = newRows(t)
	r.token.State = sale.TokenAccepted
	if out := r.sends(recharge.Request{Token: name(1), By: recharge.SMS}); out.Refused() || r.kicks != 1 {
		t.Errorf("it is in the meter: %+v", out)
	}
	r.Wants(t)
}

// TestTheMessageToAMeter checks every field of the message that brings a token to a meter.
func TestTheMessageToAMeter(t *testing.T) {
	r := newRows(t)
	r.sends(recharge.Request{Token: name(1), By: recharge.SMS})
	m := r.queued[0]
	want := notify.Message{ID: id.ID{15: 9}, State: notify.Queued, Purpose: notify.PurposeMeter, Lang: "sw", Args: notify.Args{Meter: number, Test: true, Units: 5000}, Phone: "+254700000001",
		Customer: id.ID{15: 3}, Meter: 1, Number: number, Vend: id.ID{15: 2}, Token: id.ID{15: 1}, By: "person amina", Open: true, NextAt: noon(), ExpiresAt: noon().Add(72 * time.Hour),
		CreatedAt: noon(), Line: "meter " + number}
	if !reflect.DeepEqual(m, want) {
		t.Errorf("queued %+v, want %+v", m, want)
	}
}

// TestWhoMaySend checks who may send a token and who may follow it. A vendor's login may do neither.
func TestWhoMaySend(t *testing.T) {
	for role, want := range map[access.Role][2]refusal.Code{access.Operator: {"", ""}, access.Finance: {refusal.Forbidden, ""}, access.VendorAPI: {refusal.Forbidden, refusal.Forbidden},
		"": {refusal.Forbidden, refusal.Forbidden}} {
		r := newRows(t)
		by := owner()
		by.Role = role
		sent, err := r.cases().Send(t.Context(), by, recharge.Request{Meter: number, Token: name(1), By: recharge.MQTT})
		if err != nil || sent.Code != want[0] {
			t.Errorf("%q sends: %+v, %v", role, sent.Refusal, err)
		}
		seen, err := r.cases().Track(t.Context(), by, number, name(1))
		if err != nil || seen.Code != want[1] {
			t.Errorf("%q watches: %+v, %v", role, seen.Refusal, err)
		}
	}
	r := newRows(t)
	by := owner()
	by.Vendor = id.ID{15: 5}
	const vendors = "A vendor sees only its own sales, not all tokens of a meter."
	if out, err := r.cases().Send(t.Context(), by, recharge.Request{Meter: number, Token: name(1), By: recharge.MQTT}); err != nil || out.Code != refusal.Forbidden || out.What != vendors || len(r.Made) != 0 {
		t.Errorf("a vendor's person sends: %+v, %v", out.Refusal, err)
	}
	if out, err := r.cases().Track(t.Context(), by, number, name(1)); err != nil || out.Code != refusal.Forbidden || out.What != vendors {
		t.Errorf("a vendor's person watches: %+v, %v", out.Refusal, err)
	}
}

// TestNoFailureOfTheStoreIsHidden: if any call of a use case fails, the use case returns the error without a result, and the dispatcher is
// not woken.
func TestNoFailureOfTheStoreIsHidden(t *testing.T) {
	sends := func(o recharge.Request) func(*rows) (recharge.Tracked, error) {
		o.Meter = number
		return func(r *rows) (recharge.Tracked, error) { return r.cases().Send(r.t.Context(), owner(), o) }
	}
	answered := func(t *testing.T) *rows {
		r := newRows(t)
		r.messages = []notify.Message{{ID: id.ID{15: 40}, State: notify.Answered}}
		r.answers[id.ID{15: 40}] = []notify.Message{{Text: "Recharge OK. 5.0 kWh added. Balance 6.0 kWh", CreatedAt: after(2)}}
		r.reports = []metering.StoredToken{{Result: "accept", BalanceWh: 6000}}
		return r
	}
	for _, c := range []struct {
		name  string
		least int
		rows  func(*testing.T) *rows
		does  func(*rows) (recharge.Tracked, error)
	}{
		{"by identity", 11, newRows, sends(recharge.Request{Token: name(1), By: recharge.MQTT})},
		{"once more", 11, func(t *testing.T) *rows { r := newRows(t); r.waiting = &recharge.Waiting{}; return r }, sends(recharge.Request{Token: name(1), By: recharge.MQTT})},
		{"from elsewhere", 14, elsewhere, sends(recharge.Request{Digits: access.SecretOf(digits), By: recharge.MQTT})},
		{"by SMS", 16, newRows, sends(recharge.Request{Token: name(1), By: recharge.SMS})},
		{"watched", 8, answered, func(r *rows) (recharge.Tracked, error) {
			return r.cases().Track(r.t.Context(), owner(), number, name(1))
		}},
	} {
		for at := 1; ; at++ {
			r := c.rows(t)
			r.Broken = at
			out, err := c.does(r)
			if len(r.Made) < at {
				if err != nil || at <= c.least {
					t.Errorf("%s: %d calls, %v; want at least %d", c.name, at-1, err, c.least)
				}
				break
			}
			if !errors.Is(err, rowstest.ErrStore) || !reflect.DeepEqual(out, recharge.Tracked{}) || r.kicks != 0 {
				t.Errorf("%s: call %d (%s) fails, and it came to %+v, %v, %d kicks", c.name, at, r.Made[at-1], out, err, r.kicks)
			}
		}
	}
	r := newRows(t)
	r.Broken = 1
	if _, err := r.cases().Send(t.Context(), owner(), recharge.Request{Meter: number, Token: name(1), By: recharge.MQTT}); fmt.Sprint(err) != "send a token to meter "+number+": the store failed" {
		t.Error(err)
	}
	r.Made = nil
	if _, err := r.cases().Track(t.Context(), owner(), number, name(1)); fmt.Sprint(err) != "track token "+name(1)+" of meter "+number+": the store failed" {
		t.Error(err)
	}
}
