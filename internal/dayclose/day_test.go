package dayclose_test

import (
	"slices"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/dayclose"
	"github.com/paywatt/paywatt/internal/ledger"
)

func zone(t *testing.T, name string) *time.Location {
	t.Helper()
	z, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return z
}

// TestDaysFollowWithoutAGap checks days of 23 and 25 hours, days that do not begin at midnight, and a utility that moves to another zone.
func TestDaysFollowWithoutAGap(t *testing.T) {
	for name, c := range map[string]struct {
		zone, first string
		want        []string // date and length
		moved       string   // the zone from the second day on
	}{
		"a plain day":                {"Africa/Nairobi", "2026-11-20", []string{"2026-11-20 24h0m0s", "2026-11-21 24h0m0s"}, ""},
		"clocks put forward":         {"Europe/Berlin", "2026-03-28", []string{"2026-03-28 24h0m0s", "2026-03-29 23h0m0s", "2026-03-30 24h0m0s"}, ""},
		"clocks put back":            {"Europe/Berlin", "2026-10-24", []string{"2026-10-24 24h0m0s", "2026-10-25 25h0m0s", "2026-10-26 24h0m0s"}, ""},
		"a day without midnight":     {"America/Santiago", "2026-09-05", []string{"2026-09-05 24h0m0s", "2026-09-06 23h0m0s", "2026-09-07 24h0m0s"}, ""},
		"to a zone in the west":      {"Africa/Nairobi", "2026-11-20", []string{"2026-11-20 24h0m0s", "2026-11-21 27h0m0s", "2026-11-22 24h0m0s"}, "UTC"},
		"to a zone in the east":      {"UTC", "2026-11-20", []string{"2026-11-20 24h0m0s", "2026-11-21 21h0m0s", "2026-11-22 24h0m0s"}, "Africa/Nairobi"},
		"over the date line":         {"Etc/GMT+12", "2026-11-20", []string{"2026-11-20 24h0m0s", "2026-11-22 22h0m0s", "2026-11-23 24h0m0s"}, "Pacific/Kiritimati"},
		"back over the date line":    {"Pacific/Kiritimati", "2026-11-20", []string{"2026-11-20 24h0m0s", "2026-11-21 50h0m0s", "2026-11-22 24h0m0s"}, "Etc/GMT+12"},
		"a day that never was there": {"Pacific/Apia", "2011-12-28", []string{"2011-12-28 24h0m0s", "2011-12-29 24h0m0s", "2011-12-31 24h0m0s"}, ""},
	} {
		z := zone(t, c.zone)
		noon, err := time.ParseInLocation("2006-01-02 15", c.first+" 12", z)
		if err != nil {
			t.Fatal(err)
		}
		p := dayclose.First(noon)
		got := []string{p.Date + " " + p.To.Sub(p.From).String()}
		if c.moved != "" {
			z = zone(t, c.moved)
		}
		for len(got) < len(c.want) {
			next := dayclose.Next(p, z)
			if !next.From.Equal(p.To) || !next.To.After(next.From) || next.Date <= p.Date {
				t.Errorf("%s: after %+v comes %+v", name, p, next)
			}
			p = next
			got = append(got, p.Date+" "+p.To.Sub(p.From).String())
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: days %q, want %q", name, got, c.want)
		}
	}
}

// TestFiguresOfADay adds up sales, a reversal with its commission, and a count.
func TestFiguresOfADay(t *testing.T) {
	till, float := ledger.AccountRef{Code: ledger.Till, Subject: "shf_1"}, ledger.AccountRef{Code: ledger.Float, Subject: "ven_1"}
	wallet := func(n string) ledger.AccountRef { return ledger.AccountRef{Code: ledger.Wallet, Subject: n} }
	energy, commission := ledger.AccountRef{Code: ledger.RevenueEnergy}, ledger.AccountRef{Code: ledger.ExpenseCommission}
	before := []dayclose.Line{{Code: ledger.Float, Subject: "ven_1", Closing: -500}, {Code: ledger.Bank, Subject: "main", Closing: 500}}
	kinds := []dayclose.Kind{{Kind: ledger.Vend, Journals: 3, Debits: 60}, {Kind: ledger.VoucherSold, Journals: 1, Debits: 7}, {Kind: ledger.Commission, Journals: 1, Debits: 3}, {Kind: ledger.Reversal, Journals: 2, Debits: 23}, {Kind: ledger.Usage, Journals: 2, Debits: 9}}
	f := dayclose.Sum(before, kinds, []dayclose.Side{
		{till, ledger.Vend, 2, 40}, {till, ledger.VoucherSold, 1, 7}, {ledger.AccountRef{Code: ledger.Voucher, Subject: "vbt_1"}, ledger.VoucherSold, 1, -7}, {float, ledger.Vend, 1, 20}, {energy, ledger.Vend, 3, -60}, {commission, ledger.Commission, 1, 3}, {float, ledger.Commission, 1, -3},
		{float, ledger.Reversal, 1, -20}, {energy, ledger.Reversal, 1, 20}, {float, ledger.Reversal, 1, 3}, {commission, ledger.Reversal, 1, -3},
		{wallet("a"), ledger.Usage, 1, 4}, {wallet("b"), ledger.Usage, 1, 5}, {energy, ledger.Usage, 2, -9}})
	if !f.Balanced() || f.Journals != 9 || f.Debits != 102 {
		t.Errorf("the figures do not balance: %+v", f)
	}
	wantLines := []dayclose.Line{{Code: ledger.Till, Subject: "shf_1", Debit: 47, Closing: 47}, {Code: ledger.Bank, Subject: "main", Opening: 500, Closing: 500},
		{Code: ledger.Wallet, Debit: 9, Closing: 9}, {Code: ledger.Float, Subject: "ven_1", Opening: -500, Debit: 23, Credit: 23, Closing: -500},
		{Code: ledger.Voucher, Credit: 7, Closing: -7}, {Code: ledger.RevenueEnergy, Debit: 20, Credit: 69, Closing: -49}, {Code: ledger.ExpenseCommission, Debit: 3, Credit: 3}}
	if !slices.Equal(f.Lines, wantLines) {
		t.Errorf("lines %+v\nwant  %+v", f.Lines, wantLines)
	}
	wantSellers := []dayclose.Seller{{Code: ledger.Till, Subject: "shf_1", Sales: 3, Sold: 47}, {Code: ledger.Float, Subject: "ven_1", Sales: 1, Sold: 20, Reversals: 1, PaidBack: 20}}
	if !slices.Equal(f.Sellers, wantSellers) {
		t.Errorf("sellers %+v, want %+v", f.Sellers, wantSellers)
	}
	if f.Lines[0].Closing++; f.Balanced() {
		t.Error("a line that does not add up passes for balanced")
	}
}
