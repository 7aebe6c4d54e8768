package shoptest_test

import (
	"context"
	"crypto/sha256"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/notify"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/sale"
	"github.com/paywatt/paywatt/internal/store"
	"github.com/paywatt/paywatt/internal/vending"
	"github.com/paywatt/paywatt/sts"
	"github.com/paywatt/paywatt/unit"
)

// ask completes a request for tokens.
func ask(a vending.Ask, key string) vending.Ask {
	a.Once = access.Once{Principal: "key engineer", Key: key, Hash: sha256.Sum256(fmt.Appendf(nil, "%s %s %d", a.Meter, a.Kind, a.Units))}
	if a.ReasonCode == "" {
		a.ReasonCode = "meter_swap"
	}
	a.Render = func(j sale.Job, d vending.Digits) (int, []byte) {
		text := string(j.Kind)
		for i := range d.Len() {
			text += " " + d.Reveal(i)
		}
		return 201, []byte(text)
	}
	a.RenderWaits = func(w access.Approval) (int, []byte) { return 202, []byte(w.ID.Text(id.Approval)) }
	a.RenderRefusal = func(r refusal.Refusal) (int, []byte) { return r.Code.Status(), []byte(r.Code) }
	return a
}

func (s *shop) give(a vending.Ask) vending.JobResult {
	s.t.Helper()
	g, err := s.GiveTokens(context.Background(), owner(), a)
	if err != nil {
		s.t.Fatal(err)
	}
	return g
}

func TestAReplacementCarriesUnitsWithoutMoney(t *testing.T) {
	for _, local := range []bool{true, false} {
		s := open(t, local)
		m := s.meter(1, place{tariff: s.publish("domestic", flat(), monday())})
		a := ask(vending.Ask{Meter: m, Kind: sale.Replacement, Units: 25_000, Reason: "meter burnt"}, "job-key-1")
		g := s.give(a)
		if g.Refused() || g.Job.State != sale.Completed || g.Issued.Len() != 1 {
			t.Fatalf("local %t: %s %+v", local, g.Detail(), g.Job)
		}
		if o := s.opened(m, s.keyOf(g.Job.Key), g.Issued.Reveal(0)); o.Result != sts.Accept || o.Class != 0 || o.Amount.Tenths() != 250 || o.TID != g.Job.Tokens[0].TID {
			t.Errorf("the token opens to %+v", o)
		}
		if again := s.give(a); again.Replay == nil || string(again.Replay.Body) != string(g.Reply.Body) {
			t.Errorf("local %t: the repetition got %+v, want %s", local, again.Replay, g.Reply.Body)
		}
		if n := s.number(`SELECT COUNT(*) FROM journal`); n != 0 {
			t.Errorf("%d journals for units that nobody paid for", n)
		}
		if n := s.number(`SELECT COUNT(*) FROM units_transfer WHERE units_wh = 25000 AND reason_code = 'meter_swap' AND reason = 'meter burnt' AND by_actor = 'apikey till3'`); n != 1 {
			t.Error("no record of who gave the units and why")
		}
		if n := s.number(`SELECT COUNT(*) FROM audit WHERE action = 'token.replacement' AND single_person = 1`); n != 1 {
			t.Error("the audit log does not say that one person did it")
		}
		// The next sale continues with the key's TIDs, and the month does not count units again that it counted at the purchase.
		sold := s.sell(order(m, 10000, "key-number-1")).Sale
		if sold.Tokens[0].TID <= g.Job.Tokens[0].TID || sold.MonthBefore != 0 {
			t.Errorf("the next sale has TID %d after %d and %d Wh before it", sold.Tokens[0].TID, g.Job.Tokens[0].TID, sold.MonthBefore)
		}
	}
}

// keyOf is a meter key by its identity.
func (s *shop) keyOf(key id.ID) registry.Key {
	s.t.Helper()
	return s.key(sale.Sale{Key: key})
}

