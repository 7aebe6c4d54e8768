package shoptest_test

import (
	"context"
	"crypto/sha256"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/ledger"
	"github.com/paywatt/paywatt/internal/metering"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/once"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/sale"
	"github.com/paywatt/paywatt/internal/store"
	"github.com/paywatt/paywatt/internal/tariff"
	"github.com/paywatt/paywatt/internal/vending"
	"github.com/paywatt/paywatt/internal/wallet"
	"github.com/paywatt/paywatt/sts"
	"github.com/paywatt/paywatt/unit"
	"github.com/paywatt/paywatt/wire"
)

// stocked registers a meter that lies in the store room.
func (s *shop) stocked(serial int, mode registry.Mode, t id.ID) string {
	p := place{tariff: t, meter: func(m *registry.Meter) { m.Mode, m.Status = mode, registry.Stock }}
	if mode == registry.PrepayWallet {
		p.keys = func([]registry.Key) []registry.Key { return nil }
	}
	return s.meter(serial, p)
}

// swaps requests a swap under a key.
func (s *shop) swaps(a vending.Swap, key string) once.Done[vending.Swapped] {
	s.t.Helper()
	return must1(s.tries(a, key))(s.t)
}

// tries requests a swap under a key, and returns the error.
func (s *shop) tries(a vending.Swap, key string) (once.Done[vending.Swapped], error) {
	a.Once = access.Once{Principal: "key engineer", Key: key, Hash: sha256.Sum256(fmt.Appendf(nil, "%s %s %v", a.Old, a.New, a.Unused))}
	if a.Reason == "" {
		a.Reason = "the display is dark"
	}
	a.Render = func(w vending.Swapped, d vending.Digits) (int, []byte) {
		text := fmt.Sprint(int64(w.Units))
		for i := range d.Len() {
			text += " " + d.Reveal(i)
		}
		return 201, []byte(text)
	}
	a.RenderRefusal = func(r refusal.Refusal) (int, []byte) { return r.Code.Status(), []byte(r.Code) }
	return s.SwapMeter(context.Background(), owner(), a)
}

func TestASwappedTokenMeterGivesWhatWasLeftOnce(t *testing.T) {
	for _, local := range []bool{true, false} {
		s := open(t, local)
		domestic := s.publish("domestic", ibt(), monday())
		old, fresh, other := s.meter(1, place{tariff: domestic}), s.stocked(2, registry.PrepayToken, domestic), s.stocked(3, registry.PrepayToken, domestic)
		first := s.sell(order(old, 20000, "key-number-1")).Sale
		second := s.sell(order(old, 10000, "key-number-2")).Sale
		month := s.number(`SELECT units_wh FROM usage_month`)

		left := ptr(first.Units - 70_050) // the customer used 70.05 kWh of the first token
		a := vending.Swap{Old: old, New: fresh, Balance: left, Unused: []string{second.Tokens[0].ID.Text(id.Token)}}
		out := s.swaps(a, "swap-1")
		want := (*left + second.Units) / unit.Quantum * unit.Quantum
		if out.Refused() || out.Value.Units != want || out.Value.Source != sale.SwapRead {
			t.Fatalf("local %t: %s %+v, want %d Wh", local, out.Detail(), out.Value.Swap, want)
		}
		if got, want := s.loginEnds(old), out.Value.At; !got.Equal(want) {
			t.Errorf("the old meter may sign in until %s, want %s", got, want)
		}
		job := must1(s.Made(context.Background(), owner(), out.Value.Job.Text(id.Job)))(t)
		o := s.opened(fresh, s.keyOf(job.Job.Key), job.Issued.Reveal(0))
		if o.Result != sts.Accept || unit.FromTenths(o.Amount.Tenths()) != want {
			t.Errorf("the new meter opens %+v, want %d Wh", o, want)
		}
		if again := s.swaps(a, "swap-1"); again.Replay == nil || string(again.Replay.Body) != string(out.Reply.Body) {
			t.Errorf("the repetition got %+v, want %s", again.Replay, out.Reply.Body)
		}
		for name, c := range map[string]vending.Swap{"twice": {Old: old, New: other, Balance: ptr(unit.Energy(0))}, "back": {Old: fresh, New: old, Balance: ptr(unit.Energy(0))}} {
			if got := s.swaps(c, "swap "+name); got.Code != refusal.MeterBlocked {
				t.Errorf("%s: %q, want %s", name, got.Code, refusal.MeterBlocked)
			}
		}
		if got := s.refused(order(old, 10000, "key-number-3"), refusal.MeterBlocked); !strings.Contains(got.Detail(), fresh) {
			t.Errorf("a sale to the old meter is refused with %q, want it to name the new meter", got.Detail())
		}
		if g := s.give(ask(vending.Ask{Meter: old, Kind: sale.FreeIssue, Units: 1000}, "job-key-1")); g.Code != refusal.MeterBlocked {
			t.Errorf("a free token for the old meter: %q", g.Code)
		}
		if u := s.undo(owner(), second, "wrong meter", "undo-key-1"); u.Code != refusal.NotReversible {
			t.Errorf("a sale of counted units is reversed: %q", u.Code)
		}
		// The cheap block does not begin again, and the account is the same.
		if sold := s.sell(order(fresh, 10000, "key-number-4")).Sale; int64(sold.MonthBefore) != month || sold.Account != first.Account {
			t.Errorf("the next sale begins at %d Wh of the month, want %d", sold.MonthBefore, month)
		}
		if n := s.number(`SELECT COUNT(*) FROM journal WHERE kind NOT IN ('vend')`); n != 0 {
			t.Errorf("%d journals, want none: no money moved", n)
		}
		if n := s.number(`SELECT COUNT(*) FROM units_transfer WHERE units_wh = $1 AND reason_code = 'meter_swap'`, int64(want)); n != 1 {
			t.Error("no record of the units")
		}
		s.verified()
	}
}

