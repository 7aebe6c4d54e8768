package tariff_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/tariff"
	"github.com/paywatt/paywatt/internal/tier"
	"github.com/paywatt/paywatt/unit"
)

// body builds a tariff of blocks; the last has no limit.
func body(currency string, vat money.Bps, blocks ...tariff.Block) tariff.Body {
	return tariff.Body{Currency: currency, VATBps: vat, Blocks: blocks}
}

func flat() tariff.Body { return body("KES", 1500, tariff.Block{Rate: 2_500_000}) }

func ibt() tariff.Body {
	return body("KES", 1500, tariff.Block{UpTo: 50_000, Rate: 1_200_000}, tariff.Block{UpTo: 350_000, Rate: 1_600_000},
		tariff.Block{UpTo: 600_000, Rate: 2_300_000}, tariff.Block{Rate: 2_750_000})
}

func rounded(b tariff.Body, r tariff.Rounding) tariff.Body {
	b.Rounding = r
	return b
}

func percent(bps money.Bps, outstanding money.Minor) tariff.Charge {
	return tariff.Charge{Kind: tariff.Debt, Priority: tariff.DebtPriority, Mode: tariff.Percent, Percent: bps,
		Outstanding: outstanding, Capped: true}
}

func due(amount money.Minor, month time.Month) tariff.Charge {
	return tariff.Charge{Kind: tariff.Fixed, Priority: tariff.FixedPriority, Mode: tariff.Full, Outstanding: amount,
		VATBps: 1500, Capped: true, Since: time.Date(2026, month, 1, 0, 0, 0, 0, time.UTC)}
}

const plenty money.Minor = 100_000_000

type vector struct {
	name                    string
	body                    tariff.Body
	month                   unit.Energy
	tender, carry           money.Minor
	charges                 []tariff.Charge
	ceiling                 money.Bps
	free                    unit.Energy
	deducted                []money.Minor
	energy                  money.Minor
	steps                   []unit.Energy // tenths of a kWh per block
	gross, vat, net, carry2 money.Minor
}