func TestEngineeringTokensSayWhatWasAsked(t *testing.T) {
	s := open(t, true)
	m := s.meter(1, place{tariff: s.publish("domestic", flat(), monday())})
	for i, c := range []struct {
		kind  sale.JobKind
		watts int64
		sub   uint8
		value int64
	}{{sale.ClearCredit, 0, sts.ManageClearCredit, 0}, {sale.ClearTamper, 0, sts.ManageClearTamper, 0}, {sale.PowerLimit, 5000, sts.ManageMaxPower, 5000}} {
		g := s.give(ask(vending.Ask{Meter: m, Kind: c.kind, PowerW: c.watts, ReasonCode: "tamper_fixed"}, fmt.Sprintf("job-key-%d", i)))
		if g.Refused() {
			t.Fatal(g.Detail())
		}
		o := s.opened(m, s.keyOf(g.Job.Key), g.Issued.Reveal(0))
		if o.Result != sts.Accept || o.Class != 2 || o.SubClass != c.sub || sts.Amount(o.Value).Tenths() != c.value {
			t.Errorf("%s opens to %+v", c.kind, o)
		}
	}
}

func TestWrongRequestsForTokensMakeNone(t *testing.T) {
	s := open(t, true)
	m := s.meter(1, place{tariff: s.publish("domestic", flat(), monday())})
	for i, c := range []struct {
		a    vending.Ask
		want refusal.Code
	}{
		{vending.Ask{Meter: m, Kind: sale.FreeIssue}, refusal.InvalidRequest},
		{vending.Ask{Meter: m, Kind: sale.FreeIssue, Units: 150}, refusal.InvalidRequest},
		{vending.Ask{Meter: m, Kind: sale.FreeIssue, Units: 1000, ReasonCode: "because"}, refusal.InvalidRequest},
		{vending.Ask{Meter: m, Kind: sale.PowerLimit}, refusal.InvalidRequest},
		{vending.Ask{Meter: m, Kind: "magic"}, refusal.InvalidRequest},
		{vending.Ask{Meter: m, Kind: sale.ClearCredit, Units: 100}, refusal.InvalidRequest},
		{vending.Ask{Meter: m, Kind: sale.ClearTamper, Units: -100}, refusal.InvalidRequest},
		{vending.Ask{Meter: m, Kind: sale.PowerLimit, PowerW: 5000, Units: 1 << 62}, refusal.InvalidRequest},
		{vending.Ask{Meter: m, Kind: sale.FreeIssue, Units: 1000, PowerW: 5000}, refusal.InvalidRequest},
		{vending.Ask{Meter: m, Kind: sale.KeyChange, Units: 100, Key: &vending.NextKey{KRN: 2}}, refusal.InvalidRequest},
		{vending.Ask{Meter: numberOf(t, 9), Kind: sale.ClearTamper}, refusal.MeterNotFound},
		{vending.Ask{Meter: m, Kind: sale.KeyChange}, refusal.InvalidRequest},
		{vending.Ask{Meter: m, Kind: sale.KeyChange, Key: &vending.NextKey{}}, refusal.InvalidRequest},
		{vending.Ask{Meter: m, Kind: sale.KeyChange, Key: &vending.NextKey{SGC: "12"}}, refusal.InvalidRequest},
		{vending.Ask{Meter: m, Kind: sale.FreeIssue, Units: registry.DefaultLimits().FreeUnitsADay + unit.Quantum}, refusal.DailyLimit},
	} {
		if g := s.give(ask(c.a, fmt.Sprintf("job-key-%d", i))); g.Code != c.want {
			t.Errorf("%+v: %q (%s), want %q", c.a, g.Code, g.Detail(), c.want)
		}
	}
	for kind, role := range map[sale.JobKind]access.Role{sale.FreeIssue: access.Engineer, sale.ClearCredit: access.Supervisor, sale.Replacement: access.Operator} {
		by := access.Actor{Tenant: tenant, Kind: access.Person, Name: "x", Role: role}
		if g, err := s.GiveTokens(context.Background(), by, ask(vending.Ask{Meter: m, Kind: kind, Units: 100}, "job-key-x")); err != nil || g.Code != refusal.Forbidden {
			t.Errorf("%s by %s: %q %v, want forbidden", kind, role, g.Code, err)
		}
	}
	s.give(ask(vending.Ask{Meter: m, Kind: sale.FreeIssue, Units: registry.DefaultLimits().FreeUnitsADay}, "job-key-a"))
	if g := s.give(ask(vending.Ask{Meter: m, Kind: sale.FreeIssue, Units: unit.Quantum}, "job-key-b")); g.Code != refusal.DailyLimit {
		t.Errorf("beyond the day: %q", g.Code)
	}
	s.clock.add(24 * time.Hour)
	if g := s.give(ask(vending.Ask{Meter: m, Kind: sale.FreeIssue, Units: unit.Quantum}, "job-key-c")); g.Refused() {
		t.Errorf("the next day: %s", g.Detail())
	}
}

