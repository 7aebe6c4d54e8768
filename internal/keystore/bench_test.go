package keystore_test

import (
	"fmt"
	"testing"

	"github.com/paywatt/paywatt/internal/keystore"
	"github.com/paywatt/paywatt/internal/vending"
	"github.com/paywatt/paywatt/sts"
)

// BenchmarkIssue measures a token inside a sale: the check of the file, the key, the token and its verification.
func BenchmarkIssue(b *testing.B) {
	s, err := keystore.Open(b.TempDir(), cheap())
	if err != nil {
		b.Fatal(err)
	}
	if err := s.Unlock([]byte(pass)); err != nil {
		b.Fatal(err)
	}
	vk, err := sts.NewVendingKey(make([]byte, 8))
	if err != nil {
		b.Fatal(err)
	}
	if _, err := s.Add(fact02(), vk); err != nil {
		b.Fatal(err)
	}
	var orders []vending.IssueRequest
	for i := range 10_000 {
		body := fmt.Sprintf("%010d", i)
		check, err := sts.Luhn(body)
		if err != nil {
			b.Fatal(err)
		}
		pan, err := sts.ParseNumber(body + string(check))
		if err != nil {
			b.Fatal(err)
		}
		orders = append(orders, vending.IssueRequest{KEN: 255, Attributes: sts.Attributes{SGC: "123456", KRN: 1, KT: sts.DUTK, TI: "01",
			EA: sts.EA07, DKGA: sts.DKGA02, BaseDate: sts.Base2014, PAN: pan}})
	}
	for name, n := range map[string]int{"one meter": 1, "10000 meters": len(orders)} {
		b.Run(name, func(b *testing.B) {
			for i := 0; b.Loop(); i++ {
				if a, err := s.Issuer().Issue(b.Context(), orders[i%n]); err != nil || a.Outcome != vending.Made {
					b.Fatal(err, a.Detail())
				}
			}
		})
	}
}