// vectors are those of docs/reference/money.md#worked-purchases.
func vectors() []vector {
	noVAT := flat()
	noVAT.VATBps = 0
	return []vector{
		{name: "V1", body: noVAT, tender: 10000, energy: 10000, steps: []unit.Energy{400}, gross: 10000, net: 10000},
		{name: "V2", body: flat(), tender: 10000, energy: 10000, steps: []unit.Energy{347}, gross: 9976, vat: 1301, net: 8675, carry2: 24},
		{name: "V2n", body: rounded(flat(), tariff.Nearest), tender: 10000, energy: 10000, steps: []unit.Energy{348}, gross: 10000, vat: 1304, net: 8696},
		{name: "V3", body: ibt(), tender: 20000, energy: 20000, steps: []unit.Energy{500, 711}, gross: 19982, vat: 2606, net: 17376, carry2: 18},
		{name: "V4", body: ibt(), month: 340_000, tender: 20000, energy: 20000, steps: []unit.Energy{100, 686}, gross: 19985, vat: 2607, net: 17378, carry2: 15},
		{name: "V5a", body: ibt(), month: 340_000, tender: 10000, energy: 10000, steps: []unit.Energy{100, 308}, gross: 9987, vat: 1303, net: 8684, carry2: 13},
		{name: "V5b", body: ibt(), month: 380_800, tender: 10000, carry: 13, energy: 10013, steps: []unit.Energy{378}, gross: 9998, vat: 1304, net: 8694, carry2: 15},
		{name: "V6", body: ibt(), tender: 50000, charges: []tariff.Charge{percent(2000, plenty), due(11270, 11)}, deducted: []money.Minor{11270, 10000},
			energy: 28730, steps: []unit.Energy{500, 1186}, gross: 28722, vat: 3746, net: 24976, carry2: 8},
		{name: "V7", body: flat(), tender: 50000, charges: []tariff.Charge{percent(3000, 4321)}, deducted: []money.Minor{4321},
			energy: 45679, steps: []unit.Energy{1588}, gross: 45655, vat: 5955, net: 39700, carry2: 24},
		{name: "V8", body: flat(), tender: 10000, charges: []tariff.Charge{percent(4000, plenty), percent(3000, plenty)}, ceiling: 5000,
			deducted: []money.Minor{4000, 1000}, energy: 5000, steps: []unit.Energy{173}, gross: 4974, vat: 649, net: 4325, carry2: 26},
		{name: "V9", body: body("UGX", 1800, tariff.Block{UpTo: 15_000, Rate: 250_000_000}, tariff.Block{Rate: 805_000_000}), tender: 20000,
			energy: 20000, steps: []unit.Energy{150, 163}, gross: 19908, vat: 3037, net: 16871, carry2: 92},
		{name: "V10", body: body("TND", 1900, tariff.Block{Rate: 181_000}), tender: 10000, energy: 10000,
			steps: []unit.Energy{464}, gross: 9994, vat: 1596, net: 8398, carry2: 6},
		{name: "V11", body: flat(), tender: 35, energy: 35, steps: []unit.Energy{1}, gross: 29, vat: 4, net: 25, carry2: 6},
		{name: "V13", body: body("ZAR", 1500, tariff.Block{UpTo: 100_000, Rate: 2_097_000}, tariff.Block{UpTo: 400_000, Rate: 2_454_100},
			tariff.Block{UpTo: 650_000, Rate: 2_673_800}, tariff.Block{Rate: 2_882_400}), tender: 100000, energy: 100000,
			steps: []unit.Energy{1000, 2688}, gross: 99977, vat: 13040, net: 86937, carry2: 23},
		{name: "V14", body: flat(), tender: 10000, carry: 25, energy: 10025, steps: []unit.Energy{348}, gross: 10005, vat: 1305, net: 8700, carry2: 20},
		{name: "V15", body: flat(), tender: 10000, charges: []tariff.Charge{
			{Kind: tariff.Debt, Priority: tariff.DebtPriority, Mode: tariff.Amount, Amount: 1500, Outstanding: plenty, Capped: true},
			{Kind: tariff.Fee, Priority: tariff.FeePriority, Mode: tariff.Amount, Amount: 250, Endless: true}},
			deducted: []money.Minor{250, 1500}, energy: 8250, steps: []unit.Energy{286}, gross: 8223, vat: 1073, net: 7150, carry2: 27},
		{name: "V16", body: ibt(), free: 50_000, tender: 10000, energy: 10000, steps: []unit.Energy{543}, gross: 9991, vat: 1303, net: 8688, carry2: 9},
		{name: "V17", body: body("KES", 1600, tariff.Block{UpTo: 30_000, Rate: 12_220_000}, tariff.Block{UpTo: 100_000, Rate: 16_540_000},
			tariff.Block{Rate: 20_970_000}), tender: 100000, energy: 100000, steps: []unit.Energy{300, 299}, gross: 99893, vat: 13778, net: 86115, carry2: 107},
		{name: "V19", body: flat(), tender: 5000, charges: []tariff.Charge{due(11270, 11), due(11270, 9), due(11270, 10)},
			deducted: []money.Minor{3500}, energy: 1500, steps: []unit.Energy{52}, gross: 1495, vat: 195, net: 1300, carry2: 5},
		{name: "V20", body: ibt(), tender: 300000, energy: 300000, steps: []unit.Energy{500, 3000, 2500, 5431}, gross: 299980, vat: 39128, net: 260852, carry2: 20},
		{name: "V21", body: ibt(), tender: 6900, energy: 6900, steps: []unit.Energy{500}, gross: 6900, vat: 900, net: 6000},
		{name: "V22", body: ibt(), tender: 6919, energy: 6919, steps: []unit.Energy{500, 1}, gross: 6918, vat: 902, net: 6016, carry2: 1},
	}
}

func (v vector) purchase() tariff.Purchase {
	return tariff.Purchase{Body: v.body, Tender: v.tender, Carry: v.carry, Month: v.month, Charges: v.charges,
		MaxDeduction: v.ceiling, Free: v.free}
}

