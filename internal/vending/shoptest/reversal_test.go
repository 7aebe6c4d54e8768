package shoptest_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"maps"
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
	"github.com/paywatt/paywatt/internal/vendor"
	"github.com/paywatt/paywatt/unit"
	"github.com/paywatt/paywatt/wire"
)

// undo requests a reversal.
func (s *shop) undo(by access.Actor, sold sale.Sale, reason, key string) once.Done[sale.Reversal] {
	s.t.Helper()
	u := vending.PendingReversal{Sale: sold.ID.Text(id.Vend), Reason: reason, Render: func(s sale.Sale, r sale.Reversal) (int, []byte) {
		return 201, fmt.Append(nil, s.State, " ", r.State)
	}}
	u.Once = access.Once{Principal: by.String(), Key: key, Hash: sha256.Sum256([]byte(u.Sale + reason))}
	u.RenderRefusal = func(r refusal.Refusal) (int, []byte) { return r.Code.Status(), []byte(r.Code) }
	got, err := s.Reverse(context.Background(), by, u)
	if err != nil {
		s.t.Fatal(err)
	}
	return got
}

func (s *shop) reversed(by access.Actor, sale sale.Sale, reason string) sale.Reversal {
	s.t.Helper()
	got := s.undo(by, sale, reason, "undo-"+sale.ID.Text(id.Vend))
	if got.Refused() {
		s.t.Fatalf("reversal: %s %s", got.Code, got.Detail())
	}
	return got.Value
}

func (s *shop) state(sale sale.Sale) (sale.State, sale.TokenState) {
	s.t.Helper()
	shown, err := s.Sale(context.Background(), owner(), sale.ID.Text(id.Vend))
	if err != nil || shown.Refused() {
		s.t.Fatalf("%v %s", err, shown.Detail())
	}
	return shown.Sale.State, shown.Sale.Tokens[0].State
}