// Undoing the import of a meter takes back its registration only if nothing happened there: it also closes the meter's account.
func TestTheRegistrationOfASwappedMeterStays(t *testing.T) {
	s := open(t, true)
	domestic := s.publish("domestic", flat(), monday())
	old, fresh := s.meter(1, place{tariff: domestic}), s.stocked(2, registry.PrepayToken, domestic)
	if out := s.swaps(vending.Swap{Old: old, New: fresh, Balance: ptr(unit.Energy(0))}, "swap-1"); out.Refused() {
		t.Fatal(out.Detail())
	}
	for _, number := range []string{old, fresh} {
		s.do(func(tx *storeTx) error {
			m, _, err := tx.MeterByNumber(number)
			if err != nil {
				return err
			}
			used, err := tx.TakingBack().MeterUsed(m)
			if err != nil {
				return err
			}
			if !used {
				t.Errorf("meter %s can be taken back", number)
			}
			return nil
		})
	}
}

// TestNobodyIsListedForAMeterThatReplacedAnother: a meter in the store room has an account, whose customer has no name. The meter gets the account of
// the one that it replaces, so its own customer is nobody.
func TestNobodyIsListedForAMeterThatReplacedAnother(t *testing.T) {
	s := open(t, true)
	domestic := s.publish("domestic", flat(), monday())
	old, fresh := s.meter(1, place{tariff: domestic}), s.stocked(2, registry.PrepayToken, domestic)
	s.exec(`UPDATE customer SET name = '', phone = '' WHERE id = (SELECT a.customer_id FROM account a
		JOIN meter m ON m.account_id = a.id WHERE m.number = $1)`, fresh)
	listed := func() (names []string) {
		s.do(func(tx *storeTx) error {
			names = nil
			all, err := tx.CustomersLike("", "", id.ID{}, 10)
			for _, c := range all {
				names = append(names, c.Name)
			}
			return err
		})
		return names
	}
	if got := listed(); len(got) != 2 {
		t.Fatalf("before the swap %q are listed, want the customers of both meters", got)
	}
	if out := s.swaps(vending.Swap{Old: old, New: fresh, Balance: ptr(unit.Energy(0))}, "swap-1"); out.Refused() {
		t.Fatal(out.Detail())
	}
	if got := listed(); len(got) != 1 || got[0] == "" {
		t.Errorf("after the swap %q are listed, want the one customer", got)
	}
}

// must1 returns a value or ends the test.
func must1[T any](v T, err error) func(testing.TB) T {
	return func(t testing.TB) T { t.Helper(); return must(t, v, err) }
}

