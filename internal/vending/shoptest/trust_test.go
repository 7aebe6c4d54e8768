package shoptest_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/sale"
	"github.com/paywatt/paywatt/internal/vending"
	"github.com/paywatt/paywatt/internal/vendor"
	"github.com/paywatt/paywatt/sts"
)

// begin ends the process and starts a new process, which checks its clock at the start, as a server does.
func (s *shop) begin() {
	s.t.Helper()
	s.crash()
	if err := s.StartClock(context.Background(), tenant); err != nil {
		s.t.Fatal(err)
	}
}

// fault returns why the server does not trust its clock.
func (s *shop) fault() refusal.Refusal {
	s.t.Helper()
	no, err := s.ClockFault(context.Background(), tenant)
	if err != nil {
		s.t.Fatal(err)
	}
	return no
}

// note checks and notes the clock, as a running server does all the time.
func (s *shop) note() {
	s.t.Helper()
	if _, err := s.NoteClock(context.Background(), tenant); err != nil {
		s.t.Fatal(err)
	}
}

// trusts has an actor confirm that the clock is right.
func (s *shop) trusts(by access.Actor, want refusal.Code) {
	s.t.Helper()
	r, err := s.TrustClock(context.Background(), by, "the wall clock says so")
	if err != nil || r.Code != want {
		s.t.Errorf("%s trusts the clock: %v %q (%s), want %q", by.Role, err, r.Code, r.Detail(), want)
	}
}

// TestAClockFarAheadAtTheStartSellsNothing: a TID from a time a year ahead cannot be taken back. Neither can a journal with that date.
func TestAClockFarAheadAtTheStartSellsNothing(t *testing.T) {
	s := open(t, true)
	m := s.meter(1, place{tariff: s.publish("domestic", flat(), monday())})
	shop := s.vendor(vendor.NewVendor{})
	s.begin()
	s.sell(order(m, 10000, "key-number-1"))
	s.note()
	last := s.clock.Now()
	for n, c := range []struct {
		ahead  time.Duration
		synced bool
		want   refusal.Code
	}{
		{24 * time.Hour, false, ""}, {365 * 24 * time.Hour, false, refusal.ClockUntrusted}, {365 * 24 * time.Hour, false, refusal.ClockUntrusted},
		{8 * 24 * time.Hour, true, ""},
	} {
		s.clock.set(last.Add(c.ahead))
		s.synced = c.synced
		s.begin()
		if n != 0 {
			s.note() // a server that does not trust its clock notes nothing
		}
		if got := s.fault(); got.Code != c.want || s.ClockDoubted() != (c.want != "") || s.ClockAsked() != (c.want != "") {
			t.Errorf("started %s later, time kept %t: %q, in doubt %t, asked %t; want %q", c.ahead, c.synced, got.Code, s.ClockDoubted(), s.ClockAsked(), c.want)
		}
		o := order(m, 10000, fmt.Sprintf("key-ahead-%d", n))
		sold := s.refused(o, c.want)
		if c.want != "" && (vending.MoneyMoved(sold.Code) != vending.MovedNo || sold.Reply.Status != 0 || !strings.Contains(sold.Try, "clock trust")) {
			t.Errorf("the refusal: money moved %s, stored with %d, %s", vending.MoneyMoved(sold.Code), sold.Reply.Status, sold.Detail())
		}
		q, err := s.Quote(context.Background(), owner(), m, kes(10000))
		if err != nil || q.Code != c.want {
			t.Errorf("a quote: %v %q, want %q", err, q.Code, c.want)
		}
		d, err := s.Deposit(context.Background(), owner(), vendor.Paid{Vendor: shop.Code, Amount: kes(100), Reference: fmt.Sprintf("BANK-%d", n)})
		if err != nil || d.Code != c.want {
			t.Errorf("a deposit: %v %q, want %q", err, d.Code, c.want)
		}
		if given := s.give(ask(vending.Ask{Meter: m, Kind: sale.ClearTamper}, fmt.Sprintf("job-key-%d", n))); given.Code != c.want {
			t.Errorf("a management token: %q, want %q", given.Code, c.want)
		}
	}
	s.audit()
}

// TestAServerThatSellsNothingKnowsTheTime: after idle days, a restart of the server does not look like a jump of its clock.
func TestAServerThatSellsNothingKnowsTheTime(t *testing.T) {
	s := open(t, true)
	m := s.meter(1, place{tariff: s.publish("domestic", flat(), monday())})
	s.begin()
	s.sell(order(m, 10000, "key-number-1"))
	for range 5 * 24 {
		s.clock.add(time.Hour)
		s.note()
	}
	s.clock.add(time.Hour)
	s.begin()
	if no := s.fault(); no.Refused() {
		t.Error(no.Detail())
	}
	s.sell(order(m, 10000, "key-number-2"))
}

