package shoptest_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/debt"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/ledger"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/notify"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/sale"
	"github.com/paywatt/paywatt/internal/store"
	"github.com/paywatt/paywatt/internal/tariff"
	"github.com/paywatt/paywatt/internal/vending"
	"github.com/paywatt/paywatt/unit"
)

// owes describes the debts and charges of an account in words.
func (s *shop) owes(account id.ID) string {
	s.t.Helper()
	var out []string
	err := s.engine.View(context.Background(), tenant, func(tx *store.Tx) error {
		dues, err := tx.ChargesOf(account, "")
		if err != nil {
			return err
		}
		out = nil
		for _, d := range dues {
			out = append(out, fmt.Sprintf("%s %d/%d", d.Ref(), d.Paid, d.Gross))
		}
		_, debts, err := tx.ChargesOpen(account, debt.MaxOpen)
		for _, d := range debts {
			balance, e := tx.Balance(ledger.AccountRef{Code: ledger.Debt, Subject: ledger.SubjectOf(account, d.Name())})
			if e != nil {
				return e
			}
			out = append(out, fmt.Sprintf("%s %d (ledger %d, month %d)", d.Kind, d.Outstanding, balance, d.MonthTaken))
		}
		return err
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return strings.Join(out, ", ")
}

// lines shortens a sale's lines.
func lines(s []sale.Line) string {
	var out []string
	for _, l := range s {
		left := ""
		if l.Left != nil {
			left = fmt.Sprintf(" left %d", *l.Left)
		}
		name := string(l.Kind)
		if l.Kind == sale.LineFixed || l.Kind == sale.LineLevy {
			name += " " + l.Ref
		}
		out = append(out, fmt.Sprintf("%s %d%s", name, l.Amount, left))
	}
	return strings.Join(out, ", ")
}

// sum adds up the lines of a sale.
func sum(lines []sale.Line) money.Minor {
	var m money.Minor
	for _, l := range lines {
		m += l.Amount
	}
	return m
}

// line finds a line by its kind.
func line(t *testing.T, s sale.Sale, k sale.LineKind) sale.Line {
	t.Helper()
	for _, l := range s.Lines {
		if l.Kind == k {
			return l
		}
	}
	t.Fatalf("sale has no %s line: %+v", k, s.Lines)
	return sale.Line{}
}

// policy sets the tenant's policy on charges.
func (s *shop) policy(p registry.ChargePolicy) {
	s.t.Helper()
	s.do(func(tx *store.Tx) error {
		set, err := tx.TenantSettings()
		if err != nil {
			return err
		}
		set.Charges = p
		return tx.PutTenantSettings(set)
	})
}

func (s *shop) zone(name string) {
	s.t.Helper()
	s.do(func(tx *store.Tx) error { return setTZ(tx, name) })
}

// standing adds a fixed charge to a tariff: 98.00 a month, which is 112.70 with tax, or 3.00 a day.
func standing(b tariff.Body, per tariff.Period) tariff.Body {
	amount := money.Minor(9800)
	if per == tariff.PerDay {
		amount = 300
	}
	b.Fixed = []tariff.FixedCharge{{Name: "standing", Amount: amount, Per: per}}
	return b
}

func long() time.Time { return time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC) }

// TestASaleSettlesWhatIsOwed checks the examples V6 and P8 from end to end: a charge that became due without the job, a debt, their rows
// and the ledger.
func TestASaleSettlesWhatIsOwed(t *testing.T) {
	s := open(t, true)
	s.clock.set(s.at("2026-11-01T00:00:00Z"))
	meter := s.meter(1, place{tariff: s.publish("ibt", standing(ibt(), tariff.PerMonth), long())})
	account := s.account(meter)
	s.debt(account, percent(2000, 60000))
	q := s.quote(meter, 50000)
	if got := s.owes(account); got != "arrears 60000 (ledger 60000, month 0)" {
		t.Errorf("after the quote: %s; a quote writes nothing", got)
	}
	sale := s.sell(order(meter, 50000, "settles-0001")).Sale
	want := "fixed standing 2026-11 9800 left 0, debt 10000 left 50000, energy 24976, vat 5216, carry 8"
	if got := lines(sale.Lines); got != want || lines(q.Lines) != want {
		t.Errorf("sold   %s\nquoted %s\nwant   %s", got, lines(q.Lines), want)
	}
	if got, want := s.owes(account), "standing 2026-11 11270/11270, arrears 50000 (ledger 50000, month 10000)"; got != want {
		t.Errorf("then the account owes %s, want %s", got, want)
	}
	for code, want := range map[ledger.Code]money.Minor{1000: 50000, 4010: -9800, 1100: 50000, 4000: -24976, 2020: -5216, 2060: -8} {
		if got := s.balances()[code]; got != want {
			t.Errorf("account %d is at %d, want %d", code, got, want)
		}
	}
	s.audit()
}

// TestAFailedSaleGivesEverythingBack checks a sale without tokens. While the issuer does not answer, the sale's payments are reserved. When
// the issuer refuses, every row is as before.
func TestAFailedSaleGivesEverythingBack(t *testing.T) {
	s := open(t, false)
	body := standing(ibt(), tariff.PerMonth)
	body.Free = tariff.Free{Units: 50 * unit.KilowattHour, Funded: 1_200_000}
	s.clock.set(s.at("2026-11-01T00:00:00Z"))
	meter := s.meter(1, place{tariff: s.publish("ibt", body, long())})
	account := s.account(meter)
	s.debt(account, percent(2000, 10000))
	paid := s.sell(order(meter, 1000, "paid-before")).Sale
	var had []id.ID
	for _, t := range paid.Tokens {
		had = append(had, t.ID)
	}
	before, books := s.owes(account), fmt.Sprint(s.balances())
	s.clock.set(s.clock.Now().Add(time.Millisecond)) // on PostgreSQL identities of one millisecond have no order
	s.issuer.say = func(int, vending.IssueRequest) (vending.Answer, error) { return vending.Answer{}, errPower }
	s.refused(order(meter, 60000, "declined-1"), refusal.IssuerUnknown)
	if got, want := s.owes(account), "standing 2026-11 11270/11270"; got != want {
		t.Errorf("while the sale is open the account owes %s, want %s", got, want)
	}
	s.do(func(tx *store.Tx) error {
		last, found, err := notify.LastSaleTo(tx, paid.Meter.N)
		if err == nil && (!found || !last.Pending || last.Vend == paid.ID) {
			t.Errorf("while the sale is open the last one is %+v (%v), want one that is not finished", last, found)
		}
		return err
	})
	s.verified()
	s.issuer.say = func(int, vending.IssueRequest) (vending.Answer, error) {
		return vending.Answer{Outcome: vending.Declined, Refusal: refusal.Refusal{Code: refusal.IssuerRefused, What: "No."}}, nil
	}
	s.refused(order(meter, 60000, "declined-1"), refusal.IssuerRefused)
	if got := s.owes(account); got != before {
		t.Errorf("after the refusal the account owes %s, want %s as before", got, before)
	}
	s.wantLast(paid, had...)
	if got := fmt.Sprint(s.balances()); got != books {
		t.Errorf("balances %s, want %s as before", got, books)
	}
	s.audit()
}

// TestFreeUnitsComeOnceAMonth checks the example V16: an account gets free units once in a local month, also without a payment. Their token
// comes first, and the paid part is priced after it.
func TestFreeUnitsComeOnceAMonth(t *testing.T) {
	s := open(t, true)
	body := ibt()
	body.Free = tariff.Free{Units: 50 * unit.KilowattHour, Funded: 1_200_000}
	meter := s.meter(1, place{tariff: s.publish("free", body, long())})
	sale := s.sell(order(meter, 10000, "free-0001")).Sale
	if got, want := lines(sale.Lines), "free 0, energy 8688, vat 1303, carry 9"; got != want {
		t.Errorf("lines %s, want %s", got, want)
	}
	if sale.Units != 104_300 || sale.Free != 50_000 || len(sale.Tokens) != 2 || sale.FreeTokens() != 1 ||
		sale.Tokens[0].Units != 50_000 || sale.Tokens[1].Units != 54_300 || sale.Tokens[0].TID >= sale.Tokens[1].TID {
		t.Errorf("sold %d Wh, %d of them free, on tokens %+v", sale.Units, sale.Free, sale.Tokens)
	}
	if b := s.balances(); b[ledger.SubsidyReceivable] != 6900 || b[ledger.RevenueSubsidy] != -6000 || b[ledger.VATPayable] != -900-1303 {
		t.Errorf("funding (P10) posted %v", b)
	}
	if again := s.sell(order(meter, 10000, "free-0002")).Sale; again.Free != 0 || len(again.Tokens) != 1 || again.MonthBefore != 104_300 {
		t.Errorf("the second purchase of the month got %d Wh free, priced from %d Wh", again.Free, again.MonthBefore)
	}
	s.refused(order(meter, 0, "free-0003"), refusal.FBEAlreadyIssued)
	s.clock.set(s.at("2026-12-01T00:00:00Z"))
	claim := s.sell(order(meter, 0, "free-0004")).Sale
	if claim.Free != 50_000 || claim.Units != 50_000 || len(claim.Tokens) != 1 || sum(claim.Lines) != 0 {
		t.Errorf("a claim for nothing gave %d Wh free of %d with %d tokens", claim.Free, claim.Units, len(claim.Tokens))
	}
	if paid := s.sell(order(meter, 10000, "free-0005")).Sale; paid.MonthBefore != 50_000 || paid.Free != 0 {
		t.Errorf("after the claim the next purchase began at %d Wh with %d free, want 50000 and none", paid.MonthBefore, paid.Free)
	}
	s.audit()
}

func TestFreeUnitsThatNobodyPaysForMoveNoMoney(t *testing.T) {
	s := open(t, true)
	body := ibt()
	body.Free = tariff.Free{Units: 20 * unit.KilowattHour, Apart: true}
	meter := s.meter(1, place{tariff: s.publish("free", body, long())})
	s.sell(order(meter, 0, "claim-0001"))
	if n := s.number(`SELECT COUNT(*) FROM journal`); n != 0 {
		t.Errorf("%d journals for a gift that nobody pays for", n)
	}
	if paid := s.sell(order(meter, 20000, "claim-0002")).Sale; paid.MonthBefore != 0 || paid.Units != 121_100 {
		t.Errorf("200.00 bought %d Wh from %d Wh on; free units set apart do not count towards the blocks", paid.Units, paid.MonthBefore)
	}
	other := s.meter(2, place{tariff: s.publish("plain", ibt(), long())})
	s.refused(order(other, 0, "claim-0003"), refusal.AmountInvalid)
	s.audit()
}

// TestTheMonthEndsAtLocalMidnight checks the examples V3 and V4 of docs/reference/money.md: customers buy for 200.00 in the last second of
// November and in the first of December, at +02:00.
func TestTheMonthEndsAtLocalMidnight(t *testing.T) {
	s := open(t, true)
	s.zone("Africa/Johannesburg")
	ibt := s.publish("ibt", ibt(), long())
	a, b := s.meter(1, place{tariff: ibt}), s.meter(2, place{tariff: ibt})
	for _, m := range []string{a, b} {
		s.buyUntil(m, 340*unit.KilowattHour)
	}
	s.clock.set(s.at("2026-11-30T21:59:59Z"))
	if sale := s.sell(order(a, 20000, "november-1")).Sale; sale.Units != 78_600 || sale.Month != "2026-11" {
		t.Errorf("in November 200.00 bought %d Wh in %s, want 78600 (V4)", sale.Units, sale.Month)
	}
	s.clock.set(s.at("2026-11-30T22:00:00Z"))
	if sale := s.sell(order(b, 20000, "december-1")).Sale; sale.Units != 121_100 || sale.Month != "2026-12" {
		t.Errorf("in December 200.00 bought %d Wh in %s, want 121100 (V3)", sale.Units, sale.Month)
	}
}

// TestARequestThatWaitsOverTheMonthsEndIsPricedAnew checks that a request which comes in November and is served in December has the prices
// of December.
func TestARequestThatWaitsOverTheMonthsEndIsPricedAnew(t *testing.T) {
	s := open(t, true)
	meter := s.meter(1, place{tariff: s.publish("ibt", ibt(), long())})
	s.buyUntil(meter, 340*unit.KilowattHour)
	s.clock.set(s.at("2026-11-30T23:59:59Z"))
	s.door.before = func(int) error { s.clock.set(s.at("2026-12-01T00:00:01Z")); return nil }
	sale := s.sell(order(meter, 20000, "waited-0001")).Sale
	if sale.Month != "2026-12" || sale.Units != 121_100 || sale.PricedAt.Month() != time.December {
		t.Errorf("sold %d Wh in %s at %s, want 121100 in 2026-12", sale.Units, sale.Month, sale.PricedAt)
	}
	s.door.before = nil
}

// TestTheMonthBelongsToTheAccount checks that another meter of the account continues in the block where the first meter stopped.
func TestTheMonthBelongsToTheAccount(t *testing.T) {
	s := open(t, true)
	tariff := s.publish("ibt", ibt(), long())
	first := s.meter(1, place{tariff: tariff})
	second := s.meter(2, place{tariff: tariff, meter: func(m *registry.Meter) { m.Account = s.account(first) }})
	s.sell(order(first, 20000, "account-01"))
	sale := s.sell(order(second, 20000, "account-02")).Sale
	if sale.MonthBefore != 121_100 || sale.CarryIn != 18 {
		t.Errorf("the second meter began at %d Wh with %d carried, want 121100 and 18", sale.MonthBefore, sale.CarryIn)
	}
	s.audit()
}

func TestAnOpenSaleHoldsUpItsWholeAccount(t *testing.T) {
	s := open(t, false)
	tariff := s.publish("ibt", ibt(), long())
	first := s.meter(1, place{tariff: tariff})
	second := s.meter(2, place{tariff: tariff, meter: func(m *registry.Meter) { m.Account = s.account(first) }})
	s.issuer.say = func(int, vending.IssueRequest) (vending.Answer, error) { return vending.Answer{}, errPower }
	s.refused(order(first, 20000, "account-01"), refusal.IssuerUnknown)
	s.refused(order(second, 20000, "account-02"), refusal.VendInProgress)
}

// TestFixedChargesFallDue follows an account from its opening in the middle of a month. Its first charge is for the days of that month, and
// later charges fall due on the 1st of a month. The sale finds a charge whether or not the job has run.
func TestFixedChargesFallDue(t *testing.T) {
	s := open(t, true)
	s.zone("Africa/Johannesburg")
	v := s.publish("standing", standing(flat(), tariff.PerMonth), long())
	s.clock.set(s.at("2026-11-20T08:00:00Z"))
	meter := s.meter(1, place{tariff: v})
	account := s.account(meter)
	accrue := func(want int) {
		t.Helper()
		if n, err := s.Accrue(context.Background(), system()); err != nil || n != want {
			t.Errorf("charged %d accounts (%v), want %d", n, err, want)
		}
	}
	accrue(1)
	if got, want := s.owes(account), "standing 2026-11 0/4133"; got != want { // 11 of 30 days: 11270 − floor(11270·19/30)
		t.Errorf("in its first month the account owes %s, want %s", got, want)
	}
	accrue(0) // the job charges each day only once
	s.clock.set(s.at("2026-11-30T21:59:59Z"))
	accrue(0)
	s.clock.set(s.at("2026-11-30T22:00:00Z")) // local midnight
	q := s.quote(meter, 50000)
	if got, want := lines(q.Lines), "fixed standing 2026-11 3594 left 0, fixed standing 2026-12 9800 left 0, "; !strings.HasPrefix(got, want) {
		t.Errorf("before the job a quote says %s, want %s", got, want)
	}
	sale := s.sell(order(meter, 5000, "months-0001")).Sale // the ceiling is 35.00: the oldest month first
	if got, want := lines(sale.Lines), "fixed standing 2026-11 3043 left 633, energy 1300, vat 652, carry 5"; got != want {
		t.Errorf("sold %s, want %s", got, want)
	}
	accrue(0)
	if got, want := s.owes(account), "standing 2026-11 3500/4133, standing 2026-12 0/11270"; got != want {
		t.Errorf("owes %s, want %s", got, want)
	}
	s.crash() // the server was off for three months
	s.clock.set(s.at("2027-03-05T08:00:00Z"))
	accrue(1)
	if got, want := s.owes(account), "standing 2026-11 3500/4133, standing 2026-12 0/11270, standing 2027-01 0/11270, "+
		"standing 2027-02 0/11270, standing 2027-03 0/11270"; got != want {
		t.Errorf("after the rest owes %s, want %s", got, want)
	}
	s.audit()
}

// TestAVersionWithoutChargesTakesNoneFromTheMonthItBeganIn checks which charges an account has for a month. They come from the tariff
// version in force when the month began, or when the account was opened in that month. This is true even if the current version has no
// charges and the job has not run since.
func TestAVersionWithoutChargesTakesNoneFromTheMonthItBeganIn(t *testing.T) {
	for name, opened := range map[string]string{"an old account": "2026-10-01T00:00:00Z", "opened in the month": "2026-11-11T08:00:00Z"} {
		s := open(t, true)
		v := s.publish("standing", standing(flat(), tariff.PerMonth), long())
		s.clock.set(s.at(opened))
		meter := s.meter(1, place{tariff: v})
		if name == "an old account" { // the job ran in October
			if n, err := s.Accrue(context.Background(), system()); err != nil || n != 1 {
				t.Fatalf("charged %d accounts (%v), want 1", n, err)
			}
		}
		s.republish(v, 2, flat(), s.at("2026-11-20T00:00:00Z"))
		s.clock.set(s.at("2026-11-20T08:00:00Z"))
		want := "fixed standing 2026-10 9800 left 0, fixed standing 2026-11 9800 left 0, "
		if name == "opened in the month" { // 20 of 30 days: 11270 − floor(11270·10/30)
			want = "fixed standing 2026-11 6534 left 0, "
		}
		if got := lines(s.quote(meter, 50000).Lines); !strings.HasPrefix(got, want) {
			t.Errorf("%s: a quote says %s, want %s", name, got, want)
		}
		if got := lines(s.sell(order(meter, 50000, "version-0001")).Sale.Lines); !strings.HasPrefix(got, want) {
			t.Errorf("%s: sold %s, want %s", name, got, want)
		}
		s.clock.set(s.at("2026-12-01T08:00:00Z"))
		if got := lines(s.quote(meter, 50000).Lines); strings.Contains(got, "fixed") {
			t.Errorf("%s: December, which began without charges, quotes %s", name, got)
		}
		s.audit()
	}
}

// TestChargesByTheDaySumToTheMonth checks that a month's charge is the same in the end, on whichever days the job runs.
func TestChargesByTheDaySumToTheMonth(t *testing.T) {
	for name, daily := range map[string]bool{"a daily charge": false, "a monthly charge, day by day": true} {
		s := open(t, true)
		s.policy(registry.ChargePolicy{Daily: daily})
		per, whole := tariff.PerDay, "standing 2026-11 0/10350" // 30 days of 3.00 and tax
		if daily {
			per, whole = tariff.PerMonth, "standing 2026-11 0/11270"
		}
		s.clock.set(s.at("2026-11-01T00:00:00Z"))
		account := s.account(s.meter(1, place{tariff: s.publish("daily", standing(flat(), per), long())}))
		for _, day := range []string{"2026-11-01", "2026-11-02", "2026-11-07", "2026-11-29", "2026-12-01"} {
			s.clock.set(s.at(day + "T12:00:00Z"))
			if _, err := s.Accrue(context.Background(), system()); err != nil {
				t.Fatal(err)
			}
		}
		if got := s.owes(account); !strings.HasPrefix(got, whole+", standing 2026-12 0/") {
			t.Errorf("%s: owes %s, want %s and the first day of December", name, got, whole)
		}
	}
}

// TestNobodyIsBilledForMoreThanTwoYears checks the limit on charging for the past.
func TestNobodyIsBilledForMoreThanTwoYears(t *testing.T) {
	s := open(t, true)
	v := s.publish("standing", standing(flat(), tariff.PerMonth), long())
	s.clock.set(s.at("2026-11-20T08:00:00Z"))
	account := s.account(s.meter(1, place{tariff: v}))
	s.clock.set(s.at("2031-05-02T08:00:00Z"))
	if _, err := s.Accrue(context.Background(), system()); err != nil {
		t.Fatal(err)
	}
	got := strings.Split(s.owes(account), ", ")
	if len(got) != debt.MaxCatchUp || !strings.HasPrefix(got[0], "standing 2029-06 ") {
		t.Errorf("%d months are due from %s on, want %d from 2029-06", len(got), got[0], debt.MaxCatchUp)
	}
}

// TestTheJobMayBeCutOffAnywhere checks that after an interruption the job does not charge an account a second time.
func TestTheJobMayBeCutOffAnywhere(t *testing.T) {
	s := open(t, true)
	v := s.publish("standing", standing(flat(), tariff.PerMonth), long())
	s.clock.set(s.at("2026-11-01T08:00:00Z"))
	for i := range 120 { // more than two transactions' worth
		s.meter(i, place{tariff: v})
	}
	n := 0
	s.door.before = func(int) error {
		if n++; n == 3 {
			return errPower
		}
		return nil
	}
	first, err := s.Accrue(context.Background(), system())
	if !errors.Is(err, errPower) || first == 0 || first == 120 {
		t.Errorf("cut off after %d accounts with %v", first, err)
	}
	s.door.before = nil
	second, err := s.Accrue(context.Background(), system())
	if err != nil || first+second != 120 {
		t.Errorf("charged %d and then %d accounts (%v), want 120 together", first, second, err)
	}
	if rows := s.number(`SELECT COUNT(*) FROM charge_due WHERE amount_gross = 11270`); rows != 120 {
		t.Errorf("%d charges are due, want 120 of 112.70", rows)
	}
}

// TestMoneyForChargesAlone checks a payment that covers only charges. It is refused unless the tenant allows such payments. If it is
// allowed, there is a receipt and no token.
func TestMoneyForChargesAlone(t *testing.T) {
	s := open(t, true)
	body := standing(flat(), tariff.PerMonth)
	body.MaxDeduction = money.Whole
	s.clock.set(s.at("2026-11-01T00:00:00Z"))
	meter := s.meter(1, place{tariff: s.publish("standing", body, long())})
	s.refused(order(meter, 5000, "charges-01"), refusal.VendTooSmall)
	s.policy(registry.ChargePolicy{ChargesOnly: true})
	sale := s.sell(order(meter, 5000, "charges-02")).Sale
	if got, want := lines(sale.Lines), "fixed standing 2026-11 4348 left 6270, energy 0, vat 652, carry 0"; got != want || len(sale.Tokens) != 0 || sale.ReceiptNo == "" {
		t.Errorf("sold %s with %d tokens on receipt %q, want %s without any", got, len(sale.Tokens), sale.ReceiptNo, want)
	}
	s.audit()
}

// TestADebtTakesWhatItsTermsSay checks each limit of a debt: minimum, maximum, monthly maximum, the remainder, and the tenant's ceiling.
func TestADebtTakesWhatItsTermsSay(t *testing.T) {
	for _, c := range []struct {
		name   string
		debt   debt.Debt
		policy registry.ChargePolicy
		tender []money.Minor
		want   string
	}{
		{"at least", debt.Debt{Mode: tariff.Percent, Value: 1000, Min: 2500, Outstanding: 90000}, registry.ChargePolicy{}, []money.Minor{10000}, "2500"},
		{"at most of one", debt.Debt{Mode: tariff.Percent, Value: 5000, Max: 1500, Outstanding: 90000}, registry.ChargePolicy{}, []money.Minor{10000}, "1500"},
		{"at most in a month", debt.Debt{Mode: tariff.Amount, Value: 2000, MonthCap: 3000, Outstanding: 90000}, registry.ChargePolicy{},
			[]money.Minor{10000, 10000, 10000}, "2000 1000 0"},
		{"what is left", debt.Debt{Mode: tariff.Full, Outstanding: 2500}, registry.ChargePolicy{}, []money.Minor{10000, 10000}, "2500 0"},
		{"70 %", debt.Debt{Mode: tariff.Full, Outstanding: 90000, Capped: true}, registry.ChargePolicy{}, []money.Minor{10000}, "7000"},
		{"the tenant's ceiling", debt.Debt{Mode: tariff.Full, Outstanding: 90000, Capped: true}, registry.ChargePolicy{MaxDeduction: 3000}, []money.Minor{10000}, "3000"},
		{"rounded down", debt.Debt{Mode: tariff.Percent, Value: 3333, Outstanding: 90000}, registry.ChargePolicy{}, []money.Minor{10001}, "3333"},
	} {
		s := open(t, true)
		s.policy(c.policy)
		meter := s.meter(1, place{tariff: s.publish("flat", flat(), long())})
		s.debt(s.account(meter), c.debt)
		var took []string
		for i, tender := range c.tender {
			var paid money.Minor
			for _, l := range s.sell(order(meter, tender, fmt.Sprintf("debt-key-%d", i))).Sale.Lines {
				if l.Kind == sale.LineDebt {
					paid += l.Amount
				}
			}
			took = append(took, fmt.Sprint(paid))
		}
		if got := strings.Join(took, " "); got != c.want {
			t.Errorf("%s: took %s, want %s", c.name, got, c.want)
		}
		s.audit()
	}
}

// TestAReversalGivesChargesDebtsAndFreeUnitsBack checks that after a reversal every row and every balance is as before the sale, and that
// the same payment buys the same units again.
func TestAReversalGivesChargesDebtsAndFreeUnitsBack(t *testing.T) {
	s := open(t, true)
	body := standing(ibt(), tariff.PerMonth)
	body.Free = tariff.Free{Units: 50 * unit.KilowattHour, Funded: 1_200_000}
	s.clock.set(s.at("2026-11-01T00:00:00Z"))
	meter := s.meter(1, place{tariff: s.publish("ibt", body, long())})
	account := s.account(meter)
	s.debt(account, percent(2000, 10000))
	if _, err := s.Accrue(context.Background(), system()); err != nil {
		t.Fatal(err)
	}
	before, books := s.owes(account), fmt.Sprint(s.accounts())
	first := s.sell(order(meter, 60000, "reversed-1")).Sale
	if got, want := s.owes(account), "standing 2026-11 11270/11270"; got != want {
		t.Errorf("after the sale the account owes %s, want %s", got, want)
	}
	s.reversed(owner(), first, "wrong meter")
	if got := s.owes(account); got != before {
		t.Errorf("after the reversal the account owes %s, want %s", got, before)
	}
	if got := fmt.Sprint(s.accounts()); got != books {
		t.Errorf("balances %s, want %s", got, books)
	}
	if again := s.sell(order(meter, 60000, "reversed-2")).Sale; lines(again.Lines) != lines(first.Lines) || again.Free != first.Free {
		t.Errorf("sold again %s, want %s", lines(again.Lines), lines(first.Lines))
	}
	claim := open(t, true)
	body.Free.Funded = 0
	other := claim.meter(1, place{tariff: claim.publish("free", body, long())})
	free := claim.sell(order(other, 0, "reversed-3")).Sale
	claim.reversed(owner(), free, "not entitled")
	if again := claim.sell(order(other, 0, "reversed-4")).Sale; again.Free != free.Free {
		t.Errorf("after its reversal the claim gave %d Wh, want %d", again.Free, free.Free)
	}
	claim.verified()
	s.verified()
}

// TestVerifyFindsEditsOfChargesDebtsAndFreeUnits changes one figure at a time behind the server's back.
func TestVerifyFindsEditsOfChargesDebtsAndFreeUnits(t *testing.T) {
	s := open(t, true)
	body := standing(ibt(), tariff.PerMonth)
	body.Free = tariff.Free{Units: 50 * unit.KilowattHour, Funded: 1_200_000}
	s.clock.set(s.at("2026-11-01T00:00:00Z"))
	meter := s.meter(1, place{tariff: s.publish("ibt", body, long())})
	s.debt(s.account(meter), percent(2000, 60000))
	s.sell(order(meter, 60000, "verified-1"))
	s.verified()
	for _, edit := range []string{
		`UPDATE debt SET outstanding = outstanding - 1`, `UPDATE debt SET month_taken = month_taken + 1`, `DELETE FROM debt`,
		`UPDATE charge_due SET paid = paid - 1`, `DELETE FROM charge_due`, `UPDATE usage_month SET fbe_issued = 0`,
		`UPDATE usage_month SET free_wh = 0`, `UPDATE vend SET free_wh = 0`, `UPDATE vend_line SET amount = amount + 1 WHERE kind = 'debt'`,
		`UPDATE vend_line SET ref = 'dbt_other' WHERE kind = 'debt'`, `UPDATE vend_line SET kind = 'fee' WHERE kind = 'fixed'`,
	} {
		found := 0
		undo := errors.New("undo")
		err := s.engine.Run(context.Background(), tenant, store.Job, func(tx *store.Tx) (bool, error) {
			if _, err := tx.C.Exec(edit); err != nil {
				return false, err
			}
			var r store.Report
			err := store.Verify(tx, store.Trust{Keys: s.engine.Keys()}, &r)
			found = len(r.Findings)
			return false, errors.Join(err, undo)
		})
		if !errors.Is(err, undo) {
			t.Fatal(err)
		}
		if found == 0 {
			t.Errorf("verify finds nothing wrong after %s", edit)
		}
	}
	s.verified()
}

// TestASaleOfManyTokensLeavesRoomForTheFreeOne checks that a sale has at most MaxTokens tokens, including the token with free units.
func TestASaleOfManyTokensLeavesRoomForTheFreeOne(t *testing.T) {
	s := open(t, true)
	body := tariff.Body{Currency: "KES", Blocks: []tariff.Block{{Rate: 1_000_000}}, Free: tariff.Free{Units: 50 * unit.KilowattHour}}
	meter := s.meter(1, place{tariff: s.publish("free", body, long())})
	most := money.Minor((vending.MaxTokens - 1) * 163_830) // 1,638.3 kWh at 1.00 on each of the other tokens
	s.refused(order(meter, most+10, "tokens-001"), refusal.VendTooLarge)
	sale := s.sell(order(meter, most, "tokens-002")).Sale
	if len(sale.Tokens) != vending.MaxTokens || sale.Tokens[0].Units != 50*unit.KilowattHour || sale.Tokens[1].Units != unit.MaxToken {
		t.Errorf("sold %d tokens: %+v", len(sale.Tokens), sale.Tokens)
	}
	s.audit()
}
