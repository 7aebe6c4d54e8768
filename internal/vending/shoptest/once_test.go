package shoptest_test

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/sale"
	"github.com/paywatt/paywatt/internal/store"
	"github.com/paywatt/paywatt/internal/store/core"
	"github.com/paywatt/paywatt/internal/tier"
	"github.com/paywatt/paywatt/internal/vending"
	"github.com/paywatt/paywatt/sts"
)

func TestTheSameRequestGetsTheSameBytes(t *testing.T) {
	s := open(t, true)
	m := s.meter(1, place{tariff: s.publish("domestic", flat(), monday())})
	first := s.sell(order(m, 10000, "key-number-1"))
	s.clock.add(1000 * 1000 * 1000 * 3600)
	again := s.sell(order(m, 10000, "key-number-1"))
	if again.Replay == nil || again.Replay.Status != 201 || string(again.Replay.Body) != string(first.Reply.Body) {
		t.Errorf("replay = %+v, want %s", again.Replay, first.Reply.Body)
	}
	s.refused(order(m, 10001, "key-number-1"), refusal.IdempotencyKeyReused)
	other := order(m, 10000, "key-number-1")
	other.Once.Principal, other.ClientRef = "key till4", "another sale" // another principal's key is another key
	if sold := s.sell(other); sold.Replay != nil || sold.Sale.ID == first.Sale.ID {
		t.Error("a key of another principal was taken for this one")
	}
	if n := s.number(`SELECT COUNT(*) FROM vend`); n != 2 {
		t.Errorf("%d sales, want 2", n)
	}
	if n := s.number(`SELECT COUNT(*) FROM idempotency WHERE state = 'done' AND expires_at IS NULL`); n != 2 {
		t.Errorf("%d answers are kept for ever, want 2", n)
	}
	s.audit()
}

func TestStoredAnswersAreSealed(t *testing.T) {
	s := open(t, true)
	m := s.meter(1, place{tariff: s.publish("domestic", flat(), monday())})
	sold := s.sell(order(m, 10000, "key-number-1"))
	digits := sold.Issued.Reveal(0)
	bytesOf, textOf := core.Row.Bytes, func(r core.Row, col int) []byte { return []byte(r.Text(col)) }
	for _, look := range []struct {
		sql string
		as  func(core.Row, int) []byte
	}{
		{`SELECT body_enc FROM idempotency`, bytesOf}, {`SELECT digits_enc FROM token`, bytesOf}, {`SELECT digits_hash FROM token`, bytesOf},
		{`SELECT body FROM outbox`, textOf}, {`SELECT after || before || reason || object FROM audit`, textOf},
	} {
		rows := 0
		err := s.engine.View(t.Context(), tenant, func(tx *store.Tx) error {
			return tx.C.Query(look.sql, func(r core.Row) error {
				rows++
				if bytes.Contains(look.as(r, 0), []byte(digits)) {
					t.Errorf("a row shows the digits: %s", look.sql)
				}
				return nil
			})
		})
		if err != nil || rows == 0 && !strings.Contains(look.sql, "outbox") {
			t.Errorf("%s: %d rows, %v", look.sql, rows, err)
		}
	}
}

func TestRefusalsOfARequestAreItsAnswerToo(t *testing.T) {
	s := open(t, true)
	domestic := s.publish("domestic", flat(), monday())
	first := s.refused(order(numberOf(t, 1), 28, "key-number-1"), refusal.MeterNotFound)
	m := s.meter(1, place{tariff: domestic})
	again := s.sell(order(m, 28, "key-number-1"))
	if again.Replay == nil || again.Replay.Status != 404 || string(again.Replay.Body) != string(first.Reply.Body) {
		t.Errorf("replay = %+v, want the stored %d %s although the meter exists now", again.Replay, first.Reply.Status, first.Reply.Body)
	}
	s.refused(order(m, 28, "key-number-2"), refusal.VendTooSmall)
	if again = s.sell(order(m, 28, "key-number-2")); again.Replay == nil || string(again.Replay.Body) != "vend-too-small" {
		t.Errorf("replay = %+v, want vend-too-small", again.Replay)
	}
	if n := s.number(`SELECT COUNT(*) FROM idempotency WHERE expires_at IS NOT NULL`); n != 2 {
		t.Errorf("%d refusals are kept for a time, want 2", n)
	}
}

