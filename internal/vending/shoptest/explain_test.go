package shoptest_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/debt"
	"github.com/paywatt/paywatt/internal/explain"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/print"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/sale"
	"github.com/paywatt/paywatt/internal/store"
	"github.com/paywatt/paywatt/internal/tariff"
	"github.com/paywatt/paywatt/internal/tier"
	"github.com/paywatt/paywatt/internal/vending"
	"github.com/paywatt/paywatt/unit"
)

// explain derives a sale again.
func (s *shop) explain(sale sale.Sale) vending.Explained {
	s.t.Helper()
	e, err := s.Explain(context.Background(), owner(), sale.ID.Text(id.Vend))
	if err != nil || e.Refused() {
		s.t.Fatalf("explain: %v %s", err, e.Detail())
	}
	return e
}

// randomBody draws a tariff with every element of a token's tariff.
func randomBody(r *rand.Rand) tariff.Body {
	b := tariff.Body{Currency: "KES", VATBps: money.Bps(r.IntN(2500)), MaxDeduction: money.Bps(r.IntN(2) * r.IntN(10_001)),
		Rounding: [...]tariff.Rounding{"", tariff.Carry, tariff.Nearest, tariff.Income}[r.IntN(4)]}
	var limit unit.Energy
	for range r.IntN(4) {
		limit += unit.FromTenths(1 + r.Int64N(800))
		b.Blocks = append(b.Blocks, tariff.Block{UpTo: limit, Rate: money.MicroRate(500_000 + r.Int64N(4_000_000))})
	}
	b.Blocks = append(b.Blocks, tariff.Block{Rate: money.MicroRate(500_000 + r.Int64N(4_000_000))})
	for i := range r.IntN(3) {
		l := tariff.Levy{Name: fmt.Sprint("levy-", i), Untaxed: r.IntN(2) == 0, Rate: money.MicroRate(1 + r.Int64N(200_000))}
		if r.IntN(2) == 0 {
			l.Rate, l.Percent = 0, money.Bps(1+r.IntN(1000))
		}
		b.Levies = append(b.Levies, l)
	}
	for i := range r.IntN(3) {
		b.Fixed = append(b.Fixed, tariff.FixedCharge{Name: fmt.Sprint("charge-", i), Amount: money.Minor(1 + r.Int64N(5000)), Per: tariff.PerMonth,
			Untaxed: r.IntN(2) == 0, Uncapped: r.IntN(2) == 0})
	}
	if r.IntN(2) == 0 {
		b.Fee = tariff.VendFee{Amount: money.Minor(1 + r.Int64N(300)), Untaxed: r.IntN(2) == 0}
	}
	if r.IntN(2) == 0 {
		b.Free = tariff.Free{Units: unit.FromTenths(1 + r.Int64N(500)), Funded: 1_000_000, Apart: r.IntN(2) == 0}
	}
	return b
}

func randomDebt(r *rand.Rand) debt.Debt {
	d := debt.Debt{Outstanding: money.Minor(1 + r.Int64N(30_000)), Mode: tariff.Percent, Value: r.Int64N(6000), Capped: r.IntN(2) == 0,
		Min: money.Minor(r.Int64N(2) * r.Int64N(500)), Max: money.Minor(r.Int64N(2) * r.Int64N(5000)), MonthCap: money.Minor(r.Int64N(2) * r.Int64N(8000))}
	if r.IntN(3) == 0 {
		d.Mode, d.Value = tariff.Amount, 1+r.Int64N(2000)
	}
	return d
}