func TestWorkedPurchases(t *testing.T) {
	for _, v := range vectors() {
		t.Run(v.name, func(t *testing.T) {
			a, err := tariff.Allocate(v.purchase())
			if err != nil || a.Refused() {
				t.Fatalf("Allocate: error %v, refusal %q", err, a.Detail())
			}
			var deducted []money.Minor
			for _, d := range a.Deductions {
				deducted = append(deducted, d.Gross)
			}
			var steps []unit.Energy
			var units unit.Energy
			var net money.Minor
			for _, s := range a.Steps {
				steps = append(steps, unit.Energy(s.Units.Tenths()))
				units += s.Units
				net += s.Net
			}
			got := fmt.Sprint(deducted, a.Energy, steps, a.Gross, a.VAT, a.Net, a.CarryOut)
			want := fmt.Sprint(v.deducted, v.energy, v.steps, v.gross, v.vat, v.net, v.carry2)
			if got != want {
				t.Errorf("deductions, energy, tenths per block, gross, tax, net, carry = %s, want %s", got, want)
			}
			if units != a.Units || net != a.Net {
				t.Errorf("steps sum to %d Wh and %d, want %d and %d", units, net, a.Units, a.Net)
			}
			if a.Free != v.free {
				t.Errorf("free units = %d, want %d", a.Free, v.free)
			}
		})
	}
}

func TestV12BuysNothingAndSaysWhatWould(t *testing.T) {
	a, err := tariff.Allocate(tariff.Purchase{Body: flat(), Tender: 28})
	if err != nil {
		t.Fatal(err)
	}
	if a.Code != refusal.VendTooSmall || !strings.Contains(a.Try, "0.29 KES") || !strings.Contains(a.Not, "No money was taken") {
		t.Errorf("refusal of 0.28 = %s: %s", a.Code, a.Detail())
	}
	if a, err = tariff.Allocate(tariff.Purchase{Body: flat(), Tender: 29}); err != nil || a.Refused() || a.Units != 100 {
		t.Errorf("the named least payment of 0.29 = %d Wh, refusal %q, error %v; want 100 Wh", a.Units, a.Detail(), err)
	}
	a, err = tariff.Allocate(tariff.Purchase{Body: flat(), Tender: 20, Carry: 8})
	if err != nil || a.Code != refusal.VendTooSmall || !strings.Contains(a.Try, "0.21 KES") || !strings.Contains(a.What, "0.08 KES of change carried forward") {
		t.Errorf("0.20 with 0.08 carried: %v %s, want to pay at least 0.21", err, a.Detail())
	}
}

func TestPartPaymentOfATaxedCharge(t *testing.T) {
	a, err := tariff.Allocate(tariff.Purchase{Body: flat(), Tender: 5000, Charges: []tariff.Charge{due(11270, 9)}})
	if err != nil || len(a.Deductions) != 1 {
		t.Fatalf("Allocate: %v, %d deductions", err, len(a.Deductions))
	}
	if d := a.Deductions[0]; d.Gross != 3500 || d.VAT != 457 || d.Net() != 3043 {
		t.Errorf("part payment = %d gross %d tax %d net, want 3500 457 3043", d.Gross, d.VAT, d.Net())
	}
}

func TestChargesTakeWhatTheirRulesSay(t *testing.T) {
	fee := tariff.Charge{Kind: tariff.Fee, Mode: tariff.Percent, Percent: 155, Endless: true}
	for _, c := range []struct {
		name   string
		change func(*tariff.Charge)
		want   money.Minor
	}{
		{"percent is floored", func(*tariff.Charge) {}, 154}, // 1.55 % of 9 999 is 154.98
		{"raised to its minimum", func(c *tariff.Charge) { c.Min = 200 }, 200},
		{"cut to its maximum", func(c *tariff.Charge) { c.Min, c.Max = 200, 120 }, 120},
		{"cut to what the month leaves", func(c *tariff.Charge) { c.MonthCap, c.Taken = 1000, 950 }, 50},
		{"nothing once the month is full", func(c *tariff.Charge) { c.MonthCap, c.Taken = 1000, 1200 }, 0},
		{"cut to what is outstanding", func(c *tariff.Charge) { c.Endless, c.Outstanding = false, 7 }, 7},
		{"cut to what is left", func(c *tariff.Charge) { c.Mode, c.Amount = tariff.Amount, 99999 }, 9999},
	} {
		charge := fee
		c.change(&charge)
		a, err := tariff.Allocate(tariff.Purchase{Body: flat(), Tender: 9999, Charges: []tariff.Charge{charge}, ChargesOnly: true})
		if err != nil {
			t.Fatal(err)
		}
		var got money.Minor
		for _, d := range a.Deductions {
			got += d.Gross
		}
		if got != c.want {
			t.Errorf("%s: took %d, want %d", c.name, got, c.want)
		}
	}
}

