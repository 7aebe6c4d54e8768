package shoptest_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/debt"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/store"
	"github.com/paywatt/paywatt/internal/vendor"
)

// TestTotalsUnderCeilingsAreVerified: whoever lowers, removes or invents a total is found, and so is a sale that was never counted.
func TestTotalsUnderCeilingsAreVerified(t *testing.T) {
	s := open(t, true)
	m := s.meter(1, place{tariff: s.publish("domestic", flat(), monday())})
	for _, key := range []string{"key-number-1", "key-number-2"} {
		s.sell(order(m, 10000, key))
		s.clock.add(24 * time.Hour)
	}
	give := debt.Adjustment{Account: m, Amount: money.Amount{Minor: 500, Currency: "KES"}, Reason: "outage"}
	if got, err := s.Adjust(context.Background(), owner(), give); err != nil || got.Refused() {
		t.Fatal(err, got.Detail())
	}
	s.verified()
	for _, c := range []struct{ edit, undo string }{
		{`UPDATE day_total SET amount = amount - 1 WHERE ceiling = 'person/credits'`, `UPDATE day_total SET amount = amount + 1 WHERE ceiling = 'person/credits'`},
		{`UPDATE day_total SET from_at = from_at - 86400000000 WHERE ceiling = 'account/credits'`, `UPDATE day_total SET from_at = from_at + 86400000000 WHERE ceiling = 'account/credits'`},
		{`INSERT INTO day_total (tenant_id, ceiling, subject, from_at, to_at, name, amount) VALUES (1, 'person/debts', 'x', 0, 1, 'x', 5)`, `DELETE FROM day_total WHERE subject = 'x'`},
		{`UPDATE day_total SET amount = 0 WHERE ceiling = 'person/sales' AND from_at = (SELECT MAX(from_at) FROM day_total WHERE ceiling = 'person/sales')`,
			`UPDATE day_total SET amount = 10000 WHERE ceiling = 'person/sales'`},
		{`UPDATE day_total SET ceiling = 'person/salez' WHERE ceiling = 'person/sales' AND from_at = (SELECT MAX(from_at) FROM day_total WHERE ceiling = 'person/sales')`,
			`UPDATE day_total SET ceiling = 'person/sales' WHERE ceiling = 'person/salez'`},
	} {
		s.sql(c.edit)
		found := 0
		findings := s.verifyBooks()
		for _, f := range findings {
			if f.Rule == "ceiling" && strings.Contains(f.What, "eiling") {
				found++
			}
		}
		if found == 0 {
			t.Errorf("%s: findings %+v", c.edit, findings)
		}
		s.sql(c.undo)
	}
	s.verified()
}

// sql makes an edit behind the server's back.
func (s *shop) sql(edit string) {
	s.t.Helper()
	s.do(func(tx *store.Tx) error { _, err := tx.C.Exec(edit); return err })
}

// TestASaleByAnUnconfirmedSellerIsVerified: such a sale counts under the ceiling of the inviter, too. The books still add up, and whoever lowers
// the inviter's total is found.
func TestASaleByAnUnconfirmedSellerIsVerified(t *testing.T) {
	s := open(t, true)
	m := s.meter(1, place{tariff: s.publish("domestic", flat(), monday())})
	boss, clerk := id.ID{1}, access.Actor{Tenant: tenant, Kind: access.Person, ID: id.ID{2}, Name: "clerk@example.org", Role: access.Operator}
	s.do(func(tx *store.Tx) error {
		return errors.Join(tx.AddPersonRow(access.PersonRow{ID: boss, Email: "boss@example.org", Role: access.Owner, Password: "x", CreatedAt: tx.Now}),
			tx.AddPersonRow(access.PersonRow{ID: clerk.ID, Email: clerk.Name, Role: access.Operator, Password: "x", CreatedAt: tx.Now, CountsAs: boss.Text(id.Person)}))
	})
	for _, key := range []string{"key-number-1", "key-number-2"} {
		if sold, err := s.Sell(context.Background(), clerk, order(m, 10000, key)); err != nil || sold.Refused() {
			t.Fatal(err, sold.Detail())
		}
		s.sell(order(m, 3000, key+"-owner"))
		s.verified()
		s.clock.add(24 * time.Hour)
	}
	if n := s.number(`SELECT SUM(amount) FROM day_total WHERE ceiling = 'person/sales' AND subject = $1`, boss.Text(id.Person)); n != 20000 {
		t.Errorf("%d counts under the inviter's ceiling, want 20000", n)
	}
	s.sql(`UPDATE day_total SET amount = 9000 WHERE subject = '` + boss.Text(id.Person) + `'`)
	findings := s.verifyBooks()
	if len(findings) != 2 || !strings.Contains(findings[0].What, "differs by -1000 from the audit log") {
		t.Errorf("findings %+v", findings)
	}
}

// TestWhatAMeterIsSoldInADayIsLimited: all people's sales to a meter count, until the local day ends. Sales from a vendor's float do not count,
// nor do sales to another meter. The refusal names the meter.
func TestWhatAMeterIsSoldInADayIsLimited(t *testing.T) {
	s := open(t, true)
	s.zone("Africa/Nairobi") // UTC+3; the clock begins at 11:00 there
	domestic := s.publish("domestic", flat(), monday())
	one, two := s.meter(1, place{tariff: domestic}), s.meter(2, place{tariff: domestic})
	ann := s.vendor(vendor.NewVendor{Code: "ann"})
	s.payIn(ann, 50_000, "1")
	person := func(n byte, name string) access.Actor {
		p := access.PersonRow{ID: id.ID{n}, Email: name + "@example.org", Role: access.Operator, Password: "x", CreatedAt: s.clock.Now()}
		s.do(func(tx *store.Tx) error { return tx.AddPersonRow(p) })
		return access.Actor{Tenant: tenant, Kind: access.Person, ID: p.ID, Name: p.Email, Role: p.Role}
	}
	amina, ben := person(1, "amina"), person(2, "ben")
	s.do(func(tx *store.Tx) error {
		set, err := tx.TenantSettings()
		set.Ceilings = map[access.Ceiling]int64{access.MeterSales: 10_000}
		return errors.Join(err, tx.PutTenantSettings(set))
	})
	for i, c := range []struct {
		after  time.Duration // since the sale before
		by     access.Actor
		meter  string
		amount money.Minor
		want   string
	}{
		{0, amina, one, 6000, ""},
		{0, clerk(ann), one, 9000, ""},
		{0, ben, one, 4001, "daily-limit"},
		{0, ben, two, 4001, ""},
		{0, ben, one, 4000, ""},
		{13*time.Hour - time.Second, amina, one, 1000, "daily-limit"},
		{time.Second, amina, one, 10000, ""},
	} {
		s.clock.add(c.after)
		got := s.sellAs(c.by, order(c.meter, c.amount, fmt.Sprintf("key-number-%d", i)))
		if string(got.Code) != c.want || got.Refused() && !strings.HasPrefix(got.What, one+" has reached the ceiling for sales for the utility to one meter in a day") {
			t.Errorf("sale %d: %q %s, want %q", i, got.Code, got.Detail(), c.want)
		}
	}
	s.verified()
}
