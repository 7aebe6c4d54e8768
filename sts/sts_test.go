package sts_test

import (
	"encoding/hex"
	"testing"

	"github.com/paywatt/paywatt/sts"
)

// key returns the decoder key of these hex digits.
func key(t testing.TB, ea sts.EA, digits string) sts.Key {
	t.Helper()
	k, err := sts.NewKey(ea, unhex(t, digits))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// vendingKey returns the vending key of these hex digits.
func vendingKey(t testing.TB, digits string) sts.VendingKey {
	t.Helper()
	k, err := sts.NewVendingKey(unhex(t, digits))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// number returns the PAN of this meter number.
func number(t testing.TB, drn string) sts.PAN {
	t.Helper()
	p, err := sts.ParseNumber(drn)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func unhex(t testing.TB, digits string) []byte {
	t.Helper()
	b, err := hex.DecodeString(digits)
	if err != nil {
		t.Fatalf("%q: %v", digits, err)
	}
	return b
}
