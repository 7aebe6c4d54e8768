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
	"github.com/paywatt/paywatt/internal/ledger"
	"github.com/paywatt/paywatt/internal/receipt"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/sale"
	"github.com/paywatt/paywatt/internal/store"
	"github.com/paywatt/paywatt/internal/tariff"
	"github.com/paywatt/paywatt/internal/vending"
	"github.com/paywatt/paywatt/sts"
	"github.com/paywatt/paywatt/unit"
)

// TestTheAuditLogSaysWhatWasGivenForNothing: for tokens that nobody buys, the audit log names the meter, the amount, the reason and the
// person. For a copy it names the copy's number and the receipt.
func TestTheAuditLogSaysWhatWasGivenForNothing(t *testing.T) {
	l := &logbook{shop: open(t, true), seen: map[id.ID]bool{}}
	m := l.meter(1, place{tariff: l.publish("domestic", flat(), monday())})
	for i, c := range []struct {
		a    vending.Ask
		says string
	}{
		{vending.Ask{Kind: sale.Replacement, Units: 25_000, Reason: " meter burnt "}, "token.replacement mtr:  => job=job replacement of 25.0 kWh to meter " + m + " (meter_swap meter burnt)"},
		{vending.Ask{Kind: sale.PowerLimit, PowerW: 5000, ReasonCode: "other"}, "token.power_limit mtr:  => job=job power_limit of 5000 W to meter " + m + " (other)"},
		{vending.Ask{Kind: sale.ClearTamper}, "token.clear_tamper mtr:  => job=job clear_tamper to meter " + m + " (meter_swap)"},
	} {
		c.a.Meter = m
		g, err := l.GiveTokens(context.Background(), amina(), ask(c.a, fmt.Sprintf("job-key-%d", i)))
		if err != nil || g.Refused() {
			t.Fatal(err, g.Detail())
		}
		l.says(string(c.a.Kind), "08:00 person amina@example.org@192.0.2.7 "+c.says+" alone")
		if !g.Job.CompletedAt.Equal(monday()) || g.Job.Reason != strings.TrimSpace(c.a.Reason) {
			t.Errorf("%s: %+v", c.a.Kind, g.Job)
		}
	}
	sold := l.sell(order(m, 10000, "key-number-1")).Sale
	l.fresh()
	if r, err := l.Reprint(context.Background(), amina(), sold.ReceiptNo); err != nil || r.Refused() {
		t.Fatal(err, r.Detail())
	}
	l.says("a copy", "08:00 person amina@example.org@192.0.2.7 vend.reprint vnd:  => copy=1 receipt=main-000001 ()", "08:00 person amina@example.org@192.0.2.7 token.show vnd:  =>  ()")
}

// TestUnitsADayEndAtLocalMidnight: a person's daily limit of free units begins anew at local midnight.
func TestUnitsADayEndAtLocalMidnight(t *testing.T) {
	s := open(t, true)
	s.do(func(tx *storeTx) error { return setTZ(tx, "Africa/Nairobi") })
	m := s.meter(1, place{tariff: s.publish("domestic", flat(), monday())})
	s.clock.set(s.at("2026-11-20T20:59:59Z"))
	give := func(units unit.Energy, key string) refusal.Code {
		return s.give(ask(vending.Ask{Meter: m, Kind: sale.FreeIssue, Units: units}, key)).Code
	}
	if got := give(400_000, "job-key-1"); got != "" {
		t.Fatal(got)
	}
	g := s.give(ask(vending.Ask{Meter: m, Kind: sale.FreeIssue, Units: 600_100}, "job-key-2"))
	if g.Code != refusal.DailyLimit || g.What != "You have given 400.0 kWh of free units today. One person may give 1000.0 kWh a day." {
		t.Errorf("a tenth too much: %q", g.Detail())
	}
	if got := give(600_000, "job-key-3"); got != "" {
		t.Errorf("up to the limit: %q", got)
	}
	s.clock.set(s.at("2026-11-20T21:00:00Z"))
	if got := give(1_000_000, "job-key-4"); got != "" {
		t.Errorf("on the next day: %q", got)
	}
}