// While a key change is planned, nothing is sold. Once its tokens are issued, sales use the new key, and the customer enters those tokens
// first. Once the change is confirmed, the old key is retired.
func TestAKeyChangeFromPlanToConfirmation(t *testing.T) {
	for _, local := range []bool{true, false} {
		s := open(t, local)
		m := s.meter(1, place{tariff: s.publish("domestic", flat(), monday())})
		krn := vending.NextKey{KRN: 2}
		if p, err := s.PlanKeyChange(context.Background(), owner(), m, krn, "campaign"); err != nil || p.Refused() {
			t.Fatalf("plan: %v %s", err, p.Detail())
		}
		s.refused(order(m, 10000, "key-number-1"), refusal.KeyChangeRequired)
		if q, err := s.Quote(context.Background(), owner(), m, kes(10000)); err != nil || q.Code != refusal.KeyChangeRequired {
			t.Errorf("quote: %q %v", q.Code, err)
		}
		if g := s.give(ask(vending.Ask{Meter: m, Kind: sale.KeyChange, Key: &vending.NextKey{KRN: 3}}, "job-key-0")); g.Code != refusal.KeyChangePending {
			t.Errorf("another change beside the plan: %q", g.Code)
		}
		set := s.give(ask(vending.Ask{Meter: m, Kind: sale.KeyChange, ReasonCode: "key_campaign"}, "job-key-1"))
		if set.Refused() || set.Issued.Len() != 2 {
			t.Fatalf("the set: %s, %d tokens", set.Detail(), set.Issued.Len())
		}
		if g := s.give(ask(vending.Ask{Meter: m, Kind: sale.KeyChange, Key: &krn}, "job-key-2")); g.Code != refusal.KeyChangePending {
			t.Errorf("a second set: %q", g.Code)
		}
		s.enterSet(m, set)
		sold := s.sell(order(m, 10000, "key-number-2"))
		if k := s.key(sold.Sale); k.KRN != 2 || k.State != "issued" {
			t.Errorf("sold under KRN %d, %s; want the new key", k.KRN, k.State)
		}
		if o := s.opened(m, s.key(sold.Sale), sold.Issued.Reveal(0)); o.Result != sts.Accept {
			t.Errorf("the credit opens to %+v under the new key", o)
		}
		if len(sold.Sale.Change) != 2 || sold.Issued.Digits().Change().Len() != 2 || sold.Issued.Digits().Change().Reveal(0) != set.Issued.Reveal(0) {
			t.Errorf("the sale does not repeat the set: %d tokens", len(sold.Sale.Change))
		}
		shown, err := s.Receipt(context.Background(), owner(), sold.Sale.ID.Text(id.Vend))
		if err != nil || len(shown.Receipt.Tokens) != 3 || shown.Receipt.Tokens[0].Digits.Reveal() != set.Issued.Reveal(0) {
			t.Errorf("the receipt has %d tokens (%v), want the set above the credit", len(shown.Receipt.Tokens), err)
		}
		s.wantLast(sold.Sale, set.Job.Tokens[0].ID, set.Job.Tokens[1].ID, sold.Sale.Tokens[0].ID)
		s.report(m, set.Job.Tokens[1].ID, "accept")
		s.wantLast(sold.Sale, sold.Sale.Tokens[0].ID)
		if k := s.key(sold.Sale); k.State != "current" {
			t.Errorf("after the confirmation the new key is %s", k.State)
		}
		if k := s.keyOf(set.Job.Key); k.State != "past" {
			t.Errorf("the old key is %s", k.State)
		}
		if next := s.sell(order(m, 10000, "key-number-3")); len(next.Sale.Change) != 0 || next.Issued.Digits().Change().Len() != 0 {
			t.Error("a confirmed set is still repeated")
		}
	}
}