// TestTheQuestionGoesAway: the doubt about the clock at the start ends without a restart, once a time service keeps the clock or the clock
// is set right. The correction itself does not count as a jump.
func TestTheQuestionGoesAway(t *testing.T) {
	for _, by := range []string{"the time service", "setting it"} {
		s := open(t, true)
		own, off := monday(), time.Duration(0)
		tell := func() { s.clock.set(own.Add(off)) }
		s.running = func() time.Time { return own }
		m := s.meter(1, place{tariff: s.publish("domestic", flat(), monday())})
		s.begin()
		s.sell(order(m, 10000, "key-number-1"))
		own, off = own.Add(time.Hour), 365*24*time.Hour
		tell()
		s.begin()
		s.refused(order(m, 10000, "key-number-2"), refusal.ClockUntrusted)
		own = own.Add(70 * time.Hour) // nobody acts for days
		if by == "setting it" {
			off = 0
		} else {
			s.synced = true
		}
		tell()
		s.sell(order(m, 10000, "key-number-2"))
		s.synced = false
		own = own.Add(time.Hour)
		tell()
		s.sell(order(m, 10000, "key-number-3"))
		off += 2 * time.Hour
		tell()
		s.refused(order(m, 10000, "key-number-4"), refusal.ClockUntrusted)
		s.audit()
	}
}

// TestTheClockIsTrustedByName: an actor who may change the settings confirms the clock, the audit log has it, and the next sale is made,
// also after a restart.
func TestTheClockIsTrustedByName(t *testing.T) {
	s := open(t, true)
	m := s.meter(1, place{tariff: s.publish("domestic", flat(), monday())})
	s.begin()
	s.sell(order(m, 10000, "key-number-1"))
	s.trusts(owner(), refusal.ClockTrusted)
	s.clock.add(30 * 24 * time.Hour)
	s.begin()
	s.trusts(access.Actor{Tenant: tenant, Role: access.Operator}, refusal.Forbidden)
	s.refused(order(m, 10000, "key-number-2"), refusal.ClockUntrusted)
	s.trusts(owner(), "")
	if n := s.number(`SELECT COUNT(*) FROM audit WHERE action = 'clock.trust' AND reason = 'the wall clock says so' AND before LIKE '%clock%' AND after LIKE '2026-12-20%'`); n != 1 {
		t.Errorf("%d audit rows, want 1", n)
	}
	if no := s.fault(); no.Refused() || s.ClockDoubted() {
		t.Errorf("after it was trusted: %s", no.Detail())
	}
	s.sell(order(m, 10000, "key-number-2"))
	s.trusts(owner(), refusal.ClockTrusted)
	s.begin()
	s.sell(order(m, 10000, "key-number-3"))
	s.clock.add(25 * time.Hour) // the clock was right a day ago, which proves nothing about now
	s.begin()
	s.refused(order(m, 10000, "key-number-4"), refusal.ClockUntrusted)
	s.audit()
}

// TestAnApprovalTrustsTheClockThatItNames: the second person reads the time that the clock showed at the request. An approval from before
// the clock jumped does not cover its new time.
func TestAnApprovalTrustsTheClockThatItNames(t *testing.T) {
	s := open(t, true)
	s.fourEyes()
	m := s.meter(1, place{tariff: s.publish("domestic", flat(), monday())})
	s.begin()
	s.sell(order(m, 10000, "key-number-1"))
	wish := func() *access.Approval {
		t.Helper()
		out, err := s.TrustClock(context.Background(), owner(), "compared with the radio")
		if err != nil || out.Waits == nil {
			t.Fatalf("trust by one person: %v %s", err, out.Detail())
		}
		s.allow(*out.Waits)
		return out.Waits
	}
	do := func(w *access.Approval, body []byte) refusal.Code {
		t.Helper()
		maker := w.Maker
		maker.Approval = w.ID
		done, err := s.Executors()[access.ActClock](context.Background(), maker, body)
		if err != nil {
			t.Fatal(err)
		}
		return done.Code
	}
	s.clock.add(2 * 24 * time.Hour)
	s.begin()
	old := wish()
	s.clock.add(vending.MaxClockRest + time.Second)
	s.begin()
	if got := do(old, old.Body); got != refusal.ApprovalInvalid || !s.fault().Refused() {
		t.Errorf("an approval of a clock that jumped since: %q, in doubt %t", got, s.fault().Refused())
	}
	if got := do(old, []byte(`{"reason":"compared with the radio"}`)); got != refusal.ApprovalInvalid || !s.fault().Refused() {
		t.Errorf("an approval that an older version wrote down: %q, in doubt %t", got, s.fault().Refused())
	}
	fresh := wish()
	s.clock.add(time.Hour) // the second person comes later
	if got := do(fresh, fresh.Body); got != "" || s.fault().Refused() {
		t.Errorf("an approval of this clock: %q, %s", got, s.fault().Detail())
	}
	s.sell(order(m, 10000, "key-number-2"))
}

