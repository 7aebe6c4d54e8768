package shoptest_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/sale"
	"github.com/paywatt/paywatt/internal/vending"
	"github.com/paywatt/paywatt/internal/vendor"
)

// receipts returns the receipt numbers of the sales that are wanted, or the code of the refusal.
func (s *shop) receipts(by access.Actor, w vending.SaleRequest) string {
	s.t.Helper()
	l, err := s.Sales(context.Background(), by, w)
	if err != nil {
		s.t.Fatal(err)
	}
	if l.Refused() {
		return string(l.Code)
	}
	var out []string
	for _, v := range l.Sales {
		out = append(out, v.ReceiptNo)
	}
	return strings.Join(out, " ")
}

// TestSalesAreListed: a list is narrowed by each field and by several, and begins with the newest sale.
func TestSalesAreListed(t *testing.T) {
	s := open(t, true)
	s.zone("Africa/Nairobi") // UTC+3: a sale at 21:30 UTC is of the next day
	domestic := s.publish("domestic", flat(), monday())
	one, two := s.meter(1, place{tariff: domestic}), s.meter(2, place{tariff: domestic})
	ann := s.vendor(vendor.NewVendor{Code: "ann"})
	s.payIn(ann, 50_000, "1")
	for i, c := range []struct {
		meter string
		after time.Duration
		by    access.Actor
	}{
		{one, 0, owner()},                             // 20 November, 11:00: main-000001
		{two, time.Hour, clerk(ann)},                  // 20 November, 12:00: ANN-000001
		{one, 12*time.Hour + 30*time.Minute, owner()}, // 21 November, 00:30: main-000002
		{one, 24 * time.Hour, owner()},                // 22 November, 00:30: main-000003
	} {
		s.clock.add(c.after)
		s.sellAs(c.by, order(c.meter, 1000*money.Minor(i+1), fmt.Sprintf("key-number-%d", i)))
	}
	s.clock.add(time.Second)                                    // the ids of sales in one millisecond have no order
	last := s.sellAs(owner(), order(two, 9000, "key-number-9")) // main-000004
	s.reversed(owner(), last.Sale, "mistyped")
	account := last.Sale.Account.Text("acc_")
	for name, c := range map[string]struct {
		wanted vending.SaleRequest
		want   string
	}{
		"all":                     {vending.SaleRequest{}, "main-000004 main-000003 main-000002 ANN-000001 main-000001"},
		"a meter":                 {vending.SaleRequest{Meter: one}, "main-000003 main-000002 main-000001"},
		"an account":              {vending.SaleRequest{Account: account}, "main-000004 ANN-000001"},
		"the account of a meter":  {vending.SaleRequest{Account: two}, "main-000004 ANN-000001"},
		"a receipt":               {vending.SaleRequest{Receipt: "main-000002"}, "main-000002"},
		"a vendor":                {vending.SaleRequest{Seller: "Ann"}, "ANN-000001"},
		"a till":                  {vending.SaleRequest{Till: "main", Meter: one}, "main-000003 main-000002 main-000001"},
		"a state":                 {vending.SaleRequest{State: "reversed"}, "main-000004"},
		"from a local day":        {vending.SaleRequest{From: "2026-11-21"}, "main-000004 main-000003 main-000002"},
		"until a local day":       {vending.SaleRequest{To: "2026-11-20"}, "ANN-000001 main-000001"},
		"one local day":           {vending.SaleRequest{From: "2026-11-21", To: "2026-11-21"}, "main-000002"},
		"from a time":             {vending.SaleRequest{From: "2026-11-20T09:00:00Z", To: "2026-11-20T21:30:00Z"}, "ANN-000001"},
		"nothing":                 {vending.SaleRequest{From: "2026-12-01"}, ""},
		"a state that is none":    {vending.SaleRequest{State: "sold"}, string(refusal.InvalidRequest)},
		"a day that is none":      {vending.SaleRequest{From: "yesterday"}, string(refusal.InvalidRequest)},
		"a last day that is none": {vending.SaleRequest{To: "2026-13-01"}, string(refusal.InvalidRequest)},
		"an unknown meter":        {vending.SaleRequest{Meter: "04140009996"}, string(refusal.MeterNotFound)},
		"an unknown vendor":       {vending.SaleRequest{Seller: "V999"}, string(refusal.NotFound)},
	} {
		if got := s.receipts(owner(), c.wanted); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
	if got := s.receipts(clerk(ann), vending.SaleRequest{}); got != "ANN-000001" {
		t.Errorf("a vendor's key lists %s", got)
	}
	beth := s.vendor(vendor.NewVendor{Code: "beth"})
	if got := s.receipts(clerk(beth), vending.SaleRequest{Seller: "ann"}); got != string(refusal.NotFound) {
		t.Errorf("another vendor's key lists %s", got)
	}
	if got := s.receipts(access.Actor{Tenant: tenant, Kind: access.APIKey, Name: "x", Role: access.Installer}, vending.SaleRequest{}); got != string(refusal.Forbidden) {
		t.Errorf("an installer's key lists %s", got)
	}
}

// TestSalesComeInPages: pages of two sales hold every sale once, and no page has digits.
func TestSalesComeInPages(t *testing.T) {
	s := open(t, true)
	m := s.meter(1, place{tariff: s.publish("domestic", flat(), monday())})
	var want, got []string
	for i := range 5 {
		s.clock.add(time.Second)
		want = append(want, s.sell(order(m, 1000, fmt.Sprintf("key-number-%d", i))).Sale.ReceiptNo)
	}
	slices.Reverse(want)
	page := registry.Page{Limit: 2}
	for pages := 1; ; pages++ {
		l, err := s.Sales(context.Background(), owner(), vending.SaleRequest{Page: page})
		if err != nil || l.Refused() || len(l.Sales) > 2 || pages > 3 {
			t.Fatalf("page %d: %d sales, %v %s", pages, len(l.Sales), err, l.Detail())
		}
		for _, v := range l.Sales {
			got = append(got, v.ReceiptNo)
			if len(v.Tokens) != 1 || len(v.Lines) == 0 || v.State != sale.Completed {
				t.Errorf("sale %s is listed as %+v", v.ReceiptNo, v)
			}
		}
		if page.Cursor = l.Next; page.Cursor == "" {
			break
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("the pages have %v, want %v", got, want)
	}
	if l, err := s.Sales(context.Background(), owner(), vending.SaleRequest{Page: registry.Page{Cursor: "x"}}); err != nil || !l.Refused() {
		t.Errorf("a wrong cursor: %+v %v", l, err)
	}
}