func TestMoneyThatOnlyReachesChargesNeedsTheTenantsLeave(t *testing.T) {
	p := tariff.Purchase{Body: flat(), Tender: 1000, Charges: []tariff.Charge{{Kind: tariff.Fee, Mode: tariff.Amount, Amount: 990, Endless: true}}}
	a, err := tariff.Allocate(p)
	if err != nil || a.Code != refusal.VendTooSmall {
		t.Errorf("without leave: %v, %q; want %s", err, a.Code, refusal.VendTooSmall)
	}
	p.ChargesOnly = true
	if a, err = tariff.Allocate(p); err != nil || a.Refused() || a.Units != 0 || a.CarryOut != 10 {
		t.Errorf("with leave: %v %q, %d Wh, carry %d; want 0 Wh and carry 10", err, a.Detail(), a.Units, a.CarryOut)
	}
}

// TestMoneyThatReachesNothingIsRefused checks a payment that may pay for charges only. It is refused if there is no charge to pay.
func TestMoneyThatReachesNothingIsRefused(t *testing.T) {
	a, err := tariff.Allocate(tariff.Purchase{Body: flat(), Tender: 28, ChargesOnly: true})
	if err != nil || a.Code != refusal.VendTooSmall {
		t.Errorf("0.28 for nothing: %v %q, want %s", err, a.Code, refusal.VendTooSmall)
	}
	paid := tariff.Charge{Kind: tariff.Fee, Mode: tariff.Amount, Amount: 28} // nothing is outstanding
	a, err = tariff.Allocate(tariff.Purchase{Body: flat(), Tender: 28, Charges: []tariff.Charge{paid}, ChargesOnly: true})
	if err != nil || a.Code != refusal.VendTooSmall {
		t.Errorf("0.28 for a charge that is paid: %v %q, want %s", err, a.Code, refusal.VendTooSmall)
	}
}

func TestFreeUnitsMayBeClaimedWithoutMoney(t *testing.T) {
	a, err := tariff.Allocate(tariff.Purchase{Body: ibt(), Free: 50_000})
	if err != nil || a.Refused() || a.Free != 50_000 || a.Units != 0 || a.Gross != 0 {
		t.Errorf("claim = %v %q, %d free %d bought for %d; want 50000 0 0", err, a.Detail(), a.Free, a.Units, a.Gross)
	}
	a, err = tariff.Allocate(tariff.Purchase{Body: ibt(), Tender: 6900, Free: 50_000, FreeApart: true})
	if err != nil || a.Units != 50_000 {
		t.Errorf("6900 beside free units that do not count = %d Wh (%v), want the whole first block of 50000", a.Units, err)
	}
}

func TestIncomeKeepsTheRest(t *testing.T) {
	a, err := tariff.Allocate(tariff.Purchase{Body: rounded(flat(), tariff.Income), Tender: 10000})
	if err != nil || a.Units != 34_700 || a.Gross != 10000 || a.VAT != 1304 || a.CarryOut != 0 {
		t.Errorf("income = %v, %d Wh, gross %d, tax %d, carry %d; want 34700 10000 1304 0", err, a.Units, a.Gross, a.VAT, a.CarryOut)
	}
}

func TestPurchasesKeepTheTariffsBounds(t *testing.T) {
	b := flat()
	b.MinVend, b.MaxVend = 500, 100_000
	for _, c := range []struct {
		tender money.Minor
		want   refusal.Code
	}{{499, refusal.VendTooSmall}, {500, ""}, {100_000, ""}, {100_001, refusal.VendTooLarge}} {
		a, err := tariff.Allocate(tariff.Purchase{Body: b, Tender: c.tender})
		if err != nil || a.Code != c.want {
			t.Errorf("tender %d: %v %q, want %q", c.tender, err, a.Code, c.want)
		}
	}
	for _, p := range []tariff.Purchase{
		{Body: flat(), Tender: 10_000, MaxUnits: 34_600},
		{Body: body("KES", 0, tariff.Block{Rate: 1}), Tender: money.MaxMinor},
	} {
		if a, err := tariff.Allocate(p); err != nil || a.Code != refusal.VendTooLarge {
			t.Errorf("tender %d of at most %d Wh: %v %q, want %s", p.Tender, p.MaxUnits, err, a.Code, refusal.VendTooLarge)
		}
	}
}