func TestASwapGivesNoMoreThanTheRecordsAllow(t *testing.T) {
	s := open(t, true)
	domestic := s.publish("domestic", flat(), monday())
	old, fresh := s.meter(1, place{tariff: domestic}), s.stocked(2, registry.PrepayToken, domestic)
	used := s.meter(3, place{tariff: domestic})
	wallets := s.stocked(4, registry.PrepayWallet, domestic)
	sold := s.sell(order(old, 10000, "key-number-1")).Sale
	token := sold.Tokens[0].ID.Text(id.Token)
	for name, c := range map[string]struct {
		swap vending.Swap
		want refusal.Code
		says string
	}{
		"units that were never there":         {vending.Swap{New: fresh, Balance: ptr(sold.Units + 1)}, refusal.InvalidRequest, "more than meter"},
		"the token on the display and unused": {vending.Swap{New: fresh, Balance: ptr(sold.Units), Unused: []string{token}}, refusal.InvalidRequest, "more than meter"},
		"a token twice":                       {vending.Swap{New: fresh, Balance: ptr(unit.Energy(0)), Unused: []string{token, token}}, refusal.InvalidRequest, "not an unused token"},
		"more tokens than a swap counts":      {vending.Swap{New: fresh, Balance: ptr(unit.Energy(0)), Unused: make([]string, vending.MaxSwapTokens+1)}, refusal.InvalidRequest, "more than 20"},
		"as many tokens as a swap counts":     {vending.Swap{New: fresh, Balance: ptr(unit.Energy(0)), Unused: make([]string, vending.MaxSwapTokens)}, refusal.InvalidRequest, "not an unused token"},
		"nothing known":                       {vending.Swap{New: fresh}, refusal.InvalidRequest, "does not know"},
		"a negative balance":                  {vending.Swap{New: fresh, Balance: ptr(unit.Energy(-1))}, refusal.InvalidRequest, "must be from 0"},
		"a friend's meter":                    {vending.Swap{New: used, Balance: ptr(unit.Energy(0))}, refusal.MeterBlocked, "not in stock"},
		"another mode":                        {vending.Swap{New: wallets, Balance: ptr(unit.Energy(0))}, refusal.InvalidRequest, "same mode"},
		"itself":                              {vending.Swap{New: old, Balance: ptr(unit.Energy(0))}, refusal.InvalidRequest, "both"},
		"a register":                          {vending.Swap{New: fresh, Balance: ptr(unit.Energy(0)), Register: ptr(unit.Energy(1))}, refusal.InvalidRequest, "register_wh"},
	} {
		c.swap.Old = old
		if got := s.swaps(c.swap, "swap "+name); got.Code != c.want || !strings.Contains(got.Detail(), c.says) {
			t.Errorf("%s: %q %s, want %s and %q", name, got.Code, got.Detail(), c.want, c.says)
		}
	}
	// What the meter itself reported after it took the token is the limit, although the token was for more.
	n := s.number(`SELECT n FROM meter WHERE number = $1`, old)
	s.exec(`UPDATE token SET state = 'accepted'`)
	s.clock.add(time.Hour)
	s.reports(n, old, wire.Reading{Head: wire.Head{Seq: 1, At: s.clock.Now().Unix(), Up: 1, Clock: wire.ClockValid}, BalanceWh: 12_340, Relay: "closed"})
	if got := s.swaps(vending.Swap{Old: old, New: fresh, Balance: ptr(unit.Energy(12_341))}, "swap high"); got.Code != refusal.InvalidRequest {
		t.Errorf("more than it reported: %q", got.Code)
	}
	if got := s.swaps(vending.Swap{Old: old, New: fresh}, "swap right"); got.Refused() || got.Value.Units != 12_300 || got.Value.Source != sale.SwapReported {
		t.Errorf("what it reported: %s %+v, want 12.3 kWh", got.Detail(), got.Value.Swap)
	}
}

// TestASwapStrandsNoMoneyOfTheNewMeter: what an import brought to the account of a meter in stock moved nothing, but would stay on the account. After
// a move-out, which gives it back, the meter can take the place of another one.
func TestASwapStrandsNoMoneyOfTheNewMeter(t *testing.T) {
	s := open(t, true)
	domestic := s.publish("domestic", flat(), monday())
	old, fresh, left := s.meter(1, place{tariff: domestic}),
		s.stocked(2, registry.PrepayToken, domestic), s.stocked(3, registry.PrepayToken, domestic)
	for _, number := range []string{fresh, left} {
		carry := ledger.AccountRef{Code: ledger.Carry, Subject: s.account(number).Text(id.Account)}
		s.do(func(tx *store.Tx) error {
			j := ledger.Journal{Kind: ledger.BroughtIn, PostedAt: s.clock.Now(), Postings: ledger.BalanceBrought(carry, 500)}
			var err error
			if j.ID, err = tx.NewID(); err != nil {
				return err
			}
			j.Ref = j.ID.Text(id.Journal)
			_, err = tx.Post(j)
			return err
		})
	}
	if got := s.swaps(vending.Swap{Old: old, New: fresh, Balance: ptr(unit.Energy(0))}, "swap money"); got.Text != "swap-to-meter-with-money" {
		t.Errorf("a meter with money on its account: %s", got.Detail())
	}
	out := leaves(left, "move-out-1")
	out.Credit = registry.CreditOf(0)
	if got, err := s.MoveOut(context.Background(), owner(), out); err != nil || got.Refused() {
		t.Fatal(err, got.Detail())
	}
	if got := s.swaps(vending.Swap{Old: old, New: left, Balance: ptr(unit.Energy(0))}, "swap moved out"); got.Refused() {
		t.Errorf("a meter whose account has ended: %s", got.Detail())
	}
}

