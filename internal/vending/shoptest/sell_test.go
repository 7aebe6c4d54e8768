package shoptest_test

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"github.com/paywatt/paywatt/internal/sale"
	"github.com/paywatt/paywatt/internal/store/postgres"
	"github.com/paywatt/paywatt/internal/vending"
	"github.com/paywatt/paywatt/sts"
)

func TestASaleIsMoneyTokenAndBooksAtOnce(t *testing.T) {
	s := open(t, true)
	m := s.meter(1, place{tariff: s.publish("domestic", flat(), monday())})
	o := order(m, 10000, "till3-000017")
	o.Deliver = []string{"mqtt", "mqtt"}
	answer := s.sell(o)
	sold := answer.Sale
	if sold.Units != 34_700 || sold.State != sale.Completed || sold.ClientRef != "till3-000017" || sold.ReceiptNo != "main-000001" {
		t.Errorf("sale = %d Wh, %s, ref %q, receipt %q; want 34700 completed till3-000017 main-000001", sold.Units, sold.State, sold.ClientRef, sold.ReceiptNo)
	}
	if e, v, c := line(t, sold, sale.LineEnergy), line(t, sold, sale.LineVAT), line(t, sold, sale.LineCarry); e.Amount != 8675 || v.Amount != 1301 || c.Amount != 24 || sum(sold.Lines) != 10000 {
		t.Errorf("energy %d, tax %d, carry %d, sum %d; want 8675 1301 24 10000", e.Amount, v.Amount, c.Amount, sum(sold.Lines))
	}
	if len(sold.Tokens) != 1 || answer.Issued.Len() != 1 {
		t.Fatalf("%d tokens, %d issued; want 1 of each", len(sold.Tokens), answer.Issued.Len())
	}
	got := s.opened(m, s.key(sold), answer.Issued.Reveal(0))
	wantTID, err := sts.Base2014.TIDAt(monday())
	if err != nil {
		t.Fatal(err)
	}
	if got.Result != sts.Accept || got.Amount.Tenths() != 347 || got.TID != wantTID || got.TID != sold.Tokens[0].TID || got.RND != sold.Tokens[0].RND {
		t.Errorf("the meter reads %s, %d tenths, TID %d; want accept 347 %d", got.Result, got.Amount.Tenths(), got.TID, wantTID)
	}
	want := map[int]int64{1000: 10000, 4000: -8675, 2020: -1301, 2060: -24}
	for code, balance := range s.balances() {
		if int64(balance) != want[int(code)] {
			t.Errorf("account %d = %d, want %d", code, balance, want[int(code)])
		}
	}
	if n := s.number(`SELECT COUNT(*) FROM outbox WHERE lane = 'mqtt' AND kind = 'token' AND key = $1`, m); n != 1 || s.kicks.Load() != 1 {
		t.Errorf("%d pushes and %d kicks, want 1 of each although the route was named twice", n, s.kicks.Load())
	}
	if n := s.number(`SELECT COUNT(*) FROM audit WHERE action = 'vend.sell' AND actor = 'apikey till3'`); n != 1 {
		t.Errorf("%d audit rows, want 1", n)
	}
	s.audit()
}

func TestChangeIsCarriedToTheNextSale(t *testing.T) {
	s := open(t, true)
	m := s.meter(1, place{tariff: s.publish("domestic", flat(), monday())})
	s.sell(order(m, 10000, "first-sale"))
	sold := s.sell(order(m, 10000, "second-sale")).Sale
	// 100.24 buys 34.8 kWh for 100.05 and leaves 0.19.
	if sold.Units != 34_800 || sold.CarryIn != 24 || sold.CarryOut != 19 || sum(sold.Lines) != 10000 {
		t.Errorf("%d Wh, carry in %d, out %d, sum %d; want 34800 24 19 10000", sold.Units, sold.CarryIn, sold.CarryOut, sum(sold.Lines))
	}
	if in := line(t, sold, sale.LineCarryIn); in.Amount != -24 {
		t.Errorf("carry_in line = %d, want -24", in.Amount)
	}
	s.audit()
}