func TestServerFaultsAreNotStored(t *testing.T) {
	s := open(t, true)
	m := s.meter(1, place{tariff: s.publish("domestic", flat(), monday())})
	s.issuer.say = func(n int, _ vending.IssueRequest) (vending.Answer, error) {
		if n <= 2 { // asked twice for one transaction, because the store runs it twice
			return vending.Answer{Outcome: vending.Declined, Refusal: refusal.Refusal{Code: refusal.KeystoreLocked, What: "Locked."}}, nil
		}
		return vending.Answer{}, errAnswerItself
	}
	s.refused(order(m, 10000, "key-number-1"), refusal.KeystoreLocked)
	if n := s.number(`SELECT COUNT(*) FROM idempotency`) + s.number(`SELECT COUNT(*) FROM vend`) + s.number(`SELECT COUNT(*) FROM token`); n != 0 {
		t.Errorf("a refused sale left something behind: %d", n)
	}
	if sold := s.sell(order(m, 10000, "key-number-1")); sold.Replay != nil || sold.Sale.State != sale.Completed {
		t.Errorf("the same key after the fault was gone: %+v", sold.Sale)
	}
	s.audit()
}

func TestAClientRefNamesOneSaleForEver(t *testing.T) {
	s := open(t, true)
	m := s.meter(1, place{tariff: s.publish("domestic", flat(), monday())})
	o := order(m, 10000, "key-number-1")
	o.ClientRef = "till3-000017"
	first := s.sell(o)
	o.Once.Key = "key-number-2"
	again := s.sell(o)
	if !again.Repeated || again.Sale.ID != first.Sale.ID || again.Reply.Status != 200 || string(again.Reply.Body) != string(first.Reply.Body) {
		t.Errorf("repeated %t, sale %v, status %d; want that sale with status 200", again.Repeated, again.Sale.ID == first.Sale.ID, again.Reply.Status)
	}
	if again.Issued.Len() != 1 || again.Issued.Reveal(0) != first.Issued.Reveal(0) {
		t.Error("the repeated sale has other digits")
	}
	if third := s.sell(o); third.Replay == nil || third.Replay.Status != 200 {
		t.Errorf("the repetition under its own key = %+v, want the stored 200", third.Replay)
	}
	other := order(m, 9999, "key-number-3")
	other.ClientRef = "till3-000017"
	s.refused(other, refusal.ClientRefReused)
	bare := order(m, 10000, "key-number-4")
	bare.ClientRef, bare.Once = "till3-000017", access.Once{}
	if sold := s.sell(bare); !sold.Repeated {
		t.Error("without an idempotency key the reference did not find its sale")
	}
	s.audit()
}

func TestRequestsThatCannotBeRepeatedAreRefused(t *testing.T) {
	s := open(t, true)
	m := s.meter(1, place{tariff: s.publish("domestic", flat(), monday())})
	long := "0123456789012345678901234567890123456789012345678901234567890123x"
	for _, c := range []struct {
		change func(*vending.Purchase)
		want   refusal.Code
	}{
		{func(o *vending.Purchase) { o.Once = access.Once{} }, refusal.IdempotencyKeyMissing},
		{func(o *vending.Purchase) { o.Once.Key = long[:7] }, refusal.IdempotencyKeyInvalid},
		{func(o *vending.Purchase) { o.Once.Key = long }, refusal.IdempotencyKeyInvalid},
		{func(o *vending.Purchase) { o.Once.Key = "with\nline-feed" }, refusal.IdempotencyKeyInvalid},
		{func(o *vending.Purchase) { o.ClientRef = long }, refusal.InvalidRequest},
		{func(o *vending.Purchase) { o.ClientRef = "référence" }, refusal.InvalidRequest},
		{func(o *vending.Purchase) { o.Deliver = []string{"mqtt", "sms"} }, refusal.InvalidRequest},
		{func(o *vending.Purchase) { o.Deliver = []string{"meter_sms"} }, refusal.InvalidRequest},
		{func(o *vending.Purchase) { o.Tender = kes(0) }, refusal.AmountInvalid},
		{func(o *vending.Purchase) { o.Tender = kes(-1) }, refusal.AmountInvalid},
		{func(o *vending.Purchase) { o.Tender = kes(money.MaxMinor + 1) }, refusal.AmountInvalid},
		{func(o *vending.Purchase) { o.Tender.Currency = "kes" }, refusal.AmountInvalid},
		{func(o *vending.Purchase) { o.Tender.Currency = "UGX" }, refusal.CurrencyMismatch},
		{func(o *vending.Purchase) { o.Meter = "04000000012" }, refusal.MeterNumberInvalid},
		{func(o *vending.Purchase) { o.Meter = "mtr_nonsense" }, refusal.MeterNotFound},
	} {
		o := order(m, 10000, "key-number-1")
		c.change(&o)
		o.RenderRefusal = nil
		if sold := s.refused(o, c.want); sold.What == "" || sold.Not == "" || sold.Try == "" || vending.MoneyMoved(sold.Code) != vending.MovedNo {
			t.Errorf("%s: %q %q %q, money moved %s; want all three sentences and no", c.want, sold.What, sold.Not, sold.Try, vending.MoneyMoved(sold.Code))
		}
	}
	if n := s.number(`SELECT COUNT(*) FROM vend`) + s.number(`SELECT COUNT(*) FROM idempotency`); n != 0 {
		t.Errorf("refusals without a renderer left %d rows", n)
	}
	for _, key := range []string{long[:8], long[1:]} { // the shortest and the longest
		s.sell(order(m, 10000, key))
	}
	o := order(m, 10000, "key-number-1")
	o.ClientRef = long[:64]
	s.sell(o)
}