// TestTheChargesOfAMeterInStockStopNoSwap: a tariff with a monthly charge charges a meter in stock too, but nobody lives where it is.
func TestTheChargesOfAMeterInStockStopNoSwap(t *testing.T) {
	s := open(t, true)
	s.clock.set(s.at("2026-11-01T08:00:00Z"))
	home := s.publish("home", standing(flat(), tariff.PerMonth), long())
	old, fresh := s.meter(1, place{tariff: home}), s.stocked(2, registry.PrepayToken, home)
	s.clock.set(s.at("2026-11-15T08:00:00Z"))
	if _, err := s.Accrue(context.Background(), system()); err != nil {
		t.Fatal(err)
	}
	if s.owes(s.account(fresh)) == "" {
		t.Fatal("the meter in stock has no charge")
	}
	if got := s.swaps(vending.Swap{Old: old, New: fresh, Balance: ptr(unit.Energy(0))}, "swap charged"); got.Refused() {
		t.Errorf("a meter in stock with its own charges: %s", got.Detail())
	}
}

// records stores records of meters.
func (s *shop) records(recs ...metering.Record) {
	s.t.Helper()
	done := make(chan error, 1)
	err := s.engine.Ingest(recs, func(_ []metering.Outcome, err error) { done <- err })
	if err == nil {
		err = <-done
	}
	if err != nil {
		s.t.Fatal(err)
	}
}

// reports stores a reading of a meter.
func (s *shop) reports(n int64, number string, r wire.Reading) {
	s.t.Helper()
	s.records(metering.Record{Tenant: tenant, Meter: n, Number: number, ReceivedAt: s.clock.Now(),
		Rec: wire.Boot{Memory: memory, Lowest: 1, Next: 1, Proto: 1}.Record()},
		metering.Record{Tenant: tenant, Meter: n, Number: number, ReceivedAt: s.clock.Now(), Memory: memory, Rec: r.Record()})
}

func TestASwapWaitsForASecondPersonAndHappensOnce(t *testing.T) {
	s := open(t, true)
	s.fourEyes()
	domestic := s.publish("domestic", flat(), monday())
	old, fresh := s.meter(1, place{tariff: domestic}), s.stocked(2, registry.PrepayToken, domestic)
	s.sell(order(old, 10000, "key-number-1"))
	out := s.swaps(vending.Swap{Old: old, New: fresh, Balance: ptr(unit.Energy(10_000))}, "swap-1")
	if out.Value.Waits == nil || s.number(`SELECT COUNT(*) FROM meter_swap`)+s.number(`SELECT COUNT(*) FROM token_job`) != 0 {
		t.Fatalf("done by one person: %s %+v", out.Detail(), out.Value)
	}
	if text := out.Value.Waits.Summary; !strings.Contains(text, "gets 10.0 kWh") || !strings.Contains(text, fresh) {
		t.Errorf("the second person reads %q", text)
	}
	maker := out.Value.Waits.Maker
	maker.Approval = out.Value.Waits.ID
	s.allow(*out.Value.Waits)
	for _, want := range []refusal.Code{"", refusal.MeterBlocked} {
		if done, err := s.Executors()[access.ActSwap](context.Background(), maker, out.Value.Waits.Body); err != nil || done.Code != want {
			t.Errorf("done under its approval: %v %q, want %q the first time only", err, done.Code, want)
		}
	}
	made, err := s.Made(context.Background(), owner(), out.Value.Waits.ID.Text(id.Approval))
	if err != nil || made.Job.Units != 10_000 {
		t.Errorf("the tokens of the approval: %v %s %+v", err, made.Detail(), made.Job)
	}
}