// TestASaleGoesOnlyWhereItCanBeSent: every requested route must reach somebody, and a sale by several routes uses all of them.
func TestASaleGoesOnlyWhereItCanBeSent(t *testing.T) {
	s := open(t, true)
	domestic := s.publish("domestic", flat(), monday())
	m, walletMeter := s.meter(1, place{tariff: domestic}), s.walletMeter(2, domestic)
	n := 0
	for _, c := range []struct {
		meter      string
		sends      bool
		phone, sim string
		deliver    []string
		want       refusal.Code
		messages   int64 // number of queued messages
	}{
		{m, false, "+254700000001", "+254700000200", []string{"sms"}, refusal.InvalidRequest, 0},
		{m, false, "+254700000001", "+254700000200", []string{"mqtt"}, "", 0},
		{m, true, "+254700000001", "", []string{"mqtt", "sms"}, "", 1},
		{m, true, "", "+254700000200", []string{"mqtt", "sms"}, refusal.InvalidRequest, 0},
		{m, true, "+254700000001", "", []string{"meter_sms"}, refusal.InvalidRequest, 0},
		{m, true, "+254700000001", "", []string{"sms", "mqtt", "meter_sms"}, refusal.InvalidRequest, 0},
		{m, true, "", "+254700000200", []string{"meter_sms"}, "", 1},
		{m, true, "+254700000001", "+254700000200", []string{"sms", "mqtt", "meter_sms", "sms"}, "", 2},
		{walletMeter, true, "+254700000001", "+254700000200", []string{"meter_sms"}, refusal.InvalidRequest, 0},
		{walletMeter, true, "+254700000001", "+254700000200", []string{"sms"}, "", 1},
		{m, true, "+254700000001", "+254700000200", []string{"pigeon"}, refusal.InvalidRequest, 0},
	} {
		s.sends = c.sends
		s.exec(`UPDATE customer SET phone = $1`, c.phone)
		s.exec(`UPDATE meter SET sim_phone = ''`)
		s.exec(`UPDATE meter SET sim_phone = $1 WHERE number = $2`, c.sim, c.meter)
		n++
		o := order(c.meter, 10000, fmt.Sprintf("key-number-%d", n))
		o.Deliver = c.deliver
		before := s.number(`SELECT COUNT(*) FROM message`)
		s.refused(o, c.want)
		if got := s.number(`SELECT COUNT(*) FROM message`) - before; got != c.messages {
			t.Errorf("%v by %v: %d messages, want %d", c.meter, c.deliver, got, c.messages)
		}
	}
}

// TestHowOftenATrustedClockIsNoted: a trusted clock is noted every five minutes, and at once if the clock shows an earlier time than the
// last note.
func TestHowOftenATrustedClockIsNoted(t *testing.T) {
	s := open(t, true)
	s.begin()
	s.note()
	noted := func() (at time.Time) {
		t.Helper()
		err := s.engine.View(context.Background(), tenant, func(tx *store.Tx) error {
			times, err := tx.VendClock()
			at = times.LastTrusted
			return err
		})
		return must(t, at, err)
	}
	if got := noted(); !got.Equal(monday()) {
		t.Fatalf("noted %s at first, want %s", got, monday())
	}
	for _, c := range []struct{ now, want time.Duration }{{5*time.Minute - time.Microsecond, 0}, {5 * time.Minute, 5 * time.Minute}, {4 * time.Minute, 4 * time.Minute}} {
		s.clock.set(monday().Add(c.now))
		s.note()
		if got := noted().Sub(monday()); got != c.want {
			t.Errorf("after %s: noted %s, want %s", c.now, got, c.want)
		}
	}
}

// unnoted is a transaction that cannot note when the process began.
type unnoted struct{ vending.Tx }

func (u unnoted) Clock() vending.ClockTx { return unnotedClock{u.Tx.Clock()} }

type unnotedClock struct{ vending.ClockTx }

func (unnotedClock) ClockBegin() (sale.Times, error) { return sale.Times{}, access.ErrFull }

