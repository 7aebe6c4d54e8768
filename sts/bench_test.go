package sts_test

import (
	"testing"
	"time"

	"github.com/paywatt/paywatt/sts"
)

// The benchmarks work on one meter. The key is known, except where its derivation is measured.

func benchmarkEncode(b *testing.B, k sts.Key) {
	c := sts.Credit{RND: 5, TID: 5_871_715, Amount: 1}
	b.ReportAllocs()
	for b.Loop() {
		c.TID++
		if _, err := sts.EncodeCredit(k, c); err != nil {
			b.Fatal(err)
		}
	}
}

func benchmarkDecode(b *testing.B, k sts.Key) {
	t, err := sts.EncodeCredit(k, sts.Credit{RND: 5, TID: 5_871_715, Amount: 1})
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if o := sts.Open(k, t); o.Result != sts.Accept {
			b.Fatalf("opens with %s", o.Result)
		}
	}
}

func BenchmarkEncodeEA07(b *testing.B) { benchmarkEncode(b, key(b, sts.EA07, "e653341f9d5bf36f")) }

func BenchmarkDecodeEA07(b *testing.B) { benchmarkDecode(b, key(b, sts.EA07, "e653341f9d5bf36f")) }

func BenchmarkEncodeEA11(b *testing.B) {
	benchmarkEncode(b, key(b, sts.EA11, "929bd3a415c9420a05ec5ee9f3ce91c3"))
}

func BenchmarkDecodeEA11(b *testing.B) {
	benchmarkDecode(b, key(b, sts.EA11, "929bd3a415c9420a05ec5ee9f3ce91c3"))
}

func benchmarkKey(b *testing.B, vending string, d sts.DKGA) {
	vk := vendingKey(b, vending)
	a := sts.Attributes{SGC: "201457", KRN: 1, KT: sts.DUTK, TI: "01", EA: sts.EA07, DKGA: d, BaseDate: sts.Base2014,
		PAN: number(b, "12345678903")}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := sts.DeriveKey(vk, a); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkKeyDKGA02(b *testing.B) { benchmarkKey(b, "abababababababab", sts.DKGA02) }

func BenchmarkKeyDKGA04(b *testing.B) {
	benchmarkKey(b, "abababababababab949494949494949401234567", sts.DKGA04)
}

// BenchmarkSale measures a whole sale: derive the key, take the TID, encode the amount, make the token, print the
// digits.
func BenchmarkSale(b *testing.B) {
	vk := vendingKey(b, "abababababababab949494949494949401234567")
	a := sts.Attributes{SGC: "201457", KRN: 1, KT: sts.DUTK, TI: "01", EA: sts.EA07, DKGA: sts.DKGA04,
		BaseDate: sts.Base2014, PAN: number(b, "12345678903")}
	now := time.Date(2026, 11, 20, 8, 0, 0, 0, time.UTC)
	var last sts.TID
	digits := make([]byte, 0, sts.TokenDigits)
	b.ReportAllocs()
	for b.Loop() {
		k, err := sts.DeriveKey(vk, a)
		if err != nil {
			b.Fatal(err)
		}
		tid, err := sts.Base2014.Next(last, now)
		if err != nil {
			b.Fatal(err)
		}
		amount, err := sts.EncodeTenths(347)
		if err != nil {
			b.Fatal(err)
		}
		t, err := sts.EncodeCredit(k, sts.Credit{RND: 5, TID: tid, Amount: amount})
		if err != nil {
			b.Fatal(err)
		}
		digits = t.AppendReveal(digits[:0])
	}
}