// Without a balance the last reported one counts. If the meter loads more before the second person agrees, that person has not seen it.
func TestAnApprovedSwapGivesNoMoreThanWasSeen(t *testing.T) {
	for reported, want := range map[int64]refusal.Code{900: "", 1000: "", 400_000: refusal.ApprovalInvalid} {
		s := open(t, true)
		s.fourEyes()
		domestic := s.publish("domestic", flat(), monday())
		old, fresh := s.meter(1, place{tariff: domestic}), s.stocked(2, registry.PrepayToken, domestic)
		n := s.number(`SELECT n FROM meter WHERE number = $1`, old)
		reading := func(seq uint64, wh int64) metering.Record {
			s.clock.add(time.Hour)
			return metering.Record{Tenant: tenant, Meter: n, Number: old, ReceivedAt: s.clock.Now(), Memory: memory, Rec: wire.Reading{
				Head: wire.Head{Seq: seq, At: s.clock.Now().Unix(), Up: seq, Clock: wire.ClockValid}, BalanceWh: wh, Relay: "closed"}.Record()}
		}
		s.records(metering.Record{Tenant: tenant, Meter: n, Number: old, ReceivedAt: s.clock.Now(), Rec: wire.Boot{Memory: memory, Lowest: 1, Next: 1, Proto: 1}.Record()},
			reading(1, 1000))
		waits := s.swaps(vending.Swap{Old: old, New: fresh}, "swap-1").Value.Waits
		if waits == nil {
			t.Fatal("done by one person")
		}
		s.records(reading(2, reported))
		s.allow(*waits)
		maker := waits.Maker
		maker.Approval = waits.ID
		if done, err := s.Executors()[access.ActSwap](context.Background(), maker, waits.Body); err != nil || done.Code != want {
			t.Errorf("%d Wh reported after the request for 1000 Wh: %v %q %s, want %q", reported, err, done.Code, done.Detail(), want)
		}
	}
}

func TestATokenThatASwapCountedAsUnusedRaisesAnAlarm(t *testing.T) {
	for _, counted := range []bool{true, false} {
		s := open(t, true)
		domestic := s.publish("domestic", flat(), monday())
		old, fresh := s.meter(1, place{tariff: domestic}), s.stocked(2, registry.PrepayToken, domestic)
		o := order(old, 10000, "key-number-1")
		o.Deliver = []string{sale.RouteMQTT}
		token := s.sell(o).Sale.Tokens[0]
		a := vending.Swap{Old: old, New: fresh, Balance: ptr(unit.Energy(0))}
		if counted {
			a.Unused = []string{token.ID.Text(id.Token)}
		}
		if out := s.swaps(a, "swap-1"); out.Refused() {
			t.Fatal(out.Detail())
		}
		if n := s.number(`SELECT COUNT(*) FROM outbox WHERE kind = 'token' AND key = $1`, old); n != 0 {
			t.Errorf("counted %t: %d tokens are on their way to the old meter", counted, n)
		}
		tid, class := uint32(token.TID), uint8(0)
		s.records(metering.Record{Tenant: tenant, Meter: token.Meter, Number: old, ReceivedAt: s.clock.Now(),
			Rec: wire.Boot{Memory: memory, Lowest: 1, Next: 1, Proto: 1}.Record()},
			metering.Record{Tenant: tenant, Meter: token.Meter, Number: old, ReceivedAt: s.clock.Now(), Memory: memory,
				Rec: wire.Token{Head: wire.Head{Seq: 1, At: s.clock.Now().Unix(), Up: 1, Clock: wire.ClockValid}, TID: &tid, BaseDate: 2014, Class: &class, SubClass: &class,
					Result: "accept", UnitsWh: int64(token.Units), Source: "keypad"}.Record()})
		if n := s.number(`SELECT COUNT(*) FROM alarm WHERE code = $1`, string(metering.AlarmReplacedToken)); n == 1 != counted {
			t.Errorf("counted %t: %d alarms", counted, n)
		}
	}
}

// A meter may say only after it was replaced that it has cancelled a token. The customer never gets both the units at the new meter and the
// money. Units that the swap did not count are owed, and a person must give them.
func TestALateAnswerOfAReplacedMeterGivesNothingTwice(t *testing.T) {
	for counted, owed := range map[bool]int64{true: 0, false: 1} {
		s := open(t, true)
		domestic := s.publish("domestic", flat(), monday())
		old, fresh := s.meter(1, place{tariff: domestic}), s.stocked(2, registry.PrepayToken, domestic)
		s.online.Store(old, true)
		sold := s.sell(order(old, 10000, "key-number-1")).Sale
		s.reversed(owner(), sold, "mistyped")
		s.expired(sold)
		a := vending.Swap{Old: old, New: fresh, Balance: ptr(unit.Energy(0))}
		if counted {
			a.Unused = []string{sold.Tokens[0].ID.Text(id.Token)}
		}
		if out := s.swaps(a, "swap-1"); out.Refused() {
			t.Fatal(out.Detail())
		}
		s.late("done", "")
		if state, token := s.state(sold); state != sale.Completed || token != sale.TokenReversed {
			t.Errorf("counted %t: the sale is %s and its token %s, want the money kept and the token cancelled", counted, state, token)
		}
		if n := s.number(`SELECT COUNT(*) FROM alarm WHERE code = $1`, string(metering.AlarmUnitsOwed)); n != owed {
			t.Errorf("counted %t: %d alarms about units that are owed, want %d", counted, n, owed)
		}
		s.verified()
	}
}