// TestAFullDiskDoesNotKeepAServerFromStarting: on a full disk the server starts, and still doubts a clock that jumped.
func TestAFullDiskDoesNotKeepAServerFromStarting(t *testing.T) {
	for ahead, doubt := range map[time.Duration]bool{time.Hour: false, 48 * time.Hour: true} {
		s := open(t, true)
		m := s.meter(1, place{tariff: s.publish("domestic", flat(), monday())})
		s.begin()
		s.sell(order(m, 10000, "key-number-1"))
		s.clock.add(ahead)
		s.crash()
		s.door.wrap = func(tx vending.Tx) vending.Tx { return unnoted{tx} }
		if err := s.StartClock(context.Background(), tenant); err != nil {
			t.Fatal(err)
		}
		if s.ClockDoubted() != doubt || s.ClockAsked() != doubt {
			t.Errorf("%s ahead: in doubt %t, asked %t; want %t", ahead, s.ClockDoubted(), s.ClockAsked(), doubt)
		}
		s.door.before = func(int) error { return errPower }
		s.crash()
	}
}

// TestWhichSalesAreReversed: only a completed sale of the meter's account is reversed, and only for a reason that fits a line of the log.
func TestWhichSalesAreReversed(t *testing.T) {
	long := strings.Repeat("ዕ", 200)
	for name, c := range map[string]struct {
		before func(s *shop)
		reason string
		want   refusal.Code
		says   string
	}{
		"the longest reason":     {nil, long, "", ""},
		"a longer one":           {nil, long + "x", refusal.InvalidRequest, "A reason can have at most 200 characters."},
		"one that is no text":    {nil, "\xff", refusal.InvalidRequest, "A reason can have at most 200 characters."},
		"a sale that is held":    {func(s *shop) { s.exec(`UPDATE vend SET state = 'held'`) }, "x", refusal.VendInProgress, "Sale vnd_"},
		"one that has failed":    {func(s *shop) { s.exec(`UPDATE vend SET state = 'failed'`) }, "x", refusal.NotReversible, "The sale is failed."},
		"cash in the bank":       {func(s *shop) { s.bankTheTill(10000) }, "x", refusal.NotReversible, "The till that must pay has only 0.00 KES, but the reversal needs 100.00 KES."},
		"some of it in the bank": {func(s *shop) { s.bankTheTill(1) }, "x", refusal.NotReversible, "The till that must pay has only 99.99 KES, but the reversal needs 100.00 KES."},
		"one to another account": {func(s *shop) {
			s.exec(`UPDATE meter SET account_id = (SELECT account_id FROM meter WHERE n = 2) WHERE n = 1`)
		}, "x", refusal.NotReversible, "It is not the last sale to its meter, or the meter supplies another account now."},
	} {
		s := open(t, true)
		domestic := s.publish("domestic", flat(), monday())
		m := s.meter(1, place{tariff: domestic})
		s.meter(2, place{tariff: domestic})
		sold := s.sell(order(m, 10000, "key-number-1")).Sale
		if c.before != nil {
			c.before(s)
		}
		if got := s.undo(owner(), sold, c.reason, "undo-key-1"); got.Code != c.want || !strings.HasPrefix(got.What, c.says) {
			t.Errorf("%s: %q %s, want %q", name, got.Code, got.Detail(), c.says)
		}
	}
	s := open(t, true)
	s.fourEyes()
	sold := s.sell(order(s.meter(1, place{tariff: s.publish("domestic", flat(), monday())}), 10000, "key-number-1")).Sale
	u := vending.PendingReversal{Sale: sold.ReceiptNo, Reason: "mistyped", Render: func(sale.Sale, sale.Reversal) (int, []byte) { return 201, nil },
		RenderWaits: func(w access.Approval) (int, []byte) { return 202, []byte(w.ID.Text(id.Approval)) }}
	u.Once = access.Once{Principal: "key till3", Key: "undo-key-1"}
	got, err := s.Reverse(context.Background(), owner(), u)
	_, noID := id.Parse(id.Approval, string(got.Reply.Body))
	if err != nil || noID != nil || got.Refused() || got.Reply.Status != 202 || s.number(`SELECT COUNT(*) FROM vend WHERE state = 'completed'`) != 1 {
		t.Errorf("one that waits: %v %+v", err, got)
	}
	u.Once.Key, u.RenderWaits = "undo-key-2", nil
	if got, err := s.Reverse(context.Background(), owner(), u); err != nil || got.Refused() || got.Reply.Status != 201 {
		t.Errorf("one that waits and has one answer for all: %v %+v", err, got)
	}
	if got, err := s.Reverse(context.Background(), owner(), vending.PendingReversal{Sale: "main-000009", Reason: "x"}); err != nil || got.Code != refusal.VendNotFound {
		t.Errorf("of no sale: %v %q", err, got.Code)
	}
}

