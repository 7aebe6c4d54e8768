package shoptest_test

import (
	"maps"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/refuse"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/sale"
	"github.com/paywatt/paywatt/internal/vending"
	"github.com/paywatt/paywatt/internal/voucher"
	"github.com/paywatt/paywatt/unit"
)

// withholds lets the issuer make no token now, as it does while the books do not add up.
func (s *shop) withholds() {
	s.issuer.say = func(int, vending.IssueRequest) (vending.Answer, error) {
		return vending.Answer{Outcome: vending.Withheld, Refusal: refuse.BooksUnsound()}, nil
	}
}

// TestWithheldTokensAreRefusedWithTheReason: every action that makes tokens says why none is made now, changes nothing, and can be repeated.
func TestWithheldTokensAreRefusedWithTheReason(t *testing.T) {
	s := open(t, true)
	domestic := s.publish("domestic", flat(), monday())
	old, fresh := s.meter(1, place{tariff: domestic}), s.stocked(2, registry.PrepayToken, domestic)
	s.sell(order(old, 10000, "key-number-1"))
	acts := []struct {
		name string
		try  func() refusal.Refusal
	}{
		{"a sale", func() refusal.Refusal {
			r, _ := s.Sell(t.Context(), owner(), order(old, 10000, "key-number-2"))
			return r.Refusal
		}},
	}
	for _, a := range []vending.Ask{{Kind: sale.FreeIssue, Units: 1000}, {Kind: sale.Replacement, Units: 1000}, {Kind: sale.ClearCredit}, {Kind: sale.ClearTamper},
		{Kind: sale.PowerLimit, PowerW: 1000}, {Kind: sale.KeyChange, Key: &vending.NextKey{KRN: 2}}} {
		a.Meter = old
		acts = append(acts, struct {
			name string
			try  func() refusal.Refusal
		}{string(a.Kind), func() refusal.Refusal {
			got, err := s.GiveTokens(t.Context(), owner(), ask(a, "job "+string(a.Kind)))
			if err != nil {
				t.Errorf("%s: %v, want a refusal", a.Kind, err)
			}
			return got.Refusal
		}})
	}
	acts = append(acts, struct {
		name string
		try  func() refusal.Refusal
	}{"a swap", func() refusal.Refusal {
		got, err := s.tries(vending.Swap{Old: old, New: fresh, Balance: ptr(unit.Energy(1000))}, "swap-1")
		if err != nil {
			t.Errorf("a swap: %v, want a refusal", err)
		}
		return got.Refusal
	}})
	const everything = `SELECT (SELECT COUNT(*) FROM token) + (SELECT COUNT(*) FROM token_job) + (SELECT COUNT(*) FROM meter_swap) + (SELECT COUNT(*) FROM audit)`
	s.withholds()
	before := s.number(everything)
	for _, a := range acts {
		if got := a.try(); got.Code != refusal.StorageUnavailable || got.Text != refuse.BooksUnsound().Text {
			t.Errorf("%s: %q %s, want that the books do not add up", a.name, got.Code, got.Detail())
		}
	}
	if after := s.number(everything); after != before {
		t.Errorf("%d rows were written, want none", after-before)
	}
	s.issuer.say = nil
	for _, a := range acts {
		s.clock.add(time.Minute)
		if got := a.try(); got.Refused() {
			t.Errorf("%s, repeated: %s", a.name, got.Detail())
		}
	}
}

// TestUnsoundBooksSellNothingWithoutATokenEither: a recharge of a wallet, its quote, vouchers and the use of a voucher need no token. They are
// refused like a token while the books do not add up, change nothing, and can be repeated.
func TestUnsoundBooksSellNothingWithoutATokenEither(t *testing.T) {
	s := openVouchers(t, open(t, true), 3)
	m := s.walletMeter(1, s.publish("domestic", flat(), long()))
	s.paidFor(1, 1)
	before := s.accounts()
	acts := []struct {
		name string
		try  func() (refusal.Refusal, error)
	}{
		{"a quote", func() (refusal.Refusal, error) {
			r, err := s.Quote(t.Context(), owner(), m, money.Amount{Minor: 5000, Currency: "KES"})
			return r.Refusal, err
		}},
		{"a recharge", func() (refusal.Refusal, error) {
			r, err := s.Sell(t.Context(), owner(), order(m, 5000, "recharge-1"))
			return r.Refusal, err
		}},
		{"vouchers", func() (refusal.Refusal, error) {
			r, err := s.cards.Sell(t.Context(), owner(), voucher.OnRange{Batch: s.batch.Name(), Range: voucher.Range{From: 2, To: 3}})
			return r.Refusal, err
		}},
		{"the use of a voucher", func() (refusal.Refusal, error) { return s.redeem(1, m).Refusal, nil }},
	}
	s.unsound = true
	for _, a := range acts {
		if got, err := a.try(); err != nil || got.Code != refusal.StorageUnavailable || got.Text != refuse.BooksUnsound().Text {
			t.Errorf("%s: %q %s, %v; want that the books do not add up", a.name, got.Code, got.Detail(), err)
		}
	}
	if got := s.accounts(); !maps.Equal(got, before) {
		t.Errorf("accounts %v, want them as before: %v", got, before)
	}
	s.unsound = false
	for _, a := range acts {
		if got, err := a.try(); err != nil || got.Refused() {
			t.Errorf("%s, repeated: %s, %v", a.name, got.Detail(), err)
		}
	}
}

// TestAWithheldOrderStaysOpen: an order that was stored before its issuer withholds the token is not given up. It gets its token later.
func TestAWithheldOrderStaysOpen(t *testing.T) {
	s := open(t, false)
	m := s.meter(1, place{tariff: s.publish("domestic", flat(), monday())})
	s.withholds()
	s.refused(order(m, 10000, "key-number-1"), refusal.IssuerUnknown)
	s.issuer.say = nil
	if sold := s.sell(order(m, 10000, "key-number-1")); sold.Sale.State != sale.Completed {
		t.Errorf("the sale is %s, want completed", sold.Sale.State)
	}
}
