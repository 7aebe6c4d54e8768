package shoptest_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/debt"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/ledger"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/sale"
	"github.com/paywatt/paywatt/internal/store"
	"github.com/paywatt/paywatt/internal/tariff"
	"github.com/paywatt/paywatt/unit"
)

// vector is one row of docs/reference/money.md#worked-purchases.
type vector struct {
	name          string
	body          tariff.Body
	month         unit.Energy
	tender, carry money.Minor
	dues          []debt.Due
	debts         []debt.Debt

	deducted string
	steps    string // kWh by block
	vat, net money.Minor
	carryOut money.Minor
	energy   money.Minor // money left for energy, including the carry
	tooSmall bool
}

func withVAT(v money.Bps, blocks ...tariff.Block) tariff.Body {
	return tariff.Body{Currency: "KES", VATBps: v, Blocks: blocks}
}

func changed(b tariff.Body, change func(*tariff.Body)) tariff.Body {
	change(&b)
	return b
}

func percent(bps, outstanding int64) debt.Debt {
	return debt.Debt{Mode: tariff.Percent, Value: bps, Outstanding: money.Minor(outstanding), Capped: true}
}

// vectors are V1 to V22; there is no V18.
func vectors() []vector {
	kwh := unit.KilowattHour
	standing := func(month string, gross money.Minor) debt.Due {
		return debt.Due{Name: "standing", Month: month, Gross: gross, VATBps: 1500, Priority: tariff.FixedPriority, Capped: true}
	}
	capped50 := changed(flat(), func(b *tariff.Body) { b.MaxDeduction = 5000 })
	return []vector{
		{name: "V1", body: withVAT(0, tariff.Block{Rate: 2_500_000}), tender: 10000, energy: 10000, steps: "40.0", net: 10000},
		{name: "V2", body: flat(), tender: 10000, energy: 10000, steps: "34.7", vat: 1301, net: 8675, carryOut: 24},
		{name: "V2n", body: changed(flat(), func(b *tariff.Body) { b.Rounding = tariff.Nearest }), tender: 10000, energy: 10000, steps: "34.8", vat: 1304, net: 8696},
		{name: "V3", body: ibt(), tender: 20000, energy: 20000, steps: "50.0 71.1", vat: 2606, net: 17376, carryOut: 18},
		{name: "V4", body: ibt(), month: 340 * kwh, tender: 20000, energy: 20000, steps: "10.0 68.6", vat: 2607, net: 17378, carryOut: 15},
		{name: "V5a", body: ibt(), month: 340 * kwh, tender: 10000, energy: 10000, steps: "10.0 30.8", vat: 1303, net: 8684, carryOut: 13},
		{name: "V5b", body: ibt(), month: 380_800, tender: 10000, carry: 13, energy: 10013, steps: "37.8", vat: 1304, net: 8694, carryOut: 15},
		{name: "V6", body: ibt(), tender: 50000, dues: []debt.Due{standing("2026-11", 11270)}, debts: []debt.Debt{percent(2000, 60000)},
			deducted: "fixed 11270, debt 10000", energy: 28730, steps: "50.0 118.6", vat: 3746, net: 24976, carryOut: 8},
		{name: "V7", body: flat(), tender: 50000, debts: []debt.Debt{percent(3000, 4321)}, deducted: "debt 4321", energy: 45679,
			steps: "158.8", vat: 5955, net: 39700, carryOut: 24},
		{name: "V8", body: capped50, tender: 10000, debts: []debt.Debt{percent(4000, 90000), percent(3000, 90000)},
			deducted: "debt 4000, debt 1000", energy: 5000, steps: "17.3", vat: 649, net: 4325, carryOut: 26},
		{name: "V9", body: tariff.Body{Currency: "UGX", VATBps: 1800, Blocks: []tariff.Block{{UpTo: 15 * kwh, Rate: 250_000_000}, {Rate: 805_000_000}}},
			tender: 20000, energy: 20000, steps: "15.0 16.3", vat: 3037, net: 16871, carryOut: 92},
		{name: "V10", body: tariff.Body{Currency: "TND", VATBps: 1900, Blocks: []tariff.Block{{Rate: 181_000}}}, tender: 10000, energy: 10000,
			steps: "46.4", vat: 1596, net: 8398, carryOut: 6},
		{name: "V11", body: flat(), tender: 35, energy: 35, steps: "0.1", vat: 4, net: 25, carryOut: 6},
		{name: "V12", body: flat(), tender: 28, tooSmall: true},
		{name: "V13", body: withVAT(1500, tariff.Block{UpTo: 100 * kwh, Rate: 2_097_000}, tariff.Block{UpTo: 400 * kwh, Rate: 2_454_100},
			tariff.Block{UpTo: 650 * kwh, Rate: 2_673_800}, tariff.Block{Rate: 2_882_400}), tender: 100000, energy: 100000, steps: "100.0 268.8",
			vat: 13040, net: 86937, carryOut: 23},
		{name: "V14", body: flat(), tender: 10000, carry: 25, energy: 10025, steps: "34.8", vat: 1305, net: 8700, carryOut: 20},
		{name: "V15", body: changed(flat(), func(b *tariff.Body) { b.Fee = tariff.VendFee{Amount: 250, Untaxed: true} }), tender: 10000,
			debts: []debt.Debt{{Mode: tariff.Amount, Value: 1500, Outstanding: 90000, Capped: true}}, deducted: "fee 250, debt 1500",
			energy: 8250, steps: "28.6", vat: 1073, net: 7150, carryOut: 27},
		{name: "V16", body: changed(ibt(), func(b *tariff.Body) { b.Free = tariff.Free{Units: 50 * kwh} }), tender: 10000, energy: 10000,
			steps: "54.3", vat: 1303, net: 8688, carryOut: 9},
		{name: "V17", body: withVAT(1600, tariff.Block{UpTo: 30 * kwh, Rate: 12_220_000}, tariff.Block{UpTo: 100 * kwh, Rate: 16_540_000},
			tariff.Block{Rate: 20_970_000}), tender: 100000, energy: 100000, steps: "30.0 29.9", vat: 13778, net: 86115, carryOut: 107},
		{name: "V19", body: flat(), tender: 5000, dues: []debt.Due{standing("2026-09", 11270), standing("2026-10", 11270), standing("2026-11", 11270)},
			deducted: "fixed 3500", energy: 1500, steps: "5.2", vat: 195, net: 1300, carryOut: 5},
		{name: "V20", body: ibt(), tender: 300000, energy: 300000, steps: "50.0 300.0 250.0 543.1", vat: 39128, net: 260852, carryOut: 20},
		{name: "V21", body: ibt(), tender: 6900, energy: 6900, steps: "50.0", vat: 900, net: 6000},
		{name: "V22", body: ibt(), tender: 6919, energy: 6919, steps: "50.0 0.1", vat: 902, net: 6016, carryOut: 1},
	}
}

