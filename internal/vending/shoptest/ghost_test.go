package shoptest_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/sale"
	"github.com/paywatt/paywatt/internal/store"
	"github.com/paywatt/paywatt/internal/tariff"
	"github.com/paywatt/paywatt/internal/vendor"
)

// juma is a supervisor of the utility who has sold nothing.
func juma() access.Actor {
	return access.Actor{Tenant: tenant, Kind: access.Person, ID: id.ID{15: 77}, Name: "juma@example.org", Role: access.Supervisor}
}

// anotherSupervisor is another supervisor.
func anotherSupervisor() access.Actor {
	return access.Actor{Tenant: tenant, Kind: access.Person, Name: "second@example.org", Role: access.Supervisor}
}

// waiting returns the pending approval about a sale, if there is one.
func (s *shop) waiting(sale sale.Sale) *access.Approval {
	s.t.Helper()
	var found *access.Approval
	s.do(func(tx *store.Tx) error {
		all, err := tx.ApprovalPage(access.ApprovalWaiting, id.ID{}, 100)
		for _, a := range all {
			if a.Object == sale.ID.Text(id.Vend) {
				found = &a
			}
		}
		return err
	})
	return found
}

// allowedBy has somebody approve a pending reversal, and carries it out.
func (s *shop) allowedBy(checker access.Actor, w access.Approval) refusal.Refusal {
	s.t.Helper()
	s.do(func(tx *store.Tx) error {
		w.State, w.Checker, w.DecidedAt = access.ApprovalGiven, checker, tx.Now
		_, err := tx.PutApproval(w, access.ApprovalWaiting)
		return err
	})
	maker := w.Maker
	maker.Approval = w.ID
	done, err := s.Executors()[access.ActReverse](context.Background(), maker, w.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return done.Refusal
}

// alarms returns the texts of the open alarms with a code.
func (s *shop) alarms(code string) (out []string) {
	s.t.Helper()
	s.do(func(tx *store.Tx) error {
		out = nil
		return tx.C.Query(`SELECT text FROM alarm WHERE code = $1 AND cleared_at IS NULL ORDER BY id`, func(r storeRow) error {
			out = append(out, r.Text(0))
			return nil
		}, code)
	})
	return out
}

const unconfirmedAlarm = "reversal-unconfirmed"

// A seller of the utility reads the digits of a token and reverses the sale. No money goes back before somebody else of the utility has
// agreed, whichever login asks and with or without four eyes.
func TestASellerAloneGetsNoMoneyBack(t *testing.T) {
	for name, c := range map[string]struct {
		sells, asks func(vendor.Vendor) access.Actor
		eyes        bool
	}{
		"the vendor's key, four eyes on": {clerk, clerk, true},
		"the vendor's key":               {clerk, clerk, false},
		"a supervisor of the vendor": {clerk, func(v vendor.Vendor) access.Actor {
			return access.Actor{Tenant: tenant, Kind: access.Person, Name: "boss@corner.example", Role: access.Supervisor, Vendor: v.ID}
		}, false},
	} {
		t.Run(name, func(t *testing.T) {
			s := open(t, true)
			m := s.meter(1, place{tariff: s.publish("domestic", flat(), monday())})
			v := s.vendor(vendor.NewVendor{Commission: 150})
			s.payIn(v, 500000, "1")
			if c.eyes {
				s.fourEyes()
			}
			before := s.accounts()
			sold := s.sellAs(c.sells(v), order(m, 10000, "key-number-1"))
			if sold.Refused() {
				t.Fatal(sold.Detail())
			}
			stands := s.accounts()
			if got := s.undo(c.asks(v), sold.Sale, "mistyped", "undo-key-1"); got.Refused() {
				t.Fatalf("%s: %s", got.Code, got.Detail())
			}
			w := s.waiting(sold.Sale)
			if now := s.accounts(); !maps.Equal(now, stands) {
				t.Fatalf("the money of a token that may still load came back: balances %v, want %v", now, stands)
			}
			if state, token := s.state(sold.Sale); w == nil || state != sale.Completed || token != sale.TokenIssued {
				t.Fatalf("the sale is %s, its token %s, the approval %v; want it to stand and an approval to wait", state, token, w)
			}
			if !strings.Contains(w.Summary, "100.00 KES") || !strings.Contains(w.Summary, "cannot confirm") {
				t.Errorf("the approval says %q", w.Summary)
			}
			if no := s.allowedBy(juma(), *w); no.Refused() {
				t.Fatalf("allowed by the utility: %s", no.Detail())
			}
			if now := s.accounts(); !maps.Equal(now, before) {
				t.Errorf("then balances are %v, want %v", now, before)
			}
			if state, token := s.state(sold.Sale); state != sale.Reversed || token != sale.TokenReversedUnconfirmed {
				t.Errorf("then the sale is %s, its token %s", state, token)
			}
			if n := s.number(`SELECT COUNT(*) FROM audit WHERE action = 'vend.reverse' AND after LIKE '%approved_by=person juma@example.org%' AND single_person = 0`); n != 1 {
				t.Errorf("%d rows of the audit log say who allowed it, want 1", n)
			}
			s.verified()
		})
	}
}

// The approver of a reversal must not be the seller, not even under another name.
func TestWhoSoldDoesNotAllowTheReversal(t *testing.T) {
	s := open(t, true)
	m := s.meter(1, place{tariff: s.publish("domestic", flat(), monday())})
	v := s.vendor(vendor.NewVendor{})
	s.payIn(v, 500000, "1")
	shop := s.login("shop", juma().ID, v.ID)
	sold := s.sellAs(shop, order(m, 10000, "key-number-1"))
	colleague := access.Actor{Tenant: tenant, Kind: access.Person, Name: "boss@corner.example", Role: access.Supervisor, Vendor: v.ID}
	if got := s.undo(colleague, sold.Sale, "mistyped", "undo-key-1"); got.Refused() {
		t.Fatal(got.Detail())
	}
	w := s.waiting(sold.Sale)
	if w == nil {
		t.Fatal("nothing waits")
	}
	if no := s.allowedBy(juma(), *w); no.Code != refusal.Forbidden {
		t.Errorf("allowed by who sold: %q %s", no.Code, no.Detail())
	}
	if state, _ := s.state(sold.Sale); state != sale.Completed {
		t.Errorf("the sale is %s", state)
	}
}

// A sale at the utility's own till went to a meter that cannot confirm. Without four eyes the seller may reverse it alone, and the reversal
// is marked. With four eyes somebody else of the utility must agree.
func TestTheUtilitysOwnTillNeedsTwoPeople(t *testing.T) {
	operator := access.Actor{Tenant: tenant, Kind: access.Person, Name: "op@example.org", Role: access.Operator}
	for name, c := range map[string]struct {
		by          access.Actor
		eyes, waits bool
		alone       int64
	}{
		"who sold, four eyes on":      {by: operator, eyes: true, waits: true},
		"who sold":                    {by: operator, alone: 1},
		"somebody else, four eyes on": {by: anotherSupervisor(), eyes: true, waits: true},
		"somebody else":               {by: juma(), alone: 1},
	} {
		t.Run(name, func(t *testing.T) {
			s := open(t, true)
			m := s.meter(1, place{tariff: s.publish("domestic", flat(), monday())})
			if c.eyes {
				s.fourEyes()
			}
			sold := s.sellAs(operator, order(m, 10000, "key-number-1"))
			stands := s.accounts()
			if got := s.undo(c.by, sold.Sale, "mistyped", "undo-key-1"); got.Refused() {
				t.Fatal(got.Detail())
			}
			if state, _ := s.state(sold.Sale); (state == sale.Completed) != c.waits {
				t.Fatalf("the sale is %s, want it to wait: %t", state, c.waits)
			}
			if n := s.number(`SELECT COUNT(*) FROM audit WHERE action = 'vend.reverse' AND single_person = 1`); n != c.alone {
				t.Errorf("%d reversals are marked as one person's, want %d", n, c.alone)
			}
			if !c.waits {
				return
			}
			if now := s.accounts(); !maps.Equal(now, stands) {
				t.Errorf("balances %v, want %v", now, stands)
			}
			s.clock.add(time.Hour) // the second person comes after the window
			if no := s.allowedBy(juma(), *s.waiting(sold.Sale)); no.Refused() {
				t.Errorf("allowed by a supervisor: %s", no.Detail())
			}
			if state, _ := s.state(sold.Sale); state != sale.Reversed {
				t.Errorf("then the sale is %s", state)
			}
		})
	}
}

// The sale may change while the approval is pending, so the approved reversal is checked again before it is done.
func TestAnAllowedReversalIsCheckedAgain(t *testing.T) {
	for name, c := range map[string]struct {
		meanwhile func(s *shop, meter string)
		want      refusal.Code
		state     sale.State
	}{
		"the meter used the token": {func(s *shop, _ string) { s.exec(`UPDATE token SET state = 'accepted', result = 'accept'`) }, refusal.NotReversible, sale.Completed},
		"another sale came":        {func(s *shop, m string) { s.sell(order(m, 10000, "key-number-2")) }, refusal.NotReversible, sale.Completed},
		"the month is over":        {func(s *shop, _ string) { s.clock.add(12 * 24 * time.Hour) }, refusal.NotReversible, sale.Completed},
		"the meter connected":      {func(s *shop, m string) { s.online.Store(m, true) }, "", sale.Reversing},
		"only a text message says it was used": {func(s *shop, _ string) { s.exec(`UPDATE token SET state = 'heard', result = 'sms_accept'`) },
			refusal.NotReversible, sale.Completed},
	} {
		t.Run(name, func(t *testing.T) {
			s := open(t, true)
			m := s.meter(1, place{tariff: s.publish("domestic", flat(), monday())})
			v := s.vendor(vendor.NewVendor{})
			s.payIn(v, 500000, "1")
			sold := s.sellAs(clerk(v), order(m, 10000, "key-number-1"))
			s.reversed(clerk(v), sold.Sale, "mistyped")
			w := s.waiting(sold.Sale)
			if w == nil {
				t.Fatal("nothing waits")
			}
			c.meanwhile(s, m)
			stands := s.accounts()
			if no := s.allowedBy(juma(), *w); no.Code != c.want {
				t.Errorf("allowed: %q %s, want %q", no.Code, no.Detail(), c.want)
			}
			if sale, _ := s.state(sold.Sale); sale != c.state || !maps.Equal(s.accounts(), stands) {
				t.Errorf("the sale is %s, want %s and no money to have moved", sale, c.state)
			}
			if c.state != sale.Reversing {
				return
			}
			s.answers("done", "")
			s.settled()
			if state, token := s.state(sold.Sale); state != sale.Reversed || token != sale.TokenReversed || len(s.alarms(unconfirmedAlarm)) > 0 {
				t.Errorf("the meter confirmed: the sale is %s, its token %s, alarms %q", state, token, s.alarms(unconfirmedAlarm))
			}
		})
	}
}

// If a meter disconnects before it has answered, the money stays: the next request finds the meter offline and waits for the utility.
func TestAMeterThatGoesAwayKeepsTheMoney(t *testing.T) {
	s := open(t, true)
	m := s.meter(1, place{tariff: s.publish("domestic", flat(), monday())})
	v := s.vendor(vendor.NewVendor{})
	s.payIn(v, 500000, "1")
	s.online.Store(m, true)
	sold := s.sellAs(clerk(v), order(m, 10000, "key-number-1"))
	stands := s.accounts()
	if r := s.reversed(clerk(v), sold.Sale, ""); r.State != sale.ReversalWaiting {
		t.Fatalf("reversal %+v, want it to wait for the meter", r)
	}
	s.online.Delete(m)
	s.crash()
	s.expired(sold.Sale)
	s.undo(clerk(v), sold.Sale, "once more", "undo-key-2")
	if w := s.waiting(sold.Sale); w == nil || !maps.Equal(s.accounts(), stands) {
		t.Fatalf("the second request: approval %v, balances %v, want %v", w, s.accounts(), stands)
	}
	s.late("failed", "used") // the meter is back: it had the token
	if no := s.allowedBy(juma(), *s.waiting(sold.Sale)); no.Code != refusal.NotReversible || !maps.Equal(s.accounts(), stands) {
		t.Errorf("allowed then: %q, balances %v, want %v", no.Code, s.accounts(), stands)
	}
}

// A sale whose tokens are cancelled can be reversed while the meter is offline: its answer is known.
func TestACancelledTokenIsProofWhileTheMeterIsAway(t *testing.T) {
	s := open(t, true)
	m := s.meter(1, place{tariff: s.publish("domestic", flat(), monday())})
	s.online.Store(m, true)
	before := s.accounts()
	sold := s.sell(order(m, 10000, "key-number-1"))
	s.reversed(owner(), sold.Sale, "mistyped")
	s.exec(`UPDATE token SET state = 'reversed'`)
	s.exec(`UPDATE reversal SET state = 'refused', settled_at = created_at`)
	s.exec(`UPDATE vend SET state = 'completed'`)
	s.online.Delete(m)
	if r := s.undo(owner(), sold.Sale, "once more", "undo-key-2"); r.Value.State != sale.ReversalDone || !r.Value.Confirmed || !maps.Equal(s.accounts(), before) {
		t.Errorf("reversal %+v %s, balances %v, want %v", r.Value, r.Detail(), s.accounts(), before)
	}
}

// A meter without a link key cannot check who commands it: connected or not, it cannot confirm.
func TestAMeterThatCannotCheckCommandsConfirmsNothing(t *testing.T) {
	s := open(t, true)
	m := s.meter(1, place{tariff: s.publish("domestic", flat(), monday())})
	s.online.Store(m, true)
	s.exec(`UPDATE meter SET link_key_enc = NULL`)
	v := s.vendor(vendor.NewVendor{})
	s.payIn(v, 500000, "1")
	sold := s.sellAs(clerk(v), order(m, 10000, "key-number-1"))
	s.reversed(clerk(v), sold.Sale, "")
	if state, _ := s.state(sold.Sale); state != sale.Completed || s.waiting(sold.Sale) == nil {
		t.Errorf("the sale is %s, want it to wait for the utility", state)
	}
}

// An unconfirmed reversal raises an alarm of the meter. The alarm stays as long as a token of the sale may load.
func TestAnUnconfirmedReversalIsAnAlarm(t *testing.T) {
	s := open(t, true)
	m := s.meter(1, place{tariff: s.publish("domestic", flat(), monday())})
	undone := func(n int) sale.Sale {
		t.Helper()
		sold := s.sell(order(m, 10000, fmt.Sprintf("key-number-%d", n)))
		s.reversed(juma(), sold.Sale, "mistyped")
		return sold.Sale
	}
	want := func(when string, texts ...string) {
		t.Helper()
		got := s.alarms(unconfirmedAlarm)
		if len(got) != len(texts) || len(got) == 1 && !strings.HasPrefix(got[0], texts[0]) {
			t.Errorf("%s: alarms %q, want %q", when, got, texts)
		}
	}
	want("before")
	first := undone(1)
	want("one", "A sale for 100.00 KES to this meter was reversed. The money was given back")
	second := undone(2)
	want("two", "2 sales for 200.00 KES")
	s.exec(`UPDATE token SET result = 'accept' WHERE vend_id = $1`, first.ID) // the meter has it after all
	s.settled()
	if n := s.number(`SELECT COUNT(*) FROM debt`); n != 1 {
		t.Errorf("%d debts, want that of the token which was used", n)
	}
	want("one was used", "A sale for 100.00 KES")
	s.exec(`UPDATE token SET result = 'accept' WHERE vend_id = $1`, second.ID)
	s.settled()
	want("both were used")
}

// TestTheAlarmEndsWhenTheMeterConfirms: a reversal is given up, and a second one is made without the meter's confirmation. The late answer
// to the first one ends the alarm.
func TestTheAlarmEndsWhenTheMeterConfirms(t *testing.T) {
	s := open(t, true)
	m := s.meter(1, place{tariff: s.publish("domestic", flat(), monday())})
	s.online.Store(m, true)
	sold := s.sell(order(m, 10000, "key-number-1"))
	s.reversed(owner(), sold.Sale, "mistyped")
	s.expired(sold.Sale)
	s.online.Delete(m)
	s.undo(juma(), sold.Sale, "once more", "undo-key-2")
	if got := s.alarms(unconfirmedAlarm); len(got) != 1 {
		t.Fatalf("alarms %q, want one", got)
	}
	s.late("done", "")
	if _, token := s.state(sold.Sale); token != sale.TokenReversed || len(s.alarms(unconfirmedAlarm)) > 0 {
		t.Errorf("the token is %s, alarms %q; want the alarm to have ended", token, s.alarms(unconfirmedAlarm))
	}
}

// Every token must be cancelled before the money goes back. The alarm ends when the last token is cancelled.
func TestEveryTokenMustBeConfirmed(t *testing.T) {
	s := open(t, true)
	m := s.meter(1, place{tariff: s.publish("cheap", tariff.Body{Currency: "KES", Blocks: []tariff.Block{{Rate: 10_000}}}, monday())})
	s.online.Store(m, true)
	sold := s.sell(order(m, 2000, "key-number-1"))
	stands := s.accounts()
	r := s.reversed(owner(), sold.Sale, "mistyped")
	if len(r.Cancels) != 2 {
		t.Fatalf("%d tokens, want 2", len(r.Cancels))
	}
	answer := func(state string, n int) {
		t.Helper()
		s.exec(`UPDATE command SET state = $1 WHERE id = $2`, state, r.Cancels[n].Command)
		s.settled()
	}
	answer("done", 0)
	if state, _ := s.state(sold.Sale); state != sale.Reversing || !maps.Equal(s.accounts(), stands) {
		t.Fatalf("one token is dead: the sale is %s, balances %v, want it to wait", state, s.accounts())
	}
	s.exec(`UPDATE reversal_token SET taken = 'never'`) // the reversal is given up; the next reversal is made without confirmation
	s.exec(`UPDATE reversal SET state = 'refused', settled_at = created_at`)
	s.exec(`UPDATE vend SET state = 'completed'`)
	s.exec(`UPDATE command SET state = 'expired'`)
	s.online.Delete(m)
	s.undo(juma(), sold.Sale, "once more", "undo-key-2")
	for n, want := range []struct {
		confirmed int64
		alarms    int
	}{{0, 1}, {1, 0}} {
		answer("done", n)
		if got := s.number(`SELECT COUNT(*) FROM reversal WHERE state = 'done' AND confirmed = 1`); got != want.confirmed || len(s.alarms(unconfirmedAlarm)) != want.alarms {
			t.Errorf("%d of 2 are dead: %d confirmed, alarms %q", n+1, got, s.alarms(unconfirmedAlarm))
		}
	}
}

// A reversal that waited for no answer does not count as confirmed by the meter.
func TestAReversalThatAskedNothingIsNotConfirmed(t *testing.T) {
	s := open(t, true)
	m := s.meter(1, place{tariff: s.publish("domestic", flat(), monday())})
	s.online.Store(m, true)
	sold := s.sell(order(m, 10000, "key-number-1"))
	stands := s.accounts()
	s.reversed(owner(), sold.Sale, "mistyped")
	s.exec(`DELETE FROM reversal_token`)
	s.settled()
	if state, _ := s.state(sold.Sale); state != sale.Completed || !maps.Equal(s.accounts(), stands) {
		t.Errorf("the sale is %s, balances %v, want %v", state, s.accounts(), stands)
	}
}

// limited sets the daily limits of reversals.
func (s *shop) limited(number int64, value money.Minor) {
	s.t.Helper()
	s.do(func(tx *store.Tx) error {
		set, err := tx.TenantSettings()
		set.Limits.ReversalsADay, set.Limits.ReversalValueADay = number, value
		return errors.Join(err, tx.PutTenantSettings(set))
	})
}

// login makes an API key: a vendor's own key, or a key with the role owner, for which a person is responsible.
func (s *shop) login(name string, answers, vendor id.ID) access.Actor {
	s.t.Helper()
	k := access.Key{Name: name, Role: access.Owner, Answers: answers, Vendor: vendor, CreatedAt: s.clock.Now()}
	if !vendor.IsZero() {
		k.Role = access.VendorAPI
	}
	s.do(func(tx *store.Tx) (err error) {
		if k.ID, err = tx.NewID(); err != nil {
			return err
		}
		return tx.AddKey(k, [32]byte(append(k.ID[:], k.ID[:]...)))
	})
	a := k.Actor()
	a.Tenant = tenant
	return a
}

// The daily limits apply to a vendor with all its logins and to a person with all keys, by number and by value.
func TestLimitsOfReversalsCountTogether(t *testing.T) {
	for name, c := range map[string]struct {
		number int64
		value  money.Minor
		vendor bool
		want   string
	}{
		"a vendor's, by number": {number: 2, value: -1, vendor: true, want: "2 sales of vendor V001 were reversed today. The limit is 2 a day."},
		"a vendor's, by value": {number: 50, value: 25000, vendor: true,
			want: "Sales of vendor V001 for 200.00 KES were reversed today. This one, for 100.00 KES, would exceed the limit of 250.00 KES a day."},
		"a person's, by number": {number: 2, value: -1, want: "API key 2 reversed 2 sales today. The limit is 2 a day."},
		"a person's, by value": {number: 50, value: 29999,
			want: "API key 2 reversed sales for 200.00 KES today. This one, for 100.00 KES, would exceed the limit of 299.99 KES a day."},
		"a vendor's, exactly":      {number: 3, value: 30000, vendor: true},
		"a person's, exactly":      {number: 3, value: 30000},
		"a vendor's, as it begins": {number: 50, vendor: true},
		"no limit of value":        {number: 3, value: -1},
	} {
		t.Run(name, func(t *testing.T) {
			s := open(t, true)
			m := s.meter(1, place{tariff: s.publish("domestic", flat(), monday())})
			s.online.Store(m, true)
			v := s.vendor(vendor.NewVendor{})
			s.payIn(v, 500000, "1")
			s.limited(c.number, c.value)
			var logins [3]access.Actor
			for i := range logins {
				if c.vendor {
					logins[i] = s.login(fmt.Sprintf("key %d", i), id.ID{}, v.ID)
				} else {
					logins[i] = s.login(fmt.Sprintf("key %d", i), id.ID{15: 88}, id.ID{})
				}
			}
			for i, by := range logins {
				sold := s.sellAs(by, order(m, 10000, fmt.Sprintf("key-number-%d", i)))
				if sold.Refused() {
					t.Fatal(sold.Detail())
				}
				got := s.undo(by, sold.Sale, "mistyped", fmt.Sprintf("undo-key-%d", i))
				if last := i == len(logins)-1; !last || c.want == "" {
					if got.Refused() {
						t.Fatalf("reversal %d: %s", i, got.Detail())
					}
					s.answers("done", "")
					s.settled()
					continue
				}
				if got.Code != refusal.DailyLimit || got.What != c.want {
					t.Errorf("reversal %d: %q %q, want %q", i, got.Code, got.What, c.want)
				}
			}
			s.clock.add(24 * time.Hour)
			sold := s.sellAs(logins[0], order(m, 10000, "key-tomorrow"))
			if got := s.undo(logins[0], sold.Sale, "mistyped", "undo-tomorrow"); got.Refused() {
				t.Errorf("tomorrow: %s", got.Detail())
			}
		})
	}
}