// TestEveryRandomSaleExplainsItselfAndItsReceiptAddsUp sells on random tariffs to accounts with random debts.
func TestEveryRandomSaleExplainsItselfAndItsReceiptAddsUp(t *testing.T) {
	needsWholeStore(t)
	r := rand.New(rand.NewPCG(tier.Seed(t), 2026))
	s := openWith(t, true, false)
	sold, deductions, levies, free, lines := 0, 0, 0, 0, 0
	for n := range drawn(tier.ExplainedTariffs) {
		body := randomBody(r)
		if no := body.Validate(); no.Refused() {
			t.Fatalf("tariff %d: %s", n, no.Detail())
		}
		meter := s.meter(n, place{tariff: s.publish(fmt.Sprint("random-", n), body, monday().AddDate(-1, 0, 0))})
		for range r.IntN(3) {
			s.debt(s.account(meter), randomDebt(r))
		}
		for i := range 4 {
			s.clock.add(time.Duration(r.Int64N(int64(20 * 24 * time.Hour))))
			o := order(meter, money.Minor(r.Int64N(60_000)), fmt.Sprintf("explain-%03d-%d", n, i))
			got, err := s.Sell(context.Background(), owner(), o)
			if err != nil {
				t.Fatal(err)
			}
			if got.Refused() {
				if got.Code != refusal.VendTooSmall && got.Code != refusal.AmountInvalid {
					t.Fatalf("refused: %s %s", got.Code, got.Detail())
				}
				continue
			}
			sold++
			e := s.explain(got.Sale)
			if !e.Agrees() || e.Sum != o.Tender.Minor || len(e.Lines) != len(got.Sale.Lines) {
				t.Fatalf("sale %d of tariff %d, %+v: derived sum %d of %d, %v", i, n, body, e.Sum, o.Tender.Minor, e.Differences)
			}
			words := strings.Join(explain.Sale(english(t), e), "\n")
			if end := fmt.Sprintf(" = %s KES.", money.Format(o.Tender.Minor, e.Currency)); o.Tender.Minor > 0 && !strings.HasSuffix(words, end) {
				t.Fatalf("the explanation does not end in %q:\n%s", end, words)
			}
			for _, l := range e.Lines {
				lines++
				switch l.Kind {
				case sale.LineDebt, sale.LineFixed, sale.LineFee:
					deductions++
				case sale.LineLevy:
					levies++
				case sale.LineFree:
					free++
				}
			}
			s.addsUp(got.Sale)
		}
	}
	if sold < 100 || deductions < 50 || levies < 50 || free < 10 {
		t.Errorf("%d sales with %d deductions, %d levies and %d free units are too few to prove much", sold, deductions, levies, free)
	}
	t.Logf("figures: %d random sales, %d lines (%d deductions, %d levies, %d free units), each derived again and printed, all add up", sold, lines, deductions, levies, free)
}

// addsUp adds up the text of a sale's printed receipt: the figures at the right edge above the line of the payment sum to the payment.
func (s *shop) addsUp(sale sale.Sale) {
	s.t.Helper()
	got, err := s.Receipt(context.Background(), owner(), sale.ID.Text(id.Vend))
	if err != nil || got.Refused() {
		s.t.Fatalf("receipt: %v %s", err, got.Detail())
	}
	for width, text := range map[int]string{32: print.Text32(english(s.t), got.Receipt), 48: print.Text48(english(s.t), got.Receipt)} {
		sum, paid := money.Minor(0), money.Minor(-1)
		_, body, _ := strings.Cut(text, strings.Repeat("-", width)+"\n")
		_, body, _ = strings.Cut(body, strings.Repeat("-", width)+"\n")
		for line := range strings.Lines(body) {
			line = strings.TrimSuffix(line, "\n")
			if len(line) != width || strings.HasPrefix(line, "  ") {
				continue // a note, or the first part of a long name
			}
			words := strings.Fields(line)
			text := words[len(words)-1]
			m, err := money.Parse(strings.TrimPrefix(text, "-"), got.Receipt.Currency)
			if err != nil {
				break
			}
			if strings.HasPrefix(text, "-") {
				m = -m
			}
			if strings.HasPrefix(line, "PAID ") {
				paid = m
				break
			}
			sum += m
		}
		if sum != paid || paid != sale.Tender.Minor {
			s.t.Fatalf("on paper of %d columns the lines sum to %d, paid %d, tendered %d:\n%s", width, sum, paid, sale.Tender.Minor, text)
		}
	}
	for _, m := range print.SMS(english(s.t), got.Receipt) {
		if len(m) > print.Septets {
			s.t.Fatalf("a message of %d septets: %q", len(m), m)
		}
	}
}