// unwritten is a transaction that cannot write an audit row.
type unwritten struct{ vending.Tx }

var errNoAudit = errors.New("the audit log takes nothing")

func (unwritten) AuditLog(access.Entry) error { return errNoAudit }

// TestAClockIsNotTrustedUnseen: without its row in the audit log a person's confirmation does not count.
func TestAClockIsNotTrustedUnseen(t *testing.T) {
	s := open(t, true)
	m := s.meter(1, place{tariff: s.publish("domestic", flat(), monday())})
	s.begin()
	s.sell(order(m, 10000, "key-number-1"))
	s.clock.add(30 * 24 * time.Hour)
	s.begin()
	s.door.wrap = func(tx vending.Tx) vending.Tx { return unwritten{tx} }
	if r, err := s.TrustClock(context.Background(), owner(), "it is right"); !errors.Is(err, errNoAudit) {
		t.Errorf("trusted without an audit row: %v %q", err, r.Code)
	}
	s.door.wrap = nil
	if !s.fault().Refused() || !s.ClockDoubted() {
		t.Error("the clock is trusted although the audit log has no row of it")
	}
	s.refused(order(m, 10000, "key-number-2"), refusal.ClockUntrusted)
}

// TestTokensOfAWrongYear: an older version of the server sold a token while its clock was a year ahead. Now the clock is right. As soon as
// a person has confirmed it, everybody can buy again, except at the meter that has a token of the next year.
func TestTokensOfAWrongYear(t *testing.T) {
	s := open(t, true)
	domestic := s.publish("domestic", flat(), monday())
	m, other := s.meter(1, place{tariff: domestic}), s.meter(2, place{tariff: domestic})
	s.sell(order(other, 10000, "key-number-1"))
	right := s.clock.Now().Add(time.Minute)
	s.clock.set(right.AddDate(1, 0, 0))
	s.sell(order(m, 10000, "key-number-2"))
	s.clock.set(right)
	s.begin()
	if no := s.fault(); no.Code != refusal.ClockUntrusted || s.ClockAsked() {
		t.Errorf("a token of the next year: %q, asked %t", no.Code, s.ClockAsked())
	}
	s.refused(order(other, 10000, "key-number-3"), refusal.ClockUntrusted)
	s.trusts(owner(), "")
	tid, err := sts.Base2014.TIDAt(right)
	if err != nil {
		t.Fatal(err)
	}
	if got := s.sell(order(other, 10000, "key-number-3")).Sale.Tokens[0].TID; got != tid {
		t.Errorf("TID %d, want that of now, %d", got, tid)
	}
	s.refused(order(m, 10000, "key-number-4"), refusal.TooManyTokens)
	s.begin()
	s.sell(order(other, 10000, "key-number-5"))
	s.note()

	// The guard still works: the note made since then covers the tokens issued since then.
	s.clock.add(time.Hour)
	s.note()
	s.clock.add(-vending.MaxClockBack - time.Second)
	s.refused(order(other, 10000, "key-number-6"), refusal.ClockUntrusted)
	s.clock.add(vending.MaxClockBack)
	s.sell(order(other, 10000, "key-number-6"))
	s.clock.set(right.AddDate(1, 0, 1)) // the year has come
	s.sell(order(m, 10000, "key-number-7"))
	s.verified()
	s.audit()
}