func TestOnlySellersSell(t *testing.T) {
	s := open(t, true)
	m := s.meter(1, place{tariff: s.publish("domestic", flat(), monday())})
	for _, by := range []access.Actor{{Tenant: tenant, Role: access.Support}, {Tenant: tenant, Role: access.CustomerRole}, {Tenant: tenant}} {
		if sold, err := s.Sell(context.Background(), by, order(m, 10000, "key-number-1")); err != nil || sold.Code != refusal.Forbidden {
			t.Errorf("role %q: %v %q, want %s", by.Role, err, sold.Code, refusal.Forbidden)
		}
	}
	by := owner()
	by.Vendor = id.ID{1}
	if sold, err := s.Sell(context.Background(), by, order(m, 10000, "key-number-1")); err != nil || sold.Code != refusal.VendorBlocked {
		t.Errorf("a vendor that does not exist: %v %q, want %s", err, sold.Code, refusal.VendorBlocked)
	}
}

func TestFiftyImpatientClientsGetOneSale(t *testing.T) {
	tier.Concurrent(t)
	for _, local := range []bool{true, false} {
		t.Run(fmt.Sprintf("local=%t", local), func(t *testing.T) {
			s := open(t, local)
			m := s.meter(1, place{tariff: s.publish("domestic", flat(), monday())})
			bodies := make([]string, 50)
			var wg sync.WaitGroup
			for i := range bodies {
				wg.Go(func() {
					for bodies[i] == "" { // the first request is at its issuer; the other requests are told so, and ask again
						sold, err := s.Sell(context.Background(), owner(), order(m, 10000, "key-number-1"))
						if err != nil {
							t.Error(err)
							return
						}
						switch {
						case sold.Replay != nil:
							bodies[i] = string(sold.Replay.Body)
						case !sold.Refused():
							bodies[i] = string(sold.Reply.Body)
						case sold.Code != refusal.IdempotencyRunning:
							t.Errorf("refusal %s: %s", sold.Code, sold.Detail())
							return
						}
					}
				})
			}
			wg.Wait()
			for i, b := range bodies {
				if b != bodies[0] || b == "" {
					t.Errorf("client %d got %s, client 0 got %s", i, b, bodies[0])
				}
			}
			if n := s.number(`SELECT COUNT(*) FROM vend`) + 10*s.number(`SELECT COUNT(*) FROM token`) + 100*s.number(`SELECT COUNT(*) FROM journal`); n != 111 {
				t.Errorf("journals, tokens, sales = %d, want 1 of each", n)
			}
			s.audit()
		})
	}
}

func TestEightTillsAndOneMeterShareTheBlocks(t *testing.T) {
	tier.Concurrent(t)
	s := open(t, true)
	m := s.meter(1, place{tariff: s.publish("blocks", ibt(), monday())})
	const tills, each = 8, 5
	tids := make(chan sts.TID, tills*each)
	var wg sync.WaitGroup
	for till := range tills {
		wg.Go(func() {
			for n := range each {
				sold, err := s.Sell(context.Background(), owner(), order(m, 5000, fmt.Sprintf("till-%d-sale-%d", till, n)))
				if err != nil || sold.Refused() {
					t.Errorf("till %d: %v %s", till, err, sold.Detail())
					return
				}
				tids <- sold.Sale.Tokens[0].TID
			}
		})
	}
	wg.Wait()
	close(tids)
	seen := map[sts.TID]bool{}
	for tid := range tids {
		if seen[tid] {
			t.Errorf("TID %d was given twice", tid)
		}
		seen[tid] = true
	}
	// With carry and blocks, many sales must give the same units as one sale of all the money, apart from the rounding of each sale.
	other := s.meter(2, place{tariff: s.tariffOf(m)})
	once := s.sell(order(other, tills*each*5000, "all-at-once")).Sale.Units
	got := s.number(`SELECT SUM(u.units_wh) FROM usage_month u JOIN meter m ON m.tenant_id = u.tenant_id AND m.account_id = u.account_id WHERE m.number = $1`, m)
	if d := got - int64(once); d < -100 || d > 100 {
		t.Errorf("%d sales gave %d Wh, one sale of the same money %d", tills*each, got, once)
	}
	s.audit()
}
