package registry

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/unit"
)

// TestABoardKeepsOnlyItsFirstMeters adds many meters in every order. What is kept never grows beyond the pages that were asked for, and it is
// what sorting all of them gives.
func TestABoardKeepsOnlyItsFirstMeters(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 9))
	wallets := map[id.ID]money.Minor{}
	meters := make([]Standing, 20_000)
	for i := range meters {
		s := Standing{ID: id.ID{byte(i >> 8), byte(i)}, Account: id.ID{1, byte(i >> 8), byte(i)}, Number: fmt.Sprint(r.IntN(9000)), Name: fmt.Sprint("Name ", r.IntN(3000)),
			Reported: r.IntN(9) > 0, Watts: r.Int64N(500), Credit: unit.Energy(r.Int64N(4000)), AsOf: time.Unix(r.Int64N(9000), 0), Mode: PrepayToken}
		if s.Wallet = r.IntN(2) == 0; s.Wallet {
			s.Mode, wallets[s.Account] = PrepayWallet, money.Minor(r.Int64N(90)-9)
		}
		if r.IntN(20) == 0 {
			s.Name = ""
		}
		meters[i] = s
	}
	for _, o := range Orders() {
		few, all := first{order: o, left: wallets, most: 150}, first{order: o, left: wallets, most: len(meters)}
		for _, s := range meters {
			state := States()[int(s.Watts)%len(States())]
			few.add(s, state)
			all.add(s, state)
			if len(few.rows) > 2*few.most+standingBatch {
				t.Fatalf("by %q %d meters are kept for %d", o, len(few.rows), few.most)
			}
		}
		if got, want := few.sorted(), all.sorted()[:few.most]; !slices.Equal(got, want) || few.all != len(meters) {
			t.Errorf("by %q the first meters are %v, want %v", o, got, want)
		}
		if !slices.IsSortedFunc(all.rows, func(a, b placed) int {
			return cmp.Or(slices.Compare(a.numbers[:], b.numbers[:]), cmp.Compare(a.text, b.text))
		}) {
			t.Errorf("by %q the meters are in no order", o)
		}
	}
}