// loginEnds returns from when on a meter may no longer sign in.
func (s *shop) loginEnds(number string) time.Time {
	s.t.Helper()
	return time.UnixMicro(s.number(`SELECT COALESCE(login_ends_at, 0) FROM meter WHERE number = $1`, number)).UTC()
}

func TestASwappedWalletKeepsItsMoneyAndSharesNoLease(t *testing.T) {
	s := open(t, true)
	domestic := s.publish("domestic", flat(), monday().AddDate(0, -1, 0))
	old, fresh := s.walletMeter(1, domestic), s.stocked(2, registry.PrepayWallet, domestic)
	sold := s.sell(order(old, 2875, "recharge-1")) // 10 kWh
	s.hears(old, "closed", []string{"lease"}, 0, 1000)
	month := s.row(old).Used
	s.taken(old)
	for name, c := range map[string]struct {
		register unit.Energy
		want     refusal.Code
	}{"below the last reading": {999, refusal.InvalidRequest}, "more than it can count": {90_000_000, refusal.InvalidRequest}} {
		if out := s.swaps(vending.Swap{Old: old, New: fresh, Register: ptr(c.register)}, "swap "+name); out.Code != c.want {
			t.Errorf("%s: %q, want %s", name, out.Code, c.want)
		}
	}
	out := s.swaps(vending.Swap{Old: old, New: fresh, Register: ptr(unit.Energy(1400))}, "swap-1")
	if out.Refused() || out.Value.Charged != 400 || out.Value.Units != 0 {
		t.Fatalf("%s %+v, want 400 Wh charged", out.Detail(), out.Value)
	}
	if got, want := s.loginEnds(old), s.clock.Now().Add(15*time.Minute); !got.Equal(want) {
		t.Errorf("the old meter, which has a lease, may sign in until %s, want %s", got, want)
	}
	o, n := s.row(old), s.row(fresh)
	if o.Meter.Account != sold.Sale.Account || n.Meter.Account != o.Meter.Account || n.Used != month+400 || n.Total() != 0 || wallet.Wanted(o.State) {
		t.Errorf("old %+v\nnew %+v: want one account, its month carried over, and the old meter off", o.State, n.State)
	}
	balance := s.accounts()["2000 "+sold.Sale.Account.Text(id.Account)]
	if want := money.Minor(-2875 + 402); balance != want { // 1.4 kWh at 2.875, floored
		t.Errorf("the wallet is %d, want %d", balance, want)
	}
	// What the old meter reports late is not charged again. Beyond the closing register it raises an alarm.
	s.uses(old, 1300)
	if a := s.number(`SELECT COUNT(*) FROM alarm WHERE code = $1`, string(metering.AlarmReplacedCounts)); a != 0 {
		t.Error("an alarm about a reading below the closing register")
	}
	s.uses(old, 3000)
	if a := s.number(`SELECT COUNT(*) FROM alarm WHERE code = $1`, string(metering.AlarmReplacedCounts)); a != 1 {
		t.Error("no alarm about a reading beyond the closing register")
	}
	if got := s.accounts()["2000 "+sold.Sale.Account.Text(id.Account)]; got != balance {
		t.Errorf("late readings moved the wallet from %d to %d", balance, got)
	}
	// The old meter may still use its lease, so the new one gets none for the same money. Once the old one has said that it is off, it does.
	s.hears(fresh, "closed", []string{"lease"}, 50_000)
	both := s.leased(old) + s.leased(fresh)
	if most := unit.Energy(8600); both > most || s.leased(old) == 0 {
		t.Errorf("leases for %d Wh, of which %d at the old meter, want at most %d Wh and some", both, s.leased(old), most)
	}
	s.clock.add(72*time.Hour + time.Minute)
	s.hears(fresh, "closed", []string{"lease"}, 50_000)
	if got := s.leased(fresh); got < 8000 {
		t.Errorf("three days later the new meter has a lease for %d Wh, want the whole wallet", got)
	}
	if m := must1(s.MoveOut(context.Background(), owner(), leaves(fresh, "move-out-1")))(t); m.Refused() || fmt.Sprint(m.Value.Meters) != "["+fresh+"]" {
		t.Errorf("move out: %s %v, want only the new meter", m.Detail(), m.Value.Meters)
	}
	for _, sql := range []string{`UPDATE wallet SET closed_at = NULL`, `UPDATE wallet SET closed_at = closed_at + 1`} {
		if found := s.finds(sql); !strings.Contains(found, "not closed at the time") {
			t.Errorf("%s: verification finds %q", sql, found)
		}
	}
	if status := s.number(`SELECT COUNT(*) FROM meter WHERE number = $1 AND status = 'blocked'`, old); status != 1 {
		t.Error("the move-out freed the old meter")
	}
	s.verified()
}