// TestHowLongASellerUndoesAlone: the seller may reverse a sale alone for the whole window that the tenant set, if the meter can be asked.
// Right after the window, another person must agree.
func TestHowLongASellerUndoesAlone(t *testing.T) {
	s := open(t, true)
	s.fourEyes()
	domestic := s.publish("domestic", flat(), monday())
	for i, c := range []struct {
		after time.Duration
		waits bool
	}{{15 * time.Minute, false}, {15*time.Minute + time.Second, true}} {
		m := s.meter(i, place{tariff: domestic})
		s.online.Store(m, true)
		sold := s.sell(order(m, 10000, "key-number-"+m)).Sale
		s.clock.add(c.after)
		out, err := s.Reverse(context.Background(), owner(), vending.PendingReversal{Sale: sold.ReceiptNo, Reason: "mistyped"})
		waiting := s.number(`SELECT COUNT(*) FROM vend WHERE state = 'reversing' AND receipt_no = $1`, sold.ReceiptNo) == 1
		if err != nil || out.Refused() || waiting == c.waits {
			t.Errorf("%s after the sale: %v %s, begun %t; want that it waits for a second person: %t", c.after, err, out.Detail(), waiting, c.waits)
		}
	}
}

// TestARechargeThatIsUsedUp: the refusal of its reversal says how much of the recharge is left. That is 0.00 if the account is already in
// debt.
func TestARechargeThatIsUsedUp(t *testing.T) {
	s := open(t, true)
	m := s.walletMeter(1, s.publish("domestic", flat(), monday().AddDate(0, -1, 0)))
	sold := s.sell(order(m, 1000, "recharge-1")).Sale
	s.uses(m, 0, 1000, 4000)
	if got := s.undo(owner(), sold, "wrong meter", "undo-key-1"); got.Code != refusal.NotReversible || got.What != "The wallet has 0.00 KES left of the 10.00 KES. The rest was used." {
		t.Errorf("%q %s", got.Code, got.Detail())
	}
}

// full is a transaction that cannot post the mirror entry.
type full struct{ vending.Tx }

func (f full) Books() ledger.Books { return fullBooks{f.Tx.Books()} }

type fullBooks struct{ ledger.Books }

func (fullBooks) PostTogether(j ...ledger.Journal) (ledger.Breach, error) {
	return ledger.Breach{Account: j[0].Postings[0].Account, Limit: ledger.Limit{Bound: ledger.NotBelow}}, nil
}

// TestALimitThatAMirrorBreaksIsAnError: a reversal checks the limits before it posts the mirror. If the mirror then breaks a limit, the
// reversal fails with an error, not with a refusal, and leaves no trace.
func TestALimitThatAMirrorBreaksIsAnError(t *testing.T) {
	s := open(t, true)
	sold := s.sell(order(s.meter(1, place{tariff: s.publish("domestic", flat(), monday())}), 10000, "key-number-1")).Sale
	s.door.wrap = func(tx vending.Tx) vending.Tx { return full{tx} }
	if _, err := s.Reverse(context.Background(), owner(), vending.PendingReversal{Sale: sold.ReceiptNo, Reason: "x"}); err == nil || errors.Is(err, errPower) {
		t.Errorf("%v, want that a limit was broken", err)
	}
	s.door.wrap = nil
	if state, token := s.state(sold); state != sale.Completed || token != sale.TokenIssued {
		t.Errorf("the sale is %s, its token %s", state, token)
	}
}