// accounts returns the balances of all accounts by code and subject, without zeros.
func (s *shop) accounts() map[string]money.Minor {
	s.t.Helper()
	out := map[string]money.Minor{}
	err := s.engine.View(context.Background(), tenant, func(tx *storeTx) error {
		return tx.C.Query(`SELECT a.code, a.subject, SUM(p.amount) FROM posting p JOIN ledger_account a ON a.tenant_id = p.tenant_id AND a.n = p.account
			GROUP BY a.code, a.subject HAVING SUM(p.amount) <> 0`, func(r storeRow) error {
			out[fmt.Sprint(r.Int(0), " ", r.Text(1))] = money.Minor(r.Int(2))
			return nil
		})
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return out
}

// Reversing V4 of docs/reference/money.md returns the month to 340.0 and every balance to its prior value. With a vendor the commission
// goes back too.
func TestReversingV4GivesEverythingBack(t *testing.T) {
	for _, local := range []bool{true, false} {
		s := open(t, local)
		m := s.meter(1, place{tariff: s.publish("ibt", ibt(), monday())})
		v := s.vendor(vendor.NewVendor{Commission: 150})
		s.payIn(v, 500000, "1")
		s.buyUntil(m, 340_000)
		before, month := s.accounts(), s.number(`SELECT SUM(units_wh) FROM usage_month`)
		sold := s.sellAs(clerk(v), order(m, 20000, "key-number-1"))
		if sold.Refused() || sold.Sale.Units != 78_600 || sold.Sale.CarryOut != 15 {
			t.Fatalf("V4: %s %d Wh, carry %d", sold.Detail(), sold.Sale.Units, sold.Sale.CarryOut)
		}
		r := s.reversed(owner(), sold.Sale, "wrong meter")
		if r.State != sale.ReversalDone || r.Confirmed {
			t.Errorf("reversal of a meter that is away: %+v", r)
		}
		if state, token := s.state(sold.Sale); state != sale.Reversed || token != sale.TokenReversedUnconfirmed {
			t.Errorf("sale is %s, its token %s", state, token)
		}
		if after := s.accounts(); !maps.Equal(before, after) {
			t.Errorf("balances %v, want %v", after, before)
		}
		if now := s.number(`SELECT SUM(units_wh) FROM usage_month`); now != month || now != 340_000 {
			t.Errorf("the month holds %d Wh, want %d", now, month)
		}
		if n := s.number(`SELECT COUNT(*) FROM journal WHERE kind = 'reversal' AND reverses IS NOT NULL`); n != 2 {
			t.Errorf("%d reversal journals, want that of the sale and that of the commission", n)
		}
		// The same payment buys the same units again, because the cheap block was given back.
		if again := s.sellAs(clerk(v), order(m, 20000, "key-number-2")); again.Refused() || again.Sale.Units != 78_600 {
			t.Errorf("sold again: %s %d Wh", again.Detail(), again.Sale.Units)
		}
	}
}

func TestAReversalIsDoneOnceAndItsAnswerIsKept(t *testing.T) {
	s := open(t, true)
	m := s.meter(1, place{tariff: s.publish("domestic", flat(), monday())})
	sold := s.sell(order(m, 10000, "key-number-1"))
	first := s.undo(owner(), sold.Sale, "wrong amount", "undo-key-1")
	if again := s.undo(owner(), sold.Sale, "wrong amount", "undo-key-1"); again.Replay == nil || string(again.Replay.Body) != string(first.Reply.Body) {
		t.Errorf("the repetition got %+v, want %s", again, first.Reply.Body)
	}
	if other := s.undo(owner(), sold.Sale, "another reason", "undo-key-1"); other.Code != refusal.IdempotencyKeyReused {
		t.Errorf("another body under the key: %q", other.Code)
	}
	if second := s.undo(owner(), sold.Sale, "again", "undo-key-2"); second.Code != refusal.AlreadyReversed {
		t.Errorf("a second reversal: %q", second.Code)
	}
	if n := s.number(`SELECT COUNT(*) FROM idempotency WHERE key LIKE 'undo-key-1' AND expires_at IS NULL`); n != 1 {
		t.Error("the answer is not kept for ever")
	}
	if again := s.sell(order(m, 10000, "key-number-1")); again.Replay == nil || string(again.Replay.Body) != string(sold.Reply.Body) {
		t.Error("the sale's own answer changed")
	}
}

func TestWhoMayReverseWhenAndWhat(t *testing.T) {
	operator := access.Actor{Tenant: tenant, Kind: access.Person, Name: "op", Role: access.Operator}
	supervisor := access.Actor{Tenant: tenant, Kind: access.Person, Name: "sup", Role: access.Supervisor}
	for name, c := range map[string]struct {
		by     access.Actor
		reason string
		do     func(s *shop, meter string, sold vending.Sold)
		want   refusal.Code
	}{
		"who sold, at once":                  {by: operator},
		"who sold, too late":                 {by: operator, do: func(s *shop, _ string, _ vending.Sold) { s.clock.add(registry.DefaultLimits().Window() + time.Second) }, want: refusal.Forbidden},
		"a supervisor without a reason":      {by: supervisor, want: refusal.InvalidRequest},
		"a supervisor with a blank one":      {by: supervisor, reason: " \t", want: refusal.InvalidRequest},
		"a supervisor, later":                {by: supervisor, reason: "customer asked", do: func(s *shop, _ string, _ vending.Sold) { s.clock.add(time.Hour) }},
		"another operator":                   {by: access.Actor{Tenant: tenant, Kind: access.Person, Name: "op2", Role: access.Operator}, reason: "x", want: refusal.Forbidden},
		"support":                            {by: access.Actor{Tenant: tenant, Kind: access.Person, Name: "s", Role: access.Support}, reason: "x", want: refusal.Forbidden},
		"a vendor that did not sell it":      {by: access.Actor{Tenant: tenant, Kind: access.APIKey, Name: "v", Role: access.VendorAPI, Vendor: id.ID{9}}, reason: "x", want: refusal.VendNotFound},
		"after the month":                    {by: supervisor, reason: "x", do: func(s *shop, _ string, _ vending.Sold) { s.clock.add(11 * 24 * time.Hour) }, want: refusal.NotReversible},
		"not the last sale":                  {by: operator, do: func(s *shop, m string, _ vending.Sold) { s.sell(order(m, 10000, "key-number-2")) }, want: refusal.NotReversible},
		"a token that is in the meter":       {by: operator, do: func(s *shop, _ string, sold vending.Sold) { s.exec(`UPDATE token SET state = 'accepted'`) }, want: refusal.NotReversible},
		"cash that is no longer in the till": {by: operator, do: func(s *shop, _ string, _ vending.Sold) { s.bankTheTill(10000) }, want: refusal.NotReversible},
	} {
		t.Run(name, func(t *testing.T) {
			s := open(t, true)
			m := s.meter(1, place{tariff: s.publish("domestic", flat(), monday())})
			sold := s.sellAs(operator, order(m, 10000, "key-number-1"))
			if sold.Refused() {
				t.Fatal(sold.Detail())
			}
			if c.do != nil {
				c.do(s, m, sold)
			}
			before := s.accounts()
			got := s.undo(c.by, sold.Sale, c.reason, "undo-key-1")
			if got.Code != c.want {
				t.Fatalf("got %q (%s), want %q", got.Code, got.Detail(), c.want)
			}
			state, _ := s.state(sold.Sale)
			if refused := got.Refused(); refused != (state == sale.Completed) || refused && !maps.Equal(before, s.accounts()) {
				t.Errorf("refused %t, the sale is %s", refused, state)
			}
		})
	}
}

func (s *shop) exec(sql string, args ...any) {
	s.t.Helper()
	s.do(func(tx *storeTx) error { _, err := tx.C.Exec(sql, args...); return err })
}

// bankTheTill takes cash to the bank.
func (s *shop) bankTheTill(minor money.Minor) {
	s.t.Helper()
	s.do(func(tx *storeTx) error {
		i, err := tx.NewID()
		if err != nil {
			return err
		}
		breach, err := tx.Post(ledger.Journal{ID: i, Kind: ledger.CashUp, Ref: "1", PostedAt: s.clock.Now(), Postings: []ledger.Posting{
			{Account: ledger.AccountRef{Code: ledger.Bank, Subject: "main"}, Amount: minor},
			{Account: ledger.AccountRef{Code: ledger.Till, Subject: ledger.MainTill}, Amount: -minor}}})
		if breach.Refused() {
			return fmt.Errorf("%+v", breach)
		}
		return err
	})
}

// answers writes the meter's answers to its cancel_token commands, in the order in which they were given.
func (s *shop) answers(state, answer string) {
	s.t.Helper()
	s.exec(`UPDATE command SET state = $1, answer = $2 WHERE state IN ('queued', 'sent')`, state, answer)
}

func TestAConnectedMeterIsAskedFirst(t *testing.T) {
	for answer, c := range map[string]struct {
		state string
		sale  sale.State
		token sale.TokenState
		code  refusal.Code
	}{
		"":                 {"done", sale.Reversed, sale.TokenReversed, ""},
		"used":             {"failed", sale.Completed, sale.TokenAccepted, refusal.NotReversible},
		"no such command":  {"failed", sale.Completed, sale.TokenIssued, refusal.MeterOffline},
		"(it never comes)": {"expired", sale.Completed, sale.TokenIssued, refusal.MeterOffline},
	} {
		t.Run(c.state+" "+answer, func(t *testing.T) {
			s := open(t, true)
			m := s.meter(1, place{tariff: s.publish("domestic", flat(), monday())})
			s.online.Store(m, true)
			o := order(m, 10000, "key-number-1")
			o.Deliver = []string{sale.RouteMQTT}
			sold := s.sell(o)
			before := s.accounts()
			if r := s.reversed(owner(), sold.Sale, "mistyped"); r.State != sale.ReversalWaiting || len(r.Cancels) != 1 {
				t.Fatalf("reversal %+v, want it to wait for one answer", r)
			}
			if n := s.number(`SELECT COUNT(*) FROM outbox WHERE kind = 'token'`); n != 0 {
				t.Error("the token is still on its way to the meter")
			}
			if n := s.number(`SELECT COUNT(*) FROM command WHERE type = 'cancel_token' AND args = $1`,
				fmt.Sprintf(`{"base_date":2014,"tid":%d}`, sold.Sale.Tokens[0].TID)); n != 1 {
				t.Error("the meter was not told to store the TID as used")
			}
			if !maps.Equal(before, s.accounts()) {
				t.Error("money went back before the meter had answered")
			}
			s.refused(order(m, 10000, "key-number-2"), refusal.VendInProgress)
			if got := s.undo(owner(), sold.Sale, "once more", "undo-key-2"); got.Code != refusal.VendInProgress {
				t.Errorf("a second reversal meanwhile: %q", got.Code)
			}
			if n, err := s.Recover(context.Background(), system()); n != 0 || err != nil {
				t.Errorf("%d settled without an answer (%v)", n, err)
			}
			s.answers(c.state, answer)
			if n, err := s.Recover(context.Background(), system()); n != 1 || err != nil {
				t.Errorf("%d settled (%v), want 1", n, err)
			}
			if sale, token := s.state(sold.Sale); sale != c.sale || token != c.token {
				t.Errorf("sale is %s, its token %s; want %s and %s", sale, token, c.sale, c.token)
			}
			shown, err := s.Reversal(context.Background(), owner(), sold.Sale.ID.Text(id.Vend))
			if err != nil || shown.Reversal.Failure != c.code || (shown.Reversal.State == sale.ReversalDone) != (c.code == "") {
				t.Errorf("reversal %+v (%v), want failure %q", shown.Reversal, err, c.code)
			}
			s.sell(order(m, 10000, "key-number-3"))
		})
	}
}

// If one of several tokens is used, the whole sale remains.
func TestOneUsedTokenKeepsTheSale(t *testing.T) {
	s := open(t, true)
	m := s.meter(1, place{tariff: s.publish("cheap", tariff.Body{Currency: "KES", Blocks: []tariff.Block{{Rate: 10_000}}}, monday())})
	s.online.Store(m, true)
	sold := s.sell(order(m, 2000, "key-number-1"))
	if len(sold.Sale.Tokens) < 2 {
		t.Fatalf("%d tokens, want several", len(sold.Sale.Tokens))
	}
	r := s.reversed(owner(), sold.Sale, "mistyped")
	s.exec(`UPDATE command SET state = 'done'`)
	s.exec(`UPDATE command SET state = 'failed', answer = 'used' WHERE id = $1`, r.Cancels[0].Command)
	if _, err := s.Recover(context.Background(), system()); err != nil {
		t.Fatal(err)
	}
	if state, _ := s.state(sold.Sale); state != sale.Completed {
		t.Errorf("the sale is %s, want it to stand", state)
	}
	if n := s.number(`SELECT COUNT(*) FROM token WHERE state = 'accepted'`); n != 1 {
		t.Errorf("%d accepted tokens, want 1", n)
	}
	if n := s.number(`SELECT COUNT(*) FROM token WHERE state = 'reversed'`); n != int64(len(sold.Sale.Tokens)-1) {
		t.Errorf("%d tokens are marked as cancelled", n)
	}
}

// The customer got the money back and loads the token after all, so the account gets a debt.
func TestAReversedTokenThatIsUsedBecomesADebt(t *testing.T) {
	s := open(t, true)
	m := s.meter(1, place{tariff: s.publish("domestic", flat(), monday())})
	sold := s.sell(order(m, 10000, "key-number-1"))
	s.reversed(owner(), sold.Sale, "mistyped")
	if n, err := s.Recover(context.Background(), system()); n != 0 || err != nil {
		t.Fatalf("%d, %v", n, err)
	}
	s.exec(`UPDATE token SET result = 'used_error'`)
	for _, want := range []int{1, 0} {
		if n, err := s.Recover(context.Background(), system()); n != want || err != nil {
			t.Fatalf("%d claimed back (%v), want %d", n, err, want)
		}
	}
	b := s.balances()
	if b[ledger.Debt] != 9976 || b[ledger.RevenueEnergy] != -8675 || b[ledger.VATPayable] != -1301 || b[ledger.Till] != 0 {
		t.Errorf("balances %v, want a debt of 9976 for 34.7 kWh", b)
	}
	if n := s.number(`SELECT outstanding FROM debt`); n != 9976 {
		t.Errorf("the debt is %d, want 9976", n)
	}
}

// TestAWrongMeterIsCorrected: a sale was made for the wrong meter. It is reversed, and a new sale is made for the right meter (P23 of
// docs/reference/postings.md).
func TestAWrongMeterIsCorrected(t *testing.T) {
	s := open(t, true)
	domestic := s.publish("domestic", flat(), monday())
	wrong, right := s.meter(1, place{tariff: domestic}), s.meter(2, place{tariff: domestic})
	sold := s.sell(order(wrong, 10000, "key-number-1"))
	s.reversed(owner(), sold.Sale, "wrong meter")
	s.sell(order(right, 10000, "key-number-2"))
	if b := s.balances(); b[ledger.Till] != 10000 || b[ledger.RevenueEnergy] != -8675 || b[ledger.Carry] != -24 {
		t.Errorf("balances %v, want those of one sale", b)
	}
	if n := s.number(`SELECT COUNT(*) FROM journal`); n != 3 {
		t.Errorf("%d journals, want sale, reversal, sale", n)
	}
}

func TestReversalsADayAreLimited(t *testing.T) {
	s := open(t, true)
	m := s.meter(1, place{tariff: s.publish("domestic", flat(), monday())})
	for i := range int(registry.DefaultLimits().ReversalsADay) + 1 {
		sold := s.sell(order(m, 10000, fmt.Sprintf("key-number-%d", i)))
		want := refusal.Code("")
		if i == int(registry.DefaultLimits().ReversalsADay) {
			want = refusal.DailyLimit
		}
		if got := s.undo(owner(), sold.Sale, "", fmt.Sprintf("undo-key-%d", i)); got.Code != want {
			t.Fatalf("reversal %d: %q, want %q", i, got.Code, want)
		}
	}
}

// TestLimitsAreTheTenants: limits that a tenant sets replace the defaults at once.
func TestLimitsAreTheTenants(t *testing.T) {
	s := open(t, true)
	m := s.meter(1, place{tariff: s.publish("domestic", flat(), monday())})
	s.do(func(tx *store.Tx) error {
		set, err := tx.TenantSettings()
		set.Limits = registry.Limits{ReversalWindow: 3600, ReversalsADay: 1, FreeUnitsADay: 5 * unit.KilowattHour}
		return errors.Join(err, tx.PutTenantSettings(set))
	})
	operator := access.Actor{Tenant: tenant, Kind: access.Person, Name: "op", Role: access.Operator}
	for i, c := range []struct {
		after time.Duration
		want  refusal.Code
	}{{time.Hour + time.Second, refusal.Forbidden}, {time.Hour, ""}, {0, refusal.DailyLimit}} {
		sold := s.sellAs(operator, order(m, 10000, fmt.Sprintf("key-number-%d", i)))
		s.clock.add(c.after)
		if got := s.undo(operator, sold.Sale, "", fmt.Sprintf("undo-key-%d", i)); got.Code != c.want {
			t.Errorf("undone by who sold it %s later: %q (%s), want %q", c.after, got.Code, got.Detail(), c.want)
		}
	}
	for units, want := range map[unit.Energy]refusal.Code{5 * unit.KilowattHour: "", 5*unit.KilowattHour + unit.Quantum: refusal.DailyLimit} {
		a := ask(vending.Ask{Meter: m, Kind: sale.FreeIssue, Units: units}, "free-key-"+units.KWh(1))
		by := owner()
		by.Name = units.KWh(1) // the limit is per actor
		if g, err := s.GiveTokens(context.Background(), by, a); err != nil || g.Code != want {
			t.Errorf("%s kWh given away: %q, %v; want %q", units.KWh(1), g.Code, err, want)
		}
	}
}

// memory identifies the device memory of the meters of these tests.
const memory = "00000000000000a1"

// report stores two reports of a meter: it has started, and then the result of a token that the shop sold.
func (s *shop) report(number string, token id.ID, result string) {
	s.t.Helper()
	n := s.number(`SELECT n FROM meter WHERE number = $1`, number)
	s.seq++
	now := s.clock.Now()
	said := wire.Token{Head: wire.Head{Seq: s.seq, At: now.Unix(), Clock: wire.ClockValid}, Request: token.Text(id.Token), Result: result, Source: "keypad"}
	recs := []metering.Record{
		{Tenant: tenant, Meter: n, Number: number, ReceivedAt: now, Rec: wire.Boot{Memory: memory, Lowest: 1, Next: s.seq, Proto: 1}.Record()},
		{Tenant: tenant, Meter: n, Number: number, ReceivedAt: now, Memory: memory, Rec: said.Record()},
	}
	done := make(chan error, 1)
	if err := s.engine.Ingest(recs, func(_ []metering.Outcome, err error) { done <- err }); err != nil {
		s.t.Fatal(err)
	}
	if err := <-done; err != nil {
		s.t.Fatal(err)
	}
}