// TestAReplacedMeterShowsNoMoney: the account pays for the meter that took its place. The old one keeps the names of its account until it is
// removed, and shows no money of it.
func TestAReplacedMeterShowsNoMoney(t *testing.T) {
	needsWholeStore(t)
	s := open(t, true)
	domestic := s.publish("domestic", flat(), monday().AddDate(0, -1, 0))
	old, fresh := s.walletMeter(1, domestic), s.stocked(2, registry.PrepayWallet, domestic)
	account := s.sell(order(old, 2875, "recharge-1")).Sale.Account
	s.uses(old, 0, 1000)
	if out := s.swaps(vending.Swap{Old: old, New: fresh}, "swap-1"); out.Refused() {
		t.Fatal(out.Detail())
	}
	registers := s.registers()
	wallets := wallet.New(wallet.Config{Now: s.clock.Now, Sealer: s.sealer, Door: walletDoor{s}})
	for number, want := range map[string]money.Minor{old: 0, fresh: 2588} { // 28.75 less 1 kWh
		m := must1(registers.Meter(t.Context(), owner(), number))(t)
		left, known := m.Left()
		pays := number == fresh
		if known != pays || pays && left.Money.Minor != want || m.Wallet == nil || (m.Wallet.Money != nil) != pays {
			t.Errorf("meter %s has left %+v, known %t, wallet %+v", number, left, known, m.Wallet)
		}
		if m.Customer.ID.IsZero() || m.Tariff != "domestic" {
			t.Errorf("meter %s shows the customer %+v and the tariff %q of its account", number, m.Customer, m.Tariff)
		}
		v := must1(wallets.Supply(t.Context(), owner(), number))(t)
		if v.Refused() || (v.Available != nil) != pays || pays && v.Available.Minor != want || v.Wanted != pays {
			t.Errorf("the supply of meter %s: %+v", number, v)
		}
	}
	s.do(func(tx *store.Tx) error {
		all, err := tx.MeterStandings(registry.StandingFilter{Status: registry.EveryStatus}, id.ID{}, 10)
		for _, m := range all {
			if !m.Wallet || m.Money != (m.Number == fresh) {
				t.Errorf("the standing of meter %s: %+v", m.Number, m)
			}
		}
		if err != nil {
			return err
		}
		page, _, err := tx.LinkAccount(account)
		if fmt.Sprint(page.Meters) != "["+fresh+"]" {
			t.Errorf("the customer's page shows the meters %v", page.Meters)
		}
		return err
	})
}

// TestTheMonthCountsAllReplacedMeters replaces a meter twice in one month. Verification counts the days of all three meters in the month of the
// last one.
func TestTheMonthCountsAllReplacedMeters(t *testing.T) {
	s := open(t, true)
	domestic := s.publish("domestic", flat(), monday().AddDate(0, -1, 0))
	meters := []string{s.walletMeter(1, domestic), s.stocked(2, registry.PrepayWallet, domestic), s.stocked(3, registry.PrepayWallet, domestic)}
	s.sell(order(meters[0], 50_000, "recharge-1"))
	for i, m := range meters {
		s.clock.add(24 * time.Hour) // the day on which the account was opened proves nothing
		s.uses(m, 0, 1000)
		if i+1 == len(meters) {
			break
		}
		if out := s.swaps(vending.Swap{Old: m, New: meters[i+1], Register: ptr(unit.Energy(1000))}, fmt.Sprintf("swap-%d", i)); out.Refused() {
			t.Fatal(out.Detail())
		}
	}
	if used := s.row(meters[2]).Used; used != 3000 {
		t.Fatalf("the last meter records %d Wh used in the month, want those of all three", used)
	}
	s.verified()
	first := `(SELECT n FROM meter WHERE number = '` + meters[0] + `')`
	for _, sql := range []string{`UPDATE wallet_day SET wh = wh - 1 WHERE meter = ` + first, `UPDATE wallet_day SET wh = wh + 1 WHERE meter = ` + first} {
		if found := s.finds(sql); !strings.Contains(found, "Meter "+meters[2]+" records 3000 Wh used in 2026-11") {
			t.Errorf("%s: verification finds %q", sql, found)
		}
	}
}