// TestEveryWorkedPurchaseIsSoldSo quotes and sells every vector through the store. The customer pays the amounts in
// docs/reference/money.md, and the quote shows the same amounts.
func TestEveryWorkedPurchaseIsSoldSo(t *testing.T) {
	shops := map[string]*shop{}
	sold := 0
	for i, v := range vectors() {
		currency := v.body.Currency
		if shops[currency] == nil {
			shops[currency] = openIn(t, currency, true, false)
		}
		s := shops[currency]
		meter := s.meter(i, place{tariff: s.publish(v.name, v.body, monday().AddDate(-1, 0, 0))})
		s.stand(meter, v)
		o := order(meter, v.tender, "vector-key-"+v.name)
		o.Tender.Currency = currency
		q, err := s.Quote(context.Background(), owner(), meter, o.Tender)
		if err != nil {
			t.Fatal(err)
		}
		if v.tooSmall {
			if s.refused(o, refusal.VendTooSmall); q.Code != refusal.VendTooSmall {
				t.Errorf("%s: quoted %q, want %s", v.name, q.Code, refusal.VendTooSmall)
			}
			continue
		}
		sale := s.sell(o).Sale
		sold++
		if got, want := fmt.Sprint(shape(sale.Lines)), fmt.Sprint(shape(q.Lines)); got != want || q.Units != sale.Units {
			t.Errorf("%s: sold %s of %d Wh, quoted %s of %d Wh", v.name, got, sale.Units, want, q.Units)
		}
		v.check(t, sale)
	}
	for _, s := range shops {
		s.balances()
	}
	t.Logf("figures: %d vectors of the allocation, each quoted, and sold with the same lines", sold+1)
}

// stand sets the account of a meter to the state in which a vector begins.
func (s *shop) stand(meter string, v vector) {
	s.t.Helper()
	if v.month > 0 {
		s.buyUntil(meter, v.month)
	}
	account := s.account(meter)
	for _, d := range v.dues {
		s.due(account, d)
	}
	for _, d := range v.debts {
		s.debt(account, d)
	}
	if v.carry > 0 {
		s.journal(ledger.Goodwill, ledger.GoodwillGiven(ledger.AccountRef{Code: ledger.Carry, Subject: account.Text(id.Account)}, v.carry))
	}
}

