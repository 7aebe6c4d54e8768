package vending_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/reconcile"
	"github.com/paywatt/paywatt/internal/registry"
)

// bankRow is a credit in a bank's file.
type bankRow struct {
	day              int    // after the first day of the file
	name             string // what follows // in field 61; empty for none
	reference, payer string
	amount           int64 // cents; negative if money left
}

// mt940 writes a bank's statement that covers some days, from an opening balance on.
func mt940(first time.Time, days int, opening int64, rows ...bankRow) []byte {
	var b strings.Builder
	balance := func(tag string, at time.Time, amount int64) {
		fmt.Fprintf(&b, ":%s:C%sKES%d,%02d\r\n", tag, at.Format("060102"), amount/100, amount%100)
	}
	b.WriteString(":20:STMT\r\n:25:0123456789\r\n:28C:1/1\r\n")
	balance("60F", first.AddDate(0, 0, -1), opening)
	for _, r := range rows {
		mark, amount := "C", r.amount
		if amount < 0 {
			mark, amount = "D", -amount
		}
		own := "NONREF"
		if r.name != "" {
			own += "//" + r.name
		}
		fmt.Fprintf(&b, ":61:%s%s%d,%02dNTRF%s\r\n", first.AddDate(0, 0, r.day).Format("060102"), mark, amount/100, amount%100, own)
		fmt.Fprintf(&b, ":86:/ORDP//NAME/%s/REMI/%s\r\n", r.payer, r.reference)
		opening += r.amount
	}
	balance("62F", first.AddDate(0, 0, days-1), opening)
	b.WriteString("-\r\n")
	return []byte(b.String())
}

// day returns the state of a day's reconciliation and how many differences are open.
func (s *payShop) day(st *reconcile.Statements, at time.Time) string {
	s.t.Helper()
	r, err := st.Run(s.t.Context(), owner(), "bank", at.Format(time.DateOnly))
	if err != nil || r.Refused() {
		s.t.Fatal(err, r.Detail())
	}
	return fmt.Sprintf("%s %d", r.State, r.Unsettled)
}

// open lists the kinds of the open differences.
func (s *payShop) openKinds(st *reconcile.Statements) (out []string) {
	s.t.Helper()
	l, err := st.Items(s.t.Context(), owner(), reconcile.Filter{Provider: "bank", Open: true}, registry.Page{})
	if err != nil || l.Refused() {
		s.t.Fatal(err, l.Detail())
	}
	for _, i := range l.Items {
		out = append(out, string(i.Kind))
	}
	return out
}

// A bank that writes NONREF in every row names nothing: three payers are three payments, and nobody's day closes without their money.
func TestABanksNonrefNamesNoPayment(t *testing.T) {
	s := openPaid(t, nil)
	st, meter := s.statements(), s.meter(1, place{tariff: s.publish("domestic", flat(), long())})
	first := s.clock.Now()
	s.clock.add(72 * time.Hour)
	s.upload(st, mt940(first, 2, 100_000, bankRow{0, "NONREF", meter, "AMINA", 50_000}, bankRow{0, "NONREF", meter, "BEN", 70_000}, bankRow{1, "NONREF", meter, "CHEBET", 50_000}))
	if n := s.sales(); n != 3 {
		t.Errorf("%d of 3 payers got a sale", n)
	}
	for day := range 2 {
		if got := s.day(st, first.AddDate(0, 0, day)); got != "closed 0" {
			t.Errorf("day %d is %s: %v", day, got, s.openKinds(st))
		}
	}
	s.verified()
}

// A second export of a day sells nothing again: what cannot be told apart from an earlier row waits for a person.
func TestASecondExportOfADaySellsNothingAgain(t *testing.T) {
	s := openPaid(t, nil)
	st, meter := s.statements(), s.meter(1, place{tariff: s.publish("domestic", flat(), long())})
	first := s.clock.Now()
	s.clock.add(48 * time.Hour)
	s.upload(st, mt940(first, 1, 100_000, bankRow{0, "", meter, "AMINA", 50_000}, bankRow{0, "", meter, "BEN", 70_000}))
	s.upload(st, mt940(first, 1, 100_000, bankRow{0, "", meter, "Amina W.", 50_000}, bankRow{0, "", meter, "Ben K.", 70_000}))
	s.upload(st, mt940(first, 1, 100_000, bankRow{0, "B1", meter, "AMINA", 50_000}, bankRow{0, "B2", meter, "BEN", 70_000}))
	if n := s.sales(); n != 2 {
		t.Errorf("two payments were sold %d times", n)
	}
	if got := s.day(st, first); !strings.HasPrefix(got, "open ") {
		t.Errorf("the day is %s, although nobody decided about the second export", got)
	}
	s.verified()
}