func TestImpossiblePurchasesAreErrors(t *testing.T) {
	for _, p := range []tariff.Purchase{
		{Body: flat(), Tender: -1}, {Body: flat(), Tender: 100, Carry: -1}, {Body: flat(), Tender: 100, Month: 50},
		{Body: flat(), Tender: 100, Free: 101}, {Body: body("KES", 0), Tender: 100}, {Body: body("", 0, tariff.Block{Rate: 1}), Tender: 100},
		{Body: flat(), Tender: money.MaxMinor + 1},
		{Body: flat(), Tender: 100, Charges: []tariff.Charge{{Mode: "half"}}},
	} {
		if a, err := tariff.Allocate(p); err == nil {
			t.Errorf("Allocate(%+v) = %+v, want an error", p, a)
		}
	}
}

// randomPurchase draws a tariff and a payment from the whole range that may be published and paid.
func randomPurchase(r *rand.Rand) tariff.Purchase {
	currencies := [...]string{"KES", "UGX", "TND", "CLF"}
	b := tariff.Body{Currency: currencies[r.IntN(len(currencies))], VATBps: money.Bps(r.IntN(10_001)),
		Rounding: [...]tariff.Rounding{"", tariff.Carry, tariff.Carry, tariff.Nearest, tariff.Income}[r.IntN(5)]}
	var limit unit.Energy
	for range r.IntN(5) {
		limit += unit.FromTenths(1 + r.Int64N(5000))
		b.Blocks = append(b.Blocks, tariff.Block{UpTo: limit, Rate: money.MicroRate(1 + r.Int64N(1<<r.IntN(39)))})
	}
	b.Blocks = append(b.Blocks, tariff.Block{Rate: money.MicroRate(1 + r.Int64N(1<<r.IntN(39)))})
	p := tariff.Purchase{Body: b, Tender: money.Minor(r.Int64N(1 << r.IntN(43))), Month: unit.FromTenths(r.Int64N(8000)),
		Carry: money.Minor(r.Int64N(500) * r.Int64N(2)), ChargesOnly: r.IntN(2) == 0, MaxDeduction: money.Bps(r.IntN(10_001))}
	for i := range r.IntN(3) * r.IntN(2) {
		l := tariff.Levy{Name: fmt.Sprint("levy-", i), Untaxed: r.IntN(2) == 0}
		if r.IntN(2) == 0 {
			l.Percent = money.Bps(1 + r.IntN(10_000))
		} else {
			l.Rate = money.MicroRate(1 + r.Int64N(1<<r.IntN(37)))
		}
		p.Body.Levies = append(p.Body.Levies, l)
	}
	if r.IntN(4) == 0 {
		p.Body.Fee = tariff.VendFee{Amount: money.Minor(r.Int64N(200)), Untaxed: r.IntN(2) == 0}
	}
	if r.IntN(4) == 0 {
		p.Free = unit.FromTenths(r.Int64N(1000))
	}
	for range r.IntN(4) {
		p.Charges = append(p.Charges, tariff.Charge{Kind: tariff.Debt, Priority: r.IntN(3) * 10, Mode: tariff.Percent,
			Percent: money.Bps(r.IntN(10_001)), Min: money.Minor(r.Int64N(300)), Outstanding: money.Minor(r.Int64N(100_000)),
			VATBps: money.Bps(r.IntN(2001)), Capped: r.IntN(2) == 0})
	}
	return p
}

