package shoptest_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/paywatt/paywatt/internal/debt"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/tariff"
)

// heavy is a tariff that gives a sale a fee and the greatest number of levies.
func heavy() tariff.Body {
	b := flat()
	b.Fee = tariff.VendFee{Amount: 10}
	for i := range tariff.MaxLevies {
		b.Levies = append(b.Levies, tariff.Levy{Name: fmt.Sprintf("levy-%d", i), Rate: 100_000})
	}
	return b
}

// burden gives an account the greatest number of open debts, and five more charges than one sale looks at. Each debt and charge is 0.10.
// The youngest charge is collected first.
func (s *shop) burden(meter string) {
	account := s.account(meter)
	for i := range debt.MaxOpen {
		s.debt(account, debt.Debt{Mode: tariff.Full, Outstanding: 10, Capped: true})
		s.due(account, debt.Due{Name: fmt.Sprintf("old-%02d", i), Month: "2025-01", Gross: 10, Priority: 20, Capped: true})
	}
	for i := range 4 {
		s.due(account, debt.Due{Name: fmt.Sprintf("young-%d", i), Month: "2025-02", Gross: 10, Priority: 20, Capped: true})
	}
	s.due(account, debt.Due{Name: "first", Month: "2025-03", Gross: 10, Priority: 5, Capped: true})
}

// TestWhoOwesMuchCanBuy makes a sale that pays as many debts as an account can have, with a line of every other kind. Its journal must have
// room for all of them. If more charges are due than one sale looks at, the sale pays the first charges in order.
func TestWhoOwesMuchCanBuy(t *testing.T) {
	s := open(t, true)
	meter := s.meter(1, place{tariff: s.publish("heavy", heavy(), long())})
	s.sell(order(meter, 60, "brings-a-carry-1"))
	s.burden(meter)
	owed := func() money.Minor {
		shown, err := s.Account(context.Background(), owner(), meter)
		if err != nil || shown.Refused() {
			t.Fatalf("account: %+v, %v", shown.Refusal, err)
		}
		return shown.Due + shown.Debts
	}
	if got, want := owed(), money.Minor(10*(2*debt.MaxOpen+5)); got != want {
		t.Errorf("the account is shown to owe %d, want %d", got, want)
	}
	sale := s.sell(order(meter, 100_000, "everything-0001")).Sale
	if got := lines(sale.Lines); !strings.HasPrefix(got, "fixed first 2025-03") || !strings.Contains(got, "carry_in") {
		t.Errorf("paid %s, want what has the lowest priority first, however young, with a carry brought in", got)
	}
	if got, want := owed(), money.Minor(50); got != want {
		t.Errorf("then the account owes %d, want %d, which the next purchase collects", got, want)
	}
	s.sell(order(meter, 1000, "the-rest-000001"))
	if got := owed(); got != 0 {
		t.Errorf("after the next purchase the account owes %d", got)
	}
	s.audit()
}