// row is the wallet of one meter of an account.
func (s *shop) row(number string) (w wallet.Row) {
	s.t.Helper()
	n := s.number(`SELECT n FROM meter WHERE number = $1`, number)
	s.do(func(tx *storeTx) error {
		rows, err := tx.WalletOf(n)
		for _, r := range rows {
			if r.Meter.N == n {
				w = r
			}
		}
		return err
	})
	return w
}

// taken lets a meter take the newest lease that was ordered for it.
func (s *shop) taken(number string) {
	s.t.Helper()
	s.exec(`UPDATE command SET state = 'done', counter = 1 WHERE type = 'lease' AND meter = (SELECT n FROM meter WHERE number = '` + number + `')`)
}

// leased is the energy that the newest lease ordered for a meter still gives.
func (s *shop) leased(number string) unit.Energy {
	s.t.Helper()
	n := s.number(`SELECT n FROM meter WHERE number = $1`, number)
	most := s.number(`SELECT COALESCE(MAX(lease_max_wh), 0) FROM wallet_supply WHERE meter = $1`, n)
	if most == 0 {
		return 0
	}
	return unit.Energy(most) - s.row(number).Register
}

func TestAPlannedKeyChangeIsTakenBackUntilItsTokensExist(t *testing.T) {
	s := open(t, true)
	m := s.meter(1, place{tariff: s.publish("domestic", flat(), monday())})
	cancel := func() refusal.Code {
		return must1(s.CancelKeyChange(context.Background(), owner(), m, "wrong meter"))(t).Code
	}
	if got := cancel(); got != refusal.InvalidRequest {
		t.Errorf("nothing is planned: %q", got)
	}
	for i := range 2 { // the first plan leaves nothing behind
		must1(s.PlanKeyChange(context.Background(), owner(), m, vending.NextKey{KRN: 2}, "campaign"))(t)
		s.refused(order(m, 10000, fmt.Sprintf("key-number-1%d", i)), refusal.KeyChangeRequired)
		if got := cancel(); got != "" {
			t.Errorf("taken back: %q", got)
		}
	}
	s.sell(order(m, 10000, "key-number-2"))
	if n := s.number(`SELECT COUNT(*) FROM audit WHERE action = 'key.cancel' AND reason = 'wrong meter'`); n != 2 {
		t.Errorf("%d audit rows, want 2", n)
	}
	must1(s.PlanKeyChange(context.Background(), owner(), m, vending.NextKey{KRN: 2}, "campaign"))(t)
	if g := s.give(ask(vending.Ask{Meter: m, Kind: sale.KeyChange, ReasonCode: "key_campaign"}, "job-key-1")); g.Refused() {
		t.Fatal(g.Detail())
	}
	if got := cancel(); got != refusal.InvalidRequest {
		t.Errorf("its tokens exist: %q, want a refusal", got)
	}
	s.verified()
}

// The tokens of a planned key change are allowed for that key. Another plan needs another approval.
func TestAnApprovedKeyChangeIsThatOfTheSeenKey(t *testing.T) {
	for _, next := range []uint8{2, 3} {
		s := open(t, true)
		s.fourEyes()
		m := s.meter(1, place{tariff: s.publish("domestic", flat(), monday())})
		plan := func(krn uint8) {
			must1(s.PlanKeyChange(context.Background(), owner(), m, vending.NextKey{KRN: krn}, "campaign"))(t)
		}
		plan(2)
		waits := s.give(ask(vending.Ask{Meter: m, Kind: sale.KeyChange, ReasonCode: "key_campaign"}, "job-key-1")).Waits
		if waits == nil || !strings.Contains(string(waits.Body), `"krn":2`) {
			t.Fatalf("the second person reads %+v", waits)
		}
		must1(s.CancelKeyChange(context.Background(), owner(), m, "wrong"))(t)
		plan(next)
		s.allow(*waits)
		maker := waits.Maker
		maker.Approval = waits.ID
		done, err := s.Executors()[access.ActTokens](context.Background(), maker, waits.Body)
		if err != nil || done.Refused() != (next != 2) {
			t.Errorf("approved for KRN 2, planned for KRN %d: %v %q %s", next, err, done.Code, done.Detail())
		}
	}
}