// shape formats the fields of sale lines that must be equal in a sale and its quote, including the references of debts.
func shape(lines []sale.Line) []string {
	var out []string
	for _, l := range lines {
		left := "-"
		if l.Left != nil {
			left = fmt.Sprint(*l.Left)
		}
		out = append(out, fmt.Sprint(l.Kind, l.Ref, l.Label, l.Amount, l.VAT, left, l.Steps))
	}
	return out
}

// check compares a sale with its vector.
func (v vector) check(t *testing.T, s sale.Sale) {
	t.Helper()
	var deducted, steps []string
	var paid money.Minor
	for _, l := range s.Lines {
		switch l.Kind {
		case sale.LineFee, sale.LineFixed, sale.LineDebt:
			deducted = append(deducted, fmt.Sprintf("%s %d", l.Kind, l.Amount+l.VAT))
			paid += l.Amount + l.VAT
		}
	}
	energy := line(t, s, sale.LineEnergy)
	for _, p := range energy.Steps {
		steps = append(steps, p.Units.KWh(1))
	}
	if got := strings.Join(deducted, ", "); got != v.deducted {
		t.Errorf("%s: deducted %q, want %q", v.name, got, v.deducted)
	}
	if got := strings.Join(steps, " "); got != v.steps {
		t.Errorf("%s: sold %s kWh, want %s", v.name, got, v.steps)
	}
	if energy.Amount != v.net || energy.VAT != v.vat || s.CarryOut != v.carryOut || v.tender-paid+v.carry != v.energy {
		t.Errorf("%s: net %d, tax %d, carry %d, for energy %d; want %d, %d, %d, %d", v.name, energy.Amount, energy.VAT, s.CarryOut,
			v.tender-paid+v.carry, v.net, v.vat, v.carryOut, v.energy)
	}
	if got := sum(s.Lines); got != v.tender {
		t.Errorf("%s: lines sum to %d, want the tender %d", v.name, got, v.tender)
	}
}

// account is the account of a meter.
func (s *shop) account(meter string) id.ID {
	s.t.Helper()
	ref, no := registry.ParseRef(meter)
	if no.Refused() {
		s.t.Fatal(no.Detail())
	}
	var p sale.Point
	err := s.engine.View(context.Background(), tenant, func(tx *store.Tx) (err error) {
		p, _, err = tx.VendPoint(ref)
		return err
	})
	return must(s.t, p.Account, err)
}

// due makes a charge due for an account.
func (s *shop) due(account id.ID, d debt.Due) {
	s.t.Helper()
	s.do(func(tx *store.Tx) (err error) {
		if d.ID, err = tx.NewID(); err != nil {
			return err
		}
		d.Account = account
		return tx.ChargePut(d)
	})
}

// debt raises a debt, as arrears brought in from elsewhere, and returns its identity.
func (s *shop) debt(account id.ID, d debt.Debt) id.ID {
	s.t.Helper()
	s.clock.add(time.Second) // so that of two debts the first is older
	s.do(func(tx *store.Tx) (err error) {
		if d.ID, err = tx.NewID(); err != nil {
			return err
		}
		d.Account, d.Kind, d.Principal, d.Status, d.CreatedAt, d.Against = account, "arrears", d.Outstanding, debt.Open, tx.Now, "opening"
		if d.Priority == 0 {
			d.Priority = tariff.DebtPriority
		}
		return tx.DebtAdd(d)
	})
	s.journal(ledger.Raised, ledger.DebtRaised(ledger.SubjectOf(account, d.Name()), ledger.Posting{Account: ledger.AccountRef{Code: ledger.Opening}, Amount: -d.Outstanding}))
	return d.ID
}

// journal posts a journal with these lines.
func (s *shop) journal(k ledger.Kind, lines []ledger.Posting) {
	s.t.Helper()
	s.do(func(tx *store.Tx) error {
		j := ledger.Journal{Kind: k, PostedAt: tx.Now, Postings: lines}
		var err error
		if j.ID, err = tx.NewID(); err != nil {
			return err
		}
		b, err := tx.Post(j)
		if b.Refused() {
			s.t.Errorf("%s broke a limit: %+v", k, b)
		}
		return err
	})
}