func TestNothingIsLostAndNothingIsMade(t *testing.T) {
	r := rand.New(rand.NewPCG(tier.Seed(t), 2026))
	purchases, sold := tier.Allocations.N(), 0
	for n := range purchases {
		p := randomPurchase(r)
		if refused := p.Body.Validate(); refused.Refused() {
			t.Fatalf("case %d: the drawn tariff is invalid: %s", n, refused.Detail())
		}
		a, err := tariff.Allocate(p)
		if err != nil {
			t.Fatalf("case %d: %+v: %v", n, p, err)
		}
		if a.Refused() {
			continue
		}
		sold++
		var deducted, stepNet, levied money.Minor
		for _, d := range a.Deductions {
			if d.Gross <= 0 || d.VAT < 0 || d.Net() < 0 || !d.Charge.Endless && d.Gross > d.Charge.Outstanding {
				t.Fatalf("case %d: deduction %+v", n, d)
			}
			deducted += d.Gross
		}
		for _, s := range a.Steps {
			if s.Net < 0 || s.Units <= 0 || s.Units%unit.Quantum != 0 {
				t.Fatalf("case %d: step %+v of %+v", n, s, a)
			}
			stepNet += s.Net
		}
		for _, l := range a.Levies {
			if l.Amount < 0 {
				t.Fatalf("case %d: levy %+v of %+v", n, l, a)
			}
			levied += l.Amount
		}
		if deducted+a.Net+levied+a.VAT+a.CarryOut != p.Tender+p.Carry || a.Net < 0 || a.VAT < 0 || a.CarryOut < 0 ||
			(a.Units > 0 && stepNet != a.Net) {
			t.Fatalf("case %d: %+v does not sum to %d + %d", n, a, p.Tender, p.Carry)
		}
		if a.Units > 0 && p.Body.Rounding != tariff.Nearest && p.Body.Rounding != tariff.Income {
			checkCarryBelowAQuantum(t, n, p, a)
		}
	}
	if sold < purchases/2 {
		t.Errorf("only %d of %d drawn purchases were sales: the generator misses its point", sold, purchases)
	}
	t.Logf("%d of %d drawn purchases were sales, and each sums", sold, purchases)
}

// checkCarryBelowAQuantum checks that the carry would not have bought another 0.1 kWh, give or take half a minor unit.
func checkCarryBelowAQuantum(t *testing.T, n int, p tariff.Purchase, a tariff.Allocation) {
	t.Helper()
	at := p.Month + p.Free + a.Units
	for _, b := range p.Body.Blocks {
		if b.UpTo != 0 && b.UpTo <= at {
			continue
		}
		cur, _ := money.CurrencyOf(p.Body.Currency)
		perWh := int64(b.Rate) * (10_000 + int64(p.Body.VATBps))
		for _, l := range p.Body.Levies {
			part, err := l.Of(b.Rate)
			if err != nil {
				t.Fatal(err)
			}
			perWh += int64(part) * (10_000 + int64(p.Body.VATBps))
		}
		price := money.Product(perWh, 100)
		half, err := price.Add(money.Product(money.PowerOfTen(13-cur.Exp), 1))
		if err != nil {
			t.Fatal(err)
		}
		quantum, err := half.Div(money.PowerOfTen(13-cur.Exp), money.Ceil)
		if err != nil {
			t.Fatal(err)
		}
		if int64(a.CarryOut) > quantum {
			t.Fatalf("case %d: carry %d is more than a quantum at %d", n, a.CarryOut, quantum)
		}
		return
	}
}

func TestBuyingTwiceWithCarryIsBuyingOnce(t *testing.T) {
	r := rand.New(rand.NewPCG(tier.Seed(t), 2026))
	purchases, compared := tier.Allocations.N(), 0
	for n := range purchases {
		p := randomPurchase(r)
		p.Charges, p.Free, p.Carry, p.Body.Rounding, p.Body.Fee = nil, 0, 0, tariff.Carry, tariff.VendFee{}
		// If a quantum costs less than one minor unit, a rounding difference of one minor unit can buy more than one quantum. So the test raises
		// the prices.
		for i := range p.Body.Blocks {
			p.Body.Blocks[i].Rate += 10_000_000
		}
		p.Tender += 1000
		once, err := tariff.Allocate(p)
		if err != nil || once.Refused() {
			continue
		}
		first := p
		first.Tender = 500 + money.Minor(r.Int64N(int64(p.Tender-500)))
		a, err := tariff.Allocate(first)
		if err != nil || a.Refused() {
			continue
		}
		second := p
		second.Tender, second.Carry, second.Month = p.Tender-first.Tender, a.CarryOut, p.Month+a.Units
		b, err := tariff.Allocate(second)
		if err != nil || b.Refused() {
			continue
		}
		compared++
		if d := a.Units + b.Units - once.Units; d < -unit.Quantum || d > unit.Quantum {
			t.Fatalf("case %d: %d Wh then %d Wh, at once %d Wh, of %+v split at %d", n, a.Units, b.Units, once.Units, p, first.Tender)
		}
	}
	if compared < purchases*3/10 {
		t.Errorf("only %d of %d drawn purchases could be compared", compared, purchases)
	}
}