// wantLast checks the answer to a customer who asks for the last token by SMS.
func (s *shop) wantLast(sold sale.Sale, tokens ...id.ID) {
	s.t.Helper()
	s.do(func(tx *store.Tx) error {
		last, found, err := notify.LastSaleTo(tx, sold.Meter.N)
		var got []id.ID
		for _, t := range last.Tokens {
			got = append(got, t.ID)
		}
		if err == nil && (!found || last.Vend != sold.ID || !slices.Equal(got, tokens) || last.Pending != (sold.State == sale.Held)) {
			s.t.Errorf("the last sale is %+v (%v), want %s with tokens %v", last, found, sold.ID.Text(id.Vend), tokens)
		}
		return err
	})
}

// enterSet opens a key change as the meter would and checks that it leads to the new key.
func (s *shop) enterSet(number string, set vending.JobResult) {
	s.t.Helper()
	old, err := s.keyOf(set.Job.Key).Attributes(number)
	if err != nil {
		s.t.Fatal(err)
	}
	key, err := decoderKey(old)
	if err != nil {
		s.t.Fatal(err)
	}
	var parts sts.KeySections
	for i := range set.Issued.Len() {
		token, _ := sts.ParseToken(set.Issued.Reveal(i))
		section, ok := sts.OpenSection(key, token)
		if !ok || !parts.Add(section) {
			s.t.Fatalf("token %d is no section of the set", i)
		}
	}
	next, err := s.keyOf(set.Job.NewKey).Attributes(number)
	if err != nil {
		s.t.Fatal(err)
	}
	want, err := decoderKey(next)
	if err != nil {
		s.t.Fatal(err)
	}
	if c, ok := parts.Complete(); !ok || !c.Key.Equal(want) || c.KRN != next.KRN {
		s.t.Errorf("the set leads to KRN %d (complete: %t), want %d and its key", c.KRN, ok, next.KRN)
	}
}

// A credit token that the meter accepts must have been opened with the new key.
func TestACreditUnderTheNewKeyConfirmsTheChange(t *testing.T) {
	s := open(t, true)
	m := s.meter(1, place{tariff: s.publish("domestic", flat(), monday())})
	s.give(ask(vending.Ask{Meter: m, Kind: sale.KeyChange, Key: &vending.NextKey{KRN: 2}}, "job-key-1"))
	sold := s.sell(order(m, 10000, "key-number-1"))
	s.report(m, sold.Sale.Tokens[0].ID, "accept")
	if k := s.key(sold.Sale); k.State != "current" {
		t.Errorf("the new key is %s", k.State)
	}
}

func TestACrashBetweenReservationAndIssueGivesTheSameTokens(t *testing.T) {
	s := open(t, false)
	m := s.meter(1, place{tariff: s.publish("domestic", flat(), monday())})
	s.issuer.say = func(int, vending.IssueRequest) (vending.Answer, error) { return vending.Answer{}, nil }
	a := ask(vending.Ask{Meter: m, Kind: sale.Replacement, Units: 25_000}, "job-key-1")
	if g := s.give(a); g.Code != refusal.IssuerUnknown || g.Issued.Len() != 0 {
		t.Fatalf("while the issuer does not know: %q", g.Code)
	}
	s.crash()
	s.issuer.say = nil
	s.clock.add(time.Minute)
	if n, err := s.Recover(context.Background(), system()); n != 1 || err != nil {
		t.Errorf("recovered %d (%v), want 1", n, err)
	}
	g := s.give(a)
	if g.Refused() || g.Issued.Len() != 1 {
		t.Fatalf("asked again: %s", g.Detail())
	}
	if n := s.number(`SELECT COUNT(*) FROM token`); n != 1 {
		t.Errorf("%d tokens, want 1", n)
	}
	orders := s.issuer.orders()
	for _, o := range orders[1:] {
		if o != orders[0] {
			t.Errorf("the token was ordered as %+v and as %+v", orders[0], o)
		}
	}
}