func TestAnExplanationReadsWell(t *testing.T) {
	s := openWith(t, true, false)
	body := ibt()
	body.Levies = []tariff.Levy{{Name: "rural", Percent: 500}}
	meter := s.meter(1, place{tariff: s.publish("domestic", body, monday().AddDate(-1, 0, 0))})
	s.buyUntil(meter, 40_000)
	account := s.account(meter)
	s.due(account, debt.Due{Name: "service", Month: "2026-11", Gross: 11_270, VATBps: 1500, Priority: tariff.FixedPriority, Capped: true})
	s.debt(account, debt.Debt{Outstanding: 60_000, Mode: tariff.Percent, Value: 6000, Capped: true})
	e := s.explain(s.sell(order(meter, 50_000, "explain-well")).Sale)
	got := strings.Join(explain.Sale(english(t), e)[1:], "\n")
	want := `You paid 500.00 KES.
` + carried(e) + `The price comes from tariff domestic, version 1, in force since 2025-11-20 08:00 UTC.
The fixed charge service 2026-11 takes 112.70 KES: all that is due, 112.70 KES. 14.70 KES of it is VAT. 0.00 KES of it is left to pay.
The debt arrears takes 237.30 KES: 60 % of the 500.00 KES paid is 300.00 KES, then cut to 237.30 KES, because charges and debts may take 70 % of a purchase together. 362.70 KES of it is left to pay.
`
	if !strings.HasPrefix(got, want) {
		t.Errorf("explanation:\n%s\nwant it to begin:\n%s", got, want)
	}
	for _, has := range []string{"40.0 kWh of 2026-11 had been bought before this purchase.",
		"10.0 kWh at 1.20 and 0.06 levy rural and VAT of 15 % (1.449 per kWh) cost 14.49.", "kWh at 1.60 and 0.08 levy rural and VAT of 15 % (1.932 per kWh) cost",
		"is carried forward to the next purchase.", " = 500.00 KES."} {
		if !strings.Contains(got, has) {
			t.Errorf("the explanation does not say %q:\n%s", has, got)
		}
	}
	if !e.Agrees() {
		t.Errorf("differences %v", e.Differences)
	}
}

func carried(e vending.Explained) string {
	if e.Sale.CarryIn == 0 {
		return ""
	}
	return money.Format(e.Sale.CarryIn, e.Currency) + " KES was carried forward from earlier purchases and is added.\n"
}

// TestAChangedSaleIsSaidLoudly edits the stored sale behind the program's back.
func TestAChangedSaleIsSaidLoudly(t *testing.T) {
	for name, sql := range map[string]string{
		"an amount":            `UPDATE vend_line SET amount = amount + 1 WHERE kind = 'energy'`,
		"two amounts":          `UPDATE vend_line SET amount = amount + CASE kind WHEN 'energy' THEN 5 ELSE -5 END WHERE kind IN ('energy', 'vat')`,
		"the units":            `UPDATE vend SET units_wh = units_wh + 100`,
		"a token's units":      `UPDATE token SET units_wh = units_wh + 100`,
		"the month's position": `UPDATE vend SET mtd_before_wh = mtd_before_wh + 40000`,
		"what was carried in":  `UPDATE vend SET carry_in = carry_in + 500`,
		"the tender":           `UPDATE vend SET tender = tender + 100`,
		"the tariff":           `UPDATE tariff_version SET body_json = REPLACE(body_json, '1200000', '1100000')`,
		"a step":               `UPDATE vend_line SET steps_json = REPLACE(steps_json, '1200000', '1300000') WHERE kind = 'energy'`,
		"a line":               `DELETE FROM vend_line WHERE kind = 'carry'`,
		"what was asked":       `UPDATE vend SET asked = ''`,
		"what is left":         `UPDATE vend_line SET left_after = left_after - 1 WHERE kind = 'debt'`,
	} {
		t.Run(name, func(t *testing.T) {
			s := openWith(t, true, false)
			meter := s.meter(1, place{tariff: s.publish("domestic", ibt(), monday().AddDate(-1, 0, 0))})
			s.debt(s.account(meter), debt.Debt{Outstanding: 60_000, Mode: tariff.Percent, Value: 1000, Capped: true})
			sale := s.sell(order(meter, 10_000, "explain-loud")).Sale
			if e := s.explain(sale); !e.Agrees() {
				t.Fatalf("before: %v", e.Differences)
			}
			s.do(func(tx *store.Tx) error { _, err := tx.C.Exec(sql); return err })
			e := s.explain(sale)
			if e.Agrees() || !strings.Contains(explain.Sale(english(t), e)[0], "DOES NOT MATCH ITS RECALCULATION") {
				t.Errorf("after the change: %q", explain.Sale(english(t), e))
			}
		})
	}
}

func TestWhoMayNotSeeASaleGetsNoExplanation(t *testing.T) {
	s := openWith(t, true, false)
	meter := s.meter(1, place{tariff: s.publish("domestic", flat(), monday().AddDate(-1, 0, 0))})
	sale := s.sell(order(meter, 10_000, "explain-whom")).Sale
	device := owner()
	device.Role = access.DeviceRole
	for name, c := range map[string]struct {
		by   access.Actor
		sale string
		want refusal.Code
	}{"no right": {device, sale.ID.Text(id.Vend), refusal.Forbidden}, "no sale": {owner(), "vnd_x", refusal.VendNotFound}} {
		e, err := s.Explain(context.Background(), c.by, c.sale)
		if err != nil || e.Code != c.want {
			t.Errorf("%s: %v %q, want %s", name, err, e.Code, c.want)
		}
	}
}