// TestAnOpenSaleIsNotFinishedByADoubtedClock: a sale was open when the server stopped, and the server starts with its clock a year ahead.
// The sale is not finished until the clock is right; then it is the same sale.
func TestAnOpenSaleIsNotFinishedByADoubtedClock(t *testing.T) {
	s := open(t, false)
	m := s.meter(1, place{tariff: s.publish("domestic", flat(), monday())})
	s.begin()
	s.note()
	right := s.clock.Now()
	s.issuer.say = func(int, vending.IssueRequest) (vending.Answer, error) {
		return vending.Answer{Outcome: vending.Unknown}, nil
	}
	s.refused(order(m, 10000, "key-number-1"), refusal.IssuerUnknown)
	s.issuer.say = nil
	s.clock.set(right.AddDate(1, 0, 0))
	s.begin()
	sold := s.refused(order(m, 10000, "key-number-1"), refusal.IssuerUnknown)
	if !strings.Contains(sold.What, "clock") || strings.Contains(sold.What, "issuer") || !strings.Contains(sold.Try, "Set the clock") {
		t.Errorf("a sale that waits for the clock: %s", sold.Detail())
	}
	if n, err := s.Recover(context.Background(), access.SystemActor(tenant, "recovery")); err != nil || n != 0 {
		t.Errorf("%d sales finished (%v) by a clock that is in doubt", n, err)
	}
	s.clock.set(right.Add(time.Minute))
	s.begin()
	sold = s.sell(order(m, 10000, "key-number-1"))
	if done := sold.Sale.CompletedAt; done.After(right.Add(time.Hour)) {
		t.Errorf("finished at %s", done)
	}
	s.audit()
}

// TestAnOpenJobIsNotFinishedByADoubtedClock checks the same for tokens that nobody buys.
func TestAnOpenJobIsNotFinishedByADoubtedClock(t *testing.T) {
	s := open(t, false)
	m := s.meter(1, place{tariff: s.publish("domestic", flat(), monday())})
	s.begin()
	s.note()
	right := s.clock.Now()
	s.issuer.say = func(int, vending.IssueRequest) (vending.Answer, error) { return vending.Answer{}, nil }
	a := ask(vending.Ask{Meter: m, Kind: sale.Replacement, Units: 25_000}, "job-key-1")
	if g := s.give(a); g.Code != refusal.IssuerUnknown || !strings.Contains(g.What, "issuer") {
		t.Errorf("the issuer does not know: %q, %s", g.Code, g.Detail())
	}
	s.issuer.say = nil
	asked := len(s.issuer.orders())
	s.clock.set(right.AddDate(1, 0, 0))
	s.begin()
	g := s.give(a)
	if g.Code != refusal.IssuerUnknown || !strings.Contains(g.What, "clock") || strings.Contains(g.What, "issuer") || !strings.Contains(g.Try, "Set the clock") {
		t.Errorf("a job that waits for the clock: %q, %s", g.Code, g.Detail())
	}
	if n := len(s.issuer.orders()); n != asked {
		t.Errorf("the issuer was asked %d times more", n-asked)
	}
	s.clock.set(right.Add(time.Minute))
	s.begin()
	if g = s.give(a); g.Refused() || g.Issued.Len() != 1 {
		t.Errorf("the clock was set right: %s", g.Detail())
	}
}

// mute is a transaction whose audit log cannot be written.
type mute struct{ vending.Tx }

var errMute = errors.New("the audit log is full")

func (mute) AuditLog(access.Entry) error { return errMute }

// TestTrustIsNotTakenWithoutItsRecord: if the audit log cannot record who confirmed the clock, the confirmation fails.
func TestTrustIsNotTakenWithoutItsRecord(t *testing.T) {
	s := open(t, true)
	m := s.meter(1, place{tariff: s.publish("domestic", flat(), monday())})
	s.begin()
	s.sell(order(m, 10000, "key-number-1"))
	s.clock.add(365 * 24 * time.Hour)
	s.begin()
	s.door.wrap = func(tx vending.Tx) vending.Tx { return mute{tx} }
	if r, err := s.TrustClock(context.Background(), owner(), "the wall clock says so"); !errors.Is(err, errMute) {
		t.Errorf("trusted: %q, %v; want %v", r.Code, err, errMute)
	}
	s.door.wrap = nil
	if no := s.fault(); no.Code != refusal.ClockUntrusted || !s.ClockDoubted() {
		t.Errorf("the clock is in doubt: %t, %q; want it so", s.ClockDoubted(), no.Code)
	}
	s.refused(order(m, 10000, "key-number-2"), refusal.ClockUntrusted)
	book := &logbook{shop: s, seen: map[id.ID]bool{}}
	book.fresh()
	s.trusts(amina(), "")
	book.says("trust", "08:00 person amina@example.org@192.0.2.7 clock.trust server clock: The server started with its clock at 2027-11-20 08:00 UTC,"+
		" more than 24 hours after 2026-11-20 08:00 UTC, when it was last known to be right. No time service reports that the clock is synchronised."+
		" => 2027-11-20 08:00 UTC (the wall clock says so) alone")
	s.sell(order(m, 10000, "key-number-2"))
}
