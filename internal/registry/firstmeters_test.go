package registry_test

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/tier"
	"github.com/paywatt/paywatt/unit"
)

// TestABoardKeepsOnlyItsFirstMeters adds many meters in every order. What is kept never grows beyond the pages that were asked for, and it is
// what sorting all of them gives.
func TestABoardKeepsOnlyItsFirstMeters(t *testing.T) {
	r := rand.New(rand.NewPCG(tier.Seed(t), 9))
	wallets := map[id.ID]money.Minor{}
	meters := make([]registry.Standing, 20_000)
	for i := range meters {
		s := registry.Standing{ID: id.ID{byte(i >> 8), byte(i)}, Account: id.ID{1, byte(i >> 8), byte(i)}, Number: fmt.Sprint(r.IntN(9000)), Name: fmt.Sprint("Name ", r.IntN(3000)),
			Reported: r.IntN(9) > 0, Watts: r.Int64N(500), Credit: unit.Energy(r.Int64N(4000)), AsOf: time.Unix(r.Int64N(9000), 0), Mode: registry.PrepayToken}
		if s.Wallet = r.IntN(2) == 0; s.Wallet {
			s.Mode, wallets[s.Account] = registry.PrepayWallet, money.Minor(r.Int64N(90)-9)
		}
		if r.IntN(20) == 0 {
			s.Name = ""
		}
		meters[i] = s
	}
	byID := map[id.ID]registry.Standing{}
	for _, s := range meters {
		byID[s.ID] = s
	}
	// plain are the orders that compare one figure.
	plain := map[registry.Order]func(a, b registry.Standing) int{
		registry.ByNumber: func(a, b registry.Standing) int { return cmp.Compare(a.Number, b.Number) },
		registry.ByLoad: func(a, b registry.Standing) int {
			return cmp.Or(reportedFirst(a, b), ifReported(a, cmp.Compare(b.Watts, a.Watts)))
		},
		registry.ByReading: func(a, b registry.Standing) int {
			return cmp.Or(reportedFirst(a, b), ifReported(a, a.AsOf.Compare(b.AsOf)))
		},
	}
	for _, o := range registry.Orders() {
		few, all := registry.FirstMeters{Order: o, Left: wallets, Most: 150}, registry.FirstMeters{Order: o, Left: wallets, Most: len(meters)}
		for _, s := range meters {
			state := registry.States()[int(s.Watts)%len(registry.States())]
			few.Add(s, state)
			all.Add(s, state)
			if few.Held() > 2*few.Most+1000 {
				t.Fatalf("by %q %d meters are kept for %d", o, few.Held(), few.Most)
			}
		}
		if got, want := few.Sorted(), all.Sorted()[:few.Most]; !slices.Equal(got, want) || few.All != len(meters) {
			t.Errorf("by %q the first meters are %v, want %v", o, got, want)
		}
		if compare := plain[o]; compare != nil && !slices.IsSortedFunc(all.Sorted(), func(a, b id.ID) int { return compare(byID[a], byID[b]) }) {
			t.Errorf("by %q the meters are in no order", o)
		}
	}
}

// reportedFirst puts meters that never reported last.
func reportedFirst(a, b registry.Standing) int {
	switch {
	case a.Reported == b.Reported:
		return 0
	case a.Reported:
		return -1
	}
	return 1
}

// ifReported returns a comparison of meters that both reported or both did not: those that did not are equal.
func ifReported(s registry.Standing, compared int) int {
	if s.Reported {
		return compared
	}
	return 0
}