// TestAKeyChangeThatWaitsStopsNoSale: a key change that one person has requested and nobody has approved changes nothing at the meter.
func TestAKeyChangeThatWaitsStopsNoSale(t *testing.T) {
	s := open(t, true)
	s.fourEyes()
	m := s.meter(1, place{tariff: s.publish("domestic", flat(), monday())})
	g := s.give(ask(vending.Ask{Meter: m, Kind: sale.KeyChange, Key: &vending.NextKey{KRN: 2}}, "job-key-1"))
	if g.Refused() || g.Waits == nil {
		t.Fatalf("one person made the set: %s", g.Detail())
	}
	sold := s.sell(order(m, 10000, "key-number-1"))
	if k := s.key(sold.Sale); k.KRN != 1 {
		t.Errorf("sold under KRN %d while the change waits, want 1", k.KRN)
	}
	s.allow(*g.Waits)
	maker := g.Waits.Maker
	maker.Approval = g.Waits.ID
	if done, err := s.Executors()[access.ActTokens](context.Background(), maker, g.Waits.Body); err != nil || done.Refused() {
		t.Fatalf("allowed: %v %s", err, done.Detail())
	}
	if sold = s.sell(order(m, 10000, "key-number-2")); s.key(sold.Sale).KRN != 2 {
		t.Errorf("sold under KRN %d after the change, want 2", s.key(sold.Sale).KRN)
	}
	s.verified()
}

// TestATokenThatWaitsFromAnOlderVersionIsStillAllowed: the older version stored every request for tokens as the act token.issue.
func TestATokenThatWaitsFromAnOlderVersionIsStillAllowed(t *testing.T) {
	s := open(t, true)
	s.fourEyes()
	m := s.meter(1, place{tariff: s.publish("domestic", flat(), monday())})
	for kind, units := range map[sale.JobKind]unit.Energy{sale.ClearCredit: 0, sale.ClearTamper: 0, sale.Replacement: 1000} {
		old := access.Approval{Act: "token.issue", Right: access.IssueTokens, Maker: owner(), State: access.ApprovalWaiting, CreatedAt: s.clock.Now(),
			Body: []byte(fmt.Sprintf(`{"meter":%q,"kind":%q,%s"reason_code":"meter_swap"}`, m, kind, map[bool]string{true: fmt.Sprintf(`"units_wh":%d,`, units)}[units > 0]))}
		s.do(func(tx *store.Tx) (err error) {
			if old.ID, err = tx.NewID(); err != nil {
				return err
			}
			return tx.AddApproval(old)
		})
		s.allow(old)
		maker := old.Maker
		maker.Approval = old.ID
		if done, err := s.Executors()[old.Act](context.Background(), maker, old.Body); err != nil || done.Refused() {
			t.Errorf("%s: %v %s", kind, err, done.Detail())
		}
	}
}

func TestARefusedKeyChangeLeavesThePlan(t *testing.T) {
	s := open(t, false)
	m := s.meter(1, place{tariff: s.publish("domestic", flat(), monday())})
	s.issuer.say = func(int, vending.IssueRequest) (vending.Answer, error) {
		return vending.Answer{Outcome: vending.Declined}, nil
	}
	a := ask(vending.Ask{Meter: m, Kind: sale.KeyChange, Key: &vending.NextKey{KRN: 2}}, "job-key-1")
	if g := s.give(a); g.Code != refusal.IssuerRefused {
		t.Fatalf("%q", g.Code)
	}
	s.refused(order(m, 10000, "key-number-1"), refusal.KeyChangeRequired)
	s.issuer.say = nil
	if g := s.give(ask(vending.Ask{Meter: m, Kind: sale.KeyChange}, "job-key-2")); g.Refused() || g.Issued.Len() != 2 {
		t.Errorf("the plan issued again: %s", g.Detail())
	}
}