func TestBlocksCountTheLocalMonth(t *testing.T) {
	s := open(t, true)
	s.do(func(tx *storeTx) error { return setTZ(tx, "Africa/Maputo") }) // +02:00, as in the vector
	domestic := s.publish("blocks", ibt(), monday())
	m := s.meter(1, place{tariff: domestic})
	s.buyUntil(m, 340_000)
	november := s.at("2026-11-30T21:59:59Z")
	s.clock.set(november)
	if sale := s.quote(m, 20000); sale.Units != 78_600 {
		t.Errorf("at %s: %d Wh, want 78600 (still November)", november, sale.Units)
	}
	s.clock.set(s.at("2026-11-30T22:00:00Z"))
	sold := s.sell(order(m, 20000, "december")).Sale
	if e := line(t, sold, sale.LineEnergy); sold.Month != "2026-12" || len(e.Steps) != 2 || e.Steps[0].Units != 50_000 ||
		e.Steps[1].Units != 71_100 || e.Steps[0].Amount+e.Steps[1].Amount != e.Amount {
		t.Errorf("in December: %+v in %s, want 50.0 kWh and 71.1 kWh", e, sold.Month)
	}
}

func TestLargeSalesGoOnSeveralTokens(t *testing.T) {
	s := open(t, true)
	m := s.meter(1, place{tariff: s.publish("domestic", flat(), monday())})
	sold := s.sell(order(m, 1_000_000, "large-sale"))
	if len(sold.Sale.Tokens) != 3 || sold.Sale.Units != 3_478_200 {
		t.Fatalf("%d Wh on %d tokens, want 3478200 on 3", sold.Sale.Units, len(sold.Sale.Tokens))
	}
	var units int64
	for i, token := range sold.Sale.Tokens {
		got := s.opened(m, s.key(sold.Sale), sold.Issued.Reveal(i))
		if got.Result != sts.Accept || got.TID != sold.Sale.Tokens[0].TID+sts.TID(i) || got.TID != token.TID || got.Amount.Tenths() > 16_383 {
			t.Errorf("token %d: %s, TID %d, %d tenths", i, got.Result, got.TID, got.Amount.Tenths())
		}
		units += got.Amount.Tenths() * 100
	}
	if units != int64(sold.Sale.Units) {
		t.Errorf("the tokens carry %d Wh, the sale %d", units, sold.Sale.Units)
	}
	s.refused(order(m, 10_000_000, "too-large"), "vend-too-large")
	s.audit()
}

func TestAQuoteIsTheSaleWithoutTheSale(t *testing.T) {
	s := open(t, true)
	m := s.meter(1, place{tariff: s.publish("blocks", ibt(), monday())})
	q := s.quote(m, 20000)
	if n := s.number(`SELECT COUNT(*) FROM vend`) + s.number(`SELECT COUNT(*) FROM journal`); n != 0 {
		t.Errorf("a quote left %d rows", n)
	}
	sale := s.sell(order(m, 20000, "as-quoted")).Sale
	if q.Units != sale.Units || sum(q.Lines) != 20000 || len(q.Lines) != len(sale.Lines) || !q.ExpiresAt.Equal(monday().Add(vending.QuoteLife)) {
		t.Errorf("quoted %d Wh until %s, sold %d", q.Units, q.ExpiresAt, sale.Units)
	}
	for i := range q.Lines {
		if q.Lines[i].Kind != sale.Lines[i].Kind || q.Lines[i].Amount != sale.Lines[i].Amount {
			t.Errorf("line %d: quoted %+v, sold %+v", i, q.Lines[i], sale.Lines[i])
		}
	}
	for meter, want := range map[string]string{"04000000012": "meter-number-invalid", numberOf(t, 2): "meter-not-found"} {
		got, err := s.Quote(context.Background(), owner(), meter, kes(20000))
		if err != nil || string(got.Code) != want {
			t.Errorf("quote for %s: %v %q, want %s", meter, err, got.Code, want)
		}
	}
}

// TestASaleWaitsForThreeMessages: on PostgreSQL a sale for cash waits for its locks, its reads and its writes, besides COMMIT, once the first
// sales have gone before. So does a sale whose answer is stored. A sale that runs again after a conflict waits for more, so a few may.
func TestASaleWaitsForThreeMessages(t *testing.T) {
	const first, then, usual, most = 4, 20, 3, 16
	inPostgres(t)
	s := openWith(t, true, false)
	e := s.engine.(*postgres.Engine)
	m := s.meter(1, place{tariff: s.publish("domestic", flat(), monday())})
	var waits []int64 // by sale
	for n := range first + then {
		o := order(m, 10_000, fmt.Sprintf("key-number-%d", n))
		before := e.Stats()
		s.sell(o)
		waits = append(waits, e.Stats().Messages-before.Messages)
	}
	exact := 0
	for _, n := range waits[first:] {
		if n == usual {
			exact++
		}
	}
	if exact < most || slices.Min(waits[first:]) < usual {
		t.Errorf("%d sales waited for %v messages: %d of the last %d for exactly %d; want at least %d, and none for fewer", first+then, waits, exact, then, usual, most)
	}
	s.verified()
}