// TestTokensOnAReceipt: the receipt shows the tokens in the order of entry, with their kinds, and without digits for an actor who may not
// see them.
func TestTokensOnAReceipt(t *testing.T) {
	s := open(t, true)
	body := flat()
	body.Free = tariff.Free{Units: 50_000}
	m := s.meter(1, place{tariff: s.publish("free", body, monday())})
	if g := s.give(ask(vending.Ask{Meter: m, Kind: sale.KeyChange, Key: &vending.NextKey{KRN: 2}}, "job-key-1")); g.Refused() {
		t.Fatal(g.Detail())
	}
	sold := s.sell(order(m, 10000, "key-number-1")).Sale
	if sold.PricedAt != sold.CompletedAt || len(sold.Tokens) != 2 {
		t.Fatalf("sold %+v", sold)
	}
	for _, shown := range []bool{true, false} {
		by := owner()
		if !shown {
			by.Role = access.Support
		}
		got, err := s.Receipt(context.Background(), by, sold.ReceiptNo)
		if err != nil || got.Refused() {
			t.Fatal(err, got.Detail())
		}
		text := ""
		for _, token := range got.Receipt.Tokens {
			text += fmt.Sprintf("%s %d, ", token.Kind, token.Units)
			if (token.Digits != sts.Token{}) != shown {
				t.Errorf("a %s token shows its digits: %t, want %t", token.Kind, !shown, shown)
			}
		}
		if want := fmt.Sprintf("%[1]s 0, %[1]s 0, %[2]s 50000, %[3]s 34700, ", receipt.KeyChange, receipt.FreeToken, receipt.SaleToken); text != want {
			t.Errorf("tokens %s, want %s", text, want)
		}
	}
}

// TestASaleHasAtMostEightTokens: eight tokens are priced, each with the most units that a token carries, and a larger sale is refused.
func TestASaleHasAtMostEightTokens(t *testing.T) {
	s := open(t, true)
	m := s.meter(1, place{tariff: s.publish("cheap", tariff.Body{Currency: "KES", Blocks: []tariff.Block{{Rate: 10_000}}}, monday())})
	if q := s.quote(m, 13_106); len(q.Tokens) != 8 || q.Units != 13_106_000 {
		t.Errorf("%d Wh on %d tokens, want 13106000 on 8", q.Units, len(q.Tokens))
	}
	s.refused(order(m, 13_107, "key-number-1"), refusal.VendTooLarge)
	other := tariff.Body{Currency: "UGX", Blocks: []tariff.Block{{Rate: 100_000}}}
	foreign := s.meter(2, place{tariff: s.publish("foreign", other, monday())})
	s.refused(order(foreign, 10000, "key-number-2"), refusal.CurrencyMismatch)
}

// TestDigitsAreCountedAndMasked: every way of printing the digits shows only the number of tokens.
func TestDigitsAreCountedAndMasked(t *testing.T) {
	d := vending.DigitsOf(sts.Token{}, sts.Token{})
	for want, v := range map[string]fmt.Stringer{"2 masked tokens": d, "0 masked tokens": vending.Issued{}} {
		if got := fmt.Sprintf("%v|%s|%#v|%s", v, v, v, v.String()); got != strings.Join([]string{want, want, want, want}, "|") {
			t.Errorf("%T is printed as %s, want %s", v, got, want)
		}
	}
	if d.Reveal(1) != "**** **** **** **** ****" {
		t.Errorf("a token without digits reads %s", d.Reveal(1))
	}
}

// TestTheLostAnswerOfAMagicMeterComesUnderAnotherKeyToo: the magic meter loses only the first answer. The same sale under a new key is
// answered.
func TestTheLostAnswerOfAMagicMeterComesUnderAnotherKeyToo(t *testing.T) {
	s := open(t, true)
	s.meter(1, place{tariff: s.publish("domestic", flat(), monday()), meter: func(m *registry.Meter) { m.Number, m.Simulated = vending.MagicTimeout, true }})
	o := order(vending.MagicTimeout, 10000, "key-number-1")
	if lost := s.refused(o, refusal.OutcomeUnknown); lost.Issued.Len() != 0 || vending.MoneyMoved(lost.Code) != vending.MovedUnknown {
		t.Errorf("the lost answer: %+v", lost)
	}
	again := order(vending.MagicTimeout, 10000, "key-number-2")
	again.ClientRef = "key-number-1"
	if sold := s.sell(again); !sold.Repeated || sold.Issued.Len() != 1 {
		t.Errorf("asked for by its reference: %+v", sold)
	}
}
